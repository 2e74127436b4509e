"""Takes the pictures of docs/pictures: `make pictures`."""

from __future__ import annotations

from dev.browser import Sample, render
from tests.contract import reports
from tests.contract.parts import ROOT

FOLDER = ROOT / "docs" / "pictures"
NAMES = ("success", "failure")  # of the samples in docs/reference/reports.md


def samples() -> dict[str, Sample]:
    """The summaries that are shown in the docs, with the picture of each."""
    shown = reports.samples()
    return {name: Sample(shown[name], picture=FOLDER / f"summary-{name}.png") for name in NAMES}


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    render(samples())
