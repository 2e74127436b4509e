"""An action's begin: its resolved configuration, the artifacts that it reads, the places of those that it makes."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from ecs_cd.local.codepipeline.rules import variables
from ecs_cd.local.codepipeline.rules.executions import begin, due, end
from ecs_cd.local.codepipeline.rules.state import APPROVAL, PARALLEL, Attempt, Execution, Outcome, Pipeline
from ecs_cd.model.references import S3Object


def begin_due(state: Pipeline, now: float) -> Pipeline:
    """Begins all actions that are due. One that cannot run fails at once."""
    while found := due(state):
        problems = {}
        for execution, action in found:
            attempt, problem = _prepared(state, execution, action, now)
            state = begin(state, attempt)
            problems[attempt.id] = problem
        for id, problem in problems.items():
            if problem:
                state = end(state, id, Outcome("ConfigurationError", problem), now)
    return state


def _prepared(state: Pipeline, execution: Execution, action: Mapping[str, Any], now: float) -> tuple[Attempt, str]:
    """The attempt, and what it lacks. Its id is unique: a pipeline never forgets an attempt."""
    id = str(uuid.uuid5(uuid.UUID(execution.id), f"{execution.stage}/{action['name']} {len(state.attempts)}"))
    configuration, problem = _configuration(state, execution, action)
    made = state.artifacts(execution)
    inputs = [each["name"] for each in action.get("inputArtifacts", ())]
    missing = [name for name in inputs if name not in made]
    if missing:
        problem = f"input artifacts that no action before this one has made: {', '.join(missing)}"
    token = _derived(id, "token") if action["actionTypeId"]["category"] == APPROVAL else ""
    attempt = Attempt(
        id,
        execution.id,
        execution.stage,
        action["name"],
        now,
        now,
        configuration=configuration,
        inputs={name: made[name] for name in inputs if name in made},
        outputs={each["name"]: _place(state, each["name"], id) for each in action.get("outputArtifacts", ())},
        token=token,
        # https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_PutApprovalResult.html
        external_id=token if state.mode == PARALLEL else "",
    )
    return attempt, problem


def _configuration(state: Pipeline, execution: Execution, action: Mapping[str, Any]) -> tuple[dict[str, str], str]:
    """The resolved configuration; as declared if it has a problem."""
    declared = dict(action.get("configuration", {}))
    try:
        found = variables.resolved(declared, state.namespaces(execution))
    except variables.Unresolved as unresolved:
        return declared, str(unresolved)
    return found, ""


def _place(state: Pipeline, name: str, id: str) -> S3Object:
    """https://docs.aws.amazon.com/codepipeline/latest/userguide/welcome-introducing-artifacts.html"""
    return S3Object(
        state.declared["artifactStore"]["location"], f"{state.name[:20]}/{name[:10]}/{_derived(id, name)[:7]}"
    )


def _derived(id: str, name: str) -> str:
    return str(uuid.uuid5(uuid.UUID(id), name))


def revision(execution: Execution, action: str) -> str:
    """The revision of a source that the start gives; empty for the newest."""
    found = (each["revisionValue"] for each in execution.revisions if each["actionName"] == action)
    return next(found, "")
