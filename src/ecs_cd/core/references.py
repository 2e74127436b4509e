"""The names by which AWS's things are written down: images, task definitions, parameters, objects."""

from __future__ import annotations

import re
from dataclasses import dataclass

# https://docs.aws.amazon.com/AmazonECR/latest/userguide/Registries.html
ECR_HOST = re.compile(
    r"(?P<account>\d{12})\.dkr[.-]ecr(?:-fips)?\.(?P<region>[a-z0-9-]+)\.(?:amazonaws\.com(?:\.cn)?|on\.aws|on\.amazonwebservices\.com\.cn)"
)
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
COMMIT = re.compile(r"(?:[0-9a-f]{40}|[0-9a-f]{64})")
# https://github.com/distribution/reference: a tag
TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
FAMILY = re.compile(r"[A-Za-z0-9_-]{1,255}(?::[1-9][0-9]*)?")


@dataclass(frozen=True)
class Repository:
    """An image repository: ``host/name``. Account and region are known for ECR's own hosts."""

    host: str
    name: str
    account: str | None = None
    region: str | None = None

    def __str__(self) -> str:
        return f"{self.host}/{self.name}"

    def by_digest(self, digest: str) -> str:
        """``repository@sha256:...``, the form in which a task definition names an image."""
        return f"{self}@{digest}"


def repository(uri: str) -> Repository:
    """Splits a repository's URI. A host that is not ECR's is kept as it is (local registries)."""
    host, _, name = uri.partition("/")
    ecr = ECR_HOST.fullmatch(host)
    if ecr:
        return Repository(host, name, ecr["account"], ecr["region"])
    return Repository(host, name)


@dataclass(frozen=True)
class S3Object:
    bucket: str
    key: str


@dataclass(frozen=True)
class RegisteredTaskDefinition:
    """A family, ``family:revision`` or an ARN: what DescribeTaskDefinition takes."""

    name: str


@dataclass(frozen=True)
class WorkspaceFile:
    path: str


TaskDefinitionSource = S3Object | RegisteredTaskDefinition | WorkspaceFile


def task_definition_source(text: str) -> TaskDefinitionSource:
    """``s3://bucket/key``, an ARN, a family, or else a file of the workspace.

    A family's name has neither a dot nor a slash, so nothing else can be meant.
    """
    if text.startswith("arn:") or FAMILY.fullmatch(text):
        return RegisteredTaskDefinition(text)
    return file_source(text)


def file_source(text: str) -> S3Object | WorkspaceFile:
    """``s3://bucket/key``, or else a file of the workspace."""
    if text.startswith("s3://"):
        bucket, _, key = text.removeprefix("s3://").partition("/")
        return S3Object(bucket, key)
    return WorkspaceFile(text.removeprefix("file:"))


def short(arn: str) -> str:
    """The part of an ARN that people say: ``family:7``, a task's id."""
    return arn.rpartition("/")[2]


def region_of(arn: str) -> str | None:
    """The region in an ARN, where there is one."""
    parts = arn.split(":")
    return parts[3] or None if len(parts) > 4 and parts[0] == "arn" else None
