"""A CloudFormation template without AWS: functions, parameters, conditions, and what it declares."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
import yaml

from ecs_cd.local.codepipeline.rules import cloudformation
from ecs_cd.local.codepipeline.rules.infra import DeploymentGroup, Infra, Object, Parameter, Rule, Target
from ecs_cd.model.errors import Refused

ACCOUNT, REGION = "123456789012", "eu-west-1"
CONTENT = {"source.zip": b"zip"}


def read(text: str, region: str = REGION, **parameters: str) -> Infra:
    return cloudformation.read(text, parameters, account=ACCOUNT, region=region, content=CONTENT.__getitem__)


def problems(text: str, **parameters: str) -> tuple[str, ...]:
    with pytest.raises(Refused) as raised:
        read(text, **parameters)
    return raised.value.problems


# --- functions ---

# A template in which a value can use everything; the value is that of an SSM parameter.
AROUND = """
Parameters:
  Name: {Type: String, Default: my-app}
  Number: {Type: Number, Default: 5}
  List: {Type: CommaDelimitedList, Default: 'a, b,c'}
  Empty: {Type: String, Default: ''}
Mappings: {Colours: {sky: {day: blue}}}
Conditions:
  Mine: !Equals [!Ref Name, my-app]
  Others: !Not [!Condition Mine]
  Both: !And [!Condition Mine, !Condition Others]
  One: !Or [{Condition: Mine}, {Condition: Others}]
  Same: !Equals [!Ref Number, '5']
  Loop: !Not [!Condition Loop]
Resources:
  Bucket: {Type: AWS::S3::Bucket, Properties: {BucketName: !Sub '${Name}-bucket'}}
  Group: {Type: AWS::Logs::LogGroup}
  Never: {Type: AWS::Logs::LogGroup, Condition: Others}
  Role: {Type: AWS::IAM::Role, Properties: {Path: /ci/, RoleName: my-role}}
  Topic: {Type: AWS::SNS::Topic}
  Other: {Type: AWS::Lambda::Function, Properties: {Code: !Unknown x}}
  Twin: {Type: AWS::ECR::Repository, Properties: {RepositoryName: !Ref Twin}}
  Value: {Type: AWS::SSM::Parameter, Properties: {Name: value, Value: VALUE}}
"""
VALUES = {
    "plain": "plain",
    "2012-10-17": "2012-10-17",
    "!Ref Name": "my-app",
    "{Ref: Name}": "my-app",
    "!Ref Number": "5",
    "!Ref Bucket": "my-app-bucket",
    "!Ref Group": "local-Group",
    "!Ref Topic": "arn:aws:sns:eu-west-1:123456789012:local-Topic",
    "!Ref AWS::Region": "eu-west-1",
    "!GetAtt Bucket.Arn": "arn:aws:s3:::my-app-bucket",
    "!GetAtt [Role, Arn]": "arn:aws:iam::123456789012:role/ci/my-role",
    "{Fn::GetAtt: [Group, Arn]}": "arn:aws:logs:eu-west-1:123456789012:log-group:local-Group:*",
    "!Sub '${Name}-${AWS::AccountId}-${Bucket.Arn}-${!Name}'": "my-app-123456789012-arn:aws:s3:::my-app-bucket-${Name}",
    "!Sub ['${a}/${Name}', {a: !Select [1, !Ref List]}]": "b/my-app",
    "!Join ['+', !Ref List]": "a+b+c",
    "!Join ['', [x, !If [Others, y, !Ref AWS::NoValue], !Ref Number]]": "x5",
    "!Select [0, !Split [-, !Ref Name]]": "my",
    "!Select [!Select [0, ['1']], [x, y]]": "y",
    "!Join ['', !Split ['-', !Sub '${Empty}-']]": "",
    "!If [Mine, !Ref Name, !Select [9, []]]": "my-app",
    "!If [Both, a, !If [One, b, c]]": "b",
    "!If [Same, the same, other]": "the same",
    "!FindInMap [Colours, sky, day]": "blue",
    "!Base64 hi": "aGk=",
}


@pytest.mark.parametrize(("value", "expected"), VALUES.items())
def test_a_function(value: str, expected: str) -> None:
    """In the short form and the long one, nested, with an `If` that looks at one branch only."""
    assert read(AROUND.replace("VALUE", value)).parameters == (Parameter("value", expected),)


WRONG = {
    "!Ref Nobody": "there is no parameter or resource Nobody",
    "!Ref Never": "the condition of the resource Never doesn't hold",
    "!Ref Other": "references to AWS::Lambda::Function aren't supported",
    "!GetAtt Bucket.Colour": "Bucket is a AWS::S3::Bucket: Fn::GetAtt Colour isn't supported",
    "!GetAtt Bucket": "Fn::GetAtt takes the name of a resource and an attribute",
    "!ImportValue x": "Fn::ImportValue isn't supported",
    "!Equals [a, b]": "Fn::Equals is only for Conditions",
    "{Ref: Name, Other: x}": "a function stands alone, without other keys",
    "!Sub '${Nobody}'": "there is no parameter or resource Nobody",
    "!Sub '${List}'": "must be a text",
    "!Join [!Ref Name, [a]]": "the delimiter is a text, not a function",
    "!Join [x]": "the function takes a list of 2",
    "!Join ['', a]": "must be a list",
    "!Split ['', a]": "Fn::Split needs a delimiter",
    "!Select [3, !Ref List]": "Fn::Select finds no item 3 in a list of 3",
    "!If [Maybe, a, b]": "there is no condition Maybe",
    "!FindInMap [Colours, sea, day]": "Mappings has no Colours.sea.day",
    "'{{resolve:ssm:/x}}'": "a dynamic reference can't be read without AWS",
}


@pytest.mark.parametrize(("value", "problem"), WRONG.items())
def test_what_cannot_be_resolved_is_a_problem_with_its_place(value: str, problem: str) -> None:
    """Nothing is guessed, and nothing of a resource that isn't read."""
    found = problems(AROUND.replace("VALUE", value))
    assert f"Resources.Value.Properties.Value: {problem}" in found


def test_what_depends_on_itself() -> None:
    """It is named, not followed for ever."""
    assert problems(AROUND.replace("VALUE", "!If [Loop, a, b]")) == ("Conditions.Loop: depends on itself",)
    assert problems(AROUND.replace("VALUE", "!Ref Twin")) == (
        "Resources.Twin.Properties.RepositoryName: the name of Twin depends on itself",
    )


def test_the_place_counts_items() -> None:
    """A list's item has its number, and all problems are reported at once."""
    text = """
Resources:
  P:
    Type: AWS::CodePipeline::Pipeline
    Properties:
      RoleArn: !Ref A
      Stages: [{Name: Source}, {Name: Deploy, Actions: [{Name: !Ref B}]}]
"""
    assert problems(text) == (
        "Resources.P.Properties.RoleArn: there is no parameter or resource A",
        "Resources.P.Properties.Stages[1].Actions[0].Name: there is no parameter or resource B",
    )


def test_json_is_read_too() -> None:
    """A template in JSON has the long forms."""
    written = {"Resources": {"V": {"Type": "AWS::SSM::Parameter", "Properties": {"Value": {"Fn::Sub": "${AWS::URLSuffix}"}}}}}  # fmt: skip
    assert read(json.dumps(written, indent="\t")).parameters == (Parameter("local-V", "amazonaws.com"),)


@pytest.mark.parametrize(
    ("region", "partition"), {"eu-west-1": "aws", "cn-north-1": "aws-cn", "us-gov-west-1": "aws-us-gov"}.items()
)
def test_the_partition_is_that_of_the_region(region: str, partition: str) -> None:
    """China and GovCloud have their own."""
    assert read(AROUND.replace("VALUE", "!Ref AWS::Partition"), region).parameters[0].value == partition


TEXTS = {
    "a: [": "The template is neither YAML nor JSON: ",
    "{": "The template is neither YAML nor JSON: ",
    "Parameters: {}": "The template has no Resources",
    "Resources: {}\nTransform: AWS::LanguageExtensions": "Transform: this section of the template isn't supported",
    "Resources:\n  A: {}\n  A: {}": "The template has A twice, line 2",
}


def test_what_a_resource_must_have() -> None:
    """A missing property is named, before anything looks for it."""
    assert problems("Resources: {P: {Type: AWS::CodePipeline::Pipeline}}") == (
        "Resources.P.Properties.RoleArn: is missing",
        "Resources.P.Properties.Stages: is missing",
    )


@pytest.mark.parametrize(("text", "problem"), TEXTS.items())
def test_a_text_that_is_no_template(text: str, problem: str) -> None:
    """It is refused as a whole."""
    assert problems(text)[0].startswith(problem)


# --- parameters and rules ---

DECLARED: dict[str, tuple[dict[str, Any], str | None, str]] = {
    "required": ({"Type": "String"}, None, "is missing"),
    "values": ({"Type": "String", "AllowedValues": ["a", "b"]}, "c", "must be one of a, b"),
    "booleans": ({"Type": "String", "AllowedValues": [True, False]}, "yes", "must be one of true, false"),
    "pattern": ({"Type": "String", "AllowedPattern": "[a-z]+"}, "a1", "must match [a-z]+"),
    "in words": ({"Type": "String", "AllowedPattern": "[a-z]+", "ConstraintDescription": "small"}, "A", "small"),
    "default": ({"Type": "String", "AllowedPattern": "[a-z]+", "Default": "A"}, None, "must match [a-z]+"),
    "items": ({"Type": "CommaDelimitedList", "AllowedPattern": "[a-z]"}, "a,bb", "must match [a-z]"),
    "length": ({"Type": "String", "MinLength": 1}, "", "must have 1 to any number of characters"),
    "long": ({"Type": "String", "MaxLength": "2"}, "abc", "must have 0 to 2 characters"),
    "number": ({"Type": "Number"}, "many", "must be a number"),
    "range": ({"Type": "Number", "MinValue": 5, "MaxValue": 9}, "4", "must be between 5 and 9"),
    "ssm": ({"Type": "AWS::SSM::Parameter::Value<String>"}, "/x", "the type AWS::SSM::Parameter::Value<String> can't be read without AWS"),
    "type": ({"Type": "Text"}, "x", "the type Text isn't supported"),
}  # fmt: skip


@pytest.mark.parametrize("case", DECLARED)
def test_a_parameter_is_checked_as_cloudformation_does(case: str) -> None:
    """The error names it, and has no value of it."""
    declared, given, problem = DECLARED[case]
    template = yaml.safe_dump({"Parameters": {"P": declared}, "Resources": {}})
    assert problems(template, **({} if given is None else {"P": given})) == (f"Parameters.P: {problem}",)


def test_an_unknown_parameter_is_refused() -> None:
    """Together with those that are missing."""
    template = "{Parameters: {A: {Type: String}}, Resources: {}}"
    assert problems(template, B="x") == (
        "Parameters.B: the template has no such parameter",
        "Parameters.A: is missing",
    )


def test_parameters_have_a_type() -> None:
    """A list is a list, of AWS's own types too; a number is one where the API wants it."""
    template = """
Parameters: {Ids: {Type: 'List<AWS::EC2::Subnet::Id>'}, Minutes: {Type: Number}, Vpc: {Type: AWS::EC2::VPC::Id}}
Resources:
  P:
    Type: AWS::CodeBuild::Project
    Properties:
      Artifacts: {Type: NO_ARTIFACTS}
      Source: {Type: NO_SOURCE}
      ServiceRole: r
      TimeoutInMinutes: !Ref Minutes
      Environment: {PrivilegedMode: 'true', Type: LINUX_CONTAINER}
      VpcConfig: {VpcId: !Ref Vpc, Subnets: !Ref Ids}
"""
    (project,) = read(template, Ids="a, b", Minutes="5", Vpc="v").projects.values()
    assert project["vpcConfig"] == {"vpcId": "v", "subnets": ["a", "b"]}
    assert project["timeoutInMinutes"] == 5
    assert project["environment"]["privilegedMode"] is True


RULES = """
Parameters: {Start: {Type: String}, Images: {Type: CommaDelimitedList}}
Rules:
  One:
    RuleCondition: !Equals [!Ref Start, event]
    Assertions:
      - {Assert: {'Fn::EachMemberEquals': [!Ref Images, app]}, AssertDescription: one image only}
  Known:
    Assertions:
      - {Assert: {'Fn::EachMemberIn': [!Ref Images, [app, nginx]]}, AssertDescription: unknown image}
      - {Assert: {'Fn::Contains': [!Ref Images, app]}, AssertDescription: app is missing}
Resources: {}
"""
ASSERTED: list[tuple[str, str, tuple[str, ...]]] = [
    ("variables", "app,nginx", ()),
    ("event", "app", ()),
    ("event", "app,nginx", ("Rules.One: one image only",)),
    ("variables", "nginx", ("Rules.Known: app is missing",)),
    ("variables", "web", ("Rules.Known: unknown image", "Rules.Known: app is missing")),
]


@pytest.mark.parametrize(("start", "images", "expected"), ASSERTED)
def test_rules_are_asserted(start: str, images: str, expected: tuple[str, ...]) -> None:
    """All that are violated are reported in the template's own words."""
    if expected:
        assert problems(RULES, Start=start, Images=images) == expected
    else:
        assert read(RULES, Start=start, Images=images) == Infra({}, {})


# --- what is declared ---

PIPELINE = """
Resources:
  Pipeline:
    Type: AWS::CodePipeline::Pipeline
    Properties:
      Name: my-pipeline
      RoleArn: arn
      RestartExecutionOnUpdate: false
      Tags: [{Key: a, Value: b}]
      ArtifactStore: {Type: S3, Location: !Ref Bucket}
      Stages:
        - Name: Source
          OnFailure: {Result: RETRY, RetryConfiguration: {RetryMode: ALL_ACTIONS}}
          Actions:
            - Name: Object
              ActionTypeId: {Category: Source, Owner: AWS, Provider: S3, Version: 1}
              Configuration: {S3Bucket: !Ref Bucket, S3ObjectKey: source.zip, PollForSourceChanges: false}
              RunOrder: '1'
              OutputArtifacts: [{Name: source}]
  Project:
    Type: AWS::CodeBuild::Project
    Properties:
      Name: my-project
      ServiceRole: arn
      Triggers: {Webhook: true}
      Source: {Type: CODEPIPELINE, BuildSpec: 'version: 0.2'}
      Artifacts: {Type: CODEPIPELINE}
      Environment: {ComputeType: BUILD_GENERAL1_SMALL, EnvironmentVariables: [{Name: A, Value: 1}]}
      LogsConfig: {CloudWatchLogs: {GroupName: !Ref Logs, Status: ENABLED}, S3Logs: {EncryptionDisabled: false}}
  Rule:
    Type: AWS::Events::Rule
    Properties:
      EventPattern: {source: [aws.ecr], detail: {action-type: [PUSH]}}
      Targets:
        - Arn: !Sub arn:${AWS::Partition}:codepipeline:${AWS::Region}:${AWS::AccountId}:${Pipeline}
          Id: pipeline
          InputTransformer: {InputPathsMap: {digest: $.detail.image-digest}, InputTemplate: '{"a":<digest>}'}
        - {Arn: !GetAtt Project.Arn, Id: project, Input: '{}'}
  Disabled: {Type: AWS::Events::Rule, Properties: {State: DISABLED, EventPattern: {source: [a]}}}
  Clock: {Type: AWS::Events::Rule, Properties: {ScheduleExpression: rate(1 day)}}
  Elsewhere:
    Type: AWS::Events::Rule
    Properties: {EventPattern: {source: [aws.ecr]}, EventBusName: mine, Targets: [{Arn: !GetAtt Logs.Arn, Id: log}]}
  Application: {Type: AWS::CodeDeploy::Application, Properties: {ApplicationName: my-application}}
  Deployments:
    Type: AWS::CodeDeploy::DeploymentGroup
    Properties:
      ApplicationName: !Ref Application
      DeploymentGroupName: my-group
      ECSServices: [{ClusterName: my-cluster, ServiceName: my-service}]
  Bucket:
    Type: AWS::S3::Bucket
    Metadata: {EcsCd: {Uploads: [{File: source.zip, To: s3://local-bucket/source.zip}, {File: source.zip, To: s3://other/a/b}]}}
    Properties: {VersioningConfiguration: {Status: Enabled}}
  Plain: {Type: AWS::S3::Bucket, Properties: {BucketName: plain}}
  Logs: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: /my/logs}}
  Document: {Type: AWS::SSM::Parameter, Properties: {Name: /doc, Type: StringList, Value: 'a,b'}}
"""


def test_a_pipeline_is_create_pipelines_parameter() -> None:
    """With the API's names, texts and numbers; an action's configuration keeps its own keys."""
    assert read(PIPELINE).pipelines == {
        "my-pipeline": {
            "name": "my-pipeline",
            "roleArn": "arn",
            "artifactStore": {"type": "S3", "location": "local-bucket"},
            "stages": [
                {
                    "name": "Source",
                    "onFailure": {"result": "RETRY", "retryConfiguration": {"retryMode": "ALL_ACTIONS"}},
                    "actions": [
                        {
                            "name": "Object",
                            "actionTypeId": {"category": "Source", "owner": "AWS", "provider": "S3", "version": "1"},
                            "configuration": {"S3Bucket": "local-bucket", "S3ObjectKey": "source.zip", "PollForSourceChanges": "false"},
                            "runOrder": 1,
                            "outputArtifacts": [{"name": "source"}],
                        }
                    ],
                }
            ],
        }
    }  # fmt: skip


def test_a_project_is_create_projects_parameters() -> None:
    """Without what CloudFormation sends with other calls."""
    assert read(PIPELINE).projects == {
        "my-project": {
            "name": "my-project",
            "serviceRole": "arn",
            "source": {"type": "CODEPIPELINE", "buildspec": "version: 0.2"},
            "artifacts": {"type": "CODEPIPELINE"},
            "environment": {"computeType": "BUILD_GENERAL1_SMALL", "environmentVariables": [{"name": "A", "value": "1"}]},
            "logsConfig": {
                "cloudWatchLogs": {"groupName": "/my/logs", "status": "ENABLED"},
                "s3Logs": {"encryptionDisabled": False},
            },
        }
    }  # fmt: skip


def test_the_rest_that_a_pipeline_needs() -> None:
    """Rules that start something here, parameters, buckets with their objects, log groups, CodeDeploy's groups."""
    found = read(PIPELINE)
    pipeline = Target(
        f"arn:aws:codepipeline:{REGION}:{ACCOUNT}:my-pipeline", {"digest": "$.detail.image-digest"}, '{"a":<digest>}'
    )
    project = Target(f"arn:aws:codebuild:{REGION}:{ACCOUNT}:project/my-project", {}, "{}")
    pattern: Mapping[str, Any] = {"source": ["aws.ecr"], "detail": {"action-type": ["PUSH"]}}
    assert found.rules == (Rule("local-Rule", pattern, (pipeline, project)),)
    assert found.parameters == (Parameter("/doc", "a,b", "StringList"),)
    assert found.buckets == {"local-bucket": True, "other": False, "plain": False}
    assert found.objects == (Object("local-bucket", "source.zip", b"zip"), Object("other", "a/b", b"zip"))
    assert found.log_groups == ("/my/logs",)
    assert found.deployment_groups == (DeploymentGroup("my-application", "my-group", "my-cluster", "my-service"),)


def test_all_files_that_cannot_be_read_are_named() -> None:
    """With the objects that need them, and where they are looked for."""

    def missing(path: str) -> bytes:
        raise FileNotFoundError(2, "No such file or directory", path)

    with pytest.raises(Refused) as error:
        cloudformation.read(PIPELINE, {}, account=ACCOUNT, region=REGION, content=missing)
    assert error.value.problems == (
        "s3://local-bucket/source.zip: the file source.zip can't be read: No such file or directory",
        "s3://other/a/b: the file source.zip can't be read: No such file or directory",
    )
    assert error.value.remedy == "Put it beside the template."


def test_what_is_not_read_of_a_rule() -> None:
    """A rule that starts a pipeline here is on the default bus, and gives its target what a template says."""
    text = PIPELINE.replace("Input: '{}'}", "InputPath: $.detail}").replace(
        "EventPattern: {source: [aws.ecr], detail", "EventBusName: mine\n      EventPattern: {source: [aws.ecr], detail"
    )
    assert problems(text) == ("local-Rule: EventBusName is not read here", "local-Rule: InputPath is not read here")


def test_a_transition_that_is_disabled_from_the_start() -> None:
    """It would have no effect here, so it is refused."""
    text = PIPELINE.replace(
        "RoleArn: arn\n", "RoleArn: arn\n      DisableInboundStageTransitions: [{StageName: Source}]\n"
    )
    assert problems(text) == (
        "Resources.Pipeline.Properties.DisableInboundStageTransitions: isn't supported; "
        "disable the transition after the start instead",
    )


def test_resources_of_every_type_are_resolved() -> None:
    """Those whose condition holds, with the name that they have in AWS."""
    found = cloudformation.resources(
        AROUND.replace("VALUE", "x").replace("!Unknown x", "x").replace("!Ref Twin", "twin"),
        {},
        account=ACCOUNT,
        region=REGION,
    )
    assert "Never" not in found
    assert found["Role"] == ("AWS::IAM::Role", "my-role", {"Path": "/ci/", "RoleName": "my-role"}, {})
    assert found["Other"].name == "local-Other"
