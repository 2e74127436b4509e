"""`verify` without a document: the inputs of the official actions."""

from __future__ import annotations

from ecs_cd.document.rules.document import Document, Service
from ecs_cd.inputs.verify import Verify
from ecs_cd.model.references import short, task_definition_source


def document(inputs: Verify) -> Document:
    """What a document would say: services that run the task definition, and no images."""
    source = task_definition_source(inputs.task_definition)
    services = [Service(short(name), name, source, {}) for name in dict.fromkeys(inputs.service)]
    return Document(inputs.cluster or "default", {}, {service.key: service for service in services})
