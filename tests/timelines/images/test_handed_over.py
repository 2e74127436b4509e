"""Verbs inside CodeBuild: the images that a pipeline hands over, or the commit's, and what is refused."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.scripted_aws import Params, ScriptedAws, ecs, error
from tests.timelines.conftest import DOCUMENT, REPOSITORY, SHA, Step

Run = Callable[..., Step]

PIPELINE = "my-app-deploy"
OTHER = "decade" + "0" * 34
A, B = ("sha256:" + digit * 64 for digit in "bc")
NGINX = REPOSITORY.replace("my-app", "my-nginx")
VARIABLES = {"name": PIPELINE, "variables": {"IMAGE_APP": "app", "IMAGE_NGINX": "nginx"}, "commit": "COMMIT"}
SOURCES = {"name": PIPELINE, "start": "digest", "images": {"App": "app", "Nginx": "nginx"}, "commit": "COMMIT"}
OBJECT = {"name": PIPELINE, "start": "object", "object": "s3://hand-off/my-app.zip", "source": "Source"}
BOTH = {"IMAGE_APP": f"{REPOSITORY}@{A}", "IMAGE_NGINX": f"{NGINX}@{B}"}
IMAGES_JSON = {"commit": SHA, "images": {"app": BOTH["IMAGE_APP"], "nginx": BOTH["IMAGE_NGINX"]}}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """The folder of the build's primary input artifact."""
    folder = tmp_path / "src"
    folder.mkdir()
    return folder


@pytest.fixture
def build(step: Run, source: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A step of a CodeBuild build that the document's pipeline started."""
    monkeypatch.delenv("GITHUB_ACTIONS")
    monkeypatch.setenv("CODEBUILD_BUILD_ID", "my-app-deploy:1")
    monkeypatch.setenv("CODEBUILD_INITIATOR", f"codepipeline/{PIPELINE}")
    monkeypatch.setenv("CODEBUILD_SRC_DIR", str(source))
    return lambda verb, **inputs: step(verb, **{"sha": "", "register_only": "true", **inputs})


def document(aws: ScriptedAws, pipeline: Params | None, *containers: str, nginx: str = NGINX, **more: Any) -> None:
    """Two images; the service runs those of these containers, both by default."""
    content = {
        **DOCUMENT,
        "images": {"app": {"repository": REPOSITORY}, "nginx": {"repository": nginx}},
        "services": {"web": {"task-definition": "web", "containers": {n: n for n in containers or ("app", "nginx")}}},
        "pipeline": pipeline,
        **more,
    }
    content = {key: value for key, value in content.items() if value is not None}
    aws.on("ssm.GetParameter", {"Parameter": {"Value": json.dumps(content), "Version": 3}})
    found = ecs.task_definition("web", containers=("app", "nginx"))
    aws.on("ecs.DescribeTaskDefinition", {"taskDefinition": found, "tags": []})


def give(monkeypatch: pytest.MonkeyPatch, environ: dict[str, str]) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)


def artifact(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, **files: Any) -> Path:
    """A secondary input artifact with these JSON files."""
    folder = tmp_path / f"artifact-{name}"
    folder.mkdir()
    for file, content in files.items():
        (folder / f"{file}.json").write_text(json.dumps(content))
    monkeypatch.setenv(f"CODEBUILD_SRC_DIR_{name}", str(folder))
    return folder


def registered(aws: ScriptedAws) -> dict[str, str]:
    """The images that were registered, by container."""
    call = next(call for call in aws.calls if call.operation == "ecs.RegisterTaskDefinition")
    return {each["name"]: each["image"] for each in call.params["containerDefinitions"]}


def asked(aws: ScriptedAws) -> list[tuple[str, list[Params]]]:
    """What ECR was asked for, by repository."""
    calls = [call.params for call in aws.calls if call.operation == "ecr.BatchGetImage"]
    return sorted((call["repositoryName"], call["imageIds"]) for call in calls)


BY_DIGEST = [("my-app", [{"imageDigest": A}]), ("my-nginx", [{"imageDigest": B}])]
BY_COMMIT = [("my-app", [{"imageTag": SHA}]), ("my-nginx", [{"imageTag": SHA}])]
CHANGES = ("RegisterTaskDefinition", "RunTask", "UpdateService")


def refused(ended: Step, aws: ScriptedAws, *words: str) -> None:
    """Nothing was changed, and the log says all of these."""
    assert ended.exit_code == 2, ended.log
    assert [each for each in words if each not in ended.log] == [], ended.log
    assert [call.operation for call in aws.calls if call.operation.endswith(CHANGES)] == []


# ---- what is handed over is what runs ----


def test_variables_say_what_is_deployed(aws: ScriptedAws, build: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """By digest, which ECR is asked for once per repository; nobody asks for the commit's tag."""
    document(aws, VARIABLES)
    give(monkeypatch, {**BOTH, "COMMIT": SHA})
    ended = build("deploy")
    assert ended.exit_code == 0, ended.log
    assert registered(aws) == {"app": BOTH["IMAGE_APP"], "nginx": BOTH["IMAGE_NGINX"]}
    assert asked(aws) == BY_DIGEST
    assert "images: handed over in the variable IMAGE_APP, the variable IMAGE_NGINX" in ended.log
    assert f"commit: {SHA}" in ended.log


@pytest.mark.parametrize("commit", [SHA, None])
def test_the_migration_runs_what_is_handed_over(
    aws: ScriptedAws, build: Run, monkeypatch: pytest.MonkeyPatch, commit: str | None
) -> None:
    """startedBy has the commit that the pipeline names, by which a later migration knows it; or none."""
    document(aws, VARIABLES)
    give(monkeypatch, {**BOTH, **({"COMMIT": commit} if commit else {})})
    runs = ecs.RunTask()
    aws.on("ecs.RunTask", runs)
    task = ecs.task("task-1", "STOPPED", task_definition="migration:2", stopCode="EssentialContainerExited",
                    containers=[ecs.container(status="STOPPED", exitCode=0)])  # fmt: skip
    aws.on("ecs.DescribeTasks", {"tasks": [task]}, after="ecs.RunTask")
    aws.on("logs.GetLogEvents", {"events": [], "nextForwardToken": "f/1"})
    ended = build("migrate", register_only="")
    assert ended.exit_code == 0, ended.log
    assert registered(aws)["app"] == BOTH["IMAGE_APP"]
    assert asked(aws) == BY_DIGEST[:1]
    assert runs.requests[0]["startedBy"].startswith(f"ecs-cd/{commit or '-'}/")
    assert ("commit: not known; the images are known by digest" in ended.log) is (commit is None)


def test_the_object_of_hand_off_says_what_is_deployed(aws: ScriptedAws, build: Run, source: Path) -> None:
    """Its files repeat each other."""
    document(aws, OBJECT)
    (source / "images.json").write_text(json.dumps(IMAGES_JSON))
    for name, image in IMAGES_JSON["images"].items():  # type: ignore[attr-defined]
        (source / f"imageDetail-{name}.json").write_text(json.dumps({"ImageURI": image}))
    ended = build("deploy")
    assert ended.exit_code == 0, ended.log
    assert asked(aws) == BY_DIGEST
    assert f"commit: {SHA}" in ended.log


def test_ecr_sources_say_what_is_deployed(
    aws: ScriptedAws, build: Run, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each in its own input artifact, with the commit among the tags, beside the infra repository's files."""
    document(aws, SOURCES)
    (source / "buildspec.yml").write_text("version: 0.2")
    tags = {"ImageTags": ["latest", SHA]}
    artifact(tmp_path, monkeypatch, "App", imageDetail={"ImageURI": BOTH["IMAGE_APP"], **tags})
    nginx = {"ImageURI": f"{NGINX}:latest", "ImageDigest": B, "RepositoryName": "my-nginx"}
    artifact(tmp_path, monkeypatch, "Nginx", imageDetail=nginx)
    ended = build("deploy")
    assert ended.exit_code == 0, ended.log
    assert registered(aws) == {"app": BOTH["IMAGE_APP"], "nginx": BOTH["IMAGE_NGINX"]}
    assert f"commit: {SHA}" in ended.log


def test_a_repository_of_two_images_is_asked_once(
    aws: ScriptedAws, build: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For both digests."""
    document(aws, VARIABLES, nginx=REPOSITORY)
    give(monkeypatch, {**BOTH, "IMAGE_NGINX": f"{REPOSITORY}@{B}"})
    both = [{"imageId": {"imageDigest": digest}, "imageManifest": "{}"} for digest in (A, B)]
    aws.on("ecr.BatchGetImage", {"images": both, "failures": []})
    assert build("deploy").exit_code == 0
    assert asked(aws) == [("my-app", [{"imageDigest": A}, {"imageDigest": B}])]


def test_an_explicit_input_works_outside_of_codebuild(
    aws: ScriptedAws, step: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Any CI system can set the variables that the document names."""
    document(aws, VARIABLES)
    give(monkeypatch, BOTH)
    ended = step("deploy", sha="", register_only="true", images_from="pipeline")
    assert ended.exit_code == 0, ended.log
    assert asked(aws) == BY_DIGEST


# ---- the commit's images ----


@pytest.mark.parametrize(
    ("environ", "images_from"),
    [
        ({"CODEBUILD_INITIATOR": ""}, ""),
        ({"CODEBUILD_INITIATOR": "rebuild/admin"}, ""),
        ({"CODEBUILD_INITIATOR": "GitHub-Hookshot/1"}, "auto"),
        ({"GITHUB_ACTIONS": "true"}, ""),  # a runner of GitHub's that CodeBuild hosts
        ({}, "commit"),
    ],
)
def test_otherwise_the_images_are_the_commits(
    aws: ScriptedAws,
    build: Run,
    source: Path,
    monkeypatch: pytest.MonkeyPatch,
    environ: dict[str, str],
    images_from: str,
) -> None:
    """Neither the variables nor the files are read: here they are wrong."""
    document(aws, VARIABLES)
    give(monkeypatch, {"IMAGE_APP": "hunter2", "IMAGE_NGINX": "none", **environ})
    (source / "images.json").write_text("{")
    ended = build("deploy", sha=SHA, images_from=images_from)
    assert ended.exit_code == 0, ended.log
    assert asked(aws) == BY_COMMIT
    assert f"commit: {SHA} (the input sha" in ended.log


@pytest.mark.parametrize("images_from", ["auto", "commit"])
def test_the_commit_is_the_one_that_the_pipeline_names(
    aws: ScriptedAws, build: Run, monkeypatch: pytest.MonkeyPatch, images_from: str
) -> None:
    """If another pipeline than the document's hands over no images, or if its images don't count."""
    document(aws, VARIABLES)
    give(monkeypatch, {"COMMIT": SHA, "CODEBUILD_INITIATOR": "codepipeline/another"})
    ended = build("deploy", images_from=images_from)
    assert ended.exit_code == 0, ended.log
    assert asked(aws) == BY_COMMIT
    assert f"commit: {SHA} (the variable COMMIT" in ended.log


@pytest.mark.parametrize(("revision", "exit_code"), [(SHA, 0), (A, 2), ("arn:aws:s3:::bucket/key/version", 2)])
def test_the_commit_can_be_that_of_the_builds_source(
    aws: ScriptedAws, build: Run, monkeypatch: pytest.MonkeyPatch, revision: str, exit_code: int
) -> None:
    """If the source is a repository; the revision of an image or an object is no commit."""
    document(aws, None)
    monkeypatch.setenv("CODEBUILD_RESOLVED_SOURCE_VERSION", revision)
    ended = build("deploy")
    assert ended.exit_code == exit_code, ended.log
    assert asked(aws) == ([] if exit_code else BY_COMMIT)
    assert ("no commit is known" in ended.log) is bool(exit_code)


def test_without_a_migration_no_image_is_needed(aws: ScriptedAws, build: Run) -> None:
    """The variables may be missing, and ECR is not asked."""
    document(aws, VARIABLES, migration=None)
    ended = build("migrate", register_only="")
    assert (ended.exit_code, asked(aws)) == (0, []), ended.log


def test_a_pipeline_that_the_document_does_not_name_may_hand_over_nothing(aws: ScriptedAws, build: Run) -> None:
    """Then the commit decides, as everywhere."""
    document(aws, None)
    assert build("deploy", sha=SHA).exit_code == 0
    assert asked(aws) == BY_COMMIT


# ---- refused ----


@pytest.mark.parametrize("verb", ["migrate", "deploy", "artifacts"])
@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({}, ["the variable IMAGE_APP, for image `app`, is not set", "IMAGE_NGINX, for image `nginx`, is not set"]),
        ({"IMAGE_APP": BOTH["IMAGE_APP"]}, ["IMAGE_NGINX, for image `nginx`, is not set", "#{variables.IMAGE_NGINX}"]),
        ({**BOTH, "IMAGE_NGINX": "none"}, ["IMAGE_NGINX, for image `nginx`, is `none`", "hand-off"]),
        (
            {**BOTH, "IMAGE_APP": f"{REPOSITORY}:latest"},
            ["IMAGE_APP: must be an image by digest", "images-from: commit"],
        ),
        ({**BOTH, "COMMIT": "main"}, ["the variable COMMIT: must be a full commit id", "or without a commit"]),
    ],
)
def test_variables_that_do_not_name_every_image_are_refused(
    aws: ScriptedAws, build: Run, monkeypatch: pytest.MonkeyPatch, verb: str, environ: dict[str, str], words: list[str]
) -> None:
    """Before ECS is asked anything, by each verb."""
    document(aws, VARIABLES)
    give(monkeypatch, environ)
    ended = build(verb, **({} if verb == "deploy" else {"register_only": ""}))
    refused(ended, aws, *words)
    assert [call.operation for call in aws.calls] == ["ssm.GetParameter"]


def test_sources_that_contradict_each_other_are_refused(
    aws: ScriptedAws, build: Run, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A variable, a file and the input sha, each with what it says."""
    document(aws, VARIABLES)
    give(monkeypatch, {**BOTH, "COMMIT": SHA})
    (source / "imageDetail.json").write_text(json.dumps({"ImageURI": f"{REPOSITORY}@{B}"}))
    refused(
        build("deploy", sha=OTHER),
        aws,
        f"image `app`: the variable IMAGE_APP has {A}, but imageDetail.json of the primary input artifact has {B}",
        f"commit: the input sha has {OTHER}, but the variable COMMIT has {SHA}",
    )


@pytest.mark.parametrize("pipeline", [SOURCES, OBJECT])
@pytest.mark.parametrize("images_from", ["auto", "pipeline"])
def test_a_pipeline_that_should_hand_over_images_must(
    aws: ScriptedAws, build: Run, pipeline: Params, images_from: str
) -> None:
    """The commit of its source is another repository's."""
    document(aws, pipeline)
    refused(build("deploy", images_from=images_from), aws, "the pipeline hands over no images", "as input")


def test_every_image_must_be_handed_over(aws: ScriptedAws, build: Run, source: Path) -> None:
    """One that is missing is not taken from somewhere else; one that no container runs may be missing."""
    document(aws, SOURCES)
    (source / "imageDetail.json").write_text(json.dumps({"ImageURI": BOTH["IMAGE_APP"]}))
    refused(build("deploy"), aws, "image `nginx` is not handed over", "hands over only app")
    document(aws, SOURCES, "app")
    assert build("deploy").exit_code == 0


@pytest.mark.parametrize("dry_run", [False, True])
def test_an_image_that_ecr_does_not_have_is_refused(
    aws: ScriptedAws, build: Run, monkeypatch: pytest.MonkeyPatch, dry_run: bool
) -> None:
    """Before anything changes; a dry run shows what would change nevertheless."""
    document(aws, VARIABLES)
    give(monkeypatch, BOTH)
    absent = {"imageId": {"imageDigest": A}, "failureCode": "ImageNotFound"}
    aws.on("ecr.BatchGetImage", {"images": [], "failures": [absent]}, where={"repositoryName": "my-app"})
    ended = build("deploy", dry_run=str(dry_run).lower())
    words = f"image `app` is not in ECR: {REPOSITORY}@{A}"
    if dry_run:
        assert (ended.exit_code, words in ended.log) == (0, True), ended.log
    else:
        refused(ended, aws, words, "a lifecycle policy may delete old ones")


def test_a_repository_that_does_not_exist_is_refused(
    aws: ScriptedAws, build: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Like for the commit's images."""
    document(aws, VARIABLES)
    give(monkeypatch, BOTH)
    aws.on("ecr.BatchGetImage", error("RepositoryNotFoundException", "x"))
    refused(build("deploy"), aws, f"there is no ECR repository {REPOSITORY}")


def _link(path: Path) -> None:
    outside = path.parent.parent / "outside.json"
    outside.write_text(json.dumps(IMAGES_JSON))
    path.symlink_to(outside)


def _circle(path: Path) -> None:
    path.symlink_to(path.name)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (_link, "is a symlink out of the artifact"),
        (_circle, "is not a file"),
        (Path.mkdir, "is not a file"),
        (os.mkfifo, "is not a file"),
        (lambda path: path.symlink_to("/dev/zero"), "is a symlink out of the artifact"),
        (lambda path: path.write_bytes(b" " * (1024 * 1024 + 1)), "it has more than 1048576 bytes"),
        (lambda path: path.write_bytes(b"\xff\xfe"), "it is not UTF-8 text"),
        (lambda path: path.write_text('{"images": '), "is not JSON: line 1"),
        (lambda path: path.write_text("[" * 100_000), "is nested too deeply"),
    ],
)
def test_a_file_that_can_not_be_read_is_refused(
    aws: ScriptedAws, build: Run, source: Path, make: Callable[[Path], object], words: str
) -> None:
    """A commit may contain anything; nothing outside of the artifact is read, and nothing without an end."""
    document(aws, OBJECT)
    make(source / "images.json")
    refused(build("deploy"), aws, "images.json of the primary input artifact", words)


def test_a_link_inside_the_artifact_is_read(aws: ScriptedAws, build: Run, source: Path) -> None:
    """It leads to a file of the same source."""
    document(aws, OBJECT)
    (source / "hand-off").mkdir()
    (source / "hand-off" / "now.json").write_text(json.dumps(IMAGES_JSON))
    (source / "images.json").symlink_to("hand-off/now.json")
    assert build("deploy").exit_code == 0


def test_an_artifact_that_is_missing_is_refused(
    aws: ScriptedAws, build: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its folder is named with the system's reason."""
    document(aws, OBJECT)
    monkeypatch.setenv("CODEBUILD_SRC_DIR_App", str(tmp_path / "nowhere"))
    refused(build("deploy"), aws, "nowhere can't be read: No such file or directory")


def test_without_a_document_there_is_nothing_to_hand_over(aws: ScriptedAws, step: Run) -> None:
    """The official actions' inputs name the image."""
    ended = step("deploy", config="", sha="", task_definition_family="web", images_from="pipeline")
    refused(ended, aws, "images-from: works only with config")
