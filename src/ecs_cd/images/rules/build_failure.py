"""Why a build failed, from the last lines of buildx's plain progress output."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from ecs_cd.diagnosis.evidence import Finding

_ERROR = re.compile(r"(?:#(?P<step>[0-9]+) )?(?:ERROR|error): ")
# Messages of Go's net package, of containerd's pusher, and of HTTP.
_TRANSIENT = re.compile(
    r"connection (?:reset|refused|timed out)|broken pipe|closed (?:network connection|pipe)|\bEOF\b|i/o timeout|"
    r"handshake timeout|Client\.Timeout|deadline exceeded|cannot reuse body|GOAWAY|network is unreachable|"
    r"temporary failure in name resolution|server misbehaving|too ?many ?requests|rate exceeded|\b5[0-9]{2} [A-Z]",
    re.IGNORECASE,
)


class _Known(NamedTuple):
    """A regular expression for the output, and its cause and next step. ``push`` limits it to failed pushes."""

    words: str
    cause: str
    next_step: str
    push: bool = False


# The first match wins.
_KNOWN = (
    _Known(
        r"exec format error",
        "the build runs a program for another platform, and the builder has no emulator for it",
        "Set up an emulator before this step with docker/setup-qemu-action.",
    ),
    _Known(
        r"no space left on device",
        "the builder's disk is full",
        "Free disk space before this step, or use a runner with a larger disk.",
    ),
    _Known(
        r"is (?:currently )?not supported for (?:the )?docker driver",
        "the engine's default builder doesn't support this build",
        "Create a builder before this step with docker/setup-buildx-action, or enable the engine's containerd store.",
    ),
    _Known(
        r"immutable",
        "the tag belongs to another image, and the repository is immutable",
        "Run the job again: it finds the images that exist for this commit. Or choose other `tags`.",
        push=True,
    ),
    _Known(
        r"does not exist in the registry|\b404 Not Found|name unknown",
        "the build pushes to a repository that does not exist",
        "The infra repo creates it; check its name, and the names in cache-to.",
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
    """The error if the network or the registry cut a push off: the same push may succeed in a moment.

    Empty for any other failure, such as one of a RUN or a pull.
    """
    last = next(reversed(_errors(lines)), "")
    return last if _pushing(lines) and _TRANSIENT.search(last) else ""


def finding(lines: Sequence[str]) -> Finding | None:
    """The likely cause, if known."""
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
    """Whether a push failed: the error says so, or the failed step was pushing."""
    errors = _errors(lines)
    if not errors:
        return False
    steps = [match["step"] for line in errors if (match := _ERROR.match(line)) and match["step"]]
    failed = f"#{steps[-1]} pushing " if steps else "# "
    return "failed to push" in errors[-1] or any(line.startswith(failed) for line in lines)
