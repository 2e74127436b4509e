"""BLUE_GREEN, LINEAR and CANARY deployments as ECS returns them: service deployments and service revisions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from . import ecs
from .clock import moment
from .script import At, at
from .wire import Params

STAGES = (
    "RECONCILE_SERVICE",
    "PRE_SCALE_UP",
    "SCALE_UP",
    "POST_SCALE_UP",
    "TEST_TRAFFIC_SHIFT",
    "POST_TEST_TRAFFIC_SHIFT",
    "PRODUCTION_TRAFFIC_SHIFT",
    "POST_PRODUCTION_TRAFFIC_SHIFT",
    "BAKE_TIME",
    "CLEAN_UP",
)
_SHIFTED = STAGES[STAGES.index("POST_PRODUCTION_TRAFFIC_SHIFT") :]


def arn(id: str, kind: str = "service-deployment", service: str = "web") -> str:
    return f"{ecs.PREFIX}:{kind}/{ecs.CLUSTER}/{service}/{id}"


def service(strategy: str = "BLUE_GREEN", **more: Any) -> Params:
    """A service with a load balancer, deployed by ECS with this strategy."""
    found = ecs.service(**more)
    return {**found, "deploymentConfiguration": {**found["deploymentConfiguration"], "strategy": strategy}}


def hook(status: str = "AWAITING_ACTION", id: str = "ecs-pause-1", **more: Any) -> Params:
    """A pause; for a Lambda function, pass targetType and targetArn."""
    return {"hookId": id, "targetType": "PAUSE", "status": status, **more}


def service_deployment(
    id: str = "2",
    status: str = "IN_PROGRESS",
    stage: str | None = None,
    *,
    desired: int = 1,
    running: int | None = None,
    weight: float | None = None,
    hooks: Sequence[Params] = (),
    failures: int = 0,
    created: float = 0,
    service: str = "web",
    **more: Any,
) -> Params:
    """The service deployment to the revision of the same id; all its tasks run, and have the traffic, after the shift."""
    shifted = status == "SUCCESSFUL" or stage in _SHIFTED
    scaled = shifted or (stage in STAGES and STAGES.index(str(stage)) > STAGES.index("SCALE_UP"))
    return {
        "serviceDeploymentArn": arn(id, service=service),
        "serviceArn": f"{ecs.PREFIX}:service/{ecs.CLUSTER}/{service}",
        "clusterArn": f"{ecs.PREFIX}:cluster/{ecs.CLUSTER}",
        "createdAt": moment(created),
        "status": status,
        **({"lifecycleStage": stage} if stage else {}),
        "targetServiceRevision": {
            "arn": arn(id, "service-revision", service),
            "requestedTaskCount": desired,
            "runningTaskCount": running if running is not None else desired if scaled else 0,
            "pendingTaskCount": 0,
            "requestedProductionTrafficWeight": weight if weight is not None else 100.0 if shifted else 0.0,
        },
        "lifecycleHookDetails": list(hooks),
        "deploymentCircuitBreaker": {"status": "MONITORING", "failureCount": failures, "threshold": 3},
        **more,
    }


def through(*deployments: Params, every: float = 10) -> list[At]:
    """DescribeServiceDeployments' answers while the deployment moves from one of these states to the next."""
    return [at(every * number, described(deployment)) for number, deployment in enumerate(deployments)]


def stages(id: str = "2", **more: Any) -> list[Params]:
    """The deployment in each stage of a successful course, and its success."""
    return [
        service_deployment(id, "PENDING", **more),
        *(service_deployment(id, stage=stage, **more) for stage in STAGES),
        service_deployment(id, "SUCCESSFUL", **more),
    ]


# --- answers that look at the request ---


def described(*deployments: Params) -> Callable[[Params], Params]:
    """DescribeServiceDeployments: the requested ones, or MISSING; in another order than requested."""
    known = {deployment["serviceDeploymentArn"]: deployment for deployment in deployments}

    def answer(params: Params) -> Params:
        asked = params["serviceDeploymentArns"]
        return {
            "serviceDeployments": [known[name] for name in reversed(asked) if name in known],
            "failures": [{"arn": name, "reason": "MISSING"} for name in asked if name not in known],
        }

    return answer


def listed(*deployments: Params) -> Callable[[Params], Params]:
    """ListServiceDeployments by status and time of creation, in arbitrary order."""

    def answer(params: Params) -> Params:
        after = params.get("createdAt", {}).get("after")
        found = [
            {
                "serviceDeploymentArn": deployment["serviceDeploymentArn"],
                "targetServiceRevisionArn": deployment["targetServiceRevision"]["arn"],
                "createdAt": deployment["createdAt"],
                "status": deployment["status"],
                **{key: deployment[key] for key in ("statusReason",) if key in deployment},
            }
            for deployment in sorted(deployments, key=lambda deployment: str(deployment["serviceDeploymentArn"]))
            if deployment["status"] in params.get("status", [deployment["status"]])
            and (after is None or deployment["createdAt"] >= after)
            if deployment["serviceArn"].endswith("/" + params["service"].rpartition("/")[2])
        ]
        return {"serviceDeployments": found}

    return answer


def revisions(params: Params) -> Params:
    """DescribeServiceRevisions: the revision "7" of the service "web" runs web:7."""
    words = [name.split("/") for name in params["serviceRevisionArns"]]
    return {
        "serviceRevisions": [
            {"serviceRevisionArn": "/".join(each), "taskDefinition": ecs.task_definition_arn(f"{each[-2]}:{each[-1]}")}
            for each in words
        ]
    }
