"""Which execution has our images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def has(execution: Mapping[str, Any], variables: Mapping[str, str], revisions: Sequence[str]) -> bool:
    """Whether an execution has these variables and source revisions."""
    values = _values(execution)
    used = {each.get("revisionId") for each in execution.get("artifactRevisions", ())}
    return all(values.get(name) == value for name, value in variables.items()) and used.issuperset(revisions)


def find(summaries: Sequence[Mapping[str, Any]], wanted: Sequence[Mapping[str, str]], *, late: bool) -> str:
    """The newest execution with these digests; empty if there is none.

    The same digest can have been deployed before, then another one. Until it is ``late`` for ours to start, only the
    pipeline's newest execution counts, and those in progress.
    """
    standard = [each for each in summaries if each.get("executionType") != "ROLLBACK"]
    candidates = [each for each in standard if late or each is standard[0] or each.get("status") == "InProgress"]
    return next((str(each["pipelineExecutionId"]) for each in candidates if _has_digests(each, wanted)), "")


def _has_digests(summary: Mapping[str, Any], wanted: Sequence[Mapping[str, str]]) -> bool:
    used = {(each.get("actionName"), each.get("revisionId")) for each in summary.get("sourceRevisions", ())}
    return bool(wanted) and all((each["actionName"], each["revisionValue"]) in used for each in wanted)


def _values(execution: Mapping[str, Any]) -> dict[str, str]:
    return {str(each["name"]): str(each.get("resolvedValue", "")) for each in execution.get("variables", ())}
