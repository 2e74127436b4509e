"""The gate before a change: refuses it while the document's lock or a freeze window holds. Without these keys it makes
no call. What only such a document needs is imported there."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ecs_cd.model import pace
from ecs_cd.model.errors import Refused

if TYPE_CHECKING:
    from concurrent.futures import Future

    from ecs_cd.document.rules.document import Document
    from ecs_cd.job.job import Job


class Gate:
    """Reads the lock and the freeze windows of a document, from its creation on in the background."""

    def __init__(self, document: Document | None = None, override: str = "", job: Job | None = None) -> None:
        self._lock, self._freeze = (document.lock, document.freeze) if document else ("", "")
        self._override = override
        self._said: set[str] = set()
        self._found: Future[Any] | None = None
        self._asked_at = 0.0
        if job and (self._lock or self._freeze):
            self._ask(job)

    def check(self, job: Job) -> None:
        """Comes right before a change. Raises ``Refused`` while the lock or a freeze window holds, or if it is unknown
        whether they do. An override is reported instead: as an annotation, and in the summary of the step."""
        problem = self._problem(job)
        if problem is None:
            return
        if not self._override:
            raise problem
        words = f"override ({self._override}): {problem.line}"
        self._once(words, job.ci.notice)
        job.summary.add_facts({"override": words.removeprefix("override ")})

    def say(self, job: Job) -> None:
        """For a run that changes nothing: a line in the job log, if a deployment would be refused now."""
        problem = self._problem(job)
        if problem:
            self._once(f"lock: a deployment would be refused now: {problem.line}", job.ci.line)

    def _once(self, words: str, say: Callable[[str], None]) -> None:
        if words not in self._said:
            self._said.add(words)
            say(words)

    def _ask(self, job: Job) -> Future[Any]:
        from concurrent.futures import ThreadPoolExecutor

        from ecs_cd.aws import ssm

        names = list(filter(None, (self._lock, self._freeze)))
        self._asked_at = job.clock.monotonic()
        self._found = ThreadPoolExecutor(1).submit(ssm.values, job.aws, names)
        return self._found

    def _problem(self, job: Job) -> Refused | None:
        """Why no deployment may start now. What was read is at most ``pace.LOCK_FRESH`` old."""
        if not (self._lock or self._freeze):
            return None
        from botocore.exceptions import BotoCoreError, ClientError

        from ecs_cd.aws.errors import explain
        from ecs_cd.locks.rules import permit

        found = self._found
        if found is None or job.clock.monotonic() - self._asked_at > pace.LOCK_FRESH:
            found = self._ask(job)
        parameters = permit.Parameters(self._lock, self._freeze)
        try:
            permit.check(parameters, found.result(), job.clock.time())
        except Refused as refused:
            return refused
        except (ClientError, BotoCoreError) as error:
            why, names = explain(error), " and ".join(parameters.names)
            words = f"whether deployments are locked is unknown: {names} can't be read: {why.line}"
            return permit.with_override(Refused(words, why.remedy))
        return None
