"""Several services in one deploy: started together or in order, one verdict, rolled back together."""

from __future__ import annotations

import itertools
import json
import os
import signal
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.scripted_aws import Clock, Params, ScriptedAws, at, blue_green, denied, ecs, error, expired, lost, throttled
from tests.scripted_aws.fleet import COMPLETES, CRASHES, STAYS, Course, Fleet, document
from tests.timelines.conftest import REPOSITORY, Step

Run = Callable[..., Step]


def fleet(aws: ScriptedAws, clock: Clock, courses: dict[str, Course], **more: Any) -> Fleet:
    """These services in AWS and in the document."""
    given = document(list(courses), REPOSITORY)
    aws.on("ssm.GetParameter", {"Parameter": {"Value": json.dumps(given), "Version": 1}})
    aws.on("logs.GetLogEvents", {"events": [{"message": "boom"}], "nextBackwardToken": "b/1"})
    return Fleet(clock, courses, **more).script(aws)


def updates(aws: ScriptedAws) -> list[tuple[str, str, float]]:
    """Each UpdateService: the service, the revision, when."""
    return [
        (call.params["service"], call.params["taskDefinition"].rpartition("/")[2], call.time)
        for call in aws.calls
        if call.operation == "ecs.UpdateService" and call.processed
    ]


def results(ended: Step) -> dict[str, str]:
    return {key: part["result"] for key, part in json.loads(ended.outputs["services"]).items()}


def test_all_services_of_the_document_are_deployed_together(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """Started without waiting for each other, followed in one loop; the job succeeds if all succeed."""
    fleet(aws, clock, {"web": COMPLETES, "worker": {0: {}, 60: {"rolloutState": "COMPLETED"}}})
    ended = step("deploy")
    assert ended.exit_code == 0, ended.log
    assert updates(aws) == [("web", "web:2", 0), ("worker", "worker:2", 0)]
    assert results(ended) == {"web": "succeeded", "worker": "succeeded"}
    assert ended.outputs["result"] == "succeeded"
    assert ended.outputs["task-definition-arn"].splitlines() == [
        ecs.task_definition_arn("web:2"),
        ecs.task_definition_arn("worker:2"),
    ]
    assert "web: succeeded" in ended.log


def test_only_the_named_services_are_deployed_in_the_order_given(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """The document's other services are not touched."""
    fleet(aws, clock, {"web": COMPLETES, "worker": COMPLETES, "cron": COMPLETES})
    assert step("deploy", service="cron, web").exit_code == 0
    assert [name for name, _, _ in updates(aws)] == ["cron", "web"]


def test_in_order_each_begins_when_the_one_before_has_succeeded(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """The first is COMPLETED after 20 seconds."""
    fleet(aws, clock, {"web": COMPLETES, "worker": COMPLETES})
    assert step("deploy", start="in-order").exit_code == 0
    (_, _, first), (_, _, second) = updates(aws)
    assert first == 0
    assert 20 <= second <= 23


def test_in_order_nothing_begins_after_a_failure(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """And the unused revision is deregistered."""
    fleet(aws, clock, {"web": CRASHES, "worker": COMPLETES})
    ended = step("deploy", start="in-order")
    assert ended.exit_code == 3
    assert [name for name, _, _ in updates(aws)] == ["web"]
    forgotten = [call.params for call in aws.calls if call.operation == "ecs.DeregisterTaskDefinition"]
    assert forgotten == [{"taskDefinition": ecs.task_definition_arn("worker:2")}]


def test_one_failure_makes_it_red_and_the_others_go_on(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """Reported only: the other services keep the new revision."""
    fleet(aws, clock, {"web": COMPLETES, "worker": CRASHES})
    ended = step("deploy")
    assert ended.exit_code == 3
    assert results(ended) == {"web": "succeeded", "worker": "rolled-back"}
    assert "worker: container `app` exited with 1" in ended.log
    assert len(updates(aws)) == 2


def test_with_on_failure_rollback_all_go_back(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """The one that ECS rolled back is left alone; the other goes back and is followed to its end."""
    fleet(aws, clock, {"web": COMPLETES, "worker": CRASHES})
    ended = step("deploy", on_failure="rollback")
    assert ended.exit_code == 3, ended.log
    assert results(ended) == {"web": "rolled-back", "worker": "rolled-back"}
    assert updates(aws)[2][:2] == ("web", "web:1")
    assert "web: going back to web:1 (on-failure: rollback)" in ended.log


def test_a_rollback_of_ours_that_fails_is_told(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """AWS refuses the way back: neither rolled back nor silent."""
    fleet(aws, clock, {"web": COMPLETES, "worker": CRASHES})
    aws.on("ecs.UpdateService", denied(), after="ecs.UpdateService#2")
    ended = step("deploy", on_failure="rollback")
    assert ended.exit_code == 4
    assert results(ended) == {"web": "rollback-failed", "worker": "rolled-back"}


def test_what_failed_without_a_breaker_goes_back(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """ECS would retry forever; ecs-cd does not."""
    dying: Course = {0: {}, 10: {"failedTasks": 1}, 20: {"failedTasks": 2}, 30: {"failedTasks": 3}}
    fleet(aws, clock, {"web": dying}, breaker={"enable": False, "rollback": False})
    ended = step("deploy", on_failure="rollback")
    assert ended.exit_code == 3, ended.log
    assert [revision for _, revision, _ in updates(aws)] == ["web:2", "web:1"]


def test_a_timeout_goes_back_as_well(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """A deployment that does not end in time has failed."""
    fleet(aws, clock, {"web": STAYS})
    ended = step("deploy", on_failure="rollback", deployment_timeout="1m")
    assert ended.exit_code == 3
    assert [revision for _, revision, _ in updates(aws)] == ["web:2", "web:1"]


def test_somebody_elses_deployment_is_not_undone(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """After a timeout the service works towards another revision by now: it stays."""
    fleet(aws, clock, {"web": STAYS})
    theirs = ecs.deployment("ecs-svc/9", task_definition="web:7", rollout_state="IN_PROGRESS")
    # After the last look, when the dead tasks are looked for.
    aws.on("ecs.DescribeServices", {"services": [ecs.service(deployments=[theirs])]}, after="ecs.ListTasks")
    ended = step("deploy", on_failure="rollback", deployment_timeout="1m")
    assert len(updates(aws)) == 1
    assert (ended.exit_code, ended.outputs["result"]) == (5, "superseded"), ended.log
    assert "(web:7) has replaced it; ecs-cd leaves that deployment alone" in ended.log


def test_what_can_not_be_begun_does_not_leave_the_others_alone(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """AWS refuses the second: ecs-cd follows the first to its end, and the job fails."""
    fleet(aws, clock, {"web": COMPLETES, "worker": COMPLETES})
    aws.on("ecs.UpdateService", denied(), after="ecs.UpdateService")
    ended = step("deploy")
    assert ended.exit_code == 1, ended.log
    assert results(ended) == {"web": "succeeded", "worker": "failed"}
    assert "the deployment could not be started" in ended.log


def test_equal_definitions_are_registered_once(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """Two services of one family run one revision."""
    fleet(aws, clock, {"web": COMPLETES, "worker": COMPLETES})
    given: Params = document(["web", "worker"], REPOSITORY)
    given["services"]["worker"]["task-definition"] = "web"
    aws.on("ssm.GetParameter", {"Parameter": {"Value": json.dumps(given), "Version": 1}})
    ended = step("deploy")
    assert ended.exit_code == 0, ended.log
    assert aws.count("ecs.RegisterTaskDefinition") == 1
    assert [revision for _, revision, _ in updates(aws)] == ["web:2", "web:2"]
    assert ended.outputs["task-definition-arn"] == ecs.task_definition_arn("web:2")


def test_a_service_that_is_not_there_is_refused_with_all_others_like_it(
    aws: ScriptedAws, step: Run, clock: Clock
) -> None:
    """Nothing is registered or updated while one is missing."""
    fleet(aws, clock, {"web": COMPLETES})
    given = document(["web", "worker", "cron"], REPOSITORY)
    aws.on("ssm.GetParameter", {"Parameter": {"Value": json.dumps(given), "Version": 1}})
    ended = step("deploy")
    assert ended.exit_code == 2
    assert "worker of cluster my-cluster is not there" in ended.log
    assert "cron of cluster my-cluster is not there" in ended.log
    assert aws.count("ecs.RegisterTaskDefinition") == aws.count("ecs.UpdateService") == 0


@pytest.mark.parametrize("number", [1, 10, 100])
def test_many_services_cost_one_call_for_ten_at_each_look(
    aws: ScriptedAws, step: Run, clock: Clock, number: int
) -> None:
    """At most twelve reads per poll, even while tasks of all services die."""
    dying: Course = {0: {}, **{second: {"failedTasks": second} for second in range(10, 100, 10)}}
    fleet(aws, clock, {f"s{index}": {**dying, 100: {"rolloutState": "COMPLETED"}} for index in range(number)})
    ended = step("deploy")
    assert ended.exit_code == 0, ended.log
    begun = max(call.time for call in aws.calls if call.operation == "ecs.UpdateService")
    looks: dict[float, list[str]] = {}
    for call in aws.calls:
        if begun < call.time < 100:
            looks.setdefault(call.time, []).append(call.operation)
    assert max(len(reads) for reads in looks.values()) <= 12
    assert {reads.count("ecs.DescribeServices") for reads in looks.values()} == {-(-number // 10)}
    times = sorted(looks)
    assert all(later - earlier <= 2 for earlier, later in itertools.pairwise(times))


# ---- somebody else's deployment is under way ----


def theirs_until(aws: ScriptedAws, ours: Fleet, seconds: float) -> None:
    """The service works towards web:7 until then."""
    theirs = ecs.deployment("ecs-svc/9", task_definition="web:7", rollout_state="IN_PROGRESS")
    busy = {"services": [ecs.service(deployments=[theirs, ecs.deployment(status="ACTIVE")])]}
    aws.on("ecs.DescribeServices", at(0, busy), at(seconds, ours._describe))


def test_by_default_its_end_is_waited_for(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """The log says so once; then ecs-cd's deployment starts."""
    theirs_until(aws, fleet(aws, clock, {"web": COMPLETES}), 90)
    ended = step("deploy")
    assert ended.exit_code == 0, ended.log
    assert 90 <= updates(aws)[0][2] <= 93
    assert ended.log.count("waiting for another deployment to end: deployment ecs-svc/9 (web:7) is IN_PROGRESS") == 1


def test_waiting_for_it_ends_with_the_timeout_and_nothing_is_changed(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """No revision is registered before the way is clear."""
    theirs_until(aws, fleet(aws, clock, {"web": COMPLETES}), 900)
    ended = step("deploy", deployment_timeout="1m")
    assert ended.exit_code == 7
    assert "nothing was started" in ended.log
    assert aws.count("ecs.UpdateService") == aws.count("ecs.RegisterTaskDefinition") == 0


def test_on_conflict_fail_refuses_at_once(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """With its name, and nothing changed."""
    theirs_until(aws, fleet(aws, clock, {"web": COMPLETES}), 900)
    ended = step("deploy", on_conflict="fail")
    assert ended.exit_code == 2
    assert "ecs-svc/9 (web:7)" in ended.log
    assert aws.count("ecs.UpdateService") == aws.count("ecs.RegisterTaskDefinition") == 0


def test_on_conflict_supersede_replaces_it(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """By UpdateService; ecs-cd never stops the other deployment with a call."""
    ours = fleet(aws, clock, {"web": COMPLETES})
    theirs_until(aws, ours, 900)
    aws.on("ecs.DescribeServices", ours._describe, after="ecs.UpdateService")
    ended = step("deploy", on_conflict="supersede")
    assert ended.exit_code == 0, ended.log
    assert "superseding it (on-conflict: supersede)" in ended.log
    assert aws.count("ecs.StopServiceDeployment") == 0


def test_five_active_deployments_are_waited_for(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """ECS takes no sixth: it is not even asked."""
    ours = fleet(aws, clock, {"web": COMPLETES})
    old = [ecs.deployment(f"ecs-svc/{n}", "ACTIVE", f"web:{n + 10}") for n in range(4)]
    full = {"services": [ecs.service(deployments=[ecs.deployment(), *old])]}
    aws.on("ecs.DescribeServices", at(0, full), at(40, ours._describe))
    ended = step("deploy")
    assert ended.exit_code == 0, ended.log
    assert updates(aws)[0][2] >= 40
    assert "5 deployments are active" in ended.log


# ---- ordinary cases ----


def test_no_desired_task_is_a_success_without_a_proof(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """desiredCount 0: the revision is the service's, and nothing has to run."""
    fleet(aws, clock, {"web": COMPLETES}, desired={"web": 0})
    ended = step("deploy")
    assert ended.exit_code == 0, ended.log
    assert "the desired count is 0, so no task was started, and no digest was verified" in ended.log


def test_a_first_deployment_has_nothing_to_go_back_to(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """The service was created with this revision and never ran: the log says so, and it stays a failure."""
    ours = fleet(aws, clock, {"web": CRASHES})
    ours.updates["web"] = []
    first = ecs.deployment("ecs-svc/2", task_definition="web:2", rollout_state="IN_PROGRESS")
    none = {"services": [ecs.service(deployments=[first])]}
    failed = first | {"rolloutState": "FAILED", "rolloutStateReason": "No rollback candidate was found."}
    aws.on("ecs.DescribeTaskDefinition", {"taskDefinition": ecs.task_definition("web", 2), "tags": []})
    aws.on("ecs.DescribeServices", at(0, none), at(30, {"services": [ecs.service(deployments=[failed])]}))
    aws.on("ecs.ListTasks", {"taskArns": []})
    ended = step("deploy", on_failure="rollback")
    assert ended.exit_code == 1, ended.log
    assert "there is nothing to go back to" in ended.log
    assert updates(aws) == []


def test_an_absent_family_is_registered(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """The template is a file, and nothing is registered under its family yet."""
    fleet(aws, clock, {"web": COMPLETES})
    given = document(["web"], REPOSITORY)
    given["services"]["web"]["task-definition"] = "s3://bucket/web.json"
    text = json.dumps({"family": "web", "containerDefinitions": [{"name": "app", "image": "<IMAGE>"}]})
    aws.on("ssm.GetParameter", {"Parameter": {"Value": json.dumps(given), "Version": 1}})
    aws.on("s3.GetObject", {"Body": text.encode(), "ContentLength": len(text)})
    aws.on("ecs.DescribeTaskDefinition", error("ClientException", "Unable to describe task definition."))
    assert step("deploy").exit_code == 0
    assert aws.count("ecs.RegisterTaskDefinition") == 1


# ---- how far, how fast ----


def test_wait_until_started_is_green_and_claims_no_success(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """In progress: ecs-cd did not check which image runs."""
    fleet(aws, clock, {"web": STAYS})
    ended = step("deploy", wait_until="started")
    assert ended.exit_code == 0
    assert ended.outputs["result"] == "in-progress"
    assert clock.monotonic() < 1


def test_wait_until_a_stage_that_never_comes_is_refused(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """A rolling update has no bake time; nothing is changed."""
    fleet(aws, clock, {"web": STAYS})
    ended = step("deploy", wait_until="BAKE_TIME")
    assert ended.exit_code == 2
    assert "a ROLLING deployment, such as that of web, has no `BAKE_TIME`" in ended.log
    assert aws.count("ecs.UpdateService") == 0


def unpullable(name: str, deployment: str) -> Params:
    reason = "CannotPullContainerError: ref pull has been retried 1 time(s): failed to resolve: not found"
    return ecs.task(
        f"{name}-dead",
        "STOPPED",
        containers=[ecs.container(status="STOPPED", reason=reason)],
        task_definition=f"{name}:2",
        started_by=deployment,
        stopCode="TaskFailedToStart",
        stoppedReason=reason,
    )


@pytest.mark.parametrize("fail_fast", ["false", "true"])
def test_what_never_heals_is_said_at_once_and_ends_the_wait_with_fail_fast(
    aws: ScriptedAws, step: Run, clock: Clock, fail_fast: str
) -> None:
    """The image is missing: within one poll of the first dead task, minutes before any circuit breaker."""
    stuck: Course = {0: {"pendingCount": 1}, 30: {"failedTasks": 1}, 300: {"rolloutState": "FAILED"}}
    fleet(aws, clock, {"web": stuck}, breaker={"enable": True, "rollback": False})
    dead = unpullable("web", "ecs-svc/2")
    aws.on("ecs.ListTasks", {"taskArns": [dead["taskArn"]]}, where={"desiredStatus": "STOPPED"})
    aws.on("ecs.DescribeTasks", {"tasks": [dead]})
    ended = step("deploy", fail_fast=fail_fast)
    assert ended.exit_code == 1
    assert "web: a task died: the image can't be pulled: it does not exist (container `app`)" in ended.log
    found = next(call.time for call in aws.calls if call.operation == "ecs.DescribeTasks")
    assert 30 <= found <= 32
    assert clock.monotonic() <= 34 if fail_fast == "true" else clock.monotonic() >= 300


# ---- a dry run ----


def test_a_dry_run_tells_what_would_change_and_changes_nothing(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """In the log and in the summary, for pull requests; exit code 0, and no success is claimed."""
    fleet(aws, clock, {"web": COMPLETES})
    ended = step("deploy", dry_run="true")
    assert ended.exit_code == 0, ended.log
    assert ended.outputs["result"] == "skipped"
    line = "containerDefinitions.app.image"
    assert line in ended.log
    assert line in ended.summary
    changing = ("Update", "Register", "Deregister", "Put", "Create", "Run", "Stop")
    assert not [c.operation for c in aws.calls if c.operation.partition(".")[2].startswith(changing)]


def test_a_dry_run_needs_no_image(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """A pull request's commit has no image in ECR: the log says so, and ecs-cd compares the rest."""
    fleet(aws, clock, {"web": COMPLETES})
    failure = {"imageId": {"imageTag": "x"}, "failureCode": "ImageNotFound"}
    aws.on("ecr.BatchGetImage", {"images": [], "failures": [failure]})
    ended = step("deploy", dry_run="true")
    assert ended.exit_code == 0, ended.log
    assert "image `app` is not in ECR" in ended.log


def test_of_many_lost_answers_each_is_looked_for(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """Two services, both answers of UpdateService lost: two updates, no third."""
    ours = fleet(aws, clock, {"web": COMPLETES, "worker": COMPLETES})
    aws.on("ecs.UpdateService", lost(ours._update))
    assert step("deploy").exit_code == 0
    assert len(updates(aws)) == 2


# ---- several services, one of which goes wrong ----


def blue_green_fleet(aws: ScriptedAws, names: Sequence[str], busy_until: float = 0) -> None:
    """Blue/green services; another user's service deployment of each to its revision 7 runs until then, and the
    revision 1 has the traffic."""
    given = document(list(names), REPOSITORY)
    aws.on("ssm.GetParameter", {"Parameter": {"Value": json.dumps(given), "Version": 1}})
    services = [
        blue_green.service(name=name, deployments=[ecs.deployment(task_definition=f"{name}:1")]) for name in names
    ]
    aws.on("ecs.DescribeServices", ecs.described("services", *services))
    theirs = [blue_green.service_deployment("7", stage="BAKE_TIME", service=name) for name in names]
    aws.on("ecs.ListServiceDeployments", at(0, blue_green.listed(*theirs)), at(busy_until, blue_green.listed()))
    aws.on("ecs.DescribeServiceRevisions", blue_green.revisions)
    aws.on("ecs.DescribeServiceDeployments", blue_green.described())


def deregistered(aws: ScriptedAws) -> list[str]:
    calls = (call for call in aws.calls if call.operation == "ecs.DeregisterTaskDefinition")
    return [call.params["taskDefinition"].rpartition("/")[2] for call in calls]


def at_most_twelve_a_look(aws: ScriptedAws, since: float, until: float = float("inf")) -> None:
    looks = Counter(call.time for call in aws.calls if since < call.time < until)
    assert looks
    assert max(looks.values()) <= 12, looks.most_common(3)


def test_one_that_fails_first_takes_those_under_way_back_with_it(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """The wait for the others ends, and they have a verdict all the same."""
    fleet(aws, clock, {"web": CRASHES, "worker": STAYS})
    ended = step("deploy", on_failure="rollback")
    assert ended.exit_code == 3, ended.log
    assert results(ended) == {"web": "rolled-back", "worker": "rolled-back"}
    assert [revision for _, revision, _ in updates(aws)] == ["web:2", "worker:2", "worker:1"]


def test_a_way_back_that_ecs_takes_back_is_no_way_back(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """What ran before crashes as well, and ECS returns to what failed: that is not "back at web:1"."""
    ours = fleet(aws, clock, {"web": COMPLETES, "worker": CRASHES})

    def update(params: Params) -> Params:
        answer = ours._update(params)
        if params["taskDefinition"].endswith("web:1"):
            ours.updates["web"][-1].course = CRASHES
        return answer

    aws.on("ecs.UpdateService", update)
    ended = step("deploy", on_failure="rollback")
    assert ended.exit_code == 4, ended.log
    assert results(ended) == {"web": "rollback-failed", "worker": "rolled-back"}


def test_what_the_service_had_before_is_not_undone(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """Another run has completed web:2, whose old tasks are still ending; we changed nothing of it."""
    ours = fleet(aws, clock, {"web": COMPLETES, "worker": CRASHES})
    there = ecs.task_definition("web", 2)
    aws.on("ecs.DescribeTaskDefinition", {"taskDefinition": there, "tags": []}, where={"taskDefinition": "web"})
    steady = [ecs.deployment("ecs-svc/2", task_definition="web:2"), ecs.deployment(status="ACTIVE")]
    ours.service = lambda name: (  # type: ignore[method-assign]
        ecs.service(deployments=steady) if name == "web" else Fleet.service(ours, name)
    )
    ended = step("deploy", on_failure="rollback")
    assert ended.exit_code == 3, ended.log
    assert results(ended) == {"web": "succeeded", "worker": "rolled-back"}
    assert [name for name, _, _ in updates(aws)] == ["worker"]


def test_in_order_what_was_not_begun_is_skipped_and_told(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """In the verdict, and in the outputs with no deployment and no revision, for that is deregistered."""
    fleet(aws, clock, {"web": CRASHES, "worker": COMPLETES})
    ended = step("deploy", start="in-order")
    assert results(ended) == {"web": "rolled-back", "worker": "skipped"}
    assert "worker skipped: not started, because web did not succeed" in ended.log
    assert ended.outputs["task-definition-arn"] == ecs.task_definition_arn("web:2")
    assert json.loads(ended.outputs["services"])["worker"]["task-definition-arn"] == ""
    assert deregistered(aws) == ["worker:2"]


def test_in_order_all_share_one_timeout(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """The second has what the first left of it."""
    fleet(aws, clock, {"web": COMPLETES, "worker": STAYS})
    ended = step("deploy", start="in-order", deployment_timeout="1m")
    assert ended.exit_code == 7
    assert results(ended) == {"web": "succeeded", "worker": "timed-out"}
    assert clock.monotonic() <= 63


def test_in_order_somebody_elses_deployment_is_looked_for_before_each(
    aws: ScriptedAws, step: Run, clock: Clock
) -> None:
    """It began while the first was followed: the second waits for its end, and does not replace it."""
    ours = fleet(aws, clock, {"web": COMPLETES, "worker": COMPLETES})
    theirs = ecs.deployment("ecs-svc/9", task_definition="worker:7", rollout_state="IN_PROGRESS")
    busy = {"services": [ecs.service("worker", deployments=[theirs])]}
    aws.on("ecs.DescribeServices", at(10, busy), at(90, ours._describe), where={"services": ["worker"]})
    ended = step("deploy", start="in-order")
    assert ended.exit_code == 0, ended.log
    assert updates(aws)[1][2] >= 90
    assert "worker: waiting for another deployment to end: deployment ecs-svc/9 (worker:7) is IN_PROGRESS" in ended.log


def test_going_back_has_a_time_of_its_own(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """However much of the timeout was used before the start."""
    theirs_until(aws, fleet(aws, clock, {"web": STAYS}), 50)
    ended = step("deploy", on_failure="rollback", deployment_timeout="1m")
    assert ended.exit_code == 3, ended.log


@pytest.mark.parametrize(
    ("since", "said"),
    [
        ("ecs.ListTasks", "can't be started at the moment (ThrottlingException); retrying"),
        ("ecs.UpdateService#2", "AWS can't be read at the moment (ThrottlingException); retrying"),
    ],
)
def test_reads_that_fail_for_two_minutes_do_not_end_the_way_back(
    aws: ScriptedAws, step: Run, clock: Clock, since: str, said: str
) -> None:
    """Neither the read before it nor the polls that follow it."""
    ours = fleet(aws, clock, {"web": STAYS})
    aws.on("ecs.DescribeServices", at(0, throttled()), at(120, ours._describe), after=since)
    ended = step("deploy", on_failure="rollback", deployment_timeout="170s")
    assert ended.exit_code == 3, ended.log
    assert [revision for _, revision, _ in updates(aws)] == ["web:2", "web:1"]
    assert ended.log.count(said) == 1


def test_each_timeout_tells_of_its_own_service(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """And not of the others."""
    fleet(aws, clock, {"web": STAYS, "worker": STAYS})
    ended = step("deploy", deployment_timeout="1m")
    assert ended.exit_code == 7
    last = next(line for line in ended.log.splitlines() if line.startswith("::error title=Deployment"))
    assert last.count("0 of 1 running") == 2


# ---- revisions that are registered and not deployed ----


def test_a_registration_that_is_refused_takes_the_others_away(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """AWS refuses the second family: the first one's revision is deregistered."""
    ours = fleet(aws, clock, {"web": COMPLETES, "worker": COMPLETES})
    aws.on("ecs.RegisterTaskDefinition", ours._register, denied())
    ended = step("deploy")
    assert ended.exit_code == 2
    assert deregistered(aws) == ["web:2"]
    assert updates(aws) == []


def test_a_revision_that_one_of_two_services_got_stays(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """Both share it; the second is refused."""
    ours = fleet(aws, clock, {"web": COMPLETES, "worker": COMPLETES})
    given: Params = document(["web", "worker"], REPOSITORY)
    given["services"]["worker"]["task-definition"] = "web"
    aws.on("ssm.GetParameter", {"Parameter": {"Value": json.dumps(given), "Version": 1}})
    aws.on("ecs.UpdateService", ours._update, denied())
    assert step("deploy").exit_code == 1
    assert deregistered(aws) == []


# ---- cancelled ----


def interrupted(answer: Callable[[Params], Any]) -> Callable[[Params], Any]:
    """The runner's SIGINT arrives while AWS does what was asked."""

    def interrupt(params: Params) -> Any:
        done = answer(params)
        os.kill(os.getpid(), signal.SIGINT)
        return done

    return interrupt


def test_cancelled_while_revisions_are_registered_nothing_is_left(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """No deployment is running, and the known new revisions are deregistered."""
    ours = fleet(aws, clock, {"web": COMPLETES, "worker": COMPLETES})
    aws.on("ecs.RegisterTaskDefinition", ours._register, interrupted(ours._register))
    ended = step("deploy", on_cancel="stop")
    assert ended.exit_code == 130
    assert ended.outputs["result"] == "cancelled"
    assert deregistered(aws) == ["web:2"]
    assert updates(aws) == []


def test_cancelled_in_the_middle_of_several_starts_those_begun_are_stopped(
    aws: ScriptedAws, step: Run, clock: Clock
) -> None:
    """The second's answer never came, so ecs-cd checks for it; the third was never requested."""
    ours = fleet(aws, clock, {"web": STAYS, "worker": STAYS, "cron": STAYS})
    aws.on("ecs.UpdateService", ours._update, interrupted(ours._update), ours._update)
    ended = step("deploy", on_cancel="stop")
    assert ended.exit_code == 130
    began, stopped = updates(aws)[:2], updates(aws)[2:]
    assert [revision for _, revision, _ in began] == ["web:2", "worker:2"]
    assert sorted(revision for _, revision, _ in stopped) == ["web:1", "worker:1"]
    assert "cron" not in ended.log.partition("cancelled")[2]


def test_cancelled_while_going_back_the_way_back_goes_on(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """on-cancel: stop is about what is new; to stop the way back would bring the failure back."""
    ours = fleet(aws, clock, {"web": STAYS})

    def describe(params: Params) -> Any:
        return (interrupted(ours._describe) if clock.monotonic() > 64 else ours._describe)(params)

    aws.on("ecs.DescribeServices", describe)
    ended = step("deploy", on_failure="rollback", deployment_timeout="1m", on_cancel="stop")
    assert ended.exit_code == 130
    assert [revision for _, revision, _ in updates(aws)] == ["web:2", "web:1"]
    assert "deployment ecs-svc/3 of service web back to web:1 is IN_PROGRESS; ECS continues it" in ended.log


def test_cancelled_while_one_goes_on_what_is_done_is_not_spoken_of(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """web has succeeded already; worker is still running."""
    ours = fleet(aws, clock, {"web": COMPLETES, "worker": STAYS})

    def describe(params: Params) -> Any:
        return (interrupted(ours._describe) if clock.monotonic() > 60 else ours._describe)(params)

    aws.on("ecs.DescribeServices", describe)
    ended = step("deploy")
    assert ended.exit_code == 130
    words = ended.log.partition("cancelled")[2]
    assert "service worker to worker:2 is IN_PROGRESS" in words
    assert "service web" not in words


def test_cancelled_while_scheduled_tasks_are_updated_their_revision_stays(
    aws: ScriptedAws, step: Run, clock: Clock
) -> None:
    """A rule may run it already."""
    fleet(aws, clock, {"web": COMPLETES})
    nightly = {"rule": "nightly", "task-definition": "job", "containers": {"app": "app"}}
    given = document(["web"], REPOSITORY, **{"scheduled-tasks": {"nightly": nightly}})
    aws.on("ssm.GetParameter", {"Parameter": {"Value": json.dumps(given), "Version": 1}})
    runs = {"TaskDefinitionArn": ecs.task_definition_arn("job:1")}
    target = {"Id": "1", "Arn": f"{ecs.PREFIX}:cluster/{ecs.CLUSTER}", "EcsParameters": runs}
    aws.on("events.DescribeRule", {"Name": "nightly", "State": "ENABLED"})
    aws.on("events.ListTargetsByRule", {"Targets": [target]})
    aws.on("events.PutTargets", interrupted(lambda params: {"FailedEntryCount": 0, "FailedEntries": []}))
    assert step("deploy").exit_code == 130
    assert deregistered(aws) == []


def test_credentials_that_expire_leave_each_service_unknown(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """Exit code 8, and of each what became of it can't be found out."""
    ours = fleet(aws, clock, {"web": STAYS, "worker": STAYS})
    aws.on("ecs.DescribeServices", at(0, ours._describe), at(10, expired()))
    ended = step("deploy")
    assert ended.exit_code == 8
    assert ended.outputs["result"] == "unknown"
    assert "can't find out what became of service web" in ended.log
    assert "can't find out what became of service worker" in ended.log


# ---- a hundred services ----


def test_a_hundred_failures_are_told_in_few_words_and_calls(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """What failed alike is one cause; the verdict is among the ten annotations that GitHub shows."""
    fleet(aws, clock, {f"s{number}": CRASHES for number in range(100)})
    ended = step("deploy")
    assert ended.exit_code == 3, ended.log
    errors = [line for line in ended.log.splitlines() if line.startswith("::error")]
    assert len(errors) <= 10
    assert all(len(line) < 4096 for line in errors)
    assert "100 services: 100 rolled back; s0: ECS rolled back to s0:1" in errors[-1]
    assert "s0, s1, s2, s3, s4: container `app` exited with 1 (3 tasks)" in ended.log
    assert "s5, s6, s7, s8, s9 and 90 more: " in ended.log
    over = max(call.time for call in aws.calls if call.operation == "ecs.DescribeServices")
    assert sum(call.time >= over for call in aws.calls) < 100


def test_the_proof_of_a_hundred_services_is_no_flood_and_no_long_wait(
    aws: ScriptedAws, step: Run, clock: Clock
) -> None:
    """A ListTasks for each service, fifty at a time; the verdict comes within three seconds of the last COMPLETED."""
    fleet(aws, clock, {f"s{number}": COMPLETES for number in range(100)})
    ended = step("deploy")
    assert ended.exit_code == 0, ended.log
    late = [call.time for call in aws.calls if call.time > 20 and call.operation != "ecs.DescribeServices"]
    assert max(late.count(moment) for moment in set(late)) <= 55
    assert clock.monotonic() <= 23


def test_waiting_for_many_costs_no_more_than_a_look(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """ECS's blue/green deployments are listed service by service: those that are waited for take turns."""
    blue_green_fleet(aws, [f"s{number}" for number in range(30)], busy_until=900)
    ended = step("deploy", deployment_timeout="2m")
    assert ended.exit_code == 7
    assert "nothing was started" in ended.log
    at_most_twelve_a_look(aws, since=0)


def test_going_back_of_many_costs_no_more_than_a_look(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """Of a hundred services one fails; ninety-nine go back."""
    fleet(aws, clock, {f"s{number}": CRASHES if number == 50 else COMPLETES for number in range(100)})
    ended = step("deploy", on_failure="rollback")
    assert ended.exit_code == 3, ended.log
    back = max(call.time for call in aws.calls if call.operation == "ecs.UpdateService")
    at_most_twelve_a_look(aws, since=back)


# ---- before anything is changed ----


def test_a_first_look_that_fails_is_repeated(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """For two minutes ecs-cd can't read whether another deployment runs: neither a defect nor a refusal."""
    blue_green_fleet(aws, ["web"])
    aws.on("ecs.ListServiceDeployments", at(0, throttled()), at(120, blue_green.listed()))
    aws.on("ecs.UpdateService", denied())
    aws.on("ecs.DeregisterTaskDefinition", {"taskDefinition": ecs.task_definition("web", 2)})
    ended = step("deploy")
    assert ended.exit_code == 2, ended.log
    assert "AWS can't be read at the moment" in ended.log
    assert "AWS answered UpdateService with AccessDeniedException" in ended.log


def test_what_is_wrong_with_several_services_is_told_at_once(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """The container of the one, the stage of both."""
    fleet(aws, clock, {"web": COMPLETES, "worker": COMPLETES})
    given: Params = document(["web", "worker"], REPOSITORY)
    given["services"]["worker"]["containers"] = {"api": "app"}
    aws.on("ssm.GetParameter", {"Parameter": {"Value": json.dumps(given), "Version": 1}})
    ended = step("deploy", wait_until="BAKE_TIME")
    assert ended.exit_code == 2
    assert "has no container `api`" in ended.log
    assert "such as that of web, has no `BAKE_TIME`" in ended.log
    assert "such as that of worker, has no `BAKE_TIME`" in ended.log


def test_two_names_of_one_service_are_refused(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """The second deployment would supersede the first."""
    fleet(aws, clock, {"web": COMPLETES})
    given: Params = document(["web", "worker"], REPOSITORY)
    given["services"]["worker"]["service"] = "web"
    aws.on("ssm.GetParameter", {"Parameter": {"Value": json.dumps(given), "Version": 1}})
    ended = step("deploy")
    assert ended.exit_code == 2
    assert "services.web and services.worker are the same ECS service, web" in ended.log


def test_a_dry_run_of_the_pipeline_changes_nothing(aws: ScriptedAws, step: Run, clock: Clock, tmp_path: Path) -> None:
    """It neither builds nor migrates nor registers."""
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    ours = fleet(aws, clock, {"web": COMPLETES})
    given: Params = document(["web"], REPOSITORY)
    given["migration"] = {"task-definition": "migration", "container": "app"}
    aws.on("ssm.GetParameter", {"Parameter": {"Value": json.dumps(given), "Version": 1}})
    aws.on("ecr.DescribeRepositories", {"repositories": [{"imageTagMutability": "MUTABLE"}]})
    ended = step("pipeline", dry_run="true")
    assert ended.exit_code == 0, ended.log
    assert ended.outputs == {"result": "skipped"}
    changing = ("Update", "Register", "Deregister", "Put", "Create", "Run", "Stop", "Delete")
    assert not [c.operation for c in aws.calls if c.operation.partition(".")[2].startswith(changing)]
    assert ours.updates["web"][-1].id == "ecs-svc/1"


# ---- the proof ----


def test_reads_that_fail_during_the_proof_are_survived(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """Two minutes without an answer do not mean another digest."""
    ours = fleet(aws, clock, {"web": COMPLETES})
    aws.on("ecs.ListTasks", at(0, throttled()), at(142, ours._list_tasks), where={"desiredStatus": "RUNNING"})
    ended = step("deploy")
    assert ended.exit_code == 0, ended.log


def test_a_proof_that_can_not_be_read_at_all_is_no_failure(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """What runs is unknown: neither a success, nor a reason to roll back."""
    fleet(aws, clock, {"web": COMPLETES})
    aws.on("ecs.ListTasks", throttled(), where={"desiredStatus": "RUNNING"})
    ended = step("deploy", on_failure="rollback")
    assert ended.exit_code == 8
    assert ended.outputs["result"] == "unknown"
    assert len(updates(aws)) == 1


def test_a_service_that_is_scaled_to_nothing_meanwhile_is_no_success(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """It wanted a task when the deployment began; now none runs, so nothing was verified, and nothing is cleaned up."""
    ours = fleet(aws, clock, {"web": COMPLETES})
    aws.on("ecs.ListTasks", {"taskArns": []})
    ours.desired = {"web": 1}
    none = {"services": [ecs.service(desired=0, deployments=[ecs.deployment("ecs-svc/2", task_definition="web:2")])]}
    aws.on("ecs.DescribeServices", at(0, ours._describe), at(25, none))
    ended = step("deploy", keep_revisions="1")
    assert (ended.exit_code, ended.outputs["result"]) == (5, "superseded"), ended.log
    assert "the service was scaled to 0 during the deployment: no task runs, and nothing was verified" in ended.log
    assert aws.count("ecs.DeregisterTaskDefinition") == 0


def test_tasks_that_do_not_run_prove_nothing(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """The service has the revision already, and its task is PENDING since it crashed."""
    ours = fleet(aws, clock, {"web": COMPLETES})
    ours.updates["web"][0].task_definition = ecs.task_definition_arn("web:2")
    aws.on("ecs.DescribeTaskDefinition", {"taskDefinition": ecs.task_definition("web", 2), "tags": []})
    aws.on("ecs.DescribeTasks", {"tasks": [ecs.task("web-0", "PENDING", task_definition="web:2")]})
    ended = step("deploy")
    assert ended.exit_code == 1, ended.log
    assert "no task is running" in ended.log
