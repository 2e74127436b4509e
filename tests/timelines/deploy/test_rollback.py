"""`rollback`: which deployment it takes back, what it goes back to, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.scripted_aws import Clock, Params, ScriptedAws, at, blue_green, codedeploy, denied, ecs, error
from tests.scripted_aws.fleet import COMPLETES, Fleet, document
from tests.timelines.conftest import REPOSITORY, Step

Run = Callable[..., Step]

MUTATIONS = (
    "ecs.UpdateService",
    "ecs.StopServiceDeployment",
    "ecs.ContinueServiceDeployment",
    "codedeploy.CreateDeployment",
    "codedeploy.StopDeployment",
)
BARE: dict[str, Any] = {"deploymentConfiguration": {"deploymentCircuitBreaker": {"enable": False, "rollback": False}}}
OLD = ecs.deployment("ecs-svc/1", "ACTIVE", "web:1", created=-9000)
NEW = ecs.deployment("ecs-svc/2", "PRIMARY", "web:2", "IN_PROGRESS", pending=1, created=-7200)


@pytest.fixture
def rollback(step: Run) -> Run:
    """`ecs-cd rollback` with the document."""
    return lambda **inputs: step("rollback", sha="", **inputs)


def mutations(aws: ScriptedAws) -> list[str]:
    """The calls that change something, in their order."""
    return [call.operation for call in aws.calls if call.operation in MUTATIONS]


def updated(aws: ScriptedAws) -> str:
    """The revision that the only UpdateService asks for."""
    (update,) = (call for call in aws.calls if call.operation == "ecs.UpdateService")
    return str(update.params["taskDefinition"]).rpartition("/")[2]


def ecs_past(*words: str, more: tuple[Params, ...] = ()) -> Any:
    """ListServiceDeployments: `web:3`, or `web:3 STOPPED`, oldest first."""
    done = []
    for number, word in enumerate(words):
        revision, _, status = word.partition(" ")
        id = f"{number}.{revision.rpartition(':')[2]}"
        done.append(blue_green.service_deployment(id, status or "SUCCESSFUL", created=number - 999))
    return blue_green.listed(*done, *more)


def revisions(params: Params) -> Params:
    """DescribeServiceRevisions: the revision "0.7" of the service "web" runs web:7; "7" as well."""
    found = []
    for arn in params["serviceRevisionArns"]:
        *_, name, id = arn.split("/")
        number = id.rpartition(".")[2]
        found.append({"serviceRevisionArn": arn, "taskDefinition": ecs.task_definition_arn(f"{name}:{number}")})
    return {"serviceRevisions": found}


def definitions(aws: ScriptedAws, **changed: Params) -> None:
    """DescribeTaskDefinition: every revision, with its own name; ``web_9={...}`` differs."""

    def answer(params: Params) -> Params:
        name = params["taskDefinition"].rpartition("/")[2]
        family, _, number = name.partition(":")
        found = ecs.task_definition(family, int(number or 1))
        more = changed.get(f"{family}_{number}", {})
        tags = more.get("tags", [])
        return {"taskDefinition": found | {key: each for key, each in more.items() if key != "tags"}, "tags": tags}

    aws.on("ecs.DescribeTaskDefinition", answer)


def running(aws: ScriptedAws, revision: str, **when: Any) -> None:
    """The service's running task is of this revision; none has stopped."""
    task = ecs.task(task_definition=revision)
    aws.on("ecs.ListTasks", {"taskArns": []})
    aws.on("ecs.ListTasks", {"taskArns": [task["taskArn"]]}, where={"desiredStatus": "RUNNING"})
    aws.on("ecs.DescribeTasks", ecs.described("tasks", task))


# ---- rolling updates ----


def rolling(aws: ScriptedAws, *deployments: Params, past: Any = None, back: str = "web:1", **more: Any) -> None:
    """A rolling service with these deployments; a deployment of ``back`` completes after 20 seconds."""
    definitions(aws)
    before = ecs.service(deployments=list(deployments), **more)
    new = ecs.deployment("ecs-svc/9", "PRIMARY", back, "IN_PROGRESS", created=0)
    left = [each | {"status": "ACTIVE"} for each in deployments]
    moving = ecs.service(deployments=[new, *left], **more)
    done = ecs.service(deployments=[ecs.deployment("ecs-svc/9", "PRIMARY", back, created=0)], **more)
    aws.on("ecs.DescribeServices", {"services": [before]})
    aws.on("ecs.UpdateService", {"service": moving})
    looks = at(0, {"services": [moving]}), at(20, {"services": [done]})
    aws.on("ecs.DescribeServices", *looks, after="ecs.UpdateService")
    aws.on("ecs.ListServiceDeployments", past or ecs_past())
    aws.on("ecs.DescribeServiceRevisions", revisions)
    running(aws, back)


def test_a_crash_loop_without_a_breaker_is_taken_back(aws: ScriptedAws, rollback: Run) -> None:
    """It never ends, so waiting for its end is no way out; what still runs is what to go back to."""
    rolling(aws, NEW, OLD, **BARE)
    ended = rollback()
    assert ended.exit_code == 0, ended.log
    assert ended.outputs["result"] == "succeeded"
    assert updated(aws) == "web:1"
    assert "deployment ecs-svc/2 (web:2) is IN_PROGRESS; taking it back: web:2 -> web:1 (it still runs)" in ended.log
    assert "web is back at web:1" in ended.log


@pytest.mark.parametrize(
    ("deployments", "past", "back"),
    [
        ([NEW, OLD], ("web:1",), "web:1"),
        ([NEW], ("web:1",), "web:1"),
        ([NEW], ("web:1", "web:8 STOPPED"), "web:1"),
        ([NEW], ("web:1", "web:8 ROLLBACK_SUCCESSFUL"), "web:1"),
        ([NEW, ecs.deployment("ecs-svc/8", "ACTIVE", "web:8", "IN_PROGRESS", running=1), OLD], (), "web:1"),
        ([NEW, ecs.deployment("ecs-svc/8", "ACTIVE", "web:8", "FAILED", running=1)], ("web:1",), "web:1"),
        (
            [NEW, ecs.deployment("ecs-svc/8", "ACTIVE", "web:8", "FAILED", running=1)],
            ("web:1", "web:8 STOPPED"),
            "web:1",
        ),
        ([ecs.deployment("ecs-svc/2", task_definition="web:2", rollout_state="FAILED"), OLD], (), "web:1"),
        ([ecs.deployment("ecs-svc/2", task_definition="web:2", rollout_state="FAILED")], ("web:1",), "web:1"),
        ([NEW], ("web:1", "web:5", "web:1", "web:2 ROLLBACK_SUCCESSFUL"), "web:1"),
        ([NEW], ("web:1", "web:2", "web:2 STOPPED"), "web:1"),
    ],
)
def test_a_rolling_update_under_way_goes_back_to_what_ran_well(
    aws: ScriptedAws, rollback: Run, deployments: list[Params], past: tuple[str, ...], back: str
) -> None:
    """What had completed and still runs, or else the history's last success; never what failed or never completed."""
    rolling(aws, *deployments, past=ecs_past(*past), back=back)
    ended = rollback()
    assert ended.exit_code == 0, ended.log
    assert updated(aws) == back


def test_a_first_deployment_has_nothing_to_go_back_to(aws: ScriptedAws, rollback: Run) -> None:
    """The refusal names the remedy."""
    rolling(aws, NEW)
    ended = rollback()
    assert ended.exit_code == 2
    assert "AWS lists no deployment of another revision that ran well before web:2" in ended.log
    assert "--to FAMILY:REVISION" in ended.log
    assert not mutations(aws)


@pytest.mark.parametrize(
    ("deployments", "past"),
    [
        ([ecs.deployment("ecs-svc/2", task_definition="web:1", rollout_state="IN_PROGRESS",
                         reason=ecs.rolling_back("ecs-svc/2")), OLD | {"taskDefinition": ecs.task_definition_arn("web:5")}], ()),
        ([ecs.deployment("ecs-svc/2", task_definition="web:1", rollout_state="IN_PROGRESS")], ("web:1", "web:5")),
        ([ecs.deployment("ecs-svc/2", task_definition="web:1", rollout_state="IN_PROGRESS")], ("web:1", "web:5 STOPPED")),
    ],
    ids=["ECS's own rollback", "another rollback", "another rollback of a failure"],
)  # fmt: skip
def test_a_rollback_under_way_is_followed_and_not_taken_back(
    aws: ScriptedAws, rollback: Run, deployments: list[Params], past: tuple[str, ...]
) -> None:
    """A second rollback beside the first one must not return to what the first one leaves."""
    rolling(aws, *deployments, past=ecs_past(*past))
    done = ecs.service(deployments=[ecs.deployment("ecs-svc/2", task_definition="web:1")])
    before = ecs.service(deployments=deployments)
    aws.on("ecs.DescribeServices", at(0, {"services": [before]}), at(20, {"services": [done]}))
    ended = rollback()
    assert ended.exit_code == 0, ended.log
    assert not mutations(aws)
    assert "it goes back to web:1 already, so ecs-cd only follows it" in ended.log


def test_a_second_rollback_of_a_crash_loop_follows_the_first_one(aws: ScriptedAws, rollback: Run) -> None:
    """Although ECS does not list the end of the crash loop yet, it does not go further back."""
    back = ecs.deployment("ecs-svc/3", task_definition="web:1", rollout_state="IN_PROGRESS")
    deployments = [back, NEW | {"status": "ACTIVE"}, OLD]
    rolling(aws, *deployments, past=ecs_past("web:0", "web:1", "web:2 STOP_REQUESTED"))
    done = ecs.service(deployments=[back | {"rolloutState": "COMPLETED", "runningCount": 1}])
    before = ecs.service(deployments=deployments)
    aws.on("ecs.DescribeServices", at(0, {"services": [before]}), at(20, {"services": [done]}))
    ended = rollback()
    assert ended.exit_code == 0, ended.log
    assert not mutations(aws)
    assert "it goes back to web:1 already" in ended.log


def test_what_may_be_a_rollback_is_not_taken_back_without_a_history(aws: ScriptedAws, rollback: Run) -> None:
    """An older revision replaces a newer one, and AWS lists nothing: the user has to name the target."""
    rolling(aws, NEW, OLD | {"taskDefinition": ecs.task_definition_arn("web:5")})
    ended = rollback()
    assert ended.exit_code == 2
    assert "web:2 is older than web:5, which it replaces: it may be a rollback itself" in ended.log
    assert not mutations(aws)


def test_what_still_runs_is_enough_without_the_permission_to_read_the_history(aws: ScriptedAws, rollback: Run) -> None:
    """The log says what is missing; without anything that runs the refusal names --to."""
    rolling(aws, NEW, OLD)
    aws.on("ecs.ListServiceDeployments", denied("ecs:ListServiceDeployments"))
    ended = rollback()
    assert ended.exit_code == 0, ended.log
    assert updated(aws) == "web:1"
    assert "ecs:ListServiceDeployments" in ended.log
    aws.on("ecs.DescribeServices", {"services": [ecs.service(deployments=[NEW])]})
    ended = rollback()
    assert ended.exit_code == 2
    assert "--to FAMILY:REVISION" in ended.log


@pytest.mark.parametrize("before", [NEW, NEW | {"rolloutState": "COMPLETED", "runningCount": 1}])
def test_a_deployment_that_starts_meanwhile_is_left_alone(aws: ScriptedAws, rollback: Run, before: Params) -> None:
    """The service is read again just before the call."""
    rolling(aws, before, OLD, past=ecs_past("web:1", "web:2"))
    theirs = ecs.deployment("ecs-svc/3", task_definition="web:9", rollout_state="IN_PROGRESS")
    services = [ecs.service(deployments=each) for each in ([before, OLD], [theirs, before | {"status": "ACTIVE"}, OLD])]
    aws.on("ecs.DescribeServices", *({"services": [service]} for service in services))
    ended = rollback()
    assert ended.exit_code == 2
    assert "(web:9) has replaced it; ecs-cd leaves that deployment alone" in ended.log
    assert not mutations(aws)


@pytest.mark.parametrize("to", ["", "web:3"])
def test_a_failed_deployment_of_the_same_revision_is_deployed_once_more(
    aws: ScriptedAws, rollback: Run, to: str
) -> None:
    """The way back is another deployment of that revision, so its success is the rollback's success."""
    failed = ecs.deployment("ecs-svc/2", task_definition="web:3", rollout_state="FAILED", created=-100)
    settings = {"deploymentConfiguration": {"deploymentCircuitBreaker": {"enable": True, "rollback": False}}}
    old = OLD | {"taskDefinition": ecs.task_definition_arn("web:3")}
    rolling(aws, failed, old, back="web:3", past=ecs_past("web:1", "web:3"), **settings)
    ended = rollback(to=to)
    assert ended.exit_code == 0, ended.log
    assert updated(aws) == "web:3"
    assert "web is back at web:3" in ended.log


# ---- after the end of a deployment ----


@pytest.mark.parametrize(
    ("current", "past", "back"),
    [
        ("web:5", ("web:3", "web:5"), "web:3"),
        ("web:7", ("web:3", "web:7"), "web:3"),  # 4, 5 and 6 are of another service that shares the family
        ("web:5", ("web:3", "web:4 STOPPED", "web:5"), "web:3"),
        ("web:5", ("web:3", "web:4 ROLLBACK_SUCCESSFUL", "web:5"), "web:3"),
        ("web:5", ("web:3", "web:4 ROLLBACK_FAILED", "web:5"), "web:3"),
        ("web:5", ("web:2", "web:3", "web:3 ROLLBACK_SUCCESSFUL", "web:5"), "web:2"),
        ("web:6", ("web:3", "web:5", "web:3", "web:6"), "web:3"),
        ("web:5", ("web:3", "web:5", "web:5"), "web:3"),
    ],
)
def test_the_target_is_what_last_ran_well_in_this_service(
    aws: ScriptedAws, rollback: Run, clock: Clock, current: str, past: tuple[str, ...], back: str
) -> None:
    """By ECS's own history, never the current number minus one; the log names it, and what is left out."""
    rolling(aws, ecs.deployment("ecs-svc/7", task_definition=current), past=ecs_past(*past), back=back)
    ended = rollback()
    assert ended.exit_code == 0, ended.log
    assert updated(aws) == back
    assert f"web: {current} -> {back} (it ran well last: service deployment " in ended.log
    failed = [word for word in past if " " in word and word.partition(" ")[0] != back]
    assert all(f"not {word.partition(' ')[0]} (service deployment" in ended.log for word in failed)


@pytest.mark.parametrize(
    ("past", "undone", "further"),
    [
        (("web:3", "web:5", "web:3"), "web:5", ""),
        (("web:1", "web:3", "web:5", "web:3"), "web:5", "web:1"),
        (("web:3", "web:5"), "web:5", ""),  # the last one is not listed yet
        (("web:1", "web:3", "web:4 ROLLBACK_SUCCESSFUL"), "web:4", "web:1"),
        (("web:1", "web:3", "web:4 STOPPED", "web:3"), "web:4", "web:1"),
    ],
)
def test_a_second_rollback_is_refused(
    aws: ScriptedAws, rollback: Run, past: tuple[str, ...], undone: str, further: str
) -> None:
    """A re-run of the job must neither return to what was rolled back nor go further back by itself."""
    rolling(aws, ecs.deployment("ecs-svc/7", task_definition="web:3"), past=ecs_past(*past))
    ended = rollback()
    assert ended.exit_code == 2
    assert f"web: {undone} (service deployment" in ended.log
    assert "was rolled back already; the service runs web:3" in ended.log
    assert (f"name the target with `--to`: {further} ran well before it" in ended.log) is bool(further)
    assert not mutations(aws)


def test_a_target_that_is_deregistered_is_refused(aws: ScriptedAws, rollback: Run) -> None:
    """ECS would refuse it as well, and an older one is not what ran well last."""
    rolling(aws, ecs.deployment("ecs-svc/7", task_definition="web:5"), past=ecs_past("web:2", "web:3", "web:5"))
    definitions(aws, web_3={"status": "INACTIVE"})
    ended = rollback()
    assert ended.exit_code == 2
    assert "web:3 (it ran well last: service deployment 1.3, SUCCESSFUL" in ended.log
    assert "it is INACTIVE" in ended.log
    assert not mutations(aws)


def test_the_choice_is_logged_before_anything_is_done(aws: ScriptedAws, rollback: Run) -> None:
    """Even if the call is refused."""
    rolling(aws, NEW, OLD)
    aws.on("ecs.UpdateService", denied("ecs:UpdateService"))
    ended = rollback()
    assert ended.exit_code == 2
    assert "taking it back: web:2 -> web:1" in ended.log
    assert "going back to web:1" not in ended.log


# ---- whose deployment it is ----


FOREIGN = {"registeredBy": "arn:aws:sts::123456789012:assumed-role/terraform/alice"}


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (FOREIGN, "role terraform of 123456789012 (session alice) registered web:2, not role cd of 123456789012"),
        ({"registeredBy": "arn:aws:iam::123456789012:user/ops/bob"}, "user bob of 123456789012 registered web:2"),
        (
            {"containerDefinitions": [{"name": "app", "image": "nginx:latest"}]},
            f"its container app does not run an image of {REPOSITORY}; role cd of 123456789012 registered it",
        ),
    ],
)
def test_a_deployment_that_is_not_the_pipelines_needs_force(
    aws: ScriptedAws, rollback: Run, changed: Params, words: str
) -> None:
    """The refusal says whose it seems to be; nothing is stopped."""
    rolling(aws, NEW, OLD)
    definitions(aws, web_2=changed)
    ended = rollback()
    assert ended.exit_code == 2
    assert (
        "deployment ecs-svc/2 (web:2) is IN_PROGRESS, and this application's pipeline seems not to have made it"
        in ended.log
    )
    assert words in ended.log
    assert "--force" in ended.log
    assert not mutations(aws)
    ended = rollback(force="true")
    assert ended.exit_code == 0, ended.log
    assert updated(aws) == "web:1"


def test_a_deployment_of_another_family_needs_force(aws: ScriptedAws, rollback: Run) -> None:
    """By the name of its revision, as ECS lists it."""
    rolling(aws, NEW | {"taskDefinition": ecs.task_definition_arn("debug:2")}, OLD)
    ended = rollback()
    assert ended.exit_code == 2
    assert "debug:2 is not of the family web; role cd of 123456789012 registered it" in ended.log
    assert not mutations(aws)


# ---- ECS's own blue/green ----


def seen(
    status: str = "IN_PROGRESS", stage: str | None = None, sources: tuple[str, ...] = ("1",), **more: Any
) -> Params:
    """The service deployment to web:2."""
    arns = [{"arn": blue_green.arn(id, "service-revision")} for id in sources]
    return blue_green.service_deployment("2", status, stage, sourceServiceRevisions=arns, **more)


def blue_green_service(
    aws: ScriptedAws, now: Params, *looks: Params, strategy: str = "BLUE_GREEN", past: Any = None, back: str = "web:1"
) -> None:
    """A service with this service deployment under way, which goes through ``looks`` after StopServiceDeployment."""
    definitions(aws)
    aws.on("ecs.DescribeServices", {"services": [blue_green.service(strategy, deployments=[NEW, OLD])]})
    aws.on("ecs.ListServiceDeployments", past or ecs_past("web:1", more=(now,)))
    aws.on("ecs.DescribeServiceRevisions", revisions)
    aws.on("ecs.DescribeServiceDeployments", blue_green.described(now))
    aws.on("ecs.StopServiceDeployment", {"serviceDeploymentArn": now["serviceDeploymentArn"]})
    if looks:
        aws.on("ecs.DescribeServiceDeployments", *blue_green.through(*looks), after="ecs.StopServiceDeployment")
    running(aws, back)


TAKEN_BACK = (seen("ROLLBACK_REQUESTED"), seen("ROLLBACK_IN_PROGRESS"), seen("ROLLBACK_SUCCESSFUL"))


@pytest.mark.parametrize("strategy", ["BLUE_GREEN", "LINEAR", "CANARY"])
@pytest.mark.parametrize("stage", [None, "SCALE_UP", "PRODUCTION_TRAFFIC_SHIFT", "BAKE_TIME"])
def test_ecs_takes_a_service_deployment_back_at_any_stage(
    aws: ScriptedAws, rollback: Run, strategy: str, stage: str | None
) -> None:
    """In the bake time above all: at its end the old tasks are gone."""
    blue_green_service(aws, seen(stage=stage), *TAKEN_BACK, strategy=strategy)
    ended = rollback()
    assert ended.exit_code == 0, ended.log
    (call,) = (call for call in aws.calls if call.operation in MUTATIONS)
    assert call.operation == "ecs.StopServiceDeployment"
    assert call.params == {"serviceDeploymentArn": blue_green.arn("2"), "stopType": "ROLLBACK"}
    where = f" at {stage}" if stage else ""
    assert f"service deployment 2 (web:2) is IN_PROGRESS{where}; taking it back: web:2 -> web:1" in ended.log
    assert "web is back at web:1" in ended.log
    assert ended.outputs["task-definition-arn"] == ecs.task_definition_arn("web:1")


@pytest.mark.parametrize("status", ["ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS", "STOP_REQUESTED"])
def test_what_ecs_takes_back_already_is_followed(aws: ScriptedAws, rollback: Run, status: str) -> None:
    """A second request would be refused."""
    blue_green_service(aws, seen(status))
    aws.on("ecs.DescribeServiceDeployments", *blue_green.through(seen(status), seen("ROLLBACK_SUCCESSFUL")))
    ended = rollback()
    assert ended.exit_code == 0, ended.log
    assert not mutations(aws)
    assert "web is back at web:1" in ended.log


def test_a_service_deployment_that_leads_back_is_followed(aws: ScriptedAws, rollback: Run) -> None:
    """An earlier rollback made it, for lack of one to stop."""
    back = blue_green.service_deployment("3.1", stage="SCALE_UP")
    blue_green_service(aws, back, past=ecs_past("web:1", "web:2", more=(back,)))
    done = blue_green.service_deployment("3.1", "SUCCESSFUL")
    aws.on("ecs.DescribeServiceDeployments", *blue_green.through(back, done))
    ended = rollback()
    assert ended.exit_code == 0, ended.log
    assert not mutations(aws)


@pytest.mark.parametrize(
    ("sources", "past", "back"),
    [
        (("1",), (), "web:1"),  # ECS's own history is empty, and it says what it replaces
        (("8", "1"), ("web:1", "web:8 STOPPED"), "web:1"),
        ((), ("web:1",), "web:1"),
    ],
)
def test_ecs_or_another_deployment_returns_to_what_ran_well(
    aws: ScriptedAws, rollback: Run, sources: tuple[str, ...], past: tuple[str, ...], back: str
) -> None:
    """A deployment that never ended well is not the target, even if ECS still runs its tasks."""
    now = seen(stage="SCALE_UP", sources=sources)
    blue_green_service(aws, now, *TAKEN_BACK, past=ecs_past(*past, more=(now,)))
    new = blue_green.service_deployment("9.1", created=1)
    moving = ecs.deployment("ecs-svc/9", task_definition="web:1", rollout_state="IN_PROGRESS", created=1)
    aws.on("ecs.UpdateService", {"service": blue_green.service(deployments=[moving])})
    aws.on("ecs.ListServiceDeployments", blue_green.listed(new), after="ecs.UpdateService")
    done = blue_green.service_deployment("9.1", "SUCCESSFUL", created=1)
    aws.on("ecs.DescribeServiceDeployments", *blue_green.through(new, done), after="ecs.UpdateService")
    ended = rollback()
    assert ended.exit_code == 0, ended.log
    assert mutations(aws) == ["ecs.StopServiceDeployment" if sources else "ecs.UpdateService"]
    assert f"web is back at {back}" in ended.log


def test_a_forced_deployment_of_the_same_revision_is_taken_back(aws: ScriptedAws, rollback: Run) -> None:
    """Back to the tasks that it replaces, although they are of the same revision."""
    now = seen(stage="BAKE_TIME", sources=("2",))
    blue_green_service(aws, now, *TAKEN_BACK, past=ecs_past("web:1", "web:2", more=(now,)), back="web:2")
    old = OLD | {"taskDefinition": NEW["taskDefinition"]}
    aws.on("ecs.DescribeServices", {"services": [blue_green.service(deployments=[NEW, old])]})
    ended = rollback()
    assert ended.exit_code == 0, ended.log
    assert mutations(aws) == ["ecs.StopServiceDeployment"]
    assert "web is back at web:2" in ended.log


def test_a_rollback_of_the_same_revision_is_followed(aws: ScriptedAws, rollback: Run) -> None:
    """ECS takes a forced deployment back, whose tasks have the revision of those before."""
    now = seen("ROLLBACK_IN_PROGRESS", sources=("2",))
    blue_green_service(aws, now, past=ecs_past("web:1", "web:2", more=(now,)), back="web:2")
    aws.on("ecs.DescribeServiceDeployments", *blue_green.through(now, seen("ROLLBACK_SUCCESSFUL", sources=("2",))))
    ended = rollback()
    assert ended.exit_code == 0, ended.log
    assert not mutations(aws)


def test_a_service_deployment_that_another_one_replaced_meanwhile_is_left_alone(
    aws: ScriptedAws, rollback: Run
) -> None:
    """It is STOPPED when it is to be taken back: what runs now is not what the user meant."""
    now = seen(stage="SCALE_UP")
    blue_green_service(aws, now)
    theirs = ecs.deployment("ecs-svc/9", task_definition="web:9", rollout_state="IN_PROGRESS", created=5)
    services = [blue_green.service(deployments=each) for each in ([NEW, OLD], [theirs, OLD])]
    aws.on("ecs.DescribeServices", *({"services": [service]} for service in services))
    aws.on("ecs.DescribeServiceDeployments", *map(blue_green.described, (now, seen("STOPPED"))))
    ended = rollback()
    assert ended.exit_code == 2, ended.log
    assert "deployment ecs-svc/9 (web:9) has replaced it; ecs-cd leaves that deployment alone" in ended.log
    assert not mutations(aws)


def test_a_service_deployment_that_ecs_lists_late_is_one_under_way(aws: ScriptedAws, rollback: Run) -> None:
    """So it is not taken back without --force if it is foreign."""
    blue_green_service(aws, seen(stage="SCALE_UP"), past=ecs_past("web:1"))
    definitions(aws, web_2=FOREIGN)
    ended = rollback()
    assert ended.exit_code == 2
    assert "deployment ecs-svc/2 (web:2) is IN_PROGRESS, and this application's pipeline seems not" in ended.log
    assert not mutations(aws)


def test_a_foreign_service_deployment_needs_force_even_if_it_is_paused(aws: ScriptedAws, rollback: Run) -> None:
    """Waiting for an approval does not make it ours."""
    blue_green_service(aws, seen(stage="POST_TEST_TRAFFIC_SHIFT", hooks=[blue_green.hook()]))
    definitions(aws, web_2=FOREIGN)
    ended = rollback()
    assert ended.exit_code == 2
    assert "role terraform of 123456789012 (session alice) registered web:2" in ended.log
    assert not mutations(aws)


# ---- CodeDeploy ----

SUCCEEDED = ("d-3", "Succeeded", "web:3")


def code_deploy(
    aws: ScriptedAws, *past: tuple[str, str, str], sets: list[Params], under_way: Params | None = None
) -> None:
    """A service of CodeDeploy, its deployments (id, status, revision), oldest first, and the one under way."""
    containers = [{**ecs.task_definition()["containerDefinitions"][0], "portMappings": [{"containerPort": 80}]}]
    definitions(aws, **{f"web_{number}": {"containerDefinitions": containers} for number in range(1, 10)})
    done = [codedeploy.deployment(*each, created=number - 999) for number, each in enumerate(past)]
    infos = [*done, *([under_way] if under_way else [])]
    aws.on("ecs.DescribeServices", {"services": [codedeploy.service(*sets)]})
    aws.on("codedeploy.GetDeploymentGroup", codedeploy.group())

    def listed(params: Params) -> Params:
        wanted, since = params.get("includeOnlyStatuses"), params.get("createTimeRange", {}).get("start")
        found = [
            each["deploymentId"]
            for each in infos
            if (not wanted or each["status"] in wanted) and (not since or each["createTime"] >= since)
        ]
        return {"deployments": sorted(found)}

    aws.on("codedeploy.ListDeployments", listed)
    aws.on("codedeploy.BatchGetDeployments", codedeploy.described(*infos))
    aws.on("codedeploy.BatchGetDeploymentTargets", codedeploy.target())
    aws.on("codedeploy.StopDeployment", {"status": "Pending"})
    aws.on("codedeploy.CreateDeployment", {"deploymentId": "d-NEW"})


def created(aws: ScriptedAws) -> str:
    """The revision that the only CreateDeployment brings."""
    (call,) = (call for call in aws.calls if call.operation == "codedeploy.CreateDeployment")
    appspec = json.loads(call.params["revision"]["appSpecContent"]["content"])
    arn = appspec["Resources"][0]["TargetService"]["Properties"]["TaskDefinition"]
    return str(arn).rpartition("/")[2]


@pytest.mark.parametrize(
    ("past", "back"),
    [
        (
            [SUCCEEDED, ("d-4", "Failed", "web:4"), ("d-4b", "Succeeded", "web:3"), ("d-5", "Succeeded", "web:5")],
            "web:3",
        ),
        ([SUCCEEDED, ("d-4", "Stopped", "web:4"), ("d-5", "Succeeded", "web:5")], "web:3"),
        ([("d-1", "Succeeded", "web:1"), ("d-5", "Succeeded", "web:5")], "web:1"),
    ],
)
def test_codedeploys_history_names_the_target(
    aws: ScriptedAws, rollback: Run, past: list[tuple[str, str, str]], back: str
) -> None:
    """Never a revision that failed, nor one of the family that this service never ran."""
    code_deploy(aws, *past, sets=[codedeploy.task_set(task_definition="web:5", deployment="d-5")])
    done = codedeploy.deployment("d-NEW", "Succeeded", back)
    aws.on("codedeploy.BatchGetDeployments", codedeploy.described(done), after="codedeploy.CreateDeployment")
    running(aws, back)
    ended = rollback()
    assert ended.exit_code == 0, ended.log
    assert created(aws) == back
    assert f"web: web:5 -> {back} (it ran well last: deployment d-" in ended.log


@pytest.mark.parametrize(
    ("days", "described"),
    [((0, 60), 2), ((0, 95), 3), ((0, *range(10, 40)), 31)],
    ids=["three months suffice", "three months are not enough", "more than one call takes"],
)
def test_codedeploys_history_is_read_as_far_as_necessary(
    aws: ScriptedAws, rollback: Run, days: tuple[int, ...], described: int
) -> None:
    """CodeDeploy keeps years of deployments; a group may have thousands."""
    code_deploy(aws, sets=[codedeploy.task_set(task_definition="web:5", deployment="d-0")])
    day = -24 * 3600
    infos = {each: codedeploy.deployment(f"d-{each}", "Succeeded", "web:3", created=each * day) for each in days}
    infos[0] = codedeploy.deployment("d-0", "Succeeded", "web:5", created=-9)

    def listed(params: Params) -> Params:
        since = params.get("createTimeRange", {}).get("start")
        found = [each for each in infos.values() if since is None or each["createTime"] >= since]
        return {"deployments": [] if "includeOnlyStatuses" in params else [each["deploymentId"] for each in found]}

    aws.on("codedeploy.ListDeployments", listed)
    aws.on("codedeploy.BatchGetDeployments", codedeploy.described(*infos.values()))
    done = codedeploy.deployment("d-NEW", "Succeeded", "web:3")
    aws.on("codedeploy.BatchGetDeployments", codedeploy.described(done), after="codedeploy.CreateDeployment")
    running(aws, "web:3")
    ended = rollback()
    assert ended.exit_code == 0, ended.log
    assert created(aws) == "web:3"
    made = next(number for number, call in enumerate(aws.calls) if call.operation == "codedeploy.CreateDeployment")
    chunks = [call.params["deploymentIds"] for call in aws.calls[:made] if "deploymentIds" in call.params]
    assert sum(map(len, chunks)) == described
    assert max(map(len, chunks)) <= 25


@pytest.mark.parametrize(
    "past",
    [
        [SUCCEEDED, ("d-5", "Succeeded", "web:5"), ("d-3b", "Succeeded", "web:3")],
        [SUCCEEDED, ("d-5", "Failed", "web:5"), ("d-3b", "Succeeded", "web:3")],
        [SUCCEEDED, ("d-5", "Stopped", "web:5")],
    ],
    ids=["by a deployment", "by CodeDeploy", "its traffic never moved"],
)
def test_a_second_rollback_under_codedeploy_is_refused(
    aws: ScriptedAws, rollback: Run, past: list[tuple[str, str, str]]
) -> None:
    """It would return to what was rolled back."""
    code_deploy(aws, *past, sets=[codedeploy.task_set(task_definition="web:3", deployment="d-3b")])
    ended = rollback()
    assert ended.exit_code == 2
    assert "web: web:5 (deployment d-5) was rolled back already; the service runs web:3" in ended.log
    assert not mutations(aws)


def test_an_unknown_success_is_not_passed_over(aws: ScriptedAws, rollback: Run) -> None:
    """The AppSpec of d-4 is in S3, so AWS does not return its revision: an older one would be the wrong one."""
    past = [SUCCEEDED, ("d-4", "Succeeded", "web:4"), ("d-5", "Succeeded", "web:5")]
    code_deploy(aws, *past, sets=[codedeploy.task_set(task_definition="web:5", deployment="d-5")])
    unknown = codedeploy.deployment("d-4", "Succeeded", created=-998, revision={"revisionType": "S3"})
    known = [codedeploy.deployment(*each, created=number - 999) for number, each in enumerate(past) if number != 1]
    aws.on("codedeploy.BatchGetDeployments", codedeploy.described(*known, unknown))
    ended = rollback()
    assert ended.exit_code == 2
    assert "deployment d-4 ran well before web:5, and AWS does not return its revision" in ended.log
    assert not mutations(aws)


GREEN, BLUE = ("web:2", "d-NEW"), ("web:1", "d-OLD")


@pytest.mark.parametrize(
    ("status", "sets", "revision"),
    [
        ("Created", [("PRIMARY", *BLUE)], {}),
        ("InProgress", [("PRIMARY", *BLUE), ("ACTIVE", *GREEN)], {}),
        ("Ready", [("PRIMARY", *BLUE), ("ACTIVE", *GREEN)], {}),
        ("InProgress", [("PRIMARY", *GREEN), ("ACTIVE", *BLUE)], {}),  # in the termination wait
        ("Baking", [("PRIMARY", *GREEN), ("ACTIVE", *BLUE)], {}),
        ("InProgress", [("PRIMARY", *GREEN), ("ACTIVE", *BLUE)], {"revision": {"revisionType": "S3"}}),
    ],
)
def test_codedeploy_takes_its_deployment_back_at_any_time(
    aws: ScriptedAws, rollback: Run, status: str, sets: list[tuple[str, str, str]], revision: Params
) -> None:
    """StopDeployment with a rollback: back to the task set that it replaces, whichever has the traffic."""
    now = codedeploy.deployment("d-NEW", status, "web:2", **revision)
    code_deploy(aws, ("d-OLD", "Succeeded", "web:1"), sets=[codedeploy.task_set(*each) for each in sets], under_way=now)
    stopped = codedeploy.deployment(
        "d-NEW", "Stopped", "web:2", error=("MANUAL_STOP", "stopped"), rollback="d-BACK", **revision
    )
    back = codedeploy.deployment("d-BACK", "Succeeded", "web:1")
    aws.on("codedeploy.BatchGetDeployments", codedeploy.described(stopped, back), after="codedeploy.StopDeployment")
    running(aws, "web:1")
    ended = rollback()
    assert ended.exit_code == 0, ended.log
    (call,) = (call for call in aws.calls if call.operation in MUTATIONS)
    assert call.operation == "codedeploy.StopDeployment"
    assert call.params == {"deploymentId": "d-NEW", "autoRollbackEnabled": True}
    assert f"is {status}; taking it back: web:2 -> web:1 (" in ended.log
    assert "web is back at web:1" in ended.log


@pytest.mark.parametrize(
    "more",
    [{"creator": "codeDeployRollback"}, {"rollbackInfo": {"rollbackTriggeringDeploymentId": "d-2"}}, {}],
)
def test_codedeploys_rollback_is_followed(aws: ScriptedAws, rollback: Run, more: Params) -> None:
    """CodeDeploy's own, or that of another run: stopping it would return to what is being rolled back."""
    now = codedeploy.deployment("d-BACK", "InProgress", "web:1", **more)
    past = [("d-1", "Succeeded", "web:1"), ("d-2", "Succeeded", "web:2")]
    sets = [codedeploy.task_set("PRIMARY", *GREEN), codedeploy.task_set("ACTIVE", "web:1", "d-BACK")]
    code_deploy(aws, *past, sets=sets, under_way=now)
    infos = [codedeploy.deployment(*each, created=number - 999) for number, each in enumerate(past)]
    done = codedeploy.deployment("d-BACK", "Succeeded", "web:1", **more)
    looks = at(0, codedeploy.described(*infos, now)), at(20, codedeploy.described(*infos, done))
    aws.on("codedeploy.BatchGetDeployments", *looks)
    running(aws, "web:1")
    ended = rollback()
    assert ended.exit_code == 0, ended.log
    assert not mutations(aws)
    assert "it goes back to web:1 already, so ecs-cd only follows it" in ended.log


def test_codedeploy_takes_a_forced_deployment_of_the_same_revision_back(aws: ScriptedAws, rollback: Run) -> None:
    """Back to the old task set, although it is of the same revision."""
    now = codedeploy.deployment("d-NEW", "InProgress", "web:1")
    sets = [codedeploy.task_set("ACTIVE", "web:1", "d-NEW"), codedeploy.task_set()]
    code_deploy(aws, ("d-OLD", "Succeeded", "web:1"), sets=sets, under_way=now)
    stopped = codedeploy.deployment("d-NEW", "Stopped", "web:1", error=("MANUAL_STOP", "stopped"), rollback="d-BACK")
    back = codedeploy.deployment("d-BACK", "Succeeded", "web:1")
    aws.on("codedeploy.BatchGetDeployments", codedeploy.described(stopped, back), after="codedeploy.StopDeployment")
    running(aws, "web:1")
    ended = rollback()
    assert ended.exit_code == 0, ended.log
    assert mutations(aws) == ["codedeploy.StopDeployment"]


def test_a_foreign_codedeploy_deployment_needs_force(aws: ScriptedAws, rollback: Run) -> None:
    """By its task definition, as everywhere."""
    now = codedeploy.deployment("d-NEW", "InProgress", "debug:2")
    code_deploy(aws, ("d-OLD", "Succeeded", "web:1"), sets=[codedeploy.task_set()], under_way=now)
    ended = rollback()
    assert ended.exit_code == 2
    assert "debug:2 is not of the family web" in ended.log
    assert not mutations(aws)


# ---- --to ----


COMMIT = "abcdef" + "1" * 34


@pytest.mark.parametrize("to", ["web:2", ecs.task_definition_arn("web:2")])
def test_to_names_a_revision(aws: ScriptedAws, rollback: Run, to: str) -> None:
    """Also one that the history does not know, and after a rollback."""
    rolling(
        aws,
        ecs.deployment("ecs-svc/7", task_definition="web:3"),
        past=ecs_past("web:3", "web:5", "web:3"),
        back="web:2",
    )
    ended = rollback(to=to)
    assert ended.exit_code == 0, ended.log
    assert updated(aws) == "web:2"
    assert "web: web:3 -> web:2 (--to names it)" in ended.log


def test_to_names_a_revision_while_another_one_is_under_way(aws: ScriptedAws, rollback: Run) -> None:
    """Instead of what still runs."""
    rolling(aws, NEW, OLD, back="web:3")
    ended = rollback(to="web:3")
    assert ended.exit_code == 0, ended.log
    assert updated(aws) == "web:3"


def test_to_what_the_service_runs_already_succeeds(aws: ScriptedAws, rollback: Run) -> None:
    """A re-run of the job changes nothing."""
    rolling(aws, ecs.deployment("ecs-svc/7", task_definition="web:3"), past=ecs_past("web:3", "web:5", "web:3"))
    running(aws, "web:3")
    ended = rollback(to="web:3")
    assert ended.exit_code == 0, ended.log
    assert not mutations(aws)


@pytest.mark.parametrize(
    ("image", "tags"),
    [
        (f"{REPOSITORY}@{'sha256:' + 'c' * 64}", []),
        (f"{REPOSITORY}:{COMMIT}", []),
        (f"{REPOSITORY}@sha256:{'9' * 64}", [{"key": "commit", "value": COMMIT}]),
    ],
    ids=["the digest of its image", "its tag", "a tag of the revision"],
)
def test_to_names_a_commit(aws: ScriptedAws, rollback: Run, image: str, tags: list[Params]) -> None:
    """The newest revision of this service that ran well with the commit's image."""
    rolling(
        aws,
        ecs.deployment("ecs-svc/7", task_definition="web:5"),
        past=ecs_past("web:2", "web:3", "web:5"),
        back="web:2",
    )
    container = ecs.task_definition()["containerDefinitions"][0]
    definitions(aws, web_2={"containerDefinitions": [container | {"image": image}], "tags": tags})
    found = {"imageId": {"imageTag": COMMIT, "imageDigest": "sha256:" + "c" * 64}, "imageManifest": "{}"}
    aws.on("ecr.BatchGetImage", {"images": [found], "failures": []})
    digest = image.partition("@")[2] or "sha256:" + "c" * 64
    task = ecs.task(task_definition="web:2", containers=[ecs.container(imageDigest=digest)])
    aws.on("ecs.DescribeTasks", ecs.described("tasks", task))
    ended = rollback(to=COMMIT.upper())
    assert ended.exit_code == 0, ended.log
    assert updated(aws) == "web:2"


@pytest.mark.parametrize(
    ("to", "words"),
    [
        (COMMIT, f"web: to: no revision that ran well in this service has the images of the commit {COMMIT}"),
        ("web", "to: must be a revision such as my-app:7, its ARN, or a full commit id"),
        ("abcdef1", "to: must be a revision"),
        ("web:9", "web: to: there is no task definition web:9 in ap-northeast-1"),
        ("web:4", "web: ECS can start no task of web:4 (--to names it): it is INACTIVE"),
    ],
)
def test_a_target_that_can_not_run_is_refused(aws: ScriptedAws, rollback: Run, to: str, words: str) -> None:
    """Before anything is done."""
    rolling(aws, ecs.deployment("ecs-svc/7", task_definition="web:5"), past=ecs_past("web:3", "web:5"))
    definitions(aws, web_4={"status": "INACTIVE"})
    missing = error("ClientException", "Unable to describe task definition.")
    aws.on("ecs.DescribeTaskDefinition", missing, where={"taskDefinition": "web:9"})
    aws.on("ecr.BatchGetImage", {"images": [], "failures": []})
    ended = rollback(to=to)
    assert ended.exit_code == 2
    assert words in ended.log
    assert not mutations(aws)


def test_a_revision_is_the_target_of_one_service(aws: ScriptedAws, rollback: Run, clock: Clock) -> None:
    """A commit may be that of several."""
    text = json.dumps(document(["web", "worker"], REPOSITORY))
    aws.on("ssm.GetParameter", {"Parameter": {"Value": text, "Version": 1}})
    Fleet(clock, {"web": COMPLETES, "worker": COMPLETES}).script(aws)
    ended = rollback(to="web:2")
    assert ended.exit_code == 2
    assert "to: a revision is the target of one service" in ended.log


def test_codedeploy_returns_only_to_what_it_replaces(aws: ScriptedAws, rollback: Run) -> None:
    """A deployment group takes no second deployment, so another target has to wait."""
    now = codedeploy.deployment("d-NEW", "InProgress", "web:2")
    code_deploy(aws, ("d-OLD", "Succeeded", "web:1"), sets=[codedeploy.task_set()], under_way=now)
    ended = rollback(to="web:3")
    assert ended.exit_code == 2
    assert "CodeDeploy can only return from it to web:1" in ended.log
    assert not mutations(aws)
