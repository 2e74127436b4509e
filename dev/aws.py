"""AWS on this machine: ministack, with an ECR registry and ECS tasks that are real containers."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dev.host import LOGS
from ecs_cd.local import ministack

ACCOUNT = "000000000000"
REGION = "us-east-1"


@dataclass(frozen=True)
class Aws:
    """A running ministack. `env` is what a process needs to talk to it, and to the engine behind it."""

    endpoint: str
    registry: str
    region: str
    env: dict[str, str]


@contextmanager
def aws(env: Mapping[str, str], neighbour: str = "") -> Iterator[Aws]:
    """ministack on a free port; ECS tasks join the network of the container `neighbour`, else the engine's own."""
    place = Path(tempfile.mkdtemp(prefix="ecs-cd-aws-"))
    LOGS.mkdir(parents=True, exist_ok=True)
    try:
        log = LOGS / f"{place.name}.log"
        started = ministack.start(place, env, region=REGION, account=ACCOUNT, network_of=neighbour, log=log)
        yield Aws(started.endpoint, started.registry, started.region, {**env, **started.client_env})
    finally:
        ministack.end(place, env)
        shutil.rmtree(place, ignore_errors=True)
