"""`verify` with the input drift: what runs, compared with the template and the newest successful commit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ecs_cd.aws import ecr, ecs
from ecs_cd.deploy.rules import digests, schedules
from ecs_cd.document.rules.document import Document, Entry, ScheduledTask, Service
from ecs_cd.images import registry
from ecs_cd.inputs.verify import Verify
from ecs_cd.job.job import Job, concurrently
from ecs_cd.model.errors import Refused
from ecs_cd.model.references import ServiceRevision, image_reference, repository, short
from ecs_cd.tasks import templates
from ecs_cd.tasks.loader import Loader
from ecs_cd.tasks.rules import environment
from ecs_cd.tasks.rules.revisions import running
from ecs_cd.tasks.rules.task_definition import TaskDefinition, with_images
from ecs_cd.verify import cluster
from ecs_cd.verify.asking import ask
from ecs_cd.verify.rules import drift
from ecs_cd.verify.rules.finding import Finding, not_checkable, ok
from ecs_cd.verify.subjects import Found, Subject, gather, listed

_COMMIT = "commit"  # the subject
# Why a manifest, with which tasks are only compared, may not be known: the last two, if it isn't one.
_UNREAD = (ClientError, BotoCoreError, Refused, ValueError, KeyError)


@dataclass(frozen=True)
class _Goal:
    """What should run: by the loader's templates, and the images of the commit, if it is known."""

    loader: Loader
    commit: str

    @property
    def job(self) -> Job:
        return self.loader.job


def check(inputs: Verify, entries: list[Entry], loader: Loader) -> list[Finding]:
    """Compares everything that runs; one-off tasks don't. Raises AWS's errors if nothing can be read."""
    job = loader.job
    commit, first = _commit(inputs, loader.document, job)
    found = gather([each for each in entries if isinstance(each, (Service, ScheduledTask))], commit, loader)
    goal = _Goal(loader, commit)
    results: list[list[Finding]] = concurrently(
        partial(cluster.check, job, found), *(partial(_subject, goal, subject) for subject in found.subjects)
    )
    return [*first, *_sorted(found, results)]


def _sorted(found: Found, results: list[list[Finding]]) -> list[Finding]:
    whole, *compared = results
    own = {subject.name: findings for subject, findings in zip(found.subjects, compared, strict=True)}
    general = [each for each in found.findings if each.subject not in own]
    of_subjects = [[each for each in found.findings if each.subject == name] + own[name] for name in own]
    return [*whole, *general, *(finding for group in of_subjects for finding in group)]


def _commit(inputs: Verify, document: Document, job: Job) -> tuple[str, list[Finding]]:
    """The commit that should run, empty if it isn't known, and what was found about it."""
    if not document.images:
        text = "without a document, verify does not know the repositories, so it compares no commit"
        return "", [not_checkable(_COMMIT, drift.COMMITS, text, "Use a document.")]
    if inputs.sha:
        return inputs.sha, [ok(_COMMIT, drift.COMMITS, f"the input sha says that {inputs.sha} should run")]
    if not inputs.environment:
        text = "neither the input environment nor sha says which commit should run"
        return "", [
            not_checkable(_COMMIT, drift.COMMITS, text, "Set environment to the one of your GitHub Deployments.")
        ]
    from ecs_cd.ci import deployed_commit

    try:
        commit = deployed_commit.newest(job.environ, job.run, inputs.github_token, inputs.environment, job.clock)
    except Refused as refused:
        return "", [not_checkable(_COMMIT, drift.COMMITS, each, refused.remedy) for each in refused.problems]
    text = f"the newest successful GitHub Deployment to {inputs.environment} is of {commit}"
    return commit, [ok(_COMMIT, drift.COMMITS, text)]


def _subject(goal: _Goal, subject: Subject) -> list[Finding]:
    entry = subject.entry
    if isinstance(entry, ScheduledTask):
        return [each for arn in _revisions(subject) for each in _revision(goal, subject, arn)]
    found = ask(subject.name, drift.DEPLOYMENT, partial(_deployment, subject, entry))
    service = subject.service
    if service is None or not drift.is_comparable(service):
        return found
    arn = str(running(service))
    found += _revision(goal, subject, arn)
    found += drift.check_count(subject.name, service)
    return [*found, *ask(subject.name, drift.TASKS, partial(_tasks, goal.job, subject, arn))]


def _deployment(subject: Subject, entry: Any) -> Iterator[Finding]:
    """Raises AWS's error if the services could not be read; a missing cluster has its own line."""
    try:
        listed(subject.answers)
    except Refused as refused:
        yield not_checkable(subject.name, drift.DEPLOYMENT, refused.problems[0], "See the line of the cluster.")
        return
    yield from drift.check_deployment(subject.name, entry.name, subject.cluster, subject.service)


def _revisions(subject: Subject) -> list[str]:
    """What the targets of a scheduled task run; without a revision, the newest of the family."""
    return list(dict.fromkeys(schedules.task_definitions(subject.targets)))


# ---- the revision ----


def _revision(goal: _Goal, subject: Subject, arn: str) -> list[Finding]:
    """The revision against the template and the commit."""
    found = ask(subject.name, drift.TEMPLATE, partial(_template, goal, subject, arn))
    if goal.commit and subject.entry.containers:
        found += ask(subject.name, drift.COMMITS, partial(_images, goal, subject, arn))
    return found


def _read(job: Job, subject: Subject, arn: str) -> tuple[str, TaskDefinition]:
    """The revision in words, and its definition."""
    described = subject.answers.get(("revision", arn), lambda: ecs.task_definition(job.aws, short(arn)))
    if described is None:
        raise Refused(f"ECS has no task definition {short(arn)}", "Deploy again.")
    found = templates.known(str(described["taskDefinition"]["taskDefinitionArn"]), job)
    return drift.words(described), found or {}


def _template(goal: _Goal, subject: Subject, arn: str) -> Iterator[Finding]:
    what, runs = _read(goal.job, subject, arn)
    template, entry = subject.template, subject.entry
    source = entry.task_definition
    if isinstance(source, ServiceRevision) and isinstance(entry, Service) and source.service == entry.name:
        yield ok(subject.name, drift.TEMPLATE, "what the service runs is its template")
        return
    if template is None:  # a finding says why
        return
    with suppress(Refused):  # likewise
        says = goal.loader.checked(entry, template)
        if not goal.loader.variables:  # those of the newest deployment are no drift
            runs = environment.with_variables(runs, (), entry)
        images = drift.expected(says, runs, list(entry.containers))
        yield from drift.check_template(subject.name, what, template.where, runs, with_images(says, images))


def _images(goal: _Goal, subject: Subject, arn: str) -> Iterator[Finding]:
    what, runs = _read(goal.job, subject, arn)
    places = {container: subject.document.images[image] for container, image in subject.entry.containers.items()}
    other = {
        container: image
        for container, image in drift.others(runs, subject.images).items()
        if not drift.is_commits_tag(image, places[container], goal.commit)
    }
    named = {container: (image, _commits(goal.job, subject, image)) for container, image in other.items()}
    unknown = [container for container in places if container not in subject.images]
    yield from drift.check_commit(subject.name, what, goal.commit, named, unknown)


def _commits(job: Job, subject: Subject, image: str) -> list[str]:
    """The commits of an image that runs by digest; none if they can't be read, which only the words need."""
    uri, digest = image_reference(image)
    places = [place for place in subject.document.images.values() if str(place) == uri and place.account]
    if not places or not digest.startswith("sha256:"):
        return []
    try:
        tags = subject.answers.get(("tags", image), lambda: ecr.tags(job.aws, places[0], digest))
    except (ClientError, BotoCoreError):
        return []
    return drift.commits(tags, places)


# ---- the tasks ----


def _tasks(job: Job, subject: Subject, arn: str) -> Iterator[Finding]:
    _, runs = _read(job, subject, arn)
    service = subject.service or {}
    arns = ecs.service_task_arns(job.aws, subject.cluster, str(service["serviceName"]), "RUNNING")
    tasks = ecs.tasks(job.aws, subject.cluster, arns)
    images = drift.by_digest(runs)
    wrong = digests.missing(drift.running(tasks), arn, images, {})
    if wrong:  # a task may report the digest of a manifest in the index
        read = {image: _children(job, subject, image) for image in images.values()}
        known = {image: found for image, found in read.items() if found is not None}
        certain = {name: image for name, image in images.items() if image in known}
        wrong = digests.missing(drift.running(tasks), arn, certain, known)
    yield from drift.check_tasks(subject.name, tasks, wrong, arn)
    for container, named in drift.by_tag(runs).items():
        now = _tagged(job, subject, *named)
        yield from drift.check_tag(subject.name, container, named, tasks, now)


def _children(job: Job, subject: Subject, image: str) -> frozenset[str] | None:
    """The digests in the index; ``None`` if it can't be read."""
    uri, digest = image_reference(image)
    question = ("children", image)
    try:
        return subject.answers.get(
            question, lambda: digests.children(registry.manifest(job.aws, repository(uri), digest))
        )
    except _UNREAD:
        return None


def _tagged(job: Job, subject: Subject, uri: str, tag: str) -> frozenset[str] | None:
    """The digests that a task may report of this tag now; ``None`` if the registry isn't ECR or can't be read."""
    place = repository(uri)
    if place.account is None:
        return None
    try:
        found = subject.answers.get(("tag", uri, tag), lambda: registry.images(job.aws, place, [tag]).get(tag))
        return drift.digests_of(found, digests.children(found.manifest)) if found else None
    except _UNREAD:
        return None
