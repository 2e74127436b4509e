"""What changes from one task definition to the next, as people read it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecs_cd.tasks.rules import comparison, difference
from tests.rules.tasks.definitions import DEFINITIONS, FEW, normalised, shuffled, web

APP = "containerDefinitions.app"
A, B = "a" * 64, "b" * 64


def labels(**labels: str) -> dict[str, Any]:
    return web(dockerLabels=labels)


def logs(**options: str) -> dict[str, Any]:
    return web(logConfiguration={"logDriver": "splunk", "options": options})


def volumes(*volumes: dict[str, Any]) -> dict[str, Any]:
    return web(top={"volumes": list(volumes)})


def variables(**values: str) -> dict[str, Any]:
    return web(environment=[{"name": name, "value": value} for name, value in values.items()])


def port(**members: Any) -> dict[str, Any]:
    return web(portMappings=[{"containerPort": 80, **members}])


SIDECAR = {
    "name": "proxy",
    "image": "nginx:1",
    "cpu": 64,
    "memory": 128,
    "environment": [{"name": "A", "value": "hunter2"}],
}
TWO = {"family": "web", "containerDefinitions": [*web()["containerDefinitions"], SIDECAR]}

CHANGES: list[tuple[dict[str, Any], dict[str, Any], list[str]]] = [
    (web(), web(), []),
    (web(image=f"r/app@sha256:{A}"), web(image=f"r/app@sha256:{B}"), [f"~ {APP}.image: r/app@sha256:aaaaaaaaaaaa… -> r/app@sha256:bbbbbbbbbbbb…"]),
    (web(top={"cpu": "256"}), web(top={"cpu": "0.5 vCPU"}), ["~ cpu: 256 -> 512"]),
    (web(top={"cpu": "256"}), web(top={"cpu": "0.25 vCPU"}), []),
    (web(), web(top={"memory": "1 GB"}), ["+ memory: 1024"]),
    (web(essential=False), web(), [f"- {APP}.essential: false"]),
    (web(), web(command=["rails", "s"]), [f'+ {APP}.command: ["rails", "s"]']),
    (web(command=["a", "b"]), web(command=["b", "a"]), [f'~ {APP}.command: ["a", "b"] -> ["b", "a"]']),
    (web(), web(user=" "), [f'+ {APP}.user: " "']),
    (web(user="a"), web(user="b\n+ cpu: 1"), [f'~ {APP}.user: a -> "b\\n+ cpu: 1"']),
    (variables(A="1", B="2"), variables(B="3", DEBUG="1"), [f"- {APP}.environment.A", f"~ {APP}.environment.B: changed", f"+ {APP}.environment.DEBUG"]),
    (web(), variables(**{"A\n- cpu": "1"}), [f'+ {APP}.environment."A\\n- cpu"']),
    (variables(A="1"), web(), [f"- {APP}.environment.A"]),
    (variables(A="1"), web(environment=[{"name": "A", "value": "1"}] * 2), [f"~ {APP}.environment.A: changed"]),
    (web(secrets=[{"name": "A", "valueFrom": "arn:x:secret:a"}]), web(secrets=[{"name": "A", "valueFrom": "arn:x:secret:b"}]), [f"~ {APP}.secrets.A: arn:x:secret:a -> arn:x:secret:b"]),
    (web(top={"taskRoleArn": "a"}), web(top={"taskRoleArn": "token-reader"}), ["~ taskRoleArn: a -> token-reader"]),
    (web(), port(), [f"+ {APP}.portMappings.80/tcp"]),
    (port(), port(name="http"), [f"+ {APP}.portMappings.80/tcp.name: http"]),
    (port(protocol="udp"), port(hostPort=8080), [f"- {APP}.portMappings.80/udp", f"+ {APP}.portMappings.8080:80/tcp"]),
    (web(), volumes({"name": "data"}), ["+ volumes.data"]),
    (volumes({"name": "data", "host": {"sourcePath": "/a"}}), volumes(), ["- volumes.data"]),
    (volumes({"name": "data"}), volumes({"name": "data", "host": {"sourcePath": "/a"}}), ["+ volumes.data.host.sourcePath: /a"]),
    (web(top={"tags": [{"key": "team", "value": "a"}]}), web(top={"tags": [{"key": "team", "value": "b"}]}), ["~ tags.team: a -> b"]),
    (web(), web(healthCheck={"command": ["CMD", "x"], "retries": 5}), [f'+ {APP}.healthCheck.command: ["CMD", "x"]', f"+ {APP}.healthCheck.retries: 5"]),
    (web(healthCheck={"command": ["CMD", "x"], "retries": 5}), web(), [f"- {APP}.healthCheck"]),
    (web(), TWO, ["+ containerDefinitions.proxy: image nginx:1, cpu 64, memory 128"]),
    (TWO, web(), ["- containerDefinitions.proxy"]),
    (web(top={"requiresCompatibilities": ["EC2"]}), web(top={"requiresCompatibilities": ["FARGATE", "EC2"]}), ['~ requiresCompatibilities: ["EC2"] -> ["EC2", "FARGATE"]']),
    (labels(a="1"), labels(a="2", b=""), [f"~ {APP}.dockerLabels.a: 1 -> 2", f'+ {APP}.dockerLabels.b: ""']),
    (logs(tag="a"), logs(tag="b"), [f"~ {APP}.logConfiguration.options.tag: a -> b"]),
    (web(user="x" * 300), web(user="y" * 300), [f"~ {APP}.user: {'x' * 200}… -> {'y' * 200}…"]),
    (web(user="x" * 300), web(user="x" * 301), [f"~ {APP}.user: changed"]),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "expected"), CHANGES)
def test_a_change_is_a_line_with_the_path_that_people_use(
    old: dict[str, Any], new: dict[str, Any], expected: list[str]
) -> None:
    """By name, not by number; what ECS ignores is not a change."""
    assert difference.lines(normalised(old), normalised(new)) == expected


def test_a_new_family_is_told_in_short() -> None:
    """There is nothing to compare with."""
    assert difference.lines(None, TWO) == [
        "+ family web: new",
        "+ containerDefinitions.app: image app:1",
        "+ containerDefinitions.proxy: image nginx:1, cpu 64, memory 128",
    ]


PRIVATE: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    (variables(A="hunter1"), variables(A="hunter2"), f"~ {APP}.environment.A: changed"),
    (web(), variables(A="hunter2"), f"+ {APP}.environment.A"),
    (web(), web(environment=[{"name": "A", "value": v} for v in ("hunter1", "hunter2")]), f"+ {APP}.environment.A"),
    (logs(**{"splunk-token": "hunter1"}), logs(**{"splunk-token": "hunter2"}), f"~ {APP}.logConfiguration.options.splunk-token: changed"),
    (logs(), logs(apikey="hunter2"), f"+ {APP}.logConfiguration.options.apikey"),
    (logs(http_passwd="hunter2"), logs(a="b"), f"- {APP}.logConfiguration.options.http_passwd"),
    (logs(), logs(**{"splunk-url": "https://hunter2"}), f"+ {APP}.logConfiguration.options.splunk-url"),
    (labels(a="1"), labels(a='{"password": "hunter2"}'), f"~ {APP}.dockerLabels.a: changed"),
    (web(), web(command=["--db-password=hunter2"]), f"+ {APP}.command"),
    (web(command=["x"]), web(command=["x", "postgres://app:hunter2@db/app"]), f"~ {APP}.command: changed"),
    (web(healthCheck={"command": ["x"]}), web(healthCheck={"command": ["x", "Authorization: hunter2"]}), f"~ {APP}.healthCheck.command: changed"),
    (volumes(), volumes({"name": "a", "dockerVolumeConfiguration": {"driverOpts": {"o": "password=hunter2"}}}), "+ volumes.a.dockerVolumeConfiguration.driverOpts.o"),
    (volumes({"name": "a", "host": {"sourcePath": "/a"}}), volumes(*[{"name": "a", "dockerVolumeConfiguration": {"driverOpts": {"o": "hunter2"}}}] * 2), "~ volumes.a: changed"),
    (web(), TWO, "+ containerDefinitions.proxy: image nginx:1, cpu 64, memory 128"),
    (TWO, {**TWO, "containerDefinitions": [*TWO["containerDefinitions"], SIDECAR]}, "~ containerDefinitions.proxy: changed"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "line"), PRIVATE)
def test_what_may_be_a_secret_is_not_shown(old: dict[str, Any], new: dict[str, Any], line: str) -> None:
    """Never values of the environment, and nowhere text that looks like a credential."""
    found = difference.lines(normalised(old), normalised(new))
    assert line in found
    assert not any("hunter" in line for line in found)
    assert not any("hunter" in line for line in difference.lines(normalised(new), normalised(old)))


@settings(max_examples=300, deadline=None)
@given(FEW, FEW)
def test_there_are_lines_if_and_only_if_ecs_would_run_another(old: dict[str, Any], new: dict[str, Any]) -> None:
    """A pull request that shows nothing registers nothing."""
    before, after = normalised(old), normalised(new)
    assert (difference.lines(before, after) == []) == comparison.same(before, after)


@settings(max_examples=60, deadline=None)
@given(st.data(), DEFINITIONS)
def test_another_order_is_no_change(data: st.DataObject, definition: dict[str, Any]) -> None:
    """As for `same`."""
    assert difference.lines(normalised(definition), normalised(data.draw(shuffled(definition)))) == []


@settings(max_examples=60, deadline=None)
@given(DEFINITIONS, DEFINITIONS)
def test_every_line_is_one_line_with_its_sign(old: dict[str, Any], new: dict[str, Any]) -> None:
    """Whatever a value contains; and no line occurs twice."""
    before, after = normalised(old), normalised(new)
    found = difference.lines(before, after)
    assert all(line[:2] in ("+ ", "- ", "~ ") and line.isprintable() for line in found), found
    assert len(set(found)) == len(found)
