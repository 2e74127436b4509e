"""Where a document's resources are: which of its ARNs, inputs and credentials decide, and which contradict."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ecs_cd.document.rules import document
from ecs_cd.document.rules.document import Document
from ecs_cd.iam.rules import place
from ecs_cd.iam.rules.place import Place
from ecs_cd.model.errors import Refused
from ecs_cd.model.references import repository

A, B = "111111111111", "222222222222"
HOST = "{account}.dkr.ecr.{region}.amazonaws.com/{name}"


def image(account: str = A, region: str = "eu-west-1", name: str = "app") -> dict[str, str]:
    return {"repository": HOST.format(account=account, region=region, name=name)}


def loaded(**changes: Any) -> Document:
    content = {
        "cluster": "main",
        "images": {"app": image()},
        "services": {"web": {"task-definition": "web", "containers": {"app": "app"}}},
        **changes,
    }
    return document.load(json.dumps(content), where="a test")


def find(given: Document, **known: str) -> Place:
    return place.find(given, **{"config": "file:x", "account": "", "caller": "", "region": "", **known})


CLUSTER = f"arn:aws:ecs:us-west-2:{B}:cluster/main"
FOUND: dict[str, tuple[dict[str, Any], dict[str, str], tuple[str, str]]] = {
    "the only account of ECR": ({}, {}, (A, "eu-west-1")),
    "the credentials beat ECR": ({}, {"caller": B, "region": "us-east-1"}, (B, "us-east-1")),
    "the cluster's ARN beats the credentials": ({"cluster": CLUSTER}, {"caller": A, "region": "x"}, (B, "us-west-2")),
    "the parameter's ARN beats the credentials": (
        {},
        {"config": f"arn:aws:ssm:eu-north-1:{B}:parameter/x", "caller": A, "region": "us-east-1"},
        (B, "eu-north-1"),
    ),
    "the input beats them": ({}, {"account": B, "caller": A}, (B, "eu-west-1")),
    "several accounts of ECR, and an input": (
        {"images": {"app": image(), "proxy": image(B)}},
        {"account": A},
        (A, "eu-west-1"),
    ),
}


@pytest.mark.parametrize(("changes", "known", "expected"), FOUND.values(), ids=FOUND.keys())
def test_the_place_is_that_of_the_cluster(changes: Any, known: Any, expected: tuple[str, str]) -> None:
    """The document's ARNs come first, then where it is, then who asks, then ECR."""
    found = find(loaded(**changes), **known)
    assert (found.account, found.region) == expected


SERVICE = {
    "service": f"arn:aws:ecs:eu-west-1:{A}:service/main/web",
    "task-definition": "web",
    "containers": {"app": "app"},
}
REFUSED: dict[str, tuple[dict[str, Any], dict[str, str], str]] = {
    "no account": ({"images": {"app": image(), "proxy": image(B)}}, {}, "no AWS account is known"),
    "no region": ({"images": {"app": {"repository": "ghcr.io/org/app"}}}, {"caller": A}, "no AWS region is known"),
    "a service in another account": (
        {"cluster": CLUSTER, "services": {"web": SERVICE}},
        {},
        f"the account of the cluster is not clear: cluster names {B}; services.web.service names {A}",
    ),
    "an input that contradicts": (
        {"cluster": CLUSTER},
        {"account": A},
        f"the account of the cluster is not clear: --account names {A}; cluster names {B}",
    ),
    "another region": (
        {"cluster": CLUSTER.replace(B, A), "services": {"web": SERVICE}},
        {},
        "the region of the cluster is not clear: cluster names us-west-2; services.web.service names eu-west-1",
    ),
}


@pytest.mark.parametrize(("changes", "known", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_a_place_that_is_not_clear_is_refused(changes: Any, known: Any, words: str) -> None:
    """With every place in the document that names one."""
    with pytest.raises(Refused) as error:
        find(loaded(**changes), **known)
    assert words in str(error.value) and error.value.remedy


@pytest.mark.parametrize(
    ("region", "partition"),
    [("eu-west-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov"), ("us-iso-east-1", "aws-iso"),
     ("us-isob-east-1", "aws-iso-b"), ("eu-isoe-west-1", "aws-iso-e"), ("us-isof-south-1", "aws-iso-f"), ("eusc-de-east-1", "aws-eusc")],
)  # fmt: skip
def test_a_region_has_its_partition(region: str, partition: str) -> None:
    """As in botocore's endpoints."""
    assert Place(A, region).partition == partition


def test_repositories_have_their_own_account() -> None:
    """ECR's host names it; in ECR Public the first part of the name is an alias, and the account is the caller's."""
    here = Place(A, "eu-west-1")
    assert (
        here.repository(repository(image(B, "us-east-1", "a/b")["repository"]))
        == f"arn:aws:ecr:us-east-1:{B}:repository/a/b"
    )
    assert here.repository(repository("public.ecr.aws/alias/a/b")) == f"arn:aws:ecr-public::{A}:repository/a/b"
