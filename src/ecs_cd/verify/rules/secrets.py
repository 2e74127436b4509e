"""The secrets and parameters that a task definition names, and what is wrong with them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Json = Mapping[str, Any]
_ENDING = re.compile(r"(.+)-[A-Za-z0-9]{6}")


@dataclass(frozen=True)
class Secret:
    """A secret of Secrets Manager. ``key`` is the JSON key; ``stage`` and ``version`` select a version; empty: none.
    ``arn`` may lack the suffix that Secrets Manager adds. It is a name without region and account if the credentials
    of a registry are named so: the secret is then in the task's own."""

    arn: str
    region: str = ""
    account: str = ""
    key: str = ""
    stage: str = ""
    version: str = ""


@dataclass(frozen=True)
class Parameter:
    """A parameter of Systems Manager, as the task definition names it: by name, which is in the task's own region and
    account, or by ARN."""

    text: str
    region: str = ""
    account: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """The names that it can have, without version or label: an ARN hides whether the name has a slash."""
        if not self.region:
            return (self.text.partition(":")[0],)
        name = self.text.split(":")[5].removeprefix("parameter/")
        return (f"/{name}",) if "/" in name else (name, f"/{name}")

    @property
    def of_aws(self) -> bool:
        """Whether AWS publishes it, or it stands for a secret of Secrets Manager: DescribeParameters lists neither."""
        return any(name.startswith("/aws/") for name in self.names)


@dataclass(frozen=True)
class Malformed:
    """A reference that ECS can't resolve, and why."""

    problem: str


Reference = Secret | Parameter | Malformed

_CREDENTIALS = "repositoryCredentials.credentialsParameter"


def references(definition: Json) -> dict[str, Reference]:
    """What the task definition names, by its place in it: secrets of containers and log drivers, and credentials of
    registries."""
    return {place: reference(value, secret=place.endswith(_CREDENTIALS)) for place, value in _named(definition)}


def _named(definition: Json) -> Iterator[tuple[str, str]]:
    for number, container in enumerate(definition.get("containerDefinitions", ())):
        place = f"containerDefinitions[{number}]"
        log = container.get("logConfiguration", {})
        for path, entries in (
            (f"{place}.secrets", container.get("secrets", ())),
            (f"{place}.logConfiguration.secretOptions", log.get("secretOptions", ())),
        ):
            for index, entry in enumerate(entries):
                yield f"{path}[{index}].valueFrom", str(entry.get("valueFrom", ""))
        credentials = container.get("repositoryCredentials", {}).get("credentialsParameter")
        if credentials:
            yield f"{place}.{_CREDENTIALS}", str(credentials)


def reference(text: str, *, secret: bool = False) -> Reference:
    """What ``valueFrom`` names, or ``credentialsParameter``, where a name is that of a ``secret``.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/secrets-envvar-secrets-manager.html
    """
    if not text.startswith("arn:"):
        named = Secret(text) if secret else Parameter(text)
        return named if text else Malformed("is empty")
    parts = text.split(":")
    if len(parts) >= 6 and parts[2] == "ssm" and parts[5].startswith("parameter/"):
        return Parameter(text, parts[3], parts[4])
    if len(parts) < 7 or parts[2] != "secretsmanager" or parts[5] != "secret" or not parts[6]:
        return Malformed("is not the ARN of a secret (arn:aws:secretsmanager:...) or parameter (arn:aws:ssm:...)")
    arn, selection = ":".join(parts[:7]), parts[7:]
    if len(selection) not in (0, 3):
        return Malformed("must end with :JSON-KEY:VERSION-STAGE:VERSION-ID, each of which may be empty, or without any")
    return Secret(arn, parts[3], parts[4], *selection)


def problem(secret: Secret, found: Json) -> str:
    """Why ECS can't read this version of the secret, as DescribeSecret shows it; empty if it can."""
    stages: Mapping[str, Any] = found.get("VersionIdsToStages") or {}
    if found.get("DeletedDate"):
        return "is scheduled for deletion"
    if not stages:
        return "has no value yet"
    if secret.version and secret.version not in stages:
        return "does not have that version"
    of_version = {secret.version: stages[secret.version]} if secret.version else stages
    wanted = secret.stage or ("" if secret.version else "AWSCURRENT")
    if wanted and not any(wanted in of for of in of_version.values()):
        return f"has no version with the stage {wanted}"
    return ""


def name(secret: Secret) -> str:
    """The secret's name with the suffix of its ARN."""
    return secret.arn.rpartition(":")[2]


def without_ending(secret: Secret) -> str:
    """The secret's name without the six characters that Secrets Manager adds to it in an ARN; empty if the ARN has no
    such ending."""
    found = _ENDING.fullmatch(name(secret)) if secret.arn.startswith("arn:") else None
    return found[1] if found else ""


def ending(found: Json, name: str) -> str:
    """What follows the secret's name in its ARN, as DescribeSecret shows it; empty if it is another secret's."""
    whole = str(found.get("ARN", "")).rpartition(":")[2]
    return whole.removeprefix(name) if whole.startswith(f"{name}-") and found.get("Name", name) == name else ""
