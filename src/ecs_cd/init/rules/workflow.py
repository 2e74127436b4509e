"""Follows a workflow through its jobs, the workflows and actions that it calls, and notes what each job does."""

from __future__ import annotations

import itertools
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ecs_cd.init.rules import tree
from ecs_cd.init.rules.actions import ACTIONS, Inputs
from ecs_cd.init.rules.expressions import as_text, condition, interpolate, value_of
from ecs_cd.init.rules.facts import Build, Deployment, Extra, Fact, Left, Task, Template
from ecs_cd.init.rules.programs import run
from ecs_cd.init.rules.scope import Scope, Snapshot
from ecs_cd.init.rules.script import Run, whole
from ecs_cd.init.rules.tree import Map, line_of, mapping, sequence
from ecs_cd.init.rules.values import Value, unknown

_DEEPEST = 4
_MOST_COMBINATIONS = 40
# What GitHub's starter workflow has in place of names.
_EXAMPLE = re.compile(r"MY_(?:AWS_REGION|ECR_REPOSITORY|ECS_SERVICE|ECS_CLUSTER|ECS_TASK_DEFINITION|CONTAINER_NAME)")
_AWS = re.compile(r"(?:^|\s)aws\s+[a-z]", re.MULTILINE)
_DOCKER = re.compile(r"docker (?:run|exec|pull|compose (?:push|build))")


@dataclass
class Job:
    """A job as it was followed. ``tree`` is the job that the workflow itself has, also if it calls another one."""

    id: str
    tree: Map
    place: str
    facts: list[Fact]
    environment: Value = field(default_factory=Value)
    url: str = ""
    condition: str = ""
    conditions: tuple[str, ...] = ()  # of its steps that deploy
    needs: tuple[str, ...] = ()
    runs_on: str = ""
    env: dict[str, Any] = field(default_factory=dict)

    @property
    def ours(self) -> bool:
        """Whether it builds an image, runs a task or deploys."""
        return any(isinstance(fact, Build | Task | Deployment) for fact in self.facts)


@dataclass
class Followed:
    """A workflow in one scenario: its jobs in their order, and what isn't followed."""

    file: str
    tree: Map
    jobs: list[Job]
    left: list[Left]


def follow(
    file: str, content: Map, snapshot: Snapshot, github: Mapping[str, str], inputs: Mapping[str, str]
) -> Followed:
    """Follows a workflow; ``github`` and ``inputs`` are the values of its contexts in a scenario."""
    found = Followed(file, content, [], [])
    _Walk(snapshot, github, found).workflow(file, content, {"inputs": dict(inputs)}, None, 0)
    return found


@dataclass
class _Caller:
    """The job that calls a workflow."""

    id: str
    tree: Map
    place: str


class _Walk:
    def __init__(self, snapshot: Snapshot, github: Mapping[str, str], found: Followed) -> None:
        self.snapshot, self.github, self.found = snapshot, github, found
        self.files: dict[str, Template] = {}  # what steps wrote, also of earlier jobs: an artifact
        self.templates: list[Template] = []

    def workflow(
        self, file: str, content: Map, contexts: dict[str, Any], caller: _Caller | None, depth: int
    ) -> dict[str, str]:
        """Follows all jobs; the outputs of a workflow that is called."""
        jobs = {name: job for name, job in mapping(content.get("jobs")).items() if isinstance(job, Map)}
        outputs: dict[str, dict[str, str]] = {}
        for name in ordered(jobs):
            here = {**contexts, "needs": {key: {"outputs": value} for key, value in outputs.items()}}
            outputs[name] = self.job(file, content, str(name), jobs[name], here, caller, depth)
        called = mapping(mapping(mapping(content.get("on")).get("workflow_call")).get("outputs"))
        scope = self.scope(file, {"jobs": {key: {"outputs": value} for key, value in outputs.items()}})
        return {
            str(name): interpolate(str(mapping(output).get("value", "")), scope.lookup)
            for name, output in called.items()
        }

    def scope(self, file: str, contexts: dict[str, Any]) -> Scope:
        """The state of a job, before its steps."""
        return Scope(self.snapshot, file, self.github, contexts=contexts, files=self.files, templates=self.templates)

    def job(
        self, file: str, content: Map, name: str, job: Map, contexts: dict[str, Any], caller: _Caller | None, depth: int
    ) -> dict[str, str]:
        """Follows one job, with every combination of its matrix; its outputs."""
        outputs: dict[str, str] = {}
        for matrix in combinations(job, lambda text: value_of(text, self.scope(file, contexts).lookup)):
            scope = self.scope(file, {**contexts, "matrix": matrix})
            if condition(str(job.get("if", "")), scope.lookup) is False:
                continue
            self.environment(scope, content, job)
            if "uses" in job:
                outputs |= self.call(scope, name, job, file, depth)
                continue
            made = self.made(scope, file, name, job, caller)
            self.steps(scope, file, sequence(job.get("steps")), made, own=caller is None, depth=depth)
            made.facts = scope.facts
            self.found.left += scope.left
            self.found.jobs.append(made)
            for key, text in mapping(job.get("outputs")).items():
                outputs[str(key)] = interpolate(str(text), scope.lookup)
        return outputs

    def environment(self, scope: Scope, content: Map, job: Map) -> None:
        """Sets the variables of the workflow and the job."""
        for level in (content.get("env"), job.get("env")):
            for key, text in mapping(level).items():
                example = _EXAMPLE.fullmatch(str(text))
                scope.env[str(key)] = unknown(str(text)) if example else interpolate(str(text), scope.lookup)
        region = scope.env.get("AWS_REGION") or scope.env.get("AWS_DEFAULT_REGION") or ""
        if region:
            line = next((line_of(k) for level in (job.get("env"), content.get("env")) for k in mapping(level)
                         if k in ("AWS_REGION", "AWS_DEFAULT_REGION")), line_of(job))  # fmt: skip
            scope.region = Value(region, f"{scope.file}:{line}")

    def made(self, scope: Scope, file: str, name: str, job: Map, caller: _Caller | None) -> Job:
        """The job, without its facts. A called one is the caller's."""
        environment = job.get("environment")
        named = mapping(environment).get("name", "") if isinstance(environment, dict) else environment
        place = f"{file}:{line_of(environment) or line_of(job)}"
        outer = caller.tree if caller else job
        own = str(job.get("if", "")) if caller else ""
        inner = (own,) if own and condition(own, scope.lookup) is None else ()
        runs_on = interpolate(str(job.get("runs-on", "")), scope.lookup) if isinstance(job.get("runs-on"), str) else ""
        return Job(
            id=caller.id if caller else name,
            tree=outer,
            place=caller.place if caller else f"{file}:{line_of(job)}",
            facts=[],
            environment=Value(interpolate(str(named or ""), scope.lookup), place),
            url=interpolate(str(mapping(environment).get("url", "")), scope.lookup),
            condition=str(outer.get("if", "")),
            conditions=inner,
            needs=tuple(needs(outer)),
            runs_on=runs_on,
            env={**mapping(self.found.tree.get("env")), **mapping(outer.get("env"))},
        )

    # ---- what is called ----

    def call(self, scope: Scope, name: str, job: Map, file: str, depth: int) -> dict[str, str]:
        """Follows a workflow of the repository that a job calls."""
        path = self.snapshot.find(str(job["uses"]))
        content = self.parsed(path)
        place = f"{file}:{line_of(job)}"
        if not content or depth >= _DEEPEST:
            self.found.jobs.append(Job(name, job, place, [], condition=str(job.get("if", "")), needs=tuple(needs(job))))
            return {}
        declared = mapping(mapping(content.get("on")).get("workflow_call"))
        given = self.given(scope, declared, mapping(job.get("with")))
        secrets = {str(key): interpolate(str(text), scope.lookup) for key, text in mapping(job.get("secrets")).items()}
        contexts = {"inputs": given, **({"secrets": secrets} if secrets else {})}
        caller = _Caller(name, job, place)
        return self.workflow(path, content, contexts, caller, depth + 1)

    def parsed(self, path: str) -> Map | None:
        """The YAML of a file of the repository."""
        text = self.snapshot.texts.get(path) if path else None
        content = tree.parse(text, file=path) if text is not None else None
        return content if isinstance(content, Map) else None

    def given(self, scope: Scope, declared: Mapping[str, Any], with_: Mapping[str, Any]) -> dict[str, str]:
        """The inputs of what is called: those given, and the defaults of the others."""
        defaults = {
            str(name): str(mapping(each).get("default", "")) for name, each in mapping(declared.get("inputs")).items()
        }
        own = {str(name): as_text(value_of(str(text), scope.lookup)) for name, text in with_.items()}
        return {**defaults, **own}

    # ---- steps ----

    def steps(self, scope: Scope, file: str, steps: Iterable[Any], job: Job, *, own: bool, depth: int) -> None:
        """Follows the steps of a job or of a composite action."""
        for step in steps:
            if not isinstance(step, dict) or condition(str(step.get("if", "")), scope.lookup) is False:
                if isinstance(step, dict) and "failure()" in str(step.get("if", "")):
                    self.extra(scope, file, step, own=own, script=str(step.get("run", "")))
                continue
            before = len(scope.facts)
            self.step(scope, file, step, job, own=own, depth=depth)
            added = scope.facts[before:]
            if step.get("if") and own and any(isinstance(fact, Deployment) for fact in added):
                job.conditions = (*job.conditions, str(step["if"]))

    def step(self, scope: Scope, file: str, step: Any, job: Job, *, own: bool, depth: int) -> None:
        """Follows one step."""
        env = {str(key): interpolate(str(text), scope.lookup) for key, text in mapping(step.get("env")).items()}
        outer = dict(scope.env)
        scope.env = {**scope.env, **env}
        identity = str(step.get("id", ""))
        scope.folder = posixpath.normpath(interpolate(self.folder(step, job), scope.lookup) or ".")
        kept: dict[str, str] = {}
        if "uses" in step:
            outputs = self.used(scope, file, step, job, own=own, depth=depth)
            kept = {name: scope.env[name] for name in ("AWS_REGION", "AWS_DEFAULT_REGION") if name in scope.env}
        else:
            outputs, kept = self.run(scope, file, step, own=own)
        scope.env = {**outer, **kept}
        if identity:
            scope.outputs[identity] = outputs

    def folder(self, step: Any, job: Job) -> str:
        """The working directory of a step."""
        defaults = mapping(mapping(job.tree.get("defaults")).get("run")) or mapping(
            mapping(self.found.tree.get("defaults")).get("run")
        )
        found = step.get("working-directory") or (defaults.get("working-directory") if "run" in step else "")
        return str(found or ".")

    def used(self, scope: Scope, file: str, step: Any, job: Job, *, own: bool, depth: int) -> dict[str, str]:
        """Follows a step that uses an action."""
        uses = str(step["uses"])
        name = uses.partition("@")[0]
        with_ = mapping(step.get("with"))
        if name == "actions/checkout" and with_.get("repository"):
            self.extra(scope, file, step, own=own)
            return {}
        if name in ACTIONS:
            given = {str(key): interpolate(str(text), scope.lookup) for key, text in with_.items()}
            lines = {str(key): line_of(key) for key in with_}
            return ACTIONS[name](scope, Inputs(given, lines, file, line_of(step)))
        folder = self.snapshot.find(posixpath.join(uses, "action.yml")) or self.snapshot.find(
            posixpath.join(uses, "action.yaml")
        )
        content = self.parsed(folder) if uses.startswith("./") else None
        runs = mapping(content.get("runs")) if content else {}
        if content is None or str(runs.get("using", "")) != "composite" or depth >= _DEEPEST:
            self.extra(scope, file, step, own=own)
            return {}
        return self.composite(scope, folder, content, step, file, job, own=own, depth=depth)

    def composite(
        self, scope: Scope, path: str, content: Map, step: Any, file: str, job: Job, *, own: bool, depth: int
    ) -> dict[str, str]:
        """Follows a composite action of the repository; its outputs."""
        given = self.given(scope, content, mapping(step.get("with")))
        inner = self.scope(path, {**scope.contexts, "inputs": given})
        inner.env, inner.region, inner.facts = scope.env, scope.region, []
        self.steps(inner, path, sequence(mapping(content.get("runs")).get("steps")), job, own=False, depth=depth + 1)
        facts = [fact for fact in inner.facts if not isinstance(fact, Extra)]
        if not facts and not inner.left:
            self.extra(scope, file, step, own=own)
            return {}
        scope.facts += inner.facts
        scope.left += inner.left
        scope.region, scope.environment = inner.region, (*scope.environment, *inner.environment)
        return {
            str(name): interpolate(str(mapping(output).get("value", "")), inner.lookup)
            for name, output in mapping(content.get("outputs")).items()
        }

    def run(self, scope: Scope, file: str, step: Any, *, own: bool) -> tuple[dict[str, str], dict[str, str]]:
        """Follows a step's script: its outputs, and the variables that it gives to later steps."""
        text = interpolate(str(step.get("run", "")), scope.lookup)
        first = line_of(step.get("run")) + (1 if "\n" in str(step.get("run", "")) else 0)
        script = Run(scope, file, first, dict(scope.env), run)
        before = (len(scope.facts), len(scope.left), len(scope.templates))
        try:
            script.follow(text)
        except (IndexError, RecursionError, ValueError):
            scope.stay(f"{file}:{first}", named(step), "ecs-cd can't read this script")
        nothing = before == (len(scope.facts), len(scope.left), len(scope.templates))
        if nothing and (script.others or script.prepared):
            self.extra(scope, file, step, own=own, script=text)
        else:
            self.others(scope, file, step, script, before[0], own=own)
        return script.outputs, script.exported

    def others(self, scope: Scope, file: str, step: Any, script: Run, at: int, *, own: bool) -> None:
        """The commands of a script that ecs-cd doesn't replace: an extra step, if they come first."""
        lines = str(step.get("run", "")).splitlines()[: max(script.work, 0)]
        before = {f"{file}:{script.first + n}" for n in range(len(lines))}
        first = [place for place, _ in (*script.others, *script.prepared) if place in before]
        if first and own and whole("\n".join(lines)):
            made = Map({k: v for k, v in step.items() if k in ("name", "working-directory", "shell")})
            made["run"] = tree.Text("\n".join(lines) + "\n", line_of(step.get("run")))
            env = mapping(step.get("env"))
            if used := {name: env[name] for name in env if str(name) in made["run"]}:
                made["env"] = used
            scope.facts.insert(at, Extra(made, f"{file}:{line_of(step)}"))
        else:
            first = []
        for place, words in script.others:
            if place not in first:
                scope.stay(place, _short(words), "it is in a script whose other commands ecs-cd replaces")

    def extra(self, scope: Scope, file: str, step: Any, *, own: bool, script: str = "") -> None:
        """A step that ecs-cd doesn't replace."""
        why = ""
        if _AWS.search(script) or str(step.get("uses", "")).startswith("aws-actions/"):
            why = "it calls AWS, and ecs-cd's role and credentials are only for its own step"
        elif _DOCKER.search(script):
            why = "it uses an image that ecs-cd builds later"
        elif not own:
            why = f"it is in {file}, which the new workflow doesn't use"
        scope.facts.append(Extra(step, f"{file}:{line_of(step)}", why))


def named(step: Mapping[str, Any]) -> str:
    """A step's name for a message."""
    first = str(step.get("run", "")).strip().partition("\n")[0]
    return _short(str(step.get("name") or step.get("uses") or first or "a step"))


def _short(text: str) -> str:
    text = " ".join(re.sub("\ue000([^\ue001]*)\ue001", r"${{ \1 }}", text).split())
    return text if len(text) <= 60 else f"{text[:57]}..."


def needs(job: Mapping[str, Any]) -> list[str]:
    """The ids of the jobs that a job needs."""
    found = job.get("needs", "")
    return [str(name) for name in (found if isinstance(found, list) else [found]) if name]


def ordered(jobs: Mapping[Any, Any]) -> list[Any]:
    """The jobs, each after those that it needs."""
    done: list[Any] = []
    left = list(jobs)
    while left:
        ready = [name for name in left if all(need in done or need not in jobs for need in needs(jobs[name]))]
        for name in ready or left[:1]:
            done.append(name)
            left.remove(name)
    return done


def combinations(job: Mapping[str, Any], evaluated: Any) -> Iterator[dict[str, Any]]:
    """The combinations of a job's matrix; one empty one without a matrix."""
    matrix = mapping(job.get("strategy")).get("matrix")
    if isinstance(matrix, str):
        matrix = evaluated(matrix)
    if not isinstance(matrix, dict):
        yield {}
        return
    axes = {
        str(name): evaluated(values) if isinstance(values, str) else values
        for name, values in matrix.items()
        if name not in ("include", "exclude")
    }
    lists = {name: values for name, values in axes.items() if isinstance(values, list)}
    made = [dict(zip(lists, each, strict=True)) for each in itertools.product(*lists.values())] if lists else []
    excluded = [entry for entry in sequence(matrix.get("exclude")) if isinstance(entry, dict)]
    made = [each for each in made if not any(entry.items() <= each.items() for entry in excluded)]
    included = matrix.get("include")
    included = evaluated(included) if isinstance(included, str) else included
    for entry in sequence(included):
        if isinstance(entry, dict):
            _include(made, entry, lists)
    yield from made[:_MOST_COMBINATIONS] or [{}]


def _include(made: list[dict[str, Any]], entry: Mapping[str, Any], axes: Mapping[str, Any]) -> None:
    matching = [each for each in made if all(each.get(k) == v for k, v in entry.items() if k in axes)]
    if matching and axes and any(key in axes for key in entry):
        for each in matching:
            each.update(entry)
    else:
        made.append(dict(entry))
