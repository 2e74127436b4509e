"""The inputs of the verb build-push."""

from __future__ import annotations

from dataclasses import dataclass

from ecs_cd.inputs.common import Common
from ecs_cd.inputs.options import option
from ecs_cd.inputs.rules import parsers
from ecs_cd.model.build_spec import CACHES


@dataclass(frozen=True, kw_only=True)
class BuildPush(Common):
    image: str = option("Which image of the document to build. Default: all.", parsers.text, metavar="NAME")
    context: str = option("The build context: a folder, or a Git URL. Default: `.`.", parsers.text, metavar="PATH")
    file: str = option("The Dockerfile. Default: Dockerfile in the context.", parsers.text, metavar="PATH")
    target: str = option("The stage of the Dockerfile to build.", parsers.text, metavar="STAGE")
    build_args: tuple[str, ...] = option(
        "Build arguments, `NAME=VALUE`, one a line; of several lines in double quotes.",
        parsers.entry_list,
        many=True,
        metavar="NAME=VALUE",
    )
    secrets: dict[str, str] = option(
        "Build secrets, `ID=VALUE`, one a line; a value of several lines in double quotes.",
        parsers.pairs,
        many=True,
        secret=True,
        metavar="ID=VALUE",
    )
    secret_envs: dict[str, str] = option(
        "Build secrets from the environment, `ID=NAME`, one a line.", parsers.pairs, many=True, metavar="ID=NAME"
    )
    secret_files: dict[str, str] = option(
        "Build secrets from files, `ID=PATH`, one a line.", parsers.pairs, many=True, metavar="ID=PATH"
    )
    platforms: tuple[str, ...] = option(
        "Platforms to build for, as in `linux/amd64,linux/arm64`.", parsers.words, many=True, metavar="PLATFORM"
    )
    cache: str = option(
        "Where the cache of layers is kept between runs: `registry`, `gha`, `inline` (in the image itself) or `none`. "
        "Default: `none`.",
        parsers.one_of("", *CACHES),
        metavar="WHERE",
    )
    cache_from: tuple[str, ...] = option(
        "Cache sources of buildx, one a line.", parsers.lines, many=True, metavar="SOURCE"
    )
    cache_to: tuple[str, ...] = option(
        "Cache exports of buildx, one a line.", parsers.lines, many=True, metavar="TARGET"
    )
    labels: tuple[str, ...] = option(
        "Labels, `NAME=VALUE`, one a line, besides the OCI labels source, revision and created.",
        parsers.entry_list,
        many=True,
        metavar="NAME=VALUE",
    )
    provenance: str = option(
        "The provenance attestation: `true`, `false`, `mode=max`. Default: the builder's own.",
        parsers.text,
        metavar="HOW",
    )
    sbom: str = option(
        "The SBOM attestation: `true`, `false`, `generator=IMAGE`. Default: none.", parsers.text, metavar="HOW"
    )
    tags: tuple[str, ...] = option(
        "Tags besides the commit's, one a line or separated by commas.",
        parsers.words,
        default="latest",
        many=True,
        metavar="TAG",
    )
    reuse: str = option(
        "What is not built again: `commit`, an image with the commit's tag; `content`, also one of the same content; "
        "`never`, nothing.",
        parsers.one_of("commit", "content", "never"),
        default="commit",
        metavar="WHAT",
    )
    scan: str = option(
        "`wait`: wait for ECR's scan of the image, and tell what it found.",
        parsers.one_of("none", "wait"),
        default="none",
        metavar="HOW",
    )
    fail_on: str = option(
        "From which severity on a finding of ECR's scan fails the step: `critical`, `high`, `medium` or `low`. "
        "It waits for the scan. Default: no finding does.",
        parsers.one_of("", "critical", "high", "medium", "low"),
        metavar="SEVERITY",
    )
