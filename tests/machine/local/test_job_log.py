"""The log of a local run, from act's events."""

from __future__ import annotations

from typing import Any

import pytest

from ecs_cd.local.act import Event
from ecs_cd.local.job_log import JobLog

BUILD = ["#1 [1/2] FROM scratch", "#1 DONE 0.1s"]


def event(**data: Any) -> Event:
    """An event of ecs-cd's step, as act reports it."""
    return Event(0.0, {"job": "w/deploy", "stage": "Main", "stepID": ["cd", "ecs-cd"], **data})


def output(line: str) -> Event:
    return event(msg=f"{line}\n", raw_output=True)


def command(name: str, arg: str = "", **properties: str) -> Event:
    """A workflow command; act ends its properties at the last `::`."""
    escaped = arg.replace("%", "%25").replace("\n", "%0A")
    raw = f"::{name}{''.join(f' {key}={value}' for key, value in properties.items())}::{escaped}\n"
    symbol = {"error": "❗", "warning": "🚧"}.get(name, "❓")
    return event(command=name, arg=arg.rpartition("::")[2], kvPairs={}, raw=raw, msg=f"  {symbol}  {raw}")


GROUP = (command("group", "docker buildx: app"), *map(output, BUILD))
FAILED = command("error", "failed: exit code 1\n-> Fix it.", title="Build and push")
STEP_FAILED = Event(
    0.0, {"job": "w/deploy", "stage": "Main", "stepID": ["cd"], "stepResult": "failure", "msg": "  ❌  Failure - cd"}
)
SHORT = "docker buildx: app (its output is shown if it fails)"
IN_WORDS = ["  ❗  Build and push: failed: exit code 1", "-> Fix it."]


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ((*GROUP, command("endgroup"), output("built")), [SHORT, "built"]),
        ((*GROUP, command("endgroup"), FAILED), [SHORT, *BUILD, *IN_WORDS]),
        ((*GROUP, command("endgroup"), output("built"), FAILED), [SHORT, "built", *IN_WORDS]),
        ((*GROUP, STEP_FAILED), [SHORT, *BUILD, "  ❌  Failure - cd"]),
        (GROUP, [SHORT, *BUILD]),
        ((command("warning", "50% are left", title=""),), ["  🚧  50% are left"]),
        (
            (command("error", "ActiveRecord::NoDatabaseError", title="Migration"),),
            ["  ❗  Migration: ActiveRecord::NoDatabaseError"],
        ),
        ((command("set-output", "x"), command("stop-commands", "x"), command("add-mask", "x")), []),
    ],
    ids=["success", "failure", "a later failure", "killed", "interrupted", "a warning", "a Ruby class", "bookkeeping"],
)
def test_a_build_is_shown_if_it_fails_and_annotations_are_text(events: tuple[Event, ...], expected: list[str]) -> None:
    """A terminal can't unfold a group, and shows an annotation only as it is written."""
    said: list[str] = []
    log = JobLog(said.append, plain=True)
    for each in events:
        log.show(each)
    log.end()
    assert said == [f"  | {line}" for line in expected]


def test_builds_side_by_side_are_kept_apart() -> None:
    """By their jobs."""
    said: list[str] = []
    log = JobLog(said.append, plain=False)
    log.show(GROUP[0])
    log.show(Event(0.0, {**output("other").data, "job": "w/test"}))
    log.show(output("#1 DONE"))
    log.show(STEP_FAILED)
    assert said == [
        f"  w/deploy | {SHORT}", "  w/test | other", "  w/deploy | #1 DONE", "  w/deploy |   ❌  Failure - cd",
    ]  # fmt: skip


def test_groups_of_other_steps_stay_open() -> None:
    """Their output may be all that a failure has."""
    said: list[str] = []
    log = JobLog(said.append, plain=True)
    for each in (command("group", "npm ci"), output("added 3 packages"), command("endgroup")):
        log.show(Event(0.0, {**each.data, "stepID": ["1"]}))
    assert said == ["  | npm ci", "  | added 3 packages"]
