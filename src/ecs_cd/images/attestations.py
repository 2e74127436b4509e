"""Which images need attestations, by the document and an input, and that they have them, before anything changes."""

from __future__ import annotations

from collections.abc import Mapping

from ecs_cd.document.rules.document import Document
from ecs_cd.inputs.common import Attested
from ecs_cd.job.job import Job
from ecs_cd.model.attestation import Policy
from ecs_cd.model.errors import Refused


def verified(images: Mapping[str, str], inputs: Attested, document: Document, job: Job) -> dict[str, str]:
    """The same images, by the document's names, as ``repository@sha256:...``; those by tag, which nothing runs, are not
    looked at.

    Raises ``Refused`` with the problems of all images, also if GitHub can't be asked.
    """
    policies = _policies(inputs, document, job)
    if policies:
        from ecs_cd.images import gh  # few runs need it, and importing it would slow down every start

        gh.verify({image: name for name, image in images.items() if "@" in image}, policies, inputs.github_token, job)
    return dict(images)


def _policies(inputs: Attested, document: Document, job: Job) -> list[Policy]:
    """The document's and the input's: an image must meet both."""
    given = inputs.require_attestation
    if given is not None and not job.run.repository:
        raise Refused(
            "require-attestation: it isn't known which repository this is",
            "Outside of GitHub Actions, set `require-attestation` in the document.",
        )
    own = [] if given is None else [Policy(job.run.repository, given)]
    return [*([document.require_attestation] if document.require_attestation else []), *own]
