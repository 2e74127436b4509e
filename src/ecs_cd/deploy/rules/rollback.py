"""What `rollback` does with a service: which revision it goes back to, how, and why."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from ecs_cd.deploy.rules import history
from ecs_cd.deploy.rules.history import PastDeployment
from ecs_cd.deploy.rules.own_deployment import OwnDeployment
from ecs_cd.deploy.rules.unfinished import Unfinished
from ecs_cd.model.errors import Refused
from ecs_cd.model.lifecycle import Strategy
from ecs_cd.model.references import family, short
from ecs_cd.tasks.rules import revisions

NAME_IT = "Name another target: `--to FAMILY:REVISION`, or `--to COMMIT`. `--list` shows them."
_NAMED = 3  # revisions left out that one line names
_ROLE = re.compile(r"arn:[^:]*:(?:iam|sts)::(?P<account>\d+):(?:assumed-)?(?P<kind>role|user)/(?P<path>.+)")


class Way(Enum):
    """How a service gets back: AWS is on the way already, AWS undoes its own deployment, or by another deployment."""

    FOLLOW = "follow"
    UNDO = "undo"
    DEPLOY = "deploy"


@dataclass(frozen=True)
class Situation:
    """A service before its rollback.

    ``current``: the task definition of its PRIMARY deployment or task set. ``serving``: what still runs of an earlier
    deployment that had completed.
    """

    strategy: Strategy
    current: str
    unfinished: Unfinished | None
    serving: str | None
    history: Sequence[PastDeployment]


@dataclass(frozen=True)
class Choice:
    """``own``: the deployment to leave or to follow. ``under_way``: what is taken back or followed, in words."""

    way: Way
    own: OwnDeployment
    back_to: str
    why: str
    under_way: str = ""

    @property
    def words(self) -> str:
        """For the log, before anything is done: ``web:5 -> web:3 (why)``."""
        change = f"{short(self.own.task_definition)} -> {short(self.back_to)} ({self.why})"
        match self.way, self.under_way:
            case Way.FOLLOW, under_way:
                return f"{under_way}; {self.why}, so ecs-cd only follows it"
            case _, "":
                return change
            case _, under_way:
                return f"{under_way}; taking it back: {change}"


def choose(now: Situation, to: str) -> Choice:
    """What to do; ``to`` is the revision that the user names. Raises ``Refused`` if nothing is known to have run well.

    Never chooses a revision that failed, one that this service never ran, or what a rollback has left.
    """
    if now.unfinished:
        return replace(_take_back(now, now.unfinished, to), under_way=now.unfinished.words)
    own = OwnDeployment(now.strategy, "", now.current)
    if to:
        return _deploy(own, to, _BY_NAME)
    undone = history.already_rolled_back(now.history, now.current)
    if undone:
        raise Refused(_already(undone, now), _further_back(now))
    if now.serving and not history.was_rolled_back(now.history, now.serving):
        return _deploy(own, now.serving, "it still runs")
    past = _last_success(now, now.current)
    return _deploy(own, past.task_definition, _words(past, now))


_BY_NAME = "--to names it"


def _deploy(own: OwnDeployment, target: str, why: str) -> Choice:
    return Choice(Way.DEPLOY, replace(own, previous_task_definition=target), target, why)


# ---- a deployment under way ----


def _take_back(now: Situation, unfinished: Unfinished, to: str) -> Choice:
    own, brings = unfinished.own, unfinished.own.task_definition
    is_back = _goes_back(now, unfinished)
    goes_to = unfinished.back_to or brings
    if (is_back and not to) or to == goes_to:
        return Choice(Way.FOLLOW, _followed(now, unfinished), goes_to, f"it goes back to {short(goes_to)} already")
    if unfinished.back_to:
        remedy = "Wait until it ends, then use --to again."
        raise Refused(f"{unfinished.words}, and goes back to {short(goes_to)}", remedy)
    target, why = (to, _BY_NAME) if to else _good(now, unfinished)
    if target in unfinished.returns_to:
        return Choice(Way.UNDO, replace(own, previous_task_definition=target), target, why)
    if now.strategy is Strategy.CODE_DEPLOY:
        there = short(next(iter(unfinished.returns_to), "")) or "what ran before"
        remedy = "Run rollback without --to first, then with it."
        raise Refused(f"{unfinished.words}: CodeDeploy can only return from it to {there}", remedy)
    return _deploy(own, target, why)


def _goes_back(now: Situation, unfinished: Unfinished) -> bool:
    """Whether it is a way back itself: by AWS, by the history, or because what it brings still runs.

    The history may not list yet what it leaves. A forced deployment of what runs is one of these, too, unless AWS can
    return to the very tasks that it replaces.
    """
    brings, sources = unfinished.own.task_definition, set(unfinished.returns_to)
    still_runs = brings in sources and len(sources) > 1 if sources else brings == now.serving
    return bool(unfinished.back_to) or still_runs or history.leads_back(now.history, brings)


def _followed(now: Situation, unfinished: Unfinished) -> OwnDeployment:
    """The deployment that ECS rolls back, or the one that is a rollback, with the revision that it leaves."""
    own = unfinished.own
    if unfinished.back_to and own.strategy not in (Strategy.ROLLING, Strategy.CODE_DEPLOY):
        return own
    others = (each for each in (own.previous_task_definition, now.serving) if each and each != own.task_definition)
    return replace(own, previous_task_definition=next(others, None))


def _good(now: Situation, unfinished: Unfinished) -> tuple[str, str]:
    """The revision to return to, and why: the last one that ran well, or else what AWS still runs."""
    brings = unfinished.own.task_definition
    past = history.last_success(now.history, brings)
    known = past.task_definition if past else ""
    runs = [each for each in (now.serving, *unfinished.returns_to) if each and _may_return(now, each)]
    runs = [each for each in runs if each != brings or each in unfinished.returns_to]
    if past and known and (known in runs or not runs):
        return known, _words(past, now)
    if not runs:
        raise _silent(brings)
    if not now.history and _older(brings, runs[0]):
        what = f"{unfinished.words}, and {short(brings)} is older than {short(runs[0])}, which it replaces"
        raise Refused(f"{what}: it may be a rollback itself", NAME_IT)
    return runs[0], "it still runs"


def _may_return(now: Situation, task_definition: str) -> bool:
    if now.strategy is Strategy.CODE_DEPLOY:
        return True  # what has the traffic, or had it
    return not (history.failed(now.history, task_definition) or history.was_rolled_back(now.history, task_definition))


def _older(one: str, other: str) -> bool:
    numbers = [short(arn).rpartition(":")[2] for arn in (one, other)]
    return family(one) == family(other) and all(map(str.isdigit, numbers)) and int(numbers[0]) < int(numbers[1])


# ---- by history ----


def _last_success(now: Situation, leaving: str) -> PastDeployment:
    past = history.last_success(now.history, leaving)
    if past is None:
        raise _silent(leaving)
    if not past.task_definition:
        raise Refused(f"{past.name} ran well before {short(leaving)}, and AWS does not return its revision", NAME_IT)
    return past


def _silent(leaving: str) -> Refused:
    return Refused(f"AWS lists no deployment of another revision that ran well before {short(leaving)}", NAME_IT)


def _already(undone: Sequence[PastDeployment], now: Situation) -> str:
    names = ", ".join(f"{short(each.task_definition)} ({each.name})" for each in undone[-_NAMED:])
    return f"{names} was rolled back already; the service runs {short(now.current)}"


def _further_back(now: Situation) -> str:
    past = history.last_success(now.history, now.current)
    known = f": {short(past.task_definition)} ran well before it" if past and past.task_definition else ""
    return f"To go further back, name the target with `--to`{known}."


def _words(past: PastDeployment, now: Situation) -> str:
    """Why this one: ``it ran well last: deployment d-3, Succeeded; not web:4 (deployment d-4, Failed)``."""
    left = (now.current, now.unfinished.own.task_definition if now.unfinished else "", past.task_definition)
    others = [each for each in history.newer(now.history, past) if each.task_definition not in left]
    named = [f"{short(each.task_definition) or 'an unknown revision'} ({_not(each)})" for each in others[:_NAMED]]
    more = f" and {len(others) - _NAMED} more" if len(others) > _NAMED else ""
    left_out = f"; not {', '.join(named)}{more}" if named else ""
    return f"it ran well last: {_end(past)}, {past.created_at.isoformat(' ', 'minutes')}{left_out}"


def _end(past: PastDeployment) -> str:
    return f"{past.name}, {past.status}"


def _not(past: PastDeployment) -> str:
    return f"{past.name} was rolled back" if past.well else _end(past)


# ---- whose deployment it is ----


@dataclass(frozen=True)
class Application:
    """What its pipeline makes. ``families`` and ``repositories`` (by container) are those of the document, empty
    without one; ``role`` is the one that this job assumes."""

    families: Collection[str] = ()
    repositories: Mapping[str, str] = field(default_factory=dict)
    role: str = ""


def stranger(brings: str, before: str, definitions: Mapping[str, Mapping[str, Any]], ours: Application) -> str:
    """Why a deployment seems not to be this application's; empty if its pipeline registered the task definition.

    ``before`` is the revision that ran well before. ``definitions`` holds both as ECS describes them.
    """
    who, session = _principal(str(definitions[brings].get("registeredBy", "")))
    by = f"; {who}{session} registered it" if who else ""
    families = {*ours.families, family(before)}
    if family(brings) not in families:
        return f"{short(brings)} is not of the family {' or '.join(sorted(families))}{by}"
    then, now = _repositories(definitions[before]), _repositories(definitions[brings])
    for container, repository in ours.repositories.items():
        if now.get(container) not in (repository, then.get(container)):
            return f"its container {container} does not run an image of {repository}{by}"
    known = {_principal(str(definitions[before].get("registeredBy", "")))[0], _principal(ours.role)[0]} - {""}
    if who and known and who not in known:
        return f"{who}{session} registered {short(brings)}, not {' or '.join(sorted(known))}"
    return ""


def _repositories(definition: Mapping[str, Any]) -> dict[str, str]:
    return {container: uri for container, (uri, _) in revisions.images(definition).items()}


def _principal(arn: str) -> tuple[str, str]:
    """The role or user, without its path, and the session in words."""
    found = _ROLE.fullmatch(arn)
    if not found:
        return arn, ""
    parts = found["path"].split("/")
    assumed = ":assumed-role/" in arn
    name, session = (parts[0], parts[-1]) if assumed else (parts[-1], "")
    return f"{found['kind']} {name} of {found['account']}", f" (session {session})" if session else ""
