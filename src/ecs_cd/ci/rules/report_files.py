"""The files of a build's report, from what each verb of the build has reported so far."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ecs_cd.ci.rules import junit
from ecs_cd.model.text import plain
from ecs_cd.report import part_json
from ecs_cd.report.summary import Part, markdown
from ecs_cd.report.timeline import Deployed

REPORT = "report.json"
LARGEST = 8 * 1024 * 1024  # characters of a report.json that is read
_VERSION = 1

Entry = dict[str, Any]  # what one process reported


def entry(process: str, verb: str, parts: Sequence[Part], outputs: Mapping[str, str]) -> Entry:
    """What a process with this id has reported."""
    return {
        "id": process,
        "verb": verb,
        "parts": [_part(part) for part in parts],
        "outputs": {name: plain(value) for name, value in outputs.items()},
        "markdown": markdown(parts) if parts else "",
    }


def earlier(report: str, build: str) -> list[Entry]:
    """What a report.json holds of this build; nothing if it is of another, or can't be read."""
    try:
        content = json.loads(report)
    except (ValueError, RecursionError):
        return []
    if not isinstance(content, dict) or content.get("build") != build or not isinstance(content.get("verbs"), list):
        return []
    return [each for each in content["verbs"] if _is_entry(each)]


def together(entries: Sequence[Entry], own: Entry) -> list[Entry]:
    """All entries, with our own in its place."""
    there = [own if each["id"] == own["id"] else each for each in entries]
    return there if own in there else [*there, own]


def files(build: str, entries: Sequence[Entry]) -> dict[str, str]:
    """The text of each file, by name."""
    return {
        "report.md": "\n".join(f"{each['markdown']}\n" for each in entries if each["markdown"]),
        "junit.xml": junit.text(entries),
        "outputs.env": outputs_env(entries),
        REPORT: f"{json.dumps({'version': _VERSION, 'build': build, 'verbs': list(entries)}, indent=1)}\n",
        ".gitignore": "*\n",  # else the checkout would differ from its commit
    }


def outputs_env(entries: Sequence[Entry]) -> str:
    """A line ``NAME='value'`` for each output, for a shell to source; of the same name, the last verb's."""
    outputs = {_variable(name): value for each in entries for name, value in each["outputs"].items()}
    return "".join(f"{name}={_quoted(value)}\n" for name, value in outputs.items())


def _variable(name: str) -> str:
    return re.sub("[^A-Z0-9_]", "_", name.upper())


def _quoted(value: str) -> str:
    """The value for a POSIX shell, which expands nothing between single quotes."""
    return "'" + plain(value).replace("'", "'\\''") + "'"


def _part(part: Part) -> dict[str, Any]:
    services = [_service(service) for service in part.services]
    return {**part_json.to_json(part), "seconds": round(part.elapsed, 3), "services": services}


def _service(service: Deployed) -> dict[str, Any]:
    return {
        "service": service.service,
        "outcome": service.outcome.value,
        "before": service.before,
        "after": service.after,
        "images": dict(service.images or {}),
        "seconds": round(service.elapsed, 3),
    }


def _is_entry(value: object) -> bool:
    types = {"id": str, "verb": str, "parts": list, "outputs": dict, "markdown": str}
    return (
        isinstance(value, dict)
        and all(isinstance(value.get(name), kind) for name, kind in types.items())
        and all(isinstance(output, str) for output in value["outputs"].values())
    )
