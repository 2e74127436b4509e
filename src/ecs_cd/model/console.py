"""The AWS console: its hosts, and its pages for the resources that a report names."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ecs_cd.model.references import DIGEST, ECR_HOST, short

_HOSTS = {"aws-cn": "console.amazonaws.cn", "aws-us-gov": "console.amazonaws-us-gov.com"}
# By the prefixes of their regions.
# https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html
_PARTITIONS = {
    "cn-": "aws-cn",
    "us-gov-": "aws-us-gov",
    "us-iso-": "aws-iso",
    "us-isob-": "aws-iso-b",
    "us-isof-": "aws-iso-f",
    "eu-isoe-": "aws-iso-e",
    "eusc-": "aws-eusc",
}
# The endpoints of the partitions whose console this knows: aws, aws-cn and aws-us-gov.
_ENDPOINT = re.compile(r"https://[a-z0-9.-]+\.(?:amazonaws\.com(?:\.cn)?|api\.aws|api\.amazonwebservices\.com\.cn)/?")


def host(region: str, partition: str) -> str:
    """The console's host. Only the partition ``aws`` has one per region."""
    return _HOSTS.get(partition, f"{region}.console.aws.amazon.com")


def partition(region: str) -> str:
    """The partition of a region, as ARNs name it."""
    return next((name for prefix, name in _PARTITIONS.items() if region.startswith(prefix)), "aws")


def of_endpoint(endpoint: str, region: str) -> Console:
    """The console of the AWS that answers at this endpoint; one without pages for a local AWS."""
    return Console(region if _ENDPOINT.fullmatch(endpoint) else "")


@dataclass(frozen=True)
class Console:
    """The pages of one region. Each URL is empty if the region is, or if a name is missing.

    Clusters, services and tasks may be given as names or as ARNs.
    """

    region: str

    def cluster(self, cluster: str) -> str:
        return self._page("ecs/v2/clusters", short(cluster), "services")

    def service(self, cluster: str, service: str) -> str:
        return self._page("ecs/v2/clusters", short(cluster), "services", short(service), "health")

    def deployments(self, cluster: str, service: str) -> str:
        """The service's deployments, the newest first."""
        return self._page("ecs/v2/clusters", short(cluster), "services", short(service), "deployments")

    def codedeploy(self, deployment: str) -> str:
        return self._page("codesuite/codedeploy/deployments", deployment)

    def task(self, cluster: str, task: str) -> str:
        return self._page("ecs/v2/clusters", short(cluster), "tasks", short(task), "configuration")

    def task_definition(self, arn: str) -> str:
        """The page of a revision, from its ARN or ``family:revision``."""
        family, _, revision = short(arn).rpartition(":")
        return self._page("ecs/v2/task-definitions", family, revision, "containers")

    def log_stream(self, group: str, stream: str, region: str = "") -> str:
        """The page of a log stream, by default of this region."""
        region = region or self.region
        place = f"log-groups/log-group/{_twice(group)}/log-events/{_twice(stream)}"
        root = self._root(region)
        return f"{root}/cloudwatch/home?region={region}#logsV2:{place}" if root and group and stream else ""

    def image(self, image: str) -> str:
        """The page of ``repository@sha256:...`` in ECR, in the region of the repository; empty for other registries."""
        uri, _, digest = image.partition("@")
        registry, _, name = uri.partition("/")
        found = ECR_HOST.fullmatch(registry)
        if not (found and name and DIGEST.fullmatch(digest) and self._root(found["region"])):
            return ""
        path = f"ecr/repositories/private/{found['account']}/{name}/_/image/{digest}/details"
        return f"{self._root(found['region'])}/{path}?region={found['region']}"

    def _root(self, region: str) -> str:
        return f"https://{host(region, partition(region))}" if self.region else ""

    def _page(self, path: str, *names: str) -> str:
        if not self.region or not all(names):
            return ""
        return f"{self._root(self.region)}/{path}/{'/'.join(_quoted(name) for name in names)}?region={self.region}"


def _twice(name: str) -> str:
    """How the console writes a name into the fragment of its URL."""
    return _quoted(_quoted(name)).replace("%", "$")


def _quoted(name: str) -> str:
    """A name as one segment of a path."""
    return re.sub(rb"[^\w.~-]", lambda found: b"%%%02X" % found[0][0], name.encode(errors="replace")).decode()
