"""The inputs of the verb rollback."""

from __future__ import annotations

from ecs_cd.inputs.common import Existing


class Rollback(Existing):
    """Rolls services back to what they ran before."""
