"""The operations that the endpoint has, by their names."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from ecs_cd.local.codebuild.builds import Builds
from ecs_cd.local.codepipeline.deployments import Deployments
from ecs_cd.local.codepipeline.engine import Decide, Engine
from ecs_cd.local.codepipeline.rules import answers, requests
from ecs_cd.local.codepipeline.rules.service_error import ServiceError
from ecs_cd.local.codepipeline.rules.state import Pipeline

Params: TypeAlias = Mapping[str, Any]
Operation: TypeAlias = Callable[[Params], dict[str, Any]]


def codepipeline(engine: Engine) -> dict[str, Operation]:
    """Reads are functions of a pipeline's state, the others change it."""
    user = f"arn:aws:iam::{engine.account}:root"  # who an unauthenticated caller is in the local AWS

    def of(request: Params) -> Pipeline:
        return engine.pipeline(request.get("pipelineName") or request["name"])

    def change(request: Params, decide: Decide) -> dict[str, Any]:
        engine.change(request["pipelineName"], decide)
        return {}

    def roll_back(request: Params) -> dict[str, Any]:
        id = str(uuid.uuid4())
        change(request, lambda state, now: requests.rollback(state, request, id, user, now))
        return {"pipelineExecutionId": id}

    def approve(request: Params) -> dict[str, Any]:
        change(request, lambda state, now: requests.answer_approval(state, request, user, now))
        return {"approvedAt": time.time()}

    def same(request: Params, decide: Decide) -> dict[str, Any]:
        return change(request, decide) | {"pipelineExecutionId": request["pipelineExecutionId"]}

    return {
        "GetPipeline": lambda request: answers.pipeline(of(request)),
        "GetPipelineState": lambda request: answers.pipeline_state(of(request)),
        "GetPipelineExecution": lambda request: answers.execution(of(request), request["pipelineExecutionId"]),
        "ListPipelineExecutions": lambda request: answers.executions(of(request), request),
        "ListActionExecutions": lambda request: answers.action_executions(of(request), request),
        "ListPipelines": lambda request: answers.pipelines(engine.pipelines, request),
        "StartPipelineExecution": lambda request: {
            "pipelineExecutionId": engine.start(request, ("StartPipelineExecution", user))
        },
        "StopPipelineExecution": lambda request: same(request, lambda state, now: requests.stop(state, request, now)),
        "RetryStageExecution": lambda request: same(request, lambda state, now: requests.retry(state, request, now)),
        "RollbackStage": roll_back,
        "PutApprovalResult": approve,
        "EnableStageTransition": lambda request: change(
            request, lambda state, now: requests.enable(state, request, now)
        ),
        "DisableStageTransition": lambda request: change(
            request, lambda state, now: requests.disable(state, request, user, now)
        ),
    }


def codebuild(builds: Builds) -> dict[str, Operation]:
    """What hand-off and the AWS CLI need of the builds of actions."""

    def describe(request: Params) -> dict[str, Any]:
        found = builds.describe(request["ids"])
        missing = [id for id in request["ids"] if id not in {each["id"] for each in found}]
        return {"builds": found, "buildsNotFound": missing}

    def stop(request: Params) -> dict[str, Any]:
        try:
            return {"build": builds.stop(request["id"])}
        except KeyError:
            raise ServiceError("ResourceNotFoundException", f"Build {request['id']} does not exist") from None

    return {"BatchGetBuilds": describe, "StopBuild": stop}


def codedeploy(deployments: Deployments) -> dict[str, Operation]:
    """What hand-off asks about the deployments of actions."""
    return {
        "GetDeploymentGroup": deployments.get_deployment_group,
        "BatchGetDeployments": deployments.batch_get_deployments,
        "BatchGetDeploymentTargets": deployments.batch_get_deployment_targets,
    }
