"""A document with a lock and freeze windows, and an SSM that keeps the versions of its parameters."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.scripted_aws import Answer, Params, ScriptedAws, error
from tests.timelines.conftest import DOCUMENT, Step

Run = Callable[..., Step]

LOCK, FREEZE = "/ecs-cd/my-app/lock", "/ecs-cd/freeze"
# The clock begins at 2026-01-01T00:00:00Z.
ALICE = {"version": "1", "by": "alice", "since": "2025-12-31T20:00:00Z", "reason": "the database moves"}
GARBAGE = "not a lock"
CHANGES = (
    "ecs.RegisterTaskDefinition",
    "ecs.RunTask",
    "ecs.UpdateService",
    "ecs.ContinueServiceDeployment",
    "ecs.StopServiceDeployment",
    "codepipeline.StartPipelineExecution",
    "s3.PutObject",
)


class Ssm:
    """Parameters with their versions, oldest first. ``before_write`` is another caller that comes first."""

    def __init__(self, aws: ScriptedAws) -> None:
        self.aws = aws
        self.content: Params = {**DOCUMENT, "lock": LOCK, "freeze": FREEZE}
        self.versions: dict[str, list[str]] = {}
        self.types: dict[str, str] = {}
        self.before_write: list[Callable[[], None]] = []
        self.freeze()
        aws.on("ssm.GetParameter", lambda _: {"Parameter": {"Value": json.dumps(self.content), "Version": 3}})
        aws.on("ssm.GetParameters", self.get)
        aws.on("ssm.PutParameter", self.put)
        aws.on("ssm.DeleteParameter", self.delete)

    def has(self, name: str, value: Any, kind: str = "String") -> None:
        """A new version of this parameter."""
        text = value if isinstance(value, str) else json.dumps(value)
        self.versions.setdefault(name, []).append(text)
        self.types[name] = kind

    def locked(self, **more: str) -> None:
        self.has(LOCK, {**ALICE, **more})

    def freeze(self, *windows: Params) -> None:
        self.has(FREEZE, {"windows": list(windows)})

    @property
    def lock(self) -> Params:
        """What the lock's parameter holds now."""
        content: Params = json.loads(self.versions[LOCK][-1])
        return content

    def get(self, params: Params) -> Params:
        found, missing = [], []
        for asked in params["Names"]:
            name, _, version = asked.partition(":")
            kept = self.versions.get(name, [])
            number = int(version or len(kept))
            if 0 < number <= len(kept):
                value, kind = kept[number - 1], self.types[name]
                found.append({"Name": name, "Type": kind, "Value": value, "Version": number})
            else:
                missing.append(asked)
        return {"Parameters": found, **({"InvalidParameters": missing} if missing else {})}

    def put(self, params: Params) -> Answer:
        self._others()
        name = params["Name"]
        if name in self.versions and not params["Overwrite"]:
            return error("ParameterAlreadyExists")
        self.has(name, params["Value"])
        return {"Version": len(self.versions[name])}

    def delete(self, params: Params) -> Answer:
        self._others()
        return {} if self.versions.pop(params["Name"], None) else error("ParameterNotFound")

    def _others(self) -> None:
        if self.before_write:
            self.before_write.pop(0)()

    def changed(self) -> list[str]:
        """The calls that changed something other than SSM."""
        return [call.operation for call in self.aws.calls if call.operation in CHANGES]


@pytest.fixture
def ssm(aws: ScriptedAws) -> Ssm:
    return Ssm(aws)


@pytest.fixture
def as_bob(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run of a workflow that bob started."""
    run = {"GITHUB_ACTOR": "bob", "GITHUB_REPOSITORY": "org/my-app", "GITHUB_RUN_ID": "100"}
    for name, value in run.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://github.com")
