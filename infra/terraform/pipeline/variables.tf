variable "name" {
  description = "The pipeline's name. Everything else is named after it."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{0,28}[a-z0-9]$", var.name))
    error_message = "name: 2 to 30 lower case letters, digits and dashes, because the bucket is named after it."
  }
}

variable "document" {
  description = "ecs-cd's document, as an object or as YAML or JSON text, without `pipeline`, which the module adds."
  type        = any

  validation {
    condition     = can(try(yamldecode(var.document), var.document).cluster)
    error_message = "document: must be an object, or YAML or JSON text, with the key `cluster`."
  }

  validation {
    condition     = !can(try(yamldecode(var.document), var.document).pipeline)
    error_message = "document: leave `pipeline` out; the module writes it from start, tag and wait_until."
  }
}

variable "parameter_name" {
  description = "The SSM parameter that the document is written to; default: `/ecs-cd/NAME`."
  type        = string
  default     = null

  validation {
    condition     = var.parameter_name == null || can(regex("^/[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*$", var.parameter_name))
    error_message = "parameter_name: must begin with a slash, such as /ecs-cd/my-app/production."
  }
}

variable "images" {
  description = "Image and its ECR repository, by name in this account and region, or by URI; default: the document's `images`."
  type        = map(string)
  default     = {}
}

variable "families" {
  description = "The families of the task definitions whose templates are S3 objects or `service:KEY`. Others are read from the document."
  type        = list(string)
  default     = []
}

variable "pass_roles" {
  description = "The ARNs of the task roles and execution roles of the task definitions."
  type        = list(string)

  validation {
    condition     = length(var.pass_roles) > 0 && alltrue([for role in var.pass_roles : can(regex("^arn:[a-z-]+:iam::[0-9]{12}:role/[^*]+$", role))])
    error_message = "pass_roles: name each role by its ARN, without wildcards; at least the execution role."
  }
}

variable "schedule_roles" {
  description = "The ARNs of the roles of the document's `scheduled-tasks`: of their rules' targets and schedules."
  type        = list(string)
  default     = []
}

variable "log_groups" {
  description = "The names of the containers' log groups, from which ecs-cd takes the cause of a failure."
  type        = list(string)
  default     = []
}

variable "connection" {
  description = "The app's repository, whose pushes to `branch` start executions that build the images; with `status_token`, its commits get a status."
  type = object({
    arn          = string                   # of the connection in CodeConnections
    repository   = string                   # my-org/my-app
    branch       = optional(string, "main") # in full
    status_token = optional(string)         # SECRET[:KEY] in Secrets Manager, by name or ARN: a token of GitHub
  })
  default = null

  validation {
    condition     = var.connection == null || can(regex("^arn:[a-z-]+:(codeconnections|codestar-connections):[a-z0-9-]+:[0-9]{12}:connection/[^*]+$", var.connection.arn))
    error_message = "connection: arn must be the ARN of a connection."
  }

  validation {
    condition     = var.connection == null || can(regex("^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)+$", var.connection.repository))
    error_message = "connection: repository must be such as my-org/my-app."
  }

  validation {
    condition     = var.connection == null || can(regex("^[^][*?{}!\\\\ ]+$", var.connection.branch))
    error_message = "connection: name the branch in full, without wildcards."
  }
}

variable "build" {
  description = "connection: the size of the builds, what `secrets` of the app's file can name, and base images in ECR."
  type = object({
    compute_type      = optional(string) # default: BUILD_GENERAL1_MEDIUM
    buildkit_image    = optional(string) # a builder of its own, for `cache: registry` and `platforms`; default: the engine's
    environment       = optional(map(string), {})
    parameter_store   = optional(map(string), {})  # variable: the SSM parameter's name
    secrets_manager   = optional(map(string), {})  # variable: SECRET[:KEY[:STAGE[:VERSION]]]
    kms_keys          = optional(list(string), []) # customer managed keys of the parameters and secrets, and of status_token
    base_repositories = optional(list(string), []) # of base images and caches in ECR
  })
  default = null
}

variable "start" {
  description = "How an execution gets the images: `variables` (default), `object`, `digest` or `event`, as in the document's `pipeline`."
  type        = string
  default     = null

  validation {
    condition     = var.start == null || contains(["variables", "object", "digest", "event"], coalesce(var.start, "-"))
    error_message = "start: must be variables, object, digest or event."
  }
}

variable "tag" {
  description = "start = event: the tag whose push starts an execution."
  type        = string
  default     = "latest"

  validation {
    condition     = can(regex("^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$", var.tag))
    error_message = "tag: must be a tag of an image, such as latest."
  }
}

variable "wait_until" {
  description = "The stage after which `hand-off` ends; default: the last one."
  type        = string
  default     = null
}

variable "migrate_with" {
  description = "What migrates the database: `ecs-cd`, `docker` (`docker run` in the VPC), or `none`."
  type        = string
  default     = "ecs-cd"

  validation {
    condition     = contains(["ecs-cd", "docker", "none"], var.migrate_with)
    error_message = "migrate_with: must be ecs-cd, docker or none."
  }
}

variable "docker_migration" {
  description = "migrate_with = docker: the VPC, the image (default: the only one), its command (default: the image's own), and its environment."
  type = object({
    vpc_id             = string
    subnet_ids         = list(string)
    security_group_ids = list(string)
    image              = optional(string)
    command            = optional(list(string), [])
    environment        = optional(map(string), {})
    parameter_store    = optional(map(string), {})  # variable: the SSM parameter's name
    secrets_manager    = optional(map(string), {})  # variable: SECRET[:KEY[:STAGE[:VERSION]]]
    kms_keys           = optional(list(string), []) # customer managed keys of the parameters and secrets
  })
  default = null

  validation {
    condition     = try(length(var.docker_migration.subnet_ids) > 0 && length(var.docker_migration.security_group_ids) > 0, true)
    error_message = "docker_migration: name at least one subnet and one security group of the VPC."
  }

  validation {
    condition     = var.docker_migration == null || try(alltrue([for word in var.docker_migration.command : !can(regex("[\n\r]", word))]), true)
    error_message = "docker_migration: a word of the command can't hold a line break."
  }
}

variable "deploy_with" {
  description = "What deploys: `ecs-cd`, `codedeploy` (the action CodeDeployToECS), or `ecs` (the ECS action)."
  type        = string
  default     = "ecs-cd"

  validation {
    condition     = contains(["ecs-cd", "codedeploy", "ecs"], var.deploy_with)
    error_message = "deploy_with: must be ecs-cd, codedeploy or ecs."
  }
}

variable "approval" {
  description = "A stage that waits for a person, `before` the `migration` or the `deployment`. `topic_arn` is the SNS topic that notifies them."
  type = object({
    before    = string
    topic_arn = optional(string)
  })
  default = null

  validation {
    condition     = var.approval == null || contains(["migration", "deployment"], try(var.approval.before, "-"))
    error_message = "approval: before must be migration or deployment."
  }
}

variable "execution_mode" {
  description = "What a second execution does while one runs: it waits (`QUEUED`), or replaces those that wait (`SUPERSEDED`)."
  type        = string
  default     = "QUEUED"

  validation {
    condition     = contains(["QUEUED", "SUPERSEDED"], var.execution_mode)
    error_message = "execution_mode: must be QUEUED or SUPERSEDED; in PARALLEL two executions would migrate and deploy at once."
  }
}

variable "release" {
  description = "ecs-cd's release tree as a .tar.gz: a file, which the module uploads, or an object, s3://bucket/key."
  type        = string

  validation {
    condition     = can(regex("^s3://[^/]+/.+", var.release)) || try(fileexists(var.release), false)
    error_message = "release: must be a file that exists, or s3://bucket/key; Terraform downloads nothing."
  }
}

variable "release_sha256" {
  description = "The SHA-256 of `release`, which every build checks; default: the file's."
  type        = string
  default     = null

  validation {
    condition     = var.release_sha256 == null || can(regex("^[0-9a-f]{64}$", var.release_sha256))
    error_message = "release_sha256: must be 64 hexadecimal digits in lower case."
  }
}

variable "github" {
  description = "Which jobs on GitHub may hand images to the pipeline, and push them unless `build_push` is false. Without it there is no role."
  type = object({
    oidc_provider_arn = string
    repositories      = list(string)                     # as the `sub` has it: my-org/my-app, or my-org@1234/my-app@5678
    branches          = optional(list(string), ["main"]) # of jobs without an environment
    environments      = optional(list(string), [])
    build_push        = optional(bool, true)
    base_repositories = optional(list(string), []) # of base images and caches in ECR
    read_ecs          = optional(bool, false)      # why an ECS or CodeDeployToECS action failed, as ECS says it
    features          = optional(set(string), [])  # stop-execution for on-cancel: stop, and those of build-push
  })
  default = null

  validation {
    condition = var.github == null || try(length(var.github.repositories) > 0 && alltrue([
      for name in var.github.repositories : can(regex("^[A-Za-z0-9][A-Za-z0-9-]*(@[0-9]+)?/[A-Za-z0-9_.-]+(@[0-9]+)?$", name))
    ]), false)
    error_message = "github: repositories are such as my-org/my-app or my-org@1234/my-app@5678, without wildcards."
  }

  validation {
    condition = var.github == null || try(length(concat(var.github.branches, var.github.environments)) > 0 && alltrue([
      for name in concat(var.github.branches, var.github.environments) : can(regex("^[^*?]+$", name))
    ]), false)
    error_message = "github: name the branches or environments in full, without wildcards."
  }
}

variable "kms_key" {
  description = "The ARN of a KMS key for the artifacts; default: S3's own keys. The key's policy must let IAM decide."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key == null || can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", var.kms_key))
    error_message = "kms_key: must be the ARN of a key, not of an alias."
  }
}

variable "build_timeout" {
  description = "Minutes after which CodeBuild ends a build."
  type        = number
  default     = 60

  validation {
    condition     = var.build_timeout >= 5 && var.build_timeout <= 2160
    error_message = "build_timeout: must be between 5 and 2160 minutes."
  }
}

variable "artifact_days" {
  description = "Days after which artifacts are deleted."
  type        = number
  default     = 30

  validation {
    condition     = var.artifact_days >= 8
    error_message = "artifact_days: must be 8 or more, because an approval may take 7 days."
  }
}

variable "log_days" {
  description = "Days after which the logs of the builds are deleted, one of the values that CloudWatch Logs has."
  type        = number
  default     = 90
}

variable "tags" {
  description = "Tags of all resources."
  type        = map(string)
  default     = {}
}
