"""The inputs of the verb continue."""

from __future__ import annotations

from dataclasses import dataclass

from ecs_cd.inputs.common import Existing, OnGitHub


@dataclass(frozen=True, kw_only=True)
class Continue(Existing, OnGitHub):
    """Continues paused deployments."""
