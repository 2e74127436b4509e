"""A failed job explains itself: its annotation, among its last ten lines, has the cause itself and what to do.

Each row injects a cause into the answers of AWS and has the exact words of the annotation, as GitHub shows them.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from tests.contract.test_sample import as_shown
from tests.scripted_aws import Params, ScriptedAws, at, ecs, error
from tests.scripted_aws import blue_green as by_ecs
from tests.scripted_aws import codedeploy as by_codedeploy
from tests.timelines.conftest import DOCUMENT, REPOSITORY, Step

World = Callable[[ScriptedAws], None]

BREAKER = "rolled back: ECS rolled back to web:1: ECS deployment circuit breaker: tasks failed to start; 1 of 1 running"
GROUP = "arn:aws:elasticloadbalancing:ap-northeast-1:123456789012:targetgroup/web/0123456789abcdef"
BALANCED = {"loadBalancers": [{"targetGroupArn": GROUP, "containerName": "app", "containerPort": 8080}]}
CHECK = {"HealthCheckPath": "/health", "HealthCheckProtocol": "HTTP", "HealthCheckPort": "traffic-port",
         "HealthCheckTimeoutSeconds": 5, "Matcher": {"HttpCode": "200"}}  # fmt: skip
LOG = "`aws logs tail /ecs/web --log-stream-names ecs/app/7c1e`"
MIGRATION_LOG = "`aws logs tail /ecs/migration --log-stream-names ecs/app/task-1`"
SECRETS = "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed:"
ASM = f"{SECRETS} unable to retrieve secret from asm: service call has been retried 1 time(s): failed to fetch secret arn:aws:secretsmanager:ap-northeast-1:123456789012:secret:prod/db-a1B2c3 from secrets manager:"
DENIED = "User: arn:aws:sts::123456789012:assumed-role/exec/7c1e is not authorized to perform:"
PULL = "CannotPullContainerError: pull image manifest has been retried 7 time(s): failed to resolve ref"
OCI = "CannotStartContainerError: Error response from daemon: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process:"
NO_PLACE = "was unable to place a task because no container instance met all of its requirements."
CD = "User: arn:aws:sts::123456789012:assumed-role/cd/run-1 is not authorized to perform:"
PYTHON = ("Traceback (most recent call last):", '  File "/app/main.py", line 7, in <module>', "KeyError: 'DATABASE_URL'")


# ---- what happens ----


def rolling(
    *, dead: Params | None = None, log: Sequence[str] = (), events: Sequence[str] = (), targets: Sequence[Params] = (),
    ends: bool = True, service: Params | None = None, deployment: Params | None = None,
) -> World:  # fmt: skip
    """A rolling update whose tasks die like ``dead``, until the circuit breaker ``ends`` it and rolls back."""

    def script(aws: ScriptedAws) -> None:
        old = ecs.deployment("ecs-svc/1", "ACTIVE", task_definition="web:1")
        new = ecs.deployment("ecs-svc/2", task_definition="web:2", rollout_state="IN_PROGRESS") | (deployment or {})
        seen = {0: [new, old], 20: [new | {"failedTasks": 1 if dead else 0}, old]}
        if ends:
            failed = new | {"rolloutState": "FAILED", "rolloutStateReason": ecs.BREAKER_TRIPPED, "failedTasks": 3}
            back = ecs.deployment("ecs-svc/3", reason=ecs.rolling_back("ecs-svc/3"))
            seen |= {60: [failed, old], 90: [back, failed | {"status": "ACTIVE"}]}
        said = [ecs.event(words, 15) for words in events]
        looks = [
            at(moment, {"services": [ecs.service(deployments=now, events=said if moment else (), **(service or {}))]})
            for moment, now in seen.items()
        ]
        aws.on("ecs.DescribeServices", {"services": [ecs.service(**(service or {}))]})
        aws.on("ecs.DescribeServices", *looks, after="ecs.UpdateService")
        aws.on("ecs.UpdateService", {"service": ecs.service(deployments=seen[0])})
        aws.on("ecs.ListServiceDeployments", {"serviceDeployments": []})
        stopped = [ecs.task("7c1e", "STOPPED", task_definition="web:2", started_by="ecs-svc/2", **dead)] if dead else []
        arns = [task["taskArn"] for task in stopped]
        aws.on("ecs.ListTasks", at(0, {"taskArns": []}), at(20, {"taskArns": arns}), where={"desiredStatus": "STOPPED"})
        aws.on("ecs.DescribeTasks", ecs.described("tasks", *stopped))
        aws.on("elbv2.DescribeTargetHealth", {"TargetHealthDescriptions": list(targets)})
        aws.on("elbv2.DescribeTargetGroups", {"TargetGroups": [{"TargetGroupArn": GROUP, **CHECK}]})
        written(aws, log)

    return script


def written(aws: ScriptedAws, log: Sequence[str]) -> None:
    lines = [{"message": line} for line in log]
    aws.on("logs.GetLogEvents", {"events": lines, "nextForwardToken": "f/1"})
    aws.on("logs.GetLogEvents", {"events": [], "nextForwardToken": "f/1"}, where={"nextToken": "f/1"})


def exited(code: int, **container: Any) -> Params:
    return {
        "containers": [ecs.container(status="STOPPED", exitCode=code, **container)],
        "stopCode": "EssentialContainerExited",
        "stoppedReason": "Essential container in task exited",
    }


def not_started(reason: str, *, of_container: bool = False, **container: Any) -> Params:
    own = {"reason": reason} if of_container else {}
    return {
        "containers": [ecs.container(status="STOPPED", **own, **container)],
        "stopCode": "TaskFailedToStart",
        "stoppedReason": reason,
    }


def crashes(code: int, *log: str, **container: Any) -> World:
    return rolling(dead=exited(code, **container), log=log)


def cannot_start(reason: str, *, of_container: bool = False, **container: Any) -> World:
    return rolling(dead=not_started(reason, of_container=of_container, **container))


def unhealthy(reason: str, description: str) -> World:
    dead = {**exited(137), "stopCode": "ServiceSchedulerInitiated"}
    dead["stoppedReason"] = f"Task failed ELB health checks in (target-group {GROUP})"
    health = {"State": "unhealthy", "Reason": reason, "Description": description}
    target = {"Target": {"Id": "10.0.0.1", "Port": 8080}, "TargetHealth": health}
    return rolling(dead=dead, targets=[target], service=BALANCED)


def waits(*events: str, **more: Any) -> World:
    """Nothing dies, and nothing starts."""
    return rolling(events=events, ends=False, **more)


def blue_green(status: str, reason: str, **more: Any) -> World:
    """A deployment of ECS's own BLUE_GREEN that ends after twenty seconds."""

    def script(aws: ScriptedAws) -> None:
        old = ecs.deployment("ecs-svc/1", task_definition="web:1")
        new = ecs.deployment("ecs-svc/2", task_definition="web:2", rollout_state="IN_PROGRESS")
        moving = by_ecs.service(deployments=[new, old | {"status": "ACTIVE"}])
        aws.on("ecs.DescribeServices", {"services": [by_ecs.service(deployments=[old])]})
        aws.on("ecs.DescribeServices", {"services": [moving]}, after="ecs.UpdateService")
        aws.on("ecs.UpdateService", {"service": moving})
        aws.on("ecs.ListServiceDeployments", by_ecs.listed())
        aws.on("ecs.ListServiceDeployments", by_ecs.listed(by_ecs.service_deployment()), after="ecs.UpdateService")
        aws.on("ecs.DescribeServiceRevisions", by_ecs.revisions)
        under_way = by_ecs.service_deployment("2", "IN_PROGRESS", "SCALE_UP")
        ended = by_ecs.service_deployment("2", status, "SCALE_UP", statusReason=reason, **more)
        looks = by_ecs.through(under_way, ended, every=20)
        aws.on("ecs.DescribeServiceDeployments", *looks, after="ecs.UpdateService")
        aws.on("cloudwatch.DescribeAlarms", {"MetricAlarms": [{"AlarmName": "web-5xx", "StateReason": "Threshold Crossed: 1 datapoint [5.0]", "StateValue": "ALARM"}]})

    return script


def codedeploy(status: str, why: tuple[str, str] | None, target: Params) -> World:
    def script(aws: ScriptedAws) -> None:
        found = ecs.task_definition()
        image = f"{REPOSITORY}@sha256:{'0' * 64}"
        container = {**found["containerDefinitions"][0], "image": image, "portMappings": [{"containerPort": 80}]}
        aws.on("ecs.DescribeTaskDefinition", {"taskDefinition": {**found, "containerDefinitions": [container]}, "tags": []})
        aws.on("ecs.DescribeServices", {"services": [by_codedeploy.service()]})
        aws.on("codedeploy.GetDeploymentGroup", by_codedeploy.group())
        aws.on("codedeploy.ListDeployments", {"deployments": []})
        aws.on("codedeploy.CreateDeployment", {"deploymentId": "d-NEW"})
        aws.on("codedeploy.BatchGetDeploymentTargets", target)
        aws.on("elbv2.DescribeTargetHealth", {"TargetHealthDescriptions": []})
        ended = by_codedeploy.deployment(status=status, error=why)
        looks = (at(0, by_codedeploy.described(by_codedeploy.deployment())), at(20, by_codedeploy.described(ended)))
        aws.on("codedeploy.BatchGetDeployments", *looks, after="codedeploy.CreateDeployment")

    return script


def migrates(ended: Params, *log: str) -> World:
    def script(aws: ScriptedAws) -> None:
        aws.on("ecs.RunTask", ecs.RunTask())
        task = ecs.task("task-1", "STOPPED", task_definition="migration:2", **ended)
        aws.on("ecs.DescribeTasks", {"tasks": [task]}, after="ecs.RunTask")
        aws.on("ecs.DeregisterTaskDefinition", {"taskDefinition": ecs.task_definition("migration", 2)})
        written(aws, log)

    return script


def answers(operation: str, answer: Any) -> World:
    return lambda aws: aws.on(operation, answer)


def superseded(aws: ScriptedAws) -> None:
    rolling(ends=False)(aws)
    theirs = ecs.deployment("ecs-svc/9", task_definition="web:9", rollout_state="IN_PROGRESS", created=10)
    ours = ecs.deployment("ecs-svc/2", "ACTIVE", task_definition="web:2", rollout_state="IN_PROGRESS")
    now = {"services": [ecs.service(deployments=[theirs, ours])]}
    before = ecs.service(deployments=[ours | {"status": "PRIMARY"}, ecs.deployment("ecs-svc/1", "ACTIVE")])
    aws.on("ecs.DescribeServices", at(0, {"services": [before]}), at(20, now), after="ecs.UpdateService")


def without_parameter(aws: ScriptedAws) -> None:
    aws.on("ssm.GetParameter", error("ParameterNotFound", ""))


CAUSES: dict[str, tuple[World, str, dict[str, str], int, list[str]]] = {}
