"""Which pushes to a branch start a pipeline: its triggers, or else its sources of a connection.

https://docs.aws.amazon.com/codepipeline/latest/userguide/pipelines-triggers.html
"""

from __future__ import annotations

from collections.abc import Iterator

from ecs_cd.local.codepipeline.rules import members
from ecs_cd.local.codepipeline.rules.infra import Request, configurations
from ecs_cd.local.codepipeline.rules.members import Members, any_of
from ecs_cd.model.globs import glob
from ecs_cd.model.names import closest

_CONNECTION = "CodeStarSourceConnection"
_TRIGGER: Members = {
    "providerType": (_CONNECTION,),
    "gitConfiguration": any_of("sourceActionName", "push", "pullRequest"),
}
_NOT_HERE = set("[]{}\\")
_PUSH: Members = {"branches": any_of("includes", "excludes"), "tags": any_of("includes", "excludes")}


def triggered(declaration: Request, branch: str) -> bool:
    """Whether a push to this branch starts the pipeline.

    A trigger takes the place of the detection of changes. Tags and pull requests aren't pushes to a branch.
    """
    if declaration.get("triggers"):
        pushes = [push for each in declaration["triggers"] for push in each["gitConfiguration"].get("push", ())]
        return any(_passes(push, branch) for push in pushes)
    return any(
        given.get("BranchName") == branch and given.get("DetectChanges", "true").lower() == "true"
        for given in connections(declaration).values()
    )


def problems(declaration: Request) -> Iterator[str]:
    """What is wrong with the triggers, and what of them doesn't run here."""
    known = connections(declaration)
    for each in declaration.get("triggers", ()):
        git = each.get("gitConfiguration", {})
        name = git.get("sourceActionName", "")
        yield from members.problems(each, _TRIGGER, "triggers: ")
        if name not in known:
            yield f"triggers: there is no source action {name} of a connection{closest(name, known)}"
        yield from (f"triggers: {name}: {why}" for push in git.get("push", ()) for why in _of_push(push))


def _of_push(push: Request) -> Iterator[str]:
    yield from members.problems(push, _PUSH, "push.")
    for pattern in (pattern for patterns in push.get("branches", {}).values() for pattern in patterns):
        if set(pattern) & _NOT_HERE:
            yield f"push.branches: {pattern}: of patterns, only *, ** and ? run here"


def connections(declaration: Request) -> dict[str, dict[str, str]]:
    """The configurations of its sources of a connection, by action."""
    return configurations(declaration, _CONNECTION)


def _passes(push: Request, branch: str) -> bool:
    branches = push.get("branches", {})
    included, excluded = branches.get("includes", ()), branches.get("excludes", ())
    if not included and not excluded:
        return False  # a filter of tags
    return (not included or _matches(included, branch)) and not _matches(excluded, branch)


def _matches(patterns: list[str], branch: str) -> bool:
    return any(glob(pattern).fullmatch(branch) for pattern in patterns)
