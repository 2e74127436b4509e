"""The arguments of a program: its words, and its options with their values."""

from __future__ import annotations

from collections.abc import Sequence


class Arguments:
    """The command line of a program whose options take a value, except those in ``flags``."""

    def __init__(self, argv: Sequence[str], flags: frozenset[str] = frozenset()) -> None:
        self.words: list[str] = []
        self.options: dict[str, list[str]] = {}
        rest = list(argv)
        while rest:
            word = rest.pop(0)
            if not word.startswith("-") or word == "-":
                self.words.append(word)
                continue
            name, equals, value = word.partition("=")
            values = self.options.setdefault(name, [])
            if equals:
                values.append(value)
            elif name not in flags and rest and not _is_option(rest[0]):
                values.append(rest.pop(0))

    def get(self, *names: str) -> str:
        """The last value of the first of these options that has one; empty if none has."""
        return next((self.options[name][-1] for name in names if self.options.get(name)), "")

    def all(self, *names: str) -> list[str]:
        """All values of these options."""
        return [value for name in names for value in self.options.get(name, ())]

    def has(self, name: str) -> bool:
        """Whether the command line has the option, with or without a value."""
        return name in self.options


def _is_option(word: str) -> bool:
    return word.startswith("--") or (word.startswith("-") and len(word) == 2)
