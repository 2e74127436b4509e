"""From a document to ARNs, under the names that the table of permissions has for resources."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from ecs_cd.deploy.rules import codedeploy
from ecs_cd.document.rules.document import CodeDeploy, Document, Entry, Rule, ScheduledTask, Service
from ecs_cd.document.rules.pipeline import Start
from ecs_cd.iam.rules.facts import Facts
from ecs_cd.iam.rules.place import Place
from ecs_cd.model.references import (
    RegisteredTaskDefinition,
    Repository,
    S3Object,
    family,
    image_reference,
    repository,
    short,
)

Resources = Mapping[str, Sequence[str]]

# The verbs that work with services and tasks of the cluster, and which entries of the document they run.
_SERVICES = {"deploy", "continue", "rollback", "artifacts", "verify", "plan"}
_TASKS = {"migrate", "verify", "plan"}
_SCHEDULED = {"deploy", "verify", "plan"}
_BY_CODEDEPLOY = {"deploy", "continue", "rollback", "verify"}
_BUILDING = {"build-push"}
_CHECKING = {"verify"}
IN_PIPELINE = {"hand-off", "commit-status", "verify"}
_CODEDEPLOY_DEFAULTS = "CodeDeployDefault.*"
_EVERYTHING = "*"


@dataclass(frozen=True)
class Wanted:
    """The resources that these verbs use, and what the user must know of them."""

    resources: Resources
    cluster: str  # its name; empty if the verbs don't use it
    notes: Sequence[str] = ()

    @property
    def active(self) -> set[str]:
        """The features that the document itself asks for."""
        return {"ecr-public"} if self.resources["public_repositories"] else set()


@dataclass(frozen=True)
class _Maker:
    document: Document
    facts: Facts
    place: Place
    verbs: Collection[str]
    notes: list[str]

    def runs(self, verbs: Collection[str]) -> bool:
        return bool(set(self.verbs) & set(verbs))


def wanted(document: Document, facts: Facts, place: Place, verbs: Collection[str], config: str) -> Wanted:
    """What the verbs use. ``config`` is where the document is."""
    notes: list[str] = []
    make = _Maker(document, facts, place, verbs, notes)
    found = {
        **_of_account(config, facts, place),
        **_of_locks(document, place),
        **_of_images(make),
        **_of_cluster(make),
        **_of_templates(make),
        **_of_codedeploy(make),
        **_of_schedules(make),
        **_of_pipeline(make),
    }
    if make.runs(_CHECKING):
        notes.append(
            "verify checks iam:PassRole if the role may also call iam:GetRole and iam:SimulatePrincipalPolicy on "
            "itself; its ARN is not known here"
        )
    resources = {name: _distinct(arns) for name, arns in found.items()}
    return Wanted(resources, _cluster(make), list(dict.fromkeys(notes)))


def _distinct(arns: Sequence[str]) -> list[str]:
    """Each once, and without those that a wildcard among them includes."""
    wide = [arn for arn in arns if arn.endswith(("/*", "/*:*", ":*:log-stream:*"))]
    return [arn for arn in dict.fromkeys(arns) if not any(arn != each and fnmatchcase(arn, each) for each in wide)]


def entries(document: Document, verbs: Collection[str]) -> list[Entry]:
    """What these verbs run."""
    return [
        *(document.services.values() if _SERVICES & set(verbs) else ()),
        *(document.one_off_tasks if _TASKS & set(verbs) else ()),
        *(document.scheduled_tasks.values() if _SCHEDULED & set(verbs) else ()),
    ]


def services(document: Document, verbs: Collection[str]) -> list[Service]:
    """The services that these verbs read or change: a task has the network settings of one."""
    if _SERVICES & set(verbs):
        return list(document.services.values())
    keys = {task.service for task in document.one_off_tasks} if _TASKS & set(verbs) else set()
    return [service for key, service in document.services.items() if key in keys]


# ---- by topic ----


def _of_account(config: str, facts: Facts, place: Place) -> dict[str, Sequence[str]]:
    return {
        "all": [_EVERYTHING],
        "alarms": [place.arn("cloudwatch", "alarm:*")],
        "parameters": [] if config.startswith("file:") else [parameter(config, place)],
        "kms_keys": facts.keys,
        "next_roles": [],
    }


def parameter(config: str, place: Place) -> str:
    """The ARN of the parameter, given as name, ``name:version`` or ARN."""
    if config.startswith("arn:"):
        return ":".join(config.split(":")[:6])
    return place.arn("ssm", f"parameter/{config.partition(':')[0].lstrip('/')}")


def _of_locks(document: Document, place: Place) -> dict[str, Sequence[str]]:
    lock, freeze = ([parameter(name, place)] if name else [] for name in (document.lock, document.freeze))
    return {"locks": [*lock, *freeze], "lock": lock}


def _of_images(make: _Maker) -> dict[str, Sequence[str]]:
    used = set(make.document.images)
    if not make.runs({*_BUILDING, "hand-off"}):
        used = {image for entry in entries(make.document, make.verbs) for image in entry.containers.values()}
    found = [repository for name, repository in make.document.images.items() if name in used]
    bases: list[Repository] = []
    if make.runs(_BUILDING):
        bases = list(make.facts.bases)
        found += make.document.cache_repositories.values()
        found += [copy for copies in make.document.copies.values() for copy in copies]
    if make.runs(_CHECKING):
        found += _of_sidecars(make)
    public = [repository for repository in found if repository.public]
    return {
        "repositories": _arns(found, make.place),
        "base_repositories": _arns(bases, make.place),
        "public_repositories": list(map(make.place.repository, public)),
        "public_registry": [f"arn:{make.place.partition}:ecr-public::{make.place.account}:registry/*"]
        if public
        else [],
    }


def _of_sidecars(make: _Maker) -> list[Repository]:
    """Of the containers whose image the document does not replace; their images are checked if they are in ECR."""
    images = [
        str(container.get("image", ""))
        for entry in entries(make.document, make.verbs)
        for container in make.facts.definitions.get(entry.path, {}).get("containerDefinitions", ())
        if container.get("name") not in entry.containers
    ]
    found = [repository(image_reference(image)[0]) for image in images]
    return [each for each in found if each.account]


def _arns(repositories: Iterable[Repository], place: Place) -> list[str]:
    """Those in ECR; another registry knows no IAM."""
    return [place.repository(repository) for repository in repositories if repository.account]


def _of_cluster(make: _Maker) -> dict[str, Sequence[str]]:
    cluster = _cluster(make)
    names = [f"{cluster}/{short(name)}" for name in _service_names(make)] if cluster else []

    def arns(kind: str, ending: str = "") -> list[str]:
        return [make.place.arn("ecs", f"{kind}/{name}{ending}") for name in names]

    return {
        "all_for_cluster": [_EVERYTHING] if cluster else [],
        "tasks": [make.place.arn("ecs", f"task/{cluster}/*")] if cluster else [],
        "services": arns("service"),
        "service_revisions": [*arns("service"), *arns("service-revision", "/*")],
        "service_deployments": [*arns("service"), *arns("service-deployment", "/*")],
    }


def _cluster(make: _Maker) -> str:
    """Empty if the verbs don't use the cluster."""
    if make.runs(_SERVICES | _TASKS):
        return short(make.document.cluster)
    return next((name for name, _ in _ecs_actions(make)), "")


def _service_names(make: _Maker) -> list[str]:
    own = [service.name for service in services(make.document, make.verbs)]
    return own or [name for _, name in _ecs_actions(make) if name]


def _of_templates(make: _Maker) -> dict[str, Sequence[str]]:
    found: dict[str, list[str]] = {"families": [], "roles": [], "log_groups": [], "templates": []}
    for entry in entries(make.document, make.verbs):
        source = entry.task_definition
        if isinstance(source, S3Object):
            found["templates"].append(make.place.s3(f"{source.bucket}/{source.key}"))
        if isinstance(entry, Service) and isinstance(entry.codedeploy.appspec, S3Object):
            appspec = entry.codedeploy.appspec
            found["templates"].append(make.place.s3(f"{appspec.bucket}/{appspec.key}"))
        definition = make.facts.definitions.get(entry.path)
        if definition is None:
            known = family(source.name) if isinstance(source, RegisteredTaskDefinition) else ""
            make.notes.append(
                f"{entry.path}: its task definition can't be read, so the policy names "
                f"{'' if known else 'every family, '}every role that ECS tasks may have, and every log group"
            )
            definition = {"family": known or "*", "executionRoleArn": "*", "logs": ["*"]}
        found["families"].append(make.place.arn("ecs", f"task-definition/{definition['family']}:*"))
        if make.runs(_CHECKING):
            found["templates"] += _environment_files(definition)
        found["roles"] += _roles(definition, make.place)
        found["log_groups"] += _log_groups(definition, make.place)
    return {**found}


def _roles(definition: Mapping[str, Any], place: Place) -> list[str]:
    names = [str(definition[key]) for key in ("executionRoleArn", "taskRoleArn") if definition.get(key)]
    return [name if name.startswith("arn:") else place.iam(f"role/{name}") for name in names]


def _environment_files(definition: Mapping[str, Any]) -> list[str]:
    containers = definition.get("containerDefinitions", ())
    named = [str(file.get("value", "")) for each in containers for file in each.get("environmentFiles", ())]
    return [arn for arn in named if arn.startswith("arn:")]


def _log_groups(definition: Mapping[str, Any], place: Place) -> Iterator[str]:
    groups = [(str(name), "") for name in definition.get("logs", ())]
    for container in definition.get("containerDefinitions", ()):
        configuration = container.get("logConfiguration", {})
        options = configuration.get("options", {})
        if configuration.get("logDriver") == "awslogs" and options.get("awslogs-group"):
            groups.append((str(options["awslogs-group"]), str(options.get("awslogs-region", ""))))
    for name, region in groups:
        yield place.arn("logs", f"log-group:{name}:log-stream:*", region=region)


def _of_codedeploy(make: _Maker) -> dict[str, Sequence[str]]:
    groups, configs = [], [_CODEDEPLOY_DEFAULTS]
    for service in services(make.document, make.verbs) if make.runs(_BY_CODEDEPLOY) else ():
        described = make.facts.services.get(service.name)
        controller = (described or {}).get("deploymentController", {}).get("type", "")
        if described is None and service.codedeploy == CodeDeploy():
            make.notes.append(
                f"{service.path}: ECS doesn't say who deploys it; if CodeDeploy does, the policy lacks its permissions"
            )
        if controller == "CODE_DEPLOY" or (described is None and service.codedeploy != CodeDeploy()):
            names = codedeploy.names(service.codedeploy, make.document.cluster, service.name)
            groups.append((names.application, names.deployment_group))
            configs += [names.deployment_config] if names.deployment_config else []
    groups += _codedeploy_actions(make)
    return {
        "all_for_codedeploy": [_EVERYTHING] if groups else [],
        "codedeploy": [
            *dict.fromkeys(make.place.arn("codedeploy", f"application:{name}") for name, _ in groups),
            *(make.place.arn("codedeploy", f"deploymentgroup:{name}/{group}") for name, group in groups),
        ],
        "deployment_configurations": [
            make.place.arn("codedeploy", f"deploymentconfig:{name}") for name in configs if groups
        ],
    }


def _of_schedules(make: _Maker) -> dict[str, Sequence[str]]:
    found: dict[str, list[str]] = {"rules": [], "schedules": [], "schedule_roles": []}
    for task in make.document.scheduled_tasks.values() if make.runs(_SCHEDULED) else ():
        if isinstance(task.trigger, Rule):
            found["rules"].append(_rule(task.trigger, make.place))
        else:
            name = f"schedule/{task.trigger.group}/{task.trigger.name}"
            found["schedules"].append(make.place.arn("scheduler", name))
        found["schedule_roles"] += _schedule_roles(task, make)
    return {**found}


def _rule(rule: Rule, place: Place) -> str:
    if rule.event_bus.startswith("arn:"):
        return f"{rule.event_bus.replace(':event-bus/', ':rule/')}/{rule.name}"
    bus = f"{rule.event_bus}/" if rule.event_bus != "default" else ""
    return place.arn("events", f"rule/{bus}{rule.name}")


def _schedule_roles(task: ScheduledTask, make: _Maker) -> list[str]:
    roles = make.facts.schedule_roles.get(task.key)
    if roles is None:
        make.notes.append(
            f"{task.path}: its targets can't be read, so the policy names every role that EventBridge may have"
        )
        return [make.place.iam("role/*")]
    return list(roles)


def _of_pipeline(make: _Maker) -> dict[str, Sequence[str]]:
    given = make.document.pipeline if make.runs(IN_PIPELINE) else None
    projects = [str(found["ProjectName"]) for found in _actions(make, "CodeBuild") if "ProjectName" in found]
    if given and make.facts.pipeline is None:
        make.notes.append(
            "pipeline: it can't be read, so the policy names every CodeBuild project, and lacks what reads the cause "
            "of a failed ECS or CodeDeploy action"
        )
        projects = [_EVERYTHING]
    zipped = given.object if given and given.start is Start.OBJECT else None
    return {
        "pipelines": [make.place.arn("codepipeline", given.name)] if given else [],
        "projects": [make.place.arn("codebuild", f"project/{name}") for name in projects],
        "project_log_groups": [
            make.place.arn("logs", f"log-group:/aws/codebuild/{name}:log-stream:*") for name in projects
        ],
        "objects": [make.place.s3(f"{zipped.bucket}/{zipped.key}")] if zipped else [],
    }


# ---- what the pipeline's actions use ----


def _actions(make: _Maker, *providers: str) -> list[Mapping[str, str]]:
    """The configurations of the pipeline's actions with these providers."""
    stages = (make.facts.pipeline or {}).get("stages", ()) if make.runs(IN_PIPELINE) else ()
    return [
        action.get("configuration", {})
        for stage in stages
        for action in stage.get("actions", ())
        if action.get("actionTypeId", {}).get("provider") in providers
    ]


def _codedeploy_actions(make: _Maker) -> list[tuple[str, str]]:
    found = _actions(make, "CodeDeployToECS")
    return [(str(each.get("ApplicationName", "")), str(each.get("DeploymentGroupName", ""))) for each in found]


def _ecs_actions(make: _Maker) -> list[tuple[str, str]]:
    """Cluster and service of the ECS actions, whose failures hand-off explains; CodeDeploy deploys the document's."""
    found = [(str(each.get("ClusterName", "")), str(each.get("ServiceName", ""))) for each in _actions(make, "ECS")]
    if _actions(make, "CodeDeployToECS"):
        found += [(short(make.document.cluster), service.name) for service in make.document.services.values()]
    return found
