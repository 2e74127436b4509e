"""docs/guides/terraform.md: Terraform accepts what the page shows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dev.terraform.terraform import Terraform
from tests.contract.parts import DOCS

PAGE = DOCS / "guides" / "terraform.md"
BLOCKS = re.findall(r"^```hcl\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.M | re.S)
SETTINGS = 'terraform {\n  required_providers {\n    aws = {\n      source = "hashicorp/aws"\n    }\n  }\n}\n'
LISTS = ("subnets", "security_groups")


def module(folder: Path, block: str) -> Path:
    """One block of the page, with the variables that it uses."""
    names = sorted(set(re.findall(r"\bvar\.(\w+)", block)))
    kinds = ((name, "list(string)" if name in LISTS else "string") for name in names)
    declared = "".join(f'\nvariable "{name}" {{\n  type = {kind}\n}}\n' for name, kind in kinds)
    (folder / "main.tf").write_text(block, encoding="utf-8")
    (folder / "others.tf").write_text(SETTINGS + declared, encoding="utf-8")
    return folder


def test_the_page_has_blocks() -> None:
    """One for each kind of deployment, and for scaling."""
    assert len(BLOCKS) == 4
    assert all("ignore_changes" in block for block in BLOCKS)


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_terraform_accepts_what_the_page_shows(terraform: Terraform, tmp_path: Path, block: str) -> None:
    """Its types, arguments and references exist; the layout is that of `terraform fmt`."""
    folder = module(tmp_path, block)
    terraform.validate(folder)
    terraform.fmt_check(folder)
