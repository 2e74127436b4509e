"""The example's workflows that approve and undo, under act: which jobs run, and what they ask AWS and GitHub for."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dev import workflows
from tests.e2e.test_github_deployment import INPUTS
from tests.fake_github import FakeGitHub
from tests.scripted_aws import Params, ScriptedAws, blue_green, ecs
from tests.scripted_aws.fleet import document
from tests.timelines.conftest import REPOSITORY

pytestmark = pytest.mark.e2e

CREDENTIALS = {
    "AccessKeyId": "A" * 20,
    "SecretAccessKey": "s",
    "SessionToken": "t",
    "Expiration": "2100-01-01T00:00:00Z",
}
REGION = {"AWS_REGION": "ap-northeast-1"}
APPROVED = "      - id: approved\n"
OLD = "sha256:" + "0" * 64  # of the image of web:1
SOURCE = {"sourceServiceRevisions": [{"arn": blue_green.arn("1", "service-revision")}]}
WAITS = blue_green.service_deployment("2", stage="POST_TEST_TRAFFIC_SHIFT", hooks=[blue_green.hook()]) | SOURCE


class Service:
    """A blue/green service at web:1. A deployment of web:2 waits at a pause, and ends as its approval says."""

    def __init__(self, aws: ScriptedAws) -> None:
        self.deployment: Params | None = None
        aws.on("ecs.DescribeServices", lambda _: {"services": [self._service()]})
        aws.on("ecs.RegisterTaskDefinition", {"taskDefinition": ecs.task_definition("web", 2)})
        aws.on("ecs.UpdateService", self._update)
        aws.on("ecs.ListServiceDeployments", self._list)
        aws.on("ecs.DescribeServiceDeployments", self._describe)
        aws.on("ecs.DescribeServiceRevisions", blue_green.revisions)
        aws.on("ecs.ContinueServiceDeployment", self._go_on)
        aws.on("ecs.ListTasks", {"taskArns": []})
        task = ecs.task()
        aws.on("ecs.ListTasks", {"taskArns": [task["taskArn"]]}, where={"desiredStatus": "RUNNING"})
        aws.on("ecs.DescribeTasks", self._tasks)

    @property
    def status(self) -> str:
        return str(self.deployment["status"]) if self.deployment else ""

    def pause(self) -> None:
        """As if a deployment had reached the pause."""
        self.deployment = WAITS

    def _update(self, _: Params) -> Params:
        self.pause()
        return {"service": self._service()}

    def _go_on(self, params: Params) -> Params:
        status = "SUCCESSFUL" if params["action"] == "CONTINUE" else "ROLLBACK_SUCCESSFUL"
        self.deployment = blue_green.service_deployment("2", status) | SOURCE
        return {"serviceDeploymentArn": self.deployment["serviceDeploymentArn"]}

    def _all(self) -> list[Params]:
        first = blue_green.service_deployment("1", "SUCCESSFUL", created=-999)
        return [first, *([self.deployment] if self.deployment else [])]

    def _describe(self, params: Params) -> Params:
        return blue_green.described(*self._all())(params)

    def _tasks(self, params: Params) -> Params:
        return ecs.described("tasks", self._task())(params)

    def _list(self, params: Params) -> Params:
        return blue_green.listed(*self._all())(params)

    def _service(self) -> Params:
        old = ecs.deployment("ecs-svc/1", "PRIMARY", "web:1")
        if self.status in ("", "ROLLBACK_SUCCESSFUL"):
            return blue_green.service(deployments=[old])
        ended = "COMPLETED" if self.status == "SUCCESSFUL" else "IN_PROGRESS"
        new = ecs.deployment("ecs-svc/2", task_definition="web:2", rollout_state=ended)
        return blue_green.service(deployments=[new, old | {"status": "ACTIVE"}])

    def _task(self) -> Params:
        if self.status == "SUCCESSFUL":
            return ecs.task(task_definition="web:2", started_by="ecs-svc/2")
        containers = [ecs.container(imageDigest=OLD)]
        return ecs.task(task_definition="web:1", started_by="ecs-svc/1", containers=containers)


@pytest.fixture
def scripted() -> Iterator[ScriptedAws]:
    with ScriptedAws(time) as aws:
        aws.on("sts.AssumeRoleWithWebIdentity", {"Credentials": CREDENTIALS})
        aws.on("ssm.GetParameter", {"Parameter": {"Value": json.dumps(document(["web"], REPOSITORY)), "Version": 1}})
        aws.on("ecr.DescribeRepositories", {"repositories": [{"imageTagMutability": "MUTABLE"}]})
        aws.on("ecr.BatchGetImage", _image)
        aws.on("ecr.PutImage", {"image": {}})
        aws.on("ecr.DescribeImages", lambda params: {"imageDetails": [params["imageIds"][0] | {"imageTags": []}]})
        aws.on("ecs.DescribeTaskDefinition", _definition)
        yield aws


def _image(params: Params) -> Params:
    ids = [{"imageDigest": ecs.DIGEST, **wanted} for wanted in params["imageIds"]]
    return {"images": [{"imageId": each, "imageManifest": "{}"} for each in ids], "failures": []}


def _definition(params: Params) -> Params:
    name = params["taskDefinition"].rpartition("/")[2]
    family, _, number = name.partition(":")
    found = ecs.task_definition(family, int(number or 1))
    if found["revision"] == 1:
        found["containerDefinitions"][0]["image"] = f"{REPOSITORY}@{OLD}"
    return {"taskDefinition": found, "tags": []}


@pytest.fixture
def service(scripted: ScriptedAws) -> Service:
    return Service(scripted)


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    return workflows.app_repo(tmp_path / "my-app")


def actions(aws: ScriptedAws) -> list[str]:
    """What the pause was told, in order."""
    return [str(call.params["action"]) for call in aws.calls if call.operation == "ecs.ContinueServiceDeployment"]


def jobs(result: workflows.Result) -> set[str]:
    """The jobs of which a step ran."""
    return {str(event.data["jobID"]) for event in result.events if event.data.get("stage") == "Main"}


# ---- approve.yml ----


def approve(repo: Path, tree: Path, aws: ScriptedAws) -> workflows.Result:
    return workflows.run_workflow(
        repo, tree, workflow="approve.yml", event="workflow_dispatch", env=aws.environ, variables=REGION
    )


def test_an_approved_pause_goes_on(repo: Path, tree: Path, scripted: ScriptedAws, service: Service) -> None:
    """The deploying job succeeds at the pause, `approve` continues it, and nothing is rolled back."""
    result = approve(repo, tree, scripted)
    assert result.green, result.log
    assert result.outputs()["result"] == "in-progress", result.log
    assert jobs(result) == {"deploy", "approve"}
    assert actions(scripted) == ["CONTINUE"]
    assert service.status == "SUCCESSFUL"


def change(repo: Path, old: str, new: str) -> None:
    path = repo / ".github/workflows/approve.yml"
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), encoding="utf-8")
    workflows.commit(repo, "change approve.yml")


def test_a_rejected_pause_is_rolled_back(repo: Path, tree: Path, scripted: ScriptedAws, service: Service) -> None:
    """A rejection fails the job before its first step, as a first step that fails does here."""
    change(repo, APPROVED, f"      - run: exit 1\n{APPROVED}")
    result = approve(repo, tree, scripted)
    assert not result.green
    assert "rejected" in jobs(result)
    assert actions(scripted) == ["ROLLBACK"]
    assert "web is back at web:1" in result.log


def test_what_fails_after_its_approval_is_not_a_rejection(
    repo: Path, tree: Path, scripted: ScriptedAws, service: Service
) -> None:
    """The pause has expired: `continue` fails, and there is nothing to roll back."""

    def sign_in(_: Params) -> Params:
        if sum(call.operation == "sts.AssumeRoleWithWebIdentity" for call in scripted.calls):  # the second job does
            service.deployment = blue_green.service_deployment("2", "ROLLBACK_SUCCESSFUL") | SOURCE
        return {"Credentials": CREDENTIALS}

    scripted.on("sts.AssumeRoleWithWebIdentity", sign_in)
    result = approve(repo, tree, scripted)
    assert not result.green
    assert jobs(result) == {"deploy", "approve"}
    assert actions(scripted) == []
    assert "service deployment 2 (web:2)" in "\n".join([result.summary, *result.annotations()]), result.summary


# ---- rollback.yml ----


def test_one_click_lists_first_and_then_rolls_back(
    repo: Path, tree: Path, scripted: ScriptedAws, service: Service
) -> None:
    """The list changes nothing; the second job takes back what waits."""
    service.pause()
    result = workflows.run_workflow(
        repo, tree, workflow="rollback.yml", event="workflow_dispatch", env=scripted.environ, variables=REGION
    )
    assert result.green, result.log
    assert jobs(result) == {"list", "rollback"}
    assert actions(scripted) == ["ROLLBACK"]
    assert result.log.index("rollback goes back to web:1") < result.log.index("web is back at web:1")


# ---- chatops.yml ----


@pytest.fixture
def github() -> Iterator[FakeGitHub]:
    with FakeGitHub() as fake:
        yield fake


@pytest.fixture
def ask(
    repo: Path, tree: Path, scripted: ScriptedAws, github: FakeGitHub, tmp_path: Path
) -> Callable[..., workflows.Result]:
    """Creates a Deployment with this task and payload, and runs what that starts."""
    ours = Path(shutil.copytree(tree, tmp_path / "ecs-cd", symlinks=True))
    for verb in ("continue", "rollback"):  # act gives every step GitHub's own GITHUB_API_URL
        action = ours / "actions" / verb / "action.yml"
        text = action.read_text(encoding="utf-8")
        action.write_text(text.replace(INPUTS, f"{INPUTS}        GITHUB_API_URL: {github.url}\n"), encoding="utf-8")

    def ask(task: str, payload: Any = None) -> workflows.Result:
        number = github.add("production", ref="main", task=task)
        about = {"id": number, "environment": "production", "sha": "f" * 40, "task": task, "payload": payload or {}}
        (tmp_path / "event.json").write_text(json.dumps({"deployment": about}))
        return workflows.run_workflow(
            repo,
            ours,
            workflow="chatops.yml",
            event="deployment",
            event_file=tmp_path / "event.json",
            env=scripted.environ,
            variables=REGION,
            secrets={"GITHUB_TOKEN": github.token},
        )

    return ask


@pytest.mark.parametrize(
    ("task", "payload", "action"),
    [("continue", None, "CONTINUE"), ("rollback", None, "ROLLBACK"), ("rollback", {"to": "web:1"}, "ROLLBACK")],
)
def test_a_task_runs_its_job_alone(
    ask: Callable[..., workflows.Result],
    scripted: ScriptedAws,
    service: Service,
    github: FakeGitHub,
    task: str,
    payload: Any,
    action: str,
) -> None:
    """And its Deployment shows the way and the end."""
    service.pause()
    result = ask(task, payload)
    assert result.green, result.log
    assert jobs(result) == {task}
    assert actions(scripted) == [action]
    assert github.states() == ["in_progress", "success"]


@pytest.mark.parametrize(
    "payload", ["web:1", ["web:1"], '{"to": "web:1"}', {"to": "web:1; $(touch /tmp/x) ::error::"}, {"to": ["web:1"]}]
)
def test_a_payload_that_is_no_target_rolls_nothing_back(
    ask: Callable[..., workflows.Result], scripted: ScriptedAws, service: Service, github: FakeGitHub, payload: Any
) -> None:
    """Its sender meant something, so it isn't the default; the Deployment shows the refusal."""
    service.pause()
    result = ask("rollback", payload)
    assert not result.green
    assert actions(scripted) == []
    assert github.states() == ["error"]
    assert "to: must be a revision" in result.log


def test_a_task_that_no_workflow_has_says_so(
    ask: Callable[..., workflows.Result], scripted: ScriptedAws, service: Service
) -> None:
    """The job fails with the tasks that exist; nothing reaches AWS."""
    result = ask("roll-back")
    assert not result.green
    assert jobs(result) == {"unknown"}
    assert scripted.calls == []
