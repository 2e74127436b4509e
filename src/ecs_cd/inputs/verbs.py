"""The verbs, with their inputs and outputs. A verb's inputs are imported when they are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from ecs_cd.inputs.outputs import BUILD, DEPLOY, FOLLOW, MIGRATE, OFFICIAL

if TYPE_CHECKING:
    from ecs_cd.inputs.common import Located


@dataclass(frozen=True)
class Verb:
    """A verb of the command line; ``action`` is the folder of its action.yml, from the root: empty, it has none."""

    name: str
    summary: str
    declared: str  # the file of this package and the class in it
    outputs: tuple[str, ...]
    action: str = ""

    @property
    def inputs(self) -> type[Located]:
        """The dataclass of the verb's inputs."""
        module, _, name = self.declared.partition(".")
        found: type[Located] = getattr(import_module(f"ecs_cd.inputs.{module}"), name)
        return found


VERBS = {
    verb.name: verb
    for verb in (
        Verb("pipeline", "build and push, migrate, deploy", "pipeline.Pipeline", (*BUILD, *MIGRATE, *DEPLOY), "."),
        Verb("images", "print which images there are, as a matrix", "images.Images", ("matrix",), "actions/images"),
        Verb("build-push", "build images and push them to ECR", "build_push.BuildPush", BUILD, "actions/build-push"),
        Verb("migrate", "run the database migration inside the VPC", "migrate.Migrate", MIGRATE, "actions/migrate"),
        Verb(
            "deploy",
            "deploy the commit's images to ECS",
            "official.DeployAlone",
            (*DEPLOY, *OFFICIAL),
            "actions/deploy",
        ),
        Verb("continue", "let a deployment that waits for somebody go on", "continue_.Continue", FOLLOW),
        Verb("rollback", "bring services back to what they ran before", "rollback.Rollback", FOLLOW),
    )
}
