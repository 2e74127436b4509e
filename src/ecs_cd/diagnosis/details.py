"""What makes a cause this one, from AWS's words: the secret, the image, the program, the role, the reason."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

LONGEST = 300  # characters
# Patterns as text: they are compiled only after a failure.
_DIGEST = r"(sha256:[0-9a-f]{12})[0-9a-f]{52}"
_IMAGE = (
    r"(?:resolve ref(?:erence)?|manifest for|access denied for|pull image|repository|No such image:|cannot pull)"
    r" [\"']?([\w.-]+(?::\d+)?/[\w./-]+(?:[:@][\w.:-]*\w)?|[\w./-]+:[\w.-]*\w)"
)
_PLATFORM = r"((?:linux|windows)/\w+(?:/\w+)?)"
_KEY = r"json key '?([^\s']+)'?"
_SECRET = (
    r":secretsmanager:[\w-]*:\d*:secret:([^\s:\"',]+)",
    r":ssm:[\w-]*:\d*:parameter(/[\w./-]*\w)",
    r"invalid (?:ssm )?parameters?: ([\w./-]*\w(?:, ?[\w./-]*\w)*)",
    r"retrieve secret (?!from\b)([\w./:+=@-]*\w)",
)
_ROLE = r"role[ /]'?(?:arn:[\w-]+:iam::\d*:role/)?([\w+=,.@/-]*\w)"
_PROGRAM = r"exec: \"([^\"]+)\""
_CODES = r"codes: \[([\d, ]+)\]"
_LACKS = r"(?i)insufficient (CPU|memory)|RESOURCE:(CPU|MEMORY|GPU)|not enough (\w+)"
_HOOK = r"function:([\w-]+)"
# What AWS puts before its reason.
_BEFORE_IT = (
    r"(?s)^(?:\(?service \(?[^\s)]+\)? )?(?:\(deployment [^)]*\) )?(?:.*?(?:Reason: |with \(error |\(reason "
    r"|due to: |deployment failed: ))?"
    r"(?:\w+(?:Error|Exception): )?"
)


def named(cause: str, words: str, container: Mapping[str, Any], group: str) -> str:
    """The detail of a cause; ``container`` is the failed one as DescribeTasks returns it, ``group`` its log group. Both
    may be empty."""
    if cause.startswith("the image can't be pulled"):
        image = _shown_image(str(container.get("image", ""))) or _found((_IMAGE,), words)
        platform = _found((_PLATFORM,), words) if "platform" in cause else ""
        return " for ".join(filter(None, [image, platform]))
    if cause.startswith("the secret can't be read"):
        name = _found(_SECRET, words)
        return ", ".join(filter(None, [name, f"JSON key {_found((_KEY,), words)}" if "JSON key" in cause else ""]))
    if cause.startswith("the log group can't be used"):
        return group
    if cause.startswith("the role can't be assumed"):
        return _found((_ROLE,), words)
    if cause.startswith("the container can't be started: its command"):
        return _found((_PROGRAM,), words)
    if cause.startswith("no instance has enough free"):
        match = re.search(_LACKS, words)
        lacks = next((each.lower() for each in match.groups() if each), "") if match else ""
        return f"not enough {lacks.upper() if lacks in ('cpu', 'gpu') else lacks}" if lacks else ""
    if cause.startswith("a lifecycle hook failed"):
        return _found((_HOOK,), words)
    return ""


def health(words: str, group: Mapping[str, Any]) -> str:
    """What a target group's health check got: ``GET /health answered 502``. ``group`` is DescribeTargetGroups'; it may
    be empty."""
    path, protocol = str(group.get("HealthCheckPath", "")), str(group.get("HealthCheckProtocol", ""))
    port = str(group.get("HealthCheckPort", ""))
    where = f"GET {path}" if path else f"{protocol} check" if protocol else ""
    where += f" on port {port}" if where and port.isdigit() else ""
    codes = re.search(_CODES, words)
    if codes:
        expected = str(group.get("Matcher", {}).get("HttpCode") or group.get("Matcher", {}).get("GrpcCode") or "")
        wanted = f", not {expected}" if expected else ""
        return f"{where or 'the check'} answered {codes[1]}{wanted}"
    if "timed out" in words or "Timeout" in words:
        seconds = group.get("HealthCheckTimeoutSeconds")
        return f"{where or 'the check'} had no answer{f' within {seconds} s' if seconds else ''}"
    return where if "health check" in words.lower() else ""


def reason(words: str) -> str:
    """AWS's own words without what it puts before its reason, in a line."""
    text = " ".join(re.sub(_BEFORE_IT, "", words, count=1).split()).rstrip(").")
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def memory(task: Mapping[str, Any], container: Mapping[str, Any]) -> str:
    """The limit that a container has reached, as far as DescribeTasks shows it."""
    limit = container.get("memory") or task.get("memory")
    return f"its limit is {limit} MiB" if limit else ""


def log_command(group: str, stream: str) -> str:
    """The command that shows a container's whole log; empty if the place is unknown."""
    plain = all(re.fullmatch(r"[\w./#@:-]+", each) for each in (group, stream))
    return f"`aws logs tail {group} --log-stream-names {stream}`" if plain else ""


def _found(patterns: Sequence[str], words: str) -> str:
    matches = (re.search(pattern, words) for pattern in patterns)
    return _shown_image(next((match[1] for match in matches if match), ""))


def _shown_image(image: str) -> str:
    return re.sub(_DIGEST, r"\1…", image)
