"""ECR's scan of an image: what ECR scans, the progress of the scan, and the verdict on its findings."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ecs_cd.model.verdict import InProgress, Outcome, Verdict

SEVERITIES = ("CRITICAL", "HIGH", "MEDIUM", "LOW", "INFORMATIONAL")  # others, such as UNDEFINED, rank below these
WORST = 5  # findings listed one by one

Page = Mapping[str, Any]


@dataclass(frozen=True)
class Seen:
    """What ECR reports about one manifest: the pages of DescribeImageScanFindings, ``None`` if ECR knows no scan.

    ``started`` is the result of StartImageScan: "started", the error's code, or empty if it was not called;
    ``frequency`` is the repository's scan frequency, empty if it was not requested.
    """

    pages: Sequence[Page] | None = None
    started: str = ""
    frequency: str = ""


@dataclass(frozen=True)
class Vulnerability:
    severity: str
    name: str
    package: str = ""
    fixed: str = ""
    uri: str = ""

    def __str__(self) -> str:
        package = f" in {self.package}" if self.package else ""
        fixed = f", fixed in {self.fixed}" if self.fixed else ""
        return f"{self.severity.lower()}: {self.name}{package}{fixed}"


@dataclass(frozen=True)
class Report:
    """The findings of a completed scan: the number of each severity, worst first, and all findings."""

    counts: Mapping[str, int]
    vulnerabilities: Sequence[Vulnerability]
    at: str

    def __str__(self) -> str:
        return ", ".join(f"{number} {severity.lower()}" for severity, number in self.counts.items()) or "no findings"


class _NoResult(NamedTuple):
    """The scan has no result and never will."""

    cause: str
    next_step: str

    def words(self, description: str = "") -> str:
        return f"{self.cause}{f' ({description})' if description else ''}. {self.next_step}"


_OTHER_KIND = "Scan it with another tool, or leave out `scan` and `fail-on`."

# Every status in https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageScanStatus.html, and their
# causes: https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-troubleshooting.html
_WAITING = {"PENDING": "the scan is pending", "IN_PROGRESS": "the scan is in progress"}
_DONE = ("COMPLETE", "ACTIVE")  # ACTIVE: enhanced scanning keeps rescanning the image
_NEVER = {
    "FAILED": _NoResult("the scan failed", "Run the job again; the image's page in ECR's console may show why."),
    "UNSUPPORTED_IMAGE": _NoResult("ECR can't scan an image of this kind", _OTHER_KIND),
    "SCAN_ELIGIBILITY_EXPIRED": _NoResult(
        "the image was pushed too long ago for enhanced scanning",
        "Build it again with `reuse: never`, or extend the re-scan duration of Amazon Inspector.",
    ),
    "FINDINGS_UNAVAILABLE": _NoResult(
        "the findings are not available",
        "Build it again with `reuse: never`; the existing scan may be of another type.",
    ),
    "LIMIT_EXCEEDED": _NoResult("a scan quota is used up", "Run the job again later, or request a higher quota."),
    "IMAGE_SIZE_EXCEEDED": _NoResult("the image is larger than ECR scans", _OTHER_KIND),
    "IMAGE_ARCHIVED": _NoResult("the image is archived", "Restore it in ECR, or build it again with `reuse: never`."),
}
# The errors of StartImageScan that rule out a result. Any other error says little: a scan may be under way, and
# enhanced scanning can't be started by hand.
_NEVER_STARTED = {
    "UnsupportedImageTypeException": _NEVER["UNSUPPORTED_IMAGE"],
    "ImageArchivedException": _NEVER["IMAGE_ARCHIVED"],
}
_NOT_COVERED = _NoResult(
    "ECR doesn't scan images of this repository",
    "Add a rule that covers it to the registry's enhanced scanning.",
)


# ---- what ECR scans ----


def manifests(manifest: str, digest: str) -> dict[str, str]:
    """The digests that ECR scans, by platform: the images of an index, else the image itself with an empty platform.

    ECR doesn't scan the index itself, and attestations contain no packages:
    https://docs.docker.com/build/metadata/attestations/attestation-storage/
    """
    children = json.loads(manifest).get("manifests")
    if children is None:
        return {"": digest}
    found: dict[str, str] = {}
    for child in children:
        platform = _platform(child)
        if platform != "unknown/unknown" and "vnd.docker.reference.type" not in (child.get("annotations") or {}):
            found[f"{platform} {child['digest']}" if platform in found else platform] = child["digest"]
    return found


def _platform(child: Mapping[str, Any]) -> str:
    platform = child.get("platform") or {}
    words = (platform.get("os"), platform.get("architecture"), platform.get("variant"))
    return "/".join(filter(None, words)) or str(child["digest"])


# ---- progress ----


def judge(scans: Mapping[str, Seen], fail_on: str) -> Verdict | Mapping[str, InProgress]:
    """The verdict on an image from the scans of its manifests; or the scans still in progress, by platform.

    ``fail_on`` is the lowest severity that fails the image; empty if no finding does.
    """
    if not scans:
        return Verdict(Outcome.FAILED, f"it contains nothing that ECR scans. {_OTHER_KIND}")
    states = {platform: _state(seen) for platform, seen in scans.items()}
    never = {platform: state for platform, state in states.items() if isinstance(state, str)}
    if never:
        return Verdict(Outcome.FAILED, "; ".join(f"{_prefix(platform)}{state}" for platform, state in never.items()))
    waiting = {platform: state for platform, state in states.items() if isinstance(state, InProgress)}
    if waiting:
        return waiting
    return _verdict({platform: state for platform, state in states.items() if isinstance(state, Report)}, fail_on)


def reports(scans: Mapping[str, Seen]) -> dict[str, Report]:
    """The available results, by platform."""
    states = {platform: _state(seen) for platform, seen in scans.items()}
    return {platform: state for platform, state in states.items() if isinstance(state, Report)}


def _state(seen: Seen) -> Report | InProgress | str:
    """The result, the progress, or why there will never be a result."""
    if not seen.pages:
        return _not_begun(seen)
    status = seen.pages[0].get("imageScanStatus", {})
    word, description = str(status.get("status", "")), str(status.get("description", ""))
    if word in _NEVER:
        return _NEVER[word].words(description)
    if word not in _DONE:
        return InProgress(_WAITING.get(word, f"ECR reports {word or 'no status'} for the scan"))
    # The status comes before the result: https://github.com/aws/aws-sdk/issues/289
    if not any(_findings(page).get("imageScanCompletedAt") for page in seen.pages):
        return InProgress(f"ECR reports {word} for the scan, but has no result yet")
    return read(seen.pages)


def _not_begun(seen: Seen) -> InProgress | str:
    if seen.started in _NEVER_STARTED:
        return _NEVER_STARTED[seen.started].words()
    if seen.started == "ValidationException" and seen.frequency == "MANUAL":
        return _NOT_COVERED.words()
    if seen.started in ("", "started"):
        return InProgress("ecs-cd started a scan" if seen.started else "ECR has not started a scan")
    return InProgress(f"ECR has not started a scan, and StartImageScan fails ({seen.started})")


# ---- findings ----


def read(pages: Sequence[Page]) -> Report:
    """The findings of a scan, without those suppressed in Amazon Inspector.

    Every page has counts, of the image or of the page, which may include suppressed findings. So this subtracts the
    suppressed findings, and never counts fewer than the listed ones.
    """
    vulnerabilities, suppressed = [], Counter[str]()
    reported: dict[str, int] = {}
    for page in pages:
        for severity, number in (_findings(page).get("findingSeverityCounts") or {}).items():
            reported[severity] = max(reported.get(severity, 0), number)
        vulnerabilities += [_basic(finding) for finding in _findings(page).get("findings") or ()]
        for finding in _findings(page).get("enhancedFindings") or ():
            if finding.get("status", "ACTIVE") == "ACTIVE":
                vulnerabilities.append(_enhanced(finding))
            else:
                suppressed[_severity(finding)] += 1
    listed = Counter(each.severity for each in vulnerabilities)
    counts = {name: max(listed[name], reported.get(name, 0) - suppressed[name]) for name in {*reported, *listed}}
    return Report(
        {name: counts[name] for name in sorted(counts, key=_rank) if counts[name]},
        vulnerabilities,
        next((str(at) for page in pages if (at := _findings(page).get("imageScanCompletedAt"))), ""),
    )


def worst(reports: Mapping[str, Report]) -> list[Vulnerability]:
    """The worst few findings, each once: images of several platforms contain the same packages."""
    found = dict.fromkeys(each for report in reports.values() for each in report.vulnerabilities)
    return sorted(found, key=lambda vulnerability: _rank(vulnerability.severity))[:WORST]


def _verdict(reports: Mapping[str, Report], fail_on: str) -> Verdict:
    words = "; ".join(f"{_prefix(platform)}{report}" for platform, report in reports.items())
    reached = SEVERITIES[: SEVERITIES.index(fail_on.upper()) + 1] if fail_on else ()
    if not any(severity in reached for report in reports.values() for severity in report.counts):
        return Verdict(Outcome.SUCCEEDED, words)
    named = ", ".join(f"{each.name} ({each.package})" if each.package else each.name for each in worst(reports))
    return Verdict(Outcome.FAILED, f"{words}; `fail-on` is {fail_on}{f'; the worst: {named}' if named else ''}")


def _basic(finding: Mapping[str, Any]) -> Vulnerability:
    attributes = {each["key"]: each.get("value", "") for each in finding.get("attributes") or ()}
    return Vulnerability(
        _severity(finding),
        _line(finding.get("name")),
        _line(attributes.get("package_name"), attributes.get("package_version")),
        uri=_line(finding.get("uri")),
    )


def _enhanced(finding: Mapping[str, Any]) -> Vulnerability:
    details = finding.get("packageVulnerabilityDetails") or {}
    package: Mapping[str, Any] = next(iter(details.get("vulnerablePackages") or ()), {})
    fixed = _line(package.get("fixedInVersion"))
    return Vulnerability(
        _severity(finding),
        _line(details.get("vulnerabilityId") or finding.get("title")),
        _line(package.get("name"), package.get("version")),
        "" if fixed == "NotAvailable" else fixed,
        _line(details.get("sourceUrl")),
    )


def _findings(page: Page) -> Mapping[str, Any]:
    return page.get("imageScanFindings") or {}


def _line(*words: str | None) -> str:
    """The words that are not empty, on one line."""
    return " ".join(" ".join(filter(None, words)).split())


def _severity(finding: Mapping[str, Any]) -> str:
    return _line(finding.get("severity")) or "UNDEFINED"


def _rank(severity: str) -> tuple[int, str]:
    return (SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES), severity)


def _prefix(platform: str) -> str:
    return f"{platform}: " if platform else ""
