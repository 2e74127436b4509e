"""Benchmarks: medians next to their floor, and counts. No test asserts elapsed time."""
