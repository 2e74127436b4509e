"""ONBUILD triggers of base images: where they are, and which of them may add other content each time."""

from __future__ import annotations

from typing import Any

import pytest

from ecs_cd.images.rules import onbuild

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("trigger", "uncertain"),
    [
        ("COPY . /app", False),
        ("RUN npm install", False),
        ("ARG V=1", False),
        ("ENV A=1", False),
        (f"ADD --checksum={DIGEST} https://example.com/x /x", False),
        ("ADD https://example.com/latest /x", True),
        ("ADD git@example.com:x/y.git /x", True),
        ("ADD $SOURCE /x", True),
        ("COPY --from=moving:latest /a /b", True),
        ("COPY --from=0 /a /b", True),
        ("RUN --mount=type=bind,from=moving,target=/x make", True),
        ("RUN --mount=type=cache,target=/x make", False),
        ("RUN cat <<EOF > /x\nhi\nEOF", False),
        ("RUN cat <<EOF # it's\nCOPY --from=moving /a /b", True),
        ("# escape=`\nRUN make", True),
        ("INCLUDE x", True),
        ("", False),
    ],
)
def test_a_trigger_that_may_add_other_content_is_uncertain(trigger: str, uncertain: bool) -> None:
    """The rules for a Dockerfile's instructions hold for triggers; one of several is enough."""
    assert onbuild.uncertain([trigger]) is uncertain
    assert onbuild.uncertain(["WORKDIR /app", trigger, "RUN make"]) is uncertain


@pytest.mark.parametrize(
    ("config", "triggers"),
    [
        ({}, []),
        ({"config": None}, []),
        ({"config": {"OnBuild": None}}, []),
        ({"config": {"OnBuild": ["RUN a", "RUN b"]}}, ["RUN a", "RUN b"]),
        ({"Config": {"onbuild": ["RUN a"]}}, ["RUN a"]),
        ({"config": {}, "Config": {"OnBuild": ["RUN a"]}}, ["RUN a"]),
        ({"config": {"onbuild": None, "OnBuild": ["RUN a"]}}, ["RUN a"]),
        ({"container_config": {"OnBuild": ["RUN a"]}}, []),
    ],
)
def test_triggers_are_in_the_configuration(config: dict[str, Any], triggers: list[str]) -> None:
    """Go, and so BuildKit, doesn't distinguish the case of a key."""
    assert onbuild.triggers(config) == triggers


@pytest.mark.parametrize(
    ("flags", "targets", "machine", "found"),
    [
        ([], [], "x86_64", {"linux/amd64"}),
        ([""], ["linux/arm64"], "x86_64", {"linux/arm64", "linux/amd64"}),
        (["$BUILDPLATFORM", "${TARGETPLATFORM}"], ["linux/arm/v7"], "aarch64", {"linux/arm", "linux/arm64"}),
        (["linux/386"], [], "x86_64", set()),
        (["$OTHER"], [], "x86_64", set()),
        ([""], ["linux/arm64"], "", set()),
        ([""], [], "riscv64", set()),
    ],
)
def test_the_platforms_of_a_base_image(flags: list[str], targets: list[str], machine: str, found: set[str]) -> None:
    """The build's and the builder's; none means that any may be used."""
    assert onbuild.platforms(flags, targets, machine) == found


def manifest(digest: str, platform: str, **more: Any) -> dict[str, Any]:
    system, _, architecture = platform.partition("/")
    return {"digest": digest, "platform": {"os": system, "architecture": architecture}, **more}


ATTESTATION = manifest("c", "unknown/unknown", annotations={"vnd.docker.reference.type": "attestation-manifest"})
INDEX = {"manifests": [manifest("a", "linux/amd64"), manifest("b", "linux/arm64"), ATTESTATION, {"digest": "d"}]}


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (["linux/amd64"], ["a"]),
        (["linux/arm64", "linux/amd64"], ["a", "b"]),
        ([], ["a", "b", "d"]),
        (["linux/s390x"], ["a", "b", "d"]),
    ],
)
def test_the_manifests_of_an_index_that_a_build_may_use(wanted: list[str], found: list[str]) -> None:
    """All, if none is for the platforms; never an attestation."""
    assert onbuild.children(INDEX, wanted) == found
