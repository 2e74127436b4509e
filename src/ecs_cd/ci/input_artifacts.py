"""What CodePipeline gives to a CodeBuild build: the folders of the action's input artifacts.

https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-env-vars.html
"""

from __future__ import annotations

from collections.abc import Mapping

_FOLDER = "CODEBUILD_SRC_DIR"  # the primary input artifact's; those of the others continue with `_` and their names
_INITIATOR = "codepipeline/"


def pipeline(environ: Mapping[str, str]) -> str:
    """The CodePipeline pipeline that started this build; empty in any other build, and outside of CodeBuild.

    A GitHub job on a CodeBuild runner is GitHub's.
    """
    initiator = environ.get("CODEBUILD_INITIATOR", "")
    of_github = environ.get("GITHUB_ACTIONS") == "true"
    return initiator.removeprefix(_INITIATOR) if initiator.startswith(_INITIATOR) and not of_github else ""


def folders(environ: Mapping[str, str]) -> dict[str, str]:
    """The folders of the input artifacts by the artifacts' names; the name of the primary one, first, is empty."""
    primary = {"": environ[_FOLDER]} if environ.get(_FOLDER) else {}
    others = {name: folder for name, folder in sorted(environ.items()) if name.startswith(f"{_FOLDER}_") and folder}
    return primary | {name.removeprefix(f"{_FOLDER}_"): folder for name, folder in others.items()}
