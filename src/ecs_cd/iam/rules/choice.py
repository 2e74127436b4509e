"""Which verbs and features a role is for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ecs_cd.document.rules.document import Document
from ecs_cd.iam.rules.permissions import FEATURES, SEVERAL, VERBS
from ecs_cd.model.errors import Refused
from ecs_cd.model.names import closest

KNOWN = (*SEVERAL, *VERBS, "images", "iam")
# What each verb does nothing without, by what the document calls it.
_SERVICES = ("deploy", "continue", "rollback", "artifacts")
_PIPELINE = ("hand-off", "commit-status")
_LOCK = ("lock", "unlock")


def verbs(given: Sequence[str], document: Document) -> tuple[str, ...]:
    """The verbs, each once, those that run others as these; without any, those that the document is for.

    Raises ``Refused`` with all problems: unknown verbs, and verbs that can do nothing with this document.
    """
    unknown = [f"--verb: there is no verb {name}{closest(name, KNOWN)}" for name in given if name not in KNOWN]
    if unknown:
        raise Refused(unknown, f"Name any of {', '.join(KNOWN)}.")
    problems = [problem for name in given if (problem := _problem(name, document))]
    if problems:
        raise Refused(problems, "Name other verbs, or none for those that the document is for.")
    chosen = [each for name in given for each in (_parts(document) if name in SEVERAL else [name])]
    return tuple(dict.fromkeys(chosen or _default(document)))


def features(given: Sequence[str]) -> tuple[str, ...]:
    """The features. Raises ``Refused`` with those that are unknown."""
    unknown = [
        f"--feature: there is no feature {name}{closest(name, FEATURES)}" for name in given if name not in FEATURES
    ]
    if unknown:
        raise Refused(unknown, f"Name any of {', '.join(FEATURES)}.")
    return tuple(dict.fromkeys(given))


def _default(document: Document) -> Iterable[str]:
    return ("build-push", "hand-off") if document.pipeline else _parts(document)


def _parts(document: Document) -> Iterator[str]:
    """What the verb `pipeline` does with this document."""
    yield "build-push"
    if document.one_off_tasks:
        yield "migrate"
    if document.services:
        yield "deploy"


def _problem(verb: str, document: Document) -> str:
    """Why the verb can do nothing with the document; empty if it can."""
    if verb == "migrate" and not document.one_off_tasks:
        return "--verb migrate: the document has neither `migration` nor `tasks`"
    if verb in _SERVICES and not document.services:
        return f"--verb {verb}: the document has no `services`"
    if verb in _PIPELINE and not document.pipeline:
        return f"--verb {verb}: the document has no `pipeline`"
    if verb in _LOCK and not document.lock:
        return f"--verb {verb}: the document has no `lock`"
    return ""
