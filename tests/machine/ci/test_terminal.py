"""The log of a terminal."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ecs_cd.ci import Ci
from ecs_cd.ci.terminal import Terminal
from ecs_cd.model.verdict import Outcome
from ecs_cd.report.summary import Part


@pytest.mark.parametrize(
    ("speak", "out", "err"),
    [
        (lambda it: it.line("a\nb"), "a\nb\n", ""),
        (lambda it: it.notice("a"), "note: a\n", ""),
        (lambda it: it.warning("a"), "warning: a\n", ""),
        (lambda it: it.error("a\nb", "t"), "", "error: t: a\nb\n"),
        (lambda it: it.relay(["a", "::error::b"]), "  | a\n  | ::error::b\n", ""),
        (lambda it: it.outputs({"x": "1", "y": "2"}), "x=1\ny=2\n", ""),
        (lambda it: it.line("a", alarming=True), "a\n", ""),
        (lambda it: it.progress({"x": "1"}), "", ""),
        (lambda it: it.summary([Part("x", Outcome.FAILED, "x")]), "", ""),
        (lambda it: it.line("\x1b[2Jx\rb"), "\ufffd[2Jx\nb\n", ""),
    ],
)
def test_a_terminal_gets_plain_lines(
    speak: Callable[[Ci], None], out: str, err: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without workflow commands; errors go to stderr."""
    terminal = Terminal()
    with terminal.foreign("docker buildx: app"):
        speak(terminal)
    assert capsys.readouterr() == (out, err)


def test_a_person_gets_no_outputs_for_programs(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """JSON and empty values are left out at a terminal; a pipe has them all."""
    values = {"result": "succeeded", "services": '{"web": {}}', "run-task-arn": "[]", "deployment-id": ""}
    Terminal().outputs(values)
    assert len(capsys.readouterr().out.splitlines()) == 4
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    Terminal().outputs(values)
    assert capsys.readouterr().out == "result=succeeded\n"
