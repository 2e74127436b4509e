variable "verbs" {
  description = "What the role runs: build-push, migrate, deploy, continue, rollback, hand-off, artifacts, commit-status, verify, lock, unlock."
  type        = set(string)

  validation {
    condition     = length(var.verbs) > 0 && length(setsubtract(var.verbs, keys(local.table))) == 0
    error_message = "verbs: at least one of build-push, migrate, deploy, continue, rollback, hand-off, artifacts, commit-status, verify, lock and unlock."
  }
}

variable "access" {
  description = "What the verbs may use, by name in this account and region, or by ARN. What is left out is not allowed."
  type = object({
    parameters          = optional(list(string), []) # the document: /ecs-cd/my-app/production
    kms_keys            = optional(list(string), []) # ARNs of the keys of those parameters
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
    next_roles                = optional(list(string), [])                      # ARNs of roles to assume after the first
    lock                      = optional(string)                                # the parameter that `lock` in the document names
    freeze                    = optional(string)                                # the parameter that `freeze` in the document names
    pipelines                 = optional(list(string), [])                      # of CodePipeline, for hand-off and commit-status
    projects                  = optional(list(string), [])                      # the pipelines' CodeBuild projects
    project_log_groups        = optional(list(string))                          # of those projects; default: /aws/codebuild/PROJECT
    objects                   = optional(list(string), [])                      # s3://bucket/key, for start: object
  })
  default = {}

  validation {
    condition = alltrue([for name in flatten([
      var.access.parameters, var.access.kms_keys, var.access.repositories, var.access.base_repositories, var.access.public_repositories,
      var.access.families, var.access.roles, var.access.services, var.access.log_groups, var.access.next_roles, var.access.schedule_roles,
      var.access.pipelines, var.access.projects, compact([var.access.lock, var.access.freeze]),
    ]) : !contains(["", "*"], name)])
    error_message = "access: name each resource; \"*\" would be all of the account."
  }

  validation {
    condition     = alltrue([for url in concat(var.access.templates, var.access.objects) : can(regex("^(s3://[^/*]+/.+|arn:[a-z-]+:s3:::[^/*]+/.+)$", url))])
    error_message = "access.templates, access.objects: as in the document, s3://bucket/key."
  }

  validation {
    condition     = var.access.cluster != null || length(var.access.services) == 0
    error_message = "access.services: set access.cluster as well."
  }

  validation {
    condition     = var.access.cluster != null || length(setintersection(var.verbs, ["migrate", "deploy", "continue", "rollback"])) == 0
    error_message = "access.cluster: migrate, deploy, continue and rollback need it."
  }
}

variable "features" {
  description = "Optional features: create-repositories, ecr-public, enhanced-scanning, keep-revisions, run-task, scan, stop-execution."
  type        = set(string)
  default     = []

  validation {
    condition     = length(setsubtract(var.features, local.features)) == 0
    error_message = "features: must be create-repositories, ecr-public, enhanced-scanning, keep-revisions, run-task, scan or stop-execution."
  }
}
