"""GitHub Actions: workflow commands, and the files behind GITHUB_OUTPUT and GITHUB_STEP_SUMMARY.

https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions
"""

from __future__ import annotations

import secrets
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from actions_toolkit.command import issue_command
from actions_toolkit.file_command import prepare_key_value_message

from ecs_cd.ci.text import harmless, unbroken

_LONGEST_ANNOTATION = 4096  # characters
_LARGEST_SUMMARY = 1024 * 1024  # bytes a step; GitHub shows nothing at all of a larger one
_CUT = b"\n\n(cut: a summary ends at 1 MiB)\n"


class GitHub:
    """The job log and files of one step."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._output = environ.get("GITHUB_OUTPUT")
        self._summary = environ.get("GITHUB_STEP_SUMMARY")

    def line(self, text: str) -> None:
        with unbroken():
            for line in harmless([text]):
                print(_inert(line), flush=True)

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
    def foreign(self) -> Iterator[None]:
        with _no_commands():
            try:
                yield
            finally:
                print()  # a last line without an end would swallow the token

    def outputs(self, values: Mapping[str, str]) -> None:
        if self._output:
            text = "".join(f"{prepare_key_value_message(name, value)}\n" for name, value in values.items())
            try:
                _append(self._output, text)
            except OSError as error:
                self.error(f"the outputs {', '.join(values)} can't be written: {error.strerror}", "GITHUB_OUTPUT")

    def summary(self, markdown: str) -> None:
        try:
            self._append_summary(markdown)
        except OSError as error:
            self.warning(f"the job summary can't be written: {error.strerror}")

    def _append_summary(self, markdown: str) -> None:
        if not self._summary:
            return
        path = Path(self._summary)
        room = _LARGEST_SUMMARY - (path.stat().st_size if path.exists() else 0)
        text = f"{markdown}\n".encode(errors="replace")
        if len(text) > room:
            text = text[: max(0, room - len(_CUT))] + _CUT[: max(0, room)]
        _append(self._summary, text.decode(errors="ignore"))

    def _annotate(self, command: str, text: str, properties: dict[str, str]) -> None:
        with unbroken():
            issue_command(command, properties, "\n".join(harmless([text]))[:_LONGEST_ANNOTATION])
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
    """A line that the runner takes for no command, though it may quote what AWS or a container said.

    The runner trims a line before it looks for `::`, and finds the older `##[` anywhere in it.
    """
    line = line.replace("##[", "## [")
    return f"| {line}" if line.lstrip().startswith("::") else line


def _append(path: str, text: str) -> None:
    with Path(path).open("a", encoding="utf-8", newline="") as file:
        file.write(text)
