"""`gh` verifies the attestations of images, which GitHub stores by digest."""

from __future__ import annotations

import hashlib
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from ecs_cd.ci import github_api
from ecs_cd.ci.rules import child_environment
from ecs_cd.images import registry
from ecs_cd.images.rules import attestation
from ecs_cd.job import programs
from ecs_cd.job.job import Job, concurrently
from ecs_cd.model import pace
from ecs_cd.model.attestation import Policy
from ecs_cd.model.errors import Refused
from ecs_cd.model.references import image_reference, is_aws, repository

_PUBLIC = "https://github.com"


def verify(images: Mapping[str, str], policies: Sequence[Policy], given: str, job: Job) -> None:
    """Verifies that these images, ``repository@sha256:...`` with their names in the document, meet all policies. The
    ``given`` token, or else the environment's, is for GitHub.

    Raises ``Refused`` with the problems of all images, also if GitHub can't be asked.
    """
    if not images:
        return
    if job.run.under_act and not is_aws(job.aws.client("ecr").meta.endpoint_url):
        job.ci.line("require-attestation: nothing is verified, because act deploys to a local AWS")
        return
    token = github_api.token(job.environ, given)
    if not token:
        raise Refused(
            "require-attestation: there is no token to ask GitHub for attestations with",
            "Set the input github-token, or GITHUB_TOKEN on the command line and in CodeBuild.",
        )
    with tempfile.TemporaryDirectory(prefix="attestations-", dir=job.state.folder) as folder:
        files = concurrently(*(partial(_manifest, image, name, Path(folder), job) for image, name in images.items()))
        environ = _environ(job, token, folder)
        checks = [
            partial(_check, f"image `{name}`, {image}", file, same, environ, job)
            for (image, name), file in zip(images.items(), files, strict=True)
            for same in _by_repository(policies)
        ]
        concurrently(*checks)


def _manifest(image: str, name: str, folder: Path, job: Job) -> Path:
    """A file with exactly the manifest that has the image's digest."""
    uri, digest = image_reference(image)
    content = registry.manifest(job.aws, repository(uri), digest).encode()
    if f"sha256:{hashlib.sha256(content).hexdigest()}" != digest:
        raise Refused(
            f"require-attestation: image `{name}`: the registry's manifest does not have the digest of {image}",
            "ecs-cd can't verify an image whose manifest it can't read.",
        )
    file = folder / f"{digest.removeprefix('sha256:')}.json"
    file.write_bytes(content)
    return file


def _environ(job: Job, token: str, folder: str) -> dict[str, str]:
    return {**child_environment.for_gh(job.environ, token, folder), "PATH": programs.path(job.environ)}


def _by_repository(policies: Sequence[Policy]) -> list[list[Policy]]:
    """One question to GitHub answers all policies of a repository."""
    found: dict[str, list[Policy]] = {}
    for policy in dict.fromkeys(policies):
        found.setdefault(policy.repository.lower(), []).append(policy)
    return list(found.values())


def _check(what: str, file: Path, policies: Sequence[Policy], environ: Mapping[str, str], job: Job) -> None:
    """Raises ``Refused`` unless GitHub has attestations of this manifest that meet the policies, all of one
    repository."""
    server = _server(job)
    done = _ask(attestation.command(str(file), policies[0], server.partition("://")[2]), environ, job)
    if done.returncode:
        said = done.stderr.replace(environ["GH_TOKEN"], "***")
        problem, remedy = attestation.failure(said, policies[0], server)
        raise Refused(f"require-attestation: {what}: {problem}", remedy)
    for policy in policies:
        problem = attestation.problem(done.stdout, policy, f"sha256:{file.stem}", server)
        if problem:
            raise Refused(f"require-attestation: {what}: {problem}", attestation.sign(policy))
        job.ci.line(f"attestation: {what} is signed by {policy.signers} for {policy.repository}")


def _ask(command: Sequence[str], environ: Mapping[str, str], job: Job) -> subprocess.CompletedProcess[str]:
    for pause in pace.ATTESTATION_PAUSES:
        done = _run(command, environ)
        if not (done.returncode and attestation.transient(done.stderr)):
            return done
        job.clock.sleep(pause)
    return _run(command, environ)


def _run(command: Sequence[str], environ: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command,
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=pace.ATTESTATION_TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 1, "", f"i/o timeout: no answer in {pace.ATTESTATION_TIMEOUT:g} s")
    except FileNotFoundError:
        raise Refused("require-attestation: there is no `gh` on PATH", attestation.INSTALL) from None


def _server(job: Job) -> str:
    """The address of the GitHub server with the attestations."""
    url, name = job.run.repository_url, job.run.repository
    return url.removesuffix(f"/{name}") if job.run.on_github and url else _PUBLIC
