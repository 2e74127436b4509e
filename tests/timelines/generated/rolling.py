"""ECS's rolling update.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Deployment.html
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-ecs.html
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-deployment.html
"""

from __future__ import annotations

from functools import partial

from .world import ECS, US, Attempt, Task, World

_RELAUNCH = 2.0  # until the scheduler replaces a task
_NO_ROOM = "was unable to place a task because no container instance met all of its requirements."
_BREAKER = "ECS deployment circuit breaker: tasks failed to start."
_ALARM = "ECS deployment alarms: alarm detected."
_HOOK = "Service deployment rolled back because of a lifecycle hook: hook execution failure(s) detected."


class Rolling(World):
    """The scheduler. ``silent``: a deployment that is rolled back does not read FAILED on the way."""

    strategy = "ROLLING"
    silent = False

    # ---- what people ask for ----

    def update(
        self, by: str, revision: int | None = None, *, force: bool = False, desired: int | None = None
    ) -> Attempt:
        """UpdateService: a new deployment for another task definition, or where it is forced."""
        current = self.primary
        if desired is not None:
            self.scale(desired)
        if revision is None or (revision == current.revision and not force):
            return self.forced(by) if force else current
        return self._begin(self.attempt(revision, by, forced=force))

    def forced(self, by: str) -> Attempt:
        """A new deployment of the revision that the service has."""
        return self._begin(self.attempt(self.primary.revision, by, forced=True))

    def scale(self, desired: int) -> None:
        """A new desired count is no deployment."""
        if desired and not self.desired:
            self.scaled_from_0 = self.now
        self.desired = self.primary.desired = desired
        if not desired:
            self.scaled_to_0 = self.now
        alive = [task for task in self.primary.tasks if task.wanted == "RUNNING"]
        for task in alive[desired:]:
            self._scale_in(task, 2)
        self._fill(self.primary)
        self._go_on(self.primary)

    def delete(self) -> None:
        """DeleteService: DRAINING, INACTIVE, and after a while not there."""
        self.status, self.deleted = "DRAINING", self.now
        self.desired = self.primary.desired = 0
        for attempt in self.attempts:
            for task in attempt.tasks:
                self._scale_in(task, 3)
            if attempt.open and not attempt.back_of:
                attempt.rollout = "STOPPED"
        self.after(8, partial(setattr, self, "status", "INACTIVE"))
        self.after(20, partial(setattr, self, "status", "MISSING"))

    def trouble(self, kind: str) -> None:
        """An alarm or a hook ends the deployment that is under way."""
        if self.primary.open and self.status == "ACTIVE":
            self._fail(self.primary, _ALARM if kind == "alarm" else _HOOK, silent=kind == "hook")

    # ---- deployments ----

    def _begin(self, new: Attempt) -> Attempt:
        for old in self.attempts:
            if old is not new and old.status == "PRIMARY":
                self._replace(old)
        self.event(f"(deployment {new.id}) in progress.")
        new.reason = f"ECS deployment {new.id} in progress."
        self.after(1, partial(self._under_way, new))
        self._fill(new)
        self._go_on(new)
        if new.by == US:
            self.has_come("begun")
        self.changed()
        return new

    def _replace(self, old: Attempt) -> None:
        if old.rollout not in ("SUCCESSFUL", "STOPPED", "ROLLBACK_SUCCESSFUL", "ROLLBACK_FAILED"):
            old.rollout, old.why = "STOP_REQUESTED", "Stopped because a newer service deployment was created."
            self.after(1, partial(setattr, old, "rollout", "STOPPED"))
        if old.back_of and old.open:
            old.back_of.rollout = "STOPPED"
        old.status, old.replaced = "ACTIVE", self.now

    def _under_way(self, attempt: Attempt) -> None:
        if attempt.rollout == "PENDING":
            attempt.rollout = "IN_PROGRESS"

    def _works(self, attempt: Attempt) -> bool:
        """ "A deployment in FAILED state doesn't launch any new tasks." """
        return attempt.status == "PRIMARY" and attempt.failed is None and self.status == "ACTIVE"

    def _complete(self, attempt: Attempt, epoch: int) -> None:
        steady = attempt.epoch == epoch and attempt.healthy() >= attempt.desired
        if not steady or attempt.completed is not None or not self._works(attempt):
            return
        attempt.state, attempt.completed = "COMPLETED", self.now
        if not attempt.back_of:
            attempt.reason, attempt.rollout = f"ECS deployment {attempt.id} completed.", "SUCCESSFUL"
        else:
            attempt.rollout, attempt.back_of.rollout = "SUCCESSFUL", "ROLLBACK_SUCCESSFUL"
            attempt.back_of.rolled_back = self.now
        self.event(f"(deployment {attempt.id}) deployment completed.")
        if attempt.by == US:
            self.has_come("completed")

    def _fail(self, attempt: Attempt, why: str, *, silent: bool = False) -> None:
        attempt.failed = self.now
        goes_back = self.rolls_back() and attempt.source is not None and not attempt.back_of
        if not (silent or self.silent) or not goes_back:
            attempt.state, attempt.reason = "FAILED", why
        attempt.why = why
        self.event(f"(deployment {attempt.id}) deployment failed: tasks failed to start.")
        if attempt.back_of:
            attempt.back_of.rollout, attempt.back_of.rollback_failed = "ROLLBACK_FAILED", self.now
        elif goes_back:
            attempt.rollout = "ROLLBACK_IN_PROGRESS"
            self.after(2, partial(self._roll_back, attempt, named=why != _HOOK))
        else:
            attempt.rollout = "STOPPED"
            if self.rolls_back():
                self.event("rolling back failed: No rollback candidate was found to run the rollback.")
        if attempt.by == US:
            self.has_come("failed")

    def _roll_back(self, attempt: Attempt, *, named: bool) -> None:
        if attempt.status != "PRIMARY" or self.status != "ACTIVE":
            return
        assert attempt.source
        attempt.back = back = self.attempt(attempt.source.revision, ECS, back_of=attempt)
        attempt.status = "ACTIVE"
        back.rollout = "PENDING"
        words = f"rolling back to deploymentId {attempt.source.id}."
        back.reason = f"ECS deployment circuit breaker: {words}" if named else f"ECS deployment {back.id} in progress."
        self.event(words)
        self._fill(back)
        self._go_on(back)

    # ---- tasks ----

    def _fill(self, attempt: Attempt, delay: float = 1) -> None:
        alive = sum(task.wanted == "RUNNING" for task in attempt.tasks)
        for _ in range(attempt.desired - alive - attempt.launching if self._works(attempt) else 0):
            attempt.launching += 1
            self.after(delay, partial(self._launch, attempt))

    def _launch(self, attempt: Attempt) -> None:
        attempt.launching -= 1
        alive = sum(task.wanted == "RUNNING" for task in attempt.tasks)
        if not self._works(attempt) or alive >= attempt.desired:
            return
        course = attempt.course
        if self.now < attempt.created + course.no_room:
            self.event(_NO_ROOM)
            self._failure(attempt)
            self._fill(attempt, 8)
            return
        task = Task(self.task_id(), attempt, self.now)
        attempt.tasks.append(task)
        dying = attempt.deaths < course.deaths
        attempt.deaths += dying
        if not dying or course.dies != "at start":
            self.after(course.start, partial(self._run, task, healthy=not dying or course.dies == "later"))
        if dying:
            self.after(course.start + (0 if course.dies == "at start" else course.lives), partial(self._die, task))

    def _run(self, task: Task, *, healthy: bool) -> None:
        attempt = task.attempt
        if task.wanted != "RUNNING":
            return
        task.status, task.started, task.healthy = "RUNNING", self.now, healthy
        self.note_running(attempt)
        if healthy:  # "the failed task count resets to zero and stops being evaluated"
            attempt.failed_tasks, attempt.counting = 0, False
            self._go_on(attempt)

    def _die(self, task: Task) -> None:
        if task.wanted != "RUNNING":
            return
        attempt, kind = task.attempt, task.attempt.course.dies
        task.code, task.reason = _DEATHS[kind]
        self._stopped(task)
        if kind != "later":
            self._failure(attempt)
        self._fill(attempt, _RELAUNCH)

    def _failure(self, attempt: Attempt) -> None:
        attempt.failed_tasks += attempt.counting
        tripped = self.breaker("enable") and attempt.failed_tasks >= self.threshold()
        if tripped and attempt.state == "IN_PROGRESS" and attempt.failed is None:
            self._fail(attempt, _BREAKER)

    def _stopped(self, task: Task) -> None:
        task.wanted = task.status = "STOPPED"
        task.stopped = self.now
        task.attempt.epoch += 1
        self.note_running(task.attempt)
        self._go_on(self.primary)

    def _scale_in(self, task: Task, seconds: float) -> None:
        if task.wanted != "STOPPED":
            task.wanted = "STOPPED"
            task.code, task.reason = "ServiceSchedulerInitiated", "Scaling activity initiated by (deployment)"
            self.after(seconds, partial(self._stopped, task))

    def _go_on(self, attempt: Attempt) -> None:
        """Old tasks go once all new ones run; a steady state is when they are gone, or before: early success."""
        if not self._works(attempt) or attempt.completed is not None or attempt.healthy() < attempt.desired:
            return
        course = attempt.course
        others = [task for one in self.attempts if one is not attempt for task in one.tasks if task.status != "STOPPED"]
        for task in others:
            if course.early:
                self.after(course.settles + course.drains, partial(self._scale_in, task, 1))
            else:
                self._scale_in(task, course.drains)
        if course.early or not others:
            self.after(course.settles, partial(self._complete, attempt, attempt.epoch))


_DEATHS = {
    "at start": ("TaskFailedToStart", "CannotStartContainerError: exec: no such file or directory"),
    "unhealthy": ("ServiceSchedulerInitiated", "Task failed container health checks"),
    "later": ("EssentialContainerExited", "Essential container in task exited"),
}
