"""The inputs that several verbs have."""

from __future__ import annotations

from dataclasses import dataclass

from ecs_cd.inputs.options import option
from ecs_cd.inputs.rules import parsers
from ecs_cd.model import lifecycle


@dataclass(frozen=True, kw_only=True)
class Located:
    """Where everything is."""

    config: str = option(
        "The SSM parameter with the document: its name, `name:version` or ARN; or `file:path`.",
        parsers.text,
        required=True,
        metavar="PARAMETER",
    )
    role_to_assume: tuple[str, ...] = option(
        "The ARN of the IAM role to sign in with, by GitHub's OIDC token; of several, one a line, each is assumed with "
        "the credentials of the one before. Default: the credentials that the job has.",
        parsers.roles,
        many=True,
        metavar="ARN",
    )
    role_chaining: bool = option(
        "`true`: the role is assumed with the credentials that the job has, not with GitHub's OIDC token.",
        parsers.truth,
        default="false",
        metavar="BOOLEAN",
    )
    aws_region: str = option(
        "The AWS region. Default: AWS_REGION, as the AWS SDKs have it.", parsers.text, metavar="REGION"
    )


@dataclass(frozen=True, kw_only=True)
class Common(Located):
    sha: str = option(
        "The commit whose image is meant. Default: HEAD of the checkout, else the commit of the workflow run.",
        parsers.commit,
        metavar="COMMIT",
    )


@dataclass(frozen=True, kw_only=True)
class Cancellable(Common):
    on_cancel: str = option(
        "What happens to a running migration or deployment when the job is cancelled: `leave` or `stop`.",
        parsers.one_of("leave", "stop"),
        default="leave",
        metavar="POLICY",
    )


@dataclass(frozen=True, kw_only=True)
class Followed(Located):
    """Which deployments are followed, and how far."""

    service: tuple[str, ...] = option(
        "Which services of the document to deploy, one a line or separated by commas. Default: all.",
        parsers.words,
        many=True,
        metavar="NAME",
    )
    deployment_timeout: float = option(
        "How long to follow the deployment, as in `90s`, `30m`, `2h`.",
        parsers.seconds,
        default="30m",
        metavar="DURATION",
    )
    wait_until: str = option(
        "How far to follow: `started`, `ready` (it waits for somebody), `deployed`, `stable` (nothing moves any more), "
        "or a stage, as in `BAKE_TIME` or `AfterAllowTraffic`.",
        parsers.goal,
        default=lifecycle.DEPLOYED,
        metavar="GOAL",
    )
    fail_fast: bool = option(
        "`true`: a cause that does not heal by itself, as an image that is not there, ends the wait at once.",
        parsers.truth,
        default="false",
        metavar="BOOLEAN",
    )


@dataclass(frozen=True, kw_only=True)
class Existing(Followed):
    """A deployment that is under way, or that was. With a document or, without one, by cluster and service."""

    config: str = option(
        "The SSM parameter with the document: its name, `name:version` or ARN; or `file:path`. "
        "Not needed with cluster and service.",
        parsers.text,
        metavar="PARAMETER",
    )
    cluster: str = option("The ECS cluster, where there is no document.", parsers.text, metavar="NAME")
