"""Which repositories a push creates, and with which settings."""

from __future__ import annotations

from typing import Any

import pytest

from ecs_cd.images.rules import creation_template
from ecs_cd.model.references import Mutability


def template(prefix: str, *purposes: str, mutability: str = "MUTABLE", filters: tuple[str, ...] = ()) -> dict[str, Any]:
    excluded = [{"filterType": "WILDCARD", "filter": pattern} for pattern in filters]
    return {
        "prefix": prefix,
        "appliedFor": purposes or ["CREATE_ON_PUSH"],
        "imageTagMutability": mutability,
        "imageTagMutabilityExclusionFilters": excluded,
    }


PUSH, IMMUTABLE = "CREATE_ON_PUSH", "IMMUTABLE_WITH_EXCLUSION"


@pytest.mark.parametrize(
    ("name", "templates", "expected"),
    [
        ("shop/web", [], None),
        ("shop/web", [template("shop")], Mutability()),
        ("shop/web", [template("shop/")], Mutability()),
        ("shop/web", [template("ROOT", "REPLICATION", PUSH)], Mutability()),
        ("shop/web", [template("shop", "PULL_THROUGH_CACHE", "REPLICATION")], None),
        ("shop/web", [template("sho")], None),
        ("shop", [template("shop")], None),
        ("shop/web", [template("shop/web")], None),
        ("shop/web", [template("ROOT"), template("shop", mutability="IMMUTABLE")], Mutability("IMMUTABLE")),
        ("shop/web", [template("shop", mutability="IMMUTABLE"), template("ROOT")], Mutability("IMMUTABLE")),
        ("a/b/c", [template("a"), template("a/b", mutability="IMMUTABLE")], Mutability("IMMUTABLE")),
        ("shop/web", [template("ROOT"), template("shop", "REPLICATION", mutability="IMMUTABLE")], Mutability()),
        ("x", [template("ROOT", mutability=IMMUTABLE, filters=("latest",))], Mutability(IMMUTABLE, ("latest",))),
        ("x", [{"prefix": "ROOT", "appliedFor": [PUSH]}], Mutability()),
        ("x", [{"prefix": "ROOT"}], None),
    ],
)
def test_the_template_with_the_longest_prefix_counts(
    name: str, templates: list[dict[str, Any]], expected: Mutability | None
) -> None:
    """Among those for pushes; ROOT stands for all other names."""
    assert creation_template.mutability(name, templates) == expected
