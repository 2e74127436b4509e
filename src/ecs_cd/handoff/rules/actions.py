"""The actions of an execution, as ListActionExecutions returns them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

IN_PROGRESS, SUCCEEDED, FAILED, ABANDONED = "InProgress", "Succeeded", "Failed", "Abandoned"

CODEBUILD, CODEDEPLOY, ECS, APPROVAL = "CodeBuild", "CodeDeployToECS", "ECS", "Approval"


@dataclass(frozen=True)
class Action:
    """One action of one execution, as it was tried last; ``tries`` counts how often. Times are POSIX timestamps."""

    stage: str
    name: str
    status: str
    category: str = ""
    provider: str = ""
    execution_id: str = ""
    external_id: str = ""  # of the build or the deployment
    external_url: str = ""
    summary: str = ""
    error_code: str = ""
    error: str = ""
    updated_by: str = ""
    configuration: Mapping[str, str] = field(default_factory=dict)
    started: float | None = None
    updated: float | None = None
    tries: int = 1

    @property
    def path(self) -> str:
        return f"{self.stage}/{self.name}"

    @property
    def running(self) -> bool:
        return self.status == IN_PROGRESS

    @property
    def waits_for_approval(self) -> bool:
        return self.running and self.category == APPROVAL

    def configures(self, *keys: str) -> bool:
        """Whether its configuration has these keys: somebody's own action may have the name of an AWS provider."""
        return all(self.configuration.get(key) for key in keys)


def newest(details: Iterable[Mapping[str, Any]], declared: Iterable[tuple[str, str]]) -> tuple[Action, ...]:
    """The actions that have started, each as it was tried last, in the order of the declaration.

    ListActionExecutions lists each try of an action, newest first.
    """
    tries: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for detail in details:
        tries.setdefault((str(detail["stageName"]), str(detail["actionName"])), []).append(detail)
    order = {place: number for number, place in enumerate(declared)}
    places = sorted(tries, key=lambda place: order.get(place, len(order)))
    return tuple(_action(max(tries[place], key=_begin), len(tries[place])) for place in places)


def _begin(detail: Mapping[str, Any]) -> float:
    return moment(detail.get("startTime")) or 0.0


def moment(time: Any) -> float | None:
    """The POSIX timestamp of a time as botocore returns it; ``None`` without one."""
    return float(time.timestamp()) if time is not None else None


def _action(detail: Mapping[str, Any], tries: int) -> Action:
    given, result = detail.get("input", {}), detail.get("output", {}).get("executionResult", {})
    kind, error = given.get("actionTypeId", {}), result.get("errorDetails", {})
    return Action(
        stage=str(detail["stageName"]),
        name=str(detail["actionName"]),
        status=str(detail.get("status", "")),
        category=str(kind.get("category", "")),
        provider=str(kind.get("provider", "")),
        execution_id=str(detail.get("actionExecutionId", "")),
        external_id=str(result.get("externalExecutionId", "")),
        external_url=str(result.get("externalExecutionUrl", "")),
        summary=str(result.get("externalExecutionSummary", "")),
        error_code=str(error.get("code", "")),
        error=str(error.get("message", "")),
        updated_by=str(detail.get("updatedBy", "")),
        configuration=given.get("resolvedConfiguration") or given.get("configuration") or {},
        started=moment(detail.get("startTime")),
        updated=moment(detail.get("lastUpdateTime")),
        tries=tries,
    )
