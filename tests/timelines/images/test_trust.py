"""What a build gets of the job, and what other users of the machine can see of it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dev.workflows import commit, git
from tests.scripted_aws import ScriptedAws
from tests.timelines.conftest import DOCUMENT, SHA, Step
from tests.timelines.fake_docker import FakeDocker

Run = Callable[..., Step]

TOKENS = ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_RUNTIME_TOKEN", "GITHUB_TOKEN")
OF_AWS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


@pytest.fixture(autouse=True)
def docker(aws: ScriptedAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeDocker:
    """Docker and an ECR that holds what it pushes; a Dockerfile; a caller without a configuration of Docker's."""
    fake = FakeDocker(tmp_path.parent / f"{tmp_path.name}-docker")
    monkeypatch.setenv("PATH", str(fake.install()), prepend=os.pathsep)
    monkeypatch.setenv("HOME", str(tmp_path.parent / f"{tmp_path.name}-home"))
    for name in ("DOCKER_CONFIG", "BUILDX_CONFIG", "KUBECONFIG"):
        monkeypatch.delenv(name, raising=False)
    for name in TOKENS:
        monkeypatch.setenv(name, "token-of-the-job")
    monkeypatch.setenv("ACTIONS_RESULTS_URL", "https://results.example")
    aws.on("ecr.GetAuthorizationToken", {"authorizationData": [{"authorizationToken": "QVdTOmh1bnRlcjI="}]})
    aws.on("ecr.DescribeRepositories", {"repositories": [{"imageTagMutability": "MUTABLE"}]})
    fake.registry(aws, {})
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    return fake


def given(docker: FakeDocker) -> set[str]:
    """The credentials that a call of Docker got in its environment."""
    return {name for run in docker.runs for name in (*TOKENS, *OF_AWS, "INPUT_SECRETS") if name in run["environ"]}


def test_docker_gets_none_of_the_jobs_credentials(
    step: Run, docker: FakeDocker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It needs the login to the registry alone; everything else that the caller has set reaches it."""
    monkeypatch.setenv("INPUT_SECRETS", "npm=hunter2")  # as act sets it
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    ended = step("build-push", platforms="linux/amd64")
    assert ended.exit_code == 0, ended.log
    assert given(docker) == set()
    assert {run["environ"]["HTTPS_PROXY"] for run in docker.runs} == {"http://proxy:3128"}
    assert [run["words"][:2] for run in docker.runs][-1] == ["buildx", "build"]


@pytest.mark.parametrize(
    ("inputs", "names"),
    [
        ({"cache": "gha"}, {"ACTIONS_RUNTIME_TOKEN"}),
        ({"cache_to": "mode=max,type=gha"}, {"ACTIONS_RUNTIME_TOKEN"}),
        ({"cache_from": "type=s3,region=eu-west-1,bucket=b"}, set(OF_AWS)),
        ({"cache": "registry"}, set()),
        ({"secret_envs": "token=GITHUB_TOKEN"}, {"GITHUB_TOKEN"}),
        ({"build_args": "GITHUB_TOKEN\nOTHER=AWS_ACCESS_KEY_ID"}, {"GITHUB_TOKEN"}),
    ],
)
def test_what_a_build_names_it_gets(inputs: dict[str, str], names: set[str], step: Run, docker: FakeDocker) -> None:
    """A cache that needs a token, a secret or an argument from a variable; and no more than that."""
    ended = step("build-push", **inputs)
    assert ended.exit_code == 0, ended.log
    assert given(docker) == names


@pytest.mark.parametrize("config", [{"credsStore": "desktop"}, {"credHelpers": {"x.example": "ecr-login"}}])
def test_a_credential_helper_of_the_callers_can_sign_in(
    config: dict[str, object], step: Run, docker: FakeDocker, tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """It may pull base images with the job's credentials of AWS; GitHub's identity it never needs."""
    folder = tmp_path_factory.mktemp("docker")
    (folder / "config.json").write_text(json.dumps(config))
    monkeypatch.setenv("DOCKER_CONFIG", str(folder))
    assert step("build-push").exit_code == 0
    assert given(docker) == {*OF_AWS, "GITHUB_TOKEN"}


# ---- other users of the machine ----


@pytest.fixture
def open_umask() -> Iterator[None]:
    """The loosest: every mode is then one that we set."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("open_umask")
@pytest.mark.parametrize("images", [("app",), ("app", "nginx")])
def test_only_this_user_can_read_what_is_written_for_a_build(
    images: tuple[str, ...], aws: ScriptedAws, step: Run, docker: FakeDocker, tmp_path: Path
) -> None:
    """The folders and the files: the logins, the secrets, the definition; and the state file."""
    repositories = {name: {"repository": f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/{name}"} for name in images}
    aws.on("ssm.GetParameter", {"Parameter": {"Value": json.dumps({**DOCUMENT, "images": repositories}), "Version": 3}})
    ended = step("build-push", secrets="npm=hunter2")
    assert ended.exit_code == 0, ended.log
    modes = docker.builds[-1]["modes"]
    assert {"config.json", "secret-app-0"} <= {Path(path).name for path in modes}
    assert {oct(mode) for path, mode in modes.items() if not Path(path).is_dir() and "." in Path(path).name} == {
        "0o600"
    }
    assert {oct(mode) for mode in modes.values()} == {"0o600", "0o700"}
    left = [path for path in (tmp_path / "ecs-cd").rglob("*") if path.is_file()]
    assert {oct(path.stat().st_mode & 0o777) for path in left} <= {"0o600"}


SECRET = "hunter2-token"
CONTEXT = f"https://x:{SECRET}@git.example/app.git"


@pytest.mark.parametrize(
    "inputs",
    [
        {"secrets": f"npm={SECRET}"},
        {"secret_envs": "npm=MY_TOKEN"},
        {"context": CONTEXT},
        {"context": f"https://store.example/context.tar.gz?X-Amz-Signature={SECRET}"},
        {"cache_from": f"type=s3,region=r,bucket=b,secret_access_key={SECRET}"},
        {"cache_to": f"type=s3,region=r,bucket=b,session_token={SECRET}"},
        {"cache_from": f"type=gha,token={SECRET}"},
    ],
)
def test_no_command_line_shows_a_secret(
    inputs: dict[str, str], step: Run, docker: FakeDocker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everyone on the machine can read it; the log is not the place either."""
    monkeypatch.setenv("MY_TOKEN", SECRET)
    ended = step("build-push", **inputs)
    assert ended.exit_code == 0, ended.log
    assert len(docker.pushed) > 0
    shown = json.dumps([run["words"] for run in docker.runs]) + ended.log + ended.summary
    assert SECRET not in shown
    assert "hunter2" not in shown


# ---- files of the checkout ----


@pytest.mark.parametrize("name", ["DOCKER_CONFIG", "BUILDX_CONFIG", "HOME"])
@pytest.mark.parametrize("inputs", [{}, {"platforms": "linux/arm64"}, {"reuse": "content"}])
def test_a_docker_configuration_in_the_checkout_is_refused(
    name: str, inputs: dict[str, str], step: Run, docker: FakeDocker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A commit could put plugins, credential helpers and engines there, which Docker would run and trust."""
    folder = tmp_path / "home" / ".docker"
    (folder / "cli-plugins").mkdir(parents=True)
    monkeypatch.setenv(name, str(folder.parent if name == "HOME" else folder))
    git(tmp_path, "init", "--quiet")
    ended = step("build-push", **{**inputs, "sha": commit(tmp_path, "x")})
    assert ended.exit_code == 2, ended.log
    assert "is inside the checkout, so a commit could name programs that Docker runs" in ended.log
    assert docker.runs == []


@pytest.mark.parametrize("name", ["config.json", "cli-plugins", "cli-plugins/docker-buildx", "contexts"])
def test_a_docker_configuration_that_leads_into_the_checkout_is_refused(
    name: str, step: Run, docker: FakeDocker, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """By a link of the caller's."""
    folder = tmp_path_factory.mktemp("docker")
    (folder / name).parent.mkdir(exist_ok=True)
    (tmp_path / "mine").write_text("{}")
    (folder / name).symlink_to(tmp_path / "mine")
    monkeypatch.setenv("DOCKER_CONFIG", str(folder))
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    ended = step("build-push")
    assert ended.exit_code == 2
    assert f"DOCKER_CONFIG: {folder / name} is inside the checkout" in ended.log
    assert docker.runs == []


@pytest.mark.parametrize("name", ["cliPluginsExtraDirs", "KUBECONFIG"])
def test_plugins_and_clusters_of_the_checkout_are_refused(
    name: str, step: Run, docker: FakeDocker, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Docker runs the one kind, and for a builder in Kubernetes the programs that the other names."""
    folder = tmp_path_factory.mktemp("docker")
    inside = tmp_path / "mine"
    inside.mkdir()
    if name == "KUBECONFIG":
        monkeypatch.setenv(name, f"{folder}/none{os.pathsep}{inside}")
    else:
        (folder / "config.json").write_text(json.dumps({name: [str(folder), str(inside)]}))
    monkeypatch.setenv("DOCKER_CONFIG", str(folder))
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    ended = step("build-push")
    assert ended.exit_code == 2, ended.log
    assert f"{name}: {inside} is inside the checkout" in ended.log
    assert docker.runs == []


def test_one_of_several_kubeconfigs_is_enough_to_sign_in(
    step: Run, docker: FakeDocker, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """KUBECONFIG is a list; a cluster in EKS needs the job's credentials."""
    folder = tmp_path_factory.mktemp("kube")
    (folder / "config").write_text("{}")
    monkeypatch.setenv("KUBECONFIG", f"{folder}/none{os.pathsep}{folder}/config")
    assert step("build-push").exit_code == 0
    assert given(docker) == set(OF_AWS)


def test_a_docker_of_the_checkout_is_not_run(
    step: Run, docker: FakeDocker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A step before may have put the project's tools first on PATH."""
    (tmp_path / "bin").mkdir()
    for place in (tmp_path / "bin", tmp_path):
        (place / "docker").write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\n")
        (place / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:bin::.", prepend=os.pathsep)
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    ended = step("build-push")
    assert ended.exit_code == 0, ended.log
    assert not (tmp_path / "sprung").exists()
    assert "bin::." not in os.environ["PATH"]
    assert docker.builds
    # Where Docker looks for the credential helpers that its configuration names.
    assert {run["environ"]["PATH"] for run in docker.runs} == {os.environ["PATH"]}
    assert SHA in ended.outputs["tags"]
