"""The inputs of the official actions, which deploy accepts instead of a document."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from ecs_cd.inputs.common import ImagesFrom
from ecs_cd.inputs.deploy import Deploy, InWaves
from ecs_cd.inputs.options import option
from ecs_cd.inputs.rules import documents, parsers
from ecs_cd.tasks.rules import render
from ecs_cd.tasks.rules.environment import Variable

_SEVERAL_LINES = (
    "a value can span lines: `NAME<<END`, its lines, `END`; or from a quote after the `=` to a line that ends with it"
)
_NAMES = (
    "a name has letters, digits, `_`, `.`, `-` and `:`; an invalid line is reported by its number and never printed"
)


@dataclass(frozen=True, kw_only=True)
class DeployAlone(Deploy, InWaves, ImagesFrom):
    """The action deploy: with a document, or as a replacement for the official actions with all of their inputs.

    Those inputs keep their meaning, except for what ``differs`` says, and can't be combined with a document.
    """

    config: str = option(
        "The SSM parameter with the document (name, `name:version` or ARN), or `file:path`. "
        "Several documents, one per line, are deployed in waves; `region=REGION` and `role=ARN` may follow each. "
        "Without it, the inputs of the official actions say what to deploy.",
        documents.several,
        many=True,
        metavar="PARAMETER",
    )
    service: tuple[str, ...] = option(
        "The services, by their names in the document, one per line or comma-separated. Default: all. "
        "Without a document: the name of the ECS service; leave it out to only register the task definition.",
        parsers.words,
        many=True,
        metavar="NAME",
    )
    wait_until: str = option(
        "How far to follow the deployment: `started`, `ready` (it waits for a manual decision), `deployed`, `stable` "
        "(nothing in the service changes any more), or a stage, such as `BAKE_TIME` or `AfterAllowTraffic`. "
        "Default: `deployed`; without a document, what wait-for-service-stability says.",
        parsers.goal_if_given,
        metavar="GOAL",
    )
    # Inputs of amazon-ecs-render-task-definition: the task definition, and what to change in it.
    task_definition: str = option(
        "The task definition file in the workspace, JSON or YAML.",
        parsers.text,
        metavar="PATH",
        differs="the file is never executed, whatever its extension; unknown fields and duplicate keys are refused, "
        "with their path; empty words of a command, and labels and options without a value, are kept; a YAML value "
        "gets the type of its field; a definition equal to the family's newest revision is not registered again",
    )
    task_definition_arn: str = option(
        "The ARN of a registered task definition, instead of a file.", parsers.text, metavar="ARN"
    )
    task_definition_family: str = option(
        "A family, instead of a file: its newest revision, or task-definition-revision.", parsers.text, metavar="FAMILY"
    )
    task_definition_revision: int | None = option(
        "The revision of task-definition-family.",
        parsers.whole(1),
        metavar="NUMBER",
        differs="only whole numbers from 1 are accepted",
    )
    container_name: tuple[str, ...] = option(
        "The containers to change, comma-separated.",
        parsers.containers,
        metavar="NAME",
        differs="blanks around commas are ignored",
    )
    image: str = option("The image for these containers.", parsers.text, metavar="IMAGE")
    environment_variables: tuple[Variable, ...] = option(
        "Environment variables, `NAME=value`, one per line, for every container whose image the document sets. "
        "`CONTAINER/NAME=value` or `KEY/CONTAINER/NAME=value`, such as `web/app/NAME=value`, is for that container. "
        "Without a document: for the containers of container-name, added to the existing ones.",
        parsers.container_variables,
        many=True,
        secret=True,
        metavar="NAME=VALUE",
        differs=f"{_SEVERAL_LINES}; {_NAMES}; not a flag on the command line",
    )
    env_files: tuple[str, ...] = option(
        "The ARNs of S3 objects with environment variables, one per line, instead of the existing ones.",
        parsers.lines,
        many=True,
        metavar="ARN",
    )
    log_configuration_log_driver: str = option(
        "The log driver.",
        parsers.one_of("", *render.LOG_DRIVERS),
        metavar="DRIVER",
    )
    log_configuration_options: dict[str, str] = option(
        "Log driver options to add or replace, `name=value`, one per line.",
        parsers.named_values,
        many=True,
        metavar="NAME=VALUE",
        differs=f"split at the first `=`: a value can contain `=` or be empty; {_SEVERAL_LINES}; refused without a log "
        "driver",
    )
    docker_labels: dict[str, str] = option(
        "Container labels to add or replace, `name=value`, one per line.",
        parsers.named_values,
        many=True,
        metavar="NAME=VALUE",
        differs=f"split at the first `=`: a value can contain `=` or be empty; {_SEVERAL_LINES}",
    )
    command: tuple[str, ...] = option(
        "The command, split into words at blanks; quotes keep words together.",
        parsers.command,
        metavar="COMMAND",
        differs="quotes, `\"` or `'`, keep words together and are removed; several blanks or line breaks count as one",
    )
    secrets: dict[str, str] = option(
        "Secrets to add or replace, from Secrets Manager or Parameter Store, `NAME=ARN`, one per line.",
        parsers.variables,
        many=True,
        metavar="NAME=ARN",
        differs=f"{_SEVERAL_LINES}; {_NAMES}",
    )
    task_role_arn: str = option("The ARN of the task role.", parsers.role, metavar="ARN")
    execution_role_arn: str = option("The ARN of the execution role.", parsers.role, metavar="ARN")
    keep_null_value_keys: tuple[str, ...] = option(
        "Keys of the task definition file to keep although they hold an empty text, list or mapping, comma-separated.",
        parsers.words,
        many=True,
        metavar="KEY",
    )
    # Inputs of amazon-ecs-deploy-task-definition: the service.
    cluster: str = option("The ECS cluster's name or ARN.", parsers.text, default="default", metavar="NAME")
    desired_count: int | None = option(
        "How many tasks the service should run. Default: unchanged.",
        parsers.whole(0),
        metavar="NUMBER",
        differs="only whole numbers are accepted; a count that the service already has is not sent",
    )
    wait_for_service_stability: bool = option(
        "`true`: follow the deployment until nothing in the service changes any more.",
        parsers.truth,
        default="false",
        metavar="BOOLEAN",
        differs="polled every two seconds; any rollback fails the job at once, and the log shows why",
    )
    wait_for_minutes: int | None = option(
        "How many minutes to follow the deployment, at most 360. Default: deployment-timeout.",
        parsers.whole(1),
        metavar="NUMBER",
        differs="only whole numbers from 1 are accepted; a timeout has its own exit code",
    )
    wait_max_delay_seconds: int | None = option(
        "Ignored: ecs-cd polls the service every two seconds.",
        parsers.whole(0),
        metavar="NUMBER",
        differs="ignored, with a notice",
    )
    max_retries: int | None = option(
        "Ignored: transient errors are always retried.",
        parsers.whole(0),
        metavar="NUMBER",
        differs="ignored, with a notice",
    )
    codedeploy_appspec: str = option(
        "The path of the appspec. Default: appspec.yaml if it exists; otherwise generated from the service.",
        parsers.text,
        metavar="PATH",
        differs="generated from the service if there is no file; checked, also against the task definition, before "
        "anything is registered; a missing version is added",
    )
    codedeploy_application: str = option(
        "The CodeDeploy application. Default: `AppECS-CLUSTER-SERVICE`.", parsers.text, metavar="NAME"
    )
    codedeploy_deployment_group: str = option(
        "The CodeDeploy deployment group. Default: `DgpECS-CLUSTER-SERVICE`.", parsers.text, metavar="NAME"
    )
    codedeploy_deployment_description: str = option(
        "The description of the CodeDeploy deployment, cut at 512 characters.", parsers.text, metavar="TEXT"
    )
    codedeploy_deployment_config: str = option(
        "The CodeDeploy deployment configuration. Default: the deployment group's.", parsers.text, metavar="NAME"
    )
    service_managed_ebs_volume_name: str = option(
        "The `configuredAtLaunch` volume of the task definition that service-managed-ebs-volume is for.",
        parsers.text,
        metavar="NAME",
    )
    service_managed_ebs_volume: dict[str, Any] = option(
        "The service's EBS volume, as JSON: UpdateService's `managedEBSVolume`.",
        parsers.json_object,
        metavar="JSON",
        differs="accepts every ECS field, `throughput` with any volume type, and refuses unknown ones; without this "
        "input the service loses its volume only if the task definition has no `configuredAtLaunch` volume",
    )
    enable_ecs_managed_tags: bool | None = option(
        "`true` or `false`: whether the tasks of the service and of run-task get ECS managed tags. Default: unchanged.",
        parsers.truth_if_given,
        metavar="BOOLEAN",
    )
    propagate_tags: str = option(
        "Where the service's tasks get their tags from: `SERVICE`, `TASK_DEFINITION` or `NONE`. Default: unchanged.",
        parsers.one_of("", "SERVICE", "TASK_DEFINITION", "NONE"),
        metavar="WHERE",
    )
    # A single task, before the service.
    run_task: bool = option(
        "`true`: run a single task with the task definition before updating the service.",
        parsers.truth,
        default="false",
        metavar="BOOLEAN",
        differs="never runs twice, even if the RunTask response is lost; a re-run of a job follows the task that an "
        "earlier attempt left running; without capacity to place the task, retries until the timeout",
    )
    wait_for_task_stopped: bool = option(
        "`true`: wait until the task ends, show its logs, and fail unless all of its containers exit with 0.",
        parsers.truth,
        default="false",
        metavar="BOOLEAN",
        differs="the job log shows the task's logs, and the cause of a failure; a task stopped from outside fails, "
        "even if its containers exit with 0 on SIGTERM",
    )
    run_task_container_overrides: list[Any] = option(
        "RunTask's `containerOverrides`, as JSON.",
        parsers.json_list,
        secret=True,
        metavar="JSON",
        differs="checked before anything is registered: fields, types, container names, and the limit of 8192 "
        "characters; not a flag on the command line",
    )
    run_task_security_groups: tuple[str, ...] = option(
        "The task's security groups, comma-separated.",
        parsers.words,
        many=True,
        metavar="ID",
        differs="refused without subnets, which ECS requires with them",
    )
    run_task_subnets: tuple[str, ...] = option(
        "The task's subnets, comma-separated.",
        parsers.words,
        many=True,
        metavar="ID",
        differs="blanks around commas are ignored",
    )
    run_task_assign_public_IP: str = option(  # noqa: N815  (the official name has capitals)
        "`ENABLED` or `DISABLED`: whether the task gets a public IP address; needs subnets.",
        parsers.one_of("ENABLED", "DISABLED"),
        default="DISABLED",
        metavar="HOW",
    )
    run_task_capacity_provider_strategy: list[Any] = option(
        "RunTask's `capacityProviderStrategy`, as JSON, instead of run-task-launch-type.",
        parsers.json_list,
        metavar="JSON",
        differs="checked before anything is registered",
    )
    run_task_launch_type: str = option(
        "The task's launch type. Set it to an empty text to use the cluster's default capacity provider strategy.",
        parsers.one_of("", "FARGATE", "EC2", "EXTERNAL", "MANAGED_INSTANCES"),
        default="FARGATE",
        blank="",
        metavar="TYPE",
        differs="an empty text means the cluster's default capacity provider strategy, not `FARGATE`",
    )
    run_task_started_by: str = option("The task's `startedBy`.", parsers.text, default="GitHub-Actions", metavar="TEXT")
    run_task_tags: list[Any] = option(
        'The task\'s tags, as JSON: `[{"key": ..., "value": ...}]`.',
        parsers.json_list,
        metavar="JSON",
        differs="checked before anything is registered",
    )
    run_task_managed_ebs_volume_name: str = option(
        "The `configuredAtLaunch` volume of the task definition that run-task-managed-ebs-volume is for.",
        parsers.text,
        metavar="NAME",
    )
    run_task_managed_ebs_volume: dict[str, Any] = option(
        "The task's EBS volume, as JSON: RunTask's `managedEBSVolume`.",
        parsers.json_object,
        metavar="JSON",
        differs="accepts every ECS field and refuses unknown ones",
    )


def official_given(inputs: DeployAlone) -> list[str]:
    """The names of the inputs that only the official actions have, and that are neither blank nor the defaults."""
    shared = {f.name for each in (Deploy, InWaves, ImagesFrom) for f in dataclasses.fields(each)}
    official = [f for f in dataclasses.fields(inputs) if f.name not in shared]
    defaults = DeployAlone()
    return [
        f.name.replace("_", "-") for f in official if getattr(inputs, f.name) not in ("", getattr(defaults, f.name))
    ]
