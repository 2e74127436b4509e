"""A dry run: what would change, and that nothing was changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ecs_cd.deploy.plan import DeploymentPlan
from ecs_cd.job.job import Job, Result
from ecs_cd.model.references import short
from ecs_cd.model.verdict import Outcome, Verdict
from ecs_cd.tasks import templates
from ecs_cd.tasks.rules import difference
from ecs_cd.tasks.rules.revisions import running
from ecs_cd.tasks.rules.task_definition import TaskDefinition


def of_plans(plans: Sequence[DeploymentPlan], job: Job) -> Result:
    """What a deployment would change, compared with what each service runs now."""
    return _nothing_changed(
        dict(_change(plan.target.key, running(plan.service), plan.definition, job) for plan in plans), job
    )


def of_registration(definitions: Mapping[str, TaskDefinition], job: Job) -> Result:
    """What registering these would change, by the title of each, compared with its family's newest revision."""
    return _nothing_changed(dict(_change(title, each["family"], each, job) for title, each in definitions.items()), job)


def _change(title: str, current: str | None, definition: TaskDefinition, job: Job) -> tuple[str, list[str]]:
    lines = difference.lines(templates.registered(current, job) if current else None, definition)
    change = "what would change" if lines else "nothing would change"
    return f"{title}: {change}, compared with {short(current or 'nothing')}", lines


def _nothing_changed(texts: Mapping[str, Sequence[str]], job: Job) -> Result:
    for title, lines in texts.items():
        job.ci.line(title)
        job.ci.relay(lines)
    verdict = Verdict(Outcome.SKIPPED, "dry run: nothing was changed")
    return Result(verdict, {"result": verdict.outcome.value}, texts=texts)
