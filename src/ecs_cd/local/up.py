"""`ecs-cd local up`: starts a local AWS with everything that the repository's document names."""

from __future__ import annotations

import hashlib
import json
import secrets
import shutil
import sys
from collections.abc import Mapping, MutableMapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from ecs_cd.aws import ecs
from ecs_cd.aws.session import Aws
from ecs_cd.local import containers, create, infra, ministack, place, plan, repository, tools, world
from ecs_cd.local.codepipeline import process
from ecs_cd.local.machine import Say
from ecs_cd.local.ministack import Ministack
from ecs_cd.local.place import PLACEHOLDER, Stack
from ecs_cd.local.plan import Needed
from ecs_cd.local.sources import Sources
from ecs_cd.local.world import WORKFLOWS, Options, World
from ecs_cd.model.errors import Refused
from ecs_cd.model.references import RegisteredTaskDefinition, S3Object, ServiceRevision, WorkspaceFile, short
from ecs_cd.tasks.rules.task_definition import TaskDefinition


def up(options: Options, environ: MutableMapping[str, str], say: Say) -> int:
    """Starts a local AWS for this repository, or updates the running one."""
    if options.infra and sys.platform != "linux":
        raise Refused(
            "--infra: the local CodePipeline runs on Linux only",
            "Without --infra everything else runs here: ecs-cd local up --config file:PATH",
        )
    env = containers.host_in_use()
    tools.require(env, act=not options.infra)  # a pipeline that a push starts needs no act
    root = repository.root(Path.cwd())
    found = world.read(options, root, containers.architecture(env), environ, Sources())
    if options.network_of and not containers.network(options.network_of, env):
        raise Refused(f"--network-of: no container {options.network_of} is on a network", "docker ps lists containers.")
    folder = place.folder(root, environ)
    running = ministack.running(folder)
    if running:
        _same(running, found)
        say(f"a local AWS is up for {root} already, at {running.endpoint}; updating it")
        _make(folder, running, found, env, environ, say)
    else:
        _start(folder, found, env, environ, say)
    if found.infra and found.infra.starts_at_push:
        say("next: ecs-cd local push, which starts the pipeline with your working tree")
    else:
        say("next: ecs-cd local run, which runs the workflow on your working tree")
    return 0


def refresh(
    folder: Path,
    stack: Stack,
    running: Ministack,
    root: Path,
    env: Mapping[str, str],
    environ: MutableMapping[str, str],
    say: Say,
) -> Stack:
    """Makes the local AWS what the files and workflows say now, if they have changed since `up` read them.

    Raises ``Refused`` for what takes an `up` again.
    """
    if running.network_of and not containers.network(running.network_of, env):
        raise Refused(
            f"the container {running.network_of}, whose network the tasks join, does not run",
            f"Start it: docker start {running.network_of}; or run ecs-cd local down, then up with another container.",
        )
    ministack.use(running, environ)  # so that nothing here asks the account of the shell
    sources = Sources(dict(stack.kept), again=True)
    found = world.read(Options(**stack.options), root, containers.architecture(env), environ, sources)
    changed = sources.changed(stack.digests)
    if not changed:
        return stack
    _same(running, found)
    names = [name for name in changed if name != WORKFLOWS] or changed
    say(f"changed since ecs-cd local up, so updated in the local AWS: {', '.join(names)}")
    new = [note for note in found.notes if note not in stack.notes]

    def only_what_is_new(text: str) -> None:
        if text in new or text.startswith("warning:"):
            say(text)

    return _make(folder, running, found, env, environ, only_what_is_new)


def _start(folder: Path, found: World, env: Mapping[str, str], environ: MutableMapping[str, str], say: Say) -> None:
    if ministack.recorded(folder):
        say("the previous local AWS is gone, for example after a restart of the machine; starting a new one")
        process.end(folder, env)
        ministack.end(folder, env)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        started = ministack.start(
            folder, env, region=found.region, account=found.account, network_of=found.options.network_of
        )
        say(f"a local AWS is up at {started.endpoint}: account {started.account}, region {started.region}")
        _make(folder, started, found, env, environ, say)
    except BaseException:
        process.end(folder, env)
        ministack.end(folder, env)
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _same(running: Ministack, found: World) -> None:
    """Raises ``Refused`` if the running AWS can't be changed to the requested one."""
    problems = []
    if (running.account, running.region) != (found.account, found.region):
        problems.append(
            f"the running local AWS has account {running.account} and region {running.region}, the document is for "
            f"{found.account} and {found.region}"
        )
    if found.options.network_of and found.options.network_of != running.network_of:
        problems.append("the running local AWS starts its tasks on another network")
    if problems:
        raise Refused(problems, "Run ecs-cd local down, then up.")


# ---- make ----


def _make(
    folder: Path,
    running: Ministack,
    world: World,
    env: Mapping[str, str],
    environ: MutableMapping[str, str],
    say: Say,
) -> Stack:
    ministack.use(running, environ)
    aws = Aws(environ, running.region)
    before = place.load(folder)
    for note in world.notes:
        say(note)
    name = short(world.document.cluster)
    cluster = create.cluster(aws, name)
    say(f"cluster {name}")
    for repository_name in world.repositories:
        create.repository(aws, repository_name)
        say(f"repository {running.registry}/{repository_name}")
    if world.infra:  # before the templates, which may be among its objects
        infra.make(world.infra, plan.parameter_name(world.config)[0], running, aws, say)
    templates = _templates(aws, world, say)
    files = _files(aws, world, templates)
    image = f"{running.registry}/{PLACEHOLDER}:1"
    if before is None:
        create.repository(aws, PLACEHOLDER)
        containers.push_placeholder(image, env)
    families = _services(aws, world, cluster, templates, before, image, say)
    if world.content:
        _document(aws, world.config, plan.local_document(world.content, running.registry), files, say)
    made = Stack(
        cluster=name,
        services={service.key: short(service.name) for service in world.document.services.values()},
        files=files,
        templates=families,
        notes=tuple(world.notes),
        options=asdict(world.options),
        kept=world.sources.kept,
        digests=world.sources.digests,
    )
    place.save(folder, made)
    if world.infra:
        infra.serve(world.infra, folder, running, env, say)
    return made


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
