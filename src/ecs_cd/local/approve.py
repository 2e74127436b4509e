"""`ecs-cd local approve` and `reject`: answers an approval action of the local CodePipeline."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ecs_cd.aws import codepipeline
from ecs_cd.aws.session import Aws
from ecs_cd.local import infra, place, repository
from ecs_cd.local.machine import Say
from ecs_cd.model.errors import Refused


@dataclass(frozen=True)
class _Waiting:
    """An approval action that waits."""

    pipeline: str
    stage: str
    action: str
    token: str

    @property
    def path(self) -> str:
        return f"{self.stage}/{self.action}"


def answer(action: str, summary: str, status: str, environ: MutableMapping[str, str], say: Say) -> int:
    """Gives the action (STAGE/ACTION; default: the only one that waits) this ``status``, Approved or Rejected."""
    root = repository.root(Path.cwd())
    found, running = infra.require(place.folder(root, environ), root)
    infra.use(found, running, environ)
    give(Aws(environ, running.region), found.pipelines, action, summary, status, say)
    return 0


def give(aws: Aws, pipelines: Sequence[str], action: str, summary: str, status: str, say: Say) -> None:
    """The same, of these pipelines."""
    one = _chosen([each for name in pipelines for each in _waiting(aws, name)], action)
    aws.client("codepipeline").put_approval_result(
        pipelineName=one.pipeline,
        stageName=one.stage,
        actionName=one.action,
        token=one.token,
        result={"summary": summary or f"{status} on this machine", "status": status},
    )
    say(f"{one.pipeline}: {one.path}: {status}")


def _chosen(found: Sequence[_Waiting], action: str) -> _Waiting:
    """The oldest approval of the action: in the mode PARALLEL, several executions may wait for it."""
    places = dict.fromkeys((each.pipeline, each.path) for each in found if action in ("", each.path))
    if len(places) != 1:
        there = ", ".join(dict.fromkeys(each.path for each in found)) or "none"
        raise Refused(f"no single approval to answer{f' at {action}' if action else ''}; waiting: {there}")
    return [each for each in found if (each.pipeline, each.path) in places][-1]


def _waiting(aws: Aws, pipeline: str) -> Iterator[_Waiting]:
    """The approvals that wait, the newest first. In the mode PARALLEL the token is the external execution's id."""
    tokens = {
        (stage["stageName"], action["actionName"]): action.get("latestExecution", {}).get("token", "")
        for stage in codepipeline.stages(aws, pipeline)
        for action in stage.get("actionStates", ())
    }
    for page in aws.client("codepipeline").get_paginator("list_action_executions").paginate(pipelineName=pipeline):
        for each in page["actionExecutionDetails"]:
            if each["status"] == "InProgress" and each["input"]["actionTypeId"]["category"] == "Approval":
                stage, action = each["stageName"], each["actionName"]
                token = each["output"]["executionResult"].get("externalExecutionId") or tokens[stage, action]
                yield _Waiting(pipeline, stage, action, token)
