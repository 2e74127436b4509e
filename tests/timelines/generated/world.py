"""What is true of a service and its deployments, in virtual time; the same for every strategy."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

US, OTHER, ECS = "us", "somebody else", "ECS"
FAMILY = "web"


@dataclass(frozen=True)
class Course:
    """What the tasks of a revision do. Times are seconds; ``deaths`` is how many tasks die before the others live.

    ``dies``: "at start", before RUNNING; "unhealthy", stopped for its health check; "later", by itself, once RUNNING.
    ``no_room`` is how long no task can be placed. ``settles``: from all running to a steady state. ``drains``: how
    long the tasks that it replaces take to stop. ``early``: the deployment is COMPLETED before they stop.
    """

    start: float = 4
    deaths: int = 0
    dies: str = "at start"
    lives: float = 3
    no_room: float = 0
    settles: float = 4
    drains: float = 4
    early: bool = False


@dataclass
class Task:
    id: str
    attempt: Attempt
    created: float
    status: str = "PENDING"
    wanted: str = "RUNNING"
    healthy: bool = False
    started: float | None = None
    stopped: float | None = None
    code: str = ""
    reason: str = ""


@dataclass
class Attempt:
    """One deployment of the service: what AWS does to bring a revision, and what becomes of it.

    ``by``: who asked for it. ``back_of``: the attempt that it rolls back. Times of what has happened are ``None``
    before it does.
    """

    number: int
    revision: int
    by: str
    created: float
    desired: int
    course: Course
    source: Attempt | None
    back_of: Attempt | None = None
    forced: bool = False
    desired_at_first: int = 0
    status: str = "PRIMARY"
    state: str = "IN_PROGRESS"
    reason: str = ""
    failed_tasks: int = 0
    counting: bool = True
    deaths: int = 0
    launching: int = 0
    epoch: int = 0  # changes when a task dies
    rollout: str = "PENDING"  # the status of its service deployment
    why: str = ""  # its statusReason
    stage: str = ""
    stages: list[tuple[float, str]] = field(default_factory=list)
    hook: str = ""  # the status of its lifecycle hook
    hook_expires: float = 0
    hook_timeout: str = "ROLLBACK"  # what ends its pause
    tasks: list[Task] = field(default_factory=list)
    ran: list[tuple[float, int]] = field(default_factory=list)
    completed: float | None = None
    failed: float | None = None
    replaced: float | None = None
    rolled_back: float | None = None
    rollback_failed: float | None = None
    back: Attempt | None = None

    @property
    def id(self) -> str:
        return f"ecs-svc/{self.number}"

    @property
    def open(self) -> bool:
        """Whether AWS still works on it."""
        return self.completed is None and self.failed is None and self.replaced is None

    def count(self, *statuses: str) -> int:
        return sum(task.status in statuses for task in self.tasks)

    def healthy(self) -> int:
        return sum(task.status == "RUNNING" and task.healthy for task in self.tasks)

    def running_at(self, moment: float) -> int:
        """How many of its tasks ran then."""
        return next((count for at, count in reversed(self.ran) if at <= moment), 0)

    def ran_between(self, begin: float, end: float) -> tuple[int, int]:
        """The fewest and the most that ran from ``begin`` to ``end``."""
        counts = [self.running_at(begin), *(count for at, count in self.ran if begin <= at <= end)]
        return min(counts), max(counts)


@dataclass(frozen=True)
class Mutation:
    """A call of ours that AWS carried out: what it was about, and what we could know of others' deployments then."""

    at: float
    operation: str
    params: dict[str, Any]
    target: Attempt | None = None
    foreign: Attempt | None = None  # the PRIMARY then, if it was not ours
    foreign_open: bool = False
    foreign_shown: float | None = None
    last_shown: float | None = None


class World:
    """Virtual time as a queue of what happens next; the service; the revisions that are registered."""

    strategy = ""

    def __init__(self, desired: int, configuration: dict[str, Any]) -> None:
        self.now = -300.0
        self.desired, self.configuration = desired, configuration
        self.status = "ACTIVE"
        self.deleted: float | None = None
        self.scaled_to_0: float | None = None
        self.scaled_from_0: float | None = None
        self.attempts: list[Attempt] = []
        self.events: list[tuple[float, str]] = []
        self.revisions: dict[int, dict[str, Any]] = {}
        self.inactive: set[int] = set()
        self.mutations: list[Mutation] = []
        self.when: dict[str, list[tuple[float, Callable[[], None]]]] = {}
        self.changed: Callable[[], None] = lambda: None
        self.courses: Callable[[int, str], Course] = lambda revision, by: Course()
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count(1)

    # ---- time ----

    def after(self, seconds: float, happens: Callable[[], None]) -> None:
        heapq.heappush(self._queue, (self.now + seconds, next(self._numbers), happens))

    def advance(self, now: float) -> None:
        """Lets everything happen that happens until ``now``."""
        while self._queue and self._queue[0][0] <= now:
            self.now, _, happens = heapq.heappop(self._queue)
            happens()
            self.changed()
        self.now = max(self.now, now)

    def has_come(self, moment: str) -> None:
        """The scenario's actions for "begun", "completed" or "failed", once each."""
        for seconds, action in self.when.pop(moment, ()):
            self.after(seconds, action)

    # ---- the service ----

    @property
    def primary(self) -> Attempt:
        return next(attempt for attempt in reversed(self.attempts) if attempt.status == "PRIMARY")

    def listed(self) -> Iterator[Attempt]:
        """What DescribeServices lists: the PRIMARY, and others while they have tasks."""
        found = [one for one in reversed(self.attempts) if one.status == "PRIMARY" or _alive(one)]
        yield from sorted(found, key=lambda one: one.status != "PRIMARY")

    def running(self) -> int:
        return sum(one.count("RUNNING") for one in self.attempts)

    def breaker(self, key: str) -> bool:
        return bool(self.configuration.get("deploymentCircuitBreaker", {}).get(key))

    def rolls_back(self) -> bool:
        """Whether ECS goes back after a failure: "If rollback is on ... to the last deployment that completed"."""
        return self.breaker("rollback") or bool(self.configuration.get("alarms", {}).get("rollback"))

    def threshold(self) -> int:
        """0.5 * desired task count, "a minimum threshold of 3 and a maximum threshold of 200"."""
        return min(200, max(3, -(-self.desired // 2)))

    def event(self, message: str) -> None:
        self.events.append((self.now, message))

    def attempt(self, revision: int, by: str, **more: Any) -> Attempt:
        """A new attempt, not begun yet."""
        source = next((one for one in reversed(self.attempts) if one.completed is not None), None)
        new = Attempt(
            len(self.attempts) + 1, revision, by, self.now, self.desired, self.courses(revision, by), source, **more
        )
        new.desired_at_first = self.desired
        self.attempts.append(new)
        return new

    def register(self, definition: dict[str, Any]) -> int:
        revision = max(self.revisions, default=0) + 1
        self.revisions[revision] = definition
        return revision

    def newest(self) -> int:
        return max(number for number in self.revisions if number not in self.inactive)

    def already_runs(self, revision: int) -> Attempt:
        """The service has long run this revision."""
        old = self.attempt(revision, OTHER)
        old.created, old.state, old.rollout, old.completed = -86_400.0, "COMPLETED", "SUCCESSFUL", -86_000.0
        for _ in range(self.desired):
            old.tasks.append(Task(self.task_id(), old, -86_400.0, "RUNNING", healthy=True, started=-86_390.0))
        self.note_running(old)
        return old

    def task_id(self) -> str:
        return f"{next(self._numbers):032x}"

    def note_running(self, attempt: Attempt) -> None:
        attempt.ran.append((self.now, attempt.count("RUNNING")))


def _alive(attempt: Attempt) -> bool:
    return any(task.status != "STOPPED" for task in attempt.tasks)
