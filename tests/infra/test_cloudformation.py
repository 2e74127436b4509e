"""infra/cloudformation/pipeline.yaml makes what infra/terraform/pipeline makes of the same choices."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from dev.terraform import facts
from dev.terraform.terraform import Shown, Terraform
from ecs_cd.document.rules import document
from ecs_cd.handoff.rules import declaration
from ecs_cd.local.codepipeline.rules import cloudformation as reader
from ecs_cd.local.codepipeline.rules import declaration as local
from ecs_cd.model.errors import Refused
from tests.contract.parts import ROOT
from tests.infra import cloudformation, pipelines
from tests.infra.cloudformation import ELSEWHERE, SAME, WITHOUT, Resources, sent, several
from tests.infra.pipelines import CASES, MODULE, Applied, Values

Both = tuple[Shown, Resources, list[str]]  # Terraform's, CloudFormation's, and the images
each_case = pytest.mark.parametrize("case", CASES)


@pytest.fixture(scope="module")
def both(terraform: Terraform, applied: Applied) -> Callable[[str], Both]:
    """What both make of a case."""
    found: dict[str, Both] = {}

    def of(case: str) -> Both:
        if case not in found:
            given = pipelines.inputs(case)
            inputs = cloudformation.agreed(given)
            shown = applied(case) if inputs == given else terraform.apply(MODULE, inputs)
            images = inputs["images"] or yaml.safe_load(inputs["document"])["images"]
            found[case] = shown, cloudformation.made(cloudformation.parameters(inputs)), list(images)
        return found[case]

    return of


@each_case
def test_the_same_pipeline(both: Callable[[str], Both], case: str) -> None:
    """Every stage, action, configuration, variable and trigger."""
    shown, made, images = both(case)
    (pipeline,) = cloudformation.of(made, "AWS::CodePipeline::Pipeline")
    assert cloudformation.in_upper_case(cloudformation.request(pipeline), images) == sent(pipelines.declaration(shown))


@each_case
def test_the_same_projects(both: Callable[[str], Both], case: str) -> None:
    """With the same buildspecs, letter by letter except in `env`, which is JSON."""
    shown, made, _ = both(case)
    ours = {each.name: cloudformation.request(each) for each in cloudformation.of(made, "AWS::CodeBuild::Project")}
    theirs = {each["name"]: sent(pipelines.project(each)) for each in shown.of("aws_codebuild_project").values()}
    assert {name: _comparable(each) for name, each in ours.items()} == {
        name: _comparable(each) for name, each in theirs.items()
    }


def _comparable(project: Values) -> Values:
    text = project["source"]["buildspec"]
    env = yaml.safe_load(text)["env"]
    without = re.sub(r"^env: \{.*\}$", "", text, flags=re.MULTILINE)
    return project | {"source": project["source"] | {"buildspec": without, "env": env}}


@each_case
def test_the_same_roles(both: Callable[[str], Both], case: str) -> None:
    """Who may assume them, and each action on each resource under its condition."""
    shown, made, _ = both(case)
    assert _our_roles(made) == _their_roles(shown)


def _our_roles(made: Resources) -> dict[str, Any]:
    return {
        each.name: _role(each.properties["AssumeRolePolicyDocument"], each.properties["Policies"][0]["PolicyDocument"])
        for each in cloudformation.of(made, "AWS::IAM::Role")
    }


def _their_roles(shown: Shown) -> dict[str, Any]:
    policies = {each["role"]: each["policy"] for each in shown.of("aws_iam_role_policy").values()}
    return {
        each["name"]: _role(json.loads(each["assume_role_policy"]), json.loads(policies[each["id"]]))
        for each in shown.of("aws_iam_role").values()
    }


def _role(trust: Values, policy: Values) -> Any:
    (assumed,) = trust["Statement"]
    return json.loads(json.dumps(_lists(assumed), sort_keys=True)), sorted(set(_allowed(policy)))


def _allowed(policy: Values) -> list[tuple[str, str, str]]:
    return [
        (action, resource, json.dumps(_lists(each.get("Condition", {})), sort_keys=True))
        for each in policy["Statement"]
        if each["Effect"] == "Allow"
        for action in several(each["Action"])
        for resource in several(each["Resource"])
    ]


def _lists(value: Any) -> Any:
    """IAM takes a list of one for the one."""
    if isinstance(value, dict):
        return {key: _lists(each) for key, each in value.items()}
    return value[0] if isinstance(value, list) and len(value) == 1 else value


@each_case
def test_the_same_events(both: Callable[[str], Both], case: str) -> None:
    """The pattern of each rule, what it starts and with what."""
    shown, made, _ = both(case)
    ours = {
        each.name: (
            each.properties["EventPattern"],
            [
                (target["Arn"], target["RoleArn"], target["InputTransformer"]["InputPathsMap"], target["InputTransformer"]["InputTemplate"])
                for target in each.properties["Targets"]
            ],
        )
        for each in cloudformation.of(made, "AWS::Events::Rule")
    }  # fmt: skip
    targets = list(shown.of("aws_cloudwatch_event_target").values())
    theirs = {
        each["name"]: (
            json.loads(each["event_pattern"]),
            [
                (target["arn"], target["role_arn"], target["input_transformer"][0]["input_paths"], target["input_transformer"][0]["input_template"])
                for target in targets
                if target["rule"] == each["name"]
            ],
        )
        for each in shown.of("aws_cloudwatch_event_rule").values()
    }  # fmt: skip
    assert ours == theirs


@each_case
def test_the_same_document(both: Callable[[str], Both], case: str) -> None:
    """In the same parameter, with the same `images` and `pipeline`."""
    shown, made, images = both(case)
    (ours,) = cloudformation.of(made, "AWS::SSM::Parameter")
    theirs = shown.one("aws_ssm_parameter")
    assert ours.name == theirs["name"]
    written = cloudformation.in_upper_case(yaml.safe_load(ours.properties["Value"]), images)
    assert written == json.loads(theirs["insecure_value"])


@each_case
def test_the_same_storage(both: Callable[[str], Both], case: str) -> None:
    """The bucket's name, key and days, and the log groups and report groups."""
    shown, made, _ = both(case)
    (bucket,) = cloudformation.of(made, "AWS::S3::Bucket")
    assert bucket.name == shown.one("aws_s3_bucket")["bucket"]
    (rule,) = bucket.properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    (default,) = shown.one("aws_s3_bucket_server_side_encryption_configuration")["rule"][0]["apply_server_side_encryption_by_default"]  # fmt: skip
    assert rule["ServerSideEncryptionByDefault"].get("KMSMasterKeyID") == default["kms_master_key_id"]
    days = [each["expiration"][0]["days"] for each in shown.one("aws_s3_bucket_lifecycle_configuration")["rule"] if each["expiration"]]  # fmt: skip
    assert [each["ExpirationInDays"] for each in bucket.properties["LifecycleConfiguration"]["Rules"] if "ExpirationInDays" in each] == days  # fmt: skip
    ours = {each.name: each.properties["RetentionInDays"] for each in cloudformation.of(made, "AWS::Logs::LogGroup")}
    assert ours == {each["name"]: each["retention_in_days"] for each in shown.of("aws_cloudwatch_log_group").values()}
    reports = {each.name for each in cloudformation.of(made, "AWS::CodeBuild::ReportGroup")}
    assert reports == {each["name"] for each in shown.of("aws_codebuild_report_group").values()}


def test_every_input_has_a_parameter() -> None:
    """But for those with a reason."""
    declared = set(re.findall(r'^variable "(\w+)"', (MODULE / "variables.tf").read_text(), re.MULTILINE))
    assert declared == {*SAME, *ELSEWHERE, *WITHOUT}


# --- what the template refuses ---

REFUSED: dict[str, tuple[Values, str]] = {
    "name": ({"Name": "my-application-deployment"}, "Parameters.Name: must have 2 to 20 lower case letters"),
    "document in JSON": ({"Document": '{"cluster": "c"}'}, "Parameters.Document: must be YAML in block style"),
    "pipeline": ({"Document": "cluster: c\npipeline:\n  name: a"}, "Parameters.Document: must be YAML in block style, without `pipeline`"),
    "quoted pipeline": ({"Document": '"pipeline": {}\ncluster: c'}, "Parameters.Document: must be YAML in block style"),
    "name of an image": ({"Image1": "my-app"}, "Parameters.Image1: must have letters, digits and underscores"),
    "tag in a repository": ({"Repository1": "my-app:latest"}, "Parameters.Repository1: must be the name of a repository"),
    "too many services": ({"MoreServices": "a,b,c,d"}, "Parameters.MoreServices: must be at most 3 names"),
    "wildcard role": ({"PassRoleArns": "arn:aws:iam::123456789012:role/*"}, "Parameters.PassRoleArns: must name each role by its ARN"),
    "wildcard sub": ({"GitHubSubjects": "repo:my-org/*:*"}, "Parameters.GitHubSubjects: must be such as"),
    "several subs": ({"GitHubSubjects": "repo:o/a:ref:refs/heads/main,repo:o/*:x"}, "Parameters.GitHubSubjects: must be such as"),
    "release": ({"Release": "ecs-cd.tar.gz"}, "Parameters.Release: must be s3://bucket/key"),
    "hash": ({"ReleaseSha256": "AB"}, "Parameters.ReleaseSha256: must be 64 hexadecimal digits"),
    "two lines": ({"MigrationCommand": "a\nb"}, "Parameters.MigrationCommand: must be one line"),
    "quotation mark": ({"MigrationEnvironment": 'A="b"'}, "Parameters.MigrationEnvironment: must be NAME=value"),
    "parallel": ({"ExecutionMode": "PARALLEL"}, "Parameters.ExecutionMode: must be one of QUEUED, SUPERSEDED"),
    "days": ({"ArtifactDays": "7"}, "Parameters.ArtifactDays: must be between 8 and"),
    "event of two images": ({"Start": "event", "Image2": "nginx", "Repository2": "my-nginx"}, "Rules.EventTakesOneImage: Image2: Start = event takes one image"),
    "half an image": ({"Image2": "nginx"}, "Rules.Image2IsComplete: Image2, Repository2: go together"),
    "a gap": ({"Image3": "nginx", "Repository3": "my-nginx"}, "Rules.Image3IsComplete: Image3: comes after Image2, which is missing"),
    "another image migrates": ({"MigrateWith": "docker", "MigrationImage": "2"}, "Rules.Image2IsComplete: Image2, Repository2: go together, and MigrationImage"),
    "connection": ({"Start": "connection", "GitHubOidcProviderArn": ""}, "Rules.ConnectionIsComplete: ConnectionArn, ConnectionRepository: are missing"),
    "connection and hand-off": ({"Start": "connection"}, "Rules.ConnectionIsComplete: GitHubOidcProviderArn: is for hand-off"),
    "connection and wait": ({"Start": "connection", "WaitUntil": "Deploy"}, "Rules.ConnectionIsComplete: WaitUntil: is for hand-off"),
    "no connection": ({"ConnectionArn": pipelines.CONNECTION["arn"]}, "Rules.OnlyForConnection: ConnectionArn, StatusToken: are only for"),
    "no build": ({"BuildEnvironment": "A=b"}, "Rules.OnlyForConnection: BuildEnvironment, BuildParameterStore"),
    "nobody": ({"GitHubSubjects": ""}, "Rules.GitHubIsComplete: GitHubSubjects: is missing"),
    "docker": ({"MigrateWith": "docker"}, "Rules.DockerIsComplete: VpcId, SubnetIds, SecurityGroupIds: are missing"),
    "no docker": ({"VpcId": "vpc-1"}, "Rules.OnlyForDocker: VpcId: is only for MigrateWith = docker"),
    "no migration": ({"MigrateWith": "none", "ApprovalBefore": "migration"}, "Rules.NeedsMigration: ApprovalBefore: there is no migration"),
    "wait for no migration": ({"MigrateWith": "none", "WaitUntil": "Migrate"}, "Rules.NeedsMigration: WaitUntil: there is no stage Migrate"),
    "wait for no approval": ({"WaitUntil": "Approval"}, "Rules.NeedsApproval: WaitUntil: there is no stage Approval"),
    "two services": ({"DeployWith": "ecs", "MoreServices": "worker"}, "Rules.OneService: MoreServices: CodeDeployToECS and ECS deploy one service"),
    "ecs": ({"DeployWith": "ecs", "CodeDeployApplication": "a", "CodeDeployDeploymentGroup": "g"}, "Rules.EcsAction: CodeDeployApplication: CodeDeploy deploys the service"),
    "codedeploy": ({"CodeDeployApplication": "a"}, "Rules.CodeDeployIsComplete: CodeDeployDeploymentGroup: is missing"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_is_refused(case: str) -> None:
    """By a parameter's pattern or the template's rules, before anything is made."""
    changes, problem = REFUSED[case]
    with pytest.raises(Refused) as raised:
        cloudformation.made(cloudformation.parameters(pipelines.INPUTS) | changes)
    assert any(each.startswith(problem) for each in raised.value.problems), raised.value.problems


# --- what the cases don't have ---


def _with(**changes: str) -> Resources:
    return cloudformation.made(cloudformation.parameters(pipelines.INPUTS) | changes)


def _pairs(made: Resources, role: str) -> set[tuple[str, str]]:
    return {(action, resource) for action, resource, _ in _our_roles(made)[f"my-app-deploy-{role}"][1]}


HERE = "us-east-1:123456789012"
MORE: list[tuple[Values, str, tuple[str, str]]] = [
    ({"GitHubBuildPush": "true"}, "github", ("ecr:PutImage", f"arn:aws:ecr:{HERE}:repository/my-app")),
    ({"GitHubStopExecution": "true"}, "github", ("codepipeline:StopPipelineExecution", f"arn:aws:codepipeline:{HERE}:my-app-deploy")),
    ({"GitHubReadEcs": "true"}, "github", ("ecs:DescribeServices", f"arn:aws:ecs:{HERE}:service/my-cluster/my-service")),
    ({"BaseRepositoryArns": "arn:aws:ecr:x", "GitHubBuildPush": "true"}, "github", ("ecr:GetDownloadUrlForLayer", "arn:aws:ecr:x")),
    ({"CodeDeployApplication": "a", "CodeDeployDeploymentGroup": "g"}, "deploy", ("codedeploy:CreateDeployment", f"arn:aws:codedeploy:{HERE}:deploymentgroup:a/g")),
    ({"CodeDeployApplication": "a", "CodeDeployDeploymentGroup": "g", "CodeDeployDeploymentConfig": "c"}, "deploy", ("codedeploy:GetDeploymentConfig", f"arn:aws:codedeploy:{HERE}:deploymentconfig:c")),
    ({"ScheduledRuleArns": "arn:aws:events:x"}, "deploy", ("events:PutTargets", "arn:aws:events:x")),
    ({"ScheduleArns": "arn:aws:scheduler:x"}, "deploy", ("scheduler:UpdateSchedule", "arn:aws:scheduler:x")),
    ({"MoreServices": "b,c"}, "deploy", ("ecs:UpdateService", f"arn:aws:ecs:{HERE}:service/my-cluster/c")),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "role", "pair"), MORE)
def test_a_parameter_adds_a_permission(changes: Values, role: str, pair: tuple[str, str]) -> None:
    """It is missing without the parameter."""
    assert pair in _pairs(_with(**changes), role) - _pairs(_with(), role)


def test_the_images_of_the_document_stay() -> None:
    """The template writes `images` only if the document has none."""
    images = {"app": {"repository": f"{pipelines.REGISTRY}/my-app", "build": {"args": {"A": "b"}}}}
    (parameter,) = cloudformation.of(
        _with(Document=yaml.safe_dump(pipelines.DOCUMENT | {"images": images})), "AWS::SSM::Parameter"
    )
    written = yaml.safe_load(parameter.properties["Value"])
    assert written["images"] == images
    assert written["pipeline"]["variables"] == {"IMAGE_app": "app"}


def test_only_variables_need_the_source(applied: Applied) -> None:
    """It is the same file that Terraform uploads."""
    (written,) = (each for each in applied("variables").of("aws_s3_object").values() if each["key"] == "source.zip")
    source = (cloudformation.TEMPLATE.parent / "source.zip").read_bytes()
    assert source == base64.b64decode(written["content_base64"])
    for start, files in {"variables": ["source.zip", "ecs-cd.tar.gz"], "object": ["ecs-cd.tar.gz"]}.items():
        (bucket,) = cloudformation.of(_with(Start=start), "AWS::S3::Bucket")
        assert [each["File"] for each in bucket.metadata["EcsCd"]["Uploads"]] == files


@each_case
def test_the_template_runs_on_a_laptop(case: str) -> None:
    """AWS would accept the declarations, and nothing of them is unknown to the local CodePipeline."""
    given = pipelines.inputs(case)
    if given.get("deploy_with") == "codedeploy":
        given |= {"deploy_with": "ecs-cd"}  # its deployment group is not of this stack
    read = reader.read(
        cloudformation.text(),
        cloudformation.parameters(cloudformation.agreed(given)),
        account=facts.ACCOUNT,
        region=facts.REGION,
        content=str.encode,
    )
    for declared in read.pipelines.values():
        pipelines.held_to_the_model("codepipeline", "CreatePipeline", {"pipeline": sent(dict(declared))})
    for project in read.projects.values():
        pipelines.held_to_the_model("codebuild", "CreateProject", sent(dict(project)))
    assert local.problems(read) == []
    assert ("releases", "ecs-cd-1.2.0.tar.gz") in [(each.bucket, each.key) for each in read.objects]


def test_a_stack_can_be_made_of_it() -> None:
    """CloudFormation takes 1 MB from S3 and 200 parameters of 4,096 bytes; a role's policies have at most 10,240 characters."""
    text = cloudformation.TEMPLATE.read_text(encoding="utf-8")
    assert 51_200 < len(text.encode()) < 1_000_000  # the README says that it goes through S3
    assert len(cloudformation.declared()["Parameters"]) <= 200
    for case in CASES:
        inputs = cloudformation.agreed(pipelines.inputs(case))
        for role in cloudformation.of(cloudformation.made(cloudformation.parameters(inputs)), "AWS::IAM::Role"):
            assert len(json.dumps(role.properties["Policies"], separators=(",", ":"))) < 10_000


def test_every_parameter_is_described_and_in_a_group() -> None:
    """The console shows them in groups, and the README in tables."""
    declared = cloudformation.declared()
    groups = declared["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    assert [name for group in groups for name in group["Parameters"]] == list(declared["Parameters"])
    for parameter in declared["Parameters"].values():
        assert parameter["Description"].endswith(".")


EXAMPLE = ROOT / "examples/infra/cloudformation"


def test_the_example_is_complete() -> None:
    """Its parameters and its document make a pipeline that hand-off accepts."""
    given = json.loads((EXAMPLE / "parameters.json").read_text(encoding="utf-8"))["Parameters"]
    made = cloudformation.made(given | {"Document": (EXAMPLE / "document.yaml").read_text(encoding="utf-8")})
    (pipeline,) = cloudformation.of(made, "AWS::CodePipeline::Pipeline")
    (parameter,) = cloudformation.of(made, "AWS::SSM::Parameter")
    read = document.load(parameter.properties["Value"], where="the parameter")
    assert read.pipeline and parameter.name == "/ecs-cd/my-app/production"
    assert declaration.problems(cloudformation.request(pipeline), read.pipeline, read.images, "") == []
    assert {"app", "nginx"} == set(read.images)
