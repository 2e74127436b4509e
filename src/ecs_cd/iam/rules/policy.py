"""Policies: the statements for verbs, their size, and the policy of a repository in another account."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from ecs_cd.iam.rules.permissions import Row, rows
from ecs_cd.iam.rules.place import Place
from ecs_cd.iam.rules.resources import Wanted
from ecs_cd.model.references import account_of

Statement = dict[str, Any]
Policy = dict[str, Any]

# Characters without white space. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
MANAGED = 6144
INLINE = 10240
# What ECS needs to pull an image, on behalf of a task's execution role.
PULL = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")


def statements(verbs: Collection[str], features: Collection[str], wanted: Wanted, place: Place) -> list[Statement]:
    """One statement for the same resources under the same condition, whichever verbs need it: the same as the Terraform
    module `permissions` makes. A row without resources allows nothing, and is left out."""
    active = {"", *features, *wanted.active}
    grouped: dict[tuple[str, str], list[Row]] = {}
    for verb in sorted(verbs):
        for row in rows(verb):
            if row.needs(verb) in active and wanted.resources[row.on]:
                grouped.setdefault((row.on, row.condition), []).append(row)
    return [
        {
            "Effect": "Allow",
            "Action": sorted({action for row in found for action in row.actions.split()}),
            "Resource": list(wanted.resources[on]),
            **({"Condition": _condition(condition, place, wanted.cluster)} if condition else {}),
        }
        for (on, condition), found in sorted(grouped.items())
    ]


def _condition(name: str, place: Place, cluster: str) -> dict[str, Any]:
    passed = {
        "tasks": ["ecs-tasks.amazonaws.com"],
        "schedules": ["events.amazonaws.com", "scheduler.amazonaws.com"],
    }
    if name == "cluster":
        return {"ArnEquals": {"ecs:cluster": [place.arn("ecs", f"cluster/{cluster}")]}}
    return {"StringEquals": {"iam:PassedToService": passed[name]}}


def document(found: Sequence[Statement]) -> Policy:
    """The policy with these statements."""
    return {"Version": "2012-10-17", "Statement": list(found)}


def size(policy: Policy) -> int:
    """What IAM counts: the characters without white space."""
    return len(json.dumps(policy, separators=(",", ":")))


def parts(found: Sequence[Statement]) -> list[Policy]:
    """One policy, or if a role can't have it inline, several that each fit into a managed policy."""
    if size(document(found)) <= INLINE:
        return [document(found)]
    packed: list[list[Statement]] = [[]]
    for statement in (piece for whole in found for piece in _pieces(whole)):
        if size(document([*packed[-1], statement])) > MANAGED:
            packed.append([])
        packed[-1].append(statement)
    return [document(each) for each in packed]


def _pieces(statement: Statement) -> Iterator[Statement]:
    """The statement, with its resources in as many pieces as a managed policy needs."""
    piece: list[str] = []
    for resource in statement["Resource"]:
        if piece and size(document([{**statement, "Resource": [*piece, resource]}])) > MANAGED:
            yield {**statement, "Resource": piece}
            piece = []
        piece.append(resource)
    yield {**statement, "Resource": piece}


def of_repositories(found: Sequence[Statement], pulled: Collection[str], place: Place) -> dict[str, Policy]:
    """For each repository in ECR of another account, the policy that lets this account's roles use it, by its ARN.

    ``pulled`` are the ARNs of repositories whose images ECS runs here.
    """
    actions: dict[str, set[str]] = {}
    for statement in found:
        for arn in statement["Resource"]:
            if arn.split(":")[2:3] == ["ecr"] and account_of(arn) != place.account:
                actions.setdefault(arn, set(PULL if arn in pulled else ())).update(statement["Action"])
    return {arn: document([_allow(place, names)]) for arn, names in actions.items()}


def _allow(place: Place, actions: Collection[str]) -> Statement:
    """For all roles of the account, whose own policies then decide. A repository's policy names no resource."""
    return {"Effect": "Allow", "Principal": {"AWS": place.iam("root")}, "Action": sorted(actions)}
