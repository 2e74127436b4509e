"""docker buildx: the exact command, and what its answer means."""

from __future__ import annotations

import csv
import json

import pytest

from ecs_cd.images.rules import buildx
from ecs_cd.images.rules.buildx import Build

DIGEST = "sha256:" + "a" * 64
HEAD = ["docker", "buildx", "build", "--push", "--progress=plain", "--metadata-file=/m.json"]


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (Build(".", ["r:1"]), ["--tag=r:1", "--", "."]),
        (Build("app", ["r:1", "r:latest"]), ["--tag=r:1", "--tag=r:latest", "--", "app"]),
        (Build(".", [], file="a b/Dockerfile"), ["--file=a b/Dockerfile", "--", "."]),
        (Build(".", [], target="prod"), ["--target=prod", "--", "."]),
        (Build(".", [], platforms=["linux/amd64", "linux/arm64"]), ["--platform=linux/amd64,linux/arm64", "--", "."]),
        (Build(".", [], build_args=["A=1", "B=x y=$z;`q`"]), ["--build-arg=A=1", "--build-arg=B=x y=$z;`q`", "--", "."]),
        (Build(".", [], cache_from=["type=gha"]), ["--cache-from=type=gha", "--", "."]),
        (Build(".", [], cache_to=["type=gha,mode=max"]), ["--cache-to=type=gha,mode=max", "--", "."]),
        (Build(".", [], labels={"a.b": "c=d, e"}), ["--label=a.b=c=d, e", "--", "."]),
        (Build(".", [], secrets={"T": "env=T"}), ["--secret=id=T,env=T", "--", "."]),
        (Build(".", [], provenance="mode=max"), ["--provenance=mode=max", "--", "."]),
        (Build(".", [], sbom="true"), ["--sbom=true", "--", "."]),
        (Build(".", [], bases={"a/b:1": "a/b@sha256:x"}), ["--build-context=a/b:1=docker-image://a/b@sha256:x", "--", "."]),
        (Build("--help", []), ["--", "--help"]),
    ],
)  # fmt: skip
def test_inputs_become_exactly_these_words(build: Build, words: list[str]) -> None:
    """A word an option, so that no character needs a shell's quotes; the context can't be an option."""
    assert buildx.argv(build, metadata_file="/m.json") == [*HEAD, *words]


def test_all_options_come_in_one_order() -> None:
    """The same inputs give the same command."""
    build = Build(
        ".", ["r:1"], "F", "t", ["p"], ["A=1"], ["f"], ["t"], {"l": "v"}, {"s": "env=S"}, "p", "s", {"b": "c"}
    )
    options = [word.partition("=")[0] for word in buildx.argv(build, metadata_file="/m.json")[len(HEAD) :]]
    assert options == [
        "--tag", "--file", "--target", "--platform", "--build-arg", "--cache-from", "--cache-to", "--label",
        "--secret", "--provenance", "--sbom", "--build-context", "--", ".",
    ]  # fmt: skip


@pytest.mark.parametrize("path", ["/run/a,b", '/run/a"b', "/run/a b", "/run/ä", "/run/a=b"])
def test_a_secret_is_named_by_its_file_whatever_the_path(path: str) -> None:
    """buildx reads the option as a row of CSV; the value itself is never a word of the command."""
    word = buildx.argv(Build(".", [], secrets={"T": f"src={path}"}), metadata_file="m")[-3]
    (row,) = csv.reader([word.removeprefix("--secret=")])
    assert row == ["id=T", f"src={path}"]


@pytest.mark.parametrize(
    ("context", "remote"),
    [
        (".", False),
        ("app", False),
        ("./git", False),
        ("/abs", False),
        ("https://github.com/me/app.git#main", True),
        ("http://host/x.tar.gz", True),
        ("git://host/x", True),
        ("git@github.com:me/app.git", True),
        ("ssh://git@host/x", True),
        ("github.com/me/app", True),
        ("-", True),
    ],
)
def test_a_context_is_a_folder_or_somewhere_else(context: str, remote: bool) -> None:
    """What is elsewhere is never the commit's."""
    assert buildx.is_remote(context) is remote


def test_the_digest_is_in_the_metadata() -> None:
    """Of an index the index's, which is what the tag names."""
    metadata = {"containerimage.digest": DIGEST, "containerimage.descriptor": {"digest": "sha256:" + "b" * 64}}
    assert buildx.digest(json.dumps(metadata)) == DIGEST


@pytest.mark.parametrize(
    "metadata",
    ["", "{}", "not JSON", '{"containerimage.digest": null}', '{"containerimage.digest": "latest"}', "[]"],
)
def test_without_a_digest_nothing_can_be_deployed(metadata: str) -> None:
    """A builder that did not push, or was killed before it wrote."""
    assert buildx.digest(metadata) == ""


def test_what_the_cache_is_in_ecrs_form() -> None:
    """All stages, as an image manifest with OCI types; that it can't be kept fails no build."""
    cache = buildx.registry_cache("r/app:cache")
    assert cache.sources == ("type=registry,ref=r/app:cache",)
    assert cache.targets == (
        "type=registry,ref=r/app:cache,mode=max,image-manifest=true,oci-mediatypes=true,ignore-error=true",
    )


def test_what_the_cache_is_elsewhere() -> None:
    """GitHub's has a scope for each image; inline there is nothing to read before the first push."""
    github = buildx.gha_cache("app")
    assert github.sources == ("type=gha,scope=app",)
    assert github.targets == ("type=gha,scope=app,mode=max,ignore-error=true",)
    assert buildx.inline_cache("r/app:latest") == buildx.Cache(("type=registry,ref=r/app:latest",), ("type=inline",))
    assert buildx.inline_cache("") == buildx.Cache((), ("type=inline",))


@pytest.mark.parametrize(
    ("inspected", "platforms"),
    [
        ("", set()),
        ("Name:   default\nDriver: docker\nStatus:           inactive\n", set()),
        ("Platforms:        linux/amd64, linux/amd64/v2, linux/386\n", {"linux/amd64", "linux/386"}),
        (
            "Platforms: linux/amd64*, linux/arm/v7\nPlatforms: linux/arm64\n",
            {"linux/amd64", "linux/arm", "linux/arm64"},
        ),
        ("Platforms: linux/amd64 (+3), linux/arm (+2), linux/arm64\n", {"linux/amd64", "linux/arm", "linux/arm64"}),
    ],
)
def test_the_builders_platforms_are_read(inspected: str, platforms: set[str]) -> None:
    """Those of all its nodes, in the formats of several versions; none if it was never started."""
    assert buildx.platforms(inspected) == platforms


def test_a_platform_is_there_in_any_variant() -> None:
    """BuildKit knows better which of them the machine can do."""
    there = {"linux/amd64", "linux/arm"}
    assert buildx.missing_platforms(["linux/amd64/v2", "linux/arm/v7", "linux/arm64", "linux/riscv64"], there) == [
        "linux/arm64",
        "linux/riscv64",
    ]


@pytest.mark.parametrize(
    ("arguments", "environment", "caches", "names"),
    [
        ([], [], [], set()),
        (["A=1", "B"], ["C"], [], {"B", "C"}),
        ([], [], ["type=gha"], {"ACTIONS_RUNTIME_TOKEN"}),
        ([], [], ["scope=x, type=gha,mode=max"], {"ACTIONS_RUNTIME_TOKEN"}),
        ([], [], ["type=s3,bucket=b", "type=local,src=/gha"], {"AWS_"}),
        ([], [], ["type=registry,ref=x/type-gha", "ref/type=gha"], set()),
    ],
)
def test_a_build_needs_the_variables_that_it_names(
    arguments: list[str], environment: list[str], caches: list[str], names: set[str]
) -> None:
    """And the credentials of the caches that BuildKit reads from the environment."""
    assert buildx.variables(arguments, environment, caches) == names


@pytest.mark.parametrize(
    ("build", "confidential"),
    [
        (Build("app", []), False),
        (Build("https://github.com/o/r.git#main:app", []), False),
        (Build("git@github.com:o/r.git", []), False),
        (Build("ssh://git@github.com/o/r.git", []), False),
        (Build("https://t@github.com/o/r.git", []), True),
        (Build("https://x:t@github.com/o/r.git", []), True),
        (Build("http://h/x.tar.gz?sig=t", []), True),
        (Build("https://h/x.git#a?b", []), False),
        (Build(".", [], cache_from=["type=registry,ref=x/secret"]), False),
        (Build(".", [], cache_from=["type=s3,access_key_id=x,secret_access_key=t"]), True),
        (Build(".", [], cache_to=["type=gha, token=t"]), True),
        (Build(".", [], cache_to=["type=gha,ghtoken=t"]), True),
    ],
)
def test_a_token_does_not_belong_on_the_command_line(build: Build, confidential: bool) -> None:
    """It can stand in the URL of the context, or in a cache's settings."""
    assert buildx.confidential(build) is confidential
