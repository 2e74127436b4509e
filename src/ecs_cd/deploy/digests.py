"""Verifies what runs: a deployment succeeds only if the running tasks run the requested digests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ecs_cd.aws import ecs
from ecs_cd.aws.errors import code, is_transient, transient_as_unreadable
from ecs_cd.deploy import strategies
from ecs_cd.deploy.rules import digests, rolling, snapshot
from ecs_cd.deploy.rules.digests import Running
from ecs_cd.deploy.tracked import TrackedDeployment
from ecs_cd.images import registry
from ecs_cd.job.job import Job, concurrently
from ecs_cd.job.watch import watch
from ecs_cd.model import pace
from ecs_cd.model.errors import Refused
from ecs_cd.model.lifecycle import Until
from ecs_cd.model.references import repository
from ecs_cd.model.verdict import InProgress, Outcome, Verdict

# For each image by digest, the digests in its index; `None`: unknown.
Children = dict[str, frozenset[str] | None]


@dataclass
class _Proof:
    """What is known of one deployment: its running tasks, and what AWS says of it while they contradict its success."""

    tracked: TrackedDeployment
    reported: Verdict
    running: Running = field(default_factory=Running)
    state: Verdict | InProgress | None = None
    doubtful_at: float = float("inf")  # when it was first seen that they do, or may do


def verify_digests(job: Job, group: Sequence[TrackedDeployment]) -> None:
    """Checks what the successful deployments run; replaces the verdict if that is something else.

    Where the running tasks contradict a success, the deployment is read again: it may have been replaced since.
    """
    succeeded = [_Proof(each, each.verdict) for each in group if each.verdict and _succeeded(each.verdict)]
    deadline = job.clock.monotonic() + pace.DIGESTS_WAIT
    children: Children = {}
    for start in range(0, len(succeeded), pace.DIGESTS_PER_LOOK):
        if start:
            job.clock.sleep(pace.DIGESTS_EVERY)
        _verify(job, succeeded[start : start + pace.DIGESTS_PER_LOOK], children, deadline)


def _succeeded(verdict: Verdict) -> bool:
    return verdict.outcome is Outcome.SUCCEEDED


def _verify(job: Job, proofs: Sequence[_Proof], children: Children, deadline: float) -> None:
    left = list(proofs)
    for proof in proofs:
        proof.tracked.own = replace(proof.tracked.own, completed=True, unsettled=False)

    def read() -> None:
        with transient_as_unreadable():
            _read_running(job, left, children)
        _read_again(job, [proof for proof in left if proof.running.doubtful])

    def judge(_: None) -> Verdict | dict[str, InProgress]:
        left[:] = [proof for proof in left if not _give_verdict(proof, job.clock.monotonic())]
        return {} if left else Verdict(Outcome.SUCCEEDED, "")

    watch(
        read,
        judge,
        lambda _, watching: job.ci.line(f"digests: {watching.message}"),
        clock=job.clock,
        timeout=max(pace.DIGESTS_LATE, deadline - job.clock.monotonic()),
        interval=lambda elapsed: pace.DIGESTS_EVERY if elapsed < pace.DIGESTS_OFTEN else pace.LOOK_EVERY,
    )
    for proof in left:
        proof.tracked.verdict = digests.unverified(proof.state)


def _give_verdict(proof: _Proof, now: float) -> bool:
    """Gives the deployment its verdict, if there is one."""
    state = proof.state or proof.reported
    if proof.running.doubtful and isinstance(state, Verdict):
        proof.doubtful_at = min(proof.doubtful_at, now)
    late = now - proof.doubtful_at >= pace.DIGESTS_LATE
    verdict = digests.judge(proof.running, proof.reported, state, _wanted(proof.tracked), late=late)
    proof.tracked.verdict = verdict or proof.tracked.verdict
    return verdict is not None


def _wanted(tracked: TrackedDeployment) -> digests.Wanted:
    service = snapshot.service(tracked.snapshot)
    before = tracked.plan.update.get("desiredCount", tracked.plan.service.get("desiredCount", 0))
    return digests.Wanted(int(before), None if service is None else int(service.get("desiredCount", 0)), tracked.died)


def _read_again(job: Job, proofs: Sequence[_Proof]) -> None:
    """Reads the deployments again, and judges them as while they were followed."""
    if not proofs:
        return
    for proof, seen in zip(proofs, strategies.read(job, [proof.tracked for proof in proofs]), strict=True):
        proof.tracked.snapshot = seen
        proof.state = _state(proof.tracked)


def _state(tracked: TrackedDeployment) -> Verdict | InProgress:
    """What AWS says of a deployment; the rollback of one that should go back is its success."""
    state = tracked.judge(Until())
    if tracked.back_to and isinstance(state, Verdict) and state.outcome is Outcome.ROLLED_BACK:
        return replace(state, outcome=Outcome.SUCCEEDED)
    return state


def _read_running(job: Job, proofs: Sequence[_Proof], children: Children) -> None:
    """What each service runs; reads the indexes of the images only if a digest differs."""
    group = [proof.tracked for proof in proofs]
    tasks = _tasks(job, group)
    found = [_running(tracked, tasks[tracked.key], children) for tracked in group]
    differ = [tracked for tracked, each in zip(group, found, strict=True) if each.wrong and not each.idle]
    unread = {image for tracked in differ for image in tracked.plan.images.values()} - set(children)
    if unread:
        children |= {image: _children(image, job) for image in sorted(unread)}
        found = [_running(tracked, tasks[tracked.key], children) for tracked in group]
    for proof, running in zip(proofs, found, strict=True):
        proof.running = running


def _running(tracked: TrackedDeployment, tasks: Sequence[Any], children: Children) -> Running:
    ours = [task for task in tasks if task.get("taskDefinitionArn") == tracked.own.task_definition]
    count = _old_tasks_count(tracked)
    relevant = tasks if count else ours
    if not any(task.get("lastStatus") == "RUNNING" for task in relevant):
        return Running(["no task is running"], idle=True)
    draining = 0 if count or not strategies.of(tracked.plan).OLD_TASKS_COUNT else len(tasks) - len(ours)
    newer = digests.newer(relevant, tracked.own, tracked.plan.service.get("deployments", ()))
    unconfirmed = snapshot.none_runs(tracked.own, tracked.snapshot)
    return Running(_mismatches(tracked, relevant, children), newer, draining=draining, unconfirmed=unconfirmed)


def _old_tasks_count(tracked: TrackedDeployment) -> bool:
    """Whether a task of another revision contradicts the success."""
    service = snapshot.service(tracked.snapshot) or tracked.plan.service
    return strategies.of(tracked.plan).OLD_TASKS_COUNT and not rolling.defers_cleanup(service)


def _tasks(job: Job, group: Sequence[TrackedDeployment]) -> dict[str, list[Any]]:
    """The tasks of each service that should run: a ListTasks call per service, a DescribeTasks call per 100 tasks."""
    cluster = group[0].plan.cluster if group else ""
    arns = concurrently(*(partial(_task_arns, job, tracked) for tracked in group))
    known = {str(task["taskArn"]): task for task in ecs.tasks(job.aws, cluster, [arn for each in arns for arn in each])}
    found = ([known[arn] for arn in each if arn in known] for each in arns)
    return {tracked.key: tasks for tracked, tasks in zip(group, found, strict=True)}


def _task_arns(job: Job, tracked: TrackedDeployment) -> list[str]:
    return ecs.service_task_arns(job.aws, tracked.plan.cluster, tracked.plan.name, "RUNNING")


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
