"""`ecs-cd local push`: what a push to the branch of a pipeline's connection does."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

from ecs_cd.aws import codepipeline
from ecs_cd.aws.session import Aws
from ecs_cd.local import containers, infra, machine, place, repository, up
from ecs_cd.local.codepipeline import follow, process
from ecs_cd.local.codepipeline.rules import triggers
from ecs_cd.local.machine import Say
from ecs_cd.local.repository import Snapshot
from ecs_cd.model.errors import Refused

_ALONE = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}


def push(branch: str, environ: MutableMapping[str, str], say: Say) -> int:
    """Pushes the working tree, starts the pipelines of the branch and follows them; 0 if all succeed.

    ``branch`` is empty for the one that is checked out.
    """
    root = repository.root(Path.cwd())
    folder = place.folder(root, environ)
    _, running = infra.require(folder, root)
    stack = place.load(folder)
    if stack is None:
        raise Refused(f"ecs-cd local up did not finish for {root}", "Run it again.")
    stack = up.refresh(folder, stack, running, root, containers.host_in_use(), environ, say)
    found, running = infra.require(folder, root)
    infra.use(found, running, environ)
    aws = Aws(environ, running.region)
    branch = branch or repository.branch(root)
    declared = {name: codepipeline.pipeline(aws, name) for name in found.pipelines}
    started = [name for name, each in declared.items() if triggers.triggered(each, branch)]
    if not started:
        raise Refused(f"no pipeline starts at a push to {branch}", _remedy(declared))
    with tempfile.TemporaryDirectory(prefix="ecs-cd-local-") as scratch:
        snapshot = repository.snapshot(root, Path(scratch) / root.name, stack.files)
        _to_remote(snapshot, folder / process.REMOTE, branch)
    say(f"pushed {snapshot.sha[:12]} to {branch}{' with uncommitted changes' if snapshot.changed else ''}")
    executions = {
        name: codepipeline.start(aws, _request(name, declared[name], branch, snapshot.sha)) for name in started
    }
    results = [follow.follow(aws, name, execution, say) for name, execution in executions.items()]
    return 0 if all(results) else 1


def _to_remote(snapshot: Snapshot, remote: Path, branch: str) -> None:
    if not remote.is_dir():
        machine.run(["git", "init", "--quiet", "--bare", remote], env=_ALONE)
    machine.run(
        ["git", "push", "--quiet", "--force", remote, f"{snapshot.sha}:refs/heads/{branch}"],
        cwd=snapshot.folder,
        env=_ALONE,
    )


def _request(pipeline: str, declared: Mapping[str, Any], branch: str, commit: str) -> dict[str, Any]:
    sources = [name for name, given in triggers.connections(declared).items() if given.get("BranchName") == branch]
    revisions = [{"actionName": each, "revisionType": "COMMIT_ID", "revisionValue": commit} for each in sources]
    return {"name": pipeline, "sourceRevisions": revisions}


def _remedy(declared: Mapping[str, Mapping[str, Any]]) -> str:
    found = {given.get("BranchName", "") for each in declared.values() for given in triggers.connections(each).values()}
    if not found:
        return "No pipeline has a connection as its source: a workflow starts it, with ecs-cd local run."
    return f"Their branches are {', '.join(sorted(found))}: ecs-cd local push --branch NAME"
