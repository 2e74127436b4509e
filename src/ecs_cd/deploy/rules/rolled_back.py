"""What a rollback is worth: how many tasks run of how many."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ecs_cd.deploy.rules import standing
from ecs_cd.deploy.rules.own_deployment import OwnDeployment
from ecs_cd.model import pace
from ecs_cd.model.duration import words
from ecs_cd.model.verdict import Outcome, Verdict


def judge(own: OwnDeployment, reported: Verdict, service: Mapping[str, Any] | None, *, late: bool) -> Verdict | None:
    """The verdict on a reported rollback, with its counts; ``None`` while none of the tasks runs: look again.

    ``service`` is the DescribeServices answer, if there is one. ``late``: time enough for a task to start has passed.
    """
    if service is None:
        return None
    running, desired = standing.counts(service, own.previous_task_definition)
    if running or not desired:
        return replace(reported, message=f"{reported.message}; {running} of {desired} running")
    now = standing.current(service)
    if now.get("taskDefinition") not in (None, own.task_definition, own.previous_task_definition):
        return replace(reported, message=f"{reported.message}; then {standing.words(now)} replaced it")
    if not late:
        return None
    time = words(pace.ROLLBACK_RUNS)
    return Verdict(Outcome.ROLLBACK_FAILED, f"0 of {desired} running {time} after the rollback: {reported.message}")
