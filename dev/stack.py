"""What the infra repo owns, made in a local AWS: repository, cluster, service, templates, SSM parameter.

Each part is a separate function, so that a test can replace it.
"""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from dev.aws import Aws
from dev.database import Database
from ecs_cd.local import machine
from ecs_cd.local.machine import LocalError
from ecs_cd.local.plan import address

if TYPE_CHECKING:
    from types_boto3_ecr.client import ECRClient
    from types_boto3_ecs.client import ECSClient
    from types_boto3_ecs.type_defs import AwsVpcConfigurationTypeDef, DeploymentCircuitBreakerTypeDef, TaskTypeDef
    from types_boto3_logs.client import CloudWatchLogsClient
    from types_boto3_s3.client import S3Client
    from types_boto3_secretsmanager.client import SecretsManagerClient
    from types_boto3_ssm.client import SSMClient

PARAMETER = "/ecs-cd/my-app/production"
DATABASE_SECRET = "my-app/database"
CLUSTER = "my-cluster"
SERVICE = "my-service"
REPOSITORY = "my-app"
BUCKET = "my-bucket"
APP_TEMPLATE = "task_definition.json"
MIGRATION_TEMPLATE = "task_definition_migration.json"
CONTAINER = "app"
APP_PORT = 8000
NGINX = "nginx"
NGINX_REPOSITORY = "my-nginx"
NGINX_PORT = 8080
NETWORK: AwsVpcConfigurationTypeDef = {
    "subnets": ["subnet-0a1b2c3d"],
    "securityGroups": ["sg-0a1b2c3d"],
    "assignPublicIp": "DISABLED",
}


@dataclass(frozen=True)
class Clients:
    """boto3's clients for the services that a stack is made of."""

    ecr: ECRClient
    ecs: ECSClient
    logs: CloudWatchLogsClient
    s3: S3Client
    secretsmanager: SecretsManagerClient
    ssm: SSMClient


@dataclass(frozen=True)
class Stack:
    """The names of an existing stack."""

    aws: Aws
    clients: Clients = field(repr=False)
    parameter: str = PARAMETER
    cluster: str = CLUSTER
    service: str = SERVICE
    repository: str = REPOSITORY
    bucket: str = BUCKET


@dataclass(frozen=True)
class RunningTask:
    """A running task of the service, with the images of its containers by name."""

    arn: str
    task_definition: str
    address: str
    images: dict[str, str]


def clients(aws: Aws) -> Clients:
    """Clients for the endpoint, whatever the process environment says."""
    session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=aws.region)
    settings = Config(s3={"addressing_style": "path"})
    return Clients(
        ecr=session.client("ecr", endpoint_url=aws.endpoint, config=settings),
        ecs=session.client("ecs", endpoint_url=aws.endpoint, config=settings),
        logs=session.client("logs", endpoint_url=aws.endpoint, config=settings),
        s3=session.client("s3", endpoint_url=aws.endpoint, config=settings),
        secretsmanager=session.client("secretsmanager", endpoint_url=aws.endpoint, config=settings),
        ssm=session.client("ssm", endpoint_url=aws.endpoint, config=settings),
    )


def create_stack(
    aws: Aws,
    server: Database,
    first_image: str,
    *,
    immutable: bool = False,
    breaker: bool = True,
    rollback: bool = True,
    desired: int = 1,
    migration_command: Sequence[str] = ("python3", "migrate.py"),
    sidecars: Sequence[Mapping[str, Any]] = (),
) -> Stack:
    """The whole stack. The service serves an empty directory, with `first_image`, until something is deployed."""
    stack = Stack(aws, clients(aws))
    create_repository(stack, REPOSITORY, immutable=immutable)
    stack.clients.ecs.create_cluster(clusterName=CLUSTER)
    stack.clients.s3.create_bucket(Bucket=BUCKET)
    secret = create_secret(stack, server.url)
    for key, family in ((MIGRATION_TEMPLATE, "my-app-migration"), (APP_TEMPLATE, "my-app")):
        create_log_group(stack, f"/ecs/{family}")
        extra = sidecars if key == APP_TEMPLATE else ()
        put_template(stack, key, task_definition(stack, family, secret=secret, sidecars=extra))
    empty = ["python3", "-m", "http.server", "-d", "/tmp", str(APP_PORT)]
    first = task_definition(stack, "my-app", image=push_first_image(stack, first_image), command=empty)
    create_service(stack, first, breaker={"enable": breaker, "rollback": rollback}, desired=desired)
    put_document(stack, document(stack, migration_command=migration_command))
    return stack


def add_nginx(stack: Stack) -> None:
    """nginx in front of the app, with its own image; the service gets it with the next deployment."""
    create_repository(stack, NGINX_REPOSITORY)
    answer = stack.clients.s3.get_object(Bucket=stack.bucket, Key=APP_TEMPLATE)
    template = json.loads(answer["Body"].read())
    port = {"containerPort": NGINX_PORT, "protocol": "tcp"}
    nginx = {"name": NGINX, "image": "replaced-by-the-deployment", "essential": True, "portMappings": [port]}
    template["containerDefinitions"].append(nginx)
    put_template(stack, APP_TEMPLATE, template)
    content = document(stack)
    content["images"][NGINX] = {"repository": f"{stack.aws.registry}/{NGINX_REPOSITORY}"}
    content["services"]["web"]["containers"][NGINX] = NGINX
    put_document(stack, content)


def create_repository(stack: Stack, name: str, *, immutable: bool = False) -> None:
    """An ECR repository; an immutable one refuses to move a tag."""
    stack.clients.ecr.create_repository(repositoryName=name, imageTagMutability="IMMUTABLE" if immutable else "MUTABLE")


def create_log_group(stack: Stack, name: str) -> None:
    """A log group for the awslogs driver."""
    stack.clients.logs.create_log_group(logGroupName=name)


def create_secret(stack: Stack, url: str) -> str:
    """The database's address and password as a secret; returns what a container's `valueFrom` says."""
    # Not an SSM SecureString: ministack hands that to the container as it stores it, encoded.
    answer = stack.clients.secretsmanager.create_secret(Name=DATABASE_SECRET, SecretString=json.dumps({"url": url}))
    return f"{answer['ARN']}:url::"


def task_definition(
    stack: Stack,
    family: str,
    *,
    image: str = "replaced-by-the-deployment",
    secret: str | None = None,
    command: Sequence[str] | None = None,
    environment: Mapping[str, str] | None = None,
    sidecars: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """A task definition as Terraform would write it into the bucket, its image still open."""
    container: dict[str, Any] = {
        "name": CONTAINER,
        "image": image,
        "essential": True,
        "portMappings": [{"containerPort": APP_PORT, "protocol": "tcp"}],
        "environment": [{"name": key, "value": value} for key, value in (environment or {}).items()],
        "secrets": [{"name": "DATABASE_URL", "valueFrom": secret}] if secret else [],
        "logConfiguration": {
            "logDriver": "awslogs",
            "options": {
                "awslogs-group": f"/ecs/{family}",
                "awslogs-region": stack.aws.region,
                "awslogs-stream-prefix": "ecs",
            },
        },
    }
    if command is not None:
        container["command"] = list(command)
    return {
        "family": family,
        "requiresCompatibilities": ["FARGATE"],
        "networkMode": "awsvpc",
        "cpu": "256",
        "memory": "512",
        "executionRoleArn": "arn:aws:iam::000000000000:role/my-app-execution",
        "containerDefinitions": [container, *(dict(sidecar) for sidecar in sidecars)],
    }


def put_template(stack: Stack, key: str, template: Mapping[str, Any] | str) -> None:
    """A task definition template in the bucket; a string goes there as it is, whatever it holds."""
    text = template if isinstance(template, str) else json.dumps(template, indent=2)
    stack.clients.s3.put_object(Bucket=stack.bucket, Key=key, Body=text.encode())


def push_first_image(stack: Stack, image: str) -> str:
    """Push an image of the engine to its own repository: a service only pulls from the registry."""
    create_repository(stack, "first-image")
    target = f"{stack.aws.registry}/first-image:1"
    machine.run(["docker", "tag", image, target], env=stack.aws.env)
    try:
        machine.run(["docker", "push", "--quiet", target], env=stack.aws.env)
    finally:
        machine.run(["docker", "image", "rm", target], env=stack.aws.env, check=False)
    return target


def create_service(
    stack: Stack, template: Mapping[str, Any], *, breaker: DeploymentCircuitBreakerTypeDef, desired: int = 1
) -> None:
    """The service, with this as its first task definition."""
    first = stack.clients.ecs.register_task_definition(**template)
    stack.clients.ecs.create_service(
        cluster=stack.cluster,
        serviceName=stack.service,
        taskDefinition=first["taskDefinition"]["taskDefinitionArn"],
        desiredCount=desired,
        launchType="FARGATE",
        networkConfiguration={"awsvpcConfiguration": NETWORK},
        deploymentConfiguration={
            "maximumPercent": 200,
            "minimumHealthyPercent": 100,
            "deploymentCircuitBreaker": breaker,
        },
    )


def document(stack: Stack, *, migration_command: Sequence[str] = ("python3", "migrate.py")) -> dict[str, Any]:
    """What the SSM parameter says about this stack."""
    templates = f"s3://{stack.bucket}"
    return {
        "cluster": stack.cluster,
        "images": {"app": {"repository": f"{stack.aws.registry}/{stack.repository}"}},
        "migration": {
            "task-definition": f"{templates}/{MIGRATION_TEMPLATE}",
            "container": CONTAINER,
            "command": list(migration_command),
            "service": "web",
        },
        "services": {
            "web": {
                "service": stack.service,
                "task-definition": f"{templates}/{APP_TEMPLATE}",
                "containers": {CONTAINER: "app"},
            }
        },
    }


def put_document(stack: Stack, content: Mapping[str, Any] | str) -> None:
    """The SSM parameter; a string goes there as it is, whatever it holds."""
    text = content if isinstance(content, str) else json.dumps(content)
    stack.clients.ssm.put_parameter(Name=stack.parameter, Value=text, Type="String", Overwrite=True)


def running_tasks(stack: Stack) -> list[RunningTask]:
    """The service's tasks that run now."""
    arns = stack.clients.ecs.list_tasks(cluster=stack.cluster, serviceName=stack.service, desiredStatus="RUNNING")[
        "taskArns"
    ]
    if not arns:
        return []
    tasks = stack.clients.ecs.describe_tasks(cluster=stack.cluster, tasks=arns)["tasks"]
    return [_running_task(task) for task in tasks if task.get("lastStatus") == "RUNNING"]


def _running_task(task: TaskTypeDef) -> RunningTask:
    images = {str(container.get("name")): str(container.get("image")) for container in task.get("containers", [])}
    return RunningTask(
        arn=task["taskArn"],
        task_definition=task["taskDefinitionArn"],
        address=address(task),
        images=images,
    )


def page(stack: Stack, path: str = "/", timeout: float = 15) -> str:
    """What the service serves now; a task that has just started gets a moment to listen."""
    return _page(stack, lambda task: f"{task.address}:{APP_PORT}", path, timeout)


def nginx_page(stack: Stack, path: str, timeout: float = 15) -> str:
    """What its nginx serves. ministack gives each container its own address: nginx doesn't reach the app here."""
    return _page(stack, lambda task: f"{_address(stack, task.arn, NGINX)}:{NGINX_PORT}", path, timeout)


def _address(stack: Stack, task: str, container: str) -> str:
    """A container's address, from the engine."""
    labels = {"com.amazonaws.ecs.task-arn": task, "com.amazonaws.ecs.container-name": container}
    filters = [f"--filter=label={name}={value}" for name, value in labels.items()]
    (found,) = machine.run(["docker", "ps", "--quiet", *filters], env=stack.aws.env).stdout.split()
    address = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
    return machine.run(["docker", "inspect", "--format", address, found], env=stack.aws.env).stdout.strip()


def _page(stack: Stack, place: Callable[[RunningTask], str], path: str, timeout: float) -> str:
    give_up = time.monotonic() + timeout
    problem = "no task of the service runs"
    while time.monotonic() < give_up:
        for task in running_tasks(stack):
            at = place(task)
            try:
                with urllib.request.urlopen(f"http://{at}{path}", timeout=5) as answer:
                    text: str = answer.read().decode()
                    return text
            except urllib.error.HTTPError as error:
                return f"{error.code} {error.read().decode(errors='replace')}"
            except OSError as error:
                problem = f"{at} does not answer: {error}"
        time.sleep(0.1)
    raise LocalError(f"The service serves nothing: {problem}")
