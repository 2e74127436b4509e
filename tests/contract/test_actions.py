"""The action.yml files: their inputs and outputs are those of inputs/, their steps reach the launcher."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from dev import tree
from ecs_cd.inputs import options, verbs
from ecs_cd.inputs.deploy import Deploy
from ecs_cd.inputs.outputs import OUTPUTS
from ecs_cd.inputs.verbs import Verb
from ecs_cd.model.owner import OWNER
from tests.contract import generate, parts
from tests.contract.parts import ENTRY_POINTS, ROOT

VERBS = generate.ACTIONS
# By its whole path: the runner would look for `bash` on PATH, where a step may have put a folder of the checkout.
SHELL = "/bin/sh -e {0}"
STUB = '#!/bin/sh\necho "$$ $*"\n'


@pytest.fixture(params=VERBS, ids=lambda verb: verb.name)
def verb(request: pytest.FixtureRequest) -> Verb:
    found: Verb = request.param
    return found


@pytest.fixture(scope="module", params=["checkout", "copy"])
def suite(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The actions with a launcher that prints its process id and arguments: with the symlinks of a checkout, and with
    folders instead of them, as on GitHub's runner."""
    checkout = tmp_path_factory.mktemp("the suite") / "checkout"
    for name in ("action.yml", *(path.partition("/")[0] for path in ENTRY_POINTS if path != ".")):
        source, target = ROOT / name, checkout / name
        target.parent.mkdir(exist_ok=True)
        if source.is_symlink():
            target.unlink(missing_ok=True)
            target.symlink_to(source.readlink())
        elif source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True)
        else:
            shutil.copy(source, target)
    launcher = checkout / "bin" / "ecs-cd"
    launcher.parent.mkdir()
    launcher.write_text(STUB)
    launcher.chmod(0o755)
    if request.param == "copy":
        subprocess.run(["cp", "-rL", checkout, checkout.with_name("copy")], check=True)
    return checkout.with_name(request.param)


def steps(path: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = parts.action(path)["runs"]["steps"]
    return found


def run(script: str, action: Path, scratch: Path) -> tuple[int, int, str]:
    """The script as the runner runs it: the process id, the exit code, what it printed."""
    file = scratch / "script.sh"
    file.write_text(script)
    process = subprocess.Popen(
        ["/bin/sh", "-e", file],
        env={**os.environ, "GITHUB_ACTION_PATH": str(action)},
        cwd=scratch,
        stdout=subprocess.PIPE,
        text=True,
    )
    printed, _ = process.communicate(timeout=10)
    return process.pid, process.returncode, printed


def test_an_action_has_the_inputs_of_its_verb(verb: Verb) -> None:
    """An input exists once in code; names, order, descriptions, defaults and `required` in action.yml are its copy."""
    declared = {
        name: {
            "description": option.help,
            "required": option.required,
            **({"default": option.in_action or option.default} if option.in_action or option.default else {}),
        }
        for name, option in options.options(verb.inputs).items()
    }
    assert list(parts.action(verb.action)["inputs"].items()) == list(declared.items())


def test_an_action_has_the_outputs_of_its_verb(verb: Verb) -> None:
    """Each output comes from the verb's step under its own name."""
    declared = {
        name: {"description": OUTPUTS[name], "value": f"${{{{ steps.ecs-cd.outputs.{name} }}}}"}
        for name in verb.outputs
    }
    assert parts.action(verb.action).get("outputs", {}) == declared


def test_every_output_belongs_to_a_verb() -> None:
    """And what a verb of the command line alone tells, an action tells as well."""
    separate = {name for verb in VERBS for name in verb.outputs if verb.name != "pipeline"}
    assert separate == set(OUTPUTS)


def test_the_official_actions_inputs_and_outputs_are_deploys() -> None:
    """Under their names, so that a workflow's lines stay as they are; no other verb has them."""
    deploy, pipeline = verbs.VERBS["deploy"], verbs.VERBS["pipeline"]
    official, own = {*generate.RENDER, *generate.DEPLOY}, set(options.options(Deploy))
    assert set(options.options(deploy.inputs)) == official | own | {"images-from", "require-attestation", "wave-size"}
    assert official & set(options.options(pipeline.inputs)) == {
        "service", "force-new-deployment", "environment-variables", "image", "secrets",  # the latter two are those of build-push
    }  # fmt: skip
    assert {"task-definition", "task-definition-arn", "codedeploy-deployment-id", "run-task-arn"} <= set(deploy.outputs)


# https://docs.github.com/en/actions/reference/workflows-and-actions/metadata-syntax#branding
ICONS = {
    "upload-cloud",
    "layers",
    "package",
    "database",
    "play-circle",
    "send",
    "check-circle",
    "play",
    "rotate-ccw",
    "list",
    "lock",
    "unlock",
}


def test_the_marketplace_can_show_an_action(verb: Verb) -> None:
    """A name that no other action here has, whose action it is, a description that fits, an icon and its color."""
    found = parts.action(verb.action)
    assert found["name"] == ("ecs-cd" if verb.name == "pipeline" else f"ecs-cd {verb.name}")
    assert found["author"] == OWNER
    assert 20 < len(found["description"]) <= 125 and found["description"].endswith(".")
    assert found["branding"]["color"] == "orange" and found["branding"]["icon"] in ICONS
    assert [parts.action(each.action)["name"] for each in VERBS].count(found["name"]) == 1


def test_an_action_is_two_steps(verb: Verb) -> None:
    """The verb, which gets all inputs at once, and the clean-up after a cancellation; no logic in YAML."""
    runs = parts.action(verb.action)["runs"]
    assert runs["using"] == "composite"
    first, second = ({key: value for key, value in step.items() if key != "run"} for step in runs["steps"])
    assert first == {"id": "ecs-cd", "shell": SHELL, "env": {"ECS_CD_INPUTS": "${{ toJSON(inputs) }}"}}
    assert second == {"if": "cancelled()", "shell": SHELL}


def test_the_steps_of_all_actions_are_alike() -> None:
    """They differ in the verb's name alone."""
    scripts = {tuple(s["run"].replace(f" {verb.name};", " VERB;") for s in steps(verb.action)) for verb in VERBS}
    assert len(scripts) == 1


def test_the_short_forms_are_the_actions() -> None:
    """`org/ecs-cd/deploy@v1` and `org/ecs-cd/actions/deploy@v1` are the same."""
    for name in ("images", "build-push", "migrate", "deploy"):
        assert (ROOT / name).is_symlink()
        assert (ROOT / name).readlink() == Path("actions") / name


def test_a_release_has_every_entry_point() -> None:
    """What is not in its tree can't be named at `v1`: each action in both forms, and the reusable workflow."""
    assert {path.partition("/")[0] for path in ENTRY_POINTS} - {"."} < set(tree.PARTS)
    assert {"action.yml", str(parts.PIPELINE.relative_to(ROOT))} < set(tree.PARTS)
    assert [name for name in tree.PARTS if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("path", ENTRY_POINTS)
def test_every_entry_point_becomes_its_verb(suite: Path, path: str, tmp_path: Path) -> None:
    """The launcher is found from every folder, and takes the shell's place, so that signals reach it."""
    for step, argument in zip(steps(path), (ENTRY_POINTS[path], "clean-up"), strict=True):
        pid, exit_code, printed = run(step["run"], suite / path, tmp_path)
        assert (exit_code, printed) == (0, f"{pid} {argument}\n")


def test_a_launcher_that_is_not_there_is_an_error(tmp_path: Path, verb: Verb) -> None:
    """An incomplete copy of the suite says what is missing."""
    folder = tmp_path / "alone" / "actions" / "deploy"
    folder.mkdir(parents=True)
    for step in steps(verb.action):
        _, exit_code, printed = run(step["run"], folder, tmp_path)
        assert exit_code == 1
        assert printed == f"::error::ecs-cd: no bin/ecs-cd above {folder}\n"


def test_no_expression_stands_in_a_script() -> None:
    """`${{ }}` in `run` is code that an outsider may write."""
    scripts = {verb.name: [step["run"] for step in steps(verb.action)] for verb in VERBS}
    for where, workflow in parts.workflows().items():
        scripts[where] = [step.content["run"] for step in parts.steps(where, workflow) if "run" in step.content]
    assert [where for where, texts in scripts.items() if any("${{" in text for text in texts)] == []
