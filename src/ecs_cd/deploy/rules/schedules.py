"""What EventBridge starts: which targets run a task of a family, and what they look like with another revision."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ecs_cd.model.errors import Refused
from ecs_cd.model.references import family, short

Target = Mapping[str, Any]  # of a rule or of a schedule: for ECS both have EcsParameters.TaskDefinitionArn
Shape = Any  # botocore.model.Shape


@dataclass(frozen=True)
class Retargeted:
    """``targets`` are those to write, with their new revision, and ``replaced`` what they run until then; ``words``
    describe what happens to all of them."""

    targets: list[dict[str, Any]]
    words: str
    replaced: frozenset[str] = frozenset()


def task_definitions(targets: Iterable[Target]) -> list[str]:
    """What the ECS targets among these run, in order: ARNs with or without a revision."""
    return [str(target["EcsParameters"]["TaskDefinitionArn"]) for target in targets if "EcsParameters" in target]


def of_family(targets: Iterable[Target], name: str, *, where: str) -> list[Target]:
    """The targets that run a task of this family. Raises ``Refused`` if none does."""
    targets = list(targets)
    found = [target for target in targets if name in map(family, task_definitions([target]))]
    if not found:
        others = ", ".join(dict.fromkeys(map(family, task_definitions(targets))))
        has = f"it has {others}" if others else "it has no ECS target at all"
        raise Refused(
            f"{where} has no ECS target with a task definition of the family {name}; {has}",
            "Add the target in the infra repository, or correct the `task-definition` of the scheduled task.",
        )
    return found


def retarget(targets: Iterable[Target], arn: str) -> Retargeted:
    """Targets of one family with the revision ``arn``, and no other change.

    Leaves alone a target that already has it, and a target that names the family without a revision: ECS always runs
    the newest for that.
    """
    behind: list[dict[str, Any]] = []
    words: list[str] = []
    replaced: set[str] = set()
    for target in targets:
        parameters = target["EcsParameters"]
        now = short(str(parameters["TaskDefinitionArn"]))
        if ":" not in now:
            words.append(f"{now} without a revision: ECS runs the newest")
        elif now == short(arn):
            words.append(f"{now} already")
        else:
            behind.append({**target, "EcsParameters": {**parameters, "TaskDefinitionArn": arn}})
            words.append(f"{now} -> {short(arn)}")
            replaced.add(now)
    return Retargeted(behind, "; ".join(dict.fromkeys(words)), frozenset(replaced))


def update_schedule(described: Mapping[str, Any], target: Mapping[str, Any], takes: Shape) -> dict[str, Any]:
    """The UpdateSchedule request: the schedule as GetSchedule returns it, with another target.

    UpdateSchedule resets what a request omits, so the request has everything that ``takes``, its input shape, knows.
    """
    return {**{name: value for name, value in described.items() if name in takes.members}, "Target": target}


def without_past_start(request: Mapping[str, Any]) -> dict[str, Any]:
    """The request without its StartDate, which Scheduler rejects once it is five minutes past, even if unchanged.

    A past StartDate no longer affects a cron() or at() expression. The intervals of a rate() are counted from it:
    without it they would start at other times of the day, so that is ``Refused``.
    """
    if str(request["ScheduleExpression"]).startswith("rate("):
        raise Refused(
            "Scheduler can't change a schedule with a past StartDate, and its rate() expression counts from that date",
            "Give it a cron() expression in the infra repository.",
        )
    return {name: value for name, value in request.items() if name != "StartDate"}
