"""Revisions: which are not needed any more, and which are of a commit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecs_cd.model.references import family as family_of
from ecs_cd.model.references import repository
from ecs_cd.tasks.rules import revisions

PREFIX = "arn:aws:ecs:ap-northeast-1:123456789012:task-definition/"


def arns(*numbers: int, family: str = "web") -> list[str]:
    return [f"{PREFIX}{family}:{number}" for number in numbers]


@pytest.mark.parametrize(
    ("task_definition", "expected"),
    [
        (f"{PREFIX}web:7", "web"),
        (f"{PREFIX}web", "web"),
        ("web:7", "web"),
        ("web", "web"),
        ("arn:aws-cn:ecs:cn-north-1:123456789012:task-definition/my_web-2:11", "my_web-2"),
    ],
)
def test_a_family_is_read_from_each_form(task_definition: str, expected: str) -> None:
    """An ARN may lack the revision, and a name the ARN."""
    assert family_of(task_definition) == expected


@pytest.mark.parametrize(
    ("active", "keep", "used", "expected"),
    [
        ([], 3, [], []),
        ([9], 1, [], []),
        ([9, 8, 7], 3, [], []),
        ([9, 8, 7], 5, [], []),
        ([9, 8, 7, 6], 3, [], [6]),
        ([9, 8, 7, 6], 1, [], [6, 7, 8]),
        ([12, 11, 10, 9], 2, [], [9, 10]),  # by number: as text, 9 would be the newest
        ([9, 10, 12, 11], 2, [], [9, 10]),
        ([9, 8, 7, 6], 1, arns(7), [6, 8]),
        ([9, 8, 7, 6], 1, ["web:7"], [6, 8]),
        ([9, 8, 7, 6], 1, arns(9), [6, 7, 8]),
        ([9, 8, 7, 6], 2, arns(6, 7), []),
        ([9, 8, 7, 6], 1, arns(7, family="worker"), [6, 7, 8]),
        ([9, 8], 0, [], [8]),
        ([9, 8], -1, [], [8]),
    ],
)
def test_all_but_the_newest_and_the_used_are_superfluous(
    active: list[int], keep: int, used: list[str], expected: list[int]
) -> None:
    """The oldest first; the newest one stays, whatever `keep` is."""
    assert revisions.expired(arns(*active), keep, used) == arns(*expected)


@given(st.sets(st.integers(1, 60)), st.integers(1, 10), st.sets(st.integers(1, 60)), st.randoms(use_true_random=False))
def test_what_is_used_or_among_the_newest_is_never_superfluous(
    active: set[int], keep: int, used: set[int], random: Any
) -> None:
    """And everything else is, in whichever order the revisions come."""
    listed = arns(*active)
    random.shuffle(listed)
    found = revisions.expired(listed, keep, arns(*used))
    newest = set(arns(*sorted(active)[-keep:]))
    assert set(found) == set(listed) - newest - set(arns(*used))
    assert len(found) == len(set(found))


@pytest.mark.parametrize(
    ("service", "expected"),
    [
        ({}, []),
        ({"taskDefinition": "a:1"}, ["a:1"]),
        ({"deployments": [{"taskDefinition": "a:2"}, {"taskDefinition": "a:1"}]}, ["a:1", "a:2"]),
        ({"taskSets": [{"taskDefinition": "a:3"}, {"taskDefinition": "a:2"}], "deployments": []}, ["a:2", "a:3"]),
        ({"taskDefinition": "a:1", "deployments": [{"taskDefinition": "a:2"}], "taskSets": [{}]}, ["a:1", "a:2"]),
    ],
)
def test_a_service_names_what_its_deployments_and_task_sets_run(service: dict[str, Any], expected: list[str]) -> None:
    """The one that is left behind as well: it may be what is rolled back to."""
    assert sorted(revisions.named_by([service])) == expected
    assert sorted(revisions.named_by([service, {"taskDefinition": "b:1"}])) == [*expected, "b:1"]


@pytest.mark.parametrize(
    ("service", "running"),
    [
        (
            {
                "deployments": [
                    {"status": "ACTIVE", "taskDefinition": "a"},
                    {"status": "PRIMARY", "taskDefinition": "b"},
                ]
            },
            "b",
        ),
        ({"deployments": [], "taskSets": [{"status": "ACTIVE", "taskDefinition": "a"}]}, None),
        (
            {"taskSets": [{"status": "ACTIVE", "taskDefinition": "a"}, {"status": "PRIMARY", "taskDefinition": "b"}]},
            "b",
        ),
        ({}, None),
    ],
)
def test_what_runs_is_the_primarys(service: dict[str, Any], running: str | None) -> None:
    """Of a deployment, or under CODE_DEPLOY of a task set."""
    assert revisions.running(service) == running


A, B = repository("r.io/app"), replace(repository("r.io/app"), tag_suffix="-nginx")
ABC, DEF = "sha256:abc", "sha256:def"


@pytest.mark.parametrize(
    ("app", "nginx", "tags", "expected"),
    [
        ("r.io/app@sha256:abc", "r.io/app@sha256:def", {}, True),
        ("r.io/app:c0ffee@sha256:abc", "r.io/app:c0ffee-nginx", {}, True),
        ("r.io/app@sha256:999", "r.io/app@sha256:def", {}, False),  # commits share the images that they do not change
        ("r.io/app@sha256:def", "r.io/app@sha256:abc", {}, False),
        ("r.io/other@sha256:abc", "r.io/app@sha256:def", {}, False),
        ("r.io/app:latest", "r.io/app", {}, False),
        ("r.io/app:latest", "r.io/app", {"commit": "c0ffee"}, True),
    ],
)
def test_a_revision_is_of_a_commit_if_it_runs_all_of_its_images(
    app: str, nginx: str, tags: dict[str, str], expected: bool
) -> None:
    """By digest or tag; a sidecar whose repository has no image of the commit does not count."""
    named = {"app": app, "nginx": nginx, "sidecar": "aws/xray:3"}
    containers = [{"name": name, "image": image} for name, image in named.items()]
    described = {
        "taskDefinition": {"containerDefinitions": containers},
        "tags": [{"key": key, "value": value} for key, value in tags.items()],
    }
    sidecar = repository("aws/xray")
    places, digests = {"app": A, "nginx": B, "sidecar": sidecar}, {A: ABC, B: DEF, sidecar: ""}
    assert revisions.has_commit(described, "c0ffee", places, digests) is expected
