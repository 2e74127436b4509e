"""The inputs of the verb migrate."""

from __future__ import annotations

from dataclasses import dataclass

from ecs_cd.inputs.common import Cancellable
from ecs_cd.inputs.options import option
from ecs_cd.inputs.rules import parsers


@dataclass(frozen=True, kw_only=True)
class Migrate(Cancellable):
    migration_timeout: float = option(
        "How long the migration may take, for example `90s`, `30m` or `2h`.",
        parsers.seconds,
        default="30m",
        metavar="DURATION",
    )
