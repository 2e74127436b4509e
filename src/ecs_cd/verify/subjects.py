"""What is checked: everything in the document that runs a task definition, as AWS has it now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from ecs_cd.aws import ecs
from ecs_cd.deploy import schedules
from ecs_cd.deploy.rules.schedules import Target
from ecs_cd.document.rules.document import Document, Entry, OneOffTask, ScheduledTask, Service
from ecs_cd.images import registry
from ecs_cd.job.job import Job, concurrently
from ecs_cd.model.references import RegisteredTaskDefinition, Repository, ServiceRevision
from ecs_cd.tasks.loader import Loader
from ecs_cd.tasks.rules.revisions import running
from ecs_cd.tasks.rules.task_definition import TaskDefinition, with_images
from ecs_cd.tasks.templates import Template
from ecs_cd.verify.asking import Answers, ask
from ecs_cd.verify.rules.finding import Finding, not_checkable, ok, wrong


@dataclass(frozen=True)
class Subject:
    """A service, a one-off task or a scheduled task of the document, before its deployment.

    ``name``: as findings name it: "service web", "migration", "task seed", "scheduled task nightly". ``definition``:
    the task definition that would be registered; containers whose images are not in ECR yet keep the template's.
    ``None`` if the template can't be read: a finding says so. ``images``: by container, the commit's images
    by digest, if ECR has them. ``service``: as DescribeServices shows it; of a one-off task, the service whose
    network settings it uses. ``None`` for a scheduled task, and if ECS does not list it or can't be asked. ``targets``:
    of a scheduled task, the targets of its rule or schedule that run a task of its family.
    """

    name: str
    entry: Entry
    document: Document
    template: Template | None = None
    definition: TaskDefinition | None = None
    images: Mapping[str, str] = field(default_factory=dict)
    service: Mapping[str, Any] | None = None
    targets: Sequence[Target] = ()
    answers: Answers = field(default_factory=Answers)

    @property
    def to_run(self) -> TaskDefinition:
        """The task definition as tasks will have it: an image that is not pushed yet is its repository. Empty without
        a template."""
        named, repositories = self.entry.containers, self.document.images
        planned = {container: str(repositories[image]) for container, image in named.items()}
        return with_images(self.definition, {**planned, **self.images}) if self.definition else {}

    @property
    def cluster(self) -> str:
        """The cluster's name or ARN, as in the document."""
        return self.document.cluster


@dataclass(frozen=True)
class Found:
    """What could be read, and what was found on the way. ``images``: by name, the commit's images by digest, if
    ECR has them."""

    document: Document
    subjects: list[Subject]
    images: Mapping[str, str]
    findings: list[Finding]
    answers: Answers


def name_of(entry: Entry) -> str:
    """The name of this entry in findings."""
    if isinstance(entry, Service):
        return f"service {entry.key}"
    if isinstance(entry, ScheduledTask):
        return f"scheduled task {entry.key}"
    return entry.key if entry.path == entry.key else f"task {entry.key}"


TEMPLATE, CONTAINERS, TRIGGER, REPOSITORY = "template", "containers", "trigger", "repository"
_NAMES = "Correct the names in `containers` of the document, or in the template."


def gather(entries: Sequence[Entry], commit: str, loader: Loader) -> Found:
    """Reads the services, the images of the ``commit`` (none if it is empty) and the templates."""
    document, job, answers = loader.document, loader.job, Answers()
    names = sorted({image for entry in entries for image in entry.containers.values()})
    services, images = concurrently(
        lambda: _services(entries, document, answers, job),
        lambda: concurrently(*(partial(_image, name, document.images[name], commit, job) for name in names)),
    )
    by_digest = {name: image for name, (image, _) in zip(names, images, strict=True) if image}
    found: list[tuple[Subject, list[Finding]]] = concurrently(
        *(partial(_subject, entry, services, by_digest, loader, answers) for entry in entries)
    )
    findings = [finding for _, group in [*images, *found] for finding in group]
    return Found(document, [subject for subject, _ in found], by_digest, findings, answers)


def service_names(entries: Iterable[Entry], document: Document) -> list[str]:
    """The names of the ECS services that these entries are, run beside, or take their template from."""
    return list(dict.fromkeys(name for entry in entries for name in _names(entry, document) if name))


def _names(entry: Entry, document: Document) -> tuple[str, str]:
    source = entry.task_definition
    return _service_name(entry, document), source.service if isinstance(source, ServiceRevision) else ""


def _service_name(entry: Entry, document: Document) -> str:
    """The ECS service whose settings the entry's tasks have; empty for a scheduled task."""
    if isinstance(entry, ScheduledTask):
        return ""
    return document.services[entry.service].name if isinstance(entry, OneOffTask) else entry.name


def listed(answers: Answers) -> Mapping[str, Any]:
    """The services that ECS lists, by name, as ``gather`` has read them. Raises ``Refused`` if the cluster is missing,
    and AWS's errors."""
    return answers.get("services", dict)


def _services(entries: Sequence[Entry], document: Document, answers: Answers, job: Job) -> Mapping[str, Any] | None:
    """``None`` if ECS can't be asked; checks.py reports it."""
    names = service_names(entries, document)
    found: list[Mapping[str, Any]] = []

    def look() -> Iterable[Finding]:
        read = partial(ecs.services, job.aws, document.cluster, names)
        found.append(answers.get("services", read) if names else {})
        return ()

    ask("", "", look, of_ecs=True)
    return next(iter(found), None)


def _image(name: str, place: Repository, commit: str, job: Job) -> tuple[str, list[Finding]]:
    """The commit's image by digest, empty if ECR lacks it, and what was found."""
    subject, check = f"image {name}", REPOSITORY
    digest = ""

    def look() -> Iterable[Finding]:
        nonlocal digest
        tag = place.tag(commit or "0" * 40)
        found = registry.images(job.aws, place, [tag]).get(tag)
        digest = found.digest if found else ""
        pushed = "has the commit's image" if found else "does not have the commit's image yet"
        yield ok(subject, check, f"{place} {pushed if commit else 'exists'}")

    findings = ask(subject, check, look)
    return place.by_digest(digest) if digest else "", findings


def _subject(
    entry: Entry, listed: Mapping[str, Any] | None, by_digest: Mapping[str, str], loader: Loader, answers: Answers
) -> tuple[Subject, list[Finding]]:
    own = (listed or {}).get(_service_name(entry, loader.document))
    images = {container: by_digest[image] for container, image in entry.containers.items() if image in by_digest}
    subject = Subject(name_of(entry), entry, loader.document, images=images, service=own, answers=answers)
    templates: list[Template] = []

    def read() -> Iterable[Finding]:
        templates.append(loader.template(replace(entry, task_definition=source)))
        yield ok(subject.name, TEMPLATE, f"{templates[0].where} is a task definition")

    def fit() -> Iterable[Finding]:
        if not entry.containers:  # without a document, another step puts in the images
            return
        loader.checked(entry, templates[0])
        yield ok(subject.name, CONTAINERS, f"the template has {', '.join(entry.containers)}")

    source = entry.task_definition
    if isinstance(source, ServiceRevision):
        current = running((listed or {}).get(source.service) or {})
        if not current:
            return subject, [_no_revision(subject, source, listed)]
        source = RegisteredTaskDefinition(current)
    findings = ask(subject.name, TEMPLATE, read, remedy="Correct the template.")
    if not templates:
        return subject, findings
    definition = with_images(templates[0].definition, images)
    targets, triggered = _targets(entry, definition, loader.job)
    subject = replace(subject, template=templates[0], definition=definition, targets=targets)
    return subject, [*findings, *ask(subject.name, CONTAINERS, fit, remedy=_NAMES), *triggered]


def _targets(entry: Entry, definition: TaskDefinition, job: Job) -> tuple[list[Target], list[Finding]]:
    """The targets of a scheduled task's rule or schedule, and what was found."""
    found: list[Target] = []
    if not isinstance(entry, ScheduledTask):
        return [], []
    task = entry

    def look() -> Iterable[Finding]:
        found.extend(schedules.targets(task, definition["family"], job))
        yield ok(name_of(task), TRIGGER, f"{task.trigger.name} runs tasks of the family {definition['family']}")

    return found, ask(name_of(task), TRIGGER, look)


def _no_revision(subject: Subject, source: ServiceRevision, listed: Mapping[str, Any] | None) -> Finding:
    if listed is None:
        return not_checkable(subject.name, TEMPLATE, f"the service {source.service} can't be read", "See its lines.")
    return wrong(
        subject.name,
        TEMPLATE,
        f"the service {source.service} runs no task definition that could be the template",
        f"Name another template in {subject.entry.path}.task-definition until the service's first deployment.",
    )
