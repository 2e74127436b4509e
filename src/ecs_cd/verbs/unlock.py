"""unlock: gives the document's lock back, so that deployments start again."""

from __future__ import annotations

from ecs_cd.inputs.unlock import Unlock
from ecs_cd.job.job import Job, Result
from ecs_cd.locks import holder, take
from ecs_cd.locks.rules import lock, permit
from ecs_cd.model.errors import Refused
from ecs_cd.model.verdict import Outcome, Verdict
from ecs_cd.steps.step import Step, run_step

STEP = Step("Unlock")


def run(inputs: Unlock, job: Job) -> int:
    """The verb; its exit code: 0 as well if there is no lock."""
    return run_step(STEP, lambda: _execute(inputs, job), job)


def _execute(inputs: Unlock, job: Job) -> Result:
    name = holder.parameter(inputs.config, job)
    found = take.read(name, job)
    if found is None:
        return Result(Verdict(Outcome.SKIPPED, f"deployments are not locked: there is no SSM parameter {name}"))
    held = lock.load(found, name)
    if not (inputs.force or held.expired(job.clock.time()) or held.by == holder.who(job)):
        raise Refused(permit.taken(held, name), "To end another holder's lock, set the input force (--force).")
    take.give_back(name, found, job)
    return Result(Verdict(Outcome.SUCCEEDED, f"ended the lock {held.words}"), facts={"parameter": name})
