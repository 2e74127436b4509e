"""Which parts of a CodeBuild project run here; of the others nothing is left out silently.

https://docs.aws.amazon.com/codebuild/latest/APIReference/API_CreateProject.html
"""

from __future__ import annotations

from collections.abc import Iterator

from ecs_cd.local.codebuild.rules import buildspec, environment
from ecs_cd.local.codebuild.rules.buildspec import Buildspec, BuildspecError
from ecs_cd.local.codebuild.rules.environment import Variable
from ecs_cd.local.codepipeline.rules import members
from ecs_cd.local.codepipeline.rules.infra import Infra, Request, configurations, target
from ecs_cd.local.codepipeline.rules.members import Members, any_of

# Members that only have an effect in AWS are here too: sizes, roles, keys, networks, caches and limits.
_PROJECT: Members = {
    **any_of("name", "description", "serviceRole", "encryptionKey", "tags", "badgeEnabled", "vpcConfig"),
    **any_of("timeoutInMinutes", "queuedTimeoutInMinutes", "concurrentBuildLimit", "cache"),
    "source": {"type": ("CODEPIPELINE", "NO_SOURCE"), **any_of("buildspec")},
    "artifacts": {
        "type": ("CODEPIPELINE", "NO_ARTIFACTS"),
        "namespaceType": ("NONE",),
        **any_of("name", "packaging", "bucketOwnerAccess", "encryptionDisabled"),
    },
    "environment": {
        "type": ("LINUX_CONTAINER", "ARM_CONTAINER"),
        **any_of("image", "computeType", "computeConfiguration", "fleet", "hostKernel", "privilegedMode"),
        **any_of("environmentVariables", "imagePullCredentialsType", "registryCredential"),
    },
    "logsConfig": {
        "cloudWatchLogs": any_of("status", "groupName", "streamName"),
        "s3Logs": {"status": ("DISABLED",)},
    },
}


def problems(infra: Infra) -> Iterator[str]:
    """What doesn't run here of the projects that an action or a rule starts."""
    by_action, by_rule = _of_actions(infra), _of_rules(infra)
    for name, project in infra.projects.items():
        source = project["source"].get("type")
        place = f"CodeBuild project {name}"
        if name in {*by_action, *by_rule}:
            found = (*members.problems(project, _PROJECT), *_content_problems(project))
            yield from (f"{place}: {each}" for each in found)
        if name in by_action and source == "NO_SOURCE":
            yield f"{place}: source.type is NO_SOURCE, and a pipeline's action starts it: CODEPIPELINE is wanted"
        if name in by_rule and source == "CODEPIPELINE":
            yield f"{place}: source.type is CODEPIPELINE, and a rule of EventBridge starts it: NO_SOURCE is wanted"


def _content_problems(project: Request) -> Iterator[str]:
    """What is wrong with the variables, and with a buildspec that is in the project."""
    variables = project.get("environment", {}).get("environmentVariables", ())
    yield from environment.problems(variables, "environment.environmentVariables")
    source = project["source"]
    text = str(source.get("buildspec", ""))
    if buildspec.is_inline(text):
        try:
            buildspec.parse(text)
        except BuildspecError as error:
            yield from (f"source.buildspec: {each}" for each in str(error).splitlines())
    elif source.get("type") == "NO_SOURCE":
        yield "source.buildspec: without a source, it must be the buildspec itself"


def references(infra: Infra) -> Iterator[tuple[str, str, Variable]]:
    """The parameters and secrets of builds: the project, its variable, and what it refers to."""
    for name, project in infra.projects.items():
        text = str(project["source"].get("buildspec", ""))
        spec = buildspec.parse(text) if buildspec.is_inline(text) else Buildspec()
        variables = project.get("environment", {}).get("environmentVariables", ())
        for variable, found in environment.given(spec, variables).items():
            if found.type != environment.PLAINTEXT:
                yield name, variable, found


def _of_actions(infra: Infra) -> set[str]:
    builds = (
        given for pipeline in infra.pipelines.values() for given in configurations(pipeline, "CodeBuild").values()
    )
    return {given.get("ProjectName", "") for given in builds}


def _of_rules(infra: Infra) -> set[str]:
    return {target(each.arn, (), infra.projects) for rule in infra.rules for each in rule.targets}
