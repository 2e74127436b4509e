"""Decisions about a pipeline and its executions, on data alone."""
