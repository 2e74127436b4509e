"""Which two task definitions ECS would run alike."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecs_cd.tasks.rules import comparison, task_definition
from tests.rules.tasks.definitions import DEFINITIONS, OUTPUT_ONLY, containers, normalised, shuffled, web

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
    assert comparison.same(one, other)
    assert comparison.same(other, one)


@pytest.mark.parametrize(("one", "other"), [row[1:] for row in DIFFERENT], ids=[row[0] for row in DIFFERENT])
def test_what_ecs_would_run_otherwise_is_not_the_same(one: dict[str, Any], other: dict[str, Any]) -> None:
    """A change that reaches the container is deployed."""
    assert not comparison.same(one, other)
    assert not comparison.same(other, one)


# ---- for every task definition ----


@settings(max_examples=60, deadline=None)
@given(st.data(), DEFINITIONS)
def test_a_definition_is_the_same_in_any_order(data: st.DataObject, definition: dict[str, Any]) -> None:
    """Of its keys, and of the lists in whose order ECS sees nothing."""
    wanted = normalised(definition)
    assert comparison.same(wanted, wanted)
    assert comparison.same(wanted, normalised(data.draw(shuffled(definition))))


def _described(definition: dict[str, Any], turn: int) -> dict[str, Any]:
    """The definition as DescribeTaskDefinition returns it: defaults and empty lists filled in, and unordered lists in
    another order."""

    def turned(items: list[Any]) -> list[Any]:
        return items[turn % len(items) :] + items[: turn % len(items)] if items else []

    answer = copy.deepcopy(definition)
    awsvpc = answer.get("networkMode") == "awsvpc"
    for each in answer["containerDefinitions"]:
        for port in each.get("portMappings", ()):
            port |= {"protocol": "tcp", "hostPort": port["containerPort"] if awsvpc else 0}
        for check in filter(None, [each.get("healthCheck")]):
            check |= {"interval": 30, "timeout": 5, "retries": 3}
        defaults = {"cpu": 0, "essential": True, "mountPoints": [], "volumesFrom": [], "systemControls": []}
        each |= {**defaults, **each}
        each["environment"] = turned(each.get("environment", []))
        each["portMappings"] = turned(each.get("portMappings", []))
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
    assert comparison.same(asked, normalised(_described(asked, turn)))


@settings(max_examples=60, deadline=None)
@given(DEFINITIONS, st.text("abc", min_size=1, max_size=3))
def test_another_image_is_never_the_same(definition: dict[str, Any], tag: str) -> None:
    """The one change that every deployment makes."""
    asked = normalised(definition)
    name = asked["containerDefinitions"][0]["name"]
    before = asked["containerDefinitions"][0]["image"]
    changed = task_definition.with_images(asked, {name: f"{before}@{tag}"})
    assert not comparison.same(asked, changed)


@pytest.mark.parametrize("field", ["dockerLabels"])
def test_an_empty_label_is_a_label(field: str) -> None:
    """In a map the keys are the user's; an empty value is not the same as none."""
    assert not comparison.same(normalised(web(**{field: {"x": ""}})), normalised(web()))
