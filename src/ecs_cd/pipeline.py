"""pipeline: build and push, migrate, deploy, in one process with one login and one look at the document."""

from __future__ import annotations

from collections.abc import Callable

from ecs_cd import build_push, checkout, config, deploy, images, migrate, release
from ecs_cd.interface import Pipeline
from ecs_cd.job import Job, Result, together
from ecs_cd.step import Step, conduct


def run(inputs: Pipeline, job: Job) -> int:
    """Everything is checked before anything is built; each step begins when the one before is green."""
    document = config.load(inputs.config, job)
    commit = checkout.commit(inputs.sha, job, build_push.place(inputs))
    targets = deploy.targets(inputs, document, job)
    building, migration, prepared = together(
        lambda: build_push.prepare(inputs, document, commit, job),
        lambda: migrate.prepare(document, job),
        lambda: deploy.prepare(inputs, targets, document, job),
    )
    names = set(deploy.image_names([*targets, *document.scheduled_tasks.values()]))
    names |= {migration.migration.image} if migration else set()
    others = sorted(names if inputs.dry_run else names - {building.name})
    by_name = images.resolve(others, document.images, commit, job, required=not inputs.dry_run)

    def build() -> Result:
        result = build_push.execute(inputs, building, job)
        if result.verdict.outcome.green:
            by_name[building.name] = result.outputs["image"]
        return result

    steps: list[tuple[Step, Callable[[], Result]]] = [
        (build_push.STEP, build),
        (migrate.STEP, lambda: migrate.execute(inputs, migration, by_name, job)),
        (deploy.STEP, lambda: release.execute(prepared, by_name, job)),
    ]
    steps = steps[2:] if inputs.dry_run else steps  # which neither builds nor migrates
    return next((code for code in (conduct(step, execute, job) for step, execute in steps) if code), 0)
