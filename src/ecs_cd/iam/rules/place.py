"""Where a document's resources are: partition, account and region, and the ARNs that follow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ecs_cd.document.rules.document import Document
from ecs_cd.model import console
from ecs_cd.model.errors import Refused
from ecs_cd.model.references import RegisteredTaskDefinition, Repository, account_of, region_of


@dataclass(frozen=True)
class Place:
    """The account and region of the cluster, which are also those of the role."""

    account: str
    region: str

    @property
    def partition(self) -> str:
        """As ARNs name it."""
        return console.partition(self.region)

    def arn(self, service: str, resource: str, *, region: str = "") -> str:
        """The ARN of a resource in this account and region, or in another region."""
        return f"arn:{self.partition}:{service}:{region or self.region}:{self.account}:{resource}"

    def iam(self, resource: str) -> str:
        """The ARN of a role, or of another resource of IAM, which has no regions."""
        return f"arn:{self.partition}:iam::{self.account}:{resource}"

    def s3(self, path: str) -> str:
        """The ARN of ``bucket/key``, which names no account."""
        return f"arn:{self.partition}:s3:::{path}"

    def repository(self, repository: Repository) -> str:
        """The ARN of a repository in ECR, in its own account and region, or in ECR Public."""
        if repository.public:
            _, _, name = repository.name.partition("/")  # the first part is the registry's alias
            return f"arn:{self.partition}:ecr-public::{self.account}:repository/{name}"
        there = Place(repository.account or self.account, repository.region or self.region)
        return there.arn("ecr", f"repository/{repository.name}")


def find(document: Document, *, config: str, account: str, caller: str, region: str) -> Place:
    """The place of the document's cluster. ``account`` is what the user names, ``caller`` the account of the
    credentials and ``region`` the region of the session; each may be empty.

    The ARNs of the document come before the caller, because whoever prints policies may be signed in elsewhere. Raises
    ``Refused`` if no account or region is known, or if the document names several for one cluster.
    """
    named = dict(_named(document))
    accounts = [*dict.fromkeys(filter(None, [account, *map(account_of, named.values())]))]
    regions = [*dict.fromkeys(filter(None, (region_of(arn) for arn in named.values())))]
    problems = [_several("account", accounts, account, named)] if len(accounts) > 1 else []
    problems += [_several("region", regions, "", named)] if len(regions) > 1 else []
    if problems:
        raise Refused(problems, "ECS runs task definitions of the cluster's own account and region only.")
    images = document.images.values()
    chosen = [*accounts, account_of(config), caller, _only(image.account for image in images)]
    there = [*regions, region_of(config), region, _only(image.region for image in images)]
    found = Place(next(filter(None, chosen), "") or "", next(filter(None, there), "") or "")
    if not found.account:
        raise Refused("no AWS account is known", "Name it: --account 123456789012, or sign in to AWS.")
    if not found.region:
        raise Refused("no AWS region is known", "Name it: --aws-region, or AWS_REGION in the environment.")
    return found


def _named(document: Document) -> Iterator[tuple[str, str]]:
    """The ARNs of what belongs to the cluster, by their paths."""
    yield "cluster", document.cluster
    for service in document.services.values():
        yield f"{service.path}.service", service.name
    for entry in document.entries:
        if isinstance(entry.task_definition, RegisteredTaskDefinition):
            yield f"{entry.path}.task-definition", entry.task_definition.name


def _only(values: Iterable[str | None]) -> str:
    """The only value; empty if there are several, or none."""
    found = set(filter(None, values))
    return found.pop() if len(found) == 1 else ""


def _several(what: str, values: list[str], given: str, named: dict[str, str]) -> str:
    place = 4 if what == "account" else 3
    places = [f"{path} names {arn.split(':')[place]}" for path, arn in named.items() if account_of(arn)]
    first = [f"--{what} names {given}"] if given else []
    return f"the {what} of the cluster is not clear: {'; '.join([*first, *places])}"
