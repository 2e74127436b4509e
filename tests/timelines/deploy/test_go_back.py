"""on-failure: rollback: which revision a service goes back to, and what is left alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.scripted_aws import Answer, Clock, Params, ScriptedAws, at, blue_green, denied, ecs, moment
from tests.scripted_aws.fleet import COMPLETES, CRASHES, STAYS
from tests.timelines.conftest import Step
from tests.timelines.deploy.test_digests import blue_green_services, services
from tests.timelines.deploy.test_faults import BLUE_GREEN, NEW, NO_ROLLBACK, OLD, ROLLING, build, tasks
from tests.timelines.deploy.test_services import fleet, results, updates

Run = Callable[..., Step]

FAILED = NEW | {"rolloutState": "FAILED", "rolloutStateReason": ecs.BREAKER_TRIPPED, "failedTasks": 3}
NEVER_WORKED = ecs.deployment("ecs-svc/9", task_definition="web:9", rollout_state="FAILED", failed=3, created=-600)
SERVES = ecs.deployment("ecs-svc/1", "ACTIVE", created=-6000)
DEMOTED: Params = {"status": "ACTIVE"}


def revisions(aws: ScriptedAws) -> list[str]:
    return [revision for _, revision, _ in updates(aws)]


def fails(aws: ScriptedAws, make: Callable[..., Params], *there: Params, **more: Any) -> None:
    """The service lists these deployments, then ours, which fails; whatever comes next completes."""
    demoted = [each | DEMOTED for each in there]
    aws.on("ecs.DescribeServices", make(*there, **more))
    aws.on("ecs.DescribeServices", make(NEW, *demoted, **more), after="ecs.UpdateService")
    aws.on("ecs.DescribeServices", at(0, make(NEW, *demoted, **more)), at(30, make(FAILED, *demoted, **more)),
           after="ecs.UpdateService")  # fmt: skip

    def update(params: Params) -> Answer:
        revision = params["taskDefinition"].rpartition("/")[2]
        if revision == "web:2":
            return {"service": make(NEW, *demoted, **more)["services"][0]}
        back = ecs.deployment("ecs-svc/5", task_definition=revision, created=100, running=1)
        aws.on("ecs.DescribeServices", make(back, **more), after="ecs.UpdateService#2")
        return {"service": make(back | {"rolloutState": "IN_PROGRESS"}, **more)["services"][0]}

    aws.on("ecs.UpdateService", update)


HISTORY = blue_green.listed(
    blue_green.service_deployment("1", "SUCCESSFUL", created=-9000),
    blue_green.service_deployment("3", "SUCCESSFUL", created=-8000),
    blue_green.service_deployment("9", "STOPPED", created=-600),
)


@pytest.mark.parametrize(
    ("there", "expected"),
    [
        ([OLD], "web:1"),
        ([NEVER_WORKED, SERVES], "web:1"),
        ([NEVER_WORKED, ecs.deployment("ecs-svc/8", "ACTIVE", "web:8", "FAILED", running=1), SERVES], "web:1"),
        ([NEVER_WORKED], "web:3"),
        ([NEVER_WORKED, SERVES | {"runningCount": 0}], "web:3"),
    ],
    ids=["COMPLETED", "FAILED, another serves", "two FAILED, another serves", "FAILED", "FAILED, nothing serves"],
)
def test_a_service_goes_back_to_what_worked(aws: ScriptedAws, step: Run, there: list[Params], expected: str) -> None:
    """Never to a PRIMARY that FAILED: to what still serves, or to the last success of ECS's history."""
    build(ROLLING, aws)
    fails(aws, services, *there, **NO_ROLLBACK)
    aws.on("ecs.ListServiceDeployments", HISTORY)
    ended = step("deploy", on_failure="rollback")
    assert (ended.exit_code, ended.outputs["result"]) == (3, "rolled-back"), ended.log
    assert revisions(aws) == ["web:2", expected]
    assert "1 of 1 running" in ended.log


@pytest.mark.parametrize("history", [denied(), {"serviceDeployments": []}], ids=["denied", "empty"])
def test_without_anything_that_worked_there_is_no_way_back(aws: ScriptedAws, step: Run, history: Answer) -> None:
    """The PRIMARY is FAILED, nothing serves, and ECS's history shows no success: the failure stays one."""
    build(ROLLING, aws)
    fails(aws, services, NEVER_WORKED, **NO_ROLLBACK)
    aws.on("ecs.ListServiceDeployments", history)
    aws.on("ecs.ListServiceDeployments", history, after="ecs.UpdateService")
    ended = step("deploy", on_failure="rollback")
    assert (ended.exit_code, ended.outputs["result"]) == (1, "failed"), ended.log
    assert "there is nothing to go back to" in ended.log
    assert revisions(aws) == ["web:2"]


def test_superseding_goes_back_past_what_was_superseded(aws: ScriptedAws, step: Run) -> None:
    """The deployment that ours superseded never completed: what still serves does."""
    build(ROLLING, aws)
    theirs = ecs.deployment("ecs-svc/9", task_definition="web:9", rollout_state="IN_PROGRESS", created=-60)
    fails(aws, services, theirs, SERVES, **NO_ROLLBACK)
    ended = step("deploy", on_failure="rollback", on_conflict="supersede")
    assert ended.exit_code == 3, ended.log
    assert revisions(aws) == ["web:2", "web:1"]


def test_blue_green_goes_back_to_what_worked(aws: ScriptedAws, step: Run) -> None:
    """Ours is STOPPED by ECS; before it, the PRIMARY was FAILED."""
    build(BLUE_GREEN, aws)
    fails(aws, blue_green_services, NEVER_WORKED, SERVES)
    aws.on("ecs.DescribeServices", blue_green_services(NEW, SERVES), after="ecs.UpdateService")
    stopped = blue_green.service_deployment(status="STOPPED", created=1)
    back = blue_green.service_deployment("1", "SUCCESSFUL", created=100)
    aws.on("ecs.DescribeServiceDeployments", at(0, BLUE_GREEN.going), at(30, blue_green.described(stopped)),
           after="ecs.UpdateService")  # fmt: skip
    aws.on("ecs.ListServiceDeployments", blue_green.listed(back), after="ecs.UpdateService#2")
    aws.on("ecs.DescribeServiceDeployments", blue_green.described(back), after="ecs.UpdateService#2")
    ended = step("deploy", on_failure="rollback")
    assert ended.exit_code == 3, ended.log
    assert revisions(aws) == ["web:2", "web:1"]


def test_what_waits_for_an_approval_goes_back_at_its_hook(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """worker fails while web is paused: ContinueServiceDeployment with ROLLBACK is what the hook waits for."""
    ours = fleet(aws, clock, {"web": STAYS, "worker": CRASHES})

    def described(params: Params) -> Params:
        names = [name.rpartition("/")[2] for name in params["services"]]
        there = [ours.service(name) for name in names]
        for each in there:
            if each["serviceName"] == "web":
                each["deploymentConfiguration"]["strategy"] = "BLUE_GREEN"
        return ecs.described("services", *there)(params)

    aws.on("ecs.DescribeServices", described)
    paused = blue_green.service_deployment("2", stage="POST_TEST_TRAFFIC_SHIFT", hooks=[blue_green.hook()])
    aws.on("ecs.ListServiceDeployments", blue_green.listed(paused), after="ecs.UpdateService")
    aws.on("ecs.DescribeServiceRevisions", blue_green.revisions)
    aws.on("ecs.DescribeServiceDeployments", blue_green.described(paused))
    arn = paused["serviceDeploymentArn"]
    aws.on("ecs.ContinueServiceDeployment", {"serviceDeploymentArn": arn}, where={"action": "ROLLBACK"})
    back = blue_green.service_deployment("2", "ROLLBACK_SUCCESSFUL")
    aws.on("ecs.DescribeServiceDeployments", blue_green.described(back), after="ecs.ContinueServiceDeployment")
    ended = step("deploy", on_failure="rollback")
    assert results(ended) == {"web": "rolled-back", "worker": "rolled-back"}, ended.log
    assert [service for service, *_ in updates(aws)] == ["web", "worker"]


# ---- what is not ours ----


@pytest.mark.parametrize("revision", ["web:2", "web:9"])
def test_another_failure_takes_nothing_back_that_was_replaced(
    aws: ScriptedAws, step: Run, clock: Clock, revision: str
) -> None:
    """web completed, and somebody deployed after it, by force even the same revision; worker fails: web stays."""
    ours = fleet(aws, clock, {"web": COMPLETES, "worker": CRASHES})

    def described(params: Params) -> Params:
        theirs = ecs.deployment("ecs-svc/9", task_definition=revision, created=30)
        answer = ours._describe(params)
        late = clock.monotonic() > 30
        found = [
            ecs.service(deployments=[theirs]) if late and each["serviceName"] == "web" else each
            for each in answer["services"]
        ]
        return answer | {"services": found}

    aws.on("ecs.DescribeServices", described)
    ended = step("deploy", on_failure="rollback")
    assert results(ended) == {"web": "superseded", "worker": "rolled-back"}
    assert f"deployment ecs-svc/9 ({revision}) has replaced it" in ended.log
    assert [(name, to) for name, to, _ in updates(aws)] == [("web", "web:2"), ("worker", "worker:2")]


def test_a_deployment_that_took_over_is_not_taken_back(aws: ScriptedAws, step: Run) -> None:
    """Somebody forced our revision again; theirs fails, and theirs is theirs."""
    build(ROLLING, aws)
    theirs = FAILED | {"id": "ecs-svc/7", "createdAt": moment(20)}
    going = theirs | {"rolloutState": "IN_PROGRESS", "failedTasks": 0}
    ROLLING.looks(
        aws,
        at(0, ROLLING.going),
        at(20, services(going, NEW | DEMOTED, **NO_ROLLBACK)),
        at(60, services(theirs, **NO_ROLLBACK)),
    )
    ended = step("deploy", on_failure="rollback")
    assert (ended.exit_code, ended.outputs["result"]) == (1, "failed"), ended.log
    assert "took over with the same task definition" in ended.log
    assert revisions(aws) == ["web:2"]


def test_after_a_timeout_the_same_revision_by_force_stays(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """The service runs our revision, but another deployment of it: ids decide."""
    fleet(aws, clock, {"web": STAYS})
    theirs = ecs.deployment("ecs-svc/9", task_definition="web:2", rollout_state="IN_PROGRESS")
    aws.on("ecs.DescribeServices", {"services": [ecs.service(deployments=[theirs])]}, after="ecs.ListTasks")
    ended = step("deploy", on_failure="rollback", deployment_timeout="1m")
    assert (ended.exit_code, ended.outputs["result"]) == (5, "superseded"), ended.log
    assert "deployment ecs-svc/9 (web:2) has replaced it; ecs-cd leaves that deployment alone" in ended.log
    assert len(updates(aws)) == 1


def test_the_same_revision_by_force_that_ecs_rolled_back_between_two_polls(aws: ScriptedAws, step: Run) -> None:
    """ECS's rollback to the same revision looks like another deployment of it: the service deployment decides."""
    build(ROLLING, aws)
    has_it = ecs.deployment("ecs-svc/1", task_definition="web:2", created=-600)
    aws.on("ecs.DescribeTaskDefinition", {"taskDefinition": ecs.task_definition("web", 2), "tags": []})
    aws.on("ecs.DescribeServices", services(has_it))
    back = ecs.deployment("ecs-svc/3", task_definition="web:2", created=40)
    ROLLING.looks(aws, at(0, services(NEW, has_it | DEMOTED)), at(40, services(back)))
    late = blue_green.listed(blue_green.service_deployment("2", "IN_PROGRESS", created=1))
    over = blue_green.listed(blue_green.service_deployment("2", "ROLLBACK_SUCCESSFUL", created=1))
    aws.on("ecs.ListServiceDeployments", at(0, late), at(50, over), after="ecs.UpdateService")
    tasks(aws, "RUNNING", ecs.task(task_definition="web:2", started_by="ecs-svc/3"))
    ended = step("deploy", force_new_deployment="true")
    assert (ended.exit_code, ended.outputs["result"]) == (3, "rolled-back"), ended.log
    assert "took over" not in ended.log


def test_the_same_revision_by_force_that_somebody_forces_again(aws: ScriptedAws, step: Run) -> None:
    """ECS lists their service deployment: theirs is followed, and its success is ours."""
    build(ROLLING, aws)
    has_it = ecs.deployment("ecs-svc/1", task_definition="web:2", created=-600)
    aws.on("ecs.DescribeTaskDefinition", {"taskDefinition": ecs.task_definition("web", 2), "tags": []})
    aws.on("ecs.DescribeServices", services(has_it))
    theirs = ecs.deployment("ecs-svc/3", task_definition="web:2", created=40)
    ROLLING.looks(aws, at(0, services(NEW, has_it | DEMOTED)), at(40, services(theirs)))
    stopped = blue_green.service_deployment("2", "STOPPED", created=1)
    again = blue_green.service_deployment("again", "SUCCESSFUL", created=40)
    again["targetServiceRevision"] = stopped["targetServiceRevision"]
    aws.on("ecs.ListServiceDeployments", blue_green.listed(stopped, again), after="ecs.UpdateService")
    tasks(aws, "RUNNING", ecs.task(task_definition="web:2", started_by="ecs-svc/3"))
    ended = step("deploy", force_new_deployment="true")
    assert ended.exit_code == 0, ended.log
    assert "deployment ecs-svc/3 took over with the same task definition" in ended.log


# ---- answers that lag ----


@pytest.mark.parametrize("revision", ["web:2", "web:9"])
def test_what_replaced_a_stopped_deployment_may_be_listed_late(aws: ScriptedAws, step: Run, revision: str) -> None:
    """STOPPED without a reason: another deployment came, and ECS lists it seconds later; nothing is taken back."""
    build(BLUE_GREEN, aws)
    stopped = blue_green.service_deployment(status="STOPPED", created=1)
    theirs = blue_green.service_deployment("9", "SUCCESSFUL", created=30)
    if revision == "web:2":
        theirs["targetServiceRevision"] = stopped["targetServiceRevision"]
    BLUE_GREEN.looks(aws, at(0, BLUE_GREEN.going), at(30, blue_green.described(stopped, theirs)))
    primary = ecs.deployment("ecs-svc/9", task_definition=revision, created=30)
    aws.on(
        "ecs.DescribeServices",
        at(0, blue_green_services(NEW, SERVES)),
        at(36, blue_green_services(primary)),
        after="ecs.UpdateService",
    )
    late = [at(0, blue_green.listed(stopped)), at(45, blue_green.listed(stopped, theirs))]
    aws.on("ecs.ListServiceDeployments", *late, after="ecs.UpdateService")
    tasks(aws, "RUNNING", ecs.task(task_definition=revision, started_by="ecs-svc/9"))
    ended = step("deploy", on_failure="rollback")
    expected = (0, "succeeded") if revision == "web:2" else (5, "superseded")
    assert (ended.exit_code, ended.outputs["result"]) == expected, ended.log
    assert revisions(aws) == ["web:2"]


def test_a_stopped_deployment_that_nothing_replaces_has_failed(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """After a minute."""
    build(BLUE_GREEN, aws)
    stopped = blue_green.service_deployment(status="STOPPED", created=1, statusReason="Stopped by a user.")
    BLUE_GREEN.looks(aws, at(0, BLUE_GREEN.going), at(30, blue_green.described(stopped)))
    ended = step("deploy")
    assert (ended.exit_code, ended.outputs["result"]) == (1, "failed"), ended.log
    assert "STOPPED: Stopped by a user, at SCALE_UP; looking for the deployment that replaced it" in ended.log
    assert clock.monotonic() >= 90


def test_a_way_back_does_not_believe_an_answer_from_before_our_deployment(aws: ScriptedAws, step: Run) -> None:
    """DescribeServices still shows web:1 as if it ran: ecs-cd reads again, and deploys web:1."""
    build(BLUE_GREEN, aws)
    wrong = ecs.container() | {"imageDigest": "sha256:" + "b" * 64}
    tasks(aws, "RUNNING", ecs.task(task_definition="web:2", started_by="ecs-svc/2", containers=[wrong]))
    BLUE_GREEN.looks(aws, at(0, BLUE_GREEN.done))
    aws.on(
        "ecs.DescribeServices",
        at(0, blue_green_services(OLD)),
        at(90, blue_green_services(NEW, SERVES)),
        after="ecs.UpdateService",
    )
    back = blue_green.service_deployment("1", "SUCCESSFUL", created=100)
    third = ecs.deployment("ecs-svc/3", task_definition="web:1", created=100)
    second = "ecs.UpdateService#2"
    returning = {"service": blue_green.service(deployments=[third | {"rolloutState": "IN_PROGRESS"}])}
    aws.on("ecs.UpdateService", BLUE_GREEN.begun, returning)
    aws.on("ecs.DescribeServices", blue_green_services(third), after=second)
    aws.on("ecs.ListServiceDeployments", blue_green.listed(back), after=second)
    aws.on("ecs.DescribeServiceDeployments", blue_green.described(back), after=second)
    ended = step("deploy", on_failure="rollback")
    assert (ended.exit_code, ended.outputs["result"]) == (3, "rolled-back"), ended.log
    assert revisions(aws) == ["web:2", "web:1"]
