"""A release: what its version implies, and real tags in a bare repository that stands for GitHub."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sysconfig
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from dev import bytecode, release, versions
from dev.release import announce, archive, check, move, publish
from dev.versions import Refusal, is_latest, moving_tags, parse, section
from ecs_cd.local import machine
from ecs_cd.local.machine import LocalError
from tests.contract import fake_gh
from tests.contract.parts import ROOT

REPOSITORY = "octo/ecs-cd"
WORKFLOW = (ROOT / ".github" / "workflows" / "release.yml").read_text(encoding="utf-8")


# What a version implies


@pytest.mark.parametrize("text", ["0.1.0", "1.2.0", "10.20.30", "1.3.0-rc.1", "1.0.0-alpha", "1.0.0-x-y.7", "1.0.0-0a"])
def test_a_version_by_semver_is_read(text: str) -> None:
    """And is written as it was."""
    assert str(parse(text)) == text


@pytest.mark.parametrize(
    "text", ["", "1", "1.2", "v1.2.0", "1.2.0.0", "01.2.0", "1.2.0-", "1.2.0-rc.01", "1.2.0-rc..1", "1.2.0+build", " 1.2.0", "1.2.0\n", "1.2.x", "\u0661.2.0", "1.02.3", "1.2.0\r"]
)  # fmt: skip
def test_anything_else_is_refused(text: str) -> None:
    """Build metadata, too: two versions that differ in it alone have no order."""
    with pytest.raises(Refusal, match="is not a version that can be released"):
        parse(text)


def test_versions_are_in_the_order_of_semver() -> None:
    """The examples of SemVer 2.0.0, section 11, and numbers compared as numbers."""
    order = [
        "0.9.9", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11",
        "1.0.0-rc.1", "1.0.0", "1.0.1", "1.9.0", "1.10.0", "2.0.0",
    ]  # fmt: skip
    assert [str(version) for version in sorted(parse(text) for text in reversed(order))] == order


@pytest.mark.parametrize(
    ("version", "others", "tags", "latest"),
    [
        ("1.0.0", [], ["v1", "v1.0"], True),
        ("1.2.0", ["1.1.0", "1.1.4"], ["v1", "v1.2"], True),
        ("1.1.5", ["1.1.4", "1.2.0"], ["v1.1"], False),
        ("1.1.3", ["1.1.4", "1.2.0"], [], False),
        ("1.9.1", ["1.9.0", "2.0.0"], ["v1", "v1.9"], False),
        ("1.10.0", ["1.9.0"], ["v1", "v1.10"], True),
        ("2.0.0", ["1.9.0"], ["v2", "v2.0"], True),
        ("1.2.0", ["1.2.0"], ["v1", "v1.2"], True),  # the same once more
        ("1.2.0", ["1.2.0", "1.2.1"], [], False),
        ("1.2.0", ["1.3.0-rc.1"], ["v1", "v1.2"], True),
        ("1.3.0-rc.1", [], [], False),
        ("1.3.0", ["1.3.0-rc.1"], ["v1", "v1.3"], True),
    ],
)  # fmt: skip
def test_a_tag_moves_to_the_newest_version_that_it_may_name(
    version: str, others: list[str], tags: list[str], latest: bool
) -> None:
    """Never backwards, never to a pre-release; what GitHub calls the latest is the newest of all."""
    there = [parse(text) for text in others]
    assert list(moving_tags(parse(version), there)) == tags
    assert is_latest(parse(version), there) == latest


def test_versions_are_told_from_other_tags() -> None:
    """Moving tags and other people's tags are not releases."""
    tags = ["v1", "v1.2", "v1.2.0", "1.2.1", "v1.3.0-rc.1", "vote", "v2.0.0.0"]
    assert [str(version) for version in versions.released(tags)] == ["1.2.0", "1.3.0-rc.1"]


CHANGELOG = """# Changelog

## [Unreleased]

## [1.2.0] - 2026-11-25

### Added

- One line
  and another.

## [1.1.0]

- Without a date.

[a]: https://example.com/in-the-middle

```yaml
## [1.0.9] is no heading here
[b]: https://example.com/no-link-here
```

## [1.0.1] - 2026-01-02

### Fixed

## [1.0.0] - 2026-01-01
- The first.

[1.2.0]: https://example.com/compare
"""


@pytest.mark.parametrize(
    ("version", "text"),
    [
        ("1.2.0", "### Added\n\n- One line\n  and another.\n"),
        (
            "1.1.0",
            "- Without a date.\n\n[a]: https://example.com/in-the-middle\n\n"
            "```yaml\n## [1.0.9] is no heading here\n[b]: https://example.com/no-link-here\n```\n",
        ),
        ("1.0.0", "- The first.\n"),
    ],
)
def test_the_notes_are_the_changelogs_section(version: str, text: str) -> None:
    """Without its heading, without the links at the end of the file."""
    assert section(CHANGELOG, parse(version)) == text


@pytest.mark.parametrize(
    ("version", "message"),
    [("1.2.1", "no section"), ("1.2.0-rc.1", "no section"), ("11.2.0", "no section"), ("1.0.1", "no entry")],
)
def test_a_version_without_notes_is_refused(version: str, message: str) -> None:
    """Headings alone tell nothing."""
    with pytest.raises(Refusal, match=f"CHANGELOG.md .*{message}"):
        section(CHANGELOG, parse(version))


# Real tags


@dataclass(frozen=True)
class Project:
    """A clone of the sources, and the bare repository that it came from."""

    repo: Path
    remote: Path
    scratch: Path

    def git(self, *arguments: str | Path, repo: Path | None = None) -> str:
        alone = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        who = {f"GIT_{role}_{key}": "d@example.com" for role in ("AUTHOR", "COMMITTER") for key in ("NAME", "EMAIL")}
        return machine.run(["git", "-C", repo or self.repo, *arguments], env={**alone, **who}).stdout.strip()

    def commit(self, version: str, *, in_code: str = "", notes: str = "- Something.", push: bool = True) -> str:
        """A commit that calls itself this version, on main."""
        write(self.repo / "pyproject.toml", f'[project]\nname = "ecs-cd"\nversion = "{version}"\n')
        write(self.repo / "src/ecs_cd/__init__.py", f'__version__ = "{in_code or version}"\n')
        write(self.repo / "CHANGELOG.md", f"# Changelog\n\n## [{version}] - 2026-11-25\n\n{notes}\n")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", version)
        if push:
            self.git("push", "--quiet", "origin", "HEAD:main")
        return self.git("rev-parse", "HEAD")

    def tree(self, version: str, *, readme: str = "") -> Path:
        """A release tree whose dependencies are those of this environment."""
        tree = self.scratch / f"tree-{len(list(self.scratch.iterdir()))}"
        for name in ("bin", "src", "actions"):
            shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
        write(tree / "src/ecs_cd/__init__.py", f'__version__ = "{version}"\n')
        compiled(tree)
        write(tree / "README.md", readme)
        write(tree / "dos.txt", "one\r\n")
        write(tree / ".gitignore", "*.pyc\n")
        write(tree / ".github/workflows/pipeline.yml", PIPELINE)
        (tree / "deploy").symlink_to("actions/deploy")
        (tree / "dist").symlink_to(sysconfig.get_path("purelib"))
        return tree

    def pack(self, version: str, *, readme: str = "") -> tuple[Path, str]:
        """The archive of such a tree, and its digest."""
        place = self.scratch / f"{len(list(self.scratch.iterdir()))}.tar.gz"
        return place, archive(parse(version), self.tree(version, readme=readme), REPOSITORY, place)

    def publish(self, version: str, *, readme: str = "") -> str:
        """Push the version's tag for what is checked out."""
        tested = self.git("rev-parse", "HEAD")
        return publish(parse(version), tested, *self.pack(version, readme=readme), repo=self.repo)

    def release(self, version: str) -> str:
        """A commit and its release, to the end."""
        self.commit(version)
        commit = self.publish(version)
        move(parse(version), self.repo)
        return commit

    def tags(self) -> dict[str, str]:
        """Each tag of the remote, and the commit behind it."""
        form = "%(refname:short) %(if)%(*objectname)%(then)%(*objectname)%(else)%(objectname)%(end)"
        lines = self.git("for-each-ref", "--format", form, "refs/tags", repo=self.remote).splitlines()
        return dict(line.split() for line in lines)


PIPELINE = """# uses: org/ecs-cd/.github/workflows/pipeline.yml@v1
jobs:
  build:
    steps:
      - uses: actions/checkout@v5
      - uses: org/ecs-cd/images@v1
      - id: cd
        uses: org/ecs-cd@v1
"""
PINNED = """# uses: org/ecs-cd/.github/workflows/pipeline.yml@v1
jobs:
  build:
    steps:
      - uses: actions/checkout@v5
      - uses: octo/ecs-cd/images@v1.0.0
      - id: cd
        uses: octo/ecs-cd@v1.0.0
"""


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())


def compiled(tree: Path, *lacking: str) -> None:
    """What says that a tree has bytecode."""
    for version in {"312", "314"} - set(lacking):
        write(tree / f"src/__pycache__/x.cpython-{version}.pyc", "")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = Project(tmp_path / "ecs-cd", tmp_path / "remote.git", tmp_path / "scratch")
    project.scratch.mkdir()
    machine.run(["git", "init", "--quiet", "--bare", "--initial-branch", "main", project.remote])
    machine.run(["git", "clone", "--quiet", project.remote, project.repo])
    return project


def test_the_first_release(project: Project) -> None:
    """vX.Y.Z is annotated, its commit follows the tested one, and the tags that move name it."""
    tested = project.commit("1.0.0")
    commit = project.publish("1.0.0")
    assert project.tags() == {"v1.0.0": commit}
    assert move(parse("1.0.0"), project.repo) == ("v1", "v1.0")
    assert project.tags() == dict.fromkeys(("v1.0.0", "v1.0", "v1"), commit)
    assert project.git("rev-parse", f"{commit}^", repo=project.remote) == tested
    assert project.git("cat-file", "-t", "v1.0.0", repo=project.remote) == "tag"
    assert project.git("rev-parse", "main", repo=project.remote) == tested
    assert set(release.remote_tags(project.repo, "origin")) == set(project.tags())
    assert project.git("status", "--porcelain") == ""


def test_a_release_holds_what_the_archive_holds(project: Project) -> None:
    """Name for name and byte for byte, bytecode, links and what can be run included."""
    project.commit("1.0.0")
    packed, digest = project.pack("1.0.0")
    commit = publish(parse("1.0.0"), project.git("rev-parse", "HEAD"), packed, digest, repo=project.repo)
    with tarfile.open(packed) as tar:
        assert tar.getnames() == sorted(tar.getnames(), key=Path)
    places = {name: project.scratch / name for name in ("attested", "tagged")}
    for place in places.values():
        place.mkdir()
    machine.run(["tar", "-xzf", packed, "-C", places["attested"]])
    project.git("archive", "--output", project.scratch / "tagged.tar", commit, repo=project.remote)
    machine.run(["tar", "-xf", project.scratch / "tagged.tar", "-C", places["tagged"]])
    assert subprocess.run(["diff", "-r", "--no-dereference", *places.values()], check=False).returncode == 0
    listed = [
        {str(path.relative_to(place)): os.access(path, os.X_OK) for path in place.rglob("*")}
        for place in places.values()
    ]
    assert listed[0] == listed[1]
    assert listed[0]["bin/ecs-cd"]
    assert not listed[0]["src/__pycache__/x.cpython-312.pyc"]
    assert (places["tagged"] / ".github/workflows/pipeline.yml").read_text() == PINNED


def test_what_is_cloned_by_a_tag_that_moves_runs(project: Project) -> None:
    """`uses: org/ecs-cd@v1` gets the newest release's code."""
    for version in ("1.0.0", "1.1.0"):
        project.release(version)
    clone = project.scratch / "clone"
    project.git("clone", "--quiet", "--branch", "v1", project.remote, clone)
    done = subprocess.run([clone / "bin" / "ecs-cd", "--version"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "1.1.0\n"), done.stderr


def test_later_releases(project: Project) -> None:
    """A minor version takes v1 with it, a patch of the one before only its own tag, a pre-release none."""
    first, minor = project.release("1.1.0"), project.release("1.2.0")
    assert project.tags() == {"v1.1.0": first, "v1.1": first, "v1.2.0": minor, "v1.2": minor, "v1": minor}
    patch = project.release("1.1.1")
    assert project.tags() == {
        "v1.1.0": first, "v1.1.1": patch, "v1.1": patch, "v1.2.0": minor, "v1.2": minor, "v1": minor,
    }  # fmt: skip
    before = project.tags()
    early = project.release("1.3.0-rc.1")
    assert project.tags() == {**before, "v1.3.0-rc.1": early}


@pytest.mark.parametrize("done", ["nothing", "publish", "move"])
def test_a_run_that_died_is_repeated(project: Project, done: str) -> None:
    """Wherever it was: the same commit, the same tags, also after another commit reached main."""
    tested = project.commit("1.0.0")
    packed, digest = project.pack("1.0.0")

    def publish_it() -> str:
        return publish(parse("1.0.0"), tested, packed, digest, repo=project.repo)

    if done != "nothing":
        publish_it()
    if done == "move":
        move(parse("1.0.0"), project.repo)
    before = project.git("for-each-ref", "refs/tags", repo=project.remote)
    project.commit("1.1.0")
    project.git("checkout", "--quiet", "--detach", tested)
    commit = publish_it()
    assert move(parse("1.0.0"), project.repo) == ("v1", "v1.0")
    assert project.tags() == dict.fromkeys(("v1.0.0", "v1.0", "v1"), commit)
    if done == "move":
        assert project.git("for-each-ref", "refs/tags", repo=project.remote) == before


def test_a_released_version_never_moves(project: Project) -> None:
    """Other content of the same commit, or another commit: refused, and every tag stays."""
    project.release("1.0.0")
    before = project.tags()
    with pytest.raises(Refusal, match=r"v1\.0\.0 already exists as .* it never moves"):
        project.publish("1.0.0", readme="changed")
    project.commit("1.0.0", notes="- Something else.")
    with pytest.raises(Refusal, match=r"v1\.0\.0 already exists as .* it never moves"):
        project.publish("1.0.0")
    project.git("fetch", "--quiet", "--tags", "origin")
    with pytest.raises(Refusal, match=r"v1\.0\.0 already exists and was made from another commit"):
        check(parse("1.0.0"), project.git("rev-parse", "HEAD"), project.repo)
    assert project.tags() == before


def dirty(project: Project) -> None:
    write(project.repo / "left.txt", "behind")


def off_main(project: Project) -> None:
    project.commit("1.0.0", push=False, notes="- Not merged.")


@pytest.mark.parametrize(
    ("version", "spoil", "message"),
    [
        ("1.0.0", dirty, r"working tree differs from what was tested; commit or remove:\n\?\? left.txt"),
        ("1.0.0", off_main, "is not on origin/main: merge it"),
        (
            "1.0.0",
            lambda project: project.git("update-ref", "-d", "refs/remotes/origin/main"),
            "run git fetch origin main",
        ),
        ("1.0.1", lambda project: None, "pyproject.toml says '1.0.0', not '1.0.1'"),
        ("1.0.0", lambda project: project.git("push", "--quiet", "origin", "HEAD:refs/heads/v1"), "has a branch v1"),
        ("1.0.0", lambda project: project.commit("1.0.0", in_code="0.9.0"), "__init__.py says '0.9.0', not '1.0.0'"),
        ("1.0.0", lambda project: project.commit("1.0.0", notes="### Added"), "CHANGELOG.md has no entry"),
    ],
)
def test_what_is_not_in_order_is_refused(
    project: Project, version: str, spoil: Callable[[Project], object], message: str
) -> None:
    """With the problem and the file to fix, before anything is pushed."""
    project.commit("1.0.0")
    spoil(project)
    with pytest.raises(Refusal, match=message):
        project.publish(version)
    assert project.tags() == {}


@pytest.mark.parametrize("tested", ["", "0" * 40, "HEAD", "main"])
def test_what_was_not_tested_is_refused(project: Project, tested: str) -> None:
    """The tests passed on exactly the commit that is released, named in full."""
    project.commit("1.0.0")
    with pytest.raises(Refusal, match="release the commit that was tested"):
        publish(parse("1.0.0"), tested, *project.pack("1.0.0"), repo=project.repo)
    assert project.tags() == {}


def test_an_archive_that_changed_on_its_way_is_refused(project: Project) -> None:
    """What is published has the digest that was built and attested."""
    tested = project.commit("1.0.0")
    packed, _ = project.pack("1.0.0")
    with pytest.raises(Refusal, match=r"sha256:.* was built"):
        publish(parse("1.0.0"), tested, packed, f"sha256:{'0' * 64}", repo=project.repo)
    assert project.tags() == {}


def test_a_tag_that_moves_has_something_to_name(project: Project) -> None:
    """v1 never comes before its release."""
    project.commit("1.0.0")
    with pytest.raises(Refusal, match=r"origin has no tag v1\.0\.0: publish it first"):
        move(parse("1.0.0"), project.repo)
    assert project.tags() == {}


def test_a_tag_that_somebody_moves_meanwhile_is_left_alone(project: Project) -> None:
    """Of two who looked at the same v1 only the first moves it, and of the second's tags none moves."""
    first = project.release("1.0.0")
    project.commit("1.1.0")
    second = project.publish("1.1.0")
    theirs = project.git("rev-parse", f"{second}^")
    server = project.scratch / "receive-pack"
    write(
        server, f"#!/bin/sh\ngit -C '{project.remote}' update-ref refs/tags/v1 {theirs}\nexec git-receive-pack \"$@\"\n"
    )
    server.chmod(0o755)
    project.git("config", "remote.origin.receivepack", server)
    with pytest.raises(LocalError, match=r"(?s)git -C .* push .*stale info"):
        move(parse("1.1.0"), project.repo)
    assert project.tags() == {"v1.0.0": first, "v1.0": first, "v1.1.0": second, "v1": theirs}


def test_a_tag_moves_whoever_made_it(project: Project) -> None:
    """v1 may be an annotated tag made by hand, and the caller may not have the release."""
    first = project.release("1.0.0")
    project.git("tag", "--force", "--annotate", "--message", "by hand", "v1", first, repo=project.remote)
    clone = project.scratch / "clone"
    project.git("clone", "--quiet", "--no-tags", project.remote, clone)
    project.commit("1.1.0")
    second = project.publish("1.1.0")
    assert move(parse("1.1.0"), clone) == ("v1", "v1.1")
    assert project.tags() == {"v1.0.0": first, "v1.0": first, "v1.1.0": second, "v1.1": second, "v1": second}


def test_the_same_release_is_the_same_commit_for_everybody(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two builds are equal byte for byte, whatever the clock, the umask, the folder, and git's settings say."""
    tested = project.commit("1.0.0")
    packed, digest = project.pack("1.0.0")
    commit = release.release_commit(parse("1.0.0"), tested, packed, project.repo)
    monkeypatch.setenv("GIT_AUTHOR_NAME", "Somebody")
    monkeypatch.setenv("GIT_COMMITTER_DATE", "2001-01-01T00:00:00 +0900")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "config"))
    write(tmp_path / "config", f"[core]\n\tattributesFile = {tmp_path}/attributes\n[i18n]\n\tcommitEncoding = latin1\n")
    write(tmp_path / "attributes", "* text\n")
    clone = tmp_path / "elsewhere"
    machine.run(["git", "clone", "--quiet", project.remote, clone])
    for setting in ("core.autocrlf=true", "core.fileMode=false", "i18n.commitEncoding=latin1"):
        machine.run(["git", "-C", clone, "config", *setting.split("=")])
    write(clone / ".git/info/attributes", "* text\n")
    before = os.umask(0o077)
    try:
        again = project.tree("1.0.0")
        for path in again.rglob("*"):
            os.utime(path, (1, 1), follow_symlinks=False)
        assert archive(parse("1.0.0"), again, REPOSITORY, tmp_path / "again.tar.gz") == digest
        assert release.release_commit(parse("1.0.0"), tested, tmp_path / "again.tar.gz", clone) == commit
    finally:
        os.umask(before)


def test_a_tree_without_a_workflow_of_ours_is_not_packed(project: Project) -> None:
    """Nor one that is pinned already: who pins a version would get actions of another."""
    tree = project.tree("1.0.0")
    archive(parse("1.0.0"), tree, REPOSITORY, project.scratch / "first.tar.gz")
    with pytest.raises(Refusal, match=r"pipeline\.yml uses nothing from org/ecs-cd"):
        archive(parse("1.0.1"), tree, REPOSITORY, project.scratch / "second.tar.gz")


def test_a_tree_without_all_bytecode_is_not_packed(tmp_path: Path) -> None:
    """A release starts at once on each of the runner images."""
    compiled(tmp_path, "312", "314")
    with pytest.raises(Refusal, match=r"has no bytecode for CPython 3\.12, 3\.14: build it where"):
        archive(parse("1.0.0"), tmp_path, REPOSITORY, tmp_path.with_suffix(".tar.gz"))


def test_the_readme_of_a_release_leads_somewhere(project: Project) -> None:
    """To the sources, for what a release does not hold; not for what it holds."""
    there = "[it](LICENSE), [it](schema/a.json), [it](#here), [it](https://example.com/docs)"
    tree = project.tree("1.0.0", readme=f"{there}, [it](docs/a.md#b) and [it](examples/single-image)")
    archive(parse("1.0.0"), tree, REPOSITORY, project.scratch / "packed.tar.gz")
    place = f"https://github.com/{REPOSITORY}/blob/main"
    assert (
        tree / "README.md"
    ).read_text() == f"{there}, [it]({place}/docs/a.md#b) and [it]({place}/examples/single-image)"


def test_the_readme_of_a_module_leads_somewhere(project: Project) -> None:
    """Relative to its folder; a module of the same release is beside it."""
    tree = project.tree("1.0.0")
    readme = tree / "infra" / "terraform" / "github" / "README.md"
    readme.parent.mkdir(parents=True)
    readme.write_text("[it](../permissions), [it](../../../docs/a.md#b)", encoding="utf-8")
    archive(parse("1.0.0"), tree, REPOSITORY, project.scratch / "packed.tar.gz")
    assert readme.read_text() == f"[it](../permissions), [it](https://github.com/{REPOSITORY}/blob/main/docs/a.md#b)"


def test_the_whole_pipeline_can_be_pinned(tmp_path: Path) -> None:
    """In the real workflow, each use of ecs-cd becomes the repository at this version."""
    text = (ROOT / release.PIPELINE).read_text(encoding="utf-8")
    write(tmp_path / release.PIPELINE, text)
    write(tmp_path / "README.md", "")
    compiled(tmp_path)
    archive(parse("1.0.0"), tmp_path, REPOSITORY, tmp_path.with_suffix(".tar.gz"))
    used = re.findall(r"^ *(?:- )?uses: (\S+)", (tmp_path / release.PIPELINE).read_text(encoding="utf-8"), re.M)
    ours = [name.partition("@") for name in used if "ecs-cd" in name]
    assert len(ours) == len(re.findall(r"^ *(?:- )?uses: org/ecs-cd", text, re.M)) > 0
    assert {(name.split("/")[0], version) for name, _, version in ours} == {("octo", "v1.0.0")}


# The GitHub release


@pytest.fixture
def gh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for the stand-in for gh, first on PATH."""
    monkeypatch.setenv("PATH", f"{tmp_path / 'gh'}:{os.environ['PATH']}")
    return tmp_path / "gh"


@pytest.mark.parametrize(
    ("version", "kind", "latest"),
    [("1.2.0", [], "true"), ("1.1.1", [], "false"), ("1.3.0-rc.1", ["--prerelease"], "false")],
)
def test_a_github_release_is_complete_before_it_is_published(
    project: Project, gh: Path, version: str, kind: list[str], latest: str
) -> None:
    """A draft of the tag with the archive and the notes; only the newest is called the latest."""
    fake_gh.install(gh)
    for text in {"1.1.0": 1, "1.2.0": 1, version: 1}:
        project.commit(text)
        project.publish(text)
    announce(parse(version), Path("ecs-cd.tar.gz"), project.repo)
    tag = f"v{version}"
    about = ["--verify-tag", "--draft", "--title", tag, "--notes-file", "-", *kind]
    assert fake_gh.calls(gh) == [
        {"arguments": ["release", "create", tag, "ecs-cd.tar.gz", *about], "stdin": "- Something.\n"},
        {"arguments": ["release", "edit", tag, "--draft=false", f"--latest={latest}"], "stdin": ""},
    ]


@pytest.mark.parametrize(
    ("there", "verbs"),
    [
        ({"isDraft": True, "isImmutable": False}, ["delete", "create", "edit"]),
        ({"isDraft": False, "isImmutable": True}, []),
    ],
)
def test_a_github_release_is_made_once(project: Project, gh: Path, there: dict[str, bool], verbs: list[str]) -> None:
    """The draft of an aborted run is replaced, a published release stays as it is."""
    project.commit("1.0.0")
    fake_gh.install(gh, release=there)
    announce(parse("1.0.0"), Path("ecs-cd.tar.gz"), project.repo)
    assert [call["arguments"][1] for call in fake_gh.calls(gh)] == verbs


def test_a_github_release_that_can_be_changed_is_refused(project: Project, gh: Path) -> None:
    """The repository's setting is missing: no tag moves to it."""
    project.commit("1.0.0")
    fake_gh.install(gh, immutable=False)
    with pytest.raises(Refusal, match="turn on immutable releases"):
        announce(parse("1.0.0"), Path("ecs-cd.tar.gz"), project.repo)


def test_an_answer_that_is_none_is_no_missing_release(project: Project, gh: Path) -> None:
    """If GitHub can't be asked nothing is created."""
    project.commit("1.0.0")
    fake_gh.install(gh)
    (gh / "gh").write_text("#!/bin/sh\necho HTTP 502 >&2\nexit 1\n")
    with pytest.raises(LocalError, match=r"can't find out whether there is a release v1\.0\.0:\nHTTP 502"):
        announce(parse("1.0.0"), Path("ecs-cd.tar.gz"), project.repo)


# The workflow; its order and its refusals are tested under act in tests/e2e/test_release.py


def test_the_workflow_runs_what_it_names_and_nothing_else() -> None:
    """Each action by the full hash of a commit, with the version for people beside it."""
    used = re.findall(r"uses: (.*)", WORKFLOW)
    assert used
    for name in used:
        assert re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", name)


def test_the_workflow_sets_up_what_a_release_is_compiled_with() -> None:
    """A release that lacked one would be refused only after all the tests have run."""
    (step,) = (
        step for step in yaml.safe_load(WORKFLOW)["jobs"]["build"]["steps"] if "setup-python" in step.get("uses", "")
    )
    assert tuple(step["with"]["python-version"].split()) == bytecode.VERSIONS


def test_only_what_publishes_may_write() -> None:
    """Each job has the permissions that it needs; none that runs tests or dependencies can sign or push."""
    jobs = yaml.safe_load(WORKFLOW)["jobs"]
    assert {name: job["permissions"] for name, job in jobs.items()} == {
        "test": {"contents": "read"},
        "build": {"contents": "read"},
        "attest": {"attestations": "write", "id-token": "write"},
        "publish": {"contents": "write"},
    }
    assert [name for name, job in jobs.items() if "secrets." in str(job)] == ["publish"]
    assert [name for name, job in jobs.items() if "environment" in job] == ["publish"]
