"""ecs_cd.local.approve, at a local CodePipeline."""

from __future__ import annotations

import pytest

from ecs_cd.aws.session import Aws
from ecs_cd.local import approve
from ecs_cd.model.errors import Refused
from tests.machine.local.codepipeline.serving import REGION, Served, served
from tests.rules.local.codepipeline.course import APPROVE
from tests.scripted_aws.codepipeline import NAME, action, declaration, stage

START = ("StartPipelineExecution", "arn:aws:iam::123456789012:root")


def give(there: Served, monkeypatch: pytest.MonkeyPatch, action: str = "", status: str = "Approved") -> list[str]:
    """Answers an approval; what it says."""
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    for name, value in (keys | {"AWS_ENDPOINT_URL_CODEPIPELINE": there.endpoint.url}).items():
        monkeypatch.setenv(name, value)
    said: list[str] = []
    approve.give(Aws({}, REGION), [NAME], action, "", status, said.append)
    return said


@pytest.mark.parametrize("mode", ["QUEUED", "SUPERSEDED", "PARALLEL"])
def test_the_only_action_that_waits_is_answered(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of several executions, which PARALLEL alone has, the oldest one's."""
    with served(declaration(APPROVE, executionMode=mode)) as there:
        count = 2 if mode == "PARALLEL" else 1
        ids = [there.engine.start({"name": NAME}, START) for _ in range(count)]
        for id, status in zip(ids, ["Approved", "Rejected"], strict=False):
            assert give(there, monkeypatch, status=status) == [f"{NAME}: Approve/Approve: {status}"]
            there.until(lambda id=id: not there.engine.pipeline(NAME).executions[id].runs)  # type: ignore[misc]
        found = [each.status for each in there.engine.pipeline(NAME).executions.values()]
        assert found == ["Succeeded", "Failed"][:count]


def test_one_of_several_actions_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which ones wait is said; nothing is answered."""
    two = stage("Approve", action("Legal", "Manual"), action("Team", "Manual"))
    with served(declaration(two)) as there:
        with pytest.raises(Refused, match="no single approval to answer; waiting: none"):
            give(there, monkeypatch)
        there.engine.start({"name": NAME}, START)
        with pytest.raises(Refused, match=r"no single approval to answer; waiting: Approve/.*, Approve/"):
            give(there, monkeypatch)
        assert give(there, monkeypatch, "Approve/Legal") == [f"{NAME}: Approve/Legal: Approved"]
        assert give(there, monkeypatch) == [f"{NAME}: Approve/Team: Approved"]
