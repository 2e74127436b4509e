variable "name" {
  description = "The app's name; a role's name is NAME-KEY, the key being its key in `roles`."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9_.-]{0,39}$", var.name))
    error_message = "name: 1 to 40 letters, digits, dots, underscores and dashes."
  }
}

variable "repositories" {
  description = "The app's repository on GitHub as its jobs' `sub` names it: my-org/my-app, or with ids my-org@1234/my-app@5678. Both while you switch."
  type        = list(string)

  validation {
    condition     = length(var.repositories) > 0 && alltrue([for name in var.repositories : can(regex("^[A-Za-z0-9][A-Za-z0-9-]*(@[0-9]+)?/[A-Za-z0-9_.-]+(@[0-9]+)?$", name))])
    error_message = "repositories: such as my-org/my-app or my-org@1234/my-app@5678, without wildcards."
  }
}

variable "roles" {
  description = "The roles: the verbs that a role's jobs run, and which jobs of the repository may assume it."
  type = map(object({
    verbs        = set(string)                # build-push, migrate, deploy, continue, rollback, hand-off, artifacts, lock, unlock
    branches     = optional(list(string), []) # of jobs without an environment: main, release/*
    tags         = optional(list(string), []) # of jobs without an environment: v*
    environments = optional(list(string), []) # production
    features     = optional(set(string), [])  # create-repositories, ecr-public, enhanced-scanning, keep-revisions, run-task, scan, stop-execution
  }))

  validation {
    condition     = length(var.roles) > 0 && alltrue([for key in keys(var.roles) : can(regex("^[A-Za-z0-9_.-]{1,23}$", key))])
    error_message = "roles: at least one; a key is 1 to 23 letters, digits, dots, underscores and dashes."
  }

  validation {
    condition     = alltrue([for role in values(var.roles) : length(concat(role.branches, role.tags, role.environments)) > 0])
    error_message = "roles: name the branches, tags or environments of each role."
  }

  validation {
    condition     = alltrue(flatten([for role in values(var.roles) : [for name in concat(role.branches, role.tags, role.environments) : can(regex("^[^*?]", name))]]))
    error_message = "roles: a branch, tag or environment can't begin with a wildcard, because that would be each of them."
  }
}

variable "access" {
  description = "What the verbs may use, by name in this account and region, or by ARN. A role gets what its verbs need of it."
  type = object({
    parameters          = optional(list(string), []) # the document: /ecs-cd/my-app/production
    kms_keys            = optional(list(string), []) # keys of those parameters
    repositories        = optional(list(string), []) # of images in ECR, and their cache-repository
    base_repositories   = optional(list(string), []) # of base images and caches in ECR
    public_repositories = optional(list(string), []) # of images in ECR Public
    cluster             = optional(string)
    services            = optional(list(string), [])
    families            = optional(list(string), []) # of task definitions
    roles               = optional(list(string), []) # task roles and execution roles
    templates           = optional(list(string), []) # s3://bucket/key, of task definitions and AppSpecs
    log_groups          = optional(list(string), []) # of the containers
    codedeploy = optional(list(object({
      application      = string
      deployment_group = string
    })), [])
    deployment_configurations = optional(list(string), ["CodeDeployDefault.*"]) # of CodeDeploy
    rules                     = optional(list(string), [])                      # EventBridge rules of scheduled tasks
    schedules                 = optional(list(string), [])                      # GROUP/NAME in EventBridge Scheduler
    schedule_roles            = optional(list(string), [])                      # roles of those rules and schedules
    next_roles                = optional(list(string), [])                      # roles to assume after the first
    lock                      = optional(string)                                # the parameter that `lock` in the document names
    freeze                    = optional(string)                                # the parameter that `freeze` in the document names
    pipelines                 = optional(list(string), [])                      # of CodePipeline, for hand-off
    projects                  = optional(list(string), [])                      # the pipelines' CodeBuild projects
    project_log_groups        = optional(list(string))                          # of those projects; default: /aws/codebuild/PROJECT
    objects                   = optional(list(string), [])                      # s3://bucket/key, for start: object
  })
}

variable "oidc_provider_arn" {
  description = "GitHub's OIDC provider, of which an account has one; default: the module makes it."
  type        = string
  default     = null

  validation {
    condition     = var.oidc_provider_arn == null || can(regex("^arn:[a-z-]+:iam::[0-9]{12}:oidc-provider/token\\.actions\\.githubusercontent\\.com$", var.oidc_provider_arn))
    error_message = "oidc_provider_arn: must be arn:aws:iam::ACCOUNT:oidc-provider/token.actions.githubusercontent.com."
  }
}

variable "max_session_duration" {
  description = "Seconds that a role's credentials may last. ecs-cd asks for an hour and renews them."
  type        = number
  default     = 3600

  validation {
    condition     = var.max_session_duration >= 3600 && var.max_session_duration <= 43200
    error_message = "max_session_duration: must be between 3600 and 43200 seconds."
  }
}

variable "path" {
  description = "The roles' path."
  type        = string
  default     = "/"
}

variable "permissions_boundary" {
  description = "The ARN of a policy that limits the roles."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of all resources."
  type        = map(string)
  default     = {}
}
