"""verify: checks what the document names, and how it fits together, before anything is deployed. Only reads."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import redirect_stdout

from botocore.exceptions import BotoCoreError, ClientError

from ecs_cd.aws.errors import explain
from ecs_cd.ci.text import unbroken
from ecs_cd.deploy.targets import targets
from ecs_cd.document import load
from ecs_cd.document.rules.document import Entry
from ecs_cd.inputs.verify import Verify
from ecs_cd.job import checkout
from ecs_cd.job.job import Job, Result
from ecs_cd.model.errors import Refused
from ecs_cd.model.verdict import EXIT_CODES, REFUSED_EXIT_CODE, Outcome
from ecs_cd.steps.step import Step, run_step
from ecs_cd.tasks.loader import Loader
from ecs_cd.verify import alone, checks
from ecs_cd.verify.rules import report
from ecs_cd.verify.rules.finding import Finding, State, not_checkable, ok, sentences, wrong
from ecs_cd.verify.subjects import gather

STEP = Step("Verify", result="result")

_ACCESS = "AWS"  # the subject of what ends all checks
_RESULTS = {EXIT_CODES[each]: each.value for each in (Outcome.SUCCEEDED, Outcome.FAILED, Outcome.CANCELLED)}
_RESULTS[REFUSED_EXIT_CODE] = "refused"


def run(inputs: Verify, job: Job) -> int:
    """The verb; its exit code: 0 if nothing is wrong, 1 if something is, 2 if the checks can't start."""
    if not inputs.json:
        return run_step(STEP, lambda: _execute(inputs, [], job), job)
    findings: list[Finding] = []
    with redirect_stdout(sys.stderr):
        code = run_step(STEP, lambda: _execute(inputs, findings, job), job)
    with unbroken():
        result = _RESULTS.get(code, Outcome.UNKNOWN.value)
        issue = _issue(inputs, findings, job) if code != REFUSED_EXIT_CODE else None
        print(report.as_json(findings, result, issue), flush=True)
    return code


def _execute(inputs: Verify, findings: list[Finding], job: Job) -> Result:
    """Adds to ``findings``, so that the JSON has them if AWS or the document ends the checks early, too."""
    try:
        entries, loader = _prepare(inputs, job)
    except Refused as refused:
        problems = sentences(refused.problems)
        findings += [wrong(checks.DOCUMENT, checks.DOCUMENT, problem, refused.remedy) for problem in problems]
        raise
    findings += [ok(checks.DOCUMENT, checks.DOCUMENT, "it is valid")] if inputs.config else []
    try:
        job.ci.line(f"region: {job.aws.region}")
        findings += _checked(inputs, entries, loader)
    except (Refused, ClientError, BotoCoreError) as error:
        why = explain(error)
        findings += [not_checkable(_ACCESS, "access", problem, why.remedy) for problem in sentences(why.problems)]
        raise
    return _result(inputs, findings, job)


def _checked(inputs: Verify, entries: list[Entry], loader: Loader) -> list[Finding]:
    if inputs.drift:
        from ecs_cd.verify import drift

        return drift.check(inputs, entries, loader)
    found = gather(entries, checkout.commit(inputs.sha, loader.job), loader)
    return checks.check(found, loader.job)


def _issue(inputs: Verify, findings: Sequence[Finding], job: Job) -> str | None:
    """The Markdown for an issue; ``None`` without drift."""
    if not inputs.drift:
        return None
    from ecs_cd.verify.rules import issue

    return issue.markdown(findings, inputs.config, job.aws.region, job.run.url)


def _prepare(inputs: Verify, job: Job) -> tuple[list[Entry], Loader]:
    """What to check: the services that the input names or all, and every task. Raises ``Refused`` if the document has
    problems."""
    document = load.load(inputs.config, job) if _by_document(inputs) else alone.document(inputs)
    wanted = inputs.service if inputs.config else ()
    services = targets(wanted, document, job) if document.services or wanted else []
    entries: list[Entry] = [*services, *document.one_off_tasks, *document.scheduled_tasks.values()]
    return entries, Loader(document, inputs.environment_variables, inputs.allow_unknown_fields, job)


def _by_document(inputs: Verify) -> bool:
    """Raises ``Refused`` if the inputs name a document and what replaces it, or neither."""
    given = [name for name, text in (("task-definition", inputs.task_definition), ("cluster", inputs.cluster)) if text]
    if inputs.environment and not inputs.drift:
        raise Refused("environment: only has an effect with drift", "Set drift: true, or remove environment.")
    if inputs.config and given:
        raise Refused(f"{' and '.join(given)}: can't be combined with config, which names them")
    if not inputs.config and not (inputs.task_definition and inputs.service):
        raise Refused("config: is missing", "Set config (the document), or task-definition, service and cluster.")
    return bool(inputs.config)


def _result(inputs: Verify, findings: Sequence[Finding], job: Job) -> Result:
    """Logs every finding, and the wrong ones once more at the end, where a reader looks first."""
    for finding in findings:
        for line in report.lines([finding]):
            job.ci.line(line, alarming=finding.state is State.WRONG)
    bad = report.of_state(findings, State.WRONG)
    if bad and len(findings) > len(bad):
        job.ci.line(f"wrong ({len(bad)}):")
        for line in report.lines(bad):
            job.ci.line(line, alarming=True)
    verdict = report.verdict(findings)
    outputs = {"result": verdict.outcome.value}
    if job.ci.keeps_outputs:  # a terminal shows the lines
        outputs["findings"] = report.findings_json(findings)
        issue = _issue(inputs, findings, job)
        outputs |= {} if issue is None else {"issue": issue}
    texts = {title: report.lines(group) for title, group in _groups(findings).items() if group}
    return Result(verdict, outputs, texts=texts)


def _groups(findings: Sequence[Finding]) -> dict[str, list[Finding]]:
    """The findings by the titles of the summary."""
    titles = {State.WRONG: "Wrong", State.NOT_CHECKABLE: "Not checkable", State.OK: "OK"}
    return {title: report.of_state(findings, state) for state, title in titles.items()}
