"""What a service runs now: our deployment or another one, and how many tasks. Ids decide, never revisions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ecs_cd.deploy.rules.own_deployment import OwnDeployment
from ecs_cd.model.references import short

Entry = Mapping[str, Any]  # a deployment or, under the controller CODE_DEPLOY, a task set


def entries(service: Mapping[str, Any]) -> list[Entry]:
    """The deployments that DescribeServices lists, and the task sets."""
    return [*service.get("deployments", ()), *service.get("taskSets", ())]


def current(service: Mapping[str, Any]) -> Entry:
    """What the service works towards: its PRIMARY; empty without one."""
    return next((each for each in entries(service) if each.get("status") == "PRIMARY"), {})


def is_ours(own: OwnDeployment, entry: Entry) -> bool:
    """Whether an entry is our deployment. While it has no id, the revision has to decide."""
    ids = {each for each in (own.id, own.started_by) if each}
    if not ids:
        return bool(entry.get("taskDefinition") == own.task_definition)
    return entry.get("id") in ids or entry.get("externalId") in ids


def replaced_by(own: OwnDeployment, service: Mapping[str, Any]) -> str:
    """The deployment that replaced our deployment, in words; empty if this answer shows none.

    A PRIMARY that is older than our deployment did not replace it: the answer lags, the traffic has not moved yet, or
    ECS went back to it.
    """
    now = current(service)
    only_arn = own.id.startswith("arn:") and not own.started_by  # no entry has it
    if not now or only_arn or is_ours(own, now) or _is_older(own, now):
        return ""
    return words(now)


def lags(own: OwnDeployment, service: Mapping[str, Any]) -> bool:
    """Whether this answer seems to be from before our deployment: it does not list that, and its PRIMARY is older."""
    now = current(service)
    return bool(now) and _is_older(own, now) and not any(is_ours(own, each) for each in entries(service))


def _is_older(own: OwnDeployment, entry: Entry) -> bool:
    created = entry.get("createdAt")
    return entry.get("id") == own.previous_id or bool(created and own.created_at and created < own.created_at)


def words(entry: Entry) -> str:
    """``deployment ecs-svc/9 (web:9)``."""
    name = entry.get("externalId") or entry.get("id")
    return f"deployment {name} ({short(str(entry.get('taskDefinition', '')))})"


def is_steady(service: Mapping[str, Any]) -> bool:
    """Whether the service's PRIMARY runs as many tasks as it should."""
    now = current(service)
    desired = now.get("desiredCount", now.get("computedDesiredCount", 0))
    return int(now.get("runningCount", desired)) >= int(desired)


def serving(service: Mapping[str, Any], *, but: str = "") -> str | None:
    """What still runs of what had COMPLETED before the PRIMARY deployment, other than the task definition ``but``."""
    others = (d for d in service.get("deployments", ()) if d.get("status") == "ACTIVE" and d.get("runningCount"))
    good = (d for d in others if d.get("rolloutState", "COMPLETED") == "COMPLETED" and d.get("taskDefinition") != but)
    return next((str(d["taskDefinition"]) for d in good), None)


def counts(service: Mapping[str, Any], task_definition: str | None) -> tuple[int, int]:
    """How many tasks of this revision run, of how many that the service should run; of any revision without one."""
    desired = int(service.get("desiredCount", 0))
    if task_definition is None:
        return int(service.get("runningCount", 0)), desired
    found = [each for each in entries(service) if each.get("taskDefinition") == task_definition]
    return max((int(each.get("runningCount", 0)) for each in found), default=0), desired
