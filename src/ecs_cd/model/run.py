"""The identity of a run: its repository, and the step that this process is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Run:
    """One run of a CI system, as ``ci/run.py`` finds it. Unknown fields are empty."""

    commit: str = ""
    commit_variable: str = ""  # the CI system's variable for the commit
    id: str = ""
    attempt: str = ""
    job: str = ""
    step: str = ""  # unique among the steps of the job; empty in CodeBuild, which has none
    repository: str = ""  # owner/name
    repository_url: str = ""
    url: str = ""  # the log of this attempt
    actor: str = ""
    event: str = ""
    event_path: str = ""  # of the event's payload
    on_github: bool = False  # under act as well
    on_codebuild: bool = False
    under_act: bool = False
    github_cache: bool = False  # whether a build can reach GitHub's cache

    def commit_url(self, commit: str) -> str:
        """The commit's page on GitHub; empty if the repository isn't there."""
        there = self.on_github or self.repository_url.startswith("https://github.com/")
        return f"{self.repository_url}/commit/{commit}" if commit and self.repository_url and there else ""

    @property
    def is_unique(self) -> bool:
        """Whether id and attempt identify this run. Under act both are always 1; each try of a build has its own id."""
        return self.on_codebuild or (self.on_github and not self.under_act)

    @property
    def is_rerun(self) -> bool:
        """Whether this run has an earlier attempt."""
        return self.is_unique and self.attempt not in ("", "1")


NOWHERE = Run()  # outside of every CI system
