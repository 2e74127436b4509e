"""The job summary in a real browser, as GitHub shows it: nothing overlaps, overflows, is empty or is left as markup."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from dev.browser import Sample, render
from ecs_cd.diagnosis.evidence import Finding
from ecs_cd.local.machine import LocalError
from ecs_cd.model.console import Console
from ecs_cd.model.verdict import Outcome
from ecs_cd.report.summary import NOT_STARTED, UNDER_WAY, Part, markdown
from ecs_cd.report.timeline import Deployed, Moment, Phase
from tests.pictures import __main__ as pictures
from tests.rules.report.test_summary import HOSTILE

CONSOLE = Console("ap-northeast-1")
IMAGE = f"123456789012.dkr.ecr.ap-northeast-1.amazonaws.com/team/my-app@sha256:{'a' * 64}"
SHA = "c0ffee" + "0" * 34
STORY: tuple[Moment, ...] = (
    (Phase.STARTING, 0), (Phase.HEALTHY, 3), (Phase.TEST_TRAFFIC, 4), (Phase.PAUSED, 5), (Phase.TRAFFIC, 3000),
    (Phase.BAKING, 3001), (Phase.ENDING, 3601), (Phase.FAILED, 3602), (Phase.ROLLBACK, 3603), (Outcome.ROLLED_BACK, 3700),
)  # fmt: skip
LINKS = {
    "service": CONSOLE.service("my-cluster", "web"),
    "deployment": CONSOLE.deployments("my-cluster", "web"),
    "task definition": CONSOLE.task_definition("web:2"),
    "app": CONSOLE.image(IMAGE),
}
WEB = Deployed("web", Outcome.ROLLED_BACK, "web:1", "web:2", {"app": IMAGE}, STORY, ["~ cpu: 1 -> 2"], LINKS)
BUILD = Part("Build and push", Outcome.SUCCEEDED, "built", 0, 12, "build", {"commit": SHA, "app": f"{IMAGE}\nlatest"})
CAUSE = Finding("`app`: it didn't find `DATABASE_URL`", ("KeyError: 'DATABASE_URL'",), "Set `DATABASE_URL`.",
                page=CONSOLE.log_stream("/ecs/my-app", "ecs/app/7c1e"))  # fmt: skip
FAILED = Part("Deployment", Outcome.ROLLED_BACK, "web rolled back", 12, 3700, services=[WEB], findings=[CAUSE])
ACTIONS = (
    "Source/Images",
    "Migrate/Migrate",
    "Deploy/title",
    "Deploy/click",
    "Deploy/section",
    "承認/本番環境へのデプロイを承認",
)


def _short(seconds: float) -> list[Moment]:
    return [(Phase.STARTING, 0), (Phase.HEALTHY, seconds / 2), (Outcome.SUCCEEDED, seconds)]


def _stages() -> list[Part]:
    """A hand-off to CodePipeline; action names that Mermaid would read as statements, and Japanese."""
    build = f"my-app-migrate:{'7c1e' * 8}"
    log = CONSOLE.log_stream("/aws/codebuild/my-app-migrate", "7c1e")
    pages = {"page": f"https://host/{'x' * 200}", "log": log}
    return [
        Part(name, Outcome.SUCCEEDED, "", 5 * number, 4, name.partition("/")[2], {"id": build}, links=pages)
        for number, name in enumerate(ACTIONS)
    ]


def _made() -> Iterator[tuple[str, str]]:
    """Summaries by names."""
    yield "several parts", markdown([BUILD, replace(BUILD, title="Migration", begin=12, phase="migrate"), FAILED])
    yield (
        "one service",
        markdown([replace(FAILED, facts={"commit": SHA}, links={"commit": f"https://github.com/{SHA}"})]),
    )
    for seconds in (1, 61, 700, 3599, 20_000, 86_399):
        service = replace(WEB, outcome=Outcome.SUCCEEDED, moments=_short(seconds))
        yield f"{seconds} s", markdown([Part("Deployment", Outcome.SUCCEEDED, "ok", 0, seconds, services=[service])])
    names = [f"payment-notification-worker-of-{n}" for n in range(23)] + ["決済通知ワーカー", "-".join(["payment"] * 8)]
    yield "25 services", markdown([replace(FAILED, services=[replace(WEB, service=name) for name in names])])
    yield "hand-off", markdown([*_stages(), Part("Hand-off", Outcome.SUCCEEDED, "", 0, 40)])
    yield "not started", markdown([Part("deploy", NOT_STARTED, findings=[Finding("", ("a: is missing",), "Look.")])])
    yield "under way", markdown([BUILD, Part("Migration", UNDER_WAY, begin=12)])
    yield "nothing", markdown([Part("Deployment", Outcome.SKIPPED)])
    for number, text in enumerate(HOSTILE):
        service = replace(WEB, service=text, before=text, after=text, images={text: text}, links={})
        part = Part("X", Outcome.FAILED, text, facts={text: text, "x": text}, findings=[Finding(text, (text,), text)])
        yield f"hostile {number}", markdown([replace(part, phase=text, elapsed=5, texts={text: [text]}), BUILD])
        yield f"hostile services {number}", markdown([replace(part, services=[service])])


@pytest.fixture(scope="module")
def taken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the pictures of the docs are taken for this test."""
    return tmp_path_factory.mktemp("pictures")


@pytest.fixture(scope="module")
def shown(taken: Path) -> dict[str, dict[str, Any]]:
    """What the browser has laid out of each summary."""
    samples = {name: Sample(text) for name, text in _made()}
    narrow = [name for name in samples if "hostile" not in name]
    samples |= {f"narrow: {name}": replace(samples[name], width=700) for name in narrow}
    for name, sample in pictures.samples().items():
        assert sample.picture
        samples[name] = replace(sample, picture=taken / sample.picture.name)
    try:
        return render(samples)
    except LocalError as error:
        pytest.skip(f"no browser: {error}")


def test_nothing_is_left_as_markup(shown: dict[str, dict[str, Any]]) -> None:
    """No backtick, asterisk or backslash stands between the words, unless it was in the text itself."""
    found = {name: re.findall(r".*[`*\\|].*", page["prose"]) for name, page in shown.items() if "hostile" not in name}
    assert {name: lines for name, lines in found.items() if lines} == {}


def test_external_text_is_shown_as_it_is(shown: dict[str, dict[str, Any]]) -> None:
    """It makes no heading, list, quote, picture or rule, and no link but a plain URL."""
    hostile = {name: page for name, page in shown.items() if "hostile" in name}
    assert len(hostile) == 2 * len(HOSTILE)
    for name, page in hostile.items():
        assert set(page["blocks"]) <= {"h3", "p", "pre", "table", "div", "details"}, name
        assert len(page["headings"]) == 1, name
        assert all(link["href"] == link["text"] for link in page["links"]), name


def test_every_table_says_something(shown: dict[str, dict[str, Any]]) -> None:
    """No header cell is empty, and no column."""
    assert [name for name, page in shown.items() if not all(text.strip() for text in page["headers"])] == []
    assert [name for name, page in shown.items() if not all("".join(cells).strip() for cells in page["columns"])] == []


def test_nothing_is_wider_than_the_page(shown: dict[str, dict[str, Any]]) -> None:
    """A reader never scrolls sideways, apart from log lines."""
    usual = {name: page for name, page in shown.items() if not name.startswith(("narrow", "hostile"))}
    found = {name: (page["wide"], page["overflow"]) for name, page in usual.items()}
    assert {name: wide for name, wide in found.items() if wide != ([], 0)} == {}


def test_every_diagram_is_drawn_and_no_label_overlaps(shown: dict[str, dict[str, Any]]) -> None:
    """On a wide page and on a narrow one, for a second and for a day; all labels are inside."""
    assert {name: page["errors"] for name, page in shown.items() if page["errors"]} == {}
    diagrams = [(name, diagram) for name, page in shown.items() for diagram in page["diagrams"]]
    assert len(diagrams) > 20
    problems = [f"{name}: {problem}" for name, diagram in diagrams for problem in _problems(diagram)]
    assert problems == []


def _problems(diagram: dict[str, Any]) -> Iterator[str]:
    labels, frame = diagram["labels"], diagram["box"]
    for one, other in combinations(labels, 2):
        width = min(one["right"], other["right"]) - max(one["left"], other["left"])
        height = min(one["bottom"], other["bottom"]) - max(one["top"], other["top"])
        if min(width, height) > 1:
            yield f"{one['text']!r} and {other['text']!r} overlap"
    for label in labels:
        if label["left"] < frame["left"] - 1 or label["right"] > frame["right"] + 1:
            yield f"{label['text']!r} is cut off"


def test_every_link_is_a_page(shown: dict[str, dict[str, Any]]) -> None:
    """Of the AWS console or GitHub, with words to click on."""
    links = [(link["text"].strip(), link["href"]) for page in shown.values() for link in page["links"]]
    assert len(links) > 50
    assert [link for link in links if not link[0] or not re.fullmatch(r"https://[\w.-]+/\S*", link[1])] == []


def test_what_a_failure_needs_comes_first(shown: dict[str, dict[str, Any]]) -> None:
    """The heading, the cause, the end of the log, what to do with the whole log, then everything else."""
    page = shown["failure"]
    assert page["blocks"][:4] == ["h3", "p", "pre", "p"]
    texts = {link["text"] for link in page["links"]}
    assert {"web", "rolled back", "web:2", "The whole log", "c0ffee0"} <= texts


def test_the_pictures_of_the_docs_are_there(shown: dict[str, dict[str, Any]], taken: Path) -> None:
    """Each is committed, small, and as wide as it is taken now; fonts differ, so its bytes may."""
    assert shown
    for sample in pictures.samples().values():
        assert sample.picture
        assert sample.picture.stat().st_size < 200_000, "make pictures"
        assert _size(sample.picture)[0] == _size(taken / sample.picture.name)[0], "make pictures"


def _size(png: Path) -> tuple[int, int]:
    """Width and height in pixels."""
    width, height = struct.unpack(">II", png.read_bytes()[16:24])
    return width, height
