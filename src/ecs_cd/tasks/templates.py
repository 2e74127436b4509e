"""Task definitions: loads the template, and finds or registers the revision to run."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from ecs_cd.aws import ecs, s3
from ecs_cd.aws.as_written import RESPONSE
from ecs_cd.job.job import Job
from ecs_cd.job.mutation import carry_out
from ecs_cd.job.workspace import read_file
from ecs_cd.model.errors import Refused
from ecs_cd.model.references import RegisteredTaskDefinition, S3Object, TaskDefinitionSource, family, short
from ecs_cd.tasks.rules import comparison, task_definition
from ecs_cd.tasks.rules.task_definition import TaskDefinition


class Template(NamedTuple):
    """A definition and the name of its source.

    ``newest`` is its ARN if it is the newest revision of its family, else empty.
    """

    definition: TaskDefinition
    where: str
    newest: str = ""


def load(source: TaskDefinitionSource, job: Job, *, allow_unknown: bool) -> Template:
    """Loads the template, with ``allow_unknown`` including fields that botocore's model lacks.

    Raises ``Refused`` if it is missing or not valid.
    """
    if isinstance(source, RegisteredTaskDefinition):
        found = ecs.task_definition(job.aws, source.name)
        if found is None:
            raise Refused(
                f"there is no task definition {source.name} in {job.aws.region}",
                "The infra repo registers it.",
            )
        is_family = not source.name.startswith("arn:") and ":" not in source.name
        arn = str(found["taskDefinition"]["taskDefinitionArn"]) if is_family else ""
        return Template(_registered(found, source.name, allow_unknown, job), source.name, arn)
    if isinstance(source, S3Object):
        text = s3.text(job.aws, source)
    else:
        text = read_file(source.path, what="the task definition")
    return Template(read(text, str(source), job, allow_unknown=allow_unknown), str(source))


def read(
    text: str, where: str, job: Job, *, allow_unknown: bool, keep_null_value_keys: Collection[str] = ()
) -> TaskDefinition:
    """The task definition in this text. Raises ``Refused`` if it is not valid. Logs unknown fields that it keeps."""
    register, described, sdk = ecs.shapes(job.aws)
    found = task_definition.read(
        text,
        register,
        described,
        sdk,
        where=where,
        keep_null_value_keys=keep_null_value_keys,
        allow_unknown=allow_unknown,
    )
    _report_unknown(found, where, job)
    return found


def _report_unknown(definition: TaskDefinition, where: str, job: Job) -> None:
    """ECS ignores what it does not know either, so a slip would go unnoticed."""
    register, _, sdk = ecs.shapes(job.aws)
    unknown = task_definition.unknown_fields(definition, register)
    if unknown:
        job.ci.line(f"task definition: {where} has {', '.join(unknown)}, which {sdk} does not know; sent as written")


def revision(definition: TaskDefinition, job: Job) -> str:
    """The ARN of a revision with this content: the family's newest if it is the same, else a new one."""
    return report_existing(newest(definition, job), job) or register(definition, job)


def newest(definition: TaskDefinition, job: Job, template: Template | None = None) -> str:
    """The ARN of the family's newest revision if ECS would run it the same way, else an empty text.

    Doesn't query ECS again if the ``template`` of the definition is that revision.
    """
    if template and template.newest:
        return template.newest if comparison.same(definition, template.definition) else ""
    return _equal(definition, ecs.task_definition(job.aws, definition["family"]), job)


def current(definition: TaskDefinition, arn: str, job: Job) -> str:
    """The ARN of this revision, which a service runs, if ECS would run it the same way, else an empty text.

    It need not be its family's newest: the family may also have revisions of other services and tasks.
    """
    if family(arn) != definition["family"]:
        return ""
    return _equal(definition, ecs.known_task_definition(job.aws, arn) or ecs.task_definition(job.aws, arn), job)


def _equal(definition: TaskDefinition, found: ecs.Json | None, job: Job) -> str:
    if not found or found["taskDefinition"].get("status") == "INACTIVE":
        return ""
    same = comparison.same(definition, _normalised(found, job))
    return str(found["taskDefinition"]["taskDefinitionArn"]) if same else ""


def report_existing(arn: str, job: Job) -> str:
    """Logs that this revision already exists; returns its ARN."""
    if arn:
        job.ci.line(f"task definition: {short(arn)} already has this content")
    return arn


def register(definition: TaskDefinition, job: Job) -> str:
    """Registers a new revision with this content and returns its ARN."""
    arn = carry_out(
        "RegisterTaskDefinition",
        lambda: ecs.register(job.aws, definition),
        lambda: newest(definition, job) or None,
        job,
    )
    job.ci.line(f"task definition: {short(arn)} registered")
    return arn


def registered(name: str, job: Job) -> TaskDefinition | None:
    """The normalised definition of this family, revision or ARN; ``None`` if nothing is registered."""
    found = ecs.task_definition(job.aws, name)
    return _normalised(found, job) if found else None


def known(arn: str, job: Job) -> TaskDefinition | None:
    """The normalised definition of this revision if ecs-cd has already read it; never asks ECS."""
    found = ecs.known_task_definition(job.aws, arn)
    return _normalised(found, job) if found else None


def _registered(described: ecs.Json, name: str, allow_unknown: bool, job: Job) -> TaskDefinition:
    """A registered template. Unknown fields are not refused: they may be output only, and none of a new revision."""
    if allow_unknown:
        kept = task_definition.normalise(described[RESPONSE], *ecs.shapes(job.aws), [], allow_unknown=True)
        _report_unknown(kept, name, job)
        return kept
    _, shape, sdk = ecs.shapes(job.aws)
    unknown = task_definition.unknown_fields(described.get(RESPONSE, {}).get("taskDefinition", {}), shape)
    if unknown:
        job.ci.line(
            f"task definition: {name} has {', '.join(unknown)}, which {sdk} does not know: a new revision will "
            "not have that; allow-unknown-fields: true copies it",
            alarming=True,
        )
    return _normalised(described, job)


def _normalised(described: ecs.Json, job: Job) -> TaskDefinition:
    return task_definition.normalise(described, *ecs.shapes(job.aws), [])
