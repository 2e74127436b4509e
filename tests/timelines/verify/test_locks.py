"""`verify` and the parameters of `lock` and `freeze`."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.scripted_aws import Params, ScriptedAws, denied
from tests.timelines.conftest import Step
from tests.timelines.verify.conftest import document

Run = Callable[..., Step]

LOCK: Params = {"version": "1", "by": "alice", "since": "2025-12-31T20:00:00Z", "reason": "a move"}
WINDOW = {"from": "2025-12-31T00:00:00Z", "until": "2026-01-02T00:00:00Z", "reason": "sale"}
OK: Params = {"/f": {"windows": []}}


def has(aws: ScriptedAws, values: Params) -> None:
    found = [
        {"Name": name, "Type": "String", "Value": value if isinstance(value, str) else json.dumps(value), "Version": 1}
        for name, value in values.items()
    ]
    missing = [name for name in ("/l", "/f") if name not in values]
    aws.on("ssm.GetParameters", {"Parameters": found, **({"InvalidParameters": missing} if missing else {})})


@pytest.mark.parametrize(
    ("values", "state", "words"),
    [
        (OK, "ok", "/l does not exist: deployments are not locked"),
        (OK, "ok", "/f has 0 freeze windows"),
        ({**OK, "/l": LOCK}, "ok", "a deployment would be refused now: deployments are locked by alice since"),
        ({**OK, "/l": {**LOCK, "until": "2025-12-31T21:00:00Z"}}, "ok", "/l holds an expired lock"),
        ({"/f": {"windows": [WINDOW]}}, "ok", "a deployment would be refused now: deployments are frozen from 2025"),
        ({**OK, "/l": "x"}, "wrong", "must be a mapping, but is text"),
        ({"/f": {"windows": [{**WINDOW, "until": "soon"}]}}, "wrong", "windows[0].until: must be a time with a time"),
        ({}, "wrong", "there is no SSM parameter /f"),
    ],
)
def test_each_parameter_has_a_line(values: Params, state: str, words: str, aws: ScriptedAws, step: Run) -> None:
    """A lock that holds is no mistake; a text that no deployment would understand is one."""
    document(aws, lock="/l", freeze="/f")
    has(aws, values)
    ended = step("verify")
    assert ended.exit_code == (1 if state == "wrong" else 0), ended.log
    found: list[dict[str, Any]] = json.loads(ended.outputs["findings"])
    assert any(each["check"] == "lock" and each["state"] == state and words in each["text"] for each in found), found
    assert aws.count("ssm.GetParameters") == 1


def test_a_denied_read_is_not_checkable(aws: ScriptedAws, step: Run) -> None:
    """The finding names the action."""
    document(aws, lock="/l")
    aws.on("ssm.GetParameters", denied("ssm:GetParameters"))
    assert "ssm:GetParameters is not allowed" in step("verify").log
