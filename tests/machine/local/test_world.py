"""ecs_cd.local.world: what `up` reads from the files of a repository, before anything starts."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from ecs_cd.local import world
from ecs_cd.local.sources import Sources
from ecs_cd.local.world import Options, World
from ecs_cd.model.errors import Refused

ECR = "123456789012.dkr.ecr.ap-northeast-1.amazonaws.com"
DOCUMENT = f"""\
cluster: my-cluster
images: {{app: {{repository: {ECR}/my-app}}}}
services: {{web: {{task-definition: "file:td.json", containers: {{app: app}}}}}}
"""
WITH_DOCUMENT = "on: push\nenv: {AWS_REGION: eu-west-1}\njobs: {one: {steps: [{uses: org/ecs-cd@v1, with: {config: 'file:document.yaml'}}]}}\n"
STEP = (
    "{uses: org/ecs-cd/deploy@v1, with: {task-definition: td.json, container-name: app, cluster: prod, service: web}}"
)
WITHOUT = f"on: push\nenv: {{AWS_REGION: eu-west-1}}\njobs: {{one: {{steps: [{STEP}]}}}}\n"


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """Not yet a repository of Git, which reads nothing here; with a task definition."""
    folder = tmp_path / "my-app"
    (folder / ".github" / "workflows").mkdir(parents=True)
    container = {
        "name": "app",
        "image": f"{ECR}/my-app:1",
        "user": "1000",
        "environment": [{"name": "A", "value": "1"}],
    }
    (folder / "td.json").write_text(json.dumps({"family": "web", "containerDefinitions": [container]}))
    (folder / "document.yaml").write_text(DOCUMENT)
    return folder


def read(repo: Path, text: str, sources: Sources | None = None, **options: str) -> World:
    (repo / ".github" / "workflows" / "deploy.yml").write_text(text)
    return world.read(Options(str(repo), **options), repo, "amd64", {}, sources or Sources())  # type: ignore[arg-type]


@pytest.mark.parametrize("workflow", [WITH_DOCUMENT, WITHOUT])
def test_the_world_of_a_repository(workflow: str, repo: Path) -> None:
    """With a document and without one it has the same parts; what has no effect here is said."""
    found = read(repo, workflow)
    assert (found.account, found.region) == ("123456789012", "eu-west-1")
    assert list(found.repositories) == ["my-app"]
    assert [each.name for each in found.document.services.values()] == ["web"]
    assert list(found.notes) == ["td.json: the local AWS ignores user of the container app"]
    assert bool(found.content) == (workflow == WITH_DOCUMENT)


@pytest.mark.parametrize("workflow", [WITH_DOCUMENT, WITHOUT])
@pytest.mark.parametrize(
    ("file", "old", "new", "named"),
    [
        ("td.json", "1000", "1001", "td.json"),
        ("document.yaml", "my-cluster", "other", "document.yaml"),
        ("local.env", "A=2", "A=3", "local.env"),
        ("unrelated.txt", "a", "b", ""),
    ],
)
def test_what_has_changed_since_up_is_found(
    workflow: str, file: str, old: str, new: str, named: str, repo: Path
) -> None:
    """Each file that counts, by its path."""
    (repo / "local.env").write_text("A=2\n")
    (repo / "unrelated.txt").write_text("a")
    first = read(repo, workflow, env_file="local.env")
    path = repo / file
    path.write_text(path.read_text().replace(old, new))
    again = Sources(first.sources.kept, again=True)
    read(repo, workflow, again, env_file="local.env")
    expected = [] if not named or (workflow == WITHOUT and file == "document.yaml") else [str(repo / named)]
    assert [name for name in again.changed(first.sources.digests) if name != world.WORKFLOWS] == expected


def test_a_workflow_that_says_something_else_is_a_change(repo: Path) -> None:
    """Its cluster, for example; the file of the workflow itself is in the run anyway."""
    first = read(repo, WITHOUT)
    again = Sources(first.sources.kept, again=True)
    read(repo, WITHOUT.replace("cluster: prod", "cluster: other"), again)
    assert again.changed(first.sources.digests) == [world.WORKFLOWS]
    again = Sources(first.sources.kept, again=True)
    read(repo, f"{WITHOUT}# a comment\n", again)
    assert again.changed(first.sources.digests) == []


@pytest.mark.parametrize(
    ("workflow", "words", "remedy"),
    [
        (WITHOUT.replace("td.json", "made.json"), "the task definition made.json is not in the repository", "task-definition-family"),
        (WITHOUT.replace("task-definition: td.json, container-name: app", "task-definition-family: web"), "the containers of the task definition web aren't known", "--templates DIR"),
        (WITHOUT.replace("container-name: app", "container-name: other"), "has no container `other`", ""),
        ("on: push\njobs: {one: {steps: [{run: x}]}}\n", "names a document, or a task definition to deploy; it holds deploy.yml", "--config"),
        (WITH_DOCUMENT.replace("AWS_REGION: eu-west-1", "AWS_REGION: ''").replace("config: 'file:document.yaml'", "config: 'file:document.yaml', aws-region: us-west-1}}, {uses: org/ecs-cd/migrate@v1, with: {config: 'file:document.yaml', aws-region: us-west-2"), "deploy.yml: us-west-1, us-west-2", "AWS_REGION=us-west-1"),
        (WITH_DOCUMENT.replace("document.yaml", "absent.yaml"), "absent.yaml can't be read: No such file", ""),
        ("on: push\njobs: [", "deploy.yml is not YAML", ""),
    ],
)  # fmt: skip
def test_what_can_not_be_had_is_refused(workflow: str, words: str, remedy: str, repo: Path) -> None:
    """Before anything starts, with the place and a remedy."""
    with pytest.raises(Refused) as refused:
        read(repo, workflow)
    assert words in " ".join(refused.value.problems)
    assert remedy in refused.value.remedy


def test_a_named_workflow_is_the_only_one_that_counts(repo: Path) -> None:
    """Of a workflow for staging and one for production, say."""
    (repo / ".github" / "workflows" / "staging.yml").write_text(WITHOUT.replace("prod", "staging"))
    with pytest.raises(Refused, match="which workflow"):
        read(repo, WITHOUT)
    assert read(repo, WITHOUT, workflow="staging.yml").document.cluster == "staging"
    assert read(repo, WITHOUT, workflow="deploy").document.cluster == "prod"
    with pytest.raises(Refused, match="there is no workflow other"):
        read(repo, WITHOUT, workflow="other")


def test_variables_of_the_workflows_are_known(repo: Path) -> None:
    """`up --var`, also for the name of the document."""
    text = WITH_DOCUMENT.replace("'file:document.yaml'", "'${{ vars.CONFIG }}'")
    (repo / ".github" / "workflows" / "deploy.yml").write_text(text)
    options = Options(str(repo))
    with pytest.raises(Refused, match="not known on this machine"):
        world.read(options, repo, "amd64", os.environ, Sources())
    found = world.read(
        replace(options, variables={"CONFIG": "file:document.yaml"}), repo, "amd64", os.environ, Sources()
    )
    assert found.config == "file:document.yaml"


def test_a_file_that_the_infra_file_names_counts(repo: Path) -> None:
    """An object's `source` beside a Terraform state: its content is in no line of the state."""
    parameter = {
        "name": "/ecs-cd/my-app",
        "type": "String",
        "value": DOCUMENT.replace("file:td.json", "s3://b/td.json"),
    }
    resources = [
        {"type": "aws_ssm_parameter", "values": parameter},
        {"type": "aws_s3_object", "values": {"bucket": "b", "key": "td.json", "source": "td.json"}},
    ]
    for each in resources:
        each |= {"mode": "managed", "name": "x", "address": "x"}
    state = {"format_version": "1.0", "values": {"root_module": {"resources": resources}}}
    (repo / "infra.json").write_text(json.dumps(state))
    text = WITH_DOCUMENT.replace("file:document.yaml", "/ecs-cd/my-app")
    first = read(repo, text, infra="infra.json")
    assert list(first.notes) == ["s3://b/td.json: the local AWS ignores user of the container app"]
    (repo / "td.json").write_text((repo / "td.json").read_text().replace("1000", "1001"))
    again = Sources(first.sources.kept, again=True)
    read(repo, text, again, infra="infra.json")
    assert again.changed(first.sources.digests) == [str(repo / "infra.json")]
