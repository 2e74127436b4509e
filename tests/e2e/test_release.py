"""release.yml under act, with a bare repository for GitHub and stand-ins for GitHub's actions. No engine."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from dev.host import ROOT
from dev.release import notes
from dev.versions import is_latest, moving_tags, parse
from dev.workflows import commit, git
from ecs_cd import __version__
from ecs_cd.local import act
from tests.contract import fake_gh

pytestmark = pytest.mark.e2e

VERSION = parse(__version__)
TAG = VERSION.tag
MOVING = moving_tags(VERSION, [])
ADDRESS = "https://github.com/octo/ecs-cd.git"
MAKEFILE = """lint test:
\t@echo "$@ passed on $$(git rev-parse HEAD)"
release-tree:
\t@cp -a "$(TREE)" "$(DEST)"
\t@mkdir -p "$(DEST)/src/__pycache__" && cd "$(DEST)/src/__pycache__" && touch $(patsubst %,x.cpython-%.pyc,310 312 314)
"""
# What each stand-in does. Steps see the environment that act was started with; act copies the repository, and so checks out.
STAND_INS = {
    "actions/checkout": "true",
    "actions/setup-python": "true",
    "actions/upload-artifact": 'cp "$INPUT_PATH" "$HANDED_OVER"',
    "actions/attest": 'echo "act has no OIDC token: not attested"; echo "$SUBJECT" > "$HANDED_OVER/attested"',
    "actions/download-artifact": 'sh -c "$MEANWHILE"; cp "$HANDED_OVER"/*.tar.gz "$INPUT_PATH"',
}
ACTION = """name: stand-in
inputs: {path: {}, subject-name: {}, subject-digest: {}}
runs:
  using: composite
  steps:
    - shell: bash
      env:
        INPUT_PATH: ${{ inputs.path }}
        SUBJECT: ${{ inputs.subject-digest }}  ${{ inputs.subject-name }}
      run: |
        %s
"""


@dataclass(frozen=True)
class Project:
    """These sources with a quick Makefile, and the bare repository that they are pushed to."""

    repo: Path
    remote: Path
    place: Path
    tree: Path

    def release(self, version: str = __version__, *, meanwhile: str = "") -> act.Result:
        """Runs the workflow; `meanwhile` runs in the checkout of the job that publishes."""
        event = self.place / "event.json"
        event.write_text(json.dumps({"inputs": {"version": version}}))
        env = {"HANDED_OVER": str(self.place / "artifact"), "TREE": str(self.tree), "MEANWHILE": meanwhile}
        env["PATH"] = f"{self.place / 'gh'}:{os.environ['PATH']}"
        # act takes the repository's name from the address; git goes to the folder.
        env |= {
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"url.{self.remote}.insteadOf",
            "GIT_CONFIG_VALUE_0": ADDRESS,
        }
        workflow = (self.repo / ".github/workflows/release.yml").read_text(encoding="utf-8")
        replaced = {}
        for name, ref in re.findall(r"uses: (\S+)@(\S+)", workflow):
            folder = self.place / "actions" / name
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "action.yml").write_text(ACTION % STAND_INS[name])
            replaced[f"{name}@{ref}"] = folder
        with act.start(
            self.repo,
            workflow="release.yml",
            event="workflow_dispatch",
            event_file=event,
            labels=["ubuntu-24.04"],
            replaced=replaced,
            env=env,
        ) as run:
            return run.wait(60)

    def tags(self) -> dict[str, str]:
        """Each tag of the remote, and the commit behind it."""
        names = git(self.remote, "tag").split()
        return {name: git(self.remote, "rev-parse", f"{name}^{{commit}}") for name in names}


@pytest.fixture
def project(tmp_path: Path, tree: Path) -> Project:
    made = Project(tmp_path / "ecs-cd", tmp_path / "remote.git", tmp_path, tree)
    own = shutil.ignore_patterns(".git", ".venv", ".cache", "*_cache", ".hypothesis", "__pycache__")
    shutil.copytree(ROOT, made.repo, symlinks=True, ignore=own)
    (made.repo / "Makefile").write_text(MAKEFILE)
    changelog = made.repo / "CHANGELOG.md"
    text = changelog.read_text(encoding="utf-8")
    if f"## [{__version__}]" not in text:
        section = f"## [{__version__}] - 2026-11-25\n\n- Everything.\n"
        changelog.write_text(text.replace("## [Unreleased]\n", f"## [Unreleased]\n\n{section}", 1), encoding="utf-8")
    made.remote.mkdir()
    git(made.remote, "init", "--quiet", "--bare", "--initial-branch", "main")
    git(made.repo, "init", "--quiet", "--initial-branch", "main")
    git(made.repo, "remote", "add", "origin", str(made.remote))
    commit(made.repo, "what is going to be released")
    git(made.repo, "push", "--quiet", "origin", "main")
    git(made.repo, "remote", "set-url", "origin", ADDRESS)
    (tmp_path / "artifact").mkdir()
    fake_gh.install(tmp_path / "gh")
    return made


def test_a_version_is_released(project: Project) -> None:
    """What was tested is tagged and announced, runs when it is cloned by a tag that moves, and stays if it is released again."""
    tested = git(project.repo, "rev-parse", "HEAD")
    result = project.release()
    assert result.green, result.log
    assert list(result.jobs.values()) == ["success"] * 4
    for target in ("lint", "test"):
        assert f"{target} passed on {tested}" in result.log
    released = git(project.remote, "rev-parse", f"{TAG}^{{commit}}")
    assert project.tags() == dict.fromkeys((TAG, *MOVING), released)
    assert git(project.remote, "rev-parse", f"{released}^") == tested
    archive = project.place / "artifact" / f"ecs-cd-{__version__}.tar.gz"
    (sum_of_archive,) = re.findall(r"Archive: sha256:(\w+)", git(project.remote, "cat-file", "tag", TAG))
    assert (project.place / "artifact" / "attested").read_text() == f"sha256:{sum_of_archive}  {archive.name}\n"
    created, published = fake_gh.calls(project.place / "gh")
    assert created["arguments"][:3] == ["release", "create", TAG]
    assert Path(created["arguments"][3]).name == archive.name
    assert created["stdin"] == notes(VERSION, project.repo)
    latest = str(is_latest(VERSION, [])).lower()
    assert published["arguments"] == ["release", "edit", TAG, "--draft=false", f"--latest={latest}"]

    clone = project.place / "clone"
    git(project.place, "clone", "--quiet", "--branch", (*MOVING, TAG)[0], str(project.remote), str(clone))
    done = subprocess.run([clone / "bin" / "ecs-cd", "--version"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, f"{__version__}\n"), done.stderr
    pipeline = (clone / ".github/workflows/pipeline.yml").read_text(encoding="utf-8")
    assert f"uses: octo/ecs-cd/deploy@{TAG}\n" in pipeline

    again = project.release()
    assert again.green, again.log
    assert project.tags() == dict.fromkeys((TAG, *MOVING), released)
    assert len(fake_gh.calls(project.place / "gh")) == 2


@pytest.mark.parametrize(
    ("version", "meanwhile", "jobs", "message"),
    [
        (
            __version__,
            "git -c user.name=x -c user.email=x commit --quiet --allow-empty --message later",
            {"test": "success", "build": "success", "attest": "success", "publish": "failure"},
            "release the commit that was tested",
        ),
        (__version__, "echo >> README.md", {"publish": "failure"}, "The working tree differs from what was tested"),
        (
            __version__,
            'find "$HANDED_OVER" -name "*.gz" -exec truncate --size=-1 {} +',
            {"publish": "failure"},
            "was built: run the whole workflow again",
        ),
        ("99.0.0", "", {"test": "failure"}, f"pyproject.toml says '{__version__}', not '99.0.0'"),
        ("1; touch x", "", {"test": "failure"}, "'1; touch x' is not a version that can be released"),
    ],
    ids=["another commit", "dirty", "another archive", "another version", "no version"],
)
def test_nothing_else_is_released(
    project: Project, version: str, meanwhile: str, jobs: dict[str, str], message: str
) -> None:
    """The run fails and says why; it makes no tag and no GitHub release."""
    result = project.release(version, meanwhile=meanwhile)
    assert not result.green
    assert message in result.log
    assert jobs.items() <= result.jobs.items()
    assert project.tags() == {}
    assert fake_gh.calls(project.place / "gh") == []
