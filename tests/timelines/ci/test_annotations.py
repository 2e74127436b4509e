"""What GitHub shows beside the log: at most one annotation for a cause, and the verdict always among them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.contract.test_sample import crash
from tests.scripted_aws import Clock, ScriptedAws, denied, ecs
from tests.scripted_aws.fleet import COMPLETES, CRASHES, STAYS, Course, Fleet, document
from tests.timelines.conftest import REPOSITORY, Step

Run = Callable[..., Step]
Script = Callable[[ScriptedAws, Clock], Any]

NEVER_HEALED: Course = {0: {}, **{10.0 * number: {"failedTasks": number} for number in range(1, 9)}}
NO_BREAKER = {"enable": False, "rollback": False}
BREAKER = "ECS deployment circuit breaker: tasks failed to start"


def annotated(ended: Step) -> list[str]:
    """Of every kind, as GitHub reads them."""
    return re.findall(r"^::(?:error|warning|notice)\b.*$", ended.log, re.M)


def fleet(*names: str, course: Course, **more: Any) -> Script:
    """These services, all with this course."""

    def script(aws: ScriptedAws, clock: Clock) -> None:
        given = document(list(names), REPOSITORY)
        aws.on("ssm.GetParameter", {"Parameter": {"Value": json.dumps(given), "Version": 1}})
        aws.on("logs.GetLogEvents", {"events": [{"message": "boom"}], "nextBackwardToken": "b/1"})
        Fleet(clock, dict.fromkeys(names, course), **more).script(aws)

    return script


def second_refused(aws: ScriptedAws, clock: Clock) -> None:
    fleet("web", "worker", course=COMPLETES)(aws, clock)
    aws.on("ecs.UpdateService", denied("ecs:UpdateService"), where={"service": "worker"})


def no_evidence(aws: ScriptedAws, clock: Clock) -> None:
    """A role that may read nothing of what a failure is explained by."""
    fleet("web", "worker", course=CRASHES)(aws, clock)
    aws.on("ecs.ListTasks", denied("ecs:ListTasks"))
    aws.on("ecs.DescribeTasks", denied("ecs:DescribeTasks"))


def no_logs(aws: ScriptedAws, clock: Clock) -> None:
    fleet("web", "worker", course=CRASHES)(aws, clock)
    aws.on("logs.GetLogEvents", denied("logs:GetLogEvents"))


def image_missing(*names: str) -> Script:
    """One of these has no image. ECS says so in the dead task, and in its reason."""
    reason = "CannotPullContainerError: pull image manifest has been retried 7 time(s): app:x: not found"
    dead = ecs.task("web-dead-0", "STOPPED", task_definition="web:2", started_by="ecs-svc/2", stoppedReason=reason,
                    stopCode="TaskFailedToStart", containers=[ecs.container(status="STOPPED", reason=reason)])  # fmt: skip

    def script(aws: ScriptedAws, clock: Clock) -> None:
        fleet(*names, course=CRASHES)(aws, clock)
        aws.on(
            "ecs.ListTasks", {"taskArns": [dead["taskArn"]]}, where={"serviceName": "web", "desiredStatus": "STOPPED"}
        )
        aws.on("ecs.DescribeTasks", {"tasks": [dead], "failures": []}, where={"tasks": [dead["taskArn"]]})

    return script


def none_there(aws: ScriptedAws, clock: Clock) -> None:
    fleet(*(f"s{n}" for n in range(30)), course=STAYS)(aws, clock)
    aws.on("ecs.DescribeServices", {"services": [], "failures": []})


def migrates(exit_code: int) -> Script:
    def script(aws: ScriptedAws, clock: Clock) -> None:
        aws.on("ecr.DescribeRepositories", {"repositories": [{"imageTagMutability": "MUTABLE"}]})
        aws.on("ecs.RunTask", ecs.RunTask())
        ended = ecs.container(status="STOPPED", exitCode=exit_code)
        task = ecs.task("task-1", "STOPPED", task_definition="migration:2", containers=[ended],
                        stopCode="EssentialContainerExited", stoppedReason="Essential container in task exited")  # fmt: skip
        aws.on("ecs.DescribeTasks", {"tasks": [task]})
        aws.on("logs.GetLogEvents", {"events": [{"message": "no such column"}], "nextForwardToken": "f/1"})

    return script


@pytest.mark.parametrize(
    ("script", "verb", "inputs", "exit_code", "said"),
    [
        (lambda aws, clock: crash(aws), "deploy", {}, 3, [f"rolled back to web:1: {BREAKER}"]),
        (fleet("web", course=CRASHES), "deploy", {}, 3, [f"rolled back to web:1: {BREAKER}"]),
        (fleet("web", course=CRASHES), "deploy", {"fail_fast": "true"}, 3, [BREAKER]),
        (image_missing("web"), "deploy", {}, 3, ["Likely cause: the image can't be pulled: it does not exist"]),
        (image_missing("web"), "deploy", {"fail_fast": "true"}, 1, ["waiting does not help, so fail-fast ends the wait"]),
        (fleet("web", course=NEVER_HEALED, breaker=NO_BREAKER), "deploy", {}, 1, ["3 tasks died and none runs"]),
        (fleet("web", course=NEVER_HEALED, breaker=NO_BREAKER), "deploy", {"on_failure": "rollback"}, 3, ["back at web:1"]),
        (fleet("web", "worker", course=CRASHES), "deploy", {}, 3, ["web, worker: container `app` exited with 1"]),
        (fleet("web", "worker", course=CRASHES), "deploy", {"on_failure": "rollback"}, 3, ["web, worker: container"]),
        (fleet(*(f"s{n}" for n in range(30)), course=CRASHES), "deploy", {}, 3, ["30 services: 30 rolled back"]),
        (fleet("web", course=STAYS), "deploy", {"deployment_timeout": "1m"}, 7, ["no verdict after 1 min"]),
        (second_refused, "deploy", {}, 1, ["worker failed: the deployment could not be started"]),
        (image_missing("web", "worker"), "deploy", {}, 3, ["Likely cause: web: the image can't be pulled"]),
        (none_there, "deploy", {}, 2, ["s29"]),
        (no_evidence, "deploy", {}, 3, ["some evidence is missing: ListTasks answered AccessDenied", BREAKER]),
        (no_logs, "deploy", {}, 3, ["the log group /ecs/web can't be read", "web, worker: container `app` exited with 1"]),
        (migrates(3), "migrate", {}, 1, ["Likely cause: container `app` exited with 3"]),
        (migrates(3), "pipeline", {}, 1, ["Likely cause: container `app` exited with 3"]),
    ],
)  # fmt: skip
def test_a_cause_is_annotated_once(
    aws: ScriptedAws, step: Run, clock: Clock, script: Script, verb: str, inputs: dict[str, str], exit_code: int,
    said: list[str],
) -> None:  # fmt: skip
    """Not on the way and again at the end, not for each service; the verdict is the last, with its likely cause."""
    script(aws, clock)
    ended = step(verb, **inputs)
    assert ended.exit_code == exit_code, ended.log
    found = annotated(ended)
    assert len(found) == len(said), found
    assert all(words in annotation for words, annotation in zip(said, found, strict=True)), found
    assert re.match(r"::error title=(Deployment|Migration|deploy)::", found[-1])


def test_what_turns_for_the_worse_is_red_at_once(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """As a red line in the log for a user who watches; the annotation waits for the cause."""
    fleet("web", course=CRASHES)(aws, clock)
    lines = step("deploy").log.splitlines()
    red = [line for line in lines if line.startswith("\x1b[31m")]
    assert red[0] == f"\x1b[31mweb: FAILED: {BREAKER}; waiting for the rollback\x1b[0m"
    assert lines.index(red[0]) < lines.index(next(line for line in lines if line.startswith("::error")))
