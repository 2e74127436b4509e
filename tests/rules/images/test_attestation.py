"""What gh's results say about an image."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecs_cd.images.rules import attestation
from ecs_cd.model.attestation import Policy

DIGEST = "sha256:" + "a" * 64
SERVER = "https://github.com"
POLICY = Policy("org/app")


def result(**changes: Any) -> dict[str, Any]:
    """One of gh's results, with changes of the certificate or the statement."""
    certificate = {
        "subjectAlternativeName": f"{SERVER}/org/app/.github/workflows/cd.yml@refs/heads/main",
        "sourceRepositoryURI": f"{SERVER}/org/app",
    }
    statement = {"predicateType": attestation.PROVENANCE, "subject": [{"digest": {"sha256": "a" * 64}}]}
    for name, value in changes.items():
        (certificate if name in certificate else statement)[name] = value
    return {"verificationResult": {"signature": {"certificate": certificate}, "statement": statement}}


def test_a_verified_attestation_of_the_digest_from_the_repository_is_enough() -> None:
    """Whatever else there is."""
    others = [result(subject=[]), {"verificationResult": None}, "text", result(predicateType="other")]
    assert attestation.problem(json.dumps([result()]), POLICY, DIGEST, SERVER) == ""
    assert attestation.problem(json.dumps([*others, result()]), POLICY, DIGEST, SERVER) == ""


@pytest.mark.parametrize(
    "changes",
    [
        {"subject": []},
        {"subject": "a" * 64},
        {"subject": [{"digest": {"sha256": "b" * 64}}]},
        {"subject": [{"digest": {"sha512": "a" * 64}}]},
        {"predicateType": "https://spdx.dev/Document"},
        {"sourceRepositoryURI": f"{SERVER}/org/app-2"},
        {"sourceRepositoryURI": None},
        {"subjectAlternativeName": f"{SERVER}/org/app-2/.github/workflows/cd.yml@refs/heads/main"},
        {"subjectAlternativeName": ["a"]},
    ],
)
def test_each_part_counts(changes: dict[str, Any]) -> None:
    """Digest, predicate, repository and signer."""
    assert attestation.problem(json.dumps([result(**changes)]), POLICY, DIGEST, SERVER)


_KEYS = st.sampled_from(["verificationResult", "signature", "certificate", "statement", "subject", "digest"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda each: st.lists(each, max_size=3) | st.dictionaries(_KEYS, each, max_size=3),
    max_leaves=8,
)


@settings(max_examples=100, deadline=None)
@given(JSON)
def test_what_is_no_result_of_gh_is_a_problem_and_no_defect(content: Any) -> None:
    """JSON of any shape."""
    assert attestation.problem(json.dumps(content), POLICY, DIGEST, SERVER)


@pytest.mark.parametrize("text", ["", "null", "[", "[" * 100_000, "no attestations"])
def test_what_is_no_json_is_a_problem(text: str) -> None:
    """gh before 2.67 ends with 0 if there is no attestation (GO-2025-3467)."""
    assert attestation.problem(text, POLICY, DIGEST, SERVER)


SAID = [
    # (gh's standard error, part of the problem, part of the remedy)
    ("\nError: HTTP 404: Not Found (https://api.github.com/...)\n", "no provenance attestation of it", "Deploy an image"),
    ("\nError: no attestations found\n", "no provenance attestation of it", "Deploy an image"),
    ("Error: HTTP 401: Bad credentials", "HTTP 401", "still valid?"),
    ("Error: HTTP 403: Resource not accessible by integration", "HTTP 403", "attestations: read"),
    ('unknown command "attestation" for "gh"\n\nUsage:  gh <command>\n  workflow\n', "unknown command", "install `gh`"),
    ("unknown flag: --predicate-type\n\nUsage:  gh attestation\n", "unknown flag", "install `gh`"),
    ("An unsupported host was detected. Note that gh attestation does not currently support GHES", "GHES", "no attestations"),
    ('Error: Get "https://api.github.com/": dial tcp: lookup api.github.com: no such host', "dial tcp", "run the job again"),
    ("error creating Sigstore verifier: no valid Sigstore verifiers could be initialized", "verifier", "run the job again"),
    ('\nError: verifying with issuer "GitHub, Inc."\n', "none of its attestations is valid", "Deploy an image"),
    ("", "nothing", "Deploy an image"),
]  # fmt: skip


@pytest.mark.parametrize(("said", "problem", "remedy"), SAID)
def test_a_failure_has_its_reason_and_its_remedy(said: str, problem: str, remedy: str) -> None:
    """In gh's own words, recorded from gh 2.102, or in ours where they are clearer."""
    found = attestation.failure(said, POLICY, "github.com")
    assert problem in found[0] and remedy in found[1]


def test_what_gh_says_is_cut_and_harmless() -> None:
    """A bundle's content can be among it."""
    problem, _ = attestation.failure(f"Error: \x1b[2J{'x' * 10_000}\r::error::", POLICY, "github.com")
    assert len(problem) < 400 and "\x1b" not in problem and "\r" not in problem


def test_the_command_has_no_secret_and_accepts_no_other_repository() -> None:
    """The token is in the environment alone."""
    words = attestation.command("/tmp/m.json", POLICY, "github.com")
    assert words[:4] == ["gh", "attestation", "verify", "/tmp/m.json"]
    assert words[words.index("--repo") + 1] == "org/app"
