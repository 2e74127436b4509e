"""Which pushes start a pipeline."""

from __future__ import annotations

from typing import Any

import pytest

from ecs_cd.local.codepipeline.rules import triggers
from tests.rules.local.codepipeline.declared import BUILD, SOURCE, action, pipeline, stage


def _connected(*pushes: dict[str, Any], given: dict[str, str] | None = None, **git: Any) -> dict[str, Any]:
    """A pipeline of the branch main; a trigger if it has a filter."""
    source = action("Source", "CodeStarSourceConnection", outputs="source", given=given or {})
    filters = {"sourceActionName": "Source", **({"push": list(pushes)} if pushes else {}), **git}
    trigger = {"providerType": "CodeStarSourceConnection", "gitConfiguration": filters}
    return pipeline(stage("Source", source), BUILD, **({"triggers": [trigger]} if pushes or git else {}))


def _branches(*includes: str, excludes: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"branches": {"includes": list(includes), "excludes": list(excludes)}}


@pytest.mark.parametrize(
    ("declared", "branches"),
    [
        (pipeline(), set()),
        (_connected(), {"main"}),
        (_connected(given={"DetectChanges": "true"}), {"main"}),
        (_connected(given={"DetectChanges": "false"}), set()),
        (_connected(_branches("dev"), given={"DetectChanges": "false"}), {"dev"}),
        (_connected(_branches("dev")), {"dev"}),
        (_connected(_branches("main", "dev")), {"main", "dev"}),
        (_connected(_branches("main"), _branches("dev")), {"main", "dev"}),
        (_connected(_branches(excludes=("dev",))), {"main", "feature/a", "feature/a/b", "a.b"}),
        (_connected(_branches("**", excludes=("feature/**",))), {"main", "dev", "a.b"}),
        (_connected(_branches("*")), {"main", "dev", "a.b"}),
        (_connected(_branches("feature/*")), {"feature/a"}),
        (_connected(_branches("feature/**")), {"feature/a", "feature/a/b"}),
        (_connected(_branches("a.b")), {"a.b"}),
        (_connected(_branches("d??")), {"dev"}),
        (_connected({"tags": {"includes": ["v*"]}}), set()),
        (_connected(pullRequest=[{"branches": {"includes": ["main"]}}]), set()),
        (_connected(_branches("dev"), pullRequest=[{"branches": {"includes": ["main"]}}]), {"dev"}),
    ],
)
def test_a_push_to_a_branch(declared: dict[str, Any], branches: set[str]) -> None:
    """A trigger replaces the detection of changes; its patterns are AWS's globs."""
    pushed = ("main", "dev", "feature/a", "feature/a/b", "a.b")
    assert {each for each in pushed if triggers.triggered(declared, each)} == branches


@pytest.mark.parametrize(
    ("declared", "wrong"),
    [
        (_connected(_branches("main")), []),
        (_connected({**_branches("main"), "filePaths": {"includes": ["app/**"]}}), ["triggers: Source: push.filePaths does not run here"]),
        (_connected(_branches("{main,dev}", "[md]*")), ["triggers: Source: push.branches: {main,dev}: of patterns, only *, ** and ? run here", "triggers: Source: push.branches: [md]*: of patterns, only *, ** and ? run here"]),
        (_connected(_branches("main"), sourceActionName="Sorce"), ["triggers: there is no source action Sorce of a connection; did you mean `Source`?"]),
        (
            pipeline(SOURCE, BUILD, triggers=[{"providerType": "S3", "gitConfiguration": {"sourceActionName": "Source"}}]),
            ["triggers: providerType: S3 does not run here; CodeStarSourceConnection does", "triggers: there is no source action Source of a connection"],
        ),
    ],
)  # fmt: skip
def test_triggers_that_cannot_be_followed_are_named(declared: dict[str, Any], wrong: list[str]) -> None:
    """A filter of files needs the files of the push."""
    assert list(triggers.problems(declared)) == wrong
