"""The local CodePipeline: one process per place, beside the local AWS, which keeps running after `up`."""

from __future__ import annotations

import json
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ecs_cd.local import background, containers
from ecs_cd.local.ministack import Ministack

_NAME = "codepipeline"
_RECORD = f"{_NAME}.json"
_LOG = f"{_NAME}.log"
REMOTE = "remote.git"  # the repository in the place of the connection's
SERVICES = ("CODEPIPELINE", "CODEBUILD", "CODEDEPLOY")


@dataclass(frozen=True)
class Declared:
    """What the pipelines are read from: the text of the infra team's file, and the template's parameters."""

    text: str
    parameters: Mapping[str, str]
    build_image: str = ""  # instead of the projects' own


@dataclass(frozen=True)
class Codepipeline:
    """A started local CodePipeline. Containers of its builds carry ``label``."""

    declared: Declared
    pipelines: tuple[str, ...]
    port: int
    label: str
    pid: int = 0

    @property
    def endpoint(self) -> str:
        """The endpoint of CodePipeline, CodeBuild and CodeDeploy."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def client_env(self) -> dict[str, str]:
        """The environment that makes a process use it; everything else it asks of the local AWS."""
        return {f"AWS_ENDPOINT_URL_{service}": self.endpoint for service in SERVICES}


def start(
    place: Path, declared: Declared, pipelines: tuple[str, ...], aws: Ministack, env: Mapping[str, str]
) -> Codepipeline:
    """Starts the process, and returns when it answers. ``env`` selects the engine."""
    found = Codepipeline(declared, pipelines, background.free_port(), f"ecs-cd.codepipeline={place.name}")
    background.record(place, _NAME, found)
    log = place / _LOG
    command = [sys.executable, "-m", "ecs_cd.local.codepipeline", str(place)]
    process = background.start(place, _NAME, command, {**env, **_own_env(aws)}, cwd=place, log=log)
    found = replace(found, pid=process.pid)
    background.record(place, _NAME, found)
    background.wait_until_up(process, "the local CodePipeline", lambda: _answers(found), log)
    return found


def recorded(place: Path) -> Codepipeline | None:
    """The local CodePipeline that was started in this place, whether or not it still runs."""
    try:
        read = json.loads((place / _RECORD).read_text(encoding="utf-8"))
        return Codepipeline(**{**read, "declared": Declared(**read["declared"]), "pipelines": tuple(read["pipelines"])})
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        return None


def running(place: Path) -> Codepipeline | None:
    """The local CodePipeline that was started in this place, if it still runs."""
    found = recorded(place)
    return found if found and background.held(place, _NAME) else None


def kill(place: Path) -> None:
    """Kills the process, and so its executions."""
    found = running(place)
    if found is not None and found.pid:
        background.kill(place, _NAME, found.pid)


def end(place: Path, env: Mapping[str, str]) -> None:
    """Ends the process, and removes the containers of its builds. It can be repeated."""
    kill(place)
    left = recorded(place)
    if left is not None:
        containers.remove_labelled(left.label, env)
        (place / _RECORD).unlink()


def _own_env(aws: Ministack) -> dict[str, str]:
    """The local AWS and nothing else of AWS; and the modules of this process, wherever they are."""
    none = {name: "" for name in os.environ if name.startswith("AWS_")}
    return {**none, **aws.client_env, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


def _answers(found: Codepipeline) -> bool:
    try:
        with urllib.request.urlopen(found.endpoint, timeout=5):
            return True
    except urllib.error.HTTPError:
        return True  # an answer, if not to this
    except OSError:
        return False
