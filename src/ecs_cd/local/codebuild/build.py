"""One build, as CodeBuild's agent runs it: its phases in a container, its log, artifacts and reports.

https://docs.aws.amazon.com/codebuild/latest/userguide/view-build-details-phases.html
"""

from __future__ import annotations

import base64
import re
import stat
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from ecs_cd.aws.session import Aws
from ecs_cd.local.codebuild import values
from ecs_cd.local.codebuild.container import BIN, HOST, Container, Tree
from ecs_cd.local.codebuild.logs import LogStream
from ecs_cd.local.codebuild.record import FAILED, SUCCEEDED, Record
from ecs_cd.local.codebuild.rules import artifacts, buildspec, environment, phases
from ecs_cd.local.codebuild.rules.artifacts import File
from ecs_cd.local.codebuild.rules.buildspec import Buildspec, BuildspecError
from ecs_cd.local.codebuild.rules.environment import PLAINTEXT
from ecs_cd.local.machine import LocalError
from ecs_cd.model.errors import Refused

LABEL = "ecs-cd.codepipeline"
_QUIET = ("SUBMITTED", "QUEUED", "PROVISIONING")  # not in the log if they succeed
_TMP = "/codebuild/output/tmp"
_POLL = 0.1  # seconds
_TIMEOUT = 60  # minutes, CodeBuild's default
# A shell for each command, which hands its folder and its variables to the next.
# https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-cmd.html
_SCRIPT = f"""\
cd "$(cat {_TMP}/dir.txt)" || exit
. {_TMP}/env.sh
set -a
{{}}
CODEBUILD_LAST_EXIT=$?
export -p > {_TMP}/env.sh
pwd > {_TMP}/dir.txt
exit $CODEBUILD_LAST_EXIT
"""
_FAILING = f"{_TMP}/failing.sh"
_EXPORTED = f"{_TMP}/exported.sh"
_OWN_SCRIPTS = {
    _FAILING: f"echo 'export CODEBUILD_BUILD_SUCCEEDING=0' >>{_TMP}/env.sh\n",
    _EXPORTED: f". {_TMP}/env.sh\nenv -0 | base64\n",
}


@dataclass(frozen=True)
class Here:
    """What all builds have in common; see ``Builds``."""

    aws: Aws
    image: str
    env: Mapping[str, str]
    build_env: Mapping[str, str]
    network: str
    folder: Path
    ending: threading.Event

    @property
    def account(self) -> str:
        """ministack takes the account from the access key."""
        key = self.build_env.get("AWS_ACCESS_KEY_ID", "")
        return key if re.fullmatch("[0-9]{12}", key) else "000000000000"


class _PhaseFailed(Exception):
    """A phase fails with a code and a message of CodeBuild's."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class _Ended(Exception):
    """The build was stopped or has timed out."""


@dataclass
class Build:
    """Runs once. ``sources`` are the input artifacts, the primary one first, ``outputs`` the names of the others."""

    record: Record
    here: Here
    sources: Mapping[str, bytes]
    outputs: Sequence[str]
    artifacts: dict[str, bytes] = field(default_factory=dict)
    _log: LogStream | None = None
    _hidden: list[str] = field(default_factory=list)

    def run(self) -> None:
        """Never raises for what goes wrong in the build: that is in the record."""
        if self.record.log:
            self._log = LogStream(self.here.aws, *self.record.log)
        try:
            with suppress(_PhaseFailed, _Ended):
                self._run()
        finally:
            self.record.enter(phases.FINALIZING)
            self.record.complete(SUCCEEDED)
            if self._log:
                self._log.close()
            self.record.end()

    def _run(self) -> None:
        for phase in ("SUBMITTED", "QUEUED"):
            with self._phase(phase):
                pass
        with self._phase("PROVISIONING"):
            container = self._create()
        with container.removed_at_the_end(), self._ended_in_time(container):
            with self._phase("DOWNLOAD_SOURCE"):
                spec = self._download(container)
            self._carry_out(spec, container)

    # ---- how a phase and a build end ----

    @contextmanager
    def _phase(self, name: str) -> Iterator[None]:
        """A phase, which has a status whatever goes wrong in it."""
        self.record.enter(name)
        if name not in _QUIET:
            self._say(f"Entering phase {name}")
        status, code, message = SUCCEEDED, "", ""
        try:
            self._raise_if_ended()
            try:
                yield
            finally:
                self._raise_if_ended()  # what failed because the container was removed, too
        except _PhaseFailed as error:
            status, code, message = FAILED, error.code, str(error)
            raise
        except _Ended:
            status = self.record.asked_to_end
            code, message = ("BUILD_TIMED_OUT", "Build has timed out.") if status == "TIMED_OUT" else ("", "")
            raise
        except Exception as error:
            status, code, message = "FAULT", "INTERNAL_SERVICE_ERROR", str(error)
            raise _PhaseFailed(code, message) from error
        finally:
            if name not in _QUIET or status != SUCCEEDED:
                self._say(f"Phase complete: {name} State: {status}")
                self._say(f"Phase context status code: {code} Message: {message}")
            self.record.complete(status, code, message)

    def _raise_if_ended(self) -> None:
        if self.record.asked_to_end:
            raise _Ended

    @contextmanager
    def _ended_in_time(self, container: Container) -> Iterator[None]:
        """Kills the container when the build is stopped, has timed out, or the process ends."""
        done = threading.Event()
        minutes = self.record.project.get("timeoutInMinutes", _TIMEOUT)
        watching = threading.Thread(target=self._watch, args=(container, done, time.monotonic() + minutes * 60))
        watching.start()
        try:
            yield
        finally:
            done.set()
            watching.join()

    def _watch(self, container: Container, done: threading.Event, deadline: float) -> None:
        while not done.wait(_POLL):
            late = "TIMED_OUT" if time.monotonic() > deadline else ""
            status = self.record.asked_to_end or ("STOPPED" if self.here.ending.is_set() else late)
            if status:
                self.record.asked_to_end = status
                container.kill()
                return

    # ---- before the commands ----

    @property
    def _labels(self) -> tuple[str, str]:
        """For the process's end, and for the end of this build."""
        return f"{LABEL}={self.here.folder.name}", f"ecs-cd.codebuild={self.record.uuid}"

    @property
    def _privileged(self) -> bool:
        return bool(self.record.project.get("environment", {}).get("privilegedMode"))

    def _create(self) -> Container:
        image = phases.image(self.here.image, self.record.project)
        try:
            return Container(image, self._labels, self.here.env, privileged=self._privileged)
        except LocalError as error:
            words = f"Unable to pull customer's container image. {error}"
            raise _PhaseFailed("BUILD_CONTAINER_UNABLE_TO_PULL_IMAGE", words) from None

    def _download(self, container: Container) -> Buildspec:
        folders = environment.folders(list(self.sources))
        try:
            trees = {folder: artifacts.unzipped(self.sources[name]) for name, folder in folders.items()}
        except Refused as refused:
            raise _PhaseFailed("CLIENT_ERROR", refused.sentence) from None
        spec = self._spec(next(iter(trees.values()), {}))
        variables = self._variables(spec)
        source = variables["CODEBUILD_SRC_DIR"]
        self._say(f"CODEBUILD_SRC_DIR={source}")
        if spec.cache:
            self._say("cache: nothing is kept here from build to build, as in a project without a cache")
        files = {place: File(b"", stat.S_IFDIR | 0o755) for place in [source, *folders.values()]}
        files |= {f"{folder}/{name}": file for folder, tree in trees.items() for name, file in tree.items()}
        files |= {path: File(text.encode(), 0o755) for path, text in self._scripts(spec, variables).items()}
        container.start(files)
        return spec

    def _scripts(self, spec: Buildspec, variables: Mapping[str, str]) -> dict[str, str]:
        path = f'export PATH="{BIN}:$PATH:{HOST}"\n' if self._privileged else ""
        first = {
            f"{_TMP}/env.sh": environment.script(variables) + path,
            f"{_TMP}/dir.txt": variables["CODEBUILD_SRC_DIR"],
        }
        commands = {
            _script(name, number): _SCRIPT.format(command)
            for name, phase in spec.phases.items()
            for number, command in enumerate((*phase.commands, *phase.finally_))
        }
        return {**first, **_OWN_SCRIPTS, **commands}

    def _spec(self, source: Mapping[str, File]) -> Buildspec:
        text = str(self.record.project.get("source", {}).get("buildspec") or "buildspec.yml")
        try:
            if not buildspec.is_inline(text):
                self._say(f"YAML location is {text}")
                text = _buildspec_in(source, text)
            return buildspec.parse(text)
        except BuildspecError as error:
            raise _PhaseFailed("YAML_FILE_ERROR", str(error)) from None

    def _variables(self, spec: Buildspec) -> dict[str, str]:
        record, declared = self.record, self.record.project.get("environment", {})
        given = environment.given(spec, declared.get("environmentVariables", ()), record.variables)
        try:
            read = {name: values.value(self.here.aws, each) for name, each in given.items()}
        except values.Unreadable as error:
            raise _PhaseFailed(error.code, str(error)) from None
        self._hidden = environment.to_mask(read[name] for name, each in given.items() if each.type != PLAINTEXT)
        build = {
            "BUILD_ID": record.id,
            "BUILD_ARN": record.arn,
            "BUILD_NUMBER": str(record.number),
            "BUILD_IMAGE": str(declared.get("image", "")),
            "INITIATOR": record.initiator,
            "LOG_PATH": record.uuid,
            "RESOLVED_SOURCE_VERSION": record.source_version,
            "SOURCE_VERSION": record.source_version,
            "START_TIME": str(int(record.began.timestamp() * 1000)),
        }
        network = self.here.network if record.project.get("vpcConfig") else ""
        docker = dict(zip(("LOCAL_LABEL", "LOCAL_BUILD", "LOCAL_NETWORK"), (*self._labels, network), strict=True))
        own = environment.own(build, self.here.aws.region, list(self.sources))
        return {**self.here.build_env, **read, **own, **docker}

    # ---- the commands ----

    def _carry_out(self, spec: Buildspec, container: Container) -> None:
        phase = buildspec.PHASES[0]
        while phase in spec.phases:
            failed = False
            try:
                with self._phase(phase):
                    self._run_phase(phase, spec, container)
            except _PhaseFailed:
                failed = True
            phase = phases.after(phase, failed, spec.phases[phase].on_failure)
        if spec.exported:
            self._export(spec, container)
        if phase == phases.UPLOAD:
            with self._phase(phase):
                self._upload(spec, container)

    def _run_phase(self, name: str, spec: Buildspec, container: Container) -> None:
        phase = spec.phases[name]
        for runtime, version in phase.runtimes.items():
            self._say(f"The image's own {runtime} is used: {version} isn't selected here")
        failed = self._run_each(name, spec, container, 0, phase.commands)
        failed_finally = self._run_each(name, spec, container, len(phase.commands), phase.finally_)
        if failed or failed_finally:
            raise _PhaseFailed("COMMAND_EXECUTION_ERROR", failed or failed_finally)

    def _run_each(self, phase: str, spec: Buildspec, container: Container, first: int, commands: Sequence[str]) -> str:
        """Runs commands to the first that fails; returns CodeBuild's words for it."""
        for number, command in enumerate(commands, first):
            self._say(f"Running command {command}")
            status = container.run(spec.shell, _script(phase, number), self._put)
            self._raise_if_ended()
            if status == 0:
                continue
            reason = "the container ended" if status is None else f"exit status {status}"
            self._say(f"Command did not exit successfully {command} {reason}")
            container.run("sh", _FAILING, self._put)
            return f"Error while executing command: {command}. Reason: {reason}"
        return ""

    def _export(self, spec: Buildspec, container: Container) -> None:
        lines: list[str] = []
        status = container.run(spec.shell, _EXPORTED, lines.append)
        try:
            dump = base64.b64decode("".join(lines), validate=True) if status == 0 else b""
            self.record.exported = environment.exported(dump, spec.exported)
        except ValueError:
            self._say(f"exported-variables can't be read: {' '.join(lines[:3])}")

    # ---- what it leaves ----

    def _upload(self, spec: Buildspec, container: Container) -> None:
        wanted = {name: artifacts.wanted(spec, name, self.outputs) for name in self.outputs}
        missing = [name for name, files in wanted.items() if files is None]
        if missing:
            raise _PhaseFailed("CLIENT_ERROR", f"the buildspec's artifacts have no {', '.join(missing)}")
        if not wanted and not spec.reports:
            return
        with container.tree(next(iter(environment.folders(list(self.sources) or [""]).values()))) as tree:
            for group, files in spec.reports.items():
                self._report(group, artifacts.chosen(tree.names, files), tree)
            for name, artifact in wanted.items():
                chosen = artifacts.chosen(tree.names, artifact) if artifact else {}
                if not chosen:
                    raise _PhaseFailed("CLIENT_ERROR", "no matching artifact paths found")
                self.artifacts[name] = artifacts.zipped(tree.read(chosen))

    def _report(self, group: str, chosen: Mapping[str, str], tree: Tree) -> None:
        """Puts the files of a report group into the folder of this CodePipeline."""
        place = self.here.folder / "reports" / self.record.uuid / re.sub(r"[^\w.-]+", "-", group)
        if not chosen:
            self._say(f"{group}: report files not found in build")
        for name, file in tree.read(chosen).items():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_bytes(file.content)

    # ---- the log ----

    def _say(self, words: str) -> None:
        if self._log:
            self._log.say(environment.masked(words, self._hidden))

    def _put(self, line: str) -> None:
        if self._log:
            self._log.put(environment.masked(line, self._hidden))


def _buildspec_in(source: Mapping[str, File], path: str) -> str:
    file = source.get(path.removeprefix("./"))
    if file is None:
        raise BuildspecError(f"stat {path}: no such file in the source")
    try:
        return file.content.decode()
    except UnicodeDecodeError:
        raise BuildspecError(f"{path} is not UTF-8 text") from None


def _script(phase: str, number: int) -> str:
    return f"{_TMP}/{phase}-{number}.sh"
