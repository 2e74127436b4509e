"""For a `match` that covers every case: mypy reports a missing one."""

from __future__ import annotations

from typing import NoReturn


def assert_never(value: NoReturn) -> NoReturn:
    """Never reached. Python 3.11 adds ``typing.assert_never``; this replaces it for older versions."""
    raise AssertionError(f"no case for {value!r}")
