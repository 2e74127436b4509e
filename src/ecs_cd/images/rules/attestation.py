"""`gh attestation verify`: its command line, and what its results say about an image. Pure.

https://cli.github.com/manual/gh_attestation_verify
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ecs_cd.model.attestation import Policy
from ecs_cd.model.text import clean

PROVENANCE = "https://slsa.dev/provenance/v1"
INSTALL = "Runners of GitHub have the GitHub CLI; on another, install `gh` 2.67 or newer, outside of the checkout."
_TRANSIENT = re.compile(
    r"HTTP (?:408|429)|dial tcp|i/o timeout|deadline exceeded|connection re(?:set|fused)|\bEOF\b|TLS handshake|"
    r"no such host|server misbehaving|no valid Sigstore verifiers"
)
_UNANSWERED = rf"HTTP 5\d\d|{_TRANSIENT.pattern}"
_INVALID = 'Error: verifying with issuer "'  # all that gh says about signatures and digests that do not fit
_LONGEST = 300  # characters of what gh says
_REMEDIES = (
    (r"HTTP 404|no attestations found", "missing"),
    (r"HTTP 401|Bad credentials", "Is github-token a token for this GitHub server, and still valid?"),
    (r"HTTP 403", "Give the job `permissions: attestations: read`; in a reusable workflow, its caller too."),
    (r"unknown (?:command|flag)", INSTALL),
    (r"does not currently support GHES|unsupported host", "GitHub Enterprise Server has no attestations."),
    (_UNANSWERED, "ecs-cd deploys nothing that it can't verify: run the job again when GitHub answers."),
)  # fmt: skip


def command(manifest: str, policy: Policy, host: str) -> list[str]:
    """The command that verifies the file with an image's manifest, whose digest is the image's: gh needs no registry.

    gh checks the signatures, the digest and the repository. Its patterns for workflows aren't exact, so it may accept
    every signer here, and ``problem`` decides.
    """
    scope = ["--repo", policy.repository, "--hostname", host, "--predicate-type", PROVENANCE, "--limit", "100"]
    return ["gh", "attestation", "verify", manifest, *scope, "--cert-identity-regex", "^https://", "--format", "json"]


def transient(said: str) -> bool:
    """Whether another attempt may succeed, from what gh says. After HTTP 5xx, gh has made four attempts itself."""
    return bool(_TRANSIENT.search(said))


def failure(said: str, policy: Policy, host: str) -> tuple[str, str]:
    """Why gh fails, and the remedy, from what it says on its standard error."""
    remedy = next((words for pattern, words in _REMEDIES if re.search(pattern, said)), "")
    if remedy == "missing":
        return f"{host} has no provenance attestation of it from {policy.repository}", sign(policy)
    if _INVALID in said:
        words = "each is of another digest, or not signed with a certificate of GitHub's"
        return f"none of its attestations is valid: {words}", sign(policy)
    lines = [line.strip() for line in clean(said).splitlines() if line.strip()]
    # Usage follows the message after a blank line; a real verdict is the last line.
    found = lines[0] if lines and re.match("unknown", lines[0]) else (lines or ["nothing"])[-1]
    return f"gh can't verify it: {found.removeprefix('Error: ')[:_LONGEST]}", remedy or sign(policy)


def sign(policy: Policy) -> str:
    """What to do about an image without a valid attestation."""
    return (
        f"Deploy an image that {policy.signers} has built and signed for {policy.repository}: "
        "docs/guides/signatures.md."
    )


def problem(results: str, policy: Policy, digest: str, server: str) -> str:
    """Why none of the attestations that gh has verified meets the policy, from its JSON; empty if one does."""
    try:
        content = json.loads(results)
    except (ValueError, RecursionError):
        return "gh's results are not JSON"
    verified = [each for each in _verified(content) if digest in _subjects(each)]
    of_repository = [each for each in verified if policy.of_repository(_certified(each, "sourceRepositoryURI"), server)]
    signers = [_certified(each, "subjectAlternativeName") for each in of_repository]
    if any(policy.allows(signer, server) for signer in signers):
        return ""
    if signers:
        found = ", ".join(dict.fromkeys(clean(signer.removeprefix(f"{server}/"), " ")[:_LONGEST] for signer in signers))
        return f"it is signed by {found}, and only {policy.signers} may sign it"
    return f"no attestation that gh has verified is of this digest and from {policy.repository}"


def _verified(content: Any) -> Iterator[Mapping[str, Any]]:
    for each in content if isinstance(content, list) else ():
        result = each.get("verificationResult") if isinstance(each, dict) else None
        if isinstance(result, dict) and _at(result, "statement", "predicateType") == PROVENANCE:
            yield result


def _subjects(result: Mapping[str, Any]) -> list[str]:
    subjects = _at(result, "statement", "subject")
    return [f"sha256:{_at(each, 'digest', 'sha256')}" for each in subjects] if isinstance(subjects, list) else []


def _certified(result: Mapping[str, Any], name: str) -> str:
    """What GitHub has certified about the run: unlike the statement, no workflow can choose it."""
    found = _at(result, "signature", "certificate", name)
    return found if isinstance(found, str) else ""


def _at(content: Any, *names: str) -> Any:
    for name in names:
        content = content.get(name) if isinstance(content, dict) else None
    return content
