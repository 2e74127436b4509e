"""The process of the local CodePipeline: python -m ecs_cd.local.codepipeline FOLDER, which `up` starts."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

from ecs_cd.aws.session import Aws
from ecs_cd.local import containers, ministack
from ecs_cd.local.codebuild.builds import Builds
from ecs_cd.local.codepipeline import declared, localized, operations, process
from ecs_cd.local.codepipeline.actions import RUN
from ecs_cd.local.codepipeline.deployments import Deployments
from ecs_cd.local.codepipeline.endpoint import Endpoint
from ecs_cd.local.codepipeline.engine import Engine
from ecs_cd.local.codepipeline.process import Codepipeline
from ecs_cd.local.codepipeline.rules.infra import Infra
from ecs_cd.local.codepipeline.watch import watch
from ecs_cd.local.codepipeline.work import World
from ecs_cd.local.ministack import Ministack


def main(folder: Path) -> None:
    """Serves until it is told to end."""
    found, running = process.recorded(folder), ministack.recorded(folder)
    assert found is not None and running is not None, "up records both before it starts this process"
    ministack.use(running, os.environ)
    infra = localized.for_here(_declared(found), running.registry, running.account, running.region)
    world = _world(folder, infra, found, running)
    engine = Engine(infra, world, RUN, _say, running.account)
    watching = threading.Event()
    threading.Thread(target=watch, args=(world, infra.rules, engine.emit, watching.set), daemon=True).start()
    watching.wait()  # a push after the endpoint's first answer is an event
    served = {
        "codepipeline": operations.codepipeline(engine),
        "codebuild": operations.codebuild(world.builds),
        "codedeploy": operations.codedeploy(world.deployments),
    }
    with Endpoint(served, _say, found.port) as endpoint:
        signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=endpoint.shutdown).start())
        endpoint.serve_forever(0.1)
    world.ending.set()


def _declared(found: Codepipeline) -> Infra:
    """`up` has created the objects, so their files needn't be there any more."""
    return declared.read(found.declared.text, found.declared.parameters, lambda _: b"")


def _world(folder: Path, infra: Infra, found: Codepipeline, running: Ministack) -> World:
    aws, ending = Aws(os.environ, running.region), threading.Event()
    engine = {name: value for name, value in os.environ.items() if name.startswith("DOCKER_")}
    builds = Builds(
        aws,
        infra.projects,
        image=found.declared.build_image,
        env=engine,
        build_env={**running.client_env, **found.client_env},
        network=containers.network(running.network_of, engine) if running.network_of else "",
        folder=folder,
        ending=ending,
    )
    deployments = Deployments(infra.deployment_groups)
    return World(aws, running.registry, folder / process.REMOTE, builds, deployments, ending)


def _say(text: str) -> None:
    with suppress(OSError):  # a full disk ends no execution
        print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
