"""What a stopped ECS task shows: which container failed, its exit code, and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ecs_cd.model.references import short
from ecs_cd.model.verdict import Outcome, Verdict

Task = Mapping[str, Any]

# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Failure.html: worth a retry, because
# capacity comes and goes. The other reasons are permanent.
_TRANSIENT_FAILURES = ("RESOURCE", "AGENT", "Capacity is unavailable")


def placement_is_transient(failures: list[dict[str, Any]]) -> bool:
    """Whether all of RunTask's ``failures`` are transient."""
    return bool(failures) and all(str(f.get("reason", "")).startswith(_TRANSIENT_FAILURES) for f in failures)


def failure_words(failures: list[dict[str, Any]]) -> str:
    """``RESOURCE:MEMORY (not enough memory)`` for each of a response's ``failures``, once."""
    words = (f"{f.get('reason', 'unknown')}{' (' + f['detail'] + ')' if f.get('detail') else ''}" for f in failures)
    return ", ".join(dict.fromkeys(words))


def exit_code(task: Task, name: str) -> int | None:
    """The exit code of the container; ``None`` while it runs, and also if it never ran."""
    return _container(task, name).get("exitCode")


def reason(task: Task, name: str) -> str:
    """Why the container, or else the task, stopped, in ECS's words."""
    return str(_container(task, name).get("reason") or task.get("stoppedReason") or "no reason given")


def migration_verdict(task: Task, name: str) -> Verdict | None:
    """``None`` until STOPPED. Succeeded only if the named container itself exited 0.

    The exit codes of other containers don't count: a sidecar is killed when the migration ends.
    """
    if task.get("lastStatus") != "STOPPED":
        return None
    code, stop_code = exit_code(task, name), task.get("stopCode")
    if code == 0 and stop_code in (None, "EssentialContainerExited"):
        return Verdict(Outcome.SUCCEEDED, f"container `{name}` exited with 0")
    how = f"container `{name}` never ran" if code is None else f"container `{name}` exited with {code}"
    return Verdict(Outcome.FAILED, f"{how} ({stop_code or 'no stop code'}: {reason(task, name)})")


def status_words(task: Task) -> str:
    """``task 0123 is RUNNING``."""
    return f"task {short(str(task.get('taskArn', '')))} is {task.get('lastStatus', 'unknown')}"


def failed_containers(task: Task) -> list[Mapping[str, Any]]:
    """The containers that took the task down.

    If ECS stopped the task because of a health check: the unhealthy containers. Otherwise those with an exit code
    other than 0 or their own reason, except those that were only killed together with the others. Otherwise those that
    ended with 0, which ended the task.
    """
    unhealthy = [c for c in task.get("containers", ()) if c.get("healthStatus") == "UNHEALTHY"]
    if unhealthy and "failed container health checks" in str(task.get("stoppedReason", "")):
        return unhealthy
    suspects = [c for c in task.get("containers", ()) if c.get("exitCode") not in (None, 0) or c.get("reason")]
    own_fault = [c for c in suspects if c.get("exitCode") not in (137, 143) or c.get("reason")]
    ended = [c for c in task.get("containers", ()) if c.get("exitCode") == 0]
    return own_fault or ended or suspects


def _container(task: Task, name: str) -> Mapping[str, Any]:
    return next((c for c in task.get("containers", ()) if c.get("name") == name), {})
