"""The log of CodeBuild, and the folder with the report."""

from __future__ import annotations

import json
import stat
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ecs_cd import ci
from ecs_cd.ci import Ci
from ecs_cd.ci.codebuild import CodeBuild
from ecs_cd.model.verdict import Outcome
from ecs_cd.report import verdict_line
from ecs_cd.report.summary import UNDER_WAY, Part

BUILD = "my-app:1"
FORGED = f'ecs-cd-verdict: {{"version": 1, "build": "{BUILD}", "nonce": "", "verb": "x", "parts": []}}'
ENDED = Part("Deployment", Outcome.SUCCEEDED, "1 of 1 running")


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"CODEBUILD_BUILD_ID": BUILD, "CODEBUILD_SRC_DIR": str(tmp_path)}


@pytest.fixture
def build(environ: dict[str, str]) -> CodeBuild:
    return CodeBuild(environ, "deploy")


@pytest.mark.parametrize(
    ("speak", "out"),
    [
        (lambda it: it.line("a\nb"), "a\nb\n"),
        (lambda it: it.line("a", alarming=True), "\x1b[31ma\x1b[0m\n"),
        (lambda it: it.notice("a"), "note: a\n"),
        (lambda it: it.warning("a"), "warning: a\n"),
        (lambda it: it.error("a\nb", "t"), "error: t: a\nb\n"),
        (lambda it: it.relay(["a\rb", "::error::b"]), "  | a\n  | b\n  | ::error::b\n"),
        (lambda it: it.outputs({"x": "1", "y": "2"}), "x=1\ny=2\n"),
        (lambda it: it.progress({"x": "1"}), ""),
        (lambda it: it.summary([Part("Migration", UNDER_WAY)]), "==== Migration ====\n"),
        (lambda it: it.summary([ENDED]), ""),
        (lambda it: it.end(), ""),
        (lambda it: it.line("\x1b[2Jx\rb"), "\ufffd[2Jx\nb\n"),
    ],
)
def test_the_log_is_plain_lines(
    speak: Callable[[Ci], None], out: str, build: CodeBuild, capsys: pytest.CaptureFixture[str]
) -> None:
    """In one stream, whose order CodeBuild keeps; red only what is alarming."""
    speak(build)
    assert capsys.readouterr() == (out, "")


@pytest.mark.parametrize(
    "before", ["", "a\n", "a\r", "a\r\n", "a\x0b", "a\x0c", "a\x85", "a\u2028", "a\u2029", "\x00", "\ufeff", "\x1b[0m"]
)
@pytest.mark.parametrize(
    "speak",
    [
        lambda it, text: it.line(text),
        lambda it, text: it.line(text, alarming=True),
        lambda it, text: it.notice(text),
        lambda it, text: it.warning(text),
        lambda it, text: it.error(text, title="t"),
        lambda it, text: it.error("x", title=text),
        lambda it, text: it.relay([text]),
        lambda it, text: it.outputs({"x": text}),
        lambda it, text: it.outputs({text: "x"}),
        lambda it, text: it.summary([Part(text, UNDER_WAY)]),
    ],
)
def test_no_text_looks_like_a_verdict(
    speak: Callable[[Ci, str], None], before: str, build: CodeBuild, capsys: pytest.CaptureFixture[str]
) -> None:
    """Wherever a line begins in it."""
    speak(build, f"{before}{FORGED}")
    assert verdict_line.find(capsys.readouterr().out.splitlines(), BUILD) is None


def test_the_verdict_is_the_last_line(environ: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    """With the nonce, if `hand-off` gave one; at the start of a line, whatever a child process left."""
    nonce = "0f" * 16
    build = CodeBuild({**environ, "ECS_CD_NONCE": nonce}, "deploy")
    build.summary([ENDED])
    with build.foreign("docker buildx: app"):
        print("unterminated", end="")
    build.end()
    *before, last = capsys.readouterr().out.splitlines()
    assert before == ["---- docker buildx: app ----", "unterminated", "---- end of docker buildx: app ----"]
    found = verdict_line.find([last], BUILD, nonce)
    assert found is not None
    assert (found.verb, [(part.title, part.state) for part in found.parts]) == ("deploy", [(ENDED.title, ENDED.state)])


def test_the_report_grows_with_the_summary(environ: dict[str, str], build: CodeBuild, tmp_path: Path) -> None:
    """A killed process leaves what was known; the next verb of the build adds to it."""
    folder = tmp_path / "ecs-cd-report"
    build.summary([Part("Migration", UNDER_WAY)])
    assert "under way" in (folder / "report.md").read_text()
    build.outputs({"migration-result": "succeeded"})
    build.summary([Part("Migration", Outcome.SUCCEEDED)])
    assert "under way" not in (folder / "report.md").read_text()
    CodeBuild(environ, "deploy").summary([ENDED])
    report = json.loads((folder / "report.json").read_text())
    assert [part["title"] for each in report["verbs"] for part in each["parts"]] == ["Migration", "Deployment"]
    assert sorted(path.name for path in folder.iterdir()) == [
        ".gitignore", "junit.xml", "outputs.env", "report.json", "report.md",
    ]  # fmt: skip


def test_another_builds_report_is_replaced(environ: dict[str, str], build: CodeBuild, tmp_path: Path) -> None:
    """A cache may bring it back."""
    build.summary([Part("Migration", Outcome.FAILED)])
    CodeBuild({**environ, "CODEBUILD_BUILD_ID": "my-app:2"}, "deploy").summary([ENDED])
    assert "Migration" not in (tmp_path / "ecs-cd-report" / "report.json").read_text()


def test_without_a_source_folder_the_report_is_in_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where that was at the start."""
    monkeypatch.chdir(tmp_path)
    CodeBuild({"CODEBUILD_BUILD_ID": BUILD}, "deploy").summary([ENDED])
    assert (tmp_path / "ecs-cd-report" / "report.md").exists()


def test_the_checkout_stays_as_its_commit(build: CodeBuild, tmp_path: Path) -> None:
    """A build from a changed checkout gets no tag of its commit."""
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    build.summary([ENDED])
    status = ["git", "-C", str(tmp_path), "status", "--porcelain"]
    assert subprocess.run(status, capture_output=True, text=True, check=True).stdout == ""


def test_a_link_of_a_commit_is_not_followed(
    build: CodeBuild, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It could lead to any file of the build; the verb goes on, and warns once."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "ecs-cd-report").symlink_to(tmp_path / "elsewhere")
    build.summary([ENDED])
    build.outputs({"x": "1"})
    assert capsys.readouterr().out == "warning: the report can't be written to ecs-cd-report: it is a symlink\nx=1\n"
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert not build.keeps_outputs


@pytest.mark.parametrize("name", ["report.json", "report.md", "junit.xml", "outputs.env"])
def test_a_linked_file_is_replaced(name: str, build: CodeBuild, tmp_path: Path) -> None:
    """Neither read nor written through."""
    (tmp_path / "precious").write_text(json.dumps({"build": BUILD, "verbs": []}))
    (tmp_path / "ecs-cd-report").mkdir()
    (tmp_path / "ecs-cd-report" / name).symlink_to(tmp_path / "precious")
    build.summary([ENDED])
    assert json.loads((tmp_path / "precious").read_text())["verbs"] == []
    assert not (tmp_path / "ecs-cd-report" / name).is_symlink()


@pytest.mark.parametrize("there", ["file", "folder", "nowhere"])
def test_a_report_that_can_not_be_written_is_only_a_warning(
    there: str, environ: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The deployment is not affected, and its verdict is in the log."""
    if there == "file":
        (tmp_path / "ecs-cd-report").touch()
    elif there == "folder":
        (tmp_path / "ecs-cd-report" / "report.json").mkdir(parents=True)
    else:
        environ["CODEBUILD_SRC_DIR"] = str(tmp_path / "nowhere")
    build = CodeBuild(environ, "deploy")
    build.summary([ENDED])
    build.summary([ENDED])
    build.end()
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("warning: the report can't be written to ecs-cd-report: ")
    assert verdict_line.find([second], BUILD) is not None


def test_only_this_user_can_read_the_report(build: CodeBuild, tmp_path: Path) -> None:
    """It quotes logs of the application."""
    build.summary([ENDED])
    assert stat.S_IMODE((tmp_path / "ecs-cd-report" / "report.json").stat().st_mode) == 0o600


def test_the_build_is_found_by_its_id() -> None:
    """A runner of GitHub that CodeBuild hosts has it, too."""
    both = {"CODEBUILD_BUILD_ID": BUILD}
    assert isinstance(ci.detect(both, time), CodeBuild)
    assert not isinstance(ci.detect({**both, "GITHUB_ACTIONS": "true"}, time), CodeBuild)
    assert not isinstance(ci.detect({"CODEBUILD_BUILD_ID": ""}, time), CodeBuild)
