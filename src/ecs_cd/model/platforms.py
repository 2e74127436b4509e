"""Names of platforms, in the form in which containerd compares them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

# https://github.com/containerd/platforms/blob/main/database.go
_SYSTEMS = {"macos": "darwin"}
_ARCHITECTURES = {"x86_64": "amd64", "x86-64": "amd64", "aarch64": "arm64", "i386": "386"}
_WITH_VARIANT = {"armhf": ("arm", "v7"), "armel": ("arm", "v6")}
_DEFAULT_VARIANTS = {("amd64", "v1"), ("arm64", "v8")}


def normalized(platform: str) -> str:
    """``linux/arm64`` for ``linux/aarch64``, ``linux/arm64/v8`` and ``arm64``; ``linux/arm/v7`` for ``linux/arm``."""
    parts = platform.strip().lower().split("/")
    system, machine, variant = (["linux", *parts] if len(parts) == 1 else parts) + [""] * (3 - max(len(parts), 2))
    machine = _ARCHITECTURES.get(machine, machine)
    machine, own = _WITH_VARIANT.get(machine, (machine, ""))
    variant = variant or own
    if variant.isdigit():
        variant = f"v{variant}"
    if machine == "arm" and not variant:
        variant = "v7"
    if (machine, variant) in _DEFAULT_VARIANTS:
        variant = ""
    return "/".join(filter(None, (_SYSTEMS.get(system, system), machine, variant)))


def repeated(platforms: Sequence[str]) -> list[str]:
    """The platforms that occur more than once, also under another name."""
    return [platform for platform, count in Counter(map(normalized, platforms)).items() if count > 1]
