"""Registers revisions without a deployment: for a task definition alone, and for the entries of a document."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from ecs_cd.deploy import dry_run
from ecs_cd.document.rules.document import ScheduledTask, Service, by_container
from ecs_cd.job.job import Job, Result
from ecs_cd.locks.gate import Gate
from ecs_cd.model.references import short
from ecs_cd.model.verdict import Outcome, Verdict
from ecs_cd.tasks import revisions, templates
from ecs_cd.tasks.loader import Loaded
from ecs_cd.tasks.rules.task_definition import TaskDefinition, with_images

# What must happen with a revision before the services get it; a failed result ends the deployment.
First = Callable[[str], Result]


@dataclass(frozen=True)
class Registration:
    """The entries of a document whose revisions are registered."""

    entries: Sequence[Service | ScheduledTask]
    loaded: Sequence[Loaded]
    dry_run: bool = False
    gate: Gate = field(default_factory=Gate)


def alone(definition: TaskDefinition, job: Job, first: First | None, *, without_change: bool) -> Result:
    """If no service is deployed and there is no document: registers the revision, and runs ``first`` with it."""
    if without_change:
        return dry_run.of_registration({definition["family"]: definition}, job)
    arn = templates.revision(definition, job)
    before = first(arn) if first else None
    if before and not before.verdict.outcome.green:
        return before
    verdict = Verdict(Outcome.SKIPPED, f"{short(arn)} is registered; no service is given, so none is deployed")
    return Result(verdict, {"result": verdict.outcome.value, "task-definition-arn": arn}, {"task definition": arn})


def execute(registration: Registration, by_name: Mapping[str, str], job: Job) -> Result:
    """Registers the revisions that a deployment would register. ``by_name`` are the document's images, by digest.

    If one can't be registered, deregisters those before it.
    """
    with registered(registration, by_name, job) as result:
        return result


@contextmanager
def registered(registration: Registration, by_name: Mapping[str, str], job: Job) -> Iterator[Result]:
    """Like ``execute``; if the block fails, deregisters them as well."""
    images = [by_container(entry, by_name) for entry in registration.entries]
    definitions = [
        with_images(loaded.definition, asked) for loaded, asked in zip(registration.loaded, images, strict=True)
    ]
    if registration.dry_run:
        registration.gate.say(job)
        paths = [entry.path for entry in registration.entries]
        yield dry_run.of_registration(dict(zip(paths, definitions, strict=True)), job)
        return
    known = revisions.known(definitions, [loaded.template for loaded in registration.loaded], job)
    registration.gate.check(job)
    with revisions.registering(job) as new:
        arns = new.register_all(definitions, known)
        yield _result(registration.entries, arns, images)
        new.used(*arns)


def _result(
    entries: Sequence[Service | ScheduledTask], arns: Sequence[str], images: Sequence[Mapping[str, str]]
) -> Result:
    result = Outcome.SKIPPED
    words = ", ".join(dict.fromkeys(short(arn) for arn in arns))
    verb = "is" if len(set(arns)) == 1 else "are"
    verdict = Verdict(result, f"{words} {verb} registered; with register-only, no service is deployed")
    services = {
        entry.key: {"result": result.value, "task-definition-arn": arn, "deployment-id": "", "images": dict(asked)}
        for entry, arn, asked in zip(entries, arns, images, strict=True)
        if isinstance(entry, Service)
    }
    outputs = {
        "result": result.value,
        "task-definition-arn": "\n".join(dict.fromkeys(arns)),
        "services": json.dumps(services, sort_keys=True),
    }
    facts = {entry.path: short(arn) for entry, arn in zip(entries, arns, strict=True)}
    return Result(verdict, outputs, facts)
