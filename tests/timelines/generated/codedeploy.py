"""CodeDeploy's blue/green deployments of an ECS service.

https://docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file-structure-hooks.html
https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_DeploymentInfo.html
https://docs.aws.amazon.com/codedeploy/latest/userguide/deployments-rollback-and-redeploy.html
"""

from __future__ import annotations

from functools import partial
from typing import Any

from tests.scripted_aws.codedeploy import EVENTS

from .rolling import Rolling
from .world import ECS, US, Attempt

UNDER_WAY = ("Created", "Queued", "InProgress", "Ready")
_INSTALL = EVENTS.index("Install")
_TRAFFIC = EVENTS.index("AllowTraffic")
_INSTALL_TIMEOUT = 45.0


class CodeDeploy(Rolling):
    """A deployment group: one deployment at a time. The PRIMARY task set is the one with the traffic.

    ``fails_at`` is a lifecycle event whose hook fails, ``terminates`` how long blue stays, ``ready`` how long a
    deployment waits for somebody before it moves the traffic.
    """

    strategy = "CODE_DEPLOY"
    fails_at = ""
    terminates = 0.0
    ready = 0.0

    def __init__(self, desired: int, configuration: dict[str, Any]) -> None:
        super().__init__(desired, configuration)
        self.errors: dict[int, tuple[str, str]] = {}

    def already_runs(self, revision: int) -> Attempt:
        old = super().already_runs(revision)
        old.rollout = "Succeeded"
        return old

    # ---- what people ask for ----

    def under_way(self) -> Attempt | None:
        return next((one for one in self.attempts if one.rollout in UNDER_WAY), None)

    def update(
        self, by: str, revision: int | None = None, *, force: bool = False, desired: int | None = None
    ) -> Attempt:
        """What others do: CreateDeployment, where the group is free."""
        return self.create(by, revision or self.primary.revision) or self.primary

    def forced(self, by: str) -> Attempt:
        return self.update(by)

    def create(self, by: str, revision: int) -> Attempt | None:
        """CreateDeployment; None where another is under way: DeploymentLimitExceededException."""
        if self.under_way():
            return None
        new = self.attempt(revision, by, status="ACTIVE")
        new.rollout = "Created"
        self.after(1, partial(self._start, new))
        if by == US:
            self.has_come("begun")
        self.changed()
        return new

    def scale(self, desired: int) -> None:
        going = self.under_way()
        super().scale(desired)
        if going and not going.back_of:
            going.desired = desired
            self._fill(going)
            self._go_on(going)

    def delete(self) -> None:
        """DeleteService; CodeDeploy notices a while later."""
        going = self.under_way()
        super().delete()
        if going:
            going.rollout = "InProgress"
            error = ("ECS_UPDATE_ERROR", "The ECS service cannot be updated: it is not active.")
            self.after(5, partial(self._end, going, "Failed", error, back=False))

    def stop(self, attempt: Attempt, *, back: bool = True) -> bool:
        """StopDeployment; False: DeploymentAlreadyCompletedException."""
        if attempt.rollout not in UNDER_WAY:
            return False
        self._end(attempt, "Stopped", ("MANUAL_STOP", "The deployment was stopped."), back=back)
        return True

    def proceed(self, attempt: Attempt, action: str = "") -> bool:
        """ContinueDeployment; False where it is not Ready."""
        if attempt.rollout != "Ready":
            return False
        attempt.rollout = "InProgress"
        self._enter(attempt, _TRAFFIC, waited=True)
        return True

    def trouble(self, kind: str) -> None:
        going = self.under_way()
        if going and not going.back_of:
            alarm = kind == "alarm"
            error = ("ALARM_ACTIVE", "One or more alarms were activated.")
            hook = ("HOOK_EXECUTION_FAILURE", "The deployment failed because a lifecycle hook failed.")
            self._end(going, "Stopped" if alarm else "Failed", error if alarm else hook)

    # ---- lifecycle events ----

    def _works(self, attempt: Attempt) -> bool:
        installing = attempt.rollout in UNDER_WAY and bool(attempt.stage)
        serving = attempt.status == "PRIMARY" and not attempt.back_of
        return self.status == "ACTIVE" and (installing or serving) and attempt.failed is None

    def _start(self, attempt: Attempt) -> None:
        if attempt.rollout == "Created":
            attempt.rollout = "InProgress"
            self._enter(attempt, 0)

    def _enter(self, attempt: Attempt, number: int, *, waited: bool = False) -> None:
        if attempt.rollout != "InProgress":
            return
        if self.status != "ACTIVE":
            self._end(attempt, "Failed", ("ECS_UPDATE_ERROR", "The ECS service is not active."), back=False)
            return
        attempt.stage = EVENTS[number]
        attempt.stages.append((self.now, attempt.stage))
        if attempt.stage == self.fails_at:
            hook = ("HOOK_EXECUTION_FAILURE", "The deployment failed because a lifecycle hook failed.")
            self.after(1, partial(self._end, attempt, "Failed", hook))
        elif number == _INSTALL:
            self._fill(attempt)
            self.after(_INSTALL_TIMEOUT, partial(self._installed, attempt))
            self._go_on(attempt)
        elif number == _TRAFFIC and self.ready and not waited:
            attempt.rollout, attempt.stage = "Ready", EVENTS[number - 1]
            self.after(self.ready, partial(self._expired, attempt))
        else:
            self.after(1, partial(self._next, attempt, number))

    def _next(self, attempt: Attempt, number: int) -> None:
        if attempt.rollout != "InProgress" or attempt.stage != EVENTS[number]:
            return
        if number == _TRAFFIC:
            for one in self.attempts:
                if one.status == "PRIMARY":
                    one.status, one.replaced = "ACTIVE", self.now
            attempt.status = "PRIMARY"
        if number + 1 < len(EVENTS):
            self._enter(attempt, number + 1)
        else:
            attempt.stage = "done"
            self.after(self.terminates, partial(self._succeed, attempt))

    def _go_on(self, attempt: Attempt) -> None:
        if attempt.stage == "Install" and attempt.healthy() >= attempt.desired:
            self.after(1, partial(self._next, attempt, _INSTALL))

    def _installed(self, attempt: Attempt) -> None:
        if attempt.stage == "Install" and attempt.rollout == "InProgress":
            self._end(attempt, "Failed", ("TIMEOUT", "The deployment timed out while waiting for tasks to be healthy."))

    def _expired(self, attempt: Attempt) -> None:
        if attempt.rollout == "Ready":
            self._end(attempt, "Stopped", ("TIMEOUT", "The deployment timed out while it waited to be continued."))

    def _succeed(self, attempt: Attempt) -> None:
        if attempt.rollout != "InProgress":
            return
        for one in self.attempts:
            for task in one.tasks if one is not attempt else ():
                self._scale_in(task, 1)
        attempt.rollout, attempt.completed = "Succeeded", self.now
        if attempt.by == US:
            self.has_come("completed")

    # ---- the end, and the way back ----

    def _fail(self, attempt: Attempt, why: str, *, silent: bool = False) -> None:
        """A circuit breaker is ECS's own deployments'; CodeDeploy waits for Install."""

    def _end(self, attempt: Attempt, status: str, error: tuple[str, str], *, back: bool | None = None) -> None:
        if attempt.rollout not in UNDER_WAY:
            return
        attempt.rollout, attempt.failed, attempt.why = status, self.now, error[1]
        self.errors[attempt.number] = error
        if attempt.by == US:
            self.has_come("failed")
        if self.rolls_back() if back is None else back:
            self.after(2, partial(self._roll_back, attempt, named=True))
        elif attempt.status != "PRIMARY":
            for task in attempt.tasks:
                self._scale_in(task, 1)

    def _roll_back(self, attempt: Attempt, *, named: bool) -> None:
        if self.status != "ACTIVE":
            return
        revision = attempt.source.revision if attempt.source else attempt.revision
        attempt.back = back = self.attempt(revision, ECS, back_of=attempt, status="ACTIVE")
        back.rollout = "InProgress"
        self.after(back.course.start + back.course.settles, partial(self._back, attempt, back))

    def _back(self, attempt: Attempt, back: Attempt) -> None:
        if self.status != "ACTIVE" or back.course.deaths >= 1000:
            back.rollout, back.failed, attempt.rollback_failed = "Failed", self.now, self.now
            self.errors[back.number] = ("ECS_UPDATE_ERROR", "The rollback failed.")
            return
        if attempt.status == "PRIMARY" and attempt.source:
            attempt.status, attempt.source.status, attempt.source.replaced = "ACTIVE", "PRIMARY", None
            self._fill(attempt.source)
        for task in attempt.tasks:
            self._scale_in(task, 1)
        back.rollout, back.completed, attempt.rolled_back = "Succeeded", self.now, self.now
