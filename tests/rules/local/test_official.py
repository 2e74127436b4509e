"""ecs_cd.local.official: what a workflow without a document names."""

from __future__ import annotations

from typing import Any

import pytest

from ecs_cd.document.rules.document import CodeDeploy, Document
from ecs_cd.local import official, plan, workflow
from ecs_cd.local.workflow import Workflow
from ecs_cd.model.errors import Refused
from ecs_cd.model.references import RegisteredTaskDefinition, WorkspaceFile
from tests.rules.local.workflows import read

ECR = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
DEPLOY = (
    "{uses: org/ecs-cd/deploy@v1, with: {task-definition: td.json, container-name: app, cluster: prod, service: web}}"
)
LOGIN = "{id: login, uses: aws-actions/amazon-ecr-login@v2}"


def named(text: str, variables: dict[str, str] | None = None) -> Document:
    return official.document(workflow.read("deploy.yml", text, variables))


def step(**given: str) -> str:
    pairs = ", ".join(f"{name.replace('_', '-')}: {value!r}" for name, value in given.items())
    return f"{{uses: org/ecs-cd/deploy@v1, with: {{{pairs}}}}}"


STARTER = f"""\
on: push
env: {{AWS_REGION: eu-west-1, ECR_REPOSITORY: team/my-app, ECS_SERVICE: web, ECS_CLUSTER: prod, CONTAINER_NAME: app}}
jobs:
  deploy:
    runs-on: ubuntu-latest
    steps:
      - uses: aws-actions/configure-aws-credentials@v6
        with: {{aws-region: "${{{{ env.AWS_REGION }}}}"}}
      - {LOGIN}
      - env: {{ECR_REGISTRY: "${{{{ steps.login.outputs.registry }}}}", IMAGE_TAG: "${{{{ github.sha }}}}"}}
        run: docker push $ECR_REGISTRY/$ECR_REPOSITORY:$IMAGE_TAG
      - uses: org/ecs-cd/deploy@v1
        with:
          task-definition: ./infra/td.json
          container-name: ${{{{ env.CONTAINER_NAME }}}}
          service: ${{{{ env.ECS_SERVICE }}}}
          cluster: ${{{{ env.ECS_CLUSTER }}}}
          image: ${{{{ steps.build.outputs.image }}}}
"""


def test_the_starter_workflow_of_aws_is_understood() -> None:
    """Every name stands in `env`; the repository's is in a variable of the shell."""
    found = named(STARTER)
    (service,) = found.services.values()
    assert (found.cluster, service.name, service.task_definition) == ("prod", "web", WorkspaceFile("infra/td.json"))
    assert service.containers == {"app": "app"}
    assert list(found.images) == ["team/my-app"]
    seen = workflow.read("deploy.yml", STARTER)
    assert plan.account_and_region(found, "", [seen], arns=["arn:aws:iam::210987654321:role/x"]) == (
        "210987654321",
        "eu-west-1",
    )


@pytest.mark.parametrize(
    ("steps", "services"),
    [
        (DEPLOY, {"web": ["app"]}),
        (f"{DEPLOY}, {step(task_definition='w.json', container_name='a, b', cluster='prod', service='worker')}", {"web": ["app"], "worker": ["a", "b"]}),
        (step(task_definition_family="web", service="web"), {"web": []}),
        (step(task_definition="td.json", service="arn:aws:ecs:eu-west-1:123456789012:service/prod/web"), {"web": []}),
        ("{uses: org/ecs-cd/deploy@v1, with: {config: /a/b, task-definition: td.json, service: web}}", None),
        ("{uses: org/ecs-cd@v1, with: {task-definition: td.json, service: web}}", None),
    ],
)  # fmt: skip
def test_services_are_those_of_the_deploy_steps(steps: str, services: dict[str, list[str]] | None) -> None:
    """A step with a document, and the whole pipeline, which needs one, are no such steps."""
    found = read(steps)
    assert bool(official.steps(found)) == (services is not None)
    if services is not None:
        assert {key: list(each.containers) for key, each in official.document(found).services.items()} == services


def test_a_matrix_names_each_of_its_services() -> None:
    """The matrix is in the file, so its values are known."""
    job = "strategy: {matrix: {service: [web, worker]}}"
    given = "{uses: org/ecs-cd/deploy@v1, with: {task-definition: '${{ matrix.service }}.json', service: '${{ matrix.service }}'}}"
    assert list(official.document(read(given, job=job)).services) == ["web", "worker"]


def test_without_a_service_the_containers_are_tasks() -> None:
    """`run-task` alone, say: the template gets local secrets and log groups, too."""
    found = official.document(read(step(task_definition="td.json", container_name="app, job")))
    assert (found.cluster, found.services) == ("default", {})
    assert [each.container for each in found.tasks] == ["app", "job"]


@pytest.mark.parametrize("used", ["aws-actions/amazon-ecs-render-task-definition@v1", "org/ecs-cd/deploy@v1"])
def test_a_rendered_file_is_the_one_that_was_rendered(used: str) -> None:
    """Through as many steps of the job as there are; a step that no file leads to stays an expression."""
    first = f"{{id: one, uses: {used}, with: {{task-definition: td.json, container-name: app}}}}"
    second = f"{{id: two, uses: {used}, with: {{task-definition: '${{{{ steps.one.outputs.task-definition }}}}', container-name: nginx}}}}"
    last = step(task_definition="${{ steps.two.outputs.task-definition }}", service="web")
    service = official.document(read(f"{first}, {second}, {last}")).services["web"]
    assert service.task_definition == WorkspaceFile("td.json")
    with pytest.raises(Refused, match=r"the job one has task-definition: \$\{\{ steps\.two"):
        official.document(read(last))


def test_steps_that_render_each_other_end() -> None:
    """A workflow like that fails on GitHub; here its expression isn't known."""
    steps = [
        f"{{id: {a}, uses: org/ecs-cd/deploy@v1, with: {{task-definition: '${{{{ steps.{b}.outputs.task-definition }}}}'}}}}"
        for a, b in ("xy", "yx")
    ]
    with pytest.raises(Refused, match="not known on this machine"):
        official.document(read(", ".join(steps)))


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"cluster": "${{ vars.CLUSTER }}"}, r"deploy.yml: the job one has cluster: \$\{\{ vars.CLUSTER \}\}, which is not known on this machine"),
        ({"service": "${{ secrets.SERVICE }}"}, r"the job one has service: \$\{\{ secrets.SERVICE \}\}"),
        ({"task_definition": "${{ github.workspace }}/td.json"}, r"the job one has task-definition: "),
    ],
)  # fmt: skip
def test_a_name_that_only_github_knows_is_refused(given: dict[str, str], problem: str) -> None:
    """With its place, and how to give a variable."""
    with pytest.raises(Refused, match=problem) as refused:
        official.document(read(step(**{"task_definition": "td.json", "service": "web", **given})))
    assert "--var NAME=VALUE" in refused.value.remedy


def test_a_variable_that_is_given_is_known() -> None:
    """`up --var CLUSTER=prod`."""
    text = f"on: push\njobs: {{one: {{steps: [{step(task_definition='td.json', cluster='${{ vars.CLUSTER }}')}]}}}}"
    assert named(text, {"CLUSTER": "prod"}).cluster == "prod"


def test_several_clusters_are_refused() -> None:
    """A local AWS has one; a workflow can be named."""
    steps = f"{DEPLOY}, {step(task_definition='td.json', cluster='staging', service='web')}"
    with pytest.raises(Refused, match=r"deploy.yml names several clusters: prod, staging") as refused:
        official.document(read(steps))
    assert "ecs-cd local up WORKFLOW" in refused.value.remedy


def files(*on: str, steps: str = DEPLOY) -> list[Workflow]:
    return [read(steps, on=each, file=f"{number}.yml") for number, each in enumerate(on)]


@pytest.mark.parametrize(
    ("workflows", "chosen"),
    [
        (files("push"), "0.yml"),
        (files("workflow_dispatch"), "0.yml"),
        (files("workflow_dispatch", "push"), "1.yml"),
        (files("push", steps=""), None),
        ([*files("push"), read("{uses: org/ecs-cd@v1, with: {config: /a/b}}")], None),
    ],
)
def test_one_workflow_takes_the_documents_place(workflows: list[Workflow], chosen: str | None) -> None:
    """If no workflow names a document: the only one, or the one that a push starts."""
    found = official.without_document(workflows)
    assert (found.file if found else None) == chosen


def test_of_two_workflows_one_has_to_be_named() -> None:
    """Both start on a push."""
    with pytest.raises(Refused, match=r"Several deploy without a document: 0.yml, 1.yml") as refused:
        official.without_document(files("push", "push"))
    assert refused.value.remedy == "Name one: ecs-cd local up WORKFLOW"


@pytest.mark.parametrize(
    ("other", "repositories"),
    [
        ("{uses: docker/build-push-action@v6, with: {tags: '${{ steps.login.outputs.registry }}/team/app:${{ github.sha }}'}}", ["team/app"]),
        ("{uses: docker/metadata-action@v5, with: {images: '${{ env.REGISTRY }}/one'}}", ["one"]),
        ("{run: 'docker push ${REGISTRY}/one:latest'}", ["one"]),
        (f"{{run: 'docker push {ECR}/one:latest'}}", ["one"]),
        ("{run: 'make push', env: {ECR_REPO: one, REPOSITORY: two, OTHER: three}}", ["one", "two"]),
        ("{run: 'docker push $REGISTRY/$NAME'}", []),
    ],
)  # fmt: skip
def test_repositories_are_found_where_they_are_written(other: str, repositories: list[str]) -> None:
    """In tags, commands and variables."""
    assert list(official.document(read(f"{LOGIN}, {other}, {DEPLOY}")).images) == repositories


def test_the_repositories_of_the_containers_exist_too() -> None:
    """Of those that the steps give an image, not of a sidecar; the host says account and region."""
    images = {"app": f"{ECR}/mine:old", "sidecar": f"{ECR}/theirs:1"}
    definition: dict[str, Any] = {
        "containerDefinitions": [{"name": name, "image": image} for name, image in images.items()]
    }
    found = official.with_images(official.document(read(DEPLOY)), [definition])
    assert list(found.images) == ["mine"]
    assert plan.account_and_region(found, "", []) == ("123456789012", "eu-west-1")


def test_a_step_with_inputs_of_codedeploy_is_one() -> None:
    """So `up` says that it is deployed with a rolling update here."""
    service = official.document(
        read(step(task_definition="td.json", service="web", codedeploy_appspec="appspec.yml"))
    ).services["web"]
    assert service.codedeploy != CodeDeploy()


def test_a_family_is_a_task_definition() -> None:
    """Of AWS or of --templates, as in a document."""
    found = official.document(
        read(step(task_definition_arn="arn:aws:ecs:eu-west-1:123456789012:task-definition/web:3", service="web"))
    )
    assert found.services["web"].task_definition == RegisteredTaskDefinition(
        "arn:aws:ecs:eu-west-1:123456789012:task-definition/web:3"
    )


PUSH = "{uses: docker/build-push-action@v6, with: {push: true, tags: 'TAG'}}"


@pytest.mark.parametrize(
    ("steps", "refused"),
    [
        (PUSH.replace("TAG", f"{ECR}/app:1"), True),
        (PUSH.replace("TAG", "${{ vars.ACCOUNT }}.dkr.ecr.eu-west-1.amazonaws.com/app:1"), True),
        (PUSH.replace("TAG", "${{ steps.login.outputs.registry }}/app:1"), False),
        (f"{{run: 'docker push {ECR}/app:1'}}", True),
        (f"{{run: 'docker push $REGISTRY/app:1', env: {{REGISTRY: {ECR}}}}}", True),
        (f"{{run: 'docker buildx build --push -t $REGISTRY/app .', env: {{REGISTRY: {ECR}}}}}", True),
        (f"{{run: 'docker pull {ECR}/base:1'}}", False),
        (f"{{run: 'docker push ghcr.io/org/app:1', env: {{BASE: {ECR}}}}}", False),
    ],
)  # fmt: skip
def test_a_push_to_an_account_is_refused(steps: str, refused: bool) -> None:
    """A local run changes nothing there; what the login of a local run outputs is no such registry."""
    found = official.pushes_to_ecr(read(f"{LOGIN}, {steps}"), None)
    assert bool(found) == refused
    assert official.pushes_to_ecr(read(steps), "other") == []
