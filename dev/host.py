"""What the parts for development need of the machine they run on: places, locks and system packages."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ecs_cd.local.machine import LocalError, run

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache"
LOGS = CACHE / "logs"

# Locks and sockets belong to the machine, not to a checkout: two clones must not start two engines.
RUNTIME = Path("/run/ecs-cd")


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on a file; it is freed by the kernel even when the process is killed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def ecs_cd(*arguments: str) -> list[str]:
    """The command line of this checkout, as a command."""
    script = f"import sys; sys.path.insert(0, {str(ROOT / 'src')!r}); from ecs_cd.cli import entry; entry()"
    return [sys.executable, "-c", script, *arguments]


def os_release() -> dict[str, str]:
    """The fields of /etc/os-release; empty without that file."""
    try:
        text = Path("/etc/os-release").read_text()
    except OSError:
        return {}
    pairs = (line.split("=", 1) for line in text.splitlines() if "=" in line)
    return {key: value.strip("\"'") for key, value in pairs}


def can_install() -> bool:
    """System packages can be installed: Debian or Ubuntu, and root."""
    family = os_release()
    kinds = {family.get("ID", ""), *family.get("ID_LIKE", "").split()}
    return os.geteuid() == 0 and bool(kinds & {"debian", "ubuntu"}) and shutil.which("apt-get") is not None


def apt_get(*arguments: str | Path, cwd: Path | None = None) -> None:
    """Run apt-get without questions; as root, so that it can write into our own directories."""
    options = ["-q", "-y", "-o", "DPkg::Lock::Timeout=300", "-o", "APT::Sandbox::User=root"]
    run(["apt-get", *options, *arguments], env={"DEBIAN_FRONTEND": "noninteractive"}, cwd=cwd)


def require(tool: str, *packages: str) -> None:
    """Install the packages of a missing tool, or say what to install."""
    if shutil.which(tool):
        return
    if not can_install():
        raise LocalError(f"{tool} is not installed: install {', '.join(packages)} and run this again.")
    with locked(RUNTIME / "apt.lock"):
        if shutil.which(tool):
            return
        install = ("install", "--no-install-recommends", *packages)
        try:
            apt_get(*install)
        except LocalError:
            # Images of machines come with no package lists, or with old ones.
            apt_get("update")
            apt_get(*install)


def apt_sources_of(suite: str, target: str) -> str:
    """The machine's own apt sources for `suite` and its updates, pointed at the suite `target`.

    Only the distribution's own entries: a third party's suite is never derived. One-line and deb822
    entries are both understood; mirrors, components and keys stay what they are.
    """
    wanted = {suite, f"{suite}-updates", f"{suite}-security"}
    places = [Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))]
    entries: list[str] = []
    for place in places:
        if not place.is_file():
            continue
        text = place.read_text(errors="replace")
        if place.suffix == ".sources":
            entries += [_as_one_line(stanza) for stanza in re.split(r"\n\s*\n", text)]
        elif place.suffix == ".list":
            entries.append(text)
    found = []
    for line in "\n".join(entries).splitlines():
        match = re.match(r"deb\s+(?P<options>\[[^]]*\]\s+)?(?P<uri>\S+)\s+(?P<suite>\S+)\s+(?P<rest>.+)", line)
        if match and match["suite"] in wanted:
            moved = match["suite"].replace(suite, target, 1)
            found.append(f"deb {match['options'] or ''}{match['uri']} {moved} {match['rest']}")
    return "".join(f"{line}\n" for line in dict.fromkeys(found))


def _as_one_line(stanza: str) -> str:
    """A deb822 stanza as one-line entries; a key inside the stanza has no such form and is left out."""
    lines = [line for line in stanza.splitlines() if not line.startswith("#")]
    fields = {key.strip().lower(): value.split() for key, _, value in (line.partition(":") for line in lines)}
    if "deb" not in fields.get("types", []) or fields.get("enabled") == ["no"]:
        return ""
    keys = [value for value in fields.get("signed-by", []) if value.startswith("/")]
    options = f"[signed-by={','.join(keys)}] " if keys else ""
    rest = " ".join(fields.get("components", []))
    pairs = ((uri, suite) for uri in fields.get("uris", []) for suite in fields.get("suites", []))
    return "\n".join(f"deb {options}{uri} {suite} {rest}" for uri, suite in pairs)


def progress(message: str) -> None:
    """Say what is going on, on stderr: stdout belongs to the caller."""
    print(message, file=sys.stderr, flush=True)
