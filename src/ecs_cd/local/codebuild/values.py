"""The values of parameters and secrets that a build's variables refer to."""

from __future__ import annotations

import json
from typing import Any

from botocore.exceptions import ClientError

from ecs_cd.aws.errors import explain
from ecs_cd.aws.session import Aws
from ecs_cd.local.codebuild.rules import environment
from ecs_cd.local.codebuild.rules.environment import PARAMETER_STORE, PLAINTEXT, Variable


class Unreadable(Exception):
    """A value can't be read; ``code`` is CodeBuild's."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def value(aws: Aws, variable: Variable) -> str:
    """The value of a variable. Raises ``Unreadable``."""
    if variable.type == PLAINTEXT:
        return variable.value
    parameter = variable.type == PARAMETER_STORE
    try:
        return _parameter(aws, variable.value) if parameter else _secret(aws, variable.value)
    except ClientError as error:
        code = "Decrypted Variables Error" if parameter else "Secrets Manager Error"
        raise Unreadable(code, f"{variable.value}: {explain(error).sentence}") from error


def _parameter(aws: Aws, name: str) -> str:
    return str(aws.client("ssm").get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"])


def _secret(aws: Aws, text: str) -> str:
    reference = environment.secret_reference(text)
    # `up` names a secret after the end of its ARN.
    name = reference.id.split(":")[6] if reference.id.startswith("arn:") else reference.id
    stage = {"VersionStage": reference.stage} if reference.stage else {}
    version = {"VersionId": reference.version} if reference.version else {}
    found = aws.client("secretsmanager").get_secret_value(SecretId=name, **stage, **version)
    return _of_key(str(found.get("SecretString", "")), text, reference.key)


def _of_key(secret: str, reference: str, key: str) -> str:
    if not key:
        return secret
    try:
        content: Any = json.loads(secret)
        found = content[key]
    except (ValueError, KeyError, TypeError):
        raise Unreadable("Secrets Manager Error", f"{reference}: the secret has no JSON key {key}") from None
    return found if isinstance(found, str) else json.dumps(found)
