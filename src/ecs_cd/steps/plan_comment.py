"""The plan as a comment on the pull request. Errors of GitHub are a warning: the job summary has the plan, too."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ecs_cd.ci import event
from ecs_cd.deploy.rules import migration_files
from ecs_cd.inputs.plan import Plan
from ecs_cd.job.job import Job
from ecs_cd.model.errors import Refused, Unreadable
from ecs_cd.report.summary import Part, markdown

if TYPE_CHECKING:  # few runs need it, and importing it would slow down every start
    from ecs_cd.ci.pull_requests import PullRequest

_LIMIT = "a comment ends at 65,536 characters; the job summary has the rest"


class PlanComment:
    """The comment of one document on the run's pull request, if there is one and GitHub can be asked."""

    def __init__(self, inputs: Plan, job: Job) -> None:
        self._inputs = inputs
        self._job = job
        self._pull_request = self._connected()
        self._failed = False

    def new_migrations(self) -> tuple[list[str], bool]:
        """The paths of migration files that the pull request adds, and whether all of its files were looked at."""
        found: list[tuple[str, str]] = []
        complete = True
        with self._warned("its migration files are not listed"):
            if self._pull_request:
                found, complete = self._pull_request.files()
        return migration_files.new(found, self._inputs.migration_paths), complete

    def write(self, part: Part, *, create: bool) -> str:
        """Updates the comment, or creates it if ``create``. Returns its page; empty without a comment."""
        with self._warned("the job summary has the plan"):
            if self._pull_request and not self._failed:
                return self._written(self._pull_request, part, create=create)
        return ""

    def _written(self, pull_request: PullRequest, part: Part, *, create: bool) -> str:
        from ecs_cd.ci.rules import pull_requests as rules

        begin = f"{self._marker()}\n"
        body = begin + markdown([part], rules.LARGEST - len(begin), _LIMIT)
        there = pull_request.comment(begin.strip())
        if there and not rules.same(there.body, body):
            pull_request.update(there, body)
            self._job.ci.line("comment: updated")
        elif not there and create:
            there = pull_request.create(body)
            self._job.ci.line("comment: created")
        return there.page if there else ""

    def _marker(self) -> str:
        """One comment per document: two accounts or regions may have parameters of the same name."""
        from ecs_cd.ci.rules import pull_requests as rules

        account = self._inputs.role_to_assume[-1].split(":")[4] if self._inputs.role_to_assume else ""
        return rules.marker(self._inputs.config, self._job.aws.region, account)

    def _connected(self) -> PullRequest | None:
        from ecs_cd.ci.github_api import NotAsked
        from ecs_cd.ci.pull_requests import connect

        job, number = self._job, self._inputs.pull_request or event.pull_request(self._job.run)
        if not number:
            job.ci.line("comment: none, because no pull request is known")
            return None
        try:
            return connect(job.environ, job.run, number, self._inputs.github_token, job.clock)
        except NotAsked as why:
            job.ci.line(f"comment: {why}")
            return None

    @contextmanager
    def _warned(self, so: str) -> Iterator[None]:
        """Warns once: later problems follow from the first, and GitHub is not asked again."""
        try:
            yield
        except Refused as refused:
            self._warn(refused.sentence, so)
        except Unreadable as unreadable:
            self._warn(str(unreadable), so)

    def _warn(self, problem: str, so: str) -> None:
        self._failed = True
        self._job.ci.warning(f"comment: none on the pull request, {so}: {problem}")
