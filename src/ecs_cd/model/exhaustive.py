"""For a `match` that names every case: mypy reports the one that is missing."""

from __future__ import annotations

from typing import NoReturn


def assert_never(value: NoReturn) -> NoReturn:
    """Never reached; ``typing.assert_never`` is there from Python 3.11 on."""
    raise AssertionError(f"no case for {value!r}")
