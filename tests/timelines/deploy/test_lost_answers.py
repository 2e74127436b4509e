"""A lost answer to UpdateService, and another deployment that became PRIMARY meanwhile: rolling and ECS blue/green."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.scripted_aws import (
    Answer,
    Params,
    ScriptedAws,
    at,
    blue_green,
    denied,
    ecs,
    garbled,
    lost,
    moment,
    reset,
    server_error,
    throttled,
)
from tests.timelines.conftest import Step
from tests.timelines.deploy.test_faults import BLUE_GREEN, NEW, OLD, ROLLING, World, build

Run = Callable[..., Step]

THEIRS = ecs.deployment("ecs-svc/9", task_definition="web:7", rollout_state="IN_PROGRESS", created=2)
THEIRS_DONE = THEIRS | {"rolloutState": "COMPLETED", "runningCount": 1}
DRAINING = OLD | {"status": "ACTIVE"}
UPDATE = "ecs.UpdateService"


@pytest.fixture(params=[ROLLING, BLUE_GREEN], ids=str)
def world(request: pytest.FixtureRequest, aws: ScriptedAws) -> World:
    chosen: World = request.param
    return build(chosen, aws)


class Service:
    """DescribeServices of a service whose PRIMARY becomes another's with the first UpdateService, or just before it."""

    def __init__(self, aws: ScriptedAws, world: World) -> None:
        self.world = world
        self.show(OLD)
        aws.on("ecs.DescribeServices", lambda _: {"services": [self.now]})
        aws.on("ecs.DescribeServices", lambda _: {"services": [self.now]}, after=UPDATE)

    def show(self, *deployments: Params) -> None:
        self.now = self.world.before | {"deployments": list(deployments)}

    def then(self, answer: Answer, *deployments: Params) -> Callable[[Params], Answer]:
        """An answer to UpdateService, with which the service shows these deployments."""

        def update(_: Params) -> Answer:
            self.show(*deployments)
            return answer

        return update


@pytest.mark.parametrize("on_conflict", ["wait", "fail", "supersede"])
@pytest.mark.parametrize("fault", ["reset", "503", "lost", "garbled"])
def test_a_lost_answer_never_replaces_another_deployment(
    aws: ScriptedAws, step: Run, world: World, fault: str, on_conflict: str
) -> None:
    """It can be newer than ours: whatever on-conflict says, the call is not repeated, and the outcome is unknown."""
    service = Service(aws, world)
    answers: dict[str, Answer] = {
        "reset": reset(),
        "503": server_error(),
        "lost": lost(world.begun),
        "garbled": garbled(b"{}", world.begun),
    }
    aws.on(UPDATE, service.then(answers[fault], THEIRS, DRAINING), world.begun)
    ended = step("deploy", on_conflict=on_conflict)
    assert (ended.exit_code, ended.outputs["result"]) == (8, "unknown"), ended.log
    assert "deployment ecs-svc/9 (web:7) became PRIMARY, and ecs-cd does not replace it" in ended.log
    assert aws.count(UPDATE) == 1
    assert aws.count("ecs.DeregisterTaskDefinition") == 0


def test_ours_that_another_one_has_replaced_is_superseded(aws: ScriptedAws, step: Run, world: World) -> None:
    """The service still lists it: UpdateService was carried out, and needs no second call."""
    service = Service(aws, world)
    replaced = NEW | {"status": "ACTIVE", "rolloutState": "IN_PROGRESS"}
    aws.on(UPDATE, service.then(lost(world.begun), THEIRS, replaced, DRAINING), world.begun)
    stopped = blue_green.service_deployment(status="STOPPED", created=1)
    theirs = blue_green.service_deployment("7", created=2)
    aws.on("ecs.ListServiceDeployments", blue_green.listed(stopped, theirs), after=UPDATE)
    aws.on("ecs.DescribeServiceDeployments", blue_green.described(stopped, theirs))
    ended = step("deploy")
    assert (ended.exit_code, ended.outputs["result"]) == (5, "superseded"), ended.log
    assert aws.count(UPDATE) == 1


def test_ours_that_the_service_no_longer_lists_is_superseded(aws: ScriptedAws, step: Run, world: World) -> None:
    """ECS drops a deployment that was replaced before it had tasks, and still lists its service deployment."""
    service = Service(aws, world)
    aws.on(UPDATE, service.then(lost(world.begun), THEIRS | {"createdAt": moment(10)}, DRAINING), world.begun)
    stopped = blue_green.service_deployment(status="STOPPED", created=9)
    theirs = blue_green.service_deployment("7", created=10)
    aws.on("ecs.ListServiceDeployments", blue_green.listed(stopped, theirs), after=UPDATE)
    aws.on("ecs.DescribeServiceDeployments", blue_green.described(stopped, theirs))
    service.show(OLD | {"createdAt": moment(-99)})
    ended = step("deploy")
    assert (ended.exit_code, ended.outputs["result"]) == (5, "superseded"), ended.log
    assert aws.count(UPDATE) == 1


def test_a_rolling_update_can_do_without_the_list(aws: ScriptedAws, step: Run) -> None:
    """Then the outcome is unknown, and the log names the other deployment."""
    build(ROLLING, aws)
    service = Service(aws, ROLLING)
    aws.on(UPDATE, service.then(lost(ROLLING.begun), THEIRS, DRAINING), ROLLING.begun)
    aws.on("ecs.ListServiceDeployments", denied("ecs:ListServiceDeployments"))
    ended = step("deploy")
    assert (ended.exit_code, ended.outputs["result"]) == (8, "unknown"), ended.log
    assert "its response was lost, and then: deployment ecs-svc/9 (web:7) became PRIMARY" in ended.log
    assert aws.count(UPDATE) == 1


def test_ours_may_be_shown_a_little_later_than_the_one_it_replaced(aws: ScriptedAws, step: Run, world: World) -> None:
    """DescribeServices lags: another deployment began just before ours."""
    service = Service(aws, world)
    looks = iter([[THEIRS, DRAINING]] * 3)

    def look(_: Params) -> Params:
        if aws.count(UPDATE):
            service.show(*next(looks, [NEW | {"createdAt": THEIRS["createdAt"]}, DRAINING]))
        return {"services": [service.now]}

    aws.on("ecs.DescribeServices", look, after=UPDATE)
    aws.on("ecs.DescribeServices", at(30, world.done), after=UPDATE) if world is ROLLING else None
    aws.on(UPDATE, lost(world.begun))
    world.looks(aws, *([at(0, world.done)] if world is BLUE_GREEN else [at(0, look), at(30, world.done)]))
    ended = step("deploy")
    assert ended.exit_code == 0, ended.log
    assert aws.count(UPDATE) == 1


@pytest.mark.parametrize(("on_conflict", "exit_code", "calls"), [("wait", 0, 2), ("fail", 2, 1), ("supersede", 0, 2)])
def test_after_throttling_on_conflict_decides_again(
    aws: ScriptedAws, step: Run, on_conflict: str, exit_code: int, calls: int
) -> None:
    """A throttled call has changed nothing, so the other deployment is like one that was found at the start."""
    build(ROLLING, aws)
    service = Service(aws, ROLLING)

    def update(_: Params) -> Answer:
        service.show(ecs.deployment("ecs-svc/2", task_definition="web:2", created=40))
        return ROLLING.begun

    def look(_: Params) -> Params:
        if aws.elapsed() >= 30 and service.now["deployments"][0] is THEIRS:
            service.show(THEIRS_DONE)
        return {"services": [service.now]}

    aws.on("ecs.DescribeServices", look)
    aws.on(UPDATE, service.then(throttled(), THEIRS, DRAINING), update)
    ended = step("deploy", on_conflict=on_conflict)
    assert ended.exit_code == exit_code, ended.log
    assert aws.count(UPDATE) == calls
    waits = "waiting for another deployment to end: deployment ecs-svc/9 (web:7) is IN_PROGRESS"
    assert (waits in ended.log) is (on_conflict == "wait")
    assert ("another deployment is under way: " in ended.log) is (on_conflict == "fail")


def test_a_lost_way_back_never_replaces_another_deployment(aws: ScriptedAws, step: Run) -> None:
    """Another user was quicker than on-failure: rollback; what became of it is unknown, and theirs goes on."""
    build(ROLLING, aws)
    service = Service(aws, ROLLING)
    failed = NEW | {"rolloutState": "FAILED", "rolloutStateReason": ecs.BREAKER_TRIPPED}
    no_rollback: Params = {"deploymentConfiguration": {"deploymentCircuitBreaker": {"enable": True, "rollback": False}}}

    def look(_: Params) -> Params:
        return {"services": [service.now | no_rollback]}

    aws.on("ecs.DescribeServices", look, after=UPDATE)
    aws.on(
        UPDATE,
        service.then(ROLLING.begun, failed, DRAINING),
        service.then(reset(), THEIRS, DRAINING),
        ROLLING.begun,
    )
    ended = step("deploy", on_failure="rollback")
    assert (ended.exit_code, ended.outputs["result"]) == (8, "unknown"), ended.log
    assert "deployment ecs-svc/9 (web:7) became PRIMARY" in ended.log
    assert aws.count(UPDATE) == 2
