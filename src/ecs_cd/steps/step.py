"""Around a step: reports its result, turns errors into exit codes, and always reports work in progress."""

from __future__ import annotations

import signal
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from botocore.exceptions import BotoCoreError, ClientError

from ecs_cd.aws.errors import explain
from ecs_cd.ci import Ci
from ecs_cd.diagnosis.evidence import Finding
from ecs_cd.diagnosis.findings import WAITING
from ecs_cd.job import parts
from ecs_cd.job.job import Job, Result, concurrently
from ecs_cd.model import duration
from ecs_cd.model.errors import Cancelled, OutcomeUnknown, Refused
from ecs_cd.model.verdict import DEFECT_EXIT_CODE, EXIT_CODES, REFUSED_EXIT_CODE, Outcome
from ecs_cd.report.summary import NOT_STARTED, UNDER_WAY, Part
from ecs_cd.steps import unfinished

# What to do after an outcome whose cause says nothing of it.
_AFTER = {
    Outcome.SUPERSEDED: "Nothing to repair here: the newer deployment decides. Run the job again only if this commit "
    "has to replace it.",
    Outcome.GONE: "Find out who deleted it; CloudTrail shows the call.",
    Outcome.TIMED_OUT: WAITING,
    Outcome.UNKNOWN: "Look in the ECS console at what it does now before you run the job again.",
    Outcome.PAUSED: "Run `ecs-cd continue` to go on, or `ecs-cd rollback` to go back.",
}


@dataclass(frozen=True)
class Step:
    """A part of a verb as users see it; ``result`` is the output with its outcome, ``phase`` its name in the
    timeline."""

    title: str
    result: str = ""
    phase: str = ""


def run_step(step: Step, execute: Callable[[], Result], job: Job) -> int:
    """Runs a step, reports its result to the log, outputs and summary, and returns its exit code."""

    def carried_out() -> int:
        started = job.clock.monotonic()
        _show(Part(step.title, UNDER_WAY, begin=started), job)
        result = execute()
        return _report(step, result, started, job)

    return guarded(carried_out, step, job)


def run_steps(steps: Iterable[tuple[Step, Callable[[], Result]]], job: Job) -> int:
    """Runs steps one after another until one does not succeed; the exit code of the last one that ran."""
    codes = (run_step(step, execute, job) for step, execute in steps)
    return next((code for code in codes if code), 0)


def _show(part: Part, job: Job) -> None:
    """Puts the part at the end of the summary."""
    job.summary.put_last(part)
    job.ci.summary(job.summary.parts)


def _report(step: Step, result: Result, started: float, job: Job) -> int:
    verdict, elapsed = result.verdict, job.clock.monotonic() - started
    under_way = job.summary.part(step.title)
    job.ci.outputs(result.outputs)  # before the cause, which ends the log
    words = f"{verdict.outcome.words}{': ' + verdict.message if verdict.message else ''}"
    if verdict.outcome.green:
        job.ci.line(f"{step.title} {words} ({duration.words(elapsed)})")
    else:
        _explain(result.findings, job.ci)
        job.ci.error("\n".join([words, *_cause(verdict.outcome, result.findings)]), title=step.title)
    part = Part(
        step.title,
        verdict.outcome,
        verdict.message,
        begin=started,
        elapsed=elapsed,
        phase=step.phase if verdict.outcome is not Outcome.SKIPPED else "",
        facts={**result.facts, **(under_way.facts if under_way else {})},
        findings=result.findings,
        texts=result.texts,
        services=result.services,
        links=result.links,
    )
    _show(part, job)
    return EXIT_CODES[verdict.outcome]


def _explain(findings: Sequence[Finding], ci: Ci) -> None:
    """The causes with what the log does not have of them yet; the likely one last, whose words are in the error."""
    for number, finding in reversed(list(enumerate(findings))):
        new = [] if finding.logged else [line for line in finding.evidence if line not in finding.in_log]
        if new or (number and not finding.logged):
            ci.line(finding.words)
            ci.relay(new)
        if number and finding.remedy and not finding.logged:
            ci.line(f"-> {finding.remedy}")


def _cause(outcome: Outcome, findings: Sequence[Finding]) -> Iterator[str]:
    """The likely cause in a line, and what to do in another."""
    likely = findings[0] if findings else Finding("")
    if likely.cause:
        yield f"Likely cause: {likely.words}"
    if remedy := likely.remedy or _AFTER.get(outcome, ""):
        yield f"-> {remedy}"


def guarded(run: Callable[[], int], step: Step, job: Job) -> int:
    """Turns any end of ``run`` into an exit code and a message, and always reports work in progress."""
    try:
        return run()
    except Refused as refused:
        return _cut_short(refused, step, job)
    except (ClientError, BotoCoreError, OutcomeUnknown) as error:
        return _cut_short(explain(error), step, job)
    except OSError as error:  # a full disk, a read-only folder
        where = f": {error.filename}" if error.filename else ""
        return _cut_short(Refused(f"{error.strerror or error}{where}"), step, job)
    except Cancelled:
        for received in (signal.SIGINT, signal.SIGTERM):
            signal.signal(received, signal.SIG_IGN)  # the runner sends another signal; report first
        return _unfinished(Outcome.CANCELLED, "cancelled", step, job)
    except Exception as error:
        job.ci.relay(traceback.format_exception(error))
        message = f"a bug in ecs-cd: {type(error).__name__}; the log shows where. Please report it."
        _unfinished(Outcome.UNKNOWN, message, step, job)
        return DEFECT_EXIT_CODE


def _cut_short(refused: Refused, step: Step, job: Job) -> int:
    """Not started if nothing is in progress; otherwise the work continues and its outcome is unknown."""
    if not any(each.state.under_way for each in (job, *job.parts)):
        _say_refused(refused, step.title, job.ci)
        _show(_refused(refused, step.title), job)
        return REFUSED_EXIT_CODE
    remedy = [f"-> {refused.remedy}"] if refused.remedy else []
    message = "\n".join([str(refused), "The outcome is unknown; whatever was started continues.", *remedy])
    return _unfinished(Outcome.UNKNOWN, message, step, job)


def _unfinished(outcome: Outcome, message: str, step: Step, job: Job) -> int:
    """Reports an end without a verdict and what still runs; the exit code. Only a cancellation stops work."""
    if step.result:
        job.ci.outputs({step.result: outcome.value})
    job.ci.error(message, title=step.title)
    reports = [partial(_report_or_stop, each, outcome) for each in (job, *job.parts)]
    if outcome is Outcome.CANCELLED:
        concurrently(*reports)
    else:  # without threads: that there are none left may be the defect
        for report in reports:
            report()
    part = job.summary.part(step.title) or Part(step.title, UNDER_WAY, begin=job.clock.monotonic())
    findings = [Finding("", tuple(message.splitlines()))]
    elapsed, services = job.clock.monotonic() - part.begin, job.summary.unfinished
    ended = replace(part, state=outcome, elapsed=elapsed, phase=step.phase, findings=findings, services=services)
    _show(ended, job)
    return EXIT_CODES[outcome]


def _report_or_stop(job: Job, outcome: Outcome) -> None:
    under_way = job.state.under_way if outcome is Outcome.CANCELLED else {**job.state.under_way, "on_cancel": "leave"}
    if unfinished.report_or_stop(under_way, job.aws, parts.log(job), job.clock):
        job.state.end()  # otherwise a later step of the job can try again


def refuse(refused: Refused, title: str, ci: Ci) -> int:
    """Reports what to fix if there is no job yet; the exit code."""
    _say_refused(refused, title, ci)
    ci.summary([_refused(refused, title)])
    return REFUSED_EXIT_CODE


def _say_refused(refused: Refused, title: str, ci: Ci) -> None:
    ci.error("\n".join([*refused.problems, *([f"-> {refused.remedy}"] if refused.remedy else [])]), title=title)


def _refused(refused: Refused, title: str) -> Part:
    return Part(title, NOT_STARTED, findings=[Finding("", tuple(refused.problems), refused.remedy)])
