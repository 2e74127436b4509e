"""The telling line of a log: the line that says what went wrong, such as the exception of a stack trace."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
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
    r"|ELIFECYCLE|make.*: \*\*\* |BEGIN failed--|Aborted \(core|bundler: failed to load command|Install missing gem"
    r"|(?:code|errno|syscall|severity|file|line|routine|length|position|detail|hint|internal\w+): |[}\])]+;?$"
    r"|[a-z]\w*: (?:'[^']*'|-?\d+|\w+),$"
    r"|.*(?:exited with code \d|Worker failed to boot|Reason: App failed to load|Application startup failed"
    r"|Shutting down:|ERROR: (?:FPM initialization failed|failed to load configuration file|Unable to include /)"
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
    rf"|.*\((?:(?:\w+::)*\w*{_NAMED}|Errno::\w+)\)$"  # Ruby's, at the end of the first line
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
    r"\b(?:ERROR|ERR|FATAL|FTL|CRITICAL|SEVERE|PANIC|EMERG|ALERT)\b|\blevel[=:] ?\"?(?:error|fatal|critical|panic)"
    r"|\[(?:error|fatal|crit|emerg|alert)\]"
)
_WORDS = (
    r"(?i)error|exception|fatal|panic|fail|denied|refused|cannot|can't|could ?n[o']t|unable|invalid|missing|not found"
    r"|no such|not exist|not set|must be set|required|undefined|unknown|timed? ?out|killed|abort|unexpected"
    r"|unsupported|corrupt"
)
# Words that say nothing, or that nothing went wrong; a warning, and a request that was served, tell less than an error.
_NOTHING = (
    r"(?i)\b(?:0|no|without(?: any)?) (?:\w+ )?(?:errors?|failures?|failed|exceptions?|missing|invalid)\b(?:\(s\))?"
    r"|\b(?:errors?|failures?|failed|exceptions?|missing|invalid)[=:]? ?0\b(?!\.)"
    r"|\b(?:error|exception|reason)\b: (?:null|undefined|none|nil|\[object Object\]|\{\})$"
)
_WARNING = r"(?:.*[\s:])?[\w.]*Warning: "
_MINOR = (
    r".{0,60}\bWARN(?:ING)?\b|.{0,60}\blevel=\"?warn|.{0,30}\[warn|warning: "
    r"|.*\"(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) \S+ HTTP/"
)
_HOSTLESS = r"\S+(?: \(\w+\))?: (?:C|c)onnection (?:refused|timed out|reset)(?: by peer)?$"
_UNFINISHED = r":$|^Error: [A-Z]+\d+$"
_TIME = r"^(\[?)\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d[.,\d]*(?:Z| ?[+-]\d\d:?\d\d| UTC)?(\]?):?\s+"
_COLOUR = r"\x1b\[[0-9;]*m"
_SECRET = r"(?:passw(?:or)?d|pwd|secret|token|api[_-]?key)"
_CREDENTIALS = (
    (r"(://[^\s:/@]*:)[^\s@]+(?=@)", r"\1***"),
    (rf"(?i)({_SECRET}[\"']?\s*=\s*)(?:\"[^\"]*\"|'[^']*'|[^\s,;&]+)", r"\1***"),
    (rf"(?i)([\"']{_SECRET}[\"']\s*:\s*)(?:\"[^\"]*\"|'[^']*')", r"\1***"),
    (r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\bgh[a-z]_\w{20,}|\beyJ[\w-]+\.[\w-]+\.[\w-]*", "***"),
)
# Members of structured logs, in lower case: of zap, pino, bunyan, winston, Logback, structlog, Serilog and .NET.
_SAID = ("message", "msg", "@m", "@mt", "event", "log", "error", "err", "exception", "error.message")
_STACKS = ("stack_trace", "stack", "exc_info", "exception", "@x", "error.stack_trace")
_LEVEL_NAMES = ("level", "severity", "levelname", "loglevel", "log.level", "lvl", "@l")
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


@dataclass
class _Open:
    """What earlier lines have opened."""

    traceback: bool = False
    ignored: bool = False  # the traceback of an error that Python ignores while it ends
    causes: bool = False
    unfinished: str = ""  # an error whose message is in the next line
    error: str = ""  # the last error


def _ranked(lines: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Each line of the app with how much it tells."""
    before = _Open()
    for raw, line in _lines(lines):
        if error := _continued(before, line, indented=raw[:1].isspace()):
            yield _EXCEPTIONS, error
        elif not _opens(before, line) and not _is_noise(before, line):
            rank, words = _rank(line), re.sub(r"^(?:Message +: |---> |Caused by: )+", "", line)
            if rank == _EXCEPTIONS:
                before.error = words
                before.unfinished = words if re.search(_UNFINISHED, words) else ""
            yield rank, words


def _continued(before: _Open, line: str, *, indented: bool) -> str:
    """The error that this line completes; empty if it completes none."""
    begun, before.unfinished = before.unfinished, ""
    before.causes = before.causes and indented
    noise = re.match(_NOISE, line)
    if begun and not noise and not re.match(_EXCEPTION, line):
        before.error = f"{begun} {line}"
        before.unfinished = before.error if line.endswith(":") else ""
        return before.error
    if before.traceback and not indented and not noise:
        before.traceback, ignored, before.ignored = False, before.ignored, False
        before.error = before.error if ignored else line
        return before.error
    return f"{before.error}: {re.sub('^[0-9]+: ', '', line)}" if before.causes else ""


def _opens(before: _Open, line: str) -> bool:
    """Whether the line only announces what follows."""
    if line.startswith("Exception ignored in"):
        before.ignored = True
    elif line.startswith(("Traceback (most recent", 'File "')):  # the header may not be among the last lines
        before.traceback = True
    elif line == "Caused by:":  # Rust's; the causes are indented
        before.causes = bool(before.error)
    else:
        return False
    return True


def _is_noise(before: _Open, line: str) -> bool:
    """Whether the line says less than others do; without the host's name, less than the error that it caused."""
    hostless = re.search("[Cc]onnect", before.error) and re.search(_HOSTLESS, line)
    return bool(hostless or re.match(_NOISE, line))


def _lines(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Each line that isn't empty, without colours and the time: as it is indented, and without indentation."""
    for each in _unfolded(lines):
        plain = re.sub(_COLOUR, "", each[:_LOOKED_AT])
        raw = re.sub(_TIME, lambda time: "" if time[1] and time[2] else time[1], plain)
        if line := re.sub(r"^(?:\| )+", "", raw.strip()).strip():
            yield raw, line


def _rank(line: str) -> int:
    words = re.sub(_NOTHING, "", re.sub(r"^npm (?:ERR!|error) ", "", line))
    if re.match(_WARNING, line):
        return _ANY
    if re.match(_EXCEPTION, line) and (words == line or re.match(_EXCEPTION, words)):
        return _EXCEPTIONS
    if re.match(_MINOR, line):
        return _ANY
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
    members = {name.lower(): value for name, value in content.items()}
    texts = [_text(members.get(name)).strip() for name in _SAID]
    stacks = [_text(members.get(name)).strip() for name in _STACKS]
    texts = [text.splitlines()[0] for text in texts if text and text not in stacks]
    told = ": ".join(dict.fromkeys(texts))
    if cause := next((error_line(stack.splitlines()) for stack in stacks if stack), ""):
        told = told if told and told in cause.split(": ", 1)[-1] else f"{told}: {cause}" if told else cause
    level = next((_level(members[name]) for name in _LEVEL_NAMES if name in members), "")
    return (f"{level} {told}" if level else told) if told else line


def _level(value: Any) -> str:
    """The level of an error, such as ERROR or pino's 50; empty for one that is none."""
    if isinstance(value, int):
        return "FATAL" if value >= 60 else "ERROR" if value >= 50 else ""
    level = _text(value).upper()
    return level if re.match(_LEVEL, level) else ""


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
