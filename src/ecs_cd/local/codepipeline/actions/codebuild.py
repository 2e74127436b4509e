"""The CodeBuild action: a build of a project with the input artifacts as its sources.

https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-CodeBuild.html
"""

from __future__ import annotations

from ecs_cd.local.codebuild.record import SUCCEEDED
from ecs_cd.local.codebuild.rules import environment
from ecs_cd.local.codepipeline import artifacts
from ecs_cd.local.codepipeline.rules.state import Outcome
from ecs_cd.local.codepipeline.work import Report, Work, World


def run(work: Work, world: World, report: Report) -> Outcome:
    """Runs the build and writes the output artifacts of one that succeeded."""
    primary = work.configuration.get("PrimarySource") or next(iter(work.inputs))
    names = sorted(work.inputs, key=primary.__ne__)  # the others keep their order
    ended = world.builds.run(
        work.configuration["ProjectName"],
        environment.entries(work.configuration.get("EnvironmentVariables", "")),
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
