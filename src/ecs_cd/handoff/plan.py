"""A hand-off: what is given to which pipeline, checked before anything starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ecs_cd.aws import codepipeline
from ecs_cd.document.rules.document import Document
from ecs_cd.document.rules.pipeline import Pipeline, Start
from ecs_cd.handoff.rules import declaration, progress
from ecs_cd.handoff.rules.declaration import Declaration
from ecs_cd.inputs.hand_off import END, STARTED
from ecs_cd.job.job import Job, concurrently
from ecs_cd.locks.gate import Gate
from ecs_cd.model.errors import Refused

_REMEDY = "The infra repo owns the pipeline and the document{}."


@dataclass(frozen=True)
class HandOffPlan:
    """``images`` are by digest. ``goal`` is a stage, ``started``, or empty for the end."""

    pipeline: Pipeline
    declaration: Declaration
    commit: str
    images: Mapping[str, str] = field(default_factory=dict)
    goal: str = ""
    timeout: float = 3600.0
    superseded: str = "error"
    on_cancel: str = "leave"
    gate: Gate = field(default_factory=Gate)

    @property
    def stage(self) -> str:
        """The stage to wait for; empty for the end."""
        return "" if self.goal == STARTED else self.goal


def declared(document: Document) -> Pipeline:
    """The document's pipeline. Raises ``Refused`` if it has none."""
    if document.pipeline is None:
        raise Refused(
            "the document has no `pipeline`, so there is nothing to hand the images to",
            "The infra repo adds `pipeline` (docs/reference/document.md). To deploy without CodePipeline, use deploy.",
        )
    return document.pipeline


def image_names(document: Document, pipeline: Pipeline) -> list[str]:
    """The images that must be there: those that are handed over, and those that something in the document runs."""
    used = {image for entry in document.entries for image in entry.containers.values()}
    handed = {*pipeline.variables.values(), *pipeline.images.values()}
    return sorted(used | (handed or set(document.images)))


def goal(wait_until: str, pipeline: Pipeline) -> str:
    """A stage, ``started``, or empty for the end. ``wait_until``: the input; if it is empty, the document decides."""
    wanted = wait_until or pipeline.wait_until
    return "" if wanted == END else wanted


def check(wanted: str, document: Document, pipeline: Pipeline, job: Job) -> Declaration:
    """The pipeline's declaration. ``wanted`` is a ``goal``. Raises ``Refused`` with all reasons why it can't be started
    and followed as the document says."""
    follows = [] if wanted == STARTED else [lambda: codepipeline.try_to_follow(job.aws, pipeline.name)]
    found, stages, *_ = concurrently(
        lambda: codepipeline.pipeline(job.aws, pipeline.name),
        lambda: codepipeline.stages(job.aws, pipeline.name),
        *follows,
    )
    stage = "" if wanted == STARTED else wanted
    problems = declaration.problems(found, pipeline, document.images, stage)
    problems += _disabled(stages, stage)
    if problems:
        started_here = pipeline.start is not Start.EVENT
        raise Refused(problems, _REMEDY.format("; nothing was started" if started_here else ""))
    return dict(found)


def _disabled(stages: Sequence[Mapping[str, object]], until: str) -> list[str]:
    """The disabled transitions on the way: an execution would wait there for a person."""
    found = []
    for stage in stages:
        why = progress.disabled_words(stage)
        if why:
            found.append(f"stage {stage['stageName']} can't be entered: {why}")
        if stage["stageName"] == until:
            break
    return found
