"""What ministack ignores of a task definition. Data in, sentences out.

tests/machine/local/test_ignored.py compares it with ministack itself, so that a newer one is noticed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ecs_cd.tasks.rules.task_definition import TaskDefinition

# Fields of a container that change what it does, and have no effect here.
CONTAINER = (
    "entryPoint", "healthCheck", "user", "workingDirectory", "dependsOn", "startTimeout", "stopTimeout",
    "restartPolicy", "environmentFiles", "volumesFrom", "links", "hostname", "extraHosts", "dnsServers",
    "dnsSearchDomains", "disableNetworking", "readonlyRootFilesystem", "dockerSecurityOptions", "dockerLabels",
    "ulimits", "systemControls", "resourceRequirements", "firelensConfiguration", "credentialSpecs", "interactive",
    "pseudoTerminal",
)  # fmt: skip
# Fields of a container that have their effect here, or that don't change what the container does.
HONOURED = (
    "name", "image", "command", "environment", "secrets", "essential", "portMappings", "privileged",
    "repositoryCredentials", "versionConsistency", "cpu", "memory", "memoryReservation",
)  # fmt: skip
# Fields of a container of which a part has an effect, see below.
PARTLY = ("linuxParameters", "logConfiguration", "mountPoints")
LINUX_PARAMETERS = ("devices", "initProcessEnabled", "maxSwap", "sharedMemorySize", "swappiness", "tmpfs")
_LOGS = "awslogs"  # the only driver whose log can be read here


def notes(definition: TaskDefinition, where: str) -> list[str]:
    """For each container, the fields that have no effect here."""
    volumes = definition.get("volumes") or ()
    shared = {volume.get("name") for volume in volumes if not (volume.get("host") or {}).get("sourcePath")}
    return [
        f"{where}: the local AWS ignores {', '.join(found)} of the container {container['name']}"
        for container in definition["containerDefinitions"]
        if (found := [*_fields(container, shared)])
    ]


def _fields(container: Mapping[str, Any], shared: set[Any]) -> Iterator[str]:
    yield from (name for name in CONTAINER if container.get(name))
    linux = container.get("linuxParameters") or {}
    yield from (f"linuxParameters.{name}" for name in LINUX_PARAMETERS if linux.get(name))
    if (linux.get("capabilities") or {}).get("drop"):
        yield "linuxParameters.capabilities.drop"
    driver = (container.get("logConfiguration") or {}).get("logDriver", _LOGS)
    if driver != _LOGS:
        yield f"logConfiguration ({driver})"
    volumes = [mount.get("sourceVolume", "") for mount in container.get("mountPoints") or ()]
    if unmounted := [str(name) for name in volumes if name in shared]:
        yield f"mountPoints ({', '.join(unmounted)})"
