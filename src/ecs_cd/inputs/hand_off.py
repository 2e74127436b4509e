"""The inputs of the verb hand-off."""

from __future__ import annotations

from dataclasses import dataclass

from ecs_cd.inputs.common import Attested, Gated, OnGitHub
from ecs_cd.inputs.options import option
from ecs_cd.inputs.rules import parsers

END, STARTED = "end", "started"


@dataclass(frozen=True, kw_only=True)
class HandOff(Attested, OnGitHub, Gated):
    wait_until: str = option(
        "How far to follow the execution: `started`, a stage of the pipeline, or `end`. Default: `pipeline.wait-until` "
        "in the document, or else `end`.",
        parsers.text,
        metavar="GOAL",
    )
    timeout: float = option(
        "How long to follow the execution, for example `30m` or `2h`. It continues without ecs-cd after that.",
        parsers.seconds,
        default="60m",
        metavar="DURATION",
    )
    superseded: str = option(
        "If a newer execution supersedes this one: fail with an `error`, or only show a `warning`.",
        parsers.one_of("error", "warning"),
        default="error",
        metavar="POLICY",
    )
    on_cancel: str = option(
        "What to do with the execution when the job is cancelled: `leave` it, or `stop` it after its running actions.",
        parsers.one_of("leave", "stop"),
        default="leave",
        metavar="POLICY",
    )
    dry_run: bool = option(
        "`true`: check the images, the document and the pipeline, and start nothing.",
        parsers.truth,
        default="false",
        metavar="BOOLEAN",
    )
