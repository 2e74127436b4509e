"""Deployments alone: several services, policies, the official actions' inputs, the command line."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from dev.stack import task_definition
from tests.e2e.shop import Shop, command

pytestmark = pytest.mark.e2e
MakeShop = Callable[..., Shop]

BREAKER = {"enable": True, "rollback": False}
PATIENT = {**BREAKER, "thresholdConfiguration": {"type": "COUNT", "value": 100}}


def test_two_services_run_the_image_of_the_commit(shop: Shop) -> None:
    """One step, one image, two task definitions: both services run its digest, and each has its own result."""
    shop.commit("two")
    result = shop.deploy()
    assert result.green, result.log
    assert shop.page() == "two"
    for service in ("web", "worker"):
        assert shop.running(service) == {(f"{shop.family(service)}:2", shop.images["two"])}
    services = json.loads(result.outputs()["services"])
    assert {name: part["result"] for name, part in services.items()} == {"web": "succeeded", "worker": "succeeded"}
    assert services["worker"]["task-definition-arn"].endswith(f"{shop.family('worker')}:2")
    assert "web: deployment ecs-svc/" in result.log and "worker: deployment ecs-svc/" in result.log


def test_where_one_crashes_the_other_goes_back_too(make_shop: MakeShop) -> None:
    """`on-failure: rollback` fails the job with the cause, and both services run their previous revisions."""
    shop = make_shop(breaker=BREAKER)
    shop.commit("bad")
    result = shop.deploy(on_failure="rollback")
    assert result.step_result() == "failure"
    assert result.outputs()["result"] == "rolled-back"
    assert "  | KeyError: worker has no QUEUE_URL" in result.log
    assert any("worker: container `app` exited with 1" in text for text in result.annotations())
    assert "KeyError: worker has no QUEUE_URL" in result.summary
    assert shop.page() == "one"
    for service in ("web", "worker"):
        assert shop.running(service) == {(f"{shop.family(service)}:1", shop.images["one"])}


def test_a_dry_run_tells_what_would_change_and_changes_nothing(shop: Shop) -> None:
    """Green; the difference is in the job summary."""
    shop.commit("two")
    before = shop.revisions(), shop.deployments()
    result = shop.deploy(dry_run="true")
    assert result.green, result.log
    assert (shop.revisions(), shop.deployments()) == before
    assert shop.page() == "one"
    assert result.outputs()["result"] == "skipped"
    for service in ("web", "worker"):
        assert f"{service}: what would change, compared with {shop.family(service)}:1" in result.summary
    assert "~ containerDefinitions.app.image: " in result.summary
    assert shop.images["two"].partition("@sha256:")[2][:12] in result.summary


def test_older_revisions_go_and_the_way_back_stays(shop: Shop) -> None:
    """`keep-revisions: 2`: the two newest stay, and what the service ran before."""
    for number in range(3):
        template = task_definition(shop.stack, shop.family("web"), command=[f"never deployed {number}"])
        shop.stack.clients.ecs.register_task_definition(**template)
    shop.commit("two")
    result = shop.deploy(service="web", keep_revisions="2")
    assert result.green, result.log
    web = shop.family("web")
    assert shop.revisions("INACTIVE") == [f"{web}:2", f"{web}:3"]
    assert {f"{web}:1", f"{web}:4", f"{web}:5"} <= set(shop.revisions())


def test_the_command_line_deploys_and_brings_the_previous_revision_back(shop: Shop) -> None:
    """`ecs-cd deploy` with the document, then `ecs-cd rollback` with cluster and service."""
    shop.commit("two")
    deployed = shop.command("deploy", "--config", shop.stack.parameter, "--service", "web")
    assert deployed.returncode == 0, deployed.stdout + deployed.stderr
    assert shop.page() == "two"
    to = f"{shop.family('web')}:1"  # ministack keeps no history of service deployments
    back = shop.command("rollback", "--cluster", shop.name, "--service", "web", "--to", to)
    assert back.returncode == 0, back.stdout + back.stderr
    assert f"web: {shop.family('web')}:2 -> {shop.family('web')}:1" in back.stdout
    assert shop.running() == {(f"{shop.family('web')}:1", shop.images["one"])}
    assert shop.page() == "one"


# ---- the official actions' inputs ----


def web(shop: Shop) -> dict[str, Any]:
    """The file that such a workflow has in its repository."""
    return task_definition(shop.stack, shop.family("web"), command=command("web"))


def drop_in(shop: Shop, tag: str, template: Mapping[str, Any]) -> dict[str, str]:
    """What a workflow with amazon-ecs-render-task-definition and amazon-ecs-deploy-task-definition says."""
    shop.stack.clients.ssm.delete_parameter(Name=shop.stack.parameter)
    (shop.repo / "task-definition.json").write_text(json.dumps(template))
    return {
        "task-definition": "task-definition.json",
        "container-name": "app",
        "image": image(shop, tag),
        "service": "web",
        "cluster": shop.name,
        "wait-for-service-stability": "true",
    }


def image(shop: Shop, tag: str) -> str:
    return f"{shop.stack.aws.registry}/shop:{tag}"


def test_the_official_actions_inputs_deploy_without_a_document(shop: Shop) -> None:
    """A task definition's file and an image by tag: served, and the rendered file is an output."""
    result = shop.deploy(**drop_in(shop, "two", web(shop)))
    assert result.green, result.log
    assert shop.page() == "two"
    assert shop.running() == {(f"{shop.family('web')}:2", image(shop, "two"))}
    assert result.outputs()["task-definition-arn"].endswith(f"{shop.family('web')}:2")
    assert result.outputs()["task-definition"].endswith(".json")


def test_a_task_of_its_own_that_fails_leaves_the_service_alone(shop: Shop) -> None:
    """`run-task` with `wait-for-task-stopped` shows its log lines and its exit code, and fails the job."""
    script = "import sys; print('no such column: author'); sys.exit(3)"
    overrides = json.dumps([{"name": "app", "command": ["python3", "-c", script]}])
    more = {"run-task": "true", "wait-for-task-stopped": "true", "run-task-container-overrides": overrides}
    before = shop.deployments()
    result = shop.deploy(**drop_in(shop, "two", web(shop)), **more)
    assert result.step_result() == "failure"
    assert result.outputs()["result"] == "failed"
    assert "  | no such column: author" in result.log
    assert any("container `app` exited with 3" in text for text in result.annotations())
    (task,) = json.loads(result.outputs()["run-task-arn"])
    (ended,) = shop.stack.clients.ecs.describe_tasks(cluster=shop.name, tasks=[task])["tasks"]
    assert ended["containers"][0]["exitCode"] == 3
    assert shop.deployments() == before
    assert shop.page() == "one"


def test_an_image_that_is_not_there_ends_the_wait_at_once(make_shop: MakeShop) -> None:
    """`fail-fast` fails the job with the cause, while ECS keeps trying."""
    shop = make_shop(breaker=PATIENT)
    template = web(shop)
    # Without these two the local ECS gives up before the first look, or tries a hundred times a second.
    template["containerDefinitions"][0]["versionConsistency"] = "disabled"
    sidecar = {"name": "agent", "image": shop.images["one"], "command": command("worker")}
    template["containerDefinitions"].insert(0, sidecar)
    result = shop.deploy(**drop_in(shop, "absent", template), fail_fast="true")
    assert result.step_result() == "failure"
    assert result.outputs()["result"] == "failed"
    assert any("the image can't be pulled: it does not exist" in text for text in result.annotations())
    assert shop.page() == "one"
