"""Follows an execution of the local CodePipeline, and shows it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ecs_cd.aws import codebuild, codepipeline, logs
from ecs_cd.aws.session import Aws
from ecs_cd.ci.text import harmless
from ecs_cd.handoff import builds
from ecs_cd.handoff.rules import actions
from ecs_cd.handoff.rules.actions import Action
from ecs_cd.local.machine import Say

_EVERY = 0.2  # seconds between two looks; the endpoint is on this machine
_ENDED = ("Succeeded", "Failed", "Stopped", "Superseded", "Cancelled")


@dataclass
class _Seen:
    """What has been shown of an execution."""

    said: dict[str, tuple[str, int]] = field(default_factory=dict)  # by action: its status, and which try
    logs: dict[str, logs.Stream] = field(default_factory=dict)  # by build


def follow(aws: Aws, pipeline: str, execution: str, say: Say) -> bool:
    """Shows each change and the logs of the builds to the execution's end; whether it has succeeded."""
    seen = _Seen()
    while True:
        status = str(codepipeline.execution(aws, pipeline, execution)["status"])
        _show(aws, pipeline, execution, seen, say)
        if status in _ENDED:
            break
        time.sleep(_EVERY)
    for line in table(aws, pipeline, execution):
        say(line)
    return status == "Succeeded"


def _show(aws: Aws, pipeline: str, execution: str, seen: _Seen, say: Say) -> None:
    for action in _actions(aws, pipeline, execution):
        if action.external_id and action.provider == actions.CODEBUILD:
            _relay(aws, action, seen, say)
        state = (action.status, action.tries)
        if seen.said.get(action.path) != state:
            seen.said[action.path] = state
            for line in harmless([_words(action)]):
                say(line)


def _words(action: Action) -> str:
    if action.waits_for_approval:
        return f"{action.path}: waits for an approval: ecs-cd local approve {action.path}"
    why = f": {action.error}" if action.error else f": {action.summary}" if action.summary else ""
    return f"{action.path}: {action.status}{why if action.status != actions.IN_PROGRESS else ''}"


def _relay(aws: Aws, action: Action, seen: _Seen, say: Say) -> None:
    """Shows what the action's build has written since the last look."""
    if action.external_id not in seen.logs:
        found = [builds.stream(each) for each in codebuild.look_at_builds(aws, [action.external_id])]
        if not found or found[0] is None:
            return
        seen.logs[action.external_id] = found[0]
    for line in harmless(logs.new_lines(aws, seen.logs[action.external_id])):
        say(f"  {action.name} | {line}".rstrip())


def _actions(aws: Aws, pipeline: str, execution: str) -> Sequence[Action]:
    """In the order in which they began."""
    found = actions.newest(codepipeline.look_at_actions(aws, pipeline, execution) or (), ())
    return sorted(found, key=lambda action: action.started or 0.0)


def table(aws: Aws, pipeline: str, execution: str) -> Iterator[str]:
    """An execution in lines: what came of it, and its actions with their times."""
    found: dict[str, Any] = codepipeline.execution(aws, pipeline, execution)
    yield f"{pipeline}, execution {execution}: {found['status']}"
    for action in _actions(aws, pipeline, execution):
        seconds = (action.updated or 0.0) - (action.started or 0.0)
        yield f"  {action.path:<30} {action.status:<10} {seconds:6.1f} s"
