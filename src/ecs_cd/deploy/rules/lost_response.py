"""What the service shows after the response to UpdateService was lost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ecs_cd.deploy.rules import rolling
from ecs_cd.model.references import short

Service = Mapping[str, Any]


def started(before: Service, now: Service, arn: str) -> Mapping[str, Any]:
    """The deployment to ``arn`` that began since ``before``, even if another one has replaced it; empty without one."""
    current = rolling.primary(now)
    if current.get("taskDefinition") == arn:
        return current if current.get("id") != rolling.primary(before).get("id") else {}
    known = {each.get("id") for each in before.get("deployments", ())}
    found = (each for each in now.get("deployments", ()) if each.get("taskDefinition") == arn)
    return next((each for each in found if each.get("id") not in known), {})


def overtaken_by(before: Service, now: Service, arn: str) -> str:
    """The PRIMARY, in words, if it is neither the one of ``before`` nor to ``arn``; empty otherwise."""
    theirs = rolling.primary(now)
    if theirs.get("taskDefinition") == arn or theirs.get("id") == rolling.primary(before).get("id"):
        return ""
    return f"deployment {theirs.get('id')} ({short(str(theirs.get('taskDefinition', '')))})"
