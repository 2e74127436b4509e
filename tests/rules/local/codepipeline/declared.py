"""Declarations to change in tests."""

from __future__ import annotations

from typing import Any

from ecs_cd.local.codepipeline.rules.infra import DeploymentGroup, Infra

CATEGORIES = {"ECR": "Source", "S3": "Source", "CodeStarSourceConnection": "Source", "CodeBuild": "Build"}
CATEGORIES |= {"CodeDeployToECS": "Deploy", "ECS": "Deploy", "Manual": "Approval"}
# What each provider needs.
NEEDED: dict[str, dict[str, str]] = {
    "ECR": {"RepositoryName": "my-app"},
    "S3": {"S3Bucket": "b", "S3ObjectKey": "source.zip", "PollForSourceChanges": "false"},
    "CodeStarSourceConnection": {"ConnectionArn": "arn", "FullRepositoryId": "org/app", "BranchName": "main"},
    "CodeBuild": {"ProjectName": "build"},
    "CodeDeployToECS": {
        "ApplicationName": "app",
        "DeploymentGroupName": "group",
        "TaskDefinitionTemplateArtifact": "source",
        "AppSpecTemplateArtifact": "source",
    },
    "ECS": {"ClusterName": "c", "ServiceName": "s"},
    "Manual": {},
}


def action(name: str, provider: str, inputs: str = "", outputs: str = "", **more: Any) -> dict[str, Any]:
    """An action with what its provider needs; ``more`` are members, and keys of the configuration in ``given``."""
    given = more.pop("given", {})
    artifacts = {"inputArtifacts": inputs, "outputArtifacts": outputs}
    return {
        "name": name,
        "actionTypeId": {"category": CATEGORIES.get(provider, "Build"), "owner": "AWS", "provider": provider, "version": "1"},
        "configuration": {**NEEDED.get(provider, {}), **given},
        **{member: [{"name": each} for each in names.split()] for member, names in artifacts.items() if names},
        **more,
    }  # fmt: skip


def stage(name: str, *actions: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"name": name, "actions": list(actions), **more}


def project(**more: Any) -> dict[str, Any]:
    """A project that a pipeline starts."""
    return {
        "name": "build",
        "source": {"type": "CODEPIPELINE", "buildspec": "buildspec.yml"},
        "artifacts": {"type": "CODEPIPELINE"},
        "environment": {"type": "LINUX_CONTAINER", "image": "aws/codebuild/standard:7.0"},
        "serviceRole": "arn:aws:iam::123456789012:role/build",
        **more,
    }


SOURCE = stage("Source", action("Source", "S3", outputs="source"))
BUILD = stage("Build", action("Build", "CodeBuild", "source"))


def pipeline(*stages: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A pipeline of type V2 with these stages; a source and a build by default."""
    return {
        "name": "my-app",
        "roleArn": "arn:aws:iam::123456789012:role/pipeline",
        "artifactStore": {"type": "S3", "location": "b"},
        "pipelineType": "V2",
        "stages": list(stages) or [SOURCE, BUILD],
        **more,
    }


def infra(declared: dict[str, Any], **more: Any) -> Infra:
    """With the project `build`, and a deployment group."""
    known = {"projects": {"build": project()}, "deployment_groups": (DeploymentGroup("app", "group", "c", "s"),)}
    return Infra(pipelines={"my-app": declared}, **{**known, **more})
