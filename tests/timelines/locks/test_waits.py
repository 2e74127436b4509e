"""A lock that comes while a verb waits: what waits does not start, and what runs goes on."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from tests.scripted_aws import Answer, Clock, Params, ScriptedAws, at, ecs, error
from tests.scripted_aws import codedeploy as answers
from tests.scripted_aws.codepipeline import Pipeline, declaration
from tests.scripted_aws.fleet import COMPLETES
from tests.timelines.deploy import test_waves
from tests.timelines.deploy.strategies import test_codedeploy
from tests.timelines.deploy.test_waves import EU, US
from tests.timelines.locks.conftest import ALICE, LOCK, Run, Ssm
from tests.timelines.locks.test_gate import BY_ALICE, PIPELINE, migrates

START = "codepipeline.StartPipelineExecution"
FULL = error("ConcurrentPipelineExecutionsLimitExceededException")
NO_ROOM = {"tasks": [], "failures": [{"reason": "RESOURCE:MEMORY"}]}


def locked_from(seconds: float, ssm: Ssm) -> None:
    def reads(params: Params) -> Params:
        if ssm.aws.clock.monotonic() >= seconds:
            ssm.locked()
        return ssm.get(params)

    ssm.aws.on("ssm.GetParameters", reads)


def test_a_hand_off_that_waits_for_the_pipeline_reads_the_lock_again(aws: ScriptedAws, ssm: Ssm, step: Run) -> None:
    """CodePipeline takes no more executions: nothing was started."""
    Pipeline(aws.clock, declared=declaration(variables=("IMAGE_APP", "COMMIT", "ECS_CD_NONCE"))).script(aws)
    ssm.content["pipeline"] = PIPELINE
    locked_from(30, ssm)
    aws.on(START, FULL)
    ended = step("hand-off")
    assert ended.exit_code == 2, ended.log
    assert BY_ALICE in ended.log
    assert aws.clock.monotonic() < 60


def test_a_migration_that_waits_for_capacity_reads_the_lock_again(aws: ScriptedAws, ssm: Ssm, step: Run) -> None:
    """No task was started, so its revision does not stay."""
    migrates(aws)
    locked_from(30, ssm)
    aws.on("ecs.RunTask", NO_ROOM)
    aws.on("ecs.DeregisterTaskDefinition", {"taskDefinition": ecs.task_definition()})
    ended = step("migrate")
    assert ended.exit_code == 2, ended.log
    assert BY_ALICE in ended.log
    assert aws.clock.monotonic() < 90
    assert aws.count("ecs.DeregisterTaskDefinition") == 1


def test_a_deployment_that_waits_for_codedeploy_reads_the_lock_again(aws: ScriptedAws, ssm: Ssm, step: Run) -> None:
    """Another one was quicker, after all checks."""
    service = {"service": "web", "task-definition": "web", "containers": {"app": "app"}}
    ssm.content["services"] = {"web": service}
    aws.on("ecs.DescribeTaskDefinition", test_codedeploy._task_definition())
    aws.on("ecs.DescribeServices", {"services": [test_codedeploy.BEFORE]})
    aws.on("codedeploy.GetDeploymentGroup", answers.group())
    aws.on("codedeploy.ListDeployments", {"deployments": []})
    ended_at = [at(0, answers.described(test_codedeploy.THEIRS))]
    ended_at += [at(60, answers.described(answers.deployment("d-THEIRS", "Succeeded", "web:7")))]
    aws.on("codedeploy.BatchGetDeployments", *ended_at)
    aws.on(test_codedeploy.OPERATION, test_codedeploy.BUSY)
    aws.on("ecs.DeregisterTaskDefinition", {"taskDefinition": ecs.task_definition()})
    locked_from(30, ssm)
    ended = step("deploy")
    assert ended.exit_code == 2, ended.log
    assert BY_ALICE in ended.log
    assert aws.clock.monotonic() < 120
    assert aws.count("ecs.DeregisterTaskDefinition") == 1


# ---- waves ----


def second_locked(aws: ScriptedAws, clock: Clock, since: float = 0) -> None:
    """Two documents, of which the second one has a lock that is taken at this time."""
    test_waves.world(aws, clock, {"eu-web": COMPLETES, "us-web": COMPLETES})
    content = json.dumps(test_waves.document("us-web", lock=LOCK))
    aws.on("ssm.GetParameter", {"Parameter": {"Value": content, "Version": 1}}, where={"Name": "/us"})
    held = {"Name": LOCK, "Type": "String", "Value": json.dumps(ALICE), "Version": 1}

    def reads(_: Params) -> Answer:
        return {"Parameters": [held] if clock.monotonic() >= since else []}

    aws.on("ssm.GetParameters", reads)


@pytest.mark.parametrize("inputs", [{}, {"register_only": "true"}])
def test_a_lock_of_the_second_document_refuses_all(
    inputs: Mapping[str, str], aws: ScriptedAws, clock: Clock, step: Run
) -> None:
    """With its name, and before anything is registered."""
    second_locked(aws, clock)
    ended = step("deploy", config=f"{EU}\n{US}", **inputs)
    assert ended.exit_code == 2, ended.log
    assert f"us-east-1: {BY_ALICE}" in ended.log
    assert test_waves.changes(aws) == 0


@pytest.mark.parametrize("inputs", [{}, {"register_only": "true"}])
def test_an_override_of_the_second_document_is_in_the_summary(
    inputs: Mapping[str, str], aws: ScriptedAws, clock: Clock, step: Run
) -> None:
    """With its name, as in the log."""
    second_locked(aws, clock)
    ended = step("deploy", config=f"{EU}\n{US}", override="hotfix INC-123", **inputs)
    assert ended.exit_code == 0, ended.log
    assert f"::notice::us-east-1: override (hotfix INC-123): {BY_ALICE}" in ended.log
    assert "override, us-east-1" in ended.summary
    assert "hotfix INC-123" in ended.summary


@pytest.mark.parametrize(("policy", "updated"), [("report", ["eu-web:2"]), ("rollback", ["eu-web:2", "eu-web:1"])])
def test_a_lock_that_comes_before_the_second_wave_is_its_failure(
    policy: str, updated: list[str], aws: ScriptedAws, clock: Clock, step: Run
) -> None:
    """The first wave stays, or goes back, as after any other failure."""
    second_locked(aws, clock, since=5)
    ended = step("deploy", config=f"{EU}\n{US}", on_failure=policy)
    assert ended.exit_code == 1, ended.log
    assert [name for name, _ in test_waves.updates(aws)] == updated
    assert f"us-east-1 failed: {BY_ALICE}" in ended.log


def test_revisions_of_all_documents_are_registered_or_none(aws: ScriptedAws, clock: Clock, step: Run) -> None:
    """register-only: those before an error don't stay."""
    test_waves.world(aws, clock, {"eu-web": COMPLETES, "us-web": COMPLETES})

    def registers(params: Params) -> Answer:
        if params["family"] == "us-web":
            return error("ClientException", "Too many concurrent attempts to create a new revision")
        return {"taskDefinition": ecs.task_definition(params["family"], 2)}

    aws.on("ecs.RegisterTaskDefinition", registers)
    ended = step("deploy", config=f"{EU}\n{US}", register_only="true")
    assert ended.exit_code == 2, ended.log
    assert "us-east-1: " in ended.log
    gone = [call for call in aws.calls if call.operation == "ecs.DeregisterTaskDefinition"]
    assert [(call.params["taskDefinition"].rpartition("/")[2], call.region) for call in gone] == [
        ("eu-web:2", "eu-west-1")
    ]
