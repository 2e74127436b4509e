"""The page of `verify`: its table has every check, by the names that findings have."""

from __future__ import annotations

import ast
import re

from tests.contract.parts import DOCS, ROOT

PAGE = DOCS / "guides" / "verify.md"
CHECK = re.compile(r"[a-z]+(?:-[a-z]+)*")


def constants(tree: ast.Module) -> dict[str, str]:
    """The module's public constants that are texts, also those of one assignment of several."""
    found: dict[str, str] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign):
            target, value = node.targets[0], node.value
            names = target.elts if isinstance(target, ast.Tuple) else [target]
            values = value.elts if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) else [value]
            for name, each in zip(names, values, strict=False):
                if isinstance(name, ast.Name) and isinstance(each, ast.Constant) and isinstance(each.value, str):
                    found[name.id] = each.value
    return found


def test_the_page_has_every_check() -> None:
    """A check is a public constant of a module of verify/, in kebab-case."""
    section = PAGE.read_text(encoding="utf-8").partition("## What it checks\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`.+?) \|", section, re.M)
    listed = [name for row in rows for name in re.findall(r"`([\w-]+)`", row)]
    found = {
        text
        for path in (ROOT / "src" / "ecs_cd" / "verify").rglob("*.py")
        if path.name != "needs.py"  # its constants are services of AWS
        for name, text in constants(ast.parse(path.read_text(encoding="utf-8"))).items()
        if not name.startswith("_") and CHECK.fullmatch(text)
    }
    assert len(listed) == len(set(listed))
    assert set(listed) == found
