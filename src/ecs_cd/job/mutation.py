"""Mutations: sent once; after a lost response, checked for and only then repeated."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from ecs_cd.aws.errors import code, had_no_effect, is_transient, unsent
from ecs_cd.job.job import Job
from ecs_cd.model import pace
from ecs_cd.model.errors import NotCarriedOut, OutcomeUnknown, Overtaken, Refused

T = TypeVar("T")


def carry_out(
    what: str, call: Callable[[], T], look: Callable[[], T | None], job: Job, *, idempotent: bool = False
) -> T:
    """Returns the response of ``call``, or what ``look`` finds after a lost response.

    ``look`` follows a throttled call, a server error or a lost connection, because AWS may have carried the call
    out anyway. An ``idempotent`` call is repeated even if ``look`` fails.
    Raises AWS's own error if the first call was refused or never sent, and any error of ``look`` while all calls were
    throttled: then nothing has happened. After a lost response, any error but ``NotCarriedOut`` becomes
    ``OutcomeUnknown``; after an ``Overtaken``, ``look`` gets more attempts first.
    """
    try:
        return call()
    except (ClientError, BotoCoreError) as error:
        if not is_transient(error) or unsent(error):
            raise
        lost: Exception = error
    in_doubt = not had_no_effect(lost)
    for attempt in range(1, pace.MUTATION_ATTEMPTS):
        job.ci.line(f"{what}: {_in_short(lost)}; checking before a retry")
        job.clock.sleep(attempt)
        try:
            found = _look(look, idempotent)
            return call() if found is None else found
        except NotCarriedOut:
            raise
        except (ClientError, BotoCoreError, Refused) as error:
            if not is_transient(error) and not in_doubt:
                raise
            if not is_transient(error) and not isinstance(error, Overtaken):
                raise _unknown(what, error) from error
            lost, in_doubt = error, in_doubt or not had_no_effect(error)
    if not in_doubt:
        raise lost
    raise _unknown(what, lost) from lost


def _unknown(what: str, error: Exception) -> OutcomeUnknown:
    then = f"no response came ({error})" if is_transient(error) else f"its response was lost, and then: {error}"
    return OutcomeUnknown(f"{what} may have been carried out: {then}")


def _in_short(error: Exception) -> str:
    return str(error) if isinstance(error, Overtaken) else code(error) or type(error).__name__


def refused_with(error: Exception) -> str:
    """The code with which AWS refused the call, at once or when it was repeated after a lost response."""
    cause = error.__cause__ if isinstance(error, OutcomeUnknown) else error
    return code(cause) if isinstance(cause, Exception) else ""


def _look(look: Callable[[], T | None], idempotent: bool) -> T | None:
    try:
        return look()
    except (ClientError, BotoCoreError):
        if idempotent:
            return None
        raise
