"""Starts an execution exactly once, or finds the one that the push has started."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ecs_cd.aws import codepipeline, s3
from ecs_cd.aws.errors import THROTTLED
from ecs_cd.document.rules.pipeline import Start
from ecs_cd.handoff.plan import HandOffPlan
from ecs_cd.handoff.rules import declaration, links, request, same_images
from ecs_cd.handoff.rules.progress import Wanted
from ecs_cd.handoff.tracked import TrackedExecution
from ecs_cd.job.job import Job
from ecs_cd.job.mutation import carry_out, refused_with
from ecs_cd.model import pace
from ecs_cd.model.duration import words
from ecs_cd.model.errors import OutcomeUnknown, Refused

# The pipeline can't take one more execution, somebody is just changing it, or AWS is busy.
_LATER = {"ConcurrentPipelineExecutionsLimitExceededException", "ConflictException", *THROTTLED}


def start(plan: HandOffPlan, job: Job) -> TrackedExecution:
    """The execution with the images of this run."""
    if plan.pipeline.start is Start.EVENT:
        return _started_by_event(plan, job)
    _name_the_same(plan, job)
    plan.gate.check(job)
    version = _put_object(plan, job) if plan.pipeline.start is Start.OBJECT else ""
    token = request.token(plan.pipeline, _origin(job), plan.commit, plan.images, version)
    nonce = request.nonce(token) if declaration.declares_nonce(plan.declaration) else ""
    call = request.request(plan.pipeline, plan.images, plan.commit, version=version, token=token, nonce=nonce)
    record(plan, "", job)
    name = _start(plan, call, job)
    record(plan, name, job)
    job.ci.line(f"pipeline: execution {name} of {plan.pipeline.name} started")
    return TrackedExecution(plan, name, _wanted(plan, version, job), job.clock.monotonic(), nonce)


def record(plan: HandOffPlan, execution: str, job: Job) -> None:
    """Writes the execution into the state file; ``steps.unfinished`` reads it. One that EventBridge has started is
    never stopped: it could be that of another push."""
    job.state.begin(
        kind="execution",
        region=job.aws.region,
        sign_in=job.aws.sign_in,
        on_cancel="leave" if plan.pipeline.start is Start.EVENT else plan.on_cancel,
        pipeline=plan.pipeline.name,
        execution=execution,
    )


def _origin(job: Job) -> tuple[str, ...]:
    run = job.run
    return (run.repository, run.id, run.attempt) if run.is_unique else (job.state.nonce,)


def _wanted(plan: HandOffPlan, version: str, job: Job) -> Wanted:
    revisions = request.revisions(plan.pipeline, plan.images, version)
    return Wanted(
        goal=plan.stage,
        goal_actions=tuple(declaration.stage_actions(plan.declaration, plan.stage)),
        variables=request.variables(plan.pipeline, plan.images, plan.commit),
        revisions=tuple(each["revisionValue"] for each in revisions),
        page=links.pipeline(job.aws.region, plan.pipeline.name),
        goal_checked=bool(declaration.on_failed_condition(plan.declaration, plan.stage)),
        stages=tuple(declaration.stage_names(plan.declaration)),
    )


def _put_object(plan: HandOffPlan, job: Job) -> str:
    """Writes the object and returns its version. Raises ``Refused`` if the bucket keeps no versions."""
    target = plan.pipeline.object
    assert target is not None  # `start: object` has one
    version = s3.put(job.aws, target, request.archive(plan.images, plan.commit))
    if not version:
        raise Refused(
            f"{target} was written, but its bucket keeps no versions, so the pipeline can't be started with it",
            "The infra repo turns versioning on for the bucket; nothing was started.",
        )
    job.ci.line(f"pipeline: wrote {target}, version {version}")
    return version


def _start(plan: HandOffPlan, call: Mapping[str, Any], job: Job) -> str:
    """StartPipelineExecution, with one token for all attempts. Waits while the pipeline takes no more executions."""
    deadline, said = job.clock.monotonic() + plan.timeout, ""
    doubt: OutcomeUnknown | None = None
    while True:
        try:
            return carry_out(
                "StartPipelineExecution",
                lambda: codepipeline.start(job.aws, call),
                lambda: None,
                job,
                idempotent=True,  # thanks to the clientRequestToken
            )
        except (ClientError, BotoCoreError, OutcomeUnknown) as error:
            why = refused_with(error)
            doubt = doubt or (error if isinstance(error, OutcomeUnknown) else None)
            if why not in _LATER or job.clock.monotonic() >= deadline:
                if doubt:
                    raise doubt from error
                job.state.end()  # CodePipeline refused the call and started nothing
                raise
            if why != said:
                job.ci.line(f"pipeline: {plan.pipeline.name} can't be started now ({why}); trying again")
            said = why
            job.clock.sleep(min(pace.START_PAUSE, max(0.0, deadline - job.clock.monotonic())))
            if not doubt:  # otherwise it may have started
                _check_again(plan, job)


def _check_again(plan: HandOffPlan, job: Job) -> None:
    try:
        plan.gate.check(job)
    except Refused:
        job.state.end()  # nothing was started
        raise


# ---- executions that are there already ----


def _name_the_same(plan: HandOffPlan, job: Job) -> None:
    """Names the executions in progress that have the same images and commit, such as an earlier attempt's."""
    if plan.pipeline.start is Start.OBJECT:  # each hand-off writes a version of its own
        return
    wanted = _wanted(plan, "", job)
    listed = codepipeline.executions(job.aws, plan.pipeline.name)
    running = [str(each["pipelineExecutionId"]) for each in listed if each.get("status") == "InProgress"]
    for name in running[: pace.EXECUTIONS_COMPARED]:
        found = codepipeline.execution(job.aws, plan.pipeline.name, name)
        if same_images.has(found, wanted.variables, wanted.revisions):
            job.ci.notice(f"pipeline: execution {name} is still in progress and has the same images")


def _started_by_event(plan: HandOffPlan, job: Job) -> TrackedExecution:
    """The execution that the push has started. Raises ``Refused`` if EventBridge starts none in time."""
    wanted, digests = _wanted(plan, "", job), request.revisions(plan.pipeline, plan.images, "")
    patience = min(pace.EVENT_STARTS, plan.timeout)
    deadline = job.clock.monotonic() + patience
    said = False
    while True:
        listed = codepipeline.executions(job.aws, plan.pipeline.name)
        late = job.clock.monotonic() >= deadline
        name = same_images.find(listed, digests, late=late)
        if name:
            job.ci.line(f"pipeline: following execution {name} of {plan.pipeline.name}, which the push has started")
            record(plan, name, job)
            newest = str(listed[0]["pipelineExecutionId"])
            replaced_by = newest if late and newest != name else ""
            return TrackedExecution(plan, name, wanted, job.clock.monotonic(), replaced_by=replaced_by)
        if late:
            raise Refused(
                f"no execution of {plan.pipeline.name} has started with {digests[0]['revisionValue']} "
                f"within {words(patience)}",
                f"An EventBridge rule must start the pipeline when {plan.pipeline.tag} is pushed; check the rule, its "
                "role, and that build-push pushes this tag.",
            )
        if not said:
            job.ci.line(f"pipeline: waiting for EventBridge to start {plan.pipeline.name}")
            said = True
        job.clock.sleep(pace.EXECUTION_EVERY)
