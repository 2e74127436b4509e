"""Every input and output of every verb, declared once.

The action.yml files, the README's tables and the flags of the command line are held to this module
by tests (tests/contract). A verb's inputs are a frozen dataclass; ``Pipeline`` has all of them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ecs_cd.core import duration
from ecs_cd.core.buildx import entries, key_values
from ecs_cd.core.errors import Refused
from ecs_cd.core.references import COMMIT

T = TypeVar("T")


@dataclass(frozen=True)
class Option:
    """What is said of an input besides its name and type. ``default`` is as written in action.yml."""

    help: str
    parse: Callable[[str, str], Any]  # (text, name of the input) -> value; raises Refused
    default: str = ""
    required: bool = False
    many: bool = False  # one a line in an action, one a flag on the command line
    secret: bool = False  # holds secrets: not offered as a flag, which everybody on the machine can read
    metavar: str = ""


def _option(help: str, parse: Callable[[str, str], Any], **more: Any) -> Any:
    option = Option(help, parse, **more)
    return field(
        default_factory=lambda: option.parse(option.default, ""), metadata={"option": option}, repr=not option.secret
    )


def _text(text: str, name: str) -> str:
    return text.strip()


def _lines(text: str, name: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.splitlines() if line.strip())


def _entries(text: str, name: str) -> tuple[str, ...]:
    return tuple(entries(text, what=name))


def _words(text: str, name: str) -> tuple[str, ...]:
    return tuple(word.strip() for line in text.splitlines() for word in line.split(",") if word.strip())


def _pairs(text: str, name: str) -> dict[str, str]:
    return key_values(text, what=name)


def _commit(text: str, name: str) -> str:
    commit = text.strip().lower()
    if commit and not COMMIT.fullmatch(commit):
        raise Refused(f"{name}: must be a whole commit id, 40 or 64 hexadecimal digits")
    return commit


def _duration(text: str, name: str) -> float:
    return duration.seconds(text.strip(), what=name)


def _one_of(*choices: str) -> Callable[[str, str], str]:
    def parse(text: str, name: str) -> str:
        if text.strip() not in choices:
            raise Refused(f"{name}: must be one of {', '.join(choices)}")
        return text.strip()

    return parse


@dataclass(frozen=True, kw_only=True)
class Common:
    config: str = _option(
        "The SSM parameter with the document: its name, `name:version` or ARN; or `file:path`.",
        _text,
        required=True,
        metavar="PARAMETER",
    )
    aws_region: str = _option("The AWS region. Default: AWS_REGION, as the AWS SDKs have it.", _text, metavar="REGION")
    sha: str = _option(
        "The commit whose image is meant. Default: HEAD of the checkout, else the commit of the workflow run.",
        _commit,
        metavar="COMMIT",
    )


@dataclass(frozen=True, kw_only=True)
class BuildPush(Common):
    image: str = _option("Which image of the document to build. Default: the only one.", _text, metavar="NAME")
    context: str = _option("The build context: a folder, or a Git URL.", _text, default=".", metavar="PATH")
    file: str = _option("The Dockerfile. Default: Dockerfile in the context.", _text, metavar="PATH")
    target: str = _option("The stage of the Dockerfile to build.", _text, metavar="STAGE")
    build_args: tuple[str, ...] = _option(
        "Build arguments, `NAME=VALUE`, one a line; of several lines in double quotes.",
        _entries,
        many=True,
        metavar="NAME=VALUE",
    )
    secrets: dict[str, str] = _option(
        "Build secrets, `ID=VALUE`, one a line; a value of several lines in double quotes.",
        _pairs,
        many=True,
        secret=True,
        metavar="ID=VALUE",
    )
    secret_envs: dict[str, str] = _option(
        "Build secrets from the environment, `ID=NAME`, one a line.", _pairs, many=True, metavar="ID=NAME"
    )
    secret_files: dict[str, str] = _option(
        "Build secrets from files, `ID=PATH`, one a line.", _pairs, many=True, metavar="ID=PATH"
    )
    platforms: tuple[str, ...] = _option(
        "Platforms to build for, as in `linux/amd64,linux/arm64`.", _words, many=True, metavar="PLATFORM"
    )
    cache_from: tuple[str, ...] = _option("Cache sources of buildx, one a line.", _lines, many=True, metavar="SOURCE")
    cache_to: tuple[str, ...] = _option("Cache exports of buildx, one a line.", _lines, many=True, metavar="TARGET")
    labels: tuple[str, ...] = _option(
        "Labels, `NAME=VALUE`, one a line, besides the OCI labels source, revision and created.",
        _entries,
        many=True,
        metavar="NAME=VALUE",
    )
    tags: tuple[str, ...] = _option(
        "Tags besides the commit's, one a line or separated by commas.",
        _words,
        default="latest",
        many=True,
        metavar="TAG",
    )


@dataclass(frozen=True, kw_only=True)
class Migrate(Common):
    migration_timeout: float = _option(
        "How long the migration may take, as in `90s`, `30m`, `2h`.",
        _duration,
        default="30m",
        metavar="DURATION",
    )
    on_cancel: str = _option(
        "What happens to a running migration when the job is cancelled: `leave` or `stop`. A deployment is left.",
        _one_of("leave", "stop"),
        default="leave",
        metavar="POLICY",
    )


@dataclass(frozen=True, kw_only=True)
class Deploy(Common):
    service: str = _option("Which service of the document to deploy. Default: the only one.", _text, metavar="NAME")
    deployment_timeout: float = _option(
        "How long to follow the deployment, as in `90s`, `30m`, `2h`.",
        _duration,
        default="30m",
        metavar="DURATION",
    )


@dataclass(frozen=True, kw_only=True)
class Pipeline(Deploy, Migrate, BuildPush):
    """All of them; the fields come in the order of the steps."""


@dataclass(frozen=True)
class Verb:
    """A verb of the command line; ``action`` is the folder of its action.yml, from the root."""

    name: str
    summary: str
    inputs: type[Common]
    outputs: tuple[str, ...]
    action: str


OUTPUTS = {
    "image": "The image by digest, `repository@sha256:...`.",
    "digest": "The image's digest, `sha256:...`.",
    "tags": "The tags that the image has now, one a line.",
    "built": "`true` if the image was built, `false` if the commit's image was in ECR already.",
    "migration-result": "How the migration ended: succeeded, skipped, failed, timed-out, cancelled or unknown.",
    "migration-task-arn": "The ARN of the migration's task.",
    "migration-exit-code": "The exit code of the migration's container; empty if it never ran.",
    "result": "How the deployment ended: succeeded, failed, rolled-back, rollback-failed, superseded, gone, "
    "timed-out, cancelled or unknown.",
    "task-definition-arn": "The ARN of the task definition that was deployed.",
    "deployment-id": "The id of the ECS deployment.",
    "images": "The images that were deployed, as JSON: container to `repository@sha256:...`.",
}

_BUILD = ("image", "digest", "tags", "built")
_MIGRATE = ("migration-result", "migration-task-arn", "migration-exit-code")
_DEPLOY = ("result", "task-definition-arn", "deployment-id", "images")

VERBS = {
    verb.name: verb
    for verb in (
        Verb("pipeline", "build and push, migrate, deploy", Pipeline, (*_BUILD, *_MIGRATE, *_DEPLOY), "."),
        Verb("build-push", "build an image and push it to ECR", BuildPush, _BUILD, "actions/build-push"),
        Verb("migrate", "run the database migration inside the VPC", Migrate, _MIGRATE, "actions/migrate"),
        Verb("deploy", "deploy the commit's images to ECS", Deploy, _DEPLOY, "actions/deploy"),
    )
}


def options(inputs: type[Common]) -> dict[str, Option]:
    """The inputs of a verb by their names in action.yml, `config` first."""
    return {f.name.replace("_", "-"): f.metadata["option"] for f in dataclasses.fields(inputs)}


def read(inputs: type[T], given: Mapping[str, str]) -> T:
    """The typed inputs from the texts that were given; an empty text means: not given.

    Raises ``Refused`` with all problems at once. Values are not in them.
    """
    declared = {f.name.replace("_", "-"): f for f in dataclasses.fields(inputs)}  # type: ignore[arg-type]
    found = [f"{name}: there is no such input" for name in given if name not in declared]
    values: dict[str, Any] = {}
    for name, declaration in declared.items():
        option: Option = declaration.metadata["option"]
        text = given.get(name, "") or option.default
        if option.required and not text.strip():
            found.append(f"{name}: is required. {option.help}")
            continue
        try:
            values[declaration.name] = option.parse(text, name)
        except Refused as refused:
            found += refused.problems
    if found:
        raise Refused(found)
    return inputs(**values)
