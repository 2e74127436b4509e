"""The course of a pipeline execution: what happens by the clock, and what CodePipeline says about it.

FAILS = (
    *runs(1, "Source/Source", 4),
    happens(6, "Migrate/Migrate", "InProgress", build="migrate:1"),
    happens(60, "Migrate/Migrate", "Failed", build="migrate:1", error=("JobFailed", "Build terminated with state: FAILED")),
    ends(61, "Failed"),
)
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

from .clock import moment
from .wire import Params

USER = "arn:aws:sts::123456789012:assumed-role/infra/alice"


@dataclass(frozen=True)
class Change:
    """At that many seconds, ``what`` is ``status``: ``Stage/Action``, a ``Stage`` before it is entered, or ``""`` for
    the execution."""

    seconds: float
    what: str
    status: str
    more: Params


Course: TypeAlias = Sequence[Change]


def happens(seconds: float, what: str, status: str, **more: Any) -> Change:
    """An action's change. ``build`` or another ``id``, ``url``, ``summary``, ``error=(code, message)``, ``token``, ``by``."""
    return Change(seconds, what, status, more)


def waits(seconds: float, stage: str) -> Change:
    """The execution waits before this stage, until the stage's first action."""
    return Change(seconds, stage, "InProgress", {})


def ends(seconds: float, status: str, summary: str = "", reason: str = "") -> Change:
    """The execution's status; ``reason`` is that of a person who stopped it."""
    return Change(seconds, "", status, {"summary": summary, "reason": reason})


def runs(seconds: float, what: str, until: float, **more: Any) -> tuple[Change, Change]:
    """An action that succeeds."""
    return happens(seconds, what, "InProgress", **more), happens(until, what, "Succeeded", **more)


MIGRATION, DEPLOYMENT = "migrate:1", "deploy:1"  # builds
SUCCEEDS: Course = (
    *runs(1, "Source/Source", 4),
    *runs(6, "Migrate/Migrate", 40, build=MIGRATION),
    *runs(42, "Deploy/Deploy", 100, build=DEPLOYMENT),
    ends(101, "Succeeded"),
)
BUILD_FAILED = ("JobFailed", "Build terminated with state: FAILED. Phase: BUILD, Code: COMMAND_EXECUTION_ERROR")


def fails(at: float = 60, details: tuple[str, str] = BUILD_FAILED) -> Course:
    """The migration does, and then the execution."""
    end = happens(at, "Migrate/Migrate", "Failed", build=MIGRATION, error=details)
    return (*SUCCEEDS[:3], end, ends(at + 1, "Failed"))


def execution_id(number: int | str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"execution {number}"))


# ---- executions ----


@dataclass
class Execution:
    """One execution; ``at`` is the virtual time of its start. ``back_to`` is the target of a rollback."""

    id: str
    at: float
    course: Course
    variables: Mapping[str, str] = field(default_factory=dict)
    revisions: Mapping[str, str] = field(default_factory=dict)  # by source action
    trigger: tuple[str, str] = ("StartPipelineExecution", USER)
    back_to: str = ""
    stopped: tuple[float, str, bool] | None = None  # when, the reason, whether its actions were abandoned

    def so_far(self, now: float) -> list[Change]:
        """What has happened by now. After a stop, no action begins; those in progress end, or are abandoned."""
        found = [change for change in self.course if change.seconds <= now - self.at]
        if self.stopped is None:
            return found
        stopped, reason, abandon = self.stopped[0] - self.at, self.stopped[1], self.stopped[2]
        kept = [each for each in found if each.seconds <= stopped]
        going = [each for each in latest(kept).values() if each.status == "InProgress"]
        later = [each for each in found if each.seconds > stopped and each.what in {one.what for one in going}]
        if abandon:
            later = [Change(stopped, each.what, "Abandoned", each.more) for each in going]
        done = [each.seconds for each in later if each.status != "InProgress"]
        kept.append(ends(stopped, "Stopping", reason=reason))
        if len(done) >= len(going):
            later.append(ends(max([stopped, *done]), "Stopped", reason=reason))
        return kept + later

    def is_known(self, now: float) -> bool:
        return self.at <= now

    def end(self, now: float) -> Change:
        """The last change of the execution itself."""
        own = [change for change in self.so_far(now) if not change.what]
        return own[-1] if own else Change(0, "", "InProgress", {})

    def actions(self, now: float) -> list[Params]:
        """ListActionExecutions' entries without their input, oldest first. A second InProgress is a second try."""
        found: dict[str, Params] = {}
        tries: dict[str, int] = {}
        for change in self.so_far(now):
            if "/" not in change.what:
                continue
            if change.status == "InProgress" or change.what not in tries:
                tries[change.what] = tries.get(change.what, 0) + 1
            key = f"{change.what}#{tries[change.what]}"
            begun = found[key]["startTime"] if key in found else self.moment(change)
            found[key] = self._action(change, key, begun)
        return list(found.values())

    def moment(self, change: Change) -> datetime:
        return moment(self.at + change.seconds)

    def _action(self, change: Change, key: str, begun: datetime) -> Params:
        stage, _, name = change.what.partition("/")
        return {
            "pipelineExecutionId": self.id,
            "actionExecutionId": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{self.id} {key}")),
            "pipelineVersion": 3,
            "stageName": stage,
            "actionName": name,
            "startTime": begun,
            "lastUpdateTime": self.moment(change),
            "updatedBy": change.more.get("by", USER),
            "status": change.status,
            "output": {"outputArtifacts": [], "executionResult": _result(change.more), "outputVariables": {}},
        }

    def inbound(self, now: float) -> str:
        """The stage before which it waits, or ``""``."""
        last = self.so_far(now)[-1:]
        return last[0].what if last and last[0].what and "/" not in last[0].what else ""


def latest(changes: Sequence[Change]) -> dict[str, Change]:
    """The last change of each action."""
    return {change.what: change for change in changes if "/" in change.what}


def _result(more: Params) -> Params:
    """The ``executionResult``: without an id until the provider has one."""
    found = {"externalExecutionId": more.get("build") or more.get("id")}
    if more.get("build"):
        found["externalExecutionUrl"] = f"https://console.aws.amazon.com/codebuild/{more['build']}"
    found |= {"externalExecutionUrl": more["url"]} if "url" in more else {}
    found |= {"externalExecutionSummary": more["summary"]} if "summary" in more else {}
    if "error" in more:
        found["errorDetails"] = {"code": more["error"][0], "message": more["error"][1]}
    return {name: value for name, value in found.items() if value}


def rolled_back(failed: Execution, target: str, at: float, course: Course) -> Execution:
    """The execution that CodePipeline starts to roll a stage of ``failed`` back to ``target``."""
    detail = json.dumps({"FailedPipelineExecutionId": failed.id})
    return Execution(
        execution_id(f"back from {failed.id}"),
        at,
        course,
        revisions=failed.revisions,
        trigger=("AutomatedRollback", detail),
        back_to=target,
    )
