"""Whether a deployment can start tasks: percentages, launch types, capacity providers, container instances."""

from __future__ import annotations

from typing import Any

import pytest

from ecs_cd.verify.rules import capacity
from ecs_cd.verify.rules.capacity import Capacity, Launch, Size
from ecs_cd.verify.rules.finding import Finding, State

Json = dict[str, Any]
OK, WRONG, OPEN = State.OK, State.WRONG, State.NOT_CHECKABLE


def service(desired: int = 2, least: int = 100, most: int = 200, **more: Any) -> Json:
    settings = {"minimumHealthyPercent": least, "maximumPercent": most, **more.pop("settings", {})}
    return {"desiredCount": desired, "runningCount": desired, "deploymentConfiguration": settings, **more}


CODE_DEPLOY = {"deploymentController": {"type": "CODE_DEPLOY"}}


@pytest.mark.parametrize(
    ("found", "state"),
    [
        (service(), OK),
        (service(1), OK),
        (service(0, 100, 100), OK),
        (service(2, 100, 100), WRONG),
        (service(1, 100, 100), WRONG),
        (service(2, 50, 100), OK),
        (service(1, 50, 100), WRONG),  # half a task can't stop
        (service(3, 67, 100), WRONG),  # 2.01 rounds up to 3
        (service(3, 66, 100), OK),
        (service(2, 100, 149), WRONG),  # 2.98 rounds down to 2
        (service(2, 100, 150), OK),
        (service(1, 100, 199), WRONG),
        (service(1, 0, 100), OK),
        (service(2, 100, 100, **CODE_DEPLOY), OK),
        (service(2, 100, 100, settings={"strategy": "BLUE_GREEN"}), OK),
        (service(2, 100, 100, settings={"strategy": "ROLLING"}), WRONG),
        (service(0, 100, 100, schedulingStrategy="DAEMON"), WRONG),
        (service(0, 0, 100, schedulingStrategy="DAEMON"), OK),
        ({"desiredCount": 1}, OK),
    ],
)
def test_a_deployment_may_stop_or_start_a_task(found: Json, state: State) -> None:
    """ECS rounds the minimum up and the maximum down; with neither, a rolling update never ends."""
    (finding,) = capacity.check_counts("service web", found)
    assert finding.state is state, finding
    assert bool(finding.remedy) == (state is WRONG)


def test_a_service_without_tasks_is_named() -> None:
    """Its deployment succeeds without a proof."""
    (finding,) = capacity.check_counts("service web", service(0))
    assert "desiredCount is 0" in finding.text


# ---- launch types ----


def strategy(*names: str) -> Json:
    return {"capacityProviderStrategy": [{"capacityProvider": name, "weight": 1} for name in names]}


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ({"launchType": "FARGATE"}, Launch("FARGATE")),
        ({"launchType": "EC2"}, Launch("EC2")),
        ({"launchType": "EXTERNAL"}, Launch("EXTERNAL")),
        ({}, Launch("EC2")),
        (strategy("FARGATE_SPOT", "FARGATE"), Launch("FARGATE", ("FARGATE_SPOT", "FARGATE"))),
        (strategy("asg"), Launch("PROVIDERS", ("asg",))),
        ({"taskSets": [{"status": "PRIMARY", "launchType": "FARGATE"}]}, Launch("FARGATE")),
        ({"taskSets": [{"status": "PRIMARY", **strategy("FARGATE")}]}, Launch("FARGATE", ("FARGATE",))),
    ],
)
def test_how_tasks_are_started(found: Json, expected: Launch) -> None:
    """By the service or, of CodeDeploy's, its PRIMARY task set."""
    assert capacity.launch(found) == expected


@pytest.mark.parametrize(
    ("how", "definition", "state"),
    [
        (Launch("FARGATE"), {"networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"]}, OK),
        (Launch("EC2"), {"networkMode": "bridge", "requiresCompatibilities": ["EC2"]}, OK),
        (Launch("EC2"), {"networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"]}, OK),
        (Launch("EC2"), {"networkMode": "bridge"}, OK),
        (Launch("EC2"), {"networkMode": "bridge", "requiresCompatibilities": ["EXTERNAL"]}, WRONG),
        (Launch("EXTERNAL"), {"networkMode": "bridge", "requiresCompatibilities": ["EXTERNAL"]}, OK),
        (Launch("EXTERNAL"), {"networkMode": "bridge", "requiresCompatibilities": ["EC2"]}, WRONG),
        (Launch("EXTERNAL"), {"networkMode": "awsvpc"}, WRONG),
        (Launch("PROVIDERS", ("asg",)), {"networkMode": "awsvpc", "requiresCompatibilities": ["EC2"]}, OK),
        (Launch("PROVIDERS", ("mi",)), {"requiresCompatibilities": ["MANAGED_INSTANCES"]}, OK),
        (
            Launch("FARGATE", ("FARGATE_SPOT",)),
            {"networkMode": "awsvpc", "runtimePlatform": {"operatingSystemFamily": "WINDOWS_SERVER_2022_CORE"}},
            WRONG,
        ),
    ],
)
def test_the_template_allows_the_launch_type(how: Launch, definition: Json, state: State) -> None:
    """ECS refuses a task definition that does not."""
    (finding,) = capacity.check_launch("service web", how, definition)
    assert finding.state is state


# ---- capacity providers ----


@pytest.mark.parametrize(
    ("how", "found", "states"),
    [
        (Launch("FARGATE"), Capacity(attached=[]), []),
        (Launch("FARGATE", ("FARGATE_SPOT",)), Capacity(attached=["FARGATE", "FARGATE_SPOT"]), [OK]),
        (Launch("FARGATE", ("FARGATE_SPOT",)), Capacity(attached=[]), [WRONG]),
        (
            Launch("PROVIDERS", ("asg",)),
            Capacity(attached=["asg"], providers=[{"name": "asg", "status": "ACTIVE"}]),
            [OK],
        ),
        (
            Launch("PROVIDERS", ("asg",)),
            Capacity(attached=["asg"], providers=[{"name": "asg", "status": "INACTIVE"}]),
            [WRONG],
        ),
        (Launch("PROVIDERS", ("asg",)), Capacity(), []),
    ],
)
def test_capacity_providers(how: Launch, found: Capacity, states: list[State]) -> None:
    """They are attached to the cluster, and ACTIVE."""
    assert [finding.state for finding in capacity.check_providers("service web", how, found)] == states


# ---- container instances ----


@pytest.mark.parametrize(
    ("definition", "expected"),
    [
        ({"cpu": "256", "memory": "512", "containerDefinitions": []}, Size(256, 512)),
        ({"cpu": ".5 vCPU", "memory": "1 GB", "containerDefinitions": []}, Size(512, 1024)),
        ({"cpu": "1vCPU", "memory": "2GB", "containerDefinitions": []}, Size(1024, 2048)),
        (
            {
                "containerDefinitions": [
                    {"name": "a", "cpu": 100, "memory": 512, "memoryReservation": 256},
                    {"name": "b", "memory": 128},
                ]
            },
            Size(100, 384),
        ),
        (
            {
                "networkMode": "bridge",
                "containerDefinitions": [
                    {
                        "name": "a",
                        "portMappings": [
                            {"containerPort": 80, "hostPort": 8080},
                            {"containerPort": 53, "hostPort": 53, "protocol": "udp"},
                            {"containerPort": 90, "hostPort": 0},
                        ],
                    }
                ],
            },
            Size(0, 0, frozenset({"8080"}), frozenset({"53"})),
        ),
        (
            {
                "networkMode": "awsvpc",
                "containerDefinitions": [{"name": "a", "portMappings": [{"containerPort": 80, "hostPort": 80}]}],
            },
            Size(0, 0),
        ),
    ],
)
def test_what_a_task_takes_of_an_instance(definition: Json, expected: Size) -> None:
    """The task's cpu and memory, or the sum of its containers; static host ports."""
    assert capacity.size(definition) == expected


TASK: Json = {
    "networkMode": "bridge",
    "cpu": "256",
    "memory": "512",
    "containerDefinitions": [{"name": "app", "portMappings": [{"containerPort": 80, "hostPort": 8080}]}],
}


def instance(cpu: int = 1024, memory: int = 2048, used: tuple[str, ...] = ("22",), **more: Any) -> Json:
    return {
        "containerInstanceArn": "arn:aws:ecs:r:1:container-instance/c/1",
        "ec2InstanceId": "i-1",
        "agentConnected": True,
        "remainingResources": [
            {"name": "CPU", "type": "INTEGER", "integerValue": cpu},
            {"name": "MEMORY", "type": "INTEGER", "integerValue": memory},
            {"name": "PORTS", "type": "STRINGSET", "stringSetValue": list(used)},
        ],
        "attributes": [{"name": "ecs.cpu-architecture", "value": "x86_64"}],
        **more,
    }


EC2 = Launch("EC2")
ASG = Launch("PROVIDERS", ("asg",))
ARN = "arn:aws:autoscaling:r:1:autoScalingGroup:u:autoScalingGroupName/g"
PROVIDER = {
    "name": "asg",
    "autoScalingGroupProvider": {"autoScalingGroupArn": ARN, "managedScaling": {"status": "ENABLED"}},
}
FIXED = {"name": "asg", "autoScalingGroupProvider": {"autoScalingGroupArn": ARN}}


def asg(desired: int, most: int) -> Json:
    return {"AutoScalingGroupName": "g", "AutoScalingGroupARN": ARN, "DesiredCapacity": desired, "MaxSize": most}


def room(
    instances: list[Json], how: Launch = EC2, found: Json | None = None, task: Json = TASK, **more: Any
) -> list[Finding]:
    own = service() if found is None else found
    return list(capacity.check_room("service web", own, task, how, Capacity(instances=instances, **more)))


FULL = instance(cpu=0)


@pytest.mark.parametrize(
    ("found", "state", "words"),
    [
        (room([instance()]), OK, "1 of 1 container instances have room for another task"),
        (room([FULL, instance()]), OK, "1 of 2 container instances"),
        (room([FULL]), WRONG, "(256 CPU units, 512 MiB): i-1 has 0 CPU left"),
        (room([instance(memory=511)]), WRONG, "i-1 has 511 MEMORY left"),
        (room([instance(used=("22", "8080"))]), WRONG, "i-1 uses port 8080 already"),
        (room([instance(agentConnected=False)]), WRONG, "the agent of none of 1 container instances is connected"),
        (room([instance(agentConnected=False), instance()]), OK, "1 of 2 container instances"),
        (room([]), WRONG, "the cluster has no ACTIVE container instance"),
        (room([], Launch("EXTERNAL")), WRONG, "the cluster has no ACTIVE container instance"),
        (room([instance()], task={**TASK, "networkMode": "awsvpc"}), WRONG, "i-1 can't run networkMode awsvpc"),
        (room([instance(attributes=[])], task={**TASK, "networkMode": "awsvpc"}), OK, "have room"),
        (room([instance()], task={**TASK, "runtimePlatform": {"cpuArchitecture": "ARM64"}}), WRONG, "i-1 is amd64"),
        # a deployment that may stop an old task first needs no room for another
        (room([FULL], found=service(2, 50, 100)), OK, "a deployment stops an old task first"),
        (room([FULL], found=service(2, 50, 100, runningCount=1)), WRONG, "no container instance has room"),
        (room([FULL], found=service(2, 100, 200)), WRONG, "no container instance has room"),
        (room([FULL], found=service(2, 0, 100, **CODE_DEPLOY)), WRONG, "no container instance has room"),
        (room([FULL], found=service(0, 0, 100, schedulingStrategy="DAEMON")), OK, "stops an old task first"),
        (room([FULL], found={}), WRONG, "no container instance has room"),  # a one-off task stops nothing
        # capacity providers
        (
            room([instance()], ASG, providers=[PROVIDER], groups=[asg(1, 1)]),
            WRONG,
            "no ACTIVE container instance of asg",
        ),
        (room([], ASG, providers=[PROVIDER], groups=[asg(0, 2)]), OK, "asg can grow from 0 to 2 instances"),
        (room([], ASG, providers=[FIXED], groups=[asg(0, 2)]), WRONG, "no ACTIVE container instance of asg"),
        (room([], ASG, providers=[PROVIDER], groups=None), OPEN, "the Auto Scaling group can't be read"),
        (
            room([instance(0, capacityProviderName="asg")], ASG, providers=[PROVIDER], groups=[asg(1, 3)]),
            OK,
            "no container instance has room for another task; asg can grow from 1 to 3",
        ),
        (
            room([instance(0, capacityProviderName="asg")], ASG, providers=[PROVIDER], groups=[asg(3, 3)]),
            WRONG,
            "i-1 has 0 CPU left",
        ),
        (
            room([instance(0, capacityProviderName="asg")], ASG, providers=[PROVIDER], groups=None),
            OPEN,
            "the Auto Scaling group can't be read",
        ),
    ],
)
def test_room_for_one_more_task(found: list[Finding], state: State, words: str) -> None:
    """Of the service's instances, one takes the task, or a deployment does not need that, or one more will start."""
    assert [finding.state for finding in found] == [state], found
    assert words in found[0].text
    assert bool(found[0].remedy) == (state is not OK)


def test_where_no_instance_is_asked_about() -> None:
    """Fargate has none, and ECS starts managed instances when a task needs one."""
    assert room([], Launch("FARGATE")) == []
    assert room([], Launch("PROVIDERS", ("mi",)), providers=[{"name": "mi", "managedInstancesProvider": {}}]) != []
    assert (
        room([], Launch("PROVIDERS", ("mi",)), providers=[{"name": "mi", "managedInstancesProvider": {"a": 1}}]) == []
    )


def test_placement_constraints_are_filters() -> None:
    """The service's and the template's expressions; distinctInstance is none."""
    own = {"placementConstraints": [{"type": "distinctInstance"}, {"type": "memberOf", "expression": "a == 1"}]}
    assert capacity.expressions(own, {"placementConstraints": [{"type": "memberOf", "expression": "b == 2"}]}) == (
        "a == 1",
        "b == 2",
    )
