"""Docker: a configuration of our own with ECR's login in it, and the build."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from ecs_cd.core.errors import Refused
from ecs_cd.job import Job


@contextmanager
def configuration(job: Job, host: str) -> Iterator[dict[str, str]]:
    """An environment whose Docker configuration is the caller's and takes a login for ``host``.

    DOCKER_CONFIG also locates CLI plugins, contexts and builders: all of these are linked. The login
    must not end up in the caller's credential helper, so ``host`` gets the file as its store.
    The folder is removed at the end; the clean-up finds it in the state file if we are killed.
    """
    theirs = Path(job.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    ours = Path(tempfile.mkdtemp(prefix="docker-", dir=job.state.folder))
    job.state.begin(docker_config=str(ours))
    try:
        for entry in _entries(theirs):
            if entry.name != "config.json":
                (ours / entry.name).symlink_to(entry.resolve())
        file = ours / "config.json"
        file.touch(mode=0o600)
        file.write_text(json.dumps(_with_file_store(_read(theirs / "config.json"), host)), encoding="utf-8")
        builders = job.environ.get("BUILDX_CONFIG") or str(theirs / "buildx")
        yield {
            **job.environ,
            "DOCKER_CONFIG": str(ours),
            **({"BUILDX_CONFIG": builders} if theirs.is_dir() else {}),
        }
    finally:
        shutil.rmtree(ours, ignore_errors=True)
        job.state.end()


def login(environ: Mapping[str, str], host: str, user: str, password: str) -> None:
    """docker login, with the password through standard input. Raises ``Refused`` if it fails."""
    command = ["docker", "login", "--username", user, "--password-stdin", host]
    done = _run(command, environ, input=password, capture_output=True, text=True)
    if done.returncode:
        raise Refused(f"docker login to {host} failed: {done.stderr.strip().replace(password, '***')}")


def build(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Runs the build with its own progress shown as it comes; its exit code.

    If we are cancelled, it gets the signal too and is waited for.
    """
    try:
        # In one stream with what we write: the runner reads two in no certain order.
        process = subprocess.Popen(argv, env=dict(environ), stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT)
    except FileNotFoundError:
        raise _no_docker() from None
    try:
        return process.wait()
    except BaseException:
        process.terminate()
        try:
            process.wait(3)
        except subprocess.TimeoutExpired:
            process.kill()
        raise


def why_not(environ: Mapping[str, str]) -> str:
    """What is missing for a build at all; empty where it isn't that."""
    for command, words in (
        (["docker", "buildx", "version"], "docker buildx is not installed"),
        (["docker", "version"], "no Docker engine answers"),
    ):
        done = _run(command, environ, capture_output=True, text=True)
        if done.returncode:
            return f"{words}: {done.stderr.strip()}"
    return ""


def secret_files(environ: Mapping[str, str], secrets: Mapping[str, str]) -> dict[str, str]:
    """Each secret in a file that only we can read, by id, in our Docker configuration: they go with it."""
    paths = {}
    for number, (name, value) in enumerate(secrets.items()):
        path = Path(environ["DOCKER_CONFIG"]) / f"secret-{number}"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(value)
        paths[name] = str(path)
    return paths


def _run(command: Sequence[str], environ: Mapping[str, str], **more: object) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(command, env=dict(environ), check=False, **more)  # type: ignore[call-overload, no-any-return]
    except FileNotFoundError:
        raise _no_docker() from None


def _no_docker() -> Refused:
    return Refused("there is no `docker` on PATH", "Use a runner with Docker, or install its command line and buildx.")


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise Refused(f"the Docker configuration {folder} can't be read: {error.strerror}") from None


def _read(path: Path) -> dict[str, object]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError):
        raise Refused(f"the Docker configuration {path} can't be read as JSON") from None
    return content if isinstance(content, dict) else {}


def _with_file_store(config: dict[str, object], host: str) -> dict[str, object]:
    helpers = config.get("credHelpers")
    return {**config, "credHelpers": {**(helpers if isinstance(helpers, dict) else {}), host: ""}}
