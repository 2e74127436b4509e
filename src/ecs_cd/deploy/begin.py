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
from ecs_cd.deploy.rules import rolling, standing
from ecs_cd.deploy.rules.own_deployment import OwnDeployment
from ecs_cd.deploy.state_file import record
from ecs_cd.deploy.strategies.busy import Busy
from ecs_cd.deploy.tracked import TrackedDeployment
from ecs_cd.job.job import Job
from ecs_cd.model import pace
from ecs_cd.model.duration import words
from ecs_cd.model.errors import OutcomeUnknown, Overtaken, Refused
from ecs_cd.model.lifecycle import STARTED
from ecs_cd.model.references import short
from ecs_cd.model.verdict import Outcome, Verdict


class Starter:
    """Starts deployments one by one, and knows which it has started: ``group`` is right even after an error.

    If a later deployment can't be started, it gets a verdict, so that the started ones are still followed. Raises the
    AWS error, or ``Refused``, if the first one can't be started: then nothing was. ``may_start`` raises ``Refused`` if
    the first one must not start now; what comes after it belongs to a deployment that is running.
    """

    def __init__(self, job: Job, policy: Policy, deadline: float, may_start: Callable[[], None] = lambda: None) -> None:
        self._job = job
        self._policy = policy
        self._deadline = deadline
        self._may_start = may_start
        self._group: list[TrackedDeployment] = []

    @property
    def group(self) -> Sequence[TrackedDeployment]:
        """The deployments that were requested or left out so far, in their order."""
        return tuple(self._group)

    def start(self, plans: Sequence[DeploymentPlan], arns: Sequence[str]) -> None:
        """Starts a deployment of each plan, or with ``in_order`` each one once the previous one has succeeded."""
        for plan, arn in zip(plans, arns, strict=True):
            tracked = TrackedDeployment(plan, _not_started(plan, arn))
            if self._policy.in_order:
                follow(self._job, self._group, self._policy, self._deadline)
            tracked.verdict = self._left_out()
            if tracked.verdict:
                self._group.append(tracked)
            else:
                self._begin(tracked, partial(self._start, tracked))

    def request(self, tracked: TrackedDeployment, call: Callable[[], OwnDeployment]) -> None:
        """Starts one deployment with ``call``."""
        self._begin(tracked, partial(self._ask, tracked, call))

    def _left_out(self) -> Verdict | None:
        """The verdict if an earlier deployment has not succeeded, or starting the earlier ones used up the time."""
        ended = [(tracked.key, tracked.verdict.outcome) for tracked in self._group if tracked.verdict]
        bad = [key for key, outcome in ended if self._policy.in_order and not outcome.green]
        if bad:
            return Verdict(Outcome.SKIPPED, f"not started, because {bad[0]} did not succeed")
        if self._group and self._job.clock.monotonic() >= self._deadline:
            return Verdict(Outcome.SKIPPED, f"not started: the time limit of {words(self._policy.timeout)} had passed")
        return None

    def _begin(self, tracked: TrackedDeployment, call: Callable[[], OwnDeployment | Verdict]) -> None:
        """Adds a deployment and starts it with ``call``, which may find that it can't be started in time."""
        if self._group:
            tracked.reported.of_any = self._group[0].reported.of_any
        self._group.append(tracked)
        is_first = len(self._group) == 1
        try:
            began = call()
        except OutcomeUnknown as error:
            if is_first:
                raise
            tracked.verdict = Verdict(Outcome.UNKNOWN, str(error))
        except (ClientError, BotoCoreError, Refused) as error:
            tracked.started = False  # AWS said no: nothing was changed
            if is_first:
                self._job.state.end()
                raise
            tracked.verdict = Verdict(Outcome.FAILED, f"the deployment could not be started: {explain(error).sentence}")
        else:
            _note_started(self._job, tracked, began, self._policy)
        if tracked.verdict and not tracked.verdict.outcome.green and not is_first:
            self._job.ci.line(f"{tracked.key}: {tracked.verdict.message}", alarming=True)
        record(self._job, self._group, self._policy)

    def _start(self, tracked: TrackedDeployment) -> OwnDeployment | Verdict:
        """Starts it once no conflict is left: other deployments may have started since all services were read."""
        job, policy, arn = self._job, self._policy, tracked.own.task_definition
        while True:
            if not all_fresh(job, [tracked.plan]):
                cleared = resolve_conflicts(job, [tracked.plan], [arn], policy, self._deadline)
                if isinstance(cleared, Verdict):
                    return cleared
                tracked.renew(cleared[0])
            try:
                return self._ask(tracked, partial(self._start_now, tracked, arn))
            except (Busy, Overtaken) as error:
                tracked.started = False
                must_wait = isinstance(error, Busy)  # otherwise on-conflict decides
                if (must_wait and policy.on_conflict != "wait") or job.clock.monotonic() >= self._deadline:
                    raise
                job.clock.sleep(pace.LOOK_EVERY)
                tracked.plan = replace(tracked.plan, seen_at=float("-inf"))

    def _start_now(self, tracked: TrackedDeployment, arn: str) -> OwnDeployment:
        if len(self._group) == 1:
            self._may_start()
        return strategies.of(tracked.plan).start(self._job, tracked.plan, arn)

    def _ask(self, tracked: TrackedDeployment, call: Callable[[], OwnDeployment]) -> OwnDeployment:
        return ask(self._job, self._group, tracked, self._policy, call, self._deadline)


def _not_started(plan: DeploymentPlan, arn: str) -> OwnDeployment:
    """What is known of a deployment before AWS has named it: enough to stop it if the job is cancelled before that."""
    previous_id = standing.current(plan.service).get("id")
    return OwnDeployment(plan.strategy, "", arn, rolling.ran(plan.service), previous_id)


def _note_started(job: Job, tracked: TrackedDeployment, began: OwnDeployment | Verdict, policy: Policy) -> None:
    if isinstance(began, Verdict):
        tracked.verdict = began
        return
    tracked.own = began
    if policy.until.goal == STARTED:
        name = f"deployment {short(began.id)}" if began.id else "the deployment"
        tracked.verdict = Verdict(Outcome.IN_PROGRESS, f"{name} has started; ecs-cd does not wait for it to end")
        tracked.timeline.add(tracked.verdict.outcome, job.clock.monotonic())


def ask(
    job: Job,
    group: Sequence[TrackedDeployment],
    tracked: TrackedDeployment,
    policy: Policy,
    call: Callable[[], OwnDeployment],
    deadline: float,
) -> OwnDeployment:
    """Records a request for a deployment, then makes it. Repeats a read that fails before the request."""
    tracked.started, tracked.timeline.asked_at = True, job.clock.monotonic()
    record(job, group, policy)
    while True:
        try:
            return call()
        except (ClientError, BotoCoreError) as error:
            # A mutation whose answer may have been lost is an `OutcomeUnknown`: see mutation.carry_out.
            if not is_transient(error) or job.clock.monotonic() >= deadline:
                raise
            if tracked.reported.first_time("asking"):
                what = code(error) or type(error).__name__
                job.ci.line(f"{tracked.key}: can't be started at the moment ({what}); retrying")
            job.clock.sleep(pace.LOOK_EVERY)
