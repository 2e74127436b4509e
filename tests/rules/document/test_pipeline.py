"""The document's `pipeline`: what is refused, with which message, and its typed form."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ecs_cd.document.rules import document
from ecs_cd.document.rules.pipeline import Pipeline, Start
from ecs_cd.model.references import S3Object
from tests.rules.document.test_document import example, problems

VARIABLES = {"name": "my-app-deploy", "variables": {"IMAGE_APP": "app", "IMAGE_NGINX": "nginx"}}
OBJECT = {"name": "p", "start": "object", "object": "s3://my-bucket/a/hand-off.zip", "source": "Source"}


def loaded(pipeline: dict[str, Any]) -> Pipeline | None:
    return document.load(json.dumps(example(pipeline=pipeline)), where="x").pipeline


def test_a_document_without_pipeline_has_none() -> None:
    """Patterns 1 and 5 need no pipeline."""
    assert document.load(json.dumps(example()), where="x").pipeline is None


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (VARIABLES, Pipeline("my-app-deploy", variables={"IMAGE_APP": "app", "IMAGE_NGINX": "nginx"})),
        (
            {**VARIABLES, "commit": "COMMIT", "wait-until": "Deploy"},
            Pipeline(
                "my-app-deploy",
                variables={"IMAGE_APP": "app", "IMAGE_NGINX": "nginx"},
                commit="COMMIT",
                wait_until="Deploy",
            ),
        ),
        (
            OBJECT,
            Pipeline("p", Start.OBJECT, object=S3Object("my-bucket", "a/hand-off.zip"), source="Source"),
        ),
        (
            {"name": "p", "start": "digest", "images": {"App": "app", "Nginx": "nginx"}},
            Pipeline("p", Start.DIGEST, images={"App": "app", "Nginx": "nginx"}),
        ),
        (
            {"name": "p", "start": "event", "images": {"App": "app"}, "tag": "main"},
            Pipeline("p", Start.EVENT, images={"App": "app"}, tag="main"),
        ),
    ],
)
def test_each_start_has_its_keys(given: dict[str, Any], wanted: Pipeline) -> None:
    """The keys of each start become its typed form, with the defaults filled in."""
    assert loaded(given) == wanted


@pytest.mark.parametrize("start", ["digest", "event"])
def test_source_is_the_ecr_source_of_the_only_image(start: str) -> None:
    """With one image, the source action needs no mapping."""
    only = {"cluster": "c", "images": {"app": example()["images"]["app"]}}
    text = json.dumps({**only, "pipeline": {"name": "p", "start": start, "source": "Image"}})
    found = document.load(text, where="x").pipeline
    assert found is not None
    assert found.images == {"Image": "app"}


@pytest.mark.parametrize(
    ("pipeline", "problem"),
    [
        ({}, "pipeline.name: is missing"),
        ({"name": "p"}, "pipeline.variables: is missing; `start: variables` needs it"),
        ({"name": "a b", "variables": {"A": "app"}}, "pipeline.name: must be the pipeline's name"),
        ({**VARIABLES, "start": "tag"}, "pipeline.start: must be one of variables, object, digest, event"),
        ({**VARIABLES, "variables": {}}, "pipeline.variables: must not be empty"),
        (
            {**VARIABLES, "variables": {"A": "web"}},
            "pipeline.variables.A: must name an image; images has app, nginx",
        ),
        (
            {**VARIABLES, "commit": "IMAGE_APP"},
            "pipeline.commit: is also a variable of an image; the commit needs its own",
        ),
        (
            {**VARIABLES, "tag": "latest"},
            "pipeline.tag: does not fit `start: variables`; it is for `start: event`",
        ),
        ({"name": "p", "start": "object", "object": "s3://b/k"}, "pipeline.source: is missing"),
        ({**OBJECT, "object": "b/k"}, "pipeline.object: must be start: object; the zip file with the images"),
        (
            {**OBJECT, "images": {"Image": "app"}},
            "pipeline.images: does not fit `start: object`; it is for `start: digest` or `start: event`",
        ),
        ({"name": "p", "start": "digest"}, "pipeline.images: is missing; it maps the ECR source actions to the images"),
        ({"name": "p", "start": "event", "source": "Image"}, "pipeline.images: is missing"),
        (
            {"name": "p", "start": "event", "source": "Image", "images": {"Image": "app"}},
            "pipeline.source: is the short form of `images`; keep one of them",
        ),
        ({"name": "p", "start": "event", "images": {"Image": "app"}, "commit": "C"}, "pipeline.commit: does not fit"),
        ({**VARIABLES, "stage": "x"}, "pipeline.stage: unknown key"),
    ],
)
def test_every_problem_has_its_path_and_what_would_be_right(pipeline: dict[str, Any], problem: str) -> None:
    """A wrong key, value or combination is refused by its path."""
    assert any(found.startswith(problem) for found in problems(example(pipeline=pipeline))), problems(
        example(pipeline=pipeline)
    )
