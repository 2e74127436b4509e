"""Repository creation templates of ECR: which repositories a push creates, and with which settings.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-creation-templates.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ecs_cd.model.references import Mutability

_ANY = "ROOT"  # the prefix of the template for all other repositories


def mutability(name: str, templates: Iterable[Mapping[str, Any]]) -> Mutability | None:
    """Which tags can move in the repository that a push of this name creates; ``None`` if it creates none.

    The template with the longest prefix counts. A prefix ends before a slash of the name.
    """
    fitting = [
        (template["prefix"].rstrip("/"), template)
        for template in templates
        if "CREATE_ON_PUSH" in template.get("appliedFor", ()) and _fits(template["prefix"].rstrip("/"), name)
    ]
    if not fitting:
        return None
    _, template = max(fitting, key=lambda one: 0 if one[0] == _ANY else len(one[0]))
    filters = template.get("imageTagMutabilityExclusionFilters", ())
    return Mutability(template.get("imageTagMutability", "MUTABLE"), tuple(f["filter"] for f in filters))


def _fits(prefix: str, name: str) -> bool:
    return prefix == _ANY or name.startswith(f"{prefix}/")
