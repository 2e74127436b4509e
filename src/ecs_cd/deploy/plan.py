"""What will be deployed, and how: known and checked before anything changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ecs_cd.document.rules.document import Service
from ecs_cd.model.lifecycle import Strategy, Until
from ecs_cd.tasks.rules.task_definition import TaskDefinition
from ecs_cd.tasks.templates import Template


@dataclass(frozen=True)
class DeploymentPlan:
    """One service's deployment.

    ``definition`` has the template's images until the commit's images replace them; ``images`` are those whose digests
    must run at the end, container to ``repository@sha256:...``. ``service`` is as ECS had it at ``seen_at`` (seconds of
    the job's clock). ``template`` is what ``definition`` was made from, if that may be registered, ``appspec``
    CodeDeploy's AppSpec, if one is given. ``update`` holds what UpdateService changes in addition to the task
    definition; ``force`` deploys again what already runs. ``undoes``: the revision that a way back undoes.
    """

    target: Service
    cluster: str
    definition: TaskDefinition
    service: Mapping[str, Any]
    seen_at: float
    strategy: Strategy
    images: Mapping[str, str] = field(default_factory=dict)
    template: Template | None = None
    appspec: Mapping[str, Any] | None = None
    update: Mapping[str, Any] = field(default_factory=dict)
    force: bool = False
    undoes: str = ""

    @property
    def name(self) -> str:
        """The ECS service's name."""
        return str(self.service["serviceName"])


@dataclass(frozen=True)
class Policy:
    """How all services of a deployment are followed; the names are those of the inputs. ``timeout`` in seconds."""

    until: Until = field(default_factory=Until)
    timeout: float = 1800.0
    fail_fast: bool = False
    on_failure: str = "report"
    on_conflict: str = "wait"
    on_cancel: str = "leave"
    in_order: bool = False
