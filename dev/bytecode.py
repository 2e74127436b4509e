"""Reproducible bytecode for the CPythons of the runner images: compiled.py makes it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ecs_cd.local import machine
from ecs_cd.local.machine import LocalError

VERSIONS = ("3.12", "3.14")  # /usr/bin/python3 of ubuntu-24.04 and 26.04
OLDEST = 10  # 3.10
COMPILE = Path(__file__).with_name("compiled.py")
WHO = "import sys; print(sys.implementation.cache_tag, sys.executable)"


def interpreters() -> dict[str, Path]:
    """Cache tag to interpreter: of the runner images' CPythons those that are on this machine, and its own.

    Its own are what bin/ecs-cd takes where the tree is tried out.
    """
    own = {
        path.name.removeprefix("python")
        for path in Path("/usr/bin").glob("python3.*")
        if (match := re.fullmatch(r"python3\.(\d+)", path.name)) and int(match[1]) >= OLDEST
    }
    found = {}
    for version in sorted({*VERSIONS, *own}):
        if runs := next(filter(None, (_itself(path, version) for path in _candidates(version))), None):
            found[_tag(version)] = runs
    return found


def _candidates(version: str) -> Iterator[Path]:
    name = f"python{version}"
    if on_path := shutil.which(name):
        yield Path(on_path)
    yield Path("/usr/bin") / name
    yield from sorted(
        Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")).glob(f"versions/{version}.*/bin/{name}")
    )
    if tools := os.environ.get("RUNNER_TOOL_CACHE"):  # where actions/setup-python puts them
        yield from sorted(Path(tools).glob(f"Python/{version}.*/*/bin/{name}"))


def _itself(interpreter: Path, version: str) -> Path | None:
    """The program behind this path, if it is a CPython of the version: pyenv's on PATH start one, or say they don't."""
    try:
        done = subprocess.run([interpreter, "-I", "-S", "-c", WHO], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    tag, _, place = done.stdout.strip().partition(" ")
    return Path(place) if tag == _tag(version) else None


def _tag(version: str) -> str:
    return f"cpython-{version.replace('.', '')}"


def lacking() -> list[str]:
    """The runner images' CPythons that are not on this machine."""
    found = interpreters()
    return [version for version in VERSIONS if _tag(version) not in found]


def compile_all(folder: str, within: Path, by: Mapping[str, Path]) -> None:
    """Compile what is in the folder of that name, with each of these interpreters."""

    def compile_with(interpreter: Path) -> None:
        # Marshalled sets have the order of their hashes. A quarter of the bytecode would be the columns of its lines.
        python: list[str | Path] = ["env", "-i", "PYTHONHASHSEED=0", interpreter, "-S", "-B", "-X", "no_debug_ranges"]
        try:
            machine.run([*python, COMPILE, folder], cwd=within)
        except LocalError as error:
            raise LocalError(f"{within / folder} does not compile with {interpreter}:\n{error}") from None

    with ThreadPoolExecutor() as pool:
        list(pool.map(compile_with, by.values()))
