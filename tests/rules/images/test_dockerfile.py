"""Which images a Dockerfile names, and what is not certain of it."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecs_cd.images.rules import dockerfile
from ecs_cd.images.rules.dockerfile import NotReusable
from tests.rules.images import dockerfiles

CORPUS = Path(__file__).resolve().parents[2] / "corpus" / "dockerfiles.jsonl"
ANSWERS = [json.loads(line) for line in CORPUS.read_text().splitlines()]
DIGEST = "sha256:" + "a" * 64


def images(*lines: str, **build_args: str) -> list[str]:
    return list(dockerfile.images("\n".join(lines), build_args))


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        (["FROM node:20"], ["node:20"]),
        (["from node:20 as build", "FROM scratch", "COPY --from=Build /a /a"], ["node:20"]),
        (["FROM scratch"], []),
        (["FROM --platform=$BUILDPLATFORM node:20 AS b"], ["node:20"]),
        ([f"FROM node:20@{DIGEST}"], [f"node:20@{DIGEST}"]),
        (["FROM a AS x", "FROM x", "FROM X AS y", "FROM b"], ["a", "b"]),
        (["FROM a", "COPY --from=0 /a /a", "COPY --from=b /b /b"], ["a", "b"]),
        (["FROM a", "COPY --from=later /a /a", "FROM b AS later"], ["a", "later", "b"]),
        (["FROM a", "COPY --from=7 /a /a"], ["a", "7"]),
        (["FROM a", "COPY --chown=1:1 --link --from=b /b /b"], ["a", "b"]),
        (["FROM a", "RUN --mount=type=bind,from=b,target=/b --mount=type=cache,target=/c,from=d make"], ["a", "b", "d"]),
        (["FROM a", "RUN --mount=from=b \\", "  --mount=type=bind,from=c make"], ["a", "b", "c"]),
        (["FROM a", "RUN make --from=b"], ["a"]),
        (["FROM \\", "  # why", "", "  a \\", "  AS b", "FROM b"], ["a"]),
        (["# FROM x", "  # FROM y", "", "FROM a", "RUN true \\", "# FROM z", " && true"], ["a"]),
        (["\ufeffFROM a\r", "RUN true \\\r", " && true\r"], ["a"]),
        (["# syntax=docker/dockerfile:1", "# check=skip=all", "FROM a"], ["a"]),
        ([f"# Syntax = docker.io/docker/dockerfile:1.7-labs@{DIGEST}", "FROM a"], ["a"]),
        (["# escape=\\", "FROM a"], ["a"]),
        (["# escape=\\ \t\r", "# syntax=docker/dockerfile:1 \r", "FROM a"], ["a"]),
        (["# a comment", "# syntax=other/frontend", "FROM a"], ["a"]),
        (["FROM a", "RUN <<EOF", "FROM b", "EOF", "FROM c"], ["a", "c"]),
        (["FROM a", "RUN cat <<-'X' > /x && cat <<\"Y\"", "FROM b", "\tX", "FROM c", "Y", "FROM d"], ["a", "d"]),
        (["FROM a", "COPY <<EOF /x", "FROM b", "EOF"], ["a"]),
        (["FROM a", "RUN echo \"it\" <<EOF", "FROM b", "EOF"], ["a"]),
        (["FROM a", "RUN echo 'it\\' \"$A ${B:-c}\" <<EOF # \"it's\"", "FROM b", "EOF"], ["a"]),
        (["FROM a", "RUN --mount=from=0,target=/m make"], ["a", "0"]),
        (["FROM a", "CMD [\"cat\", \"<<EOF\"]", "FROM b"], ["a", "b"]),
        (["FROM a", "ENV X=1", "LABEL x=\"FROM b\"", "HEALTHCHECK --interval=1s CMD true", "ONBUILD RUN make"], ["a"]),
        (["FROM a", "ADD app.tar.gz /", "ADD [\"a b\", \"/\"]", "ADD --chown=1 . /"], ["a"]),
        (["FROM a", f"ADD --checksum={DIGEST} https://example.com/x.tgz /x.tgz"], ["a"]),
    ],
)  # fmt: skip
def test_images_that_it_takes_something_from(lines: list[str], found: list[str]) -> None:
    """FROM, COPY --from and RUN --mount; not stages, comments, scratch, or what a heredoc holds."""
    assert images(*lines) == found


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        (["ARG V=20", "FROM node:$V"], "node:20"),
        (["ARG V=20", "FROM node:${V}-slim"], "node:20-slim"),
        (["ARG GIVEN=20", "FROM node:$GIVEN"], "node:18"),
        (["ARG GIVEN", "FROM node:$GIVEN"], "node:18"),
        (["ARG EMPTY=20", "FROM node:${EMPTY:-22}"], "node:22"),
        (["FROM node:${GIVEN:-20}"], "node:20"),
        (["FROM node:${V:-20}"], "node:20"),
        (["FROM node:${V-20}"], "node:20"),
        (["ARG V", "FROM node:${V:-20}"], "node:20"),
        (["ARG A=node B=\"$A:20\" C='$'", "FROM $B"], None),
        (["ARG A=node B=\"$A:20\" C='x y'", "FROM $B"], "node:20"),
        (["ARG A=node", "ARG B=$A:20", "ARG A=ruby", "FROM $B"], "node:20"),
        (["ARG V=20", "ARG V", "FROM node:$V"], None),
        (["ARG V", "FROM node:$V"], None),
        (["FROM node:$V"], None),
        (["FROM scratch", "ARG V=20", "FROM node:$V"], None),
        (["FROM base-$TARGETARCH"], None),
        (["ARG TARGETARCH=amd64", "FROM base-$TARGETARCH"], None),
        (["FROM base-${TARGETARCH:-amd64}"], None),
        (["ARG V=\"20", "FROM node:$V"], None),
        (["ARG V=a\\ b W=1", "FROM node:$W"], None),
        (["ARG V=${W", "FROM node:$V"], None),
        (["FROM node:${V:+20}"], None),
        (["FROM node:${GIVEN%8}"], None),
        (["ARG V=20 # the newest", "FROM node:$V"], None),
        (["FROM \"node:20\""], None),
        (["FROM node:\\$V"], None),
        (["FROM a b"], None),
        (["FROM a AS $B"], None),
        (["FROM"], None),
    ],
)  # fmt: skip
def test_a_variable_has_the_value_that_the_build_gives_it(lines: list[str], found: str | None) -> None:
    """A build argument beats the default; only what is declared above the first FROM counts, and the last of it."""
    if found is None:
        with pytest.raises(NotReusable):
            images(*lines, GIVEN="18", EMPTY="")
    else:
        assert images(*lines, GIVEN="18", EMPTY="") == [found]


@pytest.mark.parametrize(
    "lines",
    [
        ["# syntax=example/frontend:1", "FROM a"],
        ["# syntax=docker/dockerfile-upstream:master", "FROM a"],
        ["# syntax=docker/dockerfile:1 --debug", "FROM a"],
        [" # syntax=example/frontend:1", "FROM a"],
        ["# escape=`", "FROM a"],
        ["#!/usr/bin/env x", "# syntax=example/frontend:1", "FROM a"],
        ["// syntax=example/frontend:1", "FROM a"],
        ['{"syntax": "example/frontend:1"}'],
        ["FROM a", "ADD https://example.com/x.tgz /"],
        ["FROM a", "ADD HTTP://example.com/x.tgz /"],
        ["FROM a", 'ADD ["https://example.com/x.tgz", "/"]'],
        ["FROM a", 'ADD "https:"//example.com/x /'],
        ["FROM a", "ADD x \\", "  https://example.com/x.tgz /"],
        ["FROM a", "ADD git@example.com:x/y.git /"],
        ["FROM a", "ADD github.com/x/y /"],
        ["FROM a", "ADD https://example.com/x.git#v1 /"],
        ["FROM a", f"ADD --checksum={DIGEST} https://example.com/x.git /"],
        ["FROM a", f"ADD --checksum={DIGEST} https://example.com/x https://example.com/y /"],
        ["FROM a", f"ADD --checksum={DIGEST} https://example.com/$V /"],
        ["FROM a", f"ADD --checksum={DIGEST[:-1]} https://example.com/x /"],
        ["FROM a", "ADD --checksum=$SUM https://example.com/x /"],
        ["FROM a", "ADD $SOURCE /"],
        ["FROM a", "ADD ${SOURCE} /"],
        ["FROM a", "ADD h\\ttps /"],
        ["FROM a", "ONBUILD ADD https://example.com/x /"],
        ["FROM a", "ONBUILD COPY --from=b /b /b"],
        ["FROM a", "COPY --from=$B /b /b"],
        ["FROM a", "COPY --from= /b /b"],
        ["FROM a", 'COPY --from="b" /b /b'],
        ["FROM a", "COPY --from b /b /b"],
        ["FROM a", "COPY --new=b /b /b"],
        ["FROM a", "RUN --mount=type=bind,from=$B make"],
        ["FROM a", 'RUN --mount=type=bind,"from=b" make'],
        ["FROM a", "RUN --device=gpu make"],
        ["FROM a", "RUN --security=insecure make"],
        ["FROM a", "INCLUDE b"],
        ["FROM a", "RUN echo \\\\", "FROM b"],
        ["FROM a", "RUN echo \\ \r\r", "FROM b"],
        ["FROM a", "RUN <<EOF", "FROM b"],
        ["FROM a", "RUN cat << EOF", "FROM b", "EOF"],
        ["FROM a", 'RUN echo "x <<EOF y"', "FROM b", "EOF"],
        ["FROM a", "RUN cat <<<EOF", "FROM b", "EOF"],
        ["FROM a", "RUN cat <<RUN", "FROM b", "RUN"],
        ["FROM a", "RUN true\x0b", "FROM b"],
        ["FROM a", "RUN cat <<EOF # it's", "COPY --from=b /b /b", "RUN cat <<'EOF'", "EOF"],
        ["FROM a", 'RUN cat <<EOF # 5" wide', "COPY --from=b /b /b", 'RUN cat <<"EOF"', "EOF"],
        ["FROM a", "RUN echo ${A^^} <<EOF", "FROM b", "CMD c \\", "EOF"],
        ["FROM a", "RUN cat <<EOF > ${A/b/c}", "FROM b", "CMD c \\", "EOF"],
        ["FROM a", "RUN cat <<EOF > ${A", "FROM b", "CMD c \\", "EOF"],
        ["FROM a", 'RUN ["cat"] <<EOF', "FROM b", "CMD c \\", "EOF"],
        ["FROM a", 'ONBUILD RUN --network=none ["cat"] <<EOF', "FROM b", "CMD c \\", "EOF"],
        ["FROM a", "RUN cat <<EOF > /x\u00a0y", "FROM b", "EOF"],
        ["# comment\r# escape=`", "FROM a", "RUN b \r\\", "FROM c"],
        ["FROM a", "RUN cat <<EOF", "x\rEOF", "FROM b"],
        ["# syntax=docker/dockerfile:1.3", "FROM a", "RUN cat <<EOF", "FROM b", "EOF"],
        ["# syntax=docker/dockerfile:1.0-experimental", "FROM a"],
        [f"# syntax=docker/dockerfile@{DIGEST}", "FROM a"],
        ["FROM a", f"ADD --checksum={DIGEST} https://example.com/x.git?tag=1 /"],
        ["FROM base-$TARGETSTAGE"],
        ["ARG SOURCE_DATE_EPOCH=1", "FROM a:$SOURCE_DATE_EPOCH"],
        ["ARG http_proxy=1", "FROM a:$http_proxy"],
    ],
)
def test_what_is_not_certain_is_a_doubt(lines: list[str]) -> None:
    """Another frontend, sources that may change, and what versions of BuildKit read differently."""
    with pytest.raises(NotReusable):
        images(*lines)


def test_the_frontend_may_be_a_build_argument() -> None:
    """BUILDKIT_SYNTAX beats the directive."""
    assert images("FROM a", BUILDKIT_SYNTAX="docker/dockerfile:1") == ["a"]
    with pytest.raises(NotReusable):
        images("FROM a", BUILDKIT_SYNTAX="example/frontend")


def test_a_doubt_names_the_line() -> None:
    """But not its content, which may be a secret."""
    with pytest.raises(NotReusable, match=r"^line 3 of the Dockerfile has an ADD of content that may change") as raised:
        images("FROM a", "", "ADD https://user:hunter2@example.com/x /")
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize(
    ("reference", "parts"),
    [
        ("node", ("node", "latest", "")),
        ("node:20", ("node", "20", "")),
        ("localhost:5000/node", ("localhost:5000/node", "latest", "")),
        ("localhost:5000/node:20", ("localhost:5000/node", "20", "")),
        (f"node@{DIGEST}", ("node", "", DIGEST)),
        (f"node:20@{DIGEST}", ("node", "20", DIGEST)),
    ],
)
def test_a_reference_has_a_name_a_tag_and_a_digest(reference: str, parts: tuple[str, str, str]) -> None:
    """A port is not a tag."""
    assert dockerfile.split(reference) == parts


@settings(deadline=None)
@given(
    st.lists(st.sampled_from(["", "# x", "RUN a", "RUN a \\", "\\", "COPY . .", "EXPOSE 1", "  b"])),
    st.lists(st.sampled_from(["RUN c", "# y", "", "USER d"])),
)
def test_a_from_is_never_overlooked(before: list[str], after: list[str]) -> None:
    """Whatever surrounds it: it is found, or it continues the line above, or the image is not reusable."""
    try:
        found = images("FROM a", *before, "FROM the/one", *after)
    except NotReusable:
        return
    above = [line for line in before if line.strip() and not line.startswith("#")]
    assert "the/one" in found or above[-1].endswith("\\")


@settings(deadline=None)
@given(st.text())
def test_any_text_is_read_or_is_a_doubt(text: str) -> None:
    """Nothing else is raised."""
    with suppress(NotReusable):
        dockerfile.images(text, {})


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: answer["seed"])
def test_nothing_that_buildkit_takes_is_overlooked(answer: dict[str, Any]) -> None:
    """In generated Dockerfiles, our reader finds all that BuildKit's own finds, or says that it is not certain."""
    assert dockerfiles.fingerprint(answer["seed"]) == answer["file"], "run `make fuzz`: the generator has changed"
    assert dockerfiles.overlooked(dockerfiles.dockerfile(answer["seed"]), answer) == set()


def test_most_plain_files_are_certain() -> None:
    """A reader that doubts everything overlooks nothing, and is of no use."""
    certain = [answer for answer in ANSWERS if "other" not in answer and dockerfiles.certain(answer["seed"])]
    assert len(certain) > 200


def test_arguments_that_double_each_other_are_a_doubt_before_they_fill_the_memory() -> None:
    """Forty lines would make a name of a terabyte."""
    doubled = [f"ARG A{n}=$A{n - 1}$A{n - 1}" for n in range(1, 40)]
    with pytest.raises(NotReusable, match="unknown before the build"):
        images("ARG A0=x", *doubled, "FROM $A39")


def test_blanks_in_a_directive_cost_one_pass() -> None:
    """A megabyte of them is read at once."""
    with pytest.raises(NotReusable, match="syntax"):
        images(f"# syntax=a{' ' * 1_000_000}b", "FROM a")
