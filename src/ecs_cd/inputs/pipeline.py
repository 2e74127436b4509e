"""The inputs of the verb pipeline: those of its steps."""

from __future__ import annotations

from dataclasses import dataclass

from ecs_cd.inputs.build_push import BuildPush
from ecs_cd.inputs.deploy import Deploy
from ecs_cd.inputs.migrate import Migrate
from ecs_cd.inputs.options import option
from ecs_cd.inputs.rules import parsers


@dataclass(frozen=True, kw_only=True)
class Pipeline(Deploy, Migrate, BuildPush):
    """The inputs of all steps, in the order of the steps."""

    on_conflict: str = option(
        "If another deployment of the service is in progress: `wait` until it ends, `fail`, or `supersede` it. If an "
        "earlier migration is still running, `fail` applies to it too; the other values follow the same commit's "
        "migration and wait for another's.",
        parsers.one_of("wait", "fail", "supersede"),
        default="wait",
        metavar="POLICY",
    )

    @property
    def migration_conflict(self) -> str:
        return "fail" if self.on_conflict == "fail" else "follow"
