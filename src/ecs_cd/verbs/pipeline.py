"""pipeline: build and push, migrate, deploy, in one process that signs in once and reads the document once."""

from __future__ import annotations

from collections.abc import Callable

from ecs_cd.deploy.targets import targets
from ecs_cd.document import load
from ecs_cd.document.rules.document import Document
from ecs_cd.images import build_plan, build_spec, resolve
from ecs_cd.inputs.pipeline import Pipeline
from ecs_cd.job import checkout
from ecs_cd.job.job import Job, Result, concurrently
from ecs_cd.locks.gate import Gate
from ecs_cd.model.errors import Refused
from ecs_cd.steps import github_deployment
from ecs_cd.steps.github_deployment import GitHubDeploymentStatus
from ecs_cd.steps.step import Step, run_steps
from ecs_cd.verbs import build_push, deploy, migrate


def run(inputs: Pipeline, job: Job) -> int:
    """The verb; its exit code. Checks everything before it builds; each step starts if the previous one succeeded."""
    with github_deployment.kept(inputs, job, deploys=inputs.deploys) as status:
        return _run(inputs, status, job)


def _run(inputs: Pipeline, status: GitHubDeploymentStatus, job: Job) -> int:
    document = load.load(inputs.config, job)
    _check_who_deploys(document)
    _check_signatures(document)
    gate = Gate(document, inputs.override, job)
    wanted = targets(inputs.service, document, job)
    names = set(deploy.image_names([*wanted, *document.scheduled_tasks.values()]))
    names |= {task.image for task in document.one_off_tasks}
    # An image that nothing runs is not built, unless the input names it.
    specs = [spec for spec in build_spec.wanted(inputs, document, job) if inputs.image or spec.name in names]
    commit = checkout.commit(inputs.sha, job, build_plan.place(specs))
    plans, tasks, release = concurrently(
        lambda: build_plan.prepare(inputs, specs, document, commit, job),
        lambda: migrate.prepare(inputs, document, job),
        lambda: deploy.prepare(inputs, wanted, document, gate, job),
    )
    not_built = names if inputs.dry_run else names - {plan.name for plan in plans}
    by_name = resolve.resolve(sorted(not_built), document.images, commit, job, required=not inputs.dry_run)

    def build() -> Result:
        result = build_push.execute(inputs, plans, job)
        if result.verdict.outcome.green:
            by_name.update(build_push.images(result))
        return result

    steps: list[tuple[Step, Callable[[], Result]]] = [
        (build_push.STEP, build),
        *migrate.steps(inputs, tasks, by_name, commit, gate, job),
        (deploy.STEP, lambda: release(by_name).of_commit(commit, job.run)),
    ]
    steps = steps[-1:] if inputs.dry_run else steps  # a dry run neither builds nor migrates
    if not inputs.dry_run:
        gate.check(job)  # and again before each change: a build takes its time
    status.begin(commit, [each.key for each in wanted])
    return status.end(run_steps(((step, status.seen(step.title, execute)) for step, execute in steps), job))


def _check_who_deploys(document: Document) -> None:
    """With `pipeline`, CodePipeline migrates and deploys. Raises ``Refused``, or both sides would do it."""
    if document.pipeline:
        raise Refused(
            f"the document has `pipeline`: CodePipeline ({document.pipeline.name}) migrates and deploys these images",
            "Use build-push and then hand-off, or the reusable workflow, which does both; or remove `pipeline`.",
        )


def _check_signatures(document: Document) -> None:
    """Nothing can sign an image between two steps of one process. Raises ``Refused`` if the document requires it."""
    if document.require_attestation:
        raise Refused(
            "the document has `require-attestation`, and nothing signs the images that this verb builds",
            "Use build-push, then sign the image, then migrate and deploy: docs/guides/signatures.md.",
        )
