"""A stage's conditions, as GetPipelineState returns them: rules before its actions, and after they succeed or fail.

https://docs.aws.amazon.com/codepipeline/latest/userguide/stage-conditions.html
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

_WHEN = {
    "beforeEntryConditionState": "before its entry",
    "onSuccessConditionState": "after its success",
    "onFailureConditionState": "after its failure",
}


def awaited(stage: Mapping[str, Any]) -> str:
    """The conditions of the stage that are being checked; empty if none is."""
    found = _in_state(stage, ("InProgress",))
    return f"waits for the conditions of stage {stage.get('stageName')} {found}" if found else ""


def failed(stage: Mapping[str, Any]) -> str:
    """The conditions of the stage that have failed, with the rules' own words; empty if none has."""
    found = _in_state(stage, ("Failed", "Errored"))
    return f"the conditions of stage {stage.get('stageName')} failed {found}" if found else ""


def _in_state(stage: Mapping[str, Any], wanted: Collection[str]) -> str:
    for member, when in _WHEN.items():
        state = stage.get(member, {})
        if state.get("latestExecution", {}).get("status") in wanted:
            rules = [
                _words(rule)
                for condition in state.get("conditionStates", ())
                for rule in condition.get("ruleStates", ())
                if rule.get("latestExecution", {}).get("status") in wanted
            ]
            return f"{when}{': ' + ', '.join(rules) if rules else ''}"
    return ""


def _words(rule: Mapping[str, Any]) -> str:
    run = rule.get("latestExecution", {})
    why = str(run.get("errorDetails", {}).get("message") or run.get("summary") or "").strip().splitlines()
    return f"{rule.get('ruleName', '')}{f' ({why[0]})' if why else ''}"
