"""What a stopped ECS task shows: which container failed, its exit code, and why."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from ecs_cd.model.references import short
from ecs_cd.model.verdict import Outcome, Verdict

Task = Mapping[str, Any]

_STOPPED = (137, 143)  # the exit codes after SIGKILL and SIGTERM
_MAYBE_UNFINISHED = "while the task was being stopped, maybe unfinished"

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
    """The verdict as soon as the named container has an exit code, even if others keep the task running.

    Their exit codes don't count: a sidecar is killed when the migration ends. A 0 counts only if nothing else was
    stopping the task, because a program may end with 0 on SIGTERM without having finished. ``None`` until then.
    """
    ended, code = task.get("lastStatus") == "STOPPED", exit_code(task, name)
    if code is None and not ended:
        return None
    stop_code = task.get("stopCode")
    if code == 0 and not stopped_from_outside(task):
        unexplained = task.get("desiredStatus") == "STOPPED" and not (ended or stop_code)
        return None if unexplained else Verdict(Outcome.SUCCEEDED, f"container `{name}` exited with 0{_goes_on(task)}")
    how = f"container `{name}` {_end(code)}"
    if code == 0:
        how += f" {_MAYBE_UNFINISHED}"
    own = str(_container(task, name).get("reason", ""))
    why = f"{stop_code or 'no stop code'}: {reason(task, name)}" if ended or stop_code else own
    return Verdict(Outcome.FAILED, how + (f" ({why})" if why else "") + _goes_on(task))


def ended_by_another(task: Task, name: str, essential: Collection[str]) -> str:
    """The essential container whose end stops the task while the named one still runs; empty without one."""
    if exit_code(task, name) is not None or task.get("desiredStatus") != "STOPPED":
        return ""
    others = (str(each.get("name")) for each in task.get("containers", ()) if each.get("exitCode") is not None)
    return next((other for other in others if other in essential), "")


def maybe_ended_by_another(task: Task, essential: Collection[str]) -> bool:
    """Whether one of these containers ended with a code that no stop gives it, so it may have ended the task itself."""
    codes = (exit_code(task, name) for name in essential)
    return any(code not in (None, 0, *_STOPPED) for code in codes)


def cut_short(verdict: Verdict, name: str, by: str) -> Verdict:
    """The verdict on a task that the container ``by`` ended: the named one's 0 may be its answer to SIGTERM."""
    if not by or not verdict.outcome.green:
        return verdict
    why = f"the essential container `{by}` ended first"
    return Verdict(Outcome.FAILED, f"container `{name}` {_end(0)} {_MAYBE_UNFINISHED} ({why})")


def every_container_verdict(task: Task) -> Verdict | None:
    """``None`` until the task is STOPPED. A container without an exit code never ran, which is a failure, and so is an
    end from outside: a program may end with 0 on SIGTERM without having finished."""
    if task.get("lastStatus") != "STOPPED":
        return None
    codes = {str(container.get("name")): container.get("exitCode") for container in task.get("containers", ())}
    failed = {name: code for name, code in codes.items() if code != 0}
    if codes and not failed and not stopped_from_outside(task):
        return Verdict(Outcome.SUCCEEDED, f"task {short(str(task['taskArn']))} ended; every container exited with 0")
    all_0 = f"every container exited with 0 {_MAYBE_UNFINISHED}" if codes else "no container ran"
    why = next((reason(task, name) for name in failed), str(task.get("stoppedReason", "no reason given")))
    stop_code = task.get("stopCode") or "no stop code"
    return Verdict(Outcome.FAILED, f"{_ends(failed) or all_0} ({stop_code}: {why})")


def ended_words(task: Task) -> str:
    """How each container of a stopped task ended: ``container `app` exited with 0, container `proxy` never ran``."""
    return _ends({str(container.get("name")): container.get("exitCode") for container in task.get("containers", ())})


def _ends(codes: Mapping[str, int | None]) -> str:
    return ", ".join(f"container `{name}` {_end(code)}" for name, code in codes.items())


def _end(code: int | None) -> str:
    return "never ran" if code is None else f"exited with {code}"


def stopped_from_outside(task: Task) -> bool:
    """Whether something other than its own containers stopped the task, or is stopping it."""
    return task.get("stopCode") not in (None, "EssentialContainerExited", "TaskFailedToStart")


def _goes_on(task: Task) -> str:
    """Which containers keep the task running; empty if it ends."""
    if task.get("lastStatus") == "STOPPED" or task.get("desiredStatus") == "STOPPED":
        return ""
    running = [f"`{c.get('name')}`" for c in task.get("containers", ()) if c.get("exitCode") is None]
    return f"; the task keeps running because of {', '.join(running)}" if running else ""


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
    own_fault = [c for c in suspects if c.get("exitCode") not in _STOPPED or c.get("reason")]
    ended = [c for c in task.get("containers", ()) if c.get("exitCode") == 0]
    return own_fault or ended or suspects


def to_blame(task: Task, named: str = "") -> list[Mapping[str, Any]]:
    """The containers of a one-off task that are to blame for its failure, the ``named`` one first.

    Like ``failed_containers``, but ignores an end with 0: that leaves those that were killed, or never ran.
    """
    failed = [c for c in failed_containers(task) if c.get("exitCode") != 0 or c.get("reason")]
    killed = [c for c in task.get("containers", ()) if c.get("exitCode") not in (None, 0)]
    by_another = task.get("stopCode") == "EssentialContainerExited"
    never_ran = [c for c in task.get("containers", ()) if by_another and c.get("exitCode") is None]
    return sorted(failed or killed or never_ran, key=lambda c: c.get("name") != named)


def _container(task: Task, name: str) -> Mapping[str, Any]:
    return next((c for c in task.get("containers", ()) if c.get("name") == name), {})
