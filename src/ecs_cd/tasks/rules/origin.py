"""Where a task comes from: the startedBy that ecs-cd sets, by which a later run recognises the task.

``ecs-cd/COMMIT/RUN/ATTEMPT/WORK/TOKEN``: ECS allows 128 characters, which are letters, digits, ``-``, ``_`` and ``/``.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from ecs_cd.model.run import Run

PREFIX = "ecs-cd/"
_DIGITS = 16  # of each hash


@dataclass(frozen=True)
class Origin:
    """Who started a task, and for what. All fields are empty if another release of ecs-cd started it."""

    commit: str = ""
    run: str = ""  # a job of a run: the same for all of its attempts
    attempt: str = ""
    work: str = ""  # what the task does

    def same_work(self, other: Origin) -> bool:
        """Whether both do the same for the same commit."""
        return (self.commit, self.work) == (other.commit, other.work)

    def later_attempt(self, other: Origin) -> bool:
        """Whether ``other`` belongs to another attempt of this run."""
        return self.run == other.run and self.attempt != other.attempt

    def next_attempt_of(self, other: Origin) -> bool:
        """Whether ``other`` belongs to the attempt of this run before this one."""
        attempts = (other.attempt, self.attempt)
        return self.run == other.run and all(map(str.isdecimal, attempts)) and int(attempts[0]) + 1 == int(attempts[1])


NOT_KNOWN = Origin()


def of(run: Run, nonce: str, commit: str, work: Any) -> Origin:
    """The origin of a task that this process starts. ``work`` is what the task does, as JSON; ``nonce`` stands for a
    run without a unique id."""
    if not run.is_unique:
        return Origin(commit, _hash(nonce), "", _hash(work))
    return Origin(commit, _hash([run.repository, run.id, run.job]), run.attempt, _hash(work))


def started_by(origin: Origin, token: str) -> str:
    """The startedBy of a task. The ``token`` of its RunTask call makes it unique."""
    parts = (origin.commit or "-", origin.run, origin.attempt or "-", origin.work, token[:_DIGITS])
    return PREFIX + "/".join(parts)


def read(started_by: str) -> Origin | None:
    """The origin of a task with this startedBy; ``None`` if ecs-cd did not start it."""
    if not started_by.startswith(PREFIX):
        return None
    parts = ["" if part == "-" else part for part in started_by.removeprefix(PREFIX).split("/")]
    return Origin(*parts[:4]) if len(parts) == 5 else NOT_KNOWN


def _hash(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:_DIGITS]
