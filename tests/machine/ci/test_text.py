"""Text made harmless, and words that can't be written."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

import pytest

from ecs_cd.ci.terminal import Terminal
from ecs_cd.ci.text import LONGEST_LINE, harmless


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", [""]),
        ("plain\ttext ü €", ["plain\ttext ü €"]),
        ("a\nb\r\nc\rd\x0be\x0cf\x85g\u2028h\u2029i", list("abcdefghi")),
        ("\x1b[31mred\x1b[0m", ["\x1b[31mred\x1b[0m"]),
        ("\x1b[1;31mred", ["\x1b[1;31mred"]),
        ("\x1b[2Jx", ["\ufffd[2Jx"]),
        ("\x1b]0;t\x07", ["\ufffd]0;t\ufffd"]),
        ("\x1b", ["\ufffd"]),
        ("a\u202eb\u2066c\u2069", ["a\ufffdb\ufffdc\ufffd"]),
        ("\u05e9\u05dc\u05d5\u05dd 👩\u200d💻", ["\u05e9\u05dc\u05d5\u05dd 👩\u200d💻"]),
        ("a\x00b\x08c\x7fd", ["a\ufffdb\ufffdc\ufffdd"]),
        ("x" * LONGEST_LINE, ["x" * LONGEST_LINE]),
        ("x" * 5000, ["x" * LONGEST_LINE + "… (5000 characters)"]),
    ],
)
def test_text_of_others_is_made_harmless(text: str, lines: list[str]) -> None:
    """Every kind of line end ends a line; colours stay, sequences that move the cursor or reverse the line are replaced."""
    assert list(harmless([text])) == lines


def _closed_pipe() -> int:
    out, into = os.pipe()
    os.close(out)
    return into


@pytest.mark.parametrize("descriptor", [_closed_pipe, lambda: os.open("/dev/full", os.O_WRONLY)])
def test_where_nothing_can_be_written_the_words_end_and_the_work_does_not(
    descriptor: Callable[[], int], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A closed pipe, a full disk; errors still go to the other stream."""
    with open(descriptor(), "w", encoding="utf-8") as gone:  # noqa: PTH123 (a descriptor)
        monkeypatch.setattr(sys, "stdout", gone)
        for _ in range(3):
            Terminal().line("x")
        Terminal().error("said all the same", "t")
    assert capfd.readouterr().err == "error: t: said all the same\n"


def test_where_errors_can_not_be_written_other_words_go_on(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The two streams are independent."""
    with open(_closed_pipe(), "w", encoding="utf-8") as gone:
        monkeypatch.setattr(sys, "stderr", gone)
        Terminal().error("x", "t")
        Terminal().line("said all the same")
    assert capfd.readouterr().out == "said all the same\n"


def test_a_slow_reader_is_no_reason_to_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another program made the pipe non-blocking, and it is full: later lines are written again."""
    out, into = os.pipe()
    os.set_blocking(into, False)
    with open(into, "w", encoding="utf-8") as full:  # noqa: PTH123 (a descriptor)
        monkeypatch.setattr(sys, "stdout", full)
        for _ in range(100):
            Terminal().line("x" * 4000)
        while len(os.read(out, 65536)) == 65536:
            pass
        Terminal().line("the last words")
    assert os.read(out, 65536).endswith(b"the last words\n")
    os.close(out)
