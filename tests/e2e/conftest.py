"""The example's workflow under act, against ministack, a Docker engine and PostgreSQL: all of them real."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dev import workflows
from dev.aws import Aws, aws
from dev.base_images import BaseImages, base_images
from dev.database import Database, database, empty_database
from dev.engine import engine
from dev.stack import Stack, create_stack, page, running_tasks
from dev.tree import release_tree
from tests.e2e.shop import Shop, create_shop, push_images


@dataclass(frozen=True)
class World:
    """An app's repository, the suite's tree, and the infrastructure to which the app is deployed."""

    repo: Path
    tree: Path
    images: BaseImages
    database: Database
    stack: Stack

    @property
    def aws(self) -> Aws:
        return self.stack.aws

    def push(self, workflow: str = "deploy.yml") -> workflows.Result:
        """Runs the workflow that a push to main starts, to its end."""
        return workflows.run_workflow(
            self.repo, self.tree, workflow=workflow, env=self.aws.env, variables=self._variables
        )

    def start(self, workflow: str = "deploy.yml") -> AbstractContextManager[workflows.Run]:
        """Starts the same workflow, for a test that interferes."""
        return workflows.start_workflow(
            self.repo, self.tree, workflow=workflow, env=self.aws.env, variables=self._variables
        )

    def change(self, file: str, old: str, new: str) -> str:
        """A commit that replaces a text in a file of the app; its SHA."""
        path = self.repo / file
        text = path.read_text()
        assert old in text, f"{file} has no {old!r}"
        path.write_text(text.replace(old, new))
        return workflows.commit(self.repo, f"change {file}")

    def page(self) -> str:
        """The page that the service serves now."""
        return page(self.stack)

    def revisions(self) -> list[str]:
        """All revisions of all families."""
        return self.stack.clients.ecs.list_task_definitions()["taskDefinitionArns"]

    def running(self) -> set[str]:
        """The task definitions of the service's running tasks."""
        return {task.task_definition for task in running_tasks(self.stack)}

    def migrations(self) -> list[Mapping[str, Any]]:
        """The migration tasks, running and stopped."""
        ecs, cluster = self.stack.clients.ecs, self.stack.cluster
        arns = [
            arn
            for status in ("RUNNING", "STOPPED")
            for arn in ecs.list_tasks(cluster=cluster, family="my-app-migration", desiredStatus=status)["taskArns"]
        ]
        return list(ecs.describe_tasks(cluster=cluster, tasks=arns)["tasks"]) if arns else []

    @property
    def _variables(self) -> dict[str, str]:
        return {"BASE_IMAGE": self.images.python}


@pytest.fixture(scope="session")
def docker() -> Iterator[dict[str, str]]:
    with engine() as env:
        yield env


@pytest.fixture(scope="session")
def images(docker: dict[str, str]) -> BaseImages:
    return base_images(docker)


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return release_tree(tmp_path_factory.mktemp("suite") / "ecs-cd")


@pytest.fixture(scope="session")
def server(docker: dict[str, str], images: BaseImages) -> Iterator[Database]:
    with database(docker, images.postgres) as server:
        yield server


@pytest.fixture
def make_world(
    docker: dict[str, str], images: BaseImages, server: Database, tree: Path, tmp_path: Path
) -> Iterator[Callable[..., World]]:
    """Makes a world, with the arguments of create_stack."""
    with aws(docker, neighbour=server.container) as local_aws:

        def make(**stack: Any) -> World:
            repo = workflows.app_repo(tmp_path / "my-app")
            empty = empty_database(docker, server)
            return World(repo, tree, images, empty, create_stack(local_aws, empty, images.python, **stack))

        yield make


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    """The world that the example describes."""
    return make_world()


@pytest.fixture(scope="session")
def region(docker: dict[str, str]) -> Iterator[Aws]:
    """One AWS for all shops."""
    with aws(docker) as local_aws:
        yield local_aws


@pytest.fixture(scope="session")
def shop_images(region: Aws, images: BaseImages) -> dict[str, str]:
    """Each version of the shop, by its name, as ``repository@sha256:...``."""
    return push_images(region, images.python)


@pytest.fixture
def make_shop(region: Aws, shop_images: dict[str, str], tree: Path, tmp_path: Path) -> Iterator[Callable[..., Shop]]:
    """Makes a shop, with the arguments of create_shop."""
    with ExitStack() as at_the_end:

        def make(**how: Any) -> Shop:
            shop = create_shop(region, shop_images, tree, tmp_path / "shop", **how)
            at_the_end.callback(shop.close)
            return shop

        yield make


@pytest.fixture
def shop(make_shop: Callable[..., Shop]) -> Shop:
    """A shop whose services run the version `one`."""
    return make_shop()
