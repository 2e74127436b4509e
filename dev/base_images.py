"""Base images without a registry: the distribution's own packages, unpacked and imported into the engine.

Only unpacked: no maintainer script runs, which takes seconds instead of half a minute and keeps everything
out that only serves an installation. An image is made once; its tag is the hash of its recipe.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from dev import host
from dev.host import CACHE, progress
from ecs_cd.local import machine
from ecs_cd.local.machine import LocalError


@dataclass(frozen=True)
class BuildSpec:
    """What an image is made of: packages and their dependencies, except those that start with `without`."""

    name: str
    packages: tuple[str, ...]
    without: tuple[str, ...]
    files: tuple[tuple[str, str], ...]
    warm_up: tuple[str, ...]
    pulled: str


@dataclass(frozen=True)
class BaseImages:
    """Names that the engine resolves without a registry (or has pulled)."""

    python: str
    postgres: str
    nginx: str


# What only an installation, a login or another language needs.
INSTALLATION = (
    "adduser",
    "debconf",
    "dpkg",
    "passwd",
    "perl",
    "libperl",
    "tar",
    "ucf",
    "init-system-helpers",
)

PASSWD = """\
root:x:0:0:root:/root:/bin/sh
postgres:x:999:999::/var/lib/postgresql:/bin/sh
app:x:1000:1000::/:/bin/sh
"""
GROUP = "root:x:0:\npostgres:x:999:\napp:x:1000:\n"
ACCOUNTS = (("etc/passwd", PASSWD), ("etc/group", GROUP))

PYTHON = BuildSpec(
    name="ecs-cd/python",
    packages=("python3", "python3-psycopg2", "dash", "libc-bin", "coreutils"),
    without=INSTALLATION,
    files=ACCOUNTS,
    # Importing writes the bytecode, so that no container pays for it again.
    warm_up=(
        "python3",
        "-c",
        "import argparse, html, http.server, json, logging, psycopg2, psycopg2.extras, signal",
    ),
    pulled="python:3.12-slim",
)
POSTGRES = BuildSpec(
    name="ecs-cd/postgres",
    packages=("postgresql", "dash", "libc-bin", "coreutils", "tzdata"),
    # libLLVM and z3 are half of it and only serve the just-in-time compiler, which is switched off.
    without=(*INSTALLATION, "libllvm", "libz3", "locales", "libc-l10n", "ssl-cert", "openssl"),
    files=ACCOUNTS,
    warm_up=(),
    pulled="postgres:16",
)
NGINX = BuildSpec(
    name="ecs-cd/nginx",
    packages=("nginx", "dash", "libc-bin", "coreutils"),
    without=(*INSTALLATION, "iproute2", "libpam", "libdb5"),
    files=ACCOUNTS,
    warm_up=(),
    pulled="nginx:1.28",
)
# The AWS CLI is a stand-in for the few commands that the buildspecs use; builds get Docker's client from this machine.
AWS_CLI = (Path(__file__).parent / "aws_cli.py").read_text()
CODEBUILD = BuildSpec(
    name="ecs-cd/codebuild",
    packages=("python3", "git", "bash", "coreutils", "dash", "grep", "gzip", "libc-bin", "sed", "tar"),
    without=tuple(name for name in INSTALLATION if name != "tar"),
    files=(*ACCOUNTS, ("usr/local/bin/aws", AWS_CLI)),
    warm_up=("python3", "-c", "import argparse, base64, hashlib, json, logging, urllib.request, subprocess"),
    pulled="python:3.12",
)
NOT_UNPACKED = ("./usr/share/doc", "./usr/share/man", "./usr/share/locale", "./usr/share/i18n", "*/bitcode")
SEARCH_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"


def base_images(env: Mapping[str, str]) -> BaseImages:
    """All images, made (or pulled) when the engine of `env` has not got them yet."""
    with ThreadPoolExecutor() as pool:
        python, postgres, nginx = pool.map(lambda recipe: _ensure(recipe, env), (PYTHON, POSTGRES, NGINX))
    return BaseImages(python=python, postgres=postgres, nginx=nginx)


def codebuild_image(env: Mapping[str, str]) -> str:
    """The image that builds of CodeBuild run in: of its tools, those that our buildspecs use."""
    image = _ensure(CODEBUILD, env)
    return image if host.can_install() else _with_files(CODEBUILD, image, env)


def _with_files(recipe: BuildSpec, base: str, env: Mapping[str, str]) -> str:
    """A pulled image with the programs of the recipe."""
    programs = {name: content for name, content in recipe.files if name.startswith("usr/")}
    image = f"{recipe.name}:{hashlib.sha256(json.dumps([base, programs]).encode()).hexdigest()[:12]}"
    if not _known(image, env):
        with tempfile.TemporaryDirectory() as context:
            for name, content in programs.items():
                (Path(context) / Path(name).name).write_text(content)
                (Path(context) / Path(name).name).chmod(0o755)
            copies = [f"COPY {Path(name).name} /{name}" for name in programs]
            (Path(context) / "Dockerfile").write_text("\n".join([f"FROM {base}", *copies, ""]))
            machine.run(["docker", "build", "--quiet", "--tag", image, context], env=env)
    return image


def _ensure(recipe: BuildSpec, env: Mapping[str, str]) -> str:
    if not host.can_install():
        return _pulled(recipe.pulled, env)
    release = host.os_release()
    text = json.dumps([asdict(recipe), NOT_UNPACKED, release.get("ID"), release.get("VERSION_ID")])
    image = f"{recipe.name}:{hashlib.sha256(text.encode()).hexdigest()[:12]}"
    with host.locked(CACHE / f"{recipe.name.replace('/', '-')}.lock"):
        if not _known(image, env):
            progress(f"base image: making {image}")
            _make(recipe, image, env)
    return image


def _known(image: str, env: Mapping[str, str]) -> bool:
    return machine.run(["docker", "image", "inspect", image], env=env, check=False).returncode == 0


def _pulled(image: str, env: Mapping[str, str]) -> str:
    if not _known(image, env):
        progress(f"base image: pulling {image}")
        machine.run(["docker", "pull", image], env=env)
    return image


def _make(recipe: BuildSpec, image: str, env: Mapping[str, str]) -> None:
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
        archives, root = Path(scratch) / "archives", Path(scratch) / "root"
        _download(recipe.packages, archives)
        _lay_out(root)
        wanted = [path for path in sorted(archives.glob("*.deb")) if not path.name.startswith(recipe.without)]
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(lambda archive: _unpack(archive, root), wanted))
        for name, content in recipe.files:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(content)
            if "bin" in name.split("/"):
                (root / name).chmod(0o755)
        shutil.chown(root / "var/lib/postgresql", 999, 999)
        if recipe.warm_up:
            machine.run(["chroot", root, *recipe.warm_up], env={"PATH": SEARCH_PATH})
        _import(root, image, env)


def _download(packages: tuple[str, ...], archives: Path) -> None:
    """Packages and all they depend on, as on a machine with nothing installed."""
    (archives / "partial").mkdir(parents=True)
    status = archives / "status"
    status.touch()
    options = [f"Dir::State::status={status}", f"Dir::Cache::archives={archives}", "Debug::NoLocking=1"]
    settings = [part for option in options for part in ("-o", option)]
    command = (*settings, "--no-install-recommends", "--download-only", "install", *packages)
    with host.locked(host.RUNTIME / "apt.lock"):
        try:
            host.apt_get(*command)
        except LocalError:
            host.apt_get("update")
            host.apt_get(*command)


def _lay_out(root: Path) -> None:
    """A root directory with merged /usr, whichever way the packages still spell their paths."""
    for name in ("bin", "sbin", "lib", "lib64"):
        (root / "usr" / name).mkdir(parents=True)
        (root / name).symlink_to(f"usr/{name}")
    for name in ("etc", "root", "run", "proc", "sys", "dev", "var/lib/postgresql", "var/run"):
        (root / name).mkdir(parents=True)
    (root / "tmp").mkdir()
    (root / "tmp").chmod(0o1777)


def _unpack(archive: Path, root: Path) -> None:
    excludes = [f"--exclude={pattern}" for pattern in NOT_UNPACKED]
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(archive)], stdout=subprocess.PIPE) as data:
        # Everything belongs to root: dpkg's archives name no other owner that matters here.
        command = ["tar", "--extract", "--keep-directory-symlink", "--directory", str(root), *excludes]
        subprocess.run(command, stdin=data.stdout, check=True)


def _import(root: Path, image: str, env: Mapping[str, str]) -> None:
    changes = [f"ENV PATH={SEARCH_PATH}", "ENV LANG=C.UTF-8"]
    flags = [part for change in changes for part in ("--change", change)]
    archive = ["tar", "--create", "--numeric-owner", "--directory", str(root), "."]
    with subprocess.Popen(archive, stdout=subprocess.PIPE) as data:
        done = subprocess.run(
            ["docker", "import", *flags, "-", image],
            stdin=data.stdout,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, **env},
        )
    if done.returncode != 0:
        raise LocalError(f"docker import of {image} ended with {done.returncode}: {done.stderr.strip()}")
