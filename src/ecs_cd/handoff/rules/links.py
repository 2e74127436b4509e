"""Pages of the AWS console. Names of pipelines and ids of executions have no character that a URL would escape."""

from __future__ import annotations

_PARTITIONS = {"cn-": "console.amazonaws.cn", "us-gov-": "console.amazonaws-us-gov.com"}


def execution(region: str, pipeline: str, execution_id: str) -> str:
    """An execution's timeline."""
    return f"{_pipeline(region, pipeline)}/executions/{execution_id}/timeline?region={region}"


def pipeline(region: str, name: str) -> str:
    """The pipeline's page, where people approve."""
    return f"{_pipeline(region, name)}/view?region={region}"


def _pipeline(region: str, name: str) -> str:
    host = next((host for start, host in _PARTITIONS.items() if region.startswith(start)), "console.aws.amazon.com")
    # The console has a host of its own in each region of the partition `aws` only.
    local = f"{region}." if host == "console.aws.amazon.com" else ""
    return f"https://{local}{host}/codesuite/codepipeline/pipelines/{name}"
