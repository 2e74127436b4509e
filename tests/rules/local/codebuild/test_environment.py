"""The variables of a build."""

from __future__ import annotations

import pytest

from ecs_cd.local.codebuild.rules import environment
from ecs_cd.local.codebuild.rules.buildspec import Buildspec
from ecs_cd.local.codebuild.rules.environment import SecretReference, Variable
from ecs_cd.model.errors import Refused

ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:my-app/db-Ab1Cd2"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("my-app/db", SecretReference("my-app/db")),
        ("my-app/db:url", SecretReference("my-app/db", "url")),
        ("my-app/db:url:AWSPREVIOUS", SecretReference("my-app/db", "url", "AWSPREVIOUS")),
        ("my-app/db:::v1", SecretReference("my-app/db", "", "", "v1")),
        (ARN, SecretReference(ARN)),
        (f"{ARN}:url::v1", SecretReference(ARN, "url", "", "v1")),
    ],
)
def test_a_secret_is_named_with_its_key_stage_and_version(text: str, found: SecretReference) -> None:
    """By its name or ARN."""
    assert environment.secret_reference(text) == found


def test_the_start_of_a_build_overrides_the_project_which_overrides_the_buildspec() -> None:
    """Whatever the type: https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html#build-spec.env"""
    spec = Buildspec(variables={"A": "spec", "B": "spec", "C": "spec"}, parameters={"D": "/d"}, secrets={"E": "e:key"})
    project = [{"name": "B", "value": "project"}, {"name": "C", "value": "project"}]
    start = [{"name": "C", "value": "/c", "type": "PARAMETER_STORE"}, {"name": "E", "value": "start"}]
    assert environment.given(spec, project, start) == {
        "A": Variable("spec"),
        "B": Variable("project"),
        "C": Variable("/c", "PARAMETER_STORE"),
        "D": Variable("/d", "PARAMETER_STORE"),
        "E": Variable("start"),
    }


def test_entries_that_codebuild_would_not_take_are_named() -> None:
    """Names, reserved names, types; never a value."""
    entries = [
        {"name": "a-b", "value": "secret"},
        {"name": "CODEBUILD_ID", "value": "secret"},
        {"name": "A", "value": "secret", "type": "SECRET"},
        {"name": "B", "value": "", "type": "SECRETS_MANAGER"},
    ]
    found = environment.problems(entries, "here")
    assert len(found) == 3
    assert "secret" not in " ".join(found)


def test_codebuild_says_where_the_sources_are() -> None:
    """The primary one in CODEBUILD_SRC_DIR, the others by their names."""
    own = environment.own({"BUILD_ID": "p:1"}, "eu-west-1", ["App", "Infra"])
    assert own["CODEBUILD_SRC_DIR"].endswith("/00")
    assert own["CODEBUILD_SRC_DIR_Infra"].endswith("/01")
    assert "CODEBUILD_SRC_DIR_App" not in own
    assert (own["CODEBUILD_BUILD_ID"], own["AWS_REGION"], own["AWS_DEFAULT_REGION"]) == (
        "p:1",
        "eu-west-1",
        "eu-west-1",
    )
    assert environment.own({}, "eu-west-1", [])["CODEBUILD_SRC_DIR"].endswith("/00")


def test_an_artifact_with_a_hyphen_has_no_variable() -> None:
    """A shell ends at the export of such a name."""
    own = environment.own({}, "eu-west-1", ["my-app", "my-infra", "Other"])
    assert [name for name in own if "SRC_DIR" in name] == ["CODEBUILD_SRC_DIR", "CODEBUILD_SRC_DIR_Other"]


def test_exported_variables_are_those_that_have_a_value() -> None:
    """Of all variables, which may hold any text."""
    dump = b"A=1\0B=two\nlines=x\0C=\0D=4\0"
    assert environment.exported(dump, ("B", "C", "E", "A")) == {"B": "two\nlines=x", "C": "", "A": "1"}


def test_values_of_parameters_and_secrets_are_masked() -> None:
    """Line by line, the longest first; a very short value would make the log unreadable."""
    hidden = environment.to_mask(["pass", "password", "1", "first line\nsecond line\n", ""])
    assert environment.masked("password pass 1 second line", hidden) == "*** *** 1 ***"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        ('[{"name": "A", "value": "1"}]', [{"name": "A", "value": "1"}]),
        ('[{"name": "A", "value": "/a", "type": "PARAMETER_STORE"}]', [{"name": "A", "value": "/a", "type": "PARAMETER_STORE"}]),
    ],
)  # fmt: skip
def test_environment_variables_of_an_action_are_json(text: str, found: list[dict[str, str]]) -> None:
    """CodePipeline takes them as one text."""
    assert environment.entries(text) == found


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[{"name": "A", "value": "secret', "is not JSON"),
        ('"secret"', "is not a list of objects with the texts name, value and type"),
        ('{"name": "secret"}', "is not a list of objects"),
        ('[{"name": "A", "value": "secret", "tpye": "PLAINTEXT"}]', "is not a list of objects"),
        ('[{"name": "A", "value": ["secret"]}]', "is not a list of objects"),
        ('[{"name": "secret"}]', "is not a list of objects"),
        ('[{"name": "A-B", "value": "secret"}]', "'A-B' is not the name of a variable"),
    ],
)
def test_other_environment_variables_are_refused(text: str, words: str) -> None:
    """Without their values."""
    with pytest.raises(Refused, match=words) as error:
        environment.entries(text)
    assert "secret" not in str(error.value)
