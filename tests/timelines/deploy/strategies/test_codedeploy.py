"""CodeDeploy's blue/green deployments, and what can happen to them."""

from __future__ import annotations

import itertools
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ecs_cd.aws.session import Aws
from ecs_cd.ci.run import identify
from ecs_cd.ci.terminal import Terminal
from ecs_cd.deploy.plan import DeploymentPlan
from ecs_cd.deploy.rules.own_deployment import OwnDeployment
from ecs_cd.deploy.strategies import codedeploy, codedeploy_calls
from ecs_cd.deploy.tracked import TrackedDeployment
from ecs_cd.document.rules.document import Service
from ecs_cd.job.job import Job
from ecs_cd.job.state import State
from ecs_cd.model.errors import Refused, Unreadable
from ecs_cd.model.lifecycle import Strategy
from ecs_cd.model.references import RegisteredTaskDefinition
from tests.scripted_aws import (
    Clock,
    Params,
    ScriptedAws,
    at,
    denied,
    ecs,
    error,
    garbled,
    lost,
    moment,
    reset,
    server_error,
    throttled,
)
from tests.scripted_aws import codedeploy as answers
from tests.timelines.conftest import DOCUMENT, REPOSITORY, Step

Run = Callable[..., Step]

OLD, NEW = (ecs.task_definition_arn(f"web:{n}") for n in "12")
BEFORE = answers.service()
AFTER = answers.service(answers.task_set(task_definition="web:2", deployment="d-NEW"))
OPERATION = "codedeploy.CreateDeployment"
HOOK = ("HOOK_EXECUTION_FAILURE", "The deployment failed because a lifecycle hook failed.")
BY_HAND = ("MANUAL_STOP", "The deployment was stopped.")
THEIRS = answers.deployment("d-THEIRS", task_definition="web:7")
BUSY = error("DeploymentLimitExceededException", "The Deployment Group already has an active Deployment 'd-THEIRS'")
SUCCEEDED = answers.deployment(status="Succeeded")


@pytest.fixture(autouse=True)
def service(aws: ScriptedAws) -> None:
    """A service of CodeDeploy's whose group takes the deployment, and that runs the asked-for digest afterwards."""
    aws.on("ecs.DescribeTaskDefinition", _task_definition())
    aws.on("ecs.DescribeServices", {"services": [BEFORE]})
    aws.on("codedeploy.GetDeploymentGroup", answers.group())
    aws.on("codedeploy.ListDeployments", {"deployments": []})
    aws.on(OPERATION, {"deploymentId": "d-NEW"})
    aws.on("codedeploy.BatchGetDeploymentTargets", answers.target())
    aws.on("elbv2.DescribeTargetHealth", {"TargetHealthDescriptions": []})
    task = ecs.task(task_definition="web:2", started_by="ecs-svc/d-NEW")
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


def _task_definition(image: str = f"{REPOSITORY}@sha256:{'0' * 64}") -> Params:
    """The newest revision, with the previous image and the port of the load balancer."""
    found = ecs.task_definition()
    container = {**found["containerDefinitions"][0], "image": image, "portMappings": [{"containerPort": 80}]}
    return {"taskDefinition": {**found, "containerDefinitions": [container]}, "tags": []}


def timeline(aws: ScriptedAws, *looks: tuple[float, Params, Params | None]) -> None:
    """What AWS returns for the deployment and its target, from CreateDeployment on."""
    for seconds, deployment, target in looks:
        back = answers.deployment("d-BACK", "Succeeded", "web:1")
        aws.on("codedeploy.BatchGetDeployments", at(seconds, answers.described(deployment, back)), after=OPERATION)
        if target:
            aws.on("codedeploy.BatchGetDeploymentTargets", at(seconds, target), after=OPERATION)


def document(aws: ScriptedAws, **codedeploy: str) -> None:
    """With these keys under the service's ``codedeploy``."""
    service = {"task-definition": "web", "containers": {"app": "app"}, "codedeploy": codedeploy}
    value = json.dumps({**DOCUMENT, "services": {"web": service}})
    aws.on("ssm.GetParameter", {"Parameter": {"Value": value, "Version": 3}})


def created(aws: ScriptedAws) -> Params:
    """The one CreateDeployment that was asked for."""
    requests = [call.params for call in aws.calls if call.operation == OPERATION]
    assert len(requests) == 1
    return requests[0]


def content(request: Params) -> Params:
    sent: Params = json.loads(request["revision"]["appSpecContent"]["content"])
    return sent


def seen(status: str = "InProgress", **more: Any) -> Params:
    """ecs-cd's deployment, as BatchGetDeployments returns it."""
    return answers.deployment(status=status, **more)


# ---- to a good end ----


def test_a_deployment_is_followed_through_its_lifecycle_events(aws: ScriptedAws, step: Run) -> None:
    """The log has each once, with tasks and traffic; the AppSpec is made from the service, the names are the console's."""
    timeline(
        aws,
        (0, seen("Created"), None),
        (4, seen(), answers.target("Install", running=0)),
        (20, seen(), answers.target("AllowTraffic", weight=10.0)),
        (40, seen(), answers.target("AllowTraffic", weight=100.0)),
        (60, SUCCEEDED, answers.target()),
    )
    ended = step("deploy")
    assert ended.exit_code == 0, ended.log
    assert ended.outputs["result"] == "succeeded"
    assert ended.outputs["deployment-id"] == ended.outputs["codedeploy-deployment-id"] == "d-NEW"
    blue, green = "Blue: 1 of 1 running with {} % of the traffic", "Green: {} of 1 running with {} % of the traffic"
    lines = [
        "web: deployment d-NEW started, web:1 -> web:2",
        "web: Created",
        f"web: InProgress, Install InProgress, {blue.format(100)}, {green.format(0, 0)}",
        f"web: InProgress, AllowTraffic InProgress, {blue.format(90)}, {green.format(1, 10)}",
        f"web: InProgress, AllowTraffic InProgress, {blue.format(0)}, {green.format(1, 100)}",
    ]
    assert [ended.log.count(line) for line in lines] == [1] * len(lines)
    assert [ended.log.index(line) for line in lines] == sorted(ended.log.index(line) for line in lines)
    request = created(aws)
    assert (request["applicationName"], request["deploymentGroupName"]) == (
        "AppECS-my-cluster-web",
        "DgpECS-my-cluster-web",
    )
    assert set(request) == {"applicationName", "deploymentGroupName", "revision"}
    properties = content(request)["Resources"][0]["TargetService"]["Properties"]
    assert properties["TaskDefinition"] == NEW
    assert properties["LoadBalancerInfo"] == {"ContainerName": "app", "ContainerPort": 80}


def test_a_look_costs_two_reads_and_comes_every_two_seconds(aws: ScriptedAws, step: Run) -> None:
    """The deployment and its lifecycle events; a verdict is never late."""
    timeline(aws, (0, seen(), answers.target("Install", running=0)), (300, SUCCEEDED, answers.target()))
    assert step("deploy").exit_code == 0
    reads = [call for call in aws.calls if call.operation.startswith("codedeploy.BatchGet")]
    looks = [call.time for call in reads if call.operation == "codedeploy.BatchGetDeployments"]
    assert len(reads) <= 2 * len(looks)
    assert max(later - earlier for earlier, later in itertools.pairwise(looks)) <= 2
    assert looks[-1] - looks[0] - 300 <= 2


def test_the_old_tasks_may_wait_for_long(aws: ScriptedAws, step: Run) -> None:
    """The log says why ecs-cd waits, and how to skip that wait."""
    timeline(aws, (0, seen(minutes=5), answers.target()), (300, SUCCEEDED, answers.target()))
    ended = step("deploy")
    assert ended.exit_code == 0, ended.log
    words = "all traffic is on the new tasks; CodeDeploy waits 5 minutes before it stops the old ones"
    assert ended.log.count(words) == 1
    assert "`wait-until: AfterAllowTraffic`" in ended.log


def test_wait_until_a_lifecycle_event(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """It ends when that has succeeded, not with the deployment."""
    timeline(
        aws,
        (0, seen(minutes=60), answers.target("AllowTraffic")),
        (30, seen(minutes=60), answers.target("AfterAllowTraffic")),
        (60, seen(minutes=60), answers.target()),
    )
    ended = step("deploy", wait_until="after-allow-traffic")
    assert ended.exit_code == 0, ended.log
    assert ended.outputs["result"] == "in-progress"
    assert 60 <= clock.monotonic() <= 66


def test_a_deployment_that_waits_for_somebody_is_paused(aws: ScriptedAws, step: Run) -> None:
    """Its own exit code, and what to do."""
    waiting = seen("Ready", ready=15)
    timeline(
        aws, (0, seen(), answers.target("Install")), (20, waiting, answers.target("BeforeAllowTraffic", "Pending"))
    )
    ended = step("deploy")
    assert ended.exit_code == 9
    assert ended.outputs["result"] == "paused"
    assert "`ecs-cd continue`" in ended.log
    assert "after 15 minutes CodeDeploy stops it" in ended.log


def test_wait_until_ready_is_green_there(aws: ScriptedAws, step: Run) -> None:
    """Tests can run against it."""
    waiting = seen("Ready", ready=15)
    timeline(
        aws, (0, seen(), answers.target("Install")), (20, waiting, answers.target("BeforeAllowTraffic", "Pending"))
    )
    ended = step("deploy", wait_until="ready")
    assert ended.exit_code == 0, ended.log
    assert ended.outputs["result"] == "in-progress"


# ---- to a bad end ----


def failed(status: str = "Failed", because: tuple[str, str] = HOOK, **more: Any) -> Params:
    return seen(status, error=because, **more)


NO = answers.target("AfterAllowTestTraffic", "Failed", message="the smoke test says no")


def test_a_hook_that_fails_is_rolled_back_in_red(aws: ScriptedAws, step: Run) -> None:
    """The hook's own words are in the log and the summary; the rollback is followed to its end."""
    back = answers.deployment("d-BACK", "InProgress", "web:1")
    rolling_back = failed(rollback="d-BACK")
    timeline(
        aws,
        (0, seen(), answers.target("AfterAllowTestTraffic")),
        (20, failed(autoRollbackConfiguration=answers.ROLLS_BACK), NO),
        (40, rolling_back, NO),
    )
    aws.on("codedeploy.BatchGetDeployments", at(26, answers.described(rolling_back, back)), after=OPERATION)
    aws.on(
        "codedeploy.BatchGetDeployments",
        at(40, answers.described(rolling_back, {**back, "status": "Succeeded"})),
        after=OPERATION,
    )
    ended = step("deploy")
    assert ended.exit_code == 3
    assert ended.outputs["result"] == "rolled-back"
    assert "AfterAllowTestTraffic Failed: the smoke test says no" in ended.log
    assert "the smoke test says no" in ended.summary
    steps = ["waiting for the rollback", "rolling back with deployment d-BACK, InProgress", "CodeDeploy rolled back"]
    assert [ended.log.index(words) for words in steps] == sorted(ended.log.index(words) for words in steps)


@pytest.mark.parametrize(
    ("end", "back", "code", "result", "within"),
    [
        (failed(), None, 1, "failed", 2),
        (failed(autoRollbackConfiguration=answers.ROLLS_BACK), None, 1, "failed", 64),
        (failed("Stopped", BY_HAND), None, 1, "failed", 14),
        (failed("Stopped", BY_HAND, rollback="d-BACK"), "Succeeded", 3, "rolled-back", 2),
        (failed(rollback="d-BACK"), "Failed", 4, "rollback-failed", 2),
        (failed(rollback="d-BACK"), "Stopped", 4, "rollback-failed", 2),
    ],
    ids=[
        "no rollback",
        "the rollback never comes",
        "stopped",
        "stopped with rollback",
        "rollback failed",
        "stopped too",
    ],
)
def test_a_bad_end_is_told_as_what_it_is(
    aws: ScriptedAws, step: Run, clock: Clock, end: Params, back: str | None, code: int, result: str, within: float
) -> None:
    """The job never succeeds, and fails soon."""
    rollback = [answers.deployment("d-BACK", back, "web:1")] if back else []
    timeline(aws, (0, seen(), answers.target("Install")), (20, end, NO))
    aws.on("codedeploy.BatchGetDeployments", at(20, answers.described(end, *rollback)), after=OPERATION)
    ended = step("deploy")
    assert (ended.exit_code, ended.outputs["result"]) == (code, result), ended.log
    assert 20 <= clock.monotonic() <= 24 + within
    assert end["errorInformation"]["code"] in ended.log


# ---- faults ----


@pytest.mark.parametrize("fault", [throttled(), server_error(), reset()], ids=str)
def test_reads_that_fail_for_two_minutes_are_survived(aws: ScriptedAws, step: Run, fault: Any) -> None:
    """A failed read never fails a deployment; the log says once that ecs-cd can't read."""
    timeline(aws, (0, seen(), answers.target("Install")), (125, SUCCEEDED, answers.target()))
    aws.on("codedeploy.BatchGetDeployments", at(5, fault), at(125, answers.described(SUCCEEDED)), after=OPERATION)
    aws.on("codedeploy.BatchGetDeploymentTargets", fault, after=OPERATION)
    ended = step("deploy")
    assert ended.exit_code == 0, ended.log
    assert ended.log.count("AWS can't be read at the moment") == 1


def test_without_the_permission_for_lifecycle_events_the_status_has_to_do(aws: ScriptedAws, step: Run) -> None:
    """Said once; the verdict is the deployment's."""
    timeline(aws, (0, seen(), None), (60, SUCCEEDED, None))
    aws.on("codedeploy.BatchGetDeploymentTargets", denied("codedeploy:BatchGetDeploymentTargets"))
    ended = step("deploy")
    assert ended.exit_code == 0, ended.log
    assert ended.log.count("can't read the lifecycle events (AccessDeniedException)") == 1


def test_a_lost_answer_is_looked_for(aws: ScriptedAws, step: Run) -> None:
    """The deployment was created; a second call would be refused, or deploy twice."""
    aws.on(OPERATION, lost({"deploymentId": "d-NEW"}))
    aws.on("codedeploy.ListDeployments", {"deployments": ["d-THEIRS", "d-NEW"]}, after=OPERATION)
    timeline(aws, (0, seen(), answers.target("Install")), (20, SUCCEEDED, answers.target()))
    aws.on("codedeploy.BatchGetDeployments", at(0, answers.described(THEIRS, seen())), after=OPERATION)
    aws.on("codedeploy.BatchGetDeployments", at(20, answers.described(SUCCEEDED)), after=OPERATION)
    ended = step("deploy")
    assert ended.exit_code == 0, ended.log
    assert ended.outputs["deployment-id"] == "d-NEW"
    created(aws)
    since = [call.params["createTimeRange"]["start"] for call in aws.calls if "createTimeRange" in call.params]
    assert since == [moment(-5)]


def test_a_lost_answer_is_found_by_the_hash_where_the_appspec_is_not_told(aws: ScriptedAws, step: Run) -> None:
    """CodeDeploy may leave the text out."""

    def ours(params: Params) -> Params:
        sha256 = created(aws)["revision"]["appSpecContent"]["sha256"]
        revision = {"revisionType": "AppSpecContent", "appSpecContent": {"sha256": sha256}}
        return answers.described({**SUCCEEDED, "revision": revision}, THEIRS)(params)

    aws.on(OPERATION, lost({"deploymentId": "d-NEW"}))
    aws.on("codedeploy.ListDeployments", {"deployments": ["d-THEIRS", "d-NEW"]}, after=OPERATION)
    aws.on("codedeploy.BatchGetDeployments", ours)
    ended = step("deploy")
    assert ended.exit_code == 0, ended.log
    assert ended.outputs["deployment-id"] == "d-NEW"


def test_a_repetition_that_finds_the_group_busy_finds_our_own_deployment(aws: ScriptedAws, step: Run) -> None:
    """It came late into the list."""
    aws.on(OPERATION, lost({"deploymentId": "d-NEW"}), BUSY)
    aws.on("codedeploy.ListDeployments", {"deployments": []}, {"deployments": ["d-NEW"]}, after=OPERATION)
    timeline(aws, (0, SUCCEEDED, answers.target()))
    ended = step("deploy")
    assert ended.exit_code == 0, ended.log
    assert ended.outputs["deployment-id"] == "d-NEW"


def test_the_id_in_codedeploys_refusal_is_asked_for(aws: ScriptedAws, step: Run) -> None:
    """CodeDeploy names the active deployment, and ListDeployments does not show it yet."""
    ours = error(BUSY.code, "The Deployment Group 'd-GROUP' already has an active Deployment 'd-NEW'")
    aws.on(OPERATION, lost({"deploymentId": "d-NEW"}), ours)
    timeline(aws, (0, SUCCEEDED, answers.target()))
    ended = step("deploy")
    assert ended.exit_code == 0, ended.log
    assert ended.outputs["deployment-id"] == "d-NEW"
    assert aws.count(OPERATION, processed=True) == 1


def test_a_lost_answer_and_another_active_deployment_is_waited_out(aws: ScriptedAws, step: Run) -> None:
    """A group has one active deployment, and ours is not listed, so the lost call started nothing."""
    aws.on(OPERATION, lost({"deploymentId": "d-LOST"}), BUSY, {"deploymentId": "d-NEW"})
    aws.on("codedeploy.BatchGetDeployments", answers.described(THEIRS, SUCCEEDED))
    ended = step("deploy", on_conflict="wait")
    assert ended.exit_code == 0, ended.log
    assert ended.outputs["deployment-id"] == "d-NEW"
    assert aws.count(OPERATION) == 3


@pytest.mark.parametrize("on_conflict", ["fail", "supersede"])
def test_a_lost_answer_and_another_active_deployment_is_refused(aws: ScriptedAws, step: Run, on_conflict: str) -> None:
    """Nothing was started, and nobody else's deployment is stopped."""
    aws.on(OPERATION, lost({"deploymentId": "d-NEW"}), BUSY, {"deploymentId": "d-AGAIN"})
    aws.on("codedeploy.BatchGetDeployments", answers.described(THEIRS))
    aws.on("ecs.DeregisterTaskDefinition", {})
    ended = step("deploy", on_conflict=on_conflict)
    assert ended.exit_code == 2, ended.log
    assert "an active Deployment 'd-THEIRS'" in ended.log
    assert (aws.count(OPERATION), aws.count("codedeploy.StopDeployment")) == (2, 0)


def test_after_throttling_another_deployment_is_waited_for(aws: ScriptedAws, step: Run) -> None:
    """A throttled call has started nothing, so on-conflict applies."""
    aws.on(OPERATION, throttled(), BUSY, {"deploymentId": "d-NEW"})
    aws.on("codedeploy.BatchGetDeployments", answers.described(THEIRS, SUCCEEDED))
    ended = step("deploy")
    assert ended.exit_code == 0, ended.log
    assert aws.count(OPERATION) == 3


@pytest.mark.parametrize("fault", [lost({}), garbled(b"<html></html>", {}), server_error()], ids=str)
@pytest.mark.parametrize("now", ["Ready", "InProgress"])
def test_a_lost_answer_to_continue_is_looked_for(aws: ScriptedAws, job: Job, fault: Any, now: str) -> None:
    """While it is still Ready the call is repeated; that it is not Ready any more then means that it was continued."""
    aws.on("codedeploy.ContinueDeployment", fault, error("DeploymentIsNotInReadyStateException"))
    aws.on("codedeploy.BatchGetDeployments", answers.described(seen(now)))
    codedeploy_calls.proceed(job, "d-NEW")
    assert aws.count("codedeploy.ContinueDeployment") == 1 + (now == "Ready")


@pytest.mark.parametrize(
    ("status", "stopped", "calls"), [("Stopped", True, 1), ("Succeeded", False, 1), ("InProgress", True, 2)]
)
def test_a_lost_answer_to_stop_is_looked_for(
    aws: ScriptedAws, job: Job, status: str, stopped: bool, calls: int
) -> None:
    """A deployment that is Stopped was stopped by us, so CodeDeploy rolls it back."""
    aws.on("codedeploy.StopDeployment", lost({"status": "Pending"}), {"status": "Pending"})
    aws.on("codedeploy.BatchGetDeployments", answers.described(seen(status)))
    assert codedeploy_calls.roll_back(job, "d-NEW") is stopped
    assert aws.count("codedeploy.StopDeployment") == calls


# ---- somebody else ----


def their_deployment_runs(aws: ScriptedAws, until: float) -> None:
    """Another user's deployment runs until this time."""
    aws.on("codedeploy.ListDeployments", at(0, {"deployments": ["d-THEIRS"]}), at(until, {"deployments": []}))
    aws.on("codedeploy.BatchGetDeployments", answers.described(THEIRS))


def test_on_conflict_wait(aws: ScriptedAws, step: Run) -> None:
    """ecs-cd waits for the end of the other deployment, and then starts its own."""
    their_deployment_runs(aws, until=60)
    timeline(aws, (0, SUCCEEDED, answers.target()))
    ended = step("deploy")
    assert ended.exit_code == 0, ended.log
    assert ended.log.count("waiting for another deployment to end: deployment d-THEIRS (web:7) is InProgress") == 1
    assert next(call.time for call in aws.calls if call.operation == OPERATION) >= 60


@pytest.mark.parametrize("policy", ["fail", "supersede"])
def test_on_conflict_fail(aws: ScriptedAws, step: Run, policy: str) -> None:
    """Nothing is started; CodeDeploy can't supersede, and ecs-cd never stops another user's deployment."""
    their_deployment_runs(aws, until=60)
    ended = step("deploy", on_conflict=policy)
    assert ended.exit_code == 2
    assert "deployment d-THEIRS (web:7) is InProgress" in ended.log
    assert aws.count(OPERATION) == aws.count("ecs.RegisterTaskDefinition") == 0


def test_somebody_who_was_quicker_is_waited_for(aws: ScriptedAws, step: Run) -> None:
    """CodeDeploy says that the group is busy: as if we had seen it before."""
    aws.on(OPERATION, BUSY, {"deploymentId": "d-NEW"})
    aws.on("codedeploy.BatchGetDeployments", answers.described(SUCCEEDED))
    ended = step("deploy")
    assert ended.exit_code == 0, ended.log
    assert aws.count(OPERATION) == 2


def test_somebody_who_was_quicker_ends_it_where_that_is_asked(aws: ScriptedAws, step: Run) -> None:
    """Refused, in CodeDeploy's words; our revision does not stay."""
    aws.on(OPERATION, BUSY)
    aws.on("codedeploy.BatchGetDeployments", answers.described(THEIRS))
    aws.on("ecs.DeregisterTaskDefinition", {"taskDefinition": ecs.task_definition("web", 2)})
    ended = step("deploy", on_conflict="fail")
    assert ended.exit_code == 2
    assert "CodeDeploy accepts no deployment of web at the moment: The Deployment Group already has" in ended.log


# ---- what is there already ----


def test_a_deployment_to_our_revision_is_followed_instead(aws: ScriptedAws, step: Run) -> None:
    """Another run of the same commit began it."""
    aws.on("ecs.DescribeTaskDefinition", _registered_already())
    aws.on("codedeploy.ListDeployments", {"deployments": ["d-NEW"]})
    aws.on("codedeploy.BatchGetDeployments", at(0, answers.described(seen())), at(20, answers.described(SUCCEEDED)))
    ended = step("deploy")
    assert ended.exit_code == 0, ended.log
    assert "deployment d-NEW (web:2) is already under way" in ended.log
    assert aws.count(OPERATION) == 0


@pytest.mark.parametrize(
    ("brought", "known", "name"),
    [("d-LAST", True, "d-LAST"), ("d-LAST", False, "ecs-svc/d-LAST"), ("", False, "ecs-svc/")],
    ids=["CodeDeploy knows it", "CodeDeploy has forgotten it", "it was there from the beginning"],
)
def test_what_the_service_has_already_is_not_deployed_again(
    aws: ScriptedAws, step: Run, brought: str, known: bool, name: str
) -> None:
    """Green, by the deployment that brought it, or else by its task set."""
    aws.on("ecs.DescribeTaskDefinition", _registered_already())
    there = answers.task_set(task_definition="web:2", deployment=brought)
    aws.on("ecs.DescribeServices", {"services": [answers.service(there)]})
    aws.on(
        "codedeploy.BatchGetDeployments",
        answers.described(*([answers.deployment(brought, "Succeeded")] if known else [])),
    )
    ended = step("deploy")
    assert ended.exit_code == 0, ended.log
    assert ended.outputs["deployment-id"] == name
    assert aws.count(OPERATION) == aws.count("ecs.RegisterTaskDefinition") == 0


def test_what_came_with_a_deployment_that_failed_is_deployed_once_more(aws: ScriptedAws, step: Run) -> None:
    """Its traffic had moved, and nothing rolled it back: that does not count as a success."""
    aws.on("ecs.DescribeTaskDefinition", _registered_already())
    there = answers.task_set(task_definition="web:2", deployment="d-LAST")
    aws.on("ecs.DescribeServices", {"services": [answers.service(there)]})
    aws.on("codedeploy.BatchGetDeployments", answers.described(failed(id="d-LAST"), SUCCEEDED))
    ended = step("deploy")
    assert ended.exit_code == 0, ended.log
    assert ended.outputs["deployment-id"] == "d-NEW"
    created(aws)


def test_by_force_it_is_deployed_once_more(aws: ScriptedAws, step: Run) -> None:
    """The same revision in new tasks."""
    aws.on("ecs.DescribeTaskDefinition", _registered_already())
    aws.on("ecs.DescribeServices", {"services": [AFTER]})
    timeline(aws, (0, SUCCEEDED, answers.target()))
    assert step("deploy", force_new_deployment="true").exit_code == 0
    created(aws)


def _registered_already() -> Params:
    found = _task_definition(ecs.IMAGE)
    return {**found, "taskDefinition": {**found["taskDefinition"], "revision": 2, "taskDefinitionArn": NEW}}


# ---- the AppSpec, and all that is refused ----

APPSPEC = """
version: 0.0
Resources:
  - TargetService:
      Type: AWS::ECS::Service
      Properties:
        TaskDefinition: <TASK_DEFINITION>
        LoadBalancerInfo: {ContainerName: app, ContainerPort: "80"}
        PlatformVersion: 1.4.0
Hooks:
  - AfterAllowTestTraffic: smoke-test
"""


def test_an_appspec_that_drops_the_services_capacity_providers_is_a_warning(
    aws: ScriptedAws, step: Run, tmp_path: Path
) -> None:
    """CodeDeploy would place the new tasks elsewhere without a word."""
    document(aws, appspec="appspec.yml")
    (tmp_path / "appspec.yml").write_text(APPSPEC)
    spot = [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]
    aws.on("ecs.DescribeServices", {"services": [answers.service() | {"capacityProviderStrategy": spot}]})
    timeline(aws, (0, SUCCEEDED, answers.target()))
    ended = step("deploy")
    assert "::warning" in ended.log
    assert "has no CapacityProviderStrategy: CodeDeploy drops the service's (FARGATE_SPOT)" in ended.log


@pytest.mark.parametrize("source", ["s3://templates/appspec.yml", "appspec.yml", "file:deploy/appspec.yml"])
def test_the_documents_appspec_and_names_are_used(aws: ScriptedAws, step: Run, tmp_path: Path, source: str) -> None:
    """From S3 or the workspace; hooks are kept, and our task definition is put in."""
    names = {"application": "a", "deployment-group": "g", "deployment-config": "c", "description": "d"}
    document(aws, appspec=source, **names)
    aws.on("s3.GetObject", {"Body": APPSPEC.encode(), "ContentLength": len(APPSPEC)})
    aws.on("codedeploy.GetDeploymentConfig", {"deploymentConfigInfo": {"computePlatform": "ECS"}})
    (tmp_path / "deploy").mkdir()
    for path in ("appspec.yml", "deploy/appspec.yml"):
        (tmp_path / path).write_text(APPSPEC)
    timeline(aws, (0, SUCCEEDED, answers.target()))
    ended = step("deploy")
    assert ended.exit_code == 0, ended.log
    request = created(aws)
    assert {name: value for name, value in request.items() if name != "revision"} == {
        "applicationName": "a",
        "deploymentGroupName": "g",
        "deploymentConfigName": "c",
        "description": "d",
    }
    properties = {
        "TaskDefinition": NEW,
        "LoadBalancerInfo": {"ContainerName": "app", "ContainerPort": 80},
        "PlatformVersion": "1.4.0",
    }
    assert content(request) == {
        "version": 0.0,
        "Resources": [{"TargetService": {"Type": "AWS::ECS::Service", "Properties": properties}}],
        "Hooks": [{"AfterAllowTestTraffic": "smoke-test"}],
    }


OTHER = [{"serviceName": "api", "clusterName": ecs.CLUSTER}]


@pytest.mark.parametrize(
    ("codedeploy", "operation", "answer", "words"),
    [
        ({}, "GetDeploymentGroup", error("ApplicationDoesNotExistException"), "no CodeDeploy application AppECS-my-cl"),
        (
            {},
            "GetDeploymentGroup",
            error("DeploymentGroupDoesNotExistException"),
            "no CodeDeploy deployment group DgpE",
        ),
        ({}, "GetDeploymentGroup", answers.group(ecsServices=OTHER), "deploys my-cluster:api, not my-cluster:web"),
        ({}, "GetDeploymentGroup", answers.group(ecsServices=[]), "deploys no service, not my-cluster:web"),
        ({}, "GetDeploymentGroup", answers.group(computePlatform="Server"), "deploys to Server, not to ECS"),
        ({}, "GetDeploymentGroup", denied(), "Allow the role cd GetDeploymentGroup"),
        (
            {"deployment-config": "c"},
            "GetDeploymentConfig",
            error("DeploymentConfigDoesNotExistException"),
            "the CodeDeploy deployment configuration c does not exist",
        ),
        (
            {"deployment-config": "c"},
            "GetDeploymentConfig",
            {"deploymentConfigInfo": {"computePlatform": "Lambda"}},
            "the CodeDeploy deployment configuration c is for Lambda",
        ),
        ({"appspec": "missing.yml"}, "", {}, "the appspec missing.yml can't be read"),
        ({"appspec": "bad.yml"}, "", {}, "the appspec in bad.yml has 1 problem"),
        ({"appspec": "other.yml"}, "", {}, "the task definition has no container `nginx`; it has app"),
    ],
)
def test_what_can_be_refused_is_refused_before_anything_is_changed(
    aws: ScriptedAws, step: Run, tmp_path: Path, codedeploy: dict[str, str], operation: str, answer: Any, words: str
) -> None:
    """No revision is registered, no deployment created."""
    document(aws, **codedeploy)
    if operation:
        aws.on(f"codedeploy.{operation}", answer)
    (tmp_path / "bad.yml").write_text("version: 0.0")
    (tmp_path / "other.yml").write_text(APPSPEC.replace("ContainerName: app", "ContainerName: nginx"))
    ended = step("deploy")
    assert ended.exit_code == 2
    assert words in ended.log
    assert aws.count(OPERATION) == aws.count("ecs.RegisterTaskDefinition") == 0


# ---- back ----


def test_on_failure_rollback_stops_what_is_under_way(aws: ScriptedAws, step: Run) -> None:
    """CodeDeploy rolls it back, and that is followed to its end."""
    stopped = failed("Stopped", BY_HAND, rollback="d-BACK")
    timeline(aws, (0, seen(), answers.target("Install", running=0)))
    aws.on("codedeploy.StopDeployment", {"status": "Pending"})
    back = answers.deployment("d-BACK", "Succeeded", "web:1")
    aws.on("codedeploy.BatchGetDeployments", at(0, answers.described(seen())), at(10, answers.described(stopped, back)),
           after="codedeploy.StopDeployment")  # fmt: skip
    ended = step("deploy", on_failure="rollback", deployment_timeout="60s")
    assert ended.exit_code == 3, ended.log
    assert "back at web:1 (on-failure: rollback)" in ended.log
    assert aws.count("codedeploy.StopDeployment") == 1


def test_on_failure_rollback_deploys_what_ran_before_where_ours_has_succeeded(aws: ScriptedAws, step: Run) -> None:
    """Another digest runs than the one that was asked for: a second deployment brings the old revision back."""
    container = ecs.container() | {"imageDigest": "sha256:" + "b" * 64}
    wrong = ecs.task(task_definition="web:2", started_by="ecs-svc/d-NEW", containers=[container])
    aws.on("ecs.DescribeTasks", ecs.described("tasks", wrong))
    aws.on("ecs.DescribeServices", {"services": [AFTER]}, after=OPERATION)
    back = answers.service(answers.task_set("PRIMARY", "web:1", "d-BACK"))
    aws.on("ecs.DescribeServices", {"services": [back]}, after=f"{OPERATION}#2")
    aws.on(OPERATION, {"deploymentId": "d-NEW"}, {"deploymentId": "d-BACK"})
    aws.on("codedeploy.StopDeployment", error("DeploymentAlreadyCompletedException"))
    aws.on(
        "codedeploy.BatchGetDeployments",
        answers.described(SUCCEEDED, answers.deployment("d-BACK", "Succeeded", "web:1")),
    )
    ended = step("deploy", on_failure="rollback")
    assert ended.exit_code == 3, ended.log
    first, second = (call.params for call in aws.calls if call.operation == OPERATION)
    assert content(first)["Resources"][0]["TargetService"]["Properties"]["TaskDefinition"] == NEW
    assert content(second)["Resources"][0]["TargetService"]["Properties"]["TaskDefinition"] == OLD


def plan(name: str = "web", service: Params = BEFORE) -> DeploymentPlan:
    target = Service(name, name, RegisteredTaskDefinition("web"), {"app": "app"})
    definition = _task_definition()["taskDefinition"]
    return DeploymentPlan(target, ecs.CLUSTER, definition, {**service, "serviceName": name}, 0.0, Strategy.CODE_DEPLOY)


def following(name: str = "web", id: str = "d-NEW", previous: str | None = OLD) -> TrackedDeployment:
    return TrackedDeployment(plan(name), OwnDeployment(Strategy.CODE_DEPLOY, id, NEW, previous))


@pytest.mark.parametrize(
    ("previous", "running", "words"),
    [
        (OLD, answers.task_set("PRIMARY", "web:7", "d-7"), r"deployment d-7 \(web:7\) has replaced it"),
        (OLD, answers.task_set("PRIMARY", "web:2", "d-7"), r"deployment d-7 \(web:2\) has replaced it"),
        (None, answers.task_set("PRIMARY", "web:2", "d-NEW"), "ran nothing before"),
        (NEW, answers.task_set("PRIMARY", "web:2", "d-NEW"), "nothing"),
    ],
)
def test_there_may_be_no_way_back(
    aws: ScriptedAws, job: Job, previous: str | None, running: Params, words: str
) -> None:
    """Another user's later deployment stays, and before a first deployment there is nothing to go back to."""
    aws.on("codedeploy.StopDeployment", error("DeploymentAlreadyCompletedException"))
    aws.on("codedeploy.BatchGetDeployments", answers.described(SUCCEEDED))
    aws.on("ecs.DescribeServices", {"services": [answers.service(running)]})
    with pytest.raises(Refused, match=words):
        codedeploy.undo(job, following(previous=previous))
    assert aws.count(OPERATION) == 0


def test_a_rollback_that_codedeploy_began_itself_is_followed(aws: ScriptedAws, job: Job) -> None:
    """It is the way back."""
    aws.on("codedeploy.StopDeployment", error("DeploymentAlreadyCompletedException"))
    aws.on("codedeploy.BatchGetDeployments", answers.described(failed(rollback="d-BACK")))
    tracked = following()
    assert codedeploy.undo(job, tracked) == tracked.own


@pytest.mark.parametrize(
    "sets",
    [
        (answers.task_set("ACTIVE", "web:2", "d-NEW"), answers.task_set()),
        (answers.task_set("ACTIVE"), answers.task_set("PRIMARY", "web:2", "d-NEW")),
        (answers.task_set("ACTIVE", "web:7", "d-STOPPED"), answers.task_set()),
    ],
    ids=["its traffic has not moved", "its traffic has moved", "something else was left over"],
)
def test_an_adopted_deployment_knows_what_it_replaces(aws: ScriptedAws, job: Job, sets: tuple[Params, Params]) -> None:
    """The task set that has the traffic, or the other one if that is the adopted deployment's own."""
    aws.on("codedeploy.ListDeployments", {"deployments": ["d-NEW"]})
    aws.on("codedeploy.BatchGetDeployments", answers.described(seen()))
    own = codedeploy.start(job, plan(service=answers.service(*sets)), NEW)
    has_the_traffic = next(each for each in sets if each["status"] == "PRIMARY")
    previous_id = None if has_the_traffic["externalId"] == "d-NEW" else "ecs-svc/d-OLD"
    assert own == OwnDeployment(Strategy.CODE_DEPLOY, "d-NEW", NEW, OLD, previous_id)


# ---- cancelled ----


@pytest.mark.parametrize(
    ("id", "status", "task_set", "stopped", "words"),
    [
        ("d-NEW", "InProgress", None, True, "deployment d-NEW (web:2) of service web is being stopped and rolled back"),
        ("d-NEW", "Ready", None, True, "is being stopped and rolled back (on-cancel: stop)"),
        ("d-NEW", "Succeeded", None, False, "deployment d-NEW (web:2) of service web is no longer under way"),
        ("", "InProgress", ("ACTIVE", "web:2"), True, "deployment d-NEW (web:2) of service web is being stopped"),
        ("", "InProgress", ("ACTIVE", "web:7"), False, "service web shows no deployment to web:2"),
        ("", "InProgress", None, False, "service web shows no deployment to web:2; nothing was stopped"),
    ],
)
def test_a_cancelled_deployment_is_stopped_only_if_it_is_ours_and_under_way(
    aws: ScriptedAws, job: Job, id: str, status: str, task_set: tuple[str, str] | None, stopped: bool, words: str
) -> None:
    """If the job was cancelled before CreateDeployment answered, the task set identifies the deployment; a service that
    shows none is read again."""
    sets = [answers.task_set(), *([answers.task_set(*task_set, deployment="d-NEW")] if task_set else [])]
    aws.on("ecs.DescribeServices", {"services": [answers.service(*sets)]})
    aws.on("codedeploy.BatchGetDeployments", answers.described(seen(status)))
    aws.on("codedeploy.StopDeployment", {"status": "Pending"})
    entry = {"id": id, "cluster": ecs.CLUSTER, "service": "web", "task_definition": NEW}
    if "shows no deployment" in words:
        with pytest.raises(Unreadable, match=re.escape(words)):
            codedeploy.stop(job.aws, entry)
    else:
        assert words in codedeploy.stop(job.aws, entry)
    assert aws.count("codedeploy.StopDeployment") == stopped


def test_one_that_ends_in_that_moment_was_not_stopped(aws: ScriptedAws, job: Job) -> None:
    """And the log does not claim it."""
    aws.on("codedeploy.BatchGetDeployments", answers.described(seen()))
    aws.on("codedeploy.StopDeployment", error("DeploymentAlreadyCompletedException"))
    entry = {"id": "d-NEW", "cluster": ecs.CLUSTER, "service": "web", "task_definition": NEW}
    assert "is no longer under way" in codedeploy.stop(job.aws, entry)


# ---- many, and by hand ----


def test_a_look_at_twenty_deployments_costs_five_reads_and_never_more_than_twelve(aws: ScriptedAws, job: Job) -> None:
    """One read for all of them and their rollbacks, and the lifecycle events in turn; after many changes at most as many as a poll may cost."""
    names = [f"s{n}" for n in range(20)]
    group = [following(name, f"d-{name}") for name in names]
    aws.on(
        "codedeploy.BatchGetDeployments",
        answers.described(*(answers.deployment(tracked.own.id, "Created") for tracked in group)),
    )
    for tracked, look in zip(group, codedeploy.read(job, group), strict=True):
        tracked.snapshot = look
    assert len(aws.calls) == 1
    aws.on(
        "codedeploy.BatchGetDeployments", answers.described(*(answers.deployment(tracked.own.id) for tracked in group))
    )
    aws.on("codedeploy.BatchGetDeploymentTargets", answers.target("Install"))
    costs, asked = [], []
    for _ in range(6):
        job.clock.sleep(2)
        before = len(aws.calls)
        for tracked, look in zip(group, codedeploy.read(job, group), strict=True):
            tracked.snapshot = look
        calls = aws.calls[before:]
        costs.append(len(calls))
        asked.append({call.params["deploymentId"] for call in calls if "deploymentId" in call.params})
    assert costs == [11, 5, 5, 5, 5, 5]
    assert set().union(*asked[1:]) == {tracked.own.id for tracked in group}
    assert {tracked.own.started_by for tracked in group} == {"ecs-svc/d-NEW"}


def test_a_deployment_that_waits_is_found_and_let_on(aws: ScriptedAws, job: Job) -> None:
    """What `ecs-cd continue` and `ecs-cd rollback` do."""
    aws.on("codedeploy.ListDeployments", {"deployments": ["d-NEW"]}, {"deployments": []})
    aws.on("codedeploy.BatchGetDeployments", answers.described(seen("Ready")))
    aws.on("codedeploy.ContinueDeployment", {}, error("DeploymentIsNotInReadyStateException"))
    aws.on("codedeploy.StopDeployment", {"status": "Pending"}, error("DeploymentAlreadyCompletedException"))
    found = codedeploy.waiting(job, plan())
    assert found is not None
    assert found.id == "d-NEW"
    codedeploy_calls.proceed(job, "d-NEW")
    with pytest.raises(Refused, match="deployment d-NEW is Ready, not waiting for an approval"):
        codedeploy_calls.proceed(job, "d-NEW")
    assert [codedeploy_calls.roll_back(job, "d-NEW") for _ in range(2)] == [True, False]
    assert codedeploy.waiting(job, plan()) is None
    asked = [call.params for call in aws.calls if call.operation == "codedeploy.ListDeployments"]
    assert asked[0] == {
        "applicationName": answers.APPLICATION,
        "deploymentGroupName": answers.GROUP,
        "includeOnlyStatuses": ["Created", "Queued", "InProgress", "Baking", "Ready"],
    }


@pytest.mark.parametrize(
    ("timeout", "minutes", "ready", "expected"),
    [(1800, 0, 0, 1800), (1800, 5, 15, 3000), (1800, 2880, 0, 21600), (30000, 2880, 0, 30000)],
)
def test_the_official_actions_patience(
    aws: ScriptedAws, job: Job, timeout: float, minutes: int, ready: int, expected: float
) -> None:
    """What the group waits by itself comes on top, up to six hours; never less than was asked for."""
    aws.on("codedeploy.GetDeploymentGroup", answers.group(minutes=minutes, ready=ready))
    assert codedeploy.wait_budget(job, plan(), timeout) == expected
