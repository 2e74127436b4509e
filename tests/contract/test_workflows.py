"""The workflows that people copy, from the README, the docs and the examples, and the one that they call."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ecs_cd.inputs import options
from ecs_cd.inputs.verbs import VERBS
from tests.contract import parts
from tests.contract.parts import PIPELINE, ROOT, SUITE, Step

CALLED = str(PIPELINE.relative_to(ROOT))
COPIED = {
    where: workflow
    for where, workflow in parts.workflows().items()
    if where == CALLED or not where.startswith(".github")
}
OUTPUT = re.compile(r"steps\.([\w-]+)\.outputs\.([\w-]+)")


@pytest.fixture(params=COPIED)
def where(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def ours(where: str) -> list[Step]:
    return [step for step in parts.steps(where, COPIED[where]) if step.verb]


def callers(where: str) -> list[dict[str, Any]]:
    """The jobs that call the reusable workflow."""
    return [job for job in COPIED[where]["jobs"].values() if str(job.get("uses", "")).startswith(f"{SUITE}/{CALLED}@")]


def test_there_are_workflows_to_copy() -> None:
    """The docs and examples show the whole pipeline and each action; each example of an app has a workflow."""
    shown = ("docs/guides/workflows.md", "examples/")
    verbs = {step.verb for where in COPIED for step in ours(where) if where.startswith(shown)}
    assert verbs == {name for name, verb in VERBS.items() if verb.action}
    for page in parts.WORKFLOW_PAGES:
        assert any(where.startswith(f"{page.relative_to(ROOT)}, ") for where in COPIED), page
    for example in {path.parent for path in ROOT.glob("examples/*-image/README.md")}:
        assert any(where.startswith(f"examples/{example.name}/") for where in COPIED)


def test_a_workflow_gives_inputs_that_exist(where: str) -> None:
    """GitHub only warns of an unknown input; a test fails."""
    for step in ours(where):
        declared = options.options(VERBS[step.verb].inputs)
        given = step.content.get("with", {})
        assert set(given) <= set(declared), step.where
        assert {name for name, option in declared.items() if option.required} <= set(given), step.where


def test_values_in_a_workflow_are_valid(where: str) -> None:
    """What is written out is read without complaint; expressions stand for any text."""
    for step in ours(where):
        given = {name: re.sub(r"\$\{\{.*?\}\}", "x", str(text)) for name, text in step.content["with"].items()}
        options.read(
            VERBS[step.verb].inputs,
            {name: text for name, text in given.items() if text != "x" or name == "config"},
        )


def test_a_workflow_reads_outputs_that_exist(where: str) -> None:
    """GitHub silently turns a missing output into an empty text."""
    by_id = {step.content["id"]: VERBS[step.verb].outputs for step in ours(where) if "id" in step.content}
    for step_id, output in OUTPUT.findall(str(COPIED[where])):
        if step_id in by_id:
            assert output in by_id[step_id], f"{where}: {step_id}.{output}"


def test_a_workflow_never_cancels_a_deployment(where: str) -> None:
    """Each push waits for those before it, and none replaces another that waits: `concurrency`, in the workflow or in the
    workflow that it calls."""
    workflow: dict[Any, Any] = COPIED[CALLED if callers(where) else where]
    verbs = {step.verb for step in ours(where)}
    if verbs and verbs <= {"verify", "plan"}:
        return  # it deploys nothing
    how = {name: value for name, value in workflow["concurrency"].items() if name != "group"}
    assert how == {"cancel-in-progress": False, "queue": "max"}


def test_what_is_listed_is_what_a_rollback_does() -> None:
    """The first job of the example has the inputs of the second; a lock is not its business."""
    listed, done = (step.content["with"] for step in ours("examples/single-image/.github/workflows/rollback.yml"))
    assert listed == {**{name: text for name, text in done.items() if name != "override"}, "list": True}


def test_a_rollback_waits_for_no_deployment() -> None:
    """It may take that one back: neither a push's, nor one that a chat has continued."""
    examples = "examples/single-image/.github/workflows"
    groups = {
        name: COPIED[f"{examples}/{name}.yml"]["concurrency"]["group"] for name in ("deploy", "rollback", "chatops")
    }
    assert groups["rollback"] != groups["deploy"]
    assert groups["chatops"].endswith("-${{ github.event.deployment.task }}")


# Jobs of the whole pipeline that need `attestations` if the caller signs, which it then grants.
AS_THE_CALLER = ("build-and-sign", "release", "hand-off")


def test_a_workflow_asks_for_no_more_than_it_needs(where: str) -> None:
    """Each job has only the permissions to read the repository, to sign in, to update a GitHub Deployment, and to comment
    a plan."""
    workflow: dict[Any, Any] = COPIED[where]
    callers_own = AS_THE_CALLER if where == CALLED else ()
    assert workflow.get("permissions") == (None if callers_own else {})
    assert {name for name, job in workflow["jobs"].items() if "permissions" not in job} == set(callers_own)
    for job in (job for name, job in workflow["jobs"].items() if name not in callers_own):
        wanted = {("contents", "read"), ("id-token", "write")}
        text = str(job["steps" if "steps" in job else "with"])
        if "github-deployment" in text or "/statuses" in text:
            wanted.add(("deployments", "write"))
        if "environment" in str(job.get("steps")) and {step.verb for step in ours(where)} == {"verify"}:
            wanted = {("deployments", "read"), ("id-token", "write")}
        if not any("uses" in step for step in job.get("steps", [{"uses": ""}])):
            # It tells GitHub what another job has found, without credentials of AWS.
            wanted = {("deployments" if "/statuses" in text else "issues", "write")}
        if f"{SUITE}/plan@" in str(job.get("steps")):
            wanted.add(("pull-requests", "write"))
        assert set(job["permissions"].items()) <= wanted


def test_ours_are_named_at_a_released_version(where: str) -> None:
    """`./` would be the repository of the user who copies or calls the workflow."""
    used = [*parts.steps(where, COPIED[where]), *(Step(where, job) for job in callers(where))]
    names = [str(step.content["uses"]) for step in used if "uses" in step.content]
    assert {name.partition("@")[2] for name in names if name.startswith(SUITE)} == {"v1"}
    assert not any(name.startswith(".") for name in names)


def test_a_call_of_the_whole_pipeline_is_complete(where: str) -> None:
    """Inputs and secrets that exist, the required ones among them, and the permissions that its jobs ask for."""
    called = COPIED[CALLED]
    declared = called[True]["workflow_call"]  # YAML 1.1 reads `on` as true
    needed = {item for job in called["jobs"].values() for item in job.get("permissions", {}).items()}
    for job in callers(where):
        assert {name for name, declaration in declared["inputs"].items() if declaration["required"]} <= set(job["with"])
        assert set(job["with"]) <= set(declared["inputs"])
        assert set(job.get("secrets", {})) <= set(declared["secrets"])
        assert set(job["permissions"].items()) == needed


def test_the_whole_pipeline_releases_the_commit_of_its_run() -> None:
    """Only when every image exists; a self-hosted runner may have another job's checkout in the workspace."""
    jobs = COPIED[CALLED]["jobs"]
    last = {"release": ("migrate", "deploy"), "hand-off": ("hand-off",)}
    for job, verbs in last.items():
        assert set(jobs[job]["needs"]) == set(jobs) - set(last)
        assert not any("actions/checkout" in step.get("uses", "") for step in jobs[job]["steps"])
        given = {step.verb: step.content["with"] for step in ours(CALLED) if f"job {job}" in step.where}
        assert {verb: inputs["sha"] for verb, inputs in given.items()} == dict.fromkeys(verbs, "${{ github.sha }}")


def test_the_whole_pipeline_releases_or_hands_off() -> None:
    """Never both: with `pipeline` in the document, CodePipeline migrates and deploys. Nothing after a build that has not
    succeeded: for GitHub, a job that has timed out has not failed, and does not cancel the run
    (github.com/ROCm/TheRock/issues/8372)."""
    jobs = COPIED[CALLED]["jobs"]
    assert (jobs["build"]["if"], jobs["build-and-sign"]["if"]) == ("${{ !inputs.sign }}", "${{ inputs.sign }}")
    # Without a status function, a job is skipped if one of its `needs` is; one of the two builds always is.
    built = "!cancelled() && (needs.build.result == 'success' || needs.build-and-sign.result == 'success')"
    assert jobs["release"]["if"] == f"{built} && needs.images.outputs.hand-off != 'true'"
    assert jobs["hand-off"]["if"] == f"{built} && needs.images.outputs.hand-off == 'true'"


def test_the_workflows_of_the_docs_are_valid(tmp_path: Path) -> None:
    """actionlint finds nothing; those in files are checked by `make lint`."""
    files = []
    for number, block in enumerate(parts.workflow_blocks().values()):
        files.append(tmp_path / f"{number}.yml")
        files[-1].write_text(block, encoding="utf-8")
    actionlint = Path(sys.executable).with_name("actionlint")
    done = subprocess.run([actionlint, *files], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_only_who_signs_downloads_what_signs() -> None:
    """A runner downloads every action of a job before its first step, whatever the step's `if` says."""
    jobs = COPIED[CALLED]["jobs"]
    signing = {
        name for name, job in jobs.items() if any("actions/attest" in str(step.get("uses")) for step in job["steps"])
    }
    assert signing == {"build-and-sign"}


def test_signing_builds_like_not_signing() -> None:
    """The two jobs differ in the signature and in how many runners build an image. Runners that are not for a platform
    build all the same, on GitHub's own or not."""
    jobs = COPIED[CALLED]["jobs"]
    (checkout, plain), (signed_checkout, signed, attest) = (jobs[job]["steps"] for job in ("build", "build-and-sign"))
    assert checkout == signed_checkout
    assert signed["uses"] == plain["uses"]
    assert plain["with"] == {**signed["with"], "platform": "${{ matrix.platform }}"}
    assert jobs["build"]["strategy"] == jobs["build-and-sign"]["strategy"]
    runners = "${{ (!inputs.sign || !contains(inputs.runs-on, '=')) && inputs.runs-on || '' }}"
    assert jobs["images"]["steps"][-1]["with"]["runs-on"] == runners
    assert jobs["build"]["runs-on"] == jobs["build-and-sign"]["runs-on"]
    # What another run has pushed, or whoever may push to ECR, gets no signature of this run.
    assert attest["if"] == "${{ steps.build.outputs.built == 'true' && !env.ACT }}"
    assert attest["with"]["subject-digest"] == "${{ steps.build.outputs.digest }}"
