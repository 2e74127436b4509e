"""The page of `plan`: its table has the patterns of migration files."""

from __future__ import annotations

import re

from ecs_cd.deploy.rules.migration_files import EXCLUDED, FRAMEWORKS
from tests.contract.parts import DOCS

PAGE = DOCS / "guides" / "plan.md"


def test_the_page_has_the_patterns_of_each_framework() -> None:
    """In the order of the code, none more and none less."""
    rows = re.findall(r"^\| ([^|]+) \| (`\*\*/.*) \|$", PAGE.read_text(encoding="utf-8"), re.M)
    shown = {name: tuple(re.findall(r"`([^`]+)`", patterns)) for name, patterns in rows}
    assert shown == {**FRAMEWORKS, "excluded from all of these": EXCLUDED}
