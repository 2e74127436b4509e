"""lock: takes the document's lock, so that no deployment starts."""

from __future__ import annotations

from datetime import datetime, timezone

from ecs_cd.inputs.lock import Lock as LockInputs
from ecs_cd.job.job import Job, Result
from ecs_cd.locks import holder, take
from ecs_cd.locks.rules.lock import Lock
from ecs_cd.model import duration, moment
from ecs_cd.model.errors import Refused
from ecs_cd.model.verdict import Outcome, Verdict
from ecs_cd.steps.step import Step, run_step

STEP = Step("Lock")


def run(inputs: LockInputs, job: Job) -> int:
    """The verb; its exit code. A deployment that is running continues."""
    return run_step(STEP, lambda: _execute(inputs, job), job)


def _execute(inputs: LockInputs, job: Job) -> Result:
    name, now = holder.parameter(inputs.config, job), job.clock.time()
    until = _until(inputs.until, now)
    run = job.run
    mine = Lock(holder.who(job), _written(now), inputs.reason, until, run.url, job.state.nonce)
    take.take(name, mine, job)
    return Result(Verdict(Outcome.SUCCEEDED, f"deployments are locked {mine.words}"), facts={"parameter": name})


def _until(given: str, now: float) -> str:
    """When the lock ends, as its parameter has it; empty without an end. Raises ``Refused`` for a past time."""
    if not given:
        return ""
    if "-" in given:  # a time; a duration has none
        if moment.seconds(given, what="until") <= now:
            raise Refused(f"until: it is past that time already; it is {_written(now)}")
        return given
    return _written(now + duration.seconds(given, what="until"))


def _written(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
