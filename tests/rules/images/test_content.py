"""The key of an image's content: it covers every fact that matters, and without certainty there is no key."""

from __future__ import annotations

import dataclasses
import hashlib
import re
import stat
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecs_cd.images.rules import content, dockerignore
from ecs_cd.images.rules.content import Key, OnDisk, Source
from ecs_cd.images.rules.dockerfile import NotReusable
from ecs_cd.images.rules.onbuild import Parents
from ecs_cd.model.build_spec import BuildSpec
from ecs_cd.model.references import Tracked

DIGEST, OTHER = "sha256:" + "a" * 64, "sha256:" + "b" * 64
ECR = "123456789012.dkr.ecr.ap-northeast-1.amazonaws.com/base"
RECIPE = BuildSpec("app", build_args=("A=1",), labels=("x=1",), platforms=("linux/amd64",), target="web")
SOURCE = Source("app", "app/Dockerfile", "1" * 40, "2" * 40, "3" * 64)
FACTS: dict[str, Any] = {"machine": "x86_64", "platforms": "", "environment": {}}

FILE, PROGRAM, LINK, FOLDER = 0o100644, 0o100755, 0o120777, 0o040755


def key(recipe: BuildSpec = RECIPE, source: Source = SOURCE, bases: dict[str, str] | None = None, **facts: Any) -> Key:
    return content.key(recipe, source, bases or {}, **{**FACTS, **facts})


# ---- what is in the key ----


@pytest.mark.parametrize(
    "change",
    [
        {"recipe": {"target": "worker"}},
        {"recipe": {"build_args": ("A=2",)}},
        {"recipe": {"build_args": ("B=1",)}},
        {"recipe": {"build_args": ("A=1", "B=")}},
        {"recipe": {"labels": ("x=2",)}},
        {"recipe": {"labels": ()}},
        {"recipe": {"platforms": ("linux/arm64",)}},
        {"recipe": {"platforms": ("linux/amd64", "linux/arm64")}},
        {"recipe": {"platforms": ()}},
        {"recipe": {"provenance": "mode=max"}},
        {"recipe": {"sbom": "true"}},
        {"source": {"context": ""}},
        {"source": {"file": "Dockerfile"}},
        {"source": {"dockerfile": "4" * 40}},
        {"source": {"ignore": ""}},
        {"source": {"seen": "4" * 64}},
        {"bases": {f"{ECR}:1": DIGEST}},
        {"machine": "aarch64"},
        {"environment": {"BUILDX_NO_DEFAULT_ATTESTATIONS": "1"}},
        {"environment": {"proxies": "1"}},
    ],
    ids=str,
)
def test_a_change_of_one_fact_changes_the_key(change: dict[str, Any]) -> None:
    """Whatever makes another image, or may."""
    recipe = dataclasses.replace(RECIPE, **change.pop("recipe", {}))
    source = dataclasses.replace(SOURCE, **change.pop("source", {}))
    assert key(recipe, source, **change).tag != key().tag


def test_a_base_images_new_digest_and_the_default_platform_change_the_key() -> None:
    """A tag of ECR moved; the environment says for what is built."""
    assert key(bases={f"{ECR}:1": DIGEST}).tag != key(bases={f"{ECR}:1": OTHER}).tag
    bare = dataclasses.replace(RECIPE, platforms=())
    assert key(bare).tag != key(bare, platforms="linux/arm64").tag


@pytest.mark.parametrize(
    "change",
    [
        {"name": "worker"},
        {"context": "./app"},
        {"cache": "registry", "cache_from": ("type=gha",), "cache_to": ("type=gha",)},
        {"build_args": ("A=0", "A=1")},
        {"labels": ("x=0", "x=1")},
        {"platforms": ("linux/amd64", "linux/amd64")},
    ],
    ids=str,
)
def test_what_makes_no_other_image_does_not_change_the_key(change: dict[str, Any]) -> None:
    """Caches, the image's name, how a path is written; of two values for one name the last one counts."""
    assert key(dataclasses.replace(RECIPE, **change)).tag == key().tag


@settings(deadline=None)
@given(st.permutations(["A=1", "B=2", "C="]), st.permutations(["x=1", "y=2"]), st.permutations(["linux/a", "linux/b"]))
def test_order_does_not_matter(build_args: list[str], labels: list[str], platforms: list[str]) -> None:
    """Of arguments and labels with different names, and of platforms."""
    recipe = dataclasses.replace(RECIPE, build_args=tuple(build_args), labels=tuple(labels), platforms=tuple(platforms))
    shuffled = dataclasses.replace(
        RECIPE, build_args=("A=1", "B=2", "C="), labels=("x=1", "y=2"), platforms=("linux/a", "linux/b")
    )
    assert key(recipe).tag == key(shuffled).tag


WORDS = st.text(max_size=3)
ARGUMENTS = st.dictionaries(st.text("AB=", min_size=1, max_size=2).filter(lambda name: "=" not in name), WORDS)


@settings(deadline=None)
@given(ARGUMENTS, ARGUMENTS, WORDS, WORDS)
def test_two_recipes_have_one_key_only_if_they_are_one(
    first: dict[str, str], second: dict[str, str], one: str, other: str
) -> None:
    """No value can look like a part of another."""
    recipes = [
        BuildSpec("app", target=target, build_args=tuple(f"{name}={value}" for name, value in arguments.items()))
        for target, arguments in ((one, first), (other, second))
    ]
    assert (key(recipes[0]).tag == key(recipes[1]).tag) is ((one, first) == (other, second))


def test_the_key_is_a_tag() -> None:
    """`content-` and 40 hexadecimal digits; it stays the same from version to version, or `_VERSION` is raised."""
    assert re.fullmatch("content-[0-9a-f]{40}", key().tag)
    assert key().tag == "content-bf0447bfc6e78c0223916cf3d165c74aa4bce7e1"
    assert key().why_not == ""


def test_the_bases_are_those_that_the_key_is_of() -> None:
    """Under the name by which BuildKit replaces an image: without the tag `latest`."""
    bases = {f"{ECR}:1": DIGEST, ECR: OTHER, f"{ECR}:latest": OTHER}
    assert key(bases=bases).bases == {f"{ECR}:1": f"{ECR}@{DIGEST}", ECR: f"{ECR}@{OTHER}"}
    parents = Parents((f"{ECR}:1", f"node:20@{DIGEST}"), frozenset({"linux/amd64"}))
    assert key(bases=bases, parents=parents).parents.images == (f"{ECR}@{DIGEST}", f"node:20@{DIGEST}")


# ---- recipes without a key ----


@pytest.mark.parametrize(
    ("recipe", "words"),
    [
        (BuildSpec("app", secrets={"npm": "hunter2"}), "secrets"),
        (BuildSpec("app", secret_envs={"npm": "NPM"}), "secrets"),
        (BuildSpec("app", secret_files={"npm": ".npmrc"}), "secrets"),
        (BuildSpec("app", context="https://github.com/x/y.git"), "not a folder"),
        (BuildSpec("app", context="git@github.com:x/y.git#main"), "not a folder"),
        (BuildSpec("app", context="-"), "not a folder"),
        (
            BuildSpec("app", build_args=("A=1", "TOKEN")),
            "the build argument TOKEN takes its value from the environment",
        ),
    ],
)
def test_what_is_not_known_beforehand_has_no_key(recipe: BuildSpec, words: str) -> None:
    """The values of secrets, what is elsewhere, and what only the environment says."""
    with pytest.raises(NotReusable, match=words) as raised:
        content.arguments(recipe)
    assert "hunter2" not in str(raised.value)


def test_of_two_build_arguments_with_one_name_the_last_counts() -> None:
    """As for buildx."""
    assert content.arguments(BuildSpec("app", build_args=("A=1", "B==", "A=2"))) == {"A": "2", "B": "="}


# ---- base images ----


def test_base_images_by_tag_are_asked_for_in_ecr() -> None:
    """Those with a digest are known already."""
    found = content.looked_up([f"{ECR}:1", ECR, f"{ECR}@{DIGEST}", f"node:20@{DIGEST}", f"node@{DIGEST}"])
    assert {reference: (str(place), tag) for reference, (place, tag) in found.items()} == {
        f"{ECR}:1": (ECR, "1"),
        ECR: (ECR, "latest"),
    }


@pytest.mark.parametrize(
    "reference", ["node:20", "node", "ghcr.io/x/y:1", "public.ecr.aws/x/y:1", "localhost:4566/x", "node@sha256:ab"]
)
def test_any_other_base_image_by_tag_is_a_doubt(reference: str) -> None:
    """With the remedy; all of them in one sentence."""
    with pytest.raises(NotReusable) as raised:
        content.looked_up([f"{ECR}:1", reference, "ruby:3"])
    assert str(raised.value) == (
        f"the tag of a base image may move ({reference}, ruby:3); pin its digest, or take it from ECR"
    )


# ---- files ----


TREE = {
    "app/Dockerfile": Tracked("100644", "1" * 40, 10),
    "app/bin/run": Tracked("100755", "2" * 40, 20),
    "app/current": Tracked("120000", "3" * 40, 3),
    "lib/x": Tracked("100644", "4" * 40, 1),
}
THERE = {
    "Dockerfile": OnDisk(FILE, 10),
    "bin": OnDisk(FOLDER, 4096),
    "bin/run": OnDisk(PROGRAM, 20),
    "current": OnDisk(LINK, 3),
}


def seen(
    there: dict[str, OnDisk | None] | None = None, tree: dict[str, Tracked] | None = None, ignore: str = ""
) -> str:
    """The digest with some files otherwise on disk (`None`: not there) or in the commit."""
    found = {path: file for path, file in {**THERE, **(there or {})}.items() if file}
    tracked = {**TREE, **(tree or {})}
    return content.seen("app/", found, tracked, content.folders(tracked), dockerignore.read(ignore))


def test_what_is_outside_of_the_context_does_not_matter() -> None:
    """Nor the size and the times of a folder."""
    assert seen(tree={"lib/x": Tracked("100644", "5" * 40, 7, changed=True)}) == seen()
    assert seen(there={"bin": OnDisk(FOLDER, 1)}) == seen()


@pytest.mark.parametrize(
    ("there", "tree"),
    [
        ({}, {"app/Dockerfile": Tracked("100644", "5" * 40, 10)}),
        ({"Dockerfile": OnDisk(0o100664, 10)}, {}),
        ({"Dockerfile": OnDisk(PROGRAM, 10)}, {}),
        ({"bin": OnDisk(0o040775, 0)}, {}),
        ({}, {"app/current": Tracked("120000", "5" * 40, 3)}),
        ({"new": OnDisk(FILE, 10)}, {"app/new": Tracked("100644", "1" * 40, 10)}),
        ({"current": OnDisk(FILE, 3)}, {"app/current": Tracked("100644", "3" * 40, 3)}),
    ],
)
def test_what_the_build_sees_differently_is_another_content(
    there: dict[str, OnDisk | None], tree: dict[str, Tracked]
) -> None:
    """Content, permissions (COPY keeps them, Git not all), the target of a link, a name, a type."""
    assert seen(there, tree) != seen()


def lfs(data: bytes, **more: Any) -> tuple[OnDisk, Tracked]:
    """A file of Git LFS as it is on disk, and its pointer in the commit."""
    oid = hashlib.sha256(data).hexdigest()
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {len(data)}\n".encode()
    blob = hashlib.sha1(b"blob %d\0%s" % (len(pointer), pointer)).hexdigest()
    tracked = Tracked("100644", blob, len(pointer), filter="lfs", **more)
    return OnDisk(FILE, len(data), oid), tracked


def test_a_file_of_lfs_is_certain_if_it_is_what_its_pointer_says() -> None:
    """Another one has another pointer."""
    digests = set()
    for data in (b"one", b"two"):
        there, tracked = lfs(data)
        digests.add(seen({"big": there}, {"app/big": tracked}))
    assert len(digests) == 2


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_a_pointer_has_the_checkouts_own_hash(algorithm: str) -> None:
    """Repositories with SHA-256 have longer blobs."""
    there, tracked = lfs(b"one")
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{there.sha256}\nsize 3\n"
    blob = hashlib.new(algorithm, f"blob {len(pointer)}\0{pointer}".encode()).hexdigest()
    assert content.certain("big", there, {"big": dataclasses.replace(tracked, blob=blob)}).endswith(blob)


@pytest.mark.parametrize(
    ("there", "tree", "words"),
    [
        ({"new": OnDisk(FILE, 1)}, {}, "the build sees app/new, which is not in the commit; list it in .dockerignore"),
        ({".git": OnDisk(FOLDER, 1)}, {}, "the build sees app/.git/, which is not in the commit"),
        ({"tmp": OnDisk(FOLDER, 1)}, {}, "the build sees app/tmp/, which is not in the commit"),
        ({"pipe": OnDisk(stat.S_IFIFO | 0o644, 0)}, {}, "the build sees app/pipe, which is not in the commit"),
        ({"bin/run": None}, {}, "app/bin/run is in the commit but missing in the checkout"),
        ({}, {"app/bin/run": Tracked("100755", "2" * 40, 20, changed=True)}, "app/bin/run differs from the commit"),
        ({}, {"app/bin/run": Tracked("100755", "2" * 40, 20, hidden=True)}, "assume-unchanged"),
        ({"current": OnDisk(FILE, 3)}, {}, "app/current differs from the commit"),
        ({"bin/run": OnDisk(LINK, 20)}, {}, "app/bin/run differs from the commit"),
        ({"Dockerfile": OnDisk(FOLDER, 1)}, {}, "app/Dockerfile differs from the commit"),
        ({"Dockerfile": OnDisk(FILE, 12)}, {}, "app/Dockerfile has other line endings"),
        ({}, {"app/Dockerfile": Tracked("100644", "1" * 40, 10, filter="crypt")}, "filter=crypt"),
        ({}, {"app/Dockerfile": Tracked("100644", "1" * 40, 10, encoding="UTF-16")}, "UTF-16"),
        ({}, {"app/Dockerfile": Tracked("100644", "1" * 40, 10, ident=True)}, "expands keywords in app/Dockerfile: ident"),
        ({"sub": OnDisk(FOLDER, 1)}, {"app/sub": Tracked("160000", "7" * 40, 0)}, "app/sub is a submodule"),
        ({"big": OnDisk(FILE, 130, "0" * 64)}, {"app/big": lfs(b"x")[1]}, "lfs: true"),
        ({"big": lfs(b"y")[0]}, {"app/big": lfs(b"x")[1]}, "app/big doesn't match its Git LFS pointer"),
        ({"big": lfs(b"x")[0]}, {"app/big": lfs(b"x", changed=True)[1]}, "app/big differs from the commit"),
    ],
)  # fmt: skip
def test_what_git_can_not_vouch_for_is_a_doubt(
    there: dict[str, OnDisk | None], tree: dict[str, Tracked], words: str
) -> None:
    """With the file's name, and the remedy if there is one."""
    with pytest.raises(NotReusable, match=re.escape(words)):
        seen(there, tree)


def test_what_is_missing_and_excluded_is_no_doubt() -> None:
    """The build would not see it."""
    assert seen({"bin": None, "bin/run": None}, ignore="bin")
    with pytest.raises(NotReusable, match="app/bin/run"):
        seen({"bin": None, "bin/run": None}, ignore="bin\n!bin/run")


@settings(deadline=None)
@given(st.lists(st.sampled_from(["a", "a/b", "a b", "b", "b/a/c"]), unique=True, min_size=1), st.data())
def test_two_trees_have_one_digest_only_if_they_are_one(paths: list[str], data: st.DataObject) -> None:
    """Of files with different names, blobs and permissions."""
    trees = []
    for _ in range(2):
        blobs = {path: data.draw(st.sampled_from("12")) * 40 for path in paths}
        modes = {path: data.draw(st.sampled_from([FILE, PROGRAM])) for path in paths}
        tracked = {path: Tracked("100644", blob, 1) for path, blob in blobs.items()}
        there = {path: OnDisk(mode, 1) for path, mode in modes.items()}
        digest = content.seen("", there, tracked, content.folders(tracked), dockerignore.read(""))
        trees.append((blobs, modes, digest))
    assert (trees[0][:2] == trees[1][:2]) is (trees[0][2] == trees[1][2])
