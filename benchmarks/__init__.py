"""Measures of the suite: medians next to their floor, counts, and never a test of time."""
