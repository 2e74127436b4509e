"""CodeBuild: a plain log, a folder with the report, and the verdict as the log's last line.

https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-env-vars.html
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ecs_cd.ci.rules import report_files
from ecs_cd.ci.rules.child_environment import NONCE
from ecs_cd.ci.text import harmless, unbroken
from ecs_cd.report import verdict_line
from ecs_cd.report.summary import UNDER_WAY

if TYPE_CHECKING:
    from ecs_cd.report.summary import Part

FOLDER = "ecs-cd-report"
_RED = "\x1b[31m{}\x1b[0m"  # the console shows colours, although stdout is no terminal


class CodeBuild:
    """The log and the report of one verb. Everything goes to stdout: CodeBuild keeps no order between two streams."""

    def __init__(self, environ: Mapping[str, str], verb: str) -> None:
        self._build = environ.get("CODEBUILD_BUILD_ID", "")
        self._nonce = environ.get(NONCE, "")
        self._verb = verb
        self._process = secrets.token_hex(8)
        self._folder: Path | None = Path(environ.get("CODEBUILD_SRC_DIR") or Path.cwd()) / FOLDER
        self._parts: list[Part] = []
        self._outputs: dict[str, str] = {}
        self._headings: set[str] = set()

    def line(self, text: str, *, alarming: bool = False) -> None:
        for line in harmless([text]):
            shown = verdict_line.inert(line)
            _print(_RED.format(shown) if alarming else shown)

    def notice(self, text: str) -> None:
        self.line(f"note: {text}")

    def warning(self, text: str) -> None:
        self.line(f"warning: {text}")

    def error(self, text: str, title: str) -> None:
        self.line(f"error: {title}: {text}")

    def relay(self, lines: Iterable[str]) -> None:
        for line in harmless(lines):
            _print(f"  | {line}")

    @contextmanager
    def foreign(self, title: str) -> Iterator[None]:
        """What the child process writes passes ``docker.build``, where no line can look like a verdict.

        The source folder may be the build's context, and no image is to have the report, which differs in each build.
        """
        self.line(f"---- {title} ----")
        with self._report_away():
            try:
                yield
            finally:
                _print(f"\n---- end of {title} ----")  # it may have left its last line unterminated

    @contextmanager
    def _report_away(self) -> Iterator[None]:
        if self._folder is None or self._folder.is_symlink() or not self._folder.is_dir():
            yield
            return
        with tempfile.TemporaryDirectory() as elsewhere:
            shutil.move(self._folder, elsewhere)
            try:
                yield
            finally:
                shutil.move(Path(elsewhere, FOLDER), self._folder)

    def progress(self, states: Mapping[str, str]) -> None:
        """Does nothing: a log can only grow line by line."""

    @property
    def keeps_outputs(self) -> bool:
        return self._folder is not None

    def outputs(self, values: Mapping[str, str]) -> None:
        for name, value in values.items():
            self.line(f"{name}={value}")
        self._outputs.update(values)
        self._write()

    def summary(self, parts: Sequence[Part]) -> None:
        self._parts = list(parts)
        for part in parts:
            if part.state == UNDER_WAY and part.title not in self._headings:
                self._headings.add(part.title)
                self.line(f"==== {part.title} ====")
        self._write()

    def end(self) -> None:
        """Writes the verdict; a verb that reported nothing has none."""
        if self._parts:
            _print(verdict_line.compose(self._verb, self._parts, self._build, self._nonce))

    def _write(self) -> None:
        """Writes the report of all verbs of this build."""
        if self._folder is None:
            return
        try:
            own = report_files.entry(self._process, self._verb, self._parts, self._outputs)
            _write_report(self._folder, self._build, own)
        except OSError as error:
            self._folder = None  # warn only once
            self.warning(f"the report can't be written to {FOLDER}: {error.strerror or error}")


def _print(line: str) -> None:
    with unbroken():
        print(f"{line}\n", end="", flush=True)  # a single write: another thread can't come between


def _write_report(folder: Path, build: str, own: report_files.Entry) -> None:
    """Each file has either its old or its new content. Follows no symlink, which could come from a commit."""
    if folder.is_symlink():
        raise OSError(errno.ELOOP, "it is a symlink")
    folder.mkdir(exist_ok=True)
    entries = report_files.together(report_files.earlier(_read(folder / report_files.REPORT), build), own)
    for name, text in report_files.files(build, entries).items():
        descriptor, scratch = tempfile.mkstemp(dir=folder, prefix=".")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8", errors="replace", newline="") as file:
                file.write(text)
            Path(scratch).replace(folder / name)
        except OSError:
            Path(scratch).unlink(missing_ok=True)
            raise


def _read(path: Path) -> str:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return ""
    with os.fdopen(descriptor, encoding="utf-8", errors="replace") as file:
        return file.read(report_files.LARGEST)
