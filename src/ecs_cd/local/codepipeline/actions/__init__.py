"""What an action does, one file per provider."""

from collections.abc import Mapping

from ecs_cd.local.codepipeline.actions import codebuild, codedeploy, connection, ecr, ecs, s3
from ecs_cd.local.codepipeline.work import Run

RUN: Mapping[str, Run] = {
    "CodeBuild": codebuild.run,
    "CodeDeployToECS": codedeploy.run,
    "CodeStarSourceConnection": connection.run,
    "ECR": ecr.run,
    "ECS": ecs.run,
    "S3": s3.run,
}
