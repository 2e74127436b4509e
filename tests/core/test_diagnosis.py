"""From the evidence to the likely cause."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from ecs_cd.core import diagnosis
from ecs_cd.core.diagnosis import StoppedTask

ECR = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/app@sha256:" + "a" * 64


def stopped(
    why: str = "", *, code: int | None = None, reason: str = "", stop_code: str = "", id: str = "0123", log: str = ""
) -> StoppedTask:
    container: dict[str, Any] = {"name": "app", **({} if code is None else {"exitCode": code})}
    container |= {"reason": reason} if reason else {}
    task = {"taskArn": f"arn:aws:ecs:r:1:task/c/{id}", "lastStatus": "STOPPED", "containers": [container]}
    task |= {key: value for key, value in (("stoppedReason", why), ("stopCode", stop_code)) if value}
    return StoppedTask(task, tuple(log.splitlines()))


# Reasons as ECS words them, and what we make of them.
CAUSES = [
    (f"CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref {ECR}: not found", "the image can't be pulled: it is not there", "pushed to that registry"),
    ("CannotPullContainerError: inspect image has been retried 1 time(s): failed to resolve ref \"docker.io/me/app:1\": pull access denied, repository does not exist or may require authorization", "the image can\'t be pulled: it is not there, or no permission", "repositoryCredentials"),
    ("CannotPullContainerError: Error response from daemon: manifest unknown: manifest unknown", "the image can't be pulled: it is not there", "name and tag"),
    (f"CannotPullContainerError: failed to resolve ref {ECR}: pulling from host failed with status code [manifests 1]: 403 Forbidden", "the image can't be pulled: no permission", "ecr:BatchGetImage"),
    ("CannotPullECRContainerError: AccessDeniedException: User: x is not authorized to perform: ecr:GetAuthorizationToken", "the image can't be pulled: no permission", "execution role"),
    ("CannotPullContainerError: Error response from daemon: Get https://x/v2/app/manifests/1: no basic auth credentials", "the image can't be pulled: no permission", "execution role"),
    ("CannotPullContainerError: context canceled: dial tcp 1.2.3.4:443: i/o timeout", "the image can't be pulled: no route to its registry", "NAT gateway"),
    ("CannotPullContainerError: ref 140312345678.dkr.ecr.x/a@sha256:0401403: i/o timeout", "the image can't be pulled: no route to its registry", "DNS"),
    ("CannotPullContainerError: dial tcp: lookup x.dkr.ecr.y: no such host", "the image can't be pulled: no route to its registry", "DNS"),
    ("CannotPullImageManifestError: request canceled while waiting for connection", "the image can't be pulled: no route to its registry", "DNS"),
    ("CannotPullContainerError: toomanyrequests: You have reached your pull rate limit", "the image can't be pulled: the registry's rate limit", "ECR"),
    ("CannotPullContainerError: write /x: no space left on device", "the image can't be pulled: the disk is full", "ephemeralStorage"),
    ("CannotPullContainerError: image Manifest does not contain descriptor matching platform 'linux/amd64'", "the image can't be pulled", "platform"),
    ("ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: AccessDeniedException", "the task's resources could not be set up", "execution role"),
    ("ResourceInitializationError: failed to validate logger args: ResourceNotFoundException: The specified log group does not exist.", "the task's resources could not be set up", "log group"),
    ("OutOfMemoryError: Container killed due to memory usage", "the container ran out of memory", "Raise `memory`"),
    ("CannotStartContainerError: Error response from daemon: exec: \"/app\": no such file or directory: unknown", "the container can't be started", "entryPoint"),
    ("Task failed container health checks", "the health check failed", "grace period"),
    ("Task failed ELB health checks in (target-group arn:aws:elasticloadbalancing:x)", "the health check failed", "grace period"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "cause", "step"), CAUSES, ids=[row[0][:60] for row in CAUSES])
def test_each_reason_of_ecs_has_its_cause_and_next_step(words: str, cause: str, step: str) -> None:
    """Whether the task says it or the container; the evidence holds ECS's own words."""
    for one in (stopped(words, stop_code="TaskFailedToStart"), stopped("Task stopped", reason=words)):
        finding = diagnosis.task_failed(one)
        assert finding.cause.startswith(cause)
        assert finding.cause.removeprefix(cause) == "" or "(" in finding.cause
        assert step in finding.next_step
        assert words in finding.evidence[0]
    assert "(container `app`)" in finding.cause


@pytest.mark.parametrize(
    ("one", "cause", "step"),
    [
        (stopped("Essential container in task exited", code=3), "container `app` exited with 3", ""),
        (stopped("Essential container in task exited", code=137), "container `app` was killed (exit code 137)", "SIGKILL"),
        (stopped("Essential container in task exited", code=0), "container `app` ended by itself, with exit code 0", "go on running"),
        (stopped("Essential container in task exited", code=143), "container `app` exited with 143", ""),
        (stopped("OutOfMemoryError: killed", code=137), "the container ran out of memory (container `app`)", "memory"),
        (stopped("Essential container in task exited", code=3, log="boom"), "container `app` exited with 3", "last log lines"),
        (stopped("Your Spot Task was interrupted.", code=137, stop_code="SpotInterruption"), "AWS took the spot capacity back", ""),
        (stopped("by hand", code=137, stop_code="UserInitiated"), "somebody stopped the task", ""),
        (stopped(), "a task stopped", ""),
    ],
)  # fmt: skip
def test_without_a_known_reason_the_exit_code_tells(one: StoppedTask, cause: str, step: str) -> None:
    """A reason explains more than an exit code, an exit code more than a stop code."""
    finding = diagnosis.task_failed(one)
    assert finding.cause == cause
    assert step in finding.next_step


def test_the_evidence_is_the_reason_and_then_the_last_log_lines() -> None:
    """In the order in which a person asks for them; a missing reason is said to be missing."""
    finding = diagnosis.task_failed(stopped("it exited", code=1, log="boom\nat main.py:3"))
    assert finding.evidence == ("task 0123: it exited", "boom", "at main.py:3")
    assert diagnosis.task_failed(stopped(code=1)).evidence == ("task 0123: no reason given",)


def test_the_most_frequent_cause_comes_first_and_each_once() -> None:
    """Of several tasks with one cause the one with the most to show is shown."""
    dead = [
        stopped("OutOfMemoryError: killed", code=137, id="1"),
        stopped("exited", code=1, id="2"),
        stopped("exited", code=1, id="3", log="boom"),
    ]
    first, second = diagnosis.deployment_failed(dead, [])
    assert first.cause == "container `app` exited with 1 (2 tasks)"
    assert first.evidence == ("task 3: exited", "boom")
    assert second.cause == "the container ran out of memory (container `app`)"


@pytest.mark.parametrize(
    ("dead", "events", "causes"),
    [
        ([], [], []),
        ([], ["was unable to place a task"], ["no task died by itself"]),
        ([stopped("x", code=1)], ["e"], ["container `app` exited with 1", "the service's events"]),
        ([stopped("x", code=1)], [], ["container `app` exited with 1"]),
    ],
)
def test_the_services_events_are_evidence_of_their_own(
    dead: list[StoppedTask], events: list[str], causes: list[str]
) -> None:
    """They come last, and alone where no task was seen to die."""
    findings = diagnosis.deployment_failed(dead, events)
    assert [finding.cause for finding in findings] == causes
    if events:
        assert findings[-1].evidence == tuple(events)


def test_new_events_come_oldest_first_and_never_twice() -> None:
    """ECS tells the newest first, a hundred of them, in each answer."""
    start = datetime(2026, 1, 1, tzinfo=timezone.utc)
    events = [
        {"id": str(n), "createdAt": start + timedelta(seconds=seconds), "message": f"event {n}"}
        for n, seconds in ((3, 2), (2, 1.5), (1, 1), (0, 0))
    ]
    assert diagnosis.new_events({"events": events}, {"0", "2"}) == ["event 1", "event 3"]
    assert diagnosis.new_events({"events": events}, {"0", "1", "2", "3"}) == []
    assert diagnosis.new_events({}, set()) == []
