"""Starts deployments one by one; after a failure, leaves out the rest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from botocore.exceptions import BotoCoreError, ClientError

from ecs_cd.aws.errors import code, explain, is_transient
from ecs_cd.deploy import strategies
from ecs_cd.deploy.conflicts import all_fresh, resolve_conflicts
from ecs_cd.deploy.follow import follow
from ecs_cd.deploy.plan import DeploymentPlan, Policy
from ecs_cd.deploy.rules import rolling
from ecs_cd.deploy.rules.own_deployment import OwnDeployment
from ecs_cd.deploy.strategies.busy import Busy
from ecs_cd.deploy.tracked import TrackedDeployment
from ecs_cd.deploy.under_way import note
from ecs_cd.job.job import Job
from ecs_cd.model import pace
from ecs_cd.model.duration import words
from ecs_cd.model.errors import OutcomeUnknown, Refused
from ecs_cd.model.lifecycle import STARTED
from ecs_cd.model.references import short
from ecs_cd.model.verdict import Outcome, Verdict


def start(
    job: Job,
    group: list[TrackedDeployment],
    plans: Sequence[DeploymentPlan],
    arns: Sequence[str],
    policy: Policy,
    deadline: float,
) -> None:
    """Starts all deployments, or with ``in_order`` each one once the previous one has succeeded.

    Adds them to ``group`` one by one, so that ``group`` shows what was started even if this function raises.

    If a later deployment can't be started, it gets a verdict, so that the started ones are still followed. Raises the
    AWS error, or ``Refused``, if the first one can't be started: then nothing was.
    """
    for plan, arn in zip(plans, arns, strict=True):
        tracked = TrackedDeployment(plan, OwnDeployment(plan.strategy, "", arn, rolling.running(plan.service)))
        if policy.in_order:
            follow(job, group, policy, deadline)
        tracked.verdict = _left_out(job, group, policy, deadline)
        if tracked.verdict:
            group.append(tracked)
        else:
            begin(job, group, tracked, policy, partial(_start, job, group, tracked, policy, deadline))


def _left_out(job: Job, group: Sequence[TrackedDeployment], policy: Policy, deadline: float) -> Verdict | None:
    """The verdict if an earlier deployment has not succeeded, or starting the earlier ones used up the time."""
    bad = [
        tracked.key for tracked in group if policy.in_order and tracked.verdict and not tracked.verdict.outcome.green
    ]
    if bad:
        return Verdict(Outcome.SKIPPED, f"not begun, because {bad[0]} has not succeeded")
    late = group and job.clock.monotonic() >= deadline
    return Verdict(Outcome.SKIPPED, f"not begun: the time of {words(policy.timeout)} was over") if late else None


def begin(
    job: Job,
    group: list[TrackedDeployment],
    tracked: TrackedDeployment,
    policy: Policy,
    call: Callable[[], OwnDeployment | Verdict],
) -> None:
    """Adds a deployment to the group and starts it with ``call``, which may find that it can't be started in time.

    Raises the AWS error, or ``Refused``, if it is the first one: then nothing was started.
    """
    tracked.reported.of_any = group[0].reported.of_any if group else tracked.reported.of_any
    group.append(tracked)
    try:
        began = call()
    except OutcomeUnknown as error:
        if len(group) == 1:
            raise
        tracked.verdict = Verdict(Outcome.UNKNOWN, str(error))
    except (ClientError, BotoCoreError, Refused) as error:
        tracked.begun = False  # AWS said no: nothing was changed
        if len(group) == 1:
            job.state.end()
            raise
        tracked.verdict = Verdict(Outcome.FAILED, f"the deployment could not be begun: {explain(error)}")
    else:
        _has_begun(job, tracked, began, policy)
    if tracked.verdict and not tracked.verdict.outcome.green and len(group) > 1:
        job.ci.line(f"{tracked.key}: {tracked.verdict.message}", alarming=True)
    note(job, group, policy)


def _has_begun(job: Job, tracked: TrackedDeployment, began: OwnDeployment | Verdict, policy: Policy) -> None:
    if isinstance(began, Verdict):
        tracked.verdict = began
        return
    tracked.own = began
    if policy.until.goal == STARTED:
        name = f"deployment {short(began.id)}" if began.id else "the deployment"
        tracked.verdict = Verdict(Outcome.IN_PROGRESS, f"{name} has been started; nobody waits for its end")
        tracked.timeline.add(tracked.verdict.outcome, job.clock.monotonic())


def _start(
    job: Job, group: Sequence[TrackedDeployment], tracked: TrackedDeployment, policy: Policy, deadline: float
) -> OwnDeployment | Verdict:
    """Starts it once no conflict is left: other deployments may have started since all services were read."""
    arn = tracked.own.task_definition
    while True:
        if not all_fresh(job, [tracked.plan]):
            cleared = resolve_conflicts(job, [tracked.plan], [arn], policy, deadline)
            if isinstance(cleared, Verdict):
                return cleared
            tracked.renew(cleared[0])
        try:
            return ask(
                job, group, tracked, policy, lambda: strategies.of(tracked.plan).start(job, tracked.plan, arn), deadline
            )
        except Busy:
            tracked.begun = False
            if policy.on_conflict != "wait" or job.clock.monotonic() >= deadline:
                raise
            job.clock.sleep(pace.LOOK_EVERY)
            tracked.plan = replace(tracked.plan, seen_at=float("-inf"))


def ask(
    job: Job,
    group: Sequence[TrackedDeployment],
    tracked: TrackedDeployment,
    policy: Policy,
    call: Callable[[], OwnDeployment],
    deadline: float,
) -> OwnDeployment:
    """Records a request for a deployment, then makes it. Repeats a read that fails before the request."""
    tracked.begun, tracked.timeline.asked_at = True, job.clock.monotonic()
    note(job, group, policy)
    while True:
        try:
            return call()
        except (ClientError, BotoCoreError) as error:
            # A mutation whose answer may have been lost is an `OutcomeUnknown`: see mutation.carry_out.
            if not is_transient(error) or job.clock.monotonic() >= deadline:
                raise
            if tracked.reported.first_time("asking"):
                job.ci.line(
                    f"{tracked.key}: can't be begun at the moment ({code(error) or type(error).__name__}); trying on"
                )
            job.clock.sleep(pace.LOOK_EVERY)
