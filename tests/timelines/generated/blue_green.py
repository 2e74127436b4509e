"""ECS's own BLUE_GREEN, LINEAR and CANARY deployments.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/blue-green-deployment-how-it-works.html
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-deployment.html
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_StopServiceDeployment.html
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from .rolling import Rolling
from .world import US, Attempt

STAGES = (
    "PRE_SCALE_UP",
    "SCALE_UP",
    "POST_SCALE_UP",
    "TEST_TRAFFIC_SHIFT",
    "POST_TEST_TRAFFIC_SHIFT",
    "PRODUCTION_TRAFFIC_SHIFT",
    "POST_PRODUCTION_TRAFFIC_SHIFT",
    "BAKE_TIME",
    "CLEAN_UP",
)
_SCALE_UP = STAGES.index("SCALE_UP")
_FORWARD = ("PENDING", "IN_PROGRESS")


@dataclass(frozen=True)
class Hook:
    """A lifecycle hook at a stage: a pause that lasts, or a Lambda function that fails."""

    stage: str
    pauses: float = 0
    timeout_action: str = "ROLLBACK"


class BlueGreen(Rolling):
    """Blue keeps its tasks until CLEAN_UP; ``hook`` is the service's, ``bake`` its bake time in seconds."""

    hook: Hook | None = None
    bake = 4.0

    def __init__(self, strategy: str, desired: int, configuration: dict[str, Any]) -> None:
        super().__init__(desired, {**configuration, "strategy": strategy, "bakeTimeInMinutes": 1})
        self.strategy = strategy

    # ---- what people ask for ----

    def stop(self, attempt: Attempt) -> bool:
        """StopServiceDeployment with ROLLBACK, "even if you didn't configure the rollback option"; False if over."""
        if attempt.rollout not in _FORWARD or attempt.failed is not None:
            return attempt.rollout.startswith("ROLLBACK") and attempt.rolled_back is None
        self._go_back(attempt, "Service deployment stopped by the user.")
        return True

    def proceed(self, attempt: Attempt, action: str) -> bool:
        """ContinueServiceDeployment; False where no hook waits."""
        if attempt.rollout not in _FORWARD or attempt.hook != "AWAITING_ACTION":
            return False
        attempt.hook = "SUCCEEDED"
        if action == "ROLLBACK":
            self._go_back(attempt, "Service deployment rolled back at a lifecycle hook.")
        else:
            self.after(0.5, partial(self._enter, attempt, STAGES.index(attempt.stage) + 1))
        return True

    # ---- stages ----

    def _under_way(self, attempt: Attempt) -> None:
        super()._under_way(attempt)
        self._enter(attempt, 0)

    def _works(self, attempt: Attempt) -> bool:
        blue = attempt.completed is not None and attempt.status != "GONE"
        return super()._works(attempt) or (blue and self.status == "ACTIVE" and attempt is self.primary.source)

    def _enter(self, attempt: Attempt, number: int) -> None:
        if attempt.rollout != "IN_PROGRESS" or attempt.failed is not None or self.status != "ACTIVE":
            return
        attempt.stage = STAGES[number]
        attempt.stages.append((self.now, attempt.stage))
        if self.hook and self.hook.stage == attempt.stage:
            self._at_hook(attempt, self.hook)
        elif attempt.stage == "SCALE_UP":
            self._go_on(attempt)
        elif attempt.stage == "CLEAN_UP":
            self._clean_up(attempt)
        else:
            seconds = self.bake if attempt.stage == "BAKE_TIME" else 1
            self.after(seconds, partial(self._enter, attempt, number + 1))

    def _at_hook(self, attempt: Attempt, hook: Hook) -> None:
        if hook.pauses:
            attempt.hook, attempt.hook_expires = "AWAITING_ACTION", self.now + hook.pauses
            attempt.hook_timeout = hook.timeout_action
            self.after(hook.pauses, partial(self._expired, attempt, hook))
        else:
            attempt.hook = "FAILED"
            self._go_back(attempt, "Service deployment rolled back because of a lifecycle hook.")

    def _expired(self, attempt: Attempt, hook: Hook) -> None:
        if attempt.hook == "AWAITING_ACTION" and attempt.rollout in _FORWARD:
            self.proceed(attempt, hook.timeout_action)
            attempt.hook = "TIMED_OUT"

    def _go_on(self, attempt: Attempt) -> None:
        """Green is scaled up once all its tasks are healthy."""
        ready = attempt.stage == "SCALE_UP" and attempt.healthy() >= attempt.desired
        if ready and attempt.rollout == "IN_PROGRESS" and attempt.status == "PRIMARY":
            self.after(1, partial(self._enter, attempt, _SCALE_UP + 1))
            attempt.stage = "POST_SCALE_UP"

    def _clean_up(self, attempt: Attempt) -> None:
        for one in self.attempts:
            for task in one.tasks if one is not attempt else ():
                self._scale_in(task, attempt.course.drains)
        self.after(attempt.course.drains + 1, partial(self._succeed, attempt))

    def _succeed(self, attempt: Attempt) -> None:
        if attempt.rollout != "IN_PROGRESS" or self.status != "ACTIVE":
            return
        attempt.state, attempt.completed, attempt.rollout = "COMPLETED", self.now, "SUCCESSFUL"
        attempt.reason = f"ECS deployment {attempt.id} completed."
        self.event(f"(deployment {attempt.id}) deployment completed.")
        if attempt.by == US:
            self.has_come("completed")

    # ---- the way back ----

    def _fail(self, attempt: Attempt, why: str, *, silent: bool = False) -> None:
        if self.rolls_back() and attempt.source:
            self._go_back(attempt, why)
            return
        attempt.failed, attempt.state, attempt.reason, attempt.why = self.now, "FAILED", why, why
        attempt.rollout = "STOPPED"
        self._failed(attempt)

    def _failed(self, attempt: Attempt) -> None:
        self.event(f"(deployment {attempt.id}) deployment failed.")
        if attempt.by == US:
            self.has_come("failed")

    def _go_back(self, attempt: Attempt, why: str) -> None:
        attempt.failed, attempt.why, attempt.rollout = self.now, why, "ROLLBACK_REQUESTED"
        if not self.silent:
            attempt.state, attempt.reason = "FAILED", why
        self._failed(attempt)
        self.after(1, partial(self._back_under_way, attempt))

    def _back_under_way(self, attempt: Attempt) -> None:
        if attempt.rollout != "ROLLBACK_REQUESTED":
            return
        attempt.rollout = "ROLLBACK_IN_PROGRESS"
        back = self.courses(attempt.source.revision if attempt.source else 0, "ECS")
        self.after(back.start + back.settles, partial(self._back, attempt, fails=back.deaths >= 1000))

    def _back(self, attempt: Attempt, *, fails: bool) -> None:
        if attempt.rollout != "ROLLBACK_IN_PROGRESS" or self.status != "ACTIVE":
            return
        if fails or not attempt.source:
            attempt.rollout, attempt.rollback_failed = "ROLLBACK_FAILED", self.now
            return
        attempt.rollout, attempt.rolled_back = "ROLLBACK_SUCCESSFUL", self.now
        if attempt.status == "PRIMARY":
            attempt.status = "ACTIVE"
            attempt.source.status, attempt.source.replaced = "PRIMARY", None
            attempt.source.desired = self.desired  # the service's, which may have been scaled meanwhile
        for task in attempt.tasks:
            self._scale_in(task, 2)
        self._fill(attempt.source)
