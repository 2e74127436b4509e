"""A run in parts: the log, the state and the end of each."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from ecs_cd.ci.terminal import Terminal
from ecs_cd.job import parts
from ecs_cd.job.job import Job
from ecs_cd.job.state import State, left_behind
from ecs_cd.model.errors import Cancelled
from ecs_cd.model.run import NOWHERE
from ecs_cd.report.summary import UNDER_WAY, Part
from tests.scripted_aws import Clock, ScriptedAws


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Job:
    from ecs_cd.aws.session import Aws

    environ = {"RUNNER_TEMP": str(tmp_path)}
    with ScriptedAws(Clock()) as aws:
        aws.use(monkeypatch)
        return Job(environ, NOWHERE, Terminal(), Aws(environ, "eu-west-1"), Clock(), State(environ, NOWHERE))


def two(job: Job) -> list[Job]:
    return parts.of(job, {"one": job.aws.elsewhere("eu-west-1"), "two": job.aws.elsewhere("us-east-1")})


def test_each_line_has_the_name_of_its_part(job: Job, capsys: pytest.CaptureFixture[str]) -> None:
    """Text from elsewhere stays as it is, below a line that has the name."""
    one, second = two(job)
    one.ci.line("web: started")
    second.ci.warning("no")
    second.ci.relay(["theirs"])
    shown = capsys.readouterr()
    assert "one: web: started" in shown.out
    assert "two: no" in shown.out + shown.err
    assert "two: theirs" not in shown.out


def test_each_part_has_its_own_state_file(job: Job) -> None:
    """With its own region, so that clean-up finds what it has left; one that ends removes its own alone."""
    for part in two(job):
        part.state.begin(kind="deployment", region=part.aws.region)
    found = list((Path(job.environ["RUNNER_TEMP"]) / "ecs-cd").glob("under-way-*"))
    assert len(found) == 2
    assert left_behind(job.environ, job.run) == []  # this process lives
    job.parts[0].state.end()
    assert [path for path in found if path.exists()] == [found[[path.exists() for path in found].index(True)]]


def test_a_stopped_part_starts_nothing(job: Job, capsys: pytest.CaptureFixture[str]) -> None:
    """Its thread ends at the next change and writes nothing more; what is to be said about it still has its name."""
    one, _ = two(job)
    one.state.begin(kind="deployment", deployments=["ours"])
    parts.stop(job.parts)
    ended: list[BaseException] = []

    def go_on() -> None:
        one.ci.line("not seen")
        try:
            one.state.begin(kind="deployment", deployments=["ours", "another"])
        except BaseException as error:
            ended.append(error)

    thread = threading.Thread(target=go_on)
    thread.start()
    thread.join()
    assert [type(error) for error in ended] == [Cancelled]
    assert one.state.under_way["deployments"] == ["ours"]
    parts.log(one).line("stopped")
    assert capsys.readouterr().out == "one: stopped\n"


def test_a_fact_of_a_part_is_in_the_jobs_summary(job: Job) -> None:
    """With the name of the part."""
    job.summary.put(Part("Deployment", UNDER_WAY))
    for part in two(job):
        part.summary.add_facts({"override": "why"})
    assert job.summary.parts[0].facts == {"override, one": "why", "override, two": "why"}
