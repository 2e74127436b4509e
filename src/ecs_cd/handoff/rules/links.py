"""Pages of the AWS console. Names of pipelines and ids of executions have no character that a URL would escape."""

from __future__ import annotations

from ecs_cd.model import console


def execution(region: str, pipeline: str, execution_id: str) -> str:
    """An execution's timeline."""
    return f"{_pipeline(region, pipeline)}/executions/{execution_id}/timeline?region={region}"


def pipeline(region: str, name: str) -> str:
    """The pipeline's page, where people approve."""
    return f"{_pipeline(region, name)}/view?region={region}"


def _pipeline(region: str, name: str) -> str:
    host = console.host(region, console.partition(region))
    return f"https://{host}/codesuite/codepipeline/pipelines/{name}"
