"""Every output of every verb, and what it holds."""

from __future__ import annotations

OUTPUTS = {
    "matrix": 'The images of the document as a matrix, in JSON: `{"image": ["app", "nginx"]}`.',
    "image": "The image by digest, `repository@sha256:...`; of several images, one a line.",
    "digest": "The image's digest, `sha256:...`; of several images, one a line.",
    "tags": "The tags that the image has now, one a line.",
    "built": "`true` if an image was built, `false` if all were in ECR already.",
    "built-images": "Each image, as JSON: its name to its `image`, `digest`, `tags` and `built`.",
    "migration-result": "How the migration ended: succeeded, skipped, failed, timed-out, cancelled or unknown.",
    "migration-task-arn": "The ARN of the migration's task.",
    "migration-exit-code": "The exit code of the migration's container; empty if it never ran.",
    "result": "How the deployment ended: succeeded, in-progress (as far as wait-until says), skipped, failed, "
    "rolled-back, rollback-failed, superseded, paused, gone, timed-out, cancelled or unknown.",
    "task-definition-arn": "The ARN of the task definition that was deployed.",
    "deployment-id": "The id of the ECS deployment.",
    "codedeploy-deployment-id": "The id of the CodeDeploy deployment, where the service is deployed by CodeDeploy.",
    "images": "The images that were deployed, as JSON: container to `repository@sha256:...`.",
    "services": "Each service's part, as JSON: the service to its `result`, `task-definition-arn`, `deployment-id` and "
    "`images`.",
    "task-definition": "The path of a file with the task definition as it is deployed, where there is no document.",
    "run-task-arn": "The ARN of the task that run-task started, as a JSON array.",
}

BUILD = ("image", "digest", "tags", "built", "built-images")
MIGRATE = ("migration-result", "migration-task-arn", "migration-exit-code")
FOLLOW = ("result", "task-definition-arn", "deployment-id", "codedeploy-deployment-id", "services")
DEPLOY = ("result", "task-definition-arn", "deployment-id", "codedeploy-deployment-id", "images", "services")
OFFICIAL = ("task-definition", "run-task-arn")
