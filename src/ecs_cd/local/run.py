"""`ecs-cd local run`: runs the repository's workflow on this machine, with the local AWS."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ecs_cd.aws import codepipeline
from ecs_cd.aws.session import Aws
from ecs_cd.local import act, containers, infra, ministack, oidc, place, plan, repository, tools, workflow
from ecs_cd.local.act import Event, Result
from ecs_cd.local.codepipeline import follow, process
from ecs_cd.local.codepipeline.process import Codepipeline
from ecs_cd.local.machine import Say
from ecs_cd.local.ministack import Ministack
from ecs_cd.local.place import Stack
from ecs_cd.local.repository import Snapshot
from ecs_cd.local.workflow import Workflow
from ecs_cd.model.errors import Refused

_ROOT = Path(__file__).resolve().parents[3]
# The parts of a checkout that `uses:` needs: act copies the whole folder, twice for each step.
_PARTS = (
    "action.yml", "actions", "build-push", "images", "migrate", "deploy", "hand-off", "bin", "src", "requirements",
    ".github/workflows/pipeline.yml",
)  # fmt: skip


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
    chosen = workflow.choose(options.workflow, options.event, repository.workflows(root))
    event, job = workflow.event(options.event, chosen), workflow.job(options.job, chosen)
    secrets = _secrets(options.secrets, environ)
    roles = dict.fromkeys(["ECS_CD_ROLE", *chosen.role_variables], f"arn:aws:iam::{running.account}:role/ecs-cd")
    variables = {"AWS_REGION": running.region, **roles, **options.variables}
    payload = _payload(options.event_file)
    local_pipelines, begun = process.running(folder), time.time()
    endpoints = local_pipelines.client_env if local_pipelines else {}
    with tempfile.TemporaryDirectory(prefix="ecs-cd-local-") as scratch:
        snapshot = repository.snapshot(root, Path(scratch) / root.name, stack.files)
        replaced = _replaced(chosen, options.tree, Path(scratch) / "ecs-cd", say)
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
    say(f"the workflow {'succeeded' if result.green else 'FAILED'} after {result.seconds:.1f} s")
    if local_pipelines:
        _tell_executions(local_pipelines, running, environ, begun, say)
    _tell_what_runs(stack, running, environ, say)
    return result.exit_code


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
    if event_file and not path.is_file():
        raise Refused(f"--event-file: {event_file} is not a file")
    return path if event_file else None


def _replaced(chosen: Workflow, tree: str, scratch: Path, say: Say) -> dict[str, Path]:
    """Maps each action to the folder that act uses for it."""
    ours = _own_tree(Path(tree).resolve() if tree else _ROOT, scratch)
    if ours is None and tree:
        raise Refused(f"--tree: {tree} is not a tree of ecs-cd: it has no action.yml and bin/ecs-cd")
    if ours is None and chosen.ours:
        say(f"{', '.join(chosen.ours)}: fetched from GitHub; --tree DIR uses a folder instead")
    # The tree contains what the reusable workflow of ecs-cd uses.
    called = repository.workflows(ours) if ours else []
    uses = [name for workflow in (chosen, *called) for name in workflow.ours] if ours else []
    signing_in = [name for workflow in (chosen, *called) for name in workflow.credentials]
    return {**{name: ours for name in uses if ours}, **dict.fromkeys(signing_in, act.STAND_IN)}


def _own_tree(tree: Path, scratch: Path) -> Path | None:
    """The folder with the actions: a release as it is, or a copy of the needed parts of a checkout."""
    if not ((tree / "action.yml").is_file() and (tree / "bin" / "ecs-cd").is_file()):
        return None
    if (tree / "dist").is_dir():
        return tree
    for name in _PARTS:
        (scratch / name).parent.mkdir(parents=True, exist_ok=True)
        if (tree / name).is_dir() and not (tree / name).is_symlink():
            shutil.copytree(tree / name, scratch / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(tree / name, scratch / name, follow_symlinks=False)
    return scratch


def _begin(chosen: Workflow, snapshot: Snapshot, stack: Stack, say: Say) -> None:
    what = f"commit {snapshot.head[:12]}"
    if snapshot.changed:
        files = f"{snapshot.changed} changed file{'s' * (snapshot.changed > 1)}"
        what = f"commit {snapshot.sha[:12]}, which is {snapshot.head[:12]} with {files}"
    say(f"{chosen.file} runs on a copy of your working tree: {what}")
    if stack.files:
        say(f"with local contents: {', '.join(stack.files)}")


def _to_its_end(chosen: Workflow, folder: Path, say: Say, **how: Any) -> Result:
    """Runs the workflow and shows its log live."""

    def show(event: Event) -> None:
        if act.worth_showing(event):
            job = "" if chosen.plain else f"{event.data.get('job', '')} "
            for line in event.text.splitlines() or [""]:
                say(f"  {job}| {line}".rstrip())

    with act.start(folder, workflow=chosen.file, labels=chosen.labels, on_event=show, **how) as started:
        return started.wait(timeout=None)


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


def _tell_what_runs(stack: Stack, running: Ministack, environ: MutableMapping[str, str], say: Say) -> None:
    """Lists each service's tasks, with addresses that this machine can reach if Docker runs directly on it."""
    ministack.use(running, environ)
    ecs = Aws(environ, running.region).client("ecs")
    for key, name in stack.services.items():
        arns = ecs.list_tasks(cluster=stack.cluster, serviceName=name, desiredStatus="RUNNING")["taskArns"]
        tasks = ecs.describe_tasks(cluster=stack.cluster, tasks=arns)["tasks"] if arns else []
        if not tasks:
            say(f"{key}: no task of {name} runs")
        for task in tasks:
            images = ", ".join(container.get("image", "") for container in task.get("containers", ()))
            say(f"{key}: a task of {name} runs at {plan.address(task) or 'no address'}: {images}")
