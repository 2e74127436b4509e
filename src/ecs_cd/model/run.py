"""The identity of a run: whose it is, and which step of it this process is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Run:
    """One run of a CI system, as ``ci/run.py`` finds it. What is not known is empty."""

    commit: str = ""
    commit_variable: str = ""  # what the CI system calls the commit
    id: str = ""
    attempt: str = ""
    job: str = ""
    step: str = ""  # what no other step of the job has
    repository: str = ""  # owner/name
    repository_url: str = ""
    url: str = ""  # the log of this attempt
    actor: str = ""
    event: str = ""
    event_path: str = ""  # of the event's payload
    on_github: bool = False  # under act as well
    under_act: bool = False
    github_cache: bool = False  # whether a build can reach GitHub's cache

    @property
    def is_unique(self) -> bool:
        """Whether no other run has the same id and attempt. Under act they are always 1."""
        return self.on_github and not self.under_act


NOWHERE = Run()  # outside of every CI system
