"""Registries by the repository's host: one token a region, and which service is asked."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable
from typing import Any

import pytest

from ecs_cd.aws.session import Aws
from ecs_cd.ci.run import identify
from ecs_cd.ci.terminal import Terminal
from ecs_cd.images import registry
from ecs_cd.images.registry import Login
from ecs_cd.job.job import Job
from ecs_cd.job.state import State
from ecs_cd.model.errors import Refused
from ecs_cd.model.references import Image, Mutability, repository
from tests.scripted_aws import Clock, Params, ScriptedAws, denied, error

OURS = "123456789012.dkr.ecr.ap-northeast-1.amazonaws.com"
THEIRS = "210987654321.dkr.ecr.ap-northeast-1.amazonaws.com"
ABROAD = "210987654321.dkr.ecr.eu-west-1.amazonaws.com"
DUAL = "123456789012.dkr-ecr.eu-west-1.on.aws"
DIGEST = "sha256:" + "a" * 64


def token(password: str) -> str:
    return base64.b64encode(f"AWS:{password}".encode()).decode()


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Any:
    with ScriptedAws(Clock()) as scripted:
        scripted.use(monkeypatch)
        numbers = iter(range(9))

        def another(_: Params) -> Params:
            return {"authorizationData": [{"authorizationToken": token(f"private-{next(numbers)}")}]}

        scripted.on("ecr.GetAuthorizationToken", another)
        scripted.on("ecr-public.GetAuthorizationToken", {"authorizationData": {"authorizationToken": token("public")}})
        yield scripted


@pytest.fixture
def job(aws: ScriptedAws, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Job:
    monkeypatch.setenv("RUNNER_TEMP", str(tmp_path))
    return Job(
        os.environ,
        identify(os.environ),
        Terminal(),
        Aws(os.environ),
        aws.clock,
        State(os.environ, identify(os.environ)),
    )


@pytest.mark.parametrize(
    ("hosts", "regions", "public"),
    [
        ([], 0, 0),
        ([OURS], 1, 0),
        ([OURS, OURS, THEIRS], 1, 0),
        ([OURS, ABROAD, DUAL], 2, 0),
        (["public.ecr.aws"], 0, 1),
        (["public.ecr.aws", "ecr-public.aws.com", OURS], 1, 1),
        (["localhost:4566", "127.0.0.1:5000"], 1, 0),
    ],
)
def test_each_registry_gets_a_login_and_each_region_one_token(
    hosts: list[str], regions: int, public: int, aws: ScriptedAws, job: Job
) -> None:
    """A token is good for the registries of every account in its region."""
    found = registry.logins(job, [repository(f"{host}/x/{number}") for number, host in enumerate(hosts)])
    assert [login.host for login in found] == list(dict.fromkeys(hosts))
    assert all(login.user == "AWS" for login in found)
    assert len({login.password for login in found if login.password != "public"}) == regions
    assert {login.host for login in found if login.password == "public"} == {host for host in hosts if "public" in host}
    assert aws.count("ecr.GetAuthorizationToken") == regions
    assert aws.count("ecr-public.GetAuthorizationToken") == public
    assert {str(call.params) for call in aws.calls} <= {"{}"}


def test_a_registry_of_others_is_left_to_the_callers_configuration(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    """With AWS itself there is no token of ECR for it; only a local AWS stands for any host."""
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    real = Job(os.environ, identify(os.environ), Terminal(), Aws(os.environ), job.clock, job.state)
    assert registry.logins(real, [repository("ghcr.io/org/app"), repository("docker.io/library/node")]) == []


@pytest.mark.parametrize(
    "call",
    [
        lambda aws, where: registry.images(aws, where, ["a"]),
        registry.mutability,
        lambda aws, where: registry.manifest(aws, where, DIGEST),
        lambda aws, where: registry.by_digest(aws, where, [DIGEST]),
        lambda aws, where: registry.tag(aws, where, Image(DIGEST, "{}", ""), "a"),
    ],
)
def test_a_repository_that_is_not_in_ecr_is_refused(
    call: Callable[[Aws, Any], Any], aws: ScriptedAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ECR is not asked for one of the same name."""
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    with pytest.raises(Refused, match=r"ghcr\.io/org/app is not in ECR"):
        call(Aws(os.environ), repository("ghcr.io/org/app"))


def test_the_service_is_that_of_the_host(aws: ScriptedAws, job: Job) -> None:
    """ECR public has no setting for tags: all move."""
    public, ours = repository("public.ecr.aws/alias/app"), repository(f"{OURS}/app")
    aws.on("ecr.BatchGetImage", {"images": [{"imageId": {"imageDigest": DIGEST}, "imageManifest": "{}"}]})
    aws.on("ecr.DescribeRepositories", {"repositories": [{"imageTagMutability": "IMMUTABLE"}]})
    aws.on("ecr.PutImage", {"image": {}})
    aws.on("ecr-public.DescribeImages", error("ImageNotFoundException"))
    aws.on("ecr-public.DescribeRepositories", {"repositories": [{}]})
    aws.on("ecr-public.PutImage", {"image": {}})
    image = Image(DIGEST, "{}", "")
    assert registry.images(job.aws, ours, ["a"]) == {"a": image}
    assert registry.images(job.aws, public, ["a"]) == {}
    assert registry.mutability(job.aws, ours) == Mutability("IMMUTABLE")
    assert registry.mutability(job.aws, public) == Mutability()
    assert registry.manifest(job.aws, ours, DIGEST) == "{}"
    registry.tag(job.aws, ours, image, "b")
    registry.tag(job.aws, public, image, "b")
    assert [call.operation for call in aws.calls] == [
        "ecr.BatchGetImage",
        "ecr-public.DescribeImages",
        "ecr.DescribeRepositories",
        "ecr-public.DescribeRepositories",
        "ecr.BatchGetImage",
        "ecr.PutImage",
        "ecr-public.PutImage",
    ]


def test_an_attestation_under_a_tag_is_no_image(aws: ScriptedAws, job: Job) -> None:
    """An aborted push may leave one; the image is built again, and the attestation never deployed. An index that lists one is an image."""
    layer = {"mediaType": "application/vnd.in-toto+json", "digest": DIGEST}
    index = {"manifests": [{"annotations": {"vnd.docker.reference.type": "attestation-manifest"}}]}
    held = {"a": {"layers": [layer]}, "b": index}
    images = [
        {"imageId": {"imageTag": tag, "imageDigest": f"sha256:{tag * 64}"}, "imageManifest": json.dumps(held[tag])}
        for tag in held
    ]
    aws.on("ecr.BatchGetImage", {"images": images})
    place = repository(f"{OURS}/team/app")
    assert list(registry.images(job.aws, place, ["a", "b"])) == ["b"]
    assert list(registry.by_digest(job.aws, place, [f"sha256:{tag * 64}" for tag in held])) == [f"sha256:{'b' * 64}"]


def test_a_token_that_is_denied_is_an_error(aws: ScriptedAws, job: Job) -> None:
    """It ends the step with AWS's words."""
    aws.on("ecr.GetAuthorizationToken", denied("ecr:GetAuthorizationToken"))
    with pytest.raises(Exception, match="AccessDenied"):
        registry.logins(job, [repository(f"{OURS}/app")])


def test_a_login_does_not_show_its_password() -> None:
    """Not in a traceback either."""
    assert "secret" not in repr(Login("h", "AWS", "secret"))
