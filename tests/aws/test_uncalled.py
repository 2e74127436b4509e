"""What boto3 imports and nobody calls: left out at the start, there when it is wanted all the same."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.contract.parts import ROOT

SCRIPT = """
import json, sys
import ecs_cd.aws.session
from ecs_cd.aws.uncalled import MODULES
print(json.dumps(sorted({*MODULES, "html.parser", "multiprocessing", "zipfile"} & set(sys.modules))))

import boto3, inspect, importlib.metadata
from s3transfer.compat import BaseManager
from urllib3.http2 import version
client = boto3.client("ssm", region_name="eu-west-1")
told = inspect.getdoc(client.get_parameter)
print(json.dumps([
    "client.get_parameter(" in told,
    version("boto3") == importlib.metadata.version("boto3") == boto3.__version__,
    type(BaseManager()).__module__,
]))
"""


def test_what_nobody_calls_is_left_out_and_there_when_it_is_called() -> None:
    """The documentation of a client, the version of a package, a process of multiprocessing: as ever."""
    done = subprocess.run([sys.executable, "-c", SCRIPT], cwd=ROOT / "src", capture_output=True, text=True, check=True)
    left, works = map(json.loads, done.stdout.splitlines())
    assert left == []
    assert works == [True, True, "multiprocessing.managers"]
