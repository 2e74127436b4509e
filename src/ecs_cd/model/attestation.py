"""Which attestations an image must have before it runs: from which repository's runs, signed by which workflows."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ecs_cd.model.owner import ACTION

REPOSITORY = r"[A-Za-z0-9][A-Za-z0-9_-]*/(?!\.{1,2}(?:/|$))[A-Za-z0-9._-]+"
WORKFLOW = rf"{REPOSITORY}/\.github/workflows/[A-Za-z0-9._ +-]+\.ya?ml(?:@[^\s@]+)?"
_KINDS = ("heads", "tags")
EXAMPLE = f"{ACTION}/.github/workflows/pipeline.yml@v1"


@dataclass(frozen=True)
class Policy:
    """A run of ``repository``, ``owner/name``, must have made the attestation, and one of ``workflows`` signed it:
    ``owner/name/.github/workflows/file``, with ``@ref`` if only that ref of it may. Without any, each workflow of the
    repository may sign."""

    repository: str
    workflows: tuple[str, ...] = ()

    @property
    def signers(self) -> str:
        """Who may sign, in words."""
        return " or ".join(self.workflows) or f"a workflow of {self.repository}"

    def of_repository(self, uri: str, server: str) -> bool:
        """Whether ``uri``, as in a certificate, is this repository on this server, such as ``https://github.com``."""
        return uri.lower() == f"{server}/{self.repository}".lower()

    def allows(self, signer: str, server: str) -> bool:
        """Whether a certificate with this signer may sign: ``https://github.com/owner/name/path@ref``."""
        if not signer.lower().startswith(f"{server}/".lower()):
            return False
        path, _, ref = signer[len(server) + 1 :].partition("@")
        if not self.workflows:
            return path.lower().startswith(f"{self.repository}/.github/workflows/".lower())
        return any(_is(each, path, ref) for each in self.workflows)


def _is(wanted: str, path: str, ref: str) -> bool:
    name, _, wanted_ref = wanted.partition("@")
    refs = (
        ("", ref)
        if wanted_ref.startswith("refs/")
        else ("", ref, *(ref.removeprefix(f"refs/{kind}/") for kind in _KINDS))
    )
    return _folded(name) == _folded(path) and wanted_ref in refs


def _folded(path: str) -> str:
    """GitHub ignores case in the names of owners and repositories, not in those of files."""
    found = re.fullmatch(r"([^/]+/[^/]+)(/.*)", path)
    return f"{found[1].lower()}{found[2]}" if found else path
