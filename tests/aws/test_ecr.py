"""What each function asks ECR, and what it makes of the answer."""

from __future__ import annotations

import base64
import hashlib
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ecs_cd.aws import ecr
from ecs_cd.aws.session import Aws
from ecs_cd.model.errors import Refused, Unreadable
from ecs_cd.model.references import Image, Mutability, Repository, repository
from tests.aws import requests
from tests.aws.conftest import SignedAws
from tests.aws.requests import Row
from tests.scripted_aws import Params, denied, error, throttled

ECR = repository("123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/app")
LOCAL = repository("localhost:4566/app")
OURS = {"registryId": "123456789012", "repositoryName": "team/app"}
DIGEST = "sha256:" + "a" * 64
OTHER = "sha256:" + "b" * 64
IMAGE = Image(DIGEST, '{"schemaVersion": 2}', "application/vnd.oci.image.index.v1+json")
FINDINGS = "ecr.DescribeImageScanFindings"

ROWS = [
    Row("mutability", lambda aws: ecr.mutability(aws, ECR), "ecr.DescribeRepositories",
     {"repositories": [{"imageTagMutability": "IMMUTABLE"}]},
     {"registryId": "123456789012", "repositoryNames": ["team/app"]}, Mutability("IMMUTABLE")),
    Row("mutability elsewhere", lambda aws: ecr.mutability(aws, LOCAL), "ecr.DescribeRepositories",
     {"repositories": [{}]}, {"repositoryNames": ["app"]}, Mutability("MUTABLE")),
    Row("a tag", lambda aws: ecr.tag(aws, ECR, IMAGE, "v1"), "ecr.PutImage", {"image": {}},
     {**OURS, "imageManifest": IMAGE.manifest, "imageManifestMediaType": IMAGE.media_type, "imageTag": "v1",
      "imageDigest": DIGEST}, None),
    Row("a tag, media type unknown", lambda aws: ecr.tag(aws, LOCAL, Image(DIGEST, "{}", ""), "v1"), "ecr.PutImage", {"image": {}},
     {"repositoryName": "app", "imageManifest": "{}", "imageTag": "v1", "imageDigest": DIGEST}, None),
    Row("templates", lambda aws: ecr.creation_templates(aws, ECR), "ecr.DescribeRepositoryCreationTemplates",
     {"registryId": "123456789012", "repositoryCreationTemplates": [{"prefix": "ROOT"}]}, {}, [{"prefix": "ROOT"}]),
    Row("templates of our account for another's", lambda aws: ecr.creation_templates(aws, ECR),
     "ecr.DescribeRepositoryCreationTemplates",
     {"registryId": "210987654321", "repositoryCreationTemplates": [{"prefix": "ROOT"}]}, {}, []),
    Row("prefixes of a pull through cache", lambda aws: ecr.pull_through_prefixes(aws, ECR),
     "ecr.DescribePullThroughCacheRules", {"pullThroughCacheRules": [{"ecrRepositoryPrefix": "docker-hub"}]},
     {"registryId": "123456789012"}, ["docker-hub"]),
    Row("a login", lambda aws: ecr.login(aws, ECR), "ecr.GetAuthorizationToken",
     {"authorizationData": [{"authorizationToken": base64.b64encode(b"AWS:pass:word").decode()}]}, {}, ("AWS", "pass:word")),
]  # fmt: skip


@requests.each(ROWS)
def test_a_function_makes_this_one_request(row: Row, aws: SignedAws, ours: Aws) -> None:
    """One call, with parameters that botocore's model has."""
    requests.check(row, aws, ours)


def _found(tag: str, digest: str = DIGEST) -> Params:
    return {
        "imageId": {"imageTag": tag, "imageDigest": digest},
        "imageManifest": IMAGE.manifest,
        "imageManifestMediaType": IMAGE.media_type,
    }


def _registry(held: dict[str, str], *, one_name_an_image: bool = False) -> Callable[[Params], Params]:
    """BatchGetImage of a repository that holds these tags."""

    def answer(params: Params) -> Params:
        assert len({str(wanted) for wanted in params["imageIds"]}) == len(params["imageIds"])
        asked = [wanted["imageTag"] for wanted in params["imageIds"]]
        images = {(held[tag] if one_name_an_image else tag): _found(tag, held[tag]) for tag in asked if tag in held}
        absent = [{"imageId": {"imageTag": tag}, "failureCode": "ImageNotFound"} for tag in asked if tag not in held]
        return {"images": list(images.values()), "failures": absent}

    return answer


@pytest.mark.parametrize("one_name", [False, True])
@pytest.mark.parametrize(
    ("held", "asked", "expected"),
    [
        ({}, ["a"], {}),
        ({"a": DIGEST}, ["a"], {"a": DIGEST}),
        ({"a": DIGEST}, ["a", "b"], {"a": DIGEST}),
        ({"a": DIGEST, "b": OTHER}, ["a", "b"], {"a": DIGEST, "b": OTHER}),
        ({"a": DIGEST, "b": DIGEST}, ["a", "b"], {"a": DIGEST, "b": DIGEST}),
        ({"a": DIGEST, "b": OTHER, "c": DIGEST}, ["a", "b", "c"], {"a": DIGEST, "b": OTHER, "c": DIGEST}),
        ({"a": DIGEST, "b": DIGEST, "c": DIGEST}, ["a", "b", "c", "d"], {"a": DIGEST, "b": DIGEST, "c": DIGEST}),
    ],
)
def test_images_are_found_by_their_tags(
    held: dict[str, str], asked: list[str], expected: dict[str, str], one_name: bool, aws: SignedAws, ours: Aws
) -> None:
    """Even if the answer names only one of an image's tags."""
    aws.on("ecr.BatchGetImage", _registry(held, one_name_an_image=one_name))
    found = ecr.images(ours, ECR, asked)
    assert {tag: image.digest for tag, image in found.items()} == expected
    assert all(image.manifest == IMAGE.manifest for image in found.values())


def test_tags_of_one_image_take_one_call(aws: SignedAws, ours: Aws) -> None:
    """One that the answer doesn't name is the only image's."""
    aws.on("ecr.BatchGetImage", _registry({"a": DIGEST, "b": DIGEST}, one_name_an_image=True))
    assert len(ecr.images(ours, ECR, ["a", "b", "c"])) == 2
    assert aws.count("ecr.BatchGetImage") == 1


def test_an_image_is_asked_for_with_indexes_accepted(aws: SignedAws, ours: Aws) -> None:
    """Or ECR answers with the manifest of one platform; in the registry's own region."""
    aws.on("ecr.BatchGetImage", _registry({"a": DIGEST}))
    assert ecr.images(ours, ECR, ["a"]) == {"a": IMAGE}
    (call,) = aws.calls
    assert call.params["registryId"] == "123456789012"
    assert "application/vnd.oci.image.index.v1+json" in call.params["acceptedMediaTypes"]
    assert "application/vnd.docker.distribution.manifest.list.v2+json" in call.params["acceptedMediaTypes"]
    ecr.images(ours, LOCAL, ["a"])
    assert aws.regions == ["eu-west-1", "ap-northeast-1"]


@pytest.mark.parametrize(
    ("images", "expected"),
    [([{**_found("a"), "imageId": {"imageDigest": DIGEST}}], IMAGE.manifest), ([], "{}")],
)
def test_a_manifest_is_found_by_digest(images: list[Params], expected: str, aws: SignedAws, ours: Aws) -> None:
    """Where it is gone there are no children to know."""
    aws.on("ecr.BatchGetImage", {"images": images})
    assert ecr.manifest(ours, ECR, DIGEST) == expected
    assert aws.calls[0].params["imageIds"] == [{"imageDigest": DIGEST}]


def test_images_are_found_by_their_digests(aws: SignedAws, ours: Aws) -> None:
    """In one call, each digest once; those that are missing are left out."""
    absent = {"imageId": {"imageDigest": OTHER}, "failureCode": "ImageNotFound"}
    aws.on("ecr.BatchGetImage", {"images": [_found("a")], "failures": [absent]})
    assert ecr.by_digest(ours, ECR, [DIGEST, OTHER, DIGEST]) == {DIGEST: IMAGE}
    assert [call.params["imageIds"] for call in aws.calls] == [[{"imageDigest": DIGEST}, {"imageDigest": OTHER}]]
    assert ecr.by_digest(ours, ECR, []) == {}
    assert len(aws.calls) == 1


def test_creation_templates_have_pages(aws: SignedAws, ours: Aws) -> None:
    """All are read."""
    pages = [{"repositoryCreationTemplates": [{"prefix": prefix}]} for prefix in ("a", "b")]
    first = {**pages[0], "registryId": ECR.account, "nextToken": "x"}
    aws.on("ecr.DescribeRepositoryCreationTemplates", first, pages[1])
    assert [template["prefix"] for template in ecr.creation_templates(ours, ECR)] == ["a", "b"]
    assert [call.params.get("nextToken") for call in aws.calls] == [None, "x"]


def test_filters_of_excluded_tags_are_read(aws: SignedAws, ours: Aws) -> None:
    """The other way round for each setting."""
    filters = [{"filterType": "WILDCARD", "filter": text} for text in ("latest", "cache-*")]
    setting = {"imageTagMutability": "IMMUTABLE_WITH_EXCLUSION", "imageTagMutabilityExclusionFilters": filters}
    aws.on("ecr.DescribeRepositories", {"repositories": [setting]})
    assert ecr.mutability(ours, ECR) == Mutability("IMMUTABLE_WITH_EXCLUSION", ("latest", "cache-*"))


@pytest.mark.parametrize(
    "call",
    [
        lambda aws, where: ecr.images(aws, where, ["a"]),
        ecr.mutability,
        lambda aws, where: ecr.manifest(aws, where, DIGEST),
    ],
)
def test_a_repository_that_is_not_there_is_refused(
    call: Callable[[Aws, Repository], Any], aws: SignedAws, ours: Aws
) -> None:
    """By its whole name; a permission is another matter."""
    for operation in ("ecr.BatchGetImage", "ecr.DescribeRepositories"):
        aws.on(operation, error("RepositoryNotFoundException"), denied())
    with pytest.raises(Refused, match=f"there is no ECR repository {ECR}"):
        call(ours, ECR)
    with pytest.raises(ClientError, match="AccessDenied"):
        call(ours, ECR)


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        ("ImageAlreadyExistsException", None),
        ("ImageTagAlreadyExistsException", Refused),
        ("LayersNotFoundException", ClientError),
        ("ImageDigestDoesNotMatchException", ClientError),
    ],
)
def test_a_tag_that_is_there_already(code: str, outcome: type[Exception] | None, aws: SignedAws, ours: Aws) -> None:
    """The same image is success; another one can't be moved away from an immutable tag."""
    aws.on("ecr.PutImage", error(code))
    if outcome is None:
        ecr.tag(ours, ECR, IMAGE, "v1")
    else:
        with pytest.raises(outcome, match=r"v1|Exception"):
            ecr.tag(ours, ECR, IMAGE, "v1")


# ---- scans ----


def test_a_scan_has_all_its_pages(aws: SignedAws, ours: Aws) -> None:
    """Of the image with this digest, in the registry's account and region."""
    aws.on(FINDINGS, {"imageScanStatus": {"status": "PENDING"}, "nextToken": "2"})
    aws.on(FINDINGS, {"imageScanStatus": {"status": "ACTIVE"}}, where={"nextToken": "2"})
    pages = ecr.scan(ours, ECR, DIGEST)
    assert pages is not None
    assert [page.get("imageScanStatus") for page in pages] == [{"status": "PENDING"}, {"status": "ACTIVE"}]
    asked = {**OURS, "imageId": {"imageDigest": DIGEST}, "maxResults": 1000}
    assert [call.params for call in aws.calls] == [asked, {**asked, "nextToken": "2"}]
    assert set(aws.regions) == {"eu-west-1"}


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        (error("ScanNotFoundException"), None),
        (error("ImageNotFoundException"), ClientError),
        (denied(), ClientError),
        (throttled(), Unreadable),
    ],
)
def test_a_scan_that_is_not_there_is_not_an_error(
    fault: Any, outcome: type[Exception] | None, aws: SignedAws, ours: Aws
) -> None:
    """The next poll repeats transient errors, so each request is sent once."""
    aws.on(FINDINGS, fault)
    if outcome is None:
        assert ecr.scan(ours, ECR, DIGEST) is None
    else:
        with pytest.raises(outcome):
            ecr.scan(ours, ECR, DIGEST)
    assert len(aws.calls) == 1


@pytest.mark.parametrize(
    ("where", "account", "expected"),
    [(ECR, "123456789012", "MANUAL"), (ECR, "210987654321", ""), (LOCAL, "000000000000", "MANUAL")],
)
def test_how_often_a_repository_is_scanned(
    where: Repository, account: str, expected: str, aws: SignedAws, ours: Aws
) -> None:
    """ECR answers of the caller's registry alone, whatever account is meant."""
    arn = f"arn:aws:ecr:eu-west-1:{account}:repository/{where.name}"
    found = {"repositoryArn": arn, "repositoryName": where.name, "scanFrequency": "MANUAL"}
    aws.on("ecr.BatchGetRepositoryScanningConfiguration", {"scanningConfigurations": [found]}, {"failures": []})
    assert ecr.scan_frequency(ours, where) == expected
    assert ecr.scan_frequency(ours, where) == ""
    assert aws.calls[0].params == {"repositoryNames": [where.name]}


CONFIG = b'{"architecture":"arm64","os":"linux"}'
CONFIG_DIGEST = f"sha256:{hashlib.sha256(CONFIG).hexdigest()}"


offered: list[tuple[str, str, str]] = []


class _Layers(BaseHTTPRequestHandler):
    """S3, as far as ECR's URLs lead to it."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/config" else 403)
        self.end_headers()
        self.wfile.write(CONFIG)

    def do_PUT(self) -> None:
        """The registry of a local AWS."""
        text = self.rfile.read(int(self.headers["Content-Length"])).decode()
        offered.append((self.path, self.headers["Content-Type"], text))
        self.send_response(201)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def layers() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), _Layers) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize(
    ("path", "digest", "expected"),
    [
        ("/config", CONFIG_DIGEST, CONFIG.decode()),
        ("/config", f"sha256:{'0' * 64}", ""),
        ("/denied", CONFIG_DIGEST, ""),
    ],
)
def test_a_configuration_is_downloaded(
    path: str, digest: str, expected: str, layers: str, aws: SignedAws, ours: Aws
) -> None:
    """From where ECR says; anything but the content of the digest is nothing."""
    aws.on("ecr.GetDownloadUrlForLayer", {"downloadUrl": layers + path, "layerDigest": digest})
    assert ecr.config(ours, repository(f"{'1' * 12}.dkr.ecr.eu-west-1.amazonaws.com/app"), digest) == expected
    assert aws.calls[0].params == {"repositoryName": "app", "registryId": "1" * 12, "layerDigest": digest}


def test_a_configuration_is_only_read_over_http(aws: SignedAws, ours: Aws) -> None:
    """No answer makes ecs-cd read a file of the runner."""
    aws.on("ecr.GetDownloadUrlForLayer", {"downloadUrl": "file:///etc/hostname"})
    assert ecr.config(ours, repository(f"{'1' * 12}.dkr.ecr.eu-west-1.amazonaws.com/app"), CONFIG_DIGEST) == ""


def test_a_local_registry_gets_a_manifest_by_digest(layers: str, aws: SignedAws, ours: Aws) -> None:
    """AWS itself gets nothing but PutImage, and a registry that doesn't answer is no failure."""
    offered.clear()
    local = repository(f"{layers.removeprefix('http://')}/app")
    ecr.offer(ours, local, IMAGE)
    assert offered == [(f"/v2/app/manifests/{DIGEST}", IMAGE.media_type, IMAGE.manifest)]
    ecr.offer(ours, ECR, IMAGE)
    ecr.offer(ours, repository("127.0.0.1:1/app"), IMAGE)
    assert len(offered) == 1
    assert not aws.calls
