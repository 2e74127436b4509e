"""What became of a deployment that was to be continued, and no longer waits."""

from __future__ import annotations

from collections.abc import Sequence

from ecs_cd.deploy.rules import history
from ecs_cd.deploy.rules.history import PastDeployment
from ecs_cd.deploy.rules.unfinished import Unfinished
from ecs_cd.model.references import short
from ecs_cd.model.verdict import Outcome, Verdict

NONE = "no paused deployment to continue"


def last(unfinished: Unfinished | None, past: Sequence[PastDeployment], current: str) -> PastDeployment | None:
    """The deployment that may have waited: the newest one that was rolled back to ``current``, else the newest.
    ``None`` if one is under way, or AWS lists none."""
    if unfinished or not past:
        return None
    undone = history.already_rolled_back(past, current)
    return undone[-1] if undone else max(past, key=lambda each: each.created_at)


def judge(unfinished: Unfinished | None, past: Sequence[PastDeployment], current: str, expired: str) -> Verdict:
    """Why there is nothing to continue. The outcome is SKIPPED, unless the deployment was rolled back: a job that
    approves it must fail then. ``expired``: which hook has expired, and what ECS did."""
    if unfinished:
        return Verdict(Outcome.SKIPPED, "; ".join(filter(None, (f"{NONE}: {unfinished.words}", expired))))
    found = last(unfinished, past, current)
    if found is None:
        return Verdict(Outcome.SKIPPED, f"{NONE}; the service runs {short(current)}")
    name = f"{found.name} ({short(found.task_definition) or 'an unknown revision'})"
    began = found.created_at.isoformat(" ", "minutes")
    words = [f"{NONE}: {name}, begun {began}, is {found.status}", expired, found.reason.rstrip(". ")]
    message = "; ".join(filter(None, [*words, f"the service runs {short(current)}"]))
    return Verdict(_outcome(found, current), message)


def _outcome(found: PastDeployment, current: str) -> Outcome:
    if found.status == "ROLLBACK_FAILED":
        return Outcome.ROLLBACK_FAILED
    was_left = bool(found.task_definition) and found.task_definition != current
    return Outcome.ROLLED_BACK if found.rolled_back or was_left else Outcome.SKIPPED
