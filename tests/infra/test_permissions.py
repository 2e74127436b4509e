"""infra/terraform/permissions: policies that are the table of permissions, for named resources only."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dev.terraform.terraform import Terraform, TerraformError
from ecs_cd.iam.rules import permissions as table
from tests.contract.parts import ROOT
from tests.timelines import permissions as recorded

MODULE = ROOT / "infra" / "terraform" / "permissions"
FEATURES = [
    "create-repositories", "ecr-public", "enhanced-scanning", "keep-revisions", "run-task", "scan", "stop-execution",
]  # fmt: skip
HERE = "us-east-1:123456789012"
ACCESS: dict[str, Any] = {
    "parameters": ["/ecs-cd/my-app/production"],
    "kms_keys": [f"arn:aws:kms:{HERE}:key/my-key"],
    "repositories": ["my-app"],
    "base_repositories": ["base/python"],
    "public_repositories": ["my-public"],
    "cluster": "my-cluster",
    "services": ["web"],
    "families": ["my-app"],
    "roles": ["my-execution"],
    "templates": ["s3://my-bucket/web.json"],
    "log_groups": ["/ecs/my-app"],
    "codedeploy": [{"application": "app", "deployment_group": "group"}],
    "rules": ["nightly"],
    "schedules": ["default/hourly"],
    "schedule_roles": ["my-events"],
    "next_roles": ["arn:aws:iam::222222222222:role/next"],
    "lock": "/ecs-cd/my-app/lock",
    "freeze": "/ecs-cd/freeze",
    "pipelines": ["my-pipeline"],
    "projects": ["my-project"],
    "objects": ["s3://my-bucket/hand-off.zip"],
}
# An input, and where its resources are in the policy of all verbs.
RESOURCES = {
    "parameters": [f"arn:aws:ssm:{HERE}:parameter/ecs-cd/my-app/production"],
    "kms_keys": [f"arn:aws:kms:{HERE}:key/my-key"],
    "repositories": [f"arn:aws:ecr:{HERE}:repository/my-app"],
    "base_repositories": [f"arn:aws:ecr:{HERE}:repository/base/python"],
    "public_repositories": [
        "arn:aws:ecr-public::123456789012:registry/*",
        "arn:aws:ecr-public::123456789012:repository/my-public",
    ],
    "services": [
        f"arn:aws:ecs:{HERE}:service-deployment/my-cluster/web/*",
        f"arn:aws:ecs:{HERE}:service-revision/my-cluster/web/*",
        f"arn:aws:ecs:{HERE}:service/my-cluster/web",
    ],
    "families": [f"arn:aws:ecs:{HERE}:task-definition/my-app:*"],
    "roles": ["arn:aws:iam::123456789012:role/my-execution"],
    "templates": ["arn:aws:s3:::my-bucket/web.json"],
    "log_groups": [f"arn:aws:logs:{HERE}:log-group:/ecs/my-app:log-stream:*"],
    "codedeploy": [
        f"arn:aws:codedeploy:{HERE}:application:app",
        f"arn:aws:codedeploy:{HERE}:deploymentconfig:CodeDeployDefault.*",
        f"arn:aws:codedeploy:{HERE}:deploymentgroup:app/group",
    ],
    "rules": [f"arn:aws:events:{HERE}:rule/nightly"],
    "schedules": [f"arn:aws:scheduler:{HERE}:schedule/default/hourly"],
    "schedule_roles": ["arn:aws:iam::123456789012:role/my-events"],
    "next_roles": ["arn:aws:iam::222222222222:role/next"],
    "lock": [f"arn:aws:ssm:{HERE}:parameter/ecs-cd/my-app/lock"],
    "freeze": [f"arn:aws:ssm:{HERE}:parameter/ecs-cd/freeze"],
    "pipelines": [f"arn:aws:codepipeline:{HERE}:my-pipeline"],
    "projects": [
        f"arn:aws:codebuild:{HERE}:project/my-project",
        f"arn:aws:logs:{HERE}:log-group:/aws/codebuild/my-project:log-stream:*",
    ],
    "objects": ["arn:aws:s3:::my-bucket/hand-off.zip"],
}
# What is allowed whatever is named: evidence, and tasks of the cluster.
ALWAYS = {"*", f"arn:aws:cloudwatch:{HERE}:alarm:*", f"arn:aws:ecs:{HERE}:task/my-cluster/*"}

Statement = dict[str, Any]


@pytest.fixture
def policy(terraform: Terraform) -> Any:
    """The statements for verbs, with everything named and every feature, unless a test says otherwise."""

    def make(*verbs: str, access: Any = ACCESS, features: Any = FEATURES, region: str = "") -> list[Statement]:
        shown = terraform.apply(MODULE, {"verbs": verbs, "access": access, "features": features}, region)
        document = json.loads(shown.outputs["json"])
        assert document == {"Version": "2012-10-17", "Statement": shown.outputs["statements"]}
        return list(document["Statement"])

    return make


def actions(statements: list[Statement]) -> set[str]:
    return {action for each in statements for action in each["Action"]}


def resources(statements: list[Statement]) -> set[str]:
    return {resource for each in statements for resource in each["Resource"]}


@pytest.mark.parametrize("verb", table.VERBS)
def test_a_policy_allows_exactly_what_the_table_gives_its_verb(policy: Any, verb: str) -> None:
    """The table is what the timelines hold the verbs to, so nothing is missing and nothing too much."""
    assert actions(policy(verb)) == recorded.allowed(verb, recorded.table())


def test_a_policy_of_several_verbs_allows_what_each_needs(policy: Any) -> None:
    """In one statement per resource, however many verbs need it."""
    statements = policy("migrate", "deploy")
    expected = [recorded.allowed(verb, recorded.table()) for verb in ("migrate", "deploy")]
    assert actions(statements) == set.union(*expected)
    keys = [(each["Resource"], each.get("Condition")) for each in statements if each["Resource"] != ["*"]]
    assert all(keys.count(key) == 1 for key in keys)


@pytest.mark.parametrize("name", RESOURCES)
def test_an_input_adds_its_resources_and_no_others(policy: Any, name: str) -> None:
    """What isn't named isn't allowed."""
    access = {"cluster": "my-cluster", name: ACCESS[name]}
    assert resources(policy(*table.VERBS, access=access)) - ALWAYS == set(RESOURCES[name])


def test_an_empty_policy_allows_what_has_no_resource(policy: Any) -> None:
    """For a role that does only read evidence of its cluster."""
    assert resources(policy(*table.VERBS, access={"cluster": "my-cluster"})) == ALWAYS


def test_only_actions_with_a_reason_are_allowed_on_everything(policy: Any) -> None:
    """The second table of the page lists them all, and no others."""
    on_everything = [each for each in policy(*table.VERBS) if "*" in each["Resource"]]
    assert actions(on_everything) == {action for listed, _ in table.REASONS for action in listed.split()}


CONDITIONS = {
    "ecs:ListTasks": {"ArnEquals": {"ecs:cluster": [f"arn:aws:ecs:{HERE}:cluster/my-cluster"]}},
    "ecs:RunTask": {"ArnEquals": {"ecs:cluster": [f"arn:aws:ecs:{HERE}:cluster/my-cluster"]}},
}


@pytest.mark.parametrize(("action", "condition"), CONDITIONS.items())
def test_what_has_no_resource_of_its_own_is_limited_to_the_cluster(policy: Any, action: str, condition: Any) -> None:
    """A family runs in its cluster only."""
    found = [each["Condition"] for each in policy(*table.VERBS) if action in each["Action"]]
    assert found == [condition]


def test_a_role_is_passed_to_its_service_only(policy: Any) -> None:
    """To tasks, or to what starts them on a schedule."""
    passed = {each["Resource"][0]: each["Condition"] for each in policy("deploy") if "iam:PassRole" in each["Action"]}
    assert passed == {
        "arn:aws:iam::123456789012:role/my-execution": {
            "StringEquals": {"iam:PassedToService": ["ecs-tasks.amazonaws.com"]}
        },
        "arn:aws:iam::123456789012:role/my-events": {
            "StringEquals": {"iam:PassedToService": ["events.amazonaws.com", "scheduler.amazonaws.com"]}
        },
    }


FEATURE_ACTIONS = {
    "create-repositories": {"ecr:CreateRepository", "ecr:DescribeRepositoryCreationTemplates"},
    "scan": {
        "ecr:BatchGetRepositoryScanningConfiguration",
        "ecr:DescribeImageScanFindings",
        "ecr:StartImageScan",
    },
    "enhanced-scanning": {"inspector2:ListCoverage", "inspector2:ListFindings"},
    "ecr-public": {"ecr-public:GetAuthorizationToken", "sts:GetServiceBearerToken"},
    "keep-revisions": {"ecs:ListTaskDefinitions"},
    "run-task": {"ecs:RunTask", "ecs:StopTask"},
    "stop-execution": {"codepipeline:StopPipelineExecution"},
}


@pytest.mark.parametrize(("feature", "expected"), FEATURE_ACTIONS.items())
def test_a_feature_adds_its_actions(policy: Any, feature: str, expected: set[str]) -> None:
    """And without it they aren't allowed."""
    access = {name: value for name, value in ACCESS.items() if name != "public_repositories"}
    with_it, without = (
        policy("build-push", "deploy", "hand-off", access=access, features=each) for each in ([feature], [])
    )
    assert actions(with_it) - actions(without) == expected


def test_a_repository_in_ecr_public_brings_its_feature(policy: Any) -> None:
    """Nobody has to say it twice."""
    assert "ecr-public:PutImage" in actions(policy("build-push", features=[]))


def test_hand_off_can_do_nothing_of_ecs(policy: Any) -> None:
    """Without a cluster it can't even read there; with one, it reads what explains a failed action."""
    access = {name: ACCESS[name] for name in ("parameters", "repositories", "pipelines", "projects", "objects")}
    without = policy("hand-off", access=access, features=[])
    assert not {action for action in actions(without) if action.startswith(("ecs:", "iam:", "codedeploy:"))}
    assert "*" not in resources(without)
    more = actions(policy("hand-off", features=[])) - actions(without)
    assert {
        action for action in more if not action.partition(":")[2].startswith(("Describe", "List", "Get", "BatchGet"))
    } <= {
        "kms:Decrypt",
        "sts:AssumeRole",
        "sts:TagSession",
    }


def test_the_projects_may_log_elsewhere(policy: Any) -> None:
    """In the log groups that are named, and then only there."""
    found = policy("hand-off", access={**ACCESS, "project_log_groups": ["/builds"]})
    assert [each["Resource"] for each in found if "logs:GetLogEvents" in each["Action"]] == [
        [f"arn:aws:logs:{HERE}:log-group:/builds:log-stream:*"]
    ]


def test_arns_are_taken_as_they_are(policy: Any) -> None:
    """For another account or region; ECS's own have the cluster's."""
    repository = "arn:aws:ecr:eu-west-1:222222222222:repository/my-app"
    access = {
        **ACCESS,
        "repositories": [repository],
        "cluster": f"arn:aws:ecs:{HERE}:cluster/my-cluster",
        "services": [f"arn:aws:ecs:{HERE}:service/my-cluster/web"],
        "families": [f"arn:aws:ecs:{HERE}:task-definition/my-app:3"],
        "log_groups": [f"arn:aws:logs:{HERE}:log-group:/ecs/my-app:*"],
        "templates": ["arn:aws:s3:::my-bucket/web.json"],
    }
    given, expected = (resources(policy(*table.VERBS, access=each)) for each in (access, ACCESS))
    assert given == expected - set(RESOURCES["repositories"]) | {repository}


def test_other_partitions_have_their_arns(policy: Any) -> None:
    """China and GovCloud."""
    found = resources(policy("deploy", access={"cluster": "c", "services": ["web"]}, region="cn-north-1"))
    assert "arn:aws-cn:ecs:cn-north-1:123456789012:service/c/web" in found


REFUSED = {
    "an unknown verb": ({"verbs": ["destroy"]}, "verbs: at least one of"),
    "no verb": ({"verbs": []}, "verbs: at least one of"),
    "an unknown feature": ({"verbs": ["deploy"], "features": ["all"]}, "features: must be"),
    "everything": ({"access": {"repositories": ["*"]}}, 'access: name each resource; "*"'),
    "an empty name": ({"access": {"roles": [""]}}, "access: name each resource"),
    "a template that is no object": (
        {"access": {"templates": ["s3://bucket"]}},
        "access.templates, access.objects: as in",
    ),
    "services without a cluster": ({"access": {"services": ["web"]}}, "access.services: set access.cluster"),
    "a deployment without a cluster": ({"verbs": ["deploy"], "access": {}}, "access.cluster: migrate, deploy"),
    "too much for one role": (
        {"access": {"repositories": [f"a-repository-with-a-long-name-{each}" for each in range(200)]}},
        "The policy is longer than IAM allows",
    ),
}


@pytest.mark.parametrize(("variables", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_a_wrong_input_is_refused(terraform: Terraform, variables: dict[str, Any], message: str) -> None:
    """Before anything is made, with what would be right."""
    with pytest.raises(TerraformError) as error:
        terraform.apply(MODULE, {"verbs": ["build-push"], **variables})
    assert message in " ".join(str(error.value).split())
