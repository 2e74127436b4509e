"""What CodePipeline gives to a CodeBuild build: the folders of the action's input artifacts.

https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-env-vars.html
"""

from __future__ import annotations

from collections.abc import Mapping

from ecs_cd.ci import run

_FOLDER = "CODEBUILD_SRC_DIR"  # the primary input artifact's; those of the others continue with `_` and their names
_INITIATOR = "codepipeline/"


def pipeline(environ: Mapping[str, str]) -> str:
    """The CodePipeline pipeline that started this build; empty in any other build, and outside of CodeBuild."""
    initiator = environ.get("CODEBUILD_INITIATOR", "")
    started = run.on_codebuild(environ) and initiator.startswith(_INITIATOR)
    return initiator.removeprefix(_INITIATOR) if started else ""


def folders(environ: Mapping[str, str]) -> dict[str, str]:
    """The folders of the input artifacts by the artifacts' names; the name of the primary one, first, is empty."""
    primary = {"": environ[_FOLDER]} if environ.get(_FOLDER) else {}
    others = {name: folder for name, folder in sorted(environ.items()) if name.startswith(f"{_FOLDER}_") and folder}
    return primary | {name.removeprefix(f"{_FOLDER}_"): folder for name, folder in others.items()}
