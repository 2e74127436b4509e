"""What holds for every Terraform module and example: form, types, README."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dev import terraform_docs
from dev.terraform.terraform import Terraform
from tests.contract import parts
from tests.contract.parts import ROOT

MODULES = sorted(path.parent for path in (ROOT / "infra" / "terraform").glob("*/versions.tf"))
EXAMPLES = sorted(path.parent for path in (ROOT / "examples" / "infra").glob("*/main.tf"))
FOLDERS = [*MODULES, *EXAMPLES]
# How a README names a module: by the release's tag.
SOURCE = re.compile(r'"git::https://github\.com/org/ecs-cd\.git//infra/terraform/([\w-]+)\?ref=v1"')


def name(folder: Path) -> str:
    return str(folder.relative_to(ROOT))


@pytest.mark.parametrize("folder", FOLDERS, ids=name)
def test_files_are_as_terraform_fmt_writes_them(terraform: Terraform, folder: Path) -> None:
    """A change shows what it changes, not how it is laid out."""
    terraform.fmt_check(folder)


@pytest.mark.parametrize("folder", FOLDERS, ids=name)
def test_types_and_references_are_right(terraform: Terraform, folder: Path) -> None:
    """`terraform validate`, with the provider's schema."""
    terraform.validate(folder)


@pytest.mark.parametrize("folder", FOLDERS, ids=name)
def test_every_variable_and_output_is_described(folder: Path) -> None:
    """With a type; the README's tables and the console's questions show it."""
    for block in terraform_docs.blocks(folder):
        if block.kind in ("variable", "output"):
            assert block.arguments["description"].endswith('."'), block.labels
            assert block.kind == "output" or "type" in block.arguments, block.labels


@pytest.mark.parametrize("folder", MODULES, ids=name)
def test_the_example_of_a_readme_can_be_applied(terraform: Terraform, folder: Path, tmp_path: Path) -> None:
    """As it is, except that the module comes from here."""
    (example, *_) = parts.blocks(folder / "README.md", "hcl")
    text, replaced = SOURCE.subn(lambda found: f'"../infra/terraform/{found[1]}"', example)
    assert replaced
    (tmp_path / "main.tf").write_text(text, encoding="utf-8")
    assert terraform.apply(tmp_path).outputs is not None


READ = """variable "it" {
  description = "A pipe | and \\"quotes\\"."
  type = object({
    a = optional(string)       # the a
    b = map(object({ c = string }))
  })
  default = {}

  validation {
    condition     = true
    error_message = "no"
  }
}

variable "required" {
  description = "Required."
  type        = list(string)
}
"""


def test_a_table_has_each_input_with_its_type_and_default(tmp_path: Path) -> None:
    """What is aligned in the file isn't in the table; what would end a cell is written otherwise."""
    (tmp_path / "variables.tf").write_text(READ, encoding="utf-8")
    rows = [
        row
        for row in terraform_docs.tables(list(terraform_docs.blocks(tmp_path)))
        if row.startswith(("| it", "| required"))
    ]
    kind = "<pre>object({<br/>  a = optional(string) # the a<br/>  b = map(object({ c = string }))<br/>})</pre>"
    assert rows == [
        rf'| it | A pipe \| and "quotes". | {kind} | `{{}}` | no |',
        "| required | Required. | `list(string)` | n/a | yes |",
    ]
