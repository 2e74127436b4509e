"""What a buildspec may say."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ecs_cd.local.codebuild.rules.buildspec import Buildspec, BuildspecError, Files, Phase, is_inline, parse
from tests.contract.parts import ROOT

BUILD = {"phases": {"build": {"commands": ["true"]}}}


def spec(**change: Any) -> str:
    return json.dumps({"version": "0.2", **BUILD, **change})


def test_every_key_that_is_carried_out() -> None:
    """All of it in one buildspec. A scalar is the text as written."""
    text = """\
version: 0.2
run-as: root
env:
  shell: bash
  variables: {PORT: 0080, DEBUG: no, EMPTY: ""}
  parameter-store: {A: /my-app/a}
  secrets-manager: {B: "my-app/b:key"}
  exported-variables: [RESULT]
  git-credential-helper: no
phases:
  install:
    runtime-versions: {python: 3.10, nodejs: latest}
  build:
    on-failure: ABORT
    run-as: root
    commands: [make, "echo a: b"]
    finally: [make clean]
artifacts:
  name: ignored
  files: ["**/*"]
  base-directory: out
  discard-paths: yes
  exclude-paths: ["*.tmp"]
  secondary-artifacts:
    Other: {files: [a.txt]}
reports:
  tests: {files: [junit.xml], file-format: JUNITXML}
  coverage: {files: [clover.xml], file-format: CLOVERXML, base-directory: target}
cache:
  paths: ["/root/.cache/**/*"]
"""
    assert parse(text) == Buildspec(
        shell="bash",
        variables={"PORT": "0080", "DEBUG": "no", "EMPTY": ""},
        parameters={"A": "/my-app/a"},
        secrets={"B": "my-app/b:key"},
        exported=("RESULT",),
        phases={
            "INSTALL": Phase(runtimes={"python": "3.10", "nodejs": "latest"}),
            "PRE_BUILD": Phase(),
            "BUILD": Phase(("make", "echo a: b"), ("make clean",), "ABORT"),
            "POST_BUILD": Phase(),
        },
        artifact=Files(("**/*",), "out", True, ("*.tmp",)),
        secondary={"Other": Files(("a.txt",))},
        reports={"tests": Files(("junit.xml",)), "coverage": Files(("clover.xml",), "target")},
        cache=True,
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (spec(verison="0.2"), "verison: unknown key"),
        (spec(version="0.1"), "version: '0.1' is not '0.2'"),
        (json.dumps(BUILD), "version: '' is not '0.2'"),
        (json.dumps({"version": "0.2"}), "phases: a build has at least one phase"),
        ("version: 0.2\nphases: {build: {commands: [a]}}\nphases: {}", "phases: the key is given twice"),
        ("version: 0.2\n{", "while parsing"),
        ("- version", "the buildspec: must be a mapping, but is a list"),
        (spec(phases={"deploy": {}}), "phases.deploy: unknown key"),
        (spec(phases={"build": {"command": []}}), "phases.build.command: unknown key"),
        (spec(phases={"build": {"commands": [{"echo a": "b"}]}}), "phases.build.commands[0]: must be a text, but is a mapping"),
        (spec(phases={"build": {"commands": "make"}}), "phases.build.commands: must be a list of texts, but is 'make'"),
        (spec(phases={"build": {"on-failure": "STOP"}}), "phases.build.on-failure: 'STOP' is not one of ABORT, CONTINUE"),
        (spec(phases={"build": {"on-failure": "RETRY-3"}}), "phases.build.on-failure: 'RETRY-3' is not run here"),
        (spec(phases={"build": {"run-as": "app"}}), "phases.build.run-as: 'app' is not run here"),
        (spec(**{"run-as": "app"}), "run-as: 'app' is not run here"),
        (spec(phases={"build": {"runtime-versions": {"python": "3.12"}}}), "phases.build.runtime-versions: unknown key"),
        (spec(phases={"install": {"runtime-versions": {"pyhton": "3.12"}}}), "phases.install.runtime-versions.pyhton: unknown key"),
        (spec(phases={"install": {"runtime-versions": {"python": "new"}}}), "phases.install.runtime-versions.python: 'new' is not a version"),
        (spec(env={"secret-manager": {}}), "env.secret-manager: unknown key"),
        (spec(env={"shell": "powershell.exe"}), "env.shell: 'powershell.exe' is not run here"),
        (spec(env={"shell": "zsh"}), "env.shell: 'zsh' is not one of sh, bash"),
        (spec(env={"git-credential-helper": "yes"}), "env.git-credential-helper: 'yes' is not run here"),
        (spec(env={"variables": {"a-b": "c"}}), "env.variables: 'a-b' is not the name of a variable"),
        (spec(env={"variables": {"A": ["b"]}}), "env.variables.A: must be a text, but is a list"),
        (spec(env={"exported-variables": ["A B"]}), "env.exported-variables: 'A B' is not the name of a variable"),
        (spec(artifacts={"files": ["*"], "base-dir": "x"}), "artifacts.base-dir: unknown key"),
        (spec(artifacts={"base-directory": "x"}), "artifacts.files: must name at least one file"),
        (spec(artifacts={"files": ["*"], "enable-symlinks": "yes"}), "artifacts.enable-symlinks: 'yes' is not run here"),
        (spec(artifacts={"secondary-artifacts": {"A": {"file": []}}}), "artifacts.secondary-artifacts.A.file: unknown key"),
        (spec(reports={"group": {"files": ["*"], "file-format": "JUNIT"}}), "reports.group.file-format: 'JUNIT' is not one of"),
        (spec(batch={"build-list": []}), "batch: is not run here"),
        (spec(proxy={"upload-artifacts": "yes"}), "proxy: is not run here"),
        (spec(cache={"path": []}), "cache.path: unknown key"),
    ],
)  # fmt: skip
def test_what_is_not_carried_out_is_an_error(text: str, words: str) -> None:
    """With the path of the key: a misspelt buildspec must not pass because a key is left out."""
    with pytest.raises(BuildspecError) as error:
        parse(text)
    assert words in str(error.value)


def test_all_problems_are_named_and_no_long_value() -> None:
    """One a line; what could be a secret is not shown."""
    with pytest.raises(BuildspecError) as error:
        parse(spec(env={"shell": "s" * 50, "variable": {}}, batch={}))
    assert str(error.value).splitlines() == [
        "batch: is not run here",
        "env.variable: unknown key; known are exported-variables, git-credential-helper, parameter-store, secrets-manager, "
        "shell, variables",
        "env.shell: a text is not one of sh, bash",
    ]


@pytest.mark.parametrize(
    ("text", "inline"),
    [
        ("version: 0.2\nphases: {}", True),
        ("version: 0.2", True),
        ('{"version": "0.2"}', True),
        ("buildspec.yml", False),
        ("ci/version/build.yaml", False),
    ],
)
def test_a_buildspec_is_inline_or_a_path(text: str, inline: bool) -> None:
    """As in `source.buildspec` of a project."""
    assert is_inline(text) == inline


@pytest.mark.parametrize("name", ["artifacts", "deploy", "migrate"])
def test_the_modules_own_buildspecs_are_carried_out(name: str) -> None:
    """Those of infra/buildspec; docker.yml has no env before Terraform fills it in."""
    assert parse((ROOT / f"infra/buildspec/{name}.yml").read_text()).phases["BUILD"].commands
