"""An action's work: what it gets, and what it works with. How it ended is rules.state.Outcome."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ecs_cd.aws.session import Aws
from ecs_cd.local.codebuild.builds import Builds
from ecs_cd.local.codepipeline.deployments import Deployments
from ecs_cd.local.codepipeline.rules.state import Outcome
from ecs_cd.model.references import S3Object


@dataclass(frozen=True)
class Work:
    """One attempt of an action. ``configuration`` has no `#{...}` any more.

    ``inputs`` and ``outputs`` are artifacts by name, in the order of the declaration: an action reads and writes the
    zip archive of each. ``revision`` is that of a source: of the start or the event, else empty, which is the newest.
    ``revisions`` are those that the sources of this execution have read, by input artifact.
    """

    pipeline: str
    execution: str
    stage: str
    action: str
    id: str  # actionExecutionId
    provider: str
    configuration: Mapping[str, str]
    inputs: Mapping[str, S3Object] = field(default_factory=dict)
    outputs: Mapping[str, S3Object] = field(default_factory=dict)
    revision: str = ""
    revisions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class World:
    """What actions work with. ``ending`` is set when the process ends: nobody waits for actions any more."""

    aws: Aws  # the local AWS
    registry: str  # the host of its ECR repositories, localhost:PORT
    repository: Path  # the Git repository in the place of the connection's
    builds: Builds
    deployments: Deployments = field(default_factory=Deployments)
    ending: threading.Event = field(default_factory=threading.Event)


Report = Callable[[str, str], None]  # the external execution's id and URL, as soon as they are known
Run = Callable[[Work, World, Report], Outcome]
