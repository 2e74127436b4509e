"""What a workflow does that ecs-cd can do: builds, task definitions, tasks, deployments, sign-ins."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ecs_cd.init.rules.values import Value


@dataclass(frozen=True)
class Build:
    """An image that is built. ``tags``: image URIs. The texts of ``arguments`` are ``NAME=VALUE``."""

    place: str
    tags: tuple[str, ...] = ()
    context: str = "."
    file: str = ""
    target: str = ""
    arguments: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    secret_envs: tuple[tuple[str, str], ...] = ()
    secret_files: tuple[tuple[str, str], ...] = ()
    cache: str = ""
    local: str = ""  # the image's name before `docker tag`


@dataclass(frozen=True)
class Template:
    """A task definition, or what a step makes of one. ``kind`` is file, family, arn, service or unknown.

    ``base`` is the template before an image was put into ``containers``; ``image`` is that image's URI, and
    ``placeholder`` the text that it replaced.
    """

    kind: str
    name: Value
    base: Template | None = None
    containers: tuple[str, ...] = ()
    image: Value = field(default_factory=Value)
    placeholder: str = ""

    @property
    def origin(self) -> Template:
        """The template at the start of the chain."""
        return self.base.origin if self.base else self

    @property
    def steps(self) -> list[Template]:
        """The chain, from its start, without the origin."""
        return [*self.base.steps, self] if self.base else []


@dataclass(frozen=True)
class Task:
    """A task that runs once. ``command`` is empty if the container's own command runs."""

    place: str
    template: Template
    cluster: Value
    container: str = ""
    command: tuple[str, ...] = ()
    network: tuple[str, ...] = ()  # subnets and security groups that the workflow names


@dataclass(frozen=True)
class CodeDeploy:
    """The inputs of the official deploy action for CodeDeploy."""

    application: Value = field(default_factory=Value)
    group: Value = field(default_factory=Value)
    appspec: Value = field(default_factory=Value)
    config: Value = field(default_factory=Value)

    @property
    def named(self) -> bool:
        """Whether the workflow names anything of CodeDeploy."""
        return bool(self.application.text or self.group.text or self.appspec.text)


@dataclass(frozen=True)
class Deployment:
    """A service that gets a task definition."""

    place: str
    cluster: Value
    service: Value
    template: Template
    region: Value = field(default_factory=Value)
    codedeploy: CodeDeploy = field(default_factory=CodeDeploy)
    stable: bool = False
    minutes: str = ""
    environment: tuple[str, ...] = ()  # NAME=VALUE for the containers


@dataclass(frozen=True)
class SignIn:
    """How a job gets its credentials. ``static``: where its long-lived keys come from; empty without such keys."""

    place: str
    role: Value
    region: Value
    static: str = ""


@dataclass(frozen=True)
class Setup:
    """A step that stays, because ecs-cd uses what it sets up: buildx, QEMU, a registry's login."""

    uses: str
    given: dict[str, Any]
    place: str


@dataclass(frozen=True)
class Extra:
    """A step that has nothing to do with images or ECS. ``why`` says why the new workflow can't have it."""

    step: dict[str, Any]
    place: str
    why: str = ""


@dataclass(frozen=True)
class Checkout:
    """A checkout, with those of its inputs that change what is built."""

    given: dict[str, str]


Fact = Build | Task | Deployment | SignIn | Setup | Extra | Checkout


@dataclass(frozen=True)
class Left:
    """What the new workflow doesn't do, and why: a step or a job of the old one."""

    place: str
    what: str
    why: str
