"""What AWS and the checkout know of a document's resources, and how policies get it where nothing is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ecs_cd.model.references import Repository

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Facts:
    """What was found. A key that is missing in a mapping, or ``None``, is what could not be read."""

    definitions: Mapping[str, Json] = field(default_factory=dict)  # task definitions by the path of their entry
    services: Mapping[str, Json] = field(default_factory=dict)  # DescribeServices' answers by the document's name
    schedule_roles: Mapping[str, Sequence[str]] = field(default_factory=dict)  # by the key of a scheduled task
    pipeline: Json | None = None  # GetPipeline's declaration
    keys: Sequence[str] = ()  # ARNs of the parameter's KMS key
    bases: Sequence[Repository] = ()  # repositories in ECR that Dockerfiles mention
