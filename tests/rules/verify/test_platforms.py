"""Which platforms an image has, and whether a task asks for one of them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ecs_cd.verify.rules import platforms
from ecs_cd.verify.rules.finding import State

Json = dict[str, Any]

ARM = {"runtimePlatform": {"cpuArchitecture": "ARM64"}}
X86 = {"runtimePlatform": {"cpuArchitecture": "X86_64", "operatingSystemFamily": "LINUX"}}
ATTESTATION = {
    "platform": {"os": "unknown", "architecture": "unknown"},
    "annotations": {"vnd.docker.reference.type": "attestation-manifest"},
}


def index(*names: str, **more: Any) -> str:
    entries = []
    for name in names:
        system, machine, *variant = name.split("/")
        platform = {"os": system, "architecture": machine, **({"variant": variant[0]} if variant else {})}
        entries.append({"digest": f"sha256:{name}", "platform": platform})
    return json.dumps({"schemaVersion": 2, "manifests": [*entries, ATTESTATION], **more})


@pytest.mark.parametrize(
    ("definition", "expected"),
    [
        ({}, "linux/amd64"),
        ({"runtimePlatform": {}}, "linux/amd64"),
        (X86, "linux/amd64"),
        (ARM, "linux/arm64"),
        ({"runtimePlatform": {"operatingSystemFamily": "WINDOWS_SERVER_2022_CORE"}}, "windows/amd64"),
        ({"runtimePlatform": {"cpuArchitecture": "RISCV"}}, ""),
    ],
)
def test_the_platform_of_a_task(definition: Json, expected: str) -> None:
    """X86_64 and Linux, unless the template says otherwise; a newer architecture is not guessed at."""
    assert platforms.wanted(definition) == expected


@pytest.mark.parametrize(
    ("manifest", "expected"),
    [
        (index("linux/amd64"), ["linux/amd64"]),
        (index("linux/amd64", "linux/arm64/v8"), ["linux/amd64", "linux/arm64"]),
        (json.dumps({"config": {"digest": "sha256:c"}, "layers": []}), None),
        (json.dumps({"manifests": [{"digest": "sha256:x"}]}), None),  # OCI does not demand a platform
        (json.dumps({"manifests": []}), None),
        (json.dumps({"manifests": ["x", {"platform": {"os": "li nux\n::error::", "architecture": "a"}}]}), None),
        ("{}", None),
        ("[]", None),
        ("not JSON", None),
    ],
)
def test_the_platforms_of_an_index(manifest: str, expected: list[str] | None) -> None:
    """Without attestations and variants; unknown if the manifest doesn't say, or says something else."""
    assert platforms.of_index(manifest) == expected


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"os": "linux", "architecture": "arm64", "variant": "v8"}, ["linux/arm64"]),
        ({"architecture": "amd64"}, ["linux/amd64"]),
        ({"os": "linux"}, None),
        ([], None),
    ],
)
def test_the_platform_of_a_single_image(config: Any, expected: list[str] | None) -> None:
    """Is in its configuration, which its manifest names."""
    assert platforms.of_config(json.dumps(config)) == expected
    assert platforms.config_digest(json.dumps({"config": {"digest": "sha256:c"}})) == "sha256:c"
    assert platforms.config_digest(index("linux/amd64")) == platforms.config_digest("x") == ""
    assert platforms.of_config("") is None


@pytest.mark.parametrize(
    ("found", "definition", "state", "words"),
    [
        (["linux/amd64"], {}, State.OK, "is for linux/amd64"),
        (["linux/amd64", "linux/arm64"], ARM, State.OK, "is for linux/arm64"),
        (["linux/arm64"], {}, State.WRONG, "is for linux/arm64, and runtimePlatform, X86_64 by default, asks for"),
        (["linux/amd64"], ARM, State.WRONG, "is for linux/amd64, and runtimePlatform asks for linux/arm64"),
        (None, ARM, State.NOT_CHECKABLE, "does not say which platform"),
        (["linux/amd64"], {"runtimePlatform": {"cpuArchitecture": "RISCV"}}, State.NOT_CHECKABLE, "does not know"),
    ],
)
def test_an_image_against_the_task(found: list[str] | None, definition: Json, state: State, words: str) -> None:
    """An image for another machine ends with `exec format error`; a wrong line says what to change."""
    (finding,) = platforms.judge("service web", "app", "IMAGE", found, definition)
    assert finding.state is state
    assert words in finding.text
    assert bool(finding.remedy) == (state is State.WRONG)


@pytest.mark.parametrize(
    ("listed", "definition", "states"),
    [
        (("linux/amd64",), {}, [State.OK]),
        (("linux/arm64/v8",), ARM, [State.OK]),
        (("linux/amd64", "linux/arm64"), ARM, [State.OK]),
        (("linux/arm64",), {}, [State.WRONG]),
        (("linux/amd64",), ARM, [State.WRONG]),
        ((), {}, []),  # a build on most runners is for this platform
        ((), ARM, [State.NOT_CHECKABLE]),
        (("linux/amd64",), {"runtimePlatform": {"cpuArchitecture": "RISCV"}}, []),
    ],
)
def test_the_app_file_against_the_task(listed: tuple[str, ...], definition: Json, states: list[State]) -> None:
    """Before an image is pushed, what the app's file builds is all that is known."""
    found = list(platforms.planned("service web", "app", "api", listed, definition, ".github/ecs-cd.yml"))
    assert [finding.state for finding in found] == states
    assert all("images.api.platforms" in f"{finding.text} {finding.remedy}" for finding in found)
