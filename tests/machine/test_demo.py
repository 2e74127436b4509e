"""`make demo`: one clock, a build as one line, and how to play on; what it refuses before it starts anything."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path

import pytest

from dev import demo
from dev.patterns import PATTERNS
from dev.relay import Relay
from ecs_cd import __version__

LOG = """\
   8.4 s  a local AWS is up
   9.0 s    | #1 [internal] load build definition
   9.0 s    | #1 DONE 0.0s
   9.0 s    |
   9.1 s    | #2 pushing layers
  10.3 s    | Build and push succeeded: built and pushed (4.0 s)
  10.5 s    |
  10.6 s    |   | 2 applied, 0 were there
  10.7 s    | #1 is not a build
  12.6 s    | Migration succeeded: container `app` exited with 0 (2.3 s)
  12.7 s    | web: 1 of 1 running
not from ecs-cd: 3.0 s
  16.3 s    | Deployment succeeded: 1 of 1 running (1 min 3 s)
"""


def relayed(text: str, *, failed: bool = False) -> tuple[list[str], list[str]]:
    shown: list[str] = []
    relay = Relay(shown.append)
    for line in io.StringIO(text):
        relay.line(line)
    relay.end(failed=failed)
    return shown, relay.ended


def test_the_log_has_one_clock_and_a_build_is_one_line() -> None:
    """The clock of `ecs-cd local` goes, everything else stays in its order."""
    shown, ended = relayed(LOG)
    assert shown == [
        "a local AWS is up",
        "  | docker build: 4 lines",
        "  | Build and push succeeded: built and pushed (4.0 s)",
        "  |",
        "  |   | 2 applied, 0 were there",
        "  | #1 is not a build",
        "  | Migration succeeded: container `app` exited with 0 (2.3 s)",
        "  | web: 1 of 1 running",
        "not from ecs-cd: 3.0 s",
        "  | Deployment succeeded: 1 of 1 running (1 min 3 s)",
    ]
    assert [line.partition(" succeeded")[0] for line in ended] == ["Build and push", "Migration", "Deployment"]


def test_builds_side_by_side_are_a_line_each() -> None:
    """The lines of two jobs come mixed."""
    shown, ended = relayed(
        """\
   1.1 s    cd/build app-1   | #1 [2/2] RUN a | b
   1.2 s    cd/build nginx-2 | #1 [2/2] RUN false
   1.3 s    cd/build app-1   |
   1.4 s    cd/build app-1   | #2 DONE 0.0s
   1.5 s    cd/build nginx-2 | Build and push succeeded: nginx (4.0 s)
   1.6 s    cd/build app-1   | Build and push succeeded: app (4.1 s)
"""
    )
    assert shown == [
        "  cd/build nginx-2 | docker build: 1 line",
        "  cd/build nginx-2 | Build and push succeeded: nginx (4.0 s)",
        "  cd/build app-1   | docker build: 3 lines",
        "  cd/build app-1   | Build and push succeeded: app (4.1 s)",
    ]
    assert ended == ["Build and push succeeded: nginx (4.0 s)", "Build and push succeeded: app (4.1 s)"]


@pytest.mark.parametrize("failed", [True, False])
def test_a_build_that_ends_the_log_is_shown_if_it_failed(failed: bool) -> None:
    """Its last lines say why."""
    shown, _ = relayed("  | #1 [2/2] RUN false\n  | #1 ERROR: exit code: 1\n", failed=failed)
    assert shown == (
        ["  | #1 [2/2] RUN false", "  | #1 ERROR: exit code: 1"] if failed else ["  | docker build: 2 lines"]
    )


@pytest.mark.parametrize("number", ["0", "9", "x"])
def test_an_unknown_pattern_starts_nothing(number: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The error names those that there are."""
    assert demo.main([number]) == 2
    assert capsys.readouterr().err == f"PATTERN={number}: the patterns are 1 to 8 (docs/patterns)\n"


def test_without_a_terminal_nothing_is_kept(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Otherwise a CI job would wait for Enter forever; it is refused before anything starts."""
    monkeypatch.setenv("KEEP", "1")
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert demo.main(["1"]) == 2
    assert capsys.readouterr().err.startswith("KEEP=1 waits for Enter, and stdin is no terminal")


@pytest.mark.parametrize("number", PATTERNS)
def test_how_to_play_on(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An edit, and what a push does in this pattern; what a person types is named without the machine's details."""
    shown: list[str] = []
    monkeypatch.setattr("sys.stdin", io.StringIO("\n"))
    demo.wait(PATTERNS[number], shown.append, tmp_path / "my-app", {}, "python:3.12")
    text = "\n".join(shown)
    assert ("$EDITOR app/app.py" in text) is (number > 4)
    assert ("git commit --all" in text) is (number in (4, 8))
    command = "push" if number in (4, 8) else "run --var BASE_IMAGE=python:3.12 --tree ../ecs-cd"
    assert shown[-1] == f"  ecs-cd local {command}"


def test_the_file_to_source_leads_to_the_app(tmp_path: Path) -> None:
    """With the environment of the demo, whatever characters it has, and a command of this checkout."""
    repo = tmp_path / "a b" / "my-app"
    repo.mkdir(parents=True)
    env = {"DOCKER_HOST": "unix:///it's here", "PATH": "/usr/bin:/bin"}
    script = f'. "{demo.play(repo, env)}" && pwd && echo "$DOCKER_HOST" && ecs-cd --version'
    ended = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    assert ended.stdout.splitlines()[:2] == [str(repo), "unix:///it's here"]
    assert ended.stdout.splitlines()[2] == __version__
