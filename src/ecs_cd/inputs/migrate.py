"""The inputs of the verb migrate."""

from __future__ import annotations

from dataclasses import dataclass

from ecs_cd.inputs.common import Cancellable, Gated, ImagesFrom
from ecs_cd.inputs.options import option
from ecs_cd.inputs.rules import parsers


@dataclass(frozen=True, kw_only=True)
class Migrate(Cancellable, Gated):
    migration_timeout: float = option(
        "How long the migration, and each task after it, may take, for example `90s`, `30m` or `2h`.",
        parsers.seconds,
        default="30m",
        metavar="DURATION",
    )
    on_conflict: str = option(
        "If an earlier migration is still running: `follow` the same commit's and wait for another's, `wait` for both, "
        "or `fail`.",
        parsers.one_of("follow", "wait", "fail"),
        default="follow",
        metavar="POLICY",
    )

    @property
    def migration_conflict(self) -> str:
        """What to do if another migration is running: ``follow``, ``wait`` or ``fail``."""
        return self.on_conflict


@dataclass(frozen=True, kw_only=True)
class MigrateAlone(Migrate, ImagesFrom):
    """The action migrate, which the pipeline's step is not: that one gets the images of the build before it."""
