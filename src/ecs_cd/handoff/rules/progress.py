"""From a snapshot of an execution to its verdict.

https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_PipelineExecution.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ecs_cd.handoff.rules import conditions
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
    and ``revisions``, of its sources, are the images that it must run with. ``page`` is where people approve.
    ``goal_checked``: the goal has conditions after its actions. ``stages`` are those that the pipeline declares."""

    goal: str = ""
    goal_actions: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    revisions: tuple[str, ...] = ()
    page: str = ""
    goal_checked: bool = False
    stages: tuple[str, ...] = ()


def changed_words(before: Mapping[str, Any], execution: Mapping[str, Any]) -> str:
    """That the pipeline is another than ``before``: its declaration, or the execution as an earlier poll read it."""
    old, new = before.get("pipelineVersion", before.get("version")), execution.get("pipelineVersion")
    return f"the execution runs version {new} of the pipeline, not {old}" if old and new and old != new else ""


def judge(snapshot: Snapshot, wanted: Wanted) -> Verdict | dict[str, InProgress]:
    """The verdict on the execution, or what is in progress: by action, and what the execution itself waits for.

    A Failed here can be retried by a person or by the pipeline, so a caller looks twice. Nothing that comes after the
    goal counts.
    """
    status = snapshot.status
    if status == "Succeeded":
        return _succeeded(snapshot, wanted)
    if wanted.goal and _reached(snapshot, wanted):
        then = "continues" if status == "InProgress" else f"is {status}"
        return Verdict(Outcome.IN_PROGRESS, f"stage {wanted.goal} has succeeded; the execution {then}")
    if status == "Superseded":
        return Verdict(Outcome.SUPERSEDED, superseded_words(snapshot))
    if status == "Failed":
        return Verdict(Outcome.FAILED, failed_words(snapshot))
    if status in ("Stopped", "Cancelled"):
        return Verdict(Outcome.FAILED, stopped_words(snapshot))
    return _in_progress(snapshot, wanted)


def _succeeded(snapshot: Snapshot, wanted: Wanted) -> Verdict:
    """Green only if the execution ran with the images that we gave it, and did not skip the goal."""
    others = _others(snapshot.execution or {}, wanted)
    if others:
        words = f"the execution succeeded, but with other images than this run's: {', '.join(others)}"
        return Verdict(Outcome.FAILED, words)
    left = skipped(snapshot, wanted)
    if wanted.goal in left:
        return Verdict(Outcome.FAILED, f"the execution succeeded, but CodePipeline skipped stage {wanted.goal}")
    words = _stages_in_words(each for each in snapshot.actions if each.stage not in left)
    return Verdict(Outcome.SUCCEEDED, f"{words}; skipped: {', '.join(left)}" if left else words)


def skipped(snapshot: Snapshot, wanted: Wanted) -> list[str]:
    """The stages of a successful execution that have not succeeded: a condition or ``onFailure`` has skipped them."""
    failed = {each.stage for each in snapshot.actions if each.status == FAILED}
    begun = {each.stage for each in snapshot.actions}
    return [stage for stage in wanted.stages if stage in failed or stage not in begun]


def _others(execution: Mapping[str, Any], wanted: Wanted) -> list[str]:
    """The variables and revisions that are not what was asked for. What CodePipeline does not list proves nothing."""
    values = {str(each["name"]): each.get("resolvedValue") for each in execution.get("variables", ())}
    found = [f"{name} = {values[name]}" for name, value in wanted.variables.items() if values.get(name, value) != value]
    used = [str(each["revisionId"]) for each in execution.get("artifactRevisions", ()) if each.get("revisionId")]
    missing = used and [each for each in wanted.revisions if each not in used]
    return found + ([f"revision {', '.join(used)}"] if missing else [])


def _stages_in_words(actions: Iterable[Action]) -> str:
    stages = list(dict.fromkeys(action.stage for action in actions))
    return f"stages {', '.join(stages)}" if stages else ""


def _reached(snapshot: Snapshot, wanted: Wanted) -> bool:
    there = [action for action in snapshot.actions if action.stage == wanted.goal]
    done = {action.name for action in there if action.status == SUCCEEDED}
    failed = any(action.status == FAILED for action in there)
    succeeded = bool(wanted.goal_actions) and done >= set(wanted.goal_actions) and not failed
    return succeeded and (not wanted.goal_checked or _left(snapshot, wanted.goal))


def _left(snapshot: Snapshot, stage: str) -> bool:
    """Whether the conditions after the stage's actions are met: it has succeeded, or the execution has moved on."""
    names = [str(each.get("stageName")) for each in snapshot.stages]
    if snapshot.actions[-1].stage != stage or stage not in names:
        return snapshot.actions[-1].stage != stage
    own, *later = snapshot.stages[names.index(stage) :]
    latest = own.get("latestExecution", {})
    succeeded = latest.get("pipelineExecutionId") == snapshot.id and latest.get("status") == SUCCEEDED
    return succeeded or any(_is_inbound(each, snapshot.id) for each in later)


# ---- how it ended ----


def failed_words(snapshot: Snapshot) -> str:
    """Which action failed, and what CodePipeline says about it."""
    action = snapshot.failed
    if action is None:
        unmet = next(filter(None, map(conditions.failed, _own_stages(snapshot))), "")
        return unmet or snapshot.statement or "the execution failed; CodePipeline names no action"
    if action.category == "Approval":
        return rejected_words(action)
    reason = _first_line(action.error or action.summary or snapshot.statement)
    others = [each.path for each in snapshot.actions if each.status == FAILED and each is not action]
    also = f"; {', '.join(others)} failed, too" if others else ""
    return f"{action.path} failed{': ' + reason if reason else ''}{also}"


def rejected_words(action: Action) -> str:
    what = f"was rejected by {action.updated_by}" if action.updated_by else "was not approved"
    why = action.summary or action.error
    return f"{action.path} {what}{': ' + _first_line(why) if why else ''}"


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
        if _is_inbound(stage, snapshot.id):
            return _inbound_words(stage)
    return next(filter(None, map(conditions.awaited, _own_stages(snapshot))), "")


def _is_inbound(stage: Mapping[str, Any], execution: str) -> bool:
    inbound = [*stage.get("inboundExecutions", ()), *filter(None, [stage.get("inboundExecution")])]
    return any(each.get("pipelineExecutionId") == execution for each in inbound)


def _own_stages(snapshot: Snapshot) -> list[Mapping[str, Any]]:
    """The stages whose newest execution is this one."""
    return [
        each for each in snapshot.stages if each.get("latestExecution", {}).get("pipelineExecutionId") == snapshot.id
    ]


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
