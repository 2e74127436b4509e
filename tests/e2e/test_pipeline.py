"""Pattern 1 in one `uses:` line: the job's colour, its outputs, and what the service serves. More: test_patterns.py."""

from __future__ import annotations

import json
from collections.abc import Callable
from textwrap import dedent

import pytest

from dev.database import refusal
from dev.stack import document, put_document, put_template, task_definition
from tests.e2e.conftest import World

pytestmark = pytest.mark.e2e
MakeWorld = Callable[..., World]


def test_a_code_change_is_built_migrated_deployed_and_served(world: World) -> None:
    """Two commits are, the second one again changes nothing, and only tasks reach the database, as in a VPC."""
    assert "pg_hba.conf rejects connection" in (refusal(world.database) or "")
    first = world.push()
    assert first.green, first.log
    assert "Hello from ECS" in world.page()
    sha = world.change("app.py", "Hello from ECS", "Good morning")
    second = world.push()
    assert second.green, second.log
    assert "Good morning" in world.page()
    assert sha in world.page()
    outputs = second.outputs()
    assert outputs["built"] == "true"
    assert outputs["tags"].splitlines() == [sha, "latest"]
    assert outputs["migration-result"] == "succeeded"
    assert outputs["migration-exit-code"] == "0"
    assert outputs["result"] == "succeeded"
    assert outputs["image"].endswith(outputs["digest"])
    assert json.loads(outputs["images"]) == {"app": outputs["image"]}
    assert world.running() == {outputs["task-definition-arn"]}
    assert "2 applied, 0 were there" in first.log
    assert "0 applied, 2 were there" in second.log
    headings = [line for line in second.summary.splitlines() if line.startswith("###")]
    assert headings == ["### ✅ Deployment: succeeded"]
    assert all(
        f"| {part} | ✅\N{NO-BREAK SPACE}succeeded | " in second.summary for part in ("Build and push", "Migration")
    )
    before = world.revisions()
    again = world.push()
    assert again.green, again.log
    same = ("image", "task-definition-arn")
    assert [again.outputs()[each] for each in same] == [outputs[each] for each in same]
    assert again.outputs()["built"] == "false"
    assert "#1 [internal]" not in again.log
    assert world.revisions() == before


def test_a_failing_migration_is_red_and_leaves_the_service_alone(make_world: MakeWorld) -> None:
    """Exit code 3: its log is shown, and nothing is deployed."""
    code = "import sys; print('::error::no such column: author'); sys.exit(3)"
    world = make_world(migration_command=["python3", "-c", code])
    assert "Directory listing" in world.page()
    before = world.running()
    result = world.push()
    assert result.step_result() == "failure"
    assert "  | ::error::no such column: author" in result.log
    assert any("container `app` exited with 3" in text for text in result.annotations())
    assert not any(text.startswith("no such column") for text in result.annotations())
    assert result.outputs()["migration-result"] == "failed"
    assert result.outputs()["migration-exit-code"] == "3"
    assert "no such column: author" in result.summary
    assert not result.outputs()["result"]
    assert world.running() == before


def test_an_image_that_can_not_be_pulled_is_named(world: World) -> None:
    """A sidecar's image is missing from its registry: the job fails and names the cause."""
    assert world.push().green
    before = world.running()
    absent = {"name": "agent", "image": f"{world.aws.registry}/absent:1", "essential": True}
    template = task_definition(world.stack, "my-app", sidecars=[absent])
    put_template(world.stack, "task_definition.json", template)
    world.change("app.py", "Hello from ECS", "Good morning")
    result = world.push()
    assert result.step_result() == "failure"
    assert result.outputs()["result"] == "rolled-back"
    assert "absent" in "\n".join(result.annotations()) + result.summary
    assert world.running() == before
    assert "Hello from ECS" in world.page()


def test_a_missing_image_is_named_before_anything_is_changed(world: World) -> None:
    """deploy by itself, of a commit that was never built."""
    workflow = """\
        on: push
        jobs:
          deploy:
            runs-on: ubuntu-latest
            steps:
              - uses: actions/checkout@v5
              - id: cd
                uses: org/ecs-cd/deploy@v1
                with: {config: /ecs-cd/my-app/production}
        """
    (world.repo / ".github/workflows/only.yml").write_text(dedent(workflow))
    sha = world.change("app.py", "Hello", "Good day")
    before = world.revisions()
    result = world.push("only.yml")
    assert not result.green
    assert any(f"image `app` is not in ECR: {world.aws.registry}/my-app:{sha}" in text for text in result.annotations())
    assert world.revisions() == before


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("- cluster: my-cluster", "must be a mapping, but is a list"),
        ('{"cluster": "my-cluster", "images": {"app": {"repositry": "x"}}}', "did you mean `repository`?"),
        ("cluster: my-cluster\ncluster: other\nimages: {app: {repository: 5}}", "cluster: occurs twice"),
    ],
)
def test_a_malformed_parameter_is_refused_before_anything_is_changed(world: World, content: str, words: str) -> None:
    """The key's path and what would be right; nothing is built, registered or run."""
    put_document(world.stack, content)
    before = world.revisions()
    result = world.push()
    assert not result.green
    assert any(words in text for text in result.annotations()), result.log
    assert world.revisions() == before
    assert not world.migrations()
    assert not world.stack.clients.ecr.list_images(repositoryName="my-app")["imageIds"]


def test_the_three_actions_make_the_same_pipeline(world: World) -> None:
    """build-push in one job, migrate and deploy in the next: the commit is all that they share."""
    workflow = """\
        on: push
        jobs:
          image:
            runs-on: ubuntu-latest
            steps:
              - uses: actions/checkout@v5
              - id: build
                uses: org/ecs-cd/build-push@v1
                with:
                  config: /ecs-cd/my-app/production
                  build-args: BASE=${{ vars.BASE_IMAGE }}
                  tags: latest, candidate
          release:
            needs: image
            runs-on: ubuntu-latest
            steps:
              - uses: actions/checkout@v5
              - id: migrate
                uses: org/ecs-cd/actions/migrate@v1
                with: {config: /ecs-cd/my-app/production}
              - id: deploy
                uses: org/ecs-cd/deploy@v1
                with: {config: /ecs-cd/my-app/production}
        """
    (world.repo / ".github/workflows/three.yml").write_text(dedent(workflow))
    sha = world.change("app.py", "Hello", "Good evening")
    result = world.push("three.yml")
    assert result.green, result.log
    assert result.outputs("build")["tags"].splitlines() == [sha, "latest", "candidate"]
    assert result.outputs("migrate")["migration-result"] == "succeeded"
    assert json.loads(result.outputs("deploy")["images"]) == {"app": result.outputs("build")["image"]}
    assert "Good evening from ECS" in world.page()


def test_an_immutable_repository_keeps_its_tags(make_world: MakeWorld) -> None:
    """`latest` is skipped with a notice; the same commit again is found, not pushed."""
    world = make_world(immutable=True)
    first, again = world.push(), world.push()
    assert first.green, first.log
    assert again.green, again.log
    assert any("`latest` is skipped" in text for text in first.annotations("notice"))
    assert "latest" not in first.outputs()["tags"]
    assert again.outputs()["built"] == "false"


def test_a_changed_file_that_is_not_committed_never_takes_the_commits_tag(world: World) -> None:
    """A file that an earlier step generates into the context is built, but not under the commit's tag."""
    workflow = world.repo / ".github/workflows/deploy.yml"
    generate = "      - run: date > generated.txt\n      - id: cd\n"
    workflow.write_text(workflow.read_text().replace("      - id: cd\n", generate))
    world.change("app.py", "Hello", "Good night")
    result = world.push()
    assert result.green, result.log
    assert result.outputs()["tags"].splitlines() == ["latest"]
    assert any("generated.txt" in text for text in result.annotations("notice"))
    assert "Good night from ECS" in world.page()


def test_a_document_without_a_migration_skips_it(world: World) -> None:
    """The log says so once, and the deployment continues."""
    content = {key: value for key, value in document(world.stack).items() if key != "migration"}
    put_document(world.stack, content)
    result = world.push()
    assert result.green, result.log
    assert result.outputs()["migration-result"] == "skipped"
    assert not world.migrations()
