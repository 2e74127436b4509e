"""The names of AWS's things."""

from __future__ import annotations

import pytest

from ecs_cd.core.references import COMMIT, DIGEST, TAG, Repository, region_of, repository, short

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
    ],
)
def test_ecrs_own_hosts_tell_account_and_region(host: str, region: str) -> None:
    """Public, FIPS, dual-stack and China: the registry's calls go to that account and region."""
    assert repository(f"{host}/team/my-app") == Repository(host, "team/my-app", ID, region)


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


def test_an_image_is_named_by_digest() -> None:
    """The form that a task definition takes."""
    assert repository("localhost:4566/a").by_digest("sha256:1") == "localhost:4566/a@sha256:1"


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
    """A short commit id is none: two commits can share it."""
    assert tuple(bool(pattern.fullmatch(text)) for pattern in (COMMIT, DIGEST, TAG)) == (commit, digest, tag)
