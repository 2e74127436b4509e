"""From the table of docs/reference/permissions.md to infra/terraform/permissions/permissions.json.

The table is what people read, what the timelines hold the verbs to, and where the policies of infra/terraform come
from. Its last column is English; here each of its phrases gets a name, from which Terraform makes ARNs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from dev.host import ROOT

PAGE = ROOT / "docs" / "reference" / "permissions.md"
TARGET = ROOT / "infra" / "terraform" / "permissions" / "permissions.json"
# The verbs that run in a job of GitHub or in CodeBuild with a role of ours.
VERBS = ("build-push", "migrate", "deploy", "continue", "rollback", "hand-off", "artifacts", "commit-status")
EVERY = "all"


class On(NamedTuple):
    """Resources, by their name in infra/terraform/permissions; under which condition, and with which feature only."""

    resources: str
    condition: str = ""
    feature: str = ""
    for_verb: str = ""  # whose feature it is; the other verbs of the row always need the actions


_STAGED = "the services, `service-deployment/CLUSTER/SERVICE/*`, for ECS blue/green, linear, canary"
PHRASES = {
    "the parameter": On("parameters"),
    "its key": On("kms_keys"),
    "the next role, for several roles in role-to-assume and for role-chaining": On("next_roles"),
    "the image's repository, and its `cache-repository`": On("repositories"),
    "the repositories": On("repositories"),
    "repositories of base images and caches": On("base_repositories"),
    "the image's repository, only if a push creates it": On("repositories", feature="create-repositories"),
    "`*`, only for repositories that a push creates": On("all", feature="create-repositories"),
    "the repository, for `scan` and `fail-on`": On("repositories", feature="scan"),
    "`*`, for `scan` and `fail-on` with enhanced scanning": On("all", feature="enhanced-scanning"),
    "`*`, for repositories in ECR Public; optional for base images there": On("all", feature="ecr-public"),
    "`*`, for images in ECR Public": On("all", feature="ecr-public"),
    "the registry in ECR Public": On("public_registry", feature="ecr-public"),
    "the repository in ECR Public": On("public_repositories", feature="ecr-public"),
    "the templates": On("templates"),
    "`*`": On("all"),
    "`*`, if `ecs:cluster` is the cluster": On("all_for_cluster", "cluster"),
    "`task-definition/FAMILY:*`": On("families"),
    "`task-definition/FAMILY:*`, if `ecs:cluster` is the cluster; for deploy only with `run-task`": On(
        "families", "cluster", "run-task", "deploy"
    ),
    "the task and execution roles, if `iam:PassedToService` is `ecs-tasks.amazonaws.com`": On("roles", "tasks"),
    "the services": On("services"),
    "the services, unless CodeDeploy deploys them": On("services"),
    "`task/CLUSTER/*`": On("tasks"),
    "`task/CLUSTER/*`: why old tasks still run": On("tasks"),
    "`task/CLUSTER/*`; for deploy only with `run-task`": On("tasks", "", "run-task", "deploy"),
    "the containers' log groups": On("log_groups"),
    "the services, `service-revision/CLUSTER/SERVICE/*`": On("service_revisions"),
    "the services, `service-revision/CLUSTER/SERVICE/*`, the same": On("service_revisions"),
    "`*`: evidence after a failure": On("all"),
    "`alarm:*`: evidence after a failure": On("alarms"),
    "`*`, for `keep-revisions`": On("all", feature="keep-revisions"),
    _STAGED: On("service_deployments"),
    "the application and its deployment group, for CodeDeploy": On("codedeploy"),
    "`*`, for CodeDeploy": On("all_for_codedeploy"),
    "the application and its deployment group: evidence after a failed CodeDeployToECS action": On("codedeploy"),
    "the deployment configuration": On("deployment_configurations"),
    "the pipeline": On("pipelines"),
    "the pipeline, only with `on-cancel: stop`": On("pipelines", feature="stop-execution"),
    "the object, for `start: object`": On("objects"),
    "the pipeline's projects": On("projects"),
    "the log groups of the pipeline's projects": On("project_log_groups"),
    "the services: evidence after a failed ECS or CodeDeployToECS action": On("services"),
    "`*`, if `ecs:cluster` is the cluster: the same": On("all_for_cluster", "cluster"),
    "`*`: the same": On("all_for_cluster"),
    "`task/CLUSTER/*`: the same": On("tasks"),
    "the rules, for scheduled tasks of EventBridge rules": On("rules"),
    "the schedules, for scheduled tasks of EventBridge Scheduler": On("schedules"),
    "the role of the rule's target or schedule, if `iam:PassedToService` is `events.amazonaws.com` or "
    "`scheduler.amazonaws.com`": On("schedule_roles", "schedules"),
}


class Row(NamedTuple):
    """A row of the table, its first cell filled in."""

    verbs: list[str]
    actions: list[str]
    on: str


def rows(page: str) -> Iterator[Row]:
    """The rows of the table. The first cell of a row is verbs, or empty: those of the row above."""
    verbs: list[str] = []
    for first, actions, on in re.findall(r"^\| (.*?) ?\| (`[\w-]+:.*?`) \| (.*) \|$", page, re.M):
        verbs = first.split(", ") if first else verbs
        yield Row(verbs, re.findall(r"`([\w-]+:\w+)`", actions), on)


def reasons(page: str) -> dict[str, str]:
    """The page's second table: why an action is allowed on `*`."""
    found = re.findall(r"^\| (`[\w-]+:.*`) \| ([^|]*) \|$", page, re.M)
    return {action: why for actions, why in found for action in re.findall(r"`([\w-]+:\w+)`", actions)}


def policies(page: str) -> dict[str, list[dict[str, Any]]]:
    """What each verb needs: actions, the resources' name, the condition, the feature that needs them."""
    return {verb: [_entry(verb, row) for row in rows(page) if {verb, EVERY} & set(row.verbs)] for verb in VERBS}


def _entry(verb: str, row: Row) -> dict[str, Any]:
    if row.on not in PHRASES:
        raise SystemExit(f"dev/permissions.py doesn't know what this phrase of {PAGE.name} stands for: {row.on}")
    on = PHRASES[row.on]
    feature = on.feature if on.for_verb in ("", verb) else ""
    return {"actions": row.actions, "on": on.resources, "condition": on.condition, "feature": feature}


def text(page: str) -> str:
    """The file: an entry a line, to be read in a diff."""
    verbs = [
        f"  {json.dumps(verb)}: [\n" + ",\n".join(f"    {json.dumps(each)}" for each in entries) + "\n  ]"
        for verb, entries in policies(page).items()
    ]
    return "{\n" + ",\n".join(verbs) + "\n}\n"


def generated() -> dict[Path, str]:
    """The file that `make generate` writes."""
    return {TARGET: text(PAGE.read_text(encoding="utf-8"))}
