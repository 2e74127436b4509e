"""build-push: builds the images of a commit into ECR, or finds them there."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from ecs_cd.document import load
from ecs_cd.images import build, build_spec, scan
from ecs_cd.images import plan as build_plan
from ecs_cd.images.build import Done
from ecs_cd.images.plan import Plan
from ecs_cd.inputs.build_push import BuildPush
from ecs_cd.job import checkout
from ecs_cd.job.job import Job, Result, concurrently
from ecs_cd.model.verdict import Outcome, Verdict, combined
from ecs_cd.steps.step import Step, run_step

STEP = Step("Build and push", phase="build")


def run(inputs: BuildPush, job: Job) -> int:
    """The verb on its own; its exit code."""
    document = load.load(inputs.config, job)
    wanted = build_spec.wanted(inputs, document, job)
    commit = checkout.commit(inputs.sha, job, build_plan.place(wanted))
    plans = build_plan.prepare(inputs, wanted, document, commit, job)
    return run_step(STEP, lambda: execute(inputs, plans, job), job)


def execute(inputs: BuildPush, plans: Sequence[Plan], job: Job) -> Result:
    """Builds and pushes, or tags existing images. Afterwards the tags refer to the images."""
    to_build = [plan for plan in plans if not plan.tagging.reuse]
    built = build.build(to_build, job) if to_build else build.Built()
    if built.why:
        there = f"; in ECR all the same: {', '.join(one.plan.name for one in built.done)}" if built.done else ""
        findings = [built.finding] if built.finding else []
        verdict = Verdict(Outcome.FAILED, built.why + there)
        return Result(verdict, _outputs(built.done), _facts(plans, built.done), findings)
    reused = concurrently(*(lambda plan=plan: _reuse(plan, job) for plan in plans if plan.tagging.reuse))
    by_name = {one.plan.name: one for one in (*built.done, *reused)}
    done = [by_name[plan.name] for plan in plans]
    return Result(_scanned(inputs, done, job) or _verdict(done), _outputs(done), _facts(plans, done))


def images(result: Result) -> dict[str, str]:
    """The images of a result by name, as ``repository@sha256:...``."""
    told: Mapping[str, dict[str, str]] = json.loads(result.outputs["built-images"])
    return {name: image["image"] for name, image in told.items()}


def _reuse(plan: Plan, job: Job) -> Done:
    tag = plan.tagging.reuse
    return build.retag(plan, plan.there[tag], tag, job)


def _scanned(inputs: BuildPush, done: Sequence[Done], job: Job) -> Verdict | None:
    """The verdict if ECR's scans fail; ``None`` if they pass or scanning is off."""
    wait, fail_on = inputs.scan == "wait", inputs.fail_on
    verdicts = concurrently(
        *(lambda one=one: scan.gate(job, one.plan.repository, one.digest, wait=wait, fail_on=fail_on) for one in done)
    )
    bad = {one.plan.name: verdict for one, verdict in zip(done, verdicts, strict=True) if verdict}
    return combined(bad) if bad else None


# ---- reporting ----


def _verdict(done: Sequence[Done]) -> Verdict:
    told = [f"{one.image} ({_how(one.plan)})" for one in done]
    return Verdict(Outcome.SUCCEEDED, "; ".join(told))


def _how(plan: Plan) -> str:
    return "there already, not built" if plan.tagging.reuse else "built and pushed"


def _outputs(done: Sequence[Done]) -> dict[str, str]:
    """The outputs for these images, one image per line."""
    if not done:
        return {}
    by_name = {
        one.plan.name: {
            "image": one.image,
            "digest": one.digest,
            "tags": one.plan.tagging.names,
            "built": not one.plan.tagging.reuse,
        }
        for one in done
    }
    return {
        "image": "\n".join(one.image for one in done),
        "digest": "\n".join(one.digest for one in done),
        "tags": "\n".join(dict.fromkeys(tag for one in done for tag in one.plan.tagging.names)),
        "built": str(not all(one.plan.tagging.reuse for one in done)).lower(),
        "built-images": json.dumps(by_name),
    }


def _facts(plans: Sequence[Plan], done: Sequence[Done]) -> dict[str, str]:
    """For the summary: each image, its tags, and why it was built or not."""
    by_name = {one.plan.name: one for one in done}
    facts = {"commit": plans[0].commit}
    for plan in plans:
        one = by_name.get(plan.name)
        facts[plan.name] = "\n".join([one.image, *one.plan.tagging.names] if one else [str(plan.repository)])
        facts[f"{plan.name}: {'reused' if plan.tagging.reuse else 'built'}"] = plan.tagging.why
    return facts
