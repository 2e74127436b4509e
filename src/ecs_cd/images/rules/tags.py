"""Which tags an image gets: from a build, or from PutImage if ECR already has the commit's image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ecs_cd.model.errors import Refused
from ecs_cd.model.references import TAG, Mutability


@dataclass(frozen=True)
class Tagging:
    """``reuse`` is the tag of the image to reuse, empty to build; ``why`` explains the choice.

    ``names`` are the tags that the image will have, including the content tag if there is one. ``notices`` are the
    decisions that differ from what the inputs requested.
    """

    reuse: str
    names: tuple[str, ...]
    notices: tuple[str, ...] = ()
    why: str = ""
    content: str = ""

    @property
    def without_content(self) -> Tagging:
        """The same for an image whose content is unknown."""
        return replace(self, names=tuple(tag for tag in self.names if tag != self.content), content="")


def differing(files: Sequence[str]) -> str:
    """Why files that differ from the commit make the image doubtful; empty if no file differs."""
    if not files:
        return ""
    names = ", ".join(files[:5]) + (f" and {len(files) - 5} more" if len(files) > 5 else "")
    return (
        f"the build context differs from the commit ({names}). "
        "Commit these files, or add them to .gitignore if an earlier step generates them."
    )


def check(extra: Sequence[str]) -> None:
    """Raises ``Refused`` if any of these is not a valid tag."""
    if not all(TAG.fullmatch(tag) for tag in extra):
        raise Refused("tags: a tag has letters, digits, '_', '.' and '-', does not start with '.' or '-', "
                      "and is at most 128 characters long")  # fmt: skip


def check_apart(planned: Mapping[str, tuple[str, Tagging]]) -> None:
    """Raises ``Refused`` if two images would get the same tag in a repository that they share.

    The content tag may be the same: then the images are.
    """
    owners: dict[tuple[str, str], str] = {}
    for name, (repository, tagging) in planned.items():
        for tag in set(tagging.names) - {tagging.content}:
            owner = owners.setdefault((repository, tag), name)
            if owner != name:
                raise Refused(f"tags: the images `{owner}` and `{name}` would both get the tag `{tag}` of {repository}")


def plan(
    *,
    commit: str,
    extra: Sequence[str],
    doubt: str,
    existing: Mapping[str, str],
    mutability: Mutability,
    latest: str = "latest",
    reuse: str = "commit",
    content: str = "",
    why_not: str = "",
) -> Tagging:
    """Decides between a build and a reuse.

    ``content`` is the content tag, or ``why_not`` explains why it is unknown; both are empty if `reuse` doesn't use
    it. ``existing`` maps tags to digests in the repository. ``doubt`` explains why the build may not match the commit,
    and is empty if it does. An image in doubt is always built and gets neither the commit's tag, because a deploy would
    use it as the commit's image, nor the content tag. An image found by the commit's tag doesn't get the content tag
    either, because its content is unknown.
    Raises ``Refused`` if a tag can't move, or if no tag is left.
    """
    own = () if doubt or not commit else (commit,)
    found, why = _found(own, doubt, existing, reuse, content, why_not)
    if own and not found and commit in existing and mutability.fixed(commit):
        raise Refused(
            "the commit's image is already in ECR and can't be replaced: the repository is immutable",
            "Leave `reuse` at its default.",
        )
    wanted = [tag for tag in dict.fromkeys(extra) if not (doubt and tag == commit)]
    skipped = [tag for tag in wanted if tag == latest and mutability.fixed(tag)]
    kept = [tag for tag in wanted if tag not in skipped]
    _check_free(kept, found, existing, mutability)
    by_content = "" if doubt or found in own else content
    tags = tuple(dict.fromkeys(filter(None, (*own, *kept, by_content))))
    if not tags:
        raise Refused("no tag is left for the image", "Commit first, or add a tag in `tags`.")
    notices = [f"built without the commit's tag: {doubt}"] if doubt else []
    notices += [f"the tag `{tag}` is skipped: the repository is immutable, so it could never move" for tag in skipped]
    return Tagging(found, tags, tuple(notices), why, by_content)


def _check_free(tags: Sequence[str], reused: str, existing: Mapping[str, str], mutability: Mutability) -> None:
    """Raises ``Refused`` if one of these tags can't move, and belongs to another image than the reused one."""
    for tag in tags:
        if mutability.fixed(tag) and tag in existing and existing[tag] != existing.get(reused):
            raise Refused(
                f"the tag `{tag}` belongs to another image, and the repository is immutable",
                "Choose another tag, or exclude it from the repository's immutability.",
            )


def _found(
    own: tuple[str, ...], doubt: str, existing: Mapping[str, str], reuse: str, content: str, why_not: str
) -> tuple[str, str]:
    """The tag of the image to reuse, empty if no image can be reused; and why."""
    if doubt:
        return "", "the build may not match the commit"
    if reuse == "never":
        return "", "`reuse: never` is set"
    if own and own[0] in existing:
        return own[0], "the commit's image is already in ECR"
    if reuse == "commit":
        return "", "the commit's image is not in ECR" if own else "no commit is known"
    if not content:
        return "", f"the image's content is uncertain: {why_not}"
    if content in existing:
        return content, "an image with the same content is already in ECR"
    return "", "ECR has neither the commit's image nor an image with the same content"
