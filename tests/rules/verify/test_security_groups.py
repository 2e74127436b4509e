"""What security groups let through: protocols, ports, groups, address ranges, prefix lists."""

from __future__ import annotations

from typing import Any

import pytest

from ecs_cd.verify.rules.security_groups import INTERNET, INTERNET_IPV6, Peer, let_in, let_out

Json = dict[str, Any]


def rule(protocol: str = "tcp", first: int | None = 443, last: int | None = None, **more: Any) -> Json:
    ports = {} if first is None else {"FromPort": first, "ToPort": first if last is None else last}
    return {"IpProtocol": protocol, **ports, **more}


def cidr(*ranges: str) -> Json:
    return {"IpRanges": [{"CidrIp": each} for each in ranges]}


def cidr6(*ranges: str) -> Json:
    return {"Ipv6Ranges": [{"CidrIpv6": each} for each in ranges]}


def from_group(name: str) -> Json:
    return {"UserIdGroupPairs": [{"GroupId": name, "UserId": "123456789012"}]}


def prefix_list(name: str) -> Json:
    return {"PrefixListIds": [{"PrefixListId": name}]}


ALL = cidr("0.0.0.0/0")


@pytest.mark.parametrize(
    ("rules", "peer", "expected"),
    [
        ([rule("-1", None, **ALL)], INTERNET, True),
        ([rule("tcp", 443, **ALL)], INTERNET, True),
        ([rule("6", 443, **ALL)], INTERNET, True),
        ([rule("tcp", 0, 65535, **ALL)], INTERNET, True),
        ([rule("tcp", -1, -1, **ALL)], INTERNET, True),
        ([rule("tcp", 80, **ALL)], INTERNET, False),
        ([rule("udp", 443, **ALL)], INTERNET, False),
        ([rule("tcp", 444, 500, **ALL)], INTERNET, False),
        ([], INTERNET, False),
        ([rule(**cidr("10.0.0.0/8"))], INTERNET, None),  # some of the internet's addresses, for all that is known
        ([rule(**cidr6("::/0"))], INTERNET, False),
        ([rule(**cidr6("::/0"))], INTERNET_IPV6, True),
        ([rule(**prefix_list("pl-1"))], INTERNET, None),
        ([rule(**prefix_list("pl-1"))], Peer(prefix_lists=("pl-1",)), True),
        ([rule(**from_group("sg-9"))], INTERNET, False),
        ([rule(**from_group("sg-9"))], Peer(groups=("sg-9",)), True),
        ([rule(**from_group("sg-8"))], Peer(groups=("sg-9",)), False),
        ([rule(**cidr("10.0.0.0/16"))], Peer(("10.0.1.0/24",)), True),
        ([rule(**cidr("10.0.1.0/25"))], Peer(("10.0.1.0/24",)), None),
        ([rule(**cidr("10.1.0.0/16"))], Peer(("10.0.1.0/24",)), False),
        ([rule(**cidr("10.1.0.0/16", "10.0.0.0/16"))], Peer(("10.0.1.0/24", "10.1.0.0/24")), True),
        ([rule(**cidr("10.1.0.0/16"))], Peer(("10.0.1.0/24", "10.1.0.0/24")), None),
        ([rule(**cidr("10.1.0.0/16"))], Peer(groups=("sg-9",)), None),  # the group's addresses may be in it
        ([rule(**ALL)], Peer(groups=("sg-9",)), True),
        ([rule(**cidr("10.1.0.0/16")), rule(**ALL)], INTERNET, True),
    ],
)
def test_rules_of_both_directions(rules: list[Json], peer: Peer, expected: bool | None) -> None:
    """A rule lets the peer through, does not, or can't be judged; one that does is enough."""
    assert let_out([{"IpPermissionsEgress": rules}], 443, peer) is expected
    assert let_in([{"IpPermissions": rules}], 443, peer) is expected


def test_groups_add_up() -> None:
    """What one of several groups allows is allowed."""
    groups: list[Json] = [{"IpPermissionsEgress": []}, {"IpPermissionsEgress": [rule(**ALL)]}]
    assert let_out(groups, 443, INTERNET) is True
    assert let_out(groups[:1], 443, INTERNET) is False


def test_udp_is_asked_for_by_name() -> None:
    """A rule for TCP lets no UDP in, and one for all protocols does."""
    assert let_in([{"IpPermissions": [rule("tcp", 53, **ALL)]}], 53, INTERNET, "udp") is False
    assert let_in([{"IpPermissions": [rule("udp", 53, **ALL)]}], 53, INTERNET, "udp") is True
    assert let_in([{"IpPermissions": [rule("-1", None, **ALL)]}], 53, INTERNET, "udp") is True
