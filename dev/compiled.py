"""Writes bytecode beside the sources of a folder, without what no run reads: docstrings and the types of functions.

An interpreter of the runner images runs this file by itself, so it imports nothing of this repository.
"""

import sys

if __name__ == "__main__":
    del sys.path[0]  # this file's folder

import ast
import importlib.util
import marshal
from pathlib import Path

# A checkout gives the sources other times, so no times are compared: PEP 552's unchecked-hash.
UNCHECKED_HASH = (1).to_bytes(4, "little")
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def stripped(source: bytes) -> ast.Module:
    """The module, which behaves the same unless it reads its documentation. Types of fields stay, for dataclasses."""
    module = ast.parse(source)
    for node in ast.walk(module):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            node.returns = None
        elif isinstance(node, ast.arg):
            node.annotation = None
        if isinstance(node, DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
            _undocument(node)
    return module


def _undocument(node: "ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef") -> None:
    first = node.body[0]
    if isinstance(node, ast.ClassDef):
        # Not none at all: dataclasses make up one for a class without it, which takes time at each start.
        node.body[0] = ast.copy_location(ast.Expr(ast.copy_location(ast.Constant(" "), first)), first)
    else:
        node.body[:1] = [] if len(node.body) > 1 else [ast.copy_location(ast.Pass(), first)]


def main(folder: str) -> None:
    """Names are relative to the working directory: Python puts the place in whenever it loads a module."""
    for path in sorted(Path(folder).rglob("*.py")):
        source = path.read_bytes()
        code = compile(stripped(source), str(path), "exec", dont_inherit=True, optimize=0)
        target = Path(importlib.util.cache_from_source(str(path)))
        target.parent.mkdir(exist_ok=True)
        head = importlib.util.MAGIC_NUMBER + UNCHECKED_HASH + importlib.util.source_hash(source)
        target.write_bytes(head + marshal.dumps(code))


if __name__ == "__main__":
    main(sys.argv[1])
