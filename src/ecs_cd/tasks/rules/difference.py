"""The differences between two task definitions, as readable lines for a pull request.

Ignores differences that ECS ignores, by comparing the same form as ``comparison.same``. Hides values that may be
secrets: those of environment variables, and anything else that looks like a credential.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ecs_cd.tasks.rules.comparison import MAPS, NAMED, canonical
from ecs_cd.tasks.rules.task_definition import TaskDefinition

_LONGEST = 200  # characters of a value
_SHOWN = ("image", "cpu", "memory", "memoryReservation")  # what the line of a new container shows
_DIGEST = re.compile(r"(sha256:[0-9a-f]{12})[0-9a-f]{52}")
# Signs of a credential: in the name of an option or a label (some log services put it into the URL), and in the text of
# a command, an option or a label.
_NAMES = re.compile(r"(?i)token|secret|passw|key|auth|credential|header|ur[il]$")
_WORDS = re.compile(r"(?i)token|secret|passw|api.?key|authorization|bearer|://[^/\s]*@")

Path = tuple[str, ...]


def lines(old: TaskDefinition | None, new: TaskDefinition) -> list[str]:
    """``+`` is added, ``-`` is removed, ``~`` is changed; no lines if, and only if, ECS would run both the same way.

    Both must be normalised. Without ``old``, the family is new, and the lines summarise its containers.
    """
    tree = canonical(new)
    if old is not None:
        return list(_changes(canonical(old), tree, ()))
    containers = tree.get("containerDefinitions", {})
    summaries = [_container(each, ("containerDefinitions", name)) for name, each in containers.items()]
    return [f"+ family {tree.get('family', '')}: new", *summaries]


def _changes(old: Any, new: Any, path: Path) -> Iterator[str]:
    """The lines for this path and everything below it; ``None`` means missing."""
    if old == new:
        return
    if old is None and path[:-1] == ("containerDefinitions",):
        yield _container(new, path)
    elif new is None and not _is_collection(path):
        yield _line("-", path, old)
    elif isinstance(old or new, Mapping) and isinstance(new or old, Mapping):
        before, after = old or {}, new or {}
        for name in {**before, **after}:
            yield from _changes(before.get(name), after.get(name), (*path, name))
    elif old is None:
        yield _line("+", path, new)
    else:
        yield _line("~", path, old, new)


def _is_collection(path: Path) -> bool:
    """Whether users choose the names below, so each gets a line: environment variables, volumes, labels."""
    return path[-1] in MAPS or path[-1] in NAMED


def _container(container: Any, path: Path) -> str:
    shown = {name: container[name] for name in _SHOWN if name in container}
    return f"+ {_place(path)}: {', '.join(f'{name} {_text(value)}' for name, value in shown.items())}"


def _line(sign: str, path: Path, *values: Any) -> str:
    place = f"{sign} {_place(path)}"
    if any(_is_private(value, path) for value in values):
        return f"{place}: changed" if sign == "~" else place
    texts = [_text(value) for value in values]
    if len(texts) == 2 and texts[0] == texts[1]:  # they differ in the part that is cut off
        return f"{place}: changed"
    return f"{place}: {' -> '.join(texts)}"


def _is_private(value: Any, path: Path) -> bool:
    """Whether to hide a value: a mapping, several values of one name, an environment value, a likely credential."""
    within = path[-2] if len(path) > 1 else ""
    several = isinstance(value, list)
    if isinstance(value, Mapping) or path[2:3] == ("environment",) or (several and within in NAMED):
        return True
    if within in MAPS and _NAMES.search(path[-1]):
        return True
    return (several or within in MAPS) and _WORDS.search(_json(value)) is not None


def _text(value: Any) -> str:
    """A value on one line, with digests and long text shortened."""
    text = value if isinstance(value, str) and value.strip() and value.isprintable() else _json(value)
    text = _DIGEST.sub(r"\1…", text)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _json(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if text.isprintable() else json.dumps(value)


def _place(path: Path) -> str:
    return ".".join(name if name.isprintable() else _json(name) for name in path)
