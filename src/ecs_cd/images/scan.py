"""Waits for ECR's scan of a pushed image, reports it, and applies `fail-on`."""

from __future__ import annotations

from botocore.exceptions import BotoCoreError, ClientError

from ecs_cd.aws import ecr
from ecs_cd.aws.errors import code, explain, is_transient, transient_as_unreadable
from ecs_cd.images.rules import scan_findings
from ecs_cd.images.rules.scan_findings import Seen
from ecs_cd.job.job import Job
from ecs_cd.job.watch import watch
from ecs_cd.model import pace
from ecs_cd.model.errors import Refused
from ecs_cd.model.references import Repository
from ecs_cd.model.verdict import InProgress, Outcome, Verdict
from ecs_cd.report import summary


def check(repository: Repository) -> None:
    """Raises ``Refused`` if ECR can't scan images of this repository."""
    if repository.public:
        raise Refused(f"scan, fail-on: {repository} is in ECR public, which doesn't scan images")


def gate(job: Job, repository: Repository, digest: str, *, wait: bool, fail_on: str) -> Verdict | None:
    """The verdict if ECR's scan fails the image; ``None`` if no scan is requested or the image passes.

    Raises nothing: the image is in ECR whatever the scan finds, and a missing result is a verdict too. Reports the
    findings in the log and the summary.
    """
    if not (wait or fail_on):
        return None
    began, scans = job.clock.monotonic(), dict[str, Seen]()
    try:
        check(repository)
        manifests = scan_findings.manifests(ecr.manifest(job.aws, repository, digest), digest)
        scans |= dict.fromkeys(manifests, Seen())
        verdict = _watch(job, repository, manifests, scans, fail_on)
    except Refused as refused:
        verdict = _no_result(refused)
    except (ClientError, BotoCoreError) as error:
        verdict = _no_result(explain(error))
    image = repository.by_digest(digest)
    _report(job, repository, verdict, scans, job.clock.monotonic() - began)
    if verdict.outcome is Outcome.SUCCEEDED:
        return None
    what = "scan of" if scan_findings.reports(scans) else "no scan result for"
    return Verdict(verdict.outcome, f"{what} {image}: {verdict.message}")


def _watch(
    job: Job, repository: Repository, manifests: dict[str, str], scans: dict[str, Seen], fail_on: str
) -> Verdict:
    """Keeps the latest state of each manifest in ``scans``."""
    began = job.clock.monotonic()

    def poll() -> dict[str, Seen]:
        early = job.clock.monotonic() - began < pace.SCAN_BEGINS
        for platform, digest in manifests.items():
            scans[platform] = _poll(job, repository, digest, scans[platform], early=early)
        return scans

    def say(platform: str, state: InProgress) -> None:
        job.ci.line(f"{_subject(repository, platform)}: {state.message}")

    return watch(
        poll,
        lambda seen: scan_findings.judge(seen, fail_on),
        say,
        clock=job.clock,
        timeout=pace.SCAN_TIMEOUT,
        interval=lambda elapsed: 2.0 if elapsed < 30 else 5.0 if elapsed < 120 else 15.0,
    )


def _poll(job: Job, repository: Repository, digest: str, before: Seen, *, early: bool) -> Seen:
    """Polls a scan unless it is complete. Starts a scan that doesn't start on its own, as with manual scanning."""
    if scan_findings.reports({"": before}):
        return before
    pages = ecr.scan(job.aws, repository, digest)
    if pages is not None or before.started or early:
        return Seen(pages, before.started, before.frequency)
    with transient_as_unreadable():
        started = _start(job, repository, digest)
        refused = started == "ValidationException"  # enhanced scanning refuses it
        return Seen(None, started, ecr.scan_frequency(job.aws, repository) if refused else "")


def _start(job: Job, repository: Repository, digest: str) -> str:
    try:
        ecr.start_scan(job.aws, repository, digest)
    except ClientError as error:
        if is_transient(error):
            raise
        return code(error)
    return "started"


def _no_result(refused: Refused) -> Verdict:
    return Verdict(Outcome.FAILED, " ".join(filter(None, [*refused.problems, refused.remedy])))


def _report(job: Job, repository: Repository, verdict: Verdict, scans: dict[str, Seen], elapsed: float) -> None:
    """Starts each line with its subject, because reports on several images run side by side."""
    reports = scan_findings.reports(scans)
    worst = [f"{each} {each.uri}".rstrip() for each in scan_findings.worst(reports)]
    for platform, found in reports.items():
        job.ci.line(f"{_subject(repository, platform)}: {found}")
    for line in worst:
        job.ci.line(f"{_subject(repository)}: {line}")
    found_on = {platform or "findings": f"{found}\nscanned at {found.at}" for platform, found in reports.items()}
    title = f"Scan of {repository.name}"
    part = summary.Part(
        title,
        verdict.outcome,
        verdict.message,
        elapsed=elapsed,
        facts=found_on,
        texts={f"{title}: the worst findings": worst} if worst else {},
    )
    job.summary.put(part)


def _subject(repository: Repository, platform: str = "") -> str:
    return f"scan of {repository.name}{f' ({platform})' if platform else ''}"
