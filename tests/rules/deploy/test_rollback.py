"""What `rollback` chooses, and whose deployment it takes one to be."""

from __future__ import annotations

from typing import Any

import pytest

from ecs_cd.deploy.rules import rollback
from ecs_cd.deploy.rules.history import PastDeployment
from ecs_cd.deploy.rules.own_deployment import OwnDeployment
from ecs_cd.deploy.rules.rollback import Application, Situation, Way
from ecs_cd.deploy.rules.unfinished import Unfinished
from ecs_cd.model.errors import Refused
from ecs_cd.model.lifecycle import Strategy
from tests.rules.deploy.test_history import past

ROLLING, BLUE_GREEN, CODE_DEPLOY = Strategy.ROLLING, Strategy.BLUE_GREEN, Strategy.CODE_DEPLOY


def situation(
    strategy: Strategy,
    current: str,
    words: str,
    *,
    under_way: bool = False,
    serving: str = "",
    returns: str = "",
    back_to: str = "",
) -> Situation:
    """``current`` is under way or has ended; revisions are numbers, the history as in test_history."""
    revisions = tuple(f"web:{each}" for each in returns.split())
    own = OwnDeployment(strategy, "the deployment", f"web:{current}")
    unfinished = Unfinished(own, "it is under way", revisions, f"web:{back_to}" if back_to else "")
    history: list[PastDeployment] = past(words)
    runs = f"web:{serving}" if serving else None
    return Situation(strategy, f"web:{current}", unfinished if under_way else None, runs, history)


@pytest.mark.parametrize(
    ("strategy", "now", "to", "way", "back_to"),
    [
        (ROLLING, {"current": "5", "words": "3 5"}, "", Way.DEPLOY, "3"),
        (ROLLING, {"current": "5", "words": "3 5"}, "4", Way.DEPLOY, "4"),
        (ROLLING, {"current": "5", "words": "3 5"}, "5", Way.DEPLOY, "5"),
        (ROLLING, {"current": "5", "words": "3 5x", "serving": "3"}, "", Way.DEPLOY, "3"),
        (ROLLING, {"current": "5", "words": "", "serving": "3"}, "", Way.DEPLOY, "3"),
        (ROLLING, {"current": "5", "words": "3", "under_way": True}, "", Way.DEPLOY, "3"),
        (ROLLING, {"current": "5", "words": "3", "under_way": True, "serving": "3"}, "", Way.DEPLOY, "3"),
        (ROLLING, {"current": "5", "words": "3", "under_way": True, "serving": "3"}, "2", Way.DEPLOY, "2"),
        (ROLLING, {"current": "5", "words": "3", "under_way": True, "serving": "3"}, "5", Way.FOLLOW, "5"),
        (ROLLING, {"current": "3", "words": "3 5", "under_way": True, "serving": "5"}, "", Way.FOLLOW, "3"),
        (ROLLING, {"current": "3", "words": "3 5", "under_way": True, "serving": "5"}, "5", Way.DEPLOY, "5"),
        (ROLLING, {"current": "3", "words": "", "under_way": True, "serving": "5", "back_to": "3"}, "", Way.FOLLOW, "3"),
        (ROLLING, {"current": "3", "words": "2 3", "under_way": True, "serving": "3"}, "", Way.FOLLOW, "3"),
        (ROLLING, {"current": "3", "words": "2 3", "under_way": True, "serving": "3"}, "2", Way.DEPLOY, "2"),
        (BLUE_GREEN, {"current": "3", "words": "2 3", "under_way": True, "returns": "3 5"}, "", Way.FOLLOW, "3"),
        (BLUE_GREEN, {"current": "5", "words": "3", "under_way": True, "returns": "3"}, "", Way.UNDO, "3"),
        (BLUE_GREEN, {"current": "5", "words": "3", "under_way": True, "returns": "4 3"}, "", Way.UNDO, "3"),
        (BLUE_GREEN, {"current": "5", "words": "3 4x", "under_way": True, "returns": "4"}, "", Way.DEPLOY, "3"),
        (BLUE_GREEN, {"current": "5", "words": "", "under_way": True, "returns": "3"}, "", Way.UNDO, "3"),
        (BLUE_GREEN, {"current": "5", "words": "3", "under_way": True}, "", Way.DEPLOY, "3"),
        (BLUE_GREEN, {"current": "5", "words": "3", "under_way": True, "returns": "3"}, "2", Way.DEPLOY, "2"),
        (BLUE_GREEN, {"current": "5", "words": "3", "under_way": True, "returns": "3"}, "3", Way.UNDO, "3"),
        (BLUE_GREEN, {"current": "5", "words": "3 5", "under_way": True, "returns": "5"}, "", Way.UNDO, "5"),
        (BLUE_GREEN, {"current": "5", "words": "3", "under_way": True, "returns": "3", "back_to": "3"}, "", Way.FOLLOW, "3"),
        (CODE_DEPLOY, {"current": "5", "words": "3 4x", "under_way": True, "returns": "3"}, "", Way.UNDO, "3"),
        (CODE_DEPLOY, {"current": "5", "words": "2 3x", "under_way": True, "returns": "3"}, "", Way.UNDO, "3"),
        (CODE_DEPLOY, {"current": "3", "words": "3 5", "under_way": True, "returns": "5"}, "", Way.FOLLOW, "3"),
    ],
)  # fmt: skip
def test_what_rollback_chooses(strategy: Strategy, now: dict[str, Any], to: str, way: Way, back_to: str) -> None:
    """AWS undoes its own deployment where it can; what goes back already is followed."""
    found = rollback.choose(situation(strategy, **now), f"web:{to}" if to else "")
    assert (found.way, found.back_to) == (way, f"web:{back_to}")
    if way is not Way.FOLLOW:
        assert found.own.previous_task_definition == found.back_to


@pytest.mark.parametrize(
    ("strategy", "now", "to", "words"),
    [
        (ROLLING, {"current": "5", "words": ""}, "", "AWS lists no deployment of another revision"),
        (ROLLING, {"current": "5", "words": "? 5"}, "", "AWS does not return its revision"),
        (ROLLING, {"current": "3", "words": "3 5 3"}, "", "web:5 (service deployment 1) was rolled back already"),
        (ROLLING, {"current": "3", "words": "3 5 3x", "serving": "5"}, "", "AWS lists no deployment"),
        (ROLLING, {"current": "5", "words": "", "under_way": True}, "", "AWS lists no deployment"),
        (ROLLING, {"current": "3", "words": "", "under_way": True, "serving": "5"}, "", "it may be a rollback itself"),
        (BLUE_GREEN, {"current": "5", "words": "", "under_way": True}, "", "AWS lists no deployment"),
        (BLUE_GREEN, {"current": "5", "words": "3", "under_way": True, "returns": "3", "back_to": "3"}, "2", "goes back to web:3"),
        (CODE_DEPLOY, {"current": "5", "words": "3", "under_way": True, "returns": "3"}, "2", "CodeDeploy can only return"),
        (CODE_DEPLOY, {"current": "3", "words": "3 5x 3"}, "", "web:5 (service deployment 1) was rolled back already"),
    ],
)  # fmt: skip
def test_what_rollback_refuses(strategy: Strategy, now: dict[str, Any], to: str, words: str) -> None:
    """Each refusal has a remedy."""
    with pytest.raises(Refused) as refused:
        rollback.choose(situation(strategy, **now), f"web:{to}" if to else "")
    assert words in str(refused.value)
    assert refused.value.remedy


def test_the_choice_names_what_is_left_out() -> None:
    """The newest first, and no more than a line holds."""
    found = rollback.choose(situation(ROLLING, "9", "3 4x 5r 6x 7x 9"), "")
    left_out = "not web:7 (service deployment 4, STOPPED), web:6 (service deployment 3, STOPPED)"
    assert f"{left_out}, web:5 (service deployment 2, ROLLBACK_SUCCESSFUL) and 1 more" in found.words


CD = "arn:aws:sts::1:assumed-role/cd/run"


@pytest.mark.parametrize(
    ("brings", "by", "image", "ours", "words"),
    [
        ("web:2", CD, "r/app@sha256:1", Application(), ""),
        ("web:2", "", "r/app@sha256:1", Application(), ""),
        ("web:2", "arn:aws:sts::1:assumed-role/cd/another-run", "r/app@sha256:1", Application(), ""),
        ("web:2", "arn:aws:sts::1:assumed-role/admin/x", "r/app@sha256:1", Application(role="arn:aws:iam::1:role/x/admin"), ""),
        ("web:2", "arn:aws:sts::2:assumed-role/cd/run", "r/app@sha256:1", Application(), "role cd of 2 (session run) registered"),
        ("web:2", "arn:aws:iam::1:user/ops/bob", "r/app@sha256:1", Application(), "user bob of 1 registered web:2, not role cd of 1"),
        ("web:2", "arn:aws:iam::1:root", "r/app@sha256:1", Application(), "arn:aws:iam::1:root registered web:2"),
        ("api:2", CD, "r/app@sha256:1", Application(families={"web"}), "api:2 is not of the family web"),
        ("api:2", CD, "r/app@sha256:1", Application(families={"api"}), ""),
        ("web:2", CD, "r/new:1", Application(repositories={"app": "r/new"}), ""),
        ("web:2", CD, "r/app:1", Application(repositories={"app": "r/new"}), ""),
        ("web:2", CD, "nginx", Application(repositories={"app": "r/new"}), "its container app does not run an image of r/new"),
        ("web:2", CD, "r/app:1", Application(repositories={"other": "r/new"}), ""),  # neither has this container
    ],
)  # fmt: skip
def test_whose_deployment_it_is(brings: str, by: str, image: str, ours: Application, words: str) -> None:
    """By the family, the repositories of the document's images, and who registered it."""
    before = {"registeredBy": CD, "containerDefinitions": [{"name": "app", "image": "r/app@sha256:0"}]}
    now = {"containerDefinitions": [{"name": "app", "image": image}], **({"registeredBy": by} if by else {})}
    found = rollback.stranger(brings, "web:1", {brings: now, "web:1": before}, ours)
    assert (words in found) if words else not found
