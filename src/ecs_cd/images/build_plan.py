"""Decides before any build which images to build, which to reuse, and under which tags."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ecs_cd.aws.ecr import MissingRepository
from ecs_cd.document.rules.document import Document
from ecs_cd.images import build_spec, docker, registry, scan
from ecs_cd.images.rules import buildx, emulation, index, tags
from ecs_cd.images.rules.buildx import Cache
from ecs_cd.images.rules.tags import Tagging
from ecs_cd.inputs.build_push import BuildPush, BuildPushAlone
from ecs_cd.job import checkout
from ecs_cd.job.job import Job, concurrently
from ecs_cd.model.build_spec import BuildSpec
from ecs_cd.model.errors import Refused
from ecs_cd.model.references import Image, Mutability, Repository

if TYPE_CHECKING:
    from ecs_cd.images.rules.content import Key

T = TypeVar("T")

_REMEDY = "Paths are relative to the working directory; on GitHub, is there an actions/checkout step before this one?"


@dataclass(frozen=True)
class BuildPlan:
    """One image. ``existing`` holds those of the relevant tags that exist in its repository.

    ``copies`` are the repositories that get the image afterwards. The fields after it are only for a build; ``key`` is
    what the content tag stands for, if the image gets it. ``whole`` is the plan of the image of all platforms, if this
    is one of those that it is joined of.
    """

    spec: BuildSpec
    repository: Repository
    commit: str
    tagging: Tagging
    existing: dict[str, Image]
    copies: Sequence[Repository] = ()
    cache: Cache = field(default_factory=Cache)
    cache_repository: Repository | None = None
    key: Key | None = None
    whole: BuildPlan | None = None

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def commit_tag(self) -> str:
        """The tag of the commit's image, or of its image for one platform; empty if no commit is known."""
        if self.whole:
            return self.platform_tag(self.spec.platforms[0])
        return self.repository.tag(self.commit) if self.commit else ""

    def platform_tag(self, platform: str) -> str:
        """The tag of the commit's image for one platform."""
        return self.repository.tag(index.tag(self.commit, platform))

    @property
    def dockerfile(self) -> str:
        """The text of the Dockerfile; empty if the context is not a local folder."""
        return "" if buildx.is_remote(self.spec.context) else _read(self.spec)


def place(specs: Sequence[BuildSpec]) -> str:
    """The folder of the checkout to build from: actions/checkout may use a subfolder, set by `path`."""
    return next((spec.context for spec in specs if not buildx.is_remote(spec.context)), ".")


def prepare(
    inputs: BuildPush, specs: Sequence[BuildSpec], document: Document, commit: str, job: Job
) -> list[BuildPlan]:
    """Plans all images, and runs every check that is possible before a build.

    Starts no Docker process if there is nothing to build.
    """
    tags.check(inputs.tags)
    if inputs.scan == "wait" or inputs.fail_on:
        for spec in specs:
            scan.check(document.images[spec.name])
    platform = inputs.platform if isinstance(inputs, BuildPushAlone) else ""
    if platform:
        index.check(platform, {spec.name: spec.platforms for spec in specs}, commit, inputs.reuse)
    keys = _keys(specs, commit, job) if inputs.reuse == "content" else {}
    several = len(specs) > 1
    calls = (
        lambda spec=spec: _plan(
            spec, keys.get(spec.name), inputs, document, commit, job, index.part(platform, spec.platforms)
        )
        for spec in specs
    )
    named = (_named(f"image `{spec.name}`: " * several, call) for spec, call in zip(specs, calls, strict=True))
    plans: list[BuildPlan] = concurrently(*named)
    tags.check_apart({plan.name: (str(plan.repository), plan.tagging) for plan in plans})
    _check_platforms([plan for plan in plans if not plan.tagging.reuse], job)
    for plan in plans:
        what = "is reused" if plan.tagging.reuse else "will be built"
        job.ci.line(f"image: {plan.name} ({plan.repository}) {what}: {plan.tagging.why}")
        for notice in (plan.whole or plan).tagging.notices:
            job.ci.notice(f"image `{plan.name}`: " * several + notice)
    return plans


def _keys(specs: Sequence[BuildSpec], commit: str, job: Job) -> dict[str, Key]:
    from ecs_cd.images import content_key  # rarely used, and importing it would slow down every start

    return content_key.keys(specs, commit, job)


def _named(prefix: str, call: Callable[[], T]) -> Callable[[], T]:
    """Wraps the call so that its problems name their image."""

    def named() -> T:
        try:
            return call()
        except Refused as refused:
            raise Refused([f"{prefix}{problem}" for problem in refused.problems], refused.remedy) from refused

    return named


def _plan(
    spec: BuildSpec, key: Key | None, inputs: BuildPush, document: Document, commit: str, job: Job, platform: str
) -> BuildPlan:
    """``platform`` is the only one that this job builds; empty if it builds all."""
    repository = document.images[spec.name]
    copies: Sequence[Repository] = document.copies.get(spec.name, ())
    head = checkout.head(place([spec]))
    content, why_not = (key.tag, key.why_not) if key else ("", "")
    own, extra = repository.tag(commit) if commit else "", [repository.tag(tag) for tag in inputs.tags]
    tags.check(extra)
    own_part = repository.tag(index.tag(commit, platform)) if platform else ""
    tags.check([own_part] if own_part else [])
    searched = [tag for tag in (own, content, own_part, *extra) if tag]
    existing, mutability, doubt = concurrently(
        lambda: registry.or_missing(lambda: registry.images(job.aws, repository, searched)),
        lambda: registry.or_missing(lambda: registry.mutability(job.aws, repository)),
        lambda: _doubt(spec) if head in ("", commit) else "",  # ecs-cd doesn't build another commit here
    )
    missing = next((answer for answer in (existing, mutability) if isinstance(answer, MissingRepository)), None)
    if missing:
        existing, mutability = {}, registry.created_on_push(job, repository, missing)
    tagging = tags.plan(
        commit=own,
        extra=extra,
        latest=repository.tag("latest"),
        doubt=doubt,
        existing={tag: image.digest for tag, image in existing.items()},
        mutability=mutability,
        reuse=inputs.reuse,
        content=content,
        why_not=why_not,
    )
    whole = None
    if tagging.reuse:
        return BuildPlan(spec, repository, commit, tagging, existing, copies)
    if platform:
        whole = BuildPlan(spec, repository, commit, tagging, existing, copies)
        spec, tagging, copies = _of_one_platform(spec, platform, own_part, own_part in existing, doubt)
        if tagging.reuse:
            return BuildPlan(spec, repository, commit, tagging, existing, whole=whole)
    _check_buildable(spec, commit, head)
    cached, cache_repository = _cache(spec, document, mutability, existing, job, platform)
    key = key if tagging.content else None
    return BuildPlan(spec, repository, commit, tagging, existing, copies, cached, cache_repository, key, whole)


def _of_one_platform(
    spec: BuildSpec, platform: str, tag: str, there: bool, doubt: str
) -> tuple[BuildSpec, Tagging, Sequence[Repository]]:
    if doubt:
        raise Refused(f"platform: the jobs of an image's platforms need the same files, and {doubt}")
    why = f"the commit's image for {platform} is {'already' if there else 'not'} in ECR"
    return replace(spec, platforms=(platform,)), Tagging(tag if there else "", (tag,), why=why), ()


def _doubt(spec: BuildSpec) -> str:
    """Why the build's files may differ from the commit; empty if they don't."""
    if buildx.is_remote(spec.context):
        return "the context is not the checkout, and may be at another commit"  # not the URL: it may hold a token
    described_by = [str(path) for path in (spec.file, build_spec.file()) if path]  # in addition to the context
    return tags.differing(checkout.differences([spec.context, *described_by]))


# ---- checks ----


def _check_buildable(spec: BuildSpec, commit: str, head: str) -> None:
    found = []
    if head and head != commit:
        found.append(f"sha: {commit} is not in ECR, and can't be built from a checkout of {head}")
    for label in spec.labels:
        if "=" not in label:
            found.append("labels: a label must be NAME=VALUE")
    for name, path in spec.secret_files.items():
        if not Path(path).is_file():
            found.append(f"secret-files: the file of `{name}` does not exist")
    if not buildx.is_remote(spec.context):
        if not Path(spec.context).is_dir():
            found.append(f"context: there is no folder {spec.context}")
        elif not dockerfile_path(spec).is_file():
            found.append(f"file: there is no Dockerfile {dockerfile_path(spec)}")
    if found:
        raise Refused(found, _REMEDY)


def dockerfile_path(spec: BuildSpec) -> Path:
    """The Dockerfile of a build whose context is a folder."""
    return Path(spec.file or Path(spec.context) / "Dockerfile")


def _read(spec: BuildSpec) -> str:
    return dockerfile_path(spec).read_text(encoding="utf-8", errors="replace")


def _check_platforms(plans: Sequence[BuildPlan], job: Job) -> None:
    """Refuses a build that runs programs of a platform for which the builder is not native and has no emulator.

    A build that only copies files, or cross-compiles, doesn't need an emulator.
    """
    asked = [plan.spec for plan in plans if plan.spec.platforms and not buildx.is_remote(plan.spec.context)]
    available = buildx.platforms(docker.platforms(job.environ)) if asked else set()
    found = [
        f"platforms: image `{spec.name}` runs programs for {', '.join(lacking)}, but the builder can't emulate that"
        for spec in asked
        if (lacking := buildx.missing_platforms(spec.platforms, available))
        and emulation.needed(_read(spec), spec.target)
    ]
    if available and found:
        raise Refused(found, "Set up emulators before this step with docker/setup-qemu-action.")


# ---- the cache ----


def _cache(
    spec: BuildSpec, document: Document, mutability: Mutability, existing: dict[str, Image], job: Job, platform: str
) -> tuple[Cache, Repository | None]:
    """The build's cache, and the repository of a cache in a registry. Each platform's job has its own."""
    repository = document.images[spec.name]
    own = f"-{index.slug(platform)}" if platform else ""
    if spec.cache == "registry":
        place, tag = _cache_place(spec.name, document)
        tag += own
        if (mutability if str(place) == str(repository) else _mutability(place, job)).fixed(tag):
            raise Refused(
                f"cache: the repository {place} is immutable, so its tag `{tag}` can be written only once",
                "Give the image a `cache-repository` in the document, or exclude the tag from the immutability.",
            )
        return buildx.registry_cache(f"{place}:{tag}"), place
    if spec.cache == "inline":
        tag = next((tag for tag in existing if not mutability.fixed(tag)), "")
        return buildx.inline_cache(f"{repository}:{tag}" if tag else ""), None
    if spec.cache == "gha" and _has_github_cache(spec.name, job):
        return buildx.gha_cache(f"{spec.name}{own}"), None
    return Cache(), None


def _mutability(repository: Repository, job: Job) -> Mutability:
    found = registry.or_missing(lambda: registry.mutability(job.aws, repository))
    return registry.created_on_push(job, repository, found) if isinstance(found, MissingRepository) else found


def _cache_place(name: str, document: Document) -> tuple[Repository, str]:
    places = {**document.images, **document.cache_repositories}
    shared = [str(place) for place in places.values()].count(str(places[name])) > 1
    return places[name], f"cache-{name}" if shared else "cache"


def _has_github_cache(name: str, job: Job) -> bool:
    if job.run.on_codebuild:
        job.ci.warning(f"cache: image `{name}` is built without GitHub's cache, which CodeBuild can't reach.")
    elif not job.run.github_cache:
        job.ci.warning(
            f"cache: image `{name}` is built without GitHub's cache: ACTIONS_RUNTIME_TOKEN and ACTIONS_RESULTS_URL are "
            "not in the environment. Add crazy-max/ghaction-github-runtime before this step."
        )
    return job.run.github_cache
