"""Which tags an image gets, and whether it has to be built."""

from __future__ import annotations

from contextlib import nullcontext

import pytest

from ecs_cd.images.rules import tags
from ecs_cd.model.errors import Refused
from ecs_cd.model.references import Mutability

SHA, OURS, THEIRS = "c" * 40, "sha256:ours", "sha256:theirs"
FREE, FIXED = Mutability("MUTABLE"), Mutability("IMMUTABLE")
BUT_LATEST = Mutability("IMMUTABLE_WITH_EXCLUSION", ["latest", "cache-*"])
ONLY_RELEASES = Mutability("MUTABLE_WITH_EXCLUSION", ["v*"])


@pytest.mark.parametrize(
    ("mutability", "tag", "fixed"),
    [
        (FREE, "latest", False),
        (FIXED, "latest", True),
        (BUT_LATEST, "latest", False),
        (BUT_LATEST, "cache-main", False),
        (BUT_LATEST, "v1", True),
        (BUT_LATEST, "LATEST", True),
        (ONLY_RELEASES, "v1", True),
        (ONLY_RELEASES, "latest", False),
        (Mutability(), "latest", False),
    ],
)
def test_which_tags_can_move(mutability: Mutability, tag: str, fixed: bool) -> None:
    """Excluded tags are the other way round, in both directions."""
    assert mutability.fixed(tag) is fixed


def plan(**changes: object) -> tags.Tagging:
    asked: dict[str, object] = {"commit": SHA, "extra": ["latest"], "doubt": "", "existing": {}, "mutability": FREE}
    return tags.plan(**{**asked, **changes})  # type: ignore[arg-type]


CONTENT = "content-" + "0" * 40
BY_CONTENT: dict[str, object] = {"reuse": "content", "content": CONTENT}
PLANS: list[tuple[str, dict[str, object], str, tuple[str, ...], str]] = [
    ("a new commit", {}, "", (SHA, "latest"), ""),
    ("the commit's image is there", {"existing": {SHA: OURS}}, SHA, (SHA, "latest"), ""),
    ("latest is another's and moves", {"existing": {SHA: OURS, "latest": THEIRS}}, SHA, (SHA, "latest"), ""),
    ("only latest is there", {"existing": {"latest": THEIRS}}, "", (SHA, "latest"), ""),
    ("dirty: built, without the commit's tag", {"doubt": "x differs"}, "", ("latest",), "built without the commit's tag: x differs"),
    ("dirty: the commit's image is not reused", {"doubt": "x differs", "existing": {SHA: OURS}}, "", ("latest",), "differs"),
    ("no commit", {"commit": ""}, "", ("latest",), ""),
    ("latest on an immutable repository", {"mutability": FIXED}, "", (SHA,), "`latest` is skipped"),
    ("so it is when it is reused", {"mutability": FIXED, "existing": {SHA: OURS}}, SHA, (SHA,), "`latest` is skipped"),
    ("latest excluded from immutability", {"mutability": BUT_LATEST}, "", (SHA, "latest"), ""),
    ("a new immutable tag", {"mutability": FIXED, "extra": ["v1"]}, "", (SHA, "v1"), ""),
    ("an immutable tag of this very image", {"mutability": FIXED, "extra": ["v1"], "existing": {SHA: OURS, "v1": OURS}}, SHA, (SHA, "v1"), ""),
    ("each tag once", {"extra": ["a", "b", "a"]}, "", (SHA, "a", "b"), ""),
    ("the commit named again", {"extra": [SHA, "a"]}, "", (SHA, "a"), ""),
    ("no more tags", {"extra": []}, "", (SHA,), ""),
    ("never: built again", {"reuse": "never", "existing": {SHA: OURS}}, "", (SHA, "latest"), ""),
    ("never, a new commit on an immutable repository", {"reuse": "never", "mutability": FIXED, "extra": []}, "", (SHA,), ""),
    ("content: built, and known by it from now on", BY_CONTENT, "", (SHA, "latest", CONTENT), ""),
    ("content: the image of another commit", {**BY_CONTENT, "existing": {CONTENT: OURS, "latest": THEIRS}}, CONTENT, (SHA, "latest", CONTENT), ""),
    ("content: that image has the tag already", {**BY_CONTENT, "mutability": FIXED, "extra": ["v1"], "existing": {CONTENT: OURS, "v1": OURS}}, CONTENT, (SHA, "v1", CONTENT), ""),
    ("content: the commit's image comes first, and doesn't get its tag", {**BY_CONTENT, "existing": {SHA: OURS}}, SHA, (SHA, "latest"), ""),
    ("content: not even where that is another's", {**BY_CONTENT, "existing": {SHA: OURS, CONTENT: THEIRS}}, SHA, (SHA, "latest"), ""),
    ("content: not known", {"reuse": "content", "why_not": "node:20 may move"}, "", (SHA, "latest"), ""),
    ("content and dirty: neither reused nor tagged", {**BY_CONTENT, "doubt": "x differs", "existing": {CONTENT: OURS}}, "", ("latest",), "x differs"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "reuse", "names", "notice"), [row[1:] for row in PLANS], ids=[row[0] for row in PLANS]
)
def test_what_is_built_or_reused_and_under_which_tags(
    changes: dict[str, object], reuse: str, names: tuple[str, ...], notice: str
) -> None:
    """A dirty tree never gets the commit's tag or the content's; the log mentions a decision that differs from the input."""
    planned = plan(**changes)
    assert planned.reuse == reuse
    assert planned.names == names
    assert notice in "".join(planned.notices)
    assert bool(planned.notices) == bool(notice)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({}, "the commit's image is not in ECR"),
        ({"existing": {SHA: OURS}}, "the commit's image is already in ECR"),
        ({"commit": ""}, "no commit is known"),
        ({"doubt": "x differs"}, "the build may not match the commit"),
        ({"reuse": "never", "existing": {SHA: OURS}}, "`reuse: never` is set"),
        (BY_CONTENT, "ECR has neither the commit's image nor an image with the same content"),
        ({**BY_CONTENT, "existing": {CONTENT: OURS}}, "an image with the same content is already in ECR"),
        ({"reuse": "content", "why_not": "node:20 may move"}, "the image's content is uncertain: node:20 may move"),
    ],
)
def test_why_it_is_built_or_reused_is_said(changes: dict[str, object], why: str) -> None:
    """In a few words, for the log and the summary."""
    assert plan(**changes).why == why


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"mutability": FIXED, "extra": ["v1"], "existing": {"v1": THEIRS}}, "`v1` belongs to another image"),
        (
            {"mutability": FIXED, "extra": ["v1"], "existing": {"v1": THEIRS, SHA: OURS}},
            "`v1` belongs to another image",
        ),
        ({"mutability": ONLY_RELEASES, "extra": ["v1"], "existing": {"v1": THEIRS}}, "`v1` belongs to another image"),
        ({"commit": "", "extra": []}, "no tag is left"),
        ({"doubt": "x differs", "extra": []}, "no tag is left"),
        ({"doubt": "x differs", "mutability": FIXED}, "no tag is left"),
        (
            {"reuse": "never", "mutability": FIXED, "existing": {SHA: OURS}},
            "can't be replaced: the repository is immutable",
        ),
    ],
)
def test_what_no_push_could_do_is_refused_before_the_build(changes: dict[str, object], words: str) -> None:
    """A tag that can't move, or none at all."""
    with pytest.raises(Refused, match=words):
        plan(**changes)


@pytest.mark.parametrize("tag", ["", ".x", "-x", "a b", "a/b", "a:b", "ä", "x" * 129])
def test_what_is_no_tag_is_refused(tag: str) -> None:
    """As the registry would, after the build."""
    tags.check(["latest", "v1.2_3-x"])
    with pytest.raises(Refused, match="tags: a tag has"):
        tags.check(["latest", tag])


def test_a_dirty_tree_does_not_take_the_commits_tag_by_asking_for_it() -> None:
    """`tags: ${{ github.sha }}` is a way to ask for it, too."""
    planned = tags.plan(commit="c" * 40, extra=["c" * 40, "latest"], doubt="x", existing={}, mutability=Mutability())
    assert planned.names == ("latest",)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ([], ""),
        (["a"], "differs from the commit (a). Commit"),
        (list("abcdefg"), "differs from the commit (a, b, c, d, e and 2 more)."),
    ],
)
def test_files_that_differ_are_named_but_for_the_many(files: list[str], words: str) -> None:
    """With what to do about them; no file, no doubt."""
    assert words in tags.differing(files)
    assert bool(tags.differing(files)) is bool(files)


@pytest.mark.parametrize(
    ("one", "other", "refused"),
    [
        (("r", ("a", "latest")), ("r", ("b", "latest-x")), False),
        (("r", ("a", "latest")), ("q", ("a", "latest")), False),
        (("r", ("a", "latest")), ("r", ("b", "latest")), True),
        (("r", ("a", CONTENT)), ("r", ("b", CONTENT)), False),
    ],
)
def test_images_that_share_a_repository_share_no_tag(
    one: tuple[str, tuple[str, ...]], other: tuple[str, tuple[str, ...]], refused: bool
) -> None:
    """The second push would take the tag from the first; the same content may have one tag."""
    taggings = {
        name: (where, tags.Tagging("", names, content=CONTENT))
        for name, (where, names) in {"one": one, "other": other}.items()
    }
    with (
        pytest.raises(Refused, match="`one` and `other` would both get the tag `latest`") if refused else nullcontext()
    ):
        tags.check_apart(taggings)


def test_latest_of_an_image_with_a_suffix_is_skipped_too() -> None:
    """On an immutable repository, it could never move either."""
    planned = plan(mutability=FIXED, commit=f"{SHA}-x", extra=["latest-x"], latest="latest-x")
    assert planned.names == (f"{SHA}-x",)
    assert "`latest-x` is skipped" in planned.notices[0]
