"""The ECR source: imageDetail.json of the image that the revision or the tag names.

https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-ECR.html
"""

from __future__ import annotations

from datetime import timezone
from typing import Any

from botocore.exceptions import ClientError

from ecs_cd.aws.errors import code
from ecs_cd.local.codebuild.rules.artifacts import File, zipped
from ecs_cd.local.codepipeline import artifacts
from ecs_cd.local.codepipeline.rules import deploy_files
from ecs_cd.local.codepipeline.rules.state import Outcome, Revision
from ecs_cd.local.codepipeline.work import Report, Work, World
from ecs_cd.model.errors import Refused


def run(work: Work, world: World, report: Report) -> Outcome:
    """Writes the artifact. Without a revision, reads what the tag names at this moment."""
    repository = work.configuration["RepositoryName"]
    tag = work.configuration.get("ImageTag") or "latest"
    image = _described(world, repository, {"imageDigest": work.revision} if work.revision else {"imageTag": tag})
    pushed = image["imagePushedAt"].astimezone(timezone.utc)
    detail = deploy_files.image_detail(image, f"{pushed:%a %b %d %H:%M:%S UTC %Y}", world.registry)
    artifacts.put_output(world.aws, work, zipped({deploy_files.IMAGE_DETAIL: File(detail.encode())}))
    digest = str(image["imageDigest"])
    variables = {
        "RegistryId": str(image["registryId"]),
        "RepositoryName": repository,
        "ImageTag": tag,
        "ImageDigest": digest,
        "ImageURI": deploy_files.image_uri(image, world.registry),
    }
    return Outcome(variables=variables, revision=Revision(digest, f"{repository}:{tag}", created=pushed.timestamp()))


def _described(world: World, repository: str, image_id: dict[str, str]) -> dict[str, Any]:
    client = world.aws.client("ecr")
    try:
        images = client.describe_images(repositoryName=repository, imageIds=[image_id])["imageDetails"]
    except ClientError as error:
        if code(error) == "RepositoryNotFoundException":
            raise Refused(f"there is no ECR repository {repository}", "Create it, and push an image.") from error
        if code(error) != "ImageNotFoundException":
            raise
        images = []
    if not images:
        kind, value = next(iter(image_id.items()))
        what = "digest" if kind == "imageDigest" else "tag"
        raise Refused(f"the ECR repository {repository} has no image with the {what} {value}", "Push it first.")
    found: dict[str, Any] = images[0]
    return found
