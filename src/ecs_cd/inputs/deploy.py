"""The inputs of the verb deploy, except those of the official actions (official.py)."""

from __future__ import annotations

from dataclasses import dataclass

from ecs_cd.inputs.common import Cancellable, Followed, Gated, Located, OnGitHub
from ecs_cd.inputs.options import option
from ecs_cd.inputs.rules import documents, parsers


@dataclass(frozen=True, kw_only=True)
class Deploy(Followed, Cancellable, OnGitHub, Gated):
    start: str = option(
        "How to start several services: all `together`, or `in-order`, each after the previous one has succeeded.",
        parsers.one_of("together", "in-order"),
        default="together",
        metavar="HOW",
    )
    on_failure: str = option(
        "After a failure: only `report` it, or `rollback` all services of this deployment to what they ran before.",
        parsers.one_of("report", "rollback"),
        default="report",
        metavar="POLICY",
    )
    on_conflict: str = option(
        "If another deployment of the service is in progress: `wait` until it ends, `fail`, or `supersede` it.",
        parsers.one_of("wait", "fail", "supersede"),
        default="wait",
        metavar="POLICY",
    )
    dry_run: bool = option(
        "`true`: check everything, show what would change, and change nothing.",
        parsers.truth,
        default="false",
        metavar="BOOLEAN",
    )
    register_only: bool = option(
        "`true`: register the revisions of the services and scheduled tasks, output their ARNs, and deploy nothing.",
        parsers.truth,
        default="false",
        metavar="BOOLEAN",
    )
    keep_revisions: int = option(
        "How many revisions to keep per task definition family. Older unused revisions are deregistered. Default: all.",
        parsers.how_many,
        metavar="NUMBER",
    )
    force_new_deployment: bool = option(
        "`true`: start a new deployment even if the service already runs this revision.",
        parsers.truth,
        default="false",
        metavar="BOOLEAN",
    )

    @property
    def deploys(self) -> bool:
        """Whether this run changes services."""
        return not (self.dry_run or self.register_only)


@dataclass(frozen=True, kw_only=True)
class InWaves(Located):
    """One document, or several that are deployed in waves."""

    config: str = option(
        "The SSM parameter with the document (name, `name:version` or ARN), or `file:path`. "
        "Several documents, one per line, are deployed in waves; `region=REGION` and `role=ARN` may follow each.",
        documents.several,
        required=True,
        many=True,
        metavar="PARAMETER",
    )
    wave_size: int = option(
        "With several documents: how many to deploy at the same time. The next wave starts once all of these have "
        "succeeded.",
        parsers.how_many,
        default="1",
        metavar="NUMBER",
    )
