"""What is made of the code is up to date."""

from __future__ import annotations

import json
from collections.abc import Iterator

from ecs_cd.core import schema
from ecs_cd.core.document import SCHEMA
from tests.contract import generate, parts

# The words of JSON Schema that core/schema.py knows, and those that say nothing about a document.
KNOWN = {"type", "properties", "required", "additionalProperties", "patternProperties", "items"}
KNOWN |= {"minItems", "minProperties", "pattern", "enum"}
SILENT = {"$schema", "$id", "title", "description"}


def rules(rule: schema.Schema) -> Iterator[schema.Schema]:
    """The rule and all those inside it."""
    yield rule
    inner = [*rule.get("properties", {}).values(), *rule.get("patternProperties", {}).values()]
    for one in [*inner, *([rule["items"]] if "items" in rule else [])]:
        yield from rules(one)


def test_nothing_generated_was_edited_by_hand_or_forgotten() -> None:
    """After a change of interface.py or core/document.py run tests/contract/generate.py as it says."""
    assert generate.stale(generate.texts()) == []


def test_the_published_schema_is_the_one_in_the_code() -> None:
    """Editors and the actions judge a document by the same rules."""
    assert json.loads(parts.SCHEMA.read_text(encoding="utf-8")) == SCHEMA


def test_every_word_of_the_schema_is_checked_by_the_code() -> None:
    """A rule that core/schema.py doesn't know would hold in editors only."""
    assert {word for rule in rules(SCHEMA) for word in rule} <= KNOWN | SILENT


def test_a_rule_with_a_pattern_says_what_would_be_right() -> None:
    """The description is the end of `must be ...` in the error."""
    assert [rule for rule in rules(SCHEMA) if "pattern" in rule and "description" not in rule] == []
