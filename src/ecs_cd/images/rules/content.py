"""A key for what an image is built of, or why there is none.

Two builds with one key see the same files with the same permissions, the same Dockerfile, base images, arguments and
labels. It rests on what Git knows of the files: a file's blob names its content, as long as nothing stands between the
two. Links are what they are in the commit, as BuildKit never follows one out of a context. Not in the key: the versions
of buildx and BuildKit, what a RUN fetches from a network, times, extended attributes, and the labels that say which
commit an image was built for; a reused image keeps those of its first one.
"""

from __future__ import annotations

import hashlib
import json
import stat
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field

from ecs_cd.images.rules import dockerfile
from ecs_cd.images.rules.buildx import is_remote
from ecs_cd.images.rules.dockerfile import NotReusable
from ecs_cd.images.rules.dockerignore import Ignore
from ecs_cd.model.build_spec import BuildSpec
from ecs_cd.model.references import DIGEST, Repository, Tracked, repository

_VERSION = 1  # of how the key is made
_KINDS = {stat.S_IFREG: ("100644", "100755"), stat.S_IFLNK: ("120000",)}
_SUBMODULE = "160000"


@dataclass(frozen=True)
class Key:
    """``tag`` is a tag for the image, empty where no such key is certain; ``why_not`` says why in words.

    The key holds for a build that takes ``bases``, references in the Dockerfile, from the digests that they had.
    """

    tag: str = ""
    why_not: str = ""
    bases: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class OnDisk:
    """What is there: the mode with its type. ``sha256`` of a file's content, where it was asked for."""

    mode: int
    size: int
    sha256: str = ""


@dataclass(frozen=True)
class Source:
    """Where a build reads, from the top of the checkout, and what it finds there.

    ``ignore`` is the blob of what excludes files; ``seen`` stands for all files of the context, see ``seen()``.
    """

    context: str
    file: str
    dockerfile: str
    ignore: str
    seen: str


def arguments(recipe: BuildSpec) -> dict[str, str]:
    """The build arguments by name; the last of two with one name. Raises ``NotReusable`` without a certain key."""
    if is_remote(recipe.context):
        raise NotReusable("the context is not a folder of the checkout")
    if recipe.secrets or recipe.secret_envs or recipe.secret_files:
        raise NotReusable("the build has secrets, whose values may change the image")
    pairs = [argument.partition("=") for argument in recipe.build_args]
    if taken := [name for name, separator, _ in pairs if not separator]:
        raise NotReusable(f"the build argument {taken[0]} has the environment's value; write NAME=VALUE")
    return {name: value for name, _, value in pairs}


# ---- files ----


def seen(
    prefix: str, there: Mapping[str, OnDisk], tracked: Mapping[str, Tracked], folders: Container[str], ignore: Ignore
) -> str:
    """A digest of all that a build sees of its context. Raises ``NotReusable`` if that may differ from the commit.

    ``there`` has what is not excluded, and the folders that lead to it, by its path in the context; ``folders`` are
    those of the commit. ``prefix`` leads from the top of the checkout to the context, and ends in a slash unless empty.
    """
    lines = []
    for path, one in sorted(there.items()):
        name = f"{prefix}{path}"
        if stat.S_ISDIR(one.mode) and name not in tracked:
            if name not in folders:
                raise NotReusable(f"{name}/ is seen by the build and not in the commit; list it in .dockerignore")
            lines.append(f"{stat.S_IMODE(one.mode):o} {path}/")
        else:
            lines.append(f"{stat.S_IMODE(one.mode):o} {certain(name, one, tracked)} {path}")
    for name in tracked:
        path = name.removeprefix(prefix)
        if name.startswith(prefix) and path not in there and not ignore.excluded(path):
            raise NotReusable(f"{name} is in the commit and not there")
    return _sha256("\0".join(lines))


def certain(name: str, there: OnDisk, tracked: Mapping[str, Tracked]) -> str:
    """The type and blob of a file that is as it is in the commit. Raises ``NotReusable``, with the file's name.

    The size shows what `git status` doesn't: line ends and keywords that Git converts make a file longer than its blob.
    """
    known = tracked.get(name)
    if known is None:
        raise NotReusable(f"{name} is seen by the build and not in the commit; list it in .dockerignore, or commit it")
    if known.mode == _SUBMODULE:
        raise NotReusable(f"{name} is a submodule")
    if known.mode not in _KINDS.get(stat.S_IFMT(there.mode), ()) or known.changed:
        raise NotReusable(f"{name} is not as it is in the commit")
    if known.hidden:
        raise NotReusable(f"{name} is marked assume-unchanged or skip-worktree, so that Git doesn't look at it")
    if known.encoding or known.filter not in ("", "lfs"):
        raise NotReusable(f"{name} is converted by Git: {known.encoding or f'filter={known.filter}'} in .gitattributes")
    if known.filter == "lfs":
        if known.blob != _pointer(there, known.blob):
            raise NotReusable(f"{name} is not what its Git LFS pointer says; check out with `lfs: true`")
    elif there.size != known.size:
        raise NotReusable(f"{name} has other line ends or keywords than in the commit; see .gitattributes")
    return f"{stat.S_IFMT(there.mode):o} {known.blob}"


def folders(tracked: Iterable[str]) -> frozenset[str]:
    """All folders that lead to these files, and the top."""
    found = {""}
    for name in tracked:
        folder = name.rpartition("/")[0]
        while folder not in found:
            found.add(folder)
            folder = folder.rpartition("/")[0]
    return frozenset(found)


def _pointer(there: OnDisk, like: str) -> str:
    """The blob that Git LFS has in the commit in the place of this file; by the algorithm of the blob ``like``.

    https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md
    """
    text = f"version https://git-lfs.github.com/spec/v1\noid sha256:{there.sha256}\nsize {there.size}\n"
    blob = f"blob {len(text)}\0{text}".encode()
    return (hashlib.sha256 if len(like) == 64 else hashlib.sha1)(blob).hexdigest()


# ---- base images ----


def looked_up(references: Iterable[str]) -> dict[str, tuple[Repository, str]]:
    """The images whose digest has to be asked for, repository and tag by reference; those with a digest are known.

    Raises ``NotReusable`` for those that can't be asked for.
    """
    found, moving = {}, []
    for reference in references:
        name, tag, digest = dockerfile.split(reference)
        place = repository(name)
        if place.account and not digest:
            found[reference] = (place, tag)
        elif not DIGEST.fullmatch(digest):
            moving.append(reference)
    if moving:
        raise NotReusable(
            f"the tag of a base image may move ({', '.join(moving)}); pin its digest, or take it from ECR"
        )
    return found


# ---- the key ----


def key(
    recipe: BuildSpec, source: Source, bases: Mapping[str, str], *, machine: str, platforms: str, attestations: str
) -> Key:
    """``machine`` is the builder's architecture, on which also a build for another one may depend. ``platforms`` is
    what is built where the recipe doesn't say, ``attestations`` what the environment says of the default ones.
    ``bases`` are the digests of base images that are named by tags.
    """
    labels = dict(label.partition("=")[::2] for label in recipe.labels)
    facts = [
        _VERSION,
        [source.context, source.file, source.dockerfile, source.ignore, source.seen],
        sorted(bases.items()),
        recipe.target,
        sorted(arguments(recipe).items()),
        sorted(labels.items()),
        [sorted(set(recipe.platforms)) or platforms, machine],
        [recipe.provenance, recipe.sbom, attestations],
    ]
    # BuildKit knows an image without its tag by this name: https://docs.docker.com/build/concepts/context/
    by_digest = {
        reference.removesuffix(":latest"): repository(dockerfile.split(reference)[0]).by_digest(digest)
        for reference, digest in bases.items()
    }
    return Key(tag=f"content-{_sha256(json.dumps(facts))[:40]}", bases=by_digest)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
