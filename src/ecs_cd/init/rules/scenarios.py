"""The ways in which a workflow can start: its branches, and the choices of a manual run."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ecs_cd.init.rules.tree import Map, mapping, sequence, texts

_MOST = 16
_LITERAL_BRANCH = re.compile(r"[\w./-]+")
_EVENTS = ("push", "release", "workflow_dispatch", "schedule", "workflow_run")


@dataclass(frozen=True)
class Scenario:
    """One way: the values of `github` and `inputs`; ``choices`` are the dimensions, such as ``github.ref_name``."""

    github: Mapping[str, str] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)
    choices: tuple[tuple[str, str], ...] = ()


def events(content: Map) -> dict[str, Any]:
    """The events of a workflow, with their settings."""
    on = content.get("on")
    if isinstance(on, dict):
        return {str(name): settings for name, settings in on.items()}
    return {str(name): "" for name in (on if isinstance(on, list) else [on]) if name}


def of(content: Map) -> list[Scenario]:
    """All scenarios of a workflow; a single one if nothing in it depends on how it starts."""
    found = events(content)
    whole = "\n".join(texts(content.get("jobs")))
    event = next((name for name in _EVENTS if name in found), "")
    base = {"event_name": event} if event else {}
    branches = _branches(found.get("push")) if "push" in found else []
    depends = re.search(r"github\.(?:ref|base_ref)|GITHUB_(?:REF|BASE_REF)", whole)
    axes: list[list[tuple[str, str]]] = []
    if len(branches) == 1 or (branches and depends):
        axes.append([("github.ref_name", branch) for branch in branches])
    inputs, choices = _inputs(found, whole)
    axes += choices
    made = []
    for each in itertools.islice(itertools.product(*axes), _MOST):
        chosen = dict(each)
        branch = chosen.get("github.ref_name")
        github = {
            **base,
            **({"ref_name": branch, "ref": f"refs/heads/{branch}", "ref_type": "branch"} if branch else {}),
        }
        given = {name.removeprefix("inputs."): value for name, value in each if name.startswith("inputs.")}
        made.append(Scenario(github, {**inputs, **given}, tuple(each)))
    return made


def _branches(push: Any) -> list[str]:
    """The branches of a push, if all are literal."""
    named = mapping(push).get("branches", [])
    found = [str(branch) for branch in (named if isinstance(named, list) else [named]) if branch]
    return found if all(map(_LITERAL_BRANCH.fullmatch, found)) and len(found) <= 4 else []


def refs(content: Map, ways: Sequence[Scenario], default: str) -> tuple[tuple[str, ...], bool]:
    """The branches whose runs these scenarios are, patterns as they are written, and whether runs of tags are too.
    ``default`` is the branch of manual runs."""
    chosen = [way.github["ref_name"] for way in ways if "ref_name" in way.github]
    found = events(content)
    push = mapping(found.get("push"))
    tags = "tags" in push or "release" in found
    named = push.get("branches", [])
    listed = [str(each) for each in (named if isinstance(named, list) else [named]) if each]
    branches = chosen or [each for each in listed if not each.startswith("!")]
    others = set(found) - {"push", "release"} or ("push" in found and "tags" not in push)
    return tuple(dict.fromkeys(branches or ([default] if others or not found else []))), tags


def _inputs(found: Mapping[str, Any], whole: str) -> tuple[dict[str, str], list[list[tuple[str, str]]]]:
    """The defaults of a manual run's inputs, and the choices that the jobs use."""
    defaults: dict[str, str] = {}
    choices = []
    for name, each in mapping(mapping(found.get("workflow_dispatch")).get("inputs")).items():
        options = [str(option) for option in sequence(mapping(each).get("options"))]
        used = re.search(rf"inputs\.{re.escape(str(name))}\b", whole)
        if options and used and len(options) <= 8 and mapping(each).get("type") in ("choice", None):
            choices.append([(f"inputs.{name}", option) for option in options])
        elif "default" in mapping(each):
            defaults[str(name)] = str(each["default"])
    return defaults, choices


def condition(chosen: Sequence[Scenario], everything: Sequence[Scenario]) -> str:
    """The `if` that holds in these scenarios alone; empty if they are all."""
    parts = []
    for at, (name, _) in enumerate(everything[0].choices if everything else ()):
        values = list(dict.fromkeys(each.choices[at][1] for each in chosen))
        if len(values) < len({each.choices[at][1] for each in everything}):
            tests = " || ".join(f"{name} == '{value}'" for value in values)
            parts.append(f"({tests})" if len(values) > 1 else tests)
    text = " && ".join(parts)
    return text[1:-1] if len(parts) == 1 and text.startswith("(") else text
