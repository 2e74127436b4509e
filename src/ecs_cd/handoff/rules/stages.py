"""An execution's actions as parts of the job summary: a bar each in the timeline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ecs_cd.handoff.rules import actions
from ecs_cd.handoff.rules.actions import Action
from ecs_cd.handoff.rules.progress import Snapshot
from ecs_cd.model.verdict import Outcome
from ecs_cd.report.summary import UNDER_WAY, Part

_OUTCOMES = {actions.SUCCEEDED: Outcome.SUCCEEDED, actions.FAILED: Outcome.FAILED, actions.ABANDONED: Outcome.UNKNOWN}


def parts(
    snapshot: Snapshot, started: float, facts: Mapping[str, Mapping[str, str]], logs: Mapping[str, str], *, green: bool
) -> list[Part]:
    """A part per action that has started, with the ``facts`` and the page of the log of its build.

    ``started`` is when the execution started, by the job's clock. In a ``green`` result no action is bad: CodePipeline
    has skipped the stage, or it comes after the awaited one.
    """
    begins = [action.started for action in snapshot.actions if action.started is not None]
    zero = min(begins, default=0.0)
    found = [_part(action, started - zero, facts, logs) for action in snapshot.actions]
    return [replace(part, state=Outcome.SKIPPED) if green and part.bad else part for part in found]


def _part(action: Action, offset: float, facts: Mapping[str, Mapping[str, str]], logs: Mapping[str, str]) -> Part:
    """``offset`` leads from AWS's clock to the job's."""
    state: Outcome | str = _OUTCOMES.get(action.status, UNDER_WAY)
    began = action.started if action.started is not None else -offset
    return Part(
        action.path,
        state,
        begin=began + offset,
        elapsed=max(0.0, (action.updated or began) - began),
        phase=action.name,
        facts={"id": action.external_id, **facts.get(action.external_id, {})},
        links={"page": action.external_url, "log": logs.get(action.external_id, "")},
    )
