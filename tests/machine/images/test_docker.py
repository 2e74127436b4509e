"""Docker's configuration: the caller's stays in use, and our login stays out of it."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ecs_cd.aws.session import Aws
from ecs_cd.ci.run import identify
from ecs_cd.ci.terminal import Terminal
from ecs_cd.images import docker
from ecs_cd.job import state
from ecs_cd.job.job import Job
from ecs_cd.model.errors import Refused
from ecs_cd.report import verdict_line
from tests.scripted_aws import Clock

HOST = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
THEIRS = {
    "auths": {"ghcr.io": {"auth": "eDp5"}},
    "credsStore": "desktop",
    "credHelpers": {"other.example": "helper", HOST: "ecr-login"},
    "currentContext": "remote",
    "cliPluginsExtraDirs": ["/opt/plugins"],
    "proxies": {"default": {"httpProxy": "http://proxy:3128"}},
}


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    folder = tmp_path / "caller" / ".docker"
    folder.mkdir(parents=True)
    return folder


def a_job(tmp_path: Path, **environ: str) -> Job:
    environ = {"RUNNER_TEMP": str(tmp_path / "temp"), "PATH": "/bin", **environ}
    return Job(
        environ,
        identify(environ),
        Terminal(),
        Aws(environ, "eu-west-1"),
        Clock(),
        state.State(environ, identify(environ)),
    )


def config(environ: dict[str, str]) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((Path(environ["DOCKER_CONFIG"]) / "config.json").read_text())
    return content


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_callers_settings_are_kept(tmp_path: Path, theirs: Path) -> None:
    """Logins to other registries, helpers, plugins, the context, proxies."""
    (theirs / "config.json").write_text(json.dumps(THEIRS))
    with docker.configuration(a_job(tmp_path, DOCKER_CONFIG=str(theirs)), [HOST]) as environ:
        kept = config(environ)
    for name in ("auths", "credsStore", "currentContext", "cliPluginsExtraDirs", "proxies"):
        assert kept[name] == THEIRS[name]
    assert kept["credHelpers"]["other.example"] == "helper"
    assert json.loads((theirs / "config.json").read_text()) == THEIRS


@pytest.mark.parametrize("content", ["{}", json.dumps({"credsStore": "desktop"}), json.dumps(THEIRS), "[]", None])
def test_the_token_goes_into_our_file(content: str | None, tmp_path: Path, theirs: Path) -> None:
    """An empty helper for the host beats the caller's store and helper, whatever they are."""
    if content is not None:
        (theirs / "config.json").write_text(content)
    with docker.configuration(a_job(tmp_path, DOCKER_CONFIG=str(theirs)), [HOST]) as environ:
        assert config(environ)["credHelpers"][HOST] == ""


def test_each_registry_has_its_login_there(tmp_path: Path, theirs: Path) -> None:
    """A repository in another account or region is in another registry."""
    hosts = [HOST, HOST.replace("1", "2"), "public.ecr.aws"]
    with docker.configuration(a_job(tmp_path, DOCKER_CONFIG=str(theirs)), hosts) as environ:
        assert config(environ)["credHelpers"] == dict.fromkeys(hosts, "")


def test_plugins_builders_and_contexts_are_those_of_the_caller(tmp_path: Path, theirs: Path) -> None:
    """DOCKER_CONFIG locates these, too; a builder of docker/setup-buildx-action is one of them."""
    for path in ("cli-plugins/docker-buildx", "buildx/instances/mine", "contexts/meta/x/meta.json"):
        (theirs / path).parent.mkdir(parents=True)
        (theirs / path).write_text(path)
    with docker.configuration(a_job(tmp_path, DOCKER_CONFIG=str(theirs)), [HOST]) as environ:
        ours = Path(environ["DOCKER_CONFIG"])
        assert ours != theirs
        assert (ours / "cli-plugins/docker-buildx").read_text() == "cli-plugins/docker-buildx"
        assert (ours / "contexts/meta/x/meta.json").exists()
        assert Path(environ["BUILDX_CONFIG"]) == theirs / "buildx"
        (ours / "buildx/instances/new").write_text("made during the build")
    assert (theirs / "buildx/instances/new").exists()
    assert (theirs / "cli-plugins/docker-buildx").exists()


def test_a_buildx_config_of_the_callers_own_is_left(tmp_path: Path, theirs: Path) -> None:
    """It has the caller's builders."""
    job = a_job(tmp_path, DOCKER_CONFIG=str(theirs), BUILDX_CONFIG="/elsewhere")
    with docker.configuration(job, [HOST]) as environ:
        assert environ["BUILDX_CONFIG"] == "/elsewhere"


def test_without_a_configuration_of_the_callers_there_is_ours_alone(tmp_path: Path) -> None:
    """A fresh runner."""
    with docker.configuration(a_job(tmp_path, DOCKER_CONFIG=str(tmp_path / "none")), [HOST]) as environ:
        assert config(environ) == {"credHelpers": {HOST: ""}}
        assert environ["PATH"] == "/bin"


def test_the_home_folder_is_where_docker_looks(tmp_path: Path, theirs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When DOCKER_CONFIG is not set."""
    monkeypatch.setenv("HOME", str(theirs.parent))
    (theirs / "config.json").write_text(json.dumps(THEIRS))
    with docker.configuration(a_job(tmp_path), [HOST]) as environ:
        assert config(environ)["auths"] == THEIRS["auths"]


def test_only_we_can_read_it(tmp_path: Path, theirs: Path) -> None:
    """It will hold a token that is good for twelve hours."""
    with docker.configuration(a_job(tmp_path, DOCKER_CONFIG=str(theirs)), [HOST]) as environ:
        ours = Path(environ["DOCKER_CONFIG"])
        assert mode(ours) == 0o700
        assert mode(ours / "config.json") == 0o600


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, None])
def test_it_is_removed_in_the_end(error: type[BaseException] | None, tmp_path: Path, theirs: Path) -> None:
    """However the step ends; until then the state file has its path, in case the process is killed."""
    job = a_job(tmp_path, DOCKER_CONFIG=str(theirs))
    (theirs / "cli-plugins").mkdir()
    try:
        with docker.configuration(job, [HOST]) as environ:
            ours = Path(environ["DOCKER_CONFIG"])
            assert job.state.under_way["docker_config"] == str(ours)
            docker.secret_files(environ, "app", {"T": "hunter2"})
            if error:
                raise error
    except (RuntimeError, KeyboardInterrupt):
        pass
    assert not ours.exists()
    assert (theirs / "cli-plugins").is_dir()
    assert [path.name for path in job.state.folder.iterdir() if path.name != "clean-up"] == []


@pytest.mark.parametrize("content", ["{", "hunter2", '{"auths": hunter2}'])
def test_a_configuration_that_is_no_json_is_refused(content: str, tmp_path: Path, theirs: Path) -> None:
    """Docker itself would ignore it; the message does not show its content, and no file is left behind."""
    (theirs / "config.json").write_text(content)
    job = a_job(tmp_path, DOCKER_CONFIG=str(theirs))
    with pytest.raises(Refused, match=r"config\.json can't be read as JSON") as refused:  # noqa: SIM117
        with docker.configuration(job, [HOST]):
            pass
    assert "hunter2" not in str(refused.value)
    assert not list(job.state.folder.glob("docker-*"))


def test_build_secrets_are_files_that_only_we_can_read(tmp_path: Path, theirs: Path) -> None:
    """By id, to the byte; a file's name tells nothing, however odd the id; two images' don't meet."""
    secrets = {"PEM": "-----BEGIN-----\nä\r\n-----END-----", "../x": "", "b": "two"}
    with docker.configuration(a_job(tmp_path, DOCKER_CONFIG=str(theirs)), [HOST]) as environ:
        paths = {name: Path(path) for name, path in docker.secret_files(environ, "app", secrets).items()}
        others = docker.secret_files(environ, "nginx", {"PEM": "another"})
        assert Path(others["PEM"]).read_text() == "another"
        assert {name: path.read_bytes().decode() for name, path in paths.items()} == secrets
        assert {mode(path) for path in paths.values()} == {0o600}
        assert {path.parent for path in paths.values()} == {Path(environ["DOCKER_CONFIG"])}


# ---- the docker command ----


@pytest.fixture
def fake_docker(tmp_path: Path) -> dict[str, str]:
    """A `docker` that writes down how it was called, and fails if asked to."""
    tool = tmp_path / "bin" / "docker"
    tool.parent.mkdir()
    tool.write_text(
        "#!/bin/sh\n"
        f'printf "%s\\n" "$@" >{tmp_path}/argv\n'
        'case "$1" in login) cat >' + f"{tmp_path}/stdin" + ";; esac\n"
        'echo "unauthorized: hunter2" >&2\n'
        'exit "${FAKE_EXIT:-0}"\n'
    )
    tool.chmod(0o755)
    return {"PATH": f"{tool.parent}{os.pathsep}{os.environ['PATH']}"}


def test_the_password_goes_through_stdin(fake_docker: dict[str, str], tmp_path: Path) -> None:
    """Everybody on the machine can read a command line."""
    docker.login(fake_docker, HOST, "AWS", "hunter2")
    assert (tmp_path / "argv").read_text().split() == ["login", "--username", "AWS", "--password-stdin", HOST]
    assert (tmp_path / "stdin").read_text() == "hunter2"


def test_a_login_that_fails_is_told_without_the_password(fake_docker: dict[str, str]) -> None:
    """In Docker's words."""
    with pytest.raises(Refused) as refused:
        docker.login({**fake_docker, "FAKE_EXIT": "1"}, HOST, "AWS", "hunter2")
    assert str(refused.value) == f"docker login to {HOST} failed: unauthorized: ***"


@pytest.mark.parametrize("code", [0, 1, 17])
def test_a_build_gives_its_exit_code(
    code: int, fake_docker: dict[str, str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Its words go to the log as they come; odd ones reach it as they are."""
    words = ["docker", "buildx", "build", "--build-arg=A=$(x) `y` 'z'", "--", "."]
    assert docker.build(words, {**fake_docker, "FAKE_EXIT": str(code)}) == (code, ["unauthorized: hunter2"])
    assert (tmp_path / "argv").read_text().splitlines() == words[1:]
    captured = capfd.readouterr()
    assert "unauthorized" in captured.out + captured.err


def test_of_a_long_build_the_last_lines_are_kept(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The log shows all of it, including bytes that are not text."""
    script = "import sys; [print(n) for n in range(5000)]; sys.stdout.flush(); sys.stdout.buffer.write(b'\\xff end')"
    code, last = docker.build([sys.executable, "-c", script], os.environ)
    assert (code, last[-2:]) == (0, ["4999", "\ufffd end"])
    assert len(last) < 1000
    assert "4000\n4001\n" in capfd.readouterr().out


def test_a_build_can_not_write_a_verdict(capfd: pytest.CaptureFixture[str]) -> None:
    """A Dockerfile decides what is written, also after a carriage return."""
    line = 'ecs-cd-verdict: {"version": 1, "build": "my-app:1", "nonce": "", "verb": "x", "parts": []}'
    docker.build(["printf", "%s\n", line, f"#5 0.1 x\r{line}", f"\r{line}"], os.environ)
    log = capfd.readouterr().out
    assert log.count(line) == 3
    assert verdict_line.find(log.splitlines(), "my-app:1") is None


def test_what_a_build_leaves_running_writes_nothing_more(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """After the build a line in the log may be a command again."""
    for name in ("go", "done"):
        os.mkfifo(tmp_path / name)
    left = f"cat {tmp_path}/go; echo late; echo over >{tmp_path}/done"
    code, last = docker.build(["sh", "-c", f"echo early; ({left}) & exit 3"], os.environ)
    (tmp_path / "go").write_text("")
    assert (tmp_path / "done").read_text() == "over\n"
    assert (code, last) == (3, ["early"])
    assert capfd.readouterr().out == "early\n"


def test_without_docker_it_is_said_what_to_install(tmp_path: Path) -> None:
    """For each call that needs it."""
    nowhere = {"PATH": str(tmp_path)}
    for call in (
        lambda: docker.login(nowhere, HOST, "AWS", "x"),
        lambda: docker.build(["docker", "buildx"], nowhere),
        lambda: docker.why_not(nowhere),
        lambda: docker.platforms(nowhere),
    ):
        with pytest.raises(Refused, match="no `docker` on PATH") as refused:
            call()
        assert refused.value.remedy


@pytest.mark.parametrize(
    "theirs", [{}, {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "x.y", "GIT_CONFIG_VALUE_0": "z"}]
)
def test_the_git_of_buildx_trusts_no_repository_in_the_context(theirs: dict[str, str], tmp_path: Path) -> None:
    """buildx asks Git for the commit, in the context: a bare repository there would be configured by the commit."""
    context = tmp_path / "checkout" / "app"
    context.mkdir(parents=True)
    trap = tmp_path / "trap"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\n")
    trap.chmod(0o755)
    for words in (["init", "-q", str(context.parent)], ["init", "-q", "--bare", str(context)]):
        subprocess.run(["git", *words], check=True)
    for key, value in {"core.bare": "false", "core.worktree": str(context), "core.fsmonitor": str(trap)}.items():
        subprocess.run(["git", "config", "--file", str(context / "config"), key, value], check=True)
    script = f"cd {context}; git status --porcelain; git config x.y"
    code, lines = docker.build(["sh", "-c", script], {**os.environ, **theirs})
    assert "cannot use bare repository" in lines[0]
    assert (code, "z" in lines) == (0 if theirs else 1, bool(theirs))
    assert not (tmp_path / "sprung").exists()
