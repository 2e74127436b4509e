"""Copies images that are in ECR to further registries, manifest by manifest, under the same tags."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import partial

from botocore.exceptions import BotoCoreError, ClientError

from ecs_cd.aws.errors import explain
from ecs_cd.images import docker, registry
from ecs_cd.images.build import Done
from ecs_cd.job.job import Job, concurrently
from ecs_cd.model.errors import Refused
from ecs_cd.model.references import Repository


def push(done: Sequence[Done], job: Job) -> str:
    """Copies each image to the repositories of its plan; returns why some copies are missing, empty if none is.

    Logs in to ECR. For other registries it uses the caller's own logins.
    """
    wanted = [(image, place) for image in done for place in image.plan.copies]
    try:
        return _push(wanted, job) if wanted else ""
    except Refused as refused:
        return f"no image was copied: {refused.line}"
    except (ClientError, BotoCoreError) as error:
        return f"no image was copied: {explain(error)}"


def _push(wanted: Sequence[tuple[Done, Repository]], job: Job) -> str:
    in_ecr = [place for _, place in wanted if place.account or place.public]
    logins = registry.logins(job, [*(image.plan.repository for image, _ in wanted), *in_ecr])
    with docker.configuration(job, [login.host for login in logins]) as environ:
        for login in logins:
            docker.login(environ, login.host, login.user, login.password)
        failures = concurrently(*(partial(_copy, image, place, environ, job) for image, place in wanted))
    return "; ".join(filter(None, failures))


def _copy(done: Done, place: Repository, environ: Mapping[str, str], job: Job) -> str:
    tags = [tag for tag in done.plan.tagging.names if tag != done.plan.tagging.content]
    missing = [tag for tag in tags if not _has(place, tag, done.digest, environ)]
    if not missing:
        job.ci.line(f"{place} has {done.image} already")
        return ""
    lines = docker.copy(done.image, [f"{place}:{tag}" for tag in missing], environ)
    if lines is None:
        job.ci.line(f"{done.image} copied to {place}: {', '.join(missing)}")
        return ""
    job.ci.relay(lines)
    return f"{done.image} was not copied to {place}; the output of docker buildx imagetools is above"


def _has(place: Repository, tag: str, digest: str, environ: Mapping[str, str]) -> bool:
    content = docker.raw(f"{place}:{tag}", environ)
    return f"sha256:{hashlib.sha256(content).hexdigest()}" == digest
