"""`verify` as a whole: what it prints, its exit codes, and that it only reads."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from typing import Any

import pytest

from ecs_cd import cli
from tests.scripted_aws import Clock, ScriptedAws, denied, ecs, error, expired, throttled
from tests.timelines.conftest import DOCUMENT, Step
from tests.timelines.verify import conftest as account

Run = Callable[..., Step]


def test_an_account_that_has_everything(aws: ScriptedAws, step: Run) -> None:
    """Each line is ok, and the exit code is 0."""
    ended = step("verify")
    assert ended.exit_code == 0, ended.log
    print(ended.log)
    print(ended.summary)
    assert 0
