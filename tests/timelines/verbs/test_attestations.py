"""`require-attestation`: the real gh against GitHub's API on loopback, with attestations from the tests' own authority."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fake_github import FakeGitHub, Fault, garbage, reset, status
from tests.fake_github.sigstore import Sigstore
from tests.scripted_aws import Params, ScriptedAws
from tests.timelines.conftest import DOCUMENT, REPOSITORY, Step

Run = Callable[..., Step]

MANIFEST = '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}'
DIGEST = f"sha256:{hashlib.sha256(MANIFEST.encode()).hexdigest()}"
TOKEN = "ghs_not-to-be-seen"
APP, OTHER = "org/my-app", "org/other-app"
OWN = "org/my-app/.github/workflows/cd.yml@refs/heads/main"
PIPELINE = "org/ecs-cd/.github/workflows/pipeline.yml"
CHANGES = ("ecs.RegisterTaskDefinition", "ecs.UpdateService", "ecs.RunTask", "codepipeline.StartPipelineExecution")
# gh with this authority as its trusted root, at the host whose API it asks without TLS, which a proxy stands for.
GH = """#!/bin/sh
HTTP_PROXY={proxy} exec {gh} "$@" --hostname github.localhost --custom-trusted-root {root}
"""


@pytest.fixture(scope="module")
def sigstore(tmp_path_factory: pytest.TempPathFactory) -> Sigstore:
    return Sigstore(tmp_path_factory.mktemp("sigstore"))


@pytest.fixture
def github(
    aws: ScriptedAws, step: Run, sigstore: Sigstore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[FakeGitHub]:
    """A job of org/my-app with gh on PATH; ECR has an image whose manifest has its digest."""
    aws.on("ecr.BatchGetImage", _image)
    with FakeGitHub(token=TOKEN) as github:
        _gh(monkeypatch, tmp_path, GH.format(proxy=github.url, gh=_real(), root=sigstore.trusted_root))
        monkeypatch.setenv("GITHUB_SERVER_URL", "https://github.com")
        monkeypatch.setenv("GITHUB_REPOSITORY", APP)
        yield github


def _real() -> Path:
    return Path(sys.prefix, "bin", "gh")


def _gh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str) -> None:
    place = tmp_path / "bin"
    place.mkdir(exist_ok=True)
    (place / "gh").write_text(script)
    (place / "gh").chmod(0o755)
    monkeypatch.setenv("PATH", f"{place}:/usr/bin:/bin")


def _image(params: Params) -> Params:
    image_id = {"imageDigest": DIGEST, **params["imageIds"][0]}
    return {"images": [{"imageId": image_id, "imageManifest": MANIFEST}], "failures": []}


def _deploy(step: Run, **inputs: str) -> Step:
    """Registers revisions and deploys nothing, but after all checks."""
    given = {"require_attestation": "true", "github_token": TOKEN, "register_only": "true", **inputs}
    return step("deploy", **given)


def _refused(ended: Step, aws: ScriptedAws) -> None:
    assert ended.exit_code == 2, ended.log
    assert not [call.operation for call in aws.calls if call.operation in CHANGES]
    assert TOKEN not in ended.log + ended.summary


def test_an_attested_image_is_deployed_after_one_call_to_github(
    aws: ScriptedAws, step: Run, github: FakeGitHub, sigstore: Sigstore
) -> None:
    """By digest, repository and workflow; the token reaches GitHub and nothing else."""
    github.attestations[APP, DIGEST] = [sigstore.bundle(DIGEST, APP, OWN)]
    ended = _deploy(step)
    assert ended.exit_code == 0, ended.log
    assert f"image `app`, {REPOSITORY}@{DIGEST} is signed by a workflow of {APP} for {APP}" in ended.log
    assert aws.count("ecs.RegisterTaskDefinition")
    assert len(github.asked) == 1
    assert TOKEN not in ended.log


def test_without_the_input_and_the_key_github_is_not_asked(aws: ScriptedAws, step: Run, github: FakeGitHub) -> None:
    """A deployment without the gate costs no process and no call."""
    assert _deploy(step, require_attestation="false").exit_code == 0
    assert github.asked == []


def test_several_documents_with_one_digest_cost_one_call(
    aws: ScriptedAws, step: Run, github: FakeGitHub, sigstore: Sigstore
) -> None:
    """Replicated images have one digest; without its attestation no document is deployed."""
    config = "/eu region=eu-west-1\n/us region=us-east-1"
    ended = _deploy(step, config=config)
    _refused(ended, aws)
    assert "eu-west-1: require-attestation: image `app`" in ended.log
    github.asked.clear()
    github.attestations[APP, DIGEST] = [sigstore.bundle(DIGEST, APP, OWN)]
    assert _deploy(step, config=config).exit_code == 0
    assert len(github.asked) == 1
    assert aws.count("ecs.RegisterTaskDefinition") == 2


REFUSED: dict[str, tuple[Callable[[Sigstore], list[Any]], dict[str, str], str]] = {
    "missing": (lambda s: [], {}, f"github.com has no provenance attestation of it from {APP}"),
    "of another repository": (
        lambda s: [s.bundle(DIGEST, OTHER, f"{OTHER}/.github/workflows/cd.yml@refs/heads/main")],
        {},
        f"expected SourceRepositoryURI to be https://github.com/{APP}, got https://github.com/{OTHER}",
    ),
    "of another digest": (
        lambda s: [s.bundle("sha256:" + "1" * 64, APP, OWN)],
        {},
        "none of its attestations is valid: each is",
    ),
    "another workflow than the one allowed": (
        lambda s: [s.bundle(DIGEST, APP, OWN)],
        {"require_attestation": PIPELINE},
        f"it is signed by {OWN}, and only {PIPELINE} may sign it",
    ),
    "a workflow of another repository": (
        lambda s: [s.bundle(DIGEST, APP, f"{PIPELINE}@refs/tags/v1")],
        {},
        f"it is signed by {PIPELINE}@refs/tags/v1, and only a workflow of {APP} may sign it",
    ),
    "another ref of the workflow": (
        lambda s: [s.bundle(DIGEST, APP, f"{PIPELINE}@refs/heads/mine")],
        {"require_attestation": f"{PIPELINE}@v1"},
        f"it is signed by {PIPELINE}@refs/heads/mine, and only {PIPELINE}@v1 may sign it",
    ),
    "no provenance": (
        lambda s: [s.bundle(DIGEST, APP, OWN, predicate="https://spdx.dev/Document")],
        {},
        "no attestation that gh has verified is of this digest",
    ),
    "of another authority": (
        lambda s: [Sigstore(s.folder / "theirs").bundle(DIGEST, APP, OWN)],
        {},
        "none of its attestations is valid: each is",
    ),
    "garbage": (lambda s: [{"mediaType": "::error::hello"}], {}, "gh can't verify it"),
    "no bundle": (lambda s: ["text"], {}, "gh can't verify it"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_an_image_without_a_valid_attestation_is_refused(
    case: str, aws: ScriptedAws, step: Run, github: FakeGitHub, sigstore: Sigstore
) -> None:
    """Before anything changes, with the image, what was found, and what to do."""
    attestations, inputs, expected = REFUSED[case]
    github.attestations[APP, DIGEST] = attestations(sigstore)
    ended = _deploy(step, **inputs)
    _refused(ended, aws)
    assert f"require-attestation: image `app`, {REPOSITORY}@{DIGEST}: " in ended.log
    assert expected in ended.log
    assert "docs/guides/signatures.md" in ended.log
    assert "\n::error::hello" not in ended.log


def test_one_valid_attestation_among_others_is_enough(
    aws: ScriptedAws, step: Run, github: FakeGitHub, sigstore: Sigstore
) -> None:
    """Others can add attestations to an image, and take none away."""
    forged = sigstore.bundle(DIGEST, APP, OWN)
    forged["dsseEnvelope"]["signatures"][0]["sig"] = "AAAA"
    github.attestations[APP, DIGEST] = [forged, sigstore.bundle(DIGEST, APP, OWN)]
    assert _deploy(step).exit_code == 0


FAULTS: dict[str, tuple[Fault, str, int]] = {
    "a wrong token": (status(401), "still valid?", 1),
    "no permission": (status(403), "permissions: attestations: read", 1),
    "a broken GitHub": (status(502), "run the job again when GitHub answers", 4),  # gh\'s own attempts
    "no connection": (reset(), "run the job again when GitHub answers", 3),
    "a proxy's page": (garbage(), "gh can't verify it", 1),
}


@pytest.mark.parametrize("case", FAULTS)
def test_without_an_answer_of_github_nothing_is_deployed(
    case: str, aws: ScriptedAws, step: Run, github: FakeGitHub, sigstore: Sigstore
) -> None:
    """The one gate that a failing GitHub closes; it is asked again after a transient error."""
    fault, expected, calls = FAULTS[case]
    github.attestations[APP, DIGEST] = [sigstore.bundle(DIGEST, APP, OWN)]
    github.fail(fault)
    ended = _deploy(step)
    _refused(ended, aws)
    assert expected in ended.log
    assert len(github.asked) == calls


def test_a_transient_error_is_retried(aws: ScriptedAws, step: Run, github: FakeGitHub, sigstore: Sigstore) -> None:
    """One lost connection does not stop a deployment."""
    github.attestations[APP, DIGEST] = [sigstore.bundle(DIGEST, APP, OWN)]
    github.fail(reset(), None)
    assert _deploy(step).exit_code == 0


def _document(aws: ScriptedAws, **required: Any) -> None:
    value = json.dumps({**DOCUMENT, "require-attestation": {"repository": APP, **required}})
    aws.on("ssm.GetParameter", {"Parameter": {"Value": value, "Version": 3}})


@pytest.mark.parametrize("verb", ["deploy", "migrate"])
def test_the_documents_policy_needs_no_input(verb: str, aws: ScriptedAws, step: Run, github: FakeGitHub) -> None:
    """The infra team decides, for every verb that runs the image, and no workflow can loosen it."""
    _document(aws)
    ended = step(verb, github_token=TOKEN, require_attestation="false")
    _refused(ended, aws)
    assert f"has no provenance attestation of it from {APP}" in ended.log


def test_an_image_must_meet_the_documents_policy_and_the_inputs(
    aws: ScriptedAws, step: Run, github: FakeGitHub, sigstore: Sigstore
) -> None:
    """An input only adds to what the document requires; GitHub is asked once for both."""
    _document(aws, workflows=[f"{PIPELINE}@v1"])
    github.attestations[APP, DIGEST] = [sigstore.bundle(DIGEST, APP, OWN)]
    ended = _deploy(step)
    _refused(ended, aws)
    assert f"only {PIPELINE}@v1 may sign it" in ended.log
    assert len(github.asked) == 1
    github.attestations[APP, DIGEST].append(sigstore.bundle(DIGEST, APP, f"{PIPELINE}@refs/tags/v1"))
    assert _deploy(step).exit_code == 0


def test_pipeline_refuses_a_document_that_requires_attestations(aws: ScriptedAws, step: Run) -> None:
    """Nothing signs an image between the steps of one process, so it says so before it builds."""
    _document(aws)
    ended = step("pipeline")
    _refused(ended, aws)
    assert "nothing signs the images that this verb builds" in ended.log


def test_a_manifest_of_another_digest_is_refused(aws: ScriptedAws, step: Run, github: FakeGitHub) -> None:
    """What is verified is what runs."""
    aws.on("ecr.BatchGetImage", lambda params: {"images": [{**_image(params)["images"][0], "imageManifest": "{}"}]})
    ended = _deploy(step)
    _refused(ended, aws)
    assert "does not have the digest" in ended.log
    assert github.asked == []


def test_without_a_token_nothing_is_deployed(aws: ScriptedAws, step: Run, github: FakeGitHub) -> None:
    """The message names the input."""
    ended = _deploy(step, github_token="")
    _refused(ended, aws)
    assert "Set the input github-token" in ended.log


GHS = {
    "none": (None, "there is no `gh` on PATH"),
    "too old": ('#!/bin/sh\necho \'unknown command "attestation" for "gh"\' >&2\nexit 1\n', "install `gh` 2.67"),
    "that says yes without attestations": ("#!/bin/sh\nexit 0\n", "gh's results are not JSON"),  # GO-2025-3467
    "with an empty list": ("#!/bin/sh\necho '[]'\n", "no attestation that gh has verified"),
    "with hostile words": (
        "#!/bin/sh\nprintf '::error::x\\r::set-output name=a::b' >&2\nexit 1\n",
        "gh can't verify it",
    ),
}


@pytest.mark.parametrize("case", GHS)
def test_a_gh_that_verifies_nothing_is_no_pass(
    case: str, aws: ScriptedAws, step: Run, github: FakeGitHub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Whatever its exit code, only a verified attestation of this digest opens the gate."""
    script, expected = GHS[case]
    if script is None:
        monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    else:
        _gh(monkeypatch, tmp_path, script)
    ended = _deploy(step)
    _refused(ended, aws)
    assert expected in ended.log
    assert "\r" not in ended.log and "\n::set-output" not in ended.log


def test_gh_gets_no_credentials_but_the_token(
    aws: ScriptedAws, step: Run, github: FakeGitHub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Neither AWS's, nor the job's identity, nor settings that lead gh elsewhere; the token is in no argument."""
    _gh(monkeypatch, tmp_path, f'#!/bin/sh\nenv > {tmp_path}/seen\necho "$@" > {tmp_path}/words\nexit 1\n')
    for name in ("AWS_SECRET_ACCESS_KEY", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "GH_HOST", "GH_DEBUG", "GITHUB_TOKEN"):
        monkeypatch.setenv(name, "not-for-gh")
    _refused(_deploy(step), aws)
    seen = (tmp_path / "seen").read_text()
    assert "not-for-gh" not in seen and f"GH_TOKEN={TOKEN}" in seen
    assert TOKEN not in (tmp_path / "words").read_text()


def test_without_a_document_the_input_is_refused(aws: ScriptedAws, step: Run) -> None:
    """A task definition alone does not say which images are the app's."""
    ended = step("deploy", config="", require_attestation="true", task_definition_family="web")
    _refused(ended, aws)
    assert "require-attestation: needs config" in ended.log


def test_under_act_with_a_local_aws_nothing_is_verified(
    aws: ScriptedAws, step: Run, github: FakeGitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`ecs-cd local` has no attestations; against AWS itself, the variable of act changes nothing."""
    monkeypatch.setenv("ACT", "true")
    ended = _deploy(step)
    assert ended.exit_code == 0, ended.log
    assert "act deploys to a local AWS" in ended.log and github.asked == []
