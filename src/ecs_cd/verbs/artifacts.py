"""artifacts: writes the files for CodePipeline's deploy actions, from the same templates as a deployment."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ecs_cd.deploy import artifact_folder
from ecs_cd.deploy.rules import appspec, artifacts
from ecs_cd.deploy.rules.appspec import AppSpec
from ecs_cd.deploy.strategies import codedeploy_checks
from ecs_cd.document import load
from ecs_cd.document.rules.document import Document, Service, by_container, choose
from ecs_cd.images import attestations, handed_over, resolve
from ecs_cd.inputs.artifacts import Artifacts
from ecs_cd.job.job import Job, Result, concurrently
from ecs_cd.job.services import active_services
from ecs_cd.model import lifecycle
from ecs_cd.model.lifecycle import Strategy
from ecs_cd.model.verdict import Outcome, Verdict
from ecs_cd.steps.step import Step, run_step
from ecs_cd.tasks.loader import Loader
from ecs_cd.tasks.rules.task_definition import TaskDefinition, with_images

STEP = Step("Artifacts")


@dataclass(frozen=True)
class Prepared:
    """A service's templates, before its images are known. Without ``template``, ECS deploys the service."""

    service: Service
    definition: TaskDefinition
    template: AppSpec | None


def run(inputs: Artifacts, job: Job) -> int:
    """The verb; its exit code. Reads and checks everything before it writes the first file."""
    to = artifact_folder.check(inputs.to, job)
    document = load.load(inputs.config, job)
    found = handed_over.find(inputs, document, job)
    wanted = _targets(inputs.service, document)
    names = sorted({image for service in wanted for image in service.containers.values()})
    prepared, by_name = concurrently(
        lambda: _prepare(inputs, wanted, document, job),
        lambda: attestations.verified(
            resolve.resolve(names, document.images, found.commit, job, digests=found.digests),
            inputs,
            document,
            job,
        ),
    )
    return run_step(STEP, partial(_execute, inputs, to, prepared, by_name, job), job)


def _targets(names: Sequence[str], document: Document) -> list[Service]:
    keys = dict.fromkeys(choose("service", name, document.services) for name in names or [""])
    return [document.services[key] for key in keys]


def _prepare(inputs: Artifacts, wanted: Sequence[Service], document: Document, job: Job) -> list[Prepared]:
    """Checks the same as a deployment does, except the deployment group, which is the pipeline's."""
    loader = Loader(document, inputs.environment_variables, inputs.allow_unknown_fields, job)
    loaded, services = concurrently(
        lambda: concurrently(*(partial(loader.load, service) for service in wanted)),
        lambda: active_services(job, document.cluster, [service.name for service in wanted]),
    )

    def prepared(service: Service, definition: TaskDefinition) -> Prepared:
        return Prepared(service, definition, _appspec(service, services[service.name], definition, job))

    return concurrently(
        *(partial(prepared, service, each.definition) for service, each in zip(wanted, loaded, strict=True))
    )


def _appspec(target: Service, service: Mapping[str, Any], definition: TaskDefinition, job: Job) -> AppSpec | None:
    """The AppSpec that a deployment would use; ``None`` if ECS deploys the service."""
    if lifecycle.strategy(service) is not Strategy.CODE_DEPLOY:
        job.ci.line(f"{target.key}: the controller is ECS, so there is no {artifacts.APPSPEC}")
        return None
    given = codedeploy_checks.read_appspec(job, service, target.codedeploy.appspec, definition)
    return given or appspec.of_service(service)


def _execute(inputs: Artifacts, to: Path, prepared: Sequence[Prepared], by_name: Mapping[str, str], job: Job) -> Result:
    folders: dict[Path, dict[str, str]] = {}
    images: dict[str, str] = {}
    for each in prepared:
        containers = by_container(each.service, by_name)
        named = {name: by_name[name] for name in each.service.containers.values()}
        definition = with_images(each.definition, containers)
        folder = to / each.service.key if len(prepared) > 1 else to
        folders[folder] = artifacts.files(definition, containers, named, each.template)
        images |= containers
    templates = [
        source for each in prepared for source in (each.service.task_definition, each.service.codedeploy.appspec)
    ]
    artifact_folder.check_templates(folders, templates)
    for folder, files in folders.items():
        artifacts.check(files, _shown(folder, to, inputs), artifact_folder.others(folder))
    artifact_folder.write(folders)
    facts = {_shown(folder, to, inputs): ", ".join(files) for folder, files in folders.items()}
    for name, words in facts.items():
        job.ci.line(f"artifacts: {name} has {words}")
    verdict = Verdict(Outcome.SUCCEEDED, f"{sum(map(len, folders.values()))} files in {inputs.to}")
    return Result(verdict, {"images": json.dumps(images, sort_keys=True)}, facts)


def _shown(folder: Path, to: Path, inputs: Artifacts) -> str:
    """The folder as the inputs name it."""
    return inputs.to if folder == to else f"{inputs.to.rstrip('/')}/{folder.name}"
