# GitHub builds, migrates, and hands the images over in the pipeline's variables; CodePipeline only deploys.
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

  start        = "variables"
  migrate_with = "none"
  deploy_with  = "ecs-cd"

  families   = [var.app]
  pass_roles = [for role in data.aws_iam_role.task : role.arn]
  log_groups = [var.log_group]

  release        = var.release
  release_sha256 = var.release_sha256

  github = {
    oidc_provider_arn = module.github.oidc_provider_arn
    repositories      = var.repositories
    branches          = [var.branch]
    build_push        = false
  }
}

# The role of the jobs before: they run the migration as a task.
module "github" {
  # In your repository: git::https://github.com/org/ecs-cd.git//infra/terraform/github?ref=v1
  source            = "../../../infra/terraform/github"
  name              = var.app
  repositories      = var.repositories
  oidc_provider_arn = var.oidc_provider_arn

  roles = {
    cd = { verbs = ["build-push", "migrate"], branches = [var.branch] }
  }

  access = {
    parameters   = ["/ecs-cd/${var.app}/production"]
    repositories = [for repository in aws_ecr_repository.this : repository.arn]
    cluster      = data.aws_ecs_cluster.this.cluster_name
    services     = [data.aws_ecs_service.this.service_name]
    families     = ["${var.app}-migration"]
    roles        = [for role in data.aws_iam_role.task : role.arn]
    templates    = [local.template_urls["${var.app}-migration"]]
    log_groups   = [var.log_group]
  }
}

output "config" {
  description = "The input `config`."
  value       = module.pipeline.config
}

output "hand_off_role_arn" {
  description = "The role of the job that hands over, for the repository variable ECS_CD_HAND_OFF_ROLE."
  value       = module.pipeline.github_role_arn
}

output "role_arn" {
  description = "The role of the jobs before, for the repository variable ECS_CD_ROLE."
  value       = module.github.role_arns["cd"]
}
