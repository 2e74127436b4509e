"""What GitHub shows to people who come to the repository: issue forms, the security policy, the README's badges."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.contract import parts
from tests.contract.parts import README, ROOT, SUITE

GITHUB = ROOT / ".github"
TEMPLATES = GITHUB / "ISSUE_TEMPLATE"
FORMS = sorted(path for path in TEMPLATES.glob("*.yml") if path.name != "config.yml")
SECURITY = ROOT / "SECURITY.md"
PRIVATE_REPORT = f"https://github.com/{SUITE}/security/advisories/new"

# GitHub's rules for issue forms: the keys of a form, and of an element's attributes by its type (True: required).
FORM = {"name": True, "description": True, "body": True, "title": False, "labels": False, "assignees": False}
ATTRIBUTES = {
    "markdown": {"value": True},
    "input": {"label": True, "description": False, "placeholder": False, "value": False},
    "textarea": {"label": True, "description": False, "placeholder": False, "value": False, "render": False},
    "dropdown": {"label": True, "description": False, "multiple": False, "options": True, "default": False},
    "checkboxes": {"label": True, "description": False, "options": True},
}
# The labels that every new repository has.
LABELS = {"bug", "documentation", "duplicate", "enhancement", "good first issue", "help wanted", "invalid", "question"}


def keys(where: str, found: dict[str, Any], allowed: dict[str, bool]) -> Iterator[str]:
    """What is wrong with the keys of a mapping."""
    yield from (f"{where}: {key} is not a permitted key" for key in found if key not in allowed)
    yield from (f"{where}: {key} is missing" for key, required in allowed.items() if required and key not in found)


def texts(where: str, found: dict[str, Any], *names: str) -> Iterator[str]:
    """Values that have to be text, and not empty."""
    for name in names:
        if name in found and not (isinstance(found[name], str) and found[name].strip()):
            yield f"{where}: {name} must be text"


def choices(where: str, kind: str, options: Any) -> Iterator[str]:
    """Options of a dropdown are texts, those of checkboxes have a label; all differ, and `None` is GitHub's own."""
    if not isinstance(options, list) or not options:
        yield f"{where}: options must be a list"
        return
    labels = options if kind == "dropdown" else [option.get("label") for option in options]
    yield from (f"{where}: the option {label!r} must be text" for label in labels if not isinstance(label, str))
    yield from (f"{where}: the option {label!r} is reserved" for label in labels if str(label).lower() == "none")
    if len(set(map(str, labels))) < len(labels):
        yield f"{where}: options must differ"
    if kind == "checkboxes":
        for option in options:
            yield from keys(where, option, {"label": True, "required": False})


def element(where: str, found: dict[str, Any]) -> Iterator[str]:
    """What is wrong with one element of a form's body."""
    kind = found.get("type")
    if kind not in ATTRIBUTES:
        yield f"{where}: type must be one of {', '.join(ATTRIBUTES)}"
        return
    markdown = kind == "markdown"
    yield from keys(
        where, found, {"type": True, "attributes": True, **({} if markdown else {"id": False, "validations": False})}
    )
    attributes = found.get("attributes", {})
    yield from keys(where, attributes, ATTRIBUTES[kind])
    yield from texts(where, attributes, "label", "description", "placeholder", "value", "render")
    if "options" in ATTRIBUTES[kind]:
        yield from choices(where, kind, attributes.get("options"))
    if not re.fullmatch(r"[A-Za-z0-9_-]+", found.get("id", "x")):
        yield f"{where}: id has letters, digits, - and _"
    if not isinstance(found.get("validations", {}).get("required", True), bool):
        yield f"{where}: required must be true or false"


def problems(form: dict[str, Any]) -> list[str]:
    """Everything for which GitHub would refuse the form."""
    body = form.get("body")
    if not isinstance(body, list):
        return ["body must be a list"]
    found = [*keys("form", form, FORM), *texts("form", form, "name", "description", "title")]
    for number, each in enumerate(body):
        found += element(f"body[{number}]", each)
    asked = [each for each in body if each.get("type") != "markdown"]
    if not asked:
        found.append("body asks for nothing")
    for what in ([each.get("id") for each in asked], [each["attributes"].get("label") for each in asked]):
        if len(set(what)) < len(what):
            found.append(f"ids and labels must differ: {what}")
    return found


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_an_issue_form_is_valid(path: Path) -> None:
    """GitHub drops a form with a mistake from the list, silently."""
    form = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert problems(form) == []
    assert set(form["labels"]) <= LABELS


BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "no name": ({"description": "d", "body": [{"type": "input", "attributes": {"label": "l"}}]}, "name is missing"),
    "no question": ({"name": "n", "description": "d", "body": [{"type": "markdown", "attributes": {"value": "v"}}]}, "asks"),
    "no label": ({"name": "n", "description": "d", "body": [{"type": "input", "attributes": {}}]}, "label is missing"),
    "unknown key": (
        {"name": "n", "description": "d", "body": [{"type": "input", "attributes": {"label": "l", "render": "text"}}]},
        "render is not a permitted key",
    ),
    "boolean option": (
        {"name": "n", "description": "d", "body": [{"type": "dropdown", "attributes": {"label": "l", "options": [True]}}]},
        "must be text",
    ),
    "twice": (
        {"name": "n", "description": "d", "body": [{"type": "input", "id": "a", "attributes": {"label": "l"}}] * 2},
        "must differ",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_mistake_in_a_form_is_found(name: str) -> None:
    """The rules above find what GitHub would refuse."""
    form, message = BROKEN[name]
    assert any(message in problem for problem in problems(form)), problems(form)


def test_the_chooser_offers_the_forms_and_a_private_report() -> None:
    """No blank issue, which would have no version and no log; each link has a name, an address and its use."""
    config = yaml.safe_load((TEMPLATES / "config.yml").read_text(encoding="utf-8"))
    assert config["blank_issues_enabled"] is False
    assert PRIVATE_REPORT in [link["url"] for link in config["contact_links"]]
    assert all(set(link) == {"name", "url", "about"} for link in config["contact_links"])


def test_a_vulnerability_is_reported_privately() -> None:
    """By GitHub's own form, on the page and in the form for bugs."""
    for path in (SECURITY, TEMPLATES / "bug.yml"):
        assert PRIVATE_REPORT in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", [SECURITY, *FORMS, TEMPLATES / "config.yml"], ids=lambda path: path.name)
def test_a_link_into_this_repository_leads_somewhere(path: Path) -> None:
    """Links with the whole address, because GitHub shows these texts on other pages."""
    for link in re.findall(rf"https://github\.com/{SUITE}/blob/main/([^\s)>]+)", path.read_text(encoding="utf-8")):
        assert (ROOT / link).exists(), link


def test_the_badges_are_true() -> None:
    """Each is made from what it shows: a workflow that exists and runs on main, the releases, the license."""
    badges = dict(re.findall(r"\[!\[([^\]]+)\]\(([^)]+)\)\]", README.read_text(encoding="utf-8")))
    workflow = re.fullmatch(
        rf"https://github\.com/{SUITE}/actions/workflows/(.+)/badge\.svg\?branch=main", badges["CI"]
    )
    assert workflow
    content = yaml.safe_load((GITHUB / "workflows" / workflow[1]).read_text(encoding="utf-8"))
    assert content["name"] == "CI"
    assert content[True]["push"]["branches"] == ["main"]  # YAML 1.1 reads `on` as true
    assert f"/github/v/release/{SUITE}" in badges["Release"]
    assert f"/github/license/{SUITE}" in badges["License"]
    assert set(badges) == {"CI", "Release", "License"}
    assert (ROOT / "LICENSE").read_text(encoding="utf-8").strip().startswith("MIT License")


def test_the_readme_has_a_heading_usage() -> None:
    """Where people look first, before everything else."""
    headings = re.findall(r"^## (.+)$", README.read_text(encoding="utf-8"), re.M)
    assert headings[0] == "Usage"
    assert "jobs:" in parts.blocks(README, "yaml")[0]
