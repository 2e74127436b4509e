"""Verbs that meet a lock or a freeze window: refused before anything changes, overridden, or not affected."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.scripted_aws import (
    Answer,
    Clock,
    Params,
    ScriptedAws,
    at,
    blue_green,
    denied,
    ecs,
    server_error,
    throttled,
)
from tests.scripted_aws.codebuild import Builds
from tests.scripted_aws.codepipeline import NAME, Pipeline, declaration
from tests.scripted_aws.fleet import COMPLETES
from tests.timelines.conftest import DOCUMENT
from tests.timelines.deploy import test_digests, test_existing, test_faults, test_go_back, test_waves
from tests.timelines.locks.conftest import ALICE, FREEZE, GARBAGE, LOCK, Run, Ssm
from tests.timelines.verbs import test_deploy, test_migrate

BY_ALICE = f"deployments are locked by alice since 2025-12-31T20:00:00Z until `ecs-cd unlock`: the database moves (SSM parameter {LOCK})"
HOUR = {"from": "2026-01-01T00:00:00Z", "until": "2026-01-01T01:00:00Z", "reason": "sale"}
BEFORE = {**HOUR, "from": "2025-12-31T23:00:00+00:00", "until": "2026-01-01T09:00:00+09:00"}
OPEN_UNTIL = {**HOUR, "from": "2025-12-31T23:00:00Z", "until": "2026-01-01T00:00:00.9Z"}


def migrates(aws: ScriptedAws) -> None:
    aws.on("ecs.RunTask", ecs.RunTask())
    aws.on("ecs.DescribeTasks", at(0, {"tasks": [test_migrate.stopped(0)]}), after="ecs.RunTask")
    aws.on("logs.GetLogEvents", {"events": [], "nextForwardToken": "f/1"})


def deploys(aws: ScriptedAws) -> None:
    aws.on("ecs.UpdateService", test_deploy.STARTED)
    test_deploy.running(aws, ecs.task(task_definition="web:2", started_by="ecs-svc/2"))
    test_deploy.timeline(aws, at(0, test_deploy.MOVING), at(20, test_deploy.COMPLETED))


def paused(aws: ScriptedAws) -> None:
    test_existing.blue_green_service(aws, test_existing.PAUSED | test_existing.SOURCE)
    aws.on("ecs.ContinueServiceDeployment", {"serviceDeploymentArn": blue_green.arn("2")})
    done = blue_green.through(blue_green.service_deployment("2", "SUCCESSFUL"))
    aws.on("ecs.DescribeServiceDeployments", *done, after="ecs.ContinueServiceDeployment")


def goes_back(aws: ScriptedAws) -> None:
    going = blue_green.service_deployment("2", stage="SCALE_UP")
    test_existing.blue_green_service(aws, going | test_existing.SOURCE)
    aws.on("ecs.StopServiceDeployment", {"serviceDeploymentArn": blue_green.arn("2")})
    back = [blue_green.service_deployment("2", status) for status in ("ROLLBACK_IN_PROGRESS", "ROLLBACK_SUCCESSFUL")]
    aws.on("ecs.DescribeServiceDeployments", *blue_green.through(*back), after="ecs.StopServiceDeployment")
    test_existing.runs(aws, "web:1")


def hands_off(aws: ScriptedAws) -> None:
    clock = aws.clock
    pipeline = Pipeline(clock, declared=declaration(variables=("IMAGE_APP", "COMMIT", "ECS_CD_NONCE"))).script(aws)
    Builds(pipeline, {}).script(aws)


PIPELINE = {"name": NAME, "variables": {"IMAGE_APP": "app"}, "commit": "COMMIT"}
VERBS: list[tuple[str, Callable[[ScriptedAws], None], dict[str, str]]] = [
    ("migrate", migrates, {}),
    ("deploy", deploys, {}),
    ("deploy", deploys, {"register_only": "true"}),
    ("continue", paused, {"sha": ""}),
    ("rollback", goes_back, {"sha": ""}),
    ("hand-off", hands_off, {}),
]
each_verb = pytest.mark.parametrize(
    ("verb", "script", "inputs"), VERBS, ids=[f"{v} {' '.join(i)}" for v, _, i in VERBS]
)


@each_verb
def test_a_lock_refuses_each_verb_before_anything_changes(
    verb: str, script: Callable[[ScriptedAws], None], inputs: dict[str, str], aws: ScriptedAws, ssm: Ssm, step: Run
) -> None:
    """With who, since when, until when, why and how to go on; exit code 2, as for all that has not started."""
    script(aws)
    ssm.content |= {"pipeline": PIPELINE} if verb == "hand-off" else {}
    ssm.locked()
    ended = step(verb, **inputs)
    assert ended.exit_code == 2, ended.log
    assert ssm.changed() == []
    assert BY_ALICE in ended.log
    assert "set the input override" in ended.log
    assert "not started" in ended.summary
    assert aws.count("ssm.GetParameters") == 1


@each_verb
def test_an_override_lets_each_verb_go_on_and_is_recorded(
    verb: str, script: Callable[[ScriptedAws], None], inputs: dict[str, str], aws: ScriptedAws, ssm: Ssm, step: Run
) -> None:
    """In the log, as an annotation, and in the summary: who is overridden, and why."""
    script(aws)
    ssm.content |= {"pipeline": PIPELINE} if verb == "hand-off" else {}
    ssm.locked()
    more = {"wait_until": "started"} if verb == "hand-off" else {}
    ended = step(verb, **inputs, **more, override="hotfix INC-123")
    assert ended.exit_code == 0, ended.log
    assert ssm.changed()
    assert f"::notice::override (hotfix INC-123): {BY_ALICE}" in ended.log
    assert "hotfix INC-123" in ended.summary
    assert "by alice since" in ended.summary


@each_verb
def test_without_a_lock_no_verb_says_anything(
    verb: str, script: Callable[[ScriptedAws], None], inputs: dict[str, str], aws: ScriptedAws, ssm: Ssm, step: Run
) -> None:
    """Nor if an override is given that nothing needs."""
    script(aws)
    ssm.content |= {"pipeline": PIPELINE} if verb == "hand-off" else {}
    more = {"wait_until": "started"} if verb == "hand-off" else {}
    ended = step(verb, **inputs, **more, override="in case")
    assert ended.exit_code == 0, ended.log
    assert "in case" not in ended.log + ended.summary


def test_a_document_without_these_keys_costs_no_call(aws: ScriptedAws, step: Run) -> None:
    """And no permission."""
    deploys(aws)
    assert step("deploy").exit_code == 0
    assert aws.count("ssm.GetParameters") == 0


@pytest.mark.parametrize(
    ("lock", "refused"),
    [
        ({**ALICE, "until": "2026-01-01T00:00:01Z"}, True),
        ({**ALICE, "until": "2026-01-01T09:00:01+09:00"}, True),
        ({**ALICE, "until": "2026-01-01T00:00:00Z"}, False),
        ({**ALICE, "until": "2025-12-31T21:00:00Z"}, False),
    ],
)
def test_a_lock_holds_until_its_end(lock: Params, refused: bool, aws: ScriptedAws, ssm: Ssm, step: Run) -> None:
    """At that instant it no longer does."""
    deploys(aws)
    ssm.has(LOCK, lock)
    assert step("deploy").exit_code == (2 if refused else 0)


@pytest.mark.parametrize(
    ("windows", "refused"),
    [
        ([], False),
        ([HOUR], True),
        ([BEFORE], False),
        ([OPEN_UNTIL], False),
        ([BEFORE, HOUR], True),
        ([{**HOUR, "from": "2026-01-01T00:00:01Z"}], False),
    ],
)
def test_a_freeze_window_refuses_what_is_in_it(
    windows: list[Params], refused: bool, aws: ScriptedAws, ssm: Ssm, step: Run
) -> None:
    """Its first instant is in it, its last is not; time zones count."""
    deploys(aws)
    ssm.freeze(*windows)
    ended = step("deploy")
    assert ended.exit_code == (2 if refused else 0), ended.log
    assert ("deployments are frozen from" in ended.log) is refused
    assert bool(ssm.changed()) is not refused


def _fails(answer: Answer) -> Callable[[Ssm], None]:
    return lambda ssm: ssm.aws.on("ssm.GetParameters", answer)


def _holds(name: str, value: Any, kind: str = "String") -> Callable[[Ssm], None]:
    return lambda ssm: ssm.has(name, value, kind)


UNKNOWN = f"whether deployments are locked is unknown: {LOCK} and {FREEZE} can't be read: "
BAD: list[tuple[str, Callable[[Ssm], None], str]] = [
    ("no JSON", _holds(LOCK, "{,"), f"the lock in the SSM parameter {LOCK} is not JSON: line 1"),
    ("text", _holds(LOCK, GARBAGE), "the whole text: must be a mapping, but is text"),
    ("another document", _holds(LOCK, DOCUMENT), "by: is missing; it is who holds the lock"),
    ("another version", _holds(LOCK, {**ALICE, "version": "2"}), "version: must be one of 1"),
    ("a number", _holds(LOCK, {**ALICE, "by": 7}), "by: must be text, but is a number"),
    ("no zone", _holds(LOCK, {**ALICE, "until": "2026-01-02T00:00:00"}), "until: must be a time with a time zone"),
    ("no such day", _holds(LOCK, {**ALICE, "until": "2026-02-30T00:00:00Z"}), "until: there is no such time"),
    ("until before since", _holds(LOCK, {**ALICE, "until": "2025-12-01T00:00:00Z"}), "until: must be later than since"),
    ("SecureString", _holds(LOCK, "AQICAH", "SecureString"), "can't be read: its type is SecureString"),
    ("StringList", _holds(FREEZE, "a,b", "StringList"), "can't be read: its type is StringList"),
    ("no freeze", lambda ssm: ssm.versions.clear(), f"there is no SSM parameter {FREEZE}, which `freeze`"),
    (
        "a freeze without zone",
        _holds(FREEZE, {"windows": [{**HOUR, "from": "2026-01-01"}]}),
        "windows[0].from: must be",
    ),
    (
        "a freeze backwards",
        _holds(FREEZE, {"windows": [{**HOUR, "until": HOUR["from"]}]}),
        "windows[0].until: must be later",
    ),
    ("a list", _holds(FREEZE, [HOUR]), "must be a mapping, but is a list"),
    ("denied", _fails(denied("ssm:GetParameters")), UNKNOWN + "AWS answered GetParameters with AccessDeniedException"),
    ("throttled", _fails(throttled()), UNKNOWN + "AWS answered GetParameters with Throttl"),
    ("a server error", _fails(server_error()), UNKNOWN),
]


@pytest.mark.parametrize(("script", "words"), [(s, w) for _, s, w in BAD], ids=[name for name, _, _ in BAD])
def test_what_cannot_be_understood_refuses_and_can_be_overridden(
    script: Callable[[Ssm], None], words: str, aws: ScriptedAws, ssm: Ssm, step: Run
) -> None:
    """The parameter, the place in it and the remedy are named; its values are not."""
    deploys(aws)
    script(ssm)
    ended = step("deploy")
    assert ended.exit_code == 2, ended.log
    assert ssm.changed() == []
    assert words in ended.log
    assert "set the input override" in ended.log
    assert GARBAGE not in ended.log
    overridden = step("deploy", override="hotfix INC-123")
    assert overridden.exit_code == 0, overridden.log
    assert "override (hotfix INC-123): " in overridden.log
    assert ":;" not in overridden.log


def test_a_denied_read_names_the_statement(aws: ScriptedAws, ssm: Ssm, step: Run) -> None:
    """That the role lacks."""
    deploys(aws)
    aws.on("ssm.GetParameters", denied("ssm:GetParameters"))
    assert '"Action": "ssm:GetParameters"' in step("deploy").log


def test_a_throttled_read_is_repeated(aws: ScriptedAws, ssm: Ssm, step: Run) -> None:
    """Like every read."""
    deploys(aws)
    aws.on("ssm.GetParameters", throttled(), ssm.get({"Names": [LOCK, FREEZE]}))
    assert step("deploy").exit_code == 0


@pytest.mark.parametrize(
    ("override", "recorded"),
    [("false", ""), ("FALSE", ""), (" ", ""), ("true", "without a reason"), ("a\n::error::b", "a ::error::b")],
)
def test_an_override_is_a_reason(override: str, recorded: str, aws: ScriptedAws, ssm: Ssm, step: Run) -> None:
    """`false`, such as of a workflow's own boolean input, overrides nothing; `true` gives no reason."""
    deploys(aws)
    ssm.locked()
    ended = step("deploy", override=override)
    assert ended.exit_code == (0 if recorded else 2), ended.log
    assert f"override ({recorded}): " in ended.log or not recorded


def test_a_hostile_lock_is_shown_in_one_short_line(aws: ScriptedAws, ssm: Ssm, step: Run) -> None:
    """Its text is no workflow command, no Markdown and no terminal sequence, however long it is."""
    deploys(aws)
    ssm.locked(by="eve\n::set-output name=a::b", reason="x\r\n::stop-commands::y\x1b[2J\n## <img src=x> " + "z" * 3500)
    ended = step("deploy")
    assert ended.exit_code == 2
    assert not [line for line in ended.log.splitlines() if line.startswith(("::set-output", "::stop-commands"))]
    assert "\x1b[2J" not in ended.log + ended.summary
    assert "z" * 400 not in ended.log + ended.summary
    assert not [line for line in ended.summary.splitlines() if line.startswith("##") and "Deployment" not in line]
    overridden = step("deploy", override="<b>`now`</b>").summary.removeprefix(ended.summary)
    assert "\\<img" in overridden or "&lt;img" in overridden
    assert "<b>" not in overridden


def test_a_dry_run_says_that_a_deployment_would_be_refused(aws: ScriptedAws, ssm: Ssm, step: Run) -> None:
    """In one line, and succeeds."""
    deploys(aws)
    ssm.locked()
    ended = step("deploy", dry_run="true")
    assert ended.exit_code == 0, ended.log
    assert f"lock: a deployment would be refused now: {BY_ALICE}" in ended.log
    assert ended.log.count("would be refused now") == 1


def test_a_list_of_rollback_targets_says_it_too(aws: ScriptedAws, ssm: Ssm, step: Run) -> None:
    """Before a reviewer waits for a rollback that would be refused."""
    goes_back(aws)
    aws.on("ecr.DescribeImages", {"imageDetails": []})
    ssm.locked()
    ended = step("rollback", list="true", sha="")
    assert ended.exit_code == 0, ended.log
    assert f"lock: a deployment would be refused now: {BY_ALICE}" in ended.log
    assert ssm.changed() == []


def test_a_dry_run_of_hand_off_says_it_too(aws: ScriptedAws, ssm: Ssm, step: Run) -> None:
    """And starts nothing."""
    hands_off(aws)
    ssm.content["pipeline"] = PIPELINE
    ssm.locked()
    ended = step("hand-off", dry_run="true")
    assert ended.exit_code == 0, ended.log
    assert "lock: a deployment would be refused now" in ended.log


def test_a_plan_says_it_too(aws: ScriptedAws, ssm: Ssm, step: Run) -> None:
    """In the job log: a plan is made for later."""
    ssm.locked()
    ended = step("plan")
    assert ended.exit_code == 0, ended.log
    assert f"lock: a deployment would be refused now: {BY_ALICE}" in ended.log


def test_the_pipeline_refuses_before_it_builds(aws: ScriptedAws, ssm: Ssm, step: Run) -> None:
    """All that can be refused is refused before the first step."""
    deploys(aws)
    aws.on("ecr.DescribeRepositories", {"repositories": [{"imageTagMutability": "MUTABLE"}]})
    ssm.locked()
    ended = step("pipeline")
    assert ended.exit_code == 2, ended.log
    assert BY_ALICE in ended.log
    assert aws.count("ecr.PutImage") == 0
    assert ssm.changed() == []


def test_a_lock_that_comes_during_the_migration_stops_the_deployment(aws: ScriptedAws, ssm: Ssm, step: Run) -> None:
    """The migration, which runs already, is followed to its end."""
    deploys(aws)
    aws.on("ecr.DescribeRepositories", {"repositories": [{"imageTagMutability": "MUTABLE"}]})
    run_task = ecs.RunTask()

    def starts(params: Params) -> Any:
        ssm.locked()
        return run_task(params)

    aws.on("ecs.RunTask", starts)
    looks = [at(0, {"tasks": [test_migrate.migration("RUNNING")]}), at(30, {"tasks": [test_migrate.stopped(0)]})]
    aws.on("ecs.DescribeTasks", *looks, after="ecs.RunTask")
    aws.on("logs.GetLogEvents", {"events": [], "nextForwardToken": "f/1"})
    ended = step("pipeline")
    assert ended.exit_code == 2, ended.log
    assert ended.outputs["migration-result"] == "succeeded"
    assert aws.count("ecs.UpdateService") == 0
    assert BY_ALICE in ended.log


def test_a_lock_does_not_stop_what_runs_nor_its_rollback(aws: ScriptedAws, ssm: Ssm, step: Run) -> None:
    """Taken after the start, it neither ends the deployment nor keeps a failed one from going back."""
    test_faults.build(test_faults.ROLLING, aws)
    test_go_back.fails(aws, test_digests.services, test_faults.OLD, **test_faults.NO_ROLLBACK)
    aws.on("ecs.ListServiceDeployments", test_go_back.HISTORY)

    def registers(params: Params) -> Params:
        ssm.locked()
        return {"taskDefinition": ecs.task_definition(params["family"], 2)}

    aws.on("ecs.RegisterTaskDefinition", registers)
    ended = step("deploy", on_failure="rollback")
    assert (ended.exit_code, ended.outputs["result"]) == (3, "rolled-back"), ended.log
    assert test_go_back.revisions(aws) == ["web:2", "web:1"]
    assert "locked" not in ended.log


def test_a_lock_that_comes_while_the_deployment_waits_for_another_refuses(
    aws: ScriptedAws, ssm: Ssm, step: Run
) -> None:
    """What was read before a long wait is read again."""
    deploys(aws)
    busy = {"services": [ecs.service(deployments=[{**test_deploy.OLD, "rolloutState": "IN_PROGRESS"}])]}
    free = {"services": [ecs.service(deployments=[test_deploy.OLD])]}
    aws.on("ecs.DescribeServices", at(0, busy), at(60, free))
    aws.on("ecs.ListServiceDeployments", {"serviceDeployments": []})

    def reads(params: Params) -> Params:
        if aws.clock.monotonic() >= 60:
            ssm.locked()
        return ssm.get(params)

    aws.on("ssm.GetParameters", reads)
    ended = step("deploy")
    assert ended.exit_code == 2, ended.log
    assert ssm.changed() == []
    assert BY_ALICE in ended.log
    assert aws.count("ssm.GetParameters") == 2


@pytest.mark.parametrize("override", ["", "hotfix INC-123"])
def test_a_lock_of_one_of_several_documents_refuses_all(
    override: str, aws: ScriptedAws, clock: Clock, step: Run
) -> None:
    """Also of a later wave, before the first one changes anything; an override is for all."""
    test_waves.world(aws, clock, {"eu-web": COMPLETES, "us-web": COMPLETES})
    content = json.dumps(test_waves.document("us-web", lock=LOCK))
    aws.on("ssm.GetParameter", {"Parameter": {"Value": content, "Version": 1}}, where={"Name": "/us"})
    locked = {"Name": LOCK, "Type": "String", "Value": json.dumps(ALICE), "Version": 1}
    aws.on("ssm.GetParameters", {"Parameters": [locked]})
    ended = step("deploy", config=f"{test_waves.EU}\n{test_waves.US}", override=override)
    assert BY_ALICE in ended.log
    if override:
        assert "override, us-east-1" in ended.summary
        assert ended.exit_code == 0, ended.log
        assert f"override ({override}): " in ended.log
    else:
        assert ended.exit_code == 2, ended.log
        assert test_waves.changes(aws) == 0
