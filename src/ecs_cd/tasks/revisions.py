"""Revisions that nobody needs any more: `keep-revisions`, and what was registered and never deployed."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError

from ecs_cd.aws import ecs, task_definitions
from ecs_cd.aws.errors import explain
from ecs_cd.job.job import Job
from ecs_cd.model.errors import Cancelled
from ecs_cd.model.references import family as family_of
from ecs_cd.model.references import short
from ecs_cd.tasks import templates
from ecs_cd.tasks.rules import revisions
from ecs_cd.tasks.rules.task_definition import TaskDefinition

# ECS takes about twenty at once and then one a second: nobody waits a minute for tidiness.
_MOST = 20


def clean_up(
    job: Job,
    cluster: str,
    services: Collection[str],
    deployed: Collection[str],
    *,
    keep: int,
    protected: Collection[str] = (),
) -> None:
    """After a success: deregisters all but the newest ``keep`` revisions of the families of ``deployed``.

    Never what was ``deployed``, what is ``protected`` (the revisions to roll back to, what scheduled tasks run), what
    a deployment or a task set of ``services`` names, or what a task in the cluster runs. What can't be read or done is
    a warning: the deployment has succeeded.
    """
    try:
        found = _superfluous(job, cluster, services, deployed, keep, protected)
    except (ClientError, BotoCoreError) as error:
        job.ci.warning(f"keep-revisions: nothing is deregistered: {explain(error).sentence}")
        return
    done = _deregister(found[:_MOST], job)
    left = len(found) - len(done)
    words = ", ".join(short(arn) for arn in done) or "nothing"
    job.ci.line(f"keep-revisions: {words} deregistered{f', {left} more to be next time' if left else ''}")


class NewRevisions:
    """The revisions that this run registers."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._unused: set[str] = set()

    def register(self, definition: TaskDefinition) -> str:
        """Registers a revision; its ARN."""
        arn = templates.register(definition, self._job)
        self._unused.add(arn)
        return arn

    def used(self, *arns: str) -> None:
        """These were deployed, or may have been: they stay."""
        self._unused -= set(arns)

    def deregister_unused(self) -> None:
        """The others go."""
        deregister_unused(self._job, *sorted(self._unused))


@contextmanager
def registering(job: Job) -> Iterator[NewRevisions]:
    """For the length of the block; what it registers and does not use is deregistered in the end."""
    new = NewRevisions(job)
    try:
        yield new
    except Cancelled:
        if not job.state.under_way:  # else the runner's ten seconds are for what is running
            new.deregister_unused()
        raise
    except BaseException:
        new.deregister_unused()
        raise
    else:
        new.deregister_unused()


def deregister_unused(job: Job, *arns: str) -> None:
    """Deregisters revisions of ours that certainly nothing was deployed with."""
    for arn in _deregister(arns, job):
        job.ci.line(f"task definition: {short(arn)} was never deployed, and is deregistered")


def _superfluous(
    job: Job, cluster: str, services: Collection[str], deployed: Collection[str], keep: int, protected: Collection[str]
) -> list[str]:
    families = sorted({family_of(arn) for arn in deployed})
    # What is used is read last, so that what was begun meanwhile counts.
    active = [task_definitions.active(job.aws, family) for family in families]
    looked_at = ecs.look_at_services(job.aws, cluster, list(services))
    used = {*deployed, *protected, *revisions.named_by(looked_at.values())}
    for family in families:
        used |= task_definitions.running(job.aws, cluster, family)
    return [arn for one in active for arn in revisions.expired(one, keep, used)]


def _deregister(arns: Sequence[str], job: Job) -> list[str]:
    """Those that were deregistered: up to the first that could not be."""
    for number, arn in enumerate(arns):
        try:
            task_definitions.deregister(job.aws, arn)
        except (ClientError, BotoCoreError) as error:
            job.ci.warning(f"{short(arn)} could not be deregistered: {explain(error).sentence}")
            return list(arns[:number])
    return list(arns)
