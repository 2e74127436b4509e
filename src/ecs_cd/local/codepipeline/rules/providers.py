"""The actions that run here, and what AWS's action reference says about each.

https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ecs_cd.local.codebuild.rules import environment
from ecs_cd.local.codepipeline.rules.infra import Infra, Request, configuration, provider
from ecs_cd.model.errors import Refused
from ecs_cd.model.names import closest

_IMAGES = tuple(f"Image{number}{what}" for number in range(1, 5) for what in ("ArtifactName", "ContainerName"))


@dataclass(frozen=True)
class Provider:
    """An action type: its categories, the keys of its configuration, and how many artifacts it may have.

    ``values`` has what runs here of a key; with no value, nothing of it runs here. ``variables`` are the names of its
    output variables; none if the build says them.
    """

    categories: tuple[str, ...]
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    inputs: tuple[int, int] = (0, 0)
    outputs: tuple[int, int] = (0, 0)
    variables: tuple[str, ...] | None = ()


_GIT = ("AuthorDate", "BranchName", "CommitId", "CommitMessage", "ConnectionArn", "FullRepositoryName")
PROVIDERS: Mapping[str, Provider] = {
    "ECR": Provider(
        ("Source",),
        ("RepositoryName",),
        ("ImageTag",),
        outputs=(1, 1),
        variables=("RegistryId", "RepositoryName", "ImageTag", "ImageDigest", "ImageURI"),
    ),
    "S3": Provider(
        ("Source",),
        ("S3Bucket", "S3ObjectKey", "PollForSourceChanges"),  # its default would poll
        ("AllowOverrideForS3ObjectKey",),
        {"PollForSourceChanges": ("false",), "AllowOverrideForS3ObjectKey": ("false",)},
        outputs=(1, 1),
        variables=("BucketName", "ETag", "ObjectKey", "VersionId"),
    ),
    "CodeStarSourceConnection": Provider(
        ("Source",),
        ("ConnectionArn", "FullRepositoryId", "BranchName"),
        ("OutputArtifactFormat", "DetectChanges"),
        {"OutputArtifactFormat": ("CODE_ZIP", "CODEBUILD_CLONE_REF"), "DetectChanges": ("true", "false")},
        outputs=(1, 1),
        variables=_GIT,
    ),
    "CodeBuild": Provider(
        ("Build", "Test"),
        ("ProjectName",),
        ("PrimarySource", "EnvironmentVariables", "BatchEnabled", "CombineArtifacts", "BuildspecOverride"),
        {"BatchEnabled": ("false",), "CombineArtifacts": ("false",), "BuildspecOverride": ()},
        inputs=(1, 5),
        outputs=(0, 5),
        variables=None,
    ),
    "CodeDeployToECS": Provider(
        ("Deploy",),
        ("ApplicationName", "DeploymentGroupName", "TaskDefinitionTemplateArtifact", "AppSpecTemplateArtifact"),
        ("TaskDefinitionTemplatePath", "AppSpecTemplatePath", *_IMAGES),
        inputs=(1, 5),
        variables=("DeploymentId",),
    ),
    "ECS": Provider(("Deploy",), ("ClusterName", "ServiceName"), ("FileName", "DeploymentTimeout"), inputs=(1, 1)),
    "Manual": Provider(("Approval",), (), ("NotificationArn", "CustomData", "ExternalEntityLink")),
}


def problems(action: Request, infra: Infra) -> Iterator[str]:
    """What is wrong with an action by itself."""
    name = provider(action)
    known = PROVIDERS.get(name)
    if known is None:
        yield f"the provider {name} does not run here{closest(name, PROVIDERS)}; {', '.join(PROVIDERS)} do"
        return
    yield from _type_problems(action, known)
    yield from _configuration_problems(action, known)
    yield from _count_problems(action, known)
    yield from _OWN.get(name, _nothing)(action, infra)


def _type_problems(action: Request, expected: Provider) -> Iterator[str]:
    kind = action["actionTypeId"]
    wanted = {"category": expected.categories, "owner": ("AWS",), "version": ("1",)}
    for member, values in wanted.items():
        if kind.get(member) not in values:
            yield f"its {member} is {kind.get(member)}; that of {kind['provider']} is {' or '.join(values)}"


def _configuration_problems(action: Request, expected: Provider) -> Iterator[str]:
    given = configuration(action)
    known = (*expected.required, *expected.optional)
    for key in (key for key in given if key not in known):
        yield f"configuration: {provider(action)} has no key {key}{closest(key, known)}"
    for key in expected.required:
        if key not in given:
            only = f", and {_only(expected.values[key])}" if key in expected.values else ""
            yield f"configuration: {key} is missing{only}"
    for key, values in expected.values.items():
        if key in given and given[key].lower() not in map(str.lower, values):
            yield f"configuration: {key}: {_only(values)}"


def _only(values: Sequence[str]) -> str:
    return f"only {' or '.join(values)} runs here" if values else "does not run here"


def _count_problems(action: Request, expected: Provider) -> Iterator[str]:
    for member, (least, most) in (("inputArtifacts", expected.inputs), ("outputArtifacts", expected.outputs)):
        count = len(action.get(member, ()))
        if not least <= count <= most:
            wanted = str(most) if least == most else f"{least} to {most}"
            yield f"{member}: it has {count}; {provider(action)} takes {wanted}"


def artifacts(action: Request, member: str) -> list[str]:
    """The names of an action's input or output artifacts."""
    return [str(each["name"]) for each in action.get(member, ())]


# ---- what is particular to a provider ----


def _nothing(_: Request, __: Infra) -> Iterator[str]:
    yield from ()


def _of_s3(action: Request, infra: Infra) -> Iterator[str]:
    bucket = configuration(action).get("S3Bucket", "")
    if infra.buckets.get(bucket) is False:
        yield f"configuration: the bucket {bucket} has no versioning, which an S3 source needs"


def _of_codebuild(action: Request, infra: Infra) -> Iterator[str]:
    given, inputs = configuration(action), artifacts(action, "inputArtifacts")
    project, primary = given.get("ProjectName", ""), given.get("PrimarySource", "")
    if project and project not in infra.projects:
        yield f"configuration: there is no CodeBuild project {project}{closest(project, infra.projects)}"
    if not primary and len(inputs) > 1:
        yield "configuration: PrimarySource is missing, and there are several input artifacts"
    if primary and primary not in inputs:
        yield f"configuration: PrimarySource: {primary} is no input artifact{closest(primary, inputs)}"
    try:
        environment.entries(given.get("EnvironmentVariables", ""))
    except Refused as refused:
        yield from (f"configuration: {each}" for each in refused.problems)


def _of_codedeploy(action: Request, infra: Infra) -> Iterator[str]:
    given, inputs = configuration(action), artifacts(action, "inputArtifacts")
    for key in ("TaskDefinitionTemplateArtifact", "AppSpecTemplateArtifact", *_IMAGES[::2]):
        if key in given and given[key] not in inputs:
            yield f"configuration: {key}: {given[key]} is no input artifact{closest(given[key], inputs)}"
    for artifact, container in zip(_IMAGES[::2], _IMAGES[1::2], strict=True):
        if (artifact in given) != (container in given):
            yield f"configuration: {artifact} and {container} go together"
    group = given.get("ApplicationName", ""), given.get("DeploymentGroupName", "")
    if all(group) and group not in {(each.application, each.name) for each in infra.deployment_groups}:
        yield f"configuration: there is no deployment group {group[1]} of the application {group[0]}"


def _of_ecs(action: Request, infra: Infra) -> Iterator[str]:
    minutes = configuration(action).get("DeploymentTimeout", "60")
    if not minutes.isdecimal() or not 1 <= int(minutes) <= 60:
        yield f"configuration: DeploymentTimeout: {minutes} is not a number of minutes from 1 to 60"


_OWN = {"S3": _of_s3, "CodeBuild": _of_codebuild, "CodeDeployToECS": _of_codedeploy, "ECS": _of_ecs}
