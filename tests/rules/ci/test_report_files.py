"""The files of a build's report."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecs_cd.ci.rules import report_files
from ecs_cd.model.verdict import Outcome
from ecs_cd.report.summary import Part
from ecs_cd.report.timeline import Deployed

MIGRATION = Part("Migration", Outcome.SUCCEEDED, "done", elapsed=9)
MIGRATED = report_files.entry("1", "migrate", [MIGRATION], {"migration-result": "succeeded"})
WEB = Deployed("web", Outcome.SUCCEEDED, "web:1", "web:2", {"app": "r@sha256:1"})
DEPLOYED = report_files.entry("2", "deploy", [Part("Deployment", Outcome.SUCCEEDED, services=[WEB])], {"result": "x"})


def sourced(text: str, name: str) -> str:
    """The variable in a shell that has sourced this text."""
    script = f'set -eu\n{text}\nprintf %s "${name}"'
    done = subprocess.run(["/bin/sh", "-c", script], capture_output=True, check=True, env={"LC_ALL": "C.UTF-8"})
    return done.stdout.decode(errors="surrogateescape")


def test_all_verbs_of_the_build_are_there() -> None:
    """In every file, in their order."""
    files = report_files.files("b:1", [MIGRATED, DEPLOYED])
    assert files["report.md"].index("### ✅ Migration") < files["report.md"].index("### ✅ Deployment")
    assert files["outputs.env"] == "MIGRATION_RESULT='succeeded'\nRESULT='x'\n"
    assert files["junit.xml"].count("<testcase ") == 2
    report = json.loads(files["report.json"])
    assert (report["version"], report["build"], [each["verb"] for each in report["verbs"]]) == (
        1,
        "b:1",
        ["migrate", "deploy"],
    )
    (part,) = report["verbs"][1]["parts"]
    assert part["services"][0]["after"] == "web:2"


def test_what_was_written_is_read_for_the_next_verb() -> None:
    """Of the same build only: the folder may be in a cache or in the source."""
    report = report_files.files("b:1", [MIGRATED])["report.json"]
    assert report_files.earlier(report, "b:1") == [MIGRATED]
    assert report_files.earlier(report, "b:2") == []


BROKEN: list[dict[str, Any]] = [{"parts": 1}, {"id": None}, {"outputs": {"a": 1}}, {"markdown": []}]


@pytest.mark.parametrize(
    "report",
    ["", "null", "[]", "{", "[" * 99_999, '{"build": "b:1"}', '{"build": "b:1", "verbs": {}}']
    + [json.dumps({"build": "b:1", "verbs": [{**MIGRATED, **change}]}) for change in BROKEN],
)
def test_what_can_not_be_read_is_left_out(report: str) -> None:
    """It is then replaced."""
    assert report_files.earlier(report, "b:1") == []


def test_our_own_entry_is_replaced_in_its_place() -> None:
    """Another process may have added one meanwhile."""
    again = {**MIGRATED, "outputs": {}}
    assert report_files.together([], MIGRATED) == [MIGRATED]
    assert report_files.together([MIGRATED, DEPLOYED], again) == [again, DEPLOYED]
    assert report_files.together([DEPLOYED], MIGRATED) == [DEPLOYED, MIGRATED]


def test_of_outputs_with_one_name_the_last_counts() -> None:
    """As in a shell."""
    more = report_files.entry("3", "deploy", [], {"result": "y", "task-definition-arn": "arn:x"})
    assert report_files.outputs_env([DEPLOYED, more]) == "RESULT='y'\nTASK_DEFINITION_ARN='arn:x'\n"


@pytest.mark.parametrize(
    "value",
    [
        "",
        "two words",
        "it's",
        "$(touch x)",
        "`touch x`",
        "a\nb\n",
        "\\",
        "'; touch x; '",
        "#",
        "$HOME",
        "a\tb",
        "é",
        "-n",
    ],
)
def test_a_shell_gets_each_value_unchanged(value: str) -> None:
    """And runs nothing of it."""
    assert sourced(report_files.outputs_env([report_files.entry("1", "v", [], {"a-b": value})]), "A_B") == value


@settings(max_examples=25, deadline=None)
@given(st.text(st.characters(exclude_categories=())))
def test_no_text_leaves_the_quotes(value: str) -> None:
    """What no variable can hold is replaced."""
    entry = report_files.entry("1", "v", [], {"x": value, "y": "fine"})
    assert sourced(report_files.outputs_env([entry]), "Y") == "fine"
    json.loads(report_files.files("b", [entry])["report.json"])


def test_a_process_without_parts_has_its_outputs() -> None:
    """They may come first."""
    files: Any = report_files.files("b:1", [report_files.entry("1", "images", [], {"matrix": "{}"})])
    assert (files["report.md"], files["outputs.env"]) == ("", "MATRIX='{}'\n")
