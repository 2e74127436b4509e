"""Which tags an image gets: by a build, or by PutImage when the commit's image is there already."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ecs_cd.core.errors import Refused
from ecs_cd.core.references import TAG


@dataclass(frozen=True)
class Mutability:
    """A repository's tag mutability: ECR's word, and the filters of the tags excluded from it."""

    setting: str = "MUTABLE"
    filters: Sequence[str] = ()

    def fixed(self, tag: str) -> bool:
        """Whether the tag, once there, can't move."""
        excluded = any(fnmatch.fnmatchcase(tag, pattern) for pattern in self.filters)
        return self.setting.startswith("IMMUTABLE") != excluded


@dataclass(frozen=True)
class Tagging:
    """``reuse`` is the digest to reuse, or ``None`` to build. ``names`` are the tags that the image shall have
    in the end, ``notices`` what was decided differently from what was asked."""

    reuse: str | None
    names: tuple[str, ...]
    notices: tuple[str, ...] = ()


def differing(files: Sequence[str]) -> str:
    """The doubt that files raise which differ from the commit; empty where none does."""
    if not files:
        return ""
    names = ", ".join(files[:5]) + (f" and {len(files) - 5} more" if len(files) > 5 else "")
    return (
        f"the build context differs from it ({names}). "
        "Commit these files, or list what a step before this one generates in .gitignore."
    )


def plan(
    *,
    commit: str | None,
    extra: Sequence[str],
    doubt: str,
    there: Mapping[str, str],
    mutability: Mutability,
) -> Tagging:
    """Decides between a build and a reuse.

    ``there`` maps tags to digests in the repository; ``doubt`` says why what is built may not be the
    commit's, and is empty where it is. Then it is built and never takes the commit's tag, because a deploy
    would take the image for the commit's. Raises ``Refused`` where a tag is not valid, can't move, or none is left.
    """
    for tag in extra:
        if not TAG.fullmatch(tag):
            raise Refused("tags: a tag has letters, digits, '_', '.' and '-', does not start with '.' or '-', "
                          "and is at most 128 long")  # fmt: skip
    notices = []
    if doubt:
        notices.append(f"built without the tag of the commit: {doubt}")
        extra = [tag for tag in extra if tag != commit]
    own = () if doubt or commit is None else (commit,)
    reuse = there.get(commit) if own and commit else None
    kept = []
    for tag in dict.fromkeys(extra):
        if tag == "latest" and mutability.fixed(tag):
            notices.append("the tag `latest` is skipped: the repository is immutable, so it could never move")
        elif mutability.fixed(tag) and tag in there and there[tag] != reuse:
            raise Refused(
                f"the tag `{tag}` belongs to another image, and the repository is immutable",
                "Choose another tag, or exclude it from the repository's immutability.",
            )
        else:
            kept.append(tag)
    tags = (*own, *(tag for tag in kept if tag not in own))
    if not tags:
        raise Refused("no tag is left under which the image could be pushed", "Commit first, or name one in `tags`.")
    return Tagging(reuse, tags, tuple(notices))
