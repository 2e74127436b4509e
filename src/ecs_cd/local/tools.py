"""What a local run requires on this machine, and how to install it."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Mapping

from ecs_cd.local import containers, machine
from ecs_cd.model.errors import Refused

EXTRA = "install ecs-cd's extra `local`: pip install '.[local]' in its checkout"
_MAC = sys.platform == "darwin"
_GIT = "xcode-select --install" if _MAC else "install the package git"
_ENGINE = (
    "install Docker Desktop, or Colima with the formulas docker and docker-buildx"
    if _MAC
    else "install Docker Engine 23 or newer (Debian and Ubuntu: the package docker.io or docker-ce)"
)
_START = "start Docker Desktop, or Colima" if _MAC else "sudo systemctl start docker"
_ALLOW = (
    "open Docker Desktop as this user, or choose its context: docker context use desktop-linux"
    if _MAC
    else "sudo usermod --append --groups docker $USER, then log in again"
)
_BUILDX = (
    "Docker Desktop has it; with Colima, the formula docker-buildx"
    if _MAC
    else "install the package docker-buildx (Debian, Ubuntu) or docker-buildx-plugin (Docker's own)"
)


def require(env: Mapping[str, str], *, act: bool = True) -> None:
    """Raises ``Refused`` with everything that is missing, and how to install it; without ``act``, act may be."""
    found = [] if shutil.which("git") else [f"git is not installed: {_GIT}"]
    found += _engine_problems(env)
    wanted = ("act", "ministack") if act else ("ministack",)
    packages = [name for name in wanted if machine.program(name) is None]
    here = importlib.util.find_spec
    if here("ministack") and not here("docker"):  # ministack starts tasks with it
        packages.append("the Python package docker")
    if packages:
        found.append(f"not installed: {', '.join(packages)}: {EXTRA}")
    if found:
        raise Refused(found)


def _engine_problems(env: Mapping[str, str]) -> list[str]:
    if shutil.which("docker", path=env.get("PATH")) is None:
        return [f"the Docker client is not installed: {_ENGINE}"]
    found = []
    why = containers.no_answer(env)
    if "permission denied" in why:
        found.append(f"the Docker engine refuses your user: {_ALLOW}")
    elif why:
        found.append(f"no Docker engine answers: {_START}, or set DOCKER_HOST to its address")
    if not containers.has_buildx(env):
        found.append(f"docker buildx is not installed: {_BUILDX}")
    return found
