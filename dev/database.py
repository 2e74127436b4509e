"""A PostgreSQL that only containers on its own network reach, as RDS inside a VPC.

The host can route to a container's address too, so pg_hba.conf refuses the network's gateway, which is
where connections from the host come from, before it lets the rest of the subnet in.
"""

from __future__ import annotations

import secrets
import socket
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from ecs_cd.local import machine
from ecs_cd.local.machine import LocalError

PORT = 5432
ALIAS = "db"

# The first matching line counts. Inside the container the socket is open: that is how readiness is asked.
PG_HBA = """\
local all all trust
host all all {gateway}/32 reject
host all all {subnet} scram-sha-256
"""

# Runs as the user postgres of our image and of the official one. The data goes with the container: no fsync.
SERVER = """\
set -eu
for bin in /usr/lib/postgresql/*/bin; do PATH="$bin:$PATH"; done
data=$(mktemp -d)
mkfifo -m 600 "$data/password"
printf '%s' "$POSTGRES_PASSWORD" >"$data/password" &
initdb --no-sync -D "$data/main" -U app --pwfile="$data/password" --encoding=UTF8 --locale=C >/dev/null
printf '%s' "$PG_HBA" >"$data/main/pg_hba.conf"
unset POSTGRES_PASSWORD
exec postgres -D "$data/main" -c listen_addresses='*' -c unix_socket_directories=/tmp -c jit=off -c fsync=off
"""
READY = """\
for bin in /usr/lib/postgresql/*/bin; do PATH="$bin:$PATH"; done
until psql -qtA -h /tmp -U app -d postgres -c 'CREATE DATABASE app' 2>/tmp/ready.log; do
    grep -q 'already exists' /tmp/ready.log && exit 0
    sleep 0.05
done
"""
CREATE = """\
for bin in /usr/lib/postgresql/*/bin; do PATH="$bin:$PATH"; done
psql -q -h /tmp -U app -d postgres -c "CREATE DATABASE $1"
"""


@dataclass(frozen=True)
class Database:
    """A database of a running server: its container and network, and how tasks on the network connect."""

    container: str
    network: str
    subnet: str
    gateway: str
    address: str
    password: str = field(repr=False)
    name: str = "app"

    @property
    def url(self) -> str:
        """What a task on the network connects with."""
        return f"postgresql://app:{self.password}@{ALIAS}:{PORT}/{self.name}"


@contextmanager
def database(env: Mapping[str, str], image: str) -> Iterator[Database]:
    """A network and a PostgreSQL on it, both of this run alone and removed at the end."""
    name = f"ecs-cd-{secrets.token_hex(4)}"
    container = f"{name}-db"
    password = secrets.token_urlsafe(18)
    try:
        machine.run(["docker", "network", "create", name], env=env)
        subnet, gateway = _inspect(env, "network", name, "{{with index .IPAM.Config 0}}{{.Subnet}} {{.Gateway}}{{end}}")
        _run_server(env, image, name, container, password, PG_HBA.format(gateway=gateway, subnet=subnet))
        (address,) = _inspect(env, "container", container, "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}")
        yield Database(container, name, subnet, gateway, address, password)
    finally:
        _remove(env, container, name)


def empty_database(env: Mapping[str, str], server: Database) -> Database:
    """Another database on the same server, which is cheaper than another server."""
    name = f"app_{secrets.token_hex(4)}"
    machine.run(["docker", "exec", server.container, "sh", "-c", CREATE, "sh", name], env=env)
    return replace(server, name=name)


def _run_server(env: Mapping[str, str], image: str, network: str, container: str, password: str, hba: str) -> None:
    placement = ["--name", container, "--network", network, "--network-alias", ALIAS, "--user", "postgres"]
    # Values come from our own environment: an argument would be in every process list.
    settings = ["--env", "POSTGRES_PASSWORD", "--env", "PG_HBA"]
    values = {**env, "POSTGRES_PASSWORD": password, "PG_HBA": hba}
    machine.run(
        [
            "docker",
            "run",
            "--detach",
            "--init=false",
            *placement,
            *settings,
            "--entrypoint",
            "sh",
            image,
            "-c",
            SERVER,
        ],
        env=values,
    )
    ready = machine.run(
        ["docker", "exec", container, "timeout", "60", "sh", "-c", READY], env=env, check=False, timeout=90
    )
    if ready.returncode != 0:
        logs = machine.run(["docker", "logs", "--tail", "10", container], env=env, check=False)
        raise LocalError(f"PostgreSQL did not start:\n{ready.stderr}{logs.stdout}{logs.stderr}")


def _inspect(env: Mapping[str, str], kind: str, name: str, template: str) -> list[str]:
    return machine.run(["docker", kind, "inspect", "--format", template, name], env=env).stdout.split()


def _remove(env: Mapping[str, str], container: str, network: str) -> None:
    """Remove the server and whatever else is still on its network, then the network."""
    attached = machine.run(["docker", "ps", "--all", "--quiet", "--filter", f"network={network}"], env=env, check=False)
    machine.run(["docker", "rm", "--force", "--volumes", container, *attached.stdout.split()], env=env, check=False)
    machine.run(["docker", "network", "rm", network], env=env, check=False)


def refusal(server: Database) -> str | None:
    """What the server answers to a connection from this host: its refusal, or None if it lets us in.

    The start of PostgreSQL's protocol by hand: it takes no client library, and the answer comes
    before any password is asked for.
    """
    fields = b"user\0app\0database\0app\0\0"
    startup = struct.pack("!II", 8 + len(fields), 3 << 16) + fields
    with socket.create_connection((server.address, PORT), timeout=5) as connection:
        connection.sendall(startup)
        with connection.makefile("rb") as answer:
            kind = answer.read(1)
            body = answer.read(struct.unpack("!I", answer.read(4))[0] - 4)
    if kind != b"E":
        return None
    parts = {part[:1]: part[1:].decode() for part in body.split(b"\0") if part}
    return parts.get(b"M", "")
