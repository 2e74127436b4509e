# A push starts the pipeline, which builds the images in parallel, migrates and deploys.
module "pipeline" {
  # In your repository: git::https://github.com/org/ecs-cd.git//infra/terraform/pipeline?ref=v1
  source = "../../../infra/terraform/pipeline"
  name   = "${var.app}-deploy"

  parameter_name = "/ecs-cd/${var.app}/production"
  document = {
    cluster = data.aws_ecs_cluster.this.cluster_name
    migration = {
      "task-definition" = local.template_urls["${var.app}-migration"]
      container         = var.migration.image
      image             = var.migration.image
      command           = var.migration.command
      service           = "web"
    }
    services = {
      web = {
        service           = data.aws_ecs_service.this.service_name
        "task-definition" = local.template_urls[var.app]
        containers        = { for name in keys(var.images) : name => name }
      }
    }
  }
  images = { for name, repository in aws_ecr_repository.this : name => repository.name }

  connection = {
    arn          = local.connection_arn
    repository   = var.repository
    branch       = var.branch
    status_token = var.status_token
  }
  migrate_with = "ecs-cd"
  deploy_with  = "ecs-cd"

  families   = keys(local.templates)
  pass_roles = [for role in data.aws_iam_role.task : role.arn]
  log_groups = [var.log_group]

  release        = var.release
  release_sha256 = var.release_sha256
}

# ---- the connection to GitHub, of which an account needs one ----

resource "aws_codeconnections_connection" "github" {
  count         = var.connection_arn == null ? 1 : 0
  name          = var.app
  provider_type = "GitHub"
}

locals {
  connection_arn = var.connection_arn == null ? aws_codeconnections_connection.github[0].arn : var.connection_arn
}

output "connection_arn" {
  description = "The connection. Its handshake with GitHub is made once, in the console."
  value       = local.connection_arn
}

output "config" {
  description = "The SSM parameter with the document."
  value       = module.pipeline.config
}
