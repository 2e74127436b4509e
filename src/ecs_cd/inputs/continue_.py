"""The inputs of the verb continue."""

from __future__ import annotations

from ecs_cd.inputs.common import Existing


class Continue(Existing):
    """Continues paused deployments."""
