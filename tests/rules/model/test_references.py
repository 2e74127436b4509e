"""The names of AWS resources."""

from __future__ import annotations

from typing import Any

import botocore.loaders
import pytest

from ecs_cd.model.references import (
    COMMIT,
    DIGEST,
    TAG,
    Repository,
    image_reference,
    is_aws,
    mentioned,
    mentioned_public,
    region_of,
    repository,
    short,
)

ID = "123456789012"


@pytest.mark.parametrize(
    ("host", "region"),
    [
        (f"{ID}.dkr.ecr.eu-west-1.amazonaws.com", "eu-west-1"),
        (f"{ID}.dkr.ecr.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
        (f"{ID}.dkr.ecr-fips.us-east-1.amazonaws.com", "us-east-1"),
        (f"{ID}.dkr.ecr.cn-north-1.amazonaws.com.cn", "cn-north-1"),
        (f"{ID}.dkr-ecr.eu-west-1.on.aws", "eu-west-1"),
        (f"{ID}.dkr-ecr-fips.us-east-1.on.aws", "us-east-1"),
        (f"{ID}.dkr-ecr.cn-north-1.on.amazonwebservices.com.cn", "cn-north-1"),
        (f"{ID}.dkr.ecr.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1"),
        (f"{ID}.dkr.ecr.us-iso-east-1.c2s.ic.gov", "us-iso-east-1"),
        (f"{ID}.dkr.ecr.us-isob-east-1.sc2s.sgov.gov", "us-isob-east-1"),
        (f"{ID}.dkr.ecr.eu-isoe-west-1.cloud.adc-e.uk", "eu-isoe-west-1"),
        (f"{ID}.dkr.ecr.us-isof-south-1.csp.hci.ic.gov", "us-isof-south-1"),
    ],
)
def test_ecrs_own_hosts_tell_account_and_region(host: str, region: str) -> None:
    """FIPS, dual-stack, and all partitions: the registry's calls go to that account and region."""
    found = repository(f"{host}/team/my-app")
    assert found == Repository(host, "team/my-app", ID, region)
    assert not found.public


PARTITIONS: list[dict[str, Any]] = botocore.loaders.create_loader().load_data("partitions")["partitions"]


@pytest.mark.parametrize("partition", PARTITIONS, ids=[partition["id"] for partition in PARTITIONS])
def test_every_partition_that_botocore_knows_is_known(partition: dict[str, Any]) -> None:
    """Both the hosts of its registries and the endpoints of its API."""
    suffixes = partition["outputs"]
    for region in (name for name in partition["regions"] if not name.endswith("-global")):
        assert repository(f"{ID}.dkr.ecr.{region}.{suffixes['dnsSuffix']}/a").region == region
        assert is_aws(f"https://api.ecr.{region}.{suffixes['dnsSuffix']}")
        assert is_aws(f"https://ecr.{region}.{suffixes['dualStackDnsSuffix']}")


@pytest.mark.parametrize(
    ("endpoint", "aws"),
    [
        ("https://ecr.eu-west-1.api.aws", True),
        ("https://ecr.cn-north-1.api.amazonwebservices.com.cn", True),
        ("https://vpce-0a-b.api.ecr.eu-west-1.vpce.amazonaws.com", True),
        ("https://vpce-0a-b.api.ecr.eu-west-1.vpce.amazonaws.com/", True),
        ("http://localhost:4566", False),
        ("http://127.0.0.1:4566", False),
        ("https://localhost.localstack.cloud:4566", False),
        ("https://api.ecr.eu-west-1.amazonaws.com.example", False),
        ("https://amazonaws.com", False),
    ],
)
def test_a_local_aws_is_told_by_its_endpoint(endpoint: str, aws: bool) -> None:
    """In contrast to AWS's endpoints, in a VPC too, and their aliases."""
    assert is_aws(endpoint) is aws


@pytest.mark.parametrize(
    "host",
    [
        "localhost:4566",
        "127.0.0.1:5000",
        "ghcr.io",
        "public.ecr.aws",
        f"{ID}.dkr.ecr.eu-west-1.amazonaws.com.evil.example",
        f"x{ID}.dkr.ecr.eu-west-1.amazonaws.com",
        f"{ID[:-1]}.dkr.ecr.eu-west-1.amazonaws.com",
        f"{ID}.dkr.ecr.eu-west-1.example.com",
    ],
)
def test_any_other_host_is_kept_as_it_is(host: str) -> None:
    """A local registry has neither account nor region; the repository's name is the path."""
    found = repository(f"{host}/my-app")
    assert found == Repository(host, "my-app")
    assert str(found) == f"{host}/my-app"


@pytest.mark.parametrize("host", ["public.ecr.aws", "ecr-public.aws.com"])
def test_ecr_public_is_known_by_its_hosts(host: str) -> None:
    """It has neither the account nor the region in its name."""
    assert repository(f"{host}/alias/my-app") == Repository(host, "alias/my-app")
    assert repository(f"{host}/alias/my-app").public
    assert not repository(f"{host}.example/alias/my-app").public


ECR = f"{ID}.dkr.ecr.eu-west-1.amazonaws.com"
OTHER = "210987654321.dkr.ecr.us-east-1.amazonaws.com"


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ([], []),
        (["FROM node:20\nFROM public.ecr.aws/docker/library/node:20"], []),
        ([f"FROM {ECR}/base/node:20 AS build\nCOPY --from={OTHER}/tools@sha256:0 /a /b"], [f"{ECR}/base/node", f"{OTHER}/tools"]),
        ([f"BASE={ECR}/a:1", f"type=registry,ref={ECR}/a:cache", f"{ECR}/a"], [f"{ECR}/a"]),
        ([f"FROM my{ECR}/a", f"FROM x-{ECR}/a", f"FROM my.{ECR}/a"], []),
        ([f"FROM {ECR}.example/a", f"ARG HOST={ECR}"], []),
        ([f'FROM "{ECR}/a"'], [f"{ECR}/a"]),
        ([f"# FROM {ECR}/a\n  #{ECR}/b\nFROM {ECR}/c # not a comment"], [f"{ECR}/c"]),
    ],
)  # fmt: skip
def test_repositories_are_found_in_texts(texts: list[str], expected: list[str]) -> None:
    """Those of ECR, whose registry wants a login: base images, build arguments, caches."""
    assert mentioned(texts) == [repository(uri) for uri in expected]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["FROM node:20"], []),
        ([f"FROM {ECR}/public.ecr.aws/a"], []),
        (["FROM public.ecr.aws/a/b:1\nCOPY --from=ecr-public.aws.com/a/b /a /b"], ["public.ecr.aws", "ecr-public.aws.com"]),
        (["ARG REGISTRY=public.ecr.aws\nFROM ${REGISTRY}/lambda/python:3.12"], ["public.ecr.aws"]),
        (["BASE=public.ecr.aws/a/b", "# FROM ecr-public.aws.com/c/d"], ["public.ecr.aws"]),
        (['ARG REGISTRY="public.ecr.aws"', "type=registry,ref=docker-image://public.ecr.aws/a/b"], ["public.ecr.aws"]),
        (["FROM not-public.ecr.aws/a/b\nFROM public.ecr.aws.example/a/b"], []),
    ],
)  # fmt: skip
def test_ecr_public_is_found_in_texts(texts: list[str], expected: list[str]) -> None:
    """Its pulls work without a login, but are throttled sooner."""
    assert mentioned_public(texts) == [repository(host) for host in expected]


def test_an_image_is_named_by_digest() -> None:
    """The form that a task definition takes."""
    assert repository("localhost:4566/a").by_digest("sha256:1") == "localhost:4566/a@sha256:1"


@pytest.mark.parametrize(
    ("image", "uri", "version"),
    [
        ("r.io/app@sha256:1", "r.io/app", "sha256:1"),
        ("r.io/app:v1", "r.io/app", "v1"),
        ("r.io/app:v1@sha256:1", "r.io/app", "sha256:1"),
        ("localhost:4566/app", "localhost:4566/app", "latest"),
        ("localhost:4566/app:v1", "localhost:4566/app", "v1"),
        ("nginx", "nginx", "latest"),
        ("", "", "latest"),
    ],
)
def test_an_image_is_a_repository_and_a_digest_or_a_tag(image: str, uri: str, version: str) -> None:
    """The digest decides; the colon of a port is no tag."""
    assert image_reference(image) == (uri, version)


@pytest.mark.parametrize(
    ("arn", "last", "region"),
    [
        ("arn:aws:ecs:eu-west-1:1:task-definition/web:7", "web:7", "eu-west-1"),
        ("arn:aws-cn:ecs:cn-north-1:1:service/cluster/web", "web", "cn-north-1"),
        ("arn:aws:ssm:us-east-1:1:parameter/a/b:3", "b:3", "us-east-1"),
        ("arn:aws:s3:::bucket/key", "key", None),
        ("arn:aws:iam::1:role/x", "x", None),
        ("web:7", "web:7", None),
        ("/a/b:3", "b:3", None),
        ("a:b:c:d:e:f", "a:b:c:d:e:f", None),
        ("arn:aws", "arn:aws", None),
        ("", "", None),
    ],
)
def test_what_an_arn_tells(arn: str, last: str, region: str | None) -> None:
    """The part that people say, and the region if it holds one."""
    assert short(arn) == last
    assert region_of(arn) == region


@pytest.mark.parametrize(
    ("text", "commit", "digest", "tag"),
    [
        ("a" * 40, True, False, True),
        ("a" * 64, True, False, True),
        ("A" * 40, False, False, True),
        ("a" * 39, False, False, True),
        ("a" * 41, False, False, True),
        ("a" * 40 + "\n", False, False, False),
        ("sha256:" + "0" * 64, False, True, False),
        ("sha256:" + "0" * 63, False, False, False),
        ("v1.2_3-x", False, False, True),
        (".x", False, False, False),
        ("x" * 128, False, False, True),
        ("x" * 129, False, False, False),
    ],
)
def test_commits_digests_and_tags_are_known_by_their_form(text: str, commit: bool, digest: bool, tag: bool) -> None:
    """A short commit id does not count: two commits can share it."""
    assert tuple(bool(pattern.fullmatch(text)) for pattern in (COMMIT, DIGEST, TAG)) == (commit, digest, tag)
