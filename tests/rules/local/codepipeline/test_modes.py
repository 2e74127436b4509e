"""Properties of the modes: whatever happens to a pipeline, and in whatever order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecs_cd.local.codepipeline.rules.executions import due, settle
from ecs_cd.local.codepipeline.rules.service_error import ServiceError
from ecs_cd.local.codepipeline.rules.state import IN_PROGRESS, STANDARD, SUCCEEDED, SUPERSEDED, Execution, Pipeline
from tests.rules.local.codepipeline.course import BUILD, DEPLOY, FAILS, SOURCE, Course, course, id_of

MODES = ("QUEUED", "SUPERSEDED", "PARALLEL")
WORDS = ["start", "start", "succeed", "succeed", "succeed", "fail", "stop", "abandon", "disable", "enable"]
WORDS += ["retry", "retry all", "roll back"]
STEPS = st.lists(st.tuples(st.sampled_from(WORDS), st.integers(0, 50)), max_size=50)
RESULTS = st.sampled_from(["FAIL", "RETRY", "ROLLBACK"])


def take(there: Course, word: str, number: int) -> None:
    """One step; what CodePipeline refuses changes nothing."""
    stage = there.state.stages[number % 3]
    chosen = number % max(there.started, 1) + 1
    try:
        match word:
            case "start":
                there.start()
            case "succeed" | "fail" if there.running():
                running = there.attempts()
                there.end(running[number % len(running)], FAILS if word == "fail" else None)
            case "stop" | "abandon":
                there.stop(chosen, abandon=word == "abandon")
            case "disable":
                there.disable(stage)
            case "enable":
                there.enable(stage)
            case "retry" | "retry all":
                there.retry(chosen, stage, "ALL_ACTIONS" if word == "retry all" else "FAILED_ACTIONS")
            case "roll back":
                there.roll_back(stage, chosen)
            case _:  # an end, and nothing runs
                pass
    except ServiceError:
        pass


def played(mode: str, result: str, steps: Sequence[tuple[str, int]]) -> tuple[Course, list[Pipeline]]:
    """The course after these steps, and each of its states."""
    there = course(SOURCE, {**BUILD, "onFailure": {"result": result}}, DEPLOY, mode=mode)
    states = [there.state]
    for word, number in steps:
        take(there, word, number)
        states.append(there.state)
    return there, states


def finish(there: Course) -> None:
    """Transitions are enabled, and all actions succeed."""
    for stage in there.state.stages[1:]:
        there.enable(stage)
    while there.running():
        take(there, "succeed", 0)


def inside(state: Pipeline, stage: str) -> list[Execution]:
    return [each for each in state.executions.values() if each.runs and each.entered and each.stage == stage]


@pytest.mark.parametrize("mode", MODES)
@given(result=RESULTS, steps=STEPS)
@settings(deadline=None, max_examples=60)
def test_a_stage_holds_one_execution(mode: str, result: str, steps: list[tuple[str, int]]) -> None:
    """In PARALLEL nothing waits unless a transition is disabled."""
    _, states = played(mode, result, steps)
    for state in states:
        for stage in state.stages:
            if mode == "PARALLEL":
                assert not state.waiting(stage) or stage in state.disabled
            else:
                assert len(inside(state, stage)) <= 1


@pytest.mark.parametrize("mode", MODES)
@given(result=RESULTS, steps=STEPS)
@settings(deadline=None, max_examples=60)
def test_every_execution_ends(mode: str, result: str, steps: list[tuple[str, int]]) -> None:
    """Once all actions have ended: none is lost, and none runs without an action that could end it."""
    there, states = played(mode, result, steps)
    for state in states:
        for each in state.executions.values():
            runs = [one for one in state.attempts.values() if one.execution == each.id and one.status == IN_PROGRESS]
            assert bool(runs) == (each.runs and each.entered)
    finish(there)
    assert not [each for each in there.state.executions.values() if each.runs]
    if mode != "SUPERSEDED":
        assert SUPERSEDED not in there.statuses()


@pytest.mark.parametrize("mode", ["QUEUED", "SUPERSEDED"])
@given(result=RESULTS, steps=STEPS)
@settings(deadline=None, max_examples=60)
def test_the_order_is_kept(mode: str, result: str, steps: list[tuple[str, int]]) -> None:
    """Executions enter each stage in the order of their starts, rollbacks aside."""
    there, states = played(mode, result, steps)
    finish(there)
    for stage in there.state.stages:
        entered: list[str] = []
        for state in [*states, there.state]:
            id = state.latest.get(stage, "")
            if id and state.executions[id].type == STANDARD and id not in entered[-1:]:
                entered.append(id)
        assert entered == sorted(entered, key=lambda id: int(id.replace("-", ""), 16))


@given(result=RESULTS, steps=STEPS)
@settings(deadline=None, max_examples=60)
def test_only_those_that_wait_are_superseded(result: str, steps: list[tuple[str, int]]) -> None:
    """By one that starts later, before the same stage."""
    _, states = played("SUPERSEDED", result, steps)
    for before, after in pairwise(states):
        order = list(after.executions)
        for id, each in after.executions.items():
            was = before.executions.get(id)
            if each.status == SUPERSEDED and (was is None or was.status != SUPERSEDED):
                assert not each.entered
                later = [after.executions[one] for one in order[order.index(id) + 1 :]]
                assert [one for one in later if one.stage == each.stage]


@pytest.mark.parametrize("mode", MODES)
@given(result=RESULTS, steps=STEPS)
@settings(deadline=None, max_examples=60)
def test_actions_begin_once_and_in_order(mode: str, result: str, steps: list[tuple[str, int]]) -> None:
    """At most one attempt of an action counts; those of lower run orders and of earlier stages have succeeded."""
    _, states = played(mode, result, steps)
    for state in states:
        assert due(state) == [] and settle(state, 0) is state
        for execution in state.executions.values():
            counted = [a.path for a in state.attempts.values() if a.counts and a.execution == execution.id]
            assert len(counted) == len(set(counted))
            if execution.entered:
                check_order(state, execution)


def check_order(state: Pipeline, execution: Execution) -> None:
    current = state.current(execution.id, execution.stage)
    orders: Mapping[str, Any] = {each["name"]: each["runOrder"] for each in state.stage(execution.stage)["actions"]}
    begun = max((orders[name] for name in current), default=0)
    assert {current[name].status for name in orders if orders[name] < begun} <= {SUCCEEDED}
    earlier = state.stages[: state.stages.index(execution.stage)] if not execution.target else []
    assert all(state.succeeded_in(execution, each) for each in earlier)


@given(steps=STEPS)
@settings(deadline=None, max_examples=60)
def test_a_queue_loses_none(steps: list[tuple[str, int]]) -> None:
    """Without failures and stops, every execution of a QUEUED pipeline succeeds."""
    there, _ = played(
        "QUEUED", "FAIL", [step for step in steps if step[0] in ("start", "succeed", "disable", "enable")]
    )
    finish(there)
    assert set(there.statuses()) <= {SUCCEEDED}
    assert [*there.state.executions] == [id_of(each + 1) for each in range(there.started)]
