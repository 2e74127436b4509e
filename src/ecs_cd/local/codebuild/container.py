"""The container of a build: its files are copied in and out, and one agent in it runs all scripts."""

from __future__ import annotations

import io
import os
import secrets
import shutil
import stat
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from ecs_cd.local import containers, machine
from ecs_cd.local.codebuild.rules.artifacts import File
from ecs_cd.local.machine import LocalError

BIN = "/codebuild/bin"
HOST = "/opt/docker-of-this-machine"  # at the end of PATH
_HERE = Path(__file__).parent
_SYSTEM = ("/usr/local/lib/docker", "/usr/local/libexec/docker", "/usr/lib/docker", "/usr/libexec/docker")
_PLUGINS = "cli-plugins"
_AGENT = "/codebuild/agent.sh"


@dataclass(frozen=True)
class Tree:
    """The files of a folder, by their paths in it."""

    _tar: tarfile.TarFile
    _entries: Mapping[str, tarfile.TarInfo]

    @property
    def names(self) -> list[str]:
        return list(self._entries)

    def read(self, paths: Mapping[str, str]) -> dict[str, File]:
        """Files at these paths by the names to have them by. A link is the file in the folder that it leads to."""
        found = {}
        for name, path in paths.items():
            entry = self._entries[path]
            with suppress(KeyError, RecursionError):
                if opened := self._tar.extractfile(entry):
                    mode = entry.mode & 0o777 if entry.isreg() else 0o644
                    found[name] = File(opened.read(), stat.S_IFREG | mode)
        return found


class Container:
    """A container on this machine's network, which is created, filled, started and removed.

    With ``privileged`` it has the engine, and this machine's `docker` in case the image lacks it. The last of the
    ``labels`` is its own; it is also on what it starts in the engine.
    """

    def __init__(self, image: str, labels: Sequence[str], env: Mapping[str, str], *, privileged: bool) -> None:
        self._env = env
        self._own = labels[-1]
        self._nonce = secrets.token_hex(16)
        self._agent: subprocess.Popen[bytes] | None = None
        flags = [f"--label={label}" for label in labels] + (_engine(env) if privileged else [])
        create = ["docker", "create", "--interactive", "--network=host", "--user=0", "--entrypoint=sh", *flags, image]
        self.id = machine.run([*create, _AGENT], env=env).stdout.strip()

    def start(self, files: Mapping[str, File]) -> None:
        """Starts the agent beside these files, by their paths."""
        own = {_AGENT: "agent.sh", f"{BIN}/docker": "docker.sh"}
        fixed = {path: File((_HERE / name).read_bytes(), 0o755) for path, name in own.items()}
        with self._docker("cp", "-", f"{self.id}:/", stdin=subprocess.PIPE, stderr=subprocess.PIPE) as copying:
            assert copying.stdin is not None and copying.stderr is not None
            with suppress(BrokenPipeError), tarfile.open(fileobj=copying.stdin, mode="w|") as tar:
                for path, file in {**fixed, **files}.items():
                    _add(tar, path, file)
            with suppress(BrokenPipeError):
                copying.stdin.close()
            error = copying.stderr.read().decode(errors="replace").strip()
        if copying.returncode != 0:
            raise LocalError(f"docker cp: {error}")
        command = ("start", "--attach", "--interactive", self.id)
        self._agent = self._docker(*command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self._send(self._nonce)

    def run(self, shell: str, script: str, put: Callable[[str], None]) -> int | None:
        """Runs a script and hands its output over line by line.

        Returns its exit status, ``None`` if the container has ended.
        """
        self._send(f"{shell} {script}")
        assert self._agent is not None and self._agent.stdout is not None
        for line in self._agent.stdout:
            text, mark, status = line.decode(errors="replace").rstrip("\r\n").partition(self._nonce)
            if text or not mark:
                put(text)
            if mark:
                return int(status)
        return None

    def _send(self, line: str) -> None:
        assert self._agent is not None and self._agent.stdin is not None
        with suppress(BrokenPipeError):  # the end of its output shows that it has ended
            self._agent.stdin.write(f"{line}\n".encode())
            self._agent.stdin.flush()

    @contextmanager
    def tree(self, folder: str) -> Iterator[Tree]:
        """A copy of a folder."""
        with tempfile.TemporaryFile() as scratch:
            with self._docker("cp", f"{self.id}:{folder}", "-", stdout=scratch, stderr=subprocess.PIPE) as copying:
                _, error = copying.communicate()
            if copying.returncode != 0:
                raise LocalError(error.decode(errors="replace").strip())
            scratch.seek(0)
            with tarfile.open(fileobj=scratch) as tar:
                yield Tree(tar, {each.name.partition("/")[2]: each for each in tar if not each.isdir()})

    def remove(self) -> None:
        """Ends it, with its agent. It can be repeated."""
        machine.run(["docker", "rm", "--force", "--volumes", self.id], env=self._env, check=False)

    def kill(self) -> None:
        """Ends it and what it has started in the engine, while another thread waits for a script."""
        containers.remove_labelled(self._own, self._env)

    @contextmanager
    def removed_at_the_end(self) -> Iterator[Container]:
        """Removes it, and reaps the client."""
        try:
            yield self
        finally:
            self.remove()
            if self._agent:
                with suppress(BrokenPipeError), self._agent:
                    pass

    def _docker(self, *arguments: str, **streams: object) -> subprocess.Popen[bytes]:
        # A Ctrl-C at the terminal is for ecs-cd, which ends the container itself.
        settings: dict[str, object] = {"env": {**os.environ, **self._env}, "start_new_session": True, **streams}
        return subprocess.Popen(["docker", *arguments], **settings)  # type: ignore[call-overload,no-any-return]


def _engine(env: Mapping[str, str]) -> list[str]:
    """The engine's socket or address; and on Linux, where its binary fits, this machine's client with its plugins."""
    host = env.get("DOCKER_HOST") or os.environ.get("DOCKER_HOST", "")
    if host and not host.startswith("unix://"):
        flags = [f"--env=DOCKER_HOST={host}"]
    else:
        flags = [f"--volume={host.removeprefix('unix://') or '/var/run/docker.sock'}:/var/run/docker.sock"]
    client = shutil.which("docker", path=env.get("PATH"))
    if not client or sys.platform != "linux":
        return flags
    mounts = {f"{HOST}/docker": Path(client).resolve()}
    own = env.get("DOCKER_CONFIG") or os.environ.get("DOCKER_CONFIG") or str(Path.home() / ".docker")
    plugins = next((place for each in (own, *_SYSTEM) if (place := Path(each, _PLUGINS)).is_dir()), None)
    if plugins:
        mounts[f"{_SYSTEM[0]}/{_PLUGINS}"] = plugins.resolve()
    return [*flags, *(f"--volume={source}:{target}:ro" for target, source in mounts.items())]


def _add(tar: tarfile.TarFile, path: str, file: File) -> None:
    entry = tarfile.TarInfo(path.strip("/"))
    entry.mode, entry.mtime = stat.S_IMODE(file.mode), file.modified
    if stat.S_ISDIR(file.mode):
        entry.type = tarfile.DIRTYPE
    elif stat.S_ISLNK(file.mode):
        entry.type, entry.linkname = tarfile.SYMTYPE, os.fsdecode(file.content)
    else:
        entry.size = len(file.content)
    tar.addfile(entry, io.BytesIO(file.content))
