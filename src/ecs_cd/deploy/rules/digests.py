"""Whether the running tasks run the requested digests, and what it means if they do not."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ecs_cd.deploy.rules import standing
from ecs_cd.deploy.rules.own_deployment import OwnDeployment
from ecs_cd.model import duration, pace
from ecs_cd.model.references import short
from ecs_cd.model.verdict import InProgress, Outcome, Verdict

_DONE = "AWS reports success, but"


@dataclass(frozen=True)
class Running:
    """The running tasks of a service, after AWS has reported success.

    ``wrong``: what contradicts the success; ``idle``: no task runs; ``draining``: tasks of older revisions that ECS
    still has to remove; ``newer``: the deployment that started tasks of another revision later, in words;
    ``unconfirmed``: AWS counts none of our tasks as running, though some are listed, which may be an old state.
    """

    wrong: Sequence[str] = ()
    newer: str = ""
    idle: bool = False
    draining: int = 0
    unconfirmed: bool = False

    @property
    def doubtful(self) -> bool:
        return bool(self.wrong) or self.unconfirmed


@dataclass(frozen=True)
class Wanted:
    """How many tasks the service should run: ``before`` the deployment and ``now``, ``None`` while unknown.

    ``died``: tasks of our deployment died.
    """

    before: int
    now: int | None
    died: bool


def judge(
    running: Running, reported: Verdict, state: Verdict | InProgress, wanted: Wanted, *, late: bool
) -> Verdict | None:
    """The verdict after the running tasks were read; ``None``: look again.

    ``reported`` is the success so far, ``state`` what AWS says of the deployment now: something may have replaced it
    since. ``late``: the tasks have been doubtful for longer than ListTasks may lag.
    """
    if not running.doubtful or (late and not running.wrong):
        if isinstance(state, Verdict) and state.outcome is Outcome.SUCCEEDED:
            reported = state  # with newer counts
        return _with_draining(reported, running.draining)
    if isinstance(state, InProgress) or state.outcome is not Outcome.SUCCEEDED:
        return state if isinstance(state, Verdict) else None
    if not running.wrong:
        return None
    if running.idle and wanted.now == 0:
        return _nothing_to_verify(reported, wanted)
    if late and running.newer:
        return Verdict(Outcome.SUPERSEDED, f"it completed, and then {running.newer} started tasks")
    if late:
        time = duration.words(pace.DIGESTS_LATE)
        return Verdict(Outcome.FAILED, f"{_DONE} {time} later {'; '.join(running.wrong)}")
    return None


def unverified(state: Verdict | InProgress | None) -> Verdict:
    """The verdict if the time has passed; ``state`` is what AWS said of the deployment last."""
    if isinstance(state, InProgress):
        return Verdict(Outcome.UNKNOWN, f"{_DONE} not what the service does now: {state.message}")
    time = duration.words(pace.DIGESTS_WAIT)
    return Verdict(Outcome.UNKNOWN, f"{_DONE} ecs-cd could not read the running digests for {time}")


def _with_draining(reported: Verdict, draining: int) -> Verdict:
    if not draining:
        return reported
    tasks = "1 old task still drains" if draining == 1 else f"{draining} old tasks still drain"
    return replace(reported, message=f"{reported.message}; {tasks}")


def _nothing_to_verify(reported: Verdict, wanted: Wanted) -> Verdict:
    """The desired count is 0: a success if it was 0 before."""
    if not wanted.before:
        nothing = "the desired count is 0, so no task was started, and no digest was verified"
        return replace(reported, message=f"{reported.message}; {nothing}")
    scaled = "the service was scaled to 0 during the deployment"
    if wanted.died:
        return Verdict(Outcome.FAILED, f"{scaled} while its tasks were dying: no task runs, and nothing was verified")
    return Verdict(Outcome.SUPERSEDED, f"{scaled}: no task runs, and nothing was verified")


def missing(
    running: Sequence[Mapping[str, Any]],
    task_definition: str,
    images: Mapping[str, str],
    children: Mapping[str, frozenset[str]],
) -> list[str]:
    """Where the running tasks do not run ``images``; empty if all do.

    ``images`` maps containers to ``repository@digest``; ``children`` maps such an image to the digests
    of the manifests in its index, one of which is what a task reports of an image for several platforms.
    A task that reports no digest runs what its task definition names, which is a digest.
    """
    found = []
    for task in running:
        name = f"task {short(str(task.get('taskArn', '')))}"
        if task.get("taskDefinitionArn") != task_definition:
            found.append(f"{name} runs {short(str(task.get('taskDefinitionArn', '')))}")
            continue
        for container in task.get("containers", ()):
            asked = images.get(str(container.get("name")))
            runs = str(container.get("imageDigest") or "")
            if asked is None or not runs:
                continue
            if runs != asked.partition("@")[2] and runs not in children.get(asked, frozenset()):
                found.append(f"{name}: container `{container['name']}` runs {runs}, not {asked}")
    return found


def newer(running: Sequence[Mapping[str, Any]], own: OwnDeployment, before: Sequence[Mapping[str, Any]]) -> str:
    """The deployment, in words, that started tasks of another revision: neither ours nor an earlier one (``before``).

    ECS lists tasks and deployments independently, so its tasks may be the first sign of it. Empty without one.
    """
    known = {own.started_by, own.previous_id, *(deployment.get("id") for deployment in before)}
    for task in running:
        by, revision = str(task.get("startedBy", "")), str(task.get("taskDefinitionArn", ""))
        if by.startswith("ecs-svc/") and by not in known and revision != own.task_definition:
            return standing.words({"id": by, "taskDefinition": revision})
    return ""


def children(manifest: str) -> frozenset[str]:
    """The digests of the manifests that an image index names; none for a manifest of one image."""
    content: dict[str, Any] = json.loads(manifest)
    return frozenset(str(entry["digest"]) for entry in content.get("manifests", ()))
