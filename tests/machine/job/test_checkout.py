"""The checkout: which commit is meant, and what differs from it; with the real git."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from ecs_cd.aws.session import Aws
from ecs_cd.ci.run import identify
from ecs_cd.ci.terminal import Terminal
from ecs_cd.job import checkout, state
from ecs_cd.job.job import Job
from ecs_cd.model.references import Tracked
from tests.scripted_aws import Clock

INPUT, EVENT = "a" * 40, "b" * 40


def git(*words: str) -> str:
    command = ["git", "-c", "user.name=x", "-c", "user.email=x@example.com", "-c", "commit.gpgsign=false", *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one commit: app/, lib/ and a .gitignore; the current folder."""
    folder = tmp_path / "workspace"
    for path in ("app/Dockerfile", "app/main.py", "lib/x.py"):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text("one\n")
    (folder / ".gitignore").write_text("generated/\n")
    monkeypatch.chdir(folder)
    for name, value in (("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_CONFIG_SYSTEM", "/dev/null")):
        monkeypatch.setenv(name, value)
    git("init", "--quiet")
    git("add", ".")
    git("commit", "--quiet", "--message=one")
    return folder


def commit(given: str, tmp_path: Path, **environ: str) -> str:
    environ = {"RUNNER_TEMP": str(tmp_path), **environ}
    return checkout.commit(
        given,
        Job(
            environ, identify(environ), Terminal(), Aws(environ, "r"), Clock(), state.State(environ, identify(environ))
        ),
    )


# ---- which commit ----


def test_head_is_the_commit_of_the_checkout(workspace: Path) -> None:
    """Also in a folder below, and detached, as actions/checkout leaves it."""
    first = git("rev-parse", "HEAD")
    assert checkout.head() == first
    git("commit", "--quiet", "--allow-empty", "--message=two")
    git("checkout", "--quiet", "--detach", first)
    assert checkout.head() == first


def test_without_a_checkout_there_is_no_head(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No repository, and one without a commit."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert checkout.head() == ""
    git("init", "--quiet")
    assert checkout.head() == ""


def test_without_git_there_is_no_head(workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bare container job; GITHUB_SHA has to do."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert checkout.head() == ""
    assert checkout.differences(["."]) == []
    assert commit("", tmp_path, GITHUB_SHA=EVENT) == EVENT


def test_the_input_beats_head_and_head_the_event(
    workspace: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The log mentions a difference, because it is seldom intended."""
    head = git("rev-parse", "HEAD")
    table = [
        (INPUT, {}, INPUT, f"commit: {INPUT} (the input sha; HEAD of the checkout is {head})"),
        (INPUT, {"GITHUB_SHA": EVENT}, INPUT, f"the input sha; HEAD of the checkout is {head}; GITHUB_SHA is {EVENT})"),
        (head, {"GITHUB_SHA": head}, head, f"commit: {head} (the input sha)"),
        ("", {}, head, f"commit: {head} (HEAD of the checkout)"),
        ("", {"GITHUB_SHA": head}, head, f"commit: {head} (HEAD of the checkout)"),
        ("", {"GITHUB_SHA": EVENT}, head, f"commit: {head} (HEAD of the checkout; GITHUB_SHA is {EVENT})"),
        ("", {"GITHUB_SHA": "no commit"}, head, f"commit: {head} (HEAD of the checkout)"),
    ]
    for given, environ, chosen, words in table:
        assert commit(given, tmp_path, **environ) == chosen
        assert words in capsys.readouterr().out


def test_without_a_checkout_it_is_the_event_or_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A deploy job needs no checkout."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert commit("", tmp_path, GITHUB_SHA=EVENT) == EVENT
    assert capsys.readouterr().out == f"commit: {EVENT} (GITHUB_SHA)\n"
    assert commit("", tmp_path) == ""
    assert capsys.readouterr().out == ""


# ---- what differs ----


def test_a_clean_checkout_differs_in_nothing(workspace: Path) -> None:
    """Ignored files do not count: an earlier step may generate them."""
    (workspace / "generated").mkdir()
    (workspace / "generated" / "x").write_text("x")
    assert checkout.differences(["."]) == []
    assert checkout.differences(["generated"]) == []


@pytest.mark.parametrize(
    ("path", "content", "differing"),
    [
        ("app/main.py", "two\n", ["app/main.py"]),
        ("app/main.py", None, ["app/main.py"]),
        ("app/new.py", "", ["app/new.py"]),
        ("app/new/deep/x", "", ["app/new/deep/x"]),
        ("app/a b ü\n.py", "", ["app/a b ü\n.py"]),
        ("lib/x.py", "two\n", []),
        ("new.py", "", []),
    ],
)
def test_only_what_the_build_can_see_counts(
    path: str, content: str | None, differing: list[str], workspace: Path
) -> None:
    """Changed, deleted, untracked; inside the context alone, by its own name."""
    file = workspace / path
    file.parent.mkdir(parents=True, exist_ok=True)
    if content is None:
        file.unlink()
    else:
        file.write_text(content)
    assert checkout.differences(["app"]) == differing
    assert checkout.differences(["."]) == [path]
    assert checkout.differences(["app", "lib"]) == [path] * (path != "new.py")


def test_what_is_staged_or_renamed_differs_as_well(workspace: Path) -> None:
    """A renamed file under both names: one is missing, one is new."""
    git("mv", "app/main.py", "app/other.py")
    assert sorted(checkout.differences(["app"])) == ["app/main.py", "app/other.py"]


def test_a_dockerfile_outside_of_the_context_counts(workspace: Path) -> None:
    """The input `file` is what the build reads, too."""
    (workspace / "lib" / "x.py").write_text("two\n")
    assert checkout.differences(["app", "lib/x.py"]) == ["lib/x.py"]


def test_the_checkouts_own_programs_are_not_run(workspace: Path, tmp_path: Path) -> None:
    """A repository can name an fsmonitor; asking for the state of the tree must not start it."""
    trap = tmp_path / "trap"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\n")
    trap.chmod(0o755)
    git("config", "core.fsmonitor", str(trap))
    assert checkout.differences(["."]) == []
    assert not (tmp_path / "sprung").exists()


def test_the_index_is_not_written(workspace: Path) -> None:
    """Another step may hold its lock."""
    (workspace / "app" / "main.py").touch()
    (workspace / ".git" / "index.lock").touch()
    (workspace / "app" / "new.py").touch()
    assert checkout.differences(["."]) == ["app/new.py"]


def test_a_dockerfile_outside_of_the_checkout_hides_nothing(workspace: Path, tmp_path: Path) -> None:
    """git status refuses a path outside of the repository; what it says of the rest must not get lost."""
    (workspace / "app" / "main.py").write_text("two\n")
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    found = checkout.differences(["app", str(tmp_path / "Dockerfile")])
    assert found == [str(tmp_path / "Dockerfile"), "app/main.py"]


def test_a_context_outside_of_the_checkout_is_never_the_commits(workspace: Path, tmp_path: Path) -> None:
    """Nothing of it is in the commit."""
    (tmp_path / "context").mkdir()
    assert checkout.differences([str(tmp_path / "context")]) == [str(tmp_path / "context")]


def test_a_name_that_is_not_utf8_is_a_difference_like_others(workspace: Path) -> None:
    """Git's paths are bytes."""
    Path(os.fsdecode(b"app/caf\xe9")).touch()
    assert len(checkout.differences(["app"])) == 1


def test_a_path_that_is_not_there_is_not_the_whole_repository(workspace: Path) -> None:
    """Its absence is another check's business."""
    (workspace / "new").touch()
    assert checkout.differences(["nope"]) == []


def test_a_path_is_no_pathspec(workspace: Path) -> None:
    """Git would read `:(exclude)` as magic."""
    (workspace / ":(exclude)app").mkdir()
    (workspace / ":(exclude)app" / "x").touch()
    assert checkout.differences([":(exclude)app"]) == [":(exclude)app/x"]


def test_a_context_behind_a_link_is_looked_into(workspace: Path) -> None:
    """The build sees what is behind it."""
    (workspace / "link").symlink_to("app")
    git("add", ".")
    git("commit", "-q", "-m", "x")
    (workspace / "app" / "main.py").write_text("2")
    assert checkout.differences(["link"]) == ["app/main.py"]


def test_the_checkout_around_the_context_is_the_one_that_counts(
    workspace: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """actions/checkout with `path` puts it into a folder of a workspace that is not a checkout itself."""
    place = str(workspace)
    known = checkout.head()
    (workspace / "app" / "main.py").write_text("two\n")
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    assert checkout.head() == ""
    assert checkout.head(place) == known
    assert checkout.differences([place]) == ["app/main.py"]


# ---- what is in the commit ----


def tracked(*paths: str) -> dict[str, Tracked]:
    commit, files = checkout.tracked(str(Path.cwd()), paths)
    assert commit == git("rev-parse", "HEAD")
    return files


def test_what_the_commit_has_at_these_paths_and_below(workspace: Path) -> None:
    """With type, blob and size; a missing path has no entries."""
    (workspace / "app" / "link").symlink_to("main.py")
    (workspace / "app" / "run").write_text("run")
    (workspace / "app" / "run").chmod(0o755)
    git("add", ".")
    git("commit", "--quiet", "--message=x")
    blob = git("hash-object", "app/main.py")
    assert tracked("app", "nope", ".gitignore") == {
        ".gitignore": Tracked("100644", git("hash-object", ".gitignore"), 11),
        "app/Dockerfile": Tracked("100644", blob, 4),
        "app/link": Tracked("120000", git("rev-parse", "HEAD:app/link"), 7),
        "app/main.py": Tracked("100644", blob, 4),
        "app/run": Tracked("100755", git("hash-object", "app/run"), 3),
    }
    assert set(tracked("lib/x.py")) == {"lib/x.py"}
    assert set(tracked("app", "")) == {
        ".gitignore",
        "lib/x.py",
        *(f"app/{x}" for x in ("Dockerfile", "link", "main.py", "run")),
    }


def test_what_is_not_as_in_the_commit_is_marked(workspace: Path) -> None:
    """Changed, staged, deleted, or excluded from Git's checks by a flag."""
    for name in "abcde":
        (workspace / "app" / name).write_text("one")
    git("add", ".")
    git("commit", "--quiet", "--message=x")
    git("update-index", "--assume-unchanged", "app/d")
    git("update-index", "--skip-worktree", "app/e")
    for name in "abde":
        (workspace / "app" / name).write_text("two")
    git("add", "app/b")
    (workspace / "app" / "c").unlink()
    (workspace / "app" / "new").touch()
    found = tracked("app")
    assert {name for name, path in found.items() if path.changed} == {"app/a", "app/b", "app/c"}
    assert {name for name, path in found.items() if path.hidden} == {"app/d", "app/e"}
    assert "app/new" not in found


def test_how_git_converts_a_file_is_told(workspace: Path) -> None:
    """By any .gitattributes above it; an unset attribute does not count."""
    (workspace / ".gitattributes").write_text("*.py filter=lfs\nDockerfile working-tree-encoding=UTF-8\n")
    (workspace / "lib" / ".gitattributes").write_text("x.py -filter\n")
    (workspace / "app" / ".gitattributes").write_text("main.py ident\nDockerfile -ident\n")
    found = tracked("")
    assert {name: path.filter for name, path in found.items() if path.filter} == {"app/main.py": "lfs"}
    assert {name: path.encoding for name, path in found.items() if path.encoding} == {"app/Dockerfile": "UTF-8"}
    assert [name for name, path in found.items() if path.ident] == ["app/main.py"]


def test_a_submodule_is_told_by_its_mode(workspace: Path, tmp_path: Path) -> None:
    """It is not looked into."""
    git("clone", "--quiet", ".", str(tmp_path / "library"))
    git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(tmp_path / "library"), "app/vendor")
    git("commit", "--quiet", "--message=x")
    assert tracked("app/vendor") == {"app/vendor": Tracked("160000", git("-C", "app/vendor", "rev-parse", "HEAD"), 0)}


def test_any_name_of_a_file_is_itself(workspace: Path) -> None:
    """Git's paths are bytes, and may look like options and patterns."""
    names = ["-x", "--y", "a b", "ü", "*", ":(exclude)z", "new\nline", "tab\t", os.fsdecode(b"caf\xe9")]
    for name in names:
        (workspace / "app" / name).write_text("one")
        (workspace / name).write_text("one")
    git("add", ".")
    git("commit", "--quiet", "--message=x")
    assert {f"app/{name}" for name in names} < set(tracked("app"))
    for name in names:
        assert set(tracked(name)) == {name}
    (workspace / "*").write_text("two")
    assert [name for name, path in tracked("").items() if path.changed] == ["*"]


def test_what_git_does_not_answer_for_is_empty(
    workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that is not the top of a checkout, one without a commit, no git."""
    (tmp_path / "fresh").mkdir()
    git("init", "--quiet", str(tmp_path / "fresh"))
    for place in (workspace / "app", tmp_path / "fresh", tmp_path / "nope"):
        assert checkout.tracked(str(place), [""]) == ("", {})
    monkeypatch.setenv("PATH", str(tmp_path))
    assert checkout.tracked(str(workspace), [""]) == ("", {})
