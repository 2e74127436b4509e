"""Pairs of a name and a value, as docker/build-push-action reads them."""

from __future__ import annotations

import pytest

from ecs_cd.inputs.rules import entries
from ecs_cd.model.errors import Refused


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("\n  \n", {}),
        ("A=1", {"A": "1"}),
        ("A=1\nB=2\n", {"A": "1", "B": "2"}),
        ("A=1\r\nB=2\r\n", {"A": "1", "B": "2"}),
        ("  A=1  \n", {"A": "1"}),
        ("A=", {"A": ""}),
        ("A=x=y==", {"A": "x=y=="}),
        ("A=a,b c", {"A": "a,b c"}),
        ('A={"user": "me"}', {"A": '{"user": "me"}'}),
        ('"A=one\ntwo"\nB=2', {"A": "one\ntwo", "B": "2"}),
        ('"A=one\n\n  two\n"\nB=2', {"A": "one\n\n  two", "B": "2"}),
        ('"A=say ""hi"""', {"A": 'say "hi"'}),
        ("my.id-1_x=1", {"my.id-1_x": "1"}),
    ],
)
def test_pairs_are_read_as_docker_build_push_action_reads_them(text: str, expected: dict[str, str]) -> None:
    """One a line; in double quotes over several lines, as a PEM key is."""
    assert entries.key_values(text, what="secrets") == expected


@pytest.mark.parametrize("text", ["hunter2", "A=1\nhunter2", "hunter 2=1", "=hunter2", "hunter2,A=1", "hünter2=1"])
def test_what_is_no_pair_is_refused_by_its_number_without_its_text(text: str) -> None:
    """The text may be the secret."""
    with pytest.raises(Refused) as refused:
        entries.key_values(text, what="secrets")
    assert str(refused.value) == f"secrets, entry {len(text.splitlines())}: must be NAME=VALUE"
