#!/usr/bin/env python3
"""A stand-in for the AWS CLI in builds: the forms below, with requests that only the local AWS takes, because they are
not signed. boto3 would take a second of each build to be imported.
"""

import base64
import json
import os
import sys
import urllib.request
from pathlib import Path

ENDPOINT = os.environ["AWS_ENDPOINT_URL"]


def copy(source: str, to: str) -> None:
    """aws s3 cp --no-progress s3://BUCKET/KEY FILE"""
    scheme, _, place = source.partition("://")
    assert scheme == "s3", source
    with urllib.request.urlopen(f"{ENDPOINT}/{place}") as answer:
        Path(to).write_bytes(answer.read())
    print(f"download: {source} to {to}")


def password() -> None:
    """aws ecr get-login-password --region REGION; the registry of the local AWS has no region in its name."""
    target = "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken"
    headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": target}
    with urllib.request.urlopen(urllib.request.Request(ENDPOINT, b"{}", headers)) as answer:
        (found,) = json.load(answer)["authorizationData"]
    print(base64.b64decode(found["authorizationToken"]).decode().partition(":")[2])


match sys.argv[1:]:
    case ["s3", "cp", "--no-progress", source, to]:
        copy(source, to)
    case ["ecr", "get-login-password", "--region", _]:
        password()
    case other:
        sys.exit(f"this stand-in for the AWS CLI has no: aws {' '.join(other)}")
