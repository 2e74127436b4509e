"""The verbs of a build as JUnit XML, for a report group of CodeBuild: each part of a verb is a test case.

https://docs.aws.amazon.com/codebuild/latest/userguide/test-reporting.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from ecs_cd.model.text import plain
from ecs_cd.model.verdict import Outcome
from ecs_cd.report import part_json
from ecs_cd.report.summary import UNDER_WAY, Part

_INVALID = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # in XML 1.0
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_UNTIL_NOW = "the process was killed before it could report more"


def text(entries: Iterable[Mapping[str, Any]]) -> str:
    """The XML of these verbs, as ``report_files.entry`` makes them."""
    root = Element("testsuites")
    for entry in entries:
        _suite(root, entry)
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'


def _suite(root: Element, entry: Mapping[str, Any]) -> None:
    name = _valid(f"ecs-cd {entry['verb']}")
    suite = SubElement(root, "testsuite", name=name)
    for found in entry["parts"]:
        part = part_json.from_json(found)
        if part is not None:
            _case(suite, name, part, found.get("seconds"))
    for counted, tag in (("tests", "testcase"), ("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(counted, str(len(list(suite.iter(tag)))))


def _case(suite: Element, name: str, part: Part, seconds: object) -> None:
    time = f"{seconds:.3f}" if isinstance(seconds, (int, float)) else "0"
    case = SubElement(suite, "testcase", classname=name, name=_valid(part.title), time=time)
    if part.state is Outcome.SKIPPED:
        SubElement(case, "skipped", message=_valid(part.message))
    elif part.state == UNDER_WAY:
        SubElement(case, "error", message=_valid(f"{UNDER_WAY}: {_UNTIL_NOW}"), type=UNDER_WAY)
    elif part.bad:
        failure = SubElement(case, "failure", message=_valid(_cause(part)), type=part_json.state(part))
        failure.text = _valid("\n".join(_lines(part)))


def _cause(part: Part) -> str:
    """The likely cause, or else what is known."""
    cause = next((finding.words for finding in part.findings if finding.cause), "")
    evidence = next((line for finding in part.findings for line in finding.evidence), "")
    return f"{part.words}: {cause or part.message or evidence}".removesuffix(": ")


def _lines(part: Part) -> Iterable[str]:
    yield f"{part.words}: {part.message}".removesuffix(": ")
    for finding in part.findings:
        yield from (line for line in (finding.words, *finding.evidence) if line)
        if finding.remedy:
            yield f"-> {finding.remedy}"


def _valid(words: str) -> str:
    """The text without colours and without characters that XML 1.0 doesn't have."""
    return _INVALID.sub("\N{REPLACEMENT CHARACTER}", plain(_COLOURS.sub("", words)))
