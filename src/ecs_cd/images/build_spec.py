"""Which images to build, and how: an input overrides the app's file, which overrides the default."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator, Mapping
from itertools import combinations
from pathlib import Path

from ecs_cd.ci.rules.child_environment import is_credential
from ecs_cd.document.rules import app_file
from ecs_cd.document.rules.document import Document
from ecs_cd.images.rules.buildx import is_remote
from ecs_cd.inputs.build_push import BuildPush
from ecs_cd.job import workspace
from ecs_cd.job.job import Job
from ecs_cd.job.workspace import read_file
from ecs_cd.model.build_spec import BuildSpec
from ecs_cd.model.errors import Refused
from ecs_cd.model.names import closest

FILE = ".github/ecs-cd.yml"
# With several images, these would be wrong for all but one, or the images would overwrite each other's.
_OF_ONE_IMAGE = ("context", "file", "target", "cache-to")


def wanted(inputs: BuildPush, document: Document, job: Job) -> list[BuildSpec]:
    """The build spec of the requested image, else of every image in the document.

    Logs the source of every setting that is not the default. Raises ``Refused`` with all problems at once.
    """
    written = _written()
    places = {"image": inputs.image, **_places(written)}
    problems = [*_unknown(places, inputs.config, document), *_ambiguous(inputs, document)]
    problems += [*_colliding(inputs, document), *_beyond(written, workspace.roots(job.environ))]
    problems += _credentials(written)
    if problems:
        raise Refused(problems)
    names = [inputs.image] if inputs.image else document.images
    specs = [_merged(name, inputs, written.get(name, BuildSpec(name))) for name in names]
    for spec in specs:
        sources = list(_sources(spec, inputs))
        if sources:
            job.ci.line(f"image {spec.name}: {', '.join(sources)}")
    return specs


def check_file(document: Document, job: Job) -> bool:
    """Whether there is an app's file. Raises ``Refused`` with its problems."""
    _checked(document, job)
    return file() is not None


def platforms(document: Document, job: Job) -> dict[str, tuple[str, ...]]:
    """The platforms in the app's file, by image. Raises ``Refused`` with the file's problems."""
    return {name: spec.platforms for name, spec in _checked(document, job).items()}


def _checked(document: Document, job: Job) -> dict[str, BuildSpec]:
    written = _written()
    problems = [*_unknown(_places(written), "it", document), *_beyond(written, workspace.roots(job.environ))]
    if problems := [*problems, *_credentials(written)]:
        raise Refused(problems)
    return written


def file() -> Path | None:
    """The app's file: in the working directory, else in the top folder of the checkout around it."""
    here = Path()
    places = (folder / FILE for folder in (here, workspace.top() or here))
    return next((place for place in places if place.exists() or place.is_symlink()), None)


def _written() -> dict[str, BuildSpec]:
    """The build specs in the app's file, with paths relative to the working directory."""
    place = file()
    if place is None:
        return {}
    specs = app_file.load(read_file(str(place), what="the app's file"), where=FILE)
    return {name: _from(place.parent.parent, spec) for name, spec in specs.items()}


def _from(top: Path, spec: BuildSpec) -> BuildSpec:
    if top == Path():
        return spec
    remote = is_remote(spec.context)
    return dataclasses.replace(
        spec,
        context=spec.context if remote else str(top / spec.context),
        file=spec.file if remote or not spec.file else str(top / spec.file),
        secret_files={name: str(top / path) for name, path in spec.secret_files.items()},
    )


# ---- checks ----


def _places(written: Mapping[str, BuildSpec]) -> dict[str, str]:
    return {f"{FILE}, images.{name}": name for name in written}


def _unknown(places: Mapping[str, str], config: str, document: Document) -> Iterator[str]:
    """``places``: the names of images, by where they are written."""
    for place, name in places.items():
        if name and name not in document.images:
            hint = closest(name, document.images)
            yield f"{place}: the document has no image `{name}`{hint}; {config} has {', '.join(document.images)}"


def _ambiguous(inputs: BuildPush, document: Document) -> Iterator[str]:
    if not inputs.image and len(document.images) > 1:
        for name in _OF_ONE_IMAGE:
            if getattr(inputs, name.replace("-", "_")):
                yield f"{name}: applies to a single image: name it in `image`, or set it for each image in {FILE}"
    ways = {"secrets": inputs.secrets, "secret-envs": inputs.secret_envs, "secret-files": inputs.secret_files}
    for (first, some), (second, others) in combinations(ways.items(), 2):
        for name in [name for name in others if name in some]:
            yield f"{second}: `{name}` is also in {first}; keep one"


def _colliding(inputs: BuildPush, document: Document) -> Iterator[str]:
    """Two images of a repository need tags of their own: with one commit tag, the second would look already built."""
    for (name, first), (later, second) in combinations(document.images.items(), 2):
        if first == second and (not inputs.image or inputs.image in (name, later)):
            yield (
                f"images.{later}.repository: is the same as that of images.{name}, so both would get the same tags; "
                "give each image its own repository, or its own tag-prefix or tag-suffix"
            )


def _beyond(written: Mapping[str, BuildSpec], checkout: Collection[Path]) -> Iterator[str]:
    """A commit must not read the runner's own files into an image."""
    for name, spec in written.items():
        local = {} if is_remote(spec.context) else {"context": spec.context, "file": spec.file}
        secrets = {f"secrets.{key}.file": path for key, path in spec.secret_files.items()}
        for key, path in {**local, **secrets}.items():
            if path and checkout and not workspace.inside(workspace.real(path), checkout):
                yield f"{FILE}, images.{name}.{key}: leads out of the checkout; only an input can do that"


def _credentials(written: Mapping[str, BuildSpec]) -> Iterator[str]:
    """A commit must not ask for the job's identity, which its Dockerfile could then use."""
    for name, spec in written.items():
        for key, variable in spec.secret_envs.items():
            if is_credential(variable):
                yield (
                    f"{FILE}, images.{name}.secrets.{key}.env: {variable} is a credential of the job, which only the "
                    "input secret-envs can pass to a build"
                )


# ---- merging ----


def _merged(name: str, inputs: BuildPush, written: BuildSpec) -> BuildSpec:
    """Inputs override build arguments and secrets one by one, by name, and every other setting as a whole."""
    arguments = {_name(argument) for argument in inputs.build_args}
    secrets = {*inputs.secrets, *inputs.secret_envs, *inputs.secret_files}
    return BuildSpec(
        name,
        context=inputs.context or written.context,
        file=inputs.file or written.file,
        target=inputs.target or written.target,
        build_args=(*(pair for pair in written.build_args if _name(pair) not in arguments), *inputs.build_args),
        platforms=inputs.platforms or written.platforms,
        secrets=inputs.secrets,
        secret_envs={**_without(secrets, written.secret_envs), **inputs.secret_envs},
        secret_files={**_without(secrets, written.secret_files), **inputs.secret_files},
        cache=inputs.cache or written.cache,
        cache_from=inputs.cache_from,
        cache_to=inputs.cache_to,
        labels=inputs.labels,
        provenance=inputs.provenance,
        sbom=inputs.sbom,
    )


def _name(argument: str) -> str:
    return argument.partition("=")[0]


def _without(names: set[str], entries: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in entries.items() if name not in names}


def _sources(spec: BuildSpec, inputs: BuildPush) -> Iterator[str]:
    """Every setting that is not the default, with its source: ``context (input)``."""
    default = BuildSpec(spec.name)
    for setting in dataclasses.fields(BuildSpec):
        value = getattr(spec, setting.name)
        if value != getattr(default, setting.name):
            given = getattr(inputs, setting.name)
            sources = [FILE] * (value != given) + ["input"] * bool(given)
            yield f"{setting.name.replace('_', '-')} ({', '.join(sources)})"
