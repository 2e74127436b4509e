"""A deployment that can't start because another is under way."""

from __future__ import annotations

from ecs_cd.model.errors import NotCarriedOut, Refused


class Busy(Refused):
    """The deployment group has a deployment under way, and accepts no second one."""


class BusyWithAnother(Busy, NotCarriedOut):
    """The deployment under way is known, and is another user's."""
