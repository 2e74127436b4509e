"""The statements of the roles in infra/cloudformation/pipeline.yaml, as infra/terraform/pipeline has them.

What a verb needs is the table of src/ecs_cd/iam/rules/permissions.py; here its names get CloudFormation's ARNs.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from dev import permissions

# A parameter that lists names, and how many it can have: CloudFormation can't map a list, so each name is an item.
LISTS = {"MoreServices": 3, "Families": 6, "LogGroups": 6, "SubnetIds": 4, "SecurityGroupIds": 3}
IMAGES = range(1, 5)
NOTHING = "!Ref AWS::NoValue"
# The CodeBuild actions, and under which condition there is one.
ACTIONS = {"build": "Connection", "migrate": "Migrate", "deploy": "DeployEcsCd", "artifacts": "Artifacts"}


class Statement(NamedTuple):
    """A statement that allows something; it is there if all conditions of ``when`` hold."""

    actions: list[str]
    resources: list[str] | str  # items, or one function that gives a list
    when: tuple[str, ...] = ()
    condition: str = ""  # IAM's, as YAML


def chosen(when: tuple[str, ...] | list[str], value: str, otherwise: str = NOTHING) -> str:
    """The value if all conditions hold."""
    for name in reversed(when):
        value = f"!If [{name}, {value}, {otherwise}]"
    return value


def arn(service: str, rest: str, here: str = "${AWS::Region}:${AWS::AccountId}") -> str:
    return f'!Sub "arn:${{AWS::Partition}}:{service}:{here}:{rest}"'


def nth(name: str, index: int) -> str:
    """An item of a list; empty if the list is shorter."""
    return f'!Select [{index}, !Split [",", !Sub "${{{name}}}{"," * (LISTS[name] - 1)}"]]'


def each(name: str, item: str) -> list[str]:
    """For every item of a list: the text of a !Sub with ${item}. Only MoreServices may be empty where it is used."""
    text = item.removeprefix("!Sub ")
    return [
        chosen(when_item(name, index), f"!Sub [{text}, {{item: {nth(name, index)}}}]") for index in range(LISTS[name])
    ]


def when_item(name: str, index: int) -> list[str]:
    """The condition under which a list has this item."""
    return [f"{name}{index + 1}"] if index or name == "MoreServices" else []


def image(number: int, value: str) -> str:
    """The value, if there is this image."""
    return chosen([f"HasImage{number}"] if number > 1 else [], value)


def _services(service: str, *rests: str) -> list[str]:
    """Of every service; `*` in a rest is what follows the service's name."""
    found = []
    for rest in rests:
        found.append(arn(service, rest.replace("NAME", "${Cluster}/${Service}")))
        found += each("MoreServices", arn(service, rest.replace("NAME", "${Cluster}/${item}")))
    return found


S3 = "arn:${AWS::Partition}:s3:::"
BUCKET = f"{S3}${{Name}}-${{AWS::AccountId}}-${{AWS::Region}}"
ARTIFACTS = f'!Sub "{BUCKET}/${{Name}}/*"'
REPOSITORIES = [image(number, arn("ecr", f"repository/${{Repository{number}}}")) for number in IMAGES]
PARAMETER = (
    f"!If [OwnParameterName, {arn('ssm', 'parameter${ParameterName}')}, {arn('ssm', 'parameter/ecs-cd/${Name}')}]"
)
PIPELINE = arn("codepipeline", "${Name}")
FAMILIES = each("Families", arn("ecs", "task-definition/${item}:*"))
TASKS = arn("ecs", "task/${Cluster}/*")
GIVEN_CODEDEPLOY = [
    arn("codedeploy", "application:${CodeDeployApplication}"),
    arn("codedeploy", "deploymentgroup:${CodeDeployApplication}/${CodeDeployDeploymentGroup}"),
]
CODEDEPLOY = [
    chosen(["CodeDeploy"], given, arn("codedeploy", default))
    for given, default in zip(
        GIVEN_CODEDEPLOY,
        ("application:AppECS-${Cluster}-${Service}", "deploymentgroup:AppECS-${Cluster}-${Service}/DgpECS-${Cluster}-${Service}"),
        strict=True,
    )
]  # fmt: skip
PROJECTS = [chosen([when], arn("codebuild", f"project/${{Name}}-{key}")) for key, when in ACTIONS.items()]
PROJECT_LOGS = [
    chosen([when], arn("logs", f"log-group:/aws/codebuild/${{Name}}-{key}:log-stream:*"))
    for key, when in ACTIONS.items()
]
CONDITIONS = {
    "": "",
    "cluster": f"{{ArnEquals: {{ecs:cluster: {arn('ecs', 'cluster/${Cluster}')}}}}}",
    "tasks": "{StringEquals: {iam:PassedToService: [ecs-tasks.amazonaws.com]}}",
    "schedules": "{StringEquals: {iam:PassedToService: [events.amazonaws.com, scheduler.amazonaws.com]}}",
}


class _On(NamedTuple):
    resources: list[str] | str
    when: tuple[str, ...] = ()


# What the table's names stand for; a pipeline has nothing of those that are left out.
_BOTH = {
    "parameters": _On([PARAMETER]),
    "repositories": _On(REPOSITORIES),
    "base_repositories": _On("!Ref BaseRepositoryArns", ("BaseRepositories",)),
    "all": _On(['"*"']),
}
_BUILDS = _BOTH | {
    "all_for_cluster": _On(['"*"']),
    "services": _On(_services("ecs", "service/NAME")),
    "service_revisions": _On(_services("ecs", "service/NAME", "service-revision/NAME/*")),
    "service_deployments": _On(_services("ecs", "service/NAME", "service-deployment/NAME/*")),
    "tasks": _On([TASKS]),
    "families": _On(FAMILIES),
    "roles": _On("!Ref PassRoleArns"),
    "templates": _On("!Ref TemplateArns", ("Templates",)),
    "log_groups": _On(each("LogGroups", arn("logs", "log-group:${item}:log-stream:*")), ("HasLogGroups",)),
    "alarms": _On([arn("cloudwatch", "alarm:*")]),
    "codedeploy": _On(GIVEN_CODEDEPLOY, ("CodeDeploy",)),
    "all_for_codedeploy": _On(['"*"'], ("CodeDeploy",)),
    "deployment_configurations": _On(
        [arn("codedeploy", "deploymentconfig:CodeDeployDefault.*"), chosen(["DeploymentConfig"], arn("codedeploy", "deploymentconfig:${CodeDeployDeploymentConfig}"))],
        ("CodeDeploy",),
    ),
    "rules": _On("!Ref ScheduledRuleArns", ("ScheduledRules",)),
    "schedules": _On("!Ref ScheduleArns", ("Schedules",)),
    "schedule_roles": _On("!Ref ScheduleRoleArns", ("ScheduleRoles",)),
}  # fmt: skip
_GITHUB = _BOTH | {
    "pipelines": _On([PIPELINE]),
    "projects": _On(PROJECTS),
    "project_log_groups": _On(PROJECT_LOGS),
    "objects": _On([f'!Sub "{BUCKET}/hand-off.zip"'], ("Object",)),
    "codedeploy": _On(CODEDEPLOY, ("DeployCodeDeploy",)),
    "all_for_codedeploy": _On(['"*"'], ("DeployCodeDeploy",)),
    "services": _On(_services("ecs", "service/NAME"), ("GitHubReads",)),
    "all_for_cluster": _On(['"*"'], ("GitHubReads",)),
    "tasks": _On([TASKS], ("GitHubReads",)),
}
# ecs-cd's own builds say the cause in their logs; that of another deploy action is in ECS and CodeDeploy.
_STATUS = {
    key: _GITHUB[key] for key in ("pipelines", "projects", "project_log_groups", "codedeploy", "all_for_codedeploy")
} | {key: _GITHUB[key]._replace(when=("Artifacts",)) for key in ("services", "all_for_cluster", "tasks")}
_FEATURES = {"": (), "stop-execution": ("GitHubStops",)}


def verb(name: str, on: dict[str, _On], *when: str) -> list[Statement]:
    """What a verb needs by the table, one statement for the same resources under the same condition."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for entry in permissions.policies()[name]:
        if entry["on"] in on and entry["feature"] in _FEATURES:
            found.setdefault((entry["on"], entry["condition"], entry["feature"]), []).extend(entry["actions"])
    return [
        Statement(sorted(set(actions)), on[key].resources, (*when, *on[key].when, *_FEATURES[feature]), CONDITIONS[condition])
        for (key, condition, feature), actions in found.items()
    ]  # fmt: skip


# --- the roles ---


def _several(actions: str) -> list[str]:
    return actions.split()


def _use_connection(pull: bool) -> Statement:
    """A connection reaches more repositories than this one, and GitHub's app may write; a build only pulls."""
    prefixes = ("codeconnections", "codestar-connections")  # a connection may have either
    wanted = {f"{prefix}:FullRepositoryId": "!Ref ConnectionRepository" for prefix in prefixes}
    wanted |= {f"{prefix}:ProviderAction": "GitPull" for prefix in prefixes if pull}
    condition = ", ".join(f"{key}: {value}" for key, value in wanted.items())
    actions = [f"{prefix}:UseConnection" for prefix in prefixes]
    when = () if pull else ("Connection",)
    return Statement(actions, ["!Ref ConnectionArn"], when, f"{{ForAllValues:StringEquals: {{{condition}}}}}")


USE_KEY = Statement(_several("kms:Decrypt kms:DescribeKey kms:GenerateDataKey"), ["!Ref KmsKeyArn"], ("Key",))


def pipeline() -> list[Statement]:
    """CodePipeline itself: it starts the builds, moves artifacts, and does its own actions."""
    codedeploy = _several("codedeploy:CreateDeployment codedeploy:GetApplication codedeploy:GetApplicationRevision codedeploy:GetDeployment codedeploy:RegisterApplicationRevision")  # fmt: skip
    config = f"!If [DeploymentConfig, {arn('codedeploy', 'deploymentconfig:${CodeDeployDeploymentConfig}')}, {arn('codedeploy', 'deploymentconfig:*')}]"
    return [
        Statement(_several("s3:GetBucketAcl s3:GetBucketLocation s3:GetBucketVersioning"), [f'!Sub "{BUCKET}"']),
        Statement(_several("s3:GetObject s3:GetObjectVersion s3:PutObject"), [ARTIFACTS]),
        Statement(_several("s3:GetObject s3:GetObjectVersion"), [f'!If [Object, !Sub "{BUCKET}/hand-off.zip", !Sub "{BUCKET}/source.zip"]'], ("FromObject",)),
        _use_connection(pull=False),
        Statement(["ecr:DescribeImages"], REPOSITORIES, ("FromImages",)),
        Statement(_several("codebuild:BatchGetBuilds codebuild:StartBuild"), PROJECTS),
        Statement(["sns:Publish"], ["!Ref ApprovalTopicArn"], ("Topic",)),
        USE_KEY,
        Statement(codedeploy, CODEDEPLOY, ("DeployCodeDeploy",)),
        Statement(["codedeploy:GetDeploymentConfig"], [config], ("DeployCodeDeploy",)),
        Statement(_several("ecs:DescribeServices ecs:UpdateService"), [arn("ecs", "service/${Cluster}/${Service}")], ("DeployEcs",)),
        Statement(["ecs:DescribeTaskDefinition"], ['"*"'], ("DeployEcs",)),
        Statement(["ecs:ListTasks"], ['"*"'], ("DeployEcs",), CONDITIONS["cluster"]),
        Statement(["ecs:DescribeTasks"], [TASKS], ("DeployEcs",)),
        Statement(_several("ecs:RegisterTaskDefinition ecs:TagResource"), FAMILIES, ("Artifacts",)),
        Statement(["iam:PassRole"], "!Ref PassRoleArns", ("Artifacts",), CONDITIONS["tasks"]),
    ]  # fmt: skip


def github() -> list[Statement]:
    """Its jobs: hand-off, and build-push unless it is switched off."""
    return [
        *verb("hand-off", _GITHUB),
        *verb("build-push", _GITHUB, "GitHubBuilds"),
        Statement(["kms:GenerateDataKey"], ["!Ref KmsKeyArn"], ("Key", "Object")),
    ]


def project(key: str) -> list[Statement]:
    """A build: its log, its artifacts, the release, its report, and what its command needs."""
    return [*_every_build(key), *_OWN[key]()]


def _every_build(key: str) -> Iterator[Statement]:
    ecs_cd = ("MigrateEcsCd",) if key == "migrate" else ()
    yield Statement(
        _several("logs:CreateLogStream logs:PutLogEvents"), [arn("logs", f"log-group:/aws/codebuild/${{Name}}-{key}:*")]
    )
    if key != "status":
        yield Statement(_several("s3:GetObject s3:GetObjectVersion"), [ARTIFACTS])
        yield USE_KEY
        report = arn("codebuild", f"report-group/${{Name}}-{key}-report")
        actions = "codebuild:BatchPutTestCases codebuild:CreateReport codebuild:UpdateReport"
        yield Statement(_several(actions), [report], ecs_cd)
    if key in ("artifacts", "build"):
        yield Statement(["s3:PutObject"], [ARTIFACTS])
    release = f'!Sub ["{S3}${{key}}", {{key: !Select [1, !Split ["s3://", !Ref Release]]}}]'
    yield Statement(["s3:GetObject"], [release], ecs_cd)


def _secrets(prefix: str, *when: str) -> list[Statement]:
    """What a build reads at its start."""
    return [
        Statement(["ssm:GetParameters"], f"!Ref {prefix}ParameterArns", (*when, f"{prefix}Parameters")),
        Statement(["secretsmanager:GetSecretValue"], f"!Ref {prefix}SecretArns", (*when, f"{prefix}Secrets")),
        Statement(["kms:Decrypt"], f"!Ref {prefix}KeyArns", (*when, f"{prefix}Keys")),
    ]


def of_migration_image(values: dict[int, str]) -> str:
    """The value of the image that migrates."""
    found = values[1]
    for number in IMAGES[1:]:
        found = f"!If [MigrationImage{number}, {values[number]}, {found}]"
    return found


def _docker() -> list[Statement]:
    """`docker run`: pull the image, and attach the build to the VPC."""
    describe = "ec2:DescribeDhcpOptions ec2:DescribeNetworkInterfaces ec2:DescribeSecurityGroups ec2:DescribeSubnets ec2:DescribeVpcs"
    interfaces = arn("ec2", "network-interface/*")
    subnets = each("SubnetIds", arn("ec2", "subnet/${item}"))
    groups = each("SecurityGroupIds", arn("ec2", "security-group/${item}"))
    repository = of_migration_image({number: arn("ecr", f"repository/${{Repository{number}}}") for number in IMAGES})
    permission = (
        "{StringEquals: {ec2:AuthorizedService: codebuild.amazonaws.com}, "
        f"ArnEquals: {{ec2:Subnet: [{', '.join(subnets)}]}}}}"
    )
    return [
        Statement(actions, resources, ("Docker",), condition)
        for actions, resources, condition in [
            (["ecr:GetAuthorizationToken"], ['"*"'], ""),
            (
                _several("ecr:BatchCheckLayerAvailability ecr:BatchGetImage ecr:GetDownloadUrlForLayer"),
                [repository],
                "",
            ),
            (_several(describe), ['"*"'], ""),
            (["ec2:CreateNetworkInterface"], [interfaces, *subnets, *groups], ""),
            (["ec2:DeleteNetworkInterface"], [interfaces], ""),
            (["ec2:CreateNetworkInterfacePermission"], [interfaces], permission),
        ]
    ]


def _status() -> list[Statement]:
    """The commit's status: what the execution and its builds say, and GitHub's token."""
    parts = ", ".join(f'!Select [{index}, !Split [":", !Ref StatusToken]]' for index in range(7))
    return [
        *verb("commit-status", _STATUS),
        Statement(["secretsmanager:GetSecretValue"], [f'!Join [":", [{parts}]]']),
        Statement(["kms:Decrypt"], "!Ref BuildKeyArns", ("BuildKeys",)),
    ]


_OWN = {
    "build": lambda: [_use_connection(pull=True), *verb("build-push", _BUILDS), *_secrets("Build")],
    "migrate": lambda: [*verb("migrate", _BUILDS, "MigrateEcsCd"), *_docker(), *_secrets("Migration", "Docker")],
    "deploy": lambda: verb("deploy", _BUILDS),
    "artifacts": lambda: verb("artifacts", _BUILDS),
    "status": _status,
}


# --- as YAML ---


def lines(statements: list[Statement]) -> list[str]:
    """The items of a policy's Statement."""
    return [line for each in statements for line in _statement(each)]


def _statement(each: Statement) -> list[str]:
    found = ["Effect: Allow", f"Action: [{', '.join(each.actions)}]", *_resources(each.resources)]
    found += [f"Condition: {each.condition}"] if each.condition else []
    return listed(found, each.when)


def _resources(resources: list[str] | str) -> list[str]:
    if isinstance(resources, str):
        return [f"Resource: {resources}"]
    return ["Resource:", *(f"  - {each}" for each in resources)]


def listed(item: list[str], when: tuple[str, ...] | list[str] = ()) -> list[str]:
    """A mapping's lines as the item of a list, if all conditions hold."""
    if not when:
        return [f"{'- ' if index == 0 else '  '}{line}" for index, line in enumerate(item)]
    inner = listed(item, when[1:])
    return ["- !If", f"  - {when[0]}", *(f"  {line}" for line in inner), f"  - {NOTHING}"]


def quoted(text: str) -> str:
    """A YAML text in single quotes."""
    return "'" + text.replace("'", "''") + "'"
