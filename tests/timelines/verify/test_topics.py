"""What each check of `verify` finds in an account where one thing is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.scripted_aws import Clock, Params, ScriptedAws, denied, ecs, error
from tests.scripted_aws.codepipeline import NAME, Pipeline, declaration
from tests.timelines.conftest import DOCUMENT, Step
from tests.timelines.deploy import test_schedules
from tests.timelines.deploy.test_faults import CODEDEPLOY, build
from tests.timelines.verify import conftest as account
from tests.timelines.verify.test_verify import findings, of_state

Run = Callable[..., Step]

IMAGES = f"arn:aws:ecr:{account.REGION}:{account.ACCOUNT}:repository/my-app"


@pytest.fixture(autouse=True)
def alone(aws: ScriptedAws) -> None:
    """Only the service, so that each problem is found once."""
    document(aws)


def document(aws: ScriptedAws, **more: Any) -> None:
    text = json.dumps({**{key: value for key, value in DOCUMENT.items() if key != "migration"}, **more})
    aws.on("ssm.GetParameter", {"Parameter": {"Value": text, "Version": 3}})


def the_wrong_one(step: Step) -> dict[str, str]:
    (found,) = (each for each in findings(step) if each["state"] == "wrong")
    assert found["remedy"], "it says what to do"
    return found


# ---- templates ----


def test_a_template_that_is_not_there(aws: ScriptedAws, step: Run) -> None:
    """The other checks of this service are left out, those of the cluster go on."""
    aws.on("ecs.DescribeTaskDefinition", error("ClientException", "Unable to describe task definition."))
    ended = step("verify")
    assert the_wrong_one(ended)["check"] == "template"
    assert ("service web", "circuit-breaker") in of_state(ended, "ok")


def test_a_template_without_the_container(aws: ScriptedAws, step: Run) -> None:
    """What it names is checked nevertheless."""
    aws.on("ecs.DescribeTaskDefinition", account.described(containerDefinitions=[account.container(name="other")]))
    ended = step("verify")
    assert the_wrong_one(ended)["check"] == "containers"
    assert ("service web", "secrets") in of_state(ended, "ok")


def test_a_template_that_ecs_would_refuse(aws: ScriptedAws, step: Run) -> None:
    """With the sizes that there are."""
    aws.on("ecs.DescribeTaskDefinition", account.described(cpu="256", memory="4096", volumes=[]))
    assert of_state(step("verify"), "wrong") == [("service web", "task-definition")]


def test_the_template_of_a_service_that_runs_nothing_yet(aws: ScriptedAws, step: Run) -> None:
    """`service:web` needs a first deployment."""
    document(aws, services={"web": {"task-definition": "service:web", "containers": {"app": "app"}}})
    assert step("verify").exit_code == 0
    aws.on("ecs.DescribeServices", {"services": []})
    ended = step("verify")
    assert of_state(ended, "wrong") == [("service web", "template"), ("service web", "service")]


# ---- services ----


@pytest.mark.parametrize(
    ("more", "check"),
    [
        ({"status": "DRAINING"}, "service"),
        ({"deploymentController": {"type": "EXTERNAL"}}, "service"),
        (
            {"deploymentConfiguration": {"deploymentCircuitBreaker": {"enable": False, "rollback": False}}},
            "circuit-breaker",
        ),
        ({"deploymentConfiguration": {}}, "circuit-breaker"),
    ],
)
def test_a_service_that_can_not_be_deployed_well(aws: ScriptedAws, step: Run, more: Params, check: str) -> None:
    """A service that is not active, that another program deploys, or whose failed deployments never end."""
    aws.on("ecs.DescribeServices", {"services": [ecs.service(**more)]})
    assert the_wrong_one(step("verify"))["check"] == check


@pytest.mark.parametrize(
    "configuration",
    [
        {"alarms": {"alarmNames": ["errors"], "enable": True, "rollback": True}},
        {"deploymentCircuitBreaker": {"enable": True, "rollback": False}},
        {"strategy": "BLUE_GREEN"},
    ],
)
def test_a_failed_deployment_can_end_in_other_ways(aws: ScriptedAws, step: Run, configuration: Params) -> None:
    """Alarms, a circuit breaker without a rollback, a strategy with stages."""
    aws.on("ecs.DescribeServices", {"services": [ecs.service(deploymentConfiguration=configuration)]})
    assert step("verify").exit_code == 0


def test_a_service_of_express_mode(aws: ScriptedAws, step: Run) -> None:
    """It is deployed like others, and named: who changes the rest of it should know."""
    found = ecs.service(resourceManagementType="ECS")
    del found["taskDefinition"]  # as ECS has it
    aws.on("ecs.DescribeServices", {"services": [found]})
    ended = step("verify")
    assert ended.exit_code == 0, ended.log
    assert ("service web", "express-mode") in of_state(ended, "ok")
    aws.on("ecs.DescribeServices", {"services": [ecs.service(resourceManagementType="CUSTOMER")]})
    assert ("service web", "express-mode") not in of_state(step("verify"), "ok")


def test_codedeploy_in_the_document_of_a_service_that_ecs_deploys(aws: ScriptedAws, step: Run) -> None:
    """It would have no effect."""
    web = {"task-definition": "web", "containers": {"app": "app"}, "codedeploy": {"application": "my-app"}}
    document(aws, services={"web": web})
    assert the_wrong_one(step("verify"))["check"] == "codedeploy"


def codedeploy(aws: ScriptedAws) -> None:
    build(CODEDEPLOY, aws)
    document(aws)
    ports = account.container(portMappings=[{"containerPort": 80}])
    aws.on("ecs.DescribeTaskDefinition", account.described(containerDefinitions=[ports]))


def test_a_service_of_codedeploy(aws: ScriptedAws, step: Run) -> None:
    """Its deployment group is looked up as deploy does."""
    codedeploy(aws)
    ended = step("verify")
    assert ended.exit_code == 0, ended.log
    assert ("service web", "codedeploy") in of_state(ended, "ok")


@pytest.mark.parametrize("code", ["ApplicationDoesNotExistException", "DeploymentGroupDoesNotExistException"])
def test_codedeploy_without_its_group(aws: ScriptedAws, step: Run, code: str) -> None:
    """The application or its group is not there."""
    codedeploy(aws)
    aws.on("codedeploy.GetDeploymentGroup", error(code))
    assert the_wrong_one(step("verify"))["check"] == "codedeploy"


def test_a_deployment_configuration_that_is_not_there(aws: ScriptedAws, step: Run) -> None:
    """CodeDeploy would refuse the deployment."""
    codedeploy(aws)
    web = {"task-definition": "web", "containers": {"app": "app"}, "codedeploy": {"deployment-config": "mine"}}
    document(aws, services={"web": web})
    aws.on("codedeploy.GetDeploymentConfig", error("DeploymentConfigDoesNotExistException"))
    assert "mine does not exist" in the_wrong_one(step("verify"))["text"]


# ---- roles ----


def wrong_role(step: Step, check: str) -> str:
    found = the_wrong_one(step)
    assert found["check"] == check
    return found["text"]


def test_a_role_that_is_not_there(aws: ScriptedAws, step: Run) -> None:
    """Only the other one is simulated."""
    aws.on("iam.GetRole", error("NoSuchEntity"), where={"RoleName": "execution"})
    assert wrong_role(step("verify"), "execution-role") == "there is no role execution"
    passed = [call.params["ResourceArns"] for call in aws.calls if call.operation == "iam.SimulatePrincipalPolicy"]
    assert passed == [[account.TASK]]


def test_a_role_that_ecs_can_not_assume(aws: ScriptedAws, step: Run) -> None:
    """The trust policy is for another service."""
    trust = json.dumps(account.TRUST).replace("ecs-tasks", "ecs")
    aws.on("iam.GetRole", account.role(account.TASK, trust), where={"RoleName": "task"})
    assert "does not let ecs-tasks.amazonaws.com assume it" in wrong_role(step("verify"), "task-role")


def test_a_role_with_another_path(aws: ScriptedAws, step: Run) -> None:
    """IAM finds it by its name, ECS does not by this ARN."""
    arn = account.EXECUTION.replace(":role/", ":role/app/")
    aws.on("iam.GetRole", account.role(arn), where={"RoleName": "execution"})
    assert wrong_role(step("verify"), "execution-role").endswith(arn)


def test_a_role_of_another_account(aws: ScriptedAws, step: Run) -> None:
    """No role can be passed across accounts; IAM is not asked."""
    other = account.EXECUTION.replace(account.ACCOUNT, "210987654321")
    aws.on("ecs.DescribeTaskDefinition", account.described(executionRoleArn=other))
    assert "in another account" in wrong_role(step("verify"), "execution-role")


def test_a_deployer_that_may_not_pass_the_roles(aws: ScriptedAws, step: Run) -> None:
    """It may register task definitions, so it is meant to deploy."""
    aws.on("iam.SimulatePrincipalPolicy", account.simulation("iam:PassRole"))
    assert wrong_role(step("verify"), "pass-role") == "the caller may not pass execution, task to ECS"
    first = next(call.params for call in aws.calls if call.operation == "iam.SimulatePrincipalPolicy")
    assert (first["PolicySourceArn"], first["ActionNames"]) == (account.CALLER, ["iam:PassRole"])
    (entry,) = first["ContextEntries"]
    assert (entry["ContextKeyName"], entry["ContextKeyValues"]) == ("iam:PassedToService", ["ecs-tasks.amazonaws.com"])


def test_a_caller_that_only_reads(aws: ScriptedAws, step: Run) -> None:
    """In a pull request, another role deploys: what this one may pass says nothing."""
    aws.on("iam.SimulatePrincipalPolicy", account.simulation("iam:PassRole", "ecs:RegisterTaskDefinition"))
    ended = step("verify")
    assert ended.exit_code == 0, ended.log
    assert of_state(ended, "not checkable") == [("service web", "pass-role")]


@pytest.mark.parametrize(
    ("who", "state"),
    [
        (account.caller("user/ada", "iam"), "ok"),
        (account.caller("root", "iam"), "not checkable"),
        (account.caller("federated-user/ada"), "not checkable"),
    ],
)
def test_who_calls(aws: ScriptedAws, step: Run, who: Params, state: str) -> None:
    """IAM simulates roles and users."""
    aws.on("sts.GetCallerIdentity", who)
    assert ("service web", "pass-role") in of_state(step("verify"), state)


def test_a_caller_whose_role_may_not_be_read(aws: ScriptedAws, step: Run) -> None:
    """A session doesn't show the path of its role."""
    aws.on("iam.GetRole", denied("iam:GetRole"), where={"RoleName": "deployer"})
    ended = step("verify")
    assert ended.exit_code == 0, ended.log
    assert of_state(ended, "not checkable") == [("service web", "pass-role")]


@pytest.mark.parametrize(
    ("action", "words"),
    [
        ("ecr:GetAuthorizationToken", "pull from ECR"),
        ("ecr:BatchGetImage", "pull from ECR"),
        ("logs:PutLogEvents", "write logs"),
        ("secretsmanager:GetSecretValue", "read secrets"),
        ("ssm:GetParameters", "read parameters"),
    ],
)
def test_an_execution_role_that_lacks_a_permission(aws: ScriptedAws, step: Run, action: str, words: str) -> None:
    """Without it no task starts."""
    aws.on("iam.SimulatePrincipalPolicy", account.simulation(action))
    text = wrong_role(step("verify"), "execution-role-permissions")
    assert text.startswith(f"execution may not {words}: {action} on ")


def test_an_image_that_is_not_pushed_yet_is_pulled_all_the_same(aws: ScriptedAws, step: Run) -> None:
    """The image in the template is a placeholder: the execution role pulls from the document's repository."""
    aws.on("ecr.BatchGetImage", {"images": [], "failures": []})
    own = {"name": "app", "image": "placeholder", "essential": True}
    aws.on("ecs.DescribeTaskDefinition", account.described(containerDefinitions=[own]))
    aws.on("iam.SimulatePrincipalPolicy", account.simulation("ecr:BatchGetImage"))
    text = wrong_role(step("verify"), "execution-role-permissions")
    assert text == f"execution may not pull from ECR: ecr:BatchGetImage on {IMAGES}"
    definition = account.template(containerDefinitions=[own])
    del definition["executionRoleArn"]
    aws.on("ecs.DescribeTaskDefinition", {"taskDefinition": definition, "tags": []})
    assert "which ECS needs to pull from ECR" in the_wrong_one(step("verify"))["text"]


def test_ecs_on_ec2_pulls_with_the_instances_role(aws: ScriptedAws, step: Run) -> None:
    """Only secrets need the execution role there."""
    aws.on("ecs.DescribeServices", {"services": [ecs.service(launchType="EC2")]})
    aws.on("ecs.DescribeTaskDefinition", account.described(requiresCompatibilities=["EC2"]))
    aws.on("iam.SimulatePrincipalPolicy", account.simulation("ecr:BatchGetImage", "logs:PutLogEvents"))
    assert step("verify").exit_code == 0


def test_a_simulation_on_several_pages(aws: ScriptedAws, step: Run) -> None:
    """The denial may be on the last one."""
    first = {
        **account.simulation()({"ActionNames": ["a:b"], "ResourceArns": ["*"]}),
        "IsTruncated": True,
        "Marker": "m",
    }
    aws.on("iam.SimulatePrincipalPolicy", first)
    aws.on("iam.SimulatePrincipalPolicy", account.simulation("iam:PassRole"), where={"Marker": "m"})
    assert ("service web", "pass-role") in of_state(step("verify"), "wrong")


# ---- log groups, secrets ----


def test_a_log_group_that_ecs_creates(aws: ScriptedAws, step: Run) -> None:
    """With the option, if the role may."""
    options = {"awslogs-group": "/ecs/new", "awslogs-create-group": "true", **ecs.LOGS}
    log = {"logDriver": "awslogs", "options": options}
    aws.on(
        "ecs.DescribeTaskDefinition", account.described(containerDefinitions=[account.container(logConfiguration=log)])
    )
    ended = step("verify")
    assert ended.exit_code == 0, ended.log
    aws.on("iam.SimulatePrincipalPolicy", account.simulation("logs:CreateLogGroup"))
    assert "may not create log groups" in wrong_role(step("verify"), "execution-role-permissions")


def secrets(aws: ScriptedAws, *named: str) -> None:
    entries = [{"name": f"V{number}", "valueFrom": text} for number, text in enumerate(named)]
    aws.on("ecs.DescribeTaskDefinition", account.described(containerDefinitions=[account.container(secrets=entries)]))


def test_containers_that_share_a_log_group(aws: ScriptedAws, step: Run) -> None:
    """Their group has one line, whatever their streams are."""
    containers = [account.container(), account.container(name="proxy")]
    aws.on("ecs.DescribeTaskDefinition", account.described(containerDefinitions=containers))
    assert of_state(step("verify"), "ok").count(("service web", "log-groups")) == 1


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (error("ResourceNotFoundException"), "there is no secret my-app-AbCdEf in ap-northeast-1"),
        (account.secret(DeletedDate="2026-01-01T00:00:00Z"), "is scheduled for deletion"),
        (account.secret(VersionIdsToStages={}), "has no value yet"),
        (account.secret(VersionIdsToStages={"a" * 32: ["AWSPENDING"]}), "has no version with the stage AWSCURRENT"),
    ],
)
def test_a_secret_that_ecs_could_not_read(aws: ScriptedAws, step: Run, answer: Any, words: str) -> None:
    """It is named; its value is never read."""
    aws.on("secretsmanager.DescribeSecret", answer)
    found = the_wrong_one(step("verify"))
    assert (found["check"], words in found["text"]) == ("secrets", True)


def test_the_role_may_read_the_whole_arn_of_a_secret(aws: ScriptedAws, step: Run) -> None:
    """Of one that the template names without its suffix, or of a registry's credentials by name."""
    named = account.container(
        secrets=[{"name": "A", "valueFrom": account.SECRET.removesuffix("-AbCdEf")}],
        repositoryCredentials={"credentialsParameter": "my-app"},
    )
    aws.on("ecs.DescribeTaskDefinition", account.described(containerDefinitions=[named]))
    assert step("verify").exit_code == 0
    simulated = [each.params["ResourceArns"] for each in aws.calls if "Simulate" in each.operation]
    assert [each for each in simulated if "secret:my-app" in each[0]] == [[account.SECRET]]


def test_a_secret_with_several_keys_is_one_secret(aws: ScriptedAws, step: Run) -> None:
    """It is asked for once by its ARN and once by its name, and missing once."""
    secrets(aws, f"{account.SECRET}:user::", f"{account.SECRET}:password::", f"{account.SECRET}:user")
    aws.on("secretsmanager.DescribeSecret", error("ResourceNotFoundException"))
    ended = step("verify")
    texts = [each["text"] for each in findings(ended) if each["state"] == "wrong"]
    assert len(texts) == 2
    assert texts[0].startswith("containerDefinitions[0].secrets[2].valueFrom must end with :JSON-KEY:")
    assert aws.count("secretsmanager.DescribeSecret") == 2


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (account.secret(ARN=account.SECRET.replace("AbCdEf", "Xy12Z9")), ": the ARN of my-app ends with -Xy12Z9"),
        (account.secret(ARN=account.SECRET.replace("my-app", "another"), Name="another"), " in ap-northeast-1"),
        (error("AccessDeniedException"), " in ap-northeast-1"),
    ],
)
def test_the_ending_of_a_secrets_arn(aws: ScriptedAws, step: Run, other: Any, words: str) -> None:
    """A secret that was deleted and created again has another one, which the line names."""
    aws.on("secretsmanager.DescribeSecret", error("ResourceNotFoundException"))
    aws.on("secretsmanager.DescribeSecret", other, where={"SecretId": "my-app"})
    found = the_wrong_one(step("verify"))
    assert found["text"].startswith("there is no secret my-app-AbCdEf")
    assert found["text"].endswith(words)


def test_parameters_that_are_not_there(aws: ScriptedAws, step: Run) -> None:
    """Each is a line; an ARN names the region, and either form of the name."""
    aws.on("ssm.DescribeParameters", {"Parameters": [{"Name": "/there"}, {"Name": "also"}]})
    arn = "arn:aws:ssm:us-east-1:123456789012:parameter"
    secrets(aws, "/there", "/missing", f"{arn}/also", f"{arn}/not/there")
    ended = step("verify")
    texts = [each["text"] for each in findings(ended) if each["state"] == "wrong"]
    assert texts == [
        "there is no SSM parameter /missing in ap-northeast-1",
        "there is no SSM parameter /not/there in us-east-1",
    ]


def test_parameters_of_aws_itself(aws: ScriptedAws, step: Run) -> None:
    """DescribeParameters lists neither public parameters nor those that stand for a secret."""
    secrets(aws, "/aws/service/global-infrastructure/regions", "/aws/reference/secretsmanager/my-app")
    ended = step("verify")
    assert ended.exit_code == 0, ended.log
    assert of_state(ended, "not checkable") == [("service web", "secrets")] * 2


def test_secrets_of_another_account(aws: ScriptedAws, step: Run) -> None:
    """They may well exist there."""
    secrets(
        aws,
        account.SECRET.replace(account.ACCOUNT, "210987654321"),
        "arn:aws:ssm:us-east-1:210987654321:parameter/there",
    )
    ended = step("verify")
    assert ended.exit_code == 0, ended.log
    assert of_state(ended, "not checkable") == [("service web", "secrets")] * 2


def files(aws: ScriptedAws, *arns: str) -> None:
    entries = [{"type": "s3", "value": arn} for arn in arns]
    container = account.container(environmentFiles=entries)
    aws.on("ecs.DescribeTaskDefinition", account.described(containerDefinitions=[container]))


def test_environment_files(aws: ScriptedAws, step: Run) -> None:
    """Each is looked up, and never read; without the permission it is not checkable."""
    files(aws, "arn:aws:s3:::bucket/there.env", "arn:aws:s3:::bucket/missing.env", "arn:aws:s3:::bucket/text.txt")
    aws.on("s3.HeadObject", {"ETag": "e"})
    aws.on("s3.HeadObject", error("404", status=404), where={"Key": "missing.env"})
    ended = step("verify")
    texts = [each["text"] for each in findings(ended) if each["state"] == "wrong"]
    assert texts[0] == "there is no s3://bucket/missing.env"
    assert texts[1].startswith("containerDefinitions[0].environmentFiles[2].value is not the ARN")
    assert ("service web", "environment-files") in of_state(ended, "ok")
    files(aws, "arn:aws:s3:::bucket/secret.env")
    aws.on("s3.HeadObject", error("403", status=403))
    ended = step("verify")
    (unknown,) = (each for each in findings(ended) if each["state"] == "not checkable")
    assert (ended.exit_code, unknown["text"]) == (0, "s3:GetObject is not allowed")


# ---- scheduled tasks, pipelines ----


def test_a_rule_without_a_target_of_the_family(aws: ScriptedAws, step: Run) -> None:
    """deploy would have nothing to update."""
    test_schedules.EventBridge(aws)
    document(aws, **{"scheduled-tasks": test_schedules.NIGHTLY})
    aws.on("events.ListTargetsByRule", {"Targets": [{"Id": "1", "Arn": "arn:aws:sqs:us-east-1:123456789012:queue"}]})
    found = the_wrong_one(step("verify"))
    assert (found["subject"].startswith("scheduled task "), found["check"]) == (True, "trigger")


@pytest.mark.parametrize("there", [True, False])
def test_the_documents_pipeline(aws: ScriptedAws, clock: Clock, step: Run, there: bool) -> None:
    """What hand-off needs of it."""
    declared = declaration(variables=("IMAGE_APP", "COMMIT", "ECS_CD_NONCE"))
    Pipeline(clock, declared=declared).script(aws)
    document(aws, pipeline={"name": NAME, "variables": {"IMAGE_APP": "app"}})
    if there:
        ended = step("verify")
        assert ended.exit_code == 0, ended.log
        assert (f"pipeline {NAME}", "pipeline") in of_state(ended, "ok")
    else:
        aws.on("codepipeline.GetPipeline", error("PipelineNotFoundException"))
        assert the_wrong_one(step("verify"))["subject"] == f"pipeline {NAME}"
