"""Task definitions as ECS keeps them: what is registered is the newest revision of its family.

registry = Registry({"DATABASE": "infra"}).script(aws)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from . import ecs
from .server import ScriptedAws
from .wire import Params

OLD = ecs.IMAGE.replace(ecs.DIGEST, f"sha256:{'0' * 64}")


@dataclass
class Registry:
    """Each family's first revision has an image of another commit, and these environment variables."""

    first: Mapping[str, str] = field(default_factory=dict)
    revisions: dict[str, list[Params]] = field(default_factory=dict)

    def script(self, aws: ScriptedAws) -> Registry:
        """Answers RegisterTaskDefinition and DescribeTaskDefinition."""
        aws.on("ecs.RegisterTaskDefinition", self._register)
        aws.on("ecs.DescribeTaskDefinition", self._describe)
        return self

    def environment(self, family: str) -> dict[str, str]:
        """What the newest revision sets in its first container."""
        container = self.of(family)[-1]["containerDefinitions"][0]
        return {item["name"]: item["value"] for item in container.get("environment", ())}

    def of(self, family: str) -> list[Params]:
        """The family's revisions, oldest first."""
        if family not in self.revisions:
            first = ecs.task_definition(family)
            values = [{"name": name, "value": value} for name, value in self.first.items()]
            first["containerDefinitions"][0] |= {"image": OLD, **({"environment": values} if values else {})}
            self.revisions[family] = [first]
        return self.revisions[family]

    def _register(self, params: Params) -> Params:
        known = self.of(params["family"])
        new = {**ecs.task_definition(params["family"], len(known) + 1), **params}
        new.pop("tags", None)
        known.append(new)
        return {"taskDefinition": new}

    def _describe(self, params: Params) -> Params:
        family, _, number = params["taskDefinition"].rpartition("/")[2].partition(":")
        return {"taskDefinition": self.of(family)[int(number or 0) - 1], "tags": []}
