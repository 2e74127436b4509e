"""Why an action failed: hand-off brings the cause back from CodeBuild, CodeDeploy and CodePipeline."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from tests.scripted_aws import Answer, Clock, Params, codedeploy, course, denied, ecs, error, moment, throttled
from tests.scripted_aws.codebuild import EXIT_1, Build
from tests.scripted_aws.codepipeline import MIGRATE, S3_SOURCE, SOURCE, action, declaration, stage
from tests.scripted_aws.course import MIGRATION, SUCCEEDS, ends, fails, happens
from tests.timelines.hand_off.conftest import DECLARED, START, Run, World

LOG = [(8.0, "[Container] Running command ecs-cd migrate"), (50.0, "could not connect to the database"), (58.0, "bye")]
PULL = "Likely cause of the migration: password authentication failed for user app"


def broken(*log: tuple[float, str], failed: Any = EXIT_1, **more: Any) -> Build:
    return Build(6, 59, failed, log=[*LOG, *log], **more)


def verdict_line(world: World, **more: Any) -> str:
    """What ecs-cd writes last into the log of this build, with the nonce that hand-off gave."""
    values = {each["name"]: each["value"] for each in (world.requests or [{}])[-1].get("variables", ())}
    finding = {"cause": PULL, "evidence": ["FATAL: 28P01"], "next_step": "Check the secret."}
    part = {"title": "migrate", "outcome": "failed", "message": "exited with 1", "facts": {}, "findings": [finding]}
    said = {"version": 1, "build": MIGRATION, "nonce": values.get("ECS_CD_NONCE", ""), "verb": "migrate"}
    return "ecs-cd-verdict: " + json.dumps({**said, "parts": [part], **more})


class Lines(list[tuple[float, str]]):
    """A log whose lines are made when it is read, since the nonce is known only then."""

    def __init__(self, world: World, *more: Params, prefix: str = "") -> None:
        super().__init__(LOG)
        self.world, self.more, self.prefix = world, more, prefix

    def __iter__(self) -> Any:
        yield from LOG
        yield from ((59.0, self.prefix + verdict_line(self.world, **more)) for more in self.more)


def failing(world: World, build: Build, details: tuple[str, str] = course.BUILD_FAILED) -> None:
    world.goes(fails(60, details), migrate=build)


# ---- CodeBuild ----


def test_the_first_failed_phase_and_the_end_of_the_log_are_the_cause(
    step: Run, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the stage and the action, and links to the execution, the build, and its log."""
    world.aws.use_as_aws(monkeypatch)
    failing(world, broken())
    ended = step("hand-off")
    assert (ended.exit_code, ended.outputs["result"]) == (1, "failed"), ended.log
    assert (ended.outputs["failed-stage"], ended.outputs["failed-action"]) == ("Migrate", "Migrate")
    for word in ("BUILD", "COMMAND_EXECUTION_ERROR", "exit status 1", "could not connect to the database"):
        assert word in ended.log, ended.log
    for link in ("codebuild", "logsV2"):
        assert link in ended.summary, ended.summary


def test_a_build_that_never_ran_has_a_cause_too(step: Run, world: World) -> None:
    """A phase before the build fails, and there is no log."""
    contexts = ("PROVISIONING", "CLIENT_ERROR", "Build container found dead before completing the build")
    failing(world, Build(6, 59, contexts))
    world.aws.on("logs.GetLogEvents", error("ResourceNotFoundException"))
    ended = step("hand-off")
    assert ended.exit_code == 1, ended.log
    assert "PROVISIONING" in ended.log
    assert "Build container found dead" in ended.log


@pytest.mark.parametrize("status", ["FAULT", "TIMED_OUT"])
def test_a_fault_of_the_infrastructure_is_said_as_such(step: Run, world: World, status: str) -> None:
    """With the whole command that retries the stage; hand-off itself never does."""
    failing(world, broken(failed=("BUILD", "BUILD_TIMED_OUT", "Build has timed out."), status=status))
    ended = step("hand-off")
    assert (ended.exit_code, ended.outputs["result"]) == (1, "failed"), ended.log
    assert status in ended.log
    where = f"--pipeline-name my-app-deploy --stage-name Migrate --pipeline-execution-id {course.execution_id(1)}"
    assert f"aws codepipeline retry-stage-execution {where} --retry-mode FAILED_ACTIONS" in ended.log
    assert world.mutations() == [START]


@pytest.mark.parametrize("fault", ["codebuild.BatchGetBuilds", "logs.GetLogEvents"])
def test_what_can_not_be_read_leaves_the_rest(step: Run, world: World, fault: str) -> None:
    """The verdict is CodePipeline's, and never waits for evidence."""
    failing(world, broken())
    world.aws.on(fault, error("ThrottlingException"))
    ended = step("hand-off")
    assert ended.exit_code == 1, ended.log
    assert "Build terminated with state: FAILED" in ended.log
    assert world.clock.monotonic() <= 61 + 30


def test_a_log_can_not_command_the_runner(step: Run, world: World) -> None:
    """A line of a build that looks like a workflow command is text."""
    failing(world, broken((58.5, "::set-output name=result::succeeded"), (58.6, "::stop-commands::x")))
    ended = step("hand-off")
    assert ended.exit_code == 1
    assert ended.outputs["result"] == "failed"
    assert not [line for line in ended.log.splitlines() if line.startswith(("::set-output", "::stop-commands::x"))]


# ---- ecs-cd's own verdict ----


def test_the_verdict_of_ecs_cd_in_the_build_is_shown_as_if_it_had_run_here(step: Run, world: World) -> None:
    """Its cause is the annotation, with its evidence and the next step."""
    failing(world, Build(6, 59, EXIT_1, log=Lines(world, {})))
    ended = step("hand-off")
    assert ended.exit_code == 1
    annotation = next(line for line in ended.log.splitlines() if line.startswith("::error"))
    assert PULL in annotation
    assert "FATAL: 28P01" in ended.log
    assert "Check the secret." in ended.log
    assert PULL in ended.summary


FORGED: list[tuple[str, str, tuple[Params, ...]]] = [
    ("a container's line", "  | ", ({},)),
    ("another build", "", ({"build": "migrate:2"},)),
    ("another nonce", "", ({"nonce": "0" * 32},)),
    ("no nonce", "", ({"nonce": ""},)),
    ("no version", "", ({"version": "1"},)),
    ("no parts", "", ({"parts": "none"},)),
    ("wrong types", "", ({"parts": [{"title": 1, "findings": [[]]}]},)),
]


@pytest.mark.parametrize(("prefix", "more"), [each[1:] for each in FORGED], ids=[each[0] for each in FORGED])
def test_a_verdict_that_is_not_ecs_cds_is_not_believed(
    step: Run, world: World, prefix: str, more: tuple[Params, ...]
) -> None:
    """What remains is CodeBuild's own cause."""
    failing(world, Build(6, 59, EXIT_1, log=Lines(world, *more, prefix=prefix)))
    ended = step("hand-off")
    assert (ended.exit_code, ended.outputs["result"]) == (1, "failed"), ended.log
    annotations = [line for line in ended.log.splitlines() if line.startswith("::error")]
    assert not [line for line in annotations if PULL in line]
    assert "exit status 1" in ended.log
    assert "a bug in ecs-cd" not in ended.log


def test_an_action_that_does_not_pass_the_nonce_on_is_named(step: Run, world: World) -> None:
    """Its verdicts don't count, and the infra engineer has to know why."""
    failing(world, Build(6, 59, EXIT_1, log=Lines(world, {"nonce": ""})))
    ended = step("hand-off")
    assert "the verdict of build migrate:1 lacks this execution's nonce" in ended.log
    assert "#{variables.ECS_CD_NONCE}" in ended.log


def test_the_last_verdict_counts(step: Run, world: World) -> None:
    """A build may run several verbs."""
    first = {"parts": [{"title": "migrate", "outcome": "succeeded", "message": "", "facts": {}, "findings": []}]}
    failing(world, Build(6, 59, EXIT_1, log=Lines(world, first, {})))
    ended = step("hand-off")
    assert any(PULL in line for line in ended.log.splitlines() if line.startswith("::error")), ended.log


def test_a_verdict_that_is_green_in_a_failed_build_is_no_success(step: Run, world: World) -> None:
    """Something else in the build failed: CodePipeline decides."""
    green = {"parts": [{"title": "migrate", "outcome": "succeeded", "message": "", "facts": {}, "findings": []}]}
    failing(world, Build(6, 59, EXIT_1, log=Lines(world, green)))
    ended = step("hand-off")
    assert (ended.exit_code, ended.outputs["result"]) == (1, "failed"), ended.log
    assert "exit status 1" in ended.log


# ---- other providers ----


CONFIGURATION = {
    "ECS": {"ClusterName": ecs.CLUSTER, "ServiceName": "web"},
    "CodeDeployToECS": {"ApplicationName": codedeploy.APPLICATION, "DeploymentGroupName": codedeploy.GROUP},
}


def ends_with(world: World, provider: str, details: tuple[str, str], **more: Any) -> None:
    """The last stage has an action of this provider, which fails."""
    last = action("Ship", provider, configuration=CONFIGURATION[provider])
    world.pipeline.declared = declaration(SOURCE, MIGRATE, stage("Deploy", last), variables=DECLARED)
    world.aws.on("codedeploy.GetDeploymentGroup", codedeploy.group())
    begun = happens(42, "Deploy/Ship", "InProgress", **more)
    failed = happens(60, "Deploy/Ship", "Failed", error=details, **more)
    world.goes((*SUCCEEDS[:4], begun, failed, ends(61, "Failed")))


HOOK = ("HOOK_EXECUTION_FAILURE", "The deployment failed because a lifecycle hook failed.")


def test_a_deployment_of_codedeploy_is_diagnosed(step: Run, world: World) -> None:
    """By the deployment's id, which CodePipeline has."""
    ends_with(world, "CodeDeployToECS", ("JobFailed", "Deployment d-NEW failed"), id="d-NEW")
    failed_deployment = codedeploy.deployment(status="Failed", error=HOOK)
    world.aws.on("codedeploy.BatchGetDeployments", codedeploy.described(failed_deployment))
    failed = codedeploy.target("BeforeAllowTraffic", "Failed", message="the smoke test said no", status="Failed")
    world.aws.on("codedeploy.BatchGetDeploymentTargets", failed)
    ended = step("hand-off")
    assert (ended.exit_code, ended.outputs["failed-action"]) == (1, "Ship"), ended.log
    assert "HOOK_EXECUTION_FAILURE" in ended.log or "lifecycle hook failed" in ended.log
    assert "BeforeAllowTraffic" in ended.log


@pytest.mark.parametrize(
    ("status", "exit_code", "result"), [("Succeeded", 3, "rolled-back"), ("Failed", 4, "rollback-failed")]
)
def test_a_rollback_of_codedeploy_is_followed(
    step: Run, world: World, status: str, exit_code: int, result: str
) -> None:
    """CodePipeline says only that the action failed; which revision runs is CodeDeploy's to say."""
    ends_with(world, "CodeDeployToECS", ("JobFailed", "Deployment d-NEW failed"), id="d-NEW")
    failed = codedeploy.deployment(status="Failed", error=HOOK, rollback="d-BACK")

    def described(params: Params) -> Params:
        now = status if world.clock.monotonic() >= 90 else "InProgress"
        return codedeploy.described(failed, codedeploy.deployment("d-BACK", now, "web:1"))(params)

    world.aws.on("codedeploy.BatchGetDeployments", described)
    world.aws.on("codedeploy.BatchGetDeploymentTargets", codedeploy.target("BeforeAllowTraffic", "Failed"))
    ended = step("hand-off")
    assert (ended.exit_code, ended.outputs["result"]) == (exit_code, result), ended.log
    assert "d-BACK" in ended.log


@pytest.mark.parametrize("fault", [denied(), throttled()], ids=["denied", "throttled"])
def test_a_deployment_that_can_not_be_read_leaves_codepipelines_words(step: Run, world: World, fault: Any) -> None:
    """hand-off's role may do nothing of CodeDeploy."""
    ends_with(world, "CodeDeployToECS", ("JobFailed", "Deployment d-NEW failed"), id="d-NEW")
    world.aws.on("codedeploy.BatchGetDeployments", fault)
    ended = step("hand-off")
    assert (ended.exit_code, ended.outputs["result"]) == (1, "failed"), ended.log
    assert "Deployment d-NEW failed" in ended.log


CIRCUIT_BREAKER = "The ECS deployment circuit breaker triggered: tasks failed to start."


def test_a_deployment_of_the_ecs_action_is_diagnosed(step: Run, world: World) -> None:
    """By the tasks that died since the action began, with their logs, if hand-off's role may read them."""
    ends_with(world, "ECS", ("JobFailed", CIRCUIT_BREAKER))
    dead = ecs.task("dead", "STOPPED", containers=[ecs.container(status="STOPPED", exitCode=3)], stoppedAt=moment(50))
    world.aws.on("ecs.ListTasks", {"taskArns": [dead["taskArn"]]})
    world.aws.on("ecs.DescribeTasks", {"tasks": [dead]})
    world.aws.on("ecs.DescribeTaskDefinition", {"taskDefinition": ecs.task_definition(), "tags": []})
    world.aws.on("logs.GetLogEvents", {"events": [{"message": "PORT is not set"}]}, where={"logGroupName": "/ecs/web"})
    ended = step("hand-off")
    assert (ended.exit_code, ended.outputs["failed-action"]) == (1, "Ship"), ended.log
    assert CIRCUIT_BREAKER in ended.log
    assert "container `app` exited with 3" in ended.log
    assert "PORT is not set" in ended.log


def test_the_ecs_actions_own_words_are_enough(step: Run, world: World) -> None:
    """hand-off's role may do nothing of ECS: that is no trouble, and CodePipeline's words are the cause."""
    ends_with(world, "ECS", ("JobFailed", CIRCUIT_BREAKER))
    for operation in ("DescribeServices", "ListTasks", "DescribeTasks", "DescribeTaskDefinition"):
        world.aws.on(f"ecs.{operation}", denied(operation))
    ended = step("hand-off")
    assert (ended.exit_code, ended.outputs["result"]) == (1, "failed"), ended.log
    assert CIRCUIT_BREAKER in ended.log
    assert CIRCUIT_BREAKER in ended.summary


@pytest.mark.parametrize("provider", ["CodeDeployToECS", "ECS"])
def test_an_action_without_its_configuration_has_codepipelines_words(step: Run, world: World, provider: str) -> None:
    """Such as somebody's own action with that name."""
    ends_with(world, provider, ("JobFailed", CIRCUIT_BREAKER), id="d-NEW")
    world.pipeline.declared["stages"][-1]["actions"][0]["configuration"] = {}
    world.aws.on("codedeploy.BatchGetDeployments", codedeploy.described(codedeploy.deployment(status="Failed")))
    ended = step("hand-off")
    assert (ended.exit_code, ended.outputs["result"]) == (1, "failed"), ended.log
    assert CIRCUIT_BREAKER in ended.log


def test_a_source_that_fails_has_its_own_words(step: Run, world: World) -> None:
    """Such as an object that is not there."""
    words = "The object with key 'hand-off.zip' does not exist"
    world.goes((happens(2, "Source/Source", "Failed", error=("ConfigurationError", words)), ends(3, "Failed")))
    ended = step("hand-off")
    assert (ended.exit_code, ended.outputs["failed-stage"]) == (1, "Source"), ended.log
    assert words in ended.log


def test_an_action_that_is_listed_late_is_waited_for(step: Run, world: World) -> None:
    """The execution is Failed already, and the list of its actions lags behind."""
    failing(world, broken())
    late: list[float] = []

    def lagging(params: Params) -> Answer:
        late.append(world.clock.monotonic())
        now, world.pipeline.clock = world.pipeline.clock, Clock()
        world.pipeline.clock.sleep(max(0.0, late[-1] - 9))
        try:
            return world.pipeline._actions(params)
        finally:
            world.pipeline.clock = now

    world.aws.on("codepipeline.ListActionExecutions", lagging)
    ended = step("hand-off")
    assert (ended.exit_code, ended.outputs["failed-action"]) == (1, "Migrate"), ended.log
    assert "could not connect to the database" in ended.log
    assert world.clock.monotonic() <= 61 + 6 + 12


EVIL = "no\n::set-output name=result::succeeded\n\x1b[2J| x | <img src=x> @everyone"


@pytest.mark.parametrize("where", ["reason", "summary", "error", "statement", "transition"])
def test_text_of_other_people_is_harmless(step: Run, world: World, where: str) -> None:
    """The reason of a stop, an approval's comment, an action's error, an execution's summary, a disabled transition's
    reason: neither commands nor terminal codes nor HTML."""
    failed = happens(60, "Migrate/Migrate", "Failed", error=("JobFailed", EVIL if where == "error" else "x"))
    courses: dict[str, Any] = {
        "reason": (*SUCCEEDS[:2], ends(20, "Stopped", reason=EVIL)),
        "summary": (*SUCCEEDS[:3], replace(failed, more={**failed.more, "summary": EVIL}), ends(61, "Failed")),
        "error": (*SUCCEEDS[:3], failed, ends(61, "Failed")),
        "statement": (*SUCCEEDS[:2], ends(20, "Failed", EVIL)),
        "transition": SUCCEEDS,
    }
    world.goes(courses[where])
    if where == "transition":
        world.pipeline.disabled["Deploy"] = ("alice", EVIL)
    ended = step("hand-off")
    assert ended.exit_code in (1, 2), ended.log
    assert not [line for line in ended.log.splitlines() if line.startswith("::set-output")]
    assert ended.outputs.get("result", "failed") == "failed"
    assert "\x1b[2J" not in ended.log + ended.summary
    assert not re.search(r"(?<!\\)<img", re.sub(r"```.*?```", "", ended.summary, flags=re.S)), ended.summary


def test_a_failure_without_any_action_has_the_executions_summary(step: Run, world: World) -> None:
    """A condition of a stage, for example."""
    world.goes((*SUCCEEDS[:2], ends(20, "Failed", "BeforeEntry condition of stage Migrate failed")))
    ended = step("hand-off")
    assert ended.exit_code == 1, ended.log
    assert "BeforeEntry condition of stage Migrate failed" in ended.log


def test_a_source_has_no_build(step: Run, world: World) -> None:
    """Only CodeBuild's ids are asked of CodeBuild."""
    world.pipeline.declared = declaration(stage("Source", S3_SOURCE), MIGRATE, variables=DECLARED)
    world.goes((*SUCCEEDS[:4], ends(42, "Succeeded")))
    assert step("hand-off").exit_code == 0
    asked = {
        id for call in world.aws.calls if call.operation == "codebuild.BatchGetBuilds" for id in call.params["ids"]
    }
    assert asked <= {MIGRATION}


@pytest.mark.parametrize(("outcome", "exit_code"), [("rolled-back", 3), ("rollback-failed", 4), ("failed", 1)])
def test_a_rollback_by_ecs_cd_in_the_build_is_the_outcome_here(
    step: Run, world: World, outcome: str, exit_code: int
) -> None:
    """As if the deployment had run in this job."""
    part = {"title": "Deployment", "outcome": outcome, "message": "web:1 runs", "facts": {}, "findings": []}
    failing(world, Build(6, 59, EXIT_1, log=Lines(world, {"parts": [part]})))
    ended = step("hand-off")
    assert (ended.exit_code, ended.outputs["result"]) == (exit_code, outcome), ended.log
    assert ended.outputs["status"] == "Failed"


# ---- the summary ----


def test_what_ecs_cd_did_in_a_build_is_in_the_summary(step: Run, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a success too: its facts beside the action, with the page of the build's log."""
    world.aws.use_as_aws(monkeypatch)
    part = {"title": "Migration", "outcome": "succeeded", "message": "", "facts": {"task": "7c1e"}, "findings": []}
    build = Build(6, 39, log=Lines(world, {"parts": [part]}))
    world.goes(SUCCEEDS, migrate=build)
    ended = step("hand-off")
    assert ended.exit_code == 0, ended.log
    (row,) = (line for line in ended.summary.splitlines() if line.startswith("| Migrate/Migrate |"))
    assert " · task `7c1e` · " in row
    assert " · [log](https://" in row


def test_builds_that_can_not_be_read_do_not_change_the_verdict(step: Run, world: World) -> None:
    """A role that may not read them says so, and the execution has succeeded all the same."""
    world.aws.on("codebuild.BatchGetBuilds", denied("BatchGetBuilds"))
    ended = step("hand-off")
    assert ended.exit_code == 0, ended.log
    assert "the builds can't be read: AWS answered BatchGetBuilds" in ended.log
