"""images: the matrix, in an action and on the command line."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

import pytest

from ecs_cd import cli
from tests.scripted_aws import Clock, ScriptedAws, error
from tests.timelines.conftest import DOCUMENT, Step

MATRIX = '{"image": ["nginx", "app"]}'


def has_document(aws: ScriptedAws, **more: Any) -> None:
    images = {name: {"repository": f"localhost:5000/my-{name}"} for name in ("nginx", "app")}
    text = json.dumps({**DOCUMENT, "images": images, **more})
    aws.on("ssm.GetParameter", {"Parameter": {"Value": text, "Version": 3}})


@pytest.fixture(autouse=True)
def document(aws: ScriptedAws) -> None:
    """A parameter with two images."""
    has_document(aws)


def test_the_output_is_a_matrix(aws: ScriptedAws, step: Callable[..., Step]) -> None:
    """What `fromJSON` makes of it is what `strategy.matrix` takes; one call is all."""
    ended = step("images", sha="")
    assert ended.exit_code == 0, ended.log
    assert ended.outputs == {"matrix": MATRIX, "hand-off": "false"}
    assert [call.operation for call in aws.calls] == ["ssm.GetParameter"]


def test_a_document_with_a_pipeline_asks_for_a_hand_off(aws: ScriptedAws, step: Callable[..., Step]) -> None:
    """The reusable workflow then hands the images over instead of deploying them."""
    has_document(aws, pipeline={"name": "my-app-deploy", "variables": {"IMAGE_APP": "app"}})
    assert step("images", sha="").outputs["hand-off"] == "true"


def test_the_whole_pipeline_does_not_deploy_beside_codepipeline(aws: ScriptedAws, step: Callable[..., Step]) -> None:
    """With `pipeline` in the document, both sides would migrate and deploy; nothing is built, either."""
    has_document(aws, pipeline={"name": "my-app-deploy", "variables": {"IMAGE_APP": "app"}})
    ended = step("pipeline")
    assert ended.exit_code == 2
    assert "the document has `pipeline`: CodePipeline (my-app-deploy) migrates and deploys these images" in ended.log
    assert [call.operation for call in aws.calls] == ["ssm.GetParameter"]


def test_on_the_command_line_standard_output_is_the_matrix(
    aws: ScriptedAws, clock: Clock, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Stderr says where the document was found."""
    for name in ("GITHUB_ACTIONS", "GITHUB_OUTPUT"):
        monkeypatch.delenv(name, raising=False)
    assert cli.main(["images", "--config", "/my/parameter"], os.environ, clock=clock) == 0
    printed, beside = capfd.readouterr()
    assert printed == f"{MATRIX}\n"
    assert beside == "config: the SSM parameter /my/parameter, version 3, in ap-northeast-1\n"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (error("ParameterNotFound", "x"), "/my/parameter"),
        ({"Parameter": {"Value": "images: {}", "Version": 1}}, "images: must not be empty"),
    ],
)
def test_without_a_document_there_is_no_matrix(
    aws: ScriptedAws,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    answer: Any,
    words: str,
) -> None:
    """Refused in words, and nothing for a script to read."""
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    aws.on("ssm.GetParameter", answer)
    assert cli.main(["images", "--config", "/my/parameter"], os.environ, clock=clock) == 2
    printed, beside = capfd.readouterr()
    assert printed == ""
    assert words in beside


def test_a_commit_is_no_input(step: Callable[..., Step]) -> None:
    """The images are the same for each."""
    ended = step("images")
    assert ended.exit_code == 2
    assert "sha: there is no such input" in ended.log
