"""Another running deployment of the service: on-conflict says whether to wait, refuse or supersede."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from ecs_cd.aws import ecs
from ecs_cd.aws.errors import transient_as_unreadable
from ecs_cd.deploy import strategies
from ecs_cd.deploy.follow import say
from ecs_cd.deploy.plan import DeploymentPlan, Policy
from ecs_cd.deploy.rules.conflict import Conflict
from ecs_cd.job.job import Job
from ecs_cd.job.watch import watch
from ecs_cd.model import pace
from ecs_cd.model.errors import Refused, Unreadable
from ecs_cd.model.verdict import InProgress, Outcome, Verdict


def resolve_conflicts(
    job: Job, plans: Sequence[DeploymentPlan], arns: Sequence[str], policy: Policy, deadline: float
) -> list[DeploymentPlan] | Verdict:
    """The plans with the current state of the services, once no other deployment is running.

    ``arns`` are the wanted revisions, empty if they are not registered yet. Returns a verdict if the time runs out
    first. Raises ``Refused`` if ``on_conflict`` is ``fail``, and if waiting or superseding does not help.
    """
    fresh = {plan.target.key: plan for plan in plans}
    services = _Services(job, policy, fresh, dict(zip(fresh, arns, strict=True)))
    ended = watch(
        services.read,
        services.judge,
        lambda key, watching: say(job, key, watching),
        clock=job.clock,
        timeout=max(0.0, deadline - job.clock.monotonic()),
        interval=lambda _: pace.LOOK_EVERY,
        progress=job.ci.progress,
    )
    if ended.outcome is Outcome.SUCCEEDED:
        return list(services.fresh.values())
    return replace(ended, message=f"nothing was started: {ended.message}")


def refuse_early(job: Job, plans: Sequence[DeploymentPlan], arns: Sequence[str], policy: Policy) -> None:
    """Raises ``Refused`` if a deployment is running that ``resolve_conflicts`` would refuse. Waits for nothing."""
    fresh = {plan.target.key: plan for plan in plans}
    services = _Services(job, policy, fresh, dict(zip(fresh, arns, strict=True)))
    with suppress(Unreadable):  # it is read again before the deployment
        services.read()
    if services.others and policy.on_conflict == "wait":
        _refuse_to_wait_for_approvals(services.others)
    elif services.others:
        _refuse(fresh, services.others, policy)


@dataclass
class _Services:
    """The services to deploy, as they were read last: the plan and the wanted revision of each, by its key.

    ``others`` are the deployments in the way; those read longest ago come first. ``absent`` are the services that ECS
    does not list, and since when. ``seen_all``: the last poll read all services.
    """

    job: Job
    policy: Policy
    fresh: dict[str, DeploymentPlan]
    wanted: Mapping[str, str]
    others: dict[str, Conflict] = field(default_factory=dict)
    absent: dict[str, float] = field(default_factory=dict)
    seen_all: bool = False

    def read(self) -> None:
        """Reads as many of the conflicts as one poll may cost; without a conflict, all services."""
        asked = _affordable([self.fresh[key] for key in self.others]) or list(self.fresh.values())
        with transient_as_unreadable():
            as_planned = all_fresh(self.job, asked) and not self.others
            for plan in asked if as_planned else _renewed(self.job, asked, self.absent):
                self._find(plan)
        self.seen_all = len(asked) == len(self.fresh)  # else the others may have changed during the wait

    def _find(self, plan: DeploymentPlan) -> None:
        key = plan.target.key
        self.fresh[key] = plan
        found = strategies.of(plan).conflict(self.job, plan, self.wanted[key])
        self.others.pop(key, None)
        if found:
            self.others[key] = found

    def judge(self, _: None) -> Verdict | dict[str, InProgress]:
        """A success if nothing is in the way, or if on-conflict says to start all the same."""
        if not self.others:
            return Verdict(Outcome.SUCCEEDED, "") if self.seen_all else {}
        if self.policy.on_conflict != "wait":
            _refuse(self.fresh, self.others, self.policy)
            for key, found in self.others.items():
                self.job.ci.line(f"{key}: {found.words}; superseding it (on-conflict: supersede)")
            return Verdict(Outcome.SUCCEEDED, "")
        _refuse_to_wait_for_approvals(self.others)
        return {
            key: InProgress(f"waiting for another deployment to end: {found.words}")
            for key, found in self.others.items()
        }


def _affordable(plans: Sequence[DeploymentPlan]) -> list[DeploymentPlan]:
    """As many of the first plans as one poll can check.

    DescribeServices takes ten services, and shows everything about a rolling update; any other strategy costs two more
    calls per service.
    """
    cost, found = 0.9, []
    for plan in plans:
        cost += strategies.of(plan).CALLS_PER_LOOK
        if cost <= pace.LOOK_CALLS:
            found.append(plan)
    return found


def all_fresh(job: Job, plans: Sequence[DeploymentPlan]) -> bool:
    """Whether the services were read recently enough to rule out new deployments: a migration may take long."""
    return all(job.clock.monotonic() - plan.seen_at < pace.CONFLICT_FRESH for plan in plans)


def _renewed(job: Job, plans: Sequence[DeploymentPlan], absent: dict[str, float]) -> list[DeploymentPlan]:
    """Reads the services again. Raises ``Refused`` if one is gone, ``Unreadable`` while that is not certain."""
    now = job.clock.monotonic()
    found = ecs.look_at_services(job.aws, plans[0].cluster, [plan.name for plan in plans])
    for name in set(absent) & set(found):
        del absent[name]
    missing = {plan.name: absent.setdefault(plan.name, now) for plan in plans if plan.name not in found}
    gone = [name for name, since in missing.items() if now - since >= pace.ABSENT]
    gone += [name for name, service in found.items() if service.get("status") != "ACTIVE"]
    if gone:
        raise Refused([f"the ECS service {name} no longer exists" for name in gone])
    if missing:
        raise Unreadable(f"ECS does not list {', '.join(missing)}")
    return [replace(plan, service=found[plan.name], seen_at=now) for plan in plans]


def _refuse_to_wait_for_approvals(others: Mapping[str, Conflict]) -> None:
    """A pause may last 14 days: ends the job at once instead of at its timeout."""
    paused = [f"{key}: {found.words}; {found.pause}" for key, found in others.items() if found.pause]
    if paused:
        raise Refused(paused, "Nothing was started: approve that deployment or roll it back, then run this again.")


def _refuse(plans: Mapping[str, DeploymentPlan], others: Mapping[str, Conflict], policy: Policy) -> None:
    """Unless on-conflict is `supersede`, and they can be superseded."""
    if policy.on_conflict == "fail":
        said = [f"another deployment is under way: {key}: {found.words}" for key, found in others.items()]
        raise Refused(said, "Wait until it ends, or set on-conflict to wait or supersede.")
    busy = [
        f"{key}: {others[key].words}, and can't be superseded"
        for key in others
        if not strategies.of(plans[key]).CAN_BE_SUPERSEDED
    ]
    if busy:
        raise Refused(
            busy, "CodeDeploy starts no second deployment, and ecs-cd stops only its own: set on-conflict to wait."
        )
