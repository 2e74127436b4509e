"""plan: shows what deploying a commit would change, in the job summary and on the pull request. Only reads."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from botocore.exceptions import BotoCoreError, ClientError

from ecs_cd.deploy import dry_run, schedules
from ecs_cd.deploy.dry_run import Change
from ecs_cd.deploy.rules import migration_files
from ecs_cd.deploy.targets import targets
from ecs_cd.document import load
from ecs_cd.document.rules.document import MIGRATION, Document, Entry, OneOffTask, Service, by_container
from ecs_cd.images import resolve
from ecs_cd.inputs.plan import Plan
from ecs_cd.job import checkout
from ecs_cd.job.job import Job, Result, concurrently
from ecs_cd.job.services import active_services
from ecs_cd.locks.gate import Gate
from ecs_cd.model.errors import Refused
from ecs_cd.model.verdict import Outcome, Verdict
from ecs_cd.report.summary import Part
from ecs_cd.steps.plan_comment import PlanComment
from ecs_cd.steps.step import Step, run_step
from ecs_cd.tasks.loader import Loader
from ecs_cd.tasks.rules.revisions import running
from ecs_cd.tasks.rules.task_definition import TaskDefinition, with_images

STEP = Step("Plan", result="result")

_NAMED = 5  # entries that one sentence names


def run(inputs: Plan, job: Job) -> int:
    """The verb; its exit code: 0 whether or not something would change, 2 if a deployment would be refused."""
    return run_step(STEP, lambda: _execute(inputs, job), job)


def _execute(inputs: Plan, job: Job) -> Result:
    comment = PlanComment(inputs, job)
    try:
        planned = _planned(inputs, comment, job)
    except (Refused, ClientError, BotoCoreError):
        said = f"this commit has no plan; the log says why: {job.run.url}".removesuffix(": ")
        comment.write(Part(STEP.title, Outcome.FAILED, said, facts={"config": inputs.config}), create=False)
        raise
    verdict = planned.verdict
    part = Part(
        STEP.title, verdict.outcome, verdict.message, facts=planned.facts, texts=planned.texts, links=planned.links
    )
    page = comment.write(part, create=planned.outputs["changes"] == "true")
    return replace(planned, links={**planned.links, "comment": page})


def _planned(inputs: Plan, comment: PlanComment, job: Job) -> Result:
    document = load.load(inputs.config, job)
    gate = Gate(document, job=job)
    wanted = targets(inputs.service, document, job)
    commit = checkout.commit(inputs.sha, job)
    entries: list[Entry] = [*wanted, *document.one_off_tasks, *document.scheduled_tasks.values()]
    names = sorted({image for entry in entries for image in entry.containers.values()})
    by_name = resolve.resolve(names, document.images, commit, job, required=False)
    changes = _changes(
        Loader(document, inputs.environment_variables, inputs.allow_unknown_fields, job), wanted, by_name
    )
    gate.say(job)
    files, complete = comment.new_migrations()
    texts = {**_migrations(files, document, complete=complete), **dry_run.show(changes, job)}
    changed = [each for each in changes if each.lines]
    verdict = Verdict(Outcome.SUCCEEDED, _words(changes, files))
    outputs = {"result": verdict.outcome.value, "changes": "true" if changed or files else "false"}
    facts = {"config": inputs.config, "cluster": document.cluster}
    links = {"cluster": job.aws.console().cluster(document.cluster)}
    return Result(verdict, outputs, facts, texts=texts, links=links).of_commit(commit, job.run)


def _changes(loader: Loader, wanted: Sequence[Service], by_name: Mapping[str, str]) -> list[Change]:
    """What would change in each service, one-off task and scheduled task, in this order."""
    document, job = loader.document, loader.job
    tasks = document.one_off_tasks
    entries: list[Entry] = [*wanted, *tasks]
    services, scheduled, *loaded = concurrently(
        lambda: active_services(job, document.cluster, [each.name for each in wanted]),
        lambda: schedules.prepare(loader),
        *(partial(loader.load, each) for each in entries),
    )
    found: list[tuple[str, str | None, Entry, TaskDefinition]] = [
        (f"service {entry.key}", running(services[entry.name]), entry, definition)
        for entry, (definition, _) in zip(wanted, loaded, strict=False)
    ]
    for task, (definition, _) in zip(tasks, loaded[len(wanted) :], strict=True):
        found.append((_title(task), definition["family"], task, definition))
    for each in scheduled:
        found.append((f"scheduled task {each.key}", each.task_definitions[0], each.task, each.definition))
    calls = (
        partial(dry_run.change, title, current, with_images(definition, by_container(entry, by_name)), job)
        for title, current, entry, definition in found
    )
    unbuilt = [image for image in by_name.values() if "@" not in image]
    return [replace(each, lines=_not_built(each.lines, unbuilt)) for each in concurrently(*calls)]


def _title(task: OneOffTask) -> str:
    return MIGRATION if task.key == MIGRATION else f"task {task.key}"


def _not_built(lines: Sequence[str], unbuilt: Sequence[str]) -> list[str]:
    """The lines; after each of these images, that it isn't built yet."""
    known = "|".join(map(re.escape, unbuilt))
    return [re.sub(rf"({known})(?![\w.-])", r"\1 (not built yet)", line) for line in lines] if known else list(lines)


def _migrations(files: Sequence[str], document: Document, *, complete: bool) -> dict[str, Sequence[str]]:
    """The new migration files under a heading that says who runs them."""
    partly = [] if complete else ["(only some of the pull request's files were looked at)"]
    if not files and complete:
        return {}
    who = "the migration runs them" if document.migration else "the document has no migration that runs them"
    return {f"New migration files: {len(files)}; {who}": [*migration_files.lines(files), *partly]}


def _words(changes: Sequence[Change], files: Sequence[str]) -> str:
    changed = [each for each in changes if each.lines]
    new = f"; {len(files)} new migration file{'s' * (len(files) != 1)}" if files else ""
    if not changed:
        return f"nothing would change{new}"
    more = f" and {len(changed) - _NAMED} more" if len(changed) > _NAMED else ""
    names = ", ".join(each.title for each in changed[:_NAMED])
    return f"{len(changed)} of {len(changes)} would change: {names}{more}{new}"
