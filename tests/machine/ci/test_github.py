"""The job log of GitHub: nothing that others wrote can command its runner; its files, and its annotations."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from ecs_cd.ci.github import GitHub
from ecs_cd.model.verdict import Outcome
from ecs_cd.report.summary import Part

COMMANDS = {"error", "warning", "notice", "group", "add-mask", "set-output", "stop-commands", "set-env"}
HOSTILE = [
    "::error::x",
    "  ::error::x",
    "\t::add-mask::x",
    "::set-output name=digest::sha256:evil",
    "##[group]x",
    "text ##[error]x",
    "fine\r::set-output name=a::b",
    "fine\n::error::x",
    "fine\r\n::error::x",
    "fine\u2028::error::x",
    "fine\u2029::error::x",
    "fine\x85::error::x",
    "fine\x0b::error::x",
    "fine\x0c::error::x",
    "\x1b[2J\x1b]0;title\x07::error::x",
    "\x00::error::x",
    "::stop-commands::mine",
    "::" + "x" * 10_000,
    "x" * 10_000 + "::error::x",
    "\ufeff::error::x",
    "\u00a0::error::x",
]


def runner(log: str) -> list[str]:
    """The commands that GitHub's runner would carry out.

    A line that starts with `::` after white space, else one that has `##[` anywhere, if it names a command;
    after stop-commands only its token is heard.
    """
    heard: list[str] = []
    token = ""
    for line in re.split(r"\r\n|\r|\n", log):
        known = {*COMMANDS, token}
        forms = (re.match(r"\s*::(.*?)::(.*)", line), re.search(r"##\[([^\]]*)\](.*)", line))
        found = next((form for form in forms if form and form[1].partition(" ")[0] in known), None)
        name, data = (found[1].partition(" ")[0], found[2]) if found else ("", "")
        if token:
            token = "" if name == token else token
        elif name == "stop-commands":
            token = data
        elif name:
            heard.append(f"{name}:{data}")
    assert not token, "commands are stopped for good"
    return heard


@pytest.fixture
def github(tmp_path: Path) -> GitHub:
    return GitHub({"GITHUB_OUTPUT": str(tmp_path / "out"), "GITHUB_STEP_SUMMARY": str(tmp_path / "summary")})


def outputs(text: str) -> list[tuple[str, str, str]]:
    """Name, value and delimiter, as the runner reads GITHUB_OUTPUT."""
    found = re.findall(r"^([\w-]+)<<(.+)\n((?:.*\n)*?)\2\n", text, re.M)
    return [(name, value.removesuffix("\n"), delimiter) for name, delimiter, value in found]


@pytest.mark.parametrize("line", HOSTILE, ids=ascii)
def test_relayed_lines_command_nothing(line: str, github: GitHub, capsys: pytest.CaptureFixture[str]) -> None:
    """Between stop-commands and its token nothing is a command, and none can end it."""
    github.relay(["before", line, "after"])
    log = capsys.readouterr().out
    assert runner(log) == []
    assert "before" in log
    assert "after" in log


@pytest.mark.parametrize("line", HOSTILE, ids=ascii)
def test_a_line_of_ours_that_quotes_commands_nothing(
    line: str, github: GitHub, capsys: pytest.CaptureFixture[str]
) -> None:
    """Stop reasons and events are others' words as well, and may hold line ends."""
    github.line(line)
    github.line(f"  event: {line}")
    log = capsys.readouterr().out
    assert runner(log) == []
    assert "##[" not in log
    assert not any(shown.lstrip().startswith("::") for shown in log.splitlines())


@pytest.mark.parametrize("line", HOSTILE, ids=ascii)
def test_an_annotation_holds_what_it_quotes(line: str, github: GitHub, capsys: pytest.CaptureFixture[str]) -> None:
    """A single command on one line; the quoted text is its data."""
    for annotate in (github.notice, github.warning, lambda text: github.error(text, "title, with: all")):
        annotate(f"it said {line}")
        log = capsys.readouterr().out
        assert log.count("\n") == 1
        assert len(runner(log)) == 1


def test_each_relay_has_a_token_of_its_own(github: GitHub, capsys: pytest.CaptureFixture[str]) -> None:
    """A container that saw one in an earlier log can't use it."""
    github.relay(["x"])
    github.relay(["x"])
    tokens = re.findall(r"^::stop-commands::(.+)$", capsys.readouterr().out, re.M)
    assert len(set(tokens)) == 2
    assert all(len(token) >= 32 for token in tokens)


def test_no_lines_leave_no_trace(github: GitHub, capsys: pytest.CaptureFixture[str]) -> None:
    """A log is asked for twice a second, and is mostly silent."""
    github.relay([])
    assert capsys.readouterr().out == ""


def test_commands_are_heard_again_after_an_error(github: GitHub, capsys: pytest.CaptureFixture[str]) -> None:
    """If a block with a child's output fails, the error is still an annotation."""
    with pytest.raises(OSError, match="gone"), github.foreign("docker buildx: app"):
        raise OSError("gone")
    github.error("x", "t")
    assert runner(capsys.readouterr().out) == ["group:docker buildx: app", "error:x"]


@pytest.mark.parametrize("length", [4096, 4097, 20_000])
def test_an_annotation_is_cut_to_what_github_shows(
    length: int, github: GitHub, capsys: pytest.CaptureFixture[str]
) -> None:
    """4096 characters; more would be no annotation at all."""
    github.error("%" * length, "t")
    message = capsys.readouterr().out.rstrip("\n").partition("::error title=t::")[2]
    assert message == "%25" * 4096


def test_an_error_of_several_lines_is_one_annotation(github: GitHub, capsys: pytest.CaptureFixture[str]) -> None:
    """A line break is data in it."""
    github.error("one\ntwo: 100%", "a, b")
    assert capsys.readouterr().out == "::error title=a%2C b::one%0Atwo: 100%25\n"


@pytest.mark.parametrize(
    "value", ["", "plain", "two\nlines", "a<<b", "EOF", "x=y", "ghadelimiter_\n", "ü €", "ends with\n"]
)
def test_an_output_is_what_was_given(value: str, github: GitHub, tmp_path: Path) -> None:
    """Whatever it holds: the delimiter is random."""
    github.outputs({"first": value, "second": "2"})
    github.outputs({"third": "3"})
    found = outputs((tmp_path / "out").read_text(encoding="utf-8"))
    assert [(name, text) for name, text, _ in found] == [("first", value), ("second", "2"), ("third", "3")]
    assert len({delimiter for _, _, delimiter in found}) == 3
    assert all(len(delimiter) >= 32 for _, _, delimiter in found)


@pytest.mark.parametrize("acting", ["\x00", "\x1b[31m", "\r", "\u202e", "\u2066", "\ud800", "\udcff", "\x85"])
def test_nothing_that_is_written_acts_on_its_reader(
    acting: str, github: GitHub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An output, an annotation, a line, and the lines of others; colours stay in the log."""
    github.outputs({"a": f"x{acting}y"})
    (found,) = outputs((tmp_path / "out").read_text(encoding="utf-8"))
    assert found[1] == f"x\ufffd{acting[1:]}y"
    github.error(f"x{acting}y", "t")
    assert acting not in capsys.readouterr().out
    github.line(f"x{acting}y")
    github.relay([f"x{acting}y"])
    assert (acting in capsys.readouterr().out) == (acting == "\x1b[31m")


def parts(message: str) -> list[Part]:
    return [Part("x", Outcome.FAILED, message)]


HEAD = b"### \xe2\x9d\x8c x: failed\n\n"
ROOM = 1024 * 1024


@pytest.mark.parametrize("theirs", [0, 500_000, ROOM - 200, ROOM - 1, ROOM, ROOM + 1])
def test_a_summary_is_cut_at_what_github_takes(theirs: int, github: GitHub, tmp_path: Path) -> None:
    """1 MiB a step, that of others included; of a larger one GitHub shows nothing at all."""
    file = tmp_path / "summary"
    file.write_bytes(b"y" * theirs)
    for size in (2 * ROOM, ROOM - theirs, 10):
        github.summary(parts("x" * max(0, size)))
        written = file.read_bytes()
        assert len(written) <= max(ROOM, theirs)
        assert written.startswith(b"y" * theirs)
        assert written[theirs:].startswith(HEAD) is (theirs < ROOM - 100)


def test_what_a_child_wrote_after_us_takes_its_room(github: GitHub, tmp_path: Path) -> None:
    """Ours is cut, and not what follows it."""
    file = tmp_path / "summary"
    github.summary(parts("short"))
    with file.open("ab") as more:
        more.write(b"y" * 1_000_000)
    github.summary(parts("x" * 100_000))
    assert ROOM - 10 < len(file.read_bytes()) <= ROOM
    assert file.read_bytes().endswith(b"y" * 1_000_000)


def test_a_summary_is_written_anew_each_time(github: GitHub, tmp_path: Path) -> None:
    """Only the last state, even if it is shorter than the previous one."""
    for message in ("long" * 100, "ünd", "longer"):
        github.summary(parts(message))
    assert (tmp_path / "summary").read_text(encoding="utf-8").count("failed") == 1
    assert (tmp_path / "summary").read_bytes().startswith(HEAD + b"longer\n\n")


def test_what_others_wrote_into_the_summary_stays(github: GitHub, tmp_path: Path) -> None:
    """Before us and between our states, which are as they should be all the same."""
    file = tmp_path / "summary"
    file.write_text("theirs\n")
    github.summary(parts("one"))
    with file.open("a") as more:
        more.write("a child's\n")
    github.summary(parts("two, which is longer"))
    github.summary(parts("three"))
    text = file.read_text(encoding="utf-8")
    assert text.startswith("theirs\n### ❌ x: failed\n\nthree\n")
    assert text.endswith("\na child's\n")
    assert text.count("failed") == 1


def test_a_summary_that_somebody_has_changed_is_written_below(github: GitHub, tmp_path: Path) -> None:
    """ecs-cd does not remove text that another program wrote in its place."""
    file = tmp_path / "summary"
    github.summary(parts("one"))
    file.write_text("theirs\n")
    github.summary(parts("two"))
    assert file.read_text(encoding="utf-8").startswith("theirs\n### ❌ x: failed\n\ntwo\n")


def test_a_summary_that_can_not_be_written_is_said_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """However often there is news."""
    github = GitHub({"GITHUB_STEP_SUMMARY": str(tmp_path)})
    github.summary(parts("one"))
    github.summary(parts("two"))
    assert capsys.readouterr().out == "::warning::the job summary can't be written: Is a directory\n"


def test_a_device_is_a_summary_as_well(capsys: pytest.CaptureFixture[str]) -> None:
    """A user without need for one names /dev/null; a pipe can't be rewritten, and the log says so."""
    nowhere = GitHub({"GITHUB_STEP_SUMMARY": os.devnull})
    nowhere.summary(parts("one"))
    nowhere.summary(parts("two"))
    assert capsys.readouterr().out == ""
    out, into = os.pipe()
    GitHub({"GITHUB_STEP_SUMMARY": f"/dev/fd/{into}"}).summary(parts("one"))
    os.close(out)
    os.close(into)
    assert re.fullmatch("::warning::the job summary can't be written: (?!None).+\n", capsys.readouterr().out)


def test_annotations_are_no_more_than_github_shows(github: GitHub, capsys: pytest.CaptureFixture[str]) -> None:
    """Ten a step, six for what happens on the way, so that the verdict is among them; the others are lines."""
    for number in range(20):
        github.warning(f"w{number}")
        github.notice(f"n{number}")
    for number in range(20):
        github.error(f"e{number}", "t")
    log = capsys.readouterr().out
    assert runner(log) == [
        "warning:w0", "notice:n0", "warning:w1", "notice:n1", "warning:w2", "notice:n2",
        "error:e0", "error:e1", "error:e2", "error:e3",
    ]  # fmt: skip
    assert "\nnotice: n19\n" in log
    assert "error: e19" in log


def test_nothing_is_annotated_twice(github: GitHub, capsys: pytest.CaptureFixture[str]) -> None:
    """The second time it is a line."""
    for _ in range(2):
        github.warning("a")
        github.error("a", "t")
    log = capsys.readouterr().out
    assert runner(log) == ["warning:a", "error:a"]
    assert "\nwarning: a\n" in log


def test_what_is_alarming_is_red_and_no_annotation(github: GitHub, capsys: pytest.CaptureFixture[str]) -> None:
    """Each line of it for itself; it commands as little as any other."""
    github.line("bad\n::error::x", alarming=True)
    log = capsys.readouterr().out
    assert log == "\x1b[31mbad\x1b[0m\n\x1b[31m| ::error::x\x1b[0m\n"
    assert runner(log) == []


def test_nobody_sees_a_job_log_live(github: GitHub, capsys: pytest.CaptureFixture[str]) -> None:
    """It has a line when something changes."""
    github.progress({"web": "0 of 1 running"})
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("write", [lambda ci: ci.relay(["a \ud800 b"]), lambda ci: ci.summary(parts("a \ud800 b"))])
def test_what_can_not_be_written_does_not_end_a_watch(
    write: Callable[[GitHub], None], github: GitHub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A lone surrogate in a log line does not stop ecs-cd from following a migration; the rest of the line is there."""
    write(github)
    summary = tmp_path / "summary"
    text = capsys.readouterr().out + (summary.read_text() if summary.exists() else "")
    assert re.search("a . b", text)


def test_a_child_that_ends_without_a_line_end_does_not_swallow_the_token(
    github: GitHub, capfd: pytest.CaptureFixture[str]
) -> None:
    """Else commands would stay stopped, and our own error with them."""
    with github.foreign("docker buildx: app"):
        os.write(1, b"no newline at the end")
    github.error("x", "t")
    assert runner(capfd.readouterr().out) == ["group:docker buildx: app", "error:x"]


def test_without_the_files_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An old runner, or a step run by hand; the log says once what is missing."""
    monkeypatch.chdir(tmp_path)
    bare = GitHub({})
    for _ in range(2):
        bare.outputs({"a": "b"})
        bare.summary(parts("x"))
    assert list(tmp_path.iterdir()) == []
    assert capsys.readouterr().out == (
        "::warning::the outputs can't be written, so later steps have none: GITHUB_OUTPUT is empty\n"
        "::warning::the job summary can't be written: GITHUB_STEP_SUMMARY is empty\n"
    )


def test_a_childs_output_is_folded(github: GitHub, capfd: pytest.CaptureFixture[str]) -> None:
    """Its title is one line, and no command; what follows is outside of the group."""
    with github.foreign("docker buildx: app\n::error::x"):
        os.write(1, b"::error::of the child\n")
    lines = [line for line in capfd.readouterr().out.splitlines() if line]
    assert lines[0] == "::group::docker buildx: app ::error::x"
    assert lines[-1] == "::endgroup::"
    assert lines[-2].startswith("::")  # the token: commands are heard again
    assert runner("\n".join(lines)) == ["group:docker buildx: app ::error::x"]


def test_a_summary_without_room_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Other programs have filled it; what they wrote stays."""
    file = tmp_path / "summary"
    file.write_bytes(b"x" * (1024 * 1024))
    github = GitHub({"GITHUB_OUTPUT": os.devnull, "GITHUB_STEP_SUMMARY": str(file)})
    github.summary(parts("one"))
    assert file.read_bytes() == b"x" * (1024 * 1024)
    assert "::warning::the job summary can't be written: other programs have filled it" in capsys.readouterr().out


@pytest.mark.parametrize("place", ["", "/nonexistent/file", "/dev/full", "/tmp"])
def test_outputs_that_can_not_be_written_are_a_warning(place: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Once, however many outputs there are."""
    github = GitHub({"GITHUB_OUTPUT": place, "GITHUB_STEP_SUMMARY": os.devnull})
    github.outputs({"a": "b"})
    github.outputs({"c": "d"})
    assert re.fullmatch(
        "::warning::the outputs can't be written, so later steps have none: .+\n", capsys.readouterr().out
    )
