"""From plans to a result: registers, starts and follows deployments, rolls back or cleans up, and reports."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace

from botocore.exceptions import BotoCoreError, ClientError

from ecs_cd.deploy import conflicts, dry_run, evidence, go_back, schedules
from ecs_cd.deploy.begin import Starter
from ecs_cd.deploy.digests import verify_digests
from ecs_cd.deploy.follow import follow
from ecs_cd.deploy.plan import DeploymentPlan, Policy
from ecs_cd.deploy.register import First
from ecs_cd.deploy.rolled_back import verify_rollbacks
from ecs_cd.deploy.rules import snapshot
from ecs_cd.deploy.tracked import TrackedDeployment
from ecs_cd.diagnosis.evidence import Finding
from ecs_cd.diagnosis.findings import deaths
from ecs_cd.document.rules.document import by_container
from ecs_cd.job.job import Job, Result
from ecs_cd.locks.gate import Gate
from ecs_cd.model.errors import Cancelled, Refused
from ecs_cd.model.lifecycle import Strategy
from ecs_cd.model.verdict import Outcome, Verdict, combined
from ecs_cd.report.timeline import Deployed
from ecs_cd.tasks import revisions, templates
from ecs_cd.tasks.revisions import NewRevisions
from ecs_cd.tasks.rules import difference, task_definition
from ecs_cd.tasks.rules.revisions import running
from ecs_cd.tasks.rules.task_definition import TaskDefinition

# These explain themselves: the app is not worth examining.
_EXPLAINED = (Outcome.GONE, Outcome.SUPERSEDED, Outcome.UNKNOWN, Outcome.PAUSED)
_UNFINISHED = (Outcome.TIMED_OUT, Outcome.UNKNOWN)
_NAMED = 5  # services that one sentence names individually
_LOOKED_INTO = 5  # failed services for which AWS is asked for more
_CAUSES = 20  # that are reported, with their evidence


@dataclass(frozen=True)
class Release:
    """Everything that is deployed together, and how.

    ``keep`` is how many revisions of each family remain; 0 keeps all. ``services`` are the names of all ECS services of
    the application, including those that this run does not deploy.
    """

    plans: Sequence[DeploymentPlan]
    policy: Policy
    services: Sequence[str]
    scheduled: Sequence[schedules.Prepared] = ()
    keep: int = 0
    dry_run: bool = False
    gate: Gate = field(default_factory=Gate)


def execute(release: Release, by_name: Mapping[str, str], job: Job, first: First | None = None) -> Result:
    """Deploys the release.

    ``by_name`` are the document's images, ``repository@sha256:...``; ``first`` gets the revision of the first plan.
    Deregisters any revision that was registered for this release and then deployed nowhere.
    """
    if release.dry_run:
        release.gate.say(job)
        return dry_run.of_plans([_with_images(plan, by_name) for plan in release.plans], job)
    with deploying(release, by_name, job) as deployment:
        deployment.deploy(first)
        deployment.settle()
        deployment.finish()
        return deployment.end()


@contextmanager
def deploying(release: Release, by_name: Mapping[str, str], job: Job) -> Iterator[Deploying]:
    """Deploys the release step by step. If the block ends early, passes what is known about each service to the step's
    closing report."""
    with revisions.registering(job) as new:
        deployment = Deploying(release, by_name, new, job)
        with remembered(deployment, job):
            yield deployment


def _with_images(plan: DeploymentPlan, by_name: Mapping[str, str]) -> DeploymentPlan:
    asked = by_container(plan.target, by_name)
    definition = task_definition.with_images(plan.definition, asked)
    return replace(plan, definition=definition, images=plan.images or asked)


def _scheduled(scheduled: schedules.Prepared, by_name: Mapping[str, str]) -> TaskDefinition:
    return task_definition.with_images(scheduled.definition, by_container(scheduled.task, by_name))


# ---- start, follow ----


class Deploying:
    """A release on its way: ``deploy``, then ``settle`` and ``finish``, then ``end``."""

    def __init__(self, release: Release, by_name: Mapping[str, str], new: NewRevisions, job: Job) -> None:
        self.job = job
        self.release = release
        self._plans = [_with_images(plan, by_name) for plan in release.plans]
        self._definitions = [plan.definition for plan in self._plans]
        self._definitions += [_scheduled(task, by_name) for task in release.scheduled]
        self._known: Sequence[str] | None = None  # the revisions that need not be registered
        self._new = new
        self._arns: Sequence[str] = ()
        self._starter: Starter | None = None
        self._instead: Result | None = None  # the result if no deployment is started
        self._causes: Sequence[Finding] = ()
        self._afterwards: Verdict | None = None  # if something fails after the deployment

    @property
    def group(self) -> Sequence[TrackedDeployment]:
        """The deployments that were requested or left out so far, in their order."""
        return self._starter.group if self._starter else ()

    @property
    def verdict(self) -> Verdict:
        """The verdict so far; exists once it is deployed."""
        return self._instead.verdict if self._instead else self._afterwards or verdict_on(self.group)

    def refuse_early(self) -> None:
        """Raises ``Refused`` for a lock or a conflict that exists already: earlier than ``deploy`` would."""
        self.release.gate.check(self.job)
        conflicts.refuse_early(self.job, self._plans, self._find_known()[: len(self._plans)], self.release.policy)

    def _find_known(self) -> Sequence[str]:
        if self._known is None:
            current = [running(plan.service) for plan in self._plans]
            made_from = [plan.template for plan in self._plans]
            self._known = revisions.known(self._definitions, made_from, self.job, current)
        return self._known

    def deploy(self, first: First | None = None) -> None:
        """Registers, starts and follows, each deployment to its verdict."""
        job, policy, plans = self.job, self.release.policy, self._plans
        deadline = job.clock.monotonic() + policy.timeout
        known = self._find_known()
        self.release.gate.check(job)
        cleared = conflicts.resolve_conflicts(job, plans, known[: len(plans)], policy, deadline)
        if isinstance(cleared, Verdict):
            self._instead = Result(cleared, {"result": cleared.outcome.value})
            return
        self.release.gate.check(job)  # again if conflicts have taken their time
        self._arns = self._new.register_all(self._definitions, known)
        if first:
            began = job.clock.monotonic()
            with self._new.starting(self._arns[0]):
                before = first(self._arns[0])
            if not before.verdict.outcome.green:
                self._instead = before
                return
            deadline += job.clock.monotonic() - began  # `first` has its own timeout
        self._start_and_follow(cleared, deadline)

    def _start_and_follow(self, plans: Sequence[DeploymentPlan], deadline: float) -> None:
        job, policy = self.job, self.release.policy
        self._starter = Starter(job, policy, deadline, may_start=lambda: self.release.gate.check(job))
        try:
            self._starter.start(plans, self._arns[: len(plans)])
        finally:
            self._new.used(*(tracked.own.task_definition for tracked in self.group if tracked.started))
        follow(job, self.group, policy, deadline)
        verify_digests(job, self.group)
        for tracked in self.group:
            tracked.verdict = _with_deaths(tracked)
        self._causes = findings(self.group, job)

    def settle(self, why: str = "") -> None:
        """Goes back after a failure if on-failure says so, and verifies what was rolled back. ``why``: a failure
        elsewhere that this deployment goes back for, too."""
        job, policy = self.job, self.release.policy
        if policy.on_failure == "rollback" and (why or go_back.failed(self.group)):
            go_back.go_back(job, self.group, policy, why)
        verify_rollbacks(job, self.group)

    def finish(self) -> None:
        """After a success: the scheduled tasks get their revisions, and old revisions are deregistered."""
        if not self._instead and self.verdict.outcome is Outcome.SUCCEEDED:
            self._new.used(*self._arns)  # the scheduled tasks get theirs now
            self._afterwards = _afterwards(self.release, self.group, self._arns, self.verdict, self.job)

    def cut_short(self, verdict: Verdict) -> None:
        """An error has ended it: the verdict on what has none, or what the error leaves unproved."""
        for tracked in self.group:
            if tracked.verdict is None or tracked.verdict.outcome.green:
                tracked.verdict = verdict
        if not self.group:
            self._instead = Result(verdict, {"result": verdict.outcome.value})

    def end(self) -> Result:
        """The result to report."""
        if self._instead:
            return self._instead
        if self.release.scheduled and not self._afterwards:
            self.job.ci.line("scheduled tasks: they keep their revisions, because the deployment did not succeed")
        return result(self.verdict, self.group, self._causes, self.job)


@contextmanager
def remembered(started: Starter | Deploying, job: Job) -> Iterator[None]:
    """If this ends early, passes what is known about each service to the step's closing report."""
    try:
        yield
    except BaseException as error:
        outcome = Outcome.CANCELLED if isinstance(error, Cancelled) else Outcome.UNKNOWN
        job.summary.leave(
            _deployed(tracked, tracked.verdict.outcome if tracked.verdict else outcome, job)
            for tracked in started.group
        )
        raise


def _verdict(tracked: TrackedDeployment) -> Verdict:
    """Its verdict; exists once the deployment has been followed."""
    assert tracked.verdict is not None
    return tracked.verdict


def _with_deaths(tracked: TrackedDeployment) -> Verdict | None:
    """Its verdict, if it has one yet; a success says which tasks died on the way."""
    verdict, died = tracked.verdict, deaths(list(tracked.found.stopped.values()))
    if verdict is None or verdict.outcome is not Outcome.SUCCEEDED or not died:
        return verdict
    return replace(verdict, message=f"{verdict.message}; on the way {died}")


def verdict_on(group: Sequence[TrackedDeployment]) -> Verdict:
    """One verdict on all deployments; for many services, the count of each outcome and why the first ones failed."""
    return in_few_words({tracked.key: _verdict(tracked) for tracked in group}, "services")


def in_few_words(verdicts: Mapping[str, Verdict], what: str) -> Verdict:
    """One verdict on all of these; for many, the count of each outcome and why the first ones failed."""
    verdict = combined(verdicts)
    if len(verdicts) <= _NAMED:
        return verdict
    counts = Counter(each.outcome.words for each in verdicts.values())
    bad = [f"{key}: {each.message}" for key, each in verdicts.items() if not each.outcome.green]
    more = [f"and {len(bad) - _NAMED} more"] if len(bad) > _NAMED else []
    numbers = ", ".join(f"{number} {outcome}" for outcome, number in counts.most_common())
    return replace(verdict, message="; ".join([f"{len(verdicts)} {what}: {numbers}", *bad[:_NAMED], *more]))


def findings(group: Sequence[TrackedDeployment], job: Job) -> list[Finding]:
    """The causes of the failures, with the names of the services if there are several; a shared cause is listed once.

    Reads more evidence for the first failed services; for the others, reports what is already known.
    """
    found: dict[tuple[str, str], Finding] = {}
    whose: dict[tuple[str, str], list[str]] = {}
    failed = _to_be_explained(group)
    evidence.look_once_more(job, failed[:_LOOKED_INTO])
    for number, tracked in enumerate(failed):
        shown = snapshot.evidence(tracked.own, tracked.snapshot)
        for finding in (
            evidence.findings(job, tracked, shown) if number < _LOOKED_INTO else evidence.known(tracked, shown)
        ):
            # One whose log was not read has no detail, and is like the first with its cause.
            known = (each for each in found if each[0] == finding.cause and finding.detail in ("", each[1]))
            cause = next(known, (finding.cause, finding.detail))
            found.setdefault(cause, finding)
            whose.setdefault(cause, []).append(tracked.key)
    if len(group) == 1:
        return list(found.values())
    several = [replace(finding, cause=f"{_names(whose[key])}: {finding.cause}") for key, finding in found.items()]
    return several[:_CAUSES]


def _to_be_explained(group: Sequence[TrackedDeployment]) -> list[TrackedDeployment]:
    ended = ((tracked, tracked.verdict.outcome) for tracked in group if tracked.started and tracked.verdict)
    return [tracked for tracked, outcome in ended if not outcome.green and outcome not in _EXPLAINED]


def _names(keys: Sequence[str]) -> str:
    more = len(keys) - _NAMED
    return ", ".join(keys[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _afterwards(
    release: Release, group: Sequence[TrackedDeployment], arns: Sequence[str], verdict: Verdict, job: Job
) -> Verdict:
    """After a success: the scheduled tasks get their revisions, and old revisions are deregistered."""
    scheduled = list(zip(release.scheduled, arns[len(release.plans) :], strict=True))
    problems = [problem for task, arn in scheduled if (problem := schedules.update(task, arn, job))]
    if problems:
        return Verdict(Outcome.FAILED, f"the services run the new revision, but {'; '.join(problems)}")
    if release.keep:
        before = {arn for tracked in group if (arn := tracked.own.previous_task_definition)}
        before |= {arn for task, _ in scheduled for arn in task.task_definitions}
        cluster = release.plans[0].cluster
        revisions.clean_up(job, cluster, release.services, set(arns), keep=release.keep, protected=before)
    return verdict


# ---- report ----


def result(verdict: Verdict, group: Sequence[TrackedDeployment], causes: Sequence[Finding], job: Job) -> Result:
    """The result to report. Removes the state file unless an unfinished deployment still needs it."""
    if not any(tracked.started and _verdict(tracked).outcome in _UNFINISHED for tracked in group):
        job.state.end()
    outputs = {"result": verdict.outcome.value, **_outputs(group)}
    cluster = group[0].plan.cluster
    facts = {"cluster": cluster, **(_facts(group[0]) if len(group) == 1 else {})}
    links = {"cluster": job.aws.console().cluster(cluster)}
    links |= {"deployment": _links(group[0], job).get("deployment", "")} if len(group) == 1 else {}
    looked_into = {tracked.key for tracked in _to_be_explained(group)[:_LOOKED_INTO]}
    services = [
        _deployed(tracked, _verdict(tracked).outcome, job, read=tracked.key in looked_into) for tracked in group
    ]
    return Result(verdict, outputs, facts, causes, services=services, links=links)


def _outputs(group: Sequence[TrackedDeployment]) -> dict[str, str]:
    """One line per deployment; ``services`` has everything as JSON."""
    services = {
        tracked.key: {
            "result": _verdict(tracked).outcome.value,
            "task-definition-arn": tracked.own.task_definition if tracked.started else "",
            "deployment-id": tracked.own.id,
            "images": dict(tracked.plan.images) if tracked.started else {},
        }
        for tracked in group
    }
    started = [tracked for tracked in group if tracked.started]
    codedeploy = [tracked.own.id for tracked in started if tracked.own.id.startswith("d-")]
    images = {container: image for tracked in started for container, image in tracked.plan.images.items()}
    return {
        "task-definition-arn": "\n".join(dict.fromkeys(tracked.own.task_definition for tracked in started)),
        "deployment-id": "\n".join(tracked.own.id for tracked in started),
        **({"codedeploy-deployment-id": "\n".join(codedeploy)} if codedeploy else {}),
        "images": json.dumps(images, sort_keys=True),
        "services": json.dumps(services, sort_keys=True),
    }


def _facts(tracked: TrackedDeployment) -> dict[str, str]:
    return {
        "service": tracked.plan.name if tracked.plan.name != tracked.key else "",
        "deployment": tracked.own.id,
    }


def _deployed(tracked: TrackedDeployment, outcome: Outcome, job: Job, *, read: bool = False) -> Deployed:
    """The outcome of a deployment. Without ``read``, shows the difference only if the previous definition is already
    known."""
    before, after = tracked.way
    if not tracked.started:
        return Deployed(tracked.key, outcome, before, links=_links(tracked, job))
    tracked.timeline.add(outcome, job.clock.monotonic())
    change = _change(tracked, job, read=read)
    images, moments = tracked.plan.images, tracked.timeline.moments
    return Deployed(tracked.key, outcome, before, after, images, moments, change, _links(tracked, job))


def _links(tracked: TrackedDeployment, job: Job) -> dict[str, str]:
    """The pages in the AWS console of the service, its deployment, the revision and the images; of a deployment only if
    it was started."""
    console, plan = job.aws.console(), tracked.plan
    found = {container: console.image(image) for container, image in plan.images.items()}
    found["service"] = console.service(plan.cluster, plan.name)
    if tracked.started:
        with_codedeploy = tracked.own.strategy is Strategy.CODE_DEPLOY
        deployments = console.deployments(plan.cluster, plan.name)
        found["deployment"] = console.codedeploy(tracked.own.id) if with_codedeploy else deployments
        found["task definition"] = console.task_definition(tracked.way[1])
    return found


def _change(tracked: TrackedDeployment, job: Job, *, read: bool) -> list[str] | None:
    """The difference between the previous revision and the new one; ``None`` if unknown."""
    before = tracked.own.previous_task_definition
    if not before or before == tracked.own.task_definition:
        return None
    known = templates.known(before, job)
    if read and not known:
        with suppress(ClientError, BotoCoreError, Refused):
            known = templates.registered(before, job)
    return difference.lines(known, tracked.plan.definition) if known else None
