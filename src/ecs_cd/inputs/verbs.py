"""The verbs, with their inputs and outputs. A verb's inputs are imported at their first use."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from ecs_cd.inputs.outputs import BUILD, DEPLOY, FOLLOW, HAND_OFF, MIGRATE, OFFICIAL, PLAN, ROLLBACK, VERIFY

if TYPE_CHECKING:
    from ecs_cd.inputs.common import SignedIn


@dataclass(frozen=True)
class Verb:
    """A verb of the command line. ``action`` is the folder of its action.yml, relative to the root; empty without an
    action."""

    name: str
    summary: str
    declared: str  # the module in this package and its class
    outputs: tuple[str, ...]
    action: str = ""

    @property
    def inputs(self) -> type[SignedIn]:
        """The dataclass of the verb's inputs."""
        module, _, name = self.declared.partition(".")
        found: type[SignedIn] = getattr(import_module(f"ecs_cd.inputs.{module}"), name)
        return found


VERBS = {
    verb.name: verb
    for verb in (
        Verb("pipeline", "build and push, migrate, deploy", "pipeline.Pipeline", (*BUILD, *MIGRATE, *DEPLOY), "."),
        Verb(
            "images",
            "print the document's images as a matrix",
            "images.Images",
            ("matrix", "hand-off"),
            "actions/images",
        ),
        Verb(
            "build-push",
            "build images and push them to ECR",
            "build_push.BuildPushAlone",
            BUILD,
            "actions/build-push",
        ),
        Verb(
            "migrate", "run the database migration inside the VPC", "migrate.MigrateAlone", MIGRATE, "actions/migrate"
        ),
        Verb(
            "deploy",
            "deploy the commit's images to ECS",
            "official.DeployAlone",
            (*DEPLOY, *OFFICIAL),
            "actions/deploy",
        ),
        Verb(
            "hand-off",
            "give the commit's images to a CodePipeline pipeline and follow it",
            "hand_off.HandOff",
            HAND_OFF,
            "actions/hand-off",
        ),
        Verb(
            "plan",
            "show what a deployment would change, also on the pull request, and change nothing",
            "plan.Plan",
            PLAN,
            "actions/plan",
        ),
        Verb("continue", "continue a paused deployment", "continue_.Continue", FOLLOW, "actions/continue"),
        Verb("rollback", "roll services back to what last ran well", "rollback.Rollback", ROLLBACK, "actions/rollback"),
        Verb("lock", "refuse all deployments of the document until unlock", "lock.Lock", (), "actions/lock"),
        Verb("unlock", "end the lock of the document", "unlock.Unlock", (), "actions/unlock"),
        Verb(
            "verify",
            "check what the document names before anything is deployed, and change nothing",
            "verify.Verify",
            VERIFY,
            "actions/verify",
        ),
        Verb(
            "artifacts",
            "write the files for CodePipeline's deploy actions: CodeDeployToECS and ECS",
            "artifacts.Artifacts",
            ("images",),
        ),
        Verb(
            "commit-status",
            "show an execution of a pipeline as the status of its commit on GitHub",
            "commit_status.CommitStatus",
            (),
        ),
        Verb("iam", "print the IAM policies that a document needs, and the trust policy", "iam.Iam", ()),
    )
}
