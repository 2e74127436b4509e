"""From the table of permissions in src/ecs_cd/iam/rules/permissions.py: the tables of docs/reference/permissions.md and
infra/terraform/permissions/permissions.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from dev.host import ROOT
from ecs_cd.iam.rules.permissions import REASONS, TABLE, VERBS, rows

TARGET = ROOT / "infra" / "terraform" / "permissions" / "permissions.json"


def policies() -> dict[str, list[dict[str, Any]]]:
    """What each verb needs: actions, the resources' name, the condition, the feature that needs them."""
    return {
        verb: [
            {"actions": row.actions.split(), "on": row.on, "condition": row.condition, "feature": row.needs(verb)}
            for row in rows(verb)
        ]
        for verb in VERBS
    }


def generated() -> dict[Path, str]:
    """The file that `make generate` writes: an entry a line, to be read in a diff."""
    verbs = [
        f"  {json.dumps(verb)}: [\n" + ",\n".join(f"    {json.dumps(each)}" for each in entries) + "\n  ]"
        for verb, entries in policies().items()
    ]
    return {TARGET: "{\n" + ",\n".join(verbs) + "\n}\n"}


def table() -> list[str]:
    """The page's first table. A row with the verbs of the row above leaves its first cell empty."""
    above = ["", *(row.verbs for row in TABLE)]
    shown = [
        f"| {row.verbs if row.verbs != before else ''} | {_code(row.actions)} | {row.words} |".replace("|  |", "| |")
        for row, before in zip(TABLE, above, strict=False)
    ]
    return ["| Verbs | Actions | On |", "|---|---|---|", *shown]


def reasons() -> list[str]:
    """The page's second table."""
    return ["| Actions | Why |", "|---|---|", *(f"| {_code(actions)} | {why} |" for actions, why in REASONS)]


def _code(actions: str) -> str:
    return " ".join(f"`{action}`" for action in actions.split())
