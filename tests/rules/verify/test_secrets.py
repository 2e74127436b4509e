"""References to secrets and parameters."""

from __future__ import annotations

from typing import Any

import pytest

from ecs_cd.verify.rules import secrets
from ecs_cd.verify.rules.secrets import Malformed, Parameter, Secret

HERE = "us-east-1:123456789012"
ARN = f"arn:aws:secretsmanager:{HERE}:secret:my/app-AbCdEf"
PARAMETER = f"arn:aws:ssm:{HERE}:parameter"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (ARN, Secret(ARN, "us-east-1", "123456789012")),
        (f"{ARN}:url::", Secret(ARN, "us-east-1", "123456789012", "url")),
        (f"{ARN}::AWSPREVIOUS:", Secret(ARN, "us-east-1", "123456789012", "", "AWSPREVIOUS")),
        (f"{ARN}:url::0123", Secret(ARN, "us-east-1", "123456789012", "url", "", "0123")),
        ("/my/token", Parameter("/my/token")),
        ("token", Parameter("token")),
        (f"{PARAMETER}/my/token", Parameter(f"{PARAMETER}/my/token", "us-east-1", "123456789012")),
    ],
)
def test_what_a_reference_names(text: str, expected: Any) -> None:
    """A secret with what selects its version, or a parameter."""
    assert secrets.reference(text) == expected


def test_the_name_of_a_registrys_credentials() -> None:
    """It is a secret's; everywhere else a name is a parameter's."""
    container = {"repositoryCredentials": {"credentialsParameter": "my/credentials"}}
    assert list(secrets.references({"containerDefinitions": [container]}).values()) == [Secret("my/credentials")]


@pytest.mark.parametrize(
    "text", ["", f"{ARN}:url", f"{ARN}:url:", f"{ARN}:a:b:c:d", "arn:aws:s3:::bucket/key", "arn:aws", ARN[:-18]]
)
def test_references_that_ecs_can_not_resolve(text: str) -> None:
    """Two colons too few are the usual mistake."""
    assert isinstance(secrets.reference(text), Malformed)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("/my/token:3", ("/my/token",)),
        ("token", ("token",)),
        (f"{PARAMETER}/my/token", ("/my/token",)),
        (f"{PARAMETER}/token:2", ("token", "/token")),
    ],
)
def test_the_names_of_a_parameter(text: str, names: tuple[str, ...]) -> None:
    """An ARN of one level has two."""
    found = secrets.reference(text)
    assert isinstance(found, Parameter)
    assert found.names == names


def test_the_places_of_references() -> None:
    """Containers, log drivers, registries."""
    definition = {
        "containerDefinitions": [
            {},
            {
                "secrets": [{"name": "A", "valueFrom": "a"}],
                "logConfiguration": {"logDriver": "splunk", "secretOptions": [{"name": "t", "valueFrom": "b"}]},
                "repositoryCredentials": {"credentialsParameter": ARN},
            },
        ]
    }
    assert list(secrets.references(definition)) == [
        "containerDefinitions[1].secrets[0].valueFrom",
        "containerDefinitions[1].logConfiguration.secretOptions[0].valueFrom",
        "containerDefinitions[1].repositoryCredentials.credentialsParameter",
    ]


CURRENT = {"v1": ["AWSCURRENT"], "v0": ["AWSPREVIOUS"]}


@pytest.mark.parametrize(
    ("selection", "found", "words"),
    [
        ("", {"VersionIdsToStages": CURRENT}, ""),
        ("", {}, "has no value yet"),
        ("", {"VersionIdsToStages": CURRENT, "DeletedDate": "2026"}, "is scheduled for deletion"),
        ("::AWSPREVIOUS:", {"VersionIdsToStages": CURRENT}, ""),
        ("::NEXT:", {"VersionIdsToStages": CURRENT}, "has no version with the stage NEXT"),
        (":::v0", {"VersionIdsToStages": CURRENT}, ""),
        (":::v9", {"VersionIdsToStages": CURRENT}, "does not have that version"),
        ("::AWSCURRENT:v0", {"VersionIdsToStages": CURRENT}, "has no version with the stage AWSCURRENT"),
    ],
)
def test_a_version_that_ecs_can_read(selection: str, found: dict[str, Any], words: str) -> None:
    """By stage, by id, or both."""
    secret = secrets.reference(f"{ARN}{selection}")
    assert isinstance(secret, Secret)
    assert secrets.problem(secret, found) == words
