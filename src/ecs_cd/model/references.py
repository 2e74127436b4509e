"""How AWS resources are written: images, task definitions, parameters, objects."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

# The domains of the partitions, from botocore; https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-requests.html
_DOMAIN = r"(?:amazonaws\.com(?:\.cn)?|amazonaws\.eu|c2s\.ic\.gov|sc2s\.sgov\.gov|cloud\.adc-e\.uk|csp\.hci\.ic\.gov)"
ECR_HOST = re.compile(
    r"(?P<account>\d{12})\.dkr[.-]ecr(?:-fips)?\.(?P<region>[a-z0-9-]+)\."
    rf"(?:{_DOMAIN}|on\.aws|on\.amazonwebservices\.com\.cn)"
)
# https://docs.aws.amazon.com/AmazonECR/latest/public/public-ecr-requests.html
_PUBLIC_HOSTS = ("public.ecr.aws", "ecr-public.aws.com")
_NAME = r"[a-z0-9]+(?:[._/-]+[a-z0-9]+)*"
_MENTIONED = re.compile(rf"(?<![\w.-])(?P<host>{ECR_HOST.pattern})/(?P<name>{_NAME})")
_MENTIONED_PUBLIC = re.compile(rf"(?<![\w.-])(?<!\w/)(?P<host>{'|'.join(map(re.escape, _PUBLIC_HOSTS))})(?![\w.-])")
_ENDPOINT = re.compile(rf"https://[a-z0-9.-]+\.(?:{_DOMAIN}|api\.(?:aws|amazonwebservices|cloud-aws)[a-z.-]*)/?")
# ecs-cd accepts all of them: without the index types a registry returns the manifest of one platform.
MANIFEST_TYPES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
COMMIT = re.compile(r"(?:[0-9a-f]{40}|[0-9a-f]{64})")
# https://github.com/distribution/reference: a tag
TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
REVISION = re.compile(r"(?:arn:aws[a-z-]*:ecs:[a-z0-9-]+:[0-9]{12}:task-definition/)?[A-Za-z0-9_-]{1,255}:[1-9][0-9]*")
FAMILY = re.compile(r"[A-Za-z0-9_-]{1,255}(?::[1-9][0-9]*)?")


@dataclass(frozen=True)
class Repository:
    """An image repository: ``host/name``. Account and region are known for the hosts of ECR, except ECR Public.

    If several images share a repository, ``tag_prefix`` and ``tag_suffix`` tell their tags apart.
    """

    host: str
    name: str
    account: str | None = None
    region: str | None = None
    tag_prefix: str = ""
    tag_suffix: str = ""

    def __str__(self) -> str:
        return f"{self.host}/{self.name}"

    @property
    def public(self) -> bool:
        """Whether it is in ECR Public, where the name begins with the registry alias."""
        return self.host in _PUBLIC_HOSTS

    def tag(self, text: str) -> str:
        """The tag for a commit, or for a tag of the inputs."""
        return f"{self.tag_prefix}{text}{self.tag_suffix}"

    def by_digest(self, digest: str) -> str:
        """``repository@sha256:...``, as a task definition names an image."""
        return f"{self}@{digest}"


@dataclass(frozen=True)
class Image:
    """An image in a registry, with its exact manifest; empty in ECR Public, whose API doesn't return manifests."""

    digest: str
    manifest: str
    media_type: str

    @property
    def attestation(self) -> bool:
        """Whether it is an attestation in the index of an image, instead of an image."""
        return '"application/vnd.in-toto+json"' in self.manifest


def repository(uri: str) -> Repository:
    """Splits a repository URI. It keeps a host outside of ECR as it is (local registries)."""
    host, _, name = uri.partition("/")
    ecr = ECR_HOST.fullmatch(host)
    if ecr:
        return Repository(host, name, ecr["account"], ecr["region"])
    return Repository(host, name)


def image_reference(image: str) -> tuple[str, str]:
    """The repository URI of an image, and its digest, or else its tag."""
    name, _, digest = image.partition("@")
    uri, colon, tag = name.rpartition(":")
    if not colon or "/" in tag:  # the colon of a port
        uri, tag = name, "latest"
    return uri, digest or tag


def mentioned(texts: Iterable[str]) -> list[Repository]:
    """The ECR repositories in these texts (Dockerfiles, arguments, caches) outside of comments, without duplicates."""
    return list(dict.fromkeys(repository(f"{match['host']}/{match['name']}") for match in _matches(_MENTIONED, texts)))


def mentioned_public(texts: Iterable[str]) -> list[Repository]:
    """The hosts of ECR Public in these texts, also without a repository, as in ``ARG REGISTRY=public.ecr.aws``."""
    return list(dict.fromkeys(repository(match["host"]) for match in _matches(_MENTIONED_PUBLIC, texts)))


def _matches(pattern: re.Pattern[str], texts: Iterable[str]) -> Iterator[re.Match[str]]:
    lines = (line for text in texts for line in text.splitlines() if not line.lstrip().startswith("#"))
    return (match for line in lines for match in pattern.finditer(line))


def is_aws(endpoint: str) -> bool:
    """Whether the endpoint of an API belongs to AWS, not to a local AWS."""
    return bool(_ENDPOINT.fullmatch(endpoint))


@dataclass(frozen=True)
class S3Object:
    bucket: str
    key: str

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


@dataclass(frozen=True)
class RegisteredTaskDefinition:
    """A family, ``family:revision`` or an ARN, as DescribeTaskDefinition accepts it."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class WorkspaceFile:
    path: str

    def __str__(self) -> str:
        return self.path


@dataclass(frozen=True)
class ServiceRevision:
    """The task definition that an ECS service runs now. ``service`` is the service's name or ARN."""

    service: str


TaskDefinitionSource = S3Object | RegisteredTaskDefinition | WorkspaceFile
TemplateSource = TaskDefinitionSource | ServiceRevision


def service_key(text: str) -> str:
    """The key of the document's service that ``service:KEY`` names; empty for any other source.

    ``service:7`` is a revision of the family `service`.
    """
    is_key = text.startswith("service:") and not FAMILY.fullmatch(text)
    return text.removeprefix("service:") if is_key else ""


def task_definition_source(text: str) -> TaskDefinitionSource:
    """``s3://bucket/key``, an ARN, a family, or else a file in the workspace.

    A family name has neither a dot nor a slash, so the source is unambiguous.
    """
    if text.startswith("arn:") or FAMILY.fullmatch(text):
        return RegisteredTaskDefinition(text)
    return file_source(text)


def file_source(text: str) -> S3Object | WorkspaceFile:
    """``s3://bucket/key``, or else a file in the workspace."""
    if text.startswith("s3://"):
        bucket, _, key = text.removeprefix("s3://").partition("/")
        return S3Object(bucket, key)
    return WorkspaceFile(text.removeprefix("file:"))


def short(arn: str) -> str:
    """The short form of an ARN: ``family:7``, a task id."""
    return arn.rpartition("/")[2]


def region_of(arn: str) -> str | None:
    """The region in an ARN, if it has one."""
    parts = arn.split(":")
    return parts[3] or None if len(parts) > 4 and parts[0] == "arn" else None


def account_of(arn: str) -> str:
    """The account in an ARN; empty without one."""
    parts = arn.split(":")
    return parts[4] if len(parts) > 5 and parts[0] == "arn" else ""


def family(task_definition: str) -> str:
    """The family of ``family:revision``, of an ARN, or of a family itself."""
    return short(task_definition).partition(":")[0]


@dataclass(frozen=True)
class Mutability:
    """A repository's tag mutability: the ECR setting, and the filters for tags excluded from it."""

    setting: str = "MUTABLE"
    filters: Sequence[str] = ()

    def fixed(self, tag: str) -> bool:
        """Whether the tag is immutable once it exists."""
        excluded = any(fnmatch.fnmatchcase(tag, pattern) for pattern in self.filters)
        return self.setting.startswith("IMMUTABLE") != excluded


@dataclass(frozen=True)
class Tracked:
    """A file in the commit. ``size`` is the size of its blob; ``hidden``: Git is set not to check it for changes."""

    mode: str
    blob: str
    size: int
    changed: bool = False
    hidden: bool = False
    filter: str = ""
    encoding: str = ""
    ident: bool = False  # Git expands `$Id$` in it
