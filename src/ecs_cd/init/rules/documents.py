"""Makes the documents of a workflow from what its jobs do."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ecs_cd.init.rules import images, naming
from ecs_cd.init.rules.definitions import Definition
from ecs_cd.init.rules.facts import Build, Deployment, Left, SignIn, Task, Template
from ecs_cd.init.rules.plan import Document, Image, OneOff, Service
from ecs_cd.init.rules.scope import Snapshot
from ecs_cd.init.rules.values import Value, first, is_known, shown, unknown
from ecs_cd.init.rules.workflow import Job
from ecs_cd.model.names import NAME
from ecs_cd.model.references import family

TODO = "TODO"
_MIGRATES = re.compile(r"(?i)migrat|\bdb:|alembic|flyway|liquibase|schema|upgrade head")
_CONTAINER = re.compile(r"[A-Za-z0-9_-]{1,255}")


@dataclass(frozen=True)
class Repository:
    """What all documents share: the repository, its task definitions, the builds of all workflows, their names."""

    snapshot: Snapshot
    definitions: Mapping[str, Definition]
    builds: Sequence[Build]
    names: Mapping[tuple[naming.Key, str], str]


def document(jobs: Sequence[Job], common: Repository) -> Document:
    """The document of the jobs that deploy to one cluster."""
    maker = _Maker(jobs, common)
    return maker.document()


def repository_of(build: Build) -> str:
    """The repository that a build pushes to: the first tag that is in ECR, or else the first."""
    in_ecr = (tag for tag in build.tags if ".dkr.ecr." in tag or images.REGISTRY in tag)
    return next(in_ecr, next(iter(build.tags), ""))


def image_key(build: Build) -> tuple[naming.Key, str]:
    """The key of a build in the names of images."""
    return naming.key(build), shown(images.split(repository_of(build)).name)


class _Maker:
    def __init__(self, jobs: Sequence[Job], common: Repository) -> None:
        self.jobs, self.common = jobs, common
        self.facts = [fact for job in jobs for fact in job.facts]
        self.own = [fact for fact in self.facts if isinstance(fact, Build)]
        self.near: list[Build] = []  # those of the job that deploys the service at hand
        self.deployments = [fact for fact in self.facts if isinstance(fact, Deployment)]
        self.images: dict[str, Image] = {}
        self.notes: list[Left] = []
        self.unknown: list[tuple[str, str]] = []

    def document(self) -> Document:
        deploying = [job for job in self.jobs if any(isinstance(fact, Deployment) for fact in job.facts)]
        signing = [fact for job in [*deploying, *self.jobs] for fact in job.facts if isinstance(fact, SignIn)]
        services = self.services()
        tasks = self.tasks(services)
        last = deploying[-1]
        made = Document(
            cluster=first(each.cluster for each in self.deployments),
            region=first([*(each.region for each in self.deployments), *(each.region for each in signing)]),
            role=first(each.role for each in signing),
            environment=last.environment,
            images=list(self.images.values()),
            services=services,
            tasks=tasks,
            static=next((each.place for each in signing if each.static and not each.role.text), ""),
            credentials=next((each.role.text or each.static for each in signing if each.role.text or each.static), ""),
            jobs=list(self.jobs),
            notes=self.notes,
            unknown=list(dict.fromkeys(self.unknown)),
            minutes=next((each.minutes for each in self.deployments if each.minutes.isdecimal()), ""),
            variables=tuple(dict.fromkeys(line for each in self.deployments for line in each.environment)),
        )
        others = {each.role.text for each in signing if each.role.text} - {made.role.text}
        for each in signing:
            if each.role.text in others:
                self.note(
                    each.place,
                    "another role",
                    "the new job signs in with one role: give ECS_CD_ROLE both's permissions",
                )
        return made

    def note(self, place: str, what: str, why: str) -> None:
        self.notes.append(Left(place, what, why))

    # ---- services ----

    def services(self) -> list[Service]:
        found: dict[str, Service] = {}
        for each in self.deployments:
            name = each.service.text
            known = is_known(name) and re.match(NAME, name) is not None
            same = next((key for key, other in found.items() if other.service.text == name), "")
            key = same or (name if known else self.free("web" if not found else f"service-{len(found) + 1}", found))
            made = self.service(key, each)
            found[key] = self.merged(found[key], made) if key in found else made
        return list(found.values())

    @staticmethod
    def free(name: str, taken: Mapping[str, object]) -> str:
        number, free = 2, name
        while free in taken:
            number, free = number + 1, f"{name}-{number}"
        return free

    @staticmethod
    def merged(one: Service, other: Service) -> Service:
        """One service that several steps deploy: later steps add what they know."""
        codedeploy = other.codedeploy if other.codedeploy.named else one.codedeploy
        template = one.template if one.template.known else other.template
        return replace(one, template=template, codedeploy=codedeploy, containers={**other.containers, **one.containers})

    def service(self, key: str, each: Deployment) -> Service:
        self.edits(each.template, f"services.{key}")
        of_job = next((job.facts for job in self.jobs if any(fact is each for fact in job.facts)), [])
        self.near = [fact for fact in of_job if isinstance(fact, Build)]
        return Service(
            key=key,
            service=each.service,
            template=self.template(each.template, key),
            containers=self.containers(each.template, each.place),
            codedeploy=each.codedeploy,
            place=each.place,
        )

    def template(self, given: Template, key: str) -> Value:
        """The document's text for a template; without a text if it is unknown."""
        origin, place = given.origin, given.origin.name.place
        text = origin.name.text
        if origin.kind == "file":
            found = self.common.snapshot.find(text) if is_known(text) else ""
            missing = unknown(f"{text} is not in the repository") if text and is_known(text) else text
            return Value(found or missing, place)
        if origin.kind == "service":
            return Value(f"service:{key}", place)
        if origin.kind in ("family", "arn"):
            return Value(family(text) if is_known(text) else text, place)
        return Value(text, place)

    def edits(self, given: Template, path: str) -> None:
        """Notes what a step changes in a template, apart from images: ecs-cd takes the file as it is."""
        text = self.common.snapshot.texts.get(given.origin.name.text, "") if given.origin.kind == "file" else ""
        definition = self.definition(given)
        for image in definition.images.values() if definition else ():
            text = text.replace(image, "")
        for step in given.steps:
            variable = re.search(r"\$\{?[A-Za-z_]\w*\}?", text) if step.placeholder == "${" else None
            old = variable[0] if variable else step.placeholder
            if old and not step.image.text and is_known(old) and old in text:
                what = f"{given.origin.name.text} has `{old}`, which only {step.name.place} replaces"
                self.unknown.append((f"{path}.task-definition", what))

    def definition(self, given: Template) -> Definition | None:
        """The task definition of a template, if a file of the repository has it or one of the same family."""
        origin = given.origin
        if origin.kind == "file":
            return self.common.definitions.get(self.common.snapshot.find(origin.name.text))
        name = family(origin.name.text)
        return next((each for each in self.common.definitions.values() if name and each.family == name), None)

    # ---- containers and their images ----

    def containers(self, template: Template, place: str) -> dict[str, str]:
        definition = self.definition(template)
        found: dict[str, str] = {}
        for step in template.steps:
            if not step.image.text:
                continue
            image = self.image(step.image, step.image.place)
            for name in step.containers or self.guessed(definition, step.placeholder):
                found[name] = image
        if not found and definition is not None:
            found = self.by_repository(definition)
        if not found:
            if definition is not None and template.origin.kind != "service" and self.own:
                of = ", ".join(definition.images)
                what = f"no step puts an image into {of}: leave the service out if it runs no image of the app"
                self.unknown.append(("services", f"{what} ({place})"))
            names = self.guessed(definition, "")
            image = self.image(Value("", place), place)
            found = dict.fromkeys(names, image)
        return found

    def guessed(self, definition: Definition | None, placeholder: str) -> list[str]:
        """The containers that get an image if the workflow names none."""
        if definition is not None:
            named = definition.container_of(placeholder)
            if named:
                return named
            if len(definition.images) == 1 or len(definition.essential) == 1:
                return list(definition.essential or definition.images)[:1]
            if definition.images:
                return list(definition.images)[:1]
        return [""]

    def by_repository(self, definition: Definition) -> dict[str, str]:
        """The containers whose image is in a repository that a step pushes to."""
        found = {}
        for name, text in definition.images.items():
            if any(images.same(images.split(text), images.split(tag)) for build in self.own for tag in build.tags):
                found[name] = self.image(Value(text, definition.path), definition.path)
        return found

    def image(self, given: Value, place: str) -> str:
        """The name of the image with this URI; adds it to the document."""
        build = self.build(given.text)
        repository = repository_of(build) if build else ""
        if (
            (build and (not repository or not images.split(repository).known) and images.split(given.text).known)
            or not build
            or not repository
        ):
            repository = given.text
        uri = images.split(repository)
        if build is not None:
            name = self.common.names.get(image_key(build), "app")
        else:
            name = next((each.name for each in self.images.values() if each.repository.text == _whole(uri)), "")
            name = name or self.free("app", self.images)
        if name not in self.images:
            self.images[name] = Image(name, Value(_whole(uri), build.place if build else place), build)
        return name

    def build(self, image: str) -> Build | None:
        """The build that makes an image."""
        uri = images.split(image)
        for builds in (self.own, self.common.builds):
            for build in builds:
                if any(tag == image and tag for tag in build.tags):
                    return build
            for build in builds:
                if any(images.same(images.split(tag), uri) for tag in build.tags):
                    return build
        for builds in (self.near, self.own):
            distinct = {image_key(build) for build in builds}
            if len(distinct) == 1 and (not uri.name or not is_known(uri.name)):
                return builds[-1]
        every = {image_key(build) for build in self.common.builds}
        return self.common.builds[0] if not self.own and len(every) == 1 and not uri.known else None

    # ---- the migration and tasks ----

    def tasks(self, services: Sequence[Service]) -> list[OneOff]:
        found: list[OneOff] = []
        deployed = False
        for fact in self.facts:
            deployed = deployed or isinstance(fact, Deployment)
            if not isinstance(fact, Task) or not services:
                continue
            if deployed and not _MIGRATES.search(" ".join(fact.command)):
                self.note(fact.place, "a task after the deployment", "ecs-cd runs the document's tasks before it")
                continue
            made = self.task(fact, services, len(found))
            if any((each.template.text, each.command) == (made.template.text, made.command) for each in found):
                continue
            found.append(made)
            if deployed:
                self.note(fact.place, "the migration after the deployment", "ecs-cd runs it before the deployment")
            if fact.network:
                self.note(fact.place, ", ".join(fact.network), "the task gets the network settings of its service")
        return found

    def task(self, fact: Task, services: Sequence[Service], number: int) -> OneOff:
        template = self.template(fact.template, services[0].key)
        near = next((each for each in services if each.template.text == template.text), services[0])
        container = fact.container or next(iter(self.containers(fact.template, fact.place)), "")
        image = near.containers.get(container, "")
        if not image:
            image = next(
                iter(self.containers(fact.template, fact.place).values()), next(iter(near.containers.values()), "")
            )
        return OneOff(
            name="migration" if number == 0 else f"task-{number + 1}",
            template=template,
            container=container,
            command=fact.command,
            service=near.key if len(services) > 1 else "",
            image=image,
            place=fact.place,
        )


def _whole(uri: images.Uri) -> str:
    return f"{uri.host}/{uri.name}" if uri.host else uri.name


def is_container(name: str) -> bool:
    """Whether a container's name is known and valid."""
    return is_known(name) and _CONTAINER.fullmatch(name) is not None
