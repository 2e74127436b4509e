"""`ecs-cd local` without an engine: the copy that a workflow runs in, what is missing, what a release has of it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from dev import host
from dev.workflows import commit, git
from ecs_cd.local import machine, ministack, place, placeholder, repository, up
from ecs_cd.local.world import Options
from ecs_cd.model.errors import Refused
from tests.contract.parts import ROOT

ORIGIN = "git@github.com:org/my-app.git"


def command(
    *arguments: str, cwd: Path, env: Mapping[str, str] | None = None, python: str = sys.executable
) -> tuple[int, str, str]:
    """Runs the command line: its exit code, its output, and its errors."""
    whole = [python, *host.ecs_cd(*arguments)[1:]]
    done = subprocess.run(
        whole, cwd=cwd, env={**os.environ, **(env or {})}, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout, done.stderr


# ---- the copy ----


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A repository with one commit, an origin, and a hook that would stop every other commit."""
    found = tmp_path / "my-app"
    found.mkdir()
    git(found, "init", "--quiet", "--initial-branch", "trunk")
    git(found, "remote", "add", "origin", ORIGIN)
    (found / "kept.txt").write_text("kept\n")
    (found / "gone.txt").write_text("gone\n")
    (found / "run.sh").write_text("#!/bin/sh\n")
    (found / "run.sh").chmod(0o755)
    (found / ".gitignore").write_text("*.log\n")
    commit(found, "first")
    for hook in ("pre-commit", "reference-transaction", "post-checkout"):
        (found / ".git" / "hooks" / hook).write_text("#!/bin/sh\nexit 1\n")
        (found / ".git" / "hooks" / hook).chmod(0o755)
    return found


def test_a_clean_tree_runs_as_its_own_commit(repo: Path, tmp_path: Path) -> None:
    """Branch, origin and commit are the repository's."""
    copy = repository.snapshot(repo, tmp_path / "copy", {})
    assert (copy.head, copy.sha, copy.changed) == (git(repo, "rev-parse", "HEAD"),) * 2 + (0,)
    assert git(copy.folder, "symbolic-ref", "HEAD") == "refs/heads/trunk"
    assert git(copy.folder, "remote", "get-url", "origin") == ORIGIN
    assert not git(copy.folder, "status", "--porcelain")


def test_what_is_not_committed_is_in_the_copys_commit(repo: Path, tmp_path: Path) -> None:
    """Changed, staged, new and deleted files; not what Git ignores. The repository stays as it is, to the byte."""
    (repo / "kept.txt").write_text("changed\n")
    (repo / "gone.txt").unlink()
    (repo / "staged.txt").write_text("staged\n")
    git(repo, "add", "staged.txt")
    (repo / "new.txt").write_text("new\n")
    (repo / "noise.log").write_text("noise\n")
    (repo / "mine.tmp").write_text("mine\n")
    (repo / ".git" / "info" / "exclude").write_text("*.tmp\n")
    before = {path: path.read_bytes() for path in repo.rglob("*") if path.is_file()}
    copy = repository.snapshot(repo, tmp_path / "copy", {"local/document.json": "{}\n"})
    assert copy.changed == 5
    assert git(copy.folder, "rev-parse", "HEAD") == copy.sha != copy.head == git(copy.folder, "rev-parse", "HEAD^")
    assert not git(copy.folder, "status", "--porcelain")
    names = {path.name for path in copy.folder.iterdir()}
    assert names == {".git", ".gitignore", "kept.txt", "run.sh", "staged.txt", "new.txt", "local"}
    assert (copy.folder / "kept.txt").read_text() == "changed\n"
    assert (copy.folder / "local" / "document.json").read_text() == "{}\n"
    assert os.access(copy.folder / "run.sh", os.X_OK)
    assert {path: path.read_bytes() for path in repo.rglob("*") if path.is_file()} == before


def test_the_same_content_is_the_same_commit(repo: Path, tmp_path: Path) -> None:
    """So an image that was built for it is found again."""
    (repo / "new.txt").write_text("new\n")
    first, again = (repository.snapshot(repo, tmp_path / name, {}) for name in ("first", "again"))
    assert first.sha == again.sha
    assert repository.snapshot(repo, tmp_path / "other", {"new.txt": "other\n"}).sha != first.sha


def test_a_worktree_and_a_repository_without_an_origin_do_as_well(repo: Path, tmp_path: Path) -> None:
    """Git knows the index's path; act needs any name for the repository."""
    git(repo, "remote", "remove", "origin")
    (repo / ".git" / "hooks" / "reference-transaction").unlink()
    (repo / ".git" / "hooks" / "post-checkout").unlink()
    git(repo, "worktree", "add", "--quiet", str(tmp_path / "tree"), "-b", "other")
    (tmp_path / "tree" / "new.txt").write_text("new\n")
    copy = repository.snapshot(repository.root(tmp_path / "tree"), tmp_path / "copy", {})
    assert copy.changed == 1
    assert git(copy.folder, "symbolic-ref", "HEAD") == "refs/heads/other"
    assert git(copy.folder, "remote", "get-url", "origin") == "https://github.com/local/tree.git"


def test_without_a_repository_or_a_commit_it_is_refused(tmp_path: Path) -> None:
    """With the folder's name."""
    with pytest.raises(Refused, match="is not in a Git repository"):
        repository.root(tmp_path)
    git(tmp_path, "init", "--quiet")
    with pytest.raises(Refused, match="has no commit yet"):
        repository.snapshot(tmp_path, tmp_path / "copy", {})


def test_in_a_hook_the_copy_is_still_the_copy(repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Git tells a hook its repository by variables, and by them the copy's commit would be the original's."""
    (repo / "new.txt").write_text("new\n")
    head = git(repo, "rev-parse", "HEAD")
    for name, place_of in (("GIT_DIR", ".git"), ("GIT_WORK_TREE", "."), ("GIT_INDEX_FILE", ".git/index")):
        monkeypatch.setenv(name, str(repo / place_of))
    repository.forget_caller(os.environ)
    assert repository.snapshot(repo, tmp_path / "copy", {}).changed == 1
    assert git(repo, "rev-parse", "HEAD") == head
    assert git(repo, "status", "--porcelain") == "?? new.txt"


# ---- the image that waits ----

HERE = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine)


@pytest.mark.skipif(sys.platform != "linux" or HERE is None, reason="the program is for Linux on x86-64 and arm64")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_placeholder_waits_until_it_is_told_to_end(tmp_path: Path, number: signal.Signals) -> None:
    """It runs as it is, ends with 0, and a stop and a continuation don't end it."""
    program = tmp_path / "pause"
    program.write_bytes(placeholder.program(str(HERE)))
    program.chmod(0o755)
    with subprocess.Popen([program, "some", "arguments"]) as process:
        while "State:\tS" not in Path(f"/proc/{process.pid}/status").read_text():
            assert process.poll() is None
        os.kill(process.pid, signal.SIGSTOP)
        os.waitpid(process.pid, os.WUNTRACED)
        os.kill(process.pid, signal.SIGCONT)
        os.kill(process.pid, number)
        assert process.wait(20) == 0


@pytest.mark.parametrize(("architecture", "machine_number"), [("amd64", 62), ("arm64", 183)])
def test_the_placeholder_is_a_static_program(architecture: str, machine_number: int) -> None:
    """Readable ELF of the architecture, whose entry point is its first instruction."""
    content = placeholder.program(architecture)
    assert content[:4] == b"\x7fELF"
    assert int.from_bytes(content[18:20], "little") == machine_number
    assert int.from_bytes(content[24:32], "little") == 0x400000 + 64 + 56
    assert int.from_bytes(content[96:104], "little") == len(content)


# ---- what is missing ----


def test_all_that_is_missing_is_told_at_once(tmp_path: Path) -> None:
    """On a machine with only Python: it lists each missing tool and how to get it, and starts nothing."""
    python = str(Path(sys.executable).resolve())  # beside it there is no act and no ministack
    packages = os.pathsep.join(path for path in sys.path if path.endswith("site-packages"))
    env = {"PATH": str(tmp_path), "PYTHONPATH": packages, "XDG_STATE_HOME": str(tmp_path / "state")}
    for verb in ("up", "run"):
        code, stdout, stderr = command("local", verb, cwd=tmp_path, env=env, python=python)
        assert (code, stdout) == (2, "")
        lines = [line.removeprefix(f"ecs-cd local {verb}: ") for line in stderr.splitlines()]
        assert [line.partition(" is ")[0].partition(": ")[0] for line in lines] == [
            "git",
            "the Docker client",
            "not installed",
        ]
        assert "act, ministack: install ecs-cd's extra `local`" in stderr
    assert not (tmp_path / "state").exists()


def test_an_engine_that_does_not_answer_is_told(tmp_path: Path) -> None:
    """With another message than for a missing client or a missing build plugin."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "docker").write_text('#!/bin/sh\ntest "$1" = buildx\n')
    (folder / "docker").chmod(0o755)
    env = {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}", "DOCKER_HOST": "unix:///nowhere"}
    code, _, stderr = command("local", "up", cwd=tmp_path, env=env)
    assert code == 2
    assert "no Docker engine answers" in stderr
    assert "buildx" not in stderr
    (folder / "docker").write_text('#!/bin/sh\ntest "$1" = version\n')
    assert "docker buildx is not installed" in command("local", "up", cwd=tmp_path, env=env)[2]


def test_an_engine_that_refuses_the_user_is_told(tmp_path: Path) -> None:
    """The remedy is about the user's groups; the engine runs."""
    (tmp_path / "docker").write_text(
        "#!/bin/sh\ntest $1 = buildx && exit\n"
        "echo 'permission denied while trying to connect to the Docker daemon socket' >&2; exit 1\n"
    )
    (tmp_path / "docker").chmod(0o755)
    env = {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "XDG_STATE_HOME": str(tmp_path / "state")}
    code, _, stderr = command("local", "up", cwd=tmp_path, env=env)
    assert code == 2
    assert "the Docker engine refuses your user: sudo usermod" in stderr
    assert "no Docker engine answers" not in stderr
    assert not (tmp_path / "state").exists()


def test_the_local_codepipeline_is_for_linux(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """On macOS it is refused before anything is asked or created."""
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Refused, match="--infra: the local CodePipeline runs on Linux only"):
        up.up(Options(folder=str(tmp_path), infra="infra.json"), {}, print)


@pytest.mark.parametrize(("flags", "act"), [((), True), (("--infra", "infra.json"), False)])
def test_a_pipeline_that_a_push_starts_needs_no_act(flags: tuple[str, ...], act: bool, tmp_path: Path) -> None:
    """`up` for `push`; `run` asks for act."""
    python = str(Path(sys.executable).resolve())
    packages = os.pathsep.join(path for path in sys.path if path.endswith("site-packages"))
    env = {"PATH": str(tmp_path), "PYTHONPATH": packages, "XDG_STATE_HOME": str(tmp_path / "state")}
    code, _, stderr = command("local", "up", *flags, cwd=tmp_path, env=env, python=python)
    assert code == 2
    assert ("not installed: act, ministack:" in stderr, "not installed: ministack:" in stderr) == (act, not act)


def test_a_document_that_nobody_can_read_has_a_way_out(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message points a developer without an account to `file:`, and does not mention jobs or their inputs."""
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    folder = repo.parent / "bin"
    folder.mkdir()
    (folder / "docker").write_text("#!/bin/sh\n")
    (folder / "docker").chmod(0o755)
    workflow = "{on: push, jobs: {cd: {steps: [{uses: org/ecs-cd@v1, with: {config: /a/b}}]}}}"
    (repo / ".github" / "workflows").mkdir(parents=True)
    (repo / ".github" / "workflows" / "cd.yml").write_text(workflow)
    env = {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}", "DOCKER_HOST": "unix:///nowhere"}
    env |= {"AWS_CONFIG_FILE": os.devnull, "AWS_REGION": "", "AWS_DEFAULT_REGION": "", "XDG_STATE_HOME": str(folder)}
    for flags, problem, remedy in (
        ((), "the document /a/b can't be read from your AWS account: no AWS region is known", "--config file:PATH"),
        (("--config", "file:not-there"), "not-there can't be read: No such file or directory", ""),
    ):
        code, stdout, stderr = command("local", "up", *flags, cwd=repo, env=env)
        assert (code, stdout) == (2, "")
        assert problem in stderr
        assert remedy in stderr
        assert "job" not in stderr


# ---- the command line ----


def test_the_repository_is_that_of_the_folder(repo: Path, tmp_path: Path) -> None:
    """Not the one that a variable names; one of another user is refused, with Git's reason."""
    env = {"XDG_STATE_HOME": str(tmp_path / "state"), "GIT_DIR": str(tmp_path / "other"), "GIT_WORK_TREE": "/"}
    code, stdout, _ = command("local", "down", cwd=repo, env=env)
    assert code == 0
    assert stdout.endswith(f"nothing is up for {repo}\n")
    code, _, stderr = command("local", "down", cwd=repo, env={**env, "GIT_TEST_ASSUME_DIFFERENT_OWNER": "1"})
    assert code == 2
    assert "is not in a Git repository of yours: detected dubious ownership" in stderr


def test_a_reader_that_went_away_ends_no_work(repo: Path, tmp_path: Path) -> None:
    """`ecs-cd local run | head`, say."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as closed:
        done = subprocess.run(
            host.ecs_cd("local", "down"),
            cwd=repo,
            env={**os.environ, "XDG_STATE_HOME": str(tmp_path / "state")},
            stdout=closed,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_release_tree_says_where_local_is(tmp_path: Path) -> None:
    """It does not hold what no runner needs."""
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("local", "__pycache__"))
    script = f"import sys; sys.path.insert(0, {str(tmp_path / 'src')!r}); from ecs_cd.cli import entry; entry()"
    done = subprocess.run(
        [sys.executable, "-c", script, "local", "up"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "pip install '.[local]' in a checkout" in done.stderr


def test_help_tells_the_verbs_and_their_flags(tmp_path: Path) -> None:
    """`ecs-cd --help` lists `local`; each of its verbs says what it does."""
    assert "local" in command("--help", cwd=tmp_path)[1]
    for verb, flag in (("up", "--templates"), ("run", "--event-file"), ("down", "--help")):
        code, stdout, _ = command("local", verb, "--help", cwd=tmp_path)
        assert code == 0
        assert flag in stdout


def test_each_folder_has_a_place_of_its_own(tmp_path: Path) -> None:
    """In XDG_STATE_HOME, else in ~/.local/state; two repositories of the same name don't meet."""
    first, second = Path("/a/my-app"), Path("/b/my-app")
    assert place.folder(first, {"XDG_STATE_HOME": "/s"}).parent == Path("/s/ecs-cd")
    assert place.folder(first, {"HOME": "/h"}).parent == Path("/h/.local/state/ecs-cd")
    assert place.folder(first, {"HOME": "/h"}) != place.folder(second, {"HOME": "/h"})


def test_a_recorded_process_that_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    """After a restart its number may belong to another process; the lock is free, so nothing is stopped."""
    with subprocess.Popen(["sleep", "60"]) as process:
        (tmp_path / "ministack.json").write_text(
            f'{{"name": "n", "port": 1, "region": "r", "account": "1", "pid": {process.pid}}}'
        )
        (tmp_path / "ministack.lock").touch()
        assert ministack.running(tmp_path) is None
        ministack.kill(tmp_path)
        assert process.poll() is None
        process.kill()


@pytest.mark.parametrize("text", ["{", "[]", '{"of": "another version"}'])
def test_a_record_that_is_another_is_no_defect(tmp_path: Path, text: str) -> None:
    """If `up` did not finish its record, it runs again; without a process id nothing can be stopped, and the log says so."""
    (tmp_path / "stack.json").write_text(text)
    assert place.load(tmp_path) is None
    (tmp_path / "ministack.json").write_text(text)
    with pytest.raises(machine.LocalError, match=r"ministack\.json was not written by this version of ecs-cd"):
        ministack.recorded(tmp_path)
