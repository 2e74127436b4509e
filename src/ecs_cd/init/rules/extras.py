"""Steps and jobs that have nothing to do with images or ECS: whether another workflow can have them as they are."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from ecs_cd.init.rules.expressions import expressions
from ecs_cd.init.rules.tree import Map, Text, texts
from ecs_cd.init.rules.versions import renewed, supported

_ROOT = re.compile(r"(?<![\w.'-])([A-Za-z_]\w*)\s*(?:\.|\[)")
_NEEDS = re.compile(r"(?<![\w.'-])(steps|needs)\.([\w-]+)")
_LITERAL = re.compile(r"'(?:[^']|'')*'")
_EVERYWHERE = {"github", "secrets", "vars", "inputs", "runner", "job", "env"}
_OUTDATED = re.compile(r"::(?:set-output|save-state|set-env|add-path)")


def obstacle(
    step: Mapping[str, Any], steps: Collection[str], jobs: Collection[str], contexts: Collection[str] = ()
) -> str:
    """Why another job can't have a step as it is; empty if it can. ``steps`` and ``jobs`` are those that it has,
    ``contexts`` those that it has beyond the usual ones."""
    for expression in _all(step):
        if problem := _in_expression(expression, steps, jobs, contexts):
            return problem
    if _OUTDATED.search(str(step.get("run", ""))):
        return "it uses a workflow command that GitHub has disabled"
    uses = str(step.get("uses", ""))
    if uses and not renewed(uses):
        return f"its version no longer runs on GitHub's runners; {supported(uses.partition('@')[0])} does"
    return ""


def _all(tree: Mapping[str, Any]) -> list[str]:
    """The expressions of a step or a job, without those of its steps."""
    inner = {key: value for key, value in tree.items() if key != "steps"}
    found = [expression for text in texts(inner) for expression in expressions(text)]
    condition = str(tree.get("if", ""))
    return found + ([condition] if condition and "${{" not in condition else [])


def _in_expression(expression: str, steps: Collection[str], jobs: Collection[str], contexts: Collection[str]) -> str:
    bare = _LITERAL.sub("", expression)
    for kind, name in _NEEDS.findall(bare):
        if name not in (steps if kind == "steps" else jobs):
            return f"it uses {kind}.{name}, which ecs-cd replaces"
    others = {root.lower() for root in _ROOT.findall(bare)} - _EVERYWHERE - {"steps", "needs", *contexts}
    return f"it uses the context {min(others)}" if others else ""


def job_obstacle(job: Mapping[str, Any], kept: Collection[str], labels: Collection[str]) -> str:
    """Why another workflow can't have a whole job; empty if it can. ``kept`` are the jobs that it has, ``labels`` the
    runners that are known."""
    contexts = {"matrix", "strategy"}
    ids: set[str] = {str(step["id"]) for step in job.get("steps", ()) if isinstance(step, dict) and "id" in step}
    for part in (job, *(step for step in job.get("steps", ()) if isinstance(step, dict))):
        if problem := obstacle(part, ids, kept, contexts):
            return problem
    runner = job.get("runs-on", "")
    unknown = [text for text in texts(runner) if "${{" not in text and text not in labels]
    return f"actionlint doesn't know its runner {unknown[0]}" if unknown and "uses" not in job else ""


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
