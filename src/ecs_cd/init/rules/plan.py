"""From what the workflows do to the new documents: images, services, tasks, and what is unknown."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from ecs_cd.init.rules.facts import Build, CodeDeploy, Deployment, Left, Task
from ecs_cd.init.rules.values import Value, shown
from ecs_cd.init.rules.workflow import Job


@dataclass(frozen=True)
class Image:
    """An image of a document. ``repository`` is what the workflow says; ``build`` is absent if no step builds it."""

    name: str
    repository: Value
    build: Build | None = None


@dataclass(frozen=True)
class Service:
    """A service of a document. ``containers``: from the container's name, or a mark, to the image's name."""

    key: str
    service: Value
    template: Value  # as the document writes it; its text is empty if it is unknown
    containers: dict[str, str]
    codedeploy: CodeDeploy = field(default_factory=CodeDeploy)
    place: str = ""


@dataclass(frozen=True)
class OneOff:
    """The migration, or a task after it."""

    name: str
    template: Value
    container: str
    command: tuple[str, ...]
    service: str = ""
    image: str = ""
    place: str = ""


@dataclass
class Document:
    """What one workflow deploys to one environment."""

    cluster: Value
    region: Value
    role: Value
    environment: Value
    images: list[Image] = field(default_factory=list)
    services: list[Service] = field(default_factory=list)
    tasks: list[OneOff] = field(default_factory=list)
    static: str = ""  # where long-lived keys are used
    credentials: str = ""  # what tells the credentials of documents apart: the role, or the key
    jobs: list[Job] = field(default_factory=list)
    notes: list[Left] = field(default_factory=list)
    unknown: list[tuple[str, str]] = field(default_factory=list)  # a key, and what to do about its value
    name: str = ""
    parameter: str = ""
    minutes: str = ""
    variables: tuple[str, ...] = ()
    refs: tuple[str, ...] = ()  # the branches whose pushes and manual runs deploy it
    tags: bool = False  # whether pushes of tags or releases do

    @property
    def fingerprint(self) -> tuple[object, ...]:
        """What makes two documents of different scenarios the same."""
        services = tuple((each.service.text, each.template.text, tuple(each.containers)) for each in self.services)
        images = tuple(shown(each.repository.text) for each in self.images)
        return self.cluster.text, self.environment.text, self.region.text, self.role.text, services, images


# Words for environments in names of clusters, services, branches and files, and how the parameter spells them.
_WORDS = {
    "production": "production", "prod": "production", "prd": "production", "live": "production",
    "staging": "staging", "stage": "staging", "stg": "staging", "preprod": "preprod",
    "development": "development", "develop": "development", "dev": "development",
    "qa": "qa", "uat": "uat", "test": "test", "testing": "test", "sandbox": "sandbox", "demo": "demo", "beta": "beta",
}  # fmt: skip


def word_of(text: str) -> str:
    """The environment that a name speaks of; empty if none."""
    parts = re.split(r"[^a-z0-9]+", re.sub("\ue000[^\ue001]*\ue001", " ", text).lower())
    return next((_WORDS[part] for part in parts if part in _WORDS), "")


def slug(text: str) -> str:
    """A text as a part of a parameter's name."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-.").lower()


def groups(jobs: Sequence[Job]) -> list[list[Job]]:
    """The jobs of each environment and cluster that deploy, and those that build or run tasks for them."""
    keys: dict[tuple[str, str], list[Job]] = {}
    for job in jobs:
        for fact in job.facts:
            if isinstance(fact, Deployment) and job not in keys.setdefault(
                (job.environment.text, fact.cluster.text), []
            ):
                keys[job.environment.text, fact.cluster.text].append(job)
    deploying = {id(job) for members in keys.values() for job in members}
    found = []
    for (environment, cluster), members in keys.items():
        needed = _needed(members, jobs)
        ours = [
            job
            for job in jobs
            if job in members
            or (id(job) not in deploying and job.ours and (job.id in needed or _fits(job, environment, cluster)))
        ]
        found.append([_only(job, cluster) for job in ours])
    return found


def _needed(members: Sequence[Job], jobs: Sequence[Job]) -> set[str]:
    """The ids of the jobs that these need."""
    by_id = {job.id: job for job in jobs}
    found: set[str] = set()
    left = [need for job in members for need in job.needs]
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left += by_id[name].needs if name in by_id else ()
    return found


def _fits(job: Job, environment: str, cluster: str) -> bool:
    """Whether a job that no other needs may belong to an environment: by its name, or by the clusters of its tasks."""
    clusters = {fact.cluster.text for fact in job.facts if isinstance(fact, Task)}
    return job.environment.text in ("", environment) and (not clusters or cluster in clusters)


def _only(job: Job, cluster: str) -> Job:
    """The job without its deployments to other clusters, and without tasks in them."""
    kept = [
        fact
        for fact in job.facts
        if not (isinstance(fact, Deployment) and fact.cluster.text != cluster)
        and not (isinstance(fact, Task) and fact.cluster.known and fact.cluster.text != cluster)
    ]
    return replace(job, facts=kept)
