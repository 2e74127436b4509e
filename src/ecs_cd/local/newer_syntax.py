"""What GitHub accepts in a workflow and act 0.2.89 does not yet; a run on this machine does without it.

- `queue` of `concurrency`: one run at a time has no queue.
  https://docs.github.com/actions/how-tos/write-workflows/choose-when-workflows-run/control-workflow-concurrency
- `uses: $/...`, the workflow's own repository at the commit that runs: https://github.com/nektos/act/issues/6189.
  It becomes a repository that act takes from the folder in which it runs, a copy of that commit.
"""

from __future__ import annotations

import json
import posixpath
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import yaml

_WORKFLOWS = Path(".github", "workflows")
SELF = "local/repository@self"  # as act knows the folder in which it runs
_NOT_USED = shutil.ignore_patterns("__pycache__", ".git", ".venv", ".cache")  # by any step, of a checkout
_Edit = tuple[int, int, str]  # from, to, by what


def without(text: str) -> str:
    """The text of a workflow, or of an action, as act accepts it. A text that is not YAML stays as it is."""
    try:
        edits = sorted(_edits(yaml.compose(text, Loader=yaml.BaseLoader), text))
    except yaml.YAMLError:
        return text
    for start, end, new in reversed(edits):
        text = text[:start] + new + text[end:]
    return text


def workflow(repository: Path, name: str, scratch: Path) -> str:
    """The path of this workflow for act, relative to the repository: the file itself, or a copy in ``scratch``."""
    file = _WORKFLOWS / name
    try:
        text = (repository / file).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return str(file)  # act reports it
    if without(text) == text:
        return str(file)
    (scratch / "workflows").mkdir()
    copy = scratch / "workflows" / name
    copy.write_text(without(text), encoding="utf-8")
    return str(copy)


def tree(folder: Path, scratch: Path) -> Path:
    """A repository whose workflows are called: ``folder`` itself, or a copy in ``scratch``."""
    found = {path: path.read_text(encoding="utf-8") for path in sorted((folder / _WORKFLOWS).glob("*.yml"))}
    newer = {path: without(text) for path, text in found.items() if without(text) != text}
    if not newer:
        return folder
    copy = scratch / f"tree-{len(list(scratch.glob('tree-*')))}"
    shutil.copytree(folder, copy, symlinks=True, ignore=_NOT_USED)
    for path, text in newer.items():
        (copy / path.relative_to(folder)).write_text(text, encoding="utf-8")
    return copy


def _edits(node: yaml.Node | None, text: str) -> Iterator[_Edit]:
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _edits(item, text)
    if not isinstance(node, yaml.MappingNode):
        return
    for key, value in node.value:
        if key.value == "concurrency" and isinstance(value, yaml.MappingNode):
            yield from (_removed(name, given, text) for name, given in value.value if name.value == "queue")
        elif key.value == "uses" and isinstance(value, yaml.ScalarNode) and value.value.startswith("$/"):
            yield value.start_mark.index, value.end_mark.index, json.dumps(_own(value.value.removeprefix("$/")))
        else:
            yield from _edits(value, text)


def _own(path: str) -> str:
    name, _, ref = SELF.partition("@")
    return f"{posixpath.normpath(f'{name}/{path}')}@{ref}"


def _removed(key: yaml.Node, value: yaml.Node, text: str) -> _Edit:
    """A key and its value; with the comma behind or before them, or the whole line with its comment."""
    start, end = key.start_mark.index, value.end_mark.index
    if behind := re.compile(r"\s*,\s*").match(text, end):
        return start, behind.end(), ""
    if before := re.search(r",\s*$", text[:start]):
        return before.start(), end, ""
    line = text.rfind("\n", 0, start) + 1
    if text[line:start].strip():  # the only key of a mapping in braces
        return start, end, ""
    rest = re.compile(r"[^\n]*\n?").match(text, end)
    return line, rest.end() if rest else end, ""
