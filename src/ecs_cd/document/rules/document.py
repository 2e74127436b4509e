"""The document, which the infra repo owns: its typed form, and checks of its internal references."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from ecs_cd.document.rules import json_schema
from ecs_cd.document.rules.schema import SCHEMA
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


@dataclass(frozen=True)
class Migration:
    """The migration task. ``image`` and ``service`` are keys of the document."""

    task_definition: TemplateSource
    container: str
    image: str
    service: str
    command: tuple[str, ...] = ()
    environment_from_app: tuple[str, ...] | None = None

    key = path = "migration"

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


Entry: TypeAlias = Migration | Service | ScheduledTask


@dataclass(frozen=True)
class Document:
    """The whole document. ``cache_repositories`` and ``copies`` have only the images with such repositories."""

    cluster: str
    images: dict[str, Repository]
    services: dict[str, Service]
    migration: Migration | None = None
    scheduled_tasks: dict[str, ScheduledTask] = field(default_factory=dict)
    cache_repositories: dict[str, Repository] = field(default_factory=dict)
    copies: dict[str, tuple[Repository, ...]] = field(default_factory=dict)

    @property
    def entries(self) -> list[Entry]:
        """Everything with a task definition that runs images of the document."""
        migration = [self.migration] if self.migration else []
        return [*self.services.values(), *migration, *self.scheduled_tasks.values()]


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
    return found + _migration_problems(content)


def _entries(content: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Everything with a task definition, by its path."""
    found = {"migration": content["migration"]} if content.get("migration") else {}
    for section in ("services", "scheduled-tasks"):
        found |= {f"{section}.{key}": entry for key, entry in content.get(section, {}).items()}
    return found


def _migration_problems(content: dict[str, Any]) -> list[str]:
    migration, images, services = content.get("migration"), content["images"], content.get("services", {})
    if migration is None:
        return []
    found = []
    if "service" in migration and migration["service"] not in services:
        found.append(f"migration.service: must name a service; {_known('services', services)}")
    elif "service" not in migration and len(services) != 1:
        found.append(f"migration.service: is missing, and there is no clear default; {_known('services', services)}")
    if "image" in migration and migration["image"] not in images:
        found.append(f"migration.image: must name an image; {_known('images', images)}")
    elif not found and _migration_image(content) is None:
        found.append(f"migration.image: is missing, and there is no clear default; {_known('images', images)}")
    return found


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


def _migration_service(content: dict[str, Any]) -> str:
    return str(content["migration"].get("service") or next(iter(content["services"])))


def _migration_image(content: dict[str, Any]) -> str | None:
    migration, images = content["migration"], content["images"]
    container = migration["container"]
    beside = content["services"][_migration_service(content)]["containers"]
    if "image" in migration:
        return str(migration["image"])
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
        migration=migration
        and Migration(
            task_definition=_template(migration, content),
            container=migration["container"],
            image=_migration_image(content) or "",
            service=_migration_service(content),
            command=tuple(migration.get("command", ())),
            environment_from_app=_environment_from_app(migration),
        ),
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
