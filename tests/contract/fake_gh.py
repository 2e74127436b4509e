"""A stand-in for GitHub's `gh release`: at most one release, kept in a file next to the program, and a list of the calls.

As on GitHub, a release becomes immutable when it is published, and only if the repository's settings say so.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

PROGRAM = """#!{python}
import json, pathlib, sys
here = pathlib.Path(__file__).parent
verb, tag, *rest = sys.argv[2:]
record = {{"arguments": sys.argv[1:], "stdin": sys.stdin.read() if "--notes-file" in rest else ""}}
with (here / "calls").open("a") as calls:
    calls.write(json.dumps(record) + "\\n")
release = here / "release"
if verb == "create":
    release.write_text(json.dumps({{"isDraft": "--draft" in rest, "isImmutable": False}}))
elif not release.exists():
    sys.exit("release not found")
elif verb == "delete":
    release.unlink()
elif verb == "edit":
    release.write_text(json.dumps({{"isDraft": False, "isImmutable": (here / "immutable").exists()}}))
elif verb == "view":
    print(release.read_text())
"""


def install(folder: Path, *, release: dict[str, bool] | None = None, immutable: bool = True) -> None:
    """Writes the program into a folder for PATH; `release` is the existing release."""
    folder.mkdir()
    (folder / "gh").write_text(PROGRAM.format(python=sys.executable))
    (folder / "gh").chmod(0o755)
    (folder / "calls").touch()
    if release is not None:
        (folder / "release").write_text(json.dumps(release))
    if immutable:
        (folder / "immutable").touch()


def calls(folder: Path) -> list[dict[str, Any]]:
    """The calls of the program, without `view`."""
    found = [json.loads(line) for line in (folder / "calls").read_text().splitlines()]
    return [call for call in found if call["arguments"][1] != "view"]
