"""What `up` reads, and whether it has changed since."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ecs_cd.job.workspace import read_file
from ecs_cd.model.errors import Refused


@dataclass
class Sources:
    """Reads texts, and records a digest of each one by the name under which it is reported.

    ``kept`` are texts that a later `run` doesn't read again: those of the AWS account, and of a file that can't be read
    twice, such as a pipe. A ``run`` asks no AWS account for what `up` has read.
    """

    kept: dict[str, str] = field(default_factory=dict)
    again: bool = False  # whether this is a `run`
    digests: dict[str, str] = field(default_factory=dict)

    def file(self, path: Path, *, what: str) -> str:
        """The text of a file. Raises ``Refused``, without the remedy of ``read_file``, which is meant for a job."""
        try:
            text = read_file(str(path), what=what)
        except Refused as refused:
            raise Refused(refused.problems, _UP_AGAIN if self.again else "") from refused
        return self.noted(str(path), text)

    def values(self, path: Path, *, what: str) -> str:
        """The same, of a file that may be gone at a ``run``: what `up` has read counts then."""
        name = str(path)
        if self.again and name in self.kept and not path.is_file():
            return self.noted(name, self.kept[name])
        self.kept[name] = self.file(path, what=what)
        return self.kept[name]

    def of_aws(self, name: str, ask: Callable[[], str]) -> str:
        """What an AWS account has under this name. Raises ``Refused`` at a ``run`` if `up` has not asked for it."""
        if not self.again:
            self.kept[name] = ask()
        elif name not in self.kept:
            raise Refused(f"ecs-cd local up has not read {name}", _UP_AGAIN)
        return self.noted(name, self.kept[name])

    def noted(self, name: str, text: str) -> str:
        """The text, whose digest is recorded."""
        self.digests[name] = hashlib.sha256(text.encode()).hexdigest()
        return text

    def changed(self, before: Mapping[str, str]) -> list[str]:
        """The names of what differs from these earlier digests."""
        return [name for name, digest in self.digests.items() if before.get(name) != digest]


_UP_AGAIN = "Run ecs-cd local up again, with the flags of the last time."
