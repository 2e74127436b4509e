"""docs/patterns agrees with the code and with itself: pictures, workflows, documents, and the numbers of the comparison."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
import yaml

from ecs_cd.document.rules import app_file, document
from tests.contract import parts
from tests.contract.parts import DOCS, PATTERNS, README, ROOT, WITHOUT_WORKFLOW

WHICH = DOCS / "patterns" / "README.md"
NUMBERS = tuple("12345678")
# With several images, patterns 5 to 8 use the Terraform of these.
ONE_IMAGE = NUMBERS[:4]
VERBS = {
    "1": ("build-push", "migrate", "deploy"),
    "2": ("build-push", "migrate", "hand-off"),
    "3": ("build-push", "hand-off"),
    "4": (),
}
HEADINGS = [
    "Who owns what",
    "What starts what",
    "The app repository",
    "The infra repository",
    "Permissions",
    "Costs",
    "What goes wrong",
]
PRICES = (0.006, 0.002, 0.005)  # per minute of GitHub's jobs, of actions, of builds

pages = pytest.mark.parametrize("page", PATTERNS, ids=lambda page: f"pattern {page.stem}")


def lines(blocks: Iterable[str]) -> int:
    """How long these examples are, without empty lines and comments."""
    return sum(
        1 for block in blocks for line in block.splitlines() if line.strip() and not line.strip().startswith("#")
    )


def rows(page: Path) -> Iterator[list[str]]:
    """The rows of all tables of a page, as their cells."""
    for line in page.read_text(encoding="utf-8").splitlines():
        if line.startswith("|"):
            yield [cell.strip() for cell in line.strip("|").split("|")]


def row(start: str) -> list[str]:
    """The row of the comparison that begins with these words."""
    (found,) = (cells for cells in rows(WHICH) if cells[0].startswith(start))
    return found[1:]


def app_repository(pattern: str) -> str:
    """What the app repository holds: the workflow, or the app file where there is none."""
    page = DOCS / "patterns" / f"{pattern}.md"
    (section,) = re.findall(r"^## The app repository\n(.*?)^## ", page.read_text(encoding="utf-8"), re.M | re.S)
    (block,) = re.findall(r"^```yaml\n(.*?)^```$", section, re.M | re.S)
    return str(block)


def terraform(pattern: str) -> list[str]:
    return parts.blocks(DOCS / "patterns" / f"{pattern}.md", "hcl")


def actions(verb: str) -> set[str]:
    """The actions that docs/reference/permissions.md lists for a verb."""
    verbs: list[str] = []
    found: set[str] = set()
    for cells in rows(parts.PERMISSIONS):
        verbs = cells[0].split(", ") if cells[0] else verbs
        if verb in verbs:
            found |= set(re.findall(r"`([\w-]+:\w+)`", cells[1]))
    return found


def test_there_is_a_page_for_each_pattern() -> None:
    """All eight."""
    assert tuple(page.stem for page in PATTERNS) == NUMBERS


def test_the_readme_has_a_row_for_each_pattern() -> None:
    """Its page, who it is for, and the command that runs it on a laptop."""
    found = [cells for cells in rows(README) if re.match(r"\[\d\]\(docs/patterns/", cells[0])]
    assert [(cells[0], cells[-1]) for cells in found] == [
        (f"[{number}](docs/patterns/{number}.md)", f"`make demo PATTERN={number}`") for number in NUMBERS
    ]
    assert all(all(cells) for cells in found)


@pages
def test_a_page_says_how_the_pattern_runs_on_a_laptop(page: Path) -> None:
    """Without a workflow a push starts it, otherwise `run` does."""
    text = " ".join(page.read_text(encoding="utf-8").split())
    assert f"`make demo PATTERN={page.stem}`" in text
    assert f"`ecs-cd local {'push' if page.stem in WITHOUT_WORKFLOW else 'run'}`" in text


@pages
def test_the_app_repository_has_a_workflow_or_an_app_file(page: Path) -> None:
    """An app file that is read without complaint."""
    block = app_repository(page.stem)
    assert ("jobs:" in block) is (page.stem not in WITHOUT_WORKFLOW)
    if page.stem in WITHOUT_WORKFLOW:
        assert app_file.load(block, where=page.name)


@pages
def test_a_page_answers_the_same_questions(page: Path) -> None:
    """In the same order, after one picture."""
    text = page.read_text(encoding="utf-8")
    assert re.findall(r"^## (.+)$", text, re.M) == HEADINGS
    (picture,) = parts.blocks(page, "mermaid")
    assert picture.startswith("flowchart LR\n")
    assert text.index("```mermaid") < text.index("## ")


@pages
def test_a_picture_is_complete(page: Path) -> None:
    """Each subgraph ends, and each node has its words in quotes where it is first named."""
    (picture,) = parts.blocks(page, "mermaid")
    assert len(re.findall(r"^ *subgraph ", picture, re.M)) == len(re.findall(r"^ *end$", picture, re.M))
    bare = re.sub(r'"[^"]*"', "", picture)
    assert '"' not in bare
    named = set(re.findall(r"\b(\w+) ?[\[(]", bare))
    ends = {end for arrow in re.findall(r"(\w+)[^\n\w]*(?:-->|-- .*?-->|-\. .*?\.->) *(\w+)", bare) for end in arrow}
    assert ends <= named


@pages
def test_documents_to_copy_are_valid(page: Path) -> None:
    """What a page shows of the document is read without complaint."""
    shown = [yaml.safe_load(block) for block in parts.blocks(page, "yaml") if block != app_repository(page.stem)]
    names = ("app", "nginx")
    images = {name: {"repository": f"123456789012.dkr.ecr.us-east-1.amazonaws.com/{name}"} for name in names}
    services = {"web": {"task-definition": "my-family", "containers": {"app": "app"}}}
    for part in shown:
        document.load(yaml.safe_dump({"cluster": "c", "images": images, "services": services, **part}), where=page.name)


@pages
def test_terraform_gives_a_module_inputs_that_exist(page: Path) -> None:
    """And all that have no default."""
    for block in terraform(page.stem):
        for body in re.findall(r'^module "\w+" \{\n(.*?)^\}', block, re.M | re.S):
            (source,) = re.findall(r"//infra/terraform/(\w+)\?ref=v1", body)
            variables = ROOT / "infra" / "terraform" / source / "variables.tf"
            if not variables.exists():
                continue
            declared = dict(
                re.findall(r'^variable "(\w+)" \{\n(.*?)^\}', variables.read_text(encoding="utf-8"), re.M | re.S)
            )
            required = {name for name, text in declared.items() if not re.search(r"^  default +=", text, re.M)}
            given = set(re.findall(r"^  (\w+) +=", body, re.M)) - {"source"}
            assert required <= given <= set(declared)


def test_the_lines_of_the_examples_are_counted() -> None:
    """What the app repository and the infra repository hold, in each pattern."""
    yaml_lines = {
        number: int(count) for cell in row("Lines of YAML") for count, number in re.findall(r"(\d+) \((\d)\)", cell)
    }
    assert yaml_lines == {number: lines([app_repository(number)]) for number in NUMBERS}
    assert [int(cell) for cell in row("Lines of Terraform")] == [lines(terraform(number)) for number in ONE_IMAGE]


def test_what_githubs_role_can_change_is_counted() -> None:
    """By the table of permissions, for the verbs of the pattern's workflow."""
    changing = [
        {
            action
            for verb in (*VERBS[number], "all")
            for action in actions(verb)
            if re.match(r"(ecs|iam|codedeploy|events|scheduler):(?!Describe|List|Get|Batch)", action)
        }
        for number in ONE_IMAGE
    ]
    counted = [int(cell.partition(":")[0]) for cell in row("IAM actions")]
    assert counted == [len(found) for found in changing]


def test_prices_follow_the_formula() -> None:
    """Those of the table of minutes, and the rounded ones in the comparison and on the pages."""
    found = {}
    for cells in rows(WHICH):
        if len(cells) == 5 and cells[4].startswith("$") and cells[1].isdecimal():
            minutes = map(int, cells[1:4])
            assert cells[4] == f"${sum(price * each for price, each in zip(PRICES, minutes, strict=True)):.2f}", cells[
                0
            ]
            found[cells[0]] = cells[4]
    compared = {number: price for cell in row("Price") for price, number in re.findall(r"(\$[\d.]+) \((\d)\)", cell)}
    assert compared == {number: found[number] for number in NUMBERS}
    for page in PATTERNS:
        assert f"about {found[page.stem]}" in " ".join(page.read_text(encoding="utf-8").split())
