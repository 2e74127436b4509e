"""The telling line of a log: the line that says what went wrong, such as the exception of a stack trace."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

LONGEST = 300  # characters of a telling line
_LOOKED_AT = 1000  # characters of a line

# Neither what went wrong nor the app's words: CodeBuild's agent, ecs-cd, frames, and what tools add to another error.
# Patterns as text: they are compiled only after a failure.
_NOISE = (
    r"\[Container\] |task |ecs-cd-verdict:|Traceback |Stack ?trace|Require stack:|Caused by:$|Tasks: TOP"
    r"|\(See full trace"
    r"|(?:bin/)?ra(?:ils|ke) aborted!|Node\.js v|note: run with|\(Background on|\[SQL: |\[parameters: |LINE \d+:|\^+$"
    r"|(?:DETAIL|HINT|CONTEXT|QUERY|STATEMENT|Position|Location|Statement|Line|Error Code|SQL State) *: "
    r"|goroutine \d|exit status \d|\[?signal |#\d+ |at [\w$./<(:\[]|from /|\.\.\. \d+ (?:more|common)|File \""
    r"|--- End of"
    r"|thrown in |npm (?:ERR!|error) *(?:code |errno |path |command |signal |location |workspace |cwd "
    r"|Lifecycle |Failed at "
    r"|Exit status |A complete log|/|This is probably|To see |  |$)|error Command failed with exit code"
    r"|ELIFECYCLE|make.*: \*\*\* "
    r"|(?:code|errno|syscall|severity|file|line|routine|length|position|detail|hint|internal\w+): |[}\])]+;?$"
    r"|.*(?:exited with code \d|Worker failed to boot|Application startup failed|Shutting down:"
    r"|\.rb:\d+:in [`'][^']*'$)"
    r"|/\S+:\d+(?::in .*[`'][^']*')?$|=> |-+$|\*+$"
)
_CLASS = r"(?:[\w$]+(?:\.|::|\\))*[A-Z][\w$]*"
_NAMED = (
    r"(?:Error|Exception|Failure|Failed|Fault|Interrupt|Exit|Timeout|Refused|Denied|Invalid|NotFound|Missing|Mismatch)"
)
# The line of an exception, a panic, or a tool that ends with an error.
_EXCEPTION = (
    rf"(?:Caused by: |---> |\[?Uncaught |Unhandled exception[.:] )*{_CLASS}{_NAMED}\b(?: \[[\w-]+\])?(?::(?: |$)| \()"
    rf"|(?:[\w$]+(?:\.|::|\\))+[A-Z][\w$]*{_NAMED}$"  # without a message, such as Java's; a bare word may be a code
    r"|[\w$]+(?:\.[\w$]+)+\.[A-Z][\w$]*(?:: |$)"  # Python's errors of any name, by their module
    r"|(?:[A-Z]\w*::)+[A-Z]\w*: "  # Ruby's
    rf"|.*\((?:\w+::)*\w*{_NAMED}\)$"  # Ruby's, at the end of the first line
    r"|Caused by: \S|Unhandled exception|Exception in thread |Uncaught |PHP Fatal error|Fatal error:|panic: "
    r"|fatal error: "
    r"|FATAL ERROR: |thread '.*' panicked at|\*\* \(|SQLSTATE\[|Message +: \S|Reason: \S"
    r"|(?:error|Error|ERROR|FATAL|fatal)(?: \d+ \(\w+\)(?: at line \d+)?)?: ?\S"
    r"|(?:psql|mysql|goose run|alembic|migrate|flyway|sqlite3|\S+\.sql|\S+\.sql:\d+): ?(?:.*: ?)?(?:error"
    r"|ERROR|FATAL)\b"
    r"|(?:\S*sh|env|exec|\S*entrypoint\S*|exec /\S+)(?:: line \d+|: \d+)?: .*(?:not found|[Nn]o such file"
    r"|denied|format error)"
)
_LEVEL = (
    r"\b(?:ERROR|FATAL|CRITICAL|SEVERE|PANIC|EMERG|ALERT)\b|\blevel[=:] ?\"?(?:error|fatal|critical|panic)"
    r"|\[(?:error|fatal|crit|emerg|alert)\]"
)
_WORDS = (
    r"(?i)error|exception|fatal|panic|fail|denied|refused|cannot|can't|unable|invalid|missing|not found|no such"
    r"|not exist|not set|must be set|required|undefined|unknown|timed? ?out|killed|abort"
)
_TIME = r"\[?\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d[.,\d]*(?:Z| ?[+-]\d\d:?\d\d)?\]?:?\s+"
_COLOUR = r"\x1b\[[0-9;]*m"
_SECRET = r"(?:passw(?:or)?d|pwd|secret|token|api[_-]?key)"
_CREDENTIALS = (
    (r"(://[^\s:/@]*:)[^\s@]+(?=@)", r"\1***"),
    (rf"(?i)({_SECRET}[\"']?\s*=\s*)(?:\"[^\"]*\"|'[^']*'|[^\s,;&]+)", r"\1***"),
    (rf"(?i)([\"']{_SECRET}[\"']\s*:\s*)(?:\"[^\"]*\"|'[^']*')", r"\1***"),
    (r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\bgh[a-z]_\w{20,}|\beyJ[\w-]+\.[\w-]+\.[\w-]*", "***"),
)
_EXCEPTIONS, _LEVELS, _CLUES, _ANY = range(4)


def telling(lines: Sequence[str]) -> str:
    """The last line that says what went wrong, or else the last line of the app; empty without any."""
    return _best(lines, _ANY)


def error_line(lines: Sequence[str]) -> str:
    """The last line that says what went wrong, at most ``LONGEST`` characters; empty if none does."""
    return _best(lines, _CLUES)


def _best(lines: Iterable[str], least: int) -> str:
    found: dict[int, str] = {}
    for rank, line in _ranked(lines):
        found[rank] = line
    best = next((found[rank] for rank in range(least + 1) if rank in found), "")
    return _short(_without_credentials(best))


def _ranked(lines: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Each line of the app with how much it tells."""
    in_traceback, panicked = False, ""
    for each in _unfolded(lines):
        raw = re.sub(_TIME, "", re.sub(_COLOUR, "", each[:_LOOKED_AT]), count=1)
        line = raw.strip().removeprefix("| ").strip()
        if not line:
            continue
        if panicked:  # Rust writes the message into the next line
            yield _EXCEPTIONS, f"{panicked} {line}"
            panicked = ""
        elif in_traceback and not raw[:1].isspace() and not re.match(_NOISE, line):
            in_traceback = False
            yield _EXCEPTIONS, line
        elif re.match(r"thread '.*' .*panicked at \S+:\d+:\d+:$", line):
            panicked = line
        elif line.startswith(("Traceback (most recent", 'File "')):  # the header may not be among the last lines
            in_traceback = True
        elif not re.match(_NOISE, line):
            yield _rank(line), re.sub(r"^(?:Message +: |---> |Caused by: )+", "", line)


def _rank(line: str) -> int:
    if re.match(_EXCEPTION, line):
        return _EXCEPTIONS
    words = re.sub(r"^npm (?:ERR!|error) ", "", line)
    return _LEVELS if re.search(_LEVEL, words) else _CLUES if re.search(_WORDS, words) else _ANY


def _unfolded(lines: Iterable[str]) -> Iterator[str]:
    """Each line on its own, the message of structured logs without their other members."""
    for text in lines:
        for line in text.splitlines() or [""]:
            yield _message(line) if line.lstrip().startswith("{") else line


def _message(line: str) -> str:
    """``{"level": "error", "msg": "no connection", "err": "timeout"}`` as "ERROR no connection: timeout"."""
    try:
        content = json.loads(line)
    except (ValueError, RecursionError):
        return line
    if not isinstance(content, dict):
        return line
    texts = [_text(content.get(name)) for name in ("message", "msg", "log", "error", "err", "exception")]
    told = ": ".join(dict.fromkeys(text.splitlines()[0].strip() for text in texts if text.strip()))
    level = _text(content.get("level") or content.get("severity") or content.get("levelname")).upper()
    if not told:
        return line
    return f"{level} {told}" if level and re.match(_LEVEL, level) else told


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return _text(value.get("message") or value.get("msg"))
    return value if isinstance(value, str) else ""


def _without_credentials(line: str) -> str:
    """A log may show a connection string; an annotation is read by more people than a log."""
    for pattern, instead in _CREDENTIALS:
        line = re.sub(pattern, instead, line)
    return line


def _short(line: str) -> str:
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"
