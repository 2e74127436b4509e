"""Plays a scenario: the world, the line to it, and the verb in this process, in virtual time."""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import re
import signal
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from botocore.hooks import EventAliaser
from urllib3.util.ssl_ import create_urllib3_context

from ecs_cd import cli
from tests.scripted_aws import Call, Clock, Params, ScriptedAws, ecs
from tests.timelines.conftest import SHA

from .answers import REPOSITORY, Answers
from .blue_green import BlueGreen
from .codedeploy import CodeDeploy
from .codedeploy_answers import CodeDeployAnswers
from .faults import Line
from .others import set_up
from .rolling import Rolling
from .scenario import Scenario
from .world import FAMILY, World

_TLS = create_urllib3_context()
_ALIASES: dict[str, str] = {}
_ALIASED = EventAliaser._alias_event_name  # type: ignore[attr-defined]


def _alias(aliaser: EventAliaser, name: str) -> str:
    if name not in _ALIASES:
        _ALIASES[name] = _ALIASED(aliaser, name)
    return _ALIASES[name]


@dataclass(frozen=True)
class Played:
    """What the verb said, and what was true."""

    scenario: Scenario
    exit_code: int
    outputs: dict[str, str]
    log: str
    elapsed: float
    world: World
    answers: Answers
    line: Line
    calls: list[Call]
    violations: list[str]


def play(scenario: Scenario, folder: Path) -> Played:
    """Runs the verb in this scenario; ``folder`` is the runner's."""
    clock = Clock()
    aws = ScriptedAws(clock)
    world = _world(scenario)
    serves = CodeDeployAnswers if isinstance(world, CodeDeploy) else Answers
    answers = serves(world, scenario.digest, scenario.lags)
    set_up(world, answers, scenario)
    line = Line(scenario.seed, scenario.faults, answers, aws)
    line.serve({**answers.operations(), **_others(scenario)})
    random.seed(scenario.seed)  # botocore's waits
    with pytest.MonkeyPatch.context() as patch, _signals_kept():
        aws.use(patch)
        _quickly(patch)
        exit_code, log, outputs = _run(scenario, folder, patch, clock)
    violations, aws.violations = aws.violations, []
    aws.close()
    world.advance(clock.monotonic())
    return Played(scenario, exit_code, outputs, log, clock.monotonic(), world, answers, line, aws.calls, violations)


def _quickly(patch: pytest.MonkeyPatch) -> None:
    """What botocore does again for each client: names and signatures of its handlers, and a TLS context, here unused."""
    patch.setattr("botocore.hooks.accepts_kwargs", lambda _: True)
    patch.setattr("botocore.hooks.EventAliaser._alias_event_name", _alias)
    patch.setattr("botocore.httpsession.create_urllib3_context", lambda *_, **__: _TLS)


def _world(scenario: Scenario) -> Rolling:
    world: Rolling
    if scenario.strategy == "CODE_DEPLOY":
        world = CodeDeploy(scenario.desired, scenario.configuration)
        world.fails_at, world.terminates, world.ready = scenario.fails_at, scenario.terminates, scenario.ready
    elif scenario.strategy == "ROLLING":
        world = Rolling(scenario.desired, scenario.configuration)
    else:
        world = BlueGreen(scenario.strategy, scenario.desired, scenario.configuration)
        world.hook, world.bake = scenario.hook, scenario.bake
    world.silent = scenario.silent
    return world


def _run(scenario: Scenario, folder: Path, patch: pytest.MonkeyPatch, clock: Clock) -> tuple[int, str, dict[str, str]]:
    output = folder / "output"
    output.write_text("")
    for name in ("GITHUB_SHA", "ACT"):
        patch.delenv(name, raising=False)
    patch.setenv("GITHUB_OUTPUT", str(output))
    patch.setenv("GITHUB_STEP_SUMMARY", str(folder / "summary"))
    patch.setenv("GITHUB_ACTIONS", "true")
    patch.setenv("RUNNER_TEMP", str(folder))
    patch.chdir(folder)
    commit = {"sha": SHA} if scenario.verb == "deploy" else {}
    inputs = {"config": "/my/parameter", **commit, **scenario.inputs}
    patch.setenv("ECS_CD_INPUTS", json.dumps(inputs))
    log = io.StringIO()
    with contextlib.redirect_stdout(log), contextlib.redirect_stderr(log):
        try:
            exit_code = cli.main([scenario.verb], os.environ, clock=clock)
        except Exception:
            traceback.print_exc()
            exit_code = -1
    for left in (folder / "ecs-cd").glob("under-way-*"):
        left.unlink()
    told = re.findall(r"^([\w-]+)<<(?:ghadelimiter_\S+)\n(.*?)\nghadelimiter_", output.read_text(), re.M | re.S)
    return exit_code, log.getvalue(), dict(told)


@contextlib.contextmanager
def _signals_kept() -> Iterator[None]:
    handlers = {received: signal.getsignal(received) for received in (signal.SIGINT, signal.SIGTERM)}
    yield
    for received, handler in handlers.items():
        signal.signal(received, handler)


def _others(scenario: Scenario) -> dict[str, Callable[[Params], Params]]:
    """What says nothing about the deployment itself."""
    service = {"task-definition": FAMILY, "containers": {"app": "app"}, "codedeploy": scenario.codedeploy}
    images = {"app": {"repository": REPOSITORY}}
    document = json.dumps({"cluster": ecs.CLUSTER, "images": images, "services": {"web": service}})
    return {
        "ssm.GetParameter": lambda _: {"Parameter": {"Value": document, "Version": 3}},
        "codedeploy.GetDeploymentConfig": lambda _: {"deploymentConfigInfo": {"computePlatform": "ECS"}},
        "logs.GetLogEvents": lambda _: {"events": [], "nextForwardToken": "f/1"},
        "elbv2.DescribeTargetHealth": lambda _: {
            "TargetHealthDescriptions": [{"TargetHealth": {"State": "unhealthy"}}]
        },
        "elbv2.DescribeTargetGroups": lambda _: {"TargetGroups": []},
        "cloudwatch.DescribeAlarms": lambda _: {"MetricAlarms": [], "CompositeAlarms": []},
    }
