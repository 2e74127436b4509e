"""`ecs-cd local approve` and `reject`: answers an approval action of the local CodePipeline."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
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
    aws = Aws(environ, running.region)
    waiting = [each for name in found.pipelines for each in _waiting(aws, name)]
    chosen = [each for each in waiting if action in ("", each.path)]
    if len(chosen) != 1:
        there = ", ".join(each.path for each in waiting) or "none"
        raise Refused(f"no single approval to answer{f' at {action}' if action else ''}; waiting: {there}")
    (one,) = chosen
    aws.client("codepipeline").put_approval_result(
        pipelineName=one.pipeline,
        stageName=one.stage,
        actionName=one.action,
        token=one.token,
        result={"summary": summary or f"{status} on this machine", "status": status},
    )
    say(f"{one.pipeline}: {one.path}: {status}")
    return 0


def _waiting(aws: Aws, pipeline: str) -> Iterator[_Waiting]:
    for stage in codepipeline.stages(aws, pipeline):
        for action in stage.get("actionStates", ()):
            latest = action.get("latestExecution", {})
            if latest.get("token") and latest.get("status") == "InProgress":
                yield _Waiting(pipeline, stage["stageName"], action["actionName"], latest["token"])
