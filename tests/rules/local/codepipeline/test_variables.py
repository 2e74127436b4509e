"""ecs_cd.local.codepipeline.rules.variables: values of a pipeline's variables, and references."""

from __future__ import annotations

from typing import Any

import pytest

from ecs_cd.local.codepipeline.rules import variables
from ecs_cd.local.codepipeline.rules.service_error import ServiceError

DECLARED = {"name": "p", "pipelineType": "V2", "variables": [{"name": "A"}, {"name": "B", "defaultValue": "none"}]}
NAMESPACES = {"variables": {"A": "a"}, "codepipeline": {"PipelineExecutionId": "1234"}, "Image": {"ImageDigest": "d"}}


@pytest.mark.parametrize(
    ("values", "found"), [({"A": "1"}, {"A": "1", "B": "none"}), ({"A": "1", "B": "2"}, {"A": "1", "B": "2"})]
)
def test_a_variable_has_a_value(values: dict[str, str], found: dict[str, str]) -> None:
    """That of the start, else its default."""
    assert variables.given(DECLARED, [{"name": name, "value": value} for name, value in values.items()]) == found


@pytest.mark.parametrize(
    ("declared", "values", "words"),
    [
        (DECLARED, {}, "because they have no default: A"),
        (DECLARED, {"A": "1", "C": "2", "D": "3"}, "does not declare the variables: C, D"),
        (DECLARED | {"pipelineType": "V1"}, {"A": "1"}, "V2 pipelines only"),
    ],
)
def test_variables_that_are_refused(declared: dict[str, Any], values: dict[str, str], words: str) -> None:
    """Without a value, not declared, or of a pipeline of type V1."""
    with pytest.raises(ServiceError, match=words) as error:
        variables.given(declared, [{"name": name, "value": value} for name, value in values.items()])
    assert error.value.code == "ValidationException"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("#{variables.A}", "a"),
        ("#{codepipeline.PipelineExecutionId}-#{Image.ImageDigest}", "1234-d"),
        ('[{"name":"X","value":"#{variables.A}"}]', '[{"name":"X","value":"a"}]'),
        ("${variables.A} {variables.A} #variables.A", "${variables.A} {variables.A} #variables.A"),
    ],
)
def test_references(text: str, found: str) -> None:
    """Each is replaced by its value, anywhere in the text."""
    assert variables.resolved({"K": text}, NAMESPACES) == {"K": found}


def test_a_value_is_no_reference() -> None:
    """What a value holds is not replaced again."""
    assert variables.resolved({"K": "#{variables.A}"}, {"variables": {"A": "#{x.y}"}}) == {"K": "#{x.y}"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("#{variables.B}", "variables has no variable B; it has A"),
        ("#{Build.X}", "no action before this one has the namespace Build"),
        ("#{Image}", "is not of the form"),
        ("#{}", "is not of the form"),
    ],
)
def test_references_without_a_value(text: str, words: str) -> None:
    """They are named with the key of the configuration."""
    with pytest.raises(variables.Unresolved, match=words) as error:
        variables.resolved({"K": f"#{{variables.A}} {text}"}, NAMESPACES)
    assert str(error.value).startswith(f"K: {text}")
