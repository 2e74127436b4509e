"""infra/terraform/pipeline: the role of GitHub's jobs."""

from __future__ import annotations

import pytest

from dev.terraform.terraform import Terraform
from tests.infra import pipelines
from tests.infra.pipelines import CASES, MODULE, Applied
from tests.infra.test_pipeline_roles import HAND_OFF, HERE

each_case = pytest.mark.parametrize("case", CASES)


@each_case
def test_github_can_do_nothing_of_ecs(applied: Applied, case: str) -> None:
    """hand-off starts and reads the pipeline; it deploys nothing itself and passes no role."""
    shown = applied(case)
    if "github" in pipelines.roles(shown):
        actions = pipelines.allowed(shown, "github")
        assert not [action for action in actions if action.split(":")[0] in ("ecs", "iam", "sts", "ec2")]


def test_the_role_may_build_too(terraform: Terraform) -> None:
    """One role for all jobs of the reusable workflow: what build-push needs as well, on the images' repositories and caches."""
    images = {
        "app": {"repository": f"{pipelines.REGISTRY}/my-app", "cache-repository": f"{pipelines.REGISTRY}/my-cache"}
    }
    github = pipelines.GITHUB | {
        "build_push": True,
        "branches": [],
        "environments": ["production"],
        "base_repositories": ["my-base"],
    }
    values = pipelines.INPUTS | {"images": {}, "document": pipelines.DOCUMENT | {"images": images}, "github": github}
    shown = terraform.apply(MODULE, values)
    allowed = pipelines.allowed(shown, "github")
    assert set(HAND_OFF) < set(allowed)
    assert allowed["ecr:PutImage"] == [
        f"arn:aws:ecr:{HERE}:repository/my-app",
        f"arn:aws:ecr:{HERE}:repository/my-cache",
    ]
    assert f"arn:aws:ecr:{HERE}:repository/my-base" in allowed["ecr:GetDownloadUrlForLayer"]
    assert {action.split(":")[0] for action in allowed} == {"codebuild", "codepipeline", "ecr", "logs", "ssm"}
    assert "repo:my-org/my-app:environment:production" in pipelines.roles(shown)["github"]["assume_role_policy"]


def test_evidence_of_a_failed_action_is_read_only(terraform: Terraform) -> None:
    """CodeDeploy's reasons always, those of ECS if asked for; nothing of either can be changed."""
    values = pipelines.INPUTS | {
        "deploy_with": "codedeploy",
        "github": pipelines.GITHUB | {"read_ecs": True, "features": ["stop-execution"]},
    }
    allowed = pipelines.allowed(terraform.apply(MODULE, values), "github")
    evidence = {action for action in allowed if action.split(":")[0] in ("ecs", "codedeploy")}
    assert evidence == {
        "codedeploy:BatchGetDeploymentTargets",
        "codedeploy:BatchGetDeployments",
        "codedeploy:GetDeploymentGroup",
        "ecs:DescribeServices",
        "ecs:DescribeTaskDefinition",
        "ecs:DescribeTasks",
        "ecs:ListTasks",
    }
    assert "codepipeline:StopPipelineExecution" in allowed
