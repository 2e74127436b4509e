"""The inputs of the verb commit-status."""

from __future__ import annotations

from dataclasses import dataclass

from ecs_cd.inputs.common import SignedIn
from ecs_cd.inputs.options import option
from ecs_cd.inputs.rules import parsers


@dataclass(frozen=True, kw_only=True)
class CommitStatus(SignedIn):
    """Sets the status of an execution's commit. The token is in GITHUB_TOKEN: every process can read flags."""

    pipeline: str = option("The CodePipeline pipeline.", parsers.pipeline, required=True, metavar="NAME")
    execution_id: str = option("The id of its execution.", parsers.execution_id, required=True, metavar="ID")
    repository: str = option(
        "The repository on GitHub, `owner/name`. GITHUB_TOKEN in the environment is the token for it.",
        parsers.repository,
        required=True,
        metavar="OWNER/NAME",
    )
