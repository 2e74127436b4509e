"""Polls ECR for pushes and S3 for new objects: ministack sends no events for pushes.

An event has AWS's form. Of two pushes of a tag between polls, only the newer makes an event.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timezone
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ecs_cd.aws.errors import code
from ecs_cd.aws.session import Aws
from ecs_cd.local.codepipeline.rules import events
from ecs_cd.local.codepipeline.rules.infra import Rule
from ecs_cd.local.codepipeline.work import World

_EVERY = 0.5  # seconds between polls
Seen = Mapping[
    Any, tuple[str, dict[str, Any]]
]  # an event's account, if known, and detail, by what tells it from the others
Look = Callable[[], Seen]


def watch(
    world: World,
    rules: Sequence[Rule],
    emit: Callable[[Mapping[str, Any]], None],
    begun: Callable[[], None] = lambda: None,
) -> None:
    """Emits an event for each push and each new object that a rule may be about, until the world ends.

    The first poll makes no events; ``begun`` is called after it.
    """
    watched = [_Watched(*each) for each in _sources(world.aws, rules)]
    for source in watched:
        source.look()
    begun()
    while not world.ending.wait(_EVERY):
        for source in watched:
            for event in source.look():
                emit({**event, "region": world.aws.region})


def _sources(aws: Aws, rules: Sequence[Rule]) -> Iterator[tuple[str, str, Look]]:
    repositories = events.named(rules, "aws.ecr", "detail", "repository-name")
    buckets = events.named(rules, "aws.s3", "detail", "bucket", "name")
    if repositories is None or repositories:
        yield "aws.ecr", "ECR Image Action", lambda: _tags(aws, repositories)
    if buckets is None or buckets:
        yield "aws.s3", "Object Created", lambda: _objects(aws, buckets)


class _Watched:
    """A source of events, with what it had at the last poll that succeeded."""

    def __init__(self, source: str, kind: str, look: Look) -> None:
        self._source, self._kind, self._look = source, kind, look
        self._seen: Seen | None = None

    def look(self) -> Iterator[dict[str, Any]]:
        """The events since the last poll; none if it fails: the next one reports them."""
        with suppress(ClientError, BotoCoreError):
            found = self._look()
            before, self._seen = self._seen, found
            new = [value for key, value in found.items() if before is not None and before.get(key) != value]
            return iter([self._event(account, detail) for account, detail in new])
        return iter(())

    def _event(self, account: str, detail: dict[str, Any]) -> dict[str, Any]:
        at = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        known = {"account": account} if account else {}
        own = {"version": "0", "id": str(uuid.uuid4()), "source": self._source, "detail-type": self._kind, **known}
        return {**own, "time": at, "resources": [], "detail": detail}


def _tags(aws: Aws, repositories: frozenset[str] | None) -> Seen:
    """The digest of each tag."""
    client = aws.client("ecr")
    if repositories is None:
        pages = client.get_paginator("describe_repositories").paginate()
        repositories = frozenset(each["repositoryName"] for page in pages for each in page["repositories"])
    return {
        (name, tag): (str(image["registryId"]), _pushed(name, tag, str(image["imageDigest"])))
        for name in sorted(repositories)
        for image in _images(aws, name)
        for tag in image.get("imageTags", ())
    }


def _pushed(repository: str, tag: str, digest: str) -> dict[str, Any]:
    return {
        "action-type": "PUSH",
        "result": "SUCCESS",
        "repository-name": repository,
        "image-digest": digest,
        "image-tag": tag,
    }


def _images(aws: Aws, repository: str) -> list[dict[str, Any]]:
    pages = aws.client("ecr").get_paginator("describe_images").paginate(repositoryName=repository)
    try:
        return [image for page in pages for image in page["imageDetails"]]
    except ClientError as error:
        if code(error) == "RepositoryNotFoundException":
            return []
        raise


def _objects(aws: Aws, buckets: frozenset[str] | None) -> Seen:
    """All versions of all objects, the oldest first."""
    if buckets is None:
        buckets = frozenset(each["Name"] for each in aws.client("s3").list_buckets()["Buckets"])
    versions = [(bucket, version) for bucket in sorted(buckets) for version in _versions(aws, bucket)]
    versions.sort(key=lambda each: each[1]["LastModified"])
    return {(bucket, each["Key"], each["VersionId"]): ("", _created(bucket, each)) for bucket, each in versions}


def _created(bucket: str, version: Mapping[str, Any]) -> dict[str, Any]:
    known = {} if version["VersionId"] == "null" else {"version-id": version["VersionId"]}
    put = {
        "key": version["Key"],
        "size": version["Size"],
        "etag": str(version["ETag"]).strip('"'),
        "sequencer": f"{version['LastModified'].timestamp():.6f}",
        **known,
    }
    return {"version": "0", "bucket": {"name": bucket}, "object": put, "reason": "PutObject"}


def _versions(aws: Aws, bucket: str) -> list[dict[str, Any]]:
    pages = aws.client("s3").get_paginator("list_object_versions").paginate(Bucket=bucket)
    try:
        return [version for page in pages for version in page.get("Versions", ())]
    except ClientError as error:
        if code(error) == "NoSuchBucket":
            return []
        raise
