"""The inputs that several verbs share."""

from __future__ import annotations

from dataclasses import dataclass

from ecs_cd.inputs.options import option
from ecs_cd.inputs.rules import documents, parsers
from ecs_cd.model import attestation, lifecycle
from ecs_cd.tasks.rules.environment import Variable


@dataclass(frozen=True, kw_only=True)
class SignedIn:
    """How to sign in to AWS."""

    role_to_assume: tuple[str, ...] = option(
        "The ARN of the IAM role to assume through GitHub's OIDC token. With several roles, one per line, "
        "ecs-cd assumes each with the credentials of the previous one. Default: the job's credentials.",
        parsers.roles,
        many=True,
        metavar="ARN",
    )
    role_chaining: bool = option(
        "`true`: assume the role with the job's credentials, not the GitHub OIDC token.",
        parsers.truth,
        default="false",
        metavar="BOOLEAN",
    )
    aws_region: str = option(
        "The AWS region. Default: AWS_REGION, AWS_DEFAULT_REGION or the profile's region.",
        parsers.text,
        metavar="REGION",
    )


@dataclass(frozen=True, kw_only=True)
class Located(SignedIn):
    """Where the document is, too."""

    config: str = option(
        "The SSM parameter with the document (name, `name:version` or ARN), or `file:path`.",
        documents.one,
        required=True,
        metavar="PARAMETER",
    )


@dataclass(frozen=True, kw_only=True)
class Common(Located):
    """A verb that works for a commit."""

    sha: str = option(
        "The commit whose images to use. Default: HEAD of the checkout, or else the commit of the run or build.",
        parsers.commit,
        metavar="COMMIT",
    )


@dataclass(frozen=True, kw_only=True)
class WithToken(Located):
    """A verb that calls GitHub's API."""

    github_token: str = option(
        "The token for GitHub's API: for the GitHub Deployment, and to read attestations. "
        "Default on the command line: GITHUB_TOKEN.",
        parsers.text,
        in_action="${{ github.token }}",
        secret=True,
        metavar="TOKEN",
    )


@dataclass(frozen=True, kw_only=True)
class Attested(Common, WithToken):
    """A verb that runs images, or has them run, and can require attestations of them."""

    require_attestation: tuple[str, ...] | None = option(
        "Refuse images without a provenance attestation from this repository: `true`, signed by one of its workflows; "
        f"or the workflows that may sign, one per line, such as `{attestation.EXAMPLE}`. Needs `attestations: read`. "
        "The document's `require-attestation` applies in any case.",
        parsers.signers,
        default="false",
        metavar="SIGNERS",
    )


@dataclass(frozen=True, kw_only=True)
class ImagesFrom(Attested):
    """A verb that runs images that another step has pushed."""

    images_from: str = option(
        "Where the images come from: `pipeline` (what a CodePipeline pipeline hands over to this CodeBuild build), "
        "`commit`, or `auto` (the pipeline if it started this build and hands over images, or else the commit).",
        parsers.one_of("auto", "pipeline", "commit"),
        default="auto",
        metavar="SOURCE",
    )


@dataclass(frozen=True, kw_only=True)
class Registering(Common):
    """A verb that registers task definitions."""

    environment_variables: tuple[Variable, ...] = option(
        "Environment variables, `NAME=value`, one per line, for every container whose image the document sets. "
        "`CONTAINER/NAME=value` or `KEY/CONTAINER/NAME=value`, such as `web/app/NAME=value`, is for that container.",
        parsers.container_variables,
        many=True,
        secret=True,
        metavar="NAME=VALUE",
    )
    allow_unknown_fields: bool = option(
        "`true`: also send ECS the fields of a task definition, or of an input with JSON for ECS, that this release "
        "does not know, as written. ECS ignores a field that it does not know.",
        parsers.truth,
        default="false",
        metavar="BOOLEAN",
    )


@dataclass(frozen=True, kw_only=True)
class Cancellable(Registering):
    """A verb that starts what keeps running when the job is cancelled."""

    on_cancel: str = option(
        "What to do with a running migration or deployment when the job is cancelled: `leave` it or `stop` it.",
        parsers.one_of("leave", "stop"),
        default="leave",
        metavar="POLICY",
    )


@dataclass(frozen=True, kw_only=True)
class Followed(Located):
    """Which deployments to follow, and how far."""

    service: tuple[str, ...] = option(
        "The services, by their names in the document, one per line or comma-separated. Default: all.",
        parsers.words,
        many=True,
        metavar="NAME",
    )
    deployment_timeout: float = option(
        "How long to follow the deployment, for example `90s`, `30m` or `2h`.",
        parsers.seconds,
        default="30m",
        metavar="DURATION",
    )
    wait_until: str = option(
        "How far to follow the deployment: `started`, `ready` (it waits for a manual decision), `deployed`, `stable` "
        "(nothing in the service changes any more), or a stage, such as `BAKE_TIME` or `AfterAllowTraffic`.",
        parsers.goal,
        default=lifecycle.DEPLOYED,
        metavar="GOAL",
    )
    fail_fast: bool = option(
        "`true`: fail at the first cause that can't resolve itself, such as a missing image.",
        parsers.truth,
        default="false",
        metavar="BOOLEAN",
    )


@dataclass(frozen=True, kw_only=True)
class Gated(Located):
    """A verb that a lock or a freeze window of the document stops."""

    override: str = option(
        "Why this run goes ahead while the document's lock or a freeze window holds, such as `hotfix INC-123`. The "
        "log, an annotation and the summary show it. Default: the run is refused.",
        parsers.override,
        metavar="REASON",
    )


@dataclass(frozen=True, kw_only=True)
class Existing(Followed, Gated):
    """An existing deployment, in progress or finished, selected by the document or by cluster and service."""

    config: str = option(
        "The SSM parameter with the document (name, `name:version` or ARN), or `file:path`. "
        "Not needed with cluster and service.",
        documents.one,
        metavar="PARAMETER",
    )
    cluster: str = option(
        "The ECS cluster, if you don't use a document; service then names ECS services. Default: `default`.",
        parsers.text,
        metavar="NAME",
    )


@dataclass(frozen=True, kw_only=True)
class OnGitHub(WithToken):
    """Whether a GitHub Deployment shows the progress and the result."""

    github_deployment: str = option(
        "The environment, such as `production`, for a GitHub Deployment that shows progress and result. "
        "Needs `deployments: write`. Default: no GitHub Deployment.",
        parsers.text,
        metavar="ENVIRONMENT",
    )
    environment_url: str = option("The URL that the GitHub Deployment links to.", parsers.url, metavar="URL")
