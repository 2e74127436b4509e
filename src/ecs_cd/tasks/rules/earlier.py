"""Tasks of earlier runs and attempts: whose result counts, and which must end before a new one starts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ecs_cd.diagnosis.stopped_tasks import Task, maybe_ended_by_another, status_words, stopped_from_outside
from ecs_cd.model.verdict import Verdict
from ecs_cd.tasks.rules import origin
from ecs_cd.tasks.rules.origin import NOT_KNOWN, Origin

Judge = Callable[[Task], Verdict | None]


@dataclass(frozen=True)
class Earlier:
    """``done``: its success counts. ``same``: it runs, and does what a new task would do. ``running``: all that run,
    ``same`` among them. ``previous``: whether the attempt before this one has a task among them."""

    done: Task | None = None
    same: Task | None = None
    running: tuple[Task, ...] = ()
    previous: bool = False


def find(tasks: Iterable[Task], own: Origin, judge: Judge, essential: Collection[str] = ()) -> Earlier:
    """What those of the family's tasks that ecs-cd started mean for a new one with the origin ``own``.

    A re-run does not repeat what an earlier attempt of the same run has done. Another run does: it was asked for.
    What one of the other ``essential`` containers may have cut short is not done.
    """
    known = [(task, found) for task in tasks if (found := origin.read(str(task.get("startedBy", "")))) is not None]
    same = [(task, found) for task, found in known if own.same_work(found)]
    ended = [task for task, found in same if own.later_attempt(found) and _succeeded(judge(task))]
    done = [task for task in ended if not maybe_ended_by_another(task, essential)]
    return Earlier(
        done=_newest(done),
        same=_newest([task for task, _ in same if _runs(task, judge) and not stopped_from_outside(task)]),
        running=tuple(task for task, _ in known if _runs(task, judge)),
        previous=any(own.next_attempt_of(found) for _, found in same),
    )


def repeated(tasks: Iterable[Task], request: Mapping[str, Any], judge: Judge) -> Task | None:
    """The running task that an equal RunTask request started. Its startedBy may not be unique."""
    wanted = (request["startedBy"], request["taskDefinition"], _overrides(request))
    running = [task for task in tasks if _runs(task, judge) and not stopped_from_outside(task)]
    return _newest(
        [task for task in running if (task.get("startedBy"), task["taskDefinitionArn"], _overrides(task)) == wanted]
    )


def words(task: Task, own: Origin) -> str:
    """``task 0123 of commit 4567abc is RUNNING``."""
    found = origin.read(str(task.get("startedBy", ""))) or NOT_KNOWN
    status = status_words(task)
    if not found.commit:
        return status
    whose = "this commit" if found.commit == own.commit else f"commit {found.commit[:7]}"
    return status.replace(" is ", f" of {whose} is ", 1)


def _runs(task: Task, judge: Judge) -> bool:
    """Whether it is still working: a sidecar may outlive the work, and a task that is being stopped may still do it."""
    return task.get("lastStatus") != "STOPPED" and judge(task) is None


def _succeeded(verdict: Verdict | None) -> bool:
    return verdict is not None and verdict.outcome.green


def _newest(tasks: Sequence[Task]) -> Task | None:
    return max(tasks, key=lambda task: str(task.get("createdAt", "")), default=None)


def _overrides(request: Mapping[str, Any]) -> dict[str, Any]:
    """What is overridden, by container. ECS also returns containers without any override."""
    containers = request.get("overrides", {}).get("containerOverrides", ())
    return {
        str(name): changes
        for each in containers
        if (changes := {key: value for key, value in each.items() if key != "name" and value})
        and (name := each["name"])
    }
