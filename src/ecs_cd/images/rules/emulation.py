"""Whether a build for another platform needs an emulator, judging by its Dockerfile."""

from __future__ import annotations

import re
from typing import NamedTuple

_FROM = re.compile(r"^[ \t]*FROM[ \t]+", re.IGNORECASE | re.MULTILINE)
_RUN = re.compile(r"^[ \t]*RUN[ \t]", re.IGNORECASE | re.MULTILINE)
_ASKED_FOR = ("", "$TARGETPLATFORM", "${TARGETPLATFORM}")


class _Stage(NamedTuple):
    name: str
    base: str
    platform: str
    runs: bool


def needed(text: str, target: str = "") -> bool:
    """Whether the built stage certainly runs programs of the target platform.

    A stage that is pinned to another platform, as with ``--platform=$BUILDPLATFORM``, may not need an emulator. This
    ignores stages that the built stage only copies from.
    """
    stages = [_stage(part) for part in _FROM.split(text)[1:]]
    named = [stage for stage in stages if stage.name == target.lower()] if target else stages
    chain = named[-1:]
    while chain and (below := [stage for stage in stages[: stages.index(chain[-1])] if stage.name == chain[-1].base]):
        chain.append(below[-1])
    return all(stage.platform in _ASKED_FOR for stage in chain) and any(stage.runs for stage in chain)


def _stage(text: str) -> _Stage:
    """A stage, from the text after the word FROM."""
    words, _, body = text.partition("\n")
    options = [word for word in words.split() if word.startswith("--")]
    names = [word.lower() for word in words.split() if not word.startswith("--")]
    platform = next((word.partition("=")[2] for word in options if word.startswith("--platform=")), "")
    return _Stage(
        name=names[2] if names[1:2] == ["as"] and len(names) > 2 else "",
        base=names[0] if names else "",
        platform=platform,
        runs=bool(_RUN.search(body)),
    )
