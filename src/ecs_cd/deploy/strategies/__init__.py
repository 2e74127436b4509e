"""The calls of each strategy, a file each, typed by one Protocol. What a snapshot means is decided in rules/."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from ecs_cd.aws.session import Aws
from ecs_cd.deploy.plan import DeploymentPlan
from ecs_cd.deploy.rules.conflict import Conflict
from ecs_cd.deploy.rules.history import PastDeployment
from ecs_cd.deploy.rules.own_deployment import OwnDeployment
from ecs_cd.deploy.rules.snapshot import Snapshot
from ecs_cd.deploy.rules.unfinished import Unfinished
from ecs_cd.deploy.strategies import blue_green, codedeploy, rolling
from ecs_cd.deploy.tracked import TrackedDeployment
from ecs_cd.job.job import Job
from ecs_cd.model.lifecycle import Strategy


class DeploymentStrategy(Protocol):
    """What a module of this package offers."""

    @property
    def CARRIED_OUT_BY(self) -> str:  # noqa: N802  # a constant of the module
        """The AWS service that continues a deployment when the job ends."""

    @property
    def CALLS_PER_LOOK(self) -> float:  # noqa: N802
        """AWS calls to find out whether a service has a deployment under way."""

    @property
    def CAN_BE_SUPERSEDED(self) -> bool:  # noqa: N802
        """Whether a deployment may start while another one is running."""

    @property
    def OLD_TASKS_COUNT(self) -> bool:  # noqa: N802
        """Whether a task of an old revision contradicts a success."""

    @property
    def SERVICE_NAMES_TARGET_GROUPS(self) -> bool:  # noqa: N802
        """Whether DescribeServices names the target groups of the new tasks."""

    def prepare(self, job: Job, plan: DeploymentPlan) -> DeploymentPlan:
        """The plan with all that the strategy needs. Raises ``Refused`` for every problem known in advance."""

    def wait_budget(self, job: Job, plan: DeploymentPlan, timeout: float) -> float:
        """Seconds to follow a deployment, including its own waits."""

    def start(self, job: Job, plan: DeploymentPlan, arn: str) -> OwnDeployment:
        """Starts the deployment of this revision, or finds that the service runs it or is on the way to it."""

    def read(self, job: Job, followed: Sequence[TrackedDeployment]) -> Sequence[Snapshot]:
        """A snapshot of each deployment, all at once. Raises ``Unreadable``.

        Puts into ``own`` of each what AWS has shown of it since: its id, or that another one took over or replaced it.
        """

    def conflict(self, job: Job, plan: DeploymentPlan, arn: str) -> Conflict | None:
        """Another deployment of this service, not to the revision ``arn``, that has not ended."""

    def undo(self, job: Job, tracked: TrackedDeployment) -> OwnDeployment:
        """Starts the way back to the previous revision. Raises ``Refused`` if that would undo another deployment."""

    def unfinished(self, job: Job, plan: DeploymentPlan) -> Unfinished | None:
        """The service's deployment that has not ended, whichever run started it."""

    def waiting(self, job: Job, plan: DeploymentPlan) -> OwnDeployment | None:
        """The service's deployment that waits for an approval."""

    def go_on(self, job: Job, plan: DeploymentPlan, own: OwnDeployment) -> bool:
        """Lets a waiting deployment continue; ``False`` if it no longer waits there."""

    def history(self, job: Job, plan: DeploymentPlan) -> Sequence[PastDeployment]:
        """The deployments of this service that have ended, for the time that AWS keeps them."""

    def stop(self, aws: Aws, entry: Mapping[str, Any]) -> str:
        """Stops the deployment of a state file's entry unless another one replaced it; a sentence on what was done.

        Raises ``Unreadable`` with that sentence if AWS may not show the deployment yet.
        """


STRATEGIES: Mapping[Strategy, DeploymentStrategy] = {
    Strategy.ROLLING: rolling,
    Strategy.BLUE_GREEN: blue_green,
    Strategy.LINEAR: blue_green,
    Strategy.CANARY: blue_green,
    Strategy.CODE_DEPLOY: codedeploy,
}


def of(plan: DeploymentPlan) -> DeploymentStrategy:
    """The strategy that deploys the plan."""
    return STRATEGIES[plan.strategy]


def read(job: Job, followed: Sequence[TrackedDeployment]) -> list[Snapshot]:
    """A snapshot of each deployment in its order; those of one strategy are read at once. Raises ``Unreadable``."""
    by_module: dict[int, tuple[DeploymentStrategy, list[int]]] = {}
    for number, tracked in enumerate(followed):
        strategy = of(tracked.plan)
        by_module.setdefault(id(strategy), (strategy, []))[1].append(number)
    found: dict[int, Snapshot] = {}
    for strategy, numbers in by_module.values():
        snapshots = strategy.read(job, [followed[number] for number in numbers])
        found.update(zip(numbers, snapshots, strict=True))
    return [found[number] for number in range(len(followed))]
