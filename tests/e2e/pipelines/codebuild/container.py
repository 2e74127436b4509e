"""The container of a build: what it has of CodeBuild's image, and one shell for all its commands.

It is on the host's network, where the local AWS listens and from where the database is not reached.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from dev.aws import Aws
from dev.stack import Clients
from ecs_cd.local import machine

HERE = Path(__file__).parent
TIMEOUT = 180


@dataclass(frozen=True)
class Place:
    """Where builds run: an image, and the local AWS.

    With ``network`` a build has the engine, whose containers join this network: a build in the VPC reaches the database
    by `docker run`.
    """

    image: str
    aws: Aws
    clients: Clients = field(repr=False)
    network: str = ""


@dataclass(frozen=True)
class Container:
    """A running container."""

    id: str
    env: Mapping[str, str]

    def run(self, commands: Sequence[str], *, succeeding: bool) -> tuple[int, str]:
        """The exit status of a phase's last command that ran, and the phase's log."""
        command = ["docker", "exec", self.id, "bash", "/codebuild-phase.sh", "1" if succeeding else "0", *commands]
        done = machine.run(command, env=self.env, check=False, timeout=TIMEOUT)
        return done.returncode, done.stdout + done.stderr

    def command(self) -> str:
        """The last command that ran."""
        return machine.run(["docker", "exec", self.id, "cat", "/codebuild/command"], env=self.env).stdout

    def copy_out(self, folder: Path) -> None:
        """Copies /codebuild."""
        machine.run(["docker", "cp", f"{self.id}:/codebuild", folder], env=self.env)


@contextmanager
def started(where: Place, environment: Mapping[str, str], files: Path) -> Iterator[Container]:
    """A container with these variables, and these files in /codebuild; it is removed at the end."""
    values = {**environment, **_aws(where)}
    names = [part for name in values for part in ("--env", name)]  # the values are in no process list
    create = ["docker", "create", "--network", "host", *names, *_mounts(where), where.image, "sleep", "infinity"]
    # The client's own variables are set last, because a build can have variables of the same names.
    id = machine.run(create, env={**values, **where.aws.env}).stdout.strip()
    try:
        machine.run(["docker", "cp", files, f"{id}:/codebuild"], env=where.aws.env)
        machine.run(["docker", "start", id], env=where.aws.env)
        yield Container(id, where.aws.env)
    finally:
        machine.run(["docker", "rm", "--force", "--volumes", id], env=where.aws.env, check=False)


def _aws(where: Place) -> dict[str, str]:
    """The variables by which a build talks to the local AWS."""
    found = {name: value for name, value in where.aws.env.items() if name.startswith("AWS_")}
    return {**found, "AWS_DEFAULT_REGION": where.aws.region}


def _mounts(where: Place) -> list[str]:
    """The tools. With the engine, `docker run` gets the network, as CodeBuild's own engine would have the VPC's."""
    mounts = {HERE / "phase.sh": "/codebuild-phase.sh", HERE / "aws": "/usr/local/bin/aws"}
    flags = [f"--volume={source}:{target}:ro" for source, target in mounts.items()]
    if where.network:
        socket = where.aws.env.get("DOCKER_HOST", "").removeprefix("unix://") or "/var/run/docker.sock"
        docker = shutil.which("docker", path=where.aws.env.get("PATH"))
        flags += [f"--volume={docker}:/usr/bin/docker:ro", f"--volume={socket}:/var/run/docker.sock"]
        flags += [f"--volume={HERE / 'docker'}:/usr/local/bin/docker:ro", f"--env=VPC={where.network}"]
    return flags
