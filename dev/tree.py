"""The tree that a release tag holds: what a runner needs, and `dist/` with the locked dependencies.

Local runs hand this very tree to act, so that what is tried is what would be released.
"""

from __future__ import annotations

import argparse
import compileall
import hashlib
import json
import py_compile
import shutil
import sys
import tempfile
from pathlib import Path

from dev import machine
from dev.machine import CACHE, ROOT, LocalError

PARTS = (
    "action.yml",
    "actions",
    "images",
    "build-push",
    "migrate",
    "deploy",
    ".github/workflows/pipeline.yml",
    "bin",
    "src",
    "schema",
    "LICENSE",
    "README.md",
)
# The services that the actions call. botocore describes over four hundred, which is nine tenths of the tree.
# sso and sso-oidc: how a profile may sign in.
SERVICES = {
    "cloudwatch", "codedeploy", "ecr", "ecr-public", "ecs", "elbv2", "events", "logs", "s3", "scheduler", "ssm",
    "sso", "sso-oidc", "sts",
}  # fmt: skip
LOCK = ROOT / "requirements" / "runtime.txt"


def release_tree(destination: Path, source: Path = ROOT) -> Path:
    """Write the tree to an empty or new directory; parts that are not there yet are left out."""
    destination.mkdir(parents=True, exist_ok=True)
    if any(destination.iterdir()):
        raise LocalError(f"{destination} is not empty: name a new directory.")
    for name in PARTS:
        _copy(source / name, destination / name)
    compile_all(destination / "src")
    shutil.copytree(dependencies(), destination / "dist")
    return destination


def _copy(source: Path, destination: Path) -> None:
    destination.parent.mkdir(parents=True, exist_ok=True)
    if source.is_symlink():
        destination.symlink_to(source.readlink())
    elif source.is_dir():
        shutil.copytree(source, destination, symlinks=True, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
    elif source.exists():
        shutil.copy2(source, destination)


def dependencies() -> Path:
    """The locked run-time dependencies with their bytecode, installed once for each lock and Python."""
    key = hashlib.sha256(LOCK.read_bytes() + Path(__file__).read_bytes()).hexdigest()[:12]
    place = CACHE / "dist" / f"{key}-{sys.implementation.cache_tag}"
    with machine.locked(CACHE / "dist.lock"):
        if not place.is_dir():
            place.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=place.parent) as scratch:
                target = Path(scratch) / "dist"
                _install(target)
                compile_all(target)
                target.rename(place)
    return place


def _install(target: Path) -> None:
    uv = Path(sys.executable).parent / "uv"
    command = ["pip", "install", "--quiet", "--require-hashes", "--no-deps", "--link-mode", "copy"]
    machine.run([uv, *command, "--python", sys.executable, "--target", target, "--requirements", LOCK])
    _trim(target)


def _trim(target: Path) -> None:
    # One tree serves every runner: PyYAML works without its compiled half.
    for compiled in [*target.rglob("*.so"), *target.rglob("*.pyd")]:
        compiled.unlink()
    unused = [target / name for name in ("_yaml", "bin", "tests", "boto3/data", "boto3/examples")]
    described = (target / "botocore" / "data").iterdir()
    unused += [place for place in described if place.is_dir() and place.name not in SERVICES]
    for place in unused:
        shutil.rmtree(place, ignore_errors=True)
    _trim_endpoints(target / "botocore" / "data" / "endpoints.json")
    (target / ".lock").unlink(missing_ok=True)


def _trim_endpoints(place: Path) -> None:
    """botocore reads this file at every start; all but our services' endpoints are 97 % of it."""
    endpoints = json.loads(place.read_text())
    for partition in endpoints["partitions"]:
        kept = {name: entry for name, entry in partition["services"].items() if name.removeprefix("api.") in SERVICES}
        partition["services"] = kept
    place.write_text(json.dumps(endpoints, separators=(",", ":")))


def compile_all(place: Path) -> None:
    """Write bytecode that stays valid whatever times a checkout gives the sources."""
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    if place.is_dir() and not compileall.compile_dir(place, quiet=1, invalidation_mode=mode, workers=0):
        raise LocalError(f"{place} does not compile.")


def main() -> None:
    """Write the tree to the directory named on the command line."""
    parser = argparse.ArgumentParser(prog="python -m dev.tree", description=main.__doc__)
    parser.add_argument("destination", type=Path)
    try:
        release_tree(parser.parse_args().destination)
    except LocalError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
