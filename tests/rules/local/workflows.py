"""Workflows for tests."""

from __future__ import annotations

from ecs_cd.local import workflow
from ecs_cd.local.workflow import Workflow


def read(
    steps: str = "", *, on: str = "push", job: str = "runs-on: ubuntu-latest", file: str = "deploy.yml"
) -> Workflow:
    """A workflow of one job, with these steps in YAML's flow style."""
    return workflow.read(file, f"on: {on}\njobs:\n  one:\n    {job}\n    steps: [{steps}]\n")
