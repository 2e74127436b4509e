"""Inputs: from texts to types, all problems at once."""

from __future__ import annotations

from typing import Any

import pytest

from ecs_cd import interface
from ecs_cd.core.errors import Refused
from ecs_cd.interface import BuildPush, Common, Deploy, Migrate, Pipeline

SHA = "c0ffee" + "0" * 34


def read(**given: str) -> Any:
    return interface.read(Pipeline, {"config": "/p"} | {name.replace("_", "-"): text for name, text in given.items()})


def problems(inputs: type[Any], given: dict[str, str]) -> list[str]:
    with pytest.raises(Refused) as refused:
        interface.read(inputs, given)
    return list(refused.value.problems)


def test_what_is_not_given_has_its_default() -> None:
    """An action hands over every input, an empty text where the caller gave none."""
    empty = dict.fromkeys(interface.options(Pipeline), "")
    expected = Pipeline(
        config="/p",
        aws_region="",
        sha="",
        image="",
        context=".",
        file="",
        target="",
        build_args=(),
        secrets={},
        secret_envs={},
        secret_files={},
        platforms=(),
        cache_from=(),
        cache_to=(),
        labels=(),
        tags=("latest",),
        migration_timeout=1800.0,
        on_cancel="leave",
        service="",
        deployment_timeout=1800.0,
    )
    assert interface.read(Pipeline, {"config": "/p"}) == expected
    assert interface.read(Pipeline, {**empty, "config": "/p"}) == expected


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("config", "  /my/parameter\n", "/my/parameter"),
        ("sha", SHA.upper(), SHA),
        ("sha", f" {SHA} ", SHA),
        ("sha", "a" * 64, "a" * 64),
        ("context", "https://github.com/me/app.git#main", "https://github.com/me/app.git#main"),
        ("build_args", "A=1\n\n  B=x, y  \n", ("A=1", "B=x, y")),
        ("platforms", "linux/amd64, linux/arm64\nlinux/s390x,", ("linux/amd64", "linux/arm64", "linux/s390x")),
        ("cache_to", "type=gha,mode=max\ntype=local,dest=/c", ("type=gha,mode=max", "type=local,dest=/c")),
        ("labels", "a=b,c\nd=e", ("a=b,c", "d=e")),
        ("tags", "latest,v1\nv2", ("latest", "v1", "v2")),
        ("tags", ",", ()),
        ("secrets", "T=x=y\nU=", {"T": "x=y", "U": ""}),
        ("secret_files", "KEY=/run/a b", {"KEY": "/run/a b"}),
        ("migration_timeout", " 1h30m ", 5400.0),
        ("on_cancel", "stop", "stop"),
    ],
)
def test_texts_become_what_the_input_is_about(name: str, text: str, value: object) -> None:
    """Lines or words, pairs, durations, choices; white space around them does not count."""
    assert getattr(read(**{name: text}), name) == value


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({}, "config: is required. The SSM parameter with the document"),
        ({"config": " "}, "config: is required."),
        ({"sha": "main"}, "sha: must be a whole commit id, 40 or 64 hexadecimal digits"),
        ({"sha": "c0ffee"}, "sha: must be a whole commit id"),
        ({"deployment-timeout": "30"}, "deployment-timeout: must be a duration like 90s, 30m or 1h30m"),
        ({"migration-timeout": "0s"}, "migration-timeout: must be a duration"),
        ({"on-cancel": "kill"}, "on-cancel: must be one of leave, stop"),
        ({"secrets": "hunter2"}, "secrets, entry 1: must be NAME=VALUE"),
        ({"secret-envs": "A=1\nhunter2"}, "secret-envs, entry 2: must be NAME=VALUE"),
        ({"cluster": "x"}, "cluster: there is no such input"),
        ({"build_args": "x"}, "build_args: there is no such input"),
    ],
)
def test_what_is_wrong_is_named_by_its_input(given: dict[str, str], sentence: str) -> None:
    """As the caller wrote it in the workflow."""
    found = problems(Pipeline, {**({"config": "/p"} if given else {}), **given})
    assert len(found) == 1
    assert found[0].startswith(sentence)


def test_all_problems_are_told_at_once_and_no_value() -> None:
    """An input can hold a secret, in the wrong place as well."""
    secret = "hunter2 !"
    given = dict.fromkeys(("sha", "secrets", "migration-timeout", "on-cancel", "deployment-timeout", "other"), secret)
    found = problems(Pipeline, given)
    assert [sentence.partition(":")[0].partition(",")[0] for sentence in found] == [
        "other", "config", "sha", "secrets", "migration-timeout", "on-cancel", "deployment-timeout",
    ]  # fmt: skip
    assert secret not in "\n".join(found)


def test_typed_inputs_show_no_secret() -> None:
    """A traceback may print them."""
    assert "hunter2" not in repr(read(secrets="T=hunter2"))


@pytest.mark.parametrize("inputs", [BuildPush, Migrate, Deploy])
def test_an_input_of_another_verb_is_no_input_of_this_one(inputs: type[Common]) -> None:
    """Each verb has what it needs; the pipeline has all of them."""
    own, every = set(interface.options(inputs)), set(interface.options(Pipeline))
    assert own < every
    for name in every - own:
        assert problems(inputs, {"config": "/p", name: "x"}) == [f"{name}: there is no such input"]


def test_every_verb_has_outputs_that_are_described() -> None:
    """The names of the pipeline's are those of its steps."""
    for verb in interface.VERBS.values():
        assert set(verb.outputs) <= set(interface.OUTPUTS)
    assert set(interface.VERBS["pipeline"].outputs) == set(interface.OUTPUTS)


def test_secrets_are_no_flags() -> None:
    """Everybody on the machine can read a command line."""
    assert [name for name, option in interface.options(Pipeline).items() if option.secret] == ["secrets"]
