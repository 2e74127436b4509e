"""A failed job explains itself: its annotation, among its last ten lines, has the cause itself and what to do.

Each row injects a cause into the answers of AWS and has the exact words of the annotation, as GitHub shows them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from tests.contract.test_sample import as_shown
from tests.scripted_aws import Params, ScriptedAws, at, ecs, error
from tests.scripted_aws import blue_green as by_ecs
from tests.scripted_aws import codedeploy as by_codedeploy
from tests.timelines.conftest import REPOSITORY, Step

World = Callable[[ScriptedAws], None]

BREAKER = "rolled back: ECS rolled back to web:1: ECS deployment circuit breaker: tasks failed to start; 1 of 1 running"
GROUP = "arn:aws:elasticloadbalancing:ap-northeast-1:123456789012:targetgroup/web/0123456789abcdef"
BALANCED = {"loadBalancers": [{"targetGroupArn": GROUP, "containerName": "app", "containerPort": 8080}]}
CHECK = {"HealthCheckPath": "/health", "HealthCheckProtocol": "HTTP", "HealthCheckPort": "traffic-port",
         "HealthCheckTimeoutSeconds": 5, "Matcher": {"HttpCode": "200"}}  # fmt: skip
SECRETS = "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed:"
ASM = f"{SECRETS} unable to retrieve secret from asm: service call has been retried 1 time(s): failed to fetch secret arn:aws:secretsmanager:ap-northeast-1:123456789012:secret:prod/db-a1B2c3 from secrets manager:"
DENIED = "User: arn:aws:sts::123456789012:assumed-role/exec/7c1e is not authorized to perform:"
PULL = "CannotPullContainerError: pull image manifest has been retried 7 time(s): failed to resolve ref"
OCI = "CannotStartContainerError: Error response from daemon: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process:"
NO_PLACE = "was unable to place a task because no container instance met all of its requirements."
CD = "User: arn:aws:sts::123456789012:assumed-role/cd/run-1 is not authorized to perform:"
PYTHON = (
    "Traceback (most recent call last):",
    '  File "/app/main.py", line 7, in <module>',
    "KeyError: 'DATABASE_URL'",
)


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
        aws.on(
            "cloudwatch.DescribeAlarms",
            {
                "MetricAlarms": [
                    {
                        "AlarmName": "web-5xx",
                        "StateReason": "Threshold Crossed: 1 datapoint [5.0]",
                        "StateValue": "ALARM",
                    }
                ]
            },
        )

    return script


def codedeploy(status: str, why: tuple[str, str] | None, target: Params) -> World:
    def script(aws: ScriptedAws) -> None:
        found = ecs.task_definition()
        image = f"{REPOSITORY}@sha256:{'0' * 64}"
        container = {**found["containerDefinitions"][0], "image": image, "portMappings": [{"containerPort": 80}]}
        aws.on(
            "ecs.DescribeTaskDefinition", {"taskDefinition": {**found, "containerDefinitions": [container]}, "tags": []}
        )
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


# What is injected, the verb with its inputs, its exit code, and the annotation.
CAUSES: dict[str, tuple[World, str, dict[str, str], int, list[str]]] = {
    "an exception": (
        crashes(1, *PYTHON), "deploy", {}, 3,
        [BREAKER,
         "Likely cause: container `app` exited with 1: KeyError: 'DATABASE_URL'",
         "-> Set DATABASE_URL in `environment` or `secrets` of the container in the task definition's template. The whole log: `aws logs tail /ecs/web --log-stream-names ecs/app/7c1e`"],
    ),
    "a Java exception": (
        crashes(1, 'Exception in thread "main" java.lang.IllegalStateException: no pool', "\tat app.Main.main(Main.java:3)", "Caused by: java.net.ConnectException: Connection refused", "\t... 5 more"), "deploy", {}, 3,
        [BREAKER,
         "Likely cause: container `app` exited with 1: java.net.ConnectException: Connection refused",
         "-> Check host and port, and that the task's subnets and security group reach it. The whole log: `aws logs tail /ecs/web --log-stream-names ecs/app/7c1e`"],
    ),
    "a credential in the log": (
        crashes(1, "psycopg2.OperationalError: could not connect to postgres://app:hunter2@db:5432/app"), "deploy", {}, 3,
        [BREAKER,
         "Likely cause: container `app` exited with 1: psycopg2.OperationalError: could not connect to postgres://app:***@db:5432/app",
         "-> Check host and port, and that the task's subnets and security group reach it. The whole log: `aws logs tail /ecs/web --log-stream-names ecs/app/7c1e`"],
    ),
    "a hostile line": (
        crashes(1, "Error: ::error::x ::stop-commands::y \x1b[2J\u202e"), "deploy", {}, 3,
        [BREAKER,
         "Likely cause: container `app` exited with 1: Error: ::error::x ::stop-commands::y �[2J�",
         "-> Fix this in the app or its settings, then deploy again. The whole log: `aws logs tail /ecs/web --log-stream-names ecs/app/7c1e`"],
    ),
    "no log": (
        crashes(1), "deploy", {}, 3,
        [BREAKER,
         "Likely cause: container `app` exited with 1",
         "-> Its log is empty or can't be read: run the image with the same `command` locally, and use logDriver awslogs with awslogs-group and awslogs-stream-prefix."],
    ),
    "exit code 127": (
        crashes(127, "/bin/sh: 1: gunicorn: not found"), "deploy", {}, 3,
        [BREAKER,
         "Likely cause: container `app` did not find its command (exit code 127): /bin/sh: 1: gunicorn: not found",
         "-> Check entryPoint, command and what they call against the image: path, PATH, interpreter. The whole log: `aws logs tail /ecs/web --log-stream-names ecs/app/7c1e`"],
    ),
    "exit code 139": (
        crashes(139), "deploy", {}, 3,
        [BREAKER,
         "Likely cause: container `app` crashed with a segmentation fault, SIGSEGV (exit code 139)",
         "-> Check native libraries, and the image's CPU architecture."],
    ),
    "out of memory": (
        rolling(dead={**exited(137, reason="OutOfMemoryError: Container killed due to memory usage", memory="512")}), "deploy", {}, 3,
        [BREAKER,
         "Likely cause: the container ran out of memory (container `app`): its limit is 512 MiB",
         "-> Raise `memory` in the task definition, or find out what uses so much."],
    ),
    "exit code 137": (
        crashes(137, "serving"), "deploy", {}, 3,
        [BREAKER,
         "Likely cause: container `app` was killed by SIGKILL (exit code 137)",
         "-> It ran out of memory (raise `memory`), or was not stopped in time (`stopTimeout`). The whole log: `aws logs tail /ecs/web --log-stream-names ecs/app/7c1e`"],
    ),
    "no such command": (
        cannot_start(f'{OCI} exec: "gunicorn": executable file not found in $PATH: unknown', of_container=True), "deploy", {}, 3,
        [BREAKER,
         "Likely cause: the container can't be started: its command is not in the image (container `app`): gunicorn",
         "-> Check entryPoint and command against the image: the file's path, and the interpreter in its first line."],
    ),
    "no such image": (
        cannot_start(f"{PULL} 123456789012.dkr.ecr.ap-northeast-1.amazonaws.com/sidecar:v9: not found", of_container=True, image="123456789012.dkr.ecr.ap-northeast-1.amazonaws.com/sidecar:v9"), "deploy", {}, 3,
        [BREAKER,
         "Likely cause: the image can't be pulled: it does not exist (container `app`): 123456789012.dkr.ecr.ap-northeast-1.amazonaws.com/sidecar:v9",
         "-> Check the image's name and tag in the task definition, and that it was pushed to that registry."],
    ),
    "the wrong platform": (
        cannot_start("CannotPullContainerError: pull image manifest has been retried 1 time(s): image Manifest does not contain descriptor matching platform 'linux/amd64'", of_container=True), "deploy", {}, 3,
        [BREAKER,
         "Likely cause: the image can't be pulled: it is not built for the task's platform (container `app`): 123456789012.dkr.ecr.ap-northeast-1.amazonaws.com/my-app@sha256:aaaaaaaaaaaa… for linux/amd64",
         "-> Build for the platform that the task runs on, or set `runtimePlatform` (cpuArchitecture, operatingSystemFamily) to the image's."],
    ),
    "the wrong CPU": (
        crashes(1, "exec /usr/local/bin/app: exec format error"), "deploy", {}, 3,
        [BREAKER,
         "Likely cause: the image is built for another CPU architecture (container `app`)",
         "-> Build for the platform that the task runs on, or set `runtimePlatform.cpuArchitecture` to the image's."],
    ),
    "no permission to pull": (
        cannot_start(f"{SECRETS} unable to retrieve ecr registry auth: service call has been retried 1 time(s): AccessDeniedException: {DENIED} ecr:GetAuthorizationToken on resource: *"), "deploy", {}, 3,
        [BREAKER,
         "Likely cause: ECS can't sign in to the registry: no permission",
         "-> Give the execution role ecr:GetAuthorizationToken, ecr:BatchGetImage and ecr:GetDownloadUrlForLayer."],
    ),
    "no route to ECR": (
        cannot_start(f'{PULL} {ecs.IMAGE}: failed to do request: Head "https://x/v2/": dial tcp 34.205.13.154:443: i/o timeout', of_container=True), "deploy", {}, 3,
        [BREAKER,
         "Likely cause: the image can't be pulled: no route to its registry (container `app`): 123456789012.dkr.ecr.ap-northeast-1.amazonaws.com/my-app@sha256:aaaaaaaaaaaa…",
         "-> Give the task's subnets a route to it: a NAT gateway, a public IP (`assignPublicIp` in a public subnet) or VPC endpoints (ecr.api, ecr.dkr, s3). Also check security groups and DNS."],
    ),
    "no such secret": (
        cannot_start(f"{ASM} ResourceNotFoundException: Secrets Manager can't find the specified secret."), "deploy", {}, 3,
        [BREAKER,
         "Likely cause: the secret can't be read: it does not exist: prod/db-a1B2c3",
         "-> Compare `valueFrom` in the task definition's secrets with the secret's ARN or the parameter's name, including region and account."],
    ),
    "no such secret, in ministack's words": (
        cannot_start(f"{SECRETS} unable to retrieve secret arn:aws:secretsmanager:us-east-1:000000000000:secret:db-a1B2c3 for environment variable DB"), "deploy", {}, 3,
        [BREAKER,
         "Likely cause: the secret can't be read: it does not exist: db-a1B2c3",
         "-> Compare `valueFrom` in the task definition's secrets with the secret's ARN or the parameter's name, including region and account."],
    ),
    "no permission for the secret": (
        cannot_start(f"{ASM} AccessDeniedException: {DENIED} secretsmanager:GetSecretValue on resource: arn:aws:secretsmanager:ap-northeast-1:123456789012:secret:prod/db-a1B2c3"), "deploy", {}, 3,
        [BREAKER,
         "Likely cause: the secret can't be read: no permission: prod/db-a1B2c3",
         "-> Give the execution role secretsmanager:GetSecretValue or ssm:GetParameters on it, and kms:Decrypt if it has its own key."],
    ),
    "no such parameter": (
        cannot_start(f"{SECRETS} unable to retrieve secrets from ssm: service call has been retried 1 time(s): invalid ssm parameters: /prod/db/url"), "deploy", {}, 3,
        [BREAKER,
         "Likely cause: the secret can't be read: it does not exist: /prod/db/url",
         "-> Compare `valueFrom` in the task definition's secrets with the secret's ARN or the parameter's name, including region and account."],
    ),
    "no such log group": (
        cannot_start("ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: failed to create Cloudwatch log stream: ResourceNotFoundException: The specified log group does not exist. : exit status 1"), "deploy", {}, 3,
        [BREAKER,
         "Likely cause: the log group can't be used: it does not exist",
         "-> Create the log group in awslogs-region, or set the option awslogs-create-group."],
    ),
    "a role that ECS can't assume": (
        cannot_start("ECS was unable to assume the role 'arn:aws:iam::123456789012:role/web-task' that was provided for this task. Please verify that the role being passed has the proper trust relationship and permissions"), "deploy", {}, 3,
        [BREAKER,
         "Likely cause: the role can't be assumed: web-task",
         "-> Let ecs-tasks.amazonaws.com assume it (trust policy of taskRoleArn and executionRoleArn), and check that the role exists in this account."],
    ),
    "an instance without memory": (
        waits(f"{NO_PLACE} The closest matching (container-instance 5ed586c7) has insufficient memory available. For more information, see the Troubleshooting section of the Amazon ECS Developer Guide."), "deploy", {"deployment_timeout": "5m"}, 7,
        ["timed out: no verdict after 5 min; last seen: 0 of 1 running; ECS continues the deployment",
         "Likely cause: no instance has enough free CPU, memory or GPU: not enough memory",
         "-> Add instances (managed scaling of a capacity provider), lower `cpu` and `memory`, or lower minimumHealthyPercent so that an old task can stop first."],
    ),
    "no Fargate capacity": (
        waits("was unable to place a task. Reason: Capacity is unavailable at this time. Please try again later or in a different availability zone."), "deploy", {"deployment_timeout": "5m"}, 7,
        ["timed out: no verdict after 5 min; last seen: 0 of 1 running; ECS continues the deployment",
         "Likely cause: no capacity: AWS has none left in these zones",
         "-> Add subnets in other zones, or use FARGATE as well as FARGATE_SPOT."],
    ),
    "tasks that stay pending": (
        waits("has started 1 tasks: (task 0123)."), "deploy", {"deployment_timeout": "5m"}, 7,
        ["timed out: no verdict after 5 min; last seen: 0 of 1 running; ECS continues the deployment",
         "Likely cause: no task stopped by itself",
         "-> Look at its tasks in the ECS console: PROVISIONING waits for capacity or a network interface, PENDING for the image, ACTIVATING for the load balancer. Raise the timeout if they only need longer."],
    ),
    "nothing at all": (
        waits(), "deploy", {"deployment_timeout": "5m"}, 7,
        ["timed out: no verdict after 5 min; last seen: 0 of 1 running; ECS continues the deployment",
         "-> Look at its tasks in the ECS console: PROVISIONING waits for capacity or a network interface, PENDING for the image, ACTIVATING for the load balancer. Raise the timeout if they only need longer."],
    ),
    "a 502": (
        unhealthy("Target.ResponseCodeMismatch", "Health checks failed with these codes: [502]"), "deploy", {}, 3,
        [BREAKER,
         "Likely cause: the target group's health check failed: unexpected response: GET /health answered 502, not 200",
         "-> Compare the target group's path and success codes (Matcher) with the container's response. If it only needs longer to start, raise `healthCheckGracePeriodSeconds`."],
    ),
    "no answer": (
        unhealthy("Target.Timeout", "Request timed out"), "deploy", {}, 3,
        [BREAKER,
         "Likely cause: the target group's health check failed: no response in time: GET /health had no answer within 5 s",
         "-> Let the task's security group accept the load balancer's on the container's port, make the program listen on 0.0.0.0 and that port, and check HealthCheckTimeoutSeconds."],
    ),
    "a container's health check": (
        rolling(dead={"containers": [ecs.container(status="STOPPED", exitCode=137, healthStatus="UNHEALTHY")], "stopCode": "ServiceSchedulerInitiated", "stoppedReason": "Task failed container health checks"}), "deploy", {}, 3,
        [BREAKER,
         "Likely cause: the container's health check failed (container `app`)",
         "-> Run `healthCheck.command` inside the image (does it have curl or wget, is the port right?). For a slow start, raise `startPeriod` and `retries`."],
    ),
    "no port": (
        answers("ecs.UpdateService", error("InvalidParameterException", "The container app did not have a container port 8080 defined.")), "deploy", {}, 2,
        ["AWS answered UpdateService with InvalidParameterException: The container app did not have a container port 8080 defined.",
         "-> Add the port to `portMappings` of that container in the template, or correct `loadBalancers` of the service in the infra repository."],
    ),
    "no listener": (
        answers("ecs.UpdateService", error("InvalidParameterException", f"The target group with targetGroupArn {GROUP} does not have an associated load balancer.")), "deploy", {}, 2,
        ["AWS answered UpdateService with InvalidParameterException: The target group with targetGroupArn arn:aws:elasticloadbalancing:ap-northeast-1:123456789012:targetgroup/web/0123456789abcdef does not have an associated load balancer.",
         "-> Give the target group a listener rule of the load balancer, in the infra repository."],
    ),
    "an alarm": (
        blue_green("ROLLBACK_SUCCESSFUL", "Service deployment rolled back because of one or more active alarms.", alarms={"status":"TRIGGERED","alarmNames":["web-5xx"],"triggeredAlarmNames":["web-5xx"]}), "deploy", {}, 3,
        ["rolled back: ECS rolled back to web:1: Service deployment rolled back because of one or more active alarms (alarm web-5xx), at SCALE_UP; 1 of 1 running",
         "Likely cause: an alarm ended the deployment: `web-5xx`",
         "-> Check the alarm's metric during the deployment. An alarm that is already in ALARM when a deployment starts ends every deployment."],
    ),
    "a lifecycle hook": (
        blue_green("ROLLBACK_SUCCESSFUL", "Service deployment rolled back because SCALE_UP lifecycle hook(s) failed. Lifecycle hook target arn:aws:lambda:ap-northeast-1:123456789012:function:check returned FAILED status."), "deploy", {}, 3,
        ["rolled back: ECS rolled back to web:1: Service deployment rolled back because SCALE_UP lifecycle hook(s) failed. Lifecycle hook target arn:aws:lambda:ap-northeast-1:123456789012:function:check returned FAILED status, at SCALE_UP; 1 of 1 running",
         "Likely cause: a lifecycle hook failed: check",
         "-> Read the log of the hook's Lambda function: it must return `hookStatus` (ECS) or call PutLifecycleEventHookExecutionStatus (CodeDeploy) in time."],
    ),
    "a hook of CodeDeploy": (
        codedeploy("Failed", ("HOOK_EXECUTION_FAILURE","The deployment failed because one or more of the lifecycle event validation functions failed."), by_codedeploy.target("AfterAllowTestTraffic","Failed",message="the check returned Failed")), "deploy", {}, 1,
        ["failed: Failed, HOOK_EXECUTION_FAILURE: The deployment failed because one or more of the lifecycle event validation functions failed (AfterAllowTestTraffic Failed: the check returned Failed); CodeDeploy does not roll back",
         "Likely cause: a lifecycle hook failed: AfterAllowTestTraffic",
         "-> Read the log of the Lambda function that the appspec names for AfterAllowTestTraffic."],
    ),
    "CodeDeploy's own failure": (
        codedeploy("Failed", ("ECS_UPDATE_ERROR","The ECS service can't be updated: the target group web-green is not attached."), by_codedeploy.target("Install","Failed")), "deploy", {}, 1,
        ["failed: Failed, ECS_UPDATE_ERROR: The ECS service can't be updated: the target group web-green is not attached (Install Failed); CodeDeploy does not roll back",
         "Likely cause: AWS ended the deployment: ECS_UPDATE_ERROR: The ECS service can't be updated: the target group web-green is not attached",
         "-> Look at the deployment in the ECS or CodeDeploy console: its events show what AWS was doing then."],
    ),
    "a table that is missing": (
        migrates(exited(1), "applying 002", "Traceback (most recent call last):", '  File "/app/migrate.py", line 3, in <module>', 'psycopg2.errors.UndefinedTable: relation "users" does not exist', "LINE 1: ALTER TABLE users ADD email text", "                    ^"), "migrate", {}, 1,
        ["failed: container `app` exited with 1 (EssentialContainerExited: Essential container in task exited)",
         "Likely cause: container `app` exited with 1: psycopg2.errors.UndefinedTable: relation \"users\" does not exist",
         "-> The database lacks it: check that the container uses the right database and schema, and which migration makes it. The whole log: `aws logs tail /ecs/migration --log-stream-names ecs/app/task-1`"],
    ),
    "a migration that is killed": (
        migrates({**exited(137), "stoppedReason": "OutOfMemoryError: Container killed due to memory usage", "memory": "512"}, "applying 001"), "migrate", {}, 1,
        ["failed: container `app` exited with 137 (EssentialContainerExited: OutOfMemoryError: Container killed due to memory usage)",
         "Likely cause: the container ran out of memory (container `app`): its limit is 512 MiB",
         "-> Raise `memory` in the task definition, or find out what uses so much."],
    ),
    "a migration without capacity": (
        answers("ecs.RunTask", {"tasks": [], "failures": [{"reason": "RESOURCE:MEMORY"}]}), "migrate", {"migration_timeout": "1m"}, 1,
        ["failed: ECS can't place the migration task: RESOURCE:MEMORY",
         "Likely cause: no instance has enough free CPU, memory or GPU: not enough memory",
         "-> Add instances (managed scaling of a capacity provider), or lower `cpu` and `memory`."],
    ),
    "no document": (
        without_parameter, "deploy", {}, 2,
        ["there is no SSM parameter /my/parameter in ap-northeast-1 (ParameterNotFound)",
         "-> Check its name, the region and the account, or let the infra repo write it."],
    ),
    "no permission": (
        answers("ecs.DescribeServices", error("AccessDeniedException", f"{CD} ecs:DescribeServices on resource: arn:aws:ecs:ap-northeast-1:123456789012:service/my-cluster/web because no identity-based policy allows the ecs:DescribeServices action")), "deploy", {}, 2,
        ["AWS answered DescribeServices with AccessDeniedException: User: arn:aws:sts::123456789012:assumed-role/cd/run-1 is not authorized to perform: ecs:DescribeServices on resource: arn:aws:ecs:ap-northeast-1:123456789012:service/my-cluster/web because no identity-based policy allows the ecs:DescribeServices action",
         "-> Add to the policy of the role cd: {\"Effect\": \"Allow\", \"Action\": \"ecs:DescribeServices\", \"Resource\": \"arn:aws:ecs:ap-northeast-1:123456789012:service/my-cluster/web\"}; `ecs-cd iam` prints the whole policy, and docs/reference/permissions.md lists what each verb needs."],
    ),
    "an explicit deny": (
        answers("ecs.RunTask", error("AccessDeniedException", f"{CD} ecs:RunTask on resource: * with an explicit deny in a service control policy")), "migrate", {}, 2,
        ["AWS answered RunTask with AccessDeniedException: User: arn:aws:sts::123456789012:assumed-role/cd/run-1 is not authorized to perform: ecs:RunTask on resource: * with an explicit deny in a service control policy",
         "-> A policy denies the role cd ecs:RunTask explicitly: change that policy; another one can't allow it."],
    ),
    "no permission to start": (
        answers("ecs.UpdateService", error("AccessDeniedException", f"{CD} ecs:UpdateService on resource: arn:aws:ecs:ap-northeast-1:123456789012:service/my-cluster/web")), "deploy", {}, 2,
        ["AWS answered UpdateService with AccessDeniedException: User: arn:aws:sts::123456789012:assumed-role/cd/run-1 is not authorized to perform: ecs:UpdateService on resource: arn:aws:ecs:ap-northeast-1:123456789012:service/my-cluster/web",
         "-> Add to the policy of the role cd: {\"Effect\": \"Allow\", \"Action\": \"ecs:UpdateService\", \"Resource\": \"arn:aws:ecs:ap-northeast-1:123456789012:service/my-cluster/web\"}; `ecs-cd iam` prints the whole policy, and docs/reference/permissions.md lists what each verb needs."],
    ),
    "a template that ECS refuses": (
        answers("ecs.RegisterTaskDefinition", error("ClientException", "Invalid 'cpu' setting for task. For more information, see the Troubleshooting section of the Amazon ECS Developer Guide.")), "deploy", {}, 2,
        ["AWS answered RegisterTaskDefinition with ClientException: Invalid 'cpu' setting for task. For more information, see the Troubleshooting section of the Amazon ECS Developer Guide.",
         "-> Set `cpu` and `memory` in the template to a combination that Fargate has, such as 256 and 512."],
    ),
    "a newer deployment": (
        superseded, "deploy", {}, 5,
        ["superseded: deployment ecs-svc/9 (web:9) replaced it",
         "-> Nothing to repair here: the newer deployment decides. Run the job again only if this commit has to replace it."],
    ),
}  # fmt: skip

NO_JOB = {"no document"}


@pytest.mark.parametrize("name", CAUSES)
def test_a_failure_explains_itself(aws: ScriptedAws, step: Callable[..., Step], name: str) -> None:
    """The log begins with what is done, and ends with one annotation: the verdict, the cause itself, what to do. The
    evidence is in the log once, where it was found."""
    world, verb, inputs, exit_code, annotation = CAUSES[name]
    aws.on("ecs.DeregisterTaskDefinition", {"taskDefinition": ecs.task_definition("web", 2)})
    world(aws)
    ended = step(verb, **inputs)
    assert ended.exit_code == exit_code, ended.log
    (text,) = re.findall(r"^::error title=[^:]*::(.*)$", ended.log, re.M)
    assert text.replace("%0A", "\n").replace("%25", "%").splitlines() == annotation
    shown = as_shown(ended.log)
    assert shown[-len(annotation) :] == [f"Error: {annotation[0]}", *annotation[1:]]
    assert len(annotation) <= 10
    assert annotation[-1].startswith("-> ")
    evidence = Counter(line for line in shown if line.startswith("  | "))
    assert [line for line, times in evidence.items() if times > 1] == [], "it is in the log twice"
    assert not any(re.match(r"(\S+: )\1", line) for line in shown), "a name is in a line twice"
    if name not in NO_JOB:
        assert [line.partition(":")[0] for line in shown[:2]] == ["config", "commit"]


def test_a_credential_of_a_log_is_in_no_annotation(aws: ScriptedAws, step: Callable[..., Step]) -> None:
    """The log has the line as the container wrote it, as CloudWatch Logs has."""
    CAUSES["a credential in the log"][0](aws)
    ended = step("deploy")
    assert all("hunter2" not in line for line in ended.log.splitlines() if line.startswith("::"))
