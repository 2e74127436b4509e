"""What each function asks AWS, and what it makes of the answer."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ecs_cd.aws import ecr, ecs, s3, ssm
from ecs_cd.aws.session import Aws
from ecs_cd.model.errors import Refused
from ecs_cd.model.references import Image, Mutability, Repository, S3Object, repository
from tests.aws.conftest import SignedAws
from tests.scripted_aws import Params, denied, error
from tests.scripted_aws import ecs as told

ECR = repository("123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/app")
LOCAL = repository("localhost:4566/app")
DIGEST = "sha256:" + "a" * 64
OURS = {"registryId": "123456789012", "repositoryName": "team/app"}
IMAGE = Image(DIGEST, '{"schemaVersion": 2}', "application/vnd.oci.image.index.v1+json")
C, WEB, TASK = "my-cluster", told.service(), told.task()
ARN = told.task_definition_arn("web:2")
DEFINITION = {"family": "web", "containerDefinitions": [{"name": "app", "image": "i"}]}
CLUSTER_GONE = error("ClusterNotFoundException")

# name, the call, the operation, AWS's answer, the parameters that were sent, the result
Row = tuple[str, Callable[[Aws], Any], str, Params, Params, Any]
ROWS: list[Row] = [
    ("a parameter", lambda aws: ssm.parameter(aws, "/p"), "ssm.GetParameter",
     {"Parameter": {"Value": "v", "Version": 3}}, {"Name": "/p", "WithDecryption": True}, ("v", 3)),
    ("a version of it", lambda aws: ssm.parameter(aws, "/p:2"), "ssm.GetParameter",
     {"Parameter": {"Value": "v", "Version": 2}}, {"Name": "/p:2", "WithDecryption": True}, ("v", 2)),
    ("the newest revision", lambda aws: ecs.task_definition(aws, "web"), "ecs.DescribeTaskDefinition",
     {"taskDefinition": DEFINITION, "tags": []}, {"taskDefinition": "web", "include": ["TAGS"]}, None),
    ("register", lambda aws: ecs.register(aws, DEFINITION), "ecs.RegisterTaskDefinition",
     {"taskDefinition": told.task_definition("web", 2)}, DEFINITION, ARN),
    ("look at a service", lambda aws: ecs.look_at_service(aws, C, "web"), "ecs.DescribeServices",
     {"services": [WEB]}, {"cluster": C, "services": ["web"]}, None),
    ("a service that must be there", lambda aws: ecs.active_service(aws, C, "web"), "ecs.DescribeServices",
     {"services": [WEB]}, {"cluster": C, "services": ["web"]}, None),
    ("update", lambda aws: ecs.update_service(aws, C, "web", ARN, force=False, more={}), "ecs.UpdateService",
     {"service": WEB}, {"cluster": C, "service": "web", "taskDefinition": ARN}, None),
    ("update by force", lambda aws: ecs.update_service(aws, C, "web", ARN, force=True, more={"desiredCount": 2}), "ecs.UpdateService",
     {"service": WEB}, {"cluster": C, "service": "web", "taskDefinition": ARN, "forceNewDeployment": True, "desiredCount": 2}, None),
    ("run", lambda aws: ecs.run_task(aws, {"taskDefinition": ARN, "clientToken": "t"}), "ecs.RunTask",
     {"tasks": [TASK], "failures": []}, {"taskDefinition": ARN, "clientToken": "t"}, None),
    ("stop", lambda aws: ecs.stop_task(aws, C, TASK["taskArn"], "why"), "ecs.StopTask",
     {"task": TASK}, {"cluster": C, "task": TASK["taskArn"], "reason": "why"}, None),
    ("a task", lambda aws: ecs.task(aws, C, TASK["taskArn"]), "ecs.DescribeTasks",
     {"tasks": [TASK]}, {"cluster": C, "tasks": [TASK["taskArn"]]}, None),
    ("mutability", lambda aws: ecr.mutability(aws, ECR), "ecr.DescribeRepositories",
     {"repositories": [{"imageTagMutability": "IMMUTABLE"}]},
     {"registryId": "123456789012", "repositoryNames": ["team/app"]}, Mutability("IMMUTABLE")),
    ("mutability elsewhere", lambda aws: ecr.mutability(aws, LOCAL), "ecr.DescribeRepositories",
     {"repositories": [{}]}, {"repositoryNames": ["app"]}, Mutability("MUTABLE")),
    ("a tag", lambda aws: ecr.tag(aws, ECR, IMAGE, "v1"), "ecr.PutImage", {},
     {**OURS, "imageManifest": IMAGE.manifest, "imageManifestMediaType": IMAGE.media_type, "imageTag": "v1",
      "imageDigest": DIGEST}, None),
    ("a tag, media type unknown", lambda aws: ecr.tag(aws, LOCAL, Image(DIGEST, "{}", ""), "v1"), "ecr.PutImage", {},
     {"repositoryName": "app", "imageManifest": "{}", "imageTag": "v1", "imageDigest": DIGEST}, None),
    ("a login", lambda aws: ecr.login(aws, ECR), "ecr.GetAuthorizationToken",
     {"authorizationData": [{"authorizationToken": base64.b64encode(b"AWS:pass:word").decode()}]}, {}, ("AWS", "pass:word")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("call", "operation", "answer", "params", "result"), [r[1:] for r in ROWS], ids=[r[0] for r in ROWS]
)
def test_a_function_makes_this_one_request(
    call: Callable[[Aws], Any],
    operation: str,
    answer: Params,
    params: Params,
    result: Any,
    aws: SignedAws,
    ours: Aws,
) -> None:
    """One call, with parameters that botocore's model has."""
    aws.on(operation, answer)
    got = call(ours)
    assert [(made.operation, made.params) for made in aws.calls] == [(operation, params)]
    assert result is None or got == result


def test_answers_are_taken_apart(aws: SignedAws, ours: Aws) -> None:
    """What the caller needs of them."""
    aws.on("ecs.DescribeServices", {"services": [WEB]})
    aws.on("ecs.UpdateService", {"service": WEB})
    aws.on("ecs.DescribeTasks", {"tasks": [TASK]}, {"tasks": [], "failures": [{"reason": "MISSING"}]})
    aws.on("ecs.RunTask", {"tasks": [TASK]}, {"tasks": [], "failures": [{"reason": "AGENT"}]})
    assert ecs.active_service(ours, C, "web")["serviceArn"] == WEB["serviceArn"]
    assert ecs.update_service(ours, C, "web", ARN, force=False, more={})["deployments"][0]["id"] == "ecs-svc/1"
    assert (ecs.task(ours, C, "x") or {})["taskArn"] == TASK["taskArn"]
    assert ecs.task(ours, C, "x") is None
    started, failures = ecs.run_task(ours, {"taskDefinition": ARN})
    assert started is not None
    assert started["taskArn"] == TASK["taskArn"]
    assert failures == []
    assert ecs.run_task(ours, {"taskDefinition": ARN}) == (None, [{"reason": "AGENT"}])


def test_botocores_shapes_are_those_of_task_definitions(aws: SignedAws, ours: Aws) -> None:
    """Found without a call."""
    register, described = ecs.shapes(ours)
    assert {"family", "tags"} <= set(register.members)
    assert "tags" not in described.members
    assert aws.calls == []


@pytest.mark.parametrize(
    ("code", "message", "expected"),
    [("ClientException", "Unable to describe task definition.", None), ("InvalidParameterException", "x", ClientError)],
)
def test_a_task_definition_that_is_not_there(
    code: str, message: str, expected: type[Exception] | None, aws: SignedAws, ours: Aws
) -> None:
    """An absent family is an ordinary case; any other error is one."""
    aws.on("ecs.DescribeTaskDefinition", error(code, message))
    if expected is None:
        assert ecs.task_definition(ours, "web") is None
    else:
        with pytest.raises(expected):
            ecs.task_definition(ours, "web")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"services": [], "failures": [{"reason": "MISSING"}]}, "service web of cluster my-cluster is not there"),
        ({"services": [{**WEB, "status": "INACTIVE"}]}, "service web of cluster my-cluster is INACTIVE"),
        ({"services": [{**WEB, "status": "DRAINING"}]}, "service web of cluster my-cluster is DRAINING"),
        (CLUSTER_GONE, "there is no active ECS cluster my-cluster in ap-northeast-1"),
    ],
)
def test_a_service_that_can_not_be_deployed_is_refused(answer: Any, words: str, aws: SignedAws, ours: Aws) -> None:
    """With the remedy; while polling the same is no error, but what there is to see."""
    aws.on("ecs.DescribeServices", answer)
    with pytest.raises(Refused, match=words) as refused:
        ecs.active_service(ours, C, "web")
    assert refused.value.remedy
    seen = ecs.look_at_service(ours, C, "web")
    assert seen is None or seen["status"] != "ACTIVE"


def test_a_permission_that_is_not_there_is_no_missing_service(aws: SignedAws, ours: Aws) -> None:
    """The error says which."""
    aws.on("ecs.DescribeServices", denied("ecs:DescribeServices"))
    for call in (ecs.active_service, ecs.look_at_service):
        with pytest.raises(ClientError, match="AccessDenied"):
            call(ours, C, "web")


@pytest.mark.parametrize(("running", "stopped"), [([TASK["taskArn"]], []), ([], [TASK["taskArn"]]), ([], [])])
def test_a_started_task_is_looked_for_among_running_and_stopped(
    running: list[str], stopped: list[str], aws: SignedAws, ours: Aws
) -> None:
    """A short migration has ended before the answer was missed. ListTasks takes startedBy with no other filter."""
    for status, arns in (("RUNNING", running), ("STOPPED", stopped)):
        aws.on("ecs.ListTasks", {"taskArns": arns}, where={"desiredStatus": status})
    aws.on("ecs.DescribeTasks", {"tasks": [{**TASK, "startedBy": "ecs-cd/y"}]})
    assert ecs.started_by(ours, C, "migration", "ecs-cd/x") is None
    aws.on("ecs.DescribeTasks", {"tasks": [{**TASK, "startedBy": "ecs-cd/x"}]})
    assert ecs.started_by(ours, C, "migration", "ecs-cd/x") == next(iter(running + stopped), None)
    listed = [call.params for call in aws.calls if call.operation == "ecs.ListTasks"]
    assert all(params["family"] == "migration" and "startedBy" not in params for params in listed)


def test_all_of_a_services_tasks_are_listed_and_described(aws: SignedAws, ours: Aws) -> None:
    """Page by page, a hundred in a call; without any there is no second call."""
    arns = [f"arn:{number}" for number in range(150)]
    aws.on("ecs.ListTasks", {"taskArns": arns[:100], "nextToken": "more"}, {"taskArns": arns[100:]})
    aws.on("ecs.DescribeTasks", {"tasks": [TASK]})
    listed = ecs.service_task_arns(ours, C, "web", "STOPPED")
    assert listed == arns
    assert len(ecs.tasks(ours, C, listed)) == 2
    assert ecs.tasks(ours, C, []) == []
    assert aws.calls[0].params == {"cluster": C, "serviceName": "web", "desiredStatus": "STOPPED"}
    assert aws.calls[1].params["nextToken"] == "more"
    described = [call.params["tasks"] for call in aws.calls if call.operation == "ecs.DescribeTasks"]
    assert described == [arns[:100], arns[100:]]


# ---- ECR ----


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


OTHER = "sha256:" + "b" * 64


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
    """Also where the answer names but one of an image's tags."""
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


# ---- SSM, S3 ----


@pytest.mark.parametrize(
    ("name", "region"),
    [
        ("/p", "ap-northeast-1"),
        ("/p:3", "ap-northeast-1"),
        ("arn:aws:ssm:us-east-1:123456789012:parameter/p", "us-east-1"),
        ("arn:aws:ssm:us-east-1:123456789012:parameter/p:3", "us-east-1"),
    ],
)
def test_a_parameter_is_asked_for_in_its_region(name: str, region: str, aws: SignedAws, ours: Aws) -> None:
    """An ARN names its own."""
    aws.on("ssm.GetParameter", {"Parameter": {"Value": "v", "Version": 3}})
    assert ssm.parameter(ours, name) == ("v", 3)
    assert aws.regions == [region]
    assert aws.calls[0].params["Name"] == name


@pytest.mark.parametrize("code", ["ParameterNotFound", "ParameterVersionNotFound", "ValidationException"])
def test_a_parameter_that_is_not_there_is_refused(code: str, aws: SignedAws, ours: Aws) -> None:
    """With the region, which is the usual mistake."""
    aws.on("ssm.GetParameter", error(code))
    with pytest.raises(Refused, match=rf"no SSM parameter /p in ap-northeast-1 \({code}\)"):
        ssm.parameter(ours, "/p")


def test_a_parameter_that_may_not_be_read_is_an_error(aws: SignedAws, ours: Aws) -> None:
    """It may well be there."""
    aws.on("ssm.GetParameter", denied("ssm:GetParameter"))
    with pytest.raises(ClientError, match="AccessDenied"):
        ssm.parameter(ours, "/p")


TEMPLATE = S3Object("my-bucket", "a/b c.json")


@pytest.mark.parametrize(("body", "text"), [(b"{}", "{}"), ("ä\r\n".encode(), "ä\r\n"), (b"\xef\xbb\xbf{}", "{}")])
def test_a_template_is_text(body: bytes, text: str, aws: SignedAws, ours: Aws) -> None:
    """With or without a byte order mark."""
    aws.on("s3.GetObject", {"Body": body, "ContentLength": len(body)})
    assert s3.text(ours, TEMPLATE) == text
    params = aws.calls[0].params
    assert (params["Bucket"], params["Key"]) == ("my-bucket", "a/b c.json")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (error("NoSuchKey"), r"there is no s3://my-bucket/a/b c.json \(NoSuchKey\)"),
        (error("NoSuchBucket"), r"there is no s3://my-bucket/a/b c.json \(NoSuchBucket\)"),
        ({"Body": b"\xff\xfe{}"}, "is not UTF-8 text"),
        ({"Body": b"x" * (1024 * 1024 + 1)}, "has 1048577 bytes"),
    ],
)
def test_what_is_no_template_is_refused_by_its_place(answer: Any, words: str, aws: SignedAws, ours: Aws) -> None:
    """Before anything is changed."""
    aws.on("s3.GetObject", answer)
    with pytest.raises(Refused, match=words):
        s3.text(ours, TEMPLATE)


def test_a_template_that_may_not_be_read_is_an_error(aws: SignedAws, ours: Aws) -> None:
    """S3 says the same of a key that is not there to whoever may not list the bucket."""
    aws.on("s3.GetObject", error("AccessDenied", status=403))
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.text(ours, TEMPLATE)
