"""Actions: their types, the keys of their configuration, and their artifacts."""

from __future__ import annotations

from typing import Any

import pytest

from ecs_cd.local.codepipeline.rules import providers
from ecs_cd.local.codepipeline.rules.providers import PROVIDERS
from tests.rules.local.codepipeline.declared import NEEDED, action, infra, pipeline

KNOWN = "ECR, S3, CodeStarSourceConnection, CodeBuild, CodeDeployToECS, ECS, Manual do"
ENTRIES = "configuration: EnvironmentVariables is not a list of objects with the texts name, value and type"


def _of(provider: str, **more: Any) -> dict[str, Any]:
    """An action that is right, but for ``more``."""
    kind = PROVIDERS[provider]
    artifacts = {"inputs": "source" * kind.inputs[0], "outputs": "made" * kind.outputs[0]}
    return action("A", provider, **{**artifacts, **more})


def _problems(declared: dict[str, Any], **known: Any) -> list[str]:
    return list(providers.problems(declared, infra(pipeline(), **known)))


@pytest.mark.parametrize("provider", PROVIDERS)
def test_what_a_provider_needs_is_enough(provider: str) -> None:
    """The required keys, and the least number of artifacts."""
    assert _problems(_of(provider)) == []


@pytest.mark.parametrize(("provider", "key"), [(name, key) for name, keys in NEEDED.items() for key in keys])
def test_a_required_key_is_missing(provider: str, key: str) -> None:
    """Also if its value is empty."""
    (found,) = _problems(_of(provider, given={key: ""}))
    assert found.startswith(f"configuration: {key} is missing")


@pytest.mark.parametrize(
    ("provider", "key"),
    [(name, key) for name, each in PROVIDERS.items() for key in (*each.required, *each.optional)],
)
def test_a_misspelt_key_is_named(provider: str, key: str) -> None:
    """With the key that was meant."""
    misspelt = f"{key[:-2]}{key[-1]}{key[-2]}x"
    (found,) = _problems(_of(provider, given={misspelt: "x"}))
    assert found.startswith(f"configuration: {provider} has no key {misspelt}; did you mean `")


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_type_of_a_provider(provider: str) -> None:
    """Its category, owner and version are one of few."""
    declared = _of(provider)
    declared["actionTypeId"] = {"category": "Invoke", "owner": "Custom", "provider": provider, "version": "2"}
    categories = " or ".join(PROVIDERS[provider].categories)
    assert _problems(declared) == [
        f"its category is Invoke; that of {provider} is {categories}",
        f"its owner is Custom; that of {provider} is AWS",
        f"its version is 2; that of {provider} is 1",
    ]


@pytest.mark.parametrize(
    ("provider", "inputs", "outputs", "wrong"),
    [
        ("ECR", "a", "b", ["inputArtifacts: it has 1; ECR takes 0"]),
        ("ECR", "", "", ["outputArtifacts: it has 0; ECR takes 1"]),
        ("S3", "", "a b", ["outputArtifacts: it has 2; S3 takes 1"]),
        ("CodeStarSourceConnection", "", "", ["outputArtifacts: it has 0; CodeStarSourceConnection takes 1"]),
        ("CodeBuild", "", "", ["inputArtifacts: it has 0; CodeBuild takes 1 to 5"]),
        ("CodeBuild", "source", "a b c d e f", ["outputArtifacts: it has 6; CodeBuild takes 0 to 5"]),
        ("CodeDeployToECS", "source a b c d e", "", ["inputArtifacts: it has 6; CodeDeployToECS takes 1 to 5"]),
        ("CodeDeployToECS", "source", "a", ["outputArtifacts: it has 1; CodeDeployToECS takes 0"]),
        ("ECS", "a b", "", ["inputArtifacts: it has 2; ECS takes 1"]),
        ("Manual", "a", "", ["inputArtifacts: it has 1; Manual takes 0"]),
    ],
)
def test_the_number_of_artifacts(provider: str, inputs: str, outputs: str, wrong: list[str]) -> None:
    """As AWS's reference says."""
    assert _problems(_of(provider, inputs=inputs, outputs=outputs)) == wrong


@pytest.mark.parametrize(
    ("provider", "wrong"),
    [
        ("Lambda", f"the provider Lambda does not run here; {KNOWN}"),
        ("Commands", f"the provider Commands does not run here; {KNOWN}"),
        ("CodeBild", f"the provider CodeBild does not run here; did you mean `CodeBuild`?; {KNOWN}"),
    ],
)
def test_an_unknown_provider_is_named(provider: str, wrong: str) -> None:
    """Its configuration isn't looked at."""
    assert _problems(action("A", provider, given={"x": "y"})) == [wrong]


@pytest.mark.parametrize(
    ("provider", "given", "wrong"),
    [
        ("S3", {"PollForSourceChanges": ""}, ["configuration: PollForSourceChanges is missing, and only false runs here"]),
        ("S3", {"PollForSourceChanges": "true"}, ["configuration: PollForSourceChanges: only false runs here"]),
        ("S3", {"PollForSourceChanges": "False", "AllowOverrideForS3ObjectKey": "false"}, []),
        ("S3", {"AllowOverrideForS3ObjectKey": "true"}, ["configuration: AllowOverrideForS3ObjectKey: only false runs here"]),
        ("S3", {"S3Bucket": "plain"}, ["configuration: the bucket plain has no versioning, which an S3 source needs"]),
        ("S3", {"S3Bucket": "elsewhere"}, []),
        ("CodeStarSourceConnection", {"OutputArtifactFormat": "ZIP"}, ["configuration: OutputArtifactFormat: only CODE_ZIP or CODEBUILD_CLONE_REF runs here"]),
        ("CodeStarSourceConnection", {"OutputArtifactFormat": "CODEBUILD_CLONE_REF", "DetectChanges": "false"}, []),
        ("CodeBuild", {"BatchEnabled": "true"}, ["configuration: BatchEnabled: only false runs here"]),
        ("CodeBuild", {"BatchEnabled": "false", "CombineArtifacts": "false"}, []),
        ("CodeBuild", {"BuildspecOverride": "b.yml"}, ["configuration: BuildspecOverride: does not run here"]),
        ("CodeBuild", {"ProjectName": "biuld"}, ["configuration: there is no CodeBuild project biuld; did you mean `build`?"]),
        ("CodeBuild", {"PrimarySource": "sorce"}, ["configuration: PrimarySource: sorce is no input artifact; did you mean `source`?"]),
        ("CodeBuild", {"EnvironmentVariables": "{"}, ["configuration: EnvironmentVariables is not JSON"]),
        ("CodeBuild", {"EnvironmentVariables": "{}"}, [ENTRIES]),
        ("CodeBuild", {"EnvironmentVariables": '["A"]'}, [ENTRIES]),
        ("CodeBuild", {"EnvironmentVariables": '[{"name": "A"}]'}, [ENTRIES]),
        ("CodeBuild", {"EnvironmentVariables": '[{"name": "A", "value": 1}]'}, [ENTRIES]),
        ("CodeBuild", {"EnvironmentVariables": '[{"name": "A", "value": "", "typ": "PLAINTEXT"}]'}, [ENTRIES]),
        ("CodeBuild", {"EnvironmentVariables": '[{"name": "A", "value": "", "type": "SECRET"}]'}, ["configuration: EnvironmentVariables: A: the type 'SECRET' is not one of PLAINTEXT, PARAMETER_STORE, SECRETS_MANAGER"]),
        ("CodeBuild", {"EnvironmentVariables": '[{"name": "CODEBUILD_A", "value": ""}]'}, ["configuration: EnvironmentVariables: CODEBUILD_A: CodeBuild reserves names that begin with CODEBUILD_"]),
        ("CodeBuild", {"EnvironmentVariables": '[{"name": "A", "value": "#{variables.A}", "type": "PARAMETER_STORE"}]'}, []),
        ("CodeDeployToECS", {"AppSpecTemplateArtifact": "spec"}, ["configuration: AppSpecTemplateArtifact: spec is no input artifact"]),
        ("CodeDeployToECS", {"Image1ArtifactName": "source"}, ["configuration: Image1ArtifactName and Image1ContainerName go together"]),
        ("CodeDeployToECS", {"Image2ContainerName": "A"}, ["configuration: Image2ArtifactName and Image2ContainerName go together"]),
        ("CodeDeployToECS", {"Image4ArtifactName": "image", "Image4ContainerName": "A"}, ["configuration: Image4ArtifactName: image is no input artifact"]),
        ("CodeDeployToECS", {"Image5ArtifactName": "source"}, ["configuration: CodeDeployToECS has no key Image5ArtifactName; did you mean `Image4ArtifactName`?"]),
        ("CodeDeployToECS", {"DeploymentGroupName": "g"}, ["configuration: there is no deployment group g of the application app"]),
        ("ECS", {"FileName": "images.json", "DeploymentTimeout": "15"}, []),
        ("ECS", {"DeploymentTimeout": "61"}, ["configuration: DeploymentTimeout: 61 is not a number of minutes from 1 to 60"]),
        ("ECS", {"DeploymentTimeout": "soon"}, ["configuration: DeploymentTimeout: soon is not a number of minutes from 1 to 60"]),
        ("Manual", {"CustomData": "please", "NotificationArn": "arn", "ExternalEntityLink": "https://example.com"}, []),
    ],
)  # fmt: skip
def test_the_configuration(provider: str, given: dict[str, str], wrong: list[str]) -> None:
    """Its values, as far as AWS or this machine restricts them, and what they refer to."""
    assert _problems(_of(provider, given=given), buckets={"plain": False}) == wrong


def test_several_inputs_need_a_primary_source() -> None:
    """CodeBuild's buildspec is in it."""
    declared = _of("CodeBuild", inputs="source image")
    assert _problems(declared) == ["configuration: PrimarySource is missing, and there are several input artifacts"]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_reference_is_no_value_where_few_are_known(provider: str) -> None:
    """What would be in it is only known in an execution."""
    for key, values in PROVIDERS[provider].values.items():
        only = f"only {' or '.join(values)} runs here" if values else "does not run here"
        assert f"configuration: {key}: {only}" in _problems(_of(provider, given={key: "#{variables.A}"}))
