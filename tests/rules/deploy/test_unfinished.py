"""Deployments that have not ended, from AWS's answers."""

from __future__ import annotations

from typing import Any

import pytest

from ecs_cd.deploy.rules import unfinished
from ecs_cd.model.lifecycle import Strategy
from tests.scripted_aws import Params, blue_green, codedeploy, ecs

WEB = {number: ecs.task_definition_arn(f"web:{number}") for number in range(1, 9)}


@pytest.mark.parametrize(
    ("deployments", "words", "back_to"),
    [
        ([ecs.deployment("ecs-svc/2", task_definition="web:2")], None, ""),
        ([ecs.deployment("ecs-svc/2", task_definition="web:2", rollout_state="FAILED")], None, ""),
        ([], None, ""),
        ([ecs.deployment("ecs-svc/2", task_definition="web:2", rollout_state="IN_PROGRESS")], "deployment ecs-svc/2 (web:2) is IN_PROGRESS", ""),
        ([ecs.deployment("ecs-svc/2", task_definition="web:2", rollout_state="IN_PROGRESS", reason=ecs.rolling_back("ecs-svc/2"))], "deployment ecs-svc/2 (web:2) is IN_PROGRESS", WEB[2]),
        ([ecs.deployment("ecs-svc/2", task_definition="web:2", running=0) | {"rolloutState": ""}, ecs.deployment(status="ACTIVE")], "deployment ecs-svc/2 (web:2) is IN_PROGRESS", ""),
    ],
)  # fmt: skip
def test_a_rolling_update_has_not_ended_until_ecs_says_so(
    deployments: list[Params], words: str | None, back_to: str
) -> None:
    """Behind a Classic Load Balancer ECS reports no rolloutState."""
    found = unfinished.of_service(Strategy.ROLLING, ecs.service(deployments=deployments))
    assert (found and found.words) == words
    assert (found.back_to if found else "") == back_to


@pytest.mark.parametrize(
    ("status", "more", "returns_to", "back_to"),
    [
        ("PENDING", {}, (), ""),
        ("IN_PROGRESS", {"sourceServiceRevisions": [{"arn": "r-1"}]}, (WEB[1],), ""),
        ("IN_PROGRESS", {"sourceServiceRevisions": [{"arn": "r-8"}, {"arn": "r-1"}]}, (WEB[8], WEB[1]), ""),
        ("IN_PROGRESS", {"sourceServiceRevisions": [{"arn": "r-unknown"}, {"arn": "r-1"}]}, (WEB[1],), ""),
        ("STOP_REQUESTED", {"sourceServiceRevisions": [{"arn": "r-1"}]}, (WEB[1],), WEB[1]),
        ("ROLLBACK_REQUESTED", {"sourceServiceRevisions": [{"arn": "r-1"}]}, (WEB[1],), WEB[1]),
        (
            "ROLLBACK_IN_PROGRESS",
            {"sourceServiceRevisions": [{"arn": "r-8"}], "rollback": {"serviceRevisionArn": "r-1"}},
            (WEB[8],),
            WEB[1],
        ),
    ],
)
def test_where_ecs_returns_to_from_a_service_deployment(
    status: str, more: dict[str, Any], returns_to: tuple[str, ...], back_to: str
) -> None:
    """To the revisions that it replaces; while it does so, to the one that it names."""
    deployment = blue_green.service_deployment("2", status, **more)
    known = {"r-1": WEB[1], "r-8": WEB[8], blue_green.arn("2", "service-revision"): WEB[2]}
    found = unfinished.of_service_deployment(Strategy.CANARY, deployment, known)
    assert (found.own.task_definition, found.returns_to, found.back_to) == (WEB[2], returns_to, back_to)


NEW, OLD = codedeploy.task_set("ACTIVE", "web:2", "d-NEW"), codedeploy.task_set()
S3: dict[str, Any] = {"revision": {"revisionType": "S3"}}


@pytest.mark.parametrize(
    ("info", "sets", "brings", "before", "back_to"),
    [
        (codedeploy.deployment(), [OLD], WEB[2], WEB[1], ""),
        (codedeploy.deployment(), [NEW, OLD], WEB[2], WEB[1], ""),
        (codedeploy.deployment(), [NEW | {"status": "PRIMARY"}, OLD | {"status": "ACTIVE"}], WEB[2], WEB[1], ""),
        (codedeploy.deployment(**S3), [NEW | {"status": "PRIMARY"}, OLD | {"status": "ACTIVE"}], WEB[2], WEB[1], ""),
        (codedeploy.deployment(**S3), [OLD], "", WEB[1], ""),
        (codedeploy.deployment(task_definition="web:1"), [NEW | {"taskDefinition": WEB[1]}, OLD], WEB[1], WEB[1], ""),
        (codedeploy.deployment(creator="codeDeployRollback"), [OLD], WEB[2], WEB[1], WEB[2]),
        (codedeploy.deployment(rollbackInfo={"rollbackTriggeringDeploymentId": "d-1"}), [OLD], WEB[2], WEB[1], WEB[2]),
    ],
)
def test_where_codedeploy_returns_to(info: Params, sets: list[Params], brings: str, before: str, back_to: str) -> None:
    """To the task set that is not the deployment's own, whichever has the traffic."""
    found = unfinished.of_codedeploy(info, codedeploy.service(*sets))
    assert (found.own.task_definition, found.returns_to, found.back_to) == (brings, (before,), back_to)
