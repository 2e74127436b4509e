"""`ecs-cd init`: its flags and exit codes."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from ecs_cd.ci.text import harmless, unbroken
from ecs_cd.init import read, write
from ecs_cd.init.rules.messages import report
from ecs_cd.init.rules.result import Result, make
from ecs_cd.model.errors import Refused
from ecs_cd.model.verdict import EXIT_CODES, REFUSED_EXIT_CODE, Outcome

_DESCRIPTION = """\
Reads this repository's workflows, task definitions and Dockerfiles, and writes what ecs-cd needs: the document for the
infra repository, a workflow, and .github/ecs-cd.yml. It overwrites nothing, calls no AWS and runs nothing of the
repository. What it can't know stands as TODO in the files."""


def main(argv: Sequence[str]) -> int:
    """Writes the files and reports; the exit code."""
    given = _parser().parse_args(argv)
    try:
        root = read.top(given.directory)
        result = make(read.snapshot(root))
        if given.dry_run:
            write.check(root, result.files)
            _show(result)
        else:
            write.write(root, result.files)
        _say(report(result, dry=given.dry_run))
    except Refused as refused:
        for line in (*refused.problems, *([refused.remedy] if refused.remedy else [])):
            print(f"ecs-cd init: {next(harmless([line]), '')}", file=sys.stderr)
        return REFUSED_EXIT_CODE
    except KeyboardInterrupt:
        return EXIT_CODES[Outcome.CANCELLED]
    return 0


def _show(result: Result) -> None:
    for path, text in result.files.items():
        _say([f"--- {path}", *text.splitlines()])


def _say(lines: Sequence[str]) -> None:
    with unbroken():
        for line in harmless(lines):
            print(line)
        sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ecs-cd init", description=_DESCRIPTION, allow_abbrev=False)
    parser.add_argument(
        "directory", nargs="?", default=".", metavar="DIRECTORY", help="the app's checkout; default: this one"
    )
    parser.add_argument("--dry-run", action="store_true", help="print the files and write nothing")
    return parser
