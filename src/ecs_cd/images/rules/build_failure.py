"""Why a build failed, from the last lines of buildx's plain progress output."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from ecs_cd.diagnosis import telling
from ecs_cd.diagnosis.evidence import Finding
from ecs_cd.model import pace

_ERROR = re.compile(r"(?:#(?P<step>[0-9]+) )?(?:ERROR|error): ")
# Messages of Go's net package, of containerd's pusher, and of HTTP.
_TRANSIENT = re.compile(
    r"connection (?:reset|refused|timed out)|broken pipe|closed (?:network connection|pipe)|\bEOF\b|i/o timeout|"
    r"handshake timeout|Client\.Timeout|deadline exceeded|cannot reuse body|GOAWAY|network is unreachable|"
    r"temporary failure in name resolution|server misbehaving|too ?many ?requests|rate exceeded|\b5[0-9]{2} [A-Z]",
    re.IGNORECASE,
)


_OUTPUT = re.compile(r"#\d+ \d+\.\d+ ")
_SHOWN = 20  # lines of a failed step
_FIX = "Fix this in the Dockerfile or in the app, then push again."
_THROTTLED = re.compile(r"429 Too Many|too ?many ?requests|rate exceeded|data limit exceeded", re.IGNORECASE)


class Transient(NamedTuple):
    """Why the same build may succeed in a moment, and the pauses before the next attempts."""

    words: str
    pauses: tuple[int, ...]


class _Known(NamedTuple):
    """A regular expression for the output, and its cause and next step. ``of`` limits it to failed pushes or pulls."""

    words: str
    cause: str
    next_step: str
    of: str = ""


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
        "Create a builder before this step with docker/setup-buildx-action, in CodeBuild with `docker buildx create "
        "--use`; or enable the engine's containerd store.",
    ),
    _Known(
        r"immutable",
        "the tag belongs to another image, and the repository is immutable",
        "Run the job again: it finds the images that exist for this commit. Or choose other `tags`.",
        of="push",
    ),
    _Known(
        r"does not exist in the registry|\b404 Not Found|name unknown",
        "the build pushes to a repository that does not exist",
        "The infra repo creates it; check its name, and the names in cache-to.",
        of="push",
    ),
    _Known(
        r"denied|not authorized|no basic auth|\b40[13] (?:Forbidden|Unauthorized)",
        "the registry refuses the push",
        "Allow the job's role to push to the repository; docs/reference/permissions.md lists what build-push needs.",
        of="push",
    ),
    _Known(
        _THROTTLED.pattern,
        "the registry throttles pushes",
        "Push fewer images at the same time, or ask AWS for a higher quota of ECR.",
        of="push",
    ),
    _Known(
        rf"\bpublic\.ecr\.aws\b.*(?:{_THROTTLED.pattern})",
        "public.ecr.aws throttles pulls, more so without a login",
        "Allow the job's role ecr-public:GetAuthorizationToken and sts:GetServiceBearerToken, and ecs-cd logs in; or "
        "use a pull-through cache.",
        of="pull",
    ),
    _Known(
        rf"\bdocker\.(?:io|com)\b.*(?:{_THROTTLED.pattern})|pull rate limit",
        "Docker Hub limits how many images are pulled",
        "Log in to Docker Hub before this step with docker/login-action, or take base images from ECR.",
        of="pull",
    ),
    _Known(
        _THROTTLED.pattern,
        "the registry of a base image throttles pulls",
        "Log in to it before this step with docker/login-action, or take base images from ECR.",
        of="pull",
    ),
    _Known(
        r"authorization token has expired",
        "the login to a base image's registry has expired",
        "Log in to it again before this step, or log out of it if its images are public.",
        of="pull",
    ),
)


def transient(lines: Sequence[str]) -> Transient | None:
    """Why another attempt is worth it: a push was interrupted, or a registry throttled a pull."""
    if interrupted(lines):
        return Transient("the network or the registry interrupted the push", pace.PUSH_PAUSES)
    if throttled(lines):
        return Transient("a registry throttled the pull of a base image", pace.PULL_PAUSES)
    return None


def interrupted(lines: Sequence[str]) -> str:
    """The error if the network or the registry cut a push off: the same push may succeed in a moment.

    Empty for any other failure, such as one of a RUN or a pull.
    """
    last = next(reversed(_errors(lines)), "")
    return last if _pushing(lines) and _TRANSIENT.search(last) else ""


def throttled(lines: Sequence[str]) -> str:
    """The error if a registry throttled a pull; empty for a limit that lasts for hours, and for what a RUN fetches."""
    last = next(reversed(_pulls(lines)), "")
    return last if _THROTTLED.search(last) and "pull rate limit" not in last else ""


def finding(lines: Sequence[str]) -> Finding | None:
    """The likely cause, if known."""
    among = {"": lines, "push": _errors(lines) if _pushing(lines) else (), "pull": _pulls(lines)}
    for known in _KNOWN:
        found = (line for line in reversed(among[known.of]) if re.search(known.words, line, re.IGNORECASE))
        if line := next(found, ""):
            return Finding(known.cause, (line,), known.next_step, detail=_words(line))
    return None


def unknown(lines: Sequence[str]) -> Finding | None:
    """The failed step with the telling line of its output, if no cause is known; ``None`` if the output has no error.
    The job log has the output."""
    errors = _errors(lines)
    if not errors:
        return None
    match = _ERROR.match(errors[0])
    step = match["step"] if match else None
    output = tuple(_OUTPUT.sub("", line) for line in lines if step and re.match(rf"#{step} \d+\.\d+ ", line))[-_SHOWN:]
    failed = re.search(r'process "(?:/bin/sh -c )?(.*)" did not complete successfully: (.*)', errors[0])
    if not failed:
        return Finding("the build failed", (errors[-1],), _FIX, detail=_words(errors[-1]), in_log=frozenset(lines))
    cause = f"the build failed at RUN {failed[1]} ({failed[2]})"
    return Finding(cause, output, _FIX, detail=telling.telling(output), in_log=frozenset(output))


def cached(lines: Sequence[str]) -> int:
    """How many steps the build has, if all of them came from the cache; 0 otherwise, and if the lines are only the last
    ones. A FROM is no step."""
    if not lines or not re.match("#[01] ", lines[0]):
        return 0
    steps = {match[1] for line in lines if (match := re.match(r"#(\d+) \[(?:\S+ )*\d+/\d+\] (?!FROM )", line))}
    done = {match[1] for line in lines if (match := re.match(r"#(\d+) CACHED", line))}
    return len(steps) if steps <= done else 0


def _words(line: str) -> str:
    """The error without its mark, in the length of a line."""
    text = _ERROR.sub("", _OUTPUT.sub("", line), count=1)
    return text if len(text) <= telling.LONGEST else f"{text[: telling.LONGEST - 1]}…"


def _pulls(lines: Sequence[str]) -> list[str]:
    """The errors of a build that failed neither in a push nor in a RUN."""
    errors = _errors(lines)
    return [] if _pushing(lines) or any('process "' in line for line in errors) else errors


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
