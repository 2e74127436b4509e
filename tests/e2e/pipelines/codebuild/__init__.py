"""One build of CodeBuild, run as CodeBuild's agent does: the buildspec's phases, in a container.

https://docs.aws.amazon.com/codebuild/latest/userguide/view-build-details-phases.html
"""

from __future__ import annotations

import io
import json
import uuid
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from dev.stack import Clients
from ecs_cd.report import verdict_line
from ecs_cd.report.summary import Part
from tests.e2e.pipelines.codebuild.buildspec import Buildspec, Files, parse
from tests.e2e.pipelines.codebuild.container import Container, Place, started

SOURCE = "/codebuild/output/src/src"  # CODEBUILD_SRC_DIR


@dataclass(frozen=True)
class Build:
    """A build that has ended. ``phases`` has the status of each phase that ran, ``source`` what is in its folder."""

    id: str
    phases: Mapping[str, str]
    message: str
    log: str
    exported: Mapping[str, str]
    artifact: bytes
    reports: Mapping[str, Mapping[str, bytes]]
    source: Path

    @property
    def succeeded(self) -> bool:
        return not self.message

    def verdict(self, nonce: str) -> Part:
        """The only part of ecs-cd's last line in the log."""
        found = verdict_line.find(self.log.splitlines(), self.id, nonce)
        assert found, self.log
        (part,) = found.parts
        return part

    @property
    def junit(self) -> ElementTree.Element:
        """The file of the build's report group."""
        (files,) = self.reports.values()
        return ElementTree.fromstring(files["junit.xml"])


def run(
    where: Place,
    project: str,
    buildspec: str,
    variables: Mapping[str, str],
    artifacts: Mapping[str, bytes],
    initiator: str,
    folder: Path,
) -> Build:
    """``artifacts`` are the input artifacts, the primary one first. ``folder`` gets the build's files."""
    spec = parse(buildspec)
    id = f"{project}:{uuid.uuid4()}"
    own = _own(id, initiator, _unzipped(artifacts, folder / "in"))
    environment = {**own, **spec.variables, **_looked_up(spec, where.clients), **variables}
    with started(where, environment, folder / "in") as container:
        phases, message, log = _phases(spec, container)
        container.copy_out(folder / "out")
    source = folder / "out" / Path(SOURCE).relative_to("/codebuild")
    exported = dict(each.split("=", 1) for each in (folder / "out/exported").read_text().split("\0") if each)
    return Build(
        id,
        phases,
        message,
        log,
        {name: exported[name] for name in spec.exported if name in exported},
        zipped(_chosen(source, spec.artifact)) if spec.artifact and not message else b"",
        {group: _chosen(source, files) for group, files in spec.reports.items()},
        source,
    )


# ---- what a build begins with ----


def _unzipped(artifacts: Mapping[str, bytes], folder: Path) -> dict[str, str]:
    """The variables that say where the input artifacts are; they are unzipped as they will be in the container."""
    found = {}
    for number, (name, content) in enumerate(artifacts.items()):
        place = SOURCE if number == 0 else f"/codebuild/output/src{number}/src"
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            archive.extractall(folder / place.removeprefix("/codebuild/"))
        found["CODEBUILD_SRC_DIR" if number == 0 else f"CODEBUILD_SRC_DIR_{name}"] = place
    (folder / "folder").write_text(SOURCE)
    return found


def _own(id: str, initiator: str, inputs: Mapping[str, str]) -> dict[str, str]:
    """https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-env-vars.html"""
    return {
        "HOME": "/root",
        "CI": "true",
        "CODEBUILD_BUILD_ID": id,
        "CODEBUILD_BUILD_ARN": f"arn:aws:codebuild:us-east-1:000000000000:build/{id}",
        "CODEBUILD_BUILD_NUMBER": "1",
        "CODEBUILD_INITIATOR": initiator,
        "CODEBUILD_LOG_PATH": id.partition(":")[2],
        "CODEBUILD_RESOLVED_SOURCE_VERSION": "3sL4kqtJlcpXroDTDmJ.rmSpXd3dIbrHY",
        **inputs,
    }


def _looked_up(spec: Buildspec, clients: Clients) -> dict[str, str]:
    """The values of parameter-store, and of secrets-manager: SECRET, or SECRET:KEY."""
    found = {}
    for name, parameter in spec.parameters.items():
        answer = clients.ssm.get_parameter(Name=parameter, WithDecryption=True)
        found[name] = answer["Parameter"]["Value"]
    for name, reference in spec.secrets.items():
        secret, _, key = reference.partition(":")
        text = clients.secretsmanager.get_secret_value(SecretId=secret)["SecretString"]
        found[name] = json.loads(text)[key] if key else text
    return found


# ---- its phases ----


def _phases(spec: Buildspec, container: Container) -> tuple[dict[str, str], str, str]:
    """The status of each phase that ran, the message of the one that failed, and the log."""
    statuses: dict[str, str] = {}
    message, log = "", []
    for name, commands in spec.commands.items():
        # After a build that failed, only post_build runs; after any other phase that failed, nothing does.
        if "FAILED" in statuses.values() and not (name == "post_build" and statuses.get("build") == "FAILED"):
            continue
        status, output = container.run(commands, succeeding=not message)
        statuses[name] = "FAILED" if status else "SUCCEEDED"
        log += [f"[Container] Entering phase {name.upper()}", output.rstrip("\n")]
        log.append(f"[Container] Phase complete: {name.upper()} State: {statuses[name]}")
        if status:
            words = f"Error while executing command: {container.command()}. Reason: exit status {status}"
            log.append(f"[Container] Phase context status code: COMMAND_EXECUTION_ERROR Message: {words}")
            message = message or words
    return statuses, message, "\n".join(log)


# ---- what it leaves ----


def _chosen(source: Path, files: Files) -> dict[str, bytes]:
    """The files by their paths below the base directory. CodeBuild's `*` does not go into folders."""
    base = source / files.base
    found = {path for pattern in files.files for path in base.glob(pattern) if path.is_file()}
    return {str(path.relative_to(base)): path.read_bytes() for path in sorted(found)}


def zipped(files: Mapping[str, bytes]) -> bytes:
    """An artifact."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return content.getvalue()
