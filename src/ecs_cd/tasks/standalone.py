"""A task to run on its own: what it is, and its entry in the state file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ecs_cd.diagnosis.evidence import Finding
from ecs_cd.job.job import Job
from ecs_cd.model.verdict import Verdict
from ecs_cd.tasks.rules.earlier import Judge
from ecs_cd.tasks.rules.origin import NOT_KNOWN, Origin
from ecs_cd.tasks.rules.task_definition import TaskDefinition


@dataclass(frozen=True)
class StandaloneTask:
    """A task to run. ``what`` is its display name; ``call`` holds RunTask's members except those that ecs-cd sets.

    The job log shows the logs of ``containers``; ``judge`` decides how the task ended. Either ecs-cd sets a unique
    startedBy, by which it and later runs recognise the task by its ``origin``, or the caller sets ``started_by``, which
    other tasks may carry too. ``on_conflict`` says what to do with running tasks of other runs. ``may_start`` raises
    ``Refused`` if it must not start now.
    """

    what: str
    call: Mapping[str, Any]
    definition: TaskDefinition
    containers: tuple[str, ...]
    judge: Judge
    named: str = ""  # the container whose exit code decides, if one does
    on_cancel: str = "leave"
    timeout: float = 1800.0
    wait: bool = True
    origin: Origin = NOT_KNOWN
    started_by: str = ""
    on_conflict: str = "follow"
    may_start: Callable[[], None] = lambda: None

    @property
    def cluster(self) -> str:
        return str(self.call["cluster"])

    @property
    def essential(self) -> list[str]:
        """The containers whose end stops the task, other than the named one; empty without a named one."""
        containers = self.definition["containerDefinitions"] if self.named else ()
        return [str(c["name"]) for c in containers if c.get("essential", True) and c["name"] != self.named]

    @property
    def family(self) -> str:
        return str(self.definition["family"])


class NotStarted(Exception):
    """No task was started; ``verdict`` says why, and ``findings`` what to do about it."""

    def __init__(self, verdict: Verdict, findings: Sequence[Finding] = ()) -> None:
        super().__init__(verdict.message)
        self.verdict, self.findings = verdict, findings


def begin(standalone: StandaloneTask, started_by: str, on_cancel: str, job: Job, **more: str) -> None:
    """Writes into the state file that the task is about to start or is running."""
    job.state.begin(
        kind="task",
        what=standalone.what,
        cluster=standalone.cluster,
        family=standalone.family,
        started_by=started_by,
        on_cancel=on_cancel,
        region=job.aws.region,
        sign_in=job.aws.sign_in,
        **more,
    )
