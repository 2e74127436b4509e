"""The keys of images from a real checkout: what changes them, what must not, and what takes them away."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from ecs_cd.aws.session import Aws
from ecs_cd.ci.run import identify
from ecs_cd.ci.terminal import Terminal
from ecs_cd.images import content_key
from ecs_cd.images.rules.content import Key
from ecs_cd.job import checkout, state
from ecs_cd.job.job import Job
from ecs_cd.model.build_spec import BuildSpec
from tests.scripted_aws import Clock, Params, ScriptedAws, ecs, error

ECR = "123456789012.dkr.ecr.ap-northeast-1.amazonaws.com"
FILES = {
    "app/Dockerfile": "FROM scratch\nCOPY . .\n",
    "app/.dockerignore": "*.md\n**/node_modules\n.env\n",
    "app/main.py": "one\n",
    "app/README.md": "one\n",
    "app/lib/x.py": "one\n",
    "other/x": "one\n",
    ".gitignore": "node_modules/\n.env\n*.pyc\n",
}
Keys = Callable[..., dict[str, Key]]


def git(*words: str) -> str:
    settings = ("user.name=x", "user.email=x@example.com", "commit.gpgsign=false", "protocol.file.allow=always")
    command = ["git", *(word for setting in settings for word in ("-c", setting)), *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def write(files: Mapping[str, str]) -> None:
    for name, text in files.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text)


def commit(files: Mapping[str, str] | None = None) -> None:
    write(files or {})
    git("add", ".")
    git("commit", "--quiet", "--allow-empty", "--message=x")


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with a context in app/; the current folder."""
    folder = tmp_path / "workspace"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"):
        monkeypatch.setenv(name, os.devnull)
    git("init", "--quiet")
    write(FILES)
    commit()
    return folder


@pytest.fixture
def keys(repository: Path, aws: ScriptedAws, tmp_path: Path) -> Keys:
    """The keys of recipes at HEAD, in an environment with its own home."""

    def ask(*recipes: BuildSpec, at: str = "", **environ: str) -> dict[str, Key]:
        environ = {"RUNNER_TEMP": str(tmp_path), "DOCKER_CONFIG": str(tmp_path / "docker"), **environ}
        job = Job(
            environ,
            identify(environ),
            Terminal(),
            Aws(environ, "ap-northeast-1"),
            Clock(),
            state.State(environ, identify(environ)),
        )
        return content_key.keys(recipes, at or git("rev-parse", "HEAD"), job)

    return ask


@pytest.fixture
def tag(keys: Keys) -> Callable[..., str]:
    """The key of the image in app/, which there must be."""

    def ask(**environ: str) -> str:
        key = keys(BuildSpec("app", context="app"), **environ)["app"]
        assert key.why_not == ""
        return key.tag

    return ask


@pytest.fixture
def why_not(keys: Keys) -> Callable[..., str]:
    """Why the image in app/ has no key, which it must not have."""

    def ask(recipe: BuildSpec = BuildSpec("app", context="app"), **more: str) -> str:  # noqa: B008  # frozen
        key = keys(recipe, **more)["app"]
        assert key.tag == ""
        return key.why_not

    return ask


Tag = Callable[..., str]


# ---- one key ----


def elsewhere() -> None:
    commit({"other/x": "two\n"})


def excluded() -> None:
    commit({"app/README.md": "two\n"})


def another_branch() -> None:
    commit()


def products() -> None:
    """Files that .dockerignore excludes may exist."""
    write({"app/node_modules/x/index.js": "", "app/lib/node_modules/y": "", "app/.env": "SECRET=1", "new": ""})


def dirty_outside() -> None:
    write({"other/x": "two\n", "app/README.md": "three\n"})


def touched() -> None:
    os.utime("app/main.py", (1, 1))


def shallow() -> None:
    """actions/checkout fetches one commit alone."""
    commit()
    place = Path.cwd()
    git("clone", "--quiet", "--depth=1", f"file://{place}", str(place.parent / "clone"))
    os.chdir(place.parent / "clone")


def outside_of_a_link() -> None:
    """The link is in the image, not what it points to."""
    write({"other/x": "three\n"})


@pytest.mark.parametrize(
    "change", [elsewhere, another_branch, products, dirty_outside, touched, shallow, outside_of_a_link]
)
def test_the_same_content_has_the_same_key(change: Callable[[], None], tag: Tag) -> None:
    """At another commit, in another clone, whatever is around it."""
    Path("app/link").symlink_to("../other/x")
    commit()
    before = tag()
    change()
    assert tag() == before


def test_the_context_may_be_behind_a_link(tag: Tag, keys: Keys) -> None:
    """And its path absolute, or with dots."""
    Path("link").symlink_to("app")
    recipes = [
        BuildSpec(str(n), context=context)
        for n, context in enumerate(["link", "./other/../app", str(Path("app").resolve())])
    ]
    assert {key.tag for key in keys(*recipes).values()} == {tag()}


def test_a_clone_of_its_own_folder(tag: Tag, keys: Keys, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """actions/checkout with `path`; the context's path starts at the top of the checkout."""
    known, head = tag(), git("rev-parse", "HEAD")
    monkeypatch.chdir(tmp_path)
    assert keys(BuildSpec("app", context="workspace/app"), at=head)["app"].tag == known


# ---- another key ----


def permissions() -> None:
    """Git has them not, COPY has."""
    Path("app/main.py").chmod(0o640)


def executable() -> None:
    Path("app/main.py").chmod(0o755)
    commit()


def without_file_mode() -> None:
    git("config", "core.fileMode", "false")
    Path("app/main.py").chmod(0o755)


def retargeted() -> None:
    Path("app/link").unlink()
    Path("app/link").symlink_to("../other/y")
    commit()


def removed() -> None:
    Path("app/main.py").unlink()
    commit()


def renamed() -> None:
    Path("app/main.py").rename("app/main2.py")
    commit()


def folder_mode() -> None:
    Path("app/lib").chmod(0o700)


@pytest.mark.parametrize(
    "change",
    [
        lambda: commit({"app/main.py": "two\n"}),
        lambda: commit({"app/new": ""}),
        removed,
        renamed,
        lambda: commit({"app/Dockerfile": "FROM scratch\nCOPY . ./\n"}),
        lambda: commit({"app/.dockerignore": "*.md\n.env\n**/node_modules\n"}),
        lambda: commit({"app/Dockerfile.dockerignore": "*.md\n"}),
        permissions,
        executable,
        without_file_mode,
        retargeted,
        folder_mode,
    ],
)
def test_another_content_has_another_key(change: Callable[[], object], tag: Tag) -> None:
    """Files, their names and permissions, links, the Dockerfile, what is excluded."""
    Path("app/link").symlink_to("../other/x")
    commit()
    before = tag()
    change()
    assert tag() != before


@pytest.mark.parametrize("name", ["app/.dockerignore", "app/Dockerfile.dockerignore"])
def test_a_lone_cr_ends_no_line_of_dockerignore(name: str, tag: Tag) -> None:
    """BuildKit splits lines at LF alone, so the pattern after the CR excludes nothing."""
    Path(name).write_bytes(b"\xef\xbb\xbf.git\r\n#old\rmain.py\r\n*.md\r\n")
    commit()
    before = tag()
    commit({"app/README.md": "three\n"})
    assert tag() == before
    commit({"app/main.py": "three\n"})
    assert tag() != before


def test_what_buildx_passes_to_a_build_by_itself_is_in_the_key(tag: Tag, tmp_path: Path) -> None:
    """SOURCE_DATE_EPOCH of the environment and the proxies of Docker's configuration are build arguments."""

    def with_proxy(address: str) -> str:
        write({f"{tmp_path}/docker/config.json": json.dumps({"proxies": {"default": {"httpProxy": address}}})})
        return tag()

    tags = [
        tag(),
        tag(SOURCE_DATE_EPOCH="1"),
        tag(SOURCE_DATE_EPOCH="2"),
        with_proxy("http://a:1"),
        with_proxy("http://b:1"),
    ]
    assert len(set(tags)) == len(tags)


@pytest.mark.parametrize(
    ("config", "environ", "words"),
    [
        ('{"proxies": {"default": {"httpProxy": "http://me:hunter2@a:1"}}}', {}, "contain a password"),
        ("{}", {"EXPERIMENTAL_BUILDKIT_SOURCE_POLICY": "policy.json"}, "EXPERIMENTAL_BUILDKIT_SOURCE_POLICY"),
        ("{", {"DOCKER_DEFAULT_PLATFORM": "linux/amd64"}, "Docker's configuration can't be read"),
    ],
)
def test_what_may_change_a_build_unseen_rules_a_key_out(
    config: str, environ: dict[str, str], words: str, why_not: Tag, tmp_path: Path
) -> None:
    """Policies that replace images, proxies that no hash may include, a configuration that can't be read."""
    write({f"{tmp_path}/docker/config.json": config})
    assert words in why_not(**environ)


# ---- no key ----


def staged() -> None:
    write({"app/main.py": "two\n"})
    git("add", ".")


def staged_and_new() -> None:
    write({"app/new": ""})
    git("add", ".")


def not_utf8() -> None:
    Path("app/Dockerfile").write_bytes(b"\xff")
    commit()


def excluded_policy() -> None:
    """buildx reads it beside the Dockerfile, whatever .dockerignore says."""
    commit({"app/.dockerignore": "*.rego\n", "app/Dockerfile.rego": "package docker\n"})


def secret_behind_a_lone_cr() -> None:
    """For BuildKit, a CR alone ends no line: the pattern is a part of the comment."""
    Path("app/.dockerignore").write_bytes(b"#old\rsecret.txt\n")
    commit()
    write({"app/secret.txt": ""})


def ignored_product() -> None:
    """Git ignores it, the build sees it."""
    write({"app/lib/x.pyc": ""})


def submodule() -> None:
    subprocess.run(["git", "clone", "--quiet", ".", "../library"], check=True, capture_output=True)
    git("submodule", "--quiet", "add", str(Path("../library").resolve()), "app/vendor")
    commit()


def submodule_not_fetched() -> None:
    submodule()
    git("submodule", "--quiet", "deinit", "--force", "app/vendor")


def sparse() -> None:
    git("sparse-checkout", "set", "--no-cone", "/*", "!/app/lib/")


def line_ends() -> None:
    """Git converts them there and back, and says that nothing is changed."""
    git("config", "core.autocrlf", "true")
    Path("app/main.py").unlink()
    git("checkout", "--", "app/main.py")
    assert Path("app/main.py").read_bytes() == b"one\r\n"
    assert checkout.differences(["app"]) == []


def keyword() -> None:
    commit({".gitattributes": "*.py ident\n", "app/main.py": "# $Id$\n"})
    Path("app/main.py").unlink()
    git("checkout", "--", "app/main.py")


def expanded() -> None:
    """A keyword that was committed with a value gets another one of the same length, and Git sees no change."""
    commit({"app/main.py": f"# $Id: {'a' * 40} $\n"})
    Path(".git/info/attributes").write_text("*.py ident\n")
    Path("app/main.py").unlink()
    git("checkout", "--", "app/main.py")
    os.utime(".git/index", (2**31, 2**31))  # as in a large checkout: written long after this file
    assert checkout.differences(["app"]) == []


def pointer() -> None:
    """`lfs: true` was forgotten: the build would see the pointer."""
    oid = hashlib.sha256(b"data").hexdigest()
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize 4\n"
    commit({".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n", "app/x.bin": pointer})


def replaced() -> None:
    """By a file of the same size and time, which Git can be configured to overlook."""
    git("config", "core.checkStat", "minimal")
    os.utime("app/main.py", (1, 1))
    git("update-index", "--refresh")
    write({"app/new": "two\n"})
    os.utime("app/new", (1, 1))
    Path("app/new").replace("app/main.py")
    assert git("status", "--porcelain") == ""


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda: write({"app/main.py": "two\n"}), "app/main.py differs from the commit"),
        (lambda: Path("app/main.py").unlink(), "app/main.py is in the commit but missing in the checkout"),
        (lambda: Path("app/main.py").chmod(0o755), "app/main.py differs from the commit"),
        (lambda: write({"app/new": ""}), "the build sees app/new,"),
        (staged, "app/main.py differs from the commit"),
        (staged_and_new, "the build sees app/new,"),
        (lambda: write({"app/lib/new/x": ""}), "the build sees app/lib/new/,"),
        (lambda: Path("app/empty").mkdir(), "the build sees app/empty/,"),
        (ignored_product, "the build sees app/lib/x.pyc,"),
        (lambda: write({"app/node_modules2/x": ""}), "the build sees app/node_modules2/,"),
        (lambda: os.mkfifo("app/pipe"), "the build sees app/pipe,"),
        (lambda: git("init", "--quiet", "app/lib/nested"), "the build sees app/lib/nested/,"),
        (lambda: git("update-index", "--assume-unchanged", "app/main.py"), "app/main.py is marked assume-unchanged"),
        (lambda: git("update-index", "--skip-worktree", "app/main.py"), "app/main.py is marked assume-unchanged"),
        (sparse, "app/lib/x.py is in the commit but missing in the checkout"),
        (submodule, "app/vendor is a submodule"),
        (submodule_not_fetched, "app/vendor is a submodule"),
        (line_ends, "app/main.py has other line endings"),
        (keyword, "app/main.py has other line endings or keywords"),
        (pointer, "app/x.bin doesn't match its Git LFS pointer"),
        (replaced, "app/main.py differs from the commit"),
        (lambda: commit({".gitattributes": "*.py filter=crypt\n"}), "filter=crypt"),
        (lambda: commit({".gitattributes": "*.py working-tree-encoding=UTF-8\n"}), "UTF-8"),
        (lambda: Path(".git/info/attributes").write_text("*.py filter=crypt\n"), "filter=crypt"),
        (expanded, "Git expands keywords in app/main.py: ident in .gitattributes"),
        (lambda: write({"app/Dockerfile.dockerignore": "*\n"}), "the build sees app/Dockerfile.dockerignore,"),
        (lambda: commit({"app/Dockerfile.dockerignore": ""}), "is empty"),
        (lambda: write({"app/.dockerignore": "*\n"}), "app/.dockerignore differs from the commit"),
        (lambda: write({"app/Dockerfile": "FROM a\n"}), "app/Dockerfile differs from the commit"),
        (lambda: commit({"app/Dockerfile": "FROM node:20\n"}), "(node:20); pin its digest"),
        (lambda: commit({"app/Dockerfile": "FROM scratch\nADD https://x.example/ /\n"}), "line 2 of the Dockerfile"),
        (not_utf8, "app/Dockerfile can't be read"),
        (lambda: commit({"app/Dockerfile": "FROM scratch\n# a\rCOPY --from=b /b /b\nRUN x \r\\\n y\n"}), "line 3"),
        (lambda: write({"app/Dockerfile.rego": "package docker\n"}), "app/Dockerfile.rego"),
        (excluded_policy, "app/Dockerfile.rego"),
        (secret_behind_a_lone_cr, "the build sees app/secret.txt,"),
    ],
)  # fmt: skip
def test_where_the_content_is_not_certainly_the_commits_there_is_no_key(
    change: Callable[[], object], words: str, tag: Tag, why_not: Tag
) -> None:
    """It says which file it is; what was certain before is not any more."""
    assert tag()
    change()
    assert words in why_not()


def whole_checkout() -> BuildSpec:
    commit({"Dockerfile": "FROM scratch\n"})
    return BuildSpec("app")


def linked_dockerfile() -> BuildSpec:
    Path("app/Linked").symlink_to("Dockerfile")
    commit()
    return BuildSpec("app", context="app", file="app/Linked")


def linked_dockerignore() -> BuildSpec:
    Path("app/.dockerignore").unlink()
    Path("app/.dockerignore").symlink_to("../other/x")
    commit()
    return BuildSpec("app", context="app")


def in_another_checkout() -> BuildSpec:
    git("init", "--quiet", "../another")
    write({"../another/Dockerfile": "FROM scratch\n"})
    return BuildSpec("app", context="app", file="../another/Dockerfile")


def in_no_checkout() -> BuildSpec:
    write({"../none/Dockerfile": "FROM scratch\n"})
    return BuildSpec("app", context="../none")


def broken_checkout() -> BuildSpec:
    Path(".git/HEAD").write_text("broken")
    return BuildSpec("app", context="app")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (
            whole_checkout,
            "the build sees .git/, which is not in the commit; list it in .dockerignore",
        ),
        (lambda: BuildSpec("app", context="nope"), "there is no "),
        (lambda: BuildSpec("app", context="other"), "there is no "),
        (lambda: BuildSpec("app", context="app", file="-"), "there is no "),
        (lambda: BuildSpec("app", context="app", secret_envs={"npm": "X"}), "the build has secrets"),
        (lambda: BuildSpec("app", context="https://github.com/x/y.git"), "not a folder of the checkout"),
        (linked_dockerfile, "app/Linked is not a regular file"),
        (linked_dockerignore, "app/.dockerignore is not a regular file"),
        (in_another_checkout, "not in the same Git checkout"),
        (in_no_checkout, "not in the same Git checkout"),
        (broken_checkout, "Git can't list"),
    ],
)
def test_what_is_not_in_the_checkout_has_no_key(make: Callable[[], BuildSpec], words: str, why_not: Tag) -> None:
    """Nor what is behind a link, or elsewhere."""
    recipe = make()
    assert words in why_not(recipe, **({"at": "c" * 40} if make is broken_checkout else {}))


def test_the_commit_must_be_the_checkouts(why_not: Tag, repository: Path) -> None:
    """What is seen here is HEAD's."""
    head = git("rev-parse", "HEAD")
    assert why_not(at="c" * 40) == f"the checkout is at {head}, not at {'c' * 40}"


def test_without_git_there_is_no_key(why_not: Tag, repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a bare container job."""
    head = git("rev-parse", "HEAD")
    monkeypatch.setenv("PATH", str(repository))
    assert why_not(at=head) == "Git can't list the files of the checkout"


@pytest.fixture
def unpacked(keys: Keys, repository: Path) -> Callable[..., Key]:
    """The key of app/ in a folder of CodeBuild with the commit's files and without Git, as CodePipeline unpacks them."""
    head = git("rev-parse", "HEAD")
    for each in (repository / ".git").rglob("*"):
        each.chmod(0o700)
    shutil.rmtree(repository / ".git")

    def ask(recipe: BuildSpec = BuildSpec("app", context="app"), **environ: str) -> Key:  # noqa: B008  # frozen
        build = {"CODEBUILD_BUILD_ID": "build:1", "CODEBUILD_SRC_DIR": str(repository)}
        return keys(recipe, at=head, **build, **environ)["app"]

    return ask


def test_without_git_the_files_are_the_content(unpacked: Callable[..., Key]) -> None:
    """The same files have the same key, wherever they come from; what .dockerignore lists doesn't count."""
    first = unpacked()
    assert first.tag.startswith("content-"), first.why_not
    write({"app/.env": "x", "app/README.md": "two\n", "app/node_modules/x.js": "x", "other/x": "two\n"})
    assert unpacked() == first
    write({"app/main.py": "two\n"})
    changed = unpacked()
    write({"app/main.py": "one\n"})
    assert changed.tag not in ("", first.tag)
    assert unpacked() == first


def _executable() -> None:
    Path("app/main.py").chmod(0o755)


@pytest.mark.parametrize(
    "change",
    [
        _executable,
        lambda: write({"app/generated.py": "x"}),
        lambda: Path("app/link").symlink_to("main.py"),
        lambda: Path("app/lib/x.py").rename("app/lib/y.py"),
        lambda: write({"app/Dockerfile": "FROM scratch\nCOPY . /app\n"}),
        lambda: write({"app/.dockerignore": "*.md\n"}),
    ],
    ids=["a permission", "a new file", "a link", "a name", "the Dockerfile", ".dockerignore"],
)
def test_without_git_every_change_has_another_key(unpacked: Callable[..., Key], change: Callable[[], Any]) -> None:
    """Also what an earlier command of the build has made."""
    before = unpacked()
    change()
    assert unpacked().tag not in ("", before.tag)


def test_without_git_a_key_is_not_that_of_a_checkout(keys: Keys, request: pytest.FixtureRequest) -> None:
    """Git can convert files, so the same commit may have other files on disk."""
    by_git = keys(BuildSpec("app", context="app"))["app"]
    unpacked: Callable[..., Key] = request.getfixturevalue("unpacked")
    assert by_git.tag
    assert unpacked().tag not in ("", by_git.tag)


def test_without_git_only_a_workspace_counts(unpacked: Callable[..., Key]) -> None:
    """Elsewhere nothing says where the top is, which is part of the key; a pipe is no file."""
    write({"../none/Dockerfile": "FROM scratch\n"})
    assert "not in the same Git checkout" in unpacked(BuildSpec("app", context="../none")).why_not
    os.mkfifo("app/pipe")
    assert "the build sees app/pipe" in unpacked().why_not


def test_the_whole_checkout_as_context(keys: Keys) -> None:
    """With .git listed in .dockerignore; the Dockerfile elsewhere, with its own .dockerignore."""
    commit({"docker/Dockerfile": "FROM scratch\n", "docker/Dockerfile.dockerignore": ".git\ndocs\n", "docs/x": "1"})
    recipe = BuildSpec("app", file="docker/Dockerfile")
    before = keys(recipe)["app"]
    assert before.why_not == ""
    commit({"docs/x": "2"})
    assert keys(recipe)["app"] == before
    commit({"docs2/x": "2"})
    assert keys(recipe)["app"] not in (before, Key())


def test_a_fetched_file_of_lfs_has_a_key(
    tag: Tag, why_not: Tag, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The program is a stand-in for git-lfs, which is not needed to check its result."""
    oid = hashlib.sha256(b"data").hexdigest()
    pointer = f"version https://git-lfs.github.com/spec/v1\\noid sha256:{oid}\\nsize 4\\n"
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "git-lfs").write_text(f"#!/bin/sh\nprintf '{pointer}'\n")
    (tmp_path / "tools" / "git-lfs").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "tools"), prepend=os.pathsep)
    git("config", "filter.lfs.clean", "git-lfs clean -- %f")
    git("config", "filter.lfs.smudge", "printf data")
    commit({".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n", "app/x.bin": "data"})
    assert git("cat-file", "blob", "HEAD:app/x.bin").startswith("version https://git-lfs")
    assert tag()
    Path("app/x.bin").write_text("atad")
    assert checkout.differences(["app"]) == []  # so the filter says
    assert "app/x.bin doesn't match its Git LFS pointer" in why_not()


# ---- base images ----


def there(aws: ScriptedAws, images: dict[str, str]) -> None:
    """Digests in ECR by repository and tag."""

    def answer(params: Params) -> Params:
        tags = [image_id["imageTag"] for image_id in params["imageIds"]]
        known = {tag: images.get(f"{params['repositoryName']}:{tag}") for tag in tags}
        found = [
            {"imageId": {"imageTag": tag, "imageDigest": digest}, "imageManifest": "{}"}
            for tag, digest in known.items()
            if digest
        ]
        missing = [{"imageId": {"imageTag": tag}, "failureCode": "ImageNotFound"} for tag in tags if not known[tag]]
        return {"images": found, "failures": missing}

    aws.on("ecr.BatchGetImage", answer)


OTHER = "sha256:" + "0" * 64


def test_a_base_image_in_ecr_is_in_the_key_by_its_digest(aws: ScriptedAws, keys: Keys) -> None:
    """And the builder uses that digest, whatever the tag points to by then."""
    commit({"app/Dockerfile": f"ARG V\nFROM {ECR}/base:${{V}}\nFROM {ECR}/base AS x\n"})
    recipe = BuildSpec("app", context="app", build_args=("V=1",))
    there(aws, {"base:1": ecs.DIGEST, "base:latest": OTHER})
    first = keys(recipe)["app"]
    assert first.bases == {f"{ECR}/base:1": f"{ECR}/base@{ecs.DIGEST}", f"{ECR}/base": f"{ECR}/base@{OTHER}"}
    there(aws, {"base:1": ecs.DIGEST, "base:latest": ecs.DIGEST})
    second = keys(recipe)["app"]
    assert first.tag != second.tag
    assert "content-" in first.tag
    assert "content-" in second.tag


@pytest.mark.parametrize(
    "code", ["RepositoryNotFoundException", "AccessDeniedException", "ExpiredTokenException", "ImageNotFound"]
)
def test_a_base_image_that_can_not_be_read_is_a_doubt(
    aws: ScriptedAws, why_not: Tag, code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The build may have permissions that this step lacks; the log has ECR's answer."""
    commit({"app/Dockerfile": f"FROM {ECR}/base:1\n"})
    there(aws, {})
    if code != "ImageNotFound":
        aws.on("ecr.BatchGetImage", error(code))
    assert why_not() == f"the base image {ECR}/base:1 is not in ECR, or can't be read"
    assert ("can't be read (" in capsys.readouterr().out) is (code != "ImageNotFound")


# ---- the builder ----


@pytest.mark.parametrize(
    ("environ", "files"),
    [
        ({"DOCKER_HOST": "unix:///var/run/docker.sock"}, {}),
        ({"DOCKER_CONTEXT": "default"}, {"config.json": {"currentContext": "default"}}),
        ({}, {"config.json": {"auths": {}}, "buildx/current": {"Name": ""}}),
        (
            {},
            {
                "buildx/current": {"Name": "b"},
                "buildx/instances/b": {
                    "Driver": "docker-container",
                    "Nodes": [{"Endpoint": "unix:///var/run/docker.sock", "Platforms": None}, {"Endpoint": "default"}],
                },
            },
        ),
        ({"BUILDX_BUILDER": "default"}, {"buildx/current": {"Name": "b"}}),
    ],
)
def test_a_builder_on_this_machine_builds_for_it(
    environ: dict[str, str], files: dict[str, object], tag: Tag, tmp_path: Path
) -> None:
    """The engine's own, or one that docker/setup-buildx-action made."""
    before = tag()
    write({str(tmp_path / "docker" / name): json.dumps(text) for name, text in files.items()})
    assert tag(**environ) == before


@pytest.mark.parametrize(
    ("environ", "files"),
    [
        ({"DOCKER_HOST": "tcp://arm:2376"}, {}),
        ({"DOCKER_HOST": "ssh://arm"}, {}),
        ({"DOCKER_CONTEXT": "arm"}, {}),
        ({}, {"config.json": {"currentContext": "arm"}}),
        ({}, {"config.json": []}),
        ({"BUILDX_BUILDER": "gone"}, {}),
        ({"BUILDX_BUILDER": "b"}, {"buildx/instances/b": {"Driver": "remote", "Nodes": [{"Endpoint": "tcp://arm"}]}}),
        ({}, {"buildx/current": {"Name": "b"}, "buildx/instances/b": {"Driver": "cloud"}}),
        ({}, {"buildx/current": {"Name": "b"}, "buildx/instances/b": {"Nodes": [{"Endpoint": "arm"}]}}),
        ({}, {"buildx/current": {"Name": "b"}, "buildx/instances/b": {"Nodes": [{"Platforms": [{"architecture": "arm64"}]}]}}),
        ({}, {"buildx/current": {"Name": ""}, "buildx/defaults/0123": "b"}),
        ({}, {"buildx/current": "no object"}),
    ],
)  # fmt: skip
def test_a_builder_that_may_be_elsewhere_needs_platforms(
    environ: dict[str, str], files: dict[str, object], tag: Tag, why_not: Tag, keys: Keys, tmp_path: Path
) -> None:
    """ecs-cd does not ask Docker for its platform; the recipe or the environment has to name it."""
    before = tag()
    write({str(tmp_path / "docker" / name): json.dumps(text) for name, text in files.items()})
    assert "platforms" in why_not(**environ)
    assert tag(DOCKER_DEFAULT_PLATFORM="linux/arm64", **environ) != before
    assert keys(BuildSpec("app", context="app", platforms=("linux/arm64",)), **environ)["app"].tag not in ("", before)


# ---- how much it costs ----


def test_twenty_images_cost_six_processes_and_a_call_for_each_repository_of_bases(
    aws: ScriptedAws, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever their contexts; Docker is not among them."""
    for n in range(20):
        write({f"images/{n}/Dockerfile": f"FROM {ECR}/base-{n % 2}:{n}\nCOPY . .\n"})
    commit()
    there(aws, {f"base-{n % 2}:{n}": ecs.DIGEST for n in range(20)})
    head = git("rev-parse", "HEAD")
    started: list[str] = []
    run = subprocess.run

    def counted(command: Sequence[str], **more: Any) -> Any:
        started.append(command[0])
        return run(command, **more)

    monkeypatch.setattr(subprocess, "run", counted)
    recipes = [BuildSpec(str(n), context=f"images/{n}") for n in range(20)]
    found = keys(*recipes, *(BuildSpec(f"all-{n}", context="app", target=str(n)) for n in range(20)), at=head)
    assert {key.why_not for key in found.values()} == {""}
    assert len({key.tag for key in found.values()}) == 40
    assert started == ["git"] * 6
    assert aws.count("ecr.BatchGetImage") == 2


def test_what_is_excluded_or_in_doubt_is_not_looked_into(
    keys: Keys, tag: Tag, why_not: Tag, monkeypatch: pytest.MonkeyPatch
) -> None:
    """node_modules may have more files than all the rest."""
    write({"app/node_modules/x/y/z": ""})
    looked_into: list[str] = []
    scan = os.scandir

    def noted(folder: str) -> Any:
        looked_into.append(Path(folder).name)
        return scan(folder)

    monkeypatch.setattr(os, "scandir", noted)
    assert tag()
    assert sorted(looked_into) == ["app", "lib"]
    write({"app/cache/x/y": ""})
    assert "app/cache/" in why_not()
    assert "cache" not in looked_into


def test_images_are_judged_each_by_itself(keys: Keys) -> None:
    """One without a key takes none from the others."""
    commit({"other/Dockerfile": "FROM node:20\n"})
    found = keys(
        BuildSpec("app", context="app"), BuildSpec("other", context="other"), BuildSpec("none", context="none")
    )
    assert [bool(key.tag) for key in found.values()] == [True, False, False]
    assert list(found) == ["app", "other", "none"]
