"""ecs_cd.local.ignored: what the log says of a template."""

from __future__ import annotations

from typing import Any

import pytest

from ecs_cd.local import ignored

WORDS = "t.json: the local AWS ignores {} of the container app"


@pytest.mark.parametrize(
    ("container", "found"),
    [
        ({}, ""),
        ({"entryPoint": ["sh"], "user": "1000", "healthCheck": {"command": ["CMD", "true"]}}, "entryPoint, healthCheck, user"),
        ({"entryPoint": [], "user": "", "healthCheck": None, "readonlyRootFilesystem": False, "dependsOn": []}, ""),
        ({"linuxParameters": {"initProcessEnabled": True, "capabilities": {"add": ["SYS_PTRACE"]}}}, "linuxParameters.initProcessEnabled"),
        ({"linuxParameters": {"capabilities": {"drop": ["ALL"]}}}, "linuxParameters.capabilities.drop"),
        ({"linuxParameters": None, "logConfiguration": None, "mountPoints": None}, ""),
        ({"logConfiguration": {"logDriver": "awslogs"}}, ""),
        ({"logConfiguration": {"logDriver": "awsfirelens"}}, "logConfiguration (awsfirelens)"),
        ({"mountPoints": [{"sourceVolume": "shared"}, {"sourceVolume": "of-host"}]}, "mountPoints (shared)"),
    ],
)  # fmt: skip
def test_a_field_without_an_effect_is_named(container: dict[str, Any], found: str) -> None:
    """Only if it says something: an empty value and a default change nothing in AWS either."""
    volumes = [{"name": "shared", "host": None}, {"name": "of-host", "host": {"sourcePath": "/data"}}]
    definition = {"volumes": volumes, "containerDefinitions": [{"name": "app", **container}]}
    assert ignored.notes(definition, "t.json") == ([WORDS.format(found)] if found else [])


def test_each_container_has_its_line() -> None:
    """In the order of the template."""
    containers = [
        {"name": "app", "user": "1"},
        {"name": "db"},
        {"name": "nginx", "dependsOn": [{"containerName": "app"}]},
    ]
    lines = ignored.notes({"containerDefinitions": containers, "volumes": None}, "t")
    assert [line.rpartition(" ")[2] for line in lines] == ["app", "nginx"]
