"""Several documents: their names, where they are, and the order of the waves."""

from __future__ import annotations

import pytest

from ecs_cd.deploy.rules import waves
from ecs_cd.deploy.rules.waves import Where

A, B = "1" * 12, "2" * 12


@pytest.mark.parametrize(
    ("wheres", "names"),
    [
        ([Where("/x", "eu-west-1")], ["eu-west-1"]),
        ([Where("/x", "eu-west-1", A), Where("/x", "us-east-1", B)], ["eu-west-1", "us-east-1"]),
        ([Where("/x", "eu-west-1", A), Where("/x", "eu-west-1", B)], [f"{A}/eu-west-1", f"{B}/eu-west-1"]),
        ([Where("/x", "eu-west-1", A), Where("/x", "eu-west-1")], [f"{A}/eu-west-1", "eu-west-1"]),
        ([Where("/app/one", "eu-west-1", A), Where("/app/two", "eu-west-1", A)], ["app/one", "app/two"]),
        (
            [
                Where(f"arn:aws:ssm:eu-west-1:{A}:parameter/app/one", "eu-west-1", A),
                Where("file:two.json", "eu-west-1", A),
            ],
            ["app/one", "two.json"],
        ),
        (
            [Where("/x", "eu-west-1", A), Where("/x", "eu-west-1", B), Where("/y", "eu-west-1", B)],
            [f"1/{A}/eu-west-1", f"2/{B}/eu-west-1", f"3/{B}/eu-west-1"],
        ),
    ],
)
def test_names_tell_the_documents_apart(wheres: list[Where], names: list[str]) -> None:
    """The first that differs for all: the region, the account as well, the document, its number."""
    assert waves.names(wheres) == names


def test_waves_keep_the_order() -> None:
    """The last one may be smaller."""
    assert waves.in_waves([1, 2, 3, 4, 5], 2) == [[1, 2], [3, 4], [5]]


@pytest.mark.parametrize(
    ("source", "account", "wrong"),
    [
        ("/x", A, False),
        (f"arn:aws:ssm:eu-west-1:{A}:parameter/x", A, False),
        (f"arn:aws:ssm:eu-west-1:{A}:parameter/x", "", False),
        (f"arn:aws:ssm:eu-west-1:{A}:parameter/x", B, True),
    ],
)
def test_an_arn_names_the_account(source: str, account: str, wrong: bool) -> None:
    """What is not known is not refused."""
    assert bool(waves.misplaced(Where(source, "eu-west-1", account))) == wrong


@pytest.mark.parametrize(
    ("cluster", "words"),
    [
        ("prod", ""),
        (f"arn:aws:ecs:eu-west-1:{A}:cluster/prod", ""),
        (f"arn:aws:ecs:us-east-1:{A}:cluster/prod", "is in us-east-1"),
        (f"arn:aws:ecs:eu-west-1:{B}:cluster/prod", f"is in the account {B}"),
    ],
)
def test_the_cluster_is_where_the_document_is(cluster: str, words: str) -> None:
    """A name says nothing; an ARN says its region and account."""
    found = waves.cluster_elsewhere(cluster, Where("/x", "eu-west-1", A))
    assert words in found
    assert bool(found) == bool(words)


def test_a_service_belongs_to_one_document() -> None:
    """The same name in another region is another service."""
    arn = f"arn:aws:ecs:{{}}:{A}:service/prod/web"
    services = {"a": [arn.format("eu-west-1")], "b": [arn.format("us-east-1")], "c": [arn.format("eu-west-1")]}
    assert list(waves.deployed_twice(services)) == ["a and c deploy the same ECS service, prod/web"]


def test_an_image_has_the_same_digest_everywhere() -> None:
    """Its repository may differ, and a document may not have it."""
    one, two = f"sha256:{'1' * 64}", f"sha256:{'2' * 64}"
    same = {"a": {"app": f"eu/app@{one}"}, "b": {"app": f"us/app@{one}", "nginx": f"us/nginx@{two}"}}
    assert list(waves.different_digests(same)) == []
    other = {**same, "c": {"app": f"ap/app@{two}"}}
    assert list(waves.different_digests(other)) == [f"app is {one[:19]} in a, {one[:19]} in b, {two[:19]} in c"]
