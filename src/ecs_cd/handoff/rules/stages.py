"""An execution's actions as parts of the job summary: a bar each in the timeline."""

from __future__ import annotations

from ecs_cd.handoff.rules import actions
from ecs_cd.handoff.rules.actions import Action
from ecs_cd.handoff.rules.progress import Snapshot
from ecs_cd.model.verdict import Outcome
from ecs_cd.report.summary import UNDER_WAY, Part

_OUTCOMES = {actions.SUCCEEDED: Outcome.SUCCEEDED, actions.FAILED: Outcome.FAILED, actions.ABANDONED: Outcome.UNKNOWN}


def parts(snapshot: Snapshot, started: float) -> list[Part]:
    """A part per action that has started. ``started`` is when the execution started, by the job's clock."""
    begins = [action.started for action in snapshot.actions if action.started is not None]
    zero = min(begins) if begins else None
    return [_part(action, zero, started) for action in snapshot.actions]


def _part(action: Action, zero: float | None, started: float) -> Part:
    known = zero is not None and action.started is not None
    begin = started + _seconds(zero, action.started) if known else started
    state: Outcome | str = _OUTCOMES.get(action.status, UNDER_WAY)
    return Part(
        action.path,
        state,
        begin=begin,
        elapsed=_seconds(action.started, action.updated),
        phase=action.name,
        facts={"id": action.external_id},
        links={"page": action.external_url},
    )


def _seconds(begin: float | None, end: float | None) -> float:
    return max(0.0, end - begin) if begin is not None and end is not None else 0.0
