"""Why a deployment fails: from the evidence to the likely causes, and what to do next."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from ecs_cd.diagnosis import stopped_tasks
from ecs_cd.model.references import short

_LAST_EVENTS = 10  # of those without a cause of their own
_OTHERS = 3  # events or targets that tell one cause, the newest


@dataclass(frozen=True)
class Finding:
    """A likely cause, the evidence for it (lines, the log's last lines among them), the next step.

    ``told``: the job log has the evidence already, line by line as it came.
    ``permanent``: it does not heal by itself while this deployment runs; waiting is of no use.
    """

    cause: str
    evidence: tuple[str, ...] = ()
    next_step: str = ""
    told: bool = False
    permanent: bool = False


@dataclass(frozen=True)
class StoppedTask:
    """A stopped task, and the last log lines of the container that took it down."""

    task: stopped_tasks.Task
    log: tuple[str, ...] = ()


@dataclass(frozen=True)
class Evidence:
    """All that is known of a deployment that does not succeed. Everything may be empty."""

    stopped: tuple[StoppedTask, ...] = ()  # of this deployment, stopped by themselves
    events: tuple[str, ...] = ()  # messages of the service's events since it started, the oldest first
    targets: tuple[Mapping[str, Any], ...] = ()  # DescribeTargetHealth's descriptions, those not healthy
    alarms: tuple[Mapping[str, Any], ...] = ()  # DescribeAlarms' alarms that are in ALARM
    hooks: tuple[Mapping[str, Any], ...] = ()  # DescribeServiceDeployments' lifecycleHookDetails
    lifecycle: tuple[Mapping[str, Any], ...] = ()  # lifecycleEvents of CodeDeploy's ECS target
    reason: str = ""  # rolloutStateReason, statusReason, or CodeDeploy's error code and message


class _Known(NamedTuple):
    """Words of AWS, a regular expression, and what we make of them.

    "a: b" is the same cause as "a", told better; ``findings`` goes by that.
    """

    words: str
    cause: str
    next_step: str
    permanent: bool = False


# Of these tables the first match counts, so what is specific stands before what is general. The words are those of
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-event-messages-list.html
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/troubleshooting-blue-green.html
# https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_ErrorInformation.html

_NO_ROUTE = (
    r"(no such host|i/o timeout|handshake timeout|Client\.Timeout|timed out|request cancell?ed|context cancell?ed|"
    r"deadline exceeded|connection (refused|reset|issue)|unreachable|network configuration|signal: killed)"
)
_DENIED = (
    r"(access denied|denied:|AccessDenied|not authorized|no basic auth|authentication required|permissions to pull|"
    r"not allowed|\b40[13] (Forbidden|Unauthorized))"
)
_WAY_OUT = (
    "Give the task's subnets a way to it: a NAT gateway, a public IP (`assignPublicIp` in a public subnet) or VPC "
    "endpoints"
)
_SPOT = _Known(
    r"Spot Task was interrupted",
    "AWS took the spot capacity back",
    "ECS starts another task; where that is not enough give FARGATE a `base` in the capacityProviderStrategy.",
)
_ALARM = _Known(
    r"alarm detected|active alarms?|alarms? (has|have) been activated|ALARM_ACTIVE",
    "an alarm ended the deployment",
    "Look at the alarm's metric over the time of the deployment; an alarm that is in ALARM before it starts ends each "
    "deployment.",
)
_ENDED_SOMEHOW = _Known(
    r"deployment failed: ",
    "AWS ended the deployment",
    "Read the reason in the evidence.",
)
_OTHER_CPU = _Known(
    r"exec format error",
    "the image is built for another CPU architecture",
    "Build for the platform that the task runs on, or set `runtimePlatform.cpuArchitecture` to the image's.",
    permanent=True,
)

# What ended the deployment, and is its cause too.
_ENDED = (
    _Known(
        r"lifecycle hook\(s\) failed.*(unable to assume|not authorized)",
        "a lifecycle hook failed: no permission",
        "Let ecs.amazonaws.com assume the role in the evidence (the hook's or the load balancer's), and give the role "
        "the action that is named there.",
    ),
    _Known(
        r"lifecycle hook\(s\) failed|HOOK_EXECUTION_FAILURE|lifecycle event validation functions? failed",
        "a lifecycle hook failed",
        "Read the log of the hook's Lambda function: it has to answer with `hookStatus` (ECS) or to call "
        "PutLifecycleEventHookExecutionStatus (CodeDeploy) in time.",
    ),
    _ALARM,
    _Known(
        r"invalid networking configuration",
        "the load balancer is not set up for this deployment",
        "Tie both target groups of the service to its listener rules, and let exactly one of them have traffic.",
    ),
)

# What a container's end tells; the cause names the container.
_CONTAINER = (
    _Known(
        r"CannotPull.*(matching platform|no matching manifest)",
        "the image can't be pulled: it is not built for the task's platform",
        "Build for the platform that the task runs on, or set `runtimePlatform` (cpuArchitecture, "
        "operatingSystemFamily) to the image's.",
        permanent=True,
    ),
    _Known(
        rf"CannotPull.*{_NO_ROUTE}",
        "the image can't be pulled: no route to its registry",
        f"{_WAY_OUT} (ecr.api, ecr.dkr, s3). Look at security groups and DNS, too.",
    ),
    _Known(
        r"CannotPull.*(toomanyrequests|rate limit)",
        "the image can't be pulled: the registry's rate limit",
        "Pull from ECR (a pull-through cache or a copy) instead of the public registry.",
    ),
    _Known(
        r"CannotPull.*no space left",
        "the image can't be pulled: the disk is full",
        "Raise `ephemeralStorage`, or clean the instance's disk.",
    ),
    _Known(
        r"CannotPull.*pull access denied",
        "the image can't be pulled: it is not there, or no permission",
        "Check the image's name in the task definition; a private registry other than ECR wants repositoryCredentials.",
        permanent=True,
    ),
    _Known(
        r"CannotPull.*(\bnot found|NotFoundException|manifest unknown|name unknown|does not exist|no such image)",
        "the image can't be pulled: it is not there",
        "Check the image's name and tag in the task definition, and that it was pushed to that registry.",
        permanent=True,
    ),
    _Known(
        rf"CannotPull.*{_DENIED}",
        "the image can't be pulled: no permission",
        "Give the execution role (with EC2 without one, the instance's) ecr:GetAuthorizationToken, ecr:BatchGetImage "
        "and ecr:GetDownloadUrlForLayer, and look at the repository's policy.",
        permanent=True,
    ),
    _Known(
        r"CannotPull.*invalid reference format",
        "the image can't be pulled: its name is not valid",
        "Check `image` in the task definition: host/repository:tag or host/repository@sha256:...",
        permanent=True,
    ),
    _Known(
        r"CannotPull",
        "the image can't be pulled",
        "Check that the image exists, for the task's platform as well, and the way from the task's subnets to it.",
    ),
    _Known(
        rf"(logger args|logging driver|Cloudwatch log).*{_NO_ROUTE}",
        "the log group can't be used: no route to CloudWatch Logs",
        f"{_WAY_OUT} (logs); look at awslogs-region, too.",
    ),
    _Known(
        rf"(logger args|logging driver|Cloudwatch log).*{_DENIED}",
        "the log group can't be used: no permission",
        "Give the execution role logs:CreateLogStream and logs:PutLogEvents; with awslogs-create-group "
        "logs:CreateLogGroup, too.",
        permanent=True,
    ),
    _Known(
        r"(logger args|logging driver|Cloudwatch log).*(group does not exist|NotFound)",
        "the log group can't be used: it is not there",
        "Create the log group in awslogs-region, or set the option awslogs-create-group.",
        permanent=True,
    ),
    _Known(
        r"(logger args|logging driver)",
        "the log can't be set up",
        "Check the options of logConfiguration: awslogs-group, awslogs-region, awslogs-stream-prefix.",
    ),
    _Known(
        r"OutOfMemory",
        "the container ran out of memory",
        "Raise `memory` in the task definition, or find out what needs so much.",
    ),
    _OTHER_CPU,
    _Known(
        r"(exec: |executable file).*(no such file or directory|not found in \$PATH)",
        "the container can't be started: its command is not in the image",
        "Check entryPoint and command against the image: the file's path, and the interpreter in its first line.",
        permanent=True,
    ),
    _Known(
        r"exec: .*permission denied",
        "the container can't be started: its command is not executable",
        "Make the file executable in the image (COPY --chmod=755), or let command start it by its interpreter.",
        permanent=True,
    ),
    _Known(
        r"port is already allocated|address already in use|external connectivity",
        "the container can't be started: its host port is taken",
        "Let hostPort be 0 (a free port each time), or use networkMode awsvpc.",
    ),
    _Known(
        r"CannotCreateContainer|CannotStartContainer|runtime create failed",
        "the container can't be started",
        "Check the container's entryPoint and command (does the file exist in the image, and is it executable?), "
        "its devices and its mount points.",
    ),
    _Known(
        r"(Docker|ContainerRuntime)TimeoutError",
        "the container can't be started: it did not get ready in time",
        "Look at the load of the instance and at its container runtime; another task may well start.",
    ),
    _Known(
        r"failed container health checks",
        "the container's health check failed",
        "Run `healthCheck.command` inside the image (are curl or wget there, does the port fit?), and give a slow "
        "start more `startPeriod` and `retries`.",
    ),
)

# What a task's end tells, and what ECS could not do for it.
_TASK = (
    _Known(
        rf"ecr registry auth.*{_DENIED}|registry auth from Amazon ECR.*{_DENIED}",
        "the registry's sign-in can't be had: no permission",
        "Give the execution role ecr:GetAuthorizationToken, ecr:BatchGetImage and ecr:GetDownloadUrlForLayer.",
        permanent=True,
    ),
    _Known(
        rf"(ecr registry auth|registry auth from Amazon ECR).*{_NO_ROUTE}",
        "the registry's sign-in can't be had: no route to ECR",
        f"{_WAY_OUT} (ecr.api, ecr.dkr, s3). Look at security groups and DNS, too.",
    ),
    _Known(
        r"pull secrets or registry auth: pull command failed",
        "neither secrets nor the registry's sign-in can be had: no route",
        f"{_WAY_OUT} (secretsmanager, ssm, kms, ecr.api). Look at security groups and DNS, too.",
    ),
    _Known(
        r"did not contain json key|secret.*invalid character",
        "the secret can't be read: it has no such JSON key",
        "Compare the key at the end of `valueFrom` with those of the secret, which has to be a JSON object.",
        permanent=True,
    ),
    _Known(
        r"secrets? .*(ResourceNotFound|can't find the specified secret|marked for deletion|"
        r"invalid (ssm )?parameters|ParameterNotFound)|invalid ssm parameters",
        "the secret can't be read: it is not there",
        "Compare `valueFrom` in the task definition's secrets with the secret's ARN or the parameter's name, region "
        "and account included.",
        permanent=True,
    ),
    _Known(
        rf"(pull|retrieve|fetch\w*) secrets?\b.*{_DENIED}",
        "the secret can't be read: no permission",
        "Give the execution role secretsmanager:GetSecretValue or ssm:GetParameters on it, and kms:Decrypt where it "
        "has a key of its own.",
        permanent=True,
    ),
    _Known(
        rf"(pull|retrieve|fetch\w*) secrets?\b.*{_NO_ROUTE}",
        "the secret can't be read: no route to it",
        f"{_WAY_OUT} (secretsmanager, ssm, kms, ecr.api). Look at security groups and DNS, too.",
    ),
    _Known(
        r"EFS (utils|volume)",
        "the EFS volume can't be mounted",
        "Open port 2049 from the task's security group to the mount targets', have a mount target in each of the "
        "task's zones, and check rootDirectory and access point.",
    ),
    _Known(
        r"Unable to launch instance|UnfulfillableCapacity|InsufficientInstanceCapacity",
        "no capacity: the capacity provider can't launch an instance",
        "Look at the reason in the evidence: instance types, zones and quotas, or the provider's role.",
    ),
    _Known(
        r"unable to assume the role|IAM (trust relationship|permissions policies) ha(s|ve) been misconfigured",
        "the role can't be assumed",
        "Let ecs-tasks.amazonaws.com assume it (trust policy of taskRoleArn and executionRoleArn), and check that "
        "the role exists in this account.",
        permanent=True,
    ),
    _Known(
        r"InsufficientFreeAddresses|not have enough free addresses",
        "no network interface (ENI) for the task: the subnet has no free IP address",
        "Add subnets with free addresses to the service's awsvpcConfiguration.",
    ),
    _Known(
        r"network interface provision|Create Network Interface",
        "no network interface (ENI) for the task",
        "Look at the quota of network interfaces, the subnets' free addresses, and AWS's health dashboard.",
    ),
    _SPOT,
    _Known(
        r"Host EC2 .*(terminated|stopped)|instance is draining|deregistration forced",
        "the instance below the task went away",
        "Look at the Auto Scaling group's activity; ECS starts another task.",
    ),
    _Known(
        r"ResourceInitializationError",
        "the task's resources could not be set up (secrets, log group or network)",
        "Check that each secret and log group named in the task definition exists, that the execution "
        "role may read it, and the route to its service.",
    ),
)

# What a load balancer says, through a task's end, an event or DescribeTargetHealth.
_HEALTH = (
    _Known(
        r"unhealthy.*(failed with these codes|Target\.ResponseCodeMismatch)",
        "the target group's health check failed: another answer than expected",
        "Compare the target group's path and success codes (Matcher) with what the container answers there; where it "
        "only needs longer to start, raise `healthCheckGracePeriodSeconds`.",
    ),
    _Known(
        r"unhealthy.*(Request timed out|Target\.Timeout)",
        "the target group's health check failed: no answer in time",
        "Let the task's security group accept the load balancer's on the container's port, let the program listen on "
        "0.0.0.0 and that port, and look at HealthCheckTimeoutSeconds.",
    ),
    _Known(
        r"Availability Zone that is not enabled|Target\.NotInUse",
        "the target group's health check failed: the load balancer does not use the target",
        "Give the target group a listener rule, and the load balancer a subnet in each zone of the service.",
    ),
    _Known(
        r"TARGET GROUP IS NOT FOUND",
        "the target group is not there",
        "Restore it, or create the service anew with another one.",
        permanent=True,
    ),
    _Known(
        r"failed ELB health checks|\bis unhealthy\b|\bnot healthy in\b|UnhealthyThreshold",
        "the target group's health check failed",
        "Check port and path of the target group's health check, the security group from the load balancer to the "
        "task, and `healthCheckGracePeriodSeconds` against the time that the container needs to start.",
    ),
)

# Where a task has no place.
_PLACEMENT = (
    _Known(
        r"already using a port|RESOURCE:PORTS|not enough ports",
        "no instance has the host port free",
        "Let hostPort be 0 (a free port each time), add instances, or lower minimumHealthyPercent so that an old task "
        "can leave first.",
    ),
    _Known(
        r"RESOURCE:ENI|not enough ENI|ENI attachment",
        "no instance has a network interface (ENI) free",
        "Add instances, take larger ones, or turn on the account setting awsvpcTrunking.",
    ),
    _Known(
        r"missing an attribute",
        "no instance has the attributes that the task needs",
        "Compare `requiresAttributes`, runtimePlatform, log driver, placementConstraints and the service's subnets "
        "with the container instances'.",
    ),
    _Known(
        r"insufficient (CPU|memory)|RESOURCE:(CPU|MEMORY|GPU)",
        "no instance has the CPU, memory or GPU free",
        "Add instances (managed scaling of a capacity provider), lower `cpu` and `memory`, or lower "
        "minimumHealthyPercent so that an old task can leave first.",
    ),
    _Known(
        r"No Container Instances were found",
        "the cluster has no container instance",
        "Register instances, or give the service a capacity provider or launchType FARGATE.",
    ),
    _Known(
        r'error "?AGENT|ECS Agent to start',
        "no instance has a container agent that is connected",
        "Look at the agent on the instance (systemctl status ecs, /var/log/ecs/ecs-agent.log).",
    ),
    _Known(
        r"reached the limit on the number of|is above your limit",
        "the account's quota is used up",
        "Ask for more in Service Quotas (Fargate On-Demand or Spot vCPU), or stop what is not needed.",
    ),
    _Known(
        r"Capacity is unavailable",
        "no capacity: AWS has none left in these zones",
        "Add subnets in other zones, or use FARGATE beside FARGATE_SPOT.",
    ),
    _Known(
        r"provisioning capacity limit was exceeded",
        "no capacity: too many tasks of the cluster are in PROVISIONING",
        "Wait for them, or look at why the capacity provider brings no instances.",
    ),
    _Known(
        r"account is (currently )?blocked",
        "the account is blocked",
        "Write to AWS Support.",
        permanent=True,
    ),
    _Known(
        r"minimumHealthyPercent",
        "the deployment configuration lets ECS neither start nor stop a task",
        "Raise maximumPercent or lower minimumHealthyPercent: with desiredCount 1, 100 and 200 let a task start.",
    ),
    _Known(
        r"protected tasks",
        "old tasks are protected from scaling in",
        "Let the tasks end their protection (UpdateTaskProtection), or wait until it expires.",
    ),
    _Known(
        r"failed to register targets.*(not authorized|not in the target group VPC)",
        "the tasks can't be registered in the target group: no permission, or another VPC",
        "Give the role in the evidence elasticloadbalancing:RegisterTargets; the target group has to be in the "
        "tasks' VPC.",
        permanent=True,
    ),
    _Known(
        r"failed to register targets",
        "the tasks can't be registered in the target group",
        "Look at the error in the evidence; with awsvpc the target group's type has to be ip.",
    ),
    _Known(
        r"operations are being throttled",
        "ECS is throttled",
        "Wait: ECS tries again by itself. Fewer deployments at once help.",
    ),
    _Known(
        r"no container instance met all|unable to place|could not launch \d|failed to launch a task",
        "ECS can't place the task",
        "Read the reason in the evidence.",
    ),
)

# What comes of other causes: never the first that is said.
_GENERAL = (
    _Known(
        r"circuit breaker|deployment failed: tasks failed to start",
        "the circuit breaker ended the deployment",
        "Look for why its tasks stopped: `aws ecs describe-tasks` knows them for an hour.",
    ),
    _Known(
        r"unable to consistently start tasks",
        "task after task failed to start",
        "Look for why they stopped: `aws ecs describe-tasks` knows them for an hour.",
    ),
    _Known(
        r"timed out while waiting for the replacement task set",
        "the replacement task set did not become healthy in time",
        "Look at the new tasks: do they run, and does the target group find them healthy?",
    ),
    _ENDED_SOMEHOW,
)

# These say who ended the task; the exit code is then only how it died.
_STOPPED_FROM_OUTSIDE = {
    "SpotInterruption": _SPOT,
    "TerminationNotice": _Known("", "the instance is being terminated", "ECS starts the task elsewhere."),
    "InfrastructureHealth": _Known(
        "", "AWS found the infrastructure below the task unhealthy", "ECS starts the task elsewhere."
    ),
    "UserInitiated": _Known("", "somebody stopped the task", "CloudTrail has who called StopTask."),
}

# https://docs.docker.com/engine/containers/run/#exit-status, and 128 + the number of a signal.
# A program may choose any of them by itself, so none is taken for permanent.
_EXIT_CODES = {
    0: (
        "container `{}` ended by itself, with exit code 0",
        "A service's container has to go on running; look at its command.",
    ),
    126: (
        "container `{}` could not execute its command (exit code 126)",
        "Make the file executable in the image, and check the interpreter in its first line.",
    ),
    127: (
        "container `{}` did not find its command (exit code 127)",
        "Check entryPoint, command and what they call against the image: path, PATH, interpreter.",
    ),
    137: (
        "container `{}` was killed (exit code 137)",
        "Exit code 137 is SIGKILL: out of memory (`memory`), or not stopped in time (`stopTimeout`).",
    ),
    139: (
        "container `{}` crashed with a segmentation fault (exit code 139)",
        "Exit code 139 is SIGSEGV: look at native libraries, and at the CPU architecture of the image.",
    ),
    143: (
        "container `{}` was asked to stop (exit code 143)",
        "Exit code 143 is SIGTERM: a health check, a person, or another container's end stopped it.",
    ),
}

_NOT_ENDED = re.compile(r"ECS deployment \S+ (in progress|completed)\.?")
_ABOUT_WHOM = re.compile(r"^\(?service \(?[^\s)]+\)? ")  # its name is not ECS's words
# The lifecycle events at which CodeDeploy runs a function of the user's.
_CODEDEPLOY_HOOKS = {
    "BeforeInstall", "AfterInstall", "AfterAllowTestTraffic", "BeforeAllowTraffic", "AfterAllowTraffic",
}  # fmt: skip


def task_failed(stopped: StoppedTask) -> Finding:
    """The likely cause of one task's end."""
    task = stopped.task
    culprits = stopped_tasks.failed_containers(task)
    name = str(culprits[0].get("name", "")) if culprits else ""
    words = " ".join(filter(None, [str(task.get("stoppedReason", "")), *(str(c.get("reason", "")) for c in culprits)]))
    evidence = (f"task {short(str(task.get('taskArn', '')))}: {words or 'no reason given'}", *stopped.log)
    # Its stop code is TerminationNotice as well:
    # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_task_events.html
    interrupted = _SPOT if re.search(_SPOT.words, words) else None
    outside = interrupted or _STOPPED_FROM_OUTSIDE.get(str(task.get("stopCode", "")))
    known = outside or _known(words) or _last_words(stopped.log)
    if known:
        whose = f" (container `{name}`)" if name and known in _CONTAINER else ""
        return Finding(known.cause + whose, evidence, known.next_step, permanent=known.permanent)
    code = culprits[0].get("exitCode") if culprits else None
    if code in _EXIT_CODES:
        cause, next_step = _EXIT_CODES[code]
        return Finding(cause.format(name), evidence, next_step)
    if code is not None:
        next_step = "Read its last log lines above." if stopped.log else "It left no log that we can read."
        return Finding(f"container `{name}` exited with {code}", evidence, next_step)
    return Finding(str(task.get("stopCode") or "a task stopped"), evidence)


def event_told(message: str) -> Finding | None:
    """The cause that an event of the service names; ``None`` for what happens in each deployment, and for what only
    comes of another cause, as the circuit breaker does."""
    clue = _event(message)
    return clue.finding if clue and clue.rank < _LAST else None


def findings(evidence: Evidence) -> list[Finding]:
    """The likely causes, each once, and at last the service's events.

    First what ended the deployment where that is a cause of its own (an alarm, a hook), then why tasks
    died, the most frequent first, then what events and targets tell, then alarms that nobody blamed.
    What only comes of another cause, as the circuit breaker does, is told where no other is known.
    """
    known = list(_clues(evidence))
    clues = [clue for clue in known if clue.rank < _LAST] or known
    causes = list(dict.fromkeys(clue.finding.cause for clue in clues))
    by_cause: dict[str, list[_Clue]] = {}
    for clue in clues:
        by_cause.setdefault(_best_told(clue.finding.cause, causes), []).append(clue)
    groups = sorted(by_cause.items(), key=lambda group: (min(c.rank for c in group[1]), -sum(c.task for c in group[1])))
    found = [_as_one(cause, group) for cause, group in groups]
    if evidence.events:
        what = "the service's events" if found else "no task died by itself"
        found.append(Finding(what, evidence.events[-_LAST_EVENTS:], told=True))
    return found


def new_events(service: Mapping[str, Any], seen: set[str]) -> list[str]:
    """The messages of the service's events that are not in ``seen``, the oldest first."""
    newest_first = sorted(service.get("events", ()), key=lambda event: str(event.get("createdAt", "")), reverse=True)
    return [str(event["message"]) for event in reversed(newest_first) if event["id"] not in seen]


class _Clue(NamedTuple):
    """A finding from one piece of evidence, and how early it is said: the lower, the earlier."""

    rank: int
    finding: Finding
    task: bool = False


_ENDED_IT, _DIED, _TOLD, _UNBLAMED, _LAST = range(5)


def _clues(evidence: Evidence) -> Iterator[_Clue]:
    yield from (_Clue(_DIED, task_failed(one), task=True) for one in evidence.stopped)
    said = [clue for message in evidence.events if (clue := _event(message))]
    if evidence.reason and not _NOT_ENDED.fullmatch(evidence.reason):
        unknown = Finding(_ENDED_SOMEHOW.cause, (evidence.reason,), _ENDED_SOMEHOW.next_step)
        said.append(_clue(evidence.reason) or _Clue(_LAST, unknown))
    yield from said
    yield from map(_target_told, evidence.targets)
    yield from (_Clue(_ENDED_IT, finding) for hook in evidence.hooks if (finding := _hook_told(hook)))
    yield from (clue for event in evidence.lifecycle if (clue := _lifecycle_told(event)))
    if evidence.alarms:
        blamed = any(clue.finding.cause == _ALARM.cause for clue in said)
        yield _Clue(_UNBLAMED, _alarms_told(evidence.alarms, _ALARM.cause if blamed else "an alarm is in ALARM"))


def _event(message: str) -> _Clue | None:
    clue = _clue(_ABOUT_WHOM.sub("", message))
    return clue and clue._replace(finding=replace(clue.finding, evidence=(message,), told=True))


def _clue(words: str) -> _Clue | None:
    known = _known(words)
    if known is None:
        return None
    rank = _ENDED_IT if known in _ENDED else _LAST if known in _GENERAL else _TOLD
    return _Clue(rank, Finding(known.cause, (words,), known.next_step, permanent=known.permanent))


def _target_told(description: Mapping[str, Any]) -> _Clue:
    target, health = description.get("Target", {}), description.get("TargetHealth", {})
    why = ": ".join(str(health[name]) for name in ("Reason", "Description") if health.get(name))
    line = f"target {target.get('Id')}:{target.get('Port')} is {health.get('State')} ({why or 'no reason given'})"
    step = (
        "Compare `healthCheckGracePeriodSeconds`, interval and HealthyThresholdCount with the time that it was given."
    )
    not_yet = Finding("the load balancer does not find the new targets healthy yet", (line,), step)
    return _clue(line) or _Clue(_LAST, not_yet)  # initial, unavailable


def _hook_told(hook: Mapping[str, Any]) -> Finding | None:
    """Hooks that failed, or timed out where that means a rollback."""
    status, kind = hook.get("status"), hook.get("targetType")
    if status != "FAILED" and (status != "TIMED_OUT" or hook.get("timeoutAction") == "CONTINUE"):
        return None
    name = str(hook.get("targetArn") or hook.get("hookId")).rpartition(":")[2]
    line = f"hook {hook.get('hookId')} ({kind}, {hook.get('targetArn', 'no target')}) is {status}"
    if kind == "PAUSE":
        step = "Continue the deployment before the pause expires, or raise `timeoutConfiguration` of the hook."
        return Finding(f"a lifecycle hook failed: nobody continued after {name}", (line,), step)
    return Finding(f"a lifecycle hook failed: {name}", (line,), f"Read the log group /aws/lambda/{name}.")


def _lifecycle_told(event: Mapping[str, Any]) -> _Clue | None:
    if event.get("status") != "Failed":
        return None
    name, about = str(event.get("lifecycleEventName")), event.get("diagnostics", {})
    told = [f"{name}: {' '.join(str(about[key]) for key in ('errorCode', 'message') if about.get(key)) or 'Failed'}"]
    lines = (*told, *str(about.get("logTail", "")).splitlines())
    if name in _CODEDEPLOY_HOOKS:
        step = f"Read the log of the Lambda function that the appspec names for {name}."
        return _Clue(_ENDED_IT, Finding(f"a lifecycle hook failed: {name}", lines, step))
    return _Clue(_LAST, Finding(f"CodeDeploy's {name} failed", lines))


def _alarms_told(alarms: Sequence[Mapping[str, Any]], what: str) -> Finding:
    names = ", ".join(f"`{alarm.get('AlarmName')}`" for alarm in alarms)
    lines = tuple(f"alarm {alarm.get('AlarmName')}: {alarm.get('StateReason', 'no reason given')}" for alarm in alarms)
    return Finding(f"{what}: {names}", lines, _ALARM.next_step)


def _known(words: str) -> _Known | None:
    for known in (*_ENDED, *_CONTAINER, *_TASK, *_HEALTH, *_PLACEMENT, *_GENERAL):
        if re.search(known.words, words, re.IGNORECASE | re.DOTALL):
            return known
    return None


def _last_words(log: Sequence[str]) -> _Known | None:
    """What a container's runtime writes in the place of a program that can't run: the log's only line."""
    return _OTHER_CPU if len(log) == 1 and re.match(r"(exec|standard_init_linux).*exec format error", log[0]) else None


def _best_told(cause: str, causes: Sequence[str]) -> str:
    """The same cause as another clue tells it better, with its detail or its container."""
    better = next((other for other in causes if other != cause and _is_of(cause, other)), None)
    return _best_told(better, causes) if better else cause


def _is_of(cause: str, other: str) -> bool:
    (what, _, whose), (other_what, _, other_whose) = (text.partition(" (container ") for text in (cause, other))
    return whose in ("", other_whose) and (what == other_what or other_what.startswith(f"{what}:"))


def _as_one(cause: str, group: Sequence[_Clue]) -> Finding:
    """All clues to one cause as a finding: of the dead tasks the one with the most to show, then what others say."""
    dead = [clue.finding for clue in group if clue.task]
    others = [clue.finding for clue in group if not clue.task][-_OTHERS:]
    lines = [line for finding in others for line in finding.evidence]
    if dead:
        best = max(dead, key=lambda finding: len(finding.evidence))
        # Of the very same cause an event only repeats the task's reason.
        lines = [*best.evidence, *(lines if best.cause != cause else ())]
    return Finding(
        cause + (f" ({len(dead)} tasks)" if len(dead) > 1 else ""),
        tuple(dict.fromkeys(lines)),
        next(clue.finding.next_step for clue in group if clue.finding.cause == cause),
        told=all(clue.finding.told for clue in group),
        permanent=any(clue.finding.permanent for clue in group),
    )
