"""What a local AWS must contain for a document, and under which names. Data in, data out."""

from __future__ import annotations

import copy
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ecs_cd.document.rules.document import Document
from ecs_cd.local.workflow import Workflow
from ecs_cd.model import references
from ecs_cd.model.errors import Refused
from ecs_cd.model.references import (
    RegisteredTaskDefinition,
    S3Object,
    ServiceRevision,
    TemplateSource,
    WorkspaceFile,
    short,
)
from ecs_cd.tasks.rules.render import pairs
from ecs_cd.tasks.rules.task_definition import TaskDefinition

ACCOUNT, REGION = "000000000000", "us-east-1"
_REPOSITORIES = ("repository", "cache-repository")  # keys of an image
ARN = re.compile(r"arn:[\w-]+:[\w-]+:(?P<region>[a-z0-9-]*):(?P<account>\d{12}):.+")
_ROLLING = "is deployed by CodeDeploy; here it is deployed with a rolling update, without CodeDeploy's settings"


# ---- where ----


def account_and_region(
    document: Document,
    source: str,
    workflows: Iterable[Workflow],
    *,
    config: str = "",
    arns: Iterable[str] = (),
    preferred: str = "",
) -> tuple[str, str]:
    """The account and region of the names and ARNs in this repository, so that the local AWS uses the same ones.

    The role that a workflow assumes comes first, because the workflow then sees the account of that role. ``config`` is
    the document as workflows write it, ``arns`` are others of the account, ``preferred`` decides between several
    regions.
    Raises ``Refused`` if the document, its parameter and the workflows contradict each other, or name several regions.
    """
    seen = list(workflows)
    roles = [ARN.fullmatch(text) for workflow in seen for text in workflow.roles]
    found = [match for match in (*roles, *map(ARN.fullmatch, (source, document.cluster, *arns))) if match]
    repositories = list(document.images.values())
    accounts = [match["account"] for match in found] + [
        repository.account for repository in repositories if repository.account
    ]
    regions = [_region(document, source, seen, config, preferred)]
    regions += [repository.region for repository in repositories if repository.region]
    return next(iter(accounts), ACCOUNT), next(filter(None, regions), REGION)


def _region(document: Document, source: str, workflows: Sequence[Workflow], config: str, preferred: str) -> str:
    """The region that the cluster, the services, the parameter and the workflows name; empty if none does."""
    arns = {"cluster": document.cluster, "the parameter": source}
    arns |= {f"{service.path}.service": service.name for service in document.services.values()}
    found = {place: ARN.fullmatch(text) for place, text in arns.items()}
    there = {place: match["region"] for place, match in found.items() if match and match["region"]}
    in_workflows = {each.file: each.regions(config) for each in workflows}
    named = list(dict.fromkeys([*there.values(), *(region for each in in_workflows.values() for region in each)]))
    if len(named) < 2 or (preferred in named and not there):
        return preferred if preferred in named else next(iter(named), "")
    places = [f"{place}: {region}" for place, region in there.items()]
    places += [f"{file}: {', '.join(regions)}" for file, regions in in_workflows.items() if regions]
    raise Refused(
        f"a local AWS has one region, but here are {len(named)}: {'; '.join(places)}",
        "The cluster, its services and the jobs that deploy to them are in one region: correct the one that differs."
        if there
        else f"Choose one: AWS_REGION={named[0]} ecs-cd local up; or name the workflow: ecs-cd local up WORKFLOW",
    )


def parameter_name(source: str) -> tuple[str, int]:
    """The name from an SSM parameter's name, ``name:version`` or ARN, and how many versions the parameter must have."""
    text = source.partition(":parameter")[2] if source.startswith("arn:") else source
    name, _, version = text.partition(":")
    return name, int(version) if version.isdigit() else 1


# ---- the document ----


def local_document(content: Mapping[str, Any], registry: str) -> dict[str, Any]:
    """The same document for a local AWS: the local registry, names instead of ARNs, no CodeDeploy."""
    result: dict[str, Any] = copy.deepcopy(dict(content))
    result["cluster"] = short(result["cluster"])
    for image in result["images"].values():
        image.pop("copies", None)
        for key in image.keys() & _REPOSITORIES:
            image[key] = f"{registry}/{references.repository(image[key]).name}"
    for service in result.get("services", {}).values():
        service.pop("codedeploy", None)
        if "service" in service:
            service["service"] = short(service["service"])
    for task in _tasks(result):
        task["task-definition"] = _family_or_place(task["task-definition"], content.get("services", {}))
        if "event-bus" in task:
            task["event-bus"] = short(task["event-bus"])
    return result


def differences(document: Document) -> list[str]:
    """What differs from the document in the local AWS, in sentences."""
    return [
        f"{service.key}: {_ROLLING}"
        for service in document.services.values()
        if service.codedeploy != type(service.codedeploy)()
    ]


def _tasks(content: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The parts of the document that name a task definition."""
    sections = [content.get(name, {}).values() for name in ("services", "scheduled-tasks")]
    migration = [content["migration"]] if "migration" in content else []
    return [*sections[0], *sections[1], *migration, *content.get("tasks", ())]


def _family_or_place(text: str, services: Mapping[str, Any]) -> str:
    """A family instead of a revision, because the local AWS has no other revision.

    Of a service, the family of its name: it runs a placeholder, and its template is the family's newest.
    """
    key = references.service_key(text)
    if key:
        return short(services[key].get("service", key))
    source = references.task_definition_source(text)
    return family(source.name) if isinstance(source, RegisteredTaskDefinition) else text


def family(name: str) -> str:
    """The family of ``family``, ``family:revision`` or an ARN."""
    return short(name).partition(":")[0]


# ---- templates ----


@dataclass(frozen=True)
class Needed:
    """A task definition template that a document names, and the containers that it must have."""

    source: TemplateSource
    containers: tuple[str, ...]

    @property
    def where(self) -> str:
        """The source in readable form."""
        if isinstance(self.source, ServiceRevision):
            return f"of service {short(self.source.service)}"
        return str(self.source)


def needed(document: Document) -> list[Needed]:
    """The templates in document order, without duplicates."""
    found: dict[TemplateSource, dict[str, None]] = {}
    for entry in document.entries:
        found.setdefault(entry.task_definition, {}).update(dict.fromkeys(entry.containers))
    return [Needed(source, tuple(containers)) for source, containers in found.items()]


def candidates(source: TemplateSource) -> tuple[str, ...]:
    """The possible paths of a template below --templates."""
    if isinstance(source, S3Object):
        return (f"{source.bucket}/{source.key}", source.key)
    assert not isinstance(source, WorkspaceFile), "the workspace itself has its files"
    return tuple(f"{_family_of(source)}.{kind}" for kind in ("json", "yaml", "yml"))


def made_up(template: Needed, variables: Iterable[str], region: str) -> TaskDefinition:
    """A minimal task definition: the containers that the document names, with these variables as secrets."""
    name = _family_of(template.source)
    logs = {"awslogs-group": f"/ecs/{name}", "awslogs-region": region, "awslogs-stream-prefix": "ecs"}
    secrets = [{"name": variable, "valueFrom": f"/ecs-cd/local/{variable}"} for variable in variables]
    return {
        "family": name,
        "requiresCompatibilities": ["FARGATE"],
        "networkMode": "awsvpc",
        "cpu": "256",
        "memory": "512",
        "executionRoleArn": f"arn:aws:iam::{ACCOUNT}:role/ecs-cd",
        "containerDefinitions": [
            {
                "name": container,
                "image": "replaced-by-the-deployment",
                "essential": True,
                "secrets": secrets,
                "logConfiguration": {"logDriver": "awslogs", "options": logs},
            }
            for container in template.containers
        ],
    }


def _family_of(source: TemplateSource) -> str:
    if isinstance(source, RegisteredTaskDefinition):
        return family(source.name)
    if isinstance(source, ServiceRevision):
        return short(source.service)
    path = source.key if isinstance(source, S3Object) else source.path
    return re.sub(r"[^A-Za-z0-9_-]+", "-", re.sub(r"\.[A-Za-z]+$", "", path)).strip("-") or "task"


def for_this_machine(definition: TaskDefinition, given: Mapping[str, str], architecture: str) -> TaskDefinition:
    """A copy with the given variables, for the engine's architecture, without logins for private registries."""
    result: TaskDefinition = copy.deepcopy(dict(definition))
    for container in result["containerDefinitions"]:
        container.pop("repositoryCredentials", None)
        for entry in container.get("environment", ()):
            entry["value"] = given.get(entry["name"], entry.get("value", ""))
    if _foreign_architecture(definition, architecture):
        del result["runtimePlatform"]["cpuArchitecture"]
    return result


def notes(definition: TaskDefinition, template: Needed, architecture: str) -> list[str]:
    """What differs from a template in the local AWS, or may not work, in sentences."""
    foreign = _foreign_architecture(definition, architecture)
    found = (
        [f"{template.where}: is for {foreign}; here it runs on the engine's platform, {architecture}"]
        if foreign
        else []
    )
    return found + [
        f"{template.where}: container `{container['name']}` runs an image from ECR, which Docker pulls unchanged, "
        "with your own login"
        for container in definition["containerDefinitions"]
        if container["name"] not in template.containers and references.mentioned([str(container.get("image", ""))])
    ]


def _foreign_architecture(definition: TaskDefinition, architecture: str) -> str:
    """The task definition's architecture if it differs from the engine's (`amd64`, `arm64`), else empty."""
    wanted = str(definition.get("runtimePlatform", {}).get("cpuArchitecture", ""))
    return "" if {"X86_64": "amd64", "ARM64": "arm64"}.get(wanted, architecture) == architecture else wanted


def pausing(definition: TaskDefinition, image: str) -> TaskDefinition:
    """The revision of a service before its first deployment: the same containers, which do nothing."""
    names = [container["name"] for container in definition["containerDefinitions"]]
    kept: TaskDefinition = {
        name: definition[name]
        for name in ("family", "requiresCompatibilities", "networkMode", "cpu", "memory", "executionRoleArn")
        if name in definition
    }
    containers = [{"name": name, "image": image, "essential": True, "memory": 64} for name in names]
    return kept | {"containerDefinitions": containers}


def log_groups(definitions: Iterable[TaskDefinition]) -> list[tuple[str, str]]:
    """Each log group that containers write to, with its region; an empty region means that of the task."""
    logs = [container.get("logConfiguration", {}) for each in definitions for container in each["containerDefinitions"]]
    options = [log.get("options", {}) for log in logs if log.get("logDriver") == "awslogs"]
    found = [
        (option["awslogs-group"], option.get("awslogs-region", "")) for option in options if "awslogs-group" in option
    ]
    return list(dict.fromkeys(found))


def buckets(document: Document) -> list[str]:
    """The buckets that hold the templates."""
    sources = [template.source for template in needed(document)]
    return list(dict.fromkeys(source.bucket for source in sources if isinstance(source, S3Object)))


def repositories(content: Mapping[str, Any]) -> list[str]:
    """The names of all repositories that a document names."""
    uris = [image[key] for image in content["images"].values() for key in _REPOSITORIES if key in image]
    return list(dict.fromkeys(references.repository(uri).name for uri in uris))


# ---- secrets ----


@dataclass(frozen=True)
class Secret:
    """A value that containers get from Secrets Manager or SSM, under a local name.

    ``variables`` holds the containers' variables by the keys in the secret's JSON; an empty key means the whole
    value.
    """

    name: str
    in_ssm: bool
    variables: Mapping[str, tuple[str, ...]]


def secrets(definitions: Iterable[TaskDefinition]) -> list[Secret]:
    """All secrets of these task definitions, without duplicates."""
    found: dict[tuple[str, bool], dict[str, dict[str, None]]] = {}
    for entry in _entries(definitions):
        name, in_ssm, key = _reference(entry["valueFrom"])
        found.setdefault((name, in_ssm), {}).setdefault(key, {})[entry["name"]] = None
    return [
        Secret(name, in_ssm, {key: tuple(names) for key, names in keys.items()})
        for (name, in_ssm), keys in found.items()
    ]


def with_secrets(definition: TaskDefinition, arns: Mapping[str, str]) -> TaskDefinition:
    """A copy that uses the local secrets; ``arns`` maps local names to ARNs of Secrets Manager."""
    result: TaskDefinition = copy.deepcopy(dict(definition))
    for entry in _entries([result]):
        name, in_ssm, key = _reference(entry["valueFrom"])
        entry["valueFrom"] = name if in_ssm else f"{arns[name]}:{key}::" if key else arns[name]
    return result


def values(secret: Secret, given: Mapping[str, str], there: Mapping[str, str], made_up: str) -> dict[str, str]:
    """The secret's values by key: the given value of a variable, else the existing value, else a made-up one."""
    return {
        key: next((given[name] for name in names if name in given), there.get(key, made_up))
        for key, names in secret.variables.items()
    }


def not_given(found: Iterable[Secret], given: Collection[str]) -> list[str]:
    """The variables whose secret has no given value."""
    groups = [names for secret in found for names in secret.variables.values()]
    return list(dict.fromkeys(names[0] for names in groups if not any(name in given for name in names)))


def unknown_variables(given: Iterable[str], definitions: Sequence[TaskDefinition]) -> list[str]:
    """The given variables that no container has."""
    containers = [container for each in definitions for container in each["containerDefinitions"]]
    known = {
        entry["name"]
        for container in containers
        for kind in ("environment", "secrets")
        for entry in container.get(kind, ())
    }
    return [name for name in given if name not in known]


def read_variables(text: str, *, where: str) -> dict[str, str]:
    """Parses NAME=VALUE, one per line, with empty lines and comments, as in `docker run --env-file`."""
    lines = ("" if line.lstrip().startswith("#") else line for line in text.splitlines())
    found = pairs("\n".join(lines), what=where)
    wrong = [name for name in found if not re.fullmatch(r"[A-Za-z_]\w*", name)]
    if wrong:
        raise Refused([f"{where}: variable {list(found).index(name) + 1} has an invalid name" for name in wrong])
    return found


def _entries(definitions: Iterable[TaskDefinition]) -> list[dict[str, str]]:
    return [
        entry
        for each in definitions
        for container in each["containerDefinitions"]
        for entry in container.get("secrets", ())
    ]


def local_name(value_from: str) -> str:
    """The name that a secret or parameter has in the local AWS."""
    return _reference(value_from)[0]


def _reference(value_from: str) -> tuple[str, bool, str]:
    """From a container's ``valueFrom``: the local name, whether it is in SSM, and the JSON key.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/secrets-envvar-secrets-manager.html
    """
    parts = value_from.split(":")
    if value_from.startswith("arn:") and len(parts) > 6 and parts[2] == "secretsmanager":
        return parts[6], False, parts[7] if len(parts) > 7 else ""
    if value_from.startswith("arn:"):
        return value_from.partition(":parameter")[2], True, ""
    return value_from, True, ""


# ---- what runs ----


def ports(definition: Mapping[str, Any]) -> list[int]:
    """The ports that the containers of a task definition listen on."""
    containers = definition.get("containerDefinitions", ())
    return [port["containerPort"] for each in containers for port in each.get("portMappings", ())]


def address(task: Mapping[str, Any]) -> str:
    """The address of a task from DescribeTasks; empty if it doesn't have an address."""
    details = [detail for item in task.get("attachments", ()) for detail in item.get("details", ())]
    return next((str(detail["value"]) for detail in details if detail.get("name") == "privateIPv4Address"), "")
