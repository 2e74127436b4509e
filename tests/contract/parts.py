"""The files that the contract tests compare, parsed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ecs_cd.model.owner import ACTION

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
DOCS = ROOT / "docs"
QUICKSTART = DOCS / "quickstart.md"
INPUTS = DOCS / "reference" / "inputs.md"
PERMISSIONS = DOCS / "reference" / "permissions.md"
DOCUMENT = DOCS / "reference" / "document.md"
APP_FILE = DOCS / "reference" / "app-file.md"
EXIT_CODES_PAGE = DOCS / "reference" / "exit-codes.md"
PATTERNS = sorted((DOCS / "patterns").glob("[0-9].md"))
# In these patterns, the app repository has no workflow.
WITHOUT_WORKFLOW = ("4", "8")
# The pages in Japanese, and what each translates.
JAPANESE = {ROOT / "README.ja.md": README, DOCS / "quickstart.ja.md": QUICKSTART}
FENCE = re.compile(r"^```.*?^```$", re.M | re.S)
# From other tools: each page has a workflow before and one after.
COMING_FROM = sorted((DOCS / "guides" / "coming-from").glob("*.md"))
DROP_IN = DOCS / "guides" / "coming-from" / "official-actions.md"
# The pages with workflows to copy.
WORKFLOW_PAGES = (
    README,
    QUICKSTART,
    *(page for page in COMING_FROM if page != DROP_IN),
    DOCS / "guides" / "workflows.md",
    *(page for page in PATTERNS if page.stem not in WITHOUT_WORKFLOW),
)
SCHEMA = ROOT / "schema" / "ecs-cd.schema.json"
APP_SCHEMA = ROOT / "schema" / "ecs-cd-app.schema.json"
PIPELINE = ROOT / ".github" / "workflows" / "pipeline.yml"
WORKFLOWS = sorted([*ROOT.glob(".github/workflows/*.yml"), *ROOT.glob("examples/*/.github/workflows/*.yml")])

# How a workflow names an action, and the verb behind it.
SUITE = ACTION
ENTRY_POINTS = {
    ".": "pipeline",
    **{
        path: verb
        for verb in (
            "images",
            "build-push",
            "migrate",
            "deploy",
            "hand-off",
            "verify",
            "continue",
            "rollback",
            "plan",
            "lock",
            "unlock",
        )
        for path in (f"actions/{verb}", verb)
    },
}


@dataclass(frozen=True)
class Step:
    """One step of a workflow; ``where`` names it in a failed assertion."""

    where: str
    content: dict[str, Any]

    @property
    def verb(self) -> str:
        """The verb that the step uses; empty if it uses another action or none."""
        name, _, _ = str(self.content.get("uses", "")).partition("@")
        if name != SUITE and not name.startswith(f"{SUITE}/"):
            return ""
        return ENTRY_POINTS[name.removeprefix(SUITE).strip("/") or "."]


def action(path: str) -> dict[str, Any]:
    """The action.yml in this folder."""
    content: dict[str, Any] = yaml.safe_load((ROOT / path / "action.yml").read_text(encoding="utf-8"))
    return content


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of a page in this language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(encoding="utf-8"), re.M | re.S)


def workflow_blocks() -> dict[str, str]:
    """The workflows with ecs-cd that the README and the docs show, by page and number."""
    return {where: block for where, block in _shown().items() if SUITE in block}


def other_workflow_blocks() -> dict[str, str]:
    """Those that the docs show without ecs-cd: of the tools that users come from."""
    return {where: block for where, block in _shown().items() if SUITE not in block}


def _shown() -> dict[str, str]:
    return {
        f"{page.relative_to(ROOT)}, workflow {number}": block
        for page in WORKFLOW_PAGES
        for number, block in enumerate(blocks(page, "yaml"), 1)
        if "jobs:" in block
    }


def used(content: Any) -> Iterator[dict[str, Any]]:
    """Every step or job with ``uses`` in a YAML value, whether it is a workflow or a part of one."""
    if isinstance(content, dict):
        if "uses" in content:
            yield content
        for each in content.values():
            yield from used(each)
    elif isinstance(content, list):
        for each in content:
            yield from used(each)


def workflows() -> dict[str, dict[Any, Any]]:
    """Every workflow that people may copy from here, by its place: the README, the docs, the examples, .github."""
    found = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in WORKFLOWS}
    return {where: yaml.safe_load(text) for where, text in (found | workflow_blocks()).items()}


def steps(where: str, workflow: dict[Any, Any]) -> Iterator[Step]:
    """The steps of all jobs."""
    for job_id, job in workflow["jobs"].items():
        for number, content in enumerate(job.get("steps", ()), 1):
            yield Step(f"{where}, job {job_id}, step {number}", content)
