"""Asks AWS on behalf of a check: a refusal is a finding of this check, and the other checks continue."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from typing import TypeVar, cast

from botocore.exceptions import BotoCoreError, ClientError

from ecs_cd.aws.errors import action, denied, explain, is_transient, not_signed_in, unreachable
from ecs_cd.model.errors import Refused
from ecs_cd.verify.rules.finding import Finding, not_checkable, sentences, wrong

T = TypeVar("T")


def ask(
    subject: str, check: str, look: Callable[[], Iterable[Finding]], *, remedy: str = "", of_ecs: bool = False
) -> list[Finding]:
    """The findings of one check. ``look`` makes the check's calls; ``remedy`` is for a ``Refused`` that has none.

    A ``Refused`` becomes one wrong finding for each problem. An AWS error makes the check not checkable; if it denies
    a permission, the finding names the IAM action. Raises AWS's error if the caller is not signed in and, for calls
    ``of_ecs``, if no connection is made: without ECS there is nothing to check.
    """
    try:
        return list(look())
    except Refused as refused:
        return [wrong(subject, check, problem, refused.remedy or remedy) for problem in sentences(refused.problems)]
    except (ClientError, BotoCoreError) as error:
        if not_signed_in(error) or (of_ecs and unreachable(error)):
            raise
        return [_not_checkable(subject, check, error)]


def _not_checkable(subject: str, check: str, error: Exception) -> Finding:
    name = action(error)
    if denied(error):
        return not_checkable(subject, check, f"{name} is not allowed", f"Allow the role that runs verify {name}.")
    if is_transient(error):
        return not_checkable(subject, check, explain(error).problems[0], "Run verify again.")
    explained = explain(error)
    return not_checkable(subject, check, explained.line, explained.remedy or "Check it by hand.")


class Answers:
    """What several checks need to know: each question is put to AWS once, and an error is raised for each check."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked: dict[object, Future[object]] = {}

    def get(self, question: object, read: Callable[[], T]) -> T:
        """The result of the first ``read`` for this ``question``, which is hashable and names the call and its
        arguments. Raises what that ``read`` raised."""
        with self._lock:
            first = question not in self._asked
            answer = self._asked.setdefault(question, Future())
        if first:
            try:
                answer.set_result(read())
            except BaseException as error:
                answer.set_exception(error)
        return cast(T, answer.result())
