"""Actions of docs/reference/permissions.md that a verb calls only when something goes wrong."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.scripted_aws import Clock, Params, ScriptedAws, codepipeline, ecr_public, error
from tests.timelines import permissions
from tests.timelines.conftest import DOCUMENT, Step
from tests.timelines.generated.answers import CHILD
from tests.timelines.generated.blue_green import Hook
from tests.timelines.generated.run import play
from tests.timelines.generated.scenario import Event, Scenario
from tests.timelines.generated.world import Course

_BREAKER = {"deploymentCircuitBreaker": {"enable": True, "rollback": True}}
_ALARMS = {**_BREAKER, "alarms": {"alarmNames": ["errors"], "enable": True, "rollback": True}}
_PAUSE = Hook("POST_TEST_TRAFFIC_SHIFT", pauses=600)
_CONTINUED: dict[str, Any] = {"verb": "continue", "before": "ours paused", "hook": _PAUSE, "digest": CHILD, "bake": 15}
_BACK: dict[str, Any] = {"verb": "rollback", "before": "ours"}


def scenario(strategy: str, **more: Any) -> Scenario:
    return Scenario(1, strategy, **{"inputs": {"deployment-timeout": "90s"}, "configuration": _BREAKER, **more})


def alarm(when: str) -> dict[str, Any]:
    return {"configuration": _ALARMS, "events": (Event("alarm", when, 5),)}


PROOF = scenario("BLUE_GREEN", **_CONTINUED)
CONTINUED_INTO_AN_ALARM = scenario("BLUE_GREEN", **_CONTINUED, **alarm("start"))
CONTINUED_AND_DIES = scenario("BLUE_GREEN", **_CONTINUED, ours=Course(deaths=1000, dies="later", lives=60))
BACK_INTO_AN_ALARM = scenario("BLUE_GREEN", **_BACK, **alarm("begun"))
BACK_BESIDE_OLD_TASKS = scenario("ROLLING", **_BACK, back=Course(drains=250), inputs={"deployment-timeout": "240s"})

BACK_BY_CODEDEPLOY = scenario(
    "CODE_DEPLOY", **_BACK, codedeploy={"deployment-config": "CodeDeployDefault.ECSAllAtOnce"}
)


@pytest.mark.parametrize(
    ("played", "action"),
    [
        (PROOF, "ecr:BatchGetImage"),
        (CONTINUED_AND_DIES, "logs:GetLogEvents"),
        (CONTINUED_INTO_AN_ALARM, "cloudwatch:DescribeAlarms"),
        (CONTINUED_INTO_AN_ALARM, "elasticloadbalancing:DescribeTargetGroups"),
        (CONTINUED_INTO_AN_ALARM, "elasticloadbalancing:DescribeTargetHealth"),
        (BACK_INTO_AN_ALARM, "cloudwatch:DescribeAlarms"),
        (BACK_INTO_AN_ALARM, "elasticloadbalancing:DescribeTargetGroups"),
        (BACK_INTO_AN_ALARM, "elasticloadbalancing:DescribeTargetHealth"),
        (BACK_BESIDE_OLD_TASKS, "ecs:GetTaskProtection"),
        (BACK_BY_CODEDEPLOY, "codedeploy:GetDeploymentConfig"),
    ],
)
def test_a_verb_calls(played: Scenario, action: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each action is called by the verb that the page names, in a timeline that needs it."""
    with permissions.recorded(monkeypatch) as pairs:
        ended = play(played, tmp_path)
    assert (played.verb, action) in pairs, ended.log


# ---- ECR Public, and templates in S3 ----

_PUBLIC = "public.ecr.aws/our-alias/my-app"
_MANIFEST = b'{"schemaVersion": 2}'
_DIGEST = f"sha256:{hashlib.sha256(_MANIFEST).hexdigest()}"


@pytest.fixture
def public(aws: ScriptedAws, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """The document's image is in ECR Public."""
    pipeline = {"name": codepipeline.NAME, "start": "object", "object": "s3://bucket/hand-off.zip", "source": "Source"}
    document = {**DOCUMENT, "images": {"app": {"repository": _PUBLIC}}, "pipeline": pipeline}
    aws.on("ssm.GetParameter", {"Parameter": {"Value": json.dumps(document), "Version": 3}})
    aws.on("ecr-public.DescribeRepositories", {"repositories": [{}]})
    aws.on("ecr-public.DescribeImages", {"imageDetails": [{"imageDigest": _DIGEST}]})
    aws.on("ecr-public.DescribeImages", error("ImageNotFoundException"), where={"imageIds": [{"imageTag": "latest"}]})
    aws.on("ecr-public.DescribeRegistries", {"registries": [ecr_public.registry("our-alias")]})
    aws.on("ecr-public.GetAuthorizationToken", {"authorizationData": {"authorizationToken": "QVdTOmh1bnRlcjI="}})
    aws.on("ecr-public.PutImage", {"image": {}})
    codepipeline.Pipeline(clock).script(aws)
    monkeypatch.setattr("urllib.request.urlopen", lambda *_, **__: io.BytesIO(_MANIFEST))


@pytest.mark.usefixtures("public")
def test_an_image_in_ecr_public_is_reused(aws: ScriptedAws, step: Callable[..., Step]) -> None:
    """Its tags move by ECR Public's own calls."""
    ended = step("build-push", tags="latest")
    assert ended.exit_code == 0, ended.log
    assert {call.operation for call in aws.calls} >= {
        f"ecr-public.{name}" for name in ("DescribeImages", "DescribeRegistries", "DescribeRepositories", "PutImage")
    }


@pytest.mark.usefixtures("public")
@pytest.mark.parametrize("verb", ["migrate", "deploy", "hand-off", "artifacts"])
def test_an_image_in_another_accounts_ecr_public_is_refused(
    verb: str, aws: ScriptedAws, step: Callable[..., Step]
) -> None:
    """ECR Public's calls read this account's registry, whatever the alias is."""
    aws.on("ecr-public.DescribeRegistries", {"registries": [ecr_public.registry("another")]})
    ended = step(verb)
    assert ended.exit_code == 2, ended.log
    assert aws.count("ecr-public.DescribeImages") == aws.count("ecr-public.DescribeRegistries") == 1


def test_a_migrations_template_can_be_in_s3(aws: ScriptedAws, step: Callable[..., Step]) -> None:
    """It is read before anything is registered."""
    given: Params = DOCUMENT
    migration = {**given["migration"], "task-definition": "s3://my-bucket/migration.json"}
    document = json.dumps({**given, "migration": migration})
    aws.on("ssm.GetParameter", {"Parameter": {"Value": document, "Version": 3}})
    aws.on("s3.GetObject", {"Body": b"no task definition", "ContentLength": 18})
    ended = step("migrate")
    assert ended.exit_code == 2, ended.log
    assert aws.count("s3.GetObject") == 1
    assert aws.count("ecs.RegisterTaskDefinition") == 0
