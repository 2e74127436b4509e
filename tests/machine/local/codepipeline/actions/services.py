"""A service of a local AWS without an engine, whose tasks run at once."""

from __future__ import annotations

from typing import Any

from ecs_cd.local.codepipeline.work import World


def create_service(world: World, controller: str = "ECS", cluster: str = "my-cluster", name: str = "web") -> str:
    """A service with one task of the family `web`; its task definition."""
    client = world.aws.client("ecs")
    client.create_cluster(clusterName=cluster)
    definition = client.register_task_definition(
        family="web",
        containerDefinitions=[
            {"name": "app", "image": "localhost/app:1", "portMappings": [{"containerPort": 80}], "memory": 128},
            {"name": "nginx", "image": "localhost/nginx:1", "memory": 64},
        ],
        tags=[{"key": "team", "value": "shop"}],
    )
    arn = str(definition["taskDefinition"]["taskDefinitionArn"])
    client.create_service(
        cluster=cluster,
        serviceName=name,
        taskDefinition=arn,
        desiredCount=1,
        deploymentController={"type": controller},
    )
    return arn


def running(world: World, cluster: str = "my-cluster", name: str = "web") -> dict[str, Any]:
    """The task definition of the service, as it is registered."""
    client = world.aws.client("ecs")
    service = client.describe_services(cluster=cluster, services=[name])["services"][0]
    found: dict[str, Any] = client.describe_task_definition(taskDefinition=service["taskDefinition"], include=["TAGS"])
    return found


def images(definition: dict[str, Any]) -> dict[str, str]:
    """The images by container."""
    return {each["name"]: each["image"] for each in definition["taskDefinition"]["containerDefinitions"]}
