"""Why a build failed, from the last lines that buildx printed in its plain progress."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from ecs_cd.diagnosis.evidence import Finding

_ERROR = re.compile(r"(?:#(?P<step>[0-9]+) )?(?:ERROR|error): ")
# Words of Go's net package, of containerd's pusher, and of HTTP.
_PASSING = re.compile(
    r"connection (?:reset|refused|timed out)|broken pipe|closed (?:network connection|pipe)|\bEOF\b|i/o timeout|"
    r"handshake timeout|Client\.Timeout|deadline exceeded|cannot reuse body|GOAWAY|network is unreachable|"
    r"temporary failure in name resolution|server misbehaving|too ?many ?requests|rate exceeded|\b5[0-9]{2} [A-Z]",
    re.IGNORECASE,
)


class _Known(NamedTuple):
    """Words in the output, a regular expression, and what we make of them. ``push``: only where it was pushing."""

    words: str
    cause: str
    next_step: str
    push: bool = False


# The first match counts.
_KNOWN = (
    _Known(
        r"exec format error",
        "a program of another platform was to run, and the builder has no emulator for it",
        "Set one up before this step: docker/setup-qemu-action.",
    ),
    _Known(
        r"no space left on device",
        "the builder's disk is full",
        "Make room before this step, or use a runner with a larger disk.",
    ),
    _Known(
        r"is (?:currently )?not supported for (?:the )?docker driver",
        "the engine's own builder can't do what was asked for",
        "Make another builder before this step, docker/setup-buildx-action, or turn the engine's containerd store on.",
    ),
    _Known(
        r"immutable",
        "the tag is another image's, and the repository is immutable",
        "Run it again: what is there for this commit is found then. Or choose other `tags`.",
        push=True,
    ),
    _Known(
        r"does not exist in the registry|\b404 Not Found|name unknown",
        "a repository that was pushed to is not there",
        "The infra repo creates it; check its name, and those in cache-to.",
        push=True,
    ),
    _Known(
        r"denied|not authorized|no basic auth|\b40[13] (?:Forbidden|Unauthorized)",
        "the registry refuses the push",
        "Allow the job's role to push to the repository; docs/reference/permissions.md lists what build-push needs.",
        push=True,
    ),
)


def interrupted(lines: Sequence[str]) -> str:
    """The error that says that the network or the registry cut a push off: the same push may succeed in a moment.
    Empty where it is anything else, as what a RUN said, or a pull."""
    last = next(reversed(_errors(lines)), "")
    return last if _pushing(lines) and _PASSING.search(last) else ""


def finding(lines: Sequence[str]) -> Finding | None:
    """The likely cause, where one is known."""
    pushing = _pushing(lines)
    for known in _KNOWN:
        among = _errors(lines) if known.push else lines
        found = next((line for line in reversed(among) if re.search(known.words, line, re.IGNORECASE)), "")
        if found and (pushing or not known.push):
            return Finding(known.cause, (found,), known.next_step)
    return None


def _errors(lines: Sequence[str]) -> list[str]:
    return [line for line in lines if _ERROR.match(line)]


def _pushing(lines: Sequence[str]) -> bool:
    """Whether what failed was a push: it says so, or the step that failed was at it."""
    errors = _errors(lines)
    if not errors:
        return False
    steps = [match["step"] for line in errors if (match := _ERROR.match(line)) and match["step"]]
    failed = f"#{steps[-1]} pushing " if steps else "# "
    return "failed to push" in errors[-1] or any(line.startswith(failed) for line in lines)
