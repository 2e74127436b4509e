"""GitHub's expressions in a workflow file, with the values that the file and `--var` give. Pure functions."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from typing import Any

_EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
_TEXT = re.compile(r"'((?:[^']|'')*)'")
_PROPERTY = re.compile(r"(env|vars|matrix|inputs)\.([A-Za-z_][\w-]*)")
_NO_AXES = ("include", "exclude")
Context = Mapping[str, Mapping[str, str]]  # the values of env, vars, matrix, by their names


def unknown(text: str) -> bool:
    """Whether the text has an expression whose value isn't known here."""
    return "${{" in text


def resolved(text: str, context: Context) -> str:
    """The text with the values of its expressions; an expression without a known value stays as it is."""

    def value(found: re.Match[str]) -> str:
        known = _value(found[1], context)
        return found[0] if known is None else known

    return _EXPRESSION.sub(value, text)


def _value(expression: str, context: Context) -> str | None:
    """The value of `env.NAME`, `'text'` and others, of which `||` takes the first that isn't empty."""
    for operand in map(str.strip, expression.split("||")):
        if literal := _TEXT.fullmatch(operand):
            return literal[1].replace("''", "'")
        named = _PROPERTY.fullmatch(operand)
        if named is None:
            return None
        value = context.get(named[1], {}).get(named[2], "")
        if value:
            return None if unknown(value) else value
    return None


def all_resolved(node: Any, context: Context) -> dict[str, str]:
    """The same, of each text of a mapping."""
    return {name: resolved(text, context) for name, text in texts(node).items()}


def texts(node: Any) -> dict[str, str]:
    """The texts of a mapping; empty for anything else, such as one expression."""
    found = node.items() if isinstance(node, Mapping) else ()
    return {str(name): text for name, text in found if isinstance(text, str)}


def combinations(strategy: Any) -> list[dict[str, str]]:
    """The values of `matrix` in each of a job's runs; one without values for a job without a literal matrix.

    https://docs.github.com/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idstrategymatrixinclude
    """
    matrix = strategy.get("matrix") if isinstance(strategy, Mapping) else None
    if not isinstance(matrix, Mapping):
        return [{}]
    axes = {name: each for name, each in matrix.items() if name not in _NO_AXES and isinstance(each, list)}
    runs = [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())] if axes else []
    added: list[dict[str, Any]] = []
    included = matrix.get("include")
    for extra in included if isinstance(included, list) else ():
        if not isinstance(extra, Mapping):
            continue
        fitting = [run for run in runs if all(run[name] == extra[name] for name in axes.keys() & extra.keys())]
        for run in fitting:
            run.update(extra)
        if not fitting:
            added.append(dict(extra))
    runs += added
    return [texts(run) for run in runs] or [{}]
