"""Every input and output of every verb, declared once.

The action.yml files, the tables of docs/reference/inputs.md and the flags of the command line are held to this module
by tests (tests/contract). A verb's inputs are a frozen dataclass; ``Pipeline`` has those of its steps.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ecs_cd.inputs.rules.entries import entries, key_values
from ecs_cd.model import duration, json_yaml, lifecycle
from ecs_cd.model.build_spec import CACHES
from ecs_cd.model.errors import Refused
from ecs_cd.model.references import COMMIT
from ecs_cd.tasks.rules import render

T = TypeVar("T")


@dataclass(frozen=True)
class Option:
    """What is said of an input besides its name and type. ``default`` is as written in action.yml."""

    help: str
    parse: Callable[[str, str], Any]  # (text, name of the input) -> value; raises Refused
    default: str = ""
    in_action: str = ""  # the default in action.yml alone: an expression of GitHub's
    required: bool = False
    many: bool = False  # one a line in an action, one a flag on the command line
    secret: bool = False  # holds secrets: not offered as a flag, which everybody on the machine can read
    metavar: str = ""
    differs: str = ""  # from the official action's input of this name, on purpose


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
    """One of these; empty only if it is one of them."""

    def parse(text: str, name: str) -> str:
        if text.strip() not in choices:
            raise Refused(f"{name}: must be one of {', '.join(filter(None, choices))}")
        return text.strip()

    return parse


def _truth(text: str, name: str) -> bool:
    word = text.strip().lower()
    if word not in ("true", "false"):
        raise Refused(f"{name}: must be true or false")
    return word == "true"


def _truth_if_given(text: str, name: str) -> bool | None:
    return _truth(text, name) if text.strip() else None


def _whole(least: int) -> Callable[[str, str], int | None]:
    """A whole number of at least so much; ``None`` if it is not given."""

    def parse(text: str, name: str) -> int | None:
        if not text.strip():
            return None
        if not re.fullmatch(r"[0-9]{1,9}", text.strip()) or int(text) < least:
            raise Refused(f"{name}: must be a whole number, at least {least}")
        return int(text)

    return parse


def _how_many(text: str, name: str) -> int:
    """At least one; 0 if it is not given."""
    return _whole(1)(text, name) or 0


def _goal(text: str, name: str) -> str:
    try:
        return lifecycle.goal(text)
    except Refused as refused:  # with the text, which may be anything
        raise Refused(f"{name}: is no goal, and no stage of a deployment", refused.remedy) from None


def _goal_if_given(text: str, name: str) -> str:
    return _goal(text, name) if text.strip() else ""


def _list(text: str, name: str) -> list[Any]:
    """A JSON array; nothing is an empty one."""
    return list(_json(text, name, list, "a JSON array"))


def _object(text: str, name: str) -> dict[str, Any]:
    """A JSON object; nothing is an empty one."""
    return dict(_json(text, name, dict, "a JSON object"))


def _json(text: str, name: str, kind: type, words: str) -> Any:
    content = json_yaml.parse(text, what=f"the input {name}") if text.strip() else kind()
    found = [f"{name}: {path}: stands there twice; keep one" for path in json_yaml.duplicate_keys(content)]
    if not isinstance(content, kind):
        found.append(f"{name}: must be {words}")
    if found:
        raise Refused(found)
    return content


def _variables(text: str, name: str) -> dict[str, str]:
    return render.pairs(text, what=name)


def _containers(text: str, name: str) -> tuple[str, ...]:
    names = tuple(part.strip() for part in text.split(",")) if text.strip() else ()
    if not all(names):
        raise Refused(f"{name}: must be a container's name, or several separated by commas")
    return names


def _command(text: str, name: str) -> tuple[str, ...]:
    return render.words(text, what=name)


def _role(text: str, name: str) -> str:
    if text.strip() and not re.fullmatch(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/\S+", text.strip()):
        raise Refused(f"{name}: must be the ARN of an IAM role, as in arn:aws:iam::123456789012:role/my-role")
    return text.strip()


def _url(text: str, name: str) -> str:
    if text.strip() and not re.fullmatch(r"https?://\S+", text.strip()):
        raise Refused(f"{name}: must be a URL that begins with https:// or http://")
    return text.strip()


def _roles(text: str, name: str) -> tuple[str, ...]:
    return tuple(_role(line, name) for line in _lines(text, name))


@dataclass(frozen=True, kw_only=True)
class Located:
    """Where everything is."""

    config: str = _option(
        "The SSM parameter with the document: its name, `name:version` or ARN; or `file:path`.",
        _text,
        required=True,
        metavar="PARAMETER",
    )
    role_to_assume: tuple[str, ...] = _option(
        "The ARN of the IAM role to sign in with, by GitHub's OIDC token; of several, one a line, each is assumed with "
        "the credentials of the one before. Default: the credentials that the job has.",
        _roles,
        many=True,
        metavar="ARN",
    )
    role_chaining: bool = _option(
        "`true`: the role is assumed with the credentials that the job has, not with GitHub's OIDC token.",
        _truth,
        default="false",
        metavar="BOOLEAN",
    )
    aws_region: str = _option("The AWS region. Default: AWS_REGION, as the AWS SDKs have it.", _text, metavar="REGION")


@dataclass(frozen=True, kw_only=True)
class Common(Located):
    sha: str = _option(
        "The commit whose image is meant. Default: HEAD of the checkout, else the commit of the workflow run.",
        _commit,
        metavar="COMMIT",
    )


class Images(Located):
    """Which images there are."""


@dataclass(frozen=True, kw_only=True)
class BuildPush(Common):
    image: str = _option("Which image of the document to build. Default: all.", _text, metavar="NAME")
    context: str = _option("The build context: a folder, or a Git URL. Default: `.`.", _text, metavar="PATH")
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
    cache: str = _option(
        "Where the cache of layers is kept between runs: `registry`, `gha`, `inline` (in the image itself) or `none`. "
        "Default: `none`.",
        _one_of("", *CACHES),
        metavar="WHERE",
    )
    cache_from: tuple[str, ...] = _option("Cache sources of buildx, one a line.", _lines, many=True, metavar="SOURCE")
    cache_to: tuple[str, ...] = _option("Cache exports of buildx, one a line.", _lines, many=True, metavar="TARGET")
    labels: tuple[str, ...] = _option(
        "Labels, `NAME=VALUE`, one a line, besides the OCI labels source, revision and created.",
        _entries,
        many=True,
        metavar="NAME=VALUE",
    )
    provenance: str = _option(
        "The provenance attestation: `true`, `false`, `mode=max`. Default: the builder's own.", _text, metavar="HOW"
    )
    sbom: str = _option(
        "The SBOM attestation: `true`, `false`, `generator=IMAGE`. Default: none.", _text, metavar="HOW"
    )
    tags: tuple[str, ...] = _option(
        "Tags besides the commit's, one a line or separated by commas.",
        _words,
        default="latest",
        many=True,
        metavar="TAG",
    )
    reuse: str = _option(
        "What is not built again: `commit`, an image with the commit's tag; `content`, also one of the same content; "
        "`never`, nothing.",
        _one_of("commit", "content", "never"),
        default="commit",
        metavar="WHAT",
    )
    scan: str = _option(
        "`wait`: wait for ECR's scan of the image, and tell what it found.",
        _one_of("none", "wait"),
        default="none",
        metavar="HOW",
    )
    fail_on: str = _option(
        "From which severity on a finding of ECR's scan fails the step: `critical`, `high`, `medium` or `low`. "
        "It waits for the scan. Default: no finding does.",
        _one_of("", "critical", "high", "medium", "low"),
        metavar="SEVERITY",
    )


@dataclass(frozen=True, kw_only=True)
class Cancellable(Common):
    on_cancel: str = _option(
        "What happens to a running migration or deployment when the job is cancelled: `leave` or `stop`.",
        _one_of("leave", "stop"),
        default="leave",
        metavar="POLICY",
    )


@dataclass(frozen=True, kw_only=True)
class Migrate(Cancellable):
    migration_timeout: float = _option(
        "How long the migration may take, as in `90s`, `30m`, `2h`.",
        _duration,
        default="30m",
        metavar="DURATION",
    )


@dataclass(frozen=True, kw_only=True)
class Followed(Located):
    """Which deployments are followed, and how far."""

    service: tuple[str, ...] = _option(
        "Which services of the document to deploy, one a line or separated by commas. Default: all.",
        _words,
        many=True,
        metavar="NAME",
    )
    deployment_timeout: float = _option(
        "How long to follow the deployment, as in `90s`, `30m`, `2h`.",
        _duration,
        default="30m",
        metavar="DURATION",
    )
    wait_until: str = _option(
        "How far to follow: `started`, `ready` (it waits for somebody), `deployed`, `stable` (nothing moves any more), "
        "or a stage, as in `BAKE_TIME` or `AfterAllowTraffic`.",
        _goal,
        default=lifecycle.DEPLOYED,
        metavar="GOAL",
    )
    fail_fast: bool = _option(
        "`true`: a cause that does not heal by itself, as an image that is not there, ends the wait at once.",
        _truth,
        default="false",
        metavar="BOOLEAN",
    )


@dataclass(frozen=True, kw_only=True)
class Deploy(Followed, Cancellable):
    start: str = _option(
        "Several services: all `together`, or `in-order`, each when the one before has succeeded.",
        _one_of("together", "in-order"),
        default="together",
        metavar="HOW",
    )
    on_failure: str = _option(
        "After a failure: `report` it, or `rollback` all services of this deployment to what ran before.",
        _one_of("report", "rollback"),
        default="report",
        metavar="POLICY",
    )
    on_conflict: str = _option(
        "Somebody else's deployment of the service is under way: `wait` for its end, `fail`, or `supersede` it.",
        _one_of("wait", "fail", "supersede"),
        default="wait",
        metavar="POLICY",
    )
    dry_run: bool = _option(
        "`true`: check everything, show what would change, and change nothing.",
        _truth,
        default="false",
        metavar="BOOLEAN",
    )
    keep_revisions: int = _option(
        "How many revisions of each task definition's family to keep; older ones that nothing needs are deregistered. "
        "Default: all.",
        _how_many,
        metavar="NUMBER",
    )
    force_new_deployment: bool = _option(
        "`true`: start a new deployment even if the service runs this revision already.",
        _truth,
        default="false",
        metavar="BOOLEAN",
    )
    github_deployment: str = _option(
        "The environment, as in `production`, whose GitHub Deployment tells how it goes and how it ended. "
        "Needs `deployments: write`. Default: none.",
        _text,
        metavar="ENVIRONMENT",
    )
    environment_url: str = _option("The URL that the GitHub Deployment links to.", _url, metavar="URL")
    github_token: str = _option(
        "The token for the GitHub Deployment. Default on the command line: GITHUB_TOKEN.",
        _text,
        in_action="${{ github.token }}",
        secret=True,
        metavar="TOKEN",
    )


@dataclass(frozen=True, kw_only=True)
class Pipeline(Deploy, Migrate, BuildPush):
    """All of them; the fields come in the order of the steps."""


@dataclass(frozen=True, kw_only=True)
class Existing(Followed):
    """A deployment that is under way, or that was. With a document or, without one, by cluster and service."""

    config: str = _option(
        "The SSM parameter with the document: its name, `name:version` or ARN; or `file:path`. "
        "Not needed with cluster and service.",
        _text,
        metavar="PARAMETER",
    )
    cluster: str = _option("The ECS cluster, where there is no document.", _text, metavar="NAME")


class Continue(Existing):
    """Lets deployments that wait for somebody go on."""


class Rollback(Existing):
    """Brings services back to what they ran before."""


# ---- the official actions' inputs ----


@dataclass(frozen=True, kw_only=True)
class DeployAlone(Deploy):
    """deploy by itself: with a document, or in the place of the official actions with all of their inputs.

    Those mean what they do there, but for what ``differs``; nothing of them goes together with a document.
    """

    config: str = _option(
        "The SSM parameter with the document: its name, `name:version` or ARN; or `file:path`. "
        "Without it the inputs of the official actions say what to deploy.",
        _text,
        metavar="PARAMETER",
    )
    service: tuple[str, ...] = _option(
        "Which services of the document to deploy, one a line or separated by commas. Default: all. "
        "Without a document: the ECS service's name; none means to register the task definition only.",
        _words,
        many=True,
        metavar="NAME",
    )
    wait_until: str = _option(
        "How far to follow: `started`, `ready` (it waits for somebody), `deployed`, `stable` (nothing moves any more), "
        "or a stage, as in `BAKE_TIME` or `AfterAllowTraffic`. Default: `deployed`; without a document what "
        "wait-for-service-stability says.",
        _goal_if_given,
        metavar="GOAL",
    )
    # From a registered or written definition to what is deployed: amazon-ecs-render-task-definition.
    task_definition: str = _option(
        "The file with the task definition, JSON or YAML, in the workspace.",
        _text,
        metavar="PATH",
        differs="never executed, whatever its name ends with; unknown fields and keys that stand twice are refused, "
        "with their place; empty words of a command, labels and options without a value stay; in YAML a value gets the "
        "type that its field has; a revision that would equal the family's newest is not registered again",
    )
    task_definition_arn: str = _option(
        "The ARN of a registered task definition, in a file's place.", _text, metavar="ARN"
    )
    task_definition_family: str = _option(
        "A family, in a file's place: its newest revision, or task-definition-revision.", _text, metavar="FAMILY"
    )
    task_definition_revision: int | None = _option(
        "Which revision of task-definition-family.",
        _whole(1),
        metavar="NUMBER",
        differs="0 and what is no whole number are refused",
    )
    container_name: tuple[str, ...] = _option(
        "The container, or several separated by commas, that the image and the inputs for containers are put into.",
        _containers,
        metavar="NAME",
        differs="blanks around a comma do not count",
    )
    image: str = _option("The image for these containers.", _text, metavar="IMAGE")
    environment_variables: dict[str, str] = _option(
        "Environment variables, `NAME=value`, one a line: new ones, or in the place of those of the same name.",
        _variables,
        many=True,
        secret=True,
        metavar="NAME=VALUE",
        differs="a line that is none is named by its number, and not printed; a name is not empty; no flag of the "
        "command line",
    )
    env_files: tuple[str, ...] = _option(
        "The ARNs of S3 objects with environment variables, one a line, in the place of those that there are.",
        _lines,
        many=True,
        metavar="ARN",
    )
    log_configuration_log_driver: str = _option(
        "The log driver.",
        _one_of("", *render.LOG_DRIVERS),
        metavar="DRIVER",
    )
    log_configuration_options: dict[str, str] = _option(
        "Options of the log driver, `name=value`, one a line: new ones, or in the place of those of the same name.",
        _variables,
        many=True,
        metavar="NAME=VALUE",
        differs="split at the first `=`, so that a value may hold one, or be empty; refused without a log driver",
    )
    docker_labels: dict[str, str] = _option(
        "Labels of the container, `name=value`, one a line: new ones, or in the place of those of the same name.",
        _variables,
        many=True,
        metavar="NAME=VALUE",
        differs="split at the first `=`, so that a value may hold one, or be empty",
    )
    command: tuple[str, ...] = _option(
        "The command, split into words at blanks; quotes hold a word together.",
        _command,
        metavar="COMMAND",
        differs="quotes, `\"` or `'`, hold words together and are taken off; several blanks or line ends are as one",
    )
    secrets: dict[str, str] = _option(
        "ECS secrets, `NAME=ARN` of Secrets Manager or Parameter Store, one a line: new ones, or in the place of those "
        "of the same name.",
        _variables,
        many=True,
        metavar="NAME=ARN",
        differs="a line that is none is named by its number, and not printed",
    )
    task_role_arn: str = _option("The ARN of the task role.", _role, metavar="ARN")
    execution_role_arn: str = _option("The ARN of the execution role.", _role, metavar="ARN")
    keep_null_value_keys: tuple[str, ...] = _option(
        "Keys of the task definition's file whose empty texts, lists and mappings are kept, separated by commas.",
        _words,
        many=True,
        metavar="KEY",
    )
    # To the service: amazon-ecs-deploy-task-definition.
    cluster: str = _option("The ECS cluster's name or ARN.", _text, default="default", metavar="NAME")
    desired_count: int | None = _option(
        "How many tasks the service shall run. Default: as many as before.",
        _whole(0),
        metavar="NUMBER",
        differs="what is no whole number is refused; what the service has already is not said again",
    )
    wait_for_service_stability: bool = _option(
        "`true`: follow the deployment until nothing of the service moves any more.",
        _truth,
        default="false",
        metavar="BOOLEAN",
        differs="looked at every two seconds; a rollback, by whomever, is red at once with its cause",
    )
    wait_for_minutes: int | None = _option(
        "How many minutes to follow, at most 360. Default: deployment-timeout.",
        _whole(1),
        metavar="NUMBER",
        differs="0 and what is no whole number are refused; a timeout has an exit code of its own",
    )
    wait_max_delay_seconds: int | None = _option(
        "Has no effect: the service is looked at every two seconds.",
        _whole(0),
        metavar="NUMBER",
        differs="no effect, said in a notice",
    )
    max_retries: int | None = _option(
        "Has no effect: what fails for a reason that passes is tried again until it is known what became of it.",
        _whole(0),
        metavar="NUMBER",
        differs="no effect, said in a notice",
    )
    codedeploy_appspec: str = _option(
        "The file with the appspec. Default: appspec.yaml if there is one, else it is made from the service.",
        _text,
        metavar="PATH",
        differs="without a file it is made from the service; it is checked, against the task definition too, before "
        "anything is registered; a version that is missing is added",
    )
    codedeploy_application: str = _option(
        "The CodeDeploy application. Default: `AppECS-CLUSTER-SERVICE`.", _text, metavar="NAME"
    )
    codedeploy_deployment_group: str = _option(
        "The CodeDeploy deployment group. Default: `DgpECS-CLUSTER-SERVICE`.", _text, metavar="NAME"
    )
    codedeploy_deployment_description: str = _option(
        "The CodeDeploy deployment's description, cut at 512 characters.", _text, metavar="TEXT"
    )
    codedeploy_deployment_config: str = _option(
        "The CodeDeploy deployment configuration. Default: the deployment group's.", _text, metavar="NAME"
    )
    service_managed_ebs_volume_name: str = _option(
        "The volume of the task definition, `configuredAtLaunch`, that service-managed-ebs-volume is for.",
        _text,
        metavar="NAME",
    )
    service_managed_ebs_volume: dict[str, Any] = _option(
        "The service's EBS volume, as JSON: UpdateService's `managedEBSVolume`.",
        _object,
        metavar="JSON",
        differs="every field that ECS has, `throughput` with any volume type; others are refused; the service's volume "
        "is taken away only if the task definition has none that is `configuredAtLaunch`",
    )
    enable_ecs_managed_tags: bool | None = _option(
        "`true` or `false`: whether the service's tasks, and the task of run-task, get ECS's own tags. "
        "Default: as before.",
        _truth_if_given,
        metavar="BOOLEAN",
    )
    propagate_tags: str = _option(
        "From where the service's tasks get tags: `SERVICE`, `TASK_DEFINITION` or `NONE`. Default: as before.",
        _one_of("", "SERVICE", "TASK_DEFINITION", "NONE"),
        metavar="WHERE",
    )
    # A task of its own, before the service.
    run_task: bool = _option(
        "`true`: run a task of its own with the task definition, before the service is updated.",
        _truth,
        default="false",
        metavar="BOOLEAN",
        differs="never twice, also if RunTask's answer is lost; where there is no room it is tried again until the "
        "time is over",
    )
    wait_for_task_stopped: bool = _option(
        "`true`: wait for the task's end, show its logs, and fail unless all of its containers exited with 0.",
        _truth,
        default="false",
        metavar="BOOLEAN",
        differs="its logs are in the job log; a failure is told with its cause",
    )
    run_task_container_overrides: list[Any] = _option(
        "RunTask's `containerOverrides`, as JSON.",
        _list,
        secret=True,
        metavar="JSON",
        differs="checked before anything is registered: fields, types, names of containers, and the 8192 characters "
        "that ECS takes; no flag of the command line",
    )
    run_task_security_groups: tuple[str, ...] = _option(
        "The task's security groups, separated by commas.",
        _words,
        many=True,
        metavar="ID",
        differs="refused without subnets, as ECS would",
    )
    run_task_subnets: tuple[str, ...] = _option(
        "The task's subnets, separated by commas.",
        _words,
        many=True,
        metavar="ID",
        differs="blanks around a comma do not count",
    )
    run_task_assign_public_IP: str = _option(  # noqa: N815  (the official name has capitals)
        "`ENABLED` or `DISABLED`: a public IP address for the task; only with subnets.",
        _one_of("ENABLED", "DISABLED"),
        default="DISABLED",
        metavar="HOW",
    )
    run_task_capacity_provider_strategy: list[Any] = _option(
        "RunTask's `capacityProviderStrategy`, as JSON, in the place of run-task-launch-type.",
        _list,
        metavar="JSON",
        differs="checked before anything is registered",
    )
    run_task_launch_type: str = _option(
        "The task's launch type.",
        _one_of("FARGATE", "EC2", "EXTERNAL", "MANAGED_INSTANCES"),
        default="FARGATE",
        metavar="TYPE",
    )
    run_task_started_by: str = _option("The task's `startedBy`.", _text, default="GitHub-Actions", metavar="TEXT")
    run_task_tags: list[Any] = _option(
        'The task\'s tags, as JSON: `[{"key": ..., "value": ...}]`.',
        _list,
        metavar="JSON",
        differs="checked before anything is registered",
    )
    run_task_managed_ebs_volume_name: str = _option(
        "The volume of the task definition, `configuredAtLaunch`, that run-task-managed-ebs-volume is for.",
        _text,
        metavar="NAME",
    )
    run_task_managed_ebs_volume: dict[str, Any] = _option(
        "The task's EBS volume, as JSON: RunTask's `managedEBSVolume`.",
        _object,
        metavar="JSON",
        differs="every field that ECS has, others are refused",
    )


@dataclass(frozen=True)
class Verb:
    """A verb of the command line; ``action`` is the folder of its action.yml, from the root: empty, it has none."""

    name: str
    summary: str
    inputs: type[Located]
    outputs: tuple[str, ...]
    action: str = ""


OUTPUTS = {
    "matrix": 'The images of the document as a matrix, in JSON: `{"image": ["app", "nginx"]}`.',
    "image": "The image by digest, `repository@sha256:...`; of several images, one a line.",
    "digest": "The image's digest, `sha256:...`; of several images, one a line.",
    "tags": "The tags that the image has now, one a line.",
    "built": "`true` if an image was built, `false` if all were in ECR already.",
    "built-images": "Each image, as JSON: its name to its `image`, `digest`, `tags` and `built`.",
    "migration-result": "How the migration ended: succeeded, skipped, failed, timed-out, cancelled or unknown.",
    "migration-task-arn": "The ARN of the migration's task.",
    "migration-exit-code": "The exit code of the migration's container; empty if it never ran.",
    "result": "How the deployment ended: succeeded, in-progress (as far as wait-until says), skipped, failed, "
    "rolled-back, rollback-failed, superseded, paused, gone, timed-out, cancelled or unknown.",
    "task-definition-arn": "The ARN of the task definition that was deployed.",
    "deployment-id": "The id of the ECS deployment.",
    "codedeploy-deployment-id": "The id of the CodeDeploy deployment, where the service is deployed by CodeDeploy.",
    "images": "The images that were deployed, as JSON: container to `repository@sha256:...`.",
    "services": "Each service's part, as JSON: the service to its `result`, `task-definition-arn`, `deployment-id` and "
    "`images`.",
    "task-definition": "The path of a file with the task definition as it is deployed, where there is no document.",
    "run-task-arn": "The ARN of the task that run-task started, as a JSON array.",
}

_BUILD = ("image", "digest", "tags", "built", "built-images")
_MIGRATE = ("migration-result", "migration-task-arn", "migration-exit-code")
_FOLLOW = ("result", "task-definition-arn", "deployment-id", "codedeploy-deployment-id", "services")
_DEPLOY = ("result", "task-definition-arn", "deployment-id", "codedeploy-deployment-id", "images", "services")
_DROP_IN = ("task-definition", "run-task-arn")

VERBS = {
    verb.name: verb
    for verb in (
        Verb("pipeline", "build and push, migrate, deploy", Pipeline, (*_BUILD, *_MIGRATE, *_DEPLOY), "."),
        Verb("images", "print which images there are, as a matrix", Images, ("matrix",), "actions/images"),
        Verb("build-push", "build images and push them to ECR", BuildPush, _BUILD, "actions/build-push"),
        Verb("migrate", "run the database migration inside the VPC", Migrate, _MIGRATE, "actions/migrate"),
        Verb("deploy", "deploy the commit's images to ECS", DeployAlone, (*_DEPLOY, *_DROP_IN), "actions/deploy"),
        Verb("continue", "let a deployment that waits for somebody go on", Continue, _FOLLOW),
        Verb("rollback", "bring services back to what they ran before", Rollback, _FOLLOW),
    )
}


def options(inputs: type[Located]) -> dict[str, Option]:
    """The inputs of a verb by their names in action.yml, `config` first."""
    return {f.name.replace("_", "-"): f.metadata["option"] for f in dataclasses.fields(inputs)}


def drop_in(inputs: DeployAlone) -> list[str]:
    """The names of those inputs of the official actions alone that are not as they are by default."""
    own = {f.name for f in dataclasses.fields(Deploy)}
    mine = [f for f in dataclasses.fields(inputs) if f.name not in own]
    defaults = DeployAlone()
    return [f.name.replace("_", "-") for f in mine if getattr(inputs, f.name) != getattr(defaults, f.name)]


def read(inputs: type[T], given: Mapping[str, str]) -> T:
    """The typed inputs from the texts that were given; an empty text means: not given.

    Raises ``Refused`` with all problems at once. Values are not in them.
    """
    declared = {f.name.replace("_", "-"): f for f in dataclasses.fields(inputs)}  # type: ignore[arg-type]
    # GitHub does not tell `IP` from `ip` in an input's name, and hands it over as the workflow has it; act in small.
    spelt = {name.lower(): name for name in declared}
    given = {spelt.get(name.lower(), name): text for name, text in given.items()}
    found = [f"{name}: there is no such input" for name in given if name not in declared]
    remedies: list[str] = []
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
            remedies += [refused.remedy] if refused.remedy else []
    if found:
        raise Refused(found, " ".join(remedies))
    return inputs(**values)
