"""`ecs-cd local up`: starts a local AWS with everything that the repository's document names."""

from __future__ import annotations

import hashlib
import json
import secrets
import shutil
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ecs_cd.aws import ecs, s3, ssm
from ecs_cd.aws.errors import explain
from ecs_cd.aws.session import Aws
from ecs_cd.document.rules import document
from ecs_cd.document.rules.document import Document
from ecs_cd.job.workspace import read_file
from ecs_cd.local import containers, create, infra, ministack, place, plan, repository, tools, workflow
from ecs_cd.local.codepipeline import process
from ecs_cd.local.infra import InfraFile
from ecs_cd.local.machine import Say
from ecs_cd.local.ministack import Ministack
from ecs_cd.local.place import Stack
from ecs_cd.local.plan import Needed
from ecs_cd.local.workflow import Workflow
from ecs_cd.model import json_yaml
from ecs_cd.model.errors import Refused
from ecs_cd.model.references import RegisteredTaskDefinition, S3Object, ServiceRevision, WorkspaceFile, short
from ecs_cd.tasks.rules import revisions, task_definition
from ecs_cd.tasks.rules.task_definition import TaskDefinition

_FROM_WHERE = "For example, set AWS_PROFILE and AWS_REGION; or use a file: ecs-cd local up --config file:PATH"
PLACEHOLDER = "ecs-cd-placeholder"  # its repository; no document names it, because it is never deployed


@dataclass(frozen=True)
class Options:
    """The command line."""

    config: str = ""
    parameter: str = ""
    templates: str = ""
    env_file: str = ""
    network_of: str = ""
    infra: str = ""
    stack_parameters: Mapping[str, str] = field(default_factory=dict)
    build_image: str = ""


@dataclass(frozen=True)
class World:
    """What `up` will create: read and checked, but not started."""

    config: str  # as workflows write it
    content: Mapping[str, Any]
    document: Document
    templates: Mapping[Needed, TaskDefinition]
    given: Mapping[str, str]
    account: str
    region: str
    notes: Sequence[str]
    infra: InfraFile | None = None


def up(options: Options, environ: MutableMapping[str, str], say: Say) -> int:
    """Starts a local AWS for this repository, or updates the running one."""
    env = containers.host_in_use()
    tools.require(env)
    root = repository.root(Path.cwd())
    world = _read(options, root, repository.workflows(root), containers.architecture(env), environ)
    if options.network_of and not containers.network(options.network_of, env):
        raise Refused(f"--network-of: no container {options.network_of} is on a network", "docker ps lists containers.")
    folder = place.folder(root, environ)
    running = ministack.running(folder)
    if running:
        _same(running, world, options)
        say(f"a local AWS is up for {root} already, at {running.endpoint}; updating it")
        _make(folder, running, world, env, environ, say)
        return 0
    if ministack.recorded(folder):
        say("the previous local AWS is gone, for example after a restart of the machine; starting a new one")
        process.end(folder, env)
        ministack.end(folder, env)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        started = ministack.start(
            folder, env, region=world.region, account=world.account, network_of=options.network_of
        )
        say(f"a local AWS is up at {started.endpoint}: account {started.account}, region {started.region}")
        _make(folder, started, world, env, environ, say)
    except BaseException:
        process.end(folder, env)
        ministack.end(folder, env)
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return 0


def _same(running: Ministack, world: World, options: Options) -> None:
    """Raises ``Refused`` if the running AWS can't be changed to the requested one."""
    found = []
    if (running.account, running.region) != (world.account, world.region):
        found.append(
            f"the running local AWS has account {running.account} and region {running.region}, the document is for "
            f"{world.account} and {world.region}"
        )
    if options.network_of and options.network_of != running.network_of:
        found.append("the running local AWS starts its tasks on another network")
    if found:
        raise Refused(found, "Run ecs-cd local down, then up.")


# ---- read ----


def _read(
    options: Options, root: Path, workflows: Sequence[Workflow], architecture: str, environ: Mapping[str, str]
) -> World:
    infra_file = _infra_file(options)
    source = options.config or (infra_file.document if infra_file else "") or workflow.only_config(workflows)
    config = options.parameter or (workflow.only_config(workflows) if source.startswith("file:") else source)
    folder = Path.cwd() if options.config else root
    regions = [region for each in workflows for region in each.regions]
    text, elsewhere = _document_text(source, folder, infra_file, Aws(environ, next(iter(regions), "")))
    found = document.load(text, where=source)
    account, region = infra.account_and_region(infra_file) or plan.account_and_region(found, source, workflows)
    given = _given(options.env_file)
    aws = elsewhere or Aws(environ, region)
    read = _templates_of(found, options.templates, root, infra_file, aws, from_aws=elsewhere is not None)
    notes = plan.differences(found)
    templates: dict[Needed, TaskDefinition] = {}
    for wanted, definition in read.items():
        if definition is None:
            notes.append(f"{wanted.where}: made up, with {', '.join(wanted.containers)}; --templates DIR uses yours")
        whole = definition or plan.made_up(wanted, given, region)
        notes += plan.notes(whole, wanted, architecture)
        templates[wanted] = plan.for_this_machine(whole, given, architecture)
    content = json_yaml.parse(text, what=source)
    return World(config, content, found, templates, given, account, region, tuple(notes), infra_file)


def _infra_file(options: Options) -> InfraFile | None:
    if options.infra:
        return infra.read(options.infra, options.stack_parameters, options.build_image)
    if options.stack_parameters or options.build_image:
        raise Refused("--stack-parameter and --build-image belong to --infra FILE")
    return None


def _document_text(source: str, folder: Path, declared: InfraFile | None, aws: Aws) -> tuple[str, Aws | None]:
    """The document, and the AWS that it came from, if any."""
    there = declared.parameter(source) if declared else None
    if there is not None:
        return there, None
    if source.startswith("file:"):
        return _text(folder / source.removeprefix("file:"), what="the document"), None
    try:
        return ssm.parameter(aws, source)[0], aws
    except (Refused, ClientError, BotoCoreError) as error:
        refused = error if isinstance(error, Refused) else explain(error)
        why = "; ".join(refused.problems)
        raise Refused(f"the document {source} can't be read from your AWS account: {why}", _FROM_WHERE) from error


def _text(path: Path, *, what: str) -> str:
    """Like ``read_file``, whose remedy is meant for a job."""
    try:
        return read_file(str(path), what=what)
    except Refused as refused:
        raise Refused(refused.problems) from refused


def _given(env_file: str) -> dict[str, str]:
    return plan.read_variables(_text(Path(env_file), what="the file"), where=env_file) if env_file else {}


def _templates_of(
    found: Document, templates: str, root: Path, declared: InfraFile | None, aws: Aws, *, from_aws: bool
) -> dict[Needed, TaskDefinition | None]:
    """The templates that the document names; None for one that is unavailable. Reports all problems at once."""
    read: dict[Needed, TaskDefinition | None] = {}
    problems: list[str] = []
    remedies: dict[str, None] = {}
    for wanted in plan.needed(found):
        try:
            read[wanted] = _template(wanted, templates, root, declared, aws, found.cluster if from_aws else "")
        except Refused as refused:
            problems += refused.problems
            remedies[refused.remedy] = None
    if problems:
        raise Refused(problems, " ".join(filter(None, remedies)))
    return read


def _template(
    wanted: Needed, templates: str, root: Path, declared: InfraFile | None, aws: Aws, cluster: str
) -> TaskDefinition | None:
    """``None`` if it is unavailable. ``cluster`` is empty if the AWS account isn't to be read."""
    where = wanted.where
    here = declared.template(wanted.source) if declared and isinstance(wanted.source, S3Object) else None
    if here is not None:
        text = here
    elif isinstance(wanted.source, WorkspaceFile):
        text = _text(root / wanted.source.path, what="the task definition")
    elif templates:
        path = _below(Path(templates), wanted)
        where, text = str(path), _text(path, what="the task definition")
    elif not cluster:
        return None
    elif isinstance(wanted.source, S3Object):
        text = s3.text(aws, wanted.source)
    else:
        name = _registered(wanted.source, aws, cluster)
        described = ecs.task_definition(aws, name) if name else None
        if described is None:
            raise Refused(f"there is no task definition {where} in {aws.region}", "The infra repo registers it.")
        text = json.dumps(described["taskDefinition"], default=str)
    definition = task_definition.read(text, *ecs.shapes(aws), where=where)
    task_definition.check_containers(definition, wanted.containers, where=where)
    if isinstance(wanted.source, ServiceRevision):  # a family of the same name as in the local document
        definition["family"] = short(wanted.source.service)
    return definition


def _registered(source: RegisteredTaskDefinition | ServiceRevision, aws: Aws, cluster: str) -> str:
    """The name of a task definition; empty for a service that runs none."""
    if isinstance(source, RegisteredTaskDefinition):
        return source.name
    return revisions.running(ecs.active_service(aws, cluster, source.service)) or ""


def _below(templates: Path, wanted: Needed) -> Path:
    places = [templates / candidate for candidate in plan.candidates(wanted.source)]
    there = [path for path in places if path.is_file()]
    if not there:
        raise Refused(f"the template {wanted.where} is not there: no {' or '.join(map(str, places))}")
    return there[0]


# ---- make ----


def _make(
    folder: Path,
    running: Ministack,
    world: World,
    env: Mapping[str, str],
    environ: MutableMapping[str, str],
    say: Say,
) -> None:
    ministack.use(running, environ)
    aws = Aws(environ, running.region)
    before = place.load(folder)
    for note in world.notes:
        say(note)
    local = plan.local_document(world.content, running.registry)
    cluster = create.cluster(aws, local["cluster"])
    say(f"cluster {local['cluster']}")
    for name in plan.repositories(world.content):
        create.repository(aws, name)
        say(f"repository {running.registry}/{name}")
    if world.infra:  # before the templates, which may be among its objects
        infra.make(world.infra, plan.parameter_name(world.config)[0], running, aws, say)
    templates = _templates(aws, world, say)
    files = _files(aws, world, templates)
    image = f"{running.registry}/{PLACEHOLDER}:1"
    if before is None:
        create.repository(aws, PLACEHOLDER)
        containers.push_placeholder(image, env)
    families = _services(aws, world, cluster, templates, before, image, say)
    _document(aws, world.config, local, files, say)
    place.save(folder, Stack(world.config, local["cluster"], _names(local), files, families))
    if world.infra:
        infra.serve(world.infra, folder, running, env, say)
    if world.infra and world.infra.starts_at_push:
        say("next: ecs-cd local push, which starts the pipeline with your working tree")
    else:
        say("next: ecs-cd local run, which runs the workflow on your working tree")


def _templates(aws: Aws, world: World, say: Say) -> dict[Needed, TaskDefinition]:
    """The templates with local secrets. Also creates the secrets and log groups that their containers need."""
    builds = world.infra.with_secrets(world.given) if world.infra else []
    definitions = [*world.templates.values(), *builds]
    found = plan.secrets(definitions)
    made_up = f"local-{secrets.token_hex(8)}"
    arns = {secret.name: create.secret(aws, secret, world.given, made_up) for secret in found}
    for secret in found:
        say(f"{'parameter' if secret.in_ssm else 'secret'} {secret.name}")
    missing = plan.not_given(found, world.given)
    if missing:
        names = ", ".join(missing)
        say(f"warning: there is no value for {names}, so ecs-cd makes one up; set values with --env-file FILE")
    unknown = plan.unknown_variables(world.given, definitions)
    if unknown:
        say(f"warning: no container has a variable {', '.join(unknown)}")
    for words in world.infra.not_given(world.given, arns) if world.infra else ():
        say(f"warning: {words}")
    for name, region in plan.log_groups(world.templates.values()):
        create.log_group(aws, name, region)
        say(f"log group {name}")
    return {template: plan.with_secrets(definition, arns) for template, definition in world.templates.items()}


def _files(aws: Aws, world: World, templates: Mapping[Needed, TaskDefinition]) -> dict[str, str]:
    """Puts templates into their buckets, and returns those of the workspace for the copy that a workflow runs in."""
    for name in plan.buckets(world.document):
        create.bucket(aws, name)
    for template, definition in templates.items():
        if isinstance(template.source, S3Object):
            create.template(aws, template.source, definition)
    return {
        template.source.path: json.dumps(definition, indent=2) + "\n"
        for template, definition in templates.items()
        if isinstance(template.source, WorkspaceFile)
    }


def _services(
    aws: Aws,
    world: World,
    cluster: str,
    templates: Mapping[Needed, TaskDefinition],
    before: Stack | None,
    image: str,
    say: Say,
) -> dict[str, str]:
    """Creates services and triggers with tasks of this image, and families. Returns each family's template."""
    sources = {template.source: definition for template, definition in templates.items()}
    pausing: dict[str, str] = {}

    def first(definition: TaskDefinition) -> str:
        name = definition["family"]
        if name not in pausing:
            pausing[name] = ecs.register(aws, plan.pausing(definition, image))
        return pausing[name]

    for service in world.document.services.values():
        definition = sources[service.task_definition]
        name = short(service.name)
        controller = "CODE_DEPLOY" if world.infra and name in world.infra.by_codedeploy else "ECS"
        made = create.service(aws, cluster, name, partial(first, definition), definition, controller)
        say(f"service {name}: {'its task does nothing until the first deployment' if made else 'as it is'}")
    for task in world.document.scheduled_tasks.values():
        definition = sources[task.task_definition]
        problem = create.trigger(aws, cluster, task, partial(first, definition), definition)
        say(f"{task.key}: {problem or 'its trigger exists, and is disabled'}")
    # After the placeholder revisions, so that the newest revision of a family is the template.
    families = dict(before.templates) if before else {}
    for source, definition in sources.items():
        name, digest = definition["family"], _digest(definition)
        registered = isinstance(source, RegisteredTaskDefinition | ServiceRevision)
        if registered and (families.get(name) != digest or name in pausing):
            ecs.register(aws, definition)
            families[name] = digest
            say(f"task definition {name}")
    return families


def _digest(definition: TaskDefinition) -> str:
    return hashlib.sha256(json.dumps(definition, sort_keys=True).encode()).hexdigest()


def _document(aws: Aws, config: str, local: Mapping[str, Any], files: dict[str, str], say: Say) -> None:
    text = json.dumps(local, indent=2) + "\n"
    if config.startswith("file:"):
        files[config.removeprefix("file:")] = text
        say(f"{config}: workflows get it with local repositories; your file stays unchanged")
        return
    name, version = plan.parameter_name(config)
    create.parameter(aws, name, text, version)
    say(f"SSM parameter {name}: the document, with local repositories")


def _names(local: Mapping[str, Any]) -> dict[str, str]:
    return {key: service.get("service", key) for key, service in local.get("services", {}).items()}
