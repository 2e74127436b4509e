"""The inputs of the verb images."""

from __future__ import annotations

from ecs_cd.inputs.common import Located


class Images(Located):
    """Prints the document's images as a matrix."""
