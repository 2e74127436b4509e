"""Why a build failed: what is worth another try, and what to do about the rest."""

from __future__ import annotations

import pytest

from ecs_cd.images.rules import build_failure
from ecs_cd.model import pace

PUSHING = ["#12 exporting to image", "#12 exporting layers 0.3s done", "#12 pushing layers"]
REF = "1.dkr.ecr.eu-west-1.amazonaws.com/app:1"
POST = f'failed to do request: Post "https://{REF}/blobs/uploads/"'
PUT = f"failed to copy: unexpected status from PUT request to https://{REF}/blobs"


def ended(words: str, *before: str) -> list[str]:
    """The end of an output: the step's error, then buildx's own."""
    return [
        *before,
        f"#12 ERROR: {words}",
        "------",
        " > exporting to image:",
        "------",
        f"ERROR: failed to solve: {words}",
    ]


@pytest.mark.parametrize(
    "words",
    [
        f"failed to push {REF}: {POST}: EOF",
        f"failed to push {REF}: {POST}: unexpected EOF",
        f"failed to push {REF}: {POST}: write tcp 1.1.1.1:1->2.2.2.2:443: write: broken pipe",
        f"failed to push {REF}: failed to copy: read tcp 1.1.1.1:1->2.2.2.2:443: read: connection reset by peer",
        f"failed to push {REF}: failed to copy: io: read/write on closed pipe",
        f"failed to push {REF}: failed to copy: cannot reuse body, request must be retried",
        f"failed to push {REF}: {POST}: dial tcp: lookup h: Temporary failure in name resolution",
        f"failed to push {REF}: {POST}: dial tcp 2.2.2.2:443: i/o timeout",
        f"failed to push {REF}: {POST}: dial tcp 2.2.2.2:443: connect: connection refused",
        f"failed to push {REF}: {POST}: net/http: TLS handshake timeout",
        f"failed to push {REF}: {POST}: context deadline exceeded",
        f"failed to push {REF}: {PUT}: 500 Internal Server Error",
        f"failed to push {REF}: {PUT}: 503 Service Unavailable",
        f"failed to push {REF}: {PUT}: 429 Too Many Requests",
        f"failed to push {REF}: toomanyrequests: Rate exceeded",
    ],
)
def test_a_push_that_was_cut_off_is_worth_another_try(words: str) -> None:
    """The network, the registry's server, its throttling; with the words of buildx's last error."""
    assert build_failure.interrupted(ended(words)).endswith(words)


@pytest.mark.parametrize(
    "lines",
    [
        [
            *PUSHING,
            '#12 ERROR: failed commit on ref "layer": 502 Bad Gateway',
            "ERROR: failed to solve: 502 Bad Gateway",
        ],
        ["#8 pushing r:1 with docker", "#8 ERROR: unexpected EOF", "ERROR: unexpected EOF"],
        ended(f"target app: failed to push {REF}: {POST}: EOF", "#9 [nginx 2/2] RUN x"),
    ],
)
def test_a_push_is_known_by_its_step_as_well(lines: list[str]) -> None:
    """Not every version says that it failed to push; one by the engine itself never does."""
    assert build_failure.interrupted(lines) == lines[-1]


@pytest.mark.parametrize(
    "lines",
    [
        [],
        ["all is well"],
        ended(f"failed to push {REF}: {PUT}: 403 Forbidden"),
        ended(f"failed to push {REF}: {PUT}: 400 Bad Request"),
        ended(f"failed to push {REF}: denied: User is not authorized to perform: ecr:InitiateLayerUpload"),
        ended('process "/bin/sh -c npm ci" did not complete successfully: exit code: 1', "#12 0.5 read ECONNRESET"),
        ended('process "/bin/sh -c curl" did not complete: connection reset by peer', "#9 pushing of a RUN"),
        ended("node:20: failed to resolve source metadata: unexpected status: 503 Service Unavailable"),
        ["#12 4.6 error: failed to push: EOF", "#12 4.6 retrying in 4s", "ERROR: failed to solve: no such file"],
    ],
)
def test_what_would_fail_again_is_not_tried_again(lines: list[str]) -> None:
    """A refusal, a RUN, a base image; BuildKit's own retries are not its end."""
    assert build_failure.interrupted(lines) == ""


HEAD = "unexpected status from HEAD request to https://{0}/manifests/1: 429 Too Many Requests"
PUBLIC, HUB, OTHER = "public.ecr.aws/v2/x/y", "registry-1.docker.io/v2/library/node", "ghcr.io/v2/x/y"


@pytest.mark.parametrize(
    "words",
    [
        f"x: failed to resolve source metadata: {HEAD.format(PUBLIC)} - Server message: toomanyrequests: Rate exceeded",
        f"target app: failed to solve: x: failed to resolve source metadata for x: {HEAD.format(HUB)}",
        f"failed to copy: httpReadSeeker: failed open: {HEAD.format(PUBLIC)}",
        "pulling from host registry-1.docker.io failed with status code [manifests 20]: 429 Too Many Requests",
        "x: toomanyrequests: Data limit exceeded",
    ],
)
def test_a_pull_that_was_throttled_is_worth_another_try(words: str) -> None:
    """Later than a push that was cut off: the limit is per second or minute."""
    transient = build_failure.transient(ended(words))
    assert transient is not None
    assert transient.pauses == pace.PULL_PAUSES
    assert build_failure.throttled(ended(words)).endswith(words)


@pytest.mark.parametrize(
    "words",
    [
        'process "/bin/sh -c npm ci" did not complete successfully: 429 Too Many Requests',
        "x: 429 Too Many Requests - toomanyrequests: You have reached your unauthenticated pull rate limit",
        "x: failed to resolve source metadata for x: not found",
    ],
)
def test_a_limit_that_lasts_is_not_tried_again(words: str) -> None:
    """Nor what a RUN fetches; Docker Hub's limit is for hours."""
    assert build_failure.transient(ended(words)) is None


def test_a_throttled_push_is_a_push() -> None:
    """Its pauses are short: BuildKit has waited before."""
    transient = build_failure.transient(ended(f"failed to push {REF}: {PUT}: 429 Too Many Requests"))
    assert transient is not None
    assert transient.pauses == pace.PUSH_PAUSES


@pytest.mark.parametrize(
    ("lines", "cause", "next_step"),
    [
        (ended(f"x: {HEAD.format(PUBLIC)}"), "public.ecr.aws throttles pulls", "ecr-public:GetAuthorizationToken"),
        (["#3 ERROR: https://public.ecr.aws/v2/x: 429 Too Many Requests", "toomanyrequests: Data limit exceeded", "ERROR: x"], "public.ecr.aws", "pull-through cache"),
        (ended(f"x: {HEAD.format(HUB)}"), "Docker Hub limits", "docker/login-action"),
        (ended("x: toomanyrequests: You have reached your pull rate limit"), "Docker Hub limits", "take base images from ECR"),
        (ended(f"x: {HEAD.format(OTHER)}"), "registry of a base image throttles", "docker/login-action"),
        (ended("x: denied: Your authorization token has expired. Reauthenticate"), "login to a base image's registry has expired", "Log in to it again"),
        (ended(f"failed to push {REF}: {PUT}: 429 Too Many Requests"), "the registry throttles pushes", "higher quota"),
        (ended(f"failed to push {REF}: {PUT}: 403 Forbidden"), "the registry refuses the push", "Allow the job's role"),
        (ended("denied: not authorized: ecr:PutImage", *PUSHING), "the registry refuses the push", "docs/reference/permissions.md"),
        (ended(f"failed to push {REF}: name unknown: The repository does not exist in the registry"), "does not exist", "creates it"),
        (ended(f"failed to push {REF}: tag invalid: the tag is immutable"), "belongs to another image", "Run the job again"),
        (["#7 0.2 exec /bin/sh: exec format error", *ended("process did not complete: exit code: 1")], "has no emulator", "setup-qemu"),
        (ended("write /x: no space left on device"), "disk is full", "Free disk space"),
        (["ERROR: Cache export is not supported for the docker driver.", "Switch to"], "doesn't support this build", "setup-buildx"),
        (["ERROR: multiple platforms feature is currently not supported for docker driver."], "doesn't support this build", "containerd"),
    ],
)  # fmt: skip
def test_a_known_cause_comes_with_what_to_do(lines: list[str], cause: str, next_step: str) -> None:
    """And with the line that shows it."""
    finding = build_failure.finding(lines)
    assert finding is not None
    assert cause in finding.cause
    assert next_step in finding.next_step
    assert finding.evidence[0] in lines


@pytest.mark.parametrize(
    "lines",
    [
        [],
        ended('process "/bin/sh -c make" did not complete successfully: exit code: 2'),
        ended("pull access denied, repository does not exist"),
        ended("process did not complete: exit code: 1", "#12 0.4 permission denied"),
        ended('process "/bin/sh -c curl https://public.ecr.aws" did not complete: 429 Too Many Requests'),
    ],
)
def test_of_anything_else_the_output_says_more(lines: list[str]) -> None:
    """No guess is better than a wrong one: a base image's registry is not the one that is pushed to."""
    assert build_failure.finding(lines) is None


FAILED_RUN = [
    "#0 building with \"default\" instance using docker driver",
    "#7 [2/4] RUN npm ci",
    "#7 0.512 npm warn old lockfile",
    "#7 1.034 npm error code E404",
    "#7 1.035 npm error 404 Not Found - GET left-pad",
    '#7 ERROR: process "/bin/sh -c npm ci" did not complete successfully: exit code: 1',
    "------",
    " > [2/4] RUN npm ci:",
    "------",
    'ERROR: failed to solve: process "/bin/sh -c npm ci" did not complete successfully: exit code: 1',
]  # fmt: skip


def test_a_failed_run_is_named_with_its_telling_line() -> None:
    """Its output is in a folded group of the log, which a reader opens last."""
    found = build_failure.unknown(FAILED_RUN)
    assert found is not None
    assert found.words == "the build failed at RUN npm ci (exit code: 1): npm error 404 Not Found - GET left-pad"
    assert found.evidence == (
        "npm warn old lockfile",
        "npm error code E404",
        "npm error 404 Not Found - GET left-pad",
    )
    assert found.in_log == {*found.evidence}
    assert found.remedy


def test_an_error_of_buildx_is_the_detail() -> None:
    """Where no RUN has failed."""
    found = build_failure.unknown(["#1 [internal] load", "ERROR: failed to solve: nowhere.example/x: not resolved"])
    assert found is not None
    assert found.words == "the build failed: failed to solve: nowhere.example/x: not resolved"
    assert build_failure.unknown(["killed"]) is None


@pytest.mark.parametrize(
    ("lines", "steps"),
    [
        (["#0 building", "#5 [1/3] FROM a", "#5 DONE 0.0s", "#6 [2/3] RUN a", "#6 CACHED", "#7 [3/3] COPY b c", "#7 CACHED"], 2),
        (["#1 [internal] load", "#6 [app 2/3] RUN a", "#6 CACHED", "#7 [app 3/3] COPY b c", "#7 CACHED"], 2),
        (["#0 building", "#6 [2/3] RUN a", "#6 CACHED", "#7 [3/3] COPY b c", "#7 DONE 0.1s"], 0),
        (["#6 [2/3] RUN a", "#6 CACHED"], 0),
        (["#0 building"], 0),
        ([], 0),
    ],
)  # fmt: skip
def test_a_build_from_the_cache_is_one_line(lines: list[str], steps: int) -> None:
    """Only if every step came from it, and the lines are the whole output."""
    assert build_failure.cached(lines) == steps
