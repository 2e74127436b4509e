"""build-push of several images: one BuildKit session for those that have to be built, one result for all."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.scripted_aws import Params, ScriptedAws, ecs, error
from tests.timelines.conftest import DOCUMENT, SHA, Step
from tests.timelines.fake_docker import MANIFEST, FakeDocker, digest_of

Run = Callable[..., Step]

HOST = "123456789012.dkr.ecr.ap-northeast-1.amazonaws.com"
ABROAD = "210987654321.dkr.ecr.eu-west-1.amazonaws.com"
OTHER = "sha256:" + "0" * 64
NAMES = ("app", "nginx", "my.tool")
WEB = ecs.task_definition("web")
CONTAINERS = [{**WEB["containerDefinitions"][0], "name": name, "image": "x"} for name in ("app", "sidecar")]
DIGESTS = {name: digest_of(f"{HOST}/my-{name}:{SHA}") for name in NAMES}


def document(aws: ScriptedAws, repositories: Mapping[str, str], **more: object) -> None:
    images = {name: {"repository": repository} for name, repository in repositories.items()}
    content = {**DOCUMENT, "images": images, **more}
    aws.on("ssm.GetParameter", {"Parameter": {"Value": json.dumps(content), "Version": 3}})


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeDocker:
    fake = FakeDocker(tmp_path.parent / f"{tmp_path.name}-docker")
    monkeypatch.setenv("PATH", str(fake.install()), prepend=":")
    return fake


@pytest.fixture(autouse=True)
def world(aws: ScriptedAws, docker: FakeDocker, step: Run, tmp_path: Path) -> None:
    """A document with three images, each with a folder that says how it is built; ECR holds what Docker pushes."""
    document(aws, {name: f"{HOST}/my-{name}" for name in NAMES})
    aws.on("ecr.DescribeRepositories", {"repositories": [{"imageTagMutability": "MUTABLE"}]})
    aws.on("ecr.GetAuthorizationToken", {"authorizationData": [{"authorizationToken": "QVdTOmh1bnRlcjI="}]})
    aws.on("ecr.PutImage", {"image": {}})
    docker.registry(aws, {})
    for name in NAMES:
        (tmp_path / name).mkdir()
        (tmp_path / name / "Dockerfile").write_text("FROM scratch\n")
    (tmp_path / ".github").mkdir()
    app_file(tmp_path, {name: {"context": name} for name in NAMES})


def app_file(folder: Path, images: Mapping[str, Mapping[str, object]]) -> None:
    (folder / ".github" / "ecs-cd.yml").write_text(json.dumps({"images": images}))


def put(aws: ScriptedAws) -> list[Params]:
    return [call.params for call in aws.calls if call.operation == "ecr.PutImage"]


def test_all_images_are_built_in_one_session(step: Run, docker: FakeDocker, tmp_path: Path) -> None:
    """Each has its own context and tags; the outputs list one per line, and as JSON each by its name."""
    ended = step("build-push")
    assert ended.exit_code == 0, ended.log
    (build,) = docker.builds
    assert build["words"][:3] == ["buildx", "bake", "--push"]
    assert build["words"][-3:] == ["app", "nginx", "my-tool"]
    assert build["bake"]["nginx"] == {
        "context": str(tmp_path / "nginx"),
        "tags": [f"{HOST}/my-nginx:{SHA}", f"{HOST}/my-nginx:latest"],
        "labels": build["bake"]["nginx"]["labels"],
    }
    assert build["bake"]["nginx"]["labels"]["org.opencontainers.image.revision"] == SHA
    assert len(docker.pushed) == 6
    assert ended.outputs["digest"].splitlines() == list(DIGESTS.values())
    assert ended.outputs["image"].splitlines() == [f"{HOST}/my-{name}@{DIGESTS[name]}" for name in NAMES]
    assert ended.outputs["tags"].splitlines() == [SHA, "latest"]
    assert ended.outputs["built"] == "true"
    images = json.loads(ended.outputs["built-images"])
    assert list(images) == list(NAMES)
    assert images["my.tool"] == {
        "image": f"{HOST}/my-my.tool@{DIGESTS['my.tool']}",
        "digest": DIGESTS["my.tool"],
        "tags": [SHA, "latest"],
        "built": True,
    }


def test_what_each_image_is_made_of_stays_its_own(
    step: Run, docker: FakeDocker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Arguments with any text, secrets, Dockerfiles, targets, platforms; and the caller's for all."""
    odd = "${HOME} %{ if true }x%{ endif } $${y} \"quoted\"\\ 'z'\n"
    (tmp_path / "token").write_text("from a file")
    (tmp_path / "nginx.Dockerfile").write_text("FROM scratch\n")
    monkeypatch.setenv("MY_TOKEN", "from the environment")
    app_file(
        tmp_path,
        {
            "app": {"context": "app", "build-args": {"ODD": odd}, "secrets": {"token": {"env": "MY_TOKEN"}}},
            "nginx": {"file": "nginx.Dockerfile", "target": "last", "secrets": {"token": {"file": "token"}}},
            "my.tool": {"context": "my.tool", "platforms": ["linux/arm64"]},
        },
    )
    ended = step("build-push", secrets="npm=hunter3", build_args="ALL=1", provenance="mode=max", sbom="false")
    assert ended.exit_code == 0, ended.log
    (build,) = docker.builds
    app, nginx, tool = (build["bake"][target] for target in ("app", "nginx", "my-tool"))
    assert app["args"] == {"ODD": odd, "ALL": "1"}
    assert nginx["args"] == {"ALL": "1"}
    assert (nginx["context"], nginx["dockerfile"], nginx["target"]) == (
        f"{tmp_path}/.",
        f"{tmp_path}/nginx.Dockerfile",
        "last",
    )
    assert tool["platforms"] == ["linux/arm64"]
    assert app["attest"] == ["type=provenance,mode=max", "type=sbom,disabled=true"]
    assert build["secrets"]["app"] == {"npm": "hunter3", "token": "from the environment"}
    assert build["secrets"]["nginx"] == {"npm": "hunter3", "token": "from a file"}
    assert "hunter3" not in json.dumps([build["words"], build["bake"]]) + ended.log


def test_each_registry_gets_its_login(aws: ScriptedAws, step: Run, docker: FakeDocker) -> None:
    """Once, before the session; two images of one registry share it."""
    document(aws, {"app": f"{HOST}/my-app", "nginx": f"{HOST}/my-nginx", "my.tool": f"{ABROAD}/tool"})
    ended = step("build-push")
    assert ended.exit_code == 0, ended.log
    assert sorted(run["words"][-1] for run in docker.runs if run["words"][0] == "login") == [HOST, ABROAD]
    assert f"{ABROAD}/tool:{SHA}" in docker.pushed


@pytest.mark.parametrize(
    ("there", "command", "built"),
    [
        (["app"], "bake", ["nginx", "my.tool"]),
        (["app", "my.tool"], "build", ["nginx"]),
    ],
)
def test_only_what_is_not_there_is_built(
    aws: ScriptedAws, step: Run, docker: FakeDocker, there: list[str], command: str, built: list[str]
) -> None:
    """The others' tags move by PutImage; log, summary and outputs say which is which."""
    docker.registry(aws, {f"my-{name}:{SHA}": ecs.DIGEST for name in there})
    ended = step("build-push")
    assert ended.exit_code == 0, ended.log
    (build,) = docker.builds
    assert build["words"][1] == command
    assert set(docker.pushed) == {f"{HOST}/my-{name}:{tag}" for name in built for tag in (SHA, "latest")}
    moved = [(image["repositoryName"], image["imageTag"], image["imageManifest"]) for image in put(aws)]
    assert sorted(moved) == [(f"my-{name}", "latest", MANIFEST) for name in there]
    images = json.loads(ended.outputs["built-images"])
    assert {name for name, image in images.items() if image["built"]} == set(built)
    assert ended.outputs["built"] == "true"
    for name in there:
        assert images[name]["digest"] == ecs.DIGEST
        assert f"image: {name} ({HOST}/my-{name}) is reused: the commit's image is already in ECR" in ended.log
        assert f"{name} reused: the commit's image is already in ECR" in ended.summary
    for name in built:
        assert f"image: {name} ({HOST}/my-{name}) will be built: the commit's image is not in ECR" in ended.log
        assert f"{name} built: the commit's image is not in ECR" in ended.summary


def test_where_all_are_there_nothing_is_started(aws: ScriptedAws, step: Run, docker: FakeDocker) -> None:
    """Two calls an image, and one for the document."""
    there = {f"my-{name}:{tag}": ecs.DIGEST for name in NAMES for tag in (SHA, "latest")}
    docker.registry(aws, there)
    ended = step("build-push")
    assert ended.exit_code == 0
    assert ended.outputs["built"] == "false"
    assert docker.runs == []
    assert len(aws.calls) == 1 + 2 * len(NAMES)


def test_one_of_them_is_built_by_its_name(step: Run, docker: FakeDocker) -> None:
    """As the jobs of a matrix do."""
    ended = step("build-push", image="nginx")
    assert ended.exit_code == 0
    assert ended.outputs["digest"] == DIGESTS["nginx"]
    assert docker.builds[0]["words"][1] == "build"


# ---- failures ----


def test_the_image_that_failed_is_named_and_what_got_through_is_told(
    aws: ScriptedAws, step: Run, docker: FakeDocker
) -> None:
    """bake fails as a whole; ECR says what was pushed before. Nothing else is tagged."""
    line = 'ERROR: target nginx: failed to solve: process "/bin/sh -c x" did not complete successfully: exit code: 1'
    docker.attempts({"exit": 1, "lines": [line], "pushed": ["app"]})
    ended = step("build-push")
    assert ended.exit_code == 1
    assert len(docker.builds) == 1
    assert "docker buildx bake failed at nginx (exit code 1); its output is above" in ended.log
    assert "not pushed either: my.tool; these images are in ECR: app" in ended.log
    assert list(json.loads(ended.outputs["built-images"])) == ["app"]
    assert ended.outputs["digest"] == DIGESTS["app"]


def test_where_buildkit_names_none_all_that_are_missing_are(step: Run, docker: FakeDocker) -> None:
    """Nobody has to guess."""
    docker.attempts({"exit": 1, "lines": ["ERROR: no builder"]})
    ended = step("build-push")
    assert ended.exit_code == 1
    assert "docker buildx bake failed (exit code 1); its output is above; not pushed: app, nginx, my.tool" in ended.log
    assert ended.outputs == {}


def test_reused_images_keep_their_tags_where_another_one_fails(aws: ScriptedAws, step: Run, docker: FakeDocker) -> None:
    """`latest` of one is not ahead of the other's."""
    docker.registry(aws, {f"my-app:{SHA}": ecs.DIGEST})
    docker.attempts({"exit": 1})
    assert step("build-push").exit_code == 1
    assert put(aws) == []


def test_a_push_that_was_cut_off_is_tried_again_for_what_is_missing(step: Run, docker: FakeDocker) -> None:
    """What arrived is not pushed twice: an immutable tag would refuse it."""
    words = f"failed to push {HOST}/my-nginx:{SHA}: write: broken pipe"
    cut_off = [f"#9 ERROR: {words}", f"ERROR: target nginx: failed to solve: {words}"]
    docker.attempts(
        {"exit": 1, "lines": cut_off, "pushed": ["app"]},
        {"exit": 1, "lines": cut_off, "pushed": ["my-tool"]},
        {},
    )
    ended = step("build-push")
    assert ended.exit_code == 0, ended.log
    assert [(run["words"][1], list(run["bake"])) for run in docker.builds] == [
        ("bake", ["app", "nginx", "my-tool"]),
        ("bake", ["nginx", "my-tool"]),
        ("build", []),
    ]
    assert ended.outputs["digest"].splitlines() == list(DIGESTS.values())


def test_a_digest_that_is_missing_is_named(step: Run, docker: FakeDocker) -> None:
    """Without it nothing can be deployed."""
    docker.attempts({"metadata": False})
    ended = step("build-push")
    assert ended.exit_code == 1
    assert "has no digest for app, nginx, my.tool" in ended.log


def test_of_two_that_ecr_holds_differently_both_are_told(aws: ScriptedAws, step: Run, docker: FakeDocker) -> None:
    """The third one matches."""
    docker.attempts({"pushed": ["app"]})
    ended = step("build-push")
    assert ended.exit_code == 1
    assert f"ECR has no image {HOST}/my-nginx:{SHA}" in ended.log
    assert f"ECR has no image {HOST}/my-my.tool:{SHA}" in ended.log
    assert list(json.loads(ended.outputs["built-images"])) == ["app"]


def test_a_cancelled_session_is_ended_with_us(step: Run, docker: FakeDocker, tmp_path: Path) -> None:
    """Nothing is left behind."""
    docker.attempts({"cancel": True})
    assert step("build-push").exit_code == 130
    assert docker.pushed == {}
    assert [path.name for path in (tmp_path / "ecs-cd").iterdir()] == ["clean-up"]


# ---- one repository ----


def one_repository(aws: ScriptedAws, **more: object) -> None:
    """Two images in a repository, whose tags differ by a suffix."""
    images = {"app": {"repository": f"{HOST}/shop"}, "nginx": {"repository": f"{HOST}/shop", "tag-suffix": "-web"}}
    content = {**DOCUMENT, "images": images, **more}
    aws.on("ssm.GetParameter", {"Parameter": {"Value": json.dumps(content), "Version": 3}})


def test_images_may_share_a_repository(aws: ScriptedAws, step: Run, docker: FakeDocker, tmp_path: Path) -> None:
    """Each has its own tags there, of the commit and all others; the cache, too."""
    one_repository(aws)
    app_file(tmp_path, {name: {"context": name} for name in ("app", "nginx")})
    ended = step("build-push", tags="latest, v1", cache="registry")
    assert ended.exit_code == 0, ended.log
    (build,) = docker.builds
    assert build["bake"]["app"]["tags"] == [f"{HOST}/shop:{tag}" for tag in (SHA, "latest", "v1")]
    assert build["bake"]["nginx"]["tags"] == [f"{HOST}/shop:{tag}-web" for tag in (SHA, "latest", "v1")]
    assert [build["bake"][name]["cache-from"] for name in ("app", "nginx")] == [
        [f"type=registry,ref={HOST}/shop:cache-{name}"] for name in ("app", "nginx")
    ]
    assert json.loads(ended.outputs["built-images"])["nginx"]["tags"] == [f"{tag}-web" for tag in (SHA, "latest", "v1")]


def test_each_image_of_a_repository_is_reused_by_its_own_tag(
    aws: ScriptedAws, step: Run, docker: FakeDocker, tmp_path: Path
) -> None:
    """The commit's tag of one says nothing of the other."""
    one_repository(aws)
    docker.registry(aws, {f"shop:{SHA}": OTHER})
    app_file(tmp_path, {name: {"context": name} for name in ("app", "nginx")})
    ended = step("build-push")
    assert ended.exit_code == 0, ended.log
    assert option_tags(docker) == [f"{HOST}/shop:{SHA}-web", f"{HOST}/shop:latest-web"]
    assert {name: one["built"] for name, one in json.loads(ended.outputs["built-images"]).items()} == {
        "app": False,
        "nginx": True,
    }


def option_tags(docker: FakeDocker) -> list[str]:
    return [word.partition("=")[2] for word in docker.builds[-1]["words"] if word.startswith("--tag=")]


def test_a_push_that_arrived_all_the_same_is_found_by_its_own_tag(
    aws: ScriptedAws, step: Run, docker: FakeDocker, tmp_path: Path
) -> None:
    """The suffix is a part of the commit's tag."""
    one_repository(aws)
    app_file(tmp_path, {name: {"context": name} for name in ("app", "nginx")})
    docker.attempts({"exit": 1, "pushed": ["app", "nginx"]})
    ended = step("build-push")
    assert ended.exit_code == 0, ended.log
    assert f"buildx failed, but {HOST}/shop:{SHA}-web is in ECR" in ended.log


def test_a_shared_tag_is_refused(aws: ScriptedAws, step: Run, docker: FakeDocker, tmp_path: Path) -> None:
    """A tag of the inputs may be another image's with its suffix."""
    one_repository(aws)
    app_file(tmp_path, {name: {"context": name} for name in ("app", "nginx")})
    ended = step("build-push", tags="v1, v1-web")
    assert ended.exit_code == 2
    assert f"the images `app` and `nginx` would both get the tag `v1-web` of {HOST}/shop" in ended.log
    assert docker.builds == []


def test_a_deployment_takes_each_image_by_its_own_tag(aws: ScriptedAws, step: Run, docker: FakeDocker) -> None:
    """By digest, as always; a missing one is named with its tag."""
    containers = {"app": "app", "sidecar": "nginx"}
    one_repository(aws, services={"web": {"task-definition": "web", "containers": containers}})
    docker.registry(aws, {f"shop:{SHA}": OTHER, f"shop:{SHA}-web": DIGESTS["app"]})
    aws.on("ecs.DescribeTaskDefinition", {"taskDefinition": {**WEB, "containerDefinitions": CONTAINERS}})
    ended = step("deploy", dry_run="true")
    assert ended.exit_code == 0, ended.log
    assert f"image: nginx is {HOST}/shop@{DIGESTS['app']}" in ended.log
    docker.registry(aws, {f"shop:{SHA}": OTHER})
    ended = step("deploy")
    assert ended.exit_code == 2
    assert f"image `nginx` is not in ECR: {HOST}/shop:{SHA}-web" in ended.log


# ---- what is refused ----


def test_the_problems_of_all_images_are_told_at_once(
    aws: ScriptedAws, step: Run, docker: FakeDocker, tmp_path: Path
) -> None:
    """Each with its image's name; Docker is not asked."""
    (tmp_path / "nginx" / "Dockerfile").unlink()
    aws.on("ecr.BatchGetImage", error("RepositoryNotFoundException", "x"), where={"repositoryName": "my-my.tool"})
    app_file(tmp_path, {"app": {"context": "gone"}, "nginx": {"context": "nginx"}, "my.tool": {"context": "my.tool"}})
    ended = step("build-push")
    assert ended.exit_code == 2
    assert "image `app`: context: there is no folder gone" in ended.log
    assert "image `nginx`: file: there is no Dockerfile nginx/Dockerfile" in ended.log
    assert f"image `my.tool`: there is no ECR repository {HOST}/my-my.tool" in ended.log
    assert docker.runs == []


@pytest.mark.parametrize(
    ("images", "inputs", "words"),
    [
        ({"app": f"{HOST}/same", "nginx": f"{HOST}/same"}, {}, "both would get the same tags"),
        ({name: f"{HOST}/my-{name}" for name in NAMES}, {"context": "app"}, "context: applies to a single image"),
        ({"nginx": f"{HOST}/my-nginx"}, {}, "the document has no image `app`"),
    ],
)
def test_what_is_meant_for_one_image_or_for_none_is_refused(
    aws: ScriptedAws, step: Run, docker: FakeDocker, images: dict[str, str], inputs: dict[str, str], words: str
) -> None:
    """One would overwrite the other."""
    services = {"web": {"task-definition": "web", "containers": {"app": next(iter(images))}}}
    document(aws, images, services=services)
    ended = step("build-push", **inputs)
    assert ended.exit_code == 2
    assert words in ended.log
    assert docker.runs == []


def test_a_cache_repository_of_several_images_has_a_tag_for_each(
    aws: ScriptedAws, step: Run, docker: FakeDocker
) -> None:
    """One would overwrite the other's."""
    shared = {"app": f"{HOST}/caches", "nginx": f"{HOST}/caches"}
    images = {
        name: {"repository": f"{HOST}/my-{name}", **({"cache-repository": shared[name]} if name in shared else {})}
        for name in NAMES
    }
    aws.on("ssm.GetParameter", {"Parameter": {"Value": json.dumps({**DOCUMENT, "images": images}), "Version": 3}})
    assert step("build-push", cache="registry").exit_code == 0
    sources = {name: target["cache-from"] for name, target in docker.builds[0]["bake"].items()}
    assert sources == {
        "app": [f"type=registry,ref={HOST}/caches:cache-app"],
        "nginx": [f"type=registry,ref={HOST}/caches:cache-nginx"],
        "my-tool": [f"type=registry,ref={HOST}/my-my.tool:cache"],
    }


# ---- in the pipeline ----


def test_a_pipeline_builds_what_is_run_and_nothing_else(aws: ScriptedAws, step: Run, docker: FakeDocker) -> None:
    """By the services, the migration and the scheduled tasks; here the first step fails, and the others don't begin."""
    services = {"web": {"task-definition": "web", "containers": {"app": "app"}}}
    migration = {"task-definition": "migration", "container": "app", "image": "nginx"}
    document(aws, {name: f"{HOST}/my-{name}" for name in NAMES}, services=services, migration=migration)
    docker.attempts({"exit": 1})
    ended = step("pipeline")
    assert ended.exit_code == 1, ended.log
    assert list(docker.builds[0]["bake"]) == ["app", "nginx"]
    assert aws.count("ecs.RunTask") == 0
    assert aws.count("ecs.UpdateService") == 0


def test_a_pipeline_deploys_the_digests_that_were_built(aws: ScriptedAws, step: Run, docker: FakeDocker) -> None:
    """And those that it found."""
    services = {"web": {"task-definition": "web", "containers": {"app": "app", "sidecar": "nginx"}}}
    content = {
        **DOCUMENT,
        "images": {name: {"repository": f"{HOST}/my-{name}"} for name in NAMES},
        "services": services,
    }
    del content["migration"]
    aws.on("ssm.GetParameter", {"Parameter": {"Value": json.dumps(content), "Version": 3}})
    aws.on("ecs.DescribeTaskDefinition", {"taskDefinition": {**WEB, "containerDefinitions": CONTAINERS}, "tags": []})
    aws.on("ecs.UpdateService", error("AccessDeniedException", "no"))
    aws.on("ecs.DeregisterTaskDefinition", {"taskDefinition": WEB})
    docker.registry(aws, {f"my-nginx:{SHA}": ecs.DIGEST})
    step("pipeline")
    assert len(docker.builds) == 1
    (registered,) = [call.params for call in aws.calls if call.operation == "ecs.RegisterTaskDefinition"]
    assert [container["image"] for container in registered["containerDefinitions"]] == [
        f"{HOST}/my-app@{DIGESTS['app']}",
        f"{HOST}/my-nginx@{ecs.DIGEST}",
    ]
