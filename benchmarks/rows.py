"""The results, as rows of a table and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

RED = ("\x1b[31m", "::error ")  # how a line of a job log begins that GitHub shows in red
DIGITS = {"s": 2, "MB": 1, "x": 2, "calls": 0, "processes": 0}
HEAD = ("benchmark", "what", "median", "from - to", "aim", "met")


@dataclass(frozen=True)
class Row:
    """A measure: its values, the aim for their median, or the limit for each of them."""

    benchmark: str
    what: str
    unit: str
    values: Sequence[float]
    aim: float | None = None
    most: float | None = None

    @property
    def met(self) -> bool | None:
        """Whether the values meet the aim; None without an aim."""
        if self.most is not None:
            return max(self.values) <= self.most
        return None if self.aim is None else median(self.values) < self.aim

    def formatted(self, value: float) -> str:
        """A value with its unit."""
        return f"{value:.{DIGITS[self.unit]}f} {self.unit}"

    @property
    def cells(self) -> tuple[str, ...]:
        """The row of the table, below HEAD."""
        spread = f"{self.formatted(min(self.values)).split()[0]} - {self.formatted(max(self.values)).split()[0]}"
        aim = f"< {self.aim:g} {self.unit}" if self.aim is not None else ""
        aim = f"all <= {self.most:g} {self.unit}" if self.most is not None else aim
        met = {None: "", True: "yes", False: "NO"}[self.met]
        return self.benchmark, self.what, self.formatted(median(self.values)), spread, aim, met

    @property
    def data(self) -> dict[str, Any]:
        """The row for the JSON output."""
        return {**vars(self), "values": list(self.values), "median": median(self.values), "met": self.met}


def table(rows: Sequence[Row]) -> str:
    """A table that reads as text and as Markdown."""
    lines = [HEAD, *(row.cells for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]
    drawn = [f"| {' | '.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))} |" for line in lines]
    rule = f"|{'|'.join('-' * (width + 2) for width in widths)}|"
    return "\n".join([drawn[0], rule, *drawn[1:]])
