"""Builds in containers: what a buildspec's author sees of CodeBuild. The rules alone: tests/rules/local/codebuild."""

from __future__ import annotations

import io
import json
import stat
import threading
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from dev.aws import Aws as LocalAws
from dev.base_images import codebuild_image
from ecs_cd.aws.session import Aws
from ecs_cd.local import machine
from ecs_cd.local.codebuild.builds import Builds
from ecs_cd.local.codebuild.rules.artifacts import File, zipped
from ecs_cd.local.codepipeline import artifacts
from ecs_cd.local.codepipeline.actions import codebuild
from ecs_cd.local.codepipeline.work import Work, World
from ecs_cd.model.errors import Refused
from ecs_cd.model.references import S3Object
from tests.e2e.builds import Build, Runner, build_env
from tests.scripted_aws import wire

pytestmark = pytest.mark.e2e

Make = Callable[..., Runner]
Spec = dict[str, Any]


@pytest.fixture(scope="module")
def local_aws(region: LocalAws) -> Iterator[LocalAws]:
    """The AWS of these tests' process too."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in build_env(region).items():
            patch.setenv(name, value)
        yield region


@pytest.fixture
def make(local_aws: LocalAws, tmp_path: Path) -> Iterator[Make]:
    """Makes a runner of the project `p` with this buildspec."""
    image = codebuild_image(local_aws.env)
    folder = tmp_path / "my app"
    ending = threading.Event()

    def runner(buildspec: Spec | str, *, environment: Mapping[str, Any] | None = None, **more: Any) -> Runner:
        text = buildspec if isinstance(buildspec, str) else json.dumps({"version": "0.2", **buildspec})
        project = {
            "name": "p",
            "source": {"type": "CODEPIPELINE", "buildspec": text},
            "environment": {
                "type": "LINUX_CONTAINER",
                "image": "aws/codebuild/standard:7.0",
                "computeType": "BUILD_GENERAL1_SMALL",
                **(environment or {}),
            },
            **more,
        }
        aws = Aws(local_aws.env)
        builds = Builds(
            aws,
            {"p": project},
            image=image,
            env=local_aws.env,
            build_env=build_env(local_aws),
            network="",
            folder=folder,
            ending=ending,
        )
        return Runner(aws, builds, folder, ending)

    yield runner
    left = machine.run(
        ["docker", "ps", "-aq", "--filter", f"label=ecs-cd.codepipeline={folder.name}"], env=local_aws.env
    )
    assert left.stdout == "", "a container is left"


def commands(**phases: list[str]) -> Spec:
    return {"phases": {name: {"commands": each} for name, each in phases.items()}}


def in_background(runner: Runner, until: str, then: Callable[[str], object]) -> Build:
    """Runs a build, and does something as soon as its log has a line."""
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(runner.run, "p")
        while not runner.begun or not any(line.strip() == until for line in runner.lines(runner.begun[0])):
            assert not running.done(), running.result().log
            time.sleep(0.05)
        then(runner.begun[0])
        return running.result()


# ---- phases and commands ----


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_folder_and_variables_pass_from_command_to_command(make: Make, shell: str) -> None:
    """Each command has a shell, with the folder and variables of the one before it; `exit` ends only its command."""
    spec = commands(
        install=['NAME="it\'s one"', "mkdir -p down && cd down", "export SHOWN=$(printf 'two\\nlines')"],
        build=['echo "$NAME in ${PWD##*/}, $CODEBUILD_BUILD_SUCCEEDING"', "exit 3", "echo never"],
        post_build=['echo "$NAME after, $CODEBUILD_BUILD_SUCCEEDING"'],
    )
    spec["env"] = {"shell": shell, "exported-variables": ["SHOWN", "NAME", "MISSING"]}
    build = make(spec).run("p")
    assert "it's one in down, 1\n" in build.log
    assert "\nnever" not in build.log
    assert "it's one after, 0\n" in build.log
    assert build.failed == (
        "BUILD",
        "COMMAND_EXECUTION_ERROR",
        "Error while executing command: exit 3. Reason: exit status 3",
    )
    assert build.ended.message == (
        "Build terminated with state: FAILED. Phase: BUILD, Code: COMMAND_EXECUTION_ERROR, "
        "Message: Error while executing command: exit 3. Reason: exit status 3"
    )
    assert build.exported == {"SHOWN": "two\nlines", "NAME": "it's one"}


def test_aws_accepts_the_description(make: Make) -> None:
    """BatchGetBuilds' members and types, with every phase of a build, while it runs and when it has ended."""
    runner = make(commands(build=["echo here; sleep 0.5"]))
    shape = wire.service_model("codebuild").operation_model("BatchGetBuilds").output_shape
    early: list[Mapping[str, Any]] = []
    build = in_background(runner, "here", lambda id: early.extend(runner.builds.describe([id])))
    for each in (build.description, *early):
        wire.check(shape, {"builds": [each]}, "BatchGetBuilds")
    (running,) = early
    assert (running["buildStatus"], running["currentPhase"], running["buildComplete"]) == (
        "IN_PROGRESS",
        "BUILD",
        False,
    )
    names = [each["phaseType"] for each in build.description["phases"]]
    assert names == [
        "SUBMITTED",
        "QUEUED",
        "PROVISIONING",
        "DOWNLOAD_SOURCE",
        "INSTALL",
        "PRE_BUILD",
        "BUILD",
        "POST_BUILD",
        "UPLOAD_ARTIFACTS",
        "FINALIZING",
        "COMPLETED",
    ]
    assert runner.run("p").description["buildNumber"] == 2
    assert runner.builds.describe(["p:unknown"]) == []


def test_finally_runs_after_a_command_that_failed(make: Make) -> None:
    """Its variables say that the build fails, and on-failure: CONTINUE goes to the next phase of a build that fails."""
    phase = {"commands": ["false", "echo never"], "finally": ['echo "after $CODEBUILD_BUILD_SUCCEEDING"']}
    spec = {"phases": {"pre_build": {**phase, "on-failure": "CONTINUE"}, "build": {"commands": ["echo built"]}}}
    build = make(spec).run("p")
    assert "after 0\n" in build.log
    assert "\nnever" not in build.log
    assert "\nbuilt\n" in build.log
    assert build.phases == {
        "INSTALL": "SUCCEEDED",
        "PRE_BUILD": "FAILED",
        "BUILD": "SUCCEEDED",
        "POST_BUILD": "SUCCEEDED",
    }
    assert build.ended.status == "FAILED"


def test_a_failed_pre_build_ends_the_build(make: Make) -> None:
    """Nothing runs after it, and no artifact is read."""
    build = make(commands(pre_build=["false"], build=["echo never"])).run("p")
    assert build.phases == {"INSTALL": "SUCCEEDED", "PRE_BUILD": "FAILED"}
    assert "never" not in build.log


def test_output_is_in_the_log_whole(make: Make) -> None:
    """From both streams, in order, also without a newline at its end."""
    build = make(commands(build=["printf open", "echo next >&2", "cat /proc/1/cmdline"])).run("p")
    assert build.succeeded, build.log
    assert "\nopen\n" in build.log
    assert "\nnext\n" in build.log


def test_a_build_whose_container_ends_fails(make: Make, local_aws: LocalAws) -> None:
    """It does not hang, and the message says so."""
    runner = make(commands(build=["echo begun; sleep 600"]))

    def kill(id: str) -> None:
        label = f"label=ecs-cd.codebuild={id.partition(':')[2]}"
        (container,) = machine.run(["docker", "ps", "-q", "--filter", label], env=local_aws.env).stdout.split()
        machine.run(["docker", "kill", container], env=local_aws.env)

    build = in_background(runner, "begun", kill)
    assert build.failed[:2] == ("BUILD", "COMMAND_EXECUTION_ERROR")
    assert "Reason: the container ended" in build.message


# ---- how builds end ----


def test_a_build_times_out(make: Make) -> None:
    """After timeoutInMinutes its container is killed."""
    build = make(commands(build=["sleep 600"]), timeoutInMinutes=0.02).run("p")
    assert build.ended.status == "TIMED_OUT"
    assert build.failed == ("BUILD", "BUILD_TIMED_OUT", "Build has timed out.")


def test_the_log_is_streamed_and_a_build_can_be_stopped(make: Make) -> None:
    """Its log is there while it runs; StopBuild ends it, and post_build does not run."""
    runner = make(commands(build=["echo begun; sleep 600"], post_build=["echo never"]))
    build = in_background(runner, "begun", runner.builds.stop)
    assert build.ended.status == "STOPPED"
    assert build.phases["BUILD"] == "STOPPED"
    assert "never" not in build.log
    with pytest.raises(KeyError):
        runner.builds.stop("p:unknown")


def test_builds_stop_when_the_process_ends(make: Make) -> None:
    """As if each had been stopped."""
    runner = make(commands(build=["echo begun; sleep 600"]))
    assert in_background(runner, "begun", lambda _: runner.ending.set()).ended.status == "STOPPED"


def test_an_image_that_cannot_be_pulled_fails_the_build(make: Make, local_aws: LocalAws) -> None:
    """With CodeBuild's code, in PROVISIONING."""
    runner = make(commands(build=["true"]), environment={"image": f"{local_aws.registry}/no-image:1"})
    aws, folder = runner.aws, runner.folder
    projects = {"p": runner.builds._projects["p"]}
    builds = Builds(
        aws, projects, image="", env=local_aws.env, build_env={}, network="", folder=folder, ending=runner.ending
    )
    build = Runner(aws, builds, folder, runner.ending).run("p")
    assert build.failed[:2] == ("PROVISIONING", "BUILD_CONTAINER_UNABLE_TO_PULL_IMAGE")


# ---- sources, variables ----


def test_the_buildspec_is_a_file_of_the_source_and_a_second_source_is_beside_it(make: Make) -> None:
    """The default is buildspec.yml; permissions are kept; an absent file fails in DOWNLOAD_SOURCE."""
    text = 'version: 0.2\nphases:\n  build:\n    commands:\n      - ./run.sh "$CODEBUILD_SRC_DIR_Infra/a b.txt"\n'
    run = File(b'#!/bin/sh\ncat "$1"\n', 0o755)
    app = {"buildspec.yml": File(text.encode()), "run.sh": run}
    sources = {"App": zipped(app), "Infra": zipped({"a b.txt": File(b"from infra\n")})}
    build = make("").run("p", sources=sources, version="0" * 40)
    assert build.succeeded, build.log
    assert "\nfrom infra\n" in build.log
    assert build.description["resolvedSourceVersion"] == "0" * 40
    missing = make("ci/build.yml").run("p", sources=sources)
    assert missing.failed == ("DOWNLOAD_SOURCE", "YAML_FILE_ERROR", "stat ci/build.yml: no such file in the source")
    wrong = make({"phases": {"deploy": {}}}).run("p")
    assert wrong.failed[:2] == ("DOWNLOAD_SOURCE", "YAML_FILE_ERROR")
    assert wrong.message.startswith("phases.deploy: unknown key")


def test_secrets_and_parameters_are_variables_and_masked(make: Make) -> None:
    """The build sees the values, its log doesn't show them; what doesn't exist fails the build."""
    env = {
        "variables": {"PLACE": "buildspec", "KEPT": "buildspec"},
        "parameter-store": {"PARAMETER": "/builds/parameter"},
        "secrets-manager": {"KEY": "builds/secret:password", "WHOLE": "builds/secret"},
    }
    check = 'test "$PARAMETER/$KEY/$PLACE/$KEPT" = "from-ssm/it\'s \\"secret\\"/start/buildspec"'
    own = [
        {"name": "PLACE", "value": "project"},
        {"name": "AGAIN", "value": "builds/secret:password", "type": "SECRETS_MANAGER"},
    ]
    spec = {"env": env, **commands(build=[check, 'echo "$KEY, $AGAIN, $PARAMETER"'])}
    runner = make(spec, environment={"environmentVariables": own})
    runner.aws.client("ssm").put_parameter(
        Name="/builds/parameter", Value="from-ssm", Type="SecureString", Overwrite=True
    )
    secret = json.dumps({"password": 'it\'s "secret"'})
    runner.aws.client("secretsmanager").create_secret(Name="builds/secret", SecretString=secret)
    build = runner.run("p", [{"name": "PLACE", "value": "start", "type": "PLAINTEXT"}])
    assert build.succeeded, build.log
    assert "\n***, ***, ***\n" in build.log
    missing = make({"env": {"parameter-store": {"A": "/builds/none"}}, **commands(build=["true"])}).run("p")
    assert missing.failed[:2] == ("DOWNLOAD_SOURCE", "Decrypted Variables Error")
    assert "/builds/none" in missing.message
    unknown = make({"env": {"secrets-manager": {"A": "builds/secret:none"}}, **commands(build=["true"])}).run("p")
    assert unknown.failed == (
        "DOWNLOAD_SOURCE",
        "Secrets Manager Error",
        "builds/secret:none: the secret has no JSON key none",
    )


def test_a_privileged_build_has_the_engine(make: Make, local_aws: LocalAws) -> None:
    """It uses this machine's engine, by this machine's client if the image has none; what it starts ends with it."""
    spec = commands(build=["docker version --format '{{.Server.Os}}'", "docker buildx version", "git --version"])
    build = make(spec, environment={"privilegedMode": True}).run("p")
    assert build.succeeded, build.log
    assert "\nlinux\n" in build.log
    inner = commands(
        build=[
            f"docker create --entrypoint true {codebuild_image(local_aws.env)}",
            "echo created; sleep 600",
        ]
    )
    runner = make(inner, environment={"privilegedMode": True})
    assert in_background(runner, "created", runner.builds.stop).ended.status == "STOPPED"
    without = make(commands(build=["docker version"])).run("p")
    assert "docker: not found" in without.log


# ---- artifacts ----


def test_artifacts_have_the_chosen_files(make: Make) -> None:
    """By CodeBuild's patterns, with permissions; what links lead to outside of the source is left out."""
    spec = commands(
        build=[
            "mkdir -p out/deep && echo 1 > out/a.txt && echo 2 > out/deep/b.sh && chmod 755 out/deep/b.sh",
            "ln -s a.txt out/link && ln -s /etc/passwd out/outside",
        ]
    )
    more = {
        "Flat": {"base-directory": "out", "files": ["**/*.sh"], "discard-paths": "yes"},
        "Out": {"files": ["**/*"], "base-directory": "out"},
    }
    build = make({**spec, "artifacts": {"files": ["README.txt"], "secondary-artifacts": more}}).run(
        "p", outputs=["Out", "Flat"]
    )
    assert build.succeeded, build.log
    with zipfile.ZipFile(io.BytesIO(build.ended.artifacts["Out"])) as archive:
        assert set(archive.namelist()) == {"a.txt", "deep/b.sh", "link"}
        assert archive.read("link") == b"1\n"
        assert stat.S_IMODE(archive.getinfo("deep/b.sh").external_attr >> 16) == 0o755
    with zipfile.ZipFile(io.BytesIO(build.ended.artifacts["Flat"])) as archive:
        assert archive.namelist() == ["b.sh"]
    none = make({**spec, "artifacts": {"files": ["none/*"]}}).run("p", outputs=["Out"])
    assert none.failed == ("UPLOAD_ARTIFACTS", "CLIENT_ERROR", "no matching artifact paths found")
    assert none.ended.artifacts == {}


def test_the_action_reads_and_writes_artifacts(make: Make, local_aws: LocalAws, tmp_path: Path) -> None:
    """Input artifacts come from S3, output artifacts go there; exported variables are the action's output variables."""
    spec = commands(build=["WORD=$(cat word.txt)-$FROM", "cat word.txt > made.txt"])
    spec |= {"env": {"exported-variables": ["WORD"]}, "artifacts": {"files": ["made.txt"]}}
    runner = make(spec)
    world = World(runner.aws, local_aws.registry, tmp_path, runner.builds)
    bucket = "test-builds-artifacts"
    runner.aws.client("s3").create_bucket(Bucket=bucket)
    artifacts.put(runner.aws, S3Object(bucket, "in"), zipped({"word.txt": File(b"hello")}))
    reported: list[tuple[str, str]] = []
    work = Work(
        pipeline="my-app",
        execution="1",
        stage="Build",
        action="Build",
        id="2",
        provider="CodeBuild",
        configuration={"ProjectName": "p", "EnvironmentVariables": '[{"name": "FROM", "value": "me"}]'},
        inputs={"Source": S3Object(bucket, "in")},
        outputs={"Made": S3Object(bucket, "out")},
    )
    ended = codebuild.run(work, world, lambda id, url: reported.append((id, url)))
    assert (ended.error_code, ended.variables) == ("", {"WORD": "hello-me"})
    with zipfile.ZipFile(io.BytesIO(artifacts.get(runner.aws, S3Object(bucket, "out")))) as archive:
        assert archive.read("made.txt") == b"hello"
    ((id, url),) = reported
    assert id.startswith("p:")
    assert "/projects/p/build/p%3A" in url
    with pytest.raises(Refused, match="there is no CodeBuild project"):
        runner.run("other")
