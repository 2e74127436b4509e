"""What the infra team declares: read from its file, and created in the local AWS."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ecs_cd.aws.session import Aws
from ecs_cd.local import create, ministack, plan
from ecs_cd.local.codebuild.rules import environment
from ecs_cd.local.codebuild.rules.environment import Variable
from ecs_cd.local.codepipeline import declared, localized, process
from ecs_cd.local.codepipeline.process import Codepipeline, Declared
from ecs_cd.local.codepipeline.rules import declaration, documents, projects, triggers
from ecs_cd.local.codepipeline.rules.infra import Infra, configurations
from ecs_cd.local.machine import Say
from ecs_cd.local.ministack import Ministack
from ecs_cd.model import json_yaml
from ecs_cd.model.errors import Refused
from ecs_cd.model.references import S3Object
from ecs_cd.tasks.rules.task_definition import TaskDefinition

_FILE = "file://"


@dataclass(frozen=True)
class InfraFile:
    """A file of the infra team, and what it declares."""

    declared: Declared
    infra: Infra

    @property
    def document(self) -> str:
        """The parameter that holds ecs-cd's document; empty if it isn't clear which one does."""
        found = [name for name, text in self._parameters.items() if _is_document(text)]
        return found[0] if len(found) == 1 else ""

    def with_secrets(self, given: Collection[str]) -> list[TaskDefinition]:
        """For ``plan.secrets``: the builds as containers, with those of their secrets whose variables are ``given``."""
        found: dict[str, list[dict[str, str]]] = {}
        for project, name, variable in projects.references(self.infra):
            if name in given:
                found.setdefault(project, []).append({"name": name, "valueFrom": _value_from(variable)})
        return [{"containerDefinitions": [{"name": name, "secrets": each} for name, each in found.items()]}]

    def not_given(self, given: Collection[str], made: Collection[str]) -> list[str]:
        """The secrets of builds without a value, in sentences. ``made`` are the names of those that exist."""
        return [
            f"the build {project} has no value for {name}, so it fails; set it with --env-file FILE"
            for project, name, variable in projects.references(self.infra)
            if name not in given and self.parameter(variable.value) is None
            if plan.local_name(_value_from(variable)) not in made
        ]

    @property
    def starts_at_push(self) -> bool:
        """Whether a push to a branch starts a pipeline, which needs no workflow."""
        return any(triggers.connections(each) for each in self.infra.pipelines.values())

    def parameter(self, name: str) -> str | None:
        """The value of an SSM parameter that the file declares."""
        return self._parameters.get(name)

    @property
    def by_codedeploy(self) -> frozenset[str]:
        """The services that an action CodeDeployToECS deploys."""
        groups = documents.deployment_groups(self.infra)
        used = {
            (given.get("ApplicationName"), given.get("DeploymentGroupName"))
            for pipeline in self.infra.pipelines.values()
            for given in configurations(pipeline, "CodeDeployToECS").values()
        }
        return frozenset(each.service for each in groups if (each.application, each.name) in used)

    def template(self, place: S3Object) -> str | None:
        """The content of an S3 object that the file declares."""
        found = (each for each in self.infra.objects if (each.bucket, each.key) == (place.bucket, place.key))
        return next((each.body.decode("utf-8", "replace") for each in found), None)

    @property
    def _parameters(self) -> Mapping[str, str]:
        return {each.name: each.value for each in self.infra.parameters}


def _value_from(variable: Variable) -> str:
    """As a container's ``valueFrom`` has it."""
    if variable.type == environment.PARAMETER_STORE:
        return variable.value
    secret = environment.secret_reference(variable.value)
    arn = secret.id if secret.id.startswith("arn:") else f"arn:aws:secretsmanager:::secret:{secret.id}"
    return f"{arn}:{secret.key}::"


def stack_parameters(texts: Sequence[str]) -> dict[str, str]:
    """From ``NAME=VALUE``, and from ``file://FILE`` with what `aws cloudformation` takes as such a file."""
    found: dict[str, str] = {}
    for text in texts:
        found |= _of_file(text.removeprefix(_FILE)) if text.startswith(_FILE) else _pair(text)
    return found


def _pair(text: str) -> dict[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise Refused(f"--stack-parameter: must be NAME=VALUE or {_FILE}FILE")
    return {name: value}


def _of_file(file: str) -> dict[str, str]:
    """The file can hold secrets, so no error has its content."""
    try:
        content = json.loads(Path(file).read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise Refused(f"--stack-parameter: {file} can't be read as JSON: {type(error).__name__}") from None
    if isinstance(content, dict):
        content = content.get("Parameters", content)
    if isinstance(content, list) and all(isinstance(each, Mapping) for each in content):
        content = {each.get("ParameterKey"): each.get("ParameterValue") for each in content}
    if not isinstance(content, dict) or not all(isinstance(each, str) for pair in content.items() for each in pair):
        raise Refused(f"--stack-parameter: {file} has no parameters with texts as their values")
    return content


def read(file: str, parameters: Mapping[str, str], build_image: str) -> InfraFile:
    """Reads the file. Raises ``Refused`` with everything in them that can't run here."""
    path = Path(file)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"--infra: {file} can't be read: {error}") from error
    given = Declared(text, parameters, build_image)
    infra = declared.read(text, parameters, lambda name: (path.parent / name).read_bytes())
    problems = declaration.problems(infra)
    if problems:
        raise Refused([f"{file}: {problem}" for problem in problems])
    return InfraFile(given, infra)


def _is_document(text: str) -> bool:
    try:
        content = json_yaml.parse(text, what="the parameter")
    except Refused:
        return False
    return isinstance(content, dict) and "cluster" in content


def make(found: InfraFile, document: str, running: Ministack, aws: Aws, say: Say) -> None:
    """Creates the buckets, objects, parameters and log groups. ``document`` is a parameter that exists already."""
    here = localized.for_here(found.infra, running.registry, running.account, running.region)
    for name, versioned in here.buckets.items():
        create.bucket(aws, name)
        if versioned:
            create.versioning(aws, name)
        say(f"bucket {name}")
    for each in here.objects:
        create.put(aws, S3Object(each.bucket, each.key), each.body)
    for parameter in here.parameters:
        if parameter.name != document:
            create.parameter(aws, parameter.name, parameter.value, 1)
    for group in here.log_groups:
        create.log_group(aws, group, "")


def serve(found: InfraFile, folder: Path, running: Ministack, env: Mapping[str, str], say: Say) -> None:
    """Starts the local CodePipeline, or leaves it if it already runs these pipelines."""
    if not found.infra.pipelines:
        process.end(folder, env)
        return
    there = process.running(folder)
    if there is not None and there.declared == found.declared:
        say(f"CodePipeline is up at {there.endpoint} already")
        return
    if there is not None:
        say("the pipelines have changed; CodePipeline starts again, without the executions so far")
    process.end(folder, env)
    names = tuple(found.infra.pipelines)
    started = process.start(folder, found.declared, names, running, env)
    say(f"CodePipeline is up at {started.endpoint}: {', '.join(names)}")


# ---- for the commands that need it ----


def require(folder: Path, root: Path) -> tuple[Codepipeline, Ministack]:
    """The local CodePipeline and the local AWS. Raises ``Refused`` if they aren't up."""
    found, running = process.running(folder), ministack.running(folder)
    if found is None or running is None:
        raise Refused(f"no local CodePipeline is up for {root}", "Start it: ecs-cd local up --infra FILE")
    return found, running


def use(found: Codepipeline, running: Ministack, environ: MutableMapping[str, str]) -> None:
    """Makes them the AWS of this process and its child processes."""
    ministack.use(running, environ)
    environ.update(found.client_env)


def account_and_region(found: InfraFile | None) -> Sequence[str]:
    """Account and region that it declares; nothing without a file."""
    return localized.account_and_region(found.infra) if found else ()
