"""Counts archaic turns of phrase per 1000 words of prose.

python -m dev.prose [FILES]    without files: README.md, docs/, the other pages and the docstrings of src/

Code does not count: fences, code spans, URLs and comments are left out. Regions that `make generate` writes into a
page come from the code, so they are counted separately.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# Each with its plain English.
TURNS = (
    # People and things
    r"\b(?:some|no|any)body\b",  # another deployment, CloudTrail shows who, you
    r"\bwho(?:m|so)?ever\b",  # anyone who, the user
    r"\b(?:our|their)s\b",  # ecs-cd's, the deployment that this step started
    r"\bone's\b",
    r"\bof (?:one's|its|their|our|your) own\b",  # its own job
    r"\bof (?:GitHub|ECS|AWS|ECR|EventBridge|Docker|BuildKit|STS)'s\b",
    r"\bsuch (?:a|an) one\b",
    # Saying and seeing
    r"\btold\b",  # reported, logged, listed
    r"\btells? (?:of|how|what|which|the|its|it|no)\b",  # says, shows, lists
    r"\b(?:is|are|was|were|be|been) said\b",  # the log shows
    r"\bsays? (?:it|this) in red\b",
    r"\b(?:is|are|was|were) looked (?:at|for)\b",  # is polled, ecs-cd checks
    r"\b(?:a|the|each|every|one|two) looks?\b",  # poll, check
    r"\b(?:is|are|in|to|or|step) red\b",  # fails the job
    # Being
    r"(?<!there )\b(?:is|are|was|were) no(?:ne)?\b(?! (?:longer|more|different|way))",  # is not a
    r"\bthere (?:is|are|was|were) none\b",  # without one
    r"\b(?:has|have|gets?) none\b",
    r"\b(?:is|are|was|were|be)(?: not| already)? there\b(?! (?:a|an|any|no)\b)",  # exists, is missing
    r"\b(?:which|what|that|those)(?: \w+)? there (?:is|are|was|were)\b",  # the existing ones
    r"\b(?:here )?as there\b",
    r"\b(?:is|are|left) so\b",
    r"\bso (?:is|are|has|have|do|does|may) (?:the|one|it|its|others)\b",
    r"\b(?:is|are|was) to be\b",  # must be, will be
    # Time and degree
    r"\banew\b",  # again
    r"\bat the (?:most|least)\b",  # at most
    r"\bof before\b",  # the previous
    r"\bin the end\b",  # at the end
    r"\bmeanwhile\b",
    r"\bbeforehand\b",
    r"\bby turns\b",
    r"\b(?:as|so) (?:long|far) as\b",  # while, until
    r"\b(?:is|are|was) over\b",  # has passed
    r"\b(?:come|comes|came) (?:to (?:its|their|an) end|about)\b",  # end, is made
    r"\bgo(?:es)? on\b",  # continues, keeps running
    r"\bbegun\b",  # started
    r"\b(?:one|two|ten|twenty|\d+) an? (?:line|call|file|page|row|service|image|look)\b",  # one per line
    # Joining
    r"\bbesides\b",  # also, other than
    r"\bbut for\b",  # except
    r"\bin (?:the|a file's|its|their) (?:place|stead)(?: of)?\b",  # instead of
    r"\botherwise than\b",
    r"\bfor want of\b",
    r"\bwhere (?:there (?:is|are)|none|no)\b",  # if there is
    r"\bfrom where\b",
    r"(?:^|[(,;:.] )[Oo]f (?:several|many|more than)\b",  # if there are several
    r"\b(?:up|there|here)on\b|\bthere(?:by|in|of)\b|\bwhere(?:by|in|of|upon)\b",
    r"\b(?:lest|hence|thus|shall|whilst|amid|ought)\b",
    r"\bneeds? not\b",
    # Doing
    r"\btakes? (?:no )?part\b",  # is ignored
    r"\btaken (?:for|to be|away)\b",  # treated as, removed
    r"\bstands?\b(?! for\b)",  # is, appears
    r"\b(?:lies|lie|lay) (?:in|beside|there|between)\b",
    r"\bheals?\b",  # resolves itself
    r"\bserves?(?: as well|\.|,)",  # also works
    r"\blet (?:over|go)\b",
    r"\b(?:is|are) wanted\b|\bwants? no\b",
    r"\b(?:just|this) (?:this|that|so|very)\b",
    r"\bvery (?:same|one)\b",
    r"\bheld to\b|\bholds? (?:this|it|them|the page) to\b",
    r"\bno obstacle\b",
)
_TURN = re.compile("|".join(f"(?:{turn})" for turn in TURNS), re.M)

_GENERATED = re.compile(r"^<!-- (\S+): made by .*?^<!-- end of \1 -->", re.M | re.S)
_NOT_PROSE = re.compile(
    r"^ *```.*?^ *```$|<!--.*?-->|``.*?``|`[^`\n]*`|\]\([^)\s]*\)|https?://\S+|</?\w+[^>]*>", re.M | re.S
)
_WORD = re.compile(r"[A-Za-z][A-Za-z'-]*")


@dataclass(frozen=True)
class Count:
    """The words of a text, and the turns in it."""

    words: int
    turns: tuple[str, ...] = ()

    @property
    def per_1000(self) -> float:
        return 1000 * len(self.turns) / self.words if self.words else 0.0


def count(text: str) -> Count:
    """The turns of a text in Markdown, without its code."""
    prose = _NOT_PROSE.sub(" X ", text)
    # A turn may go over the end of a line, not over that of a paragraph.
    joined = re.sub(r"(?<=\S)[ \t]*\n(?![ \t]*(?:\n|[-|#>]|\d+\.))[ \t]*", " ", prose)
    return Count(len(_WORD.findall(prose)), tuple(match[0].strip() for match in _TURN.finditer(joined)))


def total(counts: Iterable[Count]) -> Count:
    """Several texts as one."""
    found = list(counts)
    return Count(sum(count.words for count in found), tuple(turn for count in found for turn in count.turns))


def pages() -> list[Path]:
    """README.md in both languages, and all of docs/."""
    return [ROOT / "README.md", ROOT / "README.ja.md", *sorted((ROOT / "docs").rglob("*.md"))]


def other_pages() -> list[Path]:
    """What developers read, and the READMEs of the examples and the Terraform modules."""
    names = ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "tests/README.md")
    readmes = (
        "examples/*/README.md",
        "examples/infra/*/README.md",
        "infra/terraform/*/README.md",
        "infra/cloudformation/README.md",
    )
    return [*(ROOT / name for name in names), *(path for each in readmes for path in sorted(ROOT.glob(each)))]


def written(path: Path) -> Count:
    """What people wrote into a page."""
    return count(_GENERATED.sub("", path.read_text(encoding="utf-8")))


def generated(path: Path) -> Count:
    """What `make generate` wrote into a page."""
    return total(count(match[0]) for match in _GENERATED.finditer(path.read_text(encoding="utf-8")))


def docstrings(path: Path) -> Count:
    """All docstrings of a module."""
    return total(count(text) for text in _docstrings(ast.parse(path.read_text(encoding="utf-8"))))


def _docstrings(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield ast.get_docstring(node) or ""


def modules() -> list[Path]:
    """Every module of src/."""
    return sorted((ROOT / "src").rglob("*.py"))


def _report(counts: dict[str, Count], verbose: bool) -> None:
    for name, found in counts.items():
        print(f"{found.per_1000:6.1f}  {len(found.turns):4}  {found.words:6}  {name}")
        if verbose and found.turns:
            print(f"{'':22}{'; '.join(found.turns)}")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m dev.prose", description="per 1000 words; turns; words")
    parser.add_argument("files", nargs="*", type=Path, help="Markdown or Python; default: all pages and src/")
    parser.add_argument("--verbose", action="store_true", help="list the turns")
    asked = parser.parse_args()
    if asked.files:
        counts = {str(path): docstrings(path) if path.suffix == ".py" else written(path) for path in asked.files}
    else:
        counts = {str(path.relative_to(ROOT)): written(path) for path in pages()}
        all_docs = total(counts.values())
        counts.update({str(path.relative_to(ROOT)): written(path) for path in other_pages()})
        counts["README.md and docs/"] = all_docs
        counts["generated tables of docs/"] = total(map(generated, pages()))
        counts["docstrings of src/"] = total(map(docstrings, modules()))
    _report(counts, asked.verbose)
    return 0


if __name__ == "__main__":
    sys.exit(main())
