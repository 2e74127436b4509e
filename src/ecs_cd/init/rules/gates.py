"""The jobs that a deployment waits for, such as tests: the new workflow has them too, if it can."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from ecs_cd.init.rules import extras
from ecs_cd.init.rules.expressions import expressions
from ecs_cd.init.rules.facts import Extra
from ecs_cd.init.rules.tree import Map, mapping, texts
from ecs_cd.init.rules.values import portable_expression
from ecs_cd.init.rules.workflow import Job, needs

HOSTED = {
    "ubuntu-latest", "ubuntu-22.04", "ubuntu-24.04", "ubuntu-26.04", "ubuntu-24.04-arm", "ubuntu-22.04-arm",
    "ubuntu-26.04-arm", "ubuntu-slim", "self-hosted", "linux", "x64", "arm", "arm64", "Linux", "X64", "ARM64",
}  # fmt: skip
_OTHERS = {"windows-latest", "windows-2022", "windows-2025", "macos-latest", "macos-14", "macos-15", "macos-26"}
_RETIRED = {"ubuntu-16.04", "ubuntu-18.04", "ubuntu-20.04"}
_ORDER = ("name", "needs", "if", "uses", "with", "secrets", "runs-on", "permissions")
_NEEDS = re.compile(r"(?<![\w.'-])needs\.([\w-]+)")


class Gates:
    """The carried jobs of one workflow. ``left`` notes a job that can't be carried, ``taken`` are other jobs' ids."""

    def __init__(
        self,
        content: Map,
        jobs: Mapping[str, Job],
        taken: Collection[str],
        labels: Collection[str],
        left: Callable[[str, str, str], None],
    ) -> None:
        self.content, self.jobs, self.taken, self.left = content, jobs, taken, left
        self.labels = {*HOSTED, *_OTHERS, *_RETIRED, *labels}
        self.carried: dict[str, Map] = {}

    def matters(self, job: Job) -> bool:
        """Whether a job does more than to compute values that the documents now have."""
        return "uses" in job.tree or any(isinstance(fact, Extra) for fact in job.facts)

    def carry(self, name: str) -> bool:
        """Adds a job and those that it needs; whether it can."""
        job = self.jobs.get(name)
        if name in self.carried:
            return True
        if job is None or job.ours:
            return False
        why = self.obstacle(job)
        if why:
            self.left(job.place, f"job {name}", f"the deployment waits for it, but {why}")
            return False
        self.carried[name] = job.tree
        return True

    def obstacle(self, job: Job) -> str:
        if job.id in self.taken:
            return "its name is taken"
        missing = next((need for need in needs(job.tree) if not self.carry(need)), "")
        if missing:
            return f"it needs {missing}, which the new workflow doesn't have"
        return extras.job_obstacle(job.tree, needs(job.tree), self.labels)

    def written(self) -> dict[str, dict[str, Any]]:
        """The jobs for the new workflow, with the variables and defaults of the old one that they use."""
        return {name: self._written(tree) for name, tree in self.carried.items()}

    def _written(self, tree: Map) -> dict[str, Any]:
        made = {str(key): value for key, value in tree.items()}
        if str(made.get("runs-on", "")) in _RETIRED:
            made["runs-on"] = "ubuntu-latest"
        if "steps" in made:
            made["steps"] = [extras.carried(step) if isinstance(step, dict) else step for step in made["steps"]]
        workflow = mapping(self.content.get("env"))
        used = {name: workflow[name] for name in extras.names_used([tree], workflow)}
        if used and "uses" not in made:
            made["env"] = {**used, **mapping(tree.get("env"))}
        if "defaults" in self.content and "steps" in made:
            made.setdefault("defaults", self.content["defaults"])
        if "permissions" not in made:
            made["permissions"] = self.content.get("permissions") or {"contents": "read"}
        return {key: made[key] for key in sorted(made, key=lambda key: _ORDER.index(key) if key in _ORDER else 99)}

    # ---- conditions ----

    def usable(self, condition: str) -> bool:
        """Whether the new workflow can have an `if`: it then has the jobs whose outputs the `if` uses."""
        named = set(_NEEDS.findall(condition))
        bare = re.sub(r"(?<![\w.'-])needs\.[\w.-]+", "github.x", condition)
        return portable_expression(bare) and all(self.carry(name) for name in sorted(named))


def bare(condition: str) -> str:
    """An `if` without its braces."""
    text = condition.strip()
    alone = re.fullmatch(r"\$\{\{(.*)\}\}", text, re.DOTALL)
    return alone[1].strip() if alone and len(expressions(text)) == 1 else text


def mentioned(condition: str) -> list[str]:
    """The jobs whose results or outputs an `if` uses."""
    return _NEEDS.findall(condition)


def portable(value: Any) -> bool:
    """Whether all expressions in a tree mean the same in the new workflow."""
    return all(portable_expression(each) for text in texts(value) for each in expressions(text))


def transitive(names: Iterable[str], jobs: Mapping[str, Job]) -> list[str]:
    """The jobs that these need, and so on, each after those that it needs."""
    found: list[str] = []

    def visit(name: str, path: tuple[str, ...]) -> None:
        for need in jobs[name].needs if name in jobs else ():
            if need not in found and need not in path:
                visit(need, (*path, need))
                found.append(need)

    for name in sorted(names):
        visit(name, (name,))
    return found
