"""A buildspec, read strictly: a key that CodeBuild lacks, or that isn't carried out here, is an error with its path.

https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import yaml

T = TypeVar("T")

PHASES = ("INSTALL", "PRE_BUILD", "BUILD", "POST_BUILD")
REMEDY = "See https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html"
_RUNTIMES = ("android", "dotnet", "golang", "java", "nodejs", "php", "python", "ruby")
_REPORTS = ("CUCUMBERJSON", "JUNITXML", "NUNITXML", "NUNIT3XML", "TESTNGXML", "VISUALSTUDIOTRX")
_COVERAGE = ("CLOVERXML", "COBERTURAXML", "JACOCOXML", "SIMPLECOV")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_FILES = ("files", "base-directory", "discard-paths")


class BuildspecError(Exception):
    """What is wrong with a buildspec, one problem a line."""


@dataclass(frozen=True)
class Files:
    """What an artifact or a report group takes from the build's folder; patterns are below ``base``."""

    files: tuple[str, ...]
    base: str = ""
    discard_paths: bool = False
    exclude: tuple[str, ...] = ()


@dataclass(frozen=True)
class Phase:
    """The commands of a phase. ``on_failure`` is ABORT, CONTINUE, or empty for what CodeBuild does by itself."""

    commands: tuple[str, ...] = ()
    finally_: tuple[str, ...] = ()
    on_failure: str = ""
    runtimes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Buildspec:
    """``secrets`` are references of Secrets Manager; ``artifact`` is the primary one, ``secondary`` by identifier."""

    shell: str = "sh"
    variables: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    exported: tuple[str, ...] = ()
    phases: Mapping[str, Phase] = field(default_factory=dict)
    artifact: Files | None = None
    secondary: Mapping[str, Files] = field(default_factory=dict)
    reports: Mapping[str, Files] = field(default_factory=dict)
    cache: bool = False


def is_inline(text: str) -> bool:
    """Whether a project's buildspec is the text itself, not a path in the source."""
    return "\n" in text or text.lstrip().startswith(("{", "version:"))


def parse(text: str) -> Buildspec:
    """Raises ``BuildspecError`` with all problems if the runner can't carry out the text in full."""
    try:
        content = yaml.load(text, _Loader)
    except yaml.YAMLError as error:
        raise BuildspecError(" ".join(str(error).split())) from None
    reader = _Reader()
    spec = reader.buildspec(content)
    if reader.problems:
        raise BuildspecError("\n".join(reader.problems))
    return spec


class _Loader(yaml.BaseLoader):
    """Each scalar is the text as written, as CodeBuild reads it: `PORT: 0080` and `DEBUG: no` stay what they are."""


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[str, Any]:
    keys = [loader.construct_object(key, deep=True) for key, _ in node.value]
    for number, key in enumerate(keys):
        if not isinstance(key, str):
            raise yaml.constructor.ConstructorError(None, None, "a key must be a text", node.start_mark)
        if key in keys[:number]:
            raise yaml.constructor.ConstructorError(None, None, f"{key}: the key is given twice", node.start_mark)
    return {key: loader.construct_object(value, deep=True) for key, (_, value) in zip(keys, node.value, strict=True)}


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


class _Reader:
    """Collects the problems; each method takes a value and its path."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def problem(self, path: str, words: str) -> None:
        self.problems.append(f"{path}: {words}")

    def buildspec(self, content: Any) -> Buildspec:
        known = ("version", "env", "phases", "artifacts", "reports", "cache", "run-as")
        spec = self.section(content, "", known, not_run=("batch", "proxy"))
        if spec.get("version") != "0.2":
            self.problem("version", f"{spec.get('version', '')!r} is not '0.2'")
        self.run_as(spec, "")
        if not spec.get("phases"):
            self.problem("phases", "a build has at least one phase")
        env = self.env(spec.get("env"))
        phases = self.section(spec.get("phases"), "phases", [name.lower() for name in PHASES])
        artifacts = self.artifacts(spec.get("artifacts"))
        return Buildspec(
            **env,
            phases={name: self.phase(phases.get(name.lower()), f"phases.{name.lower()}") for name in PHASES},
            artifact=artifacts[0],
            secondary=artifacts[1],
            reports=self.each(spec.get("reports"), "reports", self.report),
            cache=bool(self.section(spec.get("cache"), "cache", ("paths", "key", "fallback-keys", "action"))),
        )

    # ---- env, phases ----

    def env(self, value: Any) -> dict[str, Any]:
        keys = ("shell", "variables", "parameter-store", "secrets-manager", "exported-variables")
        section = self.section(value, "env", (*keys, "git-credential-helper"))
        self.choice(section.get("git-credential-helper", "no"), "env.git-credential-helper", ("no",), ("yes",))
        shell = section.get("shell", "sh")
        self.choice(shell, "env.shell", ("sh", "bash"), ("/bin/sh", "/bin/bash", "powershell.exe", "cmd.exe"))
        exported = self.texts(section.get("exported-variables", []), "env.exported-variables")
        for name in exported:
            self.name(name, "env.exported-variables")
        return {
            "shell": shell,
            "variables": self.named(section.get("variables"), "env.variables"),
            "parameters": self.named(section.get("parameter-store"), "env.parameter-store"),
            "secrets": self.named(section.get("secrets-manager"), "env.secrets-manager"),
            "exported": exported,
        }

    def phase(self, value: Any, path: str) -> Phase:
        keys = ["commands", "finally", "on-failure", "run-as"]
        if path == "phases.install":
            keys.append("runtime-versions")
        section = self.section(value, path, keys)
        self.run_as(section, f"{path}.")
        on_failure = section.get("on-failure", "")
        if on_failure:
            not_run = (on_failure,) if str(on_failure).startswith("RETRY") else ()
            self.choice(on_failure, f"{path}.on-failure", ("ABORT", "CONTINUE"), not_run)
        return Phase(
            self.texts(section.get("commands", []), f"{path}.commands"),
            self.texts(section.get("finally", []), f"{path}.finally"),
            on_failure,
            self.runtimes(section.get("runtime-versions"), f"{path}.runtime-versions"),
        )

    def runtimes(self, value: Any, path: str) -> dict[str, str]:
        section = self.section(value, path, _RUNTIMES)
        for runtime, version in section.items():
            if not re.fullmatch(r"latest|[a-z]*[0-9]+(\.([0-9]+|x))*", str(version)):
                self.problem(f"{path}.{runtime}", f"{version!r} is not a version")
        return section

    def run_as(self, section: Mapping[str, Any], prefix: str) -> None:
        user = section.get("run-as", "root")
        if user != "root":
            self.problem(f"{prefix}run-as", f"{user!r} is not run here: every command runs as root")

    # ---- artifacts, reports ----

    def artifacts(self, value: Any) -> tuple[Files | None, dict[str, Files]]:
        keys = (*_FILES, "name", "exclude-paths", "enable-symlinks", "s3-prefix")
        section = self.section(value, "artifacts", (*keys, "secondary-artifacts"))
        for key in ("name", "s3-prefix"):  # CodePipeline gives each artifact its key
            self.text(section.get(key, ""), f"artifacts.{key}")

        def one(value: Any, path: str) -> Files:
            each = self.section(value, path, (*keys, *(("secondary-artifacts",) if path == "artifacts" else ())))
            self.choice(each.get("enable-symlinks", "no"), f"{path}.enable-symlinks", ("no",), ("yes",))
            return self.files(each, path)

        secondary = self.each(section.get("secondary-artifacts"), "artifacts.secondary-artifacts", one)
        return one(value, "artifacts") if "files" in section or (section and not secondary) else None, secondary

    def report(self, value: Any, path: str) -> Files:
        section = self.section(value, path, (*_FILES, "file-format"))
        self.choice(section.get("file-format", "JUNITXML"), f"{path}.file-format", (*_REPORTS, *_COVERAGE))
        return self.files(section, path)

    def files(self, section: Mapping[str, Any], path: str) -> Files:
        found = self.texts(section.get("files", []), f"{path}.files")
        if not found:
            self.problem(f"{path}.files", "must name at least one file")
        self.choice(section.get("discard-paths", "no"), f"{path}.discard-paths", ("yes", "no"))
        base = section.get("base-directory", "")
        exclude = self.texts(section.get("exclude-paths", []), f"{path}.exclude-paths")
        return Files(found, self.text(base, f"{path}.base-directory"), section.get("discard-paths") == "yes", exclude)

    # ---- values ----

    def section(
        self, value: Any, path: str, known: Collection[str] | None = None, *, not_run: Collection[str] = ()
    ) -> dict[str, Any]:
        """A mapping; an absent or empty one has no keys."""
        if value is None or value == "":
            return {}
        if not isinstance(value, dict):
            self.problem(path or "the buildspec", f"must be a mapping, but is {_shown(value)}")
            return {}
        for key in value:
            where = f"{path}.{key}" if path else key
            if key in not_run:
                self.problem(where, "is not run here")
            elif known is not None and key not in known:
                self.problem(where, f"unknown key; known are {', '.join(sorted(known))}")
        return value

    def each(self, value: Any, path: str, read: Callable[[Any, str], T]) -> dict[str, T]:
        return {name: read(each, f"{path}.{name}") for name, each in self.section(value, path).items()}

    def named(self, value: Any, path: str) -> dict[str, str]:
        """Texts by the name of a variable."""
        found = {name: self.text(each, f"{path}.{name}") for name, each in self.section(value, path).items()}
        for name in found:
            self.name(name, path)
        return found

    def name(self, name: str, path: str) -> None:
        if not _NAME.fullmatch(name):
            self.problem(path, f"{name!r} is not the name of a variable")

    def text(self, value: Any, path: str) -> str:
        if not isinstance(value, str):
            self.problem(path, f"must be a text, but is {_shown(value)}")
            return ""
        return value

    def texts(self, value: Any, path: str) -> tuple[str, ...]:
        if not isinstance(value, list):
            self.problem(path, f"must be a list of texts, but is {_shown(value)}")
            return ()
        return tuple(self.text(each, f"{path}[{number}]") for number, each in enumerate(value))

    def choice(self, value: Any, path: str, known: Collection[str], not_run: Collection[str] = ()) -> None:
        if value in not_run:
            self.problem(path, f"{value!r} is not run here")
        elif value not in known:
            self.problem(path, f"{_shown(value)} is not one of {', '.join(known)}")


def _shown(value: Any) -> str:
    """A value, of which no more than its kind is shown if it isn't a text: it could hold a secret."""
    if isinstance(value, str):
        return "a text" if len(value) > 40 else repr(value)
    return "a mapping" if isinstance(value, dict) else "a list"
