"""The input config: one document, or several, one per line, each with the region and the role of its services."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ecs_cd.model.errors import Refused
from ecs_cd.model.references import account_of, region_of

_ROLE = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/\S+")
_REGION = re.compile(r"[a-z]{2,}(-[a-z]+)+-[0-9]{1,2}")
_WORDS = ("region", "role")
_FORM = (
    "A line is the document (an SSM parameter's name, name:version or ARN, or file:path), and where necessary "
    "`region=REGION` and `role=ARN`; a comment is a line of its own that starts with `#`."
)


@dataclass(frozen=True)
class Place:
    """A document of the input. ``region`` and ``role`` are those of the line or of its ARN; empty if the line has none,
    and then the job's are meant."""

    source: str
    region: str = ""
    role: str = ""

    @property
    def line(self) -> str:
        """The line as it is written with single blanks."""
        region = self.region if self.region != region_of(self.source) else ""
        words = [f"region={region}" if region else "", f"role={self.role}" if self.role else ""]
        return " ".join(filter(None, [self.source, *words]))


def one(text: str, name: str) -> str:
    """The only document of a verb that takes one. Raises ``Refused`` if there are more."""
    found = _lines(text)
    if len(found) > 1 or (found and _options(found[0][1])):
        what = f"names {len(found)} documents, and this verb takes one" if len(found) > 1 else "is more than a document"
        raise Refused(
            f"{name}: {what}",
            "Run this verb once for each document, with its role-to-assume and aws-region; only deploy takes several.",
        )
    return found[0][1] if found else text.strip()


def several(text: str, name: str) -> str:
    """The documents, one per line, without comments and empty lines. Raises ``Refused`` with all problems."""
    found, problems = [], []
    for number, line in _lines(text):
        try:
            found.append((number, _place(line)))
        except Refused as refused:
            problems += [f"{name}, line {number}: {each}" for each in refused.problems]
    first: dict[Place, int] = {}
    for number, place in found:
        if first.setdefault(place, number) != number:
            problems.append(f"{name}, line {number}: is the same document as line {first[place]}")
    if problems:
        raise Refused(problems, _FORM)
    if not found and text.strip():
        raise Refused(f"{name}: has only comments, and no document", _FORM)
    return "\n".join(place.line for _, place in found)


def places(text: str) -> list[Place]:
    """The documents of an input that ``several`` has read."""
    return [_place(line) for line in text.splitlines()]


def are_several(text: str) -> bool:
    """Whether the input names more than a document of the job's own region and account."""
    return "\n" in text or bool(_options(text))


def _lines(text: str) -> list[tuple[int, str]]:
    """The lines with their numbers, without empty ones and comments."""
    lines = ((number, line.strip()) for number, line in enumerate(text.splitlines(), 1))
    return [(number, line) for number, line in lines if line and not line.startswith("#")]


def _options(line: str) -> list[str]:
    """What follows the document in a line. A file's path may have blanks."""
    if line.startswith("file:"):
        return re.findall(r"\s((?:region|role)=\S*)", line)
    return line.split()[1:]


def _place(line: str) -> Place:
    options = _options(line)
    source = re.sub(r"\s+(region|role)=\S*", "", line) if line.startswith("file:") else line.split()[0]
    problems = list(_problems(options))
    if "," in source and not source.startswith("file:"):  # no parameter has one in its name
        problems.append("has a comma; each document needs a separate line")
    given = dict(option.split("=", 1) for option in options if "=" in option)
    region, role = given.get("region", ""), given.get("role", "")
    own = region_of(source) or ""
    if region and own and region != own:
        problems.append(f"has region={region}, but the ARN is of {own}")
    account = account_of(source)
    if account and _ROLE.fullmatch(role) and account_of(role) != account:
        problems.append(
            f"the document is in the account {account}, and its role is in {account_of(role)}; "
            "a document's services are in its own account"
        )
    if problems:
        raise Refused(problems)
    return Place(source, region or own, role)


def _problems(options: list[str]) -> Iterator[str]:
    seen: set[str] = set()
    for option in options:
        name, equals, value = option.partition("=")
        if not equals or name not in _WORDS:
            yield "has more than a document: only `region=` and `role=` may follow it"
        elif name in seen:
            yield f"has `{name}=` twice"
        elif name == "region" and not _REGION.fullmatch(value):
            yield "`region=` must be the name of a region, such as eu-west-1"
        elif name == "role" and not _ROLE.fullmatch(value):
            yield "`role=` must be the ARN of an IAM role, such as arn:aws:iam::123456789012:role/my-role"
        seen.add(name)
