"""Unused revisions are deregistered, and only those."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from ecs_cd.aws.session import Aws
from ecs_cd.ci.run import identify
from ecs_cd.ci.terminal import Terminal
from ecs_cd.job.job import Job
from ecs_cd.job.state import State
from ecs_cd.tasks import revisions
from tests.scripted_aws import Answer, Clock, Params, ScriptedAws, denied, ecs, error, reset, server_error, throttled
from tests.timelines.conftest import Step

Run = Callable[..., Step]

ARN = ecs.task_definition_arn
NOTHING: Params = {"taskArns": []}


def registry(aws: ScriptedAws, *names: str) -> None:
    """These revisions are ACTIVE, the newest first; nothing runs, and all may be deregistered."""
    aws.on(
        "ecs.ListTaskDefinitions",
        lambda params: {"taskDefinitionArns": [ARN(n) for n in names if n.startswith(f"{params['familyPrefix']}:")]},
    )
    aws.on("ecs.ListTasks", NOTHING)
    aws.on("ecs.DeregisterTaskDefinition", deregistered)


def deregistered(params: Params) -> Params:
    family, _, revision = params["taskDefinition"].rpartition("/")[2].partition(":")
    return {"taskDefinition": ecs.task_definition(family, int(revision), status="INACTIVE")}


def gone(aws: ScriptedAws) -> list[str]:
    """What was deregistered, in that order."""
    return [
        call.params["taskDefinition"].rpartition("/")[2]
        for call in aws.calls
        if call.operation == "ecs.DeregisterTaskDefinition" and call.processed
    ]


@pytest.fixture
def job(aws: ScriptedAws, clock: Clock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Job:
    monkeypatch.setenv("RUNNER_TEMP", str(tmp_path))
    return Job(
        os.environ, identify(os.environ), Terminal(), Aws(os.environ), clock, State(os.environ, identify(os.environ))
    )


def clean_up(job: Job, *deployed: str, keep: int = 1, services: Sequence[str] = ("web",), protected: Any = ()) -> None:
    revisions.clean_up(
        job,
        ecs.CLUSTER,
        services,
        [ARN(name) for name in deployed],
        keep=keep,
        protected=[ARN(name) for name in protected],
    )


# ---- what stays ----


def test_all_but_the_newest_go(job: Job, aws: ScriptedAws, capsys: pytest.CaptureFixture[str]) -> None:
    """The oldest first, and a line that names them."""
    registry(aws, "web:9", "web:8", "web:7", "web:6", "web:1")
    clean_up(job, "web:9", keep=3)
    assert gone(aws) == ["web:6"]  # web:1 is what the service runs
    assert capsys.readouterr().out == "keep-revisions: web:6 deregistered\n"


def test_nothing_to_do_is_said_too(job: Job, aws: ScriptedAws, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever set the input sees that it is heard."""
    registry(aws, "web:9", "web:8")
    clean_up(job, "web:9", keep=5)
    assert gone(aws) == []
    assert capsys.readouterr().out == "keep-revisions: nothing deregistered\n"


IN_TRANSITION = ecs.service(
    deployments=[ecs.deployment("ecs-svc/2", task_definition="web:9"), ecs.deployment("1", "ACTIVE", "web:4")]
)
TASK_SETS = ecs.service(
    deployments=[],
    taskDefinition=ARN("web:9"),
    taskSets=[{"taskDefinition": ARN("web:9")}, {"taskDefinition": ARN("web:4")}],
)


@pytest.mark.parametrize("service", [IN_TRANSITION, TASK_SETS], ids=["deployments", "task sets"])
def test_what_a_service_still_has_stays(service: Params, job: Job, aws: ScriptedAws) -> None:
    """A deployment that is drained, a task set that CodeDeploy keeps for a while."""
    registry(aws, "web:9", "web:5", "web:4", "web:3")
    aws.on("ecs.DescribeServices", {"services": [service]})
    clean_up(job, "web:9")
    assert gone(aws) == ["web:3", "web:5"]


def test_what_a_task_runs_stays(job: Job, aws: ScriptedAws) -> None:
    """Whoever started it: a migration, a schedule, a person; in every family that was deployed."""
    registry(aws, "web:9", "web:5", "web:3", "job:7", "job:6", "job:5")
    by_hand = ecs.task("a", task_definition="web:5", started_by="somebody")
    pending = ecs.task("b", "PROVISIONING", task_definition="job:6")
    for family, task in (("web", by_hand), ("job", pending)):
        aws.on("ecs.ListTasks", {"taskArns": [task["taskArn"]]}, where={"family": family})
    aws.on("ecs.DescribeTasks", ecs.described("tasks", by_hand, pending))
    clean_up(job, "web:9", "job:7")
    assert sorted(gone(aws)) == ["job:5", "web:3"]


def test_what_is_deployed_or_protected_stays(job: Job, aws: ScriptedAws) -> None:
    """The deployed revision may not be the newest: an older commit, or a later run's revision."""
    registry(aws, "web:9", "web:8", "web:7", "web:6")
    clean_up(job, "web:7", protected=["web:6"])
    assert gone(aws) == ["web:8"]


def test_other_families_are_not_touched(job: Job, aws: ScriptedAws) -> None:
    """Whatever ECS lists."""
    aws.on("ecs.ListTaskDefinitions", {"taskDefinitionArns": [ARN("web-2:5"), ARN("web:9"), ARN("web-2:4")]})
    aws.on("ecs.ListTasks", NOTHING)
    clean_up(job, "web:9")
    assert gone(aws) == []


def test_services_share_a_family(job: Job, aws: ScriptedAws) -> None:
    """One task definition, many services: each keeps what it runs; it is listed once."""
    registry(aws, "web:9", "web:8", "web:7")
    api = ecs.service("api", deployments=[ecs.deployment("ecs-svc/5", task_definition="web:8")])
    aws.on("ecs.DescribeServices", {"services": [ecs.service(), api]})
    clean_up(job, "web:9", "web:9", services=["web", "api"])
    assert gone(aws) == ["web:7"]
    assert aws.count("ecs.ListTaskDefinitions") == 1


# ---- never a failure ----


@pytest.mark.parametrize("operation", ["ecs.ListTaskDefinitions", "ecs.DescribeServices", "ecs.ListTasks"])
@pytest.mark.parametrize("answer", [denied(), reset(), throttled()], ids=str)
def test_what_cannot_be_read_keeps_everything(
    operation: str, answer: Answer, job: Job, aws: ScriptedAws, capsys: pytest.CaptureFixture[str]
) -> None:
    """What runs is not known then; the deployment has succeeded all the same."""
    registry(aws, "web:9", "web:8", "web:7")
    aws.on(operation, answer)
    clean_up(job, "web:9")
    assert gone(aws) == []
    assert "keep-revisions: nothing deregistered: " in "".join(capsys.readouterr())


@pytest.mark.parametrize("answer", [denied(), server_error(), error("ClientException")], ids=str)
def test_the_first_that_cannot_go_is_the_last_that_is_tried(
    answer: Answer, job: Job, aws: ScriptedAws, capsys: pytest.CaptureFixture[str]
) -> None:
    """The next would fail the same way; the log lists what is left, and a warning says why."""
    registry(aws, "web:9", "web:8", "web:7", "web:6")
    aws.on("ecs.DeregisterTaskDefinition", answer, where={"taskDefinition": ARN("web:7")})
    clean_up(job, "web:9")
    assert gone(aws) == ["web:6"]
    said = "".join(capsys.readouterr())
    assert "web:7 could not be deregistered: AWS" in said
    assert "keep-revisions: web:6 deregistered, 2 more next time" in said


def test_throttling_is_waited_for(job: Job, aws: ScriptedAws) -> None:
    """ECS takes about one a second."""
    registry(aws, "web:9", "web:8", "web:7")
    aws.on("ecs.DeregisterTaskDefinition", throttled(), deregistered, throttled(), throttled(), deregistered)
    clean_up(job, "web:9")
    assert gone(aws) == ["web:7", "web:8"]


def test_a_long_history_goes_bit_by_bit(job: Job, aws: ScriptedAws, capsys: pytest.CaptureFixture[str]) -> None:
    """The oldest first, so that a deployment does not end with minutes of clean-up."""
    registry(aws, *(f"web:{number}" for number in range(100, 0, -1)))
    clean_up(job, "web:100", keep=10, services=[])
    assert gone(aws) == [f"web:{number}" for number in range(1, 21)]
    assert "web:20 deregistered, 70 more next time" in capsys.readouterr().out


# ---- what was never deployed ----


def test_a_revision_that_was_never_deployed_is_deregistered(
    job: Job, aws: ScriptedAws, capsys: pytest.CaptureFixture[str]
) -> None:
    """It and nothing else; the log says so."""
    registry(aws)
    revisions.deregister_unused(job, ARN("web:2"))
    assert gone(aws) == ["web:2"]
    assert capsys.readouterr().out == "task definition: web:2 deregistered, because it was never deployed\n"


def test_one_that_cannot_be_deregistered_is_a_warning(
    job: Job, aws: ScriptedAws, capsys: pytest.CaptureFixture[str]
) -> None:
    """The reason for which nothing was deployed is what matters."""
    aws.on("ecs.DeregisterTaskDefinition", denied("ecs:DeregisterTaskDefinition"))
    revisions.deregister_unused(job, ARN("web:2"))
    said = "".join(capsys.readouterr())
    assert "web:2 could not be deregistered: AWS answered DeregisterTaskDefinition with AccessDenied" in said
    assert "was never deployed" not in said


# ---- through the verb ----


@pytest.fixture
def deployable(aws: ScriptedAws) -> None:
    """web:2 is going to run; web:1 is what ran before."""
    old = ecs.deployment("ecs-svc/1", "ACTIVE", "web:1")
    moving = ecs.deployment("ecs-svc/2", task_definition="web:2", rollout_state="IN_PROGRESS")
    done = ecs.deployment("ecs-svc/2", task_definition="web:2")
    task = ecs.task(task_definition="web:2", started_by="ecs-svc/2")
    registry(aws, "web:2", "web:1")
    aws.on("ecs.UpdateService", {"service": ecs.service(deployments=[moving, old])})
    aws.on("ecs.DescribeServices", {"services": [ecs.service(deployments=[done])]}, after="ecs.UpdateService")
    aws.on("ecs.ListTasks", {"taskArns": [task["taskArn"]]}, where={"desiredStatus": "RUNNING"})
    aws.on("ecs.DescribeTasks", {"tasks": [task]})


@pytest.mark.usefixtures("deployable")
def test_a_success_keeps_what_it_may_have_to_go_back_to(aws: ScriptedAws, step: Run) -> None:
    """keep-revisions: 1 does not take the revision that ran until now."""
    aws.on("ecs.ListTaskDefinitions", {"taskDefinitionArns": [ARN("web:2"), ARN("web:1")]})
    ended = step("deploy", keep_revisions="1")
    assert ended.exit_code == 0, ended.log
    assert gone(aws) == []
    assert "keep-revisions: nothing deregistered" in ended.log


@pytest.mark.usefixtures("deployable")
def test_a_success_deregisters_older_revisions(aws: ScriptedAws, step: Run) -> None:
    """Of the family that was deployed, after it runs."""
    listed = [ARN(f"web:{number}") for number in (2, 1)]
    aws.on("ecs.ListTaskDefinitions", {"taskDefinitionArns": [ARN("web:5"), ARN("web:4"), ARN("web:3"), *listed]})
    ended = step("deploy", keep_revisions="2")
    assert ended.exit_code == 0, ended.log
    assert gone(aws) == ["web:3"]


@pytest.mark.usefixtures("deployable")
def test_without_the_input_nothing_is_deregistered(aws: ScriptedAws, step: Run) -> None:
    """Nor asked."""
    assert step("deploy").exit_code == 0
    assert gone(aws) == []
    assert aws.count("ecs.ListTaskDefinitions") == 0


@pytest.mark.usefixtures("deployable")
def test_a_clean_up_that_may_not_be_done_is_no_failure(aws: ScriptedAws, step: Run) -> None:
    """The service runs what it should."""
    aws.on("ecs.ListTaskDefinitions", denied("ecs:ListTaskDefinitions"))
    ended = step("deploy", keep_revisions="1")
    assert ended.exit_code == 0
    assert ended.outputs["result"] == "succeeded"
    assert 'policy of the role cd: {"Effect": "Allow", "Action": "ecs:ListTaskDefinitions"' in ended.log


@pytest.mark.usefixtures("deployable")
def test_a_revision_that_ecs_would_not_deploy_is_deregistered(aws: ScriptedAws, step: Run) -> None:
    """ECS refused UpdateService, so nothing uses the revision."""
    aws.on("ecs.UpdateService", error("InvalidParameterException", "no"))
    assert step("deploy").exit_code != 0
    assert gone(aws) == ["web:2"]


@pytest.mark.usefixtures("deployable")
def test_a_revision_that_was_there_before_is_not_deregistered(aws: ScriptedAws, step: Run) -> None:
    """ecs-cd did not register it."""
    same = ecs.task_definition("web", 2)
    aws.on("ecs.DescribeTaskDefinition", {"taskDefinition": same, "tags": []})
    aws.on("ecs.UpdateService", error("InvalidParameterException", "no"))
    assert step("deploy").exit_code != 0
    assert aws.count("ecs.RegisterTaskDefinition") == 0
    assert gone(aws) == []
