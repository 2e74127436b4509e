"""Phases, the words for one that failed, and images."""

from __future__ import annotations

import pytest

from ecs_cd.local.codebuild.rules import phases


@pytest.mark.parametrize(
    ("phase", "failed", "on_failure", "following"),
    [
        ("INSTALL", False, "", "PRE_BUILD"),
        ("PRE_BUILD", False, "ABORT", "BUILD"),
        ("BUILD", False, "", "POST_BUILD"),
        ("POST_BUILD", False, "", "UPLOAD_ARTIFACTS"),
        ("INSTALL", True, "", "FINALIZING"),
        ("PRE_BUILD", True, "", "FINALIZING"),
        ("BUILD", True, "", "POST_BUILD"),
        ("POST_BUILD", True, "", "UPLOAD_ARTIFACTS"),
        ("PRE_BUILD", True, "CONTINUE", "BUILD"),
        ("BUILD", True, "CONTINUE", "POST_BUILD"),
        ("BUILD", True, "ABORT", "FINALIZING"),
        ("POST_BUILD", True, "ABORT", "FINALIZING"),
    ],
)
def test_the_phase_that_follows(phase: str, failed: bool, on_failure: str, following: str) -> None:
    """https://docs.aws.amazon.com/codebuild/latest/userguide/view-build-details-phases.html"""
    assert phases.after(phase, failed, on_failure) == following


@pytest.mark.parametrize(
    ("given", "declared", "image"),
    [
        ("mine:1", "aws/codebuild/standard:7.0", "mine:1"),
        ("", "aws/codebuild/standard:7.0", "public.ecr.aws/codebuild/standard:7.0"),
        ("", "localhost:4566/tools@sha256:0", "localhost:4566/tools@sha256:0"),
    ],
)
def test_the_image_of_a_build(given: str, declared: str, image: str) -> None:
    """AWS's own images are in ECR Public under the same names."""
    assert phases.image(given, {"environment": {"image": declared}}) == image


def test_codepipelines_words_for_a_build_that_failed() -> None:
    """The first phase that failed, with its code and message; a build that was stopped early has none."""
    words = phases.message("FAILED", "BUILD", "COMMAND_EXECUTION_ERROR", "It failed.")
    assert (
        words == "Build terminated with state: FAILED. Phase: BUILD, Code: COMMAND_EXECUTION_ERROR, Message: It failed."
    )
    assert phases.message("STOPPED", "", "", "") == "Build terminated with state: STOPPED"
