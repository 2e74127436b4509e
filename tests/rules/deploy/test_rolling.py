"""Snapshots of a service to verdicts on one deployment."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel

from ecs_cd.deploy.rules import rolling
from ecs_cd.deploy.rules.own_deployment import OwnDeployment
from ecs_cd.deploy.rules.rolling import Snapshot
from ecs_cd.model.lifecycle import STABLE, Strategy, Until
from ecs_cd.model.verdict import InProgress, Outcome, Verdict
from tests.scripted_aws import moment

OLD, NEW, THEIRS = ("arn:aws:ecs:r:1:task-definition/web:" + n for n in "127")
MINE = OwnDeployment(
    Strategy.ROLLING, "ecs-svc/2", NEW, OLD, "ecs-svc/1", started_by="ecs-svc/2", created_at=moment(100)
)
ROLLBACK = "ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/3."


def deployment(id: str, status: str, definition: str, state: str, why: str = "", **counts: int) -> dict[str, Any]:
    base = {"id": f"ecs-svc/{id}", "status": status, "taskDefinition": definition, "rolloutState": state}
    return {**base, "rolloutStateReason": why, "desiredCount": 2, "runningCount": 0, "pendingCount": 0, **counts}


def service(
    *deployments: dict[str, Any], status: str = "ACTIVE", breaker: bool = True, back: bool = True
) -> dict[str, Any]:
    return {
        "status": status,
        "desiredCount": 2,
        "deployments": list(deployments),
        "deploymentConfiguration": {"deploymentCircuitBreaker": {"enable": breaker, "rollback": back}},
    }


own = {
    state: deployment("2", "PRIMARY", NEW, state, "tasks failed to start.")
    for state in ("IN_PROGRESS", "FAILED", "COMPLETED")
}
demoted = {state: {**snapshot, "status": "ACTIVE"} for state, snapshot in own.items()}

LOST = "ecs-svc/2 is no longer PRIMARY; waiting for ECS to say whether it was replaced or rolled back"

SILENT: dict[str, Any] = {"status": "", "asked_at": 60.0, "unlisted_since": 0.0}  # ECS has not listed ours for a minute
NOT_YET = "ECS does not show the deployment yet"
ROLLED_BACK_ONCE = deployment("1", "PRIMARY", OLD, "COMPLETED", ROLLBACK.replace("/3", "/1"))
EARLIER = {**deployment("8", "PRIMARY", THEIRS, "IN_PROGRESS"), "createdAt": moment(99)}


def uncounted(id: str, status: str, definition: str, **counts: int) -> dict[str, Any]:
    """A deployment as ECS returns it for a service behind a Classic Load Balancer."""
    entry = {**deployment(id, status, definition, ""), **counts}
    return {key: value for key, value in entry.items() if not key.startswith("rollout")}


def wants(desired: int, running: int, *deployments: dict[str, Any], **more: Any) -> dict[str, Any]:
    counts = {"desiredCount": desired, "runningCount": running, "pendingCount": 0}
    return {**service(*deployments, **more), **counts}


TABLE: list[tuple[str, Snapshot, Outcome | str]] = [
    ("completed", Snapshot(service(own["COMPLETED"])), Outcome.SUCCEEDED),
    ("in progress", Snapshot(service(own["IN_PROGRESS"])), "0 of 2 running"),
    ("an unknown word of ECS", Snapshot(service(deployment("2", "PRIMARY", NEW, "PONDERING"))), "0 of 2 running (ECS calls it PONDERING)"),
    ("no rollout state yet", Snapshot(service({"id": "ecs-svc/2", "status": "PRIMARY"})), "0 of 0 running"),
    ("failed, and it rolls back", Snapshot(service(own["FAILED"])), "FAILED: tasks failed to start; waiting for the rollback"),
    ("failed, no rollback set", Snapshot(service(own["FAILED"], back=False)), Outcome.FAILED),
    (
        "failed, nothing to roll back to",
        Snapshot(service(deployment("2", "PRIMARY", NEW, "FAILED", "No rollback candidate was found to run the rollback."))),
        Outcome.FAILED,
    ),
    (
        "rolling back",
        Snapshot(service(deployment("3", "PRIMARY", OLD, "IN_PROGRESS", ROLLBACK), demoted["FAILED"])),
        "FAILED; rolling back to web:1, 0 of 2 running",
    ),
    (
        "during a rollback mine can still read in progress",
        Snapshot(service(deployment("3", "PRIMARY", OLD, "IN_PROGRESS", ROLLBACK), demoted["IN_PROGRESS"])),
        "FAILED; rolling back to web:1, 0 of 2 running",
    ),
    (
        "rolled back",
        Snapshot(service(deployment("3", "PRIMARY", OLD, "COMPLETED", ROLLBACK), demoted["FAILED"])),
        Outcome.ROLLED_BACK,
    ),
    (
        "rolled back, mine is listed no more",
        Snapshot(service(deployment("3", "PRIMARY", OLD, "COMPLETED", "ECS deployment completed.")), status="ROLLBACK_SUCCESSFUL"),
        Outcome.ROLLED_BACK,
    ),
    (
        "rolled back under the old deployment's id, and ours reads in progress",
        Snapshot(service(deployment("1", "PRIMARY", OLD, "IN_PROGRESS", ROLLBACK), demoted["IN_PROGRESS"])),
        "FAILED; rolling back to web:1, 0 of 2 running",
    ),
    (
        "rolled back, and then somebody deployed",
        Snapshot(service(deployment("9", "PRIMARY", THEIRS, "COMPLETED"), demoted["FAILED"]), status="ROLLBACK_SUCCESSFUL"),
        Outcome.ROLLED_BACK,
    ),
    (
        "rolling back, and then somebody deployed",
        Snapshot(service(deployment("9", "PRIMARY", THEIRS, "COMPLETED")), status="ROLLBACK_IN_PROGRESS"),
        "FAILED; rolling back to web:1",
    ),
    (
        "failed, and then somebody deployed",
        Snapshot(service(deployment("9", "PRIMARY", THEIRS, "COMPLETED"), demoted["FAILED"]), **SILENT),
        Outcome.FAILED,
    ),
    (
        "failed, and somebody deployed, ECS has not been asked yet",
        Snapshot(service(deployment("9", "PRIMARY", THEIRS, "COMPLETED"), demoted["FAILED"])),
        LOST,
    ),
    (
        "rolled back under the old deployment's id",
        Snapshot(service(deployment("1", "PRIMARY", OLD, "COMPLETED"), demoted["FAILED"])),
        Outcome.ROLLED_BACK,
    ),
    (
        "the rollback failed",
        Snapshot(service(deployment("3", "PRIMARY", OLD, "FAILED", ROLLBACK), demoted["FAILED"])),
        Outcome.ROLLBACK_FAILED,
    ),
    (
        "superseded",
        Snapshot(service(deployment("9", "PRIMARY", THEIRS, "IN_PROGRESS"), demoted["IN_PROGRESS"]), **SILENT),
        Outcome.SUPERSEDED,
    ),
    (
        "superseded, mine is listed no more",
        Snapshot(service(deployment("9", "PRIMARY", THEIRS, "COMPLETED")), **SILENT),
        Outcome.SUPERSEDED,
    ),
    (
        "demoted, and ECS does not list it yet",
        Snapshot(service(deployment("9", "PRIMARY", THEIRS, "COMPLETED")), status="", asked_at=59.0, unlisted_since=0.0),
        LOST,
    ),
    (
        "superseded, and the role may not list service deployments",
        Snapshot(service(deployment("9", "PRIMARY", THEIRS, "COMPLETED")), status=rolling.UNREADABLE),
        Outcome.SUPERSEDED,
    ),
    (
        "failed and replaced, and ECS does not list it yet",
        Snapshot(service(deployment("9", "PRIMARY", THEIRS, "COMPLETED"), demoted["FAILED"]), status="", asked_at=1.0, unlisted_since=0.0),
        LOST,
    ),
    ("demoted, and ECS has not been asked yet", Snapshot(service(deployment("9", "PRIMARY", THEIRS, "COMPLETED"))), LOST),
    (
        "superseded, says the service deployment",
        Snapshot(service(deployment("9", "PRIMARY", THEIRS, "IN_PROGRESS")), status="STOPPED"),
        Outcome.SUPERSEDED,
    ),
    (
        "superseded, and ECS rolls back what replaced it",
        Snapshot(service(deployment("4", "PRIMARY", OLD, "COMPLETED", ROLLBACK)), status="STOPPED", failed_at=5.0),
        Outcome.SUPERSEDED,
    ),
    (
        "somebody else went back to the old revision",
        Snapshot(service(deployment("9", "PRIMARY", OLD, "COMPLETED"), demoted["IN_PROGRESS"]), **SILENT),
        Outcome.SUPERSEDED,
    ),
    (
        "somebody forced our own revision",
        Snapshot(service(deployment("9", "PRIMARY", NEW, "IN_PROGRESS"))),
        "0 of 2 running",
    ),
    (
        "somebody forced our own revision, and it is there",
        Snapshot(service(deployment("9", "PRIMARY", NEW, "COMPLETED"))),
        Outcome.SUCCEEDED,
    ),
    (
        "ours was there, and then somebody deployed",
        Snapshot(service(deployment("9", "PRIMARY", THEIRS, "IN_PROGRESS")), status="SUCCESSFUL"),
        Outcome.SUPERSEDED,
    ),
    (
        "rolled back, as was seen before, and neither listed nor said any more",
        Snapshot(service(deployment("3", "PRIMARY", OLD, "COMPLETED")), at=20, failed_at=0),
        Outcome.ROLLED_BACK,
    ),
    ("failed, and ECS does not roll back", Snapshot(service(own["FAILED"]), at=60, failed_at=0), Outcome.FAILED),
    (
        "failed, and the rollback has begun",
        Snapshot(service(own["FAILED"]), at=90, failed_at=0, status="ROLLBACK_IN_PROGRESS"),
        "FAILED: tasks failed to start; waiting for the rollback",
    ),
    (
        "failed, and an event says that there is nothing to roll back to",
        Snapshot({**service(own["FAILED"]), "events": [{"message": "No rollback candidate was found."}]}, at=1, failed_at=0),
        Outcome.FAILED,
    ),
    (
        "failed, and an event of an earlier deployment says that there was nothing to roll back to",
        Snapshot(
            {
                **service({**own["FAILED"], "createdAt": moment(100)}),
                "events": [{"message": "No rollback candidate was found.", "createdAt": moment(50)}],
            },
            at=1,
            failed_at=0,
        ),
        "FAILED: tasks failed to start; waiting for the rollback",
    ),
    (
        "mine is absent while its service deployment goes on",
        Snapshot(service(deployment("1", "PRIMARY", OLD, "COMPLETED")), status="IN_PROGRESS"),
        NOT_YET,
    ),
    ("nothing is listed", Snapshot(service()), LOST),
    ("a look that lags behind UpdateService", Snapshot(service(deployment("1", "PRIMARY", OLD, "COMPLETED"))), NOT_YET),
    ("such a look, asked about", Snapshot(service(deployment("1", "PRIMARY", OLD, "COMPLETED")), status=""), NOT_YET),
    ("it lags, and ours has ended", Snapshot(service(deployment("1", "PRIMARY", OLD, "COMPLETED")), status="SUCCESSFUL"), NOT_YET),
    ("it lags, and the one before was a rollback", Snapshot(service(ROLLED_BACK_ONCE)), NOT_YET),
    ("it lags, and that is still rolling back", Snapshot(service({**ROLLED_BACK_ONCE, "rolloutState": "IN_PROGRESS"}), status=""), NOT_YET),
    ("it lags, and shows one that we never saw", Snapshot(service(EARLIER), status=""), NOT_YET),
    ("it lags, and says FAILED of the one before", Snapshot(service(deployment("1", "PRIMARY", OLD, "FAILED", "x"))), NOT_YET),
    ("the service is missing, once", Snapshot(None, at=7, absent_since=7), "ECS does not list the service; reading it again"),
    ("the service is missing for a while", Snapshot(None, at=66, absent_since=7), "ECS does not list the service; reading it again"),
    ("the service is missing for a minute", Snapshot(None, at=67, absent_since=7), Outcome.GONE),
    ("the service is being deleted", Snapshot(service(own["IN_PROGRESS"], status="DRAINING")), Outcome.GONE),
    ("the service is deleted", Snapshot(service(status="INACTIVE")), Outcome.GONE),
    ("tasks die, a breaker counts them", Snapshot(service({**own["IN_PROGRESS"], "failedTasks": 9}), crashed=9), "0 of 2 running, 9 failed"),
    ("tasks die, a breaker may count them late", Snapshot(service(own["IN_PROGRESS"]), crashed=5), "0 of 2 running"),
    ("tasks die, a breaker has stopped counting", Snapshot(service(own["IN_PROGRESS"]), crashed=6), Outcome.FAILED),
    ("tasks die, without a breaker", Snapshot(service(own["IN_PROGRESS"], breaker=False), crashed=3), Outcome.FAILED),
    ("tasks died, none is wanted any more", Snapshot(wants(0, 0, own["IN_PROGRESS"], breaker=False), crashed=9), "0 of 2 running"),
    ("no state, but all is there", Snapshot(wants(2, 2, uncounted("2", "PRIMARY", NEW, runningCount=2))), Outcome.SUCCEEDED),
    ("no state, tasks are missing", Snapshot(wants(2, 1, uncounted("2", "PRIMARY", NEW, runningCount=1))), "1 of 2 running"),
    (
        "no state, the old tasks still run",
        Snapshot(wants(2, 4, uncounted("2", "PRIMARY", NEW, runningCount=2), uncounted("1", "ACTIVE", OLD, runningCount=2))),
        "2 of 2 running; waiting for 2 of web:1 to stop",
    ),
    (
        "no state, one is starting",
        Snapshot({**wants(2, 2, uncounted("2", "PRIMARY", NEW, runningCount=2)), "pendingCount": 1}),
        "2 of 2 running",
    ),
    ("no state, none is wanted", Snapshot(wants(0, 0, uncounted("2", "PRIMARY", NEW, desiredCount=0))), Outcome.SUCCEEDED),
    (
        "no state, tasks die, which no breaker counts there",
        Snapshot(wants(2, 0, uncounted("2", "PRIMARY", NEW)), crashed=3),
        Outcome.FAILED,
    ),
    ("some tasks died, without a breaker", Snapshot(service(own["IN_PROGRESS"], breaker=False), crashed=2), "0 of 2 running"),
    (
        "tasks died, but one runs",
        Snapshot(service(deployment("2", "PRIMARY", NEW, "IN_PROGRESS", runningCount=1), breaker=False), crashed=9),
        "1 of 2 running",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("look", "expected"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_a_look_at_the_service_gives_this_verdict(look: Snapshot, expected: Outcome | str) -> None:
    """From snapshots to a verdict; a text is the state that the log shows before a verdict."""
    judged = rolling.judge(MINE, look, Until())
    if isinstance(expected, Outcome):
        assert isinstance(judged, Verdict), judged
        assert judged.outcome is expected
    else:
        assert isinstance(judged, InProgress), judged
        assert judged.message == expected


SAME = replace(MINE, previous_task_definition=NEW)  # the same revision once more, by force
BACK = deployment("3", "PRIMARY", NEW, "COMPLETED", ROLLBACK)


@pytest.mark.parametrize(
    ("look", "expected"),
    [
        (Snapshot(service(deployment("1", "PRIMARY", NEW, "COMPLETED"))), NOT_YET),
        (Snapshot(service(deployment("1", "PRIMARY", NEW, "COMPLETED")), status="IN_PROGRESS"), NOT_YET),
        (Snapshot(service(own["COMPLETED"])), Outcome.SUCCEEDED),
        (Snapshot(service(BACK, demoted["FAILED"])), Outcome.ROLLED_BACK),
        (Snapshot(service(BACK)), Outcome.ROLLED_BACK),
        (Snapshot(service({**BACK, "rolloutState": "IN_PROGRESS"})), "FAILED; rolling back to web:2, 0 of 2 running"),
        (Snapshot(service({**BACK, "rolloutStateReason": ""}), at=9, failed_at=0), Outcome.ROLLED_BACK),
        (Snapshot(service(deployment("1", "PRIMARY", NEW, "COMPLETED"), demoted["FAILED"])), Outcome.ROLLED_BACK),
        (Snapshot(service(deployment("9", "PRIMARY", NEW, "IN_PROGRESS"), demoted["IN_PROGRESS"])), LOST),
        (Snapshot(service(deployment("9", "PRIMARY", NEW, "COMPLETED"))), LOST),
    ],
)
def test_the_same_revision_again_is_told_from_its_earlier_deployment(look: Snapshot, expected: Outcome | str) -> None:
    """Neither the earlier deployment nor a rollback to it counts as success; ECS has to say whose a third one is."""
    judged = rolling.judge(SAME, look, Until())
    assert (judged.outcome if isinstance(judged, Verdict) else judged.message) == expected


def test_who_is_told_of_a_rollback_is_not_somebody_who_deployed_since() -> None:
    """ECS went back to the revision before this deployment, whichever is PRIMARY by now."""
    theirs = service(deployment("9", "PRIMARY", THEIRS, "COMPLETED"), demoted["FAILED"])
    judged = rolling.judge(MINE, Snapshot(theirs, status="ROLLBACK_SUCCESSFUL"), Until())
    assert isinstance(judged, Verdict)
    assert judged.message == "ECS rolled back to web:1: tasks failed to start"


@pytest.mark.parametrize(
    ("found", "failed"),
    [
        (service(own["IN_PROGRESS"]), False),
        (service(own["FAILED"]), True),
        (service(deployment("9", "PRIMARY", THEIRS, "IN_PROGRESS"), demoted["FAILED"]), True),
        (service(deployment("3", "PRIMARY", OLD, "IN_PROGRESS", ROLLBACK)), True),
        (service(deployment("2", "PRIMARY", NEW, "IN_PROGRESS", ROLLBACK)), False),
        (service(ROLLED_BACK_ONCE), False),
        (service(ROLLED_BACK_ONCE, demoted["IN_PROGRESS"]), True),
    ],
)
def test_a_failure_is_ours_only_if_it_comes_after_ours(found: dict[str, Any], failed: bool) -> None:
    """An earlier rollback does not count, nor does the rollback that ecs-cd itself follows."""
    assert rolling.has_failed(MINE, found) is failed


def test_every_status_of_a_service_deployment_is_judged() -> None:
    """An upgrade of botocore that brings a new one is noticed here."""
    model: Any = ServiceModel(Loader().load_service_model("ecs", "service-2"))
    theirs = service(deployment("9", "PRIMARY", THEIRS, "IN_PROGRESS"))
    judged = {
        s: rolling.judge(MINE, Snapshot(theirs, status=s), Until())
        for s in model.shape_for("ServiceDeploymentStatus").enum
    }
    assert {
        s: judgement.outcome.value if isinstance(judgement, Verdict) else "" for s, judgement in judged.items()
    } == {
        "PENDING": "",
        "IN_PROGRESS": "",
        "SUCCESSFUL": "superseded",
        "STOPPED": "superseded",
        "STOP_REQUESTED": "superseded",
        "ROLLBACK_REQUESTED": "",
        "ROLLBACK_IN_PROGRESS": "",
        "ROLLBACK_SUCCESSFUL": "rolled-back",
        "ROLLBACK_FAILED": "rollback-failed",
    }


def test_every_rollout_state_of_ecs_has_a_row() -> None:
    """An upgrade of botocore that brings a new state is noticed here."""
    model: Any = ServiceModel(Loader().load_service_model("ecs", "service-2"))
    states = set(model.shape_for("DeploymentRolloutState").enum)
    rows = {
        d["rolloutState"]
        for _, look, _ in TABLE
        if look.service
        for d in look.service["deployments"]
        if "rolloutState" in d
    }
    assert states <= rows


OLD_DRAINS = {**demoted["COMPLETED"], "id": "ecs-svc/1", "taskDefinition": OLD, "runningCount": 1}
DONE = {**own["COMPLETED"], "runningCount": 2}


@pytest.mark.parametrize(
    ("look", "stable"),
    [
        (Snapshot({**service(DONE), "runningCount": 2, "pendingCount": 0}), True),
        (Snapshot({**service(DONE, OLD_DRAINS), "runningCount": 3, "pendingCount": 0}), False),
        (Snapshot({**service(DONE), "runningCount": 1, "pendingCount": 0}), False),
        (Snapshot({**service(DONE), "runningCount": 2, "pendingCount": 1}), False),
    ],
)
def test_stable_is_more_than_completed(look: Snapshot, stable: bool) -> None:
    """No old task runs, none is pending, and the running count equals the desired count."""
    judged = rolling.judge(MINE, look, Until(STABLE))
    assert isinstance(judged, Verdict) is stable
    assert isinstance(rolling.judge(MINE, look, Until()), Verdict)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (service(own["COMPLETED"]), ""),
        (service(own["IN_PROGRESS"]), ""),
        (service(deployment("9", "PRIMARY", THEIRS, "COMPLETED")), ""),
        (service(deployment("9", "PRIMARY", THEIRS, "FAILED")), ""),
        (service(deployment("9", "PRIMARY", THEIRS, "IN_PROGRESS")), "deployment ecs-svc/9 (web:7) is IN_PROGRESS"),
        (service(deployment("9", "PRIMARY", THEIRS, "IN_PROGRESS", failedTasks=3), breaker=False), ""),
        (
            service(deployment("9", "PRIMARY", THEIRS, "IN_PROGRESS", failedTasks=3)),
            "deployment ecs-svc/9 (web:7) is IN_PROGRESS",
        ),
        (
            wants(0, 0, deployment("9", "PRIMARY", THEIRS, "IN_PROGRESS", failedTasks=3), breaker=False),
            "deployment ecs-svc/9 (web:7) is IN_PROGRESS",
        ),
        (wants(2, 2, uncounted("9", "PRIMARY", THEIRS, runningCount=2)), ""),
        (wants(2, 1, uncounted("9", "PRIMARY", THEIRS, runningCount=1)), "deployment ecs-svc/9 (web:7) is IN_PROGRESS"),
        (service(), ""),
        (
            service(deployment("9", "PRIMARY", THEIRS, "COMPLETED"), *[demoted["COMPLETED"]] * 4),
            "5 deployments are active, the newest deployment ecs-svc/9 (web:7); ECS accepts no more",
        ),
        (service(deployment("9", "PRIMARY", THEIRS, "COMPLETED"), *[demoted["FAILED"]] * 4), ""),
    ],
)
def test_what_is_under_way_is_somebody_elses_and_goes_on(found: dict[str, Any], words: str) -> None:
    """ecs-cd's own deployment and ended ones do not count; a crash loop without a circuit breaker can be replaced."""
    assert rolling.conflict_words(found, NEW) == words


@pytest.mark.parametrize(
    ("before", "now", "worth"),
    [
        ({"pendingCount": 2}, {"pendingCount": 1, "runningCount": 1}, False),
        ({"pendingCount": 1}, {"pendingCount": 2}, False),
        ({"pendingCount": 2}, {"pendingCount": 1}, True),
        ({"runningCount": 2}, {"runningCount": 1, "pendingCount": 1}, True),
        ({"failedTasks": 1}, {"failedTasks": 2}, True),
        ({"failedTasks": 1}, {"failedTasks": 1}, False),
        ({}, {"rolloutState": "FAILED"}, True),
        ({"failedTasks": 1}, {"rolloutState": "COMPLETED"}, False),
    ],
)
def test_dead_tasks_are_looked_for_only_when_some_may_have_died(
    before: dict[str, Any], now: dict[str, Any], worth: bool
) -> None:
    """More failures, or fewer tasks than there were: a rollout that goes well costs no call for them."""
    looks = [Snapshot(service({**own["IN_PROGRESS"], **counts})) for counts in (before, now)]
    assert rolling.worth_evidence(MINE, looks[0], looks[1]) is worth


def test_what_ran_before_is_known_while_it_is_listed() -> None:
    """For an existing deployment that this step adopts."""
    assert rolling.before(service(own["IN_PROGRESS"], OLD_DRAINS)) == OLD
    assert rolling.before(service(own["COMPLETED"])) is None


def test_alarms_are_evidence_where_ecs_names_them_as_the_reason() -> None:
    """Other alarms may be in ALARM for unrelated reasons."""
    failed = deployment("2", "PRIMARY", NEW, "FAILED", "ECS deployment failed: alarm detected.")
    with_alarms = {**service(failed), "deploymentConfiguration": {"alarms": {"alarmNames": ["5xx"]}}}
    assert rolling.evidence(MINE, Snapshot(with_alarms)).alarms == ({"AlarmName": "5xx"},)
    assert rolling.evidence(MINE, Snapshot(service(own["FAILED"]))).alarms == ()
    assert rolling.evidence(MINE, Snapshot(service(own["FAILED"]))).reason == "tasks failed to start."
