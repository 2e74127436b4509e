# What the pipeline deploys: the repositories, the task definitions' templates.
terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.0"
    }
  }
}

provider "aws" {
  region = var.region
}

# ---- what exists already: the plan fails here if a name is wrong ----

data "aws_caller_identity" "current" {}

data "aws_ecs_cluster" "this" {
  cluster_name = var.cluster
}

data "aws_ecs_service" "this" {
  cluster_arn  = data.aws_ecs_cluster.this.arn
  service_name = var.service
}

data "aws_iam_role" "task" {
  for_each = toset(compact([var.execution_role, var.task_role]))
  name     = each.value
}

# ---- the images ----

resource "aws_ecr_repository" "this" {
  for_each             = var.images
  name                 = each.value.repository
  image_tag_mutability = "IMMUTABLE_WITH_EXCLUSION"

  # The pipeline deploys by digest. `latest` is for people, and moves.
  image_tag_mutability_exclusion_filter {
    filter      = "latest"
    filter_type = "WILDCARD"
  }
}

# ---- the task definitions' templates ----

locals {
  containers = {
    for name, image in var.images : name => {
      name         = name
      image        = "replaced-by-the-deployment"
      essential    = true
      portMappings = [for port in [image.port] : { containerPort = port, protocol = "tcp" } if port != null]
      secrets      = [for variable, arn in image.secrets : { name = variable, valueFrom = arn }]
      logConfiguration = {
        logDriver = "awslogs"
        options = {
          "awslogs-group"         = var.log_group
          "awslogs-region"        = var.region
          "awslogs-stream-prefix" = "ecs"
        }
      }
    }
  }
  # The migration has no ports, and only the container that migrates.
  templates = {
    (var.app)              = values(local.containers)
    "${var.app}-migration" = [merge(local.containers[var.migration.image], { portMappings = [] })]
  }
  template_urls = { for key, object in aws_s3_object.template : key => "s3://${object.bucket}/${object.key}" }
}

resource "aws_s3_bucket" "templates" {
  bucket = "${var.app}-ecs-cd-${data.aws_caller_identity.current.account_id}"
}

resource "aws_s3_bucket_public_access_block" "templates" {
  bucket                  = aws_s3_bucket.templates.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_object" "template" {
  for_each     = local.templates
  bucket       = aws_s3_bucket.templates.id
  key          = "${each.key}.json"
  content_type = "application/json"

  content = jsonencode(merge(
    {
      family                  = each.key
      requiresCompatibilities = ["FARGATE"]
      networkMode             = "awsvpc"
      cpu                     = tostring(var.cpu)
      memory                  = tostring(var.memory)
      executionRoleArn        = data.aws_iam_role.task[var.execution_role].arn
      containerDefinitions    = each.value
    },
    { for name in compact([var.task_role]) : "taskRoleArn" => data.aws_iam_role.task[name].arn },
  ))
}
