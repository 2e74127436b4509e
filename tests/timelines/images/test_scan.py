"""build-push that waits for ECR's scan of an existing image, so that the test needs no Docker."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from ecs_cd.images import scan
from ecs_cd.model import pace
from ecs_cd.model.errors import Refused
from ecs_cd.model.references import repository
from tests.scripted_aws import Clock, Error, Params, ScriptedAws, at, denied, ecs, error, lost, moment, reset, throttled
from tests.timelines.conftest import DOCUMENT, REPOSITORY, Step

Run = Callable[..., Step]

INDEX = "application/vnd.oci.image.index.v1+json"
AMD, ARM, ATTESTATION = (f"sha256:{letter * 64}" for letter in "abc")
FINDINGS = "ecr.DescribeImageScanFindings"
NONE_YET = error("ScanNotFoundException", "Image scan does not exist")
STARTED = {"imageScanStatus": {"status": "IN_PROGRESS"}}


def child(digest: str, system: str, architecture: str) -> dict[str, Any]:
    return {"digest": digest, "platform": {"os": system, "architecture": architecture}}


@pytest.fixture(autouse=True)
def image(aws: ScriptedAws) -> None:
    """The commit's image, of two platforms with an attestation, in a repository that is scanned on push."""
    children = [child(AMD, "linux", "amd64"), child(ARM, "linux", "arm64"), child(ATTESTATION, "unknown", "unknown")]
    manifest = json.dumps({"manifests": children})

    def found(params: Params) -> Params:
        images = [
            {
                "imageId": {"imageDigest": ecs.DIGEST, **image_id},
                "imageManifest": manifest,
                "imageManifestMediaType": INDEX,
            }
            for image_id in params["imageIds"]
        ]
        return {"images": images, "failures": []}

    aws.on("ecr.BatchGetImage", found)
    aws.on("ecr.DescribeRepositories", {"repositories": [{}]})
    aws.on("ecr.StartImageScan", error("LimitExceededException"))


def one_platform(aws: ScriptedAws) -> None:
    def found(params: Params) -> Params:
        images = [
            {"imageId": {"imageDigest": ecs.DIGEST, **image_id}, "imageManifest": "{}"}
            for image_id in params["imageIds"]
        ]
        return {"images": images, "failures": []}

    aws.on("ecr.BatchGetImage", found)


def scanned(status: str = "COMPLETE", *, done: bool = True, token: str = "", **findings: Any) -> Params:
    completed = {"imageScanCompletedAt": moment(9)} if done else {}
    answer = {"imageScanStatus": {"status": status}, "imageScanFindings": {**completed, **findings}}
    return {**answer, **({"nextToken": token} if token else {})}


def finding(severity: str, name: str) -> Params:
    attributes = [{"key": "package_name", "value": "openssl"}, {"key": "package_version", "value": "3.0"}]
    return {"severity": severity, "name": name, "uri": f"https://cve.example/{name}", "attributes": attributes}


def asked(aws: ScriptedAws) -> list[str]:
    return [call.params["imageId"]["imageDigest"] for call in aws.calls if call.operation == FINDINGS]


def test_without_being_asked_nothing_is_waited_for(aws: ScriptedAws, step: Run) -> None:
    """A scan costs calls and time."""
    assert step("build-push").exit_code == 0
    assert asked(aws) == []


def test_the_images_of_an_index_are_waited_for(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """Each platform's image, without the attestation; the log has the findings, and no severity is forbidden."""
    aws.on(FINDINGS, NONE_YET)
    aws.on(FINDINGS, at(0, NONE_YET), at(5, scanned("PENDING", done=False)), at(9, scanned(findingSeverityCounts={})),
           where={"imageId": {"imageDigest": AMD}})  # fmt: skip
    aws.on(FINDINGS, at(0, scanned("ACTIVE", done=False)), at(13, scanned("ACTIVE", findings=[finding("HIGH", "CVE-1")])),
           where={"imageId": {"imageDigest": ARM}})  # fmt: skip
    ended = step("build-push", scan="wait", tags="")
    assert ended.exit_code == 0, ended.log
    assert set(asked(aws)) == {AMD, ARM}
    assert 13 <= clock.monotonic() < 20
    lines = [line for line in ended.log.splitlines() if line.startswith("scan of")]
    assert lines == [
        "scan of my-app (linux/amd64): ECR has not started a scan",
        "scan of my-app (linux/arm64): ECR reports ACTIVE for the scan, but has no result yet",
        "scan of my-app (linux/amd64): the scan is pending",
        "scan of my-app (linux/amd64): no findings",
        "scan of my-app (linux/arm64): 1 high",
        "scan of my-app: high: CVE-1 in openssl 3.0 https://cve.example/CVE-1",
    ]
    assert ended.summary.startswith("### ✅ Build and push: succeeded")
    assert "| Scan of my-app | ✅\xa0succeeded | 14 s | " in ended.summary
    assert "linux/arm64: 1 high<br>scanned at 2026-01-01 00:00:09+00:00" in ended.summary
    assert "high: CVE-1 in openssl 3.0 https://cve.example/CVE-1" in ended.summary
    assert ended.outputs["digest"] == ecs.DIGEST


@pytest.mark.parametrize(("fail_on", "exit_code"), [("high", 1), ("critical", 0)])
def test_findings_fail_the_step_from_a_severity_on(aws: ScriptedAws, step: Run, fail_on: str, exit_code: int) -> None:
    """`fail-on` waits by itself; what is in ECR is in the outputs all the same."""
    aws.on(FINDINGS, scanned(findingSeverityCounts={"HIGH": 1, "LOW": 3}, findings=[finding("HIGH", "CVE-1")]))
    ended = step("build-push", fail_on=fail_on)
    assert ended.exit_code == exit_code, ended.log
    assert "scan of my-app (linux/amd64): 1 high, 3 low" in ended.log
    assert ended.outputs["digest"] == ecs.DIGEST
    words = (
        f"scan of {REPOSITORY}@{ecs.DIGEST}: linux/amd64: 1 high, 3 low; linux/arm64: 1 high, 3 low; `fail-on` is high"
    )
    assert (words in ended.log) is bool(exit_code)
    result = "❌\xa0failed" if exit_code else "✅\xa0succeeded"
    assert f"| Scan of my-app | {result} | " in ended.summary
    assert ended.summary.startswith("### ❌ Build and push: failed") is bool(exit_code)


def test_all_pages_of_findings_are_read(aws: ScriptedAws, step: Run) -> None:
    """The worst may be on the last one; a page that is throttled is asked for again."""
    one_platform(aws)
    first = [finding("LOW", f"CVE-{number}") for number in range(3)]
    aws.on(FINDINGS, scanned(findings=first, token="2"))
    aws.on(FINDINGS, throttled(), scanned(findings=[finding("CRITICAL", "CVE-X")]), where={"nextToken": "2"})
    ended = step("build-push", fail_on="critical")
    assert ended.exit_code == 1
    assert "scan of my-app: 1 critical, 3 low" in ended.log
    assert "the worst: CVE-X (openssl 3.0), CVE-0 (openssl 3.0)" in ended.log


@pytest.mark.parametrize(
    "status", ["UNSUPPORTED_IMAGE", "SCAN_ELIGIBILITY_EXPIRED", "FAILED", "IMAGE_ARCHIVED", "IMAGE_SIZE_EXCEEDED"]
)
def test_no_result_is_red(aws: ScriptedAws, step: Run, clock: Clock, status: str) -> None:
    """At once if no result will come, even if no severity is forbidden."""
    one_platform(aws)
    aws.on(FINDINGS, scanned(status, done=False))
    ended = step("build-push", scan="wait")
    assert ended.exit_code == 1
    assert f"no scan result for {REPOSITORY}@{ecs.DIGEST}: " in ended.log
    assert clock.monotonic() < 1


def test_a_result_that_does_not_come_is_red(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """After the scan's timeout, with the last known status."""
    one_platform(aws)
    aws.on(FINDINGS, scanned("ACTIVE", done=False))
    ended = step("build-push", fail_on="critical")
    assert ended.exit_code == 7
    assert clock.monotonic() == pace.SCAN_TIMEOUT
    assert (
        f"timed out: no scan result for {REPOSITORY}@{ecs.DIGEST}: no verdict after 15 min; "
        "last seen: ECR reports ACTIVE for the scan, but has no result yet"
    ) in ended.log
    assert ended.outputs["digest"] == ecs.DIGEST


def test_a_scan_that_nothing_starts_is_started(aws: ScriptedAws, step: Run) -> None:
    """For example if basic scanning is manual, or was when the image was pushed; once, and only after a while."""
    one_platform(aws)
    aws.on("ecr.StartImageScan", STARTED)
    aws.on(FINDINGS, NONE_YET)
    aws.on(FINDINGS, at(0, NONE_YET), at(6, scanned("IN_PROGRESS", done=False)), at(12, scanned()),
           after="ecr.StartImageScan")  # fmt: skip
    ended = step("build-push", scan="wait")
    assert ended.exit_code == 0, ended.log
    (started,) = (call for call in aws.calls if call.operation == "ecr.StartImageScan")
    assert started.time >= 20
    assert started.params == {
        "registryId": "123456789012",
        "repositoryName": "my-app",
        "imageId": {"imageDigest": ecs.DIGEST},
    }
    assert "scan of my-app: ecs-cd started a scan" in ended.log


@pytest.mark.parametrize(
    ("fault", "then"), [(throttled(), STARTED), (reset(), STARTED), (lost({}), error("LimitExceededException"))]
)
def test_a_start_without_an_answer_is_repeated(aws: ScriptedAws, step: Run, fault: Any, then: Any) -> None:
    """ECR itself starts no second scan."""
    one_platform(aws)
    aws.on("ecr.StartImageScan", fault, then)
    aws.on(FINDINGS, NONE_YET)
    aws.on(FINDINGS, at(0, NONE_YET), at(6, scanned()), after="ecr.StartImageScan")
    ended = step("build-push", scan="wait")
    assert ended.exit_code == 0, ended.log
    assert aws.count("ecr.StartImageScan") == 2


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        (error("LimitExceededException"), "StartImageScan fails (LimitExceededException)"),
        (denied("ecr:StartImageScan"), "StartImageScan fails (AccessDeniedException)"),
    ],
)
def test_a_scan_that_we_may_not_start_may_come_all_the_same(
    aws: ScriptedAws, step: Run, refusal: Error, words: str
) -> None:
    """A scan on push may be late."""
    one_platform(aws)
    aws.on("ecr.StartImageScan", refusal)
    aws.on(FINDINGS, at(0, NONE_YET), at(60, scanned()))
    ended = step("build-push", scan="wait")
    assert ended.exit_code == 0, ended.log
    assert words in ended.log
    assert aws.count("ecr.StartImageScan") == 1


@pytest.mark.parametrize(
    ("frequency", "account", "exit_code"),
    [
        ("MANUAL", "123456789012", 1),
        ("SCAN_ON_PUSH", "123456789012", 0),
        ("CONTINUOUS_SCAN", "123456789012", 0),
        ("MANUAL", "210987654321", 0),
    ],
)
def test_enhanced_scanning_may_leave_the_repository_out(
    aws: ScriptedAws, step: Run, frequency: str, account: str, exit_code: int
) -> None:
    """Then no scan will come. That of our account's repository of the same name says nothing of another account's."""
    one_platform(aws)
    arn = f"arn:aws:ecr:ap-northeast-1:{account}:repository/my-app"
    aws.on("ecr.StartImageScan", error("ValidationException", "This feature is disabled"))
    aws.on(
        "ecr.BatchGetRepositoryScanningConfiguration",
        {"scanningConfigurations": [{"repositoryArn": arn, "repositoryName": "my-app", "scanFrequency": frequency}]},
    )
    aws.on(FINDINGS, at(0, NONE_YET), at(90, scanned("ACTIVE")))
    ended = step("build-push", scan="wait")
    assert ended.exit_code == exit_code, ended.log
    assert ("Add a rule that covers it to the registry's enhanced scanning." in ended.log) is bool(exit_code)


@pytest.mark.parametrize("fault", [denied("ecr:DescribeImageScanFindings"), error("ImageNotFoundException")])
def test_a_scan_that_can_not_be_read_is_red(aws: ScriptedAws, step: Run, fault: Error) -> None:
    """The image is in ECR, so the step was not refused, and it has outputs."""
    aws.on(FINDINGS, fault)
    ended = step("build-push", scan="wait")
    assert ended.exit_code == 1
    assert (
        f"no scan result for {REPOSITORY}@{ecs.DIGEST}: AWS answered DescribeImageScanFindings with {fault.code}"
        in ended.log
    )
    assert ended.outputs["digest"] == ecs.DIGEST


def test_looks_that_fail_for_a_while_decide_nothing(aws: ScriptedAws, step: Run) -> None:
    """AWS may be throttling."""
    one_platform(aws)
    aws.on(FINDINGS, throttled(), reset(), scanned())
    ended = step("build-push", scan="wait")
    assert ended.exit_code == 0, ended.log
    assert "scan of my-app: AWS can't be read at the moment" in ended.log


def test_what_a_finding_says_commands_nothing(aws: ScriptedAws, step: Run) -> None:
    """A CVE's text is of others: it is neither a workflow command nor Markdown."""
    one_platform(aws)
    bad = {"severity": "HIGH", "name": "CVE\n::set-output name=x::y\r##[error]z", "uri": "```\n# x"}
    aws.on(FINDINGS, scanned(findings=[bad]))
    ended = step("build-push", fail_on="high")
    assert ended.exit_code == 1
    lines = [line for line in ended.log.splitlines() if not line.startswith("::error")]
    assert "scan of my-app: high: CVE ::set-output name=x::y ## [error]z ``` # x" in lines
    assert "````text\nhigh: CVE ::set-output name=x::y ##[error]z ``` # x\n````" in ended.summary


def test_several_images_are_told_by_their_names(aws: ScriptedAws, step: Run) -> None:
    """One that is clean does not save the others."""
    host = REPOSITORY.partition("/")[0]
    images = {name: {"repository": f"{host}/{name}"} for name in ("app", "nginx")}
    document = {**DOCUMENT, "images": images}
    aws.on("ssm.GetParameter", {"Parameter": {"Value": json.dumps(document), "Version": 3}})
    one_platform(aws)
    aws.on(FINDINGS, scanned(findingSeverityCounts={"HIGH": 1}))
    aws.on(FINDINGS, scanned(), where={"repositoryName": "app"})
    ended = step("build-push", fail_on="high")
    assert ended.exit_code == 1
    assert f"failed: scan of {host}/nginx@{ecs.DIGEST}: 1 high; `fail-on` is high" in ended.log
    assert "scan of app: no findings" in ended.log


def test_ecr_public_scans_nothing() -> None:
    """Known before anything is built."""
    scan.check(repository(f"{REPOSITORY}"))
    scan.check(repository("localhost:4566/my-app"))
    with pytest.raises(Refused, match=r"public\.ecr\.aws/x/my-app is in ECR public, which doesn't scan images"):
        scan.check(repository("public.ecr.aws/x/my-app"))
