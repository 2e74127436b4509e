"""Behind the hand-off: the Terraform module's builds, run in containers as CodeBuild runs them.

Real: the buildspecs as Terraform renders them, the release tree, ECR, S3, SSM, ECS with its containers, the database
that only the tasks' network reaches. Not real: the AWS CLI in the container, a stand-in for the two commands that the
buildspecs use; and the image's Python, which is the distribution's.
"""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from dev.base_images import codebuild_image
from ecs_cd.local.codebuild.rules import buildspec
from ecs_cd.model.verdict import Outcome
from tests.e2e.pipelines.codepipeline import Execution, runner
from tests.e2e.pipelines.site import NONCE, Site

pytestmark = pytest.mark.e2e


# ---- variables; migrated and deployed by ecs-cd (and see test_hand_off.py) ----


def test_a_crashing_image_is_rolled_back(site: Site) -> None:
    """The build fails, the previous tasks keep serving, and verdict and junit.xml name the crash."""
    before = site.running()
    build = site.pipeline.start(site.hand_over(site.bad)).build("Deploy")
    assert build.phases["BUILD"] == "FAILED", build.log
    assert build.verdict(NONCE).state is Outcome.ROLLED_BACK
    assert any("container `app` exited with 1" in finding.cause for finding in build.verdict(NONCE).findings)
    assert site.running() == before
    failures = " ".join("".join(each.itertext()) for each in build.junit.iter("failure"))
    assert "KeyError: PORT is not set" in failures


def test_another_release_than_the_pinned_one_is_not_run(site: Site, tmp_path: Path) -> None:
    """Of a release with another SHA-256 nothing is unpacked, and nothing else runs."""
    project = site.pipeline.projects[f"{site.pipeline.declared['name']}-migrate"]
    text = project["source"]["buildspec"]
    pinned = buildspec.parse(text).variables["ECS_CD_RELEASE_SHA256"]
    changed = {**project, "source": {"type": "CODEPIPELINE", "buildspec": text.replace(pinned, "0" * 64)}}
    image = codebuild_image(site.stack.aws.env)
    other = runner({project["name"]: changed}, site.stack, image, "", tmp_path)
    build = replace(site.pipeline, runner=other).start(site.hand_over(site.good)).build("Migrate")
    assert build.phases == {"INSTALL": "FAILED"}, build.log
    assert "sha256sum" in build.message


# ---- the push's event as the start ----


def test_the_digest_of_the_event_is_migrated(site: Site) -> None:
    """The build takes the image of the ECR source's imageDetail.json, whatever was pushed to the tag since."""
    (source,) = site.by_event.declared["stages"][0]["actions"]
    execution = site.by_event.start({}, {source["name"]: site.good.partition("@")[2]})
    build = execution.build("Migrate")
    assert build.succeeded, build.log
    ecs = site.stack.clients.ecs
    task = build.exported["MIGRATION_TASK_ARN"]
    (ended,) = ecs.describe_tasks(cluster=site.stack.cluster, tasks=[task])["tasks"]
    assert [each["image"] for each in ended["containers"]] == [site.good]


# ---- an object as the start; `docker run` in the VPC; files for CodeDeployToECS ----


@pytest.fixture
def handed_over(site: Site) -> Execution:
    """An execution with the object that hand-off writes."""
    site.put_object(site.good)
    return site.by_object.start({"COMMIT": site.commit})


def test_docker_run_migrates_inside_the_vpc(site: Site, handed_over: Execution) -> None:
    """The article's migration: the image of the object by digest, its own command, the secret only in the environment."""
    build = handed_over.build("Migrate")
    assert build.succeeded, build.log
    assert f"Migrating with {site.good}" in build.log
    assert "it's production, ***\n" in build.log  # CodeBuild masks values of parameters
    assert "were there" in build.log
    secret = site.stack.clients.secretsmanager.get_secret_value(SecretId="my-app/database")["SecretString"]
    assert json.loads(secret)["url"] not in build.log


def test_docker_run_fails_with_the_migration(site: Site) -> None:
    """A failing migration fails the build."""
    site.put_object(site.bad)
    build = site.by_object.start({"COMMIT": site.commit}).build("Migrate")
    assert build.phases["BUILD"] == "FAILED"
    assert 'relation "readers" does not exist' in build.log
    assert "docker run" in build.message


def test_the_files_for_codedeploy_have_the_digest(site: Site, handed_over: Execution) -> None:
    """ECS accepts taskdef.json, and the artifact holds what CodeDeployToECS and the ECS action read, and no more."""
    build = handed_over.build("Artifacts")
    assert build.succeeded, build.log
    with zipfile.ZipFile(io.BytesIO(handed_over.artifacts["deployment"])) as archive:
        files = {name: archive.read(name).decode() for name in archive.namelist()}
    assert set(files) == {"taskdef.json", "appspec.yaml", "imagedefinitions.json", "imageDetail.json"}
    assert json.loads(files["imagedefinitions.json"]) == [{"name": "app", "imageUri": site.good}]
    assert json.loads(files["imageDetail.json"])["ImageURI"] == site.good
    assert "<TASK_DEFINITION>" in files["appspec.yaml"]
    registered = site.stack.clients.ecs.register_task_definition(**json.loads(files["taskdef.json"]))["taskDefinition"]
    assert [each["image"] for each in registered["containerDefinitions"]] == [site.good]
