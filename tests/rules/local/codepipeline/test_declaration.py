"""What is wrong with a declared pipeline: each fault has its own words, and its place."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ecs_cd.local.codepipeline.rules import declaration
from ecs_cd.local.codepipeline.rules.infra import Parameter, Rule
from tests.rules.local.codepipeline.declared import BUILD, SOURCE, action, infra, pipeline, project, stage

V1 = "only a pipeline of type V2 has it; set pipelineType to V2"
ROLLBACK = {"result": "ROLLBACK"}
BUILD_ACTION = BUILD["actions"][0]
CONDITION = {"conditions": [{"result": "FAIL", "rules": [{"name": "r"}]}]}


def _problems(declared: dict[str, Any]) -> list[str]:
    found = declaration.problems(infra(declared))
    assert all(each.startswith("pipeline my-app") for each in found)
    return [each.removeprefix("pipeline my-app").removeprefix(": ").removeprefix(", ") for each in found]


@pytest.mark.parametrize(
    ("declared", "wrong"),
    [
        (pipeline(pipelineType="V3"), ["pipelineType: V3 is not V1 or V2"]),
        (pipeline(executionMode="SEQUENTIAL"), ["executionMode: SEQUENTIAL is not QUEUED, SUPERSEDED or PARALLEL"]),
        (pipeline(artifactStore={}), ["artifactStore: it names no bucket"]),
        (
            pipeline(artifactStore={}, artifactStores={"us-east-1": {"location": "b"}}),
            ["artifactStores does not run here", "artifactStore: it names no bucket"],
        ),
        (pipeline(stageLocks=["Build"]), ["stageLocks does not run here"]),
        (pipeline(pipelineType="V1"), []),
        (pipeline(pipelineType="V1", executionMode="SUPERSEDED"), []),
        (pipeline(pipelineType="V1", executionMode="QUEUED"), [f"executionMode: {V1}"]),
        (pipeline(pipelineType="V1", variables=[{"name": "A"}]), [f"variables: {V1}"]),
        (pipeline(SOURCE, {**BUILD, "onFailure": ROLLBACK}, pipelineType="V1"), [f"onFailure: {V1}"]),
        (pipeline(variables=[{"name": "A"}, {"name": "B"}, {"name": "A"}]), ["two variables are named A"]),
        (pipeline({"actions": SOURCE["actions"]}, stage("Build", {"runOrder": 1})), ["stages[0]: name is missing", "stages[1].actions[0]: name is missing", "stages[1].actions[0]: actionTypeId is missing"]),
        (pipeline(SOURCE), ["stages: a pipeline has at least two"]),
        (pipeline(SOURCE, BUILD, BUILD), ["two stages are named Build"]),
        (pipeline(SOURCE, stage("Build")), ["stage Build: it has no action"]),
        (pipeline(SOURCE, stage("Build", BUILD_ACTION, BUILD_ACTION)), ["stage Build: two actions are named Build"]),
        (
            pipeline(stage("Source", *SOURCE["actions"], action("Approve", "Manual")), BUILD),
            ["stage Source: action Approve: the first stage has only sources"],
        ),
        (
            pipeline(SOURCE, stage("Build", BUILD_ACTION, action("Image", "ECR", outputs="image"))),
            ["stage Build: action Image: only the first stage has sources"],
        ),
        (
            pipeline(SOURCE, stage("Build", {**BUILD_ACTION, "runOrder": 1000})),
            ["stage Build: action Build: runOrder is not between 1 and 999"],
        ),
        (pipeline(SOURCE, {**BUILD, "blockers": [{"name": "b"}]}), ["stage Build: blockers does not run here"]),
        (pipeline(SOURCE, {**BUILD, "beforeEntry": CONDITION}), ["stage Build: beforeEntry does not run here"]),
        (pipeline(SOURCE, {**BUILD, "onSuccess": CONDITION}), ["stage Build: onSuccess does not run here"]),
        (pipeline(SOURCE, {**BUILD, "onFailure": CONDITION}), ["stage Build: onFailure.conditions does not run here"]),
        (pipeline(SOURCE, {**BUILD, "onFailure": {"result": "STOP"}}), ["stage Build: onFailure.result: STOP does not run here; ROLLBACK, FAIL and RETRY do"]),
        (pipeline(SOURCE, {**BUILD, "onFailure": ROLLBACK}), []),
        (pipeline(SOURCE, {**BUILD, "onFailure": {"result": "RETRY", "retryConfiguration": {"retryMode": "ALL_ACTIONS"}}}), []),
        (
            pipeline(SOURCE, {**BUILD, "onFailure": ROLLBACK}, executionMode="PARALLEL"),
            ["stage Build: onFailure: there is no rollback in the mode PARALLEL"],
        ),
        (
            pipeline({**SOURCE, "onFailure": ROLLBACK}, BUILD),
            ["stage Source: onFailure: there is no rollback of the sources"],
        ),
        (
            pipeline(SOURCE, stage("Build", {**BUILD_ACTION, "commands": ["make"], "outputVariables": ["A"]})),
            ["stage Build, action Build: commands does not run here", "stage Build, action Build: outputVariables does not run here"],
        ),
    ],
)  # fmt: skip
def test_the_structure(declared: dict[str, Any], wrong: list[str]) -> None:
    """Stages, actions, modes, and what of them doesn't run here."""
    assert _problems(declared) == wrong


def _builds(*actions: dict[str, Any], **more: Any) -> dict[str, Any]:
    return pipeline(SOURCE, stage("Build", *actions), **more)


def _uses(text: str) -> dict[str, Any]:
    return action("Approve", "Manual", given={"CustomData": text}, runOrder=2)


FIRST = action("First", "CodeBuild", "source", "made", namespace="First")
EXECUTION = "#{codepipeline.PipelineExecutionId}"


@pytest.mark.parametrize(
    ("declared", "wrong"),
    [
        (_builds(FIRST, action("Second", "CodeBuild", "made", runOrder=2)), []),
        (
            _builds(FIRST, action("Second", "CodeBuild", "made")),
            ["stage Build, action Second: inputArtifacts: no action before this one makes made"],
        ),
        (
            _builds(action("Second", "CodeBuild", "sorce")),
            ["stage Build, action Second: inputArtifacts: no action before this one makes sorce; did you mean `source`?"],
        ),
        (
            _builds(FIRST, {**FIRST, "name": "Second", "namespace": "Second"}),
            ["stage Build, action Second: outputArtifacts: made is made twice"],
        ),
        (
            _builds(FIRST, action("Second", "CodeBuild", "source", namespace="First")),
            ["stage Build, action Second: namespace: First is taken"],
        ),
        (
            _builds(action("Second", "CodeBuild", "source", namespace="variables")),
            ["stage Build, action Second: namespace: variables is taken"],
        ),
        (_builds(FIRST, _uses(f"{EXECUTION} #{{variables.COMMIT}} #{{First.ANY}}"), variables=[{"name": "COMMIT"}]), []),
        (
            _builds(FIRST, _uses("#{variables.COMIT}"), variables=[{"name": "COMMIT"}]),
            ["stage Build, action Approve: configuration: CustomData: #{variables.COMIT}: variables has no variable COMIT; did you mean `COMMIT`?; it has COMMIT"],
        ),
        (
            _builds(FIRST, _uses("#{Frist.A}")),
            ["stage Build, action Approve: configuration: CustomData: #{Frist.A}: no action before this one has the namespace Frist; did you mean `First`?"],
        ),
        (
            _builds(FIRST, {**_uses("#{First.A}"), "runOrder": 1}),
            ["stage Build, action Approve: configuration: CustomData: #{First.A}: no action before this one has the namespace First"],
        ),
        (
            _builds(FIRST, _uses("#{First}")),
            ["stage Build, action Approve: configuration: CustomData: #{First}: it is not of the form #{namespace.variable}"],
        ),
        (
            pipeline(stage("Source", action("Image", "ECR", outputs="source", namespace="Image")), stage("Build", FIRST, _uses("#{Image.ImageTag} #{Image.Tag}"))),
            ["stage Build, action Approve: configuration: CustomData: #{Image.Tag}: Image has no variable Tag; it has RegistryId, RepositoryName, ImageTag, ImageDigest, ImageURI"],
        ),
        (
            _builds(FIRST, _uses("#{codepipeline.ExecutionId}")),
            ["stage Build, action Approve: configuration: CustomData: #{codepipeline.ExecutionId}: codepipeline has no variable ExecutionId; did you mean `PipelineExecutionId`?; it has PipelineExecutionId"],
        ),
    ],
)  # fmt: skip
def test_artifacts_and_variables_come_from_actions_before(declared: dict[str, Any], wrong: list[str]) -> None:
    """An action of the same run order isn't before; CodeBuild's variables are known after the build."""
    assert _problems(declared) == wrong


def test_everything_is_named_at_once() -> None:
    """Of all pipelines, and of the projects that they start."""
    build = action("Build", "CodeBuild", "source", given={"Project": "x"})
    declared = pipeline(SOURCE, stage("Build", build), executionMode="NEVER")
    known = infra(declared, projects={"build": project(sourceVersion="main")})
    found = declaration.problems(replace(known, pipelines={"my-app": declared, "other": pipeline(SOURCE)}))
    assert found == [
        "pipeline my-app: executionMode: NEVER is not QUEUED, SUPERSEDED or PARALLEL",
        "pipeline my-app, stage Build, action Build: configuration: CodeBuild has no key Project; did you mean `ProjectName`?",
        "pipeline other: stages: a pipeline has at least two",
        "CodeBuild project build: sourceVersion does not run here",
    ]  # fmt: skip


def test_no_value_of_a_configuration_is_told() -> None:
    """It may be a secret."""
    secret = "hunter2"
    given = {
        "EnvironmentVariables": f'[{{"name": "TOKEN", "value": "{secret}", "kind": 1}}]',
        "BatchEnabled": secret,
        "Token": secret,
    }
    found = _problems(_builds(action("Build", "CodeBuild", "source", given=given)))
    assert len(found) == 3
    assert not [each for each in found if secret in each]


def test_a_document_tells_deployment_groups() -> None:
    """Those of its services, by their names in the document or by the console's."""
    service = '{"service": "web", "task-definition": "t", "containers": {"app": "app"}}'
    image = '{"repository": "123456789012.dkr.ecr.us-east-1.amazonaws.com/app"}'
    text = f'{{"cluster": "c", "images": {{"app": {image}}}, "services": {{"web": {service}}}}}'
    given = {"ApplicationName": "AppECS-c-web", "DeploymentGroupName": "DgpECS-c-web"}
    declared = pipeline(SOURCE, stage("Deploy", action("Deploy", "CodeDeployToECS", "source", given=given)))
    known = infra(declared, parameters=(Parameter("/ecs-cd", text),), deployment_groups=())
    assert declaration.problems(known) == []


def test_a_rule_with_a_fault() -> None:
    """A pattern that nothing here matches would look like a pipeline that never starts."""
    rule = Rule("image", {"detail": {"size": [{"numeric": [">", 0]}]}}, ())
    (found,) = declaration.problems(replace(infra(pipeline()), rules=(rule,)))
    assert found.startswith('rule image: detail.size: {"numeric": [">", 0]} is not supported here')
