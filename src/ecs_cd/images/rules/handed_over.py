"""The images that a CodePipeline pipeline hands over: by its variables, and by files in a build's input artifacts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ecs_cd.document.rules.pipeline import Pipeline
from ecs_cd.model import json_yaml
from ecs_cd.model.errors import Refused
from ecs_cd.model.names import closest
from ecs_cd.model.references import COMMIT, DIGEST, Repository, image_reference, repository

IMAGES = "images.json"
# https://docs.aws.amazon.com/codepipeline/latest/userguide/file-reference.html
_DETAIL = re.compile(r"imageDetail(?:-(?P<image>.+))?\.json")
_PLACE = re.compile(r"[A-Za-z0-9._:/-]+")
NONE = "none"  # the default of a pipeline's variable, which can't be empty
REMEDY = "`images-from: commit` uses the commit's images instead."


@dataclass(frozen=True)
class Statement:
    """What one source says: the digests of images, by their names in the document, and the commit that they are of.

    ``tagged_with`` are the commits in the image's tags: several if a commit reused the image of another.
    """

    source: str
    digests: Mapping[str, str] = field(default_factory=dict)
    commit: str = ""
    tagged_with: frozenset[str] = frozenset()


@dataclass(frozen=True)
class HandedOver:
    """What all sources say together; ``sources`` are those of images."""

    digests: Mapping[str, str] = field(default_factory=dict)
    commit: str = ""
    sources: tuple[str, ...] = ()


def together(statements: Sequence[Statement]) -> HandedOver:
    """Raises ``Refused`` if two sources contradict each other."""
    digests: dict[str, tuple[str, str]] = {}  # image: digest, source
    commits: dict[str, str] = {}  # commit: its first source
    found = []
    for each in statements:
        for image, digest in each.digests.items():
            first, where = digests.setdefault(image, (digest, each.source))
            if first != digest:
                found.append(f"image `{image}`: {where} has {first}, but {each.source} has {digest}")
        if each.commit:
            commits.setdefault(each.commit, each.source)
    if len(commits) > 1:
        found.append(f"commit: {', but '.join(f'{where} has {commit}' for commit, where in commits.items())}")
    if found:
        raise Refused(found, f"Images and commit must come from one build. {REMEDY}")
    tagged = frozenset[str]().union(*(each.tagged_with for each in statements))
    return HandedOver(
        {image: digest for image, (digest, _) in digests.items()},
        next(iter(commits), "") or (next(iter(tagged)) if len(tagged) == 1 else ""),
        tuple(each.source for each in statements if each.digests),
    )


# ---- variables ----


def of_variables(pipeline: Pipeline, environ: Mapping[str, str], images: Mapping[str, Repository]) -> list[Statement]:
    """What the environment variables that the document's pipeline names say about images.

    Raises ``Refused`` if one is missing or empty, or is not an image by digest.
    """
    absent = [name for name in pipeline.variables if not _given(name, environ)]
    if absent:
        raise Refused([_absent(name, pipeline, environ) for name in absent], _variables_remedy(absent, environ))
    return [_of_variable(name, environ[name], image, images[image]) for name, image in pipeline.variables.items()]


def any_variable(pipeline: Pipeline, environ: Mapping[str, str]) -> bool:
    """Whether the environment has any of them, even if its value is empty."""
    return any(name in environ for name in pipeline.variables)


def of_commit_variable(pipeline: Pipeline, environ: Mapping[str, str]) -> list[Statement]:
    """What the environment variable with the commit says. An execution that a person starts may lack it."""
    name = pipeline.commit
    if not name or not _given(name, environ):
        return []
    commit = environ[name].strip().lower()
    if not COMMIT.fullmatch(commit):
        raise Refused(
            f"the variable {name}: must be a full commit id of 40 or 64 hexadecimal digits",
            "Start the execution with hand-off, or without a commit.",
        )
    return [Statement(f"the variable {name}", commit=commit)]


def _given(name: str, environ: Mapping[str, str]) -> bool:
    return environ.get(name, "").strip() not in ("", NONE)


def _absent(name: str, pipeline: Pipeline, environ: Mapping[str, str]) -> str:
    value = environ.get(name)
    state = "is not set" if value is None else f"is `{NONE}`" if value.strip() == NONE else "is empty"
    return f"the variable {name}, for image `{pipeline.variables[name]}`, {state}"


def _variables_remedy(absent: Iterable[str], environ: Mapping[str, str]) -> str:
    """A variable that the build does not get, and one that the execution was started without."""
    not_set = [name for name in absent if name not in environ]
    lines = ", ".join(f'{{"name":"{name}","value":"#{{variables.{name}}}"}}' for name in not_set)
    passed = f"Add to the EnvironmentVariables of the CodeBuild action: {lines}. " if lines else ""
    started = "" if lines else "Start the execution with hand-off, or with an image by digest in every variable. "
    return f"{passed}{started}{REMEDY}"


def _of_variable(name: str, value: str, image: str, place: Repository) -> Statement:
    where = f"the variable {name}"
    return Statement(where, {image: _digest(value.strip(), image, place, where)})


# ---- files ----


def is_source(file: str) -> bool:
    """Whether a file of this name can name images."""
    return file == IMAGES or _DETAIL.fullmatch(file) is not None


def source(file: str, artifact: str) -> str:
    """How messages name a file of an input artifact."""
    return f"{file} of the {f'input artifact {artifact}' if artifact else 'primary input artifact'}"


def nothing_handed_over() -> Refused:
    """For a pipeline that should hand over images."""
    return Refused(
        f"the pipeline hands over no images: no input artifact of this build has {IMAGES} or imageDetail.json",
        f"Give the CodeBuild action the artifact of the S3 or ECR source as input. {REMEDY}",
    )


def of_file(
    file: str, text: str, artifact: str, images: Mapping[str, Repository], pipeline: Pipeline | None
) -> Statement:
    """What a file in this input artifact says. Raises ``Refused`` if it doesn't name images by digest."""
    where = source(file, artifact)
    content = _object(text, where)
    if file == IMAGES:
        return _of_images(content, where, images)
    name = _DETAIL.fullmatch(file)
    return _of_detail(content, where, name["image"] if name else None, artifact, images, pipeline)


def _object(text: str, where: str) -> Mapping[str, Any]:
    try:
        content: Any = json_yaml.parse(text, what=where)
    except Refused as refused:
        raise Refused(refused.problems, REMEDY) from None
    found = [f"{where}: {path}: occurs twice; keep one" for path in json_yaml.duplicate_keys(content)]
    if not isinstance(content, Mapping):
        found.append(f"{where}: must be a JSON object")
    if found:
        raise Refused(found, REMEDY)
    return dict(content)


def _of_images(content: Mapping[str, Any], where: str, images: Mapping[str, Repository]) -> Statement:
    named, commit = content.get("images"), content.get("commit", "")
    found = []
    if not isinstance(named, Mapping) or not named:
        found.append(f"{where}: images: must be an object with an image by digest for each name")
    if commit != "" and not (isinstance(commit, str) and COMMIT.fullmatch(commit)):
        found.append(f"{where}: commit: must be a full commit id of 40 or 64 hexadecimal digits")
    digests: dict[str, str] = {}
    for name, value in named.items() if isinstance(named, Mapping) else ():
        try:
            digests[name] = _named(name, value, f"{where}: images.{name}", images)
        except Refused as refused:
            found += refused.problems
    if found:
        raise Refused(found, REMEDY)
    return Statement(where, digests, commit)


def _named(name: str, value: Any, where: str, images: Mapping[str, Repository]) -> str:
    """The digest of the image with this name."""
    if name not in images:
        known = f"{closest(name, images)}; it has {', '.join(images)}"
        raise Refused(f"{where}: the document has no image `{name}`{known}", REMEDY)
    return _digest(value, name, images[name], where)


def _of_detail(
    content: Mapping[str, Any],
    where: str,
    image: str | None,
    artifact: str,
    images: Mapping[str, Repository],
    pipeline: Pipeline | None,
) -> Statement:
    """An imageDetail.json. That of an ECR source has ImageDigest too, and may have a tag in ImageURI."""
    uri, digest = content.get("ImageURI"), content.get("ImageDigest") or ""
    if not isinstance(uri, str) or not uri:
        raise Refused(f"{where}: ImageURI: is missing", REMEDY)
    place, known = image_reference(uri)
    if DIGEST.fullmatch(known) and digest not in ("", known):
        raise Refused(f"{where}: ImageURI has {known}, but ImageDigest is another digest", REMEDY)
    reference = f"{place}@{known if DIGEST.fullmatch(known) else digest}"
    given, _ = _by_digest(reference, where)
    name = image if image is not None else _image_in(given, where, artifact, images, pipeline)
    return Statement(where, {name: _named(name, reference, where, images)}, tagged_with=_commits(content, images[name]))


def _image_in(
    place: Repository, where: str, artifact: str, images: Mapping[str, Repository], pipeline: Pipeline | None
) -> str:
    """The image in this repository. If several share it, the one of the source action that the artifact is named
    after."""
    there = [name for name, each in images.items() if _same(place, each)]
    by_action = {_plain(action): name for action, name in (pipeline.images if pipeline else {}).items()}
    if len(there) > 1 and by_action.get(_plain(artifact)) in there:
        return by_action[_plain(artifact)]
    if not there:
        known = ", ".join(dict.fromkeys(map(str, images.values())))
        raise Refused(f"{where}: {place} is not a repository of the document, which has {known}", REMEDY)
    if len(there) > 1:
        raise Refused(
            f"{where}: the images {', '.join(there)} share the repository {place}, so it can be any of them",
            f"Name each ECR source's output artifact after its action in pipeline.images, or write "
            f"imageDetail-IMAGE.json. {REMEDY}",
        )
    return there[0]


def _plain(name: str) -> str:
    """Artifacts and environment variables allow fewer characters than actions."""
    return re.sub(r"[^a-z0-9]", "_", name.lower())


def _commits(content: Mapping[str, Any], place: Repository) -> frozenset[str]:
    """The commits among the image's tags."""
    tags = content.get("ImageTags")
    texts = [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []
    found = (tag.removeprefix(place.tag_prefix).removesuffix(place.tag_suffix) for tag in texts)
    return frozenset(commit for commit in found if COMMIT.fullmatch(commit) and place.tag(commit) in texts)


# ---- references ----


def _digest(value: Any, image: str, wanted: Repository, where: str) -> str:
    """The digest of the image with this name. Raises ``Refused`` if the value is not in its repository."""
    given, digest = _by_digest(value, where)
    if _same(given, wanted):
        return digest
    what = "repository"
    if given.account and wanted.account and given.name == wanted.name:
        what = "region" if given.account == wanted.account else "account"
    raise Refused(f"{where}: {given} is another {what} than that of image `{image}`, {wanted}", REMEDY)


def _by_digest(value: Any, where: str) -> tuple[Repository, str]:
    """The repository and the digest. Raises ``Refused`` without the value, which could be anything."""
    place, digest = image_reference(value) if isinstance(value, str) else ("", "")
    if not _PLACE.fullmatch(place) or not DIGEST.fullmatch(digest):
        raise Refused(f"{where}: must be an image by digest, repository@sha256:...", REMEDY)
    return repository(place), digest


def _same(given: Repository, wanted: Repository) -> bool:
    """An ECR repository has several hosts, such as that with IPv6."""
    if given.account and wanted.account:
        return (given.account, given.region, given.name) == (wanted.account, wanted.region, wanted.name)
    return str(given) == str(wanted)
