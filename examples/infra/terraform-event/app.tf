# What the pipeline deploys: the repositories, the task definitions' templates, GitHub's OIDC provider.
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

  # The push of `latest` starts the pipeline, which deploys by digest.
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
  templates     = { (var.app) = values(local.containers) }
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

# ---- GitHub's identity, of which an account has one ----

resource "aws_iam_openid_connect_provider" "github" {
  count          = var.oidc_provider_arn == null ? 1 : 0
  url            = "https://token.actions.githubusercontent.com"
  client_id_list = ["sts.amazonaws.com"]
}

locals {
  oidc_provider_arn = var.oidc_provider_arn == null ? aws_iam_openid_connect_provider.github[0].arn : var.oidc_provider_arn
}
