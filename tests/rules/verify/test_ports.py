"""Port mappings that clash or that ECS refuses, and health checks that Docker can't run."""

from __future__ import annotations

from typing import Any

import pytest

from ecs_cd.verify.rules import ports
from ecs_cd.verify.rules.finding import State

Json = dict[str, Any]


def definition(network: str = "awsvpc", **containers: list[Json]) -> Json:
    found = [{"name": name, "portMappings": mappings} for name, mappings in containers.items()]
    return {"networkMode": network, "containerDefinitions": found}


def port(container: int | None = 8080, host: int | None = None, **more: Any) -> Json:
    given = {"containerPort": container, "hostPort": host, **more}
    return {name: value for name, value in given.items() if value is not None}


def texts(found: Json, state: State = State.WRONG) -> list[str]:
    return [finding.text for finding in ports.check("service web", found) if finding.state is state]


GOOD = [
    definition(app=[port()], proxy=[port(9090)]),
    definition(app=[port(host=8080)]),
    definition(app=[port(53, protocol="udp"), port(53)]),
    definition(app=[port(None, containerPortRange="8000-8010")]),
    definition("bridge", app=[port(host=0)], proxy=[port(host=0)]),
    definition("bridge", app=[port()], proxy=[port()]),
    definition("bridge", app=[port(8080, 80)], proxy=[port(8080, 81)]),
    definition("host", app=[port(8080)], proxy=[port(8081, 8081)]),
]


@pytest.mark.parametrize("found", GOOD)
def test_ports_that_fit(found: Json) -> None:
    """Each is listed in one line."""
    assert texts(found) == []
    assert len(texts(found, State.OK)) == 1


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (definition(app=[port()], proxy=[port()]), "containers app and proxy both use port 8080/tcp"),
        (definition("bridge", a=[port(1, 80)], b=[port(2, 80)]), "containers a and b both use host port 80/tcp"),
        (definition("host", a=[port(80)], b=[port(80)]), "containers a and b both use host port 80/tcp"),
        (definition("bridge", a=[port(1, 80), port(2, 80)]), "container a maps 80/tcp twice"),
        (definition(app=[port(8080, 80)]), "hostPort 80 of container app is not its containerPort 8080, as network"),
        (definition("host", app=[port(8080, 80)]), "hostPort 80 of container app is not its containerPort 8080"),
        (definition("bridge", app=[port(8080, 22)]), "hostPort 22 of container app is reserved"),
        (definition("bridge", app=[port(8080, 51678)]), "hostPort 51678 of container app is reserved"),
        (definition(app=[port(None)]), "a port mapping of container app has no containerPort"),
        (definition(app=[port(0)]), "containerPort 0 of container app is not a port"),
        (definition(app=[port(70000)]), "containerPort 70000 of container app is not a port"),
        (definition("bridge", app=[port(80, 65536)]), "hostPort 65536 of container app is not a port"),
        (definition(app=[port(protocol="sctp")]), "a port mapping of container app has an unknown protocol"),
        (definition(a=[port(1, name="http")], b=[port(2, name="http")]), "the port name http occurs twice"),
        (definition("none", app=[port()]), "container app has portMappings, and the network mode none allows none"),
    ],
)
def test_ports_that_do_not_fit(found: Json, expected: str) -> None:
    """Each problem is a line, with its container and a remedy."""
    wrong = [finding for finding in ports.check("service web", found) if finding.state is State.WRONG]
    assert [finding.text[: len(expected)] for finding in wrong] == [expected]
    assert all(finding.remedy and finding.check == ports.PORTS for finding in wrong)


def test_a_template_without_ports_has_no_line() -> None:
    """A worker has none."""
    assert list(ports.check("service worker", {"containerDefinitions": [{"name": "app"}]})) == []


@pytest.mark.parametrize(
    ("check", "expected"),
    [
        ({"command": ["CMD-SHELL", "curl -f http://localhost/ || exit 1"]}, ""),
        ({"command": ["CMD", "wget", "-q", "http://localhost/"]}, ""),
        ({"command": ["CMD", "/healthy"]}, ""),
        ({"command": ["NONE"]}, ""),
        ({"command": ["CMD-SHELL", "true"], "interval": 5, "timeout": 60, "retries": 10, "startPeriod": 300}, ""),
        ({}, ""),
        ({"interval": 30}, "it has no command"),
        ({"command": ["curl -f http://localhost/ || exit 1"]}, "the command does not begin with CMD or CMD-SHELL"),
        ({"command": ["curl", "-f", "http://localhost/"]}, "the command does not begin with CMD or CMD-SHELL"),
        ({"command": ["cmd-shell", "true"]}, "the command does not begin with CMD or CMD-SHELL"),
        ({"command": ["CMD-SHELL"]}, "nothing follows CMD-SHELL"),
        ({"command": ["CMD"]}, "nothing follows CMD"),
        ({"command": ["CMD-SHELL", "curl", "-f", "http://localhost/"]}, "CMD-SHELL takes one text"),
        ({"command": ["CMD", "curl -f http://localhost/"]}, "CMD runs one program by its name"),
        ({"command": ["CMD", "true"], "interval": 2}, "interval is 2, and ECS accepts 5 to 300"),
        ({"command": ["CMD", "true"], "startPeriod": 600}, "startPeriod is 600, and ECS accepts 0 to 300"),
        ({"command": ["CMD", "true"], "retries": 0}, "retries is 0, and ECS accepts 1 to 10"),
    ],
)
def test_health_checks_of_containers(check: Json, expected: str) -> None:
    """What ECS refuses, or what Docker would run otherwise than meant."""
    found = {"containerDefinitions": [{"name": "app", "healthCheck": check}]}
    wrong = texts(found)
    assert len(wrong) == bool(expected)
    assert all(text.startswith(f"healthCheck of container app: {expected}") for text in wrong)
    assert len(texts(found, State.OK)) == bool(check and not expected)
