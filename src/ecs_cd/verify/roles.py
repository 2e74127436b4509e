"""Whether the roles of a task definition exist, ECS can assume them, and they have and get the permissions needed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ecs_cd.aws import iam, sts
from ecs_cd.job.job import Job
from ecs_cd.model.references import short
from ecs_cd.verify import secrets
from ecs_cd.verify.asking import ask
from ecs_cd.verify.rules import execution_role, registering, roles
from ecs_cd.verify.rules import secrets as rules
from ecs_cd.verify.rules.finding import Finding, State, not_checkable, ok, wrong
from ecs_cd.verify.rules.secrets import Secret
from ecs_cd.verify.subjects import Subject

EXECUTION, TASK, PASS, PERMISSIONS = "execution-role", "task-role", "pass-role", "execution-role-permissions"
_KEYS = {EXECUTION: "executionRoleArn", TASK: "taskRoleArn"}
_REGISTER = "ecs:RegisterTaskDefinition"


def check(job: Job, subject: Subject) -> list[Finding]:
    """Each role, whether it can be passed to ECS, and what the execution role may do."""
    definition = subject.definition or {}
    named = {check: str(definition[key]) for check, key in _KEYS.items() if definition.get(key)}
    found = {check: ask(subject.name, check, partial(_role, check, arn, subject, job)) for check, arn in named.items()}
    findings = [finding for group in found.values() for finding in group]
    there = [named[check] for check, group in found.items() if all(each.state is not State.WRONG for each in group)]
    if there:
        findings += ask(subject.name, PASS, partial(_pass, list(dict.fromkeys(there)), subject, job))
    if named.get(EXECUTION) in there:
        findings += ask(subject.name, PERMISSIONS, partial(_permissions, named[EXECUTION], subject, job))
    return findings


def _role(check: str, arn: str, subject: Subject, job: Job) -> Iterator[Finding]:
    account, _ = _caller(subject, job)
    named = roles.role(arn)
    own = named and named.account in ("", account)
    found = _described(named.name, subject, job) if named and own else None
    yield from roles.check(subject.name, check, arn, found, account, job.aws.region)


def _pass(arns: Sequence[str], subject: Subject, job: Job) -> Iterator[Finding]:
    """Whether the role that runs verify may pass these roles to ECS, if it is the role that deploys."""
    account, caller = _caller(subject, job)
    principal = _principal(caller, subject, job)
    passed = {"iam:PassedToService": roles.TASKS}
    resources = [_arn(arn, caller) for arn in arns]
    found = _simulated(principal, ["iam:PassRole"], resources, passed, subject, job) if principal else None
    if found is None:
        words = "IAM can't simulate what the caller may do"
        yield not_checkable(subject.name, PASS, words, "Run verify with the role that deploys.")
        return
    denied = [arn for (_, arn), decision in found.items() if decision.endswith("Deny")]
    if not denied:
        yield _undecided(PASS, found, subject) or ok(subject.name, PASS, "the caller may pass the roles to ECS")
        return
    family = f"{resources[0].partition(':iam:')[0]}:ecs:{job.aws.region}:{account}:task-definition/"
    family += f"{(subject.definition or {}).get('family', '')}:*"
    registers = _simulated(principal, [_REGISTER], [family], {}, subject, job) or {}
    words = f"the caller may not pass {', '.join(short(arn) for arn in denied)} to ECS"
    if roles.denied(registers):
        remedy = "Run verify once with the role that deploys, or check that it may."
        yield not_checkable(subject.name, PASS, f"{words}, but it does not deploy either", remedy)
        return
    yield wrong(
        subject.name, PASS, words, f"Allow its role iam:PassRole on them, for iam:PassedToService {roles.TASKS}."
    )


def _permissions(arn: str, subject: Subject, job: Job) -> Iterator[Finding]:
    """Whether the execution role may do what ECS does with it."""
    definition = subject.to_run
    account, caller = _caller(subject, job)
    fargate = registering.on_fargate(definition, subject.service)
    whole = _whole(definition, subject, job)
    needs = execution_role.needs(definition, job.aws.region, account, fargate=fargate, whole=whole)
    name, whats = short(arn), []
    for need in needs:
        found = _simulated(_arn(arn, caller), need.actions, need.resources, {}, subject, job)
        if found is None:
            return  # the role's own line says that it is missing
        denied = roles.denied(found)
        if denied:
            remedy = "The infra repo owns the role. Allow it."
            yield wrong(subject.name, PERMISSIONS, f"{name} may not {need.what}: {', '.join(denied)}", remedy)
        elif unclear := _undecided(PERMISSIONS, found, subject):
            yield unclear
        else:
            whats.append(need.what)
    if whats:
        yield ok(subject.name, PERMISSIONS, f"{name} may {', '.join(dict.fromkeys(whats))}")


def _whole(definition: Mapping[str, Any], subject: Subject, job: Job) -> dict[str, str]:
    """The ARNs of the secrets of this account, by what the definition names them; empty for one that is missing. What
    is wrong with them is in their own lines."""
    own, _ = _caller(subject, job)
    found: dict[str, str] = {}
    for each in rules.references(definition).values():
        if isinstance(each, Secret) and each.account in ("", own):
            found[each.arn] = each.arn if each.account else ""
            with suppress(ClientError, BotoCoreError):
                found[each.arn] = str((secrets.describe(each, subject, job) or {}).get("ARN", ""))
    return found


def _undecided(check: str, found: Mapping[tuple[str, str], str], subject: Subject) -> Finding | None:
    pairs = roles.undecided(found)
    if not pairs:
        return None
    words = f"a condition of the policies decides on {', '.join(pairs)}"
    return not_checkable(subject.name, check, words, "Check the condition in the role's policies.")


# ---- questions ----


def _caller(subject: Subject, job: Job) -> tuple[str, str]:
    return subject.answers.get("caller", lambda: sts.caller(job.aws))


def _described(name: str, subject: Subject, job: Job) -> dict[str, Any] | None:
    return subject.answers.get(("role", name), lambda: iam.role(job.aws, name))


def _principal(caller: str, subject: Subject, job: Job) -> str:
    """The ARN whose policies decide for the caller: that of its role, with its path, or of the user. Empty for the
    root user and for sessions of federated users."""
    if name := roles.session_role(caller):
        found = _described(name, subject, job)
        return str(found["Arn"]) if found else ""
    return caller if ":user/" in caller else ""


def _arn(role: str, caller: str) -> str:
    """The ARN of a role that may be named without it, in the caller's account."""
    _, partition, _, _, account, _ = caller.split(":", 5)
    return role if role.startswith("arn:") else f"arn:{partition}:iam::{account}:role/{role}"


def _simulated(
    principal: str,
    actions: Sequence[str],
    resources: Sequence[str],
    context: Mapping[str, str],
    subject: Subject,
    job: Job,
) -> dict[tuple[str, str], str] | None:
    """IAM's decisions, or ``None`` if it does not know the principal."""
    question = ("simulate", principal, *actions, *resources, *context.items())
    results = subject.answers.get(question, lambda: iam.simulate(job.aws, principal, actions, resources, context))
    return None if results is None else roles.decisions(results)
