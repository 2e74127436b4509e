"""What goes wrong between ecs-cd and AWS, and within AWS: each kind of deployment meets the same faults.

A rolling update, an ECS blue/green deployment and a CodeDeploy deployment are each a `World`: the same commit is
deployed, web:1 -> web:2, and the table below says what each does about it.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from ecs_cd.aws.session import Aws
from ecs_cd.ci.run import identify
from ecs_cd.ci.terminal import Terminal
from ecs_cd.deploy.plan import DeploymentPlan
from ecs_cd.deploy.rules.own_deployment import OwnDeployment
from ecs_cd.deploy.strategies import rolling
from ecs_cd.deploy.tracked import TrackedDeployment
from ecs_cd.document.rules.document import Service
from ecs_cd.job.job import Job
from ecs_cd.job.state import State
from ecs_cd.model.lifecycle import Strategy, Until
from ecs_cd.model.references import RegisteredTaskDefinition
from ecs_cd.model.verdict import Verdict
from tests.scripted_aws import (
    Answer,
    Clock,
    Params,
    ScriptedAws,
    at,
    blue_green,
    codedeploy,
    denied,
    ecs,
    error,
    expired,
    lost,
    moment,
    reset,
    server_error,
    throttled,
)
from tests.timelines.conftest import REPOSITORY, SHA, Step

Run = Callable[..., Step]

OLD = ecs.deployment("ecs-svc/1", task_definition="web:1")
NEW = ecs.deployment("ecs-svc/2", task_definition="web:2", rollout_state="IN_PROGRESS", created=1)
DONE = NEW | {"rolloutState": "COMPLETED", "runningCount": 1}
REVISION = ecs.task_definition_arn("web:2")


@dataclass(frozen=True)
class World:
    """A kind of deployment: the call that starts it and its answer, the call that polls it and its answers."""

    name: str
    begin: str
    begun: Params
    poll: str
    before: Params  # DescribeServices' service, then
    moving: Params  # and once ours has begun
    going: Answer
    done: Answer
    failed: Answer
    started_by: str
    exit_code: int  # of `failed`

    def __str__(self) -> str:
        return self.name

    def looks(self, aws: ScriptedAws, *answers: Any) -> None:
        """Scripts the answers to polls after the start."""
        aws.on(self.poll, *answers, after=self.begin)


def _services(*deployments: Params, **more: Any) -> Params:
    return {"services": [ecs.service(deployments=deployments, **more)]}


NO_ROLLBACK: Params = {"deploymentConfiguration": {"deploymentCircuitBreaker": {"enable": True, "rollback": False}}}
ROLLING = World(
    "rolling",
    "ecs.UpdateService",
    {"service": ecs.service(deployments=[NEW, OLD | {"status": "ACTIVE"}])},
    "ecs.DescribeServices",
    ecs.service(deployments=[OLD]),
    ecs.service(deployments=[NEW, OLD | {"status": "ACTIVE"}]),
    going=_services(NEW, OLD | {"status": "ACTIVE"}),
    done=_services(DONE),
    failed=_services(NEW | {"rolloutState": "FAILED", "rolloutStateReason": ecs.BREAKER_TRIPPED}, **NO_ROLLBACK),
    started_by="ecs-svc/2",
    exit_code=1,
)
OURS = blue_green.service_deployment(created=1)
BLUE_GREEN = World(
    "blue-green",
    "ecs.UpdateService",
    {"service": blue_green.service(deployments=[NEW, OLD | {"status": "ACTIVE"}])},
    "ecs.DescribeServiceDeployments",
    blue_green.service(deployments=[OLD]),
    blue_green.service(deployments=[NEW, OLD | {"status": "ACTIVE"}]),
    going=blue_green.described(blue_green.service_deployment(stage="SCALE_UP", created=1)),
    done=blue_green.described(blue_green.service_deployment(status="SUCCESSFUL", created=1)),
    failed=blue_green.described(blue_green.service_deployment(status="ROLLBACK_SUCCESSFUL", failures=3, created=1)),
    started_by="ecs-svc/2",
    exit_code=3,
)
HOOK = ("HOOK_EXECUTION_FAILURE", "The deployment failed because a lifecycle hook failed.")
CODEDEPLOY = World(
    "codedeploy",
    "codedeploy.CreateDeployment",
    {"deploymentId": "d-NEW"},
    "codedeploy.BatchGetDeployments",
    codedeploy.service(),
    codedeploy.service(codedeploy.task_set(), codedeploy.task_set("ACTIVE", "web:2", "d-NEW")),
    going=codedeploy.described(codedeploy.deployment()),
    done=codedeploy.described(codedeploy.deployment(status="Succeeded")),
    failed=codedeploy.described(codedeploy.deployment(status="Failed", error=HOOK)),
    started_by="ecs-svc/d-NEW",
    exit_code=1,
)
WORLDS = (ROLLING, BLUE_GREEN, CODEDEPLOY)
MUTATIONS = ("ecs.RegisterTaskDefinition", "ecs.UpdateService", "codedeploy.CreateDeployment")


@pytest.fixture(params=WORLDS, ids=str)
def world(request: pytest.FixtureRequest, aws: ScriptedAws) -> World:
    """One in which all goes well unless the test says otherwise."""
    chosen: World = request.param
    return build(chosen, aws)


def build(chosen: World, aws: ScriptedAws) -> World:
    aws.on("ecs.DescribeServices", {"services": [chosen.before]})
    aws.on("ecs.DescribeServices", {"services": [chosen.moving]}, after=chosen.begin)
    aws.on(chosen.begin, chosen.begun)
    aws.on("ecs.DeregisterTaskDefinition", {"taskDefinition": ecs.task_definition("web", 2)})
    aws.on("ecs.ListServiceDeployments", blue_green.listed())
    aws.on("ecs.ListServiceDeployments", blue_green.listed(OURS), after=chosen.begin)
    aws.on("ecs.DescribeServiceRevisions", blue_green.revisions)
    aws.on("ecs.DescribeServiceDeployments", blue_green.described())
    aws.on("ecs.DescribeTaskDefinition", _with_a_port)
    aws.on("codedeploy.GetDeploymentGroup", codedeploy.group())
    aws.on("codedeploy.ListDeployments", {"deployments": []})
    aws.on("codedeploy.ListDeployments", {"deployments": ["d-NEW"]}, after="codedeploy.CreateDeployment")
    aws.on("codedeploy.BatchGetDeployments", chosen.going if chosen is CODEDEPLOY else codedeploy.described())
    aws.on("codedeploy.BatchGetDeploymentTargets", codedeploy.target())
    aws.on("elbv2.DescribeTargetHealth", {"TargetHealthDescriptions": []})
    aws.on("logs.GetLogEvents", {"events": [], "nextForwardToken": "f/1", "nextBackwardToken": "b/1"})
    tasks(aws, "STOPPED")
    tasks(aws, "RUNNING", ecs.task(task_definition="web:2", started_by=chosen.started_by))
    return chosen


def _with_a_port(params: Params) -> Params:
    """The newest revision: with the previous image, and the port that CodeDeploy's load balancer needs."""
    found = ecs.task_definition()
    image = f"{REPOSITORY}@sha256:{'0' * 64}"
    container = found["containerDefinitions"][0] | {"image": image, "portMappings": [{"containerPort": 80}]}
    return {"taskDefinition": found | {"containerDefinitions": [container]}, "tags": []}


def tasks(aws: ScriptedAws, status: str, *there: Params) -> None:
    """The service's tasks with this desired status."""
    arns = [task["taskArn"] for task in there]
    aws.on("ecs.ListTasks", {"taskArns": arns}, where={"desiredStatus": status})
    if there:
        aws.on("ecs.DescribeTasks", ecs.described("tasks", *there), where={"tasks": arns})


def dead(number: int, started_by: str, stop_code: str = "EssentialContainerExited", reason: str = "") -> Params:
    code: Params = {"exitCode": 3 if stop_code == "EssentialContainerExited" else 143}
    return ecs.task(
        f"dead{number}",
        "STOPPED",
        containers=[ecs.container(status="STOPPED", **code)],
        task_definition="web:2",
        started_by=started_by,
        stopCode=stop_code,
        stoppedReason=reason or "Essential container in task exited",
    )


def changed(aws: ScriptedAws) -> list[str]:
    """What was asked for that changes something."""
    return [call.operation for call in aws.calls if call.operation in MUTATIONS]


def begun_at(aws: ScriptedAws, world: World) -> float:
    return next(call.time for call in aws.calls if call.operation == world.begin)


# ---- reads that fail ----

FAULTS: Sequence[Answer] = (throttled(), server_error(), server_error(500), reset())


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_looks_that_fail_for_two_minutes_are_survived(aws: ScriptedAws, step: Run, world: World, fault: Answer) -> None:
    """A failed read never fails a deployment; the log says once that ecs-cd can't read."""
    world.looks(aws, at(0, world.going), at(10, fault), at(130, world.done))
    ended = step("deploy")
    assert ended.exit_code == 0, ended.log
    assert ended.log.count("AWS can't be read at the moment") == 1


def test_looks_that_fail_until_the_end_leave_the_outcome_unknown(aws: ScriptedAws, step: Run, world: World) -> None:
    """Not timed out, because it may have ended long ago; AWS continues."""
    world.looks(aws, at(0, world.going), at(10, throttled()))
    ended = step("deploy", deployment_timeout="2m")
    assert (ended.exit_code, ended.outputs["result"]) == (8, "unknown"), ended.log
    assert "continues" in ended.log


def test_credentials_that_expire_while_waiting_are_no_verdict(aws: ScriptedAws, step: Run, world: World) -> None:
    """Neither a success nor a failure of the deployment: the outcome is unknown, AWS continues, and the log says what to do."""
    world.looks(aws, at(0, world.going), at(10, expired()))
    aws.on("ecs.DescribeServices", at(10, expired()), after=world.begin)
    ended = step("deploy")
    assert (ended.exit_code, ended.outputs["result"]) == (8, "unknown"), ended.log
    assert "The outcome is unknown; whatever was started continues" in ended.log
    assert "sign in before this step" in ended.log


# What the verdict rests on, by the world that needs it. The reads that come after UpdateService (of the proof, and of
# service deployments) would cost calls more before every deployment, and so are not among them.
NEEDED = [
    *((world, operation) for world in WORLDS for operation in ("ssm.GetParameter", "ecs.DescribeServices")),
    *((world, operation) for world in WORLDS for operation in ("ecr.BatchGetImage", "ecs.DescribeTaskDefinition")),
    (BLUE_GREEN, "ecs.ListServiceDeployments"),
    (CODEDEPLOY, "codedeploy.GetDeploymentGroup"),
    (CODEDEPLOY, "codedeploy.ListDeployments"),
    (CODEDEPLOY, "codedeploy.BatchGetDeployments"),
]


@pytest.mark.parametrize(("kind", "operation"), NEEDED, ids=str)
def test_a_read_that_is_not_allowed_is_found_before_anything_is_changed(
    aws: ScriptedAws, step: Run, kind: World, operation: str
) -> None:
    """Otherwise the deployment would start, and ecs-cd could not follow it."""
    build(kind, aws)
    known = {"currentServiceDeployment": blue_green.arn("1"), "currentServiceRevisions": [{"arn": REVISIONS[0]}]}
    aws.on("ecs.DescribeServices", {"services": [kind.before | known]})
    aws.on("codedeploy.GetDeploymentGroup", codedeploy.group(lastAttemptedDeployment={"deploymentId": "d-OLD"}))
    aws.on(operation, denied(operation))
    ended = step("deploy")
    assert ended.exit_code == 2, ended.log
    assert f"Allow the role cd {operation.partition('.')[2]}" in ended.log
    assert changed(aws) == []


REVISIONS = (blue_green.arn("1", "service-revision"),)


@pytest.mark.parametrize("answer", [error("InvalidParameterException"), {"serviceDeployments": []}], ids=str)
def test_a_current_service_deployment_that_is_stale_is_no_refusal(aws: ScriptedAws, step: Run, answer: Answer) -> None:
    """It is read for the permission alone."""
    build(BLUE_GREEN, aws)
    aws.on(
        "ecs.DescribeServices", {"services": [BLUE_GREEN.before | {"currentServiceDeployment": blue_green.arn("0")}]}
    )
    aws.on("ecs.DescribeServiceDeployments", answer)
    BLUE_GREEN.looks(aws, at(0, BLUE_GREEN.done))
    assert step("deploy").exit_code == 0


@pytest.mark.parametrize("operation", ["ecs.ListTasks", "ecs.DescribeTasks"])
def test_without_the_proof_nothing_is_green(aws: ScriptedAws, step: Run, world: World, operation: str) -> None:
    """The deployment is done, but ecs-cd may not read what runs: the log names the missing permission."""
    world.looks(aws, at(0, world.done))
    aws.on(operation, denied(operation))
    ended = step("deploy")
    assert (ended.exit_code, ended.outputs["result"]) == (8, "unknown"), ended.log
    assert operation.partition(".")[2] in ended.log


@pytest.mark.parametrize("fault", [denied(), throttled(), server_error(), error("ResourceNotFoundException")], ids=str)
def test_logs_that_can_not_be_read_are_no_verdict(aws: ScriptedAws, step: Run, world: World, fault: Answer) -> None:
    """The exit code still shows the cause."""
    tasks(aws, "STOPPED", dead(1, world.started_by))
    world.looks(aws, at(0, world.going), at(10, world.failed))
    aws.on("logs.GetLogEvents", fault)
    ended = step("deploy")
    assert ended.exit_code == world.exit_code, ended.log
    assert "container `app` exited with 3" in ended.log


# ---- the call that begins it ----


def test_a_lost_answer_is_looked_for(aws: ScriptedAws, step: Run, world: World) -> None:
    """It was carried out; a second call would be a second deployment."""
    aws.on(world.begin, lost(world.begun))
    world.looks(aws, at(0, world.going), at(20, world.done))
    ended = step("deploy")
    assert ended.exit_code == 0, ended.log
    assert aws.count(world.begin) == 1


@pytest.mark.parametrize("fault", [reset(), throttled(), server_error()], ids=str)
def test_a_call_that_was_not_carried_out_is_repeated(aws: ScriptedAws, step: Run, world: World, fault: Answer) -> None:
    """Once ecs-cd sees that its deployment does not exist."""
    aws.on(world.begin, fault, world.begun)
    world.looks(aws, at(0, world.done))
    ended = step("deploy")
    assert ended.exit_code == 0, ended.log
    assert aws.count(world.begin, processed=True) == 1


def test_after_a_lost_answer_that_can_not_be_looked_for_nothing_is_repeated(
    aws: ScriptedAws, step: Run, world: World
) -> None:
    """The outcome is unknown, and our revision stays: it may be what runs."""
    aws.on(world.begin, lost(world.begun))
    looks = "codedeploy.ListDeployments" if world is CODEDEPLOY else "ecs.DescribeServices"
    aws.on(looks, denied(looks), after=world.begin)
    ended = step("deploy")
    assert (ended.exit_code, ended.outputs["result"]) == (8, "unknown"), ended.log
    assert aws.count(world.begin) == 1
    assert aws.count("ecs.DeregisterTaskDefinition") == 0


@pytest.mark.parametrize("refusal", [denied(), expired()], ids=str)
def test_a_call_that_is_refused_leaves_nothing_behind(
    aws: ScriptedAws, step: Run, world: World, refusal: Answer
) -> None:
    """Not begun, exit code 2, and the newly registered revision is deregistered."""
    aws.on(world.begin, refusal)
    ended = step("deploy")
    assert ended.exit_code == 2, ended.log
    forgotten = [call.params for call in aws.calls if call.operation == "ecs.DeregisterTaskDefinition"]
    assert forgotten == [{"taskDefinition": REVISION}]


def test_times_are_awss_own(aws: ScriptedAws, step: Run, world: World) -> None:
    """The runner's clock may be years off, as it is here: what we ask for since when is by AWS's clock."""
    aws.on(world.begin, lost(world.begun))
    world.looks(aws, at(0, world.done))
    assert step("deploy").exit_code == 0
    asked = [
        call.params.get("createdAt", {}).get("after") or call.params.get("createTimeRange", {}).get("start")
        for call in aws.calls
    ]
    assert (
        set(filter(None, asked))
        == {
            "rolling": set(),
            "blue-green": {moment(-4)},
            "codedeploy": {moment(-5)},
        }[world.name]
    )


# ---- as long as it takes ----


def test_the_wait_is_as_long_as_was_asked_and_never_late(aws: ScriptedAws, step: Run, world: World) -> None:
    """Two hours, with a poll every two seconds: no back-off, no limit of an hour."""
    world.looks(aws, at(0, world.going), at(7200, world.done))
    ended = step("deploy", deployment_timeout="3h")
    assert ended.exit_code == 0, ended.log
    begun = begun_at(aws, world)
    looks = [call.time for call in aws.calls if call.operation == world.poll and call.time > begun]
    assert max(later - earlier for earlier, later in itertools.pairwise(looks)) <= 2
    assert next(time for time in looks if time >= begun + 7200) <= begun + 7202


def test_a_timeout_has_its_own_exit_code(aws: ScriptedAws, step: Run, world: World, clock: Clock) -> None:
    """The log has the last known state, and says that AWS continues because nothing stopped it."""
    world.looks(aws, at(0, world.going))
    ended = step("deploy", deployment_timeout="90s")
    assert (ended.exit_code, ended.outputs["result"]) == (7, "timed-out"), ended.log
    assert "continues" in ended.log
    assert 90 <= clock.monotonic() <= 100
    assert aws.count("ecs.StopServiceDeployment") == aws.count("codedeploy.StopDeployment") == 0


def test_a_failure_is_red_in_each_world(aws: ScriptedAws, step: Run, world: World) -> None:
    """Whichever revision runs afterwards."""
    world.looks(aws, at(0, world.going), at(20, world.failed))
    ended = step("deploy")
    assert ended.exit_code == world.exit_code, ended.log


# ---- what others do ----


GONE = {"services": [], "failures": [{"arn": "arn:x", "reason": "MISSING"}]}
DELETED: dict[str, Answer] = {
    "rolling": GONE,
    "blue-green": blue_green.described(),
    "codedeploy": codedeploy.described(
        codedeploy.deployment(status="Failed", error=("INTERNAL_ERROR", "No such service."))
    ),
}


@pytest.mark.parametrize("state", ["MISSING", "DRAINING", "INACTIVE"])
def test_a_service_that_is_deleted_is_told_as_that(aws: ScriptedAws, step: Run, world: World, state: str) -> None:
    """ecs-cd neither waits for it nor searches for a cause."""
    answer = GONE if state == "MISSING" else {"services": [world.moving | {"status": state}]}
    aws.on("ecs.DescribeServices", at(10, answer), after=world.begin)
    if world is not ROLLING:
        world.looks(aws, at(0, world.going), at(10, DELETED[world.name]))
    ended = step("deploy")
    assert (ended.exit_code, ended.outputs["result"]) == (6, "gone"), ended.log


def test_another_digest_than_the_asked_one_is_red(aws: ScriptedAws, step: Run, world: World) -> None:
    """The tag may have moved: the digest decides, when it is registered and when it runs."""
    world.looks(aws, at(0, world.done))
    container = ecs.container() | {"imageDigest": "sha256:" + "b" * 64}
    tasks(aws, "RUNNING", ecs.task(task_definition="web:2", started_by=world.started_by, containers=[container]))
    ended = step("deploy")
    assert ended.exit_code == 1, ended.log
    assert "container `app` runs sha256:bbb" in ended.log


def test_a_tag_that_moves_is_asked_once(aws: ScriptedAws, step: Run, world: World) -> None:
    """What it was then is what is registered, by digest."""
    world.looks(aws, at(0, world.done))
    assert step("deploy").exit_code == 0
    images = [call.params["imageIds"] for call in aws.calls if call.operation == "ecr.BatchGetImage"]
    assert images == [[{"imageTag": SHA}]]
    registered = next(call.params for call in aws.calls if call.operation == "ecs.RegisterTaskDefinition")
    assert registered["containerDefinitions"][0]["image"] == ecs.IMAGE


OUTSIDE = [
    ("SpotInterruption", "Your Spot Task was interrupted."),
    ("TerminationNotice", "The instance is being terminated."),
    ("InfrastructureHealth", "Task stopped: infrastructure."),
    ("UserInitiated", "Task stopped by user"),
]


@pytest.mark.parametrize(("stop_code", "reason"), OUTSIDE, ids=[code for code, _ in OUTSIDE])
def test_tasks_that_are_ended_from_outside_are_no_failure_of_the_app(
    aws: ScriptedAws, step: Run, stop_code: str, reason: str
) -> None:
    """Not even many of them without a circuit breaker, and none running: ECS starts them elsewhere."""
    build(ROLLING, aws)
    bare: Params = {"deploymentConfiguration": {"deploymentCircuitBreaker": {"enable": False, "rollback": False}}}
    looks = [_services(NEW | {"pendingCount": n % 2}, OLD | {"status": "ACTIVE"}, **bare) for n in range(6)]
    ROLLING.looks(aws, *(at(10 * n, look) for n, look in enumerate(looks)), at(90, ROLLING.done))
    tasks(aws, "STOPPED", *(dead(number, "ecs-svc/2", stop_code, reason) for number in range(5)))
    ended = step("deploy")
    assert ended.exit_code == 0, ended.log
    assert "a task died" in ended.log


@pytest.mark.parametrize("kind", [ROLLING, CODEDEPLOY], ids=str)  # in the third ECS itself goes back
def test_the_way_back_may_be_closed(aws: ScriptedAws, step: Run, kind: World) -> None:
    """The previous revision was deregistered: the result is not a rollback, and the log says so."""
    world = build(kind, aws)
    refusal = error("ClientException", "TaskDefinition is inactive")
    if world is CODEDEPLOY:
        refusal = error("InvalidRevisionException", "the task definition is inactive")
        aws.on("codedeploy.StopDeployment", error("DeploymentAlreadyCompletedException"))
    world.looks(aws, at(0, world.going), at(20, world.failed))
    aws.on("ecs.DescribeServices", {"services": [OURS_RUNS[world.name]]}, after="ecs.ListTasks")
    aws.on(world.begin, refusal, after=world.begin)
    ended = step("deploy", on_failure="rollback")
    assert (ended.exit_code, ended.outputs["result"]) == (4, "rollback-failed"), ended.log
    assert "inactive" in ended.log


OURS_RUNS = {
    "rolling": ecs.service(deployments=[NEW | {"rolloutState": "FAILED"}], **NO_ROLLBACK),
    "codedeploy": codedeploy.service(codedeploy.task_set(task_definition="web:2", deployment="d-NEW")),
}


def test_a_failure_that_somebody_replaces_stays_one(aws: ScriptedAws, step: Run) -> None:
    """ecs-cd's deployment failed, and another one came before ECS went back: neither superseded nor rolled back, and no wait."""
    build(ROLLING, aws)
    failed = NEW | {"rolloutState": "FAILED", "rolloutStateReason": ecs.BREAKER_TRIPPED}
    theirs = ecs.deployment("ecs-svc/9", task_definition="web:7", rollout_state="IN_PROGRESS", created=40)
    ROLLING.looks(
        aws, at(0, ROLLING.going), at(30, _services(failed)), at(40, _services(theirs, failed | {"status": "ACTIVE"}))
    )
    aws.on("ecs.ListServiceDeployments", blue_green.listed())
    aws.on("ecs.ListServiceDeployments", blue_green.listed(), after=ROLLING.begin)
    ended = step("deploy")
    assert (ended.exit_code, ended.outputs["result"]) == (1, "failed"), ended.log
    assert "it failed, and then deployment ecs-svc/9 (web:7) replaced it" in ended.log


# ---- a rolling update of which DescribeServices tells late, or little ----

BEFORE = {"services": [ROLLING.before]}
EARLIER = blue_green.service_deployment("2a", "ROLLBACK_SUCCESSFUL", created=-600)
SAME_REVISION = EARLIER | {
    "targetServiceRevision": EARLIER["targetServiceRevision"] | {"arn": blue_green.arn("2", "service-revision")}
}
AFTER_A_ROLLBACK = OLD | {"rolloutStateReason": ecs.rolling_back("ecs-svc/1")}


@pytest.mark.parametrize("status", ["ROLLBACK_SUCCESSFUL", "SUCCESSFUL", "STOPPED"])
@pytest.mark.parametrize("primary", [OLD, AFTER_A_ROLLBACK], ids=["", "a rollback"])
def test_a_look_that_lags_for_a_minute_is_no_verdict(aws: ScriptedAws, step: Run, primary: Params, status: str) -> None:
    """Not superseded, not rolled back, not a success: the result of an earlier attempt with this revision does not count."""
    build(ROLLING, aws)
    ROLLING.looks(aws, at(0, _services(primary)), at(60, ROLLING.going), at(90, ROLLING.done))
    aws.on("ecs.ListServiceDeployments", blue_green.listed(SAME_REVISION | {"status": status}))
    aws.on("ecs.ListServiceDeployments", blue_green.listed(SAME_REVISION | {"status": status}), after=ROLLING.begin)
    ended = step("deploy")
    assert ended.exit_code == 0, ended.log
    assert ended.log.count("ECS does not show the deployment yet") == 1
    assert begun_at(aws, ROLLING) + 90 <= aws.calls[-1].time


def test_the_same_revision_by_force_is_not_done_before_it_has_begun(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """The previous deployment is COMPLETED, and for a few polls the only visible one."""
    build(ROLLING, aws)
    has_it = ecs.deployment("ecs-svc/1", task_definition="web:2")
    registered = {"taskDefinition": ecs.task_definition("web", 2), "tags": []}
    aws.on("ecs.DescribeTaskDefinition", registered)
    aws.on("ecs.DescribeServices", _services(has_it))
    ROLLING.looks(aws, at(0, _services(has_it)), at(20, ROLLING.going), at(60, ROLLING.done))
    ended = step("deploy", force_new_deployment="true")
    assert ended.exit_code == 0, ended.log
    assert ended.outputs["deployment-id"] == "ecs-svc/2"
    assert clock.monotonic() >= 60


def test_the_same_revision_by_force_that_is_rolled_back_to_itself_is_red(aws: ScriptedAws, step: Run) -> None:
    """The previous revision is the same: that it runs is not a success of this deployment."""
    build(ROLLING, aws)
    has_it = ecs.deployment("ecs-svc/1", task_definition="web:2")
    aws.on("ecs.DescribeTaskDefinition", {"taskDefinition": ecs.task_definition("web", 2), "tags": []})
    aws.on("ecs.DescribeServices", _services(has_it))
    failed = NEW | {"rolloutState": "FAILED", "rolloutStateReason": ecs.BREAKER_TRIPPED, "status": "ACTIVE"}
    back = ecs.deployment("ecs-svc/3", task_definition="web:2", created=60, reason=ecs.rolling_back("ecs-svc/3"))
    ROLLING.looks(
        aws,
        at(0, ROLLING.going),
        at(40, _services(back | {"rolloutState": "IN_PROGRESS"}, failed)),
        at(60, _services(back)),
    )
    ended = step("deploy", force_new_deployment="true")
    assert (ended.exit_code, ended.outputs["result"]) == (3, "rolled-back"), ended.log


@pytest.fixture
def job(aws: ScriptedAws, clock: Clock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Job:
    """For what no verb meets by itself."""
    monkeypatch.setenv("RUNNER_TEMP", str(tmp_path))
    return Job(
        os.environ, identify(os.environ), Terminal(), Aws(os.environ), clock, State(os.environ, identify(os.environ))
    )


def following(name: str = "web") -> TrackedDeployment:
    """Ours, of this service, after UpdateService."""
    service = ecs.service(name, deployments=[OLD])
    target = Service(name, name, RegisteredTaskDefinition("web"), {})
    plan = DeploymentPlan(target, ecs.CLUSTER, {}, service, 0, Strategy.ROLLING)
    own = OwnDeployment(
        Strategy.ROLLING, "ecs-svc/2", REVISION, ecs.task_definition_arn("web:1"), "ecs-svc/1", "ecs-svc/2"
    )
    return TrackedDeployment(plan, replace(own, created_at=moment(1)))


def judged(job: Job, aws: ScriptedAws, group: Sequence[TrackedDeployment], *deployments: Params) -> str:
    """The verdict on the first service at the next poll, for which DescribeServices returns these deployments of each."""
    services = (ecs.service(tracked.plan.name, deployments=deployments) for tracked in group)
    aws.on("ecs.DescribeServices", ecs.described("services", *services))
    for tracked, look in zip(group, rolling.read(job, group), strict=True):
        tracked.snapshot = look
    state = group[0].judge(Until())
    return state.outcome.value if isinstance(state, Verdict) else state.message


def test_what_was_asked_while_a_look_lagged_says_nothing_of_later(job: Job, aws: ScriptedAws) -> None:
    """That ECS did not list the deployment then does not mean that it was replaced: with several services each waits for its turn."""
    group = [following("web"), following("api")]
    aws.on("ecs.ListServiceDeployments", {"serviceDeployments": []})
    theirs = ecs.deployment("ecs-svc/9", task_definition="web:7", created=9)
    assert judged(job, aws, group, OLD) == "ECS does not show the deployment yet"
    assert judged(job, aws, group, NEW, OLD | {"status": "ACTIVE"}) == "0 of 1 running"
    assert "waiting for ECS to say whether it was replaced or rolled back" in judged(job, aws, group, theirs)
    job.clock.sleep(5)
    assert "waiting for ECS to say" in judged(job, aws, group, theirs)
    job.clock.sleep(59)
    assert "waiting for ECS to say" in judged(job, aws, group, theirs)
    job.clock.sleep(5)
    judged(job, aws, group, theirs)
    assert judged(job, aws, group, theirs) == "superseded"


def test_a_deployment_that_took_over_has_its_own_minute_to_be_rolled_back(job: Job, aws: ScriptedAws) -> None:
    """An old failure of ecs-cd's deployment says nothing about another user's next attempt with the same revision."""
    group = [following()]
    aws.on("ecs.ListServiceDeployments", {"serviceDeployments": []})
    failed = {"rolloutState": "FAILED", "rolloutStateReason": ecs.BREAKER_TRIPPED}
    waits = f"FAILED: {ecs.BREAKER_TRIPPED.rstrip('.')}; waiting for the rollback"
    assert judged(job, aws, group, NEW | failed) == waits
    job.clock.sleep(50)
    third = NEW | {"id": "ecs-svc/3", "createdAt": moment(50)}
    assert judged(job, aws, group, third, NEW | failed | {"status": "ACTIVE"}) == "0 of 1 running"
    job.clock.sleep(30)
    assert judged(job, aws, group, third | failed) == waits
    job.clock.sleep(60)
    assert judged(job, aws, group, third | failed) == "failed"


def uncounted(deployment: Params) -> Params:
    return {key: value for key, value in deployment.items() if not key.startswith("rollout")}


def test_behind_a_classic_load_balancer_the_counts_are_the_verdict(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """ECS returns no rolloutState for such a service; ecs-cd waits until only its deployment runs, and then verifies it."""
    build(ROLLING, aws)
    old, new = uncounted(OLD), uncounted(NEW)
    aws.on("ecs.DescribeServices", _services(old))
    aws.on("ecs.UpdateService", {"service": _services(new, old | {"status": "ACTIVE"})["services"][0]})
    ROLLING.looks(
        aws,
        at(0, _services(new, old | {"status": "ACTIVE"})),
        at(20, _services(new | {"runningCount": 1}, old | {"status": "ACTIVE"})),
        at(40, _services(new | {"runningCount": 1})),
    )
    ended = step("deploy")
    assert ended.exit_code == 0, ended.log
    assert 40 <= clock.monotonic() <= 45


def test_somebody_elses_deployment_of_such_a_service_is_waited_for(aws: ScriptedAws, step: Run) -> None:
    """Two deployments with tasks mean that a deployment is still running."""
    build(ROLLING, aws)
    theirs = uncounted(ecs.deployment("ecs-svc/9", task_definition="web:7", running=1))
    busy = _services(theirs, uncounted(OLD) | {"status": "ACTIVE"})
    aws.on("ecs.DescribeServices", at(0, busy), at(30, _services(theirs)))
    ROLLING.looks(aws, at(0, ROLLING.done))
    ended = step("deploy")
    assert ended.exit_code == 0, ended.log
    assert "waiting for another deployment to end: deployment ecs-svc/9 (web:7) is IN_PROGRESS" in ended.log
    assert begun_at(aws, ROLLING) >= 30
