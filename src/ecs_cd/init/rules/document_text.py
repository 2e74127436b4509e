"""Writes a document as YAML, and says where each value comes from and what is unknown."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field

from ecs_cd.init.rules import images
from ecs_cd.init.rules.documents import is_container
from ecs_cd.init.rules.emit import scalar
from ecs_cd.init.rules.plan import Document, Image, OneOff, Service
from ecs_cd.init.rules.values import Value, described, is_known, shown
from ecs_cd.model.references import ECR_HOST

_ACCOUNT = re.compile(r"arn:aws[a-z-]*:iam::(\d{12}):")
_CLUSTER = re.compile(r"[A-Za-z0-9_-]{1,255}|arn:\S+:cluster/\S+")
_SERVICE = re.compile(r"[A-Za-z0-9_-]{1,255}|arn:\S+:service/\S+")
_TEMPLATE = re.compile(r"s3://[^/\s]+/\S+|arn:\S+|[^\s:]+(?::[1-9][0-9]*)?|service:[A-Za-z0-9][\w.-]*")
_NAME = re.compile(r"(?=.{2,256}$)[a-z0-9]+(?:[._/-]+[a-z0-9]+)*")
_NO_CONTAINER = "the name of the container"
_REGION = re.compile(r"[a-z]{2,}(?:-[a-z]+)+-\d+")
_DOMAINS = {"cn": "amazonaws.com.cn"}


@dataclass
class Written:
    """A text, and for the report: the source of each value, and each key that is unknown, with what is known of it."""

    text: str = ""
    sources: list[tuple[str, str, str]] = field(default_factory=list)  # path, value, place
    unknown: list[tuple[str, str]] = field(default_factory=list)  # path, what


def write(document: Document, account: Value, path: str) -> Written:
    """The document in the file ``path``. ``account`` is used if the workflow names none: from a task definition."""
    return _Writer(document, account, path).write()


class _Writer:
    def __init__(self, document: Document, account: Value, path: str) -> None:
        self.document, self.account, self.path = document, account, path
        self.result = Written()
        self.lines: list[str] = []

    def write(self) -> Written:
        document = self.document
        self.head()
        self.value("cluster", 0, document.cluster, _CLUSTER, "TODO-cluster")
        self.lines.append("images:")
        for image in document.images:
            self.image(image)
        if document.tasks:
            self.lines.append("migration:")
            self.task("migration", document.tasks[0], 2)
        if document.tasks[1:]:
            self.lines.append("tasks:")
        for number, task in enumerate(document.tasks[1:]):
            self.lines.append(f"  - name: {scalar(task.name)}")
            self.task(f"tasks[{number}]", task, 4)
        self.lines.append("services:")
        for service in document.services:
            self.service(service)
        self.result.text = "\n".join(self.lines) + "\n"
        return self.result

    def head(self) -> None:
        parameter, region = self.document.parameter, self.document.region
        where = f" --region {region.text}" if region.known and _REGION.fullmatch(region.text) else ""
        self.lines += [
            f"# The document of {parameter}, which belongs to the infra repository, not to the app's.",
            f"# Until the parameter exists: --config file:{self.path}",
            f"# aws ssm put-parameter{where} --type String --name {parameter} --value file://{self.path}",
            *(f"# TODO: {path}: {what}" for path, what in self.document.unknown),
        ]

    def value(self, path: str, indent: int, value: Value, pattern: re.Pattern[str], instead: str) -> None:
        """A key with a value that has one form; a placeholder if it is unknown."""
        key = path.rpartition(".")[2]
        if value.known and pattern.fullmatch(value.text):
            self.lines.append(f"{' ' * indent}{key}: {scalar(value.text)}")
            self.result.sources.append((path, value.text, value.place))
            return
        self.todo(path, f"{' ' * indent}{key}: {instead}", value)

    def todo(self, path: str, line: str, value: Value) -> None:
        why = _why(value)
        self.lines.append(f"{line}  # TODO: {path}{f', {why}' if why else ''}")
        self.result.unknown.append((path, why or "no file says it"))

    # ---- images ----

    def image(self, image: Image) -> None:
        path = f"images.{image.name}.repository"
        repository, missing = self.repository(image.repository)
        self.lines.append(f"  {scalar(image.name)}:")
        if missing:
            self.todo(path, f"    repository: {repository}", Value(missing, image.repository.place))
        else:
            self.lines.append(f"    repository: {scalar(repository)}")
            self.result.sources.append((path, repository, image.repository.place))

    def repository(self, given: Value) -> tuple[str, str]:
        """The repository's URI, and which part of it is unknown."""
        uri = images.split(given.text)
        host, missing = self.host(uri.host)
        name = uri.name
        if not is_known(name) or not _NAME.fullmatch(name):
            missing.append(described(name) or f"the repository's name{f', instead of {name}' if name else ''}")
            name = "todo-repository"
        return f"{host}/{name}", ", ".join(missing)

    def host(self, given: str) -> tuple[str, list[str]]:
        if is_known(given) and ECR_HOST.fullmatch(given):
            return given, []
        if given == "public.ecr.aws":
            return given, []
        missing = []
        region = re.search(r"\.dkr\.ecr\.([a-z0-9-]+)\.", given)
        named = self.document.region
        name = region[1] if region else named.text if named.known and _REGION.fullmatch(named.text) else ""
        if not name:
            missing.append(f"the region{_from(described(self.document.region.text))}")
        found = _ACCOUNT.match(self.document.role.text) if self.document.role.known else None
        account = found[1] if found else self.account.text
        if given and is_known(given):
            missing.append(f"an ECR repository instead of {given}")
        elif not account:
            missing.append("the account's id")
        elif not found:
            self.result.sources.append(("the account of images", account, self.account.place))
        domain = _DOMAINS.get(name.partition("-")[0], "amazonaws.com")
        account = account if account and not (given and is_known(given)) else "todo-account"
        return f"{account}.dkr.ecr.{name or 'todo-region'}.{domain}", missing

    # ---- services and tasks ----

    def service(self, service: Service) -> None:
        path = f"services.{service.key}"
        self.lines.append(f"  {scalar(service.key)}:")
        if service.service.text != service.key:
            self.value(f"{path}.service", 4, service.service, _SERVICE, "TODO-service")
        else:
            self.result.sources.append((f"{path}.service", service.key, service.service.place))
        self.template(path, service.template, 4)
        self.lines.append("    containers:")
        for number, (name, image) in enumerate(service.containers.items()):
            if is_container(name):
                self.lines.append(f"      {scalar(name)}: {scalar(image)}")
                self.result.sources.append((f"{path}.containers.{name}", image, service.place))
            else:
                key = f"TODO-container{f'-{number + 1}' if number else ''}"
                self.todo(
                    f"{path}.containers",
                    f"      {key}: {scalar(image)}",
                    Value(name or _NO_CONTAINER, service.place),
                )
        self.codedeploy(path, service)

    def template(self, path: str, value: Value, indent: int) -> None:
        self.value(f"{path}.task-definition", indent, value, _TEMPLATE, "TODO-task-definition")

    def codedeploy(self, path: str, service: Service) -> None:
        given = service.codedeploy
        values = (("application", given.application), ("deployment-group", given.group), ("appspec", given.appspec),
                  ("deployment-config", given.config))  # fmt: skip
        if not given.named:
            return
        known = [(key, value) for key, value in values if value.known]
        self.lines.append("    codedeploy:" if known else "    # codedeploy:")
        for key, value in known:
            self.lines.append(f"      {key}: {scalar(value.text)}")
            self.result.sources.append((f"{path}.codedeploy.{key}", value.text, value.place))
        for key, value in values:
            if value.text and not value.known:
                self.lines.append(f"      # TODO: {path}.codedeploy.{key}, {_why(value)}")
                self.result.unknown.append((f"{path}.codedeploy.{key}", _why(value)))

    def task(self, path: str, task: OneOff, indent: int) -> None:
        blanks = " " * indent
        self.template(path, task.template, indent)
        if is_container(task.container):
            self.lines.append(f"{blanks}container: {scalar(task.container)}")
        else:
            self.todo(
                f"{path}.container",
                f"{blanks}container: TODO-container",
                Value(task.container or _NO_CONTAINER, task.place),
            )
        if task.image:
            self.lines.append(f"{blanks}image: {scalar(task.image)}")
        if task.command and all(map(is_known, task.command)):
            self.lines.append(f"{blanks}command: {json.dumps(list(task.command), ensure_ascii=False)}")
            self.result.sources.append((f"{path}.command", " ".join(task.command), task.place))
        elif task.command:
            text = shown(" ".join(task.command))
            self.lines.append(f"{blanks}# TODO: {path}.command, {text}")
            self.result.unknown.append((f"{path}.command", f"{text} ({task.place})"))
        if task.service:
            self.lines.append(f"{blanks}service: {scalar(task.service)}")


def _from(text: str) -> str:
    return f" from {text}" if text else ""


def _why(value: Value) -> str:
    """What is known of an unknown value: its source, and where the source is named."""
    what = described(value.text) if not is_known(value.text) else value.text
    place = f" ({value.place})" if value.place else ""
    return f"{what}{place}".strip()
