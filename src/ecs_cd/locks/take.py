"""Takes a lock and gives it back. SSM creates a parameter for one caller only, but replaces and deletes it for each."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from ecs_cd.aws import ssm
from ecs_cd.aws.errors import code
from ecs_cd.job.job import Job
from ecs_cd.job.mutation import carry_out
from ecs_cd.locks.rules import lock, permit
from ecs_cd.locks.rules.lock import Lock
from ecs_cd.model import pace
from ecs_cd.model.errors import Refused

_DESCRIPTION = "The lock of deployments; ecs-cd lock and ecs-cd unlock write it."
_EXTEND = "`ecs-cd unlock` ends it; then it can be taken again, with another reason or time."


def take(name: str, mine: Lock, job: Job) -> None:
    """Takes the lock; replaces one that has expired. Raises ``Refused`` if it is held, also by the same holder, and if
    the parameter holds no lock."""
    text = lock.text(mine)
    for _ in range(pace.LOCK_ATTEMPTS):
        if _created(name, text, job):
            return
        found = read(name, job)
        if found is None:
            continue
        if found.get("Value") == text:
            return
        held = lock.load(found, name)
        if not held.expired(job.clock.time()):
            raise Refused(permit.taken(held, name), _EXTEND)
        job.ci.line(f"lock: replacing the expired lock {held.words}")
        if _replaced(name, text, found, job):
            return
    raise Refused(f"the lock in the SSM parameter {name} keeps changing", "Run it again.")


def give_back(name: str, found: Mapping[str, Any], job: Job) -> None:
    """Deletes the lock that was ``found``."""

    def look() -> bool | None:
        now = read(name, job)
        return None if now and now.get("Value") == found.get("Value") else True

    def call() -> bool:
        ssm.delete(job.aws, name)
        return True

    carry_out("DeleteParameter", call, look, job)


def read(name: str, job: Job) -> Mapping[str, Any] | None:
    """The parameter as GetParameters returns it, ``None`` if it does not exist. ``name`` may end with ``:version``."""
    return next(iter(ssm.values(job.aws, [name]).values()), None)


def _created(name: str, text: str, job: Job) -> bool:
    try:
        return _put(name, text, job, overwrite=False) > 0
    except ClientError as error:
        if code(error) != "ParameterAlreadyExists":
            raise
        return False


def _put(name: str, text: str, job: Job, *, overwrite: bool) -> int:
    """The version that was written; 0 if another caller writes the parameter at this moment, or if the response was
    lost, and another lock is there now."""

    def look() -> int | None:
        now = read(name, job)
        if now is None:
            return None
        return int(now["Version"]) if now.get("Value") == text else 0

    put = partial(ssm.put, job.aws, name, text, _DESCRIPTION, overwrite=overwrite)
    try:
        return carry_out("PutParameter", put, look, job)
    except ClientError as error:
        if code(error) != "TooManyUpdates":
            raise
        job.clock.sleep(1)
        return 0


def _replaced(name: str, text: str, expired: Mapping[str, Any], job: Job) -> bool:
    """Replaces the lock that has expired. Raises ``Refused`` if another caller did it first, and restores that lock.

    SSM replaces a parameter unconditionally, but it counts versions: who wrote the one after the expired lock has it.
    """
    version = _put(name, text, job, overwrite=True)
    if version == 1:  # it was deleted meanwhile, so this call created it
        return True
    before = int(expired["Version"])
    same = _value(name, before, job) == expired.get("Value")  # otherwise it was deleted, and versions began anew
    if same and version == before + 1:
        return True
    first = _value(name, before + 1 if same and version > before else version - 1, job)
    if not version or not first:
        return False
    _restore(name, first, text, job)
    raise Refused(permit.taken(lock.load({"Type": "String", "Value": first}, name), name), _EXTEND)


def _restore(name: str, first: str, mine: str, job: Job) -> None:
    """Writes the ``first`` lock again, as long as the parameter holds ``mine``."""
    for _ in range(pace.LOCK_ATTEMPTS):
        if _put(name, first, job, overwrite=True):
            return
        now = read(name, job)
        if now is None or now.get("Value") != mine:
            return


def _value(name: str, version: int, job: Job) -> str:
    """The text of a version; empty if it does not exist."""
    found = read(f"{name}:{version}", job) if version > 0 else None
    return str(found.get("Value", "")) if found else ""
