"""A release: a commit that holds the release tree, its tag, its GitHub release, and the tags that move to it.

docs/guides/releasing.md describes it. .github/workflows/release.yml runs these in order, and decides nothing:

    check     what is checked out may be released as this version
    archive   a release tree as the .tar.gz that is attested and handed over
    publish   the commit and its tag vX.Y.Z
    announce  the GitHub release
    move      v1 and v1.2

Each step can be repeated: it keeps an equal result, and never replaces a different one. It only uses the standard
library: the job that may push runs no third-party code.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import os
import posixpath
import re
import sys
import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dev import bytecode
from dev.host import ROOT
from dev.versions import Refusal, Version, is_latest, moving_tags, parse, released, section
from ecs_cd.local import machine
from ecs_cd.local.machine import LocalError
from ecs_cd.model.owner import ACTION

SUITE = ACTION  # how the sources name this repository
PIPELINE = Path(".github/workflows/pipeline.yml")
MAIN = "main"
HELD = ("LICENSE", "schema/", "infra/")  # what a README of the tree may link to
NAME, EMAIL = "ecs-cd", "release@ecs-cd.invalid"
# Objects don't depend on any settings. Commands to the remote do: the settings hold its address and keys.
ALONE = {
    "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_COUNT": "0", "GIT_ATTR_NOSYSTEM": "1"
}  # fmt: skip


def git(repo: Path, *arguments: str | Path, env: Mapping[str, str] | None = None, stdin: str | None = None) -> str:
    """What git prints; it never asks for a password."""
    return machine.run(
        ["git", "-C", repo, *arguments], env={"GIT_TERMINAL_PROMPT": "0", **(env or {})}, stdin=stdin
    ).stdout.strip()


# What may be released


def check(version: Version, tested: str, repo: Path = ROOT, remote: str = "origin") -> None:
    """Refuse unless the tested commit is checked out, unchanged, on main, and calls itself this version."""
    head = git(repo, "rev-parse", "HEAD")
    if tested != head:
        raise Refusal(f"The tests passed on '{tested}', but {head} is checked out: release the commit that was tested.")
    if changed := git(repo, "status", "--porcelain"):
        raise Refusal(f"The working tree differs from what was tested; commit or remove:\n{changed}")
    _must_be_on_main(head, repo, remote)
    for place, stated in _stated(repo).items():
        if stated != str(version):
            raise Refusal(f"{place} says '{stated}', not '{version}': change it on {MAIN}, then release that commit.")
    notes(version, repo)
    _must_be_the_only_one(version, repo, remote)
    tag = f"refs/tags/{version.tag}"
    # Told before the tests run, where the tag is known here; `publish` asks the remote.
    if git(repo, "for-each-ref", tag) and _parents(f"{tag}^{{commit}}", repo) != [head]:
        raise Refusal(
            f"{version.tag} already exists and was made from another commit than {head}: release a new version."
        )


def _parents(commit: str, repo: Path) -> list[str]:
    return git(repo, "rev-list", "--max-count=1", "--parents", commit).split()[1:]


def _must_be_the_only_one(version: Version, repo: Path, remote: str) -> None:
    """GitHub does not say which it takes of a branch and a tag that have the same name."""
    branches = git(repo, "for-each-ref", "--format=%(refname:lstrip=3)", f"refs/remotes/{remote}").splitlines()
    for name in (version.tag, *moving_tags(version, ())):
        if name in branches:
            raise Refusal(f"{remote} has a branch {name}, which is the name of a future tag: rename the branch.")


def _must_be_on_main(head: str, repo: Path, remote: str) -> None:
    main = f"refs/remotes/{remote}/{MAIN}"
    if not git(repo, "for-each-ref", main):
        raise Refusal(f"{remote}/{MAIN} is not known here: run git fetch {remote} {MAIN}.")
    if not git(repo, "for-each-ref", "--contains", head, main):
        raise Refusal(f"{head} is not on {remote}/{MAIN}: merge it, then release what is on {MAIN}.")


def _stated(repo: Path) -> dict[str, str]:
    """Where the sources tell their version, and which."""
    forms = {"pyproject.toml": r'^version = "(.*)"$', "src/ecs_cd/__init__.py": r'^__version__ = "(.*)"$'}
    found = {place: re.search(form, (repo / place).read_text(encoding="utf-8"), re.M) for place, form in forms.items()}
    return {place: match.group(1) if match else "" for place, match in found.items()}


def notes(version: Version, repo: Path = ROOT) -> str:
    """The release notes."""
    return section((repo / "CHANGELOG.md").read_text(encoding="utf-8"), version)


# The archive


def archive(version: Version, tree: Path, repository: str, destination: Path) -> str:
    """Let the tree's workflow use this version of `repository`, and its READMEs lead there; pack the tree. Returns the
    archive's digest.

    The archive depends on names, contents and what can be run alone.
    """
    _must_have_bytecode(tree)
    _pin(tree / PIPELINE, version, repository)
    for readme in (tree / "README.md", *sorted(tree.glob("infra/**/README.md"))):
        _link(readme, tree, repository)
    with (
        destination.open("wb") as file,
        gzip.GzipFile("", "wb", fileobj=file, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as tar,
    ):
        for path in sorted(tree.rglob("*")):
            tar.add(path, str(path.relative_to(tree)), recursive=False, filter=_anonymous)
    return digest(destination)


def _must_have_bytecode(tree: Path) -> None:
    compiled = {path.suffixes[-2] for path in tree.rglob("*.cpython-*.pyc")}
    if lacking := [cpython for cpython in bytecode.VERSIONS if f".cpython-{cpython.replace('.', '')}" not in compiled]:
        raise Refusal(
            f"{tree} has no bytecode for CPython {', '.join(lacking)}: build it where all of them are on PATH."
        )


def _pin(workflow: Path, version: Version, repository: str) -> None:
    """Whoever calls the pipeline at a version runs the actions of that version."""
    ours = rf"^( *(?:- )?uses: ){re.escape(SUITE)}(/[^@\s]*)?@\S+"
    text, count = re.subn(
        ours, rf"\g<1>{repository}\g<2>@{version.tag}", workflow.read_text(encoding="utf-8"), flags=re.M
    )
    if not count:
        raise Refusal(f"{workflow} uses nothing from {SUITE}: build the release tree again.")
    workflow.write_text(text, encoding="utf-8")


def _link(readme: Path, tree: Path, repository: str) -> None:
    """Turns a README's links to files that only the sources have into links to GitHub."""
    folder = readme.parent.relative_to(tree)

    def target(found: re.Match[str]) -> str:
        path = posixpath.normpath((folder / found[1]).as_posix())
        held = path.startswith(HELD)
        return found[0] if held else f"](https://github.com/{repository}/blob/{MAIN}/{path}{found[2] or ''})"

    text = re.sub(r"\]\((?!https?:|#)([^)\s#]+)(#[^)\s]*)?\)", target, readme.read_text(encoding="utf-8"))
    readme.write_text(text, encoding="utf-8")


def _anonymous(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """No owner, no time; of the permissions what git keeps."""
    entry.uid = entry.gid = entry.mtime = 0
    entry.uname = entry.gname = ""
    entry.mode = 0o755 if entry.isdir() or entry.mode & 0o100 else 0o644
    return entry


def digest(file: Path) -> str:
    """As GitHub writes it."""
    return f"sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}"


# The commit and its tag


def publish(
    version: Version, tested: str, packed: Path, expected: str, repo: Path = ROOT, remote: str = "origin"
) -> str:
    """Push the tag vX.Y.Z of a commit that holds what the archive holds; returns the commit."""
    check(version, tested, repo, remote)
    if (found := digest(packed)) != expected:
        raise Refusal(f"{packed.name} is {found}, but {expected} was built: run the whole workflow again.")
    commit = release_commit(version, tested, packed, repo)
    there = remote_tags(repo, remote).get(version.tag)
    if there is None:
        tag = _tag_object(version, commit, tested, expected, repo)
        git(repo, "push", "--quiet", remote, f"{tag}:refs/tags/{version.tag}")
    elif there.commit != commit:
        raise Refusal(
            f"{version.tag} already exists as {there.commit}, but {commit} was built, and it never moves: release a "
            "new version; or if it has no GitHub release yet, delete the tag and run this again."
        )
    return commit


def release_commit(version: Version, tested: str, packed: Path, repo: Path) -> str:
    """The commit on top of the tested commit, with the archive's content; no branch and no file of `repo` changes."""
    # The same release is always the same commit.
    who = {"NAME": NAME, "EMAIL": EMAIL, "DATE": _time(tested, repo)}
    env = {**ALONE, **{f"GIT_{role}_{key}": text for role in ("AUTHOR", "COMMITTER") for key, text in who.items()}}
    with tempfile.TemporaryDirectory(prefix="ecs-cd-release-") as scratch:
        tree = Path(scratch) / "tree"
        tree.mkdir()
        machine.run(["tar", "--extract", "--gzip", "--file", packed.absolute(), "--directory", tree])
        # A repository without settings, attributes and an index, with the objects of `repo`.
        objects = git(repo, "rev-parse", "--path-format=absolute", "--git-path", "objects")
        env |= {"GIT_DIR": f"{scratch}/git", "GIT_WORK_TREE": str(tree), "GIT_OBJECT_DIRECTORY": objects}
        git(tree, "init", "--quiet", "--template=", env=env)
        # By force: what somebody's .gitignore says of dist/ and *.pyc is not for a release.
        git(tree, "add", "--all", "--force", ".", env=env)
        content = git(tree, "write-tree", env=env)
        message = f"ecs-cd {version}\n\nThe release tree of {tested}.\n"
        return git(tree, "commit-tree", "-p", tested, content, env=env, stdin=message)


def _tag_object(version: Version, commit: str, tested: str, packed: str, repo: Path) -> str:
    """An annotated tag that only the push will give a name."""
    head = f"object {commit}\ntype commit\ntag {version.tag}\ntagger {NAME} <{EMAIL}> {_time(tested, repo)}\n"
    return git(repo, "mktag", stdin=f"{head}\necs-cd {version}\n\nSource: {tested}\nArchive: {packed}\n")


def _time(commit: str, repo: Path) -> str:
    return f"{git(repo, 'rev-list', '--max-count=1', '--timestamp', commit).partition(' ')[0]} +0000"


@dataclass(frozen=True)
class Tag:
    """What a tag of the remote names: an object, which may be an annotation, and the commit behind it."""

    object: str
    commit: str


def remote_tags(repo: Path, remote: str) -> dict[str, Tag]:
    """The remote's tags as they are now."""
    lines = [line.split("\t") for line in git(repo, "ls-remote", "--tags", remote).splitlines()]
    objects = {name.removeprefix("refs/tags/"): sha for sha, name in lines}
    behind = "^{}"
    return {name: Tag(sha, objects.get(name + behind, sha)) for name, sha in objects.items() if behind not in name}


# The GitHub release


def announce(version: Version, packed: Path, repo: Path = ROOT, remote: str = "origin") -> None:
    """Make the tag an immutable GitHub release with the archive: complete as a draft, then published."""
    state = _release(version)
    if state.get("isDraft"):  # of a run that died: it may lack the archive
        _gh("delete", version.tag, "--yes")
        state = {}
    if not state:
        kind = ["--prerelease"] if version.pre else []
        about = ["--verify-tag", "--draft", "--title", version.tag, "--notes-file", "-", *kind]
        _gh("create", version.tag, str(packed), *about, stdin=notes(version, repo))
        latest = is_latest(version, released(remote_tags(repo, remote)))
        _gh("edit", version.tag, "--draft=false", f"--latest={str(latest).lower()}")
        state = _release(version)
    if not state.get("isImmutable"):
        raise Refusal(
            f"The GitHub release {version.tag} can be changed: turn on immutable releases in the repository's settings,"
            " delete the release but not its tag, and run this again."
        )


def _release(version: Version) -> dict[str, bool]:
    """GitHub's description of the release; empty if it does not exist."""
    done = machine.run(["gh", "release", "view", version.tag, "--json", "isDraft,isImmutable"], check=False)
    if done.returncode == 0:
        state: dict[str, bool] = json.loads(done.stdout)
        return state
    if "release not found" in done.stderr:
        return {}
    raise LocalError(f"gh can't find out whether there is a release {version.tag}:\n{done.stderr.strip()}")


def _gh(*arguments: str, stdin: str | None = None) -> None:
    machine.run(["gh", "release", *arguments], stdin=stdin)


# The tags that move


def move(version: Version, repo: Path = ROOT, remote: str = "origin") -> tuple[str, ...]:
    """Let v1 and v1.2 name the released version, never an older version than before; returns those that name it."""
    there = remote_tags(repo, remote)
    if version.tag not in there:
        raise Refusal(f"{remote} has no tag {version.tag}: publish it first.")
    commit = there[version.tag].commit
    tags = moving_tags(version, released(there))
    behind = [tag for tag in tags if tag not in there or there[tag].commit != commit]
    if behind:
        git(repo, "fetch", "--quiet", "--no-tags", remote, f"refs/tags/{version.tag}")
        # Replaces only the tag that was read: if another process has moved it since, git refuses.
        seen = [f"--force-with-lease=refs/tags/{tag}:{there[tag].object if tag in there else ''}" for tag in behind]
        git(repo, "push", "--quiet", "--atomic", *seen, remote, *(f"{commit}:refs/tags/{tag}" for tag in behind))
    return tags


def _option(name: str, **how: Any) -> argparse.ArgumentParser:
    """An argument that several steps have."""
    option = argparse.ArgumentParser(add_help=False)
    option.add_argument(name, **how)
    return option


def _parser() -> argparse.ArgumentParser:
    version = _option("version", type=parse, help="as in 1.2.0")
    tested = _option("--tested", required=True, metavar="SHA", help="the commit that the tests passed on")
    packed = _option("--archive", required=True, type=Path, metavar="FILE", help="the .tar.gz")
    remote = _option("--remote", default="origin", metavar="NAME", help="the git remote; default: origin")
    parser = argparse.ArgumentParser(prog="python -m dev.release", description=main.__doc__)
    steps = parser.add_subparsers(required=True)

    step = steps.add_parser("check", parents=[version, tested, remote])
    step.set_defaults(run=lambda it: check(it.version, it.tested, remote=it.remote))
    step = steps.add_parser("notes", parents=[version])
    step.set_defaults(run=lambda it: notes(it.version))
    step = steps.add_parser("archive", parents=[version, packed])
    step.add_argument(
        "--tree", required=True, type=Path, metavar="DIR", help="the release tree; its workflow is changed"
    )
    step.add_argument("--repository", required=True, metavar="OWNER/NAME", help="this repository on GitHub")
    step.set_defaults(run=lambda it: f"digest={archive(it.version, it.tree, it.repository, it.archive)}")
    step = steps.add_parser("publish", parents=[version, tested, packed, remote])
    step.add_argument("--digest", required=True, help="what `archive` printed for the .tar.gz")
    step.set_defaults(run=lambda it: publish(it.version, it.tested, it.archive, it.digest, remote=it.remote))
    step = steps.add_parser("announce", parents=[version, packed, remote])
    step.set_defaults(run=lambda it: announce(it.version, it.archive, remote=it.remote))
    step = steps.add_parser("move", parents=[version, remote])
    step.set_defaults(run=lambda it: " ".join(move(it.version, remote=it.remote)) or "no tag moves")
    return parser


def main() -> None:
    """Do one step of a release."""
    try:
        given = _parser().parse_args()
        print(given.run(given) or "done")
    except (Refusal, LocalError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
