# What to change. Everything else follows from it.
variable "region" {
  description = "The region of the cluster."
  type        = string
  default     = "ap-northeast-1"
}

variable "app" {
  description = "The app's name: of the pipeline, the parameter, the bucket, the task definitions, the connection."
  type        = string
  default     = "my-app"
}

variable "repository" {
  description = "The app's repository on GitHub."
  type        = string
  default     = "my-org/my-app"
}

variable "branch" {
  description = "The branch whose pushes deploy."
  type        = string
  default     = "main"
}

variable "connection_arn" {
  description = "The connection to GitHub, if the account has one."
  type        = string
  default     = null
}

variable "status_token" {
  description = "The secret with GitHub's token for the commits' status, SECRET[:KEY]; null: no status."
  type        = string
  default     = "my-app/github-token"
}

variable "release" {
  description = "The archive of ecs-cd's release, ecs-cd-VERSION.tar.gz: a file, or an object, s3://bucket/key."
  type        = string
  default     = "ecs-cd.tar.gz"
}

variable "release_sha256" {
  description = "The archive's SHA-256; only an object in S3 needs it."
  type        = string
  default     = null
}

# What exists already.
variable "cluster" {
  description = "The cluster."
  type        = string
  default     = "my-cluster"
}

variable "service" {
  description = "The service."
  type        = string
  default     = "my-service"
}

variable "execution_role" {
  description = "The task execution role: it pulls the images, reads the secrets, writes the log."
  type        = string
  default     = "my-app-execution"
}

variable "task_role" {
  description = "The task role: what the app itself may do."
  type        = string
  default     = null
}

variable "log_group" {
  description = "The log group of the containers."
  type        = string
  default     = "/ecs/my-app"
}

# A container has the name of its image.
variable "images" {
  description = "The images: the ECR repository, which is made, the container's port, and its secrets: variable, ARN."
  type = map(object({
    repository = string
    port       = optional(number)
    secrets    = optional(map(string), {})
  }))
  default = {
    app = {
      repository = "my-app"
    }
    nginx = {
      repository = "my-nginx"
      port       = 8080
    }
  }
}

variable "migration" {
  description = "The image that migrates, and its command."
  type = object({
    image   = string
    command = list(string)
  })
  default = {
    image   = "app"
    command = ["python3", "migrate.py"]
  }
}

variable "cpu" {
  description = "The CPU units of a task."
  type        = number
  default     = 256
}

variable "memory" {
  description = "The memory of a task in MiB."
  type        = number
  default     = 512
}
