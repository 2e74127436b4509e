"""The AWS CLI in a script: task definitions, services, tasks."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ecs_cd.init.rules.arguments import Arguments
from ecs_cd.init.rules.facts import CodeDeploy, Deployment, Task, Template
from ecs_cd.init.rules.images import registry
from ecs_cd.init.rules.script import Run
from ecs_cd.init.rules.shell import Command
from ecs_cd.init.rules.values import Value, is_known, unknown

FLAGS = frozenset(
    [
        "--force-new-deployment",
        "--no-force-new-deployment",
        "--no-cli-pager",
        "--no-paginate",
        "--include-email",
        "--no-include-email",
        "--debug",
        "--no-verify-ssl",
        "--no-sign-request",
        "--enable-execute-command",
        "--enable-ecs-managed-tags",
        "--version",
    ]
)
# Calls that ecs-cd makes itself, or that only look at something.
_COVERED = {"ecr", "ecr-public", "sts", "configure"}
_LOOKS = ("describe-", "list-", "monitor-", "wait", "get-", "--version")
_ACCOUNT = "the registry's account id"


def run(script: Run, given: Arguments, stdin: str, command: Command) -> str:
    """Notes what a call of the AWS CLI deploys or runs, and returns what it prints."""
    service, _, operation = " ".join(given.words[:2]).partition(" ")
    handler = _CALLS.get(f"{service} {operation}")
    if handler is not None:
        return handler(script, given, stdin, script.place(command))
    if service == "ecr" and operation == "get-login":
        return unknown("a login")
    if service not in _COVERED and operation and not operation.startswith(_LOOKS):
        script.others.append((script.place(command), f"aws {service} {operation}"))
    return unknown(f"the output of aws {service} {operation}".strip())


def _value(given: Arguments, place: str, *names: str) -> Value:
    return Value(given.get(*names), place)


def _identity(script: Run, given: Arguments, stdin: str, place: str) -> str:
    return unknown(_ACCOUNT)


def _registries(script: Run, given: Arguments, stdin: str, place: str) -> str:
    return registry()


def _describe_template(script: Run, given: Arguments, stdin: str, place: str) -> str:
    name = given.get("--task-definition", "--family-prefix", "--family")
    return script.scope.mark(script.scope.template(name, place, families=True))


def _describe_cluster(script: Run, given: Arguments, stdin: str, place: str) -> str:
    named = re.search(r"clusters?(?:\[0?\])?\.cluster(?:Arn|Name)\b", given.get("--query"))
    return given.get("--clusters", "--cluster") if named else unknown("the output of aws ecs describe-clusters")


def _describe_service(script: Run, given: Arguments, stdin: str, place: str) -> str:
    if re.search(r"\.service(?:Arn|Name)\b", given.get("--query")):
        return given.get("--services", "--service")
    return script.scope.mark(Template("service", _value(given, place, "--services", "--service")))


def _register(script: Run, given: Arguments, stdin: str, place: str) -> str:
    text = given.get("--cli-input-json", "--cli-input-yaml", "--container-definitions")
    source = script.scope.template(text, place) if text else None
    family = given.get("--family")
    if (source is None or source.kind == "unknown") and family:
        source = Template("family", Value(family, place))
    if source is None:
        source = Template("unknown", Value("", place))
    elif source.kind == "file" and not script.scope.snapshot.find(source.name.text) and family:
        source = Template("family", Value(family, place))
    return script.scope.mark(source)


def _update(script: Run, given: Arguments, stdin: str, place: str) -> str:
    name = given.get("--task-definition")
    service = _value(given, place, "--service")
    if not service.text or _scales_only(given):
        return unknown("the output of aws ecs update-service")
    named = script.scope.template(name, place, families=given.words[1] == "update-service") if name else None
    template = named or Template("service", service)
    script.scope.facts.append(
        Deployment(place, _value(given, place, "--cluster"), service, template, _region(script, given, place))
    )
    return unknown("the output of aws ecs update-service")


def _update_express(script: Run, given: Arguments, stdin: str, place: str) -> str:
    """A service of Express Mode, by its ARN: its container is called Main."""
    arn, named = given.get("--service-arn"), given.get("--task-definition-arn")
    parts = arn.rpartition(":service/")[2].split("/") if is_known(arn) else []
    cluster, service = parts if len(parts) == 2 else ("", arn)
    base = script.scope.template(named, place, families=True) if named else Template("service", Value(service, place))
    container = _inline(script, given.get("--primary-container"))
    image = re.search(r"""\bimage["']?\s*[:=]\s*["']?([^\s"',}]+)""", container)
    made = Template("step", Value("", place), base, ("Main",), Value(image[1], place)) if image else base
    region = _region(script, given, place)
    script.scope.facts.append(Deployment(place, Value(cluster, place), Value(service, place), made, region))
    return unknown("the output of aws ecs update-express-gateway-service")


def _scales_only(given: Arguments) -> bool:
    """Whether the call only sets the number of tasks."""
    return given.has("--desired-count") and not (given.has("--task-definition") or given.has("--force-new-deployment"))


def _region(script: Run, given: Arguments, place: str) -> Value:
    return Value(given.get("--region"), place) if given.get("--region") else script.scope.region


def _run_task(script: Run, given: Arguments, stdin: str, place: str) -> str:
    template = script.scope.template(given.get("--task-definition"), place, families=True)
    container, command = overridden(_inline(script, given.get("--overrides")))
    network = re.findall(r"(?:subnet|sg)-[0-9a-z]+", " ".join(given.all("--network-configuration")))
    script.scope.facts.append(
        Task(place, template, _value(given, place, "--cluster"), container, command, tuple(network))
    )
    return unknown("the ARN of a task")


def _inline(script: Run, text: str) -> str:
    """The text, or the content of the file that it names."""
    if not text.startswith("file://"):
        return text
    return script.scope.snapshot.texts.get(script.scope.in_folder(text.removeprefix("file://")), "")


def overridden(text: str) -> tuple[str, tuple[str, ...]]:
    """Container and command of RunTask's overrides, or of its `containerOverrides`: JSON, or the CLI's shorthand."""
    try:
        data: Any = json.loads(text)
    except ValueError:
        name = re.search(r"name=([\w-]+)", text)
        command = re.search(r"command=\[?([^\]\s}]+)", text)
        return (name[1] if name else ""), tuple(command[1].split(",")) if command else ()
    overrides = data.get("containerOverrides") if isinstance(data, dict) else data
    first = next((each for each in overrides if isinstance(each, dict)), {}) if isinstance(overrides, list) else {}
    words = first.get("command")
    return str(first.get("name", "")), tuple(map(str, words)) if isinstance(words, list) else ()


def _wait(script: Run, given: Arguments, stdin: str, place: str) -> str:
    if given.words[2:3] == ["services-stable"]:
        for at, fact in enumerate(script.scope.facts):
            if isinstance(fact, Deployment):
                script.scope.facts[at] = replace(fact, stable=True)
    return ""


def _create_deployment(script: Run, given: Arguments, stdin: str, place: str) -> str:
    codedeploy = CodeDeploy(
        _value(given, place, "--application-name"),
        _value(given, place, "--deployment-group-name"),
        Value(),
        _value(given, place, "--deployment-config-name"),
    )
    template = next(reversed(script.scope.templates), Template("unknown", Value("", place)))
    script.scope.facts.append(
        Deployment(place, Value("", place), Value("", place), template, _region(script, given, place), codedeploy)
    )
    return unknown("the id of a deployment")


def _configured(script: Run, given: Arguments, stdin: str, place: str) -> str:
    if given.words[2:3] == ["region"] and len(given.words) > 3 and is_known(given.words[3]):
        script.scope.region = Value(given.words[3], place)
    return ""


_CALLS: dict[str, Callable[[Run, Arguments, str, str], str]] = {
    "sts get-caller-identity": _identity,
    "ecr describe-registry": _registries,
    "ecs describe-task-definition": _describe_template,
    "ecs list-task-definitions": _describe_template,
    "ecs describe-services": _describe_service,
    "ecs describe-clusters": _describe_cluster,
    "ecs register-task-definition": _register,
    "ecs update-service": _update,
    "ecs deploy": _update,
    "ecs update-express-gateway-service": _update_express,
    "ecs run-task": _run_task,
    "ecs wait": _wait,
    "deploy create-deployment": _create_deployment,
    "configure set": _configured,
}
