"""From an execution to a verdict: what happens to it, and what people do with it."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from tests.scripted_aws import Answer, Params, Unmodelled, at, course, error
from tests.scripted_aws.codebuild import Build
from tests.scripted_aws.codepipeline import APPROVE, DEPLOY, MIGRATE, NAME, SOURCE, declaration, stage
from tests.scripted_aws.course import (
    DEPLOYMENT,
    SUCCEEDS,
    USER,
    Course,
    Execution,
    ends,
    execution_id,
    fails,
    happens,
    rolled_back,
    runs,
    waits,
)
from tests.timelines.conftest import Step
from tests.timelines.hand_off.conftest import DECLARED, START, Run, World

SOURCED = runs(1, "Source/Source", 4)
MIGRATED: Course = SUCCEEDS[:4]
OTHER = "arn:aws:sts::123456789012:assumed-role/infra/bob"


def told(ended: Step, *words: str) -> None:
    missing = [word for word in words if word not in ended.log]
    assert not missing, (missing, ended.log)


def verdict(ended: Step) -> tuple[int, str, str]:
    return ended.exit_code, ended.outputs.get("result", ""), ended.outputs.get("status", "")


# ---- the end ----


def test_a_success_is_followed_stage_by_stage(step: Run, world: World) -> None:
    """The log has a line for each action that begins or ends, and not more; the summary has every stage."""
    ended = step("hand-off")
    assert verdict(ended) == (0, "succeeded", "Succeeded"), ended.log
    for name in ("Source", "Migrate", "Deploy"):
        assert 1 <= len(re.findall(rf"\b{name}\b", ended.log)) <= 12, ended.log
        assert name in ended.summary
    assert execution_id(1) in ended.summary


ENDS = [
    (course.SUCCEEDS, 101, 0),
    (fails(60), 61, 1),
    ((*SOURCED, ends(30, "Superseded")), 30, 5),
    ((*SOURCED, ends(20, "Stopping", reason="no"), ends(33, "Stopped", reason="no")), 33, 1),
    ((*SOURCED, ends(34, "Cancelled")), 34, 1),
]


@pytest.mark.parametrize("later", [0, 5])  # each other poll reads something else
@pytest.mark.parametrize("goal", ["end", "Deploy"])
@pytest.mark.parametrize(
    ("goes", "end", "exit_code"), ENDS, ids=["Succeeded", "Failed", "Superseded", "Stopped", "Cancelled"]
)
def test_a_verdict_comes_within_one_poll(
    step: Run, world: World, goes: Course, end: int, exit_code: int, goal: str, later: int
) -> None:
    """Five seconds, and one more, after CodePipeline has ended the execution, or the awaited stage."""
    world.goes([replace(change, seconds=change.seconds + later) for change in goes])
    ended = step("hand-off", wait_until=goal)
    assert ended.exit_code == exit_code, ended.log
    assert end + later - 1 <= world.clock.monotonic() - world.pipeline.started[0].at <= end + later + 6


def test_a_superseded_execution_has_its_own_exit_code(step: Run, world: World) -> None:
    """And names the newer one."""
    newer = Execution(execution_id("newer"), 20, SUCCEEDS)
    world.goes((*SOURCED, waits(6, "Migrate"), ends(30, "Superseded")))
    world.pipeline.others = [Execution(execution_id("older"), -50, SUCCEEDS), newer]
    ended = step("hand-off")
    assert verdict(ended) == (5, "superseded", "Superseded"), ended.log
    told(ended, newer.id)
    assert execution_id("older") not in ended.log.partition("uperseded")[2]


def test_a_superseded_execution_is_a_warning_if_asked(step: Run, world: World) -> None:
    """The step is green, and the output says what happened."""
    world.goes((*SOURCED, ends(30, "Superseded")))
    ended = step("hand-off", superseded="warning")
    assert verdict(ended) == (0, "superseded", "Superseded"), ended.log
    assert "::warning" in ended.log
    assert "::error" not in ended.log


def test_a_stopped_execution_is_red_with_the_reason(step: Run, world: World) -> None:
    """Which only ListPipelineExecutions has. What was abandoned may still run: it is named."""
    abandoned = happens(20, "Migrate/Migrate", "Abandoned", build=course.MIGRATION)
    world.goes(
        (
            *SUCCEEDS[:3],
            ends(20, "Stopping", reason="wrong release"),
            abandoned,
            ends(21, "Stopped", reason="wrong release"),
        )
    )
    ended = step("hand-off")
    assert (ended.exit_code, ended.outputs["status"]) == (1, "Stopped"), ended.log
    told(ended, "wrong release", "Migrate")
    assert ended.outputs["result"] == "failed"


def test_a_cancelled_execution_is_red(step: Run, world: World) -> None:
    """Somebody changed the pipeline's definition before it was through."""
    world.goes((*SOURCED, ends(20, "Cancelled")))
    ended = step("hand-off")
    assert (ended.exit_code, ended.outputs["status"]) == (1, "Cancelled"), ended.log
    told(ended, "somebody changed the pipeline")


def test_a_status_that_nobody_knows_yet_is_no_verdict(step: Run, world: World) -> None:
    """AWS adds values; hand-off says it and reads on."""
    world.goes((*SOURCED, ends(20, Unmodelled("Postponed")), ends(30, "InProgress"), *SUCCEEDS[2:]))
    ended = step("hand-off")
    assert ended.exit_code == 0, ended.log
    told(ended, "Postponed")


def test_a_timeout_has_its_own_exit_code(step: Run, world: World) -> None:
    """It says where the execution is, with its link, and stops nothing."""
    world.goes(SUCCEEDS[:3])
    ended = step("hand-off", timeout="10m")
    assert (ended.exit_code, ended.outputs["result"]) == (7, "timed-out"), ended.log
    told(ended, "Migrate", ended.outputs["url"])
    assert 600 <= world.clock.monotonic() <= 607
    assert world.mutations() == [START]


# ---- waiting ----


def test_an_execution_in_a_queue_says_behind_which(step: Run, world: World) -> None:
    """By the state of the stage before which it waits."""
    ahead = Execution(
        execution_id("ahead"),
        -5,
        (*SOURCED, happens(6, "Migrate/Migrate", "InProgress"), happens(95, "Migrate/Migrate", "Succeeded")),
    )
    world.pipeline.others = [ahead]
    world.goes(
        (
            *SOURCED,
            waits(5, "Migrate"),
            *runs(100, "Migrate/Migrate", 110),
            *runs(112, "Deploy/Deploy", 120),
            ends(121, "Succeeded"),
        )
    )
    ended = step("hand-off")
    assert ended.exit_code == 0, ended.log
    told(ended, ahead.id)


def test_the_time_in_a_queue_counts(step: Run, world: World) -> None:
    """Nothing was deployed, and the log says what it waited for."""
    world.goes((*SOURCED, waits(5, "Migrate")))
    world.pipeline.others = [
        Execution(execution_id("ahead"), -5, (*SOURCED, happens(6, "Migrate/Migrate", "InProgress")))
    ]
    ended = step("hand-off", timeout="5m")
    assert (ended.exit_code, ended.outputs["result"]) == (7, "timed-out"), ended.log
    told(ended, "Migrate", execution_id("ahead"))


def test_a_transition_that_is_disabled_meanwhile_is_told(step: Run, world: World) -> None:
    """The stage, who, and why; at the timeout nothing is decided."""
    world.goes((*MIGRATED, waits(41, "Deploy")))

    def disable(params: Params) -> Answer:
        if world.clock.monotonic() > 20:
            world.pipeline.disabled["Deploy"] = ("alice", "release freeze")
        return world.pipeline._state(params)

    world.aws.on("codepipeline.GetPipelineState", disable)
    ended = step("hand-off", timeout="5m")
    assert (ended.exit_code, ended.outputs["result"]) == (7, "timed-out"), ended.log
    told(ended, "Deploy", "alice", "release freeze")


APPROVAL = declaration(SOURCE, MIGRATE, APPROVE, DEPLOY, variables=DECLARED)
ASKS: Course = (*MIGRATED, happens(42, "Approve/Approve", "InProgress", token="t-1", url="https://example.com/release"))
SHIPS: Course = (*runs(302, "Deploy/Deploy", 340, build="deploy:1"), ends(341, "Succeeded"))


def test_an_approval_is_waited_for_and_never_given(step: Run, world: World) -> None:
    """The log says which, with a link; the person decides."""
    world.pipeline.declared = APPROVAL
    world.goes((*ASKS, happens(300, "Approve/Approve", "Succeeded", by=OTHER, summary="fine"), *SHIPS))
    ended = step("hand-off")
    assert verdict(ended) == (0, "succeeded", "Succeeded"), ended.log
    waits = next(line for line in ended.log.splitlines() if "waits for an approval" in line)
    assert waits.startswith("Approve/Approve: ")
    assert f"https://ap-northeast-1.console.aws.amazon.com/codesuite/codepipeline/pipelines/{NAME}/view" in waits
    assert world.mutations() == [START]


def test_an_approval_that_nobody_gives_is_a_pause(step: Run, world: World) -> None:
    """Neither a failure nor a success: its own exit code."""
    world.pipeline.declared = APPROVAL
    world.goes(ASKS)
    ended = step("hand-off", timeout="10m")
    assert (ended.exit_code, ended.outputs["result"]) == (9, "paused"), ended.log
    told(ended, "Approve", ended.outputs["url"])


def test_whoever_waits_for_a_stage_before_the_approval_is_done(step: Run, world: World) -> None:
    """The approval's time is not the job's."""
    world.pipeline.declared = APPROVAL
    world.goes(ASKS)
    ended = step("hand-off", wait_until="Migrate")
    assert (ended.exit_code, ended.outputs["result"]) == (0, "in-progress"), ended.log
    assert world.clock.monotonic() <= 46


def test_a_rejection_is_red_with_who_and_why(step: Run, world: World) -> None:
    """The person's own words."""
    world.pipeline.declared = APPROVAL
    rejects = happens(
        60,
        "Approve/Approve",
        "Failed",
        by=OTHER,
        summary="not on a Friday",
        error=("ManualApprovalRejected", "Rejected"),
    )
    world.goes((*ASKS, rejects, ends(61, "Failed")))
    ended = step("hand-off")
    assert verdict(ended) == (1, "failed", "Failed"), ended.log
    told(ended, "not on a Friday", "bob")
    assert "Approve/Approve failed" not in ended.summary
    assert (ended.outputs["failed-stage"], ended.outputs["failed-action"]) == ("Approve", "Approve")


# ---- again, and back ----


def test_an_action_that_is_tried_again_has_not_failed(step: Run, world: World) -> None:
    """The stage's own retry: the execution stays InProgress, and the second try counts."""
    again = runs(63, "Migrate/Migrate", 90, build="migrate:2")
    world.goes((*fails(60)[:-1], *again, *runs(92, "Deploy/Deploy", 100, build=DEPLOYMENT), ends(101, "Succeeded")))
    ended = step("hand-off")
    assert verdict(ended) == (0, "succeeded", "Succeeded"), ended.log


def test_a_failure_is_final_after_a_second_look(step: Run, world: World) -> None:
    """A person may have retried the stage between the two, which is told; the retry's result counts."""
    world.goes(fails(60))

    def retried(params: Params) -> Answer:
        found = world.pipeline._execution(params)
        for mine in world.pipeline.started:
            if mine.end(world.pipeline.now).status == "Failed" and len(mine.course) == len(fails(60)):
                now = world.pipeline.now - mine.at + 0.1
                again = (ends(now, "InProgress"), *runs(now, "Migrate/Migrate", now + 20, by=OTHER))
                end = (*runs(now + 21, "Deploy/Deploy", now + 30), ends(now + 31, "Succeeded"))
                mine.course = (*mine.course, *again, *end)
        return found

    world.aws.on("codepipeline.GetPipelineExecution", retried)
    ended = step("hand-off")
    assert verdict(ended) == (0, "succeeded", "Succeeded"), ended.log
    told(ended, "retried")


def checked(result: str) -> Params:
    """A stage's onSuccess: an alarm must stay quiet after its actions."""
    kind = {"category": "Rule", "owner": "AWS", "provider": "CloudWatchAlarm", "version": "1"}
    return {"onSuccess": {"conditions": [{"result": result, "rules": [{"name": "Errors", "ruleTypeId": kind}]}]}}


BACK = declaration(SOURCE, MIGRATE, {**DEPLOY, "onFailure": {"result": "ROLLBACK"}}, variables=DECLARED)
FAILS_LATE: Course = (
    *MIGRATED,
    happens(42, "Deploy/Deploy", "InProgress", build=DEPLOYMENT),
    happens(60, "Deploy/Deploy", "Failed", build=DEPLOYMENT, error=course.BUILD_FAILED),
    ends(61, "Failed"),
)


def rolls_back(world: World, after: float, *goes: course.Change) -> None:
    """CodePipeline rolls the stage back this long after the failure."""
    world.pipeline.declared = BACK
    world.goes(FAILS_LATE)
    before = Execution(execution_id("before"), -500, SUCCEEDS)
    failed = Execution(execution_id(1), 0, ())
    world.pipeline.others = [before, rolled_back(failed, before.id, 61 + after, goes)]


@pytest.mark.parametrize(
    ("status", "exit_code", "result"), [("Succeeded", 3, "rolled-back"), ("Failed", 4, "rollback-failed")]
)
@pytest.mark.parametrize("after", [1, 4])
def test_a_stage_that_is_rolled_back_is_followed_and_red(
    step: Run, world: World, after: float, status: str, exit_code: int, result: str
) -> None:
    """The rollback is an execution of its own; its trigger names ours. The cause is the first failure's."""
    rolls_back(
        world, after, happens(1, "Deploy/Deploy", "InProgress"), happens(30, "Deploy/Deploy", status), ends(31, status)
    )
    ended = step("hand-off")
    assert (ended.exit_code, ended.outputs["result"]) == (exit_code, result), ended.log
    assert ended.outputs["execution-id"] == execution_id(1)
    told(ended, execution_id(f"back from {execution_id(1)}"), "Build terminated with state: FAILED")
    assert ended.outputs["failed-stage"] == "Deploy"


def test_a_rollback_that_never_begins_is_a_failure(step: Run, world: World) -> None:
    """There may be nothing to roll back to: hand-off looks for it for a while only."""
    world.pipeline.declared = BACK
    world.goes(FAILS_LATE)
    ended = step("hand-off")
    assert (ended.exit_code, ended.outputs["result"]) == (1, "failed"), ended.log
    assert world.clock.monotonic() <= 61 + 60 + 16
    assert sum(call.time >= 72 for call in world.aws.calls) <= 30


def test_a_rollback_after_a_failed_condition_is_followed(step: Run, world: World) -> None:
    """All actions of the stage have succeeded, and its onSuccess condition, an alarm for example, rolls it back."""
    goes = (*runs(1, "Deploy/Deploy", 30), ends(31, "Succeeded"))
    rolls_back(world, 15, *goes)
    world.pipeline.declared = declaration(SOURCE, MIGRATE, {**DEPLOY, **checked("ROLLBACK")}, variables=DECLARED)
    world.goes((*MIGRATED, *runs(42, "Deploy/Deploy", 60), ends(61, "Failed")))
    ended = step("hand-off")
    assert (ended.exit_code, ended.outputs["result"]) == (3, "rolled-back"), ended.log


def test_a_rollback_of_another_execution_is_not_ours(step: Run, world: World) -> None:
    """By its trigger: both failed in the same stage."""
    world.pipeline.declared = BACK
    world.goes(FAILS_LATE)
    theirs = Execution(execution_id("theirs"), -90, fails(60))
    goes = (*runs(1, "Deploy/Deploy", 30), ends(31, "Succeeded"))
    world.pipeline.others = [theirs, rolled_back(theirs, execution_id("before"), 62, goes)]
    ended = step("hand-off")
    assert (ended.exit_code, ended.outputs["result"]) == (1, "failed"), ended.log


# ---- conditions, and what they skip ----


def checks(world: World, until: float, status: str) -> None:
    """The condition after the deployment is met, or not, at that time."""

    def state(params: Params) -> Answer:
        found: Any = world.pipeline._state(params)
        over = world.pipeline.now - world.pipeline.started[0].at >= until if world.pipeline.started else False
        now = {"status": status if over else "InProgress", "summary": "12 errors a minute"}
        rule = {"ruleStates": [{"ruleName": "Errors", "latestExecution": now}]}
        deploy = found["stageStates"][-1]
        if deploy.get("latestExecution"):
            deploy["latestExecution"]["status"] = now["status"]
            deploy["onSuccessConditionState"] = {
                "latestExecution": {"status": now["status"]},
                "conditionStates": [rule],
            }
        return found  # type: ignore[no-any-return]

    world.pipeline.declared = declaration(SOURCE, MIGRATE, {**DEPLOY, **checked("FAIL")}, variables=DECLARED)
    world.aws.on("codepipeline.GetPipelineState", state)


@pytest.mark.parametrize("goal", ["end", "Deploy"])
def test_a_condition_after_a_stage_decides_about_it(step: Run, world: World, goal: str) -> None:
    """Its actions have succeeded, which is not enough; the log says what is waited for, and which rule failed."""
    checks(world, 180, "Failed")
    world.goes((*MIGRATED, *runs(42, "Deploy/Deploy", 60, build=DEPLOYMENT), ends(181, "Failed")))
    ended = step("hand-off", wait_until=goal)
    assert verdict(ended) == (1, "failed", "Failed"), ended.log
    told(ended, "waits for the conditions of stage Deploy after its success: Errors")
    told(ended, "the conditions of stage Deploy failed after its success: Errors (12 errors a minute)")


def test_a_stage_is_reached_once_its_condition_is_met(step: Run, world: World) -> None:
    """Not when its last action has succeeded."""
    checks(world, 180, "Succeeded")
    world.goes((*MIGRATED, *runs(42, "Deploy/Deploy", 60, build=DEPLOYMENT)))
    ended = step("hand-off", wait_until="Deploy")
    assert (ended.exit_code, ended.outputs["result"]) == (0, "in-progress"), ended.log
    assert 180 <= world.clock.monotonic() - world.pipeline.started[0].at <= 191


LEFT_OUT = (*MIGRATED, ends(45, "Succeeded"))
FAILED_AND_LEFT = (*FAILS_LATE[:-1], ends(61, "Succeeded"))


@pytest.mark.parametrize("goes", [LEFT_OUT, FAILED_AND_LEFT], ids=["by a condition", "after its failure"])
def test_a_stage_that_is_skipped_is_told(step: Run, world: World, goes: Course) -> None:
    """A pipeline may declare that; whoever waits for the stage gets no green."""
    world.goes(goes, goes)
    ended = step("hand-off")
    assert verdict(ended) == (0, "succeeded", "Succeeded"), ended.log
    told(ended, "::warning", "CodePipeline skipped Deploy", "skipped: Deploy")
    assert ended.summary.startswith("### ✅ Pipeline")
    waited = step("hand-off", wait_until="Deploy", sha="f" * 40)
    assert verdict(waited) == (1, "failed", "Succeeded"), waited.log
    told(waited, "CodePipeline skipped stage Deploy")


def test_what_comes_after_the_awaited_stage_does_not_count(step: Run, world: World) -> None:
    """Even if a poll sees it together with the end of that stage."""
    end = happens(42, "Migrate/Migrate", "Succeeded", build=course.MIGRATION)
    broken = (FAILS_LATE[4], happens(42.5, "Deploy/Deploy", "Failed"), ends(43, "Failed"))
    world.goes((*SUCCEEDS[:3], end, *broken))
    ended = step("hand-off", wait_until="Migrate")
    assert verdict(ended) == (0, "in-progress", "Failed"), ended.log


# ---- what becomes of the pipeline ----


def test_a_pipeline_that_is_deleted_meanwhile_is_gone(step: Run, world: World) -> None:
    """Its own exit code, once it is certain."""
    world.pipeline.gone_at = 30
    ended = step("hand-off")
    assert (ended.exit_code, ended.outputs["result"]) == (6, "gone"), ended.log
    told(ended, NAME)


def test_a_pipeline_that_is_changed_meanwhile_is_said(step: Run, world: World) -> None:
    """The execution is Cancelled by it, or goes on with stages that were not there before."""
    world.goes((*MIGRATED, *runs(42, "Smoke/Smoke", 50), *runs(52, "Deploy/Deploy", 90), ends(91, "Succeeded")))
    extra = stage("Smoke", {**MIGRATE["actions"][0], "name": "Smoke"})
    changed = declaration(SOURCE, MIGRATE, extra, DEPLOY, variables=DECLARED, version=4)

    def change(answer: Any) -> Any:
        def answered(params: Params) -> Answer:
            world.pipeline.declared = changed if world.pipeline.now >= 20 else world.pipeline.declared
            return answer(params)  # type: ignore[no-any-return]

        return answered

    world.aws.on("codepipeline.GetPipelineExecution", change(world.pipeline._execution))
    world.aws.on("codepipeline.ListActionExecutions", change(world.pipeline._actions))
    ended = step("hand-off")
    assert ended.exit_code == 0, ended.log
    told(ended, "Smoke", "version 4 of the pipeline, not 3")
    assert ended.log.count("version 4 of the pipeline") == 1


@pytest.mark.parametrize("operation", ["GetPipelineExecution", "ListActionExecutions"])
def test_an_execution_that_is_listed_late_is_waited_for(step: Run, world: World, operation: str) -> None:
    """It was started: CodePipeline's reads lag behind."""
    late = error("PipelineExecutionNotFoundException")
    known: Any = {"GetPipelineExecution": world.pipeline._execution, "ListActionExecutions": world.pipeline._actions}
    world.aws.on(f"codepipeline.{operation}", at(0, late), at(9, known[operation]), after=START)
    ended = step("hand-off")
    assert ended.exit_code == 0, ended.log


def test_an_execution_that_is_not_listed_for_a_moment_is_not_gone(step: Run, world: World) -> None:
    """Though its actions are: reads of CodePipeline need not agree."""
    late = error("PipelineExecutionNotFoundException")
    known = world.pipeline._execution
    world.aws.on("codepipeline.GetPipelineExecution", late, known, late, known, after=START)
    ended = step("hand-off")
    assert ended.exit_code == 0, ended.log


def lists_late(world: World) -> None:
    """The actions are those of eight seconds ago."""

    def late(params: Params) -> Answer:
        later = [replace(each, at=each.at + 8) for each in world.pipeline.started]
        return replace(world.pipeline, started=later)._actions(params)

    world.aws.on("codepipeline.ListActionExecutions", late, after=START)


def test_a_stage_that_is_listed_late_was_not_skipped(step: Run, world: World) -> None:
    """A stage may take less time than its action needs to be listed."""
    world.goes((*MIGRATED, *runs(42, "Deploy/Deploy", 43), ends(44, "Succeeded")))
    lists_late(world)
    ended = step("hand-off")
    assert verdict(ended) == (0, "succeeded", "Succeeded"), ended.log
    assert "skipped" not in ended.log


def test_every_page_of_the_actions_is_read(step: Run, world: World) -> None:
    """A pipeline may have more actions than a page has entries."""
    world.pipeline.page = 1
    world.goes(fails(60))
    ended = step("hand-off")
    assert (ended.exit_code, ended.outputs["failed-action"]) == (1, "Migrate"), ended.log


def test_actions_in_parallel_are_each_told(step: Run, world: World) -> None:
    """One fails, another is still running: the first that failed is named, and the verdict is the execution's."""
    deploys = [{**DEPLOY["actions"][0], "name": name} for name in ("Api", "Web")]
    world.pipeline.declared = declaration(SOURCE, MIGRATE, stage("Deploy", *deploys), variables=DECLARED)
    begun = [happens(42, f"Deploy/{name}", "InProgress") for name in ("Api", "Web")]
    broken = happens(50, "Deploy/Web", "Failed", error=("JobFailed", "no such image"))
    world.goes((*MIGRATED, *begun, broken, happens(70, "Deploy/Api", "Succeeded"), ends(71, "Failed")))
    ended = step("hand-off")
    assert (ended.exit_code, ended.outputs["failed-action"]) == (1, "Web"), ended.log
    told(ended, "Api", "no such image")
    assert world.clock.monotonic() >= 71


def test_the_logs_of_builds_in_parallel_are_told_apart(step: Run, world: World) -> None:
    """Before the lines of another build stands whose they are."""
    deploys = [{**DEPLOY["actions"][0], "name": name} for name in ("Api", "Web")]
    world.pipeline.declared = declaration(SOURCE, MIGRATE, stage("Deploy", *deploys), variables=DECLARED)
    both = [happens(42, f"Deploy/{name}", "InProgress", build=f"{name.lower()}:1") for name in ("Api", "Web")]
    done = [happens(150, f"Deploy/{name}", "Succeeded", build=f"{name.lower()}:1") for name in ("Api", "Web")]
    logs = {name: [(45.0 + 10 * number, f"{name} {number}") for number in range(9)] for name in ("api", "web")}
    world.goes((*MIGRATED, *both, *done, ends(151, "Succeeded")), **{k: Build(42, 149, log=v) for k, v in logs.items()})
    ended = step("hand-off")
    assert ended.exit_code == 0, ended.log
    owner = ""
    for line in ended.log.splitlines():
        owner = line.rpartition(" ")[2] if "the log of" in line else owner
        if line.startswith("  | "):
            assert owner == f"{line[4:7]}:1", ended.log
    told(ended, "Deploy/Api: the log of api:1", "Deploy/Web: the log of web:1")


def test_nothing_is_said_about_who_started_it(step: Run, world: World) -> None:
    """The ARN of the role is no cause."""
    ended = step("hand-off")
    assert USER not in ended.log
