"""What a local AWS contains for a workflow without a document: what its `deploy` steps name. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from ecs_cd.document.rules.document import CodeDeploy, Document, OneOffTask, Service
from ecs_cd.inputs.rules import parsers
from ecs_cd.local.expressions import unknown
from ecs_cd.local.workflow import Step, Workflow
from ecs_cd.model import references
from ecs_cd.model.errors import Refused
from ecs_cd.model.references import RegisteredTaskDefinition, Repository, TaskDefinitionSource, WorkspaceFile, short
from ecs_cd.tasks.rules.task_definition import TaskDefinition

_FILE, _FAMILY, _ARN = "task-definition", "task-definition-family", "task-definition-arn"
_SOURCES = (_FILE, _FAMILY, _ARN)
_NAMES = ("cluster", "service", "container-name", *_SOURCES)
_IMAGE = "app"  # that of every container, because the workflow puts it in
_STEP_OUTPUT = re.compile(r"\$\{\{\s*steps\.([\w-]+)\.outputs\.task-definition\s*\}\}")
_NAME = r"[a-z0-9]+(?:[._/-]+[a-z0-9]+)*"
# Before a repository's name: a step's output, such as that of amazon-ecr-login, or a variable of the shell.
_REGISTRY = re.compile(rf"(?:\$\{{\{{[^}}]*registry[^}}]*\}}\}}|\$\{{?\w*registry\w*\}}?)/({_NAME})", re.IGNORECASE)
_SHELL = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
_REPOSITORY_VARIABLE = re.compile(r"\w*REPO(?:SITORY)?(?:_NAME)?", re.IGNORECASE)
_PUSHES = re.compile(r"docker/(?:build-push|bake)-action@")
_PUSHING = re.compile(r"\bdocker\s+(?:image\s+)?push\b|--push\b")
_ECR = re.compile(r"\.dkr[.-]ecr[.-]")


def steps(workflow: Workflow) -> list[Step]:
    """The steps of `deploy` that name a task definition instead of a document."""
    return [
        step
        for step in workflow.steps
        if step.verb == "deploy" and not step.given.get("config") and any(step.given.get(name) for name in _SOURCES)
    ]


def without_document(workflows: Sequence[Workflow]) -> Workflow | None:
    """The workflow whose steps say what to deploy, if no workflow names a document: the only one, or else the only one
    that a push starts. Raises ``Refused`` if it isn't clear which one is meant."""
    if any(each.configs for each in workflows):
        return None
    found = [each for each in workflows if steps(each)]
    at_push = [each for each in found if "push" in each.events]
    if len(found) < 2 or len(at_push) == 1:
        return next(iter(at_push or found), None)
    raise Refused(
        f"which workflow? Several deploy without a document: {', '.join(each.file for each in found)}",
        "Name one: ecs-cd local up WORKFLOW",
    )


def document(workflow: Workflow) -> Document:
    """What the workflow's steps name, as a document.

    Raises ``Refused`` if a name isn't known here, or there are several clusters.
    """
    found = [_with_file(step, workflow) for step in steps(workflow)]
    unclear = [problem for step in found for problem in _unclear(step, workflow)]
    if unclear:
        raise Refused(
            list(dict.fromkeys(unclear)),
            "A variable of GitHub gets its value with --var NAME=VALUE; a local AWS knows no other expressions.",
        )
    clusters = list(dict.fromkeys(short(step.given.get("cluster") or "default") for step in found))
    if len(clusters) > 1:
        raise Refused(
            f"{workflow.file} names several clusters: {', '.join(clusters)}; a local AWS has one",
            "Give the other a workflow of its own, and name one: ecs-cd local up WORKFLOW",
        )
    entries = [entry for step in found for entry in _entries(step)]
    return Document(
        clusters[0],
        {each.name: each for each in _repositories(workflow)},
        {each.key: each for each in entries if isinstance(each, Service)},
        tasks=tuple(each for each in entries if isinstance(each, OneOffTask)),
    )


def _entries(step: Step) -> list[Service | OneOffTask]:
    """The service of a step; without one, its containers as tasks."""
    containers = parsers.containers(step.given.get("container-name", ""), "container-name")
    services = [short(name) for name in parsers.words(step.given.get("service", ""), "service")]
    source = _source(step)
    if not services:
        return [OneOffTask(source, container, _IMAGE, "") for container in containers]
    by_codedeploy = any(name.startswith("codedeploy-") for name in step.given)
    codedeploy = CodeDeploy(step.given.get("codedeploy-application") or "default") if by_codedeploy else CodeDeploy()
    return [Service(name, name, source, dict.fromkeys(containers, _IMAGE), codedeploy) for name in services]


def with_images(named: Document, definitions: Iterable[TaskDefinition]) -> Document:
    """The same, with the repositories of the containers that the steps give an image."""
    ours = {container for entry in named.entries for container in entry.containers}
    images = [
        str(container.get("image", ""))
        for definition in definitions
        for container in definition["containerDefinitions"]
        if container["name"] in ours
    ]
    return replace(named, images={each.name: each for each in references.mentioned(images)} | named.images)


def arns(definitions: Iterable[TaskDefinition]) -> list[str]:
    """The roles of task definitions, whose account is that of the deployment."""
    return [str(each[name]) for each in definitions for name in ("executionRoleArn", "taskRoleArn") if each.get(name)]


def pushes_to_ecr(workflow: Workflow, job: str | None) -> list[str]:
    """The jobs (or only ``job``) that push to a registry of an AWS account, in sentences."""
    names = dict.fromkeys(step.job for step in workflow.steps if job in (None, step.job) and _pushes(step))
    return [f"{workflow.file}: the job {name} pushes an image to a registry of an AWS account" for name in names]


def _pushes(step: Step) -> bool:
    """Whether the step pushes, and its registry is not that of a local run."""
    if not (_PUSHES.match(step.uses) or _PUSHING.search(step.run)):
        return False
    variables = [step.env.get(match[1] or match[2], "") for match in _SHELL.finditer(step.run)]
    return any(_ECR.search(text) for text in (step.run, *variables, step.given.get("tags", "")))


def _with_file(step: Step, workflow: Workflow) -> Step:
    """The step with the file and the containers of the earlier step of the job that renders its task definition."""
    of_job = {each.id: each for each in workflow.steps if each.job == step.job and each.id}
    rendered = _STEP_OUTPUT.fullmatch(step.given.get(_FILE, "").strip())
    before = of_job.pop(rendered[1], None) if rendered else None
    if before is None or before == step:
        return step
    given = _with_file(before, replace(workflow, steps=tuple(of_job.values()))).given
    kept = {name: given[name] for name in ("container-name", _FILE) if name in given}
    return replace(step, given={**step.given, **kept})


def _unclear(step: Step, workflow: Workflow) -> Iterator[str]:
    for name in _NAMES:
        text = step.given.get(name, "")
        if unknown(text):
            yield f"{workflow.file}: the job {step.job} has {name}: {text}, which is not known on this machine"


def _source(step: Step) -> TaskDefinitionSource:
    if step.given.get(_FILE):
        return WorkspaceFile(step.given[_FILE].removeprefix("./"))
    return RegisteredTaskDefinition(step.given.get(_ARN) or step.given[_FAMILY])


def _repositories(workflow: Workflow) -> Iterator[Repository]:
    """The repositories in tags, images, commands and variables; without a host if the file doesn't say it."""
    for step in workflow.steps:
        texts = [step.given.get(name, "") for name in ("tags", "images", "image")]
        for text in [*texts, _expanded(step.run, step.env)]:
            yield from (Repository("", match[1]) for match in _REGISTRY.finditer(text))
            yield from references.mentioned([text])
        for name, text in step.env.items():
            if _REPOSITORY_VARIABLE.fullmatch(name) and re.fullmatch(_NAME, text):
                yield Repository("", text)


def _expanded(run: str, env: Mapping[str, str]) -> str:
    """The commands with the values of the environment; variables of registries stay."""

    def value(found: re.Match[str]) -> str:
        name = found[1] or found[2]
        return found[0] if "registry" in name.lower() else env.get(name, found[0])

    return _SHELL.sub(value, run)
