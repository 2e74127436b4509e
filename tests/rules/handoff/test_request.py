"""What StartPipelineExecution gets."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from ecs_cd.document.rules.pipeline import Pipeline, Start
from ecs_cd.handoff.rules import links, request, same_images
from ecs_cd.model.references import S3Object

A, B = ("sha256:" + digit * 64 for digit in "ab")
IMAGES = {"app": f"host/app@{A}", "nginx": f"host/nginx@{B}"}
SHA = "c0ffee" + "0" * 34
VARIABLES = Pipeline("deploy", variables={"IMAGE_APP": "app", "IMAGE_NGINX": "nginx"}, commit="COMMIT")
OBJECT = Pipeline("deploy", Start.OBJECT, object=S3Object("bucket", "key.zip"), source="Source")
DIGEST = Pipeline("deploy", Start.DIGEST, images={"App": "app", "Nginx": "nginx"})


def named(pairs: list[dict[str, str]]) -> dict[str, str]:
    return {each["name"]: each["value"] for each in pairs}


@pytest.mark.parametrize(
    ("pipeline", "nonce", "variables", "revisions"),
    [
        (VARIABLES, "", {"IMAGE_APP": IMAGES["app"], "IMAGE_NGINX": IMAGES["nginx"], "COMMIT": SHA}, []),
        (
            replace(VARIABLES, commit=""),
            "n",
            {"IMAGE_APP": IMAGES["app"], "IMAGE_NGINX": IMAGES["nginx"], "ECS_CD_NONCE": "n"},
            [],
        ),
        (OBJECT, "", None, [("Source", "S3_OBJECT_VERSION_ID", "v1")]),
        (replace(OBJECT, commit="COMMIT"), "", {"COMMIT": SHA}, [("Source", "S3_OBJECT_VERSION_ID", "v1")]),
        (DIGEST, "", None, [("App", "IMAGE_DIGEST", A), ("Nginx", "IMAGE_DIGEST", B)]),
    ],
)
def test_a_request_has_the_images(
    pipeline: Pipeline, nonce: str, variables: dict[str, str] | None, revisions: list[tuple[str, str, str]]
) -> None:
    """As variables, as a version, or as digests; AWS refuses an empty list, so there is none."""
    found = request.request(pipeline, IMAGES, SHA, version="v1", token="t", nonce=nonce)
    assert (found["name"], found["clientRequestToken"]) == ("deploy", "t")
    assert (named(found["variables"]) if "variables" in found else None) == variables
    assert [tuple(each.values()) for each in found.get("sourceRevisions", ())] == revisions
    assert "sourceRevisions" not in found or revisions


ORIGIN = ("org/app", "100", "1")


def test_a_token_is_the_same_for_the_same_attempt_only() -> None:
    """Its letters are those that CodePipeline takes."""
    given: dict[str, Any] = {
        "pipeline": VARIABLES, "origin": ORIGIN, "commit": SHA, "images": IMAGES, "version": ""
    }  # fmt: skip
    token = request.token(**given)
    assert re.fullmatch("ecs-cd-[0-9a-f]{40}", token)
    assert request.token(**{**given, "images": dict(reversed(IMAGES.items()))}) == token
    others: list[dict[str, Any]] = [
        {"pipeline": replace(VARIABLES, name="other")},
        {"origin": ("org/app", "100", "2")},
        {"commit": "d" * 40},
        {"images": {**IMAGES, "app": f"host/app@{B}"}},
        {"version": "v1"},
    ]
    assert token not in [request.token(**{**given, **other}) for other in others]


def test_a_nonce_belongs_to_its_token() -> None:
    """A repeated token comes with the same request; 32 hex digits."""
    assert request.nonce("t") == request.nonce("t") != request.nonce("u")
    assert re.fullmatch("[0-9a-f]{32}", request.nonce("t"))


def test_the_same_images_give_the_same_object() -> None:
    """Byte by byte: no time is in it."""
    assert request.archive(IMAGES, SHA) == request.archive(IMAGES, SHA)


# ---- which execution has them ----


def summary(name: str, digest: str, action: str = "App", **more: Any) -> dict[str, Any]:
    revision = {"actionName": action, "revisionId": digest}
    return {"pipelineExecutionId": name, "sourceRevisions": [revision], **more}


ONE = [{"actionName": "App", "revisionValue": A}]


@pytest.mark.parametrize(
    ("listed", "late", "found"),
    [
        ([summary("2", A), summary("1", A)], False, "2"),
        ([summary("2", B), summary("1", A, status="Succeeded")], False, ""),
        ([summary("2", B), summary("1", A, status="InProgress")], False, "1"),
        ([summary("2", B), summary("1", A, status="Succeeded")], True, "1"),
        ([summary("2", A, executionType="ROLLBACK"), summary("1", A)], False, "1"),
        ([summary("1", A, action="Nginx")], True, ""),
        ([], True, ""),
    ],
)
def test_the_execution_of_a_push_is_found_by_its_digest(listed: list[dict[str, Any]], late: bool, found: str) -> None:
    """Only the newest, or one in progress, as long as ours may still come: the digest may have been deployed before."""
    assert same_images.find(listed, ONE, late=late) == found


@pytest.mark.parametrize(
    ("execution", "same"),
    [
        ({"variables": [{"name": "IMAGE", "resolvedValue": "a"}], "artifactRevisions": [{"revisionId": A}]}, True),
        ({"variables": [{"name": "IMAGE", "resolvedValue": "b"}], "artifactRevisions": [{"revisionId": A}]}, False),
        ({"variables": [{"name": "IMAGE", "resolvedValue": "a"}]}, False),
        ({}, False),
    ],
)
def test_an_execution_has_our_images_if_all_are_the_same(execution: dict[str, Any], same: bool) -> None:
    """Variables and revisions."""
    assert same_images.has(execution, {"IMAGE": "a"}, [A]) is same


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("ap-northeast-1", "ap-northeast-1.console.aws.amazon.com"),
        ("cn-north-1", "console.amazonaws.cn"),
        ("us-gov-west-1", "console.amazonaws-us-gov.com"),
    ],
)
def test_a_page_is_in_the_partitions_console(region: str, host: str) -> None:
    """With the region."""
    start = f"https://{host}/codesuite/codepipeline/pipelines/deploy"
    assert links.execution(region, "deploy", "e") == f"{start}/executions/e/timeline?region={region}"
    assert links.pipeline(region, "deploy") == f"{start}/view?region={region}"
