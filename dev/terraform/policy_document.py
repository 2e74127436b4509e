"""The data source aws_iam_policy_document: from its blocks to JSON, as hashicorp/aws writes it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Block = Mapping[str, Any]

_VERSION = "2012-10-17"


class Duplicate(ValueError):
    """Two statements of one document have the same Sid."""


def render(config: Block) -> str:
    """The JSON of the document, with its sources below it and its overrides above."""
    version = config.get("version") or _VERSION
    document: dict[str, Any] = {"Version": version}
    if config.get("policy_id"):
        document["Id"] = config["policy_id"]
    own = [_statement(each, version) for each in config.get("statement") or []]
    statements = _distinct([*_statements(config.get("source_policy_documents")), *own])
    for each in _statements(config.get("override_policy_documents")):
        statements = _replaced(statements, each)
    document["Statement"] = statements
    return json.dumps({name: value for name, value in document.items() if value}, indent=2)


def _statements(texts: Iterable[str] | None) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for text in texts or ():
        statement = json.loads(text).get("Statement", []) if text else []
        found += [statement] if isinstance(statement, dict) else statement
    return found


def _distinct(statements: list[dict[str, Any]]) -> list[dict[str, Any]]:
    sids = [each["Sid"] for each in statements if each.get("Sid")]
    twice = {sid for sid in sids if sids.count(sid) > 1}
    if twice:
        raise Duplicate(f"duplicate Sid ({', '.join(sorted(twice))})")
    return statements


def _replaced(statements: list[dict[str, Any]], new: dict[str, Any]) -> list[dict[str, Any]]:
    """The statements with the one of the same Sid replaced, or with one more."""
    if new.get("Sid") and any(each.get("Sid") == new["Sid"] for each in statements):
        return [new if each.get("Sid") == new["Sid"] else each for each in statements]
    return [*statements, new]


def _statement(block: Block, version: str) -> dict[str, Any]:
    found = {
        "Sid": block.get("sid"),
        "Effect": block.get("effect") or "Allow",
        "Action": _one_or_more(block.get("actions")),
        "NotAction": _one_or_more(block.get("not_actions")),
        "Resource": _one_or_more(block.get("resources"), version),
        "NotResource": _one_or_more(block.get("not_resources"), version),
        "Principal": _principals(block.get("principals"), version),
        "NotPrincipal": _principals(block.get("not_principals"), version),
        "Condition": _conditions(block.get("condition"), version),
    }
    return {name: value for name, value in found.items() if value}


def _one_or_more(values: Sequence[str] | None, version: str = "") -> str | list[str]:
    """One value as a string, several as a list in reversed order: so does the provider."""
    written = sorted((_variables(value, version) for value in values or ()), reverse=True)
    return written[0] if len(written) == 1 else written


def _variables(value: str, version: str) -> str:
    """`&{aws:username}` is how an author writes IAM's `${aws:username}` in HCL."""
    return value.replace("&{", "${") if version == _VERSION else value


def _principals(blocks: Iterable[Block] | None, version: str) -> Any:
    found: dict[str, list[str]] = {}
    for block in blocks or ():
        found.setdefault(block["type"], []).extend(block["identifiers"])
    if found == {"*": ["*"]}:
        return "*"
    return {kind: _one_or_more(names, version) for kind, names in sorted(found.items())}


def _conditions(blocks: Iterable[Block] | None, version: str) -> dict[str, dict[str, str | list[str]]]:
    found: dict[str, dict[str, list[str]]] = {}
    for block in blocks or ():
        found.setdefault(block["test"], {}).setdefault(block["variable"], []).extend(block["values"])
    return {
        test: {name: _one_or_more(values, version) for name, values in sorted(variables.items())}
        for test, variables in sorted(found.items())
    }
