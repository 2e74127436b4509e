"""Stopped tasks: who failed, and what a migration's end means."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel

from ecs_cd.diagnosis import stopped_tasks
from ecs_cd.model.verdict import Outcome

ENDED = "EssentialContainerExited"


def task(
    *containers: dict[str, Any],
    status: str = "STOPPED",
    stop_code: str | None = ENDED,
    why: str = "",
    desired: str = "",
) -> dict[str, Any]:
    fields = {
        "lastStatus": status,
        "desiredStatus": desired,
        "stopCode": stop_code,
        "stoppedReason": why,
        "containers": list(containers),
    }
    return {"taskArn": "arn:aws:ecs:r:1:task/c/0123", **{key: value for key, value in fields.items() if value}}


def container(name: str, code: int | None = None, reason: str = "") -> dict[str, Any]:
    return {
        "name": name,
        **({} if code is None else {"exitCode": code}),
        **({"reason": reason} if reason else {}),
    }


app = {code: container("app", code) for code in (None, 0, 1, 137)}
killed = container("sidecar", 137)

VERDICTS: list[tuple[str, dict[str, Any], Outcome | None, str]] = [
    ("not yet", task(app[None], status="RUNNING", stop_code=None), None, ""),
    ("the container ended, the task ends", task(app[0], status="DEPROVISIONING", desired="STOPPED"), Outcome.SUCCEEDED, "container `app` exited with 0"),
    ("a sidecar runs on", task(app[0], container("proxy"), status="RUNNING", stop_code=None), Outcome.SUCCEEDED,
     "container `app` exited with 0; the task keeps running because of `proxy`"),
    ("a sidecar runs on after a failure", task(app[1], container("proxy"), status="RUNNING", stop_code=None), Outcome.FAILED,
     "container `app` exited with 1; the task keeps running because of `proxy`"),
    ("killed, and the reason is there at once", task(container("app", 137, "OutOfMemoryError"), container("proxy"), status="RUNNING", stop_code=None),
     Outcome.FAILED, "container `app` exited with 137 (OutOfMemoryError); the task keeps"),
    ("a sidecar ended, the container runs", task(container("init", 0), app[None], status="RUNNING", stop_code=None), None, ""),
    ("a sidecar failed, the container runs", task(container("proxy", 1), app[None], status="RUNNING", stop_code=None), None, ""),
    ("being stopped, nothing says why yet", task(app[0], status="RUNNING", stop_code=None, desired="STOPPED"), None, ""),
    ("a sidecar could not start", task(app[0], container("proxy", None, "CannotPullContainerError"), stop_code="TaskFailedToStart"), Outcome.SUCCEEDED,
     "container `app` exited with 0"),
    ("0 while it is being stopped", task(app[0], status="STOPPING", stop_code="SpotInterruption", desired="STOPPED"), Outcome.FAILED,
     "container `app` exited with 0 while the task was being stopped, maybe unfinished (SpotInterruption"),
    ("no status yet", {}, None, ""),
    ("exit code 0", task(app[0]), Outcome.SUCCEEDED, "container `app` exited with 0"),
    ("exit code 0, no stop code told", task(app[0], stop_code=None), Outcome.SUCCEEDED, "container `app` exited with 0"),
    ("the sidecar was killed with it", task(killed, app[0]), Outcome.SUCCEEDED, "container `app` exited with 0"),
    ("exit code 1", task(app[1], why="Essential container in task exited"), Outcome.FAILED,
     "container `app` exited with 1 (EssentialContainerExited: Essential container in task exited)"),
    ("the sidecar's 0 is not ours", task(container("sidecar", 0), app[1]), Outcome.FAILED, "container `app` exited with 1"),
    ("killed", task(container("app", 137, "OutOfMemoryError")), Outcome.FAILED,
     "container `app` exited with 137 (EssentialContainerExited: OutOfMemoryError)"),
    ("null exit code", task(app[None]), Outcome.FAILED, "container `app` never ran"),
    ("never started", task(app[None], stop_code="TaskFailedToStart", why="CannotPullContainerError: x"), Outcome.FAILED,
     "container `app` never ran (TaskFailedToStart: CannotPullContainerError: x)"),
    ("the container's own reason counts", task(container("app", None, "no such file"), stop_code="TaskFailedToStart", why="Task failed to start"),
     Outcome.FAILED, "container `app` never ran (TaskFailedToStart: no such file)"),
    ("somebody stopped it after its 0", task(app[0], stop_code="UserInitiated", why="Task stopped by user"), Outcome.FAILED,
     "container `app` exited with 0 while the task was being stopped, maybe unfinished (UserInitiated: Task stopped by user)"),
    ("spot", task(app[137], stop_code="SpotInterruption"), Outcome.FAILED, "(SpotInterruption: no reason given)"),
    ("the machine went", task(app[137], stop_code="TerminationNotice"), Outcome.FAILED, "TerminationNotice"),
    ("the infrastructure", task(app[137], stop_code="InfrastructureHealth"), Outcome.FAILED, "InfrastructureHealth"),
    ("the scheduler", task(app[137], stop_code="ServiceSchedulerInitiated"), Outcome.FAILED, "ServiceSchedulerInitiated"),
    ("no stop code, no reason", task(app[1], stop_code=None), Outcome.FAILED, "(no stop code: no reason given)"),
    ("another container's 0", task(container("other", 0)), Outcome.FAILED, "container `app` never ran"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("stopped", "outcome", "words"), [row[1:] for row in VERDICTS], ids=[row[0] for row in VERDICTS]
)
def test_a_migration_succeeded_only_if_its_container_exited_0(
    stopped: dict[str, Any], outcome: Outcome | None, words: str
) -> None:
    """lastStatus, stopCode and the named container's exit code to a verdict with ECS's words in it."""
    verdict = stopped_tasks.migration_verdict(stopped, "app")
    if outcome is None:
        assert verdict is None
    else:
        assert verdict is not None
        assert verdict.outcome is outcome
        assert words in verdict.message


@pytest.mark.parametrize(
    ("stopped", "outcome", "words"),
    [
        (task(app[None], status="RUNNING", stop_code=None), None, ""),
        (task(app[0], status="RUNNING", stop_code=None), None, ""),
        (task(app[0], container("sidecar", 0)), Outcome.SUCCEEDED, "every container exited with 0"),
        (task(app[0], stop_code=None), Outcome.SUCCEEDED, "every container exited with 0"),
        (task(app[0], killed), Outcome.FAILED, "container `sidecar` exited with 137"),
        (task(app[0], container("sidecar")), Outcome.FAILED, "container `sidecar` never ran"),
        (task(), Outcome.FAILED, "no container ran"),
        (task(app[0], stop_code="UserInitiated", why="by hand"), Outcome.FAILED,
         "every container exited with 0 while the task was being stopped, maybe unfinished (UserInitiated: by hand)"),
    ],
)  # fmt: skip
def test_without_a_named_container_all_have_to_exit_with_0(
    stopped: dict[str, Any], outcome: Outcome | None, words: str
) -> None:
    """As for the official action; a 0 on SIGTERM proves nothing."""
    verdict = stopped_tasks.every_container_verdict(stopped)
    assert (verdict and verdict.outcome) is outcome
    assert words in (verdict.message if verdict else "")


def test_every_stop_code_of_ecs_has_a_row() -> None:
    """An upgrade of botocore that brings a new one is noticed here."""
    model: Any = ServiceModel(Loader().load_service_model("ecs", "service-2"))
    assert set(model.shape_for("TaskStopCode").enum) <= {row[1].get("stopCode") for row in VERDICTS}


def failure(reason: str, **more: str) -> dict[str, Any]:
    return {"arn": "arn:x", "reason": reason, **more}


@pytest.mark.parametrize(
    ("reasons", "heals"),
    [
        (["RESOURCE:CPU"], True),
        (["RESOURCE:MEMORY"], True),
        (["RESOURCE:PORTS"], True),
        (["RESOURCE:ENI"], True),
        (["RESOURCE:GPU"], True),
        (["AGENT"], True),
        (["Capacity is unavailable at this time. Please try again later."], True),
        (["RESOURCE:CPU", "AGENT"], True),
        (["MISSING"], False),
        (["INACTIVE"], False),
        (["ATTRIBUTE"], False),
        (["LOCATION"], False),
        (["RESOURCE:CPU", "ATTRIBUTE"], False),
        (["something new"], False),
        ([], False),
    ],
)
def test_only_want_of_capacity_heals(reasons: list[str], heals: bool) -> None:
    """One failure that stays is enough to give up; none at all explains nothing."""
    assert stopped_tasks.placement_is_transient([failure(reason) for reason in reasons]) is heals


def test_a_failure_without_a_reason_does_not_heal() -> None:
    """What ECS does not say can't be waited for."""
    assert not stopped_tasks.placement_is_transient([{"arn": "arn:x"}])


@pytest.mark.parametrize(
    ("failures", "words"),
    [
        ([failure("RESOURCE:CPU")], "RESOURCE:CPU"),
        ([failure("RESOURCE:CPU"), failure("RESOURCE:CPU")], "RESOURCE:CPU"),
        ([failure("AGENT"), failure("MISSING", detail="no instance")], "AGENT, MISSING (no instance)"),
        ([{"arn": "arn:x"}], "unknown"),
        ([], ""),
    ],
)
def test_failures_are_told_once_each(failures: list[dict[str, Any]], words: str) -> None:
    """ECS repeats a reason for every instance that it tried."""
    assert stopped_tasks.failure_words(failures) == words


@pytest.mark.parametrize(
    ("containers", "names"),
    [
        ([app[0], container("sidecar", 0)], ["app", "sidecar"]),
        ([app[None]], []),
        ([app[1], killed], ["app"]),
        ([app[1], container("sidecar", 143)], ["app"]),
        ([app[137]], ["app"]),
        ([container("app", 137, "OutOfMemoryError"), killed], ["app"]),
        ([container("app", None, "CannotPullContainerError"), container("sidecar")], ["app"]),
        ([app[0], container("init", 2)], ["init"]),
        ([container("a", 1), container("b", 2)], ["a", "b"]),
        ([], []),
    ],
)
def test_who_took_the_task_down(containers: list[dict[str, Any]], names: list[str]) -> None:
    """A container that was merely killed with the others is not to blame while another is."""
    assert [found["name"] for found in stopped_tasks.failed_containers(task(*containers))] == names


@pytest.mark.parametrize(
    ("why", "names"),
    [
        ("Task failed container health checks", ["app"]),
        ("Essential container in task exited", ["sidecar"]),
        ("Task failed ELB health checks in (target-group arn:x)", ["sidecar"]),
    ],
)
def test_a_container_is_to_blame_for_its_health_where_ecs_says_so(why: str, names: list[str]) -> None:
    """Elsewhere an unhealthy one is as likely to suffer from another's end."""
    stopped = task({**app[137], "healthStatus": "UNHEALTHY"}, container("sidecar", 1), why=why)
    assert [found["name"] for found in stopped_tasks.failed_containers(stopped)] == names


def test_the_usual_suspects_where_no_container_is_said_to_be_unhealthy() -> None:
    """ECS does not always keep the health of a container that has stopped."""
    stopped = task(app[137], container("sidecar", 1), why="Task failed container health checks")
    assert [found["name"] for found in stopped_tasks.failed_containers(stopped)] == ["sidecar"]


def test_exit_code_reason_and_status_of_a_container() -> None:
    """The container's reason before the task's; a missing reason is mentioned."""
    stopped = task(app[1], container("sidecar", None, "its own"), why="the task's")
    assert stopped_tasks.exit_code(stopped, "app") == 1
    assert stopped_tasks.exit_code(stopped, "sidecar") is None
    assert stopped_tasks.exit_code(stopped, "other") is None
    assert stopped_tasks.reason(stopped, "app") == "the task's"
    assert stopped_tasks.reason(stopped, "sidecar") == "its own"
    assert stopped_tasks.reason({}, "app") == "no reason given"
    assert stopped_tasks.status_words(stopped) == "task 0123 is STOPPED"
    assert stopped_tasks.status_words({}) == "task  is unknown"
