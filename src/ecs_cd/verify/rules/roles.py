"""Whether ECS can assume a role, and what the role that runs `verify` is."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from ecs_cd.verify.rules.finding import Finding, not_checkable, ok, wrong

Json = Mapping[str, Any]

TASKS = "ecs-tasks.amazonaws.com"
_NAME = re.compile(r"[\w+=,.@-]{1,64}", re.ASCII)  # https://docs.aws.amazon.com/IAM/latest/APIReference/API_Role.html
_OWNER = "The infra repo owns the role."
_ASSUME = "sts:AssumeRole"
# The values of these keys are known when ECS assumes a role for a task.
_KNOWN_KEYS = ("aws:sourceaccount", "aws:sourcearn")


class Allowed(Enum):
    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"  # a condition or form that only AWS evaluates


@dataclass(frozen=True)
class Role:
    """A role's ARN, split."""

    account: str
    name: str
    path: str = "/"


def role(arn: str) -> Role | None:
    """The role that this ARN names; ``None`` if it is not the ARN of a role. A name alone has no account."""
    parts = arn.split(":", 5) if arn.startswith("arn:") else ["", "", "iam", "", "", f"role/{arn}"]
    if len(parts) < 6 or parts[2] != "iam" or not parts[5].startswith("role/"):
        return None
    path, _, name = parts[5].removeprefix("role").rpartition("/")
    return Role(parts[4], name, f"{path}/") if _NAME.fullmatch(name) else None


def session_role(caller: str) -> str:
    """The name of the role whose session this caller is; empty if it is none."""
    parts = caller.split(":", 5)
    if len(parts) < 6 or parts[2] != "sts" or not parts[5].startswith("assumed-role/"):
        return ""
    return parts[5].split("/")[1]


def check(subject: str, check: str, arn: str, found: Json | None, account: str, region: str) -> Iterator[Finding]:
    """Whether the role exists, and ECS can assume it. ``found`` is GetRole's answer, ``account`` the caller's."""
    named = role(arn)
    if named is None:
        yield wrong(subject, check, f"{arn} is neither the name nor the ARN of a role", "Correct it in the template.")
    elif named.account not in ("", account):
        remedy = "Name a role of this account in the template."
        yield wrong(subject, check, f"{arn} is in another account, and ECS can't use it in {account}", remedy)
    elif found is None:
        yield wrong(subject, check, f"there is no role {named.name}", f"{_OWNER} Create it, or correct the template.")
    elif arn.startswith("arn:") and found["Arn"] != arn:
        yield wrong(subject, check, f"there is no {arn}; the role is {found['Arn']}", "Correct it in the template.")
    else:
        yield _trust(subject, check, named.name, found, account, region)


def _trust(subject: str, check: str, name: str, found: Json, account: str, region: str) -> Finding:
    allowed = trusts(found["AssumeRolePolicyDocument"], TASKS, account, region)
    remedy = f"{_OWNER} Allow sts:AssumeRole to the service {TASKS} in its trust policy."
    if allowed is Allowed.YES:
        return ok(subject, check, f"ECS can assume {name}")
    if allowed is Allowed.NO:
        return wrong(subject, check, f"the trust policy of {name} does not let {TASKS} assume it", remedy)
    words = f"the trust policy of {name} has a condition that only AWS can evaluate"
    return not_checkable(subject, check, words, f"Check that it lets {TASKS} assume the role.")


def trusts(policy: Any, service: str, account: str, region: str) -> Allowed:
    """Whether this trust policy lets the service assume the role for a task in this account and region."""
    if not isinstance(policy, Mapping):
        return Allowed.UNKNOWN
    statements = [(each, _matches(each, service, account, region)) for each in _list(policy.get("Statement"))]
    by_effect = {
        effect: [matches for each, matches in statements if _effect(each) == effect] for effect in ("allow", "deny")
    }
    if Allowed.YES in by_effect["deny"]:
        return Allowed.NO
    allowed = by_effect["allow"]
    if Allowed.YES in allowed:
        return Allowed.UNKNOWN if Allowed.UNKNOWN in by_effect["deny"] else Allowed.YES
    return Allowed.UNKNOWN if Allowed.UNKNOWN in allowed else Allowed.NO


def _effect(statement: Any) -> str:
    return str(statement.get("Effect", "")).lower() if isinstance(statement, Mapping) else ""


def _matches(statement: Any, service: str, account: str, region: str) -> Allowed:
    """Whether the statement is about this service's AssumeRole."""
    if not isinstance(statement, Mapping):
        return Allowed.NO
    if "NotAction" in statement or "NotPrincipal" in statement:
        return Allowed.UNKNOWN
    actions = [str(each).lower() for each in _list(statement.get("Action"))]
    if not any(fnmatch.fnmatchcase(_ASSUME.lower(), each) for each in actions):
        return Allowed.NO
    principal = statement.get("Principal")
    services = _list(principal.get("Service")) if isinstance(principal, Mapping) else []
    if principal != "*" and service not in services:
        return Allowed.NO
    return _conditions(statement.get("Condition") or {}, account, region)


def _conditions(conditions: Any, account: str, region: str) -> Allowed:
    """Whether the conditions hold: the account and the ARN of the task's cluster are known, nothing else is."""
    held = [
        _condition(str(operator).lower(), str(key).lower(), [str(each) for each in _list(values)], account, region)
        for operator, keys in (conditions.items() if isinstance(conditions, Mapping) else ())
        for key, values in (keys.items() if isinstance(keys, Mapping) else ())
    ]
    return Allowed.NO if Allowed.NO in held else Allowed.UNKNOWN if Allowed.UNKNOWN in held else Allowed.YES


def _condition(operator: str, key: str, values: Sequence[str], account: str, region: str) -> Allowed:
    operator = operator.removesuffix("ifexists")
    if key not in _KNOWN_KEYS or operator not in ("stringequals", "stringlike", "arnlike", "arnequals"):
        return Allowed.UNKNOWN
    if key == "aws:sourceaccount":
        return _holds(any(fnmatch.fnmatchcase(account, value) for value in values))
    return _holds(any(_covers(value, account, region) for value in values))


def _covers(pattern: str, account: str, region: str) -> bool:
    """Whether the pattern of aws:SourceArn covers ARNs of ECS in this account and region."""
    parts = pattern.split(":", 5)
    if len(parts) < 6:
        return pattern.endswith("*") and f"arn:aws:ecs:{region}:{account}:".startswith(pattern.rstrip("*"))
    known = zip(parts[2:5], ("ecs", region, account), strict=True)
    return all(fnmatch.fnmatchcase(value, each) for each, value in known)


def _holds(value: bool) -> Allowed:
    return Allowed.YES if value else Allowed.NO


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


# ---- IAM's simulation ----


def decisions(results: Iterable[Json]) -> dict[tuple[str, str], str]:
    """What IAM decided, by action and resource: allowed, explicitDeny or implicitDeny, or empty if IAM lacked the value
    of a condition key."""
    found: dict[tuple[str, str], str] = {}
    for result in results:
        name = str(result["EvalActionName"])
        specific = result.get("ResourceSpecificResults") or ()
        for each in specific:
            found[name, str(each.get("EvalResourceName", "*"))] = _decision(each, "EvalResourceDecision")
        if not specific:
            found[name, str(result.get("EvalResourceName", "*"))] = _decision(result, "EvalDecision")
    return found


def _decision(result: Json, key: str) -> str:
    decision = str(result.get(key, ""))
    return "" if decision == "implicitDeny" and result.get("MissingContextValues") else decision


def denied(found: Mapping[tuple[str, str], str]) -> list[str]:
    """The pairs that IAM denies, as sentences' objects: ``ecr:BatchGetImage on arn:...``."""
    return [f"{action} on {resource}" for (action, resource), decision in found.items() if decision.endswith("Deny")]


def undecided(found: Mapping[tuple[str, str], str]) -> list[str]:
    """The pairs that IAM could not decide."""
    return [f"{action} on {resource}" for (action, resource), decision in found.items() if not decision]
