"""Actions of which old versions no longer run on GitHub's runners, and the oldest major version that does."""

from __future__ import annotations

import re

# From what actionlint 1.17 refuses: it knows the runtime of each popular action.
OLDEST = {
    "8398a7/action-slack": 4, "Swatinem/rust-cache": 2, "actions-rs/audit-check": 2, "actions-rs/cargo": 2,
    "actions-rs/clippy-check": 2, "actions-rs/toolchain": 2, "actions/ai-inference": 2, "actions/cache": 5,
    "actions/cache/restore": 5, "actions/cache/save": 5, "actions/checkout": 5, "actions/configure-pages": 6,
    "actions/create-github-app-token": 3, "actions/delete-package-versions": 6, "actions/dependency-review-action": 5,
    "actions/deploy-pages": 5, "actions/download-artifact": 7, "actions/first-interaction": 3,
    "actions/github-script": 8, "actions/labeler": 6, "actions/setup-dotnet": 5, "actions/setup-go": 6,
    "actions/setup-java": 5, "actions/setup-node": 5, "actions/setup-python": 6, "actions/stale": 10,
    "actions/upload-artifact": 6, "aws-actions/configure-aws-credentials": 6, "azure/aks-set-context": 5,
    "azure/login": 3, "codecov/codecov-action": 5, "dawidd6/action-download-artifact": 17,
    "dawidd6/action-send-mail": 13, "docker/build-push-action": 7, "docker/login-action": 4,
    "docker/metadata-action": 6, "docker/setup-buildx-action": 4, "docker/setup-qemu-action": 4,
    "dorny/paths-filter": 4, "game-ci/unity-builder": 5, "github/codeql-action/analyze": 4,
    "github/codeql-action/autobuild": 4, "github/codeql-action/init": 4, "golangci/golangci-lint-action": 9,
    "google-github-actions/auth": 3, "google-github-actions/get-secretmanager-secrets": 3,
    "google-github-actions/setup-gcloud": 3, "google-github-actions/upload-cloud-storage": 3,
    "goreleaser/goreleaser-action": 7, "gradle/wrapper-validation-action": 3, "haskell/actions/setup": 3,
    "mikepenz/release-changelog-builder-action": 6, "msys2/setup-msys2": 2, "nwtgck/actions-netlify": 4,
    "peaceiris/actions-gh-pages": 4, "peter-evans/create-or-update-comment": 5, "peter-evans/create-pull-request": 8,
    "preactjs/compressed-size-action": 2, "pulumi/actions": 7, "release-drafter/release-drafter": 7,
    "ridedott/merge-me-action": 2, "shivammathur/setup-php": 2, "softprops/action-gh-release": 3,
    "treosh/lighthouse-ci-action": 12, "wearerequired/lint-action": 3,
}  # fmt: skip
_SAME_INPUTS = ("actions/", "docker/", "shivammathur/", "Swatinem/")  # newer versions take the same inputs
_VERSION = re.compile(r"v?(\d+)(?:\.[\d.]+)?")


def supported(name: str) -> str:
    """The action with the oldest major version that runs."""
    return f"{name}@v{OLDEST[name]}"


def renewed(uses: str) -> str:
    """``uses`` with a version that runs; empty if only one with other inputs does."""
    name, _, version = uses.partition("@")
    number = _VERSION.fullmatch(version)
    if name not in OLDEST or number is None or int(number[1]) >= OLDEST[name]:
        return uses
    return supported(name) if name.startswith(_SAME_INPUTS) else ""
