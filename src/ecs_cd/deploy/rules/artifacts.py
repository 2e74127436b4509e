"""The files that CodePipeline's deploy actions take.

https://docs.aws.amazon.com/codepipeline/latest/userguide/file-reference.html
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Mapping
from typing import Any

from ecs_cd.deploy.rules import appspec
from ecs_cd.deploy.rules.appspec import AppSpec
from ecs_cd.model import json_yaml
from ecs_cd.model.errors import Refused
from ecs_cd.tasks.rules.task_definition import TaskDefinition

TASK_DEFINITION, APPSPEC, IMAGE_DEFINITIONS = "taskdef.json", "appspec.yaml", "imagedefinitions.json"
_WIDE = 1_000_000  # PyYAML would break a long line
PLACEHOLDER = "<TASK_DEFINITION>"  # CodeDeployToECS registers taskdef.json, and puts the ARN here
# https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-ECSbluegreen.html
MOST_ZIPPED = 3_000_000
# https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-ECS.html
MOST_IMAGE_DEFINITIONS = 100_000
_OURS = re.compile(r"taskdef\.json|appspec\.yaml|imagedefinitions\.json|imageDetail(?:-.+)?\.json")


def files(
    definition: TaskDefinition, containers: Mapping[str, str], images: Mapping[str, str], template: AppSpec | None
) -> dict[str, str]:
    """The files of a service by their names. ``definition`` has its images already; ``images`` are the document's
    images by digest, ``containers`` those of the containers; ``template`` is the AppSpec if CodeDeploy deploys it."""
    named = [{"name": name, "imageUri": image} for name, image in containers.items()]
    details = {"imageDetail.json": next(iter(images.values()))} if len(images) == 1 else {}
    details = details or {f"imageDetail-{name}.json": image for name, image in images.items()}
    return {
        TASK_DEFINITION: _json(definition),
        **({APPSPEC: _yaml(appspec.with_task_definition(template, PLACEHOLDER))} if template else {}),
        IMAGE_DEFINITIONS: _json(named),
        **{file: _json({"ImageURI": image}) for file, image in details.items()},
    }


def check(contents: Mapping[str, str], folder: str, others: int) -> None:
    """Raises ``Refused`` for what the actions would refuse with messages about something else. ``others`` is the zipped
    size of the other files in the folder."""
    found, named = [], len(contents[IMAGE_DEFINITIONS].encode())
    if named > MOST_IMAGE_DEFINITIONS:
        found.append(
            f"{folder}/{IMAGE_DEFINITIONS}: has {named} bytes; CodePipeline's ECS action accepts at most "
            f"{MOST_IMAGE_DEFINITIONS}"
        )
    size = zipped(contents) + others
    if APPSPEC in contents and size > MOST_ZIPPED:
        found.append(
            f"{folder}: has more than {MOST_ZIPPED} bytes, zipped, and CodeDeployToECS accepts at most 3 MB for an "
            f"artifact, {others} of them in files that are not from ecs-cd"
        )
    if found:
        raise Refused(found, "Set `to` to an empty folder, and shorten the task definition or the appspec.")


def zipped(contents: Mapping[str, str]) -> int:
    """The size of a zip file with these files."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in contents.items():
            archive.writestr(name, text)
    return len(file.getvalue())


def is_ours(file: str) -> bool:
    """Whether ``artifacts`` writes files of this name."""
    return _OURS.fullmatch(file) is not None


def _json(content: Any) -> str:
    return json.dumps(content, indent=2) + "\n"


def _yaml(content: AppSpec) -> str:
    """The AppSpec in block style, with text in quotes wherever YAML 1.1 or 1.2 would read another type."""
    import yaml  # here, because most services have no AppSpec

    class Dumper(yaml.SafeDumper):
        """With a way to write text of its own."""

    def text(dumper: Any, value: str) -> Any:
        plain = isinstance(json_yaml.typed(json_yaml.Plain(value)), str)
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=None if plain else '"')

    Dumper.add_representer(str, text)
    plain = json.loads(json.dumps(content))  # in types that PyYAML knows
    return str(yaml.dump(plain, Dumper=Dumper, sort_keys=False, width=_WIDE))
