"""After AWS's success: what the running tasks run, and what has become of the deployment since."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.scripted_aws import Clock, Params, ScriptedAws, at, blue_green, codedeploy, ecs
from tests.timelines.conftest import Step
from tests.timelines.deploy.test_faults import (
    BLUE_GREEN,
    CODEDEPLOY,
    DONE,
    NEW,
    NO_ROLLBACK,
    OLD,
    ROLLING,
    World,
    build,
    changed,
    dead,
    tasks,
)

Run = Callable[..., Step]

BEGUN = ["ecs.RegisterTaskDefinition", "ecs.UpdateService"]
FOREIGN = ecs.task("b", task_definition="web:9", started_by="ecs-svc/9")
OURS = ecs.task("a", task_definition="web:2", started_by="ecs-svc/2")


def services(*deployments: Params, **more: Any) -> Params:
    return {"services": [ecs.service(deployments=deployments, **more)]}


def blue_green_services(*deployments: Params, **more: Any) -> Params:
    return {"services": [blue_green.service(deployments=deployments, **more)]}


def primary(id: str, revision: str, **more: Any) -> Params:
    return ecs.deployment(id, task_definition=revision, created=22, **more)


# What replaces ours right after its success, by kind of deployment: another revision, the old one, ours by force.
REPLACED: list[tuple[str, World, Params]] = [
    ("rolling, another revision", ROLLING, services(primary("ecs-svc/9", "web:9", rollout_state="IN_PROGRESS"))),
    ("rolling, the old one", ROLLING, services(primary("ecs-svc/9", "web:1"))),
    ("rolling, ours by force", ROLLING, services(primary("ecs-svc/9", "web:2", rollout_state="IN_PROGRESS"))),
    ("rolling, still starting", ROLLING, services(primary("ecs-svc/9", "web:9", rollout_state="IN_PROGRESS"), DONE | {"status": "ACTIVE"})),
    ("blue/green, another revision", BLUE_GREEN, blue_green_services(primary("ecs-svc/9", "web:9", rollout_state="IN_PROGRESS"))),
    ("blue/green, the old one", BLUE_GREEN, blue_green_services(primary("ecs-svc/9", "web:1"))),
    ("blue/green, ours by force", BLUE_GREEN, blue_green_services(primary("ecs-svc/9", "web:2"))),
    ("CodeDeploy, another revision", CODEDEPLOY, {"services": [codedeploy.service(codedeploy.task_set("PRIMARY", "web:9", "d-9"))]}),
    ("CodeDeploy, ours by force", CODEDEPLOY, {"services": [codedeploy.service(codedeploy.task_set("PRIMARY", "web:2", "d-9"))]}),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "then"), [row[1:] for row in REPLACED], ids=[row[0] for row in REPLACED])
@pytest.mark.parametrize("on_failure", ["report", "rollback"])
def test_what_replaces_a_success_during_the_proof_is_no_failure(
    aws: ScriptedAws, step: Run, kind: World, then: Params, on_failure: str
) -> None:
    """It completed, and another deployment came before its tasks were read: superseded, and never taken back."""
    build(kind, aws)
    kind.looks(aws, at(0, kind.going), at(20, kind.done))
    if kind is ROLLING:
        aws.on("ecs.DescribeServices", then, after="ecs.ListTasks")
        kind.looks(aws, at(0, kind.going), at(20, kind.done), at(22.5, then))
    else:
        aws.on("ecs.DescribeServices", at(0, {"services": [kind.moving]}), at(22.5, then), after=kind.begin)
    tasks(aws, "RUNNING")
    aws.on("ecs.ListServiceDeployments", {"serviceDeployments": []}, after="ecs.ListTasks")
    ended = step("deploy", on_failure=on_failure)
    assert (ended.exit_code, ended.outputs["result"]) == (5, "superseded"), ended.log
    assert "it completed, and then deployment" in ended.log
    assert changed(aws) == ["ecs.RegisterTaskDefinition", kind.begin]


def test_tasks_of_the_next_deployment_are_no_failure_of_ours(aws: ScriptedAws, step: Run) -> None:
    """The first tasks of somebody's next deployment run beside ours when they are read."""
    build(ROLLING, aws)
    theirs = primary("ecs-svc/9", "web:9", rollout_state="IN_PROGRESS")
    then = services(theirs, DONE | {"status": "ACTIVE"})
    ROLLING.looks(aws, at(0, ROLLING.going), at(20, ROLLING.done), at(22.5, then))
    tasks(aws, "RUNNING", OURS, FOREIGN)
    ended = step("deploy", on_failure="rollback")
    assert (ended.exit_code, ended.outputs["result"]) == (5, "superseded"), ended.log
    assert "it completed, and then deployment ecs-svc/9 (web:9) replaced it" in ended.log
    assert changed(aws) == BEGUN


@pytest.mark.parametrize(
    ("started_by", "result", "words"),
    [
        ("ecs-svc/1", (1, "failed"), "1 min later task b runs web:9"),
        ("ecs-svc/9", (5, "superseded"), "it completed, and then deployment ecs-svc/9 (web:9) started tasks"),
    ],
    ids=["it was there before ours", "it came after ours"],
)
def test_whose_task_contradicts_the_success_while_the_service_is_ours(
    aws: ScriptedAws, step: Run, started_by: str, result: tuple[int, str], words: str
) -> None:
    """ECS lists tasks and deployments independently: the tasks of another deployment may be all that shows it."""
    build(ROLLING, aws)
    ROLLING.looks(aws, at(0, ROLLING.done))
    tasks(aws, "RUNNING", OURS, {**FOREIGN, "startedBy": started_by})
    ended = step("deploy", on_failure="rollback" if result[0] == 5 else "report")
    assert (ended.exit_code, ended.outputs["result"]) == result, ended.log
    assert words in ended.log
    assert changed(aws) == BEGUN


def test_a_service_that_lags_during_the_proof_replaces_nothing(aws: ScriptedAws, step: Run) -> None:
    """DescribeServices returns the state before UpdateService once more: ecs-cd looks again."""
    build(ROLLING, aws)
    ROLLING.looks(aws, at(0, ROLLING.done), at(2, services(OLD)), at(20, ROLLING.done))
    aws.on("ecs.ListTasks", at(0, {"taskArns": []}), at(30, {"taskArns": [OURS["taskArn"]]}), after="ecs.UpdateService")
    aws.on("ecs.DescribeTasks", ecs.described("tasks", OURS))
    ended = step("deploy")
    assert ended.exit_code == 0, ended.log


# ---- scaled to 0 ----


@pytest.mark.parametrize("kind", [ROLLING, BLUE_GREEN, CODEDEPLOY], ids=str)
@pytest.mark.parametrize("died", [True, False])
def test_scaled_to_nothing_is_not_green(aws: ScriptedAws, step: Run, kind: World, died: bool) -> None:
    """No task runs, so nothing is verified: a failure if our tasks were dying, else another's change of the service."""
    build(kind, aws)
    if died:
        tasks(aws, "STOPPED", dead(1, kind.started_by))
    none = kind.moving | {"desiredCount": 0}
    over = at(20, services(DONE | {"desiredCount": 0, "runningCount": 0}, desired=0))
    fails = services(NEW | {"failedTasks": 1}, OLD | {"status": "ACTIVE"})
    moving = {
        "rolling": at(10, fails if died else ROLLING.going),
        "blue-green": at(10, blue_green.described(blue_green.service_deployment(stage="SCALE_UP", failures=int(died), created=1))),
        "codedeploy": at(10, CODEDEPLOY.going),
    }[kind.name]  # fmt: skip
    kind.looks(aws, at(0, kind.going), moving, over if kind is ROLLING else at(20, kind.done))
    if kind is not ROLLING:
        aws.on(
            "ecs.DescribeServices", at(0, {"services": [kind.moving]}), at(15, {"services": [none]}), after=kind.begin
        )
    tasks(aws, "RUNNING")
    ended = step("deploy", keep_revisions="1")
    expected = (1, "failed") if died and kind is not CODEDEPLOY else (5, "superseded")
    assert (ended.exit_code, ended.outputs["result"]) == expected, ended.log
    assert "the service was scaled to 0 during the deployment" in ended.log
    assert aws.count("ecs.ListTaskDefinitions") == 0


# ---- early success ----

EARLY: Params = {
    "deploymentConfiguration": {
        "deploymentCircuitBreaker": {"enable": True, "rollback": True},
        "earlySuccessCriteria": {"enable": True, "healthyPercent": 50, "sourceServiceRevisionCleanup": "DEFERRED"},
    }
}


def test_old_tasks_that_drain_after_an_early_success_do_not_contradict_it(aws: ScriptedAws, step: Run) -> None:
    """ECS removes them after COMPLETED; ecs-cd verifies the tasks of our revision, and says that old ones drain."""
    build(ROLLING, aws)
    done = services(DONE, OLD | {"status": "ACTIVE"}, **EARLY)
    ROLLING.looks(aws, at(0, services(NEW, OLD | {"status": "ACTIVE"}, **EARLY)), at(20, done))
    tasks(aws, "RUNNING", ecs.task("web-old-0"), OURS)
    ended = step("deploy")
    assert ended.exit_code == 0, ended.log
    assert "1 of 1 running; 1 old task still drains" in ended.log


def test_an_early_success_without_any_task_is_waited_for(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """ECS goes on to start tasks after COMPLETED; a success needs at least the first."""
    build(ROLLING, aws)
    none = services(DONE | {"runningCount": 0, "pendingCount": 1}, OLD | {"status": "ACTIVE"}, **EARLY)
    ROLLING.looks(aws, at(0, none), at(40, services(DONE, **EARLY)))
    tasks(aws, "RUNNING", OURS)
    ended = step("deploy")
    assert ended.exit_code == 0, ended.log
    assert "COMPLETED, 0 of 1 running, 1 pending; waiting until its first task runs" in ended.log
    assert clock.monotonic() >= 40


def test_an_early_success_of_another_digest_is_a_failure(aws: ScriptedAws, step: Run) -> None:
    """The tasks of our revision are verified as ever."""
    build(ROLLING, aws)
    ROLLING.looks(aws, at(0, services(DONE, OLD | {"status": "ACTIVE"}, **EARLY)))
    other = ecs.container() | {"imageDigest": "sha256:" + "b" * 64}
    tasks(aws, "RUNNING", ecs.task("a", task_definition="web:2", started_by="ecs-svc/2", containers=[other]))
    assert step("deploy").exit_code == 1


# ---- the revision that the service has already ----


# web:2 with a port, which CodeDeploy's load balancer needs.
CONTAINER = ecs.task_definition("web", 2)["containerDefinitions"][0] | {"portMappings": [{"containerPort": 80}]}
REGISTERED: Params = {
    "taskDefinition": ecs.task_definition("web", 2) | {"containerDefinitions": [CONTAINER]},
    "tags": [],
}


def has_it(kind: World, running: int, desired: int = 3) -> Params:
    """The service with web:2, of whose tasks some run."""
    there = ecs.deployment(
        "ecs-svc/2", task_definition="web:2", desired=desired, running=running, pending=desired - running
    )
    if kind is CODEDEPLOY:
        sets = codedeploy.task_set("PRIMARY", "web:2", "d-NEW", computedDesiredCount=desired, runningCount=running)
        return {"services": [codedeploy.service(sets, desired=desired)]}
    return (services if kind is ROLLING else blue_green_services)(there, desired=desired)


@pytest.mark.parametrize("kind", [ROLLING, BLUE_GREEN, CODEDEPLOY], ids=str)
def test_a_service_that_has_the_revision_and_is_unwell_is_waited_for(
    aws: ScriptedAws, step: Run, clock: Clock, kind: World
) -> None:
    """1 of 3 tasks runs: AWS's earlier success says too little, so the deployment succeeds once all run."""
    build(kind, aws)
    aws.on("ecs.DescribeTaskDefinition", REGISTERED)
    aws.on("ecs.DescribeServices", at(0, has_it(kind, 1)), at(40, has_it(kind, 3)))
    aws.on("ecs.ListServiceDeployments", blue_green.listed())
    aws.on("codedeploy.BatchGetDeployments", CODEDEPLOY.done)
    ended = step("deploy")
    assert ended.exit_code == 0, ended.log
    assert "1 of 3 running" in ended.log
    assert "waiting until all its tasks run" in ended.log
    assert clock.monotonic() >= 40
    assert changed(aws) == []


@pytest.mark.parametrize("kind", [ROLLING, BLUE_GREEN, CODEDEPLOY], ids=str)
def test_a_service_that_stays_unwell_times_out(aws: ScriptedAws, step: Run, kind: World) -> None:
    """It is never green while 1 of 3 tasks runs, and nothing is taken back: this run changed nothing."""
    build(kind, aws)
    aws.on("ecs.DescribeTaskDefinition", REGISTERED)
    aws.on("ecs.DescribeServices", has_it(kind, 1))
    aws.on("ecs.ListServiceDeployments", blue_green.listed())
    aws.on("codedeploy.BatchGetDeployments", CODEDEPLOY.done)
    ended = step("deploy", deployment_timeout="1m", on_failure="rollback")
    assert (ended.exit_code, ended.outputs["result"]) == (7, "timed-out"), ended.log
    assert changed(aws) == []


def test_a_crash_loop_of_the_revision_that_the_service_has_is_a_failure(aws: ScriptedAws, step: Run) -> None:
    """No breaker counts after COMPLETED: enough dead tasks and none running are a failure by ecs-cd's own rule."""
    build(ROLLING, aws)
    aws.on("ecs.DescribeTaskDefinition", {"taskDefinition": ecs.task_definition("web", 2), "tags": []})
    there = ecs.deployment("ecs-svc/2", task_definition="web:2", desired=3, running=0, pending=3)
    dying = there | {"pendingCount": 1}
    looks = [services(each, desired=3, **NO_ROLLBACK) for each in (there, dying)]
    aws.on("ecs.DescribeServices", at(0, looks[0]), at(10, looks[1]), at(20, looks[0]), at(30, looks[1]))
    tasks(aws, "STOPPED", *(dead(number, "ecs-svc/2") for number in range(3)))
    ended = step("deploy", deployment_timeout="10m")
    assert (ended.exit_code, ended.outputs["result"]) == (1, "failed"), ended.log


# ---- lists that lag ----


@pytest.mark.parametrize("kind", [ROLLING, BLUE_GREEN, CODEDEPLOY], ids=str)
def test_tasks_that_are_listed_late_prove_the_success(aws: ScriptedAws, step: Run, kind: World) -> None:
    """ListTasks may lag for most of a minute: an empty list, or one of old tasks, contradicts nothing until then."""
    build(kind, aws)
    kind.looks(aws, at(0, kind.done))
    ours = ecs.task("a", task_definition="web:2", started_by=kind.started_by)
    listed = [{"taskArns": [each["taskArn"]]} for each in (ecs.task("old"), ours)]
    looks = [at(0, {"taskArns": []}), at(20, listed[0]), at(50, listed[1])]
    aws.on("ecs.ListTasks", *looks, where={"desiredStatus": "RUNNING"})
    aws.on("ecs.DescribeTasks", ecs.described("tasks", ecs.task("old"), ours))
    ended = step("deploy")
    assert ended.exit_code == 0, ended.log
