"""What CodeBuild says about a build, while it runs and when it has ended."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any
from urllib.parse import quote

from ecs_cd.model import console

SUCCEEDED, FAILED, IN_PROGRESS = "SUCCEEDED", "FAILED", "IN_PROGRESS"
COMPLETED = "COMPLETED"
Json = dict[str, Any]


@dataclass
class Phase:
    """A phase; ``status`` is empty until it ends."""

    name: str
    began: datetime
    ended: datetime | None = None
    status: str = ""
    code: str = ""
    message: str = ""

    def described(self) -> Json:
        found: Json = {"phaseType": self.name, "startTime": self.began}
        if self.ended:
            found |= {"phaseStatus": self.status, "endTime": self.ended}
            found["durationInSeconds"] = int((self.ended - self.began).total_seconds())
            found["contexts"] = [{"statusCode": self.code, "message": self.message}]
        return found


@dataclass
class Record:
    """A build. ``asked_to_end`` is the status that stops it."""

    project: Mapping[str, Any]
    number: int
    region: str
    account: str
    initiator: str
    source_version: str
    variables: Sequence[Mapping[str, str]]
    uuid: str = field(default_factory=lambda: str(uuid.uuid4()))
    began: datetime = field(default_factory=lambda: datetime.now(timezone.utc))
    status: str = IN_PROGRESS
    exported: Mapping[str, str] = field(default_factory=dict)
    asked_to_end: str = ""
    _phases: list[Phase] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def id(self) -> str:
        return f"{self.project['name']}:{self.uuid}"

    @property
    def arn(self) -> str:
        return f"arn:{console.partition(self.region)}:codebuild:{self.region}:{self.account}:build/{self.id}"

    @property
    def url(self) -> str:
        """The build's page in the console, as CodePipeline links it."""
        path = f"codesuite/codebuild/{self.account}/projects/{self.project['name']}/build/{quote(self.id, safe='')}"
        return f"https://{console.host(self.region, console.partition(self.region))}/{path}/?region={self.region}"

    @property
    def log(self) -> tuple[str, str] | None:
        """The log group and stream; ``None`` if the project has no log."""
        config = self.project.get("logsConfig", {}).get("cloudWatchLogs", {})
        if config.get("status") == "DISABLED":
            return None
        prefix = f"{config['streamName']}/" if config.get("streamName") else ""
        return config.get("groupName") or f"/aws/codebuild/{self.project['name']}", f"{prefix}{self.uuid}"

    def enter(self, phase: str) -> None:
        with self._lock:
            self._phases.append(Phase(phase, datetime.now(timezone.utc)))

    def complete(self, status: str, code: str = "", message: str = "") -> None:
        """Ends the current phase. Its status is the build's if it is the first that did not succeed."""
        with self._lock:
            phase = self._phases[-1]
            phase.ended, phase.status, phase.code, phase.message = datetime.now(timezone.utc), status, code, message
            if self.status == IN_PROGRESS and status != SUCCEEDED:
                self.status = status

    def end(self) -> None:
        """Nothing follows."""
        with self._lock:
            if self.status == IN_PROGRESS:
                self.status = SUCCEEDED
            self._phases.append(Phase(COMPLETED, datetime.now(timezone.utc)))

    @property
    def failing(self) -> Phase | None:
        """The first phase that did not succeed."""
        return next((each for each in self._phases if each.status not in ("", SUCCEEDED)), None)

    def described(self) -> Json:
        """BatchGetBuilds' entry."""
        with self._lock:
            over = bool(self._phases) and self._phases[-1].name == COMPLETED
            environment = dict(self.project.get("environment", {}))
            environment["environmentVariables"] = [*environment.get("environmentVariables", ()), *self.variables]
            found: Json = {
                "id": self.id,
                "arn": self.arn,
                "buildNumber": self.number,
                "projectName": self.project["name"],
                "startTime": self.began,
                "currentPhase": self._phases[-1].name if self._phases else "SUBMITTED",
                "buildStatus": self.status if over else IN_PROGRESS,
                "buildComplete": over,
                "initiator": self.initiator,
                "phases": [each.described() for each in self._phases],
                "source": dict(self.project.get("source", {})),
                "environment": environment,
                "exportedEnvironmentVariables": [{"name": k, "value": v} for k, v in self.exported.items()],
            }
            if over:
                found["endTime"] = self._phases[-1].began
        if self.source_version:
            found |= {"sourceVersion": self.source_version, "resolvedSourceVersion": self.source_version}
        return found | self._logs()

    def _logs(self) -> Json:
        if self.log is None:
            return {}
        group, stream = self.log
        partition = console.partition(self.region)
        arn = f"arn:{partition}:logs:{self.region}:{self.account}:log-group:{group}:log-stream:{stream}"
        return {
            "logs": {
                "groupName": group,
                "streamName": stream,
                "deepLink": console.Console(self.region).log_stream(group, stream),
                "cloudWatchLogsArn": arn,
            }
        }
