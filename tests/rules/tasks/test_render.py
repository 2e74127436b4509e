"""What amazon-ecs-render-task-definition's inputs make of a task definition."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from ecs_cd.model.errors import Refused
from ecs_cd.tasks.rules import render
from ecs_cd.tasks.rules.render import Changes

WEB: dict[str, Any] = {
    "name": "web",
    "image": "some-other-image",
    "environment": [{"name": "FOO", "value": "not bar"}, {"name": "DONT-TOUCH", "value": "me"}],
    "environmentFiles": [{"value": "arn:aws:s3:::bucket/old.env", "type": "s3"}],
    "secrets": [{"name": "OLD", "valueFrom": "arn:1"}, {"name": "SAME", "valueFrom": "arn:2"}],
    "logConfiguration": {
        "logDriver": "awslogs",
        "options": {"awslogs-group": "/ecs/web", "awslogs-region": "eu-west-1"},
    },
    "dockerLabels": {"kept": "1", "changed": "2"},
    "command": ["old"],
}
BARE: dict[str, Any] = {"name": "sidecar", "image": "hello"}
DEFINITION: dict[str, Any] = {"family": "web", "taskRoleArn": "arn:old", "containerDefinitions": [WEB, BARE]}

# What is changed, what becomes of a container that has it, and of one that has nothing.
EACH: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    ({"image": "nginx:1"}, {"image": "nginx:1"}, {"image": "nginx:1"}),
    (
        {"environment": {"FOO": "bar", "HELLO": ""}},
        {"environment": [{"name": "FOO", "value": "bar"}, {"name": "DONT-TOUCH", "value": "me"}, {"name": "HELLO", "value": ""}]},
        {"environment": [{"name": "FOO", "value": "bar"}, {"name": "HELLO", "value": ""}]},
    ),
    (
        {"environment_files": ("arn:a", "arn:b")},
        {"environmentFiles": [{"value": "arn:a", "type": "s3"}, {"value": "arn:b", "type": "s3"}]},
        {"environmentFiles": [{"value": "arn:a", "type": "s3"}, {"value": "arn:b", "type": "s3"}]},
    ),
    (
        {"secrets": {"SAME": "arn:3", "NEW": "arn:4"}},
        {"secrets": [{"name": "OLD", "valueFrom": "arn:1"}, {"name": "SAME", "valueFrom": "arn:3"}, {"name": "NEW", "valueFrom": "arn:4"}]},
        {"secrets": [{"name": "SAME", "valueFrom": "arn:3"}, {"name": "NEW", "valueFrom": "arn:4"}]},
    ),
    (
        {"log_driver": "splunk"},
        {"logConfiguration": {"logDriver": "splunk", "options": WEB["logConfiguration"]["options"]}},
        {"logConfiguration": {"logDriver": "splunk"}},
    ),
    (
        {"log_driver": "awslogs", "log_options": {"awslogs-region": "us-east-1", "mode": "non-blocking"}},
        {"logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "/ecs/web", "awslogs-region": "us-east-1", "mode": "non-blocking"}}},
        {"logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-region": "us-east-1", "mode": "non-blocking"}}},
    ),
    ({"labels": {"changed": "3", "new": "4"}}, {"dockerLabels": {"kept": "1", "changed": "3", "new": "4"}}, {"dockerLabels": {"changed": "3", "new": "4"}}),
    ({"command": ("npm", "run")}, {"command": ["npm", "run"]}, {"command": ["npm", "run"]}),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "web", "bare"), EACH, ids=[" ".join(changes) for changes, _, _ in EACH])
def test_each_change_works_alone(changes: dict[str, Any], web: dict[str, Any], bare: dict[str, Any]) -> None:
    """It adds to the existing values, or creates them; everything else stays the same."""
    for containers, expected in (
        (("web",), [{**WEB, **web}, BARE]),
        (("sidecar",), [WEB, {**BARE, **bare}]),
        (("web", "sidecar"), [{**WEB, **web}, {**BARE, **bare}]),
    ):
        rendered = render.render(DEFINITION, Changes(containers, **changes), where="x")
        assert rendered == {**DEFINITION, "containerDefinitions": expected}


def test_log_options_go_with_the_driver_that_is_there() -> None:
    """Alone they change no driver."""
    changes = Changes(("web",), log_options={"awslogs-group": "/new"})
    logs = render.render(DEFINITION, changes, where="x")["containerDefinitions"][0]["logConfiguration"]
    assert logs == {"logDriver": "awslogs", "options": {"awslogs-group": "/new", "awslogs-region": "eu-west-1"}}


@pytest.mark.parametrize("name", ["command", "entryPoint"])
@pytest.mark.parametrize(
    ("words", "left"), [([""], None), (["", ""], None), ([], []), (["sh", "", "-c"], ["sh", "", "-c"])]
)
def test_a_command_of_empty_words_alone_is_none(name: str, words: list[str], left: list[str] | None) -> None:
    """It is dropped, in every container; an empty list stays."""
    definition = {**DEFINITION, "containerDefinitions": [{**BARE, name: words}]}
    (rendered,) = render.render(definition, Changes(), where="x")["containerDefinitions"]
    assert rendered == (BARE if left is None else {**BARE, name: left})


def test_roles_are_the_task_definitions_own() -> None:
    """They need no container, and each is set alone."""
    assert render.render(DEFINITION, Changes(task_role="arn:t"), where="x") == {**DEFINITION, "taskRoleArn": "arn:t"}
    both = render.render(DEFINITION, Changes(task_role="arn:t", execution_role="arn:e"), where="x")
    assert both == {**DEFINITION, "taskRoleArn": "arn:t", "executionRoleArn": "arn:e"}


def test_nothing_given_changes_nothing_and_what_is_given_is_not_changed_in_place() -> None:
    """A copy comes back; the definition is as it was."""
    before = copy.deepcopy(DEFINITION)
    assert render.render(DEFINITION, Changes(("web",)), where="x") == before
    for changes, _, _ in EACH:
        render.render(DEFINITION, Changes(("web", "sidecar"), **changes), where="x")
    assert before == DEFINITION


def test_containers_that_are_not_there_are_named_with_those_that_are() -> None:
    """All at once, with the place."""
    with pytest.raises(Refused) as refused:
        render.render(DEFINITION, Changes(("wbe", "api", "web"), image="x"), where="t.json")
    assert refused.value.problems == (
        "the task definition in t.json has no container `wbe`; did you mean `web`?; it has web, sidecar",
        "the task definition in t.json has no container `api`; it has web, sidecar",
    )


def test_log_options_without_a_driver_are_refused() -> None:
    """ECS takes no logConfiguration without logDriver."""
    with pytest.raises(Refused) as refused:
        render.render(DEFINITION, Changes(("web", "sidecar"), log_options={"a": "b"}), where="t.json")
    (sentence,) = refused.value.problems
    assert sentence.startswith("the task definition in t.json: container `sidecar` has no logDriver")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("FOO=bar\nHELLO=world", {"FOO": "bar", "HELLO": "world"}),
        ("  A=1  \n\n\r\n B=2\r\n", {"A": "1", "B": "2"}),
        ("URL=postgres://a?b=c&d=e", {"URL": "postgres://a?b=c&d=e"}),
        ("A=", {"A": ""}),
        ("A=1\nA=2", {"A": "2"}),
        ('JSON={"a": "b"}', {"JSON": '{"a": "b"}'}),
        ('A="quoted"', {"A": '"quoted"'}),
        ("A=b c ", {"A": "b c"}),
        ("A=x\x0cy\u2028z", {"A": "x\x0cy\u2028z"}),
        ('A="a" -D"b"\nB=1', {"A": '"a" -D"b"', "B": "1"}),
        ("A=it's\nB=1", {"A": "it's", "B": "1"}),
        ("com.example/team=a", {"com.example/team": "a"}),
    ],
)
def test_a_pair_a_line_is_split_at_its_first_sign(text: str, expected: dict[str, str]) -> None:
    """A value may hold `=`, quotes and blanks; only line feeds end a line."""
    assert render.pairs(text, what="docker-labels") == expected


KEY = "-----BEGIN\nMIIEvQ==\n+a/b=\n-----END"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('KEY="-----BEGIN\nMIIEvQ=="\n', {"KEY": "-----BEGIN\nMIIEvQ=="}),
        (f'A=1\nKEY="{KEY}"\nB=2', {"A": "1", "KEY": KEY, "B": "2"}),
        (f"KEY='{KEY}'\r\n\r\nB=2", {"KEY": KEY, "B": "2"}),
        (f"A=1\nKEY<<EOF\n{KEY}\nEOF\nB=2", {"A": "1", "KEY": KEY, "B": "2"}),
        ("KEY<<END=1\n a \n\nEND\nEND=1 \nB=2", {"KEY": " a \n\nEND", "B": "2"}),
        ("KEY<<EOF\nEOF", {"KEY": ""}),
        ('J<<EOF\r\n{\r\n "a": "b=c"\r\n}\r\nEOF', {"J": '{\n "a": "b=c"\n}'}),
        ('J=\'{\n "a": "it=s"\n}\'', {"J": '{\n "a": "it=s"\n}'}),
        ('A="\nx\n"', {"A": "\nx\n"}),
        ("SHELL=cat <<EOF", {"SHELL": "cat <<EOF"}),
        ("A='it's fine'\nB=2\nC='x'", {"A": "'it's fine'", "B": "2", "C": "'x'"}),
    ],
)
def test_a_value_can_span_lines(text: str, expected: dict[str, str]) -> None:
    """After NAME<<END up to END, or between quotes; a quote that its own line closes belongs to the value."""
    assert render.pairs(text, what="environment-variables", variables=True) == expected


@pytest.mark.parametrize("line", ["hunter2", "=hunter2", "hunter2 :", "<<hunter2", "<<hunter2=", "hunter2<<"])
def test_a_line_that_is_no_pair_is_named_by_its_number(line: str) -> None:
    """And not printed: it may be a secret."""
    with pytest.raises(Refused) as refused:
        render.pairs(f"A=1\n\n{line}", what="environment-variables", variables=True)
    (sentence,) = refused.value.problems
    assert sentence.startswith("environment-variables, line 3: ")
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("A=1\nhunter/2==", "line 2: the name is not valid"),
        ("A=1\n\nhunt+er2=", "line 3: the name is not valid"),
        ('"hunter2=x"', "line 1: the name is not valid"),
        ("2hunter=x", "line 1: the name is not valid"),
        ("hunter 2=x", "line 1: the name is not valid"),
        ("hunter\N{LATIN SMALL LETTER E WITH ACUTE}=x", "line 1: the name is not valid"),
        ("hunter/2<<EOF\nx\nEOF", "line 1: the name is not valid"),
        ('A=1\nKEY="hunter2\nB=2', "line 2: no line ends with its closing quote"),
        ("A=1\nKEY<<EOF\nhunter2\nEOF2", "line 2: NAME<<END has no line that is its END"),
        (f"A=1\nKEY={KEY}", "line 4: the name is not valid"),
    ],
)
def test_what_can_not_be_a_variable_is_named_by_its_number(text: str, sentence: str) -> None:
    """A line that a value of several lines left behind is not a variable; what it holds is never printed."""
    with pytest.raises(Refused) as refused:
        render.pairs(text, what="secrets", variables=True)
    (found,) = refused.value.problems
    assert found.startswith(f"secrets, {sentence}")
    assert "hunt" not in str(refused.value) + refused.value.remedy
    assert "NAME<<END" in refused.value.remedy


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ()),
        ("npm run start", ("npm", "run", "start")),
        ("  npm   run\n start ", ("npm", "run", "start")),
        ('sh -c "echo $HOME && ls"', ("sh", "-c", "echo $HOME && ls")),
        ("sh -c 'a \"b\"'", ("sh", "-c", 'a "b"')),
        ("echo ''", ("echo", "")),
        (r"php App\Job C:\dir\ \\d", ("php", r"App\Job", "C:\\dir\\", r"\\d")),
        (r'"C:\my dir\x"', (r"C:\my dir\x",)),
        ("a&&b; (c) $D `e`", ("a&&b;", "(c)", "$D", "`e`")),
        ("a # b", ("a", "#", "b")),
    ],
)
def test_a_command_is_split_at_blanks(text: str, expected: tuple[str, ...]) -> None:
    """Quotes hold words together, a backslash is one; nothing is run, replaced or left out."""
    assert render.words(text, what="command") == expected


@pytest.mark.parametrize("text", ['sh -c "hunter2', "hunter2's"])
def test_a_command_whose_quotes_are_open_is_refused(text: str) -> None:
    """Without its words."""
    with pytest.raises(Refused) as refused:
        render.words(text, what="command")
    assert refused.value.problems == ("command: no closing quotation",)
