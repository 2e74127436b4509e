"""The network of a service's tasks: subnets, security groups, and the way to ECR."""

from __future__ import annotations

from typing import Any

import pytest

from ecs_cd.verify.rules import network
from ecs_cd.verify.rules.finding import Finding, State
from ecs_cd.verify.rules.needs import Needs
from ecs_cd.verify.rules.network import Setting
from ecs_cd.verify.rules.routes import Vpc
from tests.rules.verify.vpcs import (
    ENDPOINTS,
    INTERNET,
    NAT,
    TASKS,
    endpoint,
    gateway,
    group,
    https,
    ipv6_only,
    route,
    subnet,
    table,
    vpc,
)

ECR = ("ecr.api", "ecr.dkr", "s3")
PULL = Needs(ECR, (), ("IMAGE",))
SETTING = Setting(("subnet-0a",), ("sg-tasks",), account="123456789012")
PUBLIC = Setting(("subnet-0a",), ("sg-tasks",), public_ip=True, account="123456789012")
ALL = [endpoint("ecr.api"), endpoint("ecr.dkr"), gateway("rtb-1")]
OK, WRONG, OPEN = State.OK, State.WRONG, State.NOT_CHECKABLE


def way(found: Vpc, needs: Needs = PULL, setting: Setting = SETTING) -> list[Finding]:
    return list(network.check_way("service web", setting, found, needs))


WAYS: list[tuple[Vpc, Setting, Needs, State, str]] = [
    (vpc(table(NAT)), SETTING, PULL, OK, "subnet-0a: reaches ECR through the NAT gateway nat-1"),
    (vpc(table(INTERNET)), PUBLIC, PULL, OK, "subnet-0a: reaches ECR through the internet gateway igw-1 with a public"),
    (
        vpc(table()),
        SETTING,
        PULL,
        WRONG,
        "subnet-0a: no route to ECR: neither a NAT gateway, nor an internet gateway with a public IP, nor endpoints "
        "(missing: ecr.api, ecr.dkr, s3)",
    ),
    (vpc(table()), PUBLIC, PULL, WRONG, "subnet-0a: no route to ECR: neither a NAT gateway"),
    # endpoints in the VPC of another team, with private hosted zones
    *(
        (vpc(table(found)), SETTING, PULL, OPEN, "only be endpoints of another network, behind " + words)
        for found, words in (
            (route("10.0.0.0/8", TransitGatewayId="tgw-1"), "the transit gateway tgw-1"),
            (route("10.1.0.0/16", VpcPeeringConnectionId="pcx-1"), "pcx-1"),
            (route("10.1.0.0/16", CoreNetworkArn="arn:core"), "the core network arn:core"),
            (route("10.1.0.0/16", GatewayId="vgw-1"), "vgw-1"),
        )
    ),
    (vpc(table(route("10.0.0.0/8", "blackhole", TransitGatewayId="t"))), SETTING, PULL, WRONG, "no route to ECR"),
    (
        vpc(table(route("10.0.0.0/8", TransitGatewayId="tgw-1"))),
        SETTING,
        Needs((), ("the registry of nginx:1",)),
        WRONG,
        "no route to the registry of nginx:1",
    ),
    (
        vpc(table(INTERNET)),
        SETTING,
        PULL,
        WRONG,
        "subnet-0a: no route to ECR: its route 0.0.0.0/0 leads to the internet gateway igw-1, and assignPublicIp is not",
    ),
    (vpc(table(), endpoints=ALL), SETTING, PULL, OK, "subnet-0a: reaches ECR through VPC endpoints (ecr.api, ecr.dkr"),
    (vpc(table(), endpoints=ALL[1:]), SETTING, PULL, WRONG, "no route to ECR: neither a NAT gateway"),
    (vpc(table(), endpoints=[ALL[0], ALL[2]]), SETTING, PULL, WRONG, "(missing: ecr.dkr)"),
    (vpc(table(), endpoints=ALL[:2]), SETTING, PULL, WRONG, "no route to S3, which has the image's layers"),
    (vpc(table(), endpoints=[*ALL[:2], gateway("rtb-9")]), SETTING, PULL, WRONG, "(missing: s3)"),
    (vpc(table(), endpoints=[*ALL[:2], endpoint("s3")]), SETTING, PULL, OK, "through VPC endpoints"),
    (
        vpc(
            table(), endpoints=[*ALL[:2], endpoint("s3", DnsOptions={"PrivateDnsOnlyForInboundResolverEndpoint": True})]
        ),
        SETTING,
        PULL,
        WRONG,
        "(missing: s3)",
    ),
    (
        vpc(table(), endpoints=[endpoint("ecr.api", PrivateDnsEnabled=False), *ALL[1:]]),
        SETTING,
        PULL,
        WRONG,
        "(missing: ecr.api); private DNS is off for ecr.api",
    ),
    (vpc(table(), endpoints=[endpoint("ecr.api", State="pendingAcceptance"), *ALL[1:]]), SETTING, PULL, WRONG, "api)"),
    (vpc(table(), endpoints=[endpoint("ecr.api", VpcId="vpc-2"), *ALL[1:]]), SETTING, PULL, WRONG, "ecr.api)"),
    (vpc(table(), endpoints=ALL), SETTING, Needs((*ECR, "logs")), WRONG, "no route to CloudWatch Logs: neither"),
    (
        vpc(table(), endpoints=ALL),
        SETTING,
        Needs((*ECR, "secretsmanager", "ssm")),
        WRONG,
        "Secrets Manager, Systems Man",
    ),
    (vpc(table(), endpoints=ALL), SETTING, Needs(ECR, ("the registry of nginx",)), WRONG, "the registry of nginx: nei"),
    (vpc(table(NAT), endpoints=ALL), SETTING, Needs(ECR, ("the registry of nginx",)), OK, "the registry of nginx thr"),
    (vpc(table(NAT), endpoints=ALL), SETTING, Needs((*ECR, "logs")), OK, "reaches CloudWatch Logs through the NAT"),
    (vpc(table(route(TransitGatewayId="tgw-1"))), SETTING, PULL, OK, "tgw-1, and verify can't follow it from there"),
    (vpc(table(route("pl-9", TransitGatewayId="tgw-1"))), SETTING, PULL, OPEN, "no way to ECR is certain"),
    (vpc(table(), subnets=[subnet(OwnerId="999999999999")]), SETTING, PULL, OPEN, "account 999999999999 shares this"),
    (vpc(table(NAT), subnets=[subnet(OwnerId="999999999999")]), SETTING, PULL, OK, "reaches ECR"),
    # over IPv6
    (
        vpc(table(route("::/0", EgressOnlyInternetGatewayId="eigw-1")), subnets=[ipv6_only()]),
        SETTING,
        Needs(ECR),
        OK,
        "reaches ECR through the egress-only internet gateway eigw-1",
    ),
    (
        vpc(table(route("::/0", EgressOnlyInternetGatewayId="eigw-1")), subnets=[ipv6_only()]),
        SETTING,
        PULL,
        WRONG,
        "it has IPv6 only, and the host of IMAGE has IPv4 only",
    ),
    (
        vpc(table(route("64:ff9b::/96", NatGatewayId="nat-1")), subnets=[ipv6_only(EnableDns64=True)]),
        SETTING,
        PULL,
        OK,
        "reaches ECR through the NAT gateway nat-1",
    ),
    (vpc(table(), subnets=[ipv6_only()], endpoints=ALL[:2]), SETTING, Needs(ECR), WRONG, "(missing: ecr.api, ecr.dkr"),
    (
        vpc(
            table(),
            subnets=[ipv6_only()],
            endpoints=[endpoint(name, IpAddressType="dualstack") for name in ("ecr.api", "ecr.dkr", "s3")],
        ),
        SETTING,
        Needs(ECR),
        OK,
        "through VPC endpoints",
    ),
    (
        vpc(
            table(route("::/0", EgressOnlyInternetGatewayId="eigw-1")),
            subnets=[subnet(Ipv6CidrBlockAssociationSet=[{"Ipv6CidrBlock": "2600:1f::/64"}])],
        ),
        SETTING,
        Needs(ECR),
        OPEN,
        "dualStackIPv6",
    ),
]


@pytest.mark.parametrize(("found", "setting", "needs", "state", "words"), WAYS)
def test_the_way_to_ecr(found: Vpc, setting: Setting, needs: Needs, state: State, words: str) -> None:
    """Each subnet reaches everything that ECS fetches, or its line says what it lacks and what to do."""
    (finding,) = way(found, needs, setting)
    assert finding.state is state, finding
    assert words in finding.text
    assert bool(finding.remedy) or state is not State.WRONG


@pytest.mark.parametrize(
    ("groups", "endpoints", "state", "words"),
    [
        ([group("sg-tasks", egress=[])], (), WRONG, "sg-tasks let nothing out on port 443"),
        ([group("sg-tasks", egress=[https("10.0.0.0/16")])], (), OPEN, "let out on port 443 to some addresses only"),
        ([group("sg-tasks", egress=[https("0.0.0.0/0")])], (), OK, "reaches ECR"),
        ([TASKS, ENDPOINTS], ALL, OK, "through VPC endpoints"),
        ([TASKS, group("sg-endpoints")], ALL, WRONG, "sg-endpoints of the endpoint vpce-ecr.api (ecr.api) do not let"),
        ([TASKS, group("sg-endpoints", [https("10.9.0.0/16")])], ALL, WRONG, "do not let sg-tasks in on port 443"),
        ([TASKS, group("sg-endpoints", [https(source="sg-tasks")])], ALL, OK, "through VPC endpoints"),
        ([TASKS, group("sg-endpoints", [https(source="sg-other")])], ALL, WRONG, "do not let sg-tasks in"),
        ([group("sg-tasks", egress=[]), ENDPOINTS], ALL, WRONG, "let nothing out on port 443 to the endpoint"),
        ([group("sg-tasks", egress=[https("10.0.9.0/24")]), ENDPOINTS], ALL, OK, "through VPC endpoints"),
        ([group("sg-tasks", egress=[https(source="sg-endpoints")]), ENDPOINTS], ALL[:2], None, ""),
        ([TASKS], ALL, OK, "through VPC endpoints"),  # the endpoints' group can't be read
    ],
)
def test_security_groups_on_the_way(groups: list[Any], endpoints: Any, state: State | None, words: str) -> None:
    """TCP 443 must leave the tasks' groups and enter those of the endpoints, even if there is a NAT gateway: with
    private DNS, tasks use the endpoint."""
    found = way(vpc(table(NAT), endpoints=endpoints, groups=groups))
    if state is None:  # S3 goes through the NAT gateway, and the group lets nothing out to it
        assert [finding.state for finding in found] == [WRONG]
        return
    assert found[0].state is state, found
    assert words in found[0].text
    assert all(finding.state is not OK for finding in found) or state is OK


def test_each_blocked_endpoint_has_its_line() -> None:
    """Together with the subnets that are affected."""
    found = way(
        vpc(
            table(NAT, subnets=["subnet-0a", "subnet-0c"]),
            subnets=[subnet("subnet-0a"), subnet("subnet-0c")],
            endpoints=ALL,
            groups=[TASKS, group("sg-endpoints")],
        )
    )
    assert [finding.text.partition(":")[0] for finding in found] == ["subnet-0a, subnet-0c"] * 2
    assert {finding.state for finding in found} == {WRONG}


def test_subnets_with_different_ways_have_different_lines() -> None:
    """A service is only as good as its worst subnet."""
    found = way(
        vpc(
            table(NAT, subnets=["subnet-0a", "subnet-0b"]),
            table(name="rtb-2", subnets=["subnet-0c"]),
            subnets=[subnet("subnet-0a"), subnet("subnet-0b"), subnet("subnet-0c")],
        )
    )
    assert [(finding.text.partition(":")[0], finding.state) for finding in found] == [
        ("subnet-0a, subnet-0b", OK),
        ("subnet-0c", WRONG),
    ]
    assert "rtb-2" in found[1].remedy


def test_the_remedy_fits_the_need() -> None:
    """No endpoint leads to another registry, and IPv6 has its own gateway."""
    (private,) = way(vpc(table()))
    assert "create VPC endpoints, with private DNS, for ecr.api, ecr.dkr, s3" in private.remedy
    (outside,) = way(vpc(table(), endpoints=ALL), Needs(ECR, ("the registry of nginx",)))
    assert "VPC endpoints" not in outside.remedy
    (six,) = way(vpc(table(), subnets=[ipv6_only()]), Needs(ECR))
    assert "::/0 in rtb-1 to an egress-only internet gateway" in six.remedy


# ---- subnets and security groups ----


@pytest.mark.parametrize(
    ("subnets", "states", "words"),
    [
        (
            [subnet("subnet-0a"), subnet("subnet-0c")],
            [OK],
            "in vpc-1 (ap-northeast-1a, ap-northeast-1c): subnet-0a, subnet-0c",
        ),
        ([subnet("subnet-0a")], [WRONG], "there is no subnet subnet-0c in this region and account"),
        ([], [WRONG], "there is no subnet subnet-0a, subnet-0c"),
        ([subnet("subnet-0a"), subnet("subnet-0c", VpcId="vpc-2")], [WRONG], "the subnets are in 2 VPCs: vpc-1, vpc-2"),
        ([subnet("subnet-0a"), subnet("subnet-0c", AvailableIpAddressCount=0)], [WRONG], "subnet-0c: no address is"),
    ],
)
def test_subnets(subnets: list[Any], states: list[State], words: str) -> None:
    """They exist, with free addresses, in one VPC."""
    found = list(network.check_subnets("service web", Setting(("subnet-0a", "subnet-0c")), subnets))
    assert [finding.state for finding in found] == states
    assert words in found[0].text


@pytest.mark.parametrize(
    ("groups", "state", "words"),
    [
        ([TASKS], OK, "in the subnets' VPC: sg-tasks"),
        ([], WRONG, "there is no security group sg-tasks"),
        ([group("sg-tasks", VpcId="vpc-2")], WRONG, "sg-tasks is not in vpc-1"),
    ],
)
def test_security_groups(groups: list[Any], state: State, words: str) -> None:
    """They exist in the subnets' VPC."""
    (finding,) = network.check_groups("service web", SETTING, [subnet()], groups)
    assert finding.state is state
    assert words in finding.text


def test_without_security_groups_tasks_have_the_default_one() -> None:
    """Its rules count."""
    setting = Setting(("subnet-0a",))
    default = group("sg-default", egress=[], GroupName="default")
    (finding,) = network.check_groups("service web", setting, [subnet()], [default])
    assert finding.state is OK
    (finding,) = way(vpc(table(NAT), groups=[default]), setting=setting)
    assert finding.state is WRONG
    assert "sg-default let nothing out" in finding.text


# ---- the service's setting ----


def test_the_setting_is_read_from_ecs_and_eventbridge() -> None:
    """EventBridge capitalises the members of awsvpcConfiguration."""
    ecs = {"subnets": ["subnet-1"], "securityGroups": ["sg-1"], "assignPublicIp": "ENABLED"}
    events = {"Subnets": ["subnet-1"], "SecurityGroups": ["sg-1"], "AssignPublicIp": "ENABLED"}
    assert network.setting(ecs) == network.setting(events) == Setting(("subnet-1",), ("sg-1",), public_ip=True)


@pytest.mark.parametrize(
    ("service", "mode", "expected"),
    [
        ({"networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}}}, "awsvpc", ""),
        ({}, "bridge", ""),
        ({"deploymentController": {"type": "EXTERNAL"}}, "awsvpc", ""),
        ({}, "awsvpc", "the service has no network configuration"),
        ({"networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}}}, "host", "networkMode host"),
        (
            {"launchType": "FARGATE", "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}}},
            "bridge",
            "",
        ),
        (
            {"taskSets": [{"status": "PRIMARY", "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["s"]}}}]},
            "awsvpc",
            "",
        ),
    ],
)
def test_the_network_mode_fits_the_service(service: Any, mode: str, expected: str) -> None:
    """ECS refuses one without the other; CodeDeploy's services have the setting in a task set."""
    found = list(network.check_mode("service web", service, {"networkMode": mode}))
    assert len(found) == bool(expected)
    assert all(expected in finding.text and finding.state is WRONG for finding in found)
