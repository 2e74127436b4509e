"""What every verb works with, and its result."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ecs_cd.model import pace
from ecs_cd.model.errors import Refused, combined
from ecs_cd.report.summary import COMMIT, Summary

if TYPE_CHECKING:
    from ecs_cd.aws.session import Aws
    from ecs_cd.ci import Ci
    from ecs_cd.diagnosis.evidence import Finding
    from ecs_cd.job.state import State
    from ecs_cd.model.clock import Clock
    from ecs_cd.model.run import Run
    from ecs_cd.model.verdict import Verdict
    from ecs_cd.report.timeline import Deployed


@dataclass(frozen=True)
class Job:
    """The environment of one ecs-cd process, and what the process has reported so far."""

    environ: Mapping[str, str]
    run: Run
    ci: Ci
    aws: Aws
    clock: Clock
    state: State
    summary: Summary = field(default_factory=Summary)
    parts: list[Job] = field(default_factory=list)  # each with its own AWS and state; see parts.py


@dataclass(frozen=True)
class Result:
    """The result of a verb: the verdict, its outputs, and for the summary: facts, findings, texts by title, the result
    of each service, and links."""

    verdict: Verdict
    outputs: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)
    findings: Sequence[Finding] = ()
    texts: Mapping[str, Sequence[str]] = field(default_factory=dict)
    services: Sequence[Deployed] = ()
    links: Mapping[str, str] = field(default_factory=dict)

    def of_commit(self, commit: str, run: Run) -> Result:
        """The same result; the summary names the commit, with its page."""
        facts, links = {COMMIT: commit, **self.facts}, {COMMIT: run.commit_url(commit), **self.links}
        return replace(self, facts=facts, links=links) if commit else self


def concurrently(*calls: Callable[[], Any]) -> list[Any]:
    """Makes independent calls at the same time and returns their results.

    Raises one ``Refused`` with the problems of all calls; any other error unchanged.
    """
    from concurrent.futures import ThreadPoolExecutor

    pool = ThreadPoolExecutor(max_workers=min(pace.CALLS_AT_ONCE, len(calls)) or 1)
    futures = [pool.submit(call) for call in calls]
    try:
        errors = [future.exception() for future in futures]
    finally:
        pool.shutdown(wait=False, cancel_futures=True)  # after a cancellation, don't wait for responses
    refused = [error for error in errors if isinstance(error, Refused)]
    for error in errors:
        if error is not None and not isinstance(error, Refused):
            raise error
    if refused:
        raise combined(refused)
    return [future.result() for future in futures]
