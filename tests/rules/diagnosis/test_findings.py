"""From the evidence to the likely causes."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from ecs_cd.diagnosis.causes import EXIT_CODES, STOPPED_FROM_OUTSIDE
from ecs_cd.diagnosis.evidence import Evidence, Finding, StoppedTask
from ecs_cd.diagnosis.findings import deaths, diagnose, event_cause, new_events, one_off_failed, task_failed

ECR = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/app@sha256:" + "a" * 64
GROUP = "(target-group arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/web/0123)"
SECRETS = "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed:"
ASM = f"{SECRETS} unable to retrieve secret from asm: service call has been retried 1 time(s): failed to fetch secret arn:aws:secretsmanager:eu-west-1:1:secret:db-a1 from secrets manager:"
LOGGER = "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times:"
DAEMON = "CannotStartContainerError: Error response from daemon:"
OCI = "CannotStartContainerError: ResourceInitializationError: failed to create new container runtime task: failed to create shim: OCI runtime create failed: runc create failed: unable to start container process:"
NO_PLACE = "was unable to place a task because no container instance met all of its requirements."
CLOSEST = f"{NO_PLACE} The closest matching (container-instance 5ed586c7)"
HOOK = "Service deployment rolled back because TEST_TRAFFIC_SHIFT lifecycle hook(s) failed."
ASSUME = "ECS was unable to assume the role 'arn:aws:iam::1:role/web' that was provided for this task. Please verify that the role being passed has the proper trust relationship and permissions and that your IAM user has permissions to pass this role."

# In each table: words of AWS, from its documentation and from people's reports; the cause; whether it stays.
# These causes name the container where ECS does.
CONTAINERS = [
    (f"CannotPullContainerError: pull image manifest has been retried 7 time(s): failed to resolve ref {ECR}: not found", "the image can't be pulled: it does not exist", True),
    ("CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref x.dkr.ecr.eu-west-1.amazonaws.com/app:403: x.dkr.ecr.eu-west-1.amazonaws.com/app:403: not found", "the image can't be pulled: it does not exist", True),
    ("CannotPullContainerError: Error response from daemon: manifest for x/app:1 not found: manifest unknown: Requested image not found", "the image can't be pulled: it does not exist", True),
    ("CannotPullContainerError: Error response from daemon: manifest unknown: manifest unknown", "the image can't be pulled: it does not exist", True),
    ("CannotPullContainerError: Error response from daemon: repository x.dkr.ecr.eu-west-1.amazonaws.com/ap not found: name unknown: The repository with name 'ap' does not exist in the registry with id '1'", "the image can't be pulled: it does not exist", True),
    ("CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref docker.io/me/app:1: pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed.", "the image can't be pulled: it does not exist, or no permission", True),
    (f"CannotPullContainerError: failed to resolve ref {ECR}: pulling from host failed with status code [manifests 1]: 403 Forbidden", "the image can't be pulled: no permission", True),
    ("CannotPullECRContainerError: AccessDeniedException: User: x is not authorized to perform: ecr:GetAuthorizationToken", "the image can't be pulled: no permission", True),
    ("CannotPullContainerError: Error response from daemon: Get https://x/v2/app/manifests/1: no basic auth credentials", "the image can't be pulled: no permission", True),
    ("CannotPullContainerError: The task can't pull the image. Check that the role has the permissions to pull images from the registry.", "the image can't be pulled: no permission", True),
    ("CannotPullContainerError: ref pull has been retried 1 time(s): failed to copy: httpReaderSeeker: failed open: unexpected status code https://x/blobs/sha256:1: 403 Forbidden", "the image can't be pulled: no permission", True),
    (f"CannotPullContainerError: pull image manifest has been retried 5 time(s): failed to resolve ref {ECR}: failed to do request: Head \"https://x/v2/app/manifests/1\": dial tcp 34.205.13.154:443: i/o timeout", "the image can't be pulled: no route to its registry", False),
    ("CannotPullContainerError: ref 140312345678.dkr.ecr.x/a@sha256:0401403: i/o timeout", "the image can't be pulled: no route to its registry", False),
    ("CannotPullContainerError: dial tcp: lookup x.dkr.ecr.y: no such host", "the image can't be pulled: no route to its registry", False),
    ("CannotPullContainerError: API error (500): Get https://x/v2/: net/http: request canceled while waiting for connection", "the image can't be pulled: no route to its registry", False),
    ("CannotPullImageManifestError: Error response from daemon: Get \"https://x/v2/\": context deadline exceeded", "the image can't be pulled: no route to its registry", False),
    ("CannotPullContainerError: The task cannot pull 'app' from the Amazon ECR repository 'x'. There is a connection issue between the task and Amazon ECR. Check your task network configuration.", "the image can't be pulled: no route to its registry", False),
    ("CannotPullContainerError: toomanyrequests: You have reached your pull rate limit. You may increase the limit by authenticating", "the image can't be pulled: the registry's rate limit", False),
    ("CannotPullContainerError: write /var/lib/docker/tmp/GetImageBlob111111111: no space left on device", "the image can't be pulled: the disk is full", False),
    ("CannotPullContainerError: pull image manifest has been retried 1 time(s): image Manifest does not contain descriptor matching platform 'linux/amd64'", "the image can't be pulled: it is not built for the task's platform", True),
    ("CannotPullContainerError: no matching manifest for linux/amd64 in the manifest list entries", "the image can't be pulled: it is not built for the task's platform", True),
    ("CannotPullContainerError: invalid reference format", "the image can't be pulled: its name is not valid", True),
    ("CannotPullContainerError: pulling from host failed with status code [manifests 1]: 503 Service Unavailable", "the image can't be pulled", False),
    ("CannotPullContainerError: ref timeout-denied-app:401: 500 Internal Server Error", "the image can't be pulled", False),
    (f"{LOGGER} failed to create Cloudwatch log stream: operation error CloudWatch Logs: CreateLogStream, https response error StatusCode: 400, ResourceNotFoundException: The specified log group does not exist. : exit status 1", "the log group can't be used: it does not exist", True),
    (f"{DAEMON} failed to initialize logging driver: failed to create Cloudwatch log stream: ResourceNotFoundException: The specified log group does not exist.", "the log group can't be used: it does not exist", True),
    (f"{LOGGER} failed to create Cloudwatch log group: operation error CloudWatch Logs: CreateLogGroup, api error AccessDeniedException: User: x is not authorized to perform: logs:CreateLogGroup", "the log group can't be used: no permission", True),
    ("ResourceInitializationError: failed to validate logger args: The task cannot find the Amazon CloudWatch log group defined in the task definition. There is a connection issue between the task and Amazon CloudWatch. Check your network configuration. : signal: killed", "the log group can't be used: no route to CloudWatch Logs", False),
    ("ResourceInitializationError: failed to validate logger args: : signal: killed", "the log group can't be used: no route to CloudWatch Logs", False),
    ("ResourceInitializationError: failed to validate logger args: unable to get awslogs driver arguments: awslogs-region is required", "the log can't be set up", False),
    ("OutOfMemoryError: Container killed due to memory usage", "the container ran out of memory", False),
    (f"{DAEMON} failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: \"/app\": exec format error: unknown", "the image is built for another CPU architecture", True),
    (f"{OCI} exec: \"gunicorn\": executable file not found in $PATH: unknown", "the container can't be started: its command is not in the image", True),
    (f"{DAEMON} failed to create shim task: OCI runtime create failed: exec: \"/app\": stat /app: no such file or directory: unknown", "the container can't be started: its command is not in the image", True),
    (f"{OCI} exec: \"/app\": permission denied: unknown", "the container can't be started: its command is not executable", True),
    (f"{DAEMON} driver failed programming external connectivity on endpoint ecs-web: Bind for 0.0.0.0:8080 failed: port is already allocated", "the container can't be started: its host port is taken", False),
    (f"{DAEMON} error gathering device information while adding custom device \"/dev/dri/renderD130\": no such file or directory", "the container can't be started", False),
    ("CannotCreateContainerError: failed to chown /data: operation not permitted", "the container can't be started", False),
    ("ContainerRuntimeTimeoutError: Could not transition to running; timed out after waiting 1m0s", "the container can't be started: it was not ready in time", False),
    ("Task failed container health checks", "the container's health check failed", False),
]  # fmt: skip

TASKS = [
    (f"{SECRETS} unable to retrieve ecr registry auth: service call has been retried 1 time(s): operation error ECR: GetAuthorizationToken, https response error StatusCode: 400, api error AccessDeniedException: User: x", "ECS can't sign in to the registry: no permission", True),
    ("ResourceInitializationError: unable to pull secrets or registry auth: The task cannot pull registry auth from Amazon ECR: There is a connection issue between the task and Amazon ECR. Check your task network configuration. RequestError: send request failed caused by: Post \"https://api.ecr.us-east-2.amazonaws.com/\": dial tcp 3.17.137.97:443: i/o timeout", "ECS can't sign in to the registry: no route to ECR", False),
    (f"{SECRETS} unable to retrieve ecr registry auth: service call has been retried 3 time(s): RequestError: send request failed caused by: Post \"https://api.ecr.eu-west-1.amazonaws.com/\": dial tcp 1.2.3.4:443: i/o timeout", "ECS can't sign in to the registry: no route to ECR", False),
    ("ResourceInitializationError: unable to pull secrets or registry auth: pull command failed: : signal: killed", "ECS can reach neither the secrets nor the registry: no route", False),
    (f"{ASM} ResourceNotFoundException: Secrets Manager can't find the specified secret.", "the secret can't be read: it does not exist", True),
    (f"{ASM} InvalidRequestException: You can't perform this operation on the secret because it was marked for deletion.", "the secret can't be read: it does not exist", True),
    (f"{SECRETS} unable to retrieve secrets from ssm: service call has been retried 1 time(s): invalid ssm parameters: /web/key", "the secret can't be read: it does not exist", True),
    ("Fetching secret data from SSM Parameter Store in eu-west-1: invalid parameters: /web/key", "the secret can't be read: it does not exist", True),
    (f"{SECRETS} unable to retrieve secret from asm: service call has been retried 1 time(s): retrieved secret from Secrets Manager did not contain json key uri", "the secret can't be read: it has no such JSON key", True),
    (f"{ASM} AccessDeniedException: User: x is not authorized to perform: secretsmanager:GetSecretValue", "the secret can't be read: no permission", True),
    (f"{ASM} AccessDeniedException: Access to KMS is not allowed", "the secret can't be read: no permission", True),
    (f"{SECRETS} unable to retrieve secrets from ssm: service call has been retried 1 time(s): AccessDeniedException: User: x", "the secret can't be read: no permission", True),
    (f"{ASM} RequestCanceled: request context canceled caused by: context deadline exceeded. Please check your task network configuration.", "the secret can't be read: no route to it", False),
    ("ResourceInitializationError: failed to invoke EFS utils commands to set up EFS volumes: stderr: b'mount.nfs4: access denied by server while mounting 127.0.0.1:/'", "the EFS volume can't be mounted", False),
    ("ResourceInitializationError: Unable to launch instance(s) for capacity provider gpu. UnfulfillableCapacity: Unable to fulfill capacity", "no capacity: the capacity provider can't launch an instance", False),
    (ASSUME, "the role can't be assumed", True),
    ("Unexpected EC2 error while attempting to Create Network Interface in subnet 'subnet-1': InsufficientFreeAddressesInSubnet", "no network interface (ENI) for the task: the subnet has no free IP address", False),
    ("Timeout waiting for network interface provisioning to complete.", "no network interface (ENI) for the task", False),
    ("Your Spot Task was interrupted.", "AWS took the spot capacity back", False),
    ("Host EC2 (instance i-0123) terminated.", "the task's instance went away", False),
    ("EC2 instance is draining", "the task's instance went away", False),
    ("ResourceInitializationError: failed to initialize the task", "the task's resources could not be set up (secrets, log group or network)", False),
    (f"Task failed ELB health checks in {GROUP}", "the target group's health check failed", False),
    ("Task failed ELB health checks in (elb web)", "the target group's health check failed", False),
    ("Capacity is unavailable at this time. Please try again later or in a different availability zone", "no capacity: AWS has none left in these zones", False),
    ("TaskFailedToStart: RESOURCE:GPU", "no instance has enough free CPU, memory or GPU", False),
]  # fmt: skip

# Without the "(service web) " that each begins with.
EVENTS = [
    (f"failed to launch a task with (error {ASSUME}).", "the role can't be assumed", True),
    ("IAM trust relationship has been misconfigured or changed, and ECS can no longer maintain your service", "the role can't be assumed", True),
    (f"(task 0123) (port 8080) is unhealthy in {GROUP} due to (reason Health checks failed with these codes: [502]).", "the target group's health check failed: unexpected response", False),
    (f"(port 8080) is unhealthy in {GROUP} due to (reason Request timed out).", "the target group's health check failed: no response in time", False),
    (f"(port 8080) is unhealthy in {GROUP} due to (reason Health checks failed).", "the target group's health check failed", False),
    ("(instance i-1) is unhealthy in (elb web) due to (reason Instance has failed at least the UnhealthyThreshold number of health checks consecutively.)", "the target group's health check failed", False),
    (f"(port 3000) is unhealthy in {GROUP} due to (reason Target is in an Availability Zone that is not enabled for the load balancer)", "the target group's health check failed: the load balancer does not use the target", False),
    ("task set (1) (task 2) is not healthy in target-group (x) due to TARGET GROUP IS NOT FOUND.", "the target group does not exist", True),
    ("(task 0123) failed container health checks.", "the container's health check failed", False),
    (f"{CLOSEST} is already using a port required by your task.", "the host port is taken on every instance", False),
    (f"{NO_PLACE} Reason: encountered error \"RESOURCE:PORTS\".", "the host port is taken on every instance", False),
    (f"{NO_PLACE} Reason: encountered error \"RESOURCE:ENI\".", "no instance has a free network interface (ENI)", False),
    (f"{NO_PLACE} Reason: Not enough ENI attachment points.", "no instance has a free network interface (ENI)", False),
    (f"{CLOSEST} is missing an attribute required by your task.", "no instance has the attributes that the task needs", False),
    (f"{CLOSEST} has insufficient memory available. For more information, see the Troubleshooting section of the Amazon ECS Developer Guide.", "no instance has enough free CPU, memory or GPU", False),
    (f"{CLOSEST} has insufficient CPU units available.", "no instance has enough free CPU, memory or GPU", False),
    (f"{CLOSEST} encountered error \"AGENT\".", "no instance has a connected container agent", False),
    ("Timed out waiting for Amazon ECS Agent to start. Please check logs at /var/log/ecs/ecs-agent.log", "no instance has a connected container agent", False),
    (f"{NO_PLACE} Reason: No Container Instances were found in your cluster.", "the cluster has no container instance", False),
    ("was unable to reach steady state. Reason: No Container Instances were found in your capacity provider.", "the cluster has no container instance", False),
    ("was unable to place a task. Reason: You've reached the limit on the number of vCPUs you can run concurrently.", "the account's quota is used up", False),
    ("was unable to place a task. Reason: You've reached the limit on the number of tasks you can run concurrently.", "the account's quota is used up", False),
    ("was unable to place a task. Reason: The requested MEMORY configuration is above your limit.", "the account's quota is used up", False),
    ("was unable to place tasks in your cluster because the tasks provisioning capacity limit was exceeded.", "no capacity: too many tasks of the cluster are in PROVISIONING", False),
    ("was unable to place a task because your account is currently blocked.", "the account is blocked", True),
    ("was unable to stop or start tasks during a deployment because of the service deployment configuration. Update the minimumHealthyPercent or maximumPercent value and try again.", "the deployment configuration lets ECS neither start nor stop a task", False),
    ("was unable to reach steady state because task set (1) was unable to scale in. Reason: The number of protected tasks are more than the desired count of tasks", "old tasks are protected from scaling in", False),
    (f"failed to register targets in {GROUP} with (error The following targets are not in the target group VPC 'vpc-1': 'i-1')", "the tasks can't be registered in the target group: no permission, or another VPC", True),
    (f"failed to register targets in {GROUP} with (error Rate exceeded)", "the tasks can't be registered in the target group", False),
    ("operations are being throttled. Will try again later.", "ECS is throttled", False),
    ("was unable to place a task. Reason: Internal error.", "ECS can't place the task", False),
    (f"{NO_PLACE}", "ECS can't place the task", False),
    ("could not launch 2 tasks for deployment ecs-svc/1.", "ECS can't place the task", False),
    ("(deployment ecs-svc/1) deployment failed: alarm detected.", "an alarm ended the deployment", False),
    (f"(deployment ecs-svc/1) deployment failed: {HOOK} ECS was unable to parse the response from arn:aws:lambda:r:1:function:check due to: HookStatus must not be null.", "a lifecycle hook failed", False),
]  # fmt: skip

FOLLOWS = [
    ("(deployment ecs-svc/1) deployment failed: tasks failed to start.", "the circuit breaker ended the deployment"),
    ("(deployment ecs-svc/1) deployment failed: deployment failure.", "AWS ended the deployment"),
    ("is unable to consistently start tasks successfully.", "task after task failed to start"),
]

# rolloutStateReason, statusReason, CodeDeploy's error.
REASONS = [
    ("ECS deployment circuit breaker: tasks failed to start.", "the circuit breaker ended the deployment"),
    ("ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/1.", "the circuit breaker ended the deployment"),
    ("Service deployment rolled back because the circuit breaker threshold was exceeded.", "the circuit breaker ended the deployment"),
    ("Service deployment rolled back because of one or more active alarms.", "an alarm ended the deployment"),
    ("ALARM_ACTIVE: One or more alarms have been activated according to the Amazon CloudWatch metrics you selected, and the affected deployments have been stopped. Activated alarms: <web-5xx>", "an alarm ended the deployment"),
    (f"{HOOK} Lifecycle hook target arn:aws:lambda:us-west-2:1:function:check returned FAILED status.", "a lifecycle hook failed"),
    (f"{HOOK} ECS was unable to assume role arn:aws:iam::1:role/hook", "a lifecycle hook failed: no permission"),
    (f"{HOOK} User: x is not authorized to perform: elasticloadbalancing:ModifyListener", "a lifecycle hook failed: no permission"),
    ("HOOK_EXECUTION_FAILURE: The deployment failed because one or more of the lifecycle event validation functions failed.", "a lifecycle hook failed"),
    ("Service deployment rolled back because of invalid networking configuration. One or more rules not found", "the load balancer is not set up for this deployment"),
    ("The deployment timed out while waiting for the replacement task set to become healthy. This time out period is 60 minutes.", "the replacement task set did not become healthy in time"),
    ("ECS_UPDATE_ERROR: something new", "AWS ended the deployment"),
]  # fmt: skip

# What happens in each deployment, also to services and target groups with a telling name.
ORDINARY = [
    "(service web) has reached a steady state.",
    "(service web) has started 1 tasks: (task 0123).",
    "(service web) has stopped 1 running tasks: (task 0123).",
    "(service web) has begun draining connections on 1 tasks.",
    f"(service web) registered 1 targets in {GROUP}",
    f"(service web) deregistered 1 targets in {GROUP}",
    "(service web) (deployment ecs-svc/1) deployment completed.",
    "(service web) rolling back to deployment ecs-svc/1.",
    "(service web) updated computedDesiredCount to 2.",
    "(service OutOfMemoryError) has reached a steady state.",
    "service CannotPull has reached a steady state.",
    "(service web) registered 1 targets in (target-group arn:aws:elasticloadbalancing:r:1:targetgroup/unhealthy-alarm/0)",
]


def stopped(
    why: str = "", *, code: int | None = None, reason: str = "", stop_code: str = "", id: str = "0123", log: str = ""
) -> StoppedTask:
    container: dict[str, Any] = {"name": "app", **({} if code is None else {"exitCode": code})}
    container |= {"reason": reason} if reason else {}
    task = {"taskArn": f"arn:aws:ecs:r:1:task/c/{id}", "lastStatus": "STOPPED", "containers": [container]}
    task |= {key: value for key, value in (("stoppedReason", why), ("stopCode", stop_code)) if value}
    return StoppedTask(task, tuple(log.splitlines()))


def causes(evidence: Evidence) -> list[str]:
    return [finding.cause for finding in diagnose(evidence)]


def names(rows: list[Any]) -> list[str]:
    return [row[0][-60:] for row in rows]


# --- one piece of evidence ---


@pytest.mark.parametrize(("words", "cause", "permanent"), CONTAINERS + TASKS, ids=names(CONTAINERS + TASKS))
def test_a_reason_of_ecs_has_its_cause(words: str, cause: str, permanent: bool) -> None:
    """Whether the task says it, its container, or an event; the evidence holds ECS's own words."""
    of_task = task_failed(stopped(words, stop_code="TaskFailedToStart"))
    of_container = task_failed(stopped("Task stopped", reason=words))
    event = event_cause(f"(service web) was unable to place a task. Reason: {words}")
    assert event is not None
    named = " (container `app`)" if words in [row[0] for row in CONTAINERS] else ""
    assert (of_task.cause, of_container.cause, event.cause) == (cause, cause + named, cause)
    for finding in (of_task, of_container, event):
        assert finding.permanent is permanent
        assert words in finding.evidence[0]
        assert finding.next_step


@pytest.mark.parametrize(("words", "cause", "permanent"), EVENTS, ids=names(EVENTS))
def test_an_event_has_its_cause(words: str, cause: str, permanent: bool) -> None:
    """With or without brackets around the service; the job log has the event already."""
    for message in (f"(service web) {words}", f"service web {words}"):
        finding = event_cause(message)
        assert finding is not None
        assert finding.next_step
        expected = Finding(cause, (message,), finding.next_step, logged=True, permanent=permanent)
        assert finding == replace(expected, detail=finding.detail)


@pytest.mark.parametrize(("words", "cause"), FOLLOWS, ids=names(FOLLOWS))
def test_an_event_that_only_follows_from_a_cause_is_told_in_the_end(words: str, cause: str) -> None:
    """Earlier it would hide what the dead tasks show; at the end it may be all that is left to report."""
    message = f"(service web) {words}"
    assert event_cause(message) is None
    assert causes(Evidence(events=(message,)))[0] == cause


@pytest.mark.parametrize("message", ORDINARY)
def test_an_ordinary_event_tells_no_cause(message: str) -> None:
    """Else each deployment would have one."""
    assert event_cause(message) is None


@pytest.mark.parametrize(("reason", "cause"), REASONS, ids=names(REASONS))
def test_the_reason_of_the_end_is_a_finding(reason: str, cause: str) -> None:
    """The same finding if an event has it too; unknown reasons are shown as they are."""
    (finding,) = diagnose(Evidence(reason=reason))
    assert (finding.cause, finding.evidence, finding.permanent) == (cause, (reason,), False)
    event = f"(service web) (deployment ecs-svc/1) deployment failed: {reason}"
    assert causes(Evidence(reason=reason, events=(event,))) == [cause, "the service's events"]


@pytest.mark.parametrize("reason", ["", "ECS deployment ecs-svc/1 in progress.", "ECS deployment ecs-svc/1 completed."])
def test_a_deployment_that_has_not_ended_has_no_reason(reason: str) -> None:
    """ECS returns its rollout state all the time."""
    assert diagnose(Evidence(reason=reason)) == []


@pytest.mark.parametrize(
    ("stopped", "cause", "step"),
    [
        (stopped("Essential container in task exited", code=3), "container `app` exited with 3", "empty or can't be read"),
        (stopped("Essential container in task exited", code=3, log="boom"), "container `app` exited with 3", "Fix this in the app"),
        (stopped("Essential container in task exited", code=0), "container `app` ended by itself, with exit code 0", "keep running"),
        (stopped("Essential container in task exited", code=126), "container `app` could not execute its command (exit code 126)", "executable"),
        (stopped("Essential container in task exited", code=127), "container `app` did not find its command (exit code 127)", "PATH"),
        (stopped("Essential container in task exited", code=137), "container `app` was killed by SIGKILL (exit code 137)", "memory"),
        (stopped("Essential container in task exited", code=139), "container `app` crashed with a segmentation fault, SIGSEGV (exit code 139)", "native libraries"),
        (stopped("Essential container in task exited", code=143), "container `app` was asked to stop by SIGTERM (exit code 143)", "events"),
        (stopped("OutOfMemoryError: killed", code=137), "the container ran out of memory (container `app`)", "memory"),
        (stopped("Your Spot Task was interrupted.", code=137, stop_code="SpotInterruption"), "AWS took the spot capacity back", "FARGATE"),
        (stopped("Your Spot Task was interrupted.", code=137, stop_code="TerminationNotice"), "AWS took the spot capacity back", "FARGATE"),
        (stopped("x", code=137, stop_code="TerminationNotice"), "the instance is being terminated", ""),
        (stopped("x", code=137, stop_code="InfrastructureHealth"), "AWS found the task's infrastructure unhealthy", ""),
        (stopped("by hand", code=137, stop_code="UserInitiated"), "a user stopped the task", "StopTask"),
        (stopped(f"Task failed ELB health checks in {GROUP}", code=137, stop_code="ServiceSchedulerInitiated"), "the target group's health check failed", "healthCheckGracePeriodSeconds"),
        (stopped("something new", stop_code="TaskFailedToStart"), "TaskFailedToStart", ""),
        (stopped(), "a task stopped", ""),
    ],
)  # fmt: skip
def test_without_a_known_reason_the_exit_code_tells(stopped: StoppedTask, cause: str, step: str) -> None:
    """Who ended the task explains more than a reason, that more than an exit code; none of it is sure to stay."""
    finding = task_failed(stopped)
    assert finding.cause == cause
    assert step in finding.next_step
    assert not finding.permanent


# What only helps a service, whose tasks ECS replaces.
FOR_SERVICES = re.compile(
    r"ECS starts|another task|minimumHealthyPercent|desiredCount|A service's|old task|retries by itself"
)


@pytest.mark.parametrize("words", [row[0] for row in CONTAINERS + TASKS], ids=names(CONTAINERS + TASKS))
def test_a_one_off_task_gets_no_advice_for_services(words: str) -> None:
    """Nothing starts it again, and no deployment setting helps; cause and evidence are the same."""
    for task in (stopped(words, stop_code="TaskFailedToStart"), stopped("Task stopped", reason=words)):
        finding = one_off_failed(task)
        assert finding.next_step
        assert not FOR_SERVICES.search(finding.next_step)
        assert finding.cause.removesuffix(" (container `app`)") == task_failed(task).cause.removesuffix(
            " (container `app`)"
        )
        assert finding.evidence == task_failed(task).evidence


@pytest.mark.parametrize("stop_code", [*STOPPED_FROM_OUTSIDE, "TaskFailedToStart", "EssentialContainerExited"])
@pytest.mark.parametrize("code", [None, 0, *EXIT_CODES])
def test_no_stop_and_no_exit_code_of_a_one_off_task_gets_advice_for_services(stop_code: str, code: int | None) -> None:
    """A one-off task may exit with 0: that is never why it failed."""
    finding = one_off_failed(stopped("x", code=code, stop_code=stop_code))
    assert not FOR_SERVICES.search(finding.next_step)
    assert "exit code 0" not in finding.cause
    if stop_code in STOPPED_FROM_OUTSIDE:
        assert "Nothing starts a one-off task again" in finding.next_step


@pytest.mark.parametrize(
    ("codes", "named", "cause"),
    [
        ({"app": 0, "sidecar": 137}, "", "container `sidecar` was killed by SIGKILL (exit code 137)"),
        ({"app": 0, "sidecar": 143}, "", "container `sidecar` was asked to stop by SIGTERM (exit code 143)"),
        ({"app": 0, "sidecar": None}, "", "container `sidecar` never ran"),
        ({"init": 2, "app": None}, "app", "container `init` exited with 2"),
        ({"sidecar": 1, "app": 3}, "app", "container `app` exited with 3"),
        ({"sidecar": 1, "app": 137}, "app", "container `sidecar` exited with 1"),
        ({"init": 0, "app": 137}, "app", "container `app` was killed by SIGKILL (exit code 137)"),
        ({"sidecar": 0, "app": None}, "app", "container `app` never ran"),
    ],
)
def test_the_culprit_of_a_one_off_task_never_is_the_container_that_ended_well(
    codes: dict[str, int | None], named: str, cause: str
) -> None:
    """The named container comes first, unless it was merely killed while another failed."""
    containers = [{"name": name, **({} if code is None else {"exitCode": code})} for name, code in codes.items()]
    task = {**stopped("x", stop_code="EssentialContainerExited").task, "containers": containers}
    assert one_off_failed(StoppedTask(task), named).cause == cause


@pytest.mark.parametrize(
    ("log", "cause", "permanent"),
    [
        ("exec /usr/local/bin/docker-entrypoint.sh: exec format error", "the image is built for another CPU architecture (container `app`)", True),
        ("standard_init_linux.go:228: exec user process caused: exec format error", "the image is built for another CPU architecture (container `app`)", True),
        ("starting\nexec /plugin: exec format error", "container `app` exited with 1", False),
        ("plugin failed: exec format error", "container `app` exited with 1", False),
    ],
)  # fmt: skip
def test_a_program_for_another_cpu_leaves_one_line(log: str, cause: str, permanent: bool) -> None:
    """It comes from the container's runtime instead of the program; a program may log the same words about another one."""
    finding = task_failed(stopped("Essential container in task exited", code=1, log=log))
    assert (finding.cause, finding.permanent) == (cause, permanent)


def test_the_evidence_is_the_reason_and_then_the_last_log_lines() -> None:
    """In the order in which a person reads them; a missing reason is mentioned."""
    finding = task_failed(stopped("it exited", code=1, log="boom\nat main.py:3"))
    assert finding.evidence == ("task 0123: it exited", "boom", "at main.py:3")
    assert task_failed(stopped(code=1)).evidence == ("task 0123: no reason given",)


def target(state: str, reason: str = "", description: str = "") -> dict[str, Any]:
    health = {"State": state, "Reason": reason, "Description": description}
    return {
        "Target": {"Id": "10.0.0.1", "Port": 80},
        "TargetHealth": {key: text for key, text in health.items() if text},
    }


CODES = target("unhealthy", "Target.ResponseCodeMismatch", "Health checks failed with these codes: [502]")


@pytest.mark.parametrize(
    ("health", "cause", "line"),
    [
        (CODES, "the target group's health check failed: unexpected response",
         "target 10.0.0.1:80 is unhealthy (Target.ResponseCodeMismatch: Health checks failed with these codes: [502])"),
        (target("unhealthy", "Target.Timeout", "Request timed out"), "the target group's health check failed: no response in time",
         "target 10.0.0.1:80 is unhealthy (Target.Timeout: Request timed out)"),
        (target("unhealthy", "Target.FailedHealthChecks", "Health checks failed"), "the target group's health check failed",
         "target 10.0.0.1:80 is unhealthy (Target.FailedHealthChecks: Health checks failed)"),
        (target("unused", "Target.NotInUse", "Target group is not configured to receive traffic from the load balancer"),
         "the target group's health check failed: the load balancer does not use the target",
         "target 10.0.0.1:80 is unused (Target.NotInUse: Target group is not configured to receive traffic from the load balancer)"),
        (target("initial", "Elb.RegistrationInProgress"), "the load balancer does not report the new targets as healthy yet",
         "target 10.0.0.1:80 is initial (Elb.RegistrationInProgress)"),
        (target("unavailable"), "the load balancer does not report the new targets as healthy yet",
         "target 10.0.0.1:80 is unavailable (no reason given)"),
    ],
)  # fmt: skip
def test_a_targets_health_has_its_cause(health: dict[str, Any], cause: str, line: str) -> None:
    """By the load balancer's reason, which tells a wrong answer from none."""
    (finding,) = diagnose(Evidence(targets=(health,)))
    assert (finding.cause, finding.evidence, finding.logged) == (cause, (line,), False)


def hook(status: str, **more: str) -> dict[str, Any]:
    function = {"targetType": "AWS_LAMBDA", "targetArn": "arn:aws:lambda:r:1:function:check"}
    return {"hookId": "h-1", "status": status, **(more or function)}


@pytest.mark.parametrize(
    ("hook", "expected"),
    [
        (hook("FAILED"), ["a lifecycle hook failed: check"]),
        (hook("TIMED_OUT"), ["a lifecycle hook failed: check"]),
        (hook("TIMED_OUT", targetType="PAUSE", timeoutAction="ROLLBACK"), ["a lifecycle hook failed: the deployment was not continued after h-1"]),
        (hook("TIMED_OUT", targetType="PAUSE", timeoutAction="CONTINUE"), []),
        (hook("AWAITING_ACTION", targetType="PAUSE"), []),
        (hook("IN_PROGRESS"), []),
        (hook("SUCCEEDED"), []),
    ],
)  # fmt: skip
def test_a_hook_is_a_cause_where_it_failed(hook: dict[str, Any], expected: list[str]) -> None:
    """Or timed out, unless the deployment then continues."""
    assert causes(Evidence(hooks=(hook,))) == expected


FAILED = {"errorCode": "UnknownError", "message": "the function failed", "logTail": "a\nb"}


@pytest.mark.parametrize(
    ("event", "found"),
    [
        ({"lifecycleEventName": "BeforeAllowTraffic", "status": "Failed", "diagnostics": FAILED},
         [("a lifecycle hook failed: BeforeAllowTraffic", ("BeforeAllowTraffic: UnknownError the function failed", "a", "b"))]),
        ({"lifecycleEventName": "AfterAllowTestTraffic", "status": "Failed"},
         [("a lifecycle hook failed: AfterAllowTestTraffic", ("AfterAllowTestTraffic: Failed",))]),
        ({"lifecycleEventName": "Install", "status": "Failed", "diagnostics": {"errorCode": "UnknownError"}},
         [("CodeDeploy's Install failed", ("Install: UnknownError",))]),
        ({"lifecycleEventName": "Install", "status": "Succeeded", "diagnostics": {"errorCode": "Success"}}, []),
        ({"lifecycleEventName": "AllowTraffic", "status": "Skipped"}, []),
    ],
)  # fmt: skip
def test_a_lifecycle_event_of_codedeploy_is_a_cause_where_it_failed(
    event: dict[str, Any], found: list[tuple[str, tuple[str, ...]]]
) -> None:
    """With its diagnostics; only at some of them the user's function runs."""
    findings = diagnose(Evidence(lifecycle=(event,)))
    assert [(finding.cause, finding.evidence) for finding in findings] == found


# --- all of it ---

EXITED = stopped("exited", code=1)
BREAKER = "ECS deployment circuit breaker: tasks failed to start."
BREAKER_EVENT = "(service web) (deployment ecs-svc/1) deployment failed: tasks failed to start."
CODES_EVENT = (
    f"(service web) (port 80) is unhealthy in {GROUP} due to (reason Health checks failed with these codes: [502])"
)
ALARM = {"AlarmName": "web-5xx", "StateReason": "Threshold Crossed: 1 datapoint [5.0]"}
ALARMED = "Service deployment rolled back because of one or more active alarms."
SPECIFIC = "the target group's health check failed: unexpected response"


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        (Evidence(), []),
        (Evidence(reason=BREAKER), ["the circuit breaker ended the deployment"]),
        # The breaker never comes first where a dead task, an event or a target tells why.
        (Evidence(stopped=(EXITED,), reason=BREAKER), ["container `app` exited with 1"]),
        (Evidence(targets=(CODES,), reason=BREAKER), [SPECIFIC]),
        (Evidence(stopped=(EXITED,), targets=(target("initial"),), reason=BREAKER),
         ["container `app` exited with 1"]),
        # An alarm or a hook does, where it is what ended the deployment.
        (Evidence(stopped=(EXITED,), alarms=(ALARM,), reason=ALARMED), ["an alarm ended the deployment: `web-5xx`", "container `app` exited with 1"]),
        (Evidence(stopped=(EXITED,), reason=ALARMED), ["an alarm ended the deployment", "container `app` exited with 1"]),
        (Evidence(stopped=(EXITED,), alarms=(ALARM,), reason=BREAKER),
         ["container `app` exited with 1", "an alarm is in ALARM: `web-5xx`"]),
        (Evidence(alarms=(ALARM, {"AlarmName": "web-latency"})), ["an alarm is in ALARM: `web-5xx`, `web-latency`"]),
        (Evidence(stopped=(EXITED,), hooks=(hook("FAILED"),), reason=f"{HOOK} x"), ["a lifecycle hook failed: check", "container `app` exited with 1"]),
        (Evidence(stopped=(EXITED,), lifecycle=({"lifecycleEventName": "AfterInstall", "status": "Failed"},), reason="HOOK_EXECUTION_FAILURE: x"),
         ["a lifecycle hook failed: AfterInstall", "container `app` exited with 1"]),
        (Evidence(stopped=(EXITED,), lifecycle=({"lifecycleEventName": "Install", "status": "Failed"},)),
         ["container `app` exited with 1"]),
        (Evidence(lifecycle=({"lifecycleEventName": "Install", "status": "Failed"},)), ["CodeDeploy's Install failed"]),
        # Of two words for one cause the one that says more counts.
        (Evidence(stopped=(stopped(f"Task failed ELB health checks in {GROUP}", code=137),), targets=(CODES,)), [SPECIFIC]),
        (Evidence(stopped=(stopped("CannotPullContainerError: 503", reason="CannotPullContainerError: 503"), stopped("x", reason="CannotPullContainerError: x: not found"))),
         ["the image can't be pulled: it does not exist (container `app`) (2 tasks)"]),
        (Evidence(stopped=(stopped("CannotPullContainerError: x: not found"), EXITED)), ["the image can't be pulled: it does not exist", "container `app` exited with 1"]),
    ],
)  # fmt: skip
def test_what_explains_comes_before_what_follows_from_it(evidence: Evidence, expected: list[str]) -> None:
    """Each cause once, at its best."""
    assert causes(evidence) == expected


def test_the_most_frequent_cause_comes_first_and_each_once() -> None:
    """Of several tasks with the same cause, the log shows the task with the most evidence."""
    dead = (
        stopped("OutOfMemoryError: killed", code=137, id="1"),
        stopped("exited", code=1, id="2"),
        stopped("exited", code=1, id="3", log="boom"),
    )
    first, second = diagnose(Evidence(stopped=dead))
    assert first.cause == "container `app` exited with 1 (2 tasks)"
    assert first.evidence == ("task 3: exited", "boom")
    assert second.cause == "the container ran out of memory (container `app`)"


def test_causes_of_two_containers_stay_two() -> None:
    """Whose memory was not enough is the point."""
    dead = [stopped("x", reason="OutOfMemoryError: killed", code=137, id=str(number)) for number in range(2)]
    dead[1].task["containers"][0]["name"] = "sidecar"
    assert causes(Evidence(stopped=tuple(dead))) == [
        "the container ran out of memory (container `app`)",
        "the container ran out of memory (container `sidecar`)",
    ]


def test_a_task_an_event_and_a_target_that_tell_one_cause_are_one_finding() -> None:
    """The task's evidence first, then what the others add; the next step comes from the better source."""
    dead = stopped(f"Task failed ELB health checks in {GROUP}", code=137, log="listening on 8081")
    evidence = Evidence(stopped=(dead,), events=(CODES_EVENT,), targets=(CODES,))
    first, last = diagnose(evidence)
    assert first.cause == SPECIFIC
    assert [line.partition(" ")[0] for line in first.evidence] == ["task", "listening", "(service", "target"]
    assert "Matcher" in first.next_step
    assert (first.logged, last.logged) == (False, True)


def test_an_event_that_repeats_a_tasks_reason_adds_nothing() -> None:
    """ECS says why a task could not start in both; that it stays is known from either."""
    words = "CannotPullContainerError: x: not found"
    event = f"(service web) was unable to place a task. Reason: {words}"
    first, last = diagnose(Evidence(stopped=(stopped(reason=words),), events=(event,)))
    assert first.cause == "the image can't be pulled: it does not exist (container `app`)"
    assert first.evidence == (f"task 0123: {words}",)
    assert first.permanent
    assert last.cause == "the service's events"


def test_many_events_of_one_cause_show_the_newest() -> None:
    """ECS repeats itself; the job log has had them all."""
    events = tuple(f"(service web) {CLOSEST} has insufficient memory available. {number}" for number in range(20))
    first, last = diagnose(Evidence(events=events))
    assert (first.cause, first.evidence, first.logged) == (
        "no instance has enough free CPU, memory or GPU",
        events[-3:],
        True,
    )
    assert (last.evidence, last.logged) == (events[-10:], True)


def test_an_alarm_that_ended_the_deployment_is_shown_with_its_reason() -> None:
    """AWS's sentence, and CloudWatch's."""
    (finding,) = diagnose(Evidence(alarms=(ALARM,), reason=ALARMED))
    assert finding.evidence == (ALARMED, "alarm web-5xx: Threshold Crossed: 1 datapoint [5.0]")


@pytest.mark.parametrize(
    ("dead", "events", "expected"),
    [
        ((), ("e",), ["no task stopped by itself"]),
        ((), (f"(service web) {NO_PLACE}",), ["ECS can't place the task", "the service's events"]),
        ((EXITED,), ("e",), ["container `app` exited with 1", "the service's events"]),
        ((EXITED,), (BREAKER_EVENT,), ["container `app` exited with 1", "the service's events"]),
    ],
)  # fmt: skip
def test_the_services_events_are_evidence_of_their_own(
    dead: tuple[StoppedTask, ...], events: tuple[str, ...], expected: list[str]
) -> None:
    """They come last, and alone if there is no other evidence; dead tasks and events together are enough for a diagnosis."""
    findings = diagnose(Evidence(stopped=tuple(dead), events=tuple(events)))
    assert [finding.cause for finding in findings] == expected
    assert findings[-1].evidence == events


def test_new_events_come_oldest_first_and_never_twice() -> None:
    """Each answer of ECS has the newest hundred, newest first."""
    start = datetime(2026, 1, 1, tzinfo=timezone.utc)
    events = [
        {"id": str(n), "createdAt": start + timedelta(seconds=seconds), "message": f"event {n}"}
        for n, seconds in ((3, 2), (2, 1.5), (1, 1), (0, 0))
    ]
    assert new_events({"events": events}, {"0", "2"}) == ["event 1", "event 3"]
    assert new_events({"events": events}, {"0", "1", "2", "3"}) == []
    assert new_events({}, set()) == []


def test_what_died_before_a_success_is_counted_with_its_causes() -> None:
    """The most frequent cause first, no more than three."""
    crashed = [stopped(code=1) for _ in range(2)]
    assert deaths([]) == ""
    assert deaths(crashed[:1]).startswith("1 task died: ")
    words = deaths([stopped(code=3), *crashed])
    assert words.startswith("3 tasks died: ")
    assert words.index("with 1") < words.index("with 3")
