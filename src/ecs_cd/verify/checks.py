"""All checks, and the order of their findings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from ecs_cd.job.job import Job, concurrently
from ecs_cd.verify import (
    app_file,
    capacity,
    cluster,
    environment_files,
    images,
    locks,
    logs,
    network,
    pipeline,
    ports,
    roles,
    secrets,
    services,
    targets,
    templates,
)
from ecs_cd.verify.rules.finding import Finding
from ecs_cd.verify.subjects import Found, Subject

DOCUMENT = "document"
# The checks of one subject. A topic's calls are in its module, its rules in the module of the same name in rules/.
TOPICS: tuple[Callable[[Job, Subject], list[Finding]], ...] = (
    templates.check,
    services.check,
    roles.check,
    logs.check,
    secrets.check,
    environment_files.check,
    images.check,
    ports.check,
    network.check,
    targets.check,
    capacity.check,
)
# The checks of the document as a whole: the cluster, its images, its pipeline.
WHOLE: tuple[Callable[[Job, Found], list[Finding]], ...] = (cluster.check, app_file.check, locks.check, pipeline.check)


def check(found: Found, job: Job) -> list[Finding]:
    """Makes all checks at once; the findings in the document's order."""
    results: list[list[Finding]] = concurrently(
        *(partial(topic, job, found) for topic in WHOLE),
        *(partial(topic, job, subject) for subject in found.subjects for topic in TOPICS),
    )
    findings = [*found.findings, *(finding for result in results for finding in result)]
    return sorted(findings, key=lambda finding: _place(finding.subject, found.subjects))


def _place(subject: str, subjects: Sequence[Subject]) -> int:
    """The document and the cluster come first, then images, then the subjects, then everything else."""
    first = [DOCUMENT, "app file", "cluster"]
    names = [each.name for each in subjects]
    if subject in first:
        return first.index(subject)
    if subject.startswith("image "):
        return len(first)
    return len(first) + 1 + (names.index(subject) if subject in names else len(names))
