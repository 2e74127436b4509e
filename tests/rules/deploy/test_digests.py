"""The running tasks run the requested digests."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ecs_cd.deploy.rules import digests
from ecs_cd.deploy.rules.digests import Running, Wanted
from ecs_cd.deploy.rules.own_deployment import OwnDeployment
from ecs_cd.model.lifecycle import Strategy
from ecs_cd.model.verdict import InProgress, Outcome, Verdict

OURS = "arn:aws:ecs:r:1:task-definition/web:2"
ASKED, CHILD, OTHER = ("sha256:" + letter * 64 for letter in "abc")
IMAGE = f"host/app@{ASKED}"
CHILDREN = {IMAGE: frozenset([CHILD])}


def task(digest: str | None, *, definition: str = OURS, name: str = "app") -> dict[str, Any]:
    container = {"name": name, **({"imageDigest": digest} if digest else {})}
    return {"taskArn": "arn:aws:ecs:r:1:task/c/0123", "taskDefinitionArn": definition, "containers": [container]}


@pytest.mark.parametrize(
    ("running", "found"),
    [
        ([task(ASKED)], []),
        ([task(CHILD)], []),
        ([task(ASKED), task(CHILD)], []),
        ([task(None)], []),
        ([task(OTHER, name="sidecar")], []),
        ([task(OTHER)], [f"task 0123: container `app` runs {OTHER}, not {IMAGE}"]),
        ([task(ASKED), task(OTHER)], [f"task 0123: container `app` runs {OTHER}, not {IMAGE}"]),
        ([task(ASKED, definition=OURS[:-1] + "1")], ["task 0123 runs web:1"]),
    ],
)
def test_the_asked_digest_or_a_child_of_its_index_runs(running: list[dict[str, Any]], found: list[str]) -> None:
    """Every running task is of our task definition and runs the digest."""
    assert digests.missing(running, OURS, {"app": IMAGE}, CHILDREN) == found


def test_without_its_index_a_child_proves_nothing() -> None:
    """The manifest has to be asked for first."""
    assert digests.missing([task(CHILD)], OURS, {"app": IMAGE}, {})


@pytest.mark.parametrize(
    ("manifest", "expected"),
    [
        ({"manifests": [{"digest": ASKED, "platform": {}}, {"digest": CHILD}]}, {ASKED, CHILD}),
        ({"layers": [{"digest": ASKED}], "config": {"digest": CHILD}}, set()),
        ({}, set()),
    ],
)
def test_the_children_are_those_of_an_index(manifest: dict[str, Any], expected: set[str]) -> None:
    """The layers of an image are not children."""
    assert digests.children(json.dumps(manifest)) == expected


DONE = Verdict(Outcome.SUCCEEDED, "1 of 1 running")
SUPERSEDED = Verdict(Outcome.SUPERSEDED, "it completed, and then deployment ecs-svc/9 (web:9) replaced it")
WRONG, IDLE = Running(["task b runs web:9"]), Running(["no task is running"], idle=True)
UNCONFIRMED = Running(unconfirmed=True)
NEWER = Running(WRONG.wrong, "deployment ecs-svc/9 (web:9)")
ONE, NONE, SCALED, DYING = Wanted(1, 1, False), Wanted(0, 0, False), Wanted(1, 0, False), Wanted(1, 0, True)


@pytest.mark.parametrize(
    ("running", "state", "wanted", "late", "outcome", "words"),
    [
        (Running(), DONE, ONE, False, Outcome.SUCCEEDED, "1 of 1 running"),
        (Running(draining=2), DONE, ONE, False, Outcome.SUCCEEDED, "1 of 1 running; 2 old tasks still drain"),
        (UNCONFIRMED, DONE, ONE, False, None, ""),
        (UNCONFIRMED, DONE, ONE, True, Outcome.SUCCEEDED, "1 of 1 running"),
        (UNCONFIRMED, SUPERSEDED, ONE, False, Outcome.SUPERSEDED, "replaced it"),
        (WRONG, DONE, ONE, False, None, ""),
        (WRONG, DONE, ONE, True, Outcome.FAILED, "1 min later task b runs web:9"),
        (NEWER, DONE, ONE, False, None, ""),
        (
            NEWER,
            DONE,
            ONE,
            True,
            Outcome.SUPERSEDED,
            "it completed, and then deployment ecs-svc/9 (web:9) started tasks",
        ),
        (WRONG, SUPERSEDED, ONE, False, Outcome.SUPERSEDED, "replaced it"),
        (WRONG, SUPERSEDED, ONE, True, Outcome.SUPERSEDED, "replaced it"),
        (WRONG, InProgress("ECS does not show the deployment yet"), ONE, True, None, ""),
        (IDLE, DONE, ONE, True, Outcome.FAILED, "no task is running"),
        (IDLE, DONE, Wanted(1, None, False), True, Outcome.FAILED, "no task is running"),
        (IDLE, DONE, NONE, False, Outcome.SUCCEEDED, "no task was started, and no digest was verified"),
        (IDLE, DONE, SCALED, False, Outcome.SUPERSEDED, "scaled to 0 during the deployment"),
        (IDLE, DONE, DYING, False, Outcome.FAILED, "scaled to 0 during the deployment while its tasks were dying"),
        (IDLE, SUPERSEDED, DYING, False, Outcome.SUPERSEDED, "replaced it"),
    ],
)
def test_running_tasks_that_contradict_a_success_need_an_explanation(
    running: Running, state: Verdict | InProgress, wanted: Wanted, late: bool, outcome: Outcome | None, words: str
) -> None:
    """A failure only if the service still runs ours by AWS's word; another deployment or no task wanted comes first."""
    verdict = digests.judge(running, DONE, state, wanted, late=late)
    assert (verdict and verdict.outcome) == outcome
    assert words in (verdict.message if verdict else "")


@pytest.mark.parametrize(
    ("started_by", "revision", "found"),
    [
        ("ecs-svc/9", "web:9", "deployment ecs-svc/9 (web:9)"),
        ("ecs-svc/9", "web:2", ""),
        ("ecs-svc/2", "web:9", ""),
        ("ecs-svc/1", "web:1", ""),
        ("ecs-svc/0", "web:0", ""),
        ("me", "web:9", ""),
        ("", "web:9", ""),
    ],
)
def test_a_newer_deployment_is_neither_ours_nor_one_of_before(started_by: str, revision: str, found: str) -> None:
    """Its tasks run another revision, and ECS started them for a deployment that was not there."""
    own = OwnDeployment(Strategy.ROLLING, "ecs-svc/2", OURS, previous_id="ecs-svc/1", started_by="ecs-svc/2")
    tasks = [{"startedBy": started_by, "taskDefinitionArn": OURS[:-5] + revision}]
    assert digests.newer(tasks, own, [{"id": "ecs-svc/1"}, {"id": "ecs-svc/0"}]) == found


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (None, "ecs-cd could not read the running digests for 5 min"),
        (InProgress("ECS does not show the deployment yet"), "ECS does not show the deployment yet"),
    ],
)
def test_what_can_not_be_verified_in_time_is_unknown(state: InProgress | None, words: str) -> None:
    """Neither a success nor a failure."""
    verdict = digests.unverified(state)
    assert verdict.outcome is Outcome.UNKNOWN
    assert words in verdict.message
