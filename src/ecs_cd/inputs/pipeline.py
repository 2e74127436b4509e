"""The inputs of the verb pipeline: those of its steps."""

from __future__ import annotations

from dataclasses import dataclass

from ecs_cd.inputs.build_push import BuildPush
from ecs_cd.inputs.deploy import Deploy
from ecs_cd.inputs.migrate import Migrate


@dataclass(frozen=True, kw_only=True)
class Pipeline(Deploy, Migrate, BuildPush):
    """The inputs of all steps, in the order of the steps."""
