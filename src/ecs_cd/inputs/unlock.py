"""The inputs of the verb unlock."""

from __future__ import annotations

from dataclasses import dataclass

from ecs_cd.inputs.common import Located
from ecs_cd.inputs.options import option
from ecs_cd.inputs.rules import parsers


@dataclass(frozen=True, kw_only=True)
class Unlock(Located):
    """Gives the document's lock back."""

    force: bool = option(
        "`true`: also end a lock that another person, role or workflow holds.",
        parsers.truth,
        default="false",
        metavar="BOOLEAN",
    )
