"""Whether a build for another platform needs an emulator."""

from __future__ import annotations

import pytest

from ecs_cd.images.rules import emulation

NATIVE = "FROM --platform=$BUILDPLATFORM golang AS build\nRUN go build\n"


@pytest.mark.parametrize(
    ("dockerfile", "target", "needed"),
    [
        ("FROM alpine\nRUN apk add x\n", "", True),
        ("from alpine\nrun apk add x\n", "", True),
        ("ARG V=1\nFROM alpine:$V\nCOPY . .\n  RUN x\n", "", True),
        ("FROM --platform=$TARGETPLATFORM alpine\nRUN x\n", "", True),
        ("FROM alpine\nCOPY . .\nCMD [\"RUN\"]\n", "", False),
        ("FROM alpine\n# RUN x\n", "", False),
        (f"{NATIVE}FROM scratch\nCOPY --from=build /a /a\n", "", False),
        (f"{NATIVE}FROM alpine\nRUN x\n", "", True),
        (f"{NATIVE}FROM build\nRUN x\n", "", False),
        ("FROM alpine AS base\nRUN x\nFROM base\nCOPY . .\n", "", True),
        ("FROM alpine AS base\nRUN x\nFROM Base AS last\nCOPY . .\n", "", True),
        ("FROM alpine AS tools\nRUN x\nFROM scratch\nCOPY --from=tools /a /a\n", "", False),
        (f"{NATIVE}FROM alpine AS app\nCOPY . .\nFROM app AS test\nRUN x\n", "app", False),
        (f"{NATIVE}FROM alpine AS app\nCOPY . .\nFROM app AS test\nRUN x\n", "TEST", True),
        ("FROM alpine AS alpine\nRUN x\n", "", True),
        ("FROM alpine\nRUN x\n", "gone", False),
        ("", "", False),
        ("nothing that is a Dockerfile", "", False),
        ("FROM", "", False),
    ],
)  # fmt: skip
def test_only_what_certainly_runs_programs_needs_one(dockerfile: str, target: str, needed: bool) -> None:
    """A stage that only copies, or that the builder's own platform compiles, needs none; in doubt the build tells."""
    assert emulation.needed(dockerfile, target) is needed
