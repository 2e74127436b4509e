"""The programs of a script that matter here, and what each of them prints."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from ecs_cd.init.rules import aws, docker
from ecs_cd.init.rules.arguments import Arguments
from ecs_cd.init.rules.facts import Template
from ecs_cd.init.rules.images import looks_like_image
from ecs_cd.init.rules.script import Run
from ecs_cd.init.rules.shell import Command
from ecs_cd.init.rules.values import Value, is_known, unknown

# Programs that only prepare or show something: without them a step loses nothing that ecs-cd doesn't do.
_GLUE = {
    "[", "[[", "test", "awk", "basename", "break", "case", "continue", "cut", "date", "df", "dirname", "do",
    "done", "elif", "else", "esac", "exit", "expr", "false", "fi", "find", "for", "function", "git", "grep",
    "head", "if", "in", "ls", "mktemp", "read", "return", "seq", "set", "shift", "shopt", "sleep",
    "sort", "tail", "then", "tr", "trap", "true", "uniq", "wait", "wc", "which", "while", "xargs", "(", ")",
    ":", "base64", "until", "local", "unset", "printenv", "whoami", "uname", "type", "let", "((", "command",
}  # fmt: skip
# Programs that change files, which a build may need: they stay if they come before it.
_FILES = {"chmod", "ln", "mkdir", "rm", "touch"}
_OF_GIT = {"submodule", "lfs", "clone", "apply", "am", "pull", "checkout"}  # these too
_PROGRAM = re.compile(r"(?:[\w.~+-]*/)*[\w.+*|-]+(?:\(\))?")
_WRAPPERS = {"sudo", "time", "env", "exec", "nohup", "command", "eval", "builtin"}
_SHELLS = {"bash", "sh", "source", ".", "zsh"}
_INSTALLS = re.compile(r"(?:pip3?|apt|apt-get|yum|brew|snap|npm|curl|wget|unzip|hash)$")


def run(script: Run, argv: list[str], stdin: str, command: Command) -> str:
    """Runs nothing: notes the facts of one command, and returns what it would print."""
    while argv and (argv[0] in _WRAPPERS or re.match(r"[A-Za-z_]\w*=", argv[0])):
        argv = argv[1:]
    if not argv:
        return ""
    name = argv[0].rpartition("/")[2] if argv[0].startswith("/") else argv[0]
    handler = _PROGRAMS.get(name)
    if handler is not None:
        return handler(script, argv[1:], stdin, command)
    if name in _SHELLS or name.endswith(".sh"):
        return _script(script, argv, stdin, command)
    if name in _FILES or (name == "git" and _OF_GIT & set(argv)):
        script.prepared.append((script.place(command), " ".join(argv)))
        return ""
    if name in _GLUE or not is_known(name) or _PROGRAM.fullmatch(name) is None:
        return (
            stdin if script.scope.marked(stdin) else unknown(f"the output of {name}" if is_known(name) else "a command")
        )
    return _other(script, argv, command)


def _other(script: Run, argv: list[str], command: Command) -> str:
    if not _is_installation(argv):
        script.others.append((script.place(command), " ".join(argv)))
    return unknown(f"the output of {argv[0]}")


def _is_installation(argv: Sequence[str]) -> bool:
    """Whether a command only installs the AWS CLI, jq or the like."""
    words = " ".join(argv).lower()
    return bool(_INSTALLS.match(argv[0])) and any(tool in words for tool in ("awscli", "jq", "ecs-deploy", "gettext"))


def _echo(script: Run, argv: list[str], stdin: str, command: Command) -> str:
    words = argv[1:] if argv[:1] and re.fullmatch(r"-[neE]+", argv[0]) else argv
    text = " ".join(words)
    script.legacy_output(text)
    return f"{text}\n"


def _printf(script: Run, argv: list[str], stdin: str, command: Command) -> str:
    words = argv[1:] if argv[:1] == ["--"] else argv
    if not words:
        return ""
    rest = iter(words[1:])
    text = re.sub(r"%[sdq]", lambda found: next(rest, ""), words[0])
    return text.replace("\\n", "\n").replace("\\t", "\t")


def _export(script: Run, argv: list[str], stdin: str, command: Command) -> str:
    for word in argv:
        name, equals, value = word.partition("=")
        if equals and re.fullmatch(r"[A-Za-z_]\w*", name):
            script.assign(name, "=", value)
    return ""


def _cd(script: Run, argv: list[str], stdin: str, command: Command) -> str:
    if argv and is_known(argv[0]):
        script.scope.folder = script.scope.in_folder(argv[0])
    return ""


def _cat(script: Run, argv: list[str], stdin: str, command: Command) -> str:
    names = [word for word in argv if not word.startswith("-")]
    if not names:
        return stdin
    return script.read(names[0], command)


def _tee(script: Run, argv: list[str], stdin: str, command: Command) -> str:
    for word in argv:
        if not word.startswith("-"):
            script.write(word, stdin, command)
    return stdin


def _copy(script: Run, argv: list[str], stdin: str, command: Command) -> str:
    names = [word for word in argv if not word.startswith("-")]
    template = _file(script, names[0], command) if len(names) == 2 else None
    if template:
        script.scope.files[script.scope.in_folder(names[1])] = template
    else:
        script.prepared.append((script.place(command), " ".join(["cp", *argv])))
    return ""


def _file(script: Run, name: str, command: Command) -> Template | None:
    """The task definition in a file: what a step wrote there, or the file of the repository."""
    path = script.scope.in_folder(name)
    earlier = script.scope.files.get(path)
    if earlier is not None or not script.scope.snapshot.find(path):
        return earlier
    text = script.scope.snapshot.texts.get(path, "")
    return Template("file", Value(path, script.place(command))) if "ontainerDefinitions" in text else None


def _filter(script: Run, argv: list[str], stdin: str, command: Command, name: str = "") -> str:
    """jq, sed, envsubst, yq: the same template, perhaps with another image."""
    names = [word for word in argv if script.scope.in_folder(word) in script.scope.files]
    names += [word for word in argv if script.scope.snapshot.find(script.scope.in_folder(word))]
    source = _file(script, names[-1], command) if names else script.scope.marked(stdin)
    source = source or next((found for word in argv if (found := script.scope.marked(word))), None)
    inside = any(re.match(r"-i\S*$|--in-place", word) for word in argv)
    if source is None:
        if inside:
            script.prepared.append((script.place(command), " ".join([name or "sed", *argv])))
        return unknown("the output of a filter")
    result = _with_image(source, argv, script.place(command))
    if result is source and name == "envsubst":
        result = Template("step", Value("", script.place(command)), source, placeholder="${")
    if names and inside:
        script.scope.files[script.scope.in_folder(names[-1])] = result
    return script.scope.mark(result)


_SELECTED = re.compile(
    r"\.name\s*==\s*(?:\\?[\"']?(?P<name>[\w-]+)|\$(?P<variable>\w+))\\?[\"']?\s*\)?\s*\)?\s*(?:then\s*)?\|?\s*\(?\.image\b"
)
_SUBSTITUTION = re.compile(r"(?<![A-Za-z_.-])s(?P<mark>[|#/,@~!])(?P<old>.*?)(?P=mark)(?P<new>.*?)(?P=mark)", re.DOTALL)


def _with_image(source: Template, argv: Sequence[str], place: str) -> Template:
    words = [word for word in argv if not word.startswith("-")]
    for word in words:
        for found in _SUBSTITUTION.finditer(word):
            source = _substituted(source, found["old"], found["new"], place)
    if any(step.image.text and step.name.place == place for step in source.steps):
        return source
    text = " ".join(words)
    if ".image" not in text and "image" not in text.lower():
        return source
    image = next((word for word in words if looks_like_image(word)), "")
    if not image:
        quoted = re.findall(r'"([^"\s]+)"', text)
        image = next((word for word in quoted if looks_like_image(word)), "")
    if not image:
        return source
    return replace(
        Template("step", Value("", place), source),
        image=Value(image, place),
        containers=tuple(_selected(text, argv)),
    )


def _substituted(source: Template, old: str, new: str, place: str) -> Template:
    """The template after `s/OLD/NEW/` of sed."""
    made = Template("step", Value("", place), source)
    if looks_like_image(new):
        return replace(made, image=Value(new, place), placeholder=re.sub(r"\\(.)|\.\*.*", r"\1", old))
    return replace(made, placeholder=re.sub(r"\\(.)", r"\1", old)) if old else source


def _selected(text: str, argv: Sequence[str]) -> Iterator[str]:
    """The containers whose image a filter of jq sets."""
    variables = {
        name: value for option, name, value in zip(argv, argv[1:], argv[2:], strict=False) if option == "--arg"
    }
    for found in _SELECTED.finditer(text):
        name = found["name"] or variables.get(found["variable"], "")
        if name:
            yield name


def _script(script: Run, argv: list[str], stdin: str, command: Command) -> str:
    """A script of the repository: followed like the step's own commands."""
    words = [word for word in argv if not word.startswith("-")]
    words = words[1:] if words and words[0] in _SHELLS else words
    if "-c" in argv and len(words) > 0:
        return script.nested(words[0])
    path = script.scope.snapshot.find(script.scope.in_folder(words[0])) if words else ""
    text = script.scope.snapshot.texts.get(path)
    if text is None or script.depth > 3:
        return _other(script, argv, command)
    inner = replace(
        script,
        file=path,
        first=1,
        arguments=tuple(words[1:]),
        branches=[],
        depth=script.depth + 1,
        variables=dict(script.variables),
    )
    return inner.follow(text)


_PROGRAMS: dict[str, Callable[[Run, list[str], str, Command], str]] = {
    "echo": _echo,
    "printf": _printf,
    "export": _export,
    "declare": _export,
    "local": _export,
    "readonly": _export,
    "cd": _cd,
    "pwd": lambda script, argv, stdin, command: script.value("PWD"),
    "pushd": _cd,
    "cat": _cat,
    "tee": _tee,
    "cp": _copy,
    "mv": _copy,
    "jq": _filter,
    "sed": _filter,
    "envsubst": lambda script, argv, stdin, command: _filter(script, argv, stdin, command, name="envsubst"),
    "yq": _filter,
    "perl": _filter,
    "python": lambda script, argv, stdin, command: _other(script, ["python", *argv], command),
    "aws": lambda script, argv, stdin, command: aws.run(script, Arguments(argv, aws.FLAGS), stdin, command),
    "docker": lambda script, argv, stdin, command: docker.run(script, argv, command),
}
