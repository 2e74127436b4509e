"""Makes text from other sources harmless, and survives a reader that has gone away."""

from __future__ import annotations

import errno
import os
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TextIO

from ecs_cd.model.text import clean

LONGEST_LINE = 4096  # characters


@contextmanager
def unbroken(stream: TextIO | None = None) -> Iterator[None]:
    """Wraps writes to the stream, by default stdout: if the reader has gone away, the terminal is closed or the disk is
    full, the output stops, but not the work."""
    stream = stream or sys.stdout
    try:
        yield
    except BlockingIOError:  # a slow reader: the next write sends what is buffered
        pass
    except OSError as error:
        if error.errno not in (errno.EPIPE, errno.EIO, errno.ENOSPC):
            raise
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def harmless(lines: Iterable[str]) -> Iterator[str]:
    """The lines, split at every kind of line end, without control characters, cut to a length."""
    for text in lines:
        for line in re.split(r"\r\n|[\n\r\x0b\x0c\x85\u2028\u2029]", text):
            shown = clean(line)
            yield (shown if len(shown) <= LONGEST_LINE else f"{shown[:LONGEST_LINE]}… ({len(shown)} characters)")
