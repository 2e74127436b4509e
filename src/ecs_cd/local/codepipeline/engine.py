"""Holds the pipelines' states, runs the actions that are due, and starts what the rules of EventBridge say."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, TypeAlias

from ecs_cd.local.codepipeline.rules import attempts, changes, events, executions, requests
from ecs_cd.local.codepipeline.rules.infra import Infra, Rule, Target, provider
from ecs_cd.local.codepipeline.rules.service_error import ServiceError
from ecs_cd.local.codepipeline.rules.state import IN_PROGRESS, Attempt, Outcome, Pipeline
from ecs_cd.local.codepipeline.work import Run, Work, World
from ecs_cd.model.errors import Refused

Json: TypeAlias = dict[str, Any]
Decide: TypeAlias = Callable[[Pipeline, float], Pipeline]


@dataclass
class Engine:
    """``run`` has the runner of each provider, ``say`` writes the log."""

    infra: Infra
    world: World
    run: Mapping[str, Run]
    say: Callable[[str], None]
    account: str
    _pipelines: dict[str, Pipeline] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        for name, declared in self.infra.pipelines.items():
            self._pipelines[name] = Pipeline(declared, self._arn("codepipeline", name), time.time())

    def _arn(self, service: str, resource: str) -> str:
        return f"arn:aws:{service}:{self.world.aws.region}:{self.account}:{resource}"

    # -- states --

    def pipeline(self, name: str) -> Pipeline:
        if name not in self._pipelines:
            words = f"Account '{self.account}' does not have a pipeline with name '{name}'"
            raise ServiceError("PipelineNotFoundException", words)
        return self._pipelines[name]

    @property
    def pipelines(self) -> list[Pipeline]:
        return list(self._pipelines.values())

    def change(self, name: str, decide: Decide, chain: tuple[str, ...] = ()) -> None:
        """Changes a pipeline's state, and does what follows from it; ``chain`` is that of ``emit``."""
        with self._lock:
            old, now = self.pipeline(name), time.time()
            new = self._pipelines[name] = attempts.begin_due(decide(old, now), now)
            for id, attempt in new.attempts.items():
                if id not in old.attempts and attempt.status == IN_PROGRESS and not attempt.token:
                    _in_thread(self._act, new, attempt)
            for line in changes.lines(old, new, now):
                self.say(line)
        for execution, state in changes.events(old, new):
            self.emit(self._event(new, execution, state), chain)

    def start(self, request: Mapping[str, Any], trigger: tuple[str, str], chain: tuple[str, ...] = ()) -> str:
        """StartPipelineExecution. Returns the execution's id."""
        found = str(uuid.uuid4())

        def begin(state: Pipeline, now: float) -> Pipeline:
            nonlocal found
            state, found = requests.start(state, request, found, trigger, now)
            return state

        self.change(request["name"], begin, (*chain, request["name"]))
        return found

    # -- actions --

    def _act(self, state: Pipeline, attempt: Attempt) -> None:
        """Runs an action; whatever its runner raises, the action ends."""

        def report(id: str, url: str) -> None:
            self.change(state.name, lambda now_state, now: executions.report(now_state, attempt.id, id, url, now))

        try:
            work = _work(state, attempt)
            outcome = self.run[work.provider](work, self.world, report)
        except Refused as refused:
            outcome = Outcome("ActionExecutionFailed", refused.sentence)
        except BaseException as error:
            outcome = Outcome("ActionExecutionFailed", f"{type(error).__name__}: {error}")
        self.change(state.name, lambda now_state, now: executions.end(now_state, attempt.id, outcome, now))

    # -- events --

    def _event(self, state: Pipeline, execution: str, status: str) -> Json:
        return {
            "detail-type": "CodePipeline Pipeline Execution State Change",
            "source": "aws.codepipeline",
            "resources": [state.arn],
            "detail": {
                "pipeline": state.name,
                "execution-id": execution,
                "state": status,
                "version": state.version,
            },
        }

    def emit(self, event: Mapping[str, Any], chain: tuple[str, ...] = ()) -> None:
        """Starts the targets of an event: pipelines and builds. What goes wrong with one is in the log.

        ``chain`` are the pipelines whose start has led to this event: none of them starts again, which would never end.
        """
        common = {
            "version": "0",
            "id": str(uuid.uuid4()),
            "account": self.account,
            "time": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "region": self.world.aws.region,
        }
        for rule in self.infra.rules:
            try:
                targets = events.matching((rule,), common | dict(event))
            except Refused as refused:
                self.say(f"rule {rule.name}: {refused.sentence}")
                continue
            for target, given in targets:
                try:
                    self._start_target(rule, target, given, chain)
                except Exception as error:
                    code = getattr(error, "code", type(error).__name__)
                    self.say(f"rule {rule.name}: {target.arn} not started: {code}: {error}")

    def _start_target(self, rule: Rule, target: Target, given: Json, chain: tuple[str, ...]) -> None:
        service, resource = target.arn.split(":", 5)[2::3]
        if service == "codebuild":
            _in_thread(self._build, rule, resource.partition("/")[2], given)
        elif resource in chain:
            self.say(f"rule {rule.name}: {resource} not started: it would start itself without end")
        else:
            request: Json = {name: given[name] for name in ("sourceRevisions", "variables") if name in given}
            trigger = "CloudWatchEvent", self._arn("events", f"rule/{rule.name}")
            self.start(request | {"name": resource}, trigger, chain)

    def _build(self, rule: Rule, project: str, given: Json) -> None:
        who = f"rule {rule.name}: {project}"
        variables, version = given.get("environmentVariablesOverride", ()), str(given.get("sourceVersion", ""))

        def begun(id: str, url: str) -> None:
            self.say(f"{who} {id}")

        try:
            ended = self.world.builds.run(project, variables, {}, (), f"rule/{rule.name}", version, begun)
            self.say(f"{who} {ended.status}{': ' + ended.message if ended.message else ''}")
        except Refused as refused:
            self.say(f"{who} not started: {refused.sentence}")


def _in_thread(function: Callable[..., None], *arguments: Any) -> None:
    threading.Thread(target=function, args=arguments, daemon=True).start()


def _work(state: Pipeline, attempt: Attempt) -> Work:
    execution = state.executions[attempt.execution]
    read = state.revisions(execution)
    return Work(
        state.name,
        attempt.execution,
        attempt.stage,
        attempt.action,
        attempt.id,
        provider(state.action(attempt.stage, attempt.action)),
        attempt.configuration,
        attempt.inputs,
        attempt.outputs,
        attempts.revision(execution, attempt.action),
        {name: read[name] for name in attempt.inputs if name in read},
    )
