"""What is written for each workflow: its documents, and the jobs of the new one."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ecs_cd.init.rules import definitions, naming, scenarios, tree
from ecs_cd.init.rules.conditions import Conditions
from ecs_cd.init.rules.documents import Repository, document, image_key
from ecs_cd.init.rules.facts import Build, Deployment, Left
from ecs_cd.init.rules.gates import bare
from ecs_cd.init.rules.images import split
from ecs_cd.init.rules.plan import Document, Image, Service, groups, slug, word_of
from ecs_cd.init.rules.scenarios import Scenario
from ecs_cd.init.rules.scope import Snapshot
from ecs_cd.init.rules.tree import Map
from ecs_cd.init.rules.values import Value
from ecs_cd.init.rules.workflow import Followed, Job, follow
from ecs_cd.model.errors import Refused
from ecs_cd.model.references import ECR_HOST

FOLDER = ".github/workflows"
_ROLLBACK = re.compile(r"(?i)roll-?_?back|destroy|teardown|tear-down")

_UNDOES = "by its name it undoes deployments; `ecs-cd rollback` is the verb for that"


@dataclass
class Part:
    """A document, and when its job runs."""

    document: Document
    conditions: Conditions = field(default_factory=Conditions)


@dataclass
class Target:
    """A workflow of the repository that deploys, and what replaces it. ``file`` is empty if there is no workflow."""

    file: str
    content: Map
    parts: list[Part]
    followed: Followed | None = None
    left: list[Left] = field(default_factory=list)
    name: str = "ecs-cd"  # of the new file, without its ending


@dataclass
class _Workflow:
    file: str
    content: Map
    ways: list[tuple[Scenario, Followed]]


def targets(snapshot: Snapshot) -> list[Target]:
    """What is written for this repository.

    Raises ``Refused`` if a workflow is not YAML, or if there is nothing to read.
    """
    found, skipped = _read(snapshot)
    known = definitions.all_of(snapshot)
    all_groups = [group for each in found for _, way in each.ways for group in _groups(way)]
    loose = [job for each in found for _, way in each.ways for job in way.jobs]
    builds = [fact for job in loose for fact in job.facts if isinstance(fact, Build)]
    keyed = [
        [image_key(fact) for job in group for fact in job.facts if isinstance(fact, Build)] for group in all_groups
    ]
    names = naming.names([*keyed, *([image_key(build)] for build in builds)])
    common = Repository(snapshot, known, builds, names)
    made = [target for each in found if (target := _target(each, common)) is not None]
    if not made:
        made = [_without_workflow(snapshot, known, builds)]
    made[0].left += skipped
    _name_all(made, snapshot)
    return made


def _read(snapshot: Snapshot) -> tuple[list[_Workflow], list[Left]]:
    """All workflows that events start, followed in each of their scenarios, and those that only undo deployments."""
    parsed: list[tuple[str, Map]] = []
    problems: list[str] = []
    remedy = ""
    for path in sorted(snapshot.texts):
        if posixpath.dirname(path) == FOLDER and path.endswith((".yml", ".yaml")):
            try:
                text = snapshot.texts[path].replace("$default-branch", snapshot.branch)  # of GitHub's starter workflows
                content = tree.parse(text, file=path)
            except Refused as refused:
                problems += refused.problems
                remedy = refused.remedy
                continue
            if isinstance(content, Map) and isinstance(content.get("jobs"), Map):
                parsed.append((path, content))
    if problems:
        raise Refused(problems, remedy)
    called = _called(content for _, content in parsed)
    found = []
    for path, content in parsed:
        only = set(scenarios.events(content)) == {"workflow_call"}
        if only and posixpath.basename(path) in called:
            continue
        ways = [(each, follow(path, content, snapshot, each.github, each.inputs)) for each in scenarios.of(content)]
        found.append(_Workflow(path, content, ways))
    undo = [each for each in found if _ROLLBACK.search(posixpath.basename(each.file))]
    if not any(_deploys(each) for each in found if each not in undo):
        return found, []
    left = [Left(f"{each.file}:1", "this workflow", _UNDOES) for each in undo if _deploys(each)]
    return [each for each in found if each not in undo], left


def _deploys(workflow: _Workflow) -> bool:
    return any(isinstance(fact, Deployment) for _, way in workflow.ways for job in way.jobs for fact in job.facts)


def _called(contents: Iterable[Map]) -> set[str]:
    """The file names of the workflows that others call."""
    return {
        posixpath.basename(str(job["uses"]))
        for content in contents
        for job in tree.mapping(content.get("jobs")).values()
        if isinstance(job, dict) and "uses" in job
    }


def _groups(way: Followed) -> list[list[Job]]:
    return groups([job for job in way.jobs if job.ours or job.facts])


def _target(found: _Workflow, common: Repository) -> Target | None:
    """The documents of a workflow, each once, with the condition under which it deploys."""
    made: list[tuple[Document, list[Scenario]]] = []
    for scenario, way in found.ways:
        for group in _groups(way):
            new = document(group, common)
            known = next((each for each, _ in made if each.fingerprint == new.fingerprint), None)
            if known is None:
                made.append((new, [scenario]))
            else:
                next(ways for each, ways in made if each is known).append(scenario)
    if not made:
        return None
    everything = [scenario for scenario, _ in found.ways]
    parts = [Part(each, _conditions(each, ways, everything)) for each, ways in made]
    for part, (_, ways) in zip(parts, made, strict=True):
        part.document.name = _environment(part.document, ways[0], found)
    way = found.ways[0][1]
    left = list(dict.fromkeys(each for _, followed in found.ways for each in followed.left))
    return Target(found.file, found.content, parts, way, left)


def _conditions(made: Document, ways: Sequence[Scenario], everything: Sequence[Scenario]) -> Conditions:
    own = []
    for job in made.jobs:
        if any(isinstance(fact, Deployment) for fact in job.facts):
            own.append(tuple(bare(text) for text in (job.condition, *job.conditions) if text))
    return Conditions(tuple(own), tuple(ways), tuple(everything))


def _environment(made: Document, scenario: Scenario, found: _Workflow) -> str:
    """A name for the document: the environment's, or one that the names speak of, or production."""
    if made.environment.known and slug(made.environment.text):
        return word_of(made.environment.text) or slug(made.environment.text)
    choices = [value for name, value in scenario.choices if name.startswith("inputs.")]
    texts = [*choices, made.cluster.text, *(each.service.text for each in made.services)]
    texts += [posixpath.basename(found.file), str(found.content.get("name", "")), *(job.id for job in made.jobs)]
    texts += [value for name, value in scenario.choices if name == "github.ref_name"]
    return next((word for text in texts if (word := word_of(text))), "production")


def _without_workflow(
    snapshot: Snapshot, known: Mapping[str, definitions.Definition], builds: Sequence[Build]
) -> Target:
    """From a Dockerfile or a task definition alone. Raises ``Refused`` if there is neither."""
    files = list(definitions.dockerfiles(snapshot))
    if not files and not known and not builds:
        raise Refused(
            "nothing to read: no workflow in .github/workflows deploys to ECS, and there is no Dockerfile and no task "
            "definition",
            "Go to the repository of an app with a Dockerfile.",
        )
    chosen = next(iter(known.values()), None)
    folder = posixpath.dirname(files[0]) if files else ""
    build = builds[0] if builds else (Build(files[0], context=folder or ".") if files else None)
    if build is not None and files and not builds and posixpath.basename(files[0]) != "Dockerfile":
        build = replace(build, file=files[0])
    uri = next(iter(build.tags), "") if build else ""
    written = next((image for image in chosen.images.values() if ECR_HOST.match(image)), "") if chosen else ""
    uri = uri or written.partition("@")[0].rpartition(":")[0] or written
    container = next((name for name, image in chosen.images.items() if image == written), "") if chosen else ""
    container = container or (next(iter(chosen.images), "") if chosen else "")
    template = Value(chosen.path, chosen.path) if chosen else Value()
    region = Value(split(uri).region, chosen.path if chosen else "")
    made = Document(Value(), region, Value(), Value(), [Image("app", Value(uri, region.place), build)])
    made.services = [Service("web", Value(), template, {container: "app"}, place=chosen.path if chosen else "")]
    made.name = "production"
    return Target("", Map(), [Part(made)])


def _name_all(made: Sequence[Target], snapshot: Snapshot) -> None:
    """Gives every document its own name and parameter, and every new workflow its file."""
    everything = [(target, part.document) for target in made for part in target.parts]
    taken: set[str] = set()
    for target, each in everything:
        same = [one for _, one in everything if one.name.partition("/")[0] == each.name]
        if len(same) > 1 or each.name in taken:
            each.parameter = _distinct(target, each, taken)
        else:
            each.parameter = each.name
        taken.add(each.parameter)
    for _, each in everything:
        each.name = each.parameter
        each.parameter = f"/ecs-cd/{slug(snapshot.name) or 'app'}/{each.name}"
    if len(made) > 1:
        for target in made:
            target.name = f"ecs-cd-{slug(posixpath.basename(target.file).rpartition('.')[0])}"


def _distinct(target: Target, each: Document, taken: set[str]) -> str:
    """A name for one of several documents of an environment."""
    stem = slug(posixpath.basename(target.file).rpartition(".")[0])
    words = [word for word in stem.split("-") if word not in ("deploy", "ecs", "aws", "to", "cd", "ci", "deployment")]
    words = [word for word in words if word_of(word) != each.name]
    several = len(target.parts) > 1
    base = "-".join([each.name, *words]) if not several else f"{each.name}-{slug(_job_name(each))}"
    name, number = base, 2
    while name in taken:
        name, number = f"{base}-{number}", number + 1
    return name


def _job_name(each: Document) -> str:
    return next((job.id for job in each.jobs if any(isinstance(f, Deployment) for f in job.facts)), "app")
