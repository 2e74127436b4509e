"""The inputs of the verb images."""

from __future__ import annotations

from dataclasses import dataclass

from ecs_cd.inputs.common import Located
from ecs_cd.inputs.options import option
from ecs_cd.inputs.rules import parsers


@dataclass(frozen=True, kw_only=True)
class Images(Located):
    """Prints the document's images as a matrix."""

    runs_on: dict[str, tuple[str, ...]] = option(
        "The runners of the builds: `PLATFORM=LABEL`, one per line, such as `linux/arm64=ubuntu-24.04-arm`. An image "
        "with several `platforms` in the app's file gets a job for each. A line without a platform is for images "
        "without `platforms`; else the first line is. Default: a job for each image, without runners.",
        parsers.runners,
        many=True,
        metavar="PLATFORM=LABEL",
    )
