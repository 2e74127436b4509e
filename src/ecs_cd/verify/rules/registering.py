"""What RegisterTaskDefinition, or starting a task from its result, would refuse."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ecs_cd.model.references import image_reference, repository
from ecs_cd.verify.rules.finding import Finding, ok, wrong

Json = Mapping[str, Any]

CHECK = "task-definition"
_REMEDY = "Correct it in the template."
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html#fargate-tasks-size
_MEMORY = {  # MiB, by CPU units
    256: (512, 1024, 2048),
    512: tuple(range(1024, 4096 + 1, 1024)),
    1024: tuple(range(2048, 8192 + 1, 1024)),
    2048: tuple(range(4096, 16384 + 1, 1024)),
    4096: tuple(range(8192, 30720 + 1, 1024)),
    8192: tuple(range(16384, 61440 + 1, 4096)),
    16384: tuple(range(32768, 122880 + 1, 8192)),
}
_LARGEST = max(_MEMORY)
_SIZE = re.compile(r"(\d*\.?\d+)\s*(vcpu|gb)?", re.IGNORECASE)


def check(subject: str, definition: Json, *, fargate: bool) -> Iterator[Finding]:
    """The template's values, as ECS checks them."""
    problems = [*_containers(definition), *(_fargate(definition) if fargate else _memory_of_containers(definition))]
    needed = needs_execution_role(definition, fargate=fargate)
    if needed and not definition.get("executionRoleArn"):
        problems.append(f"executionRoleArn is missing, which ECS needs to {needed}")
    for problem in problems:
        yield wrong(subject, CHECK, problem, _REMEDY)
    if not problems:
        size = f", {definition['cpu']} CPU units and {definition['memory']} MiB" if fargate else ""
        yield ok(subject, CHECK, f"ECS can register {definition.get('family', 'it')}{size}")


def on_fargate(definition: Json, service: Json | None) -> bool:
    """Whether tasks run on Fargate: the service says so or, if it says nothing, the template."""
    service = service or {}
    providers = [str(each.get("capacityProvider")) for each in service.get("capacityProviderStrategy", ())]
    if providers:
        return all(name in ("FARGATE", "FARGATE_SPOT") for name in providers)
    launch = service.get("launchType")
    return launch == "FARGATE" if launch else "FARGATE" in definition.get("requiresCompatibilities", ())


def needs_execution_role(definition: Json, *, fargate: bool) -> str:
    """What ECS does with the execution role; empty if it needs none. On EC2, the instance's role pulls and logs."""
    uses: list[str] = []
    containers = definition.get("containerDefinitions", ())
    logs = [each.get("logConfiguration", {}) for each in containers]
    if fargate and any(repository(image_reference(str(each.get("image", "")))[0]).account for each in containers):
        uses.append("pull from ECR")
    if fargate and any(log.get("logDriver") == "awslogs" for log in logs):
        uses.append("write logs")
    if any(each.get("secrets") for each in containers) or any(log.get("secretOptions") for log in logs):
        uses.append("read secrets")
    if any(each.get("environmentFiles") for each in containers):
        uses.append("read environment files")
    if any(each.get("repositoryCredentials") for each in containers):
        uses.append("read registry credentials")
    return " and ".join(uses)


def _containers(definition: Json) -> Iterator[str]:
    """References between containers and volumes, and sizes of containers within that of the task."""
    containers = definition.get("containerDefinitions", ())
    names = {each.get("name") for each in containers}
    volumes = {each.get("name") for each in definition.get("volumes", ())}
    if containers and not any(each.get("essential", True) for each in containers):
        yield "no container is essential, and ECS needs one"
    for number, container in enumerate(containers):
        place = f"containerDefinitions[{number}]"
        for index, other in enumerate(container.get("dependsOn", ())):
            if other.get("containerName") not in names:
                yield f"{place}.dependsOn[{index}].containerName: there is no such container"
        for index, mount in enumerate(container.get("mountPoints", ())):
            if mount.get("sourceVolume") not in volumes:
                yield f"{place}.mountPoints[{index}].sourceVolume: `volumes` has no such volume"
    yield from _sums(definition, containers)


def _sums(definition: Json, containers: Iterable[Json]) -> Iterator[str]:
    for name, key in (("cpu", "cpu"), ("memory", "memoryReservation")):
        whole = _units(definition.get(name), name)
        parts = sum(int(each.get(key) or (each.get(name) if name == "memory" else 0) or 0) for each in containers)
        if whole and parts > whole:
            yield f"{name}: the containers have {parts} in total, and the task has {whole:g}"


def _memory_of_containers(definition: Json) -> Iterator[str]:
    if definition.get("memory"):
        return
    for number, container in enumerate(definition.get("containerDefinitions", ())):
        if not container.get("memory") and not container.get("memoryReservation"):
            yield f"containerDefinitions[{number}]: needs memory or memoryReservation, as the task has no memory"


def _fargate(definition: Json) -> Iterator[str]:
    if definition.get("networkMode") != "awsvpc":
        yield "networkMode must be awsvpc on Fargate"
    yield from _fargate_size(definition)
    for number, container in enumerate(definition.get("containerDefinitions", ())):
        log = container.get("logConfiguration", {})
        if log.get("logDriver") == "awslogs" and not log.get("options", {}).get("awslogs-stream-prefix"):
            place = f"containerDefinitions[{number}].logConfiguration.options"
            yield f"{place}.awslogs-stream-prefix is missing, which Fargate needs"


def _fargate_size(definition: Json) -> Iterator[str]:
    missing = [name for name in ("cpu", "memory") if not definition.get(name)]
    if missing:
        yield f"{' and '.join(missing)} of the task {'are' if len(missing) > 1 else 'is'} missing, which Fargate needs"
        return
    cpu, memory = _units(definition["cpu"], "cpu"), _units(definition["memory"], "memory")
    for name, value in (("cpu", cpu), ("memory", memory)):
        if value is None:
            yield f"{name}: {definition[name]} is no size; write it as 1024, {'1 vCPU' if name == 'cpu' else '1 GB'}"
    if cpu is None or memory is None or cpu > _LARGEST:  # may be newer than this table
        return
    if cpu not in _MEMORY:
        yield f"cpu: Fargate has no tasks with {cpu:g} CPU units; it has {', '.join(map(str, _MEMORY))}"
    elif memory not in _MEMORY[int(cpu)]:
        words = f"memory: Fargate has no tasks with {cpu:g} CPU units and {memory:g} MiB"
        yield f"{words}; with this CPU, it is {_sizes(_MEMORY[int(cpu)])}"


def _sizes(sizes: Sequence[int]) -> str:
    if len(sizes) < 4:
        return ", ".join(map(str, sizes))
    return f"{sizes[0]} to {sizes[-1]} in steps of {sizes[1] - sizes[0]}"


def _units(value: Any, name: str) -> float | None:
    """CPU units or MiB; ECS also takes `1 vCPU` and `2GB`. ``None`` for anything else."""
    match = _SIZE.fullmatch(str(value or "").strip())
    if not match:
        return None
    number, unit = float(match[1]), (match[2] or "").lower()
    if not unit:
        return number
    return number * 1024 if unit == ("vcpu" if name == "cpu" else "gb") else None
