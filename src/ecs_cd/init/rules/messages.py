"""What `ecs-cd init` says at its end: the files, where values come from, what is unknown, and what to do next."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from ecs_cd.init.rules.plan import Document
from ecs_cd.init.rules.result import DOCUMENTS, Result
from ecs_cd.init.rules.values import described, is_known, shown
from ecs_cd.model import owner

_SECRETIVE = re.compile(r"(?i)(pass(?:word|wd)?|secret|token|key)=\S+")


def report(result: Result, *, dry: bool) -> list[str]:
    """The lines of the report."""
    return [line for part in (_written(result, dry), _sources(result), _unknown(result), _assumed(result),
                         _left(result), _next(result))
            for line in part]  # fmt: skip


def _written(result: Result, dry: bool) -> Iterator[str]:
    yield "Would write:" if dry else "Written:"
    documents = dict(result.documents)
    for path in result.files:
        if path in documents:
            yield f"  {path}: the document for {documents[path].parameter}, for the infra repository"
        elif path == f"{DOCUMENTS}/.gitignore":
            yield f"  {path}: keeps the folder out of this repository"
        else:
            yield f"  {path}"


def _sources(result: Result) -> Iterator[str]:
    if result.sources:
        yield "Where the values come from:"
    for key, value, place in result.sources:
        hidden = _SECRETIVE.sub(r"\1=...", value)
        yield f"  {key}: {hidden}{f' ({place})' if place else ''}"


def _unknown(result: Result) -> Iterator[str]:
    if not result.unknown:
        return
    yield f"Not known, {len(result.unknown)} to fill in (TODO in the files):"
    for key, what in result.unknown:
        yield f"  {key}: {shown(what)}"


def _assumed(result: Result) -> Iterator[str]:
    if result.assumed:
        yield "Assumed:"
    for place, what in result.assumed:
        yield f"  {place}: {shown(what)}"


def _left(result: Result) -> Iterator[str]:
    if result.left:
        yield "Not carried over:"
    for each in result.left:
        yield f"  {each.place}: {shown(each.what)}: {each.why}"


def _next(result: Result) -> Iterator[str]:
    yield "Next:"
    for path, document in result.documents:
        config = f"--config file:{path}"
        yield f"  ecs-cd verify {config}{_region(document, '--aws-region')}"
        yield f"  ecs-cd iam {config}{_trusted(document)}"
        yield f"  ecs-cd local up {config} --parameter {document.parameter}"
    if owner.is_placeholder():
        yield f"In the workflow, write the owner of your copy of ecs-cd instead of {owner.OWNER} in {owner.ACTION}."
    yield "When the infra repository has the document and the role:"
    yield from dict.fromkeys(line for path, document in result.documents for line in _commands(result, path, document))
    static = dict.fromkeys(document.static for _, document in result.documents if document.static)
    if static:
        yield f"  The old workflow signs in with long-lived keys ({', '.join(static)}). The new one assumes a role with"
        yield "  GitHub's OIDC token: ecs-cd iam prints the role's policies. Delete the keys when nothing uses them."
    for path in result.old:
        yield f"  Until you remove the jobs from {path} that the new workflow replaces, both deploy."


def _trusted(document: Document) -> str:
    """The flags for the jobs that may assume the role: those of an environment, or of branches."""
    if document.environment.text:
        return f" --environment {shlex.quote(document.environment.text) if document.environment.known else 'NAME'}"
    flags = "".join(f" --branch {shlex.quote(each)}" for each in document.refs if document.refs != ("main",))
    return flags + ("   # and an environment for the job: the policy has no flag for tags" if document.tags else "")


def _commands(result: Result, path: str, document: Document) -> Iterator[str]:
    region, name = _region(document, "--region"), document.parameter
    yield f"  aws ssm put-parameter{region} --type String --name {name} --value file://{path}"
    yield from _variables(result, document)


def _region(document: Document, flag: str) -> str:
    return f" {flag} {document.region.text}" if document.region.known else ""


def _variables(result: Result, document: Document) -> Iterator[str]:
    role, region = result.variables[document.parameter]
    where = f" --env {document.environment.text}" if document.environment.known else ""
    for name, value, what in ((role, document.role, "ARN"), (region, document.region, "REGION")):
        text = value.text if value.known else what
        comment = f"   # {described(value.text)}" if value.text and not is_known(value.text) else ""
        yield f"  gh variable set {name}{where} --body {text}{comment}"
