"""The tables of causes: what AWS writes, what it means, and what to do next."""

from __future__ import annotations

from typing import NamedTuple


class Known(NamedTuple):
    """A regular expression for AWS's words, and what ecs-cd makes of them.

    "a: b" is the same cause as "a", stated more precisely; ``diagnose`` relies on that. ``next_step`` is for a task of
    a service, and for a one-off task too unless ``one_off`` says something else. ``quotes``: the cause is a kind only,
    so AWS's own words are its detail.
    """

    words: str
    cause: str
    next_step: str
    permanent: bool = False
    one_off: str = ""
    quotes: bool = False


# The first match in these tables counts, so specific causes come before general ones. The words are from
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
    "Give the task's subnets a route to it: a NAT gateway, a public IP (`assignPublicIp` in a public subnet) or VPC "
    "endpoints"
)
_NOT_AGAIN = "Nothing starts a one-off task again: check in its log how far it got, then run it again if that is safe."
SPOT = Known(
    r"Spot Task was interrupted",
    "AWS took the spot capacity back",
    "ECS starts another task. If that is not enough, give FARGATE a `base` in the capacityProviderStrategy.",
    one_off=f"{_NOT_AGAIN} FARGATE, unlike FARGATE_SPOT, is not interrupted.",
)
ALARM = Known(
    r"alarm detected|active alarms?|alarms? (has|have) been activated|ALARM_ACTIVE",
    "an alarm ended the deployment",
    "Check the alarm's metric during the deployment. An alarm that is already in ALARM when a deployment starts ends "
    "every deployment.",
)
ENDED_SOMEHOW = Known(
    r"deployment failed: ",
    "AWS ended the deployment",
    "Look at the deployment in the ECS or CodeDeploy console: its events show what AWS was doing then.",
    quotes=True,
)
OTHER_CPU = Known(
    r"exec format error",
    "the image is built for another CPU architecture",
    "Build for the platform that the task runs on, or set `runtimePlatform.cpuArchitecture` to the image's.",
    permanent=True,
)

# What ended the deployment and is also its cause.
ENDED = (
    Known(
        r"lifecycle hook\(s\) failed.*(unable to assume|not authorized)",
        "a lifecycle hook failed: no permission",
        "Let ecs.amazonaws.com assume the role (the hook's or the load balancer's), and allow it the action that AWS "
        "names.",
        quotes=True,
    ),
    Known(
        r"lifecycle hook\(s\) failed|HOOK_EXECUTION_FAILURE|lifecycle event validation functions? failed",
        "a lifecycle hook failed",
        "Read the log of the hook's Lambda function: it must return `hookStatus` (ECS) or call "
        "PutLifecycleEventHookExecutionStatus (CodeDeploy) in time.",
    ),
    ALARM,
    Known(
        r"invalid networking configuration",
        "the load balancer is not set up for this deployment",
        "Attach both target groups of the service to its listener rules, and send traffic to exactly one of them.",
        quotes=True,
    ),
)

# Why a container ended; the cause names the container.
CONTAINER = (
    Known(
        r"CannotPull.*(matching platform|no matching manifest)",
        "the image can't be pulled: it is not built for the task's platform",
        "Build for the platform that the task runs on, or set `runtimePlatform` (cpuArchitecture, "
        "operatingSystemFamily) to the image's.",
        permanent=True,
    ),
    Known(
        rf"CannotPull.*{_NO_ROUTE}",
        "the image can't be pulled: no route to its registry",
        f"{_WAY_OUT} (ecr.api, ecr.dkr, s3). Also check security groups and DNS.",
    ),
    Known(
        r"CannotPull.*(toomanyrequests|rate limit)",
        "the image can't be pulled: the registry's rate limit",
        "Pull from ECR (a pull-through cache or a copy) instead of the public registry.",
    ),
    Known(
        r"CannotPull.*no space left",
        "the image can't be pulled: the disk is full",
        "Raise `ephemeralStorage`, or clean the instance's disk.",
    ),
    Known(
        r"CannotPull.*pull access denied",
        "the image can't be pulled: it does not exist, or no permission",
        "Check the image's name in the task definition; a private registry other than ECR needs repositoryCredentials.",
        permanent=True,
    ),
    Known(
        r"CannotPull.*(\bnot found|NotFoundException|manifest unknown|name unknown|does not exist|no such image)|"
        r"unable to pull image.*(no such image|manifest unknown|manifest for .* not found)",
        "the image can't be pulled: it does not exist",
        "Check the image's name and tag in the task definition, and that it was pushed to that registry.",
        permanent=True,
    ),
    Known(
        rf"CannotPull.*{_DENIED}",
        "the image can't be pulled: no permission",
        "Allow the execution role (on EC2 without one, the instance role) ecr:GetAuthorizationToken, "
        "ecr:BatchGetImage and ecr:GetDownloadUrlForLayer, and check the repository's policy.",
        permanent=True,
    ),
    Known(
        r"CannotPull.*invalid reference format",
        "the image can't be pulled: its name is not valid",
        "Check `image` in the task definition: host/repository:tag or host/repository@sha256:...",
        permanent=True,
    ),
    Known(
        r"CannotPull",
        "the image can't be pulled",
        "Check that the image exists, also for the task's platform, and that the task's subnets have a route to its "
        "registry.",
        quotes=True,
    ),
    Known(
        rf"(logger args|logging driver|Cloudwatch log).*{_NO_ROUTE}",
        "the log group can't be used: no route to CloudWatch Logs",
        f"{_WAY_OUT} (logs). Also check awslogs-region.",
    ),
    Known(
        rf"(logger args|logging driver|Cloudwatch log).*{_DENIED}",
        "the log group can't be used: no permission",
        "Give the execution role logs:CreateLogStream and logs:PutLogEvents; with awslogs-create-group also "
        "logs:CreateLogGroup.",
        permanent=True,
    ),
    Known(
        r"(logger args|logging driver|Cloudwatch log).*(group does not exist|NotFound)",
        "the log group can't be used: it does not exist",
        "Create the log group in awslogs-region, or set the option awslogs-create-group.",
        permanent=True,
    ),
    Known(
        r"(logger args|logging driver)",
        "the log can't be set up",
        "Check the options of logConfiguration: awslogs-group, awslogs-region, awslogs-stream-prefix.",
        quotes=True,
    ),
    Known(
        r"OutOfMemory",
        "the container ran out of memory",
        "Raise `memory` in the task definition, or find out what uses so much.",
    ),
    OTHER_CPU,
    Known(
        r"(exec: |executable file).*(no such file or directory|not found in \$PATH)",
        "the container can't be started: its command is not in the image",
        "Check entryPoint and command against the image: the file's path, and the interpreter in its first line.",
        permanent=True,
    ),
    Known(
        r"exec: .*permission denied",
        "the container can't be started: its command is not executable",
        "Make the file executable in the image (COPY --chmod=755), or start it through its interpreter.",
        permanent=True,
    ),
    Known(
        r"port is already allocated|address already in use|external connectivity",
        "the container can't be started: its host port is taken",
        "Set hostPort to 0 (a free port each time), or use networkMode awsvpc.",
    ),
    Known(
        r"CannotCreateContainer|CannotStartContainer|runtime create failed",
        "the container can't be started",
        "Check the container's entryPoint and command (does the file exist in the image, and is it executable?), "
        "its devices and its mount points.",
        quotes=True,
    ),
    Known(
        r"(Docker|ContainerRuntime)TimeoutError",
        "the container can't be started: it was not ready in time",
        "Check the instance's load and its container runtime; another task may still start.",
        one_off="Check the instance's load and its container runtime, then run the task again.",
    ),
    Known(
        r"failed container health checks",
        "the container's health check failed",
        "Run `healthCheck.command` inside the image (does it have curl or wget, is the port right?). For a slow "
        "start, raise `startPeriod` and `retries`.",
    ),
)

# Why a task ended, and what ECS could not do for it.
TASK = (
    Known(
        rf"ecr registry auth.*{_DENIED}|registry auth from Amazon ECR.*{_DENIED}",
        "ECS can't sign in to the registry: no permission",
        "Give the execution role ecr:GetAuthorizationToken, ecr:BatchGetImage and ecr:GetDownloadUrlForLayer.",
        permanent=True,
    ),
    Known(
        rf"(ecr registry auth|registry auth from Amazon ECR).*{_NO_ROUTE}",
        "ECS can't sign in to the registry: no route to ECR",
        f"{_WAY_OUT} (ecr.api, ecr.dkr, s3). Also check security groups and DNS.",
    ),
    Known(
        r"pull secrets or registry auth: pull command failed",
        "ECS can reach neither the secrets nor the registry: no route",
        f"{_WAY_OUT} (secretsmanager, ssm, kms, ecr.api). Also check security groups and DNS.",
    ),
    Known(
        r"did not contain json key|retrieve json key|secret.*invalid character",
        "the secret can't be read: it has no such JSON key",
        "Compare the key at the end of `valueFrom` with the keys of the secret, which must be a JSON object.",
        permanent=True,
    ),
    Known(
        r"secrets? .*(ResourceNotFound|can't find the specified secret|marked for deletion|"
        r"invalid (ssm )?parameters|ParameterNotFound)|invalid ssm parameters|"
        r"unable to retrieve secret \S+ for environment variable",  # ministack's
        "the secret can't be read: it does not exist",
        "Compare `valueFrom` in the task definition's secrets with the secret's ARN or the parameter's name, "
        "including region and account.",
        permanent=True,
    ),
    Known(
        rf"(pull|retrieve|fetch\w*) secrets?\b.*{_DENIED}",
        "the secret can't be read: no permission",
        "Give the execution role secretsmanager:GetSecretValue or ssm:GetParameters on it, and kms:Decrypt if it has "
        "its own key.",
        permanent=True,
    ),
    Known(
        rf"(pull|retrieve|fetch\w*) secrets?\b.*{_NO_ROUTE}",
        "the secret can't be read: no route to it",
        f"{_WAY_OUT} (secretsmanager, ssm, kms, ecr.api). Also check security groups and DNS.",
    ),
    Known(
        r"EFS (utils|volume)",
        "the EFS volume can't be mounted",
        "Open port 2049 from the task's security group to that of the mount targets, create a mount target in each of "
        "the task's zones, and check rootDirectory and access point.",
        quotes=True,
    ),
    Known(
        r"Unable to launch instance|UnfulfillableCapacity|InsufficientInstanceCapacity",
        "no capacity: the capacity provider can't launch an instance",
        "Check the instance types, zones and quotas of its Auto Scaling group, or the provider's role.",
        quotes=True,
    ),
    Known(
        r"unable to assume the role|IAM (trust relationship|permissions policies) ha(s|ve) been misconfigured",
        "the role can't be assumed",
        "Let ecs-tasks.amazonaws.com assume it (trust policy of taskRoleArn and executionRoleArn), and check that "
        "the role exists in this account.",
        permanent=True,
    ),
    Known(
        r"InsufficientFreeAddresses|not have enough free addresses",
        "no network interface (ENI) for the task: the subnet has no free IP address",
        "Add subnets with free addresses to the service's awsvpcConfiguration.",
        one_off="Run it in subnets with free addresses: `migrate` uses the service's, `run-task` those of "
        "run-task-subnets.",
    ),
    Known(
        r"network interface provision|Create Network Interface",
        "no network interface (ENI) for the task",
        "Check the quota of network interfaces, the subnets' free addresses, and the AWS Health Dashboard.",
        quotes=True,
    ),
    SPOT,
    Known(
        r"Host EC2 .*(terminated|stopped)|instance is draining|deregistration forced",
        "the task's instance went away",
        "Check the Auto Scaling group's activity. ECS starts another task.",
        one_off=f"Check the Auto Scaling group's activity. {_NOT_AGAIN}",
    ),
    Known(
        r"ResourceInitializationError",
        "the task's resources could not be set up (secrets, log group or network)",
        "Check that each secret and log group named in the task definition exists, that the execution role may read "
        "it, and that the task's subnets have a route to its service.",
        quotes=True,
    ),
)

# What a load balancer reports, in a stopped task, an event or DescribeTargetHealth.
HEALTH = (
    Known(
        r"unhealthy.*(failed with these codes|Target\.ResponseCodeMismatch)",
        "the target group's health check failed: unexpected response",
        "Compare the target group's path and success codes (Matcher) with the container's response. If it only needs "
        "longer to start, raise `healthCheckGracePeriodSeconds`.",
    ),
    Known(
        r"unhealthy.*(Request timed out|Target\.Timeout)",
        "the target group's health check failed: no response in time",
        "Let the task's security group accept the load balancer's on the container's port, make the program listen on "
        "0.0.0.0 and that port, and check HealthCheckTimeoutSeconds.",
    ),
    Known(
        r"Availability Zone that is not enabled|Target\.NotInUse",
        "the target group's health check failed: the load balancer does not use the target",
        "Give the target group a listener rule, and the load balancer a subnet in each zone of the service.",
    ),
    Known(
        r"TARGET GROUP IS NOT FOUND",
        "the target group does not exist",
        "Restore it, or recreate the service with another one.",
        permanent=True,
    ),
    Known(
        r"failed ELB health checks|\bis unhealthy\b|\bnot healthy in\b|UnhealthyThreshold",
        "the target group's health check failed",
        "Check port and path of the target group's health check, the security group from the load balancer to the "
        "task, and whether `healthCheckGracePeriodSeconds` covers the container's start.",
    ),
)

# Why a task can't be placed.
PLACEMENT = (
    Known(
        r"already using a port|RESOURCE:PORTS|not enough ports",
        "the host port is taken on every instance",
        "Set hostPort to 0 (a free port each time), add instances, or lower minimumHealthyPercent so that an old task "
        "can stop first.",
        one_off="Set hostPort to 0 (a free port each time), or add instances.",
    ),
    Known(
        r"RESOURCE:ENI|not enough ENI|ENI attachment",
        "no instance has a free network interface (ENI)",
        "Add instances, use larger ones, or turn on the account setting awsvpcTrunking.",
    ),
    Known(
        r"missing an attribute",
        "no instance has the attributes that the task needs",
        "Compare `requiresAttributes`, runtimePlatform, log driver, placementConstraints and the service's subnets "
        "with those of the container instances.",
    ),
    Known(
        r"insufficient (CPU|memory)|RESOURCE:(CPU|MEMORY|GPU)",
        "no instance has enough free CPU, memory or GPU",
        "Add instances (managed scaling of a capacity provider), lower `cpu` and `memory`, or lower "
        "minimumHealthyPercent so that an old task can stop first.",
        one_off="Add instances (managed scaling of a capacity provider), or lower `cpu` and `memory`.",
    ),
    Known(
        r"No Container Instances were found",
        "the cluster has no container instance",
        "Register instances, or give the service a capacity provider or launchType FARGATE.",
        one_off="Register instances, or run the task on a capacity provider or with launch type FARGATE.",
    ),
    Known(
        r'error "?AGENT|ECS Agent to start',
        "no instance has a connected container agent",
        "Check the agent on the instance (systemctl status ecs, /var/log/ecs/ecs-agent.log).",
    ),
    Known(
        r"reached the limit on the number of|is above your limit",
        "the account's quota is used up",
        "Request more in Service Quotas (Fargate On-Demand or Spot vCPU), or stop unneeded tasks.",
        quotes=True,
    ),
    Known(
        r"Capacity is unavailable",
        "no capacity: AWS has none left in these zones",
        "Add subnets in other zones, or use FARGATE as well as FARGATE_SPOT.",
    ),
    Known(
        r"provisioning capacity limit was exceeded",
        "no capacity: too many tasks of the cluster are in PROVISIONING",
        "Wait for them, or find out why the capacity provider adds no instances.",
    ),
    Known(
        r"account is (currently )?blocked",
        "the account is blocked",
        "Contact AWS Support.",
        permanent=True,
    ),
    Known(
        r"minimumHealthyPercent",
        "the deployment configuration lets ECS neither start nor stop a task",
        "Raise maximumPercent or lower minimumHealthyPercent: with desiredCount 1, 100 and 200 let a task start.",
    ),
    Known(
        r"protected tasks",
        "old tasks are protected from scaling in",
        "Let the tasks end their protection (UpdateTaskProtection), or wait until it expires.",
    ),
    Known(
        r"failed to register targets.*(not authorized|not in the target group VPC)",
        "the tasks can't be registered in the target group: no permission, or another VPC",
        "Give the role that AWS names elasticloadbalancing:RegisterTargets; the target group must be in the "
        "tasks' VPC.",
        permanent=True,
        quotes=True,
    ),
    Known(
        r"failed to register targets",
        "the tasks can't be registered in the target group",
        "With awsvpc, the target group's type must be ip; otherwise check its quota of targets.",
        quotes=True,
    ),
    Known(
        r"operations are being throttled",
        "ECS is throttled",
        "Wait: ECS retries by itself. Fewer deployments at once help.",
        one_off="Run the task again later.",
    ),
    Known(
        r"no container instance met all|unable to place|could not launch \d|failed to launch a task",
        "ECS can't place the task",
        "Compare what the task needs (`cpu`, `memory`, placementConstraints, platform) with the cluster's "
        "instances and "
        "capacity providers.",
        quotes=True,
    ),
)

# Consequences of other causes, so never reported first.
GENERAL = (
    Known(
        r"circuit breaker|deployment failed: tasks failed to start",
        "the circuit breaker ended the deployment",
        "Find out why its tasks stopped: `aws ecs describe-tasks` shows them for an hour.",
    ),
    Known(
        r"unable to consistently start tasks",
        "task after task failed to start",
        "Find out why they stopped: `aws ecs describe-tasks` shows them for an hour.",
    ),
    Known(
        r"timed out while waiting for the replacement task set",
        "the replacement task set did not become healthy in time",
        "Check the new tasks: do they run, and does the target group report them as healthy?",
    ),
    ENDED_SOMEHOW,
)

# These stop codes say who ended the task; the exit code only shows how it died.
STOPPED_FROM_OUTSIDE = {
    "SpotInterruption": SPOT,
    "TerminationNotice": Known(
        "", "the instance is being terminated", "ECS starts the task elsewhere.", one_off=_NOT_AGAIN
    ),
    "InfrastructureHealth": Known(
        "", "AWS found the task's infrastructure unhealthy", "ECS starts the task elsewhere.", one_off=_NOT_AGAIN
    ),
    "UserInitiated": Known(
        "",
        "a user stopped the task",
        "CloudTrail shows who called StopTask.",
        one_off=f"CloudTrail shows who called StopTask. {_NOT_AGAIN}",
    ),
}

# https://docs.docker.com/engine/containers/run/#exit-status, and 128 + the number of a signal.
# A program may use any of them, so none counts as permanent.
EXIT_CODES = {
    0: Known(
        "",
        "container `{}` ended by itself, with exit code 0",
        "A service's container must keep running; check its command.",
    ),
    126: Known(
        "",
        "container `{}` could not execute its command (exit code 126)",
        "Make the file executable in the image, and check the interpreter in its first line.",
    ),
    127: Known(
        "",
        "container `{}` did not find its command (exit code 127)",
        "Check entryPoint, command and what they call against the image: path, PATH, interpreter.",
    ),
    137: Known(
        "",
        "container `{}` was killed by SIGKILL (exit code 137)",
        "It ran out of memory (raise `memory`), or was not stopped in time (`stopTimeout`).",
        one_off="It ran out of memory (raise `memory`), or was not stopped within `stopTimeout` after an essential "
        "container had ended. Check in its log how far it got before you run it again.",
    ),
    139: Known(
        "",
        "container `{}` crashed with a segmentation fault, SIGSEGV (exit code 139)",
        "Check native libraries, and the image's CPU architecture.",
    ),
    143: Known(
        "",
        "container `{}` was asked to stop by SIGTERM (exit code 143)",
        "A health check, a user or the end of another container stopped it: see the service's events.",
        one_off="A user stopped it, or an essential container had ended. Let it exit with 0 on SIGTERM.",
    ),
}

# The other signals that end a program by itself, by their exit code.
SIGNALS = {
    code: Known("", f"container `{{}}` was ended by {name} (exit code {code})", next_step)
    for code, name, next_step in (
        (129, "SIGHUP", "Start the program without a shell that can go away (`exec`)."),
        (130, "SIGINT", "Something asked it to stop: look for what sends SIGINT."),
        (131, "SIGQUIT", "Something asked it to stop: look for what sends SIGQUIT."),
        (132, "SIGILL", "Build for the CPU that the task runs on: the program uses instructions that it lacks."),
        (134, "SIGABRT", "The program gave up by itself: its log says why."),
        (135, "SIGBUS", "Check the size of /dev/shm (`linuxParameters.sharedMemorySize`) and mapped files."),
        (136, "SIGFPE", "The program divided by zero: check native libraries."),
        (141, "SIGPIPE", "It wrote to a closed pipe: check what reads its output."),
    )
}
