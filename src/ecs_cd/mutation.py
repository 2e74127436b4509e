"""Mutations: made once, looked for when the answer is lost, only then repeated."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from ecs_cd.aws.session import code, passing
from ecs_cd.job import Job

T = TypeVar("T")

_ATTEMPTS = 6  # with 1, 2, ... 5 seconds between them


def carry_out(what: str, call: Callable[[], T], look: Callable[[], T | None], job: Job) -> T:
    """The answer of ``call``, or what ``look`` finds of it after an answer that never came.

    A throttled call, a server error and a lost connection are followed by a look, because the call may
    have been carried out all the same. Any other error is AWS's answer. Raises the last error.
    """
    for attempt in range(1, _ATTEMPTS):
        try:
            return call()
        except (ClientError, BotoCoreError) as error:
            if not passing(error):
                raise
            job.ci.line(f"{what}: {code(error) or type(error).__name__}; looking before it is repeated")
        job.clock.sleep(attempt)
        found = look()
        if found is not None:
            return found
    return call()
