"""A Docker engine with buildx for local runs.

Uses an engine that answers. Otherwise, on Debian or Ubuntu as root, unpacks the distribution's engine below
`.cache/engine` and starts it there, without installing it. There is never a second engine, because it would remove the
bridge of the first: all local runs share an engine, and the last run stops it.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from dev import host
from dev.host import CACHE, LOGS, RUNTIME, progress
from ecs_cd.local import machine
from ecs_cd.local.containers import answers, has_buildx, host_in_use
from ecs_cd.local.machine import LocalError

HOME = CACHE / "engine"
SOCKET = RUNTIME / "docker.sock"
PIDFILE = RUNTIME / "docker.pid"
HOST = f"unix://{SOCKET}"
DOCKER_CONFIG = CACHE / "docker"

# Debian 12 has engine 20.10 and no buildx; the next release's build and push provenance, caches and several
# platforms, and run there as well. Its runc does not (glibc 2.38), but any runc will do.
DERIVED_SUITE = {"bullseye": "trixie", "bookworm": "trixie"}
PROGRAMS = (
    "dockerd",
    "docker-proxy",
    "containerd",
    "containerd-shim-runc-v2",
    "runc",
    "docker",
    "docker-buildx",
)
INSTALL_HINT = (
    "No Docker engine answers, and one can only be set up on Debian or Ubuntu, as root. Install Docker Engine 23 or "
    "newer with buildx, start it and run this again."
)


@contextmanager
def engine() -> Iterator[dict[str, str]]:
    """Yields environment variables for an engine that answers; an engine started here stops with its last user."""
    if answers({}) and os.environ.get("DOCKER_HOST") != HOST:
        yield {**host_in_use(), **_buildx({})}
        return
    if not host.can_install():
        raise LocalError(INSTALL_HINT)
    with _shared():
        env = {"DOCKER_HOST": HOST, **_client_path()}
        yield {**env, **_buildx(env)}


@contextmanager
def _shared() -> Iterator[None]:
    """Share one engine: the first user starts it, the last user stops it.

    Every user holds a shared lock on `users`; a user that can make it exclusive is alone. `change` orders starts and
    stops. A killed process loses its locks, so the next run stops an engine that it left behind.
    """
    RUNTIME.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (RUNTIME / "users.lock").open("a") as users:
        try:
            with host.locked(RUNTIME / "change.lock"):
                fcntl.flock(users, fcntl.LOCK_SH)
                if not answers({"DOCKER_HOST": HOST, **_client_path()}):
                    _start()
            yield
        finally:
            with host.locked(RUNTIME / "change.lock"):
                if _alone(users.fileno()):
                    _stop()


def _alone(users: int) -> bool:
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _start() -> None:
    _refuse_foreign_engine()
    programs = _unpacked()
    host.require("iptables", "iptables")
    LOGS.mkdir(parents=True, exist_ok=True)
    configuration = HOME / "daemon.json"
    configuration.write_text(json.dumps({"features": {"containerd-snapshotter": True}}))
    places = ["--data-root", HOME / "data", "--exec-root", RUNTIME / "exec", "--pidfile", PIDFILE]
    command = [programs / "dockerd", "--config-file", configuration, "--host", HOST, *places]
    progress("engine: starting")
    with (LOGS / "dockerd.log").open("w") as log:
        process = subprocess.Popen(
            [str(part) for part in command],
            env={**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            # A Ctrl-C at the terminal is for us; the engine goes when we stop it.
            start_new_session=True,
        )
    try:
        _wait_until_up(process)
    except BaseException:
        process.terminate()
        process.wait(30)
        raise


def _wait_until_up(process: subprocess.Popen[bytes]) -> None:
    env = {"DOCKER_HOST": HOST, **_client_path()}
    give_up = time.monotonic() + 60
    while time.monotonic() < give_up and process.poll() is None:
        if SOCKET.exists() and answers(env):
            return
        time.sleep(0.1)
    tail = "\n".join((LOGS / "dockerd.log").read_text(errors="replace").splitlines()[-8:])
    raise LocalError(f"The Docker engine did not start; the end of {LOGS / 'dockerd.log'}:\n{tail}")


def _refuse_foreign_engine() -> None:
    """Raises if a dockerd runs but does not answer: a second dockerd would take its bridge."""
    for process in Path("/proc").glob("[0-9]*/comm"):
        try:
            name = process.read_text().strip()
        except OSError:
            continue
        if name == "dockerd":
            raise LocalError(
                f"A Docker engine runs (process {process.parent.name}) but does not answer here: "
                "set DOCKER_HOST to its address, or stop it, and run this again."
            )


def _stop() -> None:
    try:
        pid = int(PIDFILE.read_text())
        if Path(f"/proc/{pid}/comm").read_text().strip() != "dockerd":
            return
    except (OSError, ValueError):
        return
    progress("engine: stopping")
    env = {"DOCKER_HOST": HOST, **_client_path()}
    containers = machine.run(["docker", "ps", "-aq"], env=env, check=False).stdout.split()
    if containers:
        machine.run(["docker", "rm", "--force", "--volumes", *containers], env=env, check=False)
    os.kill(pid, signal.SIGTERM)
    if not _gone(pid, 30):
        os.kill(pid, signal.SIGKILL)
        _gone(pid, 10)


def _gone(pid: int, seconds: float) -> bool:
    """Whether the process ends within this time; reaps it if it is a child."""
    give_up = time.monotonic() + seconds
    while time.monotonic() < give_up:
        with suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
        if not Path(f"/proc/{pid}").exists():
            return True
        time.sleep(0.05)
    return False


def _client_path() -> dict[str, str]:
    """The unpacked client, if the machine has no Docker client."""
    if shutil.which("docker"):
        return {}
    return {"PATH": f"{HOME / 'bin'}{os.pathsep}{os.environ['PATH']}"}


def _buildx(env: Mapping[str, str]) -> dict[str, str]:
    """The installed buildx, or else the distribution's plugin in a separate Docker configuration."""
    if has_buildx(env):
        return {}
    own = {"DOCKER_CONFIG": str(DOCKER_CONFIG)}
    if not host.can_install():
        raise LocalError("docker buildx is not installed: install the buildx plugin and run this again.")
    plugin = DOCKER_CONFIG / "cli-plugins" / "docker-buildx"
    source = _unpacked() / "docker-buildx"
    plugin.parent.mkdir(parents=True, exist_ok=True)
    with host.locked(CACHE / "buildx.lock"):  # another process must not run a part of it
        if not plugin.is_file() or plugin.stat().st_size != source.stat().st_size:
            shutil.copy2(source, plugin)
    machine.run(["docker", "buildx", "version"], env={**env, **own})
    return own


def _unpacked() -> Path:
    """The directory with the distribution's engine, containerd, runc, client and buildx; unpacked once."""
    programs = HOME / "bin"
    with host.locked(CACHE / "engine.lock"):
        if not programs.is_dir():
            progress("engine: getting the distribution's packages")
            HOME.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=HOME) as scratch:
                _unpack(Path(scratch))
                (Path(scratch) / "bin").rename(programs)
    return programs


def _unpack(scratch: Path) -> None:
    packages, tree, programs = scratch / "packages", scratch / "tree", scratch / "bin"
    packages.mkdir()
    programs.mkdir()
    codename = host.os_release().get("VERSION_CODENAME", "")
    target = DERIVED_SUITE.get(codename)
    newer = _derived_options(codename, target, scratch) if target else []
    with host.locked(RUNTIME / "apt.lock"):
        host.apt_get("update")
        host.apt_get("download", "runc", cwd=packages)
        if newer:
            host.apt_get("update", *newer)
        for package in _existing(["docker.io", "containerd", "docker-buildx", "docker-cli"], newer):
            host.apt_get("download", package, *newer, cwd=packages)
    for archive in packages.glob("*.deb"):
        machine.run(["dpkg-deb", "--extract", archive, tree])
    for name in PROGRAMS:
        for program in tree.glob(f"usr/**/{name}"):
            if program.is_file() and not program.is_symlink() and os.access(program, os.X_OK):
                shutil.copy2(program, programs / name)


def _derived_options(codename: str, target: str, scratch: Path) -> list[str]:
    """apt-get options for another suite at the machine's own mirrors, with separate package lists."""
    sources = scratch / "apt.list"
    sources.write_text(host.apt_sources_of(codename, target))
    lists = scratch / "lists"
    (lists / "partial").mkdir(parents=True)
    options = [f"Dir::Etc::SourceList={sources}", "Dir::Etc::SourceParts=-", f"Dir::State::Lists={lists}"]
    # Only the lists of packages are read; a machine may be set up to fetch much more.
    options += ["Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false", "Acquire::Languages=none"]
    return [part for option in options for part in ("-o", option)]


def _existing(packages: list[str], options: list[str]) -> list[str]:
    """The packages that the suite has: the client is a separate package only in newer suites."""
    shown = machine.run(["apt-cache", *options, "show", "--no-all-versions", *packages], check=False).stdout
    names = {line.removeprefix("Package: ") for line in shown.splitlines() if line.startswith("Package: ")}
    return [package for package in packages if package in names]


def main() -> None:
    """Hold an engine until SIGINT or SIGTERM and print what to export to use it."""
    machine.exit_on_signals()
    try:
        with engine() as env:
            print("".join(f"export {key}='{value}'\n" for key, value in env.items()), end="", flush=True)
            signal.pause()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
