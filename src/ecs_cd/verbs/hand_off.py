"""hand-off: gives the commit's images to a CodePipeline pipeline, follows its execution, and reports its cause."""

from __future__ import annotations

from ecs_cd.document import load
from ecs_cd.handoff import plan, release
from ecs_cd.handoff.plan import HandOffPlan
from ecs_cd.images import attestations, resolve
from ecs_cd.inputs.hand_off import HandOff
from ecs_cd.job import checkout
from ecs_cd.job.job import Job, Result, concurrently
from ecs_cd.locks.gate import Gate
from ecs_cd.model.verdict import Outcome, Verdict
from ecs_cd.steps import github_deployment
from ecs_cd.steps.github_deployment import GitHubDeploymentStatus
from ecs_cd.steps.step import Step, run_step

STEP = Step("Pipeline", result="result")


def run(inputs: HandOff, job: Job) -> int:
    """The verb; its exit code. Checks the images, the document and the pipeline before it starts anything."""
    with github_deployment.kept(inputs, job, deploys=not inputs.dry_run) as status:
        return _run(inputs, status, job)


def _run(inputs: HandOff, status: GitHubDeploymentStatus, job: Job) -> int:
    document = load.load(inputs.config, job)
    pipeline = plan.declared(document)
    gate = Gate(document, inputs.override, job)
    commit = checkout.commit(inputs.sha, job)
    names, goal = plan.image_names(document, pipeline), plan.goal(inputs.wait_until, pipeline)
    images, declaration = concurrently(
        lambda: attestations.verified(
            resolve.resolve(names, document.images, commit, job),
            inputs,
            document,
            job,
        ),
        lambda: plan.check(goal, document, pipeline, job),
    )
    prepared = HandOffPlan(
        pipeline,
        declaration,
        commit,
        images,
        goal=goal,
        timeout=inputs.timeout,
        superseded=inputs.superseded,
        on_cancel=inputs.on_cancel,
        gate=gate,
    )
    if inputs.dry_run:
        return run_step(STEP, lambda: _dry_run(prepared, job), job)
    status.begin(commit, [pipeline.name])
    return status.end(run_step(STEP, status.seen(STEP.title, lambda: release.execute(prepared, job)), job))


def _dry_run(prepared: HandOffPlan, job: Job) -> Result:
    prepared.gate.say(job)
    words = f"{prepared.pipeline.name} can be started with these images; nothing was started (dry-run)"
    return Result(Verdict(Outcome.SKIPPED, words), {"result": Outcome.SKIPPED.value}, prepared.images)
