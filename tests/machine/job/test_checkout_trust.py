"""Git reads the checkout; nothing of it is run or trusted. With the real git."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from ecs_cd.job import checkout


def git(*words: str, cwd: Path | None = None) -> str:
    command = ["git", "-c", "user.name=x", "-c", "user.email=x@example.com", "-c", "commit.gpgsign=false", *words]
    return subprocess.run(command, cwd=cwd, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with one commit, which holds app/main.py; the working directory."""
    folder = tmp_path / "workspace"
    (folder / "app").mkdir(parents=True)
    (folder / "app" / "main.py").write_text("one\n")
    monkeypatch.chdir(folder)
    for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"):
        monkeypatch.setenv(name, os.devnull)
    git("init", "--quiet")
    committed()
    return folder


def committed() -> None:
    git("add", "--force", ".")
    git("commit", "--quiet", "--message=x")


@pytest.fixture
def trap(tmp_path: Path) -> Path:
    """A program that leaves a file behind if it runs."""
    program = tmp_path / "trap"
    program.write_text(f"#!/bin/sh\nenv >>{tmp_path}/sprung\ncat\n")
    program.chmod(0o755)
    return program


@pytest.fixture
def sprung(tmp_path: Path) -> Callable[[], bool]:
    return (tmp_path / "sprung").exists


def everything() -> list[str]:
    """Every call of Git that a verb makes, for the folder app and for the whole."""
    checkout.head("app")
    checkout.tracked(str(Path.cwd()), ["app", ""])
    return [*checkout.differences(["app", "app/main.py"]), *checkout.differences(["."])]


def a_repository(place: Path, trap: Path, *words: str) -> None:
    """A repository with one commit at this place, whose configuration names the trap wherever Git runs a program."""
    place.mkdir(parents=True, exist_ok=True)
    git("init", "--quiet", *words, str(place))
    folder = place if words else place / ".git"
    for key in (
        "core.fsmonitor",
        "core.sshCommand",
        "core.pager",
        "filter.x.clean",
        "filter.y.process",
        "diff.external",
    ):
        git("config", "--file", str(folder / "config"), key, str(trap))
    git("config", "--file", str(folder / "config"), "filter.x.required", "true")
    git("config", "--file", str(folder / "config"), "core.hooksPath", str(trap.parent))


def test_a_bare_repository_in_the_context_is_a_folder_like_others(
    workspace: Path, tmp_path: Path, trap: Path, sprung: Callable[[], bool]
) -> None:
    """A commit can hold its files: its configuration is not read, and the commit is that of the checkout around it."""
    inner = workspace / "app"
    a_repository(tmp_path / "evil", trap)
    (tmp_path / "evil" / "main.py").write_text("one\n")
    (tmp_path / "evil" / ".gitattributes").write_text("* filter=x\n")
    for word in (["add", "."], ["commit", "--quiet", "--message=x"]):
        git(
            "-c",
            "filter.x.clean=",
            "-c",
            "filter.x.required=false",
            "-c",
            "core.fsmonitor=",
            *word,
            cwd=tmp_path / "evil",
        )
    for path in (tmp_path / "evil" / ".git").iterdir():
        path.rename(inner / path.name)
    (inner / ".gitattributes").write_text("* filter=x\n")
    (inner / "main.py").touch()
    git("config", "--file", str(inner / "config"), "core.bare", "false")
    git("config", "--file", str(inner / "config"), "core.worktree", "..")
    git("-c", "safe.bareRepository=explicit", "add", "--force", ".", cwd=workspace)
    git("commit", "--quiet", "--message=x")
    (tmp_path / "sprung").unlink(missing_ok=True)
    assert checkout.head("app") == git("rev-parse", "HEAD")
    assert everything() == []
    (inner / "main.py").write_text("two\n")
    assert checkout.differences(["app"]) == ["app/main.py"]
    assert checkout.tracked(str(inner), [""]) == ("", {})
    assert not sprung()


@pytest.mark.parametrize("where", [".", "app/nested", "app/submodule"])
def test_no_configuration_makes_git_run_a_program(
    where: str, workspace: Path, tmp_path: Path, trap: Path, sprung: Callable[[], bool]
) -> None:
    """Neither the checkout's own, nor that of a repository that something else has put into it or as a submodule."""
    (workspace / "app" / ".gitattributes").write_text("* filter=x diff=x\nz filter=y\n")
    (workspace / "app" / "z").write_text("z\n")
    committed()
    place = workspace / where
    a_repository(place, trap)
    if where != ".":
        (place / ".gitattributes").write_text("* filter=x\n")
        (place / "file").write_text("one\n")
        neutral = [
            "-c",
            "filter.x.clean=",
            "-c",
            "filter.x.required=false",
            "-c",
            "core.fsmonitor=",
            "-c",
            "core.hooksPath=",
        ]
        git(*neutral, "add", ".", cwd=place)
        git(*neutral, "commit", "--quiet", "--message=x", cwd=place)
        (place / "file").write_text("two\n")
    if where == "app/submodule":
        committed()
    (workspace / "app" / "main.py").write_text("two\n")
    (workspace / "app" / "z").write_text("zz\n")
    (tmp_path / "sprung").unlink(missing_ok=True)
    found = everything()
    checkout.differences([where])
    assert {"app/main.py", "app/z"} <= set(found)
    assert ("app/submodule/file" in found) == (where == "app/submodule")
    assert not sprung()


def test_a_link_in_the_place_of_a_submodule_leads_nowhere(workspace: Path, tmp_path: Path, trap: Path) -> None:
    """Not around in circles, and not into another repository."""
    a_repository(workspace / "app" / "submodule", trap)
    (workspace / "app" / "submodule" / "file").touch()
    git("-c", "core.fsmonitor=", "-c", "core.hooksPath=", "add", ".", cwd=workspace / "app" / "submodule")
    git("-c", "core.fsmonitor=", "-c", "core.hooksPath=", "commit", "-qm", "x", cwd=workspace / "app" / "submodule")
    committed()
    (workspace / "app" / "submodule").rename(tmp_path / "elsewhere")
    for target in (workspace, tmp_path / "elsewhere"):
        (workspace / "app" / "submodule").unlink(missing_ok=True)
        (workspace / "app" / "submodule").symlink_to(target)
        assert checkout.differences(["app"]) == ["app/submodule"]


def test_a_filter_that_git_lfs_has_installed_still_works(
    workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without it a file of Git LFS would look changed; its program comes from PATH."""
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "git-lfs").write_text('#!/bin/sh\nsed "s/^big /pointer /"\n')
    (tools / "git-lfs").chmod(0o755)
    monkeypatch.setenv("PATH", str(tools), prepend=os.pathsep)
    git("config", "filter.lfs.clean", "git-lfs clean -- %f")
    git("config", "filter.lfs.required", "true")
    (workspace / ".gitattributes").write_text("*.bin filter=lfs\n")
    (workspace / "a.bin").write_text("big file\n")
    committed()
    os.utime(workspace / "a.bin", (1, 1))
    assert checkout.differences(["."]) == []


def test_a_filter_whose_name_can_not_be_switched_off_is_a_difference(
    workspace: Path, trap: Path, sprung: Callable[[], bool]
) -> None:
    """Git's command line ends a name at the first `=`."""
    (workspace / "app" / ".gitattributes").write_text("* filter=a=b\n")
    committed()
    git("config", "filter.a=b.clean", str(trap))
    (workspace / "app" / "main.py").touch()
    assert checkout.differences(["app"]) == [f"{workspace / 'app'}: git status fails"]
    assert not sprung()


def test_a_partial_clone_fetches_nothing(
    workspace: Path, tmp_path: Path, trap: Path, sprung: Callable[[], bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the programs that its configuration or the environment names for it."""
    blob = git("rev-parse", "HEAD:app/main.py")
    (workspace / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    for key, value in {
        "core.repositoryFormatVersion": "1",
        "extensions.partialClone": "origin",
        "remote.origin.promisor": "true",
        "remote.origin.url": "ssh://localhost/x",
        "core.sshCommand": str(trap),
        "protocol.ssh.allow": "always",
        "credential.helper": str(trap),
    }.items():
        git("config", key, value)
    monkeypatch.setenv("GIT_ALLOW_PROTOCOL", "ssh")
    monkeypatch.setenv("GIT_SSH_COMMAND", str(trap))
    (workspace / "app" / "main.py").write_text("two\n")
    everything()
    git("config", "remote.origin.url", str(workspace))
    git("config", "remote.origin.uploadpack", str(trap))
    everything()
    assert not sprung()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GIT_DIR", "{other}/.git"),
        ("GIT_WORK_TREE", "{other}"),
        ("GIT_COMMON_DIR", "{other}/.git"),
        ("GIT_INDEX_FILE", "{other}/.git/index"),
        ("GIT_OBJECT_DIRECTORY", "{other}/.git/objects"),
        ("GIT_NAMESPACE", "x"),
        ("GIT_EXEC_PATH", "{other}"),
        ("GIT_TRACE", "{other}/trace"),
        ("GIT_CONFIG_PARAMETERS", "'core.worktree'='{other}'"),
        ("GIT_LITERAL_PATHSPECS", "0"),
        ("GIT_EXTERNAL_DIFF", "{other}/x"),
        ("LD_PRELOAD", "{other}/x.so"),
    ],
)
def test_a_variable_of_gits_does_not_lead_elsewhere(
    name: str, value: str, workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commit is the checkout's, whatever an earlier step has put into the environment."""
    known = git("rev-parse", "HEAD")
    other = tmp_path / "other"
    git("init", "--quiet", str(other))
    monkeypatch.setenv(name, value.format(other=other))
    (workspace / "app" / "main.py").write_text("two\n")
    assert checkout.head() == known
    assert checkout.tracked(str(workspace), [""])[0] == known
    assert checkout.differences(["app"]) == ["app/main.py"]
    assert not (other / "trace").exists()


@pytest.mark.parametrize("entry", ["{workspace}/bin", "bin", "", ".", "{tmp}/link", "{workspace}/../workspace/bin"])
def test_a_git_of_the_checkout_is_not_run(
    entry: str, workspace: Path, tmp_path: Path, sprung: Callable[[], bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However PATH leads to it: by the whole path, a relative one, none, or a link."""
    known = git("rev-parse", "HEAD")
    (workspace / "bin").mkdir()
    (tmp_path / "link").symlink_to(workspace / "bin")
    for folder in (workspace, workspace / "bin"):
        (folder / "git").write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\necho {'e' * 40}\n")
        (folder / "git").chmod(0o755)
    monkeypatch.setenv("PATH", entry.format(workspace=workspace, tmp=tmp_path), prepend=os.pathsep)
    assert checkout.head() == known
    assert not sprung()


def test_git_gets_none_of_the_jobs_credentials(
    workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It only reads files."""
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "git").write_text(f"#!/bin/sh\nenv >>{tmp_path}/seen\n")
    (tools / "git").chmod(0o755)
    monkeypatch.setenv("PATH", str(tools), prepend=os.pathsep)
    names = ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "ACTIONS_RUNTIME_TOKEN", "AWS_SECRET_ACCESS_KEY", "MY_TOKEN", "INPUT_X")
    for name in names:
        monkeypatch.setenv(name, "hunter2")
    everything()
    seen = (tmp_path / "seen").read_text()
    assert "HOME=" in seen
    assert "hunter2" not in seen
