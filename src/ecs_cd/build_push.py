"""build-push: an image for the commit in ECR, built or found there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from ecs_cd import checkout, config, docker
from ecs_cd.aws import ecr
from ecs_cd.core import buildx, tags
from ecs_cd.core.document import Document, choose
from ecs_cd.core.errors import Refused
from ecs_cd.core.references import Repository
from ecs_cd.core.verdict import Outcome, Verdict
from ecs_cd.interface import BuildPush
from ecs_cd.job import Job, Result, together
from ecs_cd.step import Step, conduct

STEP = Step("Build and push")


@dataclass(frozen=True)
class Plan:
    """What will be built, or reused, and how it will be tagged."""

    name: str
    repository: Repository
    commit: str
    tagging: tags.Tagging
    there: dict[str, ecr.Image]


def run(inputs: BuildPush, job: Job) -> int:
    """The verb by itself; its exit code."""
    document = config.load(inputs.config, job)
    plan = prepare(inputs, document, checkout.commit(inputs.sha, job, place(inputs)), job)
    return conduct(STEP, lambda: execute(inputs, plan, job), job)


def place(inputs: BuildPush) -> str:
    """Where the checkout of what is built is: actions/checkout may have put it into a folder, by `path`."""
    return "." if buildx.is_remote(inputs.context) else inputs.context


def prepare(inputs: BuildPush, document: Document, commit: str, job: Job) -> Plan:
    """All that can be known, and refused, before anything is built."""
    name = choose("image", inputs.image, document.images)
    repository = document.images[name]
    head = checkout.head(place(inputs))
    doubt = _doubt(inputs) if head in ("", commit) else ""  # of another commit nothing is built here
    there, mutability = together(
        lambda: ecr.images(job.aws, repository, [tag for tag in (commit, *inputs.tags) if tag]),
        lambda: ecr.mutability(job.aws, repository),
    )
    tagging = tags.plan(
        commit=commit or None,
        extra=inputs.tags,
        doubt=doubt,
        there={tag: image.digest for tag, image in there.items()},
        mutability=mutability,
    )
    if not tagging.reuse:
        _check_buildable(inputs, commit, head)
    job.ci.line(f"image: {name} ({'the input image' if inputs.image else 'the only one'}), {repository}")
    return Plan(name, repository, commit, tagging, there)


def execute(inputs: BuildPush, plan: Plan, job: Job) -> Result:
    """Builds and pushes, or moves the tags of what is there. The tags hold the image in the end."""
    for notice in plan.tagging.notices:
        job.ci.notice(notice)
    built = not plan.tagging.reuse
    facts = {"repository": str(plan.repository), "tags": ", ".join(plan.tagging.names), "commit": plan.commit}
    try:
        digest = _build(inputs, plan, job) if built else _reuse(plan.there[plan.commit], plan, job)
    except _BuildFailed as failure:
        return Result(Verdict(Outcome.FAILED, str(failure)), facts=facts)
    image = plan.repository.by_digest(digest)
    how = "built and pushed" if built else "there already, not built"
    return Result(
        Verdict(Outcome.SUCCEEDED, f"{image} ({how})"),
        outputs={"image": image, "digest": digest, "tags": "\n".join(plan.tagging.names), "built": str(built).lower()},
        facts={**facts, "digest": digest},
    )


def _reuse(image: ecr.Image, plan: Plan, job: Job) -> str:
    """Gives the commit's image in ECR the tags that it lacks; its digest."""
    job.ci.line(f"{plan.repository}:{plan.commit} is in ECR already")
    for tag in plan.tagging.names:
        if tag != plan.commit and plan.there.get(tag) != image:
            ecr.tag(job.aws, plan.repository, image, tag)
            job.ci.line(f"tag `{tag}` moved to {image.digest}")
    return image.digest


def _build(inputs: BuildPush, plan: Plan, job: Job) -> str:
    host = plan.repository.host
    with docker.configuration(job, host) as environ:
        docker.login(environ, host, *ecr.login(job.aws, plan.repository))
        metadata = Path(environ["DOCKER_CONFIG"]) / "metadata.json"
        secrets = docker.secret_files(environ, inputs.secrets)
        argv = buildx.argv(_request(inputs, plan, secrets, job), metadata_file=str(metadata))
        with job.ci.foreign():
            code = docker.build(argv, environ)
        if code == 0:
            digest = buildx.digest(metadata.read_text(encoding="utf-8") if metadata.exists() else "")
            why = "BuildKit's metadata file names no image digest; does the builder's driver support --push?"
        else:
            digest = ""
            why = docker.why_not(environ) or f"docker buildx build failed (exit code {code}); its output is above"
    digest = digest or _pushed_all_the_same(plan, job)
    if not digest:
        raise _BuildFailed(why)
    return digest


class _BuildFailed(Exception):
    """buildx said no, and there is no image."""


def _pushed_all_the_same(plan: Plan, job: Job) -> str:
    """The digest of the commit's image, if it is in ECR although buildx failed; else an empty text.

    On an immutable repository another job may have been first; and buildx before 0.14 pushes twice to an
    engine with the containerd store, where ECR refuses the second. A manifest is in ECR only with all its layers.
    """
    if plan.commit not in plan.tagging.names:
        return ""
    image = ecr.images(job.aws, plan.repository, [plan.commit]).get(plan.commit)
    if image is None:
        return ""
    job.ci.notice("buildx did not succeed in all, but the commit's image is in ECR: that one is used")
    return _reuse(image, plan, job)


def _request(inputs: BuildPush, plan: Plan, secrets: dict[str, str], job: Job) -> buildx.Build:
    sources = {
        **{name: f"src={path}" for name, path in secrets.items()},
        **{name: f"src={path}" for name, path in inputs.secret_files.items()},
        **{name: f"env={variable}" for name, variable in inputs.secret_envs.items()},
    }
    return buildx.Build(
        context=inputs.context,
        references=[f"{plan.repository}:{tag}" for tag in plan.tagging.names],
        file=inputs.file,
        target=inputs.target,
        platforms=inputs.platforms,
        build_args=inputs.build_args,
        cache_from=inputs.cache_from,
        cache_to=inputs.cache_to,
        labels={**_oci_labels(plan.commit, job), **dict(label.split("=", 1) for label in inputs.labels)},
        secrets=sources,
    )


def _oci_labels(commit: str, job: Job) -> dict[str, str]:
    """https://github.com/opencontainers/image-spec/blob/main/annotations.md"""
    server, repository = job.environ.get("GITHUB_SERVER_URL"), job.environ.get("GITHUB_REPOSITORY")
    labels = {
        "org.opencontainers.image.source": f"{server}/{repository}" if server and repository else "",
        "org.opencontainers.image.revision": commit,
        "org.opencontainers.image.created": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    return {name: value for name, value in labels.items() if value}


def _doubt(inputs: BuildPush) -> str:
    """Why what the build sees may not be the commit's; empty where it is."""
    if buildx.is_remote(inputs.context):
        return f"the context {inputs.context} is not the checkout, and may be at another commit"
    return tags.differing(checkout.differences([inputs.context, *([inputs.file] if inputs.file else [])]))


def _check_buildable(inputs: BuildPush, commit: str, head: str) -> None:
    found = []
    if inputs.sha and head and head != commit:
        found.append(f"sha: {commit} is not in ECR, and can't be built from a checkout of {head}")
    for label in inputs.labels:
        if "=" not in label:
            found.append("labels: a label must be NAME=VALUE")
    for name, path in inputs.secret_files.items():
        if not Path(path).is_file():
            found.append(f"secret-files: the file of `{name}` is not there")
    if not buildx.is_remote(inputs.context):
        file = Path(inputs.file or Path(inputs.context) / "Dockerfile")
        if not Path(inputs.context).is_dir():
            found.append(f"context: there is no folder {inputs.context}")
        elif not file.is_file():
            found.append(f"file: there is no Dockerfile {file}")
    if found:
        raise Refused(found, "Paths are relative to the workspace; is there an actions/checkout step before this one?")
