"""Which parts of a CodeBuild project run here; of the others nothing is left out silently.

https://docs.aws.amazon.com/codebuild/latest/APIReference/API_CreateProject.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from ecs_cd.local.codebuild.rules import buildspec, environment
from ecs_cd.local.codebuild.rules.buildspec import Buildspec, BuildspecError
from ecs_cd.local.codebuild.rules.environment import Variable
from ecs_cd.local.codepipeline.rules.infra import Infra, Request, target
from ecs_cd.local.codepipeline.rules.providers import configuration

# By member: its values that run here (none: every value), or the members in it.
_Members: TypeAlias = "Mapping[str, tuple[str, ...] | _Members]"

# Members that only have an effect in AWS are here too: sizes, roles, keys, networks, caches and limits.
_ANY: tuple[str, ...] = ()
_ENVIRONMENT: _Members = {
    "type": ("LINUX_CONTAINER", "ARM_CONTAINER"),
    **dict.fromkeys(("image", "computeType", "computeConfiguration", "fleet", "hostKernel", "privilegedMode"), _ANY),
    **dict.fromkeys(("environmentVariables", "imagePullCredentialsType", "registryCredential"), _ANY),
}
_PROJECT: _Members = {
    **dict.fromkeys(("name", "description", "serviceRole", "encryptionKey", "tags", "badgeEnabled", "vpcConfig"), _ANY),
    **dict.fromkeys(("timeoutInMinutes", "queuedTimeoutInMinutes", "concurrentBuildLimit", "cache"), _ANY),
    "source": {"type": ("CODEPIPELINE", "NO_SOURCE"), "buildspec": _ANY},
    "artifacts": {
        "type": ("CODEPIPELINE", "NO_ARTIFACTS"),
        "name": _ANY,
        "packaging": _ANY,
        "namespaceType": ("NONE",),
        "bucketOwnerAccess": _ANY,
        "encryptionDisabled": _ANY,
    },
    "environment": _ENVIRONMENT,
    "logsConfig": {
        "cloudWatchLogs": {"status": _ANY, "groupName": _ANY, "streamName": _ANY},
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
            yield from (f"{place}: {each}" for each in (*_not_here(project, _PROJECT, ""), *_content_problems(project)))
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
    return {
        configuration(action).get("ProjectName", "")
        for pipeline in infra.pipelines.values()
        for stage in pipeline.get("stages", ())
        for action in stage.get("actions", ())
        if action["actionTypeId"].get("provider") == "CodeBuild"
    }


def _of_rules(infra: Infra) -> set[str]:
    return {target(each.arn, (), infra.projects) for rule in infra.rules for each in rule.targets}


def _not_here(given: Request, members: _Members, path: str) -> Iterator[str]:
    for name, value in given.items():
        known = members.get(name)
        if known is None:
            if value:
                yield f"{path}{name} does not run here"
        elif isinstance(known, Mapping):
            yield from _not_here(value, known, f"{path}{name}.")
        elif known and value not in known:
            yield f"{path}{name}: {_value(value)} does not run here; {' or '.join(known)} does"


def _value(value: Any) -> str:
    return str(value) if isinstance(value, str) else "this value"
