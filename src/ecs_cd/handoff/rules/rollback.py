"""What a pipeline does by itself after a failed stage: retry it, or roll it back.

https://docs.aws.amazon.com/codepipeline/latest/userguide/stage-rollback-auto.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ecs_cd.handoff.rules import declaration
from ecs_cd.handoff.rules.declaration import Declaration
from ecs_cd.handoff.rules.progress import Snapshot
from ecs_cd.model import pace
from ecs_cd.model.verdict import Outcome, Verdict


def waits(snapshot: Snapshot, declared: Declaration, elapsed: float) -> str:
    """Why a Failed is not final yet, ``elapsed`` seconds after it was first seen; empty if it is."""
    action = snapshot.failed
    if action is None and not snapshot.statement and elapsed < pace.ACTIONS_LISTED:
        return "; CodePipeline does not list the failed action yet"
    reaction = _reaction(snapshot, declared)
    if action and reaction == "RETRY" and action.tries == 1 and elapsed < pace.RETRY_BEGINS:
        return "; the pipeline retries the stage by itself"
    if reaction == "ROLLBACK" and not execution(snapshot) and elapsed < pace.PIPELINE_ROLLBACK_BEGINS:
        return "; the pipeline rolls the stage back"
    return ""


def _reaction(snapshot: Snapshot, declared: Declaration) -> str:
    """What the pipeline does by itself after the failed action, or after a condition of the last stage has failed."""
    if snapshot.failed:
        return declaration.on_failure(declared, snapshot.failed.stage)
    return declaration.on_failed_condition(declared, snapshot.actions[-1].stage) if snapshot.actions else ""


def execution(snapshot: Snapshot) -> str:
    """The execution that rolls back the stage in which this one failed; empty if there is none."""
    ids = [str(each["pipelineExecutionId"]) for each in snapshot.executions]
    newer = snapshot.executions[: ids.index(snapshot.id)] if snapshot.id in ids else ()
    # The trigger's detail is {"FailedPipelineExecutionId": "..."}.
    ours = [each for each in newer if _is_automatic(each) and snapshot.id in str(each["trigger"].get("triggerDetail"))]
    return str(ours[-1]["pipelineExecutionId"]) if ours else ""


def verdict(failed: Verdict, status: str, name: str, target: str) -> Verdict:
    """The verdict on a failed execution whose stage was rolled back to the execution ``target``."""
    to = f" to that of execution {target}" if target else ""
    if status == "Succeeded":
        return Verdict(Outcome.ROLLED_BACK, f"{failed.message}; execution {name} has rolled the stage back{to}")
    words = f"{failed.message}; the rollback, execution {name}, is {status or 'unknown'}"
    return Verdict(Outcome.ROLLBACK_FAILED, words)


def target(executions: Sequence[Mapping[str, Any]], name: str) -> str:
    """The execution that the rollback ``name`` goes back to."""
    found = (each for each in executions if each.get("pipelineExecutionId") == name)
    return str(next(found, {}).get("rollbackMetadata", {}).get("rollbackTargetPipelineExecutionId", ""))


def _is_automatic(summary: Mapping[str, Any]) -> bool:
    is_rollback = summary.get("executionType") == "ROLLBACK"
    return is_rollback and summary.get("trigger", {}).get("triggerType") == "AutomatedRollback"
