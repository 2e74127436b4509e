"""The running tasks run the requested digests."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ecs_cd.deploy.rules import digests

OURS = "arn:aws:ecs:r:1:task-definition/web:2"
ASKED, CHILD, OTHER = ("sha256:" + letter * 64 for letter in "abc")
IMAGE = f"host/app@{ASKED}"
CHILDREN = {IMAGE: frozenset([CHILD])}


def task(digest: str | None, *, definition: str = OURS, name: str = "app") -> dict[str, Any]:
    container = {"name": name, **({"imageDigest": digest} if digest else {})}
    return {"taskArn": "arn:aws:ecs:r:1:task/c/0123", "taskDefinitionArn": definition, "containers": [container]}


@pytest.mark.parametrize(
    ("running", "found"),
    [
        ([task(ASKED)], []),
        ([task(CHILD)], []),
        ([task(ASKED), task(CHILD)], []),
        ([task(None)], []),
        ([task(OTHER, name="sidecar")], []),
        ([task(OTHER)], [f"task 0123: container `app` runs {OTHER}, not {IMAGE}"]),
        ([task(ASKED), task(OTHER)], [f"task 0123: container `app` runs {OTHER}, not {IMAGE}"]),
        ([task(ASKED, definition=OURS[:-1] + "1")], ["task 0123 runs web:1"]),
    ],
)
def test_the_asked_digest_or_a_child_of_its_index_runs(running: list[dict[str, Any]], found: list[str]) -> None:
    """Every running task is of our task definition and runs the digest."""
    assert digests.missing(running, OURS, {"app": IMAGE}, CHILDREN) == found


def test_without_its_index_a_child_proves_nothing() -> None:
    """The manifest has to be asked for first."""
    assert digests.missing([task(CHILD)], OURS, {"app": IMAGE}, {})


@pytest.mark.parametrize(
    ("manifest", "expected"),
    [
        ({"manifests": [{"digest": ASKED, "platform": {}}, {"digest": CHILD}]}, {ASKED, CHILD}),
        ({"layers": [{"digest": ASKED}], "config": {"digest": CHILD}}, set()),
        ({}, set()),
    ],
)
def test_the_children_are_those_of_an_index(manifest: dict[str, Any], expected: set[str]) -> None:
    """The layers of an image are not children."""
    assert digests.children(json.dumps(manifest)) == expected
