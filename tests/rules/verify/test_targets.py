"""Load balancers of a service: ports, target groups, health checks, listener rules."""

from __future__ import annotations

from typing import Any

import pytest

from ecs_cd.verify.rules import targets
from ecs_cd.verify.rules.finding import Finding, State
from ecs_cd.verify.rules.targets import Attached, Tasks
from tests.rules.verify.vpcs import VPC, group

Json = dict[str, Any]

PREFIX = "arn:aws:elasticloadbalancing:ap-northeast-1:123456789012"
BLUE, GREEN = f"{PREFIX}:targetgroup/blue/1", f"{PREFIX}:targetgroup/green/2"
RULE = f"{PREFIX}:listener-rule/app/web/1/2/3"
OK, WRONG, OPEN = State.OK, State.WRONG, State.NOT_CHECKABLE


def definition(network: str = "awsvpc", *mappings: Json, **container: Any) -> Json:
    app = {"name": "app", "portMappings": list(mappings) or [{"containerPort": 8080}], **container}
    return {"networkMode": network, "containerDefinitions": [app, {"name": "proxy"}]}


def balancer(container: str = "app", port: int = 8080, **more: Any) -> Json:
    return {"targetGroupArn": BLUE, "containerName": container, "containerPort": port, **more}


def target_group(**more: Any) -> Json:
    return {
        "TargetGroupArn": BLUE,
        "TargetGroupName": "blue",
        "Protocol": "HTTP",
        "Port": 80,
        "VpcId": VPC,
        "TargetType": "ip",
        "HealthCheckEnabled": True,
        "HealthCheckProtocol": "HTTP",
        "HealthCheckPort": "traffic-port",
        "HealthCheckPath": "/up",
        "HealthCheckIntervalSeconds": 30,
        "UnhealthyThresholdCount": 2,
        "Matcher": {"HttpCode": "200"},
        "LoadBalancerArns": [f"{PREFIX}:loadbalancer/app/web/1"],
        **more,
    }


def target(state: str = "healthy", **more: str) -> Json:
    return {"Target": {"Id": "10.0.0.1", "Port": 8080}, "TargetHealth": {"State": state, **more}}


def attached(found: Json | None = None, **more: Any) -> Attached:
    return Attached(BLUE, "app", 8080, **{"group": found or target_group(), "routed": True, **more})


def check(one: Attached, service: Json | None = None, found: Json | None = None) -> list[Finding]:
    return list(targets.check_group("service web", one, service or {}, found or definition(), Tasks(VPC)))


def balance(one: Attached, found: Json, tasks: Tasks) -> list[Finding]:
    return list(targets.check_balancer("service web", one, found, definition(), tasks))


def wrong(found: list[Finding]) -> list[str]:
    assert all(finding.remedy for finding in found if finding.state is WRONG)
    return [finding.text for finding in found if finding.state is WRONG]


# ---- names and ports ----


@pytest.mark.parametrize(
    ("service", "template", "expected"),
    [
        ({"loadBalancers": [balancer()]}, definition(), ""),
        ({"loadBalancers": []}, definition(), ""),
        ({"loadBalancers": [balancer()]}, definition("bridge", {"containerPort": 8080, "hostPort": 0}), ""),
        ({"loadBalancers": [balancer(port=8005)]}, definition("awsvpc", {"containerPortRange": "8000-8010"}), ""),
        (
            {"loadBalancers": [balancer(port=8011)]},
            definition("awsvpc", {"containerPortRange": "8000-8010"}),
            "port 80",
        ),
        (
            {"loadBalancers": [balancer(port=80)]},
            definition(),
            "uses port 80 of container app, whose portMappings have",
        ),
        (
            {"loadBalancers": [balancer("proxy", 80)]},
            definition(),
            "port 80 of container proxy, whose portMappings have",
        ),
        (
            {"loadBalancers": [balancer("ap")]},
            definition(),
            "blue names container ap, which the template lacks; did you",
        ),
        ({"loadBalancers": [balancer("nginx")]}, definition(), "names container nginx, which the template lacks"),
        (
            {"taskSets": [{"status": "PRIMARY", "loadBalancers": [balancer("nginx")]}]},
            definition(),
            "names container nginx",
        ),
        (
            {"loadBalancers": [{"loadBalancerName": "old", "containerName": "app", "containerPort": 1}]},
            definition(),
            "the load balancer old uses port 1",
        ),
        (
            {"serviceRegistries": [{"registryArn": f"{PREFIX}:service/srv-1", "containerName": "x"}]},
            definition(),
            "the service registry srv-1 names container x",
        ),
        ({"serviceRegistries": [{"registryArn": f"{PREFIX}:service/srv-1"}]}, definition(), ""),
    ],
)
def test_ports_of_load_balancers(service: Json, template: Json, expected: str) -> None:
    """The service names a container of the template, and a port that it maps."""
    texts = wrong(list(targets.check_ports("service web", service, template)))
    assert len(texts) == bool(expected)
    assert all(expected.partition("; did")[0] in text for text in texts)


@pytest.mark.parametrize(
    ("connect", "expected"),
    [
        (None, []),
        ({"enabled": True, "services": [{"portName": "http"}]}, [OK]),
        ({"enabled": True, "services": [{"portName": "htpp"}]}, [WRONG]),
        ({"enabled": True}, []),
        ({"enabled": False, "services": [{"portName": "htpp"}]}, []),
    ],
)
def test_port_names_of_service_connect(connect: Json | None, expected: list[State]) -> None:
    """A name that no port mapping has is refused by ECS; a client alone has none."""
    primary: Json = {"status": "PRIMARY"} | ({"serviceConnectConfiguration": connect} if connect else {})
    template = definition("awsvpc", {"containerPort": 80, "name": "http"})
    found = targets.check_connect("service web", {"deployments": [primary]}, template)
    assert [finding.state for finding in found] == expected


def test_port_names_of_vpc_lattice() -> None:
    """They are names of port mappings, too."""
    service = {"deployments": [{"status": "PRIMARY", "vpcLatticeConfigurations": [{"portName": "api"}]}]}
    (finding,) = targets.check_connect("service web", service, definition())
    assert finding.text == "VPC Lattice uses the port name api, which no port mapping has; the names are none"


# ---- target groups ----


def test_a_target_group_that_is_gone() -> None:
    """ECS refuses a deployment without it."""
    assert wrong(check(Attached(BLUE, "app", 8080))) == ["the target group blue does not exist"]


NLB = {"HealthCheckProtocol": "TCP", "HealthCheckPath": "", "Matcher": {}}


@pytest.mark.parametrize(
    ("one", "template", "expected"),
    [
        (attached(), definition(), ""),
        (attached(target_group(TargetType="instance")), definition("bridge"), ""),
        (attached(target_group(TargetType="instance")), definition("host"), ""),
        (attached(target_group(TargetType="instance")), definition(), "its target type is instance, and tasks with"),
        (attached(), definition("bridge"), "its target type is ip, and tasks with network mode bridge need instance"),
        (attached(target_group(TargetType="lambda")), definition(), "its target type is lambda"),
        (attached(target_group(VpcId="vpc-2")), definition(), "it is in vpc-2, and the service's subnets are in vpc-1"),
        (attached(routed=False), definition(), "no load balancer uses it, so ECS refuses it"),
        (attached(target_group(Protocol="UDP", **NLB)), definition(), "its protocol is UDP, and the template maps app"),
        (
            attached(target_group(Protocol="UDP", **NLB)),
            definition("awsvpc", {"containerPort": 8080, "protocol": "udp"}),
            "",
        ),
        (attached(target_group(Protocol="TCP_UDP", **NLB)), definition(), ""),
        (attached(target_group(Protocol="TCP", **NLB)), definition(), ""),
        (
            attached(target_group()),
            definition("awsvpc", {"containerPort": 8080, "protocol": "udp"}),
            "its protocol is HTTP, and the template maps app:8080 as udp",
        ),
    ],
)
def test_a_target_group_fits_the_tasks(one: Attached, template: Json, expected: str) -> None:
    """Its type, VPC and protocol, and a load balancer that uses it."""
    texts = wrong(check(one, found=template))
    assert [text[: len(f"target group blue: {expected}")] for text in texts] == (
        [f"target group blue: {expected}"] if expected else []
    )


def test_zones_of_the_load_balancer() -> None:
    """A target in a zone without a subnet of the load balancer is never used."""
    lb = {"LoadBalancerName": "web", "AvailabilityZones": [{"ZoneName": "a"}, {"ZoneName": "b"}]}
    assert wrong(balance(attached(), lb, Tasks(VPC, ["a", "b"]))) == []
    (text,) = wrong(balance(attached(), lb, Tasks(VPC, ["a", "c"])))
    assert "its load balancer web has no subnet in c" in text


@pytest.mark.parametrize(
    ("state", "expected"), [("active", 0), ("active_impaired", 0), ("failed", 1), ("provisioning", 1)]
)
def test_the_load_balancer_is_active(state: str, expected: int) -> None:
    """Another one forwards nothing."""
    assert (
        len(wrong(balance(attached(), {"LoadBalancerName": "web", "State": {"Code": state}}, Tasks(VPC)))) == expected
    )


@pytest.mark.parametrize(
    ("rules", "more", "expected"),
    [
        ([(8080, 8080, "sg-lb")], {}, []),
        ([(0, 65535, "sg-lb")], {}, []),
        ([], {}, ["port 8080"]),
        ([(80, 80, "sg-lb")], {}, ["port 8080"]),
        ([(8080, 8080, "sg-other")], {}, ["port 8080"]),
        ([(8080, 8080, "sg-lb")], {"HealthCheckPort": "9000"}, ["port 9000"]),
    ],
)
def test_the_tasks_let_the_load_balancer_in(rules: list[Any], more: Json, expected: list[str]) -> None:
    """On the traffic's port and that of the health check."""
    ingress = [
        {"IpProtocol": "tcp", "FromPort": first, "ToPort": last, "UserIdGroupPairs": [{"GroupId": source}]}
        for first, last, source in rules
    ]
    tasks = Tasks(VPC, (), [group("sg-tasks", ingress)])
    one = attached(target_group(**more))
    texts = wrong(balance(one, {"SecurityGroups": ["sg-lb"]}, tasks))
    assert len(texts) == len(expected)
    assert all(words in text and "sg-tasks of the tasks" in text for words, text in zip(expected, texts, strict=True))
    assert wrong(balance(one, {}, tasks)) == []  # a load balancer without security groups


# ---- health checks ----


@pytest.mark.parametrize(
    ("health", "other", "state", "words"),
    [
        (
            [target(), target("initial")],
            "",
            OK,
            "health check HTTP /up on traffic-port, expecting 200, of blue: 1 of 2",
        ),
        ([target(), target("draining")], "", OK, "1 of 1 targets are healthy now"),
        (
            [target("unhealthy", Reason="Target.ResponseCodeMismatch", Description="Health checks failed: [404]")],
            "",
            WRONG,
            "no target is healthy now (Target.ResponseCodeMismatch: Health checks failed: [404])",
        ),
        ([target("initial")], "", OPEN, "only the first task shows whether the app answers"),
        ([], "", OPEN, "it has no target yet"),
        ([target("draining")], "", OPEN, "it has no target yet"),
        ([], GREEN, None, ""),  # the other one of the pair has them
    ],
)
def test_whether_the_app_answers(health: list[Json], other: str, state: State | None, words: str) -> None:
    """Nothing but the running tasks knows which path answers."""
    found = list(targets.check_health("service web", attached(other=other), health))
    assert [finding.state for finding in found] == ([state] if state else [])
    assert all(words in finding.text for finding in found)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({}, "health check HTTP /up on traffic-port, expecting 200,"),
        ({"HealthCheckPort": "8080", "HealthCheckPath": "/"}, "health check HTTP / on 8080, expecting 200,"),
        ({"Matcher": {"GrpcCode": "0"}}, "expecting gRPC 0,"),
        (NLB, "health check by TCP on traffic-port of blue"),
    ],
)
def test_the_health_check_is_shown(more: Json, words: str) -> None:
    """So that a reader sees which path must answer, and how."""
    (finding,) = targets.check_health("service web", attached(target_group(**more)), [target()])
    assert words in finding.text


def test_without_health_checks_nothing_is_said() -> None:
    """Target groups for Lambda functions may have none."""
    one = attached(target_group(HealthCheckEnabled=False))
    assert list(targets.check_health("service web", one, [])) == []


@pytest.mark.parametrize(
    ("port", "template", "state"),
    [
        ("traffic-port", definition(), None),
        ("8080", definition(), None),
        ("9000", definition("awsvpc", {"containerPort": 8080}, {"containerPort": 9000}), None),
        ("9000", definition(), OPEN),  # a container may listen on it all the same
        ("9000", definition("bridge", {"containerPort": 8080, "hostPort": 0}), WRONG),
        ("9000", definition("bridge", {"containerPort": 8080, "hostPort": 9000}), None),
        ("8080", definition("bridge", {"containerPort": 8080, "hostPort": 0}), WRONG),  # the host picks another
        ("traffic-port", definition("bridge", {"containerPort": 8080, "hostPort": 0}), None),
    ],
)
def test_the_port_of_the_health_check(port: str, template: Json, state: State | None) -> None:
    """A port of its own is one that the template maps."""
    kind = "ip" if template["networkMode"] == "awsvpc" else "instance"
    found = check(attached(target_group(HealthCheckPort=port, TargetType=kind)), found=template)
    assert [f.state for f in found if "which no portMapping" in f.text] == ([state] if state else [])


@pytest.mark.parametrize(
    ("start", "grace", "interval", "expected"),
    [
        (0, None, 30, False),
        (60, None, 30, False),
        (61, None, 30, True),
        (120, 0, 30, True),
        (120, 60, 30, False),
        (120, 59, 30, True),
        (300, 300, 5, False),
    ],
)
def test_slow_containers_need_a_grace_period(start: int, grace: int | None, interval: int, expected: bool) -> None:
    """Else ECS may stop a task that the template still lets start: how long it takes, only a task shows."""
    template = definition(healthCheck={"command": ["CMD", "true"], "startPeriod": start})
    service = {} if grace is None else {"healthCheckGracePeriodSeconds": grace}
    found = check(attached(target_group(HealthCheckIntervalSeconds=interval)), service, template)
    assert [each.check for each in found if each.state is State.NOT_CHECKABLE] == ["health-check"] * expected


# ---- which target groups and listeners ----


ADVANCED = {
    "alternateTargetGroupArn": GREEN,
    "productionListenerRule": RULE,
    "testListenerRule": RULE.replace("/3", "/4"),
}


def test_target_groups_of_a_service() -> None:
    """ECS's own blue/green has a pair; a classic load balancer has none."""
    service = {"loadBalancers": [balancer(advancedConfiguration=ADVANCED), {"loadBalancerName": "old"}]}
    found = targets.attached(service)
    assert [(one.name, one.other) for one in found] == [("blue", GREEN), ("green", BLUE)]
    assert targets.listeners(service) == [("production", RULE), ("test", RULE.replace("/3", "/4"))]
    assert [one.name for one in targets.attached({"loadBalancers": [balancer()]})] == ["blue"]
    assert targets.listeners({"loadBalancers": [balancer()]}) == []


def test_target_groups_of_codedeploy() -> None:
    """The deployment group names the pair; the service, the one that has the traffic."""
    pair = {"targetGroups": [{"name": "blue"}, {"name": "green"}]}
    deployment_group = {"loadBalancerInfo": {"targetGroupPairInfoList": [pair]}}
    service = {"taskSets": [{"status": "PRIMARY", "loadBalancers": [balancer()]}]}
    (found,) = targets.of_codedeploy(deployment_group, service, ["blue"])
    assert (found.name, found.container, found.port, found.other) == ("green", "app", 8080, "blue")
    assert targets.of_codedeploy({}, service, []) == []
    names = [(one.name, one.other) for one in targets.paired(targets.attached(service), [found])]
    assert names == [("blue", "green"), ("green", "blue")]
    assert targets.paired(targets.attached(service), []) == targets.attached(service)


@pytest.mark.parametrize(
    ("actions", "state", "words"),
    [
        (None, WRONG, "the production listener rule app/web/1/2/3 does not exist"),
        ([{"Type": "redirect"}], WRONG, "does not forward to target groups"),
        ([{"Type": "authenticate-oidc"}, {"Type": "forward"}], OK, "forwards to target groups"),
    ],
)
def test_listener_rules(actions: list[Json] | None, state: State, words: str) -> None:
    """ECS moves the traffic between target groups by them."""
    (finding,) = targets.check_listener("service web", "production", RULE, actions)
    assert finding.state is state
    assert words in finding.text
