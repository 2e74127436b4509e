"""ecs_cd.local.tree: where the actions of a run come from. Git is real, and takes a folder for GitHub."""

from __future__ import annotations

from pathlib import Path

import pytest

from dev.workflows import commit, git
from ecs_cd.local import tree
from ecs_cd.model.errors import Refused
from ecs_cd.model.owner import ACTION, OWNER
from tests.rules.local.workflows import read

INSTALLS = """\
#!/bin/sh
test -z "$RUNNER_TEMP" || exit 1
mkdir -p "$XDG_CACHE_HOME/ecs-cd/dependencies-1"
echo installed >>"$XDG_CACHE_HOME/log"
"""


@pytest.fixture
def github(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in the place of https://github.com, with ecs-cd: a tag v1, a branch main."""
    repo = tmp_path / "github" / ACTION
    repo.mkdir(parents=True)
    git(repo, "init", "--quiet", "--initial-branch", "main")
    commit(repo, "first")
    git(repo, "tag", "v1")
    for name, value in (
        ("COUNT", "1"),
        ("KEY_0", f"url.{tmp_path}/github/.insteadOf"),
        ("VALUE_0", "https://github.com/"),
    ):
        monkeypatch.setenv(f"GIT_CONFIG_{name}", value)
    return repo


@pytest.mark.parametrize(
    "name", [f"{ACTION}@v1", f"{ACTION}@main", f"{ACTION}@0123456789abcdef0123456789abcdef01234567"]
)
@pytest.mark.parametrize("token", ["", "s3cret"])
def test_an_action_that_github_has_is_no_problem(github: Path, name: str, token: str) -> None:
    """A tag, a branch; of a commit only the repository is known. With a token and without."""
    tree.require([name], token)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (f"{ACTION}@v2", f"{ACTION}@v2 can't be fetched from https://github.com: it has no tag or branch v2"),
        (f"{ACTION}@irs/heads/main", "it has no tag or branch irs/heads/main"),
        (f"{OWNER}/other@v1", f"{OWNER}/other@v1 can't be fetched from https://github.com: "),
    ],
)
def test_an_action_that_github_does_not_have_is_refused(github: Path, name: str, words: str) -> None:
    """All at once, with the flag that does without GitHub."""
    with pytest.raises(Refused) as refused:
        tree.require([f"{ACTION}@v1", name], "s3cret")
    assert words in refused.value.problems[0]
    assert len(refused.value.problems) == 1
    assert refused.value.remedy == "--tree DIR uses a checkout or a release of ecs-cd instead."
    assert "s3cret" not in str(refused.value)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout as `local run` sees it, whose `bin/ecs-cd` records that it installs."""
    folder = tmp_path / "checkout"
    for name in ("actions", "src", "requirements", "bin", ".github/workflows"):
        (folder / name).mkdir(parents=True)
    for name in ("build-push", "images", "migrate", "deploy", "hand-off"):
        (folder / name).symlink_to("actions")
    (folder / "action.yml").write_text("name: x")
    (folder / ".github/workflows/pipeline.yml").write_text("on: push\njobs: {}\n")
    (folder / "requirements/runtime.txt").write_text("a==1\n")
    (folder / "bin/ecs-cd").write_text(INSTALLS)
    return folder


def test_a_checkout_installs_its_dependencies_once(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And again when they change. Each run gets them as the folder `dist` of its copy, as a release has it."""
    monkeypatch.setenv("RUNNER_TEMP", str(tmp_path))
    environ = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    said: list[str] = []
    for number, lock in enumerate(("a==1\n", "a==1\n", "a==2\n", "a==1\n")):
        (checkout / "requirements/runtime.txt").write_text(lock)
        found = tree.replaced(
            read(f"{{uses: {ACTION}/deploy@v1}}"), str(checkout), tmp_path / str(number), environ, said.append
        )
        assert found == {f"{ACTION}@v1": tmp_path / str(number)}
        assert (found[f"{ACTION}@v1"] / "dist").is_dir()
        assert (found[f"{ACTION}@v1"] / "deploy").is_symlink()
    assert said == ["installing the dependencies of ecs-cd's checkout, once"] * 2
    assert not (checkout / "dist").exists()


def test_a_release_is_used_as_it_is(checkout: Path, tmp_path: Path) -> None:
    """Nothing is copied and nothing installed. A workflow without ecs-cd needs no tree."""
    (checkout / "dist").mkdir()
    steps = f"{{uses: {ACTION}@v1}}, {{uses: aws-actions/amazon-ecr-login@v2}}"
    found = tree.replaced(read(steps), str(checkout), tmp_path / "copy", {}, print)
    assert found[f"{ACTION}@v1"] == checkout
    assert (found["aws-actions/amazon-ecr-login@v2"] / "action.yml").is_file()
    assert tree.replaced(read("{run: 'true'}"), str(checkout), tmp_path / "copy", {}, print) == {}
    with pytest.raises(Refused, match="is not a tree of ecs-cd"):
        tree.replaced(read(steps), str(tmp_path), tmp_path / "copy", {}, print)
