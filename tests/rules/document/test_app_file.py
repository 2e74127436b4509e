"""The app's file: what it says of an image, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ecs_cd.document.rules import app_file, json_schema
from ecs_cd.model.build_spec import BuildSpec
from ecs_cd.model.errors import Refused

WHOLE = """
images:
  app:
    context: .
    file: docker/Dockerfile
    target: production
    build-args: {NODE_ENV: production, EMPTY: ""}
    platforms: [linux/amd64, linux/arm64]
    secrets: {npm: {env: NPM_TOKEN}, cert: {file: certs/ca.pem}}
    cache: registry
  nginx: {context: nginx}
"""


def problems(text: str) -> list[str]:
    with pytest.raises(Refused) as refused:
        app_file.load(text, where=".github/ecs-cd.yml")
    assert refused.value.problems[0].startswith("the app's file .github/ecs-cd.yml ")
    assert "schema/ecs-cd-app.schema.json" in refused.value.remedy
    return list(refused.value.problems[1:])


def of_app(image: Any) -> list[str]:
    return problems(json.dumps({"images": {"app": image}}))


def test_the_files_words_become_recipes() -> None:
    """Each key means the same as the input of its name; a missing key is the recipe's default."""
    assert app_file.load(WHOLE, where="x") == {
        "app": BuildSpec(
            "app",
            context=".",
            file="docker/Dockerfile",
            target="production",
            build_args=("NODE_ENV=production", "EMPTY="),
            platforms=("linux/amd64", "linux/arm64"),
            secret_envs={"npm": "NPM_TOKEN"},
            secret_files={"cert": "certs/ca.pem"},
            cache="registry",
        ),
        "nginx": BuildSpec("nginx", context="nginx"),
    }


def test_json_says_the_same_as_yaml_and_an_image_may_be_all_default() -> None:
    """As the document does."""
    assert app_file.load('{"images": {"app": {}}}', where="x") == {"app": BuildSpec("app")}


@pytest.mark.parametrize(
    ("image", "path", "words"),
    [
        (None, "images.app", "must be a mapping, but is empty"),
        ("docker/Dockerfile", "images.app", "must be a mapping, but is text"),
        ({"dockerfile": "x"}, "images.app.dockerfile", "unknown key; known keys: context, file, target"),
        ({"buildargs": {}}, "images.app.buildargs", "unknown key; did you mean `build-args`?"),
        ({"repository": "x"}, "images.app.repository", "unknown key"),
        ({"context": ""}, "images.app.context", "must be the build context: a folder or a Git URL"),
        ({"context": " app"}, "images.app.context", "must be the build context"),
        ({"file": ["Dockerfile"]}, "images.app.file", "must be text, but is a list"),
        ({"target": "two words"}, "images.app.target", "must be the name of the Dockerfile stage"),
        ({"target": 1}, "images.app.target", "must be text, but is a number (put it in quotes)"),
        ({"build-args": ["NODE_ENV=production"]}, "images.app.build-args", "such as {NODE_ENV: production}"),
        ({"build-args": {}}, "images.app.build-args", "must not be empty"),
        ({"build-args": {"PORT": 8080}}, "images.app.build-args.PORT", "but is a number (put it in quotes)"),
        ({"build-args": {"DEBUG": True}}, "images.app.build-args.DEBUG", "but is true or false (put it in quotes)"),
        ({"build-args": {"NONE": None}}, "images.app.build-args.NONE", "must be text, but is empty"),
        ({"build-args": {"A=B": "x"}}, "images.app.build-args.A=B", "a name can contain only"),
        ({"platforms": "linux/amd64"}, "images.app.platforms", "must be a list, but is text"),
        ({"platforms": []}, "images.app.platforms", "must not be empty"),
        ({"platforms": ["arm64"]}, "images.app.platforms[0]", "must be a platform, such as linux/arm64"),
        ({"platforms": ["linux/amd64,linux/arm64"]}, "images.app.platforms[0]", "must be a platform"),
        ({"secrets": ["npm"]}, "images.app.secrets", "such as {npm: {env: NPM_TOKEN}}"),
        ({"secrets": {"npm": "hunter2"}}, "images.app.secrets.npm", "{env: NAME} or {file: PATH}; never the value itself"),
        ({"secrets": {"npm": {"value": "x"}}}, "images.app.secrets.npm.value", "unknown key; known keys: env, file"),
        ({"secrets": {"npm": {}}}, "images.app.secrets.npm", "must not be empty"),
        ({"secrets": {"npm": {"env": "A", "file": "b"}}}, "images.app.secrets.npm", "has 2 keys; the limit is 1"),
        ({"secrets": {"npm": {"env": "hunter2 !"}}}, "images.app.secrets.npm.env", "the name of the environment variable"),
        ({"secrets": {"a b": {"env": "A"}}}, "images.app.secrets.a b", "a name can contain only"),
        ({"cache": "s3"}, "images.app.cache", "must be one of registry, gha, inline, none"),
        ({"cache": False}, "images.app.cache", "must be text, but is true or false"),
    ],
)  # fmt: skip
def test_a_problem_is_named_by_its_path_with_what_would_be_right(image: Any, path: str, words: str) -> None:
    """One sentence for one mistake, and no value in it."""
    (found,) = of_app(image)
    assert found.startswith(f"{path}: ")
    assert words in found
    assert "hunter2" not in found


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("image: {}", "image: unknown key; did you mean `images`?"),
        ("image: {}", "images: is missing"),
        ("images: {}", "images: must not be empty"),
        ("images: {a b: {}}", "images.a b: a name can contain only"),
        ("images: {app: {context: a}}\nimages: {app: {context: b}}", "images: occurs twice; keep one"),
        ("images: {app: {build-args: {A: '1', A: '2'}}}", "images.app.build-args.A: occurs twice"),
        ("# nothing yet", "the whole text: must be a mapping, but is empty"),
    ],
)
def test_the_file_as_a_whole_is_checked(text: str, words: str) -> None:
    """Unknown keys, duplicate keys, nothing at all."""
    assert any(sentence.startswith(words) for sentence in problems(text)), problems(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("images: [", "neither JSON nor YAML"),
        ("#" * (json_schema.LONGEST + 1), "characters are allowed"),
    ],
)
def test_what_can_not_be_read_is_refused(text: str, words: str) -> None:
    """Each in its own words, with the file's name."""
    with pytest.raises(Refused) as refused:
        app_file.load(text, where=".github/ecs-cd.yml")
    (found,) = refused.value.problems
    assert found.startswith("the app's file .github/ecs-cd.yml ")
    assert words.split()[0] in found


def test_all_problems_are_told_at_once() -> None:
    """Of all images, in the file's order."""
    found = problems(json.dumps({"images": {"app": {"cache": "s3", "target": 1}, "nginx": {"contxt": "x"}}}))
    assert [sentence.partition(": ")[0] for sentence in found] == [
        "images.app.cache",
        "images.app.target",
        "images.nginx.contxt",
    ]
