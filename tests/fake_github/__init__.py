"""GitHub's API on loopback: Deployments, statuses of commits, comments on pull requests. It stores requests, refuses what
GitHub refuses, and fails on demand.

with FakeGitHub() as github:
    github.fail(status(502), method="POST")
    ...
    assert github.states() == ["in_progress", "success"]
"""

from .server import SERVER_URL, Asked, FakeGitHub, Fault, garbage, lost, redirect, reset, silent, status, trickle

__all__ = [
    "SERVER_URL",
    "Asked",
    "FakeGitHub",
    "Fault",
    "garbage",
    "lost",
    "redirect",
    "reset",
    "silent",
    "status",
    "trickle",
]
