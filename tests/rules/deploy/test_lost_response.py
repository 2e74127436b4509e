"""What AWS shows after a lost response: ours, nothing new, or another deployment."""

from __future__ import annotations

from typing import Any

import pytest

from ecs_cd.deploy.rules import lost_response
from tests.scripted_aws import moment

OLD, NEW, THEIRS = (f"arn:aws:ecs:r:1:task-definition/web:{n}" for n in "127")


def service(*deployments: tuple[str, str]) -> dict[str, Any]:
    """Deployments by id and task definition, the PRIMARY first."""
    listed = [
        {"id": id, "taskDefinition": definition, "status": "ACTIVE" if number else "PRIMARY"}
        for number, (id, definition) in enumerate(deployments)
    ]
    return {"deployments": listed}


BEFORE = service(("1", OLD), ("0", NEW))


@pytest.mark.parametrize(
    ("now", "ours", "theirs"),
    [
        (BEFORE, "", ""),
        (service(("2", NEW), ("1", OLD)), "2", ""),
        (service(("0", NEW), ("1", OLD)), "0", ""),
        (service(("9", THEIRS), ("2", NEW), ("1", OLD)), "2", "deployment 9 (web:7)"),
        (service(("9", THEIRS), ("1", OLD), ("0", NEW)), "", "deployment 9 (web:7)"),
        (service(("9", OLD), ("1", OLD)), "", "deployment 9 (web:1)"),
        (service(), "", "deployment None ()"),
    ],
    ids=["nothing new", "ours", "ours, listed before", "ours replaced", "theirs", "the old one again", "no PRIMARY"],
)
def test_what_a_service_shows(now: dict[str, Any], ours: str, theirs: str) -> None:
    """Only a service that shows nothing new allows the call to be repeated."""
    assert lost_response.started(BEFORE, now, NEW).get("id", "") == ours
    assert lost_response.overtaken_by(BEFORE, now, NEW) == theirs


def test_a_listed_service_deployment_is_ours_if_it_is_younger() -> None:
    """An earlier one to the same revision is not; nor is one without a time."""
    arn = "arn:aws:ecs:r:1:service-deployment/c/web/"
    found: list[tuple[dict[str, Any], str]] = [
        ({"serviceDeploymentArn": f"{arn}9", "createdAt": moment(90)}, THEIRS),
        ({"serviceDeploymentArn": f"{arn}8"}, NEW),
        ({"serviceDeploymentArn": f"{arn}2", "createdAt": moment(60)}, NEW),
    ]
    ours = {"id": "2", "status": "ACTIVE", "taskDefinition": NEW, "createdAt": moment(60)}
    assert lost_response.listed(found, NEW, moment(59)) == ours
    assert lost_response.listed(found, NEW, moment(60)) == {}


def test_the_same_revision_is_ours_only_as_a_new_deployment() -> None:
    """As with force-new-deployment."""
    before = service(("1", NEW))
    assert lost_response.started(before, before, NEW) == {}
    assert lost_response.started(before, service(("2", NEW), ("1", NEW)), NEW)["id"] == "2"
    assert lost_response.started(before, service(("9", THEIRS), ("2", NEW), ("1", NEW)), NEW)["id"] == "2"


@pytest.mark.parametrize(
    ("message", "ids"),
    [
        ("The Deployment Group 'DgpECS-c-web' already has an active Deployment 'd-ABC123'", ["d-ABC123"]),
        ("The Deployment Group 'd-GROUP' already has an active Deployment 'd-ABC123'", ["d-ABC123"]),
        ("Too many deployments.", []),
        ("", []),
    ],
)
def test_the_active_deployment_is_the_last_id_of_the_message(message: str, ids: list[str]) -> None:
    """A group's name can look like an id."""
    assert lost_response.active_deployment(message) == ids


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("Created", None),
        ("Ready", None),
        ("InProgress", None),
        ("Stopped", True),
        ("Succeeded", False),
        ("Failed", False),
    ],
)
def test_whether_a_deployment_was_stopped(status: str, expected: bool | None) -> None:
    """One that is under way may be stopped again."""
    assert lost_response.stopped(status) is expected


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("", None),
        ("PENDING", None),
        ("IN_PROGRESS", None),
        ("STOP_REQUESTED", True),
        ("ROLLBACK_REQUESTED", True),
        ("ROLLBACK_IN_PROGRESS", True),
        ("ROLLBACK_SUCCESSFUL", True),
        ("SUCCESSFUL", False),
        ("STOPPED", False),
    ],
)
def test_whether_a_service_deployment_goes_back(status: str, expected: bool | None) -> None:
    """One that ECS does not show may do either."""
    assert lost_response.goes_back(status) is expected
