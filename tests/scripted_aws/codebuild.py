"""Builds of CodeBuild as AWS returns them, with their logs in CloudWatch Logs.

Builds(pipeline, {MIGRATION: Build(6, 58, failed=("BUILD", "COMMAND_EXECUTION_ERROR", "..."), log=[(7, "hello")])}).script(aws)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .clock import moment
from .codepipeline import ACCOUNT, NAME, REGION, Pipeline
from .script import Answer, error
from .server import ScriptedAws
from .wire import Params

PHASES = (
    "SUBMITTED",
    "QUEUED",
    "PROVISIONING",
    "DOWNLOAD_SOURCE",
    "INSTALL",
    "PRE_BUILD",
    "BUILD",
    "POST_BUILD",
    "UPLOAD_ARTIFACTS",
    "FINALIZING",
)
EXIT_1 = (
    "BUILD",
    "COMMAND_EXECUTION_ERROR",
    'Error while executing command: ecs-cd migrate --config "$ECS_CD_CONFIG". Reason: exit status 1',
)


@dataclass(frozen=True)
class Build:
    """A build; all times are seconds after the start of its pipeline execution.

    ``failed`` is the first phase that fails, with its status code and message; ``status`` is FAILED then, or FAULT,
    TIMED_OUT or STOPPED as given. ``log`` has lines with their times.
    """

    begins: float
    ends: float
    failed: tuple[str, str, str] | None = None
    status: str = ""
    log: Sequence[tuple[float, str]] = ()
    more: Params = field(default_factory=dict)

    def described(self, id: str, now: float, origin: float) -> Params:
        """BatchGetBuilds' entry at that time."""
        over = now >= self.ends
        project, _, stream = id.partition(":")
        final = self.status or ("FAILED" if self.failed else "SUCCEEDED")
        arn = f"arn:aws:codebuild:{REGION}:{ACCOUNT}:build/{id}"
        group = f"/aws/codebuild/{project}"
        link = f"https://console.aws.amazon.com/cloudwatch/home?region={REGION}#logsV2:log-groups/{project}"
        found = {
            "id": id,
            "arn": arn,
            "buildNumber": 1,
            "projectName": project,
            "startTime": moment(origin + self.begins),
            "currentPhase": "COMPLETED" if over else "BUILD",
            "buildStatus": final if over else "IN_PROGRESS",
            "initiator": f"codepipeline/{NAME}",
            "buildComplete": over,
            "phases": self._phases(over, final),
            "logs": {"groupName": group, "streamName": stream, "deepLink": link},
        }
        return found | ({"endTime": moment(origin + self.ends)} if over else {}) | self.more

    def _phases(self, over: bool, final: str) -> list[Params]:
        """CodeBuild runs POST_BUILD after a BUILD that failed, and skips it after any other phase."""
        phase, code, message = self.failed or ("", "", "")
        until = PHASES if over else PHASES[: PHASES.index("BUILD")]
        found: list[Params] = []
        for name in until:
            if name != phase:
                found.append(_phase(name, "SUCCEEDED"))
                continue
            found.append(_phase(name, final, {"statusCode": code, "message": message}))
            rest = ("POST_BUILD",) if name == "BUILD" else ()
            found += [_phase(each, "SUCCEEDED") for each in (*rest, "UPLOAD_ARTIFACTS", "FINALIZING")]
            break
        return [*found, {"phaseType": "COMPLETED" if over else "BUILD"}]


def _phase(name: str, status: str, context: Params | None = None) -> Params:
    contexts = [context] if context else [{"statusCode": "", "message": ""}]
    return {"phaseType": name, "phaseStatus": status, "durationInSeconds": 1, "contexts": contexts}


@dataclass
class Builds:
    """CodeBuild's side: the builds by id. A build is known from its ``begins`` on."""

    pipeline: Pipeline
    builds: Mapping[str, Build]

    def script(self, aws: ScriptedAws) -> Builds:
        """Answers BatchGetBuilds, and GetLogEvents for their logs."""
        aws.on("codebuild.BatchGetBuilds", self._describe)
        aws.on("logs.GetLogEvents", self._events)
        return self

    def _known(self, id: str) -> bool:
        return id in self.builds and self.pipeline.since(id) >= self.builds[id].begins

    def _describe(self, params: Params) -> Answer:
        now = self.pipeline.now
        known = [id for id in params["ids"] if self._known(id)]
        since = {id: self.pipeline.since(id) for id in known}
        found = [self.builds[id].described(id, since[id], now - since[id]) for id in known]
        missing = [id for id in params["ids"] if id not in known]
        return {"builds": found, **({"buildsNotFound": missing} if missing else {})}

    def _events(self, params: Params) -> Answer:
        """A page of the log. An unchanged token marks its end, in either direction."""
        project, stream = params["logGroupName"].rpartition("/")[2], params["logStreamName"]
        id = f"{project}:{stream}"
        if not self._known(id):
            return error("ResourceNotFoundException", "The specified log stream does not exist.")
        since, limit = self.pipeline.since(id), params.get("limit", 10_000)
        origin = self.pipeline.now - since
        lines = [(origin + at, text) for at, text in self.builds[id].log if at <= since]
        start, end = _window(params, len(lines), limit)
        return {
            "events": [
                {"timestamp": int(moment(at).timestamp() * 1000), "message": text} for at, text in lines[start:end]
            ],
            "nextForwardToken": f"f/{end}",
            "nextBackwardToken": f"b/{start}",
        }


def _window(params: Params, count: int, limit: int) -> tuple[int, int]:
    """Which lines: after a forward token, before a backward one, or at the head or the tail of the log."""
    direction, _, number = params.get("nextToken", "").partition("/")
    if direction == "f":
        return int(number), min(int(number) + limit, count)
    if direction == "b":
        return max(0, int(number) - limit), int(number)
    return (0, min(limit, count)) if params.get("startFromHead") else (max(0, count - limit), count)
