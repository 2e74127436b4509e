"""`verify` as a whole: what it prints, its exit codes, and that it only reads."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from typing import Any

import pytest

from ecs_cd import cli
from tests.scripted_aws import (
    Answer,
    Clock,
    ScriptedAws,
    denied,
    ecr_public,
    ecs,
    error,
    expired,
    server_error,
    throttled,
)
from tests.timelines.conftest import DOCUMENT, SHA, Step, mutations
from tests.timelines.deploy import test_schedules
from tests.timelines.test_unreadable import BODIES, spoil
from tests.timelines.verify import conftest as account

Run = Callable[..., Step]

# By call, the action that verify names if it is denied, and a line that is there nevertheless.
CALLS = {
    "ecs.DescribeClusters": "ecs:DescribeClusters",
    "ecs.DescribeServices": "ecs:DescribeServices",
    "ecs.DescribeTaskDefinition": "ecs:DescribeTaskDefinition",
    "ecr.BatchGetImage": "ecr:BatchGetImage",
    "iam.GetRole": "iam:GetRole",
    "iam.SimulatePrincipalPolicy": "iam:SimulatePrincipalPolicy",
    "logs.DescribeLogGroups": "logs:DescribeLogGroups",
    "ssm.DescribeParameters": "ssm:DescribeParameters",
    "secretsmanager.DescribeSecret": "secretsmanager:DescribeSecret",
    "events.DescribeRule": "events:DescribeRule",
    "events.ListTargetsByRule": "events:ListTargetsByRule",
    "scheduler.GetSchedule": "scheduler:GetSchedule",
}


def findings(step: Step) -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads(step.outputs["findings"])
    return found


def of_state(step: Step, state: str) -> list[tuple[str, str]]:
    """The subject and check of the findings in this state."""
    return [(each["subject"], each["check"]) for each in findings(step) if each["state"] == state]


@pytest.fixture
def everything(aws: ScriptedAws) -> None:
    """A document with scheduled tasks as well, one of each kind."""
    test_schedules.EventBridge(aws)
    account.document(aws, **{"scheduled-tasks": {**test_schedules.NIGHTLY, **test_schedules.HOURLY}})


@pytest.mark.usefixtures("everything")
def test_an_account_that_has_everything(aws: ScriptedAws, step: Run) -> None:
    """Each line is ok, and the exit code is 0."""
    ended = step("verify")
    assert ended.exit_code == 0, ended.log
    assert {each["state"] for each in findings(ended)} == {"ok"}
    subjects = dict.fromkeys(each["subject"] for each in findings(ended))
    scheduled = [f"scheduled task {name}" for name in (*test_schedules.NIGHTLY, *test_schedules.HOURLY)]
    assert list(subjects) == ["document", "cluster", "image app", "service web", "migration", *scheduled]
    assert "wrong (" not in ended.log
    assert "### ✅ Verify: succeeded" in ended.summary


@pytest.mark.usefixtures("everything")
def test_verify_only_reads(aws: ScriptedAws, step: Run) -> None:
    """By the names of the operations: none of them changes anything, and none returns the value of a secret."""
    step("verify")
    called = {call.operation for call in aws.calls}
    assert mutations(aws) == set()
    assert called & {"secretsmanager.GetSecretValue", "ssm.GetParameters"} == set()
    assert [call.params["Name"] for call in aws.calls if call.operation == "ssm.GetParameter"] == ["/my/parameter"]


@pytest.mark.usefixtures("everything")
@pytest.mark.parametrize(("operation", "action"), CALLS.items())
def test_without_a_permission_the_other_checks_go_on(aws: ScriptedAws, step: Run, operation: str, action: str) -> None:
    """The finding is not checkable and names the action; nothing fails because of it."""
    aws.on(operation, denied(action))
    ended = step("verify")
    assert ended.exit_code == 0, ended.log
    assert of_state(ended, "wrong") == []
    unknown = [each for each in findings(ended) if each["state"] == "not checkable"]
    assert unknown
    assert any(f"{action} is not allowed" in each["text"] and action in each["remedy"] for each in unknown)
    assert len(of_state(ended, "ok")) > 10 or operation == "ecs.DescribeTaskDefinition"


@pytest.mark.usefixtures("everything")
@pytest.mark.parametrize("operation", CALLS)
@pytest.mark.parametrize("answer", [throttled(), server_error()], ids=["throttled", "503"])
def test_what_aws_does_not_answer_is_not_checkable(aws: ScriptedAws, step: Run, operation: str, answer: Answer) -> None:
    """Also after retries; the other checks go on."""
    aws.on(operation, answer)
    ended = step("verify")
    assert ended.exit_code == 0, ended.log
    assert of_state(ended, "wrong") == []
    assert of_state(ended, "not checkable") != []


@pytest.mark.usefixtures("everything")
@pytest.mark.parametrize("operation", CALLS)
@pytest.mark.parametrize("always", [False, True], ids=["once", "always"])
def test_an_answer_that_is_not_aws_s(aws: ScriptedAws, step: Run, operation: str, always: bool) -> None:
    """A proxy's page: once, it is asked again; always, the check is not checkable. The page is not shown."""
    spoil(aws, f"{operation}#1", BODIES["a page"], always=always)
    ended = step("verify")
    assert ended.exit_code == 0, ended.log
    assert of_state(ended, "wrong") == []
    assert (of_state(ended, "not checkable") != []) is always
    assert "Sign in to the proxy" not in ended.log


@pytest.mark.parametrize("operation", ["ecs.DescribeClusters", "iam.GetRole", "logs.DescribeLogGroups"])
def test_a_throttled_call_is_repeated(aws: ScriptedAws, step: Run, operation: str) -> None:
    """Once is not a finding."""
    answers = {
        "ecs.DescribeClusters": {"clusters": [{"clusterName": ecs.CLUSTER, "status": "ACTIVE"}]},
        "iam.GetRole": lambda params: account.role(
            next(arn for arn in (account.EXECUTION, account.TASK, account.CALLER) if arn.endswith(params["RoleName"]))
        ),
        "logs.DescribeLogGroups": {"logGroups": [{"logGroupName": "/ecs/my-app"}]},
    }
    aws.on(operation, throttled(), answers[operation])  # type: ignore[arg-type]
    ended = step("verify")
    assert (ended.exit_code, of_state(ended, "not checkable")) == (0, []), ended.log


def test_expired_credentials_end_the_verb(aws: ScriptedAws, step: Run) -> None:
    """Every check would fail alike."""
    aws.on("ecs.DescribeServices", expired())
    ended = step("verify")
    assert ended.exit_code == 2
    assert "ExpiredTokenException" in ended.log


@pytest.mark.parametrize("region", ["eu-wst-1", "eu west", ""])
def test_a_region_that_is_none(monkeypatch: pytest.MonkeyPatch, step: Run, tmp_path: Any, region: str) -> None:
    """Nothing can be checked, so nothing is green."""
    (tmp_path / "document.json").write_text(json.dumps(DOCUMENT))
    monkeypatch.setenv("AWS_REGION", region)
    monkeypatch.setenv("AWS_ENDPOINT_URL_ECS", "http://127.0.0.1:9")  # for a name that does not resolve
    ended = step("verify", config="file:document.json")
    assert ended.exit_code == 2, ended.log
    assert "region" in ended.log
    assert "succeeded" not in ended.log


# ---- what is wrong ----


def test_what_is_wrong_fails_and_is_repeated_at_the_end(aws: ScriptedAws, step: Run) -> None:
    """Exit code 1; the annotation has the count, the first wrong line and its remedy."""
    aws.on("logs.DescribeLogGroups", {"logGroups": [{"logGroupName": "/ecs/my-app-2"}]})
    ended = step("verify")
    assert ended.exit_code == 1
    assert ended.outputs["result"] == "failed"
    assert of_state(ended, "wrong") == [("service web", "log-groups"), ("migration", "log-groups")]
    words = "service web, log-groups: the log group /ecs/my-app in ap-northeast-1 does not exist, so no task starts"
    lines = re.sub(r"\x1b\[[0-9;]*m", "", ended.log).splitlines()
    assert lines.count(f"wrong          {words}") == 2
    after = lines[lines.index("wrong (2):") + 1 :]
    assert after[0] == f"wrong          {words}"
    assert after[1].lstrip().startswith("-> Create it in the infra repo")
    annotation = next(line for line in lines if line.startswith("::error"))
    assert re.search(r"failed: 2 wrong, 0 not checkable, \d+ ok; first: service web, log-groups: ", annotation)
    assert words.replace(",", "%2C") in annotation or words in annotation
    assert "**Wrong**" in ended.summary


def test_a_document_with_problems_is_refused(aws: ScriptedAws, step: Run) -> None:
    """All problems at once, and nothing else is asked."""
    account.document(aws, services={"web": {"task-definition": "web", "containers": {"app": "nope"}}}, surplus=1)
    ended = step("verify")
    assert ended.exit_code == 2
    assert "services.web.containers.app: must name an image" in ended.log or "surplus" in ended.log
    assert [call.operation for call in aws.calls] == ["ssm.GetParameter"]


def test_a_parameter_that_is_not_there_is_refused(aws: ScriptedAws, step: Run) -> None:
    """With the region."""
    aws.on("ssm.GetParameter", error("ParameterNotFound"))
    ended = step("verify")
    assert ended.exit_code == 2
    assert "there is no SSM parameter /my/parameter in ap-northeast-1" in ended.log


@pytest.mark.parametrize("allowed", [True, False], ids=["DescribeClusters", "DescribeServices alone"])
def test_a_region_without_the_cluster(aws: ScriptedAws, step: Run, allowed: bool) -> None:
    """One wrong line, with the region and what to check; the services' lines refer to it, the other checks go on."""
    aws.on("ecs.DescribeClusters", {"clusters": []} if allowed else denied("ecs:DescribeClusters"))
    aws.on("ecs.DescribeServices", error("ClusterNotFoundException"))
    ended = step("verify")
    assert ended.exit_code == 1
    assert of_state(ended, "wrong") == [("cluster", "cluster")]
    (found,) = (each for each in findings(ended) if each["state"] == "wrong")
    assert "my-cluster" in found["text"]
    assert "ap-northeast-1" in found["text"]
    assert "aws-region" in found["remedy"]
    assert ("service web", "service") in of_state(ended, "not checkable")
    assert ("service web", "log-groups") in of_state(ended, "ok")


def test_a_cluster_that_is_being_deleted(aws: ScriptedAws, step: Run) -> None:
    """ECS still lists it."""
    aws.on("ecs.DescribeClusters", {"clusters": [{"clusterName": ecs.CLUSTER, "status": "INACTIVE"}]})
    assert of_state(step("verify"), "wrong") == [("cluster", "cluster")]


def test_before_the_first_deployment(aws: ScriptedAws, step: Run) -> None:
    """A service that is not there yet is wrong, once for itself and once for the migration beside it; the commit's image
    that is not there yet is not."""
    aws.on("ecs.DescribeServices", {"services": []})
    aws.on("ecr.BatchGetImage", {"images": [], "failures": []})
    ended = step("verify")
    assert of_state(ended, "wrong") == [("service web", "service"), ("migration", "service")]
    assert "does not have the commit's image yet" in ended.log


def test_a_commit_is_not_needed(aws: ScriptedAws, step: Run) -> None:
    """Without a checkout, only the repositories are looked up."""
    ended = step("verify", sha="")
    assert ended.exit_code == 0, ended.log
    assert "my-app exists" in ended.log


def test_a_repository_that_is_not_there_is_wrong(aws: ScriptedAws, step: Run) -> None:
    """build-push could not push."""
    aws.on("ecr.BatchGetImage", error("RepositoryNotFoundException"))
    assert of_state(step("verify"), "wrong") == [("image app", "repository")]


@pytest.mark.parametrize(("alias", "state"), [("our-alias", "ok"), ("another", "wrong")])
def test_an_image_in_ecr_public(alias: str, state: str, aws: ScriptedAws, step: Run) -> None:
    """Its repository is looked up in this account's public registry."""
    account.document(aws, images={"app": {"repository": "public.ecr.aws/our-alias/my-app"}})
    aws.on("ecr-public.DescribeRegistries", {"registries": [ecr_public.registry(alias)]})
    aws.on("ecr-public.DescribeImages", {"imageDetails": [{"imageDigest": f"sha256:{'1' * 64}"}]})
    assert ("image app", "repository") in of_state(step("verify"), state)


def test_the_input_service_selects_services(aws: ScriptedAws, step: Run) -> None:
    """The migration is checked as well: it runs before any of them."""
    other = {"task-definition": "worker", "containers": {"app": "app"}}
    web: Any = DOCUMENT["services"]["web"]  # type: ignore[index]
    migration: Any = DOCUMENT["migration"]
    account.document(aws, services={"web": web, "worker": other}, migration={**migration, "service": "web"})
    ended = step("verify", service="web")
    assert "service worker" not in {each["subject"] for each in findings(ended)}
    assert step("verify", service="nope").exit_code == 2


def test_an_app_file_with_problems_is_wrong(aws: ScriptedAws, step: Run, tmp_path: Any) -> None:
    """build-push would refuse it."""
    (tmp_path / ".github").mkdir()
    file = tmp_path / ".github" / "ecs-cd.yml"
    file.write_text("images: {app: {context: .}}\n")
    ended = step("verify")
    assert ("app file", "app-file") in of_state(ended, "ok")
    file.write_text("images: {nginx: {context: .}}\n")
    assert of_state(step("verify"), "wrong") == [("app file", "app-file")]


# ---- without a document ----


def test_without_a_document(aws: ScriptedAws, step: Run, tmp_path: Any) -> None:
    """A task definition in the repository, whose image another step puts in, and a service of a cluster."""
    template = account.template(containerDefinitions=[account.container(image="<IMAGE1_NAME>")])
    (tmp_path / "task-definition.json").write_text(json.dumps(template))
    ended = step("verify", config="", task_definition="task-definition.json", cluster=ecs.CLUSTER, service="web")
    assert ended.exit_code == 0, ended.log
    assert list(dict.fromkeys(each["subject"] for each in findings(ended))) == ["cluster", "service web"]
    assert ("service web", "execution-role") in of_state(ended, "ok")
    assert aws.count("ssm.GetParameter") == aws.count("ecr.BatchGetImage") == 0


@pytest.mark.parametrize("answer", [error("RepositoryNotFoundException"), {"images": [], "failures": []}])
def test_without_a_document_nothing_names_the_images(aws: ScriptedAws, step: Run, tmp_path: Any, answer: Any) -> None:
    """An image in ECR that is not there may be a placeholder, and the app's file is for a document."""
    (tmp_path / ".github").mkdir()
    (tmp_path / ".github" / "ecs-cd.yml").write_text("images: {app: {}}")
    (tmp_path / "task-definition.json").write_text(json.dumps(account.template()))
    aws.on("ecr.BatchGetImage", answer)
    ended = step("verify", config="", task_definition="task-definition.json", cluster=ecs.CLUSTER, service="web")
    assert (ended.exit_code, of_state(ended, "not checkable")) == (0, [("service web", "image")]), ended.log
    assert "it may be a placeholder" in ended.log


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"config": ""}, "config: is missing"),
        ({"config": "", "task_definition": "t.json"}, "config: is missing"),
        ({"cluster": "c"}, "cluster: can't be combined with config"),
        ({"task_definition": "t.json", "service": "web"}, "task-definition: can't be combined with config"),
    ],
)
def test_a_document_or_what_replaces_it(aws: ScriptedAws, step: Run, inputs: dict[str, str], words: str) -> None:
    """One of them; nothing is asked otherwise."""
    ended = step("verify", **inputs)
    assert ended.exit_code == 2
    assert words in ended.log
    assert {call.operation for call in aws.calls} <= {"ssm.GetParameter"}


# ---- --json ----


@pytest.fixture
def terminal(
    aws: ScriptedAws, clock: Clock, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Runs verify on the command line; its exit code, standard output and standard error."""
    for name in ("GITHUB_ACTIONS", "GITHUB_OUTPUT", "ECS_CD_INPUTS"):
        monkeypatch.delenv(name, raising=False)

    def run(*flags: str) -> tuple[int, str, str]:
        argv = ["verify", "--config", "/my/parameter", "--sha", SHA, *flags]
        code = cli.main(argv, os.environ, clock=clock)
        captured = capfd.readouterr()
        return code, captured.out, captured.err

    return run


def test_json_is_all_that_standard_output_has(aws: ScriptedAws, terminal: Any) -> None:
    """One object; the log is on standard error."""
    aws.on("logs.DescribeLogGroups", {"logGroups": []})
    code, out, err = terminal("--json")
    found = json.loads(out)
    assert (code, found["result"], found["counts"]["wrong"]) == (1, "failed", 2)
    assert sum(found["counts"].values()) == len(found["findings"])
    assert found["findings"][0] == {
        "subject": "document",
        "check": "document",
        "state": "ok",
        "text": "it is valid",
        "remedy": "",
    }
    assert "does not exist, so no task starts" in err


def test_json_has_the_problems_of_the_document(aws: ScriptedAws, terminal: Any) -> None:
    """A program that reads it needs no log."""
    account.document(aws, surplus=1)
    code, out, _ = terminal("--json")
    found = json.loads(out)
    assert (code, found["result"]) == (2, "refused")
    assert any("surplus" in each["text"] for each in found["findings"])


def test_json_has_what_ended_the_checks(aws: ScriptedAws, terminal: Any) -> None:
    """Also if it is neither the document nor a check."""
    aws.on("ecs.DescribeServices", expired())
    code, out, _ = terminal("--json")
    found = json.loads(out)
    assert (code, found["result"], found["counts"]["not checkable"]) == (2, "refused", 1)
    assert "ExpiredTokenException" in found["findings"][-1]["text"]


def test_in_a_terminal_the_lines_are_enough(terminal: Any) -> None:
    """No JSON among them."""
    code, out, _ = terminal()
    assert code == 0
    assert "ok             cluster: my-cluster is ACTIVE in ap-northeast-1" in out
    assert "findings=" not in out
