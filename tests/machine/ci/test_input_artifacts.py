"""What a pipeline gives to a build, from the environment."""

from __future__ import annotations

import pytest

from ecs_cd.ci import input_artifacts

BUILD = {"CODEBUILD_BUILD_ID": "deploy:1", "CODEBUILD_INITIATOR": "codepipeline/my-app"}


@pytest.mark.parametrize(
    ("environ", "name"),
    [
        (BUILD, "my-app"),
        ({**BUILD, "CODEBUILD_INITIATOR": "codepipeline/"}, ""),
        ({**BUILD, "CODEBUILD_INITIATOR": "GitHub-Hookshot/1234"}, ""),
        ({**BUILD, "CODEBUILD_INITIATOR": "admin"}, ""),
        ({**BUILD, "GITHUB_ACTIONS": "true"}, ""),  # a runner of GitHub that CodeBuild hosts
        ({**BUILD, "CODEBUILD_BUILD_ID": ""}, ""),
        ({}, ""),
    ],
)
def test_the_pipeline_is_the_builds_initiator(environ: dict[str, str], name: str) -> None:
    """A person, a webhook or a GitHub job hands over nothing."""
    assert input_artifacts.pipeline(environ) == name


def test_each_input_artifact_has_a_folder() -> None:
    """The primary one first, and without a name."""
    environ = {
        "CODEBUILD_SRC_DIR_Image": "/b",
        "CODEBUILD_SRC_DIR": "/a",
        "CODEBUILD_SRC_DIR_App_1": "/c",
        "CODEBUILD_SRC_DIR_Empty": "",
        "CODEBUILD_SRC_DIRS": "/d",
    }
    assert list(input_artifacts.folders(environ).items()) == [("", "/a"), ("App_1", "/c"), ("Image", "/b")]
    assert input_artifacts.folders({}) == {}
