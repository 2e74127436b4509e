"""Names of platforms."""

from __future__ import annotations

import pytest

from ecs_cd.model.platforms import normalized, repeated


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("linux/amd64", "linux/amd64"),
        ("linux/x86_64", "linux/amd64"),
        ("linux/amd64/v1", "linux/amd64"),
        ("linux/amd64/v3", "linux/amd64/v3"),
        ("linux/aarch64", "linux/arm64"),
        ("linux/arm64/8", "linux/arm64"),
        ("Linux/ARM64/v8", "linux/arm64"),
        ("arm64", "linux/arm64"),
        ("linux/arm", "linux/arm/v7"),
        ("linux/arm/6", "linux/arm/v6"),
        ("linux/armhf", "linux/arm/v7"),
        ("windows/amd64", "windows/amd64"),
    ],
)
def test_names_of_one_platform_are_one(written: str, expected: str) -> None:
    """As containerd compares them: docs of github.com/containerd/platforms."""
    assert normalized(written) == expected
    assert normalized(expected) == expected


def test_a_platform_is_repeated_under_any_name() -> None:
    """Once each."""
    assert repeated(["linux/arm64", "linux/amd64", "linux/arm64/v8", "linux/aarch64"]) == ["linux/arm64"]
