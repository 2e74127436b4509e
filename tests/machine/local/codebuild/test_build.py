"""ecs_cd.local.codebuild.build, with a program in the place of Docker's client."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from ecs_cd.aws.session import Aws
from ecs_cd.local.codebuild.build import Build, Here
from ecs_cd.local.codebuild.record import Record

PROJECT = {
    "name": "build",
    "source": {"type": "NO_SOURCE", "buildspec": "version: 0.2\nphases: {build: {commands: ['true']}}"},
    "logsConfig": {"cloudWatchLogs": {"status": "DISABLED"}},
}
# Copies until the container is removed, which fails the copy.
DOCKER = """\
#!/bin/sh
here=$(dirname "$0")
case $1 in
    create | ps) echo c0ffee ;;
    cp) while [ ! -e "$here/removed" ]; do sleep 0.05; done; exit 1 ;;
    rm) touch "$here/removed" ;;
esac
"""


def test_a_build_that_is_stopped_while_its_sources_are_copied_is_stopped(tmp_path: Path) -> None:
    """What fails because its container was removed is no fault."""
    (tmp_path / "docker").write_text(DOCKER)
    (tmp_path / "docker").chmod(0o755)
    ending = threading.Event()
    ending.set()
    record = Record(PROJECT, 1, "us-east-1", "000000000000", "test", "", ())
    env = {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    Build(record, Here(Aws({}, "us-east-1"), "image", env, {}, "", tmp_path, ending), {}, ()).run()
    assert (record.status, record.failing and record.failing.name) == ("STOPPED", "DOWNLOAD_SOURCE")
