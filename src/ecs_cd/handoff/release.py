"""Carries a hand-off out: starts the execution, follows it, and reports its stages and causes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ecs_cd.aws import codepipeline
from ecs_cd.aws.errors import transient_as_unreadable
from ecs_cd.diagnosis.evidence import Finding
from ecs_cd.handoff import builds, causes, services, start
from ecs_cd.handoff.follow import FINAL, follow
from ecs_cd.handoff.plan import HandOffPlan
from ecs_cd.handoff.rules import builds as rules
from ecs_cd.handoff.rules import links, progress, rollback, stages
from ecs_cd.handoff.tracked import TrackedExecution
from ecs_cd.inputs.hand_off import STARTED
from ecs_cd.job.job import Job, Result
from ecs_cd.job.watch import watch
from ecs_cd.model import pace
from ecs_cd.model.console import Console
from ecs_cd.model.verdict import InProgress, Outcome, Verdict

_WITH_CAUSES = (Outcome.FAILED, Outcome.ROLLED_BACK, Outcome.ROLLBACK_FAILED)


def execute(plan: HandOffPlan, job: Job) -> Result:
    """Starts or finds the execution and follows it to its result."""
    deadline = job.clock.monotonic() + plan.timeout
    tracked = start.start(plan, job)
    url = links.execution(job.aws.region, plan.pipeline.name, tracked.id)
    job.ci.outputs({"execution-id": tracked.id, "url": url})
    job.ci.line(f"pipeline: {url}")
    if plan.goal == STARTED:
        job.state.end()  # the execution continues without ecs-cd
        verdict = Verdict(Outcome.IN_PROGRESS, f"execution {tracked.id} has started; ecs-cd does not wait for it")
        return _result(tracked, verdict, [], url, job)
    verdict = follow(tracked, deadline, job)
    verdict = _rolled_back(tracked, verdict, deadline, job)
    left = progress.skipped(tracked.snapshot, tracked.wanted) if verdict.outcome is Outcome.SUCCEEDED else []
    if left:
        job.ci.warning(f"pipeline: CodePipeline skipped {', '.join(left)}")
    found = builds.read(tracked.snapshot.actions, tracked.nonce, job)
    if verdict.outcome is Outcome.FAILED:
        verdict = rules.with_rollback(verdict, builds.failed(tracked.snapshot.actions, found))
    if verdict.outcome in _WITH_CAUSES:
        findings = causes.find(plan.pipeline.name, tracked.snapshot, found, job)
    else:
        findings = _pauses(tracked, verdict, job)
    shown = (builds.facts(found), builds.logs_of(found))
    for part in stages.parts(tracked.snapshot, tracked.started, *shown, green=verdict.outcome.green):
        job.summary.put(part if _console(job).region else replace(part, links={}))
    return _result(tracked, verdict, findings, url, job)


def _rolled_back(tracked: TrackedExecution, verdict: Verdict, deadline: float, job: Job) -> Verdict:
    """The verdict after the rollback by the pipeline or by CodeDeploy, if there is one."""
    if verdict.outcome is not Outcome.FAILED:
        return verdict
    name = rollback.execution(tracked.snapshot)
    if not name:
        return services.after_rollback(tracked.snapshot.failed, verdict, deadline, job)
    job.ci.line(f"pipeline: {verdict.message}; execution {name} rolls the stage back", alarming=True)
    goes_back_to = rollback.target(tracked.snapshot.executions, name)

    def look() -> str:
        with transient_as_unreadable():
            found = codepipeline.look_at_execution(job.aws, tracked.plan.pipeline.name, name)
        return str((found or {}).get("status", ""))

    def judge(status: str) -> Verdict | dict[str, InProgress]:
        if status in FINAL:
            return rollback.verdict(verdict, status, name, goes_back_to)
        return {"rollback": InProgress(f"execution {name} is {status}")}

    ended = watch(
        look,
        judge,
        lambda subject, watching: job.ci.line(f"{subject or 'rollback'}: {watching.message}"),
        clock=job.clock,
        timeout=max(0.0, deadline - job.clock.monotonic()),
        interval=lambda _: pace.EXECUTION_EVERY,
    )
    decided = ended.outcome not in (Outcome.TIMED_OUT, Outcome.UNKNOWN)
    return ended if decided else replace(verdict, message=f"{verdict.message}; the rollback {name} has not ended")


def _pauses(tracked: TrackedExecution, verdict: Verdict, job: Job) -> list[Finding]:
    """Where to approve, if that is what the execution waits for."""
    approval = progress.waiting_approval(tracked.snapshot)
    if verdict.outcome is not Outcome.PAUSED or approval is None:
        return []
    page = links.pipeline(job.aws.region, tracked.plan.pipeline.name)
    return [Finding(f"{approval.path} waits for an approval", (), f"Approve or reject it: {page}")]


def _result(tracked: TrackedExecution, verdict: Verdict, findings: Sequence[Finding], url: str, job: Job) -> Result:
    failed = tracked.snapshot.failed
    outputs = {
        "result": verdict.outcome.value,
        "status": tracked.snapshot.status or "InProgress",
        "execution-id": tracked.id,
        "url": url,
        "failed-stage": failed.stage if failed else "",
        "failed-action": failed.name if failed else "",
    }
    facts = {
        "pipeline": tracked.plan.pipeline.name,
        "execution": tracked.id,
        **{f"image {name}": image for name, image in tracked.plan.images.items()},
    }
    if verdict.outcome is Outcome.SUPERSEDED and tracked.plan.superseded == "warning":
        job.ci.warning(f"pipeline: {verdict.message}")
        verdict = replace(verdict, outcome=Outcome.SKIPPED)
    console = _console(job)
    pages = {f"image {name}": console.image(image) for name, image in tracked.plan.images.items()}
    pages["execution"] = url if console.region else ""
    return Result(verdict, outputs, facts, findings, links=pages).of_commit(tracked.plan.commit, job.run)


def _console(job: Job) -> Console:
    return job.aws.console("codepipeline")
