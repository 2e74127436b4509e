"""A build that has ended, as AWS shows it: its description, and its log in CloudWatch Logs."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dev.aws import Aws as LocalAws
from ecs_cd.aws import logs
from ecs_cd.aws.session import Aws
from ecs_cd.local.codebuild.builds import BuildEnded, Builds
from ecs_cd.local.codebuild.rules.artifacts import File, zipped
from ecs_cd.local.codebuild.rules.buildspec import PHASES


@dataclass(frozen=True)
class Build:
    """``description`` is an entry of BatchGetBuilds."""

    ended: BuildEnded
    description: Mapping[str, Any]
    log: str

    @property
    def id(self) -> str:
        return str(self.description["id"])

    @property
    def succeeded(self) -> bool:
        return self.ended.status == "SUCCEEDED"

    @property
    def phases(self) -> dict[str, str]:
        """The statuses of those phases that ran which run commands."""
        found = {each["phaseType"]: each.get("phaseStatus", "") for each in self.description["phases"]}
        return {name: found[name] for name in PHASES if name in found}

    @property
    def failed(self) -> tuple[str, str, str]:
        """The first phase that failed, its code and message; the phase of a build that succeeded is empty."""
        for each in self.description["phases"]:
            if each.get("phaseStatus", "SUCCEEDED") != "SUCCEEDED":
                (context,) = each["contexts"]
                return each["phaseType"], context["statusCode"], context["message"]
        return "", "", ""

    @property
    def message(self) -> str:
        return self.failed[2]

    @property
    def exported(self) -> Mapping[str, str]:
        return self.ended.exported


@dataclass(frozen=True)
class Runner:
    """Runs builds of these projects."""

    aws: Aws
    builds: Builds
    folder: Path
    ending: threading.Event
    begun: list[str] = field(default_factory=list)

    def run(
        self,
        project: str,
        variables: Sequence[Mapping[str, str]] = (),
        sources: Mapping[str, bytes] | None = None,
        outputs: Sequence[str] = (),
        version: str = "",
    ) -> Build:
        begun: list[str] = []

        def begin(id: str, _: str) -> None:
            begun.append(id)
            self.begun.append(id)

        given = {"source": EMPTY} if sources is None else sources
        ended = self.builds.run(project, variables, given, outputs, "codepipeline/my-app", version, begin)
        (description,) = self.builds.describe(begun)
        lines = self.lines(begun[0])
        return Build(ended, description, "".join(f"{line}\n" for line in lines))

    def lines(self, id: str) -> list[str]:
        """The log so far."""
        (description,) = self.builds.describe([id])
        where = description["logs"]
        return list(logs.new_lines(self.aws, logs.Stream(where["groupName"], where["streamName"], None)))


EMPTY = zipped({"README.txt": File(b"")})


def build_env(local: LocalAws) -> dict[str, str]:
    """The variables by which a build talks to the local AWS."""
    return {name: value for name, value in local.env.items() if name.startswith("AWS_")}
