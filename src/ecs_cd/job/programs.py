"""The programs that ecs-cd starts: none of them comes from the checkout."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from ecs_cd.job import workspace
from ecs_cd.model.errors import Refused

_AWS_FILES = {
    "AWS_CONFIG_FILE": "~/.aws/config",
    "AWS_SHARED_CREDENTIALS_FILE": "~/.aws/credentials",
    "AWS_DATA_PATH": "~/.aws/models",
    "BOTO_CONFIG": "~/.boto",
}


def path(environ: Mapping[str, str]) -> str:
    """PATH without what is relative, empty, or inside the checkout: a commit could put a `git` or a `docker` there."""
    folders = workspace.roots(environ)
    entries = environ.get("PATH", os.defpath).split(os.pathsep)
    kept = [entry for entry in entries if Path(entry).is_absolute() and not workspace.inside(entry, folders)]
    return os.pathsep.join(kept) or "/nonexistent"  # an empty PATH would be the working directory


def check_aws_files(environ: Mapping[str, str]) -> None:
    """Raises ``Refused`` if a file that configures the AWS SDK is in the checkout: a commit could name a program there
    that the SDK runs for credentials, or another endpoint."""
    folders = workspace.roots(environ)
    for name, place in _aws_files(environ):
        if place.exists() and workspace.inside(place, folders):
            raise Refused(
                f"{name}: {place} is inside the checkout, so a commit could redirect requests and run programs",
                "Keep the AWS SDK's files elsewhere, for example in RUNNER_TEMP.",
            )


def _aws_files(environ: Mapping[str, str]) -> Iterator[tuple[str, Path]]:
    """The files and folders that botocore reads, with the variable that names each."""
    for name, default in _AWS_FILES.items():
        for given in (environ.get(name) or default).split(os.pathsep):
            yield (name if environ.get(name) else "HOME"), Path(os.path.expandvars(given)).expanduser()
