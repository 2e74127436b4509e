"""docker buildx bake: what the file says to it, and what it says of the targets."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecs_cd.images.rules import bake
from ecs_cd.images.rules.buildx import Build

DIGEST = "sha256:" + "a" * 64
TEMPLATES = st.text(alphabet=st.sampled_from("$%{}x~\\\"' \n")) | st.text()


def evaluated(text: str) -> str:
    """A string of a bake file, as HCL evaluates it; ecs-cd writes no template that does anything."""
    read = ""
    while text:
        if text.startswith(("${", "%{")):
            raise AssertionError("a template")
        if text.startswith(("$${", "%%{")):
            read, text = read + text[1:3], text[3:]
        else:
            read, text = read + text[0], text[1:]
    return read


def target(build: Build, **environ: str) -> dict[str, Any]:
    content = json.loads(bake.definition({"app": build}, folder="/work", environ=environ))
    assert list(content) == ["target"]
    found: dict[str, Any] = content["target"]["app"]
    return found


@given(TEMPLATES)
def test_any_text_arrives(text: str) -> None:
    """HCL would take `${` and `%{` for templates, which read variables and call functions."""
    assert evaluated(bake.escaped(text)) == text


@given(st.dictionaries(TEMPLATES, TEMPLATES), TEMPLATES)
def test_any_text_arrives_wherever_it_stands(labels: dict[str, str], text: str) -> None:
    """The names of labels and of arguments are templates, too."""
    build = Build(text, [text], text, text, [text], [f"A={text}"], [text], [text], labels)
    found = target(build)
    assert {evaluated(name): evaluated(value) for name, value in found.get("labels", {}).items()} == labels
    assert evaluated(found["args"]["A"]) == text
    for words in ("tags", "cache-from", "cache-to", "platforms"):
        assert [evaluated(word) for word in found.get(words, [])] == ([text] if words in found else [])
    assert evaluated(found["context"]).endswith(text)


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        (Build(".", ["r:1", "r:2"]), {"context": "/work/.", "tags": ["r:1", "r:2"]}),
        (Build("app", []), {"context": "/work/app"}),
        (Build("/abs", [], file="/other/Dockerfile"), {"context": "/abs", "dockerfile": "/other/Dockerfile"}),
        (Build("app", [], file="docker/Dockerfile"), {"context": "/work/app", "dockerfile": "/work/docker/Dockerfile"}),
        (Build("https://h/r.git#main", [], file="d/F"), {"context": "https://h/r.git#main", "dockerfile": "d/F"}),
        (Build("/c", [], target="prod"), {"context": "/c", "target": "prod"}),
        (Build("/c", [], platforms=["linux/arm64"]), {"context": "/c", "platforms": ["linux/arm64"]}),
        (Build("/c", [], build_args=["A=1", "B=x=y", "A=2"]), {"context": "/c", "args": {"A": "2", "B": "x=y"}}),
        (Build("/c", [], build_args=["HOME", "GONE"]), {"context": "/c", "args": {"HOME": "/root"}}),
        (Build("/c", [], cache_from=["type=gha"]), {"context": "/c", "cache-from": ["type=gha"]}),
        (Build("/c", [], cache_to=["type=inline"]), {"context": "/c", "cache-to": ["type=inline"]}),
        (Build("/c", [], labels={"a.b": "c"}), {"context": "/c", "labels": {"a.b": "c"}}),
        (Build("/c", [], secrets={"T": "src=/a,b"}), {"context": "/c", "secret": ['id=T,"src=/a,b"']}),
        (Build("/c", [], provenance="mode=max"), {"context": "/c", "attest": ["type=provenance,mode=max"]}),
        (Build("/c", [], provenance="False"), {"context": "/c", "attest": ["type=provenance,disabled=true"]}),
        (Build("/c", [], sbom="true"), {"context": "/c", "attest": ["type=sbom,disabled=false"]}),
        (Build("/c", [], bases={"b:1": "b@x"}), {"context": "/c", "contexts": {"b:1": "docker-image://b@x"}}),
    ],
)  # fmt: skip
def test_a_build_becomes_exactly_this_target(build: Build, expected: dict[str, Any]) -> None:
    """It means what the same does in `docker buildx build`, and nothing that was not asked for is in it."""
    assert target(build, HOME="/root") == expected


def test_each_build_is_a_target_of_the_command() -> None:
    """No group, and no `default`: an image may have that name."""
    text = bake.definition({"app": Build("a", []), "default": Build("b", [])}, folder="/", environ={})
    assert list(json.loads(text)["target"]) == ["app", "default"]
    assert bake.argv(["app", "default"], file="/f.json", metadata_file="/m.json") == [
        "docker", "buildx", "bake", "--push", "--file=/f.json", "--progress=plain", "--metadata-file=/m.json",
        "app", "default",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("names", "targets"),
    [
        (["app", "nginx"], ["app", "nginx"]),
        (["my.app", "my_app-2"], ["my-app", "my_app-2"]),
        (["a.b", "a-b", "a_b"], ["a-b", "a-b_", "a_b"]),
        (["a-b", "a.b", "a..b"], ["a-b", "a-b_", "a--b"]),
    ],
)
def test_targets_have_names_that_bake_takes(names: list[str], targets: list[str]) -> None:
    """As like those of the images as can be, for who reads the log; never one for two."""
    assert list(bake.targets(names).values()) == targets
    assert all(re.fullmatch("[A-Za-z0-9_-]+", name) for name in targets)


@pytest.mark.parametrize(
    ("metadata", "digests"),
    [
        ("", {}),
        ("[]", {}),
        (json.dumps({"app": {"containerimage.digest": DIGEST}, "nginx": {}}), {"app": DIGEST}),
        (json.dumps({"app": {"containerimage.digest": "latest"}, "buildx.build.warnings": [{}]}), {}),
    ],
)
def test_each_targets_digest_is_in_the_metadata(metadata: str, digests: dict[str, str]) -> None:
    """By target; other entries are ignored."""
    assert bake.digests(metadata) == digests


CUT_OFF = [
    "#8 [app] pushing r:1 with docker",
    "#9 [nginx 2/2] RUN false",
    '#9 ERROR: process "false" did not complete',
    '#8 ERROR: failed to solve: process "false" did not complete',
    "------",
    " > [app] pushing r:1 with docker:",
    "------",
    " > [nginx 2/2] RUN false:",
    "------",
]


@pytest.mark.parametrize(
    ("lines", "failed"),
    [
        ([], set()),
        (["ERROR: target nginx: failed to solve: process \"/bin/sh -c x\" did not complete: exit code: 1"], {"nginx"}),
        (["#5 0.1 ERROR: target app: says a RUN", "ERROR: failed to solve: Canceled"], set()),
        (["------", " > [nginx 1/1] COPY absent /:", "------", "ERROR: failed to solve: not found"], {"nginx"}),
        ([*CUT_OFF, 'ERROR: failed to solve: process "false" did not complete'], {"nginx"}),
        ([*CUT_OFF, 'ERROR: target nginx: failed to solve: process "false" did not complete'], {"nginx"}),
        (["------", " > [app] resolve image config for x:", "0.1 ------", "0.1  > [nginx 1/1] RUN"], {"app"}),
    ],
)  # fmt: skip
def test_the_target_that_failed_is_in_the_last_error_or_the_step(lines: list[str], failed: set[str]) -> None:
    """In buildx's own messages; the output of a RUN does not count."""
    assert bake.failed(lines) == failed
