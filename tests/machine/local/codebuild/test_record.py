"""What is known of a build."""

from __future__ import annotations

from typing import Any

import pytest

from ecs_cd.local.codebuild.record import FAILED, SUCCEEDED, Record


def record(**project: Any) -> Record:
    return Record({"name": "p", **project}, 1, "eu-west-1", "000000000000", "me", "", [])


@pytest.mark.parametrize(
    ("config", "place"),
    [
        (None, ("/aws/codebuild/p", "{}")),
        ({"status": "ENABLED"}, ("/aws/codebuild/p", "{}")),
        ({"status": "ENABLED", "groupName": "/g", "streamName": "builds"}, ("/g", "builds/{}")),
        ({"status": "DISABLED"}, None),
    ],
)
def test_the_place_of_the_log(config: dict[str, str] | None, place: tuple[str, str] | None) -> None:
    """The project's log group and the build's own stream."""
    build = record(logsConfig={"cloudWatchLogs": config}) if config else record()
    assert build.log == (place and (place[0], place[1].format(build.uuid)))
    assert ("logs" in build.described()) == (place is not None)


def test_the_first_phase_that_fails_decides() -> None:
    """Later phases change nothing; a build that runs is IN_PROGRESS whatever has failed in it."""
    build = record()
    for status in (SUCCEEDED, FAILED, "FAULT", SUCCEEDED):
        build.enter("BUILD")
        build.complete(status, status.lower())
    assert build.described()["buildStatus"] == "IN_PROGRESS"
    build.end()
    assert build.described()["buildStatus"] == FAILED
    assert build.failing and build.failing.code == "failed"


def test_links_lead_to_the_console() -> None:
    """Of the build, and of its log with the console's own quoting."""
    build = record()
    assert build.url.startswith(
        "https://eu-west-1.console.aws.amazon.com/codesuite/codebuild/000000000000/projects/p/build/p%3A"
    )
    assert (
        f"#logsV2:log-groups/log-group/$252Faws$252Fcodebuild$252Fp/log-events/{build.uuid}"
        in build.described()["logs"]["deepLink"]
    )
