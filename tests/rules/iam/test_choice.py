"""Which verbs a role is for: those that are named, or those that the document is for."""

from __future__ import annotations

import pytest

from ecs_cd.iam.rules import choice
from ecs_cd.model.errors import Refused
from tests.rules.iam.test_place import loaded

PIPELINE = {"pipeline": {"name": "p", "variables": {"IMAGE": "app"}}}
MIGRATION = {"migration": {"task-definition": "m", "container": "app"}}


@pytest.mark.parametrize(
    ("changes", "given", "expected"),
    [
        ({}, [], ("build-push", "deploy")),
        (MIGRATION, [], ("build-push", "migrate", "deploy")),
        ({**MIGRATION, **PIPELINE}, [], ("build-push", "hand-off")),
        ({}, ["pipeline"], ("build-push", "deploy")),
        (MIGRATION, ["pipeline", "deploy", "rollback"], ("build-push", "migrate", "deploy", "rollback")),
        ({}, ["images"], ("images",)),
    ],
)
def test_a_role_is_for_these_verbs(changes: dict[str, object], given: list[str], expected: tuple[str, ...]) -> None:
    """Each once, and `pipeline` as what it does with this document."""
    assert choice.verbs(given, loaded(**changes)) == expected


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["deploi"], "--verb: there is no verb deploi; did you mean `deploy`?"),
        (["local"], "--verb: there is no verb local"),
        (["migrate"], "--verb migrate: the document has neither `migration` nor `tasks`"),
        (["hand-off"], "--verb hand-off: the document has no `pipeline`"),
        (["commit-status"], "--verb commit-status: the document has no `pipeline`"),
    ],
)
def test_a_verb_that_can_do_nothing_is_refused(given: list[str], words: str) -> None:
    """With what would be right."""
    with pytest.raises(Refused) as error:
        choice.verbs(given, loaded())
    assert words in str(error.value) and error.value.remedy


def test_an_unknown_verb_is_refused_with_all_that_exist() -> None:
    """A reader needs no page to go on."""
    with pytest.raises(Refused) as error:
        choice.verbs(["x"], loaded())
    assert all(verb in error.value.remedy for verb in ("pipeline", "build-push", "migrate", "deploy", "hand-off"))


def test_an_unknown_feature_is_refused_with_all_that_exist() -> None:
    """In the same way."""
    with pytest.raises(Refused, match="there is no feature scans; did you mean `scan`") as error:
        choice.features(["scans"])
    assert "create-repositories" in error.value.remedy
