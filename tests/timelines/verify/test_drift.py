"""`verify` with drift: what runs, against the template and the newest successful commit."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ecs_cd import cli
from ecs_cd.model import pace
from ecs_cd.tasks.rules.environment import LABEL
from tests.fake_github import FakeGitHub, server
from tests.scripted_aws import Params, ScriptedAws, denied, ecs, error
from tests.scripted_aws.clock import moment
from tests.timelines.conftest import DOCUMENT, REPOSITORY, SHA, Step
from tests.timelines.deploy import test_schedules
from tests.timelines.verify import conftest as account
from tests.timelines.verify.test_verify import findings, of_state

Run = Callable[..., Step]

OTHER, OLD = f"sha256:{'e' * 64}", "beef" + "0" * 36
ARN = ecs.task_definition_arn("web:7")
IMAGE = f"{REPOSITORY}@{ecs.DIGEST}"


def deployment(**more: Any) -> Params:
    return {**ecs.deployment(task_definition="web:7", desired=2), **more}


def service(*deployments: Params, **more: Any) -> Params:
    """It runs web:7 with two tasks."""
    return {"services": [ecs.service(deployments=deployments or [deployment()], desired=2, **more)]}


def task(name: str, digest: str = ecs.DIGEST, revision: str = "web:7", **more: Any) -> Params:
    return ecs.task(name, task_definition=revision, containers=[ecs.container(imageDigest=digest)], **more)


def image(manifest: Any = None) -> Callable[[Params], Params]:
    """BatchGetImage: any tag is of this image."""

    def answer(params: Params) -> Params:
        ids = [{"imageDigest": ecs.DIGEST, **wanted} for wanted in params["imageIds"]]
        found = [{"imageId": each, "imageManifest": json.dumps(manifest or {})} for each in ids]
        return {"images": found, "failures": []}

    return answer


def running(aws: ScriptedAws, *tasks: Params) -> None:
    aws.on("ecs.ListTasks", {"taskArns": [each["taskArn"] for each in tasks]})
    aws.on("ecs.DescribeTasks", {"tasks": list(tasks)})


def revision(image: str = IMAGE, **more: Any) -> Callable[[Params], Params]:
    """DescribeTaskDefinition: web:7 with this image and these changes; any family without revision is the template."""

    def describe(params: Params) -> Params:
        name = params["taskDefinition"].rpartition("/")[2]
        if ":" not in name:
            return {"taskDefinition": account.template(name), "tags": []}
        family, _, number = name.partition(":")
        containers = more.get("containers") or [account.container(image=image)]
        top = {key: value for key, value in more.items() if key != "containers"}
        made = {"registeredAt": moment(), "registeredBy": f"arn:aws:sts::{account.ACCOUNT}:assumed-role/x/joe"}
        own = {"taskDefinitionArn": ecs.task_definition_arn(name), "revision": int(number), **made}
        return {"taskDefinition": account.template(family, **{**own, "containerDefinitions": containers, **top})}

    return describe


@pytest.fixture(autouse=True)
def drifting(aws: ScriptedAws) -> None:
    """Nothing has drifted."""
    aws.on("ecs.DescribeTaskDefinition", revision())
    aws.on("ecs.DescribeServices", service())
    aws.on("ecr.BatchGetImage", image())
    aws.on("ecr.DescribeImages", {"imageDetails": [{"imageDigest": OTHER, "imageTags": ["latest", OLD]}]})
    running(aws, task("a"), task("b"))


@pytest.fixture
def github(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeGitHub]:
    with FakeGitHub() as fake:
        for name, value in fake.environ.items():
            monkeypatch.setenv(name, value)
        yield fake


def wrong(step: Step) -> list[tuple[str, str]]:
    return of_state(step, "wrong")


def text(step: Step, check: str, state: str = "wrong") -> str:
    """The text of the only finding of this check in this state."""
    (found,) = (each for each in findings(step) if each["check"] == check and each["state"] == state)
    return found["text"]


def test_no_drift(aws: ScriptedAws, step: Run) -> None:
    """Each comparison has an ok line, the exit code is 0, nothing but reads is called, and migrations are not compared."""
    ended = step("verify", drift="true")
    assert ended.exit_code == 0, ended.log
    assert {each["state"] for each in findings(ended)} == {"ok"}
    assert {"drift-deployment", "drift-count", "drift-tasks", "drift-template", "drift-commit"} <= {
        each["check"] for each in findings(ended)
    }
    assert "migration" not in {each["subject"] for each in findings(ended)}
    assert "no differences" in ended.outputs["issue"]
    assert [call.operation for call in aws.calls if call.operation.startswith("iam.")] == []


# By name: what is different, then the check and a part of what is said.
TASKS: dict[str, tuple[list[Params], str]] = {
    "another revision": ([task("a"), task("b", revision="web:6")], "task b runs web:6"),
    "another digest": ([task("a"), task("b", OTHER)], f"task b: container `app` runs {OTHER}"),
}


@pytest.mark.parametrize("name", TASKS)
def test_a_task_that_is_not_the_service_s(aws: ScriptedAws, step: Run, name: str) -> None:
    """Each task that runs another revision or another digest is named."""
    tasks, words = TASKS[name]
    running(aws, *tasks)
    ended = step("verify", drift="true")
    assert ended.exit_code == 1
    assert wrong(ended) == [("service web", "drift-tasks")]
    assert words in text(ended, "drift-tasks")


def test_a_task_that_reports_a_manifest_of_the_index(aws: ScriptedAws, step: Run) -> None:
    """It runs the image that the revision names."""
    aws.on("ecr.BatchGetImage", image({"manifests": [{"digest": OTHER}]}))
    running(aws, task("a", OTHER))
    assert wrong(step("verify", drift="true")) == []


def test_an_index_that_can_t_be_read(aws: ScriptedAws, step: Run) -> None:
    """Then its digests neither confirm nor contradict anything; the revision of the tasks does."""
    aws.on("ecr.BatchGetImage", image({"manifests": [{}]}))
    running(aws, task("a", OTHER))
    assert wrong(step("verify", drift="true")) == []
    running(aws, task("a", OTHER, "web:6"))
    assert wrong(step("verify", drift="true")) == [("service web", "drift-tasks")]


def test_a_tag_that_has_moved(aws: ScriptedAws, step: Run) -> None:
    """A revision that someone registered with a tag: the tag now means another image than the tasks run."""
    aws.on("ecs.DescribeTaskDefinition", revision(f"{REPOSITORY}:latest"))
    running(aws, task("a", OTHER), task("b", OTHER))
    ended = step("verify", drift="true")
    assert "the tag my-app:latest has moved" in text(ended, "drift-tasks")
    assert "container app runs my-app:latest, not the image of" in text(ended, "drift-commit")


def test_a_tag_of_another_registry(aws: ScriptedAws, step: Run) -> None:
    """Only the tasks themselves show that it has moved."""
    sidecar = {"name": "proxy", "image": "ghcr.io/org/proxy:1", "essential": True}
    containers = [account.container(image=IMAGE), sidecar]
    aws.on("ecs.DescribeTaskDefinition", revision(containers=containers))
    both = [
        ecs.task(
            name, task_definition="web:7", containers=[ecs.container(), ecs.container("proxy", imageDigest=digest)]
        )
        for name, digest in (("a", OTHER), ("b", ecs.DIGEST))
    ]
    running(aws, *both)
    assert "the tag org/proxy:1 has moved" in text(step("verify", drift="true"), "drift-tasks")


def test_the_template_has_changed(aws: ScriptedAws, step: Run) -> None:
    """A line for each difference, in the words of a dry run; values of environment variables are never shown."""
    secret = {"environment": [{"name": "PASSWORD", "value": "hunter2"}]}
    aws.on("ecs.DescribeTaskDefinition", revision(cpu="512", containers=[account.container(image=IMAGE, **secret)]))
    ended = step("verify", drift="true")
    assert set(wrong(ended)) == {("service web", "drift-template")}
    lines = [each["text"].partition("this change: ")[2] for each in findings(ended) if each["state"] == "wrong"]
    assert lines == ["- containerDefinitions.app.environment.PASSWORD", "~ cpu: 512 -> 256"]
    assert "web:7 (registered 2026-01-01 00:00+00:00 by arn:aws:sts" in ended.log
    assert "hunter2" not in ended.log + ended.summary + json.dumps(ended.outputs)


@pytest.mark.parametrize(("worker", "lines"), [("256", []), ("512", [("service worker", "drift-template")])])
def test_a_service_is_the_template(aws: ScriptedAws, step: Run, worker: str, lines: list[tuple[str, str]]) -> None:
    """Of itself, there is nothing to compare; of another service, its revision is compared."""
    both = {
        name: {"service": name, "task-definition": "service:web", "containers": {"app": "app"}}
        for name in ("web", "worker")
    }
    migration: Any = DOCUMENT["migration"]
    account.document(aws, services=both, migration={**migration, "service": "web"})
    other = ecs.service("worker", deployments=[deployment(taskDefinition=ecs.task_definition_arn("web:8"))], desired=2)
    aws.on("ecs.DescribeServices", {"services": [*service()["services"], other]})
    running(aws, task("a"))
    aws.on("ecs.ListTasks", {"taskArns": []}, where={"serviceName": "worker"})
    aws.on("ecs.DescribeTaskDefinition", revision())
    at_first = revision(cpu=worker)
    for name in ("web:8", ecs.task_definition_arn("web:8")):
        aws.on("ecs.DescribeTaskDefinition", at_first, where={"taskDefinition": name})
    ended = step("verify", drift="true")
    assert wrong(ended) == lines
    assert "what the service runs is its template" in ended.log


VARIABLES = [{"name": "STAGE", "value": "blue"}]
BY_DEPLOYMENT = {"environment": VARIABLES, "dockerLabels": {LABEL: "STAGE"}}


@pytest.mark.parametrize(
    ("container", "given", "lines"),
    [
        (BY_DEPLOYMENT, "", 0),
        (BY_DEPLOYMENT, "STAGE=blue", 0),
        (BY_DEPLOYMENT, "STAGE=green", 1),
        ({"environment": VARIABLES}, "", 1),
    ],
)
def test_variables_of_a_deployment(aws: ScriptedAws, step: Run, container: Params, given: str, lines: int) -> None:
    """Variables that a deployment added are compared with environment-variables; without them they are no drift."""
    aws.on("ecs.DescribeTaskDefinition", revision(containers=[account.container(image=IMAGE, **container)]))
    ended = step("verify", drift="true", environment_variables=given)
    assert wrong(ended) == [("service web", "drift-template")] * lines


def test_another_image_than_the_commit_s(aws: ScriptedAws, step: Run) -> None:
    """The commits of what runs instead come from ECR."""
    aws.on("ecs.DescribeTaskDefinition", revision(f"{REPOSITORY}@{OTHER}"))
    running(aws, task("a", OTHER), task("b", OTHER))
    ended = step("verify", drift="true")
    assert wrong(ended) == [("service web", "drift-commit")]
    assert f"runs my-app@{OTHER[:19]}, the image of {OLD}, not the image of {SHA}" in text(ended, "drift-commit")


@pytest.mark.parametrize("answer", [denied("ecr:DescribeImages"), error("ImageNotFoundException", "no such image")])
def test_commits_that_can_t_be_read(aws: ScriptedAws, step: Run, answer: Any) -> None:
    """The image is named by its digest alone."""
    aws.on("ecr.DescribeImages", answer)
    aws.on("ecs.DescribeTaskDefinition", revision(f"{REPOSITORY}@{OTHER}"))
    running(aws, task("a", OTHER))
    found = text(step("verify", drift="true"), "drift-commit")
    assert f"runs my-app@{OTHER[:19]}, not the image of {SHA}" in found


def test_the_commit_s_image_is_gone(aws: ScriptedAws, step: Run) -> None:
    """A lifecycle policy may have deleted it: not checkable."""
    missing = {"imageId": {"imageTag": SHA}, "failureCode": "ImageNotFound", "failureReason": "not found"}
    aws.on("ecr.BatchGetImage", {"images": [], "failures": [missing]})
    ended = step("verify", drift="true")
    assert ended.exit_code == 0
    assert "ECR has no image of" in text(ended, "drift-commit", "not checkable")


COUNTS = {
    "fewer": (deployment(runningCount=1, pendingCount=0), ["drift-count"]),
    "none, and ECS tries": (deployment(runningCount=0, pendingCount=2), ["drift-count"]),
    "one is starting": (deployment(runningCount=1, pendingCount=1), []),
    "one more": (deployment(runningCount=3, pendingCount=0), []),
}


@pytest.mark.parametrize("name", COUNTS)
def test_desired_and_running_tasks(aws: ScriptedAws, step: Run, name: str) -> None:
    """Fewer running tasks than desired are drift, unless the missing ones are starting."""
    each, checks = COUNTS[name]
    aws.on("ecs.DescribeServices", service(each))
    assert [check for _, check in wrong(step("verify", drift="true"))] == checks


def test_scaled_to_0(aws: ScriptedAws, step: Run) -> None:
    """The revision is still compared."""
    stopped = {"services": [ecs.service(deployments=[deployment(desiredCount=0, runningCount=0)], desired=0)]}
    aws.on("ecs.DescribeServices", stopped)
    aws.on("ecs.DescribeTaskDefinition", revision(cpu="512"))
    running(aws)
    ended = step("verify", drift="true")
    assert [check for _, check in wrong(ended)] == ["drift-template"]
    assert "0 of 0 desired tasks are running" in text(ended, "drift-count", "ok")


def task_set(name: str, revision: str, status: str) -> Params:
    counts = {"computedDesiredCount": 2, "runningCount": 2, "pendingCount": 0}
    arn = ecs.task_definition_arn(revision)
    return {"id": name, "externalId": f"d-{name}", "status": status, "taskDefinition": arn, **counts}


CODEDEPLOY = {"deploymentController": {"type": "CODE_DEPLOY"}, "runningCount": 2}
UNDER_WAY = {
    "rolling": service(
        deployment(id="ecs-svc/2", rolloutState="IN_PROGRESS", failedTasks=3),
        deployment(status="ACTIVE", taskDefinition=ecs.task_definition_arn("web:6")),
    ),
    "blue/green, the new one not PRIMARY yet": service(
        deployment(), deployment(id="ecs-svc/2", status="ACTIVE", rolloutState="IN_PROGRESS")
    ),
    "old tasks": service(deployment(), deployment(id="ecs-svc/1", status="ACTIVE", runningCount=1)),
    "CodeDeploy": {
        "services": [
            {
                **ecs.service(deployments=[], desired=2),
                **CODEDEPLOY,
                "taskSets": [task_set("1", "web:6", "PRIMARY"), task_set("2", "web:7", "ACTIVE")],
            }
        ]
    },
}


@pytest.mark.parametrize("name", UNDER_WAY)
def test_a_deployment_is_under_way(aws: ScriptedAws, step: Run, name: str) -> None:
    """That is no drift, even if tasks of two revisions run."""
    aws.on("ecs.DescribeServices", UNDER_WAY[name])
    running(aws, task("a"), task("b", revision="web:6"))
    ended = step("verify", drift="true")
    assert ended.exit_code == 0, ended.log
    assert of_state(ended, "not checkable") == [("service web", "drift-deployment")]
    assert "drift-tasks" not in ended.outputs["findings"]


def test_codedeploy_s_only_task_set(aws: ScriptedAws, step: Run) -> None:
    """It is compared as a deployment of ECS is."""
    own = {**ecs.service(deployments=[], desired=2), **CODEDEPLOY, "taskSets": [task_set("2", "web:7", "PRIMARY")]}
    aws.on("ecs.DescribeServices", {"services": [own]})
    running(aws, task("a"), task("b", revision="web:6"))
    assert wrong(step("verify", drift="true")) == [("service web", "drift-tasks")]


MISSING = {
    "not there yet": ({"services": [], "failures": []}, "is not there"),
    "deleted": (service(status="INACTIVE"), "is INACTIVE"),
}


@pytest.mark.parametrize("name", MISSING)
def test_a_service_that_is_missing(aws: ScriptedAws, step: Run, name: str) -> None:
    """The document has it, so it is drift."""
    answer, words = MISSING[name]
    aws.on("ecs.DescribeServices", answer)
    ended = step("verify", drift="true")
    assert wrong(ended) == [("service web", "drift-deployment")]
    assert words in text(ended, "drift-deployment")


def test_a_failed_deployment(aws: ScriptedAws, step: Run) -> None:
    """One that ECS has given up and not rolled back."""
    aws.on("ecs.DescribeServices", service(deployment(rolloutState="FAILED", rolloutStateReason="tasks failed")))
    assert ", begun 2026-01-01 00:00+00:00, has failed and was not rolled back" in text(
        step("verify", drift="true"), "drift-deployment"
    )


def test_a_failed_deployment_with_old_tasks(aws: ScriptedAws, step: Run) -> None:
    """Without a rollback they keep running: that is drift, not a deployment under way."""
    old = deployment(id="ecs-svc/1", status="ACTIVE", taskDefinition=ecs.task_definition_arn("web:6"))
    failed = deployment(id="ecs-svc/2", rolloutState="FAILED", runningCount=0)
    aws.on("ecs.DescribeServices", service(failed, old))
    running(aws, task("a", revision="web:6"), task("b", revision="web:6"))
    assert [check for _, check in wrong(step("verify", drift="true"))] == ["drift-deployment", *["drift-tasks"] * 2]


def test_scheduled_tasks(aws: ScriptedAws, step: Run) -> None:
    """Each revision that a rule or schedule starts is compared."""
    test_schedules.EventBridge(aws)
    account.document(aws, **{"scheduled-tasks": test_schedules.NIGHTLY})
    aws.on("ecs.DescribeTaskDefinition", revision(cpu="512"))
    ended = step("verify", drift="true")
    assert ("scheduled task nightly", "drift-template") in wrong(ended)


# By call that is denied: the check that is not checkable.
DENIED = {
    "ecs.ListTasks": "drift-tasks",
    "ecs.DescribeTasks": "drift-tasks",
    "ecs.DescribeServices": "drift-deployment",
    "ecr.BatchGetImage": "repository",
}


@pytest.mark.parametrize("operation", DENIED)
def test_without_a_permission(aws: ScriptedAws, step: Run, operation: str) -> None:
    """The others are compared, and nothing fails."""
    aws.on(operation, denied(operation.replace(".", ":")))
    ended = step("verify", drift="true")
    assert ended.exit_code == 0, ended.log
    assert DENIED[operation] in [check for _, check in of_state(ended, "not checkable")]
    assert "is not allowed" in ended.outputs["issue"]


# ---- the newest successful commit ----


def test_the_newest_successful_deployment(github: FakeGitHub, step: Run) -> None:
    """Later ones that failed or have not ended don't count."""
    for commit, state in ((OLD, "inactive"), (SHA, "success"), ("d" * 40, "failure"), ("f" * 40, "in_progress")):
        github.add("production", run="7", state=state, sha=commit)
    github.add("staging", run="8", state="success", sha=OLD)
    ended = step("verify", drift="true", sha="", environment="production", github_token=github.token)
    assert ended.exit_code == 0, ended.log
    assert f"is of {SHA}" in ended.log
    assert 1 < len(github.asked) <= 6
    assert github.token not in ended.log + ended.summary


@pytest.mark.parametrize("task", ["continue", "rollback"])
def test_the_commit_of_a_chat_s_rollback_says_nothing(github: FakeGitHub, step: Run, task: str) -> None:
    """It is only where GitHub has taken the workflow from. A task of the team's own is a deployment."""
    for commit, asked in ((OLD, "deploy"), ("d" * 40, task)):
        github.add("production", run="7", state="success", sha=commit, task=asked)
    ended = step("verify", drift="true", sha="", environment="production", github_token=github.token)
    assert ended.exit_code == 0, ended.log
    assert f"asks for {task}, so it doesn't say which commit runs" in text(ended, "drift-commit", "not checkable")
    github.add("production", run="7", state="success", sha=SHA, task="deploy:migrations")
    ended = step("verify", drift="true", sha="", environment="production", github_token=github.token)
    assert f"is of {SHA}" in ended.log


UNKNOWN = {
    "no Deployments": (None, "has succeeded"),
    "no permission": (server.status(403), "HTTP 403"),
    "a proxy's page": (server.garbage(), "is not GitHub's API"),
    "an outage": (server.status(500), "HTTP 500"),
    "not a list": (server.garbage(b"{}"), "has succeeded"),
    "far too deep": (server.garbage(b"[" * 100_000), "is not GitHub's API"),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_github_does_not_say(github: FakeGitHub, step: Run, name: str) -> None:
    """Then the commit is not checkable; everything else is compared."""
    fault, words = UNKNOWN[name]
    github.fail(fault)
    ended = step("verify", drift="true", sha="", environment="production", github_token=github.token)
    assert ended.exit_code == 0, ended.log
    assert words in text(ended, "drift-commit", "not checkable")
    assert ("service web", "drift-template") in of_state(ended, "ok")


def test_a_trickling_answer_is_not_waited_for(github: FakeGitHub, step: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """It never ends, and never times out."""
    monkeypatch.setattr(pace, "GITHUB_WAIT", 0.2)
    github.fail(server.trickle())
    ended = step("verify", drift="true", sha="", environment="production", github_token=github.token)
    assert ended.exit_code == 0, ended.log
    assert "has not answered within 0.2 seconds" in text(ended, "drift-commit", "not checkable")


def test_nothing_says_which_commit(step: Run) -> None:
    """Not checkable; the commit of the run is no answer, because it may not be deployed yet."""
    ended = step("verify", drift="true", sha="")
    assert "neither the input environment nor sha" in text(ended, "drift-commit", "not checkable")


def test_environment_without_drift(step: Run) -> None:
    """It would have no effect: refused."""
    ended = step("verify", environment="production")
    assert ended.exit_code == 2
    assert "environment: only has an effect with drift" in ended.log


# ---- the report ----


def test_the_issue_is_harmless(aws: ScriptedAws, step: Run) -> None:
    """No text of AWS ends its fence, makes markup or mentions anybody outside of it."""
    hostile = "```\n# @everyone <img src=x> \x1b[2J\u202e"
    aws.on("ecs.DescribeTaskDefinition", revision(containers=[account.container(image=IMAGE, user=hostile)]))
    issue = step("verify", drift="true").outputs["issue"]
    outside, inside = [], False
    for line in issue.splitlines():
        fence = line.startswith("```")
        inside = not inside if fence else inside
        outside += [] if inside or fence else [line]
    assert "@everyone" in issue
    assert "@everyone" not in "\n".join(outside)
    assert not {"\x1b", "\u202e"} & set(issue)


def test_json(aws: ScriptedAws, step: Run, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """One object on standard output; with drift it has the Markdown as well."""
    monkeypatch.delenv("GITHUB_ACTIONS")
    for drift in (True, False):
        flags = ["--config", "/my/parameter", "--sha", SHA, "--json", *(["--drift"] if drift else [])]
        assert cli.main(["verify", *flags], {}) == 0
        assert ("issue" in json.loads(capfd.readouterr().out)) is drift


def test_a_document_without_images_of_its_own(aws: ScriptedAws, step: Run) -> None:
    """With the official actions' inputs, the running images are those of the template, and no commit is compared."""
    inputs = {"task_definition": "web", "cluster": ecs.CLUSTER, "service": "web"}
    ended = step("verify", config="", sha="", drift="true", **inputs)
    assert ended.exit_code == 0, ended.log
    assert "without a document" in text(ended, "drift-commit", "not checkable")
