"""The files of artifacts: what an ECR source writes, and what the deploy actions read.

https://docs.aws.amazon.com/codepipeline/latest/userguide/file-reference.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from ecs_cd.deploy.rules import artifacts
from ecs_cd.model.errors import Refused
from ecs_cd.model.names import closest
from ecs_cd.tasks.rules.task_definition import TaskDefinition

IMAGE_DETAIL = "imageDetail.json"
Files = Mapping[str, bytes]

_PLACEHOLDER = re.compile(r"<[^<>\s]+>")
_IMAGES = (1, 2, 3, 4)


def image_uri(image: Mapping[str, Any], registry: str) -> str:
    """The image by its digest, in the registry with this host. ``image`` is DescribeImages' entry."""
    return f"{registry}/{image['repositoryName']}@{image['imageDigest']}"


def image_detail(image: Mapping[str, Any], pushed: str, registry: str) -> str:
    """imageDetail.json as an ECR source writes it. ``image`` is DescribeImages' entry."""
    return json.dumps(
        {
            "ImageSizeInBytes": str(image["imageSizeInBytes"]),
            "ImageDigest": image["imageDigest"],
            "Version": "1.0",
            "ImagePushedAt": pushed,
            "RegistryId": image["registryId"],
            "RepositoryName": image["repositoryName"],
            "ImageURI": image_uri(image, registry),
            "ImageTags": list(image.get("imageTags", ())),
        }
    )


# ---- the action ECS ----


def image_definitions(files: Files, name: str) -> dict[str, str]:
    """The images by container that the image definitions file states."""
    body = _file(files, name, "Did not find the image definition file {} in the input artifact")
    if len(body) > artifacts.MOST_IMAGE_DEFINITIONS:
        raise Refused(
            f"{name} has {len(body)} bytes; the ECS action accepts at most {artifacts.MOST_IMAGE_DEFINITIONS}"
        )
    entries = _json(body, f"The image definition file {name} contains invalid JSON format")
    if isinstance(entries, dict) and "ImageURI" in entries:
        remedy = 'The ECS action takes a list: [{"name": CONTAINER, "imageUri": IMAGE}].'
        raise Refused(f"{name} has the form of {IMAGE_DETAIL}, which is for CodeDeployToECS", remedy)
    if not isinstance(entries, list) or not entries or not all(map(_states_an_image, entries)):
        raise Refused(f'{name} must be a list of {{"name": CONTAINER, "imageUri": IMAGE}}')
    names = [entry["name"] for entry in entries]
    twice = sorted({each for each in names if names.count(each) > 1})
    if twice:
        raise Refused(f"{name} names the container {', '.join(twice)} twice")
    return {entry["name"]: entry["imageUri"] for entry in entries}


def check_containers(definition: TaskDefinition, images: Mapping[str, str], name: str) -> None:
    """Raises ``Refused`` if the task definition lacks one of these containers."""
    there = [str(each.get("name")) for each in definition["containerDefinitions"]]
    missing = [each for each in images if each not in there]
    family = definition.get("family")
    if missing:
        raise Refused(
            [
                f"{name}: the task definition {family} has no container `{each}`{closest(each, there)}"
                for each in missing
            ],
            f"It has {', '.join(there)}.",
        )


# ---- the action CodeDeployToECS ----


def templates(configuration: Mapping[str, str], inputs: Mapping[str, Files]) -> tuple[str, str]:
    """The texts of the task definition, with the images in it, and of the AppSpec."""
    taskdef = _template(configuration, inputs, "TaskDefinition", artifacts.TASK_DEFINITION, "task definition")
    appspec = _template(configuration, inputs, "AppSpec", artifacts.APPSPEC, "AppSpec")
    for placeholder, uri in _images(configuration, inputs).items():
        taskdef = taskdef.replace(f"<{placeholder}>", uri)
    return taskdef, appspec


def check_images(taskdef: str, name: str) -> None:
    """Raises ``Refused`` unless the text is JSON in which no image is a placeholder."""
    definition = _json(taskdef.encode(), f"{name} is not JSON")
    containers = definition.get("containerDefinitions") if isinstance(definition, dict) else None
    if not isinstance(containers, list) or not all(isinstance(each, dict) for each in containers):
        raise Refused(f"{name} must be a mapping with `family` and `containerDefinitions`")
    left = [each for each in containers if _PLACEHOLDER.search(str(each.get("image", "")))]
    if left:
        raise Refused(
            [f"{name}: the image of container `{each.get('name')}` is still {each['image']}" for each in left],
            "Image1ContainerName must be the word between < and >, and Image1ArtifactName an artifact with "
            f"{IMAGE_DETAIL}.",
        )


def too_large(artifact: str, size: int, configuration: Mapping[str, str]) -> Refused:
    """Why CodeDeployToECS can't read this artifact: AWS's words, which are about something else, and the reason."""
    of_an_image = artifact in (configuration.get(f"Image{number}ArtifactName") for number in _IMAGES)
    of_a_template = artifact in (configuration.get(f"{each}TemplateArtifact") for each in ("TaskDefinition", "AppSpec"))
    what = "image artifact file" if of_an_image and not of_a_template else "task definition artifact file"
    return Refused(
        [
            f"Exception while trying to read the {what} from: {artifact}",
            f"the artifact {artifact} has {size} bytes, zipped; CodeDeployToECS reads artifacts of at most 3 MB",
        ],
        "Hand it an artifact with only the files that it reads, made by a CodeBuild action, not a whole repository.",
    )


def _template(
    configuration: Mapping[str, str], inputs: Mapping[str, Files], kind: str, default: str, words: str
) -> str:
    artifact = configuration[f"{kind}TemplateArtifact"]
    path = configuration.get(f"{kind}TemplatePath") or default
    unread = f"Exception while trying to read the {words} artifact file from: {artifact}"
    body = _file(inputs[artifact], path, f"{unread}: it has no {{}}")
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Refused(f"{path} of the artifact {artifact} is not UTF-8 text") from None


def _images(configuration: Mapping[str, str], inputs: Mapping[str, Files]) -> dict[str, str]:
    """The images by their placeholders, without < and >."""
    found = {}
    for number in _IMAGES:
        artifact = configuration.get(f"Image{number}ArtifactName")
        if artifact:
            found[configuration[f"Image{number}ContainerName"]] = _uri(inputs[artifact], artifact)
    return found


def _uri(files: Files, artifact: str) -> str:
    words = f"Exception while trying to read the image artifact file from: {artifact}"
    more = f"; {artifacts.IMAGE_DEFINITIONS} is for the ECS action" if artifacts.IMAGE_DEFINITIONS in files else ""
    detail = _json(_file(files, IMAGE_DETAIL, f"{words}: it has no {{}}{more}"), f"{words}: {IMAGE_DETAIL} is not JSON")
    uri = detail.get("ImageURI") if isinstance(detail, dict) else None
    if not isinstance(uri, str) or not uri:
        raise Refused(f"{words}: {IMAGE_DETAIL} has no ImageURI")
    return uri


def _states_an_image(entry: Any) -> bool:
    return isinstance(entry, dict) and all(
        isinstance(entry.get(key), str) and entry[key] for key in ("name", "imageUri")
    )


def _file(files: Files, name: str, words: str) -> bytes:
    if name not in files:
        some = ", ".join(sorted(files)[:10]) or "nothing"
        raise Refused(words.format(name), f"The artifact holds {some}.")
    return files[name]


def _json(body: bytes, words: str) -> Any:
    try:
        return json.loads(body.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise Refused(f"{words}: {error}") from None
