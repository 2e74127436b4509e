"""Steps and jobs that have nothing to do with images or ECS: whether another workflow can have them as they are."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from ecs_cd.init.rules.expressions import expressions
from ecs_cd.init.rules.tree import Map, Text, mapping, texts
from ecs_cd.init.rules.versions import renewed, supported

_ROOT = re.compile(r"(?<![\w.'-])([A-Za-z_]\w*)\s*(?:\.|\[)")
_NEEDS = re.compile(r"(?<![\w.'-])(steps|needs)\.([\w-]+)")
_LITERAL = re.compile(r"'(?:[^']|'')*'")
_EVERYWHERE = {"github", "secrets", "vars", "inputs", "runner", "job", "env"}
_OUTDATED = re.compile(r"::(?:set-output|save-state|set-env|add-path)")


def obstacle(step: Mapping[str, Any], steps: Collection[str], jobs: Collection[str], *, own: bool) -> str:
    """Why another job can't have a step as it is; empty if it can. ``steps`` and ``jobs`` are those that it has.

    ``own``: the step is written in the workflow itself, not in one that it calls.
    """
    found = [expression for text in texts(step) for expression in expressions(text)]
    condition = str(step.get("if", ""))
    found += [condition] if condition and "${{" not in condition else []
    for expression in found:
        if problem := _in_expression(expression, steps, jobs):
            return problem
    if not own and any("inputs." in expression or "secrets." in expression for expression in found):
        return "it uses the inputs of a workflow or an action that is called"
    if _OUTDATED.search(str(step.get("run", ""))):
        return "it uses a workflow command that GitHub has disabled"
    uses = str(step.get("uses", ""))
    if uses and not renewed(uses):
        return f"its version no longer runs on GitHub's runners; {supported(uses.partition('@')[0])} does"
    return ""


def _in_expression(expression: str, steps: Collection[str], jobs: Collection[str]) -> str:
    bare = _LITERAL.sub("", expression)
    for kind, name in _NEEDS.findall(bare):
        if name not in (steps if kind == "steps" else jobs):
            return f"it uses {kind}.{name}, which ecs-cd replaces"
    others = set(_ROOT.findall(bare)) - _EVERYWHERE - {"steps", "needs", "failure", "always", "success", "cancelled"}
    return f"it uses the context {sorted(others)[0]}" if others else ""


def carried(step: Mapping[str, Any]) -> Map:
    """A step with versions of actions that run today."""
    made = Map(step)
    if "uses" in made:
        made["uses"] = Text(renewed(str(made["uses"])))
    return made


def names_used(trees: Collection[Any], known: Mapping[str, Any]) -> list[str]:
    """Which of the known variables these trees mention."""
    whole = "\n".join(text for tree in trees for text in texts(tree))
    return [name for name in known if re.search(rf"(?<![\w-]){re.escape(str(name))}(?![\w-])", whole)]


def job_obstacle(job: Mapping[str, Any], kept: Collection[str]) -> str:
    """Why the new workflow can't have a whole job; empty if it can."""
    ids: set[str] = set()
    for step in job.get("steps", ()):
        if problem := obstacle(mapping(step), ids, kept, own=True).replace("context matrix", ""):
            if problem != "it uses the " and "strategy" not in problem:
                return problem
        ids |= {str(step["id"])} if isinstance(step, dict) and "id" in step else set()
    return ""
