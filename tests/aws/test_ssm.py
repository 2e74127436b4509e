"""What is asked of SSM, and what is made of the answer."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from ecs_cd.aws import ssm
from ecs_cd.aws.session import Aws
from ecs_cd.model.errors import Refused
from tests.aws import requests
from tests.aws.conftest import SignedAws
from tests.aws.requests import Row
from tests.scripted_aws import Params, denied, error

ROWS = [
    Row("a parameter", lambda aws: ssm.parameter(aws, "/p"), "ssm.GetParameter",
     {"Parameter": {"Value": "v", "Version": 3}}, {"Name": "/p", "WithDecryption": True}, ("v", 3)),
    Row("a version of it", lambda aws: ssm.parameter(aws, "/p:2"), "ssm.GetParameter",
     {"Parameter": {"Value": "v", "Version": 2}}, {"Name": "/p:2", "WithDecryption": True}, ("v", 2)),
    Row("several, without decryption", lambda aws: ssm.values(aws, ["/a", "/b:2"]), "ssm.GetParameters",
     {"Parameters": [{"Name": "/a", "Type": "String", "Value": "v", "Version": 3}], "InvalidParameters": ["/b:2"]},
     {"Names": ["/a", "/b:2"], "WithDecryption": False},
     {"/a": {"Name": "/a", "Type": "String", "Value": "v", "Version": 3}}),
    Row("a new parameter", lambda aws: ssm.put(aws, "/p", "v", "words", overwrite=False), "ssm.PutParameter",
     {"Version": 1}, {"Name": "/p", "Value": "v", "Type": "String", "Overwrite": False, "Description": "words"}, 1),
    Row("a new version", lambda aws: ssm.put(aws, "/p", "v", "words", overwrite=True), "ssm.PutParameter",
     {"Version": 2}, {"Name": "/p", "Value": "v", "Type": "String", "Overwrite": True}, 2),
    Row("none", lambda aws: ssm.delete(aws, "/p"), "ssm.DeleteParameter", {}, {"Name": "/p"}, None),
]  # fmt: skip


@requests.each(ROWS)
def test_a_function_makes_this_one_request(row: Row, aws: SignedAws, ours: Aws) -> None:
    """One call, with parameters that botocore's model has."""
    requests.check(row, aws, ours)


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
    """It may exist."""
    aws.on("ssm.GetParameter", denied("ssm:GetParameter"))
    with pytest.raises(ClientError, match="AccessDenied"):
        ssm.parameter(ours, "/p")


def test_the_parameters_that_exist(aws: SignedAws, ours: Aws) -> None:
    """Fifty names a call, all pages, and no values."""
    names = [f"/p{number}" for number in range(51)]
    first: Params = {"Parameters": [{"Name": "/p0"}], "NextToken": "t"}
    aws.on("ssm.DescribeParameters", first, {"Parameters": [{"Name": "/p49"}]}, {"Parameters": [{"Name": "/p50"}]})
    assert ssm.existing(ours, names, "us-east-1") == {"/p0", "/p49", "/p50"}
    asked = [call.params["ParameterFilters"][0]["Values"] for call in aws.calls]
    assert asked == [names[:50], names[:50], names[50:]]
    assert set(aws.regions) == {"us-east-1"}


def test_a_parameter_that_is_gone_counts_as_deleted(aws: SignedAws, ours: Aws) -> None:
    """Another error does not."""
    aws.on("ssm.DeleteParameter", error("ParameterNotFound"))
    ssm.delete(ours, "/p")
    aws.on("ssm.DeleteParameter", denied("ssm:DeleteParameter"))
    with pytest.raises(ClientError, match="AccessDenied"):
        ssm.delete(ours, "/p")
