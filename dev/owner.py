"""Makes this copy of ecs-cd another owner's, in every file that names it:

make owner OWNER=acme
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from dev.host import ROOT
from ecs_cd.model.owner import OWNER

# https://docs.github.com/en/enterprise-cloud@latest/admin/managing-iam/iam-configuration-reference/username-considerations-for-external-authentication
NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,38})")
DECLARED = Path("src", "ecs_cd", "model", "owner.py")


class NotRenamed(Exception):
    """No file was changed; the message says why."""


def named(owner: str) -> re.Pattern[str]:
    """How a file names this repository of an owner: `uses: OWNER/ecs-cd@v1`, github.com/OWNER/ecs-cd."""
    return re.compile(rf"(?<![\w.-]){re.escape(owner)}(?=/ecs-cd\b)")


def files(root: Path = ROOT) -> list[Path]:
    """The files and links that Git tracks or doesn't ignore."""
    command = ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return sorted(path for path in {root / name for name in listed.split("\0") if name} if os.path.lexists(path))


def texts(root: Path = ROOT) -> Iterator[tuple[Path, str]]:
    """The text files among them, with their line ends."""
    for path in files(root):
        if path.is_file() and not path.is_symlink():
            try:
                with path.open(encoding="utf-8", newline="") as file:
                    yield path, file.read()
            except UnicodeDecodeError:
                continue


def rename(new: str, root: Path = ROOT) -> list[Path]:
    """Writes the new owner into every file; the changed files. Raises ``NotRenamed`` if the name is not a GitHub
    owner's, or already means something else in one of the files."""
    if not NAME.fullmatch(new):
        raise NotRenamed(f"OWNER={new!r} is not the name of a user or an organization on GitHub")
    if new == OWNER:
        return []
    found = list(texts(root))
    taken = [str(path.relative_to(root)) for path, text in found if named(new).search(text)]
    if taken:
        raise NotRenamed(f"{new}/ecs-cd already means something else in {', '.join(taken[:3])}; rename that first")
    changed = []
    for path, text in found:
        renamed = named(OWNER).sub(new, text)
        if path == root / DECLARED:
            renamed = re.sub(r'^OWNER = ".*"$', f'OWNER = "{new}"', renamed, flags=re.M)
        if renamed != text:
            with path.open("w", encoding="utf-8", newline="") as file:
                file.write(renamed)
            changed.append(path)
    return changed


if __name__ == "__main__":
    try:
        print(f"{len(rename(sys.argv[1]))} files name {sys.argv[1]}/ecs-cd now")
    except NotRenamed as refused:
        sys.exit(f"make owner: {refused}. No file has changed.")
