"""Shell scripts of steps: what they build, register, run and deploy."""

from __future__ import annotations

from typing import Any

import pytest

from ecs_cd.init.rules.facts import Build, Deployment, Task
from ecs_cd.init.rules.images import registry
from ecs_cd.init.rules.programs import run
from ecs_cd.init.rules.scope import Scope
from ecs_cd.init.rules.script import Run
from ecs_cd.init.rules.values import shown, unknown
from tests.rules.init.repositories import snapshot

TEMPLATE = '{"family": "web", "containerDefinitions": [{"name": "app", "image": "x"}]}'
REPOSITORY = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/my-app"
FILES = {"td.json": TEMPLATE, "deploy.sh": 'aws ecs update-service --cluster "$1" --service "${2:-web}"\n'}


def follow(script: str, **variables: str) -> Run:
    """The script as a step of a job."""
    scope = Scope(snapshot(FILES), "w.yml", {"ref": "refs/heads/main", "sha": unknown("github.sha")})
    found = Run(scope, "w.yml", 10, variables, run)
    found.follow(script)
    return found


def facts(script: str, kind: type[Any], **variables: str) -> list[Any]:
    return [fact for fact in follow(script, **variables).scope.facts if isinstance(fact, kind)]


BUILDS: list[tuple[str, dict[str, Any]]] = [
    ("docker build -t $REPO:1 .", {"tags": (f"{REPOSITORY}:1",), "context": "."}),
    ("docker build . --tag=$REPO:1 --file docker/Dockerfile", {"file": "docker/Dockerfile"}),
    ("docker buildx build --push --platform linux/amd64,linux/arm64 -t ${REPO} app", {"context": "app", "platforms": ("linux/amd64", "linux/arm64")}),
    ("cd api && docker build --target prod --build-arg A=1 --build-arg B .", {"context": "api", "target": "prod", "arguments": ("A=1", "B=b")}),
    ("docker build \\\n  -t x \\\n  --cache-from type=gha \\\n  .", {"cache": "gha"}),
    ("docker build -t x .\ndocker tag x:latest $REPO:1\ndocker push $REPO:1", {"tags": ("x", f"{REPOSITORY}:1")}),
    ("docker build --secret id=npm,src=.npmrc --secret id=a,env=B -t x .", {"secret_files": (("npm", ".npmrc"),), "secret_envs": (("a", "B"),)}),
    ("sudo DOCKER_BUILDKIT=1 docker build -t x .", {"tags": ("x",)}),
    ("if true; then docker build -t x .; fi", {"tags": ("x",)}),
    ('(docker build -t "$(echo x)" .)', {"tags": ("x",)}),
]  # fmt: skip


@pytest.mark.parametrize(("script", "expected"), BUILDS)
def test_builds(script: str, expected: dict[str, Any]) -> None:
    """docker build in the forms that people write, with variables."""
    (found,) = facts(script, Build, REPO=REPOSITORY, B="b")
    assert {name: getattr(found, name) for name in expected} == expected


COMPOSE = "services:\n  web:\n    build: {context: web, dockerfile: Dockerfile.prod}\n    image: ${REPO}:1\n  db: {image: postgres}\n"


@pytest.mark.parametrize(
    "script", ["docker compose build", "docker compose -f compose.yaml build web", "docker buildx bake --push"]
)
def test_builds_of_a_compose_file(script: str) -> None:
    """Its services with a build and an image."""
    scope = Scope(snapshot({"compose.yaml": COMPOSE}), "w.yml", {}, env={"REPO": REPOSITORY})
    Run(scope, "w.yml", 1, {}, run).follow(script)
    (found,) = (fact for fact in scope.facts if isinstance(fact, Build))
    assert (found.tags, found.context, found.file) == ((f"{REPOSITORY}:1",), "web", "web/Dockerfile.prod")


UPDATE = "aws ecs update-service --cluster c --service s"
TEMPLATES = [
    (f"{UPDATE} --task-definition web", "family", "web"),
    (f"{UPDATE} --task-definition web:$REVISION", "family", "web"),
    (f"{UPDATE} --force-new-deployment", "service", "s"),
    (f"aws --region us-east-1 {UPDATE[4:]}", "service", "s"),
    (f"TD=$(aws ecs describe-task-definition --task-definition web)\n{UPDATE} --task-definition $TD", "family", "web"),
    (
        "TD=`aws ecs describe-task-definition --task-definition web`\n"
        "NEW=$(echo $TD | jq --arg I $REPO:1 '.containerDefinitions[0].image = $I | del(.revision)')\n"
        'ARN=$(aws ecs register-task-definition --cli-input-json "$NEW" | jq -r .taskDefinition.taskDefinitionArn)\n'
        f"{UPDATE} --task-definition ${{ARN}}",
        "family",
        "web",
    ),
    (
        "sed -i 's|x|y|' td.json\naws ecs register-task-definition --cli-input-json file://td.json > out.json\n"
        f"{UPDATE} --task-definition $(jq -r .taskDefinition.taskDefinitionArn out.json)",
        "file",
        "td.json",
    ),
    (
        "envsubst < td.json > /tmp/new.json\n"
        f"{UPDATE} --task-definition $(aws ecs register-task-definition --cli-input-json file:///tmp/new.json)",
        "file",
        "td.json",
    ),
    (
        f"ARN=$(aws ecs list-task-definitions --family-prefix web | tail -1)\n{UPDATE} --task-definition $ARN",
        "family",
        "web",
    ),
]


@pytest.mark.parametrize(("script", "kind", "name"), TEMPLATES)
def test_where_a_task_definition_comes_from(script: str, kind: str, name: str) -> None:
    """Through variables, pipes, files and programs, to its start."""
    (found,) = facts(script, Deployment, REPO=REPOSITORY)
    assert (found.cluster.text, found.service.text) == ("c", "s")
    assert (found.template.origin.kind, found.template.origin.name.text) == (kind, name)


def test_an_image_that_a_filter_puts_in() -> None:
    """With the container that the filter selects."""
    script = (
        "aws ecs describe-task-definition --task-definition web | jq --arg I $REPO:1 "
        "'(.containerDefinitions[] | select(.name == \"app\") | .image) = $I' > new.json\n"
        f"{UPDATE} --task-definition $(aws ecs register-task-definition --cli-input-json file://new.json)"
    )
    (found,) = facts(script, Deployment, REPO=REPOSITORY)
    assert [(step.containers, step.image.text) for step in found.template.steps] == [(("app",), f"{REPOSITORY}:1")]


OVERRIDES = [
    ("--overrides '{\"containerOverrides\": [{\"name\": \"app\", \"command\": [\"a\", \"b c\"]}]}'", ("a", "b c")),
    ("--overrides 'containerOverrides=[{name=app,command=[a,b]}]'", ("a", "b")),
    ("--overrides \"{\\\"containerOverrides\\\":[{\\\"name\\\":\\\"app\\\",\\\"command\\\":[\\\"a\\\"]}]}\"", ("a",)),
]  # fmt: skip


@pytest.mark.parametrize(("overrides", "command"), OVERRIDES)
def test_single_tasks(overrides: str, command: tuple[str, ...]) -> None:
    """`aws ecs run-task` with its container and command, in JSON and the CLI's shorthand."""
    (found,) = facts(f"aws ecs run-task --cluster c --task-definition web {overrides}", Task)
    assert (found.container, found.command, found.template.name.text) == ("app", command, "web")


def test_a_loop_runs_for_each_item() -> None:
    """Also over a variable."""
    script = f'SERVICES="api worker"\nfor s in $SERVICES; do\n  {UPDATE} --service "$s"\ndone'
    assert [found.service.text for found in facts(script, Deployment)] == ["api", "worker"]


CHOICES = [
    ('if [ "$GITHUB_REF" = "refs/heads/main" ]; then C=prod; else C=dev; fi', "prod"),
    ('if [[ "$GITHUB_REF" == "refs/heads/dev" ]]; then C=dev; elif [ -n "$X" ]; then C=x; else C=y; fi', "x"),
    ('C=dev\nif [ "$UNKNOWN" = "a" ]; then C=prod; fi', "${{ the variable C }}"),
    ("C=${D:-fallback}", "fallback"),
    ("C=$(cat unknown.txt)", "${{ the file unknown.txt }}"),
    ("C=a#b # c", "a#b"),
    ("C='a'\"$X\"b", "axb"),
]


@pytest.mark.parametrize(("script", "cluster"), CHOICES)
def test_values_of_variables(script: str, cluster: str) -> None:
    """Conditions that are known choose; others leave the value unknown."""
    (found,) = facts(f'{script}\naws ecs update-service --cluster "$C" --service s', Deployment, X="x")
    assert shown(found.cluster.text) == cluster


OUTPUTS = [
    'echo "image=a:1" >> $GITHUB_OUTPUT',
    'echo "::set-output name=image::a:1"',
    'printf "image=%s\\n" a:1 >> "$GITHUB_OUTPUT"',
    '{\n  echo "x=y"\n  echo "image=a:1"\n} >> "$GITHUB_OUTPUT"',
    "cat <<EOF >> $GITHUB_OUTPUT\nimage=a:1\nEOF",
    'echo "image<<X" >> $GITHUB_OUTPUT\necho "image=a:1" | tee -a $GITHUB_OUTPUT',
]


@pytest.mark.parametrize("script", OUTPUTS)
def test_outputs(script: str) -> None:
    """In each form."""
    assert follow(script).outputs["image"] == "a:1"


def test_variables_for_later_steps() -> None:
    """$GITHUB_ENV."""
    assert follow('echo "IMAGE=a:1" >> "${GITHUB_ENV}"').exported == {"IMAGE": "a:1"}


def test_scripts_of_the_repository_are_followed() -> None:
    """With their arguments, and the place in the file."""
    for script in ("./deploy.sh prod", "bash deploy.sh prod web", "sh ./deploy.sh prod"):
        (found,) = facts(script, Deployment)
        assert (found.cluster.text, found.service.text, found.place) == ("prod", "web", "deploy.sh:1")


def test_unknown_parts_are_not_syntax() -> None:
    """The name of what is unknown may have quotes and blanks."""
    (found,) = facts(f"docker build -t {registry()}/a:{unknown('x == ' + chr(39) + 'y' + chr(39))} .", Build)
    assert len(found.tags) == 1
    assert found.context == "."


def test_other_commands_are_named() -> None:
    """Those that do something else; not those that only look or prepare."""
    script = (
        "set -e\nls -la\nnpm ci\naws s3 sync . s3://b\naws ecs describe-tasks --tasks x\ngit fetch\npip install awscli"
    )
    assert follow(script).others == [("w.yml:12", "npm ci"), ("w.yml:13", "aws s3 sync")]


@pytest.mark.parametrize(
    "script",
    ["$(", "`", "'", '"', "${", "$((1", "<<EOF", "cat <<EOF\n${x", "for", "for x", "done", "fi", "esac", "} >> $GITHUB_OUTPUT",
     "((", "))", "a=$(b=$(c=$(d", "\\", "case x in\na) b;;", "while :; do x", "echo ${!x} ${x//a/b} ${#x}", ">", "|", "x >&2 2>&1"],
)  # fmt: skip
def test_odd_scripts_do_no_harm(script: str) -> None:
    """They are read as far as possible."""
    follow(script)
