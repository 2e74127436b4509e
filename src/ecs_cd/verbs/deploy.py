"""deploy: deploys one or more ECS services, follows them to one verdict, and verifies what runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from ecs_cd.deploy import official, register, release, schedules, strategies
from ecs_cd.deploy.official import Official
from ecs_cd.deploy.plan import DeploymentPlan, Policy
from ecs_cd.deploy.register import Registration
from ecs_cd.deploy.release import Release
from ecs_cd.deploy.targets import targets
from ecs_cd.document import load
from ecs_cd.document.rules.document import Document, ScheduledTask, Service
from ecs_cd.images import attestations, handed_over, resolve
from ecs_cd.inputs.deploy import Deploy
from ecs_cd.inputs.official import DeployAlone
from ecs_cd.inputs.rules import documents
from ecs_cd.job import checkout
from ecs_cd.job.job import Job, Result, concurrently
from ecs_cd.job.services import active_service, active_services
from ecs_cd.locks.gate import Gate
from ecs_cd.model import lifecycle
from ecs_cd.model.lifecycle import Until
from ecs_cd.steps import github_deployment
from ecs_cd.steps.github_deployment import GitHubDeploymentStatus
from ecs_cd.steps.step import Step, run_step
from ecs_cd.tasks import run_task
from ecs_cd.tasks.loader import Loader
from ecs_cd.tasks.templates import Template

if TYPE_CHECKING:  # few runs have several documents
    from ecs_cd.deploy.waves import Named

STEP = Step("Deployment", result="result")

# Carries out what is prepared; gets the document's images, by digest.
Execute = Callable[[Mapping[str, str]], Result]


def run(inputs: DeployAlone, job: Job) -> int:
    """The verb on its own; its exit code."""
    with github_deployment.kept(inputs, job, deploys=inputs.deploys) as status:
        return _official(inputs, status, job) if official.wanted(inputs) else _by_document(inputs, status, job)


def _by_document(inputs: DeployAlone, status: GitHubDeploymentStatus, job: Job) -> int:
    if documents.are_several(inputs.config):
        return _in_waves(inputs, status, job)
    document = load.load(inputs.config, job)
    ready = _ready(inputs, document, job, attested=lambda found: attestations.verified(found, inputs, document, job))
    status.begin(ready.commit, ready.services)
    call = status.seen(STEP.title, lambda: ready.execute(job).of_commit(ready.commit, job.run))
    return status.end(run_step(STEP, call, job))


@dataclass(frozen=True)
class _Ready:
    """A document that is checked: ``what`` is carried out with these images, ``repository@sha256:...``."""

    commit: str
    document: Document
    services: Sequence[str]  # their names in the document
    what: Release | Registration
    images: Mapping[str, str]

    def execute(self, job: Job) -> Result:
        return _execute(self.what, self.images, job)


def _ready(inputs: DeployAlone, document: Document, job: Job, attested: Callable[[dict[str, str]], Any]) -> _Ready:
    gate = Gate(document, inputs.override, job)
    found = handed_over.find(inputs, document, job)
    wanted = targets(inputs.service, document, job)
    names = image_names([*wanted, *document.scheduled_tasks.values()])
    required = not inputs.dry_run
    what, images = concurrently(
        lambda: _prepared(inputs, wanted, document, gate, job),
        lambda: attested(
            resolve.resolve(names, document.images, found.commit, job, digests=found.digests, required=required)
        ),
    )
    return _Ready(found.commit, document, [each.key for each in wanted], what, images)


def _in_waves(inputs: DeployAlone, status: GitHubDeploymentStatus, job: Job) -> int:
    """Several documents. All are read and checked before the first one changes anything."""
    from ecs_cd.deploy import waves

    found = waves.documents(documents.places(inputs.config), job)

    def ready(named: waves.Named) -> _Ready:
        with waves.naming(named.name):
            document = load.load(named.where.source, named.job)
            waves.check_cluster(document.cluster, named.where)
            return _ready(inputs, document, named.job, attested=lambda images: images)

    every = concurrently(*(partial(ready, each) for each in found))
    _attest_once(inputs, dict(zip(found, every, strict=True)))
    plans = [
        waves.Planned(named, each.what, each.images)
        for named, each in zip(found, every, strict=True)
        if isinstance(each.what, Release)
    ]
    waves.check(plans, job)
    commit = every[0].commit

    def execute() -> Result:
        if inputs.deploys:
            return waves.execute(plans, inputs.wave_size, job)
        return _without_waves(dict(zip(found, every, strict=True)))

    status.begin(
        commit, [f"{named.name}/{key}" for named, each in zip(found, every, strict=True) for key in each.services]
    )
    call = status.seen(STEP.title, lambda: execute().of_commit(commit, job.run))
    return status.end(run_step(STEP, call, job))


def _without_waves(ready: Mapping[Named, _Ready]) -> Result:
    """A dry run, or revisions that are only registered: of all documents, or of none after an error."""
    from ecs_cd.deploy import waves

    concurrently(*(partial(_refuse_early, named, each) for named, each in ready.items()))
    results: dict[str, Result] = {}
    with ExitStack() as stack:
        for named, each in ready.items():
            with waves.naming(named.name):
                results[named.name] = (
                    stack.enter_context(register.registered(each.what, each.images, named.job))
                    if isinstance(each.what, Registration)
                    else each.execute(named.job)
                )
    return waves.merged(results, {})


def _refuse_early(named: Named, ready: _Ready) -> None:
    from ecs_cd.deploy import waves

    if not ready.what.dry_run:
        with waves.naming(named.name):
            ready.what.gate.check(named.job)


def _attest_once(inputs: DeployAlone, ready: Mapping[Named, _Ready]) -> None:
    """Verifies the images of all documents. Replicated images have one digest, so GitHub is asked once for each."""
    from ecs_cd.deploy import waves

    def attest(named: Named, document: Document, images: Mapping[str, str]) -> None:
        with waves.naming(named.name):
            attestations.verified(images, inputs, document, named.job)

    seen: set[tuple[str, Any]] = set()
    calls = []
    for named, each in ready.items():
        keys = {
            name: (image.partition("@")[2], each.document.require_attestation) for name, image in each.images.items()
        }
        new = {name: each.images[name] for name, key in keys.items() if key not in seen}
        seen |= set(keys.values())
        calls.append(partial(attest, named, each.document, new))
    concurrently(*calls)


def image_names(targets: Iterable[Service | ScheduledTask]) -> list[str]:
    """The names of the images that these run, as in the document."""
    return sorted({image for target in targets for image in target.containers.values()})


def prepare(inputs: Deploy, wanted: Sequence[Service], document: Document, gate: Gate, job: Job) -> Execute:
    """Checks everything that can be checked before anything changes. Returns what carries it out."""
    what = _prepared(inputs, wanted, document, gate, job)
    return lambda by_name: _execute(what, by_name, job)


def _execute(what: Release | Registration, by_name: Mapping[str, str], job: Job) -> Result:
    if isinstance(what, Registration):
        return register.execute(what, by_name, job)
    return release.execute(what, by_name, job)


def _prepared(
    inputs: Deploy, wanted: Sequence[Service], document: Document, gate: Gate, job: Job
) -> Release | Registration:
    loader = Loader(document, inputs.environment_variables, inputs.allow_unknown_fields, job)
    if inputs.register_only:
        entries: list[Service | ScheduledTask] = [*wanted, *document.scheduled_tasks.values()]
        loaded = concurrently(*(partial(loader.load, each) for each in entries))
        return Registration(entries, loaded, inputs.dry_run, gate)
    return replace(_release(inputs, wanted, loader), gate=gate)


def _release(inputs: Deploy, wanted: Sequence[Service], loader: Loader) -> Release:
    document, job = loader.document, loader.job
    read, services, scheduled = concurrently(
        lambda: concurrently(*(partial(loader.template, each) for each in wanted)),
        lambda: active_services(job, document.cluster, [each.name for each in wanted]),
        lambda: schedules.prepare(loader),
    )
    policy = _policy(inputs, Until(inputs.wait_until or lifecycle.DEPLOYED), inputs.deployment_timeout)
    now, force = job.clock.monotonic(), inputs.force_new_deployment

    def plan(target: Service, template: Template) -> DeploymentPlan:
        service, original = services[target.name], template.definition
        kind = lifecycle.strategy(service)
        found = DeploymentPlan(target, document.cluster, original, service, now, kind, template=template, force=force)
        definition, checked = concurrently(
            lambda: loader.checked(target, template), lambda: _checked(found, policy, job)
        )
        return replace(cast(DeploymentPlan, checked), definition=definition)

    return Release(
        concurrently(*(partial(plan, target, template) for target, template in zip(wanted, read, strict=True))),
        policy,
        services=[service.name for service in document.services.values()],
        scheduled=scheduled,
        keep=inputs.keep_revisions or 0,
        dry_run=inputs.dry_run,
    )


def _policy(inputs: Deploy, until: Until, timeout: float) -> Policy:
    return Policy(
        until=until,
        timeout=timeout,
        fail_fast=inputs.fail_fast,
        on_failure=inputs.on_failure,
        on_conflict=inputs.on_conflict,
        on_cancel=inputs.on_cancel,
        in_order=inputs.start == "in-order",
    )


def _checked(plan: DeploymentPlan, policy: Policy, job: Job) -> DeploymentPlan:
    _, found = concurrently(
        lambda: lifecycle.check(policy.until.goal, plan.strategy, plan.name),
        lambda: strategies.of(plan).prepare(job, plan),
    )
    return cast(DeploymentPlan, found)


# ---- as a replacement for the official actions ----


def _official(inputs: DeployAlone, status: GitHubDeploymentStatus, job: Job) -> int:
    given = official.prepare(inputs, job)
    job.ci.outputs({"task-definition": given.path})
    standalone = given.run_task
    first = (lambda arn: run_task.run(standalone, arn, job)) if standalone else None
    if given.service:
        prepared = _official_release(inputs, given, given.service, job)
        commit = checkout.commit(inputs.sha, job) if inputs.github_deployment else ""
        status.begin(commit, [given.service.name])
        execute = partial(release.execute, prepared, {}, job, first)
    else:
        execute = partial(register.alone, given.definition, job, first, without_change=inputs.dry_run)
    return status.end(run_step(STEP, status.seen(STEP.title, execute), job))


def _official_release(inputs: DeployAlone, given: Official, target: Service, job: Job) -> Release:
    service = active_service(job, given.cluster, target.name)
    policy = _policy(inputs, given.until, given.timeout)
    plan = DeploymentPlan(
        target,
        given.cluster,
        given.definition,
        service,
        job.clock.monotonic(),
        lifecycle.strategy(service),
        images=resolve.by_digest(given.definition, job),
        update=official.changes(given, service),
        force=given.force,
    )
    plan = _checked(plan, policy, job)
    if policy.until.through_pauses:
        policy = replace(policy, timeout=strategies.of(plan).wait_budget(job, plan, policy.timeout))
    return Release([plan], policy, [plan.name], keep=inputs.keep_revisions or 0, dry_run=inputs.dry_run)
