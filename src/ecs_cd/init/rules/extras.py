"""Steps and jobs that have nothing to do with images or ECS: whether another workflow can have them as they are."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from ecs_cd.init.rules.expressions import expressions
from ecs_cd.init.rules.tree import Map, Text, mapping, texts

_ROOT = re.compile(r"(?<![\w.'-])([A-Za-z_]\w*)\s*(?:\.|\[)")
_NEEDS = re.compile(r"(?<![\w.'-])(steps|needs)\.([\w-]+)")
_LITERAL = re.compile(r"'(?:[^']|'')*'")
_EVERYWHERE = {"github", "secrets", "vars", "inputs", "runner", "job", "env"}
_OUTDATED = re.compile(r"::(?:set-output|save-state|set-env|add-path)")
# Actions of GitHub whose old versions GitHub's runners no longer support, and a version with the same inputs.
NEWER = {
    "actions/cache": (4, "v4"), "actions/checkout": (4, "v5"), "actions/download-artifact": (4, "v4"),
    "actions/github-script": (7, "v7"), "actions/setup-dotnet": (4, "v4"), "actions/setup-go": (5, "v5"),
    "actions/setup-java": (4, "v4"), "actions/setup-node": (4, "v4"), "actions/setup-python": (5, "v5"),
    "actions/upload-artifact": (4, "v4"), "docker/login-action": (3, "v3"), "docker/setup-buildx-action": (3, "v3"),
    "docker/setup-qemu-action": (3, "v3"), "ruby/setup-ruby": (1, "v1"), "pnpm/action-setup": (3, "v4"),
    "gradle/gradle-build-action": (3, "v3"), "subosito/flutter-action": (2, "v2"), "shivammathur/setup-php": (2, "v2"),
    "slackapi/slack-github-action": (2, ""), "aws-actions/configure-aws-credentials": (4, "v5"),
}  # fmt: skip
_VERSION = re.compile(r"v?(\d+)(?:\.[\d.]+)?")
_COMMIT = re.compile(r"[0-9a-f]{40}")


def renewed(uses: str) -> str:
    """``uses`` with a version that runners support; empty if none with the same inputs is known."""
    if uses.startswith(("./", "docker://")):
        return uses
    name, at, version = uses.partition("@")
    if name not in NEWER:
        return uses if _COMMIT.fullmatch(version) else ""
    number = _VERSION.fullmatch(version)
    oldest, newer = NEWER[name]
    if number and int(number[1]) < oldest:
        return f"{name}@{newer}" if newer else ""
    return uses if at else ""


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
        return "copy it if its version still runs on GitHub's runners"
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
