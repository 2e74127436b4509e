"""The inputs of the verb plan."""

from __future__ import annotations

from dataclasses import dataclass

from ecs_cd.inputs.common import Registering
from ecs_cd.inputs.options import option
from ecs_cd.inputs.rules import parsers


@dataclass(frozen=True, kw_only=True)
class Plan(Registering):
    """Shows what a deployment of the commit would change, and changes nothing."""

    service: tuple[str, ...] = option(
        "The services, by their names in the document, one per line or comma-separated. Default: all.",
        parsers.words,
        many=True,
        metavar="NAME",
    )
    migration_paths: tuple[str, ...] = option(
        "Patterns for the paths of migration files, one per line, such as `db/migrate/**/*.rb`; `!` before one "
        "excludes paths. Default: where known frameworks have them.",
        parsers.lines,
        many=True,
        metavar="PATTERN",
    )
    pull_request: int = option(
        "The number of the pull request that gets the comment. Default: the one of the event, if any.",
        parsers.how_many,
        metavar="NUMBER",
    )
    github_token: str = option(
        "The token for the comment, which needs `pull-requests: write`. Default on the command line: GITHUB_TOKEN.",
        parsers.text,
        in_action="${{ github.token }}",
        secret=True,
        metavar="TOKEN",
    )
