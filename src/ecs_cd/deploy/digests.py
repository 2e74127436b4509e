"""Verifies what runs: a deployment succeeds only if the running tasks run the requested digests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
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
from ecs_cd.model import pace
from ecs_cd.model.duration import words
from ecs_cd.model.errors import Refused
from ecs_cd.model.references import repository
from ecs_cd.model.verdict import InProgress, Outcome, Verdict

# For each image by digest, the digests in its index; `None`: unknown.
Children = dict[str, frozenset[str] | None]


def verify_digests(job: Job, group: Sequence[TrackedDeployment]) -> None:
    """Checks what the successful deployments run; replaces the verdict if the digests can't be verified."""
    succeeded = [tracked for tracked in group if tracked.verdict and tracked.verdict.outcome is Outcome.SUCCEEDED]
    deadline = job.clock.monotonic() + pace.DIGESTS_WAIT
    children: Children = {}
    for start in range(0, len(succeeded), pace.DIGESTS_PER_LOOK):
        if start:
            job.clock.sleep(pace.DIGESTS_EVERY)
        _verify(job, succeeded[start : start + pace.DIGESTS_PER_LOOK], children, deadline)


def _verify(job: Job, group: Sequence[TrackedDeployment], children: Children, deadline: float) -> None:
    missing: dict[str, list[str]] = {tracked.key: [] for tracked in group}
    left, first_read = list(group), float("inf")

    def read() -> None:
        nonlocal left, first_read
        with transient_as_unreadable():
            found = _missing(job, left, children)
        first_read = min(first_read, job.clock.monotonic())
        missing.update(found)
        left = [tracked for tracked in left if missing[tracked.key]]

    def judge(_: None) -> Verdict | dict[str, InProgress]:
        late = job.clock.monotonic() - first_read >= pace.DIGESTS_LATE
        return {} if left and not late else Verdict(Outcome.SUCCEEDED, "")

    ended = watch(
        read,
        judge,
        lambda _, watching: job.ci.line(f"digests: {watching.message}"),
        clock=job.clock,
        timeout=max(pace.DIGESTS_LATE, deadline - job.clock.monotonic()),
        interval=lambda _: pace.DIGESTS_EVERY,
    )
    done = "AWS reports success, but"
    for tracked in left:
        if ended.outcome is Outcome.SUCCEEDED:
            tracked.verdict = Verdict(
                Outcome.FAILED, f"{done} {pace.DIGESTS_LATE:g} seconds later {'; '.join(missing[tracked.key])}"
            )
        else:
            tracked.verdict = Verdict(
                Outcome.UNKNOWN, f"{done} ecs-cd could not read the running digests for {words(pace.DIGESTS_WAIT)}"
            )


def _missing(job: Job, group: Sequence[TrackedDeployment], children: Children) -> dict[str, list[str]]:
    """For each deployment, what does not run the requested digests."""
    tasks = _tasks(job, group)
    idle = [tracked for tracked in group if not any(task.get("lastStatus") == "RUNNING" for task in tasks[tracked.key])]
    none_wanted = _none_wanted(job, idle)
    found = {tracked.key: [] if tracked.key in none_wanted else ["no task is running"] for tracked in idle}
    running = [tracked for tracked in group if tracked.key not in found]
    found |= {tracked.key: _mismatches(tracked, tasks[tracked.key], children) for tracked in running}
    unread = {image for tracked in running if found[tracked.key] for image in tracked.plan.images.values()} - set(
        children
    )
    if unread:
        children |= {image: _children(image, job) for image in sorted(unread)}
        found |= {tracked.key: _mismatches(tracked, tasks[tracked.key], children) for tracked in running}
    return found


def _tasks(job: Job, group: Sequence[TrackedDeployment]) -> dict[str, list[Any]]:
    """The tasks of each service that should run: a ListTasks call per service, a DescribeTasks call per 100 tasks."""
    cluster = group[0].plan.cluster if group else ""
    arns = concurrently(*(partial(_running, job, tracked) for tracked in group))
    known = {str(task["taskArn"]): task for task in ecs.tasks(job.aws, cluster, [arn for each in arns for arn in each])}
    tasks = {
        tracked.key: [known[arn] for arn in each if arn in known] for tracked, each in zip(group, arns, strict=True)
    }
    for tracked in group:
        if not strategies.of(tracked.plan).OLD_TASKS_COUNT:
            ours = tracked.own.task_definition
            tasks[tracked.key] = [task for task in tasks[tracked.key] if task.get("taskDefinitionArn") == ours]
    return tasks


def _running(job: Job, tracked: TrackedDeployment) -> list[str]:
    return ecs.service_task_arns(job.aws, tracked.plan.cluster, tracked.plan.name, "RUNNING")


def _none_wanted(job: Job, idle: Sequence[TrackedDeployment]) -> set[str]:
    """The services among these whose desired count is 0."""
    if not idle:
        return set()
    services = ecs.look_at_services(job.aws, idle[0].plan.cluster, [tracked.plan.name for tracked in idle])
    return {tracked.key for tracked in idle if services.get(tracked.plan.name, {}).get("desiredCount") == 0}


def _mismatches(tracked: TrackedDeployment, tasks: Sequence[Any], children: Children) -> list[str]:
    known: Mapping[str, frozenset[str]] = {image: each for image, each in children.items() if each is not None}
    images = {
        name: image for name, image in tracked.plan.images.items() if children.get(image, frozenset()) is not None
    }
    return digests.missing(tasks, tracked.own.task_definition, images, known)


def _children(image: str, job: Job) -> frozenset[str] | None:
    """The digests in an index.

    An unreadable index, for example in another registry, neither confirms nor contradicts anything: a task whose task
    definition names a digest runs that digest, or a manifest in it.
    """
    name, _, digest = image.partition("@")
    try:
        return digests.children(registry.manifest(job.aws, repository(name), digest))
    except (ClientError, BotoCoreError, Refused) as error:
        if is_transient(error):
            raise
        job.ci.line(
            f"digests: the manifest of {image} can't be read ({code(error) or error}); its digest is not compared"
        )
        return None
