"""Reads from a workflow file what a local run must know. Text in, facts out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from ecs_cd.model.errors import Refused

# With any owner and any version: `OWNER/ecs-cd@v1`, `OWNER/ecs-cd/deploy@v1`, the reusable workflow.
_OURS = re.compile(r"(?P<repository>[\w.-]+/ecs-cd)(?P<path>/[^@]*)?@(?P<ref>\S+)")
_CREDENTIALS = re.compile(r"aws-actions/configure-aws-credentials@\S+")
_NAMED = re.compile(r"\b(vars|secrets)\.([A-Za-z_]\w*)(?!\w)(?P<default>\s*\|\|)?")
# GitHub-hosted runners; https://docs.github.com/actions/reference/runners/github-hosted-runners
_HOSTED = ("ubuntu-latest", "ubuntu-24.04", "ubuntu-22.04", "ubuntu-24.04-arm", "ubuntu-22.04-arm", "self-hosted")
_ROLES = ("role-to-assume", "role")  # inputs
_Json = Mapping[str, Any]


@dataclass(frozen=True)
class Workflow:
    """A workflow file. Values of expressions are unknown, so they are left out."""

    file: str
    events: tuple[str, ...]
    jobs: tuple[str, ...]
    plain: bool  # exactly one job
    labels: tuple[str, ...]  # from runs-on
    ours: tuple[str, ...]  # OWNER/ecs-cd@REF
    credentials: tuple[str, ...]  # aws-actions/configure-aws-credentials@REF
    configs: tuple[str, ...]  # from the steps that use ecs-cd, and the calls of its workflow
    roles: tuple[str, ...]
    role_variables: tuple[str, ...]  # vars.NAME in their place
    regions: tuple[str, ...]
    variables: tuple[str, ...]  # vars.NAME without a fallback
    secrets: tuple[str, ...]


def read(file: str, text: str) -> Workflow:
    """The facts of a workflow. Raises ``Refused`` if the text is not a workflow; the message omits the content."""
    try:
        content = yaml.load(text, Loader=yaml.BaseLoader)  # strings only: `on` stays `on`, and no objects are built
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise Refused(f"{file} is not YAML{f': line {mark.line + 1}' if mark else ''}") from None
    if not isinstance(content, dict) or not isinstance(content.get("jobs"), dict):
        raise Refused(f"{file} is not a workflow: it has no jobs")
    jobs = {name: job for name, job in content["jobs"].items() if isinstance(job, dict)}
    uses = list(_uses(jobs))
    signing_in = [given for used, given in uses if _OURS.fullmatch(used) or _CREDENTIALS.fullmatch(used)]
    return Workflow(
        file=file,
        events=tuple(_events(content.get("on"))),
        jobs=tuple(jobs),
        plain=len(jobs) == 1 and not any({"uses", "strategy"} & set(job) for job in jobs.values()),
        labels=_once([*_HOSTED, *(label for job in jobs.values() for label in _labels(job))]),
        ours=_once(f"{m['repository']}@{m['ref']}" for used, _ in uses if (m := _OURS.fullmatch(used))),
        credentials=_once(used for used, _ in uses if _CREDENTIALS.fullmatch(used)),
        configs=_once(given.get("config", "") for used, given in uses if _OURS.fullmatch(used)),
        roles=_once(role for given in signing_in for role in _roles(given)),
        role_variables=_once(
            found[2]
            for given in signing_in
            for role in _ROLES
            for found in _NAMED.finditer(given.get(role, ""))
            if found[1] == "vars"
        ),
        regions=_once(given.get("aws-region", "") for given in signing_in),
        variables=_names("vars", text),
        secrets=_names("secrets", text),
    )


def choose(given: str, event: str, workflows: Sequence[Workflow]) -> Workflow:
    """The workflow to run: the one with the given file name, or else the only one that uses ecs-cd. If there are
    several, the only one that starts on the event; the default event is a push.

    Raises ``Refused`` if the workflow is missing or ambiguous.
    """
    if given:
        name = given.rpartition("/")[2]
        for workflow in workflows:
            if name in (workflow.file, workflow.file.rpartition(".")[0]):
                return workflow
        raise Refused(f"there is no workflow {name} in .github/workflows; it holds {_listed(workflows)}")
    ours = [workflow for workflow in workflows if workflow.ours]
    started = [workflow for workflow in ours if (event or "push") in workflow.events]
    for only in (ours, started):
        if len(only) == 1:
            return only[0]
    if ours:
        raise Refused(f"which workflow? Several use ecs-cd: {_listed(ours)}", "Name one: ecs-cd local run WORKFLOW")
    raise Refused(f"no workflow in .github/workflows uses ecs-cd; it holds {_listed(workflows)}")


def event(given: str, workflow: Workflow) -> str:
    """The event that starts the workflow: the given one, or else a push, or else its first event. Raises ``Refused`` if
    the workflow doesn't start on the given event."""
    if given and given not in workflow.events:
        raise Refused(
            f"{workflow.file} does not start on {given}; it starts on {', '.join(workflow.events) or 'nothing'}"
        )
    return given or ("push" if "push" in workflow.events else next(iter(workflow.events), "push"))


def job(given: str, workflow: Workflow) -> str | None:
    """The given job, if any. Raises ``Refused`` for an unknown job."""
    if given and given not in workflow.jobs:
        raise Refused(f"{workflow.file} has no job {given}; it has {', '.join(workflow.jobs)}")
    return given or None


def _listed(workflows: Sequence[Workflow]) -> str:
    return ", ".join(workflow.file for workflow in workflows) or "none"


def only_config(workflows: Sequence[Workflow]) -> str:
    """The document that the workflows name, if all name the same one. Raises ``Refused`` if it is ambiguous."""
    found = _once(config for workflow in workflows for config in workflow.configs)
    if len(found) == 1:
        return found[0]
    say = "Say which: ecs-cd local up --config PARAMETER, or --config file:PATH"
    if found:
        raise Refused(f"the workflows name several documents: {', '.join(found)}", say)
    raise Refused("no workflow in .github/workflows names its document literally", say)


def missing(workflow: Workflow, variables: Mapping[str, str], secrets: Mapping[str, str]) -> tuple[str, ...]:
    """What the workflow reads but the run did not get, as `vars.NAME` and `secrets.NAME`."""
    return tuple(
        [f"vars.{name}" for name in workflow.variables if name not in variables]
        + [f"secrets.{name}" for name in workflow.secrets if name not in secrets and name != "GITHUB_TOKEN"]
    )


def _uses(jobs: Mapping[str, _Json]) -> Iterator[tuple[str, dict[str, str]]]:
    """Every `uses` of the jobs and of their steps, with its `with`."""
    for job in jobs.values():
        for part in (job, *(step for step in job.get("steps") or () if isinstance(step, dict))):
            if "uses" in part:
                given = part.get("with")
                yield str(part["uses"]), given if isinstance(given, dict) else {}


def _roles(given: Mapping[str, str]) -> list[str]:
    return [role for name in _ROLES for role in given.get(name, "").split()]


def _events(on: Any) -> list[str]:
    if isinstance(on, str):
        return [on]
    return [str(event) for event in on] if isinstance(on, list | dict) else []


def _labels(job: _Json) -> Iterator[str]:
    """The labels of `runs-on`; for an expression, all labels that its matrix can produce."""
    on = job.get("runs-on", "")
    on = on.get("labels", "") if isinstance(on, dict) else on
    for label in on if isinstance(on, list) else [on]:
        if "${{" in label:
            yield from _texts(job.get("strategy"))
        elif label:
            yield label


def _texts(node: Any) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    elif isinstance(node, dict | list):
        for inner in node.values() if isinstance(node, dict) else node:
            yield from _texts(inner)


def _names(kind: str, text: str) -> tuple[str, ...]:
    lines = (line for line in text.splitlines() if not line.lstrip().startswith("#"))
    found = (match for line in lines for match in _NAMED.finditer(line))
    return _once(match[2] for match in found if match[1] == kind and not match["default"])


def _once(texts: Any) -> tuple[str, ...]:
    """The texts in order, without duplicates, expressions and empty ones."""
    return tuple(dict.fromkeys(text for text in texts if text and "${{" not in text))
