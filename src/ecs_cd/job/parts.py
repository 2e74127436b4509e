"""A run in parts: each part has its own AWS, state file and summary, and its name before its lines in the log."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ecs_cd.job.job import Job
from ecs_cd.job.state import State
from ecs_cd.report.summary import Summary

if TYPE_CHECKING:
    from ecs_cd.aws.session import Aws
    from ecs_cd.ci import Ci
    from ecs_cd.report.summary import Part


def of(job: Job, named: Mapping[str, Aws]) -> list[Job]:
    """The parts of a job, by their names. They may run in threads of their own, until ``stop``."""
    log = _Log(job.ci)
    for number, (name, aws) in enumerate(named.items(), 1):
        state = State(job.environ, job.run, part=str(number))
        made = replace(
            job, aws=aws, ci=Named(log, name), state=state, summary=_Summary(job.summary, log, name), parts=[]
        )
        job.parts.append(made)
    return job.parts


def stop(parts: Iterable[Job]) -> None:
    """From now on these parts start nothing, and their threads write nothing to the log."""
    for part in parts:
        part.state.close()
        part.ci.end()


def log(part: Job) -> Ci:
    """The log of a part that has been stopped, for what is still to be said about it."""
    return part.ci.again() if isinstance(part.ci, Named) else part.ci


@dataclass
class _Log:
    """The log that all parts share: one writes at a time."""

    ci: Ci
    lock: threading.Lock = field(default_factory=threading.Lock)
    states: dict[str, Mapping[str, str]] = field(default_factory=dict)  # what each part waits for


class _Summary(Summary):
    """A part's summary: its facts go to the job's, with the part's name."""

    def __init__(self, whole: Summary, log: _Log, name: str) -> None:
        super().__init__()
        self._whole, self._log, self._name = whole, log, name

    def add_facts(self, facts: Mapping[str, str]) -> None:
        with self._log.lock:
            self._whole.add_facts({f"{fact}, {self._name}": text for fact, text in facts.items()})


class Named:
    """A part's log: the job's, with the part's name before each line."""

    def __init__(self, log: _Log, name: str) -> None:
        self._log = log
        self._name = name
        self._ended = False

    def line(self, text: str, *, alarming: bool = False) -> None:
        self._write(lambda ci: ci.line(f"{self._name}: {text}", alarming=alarming))

    def notice(self, text: str) -> None:
        self._write(lambda ci: ci.notice(f"{self._name}: {text}"))

    def warning(self, text: str) -> None:
        self._write(lambda ci: ci.warning(f"{self._name}: {text}"))

    def error(self, text: str, title: str) -> None:
        self._write(lambda ci: ci.error(f"{self._name}: {text}", title))

    def relay(self, lines: Iterable[str]) -> None:
        self._write(lambda ci: ci.relay(lines))

    def foreign(self, title: str) -> AbstractContextManager[None]:
        return self._log.ci.foreign(title)

    def progress(self, states: Mapping[str, str]) -> None:
        """Shows what all parts wait for."""

        def show(ci: Ci) -> None:
            self._log.states[self._name] = states
            all_parts = self._log.states.items()
            ci.progress({f"{name}/{key}": text for name, each in all_parts for key, text in each.items()})

        self._write(show)

    @property
    def keeps_outputs(self) -> bool:
        return self._log.ci.keeps_outputs

    def outputs(self, values: Mapping[str, str]) -> None:
        """The job writes them, once all parts have ended."""

    def summary(self, parts: Sequence[Part]) -> None:
        """The job shows it, with all parts."""

    def end(self) -> None:
        """From now on it writes nothing."""
        with self._log.lock:
            self._ended = True

    def again(self) -> Named:
        """The same log, open."""
        return Named(self._log, self._name)

    def _write(self, write: Callable[[Ci], None]) -> None:
        with self._log.lock:
            if not self._ended:
                write(self._log.ci)
