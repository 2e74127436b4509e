"""The package as people install it: `pip install .` and `uv tool install .` give a command that works."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dev.host import ROOT
from ecs_cd import __version__

UV = Path(sys.executable).with_name("uv")


def run(*command: str | Path, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty virtual environment, where the package index can be reached."""
    folder = tmp_path_factory.mktemp("environment")
    assert run(UV, "venv", "--quiet", "--python", sys.executable, folder / "venv", cwd=folder).returncode == 0
    python = folder / "venv" / "bin" / "python"
    probe = run(UV, "pip", "install", "--quiet", "--dry-run", "--python", python, "hatchling", cwd=folder)
    if probe.returncode != 0:
        pytest.skip("the package index, which has the build backend, can't be reached")
    return folder


def check(ecs_cd: Path, cwd: Path) -> None:
    """The version, a verb's help, the verbs of `local`; and those say what they need."""
    assert run(ecs_cd, "--version", cwd=cwd).stdout == f"{__version__}\n"
    assert "--role-to-assume" in run(ecs_cd, "deploy", "--help", cwd=cwd).stdout
    assert "stop the local AWS and remove it" in run(ecs_cd, "local", "--help", cwd=cwd).stdout
    # Alone on PATH, so that another act or ministack of this machine is not found.
    up = run(ecs_cd, "local", "up", cwd=cwd, PATH=str(cwd))
    assert up.returncode == 2
    assert "not installed: act, ministack: install ecs-cd's extra `local`" in up.stderr


def test_pip_install_gives_a_command(environment: Path) -> None:
    """Into a virtual environment."""
    python = environment / "venv" / "bin" / "python"
    done = run(UV, "pip", "install", "--quiet", "--python", python, ROOT, cwd=environment)
    assert done.returncode == 0, done.stderr
    check(environment / "venv" / "bin" / "ecs-cd", environment)


def test_uv_tool_install_gives_a_command(environment: Path) -> None:
    """In its own environment."""
    places = {"UV_TOOL_DIR": str(environment / "tools"), "UV_TOOL_BIN_DIR": str(environment / "bin")}
    done = run(UV, "tool", "install", "--quiet", "--python", sys.executable, ROOT, cwd=environment, **places)
    assert done.returncode == 0, done.stderr
    check(environment / "bin" / "ecs-cd", environment)
