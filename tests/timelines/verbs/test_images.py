"""images: the matrix, in an action and on the command line."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
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


RUNNERS = "linux/amd64=ubuntu-latest\nlinux/arm64=self-hosted, arm64"


def app_file(images: object) -> None:
    Path(".github").mkdir()
    Path(".github/ecs-cd.yml").write_text(json.dumps({"images": images}))


def test_each_platform_of_an_image_has_its_runner(aws: ScriptedAws, step: Callable[..., Step]) -> None:
    """By the app's file; an image of one platform is built whole on its runner, one without on the first."""
    app_file({"app": {"platforms": ["linux/amd64", "linux/arm64/v8"]}})
    ended = step("images", sha="", runs_on=RUNNERS)
    assert ended.exit_code == 0, ended.log
    assert json.loads(ended.outputs["matrix"]) == {
        "include": [
            {"image": "nginx", "runs-on": ["ubuntu-latest"]},
            {"image": "app", "platform": "linux/amd64", "runs-on": ["ubuntu-latest"]},
            {"image": "app", "platform": "linux/arm64", "runs-on": ["self-hosted", "arm64"]},
        ]
    }
    assert [call.operation for call in aws.calls] == ["ssm.GetParameter"]


@pytest.mark.parametrize(
    ("images", "runs_on", "words"),
    [
        ({"app": {"platforms": ["linux/s390x"]}}, RUNNERS, ".github/ecs-cd.yml, images.app.platforms: runs-on has no runner for linux/s390x"),
        ({"app": {"platforms": ["linux/arm64", "linux/aarch64"]}}, RUNNERS, "images.app.platforms: linux/arm64 is there twice"),
        ({"api": {}}, RUNNERS, "the document has no image `api`"),
        ({"app": {}}, "linux/arm64=", "runs-on: must be PLATFORM=LABEL"),
        ({"app": {}}, "arm64 linux=x", "runs-on: must be PLATFORM=LABEL"),
        ({"app": {}}, "=x", "runs-on: must be PLATFORM=LABEL"),
        ({"app": {}}, "linux/arm64=a\nlinux/arm64/v8=b", "runs-on: linux/arm64 is there twice"),
        ({"app": {}}, "a\nb", "runs-on: a line without a platform is there twice"),
    ],
)  # fmt: skip
def test_a_platform_without_one_runner_is_refused(
    step: Callable[..., Step], images: object, runs_on: str, words: str
) -> None:
    """Before any job builds; there is no matrix."""
    app_file(images)
    ended = step("images", sha="", runs_on=runs_on)
    assert ended.exit_code == 2
    assert words in ended.log
    assert not ended.outputs


def test_the_apps_file_alone_is_enough(step: Callable[..., Step]) -> None:
    """The job that makes the matrix checks out only its folder: no context and no file of a secret is there."""
    secrets = {"npm": {"file": "secrets/npm"}}
    app_file({"app": {"context": "app", "file": "app/Dockerfile", "secrets": secrets, "platforms": ["linux/arm64"]}})
    ended = step("images", sha="", runs_on=RUNNERS)
    assert ended.exit_code == 0, ended.log
    assert json.loads(ended.outputs["matrix"])["include"][1] == {"image": "app", "runs-on": ["self-hosted", "arm64"]}


def test_one_runner_for_all_builds_each_image_whole(step: Callable[..., Step]) -> None:
    """As before there were runners by platform."""
    app_file({"app": {"platforms": ["linux/amd64", "linux/arm64"]}})
    matrix = json.loads(step("images", sha="", runs_on="big, x64").outputs["matrix"])
    assert matrix == {"include": [{"image": name, "runs-on": ["big", "x64"]} for name in ("nginx", "app")]}


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
