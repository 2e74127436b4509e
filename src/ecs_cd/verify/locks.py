"""Whether the lock and the freeze windows that the document names can be read and understood."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from ecs_cd.aws import ssm
from ecs_cd.document.rules.document import Document
from ecs_cd.job.job import Job
from ecs_cd.locks.rules import freeze, lock
from ecs_cd.verify.asking import Answers, ask
from ecs_cd.verify.rules.finding import Finding, ok
from ecs_cd.verify.subjects import Found

CHECK = "lock"
_SUBJECT = "lock"


def check(job: Job, found: Found) -> list[Finding]:
    """A line each; a lock that holds and an open window are not wrong, and are named."""
    document = found.document
    checks = [_lock] if document.lock else []
    checks += [_freeze] if document.freeze else []
    return [finding for each in checks for finding in ask(_SUBJECT, CHECK, partial(each, document, found.answers, job))]


def _lock(document: Document, answers: Answers, job: Job) -> Iterator[Finding]:
    parameter = _read(document, answers, job).get(document.lock)
    held = lock.load(parameter, document.lock) if parameter else None
    if held is None:
        yield ok(_SUBJECT, CHECK, f"{document.lock} does not exist: deployments are not locked")
    elif held.expired(job.clock.time()):
        yield ok(_SUBJECT, CHECK, f"{document.lock} holds an expired lock: deployments are not locked")
    else:
        yield ok(_SUBJECT, CHECK, f"a deployment would be refused now: deployments are locked {held.words}")


def _freeze(document: Document, answers: Answers, job: Job) -> Iterator[Finding]:
    windows = freeze.load(_read(document, answers, job).get(document.freeze), document.freeze)
    now = job.clock.time()
    yield ok(_SUBJECT, CHECK, f"{document.freeze} has {len(windows)} freeze window{'s' * (len(windows) != 1)}")
    for window in windows:
        if window.holds(now):
            yield ok(_SUBJECT, CHECK, f"a deployment would be refused now: deployments are frozen {window.words}")


def _read(document: Document, answers: Answers, job: Job) -> dict[str, dict[str, object]]:
    names = list(filter(None, (document.lock, document.freeze)))
    return answers.get("locks", lambda: ssm.values(job.aws, names))
