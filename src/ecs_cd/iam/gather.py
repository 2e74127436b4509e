"""What AWS and the checkout know of a document's resources. Whatever can't be read is a note, and ends nothing."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from ecs_cd.aws import codepipeline, ecs, events, scheduler, ssm, sts
from ecs_cd.aws.errors import explain
from ecs_cd.document.rules.document import Document, Entry, Rule, ScheduledTask
from ecs_cd.iam.rules import resources
from ecs_cd.iam.rules.facts import Facts
from ecs_cd.iam.rules.place import Place
from ecs_cd.images import build_spec
from ecs_cd.images.build_plan import dockerfile_path
from ecs_cd.images.rules import buildx
from ecs_cd.inputs.build_push import BuildPush
from ecs_cd.job.job import Job, concurrently
from ecs_cd.job.workspace import read_file
from ecs_cd.model.errors import Refused
from ecs_cd.model.references import (
    RegisteredTaskDefinition,
    Repository,
    ServiceRevision,
    WorkspaceFile,
    mentioned,
    short,
)
from ecs_cd.tasks import templates
from ecs_cd.tasks.rules.revisions import running

T = TypeVar("T")
Json = Mapping[str, Any]

_AWS_OWN_KEY = "alias/aws/ssm"  # whose policy lets everybody in the account decrypt by SSM


def caller(job: Job) -> str:
    """The account of the credentials; empty without any."""
    try:
        return sts.caller(job.aws)[0]
    except (BotoCoreError, ClientError, Refused) as error:
        problem = explain(error).line
        job.ci.notice(f"{problem}, so nothing in AWS is read, and the policies are wider than they need to be")
        return ""


def facts(document: Document, config: str, place: Place, verbs: Collection[str], job: Job, *, signed_in: bool) -> Facts:
    """Everything that makes the policies of these verbs exact. Without credentials only files are read."""
    bases = _bases(document, config, job) if "build-push" in verbs else []
    if not signed_in:
        entries = [
            each for each in resources.entries(document, verbs) if isinstance(each.task_definition, WorkspaceFile)
        ]
        return Facts(definitions=_definitions(entries, {}, job), bases=bases)
    services, keys, roles, pipeline = concurrently(
        partial(_services, document, verbs, job),
        partial(_keys, config, place, job),
        partial(_schedule_roles, document, verbs, job),
        partial(_pipeline, document, verbs, job),
    )
    definitions = _definitions(resources.entries(document, verbs), services, job)
    return Facts(definitions, services, roles, pipeline, keys, bases)


def _tried(what: str, read: Callable[[], T], otherwise: T, job: Job) -> T:
    """What was read, or ``otherwise`` and a note."""
    try:
        return read()
    except (ClientError, BotoCoreError, Refused) as error:
        job.ci.notice(f"{what}: {explain(error).line}")
        return otherwise


def _services(document: Document, verbs: Collection[str], job: Job) -> Mapping[str, Json]:
    names = [service.name for service in resources.services(document, verbs)]
    for entry in resources.entries(document, verbs):
        names += [entry.task_definition.service] if isinstance(entry.task_definition, ServiceRevision) else []
    if not names:
        return {}
    wanted = list(dict.fromkeys(names))
    found: dict[str, Any] = _tried("services", lambda: ecs.services(job.aws, document.cluster, wanted), {}, job)
    return found


def _definitions(entries: Sequence[Entry], services: Mapping[str, Json], job: Job) -> dict[str, Json]:
    def read(entry: Entry) -> Json | None:
        source = entry.task_definition
        if isinstance(source, ServiceRevision):
            name = running(services.get(source.service, {}))
            if not name:
                return None
            source = RegisteredTaskDefinition(name)
        found = templates.load(source, job, allow_unknown=True)
        return found.definition

    found = concurrently(*(partial(_tried, entry.path, partial(read, entry), None, job) for entry in entries))
    return {entry.path: definition for entry, definition in zip(entries, found, strict=True) if definition}


def _keys(config: str, place: Place, job: Job) -> list[str]:
    if config.startswith(("file:", "arn:")):
        return []
    key = _tried("the parameter's key", partial(ssm.key, job.aws, config), "", job)
    if key in ("", _AWS_OWN_KEY):
        return []
    if "alias/" in key:
        job.ci.notice(
            f"the parameter's key is the alias {short(key)}: add kms:Decrypt on the key behind it to the policy"
        )
        return []
    return [key if key.startswith("arn:") else place.arn("kms", f"key/{key}")]


def _schedule_roles(document: Document, verbs: Collection[str], job: Job) -> dict[str, Sequence[str]]:
    def read(task: ScheduledTask) -> list[str]:
        if isinstance(task.trigger, Rule):
            targets = events.targets(job.aws, task.trigger.name, task.trigger.event_bus)
        else:
            targets = [scheduler.schedule(job.aws, task.trigger.name, task.trigger.group)["Target"]]
        return [str(target["RoleArn"]) for target in targets if "EcsParameters" in target and "RoleArn" in target]

    tasks = [each for each in resources.entries(document, verbs) if isinstance(each, ScheduledTask)]
    found = concurrently(*(partial(_tried, task.path, partial(read, task), None, job) for task in tasks))
    return {task.key: roles for task, roles in zip(tasks, found, strict=True) if roles is not None}


def _pipeline(document: Document, verbs: Collection[str], job: Job) -> Json | None:
    if document.pipeline is None or not resources.IN_PIPELINE & set(verbs):
        return None
    name = document.pipeline.name
    return _tried("pipeline", lambda: codepipeline.pipeline(job.aws, name), None, job)


def _bases(document: Document, config: str, job: Job) -> list[Repository]:
    """The repositories in ECR that the Dockerfiles here mention."""

    def read() -> list[Repository]:
        specs = build_spec.wanted(BuildPush(config=config), document, job)
        local = [spec for spec in specs if not buildx.is_remote(spec.context)]
        texts = [read_file(str(dockerfile_path(spec)), what="the Dockerfile") for spec in local]
        return mentioned([*texts, *(argument for spec in local for argument in spec.build_args)])

    return _tried("base images in ECR that the Dockerfiles name are not in the policy", read, [], job)
