"""The tree that a release tag holds: what a runner needs, and `dist/` with the locked dependencies.

Local runs pass this tree to act, so that they test what would be released. Built twice it is the same, byte
for byte and mode for mode; times are not of it.
"""

from __future__ import annotations

import argparse
import email
import hashlib
import json
import shutil
import sys
import tempfile
from email.message import Message
from pathlib import Path

from dev import bytecode, compiled, host, models
from dev.host import CACHE, ROOT
from ecs_cd.local import machine
from ecs_cd.local.machine import LocalError

PARTS = (
    "action.yml",
    "actions",
    "images",
    "build-push",
    "migrate",
    "deploy",
    "hand-off",
    "verify",
    "continue",
    "rollback",
    "plan",
    "lock",
    "unlock",
    ".github/workflows/pipeline.yml",
    "bin",
    "src",
    "schema",
    "infra",
    "LICENSE",
    "README.md",
)
# What running the sources leaves beside them.
NOT_SOURCE = ("__pycache__", "*.pyc", ".terraform*", "*.tfstate*")
# For a developer's machine: who has that has installed the package.
NOT_FOR_RUNNERS = ("src/ecs_cd/local", "src/ecs_cd/init", "src/ecs_cd/ci/live.py")
# What is not imported, or needs a compiled half or a platform that one tree for every runner can't have.
UNUSED = (
    *("_yaml", "bin", "tests", ".lock"),
    *(f"boto3/{name}" for name in ("crt.py", "data", "dynamodb", "ec2", "examples")),
    *("botocore/crt/auth.py", "botocore/stub.py", "s3transfer/crt.py", "s3transfer/processpool.py"),
    *(f"dateutil/{name}" for name in ("easter.py", "rrule.py", "tz/win.py", "tzwin.py", "utils.py", "zoneinfo")),
    *(f"urllib3/contrib/{name}" for name in ("emscripten", "pyopenssl.py", "socks.py")),
)
# boto3's writers of documentation: no run imports them, but for these; without bytecode they work as well.
DOCUMENTATION = ("boto3/docs", "botocore/docs")
IMPORTED = ("__init__", "docstring", "utils")
LOCK = ROOT / "requirements" / "runtime.txt"
LICENSES = "LICENSES.md"


def release_tree(destination: Path, cache: Path = CACHE / "dist") -> Path:
    """Write the tree to an empty or new directory."""
    destination.mkdir(parents=True, exist_ok=True)
    if any(destination.iterdir()):
        raise LocalError(f"{destination} is not empty: name a new directory.")
    for name in PARTS:
        _copy(ROOT / name, destination / name)
    for name in NOT_FOR_RUNNERS:
        _remove(destination / name)
    bytecode.compile_all("src", destination, bytecode.interpreters())
    shutil.copytree(dependencies(cache), destination / "dist")
    _alike(destination)
    return destination


def _copy(source: Path, destination: Path) -> None:
    destination.parent.mkdir(parents=True, exist_ok=True)
    if source.is_symlink():
        destination.symlink_to(source.readlink())
    elif source.is_dir():
        shutil.copytree(source, destination, symlinks=True, ignore=shutil.ignore_patterns(*NOT_SOURCE))
    else:
        shutil.copy2(source, destination)


def _remove(place: Path) -> None:
    if place.is_dir():
        shutil.rmtree(place)
    else:
        place.unlink(missing_ok=True)


def _alike(tree: Path) -> None:
    """Modes as git keeps them, whatever the umask and who unpacked the packages."""
    for path in [tree, *(path for path in tree.rglob("*") if not path.is_symlink())]:
        path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)


def dependencies(cache: Path = CACHE / "dist") -> Path:
    """The locked run-time dependencies with their bytecode, made once for what goes into them."""
    by = bytecode.interpreters()
    made_by = (
        Path(module.__file__ or "").read_bytes() for module in (sys.modules[__name__], bytecode, compiled, models)
    )
    used = json.dumps({service: sorted(names) for service, names in models.names_used().items()})
    key = hashlib.sha256(b"".join([LOCK.read_bytes(), *made_by, used.encode(), str(by).encode()])).hexdigest()[:12]
    place = cache / key / "dist"
    with host.locked(cache.with_suffix(".lock")):
        if not place.is_dir():
            cache.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=cache) as scratch:
                _make(Path(scratch) / "dist")
                bytecode.compile_all("dist", Path(scratch), by)
                _uncompile(Path(scratch) / "dist")
                place.parent.mkdir(exist_ok=True)
                (Path(scratch) / "dist").rename(place)
    return place


def _make(dist: Path) -> None:
    uv = Path(sys.executable).parent / "uv"
    command = ["pip", "install", "--quiet", "--require-hashes", "--no-deps", "--link-mode", "copy"]
    machine.run([uv, *command, "--python", sys.executable, "--target", dist, "--requirements", LOCK])
    for path in [*dist.rglob("*.so"), *dist.rglob("*.pyd"), *dist.rglob("*.pyc")]:
        path.unlink()
    for name in UNUSED:
        _remove(dist / name)
    models.cut(dist / "botocore" / "data")
    (dist / LICENSES).write_text(_licences(dist), encoding="utf-8")


def _uncompile(dist: Path) -> None:
    for folder in DOCUMENTATION:
        for path in [path for path in (dist / folder).rglob("*.pyc") if path.name.partition(".")[0] not in IMPORTED]:
            path.unlink()


def _licences(dist: Path) -> str:
    """What is shipped, under which licence, and where its text is; of the installation's records nothing else stays.

    Raises if a text is missing.
    """
    rows = []
    for folder in sorted(dist.glob("*.dist-info")):
        about = email.message_from_bytes((folder / "METADATA").read_bytes())
        texts = [_text(folder, name) for name in about.get_all("License-File", [])]
        if not texts:
            raise LocalError(f"{folder.name} names no licence file: it can't be shipped like this.")
        for path in [path for path in folder.rglob("*") if path.is_file() and path not in texts]:
            if path.name != "METADATA":
                path.unlink()
        links = ", ".join(f"[{path.name}]({path.relative_to(dist)})" for path in texts)
        rows.append(f"| {about['Name']} | {about['Version']} | {_licence(about)} | {links} |\n")
    head = "# What is in this folder, and its licences\n\nFrom PyPI, without what is not used.\n\n"
    return f"{head}| Package | Version | Licence | Texts |\n|---|---|---|---|\n{''.join(rows)}"


def _text(folder: Path, name: str) -> Path:
    found = next((place for place in (folder / name, folder / "licenses" / name) if place.is_file()), None)
    if found is None:
        raise LocalError(f"{folder.name} names {name} as its licence, but that file does not exist.")
    return found


def _licence(about: Message) -> str:
    by_classifier = [line.rpartition(" :: ")[2] for line in about.get_all("Classifier", []) if "License ::" in line]
    named: str = about["License-Expression"] or about["License"] or ""
    return named if "Dual" not in named else " or ".join(by_classifier)


def main() -> None:
    """Write the tree to the directory named on the command line."""
    parser = argparse.ArgumentParser(prog="python -m dev.tree", description=main.__doc__)
    parser.add_argument("destination", type=Path)
    try:
        release_tree(parser.parse_args().destination)
    except LocalError as error:
        sys.exit(str(error))
    if lacking := bytecode.lacking():
        host.progress(f"CPython {', '.join(lacking)} is not on this machine: the tree has no bytecode for it.")


if __name__ == "__main__":
    main()
