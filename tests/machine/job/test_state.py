"""The state file: it records running tasks and deployments for a later process."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from ecs_cd.ci.run import identify
from ecs_cd.job import state
from ecs_cd.job.state import State
from ecs_cd.model.errors import Refused

GITHUB = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_REPOSITORY": "me/app",
    "GITHUB_RUN_ID": "7",
    "GITHUB_RUN_ATTEMPT": "1",
    "GITHUB_JOB": "cd",
    "GITHUB_OUTPUT": "/temp/set_output_1",
}
CODEBUILD = {"CODEBUILD_BUILD_ID": "my-app:1"}


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {**GITHUB, "RUNNER_TEMP": str(tmp_path)}


def files(environ: dict[str, str]) -> list[Path]:
    return sorted((Path(environ["RUNNER_TEMP"]) / "ecs-cd").glob("under-way-*"))


def killed(environ: dict[str, str], **what: str) -> int:
    """Starts a process that records what it starts, and kills it; returns its id, which is free by then."""
    code = (
        "import json, os, signal, sys\n"
        "from ecs_cd.ci.run import identify\n"
        "from ecs_cd.job.state import State\n"
        "environ, what = json.loads(sys.argv[1]), json.loads(sys.argv[2])\n"
        "State(environ, identify(environ)).begin(**what)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    command = [sys.executable, "-c", code, json.dumps(environ), json.dumps(what)]
    process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
    assert process.wait(20) == -9
    return process.pid


def test_what_becomes_known_is_added_until_the_end(environ: dict[str, str]) -> None:
    """One file a process, complete at each moment, gone when the outcome is known."""
    ours = State(environ, identify(environ))
    assert files(environ) == []
    ours.begin(kind="migration", cluster="c")
    ours.begin(task="arn")
    (file,) = files(environ)
    assert json.loads(file.read_text()) == {"kind": "migration", "cluster": "c", "task": "arn"} == ours.under_way
    ours.end()
    assert files(environ) == []
    assert ours.under_way == {}
    ours.end()


def test_the_file_is_never_half_written(environ: dict[str, str]) -> None:
    """A failed write leaves the previous content."""
    ours = State(environ, identify(environ))
    ours.begin(kind="migration")
    with pytest.raises(TypeError):
        ours.begin(task=object())
    assert json.loads(files(environ)[0].read_text()) == {"kind": "migration"}


def test_the_folder_is_for_us_alone(environ: dict[str, str]) -> None:
    """It holds a Docker login and build secrets for a while."""
    folder = State(environ, identify(environ)).folder
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_what_a_killed_process_left_is_found_by_its_job_alone(environ: dict[str, str]) -> None:
    """The process that lives has still to say how it ends; another job has its own last step."""
    State(environ, identify(environ)).begin(kind="deployment")
    killed(environ, kind="migration", cluster="c")
    killed({**environ, "GITHUB_JOB": "other"}, kind="migration")
    killed({**environ, "GITHUB_RUN_ATTEMPT": "2"}, kind="migration")
    ((path, under_way),) = state.left_behind(environ, identify(environ))
    assert under_way == {"kind": "migration", "cluster": "c"}
    assert path in files(environ)


def test_what_a_killed_process_left_is_found_by_its_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the system's temp folder, which post_build shares; not by another build on the same fleet."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    killed(CODEBUILD, kind="migration")
    killed({"CODEBUILD_BUILD_ID": "my-app:2"}, kind="deployments")
    ((path, under_way),) = state.left_behind(CODEBUILD, identify(CODEBUILD))
    assert (path.parent.parent, under_way) == (tmp_path, {"kind": "migration"})


def test_of_several_the_oldest_comes_first(environ: dict[str, str]) -> None:
    """In the order in which they were started."""
    for age, kind in ((20, "migration"), (10, "deployment")):
        pid = killed(environ, kind=kind)
        (path,) = (file for file in files(environ) if file.stem.endswith(f"-{pid}"))
        os.utime(path, (path.stat().st_atime, path.stat().st_mtime - age))
    assert [under_way["kind"] for _, under_way in state.left_behind(environ, identify(environ))] == [
        "migration",
        "deployment",
    ]


def test_nothing_was_left(environ: dict[str, str]) -> None:
    """The clean-up step runs after every cancellation, also for a job that had started nothing."""
    assert state.left_behind(environ, identify(environ)) == []


def test_a_link_in_the_folders_place_is_refused(environ: dict[str, str], tmp_path: Path) -> None:
    """Whoever made it could read what we write."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "ecs-cd").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Refused, match="belongs to another user"):
        state.folder(environ)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_another_user_is_refused(environ: dict[str, str], tmp_path: Path) -> None:
    """Another user could have put a trap there."""
    (tmp_path / "ecs-cd").mkdir()
    os.chown(tmp_path / "ecs-cd", 12345, 12345)
    with pytest.raises(Refused, match="belongs to another user"):
        State(environ, identify(environ))


def test_without_runner_temp_the_folder_is_the_users_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a laptop several people share /tmp."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert state.folder({}) == tmp_path / f"ecs-cd-{os.getuid()}"


# ---- clientToken ----

CALL = {"cluster": "c", "taskDefinition": "arn:1", "attempt": 0}


def token(environ: dict[str, str], nonce: str = "n", call: dict[str, object] | None = None) -> str:
    return state.client_token(identify(environ), nonce, call or CALL)


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        (token(GITHUB), token(GITHUB), True),
        (token(GITHUB, "n"), token(GITHUB, "m"), True),
        (token(GITHUB), token({**GITHUB, "UNRELATED": "x", "GITHUB_SHA": "y"}), True),
        *((token(GITHUB), token({**GITHUB, name: "9"}), False) for name in GITHUB if name != "GITHUB_ACTIONS"),
        (token(GITHUB), token(GITHUB, call={**CALL, "attempt": 1}), False),
        (token(GITHUB), token(GITHUB, call={**CALL, "taskDefinition": "arn:2"}), False),
        (token(GITHUB), token(GITHUB, call=dict(reversed(CALL.items()))), True),
        (token({**GITHUB, "ACT": "true"}, "n"), token({**GITHUB, "ACT": "true"}, "m"), False),
        (token({**GITHUB, "ACT": "true"}), token({**GITHUB, "ACT": "true", "GITHUB_RUN_ID": "9"}), True),
        (token({}, "n"), token({}, "m"), False),
        (token({}, "n"), token({}, "n"), True),
        (token({}), token({"GITHUB_RUN_ID": "7"}), True),
        (token(CODEBUILD, "n"), token(CODEBUILD, "n"), True),
        (token(CODEBUILD, "n"), token(CODEBUILD, "m"), False),
        (token(CODEBUILD), token({**CODEBUILD, "CODEBUILD_BUILD_ID": "my-app:2"}), False),
        (token({**GITHUB, **CODEBUILD}), token(GITHUB), True),
    ],
)
def test_a_repetition_has_the_same_token_and_every_other_call_another(one: str, other: str, alike: bool) -> None:
    """On GitHub by run, attempt, job, step and call; in CodeBuild by build, process and call; elsewhere by process."""
    assert (one == other) is alike


def test_a_token_is_what_run_task_takes() -> None:
    """At most 64 ASCII characters."""
    assert len(token(GITHUB)) <= 64
    assert token(GITHUB).isascii()


def test_each_process_has_a_nonce_of_its_own(environ: dict[str, str]) -> None:
    """Otherwise a second run under act would get the first run's migration."""
    assert State(environ, identify(environ)).nonce != State(environ, identify(environ)).nonce


def test_the_folder_and_its_files_are_this_users_alone(environ: dict[str, str], tmp_path: Path) -> None:
    """Under any umask, and where an older folder is open to others."""
    (tmp_path / "ecs-cd").mkdir()
    (tmp_path / "ecs-cd").chmod(0o777)
    before = os.umask(0)
    try:
        State(environ, identify(environ)).begin(kind="migration")
    finally:
        os.umask(before)
    modes = {path.name.partition("-")[0]: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "ecs-cd").iterdir()}
    assert modes == {"under": 0o600, "clean": 0o600}
    assert stat.S_IMODE((tmp_path / "ecs-cd").stat().st_mode) == 0o700
