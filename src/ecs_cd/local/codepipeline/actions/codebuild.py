"""The CodeBuild action: a build of a project with the input artifacts as its sources.

https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-CodeBuild.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from ecs_cd.local.codebuild.record import SUCCEEDED
from ecs_cd.local.codepipeline import artifacts
from ecs_cd.local.codepipeline.rules.state import Outcome
from ecs_cd.local.codepipeline.work import Report, Work, World
from ecs_cd.model.errors import Refused


def run(work: Work, world: World, report: Report) -> Outcome:
    """Runs the build and writes the output artifacts of one that succeeded."""
    given, primary = _checked(work)
    names = sorted(work.inputs, key=primary.__ne__)  # the others keep their order
    ended = world.builds.run(
        work.configuration["ProjectName"],
        given,
        {name: artifacts.get(world.aws, work.inputs[name]) for name in names},
        list(work.outputs),
        f"codepipeline/{work.pipeline}",
        work.revisions.get(primary, ""),
        report,
    )
    for name, content in ended.artifacts.items():
        artifacts.put(world.aws, work.outputs[name], content)
    code = "" if ended.status == SUCCEEDED else "JobFailed"
    return Outcome(code, ended.message, variables=ended.exported)


def _checked(work: Work) -> tuple[list[Mapping[str, str]], str]:
    """The build's variables, and the artifact that is in CODEBUILD_SRC_DIR. Raises ``Refused`` with the place."""
    configuration = work.configuration
    try:
        if configuration.get("BatchEnabled", "false") != "false":
            raise Refused("BatchEnabled: batch builds are not run here")
        return variables(configuration.get("EnvironmentVariables", "")), _primary(work)
    except Refused as refused:
        raise Refused([f"{work.stage}/{work.action}: {each}" for each in refused.problems]) from None


def _primary(work: Work) -> str:
    name = work.configuration.get("PrimarySource", "")
    if not name and len(work.inputs) > 1:
        raise Refused("PrimarySource is required, because there are several input artifacts")
    if name and name not in work.inputs:
        raise Refused(f"PrimarySource: {name} is not an input artifact")
    return name or next(iter(work.inputs), "")


def variables(text: str) -> list[Mapping[str, str]]:
    """The JSON of EnvironmentVariables. Raises ``Refused`` without its values, which could be secrets."""
    try:
        found = json.loads(text or "[]")
    except ValueError as error:
        raise Refused(f"EnvironmentVariables is not JSON: {error}") from None
    keys = {"name", "value", "type"}
    if not isinstance(found, list) or not all(isinstance(each, dict) and each.keys() <= keys for each in found):
        raise Refused("EnvironmentVariables must be a JSON list of objects with name, value and type")
    if not all(isinstance(each.get("value"), str) and isinstance(each.get("name"), str) for each in found):
        raise Refused("EnvironmentVariables: each name and value must be a text")
    return found
