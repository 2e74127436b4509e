"""Why a build of CodeBuild failed, and an execution's actions."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest

from ecs_cd.diagnosis.evidence import Finding
from ecs_cd.handoff.rules import actions, builds
from ecs_cd.model.verdict import Outcome
from ecs_cd.report.summary import Part
from ecs_cd.report.verdict_line import VerdictLine
from tests.scripted_aws.codebuild import EXIT_1, Build

AGAIN = builds.retry("my-app-deploy", "an-id", "Migrate")


def build(*failed: str, status: str = "", **more: Any) -> dict[str, Any]:
    told: Any = failed or None
    return Build(0, 1, told, status, more=more).described("migrate:1", 2, 0)


@pytest.mark.parametrize(
    ("given", "cause", "evidence"),
    [
        (build(*EXIT_1), "Migrate/Migrate: the build failed in phase BUILD", f"COMMAND_EXECUTION_ERROR: {EXIT_1[2]}"),
        (
            build("PROVISIONING", "", "no capacity", status="FAULT"),
            "Migrate/Migrate: CodeBuild had an internal error (FAULT) in phase PROVISIONING",
            "no capacity",
        ),
        (
            build("BUILD", "BUILD_TIMED_OUT", "", status="TIMED_OUT"),
            "Migrate/Migrate: the build reached its timeout (TIMED_OUT) in phase BUILD",
            "BUILD_TIMED_OUT",
        ),
        ({"buildStatus": "STOPPED"}, "Migrate/Migrate: the build failed", "last line"),
    ],
)
def test_the_first_failed_phase_is_the_cause(given: dict[str, Any], cause: str, evidence: str) -> None:
    """Then its contexts, and the end of the log."""
    found = builds.finding(given, "Migrate/Migrate", ["last line"], AGAIN)
    assert found.cause == cause
    assert found.evidence[0] == evidence
    assert found.evidence[-1] == "last line"


@pytest.mark.parametrize(("status", "retried"), [("FAULT", True), ("TIMED_OUT", True), ("FAILED", False)])
def test_only_the_infrastructures_fault_is_worth_another_try(status: str, retried: bool) -> None:
    """And after a migration not before it was looked at."""
    found = builds.finding(build(*EXIT_1, status=status), "Migrate/Migrate", [], AGAIN)
    assert ("retry-stage-execution" in found.next_step) is retried
    assert "The log: https://" in found.next_step


def test_a_build_without_a_log_has_no_stream() -> None:
    """CodeBuild names the group before the stream."""
    assert builds.stream({}) is None
    assert builds.stream({"logs": {"groupName": "g"}}) is None
    assert builds.stream({"logs": {"groupName": "g", "streamName": "s"}}) == ("g", "s")


def test_what_went_badly_in_the_build_is_what_is_shown() -> None:
    """The first finding says how its part ended; a part without one says that alone."""
    found = [Finding("no such host", ("a",), "b"), Finding("another")]
    parts = (
        Part("migrate", Outcome.SUCCEEDED),
        Part("deploy", Outcome.ROLLED_BACK, "web:1 runs", findings=found),
        Part("proof", Outcome.FAILED),
    )
    shown = builds.by_ecs_cd(VerdictLine("deploy", parts), "Deploy/Deploy")
    assert [each.cause for each in shown] == [
        "Deploy/Deploy: deploy rolled back: web:1 runs. no such host",
        "another",
        "Deploy/Deploy: proof failed",
    ]
    assert (shown[0].evidence, shown[0].next_step) == (("a",), "b")


def test_a_cause_that_the_part_has_named_is_shown_once() -> None:
    """A migration's message begins with its cause."""
    part = Part("Migration", Outcome.FAILED, "app exited with 1 (OutOfMemory)", findings=[Finding("app exited with 1")])
    (shown,) = builds.by_ecs_cd(VerdictLine("migrate", (part,)), "Migrate/Migrate")
    assert shown.cause == "Migrate/Migrate: Migration failed: app exited with 1 (OutOfMemory)"


def test_the_end_of_a_log_has_no_verdict_lines() -> None:
    """They are for programs."""
    lines = [*(f"line {number} \n" for number in range(30)), 'ecs-cd-verdict: {"version": 1}']
    assert builds.last_lines(lines) == tuple(f"line {number}" for number in range(10, 30))


# ---- actions ----


def detail(name: str, second: int, status: str = "Succeeded", **more: Any) -> dict[str, Any]:
    begun = datetime(2026, 1, 1, 0, 0, second, tzinfo=timezone.utc)
    return {"stageName": "Deploy", "actionName": name, "status": status, "startTime": begun, **more}


def test_an_action_is_its_last_try_in_the_order_of_the_declaration() -> None:
    """Whatever the order of the list; one that is not declared comes last."""
    listed = [detail("New", 5), detail("Web", 1, "Failed"), detail("Web", 9, "InProgress"), detail("Api", 3)]
    found = actions.newest(listed, [("Deploy", "Api"), ("Deploy", "Web")])
    assert [(each.name, each.status, each.tries) for each in found] == [
        ("Api", "Succeeded", 1),
        ("Web", "InProgress", 2),
        ("New", "Succeeded", 1),
    ]


def test_an_action_keeps_what_its_provider_says() -> None:
    """The id of the build, its page, the error, and the configuration with its variables resolved."""
    result = {
        "externalExecutionId": "migrate:1",
        "externalExecutionUrl": "https://build",
        "externalExecutionSummary": "summary",
        "errorDetails": {"code": "JobFailed", "message": "words"},
    }
    given = {
        "actionTypeId": {"category": "Build", "provider": "CodeBuild"},
        "configuration": {"A": "#{variables.A}"},
        "resolvedConfiguration": {"A": "1"},
    }
    [found] = actions.newest([detail("Web", 1, input=given, output={"executionResult": result})], [])
    assert (found.external_id, found.external_url, found.summary) == ("migrate:1", "https://build", "summary")
    assert (found.error_code, found.error, found.provider) == ("JobFailed", "words", "CodeBuild")
    assert found.configuration == {"A": "1"}
