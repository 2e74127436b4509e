"""An image of two platforms, each built by a job of its own at the same time, compared with the slower build alone."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from benchmarks.process import TIMEOUT
from benchmarks.rows import Row
from benchmarks.world import World, build_inputs, change, verb
from ecs_cd.local import machine

PLATFORMS = ("linux/amd64", "linux/amd64/v2")  # two that this machine can run
SLOW = 'ARG BASE\nFROM ${BASE}\nARG TARGETVARIANT\nCOPY app.py /\nRUN test -n "$TARGETVARIANT" && sleep 8 || sleep 3\n'


def platforms(here: World, runs: int) -> list[Row]:
    """Each round with a new commit, whose steps take 3 and 8 seconds; the first round warms the caches."""
    (here.repo / "Dockerfile").write_text(SLOW)
    app_file = {"images": {"app": {"platforms": list(PLATFORMS)}}}
    (here.repo / ".github" / "ecs-cd.yml").write_text(json.dumps(app_file))
    pairs = [(_slower(here, change(here)), _joined(here, change(here))) for _ in range(runs + 1)][1:]
    return [
        Row("platforms", "docker buildx build --push of the slower platform", "s", [alone for alone, _ in pairs]),
        Row("platforms", "both jobs, from images to the index", "s", [both for _, both in pairs]),
        Row("platforms", "both jobs - the slower build", "s", [both - alone for alone, both in pairs], 20),
    ]


def _slower(here: World, sha: str) -> float:
    started = time.monotonic()
    tag = f"{here.stack.aws.registry}/{here.stack.repository}:{sha}"
    options = [f"--platform={PLATFORMS[1]}", f"--tag={tag}", f"--build-arg=BASE={here.base}"]
    command = ["docker", "buildx", "build", "--push", *options, str(here.repo)]
    machine.run(command, env=here.stack.aws.env, timeout=TIMEOUT)
    return time.monotonic() - started


def _joined(here: World, sha: str) -> float:
    """The verbs of pipeline.yml's jobs, without the runners' own times."""
    started = time.monotonic()
    verb(here, "images", {"runs-on": "\n".join(f"{platform}=x" for platform in PLATFORMS)})

    def job(platform: str) -> None:
        own = here.scratch / platform.replace("/", "-")
        own.mkdir(exist_ok=True)
        verb(replace(here, scratch=own), "build-push", {**build_inputs(here, sha), "platform": platform})

    with ThreadPoolExecutor(len(PLATFORMS)) as pool:
        list(pool.map(job, PLATFORMS))
    seconds = time.monotonic() - started
    ids = [{"imageTag": sha}]
    (found,) = here.stack.clients.ecr.batch_get_image(repositoryName=here.stack.repository, imageIds=ids)["images"]  # type: ignore[arg-type]
    assert len(json.loads(found["imageManifest"])["manifests"]) >= len(PLATFORMS)
    return seconds
