"""An execution as a status of its commit, and the cause of its failure in a line or as a comment."""

from __future__ import annotations

from typing import Any

import pytest

from ecs_cd.diagnosis.evidence import Finding
from ecs_cd.handoff.rules import commit_status
from ecs_cd.handoff.rules.actions import Action
from ecs_cd.handoff.rules.progress import Snapshot
from ecs_cd.model.errors import Refused
from ecs_cd.model.verdict import Outcome
from ecs_cd.report.summary import Part
from ecs_cd.report.verdict_line import VerdictLine

SHA, OTHER = "c0ffee" + "0" * 34, "beef" + "0" * 36
REPOSITORY = "org/my-app"
PAGE = "https://console.aws.amazon.com/connections/redirect?FullRepositoryName={}&Commit=x"
OURS, THEIRS = PAGE.format("Org%2fmy-app"), PAGE.format("org%2Finfra")
FAILED = Action("Migrate", "Migrate", "Failed", "Build", "CodeBuild", external_id="migrate:1")


def execution(status: str = "InProgress", revisions: Any = (), **variables: str) -> dict[str, Any]:
    """With revisions as pairs of id and page."""
    return {
        "pipelineExecutionId": "mine",
        "status": status,
        "artifactRevisions": [{"name": "Source", "revisionId": each, "revisionUrl": page} for each, page in revisions],
        "variables": [{"name": name, "resolvedValue": value} for name, value in variables.items()],
    }


COMMITS: list[tuple[Any, dict[str, str], str]] = [
    ([(SHA, OURS)], {}, SHA),
    ([(SHA, "")], {}, SHA),
    ([(SHA, THEIRS)], {}, SHA),
    ([(OTHER, THEIRS), (SHA, OURS)], {}, SHA),
    ([(SHA, ""), (SHA, "")], {}, SHA),
    ([(SHA, "")], {"COMMIT": OTHER}, SHA),
    ([("3sL4kqtJlcpXroDTDmJ", "")], {"COMMIT": SHA, "IMAGE": "none"}, SHA),
    ([("sha256:" + "0" * 64, "")], {"COMMIT": SHA, "ECS_CD_NONCE": "0" * 32}, SHA),
    ([], {"A": SHA, "B": SHA}, SHA),
    ([], {}, ""),
    ([("0" * 64, "")], {"COMMIT": SHA.upper()}, ""),
]


@pytest.mark.parametrize(("revisions", "variables", "expected"), COMMITS)
def test_the_commit_is_a_connections_revision_or_a_variable(
    revisions: Any, variables: dict[str, str], expected: str
) -> None:
    """Of several, the repository's own."""
    assert commit_status.commit(execution(revisions=revisions, **variables), REPOSITORY) == expected


@pytest.mark.parametrize(
    ("revisions", "variables"),
    [([(SHA, ""), (OTHER, THEIRS)], {}), ([(SHA, OURS), (OTHER, OURS)], {}), ([], {"A": SHA, "B": OTHER})],
)
def test_of_commits_that_could_all_be_it_none_is_guessed(revisions: Any, variables: dict[str, str]) -> None:
    """A status at the wrong commit would be worse than none."""
    with pytest.raises(Refused, match=OTHER):
        commit_status.commit(execution(revisions=revisions, **variables), REPOSITORY)


PATIENCE: list[tuple[Snapshot, bool]] = [
    (Snapshot(execution()), True),
    (Snapshot(execution(COMMIT=SHA)), False),
    (Snapshot(execution("Failed")), True),
    (Snapshot(execution("Failed"), (FAILED,)), False),
    (Snapshot({**execution("Failed"), "statusSummary": "a condition"}), False),
    (Snapshot(execution("Stopped")), False),
    (Snapshot(execution("Succeeded")), False),
]


@pytest.mark.parametrize(("snapshot", "waits"), PATIENCE)
def test_what_a_status_needs_is_waited_for(snapshot: Snapshot, waits: bool) -> None:
    """The commit, or the action that failed; an execution that has ended gets no commit any more."""
    assert (commit_status.patience(snapshot, REPOSITORY) > 0) is waits


SKIPPED = (Action("Test", "Test", "Failed"), Action("Deploy", "Deploy", "Succeeded"))
PARALLEL = (Action("Build", "app", "Failed"), Action("Build", "nginx", "InProgress"))


@pytest.mark.parametrize(
    ("snapshot", "state", "words"),
    [
        (Snapshot(execution()), "pending", "in progress"),
        (Snapshot(execution(), PARALLEL), "pending", "Build/app failed; Build/nginx in progress"),
        (Snapshot(execution("Succeeded"), SKIPPED), "success", "succeeded: stages Deploy; skipped: Test"),
        (Snapshot(execution("Succeeded")), "success", "succeeded"),
        (Snapshot(execution("Failed")), "failure", "the execution failed; CodePipeline names no action"),
        (Snapshot(execution("New")), "pending", "the execution's status is New"),
    ],
)
def test_a_state_of_github_for_each_of_codepipeline(snapshot: Snapshot, state: str, words: str) -> None:
    """What nobody knows yet is pending."""
    found = commit_status.status(snapshot)
    assert (found.state, found.description) == (state, words)


def verdict(*findings: Finding) -> VerdictLine:
    return VerdictLine("migrate", (Part("Migration", Outcome.FAILED, "a long message", findings=findings),))


GENERAL = Finding("Migrate/Migrate: the build failed in phase BUILD", ("exit status 1", "ERROR: x"))
REJECTED = Finding("Approve/Approve was rejected by arn:aws:sts::123456789012:assumed-role/infra/alice: no")


@pytest.mark.parametrize(
    ("action", "findings", "own", "expected"),
    [
        (FAILED, [GENERAL], None, "Migrate: the build failed in phase BUILD: ERROR: x"),
        (FAILED, [GENERAL], verdict(Finding("`app` exited with 1", ("boom",))), "Migrate: `app` exited with 1: boom"),
        (FAILED, [GENERAL], verdict(Finding("")), "Migrate: the build failed in phase BUILD: ERROR: x"),
        (FAILED, [], None, "Migrate: failed"),
        (Action("Build", "app", "Failed"), [Finding("Build/app: no builder", ("no builder",))], None,
         "Build/app: no builder"),
        (Action("Approve", "Approve", "Failed"), [REJECTED], None, "Approve: was rejected by alice: no"),
    ],
)  # fmt: skip
def test_a_cause_is_a_line(action: Action, findings: list[Finding], own: VerdictLine | None, expected: str) -> None:
    """Where, what, and what the log says; ecs-cd's own words come first, and people have names."""
    assert commit_status.cause(action, findings, own) == expected


def test_a_comment_has_everything_in_a_code_block() -> None:
    """Of a very long cause, the middle is left out."""
    snapshot = Snapshot(execution("Failed"), (FAILED,))
    findings = [Finding("cause", tuple(f"line {number}" for number in range(99)), "do this"), GENERAL]
    text = commit_status.comment("p", snapshot, findings, "https://x")
    assert text.startswith("<!-- ecs-cd/p mine -->\n### ❌ `ecs-cd/p`: `Migrate` failed\n\n```text\ncause\n  line 39\n")
    assert text.endswith("-> do this\n" + "\n".join([GENERAL.cause, "  exit status 1", "  ERROR: x"])
                         + "\n```\n\nThe execution in the AWS console: <https://x>")  # fmt: skip
    long = [Finding(f"cause {number}", ("x" * 900,) * 60) for number in range(9)]
    assert len(commit_status.comment("p", snapshot, long, "https://x")) < 65_536
