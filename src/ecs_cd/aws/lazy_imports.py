"""Modules that boto3 imports and ecs-cd never calls. Without them, the first request is sent 10% earlier.

They generate client documentation, query package versions, and copy files in several processes.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any

# boto3 only calls functions and classes of these; it never subclasses, catches or inspects them.
MODULES = (
    "boto3.docs.action",
    "boto3.docs.attr",
    "boto3.docs.collection",
    "boto3.docs.service",
    "boto3.docs.subresource",
    "boto3.docs.waiter",
    "botocore.docs.bcdoc.restdoc",
    "botocore.docs.method",
    "botocore.docs.paginator",
    "botocore.docs.service",
    "botocore.docs.waiter",
    "importlib.metadata",
    "multiprocessing.managers",
)


class _StandIn(ModuleType):
    """A module whose functions import the real module when called, and call the real function."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)  # the import system looks for these

        def call(*arguments: Any, **named: Any) -> Any:
            return getattr(import_module(self.__name__), name)(*arguments, **named)

        return call


@contextmanager
def left_out() -> Iterator[None]:
    """Inside the block, importing one of these modules gives a placeholder; after it, the module itself."""
    stand_ins = {name: _StandIn(name) for name in MODULES if name not in sys.modules}
    sys.modules.update(stand_ins)
    try:
        yield
    finally:
        for name in stand_ins:
            del sys.modules[name]
