"""What ECR's scans mean."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any

import botocore.session
import pytest

from ecs_cd.images.rules import scan_findings
from ecs_cd.images.rules.scan_findings import Report, Seen, Vulnerability
from ecs_cd.model.verdict import InProgress, Outcome, Verdict

AT = datetime(2026, 1, 1, tzinfo=timezone.utc)
DIGEST = "sha256:" + "a" * 64
AMD, ARM = "sha256:" + "b" * 64, "sha256:" + "c" * 64
ATTESTATION = {
    "digest": "sha256:" + "d" * 64,
    "annotations": {"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": AMD},
    "platform": {"os": "unknown", "architecture": "unknown"},
}


def image(digest: str, architecture: str, **more: str) -> dict[str, Any]:
    return {"digest": digest, "platform": {"os": "linux", "architecture": architecture, **more}}


def page(status: str = "COMPLETE", *, done: bool = True, **findings: Any) -> dict[str, Any]:
    completed = {"imageScanCompletedAt": AT} if done else {}
    return {"imageScanStatus": {"status": status}, "imageScanFindings": {**completed, **findings}}


def basic(severity: str, name: str = "CVE-1", package: str = "zlib", version: str = "1.2") -> dict[str, Any]:
    attributes = [{"key": "package_name", "value": package}, {"key": "package_version", "value": version}]
    return {"severity": severity, "name": name, "uri": f"https://cve.example/{name}", "attributes": attributes}


def enhanced(severity: str, name: str = "CVE-1", status: str = "ACTIVE", fixed: str = "1.3") -> dict[str, Any]:
    package = {"name": "zlib", "version": "1.2", "fixedInVersion": fixed}
    details = {"vulnerabilityId": name, "vulnerablePackages": [package], "sourceUrl": f"https://cve.example/{name}"}
    return {"severity": severity, "status": status, "packageVulnerabilityDetails": details}


def values(enum: str) -> set[str]:
    """Those that botocore's model has."""
    shape: Any = botocore.session.get_session().get_service_model("ecr").shape_for(enum)
    return set(shape.enum)


@pytest.mark.parametrize(
    ("manifest", "expected"),
    [
        ({"layers": []}, {"": DIGEST}),
        ({}, {"": DIGEST}),
        ({"manifests": [image(AMD, "amd64")]}, {"linux/amd64": AMD}),
        ({"manifests": [image(AMD, "amd64"), ATTESTATION]}, {"linux/amd64": AMD}),
        ({"manifests": [image(AMD, "amd64"), image(ARM, "arm", variant="v7")]}, {"linux/amd64": AMD, "linux/arm/v7": ARM}),
        ({"manifests": [image(AMD, "amd64"), image(ARM, "amd64")]}, {"linux/amd64": AMD, f"linux/amd64 {ARM}": ARM}),
        ({"manifests": [{"digest": AMD}]}, {AMD: AMD}),
        ({"manifests": [{"digest": AMD, "platform": None, "annotations": None}]}, {AMD: AMD}),
        ({"manifests": [{**ATTESTATION, "annotations": {}}]}, {}),
        ({"manifests": [{**ATTESTATION, "platform": {}}]}, {}),
        ({"manifests": []}, {}),
    ],
)  # fmt: skip
def test_of_an_index_its_images_are_scanned(manifest: dict[str, Any], expected: dict[str, str]) -> None:
    """Not the index itself, and not what attests them."""
    assert scan_findings.manifests(json.dumps(manifest), DIGEST) == expected


# status, the outcome where there is a result with nothing in it; None while there may be one
STATUSES = [
    ("COMPLETE", Outcome.SUCCEEDED, "no findings"),
    ("ACTIVE", Outcome.SUCCEEDED, "no findings"),
    ("PENDING", None, "pending"),
    ("IN_PROGRESS", None, "in progress"),
    ("FAILED", Outcome.FAILED, "the scan failed (why)"),
    ("UNSUPPORTED_IMAGE", Outcome.FAILED, "can't scan an image of this kind (why). Scan it with another tool"),
    ("SCAN_ELIGIBILITY_EXPIRED", Outcome.FAILED, "too long ago for enhanced scanning (why). Build it again"),
    ("FINDINGS_UNAVAILABLE", Outcome.FAILED, "not available"),
    ("LIMIT_EXCEEDED", Outcome.FAILED, "quota"),
    ("IMAGE_ARCHIVED", Outcome.FAILED, "archived"),
    ("IMAGE_SIZE_EXCEEDED", Outcome.FAILED, "larger than ECR scans (why). Scan it with another tool"),
]


@pytest.mark.parametrize(("status", "outcome", "words"), STATUSES, ids=[status for status, *_ in STATUSES])
def test_a_status_is_a_result_or_none_yet_or_none_ever(status: str, outcome: Outcome | None, words: str) -> None:
    """A scan without a result never succeeds; the message has ECR's words."""
    answer = page(status, done=True)
    answer["imageScanStatus"]["description"] = "why"
    judged = scan_findings.judge({"": Seen([answer])}, "")
    if isinstance(judged, Verdict):
        assert judged.outcome is outcome
        assert words in judged.message
    else:
        assert outcome is None
        assert words in judged[""].message


def test_every_status_of_ecr_has_a_row() -> None:
    """ecs-cd would wait for an unknown status until the timeout."""
    assert {status for status, *_ in STATUSES} == values("ScanStatus")
    assert scan_findings.judge({"": Seen([page("NEW")])}, "") == {"": InProgress("ECR reports NEW for the scan")}
    assert scan_findings.judge({"": Seen([{}])}, "") == {"": InProgress("ECR reports no status for the scan")}


def test_every_severity_of_ecr_has_a_rank() -> None:
    """Except UNDEFINED."""
    assert {*scan_findings.SEVERITIES, "UNDEFINED"} == values("FindingSeverity")


@pytest.mark.parametrize("status", ["COMPLETE", "ACTIVE"])
@pytest.mark.parametrize("findings", [{}, {"findings": []}, {"findingSeverityCounts": {}}])
def test_no_findings_yet_is_not_no_findings(status: str, findings: dict[str, Any]) -> None:
    """The status comes before the result: without a time of completion it is waited for."""
    judged = scan_findings.judge({"": Seen([page(status, done=False, **findings)])}, "high")
    assert judged == {"": InProgress(f"ECR reports {status} for the scan, but has no result yet")}
    done = scan_findings.judge({"": Seen([page(status, **findings)])}, "high")
    assert done == Verdict(Outcome.SUCCEEDED, "no findings")


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        (Seen(), "ECR has not started a scan"),
        (Seen(None, "started"), "ecs-cd started a scan"),
        (
            Seen(None, "LimitExceededException"),
            "ECR has not started a scan, and StartImageScan fails (LimitEx",
        ),
        (Seen(None, "AccessDeniedException"), "(AccessDeniedException)"),
        (Seen(None, "ValidationException", "SCAN_ON_PUSH"), "(ValidationException)"),
        (Seen(None, "ValidationException", "CONTINUOUS_SCAN"), "(ValidationException)"),
        (Seen(None, "ValidationException"), "(ValidationException)"),
    ],
)
def test_a_scan_that_has_not_begun_is_waited_for(seen: Seen, words: str) -> None:
    """As long as one may come; the words say what was tried."""
    judged = scan_findings.judge({"": seen}, "")
    assert not isinstance(judged, Verdict)
    assert words in judged[""].message


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        (Seen(None, "UnsupportedImageTypeException"), "can't scan an image of this kind"),
        (Seen(None, "ImageArchivedException"), "is archived"),
        (Seen(None, "ValidationException", "MANUAL"), "Add a rule that covers it to the registry's enhanced scanning."),
    ],
)
def test_a_scan_that_will_never_begin_is_red_at_once(seen: Seen, words: str) -> None:
    """With the remedy, and without waiting for the others."""
    judged = scan_findings.judge({"linux/amd64": seen, "linux/arm64": Seen()}, "")
    assert isinstance(judged, Verdict)
    assert judged.outcome is Outcome.FAILED
    assert judged.message.startswith("linux/amd64: ")
    assert words in judged.message


def test_an_image_with_nothing_to_scan_is_red() -> None:
    """As an index of attestations alone."""
    judged = scan_findings.judge({}, "")
    assert isinstance(judged, Verdict)
    assert judged.outcome is Outcome.FAILED


@pytest.mark.parametrize(
    ("pages", "counts"),
    [
        ([page(findingSeverityCounts={"LOW": 2, "CRITICAL": 1})], {"CRITICAL": 1, "LOW": 2}),
        ([page(findingSeverityCounts={"HIGH": 0})], {}),
        ([page(findings=[basic("HIGH"), basic("LOW"), basic("HIGH", "CVE-2")])], {"HIGH": 2, "LOW": 1}),
        ([page(findingSeverityCounts={"HIGH": 1}, findings=[basic("HIGH")])], {"HIGH": 1}),
        # counts of the page, and counts of the whole on every page
        (
            [
                page(findingSeverityCounts={"HIGH": 1}, enhancedFindings=[enhanced("HIGH")]),
                page(findingSeverityCounts={"HIGH": 1}, enhancedFindings=[enhanced("HIGH", "CVE-2")]),
            ],
            {"HIGH": 2},
        ),
        (
            [
                page(findingSeverityCounts={"HIGH": 2}, findings=[basic("HIGH")]),
                page(findingSeverityCounts={"HIGH": 2}, findings=[basic("HIGH", "CVE-2")]),
            ],
            {"HIGH": 2},
        ),
        # suppressed ones, counted or not
        ([page(findingSeverityCounts={"HIGH": 1}, enhancedFindings=[enhanced("HIGH", status="SUPPRESSED")])], {}),
        (
            [page(findingSeverityCounts={"HIGH": 1}, enhancedFindings=[enhanced("HIGH", status="SUPPRESSED"), enhanced("HIGH")])],
            {"HIGH": 1},
        ),
        (
            [page(findingSeverityCounts={"HIGH": 2}, enhancedFindings=[enhanced("HIGH", status="SUPPRESSED"), enhanced("HIGH")])],
            {"HIGH": 1},
        ),
        ([page(enhancedFindings=[enhanced("UNTRIAGED"), {}])], {"UNDEFINED": 1, "UNTRIAGED": 1}),
    ],
)  # fmt: skip
def test_findings_are_counted_by_severity(pages: list[dict[str, Any]], counts: dict[str, int]) -> None:
    """As ECR counts them, never fewer than it lists, without those that people suppressed; the worst first."""
    found = scan_findings.read(pages)
    assert list(found.counts.items()) == list(counts.items())
    assert found.at == "2026-01-01 00:00:00+00:00"


@pytest.mark.parametrize(
    ("fail_on", "severity", "red"),
    [
        ("critical", "CRITICAL", True),
        ("critical", "HIGH", False),
        ("high", "CRITICAL", True),
        ("high", "HIGH", True),
        ("high", "MEDIUM", False),
        ("medium", "MEDIUM", True),
        ("medium", "LOW", False),
        ("low", "LOW", True),
        ("low", "INFORMATIONAL", False),
        ("low", "UNDEFINED", False),
        ("low", "UNTRIAGED", False),
        ("", "CRITICAL", False),
    ],
)
def test_a_finding_forbids_the_image_from_a_severity_on(fail_on: str, severity: str, red: bool) -> None:
    """On any platform; without `fail-on` none does."""
    clean, bad = Seen([page()]), Seen([page("ACTIVE", findingSeverityCounts={severity: 2})])
    judged = scan_findings.judge({"linux/amd64": clean, "linux/arm64": bad}, fail_on)
    assert isinstance(judged, Verdict)
    assert judged.outcome is (Outcome.FAILED if red else Outcome.SUCCEEDED)
    assert f"linux/amd64: no findings; linux/arm64: 2 {severity.lower()}" in judged.message


def test_all_platforms_are_waited_for() -> None:
    """One clean image says nothing of the others."""
    judged = scan_findings.judge({"linux/amd64": Seen([page()]), "linux/arm64": Seen([page("PENDING")])}, "high")
    assert judged == {"linux/arm64": InProgress("the scan is pending")}


def test_the_worst_findings_are_named() -> None:
    """Each once, though it is in the images of several platforms; a few of them."""
    many = [basic("LOW", f"CVE-{number}") for number in range(9)]
    pages = [page(findings=[*many, basic("CRITICAL", "CVE-X", "openssl", "3.0")])]
    found = scan_findings.read(pages)
    worst = scan_findings.worst({"linux/amd64": found, "linux/arm64": found})
    assert len(worst) == scan_findings.WORST
    assert worst[0] == Vulnerability("CRITICAL", "CVE-X", "openssl 3.0", uri="https://cve.example/CVE-X")
    assert len(set(worst)) == scan_findings.WORST
    judged = scan_findings.judge({"": Seen(pages)}, "critical")
    assert isinstance(judged, Verdict)
    assert judged.message.startswith(
        "1 critical, 9 low; `fail-on` is critical; the worst: CVE-X (openssl 3.0), CVE-0 ("
    )


@pytest.mark.parametrize(
    ("finding", "words"),
    [
        (enhanced("HIGH"), "high: CVE-1 in zlib 1.2, fixed in 1.3"),
        (enhanced("HIGH", fixed="NotAvailable"), "high: CVE-1 in zlib 1.2"),
        ({"severity": "LOW", "title": "a title"}, "low: a title"),
    ],
)
def test_a_finding_in_words(finding: dict[str, Any], words: str) -> None:
    """With the version that fixes it, if there is one."""
    (found,) = scan_findings.read([page(enhancedFindings=[finding])]).vulnerabilities
    assert str(found) == words


def test_a_basic_finding_without_a_package() -> None:
    """ECR promises none."""
    found: Report = scan_findings.read(
        [page(findings=[{"severity": "LOW", "name": "CVE-1", "attributes": [{"key": "package_name"}]}])]
    )
    assert [str(vulnerability) for vulnerability in found.vulnerabilities] == ["low: CVE-1"]
