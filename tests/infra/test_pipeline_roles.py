"""infra/terraform/pipeline: every role may do what its part needs, on what it needs, and nothing else."""

from __future__ import annotations

import json

import pytest

from dev import permissions
from dev.terraform.terraform import Terraform
from ecs_cd.iam.rules.permissions import REASONS
from tests.infra import pipelines
from tests.infra.pipelines import CASES, CONNECTED, KEY, MODULE, TOPIC, Allowed, Applied

each_case = pytest.mark.parametrize("case", CASES)

HERE = "us-east-1:123456789012"
BUCKET = "arn:aws:s3:::my-app-deploy-123456789012-us-east-1"
ARTIFACTS = f"{BUCKET}/my-app-deploy/*"
PIPELINE = f"arn:aws:codepipeline:{HERE}:my-app-deploy"
MY_APP = f"arn:aws:ecr:{HERE}:repository/my-app"
SERVICE = f"arn:aws:ecs:{HERE}:service/my-cluster/my-service"
FAMILIES = [f"arn:aws:ecs:{HERE}:task-definition/{family}:*" for family in ("my-app", "my-app-migration")]
PARAMETER = f"arn:aws:ssm:{HERE}:parameter/ecs-cd/my-app-deploy"
INTERFACES = f"arn:aws:ec2:{HERE}:network-interface/*"
SUBNETS = [f"arn:aws:ec2:{HERE}:subnet/subnet-{number}" for number in (1, 2)]


def _project(key: str) -> str:
    return f"arn:aws:codebuild:{HERE}:project/my-app-deploy-{key}"


def _logs(key: str) -> str:
    return f"arn:aws:logs:{HERE}:log-group:/aws/codebuild/my-app-deploy-{key}:*"


def _each(actions: str, *resources: str) -> Allowed:
    return {action: sorted(resources) for action in actions.split()}


# --- the tables: who may do what ---


def _pipeline(*keys: str) -> Allowed:
    """What every pipeline's role needs; the keys are those of its projects."""
    return {
        **_each("s3:GetBucketAcl s3:GetBucketLocation s3:GetBucketVersioning", BUCKET),
        **_each("s3:GetObject s3:GetObjectVersion s3:PutObject", ARTIFACTS),
        **_each("codebuild:BatchGetBuilds codebuild:StartBuild", *map(_project, keys)),
    }


def _reads(key: str) -> Allowed:
    return _each("s3:GetObject s3:GetObjectVersion", ARTIFACTS, f"{BUCKET}/{key}")


def _connects(case: str) -> Allowed:
    arn = CASES[case]["connection"]["arn"]
    return _each("codeconnections:UseConnection codestar-connections:UseConnection", arn)


ECR = _each("ecr:DescribeImages", MY_APP)
REGISTERS = {
    **_each("ecs:RegisterTaskDefinition ecs:TagResource", *FAMILIES),
    **_each("iam:PassRole", *pipelines.INPUTS["pass_roles"]),
}
CODEDEPLOY = {
    **_each(
        "codedeploy:CreateDeployment codedeploy:GetApplication codedeploy:GetApplicationRevision "
        "codedeploy:GetDeployment codedeploy:RegisterApplicationRevision",
        f"arn:aws:codedeploy:{HERE}:application:AppECS-my-cluster-my-service",
        f"arn:aws:codedeploy:{HERE}:deploymentgroup:AppECS-my-cluster-my-service/DgpECS-my-cluster-my-service",
    ),
    **_each("codedeploy:GetDeploymentConfig", f"arn:aws:codedeploy:{HERE}:deploymentconfig:*"),
}
ECS_ACTION = {
    **_each("ecs:DescribeServices ecs:UpdateService", SERVICE),
    **_each("ecs:DescribeTaskDefinition ecs:ListTasks", "*"),
    **_each("ecs:DescribeTasks", f"arn:aws:ecs:{HERE}:task/my-cluster/*"),
}
PIPELINE_ROLE: dict[str, Allowed] = {
    "variables": _pipeline("deploy", "migrate") | _reads("source.zip"),
    "object": _pipeline("deploy", "migrate") | _reads("hand-off.zip"),
    "event": _pipeline("deploy", "migrate") | ECR,
    "no migration": _pipeline("deploy") | _reads("source.zip"),
    "codedeploy": _pipeline("artifacts", "migrate") | _reads("source.zip") | REGISTERS | CODEDEPLOY,
    "ecs": _pipeline("artifacts", "migrate") | _reads("source.zip") | REGISTERS | ECS_ACTION,
    "approval before the migration": _pipeline("deploy", "migrate") | _reads("source.zip") | _each("sns:Publish", TOPIC),
    "connection": _pipeline("build", "deploy", "migrate") | _connects("connection"),
    "connection, docker": _pipeline("build", "deploy", "migrate") | _connects("connection, docker"),
    "connection, codedeploy": _pipeline("artifacts", "build") | _connects("connection, codedeploy") | REGISTERS | CODEDEPLOY,
    "object, kms": _pipeline("deploy", "migrate") | _reads("hand-off.zip") | _each("kms:Decrypt kms:DescribeKey kms:GenerateDataKey", KEY),
}  # fmt: skip


def _build(key: str) -> Allowed:
    """What every build's role needs."""
    return {
        **_each("logs:CreateLogStream logs:PutLogEvents", _logs(key)),
        **_each("s3:GetObject s3:GetObjectVersion", ARTIFACTS),
    }


def _ecs_cd(key: str) -> Allowed:
    """What every build of ecs-cd needs: the release and the report as well."""
    return {
        **_build(key),
        **_each("s3:GetObject", ARTIFACTS, "arn:aws:s3:::releases/ecs-cd-1.2.0.tar.gz"),
        **_each(
            "codebuild:BatchPutTestCases codebuild:CreateReport codebuild:UpdateReport",
            f"arn:aws:codebuild:{HERE}:report-group/my-app-deploy-{key}-report",
        ),
    }


ARTIFACTS_ROLE = {
    **_ecs_cd("artifacts"),
    **_each("s3:GetObject", ARTIFACTS, "arn:aws:s3:::releases/ecs-cd-1.2.0.tar.gz", "arn:aws:s3:::my-bucket/task_definition.json", "arn:aws:s3:::my-bucket/task_definition_migration.json"),
    **_each("s3:PutObject", ARTIFACTS),
    **_each("ssm:GetParameter", PARAMETER),
    **_each("ecr:BatchGetImage", MY_APP),
    **_each("ecs:DescribeServices", SERVICE),
    **_each("ecs:DescribeTaskDefinition", "*"),
}  # fmt: skip
DOCKER_ROLE = {
    **_build("migrate"),
    **_each("ecr:GetAuthorizationToken", "*"),
    **_each("ecr:BatchCheckLayerAvailability ecr:BatchGetImage ecr:GetDownloadUrlForLayer", MY_APP),
    **_each("ec2:DescribeDhcpOptions ec2:DescribeNetworkInterfaces ec2:DescribeSecurityGroups ec2:DescribeSubnets ec2:DescribeVpcs", "*"),
    **_each("ec2:CreateNetworkInterface", INTERFACES, *SUBNETS, f"arn:aws:ec2:{HERE}:security-group/sg-1"),
    **_each("ec2:DeleteNetworkInterface ec2:CreateNetworkInterfacePermission", INTERFACES),
}  # fmt: skip
SECRETS = {
    **_each(
        "ssm:GetParameters", f"arn:aws:ssm:{HERE}:parameter/my-app/master-key", f"arn:aws:ssm:{HERE}:parameter/other"
    ),
    **_each(
        "secretsmanager:GetSecretValue",
        f"arn:aws:secretsmanager:{HERE}:secret:my-app/database-??????",
        f"arn:aws:secretsmanager:{HERE}:secret:my-app/token-Ab1Cd2",
    ),
    **_each("kms:Decrypt", KEY),
}
PUSHES = (
    "ecr:BatchCheckLayerAvailability ecr:BatchGetImage ecr:CompleteLayerUpload ecr:DescribeRepositories "
    "ecr:InitiateLayerUpload ecr:PutImage ecr:UploadLayerPart"
)
BUILD_ROLE = {
    **_ecs_cd("build"),
    **_each("s3:PutObject", ARTIFACTS),
    **_each("ssm:GetParameter", PARAMETER),
    **_each("ecr:GetAuthorizationToken", "*"),
}
MY_NGINX, MY_BASE = MY_APP.replace("my-app", "my-nginx"), MY_APP.replace("my-app", "my-base")
SECRETS_OF_BUILD = {
    **_each("kms:DescribeKey kms:GenerateDataKey", KEY),
    **_each("kms:Decrypt", KEY, KEY),  # of the artifacts, and of the secrets
    **_each("ssm:GetParameters", f"arn:aws:ssm:{HERE}:parameter/my-app/bundle"),
    **_each("secretsmanager:GetSecretValue", f"arn:aws:secretsmanager:{HERE}:secret:my-app/npm-??????"),
}
ALL_ACTIONS = ("build", "deploy", "migrate")


def _status(*keys: str, secret: str) -> Allowed:
    """What the role of the status needs: it has no artifacts and no report."""
    logs = "logs:CreateLogStream logs:PutLogEvents"
    return {
        **_each(logs, _logs("status")),
        **_each("s3:GetObject", "arn:aws:s3:::releases/ecs-cd-1.2.0.tar.gz"),
        **_each("secretsmanager:GetSecretValue", f"arn:aws:secretsmanager:{HERE}:secret:{secret}"),
        **_each(
            "codepipeline:GetPipelineExecution codepipeline:GetPipelineState codepipeline:ListActionExecutions "
            "codepipeline:ListPipelineExecutions",
            PIPELINE,
        ),
        **_each("codebuild:BatchGetBuilds", *map(_project, keys)),
        **_each("logs:GetLogEvents", *(_logs(key).replace(":*", ":log-stream:*") for key in keys)),
    }


READS_ECS = {key: value for key, value in ECS_ACTION.items() if key != "ecs:UpdateService"}
READS_CODEDEPLOY = {
    **_each("codedeploy:BatchGetDeployments codedeploy:GetDeploymentGroup", *CODEDEPLOY["codedeploy:CreateDeployment"]),
    **_each("codedeploy:BatchGetDeploymentTargets", "*"),
}
HAND_OFF: Allowed = {
    **_each("ssm:GetParameter", PARAMETER),
    **_each("ecr:BatchGetImage", MY_APP),
    **_each(
        "codepipeline:GetPipeline codepipeline:GetPipelineExecution codepipeline:GetPipelineState "
        "codepipeline:ListActionExecutions codepipeline:ListPipelineExecutions codepipeline:StartPipelineExecution",
        PIPELINE,
    ),
    **_each("codebuild:BatchGetBuilds", _project("deploy"), _project("migrate")),
    **_each("logs:GetLogEvents", *(_logs(key).replace(":*", ":log-stream:*") for key in ("deploy", "migrate"))),
}
OTHER_ROLES: dict[tuple[str, str], Allowed] = {
    ("codedeploy", "artifacts"): ARTIFACTS_ROLE,
    ("ecs", "artifacts"): ARTIFACTS_ROLE,
    ("docker", "migrate"): DOCKER_ROLE,
    ("docker, event, secrets", "migrate"): DOCKER_ROLE | SECRETS,
    ("event", "event"): _each("codepipeline:StartPipelineExecution", PIPELINE),
    ("connection", "build"): BUILD_ROLE | _connects("connection") | _each(PUSHES, MY_APP),
    ("connection, two images", "build"): BUILD_ROLE
    | _connects("connection, two images")
    | _each(PUSHES, MY_APP, MY_NGINX)
    | _each("ecr:BatchGetImage", MY_APP, MY_BASE, MY_NGINX)
    | _each("ecr:GetDownloadUrlForLayer", MY_BASE)
    | SECRETS_OF_BUILD,
    ("connection, docker", "migrate"): DOCKER_ROLE | _each("ecr:BatchCheckLayerAvailability ecr:BatchGetImage ecr:GetDownloadUrlForLayer", MY_NGINX),
    ("connection, two images", "status"): _status(*ALL_ACTIONS, secret="my-app/github-??????") | _each("kms:Decrypt", KEY),
    ("connection, docker", "status"): _status(*ALL_ACTIONS, secret="my-app/github-Ab1Cd2"),
    ("connection, ecs", "status"): _status("artifacts", "build", "migrate", secret="my-app/github-Ab1Cd2") | READS_ECS,
    ("connection, codedeploy", "status"): _status("artifacts", "build", secret="my-app/github-Ab1Cd2")
    | READS_ECS
    | READS_CODEDEPLOY,
    ("connection, docker", "status-event"): _each("codebuild:StartBuild", _project("status")),
    ("variables", "github"): HAND_OFF,
    ("event", "github"): HAND_OFF,
    ("object, kms", "github"): HAND_OFF | _each("s3:PutObject", f"{BUCKET}/hand-off.zip") | _each("kms:GenerateDataKey", KEY),
}  # fmt: skip


# --- what Terraform made ---


@pytest.mark.parametrize(("case", "expected"), PIPELINE_ROLE.items())
def test_the_pipeline_role(applied: Applied, case: str, expected: Allowed) -> None:
    """CodePipeline starts the builds, moves artifacts, and does its own actions; exactly this."""
    assert pipelines.allowed(applied(case), "pipeline") == expected


@pytest.mark.parametrize(("where", "expected"), OTHER_ROLES.items())
def test_another_role(applied: Applied, where: tuple[str, str], expected: Allowed) -> None:
    """A build, EventBridge's rule, and GitHub's hand-off have exactly this."""
    case, part = where
    assert pipelines.allowed(applied(case), part) == expected


# What the document of the case has none of.
NOT_HERE = {"locks", "next_roles", "kms_keys", "public_registry", "public_repositories", "codedeploy", "all_for_codedeploy", "deployment_configurations", "rules", "schedules", "schedule_roles"}  # fmt: skip


@pytest.mark.parametrize("verb", ["migrate", "deploy"])
def test_a_build_of_ecs_cd_has_what_its_verb_needs(applied: Applied, verb: str) -> None:
    """The actions of docs/reference/permissions.md for the verb, and those of every build: no more and no fewer."""
    needed = {
        action
        for entry in permissions.policies()[verb]
        if not entry["feature"] and entry["on"] not in NOT_HERE
        for action in entry["actions"]
    }
    assert set(pipelines.allowed(applied("variables"), verb)) == needed | set(_ecs_cd(verb))


def test_the_document_gives_the_resources(terraform: Terraform) -> None:
    """Services, families, CodeDeploy's groups, AppSpecs, rules and schedules are read from the document."""
    web = pipelines.DOCUMENT["services"]["web"]
    given = pipelines.DOCUMENT | {
        "cluster": f"arn:aws:ecs:{HERE}:cluster/my-cluster",
        "services": {
            "web": web | {"codedeploy": {"application": "a", "deployment-group": "g", "appspec": "s3://my-bucket/appspec.yaml"}},
            "worker": {"task-definition": "my-worker:3", "containers": {"app": "app"}},
        },
        "scheduled-tasks": {
            "nightly": {"rule": "my-nightly", "task-definition": f"arn:aws:ecs:{HERE}:task-definition/my-job:7", "containers": {"app": "app"}},
            "hourly": {"schedule": "my-hourly", "task-definition": "my-job", "containers": {"app": "app"}},
        },
    }  # fmt: skip
    scheduler = "arn:aws:iam::123456789012:role/my-scheduler"
    values = pipelines.INPUTS | {"document": given, "schedule_roles": [scheduler]}
    allowed = pipelines.allowed(terraform.apply(MODULE, values), "deploy")
    assert allowed["ecs:UpdateService"] == [SERVICE, f"arn:aws:ecs:{HERE}:service/my-cluster/worker"]
    assert allowed["ecs:RegisterTaskDefinition"] == sorted(
        [*FAMILIES, f"arn:aws:ecs:{HERE}:task-definition/my-job:*", f"arn:aws:ecs:{HERE}:task-definition/my-worker:*"]
    )
    assert f"arn:aws:codedeploy:{HERE}:deploymentgroup:a/g" in allowed["codedeploy:CreateDeployment"]
    assert "arn:aws:s3:::my-bucket/appspec.yaml" in allowed["s3:GetObject"]
    assert allowed["events:PutTargets"] == [f"arn:aws:events:{HERE}:rule/my-nightly"]
    assert allowed["scheduler:UpdateSchedule"] == [f"arn:aws:scheduler:{HERE}:schedule/default/my-hourly"]
    assert scheduler in allowed["iam:PassRole"]


@each_case
def test_a_role_for_each_part(applied: Applied, case: str) -> None:
    """The pipeline, each project, the rule and hand-off: no two share a role, and each role has one policy."""
    shown = applied(case)
    names = [role["name"] for role in pipelines.roles(shown).values()]
    used = [
        shown.one("aws_codepipeline")["role_arn"],
        *(each["service_role"] for each in shown.of("aws_codebuild_project").values()),
        *(each["role_arn"] for each in shown.of("aws_cloudwatch_event_target").values()),
        *(each["arn"] for each in shown.of("aws_iam_role").values() if each["name"].endswith("-github")),
    ]
    assert len(set(used)) == len(used) == len(names) == len(shown.of("aws_iam_role_policy"))


# Calls that IAM can't limit to a resource, beyond those that the docs give the reason of. EC2's Describe calls have none.
UNLIMITED = {"ec2:DescribeDhcpOptions", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs"}  # fmt: skip


@each_case
def test_a_wildcard_only_where_iam_knows_no_resource(applied: Applied, case: str) -> None:
    """`*` is the resource of calls that have none, each with its reason; no action has a wildcard."""
    shown = applied(case)
    allowed = UNLIMITED | {action for actions, _ in REASONS for action in actions.split()}
    for part in pipelines.roles(shown):
        everywhere = {
            action for action, resource in pipelines.statements(pipelines.policy(shown, part)) if resource == "*"
        }
        assert everywhere <= allowed
        assert "*" not in "".join(pipelines.allowed(shown, part))


@pytest.mark.parametrize("case", CONNECTED)
def test_a_connection_is_used_for_one_repository(applied: Applied, case: str) -> None:
    """It reaches others too. A build only pulls; GitHub's app could also push."""
    shown = applied(case)
    for part, extra in (("pipeline", []), ("build", ["ProviderAction"])):
        (statement,) = (
            each
            for each in json.loads(pipelines.policy(shown, part))["Statement"]
            if "codeconnections:UseConnection" in each["Action"]
        )
        expected = {"FullRepositoryId": "my-org/my-app", **dict.fromkeys(extra, "GitPull")}
        assert statement["Condition"]["ForAllValues:StringEquals"] == {
            f"{prefix}:{key}": value
            for prefix in ("codeconnections", "codestar-connections")
            for key, value in expected.items()
        }


@each_case
def test_a_role_is_passed_to_named_services_only(applied: Applied, case: str) -> None:
    """To ECS's tasks, and those of scheduled tasks to what starts them."""
    shown = applied(case)
    for part in pipelines.roles(shown):
        for statement in json.loads(pipelines.policy(shown, part))["Statement"]:
            if "iam:PassRole" in statement["Action"]:
                services = statement["Condition"]["StringEquals"]["iam:PassedToService"]
                scheduled = statement["Resource"] == ["arn:aws:iam::123456789012:role/my-scheduler"]
                assert services == (
                    ["events.amazonaws.com", "scheduler.amazonaws.com"] if scheduled else ["ecs-tasks.amazonaws.com"]
                )


@each_case
def test_who_may_assume_the_roles(applied: Applied, case: str) -> None:
    """A service, for our own project or rule; GitHub's jobs by their full `sub`."""
    shown = applied(case)
    services = {"pipeline": "codepipeline", "event": "events", "status-event": "events"}
    for part, role in pipelines.roles(shown).items():
        (trust,) = json.loads(role["assume_role_policy"])["Statement"]
        if part == "github":
            assert trust["Principal"] == {"Federated": pipelines.GITHUB["oidc_provider_arn"]}
            assert trust["Condition"]["StringEquals"] == {
                "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
                "token.actions.githubusercontent.com:sub": ["repo:my-org/my-app:ref:refs/heads/main"],
            }
        else:
            assert trust["Principal"] == {"Service": f"{services.get(part, 'codebuild')}.amazonaws.com"}
    for made in shown.of("aws_codebuild_project").values():
        (trust,) = json.loads(pipelines.roles(shown)[made["name"].rpartition("-")[2]]["assume_role_policy"])[
            "Statement"
        ]
        assert trust["Condition"] == {"StringEquals": {"aws:SourceArn": made["arn"]}}


@each_case
def test_policies_are_short_enough(applied: Applied, case: str) -> None:
    """IAM allows 10,240 characters of inline policies in a role."""
    for each in applied(case).of("aws_iam_role_policy").values():
        assert len("".join(each["policy"].split())) <= 10240
