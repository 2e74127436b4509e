"""Generated Dockerfiles, plain and odd, and what a reader overlooked in them. The same seed makes the same file.

The files name images where a reader can miss them: in and after heredocs, comments and lines that go on. BuildKit's own
answers for the first of them are in tests/corpus/dockerfiles.jsonl.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from ecs_cd.images.rules import dockerfile as reader
from ecs_cd.images.rules.dockerfile import NotReusable

BUILD_ARGS = {"GIVEN": "18", "EMPTY": "", "IMAGE": "given"}
PINNED = "sha256:" + "a" * 64
Answer = Mapping[str, Sequence[str]]


def overlooked(text: str, answer: Answer) -> set[str]:
    """The images and other sources that BuildKit takes from this file, and that neither are read nor make a doubt."""
    try:
        read = {_full(image) for image in reader.images(text, BUILD_ARGS)}
    except NotReusable:
        return set()
    return {*answer.get("images", ()), *answer.get("other", ())} - read


def certain(seed: int) -> bool:
    """Whether our reader has an answer for the file of this seed."""
    with suppress(NotReusable):
        reader.images(dockerfile(seed), BUILD_ARGS)
        return True
    return False


def _full(image: str) -> str:
    """The reference as BuildKit completes it: https://github.com/distribution/reference"""
    name, tag, digest = reader.split(image)
    first, slash, _ = name.partition("/")
    if not slash or not (set(first) & set(".:") or first == "localhost" or first != first.lower()):
        name = f"docker.io/{name if slash else f'library/{name}'}"
    return name + f":{tag}" * bool(tag) + f"@{digest}" * bool(digest)


def fingerprint(seed: int) -> str:
    """Shows that the generator has changed, and that the answers must be asked for again."""
    return hashlib.sha256(dockerfile(seed).encode()).hexdigest()[:12]


# Each pair: what stands there mostly, and what an odd file has.
# fmt: off
_QUOTES = (
    ["'a b'", '"a b"', "x", "''"],
    ["it's", '"', "'", '"a\'b"', "'a\"b'", '\\"', "\\'", "`date`", '""', '"$A"', "\\ "],
)
_DOLLARS = (
    ["$A", "${A}", "${A:-x}", "$(cat x)"],
    ["${A^^}", "${A:-'x}", "$((1<<2))", "${}", "${A", "$", "${A%%.*}", "${A#x}", "${A/x/y}", "${A/x}", "${!A}",
     "${#A}", "${A:0:1}", "${A,,}", "\\${A^^}", "'${A^^}'", '"${A^^}"', "$'a'", '"${A:-"b"}"', "${A:-$B}",
     "${A:-${B^}}", "$<"],
)
_SHELL = (
    ["&&", "|", ";", "> /y", "< x", "[", "]"],
    ["#", "# it's", "\\", "\\\\", "(", ")", "<", ">", "<>", "1<<3", "x<y", "{", "}"],
)
_SPACES = (
    [" "],
    ["  ", "\t", "\u00a0", "\u2003", "\u2028", "\x0b", "\x0c", "\x85", "\r", "", " \r", "\ufeff", "\x1c", "\x00"],
)
_GAPS = ([" "], ["  ", "\t", " \t"])
_HEREDOCS = (
    ["<<{0}", "<<-{0}", "<<'{0}'", '<<"{0}"', "<<-'{0}'"],
    ["<< {0}", "<<<{0}", "<<{0}>x", "0<<{0}", "<<\\{0}", "<<{0}{0}", "x<<{0}", '"<<{0}"', "'<<{0}'", "\\<<{0}",
     "<<$A", "<<${{A}}", "<<{0}|cat", "<<{0};", "(<<{0})", "<<-  {0}", "<<'{0}", '<<{0}"', "<<{0}'{0}'",
     "<<'{0} x'", "<<#{0}", "<<{0}#x", '"x"<<{0}', "<<<<{0}", "a=<<{0}", "<<{0}\\", "<\\<{0}", "<<\xa0{0}",
     "\xa0<<{0}", "<<{0}é", "3<<-{0}", "<<\t{0}", "<<{0}\r", "<<\r{0}", "<<{0}\x0b", "<<'# {0}'", "<<''{0}",
     "<<{0}<<{0}", "<<'USER {0}'", "<<{0}\u2003"],
)
_WORDS = (["EOF", "EOT", "X"], ["x1", "_a", "RUN", "FROM", "EOF.txt", "a-b", "1", "#EOF", "\u00e9"])
_ENDS = (["\n"], ["\r\n", "\r\r\n", " \n", "\t\n", "\u00a0\n", "\\\n"])
_GOES_ON = (
    ["\\\n", "\\\n  "],
    ["\\ \n", "\\\t\n", "\\\r\n", "\\\r\r\n", "\\\\\n", "\\\\\\\n", "\\\xa0\n", "\\\n\n", "\\\n# c\n",
     "\\\n  # it's\n", "\\\n \t\n", "\\\n\r\n", "\\\n#\\\n", "\\\n\xa0\n", "\\\n\xa0# c\n", "\\\n\x0b#c\n", "\\\r",
     "\\\n\ufeff# c\n", "`\n"],
)
_DIRECTIVES = (
    ["# syntax=docker/dockerfile:1\n", "# check=skip=all\n", "# a comment\n", "\n"],
    ["#syntax=docker/dockerfile:1.7\n", "# escape=\\\n", "\ufeff", "\ufeff\ufeff", " \n", "# escape = `\n",
     "#escape=`\n", "\n# escape=`\n", "# Escape=`\n", " # escape=`\n", "#\tescape=`\n", "# a\n# escape=`\n",
     "# x=y\n# escape=`\n", "#\xa0escape=`\n", "# escape=`\r\n", "## escape=`\n", "# escape=` # x\n", "#!x\n",
     "# check=skip=all\r# escape=`\n"],
)
_BODIES = [
    "hi\n",
    "COPY --from={0} /a /b\n",
    "# it's\n",
    "x \\\n",
    "RUN cat <<{1}\n",
    "\n",
    " {1}\n",
    "\r\n",
    "{1} \n",
    "{1}x\n",
]
_BODIES += ["'{1}'\n", "FROM {0}\n", "RUN --mount=from={0},target=/m true\n", "\t{1}\n", "{1}\r", "{1}\x0b\n"]
_VALID = [
    "COPY --from={0} /a /b\n",
    "# it's\n",
    "\n",
    "FROM {0}\n",
    "RUN --mount=from={0},target=/m true\n",
    "USER x\n",
]


@dataclass
class _Draft:
    """A file as it grows; ``odd`` is the chance that a place is odd."""

    at: random.Random
    odd: float
    number: int = 0

    def image(self) -> str:
        """A name that no other place has."""
        self.number += 1
        return f"moving{self.number}{self.at.choice(['', '', ':1', ':v1.2', f'@{PINNED}', f':1@{PINNED}'])}"

    def pick(self, plain: Sequence[str], odd: Sequence[str] = ()) -> str:
        return self.at.choice(odd if odd and self.may(self.odd) else plain)

    def may(self, chance: float) -> bool:
        return self.at.random() < chance

    def cased(self, word: str) -> str:
        return self.pick([word], [word.lower(), word.title()])


def dockerfile(seed: int) -> str:
    """The file of this seed."""
    at = random.Random(seed)
    draft = _Draft(at, at.choice([0, 0.05, 0.05, 0.1, 0.1, 0.2, 0.5]))
    parts = [draft.pick(*_DIRECTIVES) for _ in range(at.choice([0, 0, 0, 1, 1, 2]))]
    parts += [_global(draft) for _ in range(at.choice([0, 0, 1, 2]))]
    for _ in range(at.choice([1, 1, 2, 3])):
        parts.append(_from(draft))
        parts += [_instruction(draft) for _ in range(at.choice([1, 2, 3, 4]))]
    text = "".join(parts)
    return text if draft.may(0.9) else text.rstrip("\n")


def _global(draft: _Draft) -> str:
    name = draft.pick(
        ["A", "B", "GIVEN", "EMPTY", "IMAGE"], ["TARGETARCH", "http_proxy", "TARGETSTAGE", "BUILDKIT_SYNTAX"]
    )
    value = draft.pick(
        ["", "=1", "=", '="1"', "='1'", "=$GIVEN", "=${EMPTY:-2}", "=${EMPTY-2}", "=${NONE:-3}", "=1 B=2"],
        ["='$GIVEN'", "=a\\ b", '="$GIVEN"', "=\"a'b\"", "=1 # why", "=${GIVEN:+4}", "=${GIVEN#1}", "=x'y'z",
         "=$GIVEN B=$A", "=\\$A", "==", "='a", "=${GIVEN:-$A}", "=`x`", "=\xa0x", "=1\rB=2", "=${GIVEN/1/2}",
         "=$1", "=${_}"],
    )
    return f"{draft.cased('ARG')}{draft.pick(*_GAPS)}{name}{value}{draft.pick(*_ENDS)}"


def _from(draft: _Draft) -> str:
    tag = draft.pick(
        ["", ":1", ":$A", ":${A:-1}", ":$GIVEN", ":${EMPTY:-9}"], [":${NONE-8}", ":$TARGETARCH", ":${GIVEN}-x", ":${A}"]
    )
    image = draft.pick(
        ["scratch", "scratch", draft.image(), draft.image(), "s0"],
        [f"name{tag}", "$IMAGE", "S1", f'"{draft.image()}"', "mo\\ving", "Scratch", "scratch:1",
         f"{draft.image()}$EMPTY", "'a'", "$GIVEN", "${IMAGE:-x}", "localhost/x"],
    )
    flag = draft.pick(
        ["", "", "--platform=$BUILDPLATFORM ", "--platform=linux/amd64 "], ["--platform=$TARGETPLATFORM  ", "-- "]
    )
    number = draft.at.randrange(3)
    name = draft.pick(
        ["", f" AS s{number}"], [f" as S{number}", f"\tAS\ts{number}", f" \\\n AS s{number}", f" AS\u00a0s{number}"]
    )
    space = draft.pick([" "], ["  ", "\t", " \\\n", " \\\n# c\n  ", "\x0b", "\u00a0", "\r"])
    return f"{draft.cased('FROM')}{space}{flag}{image}{name}{draft.pick(*_ENDS)}"


def _instruction(draft: _Draft) -> str:
    kinds = [_run] * 6 + [_copy] * 4 + [_add] * 2 + [_other] * 3 + [_onbuild, _comment, _arg]
    return draft.at.choice(kinds)(draft)


def _words(draft: _Draft, most: int) -> str:
    """Words of a shell; a line may go on between them."""
    found = []
    for _ in range(draft.at.randrange(1, most + 1)):
        word = draft.pick(*draft.at.choice([_QUOTES, _DOLLARS, _SHELL, (["cat", "echo"], ["--from=x", "#"])]))
        found.append(word + (" " + draft.pick(*_GOES_ON) if draft.may(0.08) else draft.pick(*_SPACES)))
    return "".join(found)


def _with_heredocs(draft: _Draft, line: str, after: str, chance: float) -> str:
    """The line, perhaps with heredocs in it and what may be their bodies."""
    if not draft.may(chance):
        return line + after + draft.pick(*_ENDS)
    words = [draft.pick(*_WORDS) for _ in range(draft.at.choice([1, 1, 1, 2]))]
    for word in words:
        line += draft.pick([" "], ["\t", "", "  "]) + draft.pick(*_HEREDOCS).format(word)
        line += draft.pick(["", f" > /x{draft.number}"], [" " + _words(draft, 3)])
    return line + after + draft.pick(*_ENDS) + "".join(_body(draft, word) for word in words)


def _body(draft: _Draft, word: str) -> str:
    """What is a body if the line above has a heredoc, and mostly instructions that are as valid if it has none."""
    both = draft.may(0.7)
    among = _VALID if both else _BODIES
    body = "".join(draft.at.choice(among).format(draft.image(), word) for _ in range(draft.at.randrange(3)))
    body += "CMD x \\\n" * both
    return body + draft.pick(
        [f"{word}\n"], [f"\t{word}\n", f"{word}\r\n", f"{word}\r\r\n", f"{word}\r", f" {word}\n", ""]
    )


def _run(draft: _Draft) -> str:
    mount = (
        [f"type=bind,from={draft.image()},target=/m", "type=cache,target=/c", "type=bind,from=s0,target=/m"],
        [f'"from={draft.image()}",target=/m', f"target=/m,FROM={draft.image()}", "from=$IMAGE,target=/m",
         "from=0,target=/m", f"type=bind,'from={draft.image()}',target=/m",
         f"type=bind,from=\\{draft.image()},target=/m", "target=/m,from=",
         f"from={draft.image()},from=s0,target=/m", "type=tmpfs,target=/t", f"target=/m, from={draft.image()}",
         "from=scratch,target=/m"],
    )
    space = ([" "], ["  ", "\t", " \\\n", " \\\n# c\n"])
    flags = "".join(
        f"--mount={draft.pick(*mount)}{draft.pick(*space)}" for _ in range(draft.at.choice([0, 0, 0, 1, 2]))
    )
    flags += draft.pick([""], ["--network=none ", "-- ", "--network=host ", "--mount=type=cache,target=/c "])
    command = draft.pick([""], ['["cat", "x"] ', "[ -f x ] && ", '["cat", "<<EOF"]', '["a"', "\u00a0", ' ["a", "<<X"]'])
    return _with_heredocs(draft, f"{draft.cased('RUN')}{draft.pick(*_GAPS)}{flags}{command}{_words(draft, 4)}", "", 0.5)


def _copy(draft: _Draft) -> str:
    source = (
        [draft.image(), draft.image(), "s0", "0"],
        [
            "S1",
            "1",
            "9",
            "00",
            "+0",
            "-1",
            "$IMAGE",
            f'"{draft.image()}"',
            f"\\{draft.image()}",
            "scratch",
            "later",
            "\u0663",
        ],
    )
    flags = (["", "--link ", "--chown=1:1 "], ["--chmod=755 ", "--link=false ", "-- ", "--exclude=*.md ", "--parents "])
    given = "".join(
        draft.pick([f"--from={draft.pick(*source)} "] * 2 + [draft.pick(*flags)])
        for _ in range(draft.at.choice([0, 1, 1, 1, 1, 2]))
    )
    rest = draft.pick(["/a", "."], ["/a \\\n  /c", "'/a'", _words(draft, 2), '["/a", "/b"]', '["/a", "/b"'])
    end = draft.pick([" /b"], ["", ' "/b"', "\t/b", "/b"])
    return _with_heredocs(draft, f"{draft.cased('COPY')}{draft.pick(*_GAPS)}{given}{rest}", end, 0.25)


def _add(draft: _Draft) -> str:
    flags = (
        [""],
        [f"--checksum={PINNED} ", "--checksum=$A ", "--link ", "--keep-git-dir=true ", "--chown=1 ", "--unpack=true "],
    )
    if draft.may(0.2):
        return f"ADD --checksum={PINNED} https://e.com/x /b" + draft.pick(*_ENDS)
    place = draft.pick(
        ["x.tgz", ".", "x/y"],
        ["https://e.com/x", "HTTPS://e.com/x", "http://e.com/x", "git@e.com:x/y.git", "github.com/x/y",
         "https://e.com/x.git", "e.com/x.git", "https://e.com/x.git#v1", "ssh://e.com/x.git", "git://e.com/x",
         "'https://e.com/x'", "ht\\tps://e.com/x", "$IMAGE", "$A", "\ufeffx", "https://e.com/x?y", "x@e.com:y",
         "https:/e.com/x", "file://x", "ftp://e.com/x", "https://e.com/x/", "github.com/x", "https://e.com/x\xa0y",
         "bitbucket.org/x/y", "https://e.com/x?ref=y", "https://e.com/x.git?tag=1"],
    )
    rest = draft.pick([place], [f'["{place}", "/b"]', f"x {place} /b/", f"\\\n{place} ", f'"{place}"', f"{place} x"])
    return _with_heredocs(
        draft, f"{draft.cased('ADD')} {draft.pick(*flags)}{rest}", draft.pick([" /b"], ["", "/b"]), 0.15
    )


def _other(draft: _Draft) -> str:
    line = draft.pick(
        ["CMD x", "ENV A=1", "ENV IMAGE=y", "ENV A 1", "USER x", "WORKDIR /x", "EXPOSE 1", "LABEL a=b", "VOLUME /x"],
        [f"CMD {_words(draft, 3)}", f"LABEL a={draft.pick(*_QUOTES)}", "CMD cat <<EOF",
         f"ENTRYPOINT {_words(draft, 2)}", 'SHELL ["a"]', "STOPSIGNAL 9", f"ENV A={draft.pick(*_QUOTES)}",
         "HEALTHCHECK NONE", f"HEALTHCHECK --interval=1s CMD {_words(draft, 2)}", "MAINTAINER x", "ENV A=<<EOF",
         "LABEL a=<<EOF", "EXPOSE <<EOF", "WORKDIR <<EOF", "VOLUME <<X", "HEALTHCHECK CMD cat <<EOF"],
    )
    return (draft.pick(*_GOES_ON).join(line.split(" ", 1)) if draft.may(0.1) else line) + draft.pick(*_ENDS)


def _onbuild(draft: _Draft) -> str:
    inner = draft.at.choice([_run, _copy, _add, _other])(draft)
    return f"{draft.cased('ONBUILD')}{draft.pick(*_GAPS)}{draft.pick([''], ['ONBUILD '])}{inner}"


def _comment(draft: _Draft) -> str:
    start = draft.pick(["#"], [" #", "\t#", "\u00a0#", "\x0c#", "\ufeff#"])
    return (
        start
        + draft.pick(
            [" it's", " <<EOF", ""],
            [" \\", f" FROM {draft.image()}", "\rRUN x", f"\rCOPY --from={draft.image()} /a /b", "\x00"],
        )
        + "\n"
    )


def _arg(draft: _Draft) -> str:
    given = draft.pick(["A", "A=1", "B=2 A=3", "GIVEN", "IMAGE=x"], ["IMAGE=x y", "=1", "SOURCE_DATE_EPOCH=1"])
    return f"ARG {given}{draft.pick(*_ENDS)}"
# fmt: on
