"""Reads JSON whose form its sender chooses."""

from __future__ import annotations

from typing import Any


def within(content: Any, *names: str) -> Any:
    """What has these names, one within the other; ``None`` if there is no such thing."""
    for name in names:
        content = content.get(name) if isinstance(content, dict) else None
    return content
