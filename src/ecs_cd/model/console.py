"""The AWS console's hosts."""

from __future__ import annotations

_HOSTS = {"aws-cn": "console.amazonaws.cn", "aws-us-gov": "console.amazonaws-us-gov.com"}
_PREFIXES = {"cn-": "aws-cn", "us-gov-": "aws-us-gov"}


def host(region: str, partition: str) -> str:
    """The console's host. Only the partition ``aws`` has one per region."""
    return _HOSTS.get(partition, f"{region}.console.aws.amazon.com")


def partition(region: str) -> str:
    """The partition of a region, as ARNs name it."""
    return next((name for prefix, name in _PREFIXES.items() if region.startswith(prefix)), "aws")
