"""Whether a build for another platform needs an emulator, as far as its Dockerfile tells."""

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
    """Whether the stage that is built runs programs of the platform that is built for, as far as that is certain.

    One that is pinned to another platform, as by ``--platform=$BUILDPLATFORM``, may do without; and of the stages
    that it only copies from nothing is said.
    """
    stages = [_stage(part) for part in _FROM.split(text)[1:]]
    named = [stage for stage in stages if stage.name == target.lower()] if target else stages
    chain = named[-1:]
    while chain and (below := [one for one in stages[: stages.index(chain[-1])] if one.name == chain[-1].base]):
        chain.append(below[-1])
    return all(stage.platform in _ASKED_FOR for stage in chain) and any(stage.runs for stage in chain)


def _stage(text: str) -> _Stage:
    """A stage, from what follows the word FROM."""
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
