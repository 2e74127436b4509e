"""AppSpecs as users write them: read, checked, and rewritten for a task definition."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from ecs_cd.deploy.rules import appspec
from ecs_cd.model.errors import Refused
from tests.contract.parts import ROOT
from tests.scripted_aws import codedeploy, ecs

CORPUS = ROOT / "tests" / "corpus" / "appspecs"
ARN = ecs.task_definition_arn("web:7")
PATH = "Resources[0].TargetService.Properties"


def definition(name: str = "app", port: int = 80) -> dict[str, Any]:
    """A task definition with one container, which has one port."""
    return {"family": "web", "containerDefinitions": [{"name": name, "portMappings": [{"containerPort": port}]}]}


def written(**properties: Any) -> dict[str, Any]:
    """A valid AppSpec, in which these properties are others; ``None`` leaves one out."""
    balancer = {"ContainerName": "app", "ContainerPort": 80}
    all_of_them = {"TaskDefinition": "<TASK_DEFINITION>", "LoadBalancerInfo": balancer, **properties}
    kept = {name: value for name, value in all_of_them.items() if value is not None}
    return {"version": 0.0, "Resources": [{"TargetService": {"Type": "AWS::ECS::Service", "Properties": kept}}]}


def awsvpc(**more: Any) -> dict[str, Any]:
    return {"AwsvpcConfiguration": {"Subnets": ["subnet-1"], "SecurityGroups": ["sg-1"], **more}}


def problems(text: str, task_definition: dict[str, Any] | None = None) -> list[str]:
    """The problems of an AppSpec, from reading it to checking it."""
    try:
        appspec.check(appspec.read(text, where="a.yml"), task_definition or definition(), where="a.yml")
    except Refused as refused:
        return list(refused.problems)
    return []


# ---- real files of real users ----

_INFO = f"{PATH}.LoadBalancerInfo"
_VPC = f"{PATH}.NetworkConfiguration.AwsvpcConfiguration"
# The container and port that its author's task definition has, or the paths that are refused.
CORPUS_TABLE: dict[str, tuple[str, int] | list[str]] = {
    "001.yaml": [f"{_INFO}.ContainerName", f"{_VPC}.Subnets[0]", f"{_VPC}.SecurityGroups[0]"],
    "002.yaml": [
        f"{_INFO}.ContainerName",
        f"{_INFO}.ContainerPort",
        *(f"{_VPC}.Subnets[{n}]" for n in range(3)),
        f"{_VPC}.SecurityGroups[0]",
    ],
    "003.json": ("app", 8080),
    "004.yaml": ("prod-backend-web", 8000),
    "005.yaml": ("nginx", 80),
    "006.yml": [
        f"{_INFO}.ContainerName",
        f"{_INFO}.ContainerPort",
        *(f"{_VPC}.Subnets[{n}]" for n in range(2)),
        f"{_VPC}.SecurityGroups[0]",
    ],
    "007.yaml": ("app", 8080),
    "008.yml": ("flask-web", 5000),
    "009.yaml": ("application", 80),
    "010.json": ("Container-app-abcall-crear", 8000),
    "011.yml": ("api", 3001),
    "012.yaml": ("ost-nginx", 80),
    "013.json": [f"{_INFO}.ContainerName", f"{_INFO}.ContainerPort"],
    "014.json": ("ecsv2container", 8080),
    "015.yaml": ("nodejs-todoapp", 3000),
    "016.yaml": ("openquiz", 8085),
    "017.yaml": ("BlueGreenDemo", 80),
    "018.json": [f"{_INFO}.ContainerName", f"{_INFO}.ContainerPort"],
    "019.json": ("backend", 8000),
    "020.json": ("UCIS", 80),
}


def test_every_file_of_the_corpus_has_a_row() -> None:
    """A file that is added is noticed here."""
    assert {path.name for path in CORPUS.iterdir()} == set(CORPUS_TABLE)


@pytest.mark.parametrize("name", [name for name, row in CORPUS_TABLE.items() if isinstance(row, tuple)])
def test_a_file_of_the_corpus_is_rewritten(name: str) -> None:
    """Into an AppSpec for our task definition that has what was written, and is valid for its author's containers."""
    row = CORPUS_TABLE[name]
    assert isinstance(row, tuple)
    found = appspec.read((CORPUS / name).read_text(), where=name)
    appspec.check(found, definition(*row), where=name)
    sent = json.loads(appspec.content(appspec.with_task_definition(found, ARN))[0])
    assert [sorted(each) for each in sent["Resources"]] == [["TargetService"]]
    assert sent["Resources"][0]["TargetService"]["Type"] == "AWS::ECS::Service"
    properties = sent["Resources"][0]["TargetService"]["Properties"]
    assert properties["TaskDefinition"] == ARN
    assert properties["LoadBalancerInfo"] == {"ContainerName": row[0], "ContainerPort": row[1]}
    assert sent["version"] == (
        1 if name in ("003.json", "010.json", "012.yaml") else "0.0" if name == "009.yaml" else 0
    )
    assert sent.get("Hooks", []) == ([{"AfterAllowTestTraffic": "BlueGreenDemo_lambda"}] if name == "017.yaml" else [])


@pytest.mark.parametrize("name", [name for name, row in CORPUS_TABLE.items() if isinstance(row, list)])
def test_a_file_of_the_corpus_is_refused(name: str) -> None:
    """Where a placeholder is left, at its place; nothing of what is written there is in the message."""
    row, text = CORPUS_TABLE[name], (CORPUS / name).read_text()
    found = problems(text)
    assert found[0] == f"the appspec in a.yml has {len(row)} problem{'s' * (len(row) > 1)}:"
    assert sorted(line.partition(": ")[0] for line in found[1:]) == sorted(map(str, row))
    assert not any(secret in line for line in found for secret in ("$ECS", "YOUR_", "<", "_PORT_"))


# ---- reading ----


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["must be a mapping that holds `version` and `Resources`"]),
        ("[]", ["must be a mapping that holds `version` and `Resources`"]),
        ("version: 0.0", ["Resources: is missing"]),
        ("version: 0.0\nos: linux\nfiles: []", ["Resources: is missing; this is an AppSpec for EC2"]),
        ("Resources: []", ["Resources: must be a list with the service in it, as in `- TargetService: ...`"]),
        ("Resources: {a: b}", ["Resources: must be a list with the service in it, as in `- TargetService: ...`"]),
        ("resources: [a]", ["resources[0]: must be a mapping, as in `TargetService: ...`"]),
        ("Resources: [S: x]", ["Resources[0].S: must be a mapping that holds `Type` and `Properties`"]),
        (
            "Resources: [S: {Type: 'AWS::Lambda::Function', Properties: {}}, T: {type: x}]",
            [
                "Resources[0].S.Type: must be AWS::ECS::Service",
                "Resources[1].T.type: must be AWS::ECS::Service",
                "Resources[1].T.Properties: must be a mapping that holds `LoadBalancerInfo`",
            ],
        ),
        ("version: 0.0\nversion: 0.0\nResources: [S: {Properties: {}}]", ["version: occurs twice; keep one"]),
    ],
)
def test_what_is_no_appspec_is_refused_with_all_its_problems(text: str, expected: list[str]) -> None:
    """Each names its place."""
    with pytest.raises(Refused) as refused:
        appspec.read(text, where="a.yml")
    assert list(refused.value.problems[1:]) == expected


def test_what_can_not_be_read_names_line_and_column() -> None:
    """As everywhere."""
    with pytest.raises(Refused, match=r"^the appspec in a.yml is not JSON: line 2, column 1"):
        appspec.read('{"Resources": [\n}', where="a.yml")


def test_the_input_of_create_deployment_is_taken_for_the_appspec_in_it() -> None:
    """The intent is clear; a problem inside is reported with its path."""
    revision = {"revisionType": "AppSpecContent", "appSpecContent": {"content": json.dumps(written())}}
    assert appspec.read(json.dumps({"applicationName": "a", "revision": revision}), where="a.yml") == written()
    revision["appSpecContent"] = {"content": "version: 0.0"}
    with pytest.raises(Refused, match=r"the appspec in a.yml, revision.appSpecContent.content has 1 problem"):
        appspec.read(json.dumps({"revision": revision}), where="a.yml")


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("Resources: [S: {Properties: {}}]", {"version": 0.0, "Resources": [{"S": {"Properties": {}}}]}),
        (
            "version: '0.0'\nResources: [S: {Properties: {}}]\nHooks:",
            {"version": "0.0", "Resources": [{"S": {"Properties": {}}}]},
        ),
        (
            "VERSION: 1\nresources: [S: {properties: {loadBalancerInfo: {containerPort: '8080', x: '1'}}}]",
            {
                "VERSION": 1,
                "resources": [{"S": {"properties": {"loadBalancerInfo": {"containerPort": 8080, "x": "1"}}}}],
            },
        ),
    ],
)
def test_an_appspec_stays_as_it_is_written(text: str, read: dict[str, Any]) -> None:
    """But for a version that is missing, keys without a value, and ports as text."""
    assert appspec.read(text, where="a.yml") == read


# ---- the check ----


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({}, []),
        ({"TaskDefinition": "$anything <AT> all"}, []),
        ({"PlatformVersion": "LATEST", "NetworkConfiguration": awsvpc()}, []),
        ({"PlatformVersion": "{{ version }}"}, [f"{PATH}.PlatformVersion: is still a placeholder"]),
        ({"NetworkConfiguration": awsvpc(Subnets=["subnet-1", "A"])}, [f"{_VPC}.Subnets[1]: is still a placeholder"]),
        ({"LoadBalancerInfo": None}, [f"{_INFO}: must be a mapping that holds `ContainerName` and `ContainerPort`"]),
        (
            {"LoadBalancerInfo": {}},
            [f"{_INFO}.ContainerName: is missing", f"{_INFO}.ContainerPort: must be a port number"],
        ),
        (
            {"LoadBalancerInfo": {"ContainerName": "apps", "ContainerPort": 80}},
            [f"{_INFO}.ContainerName: the task definition has no container `apps`; did you mean `app`?; it has app"],
        ),
        (
            {"LoadBalancerInfo": {"ContainerName": "app", "ContainerPort": 81}},
            [f"{_INFO}.ContainerPort: container `app` has no containerPort 81 in its portMappings"],
        ),
        (
            {"LoadBalancerInfo": {"ContainerName": "app", "ContainerPort": "http"}},
            [f"{_INFO}.ContainerPort: must be a port number"],
        ),
    ],
)
def test_what_codedeploy_would_refuse_later_is_refused_first(properties: dict[str, Any], expected: list[str]) -> None:
    """Placeholders, and a container and port that the task definition does not have."""
    assert problems(json.dumps(written(**properties)))[1:] == expected


@pytest.mark.parametrize(
    ("function", "refused"),
    [
        ("check-traffic", False),
        ("arn:aws:lambda:eu-west-1:123456789012:function:check:$LATEST", False),
        ("$FUNCTION", True),
        ("<FUNCTION>", True),
        ("__FUNCTION__", True),
    ],
)
def test_a_hook_names_a_lambda_function(function: str, refused: bool) -> None:
    """`$LATEST` is a version of it, any other `$` a placeholder."""
    text = json.dumps({**written(), "Hooks": [{"AfterAllowTestTraffic": function}]})
    expected = ["Hooks[0].AfterAllowTestTraffic: is still a placeholder"] if refused else []
    assert problems(text)[1:] == expected


def test_a_range_of_ports_is_not_looked_into() -> None:
    """What it comes to is ECS's to say."""
    task_definition = definition()
    task_definition["containerDefinitions"][0]["portMappings"] = [{"containerPortRange": "80-90"}]
    assert problems(json.dumps(written()), task_definition) == []


# ---- rewriting ----


def test_every_resource_gets_the_task_definition_and_hooks_are_kept() -> None:
    """Whatever the AppSpec had there; keys keep their case."""
    hooks = [{"BeforeInstall": "f"}]
    service = {"type": "AWS::ECS::Service", "PROPERTIES": {"taskDefinition": "arn:old:1", "x": 1}}
    given = {"resources": [{"a": service, "b": {"Properties": {}}}, {"c": service}], "hooks": hooks}
    before = json.dumps(given)
    got = appspec.with_task_definition(given, ARN)
    rewritten = {"type": "AWS::ECS::Service", "PROPERTIES": {"taskDefinition": ARN, "x": 1}}
    assert got == {
        "resources": [{"a": rewritten, "b": {"Properties": {"TaskDefinition": ARN}}}, {"c": rewritten}],
        "hooks": hooks,
    }
    assert json.dumps(given) == before


def test_the_hash_is_that_of_the_text_that_is_sent() -> None:
    """CodeDeploy compares them."""
    text, sha256 = appspec.content(written())
    assert json.loads(text) == written()
    assert sha256 == hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (json.dumps(appspec.with_task_definition(written(), ARN)), ARN),
        (f"version: 0.0\nResources:\n- S:\n    properties:\n      taskdefinition: {ARN}\n", ARN),
        (json.dumps({"Resources": [{"S": {"Properties": {}}}]}), ""),
        (f"Resources: [S: {{Properties: {{TaskDefinition: {ARN}}}}}, T: {{Properties: {{TaskDefinition: b}}}}]", ""),
        ("version: 0.0", ""),
        ("{", ""),
    ],
)
def test_what_an_appspec_deploys_can_be_told(text: str, expected: str) -> None:
    """Of one resource, or of several that run the same; else it is not known."""
    assert appspec.task_definition(text) == expected


# ---- from the service ----


def test_an_appspec_is_made_from_the_service() -> None:
    """Everything in it is as the service has it; the task definition is put in afterwards."""
    service = codedeploy.service(capacityProviderStrategy=[{"capacityProvider": "FARGATE", "weight": 1, "base": 0}])
    made = appspec.of_service(service)
    assert made == written(
        TaskDefinition="",
        PlatformVersion="LATEST",
        NetworkConfiguration=awsvpc(Subnets=["subnet-1"], SecurityGroups=["sg-1"], AssignPublicIp="DISABLED"),
        CapacityProviderStrategy=[{"CapacityProvider": "FARGATE", "Weight": 1, "Base": 0}],
    )
    appspec.check(made, definition(), where="the service")


def test_what_the_service_does_not_tell_is_its_primary_task_sets() -> None:
    """Under CODE_DEPLOY the service itself may list no load balancer."""
    balancer = {"containerName": "nginx", "containerPort": 8080}
    primary = codedeploy.task_set(loadBalancers=[balancer], platformVersion="1.4.0")
    service = codedeploy.service(
        codedeploy.task_set("ACTIVE"), primary, loadBalancers=[], platformVersion="", networkConfiguration={}
    )
    expected = written(
        TaskDefinition="",
        LoadBalancerInfo={"ContainerName": "nginx", "ContainerPort": 8080},
        PlatformVersion="1.4.0",
    )
    assert appspec.of_service(service) == expected


def test_a_service_without_a_load_balancer_is_refused() -> None:
    """CodeDeploy moves the traffic of one."""
    with pytest.raises(Refused, match=r"^the service web has no loadBalancers"):
        appspec.of_service(codedeploy.service(codedeploy.task_set(loadBalancers=[]), loadBalancers=[]))


@pytest.mark.parametrize("text", ["hunter2: x\nhunter2: y", '{"a": {"hunter2": 1, "hunter2": 2}}', "hunter2"])
def test_of_a_file_that_is_no_appspec_nothing_is_said(text: str) -> None:
    """A document can name any file: its keys are not for the job log."""
    with pytest.raises(Refused) as refused:
        appspec.read(text, where="x")
    assert "hunter2" not in str(refused.value)


SPOT = [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]


@pytest.mark.parametrize(
    ("properties", "service", "dropped"),
    [
        ({}, {"capacityProviderStrategy": SPOT}, ["FARGATE_SPOT"]),
        ({}, {"taskSets": [{"status": "PRIMARY", "capacityProviderStrategy": SPOT}]}, ["FARGATE_SPOT"]),
        ({}, {"taskSets": [{"status": "ACTIVE", "capacityProviderStrategy": SPOT}]}, []),
        ({}, {"launchType": "FARGATE"}, []),
        ({"capacityProviderStrategy": [{"Base": 1}]}, {"capacityProviderStrategy": SPOT}, []),
        ({"CapacityProviderStrategy": [{"Base": 1}]}, {"capacityProviderStrategy": SPOT}, []),
    ],
)
def test_an_appspec_without_the_services_capacity_providers_drops_them(
    properties: dict[str, Any], service: dict[str, Any], dropped: list[str]
) -> None:
    """CodeDeploy takes them from the AppSpec alone; the service's own, or its PRIMARY task set's, would be lost."""
    assert appspec.dropped_capacity_providers(written(**properties), service) == dropped
