"""Which tasks of earlier runs and attempts count."""

from __future__ import annotations

from typing import Any

import pytest

from ecs_cd.diagnosis.stopped_tasks import every_container_verdict, migration_verdict
from ecs_cd.model.verdict import Verdict
from ecs_cd.tasks.rules import earlier, origin
from ecs_cd.tasks.rules.origin import Origin

SHA, OTHER = "c0ffee" + "0" * 34, "beef" + "0" * 36
OWN = Origin(SHA, "run", "2", "work")
FIRST, ANOTHER_RUN = Origin(SHA, "run", "1", "work"), Origin(SHA, "other", "1", "work")
ANOTHER_COMMIT, ANOTHER_WORK = Origin(OTHER, "other", "1", "work"), Origin(SHA, "run", "1", "else")
OUTSIDE = ("UserInitiated", "SpotInterruption", "TerminationNotice", "InfrastructureHealth")


def judge(task: Any) -> Verdict | None:
    return migration_verdict(task, "app")


def task(id: str, whose: Origin | str, status: str = "RUNNING", code: int | None = None, **more: Any) -> dict[str, Any]:
    started_by = whose if isinstance(whose, str) else origin.started_by(whose, id * 16)
    containers = [{"name": "app", **({} if code is None else {"exitCode": code})}, {"name": "proxy"}]
    return {"taskArn": f"c/{id}", "startedBy": started_by, "lastStatus": status, "containers": containers, **more}


def ended(id: str, whose: Origin, code: int | None, **more: Any) -> dict[str, Any]:
    return task(id, whose, "STOPPED", code, **{"stopCode": "EssentialContainerExited", **more})


@pytest.mark.parametrize(
    ("tasks", "done", "same", "running"),
    [
        ([], "", "", ""),
        ([task("a", FIRST)], "", "a", "a"),
        ([task("a", ANOTHER_RUN, "PROVISIONING")], "", "a", "a"),
        ([task("a", ANOTHER_RUN, "PENDING")], "", "a", "a"),
        ([task("a", ANOTHER_COMMIT)], "", "", "a"),
        ([task("a", ANOTHER_WORK)], "", "", "a"),
        ([task("a", "ecs-cd/old")], "", "", "a"),
        ([task("a", "ecs-svc/1"), task("b", "someone"), task("c", "")], "", "", ""),
        ([ended("a", FIRST, 0)], "a", "", ""),
        ([ended("a", FIRST, 1)], "", "", ""),
        ([ended("a", FIRST, 0, stopCode="UserInitiated")], "", "", ""),
        ([ended("a", ANOTHER_RUN, 0)], "", "", ""),
        ([ended("a", OWN, 0)], "", "", ""),
        ([ended("a", ANOTHER_WORK, 0)], "", "", ""),
        ([task("a", FIRST, code=0)], "a", "", ""),
        ([task("a", FIRST, code=1)], "", "", ""),
        ([task("a", FIRST, "STOPPING", desiredStatus="STOPPED", stopCode="EssentialContainerExited")], "", "a", "a"),
        *[([task("a", FIRST, "STOPPING", desiredStatus="STOPPED", stopCode=code)], "", "", "a") for code in OUTSIDE],
        ([task("a", FIRST, createdAt="1"), task("b", ANOTHER_RUN, createdAt="2")], "", "b", "ab"),
        ([task("a", FIRST), task("b", ANOTHER_COMMIT)], "", "a", "ab"),
        ([ended("a", FIRST, 0, createdAt="1"), ended("b", FIRST, 1, createdAt="2")], "a", "", ""),
    ],
)  # fmt: skip
def test_what_the_tasks_of_a_family_mean(tasks: list[dict[str, Any]], done: str, same: str, running: str) -> None:
    """Done is what an earlier attempt of this run has finished; the same is followed; all that run are waited for."""
    found = earlier.find(tasks, OWN, judge)
    names = ["" if each is None else each["taskArn"][2:] for each in (found.done, found.same)]
    assert [*names, "".join(each["taskArn"][2:] for each in found.running)] == [done, same, running]


REQUEST = {
    "startedBy": "GitHub-Actions",
    "taskDefinition": "web:2",
    "overrides": {"containerOverrides": [{"name": "app", "command": ["migrate"]}]},
}
LIKE_IT: dict[str, Any] = {
    "taskDefinitionArn": "web:2",
    "overrides": {"containerOverrides": [{"name": "app", "command": ["migrate"]}, {"name": "proxy", "command": []}]},
}


@pytest.mark.parametrize(
    ("more", "is_it"),
    [
        ({}, True),
        ({"startedBy": "someone"}, False),
        ({"taskDefinitionArn": "web:1"}, False),
        ({"overrides": {"containerOverrides": [{"name": "app"}, {"name": "proxy"}]}}, False),
        ({"overrides": {"containerOverrides": [{"name": "proxy", "command": ["migrate"]}]}}, False),
        ({"lastStatus": "STOPPED"}, False),
        ({"stopCode": "UserInitiated", "desiredStatus": "STOPPED"}, False),
    ],
)
def test_a_task_that_an_equal_request_started(more: dict[str, Any], is_it: bool) -> None:
    """The revision, the overrides and startedBy are the same, and it runs; ECS names every container."""
    found = earlier.repeated([{**task("a", "GitHub-Actions"), **LIKE_IT, **more}], REQUEST, every_container_verdict)
    assert (found is not None) is is_it


@pytest.mark.parametrize(
    ("whose", "words"),
    [
        (FIRST, "task a of this commit is RUNNING"),
        (ANOTHER_COMMIT, "task a of commit beef000 is RUNNING"),
        ("ecs-cd/old", "task a is RUNNING"),
        ("GitHub-Actions", "task a is RUNNING"),
    ],
)
def test_a_task_is_named_with_its_commit(whose: Origin | str, words: str) -> None:
    """If it is known."""
    assert earlier.words(task("a", whose), OWN) == words
