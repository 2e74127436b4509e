"""The log groups that a task definition names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Json = Mapping[str, Any]

_REQUIRED = ("awslogs-group", "awslogs-region")


@dataclass(frozen=True)
class LogGroup:
    """``created``: ECS creates the group if it does not exist. ``streams`` begin with this prefix."""

    name: str
    region: str
    created: bool = False
    streams: str = ""


def named(definition: Json) -> list[LogGroup]:
    """The groups of the awslogs driver, each once."""
    return list(dict.fromkeys(_group(name, each) for _, name, each in _options(definition) if _complete(each)))


def problems(definition: Json) -> list[str]:
    """The options that the driver lacks."""
    return [
        f"{place}.{name} is missing, which awslogs needs"
        for place, _, options in _options(definition)
        for name in _REQUIRED
        if not options.get(name)
    ]


def _options(definition: Json) -> Iterator[tuple[str, str, Json]]:
    """The options of each container that uses the driver, with their place and the container's name."""
    for number, container in enumerate(definition.get("containerDefinitions", ())):
        log = container.get("logConfiguration", {})
        if log.get("logDriver") == "awslogs":
            place = f"containerDefinitions[{number}].logConfiguration.options"
            yield place, str(container.get("name", "")), log.get("options", {})


def _complete(options: Json) -> bool:
    return all(options.get(name) for name in _REQUIRED)


def _group(container: str, options: Json) -> LogGroup:
    prefix = options.get("awslogs-stream-prefix")
    return LogGroup(
        str(options["awslogs-group"]),
        str(options["awslogs-region"]),
        str(options.get("awslogs-create-group", "")).lower() == "true",
        f"{prefix}/{container}/" if prefix else "",
    )
