"""Credentials by roles: the first with GitHub's OIDC token, each next with the previous role's credentials.

The first request fetches them for all clients. botocore renews them with a new token when 15 minutes are left, and
blocks until they are renewed when 10 minutes are left.
"""

from __future__ import annotations

import base64
import json
import logging
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from botocore import UNSIGNED, exceptions
from botocore.config import Config
from botocore.credentials import DeferredRefreshableCredentials
from botocore.exceptions import ClientError

from ecs_cd.aws import readable
from ecs_cd.model.errors import Refused, Unreadable
from ecs_cd.model.run import Run

PROVIDER = "token.actions.githubusercontent.com"
_PASSING = {"Throttling", "ThrottlingException", "RequestLimitExceeded", "IDPCommunicationError"}
# AWS could not get GitHub's keys; it reports this as InvalidIdentityToken.
_NO_KEY = "retrieve verification key"
_OTHERS = {
    "RegionDisabledException": "Enable the region in the role's account, or set aws-region to an enabled region.",
    "ValidationError": "Is aws-region in the partition of role-to-assume, and is the ARN complete?",
}
_OWN = "the job's own credentials"


@dataclass(frozen=True, repr=False)  # it gives access to credentials
class SignIn:
    """What signing in needs. botocore uses it as its CredentialResolver."""

    roles: Sequence[str]
    session: Any  # boto3's, to create STS clients
    lock: threading.Lock  # making clients of one session is not thread-safe
    run: Run
    id_token: Callable[[str], str]  # by audience; raises Refused, or Unreadable if transient
    own: Callable[[], Any] | None  # loads credentials to assume the first role with instead of the token
    notice: Callable[[str], None]
    untagged: set[str] = field(default_factory=set)  # roles whose sessions can't be tagged

    def load_credentials(self) -> DeferredRefreshableCredentials:
        """Returns the last role's credentials. Sends no request and raises nothing until they are used."""
        # botocore logs a failed refresh with a traceback; the code that needs the credentials explains it.
        logging.getLogger("botocore.credentials").setLevel(logging.CRITICAL)
        return self._of(self.roles)

    def _of(self, roles: Sequence[str]) -> DeferredRefreshableCredentials:
        *before, role = roles
        if before:
            source = self._of(before)
            fetch = partial(self._by_credentials, role, lambda: source, f"the role {before[-1]}")
        elif self.own:
            fetch = partial(self._by_credentials, role, self.own, _OWN)
        else:
            fetch = partial(self._by_token, role)
        return DeferredRefreshableCredentials(fetch, method="assume-role")

    def _by_token(self, role: str) -> dict[str, Any]:
        try:
            token = self.id_token(audience(role))
        except Unreadable as error:
            raise _later("GitHub's OIDC endpoint", error) from error
        client = self._client(signature_version=UNSIGNED)
        request = {"RoleArn": role, "RoleSessionName": session_name(self.run), "WebIdentityToken": token}
        try:
            return _given(client.assume_role_with_web_identity, request)
        except ClientError as error:
            raise _token_refused(error, role, token) from error

    def _by_credentials(self, role: str, source: Callable[[], Any], whose: str) -> dict[str, Any]:
        credentials = source()
        if credentials is None:
            raise Refused(
                f"role-chaining: the job has no AWS credentials to assume {role} with",
                "Sign in before this step, or remove role-chaining to use GitHub's OIDC token.",
            )
        keys = credentials.get_frozen_credentials()
        client = self._client(keys.access_key, keys.secret_key, keys.token)
        request = {"RoleArn": role, "RoleSessionName": session_name(self.run)}
        tags = [] if role in self.untagged else session_tags(self.run)
        try:
            return _given(client.assume_role, {**request, "Tags": tags} if tags else request)
        except ClientError as error:
            if not (tags and "sts:TagSession" in _message(error)):
                raise _credentials_refused(error, role, whose) from error
        self.untagged.add(role)
        self.notice(f"the session of {role} has no tags: its trust policy, or {whose}, does not allow sts:TagSession")
        return self._by_credentials(role, lambda: credentials, whose)

    def _client(self, *keys: str | None, **config: Any) -> Any:
        how = Config(
            retries={"total_max_attempts": 3, "mode": "standard"}, connect_timeout=5, read_timeout=10, **config
        )
        names = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
        with self.lock:
            return self.session.client("sts", config=how, **dict(zip(names, keys, strict=False)))


def audience(role: str) -> str:
    """The audience that GitHub issues the token for: STS, by its name in the role's partition."""
    return "sts.amazonaws.com.cn" if role.startswith("arn:aws-cn:") else "sts.amazonaws.com"


def session_name(run: Run) -> str:
    """`owner.repository@run@actor`, shortened to fit: CloudTrail shows it with each call.

    The run is always complete; a long repository keeps its end, a long actor its beginning.
    """
    repository, number, actor = (
        re.sub(r"[^\w+=,.-]", "-", text.replace("/", "."), flags=re.ASCII)
        for text in (run.repository, run.id, run.actor)
    )
    number, actor = number[:20], actor[:20]
    room = 64 - len(f"@{number}@{actor}")
    name = "@".join(filter(None, [repository[-room:], number, actor]))
    return name if len(name) > 1 else "ecs-cd"  # STS requires at least 2 characters


def session_tags(run: Run) -> list[dict[str, str]]:
    """The session's tags, named as in aws-actions/configure-aws-credentials; empty outside GitHub."""
    if not run.on_github:
        return []
    values = {"GitHub": "Actions", "Repository": run.repository, "RunId": run.id, "Actor": run.actor}
    return [{"Key": key, "Value": _tag_value(value)} for key, value in values.items() if value]


def _tag_value(text: str) -> str:
    return "".join(char if char.isalnum() or char in " _.:/=+-@" else "_" for char in text)[:256]


def _given(call: Callable[..., Any], request: Mapping[str, Any]) -> dict[str, Any]:
    """Returns STS's keys as botocore's. Transient errors become ``CredentialRetrievalError``, see ``is_transient``."""
    try:
        keys = call(**request)["Credentials"]
    except (exceptions.ConnectionError, exceptions.HTTPClientError) as error:
        raise _later("AWS STS", error) from error
    except ClientError as error:
        if _code(error) == readable.CODE:
            raise _later("AWS STS", "its response can't be read") from error
        code, status = _code(error), error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if status >= 500 or code in _PASSING or _NO_KEY in _message(error):
            raise _later("AWS STS", error) from error
        raise
    return {
        "access_key": keys["AccessKeyId"],
        "secret_key": keys["SecretAccessKey"],
        "token": keys["SessionToken"],
        "expiry_time": keys["Expiration"].isoformat(),
    }


def _later(whom: str, error: Exception | str) -> Exception:
    return exceptions.CredentialRetrievalError(provider=whom, error_msg=str(error))


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _message(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Message", ""))


# ---- explanations of refusals ----


def _token_refused(error: ClientError, role: str, token: str) -> Refused:
    claims, account = _claims(token), role.split(":")[4]
    problems = (
        f"AWS does not let this job assume {role}: {_code(error)}: {_message(error)}",
        f"its OIDC token has the sub {claims.get('sub')} and the aud {claims.get('aud')}",
    )
    if _code(error) == "InvalidIdentityToken" and "audience" in _message(error).lower():
        remedy = f"Add the audience {audience(role)} to the identity provider {PROVIDER} in the account {account}."
    elif _code(error) == "InvalidIdentityToken":
        remedy = (
            f"The account {account} needs the identity provider https://{PROVIDER} in IAM, with the audience "
            f"{audience(role)}."
        )
    elif _code(error) == "AccessDenied":
        remedy = (
            f"Does the role exist, and does its trust policy allow sts:AssumeRoleWithWebIdentity to {PROVIDER} with "
            "this sub and aud? For repositories created or renamed since 2026-07-15, the sub contains ids: "
            "repo:OWNER@ID/NAME@ID:..."
        )
    else:
        return Refused(problems, _OTHERS.get(_code(error), "Run the job again: it gets a new token."))
    return Refused(problems, f"{remedy} Copy it from docs/guides/signing-in.md.")


def _credentials_refused(error: ClientError, role: str, whose: str) -> Refused:
    problem = f"AWS does not let {whose} assume {role}: {_code(error)}: {_message(error)}"
    if _code(error) == "AccessDenied":
        remedy = (
            f"Does the role exist, and does its trust policy name {whose}? If that is in another account, it also "
            "needs sts:AssumeRole on this role."
        )
    else:
        remedy = "Sign in again before this step, or remove role-chaining." if whose == _OWN else ""
        remedy = _OTHERS.get(_code(error), remedy)
    return Refused(problem, remedy)


def _claims(token: str) -> dict[str, Any]:
    """The token's claims, unverified: AWS verifies them."""
    with suppress(ValueError, IndexError, RecursionError):
        part = token.split(".")[1]
        content = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        if isinstance(content, dict):
            return content
    return {}
