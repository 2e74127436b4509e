"""The pages for users of other tools answer the same questions, and what they show works."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from dev import prose
from ecs_cd.document.rules import document
from ecs_cd.inputs import options, verbs
from tests.contract import generate, parts
from tests.contract.parts import COMING_FROM, DOCS, DROP_IN, ROOT

HEADINGS = ["What becomes what", "Before and after", "What is different", "What stays", "Go back"]
INDEX = DOCS / "guides" / "coming-from.md"
OFFICIAL = {
    "aws-actions/amazon-ecs-render-task-definition": generate.RENDER,
    "aws-actions/amazon-ecs-deploy-task-definition": generate.DEPLOY,
}

pages = pytest.mark.parametrize("page", COMING_FROM, ids=lambda page: page.stem)


def shown(page: Path) -> list[Any]:
    """What the page shows as YAML, parsed."""
    return [yaml.safe_load(block) for block in parts.blocks(page, "yaml")]


@pages
def test_a_page_answers_the_same_questions(page: Path) -> None:
    """What maps to what, the workflow before and after, what differs, what stays, and the way back."""
    headings = re.findall(r"^## (.+)$", page.read_text(encoding="utf-8"), re.M)
    assert {heading: headings.count(heading) for heading in HEADINGS} == dict.fromkeys(HEADINGS, 1)
    assert headings[-1] == "Go back"


@pages
def test_a_page_is_in_the_index(page: Path) -> None:
    assert f"(coming-from/{page.name})" in INDEX.read_text(encoding="utf-8")


@pytest.mark.parametrize("page", [page for page in COMING_FROM if page != DROP_IN], ids=lambda page: page.stem)
def test_a_page_shows_the_workflow_before_and_after(page: Path) -> None:
    """One without ecs-cd, then one with it."""
    workflows = [block for block in parts.blocks(page, "yaml") if "jobs:" in block]
    assert [parts.SUITE in block for block in workflows] == [False, True]


def test_the_workflows_of_other_tools_are_valid(tmp_path: Path) -> None:
    """actionlint finds nothing in those before, either."""
    files = []
    for number, block in enumerate(parts.other_workflow_blocks().values()):
        files.append(tmp_path / f"{number}.yml")
        files[-1].write_text(block, encoding="utf-8")
    assert len(files) >= 4
    actionlint = Path(sys.executable).with_name("actionlint")
    done = subprocess.run([actionlint, *files], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pages
def test_documents_to_copy_are_valid(page: Path) -> None:
    """ecs-cd reads them without complaint."""
    for content in shown(page):
        if isinstance(content, dict) and "cluster" in content:
            document.load(yaml.safe_dump(content), where=page.name)


@pages
def test_a_step_of_an_official_action_has_inputs_that_exist(page: Path) -> None:
    """Those of the versions that the page names."""
    for content in shown(page):
        for step in parts.used(content):
            name, _, _ = step["uses"].partition("@")
            assert set(step.get("with", {})) <= set(OFFICIAL.get(name, step.get("with", {}))), name


def test_the_page_of_the_official_actions_shows_steps_that_work() -> None:
    """Each step that uses ecs-cd passes inputs with valid values."""
    ours = [step for content in shown(DROP_IN) for each in content if (step := parts.Step("the page", each)).verb]
    assert len(ours) >= 4
    for step in ours:
        options.read(verbs.VERBS[step.verb].inputs, {k: str(v) for k, v in step.content["with"].items()})


@pytest.mark.parametrize("page", prose.pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_a_step_on_any_page_has_inputs_that_exist(page: Path) -> None:
    """GitHub only warns of an unknown input: in whole workflows, and in the steps that a page shows alone."""
    for content in shown(page):
        for each in parts.used(content):
            # test_workflows.py has the calls of the reusable workflow.
            if "/.github/" not in each["uses"] and (step := parts.Step(page.name, each)).verb:
                assert set(each.get("with", {})) <= set(options.options(verbs.VERBS[step.verb].inputs)), each
