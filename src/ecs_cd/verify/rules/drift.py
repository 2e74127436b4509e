"""What runs, compared with what the template and the newest successful commit say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ecs_cd.deploy.rules import rolling, standing, targets
from ecs_cd.model.references import Image, Repository, image_reference, repository, short
from ecs_cd.tasks.rules import difference, revisions
from ecs_cd.tasks.rules.task_definition import TaskDefinition
from ecs_cd.verify.rules.finding import Finding, not_checkable, ok, wrong

Json = Mapping[str, Any]

DEPLOYMENT, COUNT, TASKS = "drift-deployment", "drift-count", "drift-tasks"
TEMPLATE, COMMITS = "drift-template", "drift-commit"
_AGAIN = "Deploy again"
_MOST = 50  # lines of a comparison
_SHOWN = 3  # tags


# ---- the service ----


def under_way(service: Json) -> str:
    """The deployment that has not ended, in words; empty if there is none. One that has failed has ended, although old
    tasks go on running beside it."""
    current = standing.current(service)
    if current.get("rolloutState") == "FAILED":
        return ""
    for each in service.get("deployments", ()):
        if rolling.state(each, service) == "IN_PROGRESS" and (each is current or each.get("rolloutState")):
            failed = f", {each['failedTasks']} of its tasks have failed" if each.get("failedTasks") else ""
            return f"{standing.words(each)}{_begun(each)} is IN_PROGRESS{failed}"
        if each is not current and each.get("runningCount"):
            return f"tasks of the earlier {standing.words(each)} still run, and ECS stops them"
    sets = service.get("taskSets", ())
    if len(sets) > 1:
        names = " and ".join(standing.words(each) for each in sets)
        return f"it has the task sets of {names}: CodeDeploy deploys, or still keeps the old tasks"
    return ""


def check_deployment(subject: str, name: str, cluster: str, service: Json | None) -> Iterator[Finding]:
    """The service is there, and its deployment has ended well."""
    if service is None or service.get("status") != "ACTIVE":
        state = f"is {service.get('status')}" if service else "is not there"
        text = f"the document has the service {name} of cluster {cluster}, which {state}"
        yield wrong(subject, DEPLOYMENT, text, "Create it in the infra repo, or remove it from the document.")
        return
    current = standing.current(service)
    if not revisions.running(service):
        text = "the service has no deployment of its own: another controller runs its tasks"
        yield not_checkable(subject, DEPLOYMENT, text, "See the line of `service` in verify without drift.")
    elif words := under_way(service):
        yield not_checkable(subject, DEPLOYMENT, words, "Run verify again after it has ended.")
    elif current.get("rolloutState") == "FAILED":
        why = current.get("rolloutStateReason", "")
        text = (
            f"{standing.words(current)}{_begun(current)} has failed and was not rolled back{f': {why}' if why else ''}"
        )
        yield wrong(subject, DEPLOYMENT, text, "Roll back, or deploy a commit that starts.")
    else:
        yield ok(subject, DEPLOYMENT, f"{standing.words(current)}{_begun(current)} is complete")


def is_comparable(service: Json | None) -> bool:
    """Whether the service runs one revision."""
    there = service is not None and service.get("status") == "ACTIVE" and revisions.running(service)
    return bool(service and there and not under_way(service))


def check_count(subject: str, service: Json) -> Iterator[Finding]:
    """As many tasks run as the service should run; tasks that start or stop right now are no drift."""
    desired, running = int(service.get("desiredCount", 0)), int(service.get("runningCount", 0))
    pending = int(service.get("pendingCount", 0))
    if running >= desired or (running and running + pending >= desired):
        starting = f", and {pending} {_are(pending)} starting" if pending else ""
        yield ok(subject, COUNT, f"{running} of {desired} desired tasks {_are(running)} running{starting}")
        return
    starting = f" and {pending} {_are(pending)} starting" if pending else " and none is starting"
    text = f"only {running} of {desired} desired tasks {_are(running)} running{starting}"
    yield wrong(subject, COUNT, text, "Look at the service's events: they say why ECS starts no more tasks.")


def _are(number: int) -> str:
    return "is" if number == 1 else "are"


# ---- the running tasks ----


def by_digest(definition: TaskDefinition) -> dict[str, str]:
    """The images of the revision that are named by digest, ``repository@sha256:...``, by container."""
    return {name: f"{uri}@{version}" for name, (uri, version) in _images(definition).items() if _is_digest(version)}


def by_tag(definition: TaskDefinition) -> dict[str, tuple[str, str]]:
    """The repository and the tag of all others."""
    return {name: found for name, found in _images(definition).items() if found[0] and not _is_digest(found[1])}


def _images(definition: TaskDefinition) -> dict[str, tuple[str, str]]:
    return revisions.images(definition)


def _is_digest(version: str) -> bool:
    return version.startswith("sha256:")


def running(tasks: Sequence[Json]) -> list[Json]:
    return [task for task in tasks if task.get("lastStatus") == "RUNNING"]


def check_tasks(subject: str, tasks: Sequence[Json], contradictions: Sequence[str], revision: str) -> Iterator[Finding]:
    """Each running task runs the service's revision and the images that it names by digest."""
    for text in contradictions:
        yield wrong(
            subject, TASKS, f"the service runs {short(revision)}, but {text}", "Stop the task, or deploy again."
        )
    if not contradictions:
        count = len(running(tasks))
        yield ok(subject, TASKS, f"{count} running {'task' if count == 1 else 'tasks'} of {short(revision)}")


def check_tag(
    subject: str, container: str, named: tuple[str, str], tasks: Sequence[Json], now: frozenset[str] | None
) -> Iterator[Finding]:
    """An image by tag: all tasks run the same image, and the tag still means it. ``now``: the digests that the registry
    has for the tag, those within its index too; ``None`` if they are not known."""
    uri, tag = named
    digests = {str(c["imageDigest"]) for task in running(tasks) for c in task.get("containers", ())
               if c.get("name") == container and c.get("imageDigest")}  # fmt: skip
    place = f"container {container}: the tag {repository(uri).name}:{tag}"
    moved = sorted(digests - now) if now is not None else []
    if moved:
        text = f"{place} has moved: tasks run {', '.join(map(_brief, moved))}, and the next task runs another image"
        yield wrong(subject, TASKS, text, f"{_AGAIN}, and name the image by digest, as ecs-cd does.")
    elif now is None and len(digests) > 1:
        text = f"{place} has moved: tasks run {', '.join(map(_brief, sorted(digests)))}"
        yield wrong(subject, TASKS, text, f"{_AGAIN}, and name the image by digest, as ecs-cd does.")


def _brief(digest: str) -> str:
    return digest[: len("sha256:") + 12]


# ---- the revision ----


def words(described: Json) -> str:
    """``web:12 (registered 2026-01-01 10:00+00:00 by arn:...)``."""
    found = described["taskDefinition"]
    when, by = found.get("registeredAt"), found.get("registeredBy")
    registered = f" (registered{f' {_minute(when)}' if when else ''}{f' by {by}' if by else ''})" if when or by else ""
    return f"{short(str(found['taskDefinitionArn']))}{registered}"


def _begun(deployment: Json) -> str:
    return f", begun {_minute(deployment['createdAt'])}," if deployment.get("createdAt") else ""


def _minute(when: Any) -> str:
    return str(when.isoformat(" ", "minutes"))


def expected(template: TaskDefinition, runs: TaskDefinition, containers: Sequence[str]) -> dict[str, str]:
    """The running images of the containers whose images deployments replace: of all, if no document names them."""
    now = {str(each["name"]): str(each.get("image", "")) for each in runs["containerDefinitions"]}
    names = containers or [str(each["name"]) for each in template["containerDefinitions"]]
    return {name: now[name] for name in names if now.get(name)}


def check_template(
    subject: str, what: str, where: str, runs: TaskDefinition, says: TaskDefinition
) -> Iterator[Finding]:
    """The revision has what the template says, apart from images; a finding for each difference."""
    lines = difference.lines(runs, says)
    for line in lines[:_MOST]:
        text = f"{what} is not what {where} says; a deployment makes this change: {line}"
        yield wrong(subject, TEMPLATE, text, f"{_AGAIN}, or put what runs into the template.")
    if len(lines) > _MOST:
        yield wrong(subject, TEMPLATE, f"{what} and {where}: {len(lines) - _MOST} more differences", f"{_AGAIN}.")
    if not lines:
        yield ok(subject, TEMPLATE, f"{what} is what {where} says")


def others(runs: TaskDefinition, wanted: Mapping[str, str]) -> dict[str, str]:
    """Of the containers that should run these images by digest, those that run another, and which: empty if the
    revision lacks the container."""
    now = _images(runs)
    asked = {name: image_reference(image) for name, image in wanted.items()}
    return {name: _joined(*now.get(name, ("", ""))) for name, image in asked.items() if now.get(name) != image}


def _joined(uri: str, version: str) -> str:
    return f"{uri}{'@' if _is_digest(version) else ':'}{version}" if uri else ""


def is_commits_tag(image: str, place: Repository, commit: str) -> bool:
    """Whether the image is named by the commit's tag: which digest that means is another question."""
    return image_reference(image) == (str(place), place.tag(commit))


def commits(tags: Sequence[str], places: Sequence[Repository]) -> list[str]:
    """The commits among an image's tags. ``places``: the repository, with the prefix and suffix of each image in it."""
    return list(dict.fromkeys(each for place in places for each in targets.commits_of(tags, place)))


def check_commit(
    subject: str, what: str, commit: str, other: Mapping[str, tuple[str, Sequence[str]]], unknown: Sequence[str]
) -> Iterator[Finding]:
    """The revision runs the commit's images. ``other``: by container, the image that runs instead, and its commits;
    ``unknown``: the containers whose image of the commit ECR lacks."""
    for name, (image, found) in other.items():
        runs = _runs(image, found) if image else "does not exist"
        remedy = (
            f"{_AGAIN}: the newest successful commit is {commit}. Or keep it, if it is meant: after a rollback, say."
        )
        yield wrong(subject, COMMITS, f"{what}: container {name} {runs}, not the image of {commit}", remedy)
    for name in unknown:
        text = f"ECR has no image of {commit} for container {name}, so what runs can't be compared with it"
        yield not_checkable(subject, COMMITS, text, "Keep the images of commits that run: see the lifecycle policy.")
    if not other and not unknown:
        yield ok(subject, COMMITS, f"{what} runs the images of {commit}")


def _runs(image: str, found: Sequence[str]) -> str:
    uri, version = image_reference(image)
    name = _joined(repository(uri).name, _brief(version) if _is_digest(version) else version)
    of = f", the image of {', '.join(found[:_SHOWN])}{' and others' if len(found) > _SHOWN else ''}" if found else ""
    return f"runs {name}{of}"


def digests_of(image: Image, children: frozenset[str]) -> frozenset[str]:
    """What a task may report of this image: its digest, or one in its index."""
    return frozenset({image.digest}) | children
