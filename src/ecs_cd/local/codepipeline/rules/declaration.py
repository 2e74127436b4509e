"""What is wrong with the declared pipelines, and what of them doesn't run here.

https://docs.aws.amazon.com/codepipeline/latest/userguide/reference-pipeline-structure.html
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from ecs_cd.local.codepipeline.rules import documents, events, members, projects, providers, triggers, variables
from ecs_cd.local.codepipeline.rules.infra import Infra, Request, actions, configuration, provider
from ecs_cd.local.codepipeline.rules.members import Members, any_of
from ecs_cd.local.codepipeline.rules.providers import PROVIDERS, artifacts
from ecs_cd.model.names import closest

_MODES = ("QUEUED", "SUPERSEDED", "PARALLEL")
_PIPELINE: Members = {
    **any_of("name", "roleArn", "stages", "version", "pipelineType", "executionMode", "variables", "triggers"),
    "artifactStore": {"type": ("S3",), **any_of("location", "encryptionKey")},
}
_STAGE: Members = {**any_of("name", "actions"), "onFailure": any_of("result", "retryConfiguration")}
_ACTION = any_of("name", "actionTypeId", "runOrder", "configuration", "inputArtifacts", "outputArtifacts") | any_of(
    "namespace", "roleArn", "region"
)
_EXECUTION = ("PipelineExecutionId",)  # of the namespace codepipeline


def problems(infra: Infra) -> list[str]:
    """Everything that is wrong, each with its place; none if the pipelines can run here."""
    missing = [f"pipeline {name}: {each}" for name, pipeline in infra.pipelines.items() for each in _missing(pipeline)]
    if missing:  # the others could not name their places
        return missing
    infra = replace(infra, deployment_groups=documents.deployment_groups(infra))
    found = [
        f"pipeline {name}{place}: {each}"
        for name, pipeline in infra.pipelines.items()
        for place, each in _of_pipeline(pipeline, infra)
    ]
    return [*found, *projects.problems(infra), *events.problems(infra.rules)]


def _missing(pipeline: Request) -> Iterator[str]:
    """What each stage and action must have."""
    for number, stage in enumerate(pipeline.get("stages", ())):
        place = f"stages[{number}]"
        if not stage.get("name"):
            yield f"{place}: name is missing"
        for index, action in enumerate(stage.get("actions", ())):
            wanted = (member for member in ("name", "actionTypeId") if not action.get(member))
            yield from (f"{place}.actions[{index}]: {member} is missing" for member in wanted)


def _of_pipeline(pipeline: Request, infra: Infra) -> Iterator[tuple[str, str]]:
    for each in (*members.problems(pipeline, _PIPELINE), *_version_problems(pipeline), *triggers.problems(pipeline)):
        yield "", each
    if not pipeline.get("artifactStore", {}).get("location"):
        yield "", "artifactStore: it names no bucket"
    yield from _stage_problems(pipeline)
    for stage, action in actions(pipeline):
        place = f", stage {stage['name']}, action {action['name']}"
        yield from ((place, each) for each in (*members.problems(action, _ACTION), *providers.problems(action, infra)))
    yield from _flow_problems(pipeline)


def _version_problems(pipeline: Request) -> Iterator[str]:
    mode, kind = pipeline.get("executionMode", "SUPERSEDED"), pipeline.get("pipelineType", "V1")
    if kind not in ("V1", "V2"):
        yield f"pipelineType: {kind} is not V1 or V2"
    if mode not in _MODES:
        yield f"executionMode: {mode} is not {', '.join(_MODES[:-1])} or {_MODES[-1]}"
    only = [name for name in ("variables", "triggers") if pipeline.get(name)]
    only += ["executionMode"] if mode in ("QUEUED", "PARALLEL") else []
    only += ["onFailure"] if any(stage.get("onFailure") for stage in pipeline.get("stages", ())) else []
    if kind == "V1":
        yield from (f"{name}: only a pipeline of type V2 has it; set pipelineType to V2" for name in only)
    yield from _twice([str(each["name"]) for each in pipeline.get("variables", ())], "variables")


def _twice(names: list[str], kind: str) -> Iterator[str]:
    return (f"two {kind} are named {name}" for name in dict.fromkeys(names) if names.count(name) > 1)


# ---- stages ----


def _stage_problems(pipeline: Request) -> Iterator[tuple[str, str]]:
    stages = pipeline.get("stages", ())
    if len(stages) < 2:
        yield "", "stages: a pipeline has at least two"
    yield from (("", each) for each in _twice([str(stage["name"]) for stage in stages], "stages"))
    for number, stage in enumerate(stages):
        for each in _of_stage(stage, first=number == 0, mode=pipeline.get("executionMode", "")):
            yield f", stage {stage['name']}", each


def _of_stage(stage: Request, *, first: bool, mode: str) -> Iterator[str]:
    yield from members.problems(stage, _STAGE)
    actions = stage.get("actions", ())
    if not actions:
        yield "it has no action"
    yield from _twice([str(each["name"]) for each in actions], "actions")
    for each in actions:
        category = each["actionTypeId"].get("category")
        if first != (category == "Source"):
            yield f"action {each['name']}: {_STRAY[first]}"
        if not 1 <= int(each.get("runOrder", 1)) <= 999:
            yield f"action {each['name']}: runOrder is not between 1 and 999"
    yield from _failure_problems(stage.get("onFailure", {}), first=first, mode=mode)


_STRAY = {True: "the first stage has only sources", False: "only the first stage has sources"}


def _failure_problems(on_failure: Request, *, first: bool, mode: str) -> Iterator[str]:
    result = on_failure.get("result")
    if result == "ROLLBACK" and mode == "PARALLEL":
        yield "onFailure: there is no rollback in the mode PARALLEL"
    if result == "ROLLBACK" and first:
        yield "onFailure: there is no rollback of the sources"
    if result not in (None, "ROLLBACK", "FAIL", "RETRY"):
        yield f"onFailure.result: {result} does not run here; ROLLBACK, FAIL and RETRY do"


# ---- artifacts and variables, in the order in which the actions run ----


@dataclass
class _Made:
    """What the actions before have made: artifacts, and namespaces with their variables (none: not known)."""

    namespaces: dict[str, tuple[str, ...] | None]
    artifacts: list[str] = field(default_factory=list)


def _flow_problems(pipeline: Request) -> Iterator[tuple[str, str]]:
    declared = tuple(str(each["name"]) for each in pipeline.get("variables", ()))
    made = _Made({"codepipeline": _EXECUTION, "variables": declared})
    for stage in pipeline.get("stages", ()):
        by_order: dict[int, list[Request]] = {}
        for action in stage.get("actions", ()):
            by_order.setdefault(int(action.get("runOrder", 1)), []).append(action)
        for order in sorted(by_order):
            for action in by_order[order]:
                place = f", stage {stage['name']}, action {action['name']}"
                yield from ((place, each) for each in _use_problems(action, made))
            for action in by_order[order]:
                place = f", stage {stage['name']}, action {action['name']}"
                yield from ((place, each) for each in _make_problems(action, made))
                _make(action, made)


def _use_problems(action: Request, made: _Made) -> Iterator[str]:
    for name in artifacts(action, "inputArtifacts"):
        if name not in made.artifacts:
            yield f"inputArtifacts: no action before this one makes {name}{closest(name, made.artifacts)}"
    yield from (f"configuration: {each}" for each in variables.problems(configuration(action), made.namespaces))


def _make_problems(action: Request, made: _Made) -> Iterator[str]:
    outputs = artifacts(action, "outputArtifacts")
    yield from (f"outputArtifacts: {name} is made twice" for name in outputs if name in made.artifacts)
    if action.get("namespace") in made.namespaces:
        yield f"namespace: {action['namespace']} is taken"


def _make(action: Request, made: _Made) -> None:
    made.artifacts += artifacts(action, "outputArtifacts")
    known = PROVIDERS.get(provider(action))
    if action.get("namespace"):
        made.namespaces.setdefault(action["namespace"], known.variables if known else None)
