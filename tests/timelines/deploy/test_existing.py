"""`continue` and `rollback`: deployments that were started earlier."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from typing import Any

import pytest

from tests.scripted_aws import Clock, Params, ScriptedAws, at, blue_green, denied, ecs
from tests.scripted_aws.fleet import COMPLETES, CRASHES, Fleet, document
from tests.timelines.conftest import REPOSITORY, Step

Run = Callable[..., Step]

OLD = ecs.deployment("ecs-svc/1", "ACTIVE", "web:1")
NEW = ecs.deployment("ecs-svc/2", task_definition="web:2", rollout_state="IN_PROGRESS")
PAUSED = blue_green.service_deployment("2", stage="POST_TEST_TRAFFIC_SHIFT", hooks=[blue_green.hook()])
SOURCE = {"sourceServiceRevisions": [{"arn": blue_green.arn("1", "service-revision")}]}


def blue_green_service(aws: ScriptedAws, now: Params) -> None:
    """A blue/green service whose newest service deployment is this one."""
    aws.on("ecs.DescribeServices", {"services": [blue_green.service(deployments=[NEW, OLD])]})
    aws.on(
        "ecs.ListServiceDeployments",
        blue_green.listed(blue_green.service_deployment("1", "SUCCESSFUL", created=-99), now),
    )
    aws.on("ecs.DescribeServiceDeployments", blue_green.described(now))
    aws.on("ecs.DescribeServiceRevisions", blue_green.revisions)
    task = ecs.task(task_definition="web:2", started_by="ecs-svc/2")
    aws.on("ecs.ListTasks", {"taskArns": []})
    aws.on("ecs.ListTasks", {"taskArns": [task["taskArn"]]}, where={"desiredStatus": "RUNNING"})
    aws.on("ecs.DescribeTasks", ecs.described("tasks", task))
    aws.on("ecs.DescribeTaskDefinition", {"taskDefinition": ecs.task_definition("web", 2), "tags": []})


def runs(aws: ScriptedAws, revision: str) -> None:
    task = ecs.task(task_definition=revision, started_by="ecs-svc/1")
    aws.on("ecs.DescribeTasks", ecs.described("tasks", task))


def test_continue_lets_a_paused_deployment_go_on_and_follows_it(aws: ScriptedAws, step: Run) -> None:
    """ECS gets the id of the hook; the job succeeds once the deployment has succeeded and its digests are verified."""
    blue_green_service(aws, PAUSED | SOURCE)
    aws.on("ecs.ContinueServiceDeployment", {"serviceDeploymentArn": PAUSED["serviceDeploymentArn"]})
    going_on = blue_green.service_deployment("2", stage="PRODUCTION_TRAFFIC_SHIFT")
    looks = blue_green.through(going_on, blue_green.service_deployment("2", "SUCCESSFUL"))
    aws.on("ecs.DescribeServiceDeployments", *looks, after="ecs.ContinueServiceDeployment")
    ended = step("continue", sha="")
    assert ended.exit_code == 0, ended.log
    assert ended.outputs["result"] == "succeeded"
    (call,) = (c for c in aws.calls if c.operation == "ecs.ContinueServiceDeployment")
    assert call.params["hookId"] == "ecs-pause-1"
    assert call.params["action"] == "CONTINUE"
    assert "deployment 2 to web:2 continues" in ended.log


def test_continue_waits_until_ecs_shows_that_the_pause_is_over(aws: ScriptedAws, step: Run) -> None:
    """An outdated read must not look like another pause."""
    blue_green_service(aws, PAUSED | SOURCE)
    aws.on("ecs.ContinueServiceDeployment", {"serviceDeploymentArn": PAUSED["serviceDeploymentArn"]})
    looks = blue_green.through(PAUSED, blue_green.service_deployment("2", "SUCCESSFUL"), every=5)
    aws.on("ecs.DescribeServiceDeployments", *looks, after="ecs.ContinueServiceDeployment")
    ended = step("continue", sha="")
    assert ended.exit_code == 0, ended.log


def test_continue_approves_only_the_pause_that_it_found(aws: ScriptedAws, step: Run) -> None:
    """Another user continues it at the same time, and it waits at the next hook: nobody has approved that one."""
    hooks = [blue_green.hook(id="ecs-pause-2")]
    second = blue_green.service_deployment("2", stage="POST_PRODUCTION_TRAFFIC_SHIFT", hooks=hooks) | SOURCE
    blue_green_service(aws, PAUSED | SOURCE)
    aws.on(
        "ecs.DescribeServiceDeployments", blue_green.described(PAUSED | SOURCE), blue_green.described(second | SOURCE)
    )
    ended = step("continue", sha="")
    assert ended.exit_code == 9, ended.log
    assert aws.count("ecs.ContinueServiceDeployment") == 0
    assert "deployment 2 to web:2 no longer waits at that pause; ecs-cd only follows it" in ended.log


def test_continue_does_not_claim_to_continue_what_is_rolled_back(aws: ScriptedAws, step: Run) -> None:
    """The pause ended between the reading and the call."""
    blue_green_service(aws, PAUSED | SOURCE)
    back = [blue_green.service_deployment("2", f"ROLLBACK_{each}") | SOURCE for each in ("IN_PROGRESS", "SUCCESSFUL")]
    aws.on("ecs.DescribeServiceDeployments", *map(blue_green.described, (PAUSED | SOURCE, *back)))
    aws.on("ecs.ListServiceDeployments", blue_green.listed(PAUSED), blue_green.listed(back[0]))
    ended = step("continue", sha="")
    assert ended.exit_code == 3, ended.log
    assert "web:2 continues" not in ended.log


def test_continue_is_refused_where_nothing_waits(aws: ScriptedAws, step: Run) -> None:
    """The log does not claim that anything continued."""
    blue_green_service(aws, blue_green.service_deployment("2", "SUCCESSFUL"))
    ended = step("continue", sha="")
    assert ended.exit_code == 2
    assert "web: no paused deployment to continue" in ended.log


def test_continue_of_a_rolling_service_is_refused(aws: ScriptedAws, step: Run) -> None:
    """A rolling update never pauses."""
    ended = step("continue", sha="")
    assert ended.exit_code == 2
    assert "no paused deployment to continue" in ended.log


def test_rollback_takes_a_paused_deployment_back_at_its_hook(aws: ScriptedAws, step: Run) -> None:
    """ECS rolls it back, as requested: the job succeeds."""
    blue_green_service(aws, PAUSED | SOURCE)
    aws.on("ecs.ContinueServiceDeployment", {"serviceDeploymentArn": PAUSED["serviceDeploymentArn"]})
    back = [blue_green.service_deployment("2", status) for status in ("ROLLBACK_IN_PROGRESS", "ROLLBACK_SUCCESSFUL")]
    # A look that lags behind shows it waiting once more.
    aws.on("ecs.DescribeServiceDeployments", *blue_green.through(PAUSED, *back), after="ecs.ContinueServiceDeployment")
    runs(aws, "web:1")
    ended = step("rollback", sha="")
    assert ended.exit_code == 0, ended.log
    assert ended.outputs["result"] == "succeeded"
    assert json.loads(ended.outputs["services"])["web"]["result"] == "succeeded"
    assert ended.outputs["task-definition-arn"] == ecs.task_definition_arn("web:1")
    assert "web is back at web:1" in ended.log
    (call,) = (c for c in aws.calls if c.operation == "ecs.ContinueServiceDeployment")
    assert call.params["action"] == "ROLLBACK"


def test_rollback_is_green_only_if_what_ran_before_runs(aws: ScriptedAws, step: Run) -> None:
    """ECS says that it rolled back, and the tasks are still those of web:2."""
    blue_green_service(aws, PAUSED | SOURCE)
    aws.on("ecs.ContinueServiceDeployment", {"serviceDeploymentArn": PAUSED["serviceDeploymentArn"]})
    back = blue_green.through(blue_green.service_deployment("2", "ROLLBACK_SUCCESSFUL"))
    aws.on("ecs.DescribeServiceDeployments", *back, after="ecs.ContinueServiceDeployment")
    ended = step("rollback", sha="")
    assert ended.exit_code == 1, ended.log
    assert "1 min later no task is running" in ended.log


def past(*revisions: str) -> Any:
    """ECS lists a service deployment to each of these revisions of web, oldest first; all were SUCCESSFUL."""
    done = [
        blue_green.service_deployment(revision, "SUCCESSFUL", created=number - 999)
        for number, revision in enumerate(revisions)
    ]
    return blue_green.listed(*done)


def rolling(aws: ScriptedAws, clock: Clock, *, listed: Any) -> Fleet:
    """A rolling service at web:3, of which ECS lists these service deployments."""
    fleet = Fleet(clock, {"web": COMPLETES}).script(aws)
    fleet.updates["web"][0].task_definition = ecs.task_definition_arn("web:3")
    aws.on("ecs.ListServiceDeployments", listed)
    aws.on("ecs.DescribeServiceRevisions", blue_green.revisions)
    aws.on("ecs.DescribeTaskDefinition", {"taskDefinition": ecs.task_definition("web", 2), "tags": []})
    return fleet


@pytest.mark.parametrize(
    ("listed", "revision"),
    [
        ([("1", 0), ("3", 50)], "web:1"),
        ([("3", 50), ("1", 0), ("2", 20)], "web:2"),
    ],
)
def test_rollback_of_a_finished_deployment_goes_to_what_ran_before(
    aws: ScriptedAws, step: Run, clock: Clock, listed: list[tuple[str, float]], revision: str
) -> None:
    """By ECS's service deployments, in the order in which they were made."""
    done = [blue_green.service_deployment(id, "SUCCESSFUL", created=created - 999) for id, created in listed]
    rolling(aws, clock, listed=blue_green.listed(*done))
    ended = step("rollback", sha="")
    assert ended.exit_code == 0, ended.log
    (update,) = (c for c in aws.calls if c.operation == "ecs.UpdateService")
    assert update.params["taskDefinition"].endswith(revision)
    assert f"web is back at {revision}" in ended.log


@pytest.mark.parametrize("listed", [past(), past("3")], ids=["nothing", "only what runs"])
def test_rollback_where_the_history_is_silent_is_refused(
    aws: ScriptedAws, step: Run, clock: Clock, listed: Any
) -> None:
    """The revision's number says nothing about what ran here; --to names the target."""
    rolling(aws, clock, listed=listed)
    ended = step("rollback", sha="")
    assert ended.exit_code == 2
    assert "web: AWS lists no deployment of another revision that ran well before web:3" in ended.log
    assert "--to FAMILY:REVISION" in ended.log
    assert aws.count("ecs.UpdateService") == 0


def test_a_rollback_that_fails_is_red(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """What ran before does not run any more."""
    rolling(aws, clock, listed=past("2", "3"))
    failed = ecs.deployment(
        "ecs-svc/2", task_definition="web:2", rollout_state="FAILED", reason="tasks failed to start."
    )
    stuck = {"services": [ecs.service(deployments=[failed])]}
    stuck["services"][0]["deploymentConfiguration"]["deploymentCircuitBreaker"]["rollback"] = False
    aws.on("ecs.UpdateService", {"service": stuck["services"][0]})
    aws.on("ecs.DescribeServices", at(0, stuck), after="ecs.UpdateService")
    ended = step("rollback", sha="")
    assert ended.exit_code == 1
    assert ended.outputs["result"] == "failed"


def test_a_rollback_that_ecs_takes_back_is_not_green(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """web:2 crashes as well, and ECS returns to web:3, the revision to leave."""
    fleet = rolling(aws, clock, listed=past("2", "3"))
    fleet.courses = {"web": CRASHES}
    aws.on("logs.GetLogEvents", {"events": []})
    ended = step("rollback", sha="")
    assert ended.exit_code == 3, ended.log
    assert ended.outputs["result"] == "rolled-back"
    assert "is back at" not in ended.log


def two(aws: ScriptedAws, clock: Clock) -> Fleet:
    """Two services of the document, both at their revision 3."""
    aws.on(
        "ssm.GetParameter", {"Parameter": {"Value": json.dumps(document(["web", "worker"], REPOSITORY)), "Version": 1}}
    )
    fleet = Fleet(clock, {"web": COMPLETES, "worker": COMPLETES}).script(aws)
    for name in ("web", "worker"):
        fleet.updates[name][0].task_definition = ecs.task_definition_arn(f"{name}:3")
    done = [
        blue_green.service_deployment(str(number), "SUCCESSFUL", created=number - 999, service=name)
        for name in ("web", "worker")
        for number in (2, 3)
    ]
    aws.on("ecs.ListServiceDeployments", blue_green.listed(*done))
    aws.on("ecs.DescribeServiceRevisions", blue_green.revisions)
    aws.on("ecs.DescribeTaskDefinition", {"taskDefinition": ecs.task_definition("web", 2), "tags": []})
    return fleet


def test_of_two_rollbacks_one_that_is_refused_does_not_leave_the_other_alone(
    aws: ScriptedAws, step: Run, clock: Clock
) -> None:
    """The first is already running: that is not "not begun", and ecs-cd follows it to its end."""
    fleet = two(aws, clock)
    aws.on("ecs.UpdateService", fleet._update, denied())
    ended = step("rollback", sha="")
    assert ended.exit_code == 1, ended.log
    services = json.loads(ended.outputs["services"])
    assert {key: service["result"] for key, service in services.items()} == {"web": "succeeded", "worker": "failed"}


def test_a_rollback_that_is_cancelled_goes_on_and_is_told(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """It was asked for in so many words."""
    fleet = two(aws, clock)

    def update(params: Params) -> Params:
        os.kill(os.getpid(), signal.SIGINT)
        return fleet._update(params)

    aws.on("ecs.UpdateService", fleet._update, update)
    ended = step("rollback", sha="")
    assert ended.exit_code == 130
    assert "of service web back to web:2 is IN_PROGRESS; ECS continues it" in ended.log
    assert "of service worker back to worker:2 is IN_PROGRESS; ECS continues it" in ended.log
    assert "| `web` | ❌ cancelled | `web:3` | `web:2` |" in ended.summary
    assert "| `worker` | ❌ cancelled | `worker:3` | `worker:2` |" in ended.summary


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"config": "", "service": ""}, "config: is missing"),
        ({"cluster": "my-cluster"}, "cluster: can't be combined with config, which names the cluster"),
        ({"service": "wbe"}, "did you mean `web`"),
    ],
)
def test_which_service_is_meant_has_to_be_clear(aws: ScriptedAws, step: Run, given: dict[str, str], words: str) -> None:
    """A document, or cluster and service, and not both."""
    ended = step("rollback", **{"sha": "", **given})
    assert ended.exit_code == 2
    assert words in ended.log


def test_cluster_and_service_do_without_a_document(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """For those who deploy with the inputs of the official actions."""
    rolling(aws, clock, listed=past("2", "3"))
    ended = step("rollback", sha="", config="", cluster=ecs.CLUSTER, service="web")
    assert ended.exit_code == 0, ended.log
    assert aws.count("ssm.GetParameter") == 0
