"""Verbs that sign in by role-to-assume: for longer than keys are good, through faults, and again to clean up."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ecs_cd import cli
from ecs_cd.ci.run import identify
from ecs_cd.job.state import State
from ecs_cd.model.verdict import EXIT_CODES, Outcome
from tests.scripted_aws import Answer, Clock, Params, ScriptedAws, at, ecs, error, server_error, sts
from tests.scripted_aws.sts import BEARER, SECRET, SESSION, SIGNATURE, SUB, IdTokens, key
from tests.timelines.conftest import Step

Run = Callable[..., Step]

ROLE = "arn:aws:iam::111111111111:role/ecs-cd"
NEXT = "arn:aws:iam::222222222222:role/deployer"
BY_TOKEN, BY_CREDENTIALS = "sts.AssumeRoleWithWebIdentity", "sts.AssumeRole"
REFUSAL = error("AccessDeniedException", "Not authorized to perform sts:AssumeRoleWithWebIdentity")
MINUTE = 60.0
# As if three quarters of an hour were over: botocore renews keys when 15 minutes are left, and insists when 10 are.
LIFETIME = 16 * MINUTE

NEW = ecs.deployment("ecs-svc/2", task_definition="web:2", rollout_state="IN_PROGRESS")
MOVING = {"services": [ecs.service(deployments=[NEW, ecs.deployment("ecs-svc/1", "ACTIVE", "web:1")])]}
COMPLETED = {"services": [ecs.service(deployments=[ecs.deployment("ecs-svc/2", task_definition="web:2")])]}
TASK = ecs.task(task_definition="web:2", started_by="ecs-svc/2")


@pytest.fixture
def tokens(aws: ScriptedAws, clock: Clock, step: Run, monkeypatch: pytest.MonkeyPatch) -> Iterator[IdTokens]:
    """A job that has no credentials but may ask for tokens."""
    given = sts.gives(aws, LIFETIME)
    aws.on(BY_TOKEN, given)
    aws.on(BY_CREDENTIALS, given)
    aws.on("ecs.UpdateService", {"service": MOVING["services"][0]})
    aws.on("ecs.ListTasks", {"taskArns": [TASK["taskArn"]]}, where={"desiredStatus": "RUNNING"})
    aws.on("ecs.ListTasks", {"taskArns": []}, where={"desiredStatus": "STOPPED"})
    aws.on("ecs.DescribeTasks", {"tasks": [TASK]})
    sts.botocore_has_the_time_of(clock, monkeypatch)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    with IdTokens() as endpoint:
        for name, value in endpoint.environ.items():
            monkeypatch.setenv(name, value)
        yield endpoint


def takes(aws: ScriptedAws, seconds: float) -> None:
    """So long, from UpdateService on."""
    aws.on("ecs.DescribeServices", at(0, MOVING), at(seconds, COMPLETED), after="ecs.UpdateService")


def everything(ended: Step, folder: Path) -> str:
    """All that was written anywhere."""
    files = [path.read_text(errors="replace") for path in folder.rglob("*") if path.is_file()]
    return "\n".join([ended.log, *files])


def no_secret_in(text: str) -> None:
    for secret in (SIGNATURE, BEARER, SECRET, SESSION, key(1)):
        assert secret not in text


def test_a_deployment_may_take_longer_than_its_first_keys_are_good(
    aws: ScriptedAws, step: Run, tokens: IdTokens, tmp_path: Path
) -> None:
    """A new token gets new keys without interrupting the deployment; none of them is written anywhere."""
    takes(aws, LIFETIME + MINUTE)
    keys = sts.keys_of(aws)
    ended = step("deploy", role_to_assume=f"{ROLE}\n{NEXT}")
    assert ended.exit_code == 0, ended.log
    assert "can't be read" not in ended.log
    shown = [call.params["WebIdentityToken"] for call in aws.calls if call.operation == BY_TOKEN]
    assert shown == tokens.issued
    assert len(set(shown)) > 1
    begun = {key(number): call.time for number, call in enumerate(filter(_signs_in, aws.calls), 1)}
    assert all(call.time - begun[signed] < LIFETIME for call, signed in zip(aws.calls, keys, strict=True) if signed)
    no_secret_in(everything(ended, tmp_path))


def _signs_in(call: object) -> bool:
    return getattr(call, "operation", "") in (BY_TOKEN, BY_CREDENTIALS)


@pytest.mark.parametrize("whose", ["AWS STS", "GitHub's OIDC endpoint"])
def test_a_sign_in_that_is_out_of_order_ends_no_deployment(
    whose: str, aws: ScriptedAws, step: Run, tokens: IdTokens, tmp_path: Path
) -> None:
    """Without keys the state is unknown, which the log says once; then ecs-cd follows the deployment again."""
    takes(aws, 8 * MINUTE)
    if whose == "AWS STS":
        given = sts.gives(aws, LIFETIME)
        aws.on(BY_TOKEN, at(0, given), at(MINUTE / 2, server_error()), at(7 * MINUTE, given))
    else:
        tokens.answers = [200, *[503] * 360]
    ended = step("deploy", role_to_assume=ROLE)
    assert ended.exit_code == 0, ended.log
    assert ended.log.count("AWS can't be read at the moment") == 1
    assert f"(Error when retrieving credentials from {whose}: " in ended.log
    assert "AWS answers again" in ended.log
    no_secret_in(everything(ended, tmp_path))


def test_a_role_that_is_closed_meanwhile_leaves_the_outcome_unknown(
    aws: ScriptedAws, step: Run, tokens: IdTokens, tmp_path: Path
) -> None:
    """The deployment continues; the log does not say that it failed."""
    takes(aws, 8 * MINUTE)
    aws.on(BY_TOKEN, at(0, sts.gives(aws, LIFETIME)), at(MINUTE / 2, REFUSAL))
    ended = step("deploy", role_to_assume=ROLE)
    assert ended.exit_code == EXIT_CODES[Outcome.UNKNOWN]
    assert ended.outputs["result"] == "unknown"
    assert f"AWS does not let this job assume {ROLE}" in ended.log
    assert "whatever was started continues" in ended.log
    no_secret_in(everything(ended, tmp_path))


def test_an_update_without_keys_is_made_once_there_are_some(aws: ScriptedAws, step: Run, tokens: IdTokens) -> None:
    """It was not sent, so there is nothing to check."""
    takes(aws, 10)
    given, faults = sts.gives(aws, 9 * MINUTE), list[Answer]()  # keys that are fetched anew for each request

    def registered(params: Params) -> Answer:
        faults.extend([server_error()] * 3)
        return {"taskDefinition": ecs.task_definition("web", 2)}

    aws.on("ecs.RegisterTaskDefinition", registered)
    aws.on(BY_TOKEN, lambda params: faults.pop() if faults else given(params))
    ended = step("deploy", role_to_assume=ROLE)
    assert ended.exit_code == 0, ended.log
    assert "can't be started at the moment (CredentialRetrievalError); retrying" in ended.log
    assert "checking before a retry" not in ended.log
    assert aws.count("ecs.UpdateService") == 1


def test_chaining_without_a_role_is_refused(aws: ScriptedAws, step: Run) -> None:
    """An unset variable is an empty role: it would be the job's own credentials that deploy."""
    ended = step("deploy", role_to_assume="", role_chaining="true")
    assert ended.exit_code == 2
    assert "role-chaining: there is no role to assume" in ended.log
    assert aws.calls == []


@pytest.mark.parametrize(
    ("inputs", "missing", "words"),
    [
        (
            {},
            "ACTIONS_ID_TOKEN_REQUEST_URL",
            ["may not request an OIDC token from GitHub", "`permissions: id-token: write`"],
        ),
        ({}, "AWS_REGION", ["no AWS region is known", "aws-region"]),
        (
            {"role_chaining": "true"},
            "AWS_ACCESS_KEY_ID",
            ["the job has no AWS credentials to assume", "remove role-chaining"],
        ),
    ],
)
def test_without_what_it_takes_nothing_is_begun(
    inputs: dict[str, str],
    missing: str,
    words: list[str],
    aws: ScriptedAws,
    step: Run,
    tokens: IdTokens,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No request goes to AWS, and the message says what to set."""
    for name in (missing, missing.replace("AWS_REGION", "AWS_DEFAULT_REGION")):
        monkeypatch.delenv(name, raising=False)
    ended = step("deploy", role_to_assume=ROLE, **inputs)
    assert ended.exit_code == 2
    for word in words:
        assert word in ended.log
    assert aws.calls == []


def test_a_refused_token_is_told_with_what_it_says(aws: ScriptedAws, step: Run, tokens: IdTokens) -> None:
    """As an annotation, with the remedy."""
    aws.on(BY_TOKEN, REFUSAL)
    ended = step("deploy", role_to_assume=ROLE)
    assert ended.exit_code == 2
    assert f"sub {SUB} and the aud sts.amazonaws.com" in ended.log
    assert "repositories created or renamed since 2026-07-15" in ended.log
    assert [call.operation for call in aws.calls] == [BY_TOKEN]


# ---- the clean-up step: another process, without inputs ----


def clean_up(capfd: pytest.CaptureFixture[str], clock: Clock) -> str:
    assert cli.main(["clean-up"], os.environ, clock=clock) == 0
    captured = capfd.readouterr()
    return captured.out + captured.err


@pytest.mark.parametrize(
    ("sign_in", "signed_with"),
    [
        ({"roles": [ROLE], "chaining": False}, key(1)),
        ({"roles": [ROLE, NEXT], "chaining": False}, key(2)),
        ({"roles": [ROLE], "chaining": True}, key(1)),
        ({"roles": [], "chaining": False}, "AKIDSCRIPTED"),
    ],
)
def test_the_clean_up_signs_in_as_the_killed_process_did(
    sign_in: dict[str, object],
    signed_with: str,
    aws: ScriptedAws,
    tokens: IdTokens,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """By the state file, which holds the roles and no keys."""
    if sign_in["chaining"] or not sign_in["roles"]:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDSCRIPTED")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "scripted")
    killed(sign_in)
    aws.on("ecs.DescribeServices", MOVING)
    keys = sts.keys_of(aws)
    assert "deployment ecs-svc/2 of service web to web:2 is IN_PROGRESS" in clean_up(capfd, clock)
    assert (aws.calls[-1].operation, keys[-1]) == ("ecs.DescribeServices", signed_with)
    assert len(aws.calls) == len(sign_in["roles"]) + 1  # type: ignore[arg-type]


def test_the_clean_up_says_so_if_it_can_not_sign_in(
    aws: ScriptedAws, tokens: IdTokens, clock: Clock, capfd: pytest.CaptureFixture[str]
) -> None:
    """It still names what was running."""
    killed({"roles": [ROLE], "chaining": False})
    aws.on(BY_TOKEN, REFUSAL)
    said = clean_up(capfd, clock)
    assert "can't find out what became of service web: AWS does not let this job assume" in said
    no_secret_in(said)


def killed(sign_in: dict[str, object]) -> None:
    """Leaves the state file of a process that is not there any more."""
    left = State(os.environ, identify(os.environ))
    entry = {"strategy": "ROLLING", "cluster": ecs.CLUSTER, "service": "web", "id": "ecs-svc/2"}
    entry["task_definition"] = ecs.task_definition_arn("web:2")
    left.begin(kind="deployment", region="ap-northeast-1", sign_in=sign_in, on_cancel="leave", deployments=[entry])
    (file,) = left.folder.glob("under-way-*.json")
    file.rename(file.with_name(file.name.replace(f"-{os.getpid()}.", "-999999999.")))
