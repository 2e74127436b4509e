"""Reads shell scripts: their commands with arguments, in order. It runs nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_OPERATORS = ("&&", "||", ";;", ">>", "&>", "<<<", "<<", "2>", "|", ";", "&", "\n", "(", ")", ">", "<")
_NAME = re.compile(r"[A-Za-z_]\w*|[0-9@*#?!$-]")
_BRACED = re.compile(r"(?P<name>[A-Za-z_]\w*|[0-9@*#?])(?P<rest>.*)", re.DOTALL)
_SPECIAL = " \t\n;&|<>()"


@dataclass(frozen=True)
class Part:
    """A part of a word: ``kind`` is text, variable or command; ``rest`` is what follows the name in `${NAME:-rest}`."""

    kind: str
    text: str
    rest: str = ""
    quoted: bool = False


Word = tuple[Part, ...]


@dataclass(frozen=True)
class Command:
    """A simple command: assignments, words, where its output goes, and its here-document."""

    line: int  # from 0
    words: tuple[Word, ...] = ()
    output: Word | None = None
    input: Word | None = None
    document: str = ""
    piped: bool = False  # its output is the input of the next command
    keywords: tuple[str, ...] = ()  # before it, such as `if` or `do`
    quoted_document: bool = False


@dataclass
class _Cursor:
    text: str
    at: int = 0
    documents: list[tuple[str, bool]] = field(default_factory=list)  # of here-documents: the end word, whether quoted

    @property
    def line(self) -> int:
        return self.text.count("\n", 0, self.at)


_KEYWORDS = {"if", "then", "else", "elif", "while", "until", "do", "!", "{", "time", "fi", "done", "}", "esac"}


def commands(script: str) -> list[Command]:
    """The commands of a script, in order; what it doesn't understand it passes over."""
    text = script.replace("\r\n", "\n")
    cursor = _Cursor(text)
    found: list[Command] = []
    while cursor.at < len(text):
        before = cursor.at
        command = _command(cursor)
        if command.words or command.keywords:
            found.append(command)
        if cursor.at == before:  # an operator that stands alone
            cursor.at += 1
    return found


def _command(cursor: _Cursor) -> Command:
    line = -1
    words: list[Word] = []
    keywords: list[str] = []
    output: Word | None = None
    source: Word | None = None
    document, quoted, piped = "", False, False
    while cursor.at < len(cursor.text):
        _skip_blanks(cursor)
        operator = _operator(cursor)
        if operator in (">", ">>", "&>", "2>", "<", "<<", "<<<"):
            cursor.at += len(operator)
            target = _redirected(cursor, operator)
            output = target if operator in (">", ">>", "&>") and target is not None else output
            source = target if operator == "<" else source
            if operator == "<<<" and target is not None:
                document = "".join(part.text for part in target)
            continue
        if operator:
            cursor.at += len(operator)
            piped = operator == "|"
            if operator == "\n" and cursor.documents:
                document, quoted = _documents(cursor)
            break
        if cursor.at >= len(cursor.text):
            break
        start = cursor.line
        word = _word(cursor)
        if not words and plain(word) in _KEYWORDS:
            keywords.append(plain(word))
            continue
        if word:
            line = start if line < 0 else line
            words.append(word)
    return Command(max(line, 0), tuple(words), output, source, document, piped, tuple(keywords), quoted)


def plain(word: Word) -> str:
    """The text of a word without variables; empty for any other."""
    return "".join(part.text for part in word) if all(part.kind == "text" for part in word) else ""


def _skip_blanks(cursor: _Cursor) -> None:
    text = cursor.text
    while cursor.at < len(text):
        if text[cursor.at] in " \t":
            cursor.at += 1
        elif text.startswith("\\\n", cursor.at):
            cursor.at += 2
        elif text[cursor.at] == "#":
            end = text.find("\n", cursor.at)
            cursor.at = len(text) if end < 0 else end
        else:
            return


def _operator(cursor: _Cursor) -> str:
    if cursor.text.startswith("2>", cursor.at):
        return "2>"
    return next((each for each in _OPERATORS if cursor.text.startswith(each, cursor.at)), "")


def _redirected(cursor: _Cursor, operator: str) -> Word | None:
    """The word after a redirection; ``None`` for one to a descriptor."""
    if operator == "<<":
        if cursor.text.startswith("-", cursor.at):
            cursor.at += 1
        _skip_blanks(cursor)
        word = _word(cursor)
        cursor.documents.append(("".join(part.text for part in word), any(part.quoted for part in word)))
        return None
    if cursor.text.startswith("&", cursor.at):
        cursor.at += 2
        return None
    _skip_blanks(cursor)
    return _word(cursor)


def _documents(cursor: _Cursor) -> tuple[str, bool]:
    """The here-documents that begin in the next line; the text of the last."""
    body, quoted = "", False
    for end, quoted in cursor.documents:  # noqa: B007
        lines = []
        while cursor.at < len(cursor.text):
            stop = cursor.text.find("\n", cursor.at)
            stop = len(cursor.text) if stop < 0 else stop
            line = cursor.text[cursor.at : stop]
            cursor.at = stop + 1
            if line.strip() == end:
                break
            lines.append(line)
        body = "\n".join(lines)
    cursor.documents.clear()
    return body, quoted


def _word(cursor: _Cursor) -> Word:
    parts: list[Part] = []
    text = cursor.text
    while cursor.at < len(text) and text[cursor.at] not in _SPECIAL:
        character = text[cursor.at]
        if character == "\\":
            if text.startswith("\\\n", cursor.at):
                cursor.at += 2
                continue
            parts.append(Part("text", text[cursor.at + 1 : cursor.at + 2], quoted=True))
            cursor.at += 2
        elif character == "'":
            end = text.find("'", cursor.at + 1)
            end = len(text) if end < 0 else end
            parts.append(Part("text", text[cursor.at + 1 : end], quoted=True))
            cursor.at = end + 1
        elif character == '"':
            cursor.at += 1
            parts.extend(_in_quotes(cursor))
        elif character in "$`":
            parts.append(_variable(cursor, quoted=False))
        else:
            parts.append(Part("text", character))
            cursor.at += 1
    return _joined(parts)


def _in_quotes(cursor: _Cursor) -> Iterator[Part]:
    text = cursor.text
    yield Part("text", "", quoted=True)
    while cursor.at < len(text) and text[cursor.at] != '"':
        character = text[cursor.at]
        if character == "\\" and text[cursor.at + 1 : cursor.at + 2] in ('"', "\\", "$", "`", "\n"):
            escaped = text[cursor.at + 1]
            cursor.at += 2
            yield Part("text", "" if escaped == "\n" else escaped, quoted=True)
        elif character in "$`":
            yield _variable(cursor, quoted=True)
        else:
            cursor.at += 1
            yield Part("text", character, quoted=True)
    cursor.at += 1


def _variable(cursor: _Cursor, *, quoted: bool) -> Part:
    text, at = cursor.text, cursor.at
    if text[at] == "`":
        end = text.find("`", at + 1)
        end = len(text) if end < 0 else end
        cursor.at = end + 1
        return Part("command", text[at + 1 : end], quoted=quoted)
    if text.startswith("$((", at):
        cursor.at = _closed(text, at + 1) + 1
        return Part("command", "expr", quoted=quoted)
    if text.startswith("$(", at):
        end = _closed(text, at + 1)
        cursor.at = end + 1
        return Part("command", text[at + 2 : end], quoted=quoted)
    if text.startswith("${", at):
        end = text.find("}", at)
        end = len(text) if end < 0 else end
        cursor.at = end + 1
        found = _BRACED.match(text[at + 2 : end])
        return Part("variable", found["name"], found["rest"], quoted) if found else Part("text", "", quoted=quoted)
    name = _NAME.match(text, at + 1)
    if name is None:
        cursor.at += 1
        return Part("text", "$", quoted=quoted)
    cursor.at = name.end()
    return Part("variable", name[0], quoted=quoted)


def _closed(text: str, at: int) -> int:
    """The place of the parenthesis that closes the one at ``at``; the end of the text if none does."""
    depth, quote = 0, ""
    while at < len(text):
        character = text[at]
        if quote:
            quote = "" if character == quote else quote
            at += character == "\\" and quote == '"'
        elif character in "'\"":
            quote = character
        elif character == "\\":
            at += 1
        elif character == "(":
            depth += 1
        elif character == ")":
            depth -= 1
            if depth == 0:
                return at
        at += 1
    return len(text)


def _joined(parts: list[Part]) -> Word:
    """The parts with neighbouring texts joined; an empty quoted text stays a word."""
    found: list[Part] = []
    for part in parts:
        last = found[-1] if found else None
        if last and last.kind == part.kind == "text":
            found[-1] = Part("text", last.text + part.text, quoted=last.quoted or part.quoted)
        else:
            found.append(part)
    return tuple(found)
