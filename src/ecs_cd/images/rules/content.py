"""A key for the content that an image is built from, or why it can't have one.

Two builds with the same key see the same files with the same permissions, the same Dockerfile, base images, arguments
and labels. The key relies on Git: a file's blob identifies its content, unless Git converts the file. A link counts as
it is in the commit, because BuildKit never follows a link out of a context. The key does not cover the versions of
buildx and BuildKit, what a RUN fetches from a network, times, extended attributes, and the labels with the commit that
an image was built for; a reused image keeps the labels of its first commit.
"""

from __future__ import annotations

import hashlib
import json
import stat
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field, replace

from ecs_cd.images.rules import dockerfile
from ecs_cd.images.rules.buildx import is_remote
from ecs_cd.images.rules.dockerfile import NotReusable
from ecs_cd.images.rules.dockerignore import Ignore
from ecs_cd.images.rules.onbuild import NO_PARENTS, Parents
from ecs_cd.model.build_spec import BuildSpec
from ecs_cd.model.references import DIGEST, Repository, Tracked, repository

_VERSION = 2  # of the key's format
_KINDS = {stat.S_IFREG: ("100644", "100755"), stat.S_IFLNK: ("120000",)}
_SUBMODULE = "160000"


@dataclass(frozen=True)
class Key:
    """``tag`` is a tag for the image, empty if its content is uncertain; ``why_not`` then explains why.

    The key is valid for a build that takes ``bases``, references in the Dockerfile, by these digests, if ``parents``
    have no triggers that add other content.
    """

    tag: str = ""
    why_not: str = ""
    bases: Mapping[str, str] = field(default_factory=dict)
    parents: Parents = NO_PARENTS


@dataclass(frozen=True)
class OnDisk:
    """A file or folder on disk. ``mode`` includes the type; ``sha256`` and ``blob`` are of the content, if they were
    requested."""

    mode: int
    size: int
    sha256: str = ""
    blob: str = ""


@dataclass(frozen=True)
class Source:
    """What a build reads: paths from the top of the checkout, and the content at these paths.

    ``ignore`` is the blob of the .dockerignore file; ``seen`` identifies all files of the context, see ``seen()``.
    """

    context: str
    file: str
    dockerfile: str
    ignore: str
    seen: str


def arguments(spec: BuildSpec) -> dict[str, str]:
    """The build arguments by name; the last one wins. Raises ``NotReusable`` if the spec can't have a key."""
    if is_remote(spec.context):
        raise NotReusable("the context is not a folder of the checkout")
    if spec.secrets or spec.secret_envs or spec.secret_files:
        raise NotReusable("the build has secrets, whose values may change the image")
    pairs = [argument.partition("=") for argument in spec.build_args]
    if taken := [name for name, separator, _ in pairs if not separator]:
        raise NotReusable(f"the build argument {taken[0]} takes its value from the environment; write NAME=VALUE")
    return {name: value for name, _, value in pairs}


# ---- files ----


def seen(
    prefix: str, on_disk: Mapping[str, OnDisk], tracked: Mapping[str, Tracked], folders: Container[str], ignore: Ignore
) -> str:
    """A digest of all that a build sees of its context. Raises ``NotReusable`` if that may differ from the commit.

    ``on_disk`` maps paths in the context to what is not excluded, including the parent folders; ``folders`` are the
    folders of the commit. ``prefix`` is the path from the top of the checkout to the context, and ends in a slash
    unless it is empty.
    """
    lines = []
    for path, file in sorted(on_disk.items()):
        name = f"{prefix}{path}"
        if stat.S_ISDIR(file.mode) and name not in tracked:
            if name not in folders:
                raise NotReusable(f"the build sees {name}/, which is not in the commit; list it in .dockerignore")
            lines.append(f"{stat.S_IMODE(file.mode):o} {path}/")
        else:
            lines.append(f"{stat.S_IMODE(file.mode):o} {certain(name, file, tracked)} {path}")
    for name in tracked:
        path = name.removeprefix(prefix)
        if name.startswith(prefix) and path not in on_disk and not ignore.excluded(path):
            raise NotReusable(f"{name} is in the commit but missing in the checkout")
    return _sha256("\0".join(lines))


def certain(name: str, on_disk: OnDisk, tracked: Mapping[str, Tracked]) -> str:
    """The type and blob of a file that is unchanged since the commit. Raises ``NotReusable`` with the file's name.

    The size reveals what `git status` doesn't: a file with converted line ends or keywords is longer than its blob.
    """
    known = tracked.get(name)
    if known is None:
        raise NotReusable(f"the build sees {name}, which is not in the commit; list it in .dockerignore, or commit it")
    if known.mode == _SUBMODULE:
        raise NotReusable(f"{name} is a submodule")
    if known.mode not in _KINDS.get(stat.S_IFMT(on_disk.mode), ()) or known.changed:
        raise NotReusable(f"{name} differs from the commit")
    if known.hidden:
        raise NotReusable(f"{name} is marked assume-unchanged or skip-worktree, so Git doesn't check it")
    if known.encoding or known.filter not in ("", "lfs"):
        raise NotReusable(f"Git converts {name}: {known.encoding or f'filter={known.filter}'} in .gitattributes")
    if known.filter == "lfs":
        if known.blob != _pointer(on_disk, known.blob):
            raise NotReusable(f"{name} doesn't match its Git LFS pointer; check out with `lfs: true`")
    elif on_disk.size != known.size:
        raise NotReusable(f"{name} has other line endings or keywords than in the commit; see .gitattributes")
    if known.ident and on_disk.blob != known.blob:  # `$Id: ...$` in a blob gets another value of the same length
        raise NotReusable(f"Git expands keywords in {name}: ident in .gitattributes")
    return f"{stat.S_IFMT(on_disk.mode):o} {known.blob}"


def folders(tracked: Iterable[str]) -> frozenset[str]:
    """All parent folders of these files, including the top."""
    found = {""}
    for name in tracked:
        folder = name.rpartition("/")[0]
        while folder not in found:
            found.add(folder)
            folder = folder.rpartition("/")[0]
    return frozenset(found)


def _pointer(on_disk: OnDisk, like: str) -> str:
    """The blob of the Git LFS pointer for this file, by the hash algorithm of the blob ``like``.

    https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md
    """
    text = f"version https://git-lfs.github.com/spec/v1\noid sha256:{on_disk.sha256}\nsize {on_disk.size}\n"
    return blob(text.encode(), like)


def blob(content: bytes, like: str) -> str:
    """The blob of this content, by the hash algorithm of the blob ``like``."""
    hashed = hashlib.sha256 if len(like) == 64 else hashlib.sha1
    return hashed(f"blob {len(content)}\0".encode() + content).hexdigest()


# ---- base images ----


def looked_up(references: Iterable[str]) -> dict[str, tuple[Repository, str]]:
    """The images whose digest ECR must provide, as reference to repository and tag; omits references with a digest.

    Raises ``NotReusable`` for images that are not in ECR and have no digest.
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
    spec: BuildSpec,
    source: Source,
    bases: Mapping[str, str],
    *,
    machine: str,
    platforms: str,
    environment: Mapping[str, str],
    parents: Parents = NO_PARENTS,
) -> Key:
    """The key of an image.

    ``machine`` is the builder's architecture, which may also affect a build for another architecture. ``platforms`` is
    the default if the spec doesn't set any, ``environment`` what buildx takes from its environment.
    ``bases`` are the digests of base images that the Dockerfile references by tag. ``parents`` are as it writes them.
    """
    labels = dict(label.partition("=")[::2] for label in spec.labels)
    facts = [
        _VERSION,
        [source.context, source.file, source.dockerfile, source.ignore, source.seen],
        sorted(bases.items()),
        spec.target,
        sorted(arguments(spec).items()),
        sorted(labels.items()),
        [sorted(set(spec.platforms)) or platforms, machine],
        [spec.provenance, spec.sbom],
        sorted(environment.items()),
    ]
    # BuildKit matches a reference without a tag by this name: https://docs.docker.com/build/concepts/context/
    pinned = {
        reference: repository(dockerfile.split(reference)[0]).by_digest(digest) for reference, digest in bases.items()
    }
    return Key(
        tag=f"content-{_sha256(json.dumps(facts))[:40]}",
        bases={reference.removesuffix(":latest"): image for reference, image in pinned.items()},
        parents=replace(parents, images=tuple(pinned.get(image, image) for image in parents.images)),
    )


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
