"""Follows a shell script through its commands, and notes what they build, register, run and deploy."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ecs_cd.init.rules import shell
from ecs_cd.init.rules.facts import Template
from ecs_cd.init.rules.scope import WORKSPACE, Scope
from ecs_cd.init.rules.shell import Command, Part, Word
from ecs_cd.init.rules.values import Value, is_known, joined, sources, split, unknown, words

_ASSIGNED = re.compile(r"([A-Za-z_]\w*)(\+?=)", re.DOTALL)
_OF_ECS = re.compile(r"ontainerDefinitions|TargetService|AWS::ECS|imageUri|ImageURI")  # files for ECS and CodeDeploy
_OUTPUT = re.compile(r"::set-output\s+name=([\w-]+)::(.*)", re.DOTALL)
_DEEPEST = 6
_MOST_COMMANDS = 5000
_MOST_TURNS = 20


@dataclass
class _Branch:
    """An `if`: whether its part is taken, ``None`` if unknown, and whether one before it was."""

    now: bool | None
    before: bool | None


@dataclass
class Run:
    """One script: its own variables over those of the job. ``first`` is the number of its first line."""

    scope: Scope
    file: str
    first: int
    variables: dict[str, str]
    execute: Callable[[Run, list[str], str, Command], str]
    outputs: dict[str, str] = field(default_factory=dict)
    exported: dict[str, str] = field(default_factory=dict)  # to $GITHUB_ENV
    arguments: tuple[str, ...] = ()
    others: list[tuple[str, str]] = field(default_factory=list)  # commands that no fact covers: the place, the words
    prepared: list[tuple[str, str]] = field(default_factory=list)  # commands that only change files: the same
    work: int = -1  # the line, from 0, of the first command of Docker or the AWS CLI
    branches: list[_Branch] = field(default_factory=list)
    depth: int = 0
    count: int = 0
    names: list[str] = field(default_factory=list)  # of the unknown parts of the script

    def follow(self, script: str) -> str:
        """Follows all commands, and returns what the script prints."""
        numbered, self.names = split(script)
        return self._all(shell.commands(numbered)).rstrip("\n")

    def place(self, command: Command) -> str:
        """Where the command is: file and line."""
        return f"{self.file}:{self.first + command.line}"

    def _all(self, commands: Sequence[Command]) -> str:
        printed, piped, at = "", "", 0
        groups: list[int] = []
        while at < len(commands) and self.count < _MOST_COMMANDS:
            command = commands[at]
            at += 1
            self.count += 1
            words = [self.text(word) for word in command.words[:1]]
            if words == ["for"]:
                end = _end(commands, at)
                printed += self._loop(command, commands[at:end])
                at = end
                continue
            self._enter(command)
            groups += [len(printed)] if "{" in command.keywords else []
            if "}" in command.keywords and groups and command.output is not None:
                self.write(self.text(command.output), printed[groups.pop() :], command)
            if self._skipped:
                self._leave(command)
                continue
            result = self._one(command, piped)
            self._leave(command)
            piped = result if command.piped else ""
            printed += "" if command.piped or command.output is not None else result
        return printed

    def _loop(self, command: Command, body: Sequence[Command]) -> str:
        name = shell.plain(command.words[1]) if len(command.words) > 1 else ""
        items = [item for word in command.words[3:] for item in self.split(word)][:_MOST_TURNS]
        printed = ""
        for item in items:
            self.variables[name] = item
            printed += self._all(body)
        return printed

    # ---- conditions ----

    @property
    def _skipped(self) -> bool:
        return any(branch.now is False for branch in self.branches)

    @property
    def _perhaps(self) -> bool:
        return any(branch.now is None for branch in self.branches)

    def _enter(self, command: Command) -> None:
        for keyword in command.keywords:
            if keyword == "if":
                self.branches.append(_Branch(None, False))
            elif keyword in ("else", "elif") and self.branches:
                last = self.branches[-1]
                last.before = True if last.now is True else (None if last.now is None else last.before)
                last.now = False if last.before is True else (None if last.before is None else True)
            elif keyword == "fi" and self.branches:
                self.branches.pop()
        if command.words and self.text(command.words[0]) == "case":
            self.branches.append(_Branch(None, None))
        if "esac" in command.keywords and self.branches:
            self.branches.pop()

    def _leave(self, command: Command) -> None:
        if not {"if", "elif"} & set(command.keywords) or not self.branches:
            return
        last = self.branches[-1]
        if last.before is True:
            last.now = False
        else:
            holds = self._test([self.text(word) for word in command.words])
            last.now = (not holds if "!" in command.keywords else holds) if holds is not None else None
            if last.now is True and last.before is None:
                last.now = None

    def _test(self, words: list[str]) -> bool | None:
        if words[:1] in (["["], ["[["], ["test"]):
            words = [word for word in words[1:] if word not in ("]", "]]")]
        if len(words) == 2 and words[0] in ("-n", "-z") and is_known(words[1]):
            return bool(words[1]) == (words[0] == "-n")
        if len(words) == 3 and words[1] in ("=", "==", "!=") and all(map(is_known, words)):
            return (words[0] == words[2]) == (words[1] != "!=") if "*" not in words[2] else None
        return None

    # ---- one command ----

    def _one(self, command: Command, piped: str) -> str:
        words = list(command.words)
        while words and (found := _assignment(words[0])):
            self.assign(found[0], found[1], self.text(found[2]))
            words.pop(0)
        if not words:
            return ""
        argv = [item for word in words for item in self.split(word)]
        stdin = piped or self._document(command)
        if self.work < 0 and self.depth == 0 and argv and argv[0] in ("docker", "aws"):
            self.work = command.line
        result = self.execute(self, argv, stdin, command) if argv else ""
        if command.output is not None:
            self.write(self.text(command.output), result, command)
        return result

    def _document(self, command: Command) -> str:
        if command.input is not None:
            return self.read(self.text(command.input), command)
        if not command.document or command.quoted_document:
            return joined(command.document, self.names)
        return self.expand(command.document)

    def read(self, name: str, command: Command) -> str:
        """The content of a file: a mark, if it is a task definition."""
        path = self.scope.in_folder(name)
        known = self.scope.files.get(path)
        if known is None and "ontainerDefinitions" in self.scope.snapshot.texts.get(self.scope.snapshot.find(path), ""):
            known = Template("file", Value(path, self.place(command)))
        return self.scope.mark(known) if known else unknown(f"the file {name}")

    def assign(self, name: str, operator: str, value: str) -> None:
        """Sets a variable; after conditions that are unknown, several values leave it unknown."""
        value = self.variables.get(name, "") + value if operator == "+=" else value
        if self._perhaps and self.variables.get(name, value) != value:
            value = unknown(f"the variable {name}")
        self.variables[name] = value

    def write(self, target: str, text: str, command: Command) -> None:
        """What a command writes to a file: outputs, variables of the job, or a task definition."""
        names = sources(target)
        if target.endswith("GITHUB_OUTPUT") or names == ["GITHUB_OUTPUT"]:
            self.set_lines(self.outputs, text)
        elif names == ["GITHUB_ENV"]:
            self.set_lines(self.exported, text)
        if any(name.startswith("GITHUB_") for name in (target, *names)):
            return
        template = self.scope.marked(text)
        if template is not None:
            self.scope.files[self.scope.in_folder(target)] = template
        elif not target.startswith(("/dev/", "&")) and not _OF_ECS.search(text):
            self.prepared.append((self.place(command), f"> {target}"))

    def set_lines(self, values: dict[str, str], text: str) -> None:
        """Reads `NAME=VALUE` lines and `NAME<<END` blocks."""
        lines = iter(text.splitlines())
        for line in lines:
            name, equals, value = line.partition("=")
            if "<<" in name or ("<<" in line and not equals):
                name, _, end = line.partition("<<")
                inner = []
                for each in lines:
                    if each.strip() == end.strip():
                        break
                    inner.append(each)
                equals, value = "=", "\n".join(inner)
            if equals and re.fullmatch(r"[\w-]+", name.strip()):
                key = name.strip()
                different = self._perhaps and values.get(key, value) != value
                values[key] = unknown(f"the output {key}") if different else value

    def legacy_output(self, text: str) -> None:
        """`::set-output name=NAME::VALUE`."""
        for line in text.splitlines():
            if found := _OUTPUT.match(line.strip()):
                self.outputs[found[1]] = found[2]

    # ---- words ----

    def text(self, word: Word) -> str:
        """A word with its variables and commands replaced."""
        return "".join(self.part(part) for part in word)

    def split(self, word: Word) -> list[str]:
        """A word as arguments: what comes from a variable without quotes is split at blanks."""
        if any(part.kind != "text" and not part.quoted for part in word):
            text = self.text(word)
            return words(text) if not any(part.quoted for part in word) else [text] if text else []
        return [self.text(word)]

    def part(self, part: Part) -> str:
        if part.kind == "text":
            return joined(part.text, self.names)
        if part.kind == "command":
            return self.nested(part.text)
        value = self.value(part.text)
        return _modified(value, part.rest, self) if part.rest else value

    def expand(self, text: str) -> str:
        """The text of a here-document with its variables replaced."""
        return self.text(shell.commands(f'x "{text.replace(chr(34), chr(92) + chr(34))}"')[0].words[1]) if text else ""

    def value(self, name: str) -> str:
        """The value of a variable."""
        if name.isdecimal() and name != "0":
            index = int(name) - 1
            return self.arguments[index] if index < len(self.arguments) else ""
        if name in ("@", "*"):
            return " ".join(self.arguments)
        if name in self.variables:
            return self.variables[name]
        if name in ("GITHUB_WORKSPACE", "PWD"):
            return WORKSPACE if name != "PWD" or self.scope.folder == "." else f"{WORKSPACE}/{self.scope.folder}"
        github = self.scope.github.get(name.removeprefix("GITHUB_").lower()) if name.startswith("GITHUB_") else None
        if github is not None:
            return github
        return unknown(_GITHUB.get(name, name if name.startswith("GITHUB_") else f"the variable {name}"))

    def nested(self, script: str) -> str:
        """What a command substitution prints."""
        if self.depth >= _DEEPEST:
            return unknown("a command")
        self.depth += 1
        try:
            return self._all(shell.commands(script)).rstrip("\n")
        finally:
            self.depth -= 1


_GITHUB = {"GITHUB_SHA": "github.sha", "GITHUB_REF_NAME": "github.ref_name", "GITHUB_RUN_NUMBER": "github.run_number"}


def _assignment(word: Word) -> tuple[str, str, Word] | None:
    if not word or word[0].kind != "text" or not (found := _ASSIGNED.match(word[0].text)):
        return None
    rest = Part("text", word[0].text[found.end() :], quoted=True)
    return found[1], found[2], (rest, *word[1:])


def _modified(value: str, rest: str, run: Run) -> str:
    """``${NAME:-default}``, ``${NAME##*/}`` and the like."""
    if rest.startswith((":-", "-", ":=")):
        missing = not value or value == unknown(f"the variable {value}") or "the variable" in "".join(sources(value))
        return run.expand(rest.lstrip(":-=")) if missing else value
    if rest.startswith((":?", "?", ":+")):
        return value
    if not is_known(value):
        return value
    if rest == "##*/":
        return value.rpartition("/")[2]
    if rest == ",,":
        return value.lower()
    if rest == "^^":
        return value.upper()
    return unknown("a variable of a script")


def _end(commands: Sequence[Command], at: int) -> int:
    """The place of the `done` that ends a loop."""
    depth = 0
    while at < len(commands):
        command = commands[at]
        words = command.words and shell.plain(command.words[0])
        depth += words == "for" or bool({"while", "until"} & set(command.keywords))
        if "done" in command.keywords:
            if depth == 0:
                return at
            depth -= 1
        at += 1
    return at


def whole(script: str) -> bool:
    """Whether no `if`, loop or brace of a script is left open."""
    words = [word for command in shell.commands(script) for word in command.keywords]
    words += [shell.plain(command.words[0]) for command in shell.commands(script) if command.words]
    pairs = (("if", "fi"), ("do", "done"), ("{", "}"), ("case", "esac"))
    return all(words.count(opened) == words.count(closed) for opened, closed in pairs)
