"""What ECS fetches over the network of a Fargate task before its containers run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ecs_cd.model.references import image_reference, region_of, repository

ECR, DKR, S3 = "ecr.api", "ecr.dkr", "s3"
PULL = (ECR, DKR, S3)  # S3 has the layers of ECR's images
_LOGS, _SECRETS, _PARAMETERS = "logs", "secretsmanager", "ssm"
NAMES = {
    ECR: "ECR",
    DKR: "ECR",
    S3: "S3, which has the image's layers",
    _LOGS: "CloudWatch Logs",
    _SECRETS: "Secrets Manager",
    _PARAMETERS: "Systems Manager",
}


@dataclass(frozen=True)
class Needs:
    """``services`` of the task's region, by the last part of their endpoint's name; ``outside``: what no endpoint of
    this region leads to. ``only_ipv4``: images in ECR whose host has no IPv6 address."""

    services: tuple[str, ...] = ()
    outside: tuple[str, ...] = ()
    only_ipv4: tuple[str, ...] = ()


def of(definition: Mapping[str, Any], images: Mapping[str, str], region: str) -> Needs:
    """The needs of a task with this definition in this region. ``images``: by container, the images or repositories
    that take the place of the definition's."""
    found = [each for container in definition["containerDefinitions"] for each in _container(container, images, region)]
    services = {name for kind, name in found if kind == "service"}
    return Needs(
        tuple(name for name in NAMES if name in services),
        tuple(dict.fromkeys(name for kind, name in found if kind == "outside")),
        tuple(dict.fromkeys(name for kind, name in found if kind == "only IPv4")),
    )


def beyond(needs: Needs) -> Needs:
    """Those that not every task has."""
    rest = tuple(name for name in needs.services if name not in (*PULL, _LOGS))
    return Needs(rest, needs.outside)


def _container(container: Mapping[str, Any], images: Mapping[str, str], region: str) -> Iterator[tuple[str, str]]:
    name = str(container["name"])
    yield from _image(images.get(name) or str(container.get("image", "")), region)
    log = container.get("logConfiguration") or {}
    if log.get("logDriver") == "awslogs":
        place = str((log.get("options") or {}).get("awslogs-region") or region)
        yield ("service", _LOGS) if place == region else ("outside", f"CloudWatch Logs in {place}")
    for each in (*container.get("secrets", ()), *log.get("secretOptions", ())):
        yield _secret(str(each.get("valueFrom", "")), region)
    credentials = (container.get("repositoryCredentials") or {}).get("credentialsParameter")
    if credentials:
        yield _secret(str(credentials), region, _SECRETS)
    if container.get("environmentFiles"):
        yield "service", S3


def _image(image: str, region: str) -> Iterator[tuple[str, str]]:
    if not image:
        return
    place = repository(image_reference(image)[0])
    if place.account is None:
        yield "outside", f"the registry of {image}"
    elif place.region != region:
        yield "outside", f"ECR in {place.region}"
    else:
        yield from (("service", name) for name in PULL)
    if place.account is not None and ".dkr-ecr" not in place.host:
        yield "only IPv4", image


def _secret(value: str, region: str, default: str = _PARAMETERS) -> tuple[str, str]:
    """A parameter may be given by its name, and a secret only by its ARN."""
    service = _SECRETS if ":secretsmanager:" in value else default
    place = region_of(value) or region
    return ("service", service) if place == region else ("outside", f"{NAMES[service]} in {place}")
