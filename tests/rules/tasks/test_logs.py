"""Where a container's log is."""

from __future__ import annotations

from typing import Any

import pytest

from ecs_cd.aws.logs import Stream
from ecs_cd.tasks.logs import log_stream
from tests.rules.tasks.definitions import web

TASK = "arn:aws:ecs:r:1:task/c/0123"
OPTIONS = {"awslogs-group": "/g", "awslogs-stream-prefix": "ecs", "awslogs-region": "eu-west-1"}


def without(option: str) -> dict[str, str]:
    return {name: value for name, value in OPTIONS.items() if name != option}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (OPTIONS, Stream("/g", "ecs/app/0123", "eu-west-1")),
        (without("awslogs-region"), Stream("/g", "ecs/app/0123", None)),
        (without("awslogs-stream-prefix"), None),
        (without("awslogs-group"), None),
        ({}, None),
    ],
)
def test_the_stream_is_prefix_container_task(options: dict[str, str], expected: Stream | None) -> None:
    """Without a prefix, Docker names it after the container's id."""
    definition = web(logConfiguration={"logDriver": "awslogs", "options": options})
    assert log_stream(definition, "app", TASK) == expected
    assert log_stream(definition, "other", TASK) is None


@pytest.mark.parametrize(
    "configuration",
    [
        {"logDriver": "awslogs"},
        {"logDriver": "awsfirelens", "options": {"Name": "loki"}},
        {"logDriver": "awsfirelens", "options": OPTIONS},
        {},
    ],
)
def test_only_awslogs_says_where_the_log_is(configuration: dict[str, Any]) -> None:
    """Any other driver takes it where ecs-cd can't read it."""
    assert log_stream(web(logConfiguration=configuration), "app", TASK) is None
