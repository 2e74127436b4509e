"""GitHub Deployments: the status for an outcome, request bodies, and who created a Deployment.

https://docs.github.com/en/rest/deployments
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ecs_cd.model.text import clean
from ecs_cd.model.verdict import DEFECT_EXIT_CODE, EXIT_CODES, REFUSED_EXIT_CODE, Outcome, Verdict

Json = Mapping[str, Any]

_LONGEST = 140  # characters of a description
_MARK = "ecs-cd"
_ENDED = ("success", "failure", "error", "inactive")

STATES = {
    Outcome.SUCCEEDED: "success",
    # The new version does not run, whether or not the old one does: it must not look deployed.
    Outcome.FAILED: "failure",
    Outcome.ROLLED_BACK: "failure",
    Outcome.ROLLBACK_FAILED: "failure",
    Outcome.TIMED_OUT: "failure",
    Outcome.GONE: "failure",
    # Another deployment replaced it, or nothing was deployed: no fault of this commit, and not what runs.
    Outcome.SUPERSEDED: "inactive",
    Outcome.SKIPPED: "inactive",
    # It is still running without us, or is paused.
    Outcome.IN_PROGRESS: "in_progress",
    Outcome.PAUSED: "in_progress",
    # The end is unknown: unlike `failure`, `error` says nothing about the app.
    Outcome.CANCELLED: "error",
    Outcome.UNKNOWN: "error",
}

# The descriptions for steps that end without a verdict.
_WITHOUT_VERDICT = {
    REFUSED_EXIT_CODE: "not started",
    DEFECT_EXIT_CODE: "a bug in ecs-cd",
    EXIT_CODES[Outcome.CANCELLED]: "cancelled",
}


TASKS = ("deploy", "continue", "rollback")  # the tasks of a Deployment event that a verb carries out


@dataclass(frozen=True)
class Status:
    """A GitHub state and its description."""

    state: str
    description: str = ""


@dataclass(frozen=True)
class Requested:
    """What a Deployment asks for, such as that of an `on: deployment` event."""

    id: int
    commit: str
    task: str = "deploy"


def ended(title: str, verdict: Verdict) -> Status:
    """The status of a step that ended with this verdict."""
    return Status(STATES[verdict.outcome], f"{title} {verdict.outcome.words}: {verdict.message}".removesuffix(": "))


def cut_short(exit_code: int, why: str = "") -> Status:
    """The status of a run that ended without a verdict."""
    words = _WITHOUT_VERDICT.get(exit_code, "the outcome is unknown")
    return Status("error", f"{words}: {why}".removesuffix(": "))


def described(text: str) -> str:
    """The text as GitHub accepts it for a description: one line, at most 140 characters, cut between words."""
    # Beyond U+FFFF, the API refuses the whole status: "description doesn't accept 4-byte Unicode".
    line = " ".join(re.sub("[\x1b\U00010000-\U0010ffff]", " ", clean(text, " ")).split())
    if len(line) <= _LONGEST:
        return line
    cut = line[:_LONGEST]
    begin, _, rest = cut.rpartition(" ")
    whole = begin if begin and len(rest) < _LONGEST // 2 else cut[:-1]
    return f"{whole[: _LONGEST - 1].rstrip(' ,;:.')}…"


# ---- request bodies ----


def new(commit: str, environment: str, services: Sequence[str], mark: Json) -> dict[str, Any]:
    """The body of POST deployments."""
    return {
        "ref": commit,
        "environment": environment,
        "task": "deploy",
        "auto_merge": False,  # else GitHub merges the default branch into a branch that is behind
        "required_contexts": [],  # else it refuses while a check of the commit runs, and this job is one
        "description": described(f"Amazon ECS: {', '.join(services)}"),
        "payload": {_MARK: mark},
    }


def status(reported: Status, log_url: str, environment_url: str) -> dict[str, Any]:
    """The body of POST deployments/ID/statuses."""
    urls = {"log_url": log_url, "environment_url": environment_url}
    return {
        "state": reported.state,
        "description": described(reported.description),
        **{name: url for name, url in urls.items() if url},
    }


# ---- who created a Deployment ----


def requested(event: Any, environment: str) -> Requested | None:
    """The Deployment in this payload of a `deployment` event, if it is for the environment."""
    found: Any = event.get("deployment") if isinstance(event, dict) else None
    number = identity(found)
    if number is None or found.get("environment") != environment:
        return None
    return _described(number, found)


def wrong_task(asked: str, own: str) -> str:
    """Why a verb that carries out the task ``own`` must not carry out what an event asks for; empty if it may.

    A task of the sender's own, such as `deploy:migrations`, counts as `deploy`: workflows select by it.
    """
    if asked == own or (own == "deploy" and asked not in TASKS):
        return ""
    return f"the event asks for the task {described(asked)}, and this step carries out {own}"


def identity(answer: Any) -> int | None:
    """The id of the object in GitHub's response; ``None`` if the response has no id."""
    number = answer.get("id") if isinstance(answer, dict) else None
    return number if isinstance(number, int) else None


def marked(deployments: Any, mark: Json) -> int | None:
    """The id of the Deployment with exactly this mark."""
    return next((number for number, each in _known(deployments) if _mark(each) == mark), None)


def of_others(deployments: Any, commits: Collection[str] = ()) -> list[int]:
    """The ids of Deployments that ecs-cd did not create; first those of these ``commits``, then in GitHub's order."""
    found = [(each.get("sha") not in commits, number) for number, each in _known(deployments) if _mark(each) is None]
    return [number for _, number in sorted(found, key=lambda one: one[0])]


def of_this_run(statuses: Any, run: str) -> bool:
    """Whether a Deployment with these statuses belongs to a job of this run that is still running.

    GitHub creates one for each job with an `environment:` and writes the run's URL into its statuses. One that has
    ended belongs to another job or an earlier attempt.
    """
    newest = _newest(statuses)
    address = str(newest.get("log_url") or newest.get("target_url") or "")
    return f"/actions/runs/{run}/" in f"{address}/" and newest.get("state") not in _ENDED


def listed(deployments: Any) -> list[Requested]:
    """Deployments in GitHub's order, which has the newest first."""
    return [_described(number, each) for number, each in _known(deployments)]


def is_success(statuses: Any) -> bool:
    """Whether the Deployment with these statuses is the one that is deployed: GitHub sets it to `inactive` once another
    one to its environment succeeds."""
    return _newest(statuses).get("state") == "success"


def _newest(statuses: Any) -> dict[str, Any]:
    return max(_known(statuses), key=lambda known: known[0], default=(0, {}))[1]


def _described(number: int, deployment: Json) -> Requested:
    return Requested(number, str(deployment.get("sha") or ""), str(deployment.get("task") or "deploy"))


def _known(answers: Any) -> Iterable[tuple[int, dict[str, Any]]]:
    """The entries of a list from GitHub, with their ids."""
    entries = answers if isinstance(answers, list) else []
    return [(number, entry) for entry in entries if (number := identity(entry)) is not None]


def _mark(deployment: Json) -> Any:
    """Our mark in the payload, which GitHub returns as an object or as JSON text."""
    payload = deployment.get("payload")
    if isinstance(payload, str):
        try:
            payload = json.loads(payload)
        except (ValueError, RecursionError):  # other programs can write anything
            return None
    return payload.get(_MARK) if isinstance(payload, dict) else None
