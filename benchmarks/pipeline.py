"""The whole pipeline under act, compared with the time of its parts without it."""

from __future__ import annotations

import functools
import json
import time
from pathlib import Path

from benchmarks.process import TIMEOUT
from benchmarks.rows import Row
from benchmarks.world import World, build_inputs, change, deployments, life, until, wait_until_settled
from dev.stack import APP_TEMPLATE, CONTAINER, MIGRATION_TEMPLATE, NETWORK
from dev.workflows import Result, run_workflow
from ecs_cd.local import machine
from ecs_cd.local.machine import LocalError

Seconds = dict[str, float]


def pipeline(here: World, runs: int) -> list[Row]:
    """Measures job and floor alternately, each with a new change; the first round warms the caches."""
    samples = [{**_job(here), **_floor(here)} for _ in range(runs + 1)][1:]
    for sample in samples:
        sample["floor"] = sample["build"] + sample["migration"] + sample["rollout"]
        sample["difference"] = sample["job"] - sample["floor"]
        sample["ratio"] = sample["job"] / sample["floor"]
        sample["rest"] = sample["difference"] - sample["act"] - sample["copying"]
    row = functools.partial(_row, samples)
    return [
        row("whole job under act, new commit", "job"),
        row("floor: buildx build --push", "build"),
        row("floor: the migration container's life", "migration"),
        row("floor: UpdateService to COMPLETED", "rollout"),
        row("floor: the three together", "floor"),
        row("job - floor", "difference", aim=1.5),
        row("job / floor", "ratio", "x"),
        row("act's own: a job with only a checkout", "act"),
        row("act's own: copying the action's tree, twice", "copying"),
        row("job - floor - act's own", "rest", aim=1.5),
    ]


def _row(samples: list[Seconds], what: str, key: str, unit: str = "s", aim: float | None = None) -> Row:
    return Row("pipeline", what, unit, [sample[key] for sample in samples], aim)


def _job(here: World) -> Seconds:
    change(here)
    wait_until_settled(here)
    taken = {}
    for name, workflow in (("act", "empty.yml"), ("job", "deploy.yml")):
        result = run_workflow(
            here.repo,
            here.tree,
            workflow=workflow,
            env=here.stack.aws.env,
            variables={"BASE_IMAGE": here.base},
            timeout=TIMEOUT,
        )
        if not result.green:
            raise LocalError(f"{workflow} is red:\n{result.log}")
        taken[name] = result.seconds
    return {**taken, "copying": _copying(result)}


def _copying(result: Result, step: str = "cd") -> float:
    """act copies an action's whole tree before its first step, and once more for steps that it does not have."""
    own = [event for event in result.events if event.step == step]
    main = next(event.at for event in own if event.data["stage"] == "Main")
    inside = next(event.at for event in own if event.data["stage"] == "Main" and len(event.data["stepID"]) > 1)
    post = [event.at for event in own if event.data["stage"] == "Post"]
    return inside - main + post[-1] - post[0]


def _floor(here: World) -> Seconds:
    """The same steps as bare calls, polled every 20 ms; the gaps between them do not count."""
    sha = change(here)
    wait_until_settled(here)
    stack, ecs = here.stack, here.stack.clients.ecs
    started = time.time()
    image = bare_build(here, sha)
    built = time.time()
    migration = ecs.run_task(
        cluster=stack.cluster,
        taskDefinition=_register(here, MIGRATION_TEMPLATE, image),
        launchType="FARGATE",
        networkConfiguration={"awsvpcConfiguration": NETWORK},
        overrides={"containerOverrides": [{"name": CONTAINER, "command": ["python3", "migrate.py"]}]},
    )["tasks"][0]["taskArn"]

    def migrated() -> bool:
        return ecs.describe_tasks(cluster=stack.cluster, tasks=[migration])["tasks"][0]["lastStatus"] == "STOPPED"

    until(migrated, "the migration has ended")
    began, died = life(here, "my-app-migration", built)
    revision = _register(here, APP_TEMPLATE, image)
    updated = time.time()
    ecs.update_service(cluster=stack.cluster, service=stack.service, taskDefinition=revision)
    completed = until(lambda: _completed(here, revision), "the deployment is COMPLETED")
    return {"build": built - started, "migration": died - began, "rollout": completed - updated}


def _completed(here: World, revision: str) -> bool:
    primary = next(d for d in deployments(here) if d["status"] == "PRIMARY")
    return bool(primary["taskDefinition"] == revision and primary["rolloutState"] == "COMPLETED")


def bare_build(here: World, sha: str) -> str:
    """The image by digest, pushed with two tags like the pipeline's."""
    metadata = here.scratch / "metadata.json"
    repository = f"{here.stack.aws.registry}/{here.stack.repository}"
    tags = [part for tag in (sha, "latest") for part in ("--tag", f"{repository}:{tag}")]
    arguments = [
        part for value in build_inputs(here, sha)["build-args"].splitlines() for part in ("--build-arg", value)
    ]
    command: list[str | Path] = ["docker", "buildx", "build", "--push", *tags, *arguments]
    machine.run([*command, "--metadata-file", metadata, here.repo], env=here.stack.aws.env, timeout=TIMEOUT)
    return f"{repository}@{json.loads(metadata.read_text())['containerimage.digest']}"


def _register(here: World, template: str, image: str) -> str:
    text = here.stack.clients.s3.get_object(Bucket=here.stack.bucket, Key=template)["Body"].read()
    definition = json.loads(text)
    definition["containerDefinitions"][0]["image"] = image
    return here.stack.clients.ecs.register_task_definition(**definition)["taskDefinition"]["taskDefinitionArn"]
