"""Every output of every verb, and what it holds."""

from __future__ import annotations

OUTPUTS = {
    "matrix": 'The document\'s images as a JSON matrix: `{"image": ["app", "nginx"]}`.',
    "hand-off": "`true` if the document has `pipeline`: CodePipeline migrates and deploys, and `hand-off` starts it.",
    "image": "The image by digest, `repository@sha256:...`; with several images, one per line.",
    "digest": "The image's digest, `sha256:...`; with several images, one per line.",
    "tags": "The tags that the image now has, one per line.",
    "built": "`true` if an image was built, `false` if all were already in ECR.",
    "built-images": "JSON, by image name: its `image`, `digest`, `tags` and `built`.",
    "migration-result": "How the migration ended: succeeded, skipped, failed, timed-out, cancelled or unknown.",
    "migration-task-arn": "The ARN of the migration task.",
    "migration-exit-code": "The exit code of the migration container; empty if it never ran.",
    "tasks": "JSON, by the names of the document's `tasks` that have ended: `result`, `task-arn` and `exit-code`.",
    "findings": "JSON, a list: of each finding its `subject`, `check`, `state` (ok, wrong, not checkable), `text` and "
    "`remedy`.",
    "issue": "With drift: the differences as Markdown for a GitHub issue.",
    "changes": "`true` if a deployment would change something or there are new migration files, else `false`.",
    "result": "How the deployment or the execution ended: succeeded, in-progress (it reached wait-until), skipped, "
    "failed, rolled-back, rollback-failed, superseded, paused, gone, timed-out, cancelled or unknown.",
    "task-definition-arn": "The ARN of the deployed task definition; with several, one per line.",
    "deployment-id": "The id of the ECS deployment.",
    "codedeploy-deployment-id": "The id of the CodeDeploy deployment, if CodeDeploy deploys the service.",
    "images": "JSON, by container name: the deployed image, `repository@sha256:...`. With several documents, by "
    "`DOCUMENT/CONTAINER`.",
    "services": "JSON, by service: its `result`, `task-definition-arn`, `deployment-id` and `images`. With several "
    "documents, by `DOCUMENT/SERVICE`.",
    "targets": "JSON, by service, with `list`: `default`, the revision that a rollback goes back to, and "
    "`revisions`, newest first: `task-definition`, `deployed-at`, `state`, `commits`, `images`, and `obstacles`, which "
    "say why it can't be gone back to.",
    "status": "The status of the pipeline's execution, as CodePipeline calls it, such as Succeeded or Failed.",
    "execution-id": "The id of the pipeline's execution.",
    "url": "The execution's page in the AWS console.",
    "failed-stage": "The stage that failed.",
    "failed-action": "The action that failed.",
    "task-definition": "The path of the rendered task definition; only without a document.",
    "run-task-arn": "The ARN of the task that run-task started, as a JSON array.",
}

BUILD = ("image", "digest", "tags", "built", "built-images")
MIGRATE = ("migration-result", "migration-task-arn", "migration-exit-code", "tasks")
FOLLOW = ("result", "task-definition-arn", "deployment-id", "codedeploy-deployment-id", "services")
DEPLOY = ("result", "task-definition-arn", "deployment-id", "codedeploy-deployment-id", "images", "services")
OFFICIAL = ("task-definition", "run-task-arn")
ROLLBACK = (*FOLLOW, "targets")
HAND_OFF = ("result", "status", "execution-id", "url", "failed-stage", "failed-action")
VERIFY = ("result", "findings", "issue")
PLAN = ("result", "changes")
