"""A runner of GitHub that CodeBuild hosts: the variables of both are there, and everything is as on GitHub's own."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from dev.workflows import commit, git
from ecs_cd.inputs import options
from ecs_cd.inputs.verbs import VERBS
from tests.contract.test_sample import crash
from tests.fake_github.server import REPOSITORY as APP
from tests.scripted_aws import Clock, ScriptedAws, course, ecs, error, sts
from tests.scripted_aws.codebuild import Builds
from tests.scripted_aws.codepipeline import NAME, Pipeline, declaration
from tests.scripted_aws.s3 import Bucket
from tests.scripted_aws.sts import IdTokens
from tests.timelines.ci.test_codebuild import migrates
from tests.timelines.conftest import DOCUMENT, REPOSITORY, SHA, Step
from tests.timelines.fake_docker import FakeDocker

Run = Callable[..., Step]

WRONG = "b" * 40
ROLE = "arn:aws:iam::111111111111:role/ecs-cd"
# What CodeBuild sets on such a runner.
CODEBUILD = {
    "CODEBUILD_BUILD_ID": "runner:1b2c",
    "CODEBUILD_BUILD_ARN": "arn:aws:codebuild:ap-northeast-1:123456789012:build/runner:1b2c",
    "CODEBUILD_INITIATOR": f"codepipeline/{NAME}",  # not on such a runner; if ever, it means nothing
    "CODEBUILD_RESOLVED_SOURCE_VERSION": WRONG,
    "CODEBUILD_SOURCE_REPO_URL": "https://github.com/org/else",
    "CODEBUILD_WEBHOOK_EVENT": "WORKFLOW_JOB_QUEUED",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/credentials/of-the-project",
}


@pytest.fixture
def hosted(step: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """A step on such a runner, for the commit of the run; ecs-cd leaves CodeBuild's source folder alone."""
    source = tmp_path / "codebuild"
    source.mkdir()
    (source / "images.json").write_text("{")  # what no pipeline has handed over
    for name, value in {**CODEBUILD, "CODEBUILD_SRC_DIR": str(source), "GITHUB_SHA": SHA}.items():
        monkeypatch.setenv(name, value)

    def run(verb: str, **inputs: str) -> Step:
        ended = step(verb, **{"sha": "", **inputs})
        assert [path.name for path in source.iterdir()] == ["images.json"]
        assert not (tmp_path / "ecs-cd-report").exists()
        assert "ecs-cd-verdict:" not in ended.log
        assert WRONG not in ended.log + ended.summary + json.dumps(ended.outputs)
        return ended

    return run


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_reports_to_github(
    aws: ScriptedAws, hosted: Run, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    """An annotation and a summary, neither CodeBuild's folder nor its verdict."""
    monkeypatch.delenv("GITHUB_TOKEN", raising=False)
    aws.on("ssm.GetParameter", error("ParameterNotFound"))
    known = options.options(VERBS[verb].inputs)
    inputs = {"config": "/my/parameter", "execution-id": course.execution_id(1), "pipeline": NAME, "repository": APP}
    ended = hosted(verb, **{name: value if name in known else "" for name, value in inputs.items()})
    assert ended.exit_code == 2
    assert "::error title=" in ended.log
    assert ": not started" in ended.summary


def test_a_deployment_is_the_runs(aws: ScriptedAws, clock: Clock, hosted: Run) -> None:
    """Its outputs go to later steps, its commit is that of the run."""
    crash(aws)
    ended = hosted("deploy")
    assert (ended.exit_code, ended.outputs["result"]) == (3, "rolled-back")
    assert "### ❌ Deployment: rolled back" in ended.summary
    assert f"commit: {SHA} (GITHUB_SHA)" in ended.log


@pytest.mark.parametrize("verb", ["migrate", "deploy", "artifacts"])
def test_the_images_are_the_commits(aws: ScriptedAws, hosted: Run, verb: str) -> None:
    """Nothing is handed over, although CodeBuild's variables and folders are there."""
    aws.on("ssm.GetParameter", {"Parameter": {"Value": json.dumps(DOCUMENT), "Version": 3}})
    migrates(aws)
    ended = hosted(verb, **({"register_only": "true"} if verb == "deploy" else {}))
    assert ended.exit_code == 0, ended.log
    (asked,) = {json.dumps(call.params["imageIds"]) for call in aws.calls if call.operation == "ecr.BatchGetImage"}
    assert json.loads(asked) == [{"imageTag": SHA}]


def test_a_migration_belongs_to_the_run(aws: ScriptedAws, hosted: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run identifies it, not the build: the same step on another runner starts nothing twice."""
    for name, value in {"GITHUB_RUN_ID": "77", "GITHUB_RUN_ATTEMPT": "1", "GITHUB_REPOSITORY": APP}.items():
        monkeypatch.setenv(name, value)
    migrates(aws)
    runs = ecs.RunTask()
    aws.on("ecs.RunTask", runs)
    assert hosted("migrate").exit_code == 0
    monkeypatch.setenv("CODEBUILD_BUILD_ID", "runner:other")
    assert hosted("migrate").exit_code == 0
    assert len(runs.started) == 1


def test_a_build_gets_no_credentials_of_the_project(
    aws: ScriptedAws, hosted: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The image is labelled with the run's repository and commit."""
    docker = FakeDocker(tmp_path.parent / f"{tmp_path.name}-docker")
    monkeypatch.setenv("PATH", str(docker.install()), prepend=":")
    monkeypatch.setenv("GITHUB_REPOSITORY", APP)
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://github.com")
    docker.registry(aws, {})
    aws.on("ecr.DescribeRepositories", {"repositories": [{"imageTagMutability": "MUTABLE"}]})
    aws.on("ecr.GetAuthorizationToken", {"authorizationData": [{"authorizationToken": "QVdTOmh1bnRlcjI="}]})
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    (tmp_path / ".gitignore").write_text("*\n!Dockerfile\n!.gitignore\n")
    git(tmp_path, "init", "--quiet")
    made = commit(tmp_path, "app")
    monkeypatch.setenv("GITHUB_SHA", made)
    ended = hosted("build-push")
    assert ended.exit_code == 0, ended.log
    assert ended.outputs["tags"].splitlines() == [made, "latest"]
    (run,) = docker.builds
    assert f"--label=org.opencontainers.image.source=https://github.com/{APP}" in run["words"]
    assert f"--tag={REPOSITORY}:{made}" in run["words"]
    assert not [name for name in run["environ"] if name.startswith("AWS_CONTAINER")]


def test_a_role_is_assumed_by_githubs_token(
    aws: ScriptedAws, hosted: Run, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The project's own role takes no part in it."""
    aws.on("sts.AssumeRoleWithWebIdentity", sts.gives(aws, 3600.0))
    sts.botocore_has_the_time_of(clock, monkeypatch)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    with IdTokens() as tokens:
        for name, value in tokens.environ.items():
            monkeypatch.setenv(name, value)
        ended = hosted("deploy", role_to_assume=ROLE, register_only="true")
    assert ended.exit_code == 0, ended.log
    assert aws.calls[0].operation == "sts.AssumeRoleWithWebIdentity"
    assert aws.calls[0].params["WebIdentityToken"] in tokens.issued


def test_a_hand_off_is_the_runs(aws: ScriptedAws, hosted: Run, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pattern 2 from inside the VPC: the token that starts the pipeline once is made of the run."""
    for name, value in {"GITHUB_RUN_ID": "77", "GITHUB_RUN_ATTEMPT": "1", "GITHUB_REPOSITORY": APP}.items():
        monkeypatch.setenv(name, value)
    pipeline = Pipeline(aws.clock, declared=declaration(variables=("IMAGE_APP",))).script(aws)
    Builds(pipeline, {}).script(aws)
    Bucket().script(aws)
    document = {**DOCUMENT, "pipeline": {"name": NAME, "variables": {"IMAGE_APP": "app"}}}
    aws.on("ssm.GetParameter", {"Parameter": {"Value": json.dumps(document), "Version": 3}})
    assert hosted("hand-off", wait_until="started").exit_code == 0
    monkeypatch.setenv("CODEBUILD_BUILD_ID", "runner:other")
    ended = hosted("hand-off", wait_until="started")
    assert (ended.exit_code, ended.outputs["result"]) == (0, "in-progress")
    assert len(pipeline.started) == 1
