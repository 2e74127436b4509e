"""Reads from a workflow file what a local run must know. Text in, facts out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from ecs_cd.local.expressions import Context, all_resolved, combinations, resolved, texts, unknown
from ecs_cd.model.errors import Refused

# With any owner and any version: `OWNER/ecs-cd@v1`, `OWNER/ecs-cd/deploy@v1`, the reusable workflow.
_OURS = re.compile(r"(?P<repository>[\w.-]+/ecs-cd)(?P<path>/[^@]*)?@(?P<ref>\S+)")
_CREDENTIALS = re.compile(r"aws-actions/configure-aws-credentials@\S+")
_NAMED = re.compile(r"\b(vars|secrets)\.([A-Za-z_]\w*)(?!\w)(?P<default>\s*\|\|)?")
# GitHub-hosted runners; https://docs.github.com/actions/reference/runners/github-hosted-runners
_HOSTED = ("ubuntu-latest", "ubuntu-24.04", "ubuntu-22.04", "ubuntu-24.04-arm", "ubuntu-22.04-arm", "self-hosted")
_ROLES = ("role-to-assume", "role")  # inputs
_REGION = "aws-region"  # as well
_REGION_VARIABLES = ("AWS_REGION", "AWS_DEFAULT_REGION")  # of the environment
_STAND_INS = (
    (_CREDENTIALS, "credentials"),
    (re.compile(r"aws-actions/amazon-ecr-login@\S+"), "ecr-login"),
)
_Json = Mapping[str, Any]


@dataclass(frozen=True)
class Step:
    """A step of a job, or a job that calls a workflow. Texts have the values of the expressions that are known here.

    ``env`` is the whole environment of the step, ``own_env`` what the step itself adds. ``written`` is the `with` as it
    is in the file.
    """

    job: str
    uses: str
    run: str
    id: str
    given: Mapping[str, str]  # `with`
    written: Mapping[str, str]
    env: Mapping[str, str]
    own_env: Mapping[str, str]

    @property
    def ours(self) -> bool:
        """Whether it uses ecs-cd."""
        return bool(_OURS.fullmatch(self.uses))

    @property
    def verb(self) -> str:
        """The folder of ecs-cd's action, such as `deploy`; empty for the whole pipeline and for other actions."""
        found = _OURS.fullmatch(self.uses)
        return (found["path"] or "").rpartition("/")[2] if found else ""

    @property
    def signs_in(self) -> bool:
        """Whether it can name a role and a region."""
        return self.ours or bool(_CREDENTIALS.fullmatch(self.uses))


@dataclass(frozen=True)
class Workflow:
    """A workflow file. Values of unknown expressions are left out."""

    file: str
    events: tuple[str, ...]
    jobs: tuple[str, ...]
    plain: bool  # exactly one job
    labels: tuple[str, ...]  # from runs-on
    steps: tuple[Step, ...]
    variables: tuple[str, ...]  # vars.NAME without a fallback
    secrets: tuple[str, ...]

    @property
    def ours(self) -> tuple[str, ...]:
        """OWNER/ecs-cd@REF of the steps and calls that use ecs-cd."""
        found = (_OURS.fullmatch(step.uses) for step in self.steps)
        return _once(f"{match['repository']}@{match['ref']}" for match in found if match)

    @property
    def stand_ins(self) -> Mapping[str, str]:
        """The actions that a local run replaces, OWNER/NAME@REF, with what replaces them."""
        found = ((step.uses, each) for step in self.steps for each in _STAND_INS)
        return {uses: name for uses, (pattern, name) in found if pattern.fullmatch(uses)}

    @property
    def configs(self) -> tuple[str, ...]:
        """The documents that steps of ecs-cd, and calls of its workflow, name."""
        named = (step.given.get("config", "") for step in self.steps if step.ours)
        return _once(line.strip() for text in named for line in text.splitlines() if not line.strip().startswith("#"))

    @property
    def roles(self) -> tuple[str, ...]:
        """The ARNs of the roles that steps sign in with."""
        return _once(role for step in self.steps if step.signs_in for role in _roles(step.given))

    @property
    def role_variables(self) -> tuple[str, ...]:
        """The variables, vars.NAME, that name roles."""
        return self._variables(lambda step: [step.written.get(name, "") for name in _ROLES])

    @property
    def region_variables(self) -> tuple[str, ...]:
        """The variables, vars.NAME, that name the region and have no known value."""
        return self._variables(
            lambda step: [step.given.get(_REGION, ""), *(step.env.get(name, "") for name in _REGION_VARIABLES)]
        )

    def _variables(self, read: Callable[[Step], Iterable[str]]) -> tuple[str, ...]:
        found = [text for step in self.steps if step.signs_in for text in read(step)]
        return _once(match[2] for text in found for match in _NAMED.finditer(text) if match[1] == "vars")

    def regions(self, config: str = "") -> tuple[str, ...]:
        """The regions of the steps that sign in; with ``config``, only of those for this document, if there are any."""
        steps = [step for step in self.steps if step.signs_in]
        chosen = [step for step in steps if config and step.given.get("config") == config] or steps
        return _once(self._region(step) for step in chosen)

    def _region(self, step: Step) -> str:
        """Like on GitHub: the input, the step's environment, what an earlier sign-in of the job set, the job's."""
        signed_in = [each for each in self.steps if each.job == step.job and _CREDENTIALS.fullmatch(each.uses)]
        found = [step.given.get(_REGION, ""), *_of_environment(step.own_env)]
        found += [each.given.get(_REGION, "") for each in signed_in]
        return next((text for text in (*found, *_of_environment(step.env)) if text and not unknown(text)), "")


def _of_environment(env: Mapping[str, str]) -> list[str]:
    return [env.get(name, "") for name in _REGION_VARIABLES]


def read(file: str, text: str, variables: Mapping[str, str] | None = None) -> Workflow:
    """The facts of a workflow, with these values of vars.NAME.

    Raises ``Refused`` if the text is not a workflow; the message omits the content.
    """
    try:
        content = yaml.load(text, Loader=yaml.BaseLoader)  # strings only: `on` stays `on`, and no objects are built
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise Refused(f"{file} is not YAML{f': line {mark.line + 1}' if mark else ''}") from None
    if not isinstance(content, dict) or not isinstance(content.get("jobs"), dict):
        raise Refused(f"{file} is not a workflow: it has no jobs")
    jobs = {name: job for name, job in content["jobs"].items() if isinstance(job, dict)}
    return Workflow(
        file=file,
        events=tuple(_events(content.get("on"))),
        jobs=tuple(jobs),
        plain=len(jobs) == 1 and not any({"uses", "strategy"} & set(job) for job in jobs.values()),
        labels=_once([*_HOSTED, *(label for job in jobs.values() for label in _labels(job))]),
        steps=tuple(_steps(content, jobs, variables or {})),
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
    if found:
        raise Refused(
            f"the workflows name several documents: {', '.join(found)}",
            "Name a workflow: ecs-cd local up WORKFLOW; or a document: --config PARAMETER, or --config file:PATH",
        )
    written = {
        f"{workflow.file} has config: {step.given['config']}": None
        for workflow in workflows
        for step in workflow.steps
        if step.ours and unknown(step.given.get("config", ""))
    }
    raise Refused(
        [f"{each}, which is not known on this machine" for each in written]
        or f"no workflow in .github/workflows names a document, or a task definition to deploy; it holds "
        f"{_listed(workflows)}",
        f"{_VAR if written else ''}Say which document: ecs-cd local up --config PARAMETER, or --config file:PATH and "
        "--parameter NAME",
    )


_VAR = "Give a variable its value with --var NAME=VALUE. "


def missing(workflow: Workflow, variables: Mapping[str, str], secrets: Mapping[str, str]) -> tuple[str, ...]:
    """What the workflow reads but the run did not get, as `vars.NAME` and `secrets.NAME`."""
    return tuple(
        [f"vars.{name}" for name in workflow.variables if name not in variables]
        + [f"secrets.{name}" for name in workflow.secrets if name not in secrets and name != "GITHUB_TOKEN"]
    )


def _steps(content: _Json, jobs: Mapping[str, _Json], variables: Mapping[str, str]) -> Iterator[Step]:
    """Every step of the jobs, and the jobs that call a workflow; of a matrix, once for each of its combinations."""
    whole = all_resolved(content.get("env"), {"vars": variables})
    for name, job in jobs.items():
        for values in combinations(job.get("strategy")):
            context = {"vars": variables, "matrix": values, "env": whole}
            env = whole | all_resolved(job.get("env"), context)
            parts = job.get("steps")
            for part in (job, *(parts if isinstance(parts, list) else ())):
                if isinstance(part, dict) and {"uses", "run"} & part.keys():
                    yield _step(name, part, {**context, "env": env})


def _step(job: str, part: _Json, context: Context) -> Step:
    own = all_resolved(part.get("env"), context)
    env = {**context["env"], **own}
    here = {**context, "env": env}
    return Step(
        job=job,
        uses=str(part.get("uses", "")),
        run=resolved(str(part.get("run", "")), here),
        id=str(part.get("id", "")),
        given=all_resolved(part.get("with"), here),
        written=texts(part.get("with")),
        env=env,
        own_env=own,
    )


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
    return tuple(dict.fromkeys(text for text in texts if text and not unknown(text)))
