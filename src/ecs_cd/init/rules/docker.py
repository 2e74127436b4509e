"""docker build, tag and push in a script."""

from __future__ import annotations

import re
from dataclasses import replace

from ecs_cd.init.rules import bake
from ecs_cd.init.rules.arguments import Arguments
from ecs_cd.init.rules.facts import Build
from ecs_cd.init.rules.scope import WORKSPACE
from ecs_cd.init.rules.script import Run
from ecs_cd.init.rules.shell import Command
from ecs_cd.init.rules.values import is_known, is_portable, sources, unknown

_FLAGS = frozenset(
    [
        "--push",
        "--load",
        "--pull",
        "--no-cache",
        "--rm",
        "--force-rm",
        "--squash",
        "--quiet",
        "-q",
        "--compress",
        "--debug",
        "-D",
        "--disable-content-trust",
        "--metadata-file-only",
    ]
)
_SPEC = re.compile(r"(\w[\w-]*)=([^,]*)")


def run(script: Run, argv: list[str], command: Command) -> str:
    """Notes what a docker command builds, or which new name an image gets."""
    words = [word for word in argv if not word.startswith("-")]
    verb = words[0] if words else ""
    if verb in ("buildx", "image", "builder") and len(words) > 1:
        verb = words[1] if words[1] in ("build", "tag", "push", "bake") else verb
    if verb == "build":
        at = argv.index("build") + 1
        _build(script, argv[at:], command)
    elif verb == "tag" and len(words) >= 3:
        _tag(script, words[-2], words[-1])
    elif verb == "push" and len(words) >= 2:
        _tag(script, words[-1], words[-1])
    elif verb in ("compose", "bake") and {"build", "bake"} & set(words):
        files = Arguments(argv, _FLAGS).all("-f", "--file")
        script.scope.facts += bake.builds(script.scope, tuple(files), script.place(command))
    elif verb in ("run", "exec"):
        script.others.append((script.place(command), f"docker {' '.join(argv[:4])}"))
    return unknown(f"the output of docker {verb}")


def _build(script: Run, argv: list[str], command: Command) -> None:
    given = Arguments(argv, _FLAGS)
    context = given.words[-1] if given.words else "."
    file = given.get("-f", "--file")
    secrets, envs, files = _secrets(script, given.all("--secret"))
    script.scope.facts.append(
        Build(
            place=script.place(command),
            tags=tuple(given.all("-t", "--tag")),
            context=_path(script, context),
            file=_path(script, file) if file else "",
            target=given.get("--target"),
            arguments=tuple(_argument(script, text) for text in given.all("--build-arg")),
            platforms=tuple(item for text in given.all("--platform") for item in text.split(",") if item),
            secrets=secrets,
            secret_envs=envs,
            secret_files=files,
            cache=cache(given.all("--cache-from", "--cache-to")),
        )
    )


def _path(script: Run, path: str) -> str:
    if not is_known(path.removeprefix(WORKSPACE)) or "://" in path or path == "-":
        return path
    return script.scope.in_folder(path)


def _argument(script: Run, text: str) -> str:
    """``NAME`` alone takes the value of the variable."""
    return text if "=" in text else f"{text}={script.value(text)}"


_Pairs = tuple[tuple[str, str], ...]


def _secrets(script: Run, texts: list[str]) -> tuple[tuple[str, ...], _Pairs, _Pairs]:
    """The secrets by value, which come from secrets of the workflow, by variable, and by file."""
    values, envs, files = [], [], []
    for text in texts:
        fields = {name: str(value) for name, value in _SPEC.findall(text)}
        name, file = fields.get("id", ""), fields.get("src") or fields.get("source") or ""
        variable = fields.get("env", name)
        value = script.variables.get(variable, "")
        if name and file:
            files.append((name, _path(script, file)))
        elif name and sources(value) and is_portable(value):
            values.append(f"{name}={value}")
        elif name:
            envs.append((name, variable))
    return tuple(values), tuple(envs), tuple(files)


def cache(texts: list[str]) -> str:
    """The kind of cache that these texts for buildx name."""
    kinds = {found for text in texts for found in re.findall(r"type=(\w+)", text)}
    if "gha" in kinds:
        return "gha"
    if "registry" in kinds:
        return "registry"
    return "inline" if "inline" in kinds else ""


def _tag(script: Run, old: str, new: str) -> None:
    script.scope.tagged.setdefault(old, []).append(new)
    for at, fact in enumerate(script.scope.facts):
        if (
            isinstance(fact, Build)
            and new not in fact.tags
            and (old in fact.tags or _latest(old) in map(_latest, fact.tags))
        ):
            script.scope.facts[at] = replace(fact, tags=(*fact.tags, new))


def _latest(name: str) -> str:
    return name if ":" in name.rpartition("/")[2] else f"{name}:latest"
