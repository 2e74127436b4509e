"""`ecs-cd init` on shapes of workflows that appear now and then: each test has one shape in a small workflow."""

from __future__ import annotations

import json
from textwrap import dedent, indent
from typing import Any

import pytest
import yaml

from ecs_cd.document.rules import document
from ecs_cd.document.rules.document import Document
from ecs_cd.init.rules.messages import report
from ecs_cd.init.rules.result import Result, make
from ecs_cd.init.rules.scope import Snapshot
from ecs_cd.model import owner
from ecs_cd.model.references import ServiceRevision

WORKFLOW = ".github/workflows/deploy.yml"
REPOSITORY = "210987654321.dkr.ecr.eu-west-1.amazonaws.com/bakery"
BUILD = f"- run: docker build -t {REPOSITORY}:1 . && docker push {REPOSITORY}:1"
UPDATE = "- run: aws ecs update-service --cluster oven --service bakery --force-new-deployment"
SIGN_IN = "- uses: aws-actions/configure-aws-credentials@v6\n  with: {aws-region: eu-west-1}"
HEAD = "on: {push: {branches: [main]}}\n"


def workflow(*steps: str, head: str = HEAD, job: str = "") -> str:
    """A workflow with these steps in one job."""
    body = indent("\n".join(["- uses: actions/checkout@v5", SIGN_IN, *(dedent(step) for step in steps)]), " " * 6)
    return f"{head}jobs:\n  ship:\n    runs-on: ubuntu-latest\n{indent(job, ' ' * 4)}    steps:\n{body}\n"


def init(text: str, branch: str = "main", **files: str) -> Result:
    """What init makes of a repository with this workflow and a Dockerfile."""
    contents = {WORKFLOW: text, "Dockerfile": "", **files}
    return make(Snapshot("bakery", frozenset(contents), contents, branch))


def steps(result: Result) -> list[str]:
    """The new job's steps without the checkout."""
    content: dict[str, Any] = yaml.safe_load(result.files[".github/workflows/ecs-cd.yml"])
    return [step.get("run", step.get("uses", "")) for step in content["jobs"]["ship"]["steps"][1:]]


def written(result: Result) -> Document:
    """The only document."""
    (path,) = [path for path, _ in result.documents]
    return document.load(result.files[path], where=path)


def said(result: Result) -> str:
    return "\n".join(report(result, dry=True))


OWN = f"{owner.ACTION}@v1"
CARRIED = [
    "chmod +x ./gradlew",
    "./gradlew build",
    "./node_modules/.bin/webpack",
    "python3.12 -m compileall src",
    "mkdir -p build/config",
    "touch .env",
    'echo "${{ secrets.SETTINGS }}" > src/main/resources/application.yml',
    'echo "${{ secrets.KEY }}" > keys/${{ vars.FILE }}',
    "printf 'A=1\\n' | tee .env",
    "cp .env.production .env",
    "rm -rf fixtures",
    "sed -i 's/debug/release/' settings.ini",
    "git submodule update --init",
]


@pytest.mark.parametrize("script", CARRIED)
def test_what_changes_files_before_the_build_stays(script: str) -> None:
    """The image may hold these files: a step of its own, or the first lines of the step that builds."""
    assert steps(init(workflow(f"- run: {json.dumps(script)}", BUILD, UPDATE))) == [script, OWN]
    together = f"- run: |\n    {script}\n    {BUILD.removeprefix('- run: ')}"
    assert [step.strip() for step in steps(init(workflow(together, UPDATE)))] == [script, OWN]


@pytest.mark.parametrize(
    "script",
    ["cat Dockerfile", "pwd", "echo hello", "git rev-parse HEAD", "ls > /dev/null", "echo a >> $GITHUB_STEP_SUMMARY"],
)
def test_what_only_shows_something_goes(script: str) -> None:
    """It changes nothing that a build reads."""
    assert steps(init(workflow(f"- run: {script}", BUILD, UPDATE))) == [OWN]


def test_a_checkout_of_another_repository_stays() -> None:
    """Later steps, and the build, use its files."""
    other = "- uses: actions/checkout@v5\n  with: {repository: bakery/flour, path: flour}"
    assert steps(init(workflow(other, BUILD, UPDATE))) == ["actions/checkout@v5", OWN]


def test_a_way_back_after_a_failure_goes() -> None:
    """ecs-cd goes back itself, and its credentials are only for its own step."""
    back = "- if: failure()\n  run: aws ecs update-service --cluster oven --service bakery --task-definition bakery:1"
    result = init(workflow(BUILD, UPDATE, back))
    assert steps(result) == [OWN]
    assert "it calls AWS" in said(result)


@pytest.mark.parametrize("place", ["$GITHUB_WORKSPACE", "${{ github.workspace }}", "$PWD", "$(pwd)"])
def test_paths_in_the_workspace(place: str) -> None:
    """Of the Dockerfile, and of what a step describes into a file."""
    build = f"- run: docker build -t {REPOSITORY}:1 -f {place}/docker/web.Dockerfile {place}/web"
    describe = f"""\
    - id: now
      run: |
        aws ecs describe-task-definition --task-definition bakery-web --query taskDefinition > now.json
        echo "file={place}/now.json" >> $GITHUB_OUTPUT
    """
    deploy = f"""\
    - id: new
      uses: aws-actions/amazon-ecs-render-task-definition@v1
      with: {{task-definition: "${{{{ steps.now.outputs.file }}}}", container-name: web, image: "{REPOSITORY}:1"}}
    - uses: aws-actions/amazon-ecs-deploy-task-definition@v2
      with: {{task-definition: "${{{{ steps.new.outputs.task-definition }}}}", cluster: oven, service: bakery}}
    """
    result = init(workflow(build, describe, deploy), **{"docker/web.Dockerfile": ""})
    app = yaml.safe_load(result.files[".github/ecs-cd.yml"])["images"]["app"]
    assert app == {"context": "web", "file": "docker/web.Dockerfile"}
    assert str(written(result).services["bakery"].task_definition) == "bakery-web"


def test_the_git_context_of_buildx() -> None:
    """A folder of it is a folder of the checkout, and has the Dockerfile."""
    build = f"- uses: docker/build-push-action@v7\n  with: {{context: '{{{{defaultContext}}}}:web', file: prod.Dockerfile, tags: '{REPOSITORY}:1'}}"
    result = init(workflow(build, UPDATE), **{"web/prod.Dockerfile": ""})
    assert yaml.safe_load(result.files[".github/ecs-cd.yml"])["images"]["app"] == {
        "context": "web",
        "file": "web/prod.Dockerfile",
    }


def test_the_placeholders_of_the_starter_workflow() -> None:
    """They are no names: each is a TODO with the placeholder, and $default-branch is the branch."""
    names = ("AWS_REGION", "ECR_REPOSITORY", "ECS_SERVICE", "ECS_CLUSTER", "ECS_TASK_DEFINITION", "CONTAINER_NAME")
    head = "on: {push: {branches: [ $default-branch ]}}\nenv:\n" + "".join(f"  {name}: MY_{name}\n" for name in names)
    deploy = """\
    - id: login
      uses: aws-actions/amazon-ecr-login@v2
    - run: docker build -t ${{ steps.login.outputs.registry }}/$ECR_REPOSITORY:1 .
    - id: new
      uses: aws-actions/amazon-ecs-render-task-definition@v1
      with:
        task-definition: ${{ env.ECS_TASK_DEFINITION }}
        container-name: ${{ env.CONTAINER_NAME }}
        image: ${{ steps.login.outputs.registry }}/${{ env.ECR_REPOSITORY }}:1
    - uses: aws-actions/amazon-ecs-deploy-task-definition@v2
      with:
        task-definition: ${{ steps.new.outputs.task-definition }}
        service: ${{ env.ECS_SERVICE }}
        cluster: ${{ env.ECS_CLUSTER }}
    """
    result = init(workflow(deploy, head=head).replace("eu-west-1", "'${{ env.AWS_REGION }}'"), branch="trunk")
    unknown = "\n".join(what for _, what in result.unknown)
    assert [name for name in names if f"MY_{name}" not in unknown] == []
    assert "MY_" not in "".join(line for line in result.files["ecs-cd-infra/production.yml"].split("# TODO")[0])
    assert "branches:\n      - trunk" in result.files[".github/workflows/ecs-cd.yml"]


def test_a_service_of_express_mode() -> None:
    """Its template is what it runs, its container is Main; what else the step sets belongs to the infra repository."""
    deploy = f"""\
    - uses: aws-actions/amazon-ecs-deploy-express-service@v1
      with:
        service-name: bakery
        image: {REPOSITORY}:${{{{ github.sha }}}}
        execution-role-arn: arn:aws:iam::123456789012:role/execution
        infrastructure-role-arn: arn:aws:iam::123456789012:role/infrastructure
        min-task-count: 2
    """
    result = init(workflow(BUILD, deploy))
    found = written(result)
    service = found.services["bakery"]
    assert (found.cluster, list(service.containers)) == ("default", ["Main"])
    assert service.task_definition == ServiceRevision("bakery")
    assert "min-task-count of the Express Mode step" in said(result)


EXPRESS_ARN = "arn:aws:ecs:eu-west-1:210987654321:service/oven/bakery"


@pytest.mark.parametrize("given", ['\'{"image": "IMAGE"}\'', "image=IMAGE,containerPort=80"])
def test_a_service_of_express_mode_that_the_cli_updates(given: str) -> None:
    """The ARN has its names, and the container its image."""
    container = given.replace("IMAGE", f"{REPOSITORY}:1")
    look = "aws ecs monitor-express-gateway-service --service-arn $ARN"
    update = f"aws ecs update-express-gateway-service --service-arn $ARN --primary-container {container}"
    found = written(init(workflow(BUILD, f"- run: |\n    ARN={EXPRESS_ARN}\n    {update}\n    {look}")))
    service = found.services["bakery"]
    assert (found.cluster, list(service.containers)) == ("oven", ["Main"])
    assert service.task_definition == ServiceRevision("bakery")


def test_a_template_that_is_not_in_the_repository() -> None:
    """The TODO names it."""
    deploy = "- uses: aws-actions/amazon-ecs-deploy-task-definition@v2\n  with: {task-definition: made/td.json, service: bakery, cluster: oven}"
    assert "made/td.json is not in the repository" in said(init(workflow(BUILD, deploy)))


SUBSTITUTIONS = [
    ("sed -i 's/{{ID}}/${{ secrets.AWS_ACCOUNT_ID }}/g' infra/ecs/td.json", ["{{ID}}"]),
    ("sed -i -e 's/{{ID}}/1/' -e 's/{{ENV}}/live/' infra/ecs/td.json", ["{{ID}}", "{{ENV}}"]),
    ("sed -i 's/{{ID}}/1/; s/{{ENV}}/live/' infra/ecs/td.json", ["{{ID}}", "{{ENV}}"]),
    ("sed -i s/nothing/x/ infra/ecs/td.json", []),
]


@pytest.mark.parametrize(("script", "expected"), SUBSTITUTIONS)
def test_placeholders_that_sed_fills_in(script: str, expected: list[str]) -> None:
    """Each is named, also several of one command; a folder of the path, or a secret, is none."""
    template = '{"family": "bakery-{{ENV}}", "executionRoleArn": "arn:aws:iam::{{ID}}:role/ecs", "containerDefinitions": [{"name": "web", "image": "x"}]}'
    deploy = "- uses: aws-actions/amazon-ecs-deploy-task-definition@v2\n  with: {task-definition: infra/ecs/td.json, service: bakery, cluster: oven}"
    result = init(workflow(BUILD, f"- run: {script!r}", deploy), **{"infra/ecs/td.json": template})
    found = [what.split("`")[1] for _, what in result.unknown if "only .github" in what]
    assert found == expected


def test_names_that_a_step_looks_up() -> None:
    """The ARN of a cluster or a service is what the step asked for."""
    look = """\
    - run: |
        C=$(aws ecs describe-clusters --clusters oven --query 'clusters[0].clusterArn' --output text)
        S=$(aws ecs describe-services --cluster oven --services bakery --query 'services[0].serviceArn' --output text)
        aws ecs update-service --cluster "$C" --service "$S" --force-new-deployment
    """
    found = written(init(workflow(BUILD, look)))
    assert (found.cluster, list(found.services)) == ("oven", ["bakery"])


def test_jobs_that_build_and_deploy_a_service_each() -> None:
    """The service runs the image of its own job."""
    text = HEAD + "jobs:\n"
    for name in ("bread", "cake"):
        build = f"docker build -t {REPOSITORY}-{name}:1 {name}"
        update = f"aws ecs update-service --cluster oven --service {name} --force-new-deployment"
        text += f"  {name}:\n    runs-on: ubuntu-latest\n    steps:\n{indent(SIGN_IN, ' ' * 6)}\n      - run: {build}\n      - run: {update}\n"
    result = init(text, **{"bread/Dockerfile": "", "cake/Dockerfile": ""})
    services = written(result).services
    assert {name: list(each.containers.values()) for name, each in services.items()} == {
        "bread": ["bread"],
        "cake": ["cake"],
    }


# ---- what is said ----


def test_defaults_of_variables_are_said() -> None:
    """`vars.X || 'name'`: GitHub may have another value."""
    update = (
        "- run: aws ecs update-service --cluster ${{ vars.CLUSTER || 'oven' }} --service bakery --force-new-deployment"
    )
    assert f"{WORKFLOW}:10: oven, the default of vars.CLUSTER; if GitHub has a value, write that" in said(
        init(workflow(BUILD, update))
    )


def test_inputs_of_manual_runs() -> None:
    """The default of one decides where the new workflow deploys; one that only chose an image changes nothing now."""
    head = "on: {workflow_dispatch: {inputs: {place: {default: oven}, tag: {required: true}}}}\n"
    update = "- run: aws ecs update-service --cluster ${{ inputs.place }} --service bakery --force-new-deployment"
    build = f"- run: docker build -t {REPOSITORY}:1 . # ${{{{ inputs.tag }}}}"
    lines = said(init(workflow(build, update, head=head)))
    assert f"{WORKFLOW}:1: oven, the default of inputs.place; the new workflow deploys only there" in lines
    assert f"{WORKFLOW}:1: the input tag: it changes nothing in the new jobs" in lines


def test_a_workflow_that_undoes_deployments_is_named() -> None:
    """`ecs-cd rollback` takes its place; if it is the only one that deploys, it is read."""
    back = workflow(UPDATE)
    lines = said(init(workflow(BUILD, UPDATE), **{".github/workflows/rollback.yml": back}))
    assert ".github/workflows/rollback.yml:1: this workflow: by its name it undoes deployments" in lines
    alone = make(
        Snapshot("bakery", frozenset(["x"]), {".github/workflows/deploy-or-rollback.yml": workflow(BUILD, UPDATE)})
    )
    assert alone.old == [".github/workflows/deploy-or-rollback.yml"]


TRUST = [
    (HEAD, "environment: live\n", " --environment live"),
    (HEAD, "environment: {name: the oven}\n", " --environment 'the oven'"),
    (HEAD, "environment: ${{ inputs.x }}\n", " --environment NAME"),
    (HEAD, "", ""),
    ("on: {push: {branches: [trunk]}}\n", "", " --branch trunk"),
    ("on: {push: {branches: [main, '!x', 'v*']}}\n", "", " --branch main --branch 'v*'"),
    ("on: workflow_dispatch\n", "", " --branch master"),
    ("on: {push: {tags: ['v*']}}\n", "", "   # and an environment for the job: the policy has no flag for tags"),
]


@pytest.mark.parametrize(("head", "job", "flags"), TRUST)
def test_the_role_trusts_the_new_job(head: str, job: str, flags: str) -> None:
    """The command of iam has the job's environment, or else its branches."""
    lines = said(init(workflow(BUILD, UPDATE, head=head, job=job), branch="master")).splitlines()
    (line,) = [line for line in lines if "ecs-cd iam --config" in line]
    assert line.partition(".yml")[2] == flags


def test_the_owner_of_the_action_is_said() -> None:
    """As long as no copy has one."""
    assert (
        f"instead of {owner.OWNER} in {owner.ACTION}" in said(init(workflow(BUILD, UPDATE)))
    ) is owner.is_placeholder()
