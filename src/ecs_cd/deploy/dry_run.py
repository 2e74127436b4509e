"""A dry run: what would change, and that nothing was changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ecs_cd.deploy.plan import DeploymentPlan
from ecs_cd.job.job import Job, Result
from ecs_cd.model.references import short
from ecs_cd.model.verdict import Outcome, Verdict
from ecs_cd.tasks import templates
from ecs_cd.tasks.rules import difference
from ecs_cd.tasks.rules.revisions import running
from ecs_cd.tasks.rules.task_definition import TaskDefinition


@dataclass(frozen=True)
class Change:
    """What would change in what an entry of the document runs; no ``lines`` if nothing would."""

    title: str
    current: str | None
    lines: Sequence[str]

    @property
    def heading(self) -> str:
        change = "what would change" if self.lines else "nothing would change"
        return f"{self.title}: {change}, compared with {short(self.current or 'nothing')}"


def of_plans(plans: Sequence[DeploymentPlan], job: Job) -> Result:
    """What a deployment would change, compared with what each service runs now."""
    return _nothing_changed(
        [change(plan.target.key, running(plan.service), plan.definition, job) for plan in plans], job
    )


def of_registration(definitions: Mapping[str, TaskDefinition], job: Job) -> Result:
    """What registering these would change, by the title of each, compared with its family's newest revision."""
    return _nothing_changed([change(title, each["family"], each, job) for title, each in definitions.items()], job)


def change(title: str, current: str | None, definition: TaskDefinition, job: Job) -> Change:
    """What would change if this replaced ``current``: an ARN, or a family, whose newest revision counts."""
    return Change(title, current, difference.lines(templates.registered(current, job) if current else None, definition))


def show(changes: Sequence[Change], job: Job) -> dict[str, Sequence[str]]:
    """Logs the changes; returns them as the texts of a summary."""
    for each in changes:
        job.ci.line(each.heading)
        job.ci.relay(each.lines)
    return {each.heading: each.lines for each in changes}


def _nothing_changed(changes: Sequence[Change], job: Job) -> Result:
    verdict = Verdict(Outcome.SKIPPED, "dry run: nothing was changed")
    return Result(verdict, {"result": verdict.outcome.value}, texts=show(changes, job))
