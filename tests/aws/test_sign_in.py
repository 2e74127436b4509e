"""Signing in: with GitHub's OIDC token, role by role, renewed within the hour; and why it fails."""

from __future__ import annotations

import os
import re
import socket
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any
from unittest.mock import Mock

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from hypothesis import given
from hypothesis import strategies as st

from ecs_cd.aws import sign_in
from ecs_cd.aws.errors import explain, is_transient, transient_as_unreadable, unsent
from ecs_cd.aws.session import Aws
from ecs_cd.ci import oidc
from ecs_cd.ci.run import identify
from ecs_cd.local.oidc import token_endpoint
from ecs_cd.model import pace
from ecs_cd.model.errors import Cancelled, Refused, Unreadable
from tests.aws.conftest import SignedAws
from tests.scripted_aws import Answer, Clock, at, denied, error, expired, reset, server_error, sts, throttled
from tests.scripted_aws.sts import BEARER, HOUR, SECRET, SESSION, SIGNATURE, SUB, IdTokens, key
from tests.scripted_aws.wire import Request, Response

ROLE = "arn:aws:iam::111111111111:role/ecs-cd"
NEXT = "arn:aws:iam::222222222222:role/path/to/deployer"
LAST = "arn:aws:iam::333333333333:role/last"
GITHUB = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_REPOSITORY": "my-org/my-app",
    "GITHUB_RUN_ID": "1234567890",
    "GITHUB_ACTOR": "octocat",
}
PASSING = [throttled(), server_error(500), server_error(503), reset()]
BY_TOKEN, BY_CREDENTIALS = "sts.AssumeRoleWithWebIdentity", "sts.AssumeRole"
TAGS = [
    {"Key": "GitHub", "Value": "Actions"},
    {"Key": "Repository", "Value": "my-org/my-app"},
    {"Key": "RunId", "Value": "1234567890"},
    {"Key": "Actor", "Value": "octocat"},
]


@pytest.fixture
def tokens(aws: SignedAws, monkeypatch: pytest.MonkeyPatch) -> Iterator[IdTokens]:
    """A GitHub job that may request tokens, and an STS that accepts them."""
    given = sts.gives(aws)
    aws.on(BY_TOKEN, given)
    aws.on(BY_CREDENTIALS, given)
    aws.on("ecs.ListTasks", {"taskArns": []})
    sts.botocore_has_the_time_of(clock_of(aws), monkeypatch)
    with IdTokens() as endpoint:
        for name, value in {**GITHUB, **endpoint.environ}.items():
            monkeypatch.setenv(name, value)
        yield endpoint


@pytest.fixture
def keys(aws: SignedAws) -> list[str]:
    return sts.keys_of(aws)


def clock_of(aws: SignedAws) -> Clock:
    assert isinstance(aws.clock, Clock)
    return aws.clock


def signed_in(aws: SignedAws, *roles: str, chaining: bool = False, said: list[str] | None = None) -> Aws:
    return Aws(
        os.environ,
        roles=roles or (ROLE,),
        run=identify(os.environ),
        chaining=chaining,
        id_token=partial(oidc.id_token, os.environ, clock_of(aws)),
        notice=(said if said is not None else []).append,
    )


def calls(aws: SignedAws, operation: str) -> list[dict[str, Any]]:
    return [call.params for call in aws.calls if call.operation == operation]


def failure(call: Callable[[], Any]) -> Exception:
    with pytest.raises((ClientError, BotoCoreError, Refused)) as raised:
        call()
    return raised.value


# ---- in ----


def test_a_role_is_assumed_by_the_jobs_token(aws: SignedAws, tokens: IdTokens, keys: list[str]) -> None:
    """Once, when the first request needs it, for all clients."""
    ours = signed_in(aws)
    clients = [ours.client("ecs"), ours.once("ecs"), ours.client("ecs", region="eu-west-1")]
    assert aws.calls == []
    assert tokens.issued == []
    for client in clients:
        client.list_tasks()
    (request,) = calls(aws, BY_TOKEN)
    assert request == {
        "RoleArn": ROLE,
        "RoleSessionName": "my-org.my-app@1234567890@octocat",
        "WebIdentityToken": tokens.issued[0],
    }
    assert tokens.audiences == ["sts.amazonaws.com"]
    assert keys == ["", key(1), key(1), key(1)]


def test_each_role_is_assumed_with_the_credentials_of_the_one_before(
    aws: SignedAws, tokens: IdTokens, keys: list[str]
) -> None:
    """With tags, which AssumeRoleWithWebIdentity does not take."""
    signed_in(aws, ROLE, NEXT, LAST).once("ecs").list_tasks()
    name = "my-org.my-app@1234567890@octocat"
    assert calls(aws, BY_CREDENTIALS) == [
        {"RoleArn": role, "RoleSessionName": name, "Tags": TAGS} for role in (NEXT, LAST)
    ]
    assert keys == ["", key(1), key(2), key(3)]


def test_with_role_chaining_the_first_is_assumed_with_the_jobs_own_credentials(
    aws: SignedAws, tokens: IdTokens, keys: list[str]
) -> None:
    """And no token is asked for."""
    signed_in(aws, ROLE, NEXT, chaining=True).once("ecs").list_tasks()
    assert [request["RoleArn"] for request in calls(aws, BY_CREDENTIALS)] == [ROLE, NEXT]
    assert keys == ["AKIDSCRIPTED", key(1), key(2)]
    assert tokens.audiences == []


def test_without_roles_the_jobs_own_credentials_serve(aws: SignedAws, tokens: IdTokens, keys: list[str]) -> None:
    """As configure-aws-credentials leaves them in the environment: ecs-cd does not sign in."""
    Aws(os.environ).once("ecs").list_tasks()
    assert keys == ["AKIDSCRIPTED"]


def test_roles_without_a_region_are_refused_at_once(tokens: IdTokens, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before any request."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(Refused, match="no AWS region is known") as refused:
        Aws(os.environ, roles=[ROLE])
    assert "aws-region" in refused.value.remedy
    assert "AWS_REGION" in refused.value.remedy


def test_sts_is_asked_in_the_region(tokens: IdTokens, aws: SignedAws, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not at the global endpoint, which is in one region."""
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    made = signed_in(aws)._session.client("sts")
    assert made.meta.endpoint_url == "https://sts.ap-northeast-1.amazonaws.com"


def test_threads_that_need_credentials_at_once_get_the_same(aws: SignedAws, tokens: IdTokens, keys: list[str]) -> None:
    """Any request of a poll may be the first to find them expired."""
    ours = signed_in(aws, ROLE, NEXT)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: ours.once("ecs").list_tasks(), range(8)))
        clock_of(aws).sleep(HOUR)
        list(pool.map(lambda _: ours.once("ecs").list_tasks(), range(8)))
    assert len(tokens.issued) == 2
    assert sorted(keys) == sorted(["", key(1), *[key(2)] * 8, "", key(3), *[key(4)] * 8])


@pytest.mark.parametrize(
    ("role", "audience"),
    [
        (ROLE, "sts.amazonaws.com"),
        ("arn:aws-us-gov:iam::111111111111:role/r", "sts.amazonaws.com"),
        ("arn:aws-cn:iam::111111111111:role/r", "sts.amazonaws.com.cn"),
    ],
)
def test_the_token_is_for_sts_of_the_roles_partition(role: str, audience: str) -> None:
    """China has a different audience."""
    assert sign_in.audience(role) == audience


def test_a_cancellation_ends_a_sign_in_and_lets_the_next_begin(aws: SignedAws, tokens: IdTokens) -> None:
    """What cleans up after it needs credentials, too."""
    cancelled = [True]

    def id_token(audience: str) -> str:
        if cancelled and cancelled.pop():
            raise Cancelled
        return oidc.id_token(os.environ, clock_of(aws), audience)

    ours = Aws(os.environ, roles=[ROLE, NEXT], id_token=id_token)
    with pytest.raises(Cancelled):
        ours.once("ecs").list_tasks()
    ours.once("ecs").list_tasks()
    assert len(tokens.issued) == 1


# ---- names and tags ----


@pytest.mark.parametrize(
    ("repository", "run", "actor", "name"),
    [
        ("my-org/my-app", "1234567890", "octocat", "my-org.my-app@1234567890@octocat"),
        ("my-org/my-app", "1234567890", "dependabot[bot]", "my-org.my-app@1234567890@dependabot-bot-"),
        ("o/" + "a" * 90, "1234567890", "octocat", f"{'a' * 45}@1234567890@octocat"),
        ("o/" + "a" * 90, "12345678901", "b" * 39, f"{'a' * 31}@12345678901@{'b' * 20}"),
        ("", "", "", "ecs-cd"),
        ("", "7", "", "ecs-cd"),  # STS takes no name of one character
    ],
)
def test_a_session_has_the_name_of_the_run(repository: str, run: str, actor: str, name: str) -> None:
    """The run is in it whatever else there is no room for."""
    environ = {"GITHUB_REPOSITORY": repository, "GITHUB_RUN_ID": run, "GITHUB_ACTOR": actor}
    assert sign_in.session_name(identify(environ)) == name


@given(repository=st.text(), run=st.text(), actor=st.text())
def test_sts_takes_every_name_and_tag(repository: str, run: str, actor: str) -> None:
    """By the patterns of its model."""
    environ = {**GITHUB, "GITHUB_REPOSITORY": repository, "GITHUB_RUN_ID": run, "GITHUB_ACTOR": actor}
    assert re.fullmatch(r"[\w+=,.@-]{2,64}", sign_in.session_name(identify(environ)), re.ASCII)
    for tag in sign_in.session_tags(identify(environ)):
        assert len(tag["Value"]) <= 256
        assert re.fullmatch(r"[\w .:/=+\-@]*", tag["Value"])


def test_outside_of_github_a_session_has_no_tags() -> None:
    """They would describe a workflow that does not exist."""
    assert sign_in.session_tags(identify({"GITHUB_REPOSITORY": "my-org/my-app"})) == []


def test_a_role_that_takes_no_tags_is_assumed_without(aws: SignedAws, tokens: IdTokens) -> None:
    """The log says so once, and ecs-cd does not try tags again."""
    said: list[str] = []
    given = sts.gives(aws)
    refusal = denied(f"sts:TagSession on resource: {NEXT}")
    aws.on(BY_CREDENTIALS, lambda params: refusal if "Tags" in params else given(params))
    ours = signed_in(aws, ROLE, NEXT, said=said)
    for _ in range(3):
        ours.once("ecs").list_tasks()
        clock_of(aws).sleep(HOUR)
    assert ["Tags" in request for request in calls(aws, BY_CREDENTIALS)] == [True, False, False, False]
    (words,) = said
    assert words.startswith(
        f"the session of {NEXT} has no tags: its trust policy, or the role {ROLE}, does not allow sts:TagS"
    )


# ---- for longer than an hour ----


def test_credentials_renew_themselves_by_a_new_token(aws: SignedAws, tokens: IdTokens, keys: list[str]) -> None:
    """For three hours no request is signed with keys that have expired."""
    ours = signed_in(aws, ROLE, NEXT)
    for _ in range(18):
        ours.once("ecs").list_tasks()
        clock_of(aws).sleep(600)
    signing_in = [call for call in aws.calls if call.operation in (BY_TOKEN, BY_CREDENTIALS)]
    given = {key(number): call.time for number, call in enumerate(signing_in, 1)}
    for call, signed in zip(aws.calls, keys, strict=True):
        assert not signed or call.time - given[signed] < HOUR
    shown = [request["WebIdentityToken"] for request in calls(aws, BY_TOKEN)]
    assert shown == tokens.issued
    assert len(shown) == len(set(shown)) == 4


def test_a_renewal_that_fails_early_is_tried_again_in_silence(
    aws: SignedAws, tokens: IdTokens, keys: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    """The keys are still good for a quarter of an hour."""
    ours = signed_in(aws)
    ours.once("ecs").list_tasks()
    clock_of(aws).sleep(HOUR - 14 * 60)
    tokens.answers = [403]
    ours.once("ecs").list_tasks()
    ours.once("ecs").list_tasks()
    assert [signed for signed in keys if signed] == [key(1), key(1), key(2)]
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("operation", "fault"),
    [
        *[(operation, fault) for operation in (BY_TOKEN, BY_CREDENTIALS) for fault in PASSING],
        (BY_TOKEN, error("IDPCommunicationError")),
        (BY_TOKEN, error("InvalidIdentityToken", "Couldn't retrieve verification key from your identity provider")),
    ],
    ids=str,
)
def test_a_renewal_that_may_succeed_in_a_moment_ends_no_watch(
    operation: str, fault: Answer, aws: SignedAws, tokens: IdTokens
) -> None:
    """That poll is lost, and the next may succeed; the request was not sent."""
    ours = signed_in(aws, ROLE, NEXT)
    ours.once("ecs").list_tasks()
    clock_of(aws).sleep(HOUR)
    before = aws.elapsed()
    aws.on(operation, at(0, fault), at(before + 300, sts.gives(aws)))
    with pytest.raises(Unreadable, match="AWS STS"), transient_as_unreadable():
        ours.once("ecs").list_tasks()
    found = failure(ours.once("ecs").list_tasks)
    assert is_transient(found)
    assert unsent(found)
    assert "no AWS credentials at the moment" in str(explain(found))
    clock_of(aws).sleep(300)
    ours.once("ecs").list_tasks()


def test_a_token_that_can_be_had_in_a_moment_ends_no_watch(aws: SignedAws, tokens: IdTokens) -> None:
    """After a few attempts."""
    tokens.answers = [503] * 3
    with pytest.raises(Unreadable, match="GitHub's OIDC endpoint: HTTP 503"), transient_as_unreadable():
        signed_in(aws).once("ecs").list_tasks()
    assert aws.calls == []


# ---- GitHub's endpoint ----


@pytest.mark.parametrize("fault", [500, 502, 503, 429, 408, None])
def test_what_passes_is_tried_again(fault: int | None, clock: Clock) -> None:
    """Twice, a moment later."""
    with IdTokens(fault, fault) as endpoint:
        assert oidc.id_token(endpoint.environ, clock, "someone") == endpoint.issued[0]
        assert endpoint.audiences == ["someone"] * 3
        assert clock.monotonic() == 3
        endpoint.answers = [fault] * 3
        with pytest.raises(Unreadable):
            oidc.id_token(endpoint.environ, clock, "someone")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (400, "GitHub refused an OIDC token: HTTP 400"),
        (401, "GitHub refused an OIDC token: HTTP 401"),
        (403, "GitHub refused an OIDC token: HTTP 403"),
        (b"<html>log in first</html>", "gives no OIDC token"),
        (b"\xff\xfe", "gives no OIDC token"),
        (b"[]", "gives no OIDC token"),
        (b"[" * (1 << 16), "gives no OIDC token"),
        (b'{"value": "' + b"a" * (1 << 20) + b'.b.c"}', "gives no OIDC token"),
        (b'{"value": ""}', "gives no OIDC token"),
        (b'{"value": "two.parts"}', "gives no OIDC token"),
        (b'{"value": "with\\n.line.ends"}', "gives no OIDC token"),
    ],
)
def test_what_does_not_pass_is_told_at_once(answer: int | bytes, problem: str, clock: Clock) -> None:
    """No use in asking again."""
    with IdTokens(answer) as endpoint:
        with pytest.raises(Refused, match=problem) as refused:
            oidc.id_token(endpoint.environ, clock, "someone")
        assert refused.value.remedy
        assert len(endpoint.audiences) == 1


def test_an_address_that_is_none_is_told(clock: Clock) -> None:
    """Without it: a part of it may be secret."""
    environ = {"ACTIONS_ID_TOKEN_REQUEST_URL": "hunter2", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": BEARER}
    with pytest.raises(Refused, match="ACTIONS_ID_TOKEN_REQUEST_URL") as refused:
        oidc.id_token(environ, clock, "someone")
    assert "hunter2" not in refused.value.sentence


def test_nobody_waits_long_for_a_token(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """An endpoint that takes the question and says nothing is one that can't be reached."""
    monkeypatch.setattr(pace, "OIDC_TIMEOUT", 0.01)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        environ = {
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"http://127.0.0.1:{port}/?a=b",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "x",
        }
        with pytest.raises(Unreadable, match=r"(?i)time"):
            oidc.id_token(environ, clock, "someone")


@pytest.mark.parametrize("answer", [b"Content-Length: 9999\r\n\r\n{", b"\r\n{"], ids=["cut off", "without end"])
def test_an_answer_that_is_not_whole_is_none(answer: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next attempt may get one; ecs-cd does not wait forever for single bytes."""
    monkeypatch.setattr(pace, "OIDC_TIMEOUT", 0.05)
    monkeypatch.setattr(oidc, "_LARGEST", 1 << 24)
    clock = Mock(Clock, monotonic=time.monotonic)  # the bytes come in real time

    def talk() -> None:
        with suppress(OSError):
            while True:
                with server.accept()[0] as connection, suppress(ConnectionError):
                    connection.recv(1 << 16)
                    connection.sendall(b"HTTP/1.1 200 OK\r\n" + answer)
                    while b"Length" not in answer:
                        connection.sendall(b" ")

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=talk, daemon=True).start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/?a=b"
        with pytest.raises(Unreadable):
            oidc.id_token(
                {"ACTIONS_ID_TOKEN_REQUEST_URL": url, "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "x"}, clock, "someone"
            )
        server.shutdown(socket.SHUT_RDWR)


def test_the_bearer_goes_nowhere_else(clock: Clock) -> None:
    """Not even if the endpoint redirects."""
    with IdTokens() as elsewhere, IdTokens(f"{elsewhere.url}/?api-version=2.0&audience=someone") as endpoint:
        assert oidc.id_token(endpoint.environ, clock, "someone") == elsewhere.issued[0]
        assert len(elsewhere.violations) == 1  # it was asked without
        elsewhere.violations.clear()


def test_a_proxy_is_used(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runners in a company reach GitHub by one."""
    with IdTokens() as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        environ = {**proxy.environ, "ACTIONS_ID_TOKEN_REQUEST_URL": "http://tokens.invalid/?api-version=2.0"}
        assert oidc.id_token(environ, clock, "someone") == proxy.issued[0]


@pytest.mark.parametrize(
    ("environ", "problem", "remedy"),
    [
        (
            {"GITHUB_ACTIONS": "true"},
            "this job may not request an OIDC token from GitHub",
            "`permissions: id-token: write`",
        ),
        (
            {"GITHUB_ACTIONS": "true"},
            "this job may not request an OIDC token from GitHub",
            "reusable workflow, the caller's",
        ),
        ({"GITHUB_ACTIONS": "true"}, "this job may not request an OIDC token from GitHub", "from a fork"),
        ({"GITHUB_ACTIONS": "true", "ACT": "true"}, "act has no OIDC tokens", "ecs-cd local run"),
        ({}, "outside GitHub Actions", "role-chaining"),
        ({"ACTIONS_ID_TOKEN_REQUEST_URL": "http://127.0.0.1:1/"}, "outside GitHub Actions", "role-chaining"),
    ],
)
def test_a_job_that_gets_no_token_is_told_why(
    environ: Mapping[str, str], problem: str, remedy: str, clock: Clock
) -> None:
    """GitHub says so by leaving two variables out."""
    with pytest.raises(Refused, match=problem) as refused:
        oidc.id_token(environ, clock, "someone")
    assert remedy in refused.value.remedy


def test_the_endpoint_for_local_runs_is_as_githubs(clock: Clock) -> None:
    """It returns claims for the requested audience to any caller with the bearer token."""
    with token_endpoint() as environ:
        token = oidc.id_token(environ, clock, "someone")
        claims = sign_in._claims(token)
        assert claims.items() >= {"aud": "someone", "actor": "local"}.items()
        assert claims["sub"].startswith("repo:")
        for other in ("other", "\xff"):
            with pytest.raises(Refused, match="HTTP 401"):
                oidc.id_token({**environ, "ACTIONS_ID_TOKEN_REQUEST_TOKEN": other}, clock, "someone")


# ---- AWS says no ----

UNAUTHORIZED = error("AccessDeniedException", "Not authorized to perform sts:AssumeRoleWithWebIdentity")
NO_PROVIDER = error(
    "InvalidIdentityToken",
    "No OpenIDConnect provider found in your account for https://token.actions.githubusercontent.com",
)
WRONG_AUDIENCE = error("InvalidIdentityToken", "Incorrect token audience")


@pytest.mark.parametrize(
    ("refusal", "remedies"),
    [
        (UNAUTHORIZED, ["Does the role exist", "trust policy", "since 2026-07-15", "repo:OWNER@ID/NAME@ID"]),
        (
            NO_PROVIDER,
            ["The account 111111111111 needs the identity provider https://token.actions.githubusercontent.com"],
        ),
        (WRONG_AUDIENCE, ["Add the audience sts.amazonaws.com to the identity provider", "account 111111111111"]),
        (error("ExpiredTokenException", "Token expired"), ["Run the job again"]),
        (error("RegionDisabledException", "STS is not activated"), ["Enable the region"]),
        (error("ValidationException", "Request ARN is invalid"), ["Is aws-region in the partition"]),
    ],
)
def test_a_refused_token_is_told_with_what_it_says(
    refusal: Answer, remedies: list[str], aws: SignedAws, tokens: IdTokens
) -> None:
    """Role, sub and aud are what a trust policy is compared with."""
    aws.on(BY_TOKEN, refusal)
    refused = failure(signed_in(aws).once("ecs").list_tasks)
    assert isinstance(refused, Refused)
    answered, says = refused.problems
    assert answered.startswith(f"AWS does not let this job assume {ROLE}: ")
    assert answered.endswith(str(getattr(refusal, "message", "")))
    assert says == f"its OIDC token has the sub {SUB} and the aud sts.amazonaws.com"
    for remedy in remedies:
        assert remedy in refused.remedy
    assert aws.count(BY_TOKEN) == 1


@pytest.mark.parametrize(
    ("chaining", "roles", "refusal", "problem", "remedy"),
    [
        (False, [ROLE, NEXT], denied("sts:AssumeRole"), f"AWS does not let the role {ROLE} assume {NEXT}: AccessDenied", f"its trust policy name the role {ROLE}?"),
        (False, [ROLE, NEXT], denied("sts:AssumeRole"), "is not authorized to perform", "sts:AssumeRole on this role"),
        (True, [ROLE], denied("sts:AssumeRole"), f"AWS does not let the job's own credentials assume {ROLE}", "Does the role exist"),
        (True, [ROLE], expired(), "the job's own credentials assume", "Sign in again before this step"),
        (False, [ROLE, NEXT], error("RegionDisabledException"), f"assume {NEXT}: RegionDisabledException", "Enable the region"),
        (False, [ROLE, NEXT], error("MalformedPolicyDocument"), f"assume {NEXT}: MalformedPolicyDocument", ""),
    ],
)  # fmt: skip
def test_a_refused_chain_is_told_with_whose_credentials_and_which_role(
    chaining: bool, roles: list[str], refusal: Answer, problem: str, remedy: str, aws: SignedAws, tokens: IdTokens
) -> None:
    """Either of the two may have to be changed, each in its own account."""
    aws.on(BY_CREDENTIALS, refusal)
    refused = failure(signed_in(aws, *roles, chaining=chaining).once("ecs").list_tasks)
    assert isinstance(refused, Refused)
    assert problem in str(refused)
    assert remedy in refused.remedy
    assert bool(refused.remedy) is bool(remedy)


def test_role_chaining_without_credentials_is_told(
    aws: SignedAws, tokens: IdTokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With another message than for a missing token."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    refused = failure(signed_in(aws, chaining=True).once("ecs").list_tasks)
    assert str(refused) == f"role-chaining: the job has no AWS credentials to assume {ROLE} with"
    assert aws.calls == []


@pytest.mark.parametrize(
    ("operation", "fault"),
    [
        *[(operation, fault) for operation in (BY_TOKEN, BY_CREDENTIALS) for fault in [UNAUTHORIZED, *PASSING]],
        (BY_TOKEN, NO_PROVIDER),
    ],
    ids=str,
)
def test_no_error_holds_a_secret(operation: str, fault: Answer, aws: SignedAws, tokens: IdTokens) -> None:
    """Neither in words nor in a traceback: not the token, not the keys, not what the token is asked for with."""
    aws.on(operation, fault)
    found = failure(signed_in(aws, ROLE, NEXT).once("ecs").list_tasks)
    words = "".join([explain(found).sentence, repr(found), *traceback.format_exception(found)])
    assert tokens.issued
    for secret in (SIGNATURE, BEARER, SECRET, SESSION, key(1)):
        assert secret not in words


@pytest.mark.parametrize(
    "spoil", [lambda body: body[:-20], lambda body: b"<html></html>"], ids=["cut off", "a proxy's"]
)
def test_an_answer_of_sts_that_can_not_be_read_passes_and_is_told_to_nobody(
    spoil: Callable[[bytes], bytes], aws: SignedAws, tokens: IdTokens
) -> None:
    """botocore's words for it would hold all of it, keys included."""

    def answer(request: Request) -> Response | None:
        response = aws.answer(request)
        return response and replace(response, body=spoil(response.body))

    aws._server.answer = answer
    found = failure(signed_in(aws).once("ecs").list_tasks)
    assert unsent(found)
    words = "".join([explain(found).sentence, *traceback.format_exception(found)])
    assert "AWS STS: its response can't be read" in words
    assert SECRET not in words


def test_what_signs_in_can_be_shown(aws: SignedAws, tokens: IdTokens) -> None:
    """The environment that it works with stays out of its repr."""
    assert BEARER not in repr(signed_in(aws)._session._session.get_component("credential_provider"))
