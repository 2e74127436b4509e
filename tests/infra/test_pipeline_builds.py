"""infra/terraform/pipeline: the CodeBuild projects, their buildspecs, and what their actions give them."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shlex
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from dev.terraform.terraform import Shown, Terraform
from ecs_cd.ci.codebuild import FOLDER
from ecs_cd.images.rules import handed_over
from ecs_cd.inputs.artifacts import Artifacts
from ecs_cd.inputs.outputs import BUILD, DEPLOY, MIGRATE
from ecs_cd.model.references import repository
from tests.infra import pipelines
from tests.infra.pipelines import CASES, CONNECTED, MODULE, Applied, Values

each_case = pytest.mark.parametrize("case", CASES)

# From CodeBuild's buildspec reference.
PHASES = ("install", "pre_build", "build", "post_build")
KEYS: dict[str, set[str]] = {
    "": {"version", "run-as", "env", "proxy", "batch", "phases", "reports", "artifacts", "cache"},
    "env": {"shell", "variables", "parameter-store", "secrets-manager", "exported-variables", "git-credential-helper"},
    "phases": set(PHASES),
    "phase": {"run-as", "on-failure", "runtime-versions", "commands", "finally", "steps"},
    "report": {"files", "base-directory", "discard-paths", "file-format"},
    "artifacts": {"files", "name", "discard-paths", "base-directory", "exclude-paths", "enable-symlinks", "s3-prefix", "secondary-artifacts"},
}  # fmt: skip


def _projects(shown: Shown) -> dict[str, Values]:
    """The projects by their part."""
    return {made["name"].rpartition("-")[2]: made for made in shown.of("aws_codebuild_project").values()}


def _spec(shown: Shown, part: str) -> Values:
    content = yaml.safe_load(_projects(shown)[part]["source"][0]["buildspec"])
    assert isinstance(content, dict)
    return content


def _commands(spec: Values, *phases: str) -> list[str]:
    return [command for phase in phases or PHASES for command in spec["phases"].get(phase, {}).get("commands", [])]


# --- the projects ---


@each_case
def test_a_project_for_each_codebuild_action(applied: Applied, case: str) -> None:
    """No action without a project; no project without an action or an event."""
    shown = applied(case)
    actions = pipelines.actions(pipelines.declaration(shown))
    wanted = {each["configuration"]["ProjectName"] for each in actions if pipelines.provider(each) == "CodeBuild"}
    made = {each["name"]: each["arn"] for each in shown.of("aws_codebuild_project").values()}
    by_event = {each["arn"] for each in shown.of("aws_cloudwatch_event_target").values()}
    assert wanted == {name for name, arn in made.items() if arn not in by_event}


@each_case
def test_only_docker_needs_the_vpc_and_privileges(applied: Applied, case: str) -> None:
    """ecs-cd runs the migration as a task, so its own builds are plain; `docker run` needs both, `docker build` one."""
    for part, made in _projects(applied(case)).items():
        docker = part == "migrate" and CASES[case].get("migrate_with") == "docker"
        assert made["environment"][0]["privileged_mode"] is (docker or part == "build")
        assert bool(made["vpc_config"]) is docker


@each_case
def test_only_a_build_of_an_image_is_as_large_as_asked(applied: Applied, case: str) -> None:
    """By default it has the size that Docker builds take on GitHub; the others only wait."""
    asked = CASES[case].get("build", {}).get("compute_type", "BUILD_GENERAL1_MEDIUM")
    for part, made in _projects(applied(case)).items():
        assert made["environment"][0]["compute_type"] == (asked if part == "build" else "BUILD_GENERAL1_SMALL")


@each_case
def test_logs_and_reports_are_kept_as_long_as_asked(applied: Applied, case: str) -> None:
    """Each project writes to a log group of the module's, and each of ecs-cd's to a report group."""
    shown = applied(case)
    groups = {each["name"]: each for each in shown.of("aws_cloudwatch_log_group").values()}
    reports = {each["arn"] for each in shown.of("aws_codebuild_report_group").values()}
    for part, made in _projects(shown).items():
        name = made["logs_config"][0]["cloudwatch_logs"][0]["group_name"]
        assert groups.pop(name)["retention_in_days"] == CASES[case].get("log_days", 90)
        reports -= set(_spec(shown, part).get("reports", {}))
    assert not groups and not reports


# --- what an action gives its build ---


@each_case
def test_a_build_gets_what_ecs_cd_reads(applied: Applied, case: str) -> None:
    """The document's name, the execution, the nonce, and the variables that the document names, all by their names."""
    shown = applied(case)
    declared = pipelines.declaration(shown)
    always = {
        "ECS_CD_CONFIG": shown.one("aws_ssm_parameter")["name"],
        **{each["name"]: f"#{{variables.{each['name']}}}" for each in declared.get("variables", [])},
    }
    for action in pipelines.actions(declared):
        if pipelines.provider(action) == "CodeBuild":
            given = pipelines.build_variables(action)
            own = ("MIGRATION_", "ECS_CD_IMAGE")
            assert {key: value for key, value in given.items() if not key.startswith(own)} == always
            inputs = [each["name"] for each in action["inputArtifacts"]]
            stage = 1 if case in CONNECTED and "ECS_CD_IMAGE" not in given else 0
            sources = [each["outputArtifacts"][0]["name"] for each in declared["stages"][stage]["actions"]]
            assert inputs == sources and action["configuration"]["PrimarySource"] in sources


IMAGES = {
    "docker": {"MIGRATION_IMAGE": "#{variables.IMAGE_APP}"},
    "docker, object": {"MIGRATION_IMAGE_DETAIL": "imageDetail-app.json"},
    "docker, digest": {"MIGRATION_IMAGE_DETAIL": "imageDetail.json"},
    "docker, event, secrets": {"MIGRATION_IMAGE_DETAIL": "imageDetail.json"},
    "connection, docker": {"MIGRATION_IMAGE": "#{Build_nginx.IMAGE}"},
}


@pytest.mark.parametrize(("case", "expected"), IMAGES.items())
def test_docker_gets_its_image_where_the_start_puts_it(applied: Applied, case: str, expected: Values) -> None:
    """A variable of the execution, or of the image's build, or the file that the source has."""
    (action,) = (each for each in pipelines.actions(pipelines.declaration(applied(case))) if each["name"] == "Migrate")
    given = pipelines.build_variables(action)
    assert {key: value for key, value in given.items() if key.startswith("MIGRATION_")} == expected


def test_docker_reads_the_source_of_its_image(applied: Applied) -> None:
    """Of several ECR sources, the primary one is that of the image that migrates, whichever is first."""
    declared = pipelines.declaration(applied("docker, digest"))
    sources = {each["outputArtifacts"][0]["name"]: each["configuration"] for each in declared["stages"][0]["actions"]}
    (action,) = (each for each in pipelines.actions(declared) if each["name"] == "Migrate")
    assert sources[action["configuration"]["PrimarySource"]]["RepositoryName"] == "my-nginx"


# --- the buildspecs ---


@each_case
def test_buildspecs_have_only_known_keys(applied: Applied, case: str) -> None:
    """CodeBuild ignores what it doesn't know, or refuses the build: neither is ours."""
    shown = applied(case)
    for part in _projects(shown):
        spec = _spec(shown, part)
        assert spec["version"] == 0.2
        assert set(spec) <= KEYS[""]
        assert set(spec.get("env", {})) <= KEYS["env"]
        assert all(spec.get("env", {"": "x"}).values())
        assert set(spec["phases"]) <= KEYS["phases"]
        assert set().union(*spec["phases"].values()) <= KEYS["phase"]
        assert set().union(*spec.get("reports", {}).values()) <= KEYS["report"]
        assert set(spec.get("artifacts", {})) <= KEYS["artifacts"]
        assert all(isinstance(command, str) for command in _commands(spec))


@each_case
def test_ecs_cd_is_checked_before_it_runs(applied: Applied, case: str) -> None:
    """The release comes from S3, and its SHA-256, which stands in the buildspec, is checked before it is unpacked."""
    shown = applied(case)
    for part in set(_projects(shown)) - ({"migrate"} if CASES[case].get("migrate_with") == "docker" else set()):
        spec = _spec(shown, part)
        assert (
            spec["env"]["variables"].items()
            >= {
                "ECS_CD_RELEASE": "s3://releases/ecs-cd-1.2.0.tar.gz",
                "ECS_CD_RELEASE_SHA256": "ab" * 32,
            }.items()
        )
        words = [command.split()[0] for command in _commands(spec, "install")]
        assert words == ["aws", "echo", "mkdir", "tar"]
        (line,) = (each for each in _commands(spec, "build") if "bin/ecs-cd" in each)
        assert line.split()[:2] == [
            "/opt/ecs-cd/bin/ecs-cd",
            {"build": "build-push", "status": "commit-status"}.get(part, part),
        ]
        assert part == "status" or '--config "$ECS_CD_CONFIG"' in line


def test_a_release_from_a_file_is_uploaded_with_its_hash(terraform: Terraform, tmp_path: Path) -> None:
    """The object's name begins with the hash, so that a build that runs keeps its release while another comes."""
    archive = tmp_path / "ecs-cd.tar.gz"
    archive.write_bytes(b"a release")
    digest = hashlib.sha256(b"a release").hexdigest()
    for given in (None, digest):
        values = pipelines.INPUTS | {"release": str(archive), "release_sha256": given}
        shown = terraform.apply(MODULE, values)
        (uploaded,) = (each for each in shown.of("aws_s3_object").values() if each["source"])
        variables = _spec(shown, "deploy")["env"]["variables"]
        assert variables["ECS_CD_RELEASE"] == f"s3://{uploaded['bucket']}/{uploaded['key']}"
        assert variables["ECS_CD_RELEASE_SHA256"] == digest
        assert uploaded["key"] == f"ecs-cd-{digest[:12]}.tar.gz"


EXPORTED = {"build": BUILD, "migrate": MIGRATE, "deploy": DEPLOY}


@pytest.mark.parametrize(("part", "outputs"), EXPORTED.items())
def test_a_later_action_can_use_the_outputs(applied: Applied, part: str, outputs: tuple[str, ...]) -> None:
    """The build reads ecs-cd's file and exports what it has under the verb's names, for `#{Deploy.RESULT}`."""
    spec = _spec(applied("connection"), part)
    assert set(spec["env"]["exported-variables"]) <= {name.upper().replace("-", "_") for name in outputs}
    assert f"{FOLDER}/outputs.env" in _commands(spec, "build")[1]
    (report,) = spec["reports"].values()
    assert report == {"base-directory": FOLDER, "files": ["junit.xml"], "file-format": "JUNITXML"}


def test_clean_up_runs_whatever_happened(applied: Applied) -> None:
    """CodeBuild runs post_build after a failed build too; it repeats nothing of it."""
    shown = applied("connection")
    for part in ("build", "migrate", "deploy"):
        assert _commands(_spec(shown, part), "post_build")[0] == "/opt/ecs-cd/bin/ecs-cd clean-up"


def test_the_artifact_is_only_what_ecs_cd_wrote(applied: Applied) -> None:
    """CodeDeployToECS refuses an artifact of more than 3 MB: nothing of the source is in it."""
    spec = _spec(applied("codedeploy"), "artifacts")
    assert spec["artifacts"] == {"base-directory": Artifacts().to, "files": ["**/*"]}


# --- the commands, run ---


@pytest.fixture
def shell(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs commands as CodeBuild does: one shell, each command checked; aws, docker and ecs-cd only say their arguments."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("aws", "docker"):
        (programs / name).write_text(f'#!/bin/sh\necho {name} "$@" >&2\nfor word; do echo "[$word]"; done\n')
        (programs / name).chmod(0o755)

    def run(commands: list[str], **environ: str) -> subprocess.CompletedProcess[str]:
        script = "\n".join(f"{{ {command.strip()}\n}} || exit" for command in commands)
        environ = {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "CODEBUILD_SRC_DIR": str(tmp_path), **environ}
        return subprocess.run(
            ["bash", "-c", script], cwd=tmp_path, env=environ, capture_output=True, text=True, check=False
        )

    return run


IMAGE = f"{pipelines.REGISTRY}/my-app@sha256:{'0' * 64}"


def test_docker_runs_the_image_of_the_execution(applied: Applied, shell: Any) -> None:
    """By digest, from its registry, with the command's words and the variables' names, never their values."""
    commands = _commands(_spec(applied("docker, event, secrets"), "migrate"))
    ran = shell(commands, MIGRATION_IMAGE=IMAGE)
    assert ran.returncode == 0, ran.stderr
    lines = ran.stderr.splitlines()
    assert f"docker login --username AWS --password-stdin {pipelines.REGISTRY}" in lines
    assert "aws ecr get-login-password --region us-east-1" in lines
    names = shlex.split("--env RAILS_ENV --env OTHER --env RAILS_MASTER_KEY --env DATABASE_URL --env TOKEN")
    words = ["run", "--rm", *names, IMAGE, "rails", "db:migrate", "it's: all # one"]
    assert ran.stdout.endswith("".join(f"[{word}]\n" for word in words))


def test_docker_reads_the_image_of_the_source(applied: Applied, shell: Any, tmp_path: Path) -> None:
    """imageDetail.json, as an ECR source or hand-off writes it."""
    detail = json.dumps({"ImageSizeInBytes": "1", "ImageURI": IMAGE, "ImageTags": ["latest"]})
    (tmp_path / "imageDetail.json").write_text(detail)
    ran = shell(
        _commands(_spec(applied("docker, event, secrets"), "migrate")), MIGRATION_IMAGE_DETAIL="imageDetail.json"
    )
    assert ran.returncode == 0, ran.stderr
    assert f"docker pull --quiet {IMAGE}" in ran.stderr.splitlines()


@pytest.mark.parametrize("image", ["", f"{pipelines.REGISTRY}/my-app:latest", "none"])
def test_docker_refuses_an_image_without_digest(applied: Applied, shell: Any, image: str) -> None:
    """A tag may name something else by now, so nothing is pulled or run."""
    ran = shell(
        _commands(_spec(applied("docker"), "migrate")), MIGRATION_IMAGE=image, MIGRATION_IMAGE_DETAIL="missing.json"
    )
    assert ran.returncode == 1
    assert "No image by digest" in ran.stdout
    assert "docker" not in ran.stderr


def test_an_image_gets_the_secrets_that_were_named(applied: Applied) -> None:
    """Its build reads them as its environment; nothing else of the pipeline does, and none is in an action."""
    shown = applied("connection, two images")
    env = _spec(shown, "build")["env"]
    assert env["parameter-store"] == {"BUNDLE_TOKEN": "my-app/bundle"}
    assert env["secrets-manager"] == {"NPM_TOKEN": "my-app/npm"}
    assert env["variables"]["RAILS_ENV"] == "production"
    for part in ("migrate", "deploy"):
        assert not {"parameter-store", "secrets-manager"} & set(_spec(shown, part)["env"])


def test_the_status_gets_what_it_tells_github(applied: Applied) -> None:
    """The pipeline and the repository, and the token as a secret, which the log masks. The execution comes with the event."""
    spec = _spec(applied("connection, two images"), "status")
    assert spec["env"]["secrets-manager"] == {"GITHUB_TOKEN": "my-app/github:token"}
    variables = {key: value for key, value in spec["env"]["variables"].items() if not key.startswith("ECS_CD_RELEASE")}
    assert variables == {"PIPELINE": "my-app-deploy", "REPOSITORY": "my-org/my-app"}
    (command,) = _commands(spec, "build")
    for flag in ('--pipeline "$PIPELINE"', '--execution-id "$EXECUTION_ID"', '--repository "$REPOSITORY"'):
        assert flag in command


ECS_CD = """#!/bin/sh
echo "ecs-cd $*"
mkdir -p ecs-cd-report
echo "RESULT='$FAKE'" > ecs-cd-report/outputs.env
echo "IMAGE='$FAKE_IMAGE'" >> ecs-cd-report/outputs.env
[ "$1" = clean-up ] || [ "$FAKE" = succeeded ]
"""


def _release(folder: Path) -> str:
    """An archive as a GitHub release has it, with a program that only says its arguments; its SHA-256."""
    with tarfile.open(folder / "it.tar.gz", "w:gz") as archive:
        entry = tarfile.TarInfo("bin/ecs-cd")
        entry.size, entry.mode = len(ECS_CD), 0o755
        archive.addfile(entry, io.BytesIO(ECS_CD.encode()))
    return hashlib.sha256((folder / "it.tar.gz").read_bytes()).hexdigest()


def _here(commands: list[str], folder: Path) -> list[str]:
    """The commands with their places in a folder of the test."""
    archive = str(folder / "it.tar.gz")
    return [
        each.replace("/tmp/ecs-cd.tar.gz", archive).replace("/opt/ecs-cd", str(folder / "opt")) for each in commands
    ]


@pytest.mark.parametrize(("result", "code", "exported"), [("succeeded", 0, "[succeeded]"), ("failed", 1, "")])
def test_a_build_of_ecs_cd(applied: Applied, shell: Any, tmp_path: Path, result: str, code: int, exported: str) -> None:
    """It unpacks the release and runs the verb on the document; its failure is the build's, and outputs are exported."""
    commands = _here(_commands(_spec(applied("variables"), "deploy"), "install", "build"), tmp_path)
    environ = {"FAKE": result, "ECS_CD_CONFIG": "/ecs-cd/my-app", "ECS_CD_RELEASE": "s3://releases/x"}
    digest = _release(tmp_path)
    ran = shell([*commands, "sh -c 'echo \"[$RESULT]\"'"], **environ, ECS_CD_RELEASE_SHA256=digest)
    assert ran.returncode == code
    assert "aws s3 cp --no-progress s3://releases/x" in ran.stderr
    assert "ecs-cd deploy --config /ecs-cd/my-app" in ran.stdout.splitlines()
    assert ran.stdout.endswith(f"{exported}\n" if exported else "my-app\n")


@pytest.mark.parametrize("commit", ["1" * 40, ""])
def test_a_build_hands_its_image_over_by_digest(applied: Applied, shell: Any, tmp_path: Path, commit: str) -> None:
    """In images.json, its only artifact, with the commit if CodeBuild knows it; migrate and deploy read it as it is."""
    spec = _spec(applied("connection"), "build")
    commands = _here(_commands(spec, "install", "build"), tmp_path)
    environ = {"FAKE": "succeeded", "FAKE_IMAGE": IMAGE, "ECS_CD_IMAGE": "app", "ECS_CD_CONFIG": "/ecs-cd/my-app"}
    more = {"ECS_CD_RELEASE": "s3://releases/x", "ECS_CD_RELEASE_SHA256": _release(tmp_path)}
    ran = shell(commands, **environ, **more, CODEBUILD_RESOLVED_SOURCE_VERSION=commit)
    assert ran.returncode == 0, ran.stderr
    assert "ecs-cd build-push --config /ecs-cd/my-app --image app" in ran.stdout.splitlines()
    assert spec["artifacts"] == {"base-directory": "ecs-cd-artifacts", "files": [handed_over.IMAGES]}
    written = (tmp_path / "ecs-cd-artifacts" / handed_over.IMAGES).read_text()
    images = {"app": repository(f"{pipelines.REGISTRY}/my-app")}
    stated = handed_over.of_file(handed_over.IMAGES, written, "Image_app", images, None)
    assert (stated.digests, stated.commit) == ({"app": f"sha256:{'0' * 64}"}, commit)


def test_a_build_creates_the_builder_that_was_asked_for(applied: Applied, shell: Any) -> None:
    """The engine's own can't write a cache to a registry. It is removed at the end: on a laptop the engine stays. Without
    the input nothing is created, and nothing pulled.
    """
    spec = _spec(applied("connection, two images"), "build")
    image = spec["env"]["variables"]["BUILDKIT_IMAGE"]
    ran = shell(_commands(spec, "pre_build"), BUILDKIT_IMAGE=image)
    assert ran.stderr == f"docker buildx create --use --driver-opt image={image}\n"
    ran = shell(_commands(spec, "post_build")[1:], BUILDKIT_IMAGE=image)
    assert ran.stderr == "docker buildx rm\n"
    none = _spec(applied("connection"), "build")
    for commands in (_commands(none, "pre_build"), _commands(none, "post_build")[1:]):
        ran = shell(commands)
        assert (ran.returncode, ran.stderr) == (0, "")


def test_the_wrong_release_ends_the_build(applied: Applied, shell: Any, tmp_path: Path) -> None:
    """What S3 has must have the SHA-256 of the buildspec; it isn't unpacked otherwise."""
    _release(tmp_path)
    commands = _here(_commands(_spec(applied("variables"), "migrate"), "install"), tmp_path)
    ran = shell(commands, ECS_CD_RELEASE="s3://releases/x", ECS_CD_RELEASE_SHA256="ab" * 32)
    assert ran.returncode
    assert "FAILED" in ran.stdout
    assert not (tmp_path / "opt").exists()


def test_buildspecs_name_the_document_and_a_verb_and_nothing_else(applied: Applied) -> None:
    """What is deployed is in the document: the buildspecs of two apps differ in the names of the module's own things."""
    text = _projects(applied("everything else"))["deploy"]["source"][0]["buildspec"]
    own = _projects(applied("variables"))["deploy"]["source"][0]["buildspec"]
    assert re.sub("my-application-in-production", "NAME", text) == re.sub("my-app-deploy", "NAME", own)
