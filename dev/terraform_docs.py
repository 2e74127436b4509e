"""The tables in the README of each Terraform module: requirements, resources, inputs, outputs.

They have the form of terraform-docs, and its two comments around them. The module's files are as `terraform fmt`
writes them (a test checks that), so the first two spaces of a line say whether an argument begins there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from dev.host import ROOT

MODULES = ROOT / "infra" / "terraform"
BEGIN, END = "<!-- BEGIN_TF_DOCS -->", "<!-- END_TF_DOCS -->"

_BLOCK = re.compile(r'^(\w+)((?: "[^"]+")*) \{\n(.*?)^\}$|^(\w+)((?: "[^"]+")*) \{\}$', re.M | re.S)
_ARGUMENT = re.compile(r"^  (\w+) += (.*?)(?=^  \w|\Z)", re.M | re.S)
_VERSIONS = re.compile(r'required_version = "([^"]+)"|(\w+) = \{\s+source +=.*?version = "([^"]+)"', re.S)
_ALIGNED = re.compile(r" {2,}(?=[=#])")


class Block(NamedTuple):
    """A block of a module: variable "name" { ... }."""

    kind: str
    labels: list[str]
    arguments: dict[str, str]
    body: str


def generated() -> dict[Path, str]:
    """The README of each module, with its tables."""
    return {readme: _with_tables(readme) for readme in sorted(MODULES.glob("*/README.md"))}


def _with_tables(readme: Path) -> str:
    text = readme.read_text(encoding="utf-8")
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    assert begin and end, f"{readme} has no {BEGIN} and {END}"
    return "".join([head, begin, "\n", *(f"{line}\n" for line in tables(list(blocks(readme.parent)))), end, tail])


def blocks(folder: Path) -> Iterator[Block]:
    """The blocks of the files of a module, in order."""
    for path in sorted(folder.glob("*.tf")):
        for kind, labels, body, empty_kind, empty_labels in _BLOCK.findall(path.read_text(encoding="utf-8")):
            names = re.findall(r'"([^"]+)"', labels or empty_labels)
            arguments = {name: value.strip() for name, value in _ARGUMENT.findall(body)}
            yield Block(kind or empty_kind, names, arguments, body)


def tables(found: list[Block]) -> Iterator[str]:
    """The four tables."""
    yield from ["## Requirements", "", "| Name | Version |", "|------|---------|"]
    versions = [match for block in found if block.kind == "terraform" for match in _VERSIONS.findall(block.body)]
    yield from (f"| {provider or 'terraform'} | {version or core} |" for core, provider, version in versions)
    resources = sorted(".".join(block.labels) for block in found if block.kind == "resource")
    if resources:
        yield from ["", "## Resources", "", "| Name |", "|------|", *(f"| `{name}` |" for name in resources)]
    yield from ["", "## Inputs", "", "| Name | Description | Type | Default | Required |"]
    yield from ["|------|-------------|------|---------|:--------:|"]
    yield from (_input(block) for block in _of(found, "variable"))
    yield from ["", "## Outputs", "", "| Name | Description |", "|------|-------------|"]
    yield from (f"| {block.labels[0]} | {_text(block)} |" for block in _of(found, "output"))


def _of(found: list[Block], kind: str) -> list[Block]:
    return sorted((block for block in found if block.kind == kind), key=lambda block: block.labels)


def _input(block: Block) -> str:
    default = block.arguments.get("default")
    cells = [_text(block), _code(block.arguments["type"]), _code(default) if default else "n/a"]
    return f"| {block.labels[0]} | {' | '.join(cells)} | {'no' if default else 'yes'} |"


def _text(block: Block) -> str:
    return block.arguments["description"].strip('"').replace('\\"', '"').replace("|", r"\|")


def _code(value: str) -> str:
    """A value in a cell; several lines in <pre>, without the spaces that only align."""
    if "\n" not in value:
        return f"`{value}`"
    lines = [_ALIGNED.sub(" ", line.removeprefix("  ")).replace("|", "&#124;") for line in value.splitlines()]
    return f"<pre>{'<br/>'.join(lines)}</pre>"
