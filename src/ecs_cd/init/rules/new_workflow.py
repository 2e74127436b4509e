"""Writes the workflow that replaces an old one: its triggers, conditions and other steps with one step of ecs-cd."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ecs_cd.init.rules import extras, step_inputs
from ecs_cd.init.rules.emit import lines
from ecs_cd.init.rules.facts import Build, Checkout, Deployment, Extra, Left, Setup, Task
from ecs_cd.init.rules.gates import HOSTED, Gates, mentioned, portable, transitive
from ecs_cd.init.rules.plan import slug
from ecs_cd.init.rules.step_inputs import Shared
from ecs_cd.init.rules.targets import Part, Target
from ecs_cd.init.rules.tree import Map, Text, line_of, mapping, texts
from ecs_cd.init.rules.values import is_known
from ecs_cd.init.rules.versions import supported
from ecs_cd.init.rules.workflow import Job, named

_HOSTED = re.compile(r"(?:ubuntu-(?:latest|22\.04|24\.04|26\.04)(?:-arm)?|self-hosted|linux|x64|arm64|ARM64|X64|Linux)")
_QEMU, _BUILDX = supported("docker/setup-qemu-action"), supported("docker/setup-buildx-action")
FALSE = Text("false")
_OWN_SCOPES = {"contents", "id-token"}


@dataclass
class New:
    """The text of a workflow, what it lacks of the old one, and what it needs: variables of the repository."""

    text: str = ""
    left: list[Left] = field(default_factory=list)
    unknown: list[tuple[str, str]] = field(default_factory=list)


def write(target: Target, shared: Shared, branch: str) -> New:
    """The workflow in place of the target's."""
    return _Writer(target, shared, branch).write()


class _Writer:
    def __init__(self, target: Target, shared: Shared, branch: str) -> None:
        self.target, self.shared, self.branch = target, shared, branch
        self.result = New(left=list(target.left))
        self.content = target.content
        self.jobs = {job.id: job for job in (target.followed.jobs if target.followed else [])}
        self.names = _ids(target.parts)
        taken = set(self.names.values())
        self.gates = Gates(self.content, self.jobs, taken, shared.labels, self.left)

    def write(self) -> New:
        parts = [self.part(part) for part in self.target.parts]
        self.rest()
        jobs = {**self.gates.written(), **dict(parts)}
        self.unused_inputs(jobs)
        name = str(self.content.get("name", "")) or "deploy"
        head = [
            *self.head(),
            *lines("name", f"{name} with ecs-cd" if self.target.file else name, 0),
            *lines("on", self.triggers(), 0),
            "",
            *self.concurrency(),
            *lines("permissions", {}, 0),
            "",
            "jobs:",
        ]
        body = [line for name, job in jobs.items() for line in (*lines(name, job, 2), "")]
        self.result.text = "\n".join([*head, *body]).rstrip("\n") + "\n"
        return self.result

    def unused_inputs(self, jobs: Mapping[str, Any]) -> None:
        """Names the inputs of manual runs that the new jobs don't use."""
        whole = "\n".join(texts(jobs))
        events = mapping(self.content.get("on"))
        for name in mapping(mapping(events.get("workflow_dispatch")).get("inputs")):
            if not re.search(rf"inputs\.{re.escape(str(name))}(?![\w-])", whole):
                self.left(
                    f"{self.target.file}:{line_of(name)}", f"the input {name}", "it changes nothing in the new jobs"
                )

    def head(self) -> list[str]:
        source = f" It replaces the deployment in {self.target.file}." if self.target.file else ""
        left = [f"# TODO: {each.place}: {each.what}: {each.why}" for each in self.important()]
        return [f"# Written by `ecs-cd init`.{source}", *left]

    def important(self) -> list[Left]:
        """What the new workflow must not lose unseen: jobs that the deployment waits for, and conditions."""
        return [each for each in self.result.left if each.why.startswith(("the deployment waits", "the condition"))]

    def triggers(self) -> Any:
        on = self.content.get("on")
        if on:
            return Map(dict.fromkeys(map(str, on), "")) if isinstance(on, list) else on
        return {"push": {"branches": [self.branch]}, "workflow_dispatch": {}}

    def concurrency(self) -> list[str]:
        given = self.content.get("concurrency")
        if given and portable(given):
            return [*lines("concurrency", given, 0), ""]
        if any("concurrency" in job.tree for part in self.target.parts for job in part.document.jobs):
            return []
        group = self.target.parts[0].document.name if len(self.target.parts) == 1 else self.target.name
        comment = "# Runs deploy one after the other, in order."
        return [
            comment,
            *lines("concurrency", {"group": f"deploy-{group}", "cancel-in-progress": FALSE, "queue": "max"}, 0),
            "",
        ]

    # ---- the job of a document ----

    def part(self, part: Part) -> tuple[str, dict[str, Any]]:
        document = part.document
        deploying = [job for job in document.jobs if any(isinstance(f, Deployment) for f in job.facts)]
        main = deploying[-1] if deploying else None
        condition = part.conditions.text(self.gates.usable, lambda text: self.lost(part, text))
        self.note(part)
        waits = self.needs(part, condition)
        made: dict[str, Any] = {}
        if main is not None and main.tree.get("name") and portable(main.tree["name"]):
            made["name"] = main.tree["name"] if len(self.target.parts) == 1 else f"deploy to {document.name}"
        if waits:
            made["needs"] = waits
        if condition:
            made["if"] = condition
        made["runs-on"] = self.runner(document.jobs)
        if document.environment.text:
            made |= self.environment(document.environment.text, main)
        if main is not None and "concurrency" in main.tree and portable(main.tree["concurrency"]):
            made["concurrency"] = main.tree["concurrency"]
        made["permissions"] = self.permissions(document.jobs)
        steps, env = self.steps(part)
        if services := self.services(document.jobs):
            made["services"] = services
        if env:
            made["env"] = env
        made["steps"] = steps
        return self.names[id(part)], made

    def note(self, part: Part) -> None:
        """Notes what one job for the whole document does differently."""
        if part.conditions.various:
            why = "one job deploys all of them; its input `service` selects"
            self.left(part.document.jobs[-1].place, "the conditions of single services", why)
        for job in part.document.jobs:
            if "container" in job.tree:
                self.left(job.place, f"the container of job {job.id}", "ecs-cd needs the runner's Docker")

    def lost(self, part: Part, text: str) -> None:
        place = part.document.jobs[-1].place
        self.left(place, f"if: {text}", "the condition uses what the new workflow doesn't have")

    def left(self, place: str, what: str, why: str) -> None:
        found = Left(place, what, why)
        if found not in self.result.left:
            self.result.left.append(found)

    def needs(self, part: Part, condition: str) -> list[str]:
        """The jobs that the new job waits for: carried ones, and those of other documents."""
        own = {job.id for job in part.document.jobs}
        found: list[str] = list(self.sequence(part))
        for name in transitive(own, self.jobs):
            other = next((each for each in self.target.parts if each is not part and _deploys(each, name)), None)
            job = self.jobs.get(name)
            if name in own or job is None:
                continue
            if other is not None:
                found.append(self.names[id(other)])
            elif not job.ours and self.gates.matters(job) and self.gates.carry(name):
                found.append(name)
        return list(dict.fromkeys([*mentioned(condition), *found]))

    def sequence(self, part: Part) -> Iterator[str]:
        """The job before this one, if the old job's matrix runs one combination after the other."""
        at = self.target.parts.index(part)
        before = self.target.parts[at - 1] if at else None
        jobs = {job.id for job in part.document.jobs if _deploys(part, job.id)}
        if before and any(
            _deploys(before, name) and _in_order(self.jobs[name].tree) for name in jobs if name in self.jobs
        ):
            yield self.names[id(before)]

    def runner(self, jobs: Sequence[Job]) -> Any:
        """The runner of the job that builds, if it is known to run ecs-cd."""
        first = next((job for job in jobs if any(isinstance(f, Build) for f in job.facts)), jobs[0] if jobs else None)
        if first is None:
            return "ubuntu-latest"
        given = first.tree.get("runs-on", first.runs_on or "ubuntu-latest")
        known = {*HOSTED, *self.shared.labels}
        if first.runs_on in known:
            return first.runs_on
        if isinstance(given, list) and all(str(label) in known for label in given):
            return given
        if isinstance(given, str) and given.startswith("${{") and portable(given):
            return given
        label = first.runs_on or ", ".join(texts(given))
        if label and not label.startswith("ubuntu-"):
            self.left(first.place, f"runs-on: {label}", "the new job runs on ubuntu-latest; change it if it must not")
        return "ubuntu-latest"

    def environment(self, name: str, main: Job | None) -> dict[str, Any]:
        given = mapping(main.tree.get("environment")) if main is not None else {}
        url = str(given.get("url", ""))
        if not is_known(name):
            text = str(given.get("name") or (main.tree.get("environment") if main is not None else "") or "")
            if not text or not portable(text):
                self.result.unknown.append(("environment", "the environment's name comes from another job"))
                return {}
            name = text
        if url and portable(url):
            return {"environment": {"name": name, "url": url}}
        return {"environment": name}

    def permissions(self, jobs: Sequence[Job]) -> dict[str, Any]:
        made = {"contents": "read", "id-token": "write"}
        for level in (self.content.get("permissions"), *(job.tree.get("permissions") for job in jobs)):
            for scope, access in mapping(level).items():
                if scope not in _OWN_SCOPES and access in ("read", "write"):
                    made[str(scope)] = str(access)
        return made

    def services(self, jobs: Sequence[Job]) -> Any:
        """Service containers, if steps that use them are carried."""
        found = {k: v for job in jobs for k, v in mapping(job.tree.get("services")).items()}
        return found if portable(found) else None

    # ---- its steps ----

    def steps(self, part: Part) -> tuple[list[Any], dict[str, Any]]:
        facts = [fact for job in part.document.jobs for fact in job.facts]
        before, after = self.carried(part, facts)
        setups = [_setup(fact) for fact in _setups(facts)]
        inputs = step_inputs.write(part.document, self.shared, self.result.unknown)
        own = {"uses": self.shared.action, "with": inputs}
        checkout = {"uses": supported("actions/checkout"), "with": {"persist-credentials": FALSE, **_checkout(facts)}}
        env: dict[str, Any] = {}
        for job in part.document.jobs:
            for name in extras.names_used([*before, *after], job.env):
                if portable(job.env[name]):
                    env[str(name)] = job.env[name]
        return [checkout, *before, *setups, own, *after], env

    def carried(self, part: Part, facts: Sequence[Any]) -> tuple[list[Any], list[Any]]:
        """The steps before the first build and after the last deployment that the new job has too."""
        work = [at for at, fact in enumerate(facts) if isinstance(fact, Build | Task | Deployment)]
        first, last = (work[0], work[-1]) if work else (len(facts), 0)
        before: list[Any] = []
        after: list[Any] = []
        ids: set[str] = set()
        for at, fact in enumerate(facts):
            if not isinstance(fact, Extra):
                continue
            why = fact.why or extras.obstacle(fact.step, ids, self.gates.carried)
            if not why and first < at < last:
                why = "it runs between the build and the deployment, which are one step now"
            if why:
                self.left(fact.place, named(fact.step), why)
                continue
            made = extras.carried(fact.step)
            if made in before + after:
                continue
            (before if at < first else after).append(made)
            ids |= {str(fact.step["id"])} if "id" in fact.step else set()
        return before, after

    def rest(self) -> None:
        """Names the jobs that nothing here replaces or carries."""
        replaced = {job.id for part in self.target.parts for job in part.document.jobs if job.ours}
        for name, job in self.jobs.items():
            if name not in replaced and name not in self.gates.carried:
                known = any(each.what == f"job {name}" for each in self.result.left)
                if not known:
                    self.left(job.place, f"job {name}", "the deployment doesn't wait for it, so it stays where it is")


def _ids(parts: Sequence[Part]) -> dict[int, str]:
    """The ids of the new jobs: the names of the old ones that deploy, made unique."""
    found: dict[int, str] = {}
    for part in parts:
        jobs = [job.id for job in part.document.jobs if any(isinstance(f, Deployment) for f in job.facts)]
        name = jobs[-1] if jobs else "deploy"
        if name in found.values() or sum(_deploys(other, name) for other in parts) > 1:
            name = re.sub(r"[^A-Za-z0-9_-]", "-", f"{name}-{slug(part.document.name)}")
        while name in found.values():
            name += "-2"
        found[id(part)] = name
    return found


def _deploys(part: Part, job: str) -> bool:
    return any(each.id == job and any(isinstance(f, Deployment) for f in each.facts) for each in part.document.jobs)


def _in_order(tree: Map) -> bool:
    return str(mapping(tree.get("strategy")).get("max-parallel", "")) == "1"


def _setups(facts: Sequence[Any]) -> list[Setup]:
    found = {fact.uses: fact for fact in facts if isinstance(fact, Setup)}
    platforms = {each for fact in facts if isinstance(fact, Build) for each in fact.platforms}
    uses_cache = any(isinstance(fact, Build) and fact.cache in ("gha", "registry") for fact in facts)
    if len(platforms) > 1:
        found.setdefault(_QEMU, Setup(_QEMU, {}, ""))
    if len(platforms) > 1 or uses_cache:
        found.setdefault(_BUILDX, Setup(_BUILDX, {}, ""))
    return sorted(found.values(), key=lambda each: ("qemu" not in each.uses, "buildx" not in each.uses))


def _setup(fact: Setup) -> dict[str, Any]:
    return {"uses": fact.uses, **({"with": fact.given} if fact.given else {})}


def _checkout(facts: Sequence[Any]) -> dict[str, Any]:
    return {name: text for fact in facts if isinstance(fact, Checkout) for name, text in fact.given.items()}
