"""`ecs-cd init` on this machine: what it reads, and that it writes everything or nothing."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from dev.workflows import git
from ecs_cd import cli
from ecs_cd.init import read, write
from ecs_cd.model.errors import Refused
from tests.rules.init.repositories import CASES, files

Init = Callable[..., int]


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """The repository of the official template, without a commit."""
    found = tmp_path / "folder"
    found.mkdir()
    git(found, "init", "--quiet", "--initial-branch", "trunk")
    git(found, "remote", "add", "origin", "git@github.com:org/my-shop.git")
    for path, text in files(CASES[0]).items():
        (found / path).parent.mkdir(parents=True, exist_ok=True)
        (found / path).write_text(text)
    return found


@pytest.fixture
def init(repo: Path, monkeypatch: pytest.MonkeyPatch) -> Init:
    """Runs the command line in the repository."""

    def run(*arguments: str, where: Path = repo) -> int:
        monkeypatch.chdir(where)
        return cli.main(["init", *arguments], {})

    return run


def new(repo: Path) -> set[str]:
    """The files that are not of the repository as it was."""
    there = {path.relative_to(repo).as_posix() for path in repo.rglob("*") if path.is_file()}
    return {name for name in there if not name.startswith(".git/")} - set(files(CASES[0]))


WRITTEN = {
    ".github/ecs-cd.yml",
    ".github/workflows/ecs-cd.yml",
    "ecs-cd-infra/.gitignore",
    "ecs-cd-infra/production.yml",
}


def test_it_writes_four_files(init: Init, repo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The documents are not of the app's repository: Git ignores their folder. The name is the remote's."""
    assert init() == 0
    assert new(repo) == WRITTEN
    assert "/ecs-cd/my-shop/production" in (repo / ".github/workflows/ecs-cd.yml").read_text()
    assert "ecs-cd-infra" not in git(repo, "status", "--porcelain", "--untracked-files=all")
    assert capsys.readouterr().out.startswith("Written:\n")


def test_it_works_from_a_folder_of_the_repository(init: Init, repo: Path) -> None:
    """And for a repository that an argument names."""
    (repo / "src").mkdir()
    assert init(where=repo / "src") == 0
    assert new(repo) == WRITTEN
    for name in WRITTEN:
        (repo / name).unlink()
    assert init(str(repo), where=repo.parent) == 0
    assert new(repo) == WRITTEN


def test_a_dry_run_prints_the_files(init: Init, repo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It writes none."""
    assert init("--dry-run") == 0
    shown = capsys.readouterr().out
    assert new(repo) == set()
    assert [line for line in shown.splitlines() if line.startswith("--- ")] == [
        "--- ecs-cd-infra/production.yml",
        "--- ecs-cd-infra/.gitignore",
        "--- .github/ecs-cd.yml",
        "--- .github/workflows/ecs-cd.yml",
    ]
    assert "cluster: openquiz-cluster" in shown


@pytest.mark.parametrize("dry", [(), ("--dry-run",)])
@pytest.mark.parametrize("name", sorted(WRITTEN))
def test_a_file_that_is_there_is_kept(
    init: Init, repo: Path, capsys: pytest.CaptureFixture[str], name: str, dry: tuple[str, ...]
) -> None:
    """It is named, and no other file is written; a dangling symlink is a file too."""
    (repo / name).parent.mkdir(exist_ok=True)
    (repo / name).symlink_to("nowhere")
    assert init(*dry) == 2
    assert f"{name} is there already" in capsys.readouterr().err or name.endswith("workflows/ecs-cd.yml")
    (repo / name).unlink()
    (repo / name).write_text("mine\n")
    assert init(*dry) == 2
    assert f"{name} is there already" in capsys.readouterr().err
    assert new(repo) == {name}
    assert (repo / name).read_text() == "mine\n"


def test_outside_of_git(init: Init, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder without a checkout, and one that isn't there, are refused with a remedy."""
    assert init(str(tmp_path)) == 2
    assert "is not in a Git checkout" in capsys.readouterr().err
    assert init(str(tmp_path / "missing")) == 2
    assert "missing is not a folder" in capsys.readouterr().err


def test_a_symlink_does_not_lead_out_of_the_checkout(
    init: Init, repo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is written behind it."""
    (tmp_path / "elsewhere").mkdir()
    (repo / "ecs-cd-infra").symlink_to(tmp_path / "elsewhere")
    assert init() == 2
    assert "outside of the checkout" in capsys.readouterr().err
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert new(repo) == set()


def test_a_file_in_place_of_a_folder(init: Init, repo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is named."""
    (repo / "ecs-cd-infra").write_text("")
    assert init() == 2
    assert "a file has the name of its folder" in capsys.readouterr().err


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_is_read_only(init: Init, repo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What was written before is removed."""
    (repo / ".github/workflows").chmod(0o555)
    assert init() == 2
    assert "can't be written" in capsys.readouterr().err
    assert new(repo) == set()


def test_all_or_nothing(repo: Path) -> None:
    """A file that can't be written takes the others and their folders with it."""
    contents = {"new/a.yml": "a", "new/b/c.yml": "c", f"new/{'x' * 300}.yml": "too long a name"}
    with pytest.raises(Refused) as refused:
        write.write(repo, contents)
    assert "can't be written: File name too long" in str(refused.value)
    assert not (repo / "new").exists()


def test_a_workflow_that_is_not_text(init: Init, repo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is named; another file that can't be read doesn't matter."""
    (repo / "broken.json").write_bytes(b"\xff\xfe")
    (repo / "loop.yml").symlink_to("loop.yml")
    assert init("--dry-run") == 0
    (repo / ".github/workflows/b.yml").write_bytes(b"\xff\xfe")
    assert init() == 2
    assert "b.yml can't be read: it is not UTF-8 text" in capsys.readouterr().err
    assert new(repo) == {"broken.json", ".github/workflows/b.yml"}


def test_control_characters_are_not_printed(init: Init, repo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A name of a step can't repaint the terminal."""
    path = repo / ".github/workflows/aws.yml"
    path.write_text(path.read_text().replace("- name: Checkout", '- name: "\\e]0;x"\n      run: make\n    - name: x'))
    assert init("--dry-run") == 0
    assert "\x1b" not in capsys.readouterr().out


def test_the_snapshot_leaves_dependencies_out(repo: Path) -> None:
    """Folders that others wrote are not read."""
    for name in ("node_modules/x/task-definition.json", "vendor/a.yml", ".git/hooks/x.sh"):
        (repo / name).parent.mkdir(parents=True, exist_ok=True)
        (repo / name).write_text("{}")
    found = read.snapshot(repo)
    assert found.paths == set(files(CASES[0]))
    assert (found.name, found.branch) == ("my-shop", "trunk")


UNREADABLE: list[tuple[Callable[[Path], object], str]] = [
    (lambda path: path.symlink_to("nowhere.yml"), "it is a symlink to nothing"),
    (lambda path: path.symlink_to(path.name), "it is a symlink to nothing"),
    (lambda path: path.symlink_to("../../../outside.yml"), "it is a symlink that leads out of the checkout"),
    (lambda path: path.symlink_to("../../.git/config"), "it is a symlink that leads out of the checkout"),
    (os.mkfifo, "it is not a regular file"),
    (lambda path: path.write_bytes(b"a" * 600_000), "it is larger than 512 KiB"),
    (lambda path: path.write_text("on: push", encoding="utf-16"), "it is not UTF-8 text"),
]


@pytest.mark.parametrize(("make", "why"), UNREADABLE)
def test_a_workflow_that_cannot_be_read(
    init: Init, repo: Path, capsys: pytest.CaptureFixture[str], make: Callable[[Path], object], why: str
) -> None:
    """It is named with the reason, and nothing is written; the same with another file is passed over."""
    (repo.parent / "outside.yml").write_text("on: push")
    make(repo / ".github/workflows/other.yml")
    assert init() == 2
    assert f"ecs-cd init: .github/workflows/other.yml can't be read: {why}" in capsys.readouterr().err
    (repo / ".github/workflows/other.yml").unlink()
    (repo / "ci" / "deploy").mkdir(parents=True)
    make(repo / "ci" / "deploy" / "task.json")
    assert not WRITTEN & new(repo)
    assert init() == 0
