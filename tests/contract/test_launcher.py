"""bin/ecs-cd ignores the caller's Python settings."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from ecs_cd import __version__
from ecs_cd.ci.run import identify
from ecs_cd.job.state import State
from tests.contract.parts import ROOT

Run = Callable[..., "subprocess.CompletedProcess[str]"]
SYSTEMS = [number for number in range(10, 15) if Path(f"/usr/bin/python3.{number}").exists()]
TRAP = "raise SystemExit('the caller interferes')\n"
# Modules that the launcher, our code or its dependencies import, early and late.
TRAPS = ("json", "boto3", "botocore", "argparse", "yaml", "ecs_cd", "sitecustomize", "usercustomize")


def traps(folder: Path) -> Path:
    """A folder of modules that end the process when one is imported."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in TRAPS:
        (folder / f"{name}.py").write_text(TRAP)
    return folder


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release tree whose dependencies are those of this environment."""
    root = tmp_path_factory.mktemp("a release")
    (root / "bin").mkdir()
    for path in (ROOT / "bin").iterdir():
        if path.is_file():
            (root / "bin" / path.name).write_bytes(path.read_bytes())
            (root / "bin" / path.name).chmod(path.stat().st_mode)
    (root / "src").symlink_to(ROOT / "src")
    (root / "dist").symlink_to(sysconfig.get_path("purelib"))
    return root


@pytest.fixture
def run(tree: Path, tmp_path: Path) -> Run:
    """Runs the launcher in an empty folder, with additions to the environment."""

    def run(
        *arguments: str, launcher: Path | None = None, cwd: Path = tmp_path, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        command: list[str | Path] = [launcher or tree / "bin" / "ecs-cd", *arguments]
        return subprocess.run(
            command, cwd=cwd, env={**os.environ, **(env or {})}, capture_output=True, text=True, check=False, timeout=30
        )

    return run


def settings(case: str, folder: Path) -> dict[str, str]:
    """The environment of a caller whose Python is in the way."""
    version = sysconfig.get_python_version()
    if case == "PYTHONPATH":
        return {"PYTHONPATH": str(traps(folder))}
    if case == "PYTHONHOME":
        return {"PYTHONHOME": "/nonexistent"}
    if case == "PYTHONSTARTUP and warnings":
        (folder / "startup.py").write_text(TRAP)
        return {"PYTHONSTARTUP": str(folder / "startup.py"), "PYTHONWARNINGS": "error", "PYTHONINSPECT": "1"}
    if case == "user site":
        traps(folder / "lib" / f"python{version}" / "site-packages")
        return {"PYTHONUSERBASE": str(folder)}
    traps(folder)  # the working directory
    return {}


CASES = ("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP and warnings", "user site", "working directory")


@pytest.mark.parametrize("case", CASES)
def test_the_callers_python_never_interferes(run: Run, tmp_path: Path, case: str) -> None:
    """Whatever the job set up before, our own modules and dependencies are loaded."""
    done = run("--version", env=settings(case, tmp_path))
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{__version__}\n", "")


def test_the_launcher_is_found_behind_a_symlink(run: Run, tree: Path, tmp_path: Path) -> None:
    """`ecs-cd` may be in a bin folder of the caller, as a relative link to a link."""
    (tmp_path / "one").symlink_to(tree / "bin" / "ecs-cd")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "ecs-cd").symlink_to("../one")
    assert run("--version", launcher=tmp_path / "bin" / "ecs-cd").stdout == f"{__version__}\n"


def test_cdpath_does_not_lead_astray(run: Run, tree: Path, tmp_path: Path) -> None:
    """With a relative path `cd` would search CDPATH first."""
    (tmp_path / "bin").mkdir()
    done = run("--version", launcher=Path("bin/ecs-cd"), cwd=tree, env={"CDPATH": str(tmp_path)})
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{__version__}\n", "")


def test_the_launcher_works_where_the_tree_is_read_only(run: Run, tree: Path) -> None:
    """Nothing is written beside the code: no bytecode, no installation."""
    before = {path.name for path in (*tree.iterdir(), *(tree / "bin").iterdir())}
    assert run("--version").returncode == 0
    assert {path.name for path in (*tree.iterdir(), *(tree / "bin").iterdir())} == before


def test_a_misspelt_flag_is_refused(run: Run) -> None:
    """Exit code 2 and the flag's name, not a deployment with a default."""
    done = run("deploy", "--config", "file:x", "--servce", "web")
    assert done.returncode == 2
    assert "--servce" in done.stderr


def test_garbage_is_collected_once_everything_is_imported(tmp_path: Path) -> None:
    """The launcher turns collection off for the start; a verb can run for an hour."""
    (tmp_path / "ecs-cd.yml").write_text("cluster: c\nimages: {app: {repository: localhost/my-app}}\n")
    script = (
        "import gc, os; gc.disable(); from ecs_cd.cli import main; "
        "main(['images', '--config', 'file:ecs-cd.yml'], os.environ); print(gc.isenabled(), gc.get_freeze_count() > 10000)"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "AWS_REGION": "eu-west-1"}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "True True"


def test_a_profile_that_is_gone_is_no_defect_of_the_clean_up(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in any other verb; the state file stays for a later clean-up."""
    monkeypatch.setenv("RUNNER_TEMP", str(tmp_path))
    left = State(os.environ, identify(os.environ))
    left.begin(kind="deployments", region="eu-west-1", deployments=[])
    (own,) = left.folder.glob("under-way-*.json")
    dead = own.rename(own.with_name(f"{own.stem.rpartition('-')[0]}-{2**22 + 1}.json"))
    ended = run("clean-up", env={"AWS_PROFILE": "gone", "GITHUB_ACTIONS": ""})
    assert (ended.returncode, dead.exists()) == (2, True)
    assert ended.stderr.startswith("error: clean-up: The config profile (gone) could not be found"), ended


def test_garbage_is_collected_in_a_local_verb() -> None:
    """It can run as long as a workflow."""
    script = (
        "import gc, os; gc.disable(); from ecs_cd.cli import main\n"
        "try: main(['local', '--help'], os.environ)\n"
        "finally: print(gc.isenabled())"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "True"


@pytest.mark.parametrize("env", [{}, {"GITHUB_ACTIONS": "true"}, {"GITHUB_ACTIONS": "true", "GITHUB_OUTPUT": "output"}])
def test_a_script_can_read_the_matrix(run: Run, tmp_path: Path, env: dict[str, str]) -> None:
    """On standard output there is one line of JSON and nothing else, in a step of a workflow as well."""
    (tmp_path / "ecs-cd.yml").write_text(
        "cluster: c\nimages: {nginx: {repository: localhost/my-nginx}, app: {repository: localhost/my-app}}\n"
    )
    without = dict.fromkeys(("GITHUB_ACTIONS", "GITHUB_OUTPUT"), "")
    done = run("images", "--config", "file:ecs-cd.yml", env={**without, **env})
    assert (done.returncode, done.stdout) == (0, '{"image": ["nginx", "app"]}\n')
    assert done.stderr == "config: file:ecs-cd.yml\n"


@pytest.mark.skipif(not SYSTEMS, reason="this machine has no /usr/bin/python3.N")
def test_a_release_starts_no_process_to_find_python(tree: Path, tmp_path: Path) -> None:
    """The file name of the system's Python shows its version: each process would slow down every start."""
    for name in ("basename", "dirname", "python", "python3", "readlink", "uname", "uv"):
        (tmp_path / name).write_text('#!/bin/sh\necho "$0 was started" >&2\nexit 1\n')
        (tmp_path / name).chmod(0o755)
    command = tree / "bin" / "ecs-cd"
    done = subprocess.run(
        [command, "--version"], env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{__version__}\n", "")


def test_no_other_program_gets_the_inputs_or_the_identity(tmp_path: Path) -> None:
    """Inputs can hold build secrets; what installs the dependencies has no business with them, nor with OIDC tokens."""
    suite = tmp_path / "suite"
    (suite / "requirements").mkdir(parents=True)
    (suite / "requirements" / "runtime.txt").touch()
    shutil.copytree(ROOT / "bin", suite / "bin")
    (suite / "src").symlink_to(ROOT / "src")
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("uv", "python3"):
        (tools / name).write_text(f'#!/bin/sh\nenv > "{tmp_path}/{name}.env"\nexit 1\n')
        (tools / name).chmod(0o755)
    env = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "RUNNER_TEMP": str(tmp_path / "temp")}
    env["ECS_CD_INPUTS"] = '{"secrets": "token=hunter2"}'
    env["ACTIONS_ID_TOKEN_REQUEST_TOKEN"] = "bearer"
    ended = subprocess.run(
        [suite / "bin" / "ecs-cd", "build-push"], env=env, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 2
    assert "could not be installed" in ended.stdout
    seen = [path.read_text() for path in tmp_path.glob("*.env")]
    assert seen
    assert not any("hunter2" in text for text in seen)
    assert "ACTIONS_ID_TOKEN_REQUEST_TOKEN" not in (tmp_path / "uv.env").read_text()


@pytest.mark.parametrize("place", ["workspace", "checkout", "source"])
@pytest.mark.parametrize(
    "entry", ["{place}/bin", "{place}", "bin", "./bin", "", ".", "{tmp}/link", "{tmp}/x/../{name}/bin"]
)
def test_no_program_of_the_checkout_is_started(place: str, entry: str, tmp_path: Path) -> None:
    """Whatever PATH an earlier step has left: neither to find Python, nor to install, nor by what is started then."""
    suite, folder = tmp_path / "suite", tmp_path / place
    (suite / "requirements").mkdir(parents=True)
    (suite / "requirements" / "runtime.txt").touch()
    shutil.copytree(ROOT / "bin", suite / "bin")
    shutil.copytree(ROOT / "src", suite / "src", ignore=shutil.ignore_patterns("local", "__pycache__"))
    (suite / "src" / "ecs_cd" / "cli.py").write_text("import os\ndef entry(): print(os.environ['PATH'])\n")
    (folder / "bin").mkdir(parents=True)
    (tmp_path / "x").mkdir()
    (tmp_path / "link").symlink_to(folder / "bin")
    for name in ("python3", "python", "uv", "readlink", "dirname", "cksum", "tr", "mkdir", "mktemp", "mv", "rm", "pip"):
        for where in (folder, folder / "bin"):
            (where / name).write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\nexit 1\n")
            (where / name).chmod(0o755)
    if place == "checkout":
        (folder / ".git").touch()
    (suite / "dist").mkdir()
    path = f"{entry.format(place=folder, tmp=tmp_path, name=place)}:/usr/bin:/bin"
    env = {"PATH": path, "RUNNER_TEMP": str(tmp_path / "temp"), "HOME": str(tmp_path)}
    env |= {"GITHUB_WORKSPACE": str(folder)} if place == "workspace" else {}
    env |= {"CODEBUILD_SRC_DIR": str(folder)} if place == "source" else {}
    (tmp_path / "ecs-cd").symlink_to(suite / "bin" / "ecs-cd")
    ended = subprocess.run([tmp_path / "ecs-cd"], env=env, cwd=folder, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (0, "/usr/bin:/bin\n"), ended
    (suite / "dist").rmdir()
    subprocess.run([tmp_path / "ecs-cd"], env=env, cwd=folder, capture_output=True, check=False)
    assert not (tmp_path / "sprung").exists()


def test_the_launcher_works_where_its_folder_is_gone(tree: Path, tmp_path: Path) -> None:
    """A step before may have removed it."""
    (tmp_path / "gone").mkdir()
    script = f'cd "{tmp_path}/gone" && rmdir "{tmp_path}/gone" && exec "{tree}/bin/ecs-cd" --version'
    done = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, f"{__version__}\n"), done


def test_a_path_of_the_checkout_alone_finds_nothing(tree: Path, tmp_path: Path) -> None:
    """An empty PATH would be the working directory."""
    (tmp_path / ".git").touch()
    (tmp_path / "readlink").write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\n")
    (tmp_path / "readlink").chmod(0o755)
    (tmp_path / "link").symlink_to(tree / "bin" / "ecs-cd")
    env = {"PATH": str(tmp_path), "HOME": str(tmp_path)}
    subprocess.run([tmp_path / "link"], env=env, cwd=tmp_path, capture_output=True, check=False)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("variable", ["RUNNER_TEMP", "XDG_CACHE_HOME", "HOME"])
def test_dependencies_of_the_checkout_are_not_imported(variable: str, tmp_path: Path) -> None:
    """A commit could hold a folder with the name of an installation."""
    suite, folder = tmp_path / "suite", tmp_path / "checkout"
    (suite / "requirements").mkdir(parents=True)
    (suite / "requirements" / "runtime.txt").touch()
    shutil.copytree(ROOT / "bin", suite / "bin")
    (suite / "src").symlink_to(ROOT / "src")
    (folder / "cache").mkdir(parents=True)
    (folder / ".git").touch()
    env = {"PATH": "/usr/bin:/bin", variable: str(folder / "cache")}
    ended = subprocess.run(
        [suite / "bin" / "ecs-cd", "--version"], env=env, cwd=folder, capture_output=True, text=True, check=False
    )
    assert (ended.returncode, "is inside the checkout; set RUNNER_TEMP" in ended.stdout) == (2, True), ended


@pytest.mark.parametrize(("on_github", "begin"), [("true", "::error title=ecs-cd::"), ("", "error: ecs-cd: ")])
def test_a_place_that_can_not_be_written_to_is_named(on_github: str, begin: str, tmp_path: Path) -> None:
    """It fails before it starts and names the place; it does not install elsewhere. Only GitHub knows annotations."""
    shutil.copytree(ROOT / "bin", tmp_path / "bin")
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "runtime.txt").touch()
    (tmp_path / "a file").touch()
    env = {**os.environ, "RUNNER_TEMP": str(tmp_path / "a file"), "GITHUB_ACTIONS": on_github}
    launcher = tmp_path / "bin" / "ecs-cd"
    ended = subprocess.run([launcher, "--version"], env=env, capture_output=True, text=True, check=False)
    assert (ended.returncode, f"{begin}{tmp_path}/a file/ecs-cd can't be written to" in ended.stdout) == (2, True), (
        ended
    )


def test_a_signal_before_we_listen_ends_as_a_cancellation(tree: Path) -> None:
    """Nothing was started: no traceback, and the exit code of a cancelled run."""
    slow = {**os.environ, "ECS_CD_INPUTS": "{}"}
    for delay in (0.05, 0.1, 0.15):
        process = subprocess.Popen([tree / "bin" / "ecs-cd", "deploy"], env=slow, stdout=-1, stderr=-2, text=True)
        time.sleep(delay)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=30)
        assert "Traceback" not in output
        assert process.returncode in (130, -signal.SIGINT, 2), output  # the shell itself, or already refused


def test_a_reader_that_goes_away_ends_the_words_and_not_the_work(tree: Path, tmp_path: Path) -> None:
    """`ecs-cd ... | head -1` must not lose sight of a migration: no traceback, the verb's own exit code."""
    verb = f'"{tree}/bin/ecs-cd" deploy --config file:nope.yml 2>&1; echo "ended with $?" >&2'
    script = f"{{ sleep 0.2; {verb}; }} | true"  # nobody reads any more when it speaks
    ended = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.stderr == "ended with 2\n"


def test_a_stream_that_is_closed_is_no_defect(tree: Path, tmp_path: Path) -> None:
    """The words go nowhere, the exit code is the verb's."""
    script = f'"{tree}/bin/ecs-cd" deploy --config file:nope.yml >&- 2>&-'
    assert subprocess.run(["bash", "-c", script], cwd=tmp_path, check=False).returncode == 2
