"""What AWS's own history of a service shows: which revisions ran well in it, and which were rolled back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class PastDeployment:
    """A deployment of this service that has ended.

    ``name`` is what people call it, ``service deployment 31``, and ``status`` AWS's word for its end.
    ``task_definition`` is the ARN of the revision that it brought; empty if AWS does not return it. ``well``: it
    succeeded. ``rolled_back``: AWS returned to what ran before, as part of the same deployment.
    """

    name: str
    task_definition: str
    status: str
    created_at: datetime
    well: bool = False
    rolled_back: bool = False


def last_success(history: Iterable[PastDeployment], leaving: str = "") -> PastDeployment | None:
    """The newest deployment to another revision than ``leaving`` that ran well and was not rolled back.

    A revision whose newest deployment failed does not count. If AWS does not return which revision ran well last, the
    result is that deployment, without a ``task_definition``: an older one would be the wrong one.
    """
    known = _read(history)
    good = (each for each in reversed(known.standing) if known.ran_well(each))
    return next((each for each in good if not leaving or each.task_definition != leaving), None)


def rolled_back_last(history: Iterable[PastDeployment]) -> Sequence[PastDeployment]:
    """What has just been rolled back, by AWS or by a deployment of an older revision; empty if nothing has."""
    return _read(history).undone


def leads_back(history: Iterable[PastDeployment], task_definition: str) -> bool:
    """Whether a deployment of this revision rolls back what came after its last one."""
    return task_definition in [each.task_definition for each in _read(history).standing[:-1]]


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
