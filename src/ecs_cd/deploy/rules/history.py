"""What AWS's own history of a service shows: which revisions ran well in it, and which were rolled back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ecs_cd.deploy.rules import codedeploy
from ecs_cd.model.references import short


@dataclass(frozen=True)
class PastDeployment:
    """A deployment of this service that has ended.

    ``name`` is what people call it, ``service deployment 31``, and ``status`` AWS's word for its end.
    ``task_definition`` is the ARN of the revision that it brought; empty if AWS does not return it. ``well``: it
    succeeded. ``rolled_back``: AWS returned to what ran before, as part of the same deployment. ``id``: its ARN, or
    CodeDeploy's id. ``reason``: AWS's words for its end; may be empty.
    """

    name: str
    task_definition: str
    status: str
    created_at: Any
    well: bool = False
    rolled_back: bool = False
    id: str = ""
    reason: str = ""


def last_success(history: Iterable[PastDeployment], leaving: str = "") -> PastDeployment | None:
    """The newest deployment to another revision than ``leaving`` that ran well and was not rolled back.

    A revision whose newest deployment failed does not count. If AWS does not return which revision ran well last, the
    result is that deployment, without a ``task_definition``: an older one would be the wrong one.
    """
    known = _read(history)
    good = (each for each in reversed(known.standing) if known.ran_well(each))
    return next((each for each in good if not leaving or each.task_definition != leaving), None)


def already_rolled_back(history: Iterable[PastDeployment], current: str) -> Sequence[PastDeployment]:
    """What was rolled back to ``current``, by AWS or by a deployment of that older revision; empty if nothing was.

    The history may lag: a service that runs an older revision than its last one was rolled back, too.
    """
    known = _read(history)
    revisions = [each.task_definition for each in known.standing]
    if current in revisions[:-1]:
        return known.standing[revisions.index(current) + 1 :]
    back_there = not revisions or (revisions[-1] == current and known.ran_well(known.standing[-1]))
    return known.undone if back_there else ()


def leads_back(history: Iterable[PastDeployment], task_definition: str) -> bool:
    """Whether a deployment of this revision rolls back what came after its last one."""
    return task_definition in [each.task_definition for each in _read(history).standing[:-1]]


def was_rolled_back(history: Iterable[PastDeployment], task_definition: str) -> bool:
    """Whether this revision ran, and a later deployment returned to what ran before it."""
    known = _read(history)
    return task_definition in known.newest.keys() - {each.task_definition for each in known.standing}


def failed(history: Iterable[PastDeployment], task_definition: str) -> bool:
    """Whether the newest deployment of this revision did not end well."""
    newest = _read(history).newest.get(task_definition)
    return newest is not None and not newest.well


def newer(history: Iterable[PastDeployment], than: PastDeployment) -> list[PastDeployment]:
    """The newest deployment of each revision that came after this one, newest first."""
    found = [each for each in _read(history).newest.values() if each.created_at > than.created_at]
    return sorted(found, key=lambda each: each.created_at, reverse=True)


@dataclass
class _Read:
    """``standing``: what came after what, oldest first, each revision once, without what was rolled back."""

    standing: list[PastDeployment]
    undone: list[PastDeployment]
    newest: dict[str, PastDeployment]  # by revision

    def add(self, past: PastDeployment) -> None:
        revisions = [each.task_definition for each in self.standing]
        known = past.task_definition in revisions if past.task_definition else False
        self.newest[past.task_definition] = past
        if past.rolled_back:
            self.undone = [past]
        elif not known:
            self.standing.append(past)
            self.undone = []
        else:
            place = revisions.index(past.task_definition)
            self.undone = self.standing[place + 1 :] or self.undone  # the same again rolls nothing back
            self.standing[place:] = [past]

    def ran_well(self, past: PastDeployment) -> bool:
        return past.well and (not past.task_definition or self.newest[past.task_definition].well)


def _read(history: Iterable[PastDeployment]) -> _Read:
    found = _Read([], [], {})
    for past in sorted(history, key=lambda each: each.created_at):
        found.add(past)
    return found


# ---- from AWS's answers ----

_ECS_ENDED = ("SUCCESSFUL", "STOPPED", "ROLLBACK_SUCCESSFUL", "ROLLBACK_FAILED")
_CODEDEPLOY_ENDED = ("Succeeded", "Failed", "Stopped")


def of_service_deployments(listed: Iterable[tuple[Mapping[str, Any], str]]) -> list[PastDeployment]:
    """From ListServiceDeployments' entries, each with its task definition.

    One that has not ended counts as well, and not as a success, if a later one has ended: it was superseded.
    """
    dated = [(entry, target) for entry, target in listed if "createdAt" in entry]
    ended = [entry["createdAt"] for entry, _ in dated if entry["status"] in _ECS_ENDED]
    return [
        PastDeployment(
            f"service deployment {short(str(entry.get('serviceDeploymentArn', '')))}",
            target,
            str(entry["status"]),
            entry["createdAt"],
            well=entry["status"] == "SUCCESSFUL",
            rolled_back=entry["status"] == "ROLLBACK_SUCCESSFUL",
            id=str(entry.get("serviceDeploymentArn", "")),
            reason=str(entry.get("statusReason", "")),
        )
        for entry, target in dated
        if ended and entry["createdAt"] <= max(ended)
    ]


def of_codedeploy(infos: Iterable[Mapping[str, Any]], service: Mapping[str, Any]) -> list[PastDeployment]:
    """From BatchGetDeployments' entries; a rollback is a deployment of its own."""
    return [
        PastDeployment(
            f"deployment {info['deploymentId']}",
            brings(info, service),
            str(info["status"]),
            info["createTime"],
            well=info["status"] == "Succeeded",
            id=str(info["deploymentId"]),
            reason=str(info.get("errorInformation", {}).get("message", "")),
        )
        for info in infos
        if info.get("status") in _CODEDEPLOY_ENDED and "createTime" in info
    ]


def brings(info: Mapping[str, Any], service: Mapping[str, Any]) -> str:
    """The task definition of a CodeDeploy deployment; empty if neither its AppSpec nor a task set shows it."""
    its = [each for each in service.get("taskSets", ()) if each.get("externalId") == info.get("deploymentId")]
    return codedeploy.deploys(info) or (str(its[0].get("taskDefinition", "")) if its else "")
