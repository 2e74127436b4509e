"""Declarations, states of executions, events, and answers of the API, as data."""
