"""Credentials by roles: the first by GitHub's OIDC token, each next with the credentials of the one before.

They are fetched when the first request needs them, once for all clients. botocore fetches them anew, by a new token,
when 15 minutes are left, and waits for them when 10 are.
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
from botocore.parsers import ResponseParserError

from ecs_cd.model.errors import Refused, Unreadable
from ecs_cd.model.run import Run

PROVIDER = "token.actions.githubusercontent.com"
_PASSING = {"Throttling", "ThrottlingException", "RequestLimitExceeded", "IDPCommunicationError"}
# AWS could not get GitHub's keys; it says so as InvalidIdentityToken.
_NO_KEY = "retrieve verification key"
_OTHERS = {
    "RegionDisabledException": "Enable the region in the role's account, or set aws-region to one that is.",
    "ValidationError": "Is aws-region in the partition of role-to-assume, and is the ARN whole?",
}
_OWN = "the job's own credentials"


@dataclass(frozen=True, repr=False)  # it is a way to credentials
class SignIn:
    """What signing in needs. botocore takes it for its CredentialResolver."""

    roles: Sequence[str]
    session: Any  # boto3's, to make STS clients of
    lock: threading.Lock  # making clients of one session is not thread-safe
    run: Run
    id_token: Callable[[str], str]  # by the audience; raises Refused, or Unreadable for what passes
    own: Callable[[], Any] | None  # loads the credentials that assume the first role in the place of the token
    notice: Callable[[str], None]
    untagged: set[str] = field(default_factory=set)  # roles that take no tags

    def load_credentials(self) -> DeferredRefreshableCredentials:
        """The credentials of the last role. Raises nothing and asks nobody: that is when they are used."""
        # It logs a refresh that failed, with a traceback; whoever needs the credentials tells it in words.
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
                "Sign in before this step, or leave role-chaining out: then GitHub's OIDC token is what counts.",
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
    """For whom GitHub is to issue the token: STS, by its name in the role's partition."""
    return "sts.amazonaws.com.cn" if role.startswith("arn:aws-cn:") else "sts.amazonaws.com"


def session_name(run: Run) -> str:
    """`owner.repository@run@actor` as far as there is room: CloudTrail shows it with each call.

    The run is always whole, of a long repository its end is there, of a long actor the beginning.
    """
    repository, number, actor = (
        re.sub(r"[^\w+=,.-]", "-", text.replace("/", "."), flags=re.ASCII)
        for text in (run.repository, run.id, run.actor)
    )
    number, actor = number[:20], actor[:20]
    room = 64 - len(f"@{number}@{actor}")
    name = "@".join(filter(None, [repository[-room:], number, actor]))
    return name if len(name) > 1 else "ecs-cd"  # STS takes no shorter one


def session_tags(run: Run) -> list[dict[str, str]]:
    """Tags of a session, by the names that aws-actions/configure-aws-credentials gives them; outside of GitHub none."""
    if not run.on_github:
        return []
    values = {"GitHub": "Actions", "Repository": run.repository, "RunId": run.id, "Actor": run.actor}
    return [{"Key": key, "Value": _tag_value(value)} for key, value in values.items() if value]


def _tag_value(text: str) -> str:
    return "".join(char if char.isalnum() or char in " _.:/=+-@" else "_" for char in text)[:256]


def _given(call: Callable[..., Any], request: Mapping[str, Any]) -> dict[str, Any]:
    """STS's answer in botocore's form. Transient errors become ``CredentialRetrievalError``, see ``is_transient``."""
    try:
        keys = call(**request)["Credentials"]
    except (exceptions.ConnectionError, exceptions.HTTPClientError) as error:
        raise _later("AWS STS", error) from error
    except ClientError as error:
        code, status = _code(error), error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if status >= 500 or code in _PASSING or _NO_KEY in _message(error):
            raise _later("AWS STS", error) from error
        raise
    except (ResponseParserError, KeyError):  # of a proxy, or cut off: its words can hold the keys
        raise _later("AWS STS", "its answer can't be read") from None
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


# ---- what has to be put right, in words ----


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
            "this sub and aud? Of repositories created or renamed since 2026-07-15 the sub has ids: "
            "repo:OWNER@ID/NAME@ID:..."
        )
    else:
        return Refused(problems, _OTHERS.get(_code(error), "Run the job again: it shows a new token."))
    return Refused(problems, f"{remedy} docs/guides/signing-in.md has it to copy.")


def _credentials_refused(error: ClientError, role: str, whose: str) -> Refused:
    problem = f"AWS does not let {whose} assume {role}: {_code(error)}: {_message(error)}"
    if _code(error) == "AccessDenied":
        remedy = (
            f"Does the role exist, and does its trust policy name {whose}? If that is in another account, it needs "
            "sts:AssumeRole on this role besides."
        )
    else:
        anew = "Sign in anew before this step, or leave role-chaining out." if whose == _OWN else ""
        remedy = _OTHERS.get(_code(error), anew)
    return Refused(problem, remedy)


def _claims(token: str) -> dict[str, Any]:
    """What the token says, unverified: AWS verifies it."""
    with suppress(ValueError, IndexError, RecursionError):
        part = token.split(".")[1]
        content = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        if isinstance(content, dict):
            return content
    return {}
