"""The inputs of the verb build-push."""

from __future__ import annotations

from dataclasses import dataclass

from ecs_cd.inputs.common import Common
from ecs_cd.inputs.options import option
from ecs_cd.inputs.rules import parsers
from ecs_cd.model.build_spec import CACHES


@dataclass(frozen=True, kw_only=True)
class BuildPush(Common):
    image: str = option("The image to build, by its name in the document. Default: all.", parsers.text, metavar="NAME")
    context: str = option("The build context: a folder or a Git URL. Default: `.`.", parsers.text, metavar="PATH")
    file: str = option("The path of the Dockerfile. Default: Dockerfile in the context.", parsers.text, metavar="PATH")
    target: str = option("The Dockerfile stage to build. Default: the last.", parsers.text, metavar="STAGE")
    build_args: tuple[str, ...] = option(
        "Build arguments, `NAME=VALUE`, one per line; put double quotes around an entry that spans lines.",
        parsers.entry_list,
        many=True,
        metavar="NAME=VALUE",
    )
    secrets: dict[str, str] = option(
        "Build secrets, `ID=VALUE`, one per line; put double quotes around an entry that spans lines.",
        parsers.pairs,
        many=True,
        secret=True,
        metavar="ID=VALUE",
    )
    secret_envs: dict[str, str] = option(
        "Build secrets from environment variables, `ID=NAME`, one per line.",
        parsers.pairs,
        many=True,
        metavar="ID=NAME",
    )
    secret_files: dict[str, str] = option(
        "Build secrets from files, `ID=PATH`, one per line.", parsers.pairs, many=True, metavar="ID=PATH"
    )
    platforms: tuple[str, ...] = option(
        "The platforms to build for, such as `linux/amd64,linux/arm64`.", parsers.words, many=True, metavar="PLATFORM"
    )
    cache: str = option(
        "Where to keep the layer cache between runs: `registry`, `gha`, `inline` (in the image itself) or `none`. "
        "Default: `none`.",
        parsers.one_of("", *CACHES),
        metavar="WHERE",
    )
    cache_from: tuple[str, ...] = option(
        "Cache sources for buildx, one per line.", parsers.lines, many=True, metavar="SOURCE"
    )
    cache_to: tuple[str, ...] = option(
        "Cache exports for buildx, one per line.", parsers.lines, many=True, metavar="TARGET"
    )
    labels: tuple[str, ...] = option(
        "Labels, `NAME=VALUE`, one per line, in addition to the OCI labels source, revision and created.",
        parsers.entry_list,
        many=True,
        metavar="NAME=VALUE",
    )
    provenance: str = option(
        "The provenance attestation: `true`, `false` or `mode=max`. Default: the builder's.",
        parsers.text,
        metavar="HOW",
    )
    sbom: str = option(
        "The SBOM attestation: `true`, `false` or `generator=IMAGE`. Default: no SBOM.", parsers.text, metavar="HOW"
    )
    tags: tuple[str, ...] = option(
        "Tags in addition to the commit's, one per line or comma-separated.",
        parsers.words,
        default="latest",
        many=True,
        metavar="TAG",
    )
    reuse: str = option(
        "When to skip the build: `commit`, if ECR has an image with the commit's tag; `content`, also if it has one "
        "with the same content; `never`.",
        parsers.one_of("commit", "content", "never"),
        default="commit",
        metavar="WHAT",
    )
    scan: str = option(
        "`wait`: wait for the ECR scan of the image, and report its findings.",
        parsers.one_of("none", "wait"),
        default="none",
        metavar="HOW",
    )
    fail_on: str = option(
        "The lowest severity of an ECR scan finding that fails the step: `critical`, `high`, `medium` or `low`. "
        "Also waits for the scan. Default: findings don't fail the step.",
        parsers.one_of("", "critical", "high", "medium", "low"),
        metavar="SEVERITY",
    )


@dataclass(frozen=True, kw_only=True)
class BuildPushAlone(BuildPush):
    """The action build-push, of which a workflow can have one job for each platform. The pipeline's step is one."""

    platform: str = option(
        "Builds only this one of the image's platforms, such as `linux/arm64`; other jobs build the others, and the "
        "last of them joins all into one image. Default: this job builds all.",
        parsers.platform,
        metavar="PLATFORM",
    )
