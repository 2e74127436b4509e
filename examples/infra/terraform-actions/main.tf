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

  # ecs-cd deploys by digest. `latest` is for people.
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
  templates = merge(
    { (var.app) = values(local.containers) },
    { for each in var.migration[*] : "${var.app}-migration" => [merge(local.containers[each.image], { portMappings = [] })] },
  )
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

# ---- the document: all that the app's repository names ----

locals {
  template_urls = { for key, object in aws_s3_object.template : key => "s3://${object.bucket}/${object.key}" }
}

resource "aws_ssm_parameter" "document" {
  name = "/ecs-cd/${var.app}/production"
  type = "String"

  value = jsonencode(merge(
    {
      cluster = data.aws_ecs_cluster.this.cluster_name
      images  = { for name, repository in aws_ecr_repository.this : name => { repository = repository.repository_url } }
      services = {
        web = {
          service           = data.aws_ecs_service.this.service_name
          "task-definition" = local.template_urls[var.app]
          containers        = { for name in keys(var.images) : name => name }
        }
      }
    },
    { for each in var.migration[*] : "migration" => {
      "task-definition" = local.template_urls["${var.app}-migration"]
      container         = each.image
      image             = each.image
      command           = each.command
      service           = "web"
    } },
  ))
}

# ---- the roles of the jobs ----

module "github" {
  # In your repository: git::https://github.com/org/ecs-cd.git//infra/terraform/github?ref=v1
  source            = "../../../infra/terraform/github"
  name              = var.app
  repositories      = var.repositories
  oidc_provider_arn = var.oidc_provider_arn

  roles = var.environment == null ? {
    cd = { verbs = ["build-push", "migrate", "deploy"], branches = [var.branch] }
    } : {
    build  = { verbs = ["build-push"], branches = [var.branch] }
    deploy = { verbs = ["migrate", "deploy"], environments = [var.environment] }
  }

  access = {
    parameters   = [aws_ssm_parameter.document.name]
    repositories = [for repository in aws_ecr_repository.this : repository.arn]
    cluster      = data.aws_ecs_cluster.this.cluster_name
    services     = [data.aws_ecs_service.this.service_name]
    families     = keys(local.templates)
    roles        = [for role in data.aws_iam_role.task : role.arn]
    templates    = values(local.template_urls)
    log_groups   = [var.log_group]
  }
}

output "config" {
  description = "The input `config`."
  value       = aws_ssm_parameter.document.name
}

output "role_arns" {
  description = "The input `role-to-assume`: with one role the repository variable ECS_CD_ROLE."
  value       = module.github.role_arns
}
