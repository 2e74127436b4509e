"""The GitHub Deployment of a run, and its status. Errors of GitHub never stop the deployment."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from ecs_cd.aws.errors import explain
from ecs_cd.inputs.common import OnGitHub
from ecs_cd.job.job import Job, Result
from ecs_cd.model import pace
from ecs_cd.model.errors import Cancelled, OutcomeUnknown, Refused
from ecs_cd.model.verdict import DEFECT_EXIT_CODE, EXIT_CODES, REFUSED_EXIT_CODE, Outcome, Verdict

if TYPE_CHECKING:  # few runs need it, and importing it would slow down every start
    from ecs_cd.ci.github_deployments import Deployment


_CANCELLED = EXIT_CODES[Outcome.CANCELLED]
_EXPLAINED = (Refused, ClientError, BotoCoreError, OutcomeUnknown, OSError)


@contextmanager
def kept(inputs: OnGitHub, job: Job, *, deploys: bool, task: str = "deploy") -> Iterator[GitHubDeploymentStatus]:
    """Updates the Deployment's status while the block runs. Reports an exception as `error` and reraises it.

    Without the input `github-deployment`, or if this run ``deploys`` nothing, ecs-cd does not call GitHub. Raises
    ``Refused`` if the Deployment event that started the run asks for another ``task``. Only `deploy` creates a
    Deployment.
    """
    asked = inputs.github_deployment and deploys
    deployment = _deployment(inputs, job) if asked else None
    if deployment and not deployment.requested and task != "deploy":
        _without_event(deployment.environment, task, job)
        deployment = None
    status = GitHubDeploymentStatus(deployment, job)
    try:
        if deployment and deployment.requested:
            _check_task(deployment.requested.task, task)
        yield status
    except BaseException as error:
        status.cut_short(error)
        raise


def _without_event(environment: str, task: str, job: Job) -> None:
    """Raises ``Refused`` if an event started the run for another environment."""
    if job.run.event == "deployment":
        remedy = f"Select the job by the environment: `if: github.event.deployment.environment == '{environment}'`."
        raise Refused(f"github-deployment: the event has no Deployment of {environment}", remedy)
    job.ci.line(f"github-deployment: no Deployment event of {environment} started this run, so {task} sets no status")


def _check_task(asked: str, own: str) -> None:
    from ecs_cd.ci.rules.github_deployment import wrong_task

    if problem := wrong_task(asked, own):
        remedy = f"Select the job by the task: `if: github.event.deployment.task == '{own}'`."
        raise Refused(f"github-deployment: {problem}", remedy)


class GitHubDeploymentStatus:
    """Passes a verb's progress on to GitHub, and waits for GitHub only for a limited time.

    A separate thread makes the calls in order.
    """

    def __init__(self, deployment: Deployment | None, job: Job) -> None:
        self._deployment = deployment
        self._job = job
        self._thread = ThreadPoolExecutor(max_workers=1)
        self._looked: Future[bool] | None = None
        self._open = bool(deployment and deployment.requested)  # whether the Deployment may still need a final status
        self._warned = False
        self._result: tuple[str, Verdict] | None = None
        self._error: BaseException | None = None
        if deployment and not deployment.requested:  # runs while everything else is prepared
            self._looked = self._thread.submit(deployment.is_the_jobs, job.clock.monotonic() + pace.GITHUB_WAIT)

    def begin(self, commit: str, services: Sequence[str]) -> None:
        """Creates the Deployment in progress, after everything is prepared and nothing was refused."""
        deployment = self._deployment
        if deployment is None:
            return
        if deployment.requested and deployment.requested.commit not in ("", commit):
            self._warn(
                f"the event asks for {deployment.requested.commit}, but {commit or 'an unknown commit'} is deployed"
            )
        elif not deployment.requested and not commit:
            self._warn("the deployed commit is unknown", "Set the input sha, or check out the commit.")
            return

        def call(until: float) -> str:
            if self._looked and self._looked.result():
                return f"this job has the environment {deployment.environment}, so GitHub updates the Deployment itself"
            return deployment.begin(commit, services, until)

        self._open = True
        self._wait_for(call, pace.GITHUB_WAIT)

    def begin_requested(self) -> None:
        """Sets the event's Deployment, if there is one, to in progress."""
        if (deployment := self._deployment) and deployment.requested:
            commit = deployment.requested.commit
            self._wait_for(lambda until: deployment.begin(commit, (), until), pace.GITHUB_WAIT)

    def seen(self, title: str, execute: Callable[[], Result]) -> Callable[[], Result]:
        """Wraps the step to remember its result or error."""

        def watched() -> Result:
            try:
                result = execute()
            except BaseException as error:
                self._error = error
                raise
            self._result = title, result.verdict
            return result

        return watched

    def end(self, code: int) -> int:
        """Reports to GitHub that the last step ended with this exit code; returns the code."""
        if self._result and EXIT_CODES[self._result[1].outcome] == code:
            title, verdict = self._result
            self._report(lambda deployment, until: deployment.end(title, verdict, until), pace.GITHUB_WAIT)
        else:
            self._report_cut_short(code, self._error)
        return code

    def cut_short(self, error: BaseException) -> None:
        """Reports an error that ends the run outside of a step."""
        unexpected = REFUSED_EXIT_CODE if isinstance(error, _EXPLAINED) else DEFECT_EXIT_CODE
        self._report_cut_short(_CANCELLED if isinstance(error, Cancelled) else unexpected, error)

    def _report_cut_short(self, code: int, error: BaseException | None) -> None:
        why = explain(error).sentence if isinstance(error, _EXPLAINED) else ""
        timeout = pace.GITHUB_WAIT_CANCELLED if code == _CANCELLED else pace.GITHUB_WAIT
        self._report(lambda deployment, until: deployment.cut_short(code, why, until), timeout)

    def _report(self, call: Callable[[Deployment, float], None], timeout: float) -> None:
        deployment = self._deployment
        if deployment is None or not self._open:
            return
        self._open = False
        with suppress(Cancelled):  # the verdict is final, even if GitHub does not get it
            self._wait_for(lambda until: call(deployment, until), timeout)

    def _wait_for(self, call: Callable[[float], str | None], timeout: float) -> None:
        """Waits for the call and logs its message. Any failure is only a warning."""
        from ecs_cd.ci.github_api import within

        try:
            said = within(timeout, call, self._thread, self._job.clock)
        except Refused as refused:
            self._warn(str(refused), refused.remedy)
        else:
            if said:
                self._job.ci.line(f"github-deployment: {said}")

    def _warn(self, problem: str, remedy: str = "") -> None:
        """Warns once: later problems follow from the first."""
        if not self._warned:
            self._warned = True
            self._job.ci.warning(
                f"github-deployment (the deployment to ECS is not affected): {Refused(problem, remedy).sentence}"
            )


def _deployment(inputs: OnGitHub, job: Job) -> Deployment | None:
    """``None`` if ecs-cd can't or must not report to GitHub."""
    from ecs_cd.ci.github_api import NotAsked, connect
    from ecs_cd.ci.github_deployments import Deployment

    try:
        api = connect(job.environ, job.run, inputs.github_token, job.clock)
    except NotAsked as why:
        job.ci.line(f"github-deployment: {why}")
        return None
    return Deployment(api, inputs.github_deployment, inputs.environment_url, job.run)
