"""What is pushed and put becomes events of EventBridge, against a local AWS."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from ecs_cd.local.codepipeline.rules import events
from ecs_cd.local.codepipeline.rules.infra import Rule
from ecs_cd.local.codepipeline.watch import watch
from ecs_cd.local.codepipeline.work import World
from tests.machine.local.codepipeline.actions.test_ecr import push

IMAGES = Rule("images", {"source": ["aws.ecr"], "detail": {"repository-name": ["app"], "image-tag": ["latest"]}}, ())
OBJECTS = Rule("objects", {"source": ["aws.s3"], "detail": {"bucket": {"name": ["source"]}}}, ())
LONGEST = 30  # seconds that an event may take on a busy machine


class Events:
    """The events so far; watching begins with ``begin``."""

    def __init__(self, world: World) -> None:
        self.world, self._queue = world, queue.Queue[Mapping[str, Any]]()
        self._thread: threading.Thread | None = None

    def begin(self, *rules: Rule) -> None:
        begun = threading.Event()
        self._thread = threading.Thread(target=watch, args=(self.world, rules, self._queue.put, begun.set))
        self._thread.start()
        assert begun.wait(LONGEST)

    def next(self) -> Mapping[str, Any]:
        return self._queue.get(timeout=LONGEST)

    def end(self) -> list[Mapping[str, Any]]:
        """Ends the watch; the events that nobody has asked for."""
        self.world.ending.set()
        if self._thread:
            self._thread.join(LONGEST)
        return list(self._queue.queue)


@pytest.fixture
def seen(world: World) -> Iterator[Events]:
    world.aws.client("ecr").create_repository(repositoryName="app")
    world.aws.client("s3").create_bucket(Bucket="source")
    versioning = {"Status": "Enabled"}
    world.aws.client("s3").put_bucket_versioning(Bucket="source", VersioningConfiguration=versioning)
    events = Events(world)
    yield events
    events.end()


def put(world: World, content: bytes) -> str:
    return str(world.aws.client("s3").put_object(Bucket="source", Key="a.zip", Body=content)["VersionId"])


def test_a_push_is_an_event(seen: Events) -> None:
    """Once for each new digest of a tag; what is there at the start, and the same push again, is none."""
    push(seen.world, "one")
    seen.begin(IMAGES)
    digest = push(seen.world, "two")
    event = seen.next()
    assert event["detail"] == {
        "action-type": "PUSH",
        "result": "SUCCESS",
        "repository-name": "app",
        "image-digest": digest,
        "image-tag": "latest",
    }
    assert (event["source"], event["detail-type"]) == ("aws.ecr", "ECR Image Action")
    assert (event["account"], event["region"]) == ("000000000000", "us-east-1")
    assert events.matches(IMAGES.pattern, event)
    push(seen.world, "two")
    third = push(seen.world, "three")
    assert seen.next()["detail"]["image-digest"] == third
    assert seen.end() == []


def test_each_version_of_an_object_is_an_event(seen: Events) -> None:
    """In their order, and none is lost, even between two looks."""
    put(seen.world, b"1")
    seen.begin(OBJECTS)
    versions = [put(seen.world, content) for content in (b"22", b"333")]
    found = [seen.next() for _ in versions]
    assert [event["detail"]["object"]["version-id"] for event in found] == versions
    assert [event["detail"]["object"]["size"] for event in found] == [2, 3]
    assert {event["detail"]["object"]["key"] for event in found} == {"a.zip"}
    assert all(event["detail-type"] == "Object Created" and events.matches(OBJECTS.pattern, event) for event in found)
    assert seen.end() == []


def test_a_repository_that_comes_later_is_seen(seen: Events) -> None:
    """And a rule that names no repository is about all of them."""
    seen.world.aws.client("ecr").delete_repository(repositoryName="app", force=True)
    seen.begin(Rule("all", {"source": ["aws.ecr"]}, ()))
    seen.world.aws.client("ecr").create_repository(repositoryName="app")
    digest = push(seen.world, "one")
    assert seen.next()["detail"]["image-digest"] == digest


def test_without_rules_nothing_is_read(seen: Events) -> None:
    """Nor is an artifact of the pipeline itself an event."""
    seen.begin(Rule("others", {"source": ["aws.codepipeline"]}, ()))
    before = seen.world.aws.calls
    push(seen.world, "one")
    assert seen.end() == [] and seen.world.aws.calls == before + 1


def test_a_look_that_fails_does_not_end_the_watch(seen: Events, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next one sees what has happened meanwhile."""
    seen.begin(IMAGES)
    client = seen.world.aws.client("ecr")
    failed = threading.Event()

    def fail(request: Any, **_: Any) -> None:
        failed.set()
        request.url = "http://127.0.0.1:9/"

    client.meta.events.register("before-send.ecr.DescribeImages", fail)
    assert failed.wait(LONGEST)
    client.meta.events.unregister("before-send.ecr.DescribeImages", fail)
    digest = push(seen.world, "one")
    assert seen.next()["detail"]["image-digest"] == digest
