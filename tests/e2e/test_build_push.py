"""build-push on a real engine and a real registry: its inputs arrive in the image, and nothing else does."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from dev.workflows import commit
from ecs_cd.local import machine
from tests.e2e.conftest import World

pytestmark = pytest.mark.e2e

DOCKERFILE = """\
ARG BASE
FROM ${BASE} AS first
ARG GREETING
RUN --mount=type=secret,id=token --mount=type=secret,id=file --mount=type=secret,id=env \\
    cat /run/secrets/token /run/secrets/file /run/secrets/env | sha256sum > /secrets && echo "$GREETING" > /greeting
CMD ["cat", "/secrets", "/greeting"]
FROM first AS second
CMD ["false"]
"""
SECRET = "line one\nline two, with a comma"


def build(
    world: World, *flags: str, inputs: Mapping[str, str] | None = None, **env: str
) -> subprocess.CompletedProcess[str]:
    """The command line in the app's repository; ``inputs`` as an action hands them over."""
    with start(world, *flags, inputs=inputs, **env) as process:
        stdout, stderr = process.communicate()
    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)


def start(world: World, *flags: str, inputs: Mapping[str, str] | None = None, **env: str) -> subprocess.Popen[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("GITHUB_", "AWS_"))}
    return subprocess.Popen(
        [world.tree / "bin" / "ecs-cd", "build-push", *flags],
        cwd=world.repo,
        env={**clean, **world.aws.env, "ECS_CD_INPUTS": json.dumps(inputs or {}), **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def image(result: subprocess.CompletedProcess[str]) -> str:
    return next(line.removeprefix("image=") for line in result.stdout.splitlines() if line.startswith("image="))


def test_every_input_of_the_build_arrives(world: World, tmp_path: Path) -> None:
    """file, target, build-args, the three kinds of secrets, labels, platforms, cache-to and cache-from."""
    (world.repo / "docker").mkdir()
    (world.repo / "docker" / "Dockerfile.app").write_text(DOCKERFILE)
    (world.repo / "secret.txt").write_text("from a file\n")
    sha = commit(world.repo, "another Dockerfile")
    cache = tmp_path / "cache"
    inputs = {
        "config": world.stack.parameter,
        "file": "docker/Dockerfile.app",
        "target": "first",
        "build-args": f"BASE={world.images.python}\nGREETING=hello, world",
        "secrets": f'"token={SECRET}"',
        "secret-files": "file=secret.txt",
        "secret-envs": "env=MY_SECRET",
        "labels": "team=web, and more",
        "platforms": "linux/amd64",
        "cache-to": f"type=local,dest={cache}",
        "tags": "latest, v1",
    }
    result = build(world, inputs=inputs, MY_SECRET="from the environment", GITHUB_SHA="f" * 40)
    assert result.returncode == 0, result.stdout + result.stderr
    assert SECRET.splitlines()[0] not in result.stdout + result.stderr
    assert any(cache.iterdir())
    name = image(result)
    machine.run(["docker", "pull", "--quiet", name], env=world.aws.env)
    output = machine.run(["docker", "run", "--rm", name], env=world.aws.env).stdout.splitlines()
    expected = machine.run(["sha256sum"], stdin=f"{SECRET}from a file\nfrom the environment").stdout
    assert output == [expected.rstrip("\n"), "hello, world"]
    labels = json.loads(machine.run(["docker", "image", "inspect", name], env=world.aws.env).stdout)[0]["Config"][
        "Labels"
    ]
    assert labels["team"] == "web, and more"
    assert labels["org.opencontainers.image.revision"] == sha
    assert labels["org.opencontainers.image.created"].endswith("Z")
    listed = world.stack.clients.ecr.describe_images(repositoryName="my-app")["imageDetails"]
    assert {tag for image in listed for tag in image.get("imageTags", [])} == {sha, "latest", "v1"}


def test_a_failing_build_is_red_with_its_output_and_pushes_nothing(world: World) -> None:
    """Its own words, buildx's exit code; no image, and no login left."""
    (world.repo / "Dockerfile").write_text("ARG BASE\nFROM ${BASE}\nRUN echo it-broke && exit 7\n")
    commit(world.repo, "a broken Dockerfile")
    temp = world.repo.parent / "runner-temp"
    temp.mkdir()
    flags = ("--config", world.stack.parameter, "--build-args", f"BASE={world.images.python}")
    result = build(world, *flags, RUNNER_TEMP=str(temp))
    assert result.returncode == 1
    assert "it-broke" in result.stdout + result.stderr
    assert "docker buildx build failed (exit code" in result.stderr
    assert not world.stack.clients.ecr.list_images(repositoryName="my-app")["imageIds"]
    assert [path.name for path in (temp / "ecs-cd").iterdir()] == ["clean-up"]


def test_the_callers_docker_configuration_keeps_working(world: World, tmp_path: Path) -> None:
    """A builder that the caller made is the one that builds, and the login stays out of the caller's file."""
    ours = {**os.environ, **world.aws.env}
    plugins = Path(ours.get("DOCKER_CONFIG") or Path.home() / ".docker") / "cli-plugins"
    theirs = tmp_path / "docker"
    theirs.mkdir()
    if plugins.is_dir():
        (theirs / "cli-plugins").symlink_to(plugins)
    (theirs / "config.json").write_text(json.dumps({"auths": {"registry.example": {"auth": "dTpw"}}}))
    env = {**world.aws.env, "DOCKER_CONFIG": str(theirs)}
    machine.run(["docker", "buildx", "create", "--name", "mine", "--driver", "remote", "tcp://127.0.0.1:1"], env=env)
    flags = ("--config", world.stack.parameter, "--build-args", f"BASE={world.images.python}")
    with start(world, *flags, DOCKER_CONFIG=str(theirs), BUILDX_BUILDER="mine") as process:
        assert process.stdout is not None
        assert any('building with "mine" instance' in line for line in process.stdout)
        process.send_signal(signal.SIGINT)  # nobody listens at the builder's address
        process.communicate()
    assert process.returncode == 130
    default = build(world, *flags, DOCKER_CONFIG=str(theirs), BUILDX_BUILDER="default")
    assert default.returncode == 0, default.stderr
    assert json.loads((theirs / "config.json").read_text())["auths"] == {"registry.example": {"auth": "dTpw"}}
