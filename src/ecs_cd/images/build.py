"""Builds the planned images and pushes them to ECR in one BuildKit session; retries a push that the network cut off."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from functools import partial
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from ecs_cd.aws.errors import explain
from ecs_cd.diagnosis.evidence import Finding
from ecs_cd.images import docker, registry
from ecs_cd.images.build_plan import BuildPlan
from ecs_cd.images.registry import Login
from ecs_cd.images.rules import bake, build_failure, buildx
from ecs_cd.job.job import Job, concurrently
from ecs_cd.model import pace
from ecs_cd.model.errors import Refused
from ecs_cd.model.references import Image, Repository, mentioned, mentioned_public


@dataclass(frozen=True)
class Done:
    """An image that is now in ECR, with all tags of its plan."""

    plan: BuildPlan
    digest: str

    @property
    def image(self) -> str:
        return self.plan.repository.by_digest(self.digest)


@dataclass(frozen=True)
class Built:
    """The images that are done; ``why`` explains why the others are not."""

    done: Sequence[Done] = ()
    why: str = ""
    finding: Finding | None = None


@dataclass(frozen=True)
class _Attempt:
    """One call of buildx. ``digests`` and ``failed`` use the images' names and hold what BuildKit reports."""

    command: str
    code: int
    lines: list[str]
    digests: dict[str, str]
    failed: list[str]


def build(plans: Sequence[BuildPlan], job: Job) -> Built:
    """Builds and pushes these images in one session."""
    logins = _logins(plans, job)
    needed = {name for plan in plans for name in _variables(plan)}
    with docker.configuration(job, [login.host for login in logins], needed) as environ:
        for login in logins:
            _log_in(login, environ, job)
        if any(plan.key for plan in plans):
            plans = concurrently(*(partial(_checked, plan, environ, job) for plan in plans))
        builds = {plan.name: _build(plan, environ, job) for plan in plans}
        rescued: list[Done] = []
        left = list(plans)
        for number in itertools.count():
            attempt = _attempt({plan.name: builds[plan.name] for plan in left}, environ, job)
            if attempt.code == 0:
                break
            rescued += _in_ecr_anyway(left, job)
            left = [plan for plan in plans if plan.name not in {done.plan.name for done in rescued}]
            transient = build_failure.transient(attempt.lines)
            if not left or not transient or number == len(transient.pauses):
                break
            job.ci.line(f"{transient.words}; retrying in {transient.pauses[number]} seconds")
            job.clock.sleep(transient.pauses[number])
        pushed = [Done(plan, attempt.digests[plan.name]) for plan in left if plan.name in attempt.digests]
        left = [plan for plan in left if plan.name not in attempt.digests]
        if left:
            why = _why_missing(left, attempt, environ)
            finding = build_failure.finding(attempt.lines) or build_failure.unknown(attempt.lines)
            return Built([*rescued, *pushed], why, finding)
    differences = concurrently(*(lambda done=done: _differs(done, job) for done in pushed))
    verified = [done for done, words in zip(pushed, differences, strict=True) if not words]
    return Built([*rescued, *verified], "; ".join(filter(None, differences)))


def _variables(plan: BuildPlan) -> set[str]:
    caches = (*plan.cache.sources, *plan.cache.targets, *plan.spec.cache_from, *plan.spec.cache_to)
    return buildx.variables(plan.spec.build_args, plan.spec.secret_envs.values(), caches)


def _logins(plans: Sequence[BuildPlan], job: Job) -> list[Login]:
    """The logins for the registries of images and caches, and for ECR registries that base images come from.

    Keeps the caller's own login to a registry of base images. If such a registry gives no token, this is a warning:
    the build may not need it. ECR Public works without a login too, at a lower rate.
    """
    found = registry.logins(
        job, [where for plan in plans for where in (plan.repository, plan.cache_repository) if where]
    )
    texts = [text for plan in plans for text in (plan.dockerfile, *plan.spec.build_args, *plan.spec.cache_from)]
    known = docker.known_hosts(job.environ) | {login.host for login in found}
    private, public = (
        [place for place in places if place.host not in known] for places in (mentioned(texts), mentioned_public(texts))
    )
    bases = concurrently(lambda: _base_logins(private, job), lambda: _base_logins(public, job))
    return [*found, *bases[0], *(replace(login, optional=True) for login in bases[1])]


def _base_logins(bases: Sequence[Repository], job: Job) -> list[Login]:
    try:
        return registry.logins(job, bases)
    except (ClientError, BotoCoreError) as error:
        hosts = ", ".join(sorted({place.host for place in bases}))
        if bases[0].public:
            job.ci.line(f"no login for {hosts}: base images are pulled without one, at a lower rate ({explain(error)})")
        else:
            job.ci.warning(f"no login for {hosts}, which may hold base images: {explain(error)}")
        return []


def _log_in(login: Login, environ: Mapping[str, str], job: Job) -> None:
    try:
        docker.login(environ, login.host, login.user, login.password)
    except Refused as refused:
        if not login.optional:
            raise
        job.ci.line(f"{refused.problems[0]}; base images are pulled without a login, at a lower rate")


def _checked(plan: BuildPlan, environ: Mapping[str, str], job: Job) -> BuildPlan:
    """The plan, without the content tag if its base images may add other content than the key says.

    If a tag of a base image has moved since the key was made, the build takes what the tag points to now.
    """
    key = plan.key
    if not key:
        return plan
    from ecs_cd.images import bases  # rarely used, and importing it would slow down every start

    if tag := bases.moved(key, environ):
        why_not = f"the registry has another digest for the base image {tag} than ECR's API"
        plan = replace(plan, key=None)
    else:
        why_not = bases.doubt(key.parents, environ)
    if not why_not:
        return plan
    job.ci.notice(f"image `{plan.name}` gets no content tag: {why_not}")
    return replace(plan, tagging=plan.tagging.without_content)


def retag(plan: BuildPlan, image: Image, holding: str, job: Job) -> Done:
    """Adds the plan's missing tags to an image in ECR that already has the tag ``holding``."""
    for tag in plan.tagging.names:
        if tag != holding and plan.existing.get(tag) != image:
            registry.tag(job.aws, plan.repository, image, tag)
            job.ci.line(f"tag `{tag}` of {plan.repository} moved to {image.digest}")
    return Done(plan, image.digest)


# ---- one session ----


def _attempt(builds: Mapping[str, buildx.Build], environ: Mapping[str, str], job: Job) -> _Attempt:
    """Runs `docker buildx build` for one image, `docker buildx bake` for several, or to keep a token off the command
    line, which everyone on the machine can read."""
    folder = Path(environ["DOCKER_CONFIG"])
    metadata = folder / "metadata.json"
    metadata.unlink(missing_ok=True)
    targets = bake.targets(builds)
    by_file = len(builds) > 1 or any(map(buildx.confidential, builds.values()))
    if len(builds) > 1:
        job.ci.line(f"building these images together: {', '.join(builds)}")
    if not by_file:
        argv = buildx.argv(*builds.values(), metadata_file=str(metadata))
    else:
        by_target = {targets[name]: build for name, build in builds.items()}
        definition = bake.definition(by_target, folder=str(Path.cwd()), environ=environ)
        file = docker.write(environ, "bake.json", definition)
        argv = bake.argv(by_target, file=file, metadata_file=str(metadata))
    with job.ci.foreign(f"docker buildx: {', '.join(builds)}"):
        code, lines = docker.build(argv, {**environ, **bake.ENVIRON})
    if code == 0 and (steps := build_failure.cached(lines)):
        job.ci.line(f"docker buildx: all {steps} steps came from the cache")
    text = metadata.read_text(encoding="utf-8") if metadata.exists() else ""
    digests = bake.digests(text) if by_file else dict.fromkeys(targets.values(), buildx.digest(text))
    failed = bake.failed(lines)
    return _Attempt(
        " ".join(argv[:3]),
        code,
        lines,
        digests={name: found for name in builds if (found := digests.get(targets[name], ""))},
        failed=[name for name in builds if targets[name] in failed],
    )


def _build(plan: BuildPlan, environ: Mapping[str, str], job: Job) -> buildx.Build:
    spec = plan.spec
    secrets = docker.secret_files(environ, spec.name, spec.secrets)
    sources = {
        **{name: f"src={path}" for name, path in secrets.items()},
        **{name: f"src={path}" for name, path in spec.secret_files.items()},
        **{name: f"env={variable}" for name, variable in spec.secret_envs.items()},
    }
    return buildx.Build(
        context=spec.context,
        references=[f"{plan.repository}:{tag}" for tag in plan.tagging.names],
        file=spec.file,
        target=spec.target,
        platforms=spec.platforms,
        build_args=spec.build_args,
        cache_from=(*plan.cache.sources, *spec.cache_from),
        cache_to=(*plan.cache.targets, *spec.cache_to),
        labels={**_oci_labels(plan.commit, job), **dict(label.split("=", 1) for label in spec.labels)},
        secrets=sources,
        provenance=spec.provenance,
        sbom=spec.sbom,
        bases=plan.key.bases if plan.key else {},
    )


def _oci_labels(commit: str, job: Job) -> dict[str, str]:
    """https://github.com/opencontainers/image-spec/blob/main/annotations.md"""
    labels = {
        "org.opencontainers.image.source": job.run.repository_url,
        "org.opencontainers.image.revision": commit,
        "org.opencontainers.image.created": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    return {name: value for name, value in labels.items() if value}


# ---- results ----


def _in_ecr_anyway(plans: Sequence[BuildPlan], job: Job) -> list[Done]:
    """The plans whose image is in ECR although buildx failed.

    In an immutable repository, another job may have pushed first. With the containerd store, buildx before 0.14 pushes
    twice, and ECR refuses the second push. With several images, some may have arrived. ECR accepts a manifest only
    with all its layers. The image may be another job's, so it doesn't get the content tag.
    """
    found = concurrently(*(lambda plan=plan: _by_commit(plan, job) for plan in plans))
    unsure = [replace(plan, tagging=plan.tagging.without_content) for plan in plans]
    return [retag(plan, image, plan.commit_tag, job) for plan, image in zip(unsure, found, strict=True) if image]


def _by_commit(plan: BuildPlan, job: Job) -> Image | None:
    if plan.commit_tag not in plan.tagging.names:
        return None
    image = registry.existing(job.aws, plan.repository, [plan.commit_tag]).get(plan.commit_tag)
    if image is None or image == plan.existing.get(plan.commit_tag):  # an older image, as `reuse: never` allows
        return None
    job.ci.notice(f"buildx failed, but {plan.repository}:{plan.commit_tag} is in ECR, so ecs-cd uses it")
    return image


def _differs(done: Done, job: Job) -> str:
    """How the image in ECR differs from what BuildKit reports as pushed; empty if it doesn't."""
    plan, digest = done.plan, done.digest
    tag = plan.tagging.names[0]
    for pause in pace.PUSHED_LOOKS:
        if pause:
            job.clock.sleep(pause)
        image = registry.existing(job.aws, plan.repository, [tag]).get(tag)
        if image and image.digest == digest:
            return ""
    if image is None:
        return f"BuildKit pushed {digest}, but ECR has no image {plan.repository}:{tag}"
    return f"{plan.repository}:{tag} is {image.digest}, not the pushed {digest}: another push moved the tag"


def _why_missing(left: Sequence[BuildPlan], attempt: _Attempt, environ: Mapping[str, str]) -> str:
    """Why these images are not in ECR."""
    if attempt.code == 0:
        names = ", ".join(plan.name for plan in left)
        return f"BuildKit's metadata file has no digest for {names}; does the builder's driver support --push?"
    missing = docker.why_not(environ)
    if missing:
        return missing
    where = f" at {', '.join(attempt.failed)}" if attempt.failed else ""
    others = ", ".join(plan.name for plan in left if plan.name not in attempt.failed) if len(left) > 1 else ""
    words = [f"{attempt.command} failed{where} (exit code {attempt.code}); its output is above"]
    return "; ".join(words + ([f"not pushed{' either' if where else ''}: {others}"] if others else []))
