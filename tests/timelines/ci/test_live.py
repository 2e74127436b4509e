"""What a user sees who runs a verb at a terminal: lines, and below them, live, what the verb waits for."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from rich.live import Live as Region

from ecs_cd import ci, cli
from ecs_cd.ci import Ci
from ecs_cd.ci.terminal import Terminal
from ecs_cd.model.verdict import Outcome
from ecs_cd.report.summary import Part
from ecs_cd.report.timeline import Deployed
from tests.contract.test_sample import crash
from tests.scripted_aws import Clock, Params, ScriptedAws
from tests.scripted_aws.fleet import COMPLETES, CRASHES, STAYS, Course, Fleet
from tests.timelines import terminal
from tests.timelines.conftest import SHA

XTERM = {"TERM": "xterm-256color"}
WAITED_FOR = re.compile(r"^[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏] (.*)", re.M)
RESULT = Part("Deployment", Outcome.SUCCEEDED, services=[Deployed("web", Outcome.SUCCEEDED, "web:1", "web:2")])

Deploy = Callable[[], int]


@pytest.fixture
def deploy(aws: ScriptedAws, clock: Clock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Deploy]:
    """Runs the verb with flags, as a user does on their own machine; returns its exit code."""
    monkeypatch.setenv("RUNNER_TEMP", str(tmp_path))
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    handlers = {received: signal.getsignal(received) for received in (signal.SIGINT, signal.SIGTERM)}
    yield lambda: cli.main(["deploy", "--config", "/my/parameter", "--sha", SHA], os.environ, clock=clock)
    for received, handler in handlers.items():
        signal.signal(received, handler)


def fleet(aws: ScriptedAws, clock: Clock, **courses: Course) -> Fleet:
    """The document's one service; it is its course that differs."""
    return Fleet(clock, courses).script(aws)


def waited_for(seen: terminal.Terminal) -> list[str]:
    """The rows of the live region, each once, in the order in which they were seen."""
    return list(dict.fromkeys(row.rstrip() for frame in seen.frames for row in WAITED_FOR.findall(frame)))


def test_a_deployment_is_seen_live_and_then_its_result(
    aws: ScriptedAws, clock: Clock, deploy: Deploy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Revisions, state and time while it is waited for; nothing of that stays, and the cursor is back."""
    fleet(aws, clock, web=COMPLETES)
    with terminal.stdout(monkeypatch) as seen:
        assert deploy() == 0
    rows = waited_for(seen)
    assert re.fullmatch(r"web:1 -> web:2 0 of 1 running +0:00", rows[0])
    assert rows[-1].endswith(" 0:18")
    assert WAITED_FOR.search(seen.screen) is None
    assert seen.cursor
    lines = [line.strip() for line in seen.screen.splitlines()]
    assert "web: 0 of 1 running" in lines
    assert "Deployment succeeded: 1 of 1 running (22 s)" in lines
    assert "web       succeeded   web:1   web:2   app: sha256:aaaaaaaaaaaa   22 s" in lines
    assert "\x1b[32msucceeded" in seen.written


def test_a_failure_is_seen_in_red(
    aws: ScriptedAws, clock: Clock, deploy: Deploy, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """As soon as it is known; the error itself goes to stderr, out of the live region's way."""
    fleet(aws, clock, web=CRASHES)
    aws.on("logs.GetLogEvents", {"events": [{"message": "boom"}], "nextForwardToken": "f/1"})
    with terminal.stdout(monkeypatch) as seen:
        assert deploy() == 3
    assert "\x1b[31mweb: FAILED; rolling back to web:1" in seen.written
    assert "\x1b[31mrolled back" in seen.written
    assert capfd.readouterr().err.startswith("error: Deployment: rolled back: ECS rolled back to web:1")
    assert WAITED_FOR.search(seen.screen) is None


def test_a_cancellation_leaves_no_live_region(
    aws: ScriptedAws, clock: Clock, deploy: Deploy, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """After Ctrl-C the last lines are on a terminal in its normal state."""
    ours = fleet(aws, clock, web=STAYS)

    def answer(params: Params) -> Params:
        if clock.monotonic() > 10:
            os.kill(os.getpid(), signal.SIGINT)
        return ours._describe(params)

    aws.on("ecs.DescribeServices", answer)
    with terminal.stdout(monkeypatch) as seen:
        assert deploy() == 130
    assert waited_for(seen)
    assert WAITED_FOR.search(seen.screen) is None
    assert seen.cursor
    assert "error: Deployment: cancelled" in capfd.readouterr().err


def test_a_region_that_can_not_be_ended_ends_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """A signal while rich draws leaves it in that state: a cancellation must not look like a defect of ecs-cd."""

    def stop(region: Region) -> None:
        monkeypatch.undo()
        region.stop()
        raise IndexError("pop from empty list")

    with terminal.stdout(monkeypatch) as seen, pytest.MonkeyPatch.context() as monkeypatch:
        speaking = ci.detect(XTERM, time)
        speaking.progress({"web": "a"})
        monkeypatch.setattr(Region, "stop", stop)
        speaking.progress({})
        speaking.progress({"web": "b"})
        speaking.progress({})
    assert [row.split()[1] for row in waited_for(seen)] == ["a", "b"]
    assert seen.cursor


def test_what_is_not_a_terminal_gets_no_escape_sequence(
    aws: ScriptedAws, deploy: Deploy, capfd: pytest.CaptureFixture[str]
) -> None:
    """Not even for a failure, which is red on a terminal; every line is there."""
    crash(aws)
    assert deploy() == 3
    captured = capfd.readouterr()
    assert "\x1b" not in captured.out + captured.err
    assert (
        "web: FAILED: ECS deployment circuit breaker: tasks failed to start; waiting for the rollback" in captured.out
    )


# ---- which it is ----


@pytest.mark.parametrize(
    ("environ", "live"),
    [
        (XTERM, True),
        ({**XTERM, "NO_COLOR": "1"}, True),
        ({"TERM": "dumb"}, False),
        ({}, False),
        ({**XTERM, "GITHUB_ACTIONS": "true"}, False),
    ],
)
def test_a_terminal_is_live_where_it_can_be(
    environ: dict[str, str], live: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not one that is dumb; without colours it is as live."""
    with terminal.stdout(monkeypatch):
        assert (type(ci.detect(environ, time)).__name__ == "Live") is live


def test_without_rich_a_terminal_gets_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """A release does not have it."""
    for name in [name for name in sys.modules if name.startswith("rich.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, "ecs_cd.ci.live", raising=False)
    monkeypatch.setitem(sys.modules, "rich", None)
    with terminal.stdout(monkeypatch) as seen:
        speaking = ci.detect(XTERM, time)
        speaking.line("x")
        speaking.progress({"web": "0 of 1 running"})
    assert type(speaking) is Terminal
    assert seen.written == "x\r\n"


def test_no_color_takes_the_colours_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """https://no-color.org: bold is not a colour."""
    with terminal.stdout(monkeypatch) as seen:
        monkeypatch.setenv("NO_COLOR", "1")
        speaking = ci.detect(XTERM, time)
        speaking.progress({"web": "0 of 1 running"})
        speaking.line("bad", alarming=True)
        speaking.progress({})
        speaking.summary([RESULT])
    assert waited_for(seen)
    assert not re.search(r"\x1b\[[0-9;]*3\dm", seen.written)


# ---- what goes on around it ----


def test_an_error_takes_the_region_away(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """It goes to stderr, which is mostly the same terminal."""
    with terminal.stdout(monkeypatch) as seen:
        speaking = ci.detect(XTERM, time)
        speaking.progress({"web": "a"})
        speaking.error("x", "t")
    assert seen.screen == ""
    assert waited_for(seen)
    assert capfd.readouterr().err == "error: t: x\n"


def test_a_child_that_writes_has_the_terminal_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """As buildx does, which draws its own progress."""
    with terminal.stdout(monkeypatch) as seen:
        speaking = ci.detect(XTERM, time)
        speaking.progress({"web": "a"})
        with speaking.foreign("docker buildx: app"):
            sys.stdout.write("#1 building\n")
            sys.stdout.flush()
        speaking.progress({"web": "b"})
        speaking.progress({})
    assert seen.screen == "#1 building"
    assert [row.split()[1] for row in waited_for(seen)] == ["a", "b"]


@pytest.mark.parametrize(
    "text",
    ["[red]x[/red]", "[link=javascript:x]y", ":bomb:", "\x1b[31mred", "\x1b[2Jgone", "\x1b]0;title\x07", "a\rb", "a\x08b", "[/]"],
    ids=ascii,
)  # fmt: skip
def test_text_of_others_is_text(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It contains no markup and no escape sequences: the test's terminal rejects any that ecs-cd does not write."""
    result = Part("x", Outcome.FAILED, services=[Deployed(text, Outcome.FAILED, images={text: text})])
    with terminal.stdout(monkeypatch) as seen:
        speaking = ci.detect(XTERM, time)
        speaking.progress({text: text})
        speaking.line(text)
        speaking.relay([text])
        speaking.progress({})
        speaking.summary([result])
    assert "\x1b]" not in seen.written
    if text.startswith("["):
        assert seen.screen.startswith(f"{text}\n  | {text}\n")


@pytest.mark.parametrize("width", [1, 2, 3, 5, 8, 13, 21])
def test_a_very_narrow_terminal_is_one(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing breaks, and nothing of the live region is left."""
    with terminal.stdout(monkeypatch, width=width) as seen:
        speaking = ci.detect(XTERM, time)
        speaking.progress({"web web:1 -> web:2": "0 of 1 running", "worker": "0 of 1 running"})
        speaking.line("x")
        speaking.progress({})
        speaking.summary([RESULT])
    assert seen.screen.splitlines()[0] == "x"
    assert WAITED_FOR.search(seen.screen) is None


@pytest.mark.parametrize(("height", "rows"), [(30, 10), (6, 3), (2, 1)])
def test_a_hundred_services_do_not_fill_the_terminal(height: int, rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """At most ten, fewer on a low terminal; a line says how many more there are."""
    states = {f"s{number}": "0 of 1 running" for number in range(100)}
    services = [Deployed(name, Outcome.FAILED if name == "s99" else Outcome.SUCCEEDED) for name in states]
    with terminal.stdout(monkeypatch, height=height) as seen:
        speaking = ci.detect(XTERM, time)
        speaking.progress(states)
        speaking.progress({})
        speaking.summary([Part("x", Outcome.FAILED, services=services)])
    assert len(waited_for(seen)) == rows
    if rows < height:
        assert f"and {100 - rows} more" in seen.frames[0]
    shown = re.findall(r"^  (s\d+) ", seen.screen, re.M)
    assert shown[:2] == ["s99", "s0"]
    assert len(shown) == 20
    assert "and 80 more" in seen.screen


def test_many_lines_are_written_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The region below is redrawn once, not for each line of a log."""
    with terminal.stdout(monkeypatch) as seen:
        speaking = ci.detect(XTERM, time)
        speaking.progress({"web": "0 of 1 running"})
        speaking.relay([f"line {number}" for number in range(500)])
        speaking.relay([])
        speaking.progress({})
    assert seen.screen.splitlines() == [f"  | line {number}" for number in range(500)]
    assert seen.written.count("0 of 1 running") < 50


def test_a_terminal_that_is_closed_ends_the_words_alone(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The connection is gone: what is deployed is still followed to its end."""
    master, slave = os.openpty()
    before = sys.stdout
    with open(slave, "w", encoding="utf-8") as file:  # noqa: PTH123 (a descriptor)
        monkeypatch.setattr(sys, "stdout", file)
        speaking: Ci = ci.detect(XTERM, time)
        os.close(master)
        speaking.line("x")
        speaking.progress({"web": "0 of 1 running"})
        speaking.line("y")
        speaking.progress({})
        speaking.summary([RESULT])
        monkeypatch.setattr(sys, "stdout", before)
