"""The AWS actions that each verb calls, recorded at the HTTP layer and held to iam/rules/permissions.py.

Each test fails that calls an action which the table doesn't give its verb. A run of all timelines fails if no test
calls an action that the table gives a verb.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from ecs_cd import cli
from ecs_cd.iam.rules.permissions import EVERY, SEVERAL, TABLE
from tests.scripted_aws import ScriptedAws

# A pair: the verb, the action.
Pairs = set[tuple[str, str]]

# These run several verbs, or finish what they began.
_SEVERAL = {
    **SEVERAL,
    "clean-up": ("build-push", "migrate", "deploy", "continue", "rollback", "hand-off"),
}
_PREFIXES = {"elbv2": "elasticloadbalancing"}
_ACTIONS = {"s3:HeadObject": "s3:GetObject"}
# They need no permission: a role's trust policy decides, or anybody may.
FREE = {"sts:AssumeRoleWithWebIdentity", "sts:GetCallerIdentity"}

# Nobody calls these by name: Docker pushes and pulls, and AWS asks for them on behalf of another call.
INDIRECT = {
    "codedeploy:GetApplicationRevision",
    "codedeploy:RegisterApplicationRevision",
    "ecr:BatchCheckLayerAvailability",
    "ecr:CreateRepository",
    "ecr:InitiateLayerUpload",
    "ecr:UploadLayerPart",
    "ecr:CompleteLayerUpload",
    "ecr:GetDownloadUrlForLayer",
    "ecr-public:BatchCheckLayerAvailability",
    "ecr-public:CompleteLayerUpload",
    "ecr-public:InitiateLayerUpload",
    "ecr-public:UploadLayerPart",
    "ecs:TagResource",
    "inspector2:ListCoverage",
    "inspector2:ListFindings",
    "iam:PassRole",
    "kms:Decrypt",
    "sts:AssumeRoleWithWebIdentity",
    "sts:GetServiceBearerToken",
    "sts:TagSession",
}

called: Pairs = set()


@lru_cache
def table() -> Pairs:
    """What the table gives each verb."""
    return {(verb, name) for row in TABLE for verb in row.verbs.split(", ") for name in row.actions.split()}


def allowed(verb: str, given: Pairs) -> set[str]:
    """The actions of a verb; of one that runs others, theirs."""
    return {action for each, action in given if each in (EVERY, verb, *_SEVERAL.get(verb, ()))}


def action(operation: str) -> str:
    """The IAM action of botocore's operation "ecs.RunTask"."""
    service, _, name = operation.partition(".")
    found = f"{_PREFIXES.get(service, service)}:{name}"
    return _ACTIONS.get(found, found)


@contextmanager
def recorded(patch: pytest.MonkeyPatch) -> Iterator[Pairs]:
    """The pairs that the scripted AWS sees while a verb runs in this process."""
    pairs: Pairs = set()
    main, running = cli.main, [""]

    def run(argv: Any, *rest: Any, **more: Any) -> int:
        running[0] = argv[0] if argv else ""
        try:
            return main(argv, *rest, **more)
        finally:
            running[0] = ""

    def see(operation: str) -> None:
        if running[0] and action(operation) not in FREE:
            pairs.add((running[0], action(operation)))

    patch.setattr(cli, "main", run)
    patch.setattr(ScriptedAws, "observers", [see])
    yield pairs
    called.update(pairs)


# ---- the whole run ----


def all_timelines(config: pytest.Config) -> bool:
    """Whether this run is of all timelines."""
    options = config.option
    chosen = options.keyword or options.markexpr or getattr(options, "lf", False) or options.collectonly
    where = Path(__file__).resolve().parent
    given = [Path(config.invocation_params.dir, name.partition("::")[0]).resolve() for name in config.args]
    return not chosen and any(each == where or each in where.parents for each in given if "::" not in str(each))


def uncalled() -> list[str]:
    """The rows of the table that no test has called."""
    given = table()
    missing = {(verb, name) for verb, name in given if name not in INDIRECT and not _was_called(verb, name)}
    return [f"{name} of {verb}" for verb, name in sorted(missing)]


def _was_called(verb: str, name: str) -> bool:
    return any(name == each and verb in (EVERY, by) for by, each in called)
