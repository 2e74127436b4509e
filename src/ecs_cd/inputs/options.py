"""How an input is declared, and how the inputs of a verb are read.

A verb's inputs are a frozen dataclass, a file a verb. tests/contract holds the action.yml files, the tables of
docs/reference/inputs.md and the flags of the command line to them.
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
    """What is said of an input besides its name and type. ``default`` is as written in action.yml."""

    help: str
    parse: Callable[[str, str], Any]  # (text, name of the input) -> value; raises Refused
    default: str = ""
    in_action: str = ""  # the default in action.yml alone: an expression of GitHub's
    required: bool = False
    many: bool = False  # one a line in an action, one a flag on the command line
    secret: bool = False  # holds secrets: not offered as a flag, which everybody on the machine can read
    metavar: str = ""
    differs: str = ""  # from the official action's input of this name, on purpose


def option(help: str, parse: Callable[[str, str], Any], **more: Any) -> Any:
    """A field of a verb's inputs; ``more`` is as in ``Option``."""
    declared = Option(help, parse, **more)
    return field(
        default_factory=lambda: declared.parse(declared.default, ""),
        metadata={"option": declared},
        repr=not declared.secret,
    )


def options(inputs: type[Any]) -> dict[str, Option]:
    """The inputs of a verb by their names in action.yml, `config` first."""
    return {f.name.replace("_", "-"): f.metadata["option"] for f in dataclasses.fields(inputs)}


def read(inputs: type[T], given: Mapping[str, str]) -> T:
    """The typed inputs from the texts that were given; an empty text means: not given.

    Raises ``Refused`` with all problems at once. Values are not in them.
    """
    declared = {f.name.replace("_", "-"): f for f in dataclasses.fields(inputs)}  # type: ignore[arg-type]
    # GitHub does not tell `IP` from `ip` in an input's name, and hands it over as the workflow has it; act in small.
    spelt = {name.lower(): name for name in declared}
    given = {spelt.get(name.lower(), name): text for name, text in given.items()}
    found = [f"{name}: there is no such input" for name in given if name not in declared]
    remedies: list[str] = []
    values: dict[str, Any] = {}
    for name, declaration in declared.items():
        wanted: Option = declaration.metadata["option"]
        text = given.get(name, "") or wanted.default
        if wanted.required and not text.strip():
            found.append(f"{name}: is required. {wanted.help}")
            continue
        try:
            values[declaration.name] = wanted.parse(text, name)
        except Refused as refused:
            found += refused.problems
            remedies += [refused.remedy] if refused.remedy else []
    if found:
        raise Refused(found, " ".join(remedies))
    return inputs(**values)
