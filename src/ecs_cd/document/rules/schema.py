"""The document's JSON Schema."""

from __future__ import annotations

from ecs_cd.document.rules import json_schema, pipeline
from ecs_cd.model import attestation
from ecs_cd.model.names import NAME, VARIABLE
from ecs_cd.model.owner import ACTION

_TASK_DEFINITION: json_schema.Schema = {
    "type": "string",
    "pattern": r"^(?:s3://[^/\s]+/\S+|arn:[^\s]+|[^\s:]+(?::[1-9][0-9]*)?|file:\S+|service:[A-Za-z0-9][\w.-]*)$",
    "description": "the task definition's template: s3://bucket/key, a family, an ARN, a file in the workspace, "
    "or service:KEY for what that service runs now",
}

# https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html
_PARAMETER = r"^(?!/?(?:[Aa][Ww][Ss]|[Ss][Ss][Mm]))(?=.{1,1000}$)(?:[A-Za-z0-9_.-]+|(?:/[A-Za-z0-9_.-]+){1,15})$"
_REPOSITORY = r"^[a-z0-9.-]+(?::[0-9]+)?/(?=.{2,256}$)[a-z0-9]+(?:[._/-]+[a-z0-9]+)*$"
_CONTAINERS: json_schema.Schema = {
    "type": "object",
    "minProperties": 1,
    "description": "which container runs which image, such as {app: app}",
    "additionalProperties": False,
    "patternProperties": {
        r"^[A-Za-z0-9_-]{1,255}$": {
            "type": "string",
            "pattern": NAME,
            "description": "the name of one of the images",
        }
    },
}
_ENVIRONMENT_FROM_APP: json_schema.Schema = {
    "type": "array",
    "description": "the environment variables that the workflow may set; "
    "default: all except those that the task definition sets",
    "items": {
        "type": "string",
        "pattern": VARIABLE,
        "description": "the name of an environment variable",
    },
}
_CODEDEPLOY: json_schema.Schema = {
    "type": "object",
    "description": "the CodeDeploy names of a service with the deployment controller CODE_DEPLOY; "
    "default: AppECS-CLUSTER-SERVICE and DgpECS-CLUSTER-SERVICE",
    "additionalProperties": False,
    "properties": {
        "application": {
            "type": "string",
            "pattern": r"^.{1,100}$",
            "description": "the CodeDeploy application's name",
        },
        "deployment-group": {
            "type": "string",
            "pattern": r"^.{1,100}$",
            "description": "the CodeDeploy deployment group's name",
        },
        "appspec": {
            "type": "string",
            "pattern": r"^(?:s3://[^/\s]+/\S+|(?:file:)?[^\s:]+)$",
            "description": "the appspec's template: s3://bucket/key or a file in the workspace; "
            "default: generated from the service",
        },
        "deployment-config": {
            "type": "string",
            "pattern": r"^.{1,100}$",
            "description": "the CodeDeploy deployment configuration's name; default: the deployment group's",
        },
        "description": {
            "type": "string",
            "pattern": r"^.{1,512}$",
            "description": "what CodeDeploy shows as the deployment's description, at most 512 characters",
        },
    },
}
_ONE_OFF_TASK: dict[str, json_schema.Schema] = {
    "task-definition": _TASK_DEFINITION,
    "container": {
        "type": "string",
        "pattern": r"^[A-Za-z0-9_-]{1,255}$",
        "description": "the container that does the work; its exit code decides",
    },
    "image": {
        "type": "string",
        "pattern": NAME,
        "description": "the image that the container runs; default: what the service's container of that "
        "name runs, or else the image of that name, or else the only image",
    },
    "command": {
        "type": "array",
        "minItems": 1,
        "items": {"type": "string"},
        "description": "the command to run instead of the container's: a list with one word per item",
    },
    "service": {
        "type": "string",
        "pattern": NAME,
        "description": "the key of the service whose network settings and launch type the task uses; "
        "default: the only service",
    },
    "environment-from-app": _ENVIRONMENT_FROM_APP,
}
_SCHEDULED_TASK: json_schema.Schema = {
    "type": "object",
    "additionalProperties": False,
    "required": ["task-definition", "containers"],
    "properties": {
        "rule": {
            "type": "string",
            "pattern": r"^[A-Za-z0-9._-]{1,64}$",
            "description": "the EventBridge rule's name",
        },
        "event-bus": {
            "type": "string",
            "pattern": r"^(?:arn:\S+|[A-Za-z0-9/._-]{1,256})$",
            "description": "the rule's event bus, by name or ARN; default: `default`",
        },
        "schedule": {
            "type": "string",
            "pattern": r"^[A-Za-z0-9._-]{1,64}$",
            "description": "the EventBridge Scheduler schedule's name",
        },
        "schedule-group": {
            "type": "string",
            "pattern": r"^[A-Za-z0-9._-]{1,64}$",
            "description": "the schedule's group; default: `default`",
        },
        "task-definition": _TASK_DEFINITION,
        "containers": _CONTAINERS,
        "environment-from-app": _ENVIRONMENT_FROM_APP,
    },
}

SCHEMA: json_schema.Schema = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": f"https://raw.githubusercontent.com/{ACTION}/v1/schema/ecs-cd.schema.json",
    "title": "ecs-cd",
    "description": "The infra identifiers of one application in one environment, in one SSM parameter.",
    "type": "object",
    "additionalProperties": False,
    "required": ["cluster", "images"],
    "properties": {
        "cluster": {
            "type": "string",
            "pattern": r"^(?:[A-Za-z0-9_-]{1,255}|arn:\S+:cluster/\S+)$",
            "description": "the ECS cluster's name or ARN",
        },
        "images": {
            "type": "object",
            "description": "the images of the application: a name of your choice, and the repository",
            "minProperties": 1,
            "additionalProperties": False,
            "patternProperties": {
                NAME: {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["repository"],
                    "properties": {
                        "repository": {
                            "type": "string",
                            "pattern": _REPOSITORY,
                            "description": "the repository's URI without a tag, such as "
                            "123456789012.dkr.ecr.eu-west-1.amazonaws.com/my-app",
                        },
                        "copies": {
                            "type": "array",
                            "minItems": 1,
                            "items": {
                                "type": "string",
                                "pattern": _REPOSITORY,
                                "description": "a repository's URI without a tag, such as ghcr.io/my-org/my-app",
                            },
                            "description": "repositories in other registries that get the image too, under the same "
                            "tags",
                        },
                        "tag-prefix": {
                            "type": "string",
                            "pattern": r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,31}$",
                            "description": "what the image's tags begin with, if several images share the repository",
                        },
                        "tag-suffix": {
                            "type": "string",
                            "pattern": r"^[A-Za-z0-9_.-]{1,32}$",
                            "description": "what the image's tags end with, such as -migration, if several images "
                            "share the repository",
                        },
                        "cache-repository": {
                            "type": "string",
                            "pattern": _REPOSITORY,
                            "description": "the URI, without a tag, of the repository for the build cache, "
                            "if the cache is in a registry; default: the image's repository",
                        },
                    },
                }
            },
        },
        "migration": {
            "type": "object",
            "description": "the task that migrates the database before each deployment; omit it if there is none",
            "additionalProperties": False,
            "required": ["task-definition", "container"],
            "properties": _ONE_OFF_TASK,
        },
        "tasks": {
            "type": "array",
            "description": "tasks that run after the migration and before the deployment, in this order, each after "
            "the previous one has succeeded",
            "minItems": 1,
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["name", "task-definition", "container"],
                "properties": {
                    "name": {
                        "type": "string",
                        "pattern": NAME,
                        "description": "a name of your choice",
                    },
                    **_ONE_OFF_TASK,
                },
            },
        },
        "services": {
            "type": "object",
            "description": "the services to deploy: a name of your choice, and the ECS service",
            "minProperties": 1,
            "additionalProperties": False,
            "patternProperties": {
                NAME: {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["task-definition", "containers"],
                    "properties": {
                        "service": {
                            "type": "string",
                            "pattern": r"^(?:[A-Za-z0-9_-]{1,255}|arn:\S+:service/\S+)$",
                            "description": "the ECS service's name or ARN; default: the key",
                        },
                        "task-definition": _TASK_DEFINITION,
                        "containers": _CONTAINERS,
                        "environment-from-app": _ENVIRONMENT_FROM_APP,
                        "codedeploy": _CODEDEPLOY,
                    },
                }
            },
        },
        "scheduled-tasks": {
            "type": "object",
            "description": "tasks that EventBridge starts: a name of your choice, and the rule or schedule; "
            "they get the new revision after the services have succeeded",
            "minProperties": 1,
            "additionalProperties": False,
            "patternProperties": {NAME: _SCHEDULED_TASK},
        },
        "pipeline": pipeline.SCHEMA,
        "require-attestation": {
            "type": "object",
            "description": "refuse images without a provenance attestation of GitHub; default: none is required",
            "additionalProperties": False,
            "required": ["repository"],
            "properties": {
                "repository": {
                    "type": "string",
                    "pattern": rf"^{attestation.REPOSITORY}$",
                    "description": "the repository whose workflow runs build the images, such as my-org/my-app",
                },
                "workflows": {
                    "type": "array",
                    "minItems": 1,
                    "description": "the workflows that may sign; default: every workflow of the repository",
                    "items": {
                        "type": "string",
                        "pattern": rf"^{attestation.WORKFLOW}$",
                        "description": f"a workflow, if need be with its ref, such as {attestation.EXAMPLE}",
                    },
                },
            },
        },
        "lock": {
            "type": "string",
            "pattern": _PARAMETER,
            "description": "the name of the SSM parameter that `ecs-cd lock` creates and `ecs-cd unlock` deletes, such "
            "as /ecs-cd/my-app/production/lock; while it holds a lock, no deployment starts",
        },
        "freeze": {
            "type": "string",
            "pattern": _PARAMETER,
            "description": "the name of the SSM parameter with the freeze windows, such as /ecs-cd/freeze; in one of "
            "them, no deployment starts",
        },
    },
}
