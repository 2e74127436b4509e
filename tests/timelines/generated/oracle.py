"""From what was true to what the run may say and do. Where AWS's documents leave it open, it may say either.

Complaints are sentences; none means that the run was right.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from tests.scripted_aws.codedeploy import EVENTS

from .answers import ELSE
from .blue_green import STAGES
from .run import Played
from .world import OTHER, US, Attempt, Mutation

# docs/reference/exit-codes.md
OUTCOMES = {
    1: "failed", 2: "refused", 3: "rolled-back", 4: "rollback-failed", 5: "superseded", 6: "gone", 7: "timed-out",
    8: "unknown", 9: "paused",
}  # fmt: skip
_PROOF = 340.0  # after the timeout: the running digests may be unreadable for five minutes
_ABSENT = 62.0  # how long an absence is looked at again
_FRESH = 7.0  # how old a look at others' deployments may be when ours begins


class Truth:
    """What was true until the run's end, by the questions that the claims raise."""

    def __init__(self, played: Played) -> None:
        self.played, self.end = played, played.elapsed
        self.scenario, self.world, self.line = played.scenario, played.world, played.line
        happened = [one for one in self.world.attempts if one.created <= self.end]
        self.ours = [one for one in happened if self._asked(one) and not one.back_of]
        self.others = [one for one in happened if one.by == OTHER and not self._asked(one)]
        self.ways_back = [one for one in happened if one.by == US and not self._asked(one)]
        lag = max(self.scenario.lags.values(), default=0)
        faults = self.scenario.faults
        blind = faults.blackout[1] - faults.blackout[0]
        # How long what happens may stay unseen: a look every two seconds, late answers, failed looks.
        self.unseen = 5 + lag + (12 if faults.rate else 0) + blind

    def _asked(self, one: Attempt) -> bool:
        return self.played.answers.is_asked(one.revision)

    def by(self, moment: float | None) -> bool:
        return moment is not None and moment <= self.end

    def long_ago(self, moment: float | None, seconds: float = 0) -> bool:
        """Long enough before the end to be seen."""
        return moment is not None and moment < self.end - self.unseen - seconds

    @property
    def completed(self) -> Attempt | None:
        return next((one for one in reversed(self.ours) if self.by(one.completed)), None)

    @property
    def foreign_after_ours(self) -> Attempt | None:
        """Somebody else's deployment of another revision after ours."""
        first = min((one.number for one in self.ours), default=float("inf"))  # two may begin at the same moment
        return next((one for one in self.others if one.number > first), None)

    def unreadable(self) -> bool:
        """Whether AWS could not be asked for a while: a blackout, no credentials, faults one after the other."""
        faults = self.scenario.faults
        blackout = faults.blackout[1] > 0 and faults.blackout[0] <= self.end
        hits = [at for at, _, _ in self.line.hits]
        at_the_end = self.end >= self.scenario.timeout - 1 and any(at > self.end - 2.5 for at in hits)
        burst = any(later - at <= 45 for at, later in zip(hits, hits[4:], strict=False))
        return blackout or self.by(faults.expires) or burst or at_the_end


def complaints(played: Played) -> list[str]:
    truth = Truth(played)
    return [*_defects(truth), *_claim(truth), *_mutations(truth)]


def _defects(truth: Truth) -> Iterator[str]:
    played, scenario = truth.played, truth.scenario
    yield from (f"the scripted AWS was not used as AWS is: {each}" for each in played.violations)
    rounds = 2 if scenario.inputs.get("on-failure") == "rollback" else 1
    if truth.end > scenario.timeout * rounds + _PROOF:
        yield f"hang: {truth.end:g} seconds, the timeout is {scenario.timeout:g}"
    told = played.outputs.get("result")
    expected = {"succeeded", "in-progress", "skipped"} if played.exit_code == 0 else {OUTCOMES.get(played.exit_code)}
    if told not in expected and not (told is None and played.exit_code == 2):
        yield f"exit code {played.exit_code}, and the output result is {told}"


def _claim(truth: Truth) -> Iterator[str]:
    outcome = OUTCOMES.get(truth.played.exit_code)
    if truth.played.exit_code == 0:
        outcome = truth.played.outputs.get("result", "nothing")
    check = _CLAIMS.get(str(outcome))
    if check is None:
        yield f"exit code {truth.played.exit_code} ({outcome})"
        return
    wrong = check(truth)
    if wrong:
        yield f"{outcome}: {wrong}"


# ---- each outcome, and what has to be true for it; an empty text if it may be said ----


def _succeeded(truth: Truth) -> str:
    ours = truth.completed
    if ours is None or ours.completed is None:
        return "false green: our revision has never completed"
    if ours.desired_at_first and truth.scenario.digest == ELSE:
        return "false green: another digest runs"
    begin = max(0.0, ours.completed)
    if ours.desired_at_first and not _ever_ran(truth, begin):
        return "false green: nothing of ours ran, so nothing is proved"
    foreign = truth.foreign_after_ours
    if foreign and truth.long_ago(foreign.created, 15) and "replaced" not in truth.played.log:
        return "false green: somebody else's deployment has replaced ours"
    if truth.long_ago(truth.world.deleted, 15):
        return "false green: the service was deleted"
    return ""


def _ever_ran(truth: Truth, begin: float) -> bool:
    zero = truth.world.scaled_to_0
    since = min(begin, zero - 1) if zero is not None else begin
    return any(one.ran_between(since, truth.end)[1] for one in truth.ours)


def _in_progress(truth: Truth) -> str:
    goal = truth.scenario.inputs.get("wait-until", "deployed")
    if goal in ("deployed", "stable"):
        return "nobody asked for that"
    reached = {stage for one in truth.ours for at, stage in one.stages if at <= truth.end}
    if goal in EVENTS and goal not in reached:
        return f"{goal} was not reached"
    if goal in STAGES and not reached & {*STAGES[STAGES.index(goal) :]}:
        return f"{goal} was not reached"
    return "" if truth.ours else "nothing was begun"


def _paused(truth: Truth) -> str:
    waits = any(one.hook_expires and one.hook_expires > truth.end - truth.unseen for one in truth.ours)
    ready = truth.world.strategy == "CODE_DEPLOY" and any(one.rollout == "Ready" for one in truth.ours)
    return "" if waits or ready else "nothing waits"


def _failed(truth: Truth) -> str:
    if not truth.ours:
        return "nothing of ours was begun"
    inputs = truth.scenario.inputs
    dying = any(one.deaths >= 3 for one in truth.ours)
    impatient = inputs.get("fail-fast") and any(one.deaths or one.course.no_room for one in truth.ours)
    wrong = truth.scenario.digest == ELSE
    failed = any(truth.by(one.failed) for one in truth.ours)
    return "" if dying or impatient or wrong or failed or _emptied(truth) else f"false red: {_instead(truth)}"


def _emptied(truth: Truth) -> bool:
    """Whether none of our tasks ran for a while after it was completed, or nobody wants any."""
    ours = truth.completed
    if truth.by(truth.world.scaled_to_0):
        return True
    if ours is None or ours.completed is None or truth.foreign_after_ours:
        return False
    return ours.ran_between(max(0.0, ours.completed), truth.end)[0] == 0


def _instead(truth: Truth) -> str:
    """What the truth is, in words."""
    foreign, ours = truth.foreign_after_ours, truth.completed
    replaced = f"; {foreign.id} replaced it at {foreign.created:g}" if foreign else ""
    deleted = f"; deleted at {truth.world.deleted:g}" if truth.by(truth.world.deleted) else ""
    state = f"ours completed at {ours.completed:g}" if ours else "ours has not failed"
    return f"{state}{replaced}{deleted}, and the end was at {truth.end:g}"


def _rolled_back(truth: Truth) -> str:
    backs = [one for one in truth.ways_back if truth.by(one.completed)]
    restored = backs or any(truth.by(one.rolled_back) for one in truth.ours) or _restored_by_others(truth)
    if not restored:
        return f"it was not: {_instead(truth)}"
    if truth.world.desired and not truth.world.deleted and _none_runs(truth):
        return "nothing runs, so the outage is not over"
    return ""


def _restored_by_others(truth: Truth) -> bool:
    """Whether what ran before runs: it never went, or somebody deployed it after ours had failed."""
    now = truth.world.primary
    if any(truth.by(one.failed) and one.source and one.source.revision == now.revision for one in truth.ours):
        return truth.by(now.completed)
    before = {(one.failed, one.source.revision) for one in truth.ours if one.failed is not None and one.source}
    return any(
        one.revision == revision and one.completed is not None and one.completed >= failed
        for one in truth.others
        for failed, revision in before
    )


def _none_runs(truth: Truth) -> bool:
    """Whether no task of any attempt ran in the last seconds of the run, although some were wanted all that time."""
    begin, wanted = truth.end - truth.unseen, truth.world.scaled_from_0
    if wanted is not None and not truth.long_ago(wanted):
        return False
    return not any(one.ran_between(begin, truth.end)[1] for one in truth.world.attempts)


def _rollback_failed(truth: Truth) -> str:
    if any(truth.by(one.rollback_failed) for one in truth.ours):
        return ""
    by_codedeploy = [one.back for one in truth.ours if one.back]
    if any(not truth.by(one.completed) or truth.by(one.failed) for one in truth.ways_back):
        return ""
    if any(_completed_too_late(truth, one) for one in truth.ways_back):
        return ""
    if any(truth.by(one.failed) for one in by_codedeploy):
        return ""
    ended = any(truth.by(one.failed) or one.deaths >= 3 or not truth.by(one.completed) for one in truth.ours)
    asked = truth.scenario.inputs.get("on-failure") == "rollback"
    if asked and ended and (truth.foreign_after_ours or truth.unreadable() or truth.by(truth.world.deleted)):
        return ""
    # Where what ran before is PRIMARY without a deployment of its own, it has to work.
    still = [truth.world.primary] if asked and ended and truth.world.primary not in truth.ours else []
    backs = by_codedeploy + truth.ways_back + still
    if any(one.ran_between(truth.end - 30, truth.end)[0] == 0 for one in backs) and truth.world.desired:
        return ""
    return f"no rollback has failed: {_instead(truth)}"


def _completed_too_late(truth: Truth, back: Attempt) -> bool:
    """Whether the verb waited as long as it may, and may not have seen its way back completed."""
    return truth.end >= back.created + truth.scenario.timeout - truth.unseen and not truth.long_ago(back.completed)


def _superseded(truth: Truth) -> str:
    # Of our revision, but not ours.
    again = any(one.by == OTHER and one.created > truth.ours[0].created for one in truth.ours[1:])
    if truth.foreign_after_ours or again or truth.by(truth.world.scaled_to_0):
        return ""
    return f"nobody replaced it: {_instead(truth)}"


def _gone(truth: Truth) -> str:
    return "" if truth.by(truth.world.deleted) else f"the service was never deleted: {_instead(truth)}"


def _timed_out(truth: Truth) -> str:
    deadline = truth.scenario.timeout
    if truth.end < deadline - 1:
        return f"after {truth.end:g} seconds of {deadline:g}"
    if not truth.ours:
        open_ones = [one for one in truth.world.attempts if not (_over(one) < deadline - truth.unseen - 10)]
        return "" if any(one.by != US for one in open_ones) else "there was nothing to wait for"
    stable = truth.scenario.inputs.get("wait-until") == "stable"
    drained = max((task.stopped or truth.end for one in truth.others for task in one.tasks), default=0.0)
    for one in truth.ours:
        done = one.completed if one.completed is None or not stable else max(one.completed, drained)
        if done is not None and 0 <= done < deadline - truth.unseen and not _unsteady(truth, done):
            return f"false red: it completed at {done:g}"
        over = one.rolled_back or one.rollback_failed
        if over is not None and over < deadline - truth.unseen - _ABSENT and truth.scenario.before != "ours":
            return f"it was over at {over:g}"
    return ""


def _unsteady(truth: Truth, since: float) -> bool:
    stable = truth.scenario.inputs.get("wait-until") == "stable"
    return stable and any(one.ran_between(since, truth.end)[0] < truth.world.desired for one in truth.ours[-1:])


def _over(one: Attempt) -> float:
    ends = (one.completed, one.failed, one.replaced)
    return min((moment for moment in ends if moment is not None), default=float("inf"))


def _still_goes_back(one: Attempt) -> bool:
    """Whether its rollback had not ended when the verb began. ROLLBACK_IN_PROGRESS is no end of a deployment."""
    ends = (one.rolled_back, one.rollback_failed)
    over = min((moment for moment in ends if moment is not None), default=float("inf"))
    return one.failed is not None and one.rollout.startswith("ROLLBACK") and over > 0


def _unknown(truth: Truth) -> str:
    return "" if truth.unreadable() else f"AWS could be asked: {_instead(truth)}"


def _refused(truth: Truth) -> str:
    begun = [one.operation for one in truth.world.mutations if one.operation in _BEGIN]
    if begun:
        return f"{begun[0]} has been carried out"
    if truth.unreadable() or truth.by(truth.world.deleted):
        return ""
    # A deployment of our revision that goes back is not the one that we want.
    conflict = truth.scenario.inputs["on-conflict"] == "fail" and (
        any(_over(one) > 0 or (one.back and _over(one.back) > 0) for one in truth.others)
        or any(_still_goes_back(one) for one in (*truth.others, *truth.ours) if one.by == OTHER)
    )
    # For somebody, perhaps for days.
    waits = any(one.hook == "AWAITING_ACTION" or one.rollout == "Ready" for one in truth.others)
    return "" if conflict or waits else "there is no reason to"


_CLAIMS = {
    "succeeded": _succeeded,
    "in-progress": _in_progress,
    "paused": _paused,
    "failed": _failed,
    "rolled-back": _rolled_back,
    "rollback-failed": _rollback_failed,
    "superseded": _superseded,
    "gone": _gone,
    "timed-out": _timed_out,
    "unknown": _unknown,
    "refused": _refused,
}


# ---- what the run did to AWS ----


def _mutations(truth: Truth) -> Iterator[str]:
    begun = [one for one in truth.world.mutations if one.operation in _BEGIN]
    for one in truth.world.mutations:
        wrong = _CALLS[one.operation](truth, one)
        if wrong:
            yield f"{one.operation} at {one.at:g}: {wrong}"
    lagging = truth.scenario.lags or truth.line.hits
    twice = [two for one, two in pairwise(begun) if two.target is not one.target and two.params == one.params]
    if twice and not lagging:
        yield f"{twice[0].operation} at {twice[0].at:g}: the same call was carried out twice"


def _stops(truth: Truth, one: Mutation) -> str:
    """By name: what it names is what it stops."""
    theirs = one.target is not None and one.target not in truth.ours
    return f"it is about {one.target.id}, somebody else's" if one.target and theirs else ""


def _deregisters(truth: Truth, one: Mutation) -> str:
    return f"{one.target.id} uses that revision" if one.target else ""


def _updates(truth: Truth, one: Mutation) -> str:
    """Whether it took away a deployment of somebody else's."""
    theirs, target = one.foreign, one.target
    if theirs is None or target is None or target.by != US or truth.played.answers.is_asked(theirs.revision):
        return ""
    known = one.foreign_shown is not None
    stale = one.last_shown is None or one.at - one.last_shown > _FRESH
    if target in truth.ways_back:
        began = min((each.created for each in truth.ours), default=0.0)
        is_later = theirs.by == OTHER and theirs.created > began
        return f"it takes back {theirs.id}, somebody else's" if is_later and (known or stale) else ""
    if not one.foreign_open or truth.scenario.inputs["on-conflict"] == "supersede":
        return ""
    if max(theirs.deaths, theirs.failed_tasks) >= 3:  # docs/concepts.md: it doesn't come to its end by itself
        return ""
    return f"it replaces {theirs.id}, somebody else's, which was under way" if known or stale else ""


_BEGIN = ("ecs.UpdateService", "codedeploy.CreateDeployment")
_CALLS = {
    "codedeploy.CreateDeployment": _updates,
    "codedeploy.StopDeployment": _stops,
    "codedeploy.ContinueDeployment": _stops,
    "ecs.UpdateService": _updates,
    "ecs.DeregisterTaskDefinition": _deregisters,
    "ecs.StopServiceDeployment": _stops,
    "ecs.ContinueServiceDeployment": _stops,
}
