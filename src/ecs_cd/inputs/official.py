"""The inputs of the official actions, which deploy takes in the place of a document."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from ecs_cd.inputs.deploy import Deploy
from ecs_cd.inputs.options import option
from ecs_cd.inputs.rules import parsers
from ecs_cd.tasks.rules import render


@dataclass(frozen=True, kw_only=True)
class DeployAlone(Deploy):
    """deploy by itself: with a document, or in the place of the official actions with all of their inputs.

    Those mean what they do there, but for what ``differs``; nothing of them goes together with a document.
    """

    config: str = option(
        "The SSM parameter with the document: its name, `name:version` or ARN; or `file:path`. "
        "Without it the inputs of the official actions say what to deploy.",
        parsers.text,
        metavar="PARAMETER",
    )
    service: tuple[str, ...] = option(
        "Which services of the document to deploy, one a line or separated by commas. Default: all. "
        "Without a document: the ECS service's name; none means to register the task definition only.",
        parsers.words,
        many=True,
        metavar="NAME",
    )
    wait_until: str = option(
        "How far to follow: `started`, `ready` (it waits for somebody), `deployed`, `stable` (nothing moves any more), "
        "or a stage, as in `BAKE_TIME` or `AfterAllowTraffic`. Default: `deployed`; without a document what "
        "wait-for-service-stability says.",
        parsers.goal_if_given,
        metavar="GOAL",
    )
    # From a registered or written definition to what is deployed: amazon-ecs-render-task-definition.
    task_definition: str = option(
        "The file with the task definition, JSON or YAML, in the workspace.",
        parsers.text,
        metavar="PATH",
        differs="never executed, whatever its name ends with; unknown fields and keys that stand twice are refused, "
        "with their place; empty words of a command, labels and options without a value stay; in YAML a value gets the "
        "type that its field has; a revision that would equal the family's newest is not registered again",
    )
    task_definition_arn: str = option(
        "The ARN of a registered task definition, in a file's place.", parsers.text, metavar="ARN"
    )
    task_definition_family: str = option(
        "A family, in a file's place: its newest revision, or task-definition-revision.", parsers.text, metavar="FAMILY"
    )
    task_definition_revision: int | None = option(
        "Which revision of task-definition-family.",
        parsers.whole(1),
        metavar="NUMBER",
        differs="0 and what is no whole number are refused",
    )
    container_name: tuple[str, ...] = option(
        "The container, or several separated by commas, that the image and the inputs for containers are put into.",
        parsers.containers,
        metavar="NAME",
        differs="blanks around a comma do not count",
    )
    image: str = option("The image for these containers.", parsers.text, metavar="IMAGE")
    environment_variables: dict[str, str] = option(
        "Environment variables, `NAME=value`, one a line: new ones, or in the place of those of the same name.",
        parsers.variables,
        many=True,
        secret=True,
        metavar="NAME=VALUE",
        differs="a line that is none is named by its number, and not printed; a name is not empty; no flag of the "
        "command line",
    )
    env_files: tuple[str, ...] = option(
        "The ARNs of S3 objects with environment variables, one a line, in the place of those that there are.",
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
        "Options of the log driver, `name=value`, one a line: new ones, or in the place of those of the same name.",
        parsers.variables,
        many=True,
        metavar="NAME=VALUE",
        differs="split at the first `=`, so that a value may hold one, or be empty; refused without a log driver",
    )
    docker_labels: dict[str, str] = option(
        "Labels of the container, `name=value`, one a line: new ones, or in the place of those of the same name.",
        parsers.variables,
        many=True,
        metavar="NAME=VALUE",
        differs="split at the first `=`, so that a value may hold one, or be empty",
    )
    command: tuple[str, ...] = option(
        "The command, split into words at blanks; quotes hold a word together.",
        parsers.command,
        metavar="COMMAND",
        differs="quotes, `\"` or `'`, hold words together and are taken off; several blanks or line ends are as one",
    )
    secrets: dict[str, str] = option(
        "ECS secrets, `NAME=ARN` of Secrets Manager or Parameter Store, one a line: new ones, or in the place of those "
        "of the same name.",
        parsers.variables,
        many=True,
        metavar="NAME=ARN",
        differs="a line that is none is named by its number, and not printed",
    )
    task_role_arn: str = option("The ARN of the task role.", parsers.role, metavar="ARN")
    execution_role_arn: str = option("The ARN of the execution role.", parsers.role, metavar="ARN")
    keep_null_value_keys: tuple[str, ...] = option(
        "Keys of the task definition's file whose empty texts, lists and mappings are kept, separated by commas.",
        parsers.words,
        many=True,
        metavar="KEY",
    )
    # To the service: amazon-ecs-deploy-task-definition.
    cluster: str = option("The ECS cluster's name or ARN.", parsers.text, default="default", metavar="NAME")
    desired_count: int | None = option(
        "How many tasks the service shall run. Default: as many as before.",
        parsers.whole(0),
        metavar="NUMBER",
        differs="what is no whole number is refused; what the service has already is not said again",
    )
    wait_for_service_stability: bool = option(
        "`true`: follow the deployment until nothing of the service moves any more.",
        parsers.truth,
        default="false",
        metavar="BOOLEAN",
        differs="looked at every two seconds; a rollback, by whomever, is red at once with its cause",
    )
    wait_for_minutes: int | None = option(
        "How many minutes to follow, at most 360. Default: deployment-timeout.",
        parsers.whole(1),
        metavar="NUMBER",
        differs="0 and what is no whole number are refused; a timeout has an exit code of its own",
    )
    wait_max_delay_seconds: int | None = option(
        "Has no effect: the service is looked at every two seconds.",
        parsers.whole(0),
        metavar="NUMBER",
        differs="no effect, said in a notice",
    )
    max_retries: int | None = option(
        "Has no effect: what fails for a reason that passes is tried again until it is known what became of it.",
        parsers.whole(0),
        metavar="NUMBER",
        differs="no effect, said in a notice",
    )
    codedeploy_appspec: str = option(
        "The file with the appspec. Default: appspec.yaml if there is one, else it is made from the service.",
        parsers.text,
        metavar="PATH",
        differs="without a file it is made from the service; it is checked, against the task definition too, before "
        "anything is registered; a version that is missing is added",
    )
    codedeploy_application: str = option(
        "The CodeDeploy application. Default: `AppECS-CLUSTER-SERVICE`.", parsers.text, metavar="NAME"
    )
    codedeploy_deployment_group: str = option(
        "The CodeDeploy deployment group. Default: `DgpECS-CLUSTER-SERVICE`.", parsers.text, metavar="NAME"
    )
    codedeploy_deployment_description: str = option(
        "The CodeDeploy deployment's description, cut at 512 characters.", parsers.text, metavar="TEXT"
    )
    codedeploy_deployment_config: str = option(
        "The CodeDeploy deployment configuration. Default: the deployment group's.", parsers.text, metavar="NAME"
    )
    service_managed_ebs_volume_name: str = option(
        "The volume of the task definition, `configuredAtLaunch`, that service-managed-ebs-volume is for.",
        parsers.text,
        metavar="NAME",
    )
    service_managed_ebs_volume: dict[str, Any] = option(
        "The service's EBS volume, as JSON: UpdateService's `managedEBSVolume`.",
        parsers.json_object,
        metavar="JSON",
        differs="every field that ECS has, `throughput` with any volume type; others are refused; the service's volume "
        "is taken away only if the task definition has none that is `configuredAtLaunch`",
    )
    enable_ecs_managed_tags: bool | None = option(
        "`true` or `false`: whether the service's tasks, and the task of run-task, get ECS's own tags. "
        "Default: as before.",
        parsers.truth_if_given,
        metavar="BOOLEAN",
    )
    propagate_tags: str = option(
        "From where the service's tasks get tags: `SERVICE`, `TASK_DEFINITION` or `NONE`. Default: as before.",
        parsers.one_of("", "SERVICE", "TASK_DEFINITION", "NONE"),
        metavar="WHERE",
    )
    # A task of its own, before the service.
    run_task: bool = option(
        "`true`: run a task of its own with the task definition, before the service is updated.",
        parsers.truth,
        default="false",
        metavar="BOOLEAN",
        differs="never twice, also if RunTask's answer is lost; where there is no room it is tried again until the "
        "time is over",
    )
    wait_for_task_stopped: bool = option(
        "`true`: wait for the task's end, show its logs, and fail unless all of its containers exited with 0.",
        parsers.truth,
        default="false",
        metavar="BOOLEAN",
        differs="its logs are in the job log; a failure is told with its cause",
    )
    run_task_container_overrides: list[Any] = option(
        "RunTask's `containerOverrides`, as JSON.",
        parsers.json_list,
        secret=True,
        metavar="JSON",
        differs="checked before anything is registered: fields, types, names of containers, and the 8192 characters "
        "that ECS takes; no flag of the command line",
    )
    run_task_security_groups: tuple[str, ...] = option(
        "The task's security groups, separated by commas.",
        parsers.words,
        many=True,
        metavar="ID",
        differs="refused without subnets, as ECS would",
    )
    run_task_subnets: tuple[str, ...] = option(
        "The task's subnets, separated by commas.",
        parsers.words,
        many=True,
        metavar="ID",
        differs="blanks around a comma do not count",
    )
    run_task_assign_public_IP: str = option(  # noqa: N815  (the official name has capitals)
        "`ENABLED` or `DISABLED`: a public IP address for the task; only with subnets.",
        parsers.one_of("ENABLED", "DISABLED"),
        default="DISABLED",
        metavar="HOW",
    )
    run_task_capacity_provider_strategy: list[Any] = option(
        "RunTask's `capacityProviderStrategy`, as JSON, in the place of run-task-launch-type.",
        parsers.json_list,
        metavar="JSON",
        differs="checked before anything is registered",
    )
    run_task_launch_type: str = option(
        "The task's launch type.",
        parsers.one_of("FARGATE", "EC2", "EXTERNAL", "MANAGED_INSTANCES"),
        default="FARGATE",
        metavar="TYPE",
    )
    run_task_started_by: str = option("The task's `startedBy`.", parsers.text, default="GitHub-Actions", metavar="TEXT")
    run_task_tags: list[Any] = option(
        'The task\'s tags, as JSON: `[{"key": ..., "value": ...}]`.',
        parsers.json_list,
        metavar="JSON",
        differs="checked before anything is registered",
    )
    run_task_managed_ebs_volume_name: str = option(
        "The volume of the task definition, `configuredAtLaunch`, that run-task-managed-ebs-volume is for.",
        parsers.text,
        metavar="NAME",
    )
    run_task_managed_ebs_volume: dict[str, Any] = option(
        "The task's EBS volume, as JSON: RunTask's `managedEBSVolume`.",
        parsers.json_object,
        metavar="JSON",
        differs="every field that ECS has, others are refused",
    )


def official_given(inputs: DeployAlone) -> list[str]:
    """The names of those inputs of the official actions alone that are not as they are by default."""
    own = {f.name for f in dataclasses.fields(Deploy)}
    mine = [f for f in dataclasses.fields(inputs) if f.name not in own]
    defaults = DeployAlone()
    return [f.name.replace("_", "-") for f in mine if getattr(inputs, f.name) != getattr(defaults, f.name)]
