"""`ecs-cd local` as a developer types it: up, run, down in their repository, with real containers."""

from __future__ import annotations

import errno
import json
import os
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dev import host
from dev.aws import Aws
from dev.base_images import BaseImages
from dev.database import Database, empty_database
from dev.demo import local_stack
from dev.stack import Clients, clients, page, running_tasks
from dev.workflows import INFRA, app_repo, commit, copied, git
from ecs_cd.local import machine, ministack, place
from tests.e2e.laptop import ecs_cd, left_in_docker
from tests.e2e.test_images import processes

pytestmark = pytest.mark.e2e
FROM_FILES = ("--config", "file:../infra/document.yaml", "--templates", "../infra")
DOCUMENT = "123456789012.dkr.ecr.ap-northeast-1.amazonaws.com"


@dataclass
class Developer:
    """The example's repository on a developer's machine."""

    repo: Path
    tree: Path
    images: BaseImages
    env: dict[str, str]

    def local(self, *arguments: str, **env: str) -> tuple[int, str]:
        """Runs a command to its end: its exit code and all its output."""
        return ecs_cd(self.repo, {**self.env, **env}, "local", *arguments)

    def up(self, *arguments: str, **env: str) -> str:
        code, output = self.local("up", *arguments, **env)
        assert code == 0, output
        return output

    def run(self, *arguments: str, **env: str) -> tuple[int, str]:
        return self.local(
            "run", "--tree", str(self.tree), "--var", f"BASE_IMAGE={self.images.python}", *arguments, **env
        )

    def deployed(self, *arguments: str) -> str:
        """Runs the workflow, which has to succeed."""
        code, output = self.run(*arguments)
        assert code == 0, output
        return output

    @property
    def aws(self) -> ministack.Ministack | None:
        return ministack.running(place.folder(self.repo, self.env))

    @property
    def clients(self) -> Clients:
        return clients(local_stack(self.repo, self.env).aws)

    def page(self) -> str:
        return page(local_stack(self.repo, self.env))

    def running(self) -> set[str]:
        """The images of the service's tasks."""
        return {image for task in running_tasks(local_stack(self.repo, self.env)) for image in task.images.values()}

    def edit(self, file: str, old: str, new: str) -> None:
        """A change that is not committed."""
        path = self.repo / file
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))

    def one_workflow(self) -> None:
        """Without the example's others, which name the document as well."""
        for path in (self.repo / ".github" / "workflows").iterdir():
            if path.name != "deploy.yml":
                path.unlink()


@pytest.fixture
def database(docker: dict[str, str], server: Database) -> Database:
    return empty_database(docker, server)


@pytest.fixture
def developer(docker: dict[str, str], images: BaseImages, tree: Path, tmp_path: Path) -> Iterator[Developer]:
    copied(INFRA, tmp_path / "infra")
    env = {**docker, "XDG_STATE_HOME": str(tmp_path / "state")}
    developer = Developer(app_repo(tmp_path / "my-app"), tree, images, env)
    yield developer
    code, output = developer.local("down")
    assert code == 0, output


@pytest.fixture
def with_database(developer: Developer, database: Database) -> tuple[str, ...]:
    """What lets the tasks reach the developer's database."""
    (developer.repo.parent / "local.env").write_text(f"# of this machine\n\nDATABASE_URL={database.url}\n")
    return ("--env-file", "../local.env", "--network-of", database.container)


def test_up_run_and_down_are_the_whole_pipeline(developer: Developer, with_database: tuple[str, ...]) -> None:
    """From the infra repo's files to the page, with the workflow as it is; then nothing is left of it."""
    output = developer.up(*FROM_FILES, *with_database)
    assert "account 123456789012, region ap-northeast-1" in output
    assert "warning" not in output
    aws = developer.aws
    assert aws is not None
    output = developer.deployed()
    sha = git(developer.repo, "rev-parse", "HEAD")
    assert f"runs on a copy of your working tree: commit {sha[:12]}\n" in output
    assert f"{sha}</p>" in developer.page()
    assert "Success - Main org/ecs-cd@v1" in output
    assert re.search(rf"web: a task of my-service runs at [\d.]+:8000: {aws.registry}/my-app@sha256:", output)
    assert not git(developer.repo, "status", "--porcelain")
    code, output = developer.local("down")
    assert code == 0, output
    assert not left_in_docker(developer.env, aws.port)
    assert not processes(str(developer.repo.parent))
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", aws.port)) == errno.ECONNREFUSED
    assert list((developer.repo.parent / "state").iterdir()) == []
    assert developer.local("down") == (0, f"   0.0 s  nothing is up for {developer.repo}\n")


def test_what_is_not_committed_runs_as_a_commit_of_its_own(
    developer: Developer, with_database: tuple[str, ...]
) -> None:
    """The same content again is the same commit, and nothing is built; the repository stays as it is."""
    developer.up(*FROM_FILES, *with_database)
    developer.edit("app.py", "Hello from ECS", "Good morning")
    (developer.repo / "notes.txt").write_text("new\n")
    before = git(developer.repo, "status", "--porcelain"), git(developer.repo, "rev-parse", "HEAD")
    output = developer.deployed()
    assert f"which is {before[1][:12]} with 2 changed files" in output
    assert "Good morning" in developer.page()
    again = developer.deployed()
    assert "will be built" in output
    assert "will be built" not in again
    assert (git(developer.repo, "status", "--porcelain"), git(developer.repo, "rev-parse", "HEAD")) == before


def test_what_has_changed_since_up_is_there_at_the_next_run(
    developer: Developer, with_database: tuple[str, ...]
) -> None:
    """Document and templates: a run takes them as they are now. `up` again loses nothing: same process, same tasks."""
    developer.up(*FROM_FILES, *with_database)
    assert "changed since" not in developer.deployed()
    before, running = developer.aws, developer.running()
    output = developer.up(*FROM_FILES)
    assert "is up" in output and "service my-service: as it is" in output
    assert (developer.aws, developer.running()) == (before, running)
    infra = developer.repo.parent / "infra"
    document, template = infra / "document.yaml", infra / "task_definition.json"
    document.write_text(document.read_text().replace("python3, migrate.py", 'python3, -c, "print(4321 * 10)"'))
    definition = json.loads(template.read_text())
    definition["containerDefinitions"][0].update(user="1000", dockerLabels={"color": "blue"})
    template.write_text(json.dumps(definition))
    output = developer.deployed()
    assert re.search(r"changed since ecs-cd local up, .*: \S+/document.yaml, \S+/task_definition.json\n", output)
    assert "the local AWS ignores user, dockerLabels of the container app" in output
    assert "43210" in output
    (task,) = running_tasks(local_stack(developer.repo, developer.env))
    revision = developer.clients.ecs.describe_task_definition(taskDefinition=task.task_definition)["taskDefinition"]
    assert revision["containerDefinitions"][0]["user"] == "1000"
    assert "Hello from ECS" in developer.page()  # the value of DATABASE_URL is still there
    template.rename(infra / "other.json")
    code, output = developer.run()
    assert (code, "Run ecs-cd local up again" in output or "is not there" in output) == (2, True), output
    (infra / "other.json").rename(template)
    document.write_text(document.read_text().replace("123456789012", "210987654321"))
    code, output = developer.local("up", *FROM_FILES)
    assert (code, developer.aws) == (2, before)
    assert "the document is for 210987654321" in output


def test_a_workflow_that_names_its_role_gets_it(developer: Developer, with_database: tuple[str, ...]) -> None:
    """A literal ARN and region: its account is the local one, and the step is signed in with that role."""
    workflow = """\
on: [workflow_dispatch, push]
permissions: {}
jobs:
  cd:
    runs-on: [self-hosted, linux-large]
    permissions: {contents: read, id-token: write}
    steps:
      - uses: actions/checkout@v5
      - id: cd
        uses: somebody/ecs-cd@0123456789abcdef0123456789abcdef01234567
        with:
          config: /ecs-cd/my-app/production
          role-to-assume: arn:aws:iam::111122223333:role/team/deploy
          aws-region: eu-central-1
          build-args: BASE=${{ vars.BASE_IMAGE }}
      - run: |
          test "$GREETING" = "hello, 'you' # \\$HOME" && test "${#TOKEN}" = 8 && test -z "$EMPTY"
        env: {GREETING: "${{ vars.GREETING }}", TOKEN: "${{ secrets.TOKEN }}", EMPTY: "${{ secrets.EMPTY }}"}
"""
    (developer.repo / ".github/workflows/deploy.yml").write_text(workflow)
    output = developer.up(*FROM_FILES, *with_database)
    assert "account 111122223333, region eu-central-1" in output
    code, output = developer.run()
    assert code == 1
    assert "not set, so empty: vars.GREETING, secrets.TOKEN, secrets.EMPTY" in output
    given = ("--var", "GREETING=hello, 'you' # $HOME", "--secret", "TOKEN", "--secret", "EMPTY")
    code, output = developer.run(*given, TOKEN='s3cret\n"', EMPTY="")
    assert code == 0, output
    assert "not given" not in output
    assert "s3cret" not in output
    assert "Hello from ECS" in developer.page()


def test_templates_are_made_up_where_there_are_none(developer: Developer, with_database: tuple[str, ...]) -> None:
    """A container with the developer's variables as secrets is all that the example needs."""
    output = developer.up("--config", "file:../infra/document.yaml", *with_database)
    assert "s3://my-bucket/task_definition.json: made up, with app" in output
    developer.deployed()
    assert "Hello from ECS" in developer.page()


def test_a_missing_value_is_made_up_and_told(developer: Developer) -> None:
    """By the variable's name; the run then shows what the app makes of it, and exits as the workflow does."""
    output = developer.up(*FROM_FILES)
    assert "warning: there is no value for DATABASE_URL" in output
    code, output = developer.run()
    assert code == 1
    *_, service, verdict = output.splitlines()
    assert service.endswith("web: nothing is deployed to my-service yet; its task does nothing")
    assert "the workflow FAILED after " in verdict
    assert developer.running() == {f"{developer.aws and developer.aws.registry}/ecs-cd-placeholder:1"}


def test_a_document_of_the_workspace_is_local_in_runs_only(
    developer: Developer, with_database: tuple[str, ...]
) -> None:
    """`config: file:...` with templates beside it: the copy has local repositories and secrets, the files do not."""
    for name in ("document.yaml", "task_definition.json", "task_definition_migration.json"):
        (developer.repo / name).write_text((INFRA / name).read_text())
    developer.one_workflow()
    developer.edit("document.yaml", "s3://my-bucket/", "file:")
    developer.edit(".github/workflows/deploy.yml", "/ecs-cd/my-app/production", "file:document.yaml")
    commit(developer.repo, "the document in the app's repository")
    developer.up(*with_database)
    output = developer.deployed()
    assert "with local contents: " in output
    assert "Hello from ECS" in developer.page()
    assert DOCUMENT in (developer.repo / "document.yaml").read_text()
    assert not git(developer.repo, "status", "--porcelain")


OFFICIAL = """\
on: push
env: {AWS_REGION: eu-central-1, ECR_REPOSITORY: team/shop}
jobs:
  skipped: {if: "github.ref == 'refs/tags/v1'", runs-on: ubuntu-latest, steps: [run: "false"]}
  deploy:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v5
      - uses: aws-actions/configure-aws-credentials@v6
        with: {aws-region: "${{ env.AWS_REGION }}", role-to-assume: "arn:aws:iam::123456789012:role/deploy"}
      - {id: login, uses: aws-actions/amazon-ecr-login@v2}
      - id: build
        env: {IMAGE: "${{ steps.login.outputs.registry }}/team/shop:${{ github.sha }}", BASE: "${{ vars.BASE_IMAGE }}"}
        run: |
          docker build --quiet --build-arg "BASE=$BASE" --tag "$IMAGE" .
          docker push --quiet "$IMAGE"
          echo "image=$IMAGE" >>"$GITHUB_OUTPUT"
      - uses: org/ecs-cd/deploy@v1
        if: vars.SKIP != 'true'
        with:
          task-definition: task_definition.json
          container-name: app
          image: ${{ steps.build.outputs.image }}
          cluster: ${{ vars.CLUSTER }}
          service: my-service
          run-task: true
          run-task-subnets: subnet-1
          run-task-container-overrides: '[{"name": "app", "command": ["python3", "migrate.py"]}]'
          wait-for-task-stopped: true
          wait-for-service-stability: true
"""


def test_a_workflow_without_a_document_runs_too(developer: Developer, with_database: tuple[str, ...]) -> None:
    """The step and the task definition of the repository say what is there; a run takes the file as it is then."""
    (developer.repo / ".github/workflows/deploy.yml").write_text(OFFICIAL)
    for other in (developer.repo / ".github/workflows").glob("*.yml"):  # they name a document
        if other.name != "deploy.yml":
            other.unlink()
    template = developer.repo / "task_definition.json"
    definition = json.loads((INFRA / "task_definition.json").read_text())
    definition["containerDefinitions"][0]["image"] = "<IMAGE>"
    template.write_text(json.dumps(definition))
    code, output = developer.local("up", *with_database)
    assert code == 2
    assert "the job deploy has cluster: ${{ vars.CLUSTER }}, which is not known on this machine" in output
    output = developer.up(*with_database, "--var", "CLUSTER=my-cluster")
    assert "account 123456789012, region eu-central-1" in output
    assert re.search(r"repository localhost:\d+/team/shop\n", output)
    code, output = developer.run("--var", "SKIP=true")
    assert code == 0
    *_, service, verdict = output.splitlines()
    assert service.endswith("my-service: nothing is deployed to my-service yet; its task does nothing")
    assert "but deployed NOTHING: no step of ecs-cd ran" in verdict
    definition["containerDefinitions"][0]["environment"] = [{"name": "GREETING", "value": "hello"}]
    template.write_text(json.dumps(definition))
    output = developer.deployed()
    assert f"changed since ecs-cd local up, so updated in the local AWS: {template}\n" in output
    assert "the workflow succeeded after " in output.splitlines()[-1]
    (task,) = running_tasks(local_stack(developer.repo, developer.env))
    revision = developer.clients.ecs.describe_task_definition(taskDefinition=task.task_definition)["taskDefinition"]
    assert revision["containerDefinitions"][0]["environment"] == [{"name": "GREETING", "value": "hello"}]
    assert "Hello from ECS" in developer.page()


def test_document_and_templates_are_read_from_the_developers_account(
    developer: Developer, with_database: tuple[str, ...], region: Aws
) -> None:
    """ecs-cd reads SSM, S3 and ECS with the caller's credentials, and lists everything that is missing at once."""
    theirs = clients(region)
    parameter = "/ecs-cd/theirs/production"
    text = (INFRA / "document.yaml").read_text().replace("s3://my-bucket/", "s3://their-bucket/")
    text = text.replace("s3://their-bucket/task_definition_migration.json", "their-migration")
    theirs.ssm.put_parameter(Name=parameter, Value=text, Type="String")
    developer.one_workflow()
    developer.edit(".github/workflows/deploy.yml", "/ecs-cd/my-app/production", parameter)
    theirs.s3.create_bucket(Bucket="their-bucket")
    code, output = developer.local("up", **region.env)
    assert code == 2
    assert "there is no s3://their-bucket/task_definition.json" in output
    assert "there is no task definition their-migration" in output
    assert developer.aws is None
    template: dict[str, Any] = json.loads((INFRA / "task_definition.json").read_text())
    theirs.s3.put_object(Bucket="their-bucket", Key="task_definition.json", Body=json.dumps(template).encode())
    theirs.ecs.register_task_definition(**{**template, "family": "their-migration"})
    calls = theirs.ecs.list_task_definitions()["taskDefinitionArns"]
    developer.up(*with_database, **region.env)
    developer.deployed()
    assert "Hello from ECS" in developer.page()
    assert theirs.ecs.list_task_definitions()["taskDefinitionArns"] == calls


def test_every_part_of_a_document_has_its_like(developer: Developer) -> None:
    """ARNs, families, CodeDeploy, scheduled tasks, a parameter's version; the log lists the differences."""
    text = f"""\
cluster: arn:aws:ecs:eu-west-1:123456789012:cluster/prod
images: {{app: {{repository: {DOCUMENT}/team/app, cache-repository: {DOCUMENT}/team/cache}}}}
services:
  web:
    service: arn:aws:ecs:eu-west-1:123456789012:service/prod/web-service
    task-definition: arn:aws:ecs:eu-west-1:123456789012:task-definition/my-web:12
    containers: {{app: app}}
    codedeploy: {{application: my-app}}
  worker: {{task-definition: my-worker, containers: {{app: app}}}}
scheduled-tasks:
  nightly: {{rule: nightly, task-definition: my-nightly, containers: {{app: app}}}}
  weekly: {{rule: weekly, event-bus: mine, task-definition: my-nightly, containers: {{app: app}}}}
  hourly: {{schedule: hourly, schedule-group: mine, task-definition: my-worker, containers: {{app: app}}}}
"""
    (developer.repo.parent / "document.yaml").write_text(text)
    developer.one_workflow()
    developer.edit(".github/workflows/deploy.yml", "/ecs-cd/my-app/production", "/ecs-cd/my-app/production:3")
    command = '["python3", "-m", "http.server"]'
    for name in ("my-web", "my-worker", "my-nightly"):
        template = json.loads((INFRA / "task_definition.json").read_text())
        template["family"] = name
        template["containerDefinitions"][0].update(command=json.loads(command), secrets=[])
        (developer.repo.parent / "infra" / f"{name}.json").write_text(json.dumps(template))
    flags = ("--config", "file:../document.yaml", "--templates", "../infra")
    output = developer.up(*flags)
    assert "account 123456789012, region eu-west-1" in output
    assert "web: is deployed by CodeDeploy; here it is deployed with a rolling update" in output
    for _ in range(2):
        output = developer.deployed()
        assert "the SSM parameter /ecs-cd/my-app/production:3, version 3" in output
        assert output.count("a task of ") == 2
        developer.up(*flags)
    assert "rule weekly (DISABLED)" in output or "already has this content" in output
    newest = developer.clients.ecs.describe_task_definition(taskDefinition="my-worker")["taskDefinition"]
    assert newest["containerDefinitions"][0]["command"] == json.loads(command)


def test_an_aws_that_has_ended_is_cleared_away(developer: Developer) -> None:
    """After a crash or a restart, up creates a new one, down leaves nothing; a run in between says what to do."""
    developer.up(*FROM_FILES)
    ports: list[int] = []
    for verb, words in (("up", "starting a new one"), ("down", "nothing is left")):
        aws = developer.aws
        assert aws is not None
        ports.append(aws.port)
        os.killpg(aws.pid, signal.SIGKILL)
        code, output = developer.run()
        assert code == 2
        assert "no local AWS is up" in output
        code, output = developer.local(verb, *(FROM_FILES if verb == "up" else ()))
        assert code == 0, output
        assert words in output
    assert not [left for port in ports for left in left_in_docker(developer.env, port)]


def test_an_up_that_fails_leaves_nothing(developer: Developer) -> None:
    """The log shows what ministack refuses, and everything created so far is removed."""
    document = developer.repo.parent / "infra" / "document.yaml"
    document.write_text(document.read_text().replace("s3://my-bucket/", "s3://B/"))
    code, output = developer.local("up", "--config", "file:../infra/document.yaml")
    assert code == 2
    assert "CreateBucket" in output
    port = re.search(r"is up at http://127\.0\.0\.1:(\d+)", output)
    assert port and not left_in_docker(developer.env, int(port[1]))
    assert list((developer.repo.parent / "state" / "ecs-cd").iterdir()) == []


def test_what_can_not_run_is_refused(developer: Developer) -> None:
    """With the reason, and exit code 2."""
    neighbour = f"ecs-cd-neighbour-{os.getpid()}"
    sleep = ("python3", "-c", "import time; time.sleep(600)")
    machine.run(["docker", "run", "--detach", "--name", neighbour, developer.images.python, *sleep], env=developer.env)
    try:
        developer.up("--config", "file:../infra/document.yaml", "--network-of", neighbour)
    finally:
        machine.run(["docker", "rm", "--force", neighbour], env=developer.env)
    for arguments, words in (
        (("nightly",), "there is no workflow nightly in .github/workflows; it holds "),
        (("--secret", "NOT_THERE"), "there is no environment variable NOT_THERE"),
        (("--event-file", "not-there.json"), "not-there.json is not a file"),
        (("--tree", "/tmp"), "/tmp is not a tree of ecs-cd"),
        (("--var", "NAME"), "must be NAME=VALUE"),
        (("deploy", "--job", "nightly"), "deploy.yml has no job nightly; it has deploy"),
        (("deploy", "--event", "release"), "deploy.yml does not start on release; it starts on push"),
        (("--event-file", "app.py"), "app.py is not a JSON object"),
        ((), f"the container {neighbour}, whose network the tasks join, does not run"),
    ):
        code, output = developer.local("run", *arguments)
        assert code == 2, output
        assert words in output


def test_the_events_payload_arrives(developer: Developer) -> None:
    """--event and --event-file: what the workflow reads as github.event."""
    workflow = """\
on: {repository_dispatch: {types: [deploy]}}
jobs:
  say:
    runs-on: ubuntu-latest
    steps:
      - run: echo "for $WHO"
        env: {WHO: "${{ github.event.client_payload.who }}"}
"""
    (developer.repo / ".github/workflows/say.yml").write_text(workflow)
    (developer.repo.parent / "event.json").write_text(json.dumps({"client_payload": {"who": "everybody"}}))
    developer.up("--config", "file:../infra/document.yaml")
    assert "for everybody" in developer.deployed("say.yml", "--event-file", "../event.json")


def test_ctrl_c_ends_the_run_and_keeps_the_aws(developer: Developer) -> None:
    """No process of the workflow stays; exit code 130; the next run finds everything."""
    workflow = "on: push\njobs: {wait: {runs-on: ubuntu-latest, steps: [run: echo it-waits; sleep 45678]}}\n"
    (developer.repo / ".github/workflows/wait.yml").write_text(workflow)
    developer.up("--config", "file:../infra/document.yaml")
    with subprocess.Popen(
        host.ecs_cd("local", "run", "wait.yml"),
        cwd=developer.repo,
        env={**os.environ, **developer.env},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert any("it-waits" in line for line in process.stdout)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode == 130
    assert not processes("sleep 45678")
    assert developer.aws is not None
