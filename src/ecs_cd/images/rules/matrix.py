"""The matrix of the jobs that build a document's images: a row per image, or per platform with its own runner."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ecs_cd.model import platforms
from ecs_cd.model.errors import Refused

Runners = Mapping[str, Sequence[str]]  # the labels by platform; the key "" for images without platforms


def matrix(
    images: Iterable[str], written: Mapping[str, Sequence[str]], runners: Runners, *, file: str
) -> dict[str, Any]:
    """What `strategy.matrix` takes. ``written`` are the platforms of images in the app's file, which is ``file``.

    Without ``runners``, one row per image. If runners are for no platform, they build every image whole. Raises
    ``Refused`` with every platform that has no runner or is there twice.
    """
    names = list(images)
    if not runners:
        return {"image": names}
    if set(runners) == {""}:
        return {"include": [{"image": name, "runs-on": list(runners[""])} for name in names]}
    problems = [problem for name in names for problem in _problems(name, written.get(name, ()), runners, file)]
    if problems:
        raise Refused(problems, "The input runs-on has a line PLATFORM=LABEL for each platform of the app's file.")
    return {"include": [row for name in names for row in _rows(name, written.get(name, ()), runners)]}


def _problems(name: str, listed: Sequence[str], runners: Runners, file: str) -> Iterator[str]:
    where = f"{file}, images.{name}.platforms"
    yield from (f"{where}: {platform} is there twice" for platform in platforms.repeated(listed))
    missing = [platform for platform in dict.fromkeys(listed) if platforms.normalized(platform) not in runners]
    yield from (f"{where}: runs-on has no runner for {platform}" for platform in missing)


def _rows(name: str, listed: Sequence[str], runners: Runners) -> Iterator[dict[str, Any]]:
    if not listed:
        yield {"image": name, "runs-on": list(runners.get("") or next(iter(runners.values())))}
    for platform in map(platforms.normalized, listed):
        part = {"platform": platform} if len(listed) > 1 else {}
        yield {"image": name, **part, "runs-on": list(runners[platform])}
