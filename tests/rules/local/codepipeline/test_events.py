"""Which rules of EventBridge an event matches, and what their targets get."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ecs_cd.local.codepipeline.rules import events
from ecs_cd.local.codepipeline.rules.infra import Rule, Target
from ecs_cd.model.errors import Refused

PUSH = {
    "source": "aws.ecr",
    "detail-type": "ECR Image Action",
    "resources": ["one", "two"],
    "detail": {
        "action-type": "PUSH",
        "result": "SUCCESS",
        "repository-name": "app",
        "image-tag": "latest",
        "image-digest": "sha256:ab",
        "size": 3,
        "deleted": False,
    },
}
PIPELINE = "arn:aws:codepipeline:us-east-1:000000000000:my-app"
# As infra/terraform/pipeline has it.
REVISION = '{"sourceRevisions":[{"actionName":"Image","revisionType":"IMAGE_DIGEST","revisionValue":<digest>}]}'


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ({}, True),
        ({"source": ["aws.ecr"]}, True),
        ({"source": ["aws.s3", "aws.ecr"]}, True),
        ({"source": ["aws.s3"]}, False),
        ({"source": ["aws.ecr"], "detail": {"repository-name": ["app"], "image-tag": ["latest"]}}, True),
        ({"source": ["aws.ecr"], "detail": {"repository-name": ["app"], "image-tag": ["v1"]}}, False),
        ({"resources": ["two"]}, True),
        ({"resources": ["three"]}, False),
        ({"detail": {"size": [3]}}, True),
        ({"detail": {"size": [3.0]}}, True),
        ({"detail": {"size": ["3"]}}, False),
        ({"detail": {"deleted": [0]}}, False),
        ({"detail": {"deleted": [False]}}, True),
        ({"detail": {"image-tag": [{"prefix": "la"}]}}, True),
        ({"detail": {"image-tag": [{"prefix": "v"}]}}, False),
        ({"detail": {"image-tag": [{"suffix": "st"}]}}, True),
        ({"detail": {"size": [{"suffix": ""}]}}, False),
        ({"detail": {"image-tag": [{"anything-but": "v1"}]}}, True),
        ({"detail": {"image-tag": [{"anything-but": ["v1", "latest"]}]}}, False),
        ({"detail": {"image-tag": [{"anything-but": {"prefix": "la"}}]}}, False),
        ({"detail": {"branch": [{"anything-but": "main"}]}}, False),
        ({"detail": {"image-tag": [{"exists": True}]}}, True),
        ({"detail": {"image-tag": [{"exists": False}]}}, False),
        ({"detail": {"branch": [{"exists": False}]}}, True),
        ({"object": {"key": [{"exists": False}]}}, True),
        ({"source": {"name": ["aws.ecr"]}}, False),
        ({"detail": {"branch": [None]}}, False),
    ],
)
def test_an_event_matches_if_all_fields_do(pattern: dict[str, Any], expected: bool) -> None:
    """One of a field's values is enough; types count; a field that is missing only matches exists: false."""
    assert events.matches(pattern, PUSH) is expected


@pytest.mark.parametrize(
    ("paths", "template", "expected"),
    [
        ({}, "", {}),
        ({"digest": "$.detail.image-digest"}, REVISION,
         {"sourceRevisions": [{"actionName": "Image", "revisionType": "IMAGE_DIGEST", "revisionValue": "sha256:ab"}]}),
        ({"tag": "$.detail.image-tag", "size": "$.detail.size"}, '{"a": "the <tag> of <size>", "b": <size>}',
         {"a": "the latest of 3", "b": 3}),
        ({"all": "$.resources"}, '{"a": <all>, "b": "<all>"}', {"a": ["one", "two"], "b": '["one", "two"]'}),
        ({"absent": "$.detail.branch"}, '{"a": "on <absent>"}', {"a": "on "}),
        ({"whole": "$"}, '{"a": <whole>}', {"a": PUSH}),
    ],
)  # fmt: skip
def test_a_target_gets_its_input(paths: dict[str, str], template: str, expected: dict[str, Any]) -> None:
    """Outside of quotes a name becomes JSON, within quotes its text; without a transformer there is no input."""
    target = Target(PIPELINE, paths, template)
    rule = Rule("image", {"source": ["aws.ecr"]}, (target,))
    assert events.matching([rule, Rule("other", {"source": ["aws.s3"]}, (target,))], PUSH) == [(target, expected)]


def test_a_text_with_quotes_stays_a_text() -> None:
    """What a person has pushed can't add members to the input."""
    event = {**PUSH, "detail": {"image-tag": '", "b": "'}}
    for template in ('{"a": "<tag>"}', '{"a": <tag>}'):
        rule = Rule("image", {}, (Target(PIPELINE, {"tag": "$.detail.image-tag"}, template),))
        assert events.matching([rule], event)[0][1] == {"a": '", "b": "'}


def test_an_input_without_its_value_is_refused() -> None:
    """AWS would send a target JSON that is none."""
    rule = Rule("image", {}, (Target(PIPELINE, {"branch": "$.detail.branch"}, '{"a": <branch>}'),))
    with pytest.raises(Refused, match=re.escape("the input template can't be filled in: the event has no <branch>")):
        events.matching([rule], PUSH)


@pytest.mark.parametrize(
    ("pattern", "target", "problem"),
    [
        ({"detail": {"size": [{"numeric": [">", 0]}]}}, Target(PIPELINE), 'detail.size: {"numeric": [">", 0]} is not supported here'),
        ({"detail": {"tag": [{"prefix": {"equals-ignore-case": "v"}}]}}, Target(PIPELINE), "detail.tag: prefix takes a text here"),
        ({"detail": {"tag": [{"anything-but": [{"wildcard": "v*"}]}]}}, Target(PIPELINE), '{"wildcard": "v*"} is not supported'),
        ({"detail": {"tag": [{"exists": "true"}]}}, Target(PIPELINE), "exists must be true or false"),
        ({"detail": {"tag": "v1"}}, Target(PIPELINE), "detail.tag: must be a list of values, or a mapping"),
        ({"detail": {"tag": []}}, Target(PIPELINE), "detail.tag: must be a list of values, or a mapping"),
        ({"detail": {"tag": [["v1"]]}}, Target(PIPELINE), "detail.tag: must be a list of values, not of lists"),
        ({"$or": [{"source": ["a"]}]}, Target(PIPELINE), "$or: is not supported here"),
        ({}, Target(PIPELINE, {"a": "$.resources[0]"}, '{"a": <a>}'), "input path $.resources[0] is not supported here"),
        ({}, Target(PIPELINE, {"a": "$.detail"}, '{"a": <b>}'), "input template: <b> is not among the input paths"),
        ({}, Target(PIPELINE, {"a": "$.detail"}, '"<a>"'), "input template: must be a JSON object"),
        ({}, Target(PIPELINE, {"a": "$.detail"}, '{"a": <a>'), "input template: must be a JSON object"),
    ],
)  # fmt: skip
def test_what_is_not_supported_is_a_problem(pattern: dict[str, Any], target: Target, problem: str) -> None:
    """At read time, with its place: a rule that never matches would look like a pipeline that does not start."""
    (found,) = events.problems([Rule("image", pattern, (target,))])
    assert found.startswith("rule image: ") and problem in found


def test_a_supported_rule_has_no_problem() -> None:
    """The rule of infra/terraform/pipeline."""
    pattern = {"source": ["aws.ecr"], "detail": {"image-tag": [{"anything-but": ["a", {"prefix": "b"}]}]}}
    assert (
        events.problems([Rule("image", pattern, (Target(PIPELINE, {"digest": "$.detail.image-digest"}, REVISION),))])
        == []
    )


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        ([], set()),
        ([{"source": ["aws.ecr"], "detail": {"repository-name": ["app", "web"]}}], {"app", "web"}),
        ([{"source": ["aws.s3"], "detail": {}}], set()),
        ([{"source": ["aws.ecr"]}], None),
        ([{"source": ["aws.ecr"], "detail": {"repository-name": [{"prefix": "a"}]}}], None),
        ([{"detail": {"repository-name": ["app"]}}], {"app"}),
        ([{"source": [{"prefix": "aws."}], "detail": {"repository-name": ["app"]}}], {"app"}),
    ],
)
def test_what_the_rules_name(patterns: list[dict[str, Any]], expected: set[str] | None) -> None:
    """Of all rules that events of the source may match; a rule that accepts more than names needs all there is."""
    rules = [Rule("rule", pattern, ()) for pattern in patterns]
    assert events.named(rules, "aws.ecr", "detail", "repository-name") == expected
