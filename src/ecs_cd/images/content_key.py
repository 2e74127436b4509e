"""`reuse: content`: computes the keys of images from the checkout, the machine and the base images in ECR."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from ecs_cd.aws import ecr
from ecs_cd.aws.errors import code
from ecs_cd.images import docker
from ecs_cd.images.rules import content, dockerfile, dockerignore, environment, onbuild
from ecs_cd.images.rules.content import Key, OnDisk, Source
from ecs_cd.images.rules.dockerfile import NotReusable
from ecs_cd.images.rules.dockerignore import Ignore, Matched
from ecs_cd.images.rules.onbuild import Parents
from ecs_cd.job import checkout, workspace
from ecs_cd.job.job import Job, concurrently
from ecs_cd.model.build_spec import BuildSpec
from ecs_cd.model.errors import Refused
from ecs_cd.model.references import Repository, Tracked

_A = TypeVar("_A")
_B = TypeVar("_B")
_CHUNK = 1 << 20  # bytes
_LOCAL_DRIVERS = ("docker", "docker-container")  # drivers whose builder runs on the engine's machine


@dataclass(frozen=True)
class _Place:
    """Where a build reads: the top of the checkout, and from there the context and the Dockerfile."""

    top: Path
    context: str
    file: str

    @property
    def prefix(self) -> str:
        """The prefix of all paths in the context."""
        return f"{self.context}/" if self.context else ""


@dataclass(frozen=True)
class _Checkout:
    """The files of the commit, and what builds see of them, cached because images often share a context. Without Git,
    as in CodePipeline's zip of a commit, these are the files on disk."""

    commit: str
    files: Mapping[str, Tracked]
    folders: frozenset[str]
    seen: dict[tuple[str, Ignore], str | NotReusable] = field(default_factory=dict)
    by_git: bool = True


@dataclass(frozen=True)
class _Draft:
    """Everything in a key except the digests of ``bases``."""

    spec: BuildSpec
    source: Source
    bases: Mapping[str, tuple[Repository, str]]
    parents: Parents
    platforms: str


def keys(specs: Sequence[BuildSpec], commit: str, job: Job) -> dict[str, Key]:
    """The key of each image at this commit, or why it can't have one, by the image's name. Builds and changes nothing.

    For any number of images, lists the files of a checkout once and queries each repository of base images once.
    """
    why: dict[str, str] = {}
    folders = sorted(workspace.roots(job.environ))
    places = _each({spec.name: spec for spec in specs}, lambda spec: _place(spec, folders), why)
    checkouts = {top: _checkout(top, commit, places.values()) for top in {place.top for place in places.values()}}

    def draft(spec: BuildSpec) -> _Draft:
        place = places[spec.name]
        return _draft(spec, place, checkouts[place.top], commit, job.environ)

    drafts = _each({spec.name: spec for spec in specs if spec.name in places}, draft, why)
    digests = _digests({name: base for draft in drafts.values() for name, base in draft.bases.items()}, job)
    found = _each(drafts, lambda draft: _key(draft, digests, job.environ), why)
    return {spec.name: found.get(spec.name) or Key(why_not=why[spec.name]) for spec in specs}


def _each(items: Mapping[str, _A], make: Callable[[_A], _B], why: dict[str, str]) -> dict[str, _B]:
    """Calls ``make`` on each item; puts the message of a ``NotReusable`` into ``why``."""
    made = {}
    for name, item in items.items():
        try:
            made[name] = make(item)
        except NotReusable as doubt:
            why[name] = str(doubt)
    return made


def _key(draft: _Draft, digests: Mapping[str, str | NotReusable], environ: Mapping[str, str]) -> Key:
    return content.key(
        draft.spec,
        draft.source,
        {reference: _certain(digests[reference]) for reference in draft.bases},
        machine=platform.machine(),
        platforms=draft.platforms,
        environment=_environment(environ),
        parents=draft.parents,
    )


def _certain(known: str | NotReusable) -> str:
    if isinstance(known, NotReusable):
        raise known
    return known


# ---- the checkout ----


def _place(spec: BuildSpec, folders: Iterable[Path]) -> _Place:
    """``folders`` are the workspaces: in one that is no Git checkout, the build sees its files as they are."""
    content.arguments(spec)
    context = workspace.real(spec.context)
    given = Path(spec.file or Path(spec.context) / "Dockerfile")
    file = workspace.real(given.parent) / given.name
    if not context.is_dir() or not file.is_file():
        raise NotReusable(f"there is no {context if not context.is_dir() else file}")
    top, of_file = workspace.top(context), workspace.top(file.parent)
    if top is None and of_file is None:
        around = (each for each in folders if context.is_relative_to(each) and file.is_relative_to(each))
        top = of_file = next(around, None)
    if top is None or top != of_file:
        raise NotReusable("context and Dockerfile are not in the same Git checkout")
    return _Place(top, _below(top, context), _below(top, file))


def _below(top: Path, path: Path) -> str:
    return "" if path == top else path.relative_to(top).as_posix()


def _checkout(top: Path, commit: str, places: Iterable[_Place]) -> _Checkout:
    here = [place for place in places if place.top == top]
    paths = {path for place in here for path in (place.context, place.file, f"{place.file}.dockerignore")}
    if workspace.top(top) is None:
        files = _hashed(top, paths)
        return _Checkout(commit, files, content.folders(files), by_git=False)
    commit, files = checkout.tracked(str(top), sorted(paths))
    return _Checkout(commit, files, content.folders(files))


def _hashed(top: Path, paths: Iterable[str]) -> dict[str, Tracked]:
    """The files at and below these paths, as a commit of exactly these files would list them."""
    places = [top / path for path in paths]
    walked = (found for place in places for found in os.walk(place))
    below = (Path(folder, name) for folder, folders, names in walked for name in (*folders, *names))
    files = {file: _tracked(file) for file in (*places, *below)}
    return {file.relative_to(top).as_posix(): tracked for file, tracked in files.items() if tracked}


def _tracked(file: Path) -> Tracked | None:
    """A regular file or a link; ``None`` for everything else, and for what can't be read."""
    try:
        seen = file.lstat()
        if stat.S_ISLNK(seen.st_mode):
            return Tracked("120000", hashlib.sha256(os.fsencode(os.readlink(file))).hexdigest(), seen.st_size)  # noqa: PTH115
        if stat.S_ISREG(seen.st_mode):
            return Tracked("100755" if seen.st_mode & 0o100 else "100644", _sha256(file), seen.st_size)
    except OSError:
        pass
    return None


def _sha256(file: Path) -> str:
    hashed = hashlib.sha256()
    with file.open("rb") as opened:
        while chunk := opened.read(_CHUNK):
            hashed.update(chunk)
    return hashed.hexdigest()


def _draft(spec: BuildSpec, place: _Place, known: _Checkout, commit: str, environ: Mapping[str, str]) -> _Draft:
    if not known.commit and known.by_git:
        raise NotReusable("Git can't list the files of the checkout")
    if known.commit != commit:
        raise NotReusable(f"the checkout is at {known.commit}, not at {commit or 'a known commit'}")
    if os.path.lexists(place.top / f"{place.file}.rego"):
        raise NotReusable(f"buildx may follow {place.file}.rego, a policy for what a build takes from elsewhere")
    text, blob = _read(place.top, place.file, known)
    excludes, ignore = _ignore(place, known)
    if (place.context, ignore) not in known.seen:
        known.seen[place.context, ignore] = _seen(place, ignore, known)
    seen = _certain(known.seen[place.context, ignore])
    if not known.by_git:
        seen = f"files {seen}"  # Git could have converted files of the same commit
    source = Source(place.context, place.file, blob, excludes, seen)
    used = dockerfile.used(text, content.arguments(spec))
    default = _platforms(spec, environ)
    targets = spec.platforms or (*filter(None, [default]),)
    machine = platform.machine() if _builds_here(environ) else ""
    parents = Parents(used.parents, onbuild.platforms(used.platforms, targets, machine))
    return _Draft(spec, source, content.looked_up(used.images), parents, default)


def _read(top: Path, name: str, known: _Checkout) -> tuple[str, str]:
    """The text and the blob of a file that is unchanged since the commit."""
    path = top / name
    try:
        found = path.lstat()
        if not stat.S_ISREG(found.st_mode):
            raise NotReusable(f"{name} is not a regular file")
        blob = content.certain(name, _on_disk(path, found, known.files.get(name)), known.files)
        return path.read_bytes().decode(), blob  # read_text would turn a lone CR into a line end, as BuildKit does not
    except (OSError, UnicodeDecodeError):
        raise NotReusable(f"{name} can't be read") from None


def _ignore(place: _Place, known: _Checkout) -> tuple[str, Ignore]:
    """The blob and the patterns of the Dockerfile's own .dockerignore, else of the context's."""
    own, common = f"{place.file}.dockerignore", f"{place.prefix}.dockerignore"
    name = next((name for name in (own, common) if os.path.lexists(place.top / name)), "")
    if not name:
        return "", Ignore()
    text, blob = _read(place.top, name, known)
    if name == own and not text:
        raise NotReusable(f"{name} is empty, and BuildKit may read {common} instead")
    return blob, dockerignore.read(text)


def _seen(place: _Place, ignore: Ignore, known: _Checkout) -> str | NotReusable:
    try:
        on_disk = dict(_walk(str(place.top / place.context), place.prefix, "", ignore, ignore.top, known))
        return content.seen(place.prefix, on_disk, known.files, known.folders, ignore)
    except OSError as error:
        return NotReusable(f"{error.filename} can't be read")
    except NotReusable as doubt:
        return doubt


def _walk(
    folder: str, prefix: str, path: str, ignore: Ignore, above: Matched, known: _Checkout
) -> Iterator[tuple[str, OnDisk]]:
    """Everything below a folder that is not excluded, by its path in the context, and its parent folders."""
    with os.scandir(folder) as entries:
        for entry in entries:
            name = f"{path}{entry.name}"
            excluded, matched = ignore.match(name, above)
            found = _on_disk(
                entry.path, entry.stat(follow_symlinks=False), None if excluded else known.files.get(prefix + name)
            )
            # A folder outside the commit already rules out reuse, whatever it holds.
            inside = not ignore.closed(name) if excluded else prefix + name in known.folders
            below = []
            if stat.S_ISDIR(found.mode) and inside:
                below = list(_walk(entry.path, prefix, f"{name}/", ignore, matched, known))
            if below or not excluded:
                yield name, found
            yield from below


def _on_disk(path: str | Path, found: os.stat_result, tracked: Tracked | None) -> OnDisk:
    """The mode and size of a file. Hashes the content of a Git LFS file, because its blob holds that hash, and of a
    file in which Git expands keywords."""
    plain = OnDisk(found.st_mode, found.st_size)
    if tracked is None or not stat.S_ISREG(found.st_mode):
        return plain
    if tracked.ident:
        return replace(plain, blob=content.blob(Path(path).read_bytes(), tracked.blob))
    if tracked.filter != "lfs":
        return plain
    return replace(plain, sha256=_sha256(Path(path)))


# ---- the builder ----


def _platforms(spec: BuildSpec, environ: Mapping[str, str]) -> str:
    """The platform of a spec without `platforms`: from the environment; empty for the builder's own platform.

    Doesn't ask Docker. Raises ``NotReusable`` if the builder may be on another machine.
    """
    default = environ.get("DOCKER_DEFAULT_PLATFORM", "")
    if not spec.platforms and not default and not _builds_here(environ):
        raise NotReusable("the builder may be on another machine; set `platforms`")
    return default


def _builds_here(environ: Mapping[str, str]) -> bool:
    """Whether the engine and the chosen builder are on this machine, according to their own files."""
    try:
        config_folder = docker.folder(environ)
        buildx = Path(environ.get("BUILDX_CONFIG") or config_folder / "buildx")
        config, current = _json(config_folder / "config.json"), _json(buildx / "current")
        name = environ.get("BUILDX_BUILDER") or current.get("Name") or ""
        builder = {} if name in ("", "default") else json.loads((buildx / "instances" / name).read_text("utf-8"))
        nodes = builder.get("Nodes") or []
        contexts = [environ.get("DOCKER_CONTEXT") or config.get("currentContext"), *(n.get("Endpoint") for n in nodes)]
        return (
            _local(environ.get("DOCKER_HOST"))
            and all(map(_local, contexts))
            and builder.get("Driver", "docker") in _LOCAL_DRIVERS
            and not any(node.get("Platforms") for node in nodes)
            and not ((buildx / "defaults").is_dir() and any((buildx / "defaults").iterdir()) and not name)
        )
    except (OSError, ValueError, AttributeError, TypeError, Refused):
        return False


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    try:
        config = _json(docker.folder(environ) / "config.json")
    except (OSError, ValueError, Refused):
        raise NotReusable("Docker's configuration can't be read") from None
    return environment.facts(environ, config if isinstance(config, dict) else {})  # Docker ignores anything else


def _local(endpoint: str | None) -> bool:
    return not endpoint or endpoint == "default" or endpoint.startswith("unix://")


def _json(path: Path) -> Any:
    """The content of a file; empty if the file doesn't exist."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}


# ---- base images ----


def _digests(asked: Mapping[str, tuple[Repository, str]], job: Job) -> dict[str, str | NotReusable]:
    """The digests of base images in ECR by reference, or why a digest is unknown."""
    repositories = list(dict.fromkeys(repository for repository, _ in asked.values()))
    tags = [[tag for place, tag in asked.values() if place == repository] for repository in repositories]
    calls = (lambda r=r, t=t: _images(r, t, job) for r, t in zip(repositories, tags, strict=True))
    found = dict(zip(repositories, concurrently(*calls), strict=True))
    return {
        reference: found[repository].get(tag)
        or NotReusable(f"the base image {reference} is not in ECR, or can't be read")
        for reference, (repository, tag) in asked.items()
    }


def _images(repository: Repository, tags: Sequence[str], job: Job) -> dict[str, str]:
    try:
        return {tag: image.digest for tag, image in ecr.images(job.aws, repository, tags).items()}
    except (ClientError, BotoCoreError, Refused) as error:
        job.ci.line(f"base images: {repository} can't be read ({code(error) or type(error).__name__})")
        return {}
