# GitHub builds and hands the images over in an object in S3; CodePipeline migrates and deploys.
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

  start        = "object"
  migrate_with = "ecs-cd"
  deploy_with  = "ecs-cd"

  families   = keys(local.templates)
  pass_roles = [for role in data.aws_iam_role.task : role.arn]
  log_groups = [var.log_group]

  release        = var.release
  release_sha256 = var.release_sha256

  github = {
    oidc_provider_arn = local.oidc_provider_arn
    repositories      = var.repositories
    branches          = [var.branch]
  }
}

output "config" {
  description = "The input `config`."
  value       = module.pipeline.config
}

output "role_arn" {
  description = "The role of the app's jobs, for the repository variable ECS_CD_ROLE."
  value       = module.pipeline.github_role_arn
}
