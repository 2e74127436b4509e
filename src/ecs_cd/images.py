"""From a commit to digests: the images that a migration or a deployment will run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ecs_cd.aws import ecr
from ecs_cd.core.errors import Refused
from ecs_cd.core.references import Repository
from ecs_cd.job import Job, together


def resolve(names: Iterable[str], repositories: Mapping[str, Repository], commit: str, job: Job) -> dict[str, str]:
    """The images of these names by digest, as ``repository@sha256:...``.

    Raises ``Refused`` naming every one that is not in ECR.
    """
    wanted = list(dict.fromkeys(names))
    if not wanted:
        return {}
    if not commit:
        raise Refused("no commit is known", "Set the input sha, or check the repository out before this step.")
    found = together(*(lambda name=name: _digest(repositories[name], commit, job) for name in wanted))
    missing = [
        f"image `{name}` is not in ECR: {repositories[name]}:{commit}"
        for name, d in zip(wanted, found, strict=True)
        if not d
    ]
    if missing:
        raise Refused(
            missing, "Build and push it first (build-push), or give the input sha of a commit that was built."
        )
    resolved = {name: repositories[name].by_digest(digest) for name, digest in zip(wanted, found, strict=True)}
    for name, image in resolved.items():
        job.ci.line(f"image: {name} is {image}")
    return resolved


def _digest(repository: Repository, commit: str, job: Job) -> str:
    image = ecr.images(job.aws, repository, [commit]).get(commit)
    return image.digest if image else ""
