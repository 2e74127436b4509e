"""The inputs of the verb artifacts."""

from __future__ import annotations

from dataclasses import dataclass

from ecs_cd.inputs.common import ImagesFrom, Registering
from ecs_cd.inputs.options import option
from ecs_cd.inputs.rules import parsers


@dataclass(frozen=True, kw_only=True)
class Artifacts(Registering, ImagesFrom):
    """Writes the files that CodePipeline's deploy actions take."""

    service: tuple[str, ...] = option(
        "The service, by its name in the document; its default is the only one. With several, one per line or "
        "comma-separated, the files of each are in a subfolder with its name.",
        parsers.words,
        many=True,
        metavar="NAME",
    )
    to: str = option(
        "The folder for the files, inside the workspace. Files that `artifacts` wrote earlier are replaced.",
        parsers.text,
        default="ecs-cd-artifacts",
        metavar="FOLDER",
    )
