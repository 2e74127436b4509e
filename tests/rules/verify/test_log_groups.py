"""The log groups of a task definition."""

from __future__ import annotations

from ecs_cd.verify.rules import log_groups
from ecs_cd.verify.rules.log_groups import LogGroup


def container(driver: str, **options: str) -> dict[str, object]:
    named = {f"awslogs-{name.replace('_', '-')}": value for name, value in options.items()}
    return {"name": "app", "logConfiguration": {"logDriver": driver, "options": named}}


def test_the_groups_of_awslogs() -> None:
    """Each once; of other drivers there are none."""
    definition = {
        "containerDefinitions": [
            container("awslogs", group="/a", region="r"),
            container("awslogs", group="/a", region="r"),
            container("awslogs", group="/a", region="r", stream_prefix="ecs", create_group="TRUE"),
            container("awsfirelens", group="/b", region="r"),
            {"name": "none"},
        ]
    }
    assert log_groups.named(definition) == [LogGroup("/a", "r"), LogGroup("/a", "r", True, "ecs/app/")]
    assert log_groups.problems(definition) == []


def test_options_that_awslogs_needs() -> None:
    """With their places."""
    definition = {
        "containerDefinitions": [container("awslogs", group="/a"), {"logConfiguration": {"logDriver": "awslogs"}}]
    }
    place = "containerDefinitions[{}].logConfiguration.options.awslogs-{} is missing, which awslogs needs"
    assert log_groups.problems(definition) == [
        place.format(0, "region"),
        place.format(1, "group"),
        place.format(1, "region"),
    ]
    assert log_groups.named(definition) == []
