"""ecs_cd.local.ignored, compared with ministack itself: its source, and what it gives to Docker."""

from __future__ import annotations

import ast
import json
import sys
from pathlib import Path
from typing import Any

import botocore.session
import pytest

from ecs_cd.local import ignored, machine

_PYTHON = Path(sys.prefix) / "ministack" / "bin" / "python"
_SOURCE = "import ministack.services.ecs as ecs; print(ecs.__file__)"
_RUN = """\
import json, sys
import ministack.services.ecs as ecs
for container in json.load(sys.stdin):
    given = ecs._build_run_kwargs(container, {}, {}, {}, "net", False, "task", "arn", "ip", "cluster")
    print("given", json.dumps(given, sort_keys=True))
"""
MEMBERS = botocore.session.get_session().get_service_model("ecs").shape_for("ContainerDefinition").members  # type: ignore[attr-defined]
LINUX = MEMBERS["linuxParameters"].members
EXEC = {"interactive", "user"}  # fields of ExecuteCommand and of its sessions as well


def ministack(script: str, given: str = "") -> list[str]:
    """What ministack's own Python prints."""
    if not _PYTHON.exists():
        pytest.skip("ministack is not installed")
    return machine.run([_PYTHON, "-c", script], stdin=given).stdout.splitlines()


@pytest.fixture(scope="module")
def names() -> set[str]:
    """Every text in the module of ministack that runs containers: it reads no field without its name."""
    (path,) = ministack(_SOURCE)[-1:]
    nodes = ast.walk(ast.parse(Path(path).read_text(encoding="utf-8")))
    return {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def test_each_field_of_a_container_is_in_one_table() -> None:
    """A new field of botocore belongs to one of them."""
    tables = (*ignored.CONTAINER, *ignored.HONOURED, *ignored.PARTLY)
    assert sorted(tables) == sorted(MEMBERS)
    assert set(ignored.LINUX_PARAMETERS) | {"capabilities"} == set(LINUX)


def test_ministack_reads_no_field_of_the_table(names: set[str]) -> None:
    """If a newer ministack reads one, this fails, and the field moves to HONOURED."""
    assert not names & ({*ignored.CONTAINER, *ignored.LINUX_PARAMETERS, "drop"} - EXEC)
    assert {*ignored.HONOURED, *ignored.PARTLY} <= names


def test_docker_gets_nothing_of_the_fields_in_the_table() -> None:
    """The same container, with and without all of these fields."""
    values: dict[str, Any] = {
        "list": ["x"],
        "string": "x",
        "boolean": True,
        "integer": 1,
        "structure": {"command": ["x"]},
        "map": {"a": "b"},
    }
    plain: dict[str, Any] = {"name": "app", "image": "app", "command": ["serve"]}
    whole = plain | {name: values[MEMBERS[name].type_name] for name in ignored.CONTAINER}
    other = plain | {"command": ["other"]}
    found = [line for line in ministack(_RUN, json.dumps([plain, whole, other])) if line.startswith("given")]
    assert found[0] == found[1] != found[2]
