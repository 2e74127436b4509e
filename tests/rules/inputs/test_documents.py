"""The input config: one document, or several."""

from __future__ import annotations

import pytest

from ecs_cd.inputs.rules import documents
from ecs_cd.inputs.rules.documents import Place
from ecs_cd.model.errors import Refused

ARN = f"arn:aws:ssm:eu-west-1:{'1' * 12}:parameter/my-app"
ROLE = f"arn:aws:iam::{'1' * 12}:role/cd"


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("", []),
        (" /my-app \n", [Place("/my-app")]),
        ("/my-app:3", [Place("/my-app:3")]),
        (ARN, [Place(ARN, "eu-west-1")]),
        (f"# all\r\n/a\r\n\r\n/b\tregion=us-east-1  role={ROLE}\r\n", [Place("/a"), Place("/b", "us-east-1", ROLE)]),
        (f"{ARN} region=eu-west-1 role={ROLE}", [Place(ARN, "eu-west-1", ROLE)]),
        (
            "/a region=us-gov-west-1\n/a region=eusc-de-east-1",
            [Place("/a", "us-gov-west-1"), Place("/a", "eusc-de-east-1")],
        ),
        ("file:my app.json region=eu-west-1", [Place("file:my app.json", "eu-west-1")]),
    ],
)
def test_a_line_is_a_document(text: str, places: list[Place]) -> None:
    """With its region and role; without comments and empty lines. What is read once reads the same again."""
    normal = documents.several(text, "config")
    assert documents.places(normal) == places
    assert documents.several(normal, "config") == normal


@pytest.mark.parametrize(
    ("text", "several"),
    [("/a", False), (ARN, False), ("file:a b.json", False), ("/a\n/b", True), (f"/a role={ROLE}", True)],
)
def test_one_document_of_the_jobs_own_region_is_no_list(text: str, several: bool) -> None:
    """It is deployed as before."""
    assert documents.are_several(documents.several(text, "config")) == several


def test_all_lines_are_checked() -> None:
    """All problems at once, with the numbers of their lines, and no value of a line."""
    with pytest.raises(Refused) as refused:
        documents.several("/a role=me\n/b\n/c x=y\n/b", "config")
    assert [problem.partition(":")[0] for problem in refused.value.problems] == [
        "config, line 1",
        "config, line 3",
        "config, line 4",
    ]
    assert "x=y" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [("/a", "/a"), (" /a\n", "/a"), ("# production\n/a", "/a"), ("", ""), ("file:a b.json", "file:a b.json")],
)
def test_other_verbs_take_one(text: str, value: str) -> None:
    """Comments do not count."""
    assert documents.one(text, "config") == value


@pytest.mark.parametrize("text", ["/a\n/b", "/a region=eu-west-1", "/a /b"])
def test_other_verbs_refuse_several(text: str) -> None:
    """And what only deploy understands."""
    with pytest.raises(Refused, match="config: "):
        documents.one(text, "config")
