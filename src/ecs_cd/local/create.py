"""Creates in a local AWS what the infra repo owns elsewhere. Each function can be repeated: it keeps what exists."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import ClientError

from ecs_cd.aws.errors import code
from ecs_cd.aws.session import Aws
from ecs_cd.document.rules.document import Rule, ScheduledTask
from ecs_cd.local import plan
from ecs_cd.local.plan import Secret
from ecs_cd.model.references import S3Object
from ecs_cd.tasks.rules.task_definition import TaskDefinition

_NETWORK = {"awsvpcConfiguration": {"subnets": ["subnet-0a1b2c3d"], "securityGroups": ["sg-0a1b2c3d"]}}
_TARGET_GROUP = "arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/local/0123456789abcdef"
_NEVER = "rate(365 days)"  # and disabled


@contextmanager
def _unless_there(*codes: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        if code(error) not in codes:
            raise


def cluster(aws: Aws, name: str) -> str:
    """Creates an ECS cluster and returns its ARN."""
    return str(aws.client("ecs").create_cluster(clusterName=name)["cluster"]["clusterArn"])


def repository(aws: Aws, name: str) -> None:
    """Creates an ECR repository."""
    with _unless_there("RepositoryAlreadyExistsException"):
        aws.client("ecr").create_repository(repositoryName=name)


def log_group(aws: Aws, name: str, region: str) -> None:
    """Creates a log group in the region that the containers name."""
    with _unless_there("ResourceAlreadyExistsException"):
        aws.client("logs", region=region or aws.region).create_log_group(logGroupName=name)


def bucket(aws: Aws, name: str) -> None:
    """Creates a bucket."""
    elsewhere = {"CreateBucketConfiguration": {"LocationConstraint": aws.region}}
    with _unless_there("BucketAlreadyOwnedByYou", "BucketAlreadyExists"):
        aws.client("s3").create_bucket(Bucket=name, **({} if aws.region == "us-east-1" else elsewhere))


def versioning(aws: Aws, bucket: str) -> None:
    """Makes a bucket keep the versions of its objects."""
    aws.client("s3").put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})


def put(aws: Aws, place: S3Object, body: bytes) -> None:
    """Writes an object."""
    aws.client("s3").put_object(Bucket=place.bucket, Key=place.key, Body=body)


def template(aws: Aws, place: S3Object, definition: TaskDefinition) -> None:
    """Puts a template into its bucket."""
    put(aws, place, json.dumps(definition, indent=2).encode())


def parameter(aws: Aws, name: str, text: str, version: int) -> None:
    """Creates an SSM parameter whose newest version has this number."""
    client = aws.client("ssm")
    with _unless_there("ParameterNotFound"):
        client.delete_parameter(Name=name)
    for _ in range(version):
        client.put_parameter(Name=name, Value=text, Type="String", Tier="Advanced", Overwrite=True)


def secret(aws: Aws, wanted: Secret, given: Mapping[str, str], made_up: str) -> str:
    """Creates a secret with the given values; other values stay if they exist, else they are ``made_up``. Returns its
    ARN, or the parameter's name."""
    if wanted.in_ssm:
        ssm = aws.client("ssm")
        there = _there(lambda: {"": ssm.get_parameter(Name=wanted.name)["Parameter"]["Value"]}, "ParameterNotFound")
        # Not a SecureString: ministack passes its stored, encoded form to containers.
        value = plan.values(wanted, given, there, made_up)[""]
        ssm.put_parameter(Name=wanted.name, Value=value, Type="String", Tier="Advanced", Overwrite=True)
        return wanted.name
    manager = aws.client("secretsmanager")

    def read() -> dict[str, str]:
        text: str = manager.get_secret_value(SecretId=wanted.name)["SecretString"]
        return {"": text} if set(wanted.variables) == {""} else _keys(text)

    there = _there(read, "ResourceNotFoundException")
    text = _secret_text(plan.values(wanted, given, there, made_up))
    if there:
        return str(manager.put_secret_value(SecretId=wanted.name, SecretString=text)["ARN"])
    return str(manager.create_secret(Name=wanted.name, SecretString=text)["ARN"])


def _there(read: Callable[[], dict[str, str]], absent: str) -> dict[str, str]:
    try:
        return read()
    except ClientError as error:
        if code(error) != absent:
            raise
        return {}


def _secret_text(values: Mapping[str, str]) -> str:
    """The plain value if no container reads keys of it, else JSON; containers that read the whole value get JSON."""
    if set(values) == {""}:
        return values[""]
    return json.dumps({key: value for key, value in values.items() if key})


def _keys(text: str) -> dict[str, str]:
    try:
        found = json.loads(text)
    except ValueError:
        return {"": text}
    return found if isinstance(found, dict) else {"": text}


def service(
    aws: Aws, cluster: str, name: str, revision: Callable[[], str], definition: TaskDefinition, controller: str = "ECS"
) -> bool:
    """Creates a service with one task of this revision; returns false if it exists already."""
    client = aws.client("ecs")
    there = client.describe_services(cluster=cluster, services=[name])["services"]
    if any(service["status"] == "ACTIVE" for service in there):
        return False
    network = {"networkConfiguration": _NETWORK} if definition.get("networkMode") == "awsvpc" else {}
    client.create_service(
        cluster=cluster,
        serviceName=name,
        taskDefinition=revision(),
        desiredCount=1,
        launchType=_launch_type(definition),
        deploymentController={"type": controller},
        **network,
        **_balanced(definition, controller),
        # Without it ministack never gives up a deployment whose tasks crash.
        deploymentConfiguration={
            "maximumPercent": 200,
            "minimumHealthyPercent": 100,
            "deploymentCircuitBreaker": {"enable": True, "rollback": True},
        },
    )
    return True


def _launch_type(definition: TaskDefinition) -> str:
    kinds = definition.get("requiresCompatibilities", ())
    return "FARGATE" if "FARGATE" in kinds or (not kinds and definition.get("networkMode") == "awsvpc") else "EC2"


def _balanced(definition: TaskDefinition, controller: str) -> dict[str, Any]:
    """CodeDeploy moves the traffic of a service's load balancer; ministack only keeps what this says."""
    ports = [
        {"targetGroupArn": _TARGET_GROUP, "containerName": each["name"], "containerPort": port["containerPort"]}
        for each in definition["containerDefinitions"]
        for port in each.get("portMappings", ())
    ]
    return {"loadBalancers": ports[:1]} if controller == "CODE_DEPLOY" else {}


def trigger(
    aws: Aws, cluster: str, task: ScheduledTask, revision: Callable[[], str], definition: TaskDefinition
) -> str:
    """Creates a disabled rule or schedule for the task; returns an empty string, or why it is unavailable here."""

    def target() -> dict[str, Any]:
        starts = {"TaskDefinitionArn": revision(), "TaskCount": 1, "LaunchType": _launch_type(definition)}
        role = f"arn:aws:iam::{cluster.split(':')[4]}:role/ecs-cd"
        return {"Arn": cluster, "RoleArn": role, "EcsParameters": starts}

    try:
        if isinstance(task.trigger, Rule):
            _rule(aws, task.trigger, target)
        else:
            _schedule(aws, task.trigger.name, task.trigger.group, target)
    except ClientError as error:
        return f"its trigger can't be created here: ministack answered {error.operation_name} with {code(error)}"
    return ""


def _rule(aws: Aws, rule: Rule, target: Callable[[], dict[str, Any]]) -> None:
    client = aws.client("events")
    bus = rule.event_bus.rpartition("/")[2]
    if bus != "default":
        with _unless_there("ResourceAlreadyExistsException"):
            client.create_event_bus(Name=bus)
    pattern = json.dumps({"source": ["ecs-cd.local"]})
    client.put_rule(Name=rule.name, EventBusName=bus, EventPattern=pattern, State="DISABLED")
    if not client.list_targets_by_rule(Rule=rule.name, EventBusName=bus)["Targets"]:
        client.put_targets(Rule=rule.name, EventBusName=bus, Targets=[{"Id": "task", **target()}])


def _schedule(aws: Aws, name: str, group: str, target: Callable[[], dict[str, Any]]) -> None:
    client = aws.client("scheduler")
    if group != "default":
        with _unless_there("ConflictException"):
            client.create_schedule_group(Name=group)
    if any(
        schedule["Name"] == name for schedule in client.list_schedules(GroupName=group, NamePrefix=name)["Schedules"]
    ):
        return
    client.create_schedule(
        Name=name,
        GroupName=group,
        ScheduleExpression=_NEVER,
        State="DISABLED",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target=target(),
    )
