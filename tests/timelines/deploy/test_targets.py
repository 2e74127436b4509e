"""`rollback` with `list`: what each service can go back to, and what not; nothing changes."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.scripted_aws import Params, ScriptedAws, denied, ecs, error
from tests.timelines.conftest import REPOSITORY, Step
from tests.timelines.deploy.test_restorable import GONE, containers, images
from tests.timelines.deploy.test_rollback import COMMIT, definitions, ecs_past, mutations, rolling

Run = Callable[..., Step]

GOOD = "sha256:" + "c" * 64


@pytest.fixture
def listed(aws: ScriptedAws, step: Run) -> Run:
    """Runs it for a service at web:5, after web:1, web:2, web:3 and web:4, which failed."""
    past = ecs_past("web:1", "web:2", "web:3", "web:4 STOPPED", "web:5")
    rolling(aws, ecs.deployment("ecs-svc/7", task_definition="web:5"), past=past)
    definitions(
        aws,
        web_1={"status": "INACTIVE"},
        web_2=containers(f"{REPOSITORY}@{GONE}"),
        web_3=containers(f"{REPOSITORY}@{GOOD}", "nginx:1", first="app"),
    )
    images(aws, gone=GONE)

    def tags(params: Params) -> Params:
        digest = params["imageIds"][0]["imageDigest"]
        return {"imageDetails": [{"imageDigest": digest, "imageTags": [COMMIT, "latest"] if digest == GOOD else []}]}

    aws.on("ecr.DescribeImages", tags)
    return lambda **inputs: step("rollback", list="true", sha="", **inputs)


def test_the_list_says_what_can_be_gone_back_to(aws: ScriptedAws, listed: Run) -> None:
    """Newest first, with the commit, the images, the time and each obstacle; in the log, summary and output."""
    ended = listed()
    assert ended.exit_code == 0, ended.log
    assert not mutations(aws)
    assert ended.outputs["result"] == "skipped"
    found = json.loads(ended.outputs["targets"])["web"]
    assert [each["task-definition"].rpartition("/")[2] for each in found["revisions"]] == [
        f"web:{number}" for number in (5, 4, 3, 2, 1)
    ]
    assert [each["state"] for each in found["revisions"]] == ["runs now", "STOPPED", "ran well", "ran well", "ran well"]
    assert [bool(each["obstacles"]) for each in found["revisions"]] == [False, False, False, True, True]
    good = found["revisions"][2]
    assert found["default"] == good["task-definition"]
    assert good["commits"] == [COMMIT]
    assert good["images"] == {"app": f"{REPOSITORY}@{GOOD}", "c1": "nginx:1"}
    for text in (ended.log, ended.summary):
        assert "web: rollback goes back to web:3: web:5 -" in text.replace("&gt;", ">").replace("\\", "")
        assert f"web:2: the image {REPOSITORY}@{GONE} of the container c0 is not in ECR" in text
        assert "web:1: it is INACTIVE" in text
        assert "web:3     yes          ran well" in text and "my-app@sha256:cccccccccccc, nginx:1" in text
        assert COMMIT in text


@pytest.mark.parametrize(
    "answer",
    [denied("ecr:DescribeImages"), error("ImageNotFoundException", ""), error("RepositoryNotFoundException", "")],
)
def test_an_image_without_known_tags_has_no_commit(aws: ScriptedAws, listed: Run, answer: Params) -> None:
    """The rest of the list is complete."""
    aws.on("ecr.DescribeImages", answer)
    ended = listed()
    assert ended.exit_code == 0, ended.log
    assert [each["commits"] for each in json.loads(ended.outputs["targets"])["web"]["revisions"]][2] == []
    assert "unknown" in ended.log


def test_where_a_rollback_would_refuse_the_list_says_why(aws: ScriptedAws, listed: Run) -> None:
    """The list itself is no failure."""
    images(aws, gone=GOOD)
    ended = listed()
    assert ended.exit_code == 0, ended.log
    assert json.loads(ended.outputs["targets"])["web"]["default"] == ""
    assert "web: rollback refuses: ECS can start no task of web:3" in ended.log


def test_a_service_without_history_has_an_empty_list(aws: ScriptedAws, listed: Run) -> None:
    """It was created, and never deployed since."""
    aws.on("ecs.ListServiceDeployments", ecs_past())
    ended = listed()
    assert ended.exit_code == 0, ended.log
    assert json.loads(ended.outputs["targets"])["web"]["revisions"] == []
    assert "AWS lists no deployment of this service." in ended.log


def test_a_definition_can_not_write_to_the_log(aws: ScriptedAws, listed: Run) -> None:
    """Names and tags come from AWS, where another user may have written them."""
    definitions(aws, web_3={**containers("nginx:1\n::error::gotcha"), "tags": [{"key": "k", "value": "\n::error::x"}]})
    ended = listed()
    assert ended.exit_code == 0, ended.log
    assert not [line for line in ended.log.splitlines() if line.startswith("::error")]
