"""Port mappings and health checks of a task definition: what ECS or Docker would refuse, or never get healthy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ecs_cd.verify.rules.finding import Finding, ok, wrong

PORTS, HEALTH_CHECK = "ports", "container-health-check"
SHARED = ("awsvpc", "host")  # network modes in which the containers of a task share one network interface
# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_PortMapping.html: Docker and the ECS agent
_RESERVED = (22, 2375, 2376, 51678, 51679, 51680)
_LIMITS = {"interval": (5, 300), "timeout": (2, 60), "retries": (1, 10), "startPeriod": (0, 300)}


class Mapped(NamedTuple):
    """A port mapping of a container. ``host`` is 0 if the host picks the port; ``port`` is 0 for a range."""

    container: str
    port: int
    host: int
    protocol: str
    name: str
    span: str


def mapped(definition: Mapping[str, Any]) -> list[Mapped]:
    """The port mappings of all containers."""
    shared = mode(definition) in SHARED
    return [
        Mapped(
            str(container["name"]),
            each.get("containerPort", 0),
            each.get("containerPort", 0) if shared else each.get("hostPort", 0),
            str(each.get("protocol", "tcp")),
            str(each.get("name", "")),
            str(each.get("containerPortRange", "")),
        )
        for container in definition["containerDefinitions"]
        for each in container.get("portMappings", ())
    ]


def mode(definition: Mapping[str, Any]) -> str:
    """The network mode; on Linux, the default is bridge."""
    return str(definition.get("networkMode") or "bridge")


def check(subject: str, definition: Mapping[str, Any]) -> Iterator[Finding]:
    """The findings about port mappings and health checks of containers."""
    problems = list(dict.fromkeys([*_each(definition), *_twice(definition), *_names(definition)]))
    for text, remedy in problems:
        yield wrong(subject, PORTS, text, remedy)
    if not problems and (found := mapped(definition)):
        listed = ", ".join(f"{each.container} {each.span or each.port}/{each.protocol}" for each in found)
        yield ok(subject, PORTS, f"the port mappings fit together: {listed}")
    for container in definition["containerDefinitions"]:
        yield from _health_check(subject, str(container["name"]), container.get("healthCheck"))


def _each(definition: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    network = mode(definition)
    for container in definition["containerDefinitions"]:
        name = container["name"]
        if network == "none" and container.get("portMappings"):
            yield (
                f"container {name} has portMappings, and the network mode none allows none",
                "Remove the portMappings, or choose another networkMode.",
            )
        for each in container.get("portMappings", ()):
            yield from _one(str(name), each, network)


def _one(name: str, mapping: Mapping[str, Any], network: str) -> Iterator[tuple[str, str]]:
    port, host = mapping.get("containerPort"), mapping.get("hostPort")
    if port is None and not mapping.get("containerPortRange"):
        yield f"a port mapping of container {name} has no containerPort", "Set containerPort."
    elif port is not None and not 1 <= port <= 65535:
        yield f"containerPort {port} of container {name} is not a port", "Set a containerPort from 1 to 65535."
    if host is not None and not 0 <= host <= 65535:
        yield f"hostPort {host} of container {name} is not a port", "Set a hostPort from 0 to 65535."
    elif host and network in SHARED and port is not None and host != port:
        yield (
            f"hostPort {host} of container {name} is not its containerPort {port}, as network mode {network} demands",
            "Remove hostPort, or set it to the containerPort.",
        )
    elif host in _RESERVED and network in ("bridge", "host"):
        yield (
            f"hostPort {host} of container {name} is reserved for SSH, Docker or the ECS agent of the instance",
            "Choose another hostPort, or 0 for one that the host picks.",
        )
    if str(mapping.get("protocol", "tcp")) not in ("tcp", "udp"):
        yield f"a port mapping of container {name} has an unknown protocol", "Set protocol to tcp or udp."


def _twice(definition: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """In bridge mode only static host ports can clash; in the others, containers share an interface."""
    network = mode(definition)
    seen: dict[tuple[int, str], str] = {}
    for each in mapped(definition):
        if not each.host:
            continue
        other = seen.setdefault((each.host, each.protocol), each.container)
        if other != each.container:
            kind = "port" if network == "awsvpc" else "host port"
            yield (
                f"containers {other} and {each.container} both use {kind} {each.host}/{each.protocol}",
                "Give one of them another port.",
            )
        elif sum((m.container, m.host, m.protocol) == (each.container, *_key(each)) for m in mapped(definition)) > 1:
            yield f"container {other} maps {each.host}/{each.protocol} twice", "Keep one of the two mappings."


def _key(each: Mapped) -> tuple[int, str]:
    return each.host, each.protocol


def _names(definition: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    names = [each.name for each in mapped(definition) if each.name]
    for name in dict.fromkeys(name for name in names if names.count(name) > 1):
        yield f"the port name {name} occurs twice", "Give each port mapping of the task its own name."


# ---- health checks of containers ----


def _health_check(subject: str, name: str, check: Mapping[str, Any] | None) -> Iterator[Finding]:
    if not check:
        return
    problems = [*_command(list(check.get("command", ()))), *_limits(check)]
    for text, remedy in problems:
        yield wrong(subject, HEALTH_CHECK, f"healthCheck of container {name}: {text}", remedy)
    if not problems:
        yield ok(subject, HEALTH_CHECK, f"healthCheck of container {name} is well-formed; its program is in the image")


def _command(command: Sequence[str]) -> Iterator[tuple[str, str]]:
    shell = 'Write it as ["CMD-SHELL", "the whole command line"].'
    if not command:
        yield "it has no command", shell
    elif command[0] not in ("CMD", "CMD-SHELL", "NONE"):
        yield "the command does not begin with CMD or CMD-SHELL", shell
    elif command[0] != "NONE" and len(command) == 1:
        yield f"nothing follows {command[0]}", shell
    elif command[0] == "CMD-SHELL" and len(command) > 2:
        yield "CMD-SHELL takes one text; Docker runs only the first word of these", shell
    elif command[0] == "CMD" and len(command) == 2 and " " in command[1].strip():
        yield "CMD runs one program by its name, and this name is a whole command line", shell


def _limits(check: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, (least, most) in _LIMITS.items():
        value = check.get(name)
        if value is not None and not least <= value <= most:
            yield f"{name} is {value}, and ECS accepts {least} to {most}", f"Set {name} from {least} to {most}."
