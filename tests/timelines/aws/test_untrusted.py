"""A checkout that others wrote, as a pull request's: it gets no identity, runs nothing and redirects nothing."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ecs_cd import cli
from tests.scripted_aws import Clock, ScriptedAws, sts
from tests.scripted_aws.sts import BEARER, SECRET, SESSION, IdTokens
from tests.timelines.conftest import Step
from tests.timelines.fake_docker import FakeDocker

Run = Callable[..., Step]

ROLE = "arn:aws:iam::111111111111:role/ecs-cd"
VERBS = ("build-push", "migrate", "deploy", "pipeline")
PLACES = {
    "AWS_CONFIG_FILE": ".aws/config",
    "AWS_SHARED_CREDENTIALS_FILE": ".aws/credentials",
    "AWS_DATA_PATH": ".aws/models",
    "BOTO_CONFIG": ".boto",
}


@pytest.fixture(autouse=True)
def checkout(step: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with everything that could redirect the AWS SDK or make it run a program."""
    trap = tmp_path / "trap"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\n")
    trap.chmod(0o755)
    elsewhere = "http://127.0.0.1:9"
    profile = f"[default]\nendpoint_url = {elsewhere}\ncredential_process = {trap}\n"
    (tmp_path / ".aws" / "models").mkdir(parents=True)
    (tmp_path / ".aws" / "config").write_text(profile)
    (tmp_path / ".aws" / "credentials").write_text(profile)
    (tmp_path / ".boto").write_text("[Credentials]\naws_access_key_id = AKIDEVIL\naws_secret_access_key = evil\n")
    (tmp_path / ".env").write_text(f"AWS_ENDPOINT_URL={elsewhere}\nAWS_PROFILE=evil\n")
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path.parent / f"{tmp_path.name}-home"))
    return tmp_path


@pytest.fixture
def tokens(aws: ScriptedAws, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Iterator[IdTokens]:
    """A job that may ask for tokens, as one of `pull_request_target` with the fork's checkout may."""
    aws.on("sts.AssumeRoleWithWebIdentity", sts.gives(aws))
    sts.botocore_has_the_time_of(clock, monkeypatch)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    with IdTokens() as endpoint:
        for name, value in endpoint.environ.items():
            monkeypatch.setenv(name, value)
        yield endpoint


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("keys", [True, False])
def test_a_pull_request_of_a_fork_has_no_identity(
    verb: str, keys: bool, aws: ScriptedAws, step: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GitHub gives its jobs no token: it is refused before AWS is called, and no other credentials take the role's place."""
    monkeypatch.setenv("GITHUB_EVENT_NAME", "pull_request")
    for name in ("ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    if not keys:
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    ended = step(verb, role_to_assume=ROLE)
    assert ended.exit_code == 2
    assert "this job may not request an OIDC token from GitHub" in ended.log
    assert "from a fork" in ended.log
    assert aws.calls == []


def test_a_build_of_a_checkout_of_others_gets_no_identity(
    aws: ScriptedAws, step: Run, tokens: IdTokens, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither what asks for GitHub's tokens nor the role's keys: not in its environment, its arguments or its files."""
    docker = FakeDocker(checkout.parent / f"{checkout.name}-docker")
    monkeypatch.setenv("PATH", str(docker.install()), prepend=os.pathsep)
    monkeypatch.setenv("GITHUB_EVENT_NAME", "pull_request_target")
    aws.on("ecr.GetAuthorizationToken", {"authorizationData": [{"authorizationToken": "QVdTOmh1bnRlcjI="}]})
    aws.on("ecr.DescribeRepositories", {"repositories": [{"imageTagMutability": "MUTABLE"}]})
    docker.registry(aws, {})
    ended = step("build-push", role_to_assume=ROLE)
    assert ended.exit_code == 0, ended.log
    seen = json.dumps([[run["environ"], run["words"], run["bake"], run["secrets"]] for run in docker.runs])
    assert docker.builds
    assert [word for word in (BEARER, SECRET, SESSION) if word in seen] == []
    assert "ACTIONS_ID_TOKEN" not in seen
    paths = {entry for run in docker.runs for entry in run["environ"]["PATH"].split(os.pathsep)}
    assert not any(Path(entry).is_relative_to(checkout) for entry in paths)


def test_files_of_the_checkout_redirect_nothing(aws: ScriptedAws, step: Run, checkout: Path) -> None:
    """They are read by their place in the home folder, or by a variable: the working directory doesn't count."""
    ended = step("deploy", dry_run="true")
    assert ended.exit_code == 0, ended.log
    assert aws.calls
    assert "127.0.0.1:9" not in ended.log
    assert not (checkout / "sprung").exists()


@pytest.mark.parametrize("verb", [*VERBS, "images", "continue", "rollback", "clean-up"])
@pytest.mark.parametrize("name", [*PLACES, "HOME"])
@pytest.mark.parametrize("relative", [True, False])
def test_a_file_of_the_checkout_that_configures_the_sdk_is_refused(
    verb: str, name: str, relative: bool, aws: ScriptedAws, checkout: Path, monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str], clock: Clock,
) -> None:  # fmt: skip
    """Whatever names it: it could send the requests elsewhere, and run a program for credentials."""
    place = PLACES.get(name, ".")
    monkeypatch.setenv(name, place if relative else str(checkout / place))
    for other in PLACES:
        if name == "HOME":
            monkeypatch.delenv(other, raising=False)
    monkeypatch.setenv("ECS_CD_INPUTS", json.dumps({"config": "/my/parameter"}))
    assert cli.main([verb], os.environ, clock=clock) == 2
    log = capfd.readouterr().out
    assert f"{name}: " in log
    assert "is inside the checkout, so a commit could redirect requests and run programs" in log
    assert aws.calls == []
    assert not (checkout / "sprung").exists()
