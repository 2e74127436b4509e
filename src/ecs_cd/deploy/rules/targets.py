"""What a service can go back to: its revisions by AWS's history, as a table and as JSON."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ecs_cd.deploy.rules import history
from ecs_cd.deploy.rules.history import PastDeployment
from ecs_cd.model.references import COMMIT, Repository, short
from ecs_cd.report import markup

_HEAD = ("revision", "can go back", "state", "deployed", "commit", "images")


@dataclass(frozen=True)
class Target:
    """A revision that ran, or was to run. ``state``: how its newest deployment ended. ``commits``: those whose images
    it has, as far as known. ``images``: by container, as in the task definition. ``obstacles``: why ECS can start no
    task of it."""

    past: PastDeployment
    state: str
    commits: Sequence[str] = ()
    images: Mapping[str, str] = field(default_factory=dict)
    obstacles: Sequence[str] = ()


def revisions(past: Sequence[PastDeployment], current: str) -> list[tuple[PastDeployment, str]]:
    """The newest deployment of each revision, newest first, and its state in words."""
    newest: dict[str, PastDeployment] = {}
    for each in sorted(past, key=lambda each: each.created_at, reverse=True):
        if each.task_definition:
            newest.setdefault(each.task_definition, each)
    return [(each, _state(each, past, current)) for each in newest.values()]


def _state(each: PastDeployment, past: Sequence[PastDeployment], current: str) -> str:
    if each.task_definition == current:
        return "runs now"
    if not each.well:
        return each.status
    return "was rolled back" if history.was_rolled_back(past, each.task_definition) else "ran well"


def commits(
    described: Mapping[str, Any], images: Mapping[str, Collection[str]], places: Mapping[str, Repository]
) -> list[str]:
    """The commits of a revision: the values of its tags that are commits, or else those that all of its images share.

    ``images`` has the tags of each container's image, ``places`` the repositories of those that a commit builds. An
    image without a commit's tag does not count.
    """
    of_revision = [str(tag.get("value")) for tag in described.get("tags", ())]
    named = [value for value in of_revision if COMMIT.fullmatch(value)]
    of_images = [set(commits_of(tags, places[name])) for name, tags in images.items() if name in places]
    known = [each for each in of_images if each]
    return named or sorted(set.intersection(*known) if known else ())


def commits_of(tags: Iterable[str], place: Repository) -> list[str]:
    """The commits among an image's tags in this repository."""
    found = ((tag, tag.removeprefix(place.tag_prefix).removesuffix(place.tag_suffix)) for tag in tags)
    return [commit for tag, commit in found if COMMIT.fullmatch(commit) and place.tag(commit) == tag]


def lines(targets: Sequence[Target]) -> list[str]:
    """A table in plain text; below it, the obstacles."""
    rows = [_HEAD, *map(_row, targets)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD) - 1)]
    table = ["  ".join([*map(str.ljust, row, widths), row[-1]]).rstrip() for row in rows]
    return table + [f"{short(each.past.task_definition)}: {why}" for each in targets for why in each.obstacles]


def _row(target: Target) -> tuple[str, ...]:
    past = target.past
    back = "no" if target.obstacles else "yes"
    return (
        short(past.task_definition),
        "" if target.state == "runs now" else back,
        target.state,
        past.created_at.isoformat(" ", "minutes"),
        ", ".join(target.commits) or "unknown",
        ", ".join(map(markup.brief, target.images.values())),
    )


def as_json(targets: Sequence[Target], default: str) -> dict[str, Any]:
    """The entry of a service in the output ``targets``."""
    return {
        "default": default,
        "revisions": [
            {
                "task-definition": each.past.task_definition,
                "deployed-at": each.past.created_at.isoformat(),
                "state": each.state,
                "commits": list(each.commits),
                "images": dict(each.images),
                "obstacles": list(each.obstacles),
            }
            for each in targets
        ],
    }
