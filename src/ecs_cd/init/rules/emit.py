"""Writes YAML: trees that were read from YAML, and own texts."""

from __future__ import annotations

import json
import re
from typing import Any

from ecs_cd.init.rules.tree import Text

_PLAIN = re.compile(r"[A-Za-z0-9_./$(!][ -~]*(?<![: ])")
_SPECIAL = re.compile(r"(?i:true|false|yes|no|on|off|null|y|n|[-+.]?[0-9][0-9_.,:a-fox+-]*|\.inf|\.nan)")


def scalar(text: str) -> str:
    """A text as a YAML scalar on one line: quoted if another type or structure could be read from it."""
    bare = _PLAIN.fullmatch(text) is not None and _SPECIAL.fullmatch(text) is None
    if bare and not text.startswith("!") and ": " not in text and " #" not in text:
        return text
    return json.dumps(text, ensure_ascii=False)


def lines(key: str, value: Any, indent: int) -> list[str]:
    """A key with its value as block YAML. The scalars of a tree look as they did, if they can."""
    blanks = " " * indent
    name = key if key == "on" else scalar(key)
    if isinstance(value, dict) and value:
        return [f"{blanks}{name}:", *(line for k, v in value.items() for line in lines(str(k), v, indent + 2))]
    if isinstance(value, list) and value:
        return [f"{blanks}{name}:", *(line for item in value for line in _item(item, indent + 2))]
    if isinstance(value, str) and "\n" in value:
        return [f"{blanks}{name}: {_block(value)}", *_block_lines(value, indent + 2)]
    return [f"{blanks}{name}: {_inline(value)}".rstrip()]


def _item(item: Any, indent: int) -> list[str]:
    blanks = " " * indent
    if isinstance(item, dict) and item:
        inner = [line for k, v in item.items() for line in lines(str(k), v, indent + 2)]
        return [f"{blanks}- {inner[0].lstrip()}", *inner[1:]]
    if isinstance(item, str) and "\n" in item:
        return [f"{blanks}- {_block(item)}", *_block_lines(item, indent + 2)]
    return [f"{blanks}- {_inline(item)}"]


def _block(text: str) -> str:
    mark = "|" if text.endswith("\n") else "|-"
    return f"{mark[0]}2{mark[1:]}" if text[:1] in " \n" else mark


def _block_lines(text: str, indent: int) -> list[str]:
    return [f"{' ' * indent}{line}" if line.strip() else "" for line in text.rstrip("\n").split("\n")]


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        return "{}"
    if isinstance(value, list):
        return f"[{', '.join(_inline(item) for item in value)}]"
    if isinstance(value, Text) and value.plain and (_SPECIAL.fullmatch(value) or value in ("", "~")):
        return str(value)  # a number, true, or nothing, as it was
    return scalar(str(value))
