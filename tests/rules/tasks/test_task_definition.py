"""Task definitions: what a template becomes."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from botocore.validate import ParamValidator
from hypothesis import given, settings

from ecs_cd.model.errors import Refused
from ecs_cd.tasks.rules import task_definition
from tests.rules.tasks.definitions import (
    DEFINITIONS,
    DESCRIBED,
    OUTPUT_ONLY,
    REGISTER,
    SDK,
    containers,
    normalised,
    web,
)


def read(template: object, **options: Any) -> dict[str, Any]:
    text = template if isinstance(template, str) else json.dumps(template)
    definition = task_definition.read(text, REGISTER, DESCRIBED, SDK, where="s3://b/k.json", **options)
    assert not ParamValidator().validate(definition, REGISTER).has_errors()
    return definition


def container(template: object, **options: Any) -> dict[str, Any]:
    found: dict[str, Any] = read(template, **options)["containerDefinitions"][0]
    return found


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


@pytest.mark.parametrize("text", ["hunter2: x", "hunter2: x\nhunter2: y", '{"type": "x", "hunter2": {"hunter2": 1}}'])
def test_of_a_file_that_is_no_task_definition_nothing_is_said(text: str) -> None:
    """A document can name any file: its keys are not for the job log."""
    (sentence,) = problems(text)
    assert "must be a mapping with `family` and `containerDefinitions`" in sentence
    assert "hunter2" not in sentence


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


def test_a_null_in_a_map_is_left_out() -> None:
    """ECS takes text there, and nothing else."""
    assert container(web(dockerLabels={"a": None, "b": "1"}))["dockerLabels"] == {"b": "1"}


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
