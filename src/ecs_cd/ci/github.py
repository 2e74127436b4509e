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

from ecs_cd.ci.text import harmless

_LONGEST_ANNOTATION = 4096  # characters
_LARGEST_SUMMARY = 1024 * 1024  # bytes a step


class GitHub:
    """The job log and files of one step."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._output = environ.get("GITHUB_OUTPUT")
        self._summary = environ.get("GITHUB_STEP_SUMMARY")

    def line(self, text: str) -> None:
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
            with self.foreign():
                for line in shown:
                    print(f"  | {line}")

    @contextmanager
    def foreign(self) -> Iterator[None]:
        token = secrets.token_hex(16)
        print(f"::stop-commands::{token}", flush=True)
        try:
            yield
        finally:
            print(f"::{token}::", flush=True)

    def outputs(self, values: Mapping[str, str]) -> None:
        if self._output:
            text = "".join(f"{prepare_key_value_message(name, value)}\n" for name, value in values.items())
            _append(self._output, text)

    def summary(self, markdown: str) -> None:
        if self._summary and len(markdown.encode()) < _LARGEST_SUMMARY:
            _append(self._summary, f"{markdown}\n")

    def _annotate(self, command: str, text: str, properties: dict[str, str]) -> None:
        issue_command(command, properties, "\n".join(harmless([text]))[:_LONGEST_ANNOTATION])
        sys.stdout.flush()


def _inert(line: str) -> str:
    """A line that the runner takes for no command, though it may quote what AWS or a container said.

    The runner trims a line before it looks for `::`, and finds the older `##[` anywhere in it.
    """
    line = line.replace("##[", "## [")
    return f"| {line}" if line.lstrip().startswith("::") else line


def _append(path: str, text: str) -> None:
    with Path(path).open("a", encoding="utf-8", newline="") as file:
        file.write(text)
