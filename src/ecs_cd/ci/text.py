"""Makes text from other sources harmless."""

from __future__ import annotations

import errno
import os
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TextIO

# Control characters except the tab. A lone CR ends a line for GitHub's runner, so what follows it could
# be a workflow command; ESC could repaint a terminal (colours, `ESC [ ... m`, are allowed).
# Text direction overrides show a line in another order than it has. Lone surrogates can't be written at all.
_CONTROL = re.compile(
    r"\x1b(?!\[[0-9;]*m)|[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
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
            clean = _CONTROL.sub("\N{REPLACEMENT CHARACTER}", line)
            yield (clean if len(clean) <= LONGEST_LINE else f"{clean[:LONGEST_LINE]}… ({len(clean)} characters)")
