"""deploy as a replacement of the official actions: what their own tests require, and where ecs-cd does better."""

from __future__ import annotations

import json
import os
import signal
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import botocore
import pytest

from ecs_cd.aws.session import Aws
from ecs_cd.ci.run import identify
from ecs_cd.ci.terminal import Terminal
from ecs_cd.deploy import official
from ecs_cd.document.rules.document import CodeDeploy
from ecs_cd.inputs import options
from ecs_cd.inputs.official import DeployAlone
from ecs_cd.job.job import Job
from ecs_cd.job.state import State
from ecs_cd.model.lifecycle import Until
from ecs_cd.model.references import WorkspaceFile
from tests.scripted_aws import Clock, Params, ScriptedAws, at, codedeploy, denied, ecs, error, lost
from tests.timelines.conftest import Step

Run = Callable[..., Step]

LOGS = {"logDriver": "awslogs", "options": {"awslogs-group": "/ecs/web", **ecs.LOGS}}
DEFINITION: Params = {
    "family": "web",
    "networkMode": "awsvpc",
    "containerDefinitions": [
        {"name": "app", "image": f"app@{ecs.DIGEST}", "logConfiguration": LOGS},
        {"name": "sidecar", "image": f"hello@{ecs.DIGEST}"},
    ],
}
OLD = ecs.deployment("ecs-svc/1", task_definition="web:1")
NEW = ecs.deployment("ecs-svc/2", task_definition="web:2", rollout_state="IN_PROGRESS")
DONE = ecs.deployment("ecs-svc/2", task_definition="web:2")
MOVING = ecs.service(deployments=[NEW, OLD | {"status": "ACTIVE"}])
STABLE = ecs.service(deployments=[DONE])


@pytest.fixture
def deploy(step: Run, tmp_path: Path) -> Run:
    """Runs the verb with a file as its source, and without a document unless there is an input for it."""
    (tmp_path / "task-definition.json").write_text(json.dumps(DEFINITION))

    def run(**inputs: str) -> Step:
        return step("deploy", **{"config": "", "sha": "", "task_definition": "task-definition.json", **inputs})

    return run


@pytest.fixture(autouse=True)
def service(aws: ScriptedAws) -> None:
    """A service that takes the update, and is stable after 20 seconds."""
    aws.on("ecs.UpdateService", {"service": MOVING})
    aws.on(
        "ecs.DescribeServices", at(0, {"services": [MOVING]}), at(20, {"services": [STABLE]}), after="ecs.UpdateService"
    )
    task = ecs.task(task_definition="web:2", started_by="ecs-svc/2")
    aws.on("ecs.ListTasks", {"taskArns": [task["taskArn"]]}, where={"desiredStatus": "RUNNING"})
    aws.on("ecs.ListTasks", {"taskArns": []}, where={"desiredStatus": "STOPPED"})
    aws.on("ecs.DescribeTasks", ecs.described("tasks", task))


def asked(aws: ScriptedAws, operation: str) -> Params:
    """The parameters of the only call of this operation."""
    (params,) = [call.params for call in aws.calls if call.operation == operation]
    return params


def registered(aws: ScriptedAws) -> Params:
    return asked(aws, "ecs.RegisterTaskDefinition")


# ---- the definition ----


def test_without_a_service_it_is_registered_only(aws: ScriptedAws, deploy: Run) -> None:
    """Nothing is asked of any service."""
    ended = deploy()
    assert ended.exit_code == 0, ended.log
    assert ended.outputs["task-definition-arn"].endswith("task-definition/web:2")
    assert registered(aws) == DEFINITION
    assert aws.count("ecs.DescribeServices") == aws.count("ecs.UpdateService") == 0
    assert aws.count("ssm.GetParameter") == 0


def test_a_path_may_be_absolute(aws: ScriptedAws, deploy: Run, tmp_path: Path) -> None:
    """As another step gives it."""
    assert deploy(task_definition=str(tmp_path / "task-definition.json")).exit_code == 0
    assert registered(aws) == DEFINITION


def test_a_definition_that_is_registered_already_is_not_registered_again(aws: ScriptedAws, deploy: Run) -> None:
    """The same step twice leaves one revision."""
    aws.on(
        "ecs.DescribeTaskDefinition",
        {"taskDefinition": {**DEFINITION, "revision": 7, "taskDefinitionArn": ecs.task_definition_arn("web:7")}},
    )
    ended = deploy()
    assert ended.exit_code == 0, ended.log
    assert ended.outputs["task-definition-arn"].endswith("web:7")
    assert aws.count("ecs.RegisterTaskDefinition") == 0


CLEANED: list[tuple[Params, Params]] = [
    ({"ipcMode": None}, {}),
    ({"tags": []}, {}),
    ({"memory": "", "requiresCompatibilities": ["EC2"]}, {"requiresCompatibilities": ["EC2"]}),
    ({"compatibilities": ["EC2"], "taskDefinitionArn": "arn:aws:x:web:1", "revision": 1, "status": "ACTIVE"}, {}),
    ({"registeredAt": 1611690781, "registeredBy": "arn:x", "requiresAttributes": [{"name": "x"}]}, {}),
    (
        {"proxyConfiguration": {"type": "APPMESH", "containerName": "envoy", "properties": [{"name": "IgnoredGID", "value": ""}, {"name": "IgnoredUID"}, {"value": "v"}]}},
        {"proxyConfiguration": {"type": "APPMESH", "containerName": "envoy", "properties": [{"name": "IgnoredGID", "value": ""}, {"name": "IgnoredUID", "value": ""}, {"name": "", "value": "v"}]}},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("written", "left"), CLEANED)
def test_a_definition_is_cleaned(aws: ScriptedAws, deploy: Run, tmp_path: Path, written: Params, left: Params) -> None:
    """Nulls, what is empty, and what DescribeTaskDefinition adds; App Mesh's properties are made whole."""
    (tmp_path / "task-definition.json").write_text(json.dumps({**DEFINITION, **written}))
    assert deploy().exit_code == 0
    assert registered(aws) == {**DEFINITION, **left}


def test_a_container_is_cleaned(aws: ScriptedAws, deploy: Run, tmp_path: Path) -> None:
    """0, false and an empty variable stay, and so do the empty words of a command."""
    environment = [{"name": "test", "value": ""}, {"name": "", "value": ""}]
    kept = {"cpu": 0, "essential": False, "command": ["sh", "", "-c"]}
    nothing = {"logConfiguration": {}, "repositoryCredentials": {"credentialsParameter": ""}, "links": []}
    container = {"name": "app", "image": "x", **kept, "environment": environment, **nothing}
    (tmp_path / "task-definition.json").write_text(json.dumps({**DEFINITION, "containerDefinitions": [container]}))
    assert deploy().exit_code == 0
    expected = {"name": "app", "image": "x", **kept, "environment": environment[:1]}
    assert registered(aws)["containerDefinitions"] == [expected]


@pytest.mark.parametrize(
    ("keys", "kept"),
    [("", {}), ("command, dockerLabels", {"command": [], "dockerLabels": {}}), ("tag,user", {"user": ""})],
)
def test_empty_values_of_some_keys_are_kept(
    aws: ScriptedAws, deploy: Run, tmp_path: Path, keys: str, kept: Params
) -> None:
    """At any depth; null is nothing, there as here."""
    container: Params = {"name": "app", "image": "x", "command": [], "dockerLabels": {}, "user": "", "links": None}
    (tmp_path / "task-definition.json").write_text(json.dumps({**DEFINITION, "containerDefinitions": [container]}))
    assert deploy(keep_null_value_keys=keys).exit_code == 0
    assert registered(aws)["containerDefinitions"] == [{"name": "app", "image": "x", **kept}]


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("nope.json", None, "the task definition nope.json can't be read: No such file or directory"),
        ("t.js", "module.exports = {}", "the task definition in t.js must be a mapping"),
        ("t.json", '{"family": "web" "x": 1}', "is not JSON: line 1, column 18"),
        ("t.json", '{"family": "web", "containerDefinitions": {}}', "containerDefinitions: is missing"),
        ("t.json", '{"family": "web", "containerDefinitions": "no"}', "containerDefinitions: must be a list"),
        ("t.json", '{"family": "web", "containerDefinitions": [{"name": "a", "comand": []}]}', "did you mean `command`?"),
    ],
)  # fmt: skip
def test_a_file_that_is_none_is_refused(
    aws: ScriptedAws, deploy: Run, tmp_path: Path, name: str, text: str | None, words: str
) -> None:
    """It is read, and never executed; a misspelt field is named and not dropped."""
    if text is not None:
        (tmp_path / name).write_text(text)
    ended = deploy(task_definition=name, service="web")
    assert ended.exit_code == 2
    assert words in ended.log, ended.log
    assert aws.count("ecs.RegisterTaskDefinition") == 0


# ---- render ----


EACH: list[tuple[dict[str, str], Params]] = [
    ({}, {}),
    ({"environment_variables": "FOO=bar\nURL=a=b"}, {"environment": [{"name": "FOO", "value": "bar"}, {"name": "URL", "value": "a=b"}]}),
    ({"secrets": "S=arn:aws:ssm:r:1:parameter/s"}, {"secrets": [{"name": "S", "valueFrom": "arn:aws:ssm:r:1:parameter/s"}]}),
    ({"env_files": "arn:aws:s3:::b/k.env"}, {"environmentFiles": [{"value": "arn:aws:s3:::b/k.env", "type": "s3"}]}),
    ({"docker_labels": "key1=a=b\nkey2=c"}, {"dockerLabels": {"key1": "a=b", "key2": "c"}}),
    ({"command": 'sh -c "a b"'}, {"command": ["sh", "-c", "a b"]}),
    ({"log_configuration_log_driver": "json-file"}, {"logConfiguration": {"logDriver": "json-file"}}),
    (
        {"log_configuration_log_driver": "awslogs", "log_configuration_options": "awslogs-group=/a=b"},
        {"logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "/a=b"}}},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("inputs", "expected"), EACH, ids=[" ".join(["image", *inputs]) for inputs, _ in EACH])
def test_each_input_of_render_works_alone(
    aws: ScriptedAws, deploy: Run, inputs: dict[str, str], expected: Params
) -> None:
    """Beside the container's name and the image, which go together."""
    ended = deploy(container_name="sidecar", image="nginx:1", **inputs)
    assert ended.exit_code == 0, ended.log
    app, sidecar = registered(aws)["containerDefinitions"]
    assert app == DEFINITION["containerDefinitions"][0]
    assert sidecar == {"name": "sidecar", "image": "nginx:1", **expected}


def test_several_containers_get_the_same(aws: ScriptedAws, deploy: Run) -> None:
    """Separated by commas."""
    assert deploy(container_name="app, sidecar", image="x:2").exit_code == 0
    assert [container["image"] for container in registered(aws)["containerDefinitions"]] == ["x:2", "x:2"]


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
def test_roles_need_no_container(aws: ScriptedAws, deploy: Run, partition: str) -> None:
    """Of every partition, with a path or without."""
    roles = {name: f"arn:{partition}:iam::123456789012:role/{name}" for name in ("path/task", "execution")}
    assert deploy(task_role_arn=roles["path/task"], execution_role_arn=roles["execution"]).exit_code == 0
    assert registered(aws)["taskRoleArn"] == roles["path/task"]
    assert registered(aws)["executionRoleArn"] == roles["execution"]


SOURCES: list[tuple[dict[str, str], str, str]] = [
    ({"task_definition_arn": "arn:aws-cn:ecs:cn-north-1:123456789012:task-definition/web:3"}, "arn:aws-cn:ecs:cn-north-1:123456789012:task-definition/web:3", ""),
    ({"task_definition_family": "web"}, "web", ""),
    ({"task_definition_family": "web", "task_definition_revision": "10"}, "web:10", ""),
    ({"task_definition_arn": "web:3", "task_definition_family": "api", "task_definition_revision": "1"}, "web:3", "task-definition-family: not used"),
    (
        {"task_definition": "task-definition.json", "task_definition_arn": "web:3", "task_definition_family": "api"},
        "",
        "the file task-definition.json (task-definition-arn, task-definition-family: not used)",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("inputs", "described", "words"), SOURCES)
def test_the_source_is_the_file_then_the_arn_then_the_family(
    aws: ScriptedAws, deploy: Run, inputs: dict[str, str], described: str, words: str
) -> None:
    """The log names the unused inputs; the new revision keeps its tags."""
    tags = [{"key": "project", "value": "mine"}]
    aws.on("ecs.DescribeTaskDefinition", {"taskDefinition": ecs.task_definition("web", 3), "tags": tags})
    ended = deploy(**{"task_definition": "", "container_name": "app", "image": "nginx:1", **inputs})
    assert ended.exit_code == 0, ended.log
    assert words in ended.log
    first = next(call.params for call in aws.calls if call.operation == "ecs.DescribeTaskDefinition")
    assert first["include"] == ["TAGS"]
    assert first["taskDefinition"] == (described or "web")  # of a file: the family's newest, to be compared with
    assert registered(aws)["containerDefinitions"][0]["image"] == "nginx:1"
    assert registered(aws).get("tags", []) == (tags if described else [])


def test_the_rendered_definition_is_a_file_that_only_we_can_read(deploy: Run, tmp_path: Path) -> None:
    """Named and placed as render's; what is registered, JSON."""
    ended = deploy(container_name="app", image="nginx:1", environment_variables="PASSWORD=hunter2")
    path = Path(ended.outputs["task-definition"])
    assert path.parent == tmp_path
    assert path.name.startswith("task-definition-")
    assert path.suffix == ".json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    content = json.loads(path.read_text())
    assert content["containerDefinitions"][0]["image"] == "nginx:1"
    assert content["containerDefinitions"][0]["environment"] == [{"name": "PASSWORD", "value": "hunter2"}]
    assert "hunter2" not in ended.log + ended.summary


def test_a_chain_of_renders_is_a_chain_of_dry_runs(aws: ScriptedAws, deploy: Run) -> None:
    """Nothing is changed until the last; each begins with the file of the one before."""
    first = deploy(container_name="app", image="app:2", dry_run="true")
    assert first.exit_code == 0, first.log
    assert aws.count("ecs.RegisterTaskDefinition") == 0
    last = deploy(task_definition=first.outputs["task-definition"], container_name="sidecar", image="sidecar:2")
    assert last.exit_code == 0, last.log
    assert [container["image"] for container in registered(aws)["containerDefinitions"]] == ["app:2", "sidecar:2"]


# ---- what is refused ----


REFUSED: list[tuple[dict[str, str], str]] = [
    ({"container_name": "app"}, "image: is missing or empty, and container-name needs it"),
    ({"container_name": "app", "environment_variables": "A=1"}, "image: is missing or empty"),
    ({"image": "x"}, "container-name: is missing; image apply to containers"),
    ({"secrets": "A=b", "command": "x"}, "container-name: is missing; secrets, command apply to containers"),
    ({"container_name": "web", "image": "x"}, "has no container `web`; it has app, sidecar"),
    ({"container_name": "sidecar", "image": "x", "log_configuration_options": "a=b"}, "container `sidecar` has no logDriver"),
    ({"service": "web, api"}, "service: only one is possible without a document"),
    ({"task_definition": ""}, "config: is missing, and no task definition is given instead"),
    ({"task_definition": "", "cluster": "c", "service": "web"}, "Set config (the document), or one of task-definition, task-definition-arn,"),
    ({"task_definition": "", "task_definition_revision": "3"}, "task-definition-revision: needs task-definition-family"),
    ({"config": "/p", "task_definition": "", "desired_count": "3"}, "desired-count: can't be combined with config"),
    ({"config": "/p"}, "task-definition: can't be combined with config"),
    ({"run_task": "true", "run_task_security_groups": "sg-1"}, "run-task-subnets: is missing"),
    ({"run_task": "true", "run_task_tags": '[{"kye": "a"}]'}, f"run-task-tags[0].kye: botocore {botocore.__version__} has no such field; did you mean `key`?"),
    ({"run_task": "true", "run_task_container_overrides": '[{"name": "app", "command": "x"}]'}, "run-task-container-overrides[0].command: must be a list"),
    ({"run_task": "true", "run_task_container_overrides": '[{"name": "ap"}, {"command": ["x"]}]'}, "run-task-container-overrides[0].name: the task definition has no container `ap`; did you mean `app`?; it has app, sidecar"),
    ({"run_task": "true", "run_task_container_overrides": '[{"command": ["x"]}]'}, "run-task-container-overrides[0].name: is missing"),
    ({"run_task": "true", "run_task_container_overrides": json.dumps([{"name": "app", "command": ["x" * 8150]}])}, "run-task-container-overrides: 8204 characters; ECS accepts at most 8192"),
    ({"run_task": "true", "run_task_capacity_provider_strategy": '[{"weight": 1}]'}, "run-task-capacity-provider-strategy[0].capacityProvider: is missing"),
    ({"run_task": "true", "run_task_managed_ebs_volume_name": "e", "run_task_managed_ebs_volume": '{"sizeInGiB": "x"}'}, "run-task-managed-ebs-volume.sizeInGiB: must be a whole number"),
    ({"service": "web", "service_managed_ebs_volume_name": "e", "service_managed_ebs_volume": '{"sizeInGiB": 3}'}, "service-managed-ebs-volume.roleArn: is missing"),
]  # fmt: skip


@pytest.mark.parametrize(("inputs", "words"), REFUSED, ids=[words for _, words in REFUSED])
def test_inputs_that_make_no_sense_are_refused(
    aws: ScriptedAws, deploy: Run, inputs: dict[str, str], words: str
) -> None:
    """With what to do, and before anything is changed."""
    ended = deploy(**inputs)
    assert ended.exit_code == 2
    assert words in ended.log, ended.log
    assert aws.count("ecs.RegisterTaskDefinition") == aws.count("ecs.UpdateService") == aws.count("ecs.RunTask") == 0


def test_problems_of_independent_inputs_are_told_together(deploy: Run) -> None:
    """A missing file, an incomplete pair, JSON of the wrong shape."""
    ended = deploy(task_definition="nope.json", image="x", run_task="true", run_task_tags='[{"kye": "a"}]')
    for words in ("nope.json can't be read", "container-name: is missing", "run-task-tags[0].kye"):
        assert words in ended.log


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"services": [], "failures": [{"arn": "arn:x", "reason": "MISSING"}]}, "the ECS service web of cluster my-cluster is not there"),
        ({"services": [ecs.service() | {"status": "INACTIVE"}]}, "is INACTIVE"),
        ({"services": [ecs.service() | {"deploymentController": {"type": "EXTERNAL"}}]}, "has the deployment controller EXTERNAL"),
        (error("ClusterNotFoundException", "Cluster not found."), "no active ECS cluster my-cluster"),
    ],
)  # fmt: skip
def test_a_service_that_can_not_be_deployed_leaves_no_revision(
    aws: ScriptedAws, deploy: Run, answer: Any, words: str
) -> None:
    """ecs-cd checks it before it registers anything."""
    aws.on("ecs.DescribeServices", answer)
    ended = deploy(service="web", cluster=ecs.CLUSTER, run_task="true")
    assert ended.exit_code == 2
    assert words in ended.log
    assert aws.count("ecs.RegisterTaskDefinition") == aws.count("ecs.RunTask") == 0


# ---- the service ----


def test_a_service_gets_the_revision_and_nothing_else_by_default(aws: ScriptedAws, deploy: Run) -> None:
    """In the cluster `default`; the step ends when ECS has taken it."""
    ended = deploy(service="web")
    assert ended.exit_code == 0, ended.log
    assert ended.outputs["result"] == "in-progress"
    assert asked(aws, "ecs.UpdateService") == {
        "cluster": "default",
        "service": "web",
        "taskDefinition": ecs.task_definition_arn("web:2"),
    }


EBS = {"filesystemType": "xfs", "roleArn": "arn:aws:iam::123456789012:role/ebs", "encrypted": False, "sizeInGiB": 30}
UPDATES: list[tuple[dict[str, str], Params]] = [
    ({"desired_count": "4"}, {"desiredCount": 4}),
    ({"desired_count": "0"}, {"desiredCount": 0}),
    ({"desired_count": "1"}, {}),
    ({"force_new_deployment": "TRUE"}, {"forceNewDeployment": True}),
    ({"force_new_deployment": "false"}, {}),
    ({"enable_ecs_managed_tags": "true", "propagate_tags": "SERVICE"}, {"enableECSManagedTags": True, "propagateTags": "SERVICE"}),
    ({"enable_ecs_managed_tags": "false", "propagate_tags": "NONE"}, {}),
    (
        {"service_managed_ebs_volume_name": "ebs1", "service_managed_ebs_volume": json.dumps(EBS)},
        {"volumeConfigurations": [{"name": "ebs1", "managedEBSVolume": EBS}]},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("inputs", "expected"), UPDATES)
def test_what_is_asked_of_the_service_is_what_changes(
    aws: ScriptedAws, deploy: Run, inputs: dict[str, str], expected: Params
) -> None:
    """In a single UpdateService; it leaves out settings that the service already has."""
    ended = deploy(service="web", cluster=ecs.CLUSTER, **inputs)
    assert ended.exit_code == 0, ended.log
    params = asked(aws, "ecs.UpdateService")
    assert {name: params[name] for name in params.keys() - {"cluster", "service", "taskDefinition"}} == expected


@pytest.mark.parametrize("at_launch", [False, True])
def test_a_services_volume_goes_with_that_of_the_definition(
    aws: ScriptedAws, deploy: Run, tmp_path: Path, at_launch: bool
) -> None:
    """Without the input; ECS would refuse a definition whose volume has no settings."""
    had = [{"name": "ebs1", "managedEBSVolume": EBS}]
    aws.on("ecs.DescribeServices", {"services": [ecs.service(deployments=[OLD | {"volumeConfigurations": had}])]})
    volumes = {"volumes": [{"name": "ebs1", "configuredAtLaunch": True}]} if at_launch else {}
    (tmp_path / "task-definition.json").write_text(json.dumps({**DEFINITION, **volumes}))
    assert deploy(service="web").exit_code == 0
    assert asked(aws, "ecs.UpdateService").get("volumeConfigurations") == (None if at_launch else [])


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"service_managed_ebs_volume_name": "e"}, "service-managed-ebs-volume-name: has no effect without service-managed-ebs-volume"),
        ({"service_managed_ebs_volume": '{"roleArn": "arn:x"}'}, "service-managed-ebs-volume: has no effect without service-managed-ebs-volume-name"),
        ({"service_managed_ebs_volume_name": "e", "service_managed_ebs_volume": "{}"}, "has no effect without"),
        ({"wait_max_delay_seconds": "15", "max_retries": "5"}, "::notice::wait-max-delay-seconds, max-retries: no effect; ecs-cd polls"),
        ({"wait_for_minutes": "1000"}, "::notice::wait-for-minutes: 1000 is above the maximum; using 360"),
    ],
)  # fmt: skip
def test_what_has_no_effect_is_said(aws: ScriptedAws, deploy: Run, inputs: dict[str, str], words: str) -> None:
    """A workflow that has it works on."""
    ended = deploy(service="web", **inputs)
    assert ended.exit_code == 0, ended.log
    assert ended.log.count(words) == 1, ended.log
    assert "volumeConfigurations" not in asked(aws, "ecs.UpdateService")


def test_stability_is_waited_for_if_asked(aws: ScriptedAws, deploy: Run, clock: Clock) -> None:
    """Until nothing of the service moves any more."""
    ended = deploy(service="web", wait_for_service_stability="TRUE")
    assert ended.exit_code == 0, ended.log
    assert ended.outputs["result"] == "succeeded"
    assert clock.monotonic() >= 20


def test_a_timeout_has_an_exit_code_of_its_own(aws: ScriptedAws, deploy: Run, clock: Clock) -> None:
    """After the minutes that were asked for."""
    aws.on("ecs.DescribeServices", {"services": [MOVING]}, after="ecs.UpdateService")
    ended = deploy(service="web", wait_for_service_stability="true", wait_for_minutes="2")
    assert ended.exit_code == 7
    assert 120 <= clock.monotonic() <= 130


def test_a_rollback_is_red(aws: ScriptedAws, deploy: Run) -> None:
    """The official action reported success for years."""
    failed = NEW | {"rolloutState": "FAILED", "rolloutStateReason": ecs.BREAKER_TRIPPED, "status": "ACTIVE"}
    back = ecs.deployment("ecs-svc/3", reason=ecs.rolling_back("ecs-svc/3"))
    aws.on(
        "ecs.DescribeServices",
        at(0, {"services": [MOVING]}),
        at(60, {"services": [ecs.service(deployments=[back, failed])]}),
        after="ecs.UpdateService",
    )
    aws.on("ecs.ListServiceDeployments", {"serviceDeployments": []})
    ended = deploy(service="web", wait_for_service_stability="true")
    assert ended.exit_code == 3, ended.log
    assert ended.outputs["result"] == "rolled-back"


@pytest.mark.parametrize(("image", "updates"), [(f"app@{ecs.DIGEST}", 0), ("app:latest", 1), ("app", 1)])
def test_a_service_that_runs_the_revision_already_is_left_alone(
    aws: ScriptedAws, deploy: Run, tmp_path: Path, image: str, updates: int
) -> None:
    """Unless a tag may have moved: a success without a deployment would be the old image."""
    app, sidecar = DEFINITION["containerDefinitions"]
    definition = {**DEFINITION, "containerDefinitions": [{**app, "image": image}, sidecar]}
    (tmp_path / "task-definition.json").write_text(json.dumps(definition))
    arn = ecs.task_definition_arn("web:2")
    aws.on("ecs.DescribeTaskDefinition", {"taskDefinition": {**definition, "taskDefinitionArn": arn}})
    aws.on("ecs.DescribeServices", {"services": [STABLE]})
    ended = deploy(service="web", cluster=ecs.CLUSTER, desired_count="1")
    assert ended.exit_code == 0, ended.log
    assert aws.count("ecs.RegisterTaskDefinition") == 0
    forced = {"cluster": ecs.CLUSTER, "service": "web", "taskDefinition": arn, "forceNewDeployment": True}
    assert [call.params for call in aws.calls if call.operation == "ecs.UpdateService"] == [forced] * updates


def test_a_registration_that_is_refused_changes_nothing_else(aws: ScriptedAws, deploy: Run) -> None:
    """No task, no service."""
    aws.on("ecs.RegisterTaskDefinition", denied("ecs:RegisterTaskDefinition"))
    assert deploy(service="web", run_task="true").exit_code == 2
    assert aws.count("ecs.RunTask") == aws.count("ecs.UpdateService") == 0


# ---- CodeDeploy ----


APPSPEC = """
version: 0.0
resources:
  - TargetService:
      type: AWS::ECS::Service
      properties:
        taskDefinition: helloworld
        loadBalancerInfo: {containerName: app, containerPort: 80}
hooks:
  - AfterAllowTestTraffic: smoke-test
"""
AS_JSON = {
    "Resources": [
        {
            "TargetService": {
                "Type": "AWS::ECS::Service",
                "Properties": {
                    "TaskDefinition": "helloworld",
                    "LoadBalancerInfo": {"ContainerName": "app", "ContainerPort": 80},
                },
            }
        }
    ]
}


@pytest.fixture
def blue_green(aws: ScriptedAws, tmp_path: Path, deploy: Run) -> Run:
    """A service of CodeDeploy's, with an appspec.yaml; the deployment has succeeded after a minute."""
    group = codedeploy.group()
    aws.on("ecs.DescribeServices", {"services": [codedeploy.service()]})
    aws.on("codedeploy.GetDeploymentGroup", group)
    aws.on("codedeploy.GetDeploymentConfig", {"deploymentConfigInfo": {"computePlatform": "ECS"}})
    aws.on("codedeploy.ListDeployments", {"deployments": []})
    aws.on("codedeploy.CreateDeployment", {"deploymentId": "d-NEW"})
    looks = [at(0, codedeploy.described(codedeploy.deployment(status="InProgress")))]
    looks += [at(60, codedeploy.described(codedeploy.deployment(status="Succeeded")))]
    aws.on("codedeploy.BatchGetDeployments", *looks, after="codedeploy.CreateDeployment")
    aws.on("codedeploy.BatchGetDeploymentTargets", codedeploy.target())
    app, sidecar = DEFINITION["containerDefinitions"]
    containers = [{**app, "portMappings": [{"containerPort": 80}]}, sidecar]
    (tmp_path / "task-definition.json").write_text(json.dumps({**DEFINITION, "containerDefinitions": containers}))
    (tmp_path / "appspec.yaml").write_text(APPSPEC)
    (tmp_path / "appspec.json").write_text(json.dumps(AS_JSON))
    return lambda **inputs: deploy(**{"service": "web", "cluster": ecs.CLUSTER, **inputs})


def sent(request: Params) -> Params:
    """The AppSpec in a CreateDeployment."""
    content: Params = json.loads(request["revision"]["appSpecContent"]["content"])
    return content


def test_codedeploy_deploys_what_is_its_own(aws: ScriptedAws, blue_green: Run) -> None:
    """By appspec.yaml and the console's names; hooks and the spelling of keys stay. Not waited for by default."""
    ended = blue_green()
    assert ended.exit_code == 0, ended.log
    assert (ended.outputs["result"], ended.outputs["codedeploy-deployment-id"]) == ("in-progress", "d-NEW")
    request = asked(aws, "codedeploy.CreateDeployment")
    assert set(request) == {"applicationName", "deploymentGroupName", "revision"}
    assert request["applicationName"] == "AppECS-my-cluster-web"
    assert request["deploymentGroupName"] == "DgpECS-my-cluster-web"
    properties = sent(request)["resources"][0]["TargetService"]["properties"]
    assert properties["taskDefinition"] == ecs.task_definition_arn("web:2")
    assert sent(request)["hooks"] == [{"AfterAllowTestTraffic": "smoke-test"}]
    assert aws.count("ecs.UpdateService") == 0


def test_codedeploys_names_and_appspec_may_be_others(aws: ScriptedAws, blue_green: Run, tmp_path: Path) -> None:
    """Of an absolute path, too, and as JSON."""
    ended = blue_green(
        codedeploy_appspec=str(tmp_path / "appspec.json"),
        codedeploy_application="MyApplication",
        codedeploy_deployment_group="MyDeploymentGroup",
        codedeploy_deployment_config="MyConfig",
        codedeploy_deployment_description="why",
    )
    assert ended.exit_code == 0, ended.log
    request = asked(aws, "codedeploy.CreateDeployment")
    assert {name: value for name, value in request.items() if name != "revision"} == {
        "applicationName": "MyApplication",
        "deploymentGroupName": "MyDeploymentGroup",
        "deploymentConfigName": "MyConfig",
        "description": "why",
    }
    wanted = json.loads(json.dumps(AS_JSON).replace("helloworld", ecs.task_definition_arn("web:2")))
    assert sent(request)["Resources"] == wanted["Resources"]


def test_codedeploy_is_waited_for_if_asked(aws: ScriptedAws, blue_green: Run, clock: Clock) -> None:
    """To its success."""
    ended = blue_green(wait_for_service_stability="TRUE")
    assert ended.exit_code == 0, ended.log
    assert ended.outputs["result"] == "succeeded"
    assert clock.monotonic() >= 60


def test_what_the_deployment_group_waits_for_is_waited_for_as_well(
    aws: ScriptedAws, blue_green: Run, clock: Clock
) -> None:
    """Both of its waits in addition to the minutes, and through them: the traffic shifts without a user."""
    waits = {
        "deploymentReadyOption": {"actionOnTimeout": "STOP_DEPLOYMENT", "waitTimeInMinutes": 3},
        "terminateBlueInstancesOnDeploymentSuccess": {"action": "TERMINATE", "terminationWaitTimeInMinutes": 2},
    }
    aws.on("codedeploy.GetDeploymentGroup", codedeploy.group(blueGreenDeploymentConfiguration=waits))
    looks = [at(0, codedeploy.described(codedeploy.deployment(status="Ready")))]
    looks += [at(240, codedeploy.described(codedeploy.deployment(status="Succeeded")))]
    aws.on("codedeploy.BatchGetDeployments", *looks, after="codedeploy.CreateDeployment")
    ended = blue_green(wait_for_service_stability="true", wait_for_minutes="1")
    assert ended.exit_code == 0, ended.log
    assert 240 <= clock.monotonic() <= 250


@pytest.mark.parametrize("text", ["hello: world", "resources: [{TargetService: {}}]", "resources: {"])
def test_an_appspec_that_is_none_is_refused(aws: ScriptedAws, blue_green: Run, tmp_path: Path, text: str) -> None:
    """Before anything is registered."""
    (tmp_path / "appspec.yaml").write_text(text)
    ended = blue_green()
    assert ended.exit_code == 2
    assert "appspec.yaml" in ended.log
    assert aws.count("ecs.RegisterTaskDefinition") == aws.count("codedeploy.CreateDeployment") == 0


# ---- a task of its own ----


def run_of(status: str, *containers: Params, **more: Any) -> Params:
    return ecs.task("task-1", status, containers=list(containers), task_definition="web:2", **more)


def stopped(*exit_codes: int | None, **more: Any) -> Params:
    """The containers app, sidecar, ... with these exit codes."""
    names = ("app", "sidecar")
    containers = [
        ecs.container(name, "STOPPED", **({} if code is None else {"exitCode": code}))
        for name, code in zip(names, exit_codes, strict=False)
    ]
    return run_of("STOPPED", *containers, **{"stopCode": "EssentialContainerExited", **more})


@pytest.fixture
def runs(aws: ScriptedAws) -> ecs.RunTask:
    """A cluster that runs the task for ten seconds; it logs one line."""
    run_task = ecs.RunTask()
    aws.on("ecs.RunTask", run_task)
    tell(aws, at(0, {"tasks": [run_of("RUNNING")]}), at(10, {"tasks": [stopped(0, 0)]}))
    aws.on(
        "logs.GetLogEvents",
        {"events": [{"message": "applying 001"}], "nextForwardToken": "f/2"},
        where={"startFromHead": True},
    )
    aws.on("logs.GetLogEvents", {"events": [], "nextForwardToken": "f/2"}, where={"nextToken": "f/2"})
    return run_task


def tell(aws: ScriptedAws, *answers: Any) -> None:
    arn = f"{ecs.PREFIX}:task/{ecs.CLUSTER}/task-1"
    aws.on("ecs.DescribeTasks", *answers, where={"tasks": [arn]}, after="ecs.RunTask")


SUBNETS = {"run_task_subnets": "a,b", "run_task_security_groups": "c,d"}
NETWORK = {"awsvpcConfiguration": {"subnets": ["a", "b"], "securityGroups": ["c", "d"], "assignPublicIp": "DISABLED"}}
BY_DEFAULT: Params = {"cluster": "default", "launchType": "FARGATE", "startedBy": "GitHub-Actions", "count": 1}
REQUESTS: list[tuple[dict[str, str], Params]] = [
    ({}, {}),
    (
        {"run_task_launch_type": "EC2", "run_task_container_overrides": "[]", "run_task_tags": "[]", "run_task_capacity_provider_strategy": "[]", "run_task_managed_ebs_volume": "{}"},
        {"launchType": "EC2"},
    ),
    (
        {
            **SUBNETS,
            "cluster": "somecluster",
            "enable_ecs_managed_tags": "false",
            "run_task_started_by": "someJoe",
            "run_task_container_overrides": '[{"name": "app", "command": ["somecmd"], "environment": [{"name": "A", "value": ""}], "cpu": "512"}]',
            "run_task_tags": '[{"key": "project", "value": "myproject"}, {"key": "empty", "value": ""}]',
        },
        {
            "cluster": "somecluster",
            "startedBy": "someJoe",
            "networkConfiguration": NETWORK,
            "enableECSManagedTags": False,
            "overrides": {"containerOverrides": [{"name": "app", "command": ["somecmd"], "environment": [{"name": "A", "value": ""}], "cpu": 512}]},
            "tags": [{"key": "project", "value": "myproject"}, {"key": "empty", "value": ""}],
        },
    ),
    (
        {"run_task_capacity_provider_strategy": '[{"capacityProvider": "FARGATE_SPOT", "weight": 1}]', "run_task_launch_type": "EC2"},
        {"capacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT", "weight": 1}], "launchType": None},
    ),
    ({"run_task_launch_type": ""}, {"launchType": None}),
    ({"run_task_launch_type": "\n"}, {"launchType": None}),
    (
        {"run_task_launch_type": "", "run_task_capacity_provider_strategy": '[{"capacityProvider": "FARGATE", "weight": 1}]'},
        {"capacityProviderStrategy": [{"capacityProvider": "FARGATE", "weight": 1}], "launchType": None},
    ),
    ({"run_task_started_by": "", "run_task_assign_public_IP": "", "cluster": "", "enable_ecs_managed_tags": " "}, {}),
    ({"run_task_subnets": "a", "run_task_assign_public_IP": "ENABLED"}, {"networkConfiguration": {"awsvpcConfiguration": {"subnets": ["a"], "assignPublicIp": "ENABLED"}}}),
    ({"run_task_assign_public_IP": "ENABLED", "run_task_launch_type": "EC2"}, {"launchType": "EC2"}),
    ({"enable_ecs_managed_tags": "true"}, {"enableECSManagedTags": True}),
    (
        {"run_task_managed_ebs_volume_name": "ebs1", "run_task_managed_ebs_volume": json.dumps(EBS)},
        {"volumeConfigurations": [{"name": "ebs1", "managedEBSVolume": EBS}]},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("inputs", "expected"), REQUESTS)
def test_a_task_is_run_as_asked(
    aws: ScriptedAws, deploy: Run, runs: ecs.RunTask, inputs: dict[str, str], expected: Params
) -> None:
    """Fargate unless capacity providers are given or the launch type is blank, which is the cluster's default; network
    settings only with subnets; nothing that is empty."""
    ended = deploy(run_task="true", **inputs)
    assert ended.exit_code == 0, ended.log
    request = asked(aws, "ecs.RunTask")
    wanted = {**BY_DEFAULT, "taskDefinition": ecs.task_definition_arn("web:2"), **expected}
    assert {name: request.get(name) for name in {*request, *wanted} - {"clientToken"}} == wanted
    assert None not in request.values()
    assert len(request["clientToken"]) <= 64
    assert json.loads(ended.outputs["run-task-arn"]) == [runs.started[0]["taskArn"]]
    assert aws.count("ecs.DescribeTasks") == 0  # nobody waits for it


def test_a_task_comes_before_the_service(aws: ScriptedAws, deploy: Run, runs: ecs.RunTask) -> None:
    """Both get the same revision; the task is waited for if asked, and its log is shown."""
    ended = deploy(run_task="true", wait_for_task_stopped="true", service="web", wait_for_service_stability="true")
    assert ended.exit_code == 0, ended.log
    calls = {call.operation: call for call in aws.calls}
    assert calls["ecs.UpdateService"].time >= calls["ecs.RunTask"].time + 10
    assert calls["ecs.UpdateService"].params["taskDefinition"] == calls["ecs.RunTask"].params["taskDefinition"]
    assert ended.log.count("applying 001") == 1
    assert ended.outputs["result"] == "succeeded"


def test_a_task_that_is_not_waited_for_does_not_hold_the_service_up(
    aws: ScriptedAws, deploy: Run, runs: ecs.RunTask
) -> None:
    """It runs in parallel with the deployment."""
    ended = deploy(run_task="true", service="web")
    assert ended.exit_code == 0, ended.log
    assert aws.count("ecs.UpdateService") == 1


FAILED: list[tuple[Params, str]] = [
    (stopped(3, 0), "container `app` exited with 3"),
    (stopped(0, 137), "container `sidecar` exited with 137"),
    (stopped(0, None), "container `sidecar` never ran"),
    (stopped(1, None), "container `app` exited with 1, container `sidecar` never ran"),
    (stopped(None, None, stopCode="TaskFailedToStart", stoppedReason="CannotPullContainerError: x not found"), "TaskFailedToStart: CannotPullContainerError"),
    (stopped(), "no container ran"),
]  # fmt: skip


@pytest.mark.parametrize(("task", "words"), FAILED, ids=[words for _, words in FAILED])
def test_a_task_whose_containers_did_not_all_exit_with_0_is_red(
    aws: ScriptedAws, deploy: Run, runs: ecs.RunTask, task: Params, words: str
) -> None:
    """Whichever it was, with its cause and its last lines; the service is not touched."""
    tell(aws, at(0, {"tasks": [task]}))
    ended = deploy(run_task="true", wait_for_task_stopped="true", service="web")
    assert ended.exit_code == 1
    assert ended.outputs["result"] == "failed"
    assert ended.outputs["task-definition-arn"].endswith("web:2")
    assert json.loads(ended.outputs["run-task-arn"])
    assert words in ended.log, ended.log
    assert "applying 001" in ended.summary
    assert aws.count("ecs.UpdateService") == 0


def test_a_task_that_finds_no_place_is_red(aws: ScriptedAws, deploy: Run) -> None:
    """With RunTask's own words; the service is not touched."""
    aws.on("ecs.RunTask", {"tasks": [], "failures": [{"arn": "arn:x", "reason": "ATTRIBUTE", "detail": "ecs.os-type"}]})
    ended = deploy(run_task="true", service="web")
    assert ended.exit_code == 1
    assert "ECS can't place the run-task task: ATTRIBUTE (ecs.os-type)" in ended.log
    assert json.loads(ended.outputs["run-task-arn"]) == []
    assert aws.count("ecs.UpdateService") == 0


def test_a_lost_answer_starts_no_second_task_and_adopts_no_other(
    aws: ScriptedAws, deploy: Run, runs: ecs.RunTask
) -> None:
    """Another run's task carries the same startedBy; only the clientToken tells."""
    theirs = ecs.task("theirs", started_by="GitHub-Actions", task_definition="web:1")
    aws.on("ecs.ListTasks", {"taskArns": [theirs["taskArn"]]})
    aws.on("ecs.RunTask", lost(runs), runs)
    ended = deploy(run_task="true", wait_for_task_stopped="true")
    assert ended.exit_code == 0, ended.log
    assert len(runs.started) == 1
    assert json.loads(ended.outputs["run-task-arn"]) == [runs.started[0]["taskArn"]]


def test_a_task_that_takes_too_long_goes_on(aws: ScriptedAws, deploy: Run, runs: ecs.RunTask) -> None:
    """Its own exit code; the service is not touched."""
    tell(aws, at(0, {"tasks": [run_of("RUNNING")]}))
    ended = deploy(run_task="true", wait_for_task_stopped="true", wait_for_minutes="1", service="web")
    assert ended.exit_code == 7
    assert "the task keeps running: arn:aws:ecs" in ended.log
    assert aws.count("ecs.StopTask") == aws.count("ecs.UpdateService") == 0


def cancelled(answer: Params) -> Callable[[Params], Params]:
    """The answer, while the runner cancels the job."""

    def cancel(params: Params) -> Params:
        os.kill(os.getpid(), signal.SIGINT)
        return answer

    return cancel


@pytest.mark.parametrize(
    ("policy", "stops", "words"), [("stop", 1, "is being stopped"), ("leave", 0, "aws ecs stop-task")]
)
def test_a_cancelled_job_leaves_the_task_or_stops_it(
    aws: ScriptedAws, deploy: Run, runs: ecs.RunTask, policy: str, stops: int, words: str
) -> None:
    """As on-cancel says; the service is not touched."""
    tell(aws, cancelled({"tasks": [run_of("RUNNING")]}), {"tasks": [run_of("RUNNING")]})
    aws.on("ecs.StopTask", {"task": run_of("RUNNING")})
    ended = deploy(run_task="true", wait_for_task_stopped="true", service="web", on_cancel=policy)
    assert ended.exit_code == 130, ended.log
    assert words in ended.log
    assert aws.count("ecs.StopTask") == stops
    assert aws.count("ecs.UpdateService") == 0


def test_a_task_of_somebody_else_is_not_stopped(aws: ScriptedAws, deploy: Run) -> None:
    """Cancelled before RunTask's answer came: what carries the same startedBy may be another run's."""
    theirs = ecs.task("theirs", started_by="GitHub-Actions", task_definition="web:1")
    aws.on("ecs.ListTasks", {"taskArns": [theirs["taskArn"]]})
    aws.on("ecs.DescribeTasks", {"tasks": [theirs]})
    aws.on("ecs.RunTask", cancelled({"tasks": [run_of("PROVISIONING")], "failures": []}))
    aws.on("ecs.StopTask", {"task": theirs})
    ended = deploy(run_task="true", wait_for_task_stopped="true", on_cancel="stop")
    assert ended.exit_code == 130, ended.log
    assert aws.count("ecs.StopTask") == 0


@pytest.fixture
def rerun(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second attempt of a run."""
    monkeypatch.setenv("GITHUB_RUN_ATTEMPT", "2")


@pytest.mark.parametrize("waits", ["true", "false"])
@pytest.mark.usefixtures("rerun")
def test_a_rerun_follows_the_task_that_an_earlier_attempt_started(
    aws: ScriptedAws, deploy: Run, runs: ecs.RunTask, waits: str
) -> None:
    """The same revision, overrides and startedBy: the official action would run it a second time."""
    theirs = ecs.task("task-1", started_by="GitHub-Actions", task_definition="web:2")
    aws.on("ecs.ListTasks", {"taskArns": [theirs["taskArn"]]}, where={"family": "web", "desiredStatus": "RUNNING"})
    aws.on("ecs.DescribeTasks", {"tasks": [theirs]}, {"tasks": [stopped(0, 0)]})
    ended = deploy(run_task="true", wait_for_task_stopped=waits)
    assert ended.exit_code == 0, ended.log
    assert runs.started == []
    assert json.loads(ended.outputs["run-task-arn"]) == [theirs["taskArn"]]
    assert "task task-1 is RUNNING; following it instead of starting another" in ended.log


@pytest.mark.usefixtures("rerun")
@pytest.mark.parametrize(
    ("theirs", "inputs"),
    [
        (ecs.task("theirs", started_by="GitHub-Actions", task_definition="web:1"), {}),
        (ecs.task("theirs", started_by="someone", task_definition="web:2"), {}),
        (ecs.task("theirs", started_by="ecs-svc/1", task_definition="web:2"), {}),
        (
            ecs.task("theirs", started_by="GitHub-Actions", task_definition="web:2"),
            {"run_task_container_overrides": '[{"name": "app", "command": ["x"]}]'},
        ),
        (ecs.task("theirs", "STOPPED", started_by="GitHub-Actions", task_definition="web:2"), {}),
    ],
)
def test_a_rerun_takes_no_other_task_for_its_own(
    aws: ScriptedAws, deploy: Run, runs: ecs.RunTask, theirs: Params, inputs: dict[str, str]
) -> None:
    """startedBy alone proves nothing: everything else has to be the same."""
    aws.on("ecs.ListTasks", {"taskArns": [theirs["taskArn"]]}, where={"family": "web", "desiredStatus": "RUNNING"})
    aws.on("ecs.DescribeTasks", {"tasks": [theirs]})
    assert deploy(run_task="true", **inputs).exit_code == 0
    assert len(runs.started) == 1


def test_another_run_starts_a_task_of_its_own(aws: ScriptedAws, deploy: Run, runs: ecs.RunTask) -> None:
    """As the official action does: a first attempt doesn't look for other tasks."""
    assert deploy(run_task="true").exit_code == 0
    assert aws.count("ecs.ListTasks") == 0
    assert len(runs.started) == 1


ADVICE: list[tuple[Params, str, str]] = [
    (stopped(0, 137, stoppedReason="Essential container in task exited"), "container `sidecar` was killed by SIGKILL (exit code 137)", "after an essential container had ended"),
    (stopped(0, 143), "container `sidecar` was asked to stop by SIGTERM (exit code 143)", "Let it exit with 0 on SIGTERM"),
    (stopped(0, None), "container `sidecar` never ran", "dependsOn"),
    (stopped(137, 137, stopCode="SpotInterruption"), "AWS took the spot capacity back", "Nothing starts a one-off task again"),
    (stopped(0, 0, stopCode="TerminationNotice"), "the instance is being terminated", "Nothing starts a one-off task again"),
    (stopped(0, 0, stopCode="UserInitiated"), "a user stopped the task", "Nothing starts a one-off task again"),
]  # fmt: skip


@pytest.mark.parametrize(("task", "cause", "next_step"), ADVICE)
def test_a_single_task_gets_no_advice_for_services(
    aws: ScriptedAws, deploy: Run, runs: ecs.RunTask, task: Params, cause: str, next_step: str
) -> None:
    """A container that exited with 0 is never the cause, and nothing starts the task again."""
    tell(aws, at(0, {"tasks": [task]}))
    ended = deploy(run_task="true", wait_for_task_stopped="true")
    assert ended.exit_code == 1
    assert "service's container" not in ended.log
    assert "ECS starts" not in ended.log
    assert cause in ended.log
    assert next_step in ended.log


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        ({"tasks": [], "failures": [{"reason": "MISSING"}]}, "ECS never listed the task"),
        ({"tasks": [run_of("PENDING")]}, "the run-task has not started: the task is PENDING"),
        ({"tasks": [run_of("RUNNING")]}, "the run-task was still running"),
    ],
)
def test_a_timeout_says_no_more_than_is_known(
    aws: ScriptedAws, deploy: Run, runs: ecs.RunTask, answer: Params, cause: str
) -> None:
    """What was never listed does not "keep running"."""
    tell(aws, answer)
    ended = deploy(run_task="true", wait_for_task_stopped="true", wait_for_minutes="1")
    assert ended.exit_code == 7
    assert cause in ended.log
    assert ("keeps running" in ended.log) is ("never" not in cause)


def test_a_dry_run_runs_no_task(aws: ScriptedAws, deploy: Run) -> None:
    """Nor does it register or update anything."""
    ended = deploy(run_task="true", service="web", dry_run="true")
    assert ended.exit_code == 0, ended.log
    assert aws.count("ecs.RunTask") == aws.count("ecs.RegisterTaskDefinition") == aws.count("ecs.UpdateService") == 0


# ---- what is handed on ----


def prepared(
    aws: ScriptedAws, clock: Clock, monkeypatch: pytest.MonkeyPatch, folder: Path, **inputs: str
) -> official.Official:
    """What the verb gets, with a file of the workspace."""
    monkeypatch.chdir(folder)
    (folder / "task-definition.json").write_text(json.dumps(DEFINITION))
    environ = {**os.environ, "RUNNER_TEMP": str(folder)}
    given = {"task-definition": "task-definition.json", **{k.replace("_", "-"): v for k, v in inputs.items()}}
    read = options.read(DeployAlone, given)
    assert official.wanted(read)
    return official.prepare(
        read, Job(environ, identify(environ), Terminal(), Aws(environ), clock, State(environ, identify(environ)))
    )


@pytest.mark.parametrize(
    ("inputs", "until", "timeout"),
    [
        ({}, Until("started", True), 1800),
        ({"wait_for_service_stability": "true"}, Until("stable", True), 1800),
        ({"wait_until": "deployed"}, Until("deployed"), 1800),
        ({"wait_until": "ready", "wait_for_service_stability": "true"}, Until("ready"), 1800),
        ({"wait_for_minutes": "60"}, Until("started", True), 3600),
        ({"wait_for_minutes": "360"}, Until("started", True), 21600),
        ({"wait_for_minutes": "1000"}, Until("started", True), 21600),
        ({"wait_for_minutes": "60", "deployment_timeout": "10s"}, Until("started", True), 3600),
        ({"deployment_timeout": "90s"}, Until("started", True), 90),
    ],
)
def test_how_far_and_how_long(
    aws: ScriptedAws,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    inputs: dict[str, str],
    until: Until,
    timeout: float,
) -> None:
    """ecs-cd's input decides how far, theirs how long; theirs waits through pauses."""
    given = prepared(aws, clock, monkeypatch, tmp_path, **inputs)
    assert (given.until, given.timeout) == (until, timeout)


NAMES: list[tuple[dict[str, str], bool, CodeDeploy]] = [
    ({}, False, CodeDeploy()),
    ({}, True, CodeDeploy(appspec=WorkspaceFile("appspec.yaml"))),
    ({"codedeploy_appspec": "infra/appspec.json"}, True, CodeDeploy(appspec=WorkspaceFile("infra/appspec.json"))),
    (
        {"codedeploy_application": "a", "codedeploy_deployment_group": "g", "codedeploy_deployment_config": "c", "codedeploy_deployment_description": "d"},
        False,
        CodeDeploy("a", "g", None, "c", "d"),
    ),
    ({"codedeploy_deployment_description": "x" * 512}, False, CodeDeploy(description="x" * 512)),
    ({"codedeploy_deployment_description": "x" * 513}, False, CodeDeploy(description="x" * 511 + "\N{HORIZONTAL ELLIPSIS}")),
]  # fmt: skip


@pytest.mark.parametrize(("inputs", "there", "expected"), NAMES)
def test_codedeploys_names(
    aws: ScriptedAws,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    inputs: dict[str, str],
    there: bool,
    expected: CodeDeploy,
) -> None:
    """appspec.yaml if it exists; a description is cut at 512 characters; empty names mean CodeDeploy's defaults."""
    if there:
        (tmp_path / "appspec.yaml").touch()
    given = prepared(aws, clock, monkeypatch, tmp_path, service="web", **inputs)
    assert given.service
    assert given.service.codedeploy == expected


@pytest.mark.parametrize(("name", "key"), [("web", "web"), (f"{ecs.PREFIX}:service/{ecs.CLUSTER}/web", "web")])
def test_a_service_may_be_an_arn(
    aws: ScriptedAws, clock: Clock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, key: str
) -> None:
    """Its last part is what people call it."""
    given = prepared(aws, clock, monkeypatch, tmp_path, service=name)
    assert given.service
    assert (given.service.name, given.service.key) == (name, key)
