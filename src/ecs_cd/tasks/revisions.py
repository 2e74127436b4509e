"""Deregisters unneeded revisions: those beyond `keep-revisions`, and those that a run registers but never deploys."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from botocore.exceptions import BotoCoreError, ClientError

from ecs_cd.aws import ecs, task_definitions
from ecs_cd.aws.errors import explain
from ecs_cd.job.job import Job, concurrently
from ecs_cd.model.errors import Cancelled
from ecs_cd.model.references import family, short
from ecs_cd.tasks import templates
from ecs_cd.tasks.rules import comparison, revisions
from ecs_cd.tasks.rules.task_definition import TaskDefinition
from ecs_cd.tasks.templates import Template

# ECS accepts about twenty at once and then one per second; a clean-up is not worth a minute.
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
    """After a success, deregisters all but the newest ``keep`` revisions of the families of ``deployed``.

    Keeps the revisions that are ``deployed``, those that are ``protected`` (the rollback targets, the revisions of
    scheduled tasks), and those that a deployment or task set of ``services`` or a task in the cluster uses. Any error
    is only a warning, because the deployment has succeeded.
    """
    try:
        found = _expired(job, cluster, services, deployed, keep, protected)
    except (ClientError, BotoCoreError) as error:
        job.ci.warning(f"keep-revisions: nothing deregistered: {explain(error).sentence}")
        return
    done = _deregister(found[:_MOST], job)
    left = len(found) - len(done)
    words = ", ".join(short(arn) for arn in done) or "nothing"
    job.ci.line(f"keep-revisions: {words} deregistered{f', {left} more next time' if left else ''}")


class NewRevisions:
    """The revisions that this run registers."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._unused: set[str] = set()

    def register(self, definition: TaskDefinition) -> str:
        """Registers a revision and returns its ARN."""
        arn = templates.register(definition, self._job)
        self._unused.add(arn)
        return arn

    def register_all(self, definitions: Sequence[TaskDefinition], known: Sequence[str]) -> list[str]:
        """The revision of each definition: the ``known`` one, or else a new one. Equal definitions share one."""
        arns: dict[int, str] = {}
        first = comparison.first_equal(definitions)
        for number in first:
            if known[number]:
                arns[number] = known[number]
            elif number not in arns:
                arns[number] = self.register(definitions[number])
        return [arns[number] for number in first]

    def used(self, *arns: str) -> None:
        """Keeps these revisions: they were deployed, or may have been."""
        self._unused -= set(arns)

    @contextmanager
    def starting(self, arn: str) -> Iterator[None]:
        """Keeps this revision after the block, unless the block fails with nothing under way."""
        try:
            yield
        except BaseException:
            if self._job.state.under_way:
                self.used(arn)
            raise
        self.used(arn)

    def deregister_unused(self) -> None:
        """Deregisters all other revisions of this run."""
        deregister_unused(self._job, *sorted(self._unused))


def known(
    definitions: Sequence[TaskDefinition],
    made_from: Sequence[Template | None],
    job: Job,
    current: Sequence[str | None] = (),
) -> list[str]:
    """For each definition the ARN of the revision that is already equal, else an empty string: the newest of its
    family, or the one that its service runs.

    ``made_from`` are the templates of the first definitions, ``current`` what their services run.
    """
    first = comparison.first_equal(definitions)
    numbers = sorted(set(first))
    template, runs = dict(enumerate(made_from)), dict(enumerate(current))

    def find(number: int) -> str:
        definition, now = definitions[number], runs.get(number)
        newest = templates.newest(definition, job, template.get(number))
        return newest or (templates.current(definition, now, job) if now else "")

    found = concurrently(*(partial(find, number) for number in numbers))
    arns = {number: templates.report_existing(arn, job) for number, arn in zip(numbers, found, strict=True)}
    return [arns[number] for number in first]


@contextmanager
def registering(job: Job) -> Iterator[NewRevisions]:
    """Registers revisions within the block, and deregisters the unused ones at its end."""
    new, cancelled = NewRevisions(job), False
    try:
        yield new
    except Cancelled:
        cancelled = True
        raise
    finally:
        if not (cancelled and job.state.under_way):  # the runner's ten seconds are for the running operation
            new.deregister_unused()


def deregister_unused(job: Job, *arns: str) -> None:
    """Deregisters revisions of this run that were certainly never deployed."""
    for arn in _deregister(arns, job):
        job.ci.line(f"task definition: {short(arn)} deregistered, because it was never deployed")


def _expired(
    job: Job, cluster: str, services: Collection[str], deployed: Collection[str], keep: int, protected: Collection[str]
) -> list[str]:
    families = sorted({family(arn) for arn in deployed})
    # Reads the used revisions last, to include deployments that start during the clean-up.
    active = [task_definitions.active(job.aws, name) for name in families]
    described = ecs.look_at_services(job.aws, cluster, list(services))
    used = {*deployed, *protected, *revisions.named_by(described.values())}
    for name in families:
        used |= task_definitions.running(job.aws, cluster, name)
    return [arn for arns in active for arn in revisions.expired(arns, keep, used)]


def _deregister(arns: Sequence[str], job: Job) -> list[str]:
    """Deregisters revisions until the first failure; returns the deregistered ones."""
    for number, arn in enumerate(arns):
        try:
            task_definitions.deregister(job.aws, arn)
        except (ClientError, BotoCoreError) as error:
            job.ci.warning(f"{short(arn)} could not be deregistered: {explain(error).sentence}")
            return list(arns[:number])
    return list(arns)
