"""The inputs that hold JSON for UpdateService or RunTask, fitted to the model of that call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ecs_cd.aws import ecs
from ecs_cd.job.job import Job
from ecs_cd.model.errors import Refused
from ecs_cd.tasks.rules import task_definition


@dataclass(frozen=True)
class Request:
    """The request of one call. ``problems`` collects what does not fit; ``allow_unknown`` keeps fields that the
    model of ``sdk`` lacks."""

    shape: Any
    sdk: str
    allow_unknown: bool
    problems: list[str] = field(default_factory=list)

    @staticmethod
    def to(operation: str, job: Job, *, allow_unknown: bool) -> Request:
        """The request of this operation of ECS."""
        _, _, sdk = ecs.shapes(job.aws)
        shape = job.aws.client("ecs").meta.service_model.operation_model(operation).input_shape
        return Request(shape, sdk, allow_unknown)

    def fitted(self, value: Any, member: str, name: str, inner: str = "", shape: Any = None) -> Any:
        """``value`` with the types of this member of the request, or of ``shape``; a problem is reported with the
        input's ``name``, which stands for the member, or for the ``inner`` one of it.

        Omits what is empty, except values: a tag may have an empty one.
        """
        found: list[str] = []
        model, path = shape or self.shape, f"{member}.{inner}" if inner else member
        fitted = task_definition.normalise(
            {member: value}, model, model, self.sdk, found, ("value",), allow_unknown=self.allow_unknown
        )
        self.problems.extend(f"{name}{problem.removeprefix(path)}" for problem in found if problem.startswith(path))
        return fitted.get(member)

    def volumes(self, name: str, volume_name: str, volume: Mapping[str, Any], job: Job) -> list[dict[str, Any]]:
        """One volume, or none: its name and its settings only have an effect together."""
        if bool(volume_name) != bool(volume):
            lonely, missing = (f"{name}-name", name) if volume_name else (name, f"{name}-name")
            job.ci.warning(f"{lonely}: has no effect without {missing}")
            return []
        if not volume:
            return []
        model = self.shape.members["volumeConfigurations"].member
        settings = self.fitted(volume, "managedEBSVolume", name, shape=model)
        return [{"name": volume_name, "managedEBSVolume": settings}]

    def check(self) -> None:
        """Raises ``Refused`` with all problems."""
        if self.problems:
            raise Refused(self.problems, task_definition.remedy(self.problems, self.sdk))
