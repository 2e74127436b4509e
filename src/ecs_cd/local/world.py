"""What `ecs-cd local up` will create: read from workflows, document, templates and the infra team's file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ecs_cd.aws import ecs, s3, ssm
from ecs_cd.aws.errors import explain
from ecs_cd.aws.session import Aws
from ecs_cd.document.rules import document
from ecs_cd.document.rules.document import Document
from ecs_cd.local import ignored, infra, official, plan, repository, workflow
from ecs_cd.local.infra import InfraFile
from ecs_cd.local.plan import Needed
from ecs_cd.local.sources import Sources
from ecs_cd.local.workflow import Workflow
from ecs_cd.model import json_yaml
from ecs_cd.model.errors import Refused
from ecs_cd.model.references import RegisteredTaskDefinition, S3Object, ServiceRevision, WorkspaceFile, short
from ecs_cd.tasks.rules import revisions, task_definition
from ecs_cd.tasks.rules.task_definition import TaskDefinition

_FROM_WHERE = "For example, set AWS_PROFILE and AWS_REGION; or use a file: ecs-cd local up --config file:PATH"
_MADE_HERE = (
    "If a step of the workflow makes this file, name its family instead: task-definition-family, and --templates DIR "
    "for DIR/FAMILY.json."
)
_TEMPLATES = "--templates DIR reads it from DIR/FAMILY.json."
WORKFLOWS = "the workflows"  # the name of what they say, among what was read


@dataclass(frozen=True)
class Options:
    """The command line of `up`. Paths start at ``folder``."""

    folder: str
    workflow: str = ""
    config: str = ""
    parameter: str = ""
    templates: str = ""
    env_file: str = ""
    network_of: str = ""
    infra: str = ""
    stack_parameters: Mapping[str, str] = field(default_factory=dict)
    build_image: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class World:
    """What `up` will create: read and checked, but not started.

    ``content`` is the document's; without a document it is empty, and ``document`` has what the workflow's steps name.
    """

    config: str  # as workflows write it; empty without a document
    content: Mapping[str, Any]
    document: Document
    repositories: Sequence[str]
    templates: Mapping[Needed, TaskDefinition]
    given: Mapping[str, str]
    account: str
    region: str
    notes: Sequence[str]
    infra: InfraFile | None
    options: Options
    sources: Sources


@dataclass(frozen=True)
class _Named:
    """The document, or what takes its place; ``aws`` is the account that it came from, if any."""

    config: str
    source: str
    content: Mapping[str, Any]
    document: Document
    aws: Aws | None = None


def read(options: Options, root: Path, architecture: str, environ: Mapping[str, str], sources: Sources) -> World:
    """Reads everything. Raises ``Refused`` with everything in it that can't be had or created."""
    workflows = repository.workflows(root, options.variables)
    if options.workflow:
        workflows = [workflow.choose(options.workflow, "", workflows)]
    infra_file = _infra_file(options, sources)
    named = _named(options, root, workflows, infra_file, environ, sources)
    given = _given(options, sources)
    found = _templates(named, options, root, infra_file, sources, environ)
    definitions = [definition for definition in found.values() if definition]
    whole = named.document if named.content else official.with_images(named.document, definitions)
    account, region = infra.account_and_region(infra_file) or plan.account_and_region(
        whole,
        named.source,
        workflows,
        config=named.config,
        arns=() if named.content else official.arns(definitions),
        preferred=environ.get("AWS_REGION", ""),
    )
    notes = plan.differences(whole)
    templates: dict[Needed, TaskDefinition] = {}
    for wanted, definition in found.items():
        if definition is None:
            notes.append(f"{wanted.where}: made up, with {', '.join(wanted.containers)}; --templates DIR uses yours")
        complete = definition or plan.made_up(wanted, given, region)
        notes += plan.notes(complete, wanted, architecture) + ignored.notes(complete, wanted.where)
        templates[wanted] = plan.for_this_machine(complete, given, architecture)
    names = plan.repositories(named.content) if named.content else list(whole.images)
    sources.noted(WORKFLOWS, repr((named.config, whole, account, region)))
    return World(
        config=named.config,
        content=named.content,
        document=whole,
        repositories=names,
        templates=templates,
        given=given,
        account=account,
        region=region,
        notes=notes,
        infra=infra_file,
        options=options,
        sources=sources,
    )


# ---- what names everything ----


def _infra_file(options: Options, sources: Sources) -> InfraFile | None:
    if not options.infra:
        if options.stack_parameters or options.build_image:
            raise Refused("--stack-parameter and --build-image belong to --infra FILE")
        return None
    path = Path(options.folder, options.infra)
    found = infra.read(str(path), options.stack_parameters, options.build_image)
    sources.noted(str(path), repr((found, [each.body for each in found.infra.objects])))
    return found


def _named(
    options: Options,
    root: Path,
    workflows: Sequence[Workflow],
    infra_file: InfraFile | None,
    environ: Mapping[str, str],
    sources: Sources,
) -> _Named:
    source = options.config or (infra_file.document if infra_file else "")
    without = None if source else official.without_document(workflows)
    if without:
        return _Named("", without.file, {}, official.document(without))
    source = source or workflow.only_config(workflows)
    config = options.parameter or (workflow.only_config(workflows) if source.startswith("file:") else source)
    folder = Path(options.folder) if options.config else root
    regions = [region for each in workflows for region in each.regions(config)]
    text, aws = _document_text(source, folder, infra_file, Aws(environ, next(iter(regions), "")), sources)
    found = document.load(text, where=source)
    return _Named(config, source, json_yaml.parse(text, what=source), found, aws)


def _document_text(
    source: str, folder: Path, declared: InfraFile | None, aws: Aws, sources: Sources
) -> tuple[str, Aws | None]:
    """The document, and the AWS that it came from, if any."""
    there = declared.parameter(source) if declared else None
    if there is not None:
        return there, None
    if source.startswith("file:"):
        return sources.file(folder / source.removeprefix("file:"), what="the document"), None
    try:
        return sources.of_aws(source, lambda: ssm.parameter(aws, source)[0]), aws
    except (Refused, ClientError, BotoCoreError) as error:
        refused = error if isinstance(error, Refused) else explain(error)
        if sources.again:
            raise
        why = refused.line
        raise Refused(f"the document {source} can't be read from your AWS account: {why}", _FROM_WHERE) from error


def _given(options: Options, sources: Sources) -> dict[str, str]:
    if not options.env_file:
        return {}
    text = sources.values(Path(options.folder, options.env_file), what="the file")
    return plan.read_variables(text, where=options.env_file)


# ---- templates ----


def _templates(
    named: _Named,
    options: Options,
    root: Path,
    declared: InfraFile | None,
    sources: Sources,
    environ: Mapping[str, str],
) -> dict[Needed, TaskDefinition | None]:
    """The templates that the document names; None for one that is unavailable. Reports all problems at once."""
    read: dict[Needed, TaskDefinition | None] = {}
    problems: list[str] = []
    remedies: dict[str, None] = {}
    shapes = ecs.shapes(Aws(environ, plan.REGION))
    for wanted in plan.needed(named.document):
        try:
            found = _template(wanted, named, options, root, declared, sources)
            read[wanted] = _checked(found, wanted, shapes) if found else None
        except Refused as refused:
            problems += refused.problems
            remedies[refused.remedy] = None
    if problems:
        raise Refused(problems, " ".join(filter(None, remedies)))
    return read


def _template(
    wanted: Needed, named: _Named, options: Options, root: Path, declared: InfraFile | None, sources: Sources
) -> tuple[str, str] | None:
    """The text, and where it is; ``None`` if it is unavailable."""
    aws, where = named.aws, wanted.where
    here = declared.template(wanted.source) if declared and isinstance(wanted.source, S3Object) else None
    if here is not None:
        return here, where
    if isinstance(wanted.source, WorkspaceFile):
        path = root / wanted.source.path
        if not named.content and not path.exists():
            raise Refused(f"the task definition {wanted.source.path} is not in the repository", _MADE_HERE)
        return sources.file(path, what="the task definition"), where
    if options.templates:
        path = _below(Path(options.folder, options.templates), wanted)
        return sources.file(path, what="the task definition"), str(path)
    if aws is None:
        if not wanted.containers:  # a step that names a family says nothing of them
            raise Refused(f"the containers of the task definition {where} aren't known", _TEMPLATES)
        return None
    if isinstance(wanted.source, S3Object):
        place = wanted.source
        return sources.of_aws(where, lambda: s3.text(aws, place)), where
    registered = wanted.source
    assert not isinstance(registered, S3Object | WorkspaceFile)
    return sources.of_aws(where, lambda: _registered(registered, where, aws, named.document.cluster)), where


def _registered(source: RegisteredTaskDefinition | ServiceRevision, where: str, aws: Aws, cluster: str) -> str:
    """A task definition of the account, as JSON."""
    name = source.name if isinstance(source, RegisteredTaskDefinition) else _running(source, aws, cluster)
    described = ecs.task_definition(aws, name) if name else None
    if described is None:
        raise Refused(f"there is no task definition {where} in {aws.region}", "The infra repo registers it.")
    return json.dumps(described["taskDefinition"], default=str)


def _running(source: ServiceRevision, aws: Aws, cluster: str) -> str:
    """The revision of a service; empty if it runs none."""
    return revisions.running(ecs.active_service(aws, cluster, source.service)) or ""


def _checked(found: tuple[str, str], wanted: Needed, shapes: tuple[Any, Any, str]) -> TaskDefinition:
    text, where = found
    definition = task_definition.read(text, *shapes, where=where)
    task_definition.check_containers(definition, wanted.containers, where=where)
    if isinstance(wanted.source, ServiceRevision):  # a family of the same name as in the local document
        definition["family"] = short(wanted.source.service)
    return definition


def _below(templates: Path, wanted: Needed) -> Path:
    places = [templates / candidate for candidate in plan.candidates(wanted.source)]
    there = [path for path in places if path.is_file()]
    if not there:
        raise Refused(
            f"the template {wanted.where} is not there: no {' or '.join(map(str, places))}",
            "Put it there, or name the folder that has it with --templates.",
        )
    return there[0]
