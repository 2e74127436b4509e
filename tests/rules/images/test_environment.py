"""What buildx takes from its environment: it is in the key, or it rules a key out."""

from __future__ import annotations

from typing import Any

import pytest

from ecs_cd.images.rules import environment
from ecs_cd.images.rules.dockerfile import NotReusable


@pytest.mark.parametrize(
    "name",
    [
        "SOURCE_DATE_EPOCH",
        "BUILDX_NO_DEFAULT_ATTESTATIONS",
        "BUILDX_NO_DEFAULT_OCI_ARTIFACT",
        "BUILDX_GIT_LABELS",
        "BUILDX_GIT_INFO",
        "BUILDX_GIT_CHECK_DIRTY",
    ],
)
def test_what_changes_an_image_is_a_fact_of_its_key(name: str) -> None:
    """By its value; an empty variable is as good as none."""
    assert environment.facts({name: "1"}, {}) != environment.facts({name: "2"}, {})
    assert environment.facts({name: "1"}, {}) != environment.facts({}, {})
    assert environment.facts({name: ""}, {}) == environment.facts({}, {})


@pytest.mark.parametrize(
    "name",
    [
        "PATH",
        "GITHUB_SHA",
        "HTTP_PROXY",
        "DOCKER_BUILDKIT",
        "DOCKER_PASSWORD",
        "BUILDKIT_PROGRESS",
        "BUILDX_BUILDER",
        "BUILDX_METADATA_PROVENANCE",
        "BUILDX_VERSION",
        "MY_BUILDX_IMAGE",
    ],
)
def test_what_changes_no_image_is_no_fact(name: str) -> None:
    """Neither the log, nor where Docker is, nor proxies of the environment, which buildx doesn't pass on."""
    assert environment.facts({name: "1"}, {}) == {}


@pytest.mark.parametrize(
    "name",
    [
        "EXPERIMENTAL_BUILDKIT_SOURCE_POLICY",
        "BUILDX_DEFAULT_POLICY",
        "BUILDX_BAKE_FILE",
        "BUILDX_BAKE_GIT_AUTH_TOKEN",
        "BUILDKIT_HOST",
        "BUILDKIT_SYNTAX",
        "BUILDX_OF_NEXT_YEAR",
    ],
)
def test_a_variable_of_buildx_with_an_unknown_effect_rules_a_key_out(name: str) -> None:
    """The reason names the variable, not its value, which may be a secret."""
    with pytest.raises(NotReusable, match=name) as raised:
        environment.facts({name: "hunter2"}, {})
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({}, {"default": {"httpProxy": "http://proxy1:1"}}),
        ({"default": {"httpProxy": "http://proxy1:1"}}, {"default": {"httpProxy": "http://proxy2:1"}}),
        ({"default": {"noProxy": "a"}}, {"default": {"noProxy": "b"}}),
        ({"default": {"httpProxy": "http://a:1"}}, {"tcp://x:2375": {"httpProxy": "http://a:1"}}),
        ({"default": {"allProxy": "a"}}, {"default": {"ftpProxy": "a"}}),
    ],
)
def test_the_proxies_of_dockers_configuration_are_facts(one: dict[str, Any], other: dict[str, Any]) -> None:
    """buildx passes them as build arguments, which a RUN can read."""
    assert environment.facts({}, {"proxies": one}) != environment.facts({}, {"proxies": other})


def test_nothing_else_of_dockers_configuration_is_a_fact() -> None:
    """Logins, plugins and features; the order of the proxies."""
    proxies = {"httpProxy": "http://a:1", "noProxy": "b"}
    one = {"auths": {"x": {"auth": "eA=="}}, "proxies": {"default": proxies}}
    other = {"proxies": {"default": dict(reversed(proxies.items()))}, "features": {"buildkit": "true"}}
    assert environment.facts({}, one) == environment.facts({}, other)


def test_a_proxy_with_a_password_rules_a_key_out() -> None:
    """No hash that is published includes a secret, and the reason doesn't tell it."""
    with pytest.raises(NotReusable, match="proxies of Docker's configuration") as raised:
        environment.facts({}, {"proxies": {"default": {"httpProxy": "http://me:hunter2@proxy:1"}}})
    assert "hunter2" not in str(raised.value)
