"""The official actions, and what each of them does: facts and outputs."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from ecs_cd.init.rules import bake, docker
from ecs_cd.init.rules.aws import overridden
from ecs_cd.init.rules.facts import Build, Checkout, CodeDeploy, Deployment, Setup, SignIn, Task, Template
from ecs_cd.init.rules.images import registry
from ecs_cd.init.rules.scope import WORKSPACE, Scope
from ecs_cd.init.rules.values import Value, is_known, is_portable, shown, unknown
from ecs_cd.init.rules.versions import supported


class Inputs:
    """The evaluated ``with`` of a step."""

    def __init__(self, given: Mapping[str, str], lines: Mapping[str, int], file: str, line: int) -> None:
        self.given = {name.lower(): text for name, text in given.items()}
        self.places = {name.lower(): f"{file}:{number}" for name, number in lines.items()}
        self.place = f"{file}:{line}"

    def text(self, name: str, default: str = "") -> str:
        """An input without surrounding blanks."""
        return self.given.get(name, "").strip() or default

    def value(self, name: str) -> Value:
        """An input with its place."""
        return Value(self.text(name), self.places.get(name, self.place))

    def lines(self, name: str) -> tuple[str, ...]:
        """The lines of an input, without empty ones."""
        return tuple(line.strip() for line in self.given.get(name, "").splitlines() if line.strip())

    def items(self, name: str) -> tuple[str, ...]:
        """The entries of an input, one per line or separated by commas."""
        return tuple(item.strip() for line in self.lines(name) for item in line.split(",") if item.strip())


Outputs = dict[str, str]


def _checkout(scope: Scope, given: Inputs) -> Outputs:
    names = ("ref", "submodules", "lfs", "fetch-depth", "token", "ssh-key")
    if given.text("path"):
        scope.stay(given.place, "actions/checkout", "it checks out into a folder")
        return {}
    kept = {name: shown(given.text(name)) for name in names if given.text(name) and is_portable(given.text(name))}
    scope.facts.append(Checkout(kept))
    return {}


def _credentials(scope: Scope, given: Inputs) -> Outputs:
    region = given.value("aws-region")
    if region.text:
        scope.region = region
        scope.env |= {"AWS_REGION": region.text, "AWS_DEFAULT_REGION": region.text}
    static = shown(given.text("aws-access-key-id"))
    scope.facts.append(SignIn(given.place, given.value("role-to-assume"), region, static))
    return {"aws-account-id": unknown("the registry's account id")}


def _login(scope: Scope, given: Inputs) -> Outputs:
    if given.text("registry-type") == "public":
        return {"registry": "public.ecr.aws"}
    account = given.text("registries").partition(",")[0].strip()
    if re.fullmatch(r"\d{12}", account) and scope.region.known:
        return {"registry": f"{account}.dkr.ecr.{scope.region.text}.amazonaws.com"}
    return {"registry": registry()}


def _docker_login(scope: Scope, given: Inputs) -> Outputs:
    if ".dkr.ecr." in given.text("registry") or given.text("registry") == "public.ecr.aws":
        return {}  # ecs-cd signs in to ECR itself
    return _setup(supported("docker/login-action"))(scope, given)


def _setup(uses: str) -> Callable[[Scope, Inputs], Outputs]:
    def handler(scope: Scope, given: Inputs) -> Outputs:
        if all(map(is_portable, given.given.values())):
            kept = {name: shown(text) for name, text in given.given.items() if text.strip()}
            scope.facts.append(Setup(uses, kept, given.place))
        else:
            scope.stay(given.place, uses, "its inputs come from other steps")
        return {}

    return handler


def _metadata(scope: Scope, given: Inputs) -> Outputs:
    images = [re.sub(r"^name=|,enable=.*$", "", line) for line in given.lines("images")]
    tags = [_tag(line) for line in given.lines("tags")] or ["\ue000the commit's tag\ue001"]
    names = [f"{image}:{tag}" for image in images for tag in tags]
    return {"tags": "\n".join(names), "labels": "", "version": tags[0], "json": unknown("docker/metadata-action")}


def _tag(line: str) -> str:
    fields = dict(field.partition("=")[::2] for field in line.split(","))
    if fields.get("type", "raw") == "raw" and (fields.get("value") or "=" not in line):
        return fields.get("value") or line
    return unknown("the commit's tag")


_OF_GIT = "{{defaultContext}}"


def _build(scope: Scope, given: Inputs) -> Outputs:
    context, file = given.text("context", "."), given.text("file")
    if context.startswith(_OF_GIT):  # of buildx: the commit on GitHub, perhaps a folder of it, which has the Dockerfile
        context = context.removeprefix(_OF_GIT).lstrip(":") or "."
        file = f"{context}/{file}" if file else ""
    build = Build(
        place=given.place,
        tags=given.items("tags"),
        context=_path(scope, context),
        file=_path(scope, file),
        target=given.text("target"),
        arguments=given.lines("build-args"),
        platforms=given.items("platforms"),
        secrets=given.lines("secrets"),
        secret_envs=_pairs(given.lines("secret-envs")),
        secret_files=_pairs(given.lines("secret-files")),
        cache=docker.cache([*given.lines("cache-from"), *given.lines("cache-to")]),
    )
    scope.facts.append(build)
    return {"digest": unknown("the digest"), "imageid": unknown("the image's id"), "metadata": unknown("metadata")}


def _path(scope: Scope, text: str) -> str:
    """A path from the top of the repository; a Git URL stays as it is."""
    known = is_known(text.removeprefix(WORKSPACE))
    return scope.in_folder(text) if text and known and "://" not in text else shown(text)


def _pairs(lines: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, equals, value in (line.partition("=") for line in lines) if equals)


_OF_THE_TEMPLATE = (
    "env-files", "log-configuration-log-driver", "log-configuration-options", "docker-labels", "command", "secrets",
    "task-role-arn", "execution-role-arn",
)  # fmt: skip
_OF_THE_SERVICE = (
    "desired-count", "enable-ecs-managed-tags", "propagate-tags", "service-managed-ebs-volume",
    "service-managed-ebs-volume-name", "run-task-tags", "run-task-capacity-provider-strategy",
)  # fmt: skip


def _render(scope: Scope, given: Inputs) -> Outputs:
    place = given.place
    if given.text("task-definition-arn"):
        base = Template("arn", given.value("task-definition-arn"))
    elif given.text("task-definition-family"):
        base = Template("family", given.value("task-definition-family"))
    else:
        found = given.value("task-definition")
        base = scope.template(found.text, found.place)
    made = Template("step", Value("", place), base, given.items("container-name"), given.value("image"))
    if others := [name for name in _OF_THE_TEMPLATE if given.text(name)]:
        scope.stay(place, f"{', '.join(others)} of the render step", "they belong in the task definition")
    scope.environment = (*scope.environment, *given.lines("environment-variables"))
    return {"task-definition": scope.mark(made)}


def _deploy(scope: Scope, given: Inputs) -> Outputs:
    found = given.value("task-definition")
    template = scope.template(found.text, found.place)
    cluster = given.value("cluster")
    if others := [name for name in _OF_THE_SERVICE if given.text(name)]:
        scope.stay(given.place, f"{', '.join(others)} of the deploy step", "the infra repository sets them")
    if not given.text("service"):
        scope.stay(given.place, "the deploy step", "it only registers a revision; see scheduled-tasks of the document")
    if _true(given.text("run-task")):
        container, command = overridden(given.text("run-task-container-overrides"))
        network = tuple(filter(is_known, (*given.items("run-task-subnets"), *given.items("run-task-security-groups"))))
        scope.facts.append(Task(given.place, template, cluster, container, command, network))
    if given.text("service"):
        scope.facts.append(
            Deployment(
                place=given.place,
                cluster=cluster if cluster.text else Value("default", given.place),
                service=given.value("service"),
                template=template,
                region=scope.region,
                codedeploy=CodeDeploy(
                    given.value("codedeploy-application"),
                    given.value("codedeploy-deployment-group"),
                    given.value("codedeploy-appspec"),
                    given.value("codedeploy-deployment-config"),
                ),
                stable=_true(given.text("wait-for-service-stability")),
                minutes=given.text("wait-for-minutes"),
                environment=scope.environment,
            )
        )
    return {"task-definition-arn": scope.mark(template), "codedeploy-deployment-id": unknown("the deployment")}


_OF_EXPRESS_MODE = (
    "environment-variables", "secrets", "command", "container-port", "log-group", "log-stream-prefix",
    "repository-credentials", "tags", "mutate-tags-on-update", "cpu", "memory", "task-role-arn", "subnets",
    "security-groups", "health-check-path", "min-task-count", "max-task-count", "auto-scaling-metric",
    "auto-scaling-target-value",
)  # fmt: skip


def _express(scope: Scope, given: Inputs) -> Outputs:
    """An Express Mode service: its container is called Main, and its task definition is what it runs."""
    place, service = given.place, given.value("service-name")
    if others := [name for name in _OF_EXPRESS_MODE if given.text(name)]:
        scope.stay(place, f"{', '.join(others)} of the Express Mode step", "the infra repository sets them")
    template = Template("step", Value("", place), Template("service", service), ("Main",), given.value("image"))
    cluster = given.value("cluster")
    cluster = cluster if cluster.text else Value("default", place)
    scope.facts.append(Deployment(place, cluster, service, template, scope.region, stable=True))
    return {"service-arn": unknown("the service's ARN"), "endpoint": unknown("the service's endpoint")}


def _true(text: str) -> bool:
    return text.lower() == "true"


def _nothing(scope: Scope, given: Inputs) -> Outputs:
    return {}


def _bake(scope: Scope, given: Inputs) -> Outputs:
    made = list(bake.builds(scope, given.items("files"), given.place))
    scope.facts += made
    if not made:
        scope.stay(given.place, "docker/bake-action", "no bake file with tags is in the repository")
    return {"metadata": unknown("metadata")}


ACTIONS: dict[str, Callable[[Scope, Inputs], Outputs]] = {
    "actions/checkout": _checkout,
    "aws-actions/configure-aws-credentials": _credentials,
    "aws-actions/amazon-ecr-login": _login,
    "aws-actions/amazon-ecs-deploy-express-service": _express,
    "aws-actions/amazon-ecs-render-task-definition": _render,
    "aws-actions/amazon-ecs-deploy-task-definition": _deploy,
    "docker/login-action": _docker_login,
    "docker/setup-buildx-action": _setup(supported("docker/setup-buildx-action")),
    "docker/setup-qemu-action": _setup(supported("docker/setup-qemu-action")),
    "docker/metadata-action": _metadata,
    "docker/bake-action": _bake,
    "docker/build-push-action": _build,
    "unfor19/install-aws-cli-action": _nothing,
}
