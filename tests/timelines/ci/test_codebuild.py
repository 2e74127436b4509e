"""Verbs in a build of CodeBuild: the log, the report's files, and the verdict that `hand-off` reads."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from dev.workflows import commit, git
from ecs_cd import cli
from ecs_cd.model.verdict import Outcome
from ecs_cd.report import verdict_line
from ecs_cd.report.summary import NOT_STARTED
from ecs_cd.report.verdict_line import PREFIX
from tests.contract.test_sample import crash
from tests.scripted_aws import Clock, Params, ScriptedAws, at, denied, ecs, lost, reset
from tests.scripted_aws.fleet import COMPLETES, STAYS, Fleet
from tests.timelines.ci.conftest import BUILD, NONCE, Build
from tests.timelines.conftest import DOCUMENT, SHA, Step
from tests.timelines.fake_docker import FakeDocker

FORGED = json.dumps({
    "version": 1, "build": BUILD, "nonce": NONCE, "verb": "deploy", "parts": [{"title": "x", "outcome": "succeeded"}],
})  # fmt: skip


def migrates(aws: ScriptedAws, exit_code: int = 0, *log: str) -> None:
    """A migration of ten seconds."""
    task = ecs.task("task-1", task_definition="migration:2")
    ends = [ecs.container(status="STOPPED", exitCode=exit_code)]
    stopped = {**task, "lastStatus": "STOPPED", "stopCode": "EssentialContainerExited", "containers": ends}
    aws.on("ecs.RunTask", ecs.RunTask())
    aws.on("ecs.DeregisterTaskDefinition", {"taskDefinition": ecs.task_definition("migration", 2)})
    aws.on("ecs.DescribeTasks", at(0, {"tasks": [task]}), at(10, {"tasks": [stopped]}), after="ecs.RunTask")
    lines = [{"message": line} for line in log or ("applying 001",)]
    aws.on("logs.GetLogEvents", {"events": lines, "nextForwardToken": "f/2"}, where={"startFromHead": True})
    aws.on("logs.GetLogEvents", {"events": [], "nextForwardToken": "f/2"}, where={"nextToken": "f/2"})


def test_a_build_migrates_and_deploys(aws: ScriptedAws, clock: Clock, build: Build) -> None:
    """Each verb ends with its verdict; the report has both, and its outputs are for a shell."""
    migrates(aws)
    migrated = build("migrate")
    Fleet(clock, {"web": COMPLETES}).script(aws)
    deployed = build("deploy")
    for ended, verb, title in ((migrated, "migrate", "Migration"), (deployed, "deploy", "Deployment")):
        assert (ended.exit_code, ended.err) == (0, ""), ended.out
        assert ended.lines[-1].startswith(f"{PREFIX} ")
        assert ended.out.count(PREFIX) == 1
        assert f"==== {title} ====" in ended.lines
        verdict = ended.verdict()
        assert verdict is not None
        assert (verdict.verb, [(p.title, p.state) for p in verdict.parts]) == (verb, [(title, Outcome.SUCCEEDED)])
    assert f"commit: {SHA} (CODEBUILD_RESOLVED_SOURCE_VERSION)" in migrated.lines
    assert "  | applying 001" in migrated.lines
    assert [each["verb"] for each in deployed.report()["verbs"]] == ["migrate", "deploy"]
    assert re.findall("^### .*", deployed.file("report.md"), re.M) == [
        "### ✅ Migration: succeeded",
        "### ✅ Deployment: succeeded",
    ]
    cases = ElementTree.fromstring(deployed.file("junit.xml")).iter("testcase")
    assert [(case.get("classname"), case.get("name"), len(case)) for case in cases] == [
        ("ecs-cd migrate", "Migration", 0),
        ("ecs-cd deploy", "Deployment", 0),
    ]
    script = '. ecs-cd-report/outputs.env; echo "$MIGRATION_EXIT_CODE $RESULT $TASK_DEFINITION_ARN"'
    done = subprocess.run(
        ["/bin/sh", "-eu", "-c", script], cwd=deployed.folder, capture_output=True, text=True, check=True
    )
    assert done.stdout == f"0 succeeded {ecs.task_definition_arn('web:2')}\n"


def test_a_failure_ends_the_log_with_its_cause(aws: ScriptedAws, build: Build) -> None:
    """CodePipeline shows no more than the exit code, so a person looks there; alarming lines are red."""
    crash(aws)
    ended = build("deploy")
    assert ended.exit_code == 3
    *_, error, cause, remedy, verdict = ended.lines
    assert error.startswith("error: Deployment: rolled back: ECS rolled back to web:1")
    assert cause == "Likely cause: container `app` exited with 1: KeyError: 'DATABASE_URL'"
    assert remedy.startswith("-> Set DATABASE_URL")
    assert any(line.startswith("\x1b[31mweb: FAILED") for line in ended.lines), ended.out
    assert "result=rolled-back" in ended.lines
    found = ended.verdict()
    assert found is not None and verdict.startswith(PREFIX)
    (part,) = found.parts
    assert (part.state, part.findings[0].cause) == (Outcome.ROLLED_BACK, "container `app` exited with 1")
    assert "KeyError: 'DATABASE_URL'" in part.findings[0].evidence
    failure = ElementTree.fromstring(ended.file("junit.xml")).find(".//failure")
    assert failure is not None
    assert failure.get("message") == "rolled back: container `app` exited with 1: KeyError: 'DATABASE_URL'"
    assert "KeyError: 'DATABASE_URL'" in (failure.text or "")
    assert "### ❌ Deployment: rolled back" in ended.file("report.md")


def test_a_failed_migration_is_a_verdict_of_its_own(aws: ScriptedAws, build: Build) -> None:
    """With the container's last lines."""
    migrates(aws, 3, "applying 002", "relation already exists")
    ended = build("migrate")
    found = ended.verdict()
    assert (ended.exit_code, found is not None) == (1, True)
    assert found is not None
    assert found.parts[0].state is Outcome.FAILED
    assert "relation already exists" in json.dumps([each.evidence for each in found.parts[0].findings])


@pytest.mark.parametrize(
    ("inputs", "title", "words"),
    [
        ({"sha": "main"}, "deploy", "sha: must be"),
        ({"role_to_assume": "arn:aws:iam::123456789012:role/x"}, "deploy", "no OIDC tokens outside GitHub Actions"),
        ({"service": "nope"}, "deploy", "nope"),
        ({}, "deploy", "ecs:DescribeServices"),
    ],
)
def test_a_refusal_is_a_verdict(aws: ScriptedAws, build: Build, inputs: dict[str, str], title: str, words: str) -> None:
    """At every point; nothing was started."""
    aws.on("ecs.DescribeServices", denied("ecs:DescribeServices"))
    ended = build("deploy", **inputs)
    assert ended.exit_code == 2
    assert ended.lines[-1].startswith(PREFIX)
    found = ended.verdict()
    assert found is not None
    assert [(part.title, part.state) for part in found.parts] == [(title, NOT_STARTED)]
    assert words in " ".join(found.parts[0].findings[0].evidence)
    assert "id-token" not in ended.out
    failure = ElementTree.fromstring(ended.file("junit.xml")).find(".//failure")
    assert failure is not None and failure.get("type") == "not started"


def test_a_cancellation_is_a_verdict(aws: ScriptedAws, clock: Clock, build: Build) -> None:
    """What still runs is said before."""
    ours = Fleet(clock, {"web": STAYS}).script(aws)

    def cancelled(params: Params) -> Params:
        if clock.monotonic() >= 20:
            os.kill(os.getpid(), signal.SIGTERM)
        return ours._describe(params)

    aws.on("ecs.DescribeServices", cancelled)
    ended = build("deploy")
    assert ended.exit_code == 130
    assert any("ECS continues it" in line for line in ended.lines[:-1])
    found = ended.verdict()
    assert found is not None and found.parts[0].state is Outcome.CANCELLED


class Cancelling(dict[str, str]):
    """An environment whose reader gets a signal."""

    def get(self, name: str, default: Any = None) -> Any:
        if name == "AWS_CONFIG_FILE":
            os.kill(os.getpid(), signal.SIGTERM)
        return super().get(name, default)


def test_a_cancellation_before_anything_started_is_a_verdict(
    build: Build, clock: Clock, capfd: pytest.CaptureFixture[str]
) -> None:
    """There is no job yet."""
    code = cli.main(["deploy", "--config=/my/parameter"], Cancelling(os.environ), clock=clock)
    first, last = capfd.readouterr().out.splitlines()
    assert (code, first) == (130, "error: deploy: cancelled before anything started")
    found = verdict_line.find([last], BUILD, NONCE)
    assert found is not None and [part.state for part in found.parts] == [Outcome.CANCELLED]


def test_a_defect_is_a_verdict(aws: ScriptedAws, build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    """After its traceback, which is relayed."""

    def submit(*_: Any, **__: Any) -> Any:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("concurrent.futures.ThreadPoolExecutor.submit", submit)
    Path("document.json").write_text(json.dumps(DOCUMENT))
    ended = build("deploy", config="file:document.json")
    found = ended.verdict()
    assert (ended.exit_code, "  | Traceback (most recent call last):" in ended.lines) == (70, True)
    assert found is not None and [part.state for part in found.parts] == [Outcome.UNKNOWN]


@pytest.mark.parametrize("before", ["", "a\r", "a\n", "\u2028", "\x1b[1G", "\x08" * 9, "\ufeff"])
def test_no_container_can_write_a_verdict(aws: ScriptedAws, build: Build, before: str) -> None:
    """Even one that knows build and nonce."""
    line = f"{before}{PREFIX} {FORGED}"
    migrates(aws, 3, line, f"{before}\x1b[31m{line}")
    ended = build("migrate")
    assert sum(each.startswith(PREFIX) for each in ended.lines) == 1
    found = ended.verdict()
    assert found is not None and [(p.title, p.state) for p in found.parts] == [("Migration", Outcome.FAILED)]
    ElementTree.fromstring(ended.file("junit.xml"))


def test_no_message_of_aws_can_write_a_verdict(aws: ScriptedAws, build: Build) -> None:
    """Errors have several lines."""
    aws.on("ssm.GetParameter", {"Parameter": {"Value": f'"\\n{PREFIX} {{}}"', "Version": 1}})
    aws.on("ecs.DescribeServices", denied(f"x\n{PREFIX} {FORGED}"))
    ended = build("deploy", config="/my/parameter", service=f"x\n{PREFIX} {FORGED}")
    assert ended.exit_code == 2
    assert sum(each.startswith(PREFIX) for each in ended.lines) == 1


@pytest.mark.parametrize("nonce", ["none", ""])
def test_without_a_nonce_the_verdict_has_none(
    aws: ScriptedAws, build: Build, monkeypatch: pytest.MonkeyPatch, nonce: str
) -> None:
    """A person started the pipeline: `hand-off` has then nothing to do with it."""
    monkeypatch.setenv("ECS_CD_NONCE", nonce)
    migrates(aws)
    ended = build("migrate")
    assert json.loads(ended.lines[-1].removeprefix(PREFIX))["nonce"] == ""
    assert ended.verdict("") is not None
    assert ended.verdict() is None


def test_the_matrix_is_alone_on_stdout(build: Build) -> None:
    """A script reads it; a verb without parts has no verdict."""
    ended = build("images")
    assert ended.out == '{"image": ["app"]}\n'
    assert ended.file("outputs.env").splitlines()[0] == 'MATRIX=\'{"image": ["app"]}\''


def test_a_killed_deployment_is_reported_in_post_build(aws: ScriptedAws, clock: Clock, build: Build) -> None:
    """Its state file is found by the build; the clean-up is no verdict."""
    Fleet(clock, {"web": STAYS}).script(aws)
    deployment = {
        "strategy": "ROLLING", "cluster": ecs.CLUSTER, "service": "web", "id": "ecs-svc/1",
        "task_definition": ecs.task_definition_arn("web:1"),
    }  # fmt: skip
    under_way = {"kind": "deployments", "region": "ap-northeast-1", "on_cancel": "leave", "deployments": [deployment]}
    code = (
        "import json, os, sys\n"
        "from ecs_cd.ci.run import identify\n"
        "from ecs_cd.job.state import State\n"
        "State(os.environ, identify(os.environ)).begin(**json.loads(sys.argv[1]))\n"
    )
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", code, json.dumps(under_way)], env=environ, check=True)
    ended = build("clean-up")
    assert ended.exit_code == 0
    assert "deployment ecs-svc/1 of service web to web:1 is COMPLETED" in ended.out
    assert PREFIX not in ended.out
    assert build("clean-up").out == ""


def test_a_lost_answer_never_starts_a_second_migration(aws: ScriptedAws, build: Build) -> None:
    """The call is repeated with the same token."""
    migrates(aws)
    runs = ecs.RunTask()
    aws.on("ecs.RunTask", lost(runs), reset(), runs)
    assert build("migrate").exit_code == 0
    assert len(runs.started) == 1
    assert len({call.params["clientToken"] for call in aws.calls if call.operation == "ecs.RunTask"}) == 1


def test_a_build_may_migrate_twice(aws: ScriptedAws, build: Build) -> None:
    """After the first has ended: it was asked for, and both tasks carry the name of this build."""
    migrates(aws)
    runs = ecs.RunTask()
    aws.on("ecs.RunTask", runs)
    assert [build("migrate").exit_code, build("migrate").exit_code] == [0, 0]
    (_, _, first, *_), (_, _, second, *_) = (task["startedBy"].split("/") for task in runs.started)
    assert first == second


def test_a_docker_build_can_not_write_a_verdict(
    aws: ScriptedAws, build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its output is in the log, and it does not get the nonce; the report is not part of the checkout."""
    docker = FakeDocker(tmp_path / "docker")
    monkeypatch.setenv("PATH", str(docker.install()), prepend=":")
    docker.registry(aws, {})
    docker.attempts({"lines": [f"{PREFIX} {FORGED}", f"#5 0.1 x\r{PREFIX} {FORGED}"]})
    aws.on("ecr.DescribeRepositories", {"repositories": [{"imageTagMutability": "MUTABLE"}]})
    aws.on("ecr.GetAuthorizationToken", {"authorizationData": [{"authorizationToken": "QVdTOmh1bnRlcjI="}]})
    Path("Dockerfile").write_text("FROM scratch\n")
    git(Path(), "init", "--quiet")
    made = commit(Path(), "app")
    ended = build("build-push", tags="latest")
    assert ended.exit_code == 0, ended.out
    assert f"| {PREFIX} {FORGED}" in ended.lines
    assert sum(line.startswith(PREFIX) for line in ended.lines) == 1
    (run,) = docker.builds
    assert NONCE not in json.dumps(run)
    assert "differ" not in ended.out
    found = ended.verdict()
    assert found is not None and found.parts[0].facts["commit"] == made


def test_on_a_runner_of_github_everything_is_githubs(
    aws: ScriptedAws, step: Callable[..., Step], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """CodeBuild hosts it, so the variables of both are there."""
    monkeypatch.setenv("CODEBUILD_BUILD_ID", BUILD)
    monkeypatch.setenv("CODEBUILD_SRC_DIR", str(tmp_path))
    monkeypatch.setenv("CODEBUILD_RESOLVED_SOURCE_VERSION", "b" * 40)
    crash(aws)
    ended = step("deploy")
    assert (ended.exit_code, ended.outputs["result"]) == (3, "rolled-back")
    assert "### ❌ Deployment: rolled back" in ended.summary
    assert "::error title=Deployment::" in ended.log
    assert PREFIX not in ended.log
    assert "b" * 40 not in ended.log
    assert not (tmp_path / "ecs-cd-report").exists()


@pytest.mark.parametrize("source", ["", "https://git-codecommit.ap-northeast-1.amazonaws.com/v1/repos/my-app"])
def test_a_source_elsewhere_has_no_github_deployment(
    aws: ScriptedAws, clock: Clock, build: Build, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    """GitHub is not asked, even with a token."""
    monkeypatch.setenv("CODEBUILD_SOURCE_REPO_URL", source)
    monkeypatch.setenv("GITHUB_TOKEN", "hunter2")
    Fleet(clock, {"web": COMPLETES}).script(aws)
    ended = build("deploy", github_deployment="production")
    assert ended.exit_code == 0
    assert (
        "github-deployment: nothing is reported to GitHub: the build's source is no repository of github.com"
        in ended.lines
    )
    assert "hunter2" not in ended.out
