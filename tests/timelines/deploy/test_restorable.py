"""`rollback` to a revision whose images are gone from ECR: refused before anything changes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.scripted_aws import Clock, Params, ScriptedAws, blue_green, denied, ecs, error
from tests.scripted_aws.fleet import COMPLETES, Fleet, document
from tests.timelines.conftest import REPOSITORY, Step
from tests.timelines.deploy.test_existing import PAUSED, SOURCE, blue_green_service, runs
from tests.timelines.deploy.test_rollback import definitions, ecs_past, mutations, rolling, updated

Run = Callable[..., Step]

GONE = "sha256:" + "9" * 64
MISSING = error("RepositoryNotFoundException", "The repository with name 'x' does not exist.")


@pytest.fixture
def rollback(step: Run) -> Run:
    return lambda **inputs: step("rollback", sha="", **inputs)


def images(aws: ScriptedAws, *, gone: str) -> None:
    """ECR has every image but those with this digest or tag."""

    def answer(params: Params) -> Params:
        ids = [each for each in params["imageIds"] if gone not in each.values()]
        lost = [each for each in params["imageIds"] if gone in each.values()]
        return {
            "images": [{"imageId": {"imageDigest": ecs.DIGEST, **each}, "imageManifest": "{}"} for each in ids],
            "failures": [{"imageId": each, "failureCode": "ImageNotFound"} for each in lost],
        }

    aws.on("ecr.BatchGetImage", answer)


def containers(*of: str, first: str = "c0") -> Params:
    """A container for each of these images: ``first``, c1, c2."""
    usual = ecs.task_definition()["containerDefinitions"][0]
    names = [first, *(f"c{number}" for number in range(1, len(of)))]
    return {
        "containerDefinitions": [usual | {"name": name, "image": image} for name, image in zip(names, of, strict=True)]
    }


def settled(aws: ScriptedAws, *of: str) -> None:
    """A service at web:2, after web:1 with these images."""
    rolling(aws, ecs.deployment("ecs-svc/7", task_definition="web:2"), past=ecs_past("web:1", "web:2"))
    definitions(aws, web_1=containers(*of))


@pytest.mark.parametrize(
    ("of", "named"),
    [
        ((f"{REPOSITORY}@{GONE}",), f"the image {REPOSITORY}@{GONE} of the container c0 is not in ECR"),
        ((f"{REPOSITORY}:gone",), f"the image {REPOSITORY}:gone of the container c0 is not in ECR"),
        ((f"{REPOSITORY}:1@{GONE}",), f"the image {REPOSITORY}:1@{GONE} of the container c0 is not in ECR"),
        (("nginx:1", f"{REPOSITORY}-log:gone"), f"the image {REPOSITORY}-log:gone of the container c1 is not in ECR"),
        ((f"{REPOSITORY}:gone",) * 2, "of the container c0, c1 is not in ECR"),
    ],
)
@pytest.mark.parametrize("to", ["", "web:1"])
def test_a_target_whose_image_is_gone_is_refused(
    aws: ScriptedAws, rollback: Run, to: str, of: tuple[str, ...], named: str
) -> None:
    """By digest or tag, also a sidecar's, chosen or named: the message has the image, and nothing has changed."""
    settled(aws, *of)
    images(aws, gone=GONE if GONE in of[0] else "gone")
    ended = rollback(to=to)
    assert ended.exit_code == 2, ended.log
    assert f"web: ECS can start no task of web:1 ({'--to names it' if to else 'it ran well last'}" in ended.log
    assert named in ended.log
    assert not mutations(aws)


def test_a_target_whose_repository_is_gone_is_refused(aws: ScriptedAws, rollback: Run) -> None:
    """With all of its images."""
    settled(aws, f"{REPOSITORY}@{GONE}")
    aws.on("ecr.BatchGetImage", MISSING)
    ended = rollback()
    assert ended.exit_code == 2, ended.log
    assert f"{REPOSITORY}@{GONE} of the container c0 is not in ECR" in ended.log
    assert not mutations(aws)


@pytest.mark.parametrize("answer", [denied("ecr:BatchGetImage"), error("ServerException", "", status=500)])
def test_an_image_that_can_not_be_read_stops_no_rollback(aws: ScriptedAws, rollback: Run, answer: Any) -> None:
    """Only what is known to be gone does; the log says what is not known."""
    settled(aws, f"{REPOSITORY}@{ecs.DIGEST}")
    aws.on("ecr.BatchGetImage", answer)
    ended = rollback()
    assert ended.exit_code == 0, ended.log
    assert updated(aws) == "web:1"
    assert f"image: whether {REPOSITORY}@{ecs.DIGEST} still exists can't be read" in ended.log


def test_one_service_whose_image_is_gone_keeps_all_from_going_back(
    aws: ScriptedAws, rollback: Run, clock: Clock
) -> None:
    """All services are checked before any is changed."""
    given = document(["web", "worker"], REPOSITORY)
    aws.on("ssm.GetParameter", {"Parameter": {"Value": json.dumps(given), "Version": 1}})
    Fleet(clock, {"web": COMPLETES, "worker": COMPLETES}).script(aws)
    listed = {name: [blue_green.service_deployment(n, "SUCCESSFUL", created=int(n) - 99, service=name) for n in "01"]
              for name in ("web", "worker")}  # fmt: skip
    aws.on("ecs.ListServiceDeployments", lambda params: blue_green.listed(*listed[params["service"]]))
    aws.on("ecs.DescribeServiceRevisions", blue_green.revisions)
    definitions(aws, worker_0=containers(f"{REPOSITORY}@{GONE}"))
    images(aws, gone=GONE)
    ended = rollback()
    assert ended.exit_code == 2, ended.log
    assert "worker: ECS can start no task of worker:0" in ended.log
    assert not mutations(aws)


def test_what_still_runs_needs_no_image(aws: ScriptedAws, rollback: Run) -> None:
    """At a pause, ECS returns the traffic to tasks that run; the log warns that it can start no other."""
    blue_green_service(aws, PAUSED | SOURCE)
    aws.on("ecs.ContinueServiceDeployment", {"serviceDeploymentArn": PAUSED["serviceDeploymentArn"]})
    looks = blue_green.through(blue_green.service_deployment("2", "ROLLBACK_SUCCESSFUL"))
    aws.on("ecs.DescribeServiceDeployments", *looks, after="ecs.ContinueServiceDeployment")
    runs(aws, "web:1")
    definition = ecs.task_definition("web", 1) | containers(f"{REPOSITORY}@{GONE}")
    aws.on("ecs.DescribeTaskDefinition", {"taskDefinition": definition, "tags": []})
    images(aws, gone=GONE)
    ended = rollback()
    assert "is not in ECR: its tasks still run, and ECS can start no other" in ended.log
    assert mutations(aws) == ["ecs.ContinueServiceDeployment"]
