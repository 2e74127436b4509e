"""The plan as a comment on the pull request. Errors of GitHub are a warning: the job summary has the plan, too."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from ecs_cd.ci import event
from ecs_cd.deploy.rules import migration_files
from ecs_cd.inputs.plan import Plan
from ecs_cd.job.job import Job
from ecs_cd.model import pace
from ecs_cd.model.errors import Refused
from ecs_cd.report.summary import Part, markdown

if TYPE_CHECKING:  # few runs need it, and importing it would slow down every start
    from ecs_cd.ci.pull_requests import PullRequest

T = TypeVar("T")

_LIMIT = "a comment ends at 65,536 characters; the job summary has the rest"


class PlanComment:
    """The comment of one document on the run's pull request, if there is one and GitHub can be asked.

    A separate thread makes the calls.
    """

    def __init__(self, inputs: Plan, job: Job) -> None:
        self._inputs = inputs
        self._job = job
        self._pull_request = self._connected()
        self._thread = ThreadPoolExecutor(max_workers=1)

    def new_migrations(self) -> tuple[list[str], bool]:
        """The paths of migration files that the pull request adds, and whether all of its files were looked at."""
        none: tuple[list[tuple[str, str]], bool] = ([], True)
        so = "and new migration files are not listed"
        found, complete = self._asked(lambda asked, until: asked.files(until), none, so)
        return migration_files.new(found, self._inputs.migration_paths), complete

    def write(self, part: Part, *, create: bool) -> str:
        """Updates the comment, or creates it if ``create``. Returns its page; empty without a comment."""
        return self._asked(
            lambda asked, until: self._written(asked, part, until, create=create),
            "",
            "but the job summary has the plan",
        )

    def _written(self, pull_request: PullRequest, part: Part, until: float, *, create: bool) -> str:
        from ecs_cd.ci.rules import pull_requests as rules

        begin = f"{self._marker()}\n"
        body = begin + markdown([part], rules.LARGEST - len(begin), _LIMIT)
        there = pull_request.comment(begin.strip(), until)
        if there and not rules.same(there.body, body):
            pull_request.update(there, body, until)
            self._job.ci.line("comment: updated")
        elif not there and create:
            there = pull_request.create(body, until)
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

    def _asked(self, call: Callable[[PullRequest, float], T], otherwise: T, so: str) -> T:
        """What the call returns. Warns of the first failure, after which GitHub is not asked again."""
        pull_request = self._pull_request
        if pull_request is None:
            return otherwise
        from ecs_cd.ci.github_api import within

        try:
            return within(pace.GITHUB_PATIENCE, lambda until: call(pull_request, until), self._thread, self._job.clock)
        except Refused as refused:
            why = refused.sentence
        self._pull_request = None
        self._job.ci.warning(f"comment: none on the pull request, {so}: {why}")
        return otherwise
