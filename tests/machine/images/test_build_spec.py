"""Which images are built, and how: inputs over the app's file over the default."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ecs_cd.aws.session import Aws
from ecs_cd.ci.run import identify
from ecs_cd.ci.terminal import Terminal
from ecs_cd.document.rules.document import Document
from ecs_cd.images import build_spec
from ecs_cd.inputs.build_push import BuildPush
from ecs_cd.inputs.options import read
from ecs_cd.job import state
from ecs_cd.job.job import Job
from ecs_cd.model.build_spec import BuildSpec
from ecs_cd.model.errors import Refused
from ecs_cd.model.references import Repository
from tests.scripted_aws import Clock

Wanted = Callable[..., "list[BuildSpec]"]
ECR = "123456789012.dkr.ecr.ap-northeast-1.amazonaws.com"
APP, NGINX = Repository(ECR, "my-app"), Repository(ECR, "my-nginx")


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout, which is the working directory."""
    (tmp_path / "checkout").mkdir()
    (tmp_path / "checkout" / ".git").touch()  # a file, as in a worktree
    monkeypatch.chdir(tmp_path / "checkout")
    return tmp_path / "checkout"


@pytest.fixture
def wanted(checkout: Path, tmp_path: Path) -> Wanted:
    """The recipes for inputs by name, and the app's file as text."""
    environ = {"RUNNER_TEMP": str(tmp_path)}
    job = Job(
        environ, identify(environ), Terminal(), Aws(environ, "r"), Clock(), state.State(environ, identify(environ))
    )

    def run(text: str = "", images: dict[str, Repository] | None = None, **inputs: str) -> list[BuildSpec]:
        if text:
            (checkout / ".github").mkdir(exist_ok=True)
            (checkout / build_spec.FILE).write_text(text)
        given = {"config": "/p", **{name.replace("_", "-"): value for name, value in inputs.items()}}
        found = {"app": APP, "nginx": NGINX} if images is None else images
        return build_spec.wanted(read(BuildPush, given), Document("c", found, {}), job)

    return run


def problems(wanted: Wanted, *words: Any, **inputs: Any) -> list[str]:
    with pytest.raises(Refused) as refused:
        wanted(*words, **inputs)
    return list(refused.value.problems)


# ---- which images ----


def test_all_images_of_the_document_or_the_one_that_is_named(
    wanted: Wanted, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the document's order, even if the app's file leaves some out; the log skips defaults."""
    assert wanted() == [BuildSpec("app"), BuildSpec("nginx")]
    assert wanted(image="nginx") == [BuildSpec("nginx")]
    assert capsys.readouterr().out == ""
    assert wanted("images: {nginx: {context: web}}") == [BuildSpec("app"), BuildSpec("nginx", context="web")]


@pytest.mark.parametrize("image", ["", "app"])
def test_a_name_that_the_document_lacks_is_refused_with_both_places(wanted: Wanted, image: str) -> None:
    """The message names where it occurs and where it is missing, even if another image is built."""
    assert problems(wanted, "images: {appp: {}, db: {}}", image=image) == [
        ".github/ecs-cd.yml, images.appp: the document has no image `appp`; did you mean `app`?; /p has app, nginx",
        ".github/ecs-cd.yml, images.db: the document has no image `db`; /p has app, nginx",
    ]
    assert problems(wanted, "images: {app: {}}", image="api")[0].startswith("image: the document has no image `api`")


@pytest.mark.parametrize("name", ["context", "file", "target", "cache_to"])
def test_what_goes_with_one_image_is_refused_for_several(wanted: Wanted, name: str) -> None:
    """For the others it would be wrong; with the image's name, or a document of one image, it is clear."""
    assert problems(wanted, **{name: "x"}) == [
        f"{name.replace('_', '-')}: applies to a single image: name it in `image`, or set it for each image in .github/ecs-cd.yml"
    ]
    assert len(wanted(**{name: "x", "image": "app"})) == 1
    assert len(wanted(images={"app": APP}, **{name: "x"})) == 1


def test_two_images_of_one_repository_are_refused(wanted: Wanted) -> None:
    """Also one at a time: the second would count as built, because its commit's tag exists."""
    images = {"app": APP, "worker": APP, "nginx": NGINX}
    for image in ("", "app", "worker"):
        (found,) = problems(wanted, images=images, image=image)
        assert found.startswith("images.worker.repository: is the same as that of images.app")
    assert wanted(images=images, image="nginx") == [BuildSpec("nginx")]


def test_all_problems_are_told_at_once(wanted: Wanted) -> None:
    """Of the inputs, of the file and of the document."""
    text, images = "images: {db: {}}", {"app": APP, "worker": APP}
    found = problems(wanted, text, images, target="x", secrets="npm=hunter2", secret_envs="npm=A", secret_files="npm=b")
    assert [sentence.partition(":")[0] for sentence in found] == [
        ".github/ecs-cd.yml, images.db",
        "target",
        "secret-envs",
        "secret-files",
        "secret-files",
        "images.worker.repository",
    ]
    assert "hunter2" not in "".join(found)


def test_a_file_that_is_not_valid_is_refused(wanted: Wanted) -> None:
    """By its own name, though another file could be meant by the path."""
    assert problems(wanted, "images: {app: {contxt: .}}") == [
        "the app's file .github/ecs-cd.yml has 1 problem:",
        "images.app.contxt: unknown key; did you mean `context`?",
    ]


# ---- whose word counts ----

FILE = """
images:
  app:
    context: app
    file: docker/Dockerfile
    target: production
    build-args: {NODE_ENV: production, PORT: "80"}
    platforms: [linux/amd64, linux/arm64]
    secrets: {npm: {env: NPM_TOKEN}, cert: {file: ca.pem}}
    cache: registry
"""


@pytest.mark.parametrize(
    ("inputs", "field", "value", "source"),
    [
        ({}, "context", "app", ".github/ecs-cd.yml"),
        ({"context": "."}, "context", ".", ""),  # the default again
        ({"context": "other"}, "context", "other", "input"),
        ({}, "file", "docker/Dockerfile", ".github/ecs-cd.yml"),
        ({"file": "x"}, "file", "x", "input"),
        ({"target": "x"}, "target", "x", "input"),
        ({}, "build_args", ("NODE_ENV=production", "PORT=80"), ".github/ecs-cd.yml"),
        (
            {"build_args": "PORT=81\nMORE"},
            "build_args",
            ("NODE_ENV=production", "PORT=81", "MORE"),
            ".github/ecs-cd.yml, input",
        ),
        ({"build_args": "PORT=81\nNODE_ENV=x"}, "build_args", ("PORT=81", "NODE_ENV=x"), "input"),
        ({}, "platforms", ("linux/amd64", "linux/arm64"), ".github/ecs-cd.yml"),
        ({"platforms": "linux/arm64"}, "platforms", ("linux/arm64",), "input"),
        ({}, "secret_envs", {"npm": "NPM_TOKEN"}, ".github/ecs-cd.yml"),
        ({"secret_envs": "npm=OTHER"}, "secret_envs", {"npm": "OTHER"}, "input"),
        ({"secret_envs": "more=A"}, "secret_envs", {"npm": "NPM_TOKEN", "more": "A"}, ".github/ecs-cd.yml, input"),
        ({"secrets": "npm=hunter2"}, "secrets", {"npm": "hunter2"}, "input"),
        ({"secrets": "npm=hunter2"}, "secret_envs", {}, ""),
        ({"secret_files": "npm=token"}, "secret_envs", {}, ""),
        ({"secrets": "cert=hunter2"}, "secret_files", {}, ""),
        ({}, "cache", "registry", ".github/ecs-cd.yml"),
        ({"cache": "gha"}, "cache", "gha", "input"),
        ({"cache": "none"}, "cache", "none", ""),
        ({"cache_from": "type=gha"}, "cache_from", ("type=gha",), "input"),
        ({"cache_to": "type=gha"}, "cache_to", ("type=gha",), "input"),
        ({"labels": "a=b"}, "labels", ("a=b",), "input"),
        ({"provenance": "mode=max"}, "provenance", "mode=max", "input"),
        ({"sbom": "true"}, "sbom", "true", "input"),
    ],
)
def test_an_input_beats_the_file_and_the_log_says_whose_word_it_is(
    wanted: Wanted,
    capsys: pytest.CaptureFixture[str],
    inputs: dict[str, str],
    field: str,
    value: object,
    source: str,
) -> None:
    """Build arguments and secrets by name, everything else as a whole; the log skips defaults."""
    (recipe,) = wanted(FILE, image="app", **inputs)
    assert getattr(recipe, field) == value
    (line,) = capsys.readouterr().out.splitlines()
    name = field.replace("_", "-")
    assert line.startswith("image app: ")
    assert (f"{name} ({source})" in line) if source else (f"{name} (" not in line)
    assert "hunter2" not in line + repr(recipe)


def test_the_log_has_a_line_for_each_image_without_values(wanted: Wanted, capsys: pytest.CaptureFixture[str]) -> None:
    """In the order of the recipe's parts."""
    wanted("images: {app: {context: secret-place}, nginx: {cache: inline}}", build_args="A=hunter2")
    assert capsys.readouterr().out.splitlines() == [
        "image app: context (.github/ecs-cd.yml), build-args (input)",
        "image nginx: build-args (input), cache (.github/ecs-cd.yml)",
    ]


# ---- where the file is ----


def test_without_the_file_there_is_none(checkout: Path) -> None:
    """The file is optional."""
    assert build_spec.file() is None


def test_from_a_folder_below_the_checkouts_file_is_found_and_its_paths_are_its_own(
    wanted: Wanted, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They start at the folder that holds .github; a Git URL, and the Dockerfile in it, stay as they are."""
    (checkout / "infra" / "deep").mkdir(parents=True)
    monkeypatch.chdir(checkout / "infra" / "deep")
    (app, nginx) = wanted(
        "images: {app: {context: app, file: docker/Dockerfile, secrets: {cert: {file: ca.pem}}}, "
        "nginx: {context: 'https://github.com/org/nginx.git', file: Dockerfile}}"
    )
    assert app.context == str(checkout / "app")
    assert app.file == str(checkout / "docker" / "Dockerfile")
    assert app.secret_files == {"cert": str(checkout / "ca.pem")}
    assert (nginx.context, nginx.file) == ("https://github.com/org/nginx.git", "Dockerfile")
    assert build_spec.file() == checkout / build_spec.FILE


def test_the_working_directorys_file_comes_first(
    wanted: Wanted, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A part of a larger repository may have its own."""
    wanted("images: {app: {context: above}}")
    (checkout / "part" / ".github").mkdir(parents=True)
    (checkout / "part" / build_spec.FILE).write_text("images: {app: {context: here}}")
    monkeypatch.chdir(checkout / "part")
    assert wanted(image="app") == [BuildSpec("app", context="here")]


def test_beyond_the_checkout_nothing_is_looked_for(
    wanted: Wanted, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A parent folder of the checkout, or a folder without a checkout, may belong to another user."""
    wanted("images: {app: {context: above}}")
    inner = checkout / "inner"
    inner.mkdir()
    (inner / ".git").touch()
    monkeypatch.chdir(inner)
    assert build_spec.file() is None
    (inner / ".git").unlink()
    (checkout / ".git").unlink()
    assert build_spec.file() is None


@pytest.mark.parametrize("kind", ["dangling link", "folder", "not UTF-8"])
def test_a_file_that_can_not_be_read_is_not_taken_for_none(wanted: Wanted, checkout: Path, kind: str) -> None:
    """An image would be built with other settings than it says."""
    (checkout / ".github").mkdir()
    if kind == "dangling link":
        (checkout / build_spec.FILE).symlink_to("nowhere")
    elif kind == "folder":
        (checkout / build_spec.FILE).mkdir()
    else:
        (checkout / build_spec.FILE).write_bytes(b"\xff\xfe")
    (found,) = problems(wanted)
    assert found.startswith("the app's file .github/ecs-cd.yml can't be read: ")


@pytest.mark.parametrize(
    ("image", "key"),
    [
        ("{context: ..}", "context"),
        ("{context: /etc}", "context"),
        ("{context: link}", "context"),
        ("{file: ../Dockerfile}", "file"),
        ("{file: /proc/self/environ}", "file"),
        ("{secrets: {a: {file: /proc/self/environ}}}", "secrets.a.file"),
        ("{secrets: {a: {file: ../home/.docker/config.json}}}", "secrets.a.file"),
        ("{secrets: {a: {file: link/passwd}}}", "secrets.a.file"),
        ("{context: 'https://github.com/o/r.git', secrets: {a: {file: /etc/passwd}}}", "secrets.a.file"),
    ],
)
def test_the_apps_file_reads_nothing_of_the_runner(wanted: Wanted, checkout: Path, image: str, key: str) -> None:
    """A commit could put the runner's own files into an image, or give them to its Dockerfile as secrets."""
    (checkout / "link").symlink_to("/etc")
    expected = f".github/ecs-cd.yml, images.app.{key}: leads out of the checkout; only an input can do that"
    assert problems(wanted, f"images: {{app: {image}}}") == [expected]


def test_an_input_may_lead_out_of_the_checkout(wanted: Wanted, checkout: Path, tmp_path: Path) -> None:
    """The workflow says so, not the commit; within the checkout the file may go up and down."""
    (app, _) = wanted("images: {app: {context: app/../lib, file: ./x/../Dockerfile}}", secret_files="a=/etc/x")
    assert app.secret_files == {"a": "/etc/x"}
    (app,) = wanted("", image="app", context=str(tmp_path))
    assert app.context == str(tmp_path)


@pytest.mark.parametrize(
    "variable",
    [
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
        "ACTIONS_RUNTIME_TOKEN",
        "GITHUB_TOKEN",
        "AWS_SECRET_ACCESS_KEY",
        "INPUT_SECRETS",
    ],
)
def test_the_apps_file_does_not_ask_for_the_jobs_identity(wanted: Wanted, variable: str) -> None:
    """Its Dockerfile, which is of the same commit, could act as the job; the workflow can pass it by an input."""
    (sentence,) = problems(wanted, f"images: {{app: {{secrets: {{a: {{env: {variable}}}}}}}}}")
    assert sentence.startswith(f".github/ecs-cd.yml, images.app.secrets.a.env: {variable} is a credential of the job")
    (app, _) = wanted("images: {app: {}}", secret_envs=f"a={variable}")
    assert app.secret_envs == {"a": variable}
