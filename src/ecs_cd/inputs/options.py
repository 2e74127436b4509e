"""Declares an input, and reads the inputs of a verb.

The inputs of each verb are a frozen dataclass in its own file. tests/contract checks that the action.yml files, the
tables of docs/reference/inputs.md and the command-line flags agree with them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ecs_cd.model.errors import Refused

T = TypeVar("T")


@dataclass(frozen=True)
class Option:
    """The properties of an input, except its name and type. ``default`` is the text in action.yml."""

    help: str
    parse: Callable[[str, str], Any]  # (text, name of the input) -> value; raises Refused
    default: str = ""
    in_action: str = ""  # the default in action.yml only: a GitHub expression
    required: bool = False
    many: bool = False  # several values: one per line in an action, a repeated flag on the command line
    secret: bool = False  # holds secrets: not a flag, because every process on the machine can read flags
    metavar: str = ""
    blank: str | None = None  # what an input that is given, but empty, means; ``None``: the default
    differs: str = ""  # how it deliberately differs from the official action's input


def option(help: str, parse: Callable[[str, str], Any], **more: Any) -> Any:
    """Declares a field of a verb's inputs; ``more`` holds other fields of ``Option``."""
    declared = Option(help, parse, **more)
    return field(
        default_factory=lambda: declared.parse(declared.default, ""),
        metadata={"option": declared},
        repr=not declared.secret,
    )


def options(inputs: type[Any]) -> dict[str, Option]:
    """The inputs of a verb by their names in action.yml, ``config`` first."""
    found = {f.name.replace("_", "-"): f.metadata["option"] for f in dataclasses.fields(inputs)}
    return {**({"config": found["config"]} if "config" in found else {}), **found}


def read(inputs: type[T], given: Mapping[str, str]) -> T:
    """Parses the given texts into typed inputs; a blank text counts as not given, except for ``Option.blank``.

    Raises ``Refused`` with all problems at once, without values.
    """
    declared = {f.name.replace("_", "-"): f for f in dataclasses.fields(inputs)}  # type: ignore[arg-type]
    # Input names are case-insensitive on GitHub, which passes them as the workflow spells them; act lowercases them.
    spelling = {name.lower(): name for name in declared}
    given = {spelling.get(name.lower(), name): text for name, text in given.items()}
    found = [f"{name}: there is no such input" for name, text in given.items() if text and name not in declared]
    remedies: list[str] = []
    values: dict[str, Any] = {}
    for name, declaration in declared.items():
        wanted: Option = declaration.metadata["option"]
        text = _text(given.get(name), wanted)
        if wanted.required and not text.strip():
            found.append(f"{name}: is required. {wanted.help}")
            continue
        if "\0" in text:
            found.append(f"{name}: has a NUL character, which no path, name or variable can have")
            continue
        try:
            values[declaration.name] = wanted.parse(text, name)
        except Refused as refused:
            found += refused.problems
            remedies += [refused.remedy] if refused.remedy else []
    if found:
        raise Refused(found, " ".join(remedies))
    return inputs(**values)


def _text(given: str | None, wanted: Option) -> str:
    """The text to parse. GitHub passes an input that a workflow sets to nothing as an empty text."""
    if given and given.strip():
        return given
    return wanted.default if given is None or wanted.blank is None else wanted.blank
