"""build-push: builds the images of a commit into ECR, or finds them there."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import partial

from ecs_cd.diagnosis.evidence import Finding
from ecs_cd.document import load
from ecs_cd.images import build, build_plan, build_spec, scan
from ecs_cd.images.build import Done
from ecs_cd.images.build_plan import BuildPlan
from ecs_cd.inputs.build_push import BuildPush
from ecs_cd.job import checkout
from ecs_cd.job.job import Job, Result, concurrently
from ecs_cd.model.verdict import Outcome, Verdict, combined
from ecs_cd.steps.step import Step, run_step

STEP = Step("Build and push", phase="build")


def run(inputs: BuildPush, job: Job) -> int:
    """The verb on its own; its exit code."""
    document = load.load(inputs.config, job)
    specs = build_spec.wanted(inputs, document, job)
    commit = checkout.commit(inputs.sha, job, build_plan.place(specs))
    plans = build_plan.prepare(inputs, specs, document, commit, job)
    return run_step(STEP, lambda: execute(inputs, plans, job), job)


def execute(inputs: BuildPush, plans: Sequence[BuildPlan], job: Job) -> Result:
    """Builds and pushes, or tags existing images. Afterwards the tags refer to the images."""
    to_build = [plan for plan in plans if not plan.tagging.reuse]
    built = build.build(to_build, job) if to_build else build.Built()
    if built.why:
        in_ecr = f"; these images are in ECR: {', '.join(each.plan.name for each in built.done)}" if built.done else ""
        findings = [built.finding] if built.finding else []
        verdict = Verdict(Outcome.FAILED, built.why + in_ecr)
        return _result(verdict, plans, built.done, job, findings)
    reused = concurrently(*(lambda plan=plan: _reuse(plan, job) for plan in plans if plan.tagging.reuse))
    by_name = {each.plan.name: each for each in (*built.done, *reused)}
    done = _joined([by_name[plan.name] for plan in plans], job)
    whole = [each for each in done if not each.plan.whole]
    verdict = _scanned(inputs, whole, job) or _copied(whole, job) or _verdict(done)
    return _result(verdict, [each.plan for each in done], done, job)


def _result(
    verdict: Verdict, plans: Sequence[BuildPlan], done: Sequence[Done], job: Job, findings: Sequence[Finding] = ()
) -> Result:
    links = {each.plan.name: job.aws.console("ecr").image(each.image) for each in done}
    result = Result(verdict, _outputs(done), _facts(plans, done), findings, links=links)
    return result.of_commit(plans[0].commit, job.run)


def images(result: Result) -> dict[str, str]:
    """The images of a result by name, as ``repository@sha256:...``."""
    built: Mapping[str, dict[str, str]] = json.loads(result.outputs["built-images"])
    return {name: image["image"] for name, image in built.items()}


def _reuse(plan: BuildPlan, job: Job) -> Done:
    tag = plan.tagging.reuse
    return build.retag(plan, plan.existing[tag], tag, job)


def _joined(done: list[Done], job: Job) -> list[Done]:
    if not any(each.plan.whole for each in done):
        return done
    from ecs_cd.images import join  # rarely used

    return join.join(done, job)


def _scanned(inputs: BuildPush, done: Sequence[Done], job: Job) -> Verdict | None:
    """The verdict if ECR's scans fail; ``None`` if they pass or scanning is off."""
    gate = partial(scan.gate, job, wait=inputs.scan == "wait", fail_on=inputs.fail_on)
    verdicts = concurrently(*(partial(gate, each.plan.repository, each.digest) for each in done))
    bad = {each.plan.name: verdict for each, verdict in zip(done, verdicts, strict=True) if verdict}
    return combined(bad) if bad else None


def _copied(done: Sequence[Done], job: Job) -> Verdict | None:
    """The verdict if a copy in another registry fails; ``None`` if all exist."""
    if not any(each.plan.copies for each in done):
        return None
    from ecs_cd.images import copies  # rarely used

    why = copies.push(done, job)
    return Verdict(Outcome.FAILED, why) if why else None


# ---- reporting ----


def _verdict(done: Sequence[Done]) -> Verdict:
    return Verdict(Outcome.SUCCEEDED, "; ".join(f"{each.image} ({_how(each.plan)})" for each in done))


def _how(plan: BuildPlan) -> str:
    how = "already in ECR, not built" if plan.tagging.reuse else "built and pushed"
    return f"only {plan.spec.platforms[0]}, {how}" if plan.whole else how


def _outputs(done: Sequence[Done]) -> dict[str, str]:
    """The outputs for these images, one image per line."""
    if not done:
        return {}
    by_name = {
        each.plan.name: {
            "image": each.image,
            "digest": each.digest,
            "tags": each.plan.tagging.names,
            "built": not each.plan.tagging.reuse,
        }
        for each in done
    }
    return {
        "image": "\n".join(each.image for each in done),
        "digest": "\n".join(each.digest for each in done),
        "tags": "\n".join(dict.fromkeys(tag for each in done for tag in each.plan.tagging.names)),
        "built": str(not all(each.plan.tagging.reuse for each in done)).lower(),
        "built-images": json.dumps(by_name),
    }


def _facts(plans: Sequence[BuildPlan], done: Sequence[Done]) -> dict[str, str]:
    """For the summary: each image, its tags apart from the commit, and why it was built or not."""
    by_name = {each.plan.name: each for each in done}
    facts = {}
    for plan in plans:
        image = by_name.get(plan.name)
        tags = [name for name in plan.tagging.names if name != plan.commit_tag]
        facts[plan.name] = "\n".join([image.image, *tags] if image else [str(plan.repository)])
        facts[f"{plan.name} {'reused' if plan.tagging.reuse else 'built'}"] = plan.tagging.why
    return facts
