"""What a job knows while its steps are read: variables, outputs, files, and the facts so far."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ecs_cd.init.rules.facts import Build, Fact, Left, Template
from ecs_cd.init.rules.values import Value, sources, unknown

_TEMPLATE = "template:"
WORKSPACE = unknown("github.workspace")


@dataclass(frozen=True)
class Snapshot:
    """The repository: its name, the paths of its files, and the texts of those that matter here."""

    name: str
    paths: frozenset[str] = frozenset()
    texts: Mapping[str, str] = field(default_factory=dict)
    branch: str = "main"

    def find(self, path: str) -> str:
        """The path of a file, as the repository spells it; empty if there is no such file."""
        clean = posixpath.normpath(path.replace("\\", "/")).lstrip("/") if path else ""
        return clean if clean in self.paths else ""


@dataclass
class Scope:
    """The state of one job."""

    snapshot: Snapshot
    file: str
    github: Mapping[str, str]
    env: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)
    contexts: dict[str, Any] = field(default_factory=dict)  # matrix, inputs, needs
    files: dict[str, Template] = field(default_factory=dict)
    templates: list[Template] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)
    region: Value = field(default_factory=Value)
    folder: str = "."
    environment: tuple[str, ...] = ()  # variables for the containers, from the render steps
    tagged: dict[str, list[str]] = field(default_factory=dict)  # docker tag: from the old name to the new ones

    def mark(self, template: Template) -> str:
        """A text that stands for a template."""
        self.templates.append(template)
        return unknown(f"{_TEMPLATE}{len(self.templates) - 1}")

    def marked(self, text: str) -> Template | None:
        """The last template that a text stands for."""
        found = [name for name in sources(text) if name.startswith(_TEMPLATE)]
        return self.templates[int(found[-1].removeprefix(_TEMPLATE))] if found else None

    def lookup(self, path: str) -> Any:
        """The value of a path in an expression; ``None`` if it is unknown."""
        root, _, rest = path.partition(".")
        name = root.lower()
        if name == "env":
            return self.env.get(rest)
        if name == "github":
            return self._github(rest)
        if name == "steps":
            step, _, output = rest.partition(".outputs.")
            return self.outputs.get(step, {}).get(output)
        if name in self.contexts:
            return _walked(self.contexts[name], rest.split("."))
        return None

    def _github(self, rest: str) -> str | None:
        if rest.startswith("event.inputs."):
            found = _walked(self.contexts.get("inputs", {}), [rest.removeprefix("event.inputs.")])
            return found if isinstance(found, str) else None
        return self.snapshot.name if rest == "event.repository.name" else self.github.get(rest)

    def in_folder(self, path: str) -> str:
        """A path of a script, from the top of the repository."""
        if path.startswith(WORKSPACE):
            return posixpath.normpath(path.removeprefix(WORKSPACE).lstrip("/") or ".")
        return posixpath.normpath(posixpath.join(self.folder, path)) if path else path

    def template(self, text: str, place: str, *, families: bool = False) -> Template:
        """The template that a text names: an earlier step's, an ARN, a file, or with ``families`` a family."""
        earlier = self.marked(text)
        if earlier is not None and (text.startswith(unknown("")[0]) or not families):
            return earlier
        path = text.removeprefix("file://").removeprefix("fileb://")
        here = self.in_folder(path) if path else ""
        if here in self.files:
            return self.files[here]
        if text.startswith("arn:"):
            return Template("arn", Value(text, place))
        if families:
            return Template("family", Value(text.partition(":")[0], place))
        return Template("file", Value(here, place)) if here else Template("unknown", Value("", place))

    def builds(self) -> Iterator[Build]:
        """The builds so far."""
        return (fact for fact in self.facts if isinstance(fact, Build))

    def stay(self, place: str, what: str, why: str) -> None:
        """Notes something that the new workflow does not do."""
        self.left.append(Left(place, what, why))


def _walked(value: Any, path: list[str]) -> Any:
    for name in path:
        if isinstance(value, dict):
            value = value.get(name, next((value[key] for key in value if str(key).lower() == name.lower()), None))
        elif isinstance(value, list) and name.isdecimal() and int(name) < len(value):
            value = value[int(name)]
        else:
            return None
    return value
