"""The ECS deploy action, against a local AWS."""

from __future__ import annotations

import json

import pytest

from ecs_cd.local.codepipeline.actions import ecs
from ecs_cd.local.codepipeline.work import World
from ecs_cd.model.errors import Refused
from tests.machine.local.codepipeline.actions.services import create_service, images, running
from tests.machine.local.codepipeline.conftest import deployment

SERVICE = {"ClusterName": "my-cluster", "ServiceName": "web"}
IMAGE = "localhost:4566/app@sha256:" + "a" * 64
FILES = {"imagedefinitions.json": json.dumps([{"name": "app", "imageUri": IMAGE}]).encode()}


def test_the_images_are_deployed(world: World) -> None:
    """In a new revision that has everything else of the service's own; the external execution is the deployment."""
    before = create_service(world)
    reported: list[str] = []
    ended = ecs.run(deployment("ECS", SERVICE, world, Build=FILES), world, lambda name, url: reported.append(name))
    now = running(world)
    assert (ended.error_code, ended.error_message) == ("", "")
    assert images(now) == {"app": IMAGE, "nginx": "localhost/nginx:1"}
    assert now["taskDefinition"]["taskDefinitionArn"] != before and now["taskDefinition"]["revision"] == 2
    assert now["tags"] == [{"key": "team", "value": "shop"}]
    (current,) = world.aws.client("ecs").describe_services(cluster="my-cluster", services=["web"])["services"][0][
        "deployments"
    ]
    assert reported == [current["id"]] and current["rolloutState"] == "COMPLETED"


@pytest.mark.parametrize(
    ("more", "files", "words"),
    [
        ({"ServiceName": "other"}, FILES, "the ECS service other of cluster my-cluster is not there"),
        ({"FileName": "images.json"}, FILES, "Did not find the image definition file images.json"),
        (
            {},
            {"imagedefinitions.json": b'[{"name": "ap", "imageUri": "x"}]'},
            "has no container `ap`; did you mean `app`",
        ),
    ],
)
def test_what_is_wrong_is_named_before_anything_changes(
    world: World, more: dict[str, str], files: dict[str, bytes], words: str
) -> None:
    """A service, a file, a container."""
    before = create_service(world)
    with pytest.raises(Refused, match=words):
        ecs.run(deployment("ECS", {**SERVICE, **more}, world, Build=files), world, lambda *_: None)
    assert running(world)["taskDefinition"]["taskDefinitionArn"] == before


def test_a_service_of_codedeploy_is_refused(world: World) -> None:
    """As ECS refuses its UpdateService, which ministack does not."""
    create_service(world, "CODE_DEPLOY")
    with pytest.raises(Refused, match="services with a CODE_DEPLOY deployment controller"):
        ecs.run(deployment("ECS", SERVICE, world, Build=FILES), world, lambda *_: None)
