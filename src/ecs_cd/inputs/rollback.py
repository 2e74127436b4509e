"""The inputs of the verb rollback."""

from __future__ import annotations

from dataclasses import dataclass

from ecs_cd.inputs.common import Existing, OnGitHub
from ecs_cd.inputs.options import option
from ecs_cd.inputs.rules import parsers


@dataclass(frozen=True, kw_only=True)
class Rollback(Existing, OnGitHub):
    """Rolls services back to what last ran well in them."""

    to: str = option(
        "The target: a revision (`family:7` or its ARN), or a full commit id. "
        "Default: what last ran well in the service, by AWS's own history.",
        parsers.text,
        metavar="REVISION|COMMIT",
    )
    list: bool = option(
        "`true`: show which revisions each service can go back to, and which not, and change nothing.",
        parsers.truth,
        default="false",
        metavar="BOOLEAN",
    )
    force: bool = option(
        "`true`: take back a deployment in progress even if this application's pipeline seems not to have made it.",
        parsers.truth,
        default="false",
        metavar="BOOLEAN",
    )

    @property
    def target(self) -> str:
        """``to``, parsed: it may come from a Deployment event, whose sender should see a refusal in its status."""
        return parsers.revision_or_commit(self.to, "to")
