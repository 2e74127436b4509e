"""Modules that boto3 imports but ecs-cd never uses: skipped at the start, imported on first use."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import boto3

from tests.contract.parts import ROOT

SCRIPT = """
import json, sys
sys.path[:0] = sys.argv[1:]
import ecs_cd.aws.session
from ecs_cd.aws.lazy_imports import MODULES
print(json.dumps(sorted({*MODULES, "html.parser", "multiprocessing", "zipfile"} & set(sys.modules))))

import boto3, inspect, importlib.metadata
from s3transfer.compat import BaseManager
from urllib3.http2 import version
client = boto3.client("ssm", region_name="eu-west-1")
documentation = inspect.getdoc(client.get_parameter)
print(json.dumps([
    "client.get_parameter(" in documentation,
    version("boto3") == importlib.metadata.version("boto3") == boto3.__version__,
    type(BaseManager()).__module__,
]))
"""


def run(*flags: str) -> list[list[object]]:
    """What the script prints, under a Python with these flags."""
    packages = Path(boto3.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, *flags, "-c", SCRIPT, ROOT / "src", packages], capture_output=True, text=True, check=True
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_what_nobody_calls_is_left_out_and_there_when_it_is_called() -> None:
    """The documentation of a client, the version of a package, a process of multiprocessing: as ever."""
    left, works = run("-I", "-S")
    assert left == []
    assert works == [True, True, "multiprocessing.managers"]


def test_of_an_installed_boto3_nothing_is_left_out() -> None:
    """It is not the locked version, so its imports may matter."""
    left, works = run()
    assert "botocore.docs.method" in left
    assert works == [True, True, "multiprocessing.managers"]
