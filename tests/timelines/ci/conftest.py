"""A build of CodeBuild in which verbs run."""

from __future__ import annotations

import json
import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ecs_cd import cli
from ecs_cd.report import verdict_line
from ecs_cd.report.verdict_line import VerdictLine
from tests.scripted_aws import Clock, ScriptedAws
from tests.timelines.conftest import SHA

BUILD = "my-app-deploy:1b2c3d4e"
NONCE = "0123456789abcdef" * 2


@dataclass(frozen=True)
class Built:
    """What a verb left in its build."""

    exit_code: int
    out: str
    err: str
    folder: Path

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    def verdict(self, nonce: str = NONCE) -> VerdictLine | None:
        return verdict_line.find([f"{line}\n" for line in self.lines], BUILD, nonce)

    def file(self, name: str) -> str:
        return (self.folder / "ecs-cd-report" / name).read_text(encoding="utf-8")

    def report(self) -> Any:
        return json.loads(self.file("report.json"))


Build = Callable[..., Built]


@pytest.fixture
def build(
    aws: ScriptedAws, clock: Clock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> Iterator[Build]:
    """Runs a verb by its flags, ``on_cancel="stop"``; the commit comes from the build."""
    source, temp = tmp_path / "src", tmp_path / "tmp"
    for folder in (source, temp):
        folder.mkdir()
    for name in [name for name in os.environ if name.startswith(("GITHUB_", "RUNNER_", "ACT"))]:
        monkeypatch.delenv(name)
    environ = {
        "CODEBUILD_BUILD_ID": BUILD,
        "CODEBUILD_BUILD_ARN": f"arn:aws:codebuild:ap-northeast-1:123456789012:build/{BUILD}",
        "CODEBUILD_INITIATOR": "codepipeline/my-app",
        "CODEBUILD_RESOLVED_SOURCE_VERSION": SHA,
        "CODEBUILD_SRC_DIR": str(source),
        "ECS_CD_NONCE": NONCE,
        "TMPDIR": str(temp),
    }
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.chdir(source)
    handlers = {received: signal.getsignal(received) for received in (signal.SIGINT, signal.SIGTERM)}

    def run(verb: str, **inputs: str) -> Built:
        given = {"config": "/my/parameter", **inputs} if verb != "clean-up" else {}
        flags = [f"--{name.replace('_', '-')}={value}" for name, value in given.items()]
        exit_code = cli.main([verb, *flags], os.environ, clock=clock)
        captured = capfd.readouterr()
        return Built(exit_code, captured.out, captured.err, source)

    yield run
    for received, handler in handlers.items():
        signal.signal(received, handler)
