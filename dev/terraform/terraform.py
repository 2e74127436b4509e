"""Terraform for the tests: on a copy of the folder, with the stand-in provider, without network or credentials."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from dev.host import ROOT

Values = dict[str, Any]

# What a module or an example may refer to by relative paths.
_TOGETHER = ("infra", "examples/infra")
_NOT_OURS = shutil.ignore_patterns(".terraform*", "*.tfstate*", "*.tfvars")


class TerraformError(Exception):
    """What Terraform said."""


@dataclass(frozen=True)
class Shown:
    """The state after `apply`, or the planned one, as `terraform show -json` has it."""

    values: Values

    @cached_property
    def resources(self) -> dict[str, Values]:
        """The attributes of each resource, by its address: module.NAME.TYPE.NAME["key"]."""
        return {each["address"]: each["values"] for each in self._all() if each["mode"] == "managed"}

    @cached_property
    def data(self) -> dict[str, Values]:
        """The attributes of each data source, by its address."""
        return {each["address"]: each["values"] for each in self._all() if each["mode"] == "data"}

    @property
    def outputs(self) -> Values:
        return {name: each.get("value") for name, each in self.values.get("outputs", {}).items()}

    def of(self, kind: str) -> dict[str, Values]:
        """The resources of a type, by their addresses."""
        return {
            each["address"]: each["values"]
            for each in self._all()
            if each["type"] == kind and each["mode"] == "managed"
        }

    def one(self, kind: str) -> Values:
        """The only resource of a type."""
        (found,) = self.of(kind).values()
        return found

    def _all(self) -> Iterator[Values]:
        modules = [self.values.get("root_module", {})]
        while modules:
            module = modules.pop(0)
            yield from module.get("resources", [])
            modules += module.get("child_modules", [])


@dataclass(frozen=True)
class Terraform:
    """Terraform with a provider that runs already; `reattach` says where."""

    reattach: Values

    def apply(self, folder: Path, variables: Mapping[str, Any] | None = None, region: str = "") -> Shown:
        """init, validate, apply and show of a copy of the folder; the region is for a module, which has no provider."""
        return Shown(json.loads(self.show(folder, variables, region)).get("values", {}))

    def show(self, folder: Path, variables: Mapping[str, Any] | None = None, region: str = "") -> str:
        """The same, as the text of `terraform show -json`."""
        with _copy(folder, variables) as copy:
            if region:
                (copy / "test.tf").write_text(f'provider "aws" {{\n  region = "{region}"\n}}\n', encoding="utf-8")
            return self._run(copy, _INIT, _VALIDATE, _APPLY, ["show", "-json"])

    def plan(self, folder: Path, variables: Mapping[str, Any] | None = None) -> Shown:
        """What would be, as far as it is known: an attribute that is only known afterwards is missing."""
        return Shown(self.planned(folder, variables)["planned_values"])

    def planned(self, folder: Path, variables: Mapping[str, Any] | None = None) -> Values:
        """A plan, as `terraform show -json` has it."""
        with _copy(folder, variables) as copy:
            shown = self._run(copy, _INIT, [*_PLAN, "-out=plan"], ["show", "-json", "plan"])
        found: Values = json.loads(shown)
        return found

    def validate(self, folder: Path) -> None:
        """init and validate: types and references, without any value of a variable."""
        with _copy(folder, None) as copy:
            self._run(copy, _INIT, _VALIDATE)

    def fmt_check(self, folder: Path) -> None:
        """Every file of the folder and below is as `terraform fmt` writes it; the error is the difference."""
        self._run(folder, ["fmt", "-check", "-diff", "-recursive", "-no-color"])

    def _run(self, folder: Path, *commands: list[str]) -> str:
        """The output of the last command."""
        with tempfile.TemporaryDirectory() as home:
            ran = subprocess.run(
                [sys.executable, "-m", "dev.terraform.command", json.dumps([_in(folder, each) for each in commands])],
                cwd=ROOT,
                env=self._environment(home),
                capture_output=True,
                text=True,
                check=False,
            )
        if ran.returncode:
            raise TerraformError(f"{ran.stdout}\n{ran.stderr}")
        code, output, errors = json.loads(ran.stdout.splitlines()[-1])
        if code:
            raise TerraformError((errors or output).strip())
        return str(output)

    def _environment(self, home: str) -> dict[str, str]:
        return {
            "HOME": home,
            "PATH": os.environ["PATH"],
            "CHECKPOINT_DISABLE": "1",
            "TF_IN_AUTOMATION": "1",
            "TF_CLI_CONFIG_FILE": os.devnull,
            "TF_REATTACH_PROVIDERS": json.dumps(self.reattach),
        }


_INIT = ["init", "-input=false", "-no-color", "-get=true"]
_VALIDATE = ["validate", "-no-color"]
_PLAN = ["plan", "-input=false", "-no-color"]
_APPLY = ["apply", "-auto-approve", "-input=false", "-no-color"]


def _in(folder: Path, command: list[str]) -> list[str]:
    return [f"-chdir={folder}", *command]


@contextmanager
def _copy(folder: Path, variables: Mapping[str, Any] | None) -> Iterator[Path]:
    """The folder in a place of its own, with the values of its variables; ours with what it refers to."""
    with tempfile.TemporaryDirectory() as temporary:
        base = Path(temporary).resolve()
        for name in _TOGETHER:
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, base / name, ignore=_NOT_OURS)
        copy = base / folder.relative_to(ROOT) if folder.is_relative_to(ROOT) else base / "test"
        shutil.copytree(folder, copy, ignore=_NOT_OURS, dirs_exist_ok=True)
        if variables is not None:
            (copy / "test.auto.tfvars.json").write_text(json.dumps(variables), encoding="utf-8")
        yield copy
