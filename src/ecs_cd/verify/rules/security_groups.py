"""What security groups let through, by their rules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any

Json = Mapping[str, Any]

ANYWHERE = "0.0.0.0/0"
ANYWHERE_IPV6 = "::/0"
_PROTOCOLS = {"tcp": ("-1", "tcp", "6"), "udp": ("-1", "udp", "17")}


@dataclass(frozen=True)
class Peer:
    """The other end of a connection: address ranges, security groups, and prefix lists with its addresses."""

    cidrs: Sequence[str] = ()
    groups: Sequence[str] = ()
    prefix_lists: Sequence[str] = ()


INTERNET = Peer((ANYWHERE,))
INTERNET_IPV6 = Peer((ANYWHERE_IPV6,))


def let_out(groups: Iterable[Json], port: int, to: Peer) -> bool | None:
    """Whether these groups together let TCP out to this port; ``None`` if only a part of the peer's addresses, or those
    of a prefix list, may be meant."""
    return _allowed([rule for group in groups for rule in group.get("IpPermissionsEgress", ())], port, to, "tcp")


def let_in(groups: Iterable[Json], port: int, source: Peer, protocol: str = "tcp") -> bool | None:
    """Whether these groups together let this protocol, ``tcp`` or ``udp``, in at this port; ``None`` as above."""
    return _allowed([rule for group in groups for rule in group.get("IpPermissions", ())], port, source, protocol)


def _allowed(rules: Iterable[Json], port: int, peer: Peer, protocol: str) -> bool | None:
    found = [answer for rule in rules if _covers(rule, port, protocol) for answer in _answers(rule, peer)]
    return True if True in found else None if None in found else False


def _covers(rule: Json, port: int, protocol: str) -> bool:
    if str(rule.get("IpProtocol")) not in _PROTOCOLS[protocol]:
        return False
    every = str(rule.get("IpProtocol")) == "-1" or rule.get("FromPort") in (None, -1)
    return every or rule["FromPort"] <= port <= rule.get("ToPort", rule["FromPort"])


def _answers(rule: Json, peer: Peer) -> Iterator[bool | None]:
    yield any(pair.get("GroupId") in peer.groups for pair in rule.get("UserIdGroupPairs", ()))
    for each in rule.get("PrefixListIds", ()):
        yield True if each.get("PrefixListId") in peer.prefix_lists else None
    ranges = [str(each["CidrIp"]) for each in rule.get("IpRanges", ())]
    ranges += [str(each["CidrIpv6"]) for each in rule.get("Ipv6Ranges", ())]
    if peer.cidrs:
        covered = [_covered(cidr, ranges) for cidr in peer.cidrs]
        yield True if all(covered) else None if any(each is not False for each in covered) else False
    elif ranges:
        yield True if {ANYWHERE, ANYWHERE_IPV6} & set(ranges) else None


def _covered(cidr: str, ranges: Sequence[str]) -> bool | None:
    """Whether one of the ranges holds the whole of ``cidr``; ``None`` if one holds a part of it."""
    wanted = ip_network(cidr, strict=False)
    partly = False
    for each in ranges:
        known = ip_network(each, strict=False)
        if known.version != wanted.version:
            continue
        if wanted.network_address in known and wanted.prefixlen >= known.prefixlen:
            return True
        partly = partly or known.overlaps(wanted)
    return None if partly else False
