"""Which members of a request run here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from ecs_cd.local.codepipeline.rules.infra import Request

# By member: its values that run here (none: every value), or the members in it.
Members: TypeAlias = "Mapping[str, tuple[str, ...] | Members]"
ANY: tuple[str, ...] = ()


def any_of(*names: str) -> dict[str, tuple[str, ...]]:
    """Members of which every value runs here, or has an effect only in AWS."""
    return dict.fromkeys(names, ANY)


def problems(given: Request, members: Members, path: str = "") -> Iterator[str]:
    """What of the request doesn't run here, without values that could be secrets."""
    for name, value in given.items():
        known = members.get(name)
        if known is None:
            if value:
                yield f"{path}{name} does not run here"
        elif isinstance(known, Mapping):
            yield from problems(value, known, f"{path}{name}.")
        elif known and value not in known:
            yield f"{path}{name}: {_shown(value)} does not run here; {' or '.join(known)} does"


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else "this value"
