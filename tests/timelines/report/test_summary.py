"""The job summary of whole steps: what it tells, when it is written, and that it costs nothing."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.contract.test_sample import crash
from tests.scripted_aws import Clock, Params, ScriptedAws, at, blue_green, denied, ecs, error
from tests.scripted_aws.fleet import COMPLETES, CRASHES, STAYS, Course, Fleet, document
from tests.timelines.conftest import REPOSITORY, Step

Run = Callable[..., Step]

SLOW: Course = {0: {}, 10: {"runningCount": 1}, 20: {"rolloutState": "COMPLETED"}}


def fleet(aws: ScriptedAws, clock: Clock, courses: dict[str, Course]) -> Fleet:
    given = document(list(courses), REPOSITORY)
    aws.on("ssm.GetParameter", {"Parameter": {"Value": json.dumps(given), "Version": 1}})
    aws.on("logs.GetLogEvents", {"events": [{"message": "boom"}], "nextBackwardToken": "b/1"})
    return Fleet(clock, courses).script(aws)


def migrates(aws: ScriptedAws, exit_code: int = 0) -> None:
    aws.on("ecr.DescribeRepositories", {"repositories": [{"imageTagMutability": "MUTABLE"}]})
    ended = ecs.container(status="STOPPED", exitCode=exit_code)
    task = ecs.task("task-1", "STOPPED", task_definition="migration:2", containers=[ended])
    aws.on("ecs.RunTask", ecs.RunTask())
    aws.on("ecs.DescribeTasks", at(0, {"tasks": [task | {"lastStatus": "PENDING"}]}), at(8, {"tasks": [task]}),
           where={"tasks": [task["taskArn"]]})  # fmt: skip
    aws.on("logs.GetLogEvents", {"events": [], "nextForwardToken": "f/1"})


def timeline(summary: str) -> list[str]:
    """The lines of the diagram that name something."""
    (diagram,) = re.findall(r"```mermaid\n(.*?)```", summary, re.S)
    return [
        re.sub(r" \([^)]*\) :", " :", line.strip()) for line in diagram.partition("todayMarker off\n")[2].splitlines()
    ]


def headings(summary: str) -> list[str]:
    return [line for line in summary.splitlines() if line.startswith("#")]


# ---- phases ----


def test_a_rolling_update_is_drawn_from_start_to_end(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """What is seen first has been so since UpdateService."""
    fleet(aws, clock, {"web": SLOW})
    ended = step("deploy")
    assert timeline(ended.summary) == [
        "section web",
        "tasks starting :00:00:00, 12s",
        "healthy :00:00:12, 10s",
    ]
    assert "| `web` | ✅ succeeded | `web:1` | `web:2` | app `sha256:aaaaaaaaaaaa` | 22 s |" in ended.summary


def test_the_way_back_of_ours_is_part_of_the_story(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """One service ECS rolls back, the other `on-failure`; both are in the colour of what is bad."""
    fleet(aws, clock, {"web": COMPLETES, "worker": CRASHES})
    ended = step("deploy", on_failure="rollback")
    assert headings(ended.summary) == ["### ❌ Deployment: rolled back"]
    web, worker = (part.split("|") for part in "|".join(timeline(ended.summary)).split("|section worker|"))
    assert [re.sub(r"\d\d:.*", "", line) for line in web] == [
        "section web", "tasks starting :", "rollback :crit, ",
    ]  # fmt: skip
    assert [re.sub(r"\d\d:.*", "", line) for line in worker] == [
        "tasks starting :", "failed :crit, ", "rollback :crit, ",
    ]  # fmt: skip
    rows = re.findall(r"^\| `(?:web|worker)` \| (.*?) \|.*\| (.*?) \|$", ended.summary, re.M)
    assert [result for result, _ in rows] == ["❌ rolled back"] * 2
    assert all(rows[number][1] for number in (0, 1))


def test_a_blue_green_deployment_is_drawn_by_its_stages(aws: ScriptedAws, step: Run) -> None:
    """Several stages are one phase; the pause has its own."""
    moving = blue_green.service(
        deployments=[ecs.deployment("ecs-svc/2", task_definition="web:2", rollout_state="IN_PROGRESS")]
    )
    aws.on("ecs.DescribeServices", {"services": [blue_green.service()]})
    aws.on("ecs.DescribeServices", {"services": [moving]}, after="ecs.UpdateService")
    aws.on("ecs.UpdateService", {"service": moving})
    aws.on("ecs.ListServiceDeployments", blue_green.listed())
    aws.on("ecs.ListServiceDeployments", blue_green.listed(blue_green.service_deployment()), after="ecs.UpdateService")
    aws.on("ecs.DescribeServiceRevisions", blue_green.revisions)
    aws.on("ecs.DescribeServiceDeployments", *blue_green.through(*blue_green.stages()), after="ecs.UpdateService")
    task = ecs.task(task_definition="web:2", started_by="ecs-svc/2")
    aws.on("ecs.ListTasks", {"taskArns": [task["taskArn"]]})
    aws.on("ecs.DescribeTasks", ecs.described("tasks", task))
    ended = step("deploy")
    assert ended.exit_code == 0, ended.log
    assert [line.partition(" :")[0] for line in timeline(ended.summary)] == [
        "section web", "tasks starting", "healthy", "test traffic", "traffic", "bake time", "old tasks stopping",
    ]  # fmt: skip


# ---- when it is written ----


def test_each_state_of_a_pipeline_is_in_the_file_while_it_lasts(aws: ScriptedAws, step: Run, tmp_path: Path) -> None:
    """A killed process leaves the last one: what had ended, and what was running."""
    seen: list[str] = []
    migrates(aws)
    run_task = ecs.RunTask()

    def look(params: Params) -> Any:
        seen.append((tmp_path / "GITHUB_STEP_SUMMARY").read_text())
        return run_task(params)

    aws.on("ecs.RunTask", look)
    (tmp_path / "GITHUB_STEP_SUMMARY").write_text("### of another program\n\n")
    aws.on("ecs.UpdateService", denied())
    aws.on("ecs.DeregisterTaskDefinition", {"taskDefinition": ecs.task_definition("web", 2)})
    ended = step("pipeline")
    assert headings(seen[0]) == ["### of another program", "### ⏳ Migration: under way"]
    assert "| Build and push | ✅\xa0succeeded | 0.0 s |" in seen[0]
    assert headings(ended.summary) == ["### of another program", "### ❌ Deployment: not started"]
    assert "| Migration | ✅\xa0succeeded | 8" in ended.summary


@pytest.mark.parametrize(("exit_code", "heading"), [(0, "✅ Deployment: succeeded"), (3, "❌ Migration: failed")])
def test_a_pipeline_has_one_verdict_on_top(
    aws: ScriptedAws, step: Run, clock: Clock, exit_code: int, heading: str
) -> None:
    """That of the part that decides; cause and next step follow at once, and the parts that went well below."""
    fleet(aws, clock, {"web": COMPLETES})
    given = document(["web"], REPOSITORY)
    given["migration"] = {"task-definition": "migration", "container": "app", "service": "web"}
    aws.on("ssm.GetParameter", {"Parameter": {"Value": json.dumps(given), "Version": 1}})
    migrates(aws, exit_code)
    ended = step("pipeline")
    assert ended.exit_code == bool(exit_code), ended.log
    assert headings(ended.summary) == [f"### {heading}"]
    assert "| Build and push | ✅\xa0succeeded | 0.0 s" in ended.summary
    if not exit_code:  # after a failed migration it would be a single bar
        drawn = [line.partition(" :")[0] for line in timeline(ended.summary)]
        assert drawn == ["section Migration", "migrate", "section web", "tasks starting"]


def cancelled(aws: ScriptedAws, clock: Clock, ours: Fleet, moment: float) -> None:
    """The runner ends the job at this time."""

    def answer(params: Params) -> Params:
        if clock.monotonic() >= moment:
            os.kill(os.getpid(), signal.SIGTERM)
        return ours._describe(params)

    aws.on("ecs.DescribeServices", answer)


def results(summary: str) -> dict[str, tuple[str, str, str]]:
    """Of each service its result and its revisions."""
    rows = re.findall(r"^\| `(\w+)` \| \S+ (.*?) \| `(.*?)` \| `?(.*?)`? \|", summary, re.M)
    return {name: (result, before, after) for name, result, before, after in rows}


def test_a_cancelled_deployment_tells_of_each_service(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """Which had ended by then, and which are still running; without another call to AWS."""
    ours = fleet(aws, clock, {"web": COMPLETES, "worker": STAYS})
    cancelled(aws, clock, ours, 40)
    ended = step("deploy")
    assert ended.exit_code == 130, ended.log
    assert headings(ended.summary) == ["### ❌ Deployment: cancelled"]
    assert results(ended.summary) == {
        "web": ("succeeded", "web:1", "web:2"), "worker": ("cancelled", "worker:1", "worker:2"),
    }  # fmt: skip
    assert timeline(ended.summary)[-1] == "tasks starting :00:00:00, 42s"
    assert aws.count("ecs.DescribeTaskDefinition") == 2


def test_a_deployment_ends_when_its_time_is_over(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """Not when its causes have been looked into; a single phase is no timeline."""
    fleet(aws, clock, {"web": STAYS})
    ended = step("deploy", deployment_timeout="1m")
    assert ended.exit_code == 7, ended.log
    assert re.findall(r"\| (❌ timed out) \|.*\| (.*?) \|$", ended.summary, re.M) == [("❌ timed out", "1 min")]
    assert "mermaid" not in ended.summary


def test_a_way_back_that_is_cancelled_is_no_success(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """Of a service that is being brought back its own success is the past."""
    ours = fleet(aws, clock, {"web": COMPLETES, "worker": CRASHES})
    cancelled(aws, clock, ours, 50)
    ended = step("deploy", on_failure="rollback")
    assert ended.exit_code == 130, ended.log
    assert {name: result for name, (result, *_) in results(ended.summary).items()} == {
        "web": "cancelled", "worker": "rolled back",
    }  # fmt: skip
    assert [line.partition(" :")[0] for line in timeline(ended.summary)][:3] == [
        "section web", "tasks starting", "rollback",
    ]  # fmt: skip


# ---- what it costs ----


def test_the_difference_costs_no_call_where_all_is_well(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """The newest revision was read before, to see whether it is the same."""
    fleet(aws, clock, {"web": COMPLETES})
    ended = step("deploy")
    assert aws.count("ecs.DescribeTaskDefinition") == 1
    assert "**web: web:1 → web:2**" in ended.summary
    assert "~ containerDefinitions.app.image: " in ended.summary


def newest_is_not_what_runs(aws: ScriptedAws, *answers: Any) -> None:
    """web:5 failed, and was rolled back to web:1; ``answers`` are for web:1."""
    last = ecs.task_definition("web", 5, cpu="2048")
    aws.on("ecs.DescribeTaskDefinition", {"taskDefinition": last, "tags": []}, where={"taskDefinition": "web"})
    aws.on("ecs.DescribeTaskDefinition", *answers, where={"taskDefinition": ecs.task_definition_arn("web:1")})


BEFORE = {"taskDefinition": ecs.task_definition("web", 1, cpu="1024"), "tags": []}


@pytest.mark.parametrize(
    ("script", "answer", "calls", "shown"),
    [
        (lambda aws, clock: fleet(aws, clock, {"web": COMPLETES}), BEFORE, 1, False),
        (lambda aws, clock: crash(aws), BEFORE, 2, True),
        (lambda aws, clock: crash(aws), denied("ecs:DescribeTaskDefinition"), 2, False),
        (lambda aws, clock: crash(aws), error("ClientException", "not there"), 2, False),
    ],
)
def test_what_ran_before_is_read_after_a_failure_only(
    aws: ScriptedAws, step: Run, clock: Clock, script: Callable[..., Any], answer: Any, calls: int, shown: bool
) -> None:
    """Where the newest revision is not what ran; what can't be read is left out, and changes no verdict."""
    script(aws, clock)
    newest_is_not_what_runs(aws, answer)
    ended = step("deploy")
    assert ended.exit_code in (0, 3), ended.log
    assert aws.count("ecs.DescribeTaskDefinition") == calls
    assert ("~ cpu: 1024 -> 2048" in ended.summary) is shown


def test_values_of_the_environment_are_not_shown(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """The summary names a variable that has changed."""
    found = ecs.task_definition()
    container = found["containerDefinitions"][0] | {"environment": [{"name": "PLAN", "value": "hunter2"}]}
    before = found | {"containerDefinitions": [container]}
    fleet(aws, clock, {"web": COMPLETES})
    template = ecs.task_definition("web", 1, containers=["app"])
    template["containerDefinitions"][0]["environment"] = [{"name": "PLAN", "value": "swordfish"}]
    given = document(["web"], REPOSITORY)
    given["services"]["web"]["task-definition"] = "s3://bucket/web.json"
    kept = {name: template[name] for name in ("family", "containerDefinitions", "networkMode", "cpu", "memory")}
    aws.on("ssm.GetParameter", {"Parameter": {"Value": json.dumps(given), "Version": 1}})
    aws.on("s3.GetObject", {"Body": json.dumps(kept)})
    aws.on("ecs.DescribeTaskDefinition", {"taskDefinition": before, "tags": []})
    ended = step("deploy")
    assert ended.exit_code == 0, ended.log
    assert "~ containerDefinitions.app.environment.PLAN: changed" in ended.summary
    assert "hunter2" not in ended.log + ended.summary
    assert "swordfish" not in ended.log + ended.summary


ACTING = "\x1b[2J\x1b]0;PWN\x07\x00\x85\u202eevil\u2066\u200f\r::error::x\x9b2J"


def test_what_others_write_acts_on_no_reader(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """The container's log, and the words of AWS: neither log nor summary has their control characters."""
    fleet(aws, clock, {"web": CRASHES})
    aws.on("logs.GetLogEvents", {"events": [{"message": f"boom{ACTING}"}], "nextBackwardToken": "b/1"})
    aws.on("ecs.ListTasks", error("AccessDeniedException", f"denied{ACTING}"), where={"desiredStatus": "RUNNING"})
    ended = step("deploy")
    assert ended.exit_code != 0
    assert "evil" in ended.log + ended.summary
    for text in (ended.log, ended.summary, *ended.outputs.values()):
        assert re.findall(r"[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f\u200f\u202e\u2066]|\x1b(?!\[[0-9;]*m)", text) == []
