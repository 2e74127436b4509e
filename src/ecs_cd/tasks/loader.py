"""Loads the task definitions of the document's entries, checks them, and adds the workflow's variables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ecs_cd.document.rules.document import Document, Entry
from ecs_cd.job.job import Job
from ecs_cd.job.services import active_service
from ecs_cd.model.errors import Refused, checked
from ecs_cd.model.references import RegisteredTaskDefinition, ServiceRevision, TaskDefinitionSource, short
from ecs_cd.tasks import templates
from ecs_cd.tasks.rules import environment, task_definition
from ecs_cd.tasks.rules.environment import Variable
from ecs_cd.tasks.rules.revisions import running
from ecs_cd.tasks.rules.task_definition import TaskDefinition
from ecs_cd.tasks.templates import Template


class Loaded(NamedTuple):
    """A task definition to deploy, still with the template's images, and the template as it was read."""

    definition: TaskDefinition
    template: Template


@dataclass(frozen=True)
class Loader:
    """Loads for one run. ``variables`` and ``allow_unknown`` are what the workflow says."""

    document: Document
    variables: Sequence[Variable]
    allow_unknown: bool
    job: Job

    def load(self, entry: Entry) -> Loaded:
        """The template, checked and with the variables."""
        template = self.template(entry)
        return Loaded(self.checked(entry, template), template)

    def template(self, entry: Entry) -> Template:
        """Raises ``Refused`` if it is missing or not valid."""
        return templates.load(self._source(entry), self.job, allow_unknown=self.allow_unknown)

    def checked(self, entry: Entry, template: Template) -> TaskDefinition:
        """The definition with the variables. Raises ``Refused`` if it lacks a container or can't take a variable."""
        definition, where = template.definition, template.where
        changed: TaskDefinition
        _, _, changed = checked(
            lambda: environment.check_prefixes(self.variables, self.document.entries),
            lambda: task_definition.check_containers(definition, entry.containers, where=where),
            lambda: environment.with_variables(definition, self.variables, entry),
        )
        return changed

    def _source(self, entry: Entry) -> TaskDefinitionSource:
        if not isinstance(entry.task_definition, ServiceRevision):
            return entry.task_definition
        name = entry.task_definition.service
        current = running(active_service(self.job, self.document.cluster, name))
        if not current:
            raise Refused(
                f"{entry.path}.task-definition: the service {name} runs no task definition",
                "Name another template until the service's first deployment.",
            )
        self.job.ci.line(f"{entry.path}: the template is {short(current)}, which {short(name)} runs now")
        return RegisteredTaskDefinition(current)
