"""Who owns this copy: one constant, which every file that names the repository agrees with."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dev import owner
from ecs_cd.model.owner import OWNER
from tests.contract.parts import ROOT

# Where a name before `/ecs-cd` is an owner on GitHub: in a step, in an address, as an argument of gh.
NAMED = re.compile(
    r"(?:uses: |github\.com[/:]|githubusercontent\.com/|--repo |--signer-workflow |`)([\w.-]+)/ecs-cd(?=[@/`\s]|\.git)"
)
FOLDERS = {"bin", ".github"}  # of this repository, which a page names in the same way


def test_every_file_names_the_owner() -> None:
    """Tests may name other owners; what people copy may not."""
    found = {
        str(path.relative_to(ROOT)): others
        for path, text in owner.texts()
        if path.relative_to(ROOT).parts[0] != "tests"
        and (others := set(NAMED.findall(text)) - FOLDERS - {OWNER, "OWNER"})
    }
    assert found == {}


def test_the_code_takes_the_owner_from_its_constant() -> None:
    """A message with the name of its own would be wrong in a copy."""
    code = [(path, text) for path, text in owner.texts() if path.suffix == ".py"]
    where = {path.relative_to(ROOT).parts[0] for path, text in code if owner.named(OWNER).search(text)}
    assert where <= {"tests"}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of this repository's files, as a repository of its own."""
    for path in owner.files():
        target = tmp_path / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target, follow_symlinks=False)
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    return tmp_path


def run(copy: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A module of the copy, not of this checkout."""
    environ = {**os.environ, "PYTHONPATH": f"{copy / 'src'}{os.pathsep}{copy}"}
    command = [sys.executable, "-m", *arguments]
    return subprocess.run(command, cwd=copy, env=environ, capture_output=True, text=True, check=False)


def test_a_copy_becomes_its_owners_with_one_command(copy: Path) -> None:
    """Nothing names the owner of before, what is generated agrees, and it can be given on."""
    for before, new in ((OWNER, "acme"), ("acme", "A-company_of-39-characters-and-no-less1")):
        assert (done := run(copy, "dev.owner", new)).returncode == 0, done.stderr
        assert (done := run(copy, "tests.contract.generate")).returncode == 0, done.stderr
        left = [path for path, text in owner.texts(copy) if re.search(rf"(?<![\w.-]){before}/ecs-cd\b", text)]
        assert left == []
    tests = [f"{copy}/tests/contract/test_{name}.py" for name in ("owner", "workflows", "generated")]
    done = run(copy, "pytest", "-q", "-p", "no:cacheprovider", *tests, "-k", "not copy and not no_owner")
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", "is not the name of a user"),
        ("acme/shop", "is not the name of a user"),
        ("-acme", "is not the name of a user"),
        ("$(id)", "is not the name of a user"),
        ("a" * 40, "is not the name of a user"),
        ("bin", "bin/ecs-cd already means something else in "),
    ],
)
def test_a_name_that_no_owner_can_have_changes_nothing(copy: Path, name: str, words: str) -> None:
    """Every file is as it was."""
    before = dict(owner.texts(copy))
    done = run(copy, "dev.owner", name)
    assert done.returncode == 1
    assert words in done.stderr and "No file has changed" in done.stderr
    assert dict(owner.texts(copy)) == before
