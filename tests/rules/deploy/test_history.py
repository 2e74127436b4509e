"""AWS's own history of a service to what ran well in it."""

from __future__ import annotations

from typing import Any

import pytest

from ecs_cd.deploy.rules import history
from ecs_cd.deploy.rules.history import PastDeployment
from tests.scripted_aws import codedeploy, moment

# A word is a deployment, oldest first: 3 ran well, 4x failed, 5r was rolled back by AWS, ? ran well and is unknown.
ENDS = {"x": "STOPPED", "r": "ROLLBACK_SUCCESSFUL"}


def past(words: str) -> list[PastDeployment]:
    """The history, in an order that says nothing."""
    found = [
        PastDeployment(
            f"service deployment {number}",
            "" if word == "?" else f"web:{word.rstrip('xr')}",
            ENDS.get(word[-1], "SUCCESSFUL"),
            moment(number),
            well=word[-1] not in ENDS,
            rolled_back=word[-1] == "r",
        )
        for number, word in enumerate(words.split())
    ]
    return found[1::2] + found[::2]


@pytest.mark.parametrize(
    ("words", "leaving", "wanted"),
    [
        ("1 2 3", "3", "1 2"),
        ("1 2 3", "", "1 2 3"),
        ("1 2 3", "4", "1 2 3"),
        ("3 7", "7", "3"),  # 4, 5 and 6 are of another service with this family
        ("1 3 3 3", "3", "1"),
        ("", "3", ""),
        ("3", "3", ""),
        ("3x 4r", "5", ""),
        ("3 4x 5", "5", "3"),
        ("3 4r 5", "5", "3"),
        ("3 4r 4 5", "5", "3 4"),  # it failed, and ran well later
        ("3 4 4r", "4", "3"),  # a forced deployment of the same revision failed
        ("2 3 4 3r", "4", "2"),  # it ran well, and failed later
        ("3 5 3", "3", ""),  # 5 was rolled back
        ("1 3 5 3", "3", "1"),
        ("1 3 5 3 3", "3", "1"),
        ("1 3 5 3 6", "6", "1 3"),
        ("1 3 5 3 6x", "6", "1 3"),
        ("3 5 3x 6", "6", ""),  # the way back to 3 failed, and 5 was to be left
        ("4 5 4 5", "5", "4"),  # 5 was deployed again
        ("3 ?", "9", "3 ?"),
    ],
)
def test_the_last_success_ran_well_and_was_not_rolled_back(words: str, leaving: str, wanted: str) -> None:
    """Never a revision that failed, never the revision to leave, never what was rolled back."""
    found = history.last_success(past(words), f"web:{leaving}" if leaving else "")
    last = wanted.split()[-1] if wanted else None
    assert (found and found.task_definition) == (last and ("" if last == "?" else f"web:{last}"))


@pytest.mark.parametrize(
    ("words", "current", "undone"),
    [
        ("", "3", []),
        ("1 2 3", "3", []),
        ("3 5 3", "3", ["5"]),
        ("3 5 6x 3", "3", ["5", "6"]),
        ("3 5 3 3", "3", ["5"]),  # the same again does not change that
        ("3 5 3 6", "6", []),
        ("3 4r", "3", ["4"]),
        ("4r", "3", ["4"]),  # 3 is older than the history
        ("3 4r 5", "5", []),
        ("3 4x", "3", ["4"]),  # it never had the traffic
        ("3 4x", "4", []),
        ("3 4 4r", "4", []),
        ("3 5", "3", ["5"]),  # the last deployment is not listed yet
        ("3 5 3", "6", []),
    ],
)
def test_what_was_rolled_back_already(words: str, current: str, undone: list[str]) -> None:
    """By AWS, or by a deployment of an older revision."""
    found = history.already_rolled_back(past(words), f"web:{current}")
    assert [each.task_definition for each in found] == [f"web:{each}" for each in undone]


@pytest.mark.parametrize(
    ("words", "revision", "back"),
    [("3 5", "3", True), ("3 5", "5", False), ("3 5", "6", False), ("3 5x", "3", True), ("3 4r", "3", False)],
)
def test_a_deployment_of_an_older_revision_leads_back(words: str, revision: str, back: bool) -> None:
    """A rollback under way is never rolled back itself."""
    assert history.leads_back(past(words), f"web:{revision}") is back


def test_a_superseded_service_deployment_is_no_success() -> None:
    """Whatever ECS calls it at the moment; only the newest one may still be under way."""
    statuses = ("SUCCESSFUL", "IN_PROGRESS", "STOP_REQUESTED", "ROLLBACK_SUCCESSFUL", "SUCCESSFUL", "IN_PROGRESS")
    listed = [
        ({"serviceDeploymentArn": f"arn/{number}", "status": status, "createdAt": moment(number)}, f"web:{number}")
        for number, status in enumerate(statuses)
    ]
    undated = ({"serviceDeploymentArn": "arn/9", "status": "SUCCESSFUL"}, "web:9")
    found = history.of_service_deployments([*reversed(listed), undated])
    assert [(each.name[-1], each.well, each.rolled_back) for each in reversed(found)] == [
        ("0", True, False), ("1", False, False), ("2", False, False), ("3", False, True), ("4", True, False),
    ]  # fmt: skip


def test_codedeploys_history_names_revisions_by_appspec_or_task_set() -> None:
    """An AppSpec in S3 is not returned."""
    in_s3: dict[str, Any] = {"revision": {"revisionType": "S3"}}
    infos = [
        codedeploy.deployment("d-1", "Succeeded", "web:1"),
        codedeploy.deployment("d-2", "Failed", **in_s3),
        codedeploy.deployment("d-3", "Succeeded", **in_s3),
        codedeploy.deployment("d-4", "InProgress", "web:4"),
    ]
    service = codedeploy.service(codedeploy.task_set(task_definition="web:3", deployment="d-3"))
    found = history.of_codedeploy(infos, service)
    assert [(each.name, each.task_definition.rpartition("/")[2], each.well) for each in found] == [
        ("deployment d-1", "web:1", True),
        ("deployment d-2", "", False),
        ("deployment d-3", "web:3", True),
    ]
