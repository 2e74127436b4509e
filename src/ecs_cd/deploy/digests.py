"""The proof of a deployment: it is green only if the running tasks run the digests that were asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ecs_cd.aws import ecs
from ecs_cd.aws.errors import code, is_transient, transient_as_unreadable
from ecs_cd.deploy import strategies
from ecs_cd.deploy.rules import digests
from ecs_cd.deploy.tracked import TrackedDeployment
from ecs_cd.images import registry
from ecs_cd.job.job import Job, concurrently
from ecs_cd.job.watch import watch
from ecs_cd.model.duration import words
from ecs_cd.model.errors import Refused
from ecs_cd.model.references import repository
from ecs_cd.model.verdict import InProgress, Outcome, Verdict

_AT_ONCE = 50  # services; each costs a call, and ECS takes a hundred at a time
_EVERY = 1.0  # seconds
_LATE = 9.0  # seconds by which the list of tasks may lag behind the end of a deployment
_PATIENCE = 300.0  # seconds in which the tasks have to be readable

# Of each image by digest the digests in its index; `None`: nobody can tell.
Children = dict[str, frozenset[str] | None]


def verify_digests(job: Job, group: Sequence[TrackedDeployment]) -> None:
    """Looks at what the successful ones run; a verdict that is not proved is none."""
    succeeded = [one for one in group if one.verdict and one.verdict.outcome is Outcome.SUCCEEDED]
    deadline = job.clock.monotonic() + _PATIENCE
    children: Children = {}
    for start in range(0, len(succeeded), _AT_ONCE):
        if start:
            job.clock.sleep(_EVERY)
        _prove(job, succeeded[start : start + _AT_ONCE], children, deadline)


def _prove(job: Job, group: Sequence[TrackedDeployment], children: Children, deadline: float) -> None:
    missing: dict[str, list[str]] = {one.key: [] for one in group}
    left, first_read = list(group), float("inf")

    def look() -> None:
        nonlocal left, first_read
        with transient_as_unreadable():
            found = _missing(job, left, children)
        first_read = min(first_read, job.clock.monotonic())
        missing.update(found)
        left = [one for one in left if missing[one.key]]

    def judge(_: None) -> Verdict | dict[str, InProgress]:
        late = job.clock.monotonic() - first_read >= _LATE
        return {} if left and not late else Verdict(Outcome.SUCCEEDED, "")

    ended = watch(
        look,
        judge,
        lambda _, watching: job.ci.line(f"proof: {watching.message}"),
        clock=job.clock,
        timeout=max(_LATE, deadline - job.clock.monotonic()),
        interval=lambda _: _EVERY,
    )
    done = "AWS says that it is done, but"
    for one in left:
        if ended.outcome is Outcome.SUCCEEDED:
            one.verdict = Verdict(Outcome.FAILED, f"{done} {_LATE:g} seconds later {'; '.join(missing[one.key])}")
        else:
            one.verdict = Verdict(Outcome.UNKNOWN, f"{done} for {words(_PATIENCE)} nobody could read which digests run")


def _missing(job: Job, group: Sequence[TrackedDeployment], children: Children) -> dict[str, list[str]]:
    """What keeps each from being proved."""
    tasks = _tasks(job, group)
    idle = [one for one in group if not any(task.get("lastStatus") == "RUNNING" for task in tasks[one.key])]
    none_wanted = _none_wanted(job, idle)
    found = {one.key: [] if one.key in none_wanted else ["no task runs"] for one in idle}
    running = [one for one in group if one.key not in found]
    found |= {one.key: _unproved(one, tasks[one.key], children) for one in running}
    unread = {image for one in running if found[one.key] for image in one.plan.images.values()} - set(children)
    if unread:
        children |= {image: _children(image, job) for image in sorted(unread)}
        found |= {one.key: _unproved(one, tasks[one.key], children) for one in running}
    return found


def _tasks(job: Job, group: Sequence[TrackedDeployment]) -> dict[str, list[Any]]:
    """The tasks of each service that are to run: a ListTasks for each, and DescribeTasks for a hundred tasks."""
    cluster = group[0].plan.cluster if group else ""
    arns = concurrently(
        *(lambda one=one: ecs.service_task_arns(job.aws, cluster, one.plan.name, "RUNNING") for one in group)
    )
    known = {str(task["taskArn"]): task for task in ecs.tasks(job.aws, cluster, [arn for each in arns for arn in each])}
    tasks = {one.key: [known[arn] for arn in each if arn in known] for one, each in zip(group, arns, strict=True)}
    for one in group:
        if not strategies.of(one.plan).OLD_TASKS_COUNT:
            ours = one.own.task_definition
            tasks[one.key] = [task for task in tasks[one.key] if task.get("taskDefinitionArn") == ours]
    return tasks


def _none_wanted(job: Job, idle: Sequence[TrackedDeployment]) -> set[str]:
    """Those of which no task is to run any more, if there ever was one."""
    if not idle:
        return set()
    services = ecs.look_at_services(job.aws, idle[0].plan.cluster, [one.plan.name for one in idle])
    return {one.key for one in idle if services.get(one.plan.name, {}).get("desiredCount") == 0}


def _unproved(one: TrackedDeployment, tasks: Sequence[Any], children: Children) -> list[str]:
    known: Mapping[str, frozenset[str]] = {image: each for image, each in children.items() if each is not None}
    images = {name: image for name, image in one.plan.images.items() if children.get(image, frozenset()) is not None}
    return digests.missing(tasks, one.own.task_definition, images, known)


def _children(image: str, job: Job) -> frozenset[str] | None:
    """What an index holds. One that can't be read, as of another registry, proves nothing, and is no doubt either: a
    task whose task definition names a digest runs that, or a manifest in it."""
    name, _, digest = image.partition("@")
    try:
        return digests.children(registry.manifest(job.aws, repository(name), digest))
    except (ClientError, BotoCoreError, Refused) as error:
        if is_transient(error):
            raise
        job.ci.line(
            f"proof: the manifest of {image} can't be read ({code(error) or error}); its digest is not compared"
        )
        return None
