"""What is asked of S3, and what is made of the answer."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from ecs_cd.aws import s3
from ecs_cd.aws.session import Aws
from ecs_cd.model.errors import Refused
from ecs_cd.model.references import S3Object
from tests.aws.conftest import SignedAws
from tests.scripted_aws import cut, error

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
    """S3 returns the same error for a missing key if the caller may not list the bucket."""
    aws.on("s3.GetObject", error("AccessDenied", status=403))
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.text(ours, TEMPLATE)


def test_a_template_that_is_cut_off_is_read_again(aws: SignedAws, ours: Aws) -> None:
    """A few times; half a template is never used."""
    whole = {"Body": b"{}" * 1000}
    aws.on("s3.GetObject", cut(whole), whole, cut(whole))
    assert s3.text(ours, TEMPLATE) == "{}" * 1000
    with pytest.raises(Refused, match="its content was cut off 3 times"):
        s3.text(ours, TEMPLATE)
    assert aws.count("s3.GetObject") == 5


OBJECT = S3Object("my-bucket", "hand-off.zip")


@pytest.mark.parametrize(
    ("answer", "version"),
    [({"ETag": '"e"', "VersionId": "v1"}, "v1"), ({"ETag": '"e"', "VersionId": "null"}, ""), ({"ETag": '"e"'}, "")],
    ids=["enabled", "suspended", "never"],
)
def test_an_object_has_a_version_if_its_bucket_keeps_versions(
    answer: Any, version: str, aws: SignedAws, ours: Aws
) -> None:
    """`null` is no version: the next object has it too."""
    aws.on("s3.PutObject", answer)
    assert s3.put(ours, OBJECT, b"PK") == version
    params = aws.calls[0].params
    assert (params["Bucket"], params["Key"], params["Body"]) == ("my-bucket", "hand-off.zip", b"PK")


def test_a_bucket_that_does_not_exist_is_refused_by_its_name(aws: SignedAws, ours: Aws) -> None:
    """AWS's own words do not name it."""
    aws.on("s3.PutObject", error("NoSuchBucket", status=404))
    with pytest.raises(Refused, match="there is no bucket my-bucket"):
        s3.put(ours, OBJECT, b"PK")


def test_whether_an_object_exists(aws: SignedAws, ours: Aws) -> None:
    """Without reading it; an object that may not be read is an error."""
    place = S3Object("bucket", "a.env")
    aws.on("s3.HeadObject", {"ETag": "e"})
    assert s3.has(ours, place)
    assert aws.calls[0].params == {"Bucket": "bucket", "Key": "a.env"}
    aws.on("s3.HeadObject", error("404", status=404))
    assert not s3.has(ours, place)
    aws.on("s3.HeadObject", error("403", status=403))
    with pytest.raises(ClientError):
        s3.has(ours, place)
