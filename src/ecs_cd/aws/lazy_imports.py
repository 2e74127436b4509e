"""What boto3 imports at its start and a run of ours never calls: a tenth of the time to the first request.

It writes the documentation of clients, asks for the versions of packages, and copies in several processes.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any

# Of these only functions and classes are taken, to be called; none is inherited from, caught or looked into.
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
    """Its functions import the module when they are called, and call that."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)  # the import system looks for these

        def call(*arguments: Any, **named: Any) -> Any:
            return getattr(import_module(self.__name__), name)(*arguments, **named)

        return call


@contextmanager
def left_out() -> Iterator[None]:
    """Whoever imports one of these modules inside gets a stand-in, and the module itself from then on."""
    stand_ins = {name: _StandIn(name) for name in MODULES if name not in sys.modules}
    sys.modules.update(stand_ins)
    try:
        yield
    finally:
        for name in stand_ins:
            del sys.modules[name]
