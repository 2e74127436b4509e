"""A lock: the text of its parameter, and who holds it, why and until when."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ecs_cd.document.rules import json_schema
from ecs_cd.model import moment
from ecs_cd.model.errors import Refused
from ecs_cd.model.text import one_line

VERSION = "1"
_SCHEMA: json_schema.Schema = {
    "type": "object",
    "additionalProperties": False,
    "required": ["version", "by", "since"],
    "properties": {
        "version": {"type": "string", "enum": [VERSION], "description": f"the form of the lock, `{VERSION}`"},
        "by": {"type": "string", "description": "who holds the lock"},
        "reason": {"type": "string", "description": "why"},
        "since": {"type": "string", "description": f"since when, such as {moment.EXAMPLE}"},
        "until": {"type": "string", "description": f"until when, such as {moment.EXAMPLE}; default: until `unlock`"},
        "url": {"type": "string", "description": "the run that took it"},
        "id": {"type": "string", "description": "which of several processes took it"},
    },
}
_REMEDY = "Correct or delete the parameter: `ecs-cd lock` writes a lock that docs/guides/locks.md describes."


@dataclass(frozen=True)
class Lock:
    """A lock as its parameter has it; times are as they are written. Without ``until`` it holds until `unlock`."""

    by: str
    since: str
    reason: str = ""
    until: str = ""
    url: str = ""
    id: str = ""

    def expired(self, now: float) -> bool:
        """Whether it no longer holds at ``now``, in seconds since 1970. It does not hold at the instant ``until``."""
        return bool(self.until) and moment.seconds(self.until, what="until") <= now

    @property
    def words(self) -> str:
        """Who, since when, until when and why, in one line."""
        until = f"until {one_line(self.until)}" if self.until else "until `ecs-cd unlock`"
        why = f": {one_line(self.reason)}" if self.reason else ", without a reason"
        page = f" ({one_line(self.url)})" if self.url else ""
        return f"by {one_line(self.by, 100)} since {one_line(self.since)} {until}{why}{page}"


def text(lock: Lock) -> str:
    """The value of its parameter: JSON. SSM takes no value with ``{{`` or ``}}``, so these are escaped."""
    content = {"version": VERSION, **{name: value for name, value in vars(lock).items() if value}}
    return json.dumps(content).replace("{{", "{\\u007b").replace("}}", "}\\u007d")


def load(parameter: Mapping[str, Any], name: str) -> Lock:
    """The lock in a parameter as GetParameters returns it. Raises ``Refused`` with all its problems."""
    what = f"the lock in the SSM parameter {name}"
    content = json_schema.load(string(parameter, what), _SCHEMA, what=what, remedy=_REMEDY, beyond=_time_problems)
    return Lock(**{key: value for key, value in content.items() if key != "version"})


def string(parameter: Mapping[str, Any], what: str) -> str:
    """The value of a parameter of the type String. Raises ``Refused`` for another type: ecs-cd decrypts no lock."""
    kind = str(parameter.get("Type", ""))
    if kind != "String":
        raise Refused(f"{what} can't be read: its type is {one_line(kind, 20)}", "Make it a parameter of type String.")
    return str(parameter.get("Value", ""))


def _time_problems(content: Mapping[str, Any]) -> list[str]:
    return moment.problems(content, "since")
