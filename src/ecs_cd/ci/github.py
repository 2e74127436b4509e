"""GitHub Actions: workflow commands, and the files behind GITHUB_OUTPUT and GITHUB_STEP_SUMMARY.

https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions
"""

from __future__ import annotations

import errno
import secrets
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from actions_toolkit.command import issue_command
from actions_toolkit.file_command import prepare_key_value_message

from ecs_cd.ci.text import harmless, unbroken
from ecs_cd.model.text import plain

if TYPE_CHECKING:
    from ecs_cd.report.summary import Part

_LONGEST_ANNOTATION = 4096  # characters
_ANNOTATIONS = 10  # that GitHub shows per step
_ON_THE_WAY = 6  # warnings and notices at most, to leave room for the verdict
_LEAST_SUMMARY = 100  # bytes: the verdict
_RED = "\x1b[31m{}\x1b[0m"


class GitHub:
    """The job log and files of one step."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._output = environ.get("GITHUB_OUTPUT")
        self._summary = environ.get("GITHUB_STEP_SUMMARY")
        self._no_outputs = self._no_summary = False
        self._written: tuple[int, bytes] | None = None  # where our summary starts in the file, and its bytes
        self._annotated: list[tuple[str, str]] = []

    def line(self, text: str, *, alarming: bool = False) -> None:
        with unbroken():
            for line in map(_inert, harmless([text])):
                print(_RED.format(line) if alarming else line, flush=True)

    def notice(self, text: str) -> None:
        self._annotate("notice", text, {})

    def warning(self, text: str) -> None:
        self._annotate("warning", text, {})

    def error(self, text: str, title: str) -> None:
        self._annotate("error", text, {"title": title})

    def relay(self, lines: Iterable[str]) -> None:
        shown = list(harmless(lines))
        if shown:
            with unbroken(), _no_commands():
                for line in shown:
                    print(f"  | {line}")

    @contextmanager
    def foreign(self, title: str) -> Iterator[None]:
        with unbroken():
            issue_command("group", {}, " ".join(harmless([title])))
            sys.stdout.flush()
        try:
            with _no_commands():
                try:
                    yield
                finally:
                    print()  # else the token would end up on an unterminated last line
        finally:
            print("::endgroup::", flush=True)

    @property
    def keeps_outputs(self) -> bool:
        return bool(self._output)

    def outputs(self, values: Mapping[str, str]) -> None:
        """Writes them for later steps. A file that can't be written fails nothing, and is a warning."""
        if self._no_outputs:
            return
        text = "".join(f"{prepare_key_value_message(name, plain(value))}\n" for name, value in values.items())
        try:
            if not self._output:
                raise OSError(errno.ENOENT, "GITHUB_OUTPUT is empty")
            _append(self._output, text)
        except OSError as error:
            self._no_outputs = True  # warn only once
            self.warning(f"the outputs can't be written, so later steps have none: {error.strerror or error}")

    def progress(self, states: Mapping[str, str]) -> None:
        """Does nothing: a job log can only grow line by line."""

    def summary(self, parts: Sequence[Part]) -> None:
        if self._no_summary:
            return
        try:
            if not self._summary:
                raise OSError(errno.ENOENT, "GITHUB_STEP_SUMMARY is empty")
            self._rewrite_summary(self._summary, parts)
        except OSError as error:
            self._no_summary = True  # warn only once
            self.warning(f"the job summary can't be written: {error.strerror or error}")

    def end(self) -> None:
        """Does nothing: GitHub has the verdict as an annotation and in the summary."""

    def _rewrite_summary(self, summary: str, parts: Sequence[Part]) -> None:
        """Replaces our part of the file and keeps what other programs wrote before and after it.

        It makes a single write, so that a killed process leaves either the old or the new text: a shorter text is
        padded first, and the file is truncated afterwards.
        """
        from ecs_cd.report.summary import LARGEST, markdown  # after the first call to AWS

        path = Path(summary)
        path.touch()
        with path.open("r+b") as file:
            there = file.read(path.stat().st_size)  # 0 for a device
            begin, ours = self._written or (len(there), b"")
            if there[begin : begin + len(ours)] != ours:
                begin, ours = len(there), b""
            theirs = there[begin + len(ours) :]
            room = LARGEST - begin - len(theirs) - 1
            if room < _LEAST_SUMMARY:
                raise OSError(errno.EFBIG, "other programs have filled it, and GitHub takes 1 MiB")
            text = f"{markdown(parts, max(0, room))}\n".encode(errors="replace")[: max(0, room + 1)]
            file.seek(begin)
            file.write((text + theirs).ljust(len(there) - begin, b"\n"))
            if len(there) > begin + len(text) + len(theirs):  # a device can't be truncated
                file.truncate(begin + len(text) + len(theirs))
        self._written = begin, text

    def _annotate(self, command: str, text: str, properties: dict[str, str]) -> None:
        """Annotates each text once, and no more than GitHub shows; the rest become log lines."""
        most = _ANNOTATIONS if command == "error" else _ON_THE_WAY
        if (command, text) in self._annotated or len(self._annotated) >= most:
            self.line(f"{command}: {text}", alarming=command == "error")
            return
        self._annotated.append((command, text))
        with unbroken():
            issue_command(command, properties, plain("\n".join(harmless([text])))[:_LONGEST_ANNOTATION])
            sys.stdout.flush()


@contextmanager
def _no_commands() -> Iterator[None]:
    token = secrets.token_hex(16)
    print(f"::stop-commands::{token}", flush=True)
    try:
        yield
    finally:
        print(f"::{token}::", flush=True)


def _inert(line: str) -> str:
    """A line that the runner can't mistake for a command, even if it quotes AWS or a container.

    The runner trims a line before it checks for `::`, and finds the older `##[` anywhere in it.
    """
    line = line.replace("##[", "## [")
    return f"| {line}" if line.lstrip().startswith("::") else line


def _append(path: str, text: str) -> None:
    with Path(path).open("a", encoding="utf-8", newline="") as file:
        file.write(text)
