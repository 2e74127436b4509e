"""Phases of deployments, and the timeline that is drawn of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecs_cd.deploy.rules import blue_green, codedeploy, rolling
from ecs_cd.model.lifecycle import LIFECYCLE_EVENTS, STAGES
from ecs_cd.model.verdict import Outcome
from ecs_cd.report import gantt, timeline
from ecs_cd.report.timeline import Deployed, Moment, Phase, Span
from tests.rules.deploy import test_codedeploy, test_rolling
from tests.rules.deploy.test_blue_green import PAUSED, look
from tests.scripted_aws.codedeploy import EVENTS

DRAWN = re.compile(r"    [\w .()/-]+ :(crit, )?\d\d:\d\d:\d\d, \d+s")


# ---- phases ----

ONE = test_rolling.deployment("2", "PRIMARY", test_rolling.NEW, "IN_PROGRESS", runningCount=1)
BOTH = test_rolling.deployment("2", "PRIMARY", test_rolling.NEW, "IN_PROGRESS", runningCount=2)
BACK = test_rolling.deployment("3", "PRIMARY", test_rolling.OLD, "IN_PROGRESS", test_rolling.ROLLBACK)
OTHER = test_rolling.deployment("7", "PRIMARY", test_rolling.THEIRS, "IN_PROGRESS")


@pytest.mark.parametrize(
    ("service", "more", "phase"),
    [
        (test_rolling.service(test_rolling.own["IN_PROGRESS"]), {}, Phase.STARTING),
        (test_rolling.service(ONE), {}, Phase.STARTING),
        (test_rolling.service(BOTH), {}, Phase.HEALTHY),
        (test_rolling.service(BOTH | {"rolloutState": "COMPLETED"}), {}, Phase.HEALTHY),
        (test_rolling.service(test_rolling.own["FAILED"]), {}, Phase.FAILED),
        (test_rolling.service(BACK, test_rolling.demoted["FAILED"]), {}, Phase.ROLLBACK),
        (test_rolling.service(BACK), {"failed_at": 1.0}, Phase.ROLLBACK),
        (test_rolling.service(OTHER, test_rolling.demoted["FAILED"]), {}, Phase.FAILED),
        (test_rolling.service(OTHER), {"status": "ROLLBACK_IN_PROGRESS"}, Phase.ROLLBACK),
        (test_rolling.service(OTHER), {"failed_at": 1.0}, Phase.FAILED),
        (test_rolling.service(OTHER), {}, None),
        (test_rolling.service(), {}, None),
        (None, {}, None),
    ],
)
def test_the_phase_of_a_rolling_update(service: Any, more: dict[str, Any], phase: Phase | None) -> None:
    """By its counts while it progresses; a snapshot without the deployment has no phase."""
    assert rolling.phase(test_rolling.MINE, rolling.Snapshot(service, **more)) is phase


def test_the_same_revision_that_fails_again_is_no_rollback() -> None:
    """Deployed by force, what ran before is what is deployed."""
    again = replace(test_rolling.MINE, previous_task_definition=test_rolling.MINE.task_definition)
    assert rolling.phase(again, rolling.Snapshot(test_rolling.service(test_rolling.own["FAILED"]))) is Phase.FAILED


@pytest.mark.parametrize(
    ("seen", "phase"),
    [
        (look("PENDING"), Phase.STARTING),
        (look(), Phase.STARTING),
        (look(stage="SCALE_UP"), Phase.STARTING),
        (look(stage="POST_SCALE_UP"), Phase.HEALTHY),
        (look(stage="TEST_TRAFFIC_SHIFT"), Phase.TEST_TRAFFIC),
        (look(stage="PRODUCTION_TRAFFIC_SHIFT"), Phase.TRAFFIC),
        (look(stage="BAKE_TIME"), Phase.BAKING),
        (look(stage="CLEAN_UP"), Phase.ENDING),
        (look(stage="A_STAGE_OF_TOMORROW"), None),
        (PAUSED, Phase.PAUSED),
        (look("ROLLBACK_REQUESTED"), Phase.ROLLBACK),
        (look("ROLLBACK_IN_PROGRESS", "PRODUCTION_TRAFFIC_SHIFT"), Phase.ROLLBACK),
        (look("STOP_REQUESTED"), None),
        (look("SUCCESSFUL"), None),
        (blue_green.Snapshot(None), None),
    ],
)
def test_the_phase_of_a_blue_green_deployment(seen: blue_green.Snapshot, phase: Phase | None) -> None:
    """By its lifecycle stage; one that we don't know changes nothing."""
    assert blue_green.phase(seen) is phase


def event(name: str = "", state: str = "InProgress", status: str = "InProgress", **more: Any) -> codedeploy.Snapshot:
    return test_codedeploy.look(status, test_codedeploy.moving(name, state) if name else None, **more)


@pytest.mark.parametrize(
    ("seen", "phase"),
    [
        (event(status="Created"), Phase.STARTING),
        (event(status="Queued"), Phase.STARTING),
        (event(), None),
        (event("BeforeInstall", "Pending"), Phase.STARTING),
        (event("BeforeInstall"), Phase.STARTING),
        (event("BeforeInstall", "Succeeded"), Phase.STARTING),
        (event("Install"), Phase.STARTING),
        (event("Install", "Succeeded"), Phase.HEALTHY),
        (event("AfterInstall"), Phase.HEALTHY),
        (event("AllowTestTraffic"), Phase.TEST_TRAFFIC),
        (event("AfterAllowTestTraffic", "Succeeded"), Phase.TEST_TRAFFIC),
        (event("AllowTraffic"), Phase.TRAFFIC),
        (event("AfterAllowTraffic"), Phase.TRAFFIC),
        (event("AfterAllowTraffic", "Succeeded"), Phase.ENDING),
        (event(status="Baking"), Phase.BAKING),
        (event("BeforeAllowTraffic", "Pending", "Ready"), Phase.PAUSED),
        (event("Install", "Failed", "Failed"), Phase.FAILED),
        (event("Install", "Failed", "Failed", rollback="d-BACK"), Phase.ROLLBACK),
        (event(status="Stopped"), Phase.FAILED),
        (event(status="Succeeded"), None),
        (event(status="SomethingNew"), None),
        (codedeploy.Snapshot({}), None),
    ],
)
def test_the_phase_of_codedeploys_deployment(seen: codedeploy.Snapshot, phase: Phase | None) -> None:
    """From its lifecycle events; without them, or for an unknown status, the phase does not change."""
    assert codedeploy.phase(seen) is phase


def test_every_stage_and_event_has_a_phase() -> None:
    """A new stage of AWS that ecs-cd waits for is drawn as well."""
    assert all(blue_green.phase(look(stage=stage)) for stage in STAGES)
    assert all(codedeploy.phase(event(name)) for name in LIFECYCLE_EVENTS)
    assert tuple(EVENTS) == LIFECYCLE_EVENTS


# ---- spans ----


@pytest.mark.parametrize(
    ("moments", "spans"),
    [
        ([], []),
        ([(Phase.STARTING, 1)], []),
        ([(Phase.STARTING, 1), (Phase.HEALTHY, 4)], [Span("tasks starting", 1, 4)]),
        (
            [(Phase.STARTING, 1), (Phase.HEALTHY, 4), (Outcome.SUCCEEDED, 4)],
            [Span("tasks starting", 1, 4)],
        ),
        (
            [(Phase.STARTING, 1), (Outcome.FAILED, 4), (Phase.ROLLBACK, 4), (Outcome.ROLLED_BACK, 9)],
            [Span("tasks starting", 1, 4), Span("rollback", 4, 9, True)],
        ),
        ([(Outcome.IN_PROGRESS, 3)], []),
    ],
)
def test_phases_have_their_time(moments: Sequence[Moment], spans: list[Span]) -> None:
    """What has no length is left out, and an outcome only ends a phase."""
    assert timeline.spans(moments) == spans


@pytest.mark.parametrize(("most", "order"), [(3, "abc"), (4, "abc"), (2, "bac"), (0, "bac")])
def test_where_not_all_can_be_seen_those_that_failed_come_first(most: int, order: str) -> None:
    """Otherwise all are in the order in which they started."""
    outcomes = {"a": Outcome.SUCCEEDED, "b": Outcome.ROLLED_BACK, "c": Outcome.SKIPPED}
    services = [Deployed(name, outcome) for name, outcome in outcomes.items()]
    assert "".join(row.service for row in timeline.as_seen(services, most)) == order


# ---- the diagram ----


def drawn(name: str, *spans: Span) -> list[str]:
    lines = gantt.lines([(name, spans)], 100)
    return lines[lines.index("    todayMarker off") + 1 :]


@pytest.mark.parametrize(
    ("span", "line"),
    [
        (Span("healthy", 100, 130), "healthy (30 s) :00:00:00, 30s"),
        (Span("healthy", 160.4, 3861), "healthy (1 h 1 min) :00:01:00, 3701s"),
        (Span("healthy", 101.2, 101.4), "healthy (0.2 s) :00:00:01, 1s"),
        (Span("rollback", 3700, 3760, True), "rollback (1 min) :crit, 01:00:00, 60s"),
        (Span("healthy", 90, 130), "healthy (40 s) :00:00:00, 30s"),
        (Span("healthy", 100, 1_000_000), "healthy (277 h 45 min) :00:00:00, 86399s"),
        (Span("click", 100, 130), "- click (30 s) :00:00:00, 30s"),
        (Span("Section 2", 100, 130), "- Section 2 (30 s) :00:00:00, 30s"),
        (Span("titles", 100, 130), "titles (30 s) :00:00:00, 30s"),
    ],
)
def test_a_span_is_a_line_of_its_own(span: Span, line: str) -> None:
    """With its duration; times count from the beginning, within one day; what is bad has its own colour; a name is never
    read as a statement."""
    assert drawn("web", span) == ["    section web", f"    {line}"]


@pytest.mark.parametrize(
    ("length", "axis", "interval"),
    [
        (0, "%M:%S", "1second"),
        (10, "%M:%S", "1second"),
        (11, "%M:%S", "2second"),
        (92, "%M:%S", "10second"),
        (600, "%M:%S", "1minute"),
        (3599, "%M:%S", "10minute"),
        (3601, "%H:%M", "10minute"),
        (86399, "%H:%M", "180minute"),
    ],
)
def test_the_axis_has_at_most_eleven_labels(length: int, axis: str, interval: str) -> None:
    """More would overlap; hours are only named if there are any."""
    text = gantt.lines([("web", [Span("healthy", 5, 5 + length)])], 5)
    assert f"    axisFormat {axis}" in text
    assert f"    tickInterval {interval}" in text


@pytest.mark.parametrize(("names", "room"), [((), 24), (("web",), 48), (("web", "a" * 50), 344), (("日本",), 56)])
def test_names_have_room_beside_the_bars(names: tuple[str, ...], room: int) -> None:
    """The longest decides; Japanese is twice as wide."""
    assert f"    leftPadding: {room}" in gantt.lines([(name, ()) for name in names], 0)


def test_of_many_phases_the_first_and_the_last_are_drawn() -> None:
    """A deployment that goes to and fro for an hour fills no page."""
    spans = [Span(f"phase {number}", 100 + number, 101 + number) for number in range(50)]
    assert [line.split(" :")[0].strip() for line in drawn("web", *spans)[1:]] == [
        f"phase {number} (1.0 s)" for number in (0, 1, 2, 3, 46, 47, 48, 49)
    ]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("web", "web"),
        ("my-app_web.1", "my-app_web.1"),
        ("a: b; c # d, e %% f", "a b c d e f"),
        ("a\n    section b", "a section b"),
        ("```\n<b>x</b>", "b x /b"),
        ("日本", "日本"),
        ("%%{init: {}}%%", "init"),
        ("::;", "unnamed"),
        ("x" * 50, "x" * 37 + "..."),
    ],
)
def test_a_name_can_not_break_out_of_the_diagram(name: str, shown: str) -> None:
    """What ends a name, a line or the fence, and what is a comment, is left out."""
    assert drawn(name) == [f"    section {shown}"]


@given(name=st.text(), words=st.text(min_size=1))
def test_whatever_a_name_holds_the_diagram_keeps_its_lines(name: str, words: str) -> None:
    """One section, one task, and nothing of Mermaid's in either."""
    section, task = drawn(name, Span(words, 100, 105))
    assert re.fullmatch(r"    section [\w .()/-]+", section)
    assert DRAWN.fullmatch(task)
