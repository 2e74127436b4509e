"""ECS's own BLUE_GREEN, LINEAR and CANARY deployments, and what happens to them on the way."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ecs_cd.aws.session import Aws
from ecs_cd.ci.run import identify
from ecs_cd.ci.terminal import Terminal
from ecs_cd.deploy.plan import DeploymentPlan
from ecs_cd.deploy.strategies import blue_green, blue_green_calls
from ecs_cd.document.rules.document import Service
from ecs_cd.job.job import Job
from ecs_cd.job.state import State
from ecs_cd.model.errors import OutcomeUnknown, Unreadable
from ecs_cd.model.lifecycle import Strategy
from ecs_cd.model.references import RegisteredTaskDefinition
from tests.scripted_aws import (
    Clock,
    Params,
    ScriptedAws,
    Unmodelled,
    at,
    denied,
    ecs,
    error,
    lost,
    moment,
    reset,
    throttled,
)
from tests.scripted_aws import blue_green as answers
from tests.timelines.conftest import DOCUMENT, Step

Run = Callable[..., Step]

OLD = ecs.deployment("ecs-svc/1", task_definition="web:1")
NEW = ecs.deployment("ecs-svc/2", task_definition="web:2", rollout_state="IN_PROGRESS")
DONE = ecs.deployment("ecs-svc/2", task_definition="web:2")
BEFORE = answers.service(deployments=[OLD])
MOVING = answers.service(deployments=[NEW, OLD | {"status": "ACTIVE"}])
OURS = answers.arn("2")
THEIRS = answers.service_deployment("7", created=-30)
HAS_ALREADY = {"taskDefinition": ecs.task_definition("web", 2), "tags": []}


@pytest.fixture(autouse=True)
def service(aws: ScriptedAws) -> None:
    """A blue/green service that accepts the update, lists its service deployment, and runs the requested digest."""
    aws.on("ecs.DescribeServices", {"services": [BEFORE]})
    aws.on("ecs.DescribeServices", {"services": [MOVING]}, after="ecs.UpdateService")
    aws.on("ecs.UpdateService", {"service": MOVING})
    aws.on("ecs.ListServiceDeployments", answers.listed())
    aws.on("ecs.ListServiceDeployments", answers.listed(answers.service_deployment()), after="ecs.UpdateService")
    aws.on("ecs.DescribeServiceRevisions", answers.revisions)
    task = ecs.task(task_definition="web:2", started_by="ecs-svc/2")
    aws.on("ecs.ListTasks", {"taskArns": []})
    aws.on("ecs.ListTasks", {"taskArns": [task["taskArn"]]}, where={"desiredStatus": "RUNNING"})
    aws.on("ecs.DescribeTasks", ecs.described("tasks", task))


@pytest.fixture
def job(aws: ScriptedAws, clock: Clock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Job:
    """For what no verb of this file calls."""
    monkeypatch.setenv("RUNNER_TEMP", str(tmp_path))
    return Job(
        os.environ, identify(os.environ), Terminal(), Aws(os.environ), clock, State(os.environ, identify(os.environ))
    )


def timeline(aws: ScriptedAws, *looks: Params, every: float = 10) -> None:
    """What DescribeServiceDeployments answers from UpdateService on."""
    aws.on("ecs.DescribeServiceDeployments", *answers.through(*looks, every=every), after="ecs.UpdateService")


def seen(status: str = "IN_PROGRESS", stage: str | None = None, **more: Any) -> Params:
    return answers.service_deployment("2", status, stage, **more)


SCALING, BAKING, DEPLOYED = seen(stage="SCALE_UP"), seen(stage="BAKE_TIME"), seen("SUCCESSFUL")
PAUSE = answers.hook(expiresAt=moment(600), timeoutAction="ROLLBACK")
PAUSED = seen(stage="POST_TEST_TRAFFIC_SHIFT", hooks=[PAUSE])


# ---- to a good end ----


def test_a_deployment_is_followed_through_its_stages(aws: ScriptedAws, step: Run) -> None:
    """The log names each once, as ECS spells it; the bake time is not a success yet."""
    timeline(aws, *answers.stages())
    ended = step("deploy")
    assert ended.exit_code == 0, ended.log
    assert ended.outputs["result"] == "succeeded"
    assert ended.outputs["deployment-id"] == OURS
    said = [ended.log.index(f"web: {stage}, ") for stage in ("PENDING", *answers.STAGES)]
    assert said == sorted(said)
    assert all(ended.log.count(f"web: {stage}, ") == 1 for stage in answers.STAGES)
    assert aws.count("ecs.UpdateService") == 1


def test_a_canary_tells_its_share_of_the_traffic(aws: ScriptedAws, step: Run) -> None:
    """One line a step."""
    shift = [seen(stage="PRODUCTION_TRAFFIC_SHIFT", running=1, weight=weight) for weight in (10.0, 50.0, 100.0)]
    aws.on("ecs.DescribeServices", {"services": [answers.service("CANARY", deployments=[OLD])]})
    timeline(aws, SCALING, *shift, BAKING, DEPLOYED)
    ended = step("deploy")
    assert ended.exit_code == 0, ended.log
    for weight in (10, 50, 100):
        words = f"PRODUCTION_TRAFFIC_SHIFT, 1 of 1 running, {weight} % of the production traffic"
        assert ended.log.count(words) == 1


def test_of_a_look_nothing_but_the_service_deployment_is_asked(aws: ScriptedAws, step: Run) -> None:
    """A deployment without problems costs one call per poll."""
    timeline(aws, *answers.stages())
    assert step("deploy").exit_code == 0
    operations = [call.operation for call in aws.calls]
    watched = operations[operations.index("ecs.UpdateService") : operations.index("ecs.ListTasks")]
    others = [operation for operation in watched if operation != "ecs.DescribeServiceDeployments"]
    assert others == [
        "ecs.UpdateService",
        "ecs.ListServiceDeployments",
        "ecs.DescribeServiceRevisions",
        "ecs.DescribeServices",
    ]


def test_stable_waits_until_the_tasks_of_before_are_gone(aws: ScriptedAws, step: Run) -> None:
    """SUCCESSFUL may come before that."""
    timeline(aws, BAKING, DEPLOYED)
    settled = answers.service(deployments=[DONE])
    aws.on("ecs.DescribeServices", {"services": [settled | {"runningCount": 2}]}, after="ecs.UpdateService")
    aws.on("ecs.DescribeServices", at(40, {"services": [settled]}), after="ecs.UpdateService")
    ended = step("deploy", wait_until="stable")
    assert ended.exit_code == 0, ended.log
    assert "SUCCESSFUL, 2 of 1 running; waiting until the service is stable" in ended.log


def test_several_services_are_looked_at_in_one_call(aws: ScriptedAws, step: Run) -> None:
    """However many there are."""
    services = {name: {"task-definition": name, "containers": {"app": "app"}} for name in ("web", "api")}
    document = {"cluster": ecs.CLUSTER, "images": DOCUMENT["images"], "services": services}
    aws.on("ssm.GetParameter", {"Parameter": {"Value": json.dumps(document)}})
    described_services, deployments = {}, []
    for name in services:
        old = ecs.deployment("ecs-svc/1", task_definition=f"{name}:1")
        new = ecs.deployment("ecs-svc/2", task_definition=f"{name}:2", rollout_state="IN_PROGRESS")
        described_services[name] = answers.service(name=name, deployments=[old])
        moving = {"service": answers.service(name=name, deployments=[new, old | {"status": "ACTIVE"}])}
        aws.on("ecs.UpdateService", moving, where={"service": name})
        deployments.append(answers.service_deployment("2", service=name))
        running = ecs.task(name, task_definition=f"{name}:2")
        where = {"desiredStatus": "RUNNING", "serviceName": name}
        aws.on("ecs.ListTasks", {"taskArns": [running["taskArn"]]}, where=where)
    aws.on("ecs.DescribeServices", ecs.described("services", *described_services.values()))
    aws.on("ecs.DescribeTasks", ecs.described("tasks", *(ecs.task(n, task_definition=f"{n}:2") for n in services)))
    aws.on("ecs.ListServiceDeployments", answers.listed(*deployments), after="ecs.UpdateService")
    ended = [deployment | {"status": "SUCCESSFUL"} for deployment in deployments]
    looks = (at(0, answers.described(*deployments)), at(20, answers.described(*ended)))
    aws.on("ecs.DescribeServiceDeployments", *looks, after="ecs.UpdateService")
    done = step("deploy")
    assert done.exit_code == 0, done.log
    asked = [call.params for call in aws.calls if call.operation == "ecs.DescribeServiceDeployments"]
    assert all(len(params["serviceDeploymentArns"]) == 2 for params in asked)


# ---- as far as was asked ----


def test_a_pause_is_a_verdict_of_its_own(aws: ScriptedAws, step: Run) -> None:
    """The log says who has to act, until when, and how; the job ends at once."""
    timeline(aws, SCALING, PAUSED)
    ended = step("deploy")
    assert ended.exit_code == 9
    assert ended.outputs["result"] == "paused"
    for words in ("POST_TEST_TRAFFIC_SHIFT", "ecs-pause-1", "until 2026", "ROLLBACK", "`ecs-cd continue`"):
        assert words in ended.log


@pytest.mark.parametrize("looks", [[SCALING, PAUSED], [SCALING, seen(stage="PRODUCTION_TRAFFIC_SHIFT")]])
def test_ready_is_reached_at_a_pause_or_once_the_test_traffic_has_shifted(
    aws: ScriptedAws, step: Run, looks: list[Params]
) -> None:
    """Green, and in progress."""
    timeline(aws, *looks)
    ended = step("deploy", wait_until="ready")
    assert ended.exit_code == 0, ended.log
    assert ended.outputs["result"] == "in-progress"


def test_a_stage_is_reached_when_it_has_begun_or_one_after_it(aws: ScriptedAws, step: Run) -> None:
    """By its place in the order, because a stage may pass between two polls."""
    timeline(aws, SCALING, BAKING)
    ended = step("deploy", wait_until="post-production-traffic-shift")
    assert ended.exit_code == 0, ended.log
    assert ended.outputs["result"] == "in-progress"


def test_a_stage_is_not_reached_while_it_goes_back(aws: ScriptedAws, step: Run) -> None:
    """Even though ECS reports the stage."""
    timeline(aws, SCALING, seen("ROLLBACK_IN_PROGRESS", "BAKE_TIME"), seen("ROLLBACK_SUCCESSFUL", "CLEAN_UP"))
    assert step("deploy", wait_until="bake-time").exit_code == 3


# ---- to a bad end ----

SMOKE = answers.hook("FAILED", "h", targetType="AWS_LAMBDA", targetArn="arn:aws:lambda:r:1:function:smoke")
ALARMS = {"status": "TRIGGERED", "alarmNames": ["web-5xx"], "triggeredAlarmNames": ["web-5xx"]}


@pytest.mark.parametrize(
    ("evidence", "words"),
    [
        (
            {"hooks": [SMOKE], "statusReason": "A lifecycle hook failed."},
            "A lifecycle hook failed (the hook smoke FAILED)",
        ),
        ({"alarms": ALARMS, "statusReason": "An alarm was activated."}, "An alarm was activated (alarm web-5xx)"),
        ({"rollback": {"reason": "Tasks failed to start."}, "failures": 3}, "Tasks failed to start"),
    ],
    ids=["hook", "alarm in the bake time", "circuit breaker"],
)
def test_a_rollback_is_red_and_says_why(aws: ScriptedAws, step: Run, evidence: Params, words: str) -> None:
    """The log says so while it rolls back, and the job fails afterwards."""
    aws.on("cloudwatch.DescribeAlarms", {"MetricAlarms": []})
    timeline(
        aws,
        BAKING,
        seen("ROLLBACK_IN_PROGRESS", "BAKE_TIME", **evidence),
        seen("ROLLBACK_SUCCESSFUL", "CLEAN_UP", **evidence),
    )
    ended = step("deploy")
    assert ended.exit_code == 3, ended.log
    assert ended.outputs["result"] == "rolled-back"
    assert f"ROLLBACK_IN_PROGRESS, to web:1: {words}" in ended.log
    assert f"ECS rolled back to web:1: {words}" in ended.log


def test_a_rollback_that_fails_has_its_own_word(aws: ScriptedAws, step: Run) -> None:
    """It needs attention at once."""
    timeline(aws, SCALING, seen("ROLLBACK_IN_PROGRESS"), seen("ROLLBACK_FAILED", statusReason="No capacity."))
    ended = step("deploy")
    assert ended.exit_code == 4
    assert "the rollback to web:1 failed too: No capacity" in ended.log


def test_a_stop_for_a_newer_deployment_is_superseded(aws: ScriptedAws, step: Run) -> None:
    """Neither a success nor a failure of the app; the newer deployment continues."""
    timeline(aws, SCALING, seen("STOP_REQUESTED"), seen("STOPPED"))
    newer = answers.service_deployment("9", created=20)
    aws.on("ecs.ListServiceDeployments", at(20, answers.listed(seen("STOPPED"), newer)), after="ecs.UpdateService")
    ended = step("deploy")
    assert ended.exit_code == 5, ended.log
    assert "service deployment 9 (web:9) replaced it" in ended.log
    assert aws.count("ecs.StopServiceDeployment") == 0


def test_a_newer_deployment_that_is_not_listed_yet_is_known_by_the_service(aws: ScriptedAws, step: Run) -> None:
    """DescribeServices may be ahead of ListServiceDeployments."""
    timeline(aws, SCALING, seen("STOPPED"))
    theirs = ecs.deployment("ecs-svc/9", task_definition="web:9", rollout_state="IN_PROGRESS")
    aws.on("ecs.DescribeServices", {"services": [answers.service(deployments=[theirs])]}, after="ecs.UpdateService")
    ended = step("deploy")
    assert ended.exit_code == 5, ended.log
    assert "deployment ecs-svc/9 (web:9) replaced it" in ended.log


def test_a_newer_deployment_of_our_own_revision_is_followed(aws: ScriptedAws, step: Run) -> None:
    """It runs the requested revision, so its end is the verdict."""
    again = answers.service_deployment("again", created=20)
    target = again["targetServiceRevision"] | {"arn": answers.arn("2", "service-revision")}
    again |= {"targetServiceRevision": target}
    looks = [[SCALING], [seen("STOPPED"), again], [seen("STOPPED"), again | {"status": "SUCCESSFUL"}]]
    polls = [at(20 * number, answers.described(*look)) for number, look in enumerate(looks)]
    aws.on("ecs.DescribeServiceDeployments", *polls, after="ecs.UpdateService")
    aws.on("ecs.ListServiceDeployments", at(20, answers.listed(seen("STOPPED"), again)), after="ecs.UpdateService")
    ended = step("deploy")
    assert ended.exit_code == 0, ended.log
    assert ended.outputs["deployment-id"] == answers.arn("again")
    assert "service deployment again (web:2) took over with the same task definition" in ended.log


def test_a_stop_without_a_newer_deployment_is_a_failure(aws: ScriptedAws, step: Run) -> None:
    """With ECS's reason; an earlier deployment did not replace it."""
    timeline(aws, SCALING, seen("STOPPED", statusReason="Stopped by arn:aws:iam::1:user/someone."))
    aws.on("ecs.ListServiceDeployments", answers.listed(THEIRS, seen("STOPPED")), after="ecs.UpdateService")
    ended = step("deploy")
    assert ended.exit_code == 1
    assert "STOPPED: Stopped by arn:aws:iam::1:user/someone" in ended.log


def test_a_deployment_that_is_missing_for_a_moment_is_no_verdict(aws: ScriptedAws, step: Run) -> None:
    """The service exists."""
    looks = (at(0, answers.described()), at(10, answers.described(SCALING)), at(20, answers.described(DEPLOYED)))
    aws.on("ecs.DescribeServiceDeployments", *looks, after="ecs.UpdateService")
    ended = step("deploy")
    assert ended.exit_code == 0, ended.log
    assert "ECS does not show service deployment 2" in ended.log


# ---- faults ----


def test_ours_is_known_by_ecs_clock_and_by_its_revision(aws: ScriptedAws, step: Run) -> None:
    """It may be a moment older than the PRIMARY; an earlier one of the same revision is another's."""
    earlier = answers.service_deployment("1st", "ROLLBACK_SUCCESSFUL", created=-60)
    earlier["targetServiceRevision"] = SCALING["targetServiceRevision"]
    there = answers.listed(THEIRS | {"createdAt": moment(3)}, seen(created=-1), earlier)
    aws.on("ecs.ListServiceDeployments", there, after="ecs.UpdateService")
    timeline(aws, SCALING, DEPLOYED)
    ended = step("deploy")
    assert ended.exit_code == 0, ended.log
    assert ended.outputs["deployment-id"] == OURS
    asked = [call.params for call in aws.calls if call.operation == "ecs.ListServiceDeployments"]
    assert asked[-1]["createdAt"] == {"after": moment(-5)}


@pytest.mark.parametrize("before", [[], [answers.service_deployment("5", created=-2)]], ids=["nothing", "another's"])
def test_a_service_deployment_that_is_listed_late_is_waited_for(
    aws: ScriptedAws, step: Run, before: list[Params]
) -> None:
    """ecs-cd does not follow another one instead."""
    timeline(aws, SCALING, DEPLOYED)
    listed = (at(0, answers.listed(*before)), at(5, throttled()), at(10, answers.listed(*before, SCALING)))
    aws.on("ecs.ListServiceDeployments", *listed, after="ecs.UpdateService")
    ended = step("deploy")
    assert ended.exit_code == 0, ended.log
    assert ended.outputs["deployment-id"] == OURS


@pytest.mark.parametrize(
    ("answer", "words"),
    [(answers.listed(), "ECS lists no service deployment for it"), (denied(), "AccessDenied")],
    ids=["never", "permission"],
)
def test_a_service_deployment_that_is_never_found_leaves_the_outcome_unknown(
    aws: ScriptedAws, step: Run, clock: Clock, answer: Any, words: str
) -> None:
    """The update was made; its result is unknown."""
    aws.on("ecs.ListServiceDeployments", answer, after="ecs.UpdateService")
    ended = step("deploy")
    assert ended.exit_code == 8, ended.log
    assert words in ended.log
    assert "deployment ecs-svc/2 to web:2" in ended.log
    assert clock.monotonic() <= 310


@pytest.mark.parametrize("member", ["stage", "status"])
def test_a_word_that_aws_added_since_is_said_and_watched_on(aws: ScriptedAws, step: Run, member: str) -> None:
    """An unknown status does not end the wait."""
    new: dict[str, Any] = {"status": "IN_PROGRESS", "stage": "SCALE_UP"} | {member: Unmodelled("PONDERING")}
    timeline(aws, SCALING, seen(**new), DEPLOYED)
    ended = step("deploy", wait_until="deployed")
    assert ended.exit_code == 0, ended.log
    assert ended.log.count("PONDERING") == 1


# ---- what is there already ----


def test_a_service_that_has_the_revision_is_not_updated(aws: ScriptedAws, step: Run) -> None:
    """What brought it was successful."""
    aws.on("ecs.DescribeTaskDefinition", HAS_ALREADY)
    aws.on("ecs.DescribeServices", {"services": [answers.service(deployments=[DONE])]})
    aws.on("ecs.ListServiceDeployments", answers.listed(DEPLOYED))
    aws.on("ecs.DescribeServiceDeployments", answers.described(DEPLOYED))
    ended = step("deploy")
    assert ended.exit_code == 0, ended.log
    assert ended.outputs["deployment-id"] == OURS
    assert aws.count("ecs.UpdateService") == 0


def test_a_revision_that_ecs_lists_no_deployment_of_was_deployed_long_ago(aws: ScriptedAws, step: Run) -> None:
    """It keeps them for ninety days; the service tells enough."""
    aws.on("ecs.DescribeTaskDefinition", HAS_ALREADY)
    aws.on("ecs.DescribeServices", {"services": [answers.service(deployments=[DONE])]})
    ended = step("deploy")
    assert ended.exit_code == 0, ended.log
    assert ended.outputs["deployment-id"] == "ecs-svc/2"
    assert aws.count("ecs.UpdateService") == aws.count("ecs.DescribeServiceDeployments") == 0


def test_a_revision_of_more_than_three_months_ago_is_no_refusal(aws: ScriptedAws, step: Run) -> None:
    """ECS refuses to list since then."""
    aws.on("ecs.DescribeTaskDefinition", HAS_ALREADY)
    aws.on("ecs.DescribeServices", {"services": [answers.service(deployments=[DONE | {"createdAt": moment(-9e6)}])]})
    refusal = error("InvalidParameterException", "createdAt must be within the last 3 months")
    aws.on("ecs.ListServiceDeployments", lambda params: refusal if "createdAt" in params else answers.listed()(params))
    ended = step("deploy")
    assert ended.exit_code == 0, ended.log
    assert aws.count("ecs.UpdateService") == 0


def test_a_deployment_of_the_revision_that_is_under_way_is_followed(aws: ScriptedAws, step: Run) -> None:
    """It is not a conflict, and ecs-cd does not start it again, even if ECS lists it late."""
    aws.on("ecs.DescribeTaskDefinition", HAS_ALREADY)
    aws.on("ecs.DescribeServices", {"services": [MOVING]})
    aws.on("ecs.ListServiceDeployments", at(0, answers.listed()), at(5, answers.listed(SCALING)))
    aws.on("ecs.DescribeServiceDeployments", *answers.through(SCALING, BAKING, DEPLOYED))
    ended = step("deploy", on_conflict="fail")
    assert ended.exit_code == 0, ended.log
    assert "BAKE_TIME" in ended.log
    assert aws.count("ecs.UpdateService") == 0


@pytest.mark.parametrize("status", ["STOPPED", "ROLLBACK_SUCCESSFUL", "ROLLBACK_FAILED"])
def test_a_revision_that_was_taken_back_is_deployed_again_by_force(aws: ScriptedAws, step: Run, status: str) -> None:
    """While the service still names it as its revision, UpdateService needs force to start a deployment."""
    aws.on("ecs.DescribeTaskDefinition", HAS_ALREADY)
    aws.on("ecs.DescribeServices", {"services": [answers.service(deployments=[DONE])]})
    failed, again = seen(status, created=1), answers.service_deployment("2b", created=60)
    again["targetServiceRevision"] = again["targetServiceRevision"] | {"arn": answers.arn("2", "service-revision")}
    aws.on("ecs.ListServiceDeployments", answers.listed(failed))
    new = NEW | {"id": "ecs-svc/3", "createdAt": moment(60)}
    forced = {"service": answers.service(deployments=[new, DONE | {"status": "ACTIVE"}])}
    aws.on("ecs.UpdateService", forced, where={"forceNewDeployment": True})
    aws.on("ecs.ListServiceDeployments", answers.listed(failed, again), after="ecs.UpdateService")
    aws.on("ecs.DescribeServiceDeployments", answers.described(again | {"status": "SUCCESSFUL"}))
    ended = step("deploy")
    assert ended.exit_code == 0, ended.log
    assert ended.outputs["deployment-id"] == answers.arn("2b")
    assert aws.count("ecs.UpdateService") == 1
    assert next(call for call in aws.calls if call.operation == "ecs.UpdateService").params["forceNewDeployment"]


PLAN = DeploymentPlan(
    Service("web", "web", RegisteredTaskDefinition("web"), {}),
    ecs.CLUSTER,
    {},
    answers.service(deployments=[DONE, OLD | {"status": "ACTIVE"}]),
    seen_at=0,
    strategy=Strategy.BLUE_GREEN,
)


@pytest.mark.parametrize(("there", "name"), [([DEPLOYED], OURS), ([], "ecs-svc/2")], ids=["listed", "long ago"])
def test_where_only_settings_change_nothing_is_waited_for(
    job: Job, aws: ScriptedAws, clock: Clock, there: list[Params], name: str
) -> None:
    """ECS keeps the current PRIMARY."""
    aws.on("ecs.UpdateService", {"service": PLAN.service}, where={"desiredCount": 3})
    aws.on("ecs.ListServiceDeployments", answers.listed(*there), after="ecs.UpdateService")
    plan = replace(PLAN, update={"desiredCount": 3})
    own = blue_green.start(job, plan, ecs.task_definition_arn("web:2"))
    assert (own.id, own.started_by) == (name, "ecs-svc/2")
    assert clock.monotonic() == 0


@pytest.mark.parametrize("moving", [False, True])
def test_after_an_update_of_settings_what_can_not_be_read_is_no_refusal(
    job: Job, aws: ScriptedAws, moving: bool
) -> None:
    """The service was changed, so "not begun" would be wrong."""
    updated = answers.service(deployments=[NEW if moving else DONE])
    aws.on("ecs.UpdateService", {"service": updated})
    aws.on("ecs.ListServiceDeployments", denied(), after="ecs.UpdateService")
    with pytest.raises(OutcomeUnknown, match="can't read what became of deployment ecs-svc/2 to web:2"):
        blue_green.start(job, replace(PLAN, update={"desiredCount": 3}), ecs.task_definition_arn("web:2"))


def test_of_the_same_revision_once_more_the_one_before_it_is_what_to_go_back_to(job: Job, aws: ScriptedAws) -> None:
    """Going back to itself would be none."""
    third = NEW | {"id": "ecs-svc/3"}
    aws.on("ecs.UpdateService", {"service": answers.service(deployments=[third])}, where={"forceNewDeployment": True})
    own = blue_green.start(job, replace(PLAN, force=True), ecs.task_definition_arn("web:2"))
    assert own.previous_task_definition == ecs.task_definition_arn("web:1")
    assert own.started_by == "ecs-svc/3"


# ---- somebody else's deployment ----


def theirs_is_under_way(aws: ScriptedAws, theirs: Params) -> None:
    """Until UpdateService, or for 40 seconds; then ecs-cd's deployment exists as well."""
    aws.on(
        "ecs.ListServiceDeployments",
        at(0, answers.listed(theirs)),
        at(40, answers.listed(theirs | {"status": "SUCCESSFUL"})),
    )
    aws.on("ecs.DescribeServiceDeployments", answers.described(theirs))
    aws.on("ecs.ListServiceDeployments", answers.listed(theirs, SCALING), after="ecs.UpdateService")
    timeline(aws, SCALING, DEPLOYED)


@pytest.mark.parametrize("status", ["PENDING", "IN_PROGRESS", "STOP_REQUESTED", "ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS"])  # fmt: skip
def test_somebody_elses_deployment_is_waited_for(aws: ScriptedAws, step: Run, status: str) -> None:
    """The log says whose it is and which revision it brings; then ecs-cd starts its own."""
    theirs_is_under_way(aws, THEIRS | {"status": status})
    ended = step("deploy", on_conflict="wait")
    assert ended.exit_code == 0, ended.log
    assert f"service deployment 7 (web:7) is {status}" in ended.log
    updated = [call.time for call in aws.calls if call.operation == "ecs.UpdateService"]
    assert len(updated) == 1
    assert updated[0] >= 40


def test_somebody_elses_deployment_can_be_a_refusal(aws: ScriptedAws, step: Run) -> None:
    """Nothing is changed."""
    theirs_is_under_way(aws, THEIRS)
    ended = step("deploy", on_conflict="fail")
    assert ended.exit_code == 2
    assert "service deployment 7 (web:7) is IN_PROGRESS" in ended.log
    assert aws.count("ecs.UpdateService") == aws.count("ecs.RegisterTaskDefinition") == 0


def test_somebody_elses_deployment_can_be_superseded(aws: ScriptedAws, step: Run) -> None:
    """By UpdateService alone; ecs-cd does not stop the other deployment."""
    theirs_is_under_way(aws, THEIRS)
    assert step("deploy", on_conflict="supersede").exit_code == 0
    assert aws.count("ecs.StopServiceDeployment") == 0


def test_a_rollback_from_our_revision_is_in_the_way_too(aws: ScriptedAws, step: Run) -> None:
    """What goes back from the revision does not bring it."""
    aws.on("ecs.DescribeTaskDefinition", HAS_ALREADY)
    aws.on("ecs.ListServiceDeployments", answers.listed(seen("ROLLBACK_IN_PROGRESS", created=-60)))
    ended = step("deploy", on_conflict="fail")
    assert ended.exit_code == 2
    assert "service deployment 2 (web:2) is ROLLBACK_IN_PROGRESS" in ended.log


# ---- back, after a failure ----


def test_what_takes_too_long_is_rolled_back_by_ecs(aws: ScriptedAws, step: Run) -> None:
    """on-failure: rollback stops the deployment and follows the same one to its end."""
    timeline(aws, SCALING)
    aws.on("ecs.StopServiceDeployment", {"serviceDeploymentArn": OURS}, where={"stopType": "ROLLBACK"})
    back = (answers.described(seen("ROLLBACK_IN_PROGRESS")), answers.described(seen("ROLLBACK_SUCCESSFUL")))
    aws.on("ecs.DescribeServiceDeployments", at(2, back[0]), at(12, back[1]), after="ecs.StopServiceDeployment")
    ended = step("deploy", deployment_timeout="90s", on_failure="rollback")
    assert ended.exit_code == 3, ended.log
    assert aws.count("ecs.StopServiceDeployment") == aws.count("ecs.UpdateService") == 1


def test_a_lost_answer_of_stop_service_deployment_is_looked_for(aws: ScriptedAws, step: Run) -> None:
    """It is asked for once."""
    timeline(aws, SCALING)
    aws.on("ecs.StopServiceDeployment", lost({"serviceDeploymentArn": OURS}))
    aws.on("ecs.DescribeServiceDeployments", answers.described(seen("ROLLBACK_SUCCESSFUL")), after="ecs.StopServiceDeployment")  # fmt: skip
    ended = step("deploy", deployment_timeout="90s", on_failure="rollback")
    assert ended.exit_code == 3, ended.log
    assert aws.count("ecs.StopServiceDeployment") == 1


def test_a_deployment_that_waits_for_somebody_is_taken_back_at_its_hook(job: Job, aws: ScriptedAws) -> None:
    """ContinueServiceDeployment with ROLLBACK is what the hook waits for."""
    aws.on("ecs.ContinueServiceDeployment", {"serviceDeploymentArn": OURS}, where={"action": "ROLLBACK"})
    assert blue_green_calls.take_back(job, PAUSED)
    assert aws.calls[0].params == {"serviceDeploymentArn": OURS, "hookId": "ecs-pause-1", "action": "ROLLBACK"}


def test_a_hook_that_waits_no_more_is_no_reason_to_go_on(job: Job, aws: ScriptedAws) -> None:
    """If another user has continued it, ecs-cd stops the deployment."""
    aws.on("ecs.ContinueServiceDeployment", error("ClientException"))
    aws.on("ecs.StopServiceDeployment", {"serviceDeploymentArn": OURS})
    assert blue_green_calls.take_back(job, PAUSED)
    assert aws.count("ecs.StopServiceDeployment") == 1


@pytest.mark.parametrize(
    ("one", "answer", "expected", "calls"),
    [
        (SCALING, {"serviceDeploymentArn": OURS}, True, 1),
        (SCALING, error("ConflictException"), False, 1),
        (SCALING, error("ServiceDeploymentNotFoundException"), False, 1),
        (seen("STOP_REQUESTED"), {}, True, 0),
        (seen("ROLLBACK_IN_PROGRESS"), {}, True, 0),
    ],
)
def test_a_deployment_is_stopped_unless_it_has_ended(
    job: Job, aws: ScriptedAws, one: Params, answer: Any, expected: bool, calls: int
) -> None:
    """One that is being stopped already is not stopped again."""
    aws.on("ecs.StopServiceDeployment", answer)
    assert blue_green_calls.take_back(job, one) is expected
    assert aws.count("ecs.StopServiceDeployment") == calls


@pytest.mark.parametrize(
    ("now", "repeated", "expected", "calls"),
    [
        (seen("ROLLBACK_REQUESTED"), {}, True, 1),
        (seen("STOP_REQUESTED"), {}, True, 1),
        (seen("SUCCESSFUL"), {}, False, 1),
        (seen("STOPPED"), {}, False, 1),
        (SCALING, {"serviceDeploymentArn": OURS}, True, 2),
        (SCALING, error("ConflictException"), False, 2),
    ],
)
def test_after_a_lost_answer_only_what_goes_back_counts_as_taken_back(
    job: Job, aws: ScriptedAws, now: Params, repeated: Any, expected: bool, calls: int
) -> None:
    """It may have succeeded, or another deployment may have replaced it, before the stop arrived."""
    aws.on("ecs.StopServiceDeployment", lost({"serviceDeploymentArn": OURS}), repeated)
    aws.on("ecs.DescribeServiceDeployments", answers.described(now))
    assert blue_green_calls.take_back(job, SCALING) is expected
    assert aws.count("ecs.StopServiceDeployment") == calls


@pytest.mark.parametrize(
    ("now", "stops"),
    [(seen("ROLLBACK_IN_PROGRESS"), 0), (BAKING, 1)],
    ids=["it goes back", "another user continued it"],
)
def test_after_a_lost_answer_at_a_hook_it_has_to_go_back(job: Job, aws: ScriptedAws, now: Params, stops: int) -> None:
    """That it no longer waits is not enough."""
    aws.on("ecs.ContinueServiceDeployment", lost({"serviceDeploymentArn": OURS}))
    aws.on("ecs.DescribeServiceDeployments", answers.described(now))
    aws.on("ecs.StopServiceDeployment", {"serviceDeploymentArn": OURS})
    assert blue_green_calls.take_back(job, PAUSED)
    assert aws.count("ecs.StopServiceDeployment") == stops


def test_a_pause_that_a_lost_answer_has_ended_is_over(job: Job, aws: ScriptedAws) -> None:
    """ECS still showed it waiting, and refuses the repetition."""
    aws.on("ecs.ContinueServiceDeployment", lost({"serviceDeploymentArn": OURS}), error("InvalidParameterException"))
    aws.on("ecs.DescribeServiceDeployments", answers.described(PAUSED), answers.described(BAKING))
    blue_green_calls.proceed(job, OURS, "ecs-pause-1", "CONTINUE")
    assert aws.count("ecs.ContinueServiceDeployment") == 2


def test_what_has_ended_goes_back_by_another_deployment(aws: ScriptedAws, step: Run) -> None:
    """Of what ran before; that one is followed then."""
    timeline(aws, SCALING, seen("STOPPED"))
    back = answers.service_deployment("3", created=200)
    back["targetServiceRevision"] = back["targetServiceRevision"] | {"arn": answers.arn("1", "service-revision")}
    third = ecs.deployment("ecs-svc/3", task_definition="web:1", rollout_state="IN_PROGRESS", created=200)
    returning = {"service": answers.service(deployments=[third, NEW | {"status": "ACTIVE"}])}
    aws.on("ecs.UpdateService", returning, where={"taskDefinition": ecs.task_definition_arn("web:1")})
    second = "ecs.UpdateService#2"
    aws.on("ecs.ListServiceDeployments", answers.listed(back), after=second)
    aws.on("ecs.DescribeServiceDeployments", answers.described(back | {"status": "SUCCESSFUL"}), after=second)
    ended = step("deploy", on_failure="rollback", force_new_deployment="true")
    assert ended.exit_code == 3, ended.log
    updates = [call.params for call in aws.calls if call.operation == "ecs.UpdateService"]
    assert ["forceNewDeployment" in params for params in updates] == [True, False]
    assert aws.count("ecs.StopServiceDeployment") == 0


@pytest.mark.parametrize("status", ["STOPPED", "ROLLBACK_SUCCESSFUL"])
def test_what_ends_while_it_is_asked_to_go_back_is_looked_at_again(aws: ScriptedAws, step: Run, status: str) -> None:
    """Somebody else's deployment is not replaced, and what ECS rolled back by itself needs nothing."""
    aws.on("ecs.DescribeServiceDeployments", answers.described(SCALING))
    theirs = ecs.deployment("ecs-svc/9", task_definition="web:9", rollout_state="IN_PROGRESS")

    def conflict(_: Params) -> Any:
        aws.on("ecs.DescribeServiceDeployments", answers.described(seen(status)))
        aws.on("ecs.DescribeServices", {"services": [answers.service(deployments=[theirs])]}, after="ecs.UpdateService")
        return error("ConflictException")

    aws.on("ecs.StopServiceDeployment", conflict)
    ended = step("deploy", deployment_timeout="90s", on_failure="rollback")
    if status == "STOPPED":
        assert "(web:9) has replaced it" in ended.log
    else:
        assert ended.exit_code == 3, ended.log
    assert aws.count("ecs.UpdateService") == aws.count("ecs.StopServiceDeployment") == 1


# ---- on-cancel: stop ----

ENTRY = {
    "strategy": "BLUE_GREEN",
    "cluster": ecs.CLUSTER,
    "service": "web",
    "task_definition": ecs.task_definition_arn("web:2"),
    "previous_task_definition": ecs.task_definition_arn("web:1"),
}


@pytest.mark.parametrize(
    ("id", "there", "answer", "words", "calls"),
    [
        (
            OURS,
            [SCALING],
            {"serviceDeploymentArn": OURS},
            "service deployment 2 (web:2) of service web is being rolled back",
            1,
        ),
        (OURS, [PAUSED], {"serviceDeploymentArn": OURS}, "is being rolled back", 1),
        (OURS, [DEPLOYED], {"serviceDeploymentArn": OURS}, "is SUCCESSFUL; nothing was stopped", 0),
        (OURS, [seen("STOP_REQUESTED")], {"serviceDeploymentArn": OURS}, "is STOP_REQUESTED; nothing was stopped", 0),
        (
            OURS,
            [seen("ROLLBACK_IN_PROGRESS")],
            {"serviceDeploymentArn": OURS},
            "is ROLLBACK_IN_PROGRESS; nothing was stopped",
            0,
        ),
        (
            OURS,
            [],
            {"serviceDeploymentArn": OURS},
            "has no service deployment to web:2 under way; nothing was stopped",
            0,
        ),
        (OURS, [SCALING], error("ConflictException"), "has already ended; nothing was stopped", 1),
        (
            "",
            [SCALING, THEIRS],
            {"serviceDeploymentArn": OURS},
            "service deployment 2 (web:2) of service web is being rolled back",
            1,
        ),
        (
            "",
            [DEPLOYED, THEIRS],
            {"serviceDeploymentArn": OURS},
            "has no service deployment to web:2 under way; nothing was stopped",
            0,
        ),
        (
            "ecs-svc/2",
            [],
            {"serviceDeploymentArn": OURS},
            "has no service deployment to web:2 under way; nothing was stopped",
            0,
        ),
    ],
)
def test_a_cancelled_job_stops_only_what_is_ours_and_under_way(
    job: Job, aws: ScriptedAws, id: str, there: list[Params], answer: Any, words: str, calls: int
) -> None:
    """Also a deployment that ECS had not listed yet; never another user's. One that is not listed is looked for again."""
    aws.on("ecs.DescribeServiceDeployments", answers.described(*there))
    aws.on("ecs.ListServiceDeployments", answers.listed(*there))
    aws.on("ecs.StopServiceDeployment", answer, where={"serviceDeploymentArn": OURS, "stopType": "ROLLBACK"})
    if words.startswith("has no service deployment"):
        with pytest.raises(Unreadable, match=re.escape(words)):
            blue_green.stop(job.aws, {**ENTRY, "id": id})
    else:
        assert words in blue_green.stop(job.aws, {**ENTRY, "id": id})
    assert aws.count("ecs.StopServiceDeployment") == calls


# ---- a pause ----


@pytest.mark.parametrize("there", [[PAUSED, THEIRS], [THEIRS], []])
def test_the_deployment_that_waits_for_somebody_is_found(job: Job, aws: ScriptedAws, there: list[Params]) -> None:
    """With its hook; nothing if none is paused."""
    aws.on("ecs.ListServiceDeployments", answers.listed(*there))
    aws.on("ecs.DescribeServiceDeployments", answers.described(*there))
    found = blue_green.paused(job, ecs.CLUSTER, "web")
    if PAUSED in there:
        assert found is not None
        assert (found[0]["serviceDeploymentArn"], found[1]["hookId"]) == (OURS, "ecs-pause-1")
    else:
        assert found is None


@pytest.mark.parametrize(
    ("responses", "now", "calls"),
    [
        ([{"serviceDeploymentArn": OURS}], PAUSED, 1),
        ([lost({"serviceDeploymentArn": OURS})], BAKING, 1),
        ([lost({"serviceDeploymentArn": OURS})], seen(stage="BAKE_TIME", hooks=[PAUSE | {"hookId": "next"}]), 1),
        ([lost({"serviceDeploymentArn": OURS})], seen("ROLLBACK_REQUESTED", hooks=[PAUSE]), 1),
        ([reset(), {"serviceDeploymentArn": OURS}], PAUSED, 2),
    ],
    ids=["at once", "its answer is lost", "and it waits at the next hook", "and it goes back", "it never arrived"],
)
def test_a_pause_is_ended_once(job: Job, aws: ScriptedAws, responses: list[Any], now: Params, calls: int) -> None:
    """After a lost answer ecs-cd checks the hook first: the next pause may be another user's decision."""
    aws.on("ecs.ContinueServiceDeployment", *responses)
    aws.on("ecs.DescribeServiceDeployments", answers.described(now))
    blue_green_calls.proceed(job, OURS, "ecs-pause-1", "CONTINUE")
    assert aws.count("ecs.ContinueServiceDeployment") == calls


def test_what_may_have_ended_a_pause_is_not_repeated_blindly(job: Job, aws: ScriptedAws) -> None:
    """Where it can't be looked for, the outcome is unknown."""
    aws.on("ecs.ContinueServiceDeployment", lost({"serviceDeploymentArn": OURS}))
    aws.on("ecs.DescribeServiceDeployments", denied())
    with pytest.raises(OutcomeUnknown):
        blue_green_calls.proceed(job, OURS, "ecs-pause-1", "CONTINUE")
    assert aws.count("ecs.ContinueServiceDeployment") == 1
