"""What is made of the code is up to date."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from ecs_cd.document.rules import app_file, json_schema, schema
from tests.contract import generate, parts

SCHEMAS = {parts.SCHEMA: schema.SCHEMA, parts.APP_SCHEMA: app_file.SCHEMA}
# The words of JSON Schema that document/rules/json_schema.py knows, and those that say nothing about a document.
KNOWN = {"type", "properties", "required", "additionalProperties", "patternProperties", "items"}
KNOWN |= {"minItems", "minProperties", "maxProperties", "pattern", "enum"}
SILENT = {"$schema", "$id", "title", "description"}


def rules(rule: json_schema.Schema) -> Iterator[json_schema.Schema]:
    """The rule and all those inside it."""
    yield rule
    inner = [*rule.get("properties", {}).values(), *rule.get("patternProperties", {}).values()]
    for subschema in [*inner, *([rule["items"]] if "items" in rule else [])]:
        yield from rules(subschema)


def test_nothing_generated_was_edited_by_hand_or_forgotten() -> None:
    """After a change of inputs/ or document/rules/ run tests/contract/generate.py as it says."""
    assert generate.stale(generate.texts()) == []


@pytest.fixture(params=SCHEMAS, ids=lambda path: path.stem)
def path(request: pytest.FixtureRequest) -> Path:
    found: Path = request.param
    return found


def test_a_published_schema_is_the_one_in_the_code(path: Path) -> None:
    """Editors and the actions judge a document by the same rules."""
    assert json.loads(path.read_text(encoding="utf-8")) == SCHEMAS[path]
    assert SCHEMAS[path]["$id"].endswith(f"/v1/schema/{path.name}")


def test_every_word_of_a_schema_is_checked_by_the_code(path: Path) -> None:
    """A rule that document/rules/json_schema.py doesn't know would hold in editors only."""
    assert {word for rule in rules(SCHEMAS[path]) for word in rule} <= KNOWN | SILENT


def test_a_rule_with_a_pattern_says_what_would_be_right(path: Path) -> None:
    """The description is the end of `must be ...` in the error."""
    assert [rule for rule in rules(SCHEMAS[path]) if "pattern" in rule and "description" not in rule] == []
