"""The command line: the same verbs by flags, errors that name the remedy, help that is real."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ecs_cd import cli
from ecs_cd.inputs import options
from ecs_cd.inputs.verbs import VERBS
from ecs_cd.model.verdict import REFUSED_EXIT_CODE
from tests.scripted_aws import Clock, ScriptedAws, ecs
from tests.timelines.conftest import DOCUMENT, SHA, Step

Run = Callable[..., Step]


def run(clock: Clock, *argv: str) -> int:
    return cli.main(argv, os.environ, clock=clock)


@pytest.mark.parametrize("verb", VERBS)
def test_help_tells_every_flag_of_a_verb(verb: str, clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    """But for inputs that hold secrets: everybody on the machine can read a command line."""
    with pytest.raises(SystemExit) as ended:
        run(clock, verb, "--help")
    words = capsys.readouterr().out.split()
    assert ended.value.code == 0
    for name, option in options.options(VERBS[verb].inputs).items():
        assert (f"--{name}" in words) is not option.secret


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["deploy", "--confg", "x"], "unknown argument --confg; did you mean `--config`?"),
        (["deploy", "--service=web", "extra"], "unknown argument extra"),
        (["build-push", "--secrets", "a=b"], "unknown argument --secrets"),
        (["deplyo"], "invalid choice: 'deplyo'"),
        ([], "the following arguments are required: VERB"),
    ],
)
def test_a_misspelt_word_is_named(
    argv: list[str], words: str, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the probable meaning, and the exit code of a run that started nothing."""
    with pytest.raises(SystemExit) as ended:
        run(clock, *argv)
    assert ended.value.code == REFUSED_EXIT_CODE
    assert words in capsys.readouterr().err


def test_flags_mean_what_the_inputs_mean(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """A flag beats the input of the same name."""
    aws.on("ecs.DescribeTaskDefinition", {"taskDefinition": ecs.task_definition("web", 2), "tags": []})
    aws.on("ecs.DescribeServices", {"services": [ecs.service(deployments=[ecs.deployment(task_definition="web:2")])]})
    task = ecs.task(task_definition="web:2")
    aws.on("ecs.ListTasks", {"taskArns": [task["taskArn"]]})
    aws.on("ecs.DescribeTasks", {"tasks": [task]})
    os.environ["ECS_CD_INPUTS"] = json.dumps({"config": "/other", "sha": SHA})
    assert run(clock, "deploy", "--config", "/my/parameter") == 0
    (asked,) = [call.params for call in aws.calls if call.operation == "ssm.GetParameter"]
    assert asked == {"Name": "/my/parameter", "WithDecryption": True}


def test_the_inputs_leave_the_environment(aws: ScriptedAws, step: Run) -> None:
    """They can hold build secrets, and children inherit the environment."""
    step("deploy", service="nope")
    assert "ECS_CD_INPUTS" not in os.environ


def test_all_wrong_inputs_are_told_at_once(aws: ScriptedAws, step: Run) -> None:
    """Before AWS is asked anything."""
    ended = step("pipeline", config="", sha="main", on_cancel="maybe", migration_timeout="soon")
    assert ended.exit_code == 2
    for name in ("config: is required", "sha: must be", "on-cancel: must be one of", "migration-timeout: must be"):
        assert name in ended.log
    assert not aws.calls


def test_the_parameter_of_an_arn_is_read_where_it_is(aws: ScriptedAws, step: Run) -> None:
    """And the log says where; the rest is done in the job's own region."""
    arn = "arn:aws:ssm:eu-west-1:123456789012:parameter/my/parameter"
    ended = step("images", config=arn, sha="")
    assert ended.exit_code == 0, ended.log
    assert f"config: the SSM parameter {arn}, version 3, in eu-west-1" in ended.log


def test_document_and_template_may_be_files_of_the_workspace(aws: ScriptedAws, step: Run, tmp_path: Path) -> None:
    """So that a project can start without SSM and S3."""
    services = {"web": {"task-definition": "infra/web.json", "containers": {"app": "app"}}}
    (tmp_path / "infra").mkdir()
    (tmp_path / "infra" / "ecs-cd.json").write_text(json.dumps({**DOCUMENT, "services": services}))
    ended = step("deploy", config="file:infra/ecs-cd.json")
    assert "the task definition infra/web.json can't be read: No such file or directory" in ended.log
    (tmp_path / "infra" / "web.json").write_text('{"family": "web", "containerDefinitions": [{"name": "api"}]}')
    ended = step("deploy", config="file:infra/ecs-cd.json")
    assert "the task definition in infra/web.json has no container `app`" in ended.log
    assert aws.count("ssm.GetParameter") == 0
    ended = step("deploy", config="file:nope.yml")
    assert "the document nope.yml can't be read" in ended.log
