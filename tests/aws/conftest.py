"""ecs-cd's clients against the scripted AWS, which checks each request and answer against botocore's models."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

import pytest

from ecs_cd.aws.session import Aws
from tests.scripted_aws import Clock, ScriptedAws
from tests.scripted_aws.wire import Request, Response


class SignedAws(ScriptedAws):
    """Also records the region for which each request was signed."""

    def __init__(self, clock: Clock) -> None:
        self.regions: list[str] = []
        super().__init__(clock)

    def answer(self, request: Request) -> Response | None:
        scope = re.search(r"Credential=[^/]+/\d+/([^/]+)/", request.headers.get("authorization", ""))
        self.regions.append(scope[1] if scope else "")
        return super().answer(request)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[SignedAws]:
    scripted = SignedAws(Clock())
    with scripted:
        scripted.use(monkeypatch)
        yield scripted


@pytest.fixture
def ours(aws: SignedAws) -> Aws:
    return Aws(os.environ)
