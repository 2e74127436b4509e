"""What a template's Ref and Fn::GetAtt give of a resource, without AWS."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, NamedTuple
from uuid import UUID

_HERE = "{region}:{account}"
_PARTITIONS = {"cn-": "aws-cn", "us-gov-": "aws-us-gov"}


class ResourceType(NamedTuple):
    """The property that names a resource, what Ref gives, and its attributes; in braces are the words of ``words``."""

    name: str
    ref: str = "{name}"
    attributes: Mapping[str, str] = {}

    def attribute(self, name: str, words: Mapping[str, str]) -> str:
        """The value of an attribute; that of Ref has no name."""
        template = self.attributes.get(name, "") if name else self.ref
        if not template:
            raise LookupError(f"Fn::GetAtt {name} isn't supported" if name else "Ref isn't supported")
        return template.format_map(words)


def _by_arn(name: str, arn: str, *attributes: str) -> ResourceType:
    """A type whose Ref is its ARN."""
    return ResourceType(name, arn, dict.fromkeys(attributes or ("Arn",), arn))


def _by_name(name: str, arn: str, **more: str) -> ResourceType:
    return ResourceType(name, "{name}", {"Arn": arn, **more})


TYPES: Mapping[str, ResourceType] = {
    "AWS::CodeBuild::Project": _by_name("Name", f"arn:{{partition}}:codebuild:{_HERE}:project/{{name}}"),
    "AWS::CodeBuild::ReportGroup": _by_arn("Name", f"arn:{{partition}}:codebuild:{_HERE}:report-group/{{name}}"),
    "AWS::CodeConnections::Connection": _by_arn(
        "", f"arn:{{partition}}:codeconnections:{_HERE}:connection/{{uuid}}", "ConnectionArn"
    ),
    "AWS::CodeStarConnections::Connection": _by_arn(
        "", f"arn:{{partition}}:codestar-connections:{_HERE}:connection/{{uuid}}", "ConnectionArn"
    ),
    "AWS::CodeDeploy::Application": ResourceType("ApplicationName"),
    "AWS::CodeDeploy::DeploymentConfig": ResourceType("DeploymentConfigName"),
    "AWS::CodeDeploy::DeploymentGroup": ResourceType("DeploymentGroupName"),
    "AWS::CodePipeline::Pipeline": ResourceType("Name", "{name}", {"Version": "1"}),
    "AWS::EC2::SecurityGroup": ResourceType("", "sg-{hex}", {"GroupId": "sg-{hex}"}),
    "AWS::EC2::Subnet": ResourceType("", "subnet-{hex}", {"SubnetId": "subnet-{hex}"}),
    "AWS::EC2::VPC": ResourceType("", "vpc-{hex}", {"VpcId": "vpc-{hex}"}),
    "AWS::ECR::Repository": _by_name(
        "RepositoryName",
        f"arn:{{partition}}:ecr:{_HERE}:repository/{{name}}",
        RepositoryUri="{account}.dkr.ecr.{region}.{suffix}/{name}",
    ),
    "AWS::ECS::Cluster": _by_name("ClusterName", f"arn:{{partition}}:ecs:{_HERE}:cluster/{{name}}"),
    "AWS::ECS::Service": ResourceType("ServiceName", "", {"Name": "{name}"}),
    "AWS::ECS::TaskDefinition": _by_arn(
        "Family", f"arn:{{partition}}:ecs:{_HERE}:task-definition/{{name}}:1", "TaskDefinitionArn"
    ),
    "AWS::Events::Rule": _by_name("Name", f"arn:{{partition}}:events:{_HERE}:rule/{{name}}"),
    "AWS::IAM::ManagedPolicy": _by_arn(
        "ManagedPolicyName", "arn:{partition}:iam::{account}:policy/{name}", "PolicyArn"
    ),
    "AWS::IAM::OIDCProvider": _by_arn("", "arn:{partition}:iam::{account}:oidc-provider/{logical}"),
    "AWS::IAM::Role": _by_name("RoleName", "arn:{partition}:iam::{account}:role{path}{name}"),
    "AWS::KMS::Key": ResourceType("", "{uuid}", {"Arn": f"arn:{{partition}}:kms:{_HERE}:key/{{uuid}}"}),
    "AWS::Logs::LogGroup": _by_name("LogGroupName", f"arn:{{partition}}:logs:{_HERE}:log-group:{{name}}:*"),
    "AWS::S3::Bucket": _by_name(
        "BucketName",
        "arn:{partition}:s3:::{name}",
        DomainName="{name}.s3.{suffix}",
        RegionalDomainName="{name}.s3.{region}.{suffix}",
    ),
    "AWS::SNS::Topic": ResourceType(
        "TopicName",
        f"arn:{{partition}}:sns:{_HERE}:{{name}}",
        {"TopicArn": f"arn:{{partition}}:sns:{_HERE}:{{name}}", "TopicName": "{name}"},
    ),
    "AWS::SSM::Parameter": ResourceType("Name"),
}


def words(logical: str, name: str, properties: Mapping[str, Any], pseudo: Mapping[str, str]) -> dict[str, str]:
    """What the braces of an attribute stand for. What AWS would make up is the same for the same logical name."""
    digest = hashlib.sha256(logical.encode()).hexdigest()
    return {
        "logical": logical,
        "name": name,
        "path": str(properties.get("Path", "/")),
        "hex": digest[:17],
        "uuid": str(UUID(hex=digest[:32])),
        "account": pseudo["AWS::AccountId"],
        "partition": pseudo["AWS::Partition"],
        "region": pseudo["AWS::Region"],
        "suffix": pseudo["AWS::URLSuffix"],
    }


def pseudo_parameters(account: str, region: str, stack: str) -> dict[str, str]:
    """What `AWS::Region` and its like are in a stack of this name."""
    partition = next((name for prefix, name in _PARTITIONS.items() if region.startswith(prefix)), "aws")
    return {
        "AWS::AccountId": account,
        "AWS::Partition": partition,
        "AWS::Region": region,
        "AWS::StackId": f"arn:{partition}:cloudformation:{region}:{account}:stack/{stack}/{UUID(int=0)}",
        "AWS::StackName": stack,
        "AWS::URLSuffix": "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com",
    }
