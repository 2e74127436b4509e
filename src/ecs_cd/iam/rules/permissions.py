"""What each verb needs of IAM: the only table of it.

From it `make generate` writes the tables of docs/reference/permissions.md and permissions.json of infra/terraform, and
`ecs-cd iam` makes policies. The timelines hold the verbs to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

EVERY = "all"
# The verbs that run with a role of their own in a job of GitHub or in CodeBuild.
VERBS = (
    "build-push",
    "migrate",
    "deploy",
    "continue",
    "rollback",
    "hand-off",
    "artifacts",
    "commit-status",
    "verify",
    "plan",
    "lock",
    "unlock",
)
# These run several verbs.
SEVERAL = {"pipeline": ("build-push", "migrate", "deploy")}


class Row(NamedTuple):
    """A row: which verbs need which actions on what.

    ``on`` is a name that resources.py and infra/terraform give ARNs for, and ``words`` is what the page says.
    ``condition`` is a key of policy.py's conditions. The row is only needed with the ``feature``, or if it is
    ``feature_of`` a verb, the other verbs need it always.
    """

    verbs: str
    actions: str
    on: str
    words: str
    condition: str = ""
    feature: str = ""
    feature_of: str = ""

    def of(self, verb: str) -> bool:
        """Whether this verb needs the actions, at least with the feature."""
        return bool({verb, EVERY} & set(self.verbs.split(", ")))

    def needs(self, verb: str) -> str:
        """The feature without which this verb doesn't need the actions; empty if it always does."""
        return self.feature if self.feature_of in ("", verb) else ""


# fmt: off
TABLE = (
    Row("all", "ssm:GetParameter", "parameters", "the parameter"),
    Row("all", "kms:Decrypt", "kms_keys", "its key"),
    Row("all", "sts:AssumeRole sts:TagSession", "next_roles", "the next role, for several roles in role-to-assume, for role-chaining and for `role=` in config"),
    Row("migrate, deploy, continue, rollback, hand-off, verify, plan, lock, unlock", "ssm:GetParameters", "locks", "the parameters that `lock` and `freeze` in the document name"),
    Row("lock", "ssm:PutParameter", "lock", "the parameter that `lock` in the document names"),
    Row("unlock", "ssm:DeleteParameter", "lock", "the parameter that `lock` in the document names"),
    Row("build-push", "ecr:GetAuthorizationToken", "all", "`*`"),
    Row("build-push", "ecr:BatchGetImage ecr:DescribeRepositories ecr:PutImage ecr:BatchCheckLayerAvailability ecr:InitiateLayerUpload ecr:UploadLayerPart ecr:CompleteLayerUpload", "repositories", "the image's repository, and its `cache-repository`"),
    Row("build-push", "ecr:BatchGetImage ecr:GetDownloadUrlForLayer", "base_repositories", "repositories of base images and caches"),
    Row("build-push", "ecr:DescribeRepositoryCreationTemplates", "all", "`*`, only for repositories that a push creates", feature="create-repositories"),
    Row("build-push", "ecr:CreateRepository", "repositories", "the image's repository, only if a push creates it", feature="create-repositories"),
    Row("build-push", "ecr:DescribeImageScanFindings ecr:StartImageScan ecr:BatchGetRepositoryScanningConfiguration", "repositories", "the repository, for `scan` and `fail-on`", feature="scan"),
    Row("build-push", "inspector2:ListCoverage inspector2:ListFindings", "all", "`*`, for `scan` and `fail-on` with enhanced scanning", feature="enhanced-scanning"),
    Row("build-push", "ecr-public:GetAuthorizationToken sts:GetServiceBearerToken", "all", "`*`, for repositories in ECR Public; optional for base images there", feature="ecr-public"),
    Row("build-push", "ecr-public:DescribeRegistries", "public_registry", "the registry in ECR Public", feature="ecr-public"),
    Row("build-push", "ecr-public:DescribeImages ecr-public:DescribeRepositories ecr-public:PutImage ecr-public:BatchCheckLayerAvailability ecr-public:InitiateLayerUpload ecr-public:UploadLayerPart ecr-public:CompleteLayerUpload", "public_repositories", "the repository in ECR Public", feature="ecr-public"),
    Row("migrate, deploy, artifacts, verify, plan", "ecr-public:DescribeImages", "public_repositories", "the repository in ECR Public", feature="ecr-public"),
    Row("migrate, deploy, artifacts, verify, plan", "ecr-public:DescribeRegistries", "public_registry", "the registry in ECR Public", feature="ecr-public"),
    Row("migrate, deploy, artifacts, verify, plan", "ecr:BatchGetImage", "repositories", "the repositories"),
    Row("migrate, deploy, artifacts, verify, plan", "s3:GetObject", "templates", "the templates"),
    Row("migrate, deploy, artifacts, verify, plan", "ecs:DescribeTaskDefinition", "all", "`*`"),
    Row("migrate, deploy, artifacts, verify, plan", "ecs:DescribeServices", "services", "the services"),
    Row("migrate, deploy", "ecs:DeregisterTaskDefinition", "all", "`*`"),
    Row("migrate, deploy", "ecs:ListTasks", "all_for_cluster", "`*`, if `ecs:cluster` is the cluster", condition="cluster"),
    Row("migrate, deploy", "ecs:RegisterTaskDefinition ecs:TagResource", "families", "`task-definition/FAMILY:*`"),
    Row("migrate, deploy", "iam:PassRole", "roles", "the task and execution roles, if `iam:PassedToService` is `ecs-tasks.amazonaws.com`", condition="tasks"),
    Row("migrate, deploy", "ecs:DescribeTasks", "tasks", "`task/CLUSTER/*`"),
    Row("migrate, deploy", "logs:GetLogEvents", "log_groups", "the containers' log groups"),
    Row("migrate, deploy", "ecs:RunTask", "families", "`task-definition/FAMILY:*`, if `ecs:cluster` is the cluster; for deploy only with `run-task`", condition="cluster", feature="run-task", feature_of="deploy"),
    Row("migrate, deploy", "ecs:StopTask", "tasks", "`task/CLUSTER/*`; for deploy only with `run-task`", feature="run-task", feature_of="deploy"),
    Row("deploy", "ecr-public:GetAuthorizationToken sts:GetServiceBearerToken", "all", "`*`, for images in ECR Public", feature="ecr-public"),
    Row("deploy", "ecs:UpdateService ecs:ListServiceDeployments", "services", "the services"),
    Row("deploy", "ecs:DescribeServiceRevisions", "service_revisions", "the services, `service-revision/CLUSTER/SERVICE/*`"),
    Row("deploy", "elasticloadbalancing:DescribeTargetGroups elasticloadbalancing:DescribeTargetHealth", "all", "`*`: evidence after a failure"),
    Row("deploy", "cloudwatch:DescribeAlarms", "alarms", "`alarm:*`: evidence after a failure"),
    Row("deploy", "ecs:GetTaskProtection", "tasks", "`task/CLUSTER/*`: why old tasks still run"),
    Row("deploy", "ecs:ListTaskDefinitions", "all", "`*`, for `keep-revisions`", feature="keep-revisions"),
    Row("continue, rollback", "ecs:DescribeServices", "services", "the services"),
    Row("continue, rollback", "ecs:DescribeTaskDefinition", "all", "`*`"),
    Row("continue, rollback", "ecs:ListTasks", "all_for_cluster", "`*`, if `ecs:cluster` is the cluster", condition="cluster"),
    Row("continue, rollback", "ecs:DescribeTasks", "tasks", "`task/CLUSTER/*`"),
    Row("continue, rollback", "ecr:BatchGetImage", "repositories", "the repositories"),
    Row("continue, rollback", "logs:GetLogEvents", "log_groups", "the containers' log groups"),
    Row("continue, rollback", "elasticloadbalancing:DescribeTargetGroups elasticloadbalancing:DescribeTargetHealth", "all", "`*`: evidence after a failure"),
    Row("continue, rollback", "cloudwatch:DescribeAlarms", "alarms", "`alarm:*`: evidence after a failure"),
    Row("continue, rollback", "ecs:ListServiceDeployments", "services", "the services, unless CodeDeploy deploys them"),
    Row("continue, rollback", "ecs:DescribeServiceRevisions", "service_revisions", "the services, `service-revision/CLUSTER/SERVICE/*`, the same"),
    Row("rollback", "ecs:UpdateService", "services", "the services, unless CodeDeploy deploys them"),
    Row("rollback", "ecr:DescribeImages", "repositories", "the repositories, for `list`: the commits of an image"),
    Row("rollback", "ecs:GetTaskProtection", "tasks", "`task/CLUSTER/*`: why old tasks still run"),
    Row("deploy, continue, rollback", "ecs:DescribeServiceDeployments", "service_deployments", "the services, `service-deployment/CLUSTER/SERVICE/*`, for ECS blue/green, linear, canary"),
    Row("deploy, rollback", "ecs:StopServiceDeployment ecs:ContinueServiceDeployment", "service_deployments", "the services, `service-deployment/CLUSTER/SERVICE/*`, for ECS blue/green, linear, canary"),
    Row("continue", "ecs:ContinueServiceDeployment", "service_deployments", "the services, `service-deployment/CLUSTER/SERVICE/*`, for ECS blue/green, linear, canary"),
    Row("deploy, continue, rollback", "codedeploy:ListDeployments codedeploy:BatchGetDeployments", "codedeploy", "the application and its deployment group, for CodeDeploy"),
    Row("deploy, continue, rollback", "codedeploy:BatchGetDeploymentTargets", "all_for_codedeploy", "`*`, for CodeDeploy"),
    Row("deploy, rollback", "codedeploy:GetDeploymentGroup codedeploy:CreateDeployment codedeploy:GetApplicationRevision codedeploy:RegisterApplicationRevision", "codedeploy", "the application and its deployment group, for CodeDeploy"),
    Row("deploy, rollback", "codedeploy:StopDeployment", "all_for_codedeploy", "`*`, for CodeDeploy"),
    Row("deploy, rollback", "codedeploy:GetDeploymentConfig", "deployment_configurations", "the deployment configuration"),
    Row("continue", "codedeploy:ContinueDeployment", "all_for_codedeploy", "`*`, for CodeDeploy"),
    Row("deploy", "events:DescribeRule events:ListTargetsByRule events:PutTargets", "rules", "the rules, for scheduled tasks of EventBridge rules"),
    Row("deploy", "scheduler:GetSchedule scheduler:UpdateSchedule", "schedules", "the schedules, for scheduled tasks of EventBridge Scheduler"),
    Row("deploy", "iam:PassRole", "schedule_roles", "the role of the rule's target or schedule, if `iam:PassedToService` is `events.amazonaws.com` or `scheduler.amazonaws.com`", condition="schedules"),
    Row("hand-off", "ecr-public:DescribeImages", "public_repositories", "the repository in ECR Public", feature="ecr-public"),
    Row("hand-off", "ecr-public:DescribeRegistries", "public_registry", "the registry in ECR Public", feature="ecr-public"),
    Row("hand-off", "ecr:BatchGetImage", "repositories", "the repositories"),
    Row("hand-off", "codepipeline:GetPipeline codepipeline:GetPipelineState codepipeline:StartPipelineExecution codepipeline:GetPipelineExecution codepipeline:ListPipelineExecutions codepipeline:ListActionExecutions", "pipelines", "the pipeline"),
    Row("hand-off", "codepipeline:StopPipelineExecution", "pipelines", "the pipeline, only with `on-cancel: stop`", feature="stop-execution"),
    Row("hand-off", "s3:PutObject", "objects", "the object, for `start: object`"),
    Row("commit-status", "codepipeline:GetPipelineState codepipeline:GetPipelineExecution codepipeline:ListPipelineExecutions codepipeline:ListActionExecutions", "pipelines", "the pipeline"),
    Row("hand-off, commit-status", "codebuild:BatchGetBuilds", "projects", "the pipeline's projects"),
    Row("hand-off, commit-status", "logs:GetLogEvents", "project_log_groups", "the log groups of the pipeline's projects"),
    Row("hand-off, commit-status", "codedeploy:GetDeploymentGroup codedeploy:BatchGetDeployments", "codedeploy", "the application and its deployment group: evidence after a failed CodeDeployToECS action"),
    Row("hand-off, commit-status", "codedeploy:BatchGetDeploymentTargets", "all_for_codedeploy", "`*`, for CodeDeploy"),
    Row("hand-off, commit-status", "ecs:DescribeServices", "services", "the services: evidence after a failed ECS or CodeDeployToECS action"),
    Row("hand-off, commit-status", "ecs:ListTasks", "all_for_cluster", "`*`, if `ecs:cluster` is the cluster: the same", condition="cluster"),
    Row("hand-off, commit-status", "ecs:DescribeTaskDefinition", "all_for_cluster", "`*`: the same"),
    Row("hand-off, commit-status", "ecs:DescribeTasks", "tasks", "`task/CLUSTER/*`: the same"),
    Row("verify", "ecs:DescribeClusters logs:DescribeLogGroups secretsmanager:DescribeSecret ssm:DescribeParameters", "all", "`*`"),
    Row("verify", "ecs:DescribeCapacityProviders ecs:ListContainerInstances ecs:DescribeContainerInstances autoscaling:DescribeAutoScalingGroups", "all", "`*`, for services that run on EC2"),
    Row("verify", "ec2:DescribeSubnets ec2:DescribeRouteTables ec2:DescribeVpcEndpoints ec2:DescribeNatGateways ec2:DescribeSecurityGroups", "all", "`*`, for the network mode awsvpc"),
    Row("verify", "elasticloadbalancing:DescribeTargetGroups elasticloadbalancing:DescribeTargetHealth elasticloadbalancing:DescribeLoadBalancers elasticloadbalancing:DescribeListeners elasticloadbalancing:DescribeRules", "all", "`*`, for services with a load balancer"),
    Row("verify", "ecr:GetDownloadUrlForLayer", "repositories", "the repositories, for images of a single platform"),
    Row("verify", "ecr:DescribeImages", "repositories", "the repositories, for the tags of images that run, with `drift`"),
    Row("verify", "ecs:ListTasks", "all_for_cluster", "`*`, if `ecs:cluster` is the cluster, with `drift`", condition="cluster"),
    Row("verify", "ecs:DescribeTasks", "tasks", "`task/CLUSTER/*`, with `drift`"),
    Row("verify", "ecr:DescribePullThroughCacheRules", "all", "`*`, for images that ECR lacks"),
    Row("verify", "s3:GetObject", "templates", "environment files in S3 that the templates name"),
    Row("verify", "iam:GetRole iam:SimulatePrincipalPolicy", "roles", "the task and execution roles, and the role that runs verify"),
    Row("verify", "codedeploy:GetDeploymentGroup", "codedeploy", "the application and its deployment group, for CodeDeploy"),
    Row("verify", "codedeploy:GetDeploymentConfig", "deployment_configurations", "the deployment configuration"),
    Row("verify, plan", "events:DescribeRule events:ListTargetsByRule", "rules", "the rules, for scheduled tasks of EventBridge rules"),
    Row("verify, plan", "scheduler:GetSchedule", "schedules", "the schedules, for scheduled tasks of EventBridge Scheduler"),
    Row("verify", "codepipeline:GetPipeline codepipeline:GetPipelineState codepipeline:GetPipelineExecution codepipeline:ListPipelineExecutions codepipeline:ListActionExecutions", "pipelines", "the pipeline"),
    Row("iam", "s3:GetObject", "templates", "the templates; without this and the next ones, `iam` prints wider policies"),
    Row("iam", "ssm:DescribeParameters ecs:DescribeTaskDefinition", "all", "`*`: the same"),
    Row("iam", "ecs:DescribeServices", "services", "the services: the same"),
    Row("iam", "events:ListTargetsByRule", "rules", "the rules: the same"),
    Row("iam", "scheduler:GetSchedule", "schedules", "the schedules: the same"),
    Row("iam", "codepipeline:GetPipeline", "pipelines", "the pipeline: the same"),
)

# Why these actions are allowed on `*`.
REASONS = (
    ("ecr:GetAuthorizationToken ecr-public:GetAuthorizationToken sts:GetServiceBearerToken", "the token is for a registry, not for a repository"),
    ("ecr:DescribeRepositoryCreationTemplates ecr:DescribePullThroughCacheRules inspector2:ListCoverage inspector2:ListFindings", "IAM can't limit them to a resource"),
    ("ecs:DescribeTaskDefinition ecs:DeregisterTaskDefinition ecs:ListTaskDefinitions", "IAM can't limit them to a family"),
    ("ecs:DescribeClusters logs:DescribeLogGroups secretsmanager:DescribeSecret ssm:DescribeParameters", "they show names and settings, and no value"),
    ("ecs:DescribeCapacityProviders ecs:ListContainerInstances ecs:DescribeContainerInstances", "they show names and settings, and no value"),
    ("autoscaling:DescribeAutoScalingGroups ec2:DescribeSubnets ec2:DescribeRouteTables ec2:DescribeVpcEndpoints ec2:DescribeNatGateways ec2:DescribeSecurityGroups", "IAM can't limit them to a resource"),
    ("elasticloadbalancing:DescribeLoadBalancers elasticloadbalancing:DescribeListeners elasticloadbalancing:DescribeRules", "IAM can't limit them to a resource"),
    ("ecs:ListTasks", "IAM can limit it to container instances only; the condition limits it to the cluster"),
    ("elasticloadbalancing:DescribeTargetGroups elasticloadbalancing:DescribeTargetHealth", "IAM can't limit them to a target group"),
    ("codedeploy:BatchGetDeploymentTargets codedeploy:StopDeployment codedeploy:ContinueDeployment", "IAM knows no resource for a deployment that exists"),
)
# fmt: on

FEATURES = tuple(sorted({row.feature for row in TABLE if row.feature}))


def rows(verb: str) -> Iterator[Row]:
    """The rows of a verb; of one that runs others, theirs."""
    for each in SEVERAL.get(verb, (verb,)):
        yield from (row for row in TABLE if row.of(each))
