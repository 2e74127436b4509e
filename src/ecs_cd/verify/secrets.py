"""Whether the secrets and parameters that a task definition names exist. Reads no value of a secret."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import groupby
from typing import Any

from ecs_cd.aws import secretsmanager, ssm, sts
from ecs_cd.job.job import Job
from ecs_cd.verify.asking import ask
from ecs_cd.verify.rules import secrets
from ecs_cd.verify.rules.finding import Finding, not_checkable, ok, wrong
from ecs_cd.verify.rules.secrets import Malformed, Parameter, Secret
from ecs_cd.verify.subjects import Subject

CHECK = "secrets"
_CREATE = "The infra repo creates it, or corrects its name in the template."


def check(job: Job, subject: Subject) -> list[Finding]:
    """One wrong line for each secret or parameter that ECS could not read, and one line for all the others."""
    named = secrets.references(subject.definition) if subject.definition else {}
    malformed = [
        wrong(subject.name, CHECK, f"{place} {each.problem}", "Correct it in the template.")
        for place, each in named.items()
        if isinstance(each, Malformed)
    ]
    # Whether a secret has a JSON key shows in its value alone, so its keys are one question.
    wanted = dict.fromkeys(replace(each, key="") for each in named.values() if isinstance(each, Secret))
    parameters = list(dict.fromkeys(each for each in named.values() if isinstance(each, Parameter)))
    found = [*malformed]
    for secret in wanted:
        found += ask(subject.name, CHECK, partial(_secret, secret, subject, job))
    for region, group in groupby(sorted(parameters, key=lambda each: each.region), key=lambda each: each.region):
        found += ask(subject.name, CHECK, partial(_parameters, list(group), region, subject, job))
    if named and not found:
        count = len(wanted) + len(parameters)
        words = f"all {count} secrets and parameters exist" if count > 1 else "the secret or parameter exists"
        found = [ok(subject.name, CHECK, words)]
    return found


def describe(secret: Secret, subject: Subject, job: Job) -> dict[str, Any] | None:
    """The secret, without its value, or ``None`` if it does not exist. Raises AWS's errors."""
    read = partial(secretsmanager.secret, job.aws, secret.arn, secret.region or None)
    return subject.answers.get(("secret", secret.arn), read)


def _secret(secret: Secret, subject: Subject, job: Job) -> Iterator[Finding]:
    """What is wrong with the secret; nothing if ECS can read it."""
    if other := _other_account(secret.account, subject, job):
        yield not_checkable(subject.name, CHECK, f"the secret {secrets.name(secret)} {other}", _ELSEWHERE)
        return
    described = describe(secret, subject, job)
    if described is None:
        yield _missing(secret, subject, job)
    elif problem := secrets.problem(secret, described):
        remedy = "Set its value, or correct the reference in the template."
        yield wrong(subject.name, CHECK, f"the secret {secrets.name(secret)} {problem}", remedy)


def _missing(secret: Secret, subject: Subject, job: Job) -> Finding:
    """There is no secret with this ARN, perhaps one of the same name: a new secret gets another ending."""
    name, where = secrets.without_ending(secret), secret.region or job.aws.region
    words = f"there is no secret {secrets.name(secret)} in {where}"
    read = partial(secretsmanager.named, job.aws, name, secret.region or None)
    other = subject.answers.get(("secret", where, name), read) if name else None
    if other and (ending := secrets.ending(other, name)):
        right = f"{words}: the ARN of {name} ends with {ending}"
        return wrong(subject.name, CHECK, right, f"Write {name}{ending} in the template.")
    return wrong(subject.name, CHECK, words, _CREATE)


def _parameters(parameters: Sequence[Parameter], region: str, subject: Subject, job: Job) -> Iterator[Finding]:
    """What is wrong with the parameters in a region, empty for the task's own."""
    own: list[Parameter] = []
    for parameter in parameters:
        if other := _other_account(parameter.account, subject, job):
            yield not_checkable(subject.name, CHECK, f"the parameter {parameter.text} {other}", _ELSEWHERE)
        elif parameter.of_aws:
            words = f"the parameter {parameter.text} is AWS's own, and DescribeParameters lists none of these"
            look = f"aws ssm get-parameter --name {parameter.names[0]} --query Parameter.Name"
            yield not_checkable(subject.name, CHECK, words, f"Look for it with `{look}`.")
        else:
            own.append(parameter)
    names = tuple(dict.fromkeys(name for parameter in own for name in parameter.names))
    read = partial(ssm.existing, job.aws, names, region or None)
    there = subject.answers.get(("parameters", region, names), read) if names else set()
    for parameter in own:
        if not there & set(parameter.names):
            words = f"there is no SSM parameter {parameter.names[0]} in {region or job.aws.region}"
            yield wrong(subject.name, CHECK, words, _CREATE)


_ELSEWHERE = "Check there that it exists, and that its policy lets the execution role read it."


def _other_account(account: str, subject: Subject, job: Job) -> str:
    if not account:
        return ""
    own, _ = subject.answers.get("caller", lambda: sts.caller(job.aws))
    return f"is in the account {account}" if account != own else ""
