"""The inputs of the verb verify."""

from __future__ import annotations

from dataclasses import dataclass

from ecs_cd.inputs.common import Registering
from ecs_cd.inputs.options import option
from ecs_cd.inputs.rules import documents, parsers


@dataclass(frozen=True, kw_only=True)
class Verify(Registering):
    """Checks what the document names, and changes nothing."""

    config: str = option(
        "The SSM parameter with the document (name, `name:version` or ARN), or `file:path`. "
        "Not needed with task-definition.",
        documents.one,
        metavar="PARAMETER",
    )
    task_definition: str = option(
        "The task definition, if you don't use a document: a file, `s3://bucket/key`, a family or an ARN; service then "
        "names ECS services.",
        parsers.text,
        metavar="FILE",
    )
    cluster: str = option(
        "The ECS cluster, if you don't use a document; service then names ECS services. Default: `default`.",
        parsers.text,
        metavar="NAME",
    )
    service: tuple[str, ...] = option(
        "The services, by their names in the document, one per line or comma-separated. Default: all.",
        parsers.words,
        many=True,
        metavar="NAME",
    )
    drift: bool = option(
        "`true`: compares what runs with the template and the newest successful commit, instead of the checks before a "
        "deployment.",
        parsers.truth,
        default="false",
        metavar="BOOLEAN",
    )
    environment: str = option(
        "With drift: the environment, such as `production`, whose newest successful GitHub Deployment has the commit "
        "that should run. Needs `deployments: read`. Not needed with sha.",
        parsers.text,
        metavar="NAME",
    )
    github_token: str = option(
        "The token to read GitHub Deployments. Default on the command line: GITHUB_TOKEN.",
        parsers.text,
        in_action="${{ github.token }}",
        secret=True,
        metavar="TOKEN",
    )
    json: bool = option(
        "`true`: standard output has only one JSON object with all findings; the log goes to standard error.",
        parsers.truth,
        default="false",
        metavar="BOOLEAN",
    )
