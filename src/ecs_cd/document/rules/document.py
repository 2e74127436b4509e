"""The document, which the infra repo owns: its typed form, and checks of its internal references."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias, TypeVar

from ecs_cd.document.rules import json_schema, pipeline
from ecs_cd.document.rules.pipeline import Pipeline
from ecs_cd.document.rules.schema import SCHEMA
from ecs_cd.model.attestation import Policy
from ecs_cd.model.errors import Refused
from ecs_cd.model.names import closest
from ecs_cd.model.references import (
    Repository,
    S3Object,
    ServiceRevision,
    TemplateSource,
    WorkspaceFile,
    file_source,
    repository,
    service_key,
    task_definition_source,
)

T = TypeVar("T")

MIGRATION = "migration"  # the key of the first one-off task


@dataclass(frozen=True)
class OneOffTask:
    """A task that runs before the services are deployed: the migration, or one of ``tasks``.

    ``image`` and ``service`` are keys of the document; ``path`` is the task's place in it.
    """

    task_definition: TemplateSource
    container: str
    image: str
    service: str
    command: tuple[str, ...] = ()
    environment_from_app: tuple[str, ...] | None = None
    key: str = MIGRATION
    path: str = MIGRATION

    @property
    def containers(self) -> dict[str, str]:
        """Like a service's: the container and the image that it runs."""
        return {self.container: self.image}


@dataclass(frozen=True)
class CodeDeploy:
    """The CodeDeploy names of a service. An empty name means the console's default; without an appspec, ecs-cd
    generates it from the service."""

    application: str = ""
    deployment_group: str = ""
    appspec: S3Object | WorkspaceFile | None = None
    deployment_config: str = ""
    description: str = ""


@dataclass(frozen=True)
class Service:
    """An ECS service. ``containers`` maps each container to the image of the document that it runs.

    ``environment_from_app`` are the variables that the workflow may set; ``None`` if the document doesn't say.
    """

    key: str
    name: str
    task_definition: TemplateSource
    containers: dict[str, str]
    codedeploy: CodeDeploy = CodeDeploy()
    environment_from_app: tuple[str, ...] | None = None

    @property
    def path(self) -> str:
        """Its place in the document."""
        return f"services.{self.key}"


@dataclass(frozen=True)
class Rule:
    """An EventBridge rule."""

    name: str
    event_bus: str = "default"


@dataclass(frozen=True)
class Schedule:
    """An EventBridge Scheduler schedule."""

    name: str
    group: str = "default"


@dataclass(frozen=True)
class ScheduledTask:
    """A task that EventBridge starts."""

    key: str
    trigger: Rule | Schedule
    task_definition: TemplateSource
    containers: dict[str, str]
    environment_from_app: tuple[str, ...] | None = None

    @property
    def path(self) -> str:
        """Its place in the document."""
        return f"scheduled-tasks.{self.key}"


Entry: TypeAlias = OneOffTask | Service | ScheduledTask


def by_container(entry: Entry, by_image: Mapping[str, T]) -> dict[str, T]:
    """For each container of the entry, what ``by_image`` has for the image that it runs."""
    return {container: by_image[image] for container, image in entry.containers.items()}


@dataclass(frozen=True)
class Document:
    """The whole document. ``cache_repositories`` and ``copies`` have only the images with such repositories. ``lock``
    and ``freeze`` are names of SSM parameters, empty without one."""

    cluster: str
    images: dict[str, Repository]
    services: dict[str, Service]
    migration: OneOffTask | None = None
    tasks: tuple[OneOffTask, ...] = ()
    scheduled_tasks: dict[str, ScheduledTask] = field(default_factory=dict)
    cache_repositories: dict[str, Repository] = field(default_factory=dict)
    copies: dict[str, tuple[Repository, ...]] = field(default_factory=dict)
    pipeline: Pipeline | None = None
    require_attestation: Policy | None = None
    lock: str = ""
    freeze: str = ""

    @property
    def entries(self) -> list[Entry]:
        """Everything with a task definition that runs images of the document."""
        return [*self.services.values(), *self.one_off_tasks, *self.scheduled_tasks.values()]

    @property
    def one_off_tasks(self) -> list[OneOffTask]:
        """The migration and the tasks after it, in the order in which they run."""
        return [*([self.migration] if self.migration else []), *self.tasks]


def load(text: str, *, where: str) -> Document:
    """Reads the document in ``text``; ``where`` is its source, for messages.

    Raises ``Refused`` with all problems at once, each with its key's path and without values.
    """
    content = json_schema.load(
        text,
        SCHEMA,
        what=f"the document in {where}",
        remedy="The infra repo owns this document. docs/reference/document.md describes it; "
        "schema/ecs-cd.schema.json is its JSON Schema.",
        beyond=_reference_problems,
    )
    return _document(content)


def choose(kind: str, given: str, entries: Mapping[str, Any]) -> str:
    """The key that the input ``kind`` selects: the given key, or else the only entry's.

    Raises ``Refused`` if the key is unknown, or missing while there isn't exactly one entry.
    """
    known = f"it has {', '.join(entries) or 'none'}"
    if given and given not in entries:
        raise Refused(f"{kind}: the document has no {kind} `{given}`{closest(given, entries)}; {known}")
    if not given and len(entries) != 1:
        raise Refused(f"{kind}: is required unless the document has exactly one {kind}; {known}")
    return given or next(iter(entries))


def _reference_problems(content: dict[str, Any]) -> list[str]:
    """Problems with references to images and services: unknown, or missing without a clear default."""
    images, services = content["images"], content.get("services", {})
    scheduled = content.get("scheduled-tasks", {})
    found = [
        f"{section}.{key}.containers.{container}: must name an image; {_known('images', images)}"
        for section, entries in (("services", services), ("scheduled-tasks", scheduled))
        for key, entry in entries.items()
        for container, image in entry["containers"].items()
        if image not in images
    ]
    for path, entry in _entries(content).items():
        key = service_key(entry["task-definition"])
        if key and key not in services:
            found.append(f"{path}.task-definition: must name a service; {_known('services', services)}")
    for key, task in scheduled.items():
        found += _trigger_problems(f"scheduled-tasks.{key}", task)
    for path, task in _one_off_tasks(content).items():
        found += _one_off_problems(path, task, content)
    if "pipeline" in content:
        found += pipeline.problems(content["pipeline"], images)
    if "lock" in content and content["lock"] == content.get("freeze"):
        found.append("freeze: must be another parameter than `lock`, which `ecs-cd unlock` deletes")
    return found + _name_problems(content.get("tasks", ()))


def _entries(content: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Everything with a task definition, by its path."""
    found = _one_off_tasks(content)
    for section in ("services", "scheduled-tasks"):
        found |= {f"{section}.{key}": entry for key, entry in content.get(section, {}).items()}
    return found


def _one_off_tasks(content: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The migration and the tasks after it, by their paths."""
    found = {"migration": content["migration"]} if content.get("migration") else {}
    return found | {f"tasks[{number}]": task for number, task in enumerate(content.get("tasks", ()))}


def _one_off_problems(path: str, task: dict[str, Any], content: dict[str, Any]) -> list[str]:
    images, services = content["images"], content.get("services", {})
    found = []
    if "service" in task and task["service"] not in services:
        found.append(f"{path}.service: must name a service; {_known('services', services)}")
    elif "service" not in task and len(services) != 1:
        found.append(f"{path}.service: is missing, and there is no clear default; {_known('services', services)}")
    if "image" in task and task["image"] not in images:
        found.append(f"{path}.image: must name an image; {_known('images', images)}")
    elif not found and _one_off_image(task, content) is None:
        found.append(f"{path}.image: is missing, and there is no clear default; {_known('images', images)}")
    return found


def _name_problems(tasks: Sequence[dict[str, Any]]) -> list[str]:
    names = [MIGRATION, *(task["name"] for task in tasks)]
    return [
        f"tasks[{number}].name: is taken; a name can occur only once, and `{MIGRATION}` is that of the migration"
        for number, name in enumerate(names[1:])
        if name in names[: number + 1]
    ]


def _trigger_problems(path: str, task: dict[str, Any]) -> list[str]:
    if ("rule" in task) == ("schedule" in task):
        return [f"{path}: must name either a `rule` (EventBridge) or a `schedule` (EventBridge Scheduler)"]
    belongs = {"event-bus": "rule", "schedule-group": "schedule"}
    return [
        f"{path}.{name}: works only with `{owner}`"
        for name, owner in belongs.items()
        if name in task and owner not in task
    ]


def _known(section: str, entries: dict[str, Any]) -> str:
    return f"{section} has {', '.join(entries)}" if entries else f"{section} is empty"


def _one_off_service(task: dict[str, Any], content: dict[str, Any]) -> str:
    return str(task.get("service") or next(iter(content["services"])))


def _one_off_image(task: dict[str, Any], content: dict[str, Any]) -> str | None:
    images, container = content["images"], task["container"]
    beside = content["services"][_one_off_service(task, content)]["containers"]
    if "image" in task:
        return str(task["image"])
    if container in beside:
        return str(beside[container])
    if container in images:
        return str(container)
    return next(iter(images)) if len(images) == 1 else None


def _repository(image: dict[str, Any]) -> Repository:
    found = repository(image["repository"])
    return replace(found, tag_prefix=image.get("tag-prefix", ""), tag_suffix=image.get("tag-suffix", ""))


def _document(content: dict[str, Any]) -> Document:
    migration = content.get("migration")
    return Document(
        cluster=content["cluster"],
        images={name: _repository(image) for name, image in content["images"].items()},
        cache_repositories={
            name: repository(image["cache-repository"])
            for name, image in content["images"].items()
            if "cache-repository" in image
        },
        copies={
            name: tuple(map(repository, image["copies"]))
            for name, image in content["images"].items()
            if "copies" in image
        },
        services={key: _service(key, service, content) for key, service in content.get("services", {}).items()},
        scheduled_tasks={
            key: _scheduled(key, task, content) for key, task in content.get("scheduled-tasks", {}).items()
        },
        migration=_one_off(MIGRATION, migration, content, path=MIGRATION) if migration else None,
        tasks=tuple(
            _one_off(task["name"], task, content, path=f"tasks[{number}]")
            for number, task in enumerate(content.get("tasks", ()))
        ),
        pipeline=pipeline.typed(content["pipeline"], content["images"]) if "pipeline" in content else None,
        require_attestation=_policy(content["require-attestation"]) if "require-attestation" in content else None,
        lock=content.get("lock", ""),
        freeze=content.get("freeze", ""),
    )


def _policy(required: dict[str, Any]) -> Policy:
    return Policy(required["repository"], tuple(required.get("workflows", ())))


def _one_off(key: str, task: dict[str, Any], content: dict[str, Any], *, path: str) -> OneOffTask:
    return OneOffTask(
        task_definition=_template(task, content),
        container=task["container"],
        image=_one_off_image(task, content) or "",
        service=_one_off_service(task, content),
        command=tuple(task.get("command", ())),
        environment_from_app=_environment_from_app(task),
        key=key,
        path=path,
    )


def _template(entry: dict[str, Any], content: dict[str, Any]) -> TemplateSource:
    text = entry["task-definition"]
    key = service_key(text)
    return ServiceRevision(content["services"][key].get("service", key)) if key else task_definition_source(text)


def _service(key: str, service: dict[str, Any], content: dict[str, Any]) -> Service:
    codedeploy = service.get("codedeploy", {})
    appspec = codedeploy.get("appspec")
    return Service(
        key=key,
        name=service.get("service", key),
        task_definition=_template(service, content),
        containers=dict(service["containers"]),
        codedeploy=CodeDeploy(
            application=codedeploy.get("application", ""),
            deployment_group=codedeploy.get("deployment-group", ""),
            appspec=file_source(appspec) if appspec else None,
            deployment_config=codedeploy.get("deployment-config", ""),
            description=codedeploy.get("description", ""),
        ),
        environment_from_app=_environment_from_app(service),
    )


def _scheduled(key: str, task: dict[str, Any], content: dict[str, Any]) -> ScheduledTask:
    trigger = (
        Rule(task["rule"], task.get("event-bus", "default"))
        if "rule" in task
        else Schedule(task["schedule"], task.get("schedule-group", "default"))
    )
    return ScheduledTask(key, trigger, _template(task, content), dict(task["containers"]), _environment_from_app(task))


def _environment_from_app(entry: dict[str, Any]) -> tuple[str, ...] | None:
    return tuple(entry["environment-from-app"]) if "environment-from-app" in entry else None
