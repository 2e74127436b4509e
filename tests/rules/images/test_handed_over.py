"""What a pipeline hands over: images by digest and a commit, from variables and files that may contradict each other."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace
from typing import Any

import pytest

from ecs_cd.document.rules.pipeline import Pipeline, Start
from ecs_cd.handoff.rules import request
from ecs_cd.images.rules import handed_over
from ecs_cd.images.rules.handed_over import HandedOver, Statement
from ecs_cd.model.errors import Refused
from ecs_cd.model.references import repository

HOST = "123456789012.dkr.ecr.ap-northeast-1.amazonaws.com"
A, B = ("sha256:" + digit * 64 for digit in "ab")
SHA, OTHER = "c0ffee" + "0" * 34, "decade" + "0" * 34
IMAGES = {"app": repository(f"{HOST}/app"), "nginx": repository(f"{HOST}/nginx")}
SHARED = {
    "app": replace(repository(f"{HOST}/all"), tag_prefix="app-"),
    "nginx": replace(repository(f"{HOST}/all"), tag_suffix="-nginx"),
}
VARIABLES = Pipeline("deploy", variables={"IMAGE_APP": "app", "IMAGE_NGINX": "nginx"}, commit="COMMIT")
SOURCES = Pipeline("deploy", Start.DIGEST, images={"App.Image": "app", "nginx": "nginx"})
BOTH = {"IMAGE_APP": f"{HOST}/app@{A}", "IMAGE_NGINX": f"{HOST}/nginx@{B}"}

# As an ECR source of CodePipeline writes it.
DETAIL = {
    "ImageSizeInBytes": "44728918",
    "ImageDigest": A,
    "Version": "1.0",
    "ImagePushedAt": "Mon Jan 21 20:04:00 UTC 2019",
    "RegistryId": "123456789012",
    "RepositoryName": "app",
    "ImageURI": f"{HOST}/app@{A}",
    "ImageTags": ["latest", SHA],
}


def read(file: str, content: Any, artifact: str = "", **more: Any) -> Statement:
    text = content if isinstance(content, str) else json.dumps(content)
    return handed_over.of_file(file, text, artifact, **{"images": IMAGES, "pipeline": None, **more})


def refused(call: Any) -> Refused:
    with pytest.raises(Refused) as error:
        call()
    return error.value


# ---- variables ----


def test_variables_name_images_by_digest() -> None:
    """Each is an image of the document; white space around a value does not count."""
    found = handed_over.of_variables(VARIABLES, {**BOTH, "IMAGE_APP": f" {HOST}/app@{A}\n"}, IMAGES)
    assert [dict(each.digests) for each in found] == [{"app": A}, {"nginx": B}]
    assert [each.source for each in found] == ["the variable IMAGE_APP", "the variable IMAGE_NGINX"]


@pytest.mark.parametrize(
    ("value", "state", "remedy"),
    [
        (None, "is not set", '{"name":"IMAGE_NGINX","value":"#{variables.IMAGE_NGINX}"}'),
        ("", "is empty", "Start the execution with hand-off"),
        (" ", "is empty", "Start the execution with hand-off"),
        ("none", "is `none`", "Start the execution with hand-off"),
    ],
)
def test_a_variable_without_an_image_is_refused_with_the_remedy(value: str | None, state: str, remedy: str) -> None:
    """Either the action does not pass it on, or the execution was started without it; the other one does not help."""
    environ = {name: text for name, text in {**BOTH, "IMAGE_NGINX": value}.items() if text is not None}
    error = refused(lambda: handed_over.of_variables(VARIABLES, environ, IMAGES))
    assert error.problems == (f"the variable IMAGE_NGINX, for image `nginx`, {state}",)
    assert remedy in error.remedy
    assert "EnvironmentVariables" in error.remedy if value is None else "EnvironmentVariables" not in error.remedy
    assert "images-from: commit" in error.remedy


def test_every_absent_variable_is_named() -> None:
    """All at once."""
    error = refused(lambda: handed_over.of_variables(VARIABLES, {}, IMAGES))
    assert len(error.problems) == 2
    assert error.remedy.count("#{variables.") == 2


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("hunter2", "must be an image by digest, repository@sha256:..."),
        (f"{HOST}/app:{SHA}", "must be an image by digest"),
        (f"{HOST}/app", "must be an image by digest"),
        (A, "must be an image by digest"),
        (f"@{A}", "must be an image by digest"),
        (f"{HOST}/app@sha256:abc", "must be an image by digest"),
        (f"{HOST}/app@{A.upper()}", "must be an image by digest"),
        ("#{variables.IMAGE_APP}", "must be an image by digest"),
        (f"{HOST}/nginx@{A}", f"{HOST}/nginx is another repository than that of image `app`, {HOST}/app"),
        (f"{HOST.replace('1234', '9999')}/app@{A}", "is another account than that of image `app`"),
        (f"{HOST.replace('northeast', 'southeast')}/app@{A}", "is another region than that of image `app`"),
        (f"ghcr.io/app@{A}", "ghcr.io/app is another repository"),
    ],
)
def test_a_variable_of_anything_else_is_refused(value: str, words: str) -> None:
    """A tag moves, and another repository has other images. A value that is no image is not printed."""
    error = refused(lambda: handed_over.of_variables(VARIABLES, {**BOTH, "IMAGE_APP": value}, IMAGES))
    (problem,) = error.problems
    assert problem.startswith("the variable IMAGE_APP: ")
    assert words in problem
    assert "hunter2" not in problem


@pytest.mark.parametrize("host", ["123456789012.dkr-ecr.ap-northeast-1.on.aws", HOST.replace("ecr", "ecr-fips")])
def test_the_hosts_of_a_registry_are_the_same(host: str) -> None:
    """With IPv6 or FIPS: account, region and name decide."""
    found = handed_over.of_variables(VARIABLES, {**BOTH, "IMAGE_APP": f"{host}/app@{A}"}, IMAGES)
    assert found[0].digests == {"app": A}


@pytest.mark.parametrize(
    ("value", "commit"), [(None, None), ("", None), ("none", None), (SHA, SHA), (f" {SHA.upper()} ", SHA)]
)
def test_the_commit_may_be_missing(value: str | None, commit: str | None) -> None:
    """Whoever starts an execution in the console knows the images, not always the commit."""
    environ = {} if value is None else {"COMMIT": value}
    found = handed_over.of_commit_variable(VARIABLES, environ)
    assert [each.commit for each in found] == ([commit] if commit else [])
    assert handed_over.of_commit_variable(SOURCES, environ) == []


def test_a_commit_that_is_none_is_refused() -> None:
    """A branch moves."""
    error = refused(lambda: handed_over.of_commit_variable(VARIABLES, {"COMMIT": "main"}))
    assert error.problems == ("the variable COMMIT: must be a full commit id of 40 or 64 hexadecimal digits",)


# ---- files ----


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("images.json", True),
        ("imageDetail.json", True),
        ("imageDetail-app.json", True),
        ("imageDetail-my.app_1.json", True),
        ("imagedetail.json", False),
        ("imageDetail-.json", False),
        ("imagedefinitions.json", False),
        ("images.json.bak", False),
        ("my-images.json", False),
    ],
)
def test_which_files_can_name_images(name: str, is_one: bool) -> None:
    """By their exact names."""
    assert handed_over.is_source(name) is is_one


def test_images_json_names_all_images_and_the_commit() -> None:
    """As hand-off writes it."""
    content = {"commit": SHA, "images": {"app": f"{HOST}/app@{A}", "nginx": f"{HOST}/nginx@{B}"}}
    found = read("images.json", content, "Source")
    assert found == Statement("images.json of the input artifact Source", {"app": A, "nginx": B}, SHA)
    assert read("images.json", {"images": content["images"]}).commit == ""


def test_what_hand_off_writes_can_be_read() -> None:
    """Each file of its object says the same as the others."""
    given = {"app": f"{HOST}/app@{A}", "nginx": f"{HOST}/nginx@{B}"}
    with zipfile.ZipFile(io.BytesIO(request.archive(given, SHA))) as archive:
        found = [read(name, archive.read(name).decode()) for name in archive.namelist() if handed_over.is_source(name)]
    assert len(found) == 3
    assert handed_over.together(found) == HandedOver({"app": A, "nginx": B}, SHA, tuple(each.source for each in found))


@pytest.mark.parametrize(
    ("content", "problems"),
    [
        ("{", ["images.json of the primary input artifact is not JSON: line 1, column 2"]),
        ("[]", ["must be a JSON object"]),
        ('"hunter2"', ["must be a JSON object"]),
        ('{"images": {}, "images": {}}', ["images: occurs twice; keep one"]),
        ({}, ["images: must be an object"]),
        ({"images": []}, ["images: must be an object"]),
        ({"images": {}}, ["images: must be an object"]),
        ({"images": {"ngnix": f"{HOST}/nginx@{B}"}}, ["no image `ngnix`; did you mean `nginx`?"]),
        ({"images": {"app": 7}}, ["images.app: must be an image by digest"]),
        ({"images": {"app": f"{HOST}/app:latest"}}, ["images.app: must be an image by digest"]),
        ({"images": {"app": f"{HOST}/other@{A}"}}, ["images.app: ", "/other is another repository"]),
        ({"images": {"app": f"{HOST}/app@{A}"}, "commit": "main"}, ["commit: must be a full commit id"]),
        ({"images": {"app": f"{HOST}/app@{A}"}, "commit": 7}, ["commit: must be a full commit id"]),
        ({"images": {"app": 7, "nginx": 8}, "commit": 9}, ["commit: ", "images.app: ", "images.nginx: "]),
    ],
)
def test_an_images_json_of_another_form_is_refused(content: Any, problems: list[str]) -> None:
    """With every problem, and no content."""
    error = refused(lambda: read("images.json", content))
    text = "\n".join(error.problems)
    assert all(problem in text for problem in problems), text
    assert "images.json of the primary input artifact" in error.problems[0]
    assert "hunter2" not in text
    assert "images-from: commit" in error.remedy


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"ImageURI": f"{HOST}/app:latest"},  # as some ECR sources write it
        {"ImageURI": f"{HOST}/app"},
        {"ImageURI": f"{HOST}/app:latest@{A}"},
        {"ImageDigest": ""},
        {"ImageTags": "latest"},
    ],
)
def test_an_ecr_source_names_its_image_by_its_repository(changes: dict[str, Any]) -> None:
    """The digest is that of ImageURI, or else ImageDigest; a tag in ImageURI does not count."""
    assert read("imageDetail.json", {**DETAIL, **changes}).digests == {"app": A}


def test_an_image_detail_of_ones_own_has_an_image_uri_alone() -> None:
    """By the image's name, or without it by its repository."""
    content = {"ImageURI": f"{HOST}/nginx@{B}"}
    for file in ("imageDetail.json", "imageDetail-nginx.json"):
        assert read(file, content) == Statement(f"{file} of the primary input artifact", {"nginx": B})


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        ("imageDetail.json", "", "must be a JSON object"),
        ("imageDetail.json", {}, "ImageURI: is missing"),
        ("imageDetail.json", {"ImageDigest": A}, "ImageURI: is missing"),
        ("imageDetail.json", {"ImageURI": 7}, "ImageURI: is missing"),
        ("imageDetail.json", {"ImageURI": f"{HOST}/app:latest"}, "must be an image by digest"),
        ("imageDetail.json", {"ImageURI": f"{HOST}/app:latest", "ImageDigest": 7}, "must be an image by digest"),
        ("imageDetail.json", {"ImageURI": f"{HOST}/app@{A}", "ImageDigest": B}, "ImageDigest is another digest"),
        ("imageDetail.json", {"ImageURI": f"{HOST}/other@{A}"}, "/other is not a repository of the document"),
        (
            "imageDetail.json",
            {"ImageURI": f"{HOST.replace('northeast', 'southeast')}/app@{A}"},
            "is not a repository of the document",
        ),
        ("imageDetail-app.json", {"ImageURI": f"{HOST}/nginx@{A}"}, "/nginx is another repository than that of image"),
        ("imageDetail-ap.json", {"ImageURI": f"{HOST}/app@{A}"}, "no image `ap`; did you mean `app`?"),
    ],
)
def test_an_image_detail_of_another_form_is_refused(file: str, content: Any, words: str) -> None:
    """The message names the file and its artifact."""
    (problem,) = refused(lambda: read(file, content, "Image")).problems
    assert problem.startswith(f"{file} of the input artifact Image")
    assert words in problem


@pytest.mark.parametrize(
    ("artifact", "image"), [("App_Image", "app"), ("app_image", "app"), ("nginx", "nginx"), ("", ""), ("Source", "")]
)
def test_images_that_share_a_repository_are_told_apart_by_the_source_action(artifact: str, image: str) -> None:
    """Whose output artifact has its name; otherwise it could be any of them."""
    content = {"ImageURI": f"{HOST}/all@{A}"}

    def call() -> Statement:
        return read("imageDetail.json", content, artifact, images=SHARED, pipeline=SOURCES)

    if image:
        assert call().digests == {image: A}
    else:
        error = refused(call)
        assert "the images app, nginx share the repository" in error.problems[0]
        assert "imageDetail-IMAGE.json" in error.remedy
    named = read("imageDetail-nginx.json", content, artifact, images=SHARED, pipeline=SOURCES)
    assert named.digests == {"nginx": A}


# ---- together ----


def said(source: str, commit: str = "", tagged: tuple[str, ...] = (), **digests: str) -> Statement:
    return Statement(source, digests, commit, frozenset(tagged))


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        ([], HandedOver()),
        ([said("x", SHA)], HandedOver({}, SHA, ())),
        ([said("x", SHA, app=A), said("y", app=A)], HandedOver({"app": A}, SHA, ("x", "y"))),
        ([said("x", app=A), said("y", nginx=B), said("z", SHA)], HandedOver({"app": A, "nginx": B}, SHA, ("x", "y"))),
        ([said("x", app=A, tagged=(SHA,))], HandedOver({"app": A}, SHA, ("x",))),
        ([said("x", app=A, tagged=(SHA, OTHER))], HandedOver({"app": A}, "", ("x",))),
        ([said("x", app=A, tagged=(SHA,)), said("y", nginx=B, tagged=(OTHER,))],
         HandedOver({"app": A, "nginx": B}, "", ("x", "y"))),
        ([said("x", OTHER, app=A, tagged=(SHA,))], HandedOver({"app": A}, OTHER, ("x",))),
    ],
)  # fmt: skip
def test_sources_complete_each_other(statements: list[Statement], expected: HandedOver) -> None:
    """A commit among an image's tags counts only if it is the only one, and nothing else names the commit."""
    assert handed_over.together(statements) == expected


def test_sources_that_contradict_each_other_are_refused() -> None:
    """With both sources and both values, whatever their order."""
    error = refused(lambda: handed_over.together([said("x", SHA, app=A), said("y", OTHER, app=B, nginx=B)]))
    assert error.problems == (
        f"image `app`: x has {A}, but y has {B}",
        f"commit: x has {SHA}, but y has {OTHER}",
    )
    assert "must come from one build" in error.remedy


@pytest.mark.parametrize(
    ("image", "tags", "commits"),
    [
        ("app", ["latest", SHA], set()),
        ("app", [f"app-{SHA}", "app-latest"], {SHA}),
        ("nginx", [f"{SHA}-nginx", f"{OTHER}-nginx", f"app-{SHA}", 7], {SHA, OTHER}),
    ],
)
def test_the_commits_of_an_image_are_among_its_tags(image: str, tags: list[Any], commits: set[str]) -> None:
    """With the image's own prefix and suffix."""
    content = {"ImageURI": f"{HOST}/all@{A}", "ImageTags": tags}
    assert read(f"imageDetail-{image}.json", content, images=SHARED).tagged_with == commits
