"""The job summary: readable, and nothing in it is read as markup that others wrote."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from ecs_cd.diagnosis.evidence import Finding
from ecs_cd.model.verdict import Outcome
from ecs_cd.report import summary
from ecs_cd.report.summary import NOT_STARTED, UNDER_WAY, Part, Summary
from ecs_cd.report.timeline import Deployed, Moment, Phase

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[click](javascript:x)",
    "![x](https://host/pixel.png)",
    "**bold** _it_ `code`",
    "a | b | c",
    "# heading",
    "> quote",
    "one\n\n# two",
    "~~~ not the end",
    "&lt;b&gt; &amp;",
    "back\\slash",
]


FAILED = Part("Deployment", Outcome.FAILED, "it failed", elapsed=12, facts={"image": "r@sha256:1"})
STORY: tuple[Moment, ...] = ((Phase.STARTING, 20), (Phase.HEALTHY, 50), (Outcome.SUCCEEDED, 62))
WEB = Deployed("web", Outcome.SUCCEEDED, "web:1", "web:2", {"app": f"r@sha256:{'a' * 64}"}, STORY, ["~ cpu: 1 -> 2"])
GREEN = Part("Deployment", Outcome.SUCCEEDED, "1 of 1 running", 20, 42, services=[WEB])
BUILD = Part("Build and push", Outcome.SUCCEEDED, "built", 0, 12, "build", {"commit": "c0ffee", "image": "i"})


def section(**changes: Any) -> str:
    return summary.markdown([replace(FAILED, **changes)])


def refusal(problems: list[str], remedy: str = "") -> str:
    return summary.markdown([Part("deploy", NOT_STARTED, findings=[Finding("", tuple(problems), remedy)])])


def test_a_failure_is_the_verdict_its_cause_and_then_the_facts() -> None:
    """In the order in which a reader asks."""
    evidence = ("task 1: killed", "last words")
    finding = Finding("it ran out of memory", evidence, "Raise `memory`.", page="https://console/log")
    assert section(findings=[finding]).splitlines() == [
        "### ❌ Deployment: failed",
        "",
        "**it ran out of memory**",
        "",
        "```text",
        "task 1: killed",
        "last words",
        "```",
        "",
        "Raise `memory`. · [The whole log](https://console/log)",
        "",
        "it failed",
        "",
        "image `r@sha256:1` · took 12 s",
    ]


def test_a_deployment_has_its_table_its_timeline_and_what_changed() -> None:
    """Folded, for the difference is long; times count from the beginning."""
    assert summary.markdown([GREEN]).splitlines() == [
        "### ✅ Deployment: succeeded",
        "",
        "1 of 1 running",
        "",
        "| service | result | from | to | digest | duration |",
        "|---|---|---|---|---|---|",
        "| `web` | ✅ succeeded | `web:1` | `web:2` | app `sha256:aaaaaaaaaaaa` | 42 s |",
        "",
        "```mermaid",
        "---",
        "config:",
        "  gantt:",
        "    useWidth: 900",
        "    leftPadding: 48",
        "---",
        "gantt",
        "    dateFormat HH:mm:ss",
        "    axisFormat %M:%S",
        "    tickInterval 5second",
        "    todayMarker off",
        "    section web",
        "    tasks starting (30 s) :00:00:00, 30s",
        "    healthy (12 s) :00:00:30, 12s",
        "```",
        "",
        "<details><summary>What changed in the task definition</summary>",
        "",
        "**web: web:1 → web:2**",
        "",
        "```diff",
        "~ cpu: 1 -> 2",
        "```",
        "",
        "</details>",
    ]


def test_several_parts_are_one_summary() -> None:
    """One heading, that of the last; one timeline from the beginning of the first; of each how it ended."""
    text = summary.markdown([BUILD, Part("Migration", Outcome.SKIPPED, "there is none", 12), GREEN])
    assert [line for line in text.splitlines() if line.startswith("#")] == ["### ✅ Deployment: succeeded"]
    assert "    section Build and push\n    build (12 s) :00:00:00, 12s\n    section web\n    tasks" in text
    assert text.partition("```\n\n")[2].splitlines()[:5] == [
        "| step | result | duration | details |",
        "|---|---|---|---|",
        "| Build and push | ✅\xa0succeeded | 12 s | image `i` |",
        "| Migration | ⏭️\xa0skipped | 0.0 s |  |",
        "| Deployment | ✅\xa0succeeded | 42 s |  |",
    ]
    assert "\n\ncommit `c0ffee`\n\n| service |" in text
    assert text.count("```mermaid") == 1


@pytest.mark.parametrize(
    ("states", "words"),
    [
        ([Outcome.SUCCEEDED, Outcome.SKIPPED, Outcome.SUCCEEDED], "✅ 2: succeeded"),
        ([Outcome.SUCCEEDED, Outcome.FAILED], "❌ 1: failed"),
        ([Outcome.FAILED, Outcome.SUCCEEDED], "❌ 0: failed"),
        ([Outcome.FAILED, Outcome.ROLLED_BACK], "❌ 1: rolled back"),
        ([Outcome.SUCCEEDED, UNDER_WAY], "⏳ 1: under way"),
        ([UNDER_WAY, Outcome.SUCCEEDED], "⏳ 0: under way"),
        ([Outcome.SUCCEEDED, NOT_STARTED], "❌ 1: not started"),
    ],
)
def test_the_heading_is_that_of_the_part_that_decides(states: list[Any], words: str) -> None:
    """Failures before running parts, running parts before successes; the last of its kind."""
    text = summary.markdown([Part(str(number), state) for number, state in enumerate(states)])
    assert text.splitlines()[0] == f"### {words}"


def test_what_is_under_way_says_so() -> None:
    """A process that is killed leaves this as its last word, with the parts that had ended."""
    text = summary.markdown([BUILD, Part("Migration", UNDER_WAY, begin=12)])
    assert text.startswith("### ⏳ Migration: under way\n\nIf this is the last message, the process was killed before")
    assert "| Build and push | ✅\xa0succeeded | 12 s |" in text
    assert "| Migration" not in text


@pytest.mark.parametrize("outcome", Outcome)
def test_every_outcome_has_its_words_and_a_sign(outcome: Outcome) -> None:
    """Green only what is good."""
    heading = summary.markdown([Part("X", outcome)]).splitlines()[0]
    signs = {Outcome.SUCCEEDED: "✅", Outcome.SKIPPED: "⏭️", Outcome.IN_PROGRESS: "⏳", Outcome.PAUSED: "⏸️"}
    sign = signs.get(outcome, "❌")
    assert heading == f"### {sign} X: {outcome.words}"


def test_texts_come_last_and_in_a_fence() -> None:
    """A difference is shown as it is, under its title."""
    written = summary.markdown([Part("X", Outcome.SKIPPED, texts={"web: what would change": ["~ cpu: 1 -> 2"]})])
    assert written.endswith("**web: what would change**\n\n```text\n~ cpu: 1 -> 2\n```\n")


def test_empty_facts_are_left_out() -> None:
    """Several names of one fact stand beside each other, sentences below."""
    facts = {"commit": "", "app": "image\nlatest", "app reused": "it's there", "id": "7"}
    text = summary.markdown([replace(FAILED, facts=facts), GREEN])
    assert "commit" not in text
    assert "| 12 s | app: `image`, `latest` · id `7`<br>app reused: it's there |" in text
    assert section(facts=facts).endswith("\n\napp: `image`, `latest` · id `7` · app reused: it's there · took 12 s\n")


def test_no_fact_is_shown_twice() -> None:
    """The migration has the image that was built, in the same cluster as the service."""
    migration = replace(BUILD, title="Migration", facts={"image": "i", "cluster": "c", "commit": "c0ffee"})
    text = summary.markdown([BUILD, migration, replace(GREEN, facts={"cluster": "c"})])
    assert [text.count(each) for each in ("`c0ffee`", "image `i`", "cluster `c`")] == [1, 1, 1]


SHA = "c0ffee" + "0" * 34


@pytest.mark.parametrize(
    ("facts", "links", "shown"),
    [
        ({"commit": SHA}, {"commit": f"https://host/{SHA}"}, f"commit [`c0ffee0`](https://host/{SHA})"),
        ({"commit": SHA}, {}, f"commit `{SHA}`"),
        ({"task": "7c1e"}, {"task": "https://host/t?region=x"}, "task [`7c1e`](https://host/t?region=x)"),
        ({"task": "arn:aws-cn:ecs:cn-north-1:1:task/c/7c1e"}, {}, "task `7c1e`"),
        ({"app": f"r/team/app@sha256:{'a' * 64}\nlatest"}, {"app": "https://host/i"},
         "app: [`app@sha256:aaaaaaaaaaaa`](https://host/i), `latest`"),
        ({"id": "7"}, {"page": "https://host/p", "log": ""}, "id `7` · [page](https://host/p)"),
        ({"id": "7"}, {"id": "http://host/"}, "id `7`"),
        ({"id": "7"}, {"id": "https://host/) x"}, "id `7`"),
        ({"id": "7"}, {"id": "javascript:alert(1)"}, "id `7`"),
    ],
)  # fmt: skip
def test_a_fact_links_to_its_page(facts: dict[str, str], links: dict[str, str], shown: str) -> None:
    """Long names are short there; without a page the commit can still be copied; what is no URL of a page is no link."""
    assert section(facts=facts, links=links).endswith(f"\n\n{shown} · took 12 s\n")


def test_a_service_links_to_its_pages() -> None:
    """The service, its deployment, the revision and the image."""
    links = {name: f"https://host/{name[:4]}" for name in ("service", "deployment", "task definition", "app")}
    text = summary.markdown([replace(GREEN, services=[replace(WEB, links=links)])])
    assert (
        "| [`web`](https://host/serv) | ✅ [succeeded](https://host/depl) | `web:1` | [`web:2`](https://host/task) "
        "| app [`sha256:aaaaaaaaaaaa`](https://host/app) | 42 s |"
    ) in text


# ---- many services ----


def many(number: int, *bad: int) -> list[Deployed]:
    states = [Outcome.FAILED if n in bad else Outcome.SUCCEEDED for n in range(number)]
    return [replace(WEB, service=f"s{n}", outcome=outcome) for n, outcome in enumerate(states)]


def test_of_a_hundred_services_those_that_failed_are_seen_first() -> None:
    """The rest is folded, and the timeline has ten."""
    text = summary.markdown([replace(GREEN, services=many(100, 40, 99))])
    seen, _, folded = text.partition("<details><summary>80 more services</summary>")
    rows = [line for line in seen.splitlines() if line.startswith("| `s")]
    assert [row.split("`")[1] for row in rows[:3]] == ["s40", "s99", "s0"]
    assert len(rows) == 20
    assert folded.count("\n| `s") == 80
    assert text.count("    section ") == 10
    assert "The timeline leaves 90 more services out." in text
    assert "and of 80 more services" in text
    assert len(text) < 30_000


def test_what_went_wrong_has_its_own_colour() -> None:
    """A part of a step as well as a phase of a deployment."""
    failed = replace(BUILD, state=Outcome.FAILED)
    assert "    build (12 s) :crit, 00:00:00, 12s\n" in summary.markdown([failed, GREEN])


def test_what_was_not_begun_took_no_time() -> None:
    """And brought nothing."""
    left_out = Deployed("worker", Outcome.SKIPPED, "worker:1")
    text = summary.markdown([replace(GREEN, services=[WEB, left_out])])
    assert "\n| `worker` | ⏭️ skipped | `worker:1` |  |  |  |\n" in text
    assert "| service | result | from |\n" in summary.markdown([replace(GREEN, services=[left_out])])
    assert "section worker" not in text


def test_times_count_from_what_began_first() -> None:
    """The first row of the drawing may have started later."""
    later = [replace(WEB, service="late", moments=[(what, at + 60) for what, at in STORY]), WEB]
    text = summary.markdown([replace(GREEN, services=later)])
    assert "section late\n    tasks starting (30 s) :00:01:00, 30s" in text
    assert "section web\n    tasks starting (30 s) :00:00:00, 30s" in text


def test_what_changed_is_told_of_those_that_failed_first() -> None:
    """If there is no room for all."""
    text = summary.markdown([replace(GREEN, services=many(21, 20))])
    assert re.findall(r"^\*\*(s\d+):", text, re.M)[:2] == ["s20", "s0"]
    assert "<summary>1 more service</summary>" in text
    assert "and of 1 more service\n" in text


def test_a_service_may_be_called_as_a_part_is() -> None:
    """Each has its own section."""
    migration = replace(BUILD, title="Migration", phase="migrate")
    text = summary.markdown([migration, replace(GREEN, services=[replace(WEB, service="Migration")])])
    assert text.count("    section Migration\n") == 2
    assert "    migrate (12 s) :00:00:00, 12s\n" in text


def test_few_services_keep_their_order() -> None:
    """The order in which they started, in the table and in the timeline."""
    text = summary.markdown([replace(GREEN, services=many(3, 2))])
    assert re.findall(r"^\| `(\w+)`|section (\w+)", text, re.M) == [
        ("s0", ""), ("s1", ""), ("s2", ""), ("", "s0"), ("", "s1"), ("", "s2"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("room", "changes", "cut"),
    [(1_000, False, True), (5_000, False, False), (16_000, False, False), (20_000, True, False)],
)
def test_a_summary_that_is_too_large_loses_what_changed_first(room: int, changes: bool, cut: bool) -> None:
    """The verdict and its cause stay; what is cut says so."""
    evidence = tuple(f"{number} ü" * 20 for number in range(30))
    services = [replace(WEB, change=["~ x: é" * 20] * 100)]
    part = replace(GREEN, state=Outcome.FAILED, findings=[Finding("cause", evidence)], services=services)
    text = summary.markdown([part], room)
    assert len(text.encode()) <= room
    assert text.startswith("### ❌ Deployment: failed\n\n**cause**\n\n```")
    assert ("What changed" in text) is changes
    assert text.endswith("(cut: a summary ends at 1 MiB)\n") is cut


def test_many_lines_of_a_difference_are_counted() -> None:
    """A hundred are enough to see what it is."""
    text = summary.markdown([replace(GREEN, services=[replace(WEB, change=["~ x"] * 103)])])
    assert text.count("~ x\n") == 100
    assert "(3 more lines)" in text


@pytest.mark.parametrize("change", [None, []])
def test_what_did_not_change_is_not_told(change: list[str] | None) -> None:
    """Nor what is unknown."""
    assert "details" not in summary.markdown([replace(GREEN, services=[replace(WEB, change=change)])])


def test_one_bar_is_no_timeline() -> None:
    """It would only repeat the duration."""
    assert "mermaid" not in summary.markdown([BUILD])
    assert "mermaid" in summary.markdown([BUILD, replace(BUILD, title="Migration", begin=12, phase="migrate")])


# ---- text of others ----


@pytest.mark.parametrize("text", HOSTILE)
def test_sentences_of_others_are_plain_text(text: str) -> None:
    """Without HTML, pictures or tables, and of links only plain URLs; each on one line."""
    for written in (
        section(message=text, facts={}),
        section(findings=[Finding(text)], facts={}),
        section(findings=[Finding("x", (), text)], facts={}),
        refusal(["x"], text),
        summary.markdown([replace(GREEN, services=[replace(WEB, before=text, moments=())])]),
    ):
        shown = re.sub(r"</?details>|<summary>.*</summary>", "", re.sub(r"```diff.*?```", "", written, flags=re.S))
        plain = [line for line in shown.splitlines() if not line.startswith(("###", "| ", "|-", "**x", "```"))]
        prose = re.sub(r"(?<!\\)`[^`]+`|<https://[^<>\s]+>", "", "\n".join(plain).replace("**", ""))
        prose = re.sub(r"\\.", "", prose)
        assert not re.search(r"[<>\[\]`*_|#~&]", prose), prose
        assert " ".join(text.split())[-3:] in re.sub(r"\\(.)", r"\1", re.sub("<(https:.*?)>", r"\1", written))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("container `app` exited with 1", "container `app` exited with 1"),
        ("`sh -c 'a | b'` failed", "`sh -c 'a | b'` failed"),
        ("a ` b", "a \\` b"),
        ("``a`` `b`", "\\`\\`a\\`\\` `b`"),
        ("`<b>` <b>", "`<b>` \\<b\\>"),
        ("- no item", "\\- no item"),
        ("1. no item", "1\\. no item"),
        ("123.dkr.ecr", "123.dkr.ecr"),
        ("+ = -", "\\+ = -"),
        ("===", "\\==="),
        ("3 tasks", "3 tasks"),
        ("see https://host/a_b?c=d&e#f.", "see <https://host/a_b?c=d&e#f>."),
        ("https://host/日本", "<https://host/>日本"),
        ("a\n b\tc ", "a b c"),
    ],
)
def test_a_sentence_keeps_its_code_and_its_urls(text: str, shown: str) -> None:
    """Backticks in pairs are code, as in the log; everything else can't begin a list, a rule or a heading."""
    assert section(message=text).splitlines()[2] == shown


@pytest.mark.parametrize(
    ("name", "value"), [
        ("x", "a | b"), ("x", "a \\| b"), ("x", "a \\\\| b"), ("x", "a ` b"), ("a | b", "x"), ("a \\| b", "x"), ("x", "<b>"),
        ("x", "a\r\nb"), ("x", "a\n\n\nb\n \n"), ("x", "`a|b` c"), ("x", "`a\\|b` c"), ("x", "a|b"), ("x", "`"),
    ],
)  # fmt: skip
def test_a_fact_stays_in_its_row(name: str, value: str) -> None:
    """A pipe ends no cell, a backtick no code, a line break no row."""
    text = summary.markdown([replace(FAILED, facts={name: value}), GREEN])
    (row,) = [line for line in text.splitlines() if line.startswith("| Deployment | ❌")]
    assert re.sub(r"\\.", "", row).count("|") == 5  # as GitHub splits it, in code as well
    assert re.sub(r"\\.", "", row).count("`") in (0, 2, 4)
    assert "<b>" not in re.sub(r"`[^`]*`", "", row)


@pytest.mark.parametrize(
    "line", ["```", "``````", "~~~", "x ```` y", "<b>", "::error::x", "a\n```\n# heading\n`````", "| a |", ""]
)
def test_log_lines_can_not_end_their_fence(line: str) -> None:
    """The fence is longer than any run of backticks inside."""
    for written in (
        section(findings=[Finding("cause", ("first", line, "last"))]),
        refusal([line]),
        summary.markdown([replace(GREEN, services=[replace(WEB, change=["first", line, "last"], moments=())])]),
    ):
        lines = written.splitlines()
        opening = next(index for index, text in enumerate(lines) if text.startswith("```"))
        fence = re.sub("text|diff", "", lines[opening])
        closing = [index for index, text in enumerate(lines) if re.fullmatch(rf"`{{{len(fence)},}}\s*", text)]
        inside = lines[opening + 1 : closing[0]]
        assert len(closing) == 1
        assert all(text in inside for text in line.splitlines())


def test_log_lines_lose_their_colours() -> None:
    """A summary would show the codes as letters."""
    assert "\nboom [1m]\n" in section(findings=[Finding("cause", ("\x1b[1;31mboom\x1b[0m [1m]",))])


def test_what_has_no_verdict_is_told_as_it_is() -> None:
    """Problems in a fence, the remedy as a sentence if there is one."""
    assert refusal(["a: is missing", "b: too"], "Look there.").splitlines() == [
        "### ❌ deploy: not started", "", "```text", "a: is missing", "b: too", "```", "", "Look there.",
    ]  # fmt: skip
    assert refusal(["a"]).splitlines()[-1] == "```"


def test_a_part_is_replaced_in_its_place_or_as_the_last() -> None:
    """A scan keeps its place, and the step that contains it follows."""
    reported = Summary()
    for title in ("step", "scan", "other scan"):
        reported.put(Part(title, UNDER_WAY))
    reported.put(Part("scan", Outcome.SUCCEEDED))
    reported.put_last(Part("step", Outcome.SUCCEEDED))
    assert [(part.title, part.state) for part in reported.parts] == [
        ("scan", Outcome.SUCCEEDED),
        ("other scan", UNDER_WAY),
        ("step", Outcome.SUCCEEDED),
    ]
    assert reported.part("step") == Part("step", Outcome.SUCCEEDED)
    assert reported.part("none") is None


def test_what_is_known_of_unfinished_services_is_added_up() -> None:
    """From every group that was running."""
    first, second = (Deployed(name, Outcome.CANCELLED) for name in ("web", "worker"))
    reported = Summary()
    reported.leave(one for one in [first])
    reported.leave([second])
    assert reported.unfinished == (first, second)


ACTING = "a\x1b[2J\x1b[31m\x07\x00\x85\u202e\u2066\u200f\r\x9b\U000e0041\ud800z"
NESTED = "``\x1b[\x1b[0m0m`"


@pytest.mark.parametrize("acting", [ACTING, NESTED, "".join(map(chr, range(32))), "\x1b[\x1b[0m0m", "\r\n"])
def test_no_character_of_a_summary_acts_on_its_reader(acting: str) -> None:
    """Wherever the text of AWS or a container stands: none repaints, hides or reverses what is beside it."""
    deployed = replace(WEB, service=acting, before=acting, after=acting, images={acting: acting}, change=[acting])
    part = Part(
        acting, Outcome.FAILED, acting, phase=acting, facts={acting: acting},
        findings=[Finding(acting, (acting,), acting)], texts={acting: [acting]}, services=[deployed],
    )  # fmt: skip
    for found in (summary.markdown([part]), summary.markdown([part, GREEN]), refusal([acting], acting)):
        assert (
            re.findall(r"[^\t\n\x20-\x7e\xa0-\u061b\u061d-\u200d\u2010-\u2027\u202f-\u2065\u206a-\U000dffff]", found)
            == []
        )
        fences = [line for line in found.splitlines() if line.startswith("```")]
        assert len(fences) % 2 == 0
