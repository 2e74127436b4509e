"""Writes the samples into docs/reference/reports.md: the exact output of verbs for scripted deployments.

PYTHONPATH=src .venv/bin/python -m tests.contract.reports
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import signal
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from ecs_cd import cli
from tests.contract.parts import ROOT
from tests.contract.test_sample import as_shown
from tests.scripted_aws import Clock, Params, ScriptedAws, at, ecs
from tests.scripted_aws.fleet import Course, Fleet, document
from tests.timelines import terminal
from tests.timelines.conftest import REPOSITORY, SHA

PAGE = ROOT / "docs" / "reference" / "reports.md"
SERVICES = ("web", "worker")
HALFWAY = re.compile(r"web:1 -> web:2 +1 of 2 .*\n.*worker:1 -> worker:2 +2 of 2")
STARTS: Course = {0: {}, 14: {"runningCount": 1}, 36: {"runningCount": 2}, 50: {"rolloutState": "COMPLETED"}}
STARTS_SOONER: Course = {0: {}, 20: {"runningCount": 2}, 30: {"rolloutState": "COMPLETED"}}
CRASHES: Course = {
    0: {},
    20: {"failedTasks": 1},
    40: {"failedTasks": 2},
    60: {"failedTasks": 3, "rolloutState": "FAILED"},
    64: {"back": "IN_PROGRESS"},
    90: {"back": "COMPLETED"},
}
LOG = ("Traceback (most recent call last):", '  File "/app/main.py", line 7, in <module>', "KeyError: 'DATABASE_URL'")


@contextlib.contextmanager
def _world(web: Course) -> Iterator[tuple[pytest.MonkeyPatch, dict[str, str], Clock]]:
    """An application of two services, with an image that is in ECR and a migration of nine seconds."""
    clock = Clock()
    with contextlib.ExitStack() as parts:
        monkeypatch = parts.enter_context(pytest.MonkeyPatch.context())
        folder = parts.enter_context(tempfile.TemporaryDirectory())
        aws = parts.enter_context(ScriptedAws(clock))
        aws.use_as_aws(monkeypatch)
        monkeypatch.chdir(folder)  # no checkout
        for each in (signal.SIGINT, signal.SIGTERM):  # the verb takes them over
            parts.callback(signal.signal, each, signal.getsignal(each))
        _script(aws, clock, web)
        yield monkeypatch, {**aws.environ, "RUNNER_TEMP": folder}, clock


def _script(aws: ScriptedAws, clock: Clock, web: Course) -> None:
    given = document(SERVICES, REPOSITORY)
    given["migration"] = {"task-definition": "migration", "container": "app", "service": "web"}
    aws.on("ssm.GetParameter", {"Parameter": {"Value": json.dumps(given), "Version": 3}})
    Fleet(clock, {"web": web, "worker": STARTS_SOONER}, desired=dict.fromkeys(SERVICES, 2)).script(aws)
    aws.on("ecr.BatchGetImage", _image)
    aws.on("ecr.DescribeRepositories", {"repositories": [{"imageTagMutability": "MUTABLE"}]})
    aws.on("ecs.DescribeTaskDefinition", _definition)
    aws.on("ecs.RegisterTaskDefinition", lambda params: {"taskDefinition": ecs.task_definition(params["family"], 2)})
    aws.on("ecs.RunTask", ecs.RunTask())
    task = ecs.task("task-1", task_definition="migration:2")
    ended = ecs.task("task-1", "STOPPED", containers=[ecs.container(status="STOPPED", exitCode=0)])
    states = {0: task | {"lastStatus": "PENDING"}, 4: task, 9: ended}
    answers = [at(second, {"tasks": [state], "failures": []}) for second, state in states.items()]
    aws.on("ecs.DescribeTasks", *answers, after="ecs.RunTask", where={"tasks": [task["taskArn"]]})
    aws.on("logs.GetLogEvents", {"events": [{"message": line} for line in LOG], "nextForwardToken": "f/1"})
    aws.on("logs.GetLogEvents", {"events": [], "nextForwardToken": "f/1"}, where={"logGroupName": "/ecs/migration"})


def _image(params: Params) -> Params:
    image_id = {"imageDigest": ecs.DIGEST, **params["imageIds"][0]}
    return {"images": [{"imageId": image_id, "imageManifest": "{}"}], "failures": []}


def _definition(params: Params) -> Params:
    """Revision 1, with the previous image and a setting that the template no longer has."""
    family = params["taskDefinition"].rpartition("/")[2].partition(":")[0]
    found = ecs.task_definition(family, 1)
    container = {**found["containerDefinitions"][0], "image": f"{REPOSITORY}@sha256:{'0' * 64}"}
    return {"taskDefinition": {**found, "containerDefinitions": [container]}, "tags": []}


def _argv(verb: str) -> list[str]:
    return [verb, "--config", "/my/parameter", "--sha", SHA]


def _on_github(web: Course, verb: str) -> tuple[str, str]:
    """The job log as GitHub shows it, and the summary of a step."""
    log = io.StringIO()
    with _world(web) as (_, environ, clock), contextlib.redirect_stdout(log):
        summary = Path(environ["RUNNER_TEMP"], "summary.md")
        github = {
            "GITHUB_ACTIONS": "true",
            "GITHUB_SERVER_URL": "https://github.com",
            "GITHUB_REPOSITORY": "org/my-app",
            "GITHUB_STEP_SUMMARY": str(summary),
            "GITHUB_OUTPUT": os.devnull,
        }
        cli.main(_argv(verb), {**environ, **github}, clock=clock)
        return "\n".join(as_shown(log.getvalue())), summary.read_text(encoding="utf-8")


def _in_codebuild(web: Course, verb: str) -> str:
    """The log of a build, without colours; the verdict is shortened."""
    log = io.StringIO()
    with _world(web) as (_, environ, clock), contextlib.redirect_stdout(log):
        codebuild = {"CODEBUILD_BUILD_ID": "my-app-deploy:1b2c3d4e", "CODEBUILD_SRC_DIR": environ["RUNNER_TEMP"]}
        cli.main(_argv(verb), {**environ, **codebuild}, clock=clock)
    text = re.sub(r"\x1b\[\d*m", "", log.getvalue())
    return re.sub(r'("parts": \[\{"title": "\w+", "outcome": "[\w-]+").*', r"\1, ...", text)


def _at_a_terminal(web: Course, verb: str) -> terminal.Terminal:
    with _world(web) as (monkeypatch, environ, clock), terminal.stdout(monkeypatch, width=100) as seen:
        cli.main(_argv(verb), {**environ, "TERM": "xterm"}, clock=clock)
    return seen


def samples() -> Mapping[str, str]:
    """The samples by their names in the page: summaries as Markdown, the rest in a fence."""
    _, success = _on_github(STARTS, "pipeline")
    log, failure = _on_github(CRASHES, "deploy")
    build = _in_codebuild(CRASHES, "deploy")
    seen = _at_a_terminal(STARTS, "deploy")
    halfway = next(frame for frame in seen.frames if HALFWAY.search(frame))
    end = seen.screen.splitlines()[-4:]
    return {
        "success": success,
        "failure": failure,
        "log": _fenced(log[log.index("web: 0 of 2 running, 2 failed") :]),
        "codebuild": _fenced(build[build.index("error: Deployment") :]),
        "live": _fenced(halfway[halfway.index("task definition: web:2") :]),
        "result": _fenced("\n".join(end)),
    }


def _fenced(text: str) -> str:
    return f"```text\n{text.rstrip()}\n```\n"


def page(text: str) -> str:
    """The page with its samples replaced; the text around them stays."""
    for name, sample in samples().items():
        begin, end = f"<!-- {name}: made by tests/contract/reports.py -->\n", f"<!-- end of {name} -->"
        head, found, rest = text.partition(begin)
        _, ended, tail = rest.partition(end)
        assert found and ended, f"there are no comments around the sample {name}"
        text = "".join([head, begin, "\n", sample.rstrip("\n"), "\n\n", end, tail])
    return text


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
