"""Successful responses that AWS did not write or that were cut off: a proxy's page, half a body, ``{}``, ``null``.

botocore reads most of them as responses without content. Here, they become server errors: clients for reads retry them,
and after a mutation its response counts as lost.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from botocore.parsers import ResponseParser, ResponseParserFactory
from botocore.session import Session

CODE = "UnreadableResponse"
_BAD_GATEWAY = 502

# By operation, what AWS always returns and ecs-cd needs. A dot leads into a structure, or into each entry of a list.
ALWAYS: Mapping[str, tuple[str, ...]] = {
    # ECS
    "ContinueServiceDeployment": ("serviceDeploymentArn",),
    "DeregisterTaskDefinition": ("taskDefinition",),
    "DescribeCapacityProviders": ("capacityProviders.name",),
    "DescribeClusters": ("clusters.clusterName", "clusters.status"),
    "DescribeContainerInstances": ("containerInstances.containerInstanceArn",),
    "DescribeServiceDeployments": ("serviceDeployments.serviceDeploymentArn",),
    "DescribeServiceRevisions": ("serviceRevisions.serviceRevisionArn", "serviceRevisions.taskDefinition"),
    "DescribeServices": ("services.serviceName", "services.serviceArn", "services.status"),
    "DescribeTaskDefinition": ("taskDefinition.taskDefinitionArn", "taskDefinition.containerDefinitions"),
    "DescribeTasks": ("tasks.taskArn",),
    "GetTaskProtection": ("protectedTasks",),
    "ListContainerInstances": ("containerInstanceArns",),
    "ListServiceDeployments": ("serviceDeployments",),
    "ListTaskDefinitions": ("taskDefinitionArns",),
    "ListTasks": ("taskArns",),
    "RegisterTaskDefinition": ("taskDefinition.taskDefinitionArn",),
    "RunTask": ("tasks.taskArn",),
    "StopServiceDeployment": ("serviceDeploymentArn",),
    "StopTask": ("task",),
    "UpdateService": ("service.serviceArn", "service.deployments.id"),
    # CodeDeploy
    "BatchGetDeploymentTargets": ("deploymentTargets",),
    "BatchGetDeployments": ("deploymentsInfo.deploymentId",),
    "ContinueDeployment": (),  # has no content
    "CreateDeployment": ("deploymentId",),
    "GetDeploymentConfig": ("deploymentConfigInfo",),
    "GetDeploymentGroup": ("deploymentGroupInfo",),
    "ListDeployments": ("deployments",),
    "StopDeployment": ("status",),
    # CodePipeline and CodeBuild
    "BatchGetBuilds": ("builds",),
    "GetPipeline": ("pipeline.name", "pipeline.stages"),
    "GetPipelineExecution": ("pipelineExecution.pipelineExecutionId", "pipelineExecution.status"),
    "GetPipelineState": ("stageStates",),
    "ListActionExecutions": ("actionExecutionDetails.stageName", "actionExecutionDetails.actionName"),
    "ListPipelineExecutions": ("pipelineExecutionSummaries.pipelineExecutionId",),
    "StartPipelineExecution": ("pipelineExecutionId",),
    "StopPipelineExecution": ("pipelineExecutionId",),
    # ECR and ECR public
    "BatchGetImage": ("images.imageId", "images.imageManifest"),
    "BatchGetRepositoryScanningConfiguration": (),
    "DescribeImageScanFindings": ("imageScanStatus.status",),
    "DescribeImages": ("imageDetails.imageDigest",),
    "DescribeRegistries": ("registries",),
    "DescribeRepositories": ("repositories",),
    "DescribeRepositoryCreationTemplates": ("repositoryCreationTemplates",),
    "DescribePullThroughCacheRules": ("pullThroughCacheRules",),
    "GetAuthorizationToken": ("authorizationData.authorizationToken",),
    "GetDownloadUrlForLayer": ("downloadUrl",),
    "PutImage": ("image",),
    "StartImageScan": ("imageScanStatus",),
    # EC2, Auto Scaling and Elastic Load Balancing
    "DescribeAutoScalingGroups": ("AutoScalingGroups.AutoScalingGroupName",),
    "DescribeListeners": ("Listeners.ListenerArn",),
    "DescribeLoadBalancers": ("LoadBalancers.LoadBalancerArn",),
    "DescribeNatGateways": ("NatGateways",),
    "DescribeRouteTables": ("RouteTables",),
    "DescribeRules": ("Rules.RuleArn",),
    "DescribeSecurityGroups": ("SecurityGroups",),
    "DescribeSubnets": ("Subnets",),
    "DescribeTargetGroups": ("TargetGroups.TargetGroupArn",),
    "DescribeVpcEndpoints": ("VpcEndpoints",),
    # the others
    "AssumeRole": ("Credentials.AccessKeyId", "Credentials.SecretAccessKey", "Credentials.Expiration"),
    "AssumeRoleWithWebIdentity": ("Credentials.AccessKeyId", "Credentials.SecretAccessKey", "Credentials.Expiration"),
    "DeleteParameter": (),  # has no content
    "DescribeAlarms": (),
    "DescribeLogGroups": ("logGroups",),
    "DescribeParameters": (),
    "DescribeRule": ("Name",),
    "DescribeSecret": ("ARN", "Name"),
    "DescribeTargetHealth": ("TargetHealthDescriptions",),
    "GetCallerIdentity": ("Arn", "Account"),
    "GetLogEvents": ("events",),
    "GetObject": ("ETag", "ContentLength"),
    "GetParameter": ("Parameter.Value",),
    "GetParameters": ("Parameters.Name", "Parameters.Type", "Parameters.Value", "Parameters.Version"),
    "GetRole": ("Role.Arn", "Role.AssumeRolePolicyDocument"),
    "GetSchedule": ("Name", "Target"),
    "HeadObject": ("ETag",),
    "ListTargetsByRule": ("Targets",),
    "PutObject": ("ETag",),
    "PutParameter": ("Version",),
    "PutTargets": ("FailedEntryCount",),
    "SimulatePrincipalPolicy": ("EvaluationResults.EvalActionName", "EvaluationResults.EvalDecision"),
    "UpdateSchedule": ("ScheduleArn",),
}


def guard(session: Session) -> None:
    """Makes all clients of the session check their responses."""
    session.register_component("response_parser_factory", _Parsers())
    session.register("needs-retry.*.*", _with_status)


class _Parsers(ResponseParserFactory):
    def create_parser(self, protocol_name: str) -> _Parser:
        return _Parser(super().create_parser(protocol_name), protocol_name)


class _Parser(ResponseParser):
    """botocore's parser of a protocol, whose errors are part of the response."""

    def __init__(self, parser: Any, protocol: str) -> None:
        self._parser = parser
        self._is_json = "json" in protocol

    def parse(self, response: Mapping[str, Any], shape: Any) -> dict[str, Any]:
        status, operation = response["status_code"], response["context"]["operation_name"]
        try:
            parsed: dict[str, Any] = self._parser.parse(response, shape)
        except Exception:  # on a body that is not AWS's, botocore fails in many ways; its errors quote the body
            return _error(status if status >= 300 else _BAD_GATEWAY, "the response is not AWS's")
        if status >= 300:
            return parsed
        if self._is_json and not ALWAYS.get(operation) and not _is_object(response["body"]):
            return _error(_BAD_GATEWAY, "the response is not a JSON object")
        missing = [path for path in ALWAYS.get(operation, ()) if not _has(parsed, path.split("."))]
        return _error(_BAD_GATEWAY, f"the response lacks {missing[0]}") if missing else parsed


def _is_object(body: bytes) -> bool:
    """Whether the body is a JSON object, or empty, as of an operation without output."""
    try:
        return isinstance(json.loads(body or b"{}"), dict)
    except (ValueError, RecursionError):
        return False


def _has(value: Any, path: Iterable[str]) -> bool:
    match list(path), value:
        case _, None:
            return False
        case [], _:
            return True
        case rest, list():
            return all(_has(entry, rest) for entry in value)
        case [name, *rest], dict():
            return _has(value.get(name), rest)
        case _:
            return False


def _error(status: int, what: str) -> dict[str, Any]:
    message = f"{what}; a proxy may have sent it, or it was cut off"
    return {"Error": {"Code": CODE, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}


def _with_status(response: tuple[Any, dict[str, Any]] | None = None, **_: Any) -> None:
    """Gives botocore the status of the parsed response before it decides on a retry, as it does itself for S3."""
    if response is not None:
        http, parsed = response
        http.status_code = parsed.get("ResponseMetadata", {}).get("HTTPStatusCode", http.status_code)
