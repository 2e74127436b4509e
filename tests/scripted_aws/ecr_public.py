"""ECR Public's answers."""

from __future__ import annotations

from .wire import Params


def registry(alias: str) -> Params:
    """The account's registry, with this alias."""
    name = {"name": alias, "status": "ACTIVE", "primaryRegistryAlias": True, "defaultRegistryAlias": True}
    arn = "arn:aws:ecr-public::123456789012:registry/123456789012"
    return {"registryId": "123456789012", "registryArn": arn, "registryUri": "", "verified": True, "aliases": [name]}
