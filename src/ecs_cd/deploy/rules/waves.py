"""Several documents in one deployment: their names, where each is deployed, and the order of the waves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from ecs_cd.model.references import account_of, region_of

T = TypeVar("T")


@dataclass(frozen=True)
class Where:
    """The document ``source`` and where its services are; ``account`` is empty if it is not known."""

    source: str
    region: str
    account: str = ""


def names(wheres: Sequence[Where]) -> list[str]:
    """A name for each document: its region, with the account and the document if that does not tell them apart."""
    ways = [
        [where.region for where in wheres],
        ["/".join(filter(None, [where.account, where.region])) for where in wheres],
        [_short(where.source) for where in wheres],
    ]
    found = next((way for way in ways if len(set(way)) == len(way)), None)
    return found or [f"{number}/{name}" for number, name in enumerate(ways[1], 1)]


def _short(source: str) -> str:
    """The document without what comes before the parameter in an ARN."""
    return source.partition(":parameter/")[2] or source.removeprefix("file:").strip("/")


def in_waves(items: Sequence[T], size: int) -> list[Sequence[T]]:
    """The items in waves of at most ``size``."""
    return [items[first : first + size] for first in range(0, len(items), size)]


def misplaced(where: Where) -> str:
    """Why the credentials can't be right for this document; empty if they can. ``where`` has their account."""
    account = account_of(where.source)
    if account and where.account and account != where.account:
        return f"the document is in the account {account}, and its credentials are of {where.account}"
    return ""


def cluster_elsewhere(cluster: str, where: Where) -> str:
    """Why this cluster is not where the document is deployed; empty if it is, or may be."""
    region, account = region_of(cluster), account_of(cluster)
    if region and region != where.region:
        return f"cluster: is in {region}, and the document is deployed in {where.region}"
    if account and where.account and account != where.account:
        return f"cluster: is in the account {account}, and the document's credentials are of {where.account}"
    return ""


def deployed_twice(services: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """The ECS services that several documents deploy. ``services``: the ARNs of each document, by its name."""
    times = Counter(arn for arns in services.values() for arn in set(arns))
    for arn in (arn for arn, number in times.items() if number > 1):
        whose = [name for name, arns in services.items() if arn in arns]
        yield f"{' and '.join(whose)} deploy the same ECS service, {arn.rpartition(':service/')[2] or arn}"


def different_digests(images: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    """The images whose digest is not the same in all documents. ``images``: those of each document, by its name."""
    for name in dict.fromkeys(name for each in images.values() for name in each):
        digests = {each: found[name].rpartition("@")[2] for each, found in images.items() if name in found}
        if len(set(digests.values())) > 1:
            yield f"{name} is " + ", ".join(f"{digest[:19]} in {each}" for each, digest in digests.items())
