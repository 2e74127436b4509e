"""What each function asks ECR public and its registry, and what it makes of the answers."""

from __future__ import annotations

import base64
import hashlib
import io
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from email.message import Message
from typing import Any
from urllib.response import addinfourl

import pytest
from botocore.exceptions import ClientError

from ecs_cd.aws import ecr_public
from ecs_cd.aws.session import Aws
from ecs_cd.model.errors import Refused
from ecs_cd.model.references import Image, Repository, repository
from tests.aws.conftest import SignedAws
from tests.scripted_aws import Params, denied, error

PUBLIC = repository("public.ecr.aws/our-alias/team/app")
INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = b'{"schemaVersion": 2,\n "manifests": []}'
DIGEST = f"sha256:{hashlib.sha256(MANIFEST).hexdigest()}"
TOKEN = base64.b64encode(b"AWS:pass:word").decode()


@pytest.fixture
def registry(aws: SignedAws) -> None:
    """This account's public registry."""
    aliases = [
        {"name": name, "status": "ACTIVE", "primaryRegistryAlias": True, "defaultRegistryAlias": True}
        for name in ("our-alias", "a1b2c3d4")
    ]
    found = {
        "registryId": "123456789012",
        "registryArn": "arn",
        "registryUri": "",
        "verified": True,
        "aliases": aliases,
    }
    aws.on("ecr-public.DescribeRegistries", {"registries": [found]})
    aws.on("ecr-public.GetAuthorizationToken", {"authorizationData": {"authorizationToken": TOKEN}})

    def images(params: Params) -> Any:
        assert params["repositoryName"] == "team/app"
        (wanted,) = params["imageIds"]
        if wanted.get("imageTag") not in ("a", "b") and wanted.get("imageDigest") != DIGEST:
            return error("ImageNotFoundException")
        return {"imageDetails": [{"imageDigest": DIGEST, "imageManifestMediaType": INDEX}]}

    aws.on("ecr-public.DescribeImages", images)


@pytest.mark.usefixtures("registry")
@pytest.mark.parametrize(
    ("asked", "found"), [([], []), (["x"], []), (["a", "x", "b", "a"], ["a", "b"])]
)  # fmt: skip
def test_public_images_are_found_by_their_tags(asked: list[str], found: list[str], aws: SignedAws, ours: Aws) -> None:
    """One call a tag, in the one region that has the API, without the manifests."""
    assert ecr_public.images(ours, PUBLIC, asked) == dict.fromkeys(found, Image(DIGEST, "", INDEX))
    assert aws.count("ecr-public.DescribeImages") == len(set(asked))
    assert set(aws.regions) <= {"us-east-1"}


@pytest.mark.usefixtures("registry")
def test_public_images_are_found_by_their_digests(aws: SignedAws, ours: Aws) -> None:
    """As by their tags."""
    asked = [DIGEST, f"sha256:{'0' * 64}", DIGEST]
    assert ecr_public.by_digest(ours, PUBLIC, asked) == {DIGEST: Image(DIGEST, "", INDEX)}
    assert aws.count("ecr-public.DescribeImages") == 2


@pytest.mark.usefixtures("registry")
def test_a_public_registry_of_others_is_refused(ours: Aws) -> None:
    """The API only knows the caller's registry: it would find an image of the same name there."""
    assert ecr_public.images(ours, repository("public.ecr.aws/a1b2c3d4/team/app"), ["a"])
    with pytest.raises(
        Refused, match=r"public\.ecr\.aws/theirs/team/app is not in the .* account, which is our-alias or a1"
    ):
        ecr_public.images(ours, repository("public.ecr.aws/theirs/team/app"), ["a"])


def test_a_public_login(aws: SignedAws, ours: Aws) -> None:
    """From us-east-1."""
    aws.on("ecr-public.GetAuthorizationToken", {"authorizationData": {"authorizationToken": TOKEN}})
    assert ecr_public.login(ours) == ("AWS", "pass:word")
    assert aws.regions == ["us-east-1"]


@pytest.mark.parametrize("call", [lambda aws, where: ecr_public.images(aws, where, ["a"]), ecr_public.check])
def test_a_public_repository_that_is_not_there_is_refused(
    call: Callable[[Aws, Repository], Any], aws: SignedAws, ours: Aws
) -> None:
    """By its whole name; a permission is another matter, and so is a name without the alias."""
    for operation in ("ecr-public.DescribeImages", "ecr-public.DescribeRepositories"):
        aws.on(operation, error("RepositoryNotFoundException"), denied())
    with pytest.raises(Refused, match=f"there is no ECR public repository {PUBLIC}"):
        call(ours, PUBLIC)
    with pytest.raises(ClientError, match="AccessDenied"):
        call(ours, PUBLIC)
    with pytest.raises(Refused, match=r"it must be public\.ecr\.aws/ALIAS/NAME"):
        call(ours, repository("public.ecr.aws/app"))


class Registry(urllib.request.HTTPSHandler):
    """Answers instead of the registry."""

    def __init__(self, answer: bytes | int | OSError) -> None:
        super().__init__()
        self.answer = answer
        self.requests: list[urllib.request.Request] = []

    def https_open(self, request: urllib.request.Request) -> Any:
        self.requests.append(request)
        if isinstance(self.answer, OSError):
            raise urllib.error.URLError(self.answer)
        code, body = (self.answer, b"{}") if isinstance(self.answer, int) else (200, self.answer)
        response = addinfourl(io.BytesIO(body), Message(), request.full_url, code)
        response.msg = "told"  # type: ignore[attr-defined]
        return response


@pytest.fixture
def answers() -> Iterator[Callable[[bytes | int | OSError], Registry]]:
    """Lets the public registry answer this."""

    def install(answer: bytes | int | OSError) -> Registry:
        handler = Registry(answer)
        urllib.request.install_opener(urllib.request.build_opener(handler))
        return handler

    yield install
    urllib.request.install_opener(None)


@pytest.mark.usefixtures("registry")
def test_a_public_image_gets_a_tag_by_its_own_manifest(
    answers: Callable[..., Registry], aws: SignedAws, ours: Aws
) -> None:
    """Which the registry has, and the API has not; to the byte."""
    registry = answers(MANIFEST)
    aws.on("ecr-public.PutImage", {"image": {}}, error("ImageAlreadyExistsException"), denied())
    ecr_public.tag(ours, PUBLIC, Image(DIGEST, "", INDEX), "v1")
    ecr_public.tag(ours, PUBLIC, Image(DIGEST, "", INDEX), "v1")
    with pytest.raises(ClientError):
        ecr_public.tag(ours, PUBLIC, Image(DIGEST, "", ""), "v1")
    put = [call.params for call in aws.calls if call.operation == "ecr-public.PutImage"]
    bare = {"repositoryName": "team/app", "imageManifest": MANIFEST.decode(), "imageTag": "v1", "imageDigest": DIGEST}
    assert put == [{**bare, "imageManifestMediaType": INDEX}] * 2 + [bare]
    (request, *_) = registry.requests
    assert request.full_url == f"https://public.ecr.aws/v2/our-alias/team/app/manifests/{DIGEST}"
    assert request.unredirected_hdrs["Authorization"] == f"Bearer {TOKEN}"
    assert "Authorization" not in request.headers  # which another host would get
    assert INDEX in str(request.get_header("Accept"))


@pytest.mark.usefixtures("registry")
@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b'{"schemaVersion": 2}', "is not the manifest of"),
        (401, "with HTTP Error 401"),
        (500, "with HTTP Error 500"),
        (OSError("no route"), "public.ecr.aws can't be reached"),
        (404, None),
    ],
)
def test_a_public_manifest_that_can_not_be_had(
    answer: Any, words: str | None, answers: Callable[..., Registry], ours: Aws
) -> None:
    """One that is gone has no children to know; the token is in no message."""
    answers(answer)
    if words is None:
        assert ecr_public.manifest(ours, PUBLIC, DIGEST) == "{}"
    else:
        with pytest.raises(Refused, match=words) as refused:
            ecr_public.manifest(ours, PUBLIC, DIGEST)
        assert TOKEN not in str(refused.value)
