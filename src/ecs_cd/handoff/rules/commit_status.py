"""An execution as a status of its commit on GitHub, and the cause of its failure as a comment.

https://docs.github.com/en/rest/commits/statuses
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ecs_cd.ci.rules.github_deployment import Status
from ecs_cd.diagnosis.evidence import Finding
from ecs_cd.diagnosis.telling import telling
from ecs_cd.handoff.rules import actions, progress, rollback
from ecs_cd.handoff.rules.actions import Action
from ecs_cd.handoff.rules.declaration import NONCE
from ecs_cd.handoff.rules.progress import Snapshot, Wanted
from ecs_cd.model import pace
from ecs_cd.model.errors import Refused
from ecs_cd.model.text import plain
from ecs_cd.model.verdict import Outcome, Verdict
from ecs_cd.report import markup, verdict_line
from ecs_cd.report.verdict_line import VerdictLine

Execution = Mapping[str, Any]

_COMMIT = re.compile("[0-9a-f]{40}")
_PERSON = re.compile(r"arn:aws[a-z-]*:(?:sts|iam)::\d{12}:\S*?([^/\s:]+)(?=[\s:]|$)")
_EVIDENCE = 60  # lines of a finding in a comment
_LONGEST = 60_000  # characters of a comment; GitHub allows 65,536


# ---- of which commit ----


def commit(execution: Execution, repository: str) -> str:
    """The commit that the execution works for; empty if it shows none yet. Raises ``Refused`` if there are several.

    Of revisions, those of a connection are commits. An object's or an image's is none; then a variable may hold it.
    """
    revisions = {
        str(each["revisionId"]): str(each.get("revisionUrl", ""))
        for each in execution.get("artifactRevisions", ())
        if _COMMIT.fullmatch(str(each.get("revisionId", "")))
    }
    here = [each for each, url in revisions.items() if _is_of(url, repository)]
    found = here or list(revisions) or sorted({each for each in _values(execution).values() if _COMMIT.fullmatch(each)})
    if len(found) > 1:
        raise Refused(
            f"the execution has several commits: {', '.join(found)}",
            f"None of its source actions names {repository}; use one connection source, or one variable with a commit.",
        )
    return found[0] if found else ""


def nonce(execution: Execution) -> str:
    """The nonce that `hand-off` gave; empty in an execution that a push has started.

    Without one, a verdict needs only the id of its build. What it can change is the words about a build that
    CodePipeline reports as failed, never the state.
    """
    return verdict_line.nonce_in(_values(execution).get(NONCE, ""))


def patience(snapshot: Snapshot, repository: str) -> float:
    """How many seconds the execution may take to show what a status needs: its commit, or the action that failed."""
    if snapshot.status == "Failed" and snapshot.failed is None and not snapshot.statement:
        return pace.ACTIONS_LISTED
    unknown = snapshot.status == "InProgress" and not commit(snapshot.execution or {}, repository)
    return pace.COMMIT_KNOWN if unknown else 0.0


def _values(execution: Execution) -> dict[str, str]:
    return {str(each["name"]): str(each.get("resolvedValue", "")) for each in execution.get("variables", ())}


def _is_of(url: str, repository: str) -> bool:
    """Whether the revision's page is that of this repository: its URL has ``FullRepositoryName=owner%2Fname``."""
    names = re.findall(r"[?&]FullRepositoryName=([^&]*)", re.sub("%2f", "/", url, flags=re.IGNORECASE))
    return repository.lower() in [name.lower() for name in names]


# ---- the status ----


def status(snapshot: Snapshot, cause: str = "") -> Status:
    """The state as of now; ``cause`` is why an execution failed, in a line."""
    found = _status(snapshot, cause)
    is_rollback = (snapshot.execution or {}).get("executionType") == "ROLLBACK"
    return replace(found, description=f"rollback to this commit: {found.description}") if is_rollback else found


def _status(snapshot: Snapshot, cause: str) -> Status:
    begun = dict.fromkeys(action.stage for action in snapshot.actions)
    verdict = progress.judge(snapshot, Wanted(stages=tuple(begun)))
    if not isinstance(verdict, Verdict):
        waits = [state.message for path, state in verdict.items() if not path]
        return Status("pending", "; ".join([*filter(None, map(_under_way, snapshot.actions)), *waits]) or "in progress")
    if verdict.outcome is Outcome.SUCCEEDED:
        return Status("success", f"succeeded: {verdict.message}".removesuffix(": "))
    if snapshot.status == "Failed":
        return Status("failure", cause or _without_arns(verdict.message))
    return Status("error", _without_arns(verdict.message))


def _under_way(action: Action) -> str:
    """What a running action does; one that has failed meanwhile is worth a word, too."""
    if action.waits_for_approval:
        return f"{place(action)} waits for an approval"
    if action.status in (actions.IN_PROGRESS, actions.FAILED):
        again = f", try {action.tries}" if action.tries > 1 and action.running else ""
        return f"{place(action)} {'in progress' if action.running else 'failed'}{again}"
    return ""


def place(action: Action) -> str:
    """The action as people call it: by its stage, if both have the same name."""
    return action.stage if action.name == action.stage else action.path


# ---- the cause ----


def cause(action: Action, findings: Sequence[Finding], verdict: VerdictLine | None) -> str:
    """Why the action failed, in a line: the likely cause, and what the log says about it. ``verdict`` is ecs-cd's own,
    if it ran in the action's build."""
    own = [finding for part in verdict.parts if part.bad for finding in part.findings] if verdict else []
    found = next((each for each in own if each.cause), None) or next(iter(findings), Finding(f"{action.path} failed"))
    words = _without_arns(found.cause.removeprefix(action.path).lstrip(": ")) or "failed"
    said = found.detail or telling(found.evidence)
    return f"{place(action)}: {words}{f': {said}' if said and said not in words else ''}"


def _without_arns(words: str) -> str:
    """People by their names: an ARN would fill half of the room."""
    return _PERSON.sub(r"\1", words)


# ---- the comment ----


def marker(pipeline: str, execution: str) -> str:
    """What nobody sees in the comment, and ecs-cd finds it by."""
    return f"<!-- ecs-cd/{pipeline} {execution} -->"


def comment(pipeline: str, snapshot: Snapshot, findings: Sequence[Finding], url: str) -> str:
    """The whole cause. What others have written is in a code block, where nothing is a mention or a link."""
    failed = [f"`{place(action)}`" for action in snapshot.actions if action.status == actions.FAILED]
    back = rollback.execution(snapshot)
    lines = [line for finding in findings for line in _lines(finding)]
    while sum(len(line) + 1 for line in lines) > _LONGEST:
        del lines[len(lines) // 2]
    text = [
        marker(pipeline, snapshot.id),
        f"### ❌ `ecs-cd/{pipeline}`: {', '.join(failed) or 'the execution'} failed",
        "",
        *markup.fenced(lines),
        "",
        f"The execution in the AWS console: <{url}>",
        *([f"Execution `{back}` rolls the stage back."] if back else []),
    ]
    return plain("\n".join(text))


def _lines(finding: Finding) -> list[str]:
    shown = finding.evidence[-_EVIDENCE:]
    next_step = [f"-> {finding.remedy}"] if finding.remedy else []
    texts = [*filter(None, [finding.words]), *(f"  {line}" for line in shown), *next_step]
    return [line for text in texts for line in text.splitlines()]
