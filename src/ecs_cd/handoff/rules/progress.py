"""From a snapshot of an execution to its verdict.

https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_PipelineExecution.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ecs_cd.handoff.rules.actions import ABANDONED, FAILED, SUCCEEDED, Action
from ecs_cd.model.verdict import InProgress, Outcome, Verdict

_WORDS = {SUCCEEDED: "succeeded", FAILED: "failed", ABANDONED: "abandoned; it may still be running"}


@dataclass(frozen=True)
class Snapshot:
    """What the polls have read so far. ``execution`` is ``None`` if CodePipeline does not list it.

    ``stages`` is about each stage's newest execution, ``executions`` lists the newest ones; both are only read when
    they matter.
    """

    execution: Mapping[str, Any] | None = None
    actions: tuple[Action, ...] = ()
    stages: tuple[Mapping[str, Any], ...] = ()
    executions: tuple[Mapping[str, Any], ...] = ()

    @property
    def status(self) -> str:
        return str((self.execution or {}).get("status", ""))

    @property
    def id(self) -> str:
        return str((self.execution or {}).get("pipelineExecutionId", ""))

    @property
    def summary(self) -> Mapping[str, Any]:
        """This execution in the list: only there is why it was stopped."""
        return next((each for each in self.executions if each.get("pipelineExecutionId") == self.id), {})

    @property
    def statement(self) -> str:
        """What CodePipeline says about the status."""
        return str((self.execution or {}).get("statusSummary", ""))

    @property
    def runs(self) -> bool:
        """Whether an action is running."""
        return any(action.running for action in self.actions)

    @property
    def failed(self) -> Action | None:
        return next((action for action in self.actions if action.status == FAILED), None)


@dataclass(frozen=True)
class Wanted:
    """What the execution has to do. ``goal`` is a stage, with the actions in it, or empty for the end. ``variables``
    and ``revisions``, of its sources, are the images that it must run with. ``page`` is where people approve."""

    goal: str = ""
    goal_actions: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    revisions: tuple[str, ...] = ()
    page: str = ""


def changed_words(before: Mapping[str, Any], execution: Mapping[str, Any]) -> str:
    """That the pipeline is another than ``before``: its declaration, or the execution as an earlier poll read it."""
    old, new = before.get("pipelineVersion", before.get("version")), execution.get("pipelineVersion")
    return f"the execution runs version {new} of the pipeline, not {old}" if old and new and old != new else ""


def judge(snapshot: Snapshot, wanted: Wanted) -> Verdict | dict[str, InProgress]:
    """The verdict on the execution, or what is in progress: by action, and what the execution itself waits for.

    A Failed here can be retried by a person or by the pipeline, so a caller looks twice.
    """
    status = snapshot.status
    if status == "Succeeded":
        return _succeeded(snapshot, wanted)
    if status == "Superseded":
        return Verdict(Outcome.SUPERSEDED, superseded_words(snapshot))
    if status == "Failed":
        return Verdict(Outcome.FAILED, failed_words(snapshot))
    if status in ("Stopped", "Cancelled"):
        return Verdict(Outcome.FAILED, stopped_words(snapshot))
    if wanted.goal and _reached(snapshot, wanted):
        return Verdict(Outcome.IN_PROGRESS, f"stage {wanted.goal} has succeeded; the execution continues")
    return _in_progress(snapshot, wanted)


def _succeeded(snapshot: Snapshot, wanted: Wanted) -> Verdict:
    """Green only if the execution ran with the images that we gave it."""
    others = _others(snapshot.execution or {}, wanted)
    if others:
        words = f"the execution succeeded, but with other images than this run's: {', '.join(others)}"
        return Verdict(Outcome.FAILED, words)
    return Verdict(Outcome.SUCCEEDED, _stages_in_words(snapshot.actions))


def _others(execution: Mapping[str, Any], wanted: Wanted) -> list[str]:
    """The variables and revisions that are not what was asked for. What CodePipeline does not list proves nothing."""
    values = {str(each["name"]): each.get("resolvedValue") for each in execution.get("variables", ())}
    found = [f"{name} = {values[name]}" for name, value in wanted.variables.items() if values.get(name, value) != value]
    used = [str(each["revisionId"]) for each in execution.get("artifactRevisions", ()) if each.get("revisionId")]
    missing = used and [each for each in wanted.revisions if each not in used]
    return found + ([f"revision {', '.join(used)}"] if missing else [])


def _stages_in_words(actions: Sequence[Action]) -> str:
    stages = list(dict.fromkeys(action.stage for action in actions))
    return f"stages {', '.join(stages)}" if stages else ""


def _reached(snapshot: Snapshot, wanted: Wanted) -> bool:
    done = {action.name for action in snapshot.actions if action.stage == wanted.goal and action.status == SUCCEEDED}
    return bool(wanted.goal_actions) and done >= set(wanted.goal_actions)


# ---- how it ended ----


def failed_words(snapshot: Snapshot) -> str:
    """Which action failed, and what CodePipeline says about it."""
    action = snapshot.failed
    if action is None:
        return snapshot.statement or "the execution failed; CodePipeline names no action"
    if action.category == "Approval":
        return rejected_words(action)
    reason = _first_line(action.error or action.summary or snapshot.statement)
    return f"{action.path} failed{': ' + reason if reason else ''}"


def rejected_words(action: Action) -> str:
    who = f" by {action.updated_by}" if action.updated_by else ""
    why = action.summary or action.error
    return f"{action.path} was rejected{who}{': ' + _first_line(why) if why else ''}"


def superseded_words(snapshot: Snapshot) -> str:
    """Names the newer execution: the first that started after ours."""
    newer = _newer(snapshot)
    return f"execution {newer} is newer and superseded it" if newer else "a newer execution superseded it"


def _newer(snapshot: Snapshot) -> str:
    ids = [str(each["pipelineExecutionId"]) for each in snapshot.executions]
    later = ids[: ids.index(snapshot.id)] if snapshot.id in ids else []
    return later[-1] if later else ""


def stopped_words(snapshot: Snapshot) -> str:
    """Why the execution was stopped, and what may still be running."""
    reason = str(snapshot.summary.get("stopTrigger", {}).get("reason", "")) or snapshot.statement
    left = [action.path for action in snapshot.actions if action.status == ABANDONED]
    why = " because somebody changed the pipeline" if snapshot.status == "Cancelled" else ""
    words = f"the execution was {snapshot.status.lower()}{why}{': ' + _first_line(reason) if reason else ''}"
    return f"{words}; abandoned, and may still be running: {', '.join(left)}" if left else words


def _first_line(text: str) -> str:
    return next(iter(text.strip().splitlines()), "")


# ---- in progress ----


def _in_progress(snapshot: Snapshot, wanted: Wanted) -> dict[str, InProgress]:
    found = {
        action.path: InProgress(action_words(action, wanted.page), action.status == FAILED)
        for action in snapshot.actions
    }
    if snapshot.execution is None:
        return found | {"": InProgress("CodePipeline does not list the execution yet")}
    if snapshot.status == "Stopping":
        return found | {"": InProgress("the execution is being stopped")}
    if snapshot.status != "InProgress":
        return found | {"": InProgress(f"the execution's status is {snapshot.status}")}
    waits = _waits_for(snapshot)
    return found | ({"": InProgress(waits)} if waits else {})


def action_words(action: Action, page: str = "") -> str:
    """The action's state, and the id of its build or deployment, or where to approve."""
    if action.waits_for_approval:
        return f"waits for an approval{': ' + page if page else ''}"
    if not action.running:
        words = _WORDS.get(action.status, action.status)
        reason = _first_line(action.error or action.summary) if action.status == FAILED else ""
        return f"{words}{': ' + reason if reason else ''}"
    again = f", try {action.tries}" if action.tries > 1 else ""
    return f"in progress{again}{' (' + action.external_id + ')' if action.external_id else ''}"


def _waits_for(snapshot: Snapshot) -> str:
    """What keeps the execution from entering its next stage; empty if an action runs, or if it is unknown."""
    if snapshot.runs:
        return ""
    for stage in snapshot.stages:
        inbound = [*stage.get("inboundExecutions", ()), *filter(None, [stage.get("inboundExecution")])]
        if any(each.get("pipelineExecutionId") == snapshot.id for each in inbound):
            return _inbound_words(stage)
    return ""


def _inbound_words(stage: Mapping[str, Any]) -> str:
    disabled, name = disabled_words(stage), stage.get("stageName")
    if disabled:
        return f"waits at stage {name}: {disabled}"
    latest = stage.get("latestExecution", {})
    other = str(latest.get("pipelineExecutionId", ""))
    behind = f": execution {other} is in it" if other and latest.get("status") in ("InProgress", "Stopping") else ""
    return f"waits at stage {name}{behind}"


def disabled_words(stage: Mapping[str, Any]) -> str:
    """Who disabled the transition into the stage, and why; empty if it is enabled."""
    transition = stage.get("inboundTransitionState", {})
    if transition.get("enabled", True):
        return ""
    reason = transition.get("disabledReason")
    who = transition.get("lastChangedBy")
    return f"its transition is disabled{f' by {who}' if who else ''}{f': {reason}' if reason else ''}"


def waiting_approval(snapshot: Snapshot) -> Action | None:
    """The approval that the execution waits for, if nothing else runs."""
    running = [action for action in snapshot.actions if action.running]
    return running[0] if running and all(action.waits_for_approval for action in running) else None


def undecided(snapshot: Snapshot, time: str) -> Verdict:
    """The verdict if the time is over: an approval that is still awaited is a pause."""
    approval = waiting_approval(snapshot)
    if approval:
        return Verdict(Outcome.PAUSED, f"{approval.path} waits for an approval; the execution continues after it")
    running = [action.path for action in snapshot.actions if action.running]
    last = _waits_for(snapshot) or (f"{', '.join(running)} in progress" if running else "")
    seen = f"; last seen: {last}" if last else ""
    return Verdict(Outcome.TIMED_OUT, f"no verdict after {time}{seen}; CodePipeline continues the execution")
