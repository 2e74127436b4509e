"""CodeBuild: runs builds of projects in containers, and describes them as BatchGetBuilds does."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ecs_cd.aws.session import Aws
from ecs_cd.local.codebuild.build import Build, Here
from ecs_cd.local.codebuild.record import SUCCEEDED, Record
from ecs_cd.local.codebuild.rules import environment, phases
from ecs_cd.model.errors import Refused

Request = Mapping[str, Any]  # CreateProject's parameters


@dataclass(frozen=True)
class BuildEnded:
    """How a build ended: SUCCEEDED, FAILED, FAULT, TIMED_OUT or STOPPED. ``message`` is CodePipeline's if it failed.

    ``artifacts`` has the archives of a build that succeeded, by output artifact.
    """

    status: str
    message: str = ""
    exported: Mapping[str, str] = field(default_factory=dict)
    artifacts: Mapping[str, bytes] = field(default_factory=dict)


class Builds:
    """All builds of the ``projects``. Methods can be called from several threads.

    ``image`` replaces the projects' images if it is given. ``env`` selects the Docker engine, and ``build_env`` is what
    a build uses the local AWS by. Containers have a label with the name of ``folder``, which gets the reports. When
    ``ending`` is set, every build is stopped.
    """

    def __init__(
        self,
        aws: Aws,
        projects: Mapping[str, Request],
        *,
        image: str,
        env: Mapping[str, str],
        build_env: Mapping[str, str],
        network: str,
        folder: Path,
        ending: threading.Event,
    ) -> None:
        self._projects = projects
        self._here = Here(aws, image, env, build_env, network, folder, ending)
        self._records: dict[str, Record] = {}
        self._numbers: dict[str, itertools.count[int]] = {name: itertools.count(1) for name in projects}

    def run(
        self,
        project: str,
        variables: Sequence[Mapping[str, str]],
        sources: Mapping[str, bytes],
        outputs: Sequence[str],
        initiator: str,
        source_version: str,
        begun: Callable[[str, str], None],
    ) -> BuildEnded:
        """Runs a build to its end. ``variables`` are as in environmentVariablesOverride, ``sources`` and ``outputs``
        are CodePipeline's artifacts, the primary source first. ``begun`` gets the build's id and URL.

        Raises ``Refused`` if the project doesn't exist, and for variables that CodeBuild wouldn't take.
        """
        if project not in self._projects:
            raise Refused(f"there is no CodeBuild project {project}", f"The projects are {', '.join(self._projects)}.")
        wrong = environment.problems(variables, "the build's variables")
        if wrong:
            raise Refused(wrong)
        record = Record(
            project=self._projects[project],
            number=next(self._numbers[project]),
            region=self._here.aws.region,
            account=self._here.account,
            initiator=initiator,
            source_version=source_version,
            variables=variables,
        )
        self._records[record.id] = record
        begun(record.id, record.url)
        build = Build(record, self._here, sources, outputs)
        build.run()
        failing = record.failing
        words = (failing.name, failing.code, failing.message) if failing else ("", "", "")
        if record.status == SUCCEEDED:
            return BuildEnded(SUCCEEDED, "", record.exported, build.artifacts)
        return BuildEnded(record.status, phases.message(record.status, *words), record.exported)

    def describe(self, ids: Iterable[str]) -> list[dict[str, Any]]:
        """BatchGetBuilds' `builds`: those that exist."""
        return [self._records[id].described() for id in ids if id in self._records]

    def stop(self, id: str) -> dict[str, Any]:
        """StopBuild: asks a build to end, and describes it. Raises ``KeyError`` if it doesn't exist."""
        record = self._records[id]
        record.asked_to_end = record.asked_to_end or "STOPPED"
        return record.described()
