"""`ecs-cd local run`: runs the repository's workflow on this machine, with the local AWS."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ecs_cd.aws import codepipeline
from ecs_cd.aws.session import Aws
from ecs_cd.local import (
    act,
    containers,
    infra,
    ministack,
    official,
    oidc,
    outcome,
    place,
    repository,
    tools,
    tree,
    up,
    workflow,
)
from ecs_cd.local.act import Result
from ecs_cd.local.codepipeline import follow, process
from ecs_cd.local.codepipeline.process import Codepipeline
from ecs_cd.local.job_log import JobLog
from ecs_cd.local.machine import Say
from ecs_cd.local.ministack import Ministack
from ecs_cd.local.place import Stack
from ecs_cd.local.repository import Snapshot
from ecs_cd.local.workflow import Workflow
from ecs_cd.model.errors import Refused

_LOGIN = (
    "A local run changes nothing in an account. Take the registry from a step of aws-actions/amazon-ecr-login, as "
    "`steps.ID.outputs.registry`: here it is the local one."
)


@dataclass(frozen=True)
class Options:
    """The command line."""

    workflow: str = ""
    event: str = ""
    event_file: str = ""
    job: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    tree: str = ""


def run(options: Options, environ: MutableMapping[str, str], say: Say) -> int:
    """Runs a workflow to its end; returns 0 if all jobs succeeded."""
    env = containers.host_in_use()
    tools.require(env)
    root = repository.root(Path.cwd())
    folder = place.folder(root, environ)
    stack, running = place.load(folder), ministack.running(folder)
    if stack is None or running is None:
        raise Refused(f"no local AWS is up for {root}", "Start it: ecs-cd local up")
    given = {**stack.options["variables"], **options.variables}
    name = options.workflow or ("" if options.event else stack.options["workflow"])
    chosen = workflow.choose(name, options.event, repository.workflows(root, given))
    event, job = workflow.event(options.event, chosen), workflow.job(options.job, chosen)
    secrets = _secrets(options.secrets, environ)
    payload = _payload(options.event_file)
    elsewhere = official.pushes_to_ecr(chosen, job)
    if elsewhere:
        raise Refused(elsewhere, _LOGIN)
    variables = {**_variables(chosen, running), **given}
    with tempfile.TemporaryDirectory(prefix="ecs-cd-local-") as scratch:
        replaced = tree.replaced(chosen, options.tree, Path(scratch) / "ecs-cd", environ, say)
        tree.require((name for name in chosen.ours if name not in replaced), secrets.get("GITHUB_TOKEN", ""))
        stack = up.refresh(folder, stack, running, root, env, environ, say)
        local_pipelines, begun = process.running(folder), time.time()
        endpoints = local_pipelines.client_env if local_pipelines else {}
        snapshot = repository.snapshot(root, Path(scratch) / root.name, stack.files)
        _begin(chosen, snapshot, stack, say)
        missing = workflow.missing(chosen, variables, secrets)
        if missing:
            say(f"not set, so empty: {', '.join(missing)} (--var NAME=VALUE, --secret NAME)")
        with oidc.token_endpoint() as id_token:
            result = _to_its_end(
                chosen,
                snapshot.folder,
                say,
                event=event,
                event_file=payload,
                job=job,
                env={**env, **running.client_env, **endpoints, **id_token},
                variables=variables,
                secrets=secrets,
                replaced=replaced,
            )
    if not result.jobs:
        raise Refused(f"no job of {chosen.file} ran", result.log.strip().rpartition("\n")[2])
    if local_pipelines:
        _tell_executions(local_pipelines, running, environ, begun, say)
    ministack.use(running, environ)
    failing = outcome.show(stack, Aws(environ, running.region), begun, say)
    say(_verdict(chosen, result, failing))
    return result.exit_code or (1 if failing else 0)


def _variables(chosen: Workflow, running: Ministack) -> dict[str, str]:
    """The variables that have a value here without being given: those of regions and roles."""
    regions = dict.fromkeys(["AWS_REGION", *chosen.region_variables], running.region)
    roles = dict.fromkeys(["ECS_CD_ROLE", *chosen.role_variables], f"arn:aws:iam::{running.account}:role/ecs-cd")
    return {**regions, **roles}


def _verdict(chosen: Workflow, result: Result, failing: Sequence[str]) -> str:
    """The last line. ``failing``: the services that don't stay up."""
    after = f"after {result.seconds:.1f} s"
    if not result.green:
        return f"the workflow FAILED {after}"
    if chosen.ours and not any(event.of_ecs_cd for event in result.events):
        return f"the workflow succeeded {after}, but deployed NOTHING: no step of ecs-cd ran"
    if failing:
        return f"the workflow succeeded {after}, but {', '.join(failing)} did NOT stay up"
    if any(event.failed for event in result.events):
        return f"the workflow succeeded {after}, although a step FAILED: see continue-on-error"
    return f"the workflow succeeded {after}"


def _secrets(names: tuple[str, ...], environ: Mapping[str, str]) -> dict[str, str]:
    absent = [name for name in names if name not in environ]
    if absent:
        raise Refused(
            [f"--secret {name}: there is no environment variable {name}" for name in absent],
            "ecs-cd reads a secret's value from the environment, so that no process list shows it.",
        )
    return {name: environ[name] for name in names}


def _payload(event_file: str) -> Path | None:
    path = Path(event_file).resolve()
    if not event_file:
        return None
    if not path.is_file():
        raise Refused(f"--event-file: {event_file} is not a file")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        content = None
    if not isinstance(content, dict):
        raise Refused(f"--event-file: {event_file} is not a JSON object", "It is the event's payload: github.event.")
    return path


def _begin(chosen: Workflow, snapshot: Snapshot, stack: Stack, say: Say) -> None:
    what = f"commit {snapshot.head[:12]}"
    if snapshot.changed:
        files = f"{snapshot.changed} changed file{'s' * (snapshot.changed > 1)}"
        what = f"commit {snapshot.sha[:12]}, which is {snapshot.head[:12]} with {files}"
    say(f"{chosen.file} runs on a copy of your working tree: {what}")
    if stack.files:
        say(f"with local contents: {', '.join(stack.files)}")


def _to_its_end(chosen: Workflow, folder: Path, say: Say, **how: Any) -> Result:
    """Runs the workflow and shows its log live, the output of a build only if the build fails."""
    log = JobLog(say, chosen.plain)
    with act.start(folder, workflow=chosen.file, labels=chosen.labels, on_event=log.show, **how) as started:
        try:
            return started.wait(timeout=None)
        finally:
            log.end()


def _tell_executions(
    found: Codepipeline, running: Ministack, environ: MutableMapping[str, str], since: float, say: Say
) -> None:
    """Shows the executions that have started since then, stage by stage."""
    infra.use(found, running, environ)
    aws = Aws(environ, running.region)
    for name in found.pipelines:
        for each in reversed(codepipeline.executions(aws, name)):
            if each["startTime"].timestamp() >= since:
                for line in follow.table(aws, name, each["pipelineExecutionId"]):
                    say(line)
