"""deploy as a replacement for amazon-ecs-render-task-definition and amazon-ecs-deploy-task-definition.

The official actions' inputs replace the document.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ecs_cd.deploy.json_inputs import Request
from ecs_cd.deploy.rules import rolling
from ecs_cd.diagnosis import stopped_tasks
from ecs_cd.document.rules.document import CodeDeploy, Service
from ecs_cd.inputs.official import DeployAlone, official_given
from ecs_cd.job.job import Job, concurrently
from ecs_cd.job.workspace import read_file
from ecs_cd.model.errors import Refused
from ecs_cd.model.lifecycle import STABLE, STARTED, Until
from ecs_cd.model.names import closest
from ecs_cd.model.references import RegisteredTaskDefinition, TaskDefinitionSource, WorkspaceFile, short
from ecs_cd.tasks import templates
from ecs_cd.tasks.rules import environment, render
from ecs_cd.tasks.rules.render import Changes
from ecs_cd.tasks.rules.task_definition import TaskDefinition
from ecs_cd.tasks.standalone import StandaloneTask

_LONGEST = 6 * 60  # minutes
_LONGEST_DESCRIPTION = 512
_LONGEST_OVERRIDES = 8192  # characters, including those of the JSON syntax
_APPSPEC = "appspec.yaml"
_PAGE = "docs/guides/coming-from/official-actions.md"
_SOURCES = ("task-definition", "task-definition-arn", "task-definition-family")
_INTO_CONTAINERS = (
    "image", "environment-variables", "env-files", "secrets", "log-configuration-log-driver",
    "log-configuration-options", "docker-labels", "command",
)  # fmt: skip
_WITHOUT_EFFECT = ("wait-max-delay-seconds", "max-retries")


@dataclass(frozen=True)
class Official:
    """What the inputs say. ``definition`` is rendered, and stored in the file ``path``.

    Without ``service`` the definition is only registered. ``update`` holds other settings that the service must get
    (see ``changes``), ``force`` deploys again what already runs, ``timeout`` is in seconds, ``run_task`` runs before
    the service is deployed.
    """

    definition: TaskDefinition
    path: str
    cluster: str
    service: Service | None
    update: Mapping[str, Any]
    force: bool
    until: Until
    timeout: float
    run_task: StandaloneTask | None


def wanted(inputs: DeployAlone) -> bool:
    """Whether the inputs replace a document. Raises ``Refused`` if the inputs name both, or neither."""
    given = official_given(inputs)
    if inputs.config and given:
        raise Refused(
            [f"{name}: can't be combined with config" for name in given],
            f"The document has its own keys for what these inputs say; see {_PAGE}.",
        )
    if not inputs.config and not set(given) & set(_SOURCES):
        alone = "task-definition-revision" in given
        raise Refused(
            "task-definition-revision: needs task-definition-family"
            if alone
            else "config: is missing, and no task definition is given instead",
            f"Set config (the document), or one of {', '.join(_SOURCES)}; see {_PAGE}.",
        )
    if not inputs.config and inputs.require_attestation is not None:
        raise Refused(
            "require-attestation: needs config: only the document says which images are the app's",
            f"The document can require attestations itself; see {_PAGE}.",
        )
    return not inputs.config


def prepare(inputs: DeployAlone, job: Job) -> Official:
    """Checks everything that can be checked, and refuses, before anything changes except one file in RUNNER_TEMP."""
    given = official_given(inputs)
    (definition, where), _, update, call = concurrently(
        lambda: _load(inputs, given, job),
        lambda: _check(inputs, given),
        lambda: _update(inputs, job),
        lambda: _call(inputs, job) if inputs.run_task else {},
    )
    rendered = render.render(definition, _changes(inputs), where=where)
    without_effect = [name for name in _WITHOUT_EFFECT if name in given]
    if without_effect:
        job.ci.notice(
            f"{', '.join(without_effect)}: no effect; ecs-cd polls every two seconds and retries transient errors"
        )
    timeout = _timeout(inputs, job)
    return Official(
        definition=rendered,
        path=_written(rendered, job),
        cluster=inputs.cluster,
        service=_service(inputs) if inputs.service and not inputs.register_only else None,
        update=update,
        force=inputs.force_new_deployment or _by_tag(rendered),
        until=_until(inputs),
        timeout=timeout,
        run_task=_standalone(inputs, call, rendered, timeout) if inputs.run_task else None,
    )


def changes(given: Official, service: Mapping[str, Any]) -> dict[str, Any]:
    """What UpdateService must change in addition to the task definition, without what the service already has.

    Removes a volume that the service has and the task definition no longer has, like the official action.
    """
    there = {
        "desiredCount": service.get("desiredCount"),
        "enableECSManagedTags": service.get("enableECSManagedTags", False),
        "propagateTags": service.get("propagateTags", "NONE"),
        "volumeConfigurations": rolling.primary(service).get("volumeConfigurations", []),
    }
    at_launch = any(volume.get("configuredAtLaunch") for volume in given.definition.get("volumes", ()))
    asked = {**({} if at_launch else {"volumeConfigurations": []}), **given.update}
    return {name: value for name, value in asked.items() if value != there[name]}


# ---- the task definition ----


def _load(inputs: DeployAlone, given: list[str], job: Job) -> tuple[TaskDefinition, str]:
    source = _source(inputs)
    others = [name for name in _SOURCES if name in given][1:]
    unused = f" ({', '.join(others)}: not used)" if others else ""
    if isinstance(source, WorkspaceFile):
        job.ci.line(f"task definition: the file {source.path}{unused}")
        text = read_file(source.path, what="the task definition")
        definition = templates.read(
            text,
            source.path,
            job,
            allow_unknown=inputs.allow_unknown_fields,
            keep_null_value_keys=inputs.keep_null_value_keys,
        )
        return definition, source.path
    definition, where, _ = templates.load(source, job, allow_unknown=inputs.allow_unknown_fields)
    job.ci.line(f"task definition: {where}, as registered{unused}")
    return definition, where


def _source(inputs: DeployAlone) -> TaskDefinitionSource:
    if inputs.task_definition:
        return WorkspaceFile(inputs.task_definition)
    revision = f":{inputs.task_definition_revision}" if inputs.task_definition_revision else ""
    return RegisteredTaskDefinition(inputs.task_definition_arn or f"{inputs.task_definition_family}{revision}")


def _check(inputs: DeployAlone, given: list[str]) -> None:
    found = []
    if len(inputs.service) > 1:
        found.append(
            "service: only one is possible without a document; use a step for each, the revision is registered once"
        )
    if inputs.images_from != "auto":
        found.append("images-from: works only with config; without a document, image names the image")
    given = [*given, environment.INPUT] if inputs.environment_variables else given
    into = [name for name in _INTO_CONTAINERS if name in given]
    if into and not inputs.container_name:
        found.append(f"container-name: is missing; {', '.join(into)} apply to containers")
    if inputs.container_name and not inputs.image:  # an expression that is empty must not deploy the old image
        found.append("image: is missing or empty, and container-name needs it")
    if found:
        raise Refused(found)


def _changes(inputs: DeployAlone) -> Changes:
    return Changes(
        containers=inputs.container_name,
        image=inputs.image,
        environment=environment.without_prefix(inputs.environment_variables),
        environment_files=inputs.env_files,
        secrets=inputs.secrets,
        log_driver=inputs.log_configuration_log_driver,
        log_options=inputs.log_configuration_options,
        labels=inputs.docker_labels,
        command=inputs.command,
        task_role=inputs.task_role_arn,
        execution_role=inputs.execution_role_arn,
    )


def _by_tag(definition: TaskDefinition) -> bool:
    """Whether a tag names an image: the tag may have moved, and only a new deployment resolves it again."""
    return any("@" not in str(container.get("image", "")) for container in definition["containerDefinitions"])


def _written(definition: TaskDefinition, job: Job) -> str:
    """The path of a new file that only this user can read: the definition may hold secrets."""
    number, path = tempfile.mkstemp(".json", "task-definition-", job.environ.get("RUNNER_TEMP") or None)
    with os.fdopen(number, "w", encoding="utf-8") as file:
        json.dump(definition, file, indent=2)
    return path


# ---- the service ----


def _service(inputs: DeployAlone) -> Service:
    name = inputs.service[0]
    path = inputs.codedeploy_appspec or (_APPSPEC if Path(_APPSPEC).is_file() else "")
    description = inputs.codedeploy_deployment_description
    if len(description) > _LONGEST_DESCRIPTION:
        description = f"{description[: _LONGEST_DESCRIPTION - 1]}\N{HORIZONTAL ELLIPSIS}"
    codedeploy = CodeDeploy(
        application=inputs.codedeploy_application,
        deployment_group=inputs.codedeploy_deployment_group,
        appspec=WorkspaceFile(path) if path else None,
        deployment_config=inputs.codedeploy_deployment_config,
        description=description,
    )
    return Service(short(name), name, _source(inputs), {}, codedeploy)


def _update(inputs: DeployAlone, job: Job) -> dict[str, Any]:
    request = Request.to("UpdateService", job, allow_unknown=inputs.allow_unknown_fields)
    name, volume = inputs.service_managed_ebs_volume_name, inputs.service_managed_ebs_volume
    volumes = request.volumes("service-managed-ebs-volume", name, volume, job)
    asked = {
        "desiredCount": inputs.desired_count,
        "enableECSManagedTags": inputs.enable_ecs_managed_tags,
        "propagateTags": inputs.propagate_tags or None,
        "volumeConfigurations": volumes or None,
    }
    request.check()
    return {name: value for name, value in asked.items() if value is not None}


def _until(inputs: DeployAlone) -> Until:
    """Like the official action, also waits for an approval to move the traffic; wait-until is ecs-cd's own input."""
    if inputs.wait_until:
        return Until(inputs.wait_until)
    return Until(STABLE if inputs.wait_for_service_stability else STARTED, through_pauses=True)


def _timeout(inputs: DeployAlone, job: Job) -> float:
    minutes = inputs.wait_for_minutes
    if minutes is None:
        return inputs.deployment_timeout
    if minutes > _LONGEST:
        job.ci.notice(f"wait-for-minutes: {minutes} is above the maximum; using {_LONGEST}")
    return 60.0 * min(minutes, _LONGEST)


# ---- a task of its own ----


def _standalone(
    inputs: DeployAlone, call: Mapping[str, Any], definition: TaskDefinition, timeout: float
) -> StandaloneTask:
    containers = tuple(str(container["name"]) for container in definition["containerDefinitions"])
    _check_overrides(call.get("overrides", {}).get("containerOverrides", ()), containers)
    return StandaloneTask(
        what="run-task",
        call=call,
        definition=definition,
        containers=containers,
        judge=stopped_tasks.every_container_verdict,
        on_cancel=inputs.on_cancel,
        timeout=timeout,
        wait=inputs.wait_for_task_stopped,
        started_by=inputs.run_task_started_by,
    )


def _call(inputs: DeployAlone, job: Job) -> dict[str, Any]:
    """The members of the RunTask request."""
    request = Request.to("RunTask", job, allow_unknown=inputs.allow_unknown_fields)
    overrides = {"containerOverrides": inputs.run_task_container_overrides}
    strategy = request.fitted(
        inputs.run_task_capacity_provider_strategy, "capacityProviderStrategy", "run-task-capacity-provider-strategy"
    )
    name, volume = inputs.run_task_managed_ebs_volume_name, inputs.run_task_managed_ebs_volume
    call = {
        "cluster": inputs.cluster,
        "capacityProviderStrategy": strategy,
        "launchType": "" if strategy else inputs.run_task_launch_type,
        "networkConfiguration": _network(inputs, request.problems),
        "overrides": request.fitted(overrides, "overrides", "run-task-container-overrides", "containerOverrides"),
        "enableECSManagedTags": inputs.enable_ecs_managed_tags,
        "tags": request.fitted(inputs.run_task_tags, "tags", "run-task-tags"),
        "volumeConfigurations": request.volumes("run-task-managed-ebs-volume", name, volume, job),
    }
    request.check()
    return {name: value for name, value in call.items() if value or value is False}


def _check_overrides(overrides: Sequence[Mapping[str, Any]], containers: Sequence[str]) -> None:
    """Checks that each override is for an existing container, and that together they are within ECS's length limit."""
    what, names = "run-task-container-overrides", [str(override.get("name", "")) for override in overrides]
    found = [
        f"{what}[{number}].name: the task definition has no container `{name}`{closest(name, containers)}; "
        f"it has {', '.join(containers)}"
        if name
        else f"{what}[{number}].name: is missing"
        for number, name in enumerate(names)
        if name not in containers
    ]
    least = json.dumps({"containerOverrides": overrides}, ensure_ascii=False, separators=(",", ":"))
    if len(least) > _LONGEST_OVERRIDES:
        found.append(f"{what}: {len(least)} characters; ECS accepts at most {_LONGEST_OVERRIDES}")
    if found:
        raise Refused(found)


def _network(inputs: DeployAlone, found: list[str]) -> dict[str, Any]:
    """Only if subnets are given: the bridge and host modes accept none."""
    subnets, groups = list(inputs.run_task_subnets), list(inputs.run_task_security_groups)
    if groups and not subnets:
        found.append("run-task-subnets: is missing; ECS accepts run-task-security-groups only together with subnets")
    if not subnets:
        return {}
    configuration: dict[str, Any] = {"subnets": subnets, "assignPublicIp": inputs.run_task_assign_public_IP}
    return {"awsvpcConfiguration": {**configuration, **({"securityGroups": groups} if groups else {})}}
