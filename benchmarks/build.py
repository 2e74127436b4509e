"""build-push: what it adds to a build, and how long it takes when it builds nothing."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TypeVar

from benchmarks.pipeline import bare_build
from benchmarks.rows import Row
from benchmarks.world import World, build_inputs, change, verb
from dev import workflows
from dev.stack import put_document

T = TypeVar("T")

IMAGES = (5, 10, 20)  # in one document


def build(here: World, runs: int) -> list[Row]:
    """A build compared with buildx's own, the same commit again, and many unchanged images."""
    return [*_overhead(here, runs), *_again(here, runs), *_unchanged(here, runs)]


def _overhead(here: World, runs: int) -> list[Row]:
    """Alternately, each with a new commit; the first round warms the caches."""
    pairs = [
        (
            _timed(lambda: bare_build(here, change(here)))[0],
            _timed(lambda: verb(here, "build-push", build_inputs(here, change(here))))[0],
        )
        for _ in range(runs + 1)
    ][1:]
    return [
        Row("build", "docker buildx build --push", "s", [bare for bare, _ in pairs]),
        Row("build", "build-push of another such commit", "s", [ours for _, ours in pairs]),
        Row("build", "build-push - buildx", "s", [ours - bare for bare, ours in pairs], 0.7),
    ]


def _again(here: World, runs: int) -> list[Row]:
    """Compared with the launcher's cold start: `images`, which makes the first AWS call and ends."""
    sha = change(here)
    verb(here, "build-push", build_inputs(here, sha))
    with _no_docker(here) as (bare, started):
        pairs = [
            (_timed(lambda: verb(bare, "images"))[0], _timed(lambda: verb(bare, "build-push", build_inputs(here, sha))))
            for _ in range(runs)
        ]
        processes = started()
    cold, again = [cold for cold, _ in pairs], [seconds for _, (seconds, _) in pairs]
    asked = [len(step.calls) for _, (_, step) in pairs]
    return [
        Row("build", "the launcher's cold start, to the first AWS call", "s", cold),
        Row("build", "same commit again", "s", again),
        Row("build", "same commit again / cold start", "x", [b / a for a, b in zip(cold, again, strict=True)], 1.5),
        Row("build", "same commit again: AWS calls", "calls", asked, most=3),
        Row("build", "same commit again: Docker", "processes", [processes], most=0),
    ]


def _unchanged(here: World, runs: int) -> list[Row]:
    """`reuse: content` at a new commit that does not change any image."""
    place = here.scratch / "many"
    place.mkdir()
    workflows.git(place, "init", "--quiet", "--initial-branch", "main")
    for number in range(max(IMAGES)):
        (place / f"image-{number}").mkdir()
        (place / f"image-{number}" / "Dockerfile").write_text(f"FROM scratch\nLABEL number={number}\nCOPY text /\n")
        (place / f"image-{number}" / "text").write_text(str(number))
        here.stack.clients.ecr.create_repository(repositoryName=f"many/image-{number}")
    many = replace(here, repo=place, stack=replace(here.stack, parameter="/ecs-cd/many/production"))
    rows = []
    for count in reversed(IMAGES):
        _declare(many, count)
        verb(many, "build-push", {"reuse": "content"})
        samples = []
        with _no_docker(many) as (bare, _):
            for _ in range(runs):
                workflows.commit(place, "nothing that an image has")
                samples.append(_timed(partial(verb, bare, "build-push", {"reuse": "content"})))
        seconds, asked = [taken for taken, _ in samples], [len(step.calls) for _, step in samples]
        rows.append(Row("build", f"{count} unchanged images: AWS calls", "calls", asked))
        rows.append(Row("build", f"{count} unchanged images", "s", seconds, 2 if count == max(IMAGES) else None))
    return rows[::-1]


def _declare(many: World, count: int) -> None:
    """The document and the app's file name this many images."""
    names = [f"image-{number}" for number in range(count)]
    images = {name: {"repository": f"{many.stack.aws.registry}/many/{name}"} for name in names}
    put_document(many.stack, {"cluster": many.stack.cluster, "images": images})
    (many.repo / ".github").mkdir(exist_ok=True)
    app_file = {"images": {name: {"context": name} for name in names}}
    (many.repo / ".github" / "ecs-cd.yml").write_text(json.dumps(app_file))
    workflows.commit(many.repo, f"{count} images")


def _timed(run: Callable[[], T]) -> tuple[float, T]:
    started = time.time()
    result = run()
    return time.time() - started, result


@contextmanager
def _no_docker(here: World) -> Iterator[tuple[World, Callable[[], int]]]:
    """The world without Docker: every attempt to start it fails and is counted."""
    shim, log = here.scratch / "shim" / "docker", here.scratch / "shim" / "log"
    shim.parent.mkdir(exist_ok=True)
    log.write_text("")
    shim.write_text(f"#!/bin/sh\necho >>{log}\nexit 1\n")
    shim.chmod(0o755)
    aws = here.stack.aws
    path = f"{shim.parent}{os.pathsep}{aws.env.get('PATH', os.environ['PATH'])}"
    bare = replace(here, stack=replace(here.stack, aws=replace(aws, env={**aws.env, "PATH": path})))
    yield bare, lambda: len(log.read_text().splitlines())
