"""iam: the policies on standard output, exact where AWS answers, wide and noted where it doesn't."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ecs_cd import cli
from tests.scripted_aws import Clock, Params, ScriptedAws, codepipeline, denied, ecs, error
from tests.timelines.conftest import DOCUMENT, REPOSITORY

ACCOUNT, OTHER = "123456789012", "222222222222"
HERE = f"ap-northeast-1:{ACCOUNT}"
KEY = "12345678-abcd-1234-abcd-1234567890ab"
SECRET = "the-value-of-a-variable"


@dataclass(frozen=True)
class Printed:
    """What the verb leaves: its exit code, standard output and standard error."""

    exit_code: int
    text: str
    notes: str

    @property
    def policies(self) -> dict[str, dict[str, Any]]:
        """By account and name."""
        found: dict[str, dict[str, Any]] = json.loads(self.text)
        return found

    @property
    def statements(self) -> list[dict[str, Any]]:
        """Of the role's permissions."""
        return list(self.policies[ACCOUNT]["permissions"]["Statement"])

    def on(self, action: str) -> list[str]:
        """The resources of an action."""
        return [arn for each in self.statements if action in each["Action"] for arn in each["Resource"]]


@pytest.fixture
def iam(
    aws: ScriptedAws, clock: Clock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> Callable[..., Printed]:
    """Runs the verb in a terminal, in a checkout of my-org/my-app."""
    for name in ("GITHUB_ACTIONS", "GITHUB_OUTPUT", "GITHUB_REPOSITORY", "GITHUB_SERVER_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    git("init", "--quiet")
    git("remote", "add", "origin", "git@github.com:my-org/my-app.git")
    Path("Dockerfile").write_text(f"FROM {OTHER}.dkr.ecr.ap-northeast-1.amazonaws.com/base/ruby:3\n")
    aws.on("sts.GetCallerIdentity", {"Account": ACCOUNT, "Arn": f"arn:aws:iam::{ACCOUNT}:user/me", "UserId": "x"})
    aws.on("ssm.DescribeParameters", {"Parameters": [{"Name": "/my/parameter", "Type": "String"}]})
    aws.on("ecs.DescribeTaskDefinition", described)

    def run(*flags: str, config: str = "/my/parameter") -> Printed:
        code = cli.main(["iam", "--config", config, *flags], os.environ, clock=clock)
        captured = capfd.readouterr()
        return Printed(code, captured.out, captured.err)

    return run


def git(*words: str) -> None:
    subprocess.run(["git", *words], check=True, capture_output=True)


def described(params: Params) -> Params:
    """A family with a role and a log group of its own."""
    family = params["taskDefinition"].rpartition("/")[2].partition(":")[0]
    found = ecs.task_definition(family)
    log = {"logDriver": "awslogs", "options": {"awslogs-group": f"/ecs/{family}", "awslogs-region": "ap-northeast-1"}}
    container = {
        **found["containerDefinitions"][0],
        "logConfiguration": log,
        "environment": [{"name": "A", "value": SECRET}],
    }
    roles = {
        "executionRoleArn": f"arn:aws:iam::{ACCOUNT}:role/execution",
        "taskRoleArn": f"arn:aws:iam::{ACCOUNT}:role/{family}",
    }
    return {"taskDefinition": {**found, **roles, "containerDefinitions": [container]}, "tags": []}


def document(aws: ScriptedAws, **changes: Any) -> None:
    given = {key: value for key, value in {**DOCUMENT, **changes}.items() if value is not None}
    aws.on("ssm.GetParameter", {"Parameter": {"Value": json.dumps(given), "Version": 3}})


def test_the_policies_are_exact(iam: Callable[..., Printed]) -> None:
    """Families, roles and log groups come from the templates, the trust from the checkout; nothing is noted."""
    found = iam()
    assert found.exit_code == 0 and "can't be read" not in found.notes, found.notes
    assert list(found.policies) == [ACCOUNT, OTHER]
    assert found.on("ecs:RegisterTaskDefinition") == [
        f"arn:aws:ecs:{HERE}:task-definition/{name}:*" for name in ("web", "migration")
    ]
    assert found.on("iam:PassRole") == [
        f"arn:aws:iam::{ACCOUNT}:role/{name}" for name in ("execution", "web", "migration")
    ]
    assert found.on("logs:GetLogEvents") == [
        f"arn:aws:logs:{HERE}:log-group:/ecs/{name}:log-stream:*" for name in ("web", "migration")
    ]
    assert found.on("ssm:GetParameter") == [f"arn:aws:ssm:{HERE}:parameter/my/parameter"]
    assert found.on("ecr:PutImage") == [f"arn:aws:ecr:{HERE}:repository/my-app"]
    assert found.on("kms:Decrypt") == found.on("codedeploy:CreateDeployment") == found.on("events:PutTargets") == []
    (trusted,) = found.policies[ACCOUNT]["trust"]["Statement"]
    subject = "token.actions.githubusercontent.com:sub"
    assert trusted["Condition"]["StringEquals"][subject] == ["repo:my-org/my-app:ref:refs/heads/main"]
    assert SECRET not in found.text + found.notes


def test_a_base_image_in_another_account_gets_a_policy_there(iam: Callable[..., Printed]) -> None:
    """The Dockerfile names its repository; pulling it needs both accounts' permission."""
    found = iam("--verb", "build-push")
    base = f"arn:aws:ecr:ap-northeast-1:{OTHER}:repository/base/ruby"
    assert base in found.on("ecr:GetDownloadUrlForLayer")
    (statement,) = found.policies[OTHER][f"repository/{OTHER}/ap-northeast-1/base/ruby"]["Statement"]
    assert statement["Action"] == ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    assert f"the account {OTHER} must let {ACCOUNT} use its repositories" in found.notes


def test_one_policy_can_be_printed_alone(iam: Callable[..., Printed]) -> None:
    """As `aws iam create-policy --policy-document` takes it."""
    for name in ("permissions", "trust", f"repository/{OTHER}/ap-northeast-1/base/ruby"):
        assert set(json.loads(iam("--policy", name).text)) == {"Version", "Statement"}
    refused = iam("--policy", "everything")
    assert (refused.exit_code, refused.text) == (2, "")
    assert "there is no policy everything" in refused.notes and "permissions, trust" in refused.notes


def test_terraform_is_a_data_source_for_each_policy(iam: Callable[..., Printed]) -> None:
    """The names are those of the JSON."""
    printed = iam("--format", "terraform").text
    assert [line.split('"')[3] for line in printed.splitlines() if line.startswith("data ")] == [
        "permissions", "trust", f"repository_{OTHER}_ap_northeast_1_base_ruby",
    ]  # fmt: skip


def test_a_parameter_with_a_key_of_ones_own_can_be_decrypted(aws: ScriptedAws, iam: Callable[..., Printed]) -> None:
    """By its id or its ARN; the key that AWS manages needs no permission, and an alias no policy can name."""
    keys = {KEY: [f"arn:aws:kms:{HERE}:key/{KEY}"], f"arn:aws:kms:{HERE}:key/x": [f"arn:aws:kms:{HERE}:key/x"],
            "alias/aws/ssm": [], "alias/mine": []}  # fmt: skip
    for key, expected in keys.items():
        aws.on("ssm.DescribeParameters", {"Parameters": [{"Name": "/my/parameter", "KeyId": key}]})
        found = iam()
        assert found.on("kms:Decrypt") == expected
        assert ("alias mine: add kms:Decrypt" in found.notes) == (key == "alias/mine")


def test_services_say_who_deploys_them_and_what_they_run(aws: ScriptedAws, iam: Callable[..., Printed]) -> None:
    """CodeDeploy's permissions only for its services; `service:KEY` is what the service runs."""
    document(aws, migration={"task-definition": "service:web", "container": "app"})
    aws.on("ecs.DescribeServices", {"services": [ecs.service(deploymentController={"type": "CODE_DEPLOY"}, deployments=[], taskSets=[
        {"status": "PRIMARY", "taskDefinition": f"arn:aws:ecs:{HERE}:task-definition/running:7"}])]})  # fmt: skip
    found = iam()
    assert f"arn:aws:codedeploy:{HERE}:application:AppECS-my-cluster-web" in found.on("codedeploy:CreateDeployment")
    assert f"arn:aws:ecs:{HERE}:task-definition/running:*" in found.on("ecs:RegisterTaskDefinition"), found.notes


def test_a_template_in_s3_is_read(aws: ScriptedAws, iam: Callable[..., Printed]) -> None:
    """For the names in it; the role may read the object, and no other."""
    document(aws, migration={"task-definition": "s3://my-bucket/m.json", "container": "app"})
    text = json.dumps({"family": "from-s3", "containerDefinitions": [{"name": "app", "image": "x"}]}).encode()
    aws.on("s3.GetObject", {"Body": text, "ContentLength": len(text)})
    found = iam("--verb", "migrate")
    assert found.on("s3:GetObject") == ["arn:aws:s3:::my-bucket/m.json"]
    assert found.on("ecs:RunTask") == [f"arn:aws:ecs:{HERE}:task-definition/from-s3:*"]


def test_verify_looks_at_what_the_templates_name(aws: ScriptedAws, iam: Callable[..., Printed]) -> None:
    """Images of sidecars in ECR, and environment files; what the document replaces is a placeholder."""
    host = f"{OTHER}.dkr.ecr.eu-west-1.amazonaws.com"
    app = {
        "name": "app",
        "image": f"{host}/placeholder:1",
        "environmentFiles": [{"type": "s3", "value": "arn:aws:s3:::bucket/app.env"}],
    }
    sidecars = [{"name": "proxy", "image": f"{host}/proxy:1"}, {"name": "agent", "image": "datadog/agent:7"}]
    definition = {**ecs.task_definition("web"), "containerDefinitions": [app, *sidecars]}
    aws.on("ecs.DescribeTaskDefinition", {"taskDefinition": definition, "tags": []})
    found = iam("--verb", "verify")
    proxy = f"arn:aws:ecr:eu-west-1:{OTHER}:repository/proxy"
    assert found.on("ecr:BatchGetImage") == [f"arn:aws:ecr:{HERE}:repository/my-app", proxy]
    assert found.on("s3:GetObject") == ["arn:aws:s3:::bucket/app.env"]
    assert list(found.policies[OTHER]) == [f"repository/{OTHER}/eu-west-1/proxy"]
    assert "iam:SimulatePrincipalPolicy on itself" in found.notes
    deploy = iam("--verb", "deploy")
    assert proxy not in deploy.text and "app.env" not in deploy.text


def test_a_verb_that_needs_nothing_has_no_policy(iam: Callable[..., Printed]) -> None:
    """IAM refuses a policy without statements."""
    Path("document.json").write_text(json.dumps(DOCUMENT))
    found = iam("--verb", "images", config="file:document.json")
    assert "permissions" not in found.policies[ACCOUNT], found.text
    assert "these verbs need no permissions" in found.notes


def test_scheduled_tasks_name_the_roles_of_their_targets(aws: ScriptedAws, iam: Callable[..., Printed]) -> None:
    """Those that EventBridge passes on to ECS."""
    task = {"task-definition": "job", "containers": {"app": "app"}}
    document(aws, **{"scheduled-tasks": {"a": {"rule": "a", **task}, "b": {"schedule": "b", **task}}})
    target = {"Id": "1", "Arn": f"arn:aws:ecs:{HERE}:cluster/my-cluster", "EcsParameters": {"TaskDefinitionArn": "x"}}
    aws.on("events.ListTargetsByRule", {"Targets": [{**target, "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/of-the-rule"}]})
    other = {
        "Arn": target["Arn"],
        "EcsParameters": target["EcsParameters"],
        "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/of-the-schedule",
    }
    aws.on("scheduler.GetSchedule", {"Name": "b", "Target": other})
    found = iam("--verb", "deploy")
    assert {f"arn:aws:iam::{ACCOUNT}:role/of-the-{name}" for name in ("rule", "schedule")} <= set(
        found.on("iam:PassRole")
    )
    assert found.on("scheduler:UpdateSchedule") == [f"arn:aws:scheduler:{HERE}:schedule/default/b"]


def test_a_pipeline_names_its_projects(aws: ScriptedAws, clock: Clock, iam: Callable[..., Printed]) -> None:
    """A document with `pipeline` is for build-push and hand-off, whose role can't change ECS."""
    document(aws, pipeline={"name": codepipeline.NAME, "variables": {"IMAGE_APP": "app"}})
    codepipeline.Pipeline(clock).script(aws)
    found = iam()
    assert found.exit_code == 0, found.notes
    assert "for build-push, hand-off in the account" in found.notes
    assert all("project/*" not in arn for arn in found.on("codebuild:BatchGetBuilds"))
    assert not found.on("ecs:UpdateService") and not found.on("iam:PassRole")


DENIED = {
    "ecs.DescribeTaskDefinition": "services.web: its task definition can't be read",
    "ecs.DescribeServices": "services.web: ECS doesn't say who deploys it",
    "ssm.DescribeParameters": "the parameter's key: AWS answered DescribeParameters with AccessDeniedException",
}


@pytest.mark.parametrize(("operation", "note"), DENIED.items())
def test_what_may_not_be_read_is_noted(
    aws: ScriptedAws, iam: Callable[..., Printed], operation: str, note: str
) -> None:
    """The policies are printed all the same, wider where they have to be."""
    aws.on(operation, denied())
    found = iam()
    assert found.exit_code == 0
    assert note in found.notes


def test_without_credentials_the_files_are_enough(aws: ScriptedAws, iam: Callable[..., Printed]) -> None:
    """The account is that of ECR's host; nothing else in AWS is asked, and everything wide is noted."""
    aws.on("sts.GetCallerIdentity", error("UnrecognizedClientException"))
    Path("document.json").write_text(json.dumps(DOCUMENT))
    found = iam(config="file:document.json")
    assert found.exit_code == 0, found.notes
    assert {call.operation for call in aws.calls} == {"sts.GetCallerIdentity"}
    assert found.on("ssm:GetParameter") == []
    assert found.on("iam:PassRole") == [f"arn:aws:iam::{ACCOUNT}:role/*"]
    assert "the policies are wider than they need to be" in found.notes


def test_a_document_that_names_another_account_is_for_that_account(
    aws: ScriptedAws, iam: Callable[..., Printed]
) -> None:
    """The cluster's ARN decides, and the note says whose credentials these are: what they could read has the same names
    but is not meant."""
    document(aws, cluster=f"arn:aws:ecs:ap-northeast-1:{OTHER}:cluster/main")
    found = iam("--verb", "deploy")
    assert list(found.policies) == [OTHER, ACCOUNT]
    assert list(found.policies[ACCOUNT]) == [f"repository/{ACCOUNT}/ap-northeast-1/my-app"]
    assert f"the credentials are of the account {ACCOUNT}; the cluster and the role are in {OTHER}" in found.notes
    assert not [call.operation for call in aws.calls if call.operation.startswith("ecs.")]


def test_a_cluster_in_another_region_is_not_read_here(aws: ScriptedAws, iam: Callable[..., Printed]) -> None:
    """The policy is for the cluster's region, and the note says how to read there."""
    document(aws, cluster=f"arn:aws:ecs:eu-west-1:{ACCOUNT}:cluster/main")
    found = iam("--verb", "deploy")
    assert found.on("ecs:UpdateService") == [f"arn:aws:ecs:eu-west-1:{ACCOUNT}:service/main/web"]
    assert "--aws-region eu-west-1" in found.notes
    assert not [call.operation for call in aws.calls if call.operation.startswith("ecs.")]


def test_a_parameter_in_another_account_has_to_be_shared(aws: ScriptedAws, iam: Callable[..., Printed]) -> None:
    """Its ARN names whose it is."""
    arn = f"arn:aws:ssm:ap-northeast-1:{OTHER}:parameter/shared"
    found = iam("--verb", "deploy", "--account", ACCOUNT, config=arn)
    assert found.on("ssm:GetParameter") == [arn]
    assert f"the parameter is in the account {OTHER}, which must share it with {ACCOUNT}" in found.notes


def test_the_jobs_that_are_trusted_can_be_named(iam: Callable[..., Printed]) -> None:
    """By environment, branch and pull request, of any repository."""
    flags = ("--environment", "production", "--branch", "release/*", "--repository", "my-org@1/shop@2")
    (statement,) = json.loads(iam("--policy", "trust", *flags).text)["Statement"]
    assert statement["Condition"]["StringLike"]["token.actions.githubusercontent.com:sub"] == [
        "repo:my-org@1/shop@2:environment:production",
        "repo:my-org@1/shop@2:ref:refs/heads/release/*",
    ]


def test_pull_requests_should_only_look(iam: Callable[..., Printed]) -> None:
    """Their code is not reviewed yet."""
    assert "code that is not reviewed yet" in iam("--pull-request").notes
    assert "code that is not reviewed yet" not in iam("--pull-request", "--verb", "images").notes


def test_without_a_repository_there_is_no_trust_policy(iam: Callable[..., Printed]) -> None:
    """The rest is printed, and the note says how; who asks for it alone gets an error."""
    git("remote", "set-url", "origin", "https://gitlab.com/my-org/my-app.git")
    found = iam()
    assert found.exit_code == 0 and list(found.policies[ACCOUNT]) == ["permissions"]
    assert (
        "no trust policy: the checkout has no remote `origin` on GitHub; name the app's repository: --repository"
        in found.notes
    )
    alone = iam("--policy", "trust")
    assert (alone.exit_code, alone.text) == (2, "") and "--repository OWNER/NAME" in alone.notes


def test_a_long_policy_says_how_it_is_attached(aws: ScriptedAws, iam: Callable[..., Printed]) -> None:
    """Inline as long as a role takes it, then in parts."""
    for number, words in ((15, "put it into the role inline"), (60, "attach each as a managed policy")):
        services = {
            f"service-{each}": {"task-definition": "web", "containers": {"app": "app"}} for each in range(number)
        }
        document(aws, services=services, migration=None)
        listed = [
            ecs.service(serviceName=name, serviceArn=f"arn:aws:ecs:{HERE}:service/my-cluster/{name}")
            for name in services
        ]
        aws.on(
            "ecs.DescribeServices",
            lambda params, all=listed: {
                "services": [each for each in all if each["serviceName"] in params["services"]]
            },
        )
        found = iam("--verb", "deploy")
        assert words in found.notes, found.notes[-300:]
        assert ("permissions" in found.policies[ACCOUNT]) == (number == 15)


REFUSED: dict[str, tuple[tuple[str, ...], str]] = {
    "an unknown verb": (("--verb", "destroy"), "--verb: there is no verb destroy"),
    "a verb for nothing": (("--verb", "hand-off"), "--verb hand-off: the document has no `pipeline`"),
    "an unknown feature": (("--feature", "magic"), "--feature: there is no feature magic"),
    "an account that is none": (("--account", "my-account"), "account: must be the id of an AWS account"),
    "a repository that is none": (("--repository", "my-org/*"), "--repository: must be owner/name"),
    "every branch": (("--branch", "*"), "--branch: a name can't begin with a wildcard"),
    "an unknown format": (("--format", "yaml"), "format: must be one of json, terraform"),
}


@pytest.mark.parametrize(("flags", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_a_wrong_input_is_refused(iam: Callable[..., Printed], flags: tuple[str, ...], words: str) -> None:
    """With its name and what would be right, and nothing on standard output."""
    found = iam(*flags)
    assert (found.exit_code, found.text) == (2, "")
    assert words in found.notes


def test_a_document_with_problems_is_refused(aws: ScriptedAws, iam: Callable[..., Printed]) -> None:
    """As every verb refuses it."""
    document(aws, services={"web": {"task-definition": "web", "containers": {"app": "ap"}}})
    found = iam()
    assert (found.exit_code, found.text) == (2, "")
    assert "services.web.containers.app: must name an image" in found.notes
    assert REPOSITORY not in found.notes
