"""Policies as Terraform: a data source aws_iam_policy_document for each."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ecs_cd.iam.rules.policy import Policy


def text(policies: Mapping[str, Mapping[str, Policy]]) -> str:
    """The file, as `terraform fmt` would write it; a policy's name becomes that of its data source."""
    return "\n".join(line for account, named in policies.items() for line in _account(account, named)).rstrip()


def _account(account: str, policies: Mapping[str, Policy]) -> Iterator[str]:
    for name, policy in policies.items():
        yield f"# In the account {account}."
        yield from _block(name, policy)


def _block(name: str, policy: Policy) -> Iterator[str]:
    yield f'data "aws_iam_policy_document" "{re.sub(r"[^A-Za-z0-9_]", "_", name)}" {{'
    for number, statement in enumerate(policy["Statement"]):
        yield from [""] * (number > 0)
        yield "  statement {"
        yield from _indented(_statement(statement), 4)
        yield "  }"
    yield "}"
    yield ""


def _statement(statement: Mapping[str, Any]) -> Iterator[str]:
    yield from _list("actions", statement["Action"])
    if "Resource" in statement:
        yield ""
        yield from _list("resources", statement["Resource"])
    for kind, names in statement.get("Principal", {}).items():
        yield ""
        yield from _inner("principals", {"type": kind, "identifiers": names})
    for test, keys in statement.get("Condition", {}).items():
        for variable, values in keys.items():
            yield ""
            yield from _inner("condition", {"test": test, "variable": variable, "values": values})


def _inner(kind: str, members: Mapping[str, str | Sequence[str]]) -> Iterator[str]:
    """A block in which lists come last, and every list is on one line, so that `fmt` aligns all of it."""
    yield f"{kind} {{"
    width = max(map(len, members))
    for name, value in members.items():
        is_list = name in ("identifiers", "values")
        words = f"[{', '.join(map(_quoted, _several(value)))}]" if is_list else _quoted(str(value))
        yield f"  {name:{width}} = {words}"
    yield "}"


def _list(name: str, values: str | Sequence[str]) -> Iterator[str]:
    items = _several(values)
    if len(items) == 1:
        yield f"{name} = [{_quoted(items[0])}]"
        return
    yield f"{name} = ["
    yield from (f"  {_quoted(item)}," for item in items)
    yield "]"


def _several(values: str | Sequence[str]) -> Sequence[str]:
    return [values] if isinstance(values, str) else values


def _quoted(text: str) -> str:
    """A string without templates: a name of the document must not become an expression."""
    return json.dumps(text).replace("${", "$${").replace("%{", "%%{")


def _indented(lines: Iterator[str], by: int) -> Iterator[str]:
    return (f"{' ' * by}{line}" if line else "" for line in lines)
