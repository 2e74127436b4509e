"""The repositories of tests/corpus: read as `ecs-cd init` would read them from a folder."""

from __future__ import annotations

from pathlib import Path

from ecs_cd.init.rules.scope import Snapshot

CORPUS = Path(__file__).parents[2] / "corpus"
CASES = sorted((CORPUS / "repositories").glob("*.txt"))


def files(case: Path) -> dict[str, str]:
    """The files of a case by their paths."""
    found: dict[str, list[str]] = {}
    path = ""
    for line in case.read_text(encoding="utf-8").splitlines(keepends=True):
        if line.startswith("=== "):
            path, _, source = line.removeprefix("=== ").strip().partition(" <- ")
            found[path] = [(CORPUS / source).read_text(encoding="utf-8-sig", errors="replace")] if source else []
        else:
            found[path].append(line)
    return {name: "".join(lines) for name, lines in found.items()}


def snapshot(contents: dict[str, str], name: str = "my-app") -> Snapshot:
    """The snapshot of a repository with these files."""
    return Snapshot(name, frozenset(contents), contents)
