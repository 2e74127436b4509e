"""A pipeline's declaration, as GetPipeline returns it, against the document's `pipeline`.

https://docs.aws.amazon.com/codepipeline/latest/userguide/reference-pipeline-structure.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ecs_cd.document.rules.pipeline import DEFAULT_TAG, Pipeline, Start
from ecs_cd.model.names import closest
from ecs_cd.model.references import Repository

Declaration = Mapping[str, Any]

NONCE = "ECS_CD_NONCE"  # the variable that marks the verdicts of this execution, if the pipeline declares it

_S3, _ECR = "S3", "ECR"


def stage_names(declaration: Declaration) -> list[str]:
    """The stages, in order."""
    return [str(stage["name"]) for stage in declaration["stages"]]


def stage_actions(declaration: Declaration, stage: str) -> list[str]:
    """The names of a stage's actions."""
    return [str(action["name"]) for action in _stage(declaration, stage).get("actions", ())]


def _stage(declaration: Declaration, name: str) -> Mapping[str, Any]:
    return next((each for each in declaration["stages"] if each["name"] == name), {})


def places(declaration: Declaration) -> list[tuple[str, str]]:
    """Every action with its stage, in order."""
    return [(stage, action) for stage in stage_names(declaration) for action in stage_actions(declaration, stage)]


def on_failure(declaration: Declaration, stage: str) -> str:
    """What the pipeline does if this stage fails, always or if a condition says so: ROLLBACK, RETRY, SKIP or FAIL;
    empty if it declares nothing."""
    declared = _stage(declaration, stage).get("onFailure", {})
    return str(declared.get("result") or _result_of(declared))


def on_failed_condition(declaration: Declaration, stage: str) -> str:
    """What the pipeline does if this stage's actions succeed and then a condition fails: ROLLBACK or FAIL; empty
    without such a condition."""
    return _result_of(_stage(declaration, stage).get("onSuccess", {}))


def _result_of(declared: Mapping[str, Any]) -> str:
    return next((str(each.get("result", "FAIL")) for each in declared.get("conditions", ())), "")


def declares_nonce(declaration: Declaration) -> bool:
    return NONCE in _variables(declaration)


def problems(
    declaration: Declaration, pipeline: Pipeline, repositories: Mapping[str, Repository], until: str
) -> list[str]:
    """Why the pipeline can't be started as the document says. ``until`` is a stage, or empty."""
    found = _variable_problems(declaration, pipeline) + list(_source_problems(declaration, pipeline, repositories))
    known = stage_names(declaration)
    if until and until not in known:
        found.append(f"wait-until: {_has(declaration)} no stage `{until}`{closest(until, known)}; {_list(known)}")
    return found


def wanted_variables(pipeline: Pipeline) -> list[str]:
    """The names of the variables that the document sets."""
    return [*pipeline.variables, *filter(None, [pipeline.commit])]


def _variables(declaration: Declaration) -> Mapping[str, Mapping[str, Any]]:
    return {str(each["name"]): each for each in declaration.get("variables", ())}


def _has(declaration: Declaration) -> str:
    return f"the pipeline {declaration.get('name', '')} has"


def _list(names: Sequence[str]) -> str:
    return f"it has {', '.join(names) or 'none'}"


def _variable_problems(declaration: Declaration, pipeline: Pipeline) -> list[str]:
    wanted, declared = wanted_variables(pipeline), _variables(declaration)
    if wanted and declaration.get("pipelineType", "V1") != "V2":
        return [
            f"the pipeline {declaration.get('name', '')} is of type V1, which has no variables; "
            f"the document sets {', '.join(wanted)}. Set pipelineType to V2"
        ]
    found = [
        f"{_path(name, pipeline)}: {_has(declaration)} no variable `{name}`{closest(name, declared)}; "
        f"{_list(list(declared))}"
        for name in wanted
        if name not in declared
    ]
    if pipeline.start is not Start.EVENT:
        found += [
            f"the pipeline's variable `{name}` has no default value, and `pipeline` in the document does not set it"
            for name, each in declared.items()
            if "defaultValue" not in each and name not in wanted and name != NONCE
        ]
    return found


def _path(variable: str, pipeline: Pipeline) -> str:
    return f"pipeline.variables.{variable}" if variable in pipeline.variables else "pipeline.commit"


# ---- source actions ----


def _source_problems(
    declaration: Declaration, pipeline: Pipeline, repositories: Mapping[str, Repository]
) -> Iterator[str]:
    sources = {str(action["name"]): action for action in _sources(declaration)}
    if pipeline.start is Start.OBJECT:
        yield from _object_problems(declaration, sources, pipeline)
    for name, image in pipeline.images.items():
        yield from _image_problems(declaration, sources, name, repositories[image], pipeline)


def _sources(declaration: Declaration) -> Iterator[Mapping[str, Any]]:
    for stage in declaration["stages"]:
        yield from (a for a in stage.get("actions", ()) if a["actionTypeId"].get("category") == "Source")


def _missing(declaration: Declaration, name: str, provider: str, sources: Mapping[str, Mapping[str, Any]]) -> str:
    """Why there is no source action of this provider with this name; empty if there is."""
    if name not in sources:
        return f"{_has(declaration)} no source action `{name}`{closest(name, sources)}; {_list(list(sources))}"
    found = sources[name]["actionTypeId"].get("provider")
    return "" if found == provider else f"the source action `{name}` reads from {found}, not from {provider}"


def _object_problems(
    declaration: Declaration, sources: Mapping[str, Mapping[str, Any]], pipeline: Pipeline
) -> Iterator[str]:
    missing = _missing(declaration, pipeline.source, _S3, sources)
    if missing:
        yield f"pipeline.source: {missing}"
        return
    settings, target = sources[pipeline.source].get("configuration", {}), pipeline.object
    there = f"s3://{settings.get('S3Bucket', '')}/{settings.get('S3ObjectKey', '')}"
    if there != str(target):
        yield f"pipeline.object: the source action `{pipeline.source}` reads {there}, not {target}"
    if settings.get("PollForSourceChanges", "true").lower() != "false":
        yield (
            f"the source action `{pipeline.source}` polls the object, so each hand-off would start the pipeline twice: "
            'set its PollForSourceChanges to "false"'
        )


def _image_problems(
    declaration: Declaration,
    sources: Mapping[str, Mapping[str, Any]],
    name: str,
    repository: Repository,
    pipeline: Pipeline,
) -> Iterator[str]:
    path = f"pipeline.images.{name}"
    missing = _missing(declaration, name, _ECR, sources)
    if missing:
        yield f"{path}: {missing}"
        return
    settings = sources[name].get("configuration", {})
    if settings.get("RepositoryName") != repository.name:
        yield f"{path}: the source action reads {settings.get('RepositoryName')}, not {repository.name}"
    tag = settings.get("ImageTag") or DEFAULT_TAG
    if pipeline.start is Start.EVENT and tag != pipeline.tag:
        yield f"pipeline.tag: the source action `{name}` waits for the tag {tag}, not for {pipeline.tag}"
