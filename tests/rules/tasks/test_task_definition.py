"""Task definitions: what a template becomes, and which two ECS would run alike."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from botocore.validate import ParamValidator
from hypothesis import given, settings
from hypothesis import strategies as st

from ecs_cd.model.errors import Refused
from ecs_cd.tasks.rules import task_definition
from tests.rules.tasks.definitions import DEFINITIONS, DESCRIBED, REGISTER, SDK, normalised, shuffled, web

OUTPUT_ONLY = {
    "compatibilities": ["EC2", "FARGATE"],
    "deleteRequestedAt": "2026-01-03T00:00:00Z",
    "deregisteredAt": "2026-01-02T00:00:00Z",
    "registeredAt": "2026-01-01T00:00:00Z",
    "registeredBy": "arn:aws:iam::123456789012:role/cd",
    "requiresAttributes": [{"name": "com.amazonaws.ecs.capability.docker-remote-api.1.18"}],
    "revision": 7,
    "status": "ACTIVE",
    "taskDefinitionArn": "arn:aws:ecs:eu-west-1:123456789012:task-definition/web:7",
}


def read(template: object, **options: Any) -> dict[str, Any]:
    text = template if isinstance(template, str) else json.dumps(template)
    definition = task_definition.read(text, REGISTER, DESCRIBED, SDK, where="s3://b/k.json", **options)
    assert not ParamValidator().validate(definition, REGISTER).has_errors()
    return definition


def container(template: object, **options: Any) -> dict[str, Any]:
    found: dict[str, Any] = read(template, **options)["containerDefinitions"][0]
    return found


def containers(*names: str) -> dict[str, Any]:
    return {"containerDefinitions": [{"name": name, "image": "i"} for name in names]}


def problems(template: object) -> list[str]:
    with pytest.raises(Refused) as refused:
        read(template)
    return list(refused.value.problems)


# ---- reading ----


def test_fields_that_are_output_only_are_left_out() -> None:
    """What `describe-task-definition` printed can be used as it is; the list is the model's own."""
    assert set(OUTPUT_ONLY) == set(DESCRIBED.members) - set(REGISTER.members)
    assert read({**web(), **OUTPUT_ONLY}) == web()


def test_every_other_field_is_kept() -> None:
    """A deny-list, never an allow-list: what the model can register reaches ECS."""
    dropped = set(REGISTER.members) & set(OUTPUT_ONLY)
    assert not dropped
    template = web(
        top={
            "enableFaultInjection": True,
            "ephemeralStorage": {"sizeInGiB": 50},
            "runtimePlatform": {"cpuArchitecture": "ARM64"},
        },
        restartPolicy={"enabled": True, "ignoredExitCodes": [0]},
        versionConsistency="disabled",
    )
    assert read(template) == template


@pytest.mark.parametrize(
    ("beside", "expected"),
    [
        ({}, web()),
        ({"tags": []}, web()),
        ({"tags": [{"key": "team", "value": "a"}]}, web(top={"tags": [{"key": "team", "value": "a"}]})),
        ({"failures": [], "ResponseMetadata": {"HTTPStatusCode": 200}}, web()),
    ],
)
def test_the_wrapper_of_describe_is_taken_off_and_its_tags_are_kept(
    beside: dict[str, Any], expected: dict[str, Any]
) -> None:
    """Describe answers with the tags as a sibling; Register takes them inside."""
    assert read({"taskDefinition": {**web(), **OUTPUT_ONLY}, **beside}) == expected


SCALARS = [
    ("family: web\ncpu: 256", "cpu", "256"),
    ("family: web\ncpu: 0256", "cpu", "0256"),
    ("family: web\nmemory: 1 GB", "memory", "1 GB"),
    ("family: 2024-01-02", "family", "2024-01-02"),
    ("family: 1.10", "family", "1.10"),
    ("family: yes", "family", "yes"),
    ("family: 22:30", "family", "22:30"),
    ("family: true", "family", "true"),
    ("family: web\nenableFaultInjection: 'true'", "enableFaultInjection", True),
    ("family: web\nenableFaultInjection: FALSE", "enableFaultInjection", False),
    ("family: web\nephemeralStorage: {sizeInGiB: '50'}", "ephemeralStorage", {"sizeInGiB": 50}),
    ('{"family": "web", "cpu": 256', "cpu", "256"),
    ('{"family": true', "family", "true"),
    ('{"family": 1.10', "family", "1.10"),
    ('{"family": "web", "ephemeralStorage": {"sizeInGiB": 50.0}', "ephemeralStorage", {"sizeInGiB": 50}),
]


@pytest.mark.parametrize(("head", "field", "expected"), SCALARS)
def test_a_scalar_gets_the_type_that_ecs_wants_and_stays_the_text_that_was_written(
    head: str, field: str, expected: object
) -> None:
    """`cpu: 256` is "256", `yes` and dates are text, "true" is a boolean if ECS expects one."""
    tail = ', "containerDefinitions": [{"name": "app", "image": "app:1"}]}' if head.startswith("{") else (
        "\ncontainerDefinitions: [{name: app, image: 'app:1'}]\n"
    )  # fmt: skip
    assert read(head + tail)[field] == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [(0, "0"), (1.5, "1.5"), (True, "true"), (False, "false"), ("0x1F", "0x1F"), ("", ""), (None, "")],
)
def test_the_value_of_an_environment_variable_is_text(written: object, expected: str) -> None:
    """0 and false are values, and so is an empty text."""
    assert container(web(environment=[{"name": "A", "value": written}]))["environment"] == [
        {"name": "A", "value": expected}
    ]


@pytest.mark.parametrize("written", [80, "80", " 80 ", "80.0", 80.0])
def test_a_port_may_be_written_as_text(written: object) -> None:
    """People's templates come out of sed."""
    assert container(web(portMappings=[{"containerPort": written}]))["portMappings"] == [{"containerPort": 80}]


def test_an_environment_variable_without_value_is_empty() -> None:
    """As the official action has it."""
    assert container(web(environment=[{"name": "A"}]))["environment"] == [{"name": "A", "value": ""}]


def test_what_is_missing_in_a_property_of_app_mesh_is_empty() -> None:
    """As in the official action, for the name too; a property with neither is dropped."""
    properties = [{"name": "IgnoredUID"}, {"name": "", "value": "1337"}, {"name": "", "value": None}]
    proxy = {"type": "APPMESH", "containerName": "envoy", "properties": properties}
    assert read(web(top={"proxyConfiguration": proxy}))["proxyConfiguration"]["properties"] == [
        {"name": "IgnoredUID", "value": ""},
        {"name": "", "value": "1337"},
    ]


@pytest.mark.parametrize(
    ("written", "left"),
    [
        ({"command": []}, {}),
        ({"secrets": None}, {}),
        ({"user": ""}, {}),
        ({"environment": [{}]}, {}),
        ({"environment": [{"name": "", "value": None}]}, {}),
        ({"logConfiguration": {"logDriver": None, "options": {}}}, {}),
        ({"linuxParameters": {"capabilities": {"add": [], "drop": [""]}}}, {}),
        ({"dnsServers": ["", "10.0.0.2"], "links": [""]}, {"dnsServers": ["10.0.0.2"]}),
        ({"cpu": 0, "essential": False}, {"cpu": 0, "essential": False}),
        ({"dockerLabels": {"a": ""}}, {"dockerLabels": {"a": ""}}),
    ],
)  # fmt: skip
def test_what_is_empty_is_cleaned_by_the_models_shape(written: dict[str, Any], left: dict[str, Any]) -> None:
    """Nulls, empty texts, lists and mappings go; 0 and false stay."""
    assert container(web(**written)) == {"name": "app", "image": "app:1", **left}


def test_empty_words_of_a_command_stay() -> None:
    """The official action drops them, and so runs another command; `entryPoint: [""]` is Docker's way to reset it."""
    words = ["sh", "", "-c"]
    assert container(web(entryPoint=[""]))["entryPoint"] == [""]
    found = container(web(command=words, entryPoint=words, healthCheck={"command": ["CMD", ""]}))
    assert found["command"] == words
    assert found["entryPoint"] == words
    assert found["healthCheck"]["command"] == ["CMD", ""]


KEPT: list[tuple[dict[str, Any], list[str], dict[str, Any]]] = [
    ({"user": "", "hostname": ""}, ["user"], {"user": ""}),
    ({"command": [], "entryPoint": []}, ["command"], {"command": []}),
    ({"dockerLabels": {}}, ["dockerLabels"], {"dockerLabels": {}}),
    ({"linuxParameters": {"capabilities": {"add": ["X"], "drop": []}}}, ["drop"], {"linuxParameters": {"capabilities": {"add": ["X"], "drop": []}}}),
    ({"linuxParameters": {"capabilities": {"drop": []}}}, ["drop"], {}),
    ({"linuxParameters": {"capabilities": {"drop": []}}}, ["linuxParameters"], {"linuxParameters": {}}),
    ({"environment": [{}]}, ["environment"], {"environment": []}),
    ({"user": None, "command": None}, ["user", "command"], {}),
    ({"memory": ""}, ["memory"], {}),
]  # fmt: skip


@pytest.mark.parametrize(("written", "keep", "left"), KEPT)
def test_a_key_that_is_to_be_kept_keeps_its_empty_value(
    written: dict[str, Any], keep: list[str], left: dict[str, Any]
) -> None:
    """`keep-null-value-keys` as in the official action: at any depth; not null, and not what holds nothing else."""
    found = container(web(**written), keep_null_value_keys=keep)
    assert found == {"name": "app", "image": "app:1", **left}


def test_a_key_that_is_kept_empty_must_be_one_that_may_be_empty() -> None:
    """ECS would refuse it after the migration has run."""
    with pytest.raises(Refused, match=r"containerDefinitions\[0\].healthCheck.command: is missing"):
        read(web(healthCheck={}), keep_null_value_keys=["healthCheck"])


def test_tags_of_aws_are_left_out() -> None:
    """CloudFormation's come with Describe, and Register refuses the prefix in any case."""
    tags = [{"key": "aws:cloudformation:stack-name", "value": "x"}, {"key": "AWS:x"}, {"key": "awsome", "value": "1"}]
    assert read(web(top={"tags": tags}))["tags"] == [{"key": "awsome", "value": "1"}]
    assert "tags" not in read(web(top={"tags": tags[:2]}))
    assert read(web(top={"tags": []}), keep_null_value_keys=["tags"])["tags"] == []


@pytest.mark.parametrize(
    "text",
    [
        '{"family": "web", "containerDefinitions": [{"name": "app", "image": "app:1",},],}',
        '// ours\n{"family": /* the name */ "web", // :)\n"containerDefinitions": [{"name": "app", "image": "app:1"},]}',
        '\ufeff{"family": "web", "containerDefinitions": [{"name": "app", "image": "app:1"}]}',
        "\ufefffamily: web\ncontainerDefinitions: [{name: app, image: 'app:1'}]",
        "# ours\nfamily: web\ncontainerDefinitions:\n  - name: app\n    image: app:1 # the image\n",
        '{"family": "web", # ours\n "containerDefinitions": [{"name": "app", "image": "app:1"}]}',
        '{\r\n"family": "web",\r\n"containerDefinitions": [{"name": "app", "image": "app:1"}]}\r\n',
    ],
)
def test_json_with_commas_and_comments_and_yaml_are_read(text: str) -> None:
    """ecs-cd's parser accepts whatever the official action's parser accepts."""
    assert read(text) == web()


PROBLEMS: list[tuple[object, str]] = [
    (
        web(enviroment=[]),
        "containerDefinitions[0].enviroment: botocore 1.2.3 has no such field; did you mean `environment`?",
    ),
    (
        web(top={"environmentFiles": []}),
        "environmentFiles: ECS has no such field; it belongs in containerDefinitions[]",
    ),
    (
        web(executionRoleArn="r"),
        "containerDefinitions[0].executionRoleArn: ECS has no such field; it belongs in the task definition itself",
    ),
    (
        web(environment=[{"name": "A", "valueFrom": "x"}]),
        "environment[0].valueFrom: ECS has no such field; it belongs in containerDefinitions[].secrets[]",
    ),
    (web(top={"type": "x"}), "type: botocore 1.2.3 has no such field"),
    (web(PortMappings=[]), "containerDefinitions[0].PortMappings: ECS has no such field; ECS spells it `portMappings`"),
    (web(top={"network_mode": "awsvpc"}), "network_mode: ECS has no such field; ECS spells it `networkMode`"),
    (web(top={"task-role-arn": "x"}), "task-role-arn: ECS has no such field; ECS spells it `taskRoleArn`"),
    (web(command=["sh", None]), "containerDefinitions[0].command[1]: is null; write a value, or remove the element"),
    (web(restartPolicy={"enabled": True, "ignoredExitCodes": [None]}), "restartPolicy.ignoredExitCodes[0]: is null"),
    ({"family": "web", "containerDefinitions": [{"image": "app:1"}]}, "containerDefinitions[0].name: is missing"),
    (web(top=containers("a", "b", "a")), "containerDefinitions[2].name: another container has the same name"),
    (
        web(portMappings=[{"port": 80}]),
        "containerDefinitions[0].portMappings[0].port: botocore 1.2.3 has no such field",
    ),
    (web(portMappings={"containerPort": 80}), "containerDefinitions[0].portMappings: must be a list"),
    (web(portMappings=[80]), "containerDefinitions[0].portMappings[0]: must be a mapping"),
    (web(portMappings=[{"containerPort": "<PORT>"}]), "portMappings[0].containerPort: must be a whole number"),
    (web(portMappings=[{"containerPort": 80.5}]), "portMappings[0].containerPort: must be a whole number"),
    (web(dockerLabels=["a=b"]), "containerDefinitions[0].dockerLabels: must be a mapping"),
    (web(dockerLabels={"a": ["b"]}), "containerDefinitions[0].dockerLabels.a: must be a single value, not a list"),
    (web(command="rails s"), "containerDefinitions[0].command: must be a list"),
    (web(command=[["rails"]]), "containerDefinitions[0].command[0]: must be a single value, not a list"),
    (web(image={"uri": "x"}), "containerDefinitions[0].image: must be a single value, not a mapping"),
    (web(essential="maybe"), "containerDefinitions[0].essential: must be true or false"),
    (web(top={"containerDefinitions": {"name": "app"}}), "containerDefinitions: must be a list"),
    ({"containerDefinitions": [{"name": "app"}]}, "family: is missing"),
    ({"family": "", "containerDefinitions": [{"name": "app"}]}, "family: is missing"),
    ({"family": "web", "containerDefinitions": []}, "containerDefinitions: is missing"),
    ('{"family": "a", "family": "b", "containerDefinitions": [{"name": "app"}]}', "family: occurs twice"),
    ("family: web\ncontainerDefinitions: [{name: a, name: b}]", "containerDefinitions[0].name: occurs twice"),
]


@pytest.mark.parametrize(("template", "sentence"), PROBLEMS, ids=[words for _, words in PROBLEMS])
def test_what_ecs_would_not_take_is_named_by_its_path(template: object, sentence: str) -> None:
    """Before anything is changed, with the place and the nearest name."""
    head, *found = problems(template)
    assert head.startswith("the task definition in s3://b/k.json has ")
    assert any(sentence in problem for problem in found), found


def test_all_problems_are_told_at_once() -> None:
    """Nobody wants to run a pipeline once per mistake."""
    template = web(top={"volumse": []}, essential="maybe", command="x", portMappings=[{"containerPort": "a"}])
    head, *found = problems(template)
    assert "has 4 problems" in head
    assert [sentence.partition(":")[0] for sentence in found] == [
        "containerDefinitions[0].essential",
        "containerDefinitions[0].command",
        "containerDefinitions[0].portMappings[0].containerPort",
        "volumse",
    ]


def test_a_field_in_another_spelling_is_not_missed_as_well() -> None:
    """CloudFormation's and Terraform's spelling: a line a field, and no more."""
    assert problems({"Family": "web", "container_definitions": [{"Name": "app", "Image": "app:1"}]})[1:] == [
        "Family: ECS has no such field; ECS spells it `family`",
        "container_definitions: ECS has no such field; ECS spells it `containerDefinitions`",
    ]


def test_what_has_a_problem_of_its_own_is_not_missed_as_well() -> None:
    """One mistake, one line."""
    assert problems(
        {
            "family": ["web"],
            "containerDefinitions": [{"name": "app", "secrets": [{"name": "A", "valueFrom": {"a": "b"}}]}],
        }
    )[1:] == [
        "family: must be a single value, not a list",
        "containerDefinitions[0].secrets[0].valueFrom: must be a single value, not a mapping",
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "must be a mapping"),
        ('[{"name": "app", "image": "app:1"}]', "must be a mapping with `family` and `containerDefinitions`"),
        ("[]", "must be a mapping"),
        ("just text", "must be a mapping"),
        ('{"family": "web" "x": 1}', "is not JSON: line 1, column 18"),
        ("family: [", "is neither JSON nor YAML: line 1"),
        ("<html>No such bucket</html>: a: b", "is neither JSON nor YAML"),
    ],
)
def test_what_is_no_task_definition_is_refused(text: str, words: str) -> None:
    """With the place, and the line number if it can't be parsed."""
    (sentence,) = problems(text)
    assert words in sentence
    assert "s3://b/k.json" in sentence


# ---- images ----


def test_images_are_put_in_by_container() -> None:
    """The template itself stays as it was."""
    template = web(
        top={"containerDefinitions": [{"name": "app", "image": "<IMAGE1_NAME>"}, {"name": "proxy", "image": "nginx"}]}
    )
    before = copy.deepcopy(template)
    found = task_definition.with_images(template, {"app": "r@sha256:1"})
    assert [c["image"] for c in found["containerDefinitions"]] == ["r@sha256:1", "nginx"]
    assert template == before


def test_a_container_that_is_not_there_is_named_with_those_that_are() -> None:
    """All of them at once."""
    with pytest.raises(Refused) as refused:
        task_definition.check_containers(web(), ["ap", "worker"], where="s3://b/k.json")
    assert refused.value.problems == (
        "the task definition in s3://b/k.json has no container `ap`; did you mean `app`?; it has app",
        "the task definition in s3://b/k.json has no container `worker`; it has app",
    )


@pytest.mark.parametrize(
    "image",
    [
        "",
        "<IMAGE1_NAME>",
        "${IMAGE_URI}",
        "r/app:${TAG}",
        "{{ must_env `IMAGE` }}",
        "__IMAGE__",
        "1.dkr.ecr.<region>.x/a",
        "x:%N%",
        "x-$ENV:1",
    ],
)
def test_a_placeholder_that_nobody_replaces_is_refused(image: str) -> None:
    """ECS would take it, and fail when the task starts."""
    with pytest.raises(Refused, match="container `app` has no image"):
        task_definition.check_containers(web(image=image), [], where="x")
    task_definition.check_containers(web(image=image), ["app"], where="x")


# ---- comparison ----


PORT = {"containerPort": 80}
AWSVPC = {"networkMode": "awsvpc"}
A, B = {"name": "A", "value": "1"}, {"name": "B", "value": "2"}
MOUNTS = [{"sourceVolume": "a", "containerPath": "/a"}, {"sourceVolume": "b", "containerPath": "/b"}]
FROM = [{"name": "A", "valueFrom": "x"}, {"name": "B", "valueFrom": "y"}]
TAGS = [{"key": "a", "value": "1"}, {"key": "b", "value": "2"}]
LIMITS = [{"name": name, "softLimit": 1, "hardLimit": 9} for name in ("nofile", "nproc")]
DEPENDS = [{"containerName": name, "condition": "START"} for name in ("a", "b")]
CONSTRAINTS = [{"type": "memberOf", "expression": expression} for expression in ("a", "b")]
FILES = [{"type": "s3", "value": value} for value in ("a", "b")]


DEVICES = [{"hostPath": "/a"}, {"hostPath": "/b", "permissions": ["read"]}]
TMPFS = [{"containerPath": path, "size": 1} for path in ("/a", "/b")]
HOSTS = [{"hostname": name, "ipAddress": "10.0.0.1"} for name in ("a", "b")]
SAME_HOST = [{"hostname": "a", "ipAddress": address} for address in ("10.0.0.1", "10.0.0.2")]
CONTROLS = [{"namespace": name, "value": "1"} for name in ("net.a", "net.b")]
RESOURCES = [{"type": "GPU", "value": "1"}, {"type": "InferenceAccelerator", "value": "chip"}]
CHIPS = [{"deviceName": name, "deviceType": "eia2.medium"} for name in ("a", "b")]


def docker(**members: Any) -> dict[str, Any]:
    return {"volumes": [{"name": "a", "dockerVolumeConfiguration": {"driverOpts": {"o": "x"}, **members}}]}


def proxy(*properties: dict[str, str]) -> dict[str, Any]:
    return {"proxyConfiguration": {"containerName": "envoy", "properties": list(properties)}}


def efs(**members: Any) -> dict[str, Any]:
    return {"volumes": [{"name": "a", "efsVolumeConfiguration": {"fileSystemId": "fs-1", **members}}]}


SAME = [
    ("order of environment", web(environment=[A, B]), web(environment=[B, A])),
    ("order of secrets", web(secrets=FROM), web(secrets=FROM[::-1])),
    ("order of ports", web(portMappings=[PORT, {"containerPort": 81}]), web(portMappings=[{"containerPort": 81}, PORT])),
    ("order of mounts", web(mountPoints=MOUNTS), web(mountPoints=MOUNTS[::-1])),
    ("order of volumes", web(top={"volumes": [{"name": "a"}, {"name": "b"}]}), web(top={"volumes": [{"name": "b"}, {"name": "a"}]})),
    ("order of tags", web(top={"tags": TAGS}), web(top={"tags": TAGS[::-1]})),
    ("protocol tcp", web(portMappings=[PORT]), web(portMappings=[{**PORT, "protocol": "tcp"}])),
    ("hostPort in awsvpc", web(top=AWSVPC, portMappings=[PORT]), web(top=AWSVPC, portMappings=[{**PORT, "hostPort": 80}])),
    ("hostPort 0 in bridge mode", web(portMappings=[PORT]), web(portMappings=[{**PORT, "hostPort": 0}])),
    ("essential", web(), web(essential=True)),
    ("cpu 0", web(), web(cpu=0)),
    ("network mode bridge", web(), web(top={"networkMode": "bridge"})),
    (
        "the health check's defaults",
        web(healthCheck={"command": ["CMD", "x"]}),
        web(healthCheck={"command": ["CMD", "x"], "interval": 30, "timeout": 5, "retries": 3}),
    ),
    ("0.25 vCPU", web(top={"cpu": "0.25 vCPU"}), web(top={"cpu": "256"})),
    (".5vcpu", web(top={"cpu": ".5vcpu"}), web(top={"cpu": "512"})),
    ("4GB", web(top={"memory": "4GB"}), web(top={"memory": "4096"})),
    ("0.5 GB", web(top={"memory": "0.5 GB"}), web(top={"memory": "512"})),
    ("empty lists", web(), web(top={"volumes": [], "placementConstraints": []}, environment=[], mountPoints=[])),
    ("host of a volume", web(top={"volumes": [{"name": "a"}]}), web(top={"volumes": [{"name": "a", "host": {}}]})),
    ("order of keys", {"family": "web", "cpu": "1"}, {"cpu": "1", "family": "web"}),
    ("order of containers", web(top=containers("a", "b")), web(top=containers("b", "a"))),
    ("order of compatibilities", web(top={"requiresCompatibilities": ["EC2", "FARGATE"]}), web(top={"requiresCompatibilities": ["FARGATE", "EC2"]})),
    ("order of ulimits", web(ulimits=LIMITS), web(ulimits=LIMITS[::-1])),
    ("order of dependencies", web(dependsOn=DEPENDS), web(dependsOn=DEPENDS[::-1])),
    ("order of a log's secrets", web(logConfiguration={"logDriver": "x", "secretOptions": FROM}), web(logConfiguration={"logDriver": "x", "secretOptions": FROM[::-1]})),
    ("order of capabilities", web(linuxParameters={"capabilities": {"add": ["A", "B"]}}), web(linuxParameters={"capabilities": {"add": ["B", "A"]}})),
    ("order of dropped capabilities", web(linuxParameters={"capabilities": {"drop": ["A", "B"]}}), web(linuxParameters={"capabilities": {"drop": ["B", "A"]}})),
    ("order of devices", web(linuxParameters={"devices": DEVICES}), web(linuxParameters={"devices": DEVICES[::-1]})),
    ("order of a device's permissions", web(linuxParameters={"devices": [{"hostPath": "/a", "permissions": ["read", "write"]}]}), web(linuxParameters={"devices": [{"hostPath": "/a", "permissions": ["write", "read"]}]})),
    ("order of tmpfs", web(linuxParameters={"tmpfs": TMPFS}), web(linuxParameters={"tmpfs": TMPFS[::-1]})),
    ("order of extra hosts", web(extraHosts=HOSTS), web(extraHosts=HOSTS[::-1])),
    ("order of kernel parameters", web(systemControls=CONTROLS), web(systemControls=CONTROLS[::-1])),
    ("order of resources", web(resourceRequirements=RESOURCES), web(resourceRequirements=RESOURCES[::-1])),
    ("order of accelerators", web(top={"inferenceAccelerators": CHIPS}), web(top={"inferenceAccelerators": CHIPS[::-1]})),
    ("the type of a proxy", web(top=proxy(A)), web(top={"proxyConfiguration": {**proxy(A)["proxyConfiguration"], "type": "APPMESH"}})),
    ("order of exit codes", web(restartPolicy={"enabled": True, "ignoredExitCodes": [1, 2]}), web(restartPolicy={"enabled": True, "ignoredExitCodes": [2, 1]})),
    ("order of constraints", web(top={"placementConstraints": CONSTRAINTS}), web(top={"placementConstraints": CONSTRAINTS[::-1]})),
    ("order of App Mesh's properties", web(top=proxy(A, B)), web(top=proxy(B, A))),
    ("a port twice, in another order", web(portMappings=[{**PORT, "hostPort": 1}, {**PORT, "hostPort": 2}]), web(portMappings=[{**PORT, "hostPort": 2}, {**PORT, "hostPort": 1}])),
    ("any other protocol is tcp", web(portMappings=[PORT]), web(portMappings=[{**PORT, "protocol": "TCP"}])),
    ("hostPort in host mode", web(top={"networkMode": "host"}, portMappings=[PORT]), web(top={"networkMode": "host"}, portMappings=[{**PORT, "hostPort": 80}])),
    ("readOnly false", web(mountPoints=MOUNTS[:1]), web(mountPoints=[{**MOUNTS[0], "readOnly": False}])),
    ("volumesFrom, readOnly false", web(volumesFrom=[{"sourceContainer": "a"}]), web(volumesFrom=[{"sourceContainer": "a", "readOnly": False}])),
    ("empty lists of a container", web(), web(volumesFrom=[], systemControls=[], dependsOn=[], links=[], command=[])),
    ("switches that are off", web(), web(privileged=False, interactive=False, pseudoTerminal=False, readonlyRootFilesystem=False, disableNetworking=False)),
    ("no init process", web(), web(linuxParameters={"initProcessEnabled": False})),
    ("version consistency", web(), web(versionConsistency="enabled")),
    ("no fault injection", web(), web(top={"enableFaultInjection": False})),
    ("a log without options", web(logConfiguration={"logDriver": "x"}), web(logConfiguration={"logDriver": "x", "options": {}, "secretOptions": []})),
    ("the time between restarts", web(restartPolicy={"enabled": True}), web(restartPolicy={"enabled": True, "restartAttemptPeriod": 300, "ignoredExitCodes": []})),
    ("start period 0", web(healthCheck={"command": ["x"]}), web(healthCheck={"command": ["x"], "startPeriod": 0})),
    ("the root of a file system", web(top=efs()), web(top=efs(rootDirectory="/", transitEncryption="DISABLED", transitEncryptionPort=0, authorizationConfig={"iam": "DISABLED"}))),
    ("the root of S3 Files", web(top={"volumes": [{"name": "a", "s3filesVolumeConfiguration": {"fileSystemArn": "x"}}]}), web(top={"volumes": [{"name": "a", "s3filesVolumeConfiguration": {"fileSystemArn": "x", "rootDirectory": "/"}}]})),
    ("a Docker volume", web(top=docker()), web(top=docker(scope="task", driver="local", autoprovision=False))),
    ("not configured at launch", web(top={"volumes": [{"name": "a"}]}), web(top={"volumes": [{"name": "a", "configuredAtLaunch": False}]})),
    ("Fargate's platform", web(top={"requiresCompatibilities": ["FARGATE"]}), web(top={"requiresCompatibilities": ["FARGATE"], "runtimePlatform": {"cpuArchitecture": "X86_64", "operatingSystemFamily": "LINUX"}})),
    ("a role's short name", web(top={"taskRoleArn": "app/a"}), web(top={"taskRoleArn": "arn:aws-cn:iam::123456789012:role/app/a"})),
    ("a tag without value", web(top={"tags": [{"key": "a"}]}), web(top={"tags": [{"key": "a", "value": ""}]})),
    ("leading noughts", web(top={"cpu": "0256"}), web(top={"cpu": "256"})),
    ("1 vcpu", web(top={"cpu": "1 vcpu"}), web(top={"cpu": "1024"})),
    (".25 vCPU", web(top={"cpu": ".25 vCPU"}), web(top={"cpu": "0.25 vcpu"})),
]  # fmt: skip
DIFFERENT = [
    ("image", web(), web(image="app:2")),
    ("family", web(), web(top={"family": "worker"})),
    ("environment value", web(environment=[A]), web(environment=[{"name": "A", "value": "2"}])),
    ("environment name", web(environment=[A]), web(environment=[{"name": "C", "value": "1"}])),
    ("one variable more", web(environment=[A]), web(environment=[A, B])),
    ("empty variable", web(environment=[A]), web(environment=[A, {"name": "B", "value": ""}])),
    ("secret", web(secrets=[FROM[0]]), web(secrets=[{**FROM[0], "valueFrom": "z"}])),
    ("order of a command", web(command=["a", "b"]), web(command=["b", "a"])),
    ("order of an entry point", web(entryPoint=["a", "b"]), web(entryPoint=["b", "a"])),
    ("empty word in a command", web(command=["sh", "", "-c"]), web(command=["sh", "-c"])),
    (
        "order of variables of one name",
        web(environment=[A, {**A, "value": "2"}]),
        web(environment=[{**A, "value": "2"}, A]),
    ),
    ("a variable once and twice", web(environment=[A]), web(environment=[A, A])),
    ("upper case of a value", web(environment=[{**A, "value": "a"}]), web(environment=[{**A, "value": "A"}])),
    ("upper case of a name", web(environment=[A]), web(environment=[{**A, "name": "a"}])),
    ("a variable that became a secret", web(environment=[{"name": "A", "value": "x"}]), web(secrets=FROM[:1])),
    ("a label", web(dockerLabels={"a": "1"}), web(dockerLabels={"a": "2"})),
    ("an empty label", web(), web(dockerLabels={"a": ""})),
    ("an empty entry point", web(), web(entryPoint=[""])),
    ("order of DNS servers", web(dnsServers=["a", "b"]), web(dnsServers=["b", "a"])),
    ("order of environment files", web(environmentFiles=FILES), web(environmentFiles=FILES[::-1])),
    ("readOnly", web(mountPoints=MOUNTS[:1]), web(mountPoints=[{**MOUNTS[0], "readOnly": True}])),
    (
        "mounts of other volumes",
        web(mountPoints=MOUNTS),
        web(mountPoints=[{**MOUNTS[0], "sourceVolume": "b"}, {**MOUNTS[1], "sourceVolume": "a"}]),
    ),
    ("the name of a port", web(portMappings=[PORT]), web(portMappings=[{**PORT, "name": "http"}])),
    (
        "the protocol of a port's application",
        web(portMappings=[PORT]),
        web(portMappings=[{**PORT, "appProtocol": "http"}]),
    ),
    ("a port and a range of one", web(portMappings=[PORT]), web(portMappings=[{"containerPortRange": "80-80"}])),
    (
        "an option of the log",
        web(logConfiguration={"logDriver": "x"}),
        web(logConfiguration={"logDriver": "x", "options": {"a": ""}}),
    ),
    ("a limit", web(ulimits=LIMITS[:1]), web(ulimits=[{**LIMITS[0], "softLimit": 2}])),
    ("a condition", web(dependsOn=DEPENDS[:1]), web(dependsOn=[{**DEPENDS[0], "condition": "HEALTHY"}])),
    ("a file system", web(top=efs()), web(top=efs(rootDirectory="/data"))),
    ("an empty option of a driver", web(top=docker()), web(top=docker(driverOpts={"o": "x", "a": ""}))),
    ("an empty label of a volume", web(top=docker()), web(top=docker(labels={"a": ""}))),
    ("the address of an extra host", web(extraHosts=HOSTS[:1]), web(extraHosts=[{**HOSTS[0], "ipAddress": "::1"}])),
    ("two addresses of an extra host", web(extraHosts=SAME_HOST), web(extraHosts=SAME_HOST[::-1])),
    ("one volume more", web(), web(top={"volumes": [{"name": "a"}]})),
    ("fault injection", web(), web(top={"enableFaultInjection": True})),
    ("ephemeral storage", web(), web(top={"ephemeralStorage": {"sizeInGiB": 21}})),
    ("a platform on EC2", web(), web(top={"runtimePlatform": {"cpuArchitecture": "X86_64"}})),
    (
        "another platform on Fargate",
        web(top={"requiresCompatibilities": ["FARGATE"]}),
        web(top={"requiresCompatibilities": ["FARGATE"], "runtimePlatform": {"cpuArchitecture": "ARM64"}}),
    ),
    (
        "the path of a role",
        web(top={"taskRoleArn": "a"}),
        web(top={"taskRoleArn": "arn:aws:iam::123456789012:role/b/a"}),
    ),
    ("not essential", web(), web(essential=False)),
    ("container cpu", web(), web(cpu=10)),
    ("task cpu", web(top={"cpu": "0.25 vCPU"}), web(top={"cpu": "512"})),
    ("task memory", web(top={"memory": "4GB"}), web(top={"memory": "4"})),
    ("protocol udp", web(portMappings=[PORT]), web(portMappings=[{**PORT, "protocol": "udp"}])),
    ("hostPort in bridge mode", web(portMappings=[PORT]), web(portMappings=[{**PORT, "hostPort": 80}])),
    ("network mode", web(), web(top=AWSVPC)),
    ("the health check", web(healthCheck={"command": ["x"]}), web(healthCheck={"command": ["x"], "retries": 4})),
    ("role", web(), web(top={"taskRoleArn": "arn:aws:iam::1:role/a"})),
    ("tag", web(top={"tags": [TAGS[0]]}), web(top={"tags": [{**TAGS[0], "value": "3"}]})),
]


@pytest.mark.parametrize(("one", "other"), [row[1:] for row in SAME], ids=[row[0] for row in SAME])
def test_what_ecs_would_run_alike_is_the_same(one: dict[str, Any], other: dict[str, Any]) -> None:
    """Irrelevant order and values that ECS fills in do not make a new revision."""
    assert task_definition.same(one, other)
    assert task_definition.same(other, one)


@pytest.mark.parametrize(("one", "other"), [row[1:] for row in DIFFERENT], ids=[row[0] for row in DIFFERENT])
def test_what_ecs_would_run_otherwise_is_not_the_same(one: dict[str, Any], other: dict[str, Any]) -> None:
    """A change that reaches the container is deployed."""
    assert not task_definition.same(one, other)
    assert not task_definition.same(other, one)


# ---- for every task definition ----


@settings(max_examples=60, deadline=None)
@given(DEFINITIONS)
def test_normalising_twice_changes_nothing(definition: dict[str, Any]) -> None:
    """What was normalised is in its final form, and botocore takes it."""
    once = normalised(definition)
    assert normalised(once) == once
    assert not ParamValidator().validate(once, REGISTER).has_errors()


@settings(max_examples=60, deadline=None)
@given(DEFINITIONS)
def test_what_was_written_as_json_is_read_as_it_was(definition: dict[str, Any]) -> None:
    """No character of a value is read as a comment."""
    once = normalised(definition)
    assert read(json.dumps(once)) == once
    assert read(json.dumps(once, indent=2, ensure_ascii=False)) == once


@settings(max_examples=60, deadline=None)
@given(st.data(), DEFINITIONS)
def test_a_definition_is_the_same_in_any_order(data: st.DataObject, definition: dict[str, Any]) -> None:
    """Of its keys, and of the lists in whose order ECS sees nothing."""
    wanted = normalised(definition)
    assert task_definition.same(wanted, wanted)
    assert task_definition.same(wanted, normalised(data.draw(shuffled(definition))))


def _described(definition: dict[str, Any], turn: int) -> dict[str, Any]:
    """The definition as DescribeTaskDefinition returns it: defaults and empty lists filled in, and unordered lists in
    another order."""

    def turned(items: list[Any]) -> list[Any]:
        return items[turn % len(items) :] + items[: turn % len(items)] if items else []

    answer = copy.deepcopy(definition)
    awsvpc = answer.get("networkMode") == "awsvpc"
    for container in answer["containerDefinitions"]:
        for port in container.get("portMappings", ()):
            port |= {"protocol": "tcp", "hostPort": port["containerPort"] if awsvpc else 0}
        for check in filter(None, [container.get("healthCheck")]):
            check |= {"interval": 30, "timeout": 5, "retries": 3}
        defaults = {"cpu": 0, "essential": True, "mountPoints": [], "volumesFrom": [], "systemControls": []}
        container |= {**defaults, **container}
        container["environment"] = turned(container.get("environment", []))
        container["portMappings"] = turned(container.get("portMappings", []))
    for size in ("cpu", "memory"):
        if size in answer:
            answer[size] = {"0.25 vCPU": "256", "1vCPU": "1024", "1 GB": "1024"}.get(answer[size], answer[size])
    volumes = [{**volume, "host": {}} for volume in turned(answer.get("volumes", []))]
    filled = {"networkMode": answer.get("networkMode", "bridge"), "volumes": volumes, "placementConstraints": []}
    return {"taskDefinition": {**answer, **filled, **OUTPUT_ONLY}, "tags": []}


@settings(max_examples=60, deadline=None)
@given(DEFINITIONS, st.integers(0, 3))
def test_a_definition_is_the_same_after_ecs_told_it_back(definition: dict[str, Any], turn: int) -> None:
    """Or each deployment would register a revision for nothing."""
    asked = normalised(definition)
    assert task_definition.same(asked, normalised(_described(asked, turn)))


@settings(max_examples=60, deadline=None)
@given(DEFINITIONS, st.text("abc", min_size=1, max_size=3))
def test_another_image_is_never_the_same(definition: dict[str, Any], tag: str) -> None:
    """The one change that every deployment makes."""
    asked = normalised(definition)
    name = asked["containerDefinitions"][0]["name"]
    before = asked["containerDefinitions"][0]["image"]
    changed = task_definition.with_images(asked, {name: f"{before}@{tag}"})
    assert not task_definition.same(asked, changed)


def test_a_null_in_a_map_is_left_out() -> None:
    """ECS takes text there, and nothing else."""
    assert container(web(dockerLabels={"a": None, "b": "1"}))["dockerLabels"] == {"b": "1"}


@pytest.mark.parametrize("field", ["dockerLabels"])
def test_an_empty_label_is_a_label(field: str) -> None:
    """In a map the keys are the user's; an empty value is not the same as none."""
    assert not task_definition.same(normalised(web(**{field: {"x": ""}})), normalised(web()))


@pytest.mark.parametrize(
    ("inner", "path"),
    [
        ({"secrets": [{"name": "TOKEN"}]}, "containerDefinitions[0].secrets[0].valueFrom: is missing"),
        ({"healthCheck": {"command": [], "interval": 3}}, "containerDefinitions[0].healthCheck.command: is missing"),
        (
            {"logConfiguration": {"options": {"a": "b"}}},
            "containerDefinitions[0].logConfiguration.logDriver: is missing",
        ),
    ],
)
def test_what_ecs_requires_deep_inside_is_missed_here(inner: dict[str, Any], path: str) -> None:
    """RegisterTaskDefinition would refuse it after the migration has run."""
    with pytest.raises(Refused) as refused:
        read(web(**inner))
    assert path in str(refused.value)
