"""What of a CodeBuild project runs here, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from ecs_cd.local.codepipeline.rules import projects
from ecs_cd.local.codepipeline.rules.infra import Infra, Rule, Target
from tests.rules.local.codepipeline.declared import infra, pipeline, project

ENVIRONMENT = {"type": "LINUX_CONTAINER", "image": "i"}
ARN = "arn:aws:codebuild:us-east-1:123456789012:project/build"
SPEC = "version: 0.2\nphases:\n  build:\n    commands:\n      - make\n"
FILES = [{"type": "EFS", "location": "l"}]


@pytest.mark.parametrize(
    ("more", "wrong"),
    [
        ({"source": {"type": "GITHUB", "location": "l"}}, ["source.type: GITHUB does not run here; CODEPIPELINE or NO_SOURCE does", "source.location does not run here"]),
        ({"source": {"type": "CODEPIPELINE", "insecureSsl": False, "reportBuildStatus": True}}, ["source.reportBuildStatus does not run here"]),
        ({"source": {"type": "CODEPIPELINE", "buildspec": SPEC}}, []),
        ({"source": {"type": "CODEPIPELINE", "buildspec": SPEC.replace("build:", "biuld:").replace("0.2", "0.1")}}, ["source.buildspec: version: '0.1' is not '0.2'", "source.buildspec: phases.biuld: unknown key; known are build, install, post_build, pre_build"]),
        ({"environment": {**ENVIRONMENT, "environmentVariables": [{"name": "A", "value": "hunter2", "type": "SECRET"}]}}, ["environment.environmentVariables: A: the type 'SECRET' is not one of PLAINTEXT, PARAMETER_STORE, SECRETS_MANAGER"]),
        ({"source": {"type": "NO_SOURCE", "buildspec": SPEC}}, ["source.type is NO_SOURCE, and a pipeline's action starts it: CODEPIPELINE is wanted"]),
        ({"artifacts": {"type": "S3", "path": "p"}}, ["artifacts.type: S3 does not run here; CODEPIPELINE or NO_ARTIFACTS does", "artifacts.path does not run here"]),
        ({"environment": {**ENVIRONMENT, "type": "WINDOWS_CONTAINER"}}, ["environment.type: WINDOWS_CONTAINER does not run here; LINUX_CONTAINER or ARM_CONTAINER does"]),
        ({"environment": {**ENVIRONMENT, "certificate": "arn:c"}}, ["environment.certificate does not run here"]),
        ({"environment": {**ENVIRONMENT, "dockerServer": {"computeType": "c"}}}, ["environment.dockerServer does not run here"]),
        ({"environment": {**ENVIRONMENT, "privilegedMode": True, "computeType": "c", "environmentVariables": []}}, []),
        ({"logsConfig": {"s3Logs": {"status": "ENABLED"}}}, ["logsConfig.s3Logs.status: ENABLED does not run here; DISABLED does"]),
        ({"logsConfig": {"s3Logs": {"status": "DISABLED"}, "cloudWatchLogs": {"status": "ENABLED", "groupName": "g"}}}, []),
        ({"secondarySources": [{}], "secondaryArtifacts": [{}], "fileSystemLocations": FILES}, ["secondarySources does not run here", "secondaryArtifacts does not run here", "fileSystemLocations does not run here"]),
        ({"buildBatchConfig": {"timeoutInMins": 5}, "autoRetryLimit": 2}, ["buildBatchConfig does not run here", "autoRetryLimit does not run here"]),
        ({"secondarySources": [], "sourceVersion": "", "autoRetryLimit": 0}, []),
        ({"vpcConfig": {"vpcId": "v"}, "cache": {"type": "LOCAL"}, "timeoutInMinutes": 5, "encryptionKey": "k"}, []),
    ],
)  # fmt: skip
def test_what_does_not_run_here_is_named(more: dict[str, Any], wrong: list[str]) -> None:
    """By its path in CreateProject's parameters. What has an effect only in AWS is accepted."""
    found = list(projects.problems(infra(pipeline(), projects={"build": project(**more)})))
    assert found == [f"CodeBuild project build: {each}" for each in wrong]


def test_a_project_that_nothing_starts_is_left_alone() -> None:
    """Such as that of hosted runners, which GitHub starts."""
    runner = project(source={"type": "GITHUB"})
    assert list(projects.problems(infra(pipeline(), projects={"build": project(), "runner": runner}))) == []


@pytest.mark.parametrize(
    ("source", "wrong"),
    [
        ({"type": "NO_SOURCE", "buildspec": SPEC}, []),
        ({"type": "NO_SOURCE"}, ["source.buildspec: without a source, it must be the buildspec itself"]),
        (
            {"type": "CODEPIPELINE"},
            ["source.type is CODEPIPELINE, and a rule of EventBridge starts it: NO_SOURCE is wanted"],
        ),
    ],
)
def test_what_a_rule_starts_has_no_source(source: dict[str, str], wrong: list[str]) -> None:
    """There is no pipeline whose artifact it could have."""
    rule = Rule("r", {}, (Target(ARN),))
    found = projects.problems(Infra({}, {"build": project(source=source)}, (rule,)))
    assert list(found) == [f"CodeBuild project build: {each}" for each in wrong]
