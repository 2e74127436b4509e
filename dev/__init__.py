"""A whole deployment on one machine: engine, AWS, database and workflow runner, each a context manager."""

import sys
from pathlib import Path

# `python -m dev.demo` from a checkout, where the package isn't installed: what is general is in ecs_cd.local.
_SRC = str(Path(__file__).resolve().parent.parent / "src")
if _SRC not in sys.path:
    sys.path.insert(0, _SRC)
