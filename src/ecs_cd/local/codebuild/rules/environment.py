"""The variables of a build.

https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-env-vars.html
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ecs_cd.local.codebuild.rules.buildspec import Buildspec
from ecs_cd.model.errors import Refused

PLAINTEXT, PARAMETER_STORE, SECRETS_MANAGER = TYPES = ("PLAINTEXT", "PARAMETER_STORE", "SECRETS_MANAGER")
RESERVED = "CODEBUILD_"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MASK = "***"
_SHORTEST_MASKED = 4  # characters; masking `1` would make a log unreadable

# CodePipeline's artifacts are side by side.
SOURCE = "/codebuild/output/src/src/s3"


@dataclass(frozen=True)
class Variable:
    """A variable; ``value`` is the text, or the reference of a parameter or a secret."""

    value: str
    type: str = PLAINTEXT


@dataclass(frozen=True)
class SecretReference:
    """A value of Secrets Manager: the whole text, or a key of its JSON."""

    id: str
    key: str = ""
    stage: str = ""
    version: str = ""


def secret_reference(text: str) -> SecretReference:
    """``SECRET[:KEY[:STAGE[:VERSION]]]``, where SECRET is a name or an ARN."""
    parts = text.split(":")
    length = 7 if text.startswith("arn:") else 1
    more = (*parts[length:], "", "", "")
    return SecretReference(":".join(parts[:length]), more[0], more[1], more[2])


def entries(text: str) -> list[Mapping[str, str]]:
    """The JSON of an action's EnvironmentVariables. Raises ``Refused`` without its values, which could be secrets."""
    try:
        found: list[Mapping[str, str]] = json.loads(text or "[]")
    except ValueError:
        raise Refused("EnvironmentVariables is not JSON") from None
    wrong = problems(found, "EnvironmentVariables")
    if wrong:
        raise Refused(wrong)
    return found


def problems(entries: Any, where: str) -> list[str]:
    """What is wrong with entries of `environmentVariables`, in the project or in the start of a build."""
    if not isinstance(entries, list | tuple) or not all(map(_is_entry, entries)):
        return [f"{where} is not a list of objects with the texts name, value and type"]
    found = []
    for each in entries:
        name, kind = each["name"], each.get("type", PLAINTEXT)
        if not _NAME.fullmatch(name):
            found.append(f"{where}: {name!r} is not the name of a variable")
        elif name.startswith(RESERVED):
            found.append(f"{where}: {name}: CodeBuild reserves names that begin with {RESERVED}")
        if kind not in TYPES:
            found.append(f"{where}: {name}: the type {kind!r} is not one of {', '.join(TYPES)}")
    return found


def _is_entry(each: Any) -> bool:
    keys = {"name", "value", "type"}
    texts = isinstance(each, dict) and all(isinstance(value, str) for value in each.values())
    return texts and keys - {"type"} <= each.keys() <= keys


def given(spec: Buildspec, *overrides: Iterable[Mapping[str, str]]) -> dict[str, Variable]:
    """The buildspec's variables, then those of the project, then those of the start: the last one of a name counts."""
    found = {name: Variable(text) for name, text in spec.variables.items()}
    found |= {name: Variable(text, PARAMETER_STORE) for name, text in spec.parameters.items()}
    found |= {name: Variable(text, SECRETS_MANAGER) for name, text in spec.secrets.items()}
    for entries in overrides:
        found |= {each["name"]: Variable(each["value"], each.get("type", PLAINTEXT)) for each in entries}
    return found


def folders(names: Sequence[str]) -> dict[str, str]:
    """The folder of each input artifact, the primary one first."""
    return {name: f"{SOURCE}/{number:02}" for number, name in enumerate(names)}


def own(build: Mapping[str, str], region: str, sources: Sequence[str]) -> dict[str, str]:
    """What CodeBuild sets itself. ``build`` has the values by the end of a variable's name: ``BUILD_ID``."""
    by_name = folders(sources)
    places = list(by_name.values())
    return {
        "HOME": "/root",
        "CODEBUILD_CI": "true",
        "CODEBUILD_BUILD_SUCCEEDING": "1",
        "CODEBUILD_LAST_EXIT": "0",
        "CODEBUILD_SRC_DIR": places[0] if places else f"{SOURCE}/00",
        # An artifact's name may have a hyphen; no shell has such a variable.
        **{f"CODEBUILD_SRC_DIR_{name}": place for name, place in list(by_name.items())[1:] if "-" not in name},
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        **{f"{RESERVED}{name}": value for name, value in build.items()},
    }


def script(values: Mapping[str, str]) -> str:
    """The variables as a shell reads them, so that no value is on a command line or in the engine's record."""
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in values.items())


def exported(dump: bytes, names: Iterable[str]) -> dict[str, str]:
    """The exported variables, from the output of `env -0`. One that the commands did not set is left out."""
    pairs = (each.split("=", 1) for each in dump.decode(errors="replace").split("\0") if "=" in each)
    values = dict(pairs)
    return {name: values[name] for name in names if name in values}


def masked(text: str, secrets: Iterable[str]) -> str:
    """A line of the log without the values of parameters and secrets, which CodeBuild masks."""
    for secret in secrets:
        text = text.replace(secret, _MASK)
    return text


def to_mask(secrets: Iterable[str]) -> list[str]:
    """The lines of these values, the longest first."""
    lines = {line.strip() for secret in secrets for line in secret.splitlines()}
    return sorted((line for line in lines if len(line) >= _SHORTEST_MASKED), key=len, reverse=True)
