"""Docker: a private configuration with the logins to registries, and the build."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from ecs_cd.ci.rules.child_environment import AWS, HELPERS, without_credentials
from ecs_cd.job import programs, state, workspace
from ecs_cd.job.job import Job
from ecs_cd.job.rules import git
from ecs_cd.model.errors import Refused
from ecs_cd.model.text import clean
from ecs_cd.report import verdict_line

_LAST_LINES = 200  # of a build's output; bake's error block repeats the last lines of a target


@contextmanager
def configuration(job: Job, hosts: Iterable[str], needed: Iterable[str] = ()) -> Iterator[dict[str, str]]:
    """An environment with a copy of the caller's Docker configuration that stores a login for each of these hosts. Of
    the job's credentials it has only those that are ``needed``.

    DOCKER_CONFIG also locates CLI plugins, contexts and builders, so it links all of them. A login must not reach the
    caller's credential helper, so each host uses the file as its store. The block removes the folder at its end; if
    ecs-cd is killed, the clean-up finds the folder in the state file.
    """
    original, config = _callers(job.environ)
    private = Path(tempfile.mkdtemp(prefix="docker-", dir=job.state.folder))
    job.state.begin(docker_config=str(private))
    try:
        for entry in _entries(original):
            if entry.name != "config.json":
                (private / entry.name).symlink_to(entry.resolve())
        state.write_private(private / "config.json", json.dumps(_with_file_store(config, hosts)))
        builders = job.environ.get("BUILDX_CONFIG") or str(original / "buildx")
        yield {
            **without_credentials(job.environ, {*needed, *_needed_by(config, job.environ)}),
            "DOCKER_CONFIG": str(private),
            **({"BUILDX_CONFIG": builders} if original.is_dir() else {}),
        }
    finally:
        shutil.rmtree(private, ignore_errors=True)
        job.state.end()


def known_hosts(environ: Mapping[str, str]) -> set[str]:
    """The registries that the caller has logged in to, or has a credential helper for."""
    _, config = _callers(environ)
    sections = (config.get("auths"), config.get("credHelpers"))
    return {str(host) for section in sections if isinstance(section, dict) for host in section}


def login(environ: Mapping[str, str], host: str, user: str, password: str) -> None:
    """Runs `docker login` with the password on standard input. Raises ``Refused`` if it fails."""
    command = ["docker", "login", "--username", user, "--password-stdin", host]
    done = _run(command, environ, input=password, capture_output=True, text=True)
    if done.returncode:
        raise Refused(f"docker login to {host} failed: {done.stderr.strip().replace(password, '***')}")


def build(argv: Sequence[str], environ: Mapping[str, str]) -> tuple[int, list[str]]:
    """Runs the build and shows its progress as it comes; returns its exit code and last lines.

    On cancellation, terminates the build and waits for it to end.
    """
    try:
        # In one stream with our own output: the runner reads two streams in no certain order.
        process = subprocess.Popen(
            argv, env=_trusted(environ), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
    except FileNotFoundError:
        raise _no_docker() from None
    assert process.stdout is not None
    last: deque[bytes] = deque(maxlen=_LAST_LINES)
    muted = threading.Lock()
    shown = threading.Thread(target=_show, args=(process.stdout, last, muted), daemon=True)
    shown.start()
    try:
        code = process.wait()
    except BaseException:
        process.terminate()
        try:
            process.wait(3)
        except subprocess.TimeoutExpired:
            process.kill()
        raise
    finally:
        shown.join(2)
        muted.acquire()  # for good: a process left running may hold the output open; it must not write to our log
    return code, [line.decode(errors="replace").rstrip() for line in list(last)]


def _show(stream: IO[bytes], last: deque[bytes], muted: threading.Lock) -> None:
    for line in stream:
        last.append(line)
        with muted, suppress(OSError, ValueError):  # our log has no reader any more; the build continues
            shown = clean(line.decode(errors="replace").rstrip("\r\n").replace("\r", "\n"))
            sys.stdout.buffer.write("".join(f"{verdict_line.inert(each)}\n" for each in shown.split("\n")).encode())
            sys.stdout.buffer.flush()


def platforms(environ: Mapping[str, str]) -> str:
    """What buildx reports about the builder, including its platforms; empty if the command fails."""
    folder(environ)
    needed = _needed_by({}, environ)
    inspect = ["docker", "buildx", "inspect"]
    done = _run(inspect, without_credentials(environ, needed), capture_output=True, text=True)
    return "" if done.returncode else str(done.stdout)


def raw(image: str, environ: Mapping[str, str]) -> bytes:
    """The bytes that a registry has for this image by digest, or for a configuration by its digest; empty without."""
    done = _run(["docker", "buildx", "imagetools", "inspect", "--raw", image], environ, capture_output=True)
    return b"" if done.returncode else done.stdout


def copy(image: str, references: Sequence[str], environ: Mapping[str, str]) -> list[str] | None:
    """Copies an image between registries, with its digest; returns the output if that fails.

    buildx before 0.14 doesn't know the option. It then puts an image of a single platform into an index of its own.
    """
    create = ["docker", "buildx", "imagetools", "create"]
    words = [*(f"--tag={reference}" for reference in references), image]
    done = _run([*create, "--prefer-index=false", *words], environ, capture_output=True, text=True)
    if done.returncode and "unknown flag" in done.stderr:
        done = _run([*create, *words], environ, capture_output=True, text=True)
    return str(done.stderr).splitlines() if done.returncode else None


def why_not(environ: Mapping[str, str]) -> str:
    """Which prerequisite of a build is missing; empty if nothing is."""
    for command, words in (
        (["docker", "buildx", "version"], "docker buildx is not installed"),
        (["docker", "version"], "no Docker engine answers"),
    ):
        done = _run(command, environ, capture_output=True, text=True)
        if done.returncode:
            return f"{words}: {done.stderr.strip()}"
    return ""


def secret_files(environ: Mapping[str, str], image: str, secrets: Mapping[str, str]) -> dict[str, str]:
    """Writes each secret of an image to a file; returns the paths by id."""
    return {
        name: write(environ, f"secret-{image}-{number}", value) for number, (name, value) in enumerate(secrets.items())
    }


def write(environ: Mapping[str, str], name: str, text: str) -> str:
    """Writes a file that only this user can read into our Docker configuration, which removes it; returns its path."""
    path = Path(environ["DOCKER_CONFIG"]) / name
    state.write_private(path, text)
    return str(path)


def _run(command: Sequence[str], environ: Mapping[str, str], **more: object) -> subprocess.CompletedProcess[Any]:
    try:
        return subprocess.run(command, env=_trusted(environ), check=False, **more)  # type: ignore[call-overload, no-any-return]
    except FileNotFoundError:
        raise _no_docker() from None


def _no_docker() -> Refused:
    return Refused(
        "there is no `docker` on PATH outside of the checkout",
        "Use a runner with Docker, or install the Docker CLI and buildx.",
    )


def _trusted(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment in which neither Docker nor the Git that buildx runs in the context starts a program of the
    checkout."""
    return {**environ, **git.settings_for_others(environ), "PATH": programs.path(environ)}


def folder(environ: Mapping[str, str]) -> Path:
    """The folder of the caller's Docker configuration. Raises ``Refused`` if a commit could put files there, or where
    it leads to builders, plugins and clusters: they name programs and engines."""
    return _callers(environ)[0]


def _callers(environ: Mapping[str, str]) -> tuple[Path, dict[str, object]]:
    """See ``folder``; also the content of its config.json."""
    folder = Path(environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    buildx = Path(environ.get("BUILDX_CONFIG") or folder / "buildx")
    linked = (*_entries(folder), *_entries(folder / "cli-plugins"))
    config = _read(folder / "config.json")
    extra = config.get("cliPluginsExtraDirs")
    plugins = map(Path, filter(None, map(str, extra))) if isinstance(extra, list) else ()
    checkout = workspace.roots(environ)
    known = {
        "DOCKER_CONFIG": (folder, *linked),
        "BUILDX_CONFIG": (buildx,),
        "cliPluginsExtraDirs": plugins,
        "KUBECONFIG": _kubernetes(environ),
    }
    for name, places in known.items():
        for place in places:
            if place.exists() and workspace.inside(place, checkout):
                raise Refused(
                    f"{name}: {place} is inside the checkout, so a commit could name programs that Docker runs",
                    "Keep Docker's configuration elsewhere, for example in RUNNER_TEMP.",
                )
    return folder, config


def _needed_by(config: Mapping[str, object], environ: Mapping[str, str]) -> set[str]:
    """The credentials that Docker's own helpers need: for registries, and for a builder in Kubernetes."""
    kubernetes = any(place.exists() for place in _kubernetes(environ))
    helpers = config.get("credsStore") or config.get("credHelpers")
    return {*(HELPERS if helpers else ()), *((AWS,) if kubernetes else ())}


def _kubernetes(environ: Mapping[str, str]) -> list[Path]:
    """The files that say how to sign in to clusters, which may be by a program."""
    given = [Path(place) for place in environ.get("KUBECONFIG", "").split(os.pathsep) if place]
    return given or [Path.home() / ".kube" / "config"]


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


def _with_file_store(config: dict[str, object], hosts: Iterable[str]) -> dict[str, object]:
    helpers = config.get("credHelpers")
    return {**config, "credHelpers": {**(helpers if isinstance(helpers, dict) else {}), **dict.fromkeys(hosts, "")}}
