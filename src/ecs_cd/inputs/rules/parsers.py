"""Parsers of inputs. Each takes the text and the input's name, returns the value, and raises ``Refused``."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ecs_cd.inputs.rules.entries import entries, key_values
from ecs_cd.model import attestation, duration, json_yaml, lifecycle, moment, platforms
from ecs_cd.model.errors import Refused
from ecs_cd.model.references import COMMIT, REVISION
from ecs_cd.model.text import one_line
from ecs_cd.tasks.rules import environment, render

_PLATFORM = re.compile(r"[a-z0-9][a-z0-9_.-]*(?:/[a-z0-9][a-z0-9_.-]*){1,2}")


def text(text: str, name: str) -> str:
    return text.strip()


def lines(text: str, name: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.splitlines() if line.strip())


def sentence(longest: int) -> Callable[[str, str], str]:
    """Accepts text of at most so many characters, and makes it one line without control characters."""

    def parse(text: str, name: str) -> str:
        found = one_line(text, len(text) + 1)
        if len(found) > longest:
            raise Refused(f"{name}: has {len(found)} characters; the limit is {longest}")
        return found

    return parse


def override(text: str, name: str) -> str:
    """A reason. ``true`` overrides without one; ``false``, such as of a workflow's own input, does not."""
    found = sentence(200)(text, name)
    return {"false": "", "true": "without a reason"}.get(found.lower(), found)


def until(text: str, name: str) -> str:
    """Accepts a time with its zone, or a duration; the text stays as it is."""
    given = text.strip()
    if "-" in given:
        moment.seconds(given, what=name)
    elif given:
        try:
            duration.seconds(given, what=name)
        except Refused:
            raise Refused(
                f"{name}: must be a time with a time zone, such as {moment.EXAMPLE}, or a duration like 90m or 48h"
            ) from None
    return given


def entry_list(text: str, name: str) -> tuple[str, ...]:
    return tuple(entries(text, what=name))


def words(text: str, name: str) -> tuple[str, ...]:
    return tuple(word.strip() for line in text.splitlines() for word in line.split(",") if word.strip())


def runners(text: str, name: str) -> dict[str, tuple[str, ...]]:
    """Parses lines of `PLATFORM=LABEL` into labels by platform; a line without a platform is for ``""``."""
    found: dict[str, tuple[str, ...]] = {}
    for line in lines(text, name):
        before, separator, after = line.rpartition("=")
        platform = platforms.normalized(before) if separator else ""
        labels = words(after, name)
        if not labels or (separator and not _PLATFORM.fullmatch(platform)):
            raise Refused(f"{name}: must be PLATFORM=LABEL, such as linux/arm64=ubuntu-24.04-arm, one per line")
        if platform in found:
            raise Refused(f"{name}: {platform or 'a line without a platform'} is there twice; keep one")
        found[platform] = labels
    return found


def platform(text: str, name: str) -> str:
    """Parses one platform; an empty text is none."""
    found = platforms.normalized(text) if text.strip() else ""
    if found and not _PLATFORM.fullmatch(found):
        raise Refused(f"{name}: must be one platform, such as linux/arm64")
    return found


def pairs(text: str, name: str) -> dict[str, str]:
    return key_values(text, what=name)


def commit(text: str, name: str) -> str:
    given = text.strip().lower()
    if given and not COMMIT.fullmatch(given):
        raise Refused(f"{name}: must be a full commit id of 40 or 64 hexadecimal digits")
    return given


def revision_or_commit(text: str, name: str) -> str:
    given = text.strip()
    if given and not REVISION.fullmatch(given) and not COMMIT.fullmatch(given.lower()):
        raise Refused(f"{name}: must be a revision such as my-app:7, its ARN, or a full commit id")
    return given if REVISION.fullmatch(given) else given.lower()


def repository(text: str, name: str) -> str:
    """Parses a repository of GitHub, which becomes part of a URL."""
    given = text.strip()
    if given and not re.fullmatch(attestation.REPOSITORY, given):
        raise Refused(f"{name}: must be owner/name of a repository on GitHub")
    return given


def signers(text: str, name: str) -> tuple[str, ...] | None:
    """Parses `true` (every workflow of the repository: an empty tuple), `false` (``None``), or workflows."""
    given = lines(text, name)
    if len(given) <= 1 and "".join(given).lower() in ("", "true", "false"):
        return () if given and given[0].lower() == "true" else None
    if not all(re.fullmatch(attestation.WORKFLOW, each) for each in given):
        raise Refused(f"{name}: must be `true`, or a workflow per line, such as {attestation.EXAMPLE}")
    return given


def pipeline(text: str, name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9.@_-]{1,100}|", text.strip()):
        raise Refused(f"{name}: must be the name of a pipeline: letters, digits, `.`, `@`, `-` and `_`")
    return text.strip()


def execution_id(text: str, name: str) -> str:
    given = text.strip()
    if given and not re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", given):
        raise Refused(f"{name}: must be the id of an execution, such as 12345678-abcd-1234-abcd-1234567890ab")
    return given


def seconds(text: str, name: str) -> float:
    return duration.seconds(text.strip(), what=name)


def one_of(*choices: str) -> Callable[[str, str], str]:
    """Accepts only these choices; an empty text only if ``choices`` contains it."""

    def parse(text: str, name: str) -> str:
        if text.strip() not in choices:
            raise Refused(f"{name}: must be one of {', '.join(filter(None, choices))}")
        return text.strip()

    return parse


def truth(text: str, name: str) -> bool:
    word = text.strip().lower()
    if word not in ("true", "false"):
        raise Refused(f"{name}: must be true or false")
    return word == "true"


def truth_if_given(text: str, name: str) -> bool | None:
    return truth(text, name) if text.strip() else None


def whole(least: int) -> Callable[[str, str], int | None]:
    """Accepts a whole number of at least ``least``; ``None`` if the input is not given."""

    def parse(text: str, name: str) -> int | None:
        if not text.strip():
            return None
        if not re.fullmatch(r"[0-9]{1,9}", text.strip()) or int(text) < least:
            raise Refused(f"{name}: must be a whole number, at least {least}")
        return int(text)

    return parse


def how_many(text: str, name: str) -> int:
    """Parses a whole number of at least 1; 0 if the input is not given."""
    return whole(1)(text, name) or 0


def goal(text: str, name: str) -> str:
    try:
        return lifecycle.goal(text)
    except Refused as refused:  # its problem quotes the text, which may be a secret
        raise Refused(f"{name}: is neither a goal nor a deployment stage", refused.remedy) from None


def goal_if_given(text: str, name: str) -> str:
    return goal(text, name) if text.strip() else ""


def json_list(text: str, name: str) -> list[Any]:
    """Parses a JSON array; an empty text is an empty array."""
    return list(_json(text, name, list, "a JSON array"))


def json_object(text: str, name: str) -> dict[str, Any]:
    """Parses a JSON object; an empty text is an empty object."""
    return dict(_json(text, name, dict, "a JSON object"))


def _json(text: str, name: str, kind: type, words: str) -> Any:
    content = json_yaml.parse(text, what=f"the input {name}") if text.strip() else kind()
    found = [f"{name}: {path}: occurs twice; keep one" for path in json_yaml.duplicate_keys(content)]
    if not isinstance(content, kind):
        found.append(f"{name}: must be {words}")
    if found:
        raise Refused(found)
    return content


def named_values(text: str, name: str) -> dict[str, str]:
    return render.pairs(text, what=name)


def variables(text: str, name: str) -> dict[str, str]:
    return render.pairs(text, what=name, variables=True)


def container_variables(text: str, name: str) -> tuple[environment.Variable, ...]:
    return environment.variables(text, what=name)


def containers(text: str, name: str) -> tuple[str, ...]:
    names = tuple(part.strip() for part in text.split(",")) if text.strip() else ()
    if not all(names):
        raise Refused(f"{name}: must be a container name, or several separated by commas")
    return names


def command(text: str, name: str) -> tuple[str, ...]:
    return render.words(text, what=name)


def account(text: str, name: str) -> str:
    if text.strip() and not re.fullmatch(r"[0-9]{12}", text.strip()):
        raise Refused(f"{name}: must be the id of an AWS account, which has 12 digits")
    return text.strip()


def role(text: str, name: str) -> str:
    if text.strip() and not re.fullmatch(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/\S+", text.strip()):
        raise Refused(f"{name}: must be the ARN of an IAM role, such as arn:aws:iam::123456789012:role/my-role")
    return text.strip()


def url(text: str, name: str) -> str:
    if text.strip() and not re.fullmatch(r"https?://\S+", text.strip()):
        raise Refused(f"{name}: must be a URL that starts with https:// or http://")
    return text.strip()


def roles(text: str, name: str) -> tuple[str, ...]:
    return tuple(role(line, name) for line in lines(text, name))
