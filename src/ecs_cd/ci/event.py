"""The event that started this run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ecs_cd.ci.rules.within import within
from ecs_cd.model.run import Run


def payload(run: Run) -> Any:
    """The event's payload, parts of which its sender wrote; ``None`` if there is none that can be read."""
    try:
        return json.loads(Path(run.event_path).read_bytes())
    except (OSError, ValueError, RecursionError):
        return None


def commits(run: Run) -> set[str]:
    """The commits that GitHub knows this run by: GITHUB_SHA, and for a pull request the head of its branch."""
    head = within(payload(run), "pull_request", "head", "sha")
    return {each for each in (run.commit, head) if isinstance(each, str) and each}


def pull_request(run: Run) -> int:
    """The number of the event's pull request, also if the event is a comment on it; 0 if there is none."""
    event = payload(run)
    number = within(event, "pull_request", "number")
    if number is None and within(event, "issue", "pull_request") is not None:
        number = within(event, "issue", "number")
    return number if type(number) is int and number > 0 else 0
