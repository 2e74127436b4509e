"""Which images a Dockerfile references. Raises ``NotReusable`` for anything that can't be read with certainty.

Follows https://docs.docker.com/reference/dockerfile/, and for open questions BuildKit's parser; differences between its
versions are a ``NotReusable`` too. Ignores what a RUN fetches from a network: reuse by content keeps what the RUN
fetched when the image was built.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ecs_cd.model.references import DIGEST


class NotReusable(Exception):
    """Why the result of a build is not certain."""


Flags = Sequence[tuple[str, str]]

_INSTRUCTIONS = {
    "ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "MAINTAINER", "ONBUILD",
    "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR",
}  # fmt: skip
# Only `from`, `mount` and `checksum` get further checks; the others don't reference another image or place.
_FLAGS = {
    "FROM": {"platform"},
    "COPY": {"from", "chown", "chmod", "link", "parents", "exclude"},
    "ADD": {"checksum", "chown", "chmod", "link", "exclude", "keep-git-dir", "unpack"},
    "RUN": {"mount", "network"},
}
_SWITCHES = {"link", "parents", "keep-git-dir", "unpack"}
# https://docs.docker.com/reference/dockerfile/#automatic-platform-args-in-the-global-scope, and BuildKit's defaultArgs
_PARTS = ("PLATFORM", "OS", "OSVERSION", "ARCH", "VARIANT")
_PLATFORM = [f"{side}{part}" for side in ("TARGET", "BUILD") for part in _PARTS]
# buildx passes these from Docker's configuration and from the environment.
_PASSED = [f"{kind}_PROXY" for kind in ("HTTP", "HTTPS", "NO", "FTP", "ALL")]
_AUTOMATIC = [*_PLATFORM, "TARGETSTAGE", "SOURCE_DATE_EPOCH", *_PASSED, *map(str.lower, _PASSED)]

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_DIRECTIVE = re.compile(r"(\s*)#\s*([A-Za-z][A-Za-z0-9]*)\s*=\s*(.+)", re.ASCII)
_BLANKS = " \t\r"
_FRONTEND = re.compile(
    r"(?:docker\.io/)?docker/dockerfile"
    r"(?::(?:latest|labs|1(?:\.(?:[4-9]|[1-9][0-9])(?:\.[0-9]+)?)?(?:-labs)?)(?:@sha256:[0-9a-f]{64})?)?"
)
_LONGEST_VALUE = 4096  # characters; no reference is as long
_CONTINUED = re.compile(r"\\[ \t]*$")
_WITH_HEREDOC = re.compile(r"\s*(?:ONBUILD\s+)?(?:RUN|COPY|ADD)\s", re.IGNORECASE)
_HEREDOC = re.compile(r"[0-9]*<<(-?)([\"']?)([A-Za-z_][A-Za-z0-9_]*)\2")
_BEFORE_JSON = re.compile(r"\s*(?:ONBUILD\s+)?[A-Z]+\s+(?:--\S+\s+)*\[", re.IGNORECASE)
_NAME = r"\$(?:\{[A-Za-z_][A-Za-z0-9_]*(?::?[-+?][^\s\"'`$\\{}<]*)?\}|(?!\{))"
_PART = re.compile(rf"[ \t]+|[^\s\"'\\$]|{_NAME}|\\[!-~]|'[^']*'|\"(?:[^\"\\$]|{_NAME})*\"")
_ARGUMENT = re.compile(r"[ \t]*([A-Za-z_]\w*)(?:=(?:\"([^\"\\]*)\"|'([^'\\$]*)'|([^\s\"'\\]*)))?(?=[ \t]|$)", re.ASCII)
_VARIABLE = re.compile(r"\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)(?:(:?-)([^${}]*))?\})", re.ASCII)
_REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:-]*(?:@sha256:[0-9a-f]{64})?")
_ELSEWHERE = re.compile(r"://|[@$\\]|(?:^|[\s\[,])github\.com/", re.IGNORECASE)
_PINNED = re.compile(r"https?://[^\s?$\\#\"']+(?<!\.git)[ \t]+[^\s:@$\\\"']+", re.IGNORECASE)


@dataclass(frozen=True)
class Used:
    """What a Dockerfile uses: all images, those that stages start from, and the platforms that FROM names for them."""

    images: tuple[str, ...]
    parents: tuple[str, ...]
    platforms: tuple[str, ...]


def images(text: str, build_args: Mapping[str, str]) -> tuple[str, ...]:
    """The images that the Dockerfile uses, with variables resolved, each once. Raises ``NotReusable``."""
    return used(text, build_args).images


def used(text: str, build_args: Mapping[str, str]) -> Used:
    """What the Dockerfile uses, with variables resolved in the names of images. Raises ``NotReusable``."""
    if _CONTROL.search(text):
        raise NotReusable("the Dockerfile contains control characters")
    lines = text.removeprefix("\ufeff").split("\n")
    _check_directives(lines)
    _check_frontend(build_args.get("BUILDKIT_SYNTAX"))
    reading = _Reading(build_args)
    for number, line in _instructions(lines):
        try:
            reading.take(line)
        except NotReusable as doubt:
            raise NotReusable(f"line {number} of the Dockerfile {doubt}") from None
    return Used(*(tuple(dict.fromkeys(found)) for found in (reading.found, reading.parents, reading.platforms)))


def split(reference: str) -> tuple[str, str, str]:
    """Name, tag and digest of a reference; the tag is ``latest`` if it has neither tag nor digest."""
    name, _, digest = reference.partition("@")
    if ":" in name.rpartition("/")[2]:
        name, tag = name.rsplit(":", 1)
        return name, tag, digest
    return name, "" if digest else "latest", digest


# ---- lines ----


def _check_directives(lines: Sequence[str]) -> None:
    """Checks `syntax`, `escape` and `check`, which come before everything else."""
    if lines[0].startswith("#!"):
        raise NotReusable("the Dockerfile starts with #!")
    for line in lines:
        match = _DIRECTIVE.fullmatch(line)
        name = match[2].lower() if match else ""
        if not match or name not in ("syntax", "escape", "check"):
            return
        value = match[3].rstrip(_BLANKS)
        if match[1] or (name == "escape" and value != "\\"):
            raise NotReusable(f"the Dockerfile has a directive `{name}` that ecs-cd doesn't support")
        if name == "syntax":
            _check_frontend(value)


def _check_frontend(reference: str | None) -> None:
    """Accepts Docker's own frontend only, which is the one built into BuildKit, from the first version with heredocs.

    The key doesn't include its version: a newer one builds the same from the same Dockerfile. Any other frontend may do
    anything.
    """
    if reference is not None and not _FRONTEND.fullmatch(reference):
        raise NotReusable("the Dockerfile's syntax is not docker/dockerfile 1.4 or newer")


def _instructions(lines: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Each instruction as one line, with its first line's number; without comments and the bodies of heredocs."""
    position = 0
    while position < len(lines):
        start, line, goes_on = position + 1, "", True
        while goes_on and position < len(lines):
            part = lines[position].removesuffix("\r")
            position += 1
            if not part.strip() or part.lstrip().startswith("#"):
                goes_on = bool(line)
                continue
            if "\r" in part or re.search(r"\\\\[ \t]*$", part):
                raise NotReusable(f"line {position} of the Dockerfile may or may not continue on the next line")
            goes_on = bool(_CONTINUED.search(part))
            line += _CONTINUED.sub("", part)
        if line.strip():
            for word, tabs in _heredocs(start, line):
                position = _after(word, tabs, lines, position, start)
            yield start, line.strip()


def _heredocs(number: int, line: str) -> Iterator[tuple[str, bool]]:
    """The word that ends each heredoc of this line, and whether tabs may precede it."""
    if "<<" not in line or not _WITH_HEREDOC.match(line):
        return
    for token in _tokens(line):
        if "<<" in token:
            match = _HEREDOC.fullmatch(token)
            if not match or match[3].upper() in _INSTRUCTIONS:
                raise NotReusable(f"line {number} of the Dockerfile has a `<<` that may or may not start a heredoc")
            yield match[3], bool(match[1])


def _tokens(line: str) -> list[str]:
    """The words into which BuildKit's shell lexer splits the line; only ``<<`` if its versions may differ.

    The lexer also expands variables. If it fails anywhere in the line, BuildKit sees no heredoc in it. BuildKit before
    0.13 takes a line for JSON, which has no heredocs, if the line only starts with a JSON array.
    """
    parts, position = [""], 0
    while match := _PART.match(line, position):
        position = match.end()
        if match[0].strip(" \t"):
            parts[-1] += match[0]
        else:
            parts.append("")
    return parts if position == len(line) and not _BEFORE_JSON.match(line) else ["<<"]


def _after(word: str, tabs: bool, lines: Sequence[str], position: int, start: int) -> int:
    for number in range(position, len(lines)):
        line = lines[number].rstrip("\r")
        if (line.lstrip("\t") if tabs else line) == word:
            return number + 1
    raise NotReusable(f"line {start} of the Dockerfile starts a heredoc that doesn't end")


# ---- instructions ----


@dataclass
class _Reading:
    """The state after the instructions read so far."""

    build_args: Mapping[str, str]
    found: list[str] = field(default_factory=list)
    parents: list[str] = field(default_factory=list)
    platforms: list[str] = field(default_factory=list)
    stages: list[str] = field(default_factory=list)
    # An argument without an entry has no value; None is an unknown value.
    arguments: dict[str, str | None] = field(default_factory=lambda: dict.fromkeys(_AUTOMATIC))

    def take(self, line: str) -> None:
        """Reads the next instruction."""
        name, rest = _words(line)
        if name.upper() == "ONBUILD":
            name, rest = _words(rest)
            if "from" in rest.lower():
                raise NotReusable("has an ONBUILD that may copy from another image")
        flags, rest = _flags(name.upper(), rest)
        steps: dict[str, Callable[[Flags, str], None]] = {
            "FROM": self._from,
            "ARG": self._arg,
            "COPY": self._copy,
            "ADD": self._add,
            "RUN": self._run,
        }
        if step := steps.get(name.upper()):
            step(flags, rest)
        elif name.upper() not in _INSTRUCTIONS:
            raise NotReusable("has an instruction that ecs-cd doesn't know")

    def _from(self, flags: Flags, rest: str) -> None:
        words = rest.split()
        named = len(words) == 3 and words[1].lower() == "as" and "$" not in words[2]
        if len(words) != 1 and not named:
            raise NotReusable("has a FROM that ecs-cd can't read")
        image = self._expanded(words[0]) or ""
        if image != "scratch" and self._image(image):
            self.parents.append(image)
            self.platforms.append(dict(flags).get("platform", ""))
        self.stages.append(words[2].lower() if named else "")

    def _arg(self, flags: Flags, rest: str) -> None:
        """Reads only the ARGs before the first FROM: a FROM can use no others."""
        position = 0
        while not self.stages and position < len(rest):
            match = _ARGUMENT.match(rest, position)
            if not match:
                raise NotReusable("has an ARG that ecs-cd can't read")
            position = match.end()
            name, default = match[1], next((value for value in match.group(2, 3, 4) if value is not None), None)
            if name in _AUTOMATIC:
                continue
            if name in self.build_args:
                self.arguments[name] = self.build_args[name]
            elif default is not None or name in self.arguments:
                self.arguments[name] = None if default is None else self._expanded(default)

    def _copy(self, flags: Flags, rest: str) -> None:
        for name, value in flags:
            if name == "from":
                self._image(value, numbered=True)

    def _run(self, flags: Flags, rest: str) -> None:
        for name, value in flags:
            for option in value.split(",") if name == "mount" else ():
                key, _, source = option.partition("=")
                if key.lower() == "from":
                    self._image(source)

    def _add(self, flags: Flags, rest: str) -> None:
        """A remote source is certain only if it is a file with a checksum."""
        if not _ELSEWHERE.search(rest.replace('"', "").replace("'", "")):
            return
        checksums = [value for name, value in flags if name == "checksum"]
        if not (checksums and all(map(DIGEST.fullmatch, checksums)) and _PINNED.fullmatch(rest)):
            raise NotReusable(
                "has an ADD of content that may change: add --checksum=sha256:... to a file's URL, or use COPY"
            )

    def _image(self, image: str, *, numbered: bool = False) -> bool:
        """Records the image, unless it is the name of an earlier stage or, if ``numbered``, its number."""
        if not _REFERENCE.fullmatch(image):
            raise NotReusable("references an image that is unknown before the build")
        number = numbered and image.isdecimal() and int(image) < len(self.stages)
        outside = image.lower() not in self.stages and not number
        if outside:
            self.found.append(image)
        return outside

    def _expanded(self, text: str) -> str | None:
        """The text with its variables expanded; ``None`` if a value is unknown or the text has quotes."""
        values = [self._value(match) for match in _VARIABLE.finditer(text)]
        if None in values or re.search(r"[$\\\"']", _VARIABLE.sub("", text)):
            return None
        if sum(map(len, filter(None, values))) > _LONGEST_VALUE:  # arguments that double each other fill the memory
            return None
        remaining = iter(values)
        return _VARIABLE.sub(lambda _: str(next(remaining)), text)

    def _value(self, variable: re.Match[str]) -> str | None:
        name, way, default = variable[1] or variable[2], variable[3], variable[4]
        value = self.arguments.get(name, default)
        return default if way == ":-" and value == "" else value


def _words(line: str) -> tuple[str, str]:
    """The first word and the rest, with each tab replaced by a space."""
    name, _, rest = line.replace("\t", " ").strip(" ").partition(" ")
    return name, rest.strip(" ")


def _flags(instruction: str, rest: str) -> tuple[Flags, str]:
    """The flags of an instruction, and the text after them."""
    found = []
    while instruction in _FLAGS and rest.startswith("--"):
        flag, rest = _words(rest)
        name, equals, value = flag.removeprefix("--").partition("=")
        known = name in _FLAGS[instruction] and (equals or name in _SWITCHES)
        if not known or not flag.isascii() or re.search(r"[\"'\\]", flag):
            raise NotReusable("has a flag that ecs-cd doesn't know")
        found.append((name, value))
    return found, rest
